//! SAML 2.0 as a service provider: the Web Browser SSO profile (saml-profiles-2.0 §4.1) with responses by POST. Pure: the time, the
//! keys and whom a response is for are told.
//!
//! ```text
//! form ──▶ decoded ──▶ xml::Envelope ──▶ signature::verified ──▶ the canonical bytes that were digested
//!                                                                  │ read again, from nothing else
//!                                                                  ▼
//!                                           Assertion ──judge──▶ who it is
//! ```
//!
//! What is read of a response is read from the bytes whose digest is signed, never from the document that arrived: where a signature
//! stands and what it points at decides only whether it is refused
//! ([why](../../../../docs/decisions/0079-what-reads-a-saml-response.md)).

pub mod addresses;
pub mod assertion;
pub mod canonical;
pub mod certificate;
pub mod context;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod metadata;
pub mod request;
pub mod response;
pub mod signature;
pub mod xml;

#[cfg(test)]
mod tests;

use crate::domain::request::{OwnCode, Refusal};

/// The namespace of assertions (saml-core-2.0 §2).
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// The namespace of requests and responses (saml-core-2.0 §3).
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// The namespace of metadata (saml-metadata-2.0 §2).
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// The namespace of XML signatures.
pub const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// A NameID that is an e-mail address (saml-core-2.0 §8.3.2).
pub const EMAIL_ADDRESS: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
/// The binding by which responses arrive (saml-bindings-2.0 §3.5).
pub const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// The binding by which requests leave (saml-bindings-2.0 §3.4).
pub const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// How far the provider's clock and ours may differ, in milliseconds: three minutes, either way.
pub const SKEW: i64 = 3 * 60 * 1000;

/// Refuses for this reason, in these words.
fn refused<T>(code: OwnCode, why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(code, why))
}

/// What is quoted of a document on a page: short, and without what cannot be seen.
fn quoted(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(120).collect();
    if shown.is_empty() { "nothing".to_owned() } else { format!("“{shown}”") }
}

//! A response as it arrives, up to the element whose signature was verified.
//!
//! Of the document that arrived nothing is believed. What is asked of it can only lead to a refusal: whether there is one assertion, where it
//! stands, where signatures stand, and whether an ID is there twice.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};

use super::assertion::{Assertion, Statement};
use super::signature::{Trust, verified};
use super::xml::{self, Kind, MAX_BYTES};
use super::{ASSERTION, PROTOCOL, SIGNATURE, quoted, refused};
use crate::domain::request::{OwnCode, Refusal};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The document of a form's `SAMLResponse`: base64, with or without line breaks (saml-bindings-2.0 §3.5.4). It is never inflated.
pub fn decoded(field: &str) -> Result<String, Refusal> {
    if field.is_empty() {
        return refused(OwnCode::SamlMalformed, "The form has no SAMLResponse.");
    }
    if field.len() > MAX_BYTES * 3 / 2 {
        return refused(OwnCode::SamlMalformed, format!("The document has more than {} KiB.", MAX_BYTES >> 10));
    }
    let bare: String = field.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(bare).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.map_or_else(|| refused(OwnCode::SamlMalformed, "The SAMLResponse is not base64 of XML in UTF-8."), Ok)
}

/// A response that was parsed, of which nothing is believed yet.
#[derive(Debug)]
pub struct Envelope<'t> {
    document: Document<'t>,
}

impl<'t> Envelope<'t> {
    /// Parses a response, and refuses what no response has.
    pub fn parse(text: &'t str) -> Result<Envelope<'t>, Refusal> {
        let document = xml::parse(text, Kind::Message)?;
        if !xml::is(document.root_element(), PROTOCOL, "Response") {
            let name = quoted(document.root_element().tag_name().name());
            return refused(OwnCode::SamlMalformed, format!("The document is {name}, not a Response of SAML 2.0."));
        }
        Ok(Envelope { document })
    }

    /// Who says that they sent it: to find whose keys have to have signed it, and for nothing else.
    pub fn claimed_issuer(&self) -> Option<&str> {
        let response = self.document.root_element();
        let assertion = xml::only(response, ASSERTION, "Assertion");
        let issuer = |element| xml::only(element, ASSERTION, "Issuer").and_then(xml::text_of);
        assertion.and_then(issuer).or_else(|| issuer(response))
    }

    /// The one assertion, out of what these keys signed.
    pub fn verify(&self, trust: Trust<'_>) -> Result<Assertion, Refusal> {
        let response = self.document.root_element();
        let assertion = self.assertion()?;
        self.ids_are_unique()?;
        let (mut of_response, mut of_assertion) = (None, None);
        for signature in self.document.descendants().filter(|node| xml::is(*node, SIGNATURE, "Signature")) {
            let place = match signature.parent() {
                Some(parent) if parent == response => &mut of_response,
                Some(parent) if parent == assertion => &mut of_assertion,
                _ => {
                    return refused(
                        OwnCode::SamlWrapped,
                        "A signature stands where no signature of a response stands.",
                    );
                }
            };
            if place.replace(signature).is_some() {
                return refused(OwnCode::SamlWrapped, "The same element is signed twice.");
            }
        }
        let outer = of_response.map(|signature| verified(response, signature, trust)).transpose()?;
        let inner = of_assertion.map(|signature| verified(assertion, signature, trust)).transpose()?;
        match (outer, inner) {
            (Some(response), _) => {
                let document = xml::parse(&response, Kind::Message)?;
                let response = document.root_element();
                let assertion = xml::only(response, ASSERTION, "Assertion");
                let assertion = assertion.map_or_else(|| refused(OwnCode::SamlAssertions, NOT_ONE), Ok)?;
                Assertion::read(assertion, &Statement::of(response))
            }
            (None, Some(assertion)) => {
                let document = xml::parse(&assertion, Kind::Message)?;
                Assertion::read(document.root_element(), &Statement::of(response))
            }
            (None, None) => refused(OwnCode::SamlUnsigned, "Neither the response nor its assertion is signed."),
        }
    }

    /// The one assertion, as a child of the response.
    fn assertion(&self) -> Result<Node<'_, 't>, Refusal> {
        let response = self.document.root_element();
        let (mut found, mut encrypted) = (Vec::new(), false);
        for node in self.document.descendants() {
            encrypted |= xml::is(node, ASSERTION, "EncryptedAssertion")
                || xml::is(node, ASSERTION, "EncryptedID")
                || xml::is(node, ASSERTION, "EncryptedAttribute");
            if xml::is(node, ASSERTION, "Assertion") {
                found.push(node);
            }
        }
        status(response)?;
        match found.as_slice() {
            _ if encrypted => refused(
                OwnCode::SamlEncrypted,
                "The assertion is encrypted, and this server has no key for that: it comes by TLS. Switch assertion encryption off at \
                 the provider.",
            ),
            [assertion] if assertion.parent() == Some(response) => Ok(*assertion),
            [_] => refused(OwnCode::SamlWrapped, "The assertion does not stand directly in the response."),
            _ => refused(OwnCode::SamlAssertions, NOT_ONE),
        }
    }

    /// An ID that is there twice could mean one element to what verifies and another to what reads.
    fn ids_are_unique(&self) -> Result<(), Refusal> {
        let mut seen = HashSet::new();
        let attributes = self.document.descendants().flat_map(|node| node.attributes());
        for id in attributes.filter(|attribute| attribute.name().eq_ignore_ascii_case("id")) {
            if !seen.insert(id.value()) {
                return refused(OwnCode::SamlWrapped, format!("The ID {} is there twice.", quoted(id.value())));
            }
        }
        Ok(())
    }
}

const NOT_ONE: &str = "The response has to have exactly one assertion.";

/// What the provider says came of it (saml-core-2.0 §3.2.2).
fn status(response: Node<'_, '_>) -> Result<(), Refusal> {
    let Some(status) = xml::only(response, PROTOCOL, "Status") else {
        return refused(OwnCode::SamlMalformed, "The response has no status.");
    };
    let code = |node| xml::only(node, PROTOCOL, "StatusCode");
    let value = |node: Node<'_, '_>| xml::attribute(node, "Value").unwrap_or_default().to_owned();
    let top = code(status);
    if top.is_some_and(|top| value(top) == SUCCESS) {
        return Ok(());
    }
    let said = xml::only(status, PROTOCOL, "StatusMessage").and_then(xml::text_of).map(str::to_owned);
    let why = said.or_else(|| top.and_then(code).map(value)).or_else(|| top.map(value)).unwrap_or_default();
    refused(OwnCode::SamlRefused, format!("Your provider did not let you in: {}.", quoted(&why)))
}

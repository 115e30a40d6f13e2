//! Signatures of responses and assertions: one form, that of saml-core-2.0 §5.4, and nothing of what XML signatures can do besides.
//!
//! A signature stands in the element that it signs, refers to it by its ID and to nothing else, and transforms it in two ways: itself is
//! taken out, and the rest is brought into the exclusive canonical form. What comes out are bytes. They are digested, and they are what is
//! read from then on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use ring::signature as algorithms;
use roxmltree::Node;

use super::canonical::canonical;
use super::certificate::{KeyKind, ProviderKey};
use super::xml::{self, Kind};
use super::{SIGNATURE, quoted, refused};
use crate::domain::request::{OwnCode, Refusal};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const EXCLUSIVE_WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const RSA_SHA1: &str = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
/// How many prefixes an `InclusiveNamespaces` may name.
const MAX_PREFIXES: usize = 32;

/// What a signature may be made with.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// The provider's keys: one of them signed.
    pub keys: &'a [ProviderKey],
    /// Whether SHA-1 counts.
    pub sha1: bool,
}

/// The bytes that a signature of this element signs, where one of the keys made it.
pub fn verified(element: Node<'_, '_>, signature: Node<'_, '_>, trust: Trust<'_>) -> Result<String, Refusal> {
    let parts = Parts::of(signature)?;
    let method = only(parts.signed_info, "CanonicalizationMethod")?;
    let prefixes = canonicalization(method)?;
    let signed_info = canonical(parts.signed_info, None, &prefixes);
    by_one_of(trust, &signed_info, parts.signature_value)?;
    // From here on what the signature says is read from what was signed.
    let read = xml::parse(&signed_info, Kind::Message)?;
    let reference = Reference::of(read.root_element())?;
    if xml::attribute(element, "ID").is_none_or(|id| reference.uri.strip_prefix('#') != Some(id)) {
        let why = format!("The signature is of {}, and not of the element in which it stands.", quoted(reference.uri));
        return refused(OwnCode::SamlWrapped, why);
    }
    let bytes = canonical(element, Some(signature.id()), &reference.prefixes);
    let digest = digest::digest(reference.digest(trust.sha1)?, bytes.as_bytes());
    if digest.as_ref() != reference.digest_value {
        let why = "What was signed was changed afterwards: the digest of the signature is not that of the content.";
        return refused(OwnCode::SamlSignatureWrong, why);
    }
    Ok(bytes)
}

fn form<T>(why: impl Into<String>) -> Result<T, Refusal> {
    refused(OwnCode::SamlSignatureForm, why)
}

fn only<'a, 'input: 'a>(parent: Node<'a, 'input>, name: &'a str) -> Result<Node<'a, 'input>, Refusal> {
    xml::only(parent, SIGNATURE, name).map_or_else(|| form(format!("The signature has not exactly one {name}.")), Ok)
}

fn algorithm<'a>(node: Node<'a, '_>) -> &'a str {
    xml::attribute(node, "Algorithm").unwrap_or_default()
}

fn base64_of(node: Node<'_, '_>) -> Result<Vec<u8>, Refusal> {
    let text: String = xml::text_of(node).unwrap_or_default().split_whitespace().collect();
    match STANDARD.decode(text) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => form(format!("The {} of the signature is not base64.", node.tag_name().name())),
    }
}

/// Whether these are the elements in an element, in this order; `?` after the name of one that may be missing.
fn consists_of(parent: Node<'_, '_>, names: &[&str]) -> bool {
    let mut elements = xml::elements(parent).peekable();
    for name in names {
        let (name, optional) = name.strip_suffix('?').map_or((*name, false), |name| (name, true));
        match elements.next_if(|element| xml::is(*element, SIGNATURE, name)) {
            None if !optional => return false,
            _ => {}
        }
    }
    elements.next().is_none()
}

/// The parts of a signature. Its `KeyInfo` is not read: which keys count was configured.
struct Parts<'a, 'input> {
    signed_info: Node<'a, 'input>,
    signature_value: Vec<u8>,
}

impl<'a, 'input: 'a> Parts<'a, 'input> {
    fn of(signature: Node<'a, 'input>) -> Result<Parts<'a, 'input>, Refusal> {
        if !consists_of(signature, &["SignedInfo", "SignatureValue", "KeyInfo?"]) {
            return form("The signature has other parts than SignedInfo, SignatureValue and KeyInfo.");
        }
        let signature_value = base64_of(only(signature, "SignatureValue")?)?;
        Ok(Parts { signed_info: only(signature, "SignedInfo")?, signature_value })
    }
}

/// The prefixes of a canonicalization that is one of the two.
fn canonicalization<'a>(method: Node<'a, '_>) -> Result<Vec<&'a str>, Refusal> {
    if ![EXCLUSIVE, EXCLUSIVE_WITH_COMMENTS].contains(&algorithm(method)) {
        let why = format!(
            "The signature uses the canonicalization {}; only the exclusive one ({EXCLUSIVE}) is read.",
            quoted(algorithm(method))
        );
        return form(why);
    }
    let mut prefixes = Vec::new();
    for child in xml::elements(method) {
        if !xml::is(child, EXCLUSIVE, "InclusiveNamespaces") || !prefixes.is_empty() {
            return form("The canonicalization of the signature has parts that are not known here.");
        }
        let list = xml::attribute(child, "PrefixList").unwrap_or_default();
        prefixes = list.split_whitespace().map(|prefix| if prefix == "#default" { "" } else { prefix }).collect();
        if prefixes.len() > MAX_PREFIXES {
            return form(format!("The canonicalization of the signature names more than {MAX_PREFIXES} prefixes."));
        }
    }
    Ok(prefixes)
}

/// What is signed, as the signature says.
struct Reference<'a> {
    uri: &'a str,
    prefixes: Vec<&'a str>,
    digest_method: &'a str,
    digest_value: Vec<u8>,
}

impl<'a> Reference<'a> {
    fn of<'input: 'a>(signed_info: Node<'a, 'input>) -> Result<Reference<'a>, Refusal> {
        if !consists_of(signed_info, &["CanonicalizationMethod", "SignatureMethod", "Reference"]) {
            return form("The signature is not of exactly one reference.");
        }
        let reference = only(signed_info, "Reference")?;
        if !consists_of(reference, &["Transforms", "DigestMethod", "DigestValue"]) {
            return form("The reference of the signature has not exactly transforms, a digest method and a digest.");
        }
        let transforms: Vec<Node<'a, 'input>> = xml::elements(only(reference, "Transforms")?).collect();
        let [enveloped, exclusive] = transforms.as_slice() else {
            return form(format!(
                "The signature has {} transforms; exactly two are read: enveloped-signature and the exclusive canonicalization.",
                transforms.len()
            ));
        };
        let are_transforms = transforms.iter().all(|transform| xml::is(*transform, SIGNATURE, "Transform"));
        if !are_transforms || algorithm(*enveloped) != ENVELOPED || xml::elements(*enveloped).next().is_some() {
            return form(format!(
                "The first transform of the signature is {}, not enveloped-signature.",
                quoted(algorithm(*enveloped))
            ));
        }
        let method = only(reference, "DigestMethod")?;
        if xml::elements(method).next().is_some() {
            return form("The digest method of the signature has parts that are not known here.");
        }
        Ok(Reference {
            uri: xml::attribute(reference, "URI").unwrap_or_default(),
            prefixes: canonicalization(*exclusive)?,
            digest_method: algorithm(method),
            digest_value: base64_of(only(reference, "DigestValue")?)?,
        })
    }

    fn digest(&self, sha1: bool) -> Result<&'static digest::Algorithm, Refusal> {
        Ok(match self.digest_method {
            "http://www.w3.org/2001/04/xmlenc#sha256" => &digest::SHA256,
            "http://www.w3.org/2001/04/xmldsig-more#sha384" => &digest::SHA384,
            "http://www.w3.org/2001/04/xmlenc#sha512" => &digest::SHA512,
            SHA1 if sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            SHA1 => return refused(OwnCode::SamlSha1, WITH_SHA1),
            other => return form(format!("The signature uses the digest {}, which is not known here.", quoted(other))),
        })
    }
}

const WITH_SHA1: &str =
    "The signature is made with SHA-1, which no longer protects it. Let the provider sign with SHA-256.";

/// Makes sure that one of the keys signed these bytes.
fn by_one_of(trust: Trust<'_>, signed_info: &str, value: Vec<u8>) -> Result<(), Refusal> {
    let read = xml::parse(signed_info, Kind::Message)?;
    let method = only(read.root_element(), "SignatureMethod")?;
    if xml::elements(method).next().is_some() {
        return form("The signature method has parts that are not known here.");
    }
    let (kind, verifier): (KeyKind, &dyn algorithms::VerificationAlgorithm) = match algorithm(method) {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => (KeyKind::Rsa, &algorithms::RSA_PKCS1_2048_8192_SHA256),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => (KeyKind::Rsa, &algorithms::RSA_PKCS1_2048_8192_SHA384),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => (KeyKind::Rsa, &algorithms::RSA_PKCS1_2048_8192_SHA512),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => (KeyKind::P256, &algorithms::ECDSA_P256_SHA256_FIXED),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => (KeyKind::P384, &algorithms::ECDSA_P384_SHA384_FIXED),
        RSA_SHA1 if trust.sha1 => (KeyKind::Rsa, &algorithms::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        RSA_SHA1 => return refused(OwnCode::SamlSha1, WITH_SHA1),
        other => {
            let why = format!(
                "The signature is made with {}; RSA with SHA-256, SHA-384 or SHA-512, and ECDSA on P-256 or P-384 are read.",
                quoted(other)
            );
            return form(why);
        }
    };
    let signed = trust.keys.iter().filter(|key| key.kind == kind).any(|key| {
        algorithms::UnparsedPublicKey::new(verifier, &key.bytes).verify(signed_info.as_bytes(), &value).is_ok()
    });
    if !signed {
        let why = "The signature is not made with a certificate that is configured for this account. If the provider has a new one, \
                   add it to the account's sign-in settings.";
        return refused(OwnCode::SamlSignatureWrong, why);
    }
    Ok(())
}

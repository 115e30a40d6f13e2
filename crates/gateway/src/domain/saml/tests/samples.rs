//! Responses as Okta and Microsoft Entra ID write them. That of Okta came from a server of theirs, with its signature
//! (github.com/russellhaering/goxmldsig, validate_test.go, Apache-2.0); that of Entra is the one in Microsoft's documentation, where the signature is
//! left out, so it is signed here.

use roxmltree::Document as Xml;

use super::documents::{Form, Signer, signature};
use super::keys;
use crate::domain::request::OwnCode;
use crate::domain::saml::assertion::{Assertion, Expected};
use crate::domain::saml::canonical::canonical;
use crate::domain::saml::certificate::Certificate;
use crate::domain::saml::metadata::{IdentityProvider, ServiceProvider};
use crate::domain::saml::response::Envelope;
use crate::domain::saml::signature::Trust;
use crate::domain::saml::xml;
use crate::domain::saml::{ASSERTION, SIGNATURE};

const OKTA: &str = include_str!("okta.xml");
const ENTRA: &str = include_str!("entra.xml");
pub(super) const METADATA: &str = include_str!("../../../../../../fuzz/seeds/saml_metadata/0");

fn certificate_of(text: &str) -> Certificate {
    let document = Xml::parse(text).unwrap();
    let node = document.descendants().find(|node| xml::is(*node, SIGNATURE, "X509Certificate")).unwrap();
    Certificate::read(node.text().unwrap()).unwrap()
}

fn read(text: &str, certificate: &Certificate) -> Result<Assertion, crate::domain::request::Refusal> {
    let keys = [certificate.key.clone()];
    Envelope::parse(text)?.verify(Trust { keys: &keys, sha1: false })
}

#[test]
fn a_response_of_okta_is_read_with_its_own_signature() {
    let certificate = certificate_of(OKTA);
    let assertion = read(OKTA, &certificate).unwrap();
    assert_eq!(assertion.issuer, "http://www.okta.com/exk5zt0r12Edi4rD20h7");
    assert_eq!(assertion.name_id.value, "phoebe.simon@scaleft.com");
    let audiences = ["123".to_owned()];
    let (recipient, now) = ("http://localhost:8080/v1/_saml_callback", assertion.authenticated);
    let expected = Expected { issuer: &assertion.issuer, audiences: &audiences, recipient, now };
    assert!(assertion.judge(&expected).unwrap().is_some_and(|request| request.starts_with('_')));
    let changed = OKTA.replace("phoebe.simon@scaleft.com<", "eve@scaleft.com<");
    assert_ne!(changed, OKTA);
    assert_eq!(read(&changed, &certificate).unwrap_err().code, OwnCode::SamlSignatureWrong.into());
}

#[test]
fn a_response_of_entra_is_read() {
    let bare = ENTRA.replace("<!--signature-->", "");
    let document = Xml::parse(&bare).unwrap();
    let assertion = document.descendants().find(|node| xml::is(*node, ASSERTION, "Assertion")).unwrap();
    let id = "_bf9c623d-cc20-407a-9a59-c2d0aee84d12";
    let signature = signature(&canonical(assertion, None, &[]), id, Signer::provider(), &Form::default());
    let text = ENTRA.replace("<!--signature-->", &signature);
    let assertion = Envelope::parse(&text).unwrap().verify(Trust { keys: &keys(), sha1: false }).unwrap();
    assert_eq!(assertion.name_id.value, "Uz2Pqz1X7pxe4XLWxV9KJQ+n59d573SepSAkuYKSde8=");
    let name = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
    assert_eq!(assertion.value(name), Some("testuser@contoso.com"));
    assert_eq!(assertion.context.as_deref(), Some("urn:oasis:names:tc:SAML:2.0:ac:classes:Password"));
    let audiences = ["https://www.contoso.com".to_owned()];
    let recipient = "https://contoso.com/identity/inboundsso.aspx";
    let issuer = "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/";
    let expected = Expected { issuer, audiences: &audiences, recipient, now: assertion.authenticated + 300_000 };
    assert_eq!(assertion.judge(&expected).unwrap(), Some("C2dE3fH4iJ5kL6mN7oP8qR9sT0uV1w"));
}

#[test]
fn metadata_of_a_provider_names_it_its_address_and_its_certificates() {
    let certificate = &Signer::provider().certificate;
    let key = |used: &str, certificate: &str| {
        format!(
            "<md:KeyDescriptor{used}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{certificate}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        )
    };
    let metadata = |keys: &str, service: &str| {
        format!(
            r#"<?xml version="1.0"?><!-- of Acme --><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="http://www.okta.com/exk1"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{keys}<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-{service}" Location="https://acme.okta.test/sso/saml"/></md:IDPSSODescriptor></md:EntityDescriptor>"#
        )
    };
    let (old, new) = (key("", &Signer::other().certificate), key(" use=\"signing\"", certificate));
    let encryption = key(" use=\"encryption\"", "AAAA");
    let read = IdentityProvider::read(&metadata(&format!("{old}{new}{new}{encryption}"), "Redirect")).unwrap();
    assert_eq!(
        (read.entity_id.as_str(), read.sso_url.as_str()),
        ("http://www.okta.com/exk1", "https://acme.okta.test/sso/saml")
    );
    let kept: Vec<&String> = read.certificates.iter().map(|certificate| &certificate.base64).collect();
    assert_eq!(kept, [&Signer::other().certificate, certificate]);
    for (text, why) in [
        (metadata("", "Redirect"), "no certificate"),
        (metadata(&new, "POST"), "no SingleSignOnService"),
        (metadata(&key("", "AAAA"), "Redirect"), "certificates is no X.509 certificate"),
        (
            ServiceProvider {
                entity_id: "urn:a".to_owned(),
                consumers: vec!["urn:b".to_owned()],
                certificates: Vec::new(),
                signs: false,
            }
            .xml(),
            "describes no identity provider",
        ),
        ("<html>".to_owned(), "not XML"),
        ("<!DOCTYPE html><html/>".to_owned(), "document type definition"),
    ] {
        let told = IdentityProvider::read(&text).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_certificate_is_read_in_pem_or_base64_and_only_with_a_key_that_is_strong_enough() {
    let base64 = &Signer::provider().certificate;
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\r\n{}\r\n-----END CERTIFICATE-----\r\n", lines.join("\r\n"));
    let read = Certificate::read(&pem).unwrap();
    assert_eq!((&read.base64, read.key.bytes.len()), (base64, 270));
    assert!(read.not_after > 4_000_000_000);
    for (text, why) in [("", "no X.509"), ("%", "PEM or base64"), ("AAAA", "no X.509")] {
        assert!(Certificate::read(text).unwrap_err().contains(why), "{text}");
    }
}

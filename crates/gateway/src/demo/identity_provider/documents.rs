//! What an identity provider writes (saml-core-2.0), in canonical form, so that what is signed is what is written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oauth::authentication::PASSWORD;
use ring::digest::{SHA256, digest};

use super::IdentityProvider;
use crate::domain::saml::{ASSERTION, EMAIL_ADDRESS, METADATA, PROTOCOL, REDIRECT, SIGNATURE};
use crate::platform::system;

/// How long a response counts, in milliseconds, as Okta's do.
const LIFETIME: i64 = 5 * 60 * 1000;

/// What a request asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Its ID.
    pub(super) id: String,
    /// Where the response goes.
    pub(super) consumer: String,
    /// Who asks.
    pub(super) audience: String,
}

/// What a DEFLATE stream has of blocks that are not compressed (RFC 1951 §3.2.4), which is all that the server of the demo sends.
fn stored(mut stream: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let ([kind, low, high, _, _], rest) = stream.split_first_chunk::<5>()?;
        let (block, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?;
        text.extend_from_slice(block);
        match kind {
            0 => stream = rest,
            1 => return Some(text),
            _ => return None,
        }
    }
}

impl IdentityProvider {
    /// Its metadata.
    pub(crate) fn metadata(&self) -> String {
        let (sso, certificate) = (self.sso_url(), self.key.certificate());
        format!(
            r#"<md:EntityDescriptor xmlns:md="{METADATA}" entityID="{}"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="{PROTOCOL}"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{SIGNATURE}"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:NameIDFormat>{EMAIL_ADDRESS}</md:NameIDFormat><md:SingleSignOnService Binding="{REDIRECT}" Location="{sso}"/></md:IDPSSODescriptor></md:EntityDescriptor>"#,
            self.base
        )
    }

    /// Reads a request; it has to be one of the server that is known here.
    pub(super) fn read(&self, carried: &str) -> Result<Asked, String> {
        let text = STANDARD.decode(carried).ok().and_then(|stream| stored(&stream));
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(text) = text else {
            return Err("This is no request of the demo’s server.".to_owned());
        };
        let document = roxmltree::Document::parse(&text).map_err(|_| "The request is no XML.".to_owned())?;
        let request = document.root_element();
        let attribute = |name| request.attribute(name).unwrap_or_default().to_owned();
        let issuer = request.children().find(|child| child.has_tag_name((ASSERTION, "Issuer")));
        let audience = issuer.and_then(|issuer| issuer.text()).unwrap_or_default().to_owned();
        let consumer = attribute("AssertionConsumerServiceURL");
        let known = format!("{}/saml/", self.server);
        if !consumer.starts_with(&known) || !request.has_tag_name((PROTOCOL, "AuthnRequest")) {
            return Err(format!("The request is not one of {}.", self.server));
        }
        Ok(Asked { id: attribute("ID"), consumer, audience })
    }

    /// The response about this person, in base64. Its assertion is signed.
    pub(super) fn response(&self, asked: &Asked, person: &str) -> Option<String> {
        let Asked { id: request, consumer, audience } = asked;
        let issuer = &self.base;
        let now = self.clock.now();
        let (until, from) = (system::rfc3339(now + LIFETIME), system::rfc3339(now - LIFETIME));
        let now = system::rfc3339(now);
        let [of_response, of_assertion, session] = [(); 3].map(|()| format!("_{}", system::new_uuid()));
        let head = format!(
            r#"<saml:Assertion xmlns:saml="{ASSERTION}" ID="{of_assertion}" IssueInstant="{now}" Version="2.0"><saml:Issuer>{issuer}</saml:Issuer>"#
        );
        let tail = format!(
            r#"<saml:Subject><saml:NameID Format="{EMAIL_ADDRESS}">{person}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="{request}" NotOnOrAfter="{until}" Recipient="{consumer}"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{from}" NotOnOrAfter="{until}"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{now}" SessionIndex="{session}"><saml:AuthnContext><saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement></saml:Assertion>"#
        );
        let signature = self.signature(&format!("{head}{tail}"), &of_assertion)?;
        let response = format!(
            r#"<samlp:Response xmlns:samlp="{PROTOCOL}" Destination="{consumer}" ID="{of_response}" InResponseTo="{request}" IssueInstant="{now}" Version="2.0"><saml:Issuer xmlns:saml="{ASSERTION}">{issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status>{head}{signature}{tail}</samlp:Response>"#
        );
        Some(STANDARD.encode(response))
    }

    /// The signature of an element in canonical form (xmldsig-core §4).
    fn signature(&self, element: &str, id: &str) -> Option<String> {
        const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
        let digest = STANDARD.encode(digest(&SHA256, element.as_bytes()));
        let inner = format!(
            r##"<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="{SIGNATURE}enveloped-signature"></ds:Transform><ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"##
        );
        let signed = format!(r#"<ds:SignedInfo xmlns:ds="{SIGNATURE}">{inner}</ds:SignedInfo>"#);
        let value = STANDARD.encode(self.key.sign(signed.as_bytes())?);
        Some(format!(
            r#"<ds:Signature xmlns:ds="{SIGNATURE}"><ds:SignedInfo>{inner}</ds:SignedInfo><ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"#
        ))
    }
}

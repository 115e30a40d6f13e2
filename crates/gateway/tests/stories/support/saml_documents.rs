//! Responses as identity providers write them, and as attackers do: written in canonical form, so that what is signed here is what was
//! written, and nothing of the gateway has a part in it.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{self, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey;

pub const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const XMLDSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// What the names of the classes of log-ins begin with.
pub const CLASSES: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// A provider's key.
pub struct Signer {
    pair: RsaKeyPair,
    /// In base64.
    pub certificate: String,
}

impl Signer {
    fn new() -> Signer {
        let private = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
        let der = private.to_pkcs8_der().unwrap();
        let key =
            rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().into(), &rcgen::PKCS_RSA_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["id.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        Signer {
            pair: RsaKeyPair::from_pkcs8(der.as_bytes()).unwrap(),
            certificate: STANDARD.encode(certificate.der()),
        }
    }

    /// The provider's.
    pub fn provider() -> &'static Signer {
        static KEY: OnceLock<Signer> = OnceLock::new();
        KEY.get_or_init(Signer::new)
    }

    /// An attacker's.
    pub fn other() -> &'static Signer {
        static KEY: OnceLock<Signer> = OnceLock::new();
        KEY.get_or_init(Signer::new)
    }
}

/// How a signature is made.
#[derive(Debug, Clone)]
pub struct Form {
    pub canonicalization: String,
    pub method: String,
    pub digest_method: String,
    /// The transforms, each with what is in it.
    pub transforms: Vec<(String, String)>,
    /// What stands after the signature's value.
    pub tail: String,
}

impl Default for Form {
    fn default() -> Form {
        Form {
            canonicalization: EXCLUSIVE.to_owned(),
            method: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256".to_owned(),
            digest_method: "http://www.w3.org/2001/04/xmlenc#sha256".to_owned(),
            transforms: vec![(ENVELOPED.to_owned(), String::new()), (EXCLUSIVE.to_owned(), String::new())],
            tail: String::new(),
        }
    }
}

impl Form {
    pub fn sha1() -> Form {
        Form { method: format!("{XMLDSIG}rsa-sha1"), digest_method: format!("{XMLDSIG}sha1"), ..Form::default() }
    }
}

/// The signature of an element in canonical form.
pub fn signature(element: &str, id: &str, signer: &Signer, form: &Form) -> String {
    let sha1 = form.digest_method.ends_with("#sha1");
    let algorithm = if sha1 { &digest::SHA1_FOR_LEGACY_USE_ONLY } else { &digest::SHA256 };
    let digest = STANDARD.encode(digest::digest(algorithm, element.as_bytes()));
    let transforms: String = form
        .transforms
        .iter()
        .map(|(name, inner)| format!(r#"<ds:Transform Algorithm="{name}">{inner}</ds:Transform>"#))
        .collect();
    let inner = format!(
        r##"<ds:CanonicalizationMethod Algorithm="{}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{}"></ds:SignatureMethod><ds:Reference URI="#{id}"><ds:Transforms>{transforms}</ds:Transforms><ds:DigestMethod Algorithm="{}"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"##,
        form.canonicalization, form.method, form.digest_method
    );
    let signed = format!(r#"<ds:SignedInfo xmlns:ds="{XMLDSIG}">{inner}</ds:SignedInfo>"#);
    // SHA-1 is not signed with any more by what signs here, so the digest is wrong then; it is refused before it is looked at.
    let mut value = vec![0; signer.pair.public().modulus_len()];
    signer.pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut value).unwrap();
    let value = STANDARD.encode(value);
    format!(
        r#"<ds:Signature xmlns:ds="{XMLDSIG}"><ds:SignedInfo>{inner}</ds:SignedInfo><ds:SignatureValue>{value}</ds:SignatureValue>{}</ds:Signature>"#,
        form.tail
    )
}

/// The element with its signature, after its issuer.
pub fn signed(element: &str, id: &str, signer: &Signer, form: &Form) -> String {
    enclosing(element, &signature(element, id, signer, form))
}

/// The element with this signature, after its issuer.
pub fn enclosing(element: &str, signature: &str) -> String {
    let end = element.find("</saml:Issuer>").unwrap() + "</saml:Issuer>".len();
    format!("{}{signature}{}", &element[..end], &element[end..])
}

/// What a response says. Times are in milliseconds since the epoch.
#[derive(Debug, Clone)]
pub struct Document {
    pub id: String,
    pub issuer: String,
    pub name_id: String,
    pub audience: String,
    pub recipient: String,
    pub destination: String,
    pub in_response_to: Option<String>,
    pub now: i64,
    /// When the person logged in.
    pub authenticated: i64,
    /// From when, and until when, counted from now.
    pub valid: (i64, i64),
    pub attributes: Vec<(String, String)>,
    /// How the person logged in.
    pub context: String,
    pub status: String,
    pub form: Form,
}

pub fn time(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis).unwrap().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

impl Document {
    /// About this person, for this address and audience.
    pub fn of(name_id: &str, recipient: &str, audience: &str, now: i64) -> Document {
        Document {
            id: "_assertion".to_owned(),
            issuer: "https://id.test/saml".to_owned(),
            name_id: name_id.to_owned(),
            audience: audience.to_owned(),
            recipient: recipient.to_owned(),
            destination: recipient.to_owned(),
            in_response_to: None,
            now,
            authenticated: now,
            valid: (-300_000, 300_000),
            attributes: vec![("email".to_owned(), name_id.to_owned())],
            context: format!("{CLASSES}PasswordProtectedTransport"),
            status: "Success".to_owned(),
            form: Form::default(),
        }
    }

    fn answered(&self) -> String {
        self.in_response_to.as_ref().map(|id| format!(r#" InResponseTo="{id}""#)).unwrap_or_default()
    }

    /// The assertion, in canonical form and not signed.
    pub fn assertion(&self) -> String {
        let Document { id, issuer, name_id, audience, recipient, now, .. } = self;
        let (from, until, now) = (time(now + self.valid.0), time(now + self.valid.1), time(*now));
        let (answered, authenticated, context) = (self.answered(), time(self.authenticated), &self.context);
        let attributes: String = self
            .attributes
            .iter()
            .map(|(name, value)| format!(r#"<saml:Attribute Name="{name}"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>"#))
            .collect();
        format!(
            r#"<saml:Assertion xmlns:saml="{ASSERTION}" ID="{id}" IssueInstant="{now}" Version="2.0"><saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{name_id}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData{answered} NotOnOrAfter="{until}" Recipient="{recipient}"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{from}" NotOnOrAfter="{until}"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{authenticated}" SessionIndex="_s"><saml:AuthnContext><saml:AuthnContextClassRef>{context}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"#
        )
    }

    /// The assertion with its signature.
    pub fn signed_assertion(&self) -> String {
        signed(&self.assertion(), &self.id, Signer::provider(), &self.form)
    }

    /// A response of this ID with this in it, not signed.
    pub fn around(&self, id: &str, content: &str) -> String {
        let (issuer, now, status, answered) = (&self.issuer, time(self.now), &self.status, self.answered());
        let destination = &self.destination;
        format!(
            r#"<samlp:Response xmlns:samlp="{PROTOCOL}" Destination="{destination}" ID="{id}"{answered} IssueInstant="{now}" Version="2.0"><saml:Issuer xmlns:saml="{ASSERTION}">{issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"></samlp:StatusCode></samlp:Status>{content}</samlp:Response>"#
        )
    }

    /// A response whose assertion is signed.
    pub fn response(&self) -> String {
        self.around("_response", &self.signed_assertion())
    }

    /// A response that is signed itself.
    pub fn signed_response(&self) -> String {
        signed(&self.around("_response", &self.assertion()), "_response", Signer::provider(), &self.form)
    }
}

/// As a form carries it.
pub fn encoded(response: &str) -> String {
    STANDARD.encode(response)
}

//! The SAML provider of an account, as operators give it: by its metadata, or by hand.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::{Host, Url};

use crate::domain::bodies::sign_in::{NewSaml, SamlAddresses, SamlCertificate, SamlSettings, SignInChange};
use crate::domain::described::{FieldError, Line, Text, Texts, Time};
use crate::domain::saml::addresses::Addresses;
use crate::domain::saml::certificate::Certificate;
use crate::domain::saml::metadata::IdentityProvider;
use crate::domain::saml::xml::MAX_METADATA_BYTES;
use crate::domain::sign_in::SamlProvider;
use crate::platform::outbound::{Calls, Outbound};
use crate::platform::timestamp::Timestamp;

/// How many certificates a provider may have.
const MAX_CERTIFICATES: usize = 10;
/// The longest entity ID and address, in bytes (saml-core-2.0 §8.3.6).
const MAX_LENGTH: usize = 1024;

fn wrong(field: &str, detail: impl Into<String>) -> FieldError {
    FieldError { field: format!("saml.{field}"), detail: detail.into() }
}

/// The metadata of a provider, where a change says where it is; or what is wrong with that address.
pub async fn fetched(outbound: &Outbound, change: &SignInChange) -> Result<Option<String>, FieldError> {
    // With both, nothing is fetched, and the change is refused.
    let asked = change.saml.value().filter(|saml| saml.metadata.is_none());
    let Some(Line(address)) = asked.and_then(|saml| saml.metadata_url.as_ref()) else { return Ok(None) };
    let fetched = outbound.text(address, &Calls::default(), MAX_METADATA_BYTES).await;
    fetched.map(Some).map_err(|why| wrong("metadata_url", format!("was not read: {why}")))
}

/// Whether a change has requests signed, so that there has to be a key.
pub fn signs(change: &SignInChange) -> bool {
    change.saml.value().is_some_and(|saml| saml.sign_requests == Some(true))
}

/// The provider that is asked for. What its metadata does not say stays as it was.
pub fn provider(
    asked: &NewSaml,
    known: Option<&SamlProvider>,
    fetched: Option<&str>,
) -> Result<SamlProvider, FieldError> {
    let line = |line: &Option<Line>| line.as_ref().map(|Line(text)| text.clone());
    let by_hand = asked.entity_id.is_some() || asked.sso_url.is_some() || asked.certificates.is_some();
    let metadata = match (&asked.metadata, &asked.metadata_url) {
        (Some(_), Some(_)) => return Err(wrong("metadata_url", "goes without metadata: give one of both")),
        (Some(Text(text)), None) => Some(("metadata", text.as_str())),
        (None, Some(_)) => fetched.map(|text| ("metadata_url", text)),
        (None, None) => None,
    };
    if metadata.is_some() && by_hand {
        return Err(wrong("entity_id", "stands in the metadata: give that, or entity_id, sso_url and certificates"));
    }
    let (entity_id, sso_url, certificates) = match metadata {
        Some((field, text)) => {
            let read = IdentityProvider::read(text).map_err(|why| wrong(field, why))?;
            let certificates = read.certificates.into_iter().map(|certificate| certificate.base64).collect();
            (read.entity_id, read.sso_url, certificates)
        }
        None => {
            let missing = |field| move || wrong(field, "is missing: give it, or the metadata of the provider");
            let entity_id = line(&asked.entity_id).or_else(|| known.map(|known| known.entity_id.clone()));
            let sso_url = line(&asked.sso_url).or_else(|| known.map(|known| known.sso_url.clone()));
            let given = asked.certificates.as_ref().map(certificates).transpose()?;
            let certificates = given.or_else(|| known.map(|known| known.certificates.clone()));
            (
                entity_id.ok_or_else(missing("entity_id"))?,
                sso_url.ok_or_else(missing("sso_url"))?,
                certificates.ok_or_else(missing("certificates"))?,
            )
        }
    };
    if entity_id.is_empty() || entity_id.len() > MAX_LENGTH {
        return Err(wrong("entity_id", format!("must have 1 to {MAX_LENGTH} bytes")));
    }
    if certificates.is_empty() || certificates.len() > MAX_CERTIFICATES {
        return Err(wrong("certificates", format!("must be 1 to {MAX_CERTIFICATES}")));
    }
    if !is_for_browsers(&sso_url) {
        return Err(wrong("sso_url", format!("must be an https URL of at most {MAX_LENGTH} bytes")));
    }
    Ok(SamlProvider {
        name: asked.name.0.0.clone(),
        entity_id,
        sso_url,
        certificates,
        attribute: line(&asked.attribute),
        match_by: asked.match_by.unwrap_or_default(),
        create_users: asked.create_users.unwrap_or_default(),
        idp_initiated: asked.idp_initiated.unwrap_or_default(),
        sha1: asked.sha1.unwrap_or_default(),
        shared_addresses: asked.shared_addresses.unwrap_or_default(),
        sign_requests: asked.sign_requests.unwrap_or_default(),
    })
}

fn certificates(asked: &Texts) -> Result<Vec<String>, FieldError> {
    let mut kept: Vec<Certificate> = Vec::new();
    for (n, text) in asked.0.iter().enumerate() {
        let read = Certificate::read(text).map_err(|why| wrong(&format!("certificates[{n}]"), why))?;
        if kept.iter().all(|known| known.key != read.key) {
            kept.push(read);
        }
    }
    Ok(kept.into_iter().map(|certificate| certificate.base64).collect())
}

/// Browsers go there, and not this server: it may be inside the customer's network.
fn is_for_browsers(address: &str) -> bool {
    let Some(url) = Url::parse(address).ok().filter(|_| address.len() <= MAX_LENGTH) else { return false };
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    is_plain && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}

/// As operators read it.
pub(super) fn settings(saml: &SamlProvider) -> SamlSettings {
    SamlSettings {
        name: saml.name.clone(),
        entity_id: saml.entity_id.clone(),
        sso_url: saml.sso_url.clone(),
        certificates: saml.certificates.iter().filter_map(|text| shown(text)).collect(),
        attribute: saml.attribute.clone(),
        match_by: saml.match_by,
        create_users: saml.create_users,
        idp_initiated: saml.idp_initiated,
        sha1: saml.sha1,
        shared_addresses: saml.shared_addresses,
        sign_requests: saml.sign_requests,
    }
}

fn shown(text: &str) -> Option<SamlCertificate> {
    let der = STANDARD.decode(text).ok()?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &der);
    let sha256 = digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let ends = Certificate::read(text).ok()?.not_after.saturating_mul(1000);
    Some(SamlCertificate { sha256, not_after: Time(Timestamp::of_millis(ends)) })
}

/// What a provider has to be told.
pub(super) fn addresses(of: &Addresses) -> SamlAddresses {
    SamlAddresses {
        single_sign_on_url: of.consumer.clone(),
        audience: of.audience.clone(),
        name_id_format: "EmailAddress",
        other_single_sign_on_url: of.shared_consumer.clone(),
        shared_audience: of.shared_audience.clone(),
        metadata_url: of.metadata.clone(),
        login_url: of.login.clone(),
        certificate_url: of.certificate.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_https_and_to_a_server_on_its_own_machine() {
        for good in [
            "https://acme.okta.com/sso",
            "https://adfs.corp.internal/ls?x=1",
            "http://127.0.0.1:81/",
            "http://localhost/",
        ] {
            assert!(is_for_browsers(good), "{good}");
        }
        let long = format!("https://id.test/{}", "a".repeat(MAX_LENGTH));
        for bad in
            ["", "sso", "javascript:alert(1)", "http://id.test/", "https://a:b@id.test/", "https://id.test/#a", &long]
        {
            assert!(!is_for_browsers(bad), "{bad}");
        }
    }
}

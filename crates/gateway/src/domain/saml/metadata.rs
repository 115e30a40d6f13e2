//! Metadata (saml-metadata-2.0): ours as it is published, and a provider's as it is read when it is configured.

use roxmltree::Node;

use super::certificate::Certificate;
use super::xml::{self, Kind};
use super::{EMAIL_ADDRESS, METADATA, POST, PROTOCOL, REDIRECT, SIGNATURE};

/// Who we are to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Our entity ID: the audience.
    pub entity_id: String,
    /// Where responses arrive, the usual address first.
    pub consumers: Vec<String>,
    /// The certificates of our requests, in base64: that of those that are signed now first.
    pub certificates: Vec<String>,
    /// Whether every request is signed.
    pub signs: bool,
}

/// A provider, as its metadata describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its entity ID.
    pub entity_id: String,
    /// Where it takes requests to log in, by redirect.
    pub sso_url: String,
    /// What it signs with, at least one.
    pub certificates: Vec<Certificate>,
}

impl ServiceProvider {
    /// As a provider reads it.
    pub fn xml(&self) -> String {
        let consumers = self.consumers.iter().enumerate().map(|(n, url)| {
            let default = if n == 0 { r#" isDefault="true""# } else { "" };
            let url = escaped(url);
            format!(r#"<md:AssertionConsumerService Binding="{POST}" Location="{url}" index="{n}"{default}/>"#)
        });
        let keys = self.certificates.iter().map(|certificate| {
            format!(
                r#"<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{SIGNATURE}"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"#
            )
        });
        let key: String = keys.collect();
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="{METADATA}" entityID="{}"><md:SPSSODescriptor AuthnRequestsSigned="{}" WantAssertionsSigned="true" protocolSupportEnumeration="{PROTOCOL}">{key}<md:NameIDFormat>{EMAIL_ADDRESS}</md:NameIDFormat>{}</md:SPSSODescriptor></md:EntityDescriptor>
"#,
            escaped(&self.entity_id),
            self.signs,
            consumers.collect::<String>()
        )
    }
}

impl IdentityProvider {
    /// Reads a provider's metadata: what it has to say, or what is wrong with it.
    pub fn read(text: &str) -> Result<IdentityProvider, String> {
        let document = xml::parse(text, Kind::Metadata).map_err(|refusal| refusal.detail)?;
        let root = document.root_element();
        let describes = |node: &Node<'_, '_>| xml::children(*node, METADATA, "IDPSSODescriptor").next().is_some();
        let entities = root.descendants().filter(|node| xml::is(*node, METADATA, "EntityDescriptor"));
        let entities: Vec<Node<'_, '_>> = entities.filter(describes).collect();
        let [entity] = entities.as_slice() else {
            return Err(match entities.len() {
                0 => "It describes no identity provider of SAML 2.0 (IDPSSODescriptor).".to_owned(),
                n => format!("It describes {n} identity providers; give the metadata of one."),
            });
        };
        let entity_id = xml::attribute(*entity, "entityID").unwrap_or_default().to_owned();
        let describes_saml2 = |node: &Node<'_, '_>| {
            let protocols = xml::attribute(*node, "protocolSupportEnumeration").unwrap_or_default();
            protocols.split_whitespace().any(|protocol| protocol == PROTOCOL)
        };
        let Some(provider) = xml::children(*entity, METADATA, "IDPSSODescriptor").find(describes_saml2) else {
            return Err("Its identity provider does not speak SAML 2.0.".to_owned());
        };
        let services: Vec<Node<'_, '_>> = xml::children(provider, METADATA, "SingleSignOnService").collect();
        let by_redirect = services.iter().find(|service| xml::attribute(**service, "Binding") == Some(REDIRECT));
        let Some(sso_url) = by_redirect.and_then(|service| xml::attribute(*service, "Location")) else {
            return Err("It has no SingleSignOnService with the binding HTTP-Redirect.".to_owned());
        };
        let mut certificates: Vec<Certificate> = Vec::new();
        for key in xml::children(provider, METADATA, "KeyDescriptor") {
            if xml::attribute(key, "use").is_some_and(|used| used != "signing") {
                continue;
            }
            let found = key.descendants().filter(|node| xml::is(*node, SIGNATURE, "X509Certificate"));
            for text in found.filter_map(|node| node.text()) {
                let certificate = Certificate::read(text).map_err(|why| format!("One of its certificates {why}."))?;
                if certificates.iter().all(|known| known.key != certificate.key) {
                    certificates.push(certificate);
                }
            }
        }
        if certificates.is_empty() {
            return Err("It has no certificate for signing.".to_owned());
        }
        Ok(IdentityProvider { entity_id, sso_url: sso_url.to_owned(), certificates })
    }
}

/// A text as it stands in an attribute or an element.
pub fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
        out
    })
}

//! `[operators]`: where operators log in, and who they are.

use super::public_url::{self, is_exposed, is_loopback};
use super::reader::{Reader, Unit};
use crate::platform::outbound::address::AllowedNetworks;
use crate::platform::secret_text::SecretText;

/// Where operators log in, and who they are.
#[derive(Debug, Clone)]
pub struct OperatorSignIn {
    /// The vendor's OpenID provider, as its discovery document writes it.
    pub issuer: String,
    /// Our client ID there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretText,
    /// Addresses, or domains with an `@` before them.
    pub allowed: Vec<String>,
    /// Believe an address that the provider does not call verified.
    pub unverified_email: bool,
    /// How long a token counts.
    pub token_seconds: u64,
}

/// `None` if operators do not log in, or if something is wrong, which the reader then knows.
pub(super) fn read(r: &mut Reader) -> Option<OperatorSignIn> {
    let mut s = r.section("operators");
    let issuer = s.optional(
        "issuer",
        "https://login.vendor.example",
        "URL",
        "Your own OpenID provider, where [operators log in](sign-in.md#operators) to the console. Register {public_url}/login/callback \
         there. issuer, client_id, client_secret and allowed: all of them, or none.",
        |text| issuer(&text),
    );
    let client_id =
        s.optional("client_id", "", "text", "The client ID that the provider knows this server by.", filled);
    let secret = s.optional("client_secret", "", "text", "The client's secret there.", |text| {
        filled(text).map(|text| SecretText::new(&text))
    });
    let in_file = s.secret_file(
        "client_secret_file",
        "/run/secrets/gateway-operators-client-secret",
        "In place of client_secret: a file that holds it.",
        |text| filled(text.trim().to_owned()).map(|text| SecretText::new(&text)),
    );
    let allowed = s.list(
        "allowed",
        &[],
        "addresses (ada@vendor.example) and domains (@vendor.example)",
        "Who is an operator. Do not name a domain in which any person can get an address.",
        allowed,
    );
    let unverified_email = s.flag(
        "unverified_email",
        false,
        "Believe an address also where the provider does not say that it is verified.",
    );
    let token_seconds = s.seconds(
        "token_hours",
        8,
        1..=24 * 7,
        Unit::Hours,
        "How long a token of the admin API counts that an operator makes for themselves in the console.",
    );
    if secret.is_some() && in_file.is_some() {
        r.mistake("operators.client_secret and operators.client_secret_file: set one of them");
    }
    let (allowed, unverified_email, token_seconds) = (allowed?, unverified_email?, token_seconds?);
    match (issuer, client_id, secret.or(in_file)) {
        (None, None, None) if allowed.is_empty() => None,
        (Some(issuer), Some(client_id), Some(client_secret)) if !allowed.is_empty() => {
            Some(OperatorSignIn { issuer, client_id, client_secret, allowed, unverified_email, token_seconds })
        }
        _ => {
            let mut s = r.section("operators");
            s.mistake_of_all(
                "set issuer, client_id, client_secret (or client_secret_file) and allowed, or none of them",
            );
            None
        }
    }
}

/// This machine is called only where that is allowed.
pub(super) fn agree(r: &mut Reader, operators: &OperatorSignIn, reach: AllowedNetworks) {
    let issuer = &operators.issuer;
    if is_loopback(issuer) && reach == AllowedNetworks::Public {
        r.mistake(format!(
            "operators.issuer: `{issuer}` is on this machine, which is called only with outbound.allow_loopback = true"
        ));
    }
}

fn issuer(text: &str) -> Result<String, String> {
    let issuer = public_url::issuer(text)?;
    match is_exposed(&issuer) {
        true => Err(format!("`{issuer}` is plain http, and OpenID providers are called by https only")),
        false => Ok(issuer),
    }
}

fn allowed(text: String) -> Result<String, String> {
    let is_right = text.split_once('@').is_some_and(|(_, domain)| {
        let labels = |domain: &str| domain.split('.').all(|label| !label.is_empty());
        labels(domain) && !domain.contains('@')
    });
    match is_right && !text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        true => Ok(text),
        false => Err(format!("`{text}` is neither an address (ada@vendor.example) nor a domain (@vendor.example)")),
    }
}

fn filled(text: String) -> Result<String, String> {
    if text.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

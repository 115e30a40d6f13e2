//! `[operators]`: where operators log in, and who they are.

use std::collections::HashSet;

use super::public_url::{self, is_exposed, is_loopback};
use super::reader::Reader;
use crate::domain::described::alternatives;
use crate::domain::operator::Role;
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
    /// Who may log in, and as what.
    pub allowed: Vec<Allowed>,
    /// Believe an address that the provider does not call verified.
    pub unverified_email: bool,
}

/// Who may log in as an operator, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// An address, or a domain with an `@` before it, in small letters.
    who: String,
    role: Role,
}

impl OperatorSignIn {
    /// The role of an address in small letters. What is said of the address itself counts before what is said of its domain.
    pub fn role_of(&self, address: &str) -> Option<Role> {
        let domain = address.rfind('@').filter(|at| *at > 0).map(|at| &address[at..]);
        let said_of = |who: &str| self.allowed.iter().find(|allowed| allowed.who == who).map(|allowed| allowed.role);
        let domain = domain?;
        said_of(address).or_else(|| said_of(domain))
    }
}

/// `None` if operators do not log in, or if something is wrong, which the reader then knows.
pub(super) fn read(r: &mut Reader) -> Option<OperatorSignIn> {
    let mut s = r.section("operators");
    let issuer = s.optional(
        "issuer",
        "https://login.vendor.example",
        "URL",
        "Your own OpenID provider, where [operators log in](sign-in.md#operators) to the console. Register {public_url}/login/callback \
         there; with admin.public_url, {admin.public_url}/login/callback. issuer, client_id, client_secret and allowed: all of them, or none.",
        |text| issuer(&text),
    );
    let client_id =
        s.optional("client_id", "", "text", "The client ID that the provider knows this server by.", filled);
    let secret = s.secret().optional("client_secret", "", "text", "The client's secret there.", |text| {
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
        "addresses (ada@vendor.example=platform) and domains (@vendor.example=csm), each with a role",
        "Who is an operator, and [what they may do](security.md#what-an-operator-may-do): platform, csm, support or auditor; csm if nothing is \
         said. What is said of an address counts before what is said of its domain. Do not name a domain in which any person can get an \
         address.",
        allowed,
    );
    let unverified_email = s.flag(
        "unverified_email",
        false,
        "Believe an address also where the provider does not say that it is verified.",
    );
    s.obsolete(
        "token_hours",
        "operators are logged in to the console; console.token_hours is for tokens that they make there",
    );
    if let Some(twice) = allowed.as_ref().and_then(|allowed| said_twice(allowed)) {
        r.mistake(format!("operators.allowed: `{twice}` stands there twice; give it one role"));
        return None;
    }
    if secret.is_some() && in_file.is_some() {
        r.mistake("operators.client_secret and operators.client_secret_file: set one of them");
    }
    let (allowed, unverified_email) = (allowed?, unverified_email?);
    match (issuer, client_id, secret.or(in_file)) {
        (None, None, None) if allowed.is_empty() => None,
        (Some(issuer), Some(client_id), Some(client_secret)) if !allowed.is_empty() => {
            Some(OperatorSignIn { issuer, client_id, client_secret, allowed, unverified_email })
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

fn said_twice(allowed: &[Allowed]) -> Option<&str> {
    let mut known = HashSet::new();
    allowed.iter().map(|allowed| allowed.who.as_str()).find(|who| !known.insert(*who))
}

fn allowed(text: String) -> Result<Allowed, String> {
    text.parse()
}

impl std::str::FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Allowed, String> {
        // A role stands behind the domain; a local part may have the sign, too.
        let role_at = text.rfind('@').and_then(|at| Some(at + text[at..].find('=')?));
        let (who, role) = match role_at {
            Some(at) => (text[..at].trim(), text[at + 1..].trim()),
            None => (text.trim(), Role::Csm.code()),
        };
        let role = Role::named(role).ok_or_else(|| {
            let roles = alternatives(&Role::ALL.map(Role::code));
            format!("`{role}` is no role of an operator; write {roles} behind `{who}=`")
        })?;
        Ok(Allowed { who: address(who)?.to_lowercase(), role })
    }
}

fn address(text: &str) -> Result<&str, String> {
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

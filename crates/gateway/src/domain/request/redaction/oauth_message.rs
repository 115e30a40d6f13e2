//! Messages of OAuth: most of what they carry is a secret, so only words that are none are kept.

use serde_json::{Map, Value};

use super::{REPLACED, Replaced};

/// The parameters that have a name here.
const PARAMETERS: [&str; 40] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "redirect_uri",
    "scope",
    "response_type",
    "response_mode",
    "state",
    "nonce",
    "code",
    "code_verifier",
    "code_challenge",
    "code_challenge_method",
    "refresh_token",
    "token",
    "token_type_hint",
    "username",
    "password",
    "assertion",
    "resource",
    "audience",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "acr_values",
    "display",
    "request",
    "request_uri",
    "claims",
    "post_logout_redirect_uri",
    "access_token",
    "id_token",
    "dpop_jkt",
    "decision",
    "device_code",
    "user_code",
];

/// What the protocol itself calls things.
const WORDS: [&str; 44] = [
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "password",
    "implicit",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "code",
    "token",
    "id_token",
    "query",
    "fragment",
    "form_post",
    "access_token",
    "S256",
    "plain",
    "none",
    "login",
    "consent",
    "select_account",
    "page",
    "popup",
    "touch",
    "wap",
    "openid",
    "offline",
    "offline_access",
    "profile",
    "email",
    "address",
    "phone",
    "provision:scim",
    "access",
    "read:access",
    "read:scim",
    "read:events",
    "Bearer",
    "bearer",
    "DPoP",
    "accept",
    "deny",
    "create",
];
/// Parameters and members whose value is one of these words, or several.
const WORDED: [&str; 11] = [
    "grant_type",
    "client_assertion_type",
    "scope",
    "response_type",
    "response_mode",
    "token_type_hint",
    "code_challenge_method",
    "prompt",
    "display",
    "token_type",
    "decision",
];

/// Members of answers that say what went wrong.
const TOLD: [&str; 2] = ["error", "error_description"];

/// Replaces what is secret in messages of one client.
#[derive(Debug)]
pub struct OAuthRedactor<'c> {
    /// The client's id, which is none.
    pub client: &'c str,
    /// What was replaced.
    pub replaced: Replaced,
}

impl OAuthRedactor<'_> {
    /// The pairs of a form or query.
    pub fn pairs(&mut self, pairs: &[(String, String)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| self.pair(name, value)).collect()
    }

    fn pair(&mut self, name: &str, value: &str) -> (String, String) {
        if !PARAMETERS.contains(&name) {
            self.replaced.anything = true;
            return (super::UNNAMED.to_owned(), self.replaced.harmless());
        }
        (name.to_owned(), self.value(name, value))
    }

    fn value(&mut self, name: &str, value: &str) -> String {
        match name {
            "client_id" if value == self.client => value.to_owned(),
            "redirect_uri" | "post_logout_redirect_uri" | "resource" => address(value, &mut self.replaced),
            "max_age" if value.len() < 10 && value.bytes().all(|b| b.is_ascii_digit()) => value.to_owned(),
            name if WORDED.contains(&name) => {
                let words = value.split(' ').map(|word| match WORDS.contains(&word) || word.is_empty() {
                    true => word.to_owned(),
                    false => self.replaced.harmless(),
                });
                words.collect::<Vec<String>>().join(" ")
            }
            _ if value.is_empty() => String::new(),
            _ => self.replaced.harmless(),
        }
    }

    /// The body of an answer.
    pub fn answer(&mut self, body: &Value) -> Value {
        let Value::Object(members) = body else { return Value::String(self.replaced.harmless()) };
        let mut kept = Map::new();
        for (name, value) in members {
            let value = match value {
                Value::Bool(_) | Value::Null | Value::Number(_) => value.clone(),
                Value::String(text) if TOLD.contains(&name.as_str()) => Value::String(self.replaced.remark(text)),
                Value::String(text) => Value::String(self.value(name, text)),
                Value::Array(_) | Value::Object(_) => Value::String(self.replaced.harmless()),
            };
            kept.insert(self.replaced.name(name), value);
        }
        Value::Object(kept)
    }
}

/// An address without what may be secret in it: user, query and fragment.
pub fn address(text: &str, replaced: &mut Replaced) -> String {
    let Ok(mut url) = url::Url::parse(text) else {
        // A path of ours.
        return match text.split_once(['?', '#']) {
            Some((path, _)) if path.starts_with('/') => {
                replaced.anything = true;
                format!("{}?{REPLACED}", replaced.remark(path))
            }
            None if text.starts_with('/') => replaced.remark(text),
            _ => replaced.harmless(),
        };
    };
    if !matches!(url.scheme(), "http" | "https") {
        replaced.anything = true;
        return format!("{}:{REPLACED}", url.scheme());
    }
    if !url.username().is_empty() || url.password().is_some() {
        replaced.anything = true;
        let _ = (url.set_username(""), url.set_password(None));
    }
    let hides = url.query().is_some() || url.fragment().is_some();
    url.set_query(None);
    url.set_fragment(None);
    let kept = replaced.remark(url.as_str());
    if !hides {
        return kept;
    }
    replaced.anything = true;
    format!("{kept}?{REPLACED}")
}

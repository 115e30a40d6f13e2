//! Settings as they count, for people and scripts: without secrets.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::origin::Origin;
use super::reader::{Declared, Secrecy};

/// What stands in the place of a secret.
const HIDDEN: &str = "(secret)";
/// What stands in the place of a password within a URL.
const PASSWORD: &str = "****";

/// A setting as it counts.
#[derive(Debug, Serialize)]
pub struct Setting {
    /// `server.bind`
    pub name: String,
    /// Its value; a secret is not told. `None`: it has none.
    pub value: Option<Value>,
    /// Whether its value is a secret as a whole.
    pub secret: bool,
    /// Where the value comes from.
    pub from: Origin,
}

impl Setting {
    /// The settings that were read.
    pub(super) fn all(declared: &[Declared]) -> Vec<Setting> {
        declared.iter().map(|one| Setting::of(one, declared)).collect()
    }

    fn of(one: &Declared, all: &[Declared]) -> Setting {
        let name = one.key();
        let secret = one.secrecy == Secrecy::Secret;
        let from_file = in_its_place(&name, all).filter(|_| !one.is_set() && one.secrecy != Secrecy::Open);
        if let Some(from) = from_file {
            return Setting { name, value: Some(HIDDEN.into()), secret, from };
        }
        let value = one.value.as_ref().map(|value| shown(value, one.secrecy));
        Setting { name, value, secret, from: one.origin.clone().unwrap_or(Origin::Default) }
    }

    /// Its value, for people.
    pub fn text(&self) -> String {
        match &self.value {
            None => "(none)".to_owned(),
            Some(Value::String(hidden)) if hidden == HIDDEN => hidden.clone(),
            Some(value) => value.to_string(),
        }
    }
}

/// The file that holds a secret in the place of the setting itself.
fn in_its_place(name: &str, all: &[Declared]) -> Option<Origin> {
    let file = all.iter().find(|other| other.is_set() && other.key().strip_suffix("_file") == Some(name))?;
    let path = PathBuf::from(file.value.as_ref()?.as_str()?);
    Some(Origin::SecretFile { path, setting: file.key() })
}

fn shown(value: &Value, secrecy: Secrecy) -> Value {
    match (value, secrecy) {
        (Value::Array(values), _) if values.is_empty() => value.clone(),
        (_, Secrecy::Secret) => HIDDEN.into(),
        (Value::String(text), _) => without_passwords(text, secrecy).into(),
        (Value::Array(values), _) => values.iter().map(|value| shown(value, secrecy)).collect(),
        (Value::Object(_), _) => HIDDEN.into(),
        _ => value.clone(),
    }
}

/// A URL without what is secret in it; also where it stands in the place of something else.
fn without_passwords(text: &str, secrecy: Secrecy) -> String {
    match Url::parse(text) {
        Ok(mut url) if url.has_host() => {
            let pairs: Vec<(String, String)> =
                url.query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
            let is_secret =
                |name: &str| ["pass", "secret", "token"].iter().any(|part| name.to_lowercase().contains(part));
            let has_secret = pairs.iter().any(|(name, _)| is_secret(name));
            if url.password().is_none() && !has_secret {
                return text.to_owned();
            }
            if url.password().is_some() {
                let _ = url.set_password(Some(PASSWORD));
            }
            if has_secret {
                url.query_pairs_mut().clear().extend_pairs(
                    pairs.iter().map(|(name, value)| (name, if is_secret(name) { PASSWORD } else { value.as_str() })),
                );
            }
            url.into()
        }
        Ok(_) => text.to_owned(),
        Err(_) if secrecy == Secrecy::Url => HIDDEN.to_owned(),
        Err(_) => match (text.find("://"), text.rfind('@')) {
            (Some(scheme), Some(at)) if scheme < at => format!("{}{PASSWORD}{}", &text[..scheme + 3], &text[at..]),
            _ => text.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (text, told) in [
            ("postgres://gateway:hush@db/gateway", "postgres://gateway:****@db/gateway"),
            ("postgres://gateway@db/gateway", "postgres://gateway@db/gateway"),
            ("postgres://db/g?sslmode=require&password=hush", "postgres://db/g?sslmode=require&password=****"),
            ("smtps://ada:hush@mail.example", "smtps://ada:****@mail.example"),
            ("sqlite:data/gateway.db", "sqlite:data/gateway.db"),
            ("postgres://gateway:hush@[", "(secret)"),
        ] {
            assert_eq!(without_passwords(text, Secrecy::Url), told);
        }
        assert_eq!(without_passwords("https://ada:hush@x y", Secrecy::Open), "https://****@x y");
        assert_eq!(without_passwords("ada@vendor.example=platform", Secrecy::Open), "ada@vendor.example=platform");
    }
}

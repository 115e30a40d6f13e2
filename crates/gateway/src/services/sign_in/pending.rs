//! A user or operator who is away at an OpenID provider. What is needed when they are back is kept in the database, sealed, found by
//! their `state`, bound to their browser, and taken out once.

use oauth::Keyring;
use serde::{Deserialize, Serialize};

use crate::domain::ids::AccountKey;
use crate::domain::request::{OwnCode, Refusal};
use crate::platform::openid_client::Pending;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::{DbError, Tx};

const PURPOSE: &str = "sign-in at an OpenID provider";
/// How long a user may stay at the provider, in milliseconds.
const PATIENCE: i64 = 15 * 60 * 1000;

/// What they went away for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A user of this account logs in.
    Person {
        /// The account's number.
        account: AccountKey,
        /// For what, as the door that sent them wrote it.
        request: String,
        /// Since when they have to have logged in there, where what sent them wants a new log-in.
        #[serde(default)]
        fresh_since: Option<Timestamp>,
        /// The provider was told to have them log in again.
        #[serde(default)]
        asked_anew: bool,
    },
    /// An operator logs in.
    Operator {
        /// To this page of the console.
        next: String,
    },
}

/// A log-in that is under way at a provider.
#[derive(Serialize, Deserialize)]
#[allow(missing_debug_implementations)] // holds the verifier
pub struct PendingSignIn {
    /// What for.
    pub purpose: Purpose,
    /// The provider.
    pub issuer: String,
    /// What the exchange of its code will need.
    pub pending: Pending,
    /// The browser it began in.
    pub browser: String,
}

impl PendingSignIn {
    /// As it is kept.
    pub fn seal(&self, keys: &Keyring) -> String {
        keys.seal(PURPOSE, system::nonce(), serde_json::to_string(self).unwrap_or_default().as_bytes())
    }

    /// The code that came back with `code`, `error`, `error_description` and `iss`, or what the user is told. RFC 9207: an answer of
    /// another provider is not this one's.
    pub fn code<'a>(&self, of_answer: impl Fn(&str) -> Option<&'a str>) -> Result<&'a str, Refusal> {
        if of_answer("iss").is_some_and(|iss| iss != self.issuer) {
            let why = "The answer came from another provider than the one that was asked.";
            return Err(Refusal::new(OwnCode::ProviderMixedUp, why));
        }
        match (of_answer("code"), of_answer("error")) {
            (Some(code), None) => Ok(code),
            (_, error) => {
                let why = of_answer("error_description").or(error).unwrap_or("no code");
                let why: String = why.chars().take(200).collect();
                Err(Refusal::new(OwnCode::ProviderRefused, format!("Your provider did not let you in: {why}")))
            }
        }
    }
}

/// Keeps a [sealed](PendingSignIn::seal) log-in until it comes back with this state.
pub fn keep(tx: &mut Tx<'_>, keys: &Keyring, state: &str, sealed: &str, now: Timestamp) -> Result<(), DbError> {
    tx.insert_sign_in_flow(keys.fingerprint(state).as_bytes(), sealed, now + PATIENCE)
}

/// Takes out the log-in that comes back with this state: the second to ask finds nothing.
pub fn take(tx: &mut Tx<'_>, keys: &Keyring, state: &str, now: Timestamp) -> Result<Option<PendingSignIn>, DbError> {
    let sealed = tx.take_sign_in_flow(keys.fingerprint(state).as_bytes(), now)?;
    Ok(sealed.and_then(|sealed| keys.open(PURPOSE, &sealed)).and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_code_of_the_provider_that_was_asked_or_what_the_user_is_told() {
        let pending = serde_json::from_str(r#"{"nonce": "n", "verifier": "v"}"#).unwrap();
        let (issuer, browser) = ("https://id.test".to_owned(), String::new());
        let away = PendingSignIn { purpose: Purpose::Operator { next: String::new() }, issuer, pending, browser };
        let code = |answer: &[(&str, &'static str)]| {
            away.code(|name| answer.iter().find(|(n, _)| *n == name).map(|(_, value)| *value))
        };
        assert_eq!(code(&[("code", "c")]), Ok("c"));
        assert_eq!(code(&[("code", "c"), ("iss", "https://id.test")]), Ok("c"));
        let refused = [
            (vec![("code", "c"), ("iss", "https://other.test")], "came from another provider"),
            (vec![("code", "c"), ("error", "access_denied")], "did not let you in: access_denied"),
            (vec![("error", "e"), ("error_description", "not assigned")], "did not let you in: not assigned"),
            (vec![], "did not let you in: no code"),
        ];
        for (answer, why) in refused {
            assert!(code(&answer).unwrap_err().detail.contains(why), "{answer:?}");
        }
    }
}

//! How a client proves who it is: its method, its keys, and who else vouches for it.

use oauth::Client;
use oauth::assertion::KeySource;
use oauth::client::{ClientKeys, RequestedAuthentication};
use serde_json::Value;

use super::Installation;
use crate::domain::bodies::clients::{ClientOptions, Keys};
use crate::domain::described::{Checked, Mistakes, Patch};
use crate::domain::operator::{Mandate, Power};
use crate::platform::outbound::{Calls, FetchError};

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    asked: RequestedAuthentication,
    /// Whether `jwks`, `jwks_uri` and `federation` are named, be it with `null`.
    named: [bool; 3],
}

impl Asked {
    pub(super) fn of(options: &ClientOptions) -> Asked {
        fn whole<S>(asked: &Patch<Checked<Value, S>>) -> Option<Value> {
            asked.value().map(|checked| checked.0.clone())
        }
        Asked {
            named: [options.jwks.is_named(), options.jwks_uri.is_named(), options.federation.is_named()],
            asked: RequestedAuthentication {
                method: options.token_endpoint_auth_method.as_ref().map(|method| method.0.0.clone()),
                jwks: whole(&options.jwks),
                jwks_uri: options.jwks_uri.value().map(|uri| uri.0.clone()),
                federation: whole(&options.federation),
            },
        }
    }

    /// Whether it names keys: who holds them can act as the client, as by a secret.
    pub(super) fn names_keys(&self) -> bool {
        self.named.contains(&true)
    }

    /// As it stands, for a new client.
    pub(super) fn alone(&self) -> RequestedAuthentication {
        self.asked.clone()
    }

    /// What is left out stays as it is. Keys given in one way take the place of keys given in the other.
    pub(super) fn over(&self, client: &Client) -> RequestedAuthentication {
        let now = &client.options.authentication;
        let [jwks, jwks_uri, federation] = self.named;
        let (mut kept_set, mut kept_uri) = match &now.keys {
            Some(ClientKeys::Jwks(set)) => (Some(set.to_value()), None),
            Some(ClientKeys::JwksUri(uri)) => (None, Some(uri.clone())),
            None => (None, None),
        };
        if jwks || self.asked.jwks_uri.is_some() {
            kept_set = self.asked.jwks.clone();
        }
        if jwks_uri || self.asked.jwks.is_some() {
            kept_uri = self.asked.jwks_uri.clone();
        }
        RequestedAuthentication {
            method: self.asked.method.clone().or_else(|| Some(method(client).to_owned())),
            jwks: kept_set,
            jwks_uri: kept_uri,
            federation: match federation {
                true => self.asked.federation.clone(),
                false => now.federation.as_ref().and_then(|federation| serde_json::to_value(federation).ok()),
            },
        }
    }

    /// Tries the addresses out that are named. One that can never be called is a mistake; one that does not answer at the
    /// moment is worth a warning.
    pub(super) async fn try_addresses(
        &self,
        mandate: &Mandate,
        at: &Installation<'_>,
        mistakes: &mut Mistakes,
    ) -> Vec<String> {
        let mut warnings = Vec::new();
        // They are refused in a moment: nothing is called for them.
        if !mandate.has(Power::ManageSecrets) {
            return warnings;
        }
        for (field, source) in self.sources() {
            let (KeySource::JwksUri(address) | KeySource::Issuer(address)) = &source;
            if let Err(detail) = at.outbound.url(address) {
                mistakes.note(field, detail);
                continue;
            }
            match at.published_keys.fetch(&source, &Calls::default()).await {
                Ok(_) => {}
                Err(FetchError::Refused(why)) => mistakes.note(field, format!("cannot be used: {why}")),
                Err(why @ (FetchError::Unavailable(_) | FetchError::Status(_))) => {
                    warnings.push(format!("{field}: no keys could be read there yet: {why}"));
                }
            }
        }
        warnings
    }

    fn sources(&self) -> Vec<(&'static str, KeySource)> {
        let own = self.asked.jwks_uri.clone().map(|uri| ("jwks_uri", KeySource::JwksUri(uri)));
        let text = |name: &str| {
            let value = self.asked.federation.as_ref().and_then(|federation| federation[name].as_str());
            value.map(|text| text.trim().to_owned())
        };
        let theirs = match (text("jwks_uri"), text("issuer")) {
            (Some(uri), _) => Some(("federation.jwks_uri", KeySource::JwksUri(uri))),
            (None, Some(issuer)) => Some(("federation.issuer", KeySource::Issuer(issuer))),
            (None, None) => None,
        };
        own.into_iter().chain(theirs).collect()
    }
}

/// The name of a client's method.
pub(super) fn method(client: &Client) -> &'static str {
    if client.public { "none" } else { client.options.authentication.method.as_str() }
}

/// A client's own keys, and where they are.
pub(super) fn keys(client: &Client) -> (Option<Keys>, Option<String>) {
    match &client.options.authentication.keys {
        Some(ClientKeys::Jwks(set)) => (Some(Keys(set.to_value())), None),
        Some(ClientKeys::JwksUri(uri)) => (None, Some(uri.clone())),
        None => (None, None),
    }
}

//! How a client proves who it is, in the admin API: its method, its keys, and who else vouches for it.

use oauth::Client;
use oauth::assertion::KeySource;
use oauth::client::{ClientKeys, RequestedAuthentication};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::http::admin::input::Input;
use crate::platform::outbound::FetchError;

/// What a body says about it.
pub(super) struct Asked {
    asked: RequestedAuthentication,
    /// Whether `jwks`, `jwks_uri` and `federation` are named, be it with `null`.
    named: [bool; 3],
}

impl Asked {
    pub(super) fn of(input: &mut Input) -> Asked {
        Asked {
            named: ["jwks", "jwks_uri", "federation"].map(|field| input.names(field)),
            asked: RequestedAuthentication {
                method: input.text("token_endpoint_auth_method"),
                jwks: input.take("jwks"),
                jwks_uri: input.text("jwks_uri"),
                federation: input.take("federation"),
            },
        }
    }

    /// As it stands, for a new client.
    pub(super) fn alone(&self) -> RequestedAuthentication {
        self.asked.clone()
    }

    /// What the body leaves out stays as it is. Keys given in one way take the place of keys given in the other.
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

    /// Tries the addresses out that the body names. One that can never be called is a mistake; one that does not answer at the
    /// moment is worth a warning.
    pub(super) async fn try_addresses(&self, app: &App, input: &mut Input) -> Vec<String> {
        let mut warnings = Vec::new();
        for (field, source) in self.sources() {
            let (KeySource::JwksUri(address) | KeySource::Issuer(address)) = &source;
            if let Err(detail) = app.outbound.url(address) {
                input.mistake(field, detail);
                continue;
            }
            match app.published_keys.fetch(&source).await {
                Ok(_) => {}
                Err(FetchError::Refused(why)) => input.mistake(field, format!("cannot be used: {why}")),
                Err(FetchError::Unavailable(why)) => {
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

fn method(client: &Client) -> &'static str {
    if client.public { "none" } else { client.options.authentication.method.as_str() }
}

/// The members of a client's representation that are about it.
pub(super) fn describe(client: &Client, members: &mut Map<String, Value>) {
    let authentication = &client.options.authentication;
    let (jwks, jwks_uri) = match &authentication.keys {
        Some(ClientKeys::Jwks(set)) => (set.to_value(), Value::Null),
        Some(ClientKeys::JwksUri(uri)) => (Value::Null, json!(uri)),
        None => (Value::Null, Value::Null),
    };
    members.insert("token_endpoint_auth_method".to_owned(), json!(method(client)));
    members.insert("jwks".to_owned(), jwks);
    members.insert("jwks_uri".to_owned(), jwks_uri);
    members.insert("federation".to_owned(), json!(authentication.federation));
}

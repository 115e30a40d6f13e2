//! How a client proves who it is (RFC 6749 §2.3, OpenID Connect Core §9, RFC 7523), and by whose keys.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jose::Jwks;

/// The name for clients without a proof (RFC 7591 §2).
const NONE: &str = "none";
/// What names of tenants, subjects and audiences may weigh.
const MAX_NAME: usize = 512;

/// The methods by which a confidential client may authenticate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// Every proof that it has: a secret sent either way, an assertion by its keys or by its federation. For clients whose administrators
    /// cannot choose, and while one proof is replaced by another.
    #[default]
    Any,
    /// A secret in the `Authorization` header.
    ClientSecretBasic,
    /// A secret in the body.
    ClientSecretPost,
    /// A signed assertion, by its own keys or by its federation.
    PrivateKeyJwt,
}

impl AuthMethod {
    /// Every method.
    pub const ALL: [AuthMethod; 4] =
        [AuthMethod::Any, AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost, AuthMethod::PrivateKeyJwt];

    /// As in the admin API: the registered names (RFC 7591 §2), and `any`.
    pub fn as_str(self) -> &'static str {
        match self {
            AuthMethod::Any => "any",
            AuthMethod::ClientSecretBasic => "client_secret_basic",
            AuthMethod::ClientSecretPost => "client_secret_post",
            AuthMethod::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The method of this name in the admin API.
    pub fn parse(text: &str) -> Option<AuthMethod> {
        AuthMethod::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// Whether a secret is of any use.
    pub fn takes_secrets(self) -> bool {
        self != AuthMethod::PrivateKeyJwt
    }
}

/// The keys of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKeys {
    /// A key set that was registered.
    Jwks(Jwks),
    /// The URL of a key set, which the client maintains.
    JwksUri(String),
}

/// Workload identity federation: another issuer vouches for the client. Its assertions have this `iss`, `sub` and `aud`, and do not name
/// the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    /// The `iss` of its assertions: `https://login.example/{tenant}/v2.0`.
    pub issuer: String,
    /// The `sub` of its assertions: the workload.
    pub subject: String,
    /// The `aud` of its assertions: `api://{id}`.
    pub audience: String,
    /// Where the issuer's keys are; without it, the issuer's discovery document says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
}

impl Federation {
    /// Whether `aud` names our audience. An issuer may call an application `api://{id}` or `{id}`, depending on how it was
    /// registered there.
    pub fn is_meant(&self, audience: &str) -> bool {
        audience == self.audience || self.audience.strip_prefix("api://") == Some(audience)
    }
}

/// How one client proves who it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Authentication {
    /// The methods that are accepted.
    pub method: AuthMethod,
    /// Its own keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<ClientKeys>,
    /// The issuer that vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federation: Option<Federation>,
}

impl Authentication {
    /// The URLs that we would fetch, with the fields that hold them: a registration checks that fetching them is allowed.
    pub fn urls(&self) -> Vec<(&'static str, &str)> {
        let own = match &self.keys {
            Some(ClientKeys::JwksUri(uri)) => Some(("jwks_uri", uri.as_str())),
            _ => None,
        };
        let theirs = self.federation.as_ref().map(|federation| match &federation.jwks_uri {
            Some(uri) => ("federation.jwks_uri", uri.as_str()),
            None => ("federation.issuer", federation.issuer.as_str()),
        });
        own.into_iter().chain(theirs).collect()
    }
}

/// How a client authenticates, as an operator requests it.
#[derive(Debug, Clone, Default)]
pub struct RequestedAuthentication {
    /// The name of a method; what is left out follows from the rest.
    pub method: Option<String>,
    /// A JWK set.
    pub jwks: Option<Value>,
    /// The URL of a JWK set.
    pub jwks_uri: Option<String>,
    /// `{"issuer", "subject", "audience", "jwks_uri"?}`
    pub federation: Option<Value>,
}

impl RequestedAuthentication {
    /// Whether it says that there is no proof.
    pub(super) fn is_none(&self) -> bool {
        self.method.as_deref() == Some(NONE)
    }

    /// Checks it; mistakes go to `wrong`, by field.
    pub(super) fn check(&self, public: bool, wrong: &mut impl FnMut(&str, String)) -> Authentication {
        let keys = match (&self.jwks, &self.jwks_uri) {
            (Some(_), Some(_)) => {
                wrong("jwks_uri", "and jwks exclude each other: keys are given or fetched".to_owned());
                None
            }
            (Some(value), None) => match Jwks::registered(value) {
                Ok(set) => Some(ClientKeys::Jwks(set)),
                Err((place, detail)) => {
                    let dot = if place.is_empty() { "" } else { "." };
                    wrong(&format!("jwks{dot}{place}"), detail);
                    None
                }
            },
            (None, Some(uri)) => Some(ClientKeys::JwksUri(uri.clone())),
            (None, None) => None,
        };
        let federation = self.federation.as_ref().and_then(|value| federation(value, wrong));
        let has_keys = self.jwks.is_some() || self.jwks_uri.is_some() || self.federation.is_some();
        if public {
            if self.method.as_deref().is_some_and(|method| method != NONE) {
                wrong("token_endpoint_auth_method", format!("of a public client is {NONE}"));
            }
            if has_keys {
                let detail = "a public client proves nothing: leave out jwks, jwks_uri and federation";
                wrong("public", detail.to_owned());
            }
            return Authentication::default();
        }
        let method = match self.method.as_deref() {
            None if has_keys => AuthMethod::PrivateKeyJwt,
            None => AuthMethod::Any,
            Some(text) => AuthMethod::parse(text).unwrap_or_else(|| {
                let names: Vec<&str> = AuthMethod::ALL.iter().map(|method| method.as_str()).collect();
                let detail = format!("must be one of {}, or {NONE} for a public client", names.join(", "));
                wrong("token_endpoint_auth_method", detail);
                AuthMethod::Any
            }),
        };
        match method {
            AuthMethod::PrivateKeyJwt if !has_keys => wrong(
                "token_endpoint_auth_method",
                "private_key_jwt needs the client's keys: jwks, jwks_uri or federation".to_owned(),
            ),
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost if has_keys => wrong(
                "token_endpoint_auth_method",
                format!("{} makes no use of keys; private_key_jwt does, and any takes both", method.as_str()),
            ),
            _ => {}
        }
        Authentication { method, keys, federation }
    }
}

fn federation(value: &Value, wrong: &mut impl FnMut(&str, String)) -> Option<Federation> {
    let read: Federation = match serde_json::from_value(value.clone()) {
        Ok(read) => read,
        Err(mistake) => {
            let detail = format!(
                "must be {{\"issuer\", \"subject\", \"audience\", \"jwks_uri\"?}}, all of them text: {mistake}"
            );
            wrong("federation", detail);
            return None;
        }
    };
    let mut sound = true;
    for (field, text) in [("issuer", &read.issuer), ("subject", &read.subject), ("audience", &read.audience)] {
        if text.trim().is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) {
            wrong(&format!("federation.{field}"), format!("must have 1 to {MAX_NAME} characters"));
            sound = false;
        }
    }
    let trimmed = |text: String| text.trim().to_owned();
    // Issuers show the audience as a scope too, `api://{id}/.default`; in the token it has no such end.
    let audience = trimmed(read.audience);
    let audience = audience.strip_suffix("/.default").unwrap_or(&audience).to_owned();
    let federation = Federation {
        issuer: trimmed(read.issuer),
        subject: trimmed(read.subject),
        audience,
        jwks_uri: read.jwks_uri.map(trimmed),
    };
    sound.then_some(federation)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys() -> Value {
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a"}]})
    }

    fn federated() -> Value {
        json!({"issuer": "https://login.example/t/v2.0", "subject": "s", "audience": "api://app/.default"})
    }

    #[track_caller]
    fn check(asked: RequestedAuthentication, public: bool) -> Result<Authentication, Vec<String>> {
        let mut fields = Vec::new();
        let checked = asked.check(public, &mut |field: &str, _| fields.push(field.to_owned()));
        if fields.is_empty() { Ok(checked) } else { Err(fields) }
    }

    fn asked(method: Option<&str>) -> RequestedAuthentication {
        RequestedAuthentication { method: method.map(str::to_owned), ..RequestedAuthentication::default() }
    }

    #[test]
    fn what_is_left_out_follows_from_the_rest() {
        let method = |asked| check(asked, false).map(|a| a.method);
        assert_eq!(method(asked(None)), Ok(AuthMethod::Any));
        assert_eq!(
            method(RequestedAuthentication { jwks: Some(keys()), ..asked(None) }),
            Ok(AuthMethod::PrivateKeyJwt)
        );
        assert_eq!(
            method(RequestedAuthentication { federation: Some(federated()), ..asked(None) }),
            Ok(AuthMethod::PrivateKeyJwt)
        );
        assert_eq!(method(RequestedAuthentication { jwks: Some(keys()), ..asked(Some("any")) }), Ok(AuthMethod::Any));
        assert_eq!(check(asked(Some("none")), true), Ok(Authentication::default()));
    }

    #[test]
    fn what_contradicts_itself_is_said_by_field() {
        let uri = || Some("https://a.example/keys".to_owned());
        let method = || Err(vec!["token_endpoint_auth_method".to_owned()]);
        let field = |name: &str| Err(vec![name.to_owned()]);
        assert_eq!(check(asked(Some("private_key_jwt")), false), method());
        assert_eq!(check(asked(Some("client_secret_jwt")), false), method());
        assert_eq!(check(asked(Some("client_secret_basic")), true), method());
        let secret_and_keys = RequestedAuthentication { jwks: Some(keys()), ..asked(Some("client_secret_post")) };
        assert_eq!(check(secret_and_keys, false), method());
        let both = RequestedAuthentication { jwks: Some(keys()), jwks_uri: uri(), ..asked(None) };
        assert_eq!(check(both, false), field("jwks_uri"));
        assert_eq!(check(RequestedAuthentication { jwks_uri: uri(), ..asked(None) }, true), field("public"));
        let private = json!({"keys": [{"kty": "oct", "k": "x"}]});
        assert_eq!(check(RequestedAuthentication { jwks: Some(private), ..asked(None) }, false), field("jwks.keys[0]"));
        for (name, wrong) in [("issuer", ""), ("subject", "\u{7}"), ("audience", &*"x".repeat(513))] {
            let mut federation = federated();
            federation[name] = wrong.into();
            let asked = RequestedAuthentication { federation: Some(federation), ..asked(None) };
            assert_eq!(check(asked, false), field(&format!("federation.{name}")));
        }
        let odd = RequestedAuthentication { federation: Some(json!({"issuer": "x"})), ..asked(None) };
        assert_eq!(check(odd, false), field("federation"));
    }

    #[test]
    fn the_audience_may_be_pasted_as_the_scope_of_its_issuer() {
        let asked = RequestedAuthentication { federation: Some(federated()), ..asked(None) };
        let federation = check(asked, false).unwrap().federation.unwrap();
        assert_eq!(federation.audience, "api://app");
        assert!(federation.is_meant("api://app") && federation.is_meant("app"));
        assert!(!federation.is_meant("api://app/.default") && !federation.is_meant("api://other"));
    }

    #[test]
    fn it_comes_back_from_storage_as_it_was() {
        let asked = RequestedAuthentication { jwks: Some(keys()), federation: Some(federated()), ..asked(Some("any")) };
        let authentication = check(asked, false).unwrap();
        let stored = serde_json::to_string(&authentication).unwrap();
        assert_eq!(serde_json::from_str::<Authentication>(&stored).unwrap(), authentication);
        assert_eq!(serde_json::from_str::<Authentication>("{}").unwrap(), Authentication::default());
    }
}

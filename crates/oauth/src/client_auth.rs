//! Client authentication (RFC 6749 §2.3): a secret by HTTP Basic or in the body, or a signed assertion; one of them, never two,
//! never in the URL.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::assertion::{self, Assertion};
use crate::client::{AuthMethod, Client, ClientId, ClientSecret};
use crate::context::Context;
use crate::error::{ErrorCode, TokenError, Verdict};
use crate::store::Store;

/// Who a client says it is, and its proof, of which nothing is believed yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    id: Option<String>,
    proof: Proof,
    basic: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Proof {
    /// Public clients have none.
    None,
    Secret(String),
    Assertion(Assertion),
}

/// By what a client proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proven {
    /// By nothing: it is public, and only says who it is.
    Nothing,
    /// By the secret of this name.
    Secret(String),
    /// By an assertion.
    Assertion,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("id", &self.id).field("basic", &self.basic).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Who it says it is. An assertion need not have the parameter beside it (RFC 7521 §4.2).
    pub fn client_id(&self) -> Option<&str> {
        self.id.as_deref().or_else(|| self.assertion().map(Assertion::subject))
    }

    pub(crate) fn assertion(&self) -> Option<&Assertion> {
        match &self.proof {
            Proof::Assertion(assertion) => Some(assertion),
            _ => None,
        }
    }

    pub(crate) fn assertion_mut(&mut self) -> Option<&mut Assertion> {
        match &mut self.proof {
            Proof::Assertion(assertion) => Some(assertion),
            _ => None,
        }
    }
}

/// How often the time of a secret's last use is written, in milliseconds.
const TOUCH: i64 = 3_600_000;

/// A request to one of the POST endpoints, as pairs.
#[derive(Clone, Copy)]
pub(crate) struct Posted<'a> {
    pub(crate) authorization: Option<&'a str>,
    pub(crate) query: &'a [(String, String)],
    pub(crate) form: &'a [(String, String)],
}

/// What a parameter may weigh.
const MAX_PARAMETER: usize = 4096;
/// Others sign what they like into an assertion.
const MAX_ASSERTION: usize = 8192;
/// Where a client says who it is. Every request may have them.
const CREDENTIALS: [&str; 4] = ["client_id", "client_secret", "client_assertion_type", "client_assertion"];

impl<'a> Posted<'a> {
    /// Refuses what no request may have: a repeated or oversized parameter, a NUL, anything secret in the URL.
    pub(crate) fn check(&self, known: &[&'static str]) -> Result<(), TokenError> {
        for (name, value) in self.form {
            let most = if name == "client_assertion" { MAX_ASSERTION } else { MAX_PARAMETER };
            if value.len() > most || name.len() > MAX_PARAMETER {
                return Err(TokenError::invalid_request(format!("a parameter has more than {most} characters")));
            }
            if value.contains('\0') {
                return Err(TokenError::invalid_request("a parameter contains a NUL character"));
            }
        }
        for name in CREDENTIALS.iter().chain(known) {
            if self.form.iter().filter(|(n, _)| n == name).count() > 1 {
                return Err(TokenError::invalid_request(format!("the parameter {name} stands more than once")));
            }
            if *name != "scope" && self.query.iter().any(|(n, _)| n == name) {
                return Err(TokenError::invalid_request(format!(
                    "{name} must be sent in the body, never in the URL; only scope may stand in the URL"
                )));
            }
        }
        Ok(())
    }

    /// A parameter of the body; without a value it counts as left out (RFC 6749 §3.2).
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.form.iter().find(|(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A parameter that may stand more than once.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.form.iter().filter(move |(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(crate) fn credentials(&self) -> Result<Credentials, TokenError> {
        let (id, secret) = (self.get("client_id"), self.get("client_secret"));
        let assertion = self.assertion()?;
        if assertion.is_some() && (secret.is_some() || self.authorization.is_some()) {
            return Err(TokenError::invalid_request("send a client assertion or a client secret, not both"));
        }
        let Some(header) = self.authorization else {
            let proof = match (assertion, secret) {
                (Some(assertion), _) => Proof::Assertion(assertion),
                (None, Some(secret)) => Proof::Secret(secret.to_owned()),
                (None, None) => Proof::None,
            };
            return Ok(Credentials { id: id.map(str::to_owned), proof, basic: false });
        };
        let refused = |description: &str| {
            let mut error = TokenError::new(ErrorCode::InvalidClient, description);
            error.tried_basic = true;
            error
        };
        let (basic_id, basic_secret) = basic(header).ok_or_else(|| {
            refused("the Authorization header must be Basic with client ID and secret, form-encoded (RFC 6749 section 2.3.1)")
        })?;
        if secret.is_some() {
            return Err(TokenError::invalid_request(
                "send the client's credentials in the header or in the body, not in both",
            ));
        }
        if id.is_some_and(|id| id != basic_id) {
            return Err(TokenError::invalid_request(
                "client_id in the body is not the one in the Authorization header",
            ));
        }
        // An empty password is no secret at all (RFC 6749 §2.3.1): so public clients may say who they are.
        let proof = if basic_secret.is_empty() { Proof::None } else { Proof::Secret(basic_secret) };
        Ok(Credentials { id: Some(basic_id), proof, basic: true })
    }

    fn assertion(&self) -> Result<Option<Assertion>, TokenError> {
        match (self.get("client_assertion_type"), self.get("client_assertion")) {
            (None, None) => Ok(None),
            (Some(assertion::TYPE), Some(text)) => Assertion::parse(text).map(Some),
            (Some(_), Some(_)) => {
                let description = format!("client_assertion_type must be {}", assertion::TYPE);
                Err(TokenError::new(ErrorCode::InvalidClient, description))
            }
            _ => Err(TokenError::invalid_request("client_assertion and client_assertion_type come together")),
        }
    }
}

/// `Basic base64(id:secret)`, each part form-encoded as the RFC demands. Parts that are not encoded are taken as they are.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| {
        let pair = format!("v={part}");
        let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
        let decoded = pairs.next().map(|(_, value)| value.into_owned());
        decoded.filter(|_| !part.contains('&')).unwrap_or_else(|| part.to_owned())
    };
    Some((decode(id), decode(secret)))
}

/// Who the client is, and a note in the store that its secret is in use.
pub(crate) fn authenticate(store: &mut dyn Store, cx: &Context<'_>, credentials: &Credentials) -> Verdict<Client> {
    let (client, proven) = match identify(store, cx, credentials)? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let stale = |secret: &&ClientSecret| secret.last_used.is_none_or(|then| cx.now - then > TOUCH);
    if let Proven::Secret(used) = proven
        && let Some(secret) = client.secrets.iter().find(|secret| secret.id == used).filter(stale)
    {
        store.touch_secret(&client.id, &secret.id, cx.now)?;
    }
    Ok(Ok(client))
}

/// Who the client is, and by what; writes nothing but the use of an assertion. An unknown client reads and costs the same as a
/// wrong secret.
pub(crate) fn identify(
    store: &mut dyn Store,
    cx: &Context<'_>,
    credentials: &Credentials,
) -> Verdict<(Client, Proven)> {
    let refuse = |description: &str| {
        let mut error = TokenError::new(ErrorCode::InvalidClient, description);
        error.tried_basic = credentials.basic;
        Ok(Err(error))
    };
    let Some(id) = credentials.client_id() else {
        return refuse("the client must say who it is: send client ID and secret");
    };
    const WRONG: &str = "the client ID or the client secret is not right";
    let presented = match &credentials.proof {
        Proof::Secret(secret) => secret,
        _ => "",
    };
    let presented = cx.keys.fingerprint(presented);
    let client = match ClientId::new(id) {
        Some(id) => store.client(&id)?,
        None => None,
    };
    let Some(client) = client else {
        return refuse(match credentials.proof {
            Proof::Assertion(_) => {
                "the client assertion does not count: no client has its sub, or the client_id beside it"
            }
            _ => WRONG,
        });
    };
    let proven = match (&credentials.proof, client.public) {
        (Proof::None, true) => Proven::Nothing,
        (Proof::Secret(_) | Proof::Assertion(_), true) => return refuse(WRONG),
        (Proof::None, false) => return refuse("the client must prove who it is: send the client secret"),
        (Proof::Secret(_), false) => {
            // All are compared, whichever it is.
            let matching: Vec<_> = client.secrets.iter().filter(|secret| secret.fingerprint == presented).collect();
            let Some(secret) = matching.first() else { return refuse(WRONG) };
            if secret.expires.is_some_and(|expires| expires <= cx.now) {
                return refuse("this client secret has expired; use a newer one");
            }
            match client.options.authentication.method {
                AuthMethod::ClientSecretBasic if !credentials.basic => {
                    return refuse(
                        "this client sends its secret in the Authorization header (client_secret_basic) only",
                    );
                }
                AuthMethod::ClientSecretPost if credentials.basic => {
                    return refuse("this client sends its secret in the body (client_secret_post) only");
                }
                AuthMethod::PrivateKeyJwt => {
                    return refuse("this client authenticates by a signed assertion (private_key_jwt) only");
                }
                _ => Proven::Secret(secret.id.clone()),
            }
        }
        (Proof::Assertion(assertion), false) => {
            let single = match assertion.verify(cx, &client) {
                Ok(single) => single,
                Err(refused) => return Ok(Err(refused)),
            };
            if let Some(single) = single
                && !store.use_assertion(&single.id, single.expires)?
            {
                return refuse(
                    "the client assertion does not count: it was used before; make a new one for each request",
                );
            }
            Proven::Assertion
        }
    };
    if client.disabled {
        return refuse("this client was switched off by an operator");
    }
    Ok(Ok((client, proven)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn attack_41_basic_is_form_decoded_and_nonsense_is_refused() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(basic(&header("a%3Ab:c%20d+e")), Some(("a:b".into(), "c d e".into())));
        assert_eq!(basic(&header("plain:x%zz")), Some(("plain".into(), "x%zz".into())));
        assert_eq!(basic(&header("no colon")), None);
        assert_eq!(basic("Basic !!!"), None);
        assert_eq!(basic("Bearer abc"), None);
        assert_eq!(basic("basic"), None);
    }

    #[test]
    fn attack_36_and_38_secrets_in_the_url_or_in_two_places_are_refused() {
        let query = pairs(&[("client_secret", "x")]);
        let posted = Posted { authorization: None, query: &query, form: &[] };
        assert!(posted.check(&["client_secret"]).is_err());
        let form = pairs(&[("client_secret", "x")]);
        let posted = Posted { authorization: Some("Basic YTpi"), query: &[], form: &form };
        assert_eq!(posted.credentials().unwrap_err().code, ErrorCode::InvalidRequest);
    }
}

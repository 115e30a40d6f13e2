//! Client authentication (RFC 6749 §2.3.1): by HTTP Basic or in the body, never both, never in the URL.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::{Client, ClientId, ClientSecret};
use crate::context::Context;
use crate::error::{ErrorCode, TokenError, Verdict};
use crate::store::Store;

/// Who a client says it is, and its proof.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    id: Option<String>,
    secret: Option<String>,
    basic: bool,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("id", &self.id).field("basic", &self.basic).finish_non_exhaustive()
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

impl<'a> Posted<'a> {
    /// Refuses what no request may have: a repeated or oversized parameter, a NUL, anything secret in the URL.
    pub(crate) fn check(&self, known: &[&'static str]) -> Result<(), TokenError> {
        for (name, value) in self.form {
            if value.len() > MAX_PARAMETER || name.len() > MAX_PARAMETER {
                return Err(TokenError::invalid_request("a parameter has more than 4096 characters"));
            }
            if value.contains('\0') {
                return Err(TokenError::invalid_request("a parameter contains a NUL character"));
            }
        }
        for name in known {
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
        let Some(header) = self.authorization else {
            return Ok(Credentials { id: id.map(str::to_owned), secret: secret.map(str::to_owned), basic: false });
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
        let secret = Some(basic_secret).filter(|secret| !secret.is_empty());
        Ok(Credentials { id: Some(basic_id), secret, basic: true })
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
    let (client, used) = match identify(store, cx, credentials)? {
        Ok(found) => found,
        Err(refused) => return Ok(Err(refused)),
    };
    let stale = |secret: &&ClientSecret| secret.last_used.is_none_or(|then| cx.now - then > TOUCH);
    if let Some(secret) = client.secrets.iter().find(|secret| Some(&secret.id) == used.as_ref()).filter(stale) {
        store.touch_secret(&client.id, &secret.id, cx.now)?;
    }
    Ok(Ok(client))
}

/// Who the client is, and by which of its secrets; writes nothing. An unknown client reads and costs the same as a wrong secret.
pub(crate) fn identify(
    store: &mut dyn Store,
    cx: &Context<'_>,
    credentials: &Credentials,
) -> Verdict<(Client, Option<String>)> {
    let refuse = |description: &str| {
        let mut error = TokenError::new(ErrorCode::InvalidClient, description);
        error.tried_basic = credentials.basic;
        Ok(Err(error))
    };
    let Some(id) = &credentials.id else {
        return refuse("the client must say who it is: send client ID and secret");
    };
    const WRONG: &str = "the client ID or the client secret is not right";
    let presented = cx.keys.fingerprint(credentials.secret.as_deref().unwrap_or_default());
    let client = match ClientId::new(id.as_str()) {
        Some(id) => store.client(&id)?,
        None => None,
    };
    let Some(client) = client else { return refuse(WRONG) };
    let used = match (client.public, credentials.secret.is_some()) {
        (true, false) => None,
        (true, true) => return refuse(WRONG),
        (false, false) => return refuse("the client must prove who it is: send the client secret"),
        (false, true) => {
            // All are compared, whichever it is.
            let matching: Vec<_> = client.secrets.iter().filter(|secret| secret.fingerprint == presented).collect();
            let Some(secret) = matching.first() else { return refuse(WRONG) };
            if secret.expires.is_some_and(|expires| expires <= cx.now) {
                return refuse("this client secret has expired; use a newer one");
            }
            Some(secret.id.clone())
        }
    };
    if client.disabled {
        return refuse("this client was switched off by an operator");
    }
    Ok(Ok((client, used)))
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

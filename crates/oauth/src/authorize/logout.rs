//! Logging out, sent by a client (OpenID Connect RP-Initiated Logout 1.0).
//!
//! Any site can make a link to this endpoint, so the user is asked to confirm, unless the request has an ID token of this very user. The browser is
//! sent only to a URI that the client registered for this, compared byte by byte.

use crate::authorize::id_token_hint::IdTokenHint;
use crate::client::{Client, ClientId, RedirectUri};
use crate::context::Context;
use crate::grant::Subject;
use crate::jose::Jwks;
use crate::store::{Store, StoreError};

/// The parameters that are read (§2). Others, as `logout_hint` and `ui_locales`, are ignored.
pub const PARAMETERS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// A request that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// The display name of the client that sent the browser.
    pub client_name: Option<String>,
    /// The user of the verified `id_token_hint`.
    pub subject: Option<Subject>,
    /// The URL to which the browser goes afterwards, with `state`.
    redirect: Option<String>,
}

/// Told to the user, on a page; they stay logged in, and the browser is sent nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl LogoutRequest {
    /// Whether this user need not be asked.
    pub fn is_certainly_about(&self, subject: &Subject) -> bool {
        self.subject.as_ref() == Some(subject)
    }

    /// The URL to which the browser goes afterwards. Without an ID token, only if the user confirmed (§3).
    pub fn redirect(&self, was_asked: bool) -> Option<&str> {
        self.redirect.as_deref().filter(|_| was_asked || self.subject.is_some())
    }
}

/// Understands a request, or refuses it.
pub fn understand(
    store: &mut dyn Store,
    cx: &Context<'_>,
    keys: &Jwks,
    parameters: &[(String, String)],
) -> Result<Result<LogoutRequest, Refused>, StoreError> {
    let refuse = |why: &str| Ok(Err(Refused(why.to_owned())));
    let mut values = [None; PARAMETERS.len()];
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        let Some(place) = PARAMETERS.iter().position(|known| known == name) else { continue };
        if value.contains('\0') {
            return Ok(Err(Refused(format!("The parameter {name} has a NUL character in it."))));
        }
        if values[place].replace(value.as_str()).is_some() {
            return Ok(Err(Refused(format!("The parameter {name} stands more than once."))));
        }
    }
    let [id_token_hint, client_id, uri, state] = values;
    let id_token_hint = match id_token_hint.map(|text| IdTokenHint::read(cx, keys, text)) {
        None => None,
        Some(Ok(id_token_hint)) => Some(id_token_hint),
        Some(Err(not_ours)) => return Ok(Err(Refused(format!("{not_ours}.")))),
    };
    let named = match client_id.map(ClientId::new) {
        None => None,
        Some(Some(id)) => Some(id),
        Some(None) => return refuse("There is no client with this client_id."),
    };
    if let (Some(id_token_hint), Some(named)) = (&id_token_hint, &named)
        && !id_token_hint.is_for(named)
    {
        return refuse("id_token_hint was issued to another client than client_id names.");
    }
    let client = match named.clone().or_else(|| id_token_hint.as_ref().and_then(IdTokenHint::client)) {
        Some(id) => store.client(&id)?,
        None => None,
    };
    if client.is_none() && named.is_some() {
        return refuse("There is no client with this client_id.");
    }
    let redirect = match (uri, &client) {
        (None, _) => None,
        // Without a client the URI cannot be verified (§2). The user can log out all the same.
        (Some(_), None) => None,
        (Some(uri), Some(client)) => match registered(client, uri) {
            Some(uri) => Some(state.map_or_else(|| uri.as_str().to_owned(), |state| uri.with(&[("state", state)]))),
            None => {
                return Ok(Err(Refused(format!(
                    "{} did not register this post_logout_redirect_uri. It must be one of its post_logout_redirect_uris, to the letter.",
                    client.name
                ))));
            }
        },
    };
    let client_name = client.map(|client| client.name);
    Ok(Ok(LogoutRequest { client_name, subject: id_token_hint.map(|id_token_hint| id_token_hint.subject), redirect }))
}

fn registered<'a>(client: &'a Client, uri: &str) -> Option<&'a RedirectUri> {
    client.options.post_logout_redirect_uris.iter().find(|registered| registered.as_str() == uri)
}

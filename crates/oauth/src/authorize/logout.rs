//! Logging out, sent by a client (OpenID Connect RP-Initiated Logout 1.0).
//!
//! A link anybody can make must log nobody out, so without an ID token of the very person the person is asked; and it must send
//! nobody anywhere but to a URI that the client registered for this, byte by byte.

use crate::authorize::hint::IdTokenHint;
use crate::client::{Client, ClientId, RedirectUri};
use crate::context::Context;
use crate::grant::Subject;
use crate::jose::Jwks;
use crate::store::{Store, StoreError};

/// The parameters that count (§2). Others, `logout_hint` and `ui_locales` among them, are passed over.
pub const PARAMETERS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// A request that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// For people: who sends them.
    pub client_name: Option<String>,
    /// Whom the client means, by an ID token of ours.
    pub subject: Option<Subject>,
    /// Where the browser goes afterwards, with the state.
    redirect: Option<String>,
}

/// Told to the person, on a page; they stay logged in, and the browser is sent nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl LogoutRequest {
    /// Whether this person need not be asked.
    pub fn is_certainly_about(&self, subject: &Subject) -> bool {
        self.subject.as_ref() == Some(subject)
    }

    /// Where the browser goes. A client that showed no ID token gets it back only from somebody who was asked (§3).
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
    let [hint, client_id, uri, state] = values;
    let hint = match hint.map(|text| IdTokenHint::read(cx, keys, text)) {
        None => None,
        Some(Ok(hint)) => Some(hint),
        Some(Err(not_ours)) => return Ok(Err(Refused(format!("{not_ours}.")))),
    };
    let named = match client_id.map(ClientId::new) {
        None => None,
        Some(Some(id)) => Some(id),
        Some(None) => return refuse("There is no client with this client_id."),
    };
    if let (Some(hint), Some(named)) = (&hint, &named)
        && !hint.is_for(named)
    {
        return refuse("id_token_hint was issued to another client than client_id names.");
    }
    let client = match named.clone().or_else(|| hint.as_ref().and_then(IdTokenHint::client)) {
        Some(id) => store.client(&id)?,
        None => None,
    };
    if client.is_none() && named.is_some() {
        return refuse("There is no client with this client_id.");
    }
    let redirect = match (uri, &client) {
        (None, _) => None,
        // Nobody is left to say whether the URI is right (§2); the person can log out all the same.
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
    Ok(Ok(LogoutRequest { client_name, subject: hint.map(|hint| hint.subject), redirect }))
}

fn registered<'a>(client: &'a Client, uri: &str) -> Option<&'a RedirectUri> {
    client.options.post_logout_redirect_uris.iter().find(|registered| registered.as_str() == uri)
}

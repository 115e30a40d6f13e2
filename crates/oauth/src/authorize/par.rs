//! Pushed authorization requests (RFC 9126): the client sends its request to us directly, and the browser only a reference to it.
//!
//! What is pushed is checked as if it had come by the browser, and again when the browser comes, for a client may have been
//! switched off meanwhile. A reference is valid once, for its own client, for a minute and a half.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Refusal, is_known, understand};
use crate::client::ClientId;
use crate::client_auth::{ClientCredentials, ClientRequest, Credentials, authenticate};
use crate::context::Context;
use crate::error::{TokenError, TokenRefusal, Verdict};
pub use crate::store::PushedRequest;
use crate::store::{Store, StoreError};
use crate::token::dpop::Proof;

/// What every reference begins with (§2.2).
const URN: &str = "urn:ietf:params:oauth:request_uri:";
const PURPOSE: &str = "pushed authorization request";
/// The lifetime of a reference, in seconds.
pub const LIFETIME_S: u64 = 90;

/// A call that is understood.
#[derive(Debug, Clone)]
pub struct PushRequest {
    credentials: Credentials,
    parameters: Vec<(String, String)>,
    proof: Option<Proof>,
}

/// The response to a push (§2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The `request_uri` for the browser.
    pub request_uri: String,
    /// Its lifetime in seconds.
    pub expires_in: u64,
    /// The client that pushed it.
    pub client: ClientId,
    /// Whether that client is public, so that nothing proves its identity.
    pub public: bool,
    /// The size of the stored request.
    pub bytes: usize,
}

impl PushRequest {
    /// Reads a call (§2.1); with a DPoP proof the code is bound to its key (RFC 9449 §10.1).
    pub fn parse(
        authorization: Option<&str>,
        query: &[(String, String)],
        form: &[(String, String)],
        proof: Option<Proof>,
    ) -> Result<PushRequest, TokenError> {
        let request = ClientRequest { authorization, query, form };
        request.check(&[])?;
        if request.get("request_uri").is_some() {
            return Err(TokenRefusal::RequestUriPushed.into());
        }
        // What proves who the client is, and what is not read again, is not kept.
        let parameters = form.iter().filter(|(name, _)| is_known(name)).cloned().collect();
        Ok(PushRequest { credentials: request.credentials()?, parameters, proof })
    }
}

impl ClientCredentials for PushRequest {
    fn credentials(&mut self) -> &mut Credentials {
        &mut self.credentials
    }
}

/// Keeps a request that could be put before a user, and says how to refer to it.
pub fn push(store: &mut dyn Store, cx: &mut Context<'_>, request: &PushRequest) -> Verdict<Pushed> {
    let client = match authenticate(store, cx, &request.credentials)? {
        Ok(client) => client,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut parameters = request.parameters.clone();
    if !parameters.iter().any(|(name, _)| name == "client_id") {
        parameters.push(("client_id".to_owned(), client.id.to_string()));
    }
    if let Some(proof) = &request.proof {
        let Some(proof) = proof.clone().spend(store)? else {
            return Ok(Err(TokenRefusal::DpopProofReplayed.into()));
        };
        match parameters.iter().find(|(name, _)| name == "dpop_jkt") {
            Some((_, key)) if key != proof.key().as_str() => {
                return Ok(Err(TokenRefusal::DpopJktMismatch.into()));
            }
            Some(_) => {}
            None => parameters.push(("dpop_jkt".to_owned(), proof.key().as_str().to_owned())),
        }
    }
    if let Err(refusal) = understand(store, cx, &parameters, true)? {
        return Ok(Err(refused(refusal)));
    }
    let reference = URL_SAFE_NO_PAD.encode(cx.bytes::<32>());
    let plain = serde_json::to_vec(&parameters).unwrap_or_default();
    let parameters = cx.seal(PURPOSE, &plain);
    let bytes = parameters.len();
    store.push_request(&PushedRequest {
        fingerprint: cx.keys.fingerprint(&reference),
        client: client.id.clone(),
        parameters,
        expires: cx.now + crate::context::millis(LIFETIME_S),
    })?;
    Ok(Ok(Pushed {
        request_uri: format!("{URN}{reference}"),
        expires_in: LIFETIME_S,
        client: client.id,
        public: client.public,
        bytes,
    }))
}

/// What would have been told to a user or sent back by the browser goes to the client itself (§2.3).
fn refused(refusal: Refusal) -> TokenError {
    let (error, code, description) = match refusal {
        Refusal::Page(reason) => ("invalid_request", reason.code(), reason.text()),
        Refusal::Redirect(error) => (error.reason.error(), error.reason.code(), error.description()),
    };
    // RFC 6749 §5.2: what an error_description may have.
    let plain = |c: char| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '?' };
    TokenRefusal::PushRefused { error, code, description: description.chars().map(plain).collect() }.into()
}

/// What a `request_uri` refers to, if it has the form of ours.
pub(crate) fn reference(request_uri: &str) -> Option<&str> {
    request_uri.strip_prefix(URN)
}

/// Takes the parameters that were pushed, and the reference is spent. `None` if it is invalid: used, too old,
/// another client's, or unknown.
pub(crate) fn take(
    store: &mut dyn Store,
    cx: &Context<'_>,
    client: &ClientId,
    reference: &str,
) -> Result<Option<Vec<(String, String)>>, StoreError> {
    let Some(pushed) = store.take_pushed_request(&cx.keys.fingerprint(reference), client)? else { return Ok(None) };
    if pushed.expires <= cx.now {
        return Ok(None);
    }
    let plain = cx.keys.open(PURPOSE, &pushed.parameters);
    Ok(plain.and_then(|plain| serde_json::from_slice(&plain).ok()))
}

#[cfg(test)]
mod tests;

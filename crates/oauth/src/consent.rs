//! The resource owner's decision (RFC 6749 §4.1.2).

use crate::authorize::AuthorizationRequest;
use crate::client::GrantType;
use crate::context::{Context, millis};
use crate::event::Event;
use crate::grant::{EndReason, NewGrant, Subject};
use crate::secret::{Prefix, generated};
use crate::store::{Code, Store, StoreError};

/// What came of pressing the button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// Send the browser here: the code is in it.
    Redirect(String),
    /// It cannot be answered: it was answered before, or its redirect URI is no longer registered. There is no code.
    AlreadyUsed,
}

/// Accepts: makes the grant and its code in one unit of work. The form may be half an hour old, so the client is looked at again.
pub fn accept(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    request: &AuthorizationRequest,
    subject: &Subject,
    auth_time: i64,
) -> Result<Acceptance, StoreError> {
    match store.client(&request.client)? {
        Some(client) if !client.redirect_uris.contains(&request.redirect_uri) => return Ok(Acceptance::AlreadyUsed),
        Some(client) if client.disabled || !client.may(GrantType::AuthorizationCode) => {
            let description = "The client was switched off while access was being accepted.";
            return Ok(Acceptance::Redirect(request.error_url(cx, "unauthorized_client", description)));
        }
        Some(client) if request.scope.beyond(&client.scopes).is_some() => {
            let description = "The client may no longer ask for this scope.";
            return Ok(Acceptance::Redirect(request.error_url(cx, "invalid_scope", description)));
        }
        Some(_) => {}
        None => return Ok(Acceptance::AlreadyUsed),
    }
    let grant = store.create_grant(&NewGrant {
        client: request.client.clone(),
        subject: Some(subject.clone()),
        scope: request.scope.clone(),
        nonce: request.nonce.clone(),
        auth_time: Some(auth_time),
        created: cx.now,
    })?;
    let code = generated(Prefix::Code, cx.entropy);
    let kept = store.insert_code(&Code {
        fingerprint: cx.keys.fingerprint(&code),
        request_id: request.id.clone(),
        grant,
        client: request.client.clone(),
        redirect_uri: request.redirect_uri.clone(),
        redirect_uri_was_sent: request.redirect_uri_was_sent,
        challenge: request.challenge.clone(),
        expires: cx.now + millis(cx.settings.code_lifetime_s),
        spent: None,
        bounds: request.bounds.clone(),
    })?;
    if !kept {
        // Refusals are kept like everything else, and a grant that nothing leads to should not stand.
        store.end_grant(grant, cx.now, EndReason::AlreadyAnswered)?;
        return Ok(Acceptance::AlreadyUsed);
    }
    store.record(Event::GrantCreated { grant, client: request.client.to_string(), scope: request.scope.to_string() });
    if request.challenge.is_none() {
        store.record(Event::AcceptedWithoutPkce { grant });
    }
    Ok(Acceptance::Redirect(request.success_url(cx, &code)))
}

/// Denies: where to send the browser.
pub fn deny(cx: &Context<'_>, request: &AuthorizationRequest) -> String {
    request.error_url(cx, "access_denied", "The resource owner denied access.")
}

//! The resource owner's decision (RFC 6749 §4.1.2).

use crate::authorize::AuthorizationRequest;
use crate::client::GrantType;
use crate::context::{Context, millis};
use crate::event::Event;
use crate::grant::{EndReason, NewGrant, Subject};
use crate::scope::Scopes;
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

/// Whether an acceptance of this scope counts again for the next request. One that only tells who somebody is does. One that lets
/// the client act while the person is away does not: OpenID Connect Core §11 wants consent for each refresh token, and whoever
/// connects an identity provider expects to be asked.
pub fn can_be_remembered(scope: &Scopes) -> bool {
    !scope.is_offline() && !scope.contains("provision:scim")
}

/// Whether this person need not be asked: they accepted as much for this client before, and that still stands. Never for public
/// clients, for anybody can say to be one (RFC 9700 §4.13, RFC 6749 §10.2), and never where the request says to ask.
pub fn is_remembered(
    store: &mut dyn Store,
    request: &AuthorizationRequest,
    subject: &Subject,
) -> Result<bool, StoreError> {
    if request.prompt.consent || request.prompt.select_account || !can_be_remembered(&request.scope) {
        return Ok(false);
    }
    match store.client(&request.client)? {
        Some(client) if !client.public => {}
        _ => return Ok(false),
    }
    let standing = store.accepted_scopes(&request.client, subject)?;
    Ok(standing.iter().any(|accepted| request.scope.beyond(accepted).is_none()))
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
        Some(client) if client.redirect_uri(request.redirect_uri.as_str()).is_none() => {
            return Ok(Acceptance::AlreadyUsed);
        }
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
        reissues: 0,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{REQUEST, World, changed};

    fn remembered(world: &mut World, changes: &[(&str, &str)], subject: &str) -> bool {
        let request = world.authorize(&changed(REQUEST, changes)).unwrap();
        world.run(|store, _| is_remembered(store, &request, &Subject::new(subject))).unwrap()
    }

    #[test]
    fn attack_74_what_was_accepted_counts_again_for_no_more_than_it_was() {
        let mut world = World::new();
        world.client("okta").scopes = Scopes::parse("openid profile email offline provision:scim").unwrap();
        assert!(!remembered(&mut world, &[("scope", "openid profile")], "ada"), "nobody has accepted");
        world.code(&[("scope", "openid profile")]);
        assert!(remembered(&mut world, &[("scope", "openid profile")], "ada"));
        assert!(remembered(&mut world, &[("scope", "openid")], "ada"), "less is included");
        assert!(!remembered(&mut world, &[("scope", "openid email")], "ada"), "more is not");
        assert!(!remembered(&mut world, &[("scope", "openid")], "bob"), "somebody else did not");
        for prompt in ["consent", "select_account", "login consent"] {
            assert!(!remembered(&mut world, &[("scope", "openid"), ("prompt", prompt)], "ada"), "{prompt}");
        }
        assert!(remembered(&mut world, &[("scope", "openid"), ("prompt", "none")], "ada"));
        world.store.grants[0].ended = Some(world.now);
        assert!(!remembered(&mut world, &[("scope", "openid")], "ada"), "it was ended");
    }

    #[test]
    fn attack_74_access_in_absence_and_public_clients_are_asked_for_every_time() {
        let mut world = World::new();
        world.code(&[]);
        for scope in ["openid offline provision:scim", "openid offline", "openid offline_access", "provision:scim"] {
            assert!(!remembered(&mut world, &[("scope", scope)], "ada"), "{scope}");
        }
        assert!(remembered(&mut world, &[("scope", "openid")], "ada"));
        world.client("okta").public = true;
        world.client("okta").require_pkce = false;
        let challenge = ("code_challenge", crate::world::CHALLENGE);
        let public = [("scope", "openid"), challenge, ("code_challenge_method", "S256")];
        assert!(!remembered(&mut world, &public, "ada"));
    }
}

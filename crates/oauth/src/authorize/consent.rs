//! The resource owner's decision (RFC 6749 §4.1.2).

use crate::authentication::Login;
use crate::authorize::AuthorizationRequest;
use crate::client::GrantType;
use crate::codes::RefusalCode;
use crate::context::{Context, millis};
use crate::event::Event;
use crate::grant::{EndReason, NewGrant, Subject};
use crate::secret::Fingerprint;
use crate::store::{Answer, Code, Store, StoreError};

/// The outcome of accepting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// Send the browser here: the code is in it.
    Redirect(String),
    /// Send the browser here: an error is in it, for the client may no longer ask for this.
    Refused {
        /// The code of the refusal.
        code: RefusalCode,
        /// The `error_description`.
        description: &'static str,
        /// Where the browser goes.
        url: String,
    },
    /// The request was answered before, and that answer holds.
    Answered(Earlier),
    /// It cannot be answered any more: its client is gone, or its redirect URI is no longer registered. There is no code.
    Unanswerable,
}

/// How a request was answered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// This user accepted, and the client has what it asked for.
    Accepted,
    /// This user accepted, but the client did not come for it in time, or the access has ended since.
    InVain,
    /// Access was denied.
    Denied,
    /// Another user accepted.
    ByAnother,
}

/// Whether this user need not be asked: they accepted as much for this client before, and that grant is still open. Never for public
/// clients, for they can be impersonated (RFC 9700 §4.13, RFC 6749 §10.2), and never where the request says to ask.
pub fn is_remembered(
    store: &mut dyn Store,
    cx: &Context<'_>,
    request: &AuthorizationRequest,
    subject: &Subject,
) -> Result<bool, StoreError> {
    if request.prompt.consent || request.prompt.select_account || !cx.settings.remembers_consent(&request.scope) {
        return Ok(false);
    }
    match store.client(&request.client)? {
        Some(client) if !client.public => {}
        _ => return Ok(false),
    }
    let standing = store.accepted_scopes(&request.client, subject)?;
    Ok(standing.iter().any(|accepted| request.scope.beyond(accepted).is_none()))
}

/// How long an answer is remembered after the request could be opened for the last time, for the clocks of replicas differ.
const MARGIN_S: u64 = 600;

/// Accepts: makes the grant and its code in one unit of work. The form may be half an hour old, so the client is read again.
///
/// The code is *derived* from the request and the user, so a form that is sent twice, as by a double click, leads to the same redirect
/// and to one grant, on any replica ([`Keyring::code`](crate::Keyring)).
pub fn accept(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    request: &AuthorizationRequest,
    subject: &Subject,
    login: &Login,
) -> Result<Acceptance, StoreError> {
    match store.client(&request.client)? {
        Some(client) if client.redirect_uri(request.redirect_uri.as_str()).is_none() => {
            return Ok(Acceptance::Unanswerable);
        }
        Some(client) if client.disabled || !client.may(GrantType::AuthorizationCode) => {
            let description = "The client was switched off while access was being accepted.";
            let url = request.error_url(cx, "unauthorized_client", description);
            return Ok(Acceptance::Refused { code: RefusalCode::ClientDisabled, description, url });
        }
        Some(client) if client.suspended => {
            let description = "The account was suspended while access was being accepted.";
            let url = request.error_url(cx, "access_denied", description);
            return Ok(Acceptance::Refused { code: RefusalCode::AccountSuspended, description, url });
        }
        Some(client) if request.scope.beyond(&client.scopes).is_some() => {
            let description = "The client may no longer ask for this scope.";
            let url = request.error_url(cx, "invalid_scope", description);
            return Ok(Acceptance::Refused { code: RefusalCode::ScopeNotAllowed, description, url });
        }
        Some(_) => {}
        None => return Ok(Acceptance::Unanswerable),
    }
    if !store.answer_request(&answer(cx, request, false))? {
        return again(store, cx, request, subject);
    }
    let grant = store.create_grant(&NewGrant {
        client: request.client.clone(),
        subject: Some(subject.clone()),
        scope: request.scope.clone(),
        nonce: request.nonce.clone(),
        auth_time: Some(login.at),
        authentication: login.how.clone(),
        created: cx.now,
    })?;
    let code = cx.keys.code(&request.id, subject.as_str());
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
        constraints: request.constraints.clone(),
    })?;
    if !kept {
        // A refusal is committed too, and a grant that nothing leads to is to end.
        store.end_grant(grant, cx.now, EndReason::AlreadyAnswered)?;
        return Ok(Acceptance::Unanswerable);
    }
    store.record(Event::GrantCreated { grant, client: request.client.to_string(), scope: request.scope.to_string() });
    if request.challenge.is_none() {
        store.record(Event::AcceptedWithoutPkce { grant });
    }
    Ok(Acceptance::Redirect(request.success_url(cx, &code)))
}

/// The outcome for a user who comes back to an answered request: the redirect with a code that the client has not used yet, or how the
/// request was answered.
pub fn again(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    request: &AuthorizationRequest,
    subject: &Subject,
) -> Result<Acceptance, StoreError> {
    let code = cx.keys.code(&request.id, subject.as_str());
    let Some(found) = store.lock_code(&cx.keys.fingerprint(&code))? else {
        let denied = store.answer(&fingerprint(cx, request))?.is_some_and(|answer| answer.denied);
        return Ok(Acceptance::Answered(if denied { Earlier::Denied } else { Earlier::ByAnother }));
    };
    let stands = store.grant(found.grant)?.is_some_and(|grant| !grant.is_ended());
    Ok(match found.spent {
        Some(_) if stands => Acceptance::Answered(Earlier::Accepted),
        None if stands && found.expires > cx.now => Acceptance::Redirect(request.success_url(cx, &code)),
        _ => Acceptance::Answered(Earlier::InVain),
    })
}

/// Whether a request was answered.
pub fn is_answered(
    store: &mut dyn Store,
    cx: &Context<'_>,
    request: &AuthorizationRequest,
) -> Result<bool, StoreError> {
    Ok(store.answer(&fingerprint(cx, request))?.is_some())
}

/// Denies: where to send the browser; `None` if access was accepted before, which holds.
pub fn deny(
    store: &mut dyn Store,
    cx: &Context<'_>,
    request: &AuthorizationRequest,
) -> Result<Option<String>, StoreError> {
    let denied = answer(cx, request, true);
    let stands = store.answer_request(&denied)? || store.answer(&denied.request)?.is_some_and(|answer| answer.denied);
    Ok(stands.then(|| request.error_url(cx, "access_denied", "The resource owner denied access.")))
}

fn fingerprint(cx: &Context<'_>, request: &AuthorizationRequest) -> Fingerprint {
    cx.keys.fingerprint(&request.id)
}

fn answer(cx: &Context<'_>, request: &AuthorizationRequest, denied: bool) -> Answer {
    let lifetime = millis(cx.settings.request_lifetime_s + MARGIN_S);
    Answer { request: fingerprint(cx, request), denied, expires: request.issued.saturating_add(lifetime) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::GrantState;
    use crate::scope::Scopes;
    use crate::testing::{EXCHANGE, REQUEST, World, changed, parameter};

    fn deny(world: &mut World, request: &AuthorizationRequest) -> Option<String> {
        world.run(|store, cx| super::deny(store, cx, request)).unwrap()
    }

    #[test]
    fn report_13_accepting_twice_gives_the_same_code_while_it_is_unused() {
        let mut world = World::new();
        let request = world.authorize(REQUEST).unwrap();
        let first = world.accept(&request);
        let Acceptance::Redirect(url) = &first else { panic!("{first:?}") };
        for _ in 0..3 {
            world.wait(5);
            assert_eq!(world.accept(&request), first);
        }
        assert_eq!((world.store.grants.len(), world.store.codes.len()), (1, 1));
        let code = parameter(url, "code").unwrap();
        assert!(!format!("{:?}", world.store).contains(&code), "it is kept as a fingerprint");
        world.token(&changed(EXCHANGE, &[("code", &code)])).ok().unwrap();
        assert_eq!(world.accept(&request), Acceptance::Answered(Earlier::Accepted));
        assert_eq!(deny(&mut world, &request), None, "what was accepted stands");
        assert_eq!(world.store.grants.iter().filter(|grant| !grant.is_ended()).count(), 1);
        // Another request has another code, and so has another user.
        let other = world.authorize(REQUEST).unwrap();
        assert_ne!(world.accept(&other), first);
    }

    #[test]
    fn report_13_a_code_that_cannot_be_used_is_not_given_again() {
        let mut world = World::new();
        let late = world.authorize(REQUEST).unwrap();
        world.accept(&late);
        world.wait(60);
        assert_eq!(world.accept(&late), Acceptance::Answered(Earlier::InVain), "it has expired");
        let ended = world.authorize(REQUEST).unwrap();
        world.accept(&ended);
        world.store.grants.last_mut().unwrap().state = GrantState::Ended { at: world.now, reason: None };
        assert_eq!(world.accept(&ended), Acceptance::Answered(Earlier::InVain), "its access was taken back");
        let theirs = world.authorize(REQUEST).unwrap();
        world.accept(&theirs);
        let by_bob = |world: &mut World| {
            world.run(|store, cx| accept(store, cx, &theirs, &Subject::new("bob"), &Login::default())).unwrap()
        };
        assert_eq!(by_bob(&mut world), Acceptance::Answered(Earlier::ByAnother));
        assert_eq!(world.store.grants.len(), 3);
        let off = world.authorize(REQUEST).unwrap();
        world.accept(&off);
        world.client("acme").disabled = true;
        let Acceptance::Refused { url, .. } = world.accept(&off) else { panic!("not told to the client") };
        assert_eq!(parameter(&url, "error").as_deref(), Some("unauthorized_client"));
    }

    #[test]
    fn report_13_the_first_decision_stands() {
        let mut world = World::new();
        let request = world.authorize(REQUEST).unwrap();
        let denied = deny(&mut world, &request).unwrap();
        assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"));
        assert_eq!(deny(&mut world, &request), Some(denied), "the same again");
        assert_eq!(world.accept(&request), Acceptance::Answered(Earlier::Denied));
        assert!(world.store.grants.is_empty() && world.store.codes.is_empty());
        let is_answered = |world: &mut World, request: &AuthorizationRequest| {
            world.run(|store, cx| is_answered(store, cx, request)).unwrap()
        };
        assert!(is_answered(&mut world, &request));
        let other = world.authorize(REQUEST).unwrap();
        assert!(!is_answered(&mut world, &other));
        // It is remembered for as long as the form could be sent, and longer.
        let kept = &world.store.answers[0];
        assert!(kept.expires > request.issued + millis(world.settings.request_lifetime_s));
    }

    fn remembered(world: &mut World, changes: &[(&str, &str)], subject: &str) -> bool {
        let request = world.authorize(&changed(REQUEST, changes)).unwrap();
        world.run(|store, cx| is_remembered(store, cx, &request, &Subject::new(subject))).unwrap()
    }

    #[test]
    fn attack_74_what_was_accepted_counts_again_for_no_more_than_it_was() {
        let mut world = World::new();
        world.client("acme").scopes = Scopes::parse("openid profile email offline records:write").unwrap();
        assert!(!remembered(&mut world, &[("scope", "openid profile")], "ada"), "Ada has not accepted");
        world.code(&[("scope", "openid profile")]);
        assert!(remembered(&mut world, &[("scope", "openid profile")], "ada"));
        assert!(remembered(&mut world, &[("scope", "openid")], "ada"), "less is included");
        assert!(!remembered(&mut world, &[("scope", "openid email")], "ada"), "more is not");
        assert!(!remembered(&mut world, &[("scope", "openid")], "bob"), "Bob has not accepted");
        for prompt in ["consent", "select_account", "login consent"] {
            assert!(!remembered(&mut world, &[("scope", "openid"), ("prompt", prompt)], "ada"), "{prompt}");
        }
        assert!(remembered(&mut world, &[("scope", "openid"), ("prompt", "none")], "ada"));
        world.store.grants[0].state = GrantState::Ended { at: world.now, reason: None };
        assert!(!remembered(&mut world, &[("scope", "openid")], "ada"), "it was ended");
    }

    #[test]
    fn attack_74_access_in_absence_and_public_clients_are_asked_for_every_time() {
        let mut world = World::new();
        world.code(&[]);
        for scope in ["openid offline records:write", "openid offline", "openid offline_access", "records:write"] {
            assert!(!remembered(&mut world, &[("scope", scope)], "ada"), "{scope}");
        }
        assert!(remembered(&mut world, &[("scope", "openid")], "ada"));
        world.client("acme").public = true;
        world.client("acme").require_pkce = false;
        let challenge = ("code_challenge", crate::testing::CHALLENGE);
        let public = [("scope", "openid"), challenge, ("code_challenge_method", "S256")];
        assert!(!remembered(&mut world, &public, "ada"));
    }
}

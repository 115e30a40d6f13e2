//! Delivery: the first use of a token proves that its client received it.
//!
//! A response of the token endpoint can be lost on its way, and only the client knows. So the first use of what was issued is recorded on the
//! grant, once for each generation of tokens: an access token at a protected resource of ours, or the refresh token of that generation.
//! Two decisions depend on it. A refresh token that is presented again is a retry as long as its successor's generation was not
//! delivered, and theft afterwards ([`token`](crate::token)). And a connection that is used for the first time takes the place of the
//! older ones.

use crate::client::Connections;
use crate::context::Context;
use crate::event::Event;
use crate::grant::{Delivery, EndReason, Grant, GrantId};
use crate::store::{Store, StoreError};

/// Records that a token of this generation was used ([`Access::unwritten_use`](crate::Access)). Changes nothing if that is known already or
/// the grant has ended meanwhile.
pub fn note(store: &mut dyn Store, cx: &Context<'_>, grant: GrantId, generation: i32) -> Result<(), StoreError> {
    match store.lock_grant(grant)? {
        Some(grant) => mark(store, cx, &grant, generation),
        None => Ok(()),
    }
}

/// The same for a grant that is locked.
pub(crate) fn mark(store: &mut dyn Store, cx: &Context<'_>, grant: &Grant, generation: i32) -> Result<(), StoreError> {
    if grant.is_ended() || grant.has_delivered(generation) {
        return Ok(());
    }
    store.deliver(grant.id, Delivery { generation, at: cx.now })?;
    match grant.delivered {
        None => replace_older(store, cx, grant),
        Some(_) => Ok(()),
    }
}

/// Ends the older connections of the client, if this grant is one. A log-in is none, and neither are the client's own credentials.
fn replace_older(store: &mut dyn Store, cx: &Context<'_>, grant: &Grant) -> Result<(), StoreError> {
    let connects = |scope: &&'static str| grant.scope.contains(scope);
    let scopes: Vec<&str> =
        cx.settings.resources.iter().flat_map(|resource| resource.scopes.iter().copied()).filter(connects).collect();
    if grant.subject.is_none() || scopes.is_empty() {
        return Ok(());
    }
    let client = store.client(&grant.client)?;
    if client.is_none_or(|client| client.options.connections == Connections::Keep) {
        return Ok(());
    }
    let mut ended = Vec::new();
    for scope in scopes {
        for older in store.older_grants(grant, scope)? {
            store.end_grant(older, cx.now, EndReason::Replaced)?;
            ended.push(older);
        }
    }
    if !ended.is_empty() {
        store.record(Event::ConnectionReplaced { grant: grant.id, ended });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::GrantState;
    use crate::testing::{EXCHANGE, World, changed};

    fn standing(world: &World) -> Vec<usize> {
        let grants = world.store.grants.iter().enumerate();
        grants.filter(|(_, grant)| !grant.is_ended()).map(|(n, _)| n).collect()
    }

    #[test]
    fn report_10_a_new_connection_ends_the_older_ones_when_it_is_first_used() {
        let mut world = World::new();
        let (first, second) = (world.tokens(), world.tokens());
        assert!(world.uses(&first.access_token) && world.uses(&first.access_token));
        assert_eq!(standing(&world), [0, 1], "what was accepted and never used ends nothing, and is ended by nothing");
        let third = world.tokens();
        assert!(world.uses(&third.access_token));
        assert_eq!(standing(&world), [2]);
        for ended in [&first, &second] {
            assert!(!world.uses(&ended.access_token));
            assert!(world.refresh(ended.refresh_token.as_deref().unwrap()).is_err());
        }
        assert!(world.store.events.iter().any(|event| {
            matches!(event, Event::ConnectionReplaced { grant, ended } if *grant == third.grant && *ended == [second.grant, first.grant])
        }));
        let reasons = world
            .store
            .events
            .iter()
            .filter(|event| matches!(event, Event::GrantEnded { reason: EndReason::Replaced, .. }));
        assert_eq!(reasons.count(), 2);
    }

    #[test]
    fn report_10_a_refresh_is_a_use_too_and_the_newest_acceptance_wins_in_any_order_of_use() {
        let mut world = World::new();
        let (first, second) = (world.tokens(), world.tokens());
        assert!(world.refresh(second.refresh_token.as_deref().unwrap()).is_ok());
        assert_eq!(standing(&world), [1]);
        assert!(!world.uses(&first.access_token), "it was not used before, and is not now");

        let mut world = World::new();
        let (first, second) = (world.tokens(), world.tokens());
        for access in [&first.access_token, &second.access_token] {
            assert!(world.uses(access));
        }
        assert_eq!(standing(&world), [1]);
    }

    #[test]
    fn report_10_only_connections_for_provisioning_by_people_replace_and_are_replaced() {
        let mut world = World::new();
        let connection = world.tokens();
        let code = world.code(&[("scope", "openid")]);
        let log_in = world.token(&changed(EXCHANGE, &[("code", &code)])).ok().unwrap();
        let pasted = world.static_token("t-1");
        world.run(|store, cx| note(store, cx, log_in.grant, 0)).unwrap();
        assert!(world.uses(&connection.access_token) && world.uses(&pasted));
        assert_eq!(standing(&world), [0, 1, 2]);
        let next = world.tokens();
        assert!(world.uses(&next.access_token));
        assert_eq!(standing(&world), [1, 2, 3], "the log-in and the client's own grant stand");
        assert!(world.uses(&pasted));
    }

    #[test]
    fn report_10_a_client_may_keep_its_connections() {
        let mut world = World::new();
        world.client("acme").options.connections = Connections::Keep;
        let (first, second) = (world.tokens(), world.tokens());
        assert!(world.uses(&second.access_token) && world.uses(&first.access_token));
        assert_eq!(standing(&world), [0, 1]);
    }

    #[test]
    fn report_10_what_has_ended_meanwhile_ends_nothing() {
        let mut world = World::new();
        let (_, second) = (world.tokens(), world.tokens());
        world.store.grants[1].state = GrantState::Ended { at: 1, reason: None };
        world.run(|store, cx| note(store, cx, second.grant, 0)).unwrap();
        assert_eq!((standing(&world), world.store.grants[1].delivered), (vec![0], None));
    }
}

//! Codes that are exchanged once more, because the first answer was lost.

use super::*;
use crate::grant::GrantState;

/// A world in which a code was exchanged.
fn exchanged(asked: Pairs<'_>, proof: Pairs<'_>) -> (World, String, TokenResponse) {
    let mut world = World::new();
    let code = world.code(asked);
    let first = exchange_with(&mut world, &code, proof).ok().unwrap();
    (world, code, first)
}

#[test]
fn hardening_9_the_same_client_with_the_same_proof_is_answered_again() {
    for (asked, proof) in [(&[][..], &[][..]), (PKCE, &[("code_verifier", VERIFIER)][..])] {
        let (mut world, code, mut last) = exchanged(asked, proof);
        for _ in 0..3 {
            world.wait(7);
            let again = exchange_with(&mut world, &code, proof).ok().unwrap();
            assert_eq!(again.refresh_token, last.refresh_token);
            assert!(again.id_token.is_some() && !world.opens(&last.access_token) && world.opens(&again.access_token));
            last = again;
        }
        assert_eq!(world.store.refresh_tokens.len(), 1);
        assert!(world.uses(&last.access_token));
        assert!(world.refresh(last.refresh_token.as_deref().unwrap()).is_ok());
        assert_eq!(live_grants(&world), 1);
        let again = world.store.events.iter().filter(|event| matches!(event, Event::AnsweredAgain { .. })).count();
        assert_eq!(again, 3);
    }
}

#[test]
fn hardening_9_a_code_past_its_time_is_still_answered_again() {
    let mut world = World::new();
    let code = world.code(&[]);
    world.wait(50);
    assert!(exchange_with(&mut world, &code, &[]).is_ok());
    world.wait(29);
    assert!(exchange_with(&mut world, &code, &[]).is_ok());
}

#[test]
fn hardening_9_what_is_in_use_or_long_past_or_proven_otherwise_ends() {
    #[track_caller]
    fn ends(asked: Pairs<'_>, proof: Pairs<'_>, between: impl FnOnce(&mut World, &TokenResponse), again: Pairs<'_>) {
        let (mut world, code, first) = exchanged(asked, proof);
        between(&mut world, &first);
        assert_eq!(code_of(exchange_with(&mut world, &code, again)), "invalid_grant");
        assert_eq!(live_grants(&world), 0);
        assert!(!world.opens(&first.access_token));
    }
    let verifier = &[("code_verifier", VERIFIER)][..];
    let wrong = VERIFIER.replace('d', "e");
    ends(&[], &[], |world, first| assert!(world.uses(&first.access_token)), &[]);
    ends(&[], &[], |world, first| drop(world.refresh(first.refresh_token.as_deref().unwrap())), &[]);
    ends(&[], &[], |world, _| world.wait(30), &[]);
    ends(&[], &[], |world, _| world.now -= 30_000, &[]);
    ends(&[], &[], |_, _| (), &[("redirect_uri", "https://evil.example/")]);
    ends(&[], &[], |_, _| (), verifier);
    ends(PKCE, verifier, |_, _| (), &[("code_verifier", &wrong)]);
    ends(PKCE, verifier, |_, _| (), &[]);
    // A log-in that no verifier proves is made again by its user.
    ends(&[("scope", "openid")], &[], |_, _| (), &[]);
    let (mut world, code, _) = exchanged(&[PKCE, &[("scope", "openid")][..]].concat(), verifier);
    assert!(exchange_with(&mut world, &code, verifier).is_ok());
}

#[test]
fn hardening_9_what_ended_meanwhile_stays_ended() {
    let (mut world, code, _) = exchanged(&[], &[]);
    world.store.inactive.push("ada".to_owned());
    assert_eq!(code_of(exchange_with(&mut world, &code, &[])), "invalid_grant");
    let (mut world, code, _) = exchanged(&[], &[]);
    world.store.grants[0].state = GrantState::Ended { at: 1, reason: None };
    assert_eq!(code_of(exchange_with(&mut world, &code, &[])), "invalid_grant");
    let other = [("client_id", "other"), ("client_secret", "other-secret")];
    let (mut world, code, first) = exchanged(&[], &[]);
    assert_eq!(code_of(exchange_with(&mut world, &code, &other)), "invalid_grant");
    assert!(world.opens(&first.access_token), "another client ends nothing");
}

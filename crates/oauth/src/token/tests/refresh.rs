//! Rotation of refresh tokens: the rules, one by one, and then the model.

use proptest::prelude::*;

use crate::event::Event;
use crate::grant::{EndReason, GrantState};
use crate::testing::{REFRESH, World, changed, code_of};

const DAY: u64 = 86_400;

/// A world with a grant, and its first refresh token.
fn granted() -> (World, String) {
    let mut world = World::new();
    let token = world.tokens().refresh_token.unwrap();
    (world, token)
}

fn next(world: &mut World, token: &str) -> String {
    world.refresh(token).ok().unwrap().refresh_token.unwrap()
}

fn is_over(world: &World) -> bool {
    world.store.grants.iter().all(|grant| grant.is_ended())
}

#[test]
fn attack_52_a_token_whose_successor_was_used_is_in_two_hands() {
    let (mut world, first) = granted();
    let second = next(&mut world, &first);
    let used = world.refresh(&second).ok().unwrap();
    assert!(world.opens(&used.access_token));
    assert_eq!(code_of(world.refresh(&first)), "invalid_grant");
    assert!(is_over(&world) && !world.opens(&used.access_token));
    assert_eq!(code_of(world.refresh(&used.refresh_token.unwrap())), "invalid_grant");
    let reason = EndReason::RefreshTokenReused;
    assert!(
        world.store.events.iter().any(|event| matches!(event, Event::GrantEnded { reason: r, .. } if *r == reason))
    );
}

#[test]
fn attack_53_a_lost_response_is_answered_again_with_the_same_successor() {
    let (mut world, first) = granted();
    let lost = world.refresh(&first).ok().unwrap();
    world.wait(DAY);
    let again = world.refresh(&first).ok().unwrap();
    assert_eq!(again.refresh_token, lost.refresh_token);
    assert_ne!(again.access_token, lost.access_token);
    assert!(world.opens(&again.access_token));
    next(&mut world, &again.refresh_token.unwrap());
}

#[test]
fn a_retry_after_the_successor_was_in_use_ends_the_grant() {
    let (mut world, first) = granted();
    let answer = world.refresh(&first).ok().unwrap();
    world.wait(DAY + 1);
    let again = world.refresh(&first).ok().unwrap();
    assert!(!world.opens(&answer.access_token) && world.uses(&again.access_token));
    world.wait(30);
    assert_eq!(code_of(world.refresh(&first)), "invalid_grant");
    assert!(is_over(&world));
}

#[test]
fn attack_54_twenty_submissions_of_one_token_leave_one_live_token() {
    let (mut world, first) = granted();
    let answers: Vec<String> = (0..20).map(|_| next(&mut world, &first)).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(world.store.refresh_tokens.iter().filter(|token| token.used.is_none()).count(), 1);
    next(&mut world, &answers[0]);
}

#[test]
fn attack_55_another_clients_token_is_refused_noted_and_untouched() {
    let (mut world, first) = granted();
    let other = [("client_id", "other"), ("client_secret", "other-secret"), ("refresh_token", first.as_str())];
    assert_eq!(code_of(world.token(&changed(REFRESH, &other))), "invalid_grant");
    assert!(matches!(world.store.events.last(), Some(Event::ForeignToken { client, .. }) if client == "other"));
    next(&mut world, &first);
}

#[test]
fn attack_56_a_refresh_can_narrow_the_access_token_but_not_widen_it() {
    let (mut world, first) = granted();
    let asking = |world: &mut World, scope: &str| {
        world.token(&changed(REFRESH, &[("refresh_token", first.as_str()), ("scope", scope)]))
    };
    assert_eq!(code_of(asking(&mut world, "records:write email")), "invalid_scope");
    assert!(world.store.refresh_tokens.iter().all(|token| token.used.is_none()), "a refusal spends nothing");
    let narrowed = asking(&mut world, "openid").ok().unwrap();
    assert_eq!(narrowed.scope.to_string(), "openid");
    assert!(!world.opens(&narrowed.access_token));
    let whole = world.refresh(&narrowed.refresh_token.unwrap()).ok().unwrap();
    assert_eq!(whole.scope.to_string(), "openid offline records:write");
    assert!(world.opens(&whole.access_token));
}

#[test]
fn attack_57_idle_and_absolute_expiry_say_which_they_are() {
    let refusal = |world: &mut World, token: &str| world.refresh(token).err().unwrap().text();
    let (mut world, first) = granted();
    world.wait(180 * DAY - 1);
    let second = next(&mut world, &first);
    world.wait(180 * DAY);
    assert!(refusal(&mut world, &second).contains("not used for too long"));

    let (mut world, mut token) = granted();
    world.settings.refresh_absolute_s = Some(365 * DAY);
    for _ in 0..3 {
        world.wait(120 * DAY);
        token = next(&mut world, &token);
    }
    let last = world.store.refresh_tokens.iter().find(|token| token.used.is_none()).unwrap();
    assert_eq!(last.expires, world.store.grants[0].created + 365 * DAY as i64 * 1000);
    world.wait(5 * DAY);
    assert_eq!(code_of(world.refresh(&token)), "invalid_grant");

    let (mut world, token) = granted();
    world.settings.refresh_absolute_s = Some(DAY);
    world.wait(DAY);
    assert!(refusal(&mut world, &token).contains("too long ago"));
}

#[test]
fn attacks_58_and_59_the_tokens_of_a_deactivated_person_die_at_once_and_for_good() {
    let (mut world, first) = granted();
    let tokens = world.refresh(&first).ok().unwrap();
    world.store.inactive.push("ada".to_owned());
    assert!(!world.opens(&tokens.access_token));
    assert_eq!(code_of(world.refresh(tokens.refresh_token.as_deref().unwrap())), "invalid_grant");
    // Deactivation ends the grant in the same unit of work; activation brings nothing back.
    world.store.grants[0].state = GrantState::Ended { at: world.now, reason: None };
    world.store.inactive.clear();
    assert!(!world.opens(&tokens.access_token));
    assert_eq!(code_of(world.refresh(&tokens.refresh_token.unwrap())), "invalid_grant");
}

#[test]
fn an_id_token_comes_with_the_code_only() {
    let (mut world, first) = granted();
    assert!(world.refresh(&first).ok().unwrap().id_token.is_none());
}

/// What can happen to the tokens of one grant. The client has one refresh token, the thief copies of what passed by.
#[derive(Debug, Clone)]
enum Step {
    /// The client refreshes, so many workers at once, and of the answers this one arrives last; `None`: all are lost.
    Refresh { workers: usize, arrives: Option<usize> },
    /// A thief copies the token the client has now.
    Steal,
    /// The thief presents what they have.
    Abuse,
    /// Time passes.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..4_usize, prop::option::weighted(0.7, 0..4_usize))
            .prop_map(|(workers, arrives)| Step::Refresh { workers, arrives: arrives.map(|n| n % workers) }),
        1 => Just(Step::Steal),
        2 => Just(Step::Abuse),
        2 => (0..600_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// However submissions double, answers are lost and tokens are stolen: there is one live chain or none; without a thief the
    /// client is never refused; and client and thief never both go on for longer than one exchange each.
    #[test]
    fn there_is_one_live_chain_or_none(steps in prop::collection::vec(step(), 1..40)) {
        let (mut world, mut mine) = granted();
        let mut stolen: Option<String> = None;
        let mut abused = false;
        for step in steps {
            match step {
                Step::Refresh { workers, arrives } => {
                    let answers: Vec<_> = (0..workers).map(|_| world.refresh(&mine)).collect();
                    let refused = answers.iter().any(Result::is_err);
                    prop_assert!(!refused || abused, "an honest client was refused");
                    prop_assert_eq!(refused, is_over(&world), "refused if and only if the grant is over");
                    let next: Vec<_> = answers.into_iter().flatten().filter_map(|answer| answer.refresh_token).collect();
                    prop_assert!(next.windows(2).all(|pair| pair[0] == pair[1]), "two successors of one token");
                    if let Some(token) = arrives.and_then(|arrives| next.get(arrives)) {
                        mine.clone_from(token);
                    }
                }
                Step::Steal => stolen = Some(mine.clone()),
                Step::Abuse => {
                    if let Some(token) = &mut stolen {
                        abused = true;
                        match world.refresh(token) {
                            Ok(answer) => *token = answer.refresh_token.unwrap(),
                            Err(_) => prop_assert!(is_over(&world), "a thief is refused only by the end of the grant"),
                        }
                    }
                }
                Step::Wait(seconds) => world.wait(seconds),
            }
            let live = world.store.refresh_tokens.iter().filter(|token| token.used.is_none()).count();
            prop_assert_eq!(live, 1, "the chain has one end");
            let generations: Vec<_> = world.store.refresh_tokens.iter().map(|token| token.generation).collect();
            prop_assert!(generations.iter().zip(0..).all(|(found, expected)| *found == expected), "the chain has no fork");
        }
        if abused && !is_over(&world) {
            // Both hold the end of the chain. If one refreshes twice, the other's refresh reveals the reuse.
            let thiefs = stolen.unwrap();
            let ahead = world.refresh(&mine).ok().and_then(|answer| answer.refresh_token);
            if let Some(ahead) = ahead {
                let _ = world.refresh(&ahead);
                let _ = world.refresh(&thiefs);
                let _ = world.refresh(&mine);
                prop_assert!(is_over(&world), "theft stays unnoticed");
            } else {
                prop_assert!(is_over(&world));
            }
        }
    }
}

/// What can happen in the long life of a grant.
#[derive(Debug, Clone)]
enum Turn {
    /// A client presents a token of the chain, so many links from its end.
    Present(usize),
    /// A client uses the access token that was issued last.
    Use,
    /// Seconds pass: moments, or more than any lifetime.
    Wait(u64),
    /// The owner is deactivated, which ends the grant in the same unit of work, and is back a moment later.
    Leave,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        12 => prop_oneof![6 => Just(0_usize), 3 => Just(1), 1 => 2..6_usize].prop_map(Turn::Present),
        3 => Just(Turn::Use),
        3 => (0..LIVES.idle).prop_map(Turn::Wait),
        1 => prop_oneof![Just(LIVES.grace - 1), Just(LIVES.grace), Just(LIVES.idle), Just(LIVES.absolute)].prop_map(Turn::Wait),
        1 => Just(Turn::Leave),
    ]
}

/// Lifetimes in seconds, close enough to each other that every one of them runs out in some history.
struct Lives {
    idle: u64,
    absolute: u64,
    grace: u64,
}

const LIVES: Lives = Lives { idle: 1000, absolute: 3000, grace: 400 };

/// A refresh as anybody would explain it, to be compared with the real one.
struct Model {
    /// For each link of the chain: when it was issued, and when it was last answered with a fresh answer.
    links: Vec<(i64, Option<i64>)>,
    /// How many links are known to have arrived, and since when the last of them.
    delivered: (usize, i64),
    /// How often the last answer was given again while it was in use.
    repeats: usize,
    accepted: i64,
    ended: bool,
}

impl Model {
    fn present(&mut self, link: usize, now: i64) -> Result<(), &'static str> {
        let ms = |seconds: u64| seconds as i64 * 1000;
        if self.ended {
            return Err("");
        }
        let last = self.links.len() - 1;
        let in_grace = |then: i64| now < then + ms(LIVES.grace);
        let in_use = self.delivered.0 > link + 1;
        if self.links[link].1.is_some() {
            if link + 1 < last || (in_use && !in_grace(self.delivered.1)) {
                self.ended = true;
                return Err("already used, so the access has ended");
            }
            if in_use && self.repeats == 16 {
                return Err("go on with the one");
            }
        }
        if self.accepted + ms(LIVES.absolute) <= now {
            return Err("too long ago");
        }
        if self.links[last].0 + ms(LIVES.idle) <= now {
            return Err("not used for too long");
        }
        if link == last {
            self.deliver(link + 1, now);
            self.repeats = 0;
            self.links[last].1 = Some(now);
            self.links.push((now, None));
        } else if in_use {
            self.repeats += 1;
        } else {
            // A fresh answer, or the same within a grace that may begin anew.
            self.links[link].1 = Some(now);
        }
        Ok(())
    }

    fn deliver(&mut self, links: usize, now: i64) {
        if links > self.delivered.0 {
            self.delivered = (links, now);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// In every history, with tokens of any age presented at any time, the answer is the model's. One link is live. A spent token is
    /// accepted again only for a retry: the answer was lost, or is asked for in parallel. The holder of a live chain's end can refresh.
    #[test]
    fn every_history_goes_as_the_model_says(turns in prop::collection::vec(turn(), 1..60)) {
        let mut world = World::new();
        let options = &mut world.client("acme").options;
        options.refresh_idle_seconds = Some(LIVES.idle);
        options.refresh_absolute_seconds = Some(LIVES.absolute);
        world.settings.retry_grace_s = LIVES.grace;
        let first = world.tokens();
        let mut tokens = vec![first.refresh_token.unwrap()];
        let mut access = first.access_token;
        let mut access_ends = world.now + LIVES.absolute as i64 * 1000;
        let links = vec![(world.now, None)];
        let mut model = Model { links, delivered: (0, 0), repeats: 0, accepted: world.now, ended: false };
        for turn in turns {
            match turn {
                Turn::Present(back) => {
                    let link = tokens.len().saturating_sub(1 + back);
                    let (answer, expected) = (world.refresh(&tokens[link]), model.present(link, world.now));
                    match (answer, expected) {
                        (Ok(answer), Ok(())) => {
                            access_ends = world.now + answer.expires_in as i64 * 1000;
                            prop_assert!(access_ends <= model.accepted + LIVES.absolute as i64 * 1000);
                            access = answer.access_token;
                            let successor = answer.refresh_token.unwrap();
                            match tokens.get(link + 1) {
                                Some(known) => prop_assert_eq!(known, &successor, "a retry gets the same successor"),
                                None => tokens.push(successor),
                            }
                        }
                        (Err(refused), Err(reason)) => {
                            prop_assert_eq!(refused.error().wire().1, "invalid_grant");
                            prop_assert!(refused.text().contains(reason), "{}: {}", refused.text(), reason);
                        }
                        (answer, expected) => {
                            prop_assert!(false, "link {} of {}: {:?}, and {:?} was expected", link, tokens.len(), answer.is_ok(), expected);
                        }
                    }
                }
                Turn::Use => {
                    if world.uses(&access) {
                        model.deliver(model.links.len(), world.now);
                    }
                }
                Turn::Wait(seconds) => world.wait(seconds),
                Turn::Leave => {
                    model.ended = true;
                    for grant in &mut world.store.grants {
                        if !grant.is_ended() {
                            grant.state = GrantState::Ended { at: world.now, reason: None };
                        }
                    }
                }
            }
            prop_assert_eq!(is_over(&world), model.ended);
            prop_assert_eq!(world.opens(&access), !model.ended && world.now < access_ends);
            let live = world.store.refresh_tokens.iter().filter(|token| token.used.is_none()).count();
            prop_assert_eq!(live, 1, "the chain has one end");
        }
    }
}

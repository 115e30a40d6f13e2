//! Stolen refresh tokens: what each kind of thief gets, and a client that has to live through thousands of refreshes beside none.
//!
//! The client is an identity provider that refreshes every hour. It has one place where it keeps its refresh token, writes an answer there
//! before it uses it, and reads it there before it asks again. Everything else goes wrong: answers are lost, workers ask side by side,
//! machines crash with an answer in their hands, nothing is asked for days.

use crate::constraints::TokenConstraints;
use crate::event::Event;
use crate::grant::{Delivery, EndReason, Grant, GrantId, GrantState};
use crate::store::RefreshToken;
use crate::testing::{EXCHANGE, REFRESH, VERIFIER, World, changed, code_of};
use crate::token::refresh_token::{Means, answered, judge};
use crate::token_id::Link;

const HOUR: u64 = 3600;
/// What two workers of one client may be apart.
const MOMENT: u64 = 2;
/// Longer than the grace.
const LATER: u64 = 60;

/// Numbers that look drawn, the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Where tokens are presented: the whole server, or the rules of it alone, which are fast.
trait Server {
    type Refresh: Clone;
    type Access: Clone;
    fn connected() -> (Self, Party<Self>)
    where
        Self: Sized;
    fn refresh(&mut self, token: &Self::Refresh) -> Option<(Self::Refresh, Self::Access)>;
    fn uses(&mut self, token: &Self::Access) -> bool;
    fn wait(&mut self, seconds: u64);
    fn is_over(&self) -> bool;
    fn was_theft(&self) -> bool;
}

/// Who has a refresh token.
struct Party<S: Server> {
    refresh_token: S::Refresh,
    access_token: S::Access,
}

impl<S: Server> Clone for Party<S> {
    fn clone(&self) -> Self {
        Party { refresh_token: self.refresh_token.clone(), access_token: self.access_token.clone() }
    }
}

impl<S: Server> Party<S> {
    /// Presents what it has, and keeps the answer.
    fn refresh(&mut self, server: &mut S) -> bool {
        let Some((refresh_token, access_token)) = server.refresh(&self.refresh_token) else { return false };
        *self = Party { refresh_token, access_token };
        true
    }

    fn uses(&self, server: &mut S) -> bool {
        server.uses(&self.access_token)
    }
}

impl Server for World {
    type Refresh = String;
    type Access = String;

    fn connected() -> (World, Party<World>) {
        let mut world = World::new();
        let tokens = world.tokens();
        let client = Party { refresh_token: tokens.refresh_token.unwrap(), access_token: tokens.access_token };
        assert!(client.uses(&mut world));
        (world, client)
    }

    fn refresh(&mut self, token: &String) -> Option<(String, String)> {
        let answer = World::refresh(self, token).ok()?;
        Some((answer.refresh_token?, answer.access_token))
    }

    fn uses(&mut self, token: &String) -> bool {
        World::uses(self, token)
    }

    fn wait(&mut self, seconds: u64) {
        World::wait(self, seconds);
    }

    fn is_over(&self) -> bool {
        self.store.grants[0].is_ended()
    }

    fn was_theft(&self) -> bool {
        let theft = |event: &Event| matches!(event, Event::GrantEnded { reason: EndReason::RefreshTokenReused, .. });
        self.store.events.iter().any(theft)
    }
}

/// The rules of the server: what a token means that is presented, and what is kept of that. A refresh token is its generation, an access
/// token its link and when it expires.
struct Rules {
    now: i64,
    grant: Grant,
    /// The last few.
    chain: Vec<RefreshToken>,
    superseded: Vec<Link>,
}

const GRACE: i64 = 30_000;

impl Rules {
    fn link(generation: i32) -> RefreshToken {
        RefreshToken {
            fingerprint: crate::Fingerprint::from_bytes(&[0; 32]).unwrap(),
            grant: GrantId::new(1),
            generation,
            created: 0,
            expires: i64::MAX,
            used: None,
            reissues: 0,
            repeats: 0,
            constraints: TokenConstraints::default(),
        }
    }

    fn deliver(&mut self, generation: i32) {
        if !self.grant.has_delivered(generation) {
            self.grant.delivered = Some(Delivery { generation, at: self.now });
        }
    }
}

impl Server for Rules {
    type Refresh = i32;
    type Access = (Link, i64);

    fn connected() -> (Rules, Party<Rules>) {
        let mut world = World::new();
        world.tokens();
        let rules =
            Rules { now: 0, grant: world.store.grants.remove(0), chain: vec![Rules::link(0)], superseded: Vec::new() };
        let access_token = (Link { generation: 0, reissue: 0 }, HOUR as i64 * 1000);
        (rules, Party { refresh_token: 0, access_token })
    }

    fn refresh(&mut self, generation: &i32) -> Option<(i32, (Link, i64))> {
        let (now, next) = (self.now, generation + 1);
        let place = self.chain.iter().position(|link| link.generation == *generation)?;
        let means = judge(&self.chain[place], self.chain.get(place + 1), &self.grant, |then| now - then < GRACE);
        match means {
            _ if self.is_over() => return None,
            Means::Theft => {
                self.grant.state = GrantState::Ended { at: now, reason: None };
                return None;
            }
            Means::TooMany => return None,
            Means::Refresh => {
                self.deliver(*generation);
                self.chain.push(Rules::link(next));
            }
            Means::LostAnswer => self.superseded.push(Link { generation: next, reissue: self.chain[place].reissues }),
            Means::Parallel => {}
        }
        let in_use = self.grant.has_delivered(next);
        answered(&mut self.chain[place], means, in_use, now, GRACE);
        let link = Link { generation: next, reissue: self.chain[place].reissues };
        if self.chain.len() > 8 {
            self.chain.drain(..4);
            self.superseded.retain(|link| link.generation > generation - 4);
        }
        Some((next, (link, now + HOUR as i64 * 1000)))
    }

    fn uses(&mut self, (link, expires): &(Link, i64)) -> bool {
        let good = !self.is_over() && self.now < *expires && !self.superseded.contains(link);
        if good {
            self.deliver(link.generation);
        }
        good
    }

    fn wait(&mut self, seconds: u64) {
        self.now += seconds as i64 * 1000;
    }

    fn is_over(&self) -> bool {
        self.grant.is_ended()
    }

    fn was_theft(&self) -> bool {
        self.is_over()
    }
}

/// An hour of the client's; whether all it did was answered.
fn an_hour<S: Server>(server: &mut S, client: &mut Party<S>, chance: &mut Chance) -> bool {
    // An idle weekend now and then.
    server.wait(if chance.one_in(40) { 60 * HOUR } else { HOUR });
    // Answers that never arrive, or arrive at a machine that crashes. It is tried again in a moment or much later, by one or by eight.
    while chance.one_in(4) {
        for _ in 0..=chance.below(8) {
            if server.refresh(&client.refresh_token).is_none() {
                return false;
            }
            server.wait(chance.below(MOMENT));
        }
        server.wait([0, 5, LATER, 5 * HOUR][chance.below(4) as usize]);
    }
    // Workers side by side, who read the token before the first of them wrote its answer down; each uses what it got.
    let before = client.clone();
    for _ in 0..=chance.below(8) {
        let mut worker = before.clone();
        if !worker.refresh(server) || (!chance.one_in(3) && !worker.uses(server)) {
            return false;
        }
        *client = worker;
        server.wait(chance.below(MOMENT));
    }
    server.wait([0, LATER][chance.below(2) as usize]);
    chance.one_in(10) || client.uses(server)
}

fn a_client_alone<S: Server>(runs: u64, hours: u64) {
    for run in 0..runs {
        let (mut server, mut client) = S::connected();
        let mut chance = Chance(run);
        for hour in 0..hours {
            assert!(an_hour(&mut server, &mut client, &mut chance), "run {run}, hour {hour}");
        }
        assert!(!server.is_over());
    }
}

#[test]
fn hardening_2_a_client_alone_never_loses_its_connection() {
    a_client_alone::<Rules>(200, 2_000);
    a_client_alone::<World>(20, 40);
}

/// An hour of the client's in which nothing goes wrong, and what a thief does at three moments of it: before it refreshes, between that and
/// the first use of what it got, and after that.
fn beside<S: Server>(server: &mut S, client: &mut Party<S>, mut thief: impl FnMut(&mut S, usize)) -> bool {
    server.wait(HOUR / 2);
    thief(server, 0);
    server.wait(HOUR / 2);
    if !client.refresh(server) {
        return false;
    }
    server.wait(LATER);
    thief(server, 1);
    // Whose access token is refused refreshes.
    let good = client.uses(server) || (client.refresh(server) && client.uses(server));
    server.wait(LATER);
    thief(server, 2);
    good
}

/// Some hours of the client's, after which a thief copies what it has.
fn robbed<S: Server>(run: u64) -> (S, Party<S>, Party<S>, Chance) {
    let (mut server, mut client) = S::connected();
    let mut chance = Chance(run);
    for _ in 0..chance.below(20) {
        assert!(an_hour(&mut server, &mut client, &mut chance));
    }
    let thief = client.clone();
    (server, client, thief, chance)
}

fn a_thief_who_follows<S: Server>(runs: u64) {
    for run in 0..runs {
        let (mut server, mut client, mut thief, _) = robbed::<S>(run);
        assert!(beside(&mut server, &mut client, |_, _| ()));
        assert!(!thief.refresh(&mut server) && server.is_over() && server.was_theft());
        assert!(!client.uses(&mut server) && !client.refresh(&mut server));
    }
}

#[test]
fn hardening_2_a_thief_who_follows_ends_it_at_once() {
    a_thief_who_follows::<Rules>(2_000);
    a_thief_who_follows::<World>(20);
}

fn a_thief_who_goes_first<S: Server>(runs: u64) {
    for run in 0..runs {
        let (mut server, mut client, mut thief, mut chance) = robbed::<S>(run);
        server.wait(chance.below(HOUR));
        assert!(thief.refresh(&mut server) && thief.uses(&mut server));
        server.wait(HOUR - 60);
        assert!(!client.refresh(&mut server) && server.is_over() && server.was_theft());
        assert!(!thief.uses(&mut server));
    }
}

#[test]
fn hardening_2_a_thief_who_goes_first_is_found_within_an_hour() {
    a_thief_who_goes_first::<Rules>(2_000);
    a_thief_who_goes_first::<World>(20);
}

/// A thief presents the newest refresh token they have, or uses an access token they got, at any time. Between their first and last
/// request that succeeds are three hours at most. A thief who never comes back is not looked for.
fn a_thief_who_holds_back<S: Server>(runs: u64) {
    let (mut gained, mut found) = (0, 0);
    for run in 0..runs {
        let (mut server, mut client) = S::connected();
        let (mut chance, mut thief, mut has_access) = (Chance(run), client.clone(), false);
        let (mut since, mut last, mut hours, patience) = (None, 0, 0, 1 + chance.below(4));
        while hours < 24 && !server.is_over() {
            beside(&mut server, &mut client, |server, _| {
                // The access token that was copied along ends after an hour in any case.
                has_access |= chance.below(4) < patience && thief.refresh(server);
                if has_access && chance.one_in(patience) && thief.uses(server) {
                    since.get_or_insert(hours);
                    last = hours;
                }
            });
            hours += 1;
        }
        match since {
            None => assert!(!server.is_over() || server.was_theft()),
            Some(since) => {
                gained += 1;
                assert!(last - since <= 3, "run {run}: from hour {since} to {last}");
                found += u64::from(server.is_over() && server.was_theft());
            }
        }
    }
    assert!(gained * 10 > runs && found * 100 > gained * 95, "{gained} of {runs} gained something, {found} were found");
}

#[test]
fn hardening_2_a_thief_who_holds_back_is_found_within_three_hours() {
    a_thief_who_holds_back::<Rules>(2_000);
    a_thief_who_holds_back::<World>(40);
}

/// The limit of it: who presents the token while the client's own workers may still be at it looks like one of them.
#[test]
fn hardening_2_a_thief_inside_the_grace_is_not_found() {
    let (mut world, mut client) = World::connected();
    let mut thief = client.clone();
    for _ in 0..100 {
        world.wait(HOUR);
        assert!(client.refresh(&mut world) && client.uses(&mut world));
        world.wait(MOMENT);
        assert!(thief.refresh(&mut world) && thief.uses(&mut world));
    }
    assert!(!world.is_over());
}

#[test]
fn hardening_2_a_public_client_without_a_key_has_no_grace() {
    const PHONE: [(&str, &str); 2] = [("client_id", "phone"), ("client_secret", "")];
    let asked: [(&str, &str); 3] =
        [("client_id", "phone"), ("code_challenge", crate::testing::CHALLENGE), ("code_challenge_method", "S256")];
    let mut world = World::new();
    let code = world.code(&asked);
    let form = [&[("code", code.as_str()), ("code_verifier", VERIFIER)][..], &PHONE].concat();
    let first = world.token(&changed(EXCHANGE, &form)).ok().unwrap().refresh_token.unwrap();
    let refresh = |world: &mut World| {
        world.token(&changed(REFRESH, &[&[("refresh_token", first.as_str())][..], &PHONE].concat()))
    };
    let lost = refresh(&mut world).ok().unwrap();
    let again = refresh(&mut world).ok().unwrap();
    assert_eq!(lost.refresh_token, again.refresh_token, "an answer may be lost");
    assert!(!world.opens(&lost.access_token), "the access token of the lost answer is void");
    assert!(world.uses(&again.access_token));
    assert_eq!(code_of(refresh(&mut world)), "invalid_grant");
    assert!(world.is_over() && world.was_theft());
}

#[test]
fn hardening_2_parallel_workers_get_one_answer_and_not_without_end() {
    let (mut world, client) = World::connected();
    let mut workers: Vec<Party<World>> = (0..8).map(|_| client.clone()).collect();
    for worker in &mut workers {
        assert!(worker.refresh(&mut world) && worker.uses(&mut world));
        world.wait(MOMENT);
    }
    assert!(workers.iter().all(|worker| worker.refresh_token == workers[0].refresh_token));
    assert!(workers.iter().all(|worker| worker.uses(&mut world)), "all access tokens of one answer live");
    let late = (0..200).filter(|_| client.clone().refresh(&mut world)).count();
    assert_eq!(late, 16 - 7);
    assert!(!world.is_over(), "too many is no theft");
    world.wait(30);
    assert!(!client.clone().refresh(&mut world) && world.was_theft());
}

#[test]
fn hardening_2_clocks_that_differ_by_seconds_end_nothing() {
    for ahead in [-20_000, -5_000, 5_000, 20_000] {
        let (mut world, client) = World::connected();
        let (mut one, mut two) = (client.clone(), client);
        assert!(one.refresh(&mut world) && one.uses(&mut world));
        world.now += ahead; // the other replica's clock
        assert!(two.refresh(&mut world) && two.uses(&mut world), "{ahead}");
        world.now -= ahead;
        assert!(one.uses(&mut world) && one.refresh(&mut world) && one.uses(&mut world));
        assert!(!world.is_over());
    }
    // A clock that is far off opens no door either: a token that was answered long ago or long in the future is not in its grace.
    let (mut world, client) = World::connected();
    let mut one = client.clone();
    assert!(one.refresh(&mut world) && one.uses(&mut world));
    world.now -= 400 * 86_400_000;
    assert!(!client.clone().refresh(&mut world) && world.was_theft());
}

#[test]
fn hardening_2_the_access_tokens_of_a_lost_answer_die_and_older_ones_live() {
    let (mut world, client) = World::connected();
    let mut stranger = client.clone();
    assert!(stranger.refresh(&mut world), "who holds back");
    world.wait(LATER);
    let mut honest = client.clone();
    assert!(honest.refresh(&mut world));
    assert_eq!(honest.refresh_token, stranger.refresh_token);
    assert!(client.uses(&mut world), "the token from before the refresh is good until it expires");
    assert!(!stranger.uses(&mut world) && honest.uses(&mut world));
    let said =
        world.run(|store, cx| crate::token::bearer::examine(store, cx, &stranger.access_token)).unwrap().err().unwrap();
    assert_eq!(said, crate::error::InvalidToken::Superseded);
    assert!(world.store.events.iter().any(|event| matches!(event, Event::AnsweredAgain { .. })));
    // And they stay dead when the chain has gone on.
    world.wait(HOUR - 120);
    assert!(honest.refresh(&mut world) && honest.uses(&mut world) && !stranger.uses(&mut world));
}

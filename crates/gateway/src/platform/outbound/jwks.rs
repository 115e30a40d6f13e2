//! Public keys that others keep: fetched when they are first needed, and again when they are old or a new name turns up.
//!
//! Each process remembers them for itself. That is no state another replica would have to know: they are public documents, and
//! all readers get the same.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use oauth::assertion::{KeySource, Supply};
use oauth::jose::Jwks;
use serde_json::Value;

use super::{Calls, FetchError, Outbound};
use crate::platform::clock::Clock;
use crate::platform::timestamp::Timestamp;

/// Keys are believed so long without asking again.
const FRESH_MS: i64 = 3600 * 1000;
/// If their owner does not answer, they are believed so long.
const STALE_MS: i64 = 24 * FRESH_MS;
/// How long a server that has just failed is not asked again.
const AFTER_FAILURE_MS: i64 = 15 * 1000;
/// Keys of a name we do not know are looked for so often in
const LOOKS: u32 = 3;
/// so long, and beyond that
const WINDOW_MS: i64 = 300 * 1000;
/// once in so long: who invents names cannot make us call without end, nor keep a new key from being found.
const SLOWLY_MS: i64 = 10 * 1000;
/// How many owners are remembered; the one remembered longest is forgotten first.
const MAX_SOURCES: usize = 1000;

/// Public keys of others. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PublishedKeys {
    outbound: Outbound,
    clock: Clock,
    sources: Arc<Mutex<Sources>>,
}

#[derive(Debug, Default)]
struct Sources {
    known: HashMap<KeySource, Arc<Owner>>,
    order: VecDeque<KeySource>,
}

/// A party that publishes keys.
#[derive(Debug, Default)]
struct Owner {
    known: Mutex<Known>,
    /// Held by the one that fetches.
    fetching: tokio::sync::Mutex<()>,
}

/// What is known of one owner's keys.
#[derive(Debug, Default)]
struct Known {
    keys: Option<(Timestamp, Arc<Jwks>)>,
    failure: Option<(Timestamp, String)>,
    looks: Option<Looks>,
}

/// Searches for names we did not know.
#[derive(Debug, Clone, Copy)]
struct Looks {
    since: Timestamp,
    n: u32,
    last: Timestamp,
}

/// What to do about it.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Fetch,
    Answer(Supply),
}

impl PublishedKeys {
    /// Knows nothing yet.
    pub fn new(outbound: Outbound, clock: Clock) -> PublishedKeys {
        PublishedKeys { outbound, clock, sources: Arc::default() }
    }

    /// The keys of a source, among which one of this name is looked for. What is called for them is noted.
    pub async fn of(&self, source: &KeySource, kid: Option<&str>, calls: &Calls) -> Supply {
        let owner = self.owner(source);
        if let Some(supply) = owner.known().at_hand(kid, self.clock.now()) {
            return supply;
        }
        // A caller that comes while they are fetched waits for them, unless what is known will do.
        let _fetching = owner.fetching.lock().await;
        let now = self.clock.now();
        if let Decision::Answer(supply) = owner.known().decide(kid, now) {
            return supply;
        }
        let fetched = self.fetch(source, calls).await;
        let mut known = owner.known();
        match fetched {
            Ok(keys) => {
                known.failure = None;
                known.keys = Some((now, Arc::new(keys)));
            }
            Err(failure) => {
                tracing::warn!(?source, %failure, "keys of a client cannot be read");
                known.failure = Some((now, failure.to_string()));
            }
        }
        known.answer(now)
    }

    /// Fetches keys and remembers nothing: to try an address out.
    pub async fn fetch(&self, source: &KeySource, calls: &Calls) -> Result<Jwks, FetchError> {
        let document = match source {
            KeySource::JwksUri(uri) => self.outbound.json(uri, calls).await?,
            KeySource::Issuer(issuer) => {
                let discovery = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                let discovered = self.outbound.json(&discovery, calls).await?;
                self.outbound.json(keys_of(issuer, &discovered)?, calls).await?
            }
        };
        Jwks::published(&document).ok_or_else(|| {
            FetchError::Refused("it is no JWK set with a public key of use, or shows a private one".to_owned())
        })
    }

    fn owner(&self, source: &KeySource) -> Arc<Owner> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sources.known.get(source) {
            return known.clone();
        }
        if sources.order.len() >= MAX_SOURCES
            && let Some(oldest) = sources.order.pop_front()
        {
            sources.known.remove(&oldest);
        }
        sources.order.push_back(source.clone());
        sources.known.entry(source.clone()).or_default().clone()
    }
}

/// `jwks_uri` of a discovery document, which has to be the issuer's own (OpenID Connect Discovery §4.3).
fn keys_of<'a>(issuer: &str, discovered: &'a Value) -> Result<&'a str, FetchError> {
    let refused = |why: &str| Err(FetchError::Refused(why.to_owned()));
    match (discovered["issuer"].as_str(), discovered["jwks_uri"].as_str()) {
        (Some(named), Some(uri)) if named == issuer => Ok(uri),
        (Some(_), Some(_)) => refused("its discovery document is about another issuer"),
        _ => refused("its discovery document has no issuer or no jwks_uri"),
    }
}

impl Owner {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// What is known without a call: keys of this name, or that their owner has just failed.
    fn at_hand(&self, kid: Option<&str>, now: Timestamp) -> Option<Supply> {
        let failed = self.failure.as_ref().is_some_and(|(then, _)| now - *then < AFTER_FAILURE_MS);
        let fresh = self.keys.as_ref().filter(|(then, _)| now - *then < FRESH_MS);
        let known = fresh.is_some_and(|(_, keys)| keys.named(kid).next().is_some());
        (failed || known).then(|| self.answer(now))
    }

    fn decide(&mut self, kid: Option<&str>, now: Timestamp) -> Decision {
        if let Some(supply) = self.at_hand(kid, now) {
            return Decision::Answer(supply);
        }
        if self.keys.as_ref().is_none_or(|(then, _)| now - *then >= FRESH_MS) {
            return Decision::Fetch;
        }
        let looks = self.looks.filter(|looks| now - looks.since < WINDOW_MS);
        let looks = looks.unwrap_or(Looks { since: now, n: 0, last: Timestamp::MIN });
        if looks.n >= LOOKS && now - looks.last < SLOWLY_MS {
            return Decision::Answer(self.answer(now));
        }
        self.looks = Some(Looks { n: looks.n + 1, last: now, ..looks });
        Decision::Fetch
    }

    fn answer(&self, now: Timestamp) -> Supply {
        match (&self.keys, &self.failure) {
            (Some((then, keys)), _) if now - *then < STALE_MS => Supply::Keys(keys.clone()),
            (_, Some((_, failure))) => Supply::Failed(failure.clone()),
            _ => Supply::Failed("they were not read for too long".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::timestamp::ms;

    fn keys() -> Arc<Jwks> {
        let key =
            json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a"});
        Arc::new(Jwks::published(&json!({"keys": [key]})).unwrap())
    }

    fn knows() -> Known {
        Known { keys: Some((ms(0), keys())), ..Known::default() }
    }

    #[test]
    fn known_keys_are_not_fetched_again_before_they_are_old() {
        assert_eq!(Known::default().decide(Some("a"), ms(0)), Decision::Fetch);
        let mut known = knows();
        for now in [0, FRESH_MS - 1] {
            assert_eq!(known.decide(Some("a"), ms(now)), Decision::Answer(Supply::Keys(keys())));
            assert_eq!(known.decide(None, ms(now)), Decision::Answer(Supply::Keys(keys())));
        }
        assert_eq!(known.decide(Some("a"), ms(FRESH_MS)), Decision::Fetch);
    }

    #[test]
    fn an_unknown_name_is_looked_for_a_few_times_in_a_while() {
        let mut known = knows();
        for _ in 0..LOOKS {
            assert_eq!(known.decide(Some("b"), ms(1000)), Decision::Fetch);
        }
        assert_eq!(known.decide(Some("c"), ms(2000)), Decision::Answer(Supply::Keys(keys())));
        assert_eq!(
            known.decide(Some("a"), ms(2000)),
            Decision::Answer(Supply::Keys(keys())),
            "known ones are not affected"
        );
        assert_eq!(known.decide(Some("b"), ms(1000 + WINDOW_MS)), Decision::Fetch);
    }

    #[test]
    fn hardening_1_who_invents_names_keeps_a_new_key_from_being_found_for_seconds_only() {
        let mut known = knows();
        let fetches = |known: &mut Known, from: i64, to: i64| {
            (from..to).step_by(100).filter(|now| known.decide(Some("invented"), ms(*now)) == Decision::Fetch).count()
        };
        // Ten a second, for five minutes: one call in ten seconds.
        assert!((25..40).contains(&fetches(&mut known, 0, 300_000)));
        let found = (300_000..320_000).step_by(1000).find(|now| known.decide(Some("new"), ms(*now)) == Decision::Fetch);
        assert!(found.is_some_and(|now| now <= 300_000 + SLOWLY_MS), "{found:?}");
        assert_eq!(
            known.at_hand(Some("a"), ms(300_000)),
            Some(Supply::Keys(keys())),
            "and a known one waits for nothing"
        );
    }

    #[test]
    fn who_fails_is_left_alone_for_a_moment_and_believed_for_a_day() {
        let mut known = Known { failure: Some((ms(0), "no answer".to_owned())), ..Known::default() };
        let failed = || Decision::Answer(Supply::Failed("no answer".to_owned()));
        assert_eq!(known.decide(Some("a"), ms(AFTER_FAILURE_MS - 1)), failed());
        assert_eq!(known.decide(Some("a"), ms(AFTER_FAILURE_MS)), Decision::Fetch);
        let mut known = Known { failure: Some((ms(2 * FRESH_MS), "no answer".to_owned())), ..knows() };
        assert_eq!(known.decide(Some("a"), ms(2 * FRESH_MS)), Decision::Answer(Supply::Keys(keys())));
        known.failure = Some((ms(STALE_MS), "no answer".to_owned()));
        assert_eq!(known.decide(Some("a"), ms(STALE_MS)), failed());
    }

    #[test]
    fn a_discovery_document_speaks_for_its_own_issuer_only() {
        let document = json!({"issuer": "https://a.example", "jwks_uri": "https://a.example/keys"});
        assert_eq!(keys_of("https://a.example", &document), Ok("https://a.example/keys"));
        for issuer in ["https://a.example/", "https://b.example", "https://A.example"] {
            assert!(keys_of(issuer, &document).is_err(), "{issuer}");
        }
        assert!(keys_of("https://a.example", &json!({"issuer": "https://a.example"})).is_err());
        assert!(keys_of("https://a.example", &json!([])).is_err());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let keys = PublishedKeys::new(Outbound::new(super::super::AllowedNetworks::Public), Clock::of_the_machine());
        for n in 0..MAX_SOURCES + 10 {
            keys.owner(&KeySource::JwksUri(format!("https://{n}.example/")));
        }
        let sources = keys.sources.lock().unwrap();
        assert_eq!((sources.known.len(), sources.order.len()), (MAX_SOURCES, MAX_SOURCES));
    }
}

//! Signing JWTs of ours (RFC 7515) and publishing the keys that verify them (RFC 7517).
//!
//! One key for each algorithm signs at a time. Keys are made when there is none, sealed under the master key and kept in the
//! database, so every replica signs with the same ones. A key lives three lives, told apart by the clock alone:
//!
//! ```text
//! made ── published, so that caches learn it ──▶ signs_from ── signs ──▶ the successor's signs_from ── published ──▶ expires
//! ```
//!
//! A replica looks at the database again when what it knows is half a minute old, so replicas need not notify each other.

use std::sync::{Arc, PoisonError, RwLock};

use oauth::Keyring;
use oauth::jose::{Jwk, Jws};
use oauth::signing::{SigningAlgorithm, UnsignedJwt};
use serde_json::{Value, json};

use crate::domain::event::{Act, Action};
use crate::platform::clock::Clock;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::signing_keys::SealedKey;
use crate::storage::{Db, DbError, ReadCost, Tx};

pub(crate) mod key;

use key::SigningKey;

/// How long a new key is published before it signs. Longer than any client caches our JWKS: it may be kept for five minutes, and
/// there are clients that keep it for a day regardless.
pub const PUBLISHED_AHEAD_MS: i64 = 24 * 3600 * 1000;
/// How long after the last token of a key has expired the key is still published: clocks differ, and a replica may sign with
/// the predecessor for half a minute.
const SLACK_MS: i64 = 10 * 60 * 1000;
/// After so long a replica looks at the database again.
const FRESH_MS: i64 = 30 * 1000;
/// When a stranger names a key we do not know, no more often than this.
const IMPATIENT_MS: i64 = 1000;

/// Signs with the installation's current keys. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Signer {
    db: Db,
    keyring: Arc<Keyring>,
    known: Arc<RwLock<Arc<Known>>>,
    /// So that of many requests one looks.
    looking: Arc<tokio::sync::Mutex<()>>,
}

/// The keys as they were at one moment.
#[allow(missing_debug_implementations)]
pub struct Known {
    clock: Clock,
    at: Timestamp,
    keys: Vec<KnownKey>,
    public: Vec<Jwk>,
}

struct KnownKey {
    signs_from: Timestamp,
    expires: Option<Timestamp>,
    key: Arc<SigningKey>,
}

impl Known {
    /// The public keys, for checking what we signed.
    pub fn public(&self) -> &[Jwk] {
        &self.public
    }

    /// Signs.
    pub fn sign(&self, unsigned: &UnsignedJwt) -> Result<String, DbError> {
        let key = self.signing(unsigned.algorithm, self.clock.now());
        let key = key.ok_or_else(|| DbError::Corrupt(format!("no {} signing key", unsigned.algorithm.as_str())))?;
        key.sign(unsigned.typ, &unsigned.claims)
    }

    fn signing(&self, algorithm: SigningAlgorithm, now: Timestamp) -> Option<&SigningKey> {
        let of_algorithm = || self.keys.iter().filter(|known| known.key.algorithm == algorithm);
        let begun = of_algorithm().filter(|known| known.signs_from <= now).max_by_key(|known| known.signs_from);
        // A clock that runs behind the one that made the only key must not stop us.
        begun.or_else(|| of_algorithm().min_by_key(|known| known.signs_from)).map(|known| &*known.key)
    }
}

/// When a key that follows another begins to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// After all clients could fetch the new key; tokens of the old key stay valid.
    Scheduled,
    /// The old one is in wrong hands: it is gone at once, and so is what it signed.
    Emergency,
}

impl Signer {
    /// Opens the keys of this installation and makes those that are missing.
    pub async fn open(db: Db, keyring: Arc<Keyring>) -> Result<Signer, DbError> {
        let known = Known { clock: db.clock().clone(), at: Timestamp::MIN, keys: Vec::new(), public: Vec::new() };
        let signer = Signer { db, keyring, known: Arc::new(RwLock::new(Arc::new(known))), looking: Arc::default() };
        signer.reload().await?;
        let known = signer.cached();
        let missing =
            SigningAlgorithm::ALL.into_iter().filter(|algorithm| known.signing(*algorithm, Timestamp::EPOCH).is_none());
        let missing: Vec<SigningAlgorithm> = missing.collect();
        for algorithm in &missing {
            let now = signer.db.clock().now();
            let fresh = signer.make(*algorithm, now, now).await?;
            // Another replica may have been faster; then its key is the one.
            signer.db.write(move |tx| tx.insert_signing_key(&fresh).map(drop)).await?;
        }
        if !missing.is_empty() {
            signer.reload().await?;
        }
        Ok(signer)
    }

    /// What is known at the moment.
    pub fn cached(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn reload(&self) -> Result<(), DbError> {
        let stored: Vec<SealedKey> = self.db.read(ReadCost::Scan, |tx| tx.signing_keys()).await?;
        let (before, now) = (self.cached(), self.db.clock().now());
        let mut keys = Vec::with_capacity(stored.len());
        for stored in stored.iter().filter(|key| key.expires.is_none_or(|expires| expires > now)) {
            let open = before.keys.iter().find(|known| known.key.kid == stored.kid).map(|known| known.key.clone());
            let key = match open {
                Some(key) => key,
                None => Arc::new(SigningKey::open(&self.keyring, stored)?),
            };
            keys.push(KnownKey { signs_from: stored.signs_from, expires: stored.expires, key });
        }
        let public = keys.iter().map(|known| known.key.public.clone()).collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(Known { clock: before.clock.clone(), at: now, keys, public });
        Ok(())
    }

    /// What is known, looked up anew if it is older than this.
    async fn at_most_old(&self, age: i64) -> Result<Arc<Known>, DbError> {
        let known = self.cached();
        if self.db.clock().now() - known.at < age {
            return Ok(known);
        }
        let _turn = self.looking.lock().await;
        if self.db.clock().now() - self.cached().at >= age {
            self.reload().await?;
        }
        Ok(self.cached())
    }

    /// The public keys (RFC 7517 §5).
    pub async fn jwks(&self) -> Result<Value, DbError> {
        let (known, now) = (self.at_most_old(IMPATIENT_MS).await?, self.db.clock().now());
        let published = known.keys.iter().filter(|known| known.expires.is_none_or(|expires| expires > now));
        Ok(json!({"keys": published.map(|known| known.key.public.to_value()).collect::<Vec<_>>()}))
    }

    /// Makes sure that the key which a JWT names is known, if it exists; for who checks one in a unit of work a moment later.
    /// Costs nothing for what is no JWT.
    pub async fn ensure_key_known(&self, presented: Option<&str>) -> Result<(), DbError> {
        let Some(text) = presented.and_then(|text| text.split(' ').next_back()).filter(|text| text.starts_with("eyJ"))
        else {
            return Ok(());
        };
        let known = self.at_most_old(FRESH_MS).await?;
        let kid = Jws::parse(text).ok().and_then(|jws| jws.kid().map(str::to_owned));
        if kid.is_some_and(|kid| known.keys.iter().all(|known| known.key.kid != kid)) {
            self.at_most_old(IMPATIENT_MS).await?;
        }
        Ok(())
    }

    /// The keys to sign with now.
    pub async fn current(&self) -> Result<Arc<Known>, DbError> {
        self.at_most_old(FRESH_MS).await
    }

    async fn make(
        &self,
        algorithm: SigningAlgorithm,
        now: Timestamp,
        signs_from: Timestamp,
    ) -> Result<SealedKey, DbError> {
        let keys = self.keyring.clone();
        // An RSA key may take a second.
        let made = tokio::task::spawn_blocking(move || key::make(&keys, algorithm, now, signs_from));
        made.await.map_err(|_| DbError::Interrupted)?
    }

    /// Makes a successor to the newest key of this algorithm; `None` if another replica was faster. `longest_ms` is the longest
    /// life of anything signed.
    pub async fn rotate(
        &self,
        algorithm: SigningAlgorithm,
        handover: Rotation,
        longest_ms: i64,
    ) -> Result<Option<SealedKey>, DbError> {
        let stored = self.db.read(ReadCost::Scan, |tx| tx.signing_keys()).await?;
        let newest = stored.iter().find(|key| key.algorithm == algorithm.as_str() && key.expires.is_none());
        self.succeed(algorithm, newest.map(|key| key.kid.clone()), handover, longest_ms, self.db.clock().now()).await
    }

    async fn succeed(
        &self,
        algorithm: SigningAlgorithm,
        predecessor: Option<String>,
        handover: Rotation,
        longest_ms: i64,
        now: Timestamp,
    ) -> Result<Option<SealedKey>, DbError> {
        let signs_from = match handover {
            Rotation::Scheduled => now + PUBLISHED_AHEAD_MS,
            Rotation::Emergency => now,
        };
        let fresh = self.make(algorithm, now, signs_from).await?;
        let next = fresh.clone();
        let done = self
            .db
            .write(move |tx| succeed(tx, predecessor.as_deref(), &next, handover, signs_from + longest_ms + SLACK_MS))
            .await?;
        self.reload().await?;
        Ok(done.then_some(fresh))
    }

    /// Makes successors to keys that by this time will soon have signed for so long; `None`: only commands do.
    pub async fn rotate_due(&self, every_ms: Option<i64>, longest_ms: i64, now: Timestamp) -> Result<(), DbError> {
        let Some(every) = every_ms else { return Ok(()) };
        let known = self.at_most_old(FRESH_MS).await?;
        for algorithm in SigningAlgorithm::ALL {
            let newest = known.keys.iter().find(|known| known.key.algorithm == algorithm && known.expires.is_none());
            let Some(newest) = newest.filter(|newest| newest.signs_from + every - PUBLISHED_AHEAD_MS <= now) else {
                continue;
            };
            let kid = Some(newest.key.kid.clone());
            if let Some(made) = self.succeed(algorithm, kid, Rotation::Scheduled, longest_ms, now).await? {
                tracing::info!(kid = made.kid, algorithm = made.algorithm, "made the next signing key");
            }
        }
        Ok(())
    }
}

/// One key follows another, in one unit of work.
fn succeed(
    tx: &mut Tx<'_>,
    predecessor: Option<&str>,
    next: &SealedKey,
    handover: Rotation,
    published_until: Timestamp,
) -> Result<bool, DbError> {
    let free = match (handover, predecessor) {
        (Rotation::Emergency, _) => {
            tx.remove_signing_keys_of(&next.algorithm)?;
            true
        }
        (Rotation::Scheduled, Some(kid)) => tx.expire_signing_key(kid, published_until)?,
        (Rotation::Scheduled, None) => true,
    };
    if !free || !tx.insert_signing_key(next)? {
        return Ok(false);
    }
    let action = match handover {
        Rotation::Scheduled => Action::SigningKeyRotated,
        Rotation::Emergency => Action::SigningKeyReplaced,
    };
    let detail = format!("{}, signs from {}", next.algorithm, system::rfc3339(next.signs_from));
    tx.raise(next.created, None, Act::new(action).on(&next.kid).saying(detail));
    Ok(true)
}

#[cfg(test)]
mod tests;

//! Passwords chosen by people: argon2id on threads of their own behind a bounded queue, so that log-ins never starve the
//! rest and memory stays within 19 MiB a thread. In the queue, accounts take turns, and none has more than half of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier, Version};
use precis_core::profile::Rules;
use precis_profiles::OpaqueString;

use crate::platform::lane::{self, Kind, Lane};
use crate::platform::secret_text::SecretText;
use crate::platform::turns::Payer;

pub mod commonest;

/// A pool of hashing threads. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Passwords {
    lane: Lane,
    verified: Arc<AtomicU64>,
}

/// The queue is full: try again in a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// How long a log-in waits for a thread.
const WAIT: Duration = Duration::from_secs(60);

/// A password as it is compared (RFC 7644 §5): the mappings of the PRECIS profile OpaqueString (RFC 8265 §4.2), so that it does not
/// matter whether a keyboard composes its letters.
pub fn prepared(password: &SecretText) -> SecretText {
    let typed = password.reveal();
    if typed.is_ascii() {
        return password.clone();
    }
    let rules = OpaqueString::new();
    let spaced = rules.additional_mapping_rule(typed);
    match spaced.and_then(|spaced| rules.normalization_rule(spaced)) {
        Ok(prepared) => SecretText::new(&prepared),
        Err(_) => password.clone(),
    }
}

/// Verified where a name is unknown, so that an unknown name takes as long as a wrong password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$XcMMWsSKU3+xkUOLRdB4uv8rOQPzuCc0i0m3r5Gf6Vg";

impl Passwords {
    /// So many threads, for which so many may wait.
    pub fn start(threads: usize, waiting: usize) -> Passwords {
        let kind = Kind {
            name: "passwords",
            threads,
            each: threads,
            waiting,
            waiting_each: waiting.div_ceil(2),
            refuses_early: false,
            wait: WAIT,
            given_up: None,
            gives_way: false,
        };
        Passwords { lane: Lane::new(kind, || {}), verified: Arc::default() }
    }

    async fn run<T: Send + 'static>(
        &self,
        payer: Payer,
        work: impl FnOnce(&Argon2<'_>) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let work = move || {
            // OWASP's floor for argon2id.
            let params = Params::new(19_456, 2, 1, None).expect("valid parameters");
            work(&Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
        };
        self.lane.run(payer, work).await.map_err(|_| Busy)
    }

    /// The hash to be stored, of the password as it is [compared](prepared).
    pub async fn hash(&self, payer: Payer, password: SecretText) -> Result<String, Busy> {
        let password = prepared(&password);
        self.run(payer, move |argon2| {
            argon2.hash_password(password.reveal().as_bytes()).expect("argon2 hashes any password").to_string()
        })
        .await
    }

    /// How loaded it is.
    pub fn load(&self) -> lane::Load {
        self.lane.load()
    }

    /// How often a password was verified since the start.
    pub fn verified(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }

    /// Whether this password has the hash. Without a hash it takes as long as with one.
    ///
    /// Hashes of earlier releases are of passwords as they were typed. So one that is compared otherwise than it was typed is tried
    /// both ways, and always: how many hashes are computed depends on what was typed, never on what is stored.
    pub async fn verify(&self, payer: Payer, password: SecretText, hash: Option<String>) -> Result<bool, Busy> {
        let verified = self.verified.clone();
        let prepared = prepared(&password);
        self.run(payer, move |argon2| {
            let stored = hash.as_deref().unwrap_or(NOBODY);
            let check = |password: &SecretText| {
                verified.fetch_add(1, Ordering::Relaxed);
                argon2::password_hash::phc::PasswordHash::new(stored)
                    .is_ok_and(|stored| argon2.verify_password(password.reveal().as_bytes(), &stored).is_ok())
            };
            let mut right = check(&prepared);
            if prepared != password {
                right |= check(&password);
            }
            right && hash.is_some()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretText {
        SecretText::new(text)
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::start(1, 4);
        let hash = passwords.hash(Payer::SERVER, secret("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(Payer::SERVER, secret("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(Payer::SERVER, secret("battery staple"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn attack_69_a_name_that_no_user_has_costs_as_much_as_a_wrong_password() {
        let passwords = Passwords::start(1, 4);
        let hash = passwords.hash(Payer::SERVER, secret("correct horse")).await.unwrap();
        // Two where the typed form matters, in any stored form.
        for (typed, computed) in
            [("wrong", 1), ("correct horse", 1), ("wröng", 1), ("wro\u{308}ng", 2), ("a\u{a0}b", 2)]
        {
            for stored in [None, Some(hash.clone()), Some(NOBODY.to_owned())] {
                let before = passwords.verified();
                let right = passwords.verify(Payer::SERVER, secret(typed), stored.clone()).await.unwrap();
                assert_eq!(passwords.verified() - before, computed, "{typed:?}");
                assert_eq!(right, typed == "correct horse" && stored == Some(hash.clone()));
            }
        }
        let parameters = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parameters(&hash), parameters(NOBODY), "by the same parameters");
    }

    #[test]
    fn the_hash_for_unknown_names_is_a_real_one() {
        assert!(argon2::password_hash::phc::PasswordHash::new(NOBODY).is_ok());
    }

    #[tokio::test]
    async fn report_6_a_password_is_the_same_composed_and_decomposed_and_old_hashes_count() {
        let (composed, decomposed) = ("josé et zoé", "jose\u{301} et zoe\u{301}");
        let passwords = Passwords::start(1, 4);
        for set in [composed, decomposed] {
            let hash = passwords.hash(Payer::SERVER, secret(set)).await.unwrap();
            for typed in [composed, decomposed, "josé\u{a0}et\u{3000}zoé"] {
                assert!(
                    passwords.verify(Payer::SERVER, secret(typed), Some(hash.clone())).await.unwrap(),
                    "{set:?} typed {typed:?}"
                );
            }
            // Case and width matter in a password.
            for typed in ["JOSÉ et zoé", "ｊosé et zoé", "jose et zoe"] {
                assert!(
                    !passwords.verify(Payer::SERVER, secret(typed), Some(hash.clone())).await.unwrap(),
                    "{typed:?}"
                );
            }
        }
        // As an earlier release hashed what was typed.
        let hash_of_bytes = |text: &'static str| {
            passwords
                .run(Payer::SERVER, move |argon2| argon2.hash_password(text.as_bytes()).expect("a hash").to_string())
        };
        let old = hash_of_bytes(decomposed).await.unwrap();
        assert!(passwords.verify(Payer::SERVER, secret(decomposed), Some(old)).await.unwrap());
        let old = hash_of_bytes(composed).await.unwrap();
        assert!(passwords.verify(Payer::SERVER, secret(decomposed), Some(old)).await.unwrap());
    }
}

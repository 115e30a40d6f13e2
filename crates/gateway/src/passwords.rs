//! Passwords chosen by people: argon2id on threads of their own behind a bounded queue, so that log-ins never starve the
//! rest and memory stays within 19 MiB a thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier, Version};
use tokio::sync::oneshot;

use crate::secret_text::SecretText;

/// A pool of hashing threads. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Passwords {
    queue: std::sync::mpsc::SyncSender<Job>,
    verified: Arc<AtomicU64>,
}

/// The queue is full: try again in a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

type Job = Box<dyn FnOnce(&Argon2<'_>) + Send>;

/// Verified where a name is unknown, so that an unknown name takes as long as a wrong password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$XcMMWsSKU3+xkUOLRdB4uv8rOQPzuCc0i0m3r5Gf6Vg";

impl Passwords {
    /// Starts the threads.
    pub fn start(threads: usize, waiting: usize) -> Passwords {
        let (queue, jobs) = std::sync::mpsc::sync_channel::<Job>(waiting);
        let jobs = Arc::new(std::sync::Mutex::new(jobs));
        for _ in 0..threads {
            let jobs = jobs.clone();
            let work = move || {
                // OWASP's floor for argon2id.
                let params = Params::new(19_456, 2, 1, None).expect("valid parameters");
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                loop {
                    let job = jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => job(&argon2),
                        Err(_) => return,
                    }
                }
            };
            std::thread::Builder::new().name("passwords".to_owned()).spawn(work).expect("a thread can be started");
        }
        Passwords { queue, verified: Arc::default() }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Argon2<'_>) -> T + Send + 'static) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |argon2| {
            let _ = answer.send(work(argon2));
        });
        self.queue.try_send(job).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }

    /// The hash to be stored.
    pub async fn hash(&self, password: SecretText) -> Result<String, Busy> {
        self.run(move |argon2| {
            argon2.hash_password(password.reveal().as_bytes()).expect("argon2 hashes any password").to_string()
        })
        .await
    }

    /// How often a password was verified since the start.
    pub fn verified(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }

    /// Which of the hashes this password has. With none at all it takes as long as with one.
    pub async fn verify(&self, password: SecretText, hashes: Vec<String>) -> Result<Vec<bool>, Busy> {
        let verified = self.verified.clone();
        self.run(move |argon2| {
            let check = |hash: &str| {
                verified.fetch_add(1, Ordering::Relaxed);
                argon2::password_hash::phc::PasswordHash::new(hash)
                    .is_ok_and(|hash| argon2.verify_password(password.reveal().as_bytes(), &hash).is_ok())
            };
            if hashes.is_empty() {
                let _ = check(NOBODY);
            }
            hashes.iter().map(|hash| check(hash)).collect()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::start(1, 4);
        let hash = passwords.hash(SecretText::new("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let right = passwords.verify(SecretText::new("correct horse"), vec![hash.clone()]).await.unwrap();
        let wrong = passwords.verify(SecretText::new("battery staple"), vec![hash]).await.unwrap();
        assert_eq!((right, wrong), (vec![true], vec![false]));
    }

    #[tokio::test]
    async fn attack_69_a_name_that_nobody_has_costs_as_much_as_a_wrong_password() {
        let passwords = Passwords::start(1, 4);
        let hash = passwords.hash(SecretText::new("correct horse")).await.unwrap();
        for hashes in [vec![], vec![hash.clone()], vec![NOBODY.to_owned()]] {
            let before = passwords.verified();
            passwords.verify(SecretText::new("wrong"), hashes).await.unwrap();
            assert_eq!(passwords.verified() - before, 1);
        }
        let parameters = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parameters(&hash), parameters(NOBODY), "by the same parameters");
    }

    #[test]
    fn the_hash_for_unknown_names_is_a_real_one() {
        assert!(argon2::password_hash::phc::PasswordHash::new(NOBODY).is_ok());
    }
}

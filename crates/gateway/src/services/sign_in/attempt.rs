//! An attempt to log in with a password, from the name that was typed to whether the password is right: the same steps for
//! [users](super::password) and for [operators](super::operator::password), and the same time whether anyone has the name.

use super::Refused;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::throttle::{AttemptKey, retry_after};
use crate::domain::wording;
use crate::platform::password_hasher::{Busy, Passwords};
use crate::platform::secret_text::SecretText;
use crate::platform::timestamp::Timestamp;
use crate::platform::turns::Payer;
use crate::storage::{DbError, Tx};

/// Who a name may be, and what a failure counts for.
#[derive(Debug, Clone)]
pub struct Candidate<W> {
    pub(super) who: W,
    /// Of the password; `None`: there is no one with the name who has one.
    pub(super) hash: Option<String>,
    pub(super) counts: Vec<AttemptKey>,
    /// Whose turn it takes: whether anyone has the name makes no difference.
    pub(super) payer: Payer,
}

/// An attempt that was counted as a failure until it turns out to be none.
#[derive(Debug, Clone)]
pub struct Counted<W>(Candidate<W>);

/// An attempt whose password was compared.
#[derive(Debug, Clone)]
pub struct Verified<W> {
    pub(super) who: W,
    pub(super) is_right: bool,
    counts: Vec<AttemptKey>,
}

fn too_many(until: Timestamp, now: Timestamp) -> Refused {
    let seconds = retry_after(until, now);
    let problem = format!(
        "There were too many attempts with a wrong password. Wait {} and try again; nothing is locked.",
        wording::wait(seconds)
    );
    Refused { refusal: Refusal::new(OwnCode::LogInThrottled, problem), retry_after: Some(seconds) }
}

impl<W> Candidate<W> {
    /// The candidate, unless it was tried too often of late: one who has to wait is told so by this look, and a write is for those who do
    /// not. Only reads.
    pub(super) fn unless_blocked(
        self,
        tx: &mut Tx<'_>,
        now: Timestamp,
    ) -> Result<Result<Candidate<W>, Refused>, DbError> {
        let until = tx.attempts_blocked(&self.counts, now)?;
        Ok(until.map_or(Ok(self), |until| Err(too_many(until, now))))
    }

    /// Whose turn it takes.
    pub fn payer(&self) -> Payer {
        self.payer
    }
}

impl<W: Clone> Candidate<W> {
    /// Counts the attempt before its outcome is known, so that many at once are not tried for the price of one.
    pub fn count(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Result<Counted<W>, Refused>, DbError> {
        let until = tx.begin_attempt(&self.counts, now)?;
        Ok(until.map_or_else(|| Ok(Counted(self.clone())), |until| Err(too_many(until, now))))
    }
}

impl<W> Counted<W> {
    /// Compares the password. An unknown name takes as long as a wrong password and reads the same.
    pub async fn verify(self, passwords: &Passwords, typed: &str) -> Result<Verified<W>, Busy> {
        let Counted(Candidate { who, hash, counts, payer }) = self;
        let is_right = passwords.verify(payer, SecretText::new(typed), hash).await?;
        Ok(Verified { who, is_right, counts })
    }
}

impl<W> Verified<W> {
    /// The attempt was no failure.
    pub(super) fn succeeded(&self, tx: &mut Tx<'_>) -> Result<(), DbError> {
        tx.attempt_succeeded(&self.counts)
    }
}

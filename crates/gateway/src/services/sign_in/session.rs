//! Sessions: how they begin, and how they end.

use oauth::{Fingerprint, Keyring};

use crate::domain::event::{Act, Action};
use crate::platform::secret_text::SecretText;
use crate::platform::timestamp::Timestamp;
use crate::storage::operator_sessions::OperatorSession;
use crate::storage::sessions::{Liveness, Session};
use crate::storage::{DbError, Tx};

/// How long after a log-in its form may be sent again, in milliseconds.
const AGAIN: i64 = 60_000;

/// What was proven beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Further {
    /// The code of an authenticator app.
    App,
    /// A recovery code in its place.
    RecoveryCode,
}

/// A session as it is kept: a user's, or an operator's.
pub trait KeptSession: Clone + Send + 'static {
    /// Keeps it under this fingerprint until it expires; `false` if there is one already.
    fn keep(
        &self,
        tx: &mut Tx<'_>,
        fingerprint: &[u8],
        expires: Timestamp,
        from: (Option<&str>, Option<&str>),
    ) -> Result<bool, DbError>;
    /// The one of this fingerprint, if it still counts.
    fn kept(tx: &mut Tx<'_>, fingerprint: &[u8], alive: Liveness) -> Result<Option<Self>, DbError>;
    /// What is told of the end of the one of this fingerprint is told of the end of its successor, of the same person.
    fn succeed(&self, _: &mut Tx<'_>, _old: &[u8], _new: &[u8]) -> Result<(), DbError> {
        Ok(())
    }
    /// Ends the one of this fingerprint.
    fn forget(tx: &mut Tx<'_>, fingerprint: &[u8]) -> Result<bool, DbError>;
    /// Whether both are of one person.
    fn is_of(&self, other: &Self) -> bool;
    /// When the person proved who they are.
    fn proven(&self) -> Timestamp;
    /// The same, of a person who gave a further proof beside the password.
    fn after(self, further: Further) -> Self;
}

impl KeptSession for Session {
    fn keep(
        &self,
        tx: &mut Tx<'_>,
        fingerprint: &[u8],
        expires: Timestamp,
        from: (Option<&str>, Option<&str>),
    ) -> Result<bool, DbError> {
        tx.insert_session(fingerprint, self, expires, from)
    }

    fn kept(tx: &mut Tx<'_>, fingerprint: &[u8], alive: Liveness) -> Result<Option<Session>, DbError> {
        tx.session(fingerprint, alive)
    }

    fn succeed(&self, tx: &mut Tx<'_>, old: &[u8], new: &[u8]) -> Result<(), DbError> {
        tx.pass_relying_parties(old, new, self.owner)
    }

    fn forget(tx: &mut Tx<'_>, fingerprint: &[u8]) -> Result<bool, DbError> {
        tx.end_session(fingerprint)
    }

    fn is_of(&self, other: &Session) -> bool {
        self.owner == other.owner
    }

    fn proven(&self) -> Timestamp {
        self.auth_time
    }

    fn after(self, further: Further) -> Session {
        let how = match further {
            Further::App => self.how.and_app(),
            Further::RecoveryCode => self.how.and_recovery_code(),
        };
        Session { how, ..self }
    }
}

impl KeptSession for OperatorSession {
    fn keep(
        &self,
        tx: &mut Tx<'_>,
        fingerprint: &[u8],
        expires: Timestamp,
        from: (Option<&str>, Option<&str>),
    ) -> Result<bool, DbError> {
        tx.insert_operator_session(fingerprint, self, expires, from)
    }

    fn kept(tx: &mut Tx<'_>, fingerprint: &[u8], alive: Liveness) -> Result<Option<OperatorSession>, DbError> {
        Ok(tx.operator_session(fingerprint, alive)?.map(|(session, _)| session))
    }

    fn forget(tx: &mut Tx<'_>, fingerprint: &[u8]) -> Result<bool, DbError> {
        tx.end_operator_session(fingerprint)
    }

    fn is_of(&self, other: &OperatorSession) -> bool {
        self.operator == other.operator
    }

    fn proven(&self) -> Timestamp {
        self.auth_time
    }

    /// No relying party is told of operators.
    fn after(self, _: Further) -> OperatorSession {
        self
    }
}

/// A session that is about to begin.
#[derive(Debug, Clone)]
pub struct Beginning<S = Session> {
    /// What the browser keeps.
    pub secret: SecretText,
    /// What is kept here.
    pub fingerprint: Fingerprint,
    /// The session.
    pub session: S,
    /// When it ends at the latest, in milliseconds since the epoch.
    pub expires: Timestamp,
    /// The session before, which ends.
    pub old: Option<Fingerprint>,
    /// The network address it begins at.
    pub address: Option<String>,
    /// What the browser is, such as "Firefox on Windows".
    pub browser: Option<String>,
}

impl<S: KeptSession> Beginning<S> {
    /// The same, of a person who gave a further proof beside the password.
    pub fn after(&self, further: Further) -> Beginning<S> {
        Beginning { session: self.session.clone().after(further), ..self.clone() }
    }

    /// Begins it, and ends the one before; `false` if there is one of this secret already.
    pub fn begin(&self, tx: &mut Tx<'_>) -> Result<bool, DbError> {
        if let Some(old) = &self.old {
            self.session.succeed(tx, old.as_bytes(), self.fingerprint.as_bytes())?;
            S::forget(tx, old.as_bytes())?;
        }
        let from = (self.address.as_deref(), self.browser.as_deref());
        self.session.keep(tx, self.fingerprint.as_bytes(), self.expires, from)
    }

    /// Begins it; `false` if its secret was used before, except by the same form a moment ago, which began this very session.
    pub fn begin_or_join(&self, tx: &mut Tx<'_>, alive: Liveness) -> Result<bool, DbError> {
        if self.begin(tx)? {
            return Ok(true);
        }
        let found = S::kept(tx, self.fingerprint.as_bytes(), alive)?;
        Ok(found
            .is_some_and(|found| found.is_of(&self.session) && (found.proven() - self.session.proven()).abs() < AGAIN))
    }

    /// Whether it has begun, and stands.
    pub fn has_begun(&self, tx: &mut Tx<'_>, alive: Liveness) -> Result<bool, DbError> {
        let found = S::kept(tx, self.fingerprint.as_bytes(), alive)?;
        Ok(found.is_some_and(|found| found.is_of(&self.session)))
    }
}

/// The secret of the session that these texts begin: the same whenever it is asked for.
pub fn derived_secret(keys: &Keyring, purpose: &str, parts: &[&str]) -> String {
    let text: String = parts.iter().map(|part| format!("{} {part} ", part.len())).collect();
    let tag = keys.tag(purpose, text.as_bytes());
    oauth::generated(oauth::Prefix::Session, &mut |bytes| bytes.iter_mut().zip(tag).for_each(|(to, from)| *to = from))
}

/// Ends a session of this user. The button may be pressed twice: one of the two ends it. The caller has said who acts.
pub fn end(tx: &mut Tx<'_>, of: &Session, fingerprint: &[u8], now: Timestamp) -> Result<(), DbError> {
    if tx.end_session(fingerprint)? {
        tx.raise(now, Some(of.account), Act::new(Action::SessionEnded).on(&of.owner_id));
    }
    Ok(())
}

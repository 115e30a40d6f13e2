//! What can go wrong with a database, whether trying again would help, and what a caller may be told.
//!
//! Nothing is read out of a message, for PostgreSQL writes messages in the language of its operator. diesel tells the SQLSTATE by
//! kind where it has one: 25006 (read-only), 40001 (serialization), class 08 and every error after which the connection is gone
//! (57P01 and its like). It has none for 40P01, a deadlock, which is known by the shape of its details: see [`is_deadlock`].

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind as Kind, Error as Diesel};

use crate::domain::document::DocumentError;
use crate::domain::ids::AccountKey;
use crate::domain::request::{OwnCode, RefusalCode};

/// The database failed. Unless it is [`Uncertain`](DbError::Uncertain), nothing of the unit of work was kept.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A statement failed.
    #[error("database: {0}")]
    Statement(#[from] Diesel),
    /// No connection.
    #[error("cannot connect to the database: {0}")]
    Connect(#[from] diesel::ConnectionError),
    /// All connections were in use for too long.
    #[error("no database connection became free: {0}")]
    Pool(#[from] r2d2::Error),
    /// The commit that was to carry this and other units of work failed.
    #[error("commit failed: {0}")]
    Commit(String),
    /// The connection was lost after COMMIT was sent, and what became of the transaction could not be found out.
    #[error("the connection was lost during COMMIT, and whether the transaction was committed is unknown: {0}")]
    Uncertain(String),
    /// What is written would be lost: the files of the database are no longer where they were opened.
    #[error("the database's files were removed or replaced: {0}")]
    Displaced(String),
    /// A file beside the database cannot be used.
    #[error("{0}")]
    Files(String),
    /// This server's clock is not the database's; by how many milliseconds it is ahead.
    #[error("the clock of this server is {} seconds ahead of the database's", .0 / 1000)]
    Clock(i64),
    /// Another unit of work was faster, in a way the database reports as a conflict.
    #[error("another unit of work was faster")]
    LostRace,
    /// Another transaction holds the lock on this account's names, and waiting for it could deadlock. The unit of work
    /// runs again and locks the names first.
    #[error("names are being given away at this moment")]
    NamesHeld(AccountKey),
    /// What is stored cannot be read: written by another version, or damaged.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// There is too much to do at this moment.
    #[error("{0}")]
    Busy(&'static str),
    /// More of the account waits than is soon done.
    #[error("more of the account waits than is soon done")]
    Overloaded,
    /// What was to be short turns out to take long: it is for the lane of such work.
    #[error("this takes long")]
    TakesLong,
    /// What is asked first is asked with what others ask, and the unit of work is run again with the answer.
    #[error("this is asked with what others ask")]
    Asked,
    /// A thread died or the process is going down.
    #[error("the unit of work was interrupted")]
    Interrupted,
}

/// What a failure of the database means to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It passes: the same request may succeed later.
    Unavailable,
    /// It passes: more was asked than can be done at this moment.
    Overloaded,
    /// It passes, and whether the change was made is not known.
    Uncertain,
    /// It does not pass by itself.
    Broken,
}

impl Meaning {
    /// How long to wait before trying again, in seconds, if that may help.
    pub fn retry_after(self) -> Option<&'static str> {
        (self != Meaning::Broken).then_some("1")
    }

    /// 503 for what passes, else 500.
    pub fn status(self) -> u16 {
        if self == Meaning::Broken { 500 } else { 503 }
    }

    /// Its code.
    pub fn code(self) -> RefusalCode {
        match self {
            Meaning::Unavailable => OwnCode::ServerUnavailable.into(),
            Meaning::Overloaded => OwnCode::ServerOverloaded.into(),
            Meaning::Uncertain => OwnCode::OutcomeUnknown.into(),
            Meaning::Broken => OwnCode::ServerFailed.into(),
        }
    }

    /// For people; says nothing that is not known.
    pub fn sentence(self) -> &'static str {
        match self {
            Meaning::Unavailable => "The database is not available at the moment. Try again in a moment.",
            Meaning::Overloaded => {
                "More requests of this account wait than can be answered soon, and this one was not begun. Try again in a moment."
            }
            Meaning::Uncertain => {
                "It is not known whether the change was made: the server was interrupted while it was being committed. Look \
                 before you repeat it."
            }
            Meaning::Broken => "The server failed. Its log says why.",
        }
    }
}

impl DbError {
    /// Whether the same unit of work may succeed when run again: it lost a race that the database decided.
    pub fn is_retryable(&self) -> bool {
        match self {
            DbError::LostRace | DbError::NamesHeld(_) => true,
            DbError::Statement(Diesel::DatabaseError(Kind::SerializationFailure, _)) => true,
            DbError::Statement(Diesel::DatabaseError(Kind::Unknown, info)) => is_deadlock(&**info),
            DbError::Statement(Diesel::DatabaseError(Kind::NotNullViolation, info)) => has_changed(&**info),
            // Who finds it taken is told so. Here it was free a moment before.
            DbError::Statement(Diesel::DatabaseError(Kind::UniqueViolation, info)) => {
                info.constraint_name().is_some_and(|name| TAKEN_SINCE.contains(&name))
            }
            _ => false,
        }
    }

    /// Whether the connection itself went away (a restarted server), so that a new one may do.
    pub fn is_disconnect(&self) -> bool {
        match self {
            DbError::Statement(error) => is_disconnect(error),
            _ => false,
        }
    }

    /// Whether the session may only read.
    pub fn is_read_only(&self) -> bool {
        matches!(self, DbError::Statement(Diesel::DatabaseError(Kind::ReadOnlyTransaction, _)))
    }

    /// Whether a value is taken that may stand once.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, DbError::Statement(error) if unique_violation(error).is_some())
    }

    /// Writes into the log what failed for it. Where a request is refused early nothing has, and a line for each would be more load.
    pub fn log(&self, what: &str) {
        if self.meaning() != Meaning::Overloaded {
            tracing::error!(error = %self, "{what}");
        }
    }

    /// What it means to a caller.
    pub fn meaning(&self) -> Meaning {
        match self {
            DbError::Uncertain(_) | DbError::Interrupted => Meaning::Uncertain,
            DbError::Corrupt(_) => Meaning::Broken,
            DbError::Overloaded => Meaning::Overloaded,
            DbError::Statement(Diesel::DatabaseError(kind, _)) => match kind {
                Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::NotNullViolation
                | Kind::CheckViolation
                | Kind::RestrictViolation
                | Kind::ExclusionViolation => Meaning::Broken,
                _ => Meaning::Unavailable,
            },
            DbError::Statement(
                Diesel::RollbackErrorOnCommit { .. } | Diesel::RollbackTransaction | Diesel::BrokenTransactionManager,
            ) => Meaning::Unavailable,
            DbError::Statement(_) => Meaning::Broken,
            DbError::Connect(_)
            | DbError::Pool(_)
            | DbError::Commit(_)
            | DbError::Displaced(_)
            | DbError::Files(_)
            | DbError::Clock(_)
            | DbError::LostRace
            | DbError::NamesHeld(_)
            | DbError::Busy(_)
            | DbError::TakesLong
            | DbError::Asked => Meaning::Unavailable,
        }
    }
}

fn is_disconnect(error: &Diesel) -> bool {
    match error {
        Diesel::DatabaseError(Kind::ClosedConnection | Kind::UnableToSendCommand, _) => true,
        Diesel::RollbackErrorOnCommit { commit_error, .. } => is_disconnect(commit_error),
        // The connection went away while it answered: the answer was good, and what comes next cannot be sent.
        Diesel::BrokenTransactionManager => true,
        _ => false,
    }
}

/// The details of a deadlock (40P01) are a line for each process in the circle, and each line names the mode of the lock it waits for.
/// The lines are translated. The names of the modes are not.
fn is_deadlock(info: &dyn DatabaseErrorInformation) -> bool {
    let Some(details) = info.details() else { return false };
    let waits = |line: &str| line.contains("ShareLock") || line.contains("ExclusiveLock");
    details.lines().count() > 1 && details.lines().all(waits)
}

/// Columns that a statement leaves empty where what it goes by has changed since that was read. No other leaves them empty.
/// No such statement is sent where accounts lie on several nodes: a node names the part of the table that it has.
const SINCE_CHANGED: [(&str, &str); 4] =
    [("members", "member_seq"), ("past_members", "account"), ("refresh_tokens", "reissues"), ("resource_counts", "n")];

/// What is there once, and was not there when it was looked for without a lock. Elsewhere it is looked for under one, or may be there.
const TAKEN_SINCE: [&str; 2] = ["attribute_values_unique", "members_pkey"];

/// Whether something has changed that was read without a lock.
fn has_changed(info: &dyn DatabaseErrorInformation) -> bool {
    info.table_name().zip(info.column_name()).is_some_and(|column| SINCE_CHANGED.contains(&column))
}

/// Whether the statement failed because a value is taken; the message or constraint name tells which.
pub(crate) fn unique_violation(error: &Diesel) -> Option<String> {
    match error {
        Diesel::DatabaseError(Kind::UniqueViolation, info) => {
            Some(info.constraint_name().unwrap_or_else(|| info.message()).to_owned())
        }
        _ => None,
    }
}

impl From<DbError> for scim::store::StoreError {
    fn from(error: DbError) -> Self {
        scim::store::StoreError(Box::new(error))
    }
}

impl From<DbError> for scim::store::SearchError {
    fn from(error: DbError) -> Self {
        scim::store::SearchError::Store(error.into())
    }
}

/// Back again: what the protocols passed through is ours.
impl From<DocumentError> for DbError {
    fn from(error: DocumentError) -> DbError {
        DbError::Corrupt(error.to_string())
    }
}

impl From<oauth::StoreError> for DbError {
    fn from(error: oauth::StoreError) -> Self {
        error.0.downcast().map_or_else(|other| DbError::Corrupt(other.to_string()), |ours| *ours)
    }
}

/// Back again: what the protocols passed through is ours.
impl From<scim::store::StoreError> for DbError {
    fn from(error: scim::store::StoreError) -> Self {
        error.0.downcast().map_or_else(|other| DbError::Corrupt(other.to_string()), |ours| *ours)
    }
}

impl From<DbError> for oauth::StoreError {
    fn from(error: DbError) -> Self {
        oauth::StoreError(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As diesel gives it: a message, and details.
    #[derive(Debug)]
    struct Info(&'static str, Option<&'static str>);

    impl DatabaseErrorInformation for Info {
        fn message(&self) -> &str {
            self.0
        }
        fn details(&self) -> Option<&str> {
            self.1
        }
        fn hint(&self) -> Option<&str> {
            None
        }
        fn table_name(&self) -> Option<&str> {
            None
        }
        fn column_name(&self) -> Option<&str> {
            None
        }
        fn constraint_name(&self) -> Option<&str> {
            None
        }
        fn statement_position(&self) -> Option<i32> {
            None
        }
    }

    fn error(kind: Kind, message: &'static str, details: Option<&'static str>) -> DbError {
        DbError::Statement(Diesel::DatabaseError(kind, Box::new(Info(message, details))))
    }

    #[test]
    fn hardening_10_a_deadlock_is_known_in_every_language_of_postgresql() {
        let recorded = [
            (
                "deadlock detected",
                "Process 71 waits for ShareLock on transaction 9; blocked by process 72.\nProcess 72 waits for ShareLock on \
                 transaction 8; blocked by process 71.",
            ),
            (
                "Verklemmung (Deadlock) entdeckt",
                "Prozess 71 wartet auf ShareLock-Sperre auf Transaktion 9; blockiert von Prozess 72.\nProzess 72 wartet auf \
                 RowExclusiveLock-Sperre auf Relation 16 der Datenbank 5; blockiert von Prozess 71.",
            ),
            (
                "interblocage (deadlock) détecté",
                "Le processus 71 attend ExclusiveLock sur advisory lock [5,0,1,1] ; bloqué par le processus 72.\nLe processus \
                 72 attend AccessExclusiveLock sur relation 16 ; bloqué par le processus 71.",
            ),
            (
                "обнаружена взаимоблокировка",
                "Процесс 71 ожидает в режиме ShareLock блокировку \"транзакция 9\"; заблокирован процессом 72.\nПроцесс 72 \
                 ожидает в режиме ShareLock блокировку \"транзакция 8\"; заблокирован процессом 71.",
            ),
            (
                "检测到死锁",
                "进程71等待在事务 9上的ShareLock; 由进程72阻塞.\n进程72等待在事务 8上的ShareLock; 由进程71阻塞.",
            ),
        ];
        for (message, details) in recorded {
            assert!(error(Kind::Unknown, message, Some(details)).is_retryable(), "{message}");
        }
        let others = [
            ("deadlock detected", None), // a message alone is no sign
            ("ung\u{fc}ltige Eingabesyntax", Some("Token \u{bb}ShareLock\u{ab} ist ung\u{fc}ltig.")),
            ("canceling statement due to lock timeout", None),
        ];
        for (message, details) in others {
            assert!(!error(Kind::Unknown, message, details).is_retryable(), "{message}");
        }
    }

    #[test]
    fn hardening_10_what_diesel_names_by_sqlstate_needs_no_text() {
        let silent = |kind| error(kind, "", None);
        assert!(silent(Kind::SerializationFailure).is_retryable());
        assert!(silent(Kind::ReadOnlyTransaction).is_read_only());
        assert!(silent(Kind::ClosedConnection).is_disconnect() && silent(Kind::UnableToSendCommand).is_disconnect());
        let during_commit = Diesel::RollbackErrorOnCommit {
            rollback_error: Box::new(Diesel::BrokenTransactionManager),
            commit_error: Box::new(Diesel::DatabaseError(Kind::ClosedConnection, Box::new(Info("", None)))),
        };
        assert!(DbError::Statement(during_commit).is_disconnect());
        assert!(!error(Kind::Unknown, "server closed the connection unexpectedly", None).is_disconnect());
    }

    #[test]
    fn hardening_10_a_connection_that_went_away_in_any_statement_is_known_as_gone() {
        assert!(DbError::Statement(Diesel::BrokenTransactionManager).is_disconnect());
        assert!(!DbError::Statement(Diesel::NotFound).is_disconnect());
    }

    #[test]
    fn hardening_9_what_passes_is_503_and_claims_nothing() {
        for error in [
            error(Kind::Unknown, "could not extend file", None),
            error(Kind::ReadOnlyTransaction, "", None),
            error(Kind::ClosedConnection, "", None),
            DbError::Commit("disk full".to_owned()),
            DbError::Displaced("gateway.db-wal".to_owned()),
        ] {
            let meaning = error.meaning();
            assert_eq!((meaning, meaning.status(), meaning.retry_after()), (Meaning::Unavailable, 503, Some("1")));
        }
        let unknown = DbError::Uncertain("it was lost".to_owned()).meaning();
        assert_eq!((unknown.status(), unknown.retry_after()), (503, Some("1")));
        assert!(unknown.sentence().contains("not known whether"));
        let broken = DbError::Corrupt("a document".to_owned()).meaning();
        assert_eq!((broken.status(), broken.retry_after()), (500, None));
        for meaning in [Meaning::Unavailable, Meaning::Uncertain, Meaning::Broken] {
            assert!(!meaning.sentence().to_lowercase().contains("nothing was changed"));
        }
    }
}

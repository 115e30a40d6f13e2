//! A unit of work as SQLite's writer sees it: how it is run in the writer's transaction, and what of it is left when it fails.
//!
//! Most units do not fail after they wrote, so a unit has no savepoint of its own: SQLite would copy each page before it is changed, for each
//! unit anew. One that failed and may have left something behind is undone with the whole transaction, and those before it are run again, each in
//! a savepoint ([why](../../../../docs/decisions/0097-when-does-a-unit-of-work-need-a-savepoint.md)).

use diesel::sql_types::BigInt;
use tokio::sync::oneshot;

use super::backend::AnyConn;
use super::error::DbError;
use super::statement::Statement;
use super::transaction::{BeforeCommit, TransactionError, guarded, nested};
use super::tx::{Surroundings, Tx};

/// How many rows this connection has changed so far, also those that were rolled back.
const CHANGED: &str = "SELECT total_changes()";

/// What a unit of work is run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// The transaction of all.
    Transaction,
    /// A savepoint of its own: its failure undoes it alone.
    Savepoint,
}

/// A unit of work of the writer.
pub(super) trait Unit: Send {
    /// Runs it, or runs it again; says whether it failed and has left something behind, so that the transaction is to be undone.
    fn run(&mut self, conn: &mut AnyConn, within: Within) -> bool;
    /// It cannot be run.
    fn refuse(&mut self, why: DbError);
    /// Answers, once the commit is on the disk or has failed.
    fn answer(self: Box<Self>, committed: Result<(), DbError>);
}

/// What is to be done, and who hears of it.
pub(super) struct Asked<T, E, F, B> {
    pub(super) around: Surroundings,
    pub(super) before_commit: BeforeCommit,
    pub(super) work: F,
    /// Told once, when it is begun.
    pub(super) began: Option<B>,
    pub(super) outcome: Option<Result<T, E>>,
    pub(super) answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F, B> Unit for Asked<T, E, F, B>
where
    T: Send,
    E: TransactionError,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    B: FnOnce() + Send,
{
    fn run(&mut self, conn: &mut AnyConn, within: Within) -> bool {
        if let Some(began) = self.began.take() {
            began();
        }
        let around = self.around.clone();
        let (outcome, is_left) = match within {
            Within::Savepoint => (nested(conn, around, self.before_commit, &mut self.work), false),
            Within::Transaction => {
                let before = changed(conn);
                let outcome = guarded(conn, around, self.before_commit, &mut self.work);
                let is_left = outcome.as_ref().is_err_and(|error| has_left(conn, error.database(), before));
                (outcome, is_left)
            }
        };
        self.outcome = Some(outcome);
        is_left
    }

    fn refuse(&mut self, why: DbError) {
        self.outcome = Some(Err(why.into()));
    }

    fn answer(self: Box<Self>, committed: Result<(), DbError>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(DbError::Interrupted.into()));
        let _ = self.answer.send(match committed {
            Ok(()) => outcome,
            Err(error) => outcome.and(Err(error.into())),
        });
    }
}

fn changed(conn: &mut AnyConn) -> Option<i64> {
    Statement::<BigInt>::new(CHANGED, Vec::new()).first(conn).ok().flatten()
}

/// Whether something may be left of a unit that failed for this cause. An error of the database may have ended the transaction.
fn has_left(conn: &mut AnyConn, cause: Option<&DbError>, before: Option<i64>) -> bool {
    let is_of_the_database = cause.is_some_and(|cause| !matches!(cause, DbError::TakesLong));
    is_of_the_database || before.is_none() || changed(conn) != before
}

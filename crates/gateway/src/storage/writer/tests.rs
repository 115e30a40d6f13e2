//! What is kept of units of work that share a transaction.

use std::sync::atomic::AtomicUsize;

use diesel::sql_types::{BigInt, Text};
use tokio::sync::oneshot;

use super::*;
use crate::storage::DatabaseUrl;
use crate::storage::statement::Statement;
use crate::storage::transaction::TransactionError;
use crate::storage::tx::{Surroundings, Tx};
use crate::storage::unit::Asked;

#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Refused,
    OfDatabase,
}

impl From<DbError> for Failure {
    fn from(_: DbError) -> Failure {
        Failure::OfDatabase
    }
}

impl TransactionError for Failure {
    fn database(&self) -> Option<&DbError> {
        (*self == Failure::OfDatabase).then_some(&DbError::Interrupted)
    }
}

type Outcome = Result<(), Failure>;

struct Shared {
    conn: AnyConn,
    batch: Batch,
    answers: Vec<oneshot::Receiver<Outcome>>,
    _folder: tempfile::TempDir,
}

impl Shared {
    fn begin() -> Shared {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = DatabaseUrl::Sqlite(folder.path().join("gateway.db")).connect_to_write().unwrap();
        each!(&mut conn, c => c.batch_execute("CREATE TABLE written (name TEXT NOT NULL)")).unwrap();
        begin(&mut conn, "BEGIN IMMEDIATE").unwrap();
        let batch = Batch { units: Vec::new(), within: Within::Transaction };
        Shared { conn, batch, answers: Vec::new(), _folder: folder }
    }

    fn run(&mut self, work: impl FnMut(&mut Tx<'_>) -> Outcome + Send + 'static) {
        let (answer, answered) = oneshot::channel();
        let around = Surroundings::of_a_command();
        let asked = Asked { around, before_commit: |_| Ok(()), work, began: Some(|| ()), outcome: None, answer };
        self.batch.run(&mut self.conn, Box::new(asked)).unwrap();
        self.answers.push(answered);
    }

    /// What was written, and what each was answered.
    fn end(mut self) -> (Vec<String>, Vec<Outcome>) {
        commit(&mut self.conn).unwrap();
        self.batch.units.into_iter().for_each(|unit| unit.answer(Ok(())));
        let written = Statement::<Text>::new("SELECT name FROM written ORDER BY name", Vec::new());
        let answers = self.answers.into_iter().map(|answer| answer.blocking_recv().unwrap());
        (written.load(&mut self.conn).unwrap(), answers.collect())
    }
}

fn write(tx: &mut Tx<'_>, name: &str) -> Outcome {
    let insert = format!("INSERT INTO written VALUES ('{name}')");
    each!(&mut *tx.conn, c => c.batch_execute(&insert)).map_err(|error| DbError::from(error).into())
}

#[test]
fn a_unit_that_fails_leaves_nothing_and_takes_nothing_of_others_along() {
    let mut shared = Shared::begin();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    shared.run(move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        write(tx, "before")
    });
    shared.run(|tx| {
        Statement::<BigInt>::new("SELECT count(*) FROM written", Vec::new()).first::<i64>(tx.conn)?;
        Err(Failure::Refused)
    });
    assert_eq!(shared.batch.within, Within::Transaction, "who wrote nothing left nothing");
    shared.run(|tx| write(tx, "refused").and(Err(Failure::Refused)));
    assert_eq!((shared.batch.within, runs.load(Ordering::Relaxed)), (Within::Savepoint, 2));
    shared.run(|tx| write(tx, "refused again").and(Err(Failure::Refused)));
    shared.run(|tx| write(tx, "after"));
    assert_eq!(runs.load(Ordering::Relaxed), 2, "from here on each has a savepoint");
    let (written, answers) = shared.end();
    assert_eq!(written, ["after", "before"]);
    assert_eq!(answers, [Ok(()), Err(Failure::Refused), Err(Failure::Refused), Err(Failure::Refused), Ok(())]);
}

#[test]
fn a_unit_that_panics_or_whose_statement_fails_leaves_nothing() {
    let panics = |tx: &mut Tx<'_>| -> Outcome {
        write(tx, "panics")?;
        panic!("as a unit may");
    };
    let fails = |tx: &mut Tx<'_>| -> Outcome {
        write(tx, "fails")?;
        each!(&mut *tx.conn, c => c.batch_execute("INSERT INTO written VALUES (NULL)")).map_err(DbError::from)?;
        Ok(())
    };
    for first_panics in [true, false] {
        let mut shared = Shared::begin();
        shared.run(|tx| write(tx, "before"));
        if first_panics {
            shared.run(panics)
        } else {
            shared.run(fails)
        }
        shared.run(panics);
        shared.run(fails);
        shared.run(|tx| write(tx, "after"));
        let (written, answers) = shared.end();
        assert_eq!(written, ["after", "before"]);
        let failed = || Err(Failure::OfDatabase);
        assert_eq!(answers, [Ok(()), failed(), failed(), failed(), Ok(())]);
    }
}

//! Work that is done and always undone: a recorded request is carried out against today's state, and nothing of it stays.
//!
//! It is the work itself: the same caller, the same engine, the same reactions, in a unit of work that is rolled back. Nothing is counted,
//! noted or told outside of it.

use std::convert::Infallible;

use oauth::GrantId;
use scim::bulk::{Failure, Job};
use serde_json::Value;

use super::{Caller, Outcome, Place, Work};
use crate::app::App;
use crate::domain::actor::Source;
use crate::domain::ids::AccountKey;
use crate::domain::request::{Findings, Notes};
use crate::http::scim::failure::ScimFailure;
use crate::http::scim::weight::Weight;
use crate::platform::turns::Payer;
use crate::services::reactions;
use crate::storage::{AccountTx, DbError, Desk, ReadCost, TransactionError, Tx, transaction};

/// Why a unit of work that is rehearsed ends: with its outcome, or because the database failed.
enum Undone<T> {
    With(Result<T, ScimFailure>),
    Failed(DbError),
}

impl<T> From<DbError> for Undone<T> {
    fn from(error: DbError) -> Undone<T> {
        Undone::Failed(error)
    }
}

impl<T: Send + 'static> TransactionError for Undone<T> {
    fn database(&self) -> Option<&DbError> {
        match self {
            Undone::Failed(error) => Some(error),
            Undone::With(_) => None,
        }
    }
}

/// Runs a unit of work, and undoes it, whichever its outcome is.
fn undone<T: Send + 'static>(
    desk: &Desk,
    payer: Payer,
    mut work: impl FnMut(&mut Tx<'_>) -> Result<T, ScimFailure> + Send + 'static,
) -> Result<T, ScimFailure> {
    let outcome = desk.write(payer, move |tx| {
        Err::<Infallible, Undone<T>>(match work(tx) {
            Err(ScimFailure::Database(error)) => Undone::Failed(error),
            outcome => Undone::With(outcome),
        })
    });
    match outcome {
        Ok(never) => match never {},
        Err(Undone::With(outcome)) => outcome,
        Err(Undone::Failed(error)) => Err(error.into()),
    }
}

impl Caller {
    /// The client of a grant, as if it sent a request with a good token of it.
    pub(in crate::http::scim) fn rehearsing(
        app: &App,
        account: AccountKey,
        grant: GrantId,
        (method, below): (&str, &str),
    ) -> Caller {
        Caller {
            payer: account.payer(),
            authorization: Ok(None),
            place: Place::of(method, below),
            rehearses: Some(grant),
            ticket: Default::default(),
            proof: None,
            source: Source::default(),
            entry: Default::default(),
            wanted: None,
            me: None,
            charge: app.budget.charge(),
            unknown_parameters: Default::default(),
            fields: Default::default(),
            notes: Notes::default(),
        }
    }

    /// Whether nothing of what it does may stay.
    pub(in crate::http::scim) fn is_rehearsing(&self) -> bool {
        self.rehearses.is_some()
    }

    /// Does a piece of work with all that follows from it, and undoes it.
    pub(super) async fn rehearse<T: Weight + Send + 'static>(
        &self,
        app: &App,
        mut work: impl Work<T>,
    ) -> Result<Outcome<T>, ScimFailure> {
        let (at_hand, caller, payer) = (app.clone(), self.clone(), self.payer);
        let unit = move |tx: &mut Tx<'_>| {
            let outcome = caller.enter_and(&at_hand, tx, &mut work)?;
            reactions::run(tx)?;
            Ok(outcome)
        };
        app.db.at_length(payer, move |desk| undone(desk, payer, unit)).await
    }

    /// The same for a piece that only reads.
    pub(super) async fn rehearse_reading<T: Weight + Send + 'static, R: Send + 'static>(
        &self,
        app: &App,
        mut work: impl Work<T>,
        make: impl FnOnce(Outcome<T>) -> R + Send + 'static,
    ) -> Result<R, ScimFailure> {
        let (at_hand, caller) = (app.clone(), self.clone());
        let unit = move |tx: &mut Tx<'_>| caller.enter_and(&at_hand, tx, &mut work);
        Ok(make(app.db.read_for(self.payer, ReadCost::Scan, unit).await?))
    }

    /// Does the operations of a bulk request one after the other, so that each sees what those before it did, and undoes them all.
    pub(in crate::http::scim) async fn rehearse_bulk(self, app: &App, body: Value) -> Result<Value, ScimFailure> {
        let provider = self.clone().enter(app).await?;
        let (at_hand, payer) = (app.clone(), self.payer);
        let unit = move |tx: &mut Tx<'_>| {
            let mut job = Job::parse(body.clone(), &provider.registry, &at_hand.scim_base)?;
            let mut all = Findings::default();
            while let Some(step) = job.next() {
                let own = Caller { notes: Notes::default(), ..self.clone() };
                let outcome = transaction::attempt(tx, |tx| {
                    let mut work = |store: &mut AccountTx<'_, '_>, cx: &mut scim::Context<'_>| step.run(store, cx);
                    let outcome = own.enter_and(&at_hand, tx, &mut work)?;
                    reactions::run(tx)?;
                    Ok::<_, ScimFailure>(outcome.value)
                });
                if outcome.is_ok() {
                    all.absorb(own.notes.take());
                }
                job.done(match outcome {
                    Err(ScimFailure::Database(error)) => return Err(error.into()),
                    outcome => outcome.map_err(|failure| {
                        let (status, body) = failure.message();
                        Failure { status, body, code: Some(failure.code().name()) }
                    }),
                });
            }
            let mut notes = self.notes.take_down();
            let Findings { changed, ignored, skipped, pending, tolerances, .. } = all;
            (notes.changed, notes.ignored, notes.skipped, notes.pending) = (changed, ignored, skipped, pending);
            notes.tolerances = tolerances;
            drop(notes);
            Ok(job.response())
        };
        app.db.at_length(payer, move |desk| undone(desk, payer, unit)).await
    }
}

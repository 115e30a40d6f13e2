//! Look-ups on PostgreSQL that are gathered, and asked together ([`together`]).
//!
//! A unit of work says by itself what it asks: it is run until its first question, which ends it ([`DbError::Asked`]), and run again with the
//! answer once all were asked as one. One that asks nothing of the kind is done by then; one that needs more than the answer
//! asks for the rest itself, in a transaction of its own; and what fails together is done alone, with all that a
//! [`Desk`] does about failures.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::along::{Asking, Question};
use super::desk::Desk;
use super::error::DbError;
use super::session::Session;
use super::together::{self, Kind};
use super::transaction::{Purpose, TransactionError};
use super::tx::Tx;
use crate::domain::metrics::work::Unit;
use crate::platform::gathering::{self, Gathering};
use crate::platform::lane;
use crate::platform::turns::Payer;

/// So many are asked together at most.
const TOGETHER: usize = 32;

/// A unit of work that reads.
trait Look: Send {
    fn run(self: Box<Self>, desk: &Desk, session: &mut Session, asking: Asking) -> Outcome;
    fn alone(self: Box<Self>, desk: &Desk);
}

enum Outcome {
    /// Who asked was told.
    Answered,
    /// This is asked first.
    Asks(Box<dyn Look>, Question),
    /// It may do better alone.
    Failed(Box<dyn Look>),
}

/// A unit of work, and what it asks first.
type Asks = (Box<dyn Look>, Question);

struct Job<T, E, F> {
    work: F,
    answer: oneshot::Sender<Result<T, E>>,
    sent: Instant,
    begun: bool,
}

impl<T, E, F> Look for Job<T, E, F>
where
    T: Send + 'static,
    E: TransactionError,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    fn run(mut self: Box<Self>, desk: &Desk, session: &mut Session, asking: Asking) -> Outcome {
        if self.answer.is_closed() {
            return Outcome::Answered; // no one waits
        }
        if !std::mem::replace(&mut self.begun, true) {
            desk.began(Unit::Read, self.sent);
        }
        match catch_unwind(AssertUnwindSafe(|| desk.look(session, asking, &mut self.work))) {
            Ok(Ok(outcome)) => match outcome.as_ref().err().and_then(TransactionError::database) {
                Some(cause) if cause.is_disconnect() || cause.is_retryable() => Outcome::Failed(self),
                _ => {
                    let _ = self.answer.send(outcome);
                    Outcome::Answered
                }
            },
            Ok(Err(question)) => Outcome::Asks(self, question),
            Err(_) => {
                session.spend();
                let _ = self.answer.send(Err(DbError::Interrupted.into()));
                Outcome::Answered
            }
        }
    }

    fn alone(mut self: Box<Self>, desk: &Desk) {
        let outcome = catch_unwind(AssertUnwindSafe(|| desk.on_postgres(Purpose::Reading, &mut self.work)));
        let _ = self.answer.send(outcome.unwrap_or_else(|_| Err(DbError::Interrupted.into())));
    }
}

/// Where look-ups are gathered. Cheap to clone.
#[derive(Clone)]
pub(super) struct Looks {
    gathering: Gathering<Box<dyn Look>>,
    /// Whose connections they use, and what their units of work go by.
    desk: Arc<RwLock<Desk>>,
    /// How long an answer is waited for.
    wait: Duration,
}

impl Looks {
    /// With so many threads, each with a connection of this desk.
    pub(super) fn new(desk: &Desk, threads: usize, wait: Duration, given_up: Duration) -> Looks {
        let kind = gathering::Kind { name: "database-looks", threads, together: TOGETHER, given_up };
        let (shared, hung) = (Arc::new(RwLock::new(desk.clone())), desk.clone());
        let serving = shared.clone();
        let serve = move |jobs| {
            let desk = serving.read().unwrap_or_else(PoisonError::into_inner).clone();
            serve(&desk, jobs);
        };
        Looks { gathering: Gathering::new(kind, serve, move || hung.begin_anew()), desk: shared, wait }
    }

    /// From here on, units of work go by what this desk goes by.
    pub(super) fn go_by(&self, desk: &Desk) {
        *self.desk.write().unwrap_or_else(PoisonError::into_inner) = desk.clone();
    }

    /// How much waits, and how much is looked up.
    pub(super) fn load(&self) -> lane::Load {
        self.gathering.load()
    }

    /// Runs a unit of work that only reads, and asks its first question with those of others.
    pub(super) async fn run<T, E, F>(&self, payer: Payer, sent: Instant, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        if !self.gathering.push(payer, Box::new(Job { work, answer, sent, begun: false })) {
            return Err(DbError::Overloaded.into());
        }
        match tokio::time::timeout(self.wait, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(DbError::Interrupted.into()),
            Err(_) => {
                self.gathering.look_after_threads();
                Err(DbError::Busy("the database did not answer").into())
            }
        }
    }
}

fn serve(desk: &Desk, jobs: Vec<Box<dyn Look>>) {
    let failed = match desk.session() {
        Ok(mut session) => serve_on(desk, &mut session, jobs),
        Err(_) => jobs,
    };
    for job in failed {
        job.alone(desk);
    }
}

/// Says what is to be done alone.
fn serve_on(desk: &Desk, session: &mut Session, jobs: Vec<Box<dyn Look>>) -> Vec<Box<dyn Look>> {
    let mut failed = Vec::new();
    let mut asked: BTreeMap<Option<Kind>, Vec<Asks>> = BTreeMap::new();
    for job in jobs {
        match job.run(desk, session, Asking::WithOthers) {
            Outcome::Answered => {}
            Outcome::Asks(job, question) => {
                // Of several accounts no one node could answer.
                let kind = Kind::of(&question).filter(|_| !session.conn.is_spread());
                asked.entry(kind).or_default().push((job, question));
            }
            Outcome::Failed(job) => failed.push(job),
        }
    }
    for (kind, group) in asked {
        let told = match kind {
            Some(kind) if group.len() > 1 => {
                let (jobs, questions): (Vec<_>, Vec<_>) = group.into_iter().unzip();
                match together::ask(&mut session.conn, kind, &questions) {
                    Ok(replies) => {
                        let told = questions.into_iter().zip(replies).map(|(asked, reply)| Asking::Told(asked, reply));
                        jobs.into_iter().zip(told).collect()
                    }
                    Err(error) => {
                        tracing::debug!(%error, "what was asked together is asked alone");
                        if error.is_disconnect() {
                            session.spend();
                        }
                        failed.extend(jobs);
                        continue;
                    }
                }
            }
            _ => group.into_iter().map(|(job, _)| (job, Asking::Alone)).collect::<Vec<_>>(),
        };
        for (job, asking) in told {
            match job.run(desk, session, asking) {
                Outcome::Answered => {}
                Outcome::Asks(job, _) | Outcome::Failed(job) => failed.push(job),
            }
        }
    }
    failed
}

//! Units of work on PostgreSQL that wait at one moment, and share a transaction.
//!
//! Of a small change, most is spent on what is the same for all: BEGIN, the look-up of a token with the resource that is locked, COMMIT and
//! the wait for the disk. So those that wait are done in one transaction, one after the other, as SQLite's writer does: their first
//! questions are asked together ([`mod@together`]), each unit runs with its answer, and all are answered once it has committed.
//!
//! It is all or nothing, so what could stop it is done apart, in a transaction of its own, by the lane: a unit that asks something else
//! first; one whose resource another transaction holds, which is not waited for; and all of them, where one fails in the database or is
//! refused after it has written. Nothing of it was kept then, and no one was answered. Whose unit that was does all apart for a moment, so
//! that an account does not hold up others time and again.
//!
//! Nothing in it is read before another unit changes it: a question locks what its unit is about; units about one resource come last and
//! ask by themselves, under the lock that the transaction has; and what changes more than its own resource, as who leaves or is new
//! changes groups, comes after those ([`Kind`]).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use scim::Id;
use tokio::sync::oneshot;

use super::along::{Asking, Question, Reply, Wanted};
use super::desk::{Desk, First};
use super::error::DbError;
use super::session::Session;
use super::together::{self, Kind};
use super::transaction::TransactionError;
use super::tx::Tx;
use crate::domain::ids::AccountKey;
use crate::domain::metrics::work::Unit;
use crate::platform::gathering::{self, Gathering};
use crate::platform::lane;
use crate::platform::turns::Payer;

/// So many share a transaction at most.
const TOGETHER: usize = 16;

/// So long the units of a payer are done apart, after one of them stopped those of others.
const APART: Duration = Duration::from_secs(2);

/// What became of a unit of work.
pub(super) enum Shared<T, E, F> {
    /// It was run, and what it wrote is durable.
    Done(Result<T, E>),
    /// It is to be run in a transaction of its own.
    Apart(F),
}

/// How a unit of work may share a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// It says first what it locks ([`Wanted`]).
    ByQuestion,
    /// It asks as it goes, and locks what few others are about.
    AsItGoes,
}

/// A unit of work that waits.
trait Job: Send {
    /// Whether it is still waited for; from here on, it is done.
    fn begins(&self, desk: &Desk) -> bool;
    /// How it may share a transaction.
    fn sharing(&self) -> Sharing;
    /// Whose it is.
    fn payer(&self) -> Payer;
    /// What it asks first; `None` if it is done by then, or to be done apart.
    fn first(self: Box<Self>, desk: &Desk, session: &mut Session) -> Option<Asks>;
    /// Does it, and keeps the outcome; says whether the transaction may go on, whose number it is told.
    fn run(&mut self, desk: &Desk, session: &mut Session, asking: Asking, number: &mut Option<i64>) -> bool;
    /// The transaction has ended so.
    fn answer(self: Box<Self>, committed: Result<(), DbError>);
    /// Gives it back.
    fn apart(self: Box<Self>);
}

/// A unit of work, and what it asks first.
type Asks = (Box<dyn Job>, Question);

/// What is to share a transaction.
#[derive(Default)]
struct Gathered {
    /// What is asked first, by its kind.
    asked: BTreeMap<Kind, Vec<Asks>>,
    /// Those that ask as they go, because they want to or are about what another is about too.
    later: Vec<Box<dyn Job>>,
}

struct Waiting<T, E, F> {
    work: F,
    payer: Payer,
    sharing: Sharing,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Shared<T, E, F>>,
    begun: Arc<AtomicBool>,
    sent: Instant,
}

impl<T, E, F> Job for Waiting<T, E, F>
where
    T: Send + 'static,
    E: TransactionError,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    fn begins(&self, desk: &Desk) -> bool {
        let begins = !self.answer.is_closed() && !self.begun.swap(true, Ordering::SeqCst);
        if begins {
            desk.began(Unit::Write, self.sent);
        }
        begins
    }

    fn sharing(&self) -> Sharing {
        self.sharing
    }

    fn payer(&self) -> Payer {
        self.payer
    }

    fn first(mut self: Box<Self>, desk: &Desk, session: &mut Session) -> Option<Asks> {
        match catch_unwind(AssertUnwindSafe(|| desk.first(session, &mut self.work))) {
            Ok(First::Asks(question)) => return Some((self, question)),
            Ok(First::Done(outcome)) => drop(self.answer.send(Shared::Done(outcome))),
            Ok(First::Apart) => self.apart(),
            Err(_) => {
                session.spend();
                drop(self.answer.send(Shared::Done(Err(DbError::Interrupted.into()))));
            }
        }
        None
    }

    fn run(&mut self, desk: &Desk, session: &mut Session, asking: Asking, number: &mut Option<i64>) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| desk.share(session, asking, number, &mut self.work)));
        self.outcome = outcome.unwrap_or_else(|_| {
            session.spend();
            None
        });
        self.outcome.is_some()
    }

    fn answer(self: Box<Self>, committed: Result<(), DbError>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(DbError::Interrupted.into()));
        let outcome = match committed {
            Ok(()) => outcome,
            Err(error) => Err(error.into()),
        };
        let _ = self.answer.send(Shared::Done(outcome));
    }

    fn apart(self: Box<Self>) {
        let _ = self.answer.send(Shared::Apart(self.work));
    }
}

/// Whose units of work stopped those of others of late.
#[derive(Default)]
struct Stopped(Mutex<HashMap<Payer, Instant>>);

impl Stopped {
    fn note(&self, payer: Payer) {
        let mut stopped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.retain(|_, since| since.elapsed() < APART);
        stopped.insert(payer, Instant::now());
    }

    fn includes(&self, payer: Payer) -> bool {
        let stopped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.get(&payer).is_some_and(|since| since.elapsed() < APART)
    }
}

/// Where units of work are gathered that may share a transaction. Cheap to clone.
#[derive(Clone)]
pub(super) struct SharedCommits {
    gathering: Gathering<Box<dyn Job>>,
    stopped: Arc<Stopped>,
    /// Whose connections they use, and what they go by.
    desk: Arc<RwLock<Desk>>,
    /// How long one waits until it is begun,
    wait: Duration,
    /// and how long an answer is waited for.
    given_up: Duration,
}

impl SharedCommits {
    /// With so many threads, each with a connection of this desk.
    pub(super) fn new(desk: &Desk, threads: usize, wait: Duration, given_up: Duration) -> SharedCommits {
        let kind = gathering::Kind { name: "database-commits", threads, together: TOGETHER, given_up };
        let (shared, hung) = (Arc::new(RwLock::new(desk.clone())), desk.clone());
        let stopped = Arc::<Stopped>::default();
        let (serving, noted) = (shared.clone(), stopped.clone());
        let serve = move |jobs| {
            let desk = serving.read().unwrap_or_else(PoisonError::into_inner).clone();
            serve(&desk, &noted, jobs);
        };
        SharedCommits {
            gathering: Gathering::new(kind, serve, move || hung.begin_anew()),
            stopped,
            desk: shared,
            wait,
            given_up,
        }
    }

    /// From here on, units of work go by what this desk goes by.
    pub(super) fn go_by(&self, desk: &Desk) {
        *self.desk.write().unwrap_or_else(PoisonError::into_inner) = desk.clone();
    }

    /// How much waits, and how much is done.
    pub(super) fn load(&self) -> lane::Load {
        self.gathering.load()
    }

    /// Runs a unit of work.
    pub(super) async fn run<T, E, F>(&self, payer: Payer, sharing: Sharing, sent: Instant, work: F) -> Shared<T, E, F>
    where
        T: Send + 'static,
        E: TransactionError,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        if self.stopped.includes(payer) {
            return Shared::Apart(work);
        }
        let (answer, mut answered) = oneshot::channel();
        let begun = Arc::new(AtomicBool::new(false));
        let waiting = Waiting { work, payer, sharing, outcome: None, answer, begun: begun.clone(), sent };
        if !self.gathering.push(payer, Box::new(waiting)) {
            return Shared::Done(Err(DbError::Overloaded.into()));
        }
        let mut told = tokio::time::timeout(self.wait, &mut answered).await;
        if told.is_err() {
            self.gathering.look_after_threads();
            if !begun.swap(true, Ordering::SeqCst) {
                return Shared::Done(Err(DbError::Busy("no thread for the database became free").into()));
            }
            told = tokio::time::timeout(self.given_up.saturating_sub(self.wait), &mut answered).await;
        }
        match told {
            Ok(Ok(shared)) => shared,
            Ok(Err(_)) => Shared::Done(Err(DbError::Interrupted.into())),
            Err(_) => {
                self.gathering.look_after_threads();
                Shared::Done(Err(DbError::Uncertain("the database did not answer".to_owned()).into()))
            }
        }
    }
}

fn serve(desk: &Desk, stopped: &Stopped, jobs: Vec<Box<dyn Job>>) {
    let Ok(mut session) = desk.session() else { return jobs.into_iter().for_each(Job::apart) };
    if session.conn.is_spread() {
        // Their accounts may lie on several nodes, which would all have to agree.
        return jobs.into_iter().for_each(Job::apart);
    }
    let jobs = jobs.into_iter().filter(|job| job.begins(desk)).collect();
    let gathered = questions(desk, &mut session, jobs);
    if gathered.asked.is_empty() && gathered.later.is_empty() {
        return;
    }
    let mut done = Vec::new();
    let committed = together((desk, stopped), &mut session, gathered, &mut done);
    match committed {
        Ok(()) => done.into_iter().for_each(|job| job.answer(Ok(()))),
        Err(DbError::Uncertain(why)) => {
            done.into_iter().for_each(|job| job.answer(Err(DbError::Uncertain(why.clone()))))
        }
        Err(error) => {
            tracing::debug!(%error, units = done.len(), "what was to share a transaction is done apart");
            done.into_iter().for_each(Job::apart);
        }
    }
}

/// What each asks first.
fn questions(desk: &Desk, session: &mut Session, jobs: Vec<Box<dyn Job>>) -> Gathered {
    let (mut gathered, mut locked): (Gathered, HashSet<Id>) = Default::default();
    for job in jobs {
        if job.sharing() == Sharing::AsItGoes {
            gathered.later.push(job);
            continue;
        }
        let Some((job, question)) = job.first(desk, session) else { continue };
        let Some(kind) = Kind::of(&question).filter(|kind| kind.locks()) else {
            job.apart();
            continue;
        };
        match locks(&question) {
            Some(id) if !locked.insert(id.clone()) => gathered.later.push(job),
            _ => gathered.asked.entry(kind).or_default().push((job, question)),
        }
    }
    gathered
}

/// The resource that is locked for it.
fn locks(question: &Question) -> Option<&Id> {
    match question {
        Question::Token(_, wanted) => wanted.locked(),
        Question::Client(..) => None,
    }
}

/// One transaction. Those that are not apart by then are in `done`, also where it fails.
fn together(
    (desk, stopped): (&Desk, &Stopped),
    session: &mut Session,
    Gathered { asked, later }: Gathered,
    done: &mut Vec<Box<dyn Job>>,
) -> Result<(), DbError> {
    let mut told: Vec<(Box<dyn Job>, Asking)> = Vec::new();
    let mut failed = desk.begin_shared(session).err();
    for (kind, group) in asked {
        let before = told.len();
        let (jobs, questions): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        if failed.is_some() {
            done.extend(jobs);
            continue;
        }
        match together::ask(&mut session.conn, kind, &questions) {
            Ok(replies) => {
                for ((job, question), reply) in jobs.into_iter().zip(questions).zip(replies) {
                    match is_found(&question, &reply) {
                        true => told.push((job, Asking::Told(question, reply))),
                        false => job.apart(),
                    }
                }
            }
            Err(error) => {
                failed = Some(error);
                done.extend(jobs);
            }
        }
        // Each counts in rows of its account: two transactions that do so in the same rows take them in the same order.
        told[before..].sort_by_key(|(_, asking)| match asking {
            Asking::Told(_, reply) => account(reply),
            _ => None,
        });
    }
    told.extend(later.into_iter().map(|job| (job, Asking::Alone)));
    let mut number = None;
    for (mut job, asking) in told {
        if failed.is_none() && !job.run(desk, session, asking, &mut number) {
            stopped.note(job.payer());
            failed = Some(DbError::LostRace);
        }
        done.push(job);
    }
    desk.end_shared(session, number, failed)
}

/// The account that the token opens.
fn account(reply: &Reply) -> Option<AccountKey> {
    match reply {
        Reply::Grant(rows) => rows.first().map(|((.., account), _)| account.0),
        Reply::StaticToken(rows) => rows.first().map(|(((.., account), _), _)| account.0),
        Reply::OwnGrant(_) | Reply::Token(_) => None,
    }
}

/// Whether the token counts, and what is to be locked is locked.
fn is_found(question: &Question, reply: &Reply) -> bool {
    let along = match reply {
        Reply::Grant(rows) => rows.first().map(|(_, along)| along),
        Reply::StaticToken(rows) => rows.first().map(|(_, along)| along),
        Reply::OwnGrant(_) | Reply::Token(_) => None,
    };
    let is_new = matches!(question, Question::Token(_, Wanted::NewUser(..)));
    along.is_some_and(|((seq, ..), ..)| is_new || seq.is_some())
}

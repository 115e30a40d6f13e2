//! Lanes: threads for one kind of work, where accounts take turns and none has all of them.
//!
//! Short work and long work have lanes of their own, so that no look-up waits for a scan. The threads of a lane for long work give way
//! to all others on the machine's processors.
//!
//! A thread that does not return (its connection's answers are swallowed by a proxy) is written off after a while: the
//! waiting caller gets an error, and another thread takes its place.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::platform::turns::{Payer, Turns};

/// What a lane is like.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What its threads are called.
    pub name: &'static str,
    /// How many there are.
    pub threads: usize,
    /// How many of them one payer may have at once.
    pub each: usize,
    /// How many may wait.
    pub waiting: usize,
    /// How many of these may be one payer's.
    pub waiting_each: usize,
    /// Whether what would join an overlong line ([`Turns::is_overlong`]) is refused.
    pub refuses_early: bool,
    /// How long work waits until it is begun.
    pub wait: Duration,
    /// How long it may then take, if it can take for ever.
    pub given_up: Option<Duration>,
    /// Whether its threads give way to others.
    pub gives_way: bool,
}

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// Too much waits.
    Full,
    /// It was not begun in time.
    Waited,
    /// It was begun, and nothing is known of it.
    Hung,
    /// It broke down.
    Interrupted,
}

/// How a lane is loaded at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// How much waits.
    pub waiting: usize,
    /// How many threads are at work.
    pub at_work: usize,
}

/// Threads and what waits for them. Cheap to clone; it ends when all are gone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Lane(Arc<Door>);

struct Door(Arc<Inner>);

struct Inner {
    kind: Kind,
    state: Mutex<State>,
    wake: Condvar,
    hung: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    turns: Turns<Job>,
    /// By thread, what it is at.
    at_work: HashMap<u64, AtWork>,
    of: HashMap<Payer, usize>,
    threads: usize,
    idle: usize,
    named: u64,
    written_off: usize,
    watched: bool,
    closed: bool,
}

struct Job {
    run: Box<dyn FnOnce() + Send>,
    begun: Arc<AtomicBool>,
    hung: Option<oneshot::Sender<()>>,
}

struct AtWork {
    since: Instant,
    payer: Payer,
    hung: Option<oneshot::Sender<()>>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }
}

impl Lane {
    /// A lane. `hung` is called when a thread was written off.
    pub fn new(kind: Kind, hung: impl Fn() + Send + Sync + 'static) -> Lane {
        let (state, wake) = (Mutex::new(State::default()), Condvar::new());
        Lane(Arc::new(Door(Arc::new(Inner { kind, state, wake, hung: Box::new(hung) }))))
    }

    /// How it is loaded.
    pub fn load(&self) -> Load {
        let state = self.0.0.lock();
        Load { waiting: state.turns.len(), at_work: state.at_work.len() }
    }

    /// Does it on one of the threads. Who no longer waits for what was not begun does not get it done.
    pub async fn run<T: Send + 'static>(
        &self,
        payer: Payer,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let inner = &self.0.0;
        let (answer, mut answered) = oneshot::channel();
        let (hung, told) = oneshot::channel();
        let begun = Arc::new(AtomicBool::new(false));
        let run = Box::new(move || {
            if !answer.is_closed() {
                let done = catch_unwind(AssertUnwindSafe(work));
                let _ = answer.send(done.map_err(|_| Undone::Interrupted));
            }
        });
        inner.push(payer, Job { run, begun: begun.clone(), hung: Some(hung) })?;
        tokio::pin!(told);
        let mut still_waits = true;
        let wait = tokio::time::sleep(inner.kind.wait);
        tokio::pin!(wait);
        loop {
            tokio::select! {
                biased;
                answer = &mut answered => return answer.unwrap_or(Err(Undone::Interrupted)),
                Ok(()) = &mut told => return Err(Undone::Hung),
                () = &mut wait, if still_waits => {
                    if !begun.load(Ordering::SeqCst) {
                        return Err(Undone::Waited);
                    }
                    still_waits = false;
                }
            }
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self: &Arc<Self>, payer: Payer, job: Job) -> Result<(), Undone> {
        let mut state = self.lock();
        let is_overlong = self.kind.refuses_early && state.turns.is_overlong(payer);
        if is_overlong
            || state.turns.len() >= self.kind.waiting
            || state.turns.waiting_of(payer) >= self.kind.waiting_each
        {
            return Err(Undone::Full);
        }
        state.turns.push(payer, job);
        // Those who are idle may have been called already, and not have come yet.
        if state.turns.len() > state.idle && state.threads < self.kind.threads {
            self.add_thread(&mut state);
        }
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    fn add_thread(self: &Arc<Self>, state: &mut State) {
        let (inner, name) = (self.clone(), state.named);
        let started = std::thread::Builder::new().name(self.kind.name.to_owned()).spawn(move || inner.work(name));
        match started {
            Ok(_) => (state.threads, state.named) = (state.threads + 1, name + 1),
            Err(error) => tracing::error!(%error, lane = self.kind.name, "no thread can be started"),
        }
    }

    fn work(self: &Arc<Self>, name: u64) {
        if self.kind.gives_way {
            crate::platform::system::give_way();
        }
        let mut state = self.lock();
        loop {
            let State { turns, of, .. } = &mut *state;
            let Some((payer, mut job)) = turns.next(|payer| of.get(&payer).is_none_or(|n| *n < self.kind.each)) else {
                if state.closed && state.turns.is_empty() {
                    return;
                }
                state.idle += 1;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            *state.of.entry(payer).or_default() += 1;
            let since = Instant::now();
            job.begun.store(true, Ordering::SeqCst);
            state.at_work.insert(name, AtWork { since, payer, hung: job.hung.take() });
            self.watch(&mut state);
            drop(state);
            (job.run)();
            state = self.lock();
            if state.at_work.remove(&name).is_none() {
                // It was written off, and another is in its place.
                state.written_off -= 1;
                return;
            }
            state.leaves(payer);
            state.turns.charge(payer, since.elapsed());
            if !state.turns.is_empty() {
                self.wake.notify_one();
            }
        }
    }

    /// Sees to it that threads are looked after that do not come back.
    fn watch(self: &Arc<Self>, state: &mut State) {
        let Some(given_up) = self.kind.given_up.filter(|_| !state.watched) else { return };
        state.watched = true;
        let weak = Arc::downgrade(self);
        let look = move || {
            while let Some(inner) = weak.upgrade() {
                let mut state = inner.lock();
                if state.closed || (state.at_work.is_empty() && state.turns.is_empty()) {
                    state.watched = false;
                    return;
                }
                let gone = inner.write_off(&mut state, given_up);
                drop(state);
                if gone {
                    (inner.hung)();
                    inner.wake.notify_all();
                }
                drop(inner);
                #[expect(clippy::disallowed_methods, reason = "a thread of its own that looks now and then")]
                std::thread::sleep(given_up / 10);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("lane-watch".to_owned()).spawn(look) {
            tracing::error!(%error, "no thread can be started");
            state.watched = false;
        }
    }

    fn write_off(self: &Arc<Self>, state: &mut State, given_up: Duration) -> bool {
        let late = |at: &&AtWork| at.since.elapsed() > given_up;
        let gone: Vec<u64> = state.at_work.iter().filter(|(_, at)| late(at)).map(|(name, _)| *name).collect();
        for name in &gone {
            let Some(at) = state.at_work.remove(name) else { continue };
            tracing::error!(lane = self.kind.name, "a thread did not come back and was given up");
            if let Some(hung) = at.hung {
                let _ = hung.send(());
            }
            state.leaves(at.payer);
            state.written_off += 1;
            state.threads -= 1;
            // However long this goes on, threads do not add up for ever.
            if state.written_off <= 4 * self.kind.threads {
                self.add_thread(state);
            }
        }
        !gone.is_empty()
    }
}

impl State {
    fn leaves(&mut self, payer: Payer) {
        if let Some(n) = self.of.get_mut(&payer) {
            *n -= 1;
            if *n == 0 {
                self.of.remove(&payer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const KIND: Kind = Kind {
        name: "test",
        threads: 2,
        each: 1,
        waiting: 100,
        waiting_each: 10,
        refuses_early: false,
        wait: Duration::from_secs(60),
        given_up: None,
        gives_way: true,
    };

    fn loud() -> Payer {
        Payer::account(1)
    }

    fn quiet() -> Payer {
        Payer::account(2)
    }

    /// Work that goes on until it is let go.
    fn held() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (go, gone) = mpsc::channel::<()>();
        (go, move || {
            let _ = gone.recv();
        })
    }

    #[tokio::test]
    async fn hardening_6_one_account_has_not_all_threads() {
        let lane = Lane::new(KIND, || {});
        let (go, work) = held();
        let first = tokio::spawn({
            let lane = lane.clone();
            async move { lane.run(loud(), work).await }
        });
        let second = tokio::spawn({
            let lane = lane.clone();
            async move { lane.run(loud(), || "second").await }
        });
        // There is a free thread, and it is not the loud account's.
        for n in 0..20 {
            assert_eq!(lane.run(quiet(), move || n).await, Ok(n));
        }
        assert!(!second.is_finished() && !first.is_finished());
        drop(go);
        assert_eq!(first.await.unwrap(), Ok(()));
        assert_eq!(second.await.unwrap(), Ok("second"));
    }

    #[tokio::test]
    async fn hardening_6_a_line_has_an_end_and_others_have_lines_of_their_own() {
        let lane = Lane::new(KIND, || {});
        let (go, work) = held();
        let mut runs = vec![tokio::spawn({
            let lane = lane.clone();
            async move { lane.run(loud(), work).await }
        })];
        while lane.0.0.lock().at_work.is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            let lane = lane.clone();
            runs.push(tokio::spawn(async move { lane.run(loud(), || ()).await }));
        }
        while lane.0.0.lock().turns.waiting_of(loud()) < 10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(lane.run(loud(), || ()).await, Err(Undone::Full));
        assert_eq!(lane.run(quiet(), || 7).await, Ok(7));
        drop(go);
        for run in runs {
            assert_eq!(run.await.unwrap(), Ok(()));
        }
    }

    #[tokio::test]
    async fn hardening_6_a_thread_that_does_not_come_back_is_replaced() {
        let calls = Arc::new(AtomicBool::new(false));
        let called = calls.clone();
        // A turn is waited for as long as the machine takes to give one.
        let kind =
            Kind { threads: 1, given_up: Some(Duration::from_millis(50)), wait: Duration::from_secs(60), ..KIND };
        let lane = Lane::new(kind, move || called.store(true, Ordering::SeqCst));
        let (go, work) = held();
        assert_eq!(lane.run(loud(), work).await, Err(Undone::Hung));
        assert_eq!(lane.0.0.lock().written_off, 1);
        while lane.run(loud(), || ()).await != Ok(()) {
            tokio::task::yield_now().await;
        }
        while !calls.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        drop(go); // it does come back after all, and leaves
        while lane.0.0.lock().written_off > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(lane.0.0.lock().threads, 1);
    }

    #[tokio::test]
    async fn work_that_breaks_down_breaks_nothing_else() {
        let lane = Lane::new(Kind { threads: 1, ..KIND }, || {});
        let broken = lane.run(loud(), || std::panic::resume_unwind(Box::new("broken"))).await;
        let broken: Result<(), Undone> = broken;
        assert_eq!(broken, Err(Undone::Interrupted));
        assert_eq!(lane.run(loud(), || 1).await, Ok(1));
    }
}

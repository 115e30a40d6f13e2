//! What is asked together: a few threads that each take all that waits at a moment, up to a bound, and do it as one.
//!
//! Where most of what a question costs is asking it (a round trip, two changes of thread), questions that wait anyway are asked in one.
//! The busier it is, the more come together; one that comes alone waits for no other. Accounts take turns as in a
//! [`Lane`](super::lane::Lane). A thread that does not come back is replaced, once that is noticed by those who wait for it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::lane::Load;
use super::turns::{Payer, Turns};

/// What a gathering is like.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What its threads are called.
    pub name: &'static str,
    /// How many there are.
    pub threads: usize,
    /// How much is done as one.
    pub together: usize,
    /// After how long a thread is given up.
    pub given_up: Duration,
}

/// Threads and what waits for them. Cheap to clone; it ends when all are gone.
#[allow(missing_debug_implementations)]
pub struct Gathering<J>(Arc<Door<J>>);

impl<J> Clone for Gathering<J> {
    fn clone(&self) -> Self {
        Gathering(self.0.clone())
    }
}

struct Door<J>(Arc<Inner<J>>);

impl<J> Drop for Door<J> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }
}

struct Inner<J> {
    kind: Kind,
    state: Mutex<State<J>>,
    wake: Condvar,
    serve: Box<dyn Fn(Vec<J>) + Send + Sync>,
    hung: Box<dyn Fn() + Send + Sync>,
}

struct State<J> {
    turns: Turns<J>,
    /// By thread, since when it is at work, and on how much.
    at_work: HashMap<u64, (Instant, usize)>,
    threads: usize,
    idle: usize,
    named: u64,
    written_off: usize,
    closed: bool,
}

impl<J: Send + 'static> Gathering<J> {
    /// `serve` does what was gathered; `hung` is called when a thread was given up.
    pub fn new(
        kind: Kind,
        serve: impl Fn(Vec<J>) + Send + Sync + 'static,
        hung: impl Fn() + Send + Sync + 'static,
    ) -> Gathering<J> {
        let state = State {
            turns: Turns::default(),
            at_work: HashMap::new(),
            threads: 0,
            idle: 0,
            named: 0,
            written_off: 0,
            closed: false,
        };
        let (state, wake) = (Mutex::new(state), Condvar::new());
        Gathering(Arc::new(Door(Arc::new(Inner { kind, state, wake, serve: Box::new(serve), hung: Box::new(hung) }))))
    }

    /// How it is loaded.
    pub fn load(&self) -> Load {
        let state = self.0.0.lock();
        Load { waiting: state.turns.len(), at_work: state.at_work.values().map(|(_, many)| many).sum() }
    }

    /// Has it done when it is this payer's turn; not where that would be late ([`Turns::is_overlong`]).
    #[must_use]
    pub fn push(&self, payer: Payer, job: J) -> bool {
        let inner = &self.0.0;
        let mut state = inner.lock();
        if state.turns.is_overlong(payer) {
            return false;
        }
        state.turns.push(payer, job);
        let calls = state.idle > 0;
        if !calls && state.threads < inner.kind.threads {
            inner.add_thread(&mut state);
        }
        drop(state);
        if calls {
            inner.wake.notify_one();
        }
        true
    }

    /// Replaces threads that do not come back: for who has waited for too long.
    pub fn look_after_threads(&self) {
        let inner = &self.0.0;
        let mut state = inner.lock();
        let late =
            |(name, (since, _)): (&u64, &(Instant, usize))| (since.elapsed() > inner.kind.given_up).then_some(*name);
        let gone: Vec<u64> = state.at_work.iter().filter_map(late).collect();
        for name in &gone {
            state.at_work.remove(name);
            tracing::error!(gathering = inner.kind.name, "a thread did not come back and was given up");
            state.written_off += 1;
            state.threads -= 1;
            // However long this goes on, threads do not add up for ever.
            if state.written_off <= 4 * inner.kind.threads {
                inner.add_thread(&mut state);
            }
        }
        drop(state);
        if !gone.is_empty() {
            (inner.hung)();
        }
    }
}

impl<J> Inner<J> {
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Send + 'static> Inner<J> {
    fn add_thread(self: &Arc<Self>, state: &mut State<J>) {
        let (inner, name) = (self.clone(), state.named);
        match std::thread::Builder::new().name(self.kind.name.to_owned()).spawn(move || inner.work(name)) {
            Ok(_) => (state.threads, state.named) = (state.threads + 1, name + 1),
            Err(error) => tracing::error!(%error, gathering = self.kind.name, "no thread can be started"),
        }
    }

    fn work(&self, name: u64) {
        let mut state = self.lock();
        loop {
            // Where who asks waits for this processor, it is let ask first: with many connections, work would be fetched a little at a time.
            if (1..self.kind.together).contains(&state.turns.len()) {
                drop(state);
                std::thread::yield_now();
                state = self.lock();
            }
            let mut payers = Vec::new();
            let mut gathered = Vec::new();
            while gathered.len() < self.kind.together
                && let Some((payer, job)) = state.turns.next(|_| true)
            {
                payers.push(payer);
                gathered.push(job);
            }
            if gathered.is_empty() {
                if state.closed {
                    return;
                }
                state.idle += 1;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            }
            let since = Instant::now();
            state.at_work.insert(name, (since, gathered.len()));
            drop(state);
            // What breaks down drops what it was given, which tells those who wait.
            let _ = catch_unwind(AssertUnwindSafe(|| (self.serve)(gathered)));
            state = self.lock();
            if state.at_work.remove(&name).is_none() {
                // It was given up, and another is in its place.
                state.written_off -= 1;
                return;
            }
            let share = since.elapsed() / u32::try_from(payers.len()).unwrap_or(u32::MAX);
            for payer in payers {
                state.turns.charge(payer, share);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::oneshot;

    use super::*;

    const KIND: Kind = Kind { name: "test", threads: 1, together: 4, given_up: Duration::from_secs(60) };

    type Job = (u32, oneshot::Sender<Vec<u32>>);

    /// Answers each with all that was done together; the first waits until it is let go.
    fn held(kind: Kind) -> (mpsc::Sender<()>, Gathering<Job>) {
        let (go, gone) = mpsc::channel::<()>();
        let gone = Mutex::new(Some(gone));
        let serve = move |jobs: Vec<Job>| {
            let gone = gone.lock().unwrap().take();
            if let Some(gone) = gone {
                let _ = gone.recv();
            }
            let all: Vec<u32> = jobs.iter().map(|(n, _)| *n).collect();
            for (n, answer) in jobs {
                assert!(n < 100, "it breaks down");
                let _ = answer.send(all.clone());
            }
        };
        (go, Gathering::new(kind, serve, || {}))
    }

    fn ask(gathering: &Gathering<Job>, payer: i64, n: u32) -> oneshot::Receiver<Vec<u32>> {
        let (answer, answered) = oneshot::channel();
        assert!(gathering.push(Payer::account(payer), (n, answer)));
        answered
    }

    fn until_it_is_at_work(gathering: &Gathering<Job>) {
        while gathering.load().at_work == 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_waits_is_done_together_up_to_a_bound_and_in_turns_of_accounts() {
        let (go, gathering) = held(KIND);
        let first = ask(&gathering, 1, 0);
        until_it_is_at_work(&gathering);
        let loud: Vec<_> = (1..8).map(|n| ask(&gathering, 1, n)).collect();
        let quiet = ask(&gathering, 2, 50);
        assert_eq!(gathering.load(), Load { waiting: 8, at_work: 1 });
        go.send(()).unwrap();
        assert_eq!(first.blocking_recv().unwrap(), [0]);
        let beside = quiet.blocking_recv().unwrap();
        assert!(beside.len() == 4 && beside.contains(&50), "{beside:?}");
        for answer in loud {
            assert!(answer.blocking_recv().unwrap().len() <= 4);
        }
    }

    #[test]
    fn work_that_breaks_down_is_told_to_those_who_wait_and_breaks_nothing_else() {
        let (go, gathering) = held(KIND);
        drop(go);
        assert!(ask(&gathering, 1, 100).blocking_recv().is_err());
        assert_eq!(ask(&gathering, 1, 1).blocking_recv().unwrap(), [1]);
    }

    #[test]
    fn a_thread_that_does_not_come_back_is_replaced() {
        let (go, gathering) = held(Kind { given_up: Duration::ZERO, ..KIND });
        let _first = ask(&gathering, 1, 0);
        until_it_is_at_work(&gathering);
        let second = ask(&gathering, 1, 1);
        gathering.look_after_threads();
        assert_eq!(second.blocking_recv().unwrap(), [1]);
        drop(go); // it does come back after all, and leaves
        while gathering.0.0.lock().written_off > 0 {
            std::thread::yield_now();
        }
        assert_eq!(gathering.0.0.lock().threads, 1);
    }
}

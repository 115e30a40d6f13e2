//! Whose turn it is: work waits in a line for each account, and the account that has used least goes first.
//!
//! What an account's work takes is counted as it is done. One that comes new begins where those stand who are being served: it goes
//! before an account that has just used a second, and saves nothing up while it is idle (start-time fair queuing).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// On whose account work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Payer(u64);

impl Payer {
    /// The server itself, its operators, and callers of whom nothing is known yet: they share one line.
    pub const SERVER: Payer = Payer(0);

    /// This account.
    pub fn account(seq: i64) -> Payer {
        Payer(Payer::called("account", &seq.to_string()).0 | ACCOUNT)
    }

    /// Whether it is known to be an account.
    pub fn is_account(self) -> bool {
        self.0 & ACCOUNT != 0
    }

    /// Where the account is not known: what a caller is called, such as a client's id.
    pub fn called(kind: &str, name: &str) -> Payer {
        static HASHER: OnceLock<RandomState> = OnceLock::new();
        Payer(HASHER.get_or_init(RandomState::new).hash_one((kind, name)) & !ACCOUNT)
    }
}

/// The bit of a payer that says that it is an account.
const ACCOUNT: u64 = 1 << 63;

/// Which account a credential belongs to, as it was found when it was used last: a guess that decides about nothing but turns.
#[derive(Debug, Default)]
pub struct Payers(Mutex<HashMap<Payer, Payer>>);

/// So many credentials are remembered.
const REMEMBERED: usize = 20_000;

impl Payers {
    /// Who pays for what this credential does.
    pub fn of(&self, credential: &str) -> Payer {
        let credential = Payer::called("credential", credential);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&credential).copied().unwrap_or(credential)
    }

    /// It was found to be this account's.
    pub fn learn(&self, credential: &str, account: Payer) {
        let credential = Payer::called("credential", credential);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(credential, account);
    }
}

/// A line is overlong where so much waits in it,
const LONG: usize = 200;
/// and what is first has waited for so long: what came now would wait for longer.
const SLOW: Duration = Duration::from_millis(600);

/// The lines. What waits in one line keeps its order.
#[derive(Debug)]
pub struct Turns<T> {
    lines: HashMap<Payer, Line<T>>,
    /// How much the one had used who was served last.
    clock: u64,
    arrivals: u64,
    waiting: usize,
}

#[derive(Debug)]
struct Line<T> {
    waiting: VecDeque<Waiting<T>>,
    /// In microseconds.
    used: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    arrived: u64,
    since: Instant,
    work: T,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Turns { lines: HashMap::new(), clock: 0, arrivals: 0, waiting: 0 }
    }
}

impl<T> Turns<T> {
    /// How much waits.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// How much of this payer's waits.
    pub fn waiting_of(&self, payer: Payer) -> usize {
        self.lines.get(&payer).map_or(0, |line| line.waiting.len())
    }

    /// Whether more waits in the line of an account than is soon done. The others' lines may be short all the while.
    pub fn is_overlong(&self, payer: Payer) -> bool {
        let line = self.lines.get(&payer).filter(|line| payer != Payer::SERVER && line.waiting.len() >= LONG);
        line.and_then(|line| line.waiting.front()).is_some_and(|first| first.since.elapsed() > SLOW)
    }

    /// Puts it at the end of its payer's line.
    pub fn push(&mut self, payer: Payer, work: T) {
        if self.waiting == 0 {
            // A payer that comes now stands in no other's way.
            self.clock = self.lines.drain().map(|(_, line)| line.used).fold(self.clock, u64::max);
        } else if self.lines.len() > 64 + 2 * self.waiting {
            let clock = self.clock;
            self.lines.retain(|_, line| !line.waiting.is_empty() || line.used > clock);
        }
        let clock = self.clock;
        let line = self.lines.entry(payer).or_insert_with(|| Line { waiting: VecDeque::new(), used: clock });
        if line.waiting.is_empty() {
            line.used = line.used.max(clock);
        }
        line.waiting.push_back(Waiting { arrived: self.arrivals, since: Instant::now(), work });
        self.arrivals += 1;
        self.waiting += 1;
    }

    /// Takes what is next among the first of those lines that may go on.
    pub fn next(&mut self, mut may: impl FnMut(Payer) -> bool) -> Option<(Payer, T)> {
        let first = |(payer, line): (&Payer, &Line<T>)| Some((line.used, line.waiting.front()?.arrived, *payer));
        let fronts = self.lines.iter().filter_map(first);
        let (used, _, payer) = fronts.filter(|(_, _, payer)| may(*payer)).min()?;
        let Waiting { work, .. } = self.lines.get_mut(&payer)?.waiting.pop_front()?;
        self.clock = self.clock.max(used);
        self.waiting -= 1;
        Some((payer, work))
    }

    /// What would be next.
    pub fn peek(&self) -> Option<&T> {
        let first = |line: &'_ Line<T>| line.waiting.front().map(|first| (line.used, first.arrived));
        let line = self.lines.values().filter(|line| !line.waiting.is_empty()).min_by_key(|line| first(line))?;
        line.waiting.front().map(|first| &first.work)
    }

    /// Counts what a payer's work took.
    pub fn charge(&mut self, payer: Payer, took: Duration) {
        let clock = self.clock;
        let line = self.lines.entry(payer).or_insert_with(|| Line { waiting: VecDeque::new(), used: clock });
        line.used = line.used.saturating_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: Payer = Payer(1);
    const QUIET: Payer = Payer(2);

    impl<T> Turns<T> {
        /// Serves one, which takes so many milliseconds.
        fn serve(&mut self, millis: u64) -> Option<T> {
            let (payer, work) = self.next(|_| true)?;
            self.charge(payer, Duration::from_millis(millis));
            Some(work)
        }
    }

    #[test]
    fn hardening_6_one_who_comes_late_does_not_wait_for_a_long_line() {
        let mut turns = Turns::default();
        (0..1000).for_each(|n| turns.push(LOUD, ("loud", n)));
        assert_eq!(turns.serve(5), Some(("loud", 0)));
        assert_eq!(turns.serve(5), Some(("loud", 1)));
        turns.push(QUIET, ("quiet", 0));
        turns.push(QUIET, ("quiet", 1));
        assert_eq!(turns.serve(1), Some(("quiet", 0)), "it has used least");
        let next: Vec<_> = (0..3).map(|_| turns.serve(1).unwrap().0).collect();
        assert!(next.contains(&"quiet"), "{next:?}");
        assert_eq!((turns.len(), turns.waiting_of(QUIET)), (996, 0));
    }

    #[test]
    fn hardening_6_turns_are_shared_by_what_they_take_and_not_by_their_number() {
        let mut turns = Turns::default();
        (0..100).for_each(|n| turns.push(LOUD, ("loud", n)));
        (0..100).for_each(|n| turns.push(QUIET, ("quiet", n)));
        let (mut loud, mut quiet) = (0, 0);
        while quiet < 100 {
            let next = turns.peek().copied();
            match turns.next(|_| true) {
                Some((payer, work)) => {
                    assert_eq!(next, Some(work));
                    let millis = if payer == LOUD { 100 } else { 10 };
                    turns.charge(payer, Duration::from_millis(millis));
                    if payer == LOUD { loud += 1 } else { quiet += 1 }
                }
                None => unreachable!("there is work"),
            }
        }
        assert!((9..=11).contains(&loud), "{loud} long ones beside {quiet} short ones");
    }

    #[test]
    fn hardening_6_the_order_in_a_line_is_kept_and_nothing_is_saved_up() {
        let mut turns = Turns::default();
        turns.push(QUIET, 0);
        assert_eq!(turns.serve(1), Some(0));
        for n in 0..50 {
            turns.push(LOUD, n);
            assert_eq!(turns.serve(10), Some(n), "in order");
        }
        // Who was idle meanwhile has not earned fifty turns in a row.
        (100..110).for_each(|n| turns.push(LOUD, n));
        (200..210).for_each(|n| turns.push(QUIET, n));
        let order: Vec<i32> = (0..6).map(|_| turns.serve(10).unwrap()).collect();
        assert!(order.iter().filter(|n| **n < 200).count() >= 2, "{order:?}");
    }

    #[test]
    fn hardening_6_a_payer_who_may_not_go_on_holds_up_no_other() {
        let mut turns = Turns::default();
        turns.push(LOUD, "loud");
        turns.push(QUIET, "quiet");
        assert_eq!(turns.next(|payer| payer != LOUD), Some((QUIET, "quiet")));
        assert_eq!(turns.next(|payer| payer != LOUD), None);
        assert_eq!(turns.next(|_| true), Some((LOUD, "loud")));
        assert!(turns.is_empty());
    }

    #[test]
    fn hardening_6_lines_of_those_who_left_are_forgotten() {
        let mut turns = Turns::default();
        for n in 0..10_000 {
            turns.push(Payer::account(n), n);
            turns.serve(1);
        }
        assert!(turns.lines.len() < 200, "{}", turns.lines.len());
    }

    #[test]
    fn a_line_is_overlong_when_it_is_long_and_slow_and_for_its_own_account() {
        let mut turns = Turns::default();
        let age = |turns: &mut Turns<usize>, payer| {
            let first = turns.lines.get_mut(&payer).and_then(|line| line.waiting.front_mut());
            first.expect("something waits").since -= 2 * SLOW;
        };
        (0..LONG - 1).for_each(|n| turns.push(LOUD, n));
        age(&mut turns, LOUD);
        assert!(!turns.is_overlong(LOUD), "few wait");
        turns.push(LOUD, LONG);
        turns.push(QUIET, 0);
        assert!(turns.is_overlong(LOUD) && !turns.is_overlong(QUIET));
        turns.serve(1);
        turns.push(LOUD, 0);
        assert!(!turns.is_overlong(LOUD), "who is first now came a moment ago");
        (0..2 * LONG).for_each(|n| turns.push(Payer::SERVER, n));
        age(&mut turns, Payer::SERVER);
        assert!(!turns.is_overlong(Payer::SERVER), "what the server does for all is done");
    }

    #[test]
    fn a_credential_pays_for_the_account_it_was_found_to_belong_to() {
        let payers = Payers::default();
        assert_ne!(payers.of("Bearer a"), Payer::account(7));
        payers.learn("Bearer a", Payer::account(7));
        payers.learn("Bearer b", Payer::account(7));
        assert_eq!((payers.of("Bearer a"), payers.of("Bearer b")), (Payer::account(7), Payer::account(7)));
        assert_ne!(payers.of("Bearer c"), Payer::account(7));
    }
}

//! What time it is, as a value that is passed to what needs it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::platform::timestamp::Timestamp;

/// The clock of a process: the machine's, or one that a test moves. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    began: Instant,
    /// `None`: it is the machine's.
    hand: Option<Arc<Hand>>,
}

/// What a test does to a clock.
#[derive(Debug, Default)]
struct Hand {
    /// How far ahead of the machine's clock it is, in milliseconds.
    ahead: AtomicI64,
    /// Whether time passes by [`Clock::advance`] alone, and since when: the machine's time then, and what had elapsed.
    held: OnceLock<(Timestamp, i64)>,
}

impl Clock {
    /// The machine's, which no caller can set.
    pub fn of_the_machine() -> Clock {
        Clock { began: Instant::now(), hand: None }
    }

    /// One that shows the machine's time until it is [moved](Self::advance): for tests.
    pub fn movable() -> Clock {
        Clock { began: Instant::now(), hand: Some(Arc::default()) }
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "the clock's one owner")]
    pub fn now(&self) -> Timestamp {
        let Some((hand, (time, _))) = self.held() else {
            return self.shifted(Timestamp::of_millis(chrono::Utc::now().timestamp_millis()));
        };
        *time + hand.ahead.fetch_add(1, Ordering::Relaxed)
    }

    /// A time that another clock (the database's) shows, moved as far as this one was.
    pub fn shifted(&self, time: Timestamp) -> Timestamp {
        time + self.ahead()
    }

    fn ahead(&self) -> i64 {
        self.hand.as_ref().map_or(0, |hand| hand.ahead.load(Ordering::Relaxed))
    }

    /// How many milliseconds have passed since it was made, independent of changes of the machine's clock.
    pub fn elapsed(&self) -> i64 {
        self.held().map_or_else(|| self.since_it_began(), |(_, (_, elapsed))| *elapsed) + self.ahead()
    }

    fn since_it_began(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX / 2)
    }

    fn held(&self) -> Option<(&Hand, &(Timestamp, i64))> {
        let hand = self.hand.as_deref()?;
        Some((hand, hand.held.get()?))
    }

    /// From now on time passes only by [`advance`](Self::advance), and by a millisecond each time that it is read, however long the
    /// work takes.
    ///
    /// # Panics
    /// If it is the machine's.
    pub fn hold(&self) {
        let hand = self.hand.as_ref().expect("the machine's clock is not ours to hold");
        let ahead = hand.ahead.load(Ordering::Relaxed);
        hand.held.get_or_init(|| (self.now() - ahead, self.since_it_began()));
    }

    /// So much time passes at once.
    ///
    /// # Panics
    /// If it is the machine's.
    pub fn advance(&self, by: Duration) {
        let hand = self.hand.as_ref().expect("the machine's clock is not ours to move");
        hand.ahead.fetch_add(i64::try_from(by.as_millis()).expect("a time that can pass"), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_held_moves_only_when_it_is_moved() {
        let clock = Clock::movable();
        clock.advance(Duration::from_secs(1));
        clock.hold();
        let (now, elapsed) = (clock.now(), clock.elapsed());
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(3) {}
        assert_eq!((clock.now(), clock.elapsed()), (now + 1, elapsed + 1));
        clock.advance(Duration::from_secs(1));
        assert_eq!((clock.now(), clock.elapsed()), (now + 1002, elapsed + 1002));
    }

    #[test]
    fn clones_of_a_clock_move_together() {
        let (clock, machine) = (Clock::movable(), Clock::of_the_machine());
        let other = clock.clone();
        assert!((clock.now() - machine.now()).abs() < 60_000);
        other.advance(Duration::from_secs(86_400));
        let ahead = clock.now() - machine.now();
        assert!((86_340_000..=86_460_000).contains(&ahead), "{ahead}");
        assert_eq!(clock.shifted(Timestamp::EPOCH + 5), Timestamp::EPOCH + 86_400_005);
        assert_eq!(machine.shifted(Timestamp::EPOCH), Timestamp::EPOCH);
        assert!((86_400_000..86_460_000).contains(&clock.elapsed()) && machine.elapsed() < 60_000);
    }
}

//! What time it is, as a value that is passed to what needs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::platform::timestamp::Timestamp;

/// The clock of a process: the machine's, or one that a test moves. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    began: Instant,
    /// How far ahead of the machine's it is, in milliseconds; `None`: it is the machine's.
    ahead: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's, which no caller can set.
    pub fn of_the_machine() -> Clock {
        Clock { began: Instant::now(), ahead: None }
    }

    /// One that shows the machine's time until it is [moved](Self::advance): for tests.
    pub fn movable() -> Clock {
        Clock { began: Instant::now(), ahead: Some(Arc::default()) }
    }

    /// Now, in milliseconds since the epoch.
    #[expect(clippy::disallowed_methods, reason = "the clock's one owner")]
    pub fn now(&self) -> Timestamp {
        self.shifted(chrono::Utc::now().timestamp_millis())
    }

    /// A time that another clock (the database's) shows, moved as far as this one was.
    pub fn shifted(&self, time: Timestamp) -> Timestamp {
        time + self.ahead.as_ref().map_or(0, |ahead| ahead.load(Ordering::Relaxed))
    }

    /// How many milliseconds have passed since it was made, independent of changes of the machine's clock.
    pub fn elapsed(&self) -> i64 {
        self.shifted(i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX / 2))
    }

    /// So much time passes at once.
    ///
    /// # Panics
    /// If it is the machine's.
    pub fn advance(&self, by: Duration) {
        let ahead = self.ahead.as_ref().expect("the machine's clock is not ours to move");
        ahead.fetch_add(i64::try_from(by.as_millis()).expect("a time that can pass"), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_clock_move_together() {
        let (clock, machine) = (Clock::movable(), Clock::of_the_machine());
        let other = clock.clone();
        assert!((clock.now() - machine.now()).abs() < 60_000);
        other.advance(Duration::from_secs(86_400));
        let ahead = clock.now() - machine.now();
        assert!((86_340_000..=86_460_000).contains(&ahead), "{ahead}");
        assert_eq!(clock.shifted(5), 86_400_005);
        assert_eq!(machine.shifted(5), 5);
        assert!((86_400_000..86_460_000).contains(&clock.elapsed()) && machine.elapsed() < 60_000);
    }
}

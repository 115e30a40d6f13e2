//! When it is, for what cannot be undone.
//!
//! Housekeeping deletes what a wrong clock calls old. So its time may not run ahead of real time: wall time that is further on than the
//! monotonic clock allows since it was believed last is doubted, and the believed time goes on at the pace of the monotonic clock. A
//! wall time that stays the same for a day is believed after all (a machine that slept), and so is one that an operator confirms. After a
//! restart the last believed time is known from the database, and a day's absence is nothing special.
//!
//! On PostgreSQL wall time is the database's, so that the clock of a replica does not matter.

use std::sync::{Mutex, PoisonError};

use super::clock::Clock;

use crate::platform::timestamp::Timestamp;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// How far ahead wall time may run of what was believed,
const AHEAD: i64 = HOUR;
/// and after a restart.
const AWAY: i64 = DAY;
/// How long a doubted time has to last until it is believed.
const LASTS: i64 = DAY;
/// Clocks drift: a part in so many.
const DRIFT: i64 = 100;

/// What time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Milliseconds since the epoch; never more than what is known to have passed.
    pub now: Timestamp,
    /// How far the clock is ahead of that, if it is doubted.
    pub doubted: Option<i64>,
}

/// What was believed, and since when something else is shown.
#[derive(Debug)]
pub struct Calendar {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    anchor: Option<Moment>,
    /// The first look at a time that is doubted.
    doubted: Option<Moment>,
}

/// Both clocks at the same moment.
#[derive(Debug, Clone, Copy)]
struct Moment {
    wall: Timestamp,
    monotonic: i64,
}

impl Calendar {
    /// By this clock's monotonic time.
    pub fn new(clock: Clock) -> Calendar {
        Calendar { clock, state: Mutex::default() }
    }

    /// Judges a wall time. `noted` is the last that was believed, by any process or by an operator.
    pub fn judge(&self, wall: Timestamp, noted: Option<Timestamp>) -> Judged {
        let monotonic = self.clock.elapsed();
        self.state.lock().unwrap_or_else(PoisonError::into_inner).judge(Moment { wall, monotonic }, noted)
    }
}

impl State {
    fn judge(&mut self, seen: Moment, noted: Option<Timestamp>) -> Judged {
        let anchor = match (self.anchor, noted) {
            (Some(anchor), _) => anchor,
            (None, Some(noted)) => Moment { wall: noted + AWAY - AHEAD, ..seen },
            (None, None) => seen, // an installation without housekeeping so far
        };
        let elapsed = seen.monotonic - anchor.monotonic;
        let known = noted.unwrap_or(Timestamp::MIN);
        let limit = (anchor.wall + elapsed + elapsed / DRIFT).max(known) + AHEAD;
        let steady = self.doubted.filter(|first| {
            let (wall, monotonic) = (seen.wall - first.wall, seen.monotonic - first.monotonic);
            (wall - monotonic).abs() <= HOUR + monotonic / DRIFT
        });
        let lasted = steady.is_some_and(|first| seen.monotonic - first.monotonic >= LASTS);
        if seen.wall <= limit || lasted {
            // The anchor stays, so that many small steps are no way round the limit; unless a higher time became known.
            let stays = seen.wall <= anchor.wall + elapsed + elapsed / DRIFT + AHEAD && self.anchor.is_some();
            self.anchor = Some(if stays { anchor } else { seen });
            self.doubted = None;
            return Judged { now: seen.wall, doubted: None };
        }
        self.doubted = Some(steady.unwrap_or(seen));
        let believed = match self.anchor {
            Some(anchor) => (anchor.wall + elapsed).max(known),
            None => known,
        };
        // From here on the believed time goes on by itself.
        self.anchor = Some(self.anchor.unwrap_or(Moment { wall: believed, ..seen }));
        Judged { now: believed, doubted: Some(seen.wall - believed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const THEN: Timestamp = Timestamp::of_millis(1_700_000_000_000);

    fn at(state: &mut State, monotonic: i64, wall: i64) -> Judged {
        state.judge(Moment { wall: THEN + wall, monotonic }, None)
    }

    fn plain(wall: i64) -> Judged {
        Judged { now: THEN + wall, doubted: None }
    }

    #[test]
    fn hardening_8_a_jump_forward_is_doubted_and_time_goes_on() {
        let mut state = State::default();
        assert_eq!(at(&mut state, 0, 0), plain(0));
        assert_eq!(at(&mut state, MINUTE, MINUTE), plain(MINUTE));
        let jumped = at(&mut state, 2 * MINUTE, 400 * DAY);
        assert_eq!((jumped.now - THEN, jumped.doubted), (2 * MINUTE, Some(400 * DAY - 2 * MINUTE)));
        assert_eq!(at(&mut state, 10 * MINUTE, 400 * DAY + 8 * MINUTE).now - THEN, 10 * MINUTE);
        assert_eq!(at(&mut state, 11 * MINUTE, 11 * MINUTE), plain(11 * MINUTE), "it is right again");
        assert_eq!(at(&mut state, 12 * MINUTE, -400 * DAY), plain(-400 * DAY), "what is early destroys nothing");
        assert_eq!(at(&mut state, 13 * MINUTE, 13 * MINUTE), plain(13 * MINUTE));
    }

    #[test]
    fn hardening_8_small_steps_are_no_way_round() {
        let mut state = State::default();
        at(&mut state, 0, 0);
        let mut wall = 0;
        for step in 1..=500 {
            wall += 50 * MINUTE;
            let judged = at(&mut state, step * MINUTE, wall);
            assert!(judged.now - THEN <= step * MINUTE + AHEAD + step * MINUTE / DRIFT, "step {step}: {judged:?}");
        }
    }

    #[test]
    fn hardening_8_a_clock_that_stays_where_it_jumped_is_believed_after_a_day() {
        let mut state = State::default();
        at(&mut state, 0, 0);
        let slept = 3 * DAY;
        for hour in 1..=24 {
            assert!(at(&mut state, hour * HOUR, slept + hour * HOUR).doubted.is_some(), "hour {hour}");
        }
        assert_eq!(at(&mut state, 25 * HOUR, slept + 25 * HOUR), plain(slept + 25 * HOUR));
        // One that wanders about is never believed.
        let mut state = State::default();
        at(&mut state, 0, 0);
        for hour in 1..=100 {
            let judged = at(&mut state, hour * HOUR, (100 + 7 * (hour % 5)) * DAY);
            assert!(judged.doubted.is_some() && judged.now - THEN <= hour * HOUR + hour * HOUR / DRIFT);
        }
    }

    #[test]
    fn hardening_8_after_a_restart_the_noted_time_counts_and_an_operator_may_confirm() {
        let mut weekday = State::default();
        let noted = Some(THEN);
        assert_eq!(weekday.judge(Moment { wall: THEN + 20 * HOUR, monotonic: 0 }, noted), plain(20 * HOUR));
        let mut state = State::default();
        let wall = THEN + 400 * DAY;
        let judged = state.judge(Moment { wall, monotonic: 0 }, noted);
        assert_eq!(judged, Judged { now: THEN, doubted: Some(400 * DAY) });
        let judged = state.judge(Moment { wall: wall + MINUTE, monotonic: MINUTE }, noted);
        assert_eq!(judged.now, THEN + MINUTE);
        // Confirmed: the time is noted.
        let judged = state.judge(Moment { wall: wall + 2 * MINUTE, monotonic: 2 * MINUTE }, Some(wall + MINUTE));
        assert_eq!(judged, Judged { now: wall + 2 * MINUTE, doubted: None });
        let judged = state.judge(Moment { wall: wall + DAY, monotonic: DAY }, Some(wall + MINUTE));
        assert_eq!(judged.doubted, None, "and from there it goes on");
    }

    #[test]
    fn hardening_8_a_clock_may_drift() {
        let mut state = State::default();
        at(&mut state, 0, 0);
        for day in 1..=300 {
            assert_eq!(at(&mut state, day * DAY, day * DAY + day * DAY / 200).doubted, None, "day {day}");
        }
    }
}

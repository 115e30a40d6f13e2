//! Which changes of a connection's health are told. What comes and goes is not: a change is told once it has lasted for a while, and the way
//! back takes longer.

use super::HealthState;
use crate::platform::timestamp::Timestamp;

/// What is known of a client from when it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// What was found.
    pub state: HealthState,
    /// Since when it is so.
    pub since: Timestamp,
    /// What was told last, or need not be told.
    pub told: HealthState,
    /// Since when what is found is not what was told.
    pub differs_since: Option<Timestamp>,
}

/// A change that is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthChange {
    /// What was told before,
    pub from: HealthState,
    /// and what is told now.
    pub to: HealthState,
}

/// How long a change has to last, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// One for the worse.
    pub worse: i64,
    /// One for the better.
    pub better: i64,
}

impl HealthState {
    /// The higher, the worse.
    fn rank(self) -> u8 {
        match self {
            HealthState::NeverUsed | HealthState::Ok => 0,
            HealthState::Attention => 1,
            HealthState::Broken => 2,
        }
    }
}

impl Watched {
    /// The first look at a client. One that is new has yet to become anything; what has been so for long is no news.
    pub fn first(found: HealthState, is_new: bool, now: Timestamp) -> Watched {
        let told = if is_new { HealthState::NeverUsed } else { found };
        Watched { state: found, since: now, told, differs_since: None }
    }

    /// What is known once this was found, and the change that is to be told.
    pub fn then(self, found: HealthState, settling: Settling, now: Timestamp) -> (Watched, Option<HealthChange>) {
        let since = if found == self.state { self.since } else { now };
        let seen = Watched { state: found, since, ..self };
        if found.rank() == self.told.rank() {
            return (Watched { told: found, differs_since: None, ..seen }, None);
        }
        let differs_since = self.differs_since.unwrap_or(now);
        let lasts = if found.rank() > self.told.rank() { settling.worse } else { settling.better };
        if now - differs_since < lasts {
            return (Watched { differs_since: Some(differs_since), ..seen }, None);
        }
        let change = HealthChange { from: self.told, to: found };
        (Watched { told: found, differs_since: None, ..seen }, Some(change))
    }
}

#[cfg(test)]
mod tests {
    use HealthState::{Attention, Broken, NeverUsed, Ok};

    use super::*;
    use crate::platform::timestamp::ms;

    const SETTLING: Settling = Settling { worse: 15, better: 60 };

    /// What is told, and when, of what is found at each time.
    fn told(is_new: bool, found: &[(i64, HealthState)]) -> Vec<(i64, HealthState, HealthState)> {
        let (first, rest) = found.split_first().expect("a first look");
        let mut watched = Watched::first(first.1, is_new, ms(first.0));
        let mut told = Vec::new();
        for (at, state) in [first].into_iter().chain(rest) {
            let (next, change) = watched.then(*state, SETTLING, ms(*at));
            told.extend(change.map(|HealthChange { from, to }| (*at, from, to)));
            watched = next;
        }
        told
    }

    #[test]
    fn a_change_is_told_once_when_it_has_lasted() {
        let found = [(0, Ok), (5, Attention), (10, Attention), (19, Attention), (20, Attention), (25, Attention)];
        assert_eq!(told(false, &found), [(20, Ok, Attention)]);
        let back = [(0, Ok), (5, Broken), (20, Broken), (30, Ok), (89, Ok), (90, Ok), (95, Ok)];
        assert_eq!(told(false, &back), [(20, Ok, Broken), (90, Broken, Ok)]);
        let worse =
            [(0, Ok), (5, Attention), (20, Attention), (30, Broken), (45, Broken), (50, Attention), (110, Attention)];
        assert_eq!(told(false, &worse), [(20, Ok, Attention), (45, Attention, Broken), (110, Broken, Attention)]);
    }

    #[test]
    fn what_comes_and_goes_is_not_told() {
        let flutter: Vec<(i64, HealthState)> = (0..100).map(|at| (at, if at % 10 < 9 { Ok } else { Broken })).collect();
        assert_eq!(told(false, &flutter), []);
        let broken: Vec<(i64, HealthState)> = (0..200).map(|at| (at, if at % 50 < 40 { Broken } else { Ok })).collect();
        assert_eq!(told(true, &broken), [(15, NeverUsed, Broken)], "it is not well for long enough");
        let between: Vec<(i64, HealthState)> =
            (0..40).map(|at| (at, if at % 2 == 0 { Attention } else { Broken })).collect();
        assert_eq!(told(true, &between)[0], (15, NeverUsed, Broken), "bad and worse are bad all the time");
    }

    #[test]
    fn the_first_connection_is_no_news_and_an_earlier_state_is_none_either() {
        assert_eq!(told(true, &[(0, NeverUsed), (100, Ok), (200, Ok)]), []);
        assert_eq!(told(false, &[(0, Broken), (100, Broken)]), []);
        assert_eq!(told(true, &[(0, Attention), (15, Attention)]), [(15, NeverUsed, Attention)]);
        assert_eq!(told(false, &[(0, Broken), (100, Ok), (160, NeverUsed)]), [(160, Broken, NeverUsed)]);
    }
}

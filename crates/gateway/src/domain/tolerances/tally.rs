//! How often which client needed which tolerance: gathered in memory, added to the database every few seconds, so that no
//! request writes for it. Several replicas add up. A process that is killed loses what it gathered since it last added.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Tolerance, Tolerances};

use crate::domain::ids::ClientKey;
use crate::platform::timestamp::Timestamp;

/// What one request needed.
#[derive(Debug, Clone, Copy)]
pub struct ToleranceUse {
    /// The client's number in storage.
    pub client: ClientKey,
    /// What was forgiven.
    pub forgiven: Tolerances,
    /// What was not.
    pub missed: Tolerances,
    /// When, in milliseconds since the epoch.
    pub at: Timestamp,
}

/// How often, and when for the last time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UseCount {
    /// Requests that were forgiven this.
    pub forgiven: u64,
    /// Requests that were refused, and needed this.
    pub refused: u64,
    /// Milliseconds since the epoch.
    pub last_needed: Timestamp,
}

/// What was gathered and not yet written, by client and tolerance.
pub type UseCounts = BTreeMap<(ClientKey, Tolerance), UseCount>;

/// Gathers.
#[derive(Debug, Default)]
pub struct ToleranceCounter(Mutex<UseCounts>);

impl ToleranceUse {
    /// What a SCIM request of this client needed.
    pub fn of_scim(client: ClientKey, leniency: &scim::ToleranceTracker, at: Timestamp) -> ToleranceUse {
        let of = |scim| Tolerances { scim, ..Tolerances::default() };
        ToleranceUse { client, forgiven: of(leniency.forgiven()), missed: of(leniency.missed()), at }
    }

    /// What both needed together.
    pub fn and(self, more: ToleranceUse) -> ToleranceUse {
        let both = |one: Tolerances, other: Tolerances| one.iter().chain(other.iter()).collect();
        ToleranceUse { forgiven: both(self.forgiven, more.forgiven), missed: both(self.missed, more.missed), ..more }
    }

    /// What a request of this client to the authorization server needed.
    pub fn of_oauth(client: ClientKey, needs: &oauth::tolerance::Needs, at: Timestamp) -> ToleranceUse {
        let of = |oauth| Tolerances { oauth, ..Tolerances::default() };
        ToleranceUse { client, forgiven: of(needs.forgiven), missed: of(needs.missed), at }
    }
}

impl UseCount {
    fn add(&mut self, other: UseCount) {
        self.forgiven += other.forgiven;
        self.refused += other.refused;
        self.last_needed = self.last_needed.max(other.last_needed);
    }
}

impl ToleranceCounter {
    /// Counts a request once for each tolerance it needed. What it missed counts only if it was refused.
    pub fn count(&self, need: &ToleranceUse, refused: bool) {
        let missed = if refused { need.missed } else { Tolerances::default() };
        if need.forgiven.is_empty() && missed.is_empty() {
            return;
        }
        let one = |forgiven, refused| UseCount { forgiven, refused, last_needed: need.at };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for tolerance in need.forgiven.iter() {
            counts.entry((need.client, tolerance)).or_default().add(one(1, 0));
        }
        for tolerance in missed.iter() {
            counts.entry((need.client, tolerance)).or_default().add(one(0, 1));
        }
    }

    /// Takes what was gathered.
    pub fn take(&self) -> UseCounts {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be written.
    pub fn put_back(&self, counts: UseCounts) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, count) in counts {
            now.entry(key).or_default().add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    const CLIENT: ClientKey = ClientKey::of_row(7);
    const BOOLEANS: Tolerance = Tolerance::Scim(scim::Tolerance::BooleanStrings);
    const MANAGER: Tolerance = Tolerance::Scim(scim::Tolerance::ManagerId);

    #[test]
    fn a_request_counts_once_for_each_tolerance_and_what_was_put_back_is_not_lost() {
        let tally = ToleranceCounter::default();
        let need = |at| ToleranceUse {
            client: CLIENT,
            forgiven: [BOOLEANS].into_iter().collect(),
            missed: [MANAGER].into_iter().collect(),
            at,
        };
        tally.count(&need(ms(1)), false);
        let taken = tally.take();
        assert_eq!(taken.len(), 1, "what a request was not refused for was not needed");
        tally.count(&need(ms(3)), true);
        tally.count(&need(ms(2)), true);
        tally.put_back(taken);
        let counts = tally.take();
        let count = |tolerance| counts[&(CLIENT, tolerance)];
        assert_eq!(count(BOOLEANS), UseCount { forgiven: 3, refused: 0, last_needed: ms(3) });
        assert_eq!(count(MANAGER), UseCount { forgiven: 0, refused: 2, last_needed: ms(3) });
        assert!(tally.take().is_empty());
    }
}

//! Where pages ended: a walk by `startIndex` continues after the last resource of the page before, so a page costs the same
//! anywhere, and a resource that is deleted during the walk makes nobody be skipped.
//!
//! A memory of this process and no more than a short cut: a page whose beginning is not remembered (another replica served the
//! one before) is found by counting along the index.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use scim::schema::ResourceTypeId;

/// How long a walk may pause between two pages.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How many beginnings are remembered at most; 48 bytes each.
const MOST: usize = 100_000;

/// The n-th resource of one account and type, in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) account: i64,
    pub(super) resource_type: ResourceTypeId,
    pub(super) index: u64,
}

/// What is remembered. Shared by all units of work of a process.
#[derive(Debug, Default)]
pub(super) struct Bookmarks(Mutex<HashMap<Place, (i64, Instant)>>);

impl Bookmarks {
    /// The row after which this place is.
    pub(super) fn after(&self, place: Place) -> Option<i64> {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.get(&place).filter(|(_, made)| made.elapsed() < LIFETIME).map(|(after, _)| *after)
    }

    /// Remembers that this place is after this row.
    pub(super) fn remember(&self, place: Place, after: i64) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() >= MOST {
            marks.retain(|_, (_, made)| made.elapsed() < LIFETIME);
        }
        if marks.len() >= MOST {
            marks.clear();
        }
        marks.insert(place, (after, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use scim::schema::{GROUP, USER};

    use super::*;

    #[test]
    fn a_place_is_remembered_for_its_account_and_type_alone() {
        let marks = Bookmarks::default();
        let place = Place { account: 1, resource_type: USER, index: 101 };
        marks.remember(place, 4711);
        assert_eq!(marks.after(place), Some(4711));
        assert_eq!(marks.after(Place { account: 2, ..place }), None);
        assert_eq!(marks.after(Place { resource_type: GROUP, ..place }), None);
        assert_eq!(marks.after(Place { index: 102, ..place }), None);
    }

    #[test]
    fn memory_is_bounded() {
        let marks = Bookmarks::default();
        for index in 0..MOST as u64 + 10 {
            marks.remember(Place { account: 1, resource_type: USER, index }, 0);
        }
        assert!(marks.0.lock().unwrap().len() <= MOST);
    }
}

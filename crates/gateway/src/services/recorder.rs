//! The request log is written beside the requests: they leave what came of them in memory, and a job writes it in batches, in units of work
//! of its own ([why](../../../../docs/decisions/0048-what-may-the-request-log-cost.md)). No request waits for it or fails of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::request::full::Room;
use crate::domain::request::{RequestRecord, Share};

mod writing;

use writing::Scribe;

/// So many wait at most,
const MOST: usize = 20_000;
/// and so many of one account: it may not take the room of all others.
const MOST_EACH: usize = MOST / 4;

/// What came of requests and is not yet written.
#[derive(Debug)]
pub struct Recorder {
    is_on: bool,
    queue: Mutex<Queue>,
    room: Room,
    scribe: tokio::sync::Mutex<Scribe>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<RequestRecord>,
    each: HashMap<Share, usize>,
    dropped: Dropped,
}

/// What was not recorded, since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Requests that were carried out,
    pub successes: u64,
    /// and others.
    pub failures: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(self) -> u64 {
        self.successes + self.failures
    }

    fn of(records: &[RequestRecord]) -> Dropped {
        let successes = records.iter().filter(|record| record.is_success()).count() as u64;
        Dropped { successes, failures: records.len() as u64 - successes }
    }

    fn and(self, more: Dropped) -> Dropped {
        Dropped { successes: self.successes + more.successes, failures: self.failures + more.failures }
    }

    fn count(&mut self, record: &RequestRecord) {
        match record.is_success() {
            true => self.successes += 1,
            false => self.failures += 1,
        }
    }
}

impl Recorder {
    /// One that records, or none at all.
    pub fn new(is_on: bool) -> Recorder {
        Recorder { is_on, queue: Mutex::default(), room: Room::default(), scribe: tokio::sync::Mutex::default() }
    }

    /// Whether it records.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Room for requests that are recorded in full.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Takes a record. Where much waits, successes are dropped first.
    pub fn record(&self, record: RequestRecord) {
        let share = record.share();
        let mut queue = self.queue();
        let each = queue.each.get(&share).copied().unwrap_or_default();
        let (most, most_each) = if record.is_success() { (MOST / 2, MOST_EACH / 2) } else { (MOST, MOST_EACH) };
        if queue.waiting.len() >= most || each >= most_each {
            queue.dropped.count(&record);
            return;
        }
        queue.each.insert(share, each + 1);
        queue.waiting.push(record);
    }

    /// What was dropped since the process began.
    pub fn dropped(&self) -> Dropped {
        self.queue().dropped
    }

    /// Takes out what waits.
    fn take(&self) -> Vec<RequestRecord> {
        let mut queue = self.queue();
        queue.each.clear();
        std::mem::take(&mut queue.waiting)
    }

    /// Counts what could not be written.
    fn lost(&self, lost: Dropped) {
        let mut queue = self.queue();
        queue.dropped = queue.dropped.and(lost);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AccountKey;
    use crate::domain::request::{Findings, Owner, RequestId};
    use crate::platform::timestamp::ms;

    fn record(account: i64, status: u16) -> RequestRecord {
        let owner = Owner::Known { account: AccountKey::of_row(account), client: "c".to_owned() };
        RequestRecord {
            at: ms(1),
            id: RequestId::Made { at: ms(1), bits: 1 },
            address: None,
            method: "GET",
            status,
            refusal: None,
            micros: 1,
            findings: Findings { owner, ..Findings::default() },
            recording: None,
        }
    }

    #[test]
    fn successes_are_dropped_first_and_what_is_dropped_is_counted() {
        let recorder = Recorder::new(true);
        for account in 0..10 {
            (0..MOST).for_each(|_| recorder.record(record(account, 200)));
        }
        assert_eq!(recorder.queue().waiting.len(), MOST / 2);
        for account in 0..10 {
            (0..MOST).for_each(|_| recorder.record(record(account, 409)));
        }
        let dropped = recorder.dropped();
        assert_eq!(recorder.queue().waiting.len(), MOST);
        assert_eq!(dropped.successes as usize, 10 * MOST - MOST / 2);
        assert_eq!(dropped.failures as usize, 10 * MOST - MOST / 2);
        assert_eq!((recorder.take().len(), recorder.take().len()), (MOST, 0));
    }

    #[test]
    fn one_account_does_not_take_the_room_of_others() {
        let recorder = Recorder::new(true);
        (0..MOST).for_each(|_| recorder.record(record(1, 500)));
        assert_eq!(recorder.queue().waiting.len(), MOST_EACH);
        recorder.record(record(2, 200));
        assert_eq!(recorder.queue().waiting.len(), MOST_EACH + 1);
        recorder.take();
        recorder.record(record(1, 200));
        assert_eq!(recorder.queue().waiting.len(), 1, "what is written makes room");
    }
}

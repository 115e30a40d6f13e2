//! The request log is written beside the requests: they leave what came of them in memory, and a job writes it in batches, in units of work
//! of its own ([why](../../../../docs/decisions/0048-what-may-the-request-log-cost.md)). No request waits for it or fails of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::Requests;
use crate::domain::request::full::Room;
use crate::domain::request::{RequestRecord, Share};

mod writing;

use writing::Scribe;

/// One account may take a share of the room, and not that of all others.
const SHARES: usize = 4;
/// What was dropped is counted for so many apart.
const MOST_SHARES: usize = 1000;

/// What came of requests and is not yet written.
#[derive(Debug)]
pub struct Recorder {
    is_on: bool,
    /// So many wait at most.
    most: usize,
    queue: Mutex<Queue>,
    room: Room,
    scribe: tokio::sync::Mutex<Scribe>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<RequestRecord>,
    each: HashMap<Share, usize>,
    dropped: Dropped,
    /// What was dropped since it was counted in the database last.
    uncounted: HashMap<Share, Dropped>,
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

    fn count(&mut self, record: &RequestRecord) {
        match record.is_success() {
            true => self.successes += 1,
            false => self.failures += 1,
        }
    }
}

impl Recorder {
    /// One that records, or none at all.
    pub fn new(config: Requests) -> Recorder {
        Recorder {
            is_on: config.enabled,
            most: config.waiting,
            queue: Mutex::default(),
            room: Room::default(),
            scribe: tokio::sync::Mutex::default(),
        }
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
        let most = if record.is_success() { self.most / 2 } else { self.most };
        if queue.waiting.len() >= most || each >= most / SHARES {
            queue.drop_one(&record);
            return;
        }
        queue.each.insert(share, each + 1);
        queue.waiting.push(record);
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue().waiting.len()
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
    fn lost<'r>(&self, records: impl IntoIterator<Item = &'r RequestRecord>) {
        let mut queue = self.queue();
        records.into_iter().for_each(|record| queue.drop_one(record));
    }

    /// Takes out what was dropped and is not counted in the database.
    fn take_uncounted(&self) -> HashMap<Share, Dropped> {
        std::mem::take(&mut self.queue().uncounted)
    }

    /// Puts back what could not be counted there.
    fn still_uncounted(&self, dropped: HashMap<Share, Dropped>) {
        let mut queue = self.queue();
        for (share, dropped) in dropped {
            let counted = queue.uncounted_of(share);
            counted.successes += dropped.successes;
            counted.failures += dropped.failures;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn drop_one(&mut self, record: &RequestRecord) {
        self.dropped.count(record);
        self.uncounted_of(record.share()).count(record);
    }

    /// Where many have lost some, the rest is counted together.
    fn uncounted_of(&mut self, share: Share) -> &mut Dropped {
        let is_known = self.uncounted.len() < MOST_SHARES || self.uncounted.contains_key(&share);
        self.uncounted.entry(if is_known { share } else { Share::Others }).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AccountKey;
    use crate::domain::request::{Findings, Owner, RequestId};
    use crate::platform::timestamp::ms;

    const MOST: usize = 20_000;
    const MOST_EACH: usize = MOST / SHARES;

    fn recorder() -> Recorder {
        Recorder::new(Requests { enabled: true, keep_days: 30, keep_rows: 1000, waiting: MOST })
    }

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
        let recorder = recorder();
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
        let uncounted = recorder.take_uncounted();
        assert_eq!(uncounted.len(), 10, "each account's own");
        assert_eq!(uncounted.values().map(|each| each.total()).sum::<u64>(), dropped.total());
        recorder.still_uncounted(uncounted.clone());
        recorder.still_uncounted((0..2 * MOST_SHARES as i64).map(|grant| (Share::Grant(grant), dropped)).collect());
        let uncounted = recorder.take_uncounted();
        assert_eq!(uncounted.len(), MOST_SHARES + 1, "the others are counted together");
        let total = (2 * MOST_SHARES as u64 + 1) * dropped.total();
        assert_eq!(uncounted.values().map(|each| each.total()).sum::<u64>(), total);
    }

    #[test]
    fn one_account_does_not_take_the_room_of_others() {
        let recorder = recorder();
        (0..MOST).for_each(|_| recorder.record(record(1, 500)));
        assert_eq!(recorder.queue().waiting.len(), MOST_EACH);
        recorder.record(record(2, 200));
        assert_eq!(recorder.queue().waiting.len(), MOST_EACH + 1);
        recorder.take();
        recorder.record(record(1, 200));
        assert_eq!(recorder.queue().waiting.len(), 1, "what is written makes room");
    }
}

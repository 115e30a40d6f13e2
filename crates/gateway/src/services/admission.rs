//! How much that takes long one account may have at once.
//!
//! A request that takes long (a filter that no index answers, a group with all its members, a change of many) is let in one after the
//! other, for each account by itself. One that finds the account busy waits a little, which costs nothing, and is then told to come
//! later. A change that had to hold the database's one writer for long is followed by a rest, if other accounts are writing too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::ids::AccountKey;

/// How long a request waits to be let in.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many of an account may wait.
const WAITING: usize = 256;
/// What a client is told to wait at least.
const LATER: Duration = Duration::from_secs(2);

/// Who may come in. One for each process.
#[derive(Debug)]
pub struct Admission {
    each: usize,
    patience: Duration,
    places: Mutex<HashMap<AccountKey, Arc<Place>>>,
}

/// What one account has.
#[derive(Debug)]
struct Place {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    rests_until: Mutex<Option<Instant>>,
}

/// The account has as much at once as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuch {
    /// How much that is.
    pub at_once: usize,
    /// When it may be tried again, in whole seconds.
    pub retry_after: u64,
}

impl TooMuch {
    /// For people.
    pub fn sentence(self) -> String {
        let TooMuch { at_once, retry_after } = self;
        let requests = if at_once == 1 { "one request" } else { &format!("{at_once} requests") };
        format!(
            "This account has as much running as it may: {requests} at once of the kind that takes long (a filter or an order that no index \
             answers, groups with all their members, a change of many members, a body of more than 64 KiB). Send them one after the other, \
             each when the one before it is answered; filter by an indexed attribute such as userName; send changes of members as a \
             PATCH of those who join or leave. Repeat this request in {retry_after} seconds."
        )
    }
}

/// Let in; the place is free again when this goes.
#[derive(Debug)]
pub struct Ticket {
    account: AccountKey,
    place: Arc<Place>,
    _free: OwnedSemaphorePermit,
}

impl Admission {
    /// So many at once of each account.
    pub fn new(each: usize) -> Admission {
        Admission { each, patience: PATIENCE, places: Mutex::default() }
    }

    /// Lets in, or says when to come again.
    pub async fn enter(&self, account: AccountKey) -> Result<Ticket, TooMuch> {
        let place = self.place(account);
        let began = Instant::now();
        if place.waiting.fetch_add(1, Ordering::SeqCst) >= WAITING {
            place.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(self.too_much(LATER));
        }
        let waits = Waits(place.clone());
        let entered = tokio::time::timeout(self.patience, place.free.clone().acquire_owned()).await;
        drop(waits);
        let Ok(Ok(free)) = entered else { return Err(self.too_much(place.rest().unwrap_or(LATER))) };
        if let Some(rest) = place.rest() {
            if rest > self.patience.saturating_sub(began.elapsed()) {
                // It is not worth keeping the others out for.
                drop(free);
                tokio::time::sleep(self.patience.saturating_sub(began.elapsed())).await;
                return Err(self.too_much(place.rest().unwrap_or(LATER)));
            }
            tokio::time::sleep(rest).await;
        }
        Ok(Ticket { account, place, _free: free })
    }

    fn too_much(&self, wait: Duration) -> TooMuch {
        let seconds = wait.max(LATER).as_millis().div_ceil(1000);
        TooMuch { at_once: self.each, retry_after: u64::try_from(seconds).unwrap_or(60) }
    }

    fn place(&self, account: AccountKey) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() > 1000 {
            places.retain(|_, place| Arc::strong_count(place) > 1 || place.rest().is_some());
        }
        let fresh = || Place {
            free: Arc::new(Semaphore::new(self.each)),
            waiting: AtomicUsize::new(0),
            rests_until: Mutex::new(None),
        };
        places.entry(account).or_insert_with(|| Arc::new(fresh())).clone()
    }
}

impl Place {
    /// How long the account has to rest yet.
    fn rest(&self) -> Option<Duration> {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until?.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())
    }
}

impl Ticket {
    /// Whose it is.
    pub fn account(&self) -> AccountKey {
        self.account
    }

    /// The account's next ones wait so long.
    pub fn rests(&self, rest: Duration) {
        let until = Instant::now() + rest;
        let mut rests = self.place.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        *rests = Some(rests.map_or(until, |before| before.max(until)));
    }
}

/// One who waits, until they do not.
struct Waits(Arc<Place>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: AccountKey = AccountKey::of_row(1);
    const OTHER: AccountKey = AccountKey::of_row(2);

    fn hasty(each: usize) -> Admission {
        Admission { patience: Duration::ZERO, ..Admission::new(each) }
    }

    #[tokio::test]
    async fn hardening_6_each_account_has_so_much_at_once_and_no_other_account_knows() {
        let admission = hasty(2);
        let (first, second) = (admission.enter(ONE).await.unwrap(), admission.enter(ONE).await.unwrap());
        let refused = admission.enter(ONE).await.unwrap_err();
        assert_eq!(refused, TooMuch { at_once: 2, retry_after: 2 });
        assert!(refused.sentence().contains("2 requests at once") && refused.sentence().contains("in 2 seconds"));
        let other = admission.enter(OTHER).await.unwrap();
        drop(first);
        drop((admission.enter(ONE).await.unwrap(), second, other));
    }

    #[tokio::test]
    async fn hardening_6_who_waits_is_let_in_when_a_place_is_free() {
        let admission = Arc::new(Admission::new(1));
        let first = admission.enter(ONE).await.unwrap();
        let waits = tokio::spawn({
            let admission = admission.clone();
            async move { admission.enter(ONE).await.is_ok() }
        });
        while admission.place(ONE).waiting.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        drop(first);
        assert!(waits.await.unwrap());
    }

    #[tokio::test]
    async fn hardening_6_a_rest_is_told_in_whole_seconds_and_concerns_one_account() {
        let admission = hasty(1);
        let ticket = admission.enter(ONE).await.unwrap();
        ticket.rests(Duration::from_millis(9_500));
        ticket.rests(Duration::from_millis(10)); // the longer one counts
        drop(ticket);
        let refused = admission.enter(ONE).await.unwrap_err();
        assert!((9..=10).contains(&refused.retry_after), "{refused:?}");
        drop(admission.enter(OTHER).await.unwrap());
    }

    #[tokio::test]
    async fn hardening_6_accounts_that_left_are_forgotten() {
        let admission = hasty(1);
        for account in 0..5_000 {
            drop(admission.enter(AccountKey::of_row(account)).await.unwrap());
        }
        assert!(admission.places.lock().unwrap().len() <= 1001);
    }
}

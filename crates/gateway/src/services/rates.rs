//! How fast clients and accounts may send requests to the token endpoint, introspection, revocation and SCIM, and product keys to what they read
//! of the admin API, AuthZEN and the feed. In the memory of one process.
//!
//! A request is looked at before it costs anything, and counted once its sender is known: a stranger who names a client, or repeats a token
//! that has ended, uses nothing up of what the client may send. Whose a credential is, is remembered from its last request; a new one is let in once.
//! Whose a client is, is [asked for](Rates::wants_account_of) where it was not seen here yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Limits;
use crate::domain::ids::AccountKey;
use crate::domain::rate::{Rate, Sent};
use crate::domain::request::OwnCode;
use crate::platform::turns::Payer;

/// So many senders and credentials are remembered.
const REMEMBERED: usize = 50_000;

/// What each sender sent. One for each process.
#[derive(Debug)]
pub struct Rates {
    limits: Limits,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: HashMap<Payer, Sent>,
    known: HashMap<Payer, Known>,
}

/// Whose a credential is.
#[derive(Debug, Clone)]
struct Known {
    client: Arc<str>,
    account: Option<AccountKey>,
}

/// Who sends too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// One client.
    Client,
    /// All clients of an account.
    Account,
}

impl From<Sender> for OwnCode {
    fn from(sender: Sender) -> OwnCode {
        match sender {
            Sender::Client => OwnCode::ClientTooFast,
            Sender::Account => OwnCode::AccountTooFast,
        }
    }
}

/// More requests came than may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFast {
    /// Of whom.
    pub of: Sender,
    /// What is allowed.
    pub rate: Rate,
    /// When it may be tried again, in whole seconds.
    pub retry_after: u64,
}

impl TooFast {
    /// For people.
    pub fn sentence(self) -> String {
        let TooFast { of, rate, retry_after } = self;
        let who = match of {
            Sender::Client => "This client sends",
            Sender::Account => "The clients of this account together send",
        };
        format!(
            "{who} more requests than allowed: {} a second, and up to {} at once after a pause. Repeat this request in {retry_after} seconds.",
            rate.per_second(),
            rate.at_once()
        )
    }
}

/// What a client is counted under.
pub fn client(id: &str) -> Payer {
    Payer::called("client", id)
}

/// What a credential is remembered under.
pub fn credential(text: &str) -> Payer {
    Payer::called("credential", text)
}

impl Rates {
    /// With these limits.
    pub fn new(limits: Limits) -> Rates {
        Rates { limits, began: Instant::now(), state: Mutex::default() }
    }

    fn is_off(&self) -> bool {
        self.limits.client.is_none() && self.limits.account.is_none()
    }

    /// Lets a request in that shows this credential, or names this client; or says when to come again.
    pub fn admit(&self, shown: Payer) -> Result<(), TooFast> {
        if self.is_off() { Ok(()) } else { self.admit_at(shown, self.began.elapsed()) }
    }

    /// Counts requests that this credential, or this client itself, was let in with.
    pub fn count(&self, shown: Payer, client: &str, account: Option<AccountKey>, requests: u32) {
        if !self.is_off() {
            self.count_at(shown, client, account, requests, self.began.elapsed());
        }
    }

    /// Whether the account of this client is to be found out before its request is counted.
    pub fn wants_account_of(&self, shown: Payer) -> bool {
        self.limits.account.is_some() && self.owner_of(shown).is_none()
    }

    /// Whose this credential was when it was used last: account and client.
    pub fn owner_of(&self, shown: Payer) -> Option<(AccountKey, String)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.known.get(&shown)?;
        Some((known.account?, known.client.to_string()))
    }

    fn admit_at(&self, shown: Payer, now: Duration) -> Result<(), TooFast> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Known { client, account }) = state.known.get(&shown) else { return Ok(()) };
        let wait = |rate: Option<Rate>, of, sender: Payer| {
            let rate = rate?;
            let wait = rate.wait(state.sent.get(&sender).copied().unwrap_or_default(), now)?;
            let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(60);
            Some(TooFast { of, rate, retry_after: seconds.max(1) })
        };
        let of_client = wait(self.limits.client, Sender::Client, self::client(client));
        let of_account = account.and_then(|account| wait(self.limits.account, Sender::Account, account.payer()));
        // The longer wait, or the client would come again in vain.
        match of_client.into_iter().chain(of_account).max_by_key(|too_fast| too_fast.retry_after) {
            Some(too_fast) => Err(too_fast),
            None => Ok(()),
        }
    }

    fn count_at(&self, shown: Payer, name: &str, account: Option<AccountKey>, requests: u32, now: Duration) {
        let client = self::client(name);
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.known.len() >= REMEMBERED {
            state.known.clear();
        }
        if state.sent.len() >= REMEMBERED {
            state.sent.retain(|_, sent| !sent.is_over(now));
        }
        let account = account.or_else(|| state.known.get(&client)?.account);
        for key in [shown, client] {
            let is_known =
                state.known.get(&key).is_some_and(|known| &*known.client == name && known.account == account);
            if !is_known {
                state.known.insert(key, Known { client: name.into(), account });
            }
        }
        for (rate, sender) in
            [(self.limits.client, Some(client)), (self.limits.account, account.map(AccountKey::payer))]
        {
            if let (Some(rate), Some(sender)) = (rate, sender) {
                let sent = state.sent.entry(sender).or_default();
                *sent = rate.count(*sent, requests, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: AccountKey = AccountKey::of_row(1);
    const OTHER: AccountKey = AccountKey::of_row(2);

    fn rates(client: u32, account: u32) -> Rates {
        Rates::new(Limits { client: Rate::new(client, 10), account: Rate::new(account, 10) })
    }

    /// How many of so many requests in the first second are let in.
    fn let_in(rates: &Rates, token: &str, name: &str, account: AccountKey, requests: u32) -> u32 {
        let now = Duration::from_secs(1);
        let may = |_: &u32| {
            let may = rates.admit_at(credential(token), now).is_ok();
            if may {
                rates.count_at(credential(token), name, Some(account), 1, now);
            }
            may
        };
        (0..requests).filter(may).count() as u32
    }

    #[test]
    fn each_client_has_its_rate_and_all_clients_of_an_account_have_one_together() {
        let rates = rates(10, 15);
        assert_eq!(let_in(&rates, "a", "okta", ACME, 500), 100);
        assert_eq!(let_in(&rates, "a2", "okta", ACME, 10), 1, "a new token is let in once, for it is not known yet");
        assert_eq!(let_in(&rates, "b", "entra", ACME, 500), 49);
        assert_eq!(let_in(&rates, "c", "onelogin", OTHER, 500), 100, "another account is as it was");
        let now = Duration::from_secs(1);
        let refused = rates.admit_at(credential("b"), now).unwrap_err();
        assert_eq!((refused.of, refused.retry_after), (Sender::Account, 1));
        assert!(refused.sentence().contains("15 a second, and up to 150 at once"), "{}", refused.sentence());
        // It is told the longer of both waits, and comes in after it.
        rates.count_at(credential("a"), "okta", Some(ACME), 100, now);
        let refused = rates.admit_at(credential("a"), now).unwrap_err();
        assert_eq!((refused.of, refused.retry_after), (Sender::Client, 11));
        assert_eq!(rates.admit_at(credential("a"), Duration::from_secs(12)), Ok(()));
        assert_eq!(
            rates.admit_at(client("okta"), now).map_err(|e| e.of),
            Err(Sender::Client),
            "at the token endpoint, too"
        );
    }

    #[test]
    fn the_account_of_a_client_is_asked_for_until_it_is_known() {
        let bounded = rates(10, 15);
        assert!(bounded.wants_account_of(client("okta")));
        bounded.count(client("okta"), "okta", Some(ACME), 1);
        assert!(!bounded.wants_account_of(client("okta")) && bounded.wants_account_of(client("entra")));
        assert!(!rates(10, 0).wants_account_of(client("okta")), "nothing is bounded by account");
    }

    #[test]
    fn a_stranger_uses_nothing_up() {
        let rates = rates(1, 1);
        for n in 0..1000 {
            assert!(rates.admit(credential(&format!("guess {n}"))).is_ok() && rates.admit(client("okta")).is_ok());
        }
        assert_eq!(let_in(&rates, "a", "okta", ACME, 500), 10);
        assert_eq!(rates.owner_of(credential("a")), Some((ACME, "okta".to_owned())));
        let state = rates.state.lock().unwrap();
        assert_eq!((state.known.len(), state.sent.len()), (2, 2), "nor any memory");
    }

    #[test]
    fn senders_that_left_are_forgotten() {
        let rates = rates(100, 100);
        for n in 0..120_000 {
            let now = Duration::from_millis(n);
            rates.count_at(credential(&n.to_string()), &n.to_string(), None, 1, now);
        }
        let state = rates.state.lock().unwrap();
        assert!(state.known.len() <= REMEMBERED + 2 && state.sent.len() <= REMEMBERED + 2);
    }
}

//! Credentials that were refused, counted: who presented them, from where, how often. An attack leaves a few rows in the audit trail and a
//! few lines in the log, however many requests it has.
//!
//! Requests only count in memory, and what is kept there is bounded. The worker writes what is due, and so does a process that stops.
//! What goes on is written less and less often, at last once a day. Nothing that was presented is kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::event::Action;
use crate::domain::ids::AccountKey;
use crate::platform::timestamp::Timestamp;

/// So many are told apart; beyond that the rarest are counted together.
const MOST: usize = 1000;
/// So many are written at a time by themselves; the others of a kind together.
const WRITTEN: usize = 20;
const SECOND: i64 = 1000;
const DAY: i64 = 86_400 * SECOND;
/// From a row to the next about the same, doubled each time up to a day.
const PAUSE: i64 = 30 * SECOND;

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A client did not prove who it is.
    ClientAuthentication,
    /// An authorization code that does not count.
    AuthorizationCode,
    /// A refresh token that does not count.
    RefreshToken,
    /// An access token or static token that does not count.
    AccessToken,
    /// An operator's token that does not count.
    OperatorToken,
    /// An operator of one account asked for what is not that account's.
    OtherAccount,
    /// More pushed authorization requests than are kept.
    PushedRequests,
}

/// Who presented it, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// Nothing says who.
    Unknown,
    /// The client of this name; at [`Kind::ClientAuthentication`] by its own word alone.
    Client(String),
    /// The client of the grant with this number.
    Grant(i64),
    /// An operator.
    Operator {
        /// Its id.
        id: String,
        /// Its account, if it has one.
        account: Option<AccountKey>,
    },
    /// Several, too rare to be told apart.
    Others,
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// What was refused.
    pub kind: Kind,
    /// To whom.
    pub who: Who,
    /// From where: an address, or an IPv6 network.
    pub place: Option<String>,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was counted.
    pub key: Key,
    /// How often.
    pub count: u64,
    /// When for the first time, in milliseconds since the epoch.
    pub first: Timestamp,
    /// When for the last time.
    pub last: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    count: u64,
    first: Timestamp,
    last: Timestamp,
    due: Timestamp,
    pause: i64,
}

/// The counts of one process.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Key, Entry>>);

impl Kind {
    /// In the audit trail.
    pub fn action(self) -> Action {
        match self {
            Kind::ClientAuthentication => Action::RefusedClientAuthentication,
            Kind::AuthorizationCode => Action::RefusedAuthorizationCode,
            Kind::RefreshToken => Action::RefusedRefreshToken,
            Kind::AccessToken => Action::RefusedAccessToken,
            Kind::OperatorToken => Action::RefusedOperatorToken,
            Kind::OtherAccount => Action::RefusedOtherAccount,
            Kind::PushedRequests => Action::RefusedPushedRequests,
        }
    }

    /// For people.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::ClientAuthentication => "failed client authentications",
            Kind::AuthorizationCode => "authorization codes that do not count",
            Kind::RefreshToken => "refresh tokens that do not count",
            Kind::AccessToken => "access tokens that do not count",
            Kind::OperatorToken => "operator tokens that do not count",
            Kind::OtherAccount => "requests for what is not the operator's account's",
            Kind::PushedRequests => "pushed requests beyond the limit",
        }
    }

    fn others(self) -> Key {
        Key { kind: self, who: Who::Others, place: None }
    }
}

impl Entry {
    fn add(&mut self, count: u64, first: Timestamp, last: Timestamp) {
        self.first = if self.count == 0 { first } else { self.first.min(first) };
        self.last = self.last.max(last);
        self.count = self.count.saturating_add(count);
    }
}

impl Refusals {
    /// Counts one.
    pub fn note(&self, kind: Kind, who: Who, address: Option<&str>, now: Timestamp) {
        let place = address.map(|address| crate::domain::throttle::place(Some(address)));
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut counts, Key { kind, who, place }, 1, now, now);
    }

    /// Takes what is due at this time, or everything.
    pub fn take(&self, now: Timestamp, everything: bool) -> Vec<Report> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|_, entry| entry.count > 0 || entry.last > now - 2 * DAY);
        let is_due = |entry: &Entry| entry.count > 0 && (everything || entry.due <= now);
        let mut due: Vec<(u64, Key)> =
            counts.iter().filter(|(_, entry)| is_due(entry)).map(|(key, entry)| (entry.count, key.clone())).collect();
        due.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.cmp(b)));
        let mut together = Vec::new();
        for (_, key) in due.iter().skip(WRITTEN).filter(|(_, key)| key.who != Who::Others) {
            if let Some(entry) = counts.remove(key) {
                add(&mut counts, key.kind.others(), entry.count, entry.first, entry.last);
                together.push(key.kind.others());
            }
        }
        let mut keys: Vec<Key> = due.into_iter().map(|(_, key)| key).chain(together).collect();
        keys.sort();
        keys.dedup();
        let report = |key: Key| {
            let entry = counts.get_mut(&key).filter(|entry| entry.count > 0)?;
            let report = Report { key, count: entry.count, first: entry.first, last: entry.last };
            (entry.count, entry.due) = (0, now + entry.pause);
            entry.pause = (entry.pause * 2).min(DAY);
            Some(report)
        };
        keys.into_iter().filter_map(report).collect()
    }

    /// Puts back what could not be written.
    pub fn put_back(&self, reports: Vec<Report>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Report { key, count, first, last } in reports {
            add(&mut counts, key, count, first, last);
        }
    }
}

fn add(counts: &mut HashMap<Key, Entry>, key: Key, count: u64, first: Timestamp, last: Timestamp) {
    if let Some(entry) = counts.get_mut(&key) {
        entry.add(count, first, last);
        return;
    }
    if counts.len() >= MOST && key.who != Who::Others {
        let rarest = counts.iter().filter(|(key, _)| key.who != Who::Others);
        let rarest = rarest.min_by_key(|(_, entry)| (entry.count, entry.last)).map(|(key, _)| key.clone());
        if let Some(key) = rarest
            && let Some(entry) = counts.remove(&key)
            && entry.count > 0
        {
            add(counts, key.kind.others(), entry.count, entry.first, entry.last);
        }
    }
    counts.insert(key, Entry { count, first, last, due: Timestamp::EPOCH, pause: PAUSE });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    fn note(refusals: &Refusals, client: usize, times: u64, now: Timestamp) {
        for _ in 0..times {
            refusals.note(Kind::ClientAuthentication, Who::Client(client.to_string()), Some("192.0.2.1"), now);
        }
    }

    fn total(reports: &[Report]) -> u64 {
        reports.iter().map(|report| report.count).sum()
    }

    #[test]
    fn hardening_3_what_is_alike_is_one_row_with_its_number_and_times() {
        let refusals = Refusals::default();
        note(&refusals, 1, 3, ms(100));
        note(&refusals, 1, 2, ms(900));
        note(&refusals, 2, 1, ms(500));
        refusals.note(Kind::AccessToken, Who::Unknown, Some("2001:db8:1:2::5"), ms(600));
        refusals.note(Kind::AccessToken, Who::Unknown, Some("2001:db8:1:2:ffff::6"), ms(700));
        let reports = refusals.take(ms(1_000), false);
        let told: Vec<_> = reports.iter().map(|r| (r.key.kind, r.count, r.first, r.last)).collect();
        let (client, token) = (Kind::ClientAuthentication, Kind::AccessToken);
        assert_eq!(told, [(client, 5, ms(100), ms(900)), (client, 1, ms(500), ms(500)), (token, 2, ms(600), ms(700))]);
        assert_eq!(reports[2].key.place.as_deref(), Some("2001:db8:1:2::/64"));
        assert!(refusals.take(ms(1_000), true).is_empty(), "each is told once");
    }

    #[test]
    fn hardening_3_what_goes_on_is_told_less_and_less_often_and_nothing_is_lost() {
        let refusals = Refusals::default();
        let (mut rows, mut told) = (0, 0);
        // Ten a second for three days, looked at each half minute.
        for tick in 0..(3 * DAY / PAUSE) {
            note(&refusals, 1, 300, ms(tick * PAUSE));
            let reports = refusals.take(ms(tick * PAUSE), false);
            rows += reports.len();
            told += total(&reports);
        }
        assert!((10..20).contains(&rows), "{rows}");
        told += total(&refusals.take(ms(3 * DAY), true));
        assert_eq!(told, 300 * (3 * DAY / PAUSE) as u64);
    }

    #[test]
    fn hardening_3_memory_and_rows_are_bounded_and_the_frequent_are_told_by_name() {
        let refusals = Refusals::default();
        for client in 0..10_000 {
            note(&refusals, client, 1, ms(1));
            if client % 100 == 0 {
                note(&refusals, 7, 10, ms(1));
            }
        }
        assert!(refusals.0.lock().unwrap().len() <= MOST + 1);
        let reports = refusals.take(ms(1), false);
        assert!(reports.len() <= WRITTEN + 1, "{}", reports.len());
        assert_eq!(total(&reports), 11_000);
        let frequent = reports.iter().max_by_key(|report| match report.key.who {
            Who::Others => 0,
            _ => report.count,
        });
        assert_eq!(frequent.unwrap().key.who, Who::Client("7".to_owned()));
        refusals.put_back(reports);
        assert_eq!(total(&refusals.take(ms(1), true)), 11_000, "what could not be written is written later");
        refusals.take(ms(10 * DAY), false);
        assert!(refusals.0.lock().unwrap().is_empty(), "and forgotten at last");
    }
}

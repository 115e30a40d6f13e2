//! When a client was there: what the job that writes the request log finds in a batch of it, and what is kept of that.

use std::collections::BTreeMap;

use serde::Serialize;

use super::DAY;
use crate::platform::timestamp::Timestamp;

/// So many days are remembered.
const REMEMBERED: i64 = 62;

/// Something that happened, and from which network address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// From where, if that is known.
    pub address: Option<String>,
}

/// The days on which a client was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The latest, in days since the epoch.
    pub last: i64,
    /// Bit n: whether it was there n days before.
    pub bits: i64,
}

impl Days {
    /// The longest time from one day on which it was there to the next, in days; `None` while too little is known to call anything usual.
    pub fn longest_pause(self) -> Option<i64> {
        /// A pause is usual only where there were several.
        const ENOUGH: usize = 6;
        let there: Vec<i64> = (0..REMEMBERED).filter(|day| self.bits & (1 << day) != 0).collect();
        if there.len() < ENOUGH {
            return None;
        }
        there.windows(2).map(|pair| pair[1] - pair[0]).max()
    }
}

/// What is kept of when a client was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Its last request for provisioning, accepted or refused.
    pub last_request: Option<Moment>,
    /// The last of them that was accepted.
    pub last_success: Option<Moment>,
    /// The last time it was given a token.
    pub last_token: Option<Moment>,
    /// The last time it went through the list of users.
    pub last_import: Option<Moment>,
    /// The days on which it was there.
    pub days: Days,
    /// How many writes succeeded on the last of these days,
    pub writes: i64,
    /// and on the day before.
    pub writes_before: i64,
}

impl Activity {
    /// How many writes succeeded today and yesterday.
    pub fn recent_writes(&self, now: Timestamp) -> i64 {
        match day_of(now) - self.days.last {
            ..=0 => self.writes + self.writes_before,
            1 => self.writes,
            _ => 0,
        }
    }
}

/// The day of a time, since the epoch.
fn day_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(DAY)
}

/// What a batch of the request log says of one client. It is sent to the database as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    client: String,
    last_request: Option<Timestamp>,
    request_address: Option<String>,
    last_success: Option<Timestamp>,
    success_address: Option<String>,
    last_token: Option<Timestamp>,
    token_address: Option<String>,
    last_import: Option<Timestamp>,
    import_address: Option<String>,
    day: i64,
    days: i64,
    writes: i64,
}

/// A request, as far as it says that a client was there.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'r> {
    /// The client's id.
    pub client: &'r str,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub address: Option<&'r str>,
    /// The method.
    pub method: &'r str,
    /// The route.
    pub endpoint: &'r str,
    /// The status of the answer.
    pub status: i32,
    /// Whether it asked for all users.
    pub lists_users: bool,
}

impl Seen {
    /// What these requests say, client by client. Only what a client alone can do counts: a request with a token of its own, or one
    /// for a token that was granted. Anyone may send its id.
    pub fn of<'r>(visits: impl Iterator<Item = Visit<'r>>) -> Vec<Seen> {
        let mut all: BTreeMap<&str, Seen> = BTreeMap::new();
        for visit in visits {
            let accepted = visit.status < 400;
            let provisions = visit.endpoint.starts_with("/scim/");
            let is_token = visit.endpoint == "/oauth2/token" && accepted;
            if !provisions && !is_token {
                continue;
            }
            let seen =
                all.entry(visit.client).or_insert_with(|| Seen { client: visit.client.to_owned(), ..Seen::default() });
            seen.on(day_of(visit.at), accepted && provisions && visit.method != "GET");
            if is_token {
                later(&mut seen.last_token, &mut seen.token_address, &visit);
                continue;
            }
            later(&mut seen.last_request, &mut seen.request_address, &visit);
            if accepted {
                later(&mut seen.last_success, &mut seen.success_address, &visit);
            }
            if accepted && visit.lists_users {
                later(&mut seen.last_import, &mut seen.import_address, &visit);
            }
        }
        all.into_values().collect()
    }

    fn on(&mut self, day: i64, is_write: bool) {
        let later = day - self.day;
        if self.days == 0 || later >= REMEMBERED {
            (self.day, self.days, self.writes) = (day, 1, 0);
        } else if later > 0 {
            self.days = ((self.days << later) | 1) & ((1 << REMEMBERED) - 1);
            (self.day, self.writes) = (day, 0);
        } else if -later < REMEMBERED {
            self.days |= 1 << -later;
        }
        self.writes += i64::from(is_write && day == self.day);
    }
}

fn later(at: &mut Option<Timestamp>, address: &mut Option<String>, visit: &Visit<'_>) {
    if at.is_none_or(|at| at <= visit.at) {
        *at = Some(visit.at);
        *address = visit.address.map(str::to_owned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    fn visit(day: i64, endpoint: &'static str, method: &'static str, status: i32) -> Visit<'static> {
        let lists_users = method == "GET" && endpoint == "/scim/v2/Users";
        Visit { client: "c", at: ms(day * DAY + 7), address: Some("192.0.2.1"), method, endpoint, status, lists_users }
    }

    #[test]
    fn what_only_the_client_can_do_says_that_it_was_there() {
        let anyone = [visit(9, "/oauth2/token", "POST", 401), visit(9, "/oauth2/auth", "GET", 200)];
        assert_eq!(Seen::of(anyone.into_iter()), []);
        let its_own = [
            visit(3, "/oauth2/token", "POST", 200),
            visit(5, "/scim/v2/Users", "POST", 201),
            visit(5, "/scim/v2/Users", "GET", 200),
            visit(6, "/scim/v2/Users", "POST", 409),
            visit(4, "/scim/v2/Users", "POST", 201),
        ];
        let seen = Seen::of(its_own.into_iter()).remove(0);
        let at = |day| Some(ms(day * DAY + 7));
        assert_eq!((seen.last_token, seen.last_request), (at(3), at(6)));
        assert_eq!((seen.last_success, seen.last_import), (at(5), at(5)));
        assert_eq!((seen.day, seen.days, seen.writes), (6, 0b1111, 0));
        assert_eq!(seen.import_address.as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn days_long_past_are_forgotten() {
        let seen = |days: &[i64]| Seen::of(days.iter().map(|day| visit(*day, "/scim/v2/Users", "POST", 201))).remove(0);
        assert_eq!((seen(&[1, 200]).days, seen(&[200, 1]).days), (1, 1));
        assert_eq!(seen(&[1, 62]).days, (1 << 61) | 1);
        assert_eq!(seen(&[62, 1]).days, (1 << 61) | 1);
        assert_eq!(seen(&[7, 7, 7]).writes, 3);
    }

    #[test]
    fn a_pause_is_usual_only_where_there_were_several() {
        let pause = |bits| Days { last: 100, bits }.longest_pause();
        assert_eq!(pause(0b1), None);
        assert_eq!(pause(0b1_0000_0001_0000_0001_0000_0001_0000_0001), None, "five days in a month");
        assert_eq!(pause(0b11_1111), Some(1));
        assert_eq!(pause(0b1_1111_0011_1110), Some(3), "without weekends");
        assert_eq!(pause(i64::MAX), Some(1));
    }

    #[test]
    fn writes_of_long_ago_are_not_recent() {
        let days = Days { last: 10, bits: 1 };
        let activity = Activity {
            last_request: None,
            last_success: None,
            last_token: None,
            last_import: None,
            days,
            writes: 5,
            writes_before: 3,
        };
        assert_eq!([10, 11, 12].map(|day| activity.recent_writes(ms(day * DAY))), [8, 5, 0]);
    }
}

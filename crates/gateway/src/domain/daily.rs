//! What happened each day: the requests of a client, the users and groups of an account. Counted by the jobs, and kept for a year.

use std::collections::BTreeMap;

use serde::Serialize;

use super::health::{DAY, Visit};
use crate::platform::timestamp::Timestamp;

/// So many days are kept.
pub const KEPT: i64 = 366;

/// The day of a time, since the epoch.
pub fn day_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(DAY)
}

/// When a day begins.
pub fn beginning(day: i64) -> Timestamp {
    Timestamp::of_millis(day * DAY)
}

/// What a client sent on a day. It is sent to the database as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientDay {
    client: String,
    day: i64,
    #[serde(flatten)]
    counts: DayCounts,
}

/// What is counted of the requests of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DayCounts {
    /// Requests for provisioning.
    pub requests: i64,
    /// How many of them were refused. To be told that something does not exist is an answer.
    pub refused: i64,
    /// How many pages of the list of all users were read.
    pub list_pages: i64,
}

impl ClientDay {
    /// What these requests say, client by client and day by day, in one order.
    pub fn of<'r>(visits: impl Iterator<Item = Visit<'r>>) -> Vec<ClientDay> {
        let mut days: BTreeMap<(&str, i64), DayCounts> = BTreeMap::new();
        // Operations of a bulk request have rows of their own.
        for visit in visits.filter(|visit| visit.endpoint.starts_with("/scim/") && !visit.endpoint.contains('#')) {
            let counts = days.entry((visit.client, day_of(visit.at))).or_default();
            let is_looked_up = visit.method == "GET" && visit.status == 404;
            counts.requests += 1;
            counts.refused += i64::from(visit.status >= 400 && !is_looked_up);
            counts.list_pages += i64::from(visit.status < 400 && visit.lists_users);
        }
        days.into_iter().map(|((client, day), counts)| ClientDay { client: client.to_owned(), day, counts }).collect()
    }
}

/// How many users and groups there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Population {
    /// Users.
    pub users: i64,
    /// Groups.
    pub groups: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn requests_are_counted_by_client_and_day() {
        let visit = |client, day, endpoint, method, status| Visit {
            client,
            at: ms(day * DAY + 7),
            address: None,
            method,
            endpoint,
            status,
            lists_users: endpoint == "/scim/v2/Users" && method == "GET",
        };
        let visits = [
            visit("b", 3, "/scim/v2/Users", "POST", 201),
            visit("a", 4, "/scim/v2/Users", "POST", 409),
            visit("a", 3, "/scim/v2/Users/{id}", "GET", 404),
            visit("a", 3, "/scim/v2/Users", "GET", 200),
            visit("a", 3, "/scim/v2/Bulk", "POST", 200),
            visit("a", 3, "/scim/v2/Bulk#/Users", "POST", 409),
            visit("a", 3, "/oauth2/token", "POST", 200),
        ];
        let counted = |client: &str, day, requests, refused, list_pages| ClientDay {
            client: client.to_owned(),
            day,
            counts: DayCounts { requests, refused, list_pages },
        };
        let expected = [counted("a", 3, 3, 0, 1), counted("a", 4, 1, 1, 0), counted("b", 3, 1, 0, 0)];
        assert_eq!(ClientDay::of(visits.into_iter()), expected);
    }
}

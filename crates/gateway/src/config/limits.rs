//! How much of the database this process takes, and how long it waits.

use std::time::Duration;

use super::between;
use super::reader::Reader;
use crate::storage::{Limits, Patience};

pub(super) fn read(r: &mut Reader) -> Option<Limits> {
    let connections = r.required("database.connections", |n: u64| between(n, 2, 1000));
    let long_connections = r.required("database.long_connections", |n: u64| between(n, 1, 100));
    let long_each = r.required("scim.long_requests_per_account", |n: u64| between(n, 1, 100));
    let mut seconds = |key: &str| r.required(key, |n: u64| between(n, 1, 3600)).map(Duration::from_secs);
    let (statement, lock) = (seconds("database.statement_seconds"), seconds("database.lock_seconds"));
    let (idle, network) = (seconds("database.idle_seconds"), seconds("database.network_seconds"));
    let answer = seconds("database.answer_seconds");
    let (long_connections, long_each) = (long_connections? as u32, long_each? as u32);
    if long_each > long_connections {
        r.mistake(format!(
            "scim.long_requests_per_account: {long_each} is more than database.long_connections ({long_connections}), which all accounts share"
        ));
        return None;
    }
    let patience = Patience { statement: statement?, lock: lock?, idle: idle?, network: network?, answer: answer? };
    if patience.answer <= patience.statement.max(patience.lock) {
        r.mistake(
            "database.answer_seconds: has to be more than database.statement_seconds and database.lock_seconds, so that PostgreSQL gives \
             up before its connection is given up"
                .to_owned(),
        );
        return None;
    }
    Some(Limits { connections: connections? as u32, long_connections, long_each, patience })
}

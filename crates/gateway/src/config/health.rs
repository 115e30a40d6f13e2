//! `[health]`: from when on something is told of a connection, and how often connections are looked at.

use std::time::Duration;

use super::reader::{Reader, Unit};
use crate::domain::health::{DAY, HealthPolicy};

/// The health of connections.
#[derive(Debug, Clone, Copy)]
pub struct Health {
    /// From when on something is told.
    pub policy: HealthPolicy,
    /// How often each connection is looked at.
    pub pause: Duration,
    /// A change for the worse is told when it has lasted so long, in milliseconds,
    pub worse: i64,
    /// and one for the better so long.
    pub better: i64,
}

pub(super) fn read(r: &mut Reader) -> Option<Health> {
    let usual = HealthPolicy::default();
    let days = |milliseconds: i64| (milliseconds / DAY).unsigned_abs();
    let mut s = r.section("health");
    let pause = s.time(
        "seconds",
        300,
        1..=86_400,
        Unit::Seconds,
        "How often each connection is looked at, so that a change of its [health](health.md) is told.",
    );
    let worse = s.seconds(
        "worse_minutes",
        15,
        0..=10_080,
        Unit::Minutes,
        "A change to `attention` or `broken` is told when it has lasted so long.",
    );
    let better = s.seconds(
        "better_minutes",
        60,
        0..=10_080,
        Unit::Minutes,
        "That a connection is well again is told when it has lasted so long.",
    );
    let expiry: Option<u32> = s.number(
        "expiry_days",
        days(usual.expiry),
        1..=365,
        Unit::Days,
        "Connections, client secrets, static tokens and keys that expire within so many days are told of; connections in the last quarter \
         of their time only.",
    );
    let silence: Option<u32> = s.number(
        "silence_days",
        days(usual.silence),
        1..=365,
        Unit::Days,
        "A client is told to be silent after so many days at the earliest, and after twice its own longest pause.",
    );
    let refused_requests = s.number(
        "refused_requests",
        usual.refused_requests as u64,
        1..=200,
        Unit::None,
        "So many refused requests of a client within a day are told.",
    );
    let refused_percent: Option<u32> = s.number(
        "refused_percent",
        usual.refused_percent.unsigned_abs(),
        0..=100,
        Unit::Percent,
        "Unless they are a smaller part of what the client asked to be changed.",
    );
    let field_requests: Option<u32> = s.number(
        "users",
        usual.field_requests.unsigned_abs(),
        1..=1_000_000,
        Unit::None,
        "When a client has sent so many users it is told which attribute that decides about access never came.",
    );
    let millis = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX / 1000) * 1000;
    Some(Health {
        policy: HealthPolicy {
            expiry: i64::from(expiry?) * DAY,
            silence: i64::from(silence?) * DAY,
            refused_requests: refused_requests?,
            refused_percent: refused_percent?.into(),
            field_requests: field_requests?.into(),
        },
        pause: pause?,
        worse: millis(worse?),
        better: millis(better?),
    })
}

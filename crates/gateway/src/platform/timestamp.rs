//! A point in time.

use std::fmt;
use std::ops::{Add, Sub};

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use serde::{Deserialize, Serialize};

/// Milliseconds since the epoch. A span of time is an `i64` of milliseconds: it is what two of these differ by, and what may be
/// added to one. Sums and differences stop at the ends of what can be represented.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow, Serialize, Deserialize,
)]
#[diesel(sql_type = BigInt)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The epoch, 1970-01-01T00:00:00Z: for what needs a time and makes no use of it.
    pub const EPOCH: Timestamp = Timestamp(0);
    /// Before everything.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// After everything.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// The time so many milliseconds after the epoch, as the protocol crates and JSON state it.
    pub const fn of_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// In milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }
}

/// The time so many milliseconds after the epoch.
#[cfg(test)]
pub(crate) const fn ms(millis: i64) -> Timestamp {
    Timestamp(millis)
}

impl Add<i64> for Timestamp {
    type Output = Timestamp;

    fn add(self, millis: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(millis))
    }
}

impl Sub<i64> for Timestamp {
    type Output = Timestamp;

    fn sub(self, millis: i64) -> Timestamp {
        Timestamp(self.0.saturating_sub(millis))
    }
}

impl Sub for Timestamp {
    type Output = i64;

    fn sub(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<Timestamp> for i64 {
    fn from(time: Timestamp) -> i64 {
        time.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<DB: Backend> ToSql<BigInt, DB> for Timestamp
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for Timestamp
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Timestamp> {
        i64::from_sql(bytes).map(Timestamp)
    }
}

//! What all servers together left out of the request log, for each account by the hour.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::search::Asked;
use crate::domain::ids::AccountKey;
use crate::each;
use crate::platform::timestamp::Timestamp;
use crate::storage::error::DbError;
use crate::storage::schema::{clients, unrecorded_requests};
use crate::storage::statement::{Bind, Statement};
use crate::storage::tx::Tx;

/// In milliseconds.
const HOUR: i64 = 3_600_000;

const OF_ACCOUNT: &str = "SELECT COALESCE(CAST(SUM(successes + failures) AS BIGINT), 0) FROM unrecorded_requests WHERE account = ? AND hour >= ?";
const OF_ALL: &str =
    "SELECT COALESCE(CAST(SUM(successes + failures) AS BIGINT), 0) FROM unrecorded_requests WHERE hour >= ?";

impl Tx<'_> {
    /// Adds to what was not recorded in this hour, of an account or of those of none.
    pub fn add_unrecorded(
        &mut self,
        account: Option<AccountKey>,
        now: Timestamp,
        successes: u64,
        failures: u64,
    ) -> Result<(), DbError> {
        use unrecorded_requests::dsl;
        let (successes, failures) = (successes.cast_signed(), failures.cast_signed());
        let row = (
            dsl::account.eq(account.unwrap_or(AccountKey::NO_ROW)),
            dsl::hour.eq(now.millis() / HOUR),
            dsl::successes.eq(successes),
            dsl::failures.eq(failures),
        );
        let added = (dsl::successes.eq(dsl::successes + successes), dsl::failures.eq(dsl::failures + failures));
        each!(&mut *self.conn, c => diesel::insert_into(dsl::unrecorded_requests)
            .values(row)
            .on_conflict((dsl::account, dsl::hour))
            .do_update()
            .set(added)
            .execute(c))?;
        Ok(())
    }

    /// How many requests were not recorded since that time, whole hours counted; those of a client are counted with its account's.
    pub fn unrecorded(&mut self, of: &Asked, since: Option<Timestamp>) -> Result<i64, DbError> {
        let account = match of {
            Asked::All => None,
            Asked::Account(account) => Some(*account),
            Asked::Client(client) => {
                let query = clients::table.filter(clients::id.eq(client)).select(clients::account);
                let account: Option<Option<AccountKey>> = each!(&mut *self.conn, c => query.first(c).optional())?;
                Some(account.flatten().unwrap_or(AccountKey::NO_ROW))
            }
        };
        let since = Bind::Number(since.map_or(0, |since| since.millis() / HOUR));
        let (text, binds) = match account {
            Some(account) => (OF_ACCOUNT, vec![Bind::number(account), since]),
            None => (OF_ALL, vec![since]),
        };
        Ok(Statement::<BigInt>::new(text, binds).first(self.conn)?.unwrap_or_default())
    }

    /// Forgets how many were not recorded before that time: at most so many rows. Says how many.
    pub fn forget_unrecorded(&mut self, before: Timestamp, limit: i64) -> Result<u64, DbError> {
        use unrecorded_requests::dsl;
        let old = dsl::unrecorded_requests
            .filter(dsl::hour.lt(before.millis() / HOUR))
            .order(dsl::hour)
            .limit(limit)
            .select((dsl::account, dsl::hour));
        let old: Vec<(AccountKey, i64)> = each!(&mut *self.conn, c => old.load(c))?;
        for row in &old {
            let row = dsl::unrecorded_requests.find(*row);
            each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        }
        Ok(old.len() as u64)
    }
}

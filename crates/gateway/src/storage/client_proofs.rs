//! The failures of client authentication that were counted.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::error::DbError;
use super::schema::client_failures;
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// One more failure; a window that has passed begins anew.
const COUNT: &str = "INSERT INTO client_failures (id, n, expires) VALUES (?, 1, ?) ON CONFLICT (id) DO UPDATE SET \
     n = CASE WHEN client_failures.expires <= ? THEN 1 ELSE client_failures.n + 1 END, \
     expires = CASE WHEN client_failures.expires <= ? THEN excluded.expires ELSE client_failures.expires END";

impl Tx<'_> {
    /// How many failures are counted under this key, and until when.
    pub fn client_failures(&mut self, id: &[u8; 32], now: Timestamp) -> Result<Option<(i64, Timestamp)>, DbError> {
        let query = client_failures::table
            .filter(client_failures::id.eq(&id[..]))
            .filter(client_failures::expires.gt(now))
            .select((client_failures::n, client_failures::expires));
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// Counts one more failure, in a window that ends at `expires` unless one is open.
    pub fn count_client_failure(&mut self, id: &[u8; 32], now: Timestamp, expires: Timestamp) -> Result<(), DbError> {
        let binds = vec![Bind::Bytes(id.to_vec()), Bind::number(expires), Bind::number(now), Bind::number(now)];
        Statement::<BigInt>::new(COUNT, binds).execute(self.conn)?;
        Ok(())
    }
}

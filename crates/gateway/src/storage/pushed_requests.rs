//! Authorization requests that clients pushed (RFC 9126): kept until the browser comes with the reference, which counts once.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oauth::par::PushedRequest;
use oauth::{ClientId, Fingerprint, StoreError};

use super::error::DbError;
use super::schema::{pushed_request_counts, pushed_requests};
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// What is counted under one key in one window of time; a window that has passed begins anew. Nothing is written beyond the limit.
const COUNT: &str = "INSERT INTO pushed_request_counts AS c (id, n, bytes, expires) VALUES (?, 1, ?, ?) \
     ON CONFLICT (id) DO UPDATE SET \
     n = CASE WHEN c.expires <= ? THEN 1 ELSE c.n + 1 END, \
     bytes = CASE WHEN c.expires <= ? THEN excluded.bytes ELSE c.bytes + excluded.bytes END, \
     expires = CASE WHEN c.expires <= ? THEN excluded.expires ELSE c.expires END \
     WHERE c.expires <= ? OR c.n < ? AND c.bytes + excluded.bytes <= ?";

/// How much may be pushed in one window of time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PushLimit {
    /// How many requests.
    pub(crate) requests: i64,
    /// How large they may be together.
    pub(crate) bytes: i64,
}

impl Tx<'_> {
    /// Counts a pushed request in a window that ends at `until`, unless one is open. Beyond the limit nothing is counted, and it says when
    /// the open window ends.
    pub(crate) fn count_pushed_request(
        &mut self,
        key: &[u8; 32],
        bytes: usize,
        limit: PushLimit,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Timestamp>, DbError> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 2);
        let at = now.into();
        let numbers = [bytes, until.into(), at, at, at, at, limit.requests, limit.bytes];
        let binds = std::iter::once(Bind::Bytes(key.to_vec())).chain(numbers.map(Bind::Number)).collect();
        if Statement::<BigInt>::new(COUNT, binds).execute(self.conn)? == 1 {
            return Ok(None);
        }
        let query = pushed_request_counts::table
            .filter(pushed_request_counts::id.eq(key.as_slice()))
            .select(pushed_request_counts::expires);
        let over: Option<Timestamp> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(Some(over.unwrap_or(until)))
    }
}

impl oauth::store::PushedRequests for Tx<'_> {
    fn push_request(&mut self, request: &PushedRequest) -> Result<(), StoreError> {
        let row = (
            pushed_requests::fingerprint.eq(request.fingerprint.as_bytes()),
            pushed_requests::client.eq(request.client.as_str()),
            pushed_requests::parameters.eq(&request.parameters),
            pushed_requests::expires.eq(request.expires),
        );
        each!(&mut *self.conn, c => diesel::insert_into(pushed_requests::table).values(row).execute(c))
            .map_err(DbError::from)?;
        Ok(())
    }

    /// Of two that delete the row, the database lets one see it.
    fn take_pushed_request(
        &mut self,
        fingerprint: &Fingerprint,
        client: &ClientId,
    ) -> Result<Option<PushedRequest>, StoreError> {
        let row = pushed_requests::table
            .filter(pushed_requests::fingerprint.eq(fingerprint.as_bytes()))
            .filter(pushed_requests::client.eq(client.as_str()));
        let found: Option<(String, Timestamp)> = each!(&mut *self.conn, c => diesel::delete(row)
            .returning((pushed_requests::parameters, pushed_requests::expires))
            .get_result(c)
            .optional())
        .map_err(DbError::from)?;
        Ok(found.map(|(parameters, expires)| PushedRequest {
            fingerprint: fingerprint.clone(),
            client: client.clone(),
            parameters,
            expires: expires.millis(),
        }))
    }
}

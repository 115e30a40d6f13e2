//! Authorization requests that clients pushed (RFC 9126): kept until the browser comes with the reference, which counts once.

use diesel::prelude::*;
use oauth::par::PushedRequest;
use oauth::{ClientId, Fingerprint};

use super::error::DbError;
use super::schema::pushed_requests;
use super::tx::Tx;
use crate::each;

impl Tx<'_> {
    pub(super) fn store_pushed_request(&mut self, request: &PushedRequest) -> Result<(), DbError> {
        let row = (
            pushed_requests::fingerprint.eq(request.fingerprint.as_bytes()),
            pushed_requests::client.eq(request.client.as_str()),
            pushed_requests::parameters.eq(&request.parameters),
            pushed_requests::expires.eq(request.expires),
        );
        each!(&mut *self.conn, c => diesel::insert_into(pushed_requests::table).values(row).execute(c))?;
        Ok(())
    }

    /// Of two that delete the row, the database lets one see it.
    pub(super) fn delete_pushed_request(
        &mut self,
        fingerprint: &Fingerprint,
        client: &ClientId,
    ) -> Result<Option<PushedRequest>, DbError> {
        let row = pushed_requests::table
            .filter(pushed_requests::fingerprint.eq(fingerprint.as_bytes()))
            .filter(pushed_requests::client.eq(client.as_str()));
        let found: Option<(String, i64)> = each!(&mut *self.conn, c => diesel::delete(row)
            .returning((pushed_requests::parameters, pushed_requests::expires))
            .get_result(c)
            .optional())?;
        Ok(found.map(|(parameters, expires)| PushedRequest {
            fingerprint: fingerprint.clone(),
            client: client.clone(),
            parameters,
            expires,
        }))
    }
}

//! Log-ins that are under way at an OpenID provider: kept here and not in the browser, so that each is finished once.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::sign_in_flows;
use super::tx::Tx;
use crate::each;
use crate::platform::timestamp::Timestamp;

impl Tx<'_> {
    /// Stores what is needed when the user is back.
    pub fn insert_sign_in_flow(&mut self, fingerprint: &[u8], sealed: &str, expires: Timestamp) -> Result<(), DbError> {
        let row = (
            sign_in_flows::fingerprint.eq(fingerprint),
            sign_in_flows::sealed.eq(sealed),
            sign_in_flows::expires.eq(expires),
        );
        each!(&mut *self.conn, c => diesel::insert_into(sign_in_flows::table).values(row).execute(c))?;
        Ok(())
    }

    /// Takes it out: a second call finds nothing.
    pub fn take_sign_in_flow(&mut self, fingerprint: &[u8], now: Timestamp) -> Result<Option<String>, DbError> {
        let row = sign_in_flows::table
            .filter(sign_in_flows::fingerprint.eq(fingerprint))
            .filter(sign_in_flows::expires.gt(now));
        Ok(each!(&mut *self.conn, c => diesel::delete(row)
            .returning(sign_in_flows::sealed)
            .get_result(c)
            .optional())?)
    }
}

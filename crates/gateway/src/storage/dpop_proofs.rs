//! DPoP proofs that were used (RFC 9449 §11.1), for the minute in which they could count again.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::dpop_proofs;
use super::tx::Tx;
use crate::each;

impl Tx<'_> {
    /// `false` if it was used before; a second that comes at the same moment waits for the first.
    pub(super) fn insert_proof(&mut self, id: &[u8; 32], expires: i64) -> Result<bool, DbError> {
        let row = (dpop_proofs::id.eq(id.as_slice()), dpop_proofs::expires.eq(expires));
        let inserted = each!(&mut *self.conn, c => diesel::insert_into(dpop_proofs::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
        Ok(inserted == 1)
    }
}

//! Client assertions and DPoP proofs that were used (RFC 7523 §3, RFC 9449 §11.1), for the time in which they could be used again.

use diesel::prelude::*;
use oauth::StoreError;

use super::error::DbError;
use super::schema::{dpop_proofs, used_assertions};
use super::tx::Tx;
use crate::each;

impl oauth::store::SpentProofs for Tx<'_> {
    /// The key keeps two replicas from both using one: the second waits for the first, and inserts nothing.
    fn use_assertion(&mut self, id: &[u8; 32], expires: i64) -> Result<bool, StoreError> {
        let row = (used_assertions::id.eq(&id[..]), used_assertions::expires.eq(expires));
        let stored = each!(&mut *self.conn, c => diesel::insert_into(used_assertions::table)
            .values(row)
            .on_conflict(used_assertions::id)
            .do_nothing()
            .execute(c))
        .map_err(DbError::from)?;
        Ok(stored == 1)
    }

    /// `false` if it was used before; a second that comes at the same moment waits for the first.
    fn use_proof(&mut self, id: &[u8; 32], expires: i64) -> Result<bool, StoreError> {
        let row = (dpop_proofs::id.eq(id.as_slice()), dpop_proofs::expires.eq(expires));
        let inserted = each!(&mut *self.conn, c => diesel::insert_into(dpop_proofs::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))
        .map_err(DbError::from)?;
        Ok(inserted == 1)
    }
}

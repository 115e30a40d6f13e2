//! The keys that sign ID tokens, sealed under the master key.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::signing_keys;
use super::tx::Tx;
use crate::each;

/// A key as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct SealedKey {
    /// Its name in the JWKS.
    pub kid: String,
    /// The JWS algorithm.
    pub algorithm: String,
    /// PKCS#8, sealed.
    pub sealed: String,
}

/// The columns of a [`SealedKey`], in its order.
macro_rules! sealedkey_columns {
    () => {
        (signing_keys::kid, signing_keys::algorithm, signing_keys::sealed)
    };
}

impl Tx<'_> {
    /// The keys that sign or may still verify, newest first.
    pub fn signing_keys(&mut self) -> Result<Vec<SealedKey>, DbError> {
        let query =
            signing_keys::table.order((signing_keys::created.desc(), signing_keys::kid)).select(sealedkey_columns!());
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Stores a key as the current one of its algorithm, unless another replica was first.
    pub fn insert_signing_key(&mut self, key: &SealedKey, now: i64) -> Result<(), DbError> {
        let row = (
            signing_keys::kid.eq(&key.kid),
            signing_keys::algorithm.eq(&key.algorithm),
            signing_keys::sealed.eq(&key.sealed),
            signing_keys::created.eq(now),
        );
        each!(&mut *self.conn, c => diesel::insert_into(signing_keys::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
        Ok(())
    }
}

//! The keys that sign JWTs, sealed under the master key.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::signing_keys;
use super::tx::Tx;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// A key as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct SealedKey {
    /// Its name in the JWKS.
    pub kid: String,
    /// The JWS algorithm.
    pub algorithm: String,
    /// PKCS#8, sealed.
    pub sealed: String,
    /// From when on it is published, in milliseconds since the epoch.
    pub created: Timestamp,
    /// From when on it signs, until the next one of its algorithm does.
    pub signs_from: Timestamp,
    /// Until when it is published; `None` while it has no successor.
    pub expires: Option<Timestamp>,
}

/// The columns of a [`SealedKey`], in its order.
macro_rules! sealedkey_columns {
    () => {
        (
            signing_keys::kid,
            signing_keys::algorithm,
            signing_keys::sealed,
            signing_keys::created,
            signing_keys::signs_from,
            signing_keys::expires,
        )
    };
}

impl Tx<'_> {
    /// All of them, newest first.
    pub fn signing_keys(&mut self) -> Result<Vec<SealedKey>, DbError> {
        let query =
            signing_keys::table.order((signing_keys::created.desc(), signing_keys::kid)).select(sealedkey_columns!());
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Stores a key as the newest of its algorithm; `false` if there is one already, of another replica's.
    pub fn insert_signing_key(&mut self, key: &SealedKey) -> Result<bool, DbError> {
        let row = (
            signing_keys::kid.eq(&key.kid),
            signing_keys::algorithm.eq(&key.algorithm),
            signing_keys::sealed.eq(&key.sealed),
            signing_keys::created.eq(key.created),
            signing_keys::signs_from.eq(key.signs_from),
            signing_keys::expires.eq(key.expires),
        );
        let inserted = each!(&mut *self.conn, c => diesel::insert_into(signing_keys::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
        Ok(inserted == 1)
    }

    /// Says until when a key with a successor is published; `false` if it has one already.
    pub fn expire_signing_key(&mut self, kid: &str, expires: Timestamp) -> Result<bool, DbError> {
        let row = signing_keys::table.filter(signing_keys::kid.eq(kid)).filter(signing_keys::expires.is_null());
        Ok(each!(&mut *self.conn, c => diesel::update(row).set(signing_keys::expires.eq(expires)).execute(c))? == 1)
    }

    /// Removes a key.
    pub fn remove_signing_key(&mut self, kid: &str) -> Result<usize, DbError> {
        let row = signing_keys::table.filter(signing_keys::kid.eq(kid));
        Ok(each!(&mut *self.conn, c => diesel::delete(row).execute(c))?)
    }

    /// Removes every key of an algorithm.
    pub fn remove_signing_keys_of(&mut self, algorithm: &str) -> Result<usize, DbError> {
        let rows = signing_keys::table.filter(signing_keys::algorithm.eq(algorithm));
        Ok(each!(&mut *self.conn, c => diesel::delete(rows).execute(c))?)
    }

    /// Removes the keys that need not be published any more.
    pub fn remove_expired_signing_keys(&mut self, now: Timestamp) -> Result<usize, DbError> {
        let rows = signing_keys::table.filter(signing_keys::expires.le(now));
        Ok(each!(&mut *self.conn, c => diesel::delete(rows).execute(c))?)
    }
}

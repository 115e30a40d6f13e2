//! Operators: the vendor's people and automation that use the admin API.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::operators;
use super::tx::Tx;
use crate::each;

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Operator {
    /// Grows.
    pub seq: i64,
    /// Public id.
    pub id: String,
    /// For the audit trail.
    pub name: String,
    /// Milliseconds since the epoch.
    pub created: i64,
    /// Milliseconds since the epoch, to the hour.
    pub last_used: Option<i64>,
    /// The account they are limited to; `None` for all.
    pub account: Option<i64>,
    /// Milliseconds since the epoch.
    pub expires: Option<i64>,
}

/// The columns of a [`Operator`], in its order.
macro_rules! operator_columns {
    () => {
        (
            operators::seq,
            operators::id,
            operators::name,
            operators::created,
            operators::last_used,
            operators::account,
            operators::expires,
        )
    };
}

impl Tx<'_> {
    /// Stores a new operator; its `seq` is given here.
    pub fn insert_operator(&mut self, operator: &Operator, fingerprint: &[u8]) -> Result<(), DbError> {
        let row = (
            operators::id.eq(&operator.id),
            operators::name.eq(&operator.name),
            operators::fingerprint.eq(fingerprint),
            operators::created.eq(operator.created),
            operators::account.eq(operator.account),
            operators::expires.eq(operator.expires),
        );
        each!(&mut *self.conn, c => diesel::insert_into(operators::table).values(row).execute(c))?;
        Ok(())
    }

    /// The operator with this token, expired or not.
    pub fn operator(&mut self, fingerprint: &[u8]) -> Result<Option<Operator>, DbError> {
        let query = operators::table
            .filter(operators::fingerprint.eq(fingerprint))
            .filter(operators::ended.is_null())
            .select(operator_columns!());
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// Notes that the token was used.
    pub fn touch_operator(&mut self, seq: i64, now: i64) -> Result<(), DbError> {
        let row = operators::table.filter(operators::seq.eq(seq));
        each!(&mut *self.conn, c => diesel::update(row).set(operators::last_used.eq(now)).execute(c))?;
        Ok(())
    }

    /// All operators whose tokens count.
    pub fn operators(&mut self) -> Result<Vec<Operator>, DbError> {
        let query =
            operators::table.filter(operators::ended.is_null()).order(operators::seq).select(operator_columns!());
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Ends an operator's token; `false` if there is none.
    pub fn end_operator(&mut self, id: &str, now: i64) -> Result<bool, DbError> {
        let row = operators::table.filter(operators::id.eq(id)).filter(operators::ended.is_null());
        let changed = each!(&mut *self.conn, c => diesel::update(row).set(operators::ended.eq(now)).execute(c))?;
        Ok(changed > 0)
    }
}

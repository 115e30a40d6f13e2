//! By what operators log in: their address, their password, and who they are at the vendor's OpenID provider.

use diesel::prelude::*;
use scim::key_of_text;

use super::error::DbError;
use super::schema::operators;
use super::tx::Tx;
use crate::domain::ids::OperatorKey;
use crate::each;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;

/// An operator who may log in.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct OperatorLogin {
    /// Their row.
    pub key: OperatorKey,
    /// Their public id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// By what they log in, as it was written.
    pub address: Option<String>,
    /// Argon2id, PHC string.
    pub password_hash: Option<String>,
    /// The OpenID provider that they have logged in at,
    pub issuer: Option<String>,
    /// and who they are there.
    pub subject: Option<String>,
}

/// How an operator logs in, without what is secret.
#[derive(Debug, Clone, Queryable)]
pub struct OperatorDoors {
    /// Their row.
    pub key: OperatorKey,
    /// Their public id.
    pub id: String,
    /// By what they log in.
    pub address: Option<String>,
    /// They have a password.
    pub has_password: bool,
    /// They have logged in at the OpenID provider.
    pub is_known_at_provider: bool,
    /// When their browser last came by.
    pub seen: Option<Timestamp>,
    /// When their token was made, if they have one.
    pub token_made: Option<Timestamp>,
}

/// A token of the admin API.
#[derive(Debug, Clone, Copy, Queryable)]
pub struct TokenState {
    /// When it was made.
    pub made: Timestamp,
    /// When it stops counting.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the hour.
    pub last_used: Option<Timestamp>,
}

/// In place of a fingerprint: that of no token.
pub(super) fn of_no_token() -> Vec<u8> {
    let mut drawn = vec![0; 32];
    system::fill(&mut drawn);
    drawn
}

/// The columns of an [`OperatorLogin`], in its order.
macro_rules! login_columns {
    () => {
        (
            operators::seq,
            operators::id,
            operators::name,
            operators::address,
            operators::password_hash,
            operators::issuer,
            operators::subject,
        )
    };
}

impl Tx<'_> {
    /// The operator who logs in by this address.
    pub fn operator_by_address(&mut self, address: &str) -> Result<Option<OperatorLogin>, DbError> {
        let query = operators::table
            .filter(operators::signs_in_as.eq(key_of_text(address)))
            .filter(operators::ended.is_null())
            .select(login_columns!());
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// The operator with this id, if they were not ended.
    pub fn operator_login(&mut self, id: &str) -> Result<Option<OperatorLogin>, DbError> {
        let query =
            operators::table.filter(operators::id.eq(id)).filter(operators::ended.is_null()).select(login_columns!());
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// Gives an operator an address to log in by; `false` if another one has it.
    pub fn set_operator_address(&mut self, operator: OperatorKey, address: &str) -> Result<bool, DbError> {
        let key = key_of_text(address);
        let holder = operators::table
            .filter(operators::signs_in_as.eq(&key))
            .filter(operators::ended.is_null())
            .select(operators::seq);
        let holder: Option<OperatorKey> = each!(&mut *self.conn, c => holder.get_result(c).optional())?;
        if holder.is_some_and(|holder| holder != operator) {
            return Ok(false);
        }
        let row = operators::table.filter(operators::seq.eq(operator));
        let values = (operators::signs_in_as.eq(&key), operators::address.eq(address));
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(true)
    }

    /// Gives an operator a password.
    pub fn set_operator_password(&mut self, operator: OperatorKey, hash: &str) -> Result<(), DbError> {
        let row = operators::table.filter(operators::seq.eq(operator));
        each!(&mut *self.conn, c => diesel::update(row).set(operators::password_hash.eq(hash)).execute(c))?;
        Ok(())
    }

    /// Notes who an operator is at the OpenID provider.
    pub fn bind_operator(&mut self, operator: OperatorKey, issuer: &str, subject: &str) -> Result<(), DbError> {
        let row = operators::table.filter(operators::seq.eq(operator));
        let values = (operators::issuer.eq(issuer), operators::subject.eq(subject));
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(())
    }

    /// Notes that an operator was there.
    pub fn see_operator(&mut self, operator: OperatorKey, now: Timestamp) -> Result<(), DbError> {
        let row = operators::table.filter(operators::seq.eq(operator));
        each!(&mut *self.conn, c => diesel::update(row).set(operators::seen.eq(now)).execute(c))?;
        Ok(())
    }

    /// An operator's token, if they have one.
    pub fn operator_token(&mut self, operator: OperatorKey) -> Result<Option<TokenState>, DbError> {
        let query = operators::table
            .filter(operators::seq.eq(operator))
            .filter(operators::token_made.is_not_null())
            .select((operators::token_made.assume_not_null(), operators::expires, operators::last_used));
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// Gives an operator a token of this fingerprint in place of the one they had.
    pub fn set_operator_token(
        &mut self,
        operator: OperatorKey,
        fingerprint: &[u8],
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<(), DbError> {
        let row = operators::table.filter(operators::seq.eq(operator));
        let values = (
            operators::fingerprint.eq(fingerprint),
            operators::token_made.eq(now),
            operators::expires.eq(expires),
            operators::last_used.eq(None::<Timestamp>),
        );
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(())
    }

    /// Ends an operator's token; `false` if there is none.
    pub fn end_operator_token(&mut self, operator: OperatorKey) -> Result<bool, DbError> {
        let row = operators::table.filter(operators::seq.eq(operator)).filter(operators::token_made.is_not_null());
        let values = (operators::fingerprint.eq(of_no_token()), operators::token_made.eq(None::<Timestamp>));
        Ok(each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))? > 0)
    }

    /// Takes the password of an operator away.
    pub fn clear_operator_password(&mut self, operator: OperatorKey) -> Result<(), DbError> {
        let row = operators::table.filter(operators::seq.eq(operator));
        each!(&mut *self.conn, c => diesel::update(row).set(operators::password_hash.eq(None::<String>)).execute(c))?;
        Ok(())
    }

    /// The operator of this name, written in any case, if they were not ended.
    pub fn operator_called(&mut self, name: &str) -> Result<Option<OperatorLogin>, DbError> {
        let query = operators::table
            .filter(operators::name_key.eq(key_of_text(name)))
            .filter(operators::ended.is_null())
            .select(login_columns!());
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// How the operators who were not ended log in, by their ids.
    pub fn operator_doors(&mut self) -> Result<Vec<OperatorDoors>, DbError> {
        let query = operators::table.filter(operators::ended.is_null()).order(operators::seq).select((
            operators::seq,
            operators::id,
            operators::address,
            operators::password_hash.is_not_null(),
            operators::subject.is_not_null(),
            operators::seen,
            operators::token_made,
        ));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }
}

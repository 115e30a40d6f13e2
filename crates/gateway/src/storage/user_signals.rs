//! What the identity provider of an account says of a user beside SCIM: that everything of before a time has ended.
//!
//! Sessions and grants end as rows. What is written down here is for those that are beginning at that very moment: a log-in that was proven
//! before, a consent page that was open. Both look here, with the user's row held, so each comes before the end or after it
//! ([why](../../../../docs/decisions/0084-what-ends-when-an-identity-provider-logs-a-user-out.md)).

use diesel::prelude::*;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::{resources, user_signals};
use super::statement::{Bind, Dialects, Statement, in_account};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, UserKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

const ENABLE: &str = "UPDATE user_signals SET disabled = NULL, reason = NULL \
     WHERE account = ? AND resource = (SELECT seq FROM resources WHERE account = ? AND id = ?) AND disabled IS NOT NULL";

/// An event that is told late does not take back what was told before.
macro_rules! sign_out {
    ($key:literal) => {
        concat!(
            "INSERT INTO user_signals (resource, account, signed_out) VALUES (?, ?, ?) ON CONFLICT ",
            $key,
            " DO UPDATE SET signed_out = \
             CASE WHEN user_signals.signed_out > excluded.signed_out THEN user_signals.signed_out ELSE excluded.signed_out END"
        )
    };
}
/// By the name of the key: its columns are others where accounts lie on several nodes.
const SIGN_OUT: Dialects =
    Dialects { sqlite: sign_out!("(resource)"), postgres: sign_out!("ON CONSTRAINT user_signals_pkey") };

impl Tx<'_> {
    /// Keeps log-ins and grants of this user from beginning until this unit of work ends.
    pub fn hold_user(&mut self, account: AccountKey, user: UserKey) -> Result<(), DbError> {
        if let AnyConn::Postgres(c) = &mut *self.conn {
            let row = resources::table
                .filter(resources::account.eq(account))
                .filter(resources::seq.eq(user))
                .select(resources::seq);
            let _: Option<i64> = row.for_no_key_update().get_result(c.begun()).optional()?;
        }
        Ok(())
    }

    /// Lets others who begin something with this user go on, and those wait who end it all.
    pub fn share_user(&mut self, account: AccountKey, user: UserKey) -> Result<(), DbError> {
        if let AnyConn::Postgres(c) = &mut *self.conn {
            let row = resources::table
                .filter(resources::account.eq(account))
                .filter(resources::seq.eq(user))
                .select(resources::seq);
            let _: Option<i64> = row.for_share().get_result(c.begun()).optional()?;
        }
        Ok(())
    }

    /// Writes down that all that this user had by that time has ended.
    pub fn sign_user_out(&mut self, account: AccountKey, user: UserKey, until: Timestamp) -> Result<(), DbError> {
        let binds = vec![Bind::number(user), Bind::number(account), Bind::number(until)];
        Statement::<()>::new(SIGN_OUT.of(self.conn), binds).execute(self.conn)?;
        Ok(())
    }

    /// From now on this user cannot log in. That they were logged out is written down already.
    pub fn disable_user(
        &mut self,
        account: AccountKey,
        user: UserKey,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let row = user_signals::table.filter(user_signals::account.eq(account)).filter(user_signals::resource.eq(user));
        let set = (user_signals::disabled.eq(now), user_signals::reason.eq(reason));
        each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))?;
        Ok(())
    }

    /// The user with this id can log in again.
    pub fn enable_user(&mut self, account: AccountKey, user: &str) -> Result<(), DbError> {
        let binds = in_account(ENABLE, account, vec![Bind::Text(user.to_owned())]);
        Statement::<()>::put_off(self.conn, ENABLE, binds)
    }

    /// Whether the identity provider has disabled this user.
    pub fn is_disabled(&mut self, account: AccountKey, user: UserKey) -> Result<bool, DbError> {
        let query = user_signals::table
            .filter(user_signals::account.eq(account))
            .filter(user_signals::resource.eq(user))
            .filter(user_signals::disabled.is_not_null())
            .select(user_signals::signed_out);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// Whether what this user proved at that time ended meanwhile.
    pub fn was_signed_out_since(
        &mut self,
        account: AccountKey,
        user: UserKey,
        proven: Timestamp,
    ) -> Result<bool, DbError> {
        let query = user_signals::table
            .filter(user_signals::account.eq(account))
            .filter(user_signals::resource.eq(user))
            .filter(user_signals::signed_out.ge(proven))
            .select(user_signals::signed_out);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }
}

//! Second factors: a person's authenticator app, and the codes that get them in without it. The person is a user or an operator.

use diesel::prelude::*;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::{recovery_codes, second_factors};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, FactorKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

/// An authenticator app.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct SecondFactor {
    /// The shared secret, sealed.
    pub sealed: String,
    /// When the person showed that the app works, in milliseconds since the epoch; until then it is asked for nowhere.
    pub confirmed: Option<Timestamp>,
    /// The time step of the last password that was accepted.
    pub used_step: i64,
    /// When it was begun to be set up, in milliseconds since the epoch.
    pub created: Timestamp,
}

impl Tx<'_> {
    /// A person's app, by their account, which is that of no row for operators; locked until this unit of work ends, so that a password is spent once.
    pub fn lock_second_factor(
        &mut self,
        (account, of): (AccountKey, FactorKey),
    ) -> Result<Option<SecondFactor>, DbError> {
        let query = second_factors::table
            .filter(second_factors::account.eq(account))
            .filter(second_factors::resource.eq(of))
            .select((
                second_factors::sealed,
                second_factors::confirmed,
                second_factors::used_step,
                second_factors::created,
            ));
        Ok(match &mut *self.conn {
            AnyConn::Postgres(c) => query.for_no_key_update().get_result(c.begun()).optional()?,
            AnyConn::Sqlite(c) => query.get_result(c).optional()?,
        })
    }

    /// A person's app, for those who only look.
    pub fn second_factor(&mut self, (account, of): (AccountKey, FactorKey)) -> Result<Option<SecondFactor>, DbError> {
        let query = second_factors::table
            .filter(second_factors::account.eq(account))
            .filter(second_factors::resource.eq(of))
            .select((
                second_factors::sealed,
                second_factors::confirmed,
                second_factors::used_step,
                second_factors::created,
            ));
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// Whether a person has an app that is asked for.
    pub fn has_second_factor(&mut self, account: AccountKey, of: impl Into<FactorKey>) -> Result<bool, DbError> {
        let of: FactorKey = of.into();
        let query = second_factors::table
            .filter(second_factors::account.eq(account))
            .filter(second_factors::resource.eq(of))
            .filter(second_factors::confirmed.is_not_null())
            .select(second_factors::resource);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// Begins to set up an app; `false` if the person has one, or has begun. Of two units of work that begin at once, one is told `false`,
    /// and then sees what the other kept.
    pub fn begin_second_factor(
        &mut self,
        (account, of): (AccountKey, FactorKey),
        sealed: &str,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        let row = (
            second_factors::resource.eq(of),
            second_factors::account.eq(account),
            second_factors::sealed.eq(sealed),
            second_factors::created.eq(now),
            second_factors::used_step.eq(0_i64),
        );
        let begun = each!(&mut *self.conn, c => {
            diesel::insert_into(second_factors::table).values(row).on_conflict_do_nothing().execute(c)?
        });
        Ok(begun == 1)
    }

    /// Begins anew: replaces an app that was begun and never confirmed.
    pub fn begin_second_factor_anew(
        &mut self,
        (account, of): (AccountKey, FactorKey),
        sealed: &str,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let unconfirmed = second_factors::table
            .filter(second_factors::account.eq(account))
            .filter(second_factors::resource.eq(of))
            .filter(second_factors::confirmed.is_null());
        let begun =
            (second_factors::sealed.eq(sealed), second_factors::created.eq(now), second_factors::used_step.eq(0_i64));
        each!(&mut *self.conn, c => diesel::update(unconfirmed).set(begun).execute(c))?;
        Ok(())
    }

    /// Notes that the password of a step was accepted; the first one confirms the app.
    pub fn use_second_factor(
        &mut self,
        (account, of): (AccountKey, FactorKey),
        step: i64,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let row =
            second_factors::table.filter(second_factors::account.eq(account)).filter(second_factors::resource.eq(of));
        let unconfirmed = row.filter(second_factors::confirmed.is_null());
        each!(&mut *self.conn, c => {
            diesel::update(unconfirmed).set(second_factors::confirmed.eq(now)).execute(c)?;
            diesel::update(row).set(second_factors::used_step.eq(step)).execute(c)
        })?;
        Ok(())
    }

    /// Takes a person's app and recovery codes away; `false` if there was none.
    pub fn remove_second_factor(&mut self, (account, of): (AccountKey, FactorKey)) -> Result<bool, DbError> {
        let codes = recovery_codes::table.filter(recovery_codes::resource.eq(of));
        let row =
            second_factors::table.filter(second_factors::account.eq(account)).filter(second_factors::resource.eq(of));
        Ok(each!(&mut *self.conn, c => {
            diesel::delete(codes).execute(c)?;
            diesel::delete(row).execute(c)?
        }) > 0)
    }

    /// Gives a person new recovery codes in place of all they had.
    pub fn set_recovery_codes(&mut self, of: FactorKey, fingerprints: &[Vec<u8>]) -> Result<(), DbError> {
        let old = recovery_codes::table.filter(recovery_codes::resource.eq(of));
        let rows: Vec<_> = fingerprints
            .iter()
            .map(|fingerprint| (recovery_codes::fingerprint.eq(fingerprint), recovery_codes::resource.eq(of)))
            .collect();
        each!(&mut *self.conn, c => {
            diesel::delete(old).execute(c)?;
            for row in rows {
                diesel::insert_into(recovery_codes::table).values(row).execute(c)?;
            }
        });
        Ok(())
    }

    /// Spends a recovery code; `false` if it is none of this person's. How many are left says [`Self::recovery_codes_left`].
    pub fn spend_recovery_code(&mut self, of: FactorKey, fingerprint: &[u8]) -> Result<bool, DbError> {
        let row = recovery_codes::table
            .filter(recovery_codes::fingerprint.eq(fingerprint))
            .filter(recovery_codes::resource.eq(of));
        Ok(each!(&mut *self.conn, c => diesel::delete(row).execute(c))? > 0)
    }

    /// How many recovery codes a person has.
    pub fn recovery_codes_left(&mut self, of: impl Into<FactorKey>) -> Result<i64, DbError> {
        let of: FactorKey = of.into();
        let query = recovery_codes::table.filter(recovery_codes::resource.eq(of)).count();
        Ok(each!(&mut *self.conn, c => query.get_result(c))?)
    }
}

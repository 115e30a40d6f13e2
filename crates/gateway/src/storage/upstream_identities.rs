//! The OpenID provider of an account: our secret there, and who its people are there: one user for a subject, one subject for a user.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::backend::AnyConn;
use super::error::{DbError, unique_violation};
use super::schema::{upstream_identities, upstream_secrets};
use super::statement::{Bind, Dialects, Statement, dialects};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, UserKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

const KNOWN: Dialects = dialects!("SELECT r.seq, r.id FROM upstream_identities AS u JOIN resources AS r ON r.seq = u.resource" [" AND r.account = u.account"] " \
     WHERE u.account = ? AND u.issuer = ? AND u.subject = ? AND r.active");

const OWNER: Dialects = dialects!("SELECT r.seq, r.id FROM upstream_identities AS u JOIN resources AS r ON r.seq = u.resource" [" AND r.account = u.account"] " \
     WHERE u.account = ? AND u.issuer = ? AND u.subject = ?");

/// The user or the subject is another's already.
#[derive(Debug)]
pub struct Taken;

impl Tx<'_> {
    /// Keeps our client secret at an account's provider, sealed; with nothing, forgets it.
    pub fn set_upstream_secret(&mut self, account: AccountKey, sealed: Option<&str>) -> Result<(), DbError> {
        let old = upstream_secrets::table.filter(upstream_secrets::account.eq(account));
        each!(&mut *self.conn, c => diesel::delete(old).execute(c))?;
        if let Some(sealed) = sealed {
            let row = (upstream_secrets::account.eq(account), upstream_secrets::sealed.eq(sealed));
            each!(&mut *self.conn, c => diesel::insert_into(upstream_secrets::table).values(row).execute(c))?;
        }
        Ok(())
    }

    /// Our client secret at an account's provider, sealed.
    pub fn upstream_secret(&mut self, account: AccountKey) -> Result<Option<String>, DbError> {
        let query =
            upstream_secrets::table.filter(upstream_secrets::account.eq(account)).select(upstream_secrets::sealed);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// The active user known by this subject: their number and id.
    pub fn upstream_user(
        &mut self,
        account: AccountKey,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<(UserKey, String)>, DbError> {
        let binds = vec![Bind::number(account), Bind::Text(issuer.to_owned()), Bind::Text(subject.to_owned())];
        Statement::<(BigInt, Text)>::new(KNOWN.of(self.conn), binds).first(self.conn)
    }

    /// The user known by this subject, be they active or not.
    pub fn upstream_owner(
        &mut self,
        account: AccountKey,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<(UserKey, String)>, DbError> {
        let binds = vec![Bind::number(account), Bind::Text(issuer.to_owned()), Bind::Text(subject.to_owned())];
        Statement::<(BigInt, Text)>::new(OWNER.of(self.conn), binds).first(self.conn)
    }

    /// Whether this subject is known here, be the user active or not.
    pub fn upstream_subject_exists(
        &mut self,
        account: AccountKey,
        issuer: &str,
        subject: &str,
    ) -> Result<bool, DbError> {
        let query = upstream_identities::table
            .filter(upstream_identities::account.eq(account))
            .filter(upstream_identities::issuer.eq(issuer))
            .filter(upstream_identities::subject.eq(subject))
            .select(upstream_identities::resource);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// From now on this user is known by this subject.
    pub fn bind_upstream_identity(
        &mut self,
        account: AccountKey,
        issuer: &str,
        subject: &str,
        resource: UserKey,
        now: Timestamp,
    ) -> Result<Result<(), Taken>, DbError> {
        let row = (
            upstream_identities::account.eq(account),
            upstream_identities::issuer.eq(issuer),
            upstream_identities::subject.eq(subject),
            upstream_identities::resource.eq(resource),
            upstream_identities::created.eq(now),
        );
        let inserted = each!(&mut *self.conn, c => diesel::insert_into(upstream_identities::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c));
        match inserted {
            Ok(1) => Ok(Ok(())),
            Ok(_) => Ok(Err(Taken)),
            Err(error) if unique_violation(&error).is_some() => Ok(Err(Taken)),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets who a user is elsewhere; `false` if nothing was known.
    pub fn release_upstream_identities(&mut self, account: AccountKey, resource: UserKey) -> Result<bool, DbError> {
        let rows = upstream_identities::table.filter(upstream_identities::resource.eq(resource));
        Ok(match &mut *self.conn {
            AnyConn::Postgres(c) => {
                diesel::delete(rows.filter(upstream_identities::account.eq(account))).execute(c.begun())?
            }
            AnyConn::Sqlite(c) => diesel::delete(rows).execute(c)?,
        } > 0)
    }
}

//! Links that set a password: kept as fingerprints, looked up across accounts; and the names of users who asked for one.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde_json::{Map, Value};

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::{forgotten_passwords, password_links};
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::password_link::{LinkPurpose, LinkSubject, PasswordLink};
use crate::each;
use crate::platform::timestamp::Timestamp;

#[derive(Queryable)]
struct LinkRow {
    purpose: String,
    resource: Option<UserKey>,
    operator: Option<String>,
    made_by: String,
    created: Timestamp,
    expires: Timestamp,
    used: Option<Timestamp>,
}

/// The columns of a [`LinkRow`], in its order.
macro_rules! link_columns {
    () => {
        (
            password_links::purpose,
            password_links::resource,
            password_links::operator,
            password_links::made_by,
            password_links::created,
            password_links::expires,
            password_links::used,
        )
    };
}

impl LinkRow {
    fn link(self) -> Result<PasswordLink, DbError> {
        let corrupt = || DbError::Corrupt("a link that sets a password".to_owned());
        let subject = match (self.resource, self.operator) {
            (Some(user), None) => LinkSubject::User(user),
            (None, Some(operator)) => LinkSubject::Operator(operator),
            _ => return Err(corrupt()),
        };
        Ok(PasswordLink {
            purpose: LinkPurpose::parse(&self.purpose).ok_or_else(corrupt)?,
            subject,
            made_by: self.made_by,
            created: self.created,
            expires: self.expires,
            used: self.used,
        })
    }
}

/// An active user of an account that was not deleted.
const SUBJECT: &str = "SELECT r.account, r.id, r.document FROM resources AS r JOIN accounts AS a ON a.seq = r.account \
     WHERE r.seq = ? AND r.active AND a.deleted IS NULL";

/// An active user, whose password a link sets.
#[derive(Debug, Clone)]
pub struct ActiveUser {
    /// Their account.
    pub account: AccountKey,
    /// Their number in storage.
    pub resource: UserKey,
    /// Their id.
    pub id: String,
    /// Their attributes.
    pub attributes: Map<String, Value>,
}

impl ActiveUser {
    /// The name they log in by.
    pub fn user_name(&self) -> &str {
        self.attributes.get("userName").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Tx<'_> {
    /// This user, if they are active.
    pub fn active_user(&mut self, user: UserKey) -> Result<Option<ActiveUser>, DbError> {
        let row: Option<(AccountKey, String, String)> =
            Statement::<(BigInt, Text, Text)>::new(SUBJECT, vec![Bind::number(user)]).first(self.conn)?;
        let Some((account, id, document)) = row else { return Ok(None) };
        let attributes = serde_json::from_str(&document)
            .map_err(|_| DbError::Corrupt(format!("the document of user {id} is no object")))?;
        Ok(Some(ActiveUser { account, resource: user, id, attributes }))
    }

    /// Stores a link in place of the one that its subject had.
    pub fn put_password_link(&mut self, fingerprint: &[u8], link: &PasswordLink) -> Result<(), DbError> {
        let values = (
            password_links::fingerprint.eq(fingerprint),
            password_links::purpose.eq(link.purpose.as_str()),
            password_links::made_by.eq(&link.made_by),
            password_links::created.eq(link.created),
            password_links::expires.eq(link.expires),
            password_links::used.eq(link.used),
        );
        let rows = diesel::insert_into(password_links::table);
        match &link.subject {
            LinkSubject::User(user) => each!(&mut *self.conn, c => rows
                .values((password_links::resource.eq(*user), values))
                .on_conflict(password_links::resource)
                .do_update()
                .set(values)
                .execute(c)?),
            LinkSubject::Operator(id) => each!(&mut *self.conn, c => rows
                .values((password_links::operator.eq(id), values))
                .on_conflict(password_links::operator)
                .do_update()
                .set(values)
                .execute(c)?),
        };
        Ok(())
    }

    /// The link of this fingerprint, in any state.
    pub fn password_link(&mut self, fingerprint: &[u8]) -> Result<Option<PasswordLink>, DbError> {
        let query = password_links::table.filter(password_links::fingerprint.eq(fingerprint)).select(link_columns!());
        let row: Option<LinkRow> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(LinkRow::link).transpose()
    }

    /// The link that a user or an operator has, in any state.
    pub fn password_link_of(&mut self, subject: &LinkSubject) -> Result<Option<PasswordLink>, DbError> {
        let links = password_links::table.select(link_columns!());
        let row: Option<LinkRow> = match subject {
            LinkSubject::User(user) => {
                let query = links.filter(password_links::resource.eq(*user));
                each!(&mut *self.conn, c => query.get_result(c).optional())?
            }
            LinkSubject::Operator(id) => {
                let query = links.filter(password_links::operator.eq(id));
                each!(&mut *self.conn, c => query.get_result(c).optional())?
            }
        };
        row.map(LinkRow::link).transpose()
    }

    /// Uses a link; `false` if it does not count. Of two units of work that use it at once, one is told `true`.
    pub fn use_password_link(&mut self, fingerprint: &[u8], now: Timestamp) -> Result<bool, DbError> {
        let open = password_links::table
            .filter(password_links::fingerprint.eq(fingerprint))
            .filter(password_links::used.is_null())
            .filter(password_links::expires.gt(now));
        Ok(each!(&mut *self.conn, c => diesel::update(open).set(password_links::used.eq(now)).execute(c))? == 1)
    }

    /// Ends the link of a user or an operator that was not used yet: their password was set in another way.
    pub fn end_password_link_of(&mut self, subject: &LinkSubject) -> Result<bool, DbError> {
        let open = password_links::table.filter(password_links::used.is_null());
        let ended = match subject {
            LinkSubject::User(user) => {
                let row = open.filter(password_links::resource.eq(*user));
                each!(&mut *self.conn, c => diesel::delete(row).execute(c))?
            }
            LinkSubject::Operator(id) => {
                let row = open.filter(password_links::operator.eq(id));
                each!(&mut *self.conn, c => diesel::delete(row).execute(c))?
            }
        };
        Ok(ended > 0)
    }

    /// Notes, sealed, which name was typed by a user who forgot their password. Typed again before it was read, it is the same row.
    pub fn insert_forgotten_password(
        &mut self,
        fingerprint: &[u8],
        sealed: &str,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let row = (
            forgotten_passwords::fingerprint.eq(fingerprint),
            forgotten_passwords::sealed.eq(sealed),
            forgotten_passwords::made.eq(now),
        );
        each!(&mut *self.conn, c => {
            diesel::insert_into(forgotten_passwords::table).values(row).on_conflict_do_nothing().execute(c)?
        });
        Ok(())
    }

    /// Whether there is any to be read.
    pub fn passwords_were_forgotten(&mut self) -> Result<bool, DbError> {
        let query = forgotten_passwords::table.select(forgotten_passwords::made).limit(1);
        let found: Option<Timestamp> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// Takes some of them out, the oldest first; no other replica gets these.
    pub fn take_forgotten_passwords(&mut self, limit: i64) -> Result<Vec<String>, DbError> {
        let oldest = forgotten_passwords::table
            .order(forgotten_passwords::made)
            .select((forgotten_passwords::fingerprint, forgotten_passwords::sealed))
            .limit(limit);
        let rows: Vec<(Vec<u8>, String)> = match &mut *self.conn {
            AnyConn::Postgres(c) => oldest.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => oldest.load(c)?,
        };
        let (taken, sealed): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let rows = forgotten_passwords::table.filter(forgotten_passwords::fingerprint.eq_any(taken));
        each!(&mut *self.conn, c => diesel::delete(rows).execute(c))?;
        Ok(sealed)
    }
}

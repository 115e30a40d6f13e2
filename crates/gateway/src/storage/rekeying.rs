//! Names that are looked up beside the index, brought up to date with how this release compares them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use scim::key_of_text;
use scim::resource::user_name::log_in_key;

use super::accounts::name_key;
use super::error::DbError;
use super::schema::{accounts, logins, parked_members};
use super::shared_keys::user_name_in;
use super::statement::{Bind, Dialects, Statement, dialects};
use super::tx::Tx;
use crate::each;

const LOGINS: Dialects = dialects!("SELECT l.resource, l.name_key, r.document FROM logins AS l JOIN resources AS r ON r.seq = l.resource" [" AND r.account = l.account"] " WHERE l.resource > ? ORDER BY l.resource LIMIT ?");

impl Tx<'_> {
    /// Brings the next log-ins after this one up to date; the last of them, `None` when there were none left.
    pub fn rekey_logins_after(&mut self, after: i64, limit: i64) -> Result<Option<i64>, DbError> {
        let binds = vec![Bind::number(after), Bind::number(limit)];
        let rows: Vec<(i64, String, String)> =
            Statement::<(BigInt, Text, Text)>::new(LOGINS.of(self.conn), binds).load(&mut *self.conn)?;
        for (resource, key, document) in &rows {
            let wanted = log_in_key(&user_name_in(document)?);
            if *key != wanted {
                let row = logins::table.filter(logins::resource.eq(resource));
                each!(&mut *self.conn, c => diesel::update(row).set(logins::name_key.eq(&wanted)).execute(c))?;
            }
        }
        Ok(rows.last().map(|(resource, ..)| *resource))
    }

    /// The same for names that groups wait for.
    pub fn rekey_pending_members_after(&mut self, after: i64, limit: i64) -> Result<Option<i64>, DbError> {
        let query = parked_members::table
            .filter(parked_members::seq.gt(after))
            .order(parked_members::seq)
            .limit(limit)
            .select((parked_members::seq, parked_members::name_key, parked_members::value));
        let rows: Vec<(i64, String, String)> = each!(&mut *self.conn, c => query.load(c))?;
        for (seq, key, value) in &rows {
            let wanted = key_of_text(value);
            if *key != wanted {
                let row = parked_members::table.filter(parked_members::seq.eq(seq));
                each!(&mut *self.conn, c => diesel::update(row).set(parked_members::name_key.eq(&wanted)).execute(c))?;
            }
        }
        Ok(rows.last().map(|(seq, ..)| *seq))
    }

    /// The same for accounts. Where two names are one now, the later account keeps the key it had; says which accounts.
    pub fn rekey_accounts(&mut self) -> Result<Vec<String>, DbError> {
        let query = accounts::table.filter(accounts::name_key.is_not_null()).order(accounts::seq).select((
            accounts::seq,
            accounts::name_key.assume_not_null(),
            accounts::name,
        ));
        let rows: Vec<(i64, String, String)> = each!(&mut *self.conn, c => query.load(c))?;
        let mut shared = Vec::new();
        for (seq, key, name) in rows {
            let wanted = name_key(&name);
            if key == wanted {
                continue;
            }
            let taken = accounts::table.filter(accounts::name_key.eq(&wanted)).select(accounts::seq);
            let taken: Option<i64> = each!(&mut *self.conn, c => taken.get_result(c).optional())?;
            if taken.is_some() {
                shared.push(name);
                continue;
            }
            let row = accounts::table.filter(accounts::seq.eq(seq));
            each!(&mut *self.conn, c => diesel::update(row).set(accounts::name_key.eq(&wanted)).execute(c))?;
        }
        Ok(shared)
    }
}

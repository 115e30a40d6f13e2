//! Who may log in with a password. The look-up by name crosses accounts: at the login page the account is not known yet.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::error::DbError;
use super::schema::{logins, resources};
use super::shared_keys::user_name_in;
use super::statement::{Bind, Dialects, Statement, dialects};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::password_link::LinkSubject;
use crate::each;

/// A person who may log in.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Login {
    /// The user's number in storage.
    pub resource: UserKey,
    /// The user's account.
    pub account: AccountKey,
    /// The user's id.
    pub id: String,
    /// Argon2id, PHC string.
    pub password_hash: Option<String>,
    /// Whether this is a service account.
    pub service_account: bool,
}

/// Account 0 is none, and stands for all.
const NAMED: Dialects = dialects!("SELECT l.resource, l.account, r.id, l.password_hash, l.service_account \
     FROM logins AS l JOIN resources AS r ON r.seq = l.resource" [" AND r.account = l.account"] " JOIN accounts AS a ON a.seq = l.account \
     WHERE l.name_key = ? AND l.password_hash IS NOT NULL AND r.active AND a.deleted IS NULL \
     AND (l.account = ? OR 0 = ?) ORDER BY l.resource LIMIT 100");

/// By the name of the key: its columns are others where accounts lie on several nodes.
const NAME: Dialects = Dialects {
    sqlite: "INSERT INTO logins (resource, account, name_key, password_hash, service_account) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (resource) DO UPDATE SET name_key = excluded.name_key",
    postgres: "INSERT INTO logins (resource, account, name_key, password_hash, service_account) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT ON CONSTRAINT logins_pkey DO UPDATE SET name_key = excluded.name_key",
};

impl Tx<'_> {
    /// Active users with this name and a password: in one account if it is known, else in all. A hundred of them at most: of
    /// several only one is [meant](Self::user_names_of), by more than the name.
    pub fn logins_named(&mut self, name_key: &str, account: Option<AccountKey>) -> Result<Vec<Login>, DbError> {
        type Columns = (BigInt, BigInt, Text, Nullable<Text>, Bool);
        let account = account.unwrap_or(AccountKey::NO_ROW);
        let binds = vec![Bind::Text(name_key.to_owned()), Bind::number(account), Bind::number(account)];
        Statement::<Columns>::new(NAMED.of(self.conn), binds).load(self.conn)
    }

    /// What users are called, as it was written, in the order of these log-ins.
    pub fn user_names_of(&mut self, logins: &[Login]) -> Result<Vec<String>, DbError> {
        let numbers: Vec<UserKey> = logins.iter().map(|login| login.resource).collect();
        let accounts: Vec<AccountKey> = logins.iter().map(|login| login.account).collect();
        let query = resources::table
            .filter(resources::account.eq_any(&accounts))
            .filter(resources::seq.eq_any(&numbers))
            .select((resources::seq, resources::document));
        let rows: Vec<(UserKey, String)> = each!(&mut *self.conn, c => query.load(c))?;
        let name = |login: &Login| match rows.iter().find(|(seq, _)| *seq == login.resource) {
            Some((_, document)) => user_name_in(document),
            None => Ok(String::new()),
        };
        logins.iter().map(name).collect()
    }

    /// Whether this user has a password.
    pub fn has_password(&mut self, account: AccountKey, resource: UserKey) -> Result<bool, DbError> {
        let query = logins::table
            .filter(logins::account.eq(account))
            .filter(logins::resource.eq(resource))
            .filter(logins::password_hash.is_not_null())
            .select(logins::resource);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// What is kept of a user's password.
    pub fn password_hash_of(&mut self, account: AccountKey, resource: UserKey) -> Result<Option<String>, DbError> {
        let query = logins::table
            .filter(logins::account.eq(account))
            .filter(logins::resource.eq(resource))
            .select(logins::password_hash);
        let found: Option<Option<String>> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.flatten())
    }

    /// Gives a user who has a password another. It ends their link to set one.
    pub fn set_password(&mut self, account: AccountKey, resource: UserKey, hash: &str) -> Result<(), DbError> {
        let row = logins::table.filter(logins::account.eq(account)).filter(logins::resource.eq(resource));
        each!(&mut *self.conn, c => diesel::update(row).set(logins::password_hash.eq(hash)).execute(c))?;
        self.end_password_link_of(&LinkSubject::User(resource))?;
        Ok(())
    }

    /// Whether this user is a service account.
    pub fn is_service_account(&mut self, account: AccountKey, resource: UserKey) -> Result<bool, DbError> {
        let query = logins::table
            .filter(logins::account.eq(account))
            .filter(logins::resource.eq(resource))
            .select(logins::service_account);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?.unwrap_or(false))
    }

    /// Sets what is given, keeps the rest. A password ends the user's link to set one.
    pub fn set_login(
        &mut self,
        account: AccountKey,
        resource: UserKey,
        name_key: &str,
        password_hash: Option<&str>,
        service_account: Option<bool>,
    ) -> Result<(), DbError> {
        let binds = vec![
            Bind::number(resource),
            Bind::number(account),
            Bind::Text(name_key.to_owned()),
            Bind::Words(password_hash.map(str::to_owned)),
            Bind::Flag(service_account.unwrap_or(false)),
        ];
        Statement::<()>::new(NAME.of(self.conn), binds).execute(self.conn)?;
        let row = logins::table.filter(logins::account.eq(account)).filter(logins::resource.eq(resource));
        if let Some(hash) = password_hash {
            each!(&mut *self.conn, c => diesel::update(row).set(logins::password_hash.eq(hash)).execute(c))?;
            self.end_password_link_of(&LinkSubject::User(resource))?;
        }
        if let Some(service) = service_account {
            each!(&mut *self.conn, c => diesel::update(row).set(logins::service_account.eq(service)).execute(c))?;
        }
        Ok(())
    }
}

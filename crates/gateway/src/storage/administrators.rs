//! Administrators of an account: active users with a role that may accept access.

use diesel::sql_types::{BigInt, Text};
use scim::schema::USER;

use super::backend::AnyConn;
use super::error::DbError;
use super::statement::{Bind, Dialects, Statement, dialects};
use super::tx::Tx;

use crate::domain::ids::{AccountKey, UserKey};

/// How many candidates are looked at at a time.
const CHUNK: i64 = 50;

/// 73054 is for nothing else; collisions of accounts only cost time.
const HOLD: &str = "SELECT pg_advisory_xact_lock(73054, (? % 2147483647)::int)";

const WITH_ROLE: Dialects = dialects!("SELECT r.seq, r.document FROM attribute_values AS v JOIN resources AS r ON r.seq = v.resource" [" AND r.account = v.account"] " \
     WHERE v.account = ? AND v.attribute = ? AND v.key = ? AND v.resource > ? AND r.active ORDER BY v.resource LIMIT ?");

/// Where no index knows the role.
const ALL: &str = "SELECT r.seq, r.document FROM resources AS r \
     WHERE r.account = ? AND r.resource_type = ? AND r.seq > ? AND r.active ORDER BY r.seq LIMIT ?";

impl Tx<'_> {
    /// Lets units of work that take an administrator away from an account take turns: the second sees what the first did. On
    /// SQLite they do anyway.
    pub(crate) fn hold_administrators(&mut self, account: AccountKey) -> Result<(), DbError> {
        if matches!(self.conn, AnyConn::Postgres(_)) {
            Statement::<()>::new(HOLD, vec![Bind::number(account)]).execute(self.conn)?;
        }
        Ok(())
    }

    /// Whether the account has an administrator.
    pub(crate) fn has_administrator(&mut self, account: AccountKey) -> Result<bool, DbError> {
        let policy = self.policy.clone();
        let Some((attribute, keys)) = policy.role_keys() else {
            let kind = i64::from(USER.0);
            return self.find_administrator(ALL, &[Bind::number(account), Bind::number(kind)]);
        };
        for key in keys {
            let given = [Bind::number(account), Bind::number(attribute.0), Bind::Text(key.clone())];
            if self.find_administrator(WITH_ROLE.of(self.conn), &given)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Those of an account's administrators who are persons, and not service accounts: the first so many.
    pub(crate) fn administrators_to_tell(&mut self, account: AccountKey, most: usize) -> Result<Vec<UserKey>, DbError> {
        let policy = self.policy.clone();
        let mut found = Vec::new();
        match policy.role_keys() {
            Some((attribute, keys)) => {
                for key in keys {
                    let given = [Bind::number(account), Bind::number(attribute.0), Bind::Text(key.clone())];
                    found.extend(self.first_of_administrators(WITH_ROLE.of(self.conn), &given)?);
                }
            }
            None => {
                let given = [Bind::number(account), Bind::number(i64::from(USER.0))];
                found = self.first_of_administrators(ALL, &given)?;
            }
        }
        let services = self.service_accounts_among(&found)?;
        found.retain(|user| !services.contains(user));
        found.sort_unstable();
        found.dedup();
        found.truncate(most);
        Ok(found)
    }

    fn first_of_administrators(&mut self, text: &'static str, given: &[Bind]) -> Result<Vec<UserKey>, DbError> {
        let binds = [given, &[Bind::number(0), Bind::number(CHUNK)]].concat();
        let rows: Vec<(UserKey, String)> = Statement::<(BigInt, Text)>::new(text, binds).load(self.conn)?;
        let may = |document: &str| self.policy.may_own_grant(&serde_json::from_str(document).unwrap_or_default());
        Ok(rows.into_iter().filter(|(_, document)| may(document)).map(|(user, _)| user).collect())
    }

    /// The index narrows, the policy decides.
    fn find_administrator(&mut self, text: &'static str, given: &[Bind]) -> Result<bool, DbError> {
        let mut after = 0;
        loop {
            let binds = [given, &[Bind::number(after), Bind::number(CHUNK)]].concat();
            let rows: Vec<(i64, String)> = Statement::<(BigInt, Text)>::new(text, binds).load(self.conn)?;
            let Some((last, _)) = rows.last() else { return Ok(false) };
            after = *last;
            for (seq, document) in rows {
                let attributes = serde_json::from_str(&document)
                    .map_err(|e| DbError::Corrupt(format!("document of resource number {seq}: {e}")))?;
                if self.policy.may_own_grant(&attributes) {
                    return Ok(true);
                }
            }
        }
    }
}

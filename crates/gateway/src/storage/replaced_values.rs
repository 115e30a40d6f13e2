//! Values that left a list, and what users have instead: what is left to be done of it, and who has such a value.

use diesel::sql_types::{BigInt, Text};
use scim::SearchKey;

use super::accounts::json;
use super::error::DbError;
use super::statement::{Bind, Dialects, Statement, dialects};
use super::tx::Tx;
use crate::domain::ids::AccountKey;

/// A value that is being replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedValue {
    /// In this account,
    pub account: AccountKey,
    /// of the attribute with this path,
    pub attribute: String,
    /// this value
    pub value: String,
    /// by these; none: it is taken away.
    pub becomes: Vec<String>,
    /// Users up to this number were looked at;
    pub done_to: i64,
    /// so many of them were changed,
    pub changed: i64,
    /// and so many keep the value.
    pub kept: i64,
}

const NOTE: &str = "INSERT INTO replaced_values (account, attribute, value, becomes, done_to, changed, kept) VALUES (?, ?, ?, ?, ?, ?, ?) \
     ON CONFLICT (account, attribute, value) DO UPDATE SET becomes = excluded.becomes, done_to = excluded.done_to, \
     changed = excluded.changed, kept = excluded.kept";

const FORGET: &str = "DELETE FROM replaced_values WHERE account = ? AND attribute = ? AND value = ?";

const OF_ACCOUNT: &str = "SELECT account, attribute, value, becomes, done_to, changed, kept FROM replaced_values \
     WHERE account = ? ORDER BY attribute, value";

/// Each account once, of those that are there.
const ACCOUNTS: &str =
    "SELECT DISTINCT a.id FROM replaced_values AS r JOIN accounts AS a ON a.seq = r.account WHERE a.deleted IS NULL";

const HOLDERS: Dialects = dialects!("SELECT r.seq, r.id FROM attribute_values AS v JOIN resources AS r ON r.seq = v.resource" [" AND r.account = v.account"] " \
     WHERE v.account = ? AND v.attribute = ? AND v.key = ? AND v.resource > ? ORDER BY v.resource LIMIT ?");

type Columns = (BigInt, Text, Text, Text, BigInt, BigInt, BigInt);
type Found = (i64, String, String, String, i64, i64, i64);

impl Tx<'_> {
    /// Notes how far it went.
    pub fn note_replaced_value(&mut self, work: &ReplacedValue) -> Result<(), DbError> {
        let binds = vec![
            Bind::number(work.account),
            Bind::Text(work.attribute.clone()),
            Bind::Text(work.value.clone()),
            Bind::Text(json(&work.becomes)?),
            Bind::Number(work.done_to),
            Bind::Number(work.changed),
            Bind::Number(work.kept),
        ];
        Statement::<()>::new(NOTE, binds).execute(self.conn)?;
        Ok(())
    }

    /// Nothing is left to be done for this value, or it is not to be replaced any more; says whether anything was.
    pub fn forget_replaced_value(
        &mut self,
        account: AccountKey,
        attribute: &str,
        value: &str,
    ) -> Result<bool, DbError> {
        let binds = vec![Bind::number(account), Bind::Text(attribute.to_owned()), Bind::Text(value.to_owned())];
        Ok(Statement::<()>::new(FORGET, binds).execute(self.conn)? > 0)
    }

    /// What is left to be done in an account.
    pub fn replaced_values(&mut self, account: AccountKey) -> Result<Vec<ReplacedValue>, DbError> {
        let rows: Vec<Found> = Statement::<Columns>::new(OF_ACCOUNT, vec![Bind::number(account)]).load(self.conn)?;
        let value = |(account, attribute, value, becomes, done_to, changed, kept): Found| {
            let becomes =
                serde_json::from_str(&becomes).map_err(|e| DbError::Corrupt(format!("replaced values: {e}")))?;
            Ok(ReplacedValue {
                account: AccountKey::of_row(account),
                attribute,
                value,
                becomes,
                done_to,
                changed,
                kept,
            })
        };
        rows.into_iter().map(value).collect()
    }

    /// The ids of the accounts in which something is left to be done.
    pub fn accounts_with_replaced_values(&mut self) -> Result<Vec<String>, DbError> {
        Statement::<Text>::new(ACCOUNTS, Vec::new()).load(self.conn)
    }

    /// Who has a value, by the index, in the order they were made: those that follow a row, with number and id.
    pub fn holders_after(
        &mut self,
        account: AccountKey,
        key: &SearchKey,
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, String)>, DbError> {
        let binds = vec![
            Bind::number(account),
            Bind::number(key.attribute.0),
            Bind::Text(key.key.clone()),
            Bind::Number(after),
            Bind::Number(limit),
        ];
        Statement::<(BigInt, Text)>::new(HOLDERS.of(self.conn), binds).load(self.conn)
    }
}

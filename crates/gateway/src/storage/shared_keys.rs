//! Values that have to be unique and that two resources have all the same, because a release before compared them otherwise.
//!
//! Both resources stay. One has the row that [is unique](super::schema::attribute_values), so that no third gets the value; the
//! others have rows that are not. When the unique row is removed, one of the others becomes unique.

use diesel::sql_types::{BigInt, Bool, Text};
use scim::{AttributeKey, SearchKey};
use serde_json::Value;

use super::backend::AnyConn;
use super::error::DbError;
use super::statement::{Bind, Dialects, Statement, dialects};
use super::tx::Tx;

use crate::domain::ids::{AccountKey, ResourceKey, UserKey};

const OTHER: Dialects = dialects!("SELECT r.id FROM attribute_values AS v JOIN resources AS r ON r.seq = v.resource" [" AND r.account = v.account"] " \
     WHERE v.account = ? AND v.attribute = ? AND v.key = ? AND v.is_unique AND v.resource <> ?");

const PASS_ON: &str = "UPDATE attribute_values SET is_unique = TRUE \
     WHERE account = ? AND attribute = ? AND key = ? AND NOT is_unique AND resource = \
     (SELECT min(o.resource) FROM attribute_values AS o WHERE o.account = ? AND o.attribute = ? AND o.key = ?) \
     AND NOT EXISTS (SELECT 1 FROM attribute_values AS o WHERE o.account = ? AND o.attribute = ? AND o.key = ? AND o.is_unique)";

/// The number stands in the text, or no database would know that its partial index answers.
const SHARED: &str = "SELECT v.resource, v.key FROM attribute_values AS v \
     WHERE v.account = ? AND v.attribute = 1895985888 AND NOT v.is_unique AND v.resource > ? ORDER BY v.resource LIMIT ?";

const HOLDERS: Dialects = dialects!("SELECT r.seq, r.id, r.active, r.document FROM attribute_values AS v JOIN resources AS r ON r.seq = v.resource" [" AND r.account = v.account"] " \
     WHERE v.account = ? AND v.attribute = ? AND v.key = ? ORDER BY v.resource LIMIT 20");

/// A user whose userName is that of others.
#[derive(Debug)]
pub struct SharedName {
    /// Their number in storage.
    pub seq: UserKey,
    /// All who have the name, themselves among them.
    pub holders: Vec<NameHolder>,
}

/// One of those who share a name.
#[derive(Debug, Clone)]
pub struct NameHolder {
    /// Their number in storage.
    pub seq: UserKey,
    /// Their id.
    pub id: String,
    /// Whether they are active.
    pub active: bool,
    /// Their userName as it was sent.
    pub user_name: String,
}

/// The id of another resource that has the unique row of this key.
pub(super) fn other_holder(
    conn: &mut AnyConn,
    account: AccountKey,
    key: &SearchKey,
    seq: ResourceKey,
) -> Result<Option<String>, DbError> {
    let mut binds = named(account, key);
    binds.push(Bind::number(seq));
    Statement::<Text>::new(OTHER.of(conn), binds).first(conn)
}

/// After unique rows were removed: the first of those who had the same value gets each.
pub(super) fn pass_on(conn: &mut AnyConn, account: AccountKey, removed: &[SearchKey]) -> Result<(), DbError> {
    for key in removed.iter().filter(|key| key.unique) {
        let binds = std::iter::repeat_with(|| named(account, key)).take(3).flatten().collect();
        Statement::<()>::new(PASS_ON, binds).execute(conn)?;
    }
    Ok(())
}

fn named(account: AccountKey, key: &SearchKey) -> Vec<Bind> {
    vec![Bind::number(account), Bind::number(key.attribute.0), Bind::Text(key.key.clone())]
}

/// The userName in a stored document.
pub(super) fn user_name_in(document: &str) -> Result<String, DbError> {
    let document: Value = serde_json::from_str(document).map_err(|e| DbError::Corrupt(format!("a document: {e}")))?;
    Ok(document.get("userName").and_then(Value::as_str).unwrap_or_default().to_owned())
}

impl Tx<'_> {
    /// The users of an account whose userName others have too, and who do not have its unique row; in the order they were made.
    pub fn shared_names_after(
        &mut self,
        account: AccountKey,
        after: i64,
        limit: i64,
    ) -> Result<Vec<SharedName>, DbError> {
        let binds = vec![Bind::number(account), Bind::number(after), Bind::number(limit)];
        let rows: Vec<(UserKey, String)> = Statement::<(BigInt, Text)>::new(SHARED, binds).load(self.conn)?;
        let mut shared = Vec::with_capacity(rows.len());
        for (seq, key) in rows {
            let key = SearchKey { attribute: AttributeKey::user_name(), key, unique: false };
            let rows: Vec<(UserKey, String, bool, String)> =
                Statement::<(BigInt, Text, Bool, Text)>::new(HOLDERS.of(self.conn), named(account, &key))
                    .load(self.conn)?;
            let holder = |(seq, id, active, document): (UserKey, String, bool, String)| {
                Ok::<_, DbError>(NameHolder { seq, id, active, user_name: user_name_in(&document)? })
            };
            shared.push(SharedName { seq, holders: rows.into_iter().map(holder).collect::<Result<_, _>>()? });
        }
        Ok(shared)
    }
}

//! Pending members: names that groups wait for.
//!
//! A transaction that adds a pending name and one that gives a user this name may run at the same time, and neither
//! sees what the other has not committed. So on PostgreSQL they exclude each other until they end: the first holds a
//! lock of the account exclusively ([`lock_names`]), and all that give a user a name share it (in the statement that
//! writes the keys, `resources.rs`). The later one then sees what the other did. SQLite has one writer only.
//!
//! Lock order: names before groups, because a user who gets a name goes on to the groups that wait for it. A
//! transaction that finds out that it needs the names has locked its group already. If it cannot lock the names at
//! once, it rolls back and begins again with the names ([`DbError::NamesHeld`]).

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use scim::store::{Handle, KeyOwner, PendingChange, PendingMember, Protected};
use scim::{AttributeKey, Id, Resource, SearchKey, key_of_text};
use serde_json::Value;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::parked_members;
use super::statement::{Bind, Dialects, Statement, dialects};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, ResourceKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

/// How many rows one statement inserts.
const ROWS: usize = 200;

/// A name that a group waits for, as an operator sees it.
#[derive(Debug, Clone)]
pub struct PendingMemberRow {
    /// Grows.
    pub seq: i64,
    /// The group's id.
    pub group: String,
    /// The group's name.
    pub group_display: String,
    /// What stood in `value`.
    pub value: String,
    /// Since when, in milliseconds since the epoch.
    pub since: Timestamp,
}

/// 73052 is for nothing else; collisions of accounts only cost time.
const HOLD_NAMES: &str = "SELECT pg_advisory_xact_lock(73052, (? % 2147483647)::int)";
const TRY_NAMES: &str = "SELECT pg_try_advisory_xact_lock(73052, (? % 2147483647)::int)";

/// 73053 is for names of groups alone. A transaction that holds it waits for no names of users: it tries to hold them.
const HOLD_GROUP_NAMES: &str = "SELECT pg_advisory_xact_lock(73053, (? % 2147483647)::int)";

/// Two attributes with any keys each. An account's resource is guarded if it can log in or was created in the console only.
const HOLDERS: Dialects = Dialects {
    sqlite: "SELECT v.attribute, v.key, r.seq, r.id, r.active, l.resource IS NOT NULL OR NOT r.provisioned, \
         COALESCE(l.service_account, FALSE) FROM \
         (SELECT v.attribute, v.key, v.resource FROM json_each(?) AS wanted CROSS JOIN attribute_values AS v \
         WHERE v.account = ? AND v.attribute = ? AND v.key = wanted.value \
         UNION ALL SELECT v.attribute, v.key, v.resource FROM json_each(?) AS wanted CROSS JOIN attribute_values AS v \
         WHERE v.account = ? AND v.attribute = ? AND v.key = wanted.value) AS v \
         CROSS JOIN resources AS r ON r.seq = v.resource LEFT JOIN logins AS l ON l.resource = r.seq ORDER BY r.seq",
    postgres: "SELECT v.attribute, v.key, r.seq, r.id, r.active, l.resource IS NOT NULL OR NOT r.provisioned, \
         COALESCE(l.service_account, FALSE) FROM \
         (SELECT v.attribute, v.key, v.resource FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT attribute, key, resource FROM attribute_values WHERE account = ? AND attribute = ? AND key = wanted.value OFFSET 0) AS v \
         UNION ALL SELECT v.attribute, v.key, v.resource FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT attribute, key, resource FROM attribute_values WHERE account = ? AND attribute = ? AND key = wanted.value OFFSET 0) AS v \
         ORDER BY resource) AS v CROSS JOIN LATERAL \
         (SELECT seq, id, active, provisioned FROM resources WHERE account = ? AND seq = v.resource FOR KEY SHARE) AS r \
         LEFT JOIN LATERAL (SELECT resource, service_account FROM logins WHERE account = ? AND resource = r.seq OFFSET 0) AS l ON TRUE",
};

const AWAITING: Dialects = dialects!("SELECT p.group_seq, r.id, p.value FROM parked_members AS p JOIN resources AS r ON r.seq = p.group_seq" [" AND r.account = p.account"] " WHERE p.account = ? AND p.name_key IN (?, ?) ORDER BY p.group_seq");

const UNPARK: Dialects = Dialects {
    sqlite: "DELETE FROM parked_members WHERE group_seq = ? AND value IN (SELECT value FROM json_each(?))",
    postgres: "DELETE FROM parked_members WHERE account = ? AND group_seq = ? \
         AND value = ANY (ARRAY(SELECT value FROM json_array_elements_text(?::json)))",
};

/// An empty id is none, and stands for all.
const OF_ACCOUNT: Dialects = dialects!("SELECT p.seq, r.id, r.display, p.value, p.parked FROM parked_members AS p \
     JOIN resources AS r ON r.seq = p.group_seq" [" AND r.account = p.account"]
     " WHERE p.account = ? AND p.seq > ? AND (r.id = ? OR '' = ?) ORDER BY p.seq LIMIT ?");

/// Keeps names as they are until this unit of work ends.
pub(super) fn lock_names(conn: &mut AnyConn, account: AccountKey) -> Result<(), DbError> {
    if matches!(conn, AnyConn::Postgres(_)) {
        Statement::<()>::new(HOLD_NAMES, vec![Bind::number(account)]).execute(conn)?;
    }
    Ok(())
}

/// The same, if no other transaction holds the lock: a unit of work that can be run again does not wait while it holds a group.
pub(super) fn try_names(conn: &mut AnyConn, account: AccountKey) -> Result<(), DbError> {
    if matches!(conn, AnyConn::Postgres(_)) {
        let held: Option<bool> = Statement::<Bool>::new(TRY_NAMES, vec![Bind::number(account)]).first(conn)?;
        if held != Some(true) {
            return Err(DbError::NamesHeld(account));
        }
    }
    Ok(())
}

/// Keeps names of groups as they are until this unit of work ends, where they have to be unique.
pub(super) fn lock_group_names(conn: &mut AnyConn, account: AccountKey) -> Result<(), DbError> {
    if matches!(conn, AnyConn::Postgres(_)) {
        Statement::<()>::new(HOLD_GROUP_NAMES, vec![Bind::number(account)]).execute(conn)?;
    }
    Ok(())
}

/// Who has these keys. On PostgreSQL they cannot be deleted by others until this unit of work ends. `protects` is how service accounts are
/// protected.
pub(super) fn find_by_keys(
    conn: &mut AnyConn,
    account: AccountKey,
    keys: &[SearchKey],
    protects: Option<Protected>,
) -> Result<Vec<KeyOwner>, DbError> {
    type Columns = (Integer, Text, BigInt, Text, Bool, Bool, Bool);
    type Row = (i32, String, i64, String, bool, bool, bool);
    let mut attributes: Vec<AttributeKey> = keys.iter().map(|key| key.attribute).collect();
    attributes.sort_unstable();
    attributes.dedup();
    let mut owners = Vec::new();
    for pair in attributes.chunks(2) {
        let mut binds = Vec::with_capacity(4);
        for n in 0..2 {
            let these = keys.iter().filter(|key| pair.get(n) == Some(&key.attribute));
            let mut texts: Vec<&str> = these.map(|key| key.key.as_str()).collect();
            texts.sort_unstable();
            texts.dedup();
            let number = pair.get(n).map_or(0, |attribute| i64::from(attribute.0));
            binds.extend([Bind::list(&texts)?, Bind::number(number)]);
        }
        let rows: Vec<Row> = Statement::<Columns>::of_account(HOLDERS.of(conn), account, binds).load(conn)?;
        for (attribute, key, seq, id, active, guarded, service_account) in rows {
            let id = Id::new(id).ok_or_else(|| DbError::Corrupt("a resource id".to_owned()))?;
            let (attribute, handle) = (AttributeKey(attribute), Handle(seq));
            let protected = protects.filter(|_| service_account);
            owners.push(KeyOwner { attribute, key, handle, id, active, guarded, protected });
        }
    }
    Ok(owners)
}

/// The names that a group waits for.
pub(super) fn of_group(conn: &mut AnyConn, account: AccountKey, group: ResourceKey) -> Result<Vec<String>, DbError> {
    let query = parked_members::table
        .filter(parked_members::account.eq(account))
        .filter(parked_members::group_seq.eq(group))
        .order(parked_members::value)
        .select(parked_members::value);
    Ok(each!(conn, c => query.load(c))?)
}

/// The groups that may wait for a user with these one or two keys of names.
pub(super) fn awaiting(
    conn: &mut AnyConn,
    account: AccountKey,
    keys: &[String],
) -> Result<Vec<PendingMember>, DbError> {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(Vec::new()) };
    let binds = vec![Bind::number(account), Bind::Text(first.clone()), Bind::Text(last.clone())];
    let rows: Vec<(i64, String, String)> =
        Statement::<(BigInt, Text, Text)>::new(AWAITING.of(conn), binds).load(conn)?;
    rows.into_iter()
        .map(|(group, id, name)| {
            let id = Id::new(id).ok_or_else(|| DbError::Corrupt("a resource id".to_owned()))?;
            Ok(PendingMember { group: Handle(group), id, name })
        })
        .collect()
}

/// The keys of a new user's names, as [`awaiting`] is asked for them.
pub(super) fn names_of(user: &Resource) -> Vec<String> {
    let text = |name: &str| user.attributes().get(name).and_then(Value::as_str);
    let mut keys: Vec<String> = [text("externalId"), text("userName")].into_iter().flatten().map(key_of_text).collect();
    keys.dedup();
    keys
}

/// Groups that wait for a user, as they were read as JSON.
pub(super) fn read(json: Option<&str>) -> Result<Vec<PendingMember>, DbError> {
    let corrupt = || DbError::Corrupt("who waits for a user".to_owned());
    let rows: Vec<(i64, String, String)> =
        json.map_or(Ok(Vec::new()), |json| serde_json::from_str(json).map_err(|_| corrupt()))?;
    let pending = |(group, id, name)| Some(PendingMember { group: Handle(group), id: Id::new(id)?, name });
    rows.into_iter().map(|row: (i64, String, String)| pending(row).ok_or_else(corrupt)).collect()
}

/// Adds and removes names that a group waits for.
pub(super) fn change(
    conn: &mut AnyConn,
    account: AccountKey,
    group: ResourceKey,
    change: &PendingChange,
    now: Timestamp,
) -> Result<(), DbError> {
    if !change.remove.is_empty() {
        let binds = vec![Bind::number(group), Bind::list(&change.remove)?];
        Statement::<()>::of_account(UNPARK.of(conn), account, binds).execute(conn)?;
    }
    let row = |name: &String| {
        (
            parked_members::account.eq(account),
            parked_members::group_seq.eq(group),
            parked_members::value.eq(name.clone()),
            parked_members::name_key.eq(key_of_text(name)),
            parked_members::parked.eq(now),
        )
    };
    for names in change.add.chunks(ROWS) {
        let insert = diesel::insert_into(parked_members::table);
        match &mut *conn {
            AnyConn::Postgres(c) => {
                let rows: Vec<_> = names.iter().map(row).collect();
                insert.values(rows).on_conflict_do_nothing().execute(c.begun())?;
            }
            AnyConn::Sqlite(c) => {
                for name in names {
                    insert.values(row(name)).on_conflict_do_nothing().execute(c)?;
                }
            }
        }
    }
    Ok(())
}

impl Tx<'_> {
    /// The names that groups of an account wait for, in the order they came; of one group if its id is given.
    pub fn pending_members_after(
        &mut self,
        account: AccountKey,
        group: Option<&str>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<PendingMemberRow>, DbError> {
        let group = Bind::Text(group.unwrap_or_default().to_owned());
        let binds = vec![Bind::number(account), Bind::number(after), group.clone(), group, Bind::number(limit)];
        type Columns = (BigInt, Text, Text, Text, BigInt);
        let rows: Vec<(i64, String, String, String, Timestamp)> =
            Statement::<Columns>::new(OF_ACCOUNT.of(self.conn), binds).load(self.conn)?;
        let member =
            |(seq, group, group_display, value, since)| PendingMemberRow { seq, group, group_display, value, since };
        Ok(rows.into_iter().map(member).collect())
    }
}

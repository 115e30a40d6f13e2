//! What access was resolved from at an earlier time.
//!
//! What is there today is what counts since it last changed, so only what changes or ends is written here, as it was until then: a user or
//! group, a membership, the terms of an account. Of several rows that end later than a time, the one that was written first is what counted
//! then: rows of one thing are written under its lock, also where two servers' clocks differ.

use std::collections::HashMap;

use diesel::sql_types::{BigInt, Nullable, Text};
use scim::schema::{ResourceTypeId, USER};
use scim::store::Stored;

use super::accounts::json;
use super::backend::AnyConn;
use super::error::DbError;
use super::statement::{Bind, Dialects, Statement, in_account};
use super::tx::Tx;
use crate::domain::access::{Edge, PastFacts, PastTerms};
use crate::domain::ids::AccountKey;
use crate::platform::timestamp::Timestamp;

/// In `installation`: since when this is recorded, in milliseconds.
const RECORDED: &str = "access_recorded";

/// So many resources of the names of rules are looked at.
const MOST_NAMED: i64 = 5_000;

macro_rules! insert {
    () => {
        "INSERT INTO past_resources (account, resource_type, resource, id, created, until, name, name_key, facts, gone) VALUES "
    };
}
macro_rules! row {
    () => {
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    };
}

const PAST_MEMBERSHIPS_OF: &str = "INSERT INTO past_members (account, group_seq, member_seq, since, until) \
     SELECT ?, group_seq, member_seq, since, ? FROM members WHERE account = ? AND member_seq = ?";
const PAST_MEMBERS_OF: &str = "INSERT INTO past_members (account, group_seq, member_seq, since, until) \
     SELECT ?, group_seq, member_seq, since, ? FROM members WHERE account = ? AND group_seq = ?";

const KEEP_TERMS: &str = "INSERT INTO past_terms (account, until, terms) VALUES (?, ?, ?)";
const TERMS_AT: &str = "SELECT terms FROM past_terms WHERE account = ? AND until > ? ORDER BY seq LIMIT 1";
const UNKNOWN_UNTIL: &str = "SELECT max(until) FROM past_terms WHERE account = ? AND terms IS NULL";

const STATES: Dialects = Dialects {
    sqlite: "SELECT p.resource, p.id, p.created, p.name, p.facts FROM json_each(?) AS wanted CROSS JOIN past_resources AS p \
         WHERE p.seq = (SELECT min(q.seq) FROM past_resources AS q WHERE q.account = ? AND q.resource = wanted.value AND q.until > ?)",
    postgres: "SELECT p.resource, p.id, p.created, p.name, p.facts FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT resource, id, created, name, facts FROM past_resources \
         WHERE account = ? AND resource = wanted.value::bigint AND until > ? ORDER BY seq LIMIT 1) AS p",
};

const NUMBERS: Dialects = Dialects {
    sqlite: "SELECT DISTINCT p.id, p.resource FROM json_each(?) AS wanted CROSS JOIN past_resources AS p \
         WHERE p.account = ? AND p.id = wanted.value",
    postgres: "SELECT DISTINCT p.id, p.resource FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT id, resource FROM past_resources WHERE account = ? AND id = wanted.value OFFSET 0) AS p",
};

const NAMED: Dialects = Dialects {
    sqlite: "SELECT DISTINCT p.resource FROM json_each(?) AS wanted CROSS JOIN past_resources AS p \
         WHERE p.account = ? AND p.name_key = wanted.value AND p.resource_type = ? AND p.until > ? ORDER BY p.resource LIMIT ?",
    postgres: "SELECT DISTINCT p.resource FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT resource FROM past_resources WHERE account = ? AND name_key = wanted.value AND resource_type = ? AND until > ? OFFSET 0) AS p \
         ORDER BY p.resource LIMIT ?",
};

const GONE: &str = "SELECT resource FROM past_resources WHERE gone AND account = ? AND resource > ? AND resource_type = ? AND until > ? \
     AND created <= ? ORDER BY resource LIMIT ?";

/// As the memberships of today, with those that ended later.
const UPWARDS: Dialects = Dialects {
    sqlite: "WITH RECURSIVE t (at) AS MATERIALIZED (SELECT ?), inside (seq) AS (SELECT value FROM json_each(?) \
         UNION SELECT m.group_seq FROM inside CROSS JOIN t CROSS JOIN members AS m ON m.member_seq = inside.seq \
         WHERE m.since IS NULL OR m.since <= t.at \
         UNION SELECT p.group_seq FROM inside CROSS JOIN t CROSS JOIN past_members AS p ON p.member_seq = inside.seq AND p.until > t.at \
         WHERE p.since IS NULL OR p.since <= t.at) \
         SELECT m.member_seq, m.group_seq, m.since FROM inside CROSS JOIN t CROSS JOIN members AS m ON m.member_seq = inside.seq \
         WHERE m.since IS NULL OR m.since <= t.at \
         UNION ALL SELECT p.member_seq, p.group_seq, p.since FROM inside CROSS JOIN t \
         CROSS JOIN past_members AS p ON p.member_seq = inside.seq AND p.until > t.at WHERE p.since IS NULL OR p.since <= t.at LIMIT ?",
    postgres: "WITH RECURSIVE t (at) AS (SELECT ?), inside (seq) AS (SELECT value::bigint FROM json_array_elements_text(?::json) \
         UNION SELECT m.group_seq FROM inside CROSS JOIN t CROSS JOIN LATERAL \
         (SELECT group_seq FROM members WHERE account = ? AND member_seq = inside.seq AND (since IS NULL OR since <= t.at) \
         UNION ALL SELECT group_seq FROM past_members WHERE account = ? AND member_seq = inside.seq AND until > t.at AND (since IS NULL OR since <= t.at) \
         OFFSET 0) AS m) \
         SELECT inside.seq, m.group_seq, m.since FROM inside CROSS JOIN t CROSS JOIN LATERAL \
         (SELECT group_seq, since FROM members WHERE account = ? AND member_seq = inside.seq AND (since IS NULL OR since <= t.at) \
         UNION ALL SELECT group_seq, since FROM past_members WHERE account = ? AND member_seq = inside.seq AND until > t.at \
         AND (since IS NULL OR since <= t.at) OFFSET 0) AS m LIMIT ?",
};

macro_rules! forget {
    ($table:literal, $key:literal, $within:literal, $which:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ",
            $within,
            "(",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $which,
            " LIMIT ?)"
        )
    };
}
macro_rules! forget_each {
    ($within:literal, $which:literal) => {
        [
            Dialects {
                sqlite: forget!("past_resources", "seq", "", $which),
                postgres: forget!("past_resources", "seq", $within, $which),
            },
            Dialects {
                sqlite: forget!("past_terms", "seq", "", $which),
                postgres: forget!("past_terms", "seq", $within, $which),
            },
            Dialects {
                sqlite: forget!("past_members", "rowid", "", $which),
                postgres: forget!("past_members", "account, group_seq, member_seq, until", $within, $which),
            },
        ]
    };
}
const FORGET_OLD: [Dialects; 3] = forget_each!("", "until < ? ORDER BY until");
const FORGET_ACCOUNT: [Dialects; 3] = forget_each!("account = ? AND ", "account = ?");

/// A user or group as they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastResource {
    /// The number in storage.
    pub seq: i64,
    /// The id.
    pub id: String,
    /// When they were made.
    pub created: Timestamp,
    /// Their userName or displayName.
    pub name: String,
    /// Of a user.
    pub facts: PastFacts,
}

/// Notes, if it is not noted, that from now on what changes is kept.
pub fn note_beginning(conn: &mut AnyConn, now: Timestamp) -> Result<(), DbError> {
    let text = "INSERT INTO installation (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING";
    let binds = vec![Bind::Text(RECORDED.to_owned()), Bind::Text(now.to_string())];
    Statement::<()>::new(text, binds).execute(conn)?;
    Ok(())
}

/// The memberships of one who is deleted end.
pub(super) fn memberships_end(
    conn: &mut AnyConn,
    account: AccountKey,
    member: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    let binds = vec![Bind::number(account), Bind::number(now), Bind::Number(member)];
    Statement::<()>::put_off(conn, PAST_MEMBERSHIPS_OF, in_account(PAST_MEMBERSHIPS_OF, account, binds))
}

/// The same for the members of a group.
pub(super) fn members_leave(
    conn: &mut AnyConn,
    account: AccountKey,
    group: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    let binds = vec![Bind::number(account), Bind::number(now), Bind::Number(group)];
    Statement::<()>::put_off(conn, PAST_MEMBERS_OF, in_account(PAST_MEMBERS_OF, account, binds))
}

impl Tx<'_> {
    /// A user or group was so until now: what they were called, and of a user what decided.
    pub(crate) fn keep_past_resource(
        &mut self,
        account: AccountKey,
        stored: &Stored,
        (name, facts): (&str, Option<&PastFacts>),
        until: Timestamp,
        is_gone: bool,
    ) -> Result<(), DbError> {
        let resource = &stored.resource;
        let binds = vec![
            Bind::number(account),
            Bind::number(resource.resource_type.0),
            Bind::Number(stored.handle.0),
            Bind::Text(resource.id.to_string()),
            Bind::Number(resource.meta.created),
            Bind::number(until),
            Bind::Text(name.to_owned()),
            Bind::Text(scim::key_of_text(name)),
            Bind::Words(facts.map(json).transpose()?),
            Bind::Flag(is_gone),
        ];
        Statement::<()>::put_off_row(self.conn, (insert!(), row!(), concat!(insert!(), row!())), binds)
    }

    /// The terms of a locked account were so until now.
    pub(crate) fn keep_past_terms(&mut self, account: AccountKey, terms: &PastTerms) -> Result<(), DbError> {
        let binds = vec![Bind::number(account), Bind::number(self.now()), Bind::Words(Some(json(terms)?))];
        Statement::<()>::new(KEEP_TERMS, binds).execute(self.conn)?;
        Ok(())
    }

    /// Of the time before now nothing is known of this account.
    pub(super) fn past_is_unknown(&mut self, account: AccountKey) -> Result<(), DbError> {
        let binds = vec![Bind::number(account), Bind::number(self.now()), Bind::Words(None)];
        Statement::<()>::new(KEEP_TERMS, binds).execute(self.conn)?;
        Ok(())
    }

    /// Since when access is recorded here; `None`: it is not.
    pub(crate) fn access_recorded_since(&mut self, account: AccountKey) -> Result<Option<Timestamp>, DbError> {
        let noted = self.installation_value(RECORDED)?.and_then(|text| text.parse().ok()).map(Timestamp::of_millis);
        let unknown: Option<Option<i64>> =
            Statement::<Nullable<BigInt>>::new(UNKNOWN_UNTIL, vec![Bind::number(account)]).first(self.conn)?;
        Ok(noted.map(|noted| noted.max(unknown.flatten().map_or(noted, Timestamp::of_millis))))
    }

    /// The terms of an account at a time, if they have changed since.
    pub(crate) fn past_terms(&mut self, account: AccountKey, at: Timestamp) -> Result<Option<PastTerms>, DbError> {
        let binds = vec![Bind::number(account), Bind::number(at)];
        let terms: Option<Option<String>> = Statement::<Nullable<Text>>::new(TERMS_AT, binds).first(self.conn)?;
        let read =
            |terms: String| serde_json::from_str(&terms).map_err(|e| DbError::Corrupt(format!("terms of access: {e}")));
        terms.flatten().map(read).transpose()
    }

    /// Those of these users and groups who have changed since a time, as they were then.
    pub(crate) fn past_resources(
        &mut self,
        account: AccountKey,
        seqs: &[i64],
        at: Timestamp,
    ) -> Result<HashMap<i64, PastResource>, DbError> {
        if seqs.is_empty() {
            return Ok(HashMap::new());
        }
        let binds = vec![Bind::list(seqs)?, Bind::number(account), Bind::number(at)];
        let rows: Vec<(i64, String, i64, String, Option<String>)> =
            Statement::<(BigInt, Text, BigInt, Text, Nullable<Text>)>::new(STATES.of(self.conn), binds)
                .load(self.conn)?;
        let mut found = HashMap::with_capacity(rows.len());
        for (seq, id, created, name, facts) in rows {
            let facts = facts.as_deref().map(serde_json::from_str).transpose();
            let facts = facts.map_err(|e| DbError::Corrupt(format!("what decided of a user: {e}")))?;
            let (facts, created) = (facts.unwrap_or_default(), Timestamp::of_millis(created));
            found.insert(seq, PastResource { seq, id, created, name, facts });
        }
        Ok(found)
    }

    /// The numbers of users and groups with these ids that were kept, deleted ones, too; each with its id.
    pub(crate) fn past_numbers(&mut self, account: AccountKey, ids: &[&str]) -> Result<Vec<(String, i64)>, DbError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let binds = vec![Bind::list(ids)?, Bind::number(account)];
        Statement::<(Text, BigInt)>::new(NUMBERS.of(self.conn), binds).load(self.conn)
    }

    /// The numbers of users or groups that had a name with one of these keys until later than a time.
    pub(crate) fn past_named(
        &mut self,
        account: AccountKey,
        kind: ResourceTypeId,
        keys: &[String],
        at: Timestamp,
    ) -> Result<Vec<i64>, DbError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let binds = vec![
            Bind::list(keys)?,
            Bind::number(account),
            Bind::number(kind.0),
            Bind::number(at),
            Bind::Number(MOST_NAMED),
        ];
        Statement::<BigInt>::new(NAMED.of(self.conn), binds).load(self.conn)
    }

    /// The users who were there at a time and were deleted since: those that follow a number.
    pub(crate) fn deleted_users_after(
        &mut self,
        account: AccountKey,
        at: Timestamp,
        after: i64,
        limit: i64,
    ) -> Result<Vec<i64>, DbError> {
        let binds = vec![
            Bind::number(account),
            Bind::Number(after),
            Bind::number(USER.0),
            Bind::number(at),
            Bind::number(at),
            Bind::Number(limit),
        ];
        Statement::<BigInt>::new(GONE, binds).load(self.conn)
    }

    /// The memberships of users and of all groups above them at a time; `None` where they are more than so many.
    pub(crate) fn memberships_above_at(
        &mut self,
        account: AccountKey,
        users: &[i64],
        at: Timestamp,
        most: usize,
    ) -> Result<Option<Vec<Edge>>, DbError> {
        if users.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let limit = i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX);
        let binds = vec![Bind::number(at), Bind::list(users)?, Bind::Number(limit)];
        let rows: Vec<(i64, i64, Option<i64>)> =
            Statement::<(BigInt, BigInt, Nullable<BigInt>)>::of_account(UPWARDS.of(self.conn), account, binds)
                .load(self.conn)?;
        if rows.len() > most {
            return Ok(None);
        }
        let edge = |(member, group, since): (i64, i64, Option<i64>)| Edge {
            member,
            group,
            since: since.map(Timestamp::of_millis),
        };
        Ok(Some(rows.into_iter().map(edge).collect()))
    }

    /// From here on access is known since this time at the earliest, and rows of before go, so many of each table at most.
    pub fn forget_access_history(&mut self, before: Timestamp, limit: i64) -> Result<u64, DbError> {
        let noted = self.installation_value(RECORDED)?.and_then(|text| text.parse().ok()).map(Timestamp::of_millis);
        if noted.is_some_and(|noted| noted < before) {
            self.set_installation_value(RECORDED, &before.to_string())?;
        }
        let mut rows = 0;
        for text in FORGET_OLD {
            let binds = vec![Bind::number(before), Bind::Number(limit)];
            rows += Statement::<()>::new(text.of(self.conn), binds).execute(self.conn)?;
        }
        Ok(rows)
    }

    /// The rows of an account that was deleted go, so many of each table at most.
    pub(super) fn forget_access_of(&mut self, account: AccountKey, limit: i64) -> Result<u64, DbError> {
        let mut rows = 0;
        for text in FORGET_ACCOUNT {
            let statement = Statement::<()>::of_account(text.of(self.conn), account, vec![Bind::Number(limit)]);
            rows += statement.execute(self.conn)?;
        }
        Ok(rows)
    }
}

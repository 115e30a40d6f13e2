//! What resolving access reads: the rules of an account, the groups that they name, and the memberships of many users at once.

use std::collections::HashMap;

use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};
use scim::AttributeKey;
use scim::schema::{GROUP, ResourceTypeId, USER};
use scim::store::Stored;

use super::accounts::json;
use super::error::DbError;
use super::rows::Row;
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::access::{Edge, Rules};
use crate::domain::ids::{AccountKey, ResourceKey};
use crate::platform::timestamp::Timestamp;

/// A group as rules and reasons name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedGroup {
    /// Its number in storage,
    pub seq: i64,
    /// its id,
    pub id: String,
    /// and its `displayName`.
    pub display: String,
}

/// Every membership on a way up from these users, each once however many ways lead there, so circles end.
const UPWARDS: Dialects = Dialects {
    sqlite: "WITH RECURSIVE inside (seq) AS (SELECT value FROM json_each(?) \
         UNION SELECT m.group_seq FROM inside CROSS JOIN members AS m ON m.member_seq = inside.seq) \
         SELECT m.member_seq, m.group_seq, m.since FROM inside CROSS JOIN members AS m ON m.member_seq = inside.seq LIMIT ?",
    postgres: "WITH RECURSIVE inside (seq) AS (SELECT value::bigint FROM json_array_elements_text(?::json) \
         UNION SELECT m.group_seq FROM inside \
         CROSS JOIN LATERAL (SELECT group_seq FROM members WHERE account = ? AND member_seq = inside.seq OFFSET 0) AS m) \
         SELECT inside.seq, m.group_seq, m.since FROM inside \
         CROSS JOIN LATERAL (SELECT group_seq, since FROM members WHERE account = ? AND member_seq = inside.seq OFFSET 0) AS m LIMIT ?",
};

const BY_ID: Dialects = Dialects {
    sqlite: "SELECT r.seq, r.id, r.display, r.resource_type FROM json_each(?) AS wanted CROSS JOIN resources AS r \
         WHERE r.account = ? AND r.id = wanted.value",
    postgres: "SELECT r.seq, r.id, r.display, r.resource_type FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT seq, id, display, resource_type FROM resources WHERE account = ? AND id = wanted.value OFFSET 0) AS r",
};

const BY_SEQ: Dialects = Dialects {
    sqlite: "SELECT r.seq, r.id, r.display, r.resource_type FROM json_each(?) AS wanted CROSS JOIN resources AS r \
         ON r.seq = wanted.value WHERE r.account = ?",
    postgres: "SELECT r.seq, r.id, r.display, r.resource_type FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT seq, id, display, resource_type FROM resources WHERE seq = wanted.value::bigint AND account = ? OFFSET 0) AS r",
};

/// The groups of each name, by the index; of one name so many at most.
const BY_NAME: Dialects = Dialects {
    sqlite: "SELECT wanted.value, r.seq, r.id, r.display FROM json_each(?) AS wanted CROSS JOIN attribute_values AS v \
         CROSS JOIN resources AS r ON r.seq = v.resource \
         WHERE v.account = ? AND v.attribute = ? AND v.key = wanted.value ORDER BY r.seq LIMIT ?",
    postgres: "SELECT wanted.value, r.seq, r.id, r.display FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT resource FROM attribute_values WHERE account = ? AND attribute = ? AND key = wanted.value OFFSET 0) AS v \
         CROSS JOIN LATERAL (SELECT seq, id, display FROM resources WHERE account = ? AND seq = v.resource OFFSET 0) AS r ORDER BY r.seq LIMIT ?",
};

/// Both in one statement: those with an id are 0, those with a name 1.
const BY_ID_OR_NAME: Dialects = Dialects {
    sqlite: "SELECT 0, wanted.value, r.seq, r.id, r.display, r.resource_type FROM json_each(?) AS wanted CROSS JOIN resources AS r \
         WHERE r.account = ? AND r.id = wanted.value \
         UNION ALL SELECT * FROM (SELECT 1, wanted.value, r.seq, r.id, r.display, r.resource_type FROM json_each(?) AS wanted \
         CROSS JOIN attribute_values AS v CROSS JOIN resources AS r ON r.seq = v.resource \
         WHERE v.account = ? AND v.attribute = ? AND v.key = wanted.value ORDER BY r.seq LIMIT ?)",
    postgres: "SELECT 0::bigint, wanted.value, r.seq, r.id, r.display, r.resource_type FROM json_array_elements_text(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT seq, id, display, resource_type FROM resources WHERE account = ? AND id = wanted.value OFFSET 0) AS r \
         UNION ALL (SELECT 1::bigint, wanted.value, r.seq, r.id, r.display, r.resource_type FROM json_array_elements_text(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT resource FROM attribute_values WHERE account = ? AND attribute = ? AND key = wanted.value OFFSET 0) AS v \
         CROSS JOIN LATERAL (SELECT seq, id, display, resource_type FROM resources WHERE account = ? AND seq = v.resource OFFSET 0) AS r \
         ORDER BY r.seq LIMIT ?)",
};

/// Users by id (0), and by `userName` (1).
const USERS: Dialects = Dialects {
    sqlite: "SELECT 0, wanted.value, r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document \
         FROM json_each(?) AS wanted CROSS JOIN resources AS r WHERE r.account = ? AND r.id = wanted.value \
         UNION ALL SELECT 1, wanted.value, r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document \
         FROM json_each(?) AS wanted CROSS JOIN attribute_values AS v CROSS JOIN resources AS r ON r.seq = v.resource \
         WHERE v.account = ? AND v.attribute = ? AND v.key = wanted.value",
    postgres: "SELECT 0::bigint, wanted.value, r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document \
         FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL (SELECT seq, resource_type, id, version, created, \
         last_modified, document FROM resources WHERE account = ? AND id = wanted.value OFFSET 0) AS r \
         UNION ALL SELECT 1::bigint, wanted.value, r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document \
         FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL (SELECT resource FROM attribute_values \
         WHERE account = ? AND attribute = ? AND key = wanted.value OFFSET 0) AS v CROSS JOIN LATERAL (SELECT seq, resource_type, id, \
         version, created, last_modified, document FROM resources WHERE account = ? AND seq = v.resource OFFSET 0) AS r",
};

type UserColumns = ((BigInt, Text), (BigInt, SmallInt, Text), (BigInt, BigInt, BigInt), Text);
type UserRow = ((i64, String), (i64, i16, String), (i64, i64, i64), String);

const WRITE: &str = "INSERT INTO access_rules (account, version, rules) VALUES (?, 1, ?) \
     ON CONFLICT (account) DO UPDATE SET version = access_rules.version + 1, rules = excluded.rules";

/// How many groups of the names of all rules together are taken: a name that more groups have than a page shows is a mistake.
const MOST_NAMED: i64 = 5_000;

fn group((seq, id, display): (i64, String, String)) -> NamedGroup {
    NamedGroup { seq, id, display }
}

impl Tx<'_> {
    /// The rules of an account, and how often they were written; none were never.
    pub fn access_rules(&mut self, account: AccountKey) -> Result<(Rules, i64), DbError> {
        let row: Option<(String, i64)> = match &self.rules {
            Some((of, row)) if *of == account => row.clone(),
            _ => {
                let text = "SELECT rules, version FROM access_rules WHERE account = ?";
                Statement::<(Text, BigInt)>::new(text, vec![Bind::number(account)]).first(self.conn)?
            }
        };
        let Some((rules, version)) = row else { return Ok((Rules::default(), 0)) };
        let rules = serde_json::from_str(&rules).map_err(|e| DbError::Corrupt(format!("access rules: {e}")))?;
        Ok((rules, version))
    }

    /// Writes the rules of a locked account.
    pub fn set_access_rules(&mut self, account: AccountKey, rules: &Rules) -> Result<(), DbError> {
        self.rules = None;
        Statement::<()>::new(WRITE, vec![Bind::number(account), Bind::Text(json(rules)?)]).execute(self.conn)?;
        Ok(())
    }

    /// The memberships of users and of all groups above them; `None` where they are more than so many.
    pub fn memberships_above(
        &mut self,
        account: AccountKey,
        users: &[i64],
        most: usize,
    ) -> Result<Option<Vec<Edge>>, DbError> {
        if users.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let limit = i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX);
        let binds = vec![Bind::list(users)?, Bind::Number(limit)];
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

    /// The groups of an account with these ids, in any order.
    pub fn groups_by_id(&mut self, account: AccountKey, ids: &[&str]) -> Result<Vec<NamedGroup>, DbError> {
        self.groups_found(BY_ID, account, ids)
    }

    /// The groups of an account with these numbers, in any order.
    pub fn groups_by_seq(&mut self, account: AccountKey, seqs: &[i64]) -> Result<Vec<NamedGroup>, DbError> {
        self.groups_found(BY_SEQ, account, seqs)
    }

    fn groups_found<T: serde::Serialize>(
        &mut self,
        text: Dialects,
        account: AccountKey,
        wanted: &[T],
    ) -> Result<Vec<NamedGroup>, DbError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let binds = vec![Bind::list(wanted)?, Bind::number(account)];
        let rows: Vec<(i64, String, String, i16)> =
            Statement::<(BigInt, Text, Text, SmallInt)>::new(text.of(self.conn), binds).load(self.conn)?;
        let groups = rows.into_iter().filter(|row| ResourceTypeId(row.3) == GROUP);
        Ok(groups.map(|(seq, id, display, _)| group((seq, id, display))).collect())
    }

    /// The groups of an account with these ids, and those that have these names, as [`groups_by_id`](Tx::groups_by_id) and
    /// [`groups_by_name`](Tx::groups_by_name) say; in one statement.
    #[allow(clippy::type_complexity)]
    pub fn groups_by_id_or_name(
        &mut self,
        account: AccountKey,
        ids: &[&str],
        keys: &[String],
    ) -> Result<(Vec<NamedGroup>, Vec<(String, NamedGroup)>), DbError> {
        if ids.is_empty() || keys.is_empty() {
            return Ok((self.groups_by_id(account, ids)?, self.groups_by_name(account, keys)?));
        }
        let attribute = Bind::number(AttributeKey::group_name().0);
        let binds = vec![Bind::list(ids)?, Bind::list(keys)?, attribute, Bind::Number(MOST_NAMED)];
        let rows: Vec<(i64, String, i64, String, String, i16)> =
            Statement::<(BigInt, Text, BigInt, Text, Text, SmallInt)>::of_account(
                BY_ID_OR_NAME.of(self.conn),
                account,
                binds,
            )
            .load(self.conn)?;
        let (mut by_id, mut by_name) = (Vec::new(), Vec::new());
        for (is_name, wanted, seq, id, display, kind) in rows {
            match is_name {
                0 if ResourceTypeId(kind) == GROUP => by_id.push(group((seq, id, display))),
                0 => {}
                _ => by_name.push((wanted, group((seq, id, display)))),
            }
        }
        Ok((by_id, by_name))
    }

    /// The users of an account who are called so, by id or else by `userName`; each with what they were called by. One statement.
    pub(crate) fn users_called(
        &mut self,
        account: AccountKey,
        called: &[&str],
    ) -> Result<HashMap<String, Stored>, DbError> {
        let keys: Vec<String> = called.iter().map(|name| scim::key_of_text(name)).collect();
        let attribute = Bind::number(AttributeKey::user_name().0);
        let binds = vec![Bind::list(called)?, Bind::list(&keys)?, attribute];
        let rows: Vec<UserRow> =
            Statement::<UserColumns>::of_account(USERS.of(self.conn), account, binds).load(self.conn)?;
        let (mut by_id, mut by_name) = (HashMap::new(), HashMap::new());
        for ((is_name, wanted), (seq, kind, id), times, document) in rows {
            if ResourceTypeId(kind) == USER {
                let user = Row::of(ResourceKey::of_row(seq), (kind, id), times, document).stored()?;
                let found = if is_name == 0 { &mut by_id } else { &mut by_name };
                found.insert(wanted, user);
            }
        }
        let user = |(name, key): (&&str, &String)| {
            let found = by_id.get(*name).or_else(|| by_name.get(key))?;
            Some(((*name).to_owned(), found.clone()))
        };
        Ok(called.iter().zip(&keys).filter_map(user).collect())
    }

    /// The groups of an account that have these names, each with the [key](scim::key_of_text) of the name.
    pub fn groups_by_name(
        &mut self,
        account: AccountKey,
        keys: &[String],
    ) -> Result<Vec<(String, NamedGroup)>, DbError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let attribute = Bind::number(AttributeKey::group_name().0);
        let binds = vec![Bind::list(keys)?, attribute, Bind::Number(MOST_NAMED)];
        let rows: Vec<(String, i64, String, String)> =
            Statement::<(Text, BigInt, Text, Text)>::of_account(BY_NAME.of(self.conn), account, binds)
                .load(self.conn)?;
        Ok(rows.into_iter().map(|(key, seq, id, display)| (key, group((seq, id, display)))).collect())
    }
}

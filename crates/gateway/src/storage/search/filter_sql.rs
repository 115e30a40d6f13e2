//! An [`IndexQuery`] as SQL, in one place for both databases.
//!
//! Each leaf is a condition on a resource: `r.seq IN (SELECT resource FROM attribute_values WHERE …)`. Values are bound; the
//! only text that varies is how leaves are combined.

use diesel::sql_types::{BigInt, Text};
use scim::index_query::{IndexQuery, KeyRange};
use scim::schema::ResourceTypeId;
use scim::store::{Handle, PageKey};
use scim::{AttributeKey, Id, SortBy, SortKey};

use super::super::backend::AnyConn;
use super::super::error::DbError;
use super::super::resources::{Row, RowColumns, row_within};
use super::super::statement::{Bind, Dialects, Statement};

use crate::domain::ids::AccountKey;

/// The members of a group, as a condition on `r.seq`; the group's row takes the place of the first `?`, the account that of others. `UNION` keeps each row once, so circles
/// end. Members are looked up one group after the other and not among those of all groups, and then one after the other: PostgreSQL, which
/// cannot guess how few a recursion gives, would read all resources instead.
const INSIDE: Dialects = Dialects {
    sqlite: "r.seq IN (WITH RECURSIVE inside (seq) AS (? \
         UNION SELECT m.member_seq FROM inside CROSS JOIN members AS m ON m.group_seq = inside.seq) \
         SELECT m.member_seq FROM inside CROSS JOIN members AS m ON m.group_seq = inside.seq)",
    postgres: "r.seq = ANY (ARRAY(WITH RECURSIVE inside (seq) AS (? \
         UNION SELECT m.member_seq FROM inside \
         CROSS JOIN LATERAL (SELECT member_seq FROM members WHERE account = ? AND group_seq = inside.seq OFFSET 0) AS m) \
         SELECT m.member_seq FROM inside \
         CROSS JOIN LATERAL (SELECT member_seq FROM members WHERE account = ? AND group_seq = inside.seq OFFSET 0) AS m))",
};

/// The resources of one account and type that an [`IndexQuery`] holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidates<'a> {
    pub(super) account: AccountKey,
    pub(super) resource_type: ResourceTypeId,
    pub(super) index_query: &'a IndexQuery,
}

/// An order that an index has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Along {
    /// `None`: creation order. With [`SortBy::Key`] only the resources that have a key are there.
    pub(super) by: Option<SortBy>,
    pub(super) descending: bool,
}

impl Along {
    pub(super) const CREATION: Along = Along { by: None, descending: false };
}

impl Candidates<'_> {
    /// A page of them: after a place, skipping some; with the documents that are not larger than that.
    pub(super) fn rows(
        &self,
        conn: &mut AnyConn,
        along: Along,
        after: Option<&PageKey>,
        offset: i64,
        count: i64,
        largest: i64,
    ) -> Result<Vec<Row>, DbError> {
        let mut sql = Sql::select(conn, "");
        sql.number(concat!("SELECT ", row_within!()), largest);
        self.write(&mut sql, along);
        let (beyond, direction) = if along.descending { (" < ", " DESC") } else { (" > ", "") };
        let key = after.and_then(|page_key| page_key.key.as_ref());
        let columns = match along.by {
            Some(SortBy::Key(_)) => ["s.key", "s.resource"].as_slice(),
            Some(SortBy::LastModified) => &["r.last_modified", "r.seq"],
            Some(SortBy::Id) => &["r.id"],
            _ => &["r.seq"],
        };
        if let Some(page_key) = after {
            sql.push(&format!(" AND ({}){beyond}(", columns.join(", ")));
            match (along.by, key) {
                (Some(SortBy::Key(_)), Some(key)) => sql.text("?, ", key.as_str()),
                (Some(SortBy::LastModified), Some(key)) => sql.number("?, ", key.integer().unwrap_or_default()),
                (Some(SortBy::Id), Some(key)) => sql.text("?", key.as_str()),
                _ => {}
            }
            if !matches!(along.by, Some(SortBy::Id)) {
                sql.number("?", page_key.handle.0);
            }
            sql.push(")");
        }
        let order: Vec<String> = columns.iter().map(|column| format!("{column}{direction}")).collect();
        sql.push(&format!(" ORDER BY {}", order.join(", ")));
        sql.number(" LIMIT ?", count);
        sql.number(" OFFSET ?", offset);
        Statement::<RowColumns>::new(sql.text, sql.binds).load(conn)
    }

    /// How many there are; it stops counting there.
    pub(super) fn count(&self, conn: &mut AnyConn, most: i64) -> Result<i64, DbError> {
        let mut sql = Sql::select(conn, "SELECT count(*)");
        if most < i64::MAX {
            sql.push(" FROM (SELECT 1");
        }
        self.write(&mut sql, Along::CREATION);
        if most < i64::MAX {
            sql.number(" LIMIT ?) AS counted", most);
        }
        let count: Option<i64> = Statement::<BigInt>::new(sql.text, sql.binds).first(conn)?;
        Ok(count.unwrap_or(0))
    }

    /// The place of the n-th, from 1, where the index alone knows it: ten times as fast as passing over their documents.
    pub(super) fn place(&self, conn: &mut AnyConn, along: Along, n: i64) -> Result<Option<PageKey>, DbError> {
        let (IndexQuery::Any, Some(SortBy::Key(attribute))) = (self.index_query, along.by) else { return Ok(None) };
        let mut sql = Sql::select(conn, "SELECT s.key, s.resource");
        self.write_keys(&mut sql, attribute);
        let direction = if along.descending { " DESC" } else { "" };
        sql.push(&format!(" ORDER BY s.key{direction}, s.resource{direction} LIMIT 1"));
        sql.number(" OFFSET ?", n - 1);
        let found: Option<(String, i64)> = Statement::<(Text, BigInt)>::new(sql.text, sql.binds).first(conn)?;
        Ok(found.map(|(key, seq)| PageKey { key: Some(SortKey::indexed(key)), handle: Handle(seq) }))
    }

    /// How many of them an order has.
    pub(super) fn count_along(&self, conn: &mut AnyConn, along: Along) -> Result<i64, DbError> {
        let mut sql = Sql::select(conn, "SELECT count(*)");
        match (self.index_query, along.by) {
            (IndexQuery::Any, Some(SortBy::Key(attribute))) => self.write_keys(&mut sql, attribute),
            _ => self.write(&mut sql, along),
        }
        let count: Option<i64> = Statement::<BigInt>::new(sql.text, sql.binds).first(conn)?;
        Ok(count.unwrap_or(0))
    }

    /// The keys of an attribute, which is the resource type's own: all of its resources that have a value.
    fn write_keys(&self, sql: &mut Sql, attribute: AttributeKey) {
        sql.number(" FROM attribute_values AS s WHERE s.account = ?", self.account);
        sql.number(" AND s.attribute = ?", attribute.0);
    }

    fn write(&self, sql: &mut Sql, along: Along) {
        match along.by {
            // The key's attribute is the resource type's own.
            Some(SortBy::Key(attribute)) => {
                sql.push(" FROM attribute_values AS s JOIN resources AS r ON r.seq = s.resource");
                sql.push(sql.same_account);
                sql.number(" WHERE s.account = ?", self.account);
                sql.number(" AND s.attribute = ?", attribute.0);
            }
            _ => {
                sql.number(" FROM resources AS r WHERE r.account = ?", self.account);
                sql.number(" AND r.resource_type = ?", self.resource_type.0);
            }
        }
        if *self.index_query != IndexQuery::Any {
            sql.push(" AND ");
            self.condition(sql, self.index_query);
        }
    }

    fn condition(&self, sql: &mut Sql, index_query: &IndexQuery) {
        match index_query {
            IndexQuery::Any => sql.push("1 = 1"),
            IndexQuery::Nothing => sql.push("1 = 0"),
            IndexQuery::Id(id) => sql.text("r.id = ?", id.as_str()),
            IndexQuery::Keys { attribute, range } => {
                sql.number("r.seq IN (SELECT v.resource FROM attribute_values AS v WHERE v.account = ?", self.account);
                sql.number(" AND v.attribute = ?", attribute.0);
                match range {
                    KeyRange::Equals(key) => sql.text(" AND v.key = ?", key),
                    KeyRange::Between { from, until } => {
                        from.iter().for_each(|key| sql.text(" AND v.key >= ?", key));
                        until.iter().for_each(|key| sql.text(" AND v.key < ?", key));
                    }
                }
                sql.push(")");
            }
            IndexQuery::LastModified { from, until } => {
                sql.push("1 = 1");
                from.iter().for_each(|time| sql.number(" AND r.last_modified >= ?", *time));
                until.iter().for_each(|time| sql.number(" AND r.last_modified < ?", *time));
            }
            IndexQuery::HasMember(id) => {
                sql.number("r.seq IN (SELECT m.group_seq FROM members AS m WHERE m.account = ?", self.account);
                sql.push(" AND m.member_seq IN (");
                self.named(sql, id);
                sql.push("))");
            }
            IndexQuery::MemberOf(id) => {
                let (before, after) = sql.inside.split_once('?').unwrap_or_default();
                sql.push(before);
                self.named(sql, id);
                sql.push(after);
                let accounts = after.matches('?').map(|_| Bind::number(self.account));
                sql.binds.extend(accounts);
            }
            IndexQuery::All(parts) => self.joined(sql, parts, " AND ", "1 = 1"),
            IndexQuery::AnyOf(parts) => self.joined(sql, parts, " OR ", "1 = 0"),
        }
    }

    /// The row of the resource with this id.
    fn named(&self, sql: &mut Sql, id: &Id) {
        sql.number("SELECT o.seq FROM resources AS o WHERE o.account = ?", self.account);
        sql.text(" AND o.id = ?", id.as_str());
    }

    fn joined(&self, sql: &mut Sql, parts: &[IndexQuery], joint: &str, empty: &str) {
        sql.push(if parts.is_empty() { empty } else { "(" });
        for (i, part) in parts.iter().enumerate() {
            sql.push(if i > 0 { joint } else { "" });
            self.condition(sql, part);
        }
        sql.push(if parts.is_empty() { "" } else { ")" });
    }
}

/// A statement in the making: a `?` for each value.
struct Sql {
    text: String,
    binds: Vec<Bind>,
    inside: &'static str,
    /// That a resource is of the account that its key is of.
    same_account: &'static str,
}

impl Sql {
    fn select(conn: &AnyConn, text: &str) -> Sql {
        let same_account = Dialects { sqlite: "", postgres: " AND r.account = s.account" }.of(conn);
        Sql { text: text.to_owned(), binds: Vec::new(), inside: INSIDE.of(conn), same_account }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn number(&mut self, text: &str, value: impl Into<i64>) {
        self.push(text);
        self.binds.push(Bind::number(value));
    }

    fn text(&mut self, text: &str, value: &str) {
        self.push(text);
        self.binds.push(Bind::Text(value.to_owned()));
    }
}

//! A [`Narrow`] as SQL, in one place for both databases.
//!
//! Each leaf is a condition on a resource: `r.seq IN (SELECT resource FROM attribute_values WHERE …)`. Values are bound; the
//! only text that varies is how leaves are combined.

use diesel::sql_types::BigInt;
use scim::Id;
use scim::narrow::{KeyRange, Narrow};
use scim::schema::ResourceTypeId;

use super::super::connection::AnyConn;
use super::super::error::DbError;
use super::super::resources::{Row, RowColumns};
use super::super::statement::{Bind, Statement};

/// The resources of one account and type that a [`Narrow`] holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidates<'a> {
    pub(super) account: i64,
    pub(super) resource_type: ResourceTypeId,
    pub(super) narrow: &'a Narrow,
}

impl Candidates<'_> {
    /// A page of them in creation order: after this row, skipping some.
    pub(super) fn rows(&self, conn: &mut AnyConn, after: i64, offset: i64, count: i64) -> Result<Vec<Row>, DbError> {
        let mut sql =
            Sql::select("SELECT r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document");
        self.write(&mut sql);
        sql.number(" AND r.seq > ?", after);
        sql.number(" ORDER BY r.seq LIMIT ?", count);
        sql.number(" OFFSET ?", offset);
        Statement::<RowColumns>::new(sql.text, sql.binds).load(conn)
    }

    /// How many there are.
    pub(super) fn count(&self, conn: &mut AnyConn) -> Result<i64, DbError> {
        let mut sql = Sql::select("SELECT count(*)");
        self.write(&mut sql);
        let count: Option<i64> = Statement::<BigInt>::new(sql.text, sql.binds).first(conn)?;
        Ok(count.unwrap_or(0))
    }

    fn write(&self, sql: &mut Sql) {
        sql.number(" FROM resources AS r WHERE r.account = ?", self.account);
        sql.number(" AND r.resource_type = ?", i64::from(self.resource_type.0));
        sql.push(" AND ");
        self.condition(sql, self.narrow);
    }

    fn condition(&self, sql: &mut Sql, narrow: &Narrow) {
        match narrow {
            Narrow::Any => sql.push("1 = 1"),
            Narrow::Nothing => sql.push("1 = 0"),
            Narrow::Id(id) => sql.text("r.id = ?", id.as_str()),
            Narrow::Keys { attribute, range } => {
                sql.number("r.seq IN (SELECT v.resource FROM attribute_values AS v WHERE v.account = ?", self.account);
                sql.number(" AND v.attribute = ?", i64::from(attribute.0));
                match range {
                    KeyRange::Equals(key) => sql.text(" AND v.key = ?", key),
                    KeyRange::Between { from, until } => {
                        from.iter().for_each(|key| sql.text(" AND v.key >= ?", key));
                        until.iter().for_each(|key| sql.text(" AND v.key < ?", key));
                    }
                }
                sql.push(")");
            }
            Narrow::LastModified { from, until } => {
                sql.push("1 = 1");
                from.iter().for_each(|time| sql.number(" AND r.last_modified >= ?", *time));
                until.iter().for_each(|time| sql.number(" AND r.last_modified < ?", *time));
            }
            Narrow::HasMember(id) => {
                self.related(sql, "r.seq IN (SELECT m.group_seq FROM members AS m WHERE m.member_seq IN ", id);
            }
            Narrow::MemberOf(id) => {
                self.related(sql, "r.seq IN (SELECT m.member_seq FROM members AS m WHERE m.group_seq IN ", id);
            }
            Narrow::All(parts) => self.joined(sql, parts, " AND ", "1 = 1"),
            Narrow::AnyOf(parts) => self.joined(sql, parts, " OR ", "1 = 0"),
        }
    }

    fn related(&self, sql: &mut Sql, text: &str, id: &Id) {
        sql.push(text);
        sql.number("(SELECT o.seq FROM resources AS o WHERE o.account = ?", self.account);
        sql.text(" AND o.id = ?))", id.as_str());
    }

    fn joined(&self, sql: &mut Sql, parts: &[Narrow], joint: &str, empty: &str) {
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
}

impl Sql {
    fn select(text: &str) -> Sql {
        Sql { text: text.to_owned(), binds: Vec::new() }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn number(&mut self, text: &str, value: i64) {
        self.push(text);
        self.binds.push(Bind::Number(value));
    }

    fn text(&mut self, text: &str, value: &str) {
        self.push(text);
        self.binds.push(Bind::Text(value.to_owned()));
    }
}

//! Who is in which group: rows, never part of a document, so that a change costs the same in a group of 10 and of 100 000.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, SmallInt, Text};
use diesel::sqlite::Sqlite;
use scim::Id;
use scim::resource::{GroupReference, Member};
use scim::schema::ResourceTypeId;
use scim::store::{Handle, MembershipChange, MembershipOutcome};

use super::connection::AnyConn;
use super::error::DbError;
use super::schema::{members, resources};
use super::statement::{Bind, Statement as Fixed};
use crate::each;

fn id(text: String) -> Result<Id, DbError> {
    Id::new(text).ok_or_else(|| DbError::Corrupt("a resource id".to_owned()))
}

const OF_GROUP: &str = "SELECT r.id, r.resource_type, r.display FROM members AS m JOIN resources AS r ON r.seq = m.member_seq \
     WHERE m.group_seq = ? AND r.account = ? ORDER BY m.member_seq";

const GROUPS_OF_SQLITE: &str = "SELECT m.member_seq, r.id, r.display FROM members AS m \
     JOIN resources AS r ON r.seq = m.group_seq \
     WHERE m.member_seq IN (SELECT value FROM json_each(?)) AND r.account = ? ORDER BY m.member_seq, m.group_seq";

const GROUPS_OF_POSTGRES: &str = "SELECT m.member_seq, r.id, r.display FROM members AS m \
     JOIN resources AS r ON r.seq = m.group_seq \
     WHERE m.member_seq IN (SELECT value::bigint FROM json_array_elements_text(?::json)) AND r.account = ? \
     ORDER BY m.member_seq, m.group_seq";

/// All members of a group, in the order of their creation.
pub(super) fn of_group(conn: &mut AnyConn, account: i64, group: i64) -> Result<Vec<Member>, DbError> {
    let binds = vec![Bind::Number(group), Bind::Number(account)];
    let rows: Vec<(String, i16, String)> = Fixed::<(Text, SmallInt, Text)>::new(OF_GROUP, binds).load(conn)?;
    rows.into_iter()
        .map(|(text, kind, display)| Ok(Member { id: id(text)?, resource_type: ResourceTypeId(kind), display }))
        .collect()
}

/// The groups that each of these is directly in.
pub(super) fn groups_of(
    conn: &mut AnyConn,
    account: i64,
    handles: &[Handle],
) -> Result<Vec<(Handle, GroupReference)>, DbError> {
    if handles.is_empty() {
        return Ok(Vec::new());
    }
    let seqs: Vec<i64> = handles.iter().map(|handle| handle.0).collect();
    let seqs = serde_json::to_string(&seqs).map_err(|e| DbError::Corrupt(e.to_string()))?;
    let text = match conn {
        AnyConn::Postgres(_) => GROUPS_OF_POSTGRES,
        AnyConn::Sqlite(_) => GROUPS_OF_SQLITE,
    };
    let rows: Vec<(i64, String, String)> =
        Fixed::<(BigInt, Text, Text)>::new(text, vec![Bind::Text(seqs), Bind::Number(account)]).load(conn)?;
    let reference = |(seq, text, display)| Ok((Handle(seq), GroupReference { id: id(text)?, display, direct: true }));
    rows.into_iter().map(reference).collect()
}

/// Moves the version of every group this resource is in.
pub(super) fn touch_groups_of(conn: &mut AnyConn, member: i64, now: i64) -> Result<(), DbError> {
    let mut groups: Vec<i64> = each!(&mut *conn, c => members::table
        .filter(members::member_seq.eq(member))
        .select(members::group_seq)
        .load(c))?;
    groups.sort_unstable(); // locks are taken in one order
    for group in groups {
        let row = resources::table.filter(resources::seq.eq(group));
        let moved = (resources::version.eq(resources::version + 1), resources::last_modified.eq(now));
        each!(&mut *conn, c => diesel::update(row).set(moved).execute(c))?;
    }
    Ok(())
}

/// Applies a change as a difference: no row of a member who stays is touched.
pub(super) fn change(
    conn: &mut AnyConn,
    account: i64,
    group: i64,
    change: &MembershipChange,
) -> Result<MembershipOutcome, DbError> {
    let mut outcome = MembershipOutcome::default();
    let joining = resolve(conn, account, group, &change.add)?;
    if joining.len() < change.add.len() {
        let known: std::collections::HashSet<&str> = joining.iter().map(|(id, _)| id.as_str()).collect();
        outcome.unknown = change.add.iter().filter(|id| !known.contains(id.as_str())).cloned().collect();
    }
    let joining: Vec<i64> = joining.into_iter().map(|(_, seq)| seq).collect();
    if change.clear {
        outcome.removed = execute(conn, Verb::LeaveUnless, group, &joining)?;
    } else if !change.remove.is_empty() {
        let leaving = resolve(conn, account, group, &change.remove)?;
        let leaving: Vec<i64> = leaving.into_iter().map(|(_, seq)| seq).collect();
        outcome.removed = execute(conn, Verb::Leave, group, &leaving)?;
    }
    if !joining.is_empty() {
        outcome.added = execute(conn, Verb::Join, group, &joining)?;
    }
    Ok(outcome)
}

/// Ids to numbers; ids of no resource, and the group itself, are left out. On PostgreSQL the resources found cannot be
/// deleted by others until this unit of work ends.
fn resolve(conn: &mut AnyConn, account: i64, group: i64, ids: &[Id]) -> Result<Vec<(String, i64)>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
    let found: Vec<(String, i64)> = match conn {
        AnyConn::Postgres(c) => diesel::RunQueryDsl::load(Resolve { account, ids, json: String::new() }, c)?,
        AnyConn::Sqlite(c) => {
            let json = serde_json::to_string(&ids).map_err(|e| DbError::Corrupt(e.to_string()))?;
            diesel::RunQueryDsl::load(Resolve { account, ids, json }, c)?
        }
    };
    Ok(found.into_iter().filter(|(_, seq)| *seq != group).collect())
}

/// The statements below take any number of ids: as an array on PostgreSQL, as JSON on SQLite. Their text never changes with
/// the number, so each is prepared once a connection.
struct Resolve<'a> {
    account: i64,
    ids: Vec<&'a str>,
    json: String,
}

impl diesel::query_builder::Query for Resolve<'_> {
    type SqlType = (Text, BigInt);
}
impl diesel::RunQueryDsl<PgConnection> for Resolve<'_> {}
impl diesel::RunQueryDsl<SqliteConnection> for Resolve<'_> {}
impl QueryId for Resolve<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Resolve<'_> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        sql.push_sql("SELECT id, seq FROM resources WHERE account = ");
        sql.push_bind_param::<BigInt, _>(&self.account)?;
        sql.push_sql(" AND id = ANY(");
        sql.push_bind_param::<Array<Text>, _>(&self.ids)?;
        sql.push_sql(") ORDER BY seq FOR KEY SHARE");
        Ok(())
    }
}

impl QueryFragment<Sqlite> for Resolve<'_> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        sql.push_sql("SELECT id, seq FROM resources WHERE account = ");
        sql.push_bind_param::<BigInt, _>(&self.account)?;
        sql.push_sql(" AND id IN (SELECT value FROM json_each(");
        sql.push_bind_param::<Text, _>(&self.json)?;
        sql.push_sql("))");
        Ok(())
    }
}

/// What happens to the members named.
#[derive(Clone, Copy)]
enum Verb {
    Join,
    Leave,
    /// Everybody leaves but them.
    LeaveUnless,
}

struct Statement<'a> {
    verb: Verb,
    group: i64,
    seqs: &'a [i64],
    json: String,
}

fn execute(conn: &mut AnyConn, verb: Verb, group: i64, seqs: &[i64]) -> Result<u64, DbError> {
    let rows = match conn {
        AnyConn::Postgres(c) => diesel::RunQueryDsl::execute(Statement { verb, group, seqs, json: String::new() }, c)?,
        AnyConn::Sqlite(c) => {
            let json = serde_json::to_string(seqs).map_err(|e| DbError::Corrupt(e.to_string()))?;
            diesel::RunQueryDsl::execute(Statement { verb, group, seqs, json }, c)?
        }
    };
    Ok(rows as u64)
}

impl diesel::RunQueryDsl<PgConnection> for Statement<'_> {}
impl diesel::RunQueryDsl<SqliteConnection> for Statement<'_> {}
impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self.verb {
            Verb::Join => {
                sql.push_sql("INSERT INTO members (group_seq, member_seq) SELECT ");
                sql.push_bind_param::<BigInt, _>(&self.group)?;
                sql.push_sql(", s FROM unnest(");
                sql.push_bind_param::<Array<BigInt>, _>(&self.seqs)?;
                sql.push_sql(") AS s ON CONFLICT DO NOTHING");
            }
            Verb::Leave => {
                sql.push_sql("DELETE FROM members WHERE group_seq = ");
                sql.push_bind_param::<BigInt, _>(&self.group)?;
                sql.push_sql(" AND member_seq = ANY(");
                sql.push_bind_param::<Array<BigInt>, _>(&self.seqs)?;
                sql.push_sql(")");
            }
            Verb::LeaveUnless => {
                sql.push_sql("DELETE FROM members AS m WHERE m.group_seq = ");
                sql.push_bind_param::<BigInt, _>(&self.group)?;
                sql.push_sql(" AND NOT EXISTS (SELECT 1 FROM unnest(");
                sql.push_bind_param::<Array<BigInt>, _>(&self.seqs)?;
                sql.push_sql(") AS s WHERE s = m.member_seq)");
            }
        }
        Ok(())
    }
}

impl QueryFragment<Sqlite> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        match self.verb {
            Verb::Join => {
                sql.push_sql("INSERT INTO members (group_seq, member_seq) SELECT ");
                sql.push_bind_param::<BigInt, _>(&self.group)?;
                sql.push_sql(", value FROM json_each(");
                sql.push_bind_param::<Text, _>(&self.json)?;
                sql.push_sql(") WHERE true ON CONFLICT DO NOTHING");
            }
            Verb::Leave | Verb::LeaveUnless => {
                sql.push_sql("DELETE FROM members WHERE group_seq = ");
                sql.push_bind_param::<BigInt, _>(&self.group)?;
                sql.push_sql(match self.verb {
                    Verb::LeaveUnless => " AND member_seq NOT IN (SELECT value FROM json_each(",
                    _ => " AND member_seq IN (SELECT value FROM json_each(",
                });
                sql.push_bind_param::<Text, _>(&self.json)?;
                sql.push_sql("))");
            }
        }
        Ok(())
    }
}

//! Who is in which group: rows, never part of a document, so that a change costs the same in a group of 10 and of 100 000.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, SmallInt, Text};
use scim::Id;
use scim::resource::{GroupReference, Member};
use scim::schema::ResourceTypeId;
use scim::store::{Handle, MembershipChange, MembershipOutcome};

use super::connection::AnyConn;
use super::error::DbError;
use super::schema::{members, resources};
use super::statement::{Bind, Dialects, Statement};
use crate::each;

fn id(text: String) -> Result<Id, DbError> {
    Id::new(text).ok_or_else(|| DbError::Corrupt("a resource id".to_owned()))
}

const OF_GROUP: &str = "SELECT r.id, r.resource_type, r.display FROM members AS m JOIN resources AS r ON r.seq = m.member_seq \
     WHERE m.group_seq = ? AND r.account = ? ORDER BY m.member_seq";

const GROUPS_OF: Dialects = Dialects {
    sqlite: "SELECT m.member_seq, r.id, r.display FROM members AS m JOIN resources AS r ON r.seq = m.group_seq \
         WHERE m.member_seq IN (SELECT value FROM json_each(?)) AND r.account = ? ORDER BY m.member_seq, m.group_seq",
    postgres: "SELECT m.member_seq, r.id, r.display FROM members AS m JOIN resources AS r ON r.seq = m.group_seq \
         WHERE m.member_seq IN (SELECT value::bigint FROM json_array_elements_text(?::json)) AND r.account = ? \
         ORDER BY m.member_seq, m.group_seq",
};

const RESOLVE: Dialects = Dialects {
    sqlite: "SELECT id, seq FROM resources WHERE account = ? AND id IN (SELECT value FROM json_each(?))",
    postgres: "SELECT id, seq FROM resources WHERE account = ? \
         AND id IN (SELECT value FROM json_array_elements_text(?::json)) ORDER BY seq FOR KEY SHARE",
};

const JOIN: Dialects = Dialects {
    sqlite: "INSERT INTO members (group_seq, member_seq) SELECT ?, value FROM json_each(?) WHERE true \
         ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO members (group_seq, member_seq) \
         SELECT ?, value::bigint FROM json_array_elements_text(?::json) ON CONFLICT DO NOTHING",
};

const LEAVE: Dialects = Dialects {
    sqlite: "DELETE FROM members WHERE group_seq = ? AND member_seq IN (SELECT value FROM json_each(?))",
    postgres: "DELETE FROM members WHERE group_seq = ? \
         AND member_seq IN (SELECT value::bigint FROM json_array_elements_text(?::json))",
};

/// Everybody leaves but these. No value is null, so `NOT IN` means what it says.
const LEAVE_UNLESS: Dialects = Dialects {
    sqlite: "DELETE FROM members WHERE group_seq = ? AND member_seq NOT IN (SELECT value FROM json_each(?))",
    postgres: "DELETE FROM members WHERE group_seq = ? \
         AND member_seq NOT IN (SELECT value::bigint FROM json_array_elements_text(?::json))",
};

/// All members of a group, in the order of their creation.
pub(super) fn of_group(conn: &mut AnyConn, account: i64, group: i64) -> Result<Vec<Member>, DbError> {
    let binds = vec![Bind::Number(group), Bind::Number(account)];
    let rows: Vec<(String, i16, String)> = Statement::<(Text, SmallInt, Text)>::new(OF_GROUP, binds).load(conn)?;
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
    let binds = vec![Bind::list(&seqs)?, Bind::Number(account)];
    let rows: Vec<(i64, String, String)> =
        Statement::<(BigInt, Text, Text)>::new(GROUPS_OF.of(conn), binds).load(conn)?;
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
pub(super) fn change(conn: &mut AnyConn, group: i64, change: &MembershipChange) -> Result<MembershipOutcome, DbError> {
    let mut outcome = MembershipOutcome::default();
    if change.clear {
        outcome.removed = apply(conn, LEAVE_UNLESS, group, &change.add)?;
    } else if !change.remove.is_empty() {
        outcome.removed = apply(conn, LEAVE, group, &change.remove)?;
    }
    if !change.add.is_empty() {
        outcome.added = apply(conn, JOIN, group, &change.add)?;
    }
    Ok(outcome)
}

/// Ids to numbers; ids of no resource are left out. On PostgreSQL the resources found cannot be deleted by others until this
/// unit of work ends.
pub(super) fn resolve(conn: &mut AnyConn, account: i64, ids: &[Id]) -> Result<Vec<(Id, Handle)>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
    let binds = vec![Bind::Number(account), Bind::list(&ids)?];
    let found: Vec<(String, i64)> = Statement::<(Text, BigInt)>::new(RESOLVE.of(conn), binds).load(conn)?;
    found.into_iter().map(|(text, seq)| Ok((id(text)?, Handle(seq)))).collect()
}

/// Runs one of the statements above for a group and these members.
fn apply(conn: &mut AnyConn, verb: Dialects, group: i64, members: &[Handle]) -> Result<u64, DbError> {
    let seqs: Vec<i64> = members.iter().map(|handle| handle.0).collect();
    Statement::<()>::new(verb.of(conn), vec![Bind::Number(group), Bind::list(&seqs)?]).execute(conn)
}

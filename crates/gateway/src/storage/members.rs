//! Who is in which group: rows, never part of a document, so that a change costs the same in a group of 10 and of 100 000.
//!
//! Both databases are told to look up one row after the other (`CROSS JOIN`, `LATERAL … OFFSET 0`): left to themselves, SQLite begins
//! with all resources of the account, and PostgreSQL, which cannot guess how few rows there will be, reads whole tables.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, SmallInt, Text};
use scim::resource::{GroupReference, Member};
use scim::schema::ResourceTypeId;
use scim::store::{Handle, MembershipChange, MembershipOutcome};
use scim::{Id, Members};

use super::access_history;
use super::backend::AnyConn;
use super::error::DbError;
use super::rows::Upward;
use super::schema::members;
use super::statement::{Bind, Dialects, Statement};
use crate::domain::ids::{AccountKey, ResourceKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

fn id(text: String) -> Result<Id, DbError> {
    Id::new(text).ok_or_else(|| DbError::Corrupt("a resource id".to_owned()))
}

const OF_GROUP: Dialects = Dialects {
    sqlite: "SELECT r.id, r.resource_type, r.display FROM members AS m CROSS JOIN resources AS r ON r.seq = m.member_seq \
         WHERE m.group_seq = ? AND r.account = ? ORDER BY m.member_seq LIMIT ?",
    postgres: "SELECT r.id, r.resource_type, r.display FROM members AS m \
         CROSS JOIN LATERAL (SELECT id, resource_type, display FROM resources WHERE account = ? AND seq = m.member_seq OFFSET 0) AS r \
         WHERE m.account = ? AND m.group_seq = ? ORDER BY m.member_seq LIMIT ?",
};

/// Every membership on a way up from these resources, each once however many ways lead there, so circles end. On SQLite only those that
/// begin at these, to be asked again of the groups found: what goes all the way up makes two tables to do so, for groups that are
/// seldom in groups.
const UPWARDS: Dialects = Dialects {
    sqlite: "SELECT m.member_seq, m.group_seq, r.id, r.display FROM json_each(?) AS inside \
         CROSS JOIN members AS m ON m.member_seq = inside.value CROSS JOIN resources AS r ON r.seq = m.group_seq WHERE r.account = ? LIMIT ?",
    postgres: "WITH RECURSIVE inside (seq) AS (SELECT value::bigint FROM json_array_elements_text(?::json) \
         UNION SELECT m.group_seq FROM inside \
         CROSS JOIN LATERAL (SELECT group_seq FROM members WHERE account = ? AND member_seq = inside.seq OFFSET 0) AS m) \
         SELECT inside.seq, m.group_seq, r.id, r.display FROM inside \
         CROSS JOIN LATERAL (SELECT group_seq FROM members WHERE account = ? AND member_seq = inside.seq OFFSET 0) AS m \
         CROSS JOIN LATERAL (SELECT id, display FROM resources WHERE account = ? AND seq = m.group_seq OFFSET 0) AS r LIMIT ?",
};

const HAS_MORE: &str =
    "SELECT member_seq FROM members WHERE account = ? AND group_seq = ? ORDER BY member_seq LIMIT 1 OFFSET ?";

const GROUPS_OF: &str = "SELECT group_seq FROM members WHERE account = ? AND member_seq = ?";

const TOUCH: &str = "UPDATE resources SET version = version + 1, last_modified = ? WHERE account = ? AND seq = ? RETURNING id, resource_type, display";

const LOOK_UP: Dialects = Dialects {
    sqlite: RESOLVE.sqlite,
    postgres: "SELECT r.id, r.seq, r.resource_type, r.display FROM json_array_elements_text(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT id, seq, resource_type, display FROM resources WHERE account = ? AND id = wanted.value OFFSET 0) AS r",
};

/// The ids come sorted, so that two who lock the same resources do so in one order.
const RESOLVE: Dialects = Dialects {
    sqlite: "SELECT r.id, r.seq, r.resource_type, r.display FROM json_each(?) AS wanted CROSS JOIN resources AS r \
         WHERE r.account = ? AND r.id = wanted.value",
    postgres: "SELECT r.id, r.seq, r.resource_type, r.display FROM json_array_elements_text(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT id, seq, resource_type, display FROM resources \
         WHERE account = ? AND id = wanted.value FOR KEY SHARE) AS r",
};

const JOIN: Dialects = Dialects {
    sqlite: "INSERT INTO members (account, group_seq, member_seq, since) SELECT ?, ?, value, ? FROM json_each(?) WHERE true \
         ON CONFLICT DO NOTHING RETURNING member_seq",
    postgres: "INSERT INTO members (account, group_seq, member_seq, since) \
         SELECT ?, ?, value::bigint, ? FROM json_array_elements_text(?::json) ON CONFLICT DO NOTHING RETURNING member_seq",
};

/// The same for those who were looked up and not held: who is new is held from here on, in one order. One who is gone by then has no number, which
/// means that the unit of work is run again (see [`has_changed`](super::error)).
const JOIN_HOLDING: Dialects = Dialects {
    sqlite: JOIN.sqlite,
    postgres: "WITH new AS MATERIALIZED (SELECT wanted.value::bigint AS seq FROM json_array_elements_text(?::json) AS wanted \
         WHERE NOT EXISTS (SELECT FROM members AS m WHERE m.account = ? AND m.group_seq = ? AND m.member_seq = wanted.value::bigint) ORDER BY 1) \
         INSERT INTO members (account, group_seq, member_seq, since) SELECT ?, ?, r.seq, ? FROM new LEFT JOIN LATERAL \
         (SELECT seq FROM resources WHERE account = ? AND seq = new.seq FOR KEY SHARE) AS r ON TRUE \
         ON CONFLICT DO NOTHING RETURNING member_seq",
};

/// Of those of whom it is known that they are not members.
const JOIN_KNOWN: &str = "INSERT INTO members (account, group_seq, member_seq, since) \
     SELECT ?, ?, value::bigint, ? FROM json_array_elements_text(?::json)";

/// Of those of whom it is known that they are. One who is not any more has no account in which it is kept (see [`has_changed`](super::error)).
const LEAVE_KNOWN: &str = "DELETE FROM members WHERE account = ? AND group_seq = ? \
     AND member_seq = ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text(?::json)))";
const KEEP_KNOWN: &str = "INSERT INTO past_members (account, group_seq, member_seq, since, until) \
     SELECT CASE WHEN m.member_seq IS NOT NULL THEN ?::bigint END, ?, wanted.value::bigint, m.since, ? \
     FROM json_array_elements_text(?::json) AS wanted LEFT JOIN LATERAL \
     (SELECT member_seq, since FROM members WHERE account = ? AND group_seq = ? AND member_seq = wanted.value::bigint OFFSET 0) AS m ON TRUE";

/// Before they leave, on SQLite, and where accounts lie on several nodes; else PostgreSQL does both in one statement.
const KEEP: Dialects = Dialects {
    sqlite: "INSERT INTO past_members (account, group_seq, member_seq, since, until) \
         SELECT ?, group_seq, member_seq, since, ? FROM members WHERE group_seq = ? AND member_seq IN (SELECT value FROM json_each(?))",
    postgres: "INSERT INTO past_members (account, group_seq, member_seq, since, until) \
         SELECT ?, group_seq, member_seq, since, ? FROM members WHERE account = ? AND group_seq = ? \
         AND member_seq = ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text(?::json)))",
};
const KEEP_UNLESS: Dialects = Dialects {
    sqlite: "INSERT INTO past_members (account, group_seq, member_seq, since, until) \
         SELECT ?, group_seq, member_seq, since, ? FROM members WHERE group_seq = ? AND member_seq NOT IN (SELECT value FROM json_each(?))",
    postgres: "INSERT INTO past_members (account, group_seq, member_seq, since, until) \
         SELECT ?, group_seq, member_seq, since, ? FROM members WHERE account = ? AND group_seq = ? \
         AND member_seq NOT IN (SELECT value::bigint FROM json_array_elements_text(?::json))",
};

const LEAVE: Dialects = Dialects {
    sqlite: "DELETE FROM members WHERE group_seq = ? AND member_seq IN (SELECT value FROM json_each(?)) RETURNING member_seq",
    postgres: "WITH gone AS (DELETE FROM members WHERE account = ? AND group_seq = ? \
         AND member_seq = ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text(?::json))) \
         RETURNING group_seq, member_seq, since), kept AS (INSERT INTO past_members (account, group_seq, member_seq, since, until) \
         SELECT ?, group_seq, member_seq, since, ? FROM gone) SELECT member_seq FROM gone",
};

/// After they were kept.
const LEFT: &str = "DELETE FROM members WHERE account = ? AND group_seq = ? \
     AND member_seq = ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text(?::json))) RETURNING member_seq";
const LEFT_UNLESS: &str = "DELETE FROM members WHERE account = ? AND group_seq = ? \
     AND member_seq NOT IN (SELECT value::bigint FROM json_array_elements_text(?::json)) RETURNING member_seq";

/// All members leave except these. No value is null, so `NOT IN` means what it says.
const LEAVE_UNLESS: Dialects = Dialects {
    sqlite: "DELETE FROM members WHERE group_seq = ? AND member_seq NOT IN (SELECT value FROM json_each(?)) RETURNING member_seq",
    postgres: "WITH gone AS (DELETE FROM members WHERE account = ? AND group_seq = ? \
         AND member_seq NOT IN (SELECT value::bigint FROM json_array_elements_text(?::json)) \
         RETURNING group_seq, member_seq, since), kept AS (INSERT INTO past_members (account, group_seq, member_seq, since, until) \
         SELECT ?, group_seq, member_seq, since, ? FROM gone) SELECT member_seq FROM gone",
};

const DESCRIBE: Dialects = Dialects {
    sqlite: "SELECT r.id, r.seq, r.resource_type, r.display FROM json_each(?) AS wanted CROSS JOIN resources AS r \
         ON r.seq = wanted.value WHERE r.account = ? ORDER BY r.seq",
    postgres: "SELECT r.id, r.seq, r.resource_type, r.display FROM json_array_elements_text(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT id, seq, resource_type, display FROM resources \
         WHERE seq = wanted.value::bigint AND account = ? OFFSET 0) AS r ORDER BY r.seq",
};

/// One more than so many rows shows that there are more.
fn one_more(most: usize) -> Bind {
    Bind::number(i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX))
}

/// Memberships on the ways up may be more than the groups that are found: groups can be in each other in many ways.
const FEW_EDGES: usize = 4;

/// All members of a group, in the order of their creation; `None` where they are more than so many.
pub(super) fn of_group(
    conn: &mut AnyConn,
    account: AccountKey,
    group: ResourceKey,
    most: usize,
) -> Result<Option<Vec<Member>>, DbError> {
    let binds = vec![Bind::number(group), one_more(most)];
    let rows: Vec<(String, i16, String)> =
        Statement::<(Text, SmallInt, Text)>::of_account(OF_GROUP.of(conn), account, binds).load(conn)?;
    if rows.len() > most {
        return Ok(None);
    }
    let member = |(text, kind, display)| Ok(Member { id: id(text)?, resource_type: ResourceTypeId(kind), display });
    rows.into_iter().map(member).collect::<Result<_, _>>().map(Some)
}

/// Whether a group has more members than this.
pub(super) fn has_more(
    conn: &mut AnyConn,
    account: AccountKey,
    group: ResourceKey,
    than: u32,
) -> Result<bool, DbError> {
    let binds = vec![Bind::number(group), Bind::number(than)];
    Ok(Statement::<BigInt>::of_account(HAS_MORE, account, binds).first::<i64>(conn)?.is_some())
}

/// The groups that each of these is in, directly or through other groups, at any depth. `None` where there are more pairs than so many.
pub(super) fn groups_of(
    conn: &mut AnyConn,
    account: AccountKey,
    handles: &[Handle],
    most: usize,
) -> Result<Option<Vec<(Handle, GroupReference)>>, DbError> {
    if handles.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let edges = most.max(handles.len()).saturating_mul(FEW_EDGES);
    let rows = upwards(conn, account, numbers(handles), edges)?;
    if rows.len() > edges {
        return Ok(None);
    }
    pairs(handles, rows, most)
}

/// All ways up from these, or one more than so many of them.
fn upwards(conn: &mut AnyConn, account: AccountKey, from: Vec<i64>, most: usize) -> Result<Vec<Upward>, DbError> {
    let goes_on = matches!(conn, AnyConn::Sqlite(_));
    let (mut found, mut seen) = (Vec::new(), from.iter().copied().collect::<HashSet<i64>>());
    let mut level = from;
    while !level.is_empty() && found.len() <= most {
        let binds = vec![Bind::list(&level)?, one_more(most - found.len())];
        let rows: Vec<Upward> =
            Statement::<(BigInt, BigInt, Text, Text)>::of_account(UPWARDS.of(conn), account, binds).load(conn)?;
        level = rows.iter().map(|(_, group, ..)| *group).filter(|group| goes_on && seen.insert(*group)).collect();
        found.extend(rows);
    }
    Ok(found)
}

/// The same, from all the ways up that there are.
pub(super) fn groups_by(handles: &[Handle], upwards: Vec<Upward>) -> Result<Vec<(Handle, GroupReference)>, DbError> {
    Ok(pairs(handles, upwards, usize::MAX)?.unwrap_or_default())
}

/// Ways up that were read as JSON, of a resource that may be in no group.
pub(super) fn upwards_of(json: Option<&str>) -> Result<Vec<Upward>, DbError> {
    json.map_or(Ok(Vec::new()), |json| {
        serde_json::from_str(json).map_err(|e| DbError::Corrupt(format!("the groups of a resource: {e}")))
    })
}

/// Each of these with each group that the ways up lead to; `None` where that is more than so many.
fn pairs(
    handles: &[Handle],
    upwards: Vec<Upward>,
    most: usize,
) -> Result<Option<Vec<(Handle, GroupReference)>>, DbError> {
    let mut groups: BTreeMap<i64, (Id, String)> = BTreeMap::new();
    let mut around: HashMap<i64, Vec<i64>> = HashMap::new();
    for (member, group, text, display) in upwards {
        around.entry(member).or_default().push(group);
        groups.insert(group, (id(text)?, display));
    }
    let mut found = Vec::new();
    for handle in handles {
        let direct = around.get(&handle.0).map(Vec::as_slice).unwrap_or_default();
        let mut all: BTreeSet<i64> = direct.iter().copied().collect();
        let mut new = direct.to_vec();
        while let Some(group) = new.pop() {
            new.extend(around.get(&group).into_iter().flatten().copied().filter(|outer| all.insert(*outer)));
        }
        all.remove(&handle.0);
        if found.len() + all.len() > most {
            return Ok(None);
        }
        for group in all {
            let (id, display) = groups[&group].clone();
            found.push((*handle, GroupReference { id, display, direct: direct.contains(&group) }));
        }
    }
    Ok(Some(found))
}

/// Moves the version of every group this resource is in, and says which groups these are.
pub(super) fn touch_groups_of(
    conn: &mut AnyConn,
    account: AccountKey,
    member: ResourceKey,
    now: Timestamp,
) -> Result<Vec<Member>, DbError> {
    let member = vec![Bind::number(member)];
    let mut groups: Vec<i64> = Statement::<BigInt>::of_account(GROUPS_OF, account, member).load_along(conn)?;
    groups.sort_unstable(); // locks are taken in one order
    let mut touched = Vec::with_capacity(groups.len());
    for group in groups {
        let binds = vec![Bind::Number(now.millis()), Bind::Number(group)];
        let found: Option<(String, i16, String)> =
            Statement::<(Text, SmallInt, Text)>::of_account(TOUCH, account, binds).first(conn)?;
        if let Some((text, kind, display)) = found {
            touched.push(Member { id: id(text)?, resource_type: ResourceTypeId(kind), display });
        }
    }
    Ok(touched)
}

/// All members leave a group that is deleted: the first of them, and how many they were.
pub(super) fn everyone_leaves(
    conn: &mut AnyConn,
    account: AccountKey,
    group: ResourceKey,
    now: Timestamp,
) -> Result<(Vec<Handle>, u64), DbError> {
    access_history::members_leave(conn, account, group.into(), now)?;
    let first = members::table
        .filter(members::account.eq(account))
        .filter(members::group_seq.eq(group))
        .order(members::member_seq)
        .limit(Members::NAMED as i64)
        .select(members::member_seq);
    let first: Vec<i64> = each!(&mut *conn, c => first.load(c))?;
    let all = members::table.filter(members::account.eq(account)).filter(members::group_seq.eq(group));
    let count = each!(&mut *conn, c => diesel::delete(all).execute(c))?;
    Ok((first.into_iter().map(Handle).collect(), count as u64))
}

/// What resources are as members, in the order of their numbers.
pub(super) fn describe(
    conn: &mut AnyConn,
    account: AccountKey,
    handles: &[Handle],
) -> Result<Vec<(Handle, Member)>, DbError> {
    if handles.is_empty() {
        return Ok(Vec::new());
    }
    let seqs: Vec<i64> = handles.iter().map(|handle| handle.0).collect();
    described(conn, DESCRIBE, vec![Bind::list(&seqs)?, Bind::number(account)])
}

fn described(conn: &mut AnyConn, text: Dialects, binds: Vec<Bind>) -> Result<Vec<(Handle, Member)>, DbError> {
    let found: Vec<(String, i64, i16, String)> =
        Statement::<(Text, BigInt, SmallInt, Text)>::new(text.of(conn), binds).load(conn)?;
    let member = |(text, seq, kind, display)| {
        Ok((Handle(seq), Member { id: id(text)?, resource_type: ResourceTypeId(kind), display }))
    };
    found.into_iter().map(member).collect()
}

/// Applies a change as a difference: no row of a member who stays is touched. Those who join are members since `now`, those who leave were
/// until then.
pub(super) fn change(
    conn: &mut AnyConn,
    account: AccountKey,
    group: ResourceKey,
    (change, are_held): (&MembershipChange, bool),
    now: Timestamp,
) -> Result<MembershipOutcome, DbError> {
    let mut outcome = MembershipOutcome::default();
    if change.clear {
        (outcome.left, outcome.removed) =
            leave(conn, (account, group, now), (KEEP_UNLESS, LEAVE_UNLESS, LEFT_UNLESS), &change.add)?;
    } else if !change.remove.is_empty() {
        (outcome.left, outcome.removed) = leave(conn, (account, group, now), (KEEP, LEAVE, LEFT), &change.remove)?;
    }
    if !change.add.is_empty() {
        let seqs = Bind::list(&numbers(&change.add))?;
        let (account, group) = (Bind::number(account), Bind::number(group));
        let joins = vec![account.clone(), group.clone(), Bind::number(now)];
        (outcome.joined, outcome.added) = match conn {
            AnyConn::Postgres(_) if !are_held => {
                let binds = [vec![seqs, account.clone(), group], joins, vec![account]].concat();
                apply(conn, JOIN_HOLDING, binds)?
            }
            _ => apply(conn, JOIN, [joins, vec![seqs]].concat())?,
        };
    }
    Ok(outcome)
}

/// Applies a change with the next statement, on PostgreSQL, where it is known who is no member and joins, and who is one and leaves.
pub(super) fn change_known(
    conn: &mut AnyConn,
    account: AccountKey,
    group: ResourceKey,
    (mut joined, mut left): (Vec<Handle>, Vec<Handle>),
    now: Timestamp,
) -> Result<MembershipOutcome, DbError> {
    let (account, group, now) = (Bind::number(account), Bind::number(group), Bind::number(now));
    if !joined.is_empty() {
        let binds = vec![account.clone(), group.clone(), now.clone(), Bind::list(&numbers(&joined))?];
        Statement::<()>::put_off(conn, JOIN_KNOWN, binds)?;
    }
    if !left.is_empty() {
        let seqs = Bind::list(&numbers(&left))?;
        Statement::<()>::put_off(conn, LEAVE_KNOWN, vec![account.clone(), group.clone(), seqs.clone()])?;
        Statement::<()>::put_off(conn, KEEP_KNOWN, vec![account.clone(), group.clone(), now, seqs, account, group])?;
    }
    let (added, removed) = (joined.len() as u64, left.len() as u64);
    joined.truncate(Members::NAMED);
    left.truncate(Members::NAMED);
    Ok(MembershipOutcome { joined, added, left, removed })
}

/// So many resources at most are held when they are named. Of more, most are members already as a rule: each lock is a write.
const FEW: usize = 200;

/// Whether so many resources are held from when they were named. Where accounts lie on several nodes all are: what fails there because one is
/// gone names a part of the table, and is not known as a lost race.
pub(super) fn holds(conn: &AnyConn, named: usize) -> bool {
    named <= FEW || conn.is_spread()
}

/// Ids to numbers and types; ids of no resource are left out. On PostgreSQL the resources found cannot be deleted by others until this
/// unit of work ends, unless it only reads or they are many.
pub(super) fn resolve(
    conn: &mut AnyConn,
    account: AccountKey,
    ids: &[Id],
    reads: bool,
) -> Result<Vec<(Handle, Member)>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    let binds = vec![Bind::list(&ids)?, Bind::number(account)];
    let text = if reads || !holds(conn, ids.len()) { LOOK_UP } else { RESOLVE };
    described(conn, text, binds)
}

/// Members leave, and that they were there is kept.
fn leave(
    conn: &mut AnyConn,
    (account, group, now): (AccountKey, ResourceKey, Timestamp),
    (keep, verb, left): (Dialects, Dialects, &'static str),
    members: &[Handle],
) -> Result<(Vec<Handle>, u64), DbError> {
    let seqs = Bind::list(&numbers(members))?;
    let (account, group, now) = (Bind::number(account), Bind::number(group), Bind::number(now));
    if matches!(conn, AnyConn::Sqlite(_)) {
        let binds = vec![account, now, group.clone(), seqs.clone()];
        Statement::<()>::new(keep.sqlite, binds).execute(conn)?;
        return apply(conn, verb, vec![group, seqs]);
    }
    if conn.is_spread() {
        let binds = vec![account.clone(), now, account.clone(), group.clone(), seqs.clone()];
        Statement::<()>::new(keep.postgres, binds).execute(conn)?;
        return apply(conn, Dialects { sqlite: left, postgres: left }, vec![account, group, seqs]);
    }
    apply(conn, verb, vec![account.clone(), group, seqs, account, now])
}

fn numbers(members: &[Handle]) -> Vec<i64> {
    members.iter().map(|handle| handle.0).collect()
}

/// Runs one of the statements above: the first members whom it concerned, and how many they were.
fn apply(conn: &mut AnyConn, verb: Dialects, binds: Vec<Bind>) -> Result<(Vec<Handle>, u64), DbError> {
    let mut changed: Vec<i64> = Statement::<BigInt>::new(verb.of(conn), binds).load(conn)?;
    changed.sort_unstable();
    let count = changed.len() as u64;
    changed.truncate(Members::NAMED);
    Ok((changed.into_iter().map(Handle).collect(), count))
}

//! The chain of the audit trail: a row that is changed, removed or inserted breaks it, and only the installation's keys can mend it.
//!
//! Rows are written without looking at their neighbours, so that writers never wait for each other. The worker takes the rows
//! that have no seal yet, in batches, and seals each batch as a *segment*: a keyed hash over its rows, over its own columns and over
//! the hash of the segment before. Rows belong to a segment by their mark and not by their number, because on PostgreSQL a
//! transaction may commit a lower number after a higher one. The head of the chain, and where it begins after old segments were
//! removed, are noted under a keyed hash too. The first head is noted when the installation is made, so its absence means something.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use oauth::Keyring;

use super::AuditRecord;
use crate::domain::ids::AccountKey;
use crate::each;
use crate::platform::timestamp::Timestamp;
use crate::storage::backend::AnyConn;
use crate::storage::error::DbError;
use crate::storage::schema::{audit, audit_segments};
use crate::storage::statement::{Bind, Statement};
use crate::storage::tx::Tx;

mod head_file;
mod link;
mod verify;

pub use head_file::HeadFile;
pub use link::Link;
pub use verify::ChainVerdict;

/// Keeps two replicas from sealing at once; the number is arbitrary.
const LOCK: &str = "pg_try_advisory_xact_lock(7274916650813)";
/// Where in `installation` the last link is noted, and the last link that was removed.
const HEAD: &str = "audit_head";
const ANCHOR: &str = "audit_anchor";
/// On SQLite the oldest rows without a seal are all up to the last of them: no other transaction writes meanwhile.
const MARK: &str = "UPDATE audit SET segment = ? WHERE segment IS NULL AND seq <= ?";
/// No segment has more rows: what claims one beyond that is not read.
const MOST_ROWS: i64 = 10_000;

#[derive(Debug, Clone, Queryable)]
struct Segment {
    number: i64,
    first: i64,
    last: i64,
    entries: i64,
    newest: Timestamp,
    sealed: Timestamp,
    hash: Vec<u8>,
}

/// A batch of rows that was sealed.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// How many.
    pub rows: u64,
    /// The head of the chain since then.
    pub head: Link,
    /// The note of the head before was missing or forged, or did not fit the segments or what is known outside the database. The chain says so
    /// from here on.
    pub is_broken: bool,
}

/// Why old rows stay: their segment, by its number, is not what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotWhole(pub i64);

impl Segment {
    fn of(number: i64, rows: &[AuditRecord], sealed: Timestamp) -> Segment {
        Segment {
            number,
            first: rows.iter().map(|row| row.seq).min().unwrap_or_default(),
            last: rows.iter().map(|row| row.seq).max().unwrap_or_default(),
            entries: rows.len() as i64,
            newest: rows.iter().map(|row| row.at).max().unwrap_or_default(),
            sealed,
            hash: Vec::new(),
        }
    }

    fn link(&self) -> Link {
        Link { number: self.number, hash: self.hash.clone() }
    }

    /// The hash over the hash before, every column of the segment and every column of every row, as JSON, which is unambiguous.
    fn seal(&self, keys: &Keyring, before: &Link, rows: &[AuditRecord]) -> Result<Vec<u8>, DbError> {
        let columns = (self.number, self.first, self.last, self.entries, self.newest, self.sealed);
        tag(keys, "audit segment and its columns", &(&before.hash, columns, columns_of(rows)))
    }

    /// As segments were sealed before their own columns were part of it.
    fn seal_of_rows_alone(&self, keys: &Keyring, before: &Link, rows: &[AuditRecord]) -> Result<Vec<u8>, DbError> {
        tag(keys, "audit segment", &(self.number, &before.hash, columns_of(rows)))
    }

    /// Whether this segment and these rows are what was sealed after that link.
    fn is_sealed_after(&self, keys: &Keyring, before: &Link, rows: &[AuditRecord]) -> Result<bool, DbError> {
        if self.seal(keys, before, rows)? == self.hash {
            return Ok(true);
        }
        // What the rows themselves say about an older segment's columns.
        let said = Segment::of(self.number, rows, self.sealed);
        let fits =
            (said.first, said.last, said.entries, said.newest) == (self.first, self.last, self.entries, self.newest);
        Ok(fits && self.seal_of_rows_alone(keys, before, rows)? == self.hash)
    }
}

fn tag(keys: &Keyring, name: &str, sealed: &impl serde::Serialize) -> Result<Vec<u8>, DbError> {
    let bytes = serde_json::to_vec(sealed).map_err(|e| DbError::Corrupt(format!("the audit trail: {e}")))?;
    Ok(keys.tag(name, &bytes).to_vec())
}

/// Every column of each row but its mark.
fn columns_of(rows: &[AuditRecord]) -> Vec<Columns<'_>> {
    rows.iter().map(Columns::of).collect()
}

type Text<'a> = &'a Option<String>;
type Row<'a> = (i64, Timestamp, Option<AccountKey>, &'a str, &'a str, Text<'a>, Text<'a>, Text<'a>, Text<'a>);

/// A row without names is sealed as rows were before there were names, and one without a request as before there were requests. Each has another
/// form, so no row reads as another.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Columns<'a> {
    Nameless(Row<'a>),
    Named(Row<'a>, [Text<'a>; 4]),
    Requested(Row<'a>, [Text<'a>; 4], &'a str),
}

impl Columns<'_> {
    fn of(r: &AuditRecord) -> Columns<'_> {
        let row = (r.seq, r.at, r.account, &*r.actor, &*r.action, &r.target, &r.address, &r.detail, &r.changes);
        let names = [&r.actor_name, &r.target_name, &r.account_id, &r.account_name];
        match &r.request_id {
            Some(request) => Columns::Requested(row, names, request),
            None if names.iter().all(|name| name.is_none()) => Columns::Nameless(row),
            None => Columns::Named(row, names),
        }
    }
}

impl Tx<'_> {
    /// Notes the beginning of the chain, once, when the installation is made.
    pub fn begin_audit_chain(&mut self, keys: &Keyring) -> Result<(), DbError> {
        self.establish_fact(HEAD, &Link::beginning().note(keys, HEAD)).map(drop)
    }

    /// The head of the chain as noted; `None` if the note is missing or forged.
    pub fn audit_head(&mut self, keys: &Keyring) -> Result<Option<Link>, DbError> {
        Ok(self.installation_value(HEAD)?.and_then(|note| Link::noted(keys, HEAD, &note)))
    }

    /// How many rows wait for their seal.
    pub fn audit_waiting(&mut self) -> Result<i64, DbError> {
        let waiting = audit::table.filter(audit::segment.is_null()).count();
        Ok(each!(&mut *self.conn, c => waiting.get_result(c))?)
    }

    /// About how many rows are under seal: no fewer than there are.
    pub fn audit_sealed(&mut self) -> Result<i64, DbError> {
        let first = audit_segments::table.order(audit_segments::number).select(audit_segments::first);
        let last = audit_segments::table.order(audit_segments::number.desc()).select(audit_segments::last);
        let (first, last): (Option<i64>, Option<i64>) =
            each!(&mut *self.conn, c => (first.first(c).optional()?, last.first(c).optional()?));
        Ok(first.zip(last).map_or(0, |(first, last)| last - first + 1))
    }

    /// Seals the oldest rows that have no seal, at most `limit`. `None` if there are none, or while another replica seals.
    ///
    /// The chain goes on from the head that was noted, so segments that were removed since leave a gap. `known` is a head of this chain that was
    /// kept outside the database: where the chain has lost it, it was cut off and the note of its head put back.
    pub fn seal_audit(
        &mut self,
        keys: &Keyring,
        now: Timestamp,
        limit: i64,
        known: Option<&Link>,
    ) -> Result<Option<Sealed>, DbError> {
        if let AnyConn::Postgres(c) = &mut *self.conn
            && !diesel::select(diesel::dsl::sql::<Bool>(LOCK)).get_result::<bool>(c.begun())?
        {
            return Ok(None);
        }
        let query = audit::table.filter(audit::segment.is_null()).order(audit::seq).limit(limit.min(MOST_ROWS));
        let rows: Vec<AuditRecord> = each!(&mut *self.conn, c => query.load(c))?;
        if rows.is_empty() {
            return Ok(None);
        }
        let query = audit_segments::table.select(diesel::dsl::max(audit_segments::number));
        let last: Option<i64> = each!(&mut *self.conn, c => query.get_result(c))?;
        let head = self.audit_head(keys)?;
        let furthest = [last, head.as_ref().map(|head| head.number), known.map(|known| known.number)];
        let furthest = furthest.into_iter().flatten().max().unwrap_or_default();
        let (before, is_broken) = match head {
            Some(head) if furthest == head.number && self.has_link(keys, &head, known)? => (head, false),
            _ => (Link::broken(furthest), true),
        };
        let mut segment = Segment::of(before.number + 1, &rows, now);
        segment.hash = segment.seal(keys, &before, &rows)?;
        let columns = (
            audit_segments::number.eq(segment.number),
            audit_segments::first.eq(segment.first),
            audit_segments::last.eq(segment.last),
            audit_segments::entries.eq(segment.entries),
            audit_segments::newest.eq(segment.newest),
            audit_segments::sealed.eq(segment.sealed),
            audit_segments::hash.eq(&segment.hash),
        );
        each!(&mut *self.conn, c => diesel::insert_into(audit_segments::table).values(columns).execute(c))?;
        if let AnyConn::Postgres(c) = &mut *self.conn {
            let members: Vec<i64> = rows.iter().map(|row| row.seq).collect();
            let marked = audit::table.filter(audit::seq.eq_any(members));
            diesel::update(marked).set(audit::segment.eq(segment.number)).execute(c.begun())?;
        } else {
            Statement::<()>::new(MARK, vec![Bind::Number(segment.number), Bind::Number(segment.last)])
                .execute(self.conn)?;
        }
        let head = segment.link();
        self.set_installation_value(HEAD, &head.note(keys, HEAD))?;
        Ok(Some(Sealed { rows: rows.len() as u64, head, is_broken }))
    }

    /// Removes the oldest segment if all of it is from before that time; says how many rows that were. The chain then begins after
    /// it. A segment is removed only if it is what was sealed: its rows say how old they are, and not a column beside them.
    pub fn forget_audit(&mut self, keys: &Keyring, before: Timestamp) -> Result<Result<u64, NotWhole>, DbError> {
        let Some(oldest) = self.segment_after(i64::MIN)? else { return Ok(Ok(0)) };
        let anchor = match self.installation_value(ANCHOR)? {
            None => Link::beginning(),
            Some(note) => match Link::noted(keys, ANCHOR, &note) {
                Some(anchor) => anchor,
                None => return Ok(Err(NotWhole(oldest.number))),
            },
        };
        let rows = self.rows_of(oldest.number)?;
        let is_whole = oldest.number == anchor.number + 1
            && (oldest.is_sealed_after(keys, &anchor, &rows)?
                || oldest.is_sealed_after(keys, &Link::broken(anchor.number), &rows)?);
        if !is_whole {
            return Ok(Err(NotWhole(oldest.number)));
        }
        if rows.iter().any(|row| row.at >= before) {
            return Ok(Ok(0));
        }
        let segment = audit_segments::table.filter(audit_segments::number.eq(oldest.number));
        let removed = each!(&mut *self.conn, c => {
            let removed = diesel::delete(audit::table.filter(audit::segment.eq(oldest.number))).execute(c)?;
            diesel::delete(segment).execute(c)?;
            removed
        });
        self.set_installation_value(ANCHOR, &oldest.link().note(keys, ANCHOR))?;
        Ok(Ok(removed as u64 + 1))
    }

    /// Whether a link that is known is this head or one of the links before it, which may have been removed as old.
    fn has_link(&mut self, keys: &Keyring, head: &Link, known: Option<&Link>) -> Result<bool, DbError> {
        let Some(known) = known.filter(|known| *known != head) else { return Ok(true) };
        match self.segment_after(known.number - 1)? {
            Some(segment) if segment.number == known.number => Ok(segment.hash == known.hash),
            _ => {
                let anchor = self.installation_value(ANCHOR)?.and_then(|note| Link::noted(keys, ANCHOR, &note));
                Ok(known.number <= anchor.map_or(0, |anchor| anchor.number))
            }
        }
    }

    fn segment_after(&mut self, number: i64) -> Result<Option<Segment>, DbError> {
        let query =
            audit_segments::table.filter(audit_segments::number.gt(number)).order(audit_segments::number).limit(1);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// The rows that claim a segment.
    fn rows_of(&mut self, segment: i64) -> Result<Vec<AuditRecord>, DbError> {
        let query = audit::table.filter(audit::segment.eq(segment)).order(audit::seq).limit(MOST_ROWS + 1);
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }
}

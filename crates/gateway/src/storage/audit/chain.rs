//! The chain of the audit trail: whoever changes, removes or slips in a row breaks it, and cannot mend it without the master key.
//!
//! Rows are written without a thought of their neighbours, so that writers never wait for each other. The worker takes what has
//! no seal yet, in batches, and seals each batch as a *segment*: a keyed hash over its rows and over the hash of the segment before.
//! Rows belong to a segment by their own mark and not by their number, for on PostgreSQL a transaction may commit a lower number
//! after a higher one. The head of the chain, and where it begins after old segments were let go, are noted under a keyed hash too.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use oauth::Keyring;

use super::Record;
use crate::storage::connection::AnyConn;
use crate::storage::error::DbError;
use crate::storage::schema::{audit, audit_segments};
use crate::storage::tx::Tx;
use crate::{each, system};

/// Keeps two replicas from sealing at once; the number is arbitrary.
const LOCK: &str = "pg_try_advisory_xact_lock(7274916650813)";
/// Where in `installation` the last link is noted, and the last link that was let go.
const HEAD: &str = "audit_head";
const ANCHOR: &str = "audit_anchor";
/// A row that has waited longer for its seal is worth a word.
const LATE: i64 = 10 * 60 * 1000;

#[derive(Debug, Clone, Queryable)]
struct Segment {
    number: i64,
    first: i64,
    last: i64,
    entries: i64,
    newest: i64,
    sealed: i64,
    hash: Vec<u8>,
}

/// A link as the next one knows it. As text: its number, a colon, its hash in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// From 1; 0 is the beginning.
    pub number: i64,
    hash: Vec<u8>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What does not fit, in sentences; nothing if the trail is whole.
    pub breaks: Vec<String>,
    /// Rows under seal.
    pub sealed: i64,
    /// Rows that wait for their seal.
    pub waiting: i64,
    /// Those of them that have waited for more than ten minutes.
    pub late: i64,
    /// Segments let go because they were old.
    pub forgotten: i64,
    /// The last link.
    pub head: Link,
}

impl Link {
    fn beginning() -> Link {
        Link { number: 0, hash: vec![0; 32] }
    }

    /// Noted so that nobody without the key can note another.
    fn note(&self, keys: &Keyring, name: &str) -> String {
        format!("{self}:{}", hex(&keys.tag(name, self.to_string().as_bytes())))
    }

    fn noted(keys: &Keyring, name: &str, note: &str) -> Option<Link> {
        let (link, _) = note.rsplit_once(':')?;
        let link: Link = link.parse().ok()?;
        (link.note(keys, name) == note).then_some(link)
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.number, hex(&self.hash))
    }
}

impl std::str::FromStr for Link {
    type Err = String;

    fn from_str(text: &str) -> Result<Link, String> {
        let wrong = || format!("`{text}` is not a head as `gateway audit verify` prints it: NUMBER:HASH");
        let (number, hash) = text.split_once(':').ok_or_else(wrong)?;
        let digits = hash.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2)
        });
        let hash: Option<Vec<u8>> = digits.collect();
        Ok(Link {
            number: number.parse().map_err(|_| wrong())?,
            hash: hash.filter(|hash| hash.len() == 32).ok_or_else(wrong)?,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of a segment: its number, the hash before, and every column of every row, as JSON, which is unambiguous.
fn sealed(keys: &Keyring, before: &Link, rows: &[Record]) -> Result<Vec<u8>, DbError> {
    let rows: Vec<_> = rows
        .iter()
        .map(|r| (r.seq, r.at, r.account, &r.actor, &r.action, &r.target, &r.address, &r.detail, &r.changes))
        .collect();
    let bytes = serde_json::to_vec(&(before.number + 1, &before.hash, rows))
        .map_err(|e| DbError::Corrupt(format!("the audit trail: {e}")))?;
    Ok(keys.tag("audit segment", &bytes).to_vec())
}

impl Tx<'_> {
    /// Seals the oldest rows that have no seal, at most `limit`; says how many. Nothing while another replica is at it.
    pub fn seal_audit(&mut self, keys: &Keyring, now: i64, limit: i64) -> Result<u64, DbError> {
        if let AnyConn::Postgres(c) = &mut *self.conn
            && !diesel::select(diesel::dsl::sql::<Bool>(LOCK)).get_result::<bool>(c)?
        {
            return Ok(0);
        }
        let query = audit::table.filter(audit::segment.is_null()).order(audit::seq).limit(limit);
        let rows: Vec<Record> = each!(&mut *self.conn, c => query.load(c))?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(0) };
        let newest = rows.iter().map(|row| row.at).max().unwrap_or(now);
        let before = self.last_link(keys)?;
        let link = Link { number: before.number + 1, hash: sealed(keys, &before, &rows)? };
        let segment = (
            audit_segments::number.eq(link.number),
            audit_segments::first.eq(first.seq),
            audit_segments::last.eq(last.seq),
            audit_segments::entries.eq(rows.len() as i64),
            audit_segments::newest.eq(newest),
            audit_segments::sealed.eq(now),
            audit_segments::hash.eq(&link.hash),
        );
        let members: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        let marked = audit::table.filter(audit::seq.eq_any(members));
        each!(&mut *self.conn, c => {
            diesel::insert_into(audit_segments::table).values(segment).execute(c)?;
            diesel::update(marked).set(audit::segment.eq(link.number)).execute(c)?
        });
        self.set_fact(HEAD, &link.note(keys, HEAD))?;
        Ok(rows.len() as u64)
    }

    fn last_link(&mut self, keys: &Keyring) -> Result<Link, DbError> {
        let query = audit_segments::table.order(audit_segments::number.desc()).limit(1);
        let last: Option<Segment> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        match last {
            Some(segment) => Ok(Link { number: segment.number, hash: segment.hash }),
            // All of it was let go, or there never was any. A note that is not ours is for the verification to find.
            None => {
                let noted = self.fact(ANCHOR)?.and_then(|note| Link::noted(keys, ANCHOR, &note));
                Ok(noted.unwrap_or_else(Link::beginning))
            }
        }
    }

    /// Lets the oldest segment go if all of it is from before that time; says how many rows went. The chain then begins after it.
    pub fn forget_audit(&mut self, keys: &Keyring, before: i64) -> Result<u64, DbError> {
        let query = audit_segments::table.order(audit_segments::number).limit(1);
        let oldest: Option<Segment> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        let Some(oldest) = oldest.filter(|segment| segment.newest < before) else { return Ok(0) };
        let rows = rows_of(&oldest);
        let segment = audit_segments::table.filter(audit_segments::number.eq(oldest.number));
        let removed = each!(&mut *self.conn, c => {
            let removed = diesel::delete(rows).execute(c)?;
            diesel::delete(segment).execute(c)?;
            removed
        });
        let link = Link { number: oldest.number, hash: oldest.hash };
        self.set_fact(ANCHOR, &link.note(keys, ANCHOR))?;
        Ok(removed as u64 + 1)
    }

    /// Goes through the whole chain. `expected` is a head that was noted elsewhere: it must be a link of this chain.
    pub fn verify_audit(&mut self, keys: &Keyring, now: i64, expected: Option<&Link>) -> Result<Verdict, DbError> {
        let mut breaks = Vec::new();
        let mut link = match self.fact(ANCHOR)? {
            None => Link::beginning(),
            Some(note) => Link::noted(keys, ANCHOR, &note).unwrap_or_else(|| {
                breaks.push("the note of where the trail begins was forged".to_owned());
                Link::beginning()
            }),
        };
        let forgotten = link.number;
        let mut met = expected.is_none_or(|expected| *expected == link || expected.number < forgotten);
        let mut total = 0;
        loop {
            let query = audit_segments::table
                .filter(audit_segments::number.gt(link.number))
                .order(audit_segments::number)
                .limit(1);
            let segment: Option<Segment> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
            let Some(segment) = segment else { break };
            if segment.number != link.number + 1 {
                breaks.push(match segment.number - link.number {
                    2 => format!("segment {} is missing", link.number + 1),
                    _ => format!("segments {} to {} are missing", link.number + 1, segment.number - 1),
                });
                link.number = segment.number - 1;
            }
            let query = rows_of(&segment).order(audit::seq);
            let rows: Vec<Record> = each!(&mut *self.conn, c => query.load(c))?;
            let range = format!(
                "segment {} (rows {} to {}, sealed {})",
                segment.number,
                segment.first,
                segment.last,
                system::rfc3339(segment.sealed)
            );
            if rows.len() as i64 != segment.entries {
                breaks.push(format!("{range}: {} rows were sealed and {} are there", segment.entries, rows.len()));
            } else if sealed(keys, &link, &rows)? != segment.hash {
                breaks.push(format!("{range}: a row, or what comes before the segment, is not what was sealed"));
            }
            total += rows.len() as i64;
            link = Link { number: segment.number, hash: segment.hash };
            met = met || expected == Some(&link);
        }
        match self.fact(HEAD)?.map(|note| Link::noted(keys, HEAD, &note)) {
            Some(Some(head)) if head == link => {}
            Some(Some(head)) => {
                breaks.push(format!("the trail ends at segment {}; it had {}", link.number, head.number))
            }
            Some(None) => breaks.push("the note of where the trail ends was forged".to_owned()),
            None if link.number == 0 => {}
            None => breaks.push("the note of where the trail ends is missing".to_owned()),
        }
        if !met {
            breaks.push("the head that was expected is not in this trail".to_owned());
        }
        let strangers = audit::table
            .filter(audit::segment.le(forgotten).or(audit::segment.gt(link.number)).assume_not_null())
            .count();
        let waiting = audit::table.filter(audit::segment.is_null());
        let late = waiting.filter(audit::at.lt(now - LATE)).count();
        let (strangers, waiting, late): (i64, i64, i64) = each!(&mut *self.conn, c => {
            (strangers.get_result(c)?, waiting.count().get_result(c)?, late.get_result(c)?)
        });
        if strangers > 0 {
            breaks.push(format!("{strangers} rows claim a segment that does not exist"));
        }
        Ok(Verdict { breaks, sealed: total, waiting, late, forgotten, head: link })
    }
}

/// The rows of a segment, found by where they lie.
#[diesel::dsl::auto_type(no_type_alias)]
fn rows_of(segment: &Segment) -> _ {
    let (first, last, number): (i64, i64, i64) = (segment.first, segment.last, segment.number);
    audit::table.filter(audit::seq.between(first, last)).filter(audit::segment.eq(number))
}

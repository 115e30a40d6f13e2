//! Going through the whole chain. It only reads.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oauth::Keyring;

use super::{ANCHOR, HEAD, Link, MOST_ROWS, Segment};
use crate::each;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::audit::AuditRecord;
use crate::storage::backend::AnyConn;
use crate::storage::error::DbError;
use crate::storage::schema::audit;
use crate::storage::statement::{Bind, Statement};
use crate::storage::tx::Tx;

/// A row that has waited longer for its seal is worth a word.
const LATE: i64 = 10 * 60 * 1000;

/// What was found.
#[derive(Debug, Clone)]
pub struct ChainVerdict {
    /// What does not fit, in sentences; nothing if the trail is whole.
    pub breaks: Vec<String>,
    /// Rows under seal.
    pub sealed: i64,
    /// Rows that wait for their seal.
    pub waiting: i64,
    /// Those of them that have waited for more than ten minutes.
    pub late: i64,
    /// Segments removed because they were old.
    pub forgotten: i64,
    /// The last link.
    pub head: Link,
}

impl Tx<'_> {
    /// Goes through the whole chain. `expected` are heads that were noted elsewhere: each must be a link of this chain.
    pub fn verify_audit<'l>(
        &mut self,
        keys: &Keyring,
        now: Timestamp,
        expected: impl IntoIterator<Item = &'l Link>,
    ) -> Result<ChainVerdict, DbError> {
        let mut breaks = Vec::new();
        let mut link = match self.installation_value(ANCHOR)? {
            None => Link::beginning(),
            Some(note) => Link::noted(keys, ANCHOR, &note).unwrap_or_else(|| {
                breaks.push("the note of where the trail begins was forged".to_owned());
                Link::beginning()
            }),
        };
        let forgotten = link.number;
        let mut expected: Vec<&Link> =
            expected.into_iter().filter(|head| **head != link && head.number >= forgotten).collect();
        let mut total = 0;
        if let Some(first) = self.segment_after(i64::MIN)?
            && first.number <= forgotten
        {
            breaks.push(format!("there is a segment {}, and the trail begins after {forgotten}", first.number));
        }
        while let Some(segment) = self.segment_after(link.number)? {
            if segment.number != link.number + 1 {
                breaks.push(match segment.number - link.number {
                    2 => format!("segment {} is missing", link.number + 1),
                    _ => format!("segments {} to {} are missing", link.number + 1, segment.number - 1),
                });
                link.number = segment.number - 1;
            }
            let rows = self.rows_of(segment.number)?;
            breaks.extend(judge(keys, &link, &segment, &rows)?);
            total += rows.len() as i64;
            link = segment.link();
            expected.retain(|head| **head != link);
        }
        match self.installation_value(HEAD)?.map(|note| Link::noted(keys, HEAD, &note)) {
            Some(Some(head)) if head == link => {}
            Some(Some(head)) => {
                breaks.push(format!(
                    "the trail ends at segment {}; the note of its end says {}",
                    link.number, head.number
                ));
            }
            Some(None) => breaks.push("the note of where the trail ends was forged".to_owned()),
            None => breaks.push("the note of where the trail ends is missing".to_owned()),
        }
        breaks.extend(expected.iter().map(|head| match head.number > link.number {
            true => format!(
                "the trail ends at segment {}, and a head that was kept elsewhere is of segment {}: what is newest was cut off, or this is an \
                 older copy",
                link.number, head.number
            ),
            false => format!("segment {} is not the one whose head was kept elsewhere: the trail was replaced", head.number),
        }));
        breaks.extend(self.vanished(keys)?);
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
        Ok(ChainVerdict { breaks, sealed: total, waiting, late, forgotten, head: link })
    }
}

impl Tx<'_> {
    /// Notes that the numbers of the rows so far may have gaps: they came from PostgreSQL, where a gap means nothing.
    pub fn excuse_gaps(&mut self, keys: &Keyring) -> Result<(), DbError> {
        let last = audit::table.select(diesel::dsl::max(audit::seq));
        let last: Option<i64> = each!(&mut *self.conn, c => last.get_result(c))?;
        let last = Link { number: last.unwrap_or_default(), ..Link::beginning() };
        self.set_installation_value(WITH_GAPS, &last.note(keys, WITH_GAPS))
    }

    /// Rows that were given a number and are not there. SQLite gives the numbers of a transaction back that is not committed, so the trail has no
    /// gaps; in PostgreSQL a gap means nothing, nor does one that came from there.
    fn vanished(&mut self, keys: &Keyring) -> Result<Option<String>, DbError> {
        if matches!(self.conn, AnyConn::Postgres(_)) {
            return Ok(None);
        }
        let excused = self.installation_value(WITH_GAPS)?.and_then(|note| Link::noted(keys, WITH_GAPS, &note));
        let excused = excused.map_or(0, |last| last.number);
        let row = Statement::<(BigInt, BigInt, BigInt)>::new(NUMBERED, vec![Bind::Number(excused)])
            .first::<(i64, i64, i64)>(self.conn)?;
        let (given, first, there) = row.unwrap_or_default();
        // Where none is left, the oldest went as old, and nothing says which the newest was.
        let is_young = self.installation_value(ANCHOR)?.is_none();
        let first = if is_young { excused + 1 } else { first };
        let missing = given - first + 1 - there;
        Ok((missing > 0 && (there > 0 || is_young)).then(|| {
            format!(
                "{missing} rows are gone that were written: the last one had the number {given}, and {there} are there"
            )
        }))
    }
}

/// Where in `installation` is noted up to which row the numbers of the trail may have gaps.
const WITH_GAPS: &str = "audit_with_gaps";
/// The last number that a row of the trail was given; the first that is there, of those after a number; how many are.
const NUMBERED: &str = "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0), COALESCE(min(seq), 0), count(*) \
     FROM audit WHERE seq > ?";

/// What does not fit about a segment and the rows that claim it.
fn judge(keys: &Keyring, before: &Link, segment: &Segment, rows: &[AuditRecord]) -> Result<Option<String>, DbError> {
    let Segment { number, first, last, entries, sealed, .. } = *segment;
    let range = format!("segment {number} (rows {first} to {last}, sealed {})", system::rfc3339(sealed));
    Ok(if rows.len() as i64 > MOST_ROWS {
        Some(format!("{range}: more than {MOST_ROWS} rows claim to belong to it"))
    } else if segment.is_sealed_after(keys, before, rows)? {
        None
    } else if segment.is_sealed_after(keys, &Link::broken(before.number), rows)? {
        Some(format!(
            "{range}: when it was sealed, the note of where the trail ended was missing or did not fit; what was there before may \
             have been cut off"
        ))
    } else if rows.len() as i64 != entries {
        Some(format!("{range}: {entries} rows were sealed and {} are there", rows.len()))
    } else {
        Some(format!("{range}: a row, the segment itself, or what comes before it, is not what was sealed"))
    })
}

//! Since when requests have been recorded: silence is told only of a time in which a client would have been heard.

use crate::platform::timestamp::Timestamp;
use crate::storage::{DbError, Tx};

/// In `installation`: since when requests have been recorded without a break, and until when that is known.
const RECORDED: &str = "health_recorded";
/// While requests are recorded this is noted so often, in milliseconds.
const NOTED: i64 = 3_600_000;
/// After so long without a note, recording had stopped.
const BREAK: i64 = 6 * NOTED;

/// A time during which requests were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    since: Timestamp,
    until: Timestamp,
}

impl Span {
    fn read(text: &str) -> Option<Span> {
        let (since, until) = text.split_once(':')?;
        let time = |text: &str| text.parse().ok().map(Timestamp::of_millis);
        Some(Span { since: time(since)?, until: time(until)? })
    }

    /// Whether it lasts until this time.
    fn reaches(&self, now: Timestamp) -> bool {
        now - self.until < BREAK
    }
}

/// Since when requests have been recorded without a break, if they are.
pub(super) fn since(tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<Timestamp>, DbError> {
    let noted = tx.installation_value(RECORDED)?;
    let span = noted.as_deref().and_then(Span::read);
    Ok(span.filter(|span| span.reaches(now)).map(|span| span.since))
}

/// Whether it is time to note that requests are recorded. Only reads.
pub fn is_due(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let noted = tx.installation_value(RECORDED)?.as_deref().and_then(Span::read);
    Ok(noted.is_none_or(|span| now - span.until >= NOTED))
}

/// Notes that requests are recorded at this time.
pub fn note(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    let noted = tx.installation_value(RECORDED)?.as_deref().and_then(Span::read);
    let since = match noted {
        Some(span) if now - span.until < NOTED => return Ok(()),
        Some(span) if span.reaches(now) => span.since,
        _ => now,
    };
    tx.set_installation_value(RECORDED, &format!("{since}:{now}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn a_break_of_hours_ends_the_time_that_is_known() {
        let span = Span::read("5:1000").expect("a span");
        assert_eq!(span, Span { since: ms(5), until: ms(1000) });
        assert!(span.reaches(ms(1000 + BREAK - 1)) && !span.reaches(ms(1000 + BREAK)));
        assert_eq!([Span::read(""), Span::read("5"), Span::read("a:b")], [None, None, None]);
    }
}

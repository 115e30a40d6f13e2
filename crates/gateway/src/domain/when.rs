//! Times as pages show them: in words for people, and as machines read them.

use crate::platform::timestamp::Timestamp;

/// A time on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// As RFC 3339 has it.
    pub iso: String,
    /// In words, in UTC.
    pub words: String,
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn formatted(at: Timestamp, as_words: &str) -> When {
    let time = chrono::DateTime::from_timestamp_millis(at.millis()).unwrap_or_default();
    When { iso: time.format("%Y-%m-%dT%H:%M:%SZ").to_string(), words: time.format(as_words).to_string() }
}

impl When {
    /// `26 Nov 2026, 14:20`
    pub fn at(at: Timestamp) -> When {
        formatted(at, "%-d %b %Y, %H:%M")
    }

    /// `26 Nov 2026, 14:20:08`
    pub fn to_the_second(at: Timestamp) -> When {
        formatted(at, "%-d %b %Y, %H:%M:%S")
    }

    /// `26 Nov 2026`
    pub fn day(at: Timestamp) -> When {
        formatted(at, "%-d %b %Y")
    }

    /// `4 minutes ago`; what is longer ago than a month is a day.
    pub fn ago(at: Timestamp, now: Timestamp) -> When {
        let passed = (now - at).max(0);
        match span(passed) {
            _ if passed < MINUTE => When { words: "just now".to_owned(), ..When::at(at) },
            Some(span) => When { words: format!("{span} ago"), ..When::at(at) },
            None => When::day(at),
        }
    }

    /// `in 12 days`; what is farther ahead than a year is a day.
    pub fn ahead(at: Timestamp, now: Timestamp) -> When {
        let left = at - now;
        match left {
            ..=0 => When { words: "now".to_owned(), ..When::at(at) },
            _ if left < MINUTE => When { words: "in a moment".to_owned(), ..When::at(at) },
            _ if left < 366 * DAY => {
                let words = span(left).unwrap_or_else(|| count(left / DAY, "day"));
                When { words: format!("in {words}"), ..When::at(at) }
            }
            _ => When::day(at),
        }
    }
}

fn count(n: i64, unit: &str) -> String {
    if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") }
}

/// A length of time in its largest unit, up to a month.
fn span(length: i64) -> Option<String> {
    let units = [(31 * DAY, 0, ""), (DAY, DAY, "day"), (HOUR, HOUR, "hour"), (0, MINUTE, "minute")];
    let (_, size, unit) = units.into_iter().find(|(from, ..)| length >= *from)?;
    (size > 0).then(|| count(length / size, unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn times_are_short_and_say_how_long_ago_they_were() {
        let now = ms(1_795_703_608_000); // 26 November 2026, 14:33:28
        assert_eq!(When::at(now).words, "26 Nov 2026, 14:33");
        assert_eq!(
            When::to_the_second(now),
            When { iso: "2026-11-26T14:33:28Z".into(), words: "26 Nov 2026, 14:33:28".into() }
        );
        let ago = |passed| When::ago(now - passed, now).words;
        let told = [0, 59 * SECOND, MINUTE, 4 * MINUTE, HOUR, 23 * HOUR, DAY, 30 * DAY].map(ago);
        let expected = [
            "just now",
            "just now",
            "1 minute ago",
            "4 minutes ago",
            "1 hour ago",
            "23 hours ago",
            "1 day ago",
            "30 days ago",
        ];
        assert_eq!(told, expected);
        assert_eq!(ago(40 * DAY), "17 Oct 2026");
        assert_eq!(ago(-HOUR), "just now", "another server's clock");
        let ahead = |left| When::ahead(now + left, now).words;
        let told = [-DAY, SECOND, 5 * MINUTE, DAY, 12 * DAY, 180 * DAY].map(ahead);
        assert_eq!(told, ["now", "in a moment", "in 5 minutes", "in 1 day", "in 12 days", "in 180 days"]);
        assert_eq!(ahead(400 * DAY), "31 Dec 2027");
    }
}

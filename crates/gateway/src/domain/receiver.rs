//! Receivers of the feed: to whom every change is delivered, in which form, and what an answer means for those that follow.
//!
//! A receiver has a position in the feed. Its events are sent one after the other, and the position moves past each that was taken. What is
//! not taken is tried again ([`pause_after`]), and what follows waits: while a receiver is away, the one event at its position is sent from
//! time to time, and nothing else. An event that is refused again and again while one that follows it is taken becomes a dead letter.

use std::time::Duration;

pub mod standard_webhook;

/// How long an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How many bytes of an answer are read.
pub const READ: usize = 4 << 10;
/// How many characters of an answer are kept.
pub const KEPT: usize = 300;
/// How many dead letters of a receiver are kept. One that has so many is held: it is told so, and nothing is lost.
pub const MOST_DEAD_LETTERS: i64 = 1_000;
/// How many of the latest deliveries to a receiver are kept.
pub const DELIVERIES_KEPT: i64 = 100;
/// How many of the events that follow are tried, before one is called a dead letter.
pub const TRIED_AHEAD: usize = 5;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
/// The pauses of Standard Webhooks, as far as they are no longer than an hour: a receiver that comes back shall not wait for half a day. One request an
/// hour is no load, for all that waits is behind it.
const PAUSES: [i64; 4] = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 60 * MINUTE];
/// What a receiver asks for by `Retry-After` is kept between these.
const RETRY_AFTER: std::ops::RangeInclusive<i64> = 5 * SECOND..=24 * 60 * MINUTE;

/// The table of forms.
macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident $code:literal),* $(,)?) => {
        /// How an event becomes a request, and what the answer to it means. What is said in each form is written in
        /// `services/deliveries/forms.rs`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Form {
            $($(#[$doc])* $name,)*
        }

        impl Form {
            /// All of them.
            pub const ALL: &[Form] = &[$(Form::$name),*];

            /// As it stands in the database and in metrics.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Form::$name => $code,)*
                }
            }
        }
    };
}

forms! {
    /// A webhook, as the Standard Webhooks specify it.
    StandardWebhook "standard-webhook",
    /// A stream of security event tokens that is pushed (RFC 8935). Its receiver has the id of the stream.
    SecurityEvent "security-event",
}

impl Form {
    /// The form of this code.
    pub fn parse(code: &str) -> Option<Form> {
        Form::ALL.iter().copied().find(|form| form.code() == code)
    }
}

/// Whether a receiver gets anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Enabled,
    /// An operator holds it.
    Paused,
    /// It has said that it is gone (410).
    Stopped,
    /// What follows its position is not kept any more: it has to begin anew, with a snapshot.
    Lost,
}

impl State {
    /// All of them.
    pub const ALL: [State; 4] = [State::Enabled, State::Paused, State::Stopped, State::Lost];

    /// As it stands in the database and in answers.
    pub const fn code(self) -> &'static str {
        match self {
            State::Enabled => "enabled",
            State::Paused => "paused",
            State::Stopped => "stopped",
            State::Lost => "lost",
        }
    }

    /// The state of this code.
    pub fn parse(code: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// What an answer means for the event, and for those that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The receiver has it.
    Taken,
    /// It does not take this, as it says; others perhaps.
    Refused(String),
    /// It could not take it now. `retry_after` is in milliseconds.
    Failed {
        /// Why not, for people.
        problem: String,
        /// After how long it asks to be tried again.
        retry_after: Option<i64>,
    },
    /// No answer came: no other event would do better.
    Unreachable(String),
    /// It takes no more, for ever.
    Gone(String),
}

impl Reply {
    /// All of what [`outcome`](Reply::outcome) says.
    pub const OUTCOMES: [&str; 5] = ["taken", "refused", "failed", "unreachable", "gone"];

    /// How it is counted.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Reply::Taken => "taken",
            Reply::Refused(_) => "refused",
            Reply::Failed { .. } => "failed",
            Reply::Unreachable(_) => "unreachable",
            Reply::Gone(_) => "gone",
        }
    }

    /// Why it was not taken.
    pub fn problem(&self) -> Option<&str> {
        match self {
            Reply::Taken => None,
            Reply::Refused(problem)
            | Reply::Failed { problem, .. }
            | Reply::Unreachable(problem)
            | Reply::Gone(problem) => Some(problem),
        }
    }

    /// After so many tries, those that follow are tried too, which shows whether it is this event or the receiver.
    pub const fn tries_before_others(&self) -> Option<i64> {
        match self {
            Reply::Refused(_) => Some(3),
            Reply::Failed { retry_after: None, .. } => Some(5),
            Reply::Taken | Reply::Failed { .. } | Reply::Unreachable(_) | Reply::Gone(_) => None,
        }
    }
}

/// How long to wait after so many tries, the first of them being 1, in milliseconds; `chance` is any number, and makes the pause up to a fifth longer.
pub fn pause_after(tries: i64, retry_after: Option<i64>, chance: u64) -> i64 {
    let which = usize::try_from(tries - 1).unwrap_or(0).min(PAUSES.len() - 1);
    let pause = match retry_after {
        Some(asked) => asked.clamp(*RETRY_AFTER.start(), *RETRY_AFTER.end()),
        None => PAUSES[which],
    };
    pause + i64::try_from(chance % u64::try_from(pause / 5).unwrap_or(1).max(1)).unwrap_or(0)
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date; in milliseconds from `now`, which is in milliseconds since the epoch.
pub fn retry_after(header: &str, now: i64) -> Option<i64> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(i64::from(seconds) * SECOND);
    }
    let date = chrono::DateTime::parse_from_rfc2822(header).ok()?;
    Some((date.timestamp_millis() - now).max(0))
}

/// The beginning of what a receiver answered, on one line.
pub fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(KEPT).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Types of events as a receiver keeps them: with a comma before and after each.
pub fn listed(types: &[super::feed::EventType]) -> String {
    types.iter().fold(",".to_owned(), |list, kind| list + kind.code() + ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour_and_what_is_asked_for_is_kept_within_bounds() {
        let of = |tries| pause_after(tries, None, 0);
        assert_eq!([1, 2, 3, 4, 5, 1000].map(|tries| of(tries) / SECOND), [5, 300, 1800, 3600, 3600, 3600]);
        assert_eq!([0, 7 * SECOND, i64::MAX].map(|asked| pause_after(3, Some(asked), 0) / SECOND), [5, 7, 86_400]);
        for chance in [1, 7, u64::MAX] {
            assert!((5 * SECOND..6 * SECOND).contains(&pause_after(1, None, chance)));
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date_and_else_not_at_all() {
        let now = 1_445_412_420_000; // 21 Oct 2015 07:27:00
        assert_eq!(retry_after("120", now), Some(120_000));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(60_000));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:26:00 GMT", now), Some(0));
        for bad in ["", "-1", "soon", "99999999999999999999"] {
            assert_eq!(retry_after(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn an_answer_is_kept_as_one_short_line() {
        assert_eq!(shown(b"<h1>\r\n No\x00\tway </h1>\n"), "<h1> No way </h1>");
        assert_eq!(shown(&[b'x'; 5000]).len(), KEPT);
        assert_eq!(shown(&[0xff, b'a']), "\u{fffd}a");
    }

    #[test]
    fn forms_and_states_are_found_by_their_codes() {
        assert!(Form::ALL.iter().all(|form| Form::parse(form.code()) == Some(*form)));
        assert!(State::ALL.iter().all(|state| State::parse(state.code()) == Some(*state)));
        assert_eq!((Form::parse("fax"), State::parse("")), (None, None));
    }
}

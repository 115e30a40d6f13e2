//! The health of a client's connection: a pure rule over facts. What is true of a connection gives reasons, and the worst reason decides
//! its state ([why so](../../../../docs/decisions/0053-what-is-a-healthy-connection.md)).
//!
//! A Customer Success Manager reads the sentences to customers: each says what is so, with names and dates, and is no guess. What is not
//! known gives no reason.

use std::fmt::Write;

use crate::domain::wording::day;
use crate::platform::timestamp::Timestamp;

mod access;
mod activity;
mod contents;
mod credentials;
mod facts;
mod reason;
mod step;
mod traffic;
mod watch;

pub use activity::{Activity, Days, Moment, Seen, Visit};
pub use facts::{
    AccountFacts, ClientFacts, Connection, Credential, Ended, Facts, FieldFacts, Misspelt, Pending, Refusal, Refusals,
};
pub use reason::{Reason, ReasonCode, Severity};
pub use step::Step;
pub use watch::{HealthChange, Settling, Watched};

/// A day, in milliseconds.
pub const DAY: i64 = 86_400_000;

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HealthState {
    /// The client has not connected yet.
    NeverUsed,
    /// Nothing is to be done.
    Ok,
    /// Something will break, or does not do what is expected.
    Attention,
    /// It does not work.
    Broken,
}

impl HealthState {
    /// All of them.
    pub const ALL: [HealthState; 4] =
        [HealthState::NeverUsed, HealthState::Ok, HealthState::Attention, HealthState::Broken];

    /// As it is stored and answered.
    pub const fn as_str(self) -> &'static str {
        match self {
            HealthState::NeverUsed => "never_used",
            HealthState::Ok => "ok",
            HealthState::Attention => "attention",
            HealthState::Broken => "broken",
        }
    }

    /// In people's words.
    pub const fn words(self) -> &'static str {
        match self {
            HealthState::NeverUsed => "Not connected yet",
            HealthState::Ok => "Working",
            HealthState::Attention => "Needs attention",
            HealthState::Broken => "Not working",
        }
    }

    /// The class, and the icon, that pages show it by.
    pub const fn look(self) -> &'static str {
        match self {
            HealthState::NeverUsed => "neutral",
            HealthState::Ok => "ok",
            HealthState::Attention => "attention",
            HealthState::Broken => "broken",
        }
    }

    /// The state that is called so.
    pub fn parse(text: &str) -> Option<HealthState> {
        HealthState::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether a person has to do something.
    pub fn is_unwell(self) -> bool {
        matches!(self, HealthState::Attention | HealthState::Broken)
    }
}

/// From when on something is worth a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthPolicy {
    /// What expires within so many milliseconds is told.
    pub expiry: i64,
    /// A client that is silent for less is never told to be, in milliseconds.
    pub silence: i64,
    /// Fewer refusals in a day are not told,
    pub refused_requests: usize,
    /// nor those that are a smaller share of what was asked.
    pub refused_percent: i64,
    /// Of fewer requests it is not said what never arrives.
    pub field_requests: i64,
}

impl Default for HealthPolicy {
    fn default() -> HealthPolicy {
        HealthPolicy {
            expiry: 30 * DAY,
            silence: 7 * DAY,
            refused_requests: 10,
            refused_percent: 10,
            field_requests: 10,
        }
    }
}

/// What was found: the state and the reasons for it, the worst first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The state.
    pub state: HealthState,
    /// The reasons.
    pub reasons: Vec<Reason>,
}

impl Finding {
    /// What these facts mean at this time.
    pub fn of(facts: &Facts, policy: &HealthPolicy, now: Timestamp) -> Finding {
        let mut reasons = Vec::new();
        access::judge(facts, policy, now, &mut reasons);
        credentials::judge(facts, policy, now, &mut reasons);
        traffic::judge(facts, policy, now, &mut reasons);
        contents::judge(facts, policy, now, &mut reasons);
        // The order of the table is that of what is told of equally bad reasons.
        reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.code.severity()), reason.code));
        let worst = reasons.first().map_or(Severity::Information, |reason| reason.code.severity());
        let state = match worst {
            Severity::Information => HealthState::Ok,
            Severity::NeverUsed => HealthState::NeverUsed,
            Severity::Attention => HealthState::Attention,
            Severity::Broken => HealthState::Broken,
        };
        Finding { state, reasons }
    }
}

/// `on 26 November 2026, in 3 days`
fn ahead(end: Timestamp, now: Timestamp) -> String {
    let days = (end - now).max(0) / DAY;
    let rest = match days {
        0 => "within a day".to_owned(),
        1 => "in a day".to_owned(),
        _ => format!("in {days} days"),
    };
    format!("on {}, {rest}", day(end))
}

/// `once`, `3 times`
fn times(count: i64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// `1 day`, `3 days`
fn of_days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// `a, b and c`; of many the first few.
fn listed(names: &[String]) -> String {
    const NAMED: usize = 5;
    let mut text = String::new();
    let more = names.len().saturating_sub(NAMED);
    let shown = &names[..names.len() - more];
    for (index, name) in shown.iter().enumerate() {
        let joint = match index {
            0 => "",
            _ if index + 1 == shown.len() && more == 0 => " and ",
            _ => ", ",
        };
        text.push_str(joint);
        text.push_str(name);
    }
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests;

//! What `GET /admin/audit` is asked: each parameter is read once, and a bad one is told with what would be right.

use serde_json::{Value, json};

use crate::domain::actor::Actor;
use crate::domain::described::query::FromText;
use crate::domain::described::{Components, Described, FieldError};
use crate::domain::event::Action;
use crate::http::edge::problem::Problem;
use crate::platform::timestamp::Timestamp;
use crate::services::audit_export::ExportFormat;

/// No id is longer.
const LONGEST: usize = 300;

/// Who acted: the code of an actor.
#[derive(Debug, Clone)]
pub(in crate::http::admin) struct ActorCode(pub(in crate::http::admin) String);

/// An id of anything.
#[derive(Debug, Clone)]
pub(in crate::http::admin) struct AnyId(pub(in crate::http::admin) String);

/// What was done: the code of an action.
#[derive(Debug, Clone, Copy)]
pub(in crate::http::admin) struct ActionCode(pub(in crate::http::admin) Action);

/// A time, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub(in crate::http::admin) struct Moment(pub(in crate::http::admin) Timestamp);

/// The form of a file.
#[derive(Debug, Clone, Copy)]
pub(in crate::http::admin) struct FormatName(pub(in crate::http::admin) ExportFormat);

impl Described for FormatName {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "enum": ["jsonl", "csv"]})
    }
}

impl FromText for FormatName {
    fn from_text(text: &str) -> Result<FormatName, String> {
        ExportFormat::named(text).map(FormatName).ok_or_else(|| "must be jsonl or csv".to_owned())
    }
}

impl Described for ActorCode {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string"})
    }
}

impl FromText for ActorCode {
    fn from_text(text: &str) -> Result<ActorCode, String> {
        match is_id(text) && Actor::is_code(text) {
            true => Ok(ActorCode(text.to_owned())),
            false => Err(format!("must be {}", Actor::CODES)),
        }
    }
}

impl Described for AnyId {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string"})
    }
}

impl FromText for AnyId {
    fn from_text(text: &str) -> Result<AnyId, String> {
        let wrong = || format!("must be an id, of 1 to {LONGEST} bytes and without control characters");
        if is_id(text) { Ok(AnyId(text.to_owned())) } else { Err(wrong()) }
    }
}

impl Described for ActionCode {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string"})
    }
}

impl FromText for ActionCode {
    fn from_text(text: &str) -> Result<ActionCode, String> {
        Action::parse(text).map(ActionCode).ok_or_else(|| unknown(text))
    }
}

impl Described for Moment {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "format": "date-time"})
    }
}

impl FromText for Moment {
    fn from_text(text: &str) -> Result<Moment, String> {
        // In a query `+` is a space; the sign of an offset is meant.
        let time = chrono::DateTime::parse_from_rfc3339(&text.replace(' ', "+"));
        let wrong = |_| "must be a time as in RFC 3339: 2026-11-26T10:00:00Z".to_owned();
        time.map(|time| Moment(Timestamp::of_millis(time.timestamp_millis()))).map_err(wrong)
    }
}

/// Both ends of a span of time, which has to be one.
pub(super) fn between(
    from: Option<Moment>,
    to: Option<Moment>,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let (from, to) = (from.map(|Moment(from)| from), to.map(|Moment(to)| to));
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        let detail = "must be after `from`: rows from `from` on and before `to` are answered".to_owned();
        return Err(Problem::invalid(vec![FieldError { field: "to".to_owned(), detail }]));
    }
    Ok((from, to))
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control)
}

/// Names the actions on the same thing, or else the things there are.
fn unknown(text: &str) -> String {
    let noun = |code: &'static str| code.split('.').next().unwrap_or_default();
    let asked = text.split('.').next().unwrap_or_default();
    let codes = || Action::ALL.iter().map(|action| action.code());
    let same: Vec<&str> = codes().filter(|code| noun(code) == asked).collect();
    if !same.is_empty() {
        return format!("must be an action of the trail: of {asked} there are {}", same.join(", "));
    }
    let mut nouns: Vec<&str> = codes().map(noun).collect();
    nouns.sort_unstable();
    nouns.dedup();
    format!("must be an action of the trail, such as user.patched; there are actions on {}", nouns.join(", "))
}

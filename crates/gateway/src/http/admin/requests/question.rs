//! What the request log is asked: each parameter is read once, and a bad one is told with what would be right.

use serde_json::{Value, json};

use crate::domain::described::query::FromText;
use crate::domain::described::{Components, Described};
use crate::domain::request::{RefusalCode, RequestId};
use crate::domain::wording::beginning;
use crate::http::edge::problem::Problem;

/// No id or name is longer.
const LONGEST: usize = 300;
/// No text that is pasted is longer.
const PASTED: usize = 8000;

macro_rules! plain_text {
    ($($name:ty),*) => {
        $(impl Described for $name {
            fn schema(_: &mut Components) -> Value {
                json!({"type": "string"})
            }
        })*
    };
}
plain_text!(StatusRange, TargetText, PastedText);

impl Described for Code {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "enum": RefusalCode::names()})
    }
}

/// Statuses, from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::admin) struct StatusRange {
    pub(in crate::http::admin) least: i32,
    pub(in crate::http::admin) most: i32,
}

impl FromText for StatusRange {
    fn from_text(text: &str) -> Result<StatusRange, String> {
        let wrong = || "must be a status such as 409, or a class of them: 2xx, 3xx, 4xx or 5xx".to_owned();
        if let Some(class) = text.strip_suffix("xx") {
            let class: i32 = class.parse().ok().filter(|class| (1..=5).contains(class)).ok_or_else(wrong)?;
            return Ok(StatusRange { least: class * 100, most: class * 100 + 99 });
        }
        let status = text.parse().ok().filter(|status| (100..=599).contains(status)).ok_or_else(wrong)?;
        Ok(StatusRange { least: status, most: status })
    }
}

/// The id or the name of what a request was about.
#[derive(Debug, Clone)]
pub(in crate::http::admin) struct TargetText(pub(in crate::http::admin) String);

impl FromText for TargetText {
    fn from_text(text: &str) -> Result<TargetText, String> {
        match !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control) {
            true => Ok(TargetText(text.to_owned())),
            false => Err(format!("must be an id or a name, of 1 to {LONGEST} bytes and without control characters")),
        }
    }
}

/// The code of a refusal.
#[derive(Debug, Clone, Copy)]
pub(in crate::http::admin) struct Code(pub(in crate::http::admin) RefusalCode);

impl FromText for Code {
    fn from_text(text: &str) -> Result<Code, String> {
        RefusalCode::named(text).map(Code).ok_or_else(|| {
            let shown = beginning(text, LONGEST);
            match RefusalCode::nearest(shown).join(", ") {
                near if near.is_empty() => {
                    format!("is `{shown}`, and no refusal has that code; docs/why-did-it-fail.md lists all there are")
                }
                near => format!("is `{shown}`, and no refusal has that code; the nearest: {near}"),
            }
        })
    }
}

/// What was pasted.
#[derive(Debug, Clone)]
pub(in crate::http::admin) struct PastedText(pub(in crate::http::admin) String);

impl FromText for PastedText {
    fn from_text(text: &str) -> Result<PastedText, String> {
        match !text.trim().is_empty() && text.len() <= PASTED {
            true => Ok(PastedText(text.to_owned())),
            false => Err(format!("must be the text that the identity provider shows, of at most {PASTED} bytes")),
        }
    }
}

/// The id of a request, in a path.
pub(in crate::http::admin) struct RequestIdText(pub(in crate::http::admin) String);

impl RequestIdText {
    pub(in crate::http::admin) fn of(text: &str) -> Result<RequestIdText, Problem> {
        match RequestId::given(text) {
            Some(id) => Ok(RequestIdText(id.to_string())),
            None => Err(Problem::not_found("recorded request", text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_one_that_there_is_and_another_is_told_the_nearest() {
        assert_eq!(Code::from_text("uniqueness").unwrap().0.name(), "uniqueness");
        for (asked, says) in [
            ("uniquenes", "is `uniquenes`, and no refusal has that code; the nearest: uniqueness"),
            ("xyzzy", "docs/why-did-it-fail.md"),
            ("", "docs/why-did-it-fail.md"),
        ] {
            let told = Code::from_text(asked).unwrap_err();
            assert!(told.contains(says), "{told}");
        }
        assert!(Code::from_text(&"x".repeat(10_000)).unwrap_err().len() < 500);
    }

    #[test]
    fn a_status_is_a_number_or_a_class() {
        let range = |text| StatusRange::from_text(text).ok().map(|range| (range.least, range.most));
        assert_eq!((range("409"), range("4xx")), (Some((409, 409)), Some((400, 499))));
        for wrong in ["", "4", "4XX", "6xx", "0xx", "99", "600", "409 ", "-4xx", "xx", "4xxx"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}

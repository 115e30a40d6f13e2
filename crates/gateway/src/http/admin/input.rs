//! Bodies of the admin API: a JSON object whose every mistake is reported at once, by field.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde_json::{Map, Value};

use super::operator::Operator;
use crate::app::App;
use crate::http::edge::body::{Incoming, Patience, within};
use crate::http::edge::problem::{FieldError, Problem};

/// The most a body of the admin API may have.
const LIMIT: usize = 1 << 20;
/// A body that has more is read only for an operator whose token counts. The handler asks that too, but not before it has the body.
const SMALL: usize = 64 << 10;

/// A JSON object, and the mistakes found in it so far.
#[derive(Debug)]
pub(super) struct Input {
    fields: Map<String, Value>,
    mistakes: Vec<FieldError>,
}

impl FromRequest for Input {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Input, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload).into_inner();
        let app = request.app_data::<web::Data<App>>().expect("registered at the start").clone();
        let request = request.clone();
        Box::pin(async move {
            let mut incoming = Incoming::new(payload.map_err(|e| Problem::bad_request(e.to_string()))?, LIMIT);
            let reading = async {
                let mut counts = false;
                while incoming.more().await? {
                    if incoming.len() > SMALL && !counts {
                        Operator::from_request(&request, &mut Payload::None).await?;
                        counts = true;
                    }
                }
                Ok::<_, Problem>(())
            };
            within(&Patience::of(&app, LIMIT), reading).await?;
            let bytes = incoming.into_bytes();
            let value: Value = match bytes.is_empty() {
                true => Value::Object(Map::new()),
                false => scim::json::parse(&bytes).map_err(|e| Problem::bad_request(e.to_string()))?,
            };
            match value {
                Value::Object(fields) => Ok(Input { fields, mistakes: Vec::new() }),
                _ => Err(Problem::bad_request("the body must be a JSON object")),
            }
        })
    }
}

impl crate::http::edge::operation::Part for Input {}

impl crate::http::edge::operation::Answers for actix_web::HttpResponse {
    fn describe(_: &mut crate::domain::described::Components) -> Vec<crate::http::edge::operation::Success> {
        Vec::new()
    }
}

impl Input {
    /// Notes a mistake.
    pub(super) fn mistake(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.mistakes.push(FieldError { field: field.into(), detail: detail.into() });
    }

    /// Takes a field, whatever it is; `null` counts as absent.
    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    /// Whether the field is there, be it `null`.
    pub(super) fn names(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// A field that stays for another reader.
    pub(super) fn peek(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }

    /// Everything that was not taken.
    pub(super) fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.fields)
    }

    pub(super) fn text(&mut self, field: &str) -> Option<String> {
        match self.take(field)? {
            Value::String(text) if !text.contains('\0') => Some(text),
            _ => {
                self.mistake(field, "must be text without NUL characters");
                None
            }
        }
    }

    /// Text for people: 1 to 200 characters, none of them a control character.
    pub(super) fn name(&mut self, field: &str) -> Option<String> {
        let text = self.text(field)?.trim().to_owned();
        if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
            self.mistake(field, "must have 1 to 200 characters and no control characters");
            return None;
        }
        Some(text)
    }

    /// As [`name`](Self::name), and it must be there.
    pub(super) fn required_name(&mut self, field: &str) -> String {
        if !self.names(field) {
            self.mistake(field, "is missing");
        }
        self.name(field).unwrap_or_default()
    }

    pub(super) fn flag(&mut self, field: &str) -> Option<bool> {
        match self.take(field)? {
            Value::Bool(flag) => Some(flag),
            _ => {
                self.mistake(field, "must be true or false");
                None
            }
        }
    }

    /// A whole number within bounds: `None` where the body says nothing, `Some(None)` where it says `null`.
    pub(super) fn number(&mut self, field: &str, bounds: std::ops::RangeInclusive<u64>) -> Option<Option<u64>> {
        match self.fields.remove(field)? {
            Value::Null => Some(None),
            value => match value.as_u64().filter(|n| bounds.contains(n)) {
                Some(n) => Some(Some(n)),
                None => {
                    self.mistake(field, format!("must be a whole number from {} to {}", bounds.start(), bounds.end()));
                    None
                }
            },
        }
    }

    pub(super) fn texts(&mut self, field: &str) -> Option<Vec<String>> {
        let Value::Array(values) = self.take(field)? else {
            self.mistake(field, "must be a list of texts");
            return None;
        };
        let mut texts = Vec::with_capacity(values.len());
        for (i, value) in values.into_iter().enumerate() {
            match value {
                Value::String(text) if !text.contains('\0') => texts.push(text),
                _ => self.mistake(format!("{field}[{i}]"), "must be text without NUL characters"),
            }
        }
        Some(texts)
    }

    /// A point in time, RFC 3339, in milliseconds since the epoch.
    pub(super) fn time(&mut self, field: &str) -> Option<i64> {
        let text = self.text(field)?;
        match chrono::DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Some(time.timestamp_millis()),
            Err(_) => {
                self.mistake(field, "must be a time such as 2027-01-31T00:00:00Z");
                None
            }
        }
    }

    /// Everything known was taken: what is left is a mistake, and with any mistake there is a problem.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let left: Vec<String> = self.fields.keys().cloned().collect();
        for field in left {
            self.mistake(field, "is not a field of this request");
        }
        self.check()
    }

    /// As [`finish`](Self::finish), where the rest is somebody else's to read.
    pub(super) fn check(self) -> Result<(), Problem> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(Problem::invalid(self.mistakes)) }
    }
}

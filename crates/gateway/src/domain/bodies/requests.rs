//! What was recorded of a request in full, as it is answered.

use serde_json::{Value, json};

use crate::domain::described::{Components, Described, answer};
use crate::domain::request::full::{FullRecording, KeptBody, Left};

/// Any JSON.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(transparent)]
pub struct AnyJson(pub Value);

impl Described for AnyJson {
    fn schema(_: &mut Components) -> Value {
        json!({})
    }
}

answer! {
    /// A header, or a parameter of a query or form.
    pub struct RecordedPair {
        /// Its name.
        name: String,
        /// Its value; `(replaced)` in the place of a secret.
        value: String,
    }
    example {"name": "if-match", "value": "W/\"3\""}
}

answer! {
    /// A body as it was recorded: `json`, `form`, or neither and why.
    pub struct RecordedBody {
        /// What it said, with secrets replaced.
        json: AnyJson,
        /// The parameters of a form, with secrets replaced.
        form: Vec<RecordedPair>,
        /// How many bytes it had, where only that is kept.
        bytes: Option<i64>,
        /// Why only its length is kept: `too_large`, `unreadable`, `not_read` or `public`.
        left_out: Option<&'static str>,
    }
    example {"json": {"userName": "ana@acme.test", "password": "(replaced)"}, "form": [], "bytes": null, "left_out": null}
}

answer! {
    /// A request that was recorded in full, and its answer.
    pub struct RecordedRequest {
        /// The `X-Request-Id`.
        request_id: String,
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// The query.
        query: Vec<RecordedPair>,
        /// The headers. Of most only the name is kept.
        headers: Vec<RecordedPair>,
        /// The body.
        body: RecordedBody,
        /// The status of the answer.
        status: i64,
        /// The headers of the answer, as far as they are kept.
        answer_headers: Vec<RecordedPair>,
        /// The body of the answer.
        answer: RecordedBody,
        /// Whether it can be replayed.
        replayable: bool,
        /// Why not.
        not_replayable: Option<String>,
    }
    example {
        "request_id": "01kbx3n7q8f2m0v5t9r4cwz", "method": "POST", "path": "/scim/v2/Users", "query": [],
        "headers": [{"name": "content-type", "value": "application/scim+json"}, {"name": "authorization", "value": "(replaced)"}],
        "body": {"json": {"userName": "ana@acme.test", "password": "(replaced)"}, "form": [], "bytes": null, "left_out": null},
        "status": 409, "answer_headers": [],
        "answer": {"json": {"detail": "userName is taken by another User"}, "form": [], "bytes": null, "left_out": null},
        "replayable": true, "not_replayable": null
    }
}

fn pairs(pairs: Vec<(String, String)>) -> Vec<RecordedPair> {
    pairs.into_iter().map(|(name, value)| RecordedPair { name, value }).collect()
}

impl From<KeptBody> for RecordedBody {
    fn from(body: KeptBody) -> RecordedBody {
        let none = RecordedBody { json: AnyJson(Value::Null), form: Vec::new(), bytes: None, left_out: None };
        match body {
            KeptBody::None => none,
            KeptBody::Json(value) => RecordedBody { json: AnyJson(value), ..none },
            KeptBody::Form(form) => RecordedBody { form: pairs(form), ..none },
            KeptBody::Length { bytes, because } => {
                let left_out = match because {
                    Left::TooLarge => "too_large",
                    Left::Unreadable => "unreadable",
                    Left::NotRead => "not_read",
                    Left::Public => "public",
                };
                RecordedBody {
                    bytes: bytes.and_then(|bytes| i64::try_from(bytes).ok()),
                    left_out: Some(left_out),
                    ..none
                }
            }
        }
    }
}

impl RecordedRequest {
    /// As it is answered.
    pub fn of(request_id: String, recording: FullRecording) -> RecordedRequest {
        let not_replayable = recording.why_not_replayable().map(str::to_owned);
        RecordedRequest {
            request_id,
            replayable: not_replayable.is_none(),
            not_replayable,
            method: recording.method,
            path: recording.path,
            query: pairs(recording.query),
            headers: pairs(recording.headers),
            body: recording.body.into(),
            status: recording.status.into(),
            answer_headers: pairs(recording.answer_headers),
            answer: recording.answer.into(),
        }
    }
}

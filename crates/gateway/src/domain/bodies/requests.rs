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

answer! {
    /// How a request ends.
    pub struct Outcome {
        /// The status.
        status: i64,
        /// Why it is refused ([all there are](why-did-it-fail.md)).
        code: Option<String>,
        /// The text.
        detail: Option<String>,
    }
    example {"status": 409, "code": "uniqueness", "detail": "userName is taken by another User"}
}

answer! {
    /// What a recorded request would be answered at this moment, and what it would change. Nothing of it was done.
    pub struct Replay {
        /// The request.
        request_id: String,
        /// How it ended when it came.
        was: Outcome,
        /// How it would end now.
        would: Outcome,
        /// Whether status and code are the same.
        same: bool,
        /// The body that it would be answered with; `null` for none, and for one of more than 1 MiB. Ids and times of what it would create are made up.
        body: AnyJson,
        /// How many bytes that has.
        body_bytes: i64,
        /// The id of what it is about.
        target: Option<String>,
        /// What that is called.
        target_name: Option<String>,
        /// The attributes that would change.
        changed: Vec<String>,
        /// How many members would join groups.
        joined: i64,
        /// How many members would leave groups.
        left: i64,
        /// What it would be forgiven ([tolerances](tolerances.md)).
        tolerances: Vec<&'static str>,
        /// What it sends and would be ignored.
        ignored: Vec<String>,
        /// Members who do not exist and would be left out.
        skipped_members: Vec<String>,
        /// Those of them that the group would wait for.
        pending_members: Vec<String>,
    }
    example {
        "request_id": "01kbx3n7q8f2m0v5t9r4cwz", "was": {"status": 409, "code": "uniqueness", "detail": "userName is taken by another User"},
        "would": {"status": 201, "code": null, "detail": null}, "same": false, "body": {"userName": "ana@acme.test"}, "body_bytes": 320,
        "target": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "target_name": "ana@acme.test", "changed": ["userName", "emails"], "joined": 0, "left": 0,
        "tolerances": [], "ignored": [], "skipped_members": [], "pending_members": []
    }
}

answer! {
    /// A recorded request as a conversation file, with personal data replaced: what has to be there first, the request, and what it is answered.
    pub struct Conversation {
        /// What it is, in a sentence.
        about: String,
        /// The profile of the client.
        profile: &'static str,
        /// What the account has that outcomes depend on.
        account: AnyJson,
        /// Headers of every request: none.
        headers: AnyJson,
        /// The steps, each with its `request` and what is to be expected.
        steps: AnyJson,
    }
    example {
        "about": "Exported from a recorded request; personal data is replaced. It was answered 409 (uniqueness).", "profile": "okta",
        "account": {"product_environments": ["cedar-prod"]}, "headers": {},
        "steps": [{
            "name": "POST as it was recorded", "request": {"method": "POST", "path": "/Users", "body": {"userName": "robin@cedar.example"}},
            "expect": {"status": 409, "body": {"status": "409", "scimType": "uniqueness", "detail": "{{a string}}"}}
        }]
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

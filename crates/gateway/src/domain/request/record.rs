//! A row of the request log, before it is written.

use serde_json::{Map, Value, json};

use super::full::SealedRecording;
use super::{Findings, IgnoredAttribute, Owner, Part, Refusal, RequestId};
use crate::domain::ids::AccountKey;
use crate::domain::tolerances::Tolerances;
use crate::platform::timestamp::Timestamp;

/// A request and what came of it.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// When it began, in milliseconds since the epoch.
    pub at: Timestamp,
    /// Its id.
    pub id: RequestId,
    /// The network address that it came from.
    pub address: Option<String>,
    /// `PATCH`
    pub method: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// Why it was refused.
    pub refusal: Option<Refusal>,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// What was found out about it.
    pub findings: Findings,
    /// All of it, if its client is recorded in full.
    pub recording: Option<SealedRecording>,
}

/// Whose part of the queue a record takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Share {
    /// An account's.
    Account(AccountKey),
    /// That of a grant whose account is not known yet.
    Grant(i64),
    /// That of all others.
    Others,
}

impl RequestRecord {
    /// Whether it was carried out.
    pub fn is_success(&self) -> bool {
        self.status < 400 && self.refusal.is_none()
    }

    /// Takes out its parts, as records of their own under its id.
    pub fn parts(&mut self) -> Vec<RequestRecord> {
        let parts = std::mem::take(&mut self.findings.parts);
        let record = |part: Part| RequestRecord {
            at: self.at,
            id: self.id.clone(),
            address: self.address.clone(),
            method: part.method,
            status: part.status,
            refusal: part.refusal,
            micros: part.micros,
            findings: Findings {
                endpoint: Some(part.endpoint.into()),
                owner: self.findings.owner.clone(),
                actor: self.findings.actor.clone(),
                ..part.findings
            },
            recording: None,
        };
        parts.into_iter().map(record).collect()
    }

    /// Whose part of the queue it takes.
    pub fn share(&self) -> Share {
        match &self.findings.owner {
            Owner::Known { account, .. } | Owner::Account(account) | Owner::Visit { account, .. } => {
                Share::Account(*account)
            }
            Owner::Grant(grant) => Share::Grant(*grant),
            Owner::Client(_) | Owner::Unknown => Share::Others,
        }
    }

    /// What is kept together, as a JSON object; `None` if there is nothing.
    pub fn more(&self) -> Option<String> {
        let found = &self.findings;
        let mut more = Map::new();
        let forgiven = found.tolerances.map(|needed| needed.forgiven).unwrap_or_default();
        if !forgiven.is_empty() {
            more.insert("tolerances".to_owned(), json!(names(forgiven)));
        }
        if !found.ignored.is_empty() {
            let ignored = found.ignored.iter().map(|one| json!({"path": one.path, "nearest": one.nearest}));
            more.insert("ignored".to_owned(), Value::Array(ignored.collect()));
        }
        for (name, list) in
            [("skipped", &found.skipped), ("pending", &found.pending), ("changed", &found.changed.attributes)]
        {
            if !list.is_empty() {
                more.insert(name.to_owned(), json!(list));
            }
        }
        for (name, count) in [("joined", found.changed.joined), ("left", found.changed.left)] {
            if count > 0 {
                more.insert(name.to_owned(), json!(count));
            }
        }
        if self.recording.is_some() {
            more.insert("recorded".to_owned(), Value::Bool(true));
        }
        (!more.is_empty()).then(|| Value::Object(more).to_string())
    }
}

/// What is kept together of a request, as it is read back. What cannot be read is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What it was forgiven.
    pub tolerances: Vec<String>,
    /// What it sent and was ignored.
    pub ignored: Vec<IgnoredAttribute>,
    /// Members who do not exist and were left out.
    pub skipped: Vec<String>,
    /// Those of them that the group waits for.
    pub pending: Vec<String>,
    /// The attributes that changed.
    pub changed: Vec<String>,
    /// How many members joined groups,
    pub joined: i64,
    /// and how many left them.
    pub left: i64,
    /// Whether it was recorded in full.
    pub recorded: bool,
}

impl Told {
    /// Out of the JSON that [`RequestRecord::more`] writes.
    pub fn read(more: Option<&str>) -> Told {
        let more: Value = more.and_then(|more| serde_json::from_str(more).ok()).unwrap_or(Value::Null);
        let list = |name: &str| more.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let texts = |name: &str| list(name).iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let ignored = |one: &Value| IgnoredAttribute {
            path: text(&one["path"]).unwrap_or_default(),
            nearest: text(&one["nearest"]),
        };
        let count = |name: &str| more.get(name).and_then(Value::as_i64).unwrap_or_default();
        Told {
            tolerances: texts("tolerances"),
            ignored: list("ignored").iter().map(ignored).collect(),
            skipped: texts("skipped"),
            pending: texts("pending"),
            changed: texts("changed"),
            joined: count("joined"),
            left: count("left"),
            recorded: more.get("recorded").and_then(Value::as_bool).unwrap_or_default(),
        }
    }
}

fn names(tolerances: Tolerances) -> Vec<&'static str> {
    tolerances.iter().map(|tolerance| tolerance.name()).collect()
}

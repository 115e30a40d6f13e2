//! A recorded conversation, as its file has it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One identity provider, one act of an administrator.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The file, below `tests/conversations`.
    #[serde(skip)]
    pub name: String,
    /// What is going on, in a sentence.
    pub about: String,
    /// The profile of the client that speaks.
    pub profile: String,
    /// What its account has besides a name, environments and a default role.
    #[serde(default)]
    pub account: serde_json::Map<String, Value>,
    /// Sent with every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub steps: Vec<Step>,
}

/// A request and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub name: String,
    /// Taken this many times, with `{{n}}` from 1 up.
    #[serde(default = "once")]
    pub times: u32,
    pub request: Request,
    pub expect: Expect,
    /// Names for later steps, each a JSON Pointer into the answer's body.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub method: String,
    /// Below the base URL, with its query, escaped as on the wire.
    pub path: String,
    /// Over those of the conversation; `null` leaves one out.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    pub body: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub status: Status,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What has to be there; `{{absent}}` for what must not.
    pub body: Option<Value>,
    pub within_ms: Option<u128>,
}

/// The one status, or any of several that the identity provider takes alike.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Status {
    One(u16),
    AnyOf(Vec<u16>),
}

fn once() -> u32 {
    1
}

impl Status {
    pub fn allows(&self, status: u16) -> bool {
        match self {
            Status::One(only) => *only == status,
            Status::AnyOf(these) => these.contains(&status),
        }
    }
}

impl Recording {
    /// All there are, in the order of their names.
    pub fn all() -> Vec<Recording> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
        let mut files: Vec<PathBuf> = below(&root).iter().flat_map(|folder| below(folder)).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        assert!(!files.is_empty(), "no conversations in {}", root.display());
        files.iter().map(|file| Recording::read(&root, file)).collect()
    }

    fn read(root: &Path, file: &Path) -> Recording {
        let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let read: Recording = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!read.steps.is_empty(), "{name} has no steps");
        Recording { name, ..read }
    }

    /// The numbers that its steps' names start with, as in `8.12 …`.
    pub fn checklist_lines(&self) -> Vec<u32> {
        let number = |step: &Step| step.name.strip_prefix("8.")?.split(' ').next()?.parse().ok();
        self.steps.iter().filter_map(number).collect()
    }

    /// What no answer and no log may say.
    pub fn passwords(&self) -> Vec<&str> {
        let mut found = Vec::new();
        let bodies = self.steps.iter().filter_map(|step| step.request.body.as_ref());
        bodies.for_each(|body| passwords(body, &mut found));
        found
    }
}

/// What lies in a folder; nothing in a file.
fn below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

fn passwords<'b>(body: &'b Value, found: &mut Vec<&'b str>) {
    match body {
        Value::Object(members) => {
            found.extend(members.get("password").and_then(Value::as_str).filter(|text| !text.is_empty()));
            members.values().for_each(|value| passwords(value, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| passwords(element, found)),
        _ => {}
    }
}

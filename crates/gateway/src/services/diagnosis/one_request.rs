//! One request as its page shows it: what came, what was answered, why, what to do, and what stands around it.

use oauth::Keyring;
use scim::Id;
use scim::Store;
use scim::schema::{GROUP, USER};
use serde_json::Value;

use super::AccountLabel;
use super::log::{self, ShownRequest};
use crate::domain::bodies::requests::{RecordedBody, RecordedPair, RecordedRequest};
use crate::domain::operator::{Mandate, Power};
use crate::domain::person;
use crate::domain::tolerances::Tolerance;
use crate::domain::wording::strip_invisible;
use crate::services::error::ActError;
use crate::services::requests::{self, LoggedRequest};
use crate::storage::Tx;
use crate::storage::requests::search::StoredRequest;

/// So many operations and calls under the id of one request are shown.
const PARTS: usize = 200;

/// The page of a request.
#[derive(Debug)]
pub struct RequestPage {
    /// The request itself.
    pub request: ShownRequest,
    /// The method and route.
    pub route: String,
    /// From where it came.
    pub address: Option<String>,
    /// Who acted, where that was not the client.
    pub actor: Option<String>,
    /// Where the user or group is that it was about, if that is there.
    pub target: Option<TargetPage>,
    /// Whether it was refused.
    pub is_refused: bool,
    /// What the code means, and what to do.
    pub meaning: Option<(&'static str, &'static str)>,
    /// Names that were ignored, each with the known one that is nearest.
    pub ignored: Vec<(String, Option<String>)>,
    /// What it was forgiven, in words.
    pub forgiven: Vec<(String, Option<&'static str>)>,
    /// The attributes that changed.
    pub changed: Vec<String>,
    /// Members who were left out,
    pub skipped: Vec<String>,
    /// and those of them that the group waits for.
    pub pending: Vec<String>,
    /// How many members joined and left groups.
    pub membership: (i64, i64),
    /// Refused operations of a bulk request, and calls that this server made for it.
    pub parts: Vec<ShownRequest>,
    /// Requests around it, by the same client.
    pub around: Vec<ShownRequest>,
    /// What was recorded of it in full.
    pub recording: RecordingState,
}

/// The user or group that a request was about.
#[derive(Debug)]
pub struct TargetPage {
    /// Whether it is a user, and not a group.
    pub is_user: bool,
    /// Its id.
    pub id: String,
    /// What it is called now.
    pub name: String,
}

/// What was recorded of a request in full.
#[derive(Debug)]
pub enum RecordingState {
    /// Nothing.
    None,
    /// Something that this operator's role does not show; and whether it may be replayed.
    Hidden(Option<String>),
    /// This.
    Shown(Box<ShownRecording>),
}

/// A recorded request and its answer.
#[derive(Debug)]
pub struct ShownRecording {
    /// The first line: method, path and query.
    pub line: String,
    /// Headers of the request.
    pub headers: Vec<RecordedPair>,
    /// Its body.
    pub body: String,
    /// Headers of the answer.
    pub answer_headers: Vec<RecordedPair>,
    /// Its body.
    pub answer: String,
    /// Why it cannot be replayed; `None`: it can.
    pub not_replayable: Option<String>,
}

impl RecordingState {
    /// Why it cannot be replayed; `None`: it can. Of what was not recorded nothing is said.
    pub fn not_replayable(&self) -> Option<&str> {
        match self {
            RecordingState::None => None,
            RecordingState::Hidden(why) => why.as_deref(),
            RecordingState::Shown(shown) => shown.not_replayable.as_deref(),
        }
    }

    /// Whether there is anything.
    pub fn is_there(&self) -> bool {
        !matches!(self, RecordingState::None)
    }
}

/// The page of a request within reach. Only reads.
pub fn page(tx: &mut Tx<'_>, mandate: &Mandate, keys: &Keyring, id: &str) -> Result<RequestPage, ActError> {
    let mut rows = requests::called(tx, mandate, id)?;
    // The request itself: neither an operation of a bulk request nor a call that was made for it.
    let is_part = |row: &StoredRequest| row.endpoint.contains('#') || row.endpoint.contains("://");
    let main = rows.iter().position(|logged| !is_part(&logged.row)).unwrap_or_default();
    let main = rows.remove(main);
    rows.truncate(PARTS);
    let row = &main.row;
    let told = row.told();
    let recording = if told.recorded { recording(tx, mandate, keys, id)? } else { RecordingState::None };
    let target = target_page(tx, row)?;
    let around = log::around(tx, row)?;
    let around = around.into_iter().map(|row| {
        let logged = LoggedRequest { row, account: None, client_name: main.client_name.clone() };
        ShownRequest::of(&logged)
    });
    Ok(RequestPage {
        route: format!("{} {}", row.method, row.endpoint),
        address: row.address.clone(),
        actor: row.actor.clone(),
        target,
        is_refused: log::is_refused(row),
        meaning: log::meaning(row).map(|code| (code.meaning(), code.remedy())),
        ignored: told.ignored.into_iter().map(|one| (one.path, one.nearest)).collect(),
        forgiven: told
            .tolerances
            .into_iter()
            .map(|name| (name.clone(), Tolerance::named(&name).map(Tolerance::forgives)))
            .collect(),
        changed: told.changed,
        skipped: told.skipped,
        pending: told.pending,
        membership: (told.joined, told.left),
        parts: rows.iter().map(ShownRequest::of).collect(),
        around: around.collect(),
        recording,
        request: ShownRequest::of(&main),
    })
}

fn recording(tx: &mut Tx<'_>, mandate: &Mandate, keys: &Keyring, id: &str) -> Result<RecordingState, ActError> {
    // It may be gone before its row is.
    let found = match requests::recorded(tx, mandate, Power::Read, keys, id) {
        Ok(found) => found,
        Err(ActError::Database(error)) => return Err(error.into()),
        Err(_) => return Ok(RecordingState::None),
    };
    if !mandate.has(Power::ReadRecordings) {
        return Ok(RecordingState::Hidden(found.recording.why_not_replayable().map(str::to_owned)));
    }
    let recorded = RecordedRequest::of(found.id, found.recording);
    let query: Vec<String> = recorded.query.iter().map(|pair| format!("{}={}", pair.name, pair.value)).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    Ok(RecordingState::Shown(Box::new(ShownRecording {
        line: format!("{} {}{query}", recorded.method, recorded.path),
        headers: recorded.headers,
        body: body(recorded.body),
        answer_headers: recorded.answer_headers,
        answer: body(recorded.answer),
        not_replayable: recorded.not_replayable,
    })))
}

/// A body as people read it; empty if there was none.
fn body(body: RecordedBody) -> String {
    if let Some(why) = body.left_out {
        let why = match why {
            "too_large" => "it is larger than 64 KiB",
            "unreadable" => "it could not be read, so nothing can tell what in it is a secret",
            "not_read" => "the request was answered before it was read",
            _ => "it is the same for each caller",
        };
        let bytes = body.bytes.map_or_else(|| "Not kept".to_owned(), |bytes| format!("{bytes} bytes, not kept"));
        return format!("{bytes}: {why}.");
    }
    if !body.form.is_empty() {
        let lines: Vec<String> = body.form.iter().map(|pair| format!("{} = {}", pair.name, pair.value)).collect();
        return strip_invisible_lines(&lines.join("\n"));
    }
    match body.json.0 {
        Value::Null => String::new(),
        json => strip_invisible_lines(&serde_json::to_string_pretty(&json).unwrap_or_default()),
    }
}

fn strip_invisible_lines(text: &str) -> String {
    text.lines().map(strip_invisible).collect::<Vec<_>>().join("\n")
}

/// The user or group with the id that a request was about.
fn target_page(tx: &mut Tx<'_>, row: &StoredRequest) -> Result<Option<TargetPage>, ActError> {
    let (Some(account), Some(id)) = (row.account, row.target.as_deref().and_then(Id::new)) else { return Ok(None) };
    let now = tx.now();
    let mut store = tx.in_account(account, now, false);
    for kind in [USER, GROUP] {
        if let Some(found) = store.get(kind, &id)? {
            let name = match kind == USER {
                true => person::name(found.resource.attributes()),
                false => person::short_name(found.resource.display()),
            };
            return Ok(Some(TargetPage { is_user: kind == USER, id: id.to_string(), name }));
        }
    }
    Ok(None)
}

/// The attributes of the user or group that a request was about, as they are now. Only reads.
pub fn document_of(tx: &mut Tx<'_>, row: &StoredRequest) -> Result<Option<Value>, ActError> {
    let (Some(account), Some(id)) = (row.account, row.target.as_deref().and_then(Id::new)) else { return Ok(None) };
    let now = tx.now();
    let mut store = tx.in_account(account, now, false);
    for kind in [USER, GROUP] {
        if let Some(found) = store.get(kind, &id)? {
            return Ok(Some(Value::Object(found.resource.attributes().clone())));
        }
    }
    Ok(None)
}

impl RequestPage {
    /// What it asked for, with the name of what it was about.
    pub fn title(&self) -> String {
        match &self.request.target {
            Some(target) => format!("{} {target}", self.request.what),
            None => self.request.what.clone(),
        }
    }

    /// Whether there is anything to say of its content.
    pub fn has_contents(&self) -> bool {
        !self.ignored.is_empty()
            || !self.forgiven.is_empty()
            || !self.changed.is_empty()
            || !self.skipped.is_empty()
            || self.membership != (0, 0)
    }

    /// The account, with its name.
    pub fn account(&self) -> Option<&AccountLabel> {
        self.request.account.as_ref()
    }

    /// Those that are refused for the same reason: a link to them.
    pub fn like_this(&self) -> Option<String> {
        let (client, _) = self.request.client.as_ref()?;
        let code = self.request.answer.split_once(' ').map(|(_, code)| code).filter(|_| self.is_refused)?;
        Some(format!("/console/clients/{client}/requests?code={code}"))
    }
}

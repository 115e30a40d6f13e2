//! The request log as pages show it: whose requests, with which filters, and what an error that was pasted came from.

use super::{AccountLabel, ConnectionHead};
use crate::domain::operator::{Mandate, Power};
use crate::domain::person;
use crate::domain::request::{Pasted, RefusalCode, kind};
use crate::domain::when::When;
use crate::domain::wording::{grouped, strip_invisible};
use crate::services::accounts;
use crate::services::error::ActError;
use crate::services::health::Rules;
use crate::services::requests::{self, Answer, LoggedRequest, Of};
use crate::storage::Tx;
use crate::storage::requests::search::{Asked, RequestFilter, StoredRequest};

/// So many requests a page has.
pub const ON_A_PAGE: i64 = 50;
/// So many notes stand in a row.
const NOTES: usize = 3;

/// Whose requests a page lists.
#[derive(Debug)]
pub enum Whose {
    /// An account's.
    Account(AccountLabel),
    /// A connection's.
    Connection(Box<ConnectionHead>),
    /// Those within reach that an error was found in.
    Found,
}

/// A page of the log.
#[derive(Debug)]
pub struct LogPage {
    /// Whose.
    pub whose: Whose,
    /// The requests, newest first.
    pub requests: Vec<ShownRequest>,
    /// The row after which the next page begins.
    pub next: Option<i64>,
    /// How many were not recorded, in words.
    pub dropped: Option<String>,
}

/// A request in a list.
#[derive(Debug)]
pub struct ShownRequest {
    /// Its id.
    pub id: String,
    /// When it came.
    pub at: When,
    /// What it asked for.
    pub what: String,
    /// What it was about.
    pub target: Option<String>,
    /// Whose it was; where the page is about one, it is left out.
    pub account: Option<AccountLabel>,
    /// By which connection.
    pub client: Option<(String, String)>,
    /// The class and icon.
    pub look: &'static str,
    /// `409 uniqueness`, `200 done`
    pub answer: String,
    /// The text that was answered.
    pub detail: Option<String>,
    /// What else is worth a look.
    pub notes: Vec<Note>,
    /// How long it took.
    pub took: String,
}

/// Something worth a look.
#[derive(Debug, PartialEq, Eq)]
pub struct Note {
    /// A name, if it is about one.
    pub name: Option<String>,
    /// What is said.
    pub words: String,
}

/// The requests of an account within reach. Only reads.
pub fn of_account(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    filter: RequestFilter,
    after: Option<i64>,
) -> Result<LogPage, ActError> {
    let found = accounts::find(tx, mandate, Power::Read, account)?;
    let label = AccountLabel { name: person::short_name(&found.name), id: found.id };
    let answer = requests::page(tx, mandate, Of::Account(account), filter, after, ON_A_PAGE)?;
    Ok(page(Whose::Account(label), answer))
}

/// The requests of a client within reach. Only reads.
pub fn of_client(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    client: &str,
    filter: RequestFilter,
    after: Option<i64>,
) -> Result<LogPage, ActError> {
    let (head, _) = ConnectionHead::find(tx, mandate, rules, client)?;
    let answer = requests::page(tx, mandate, Of::Client(client), filter, after, ON_A_PAGE)?;
    Ok(page(Whose::Connection(Box::new(head)), answer))
}

/// Refused requests within reach that this text came from, or the request whose id it is. Only reads.
pub fn pasted(tx: &mut Tx<'_>, mandate: &Mandate, text: &str, after: Option<i64>) -> Result<LogPage, ActError> {
    let answer = match Pasted::read(text) {
        Some(pasted) => requests::pasted(tx, mandate, text, &pasted, after, ON_A_PAGE)?,
        None => Answer { items: Vec::new(), next: None, dropped: 0 },
    };
    Ok(page(Whose::Found, answer))
}

fn page(whose: Whose, answer: Answer) -> LogPage {
    let Answer { items, next, dropped } = answer;
    let shown = |request: LoggedRequest| {
        let mut shown = ShownRequest::of(&request);
        match whose {
            Whose::Account(_) => shown.account = None,
            Whose::Connection(_) => (shown.account, shown.client) = (None, None),
            Whose::Found => {}
        }
        shown
    };
    let requests = items.into_iter().map(shown).collect();
    let dropped = match dropped {
        0 => None,
        1 => Some("1 request was".to_owned()),
        many => Some(format!("{} requests were", grouped(many))),
    };
    LogPage { whose, requests, next, dropped }
}

impl ShownRequest {
    /// A row of the log.
    pub(super) fn of(request: &LoggedRequest) -> ShownRequest {
        let LoggedRequest { row, account, client_name } = request;
        let account = account.as_ref().map(|account| AccountLabel {
            name: person::short_name(account.name.as_deref().unwrap_or(&account.id)),
            id: account.id.clone(),
        });
        let client = row.client.clone().map(|id| {
            let name = person::short_name(client_name.as_deref().unwrap_or("a deleted connection"));
            (id, name)
        });
        let mut notes = notes(row);
        if notes.len() > NOTES {
            let more = notes.len() - NOTES;
            notes.truncate(NOTES);
            notes.push(Note { name: None, words: format!("and {more} more") });
        }
        ShownRequest {
            id: row.request_id(),
            at: When::to_the_second(row.at()),
            what: kind::words(&row.method, &row.endpoint).into_owned(),
            target: target(row),
            account,
            client,
            look: look(row),
            answer: answer(row),
            detail: row.detail.as_deref().map(strip_invisible),
            notes,
            took: took(row.micros),
        }
    }
}

/// What a request was about, as it was called then.
pub(super) fn target(row: &StoredRequest) -> Option<String> {
    row.target_name.as_deref().or(row.target.as_deref()).map(person::short_name)
}

/// Whether a request was refused. To be told that something is not there is an answer, too.
pub(super) fn is_refused(row: &StoredRequest) -> bool {
    row.code.is_some()
}

pub(super) fn look(row: &StoredRequest) -> &'static str {
    match is_refused(row) {
        true if row.method == "GET" && row.status == 404 => "neutral",
        true => "broken",
        false => "ok",
    }
}

/// `409 uniqueness`, `200 done`
pub(super) fn answer(row: &StoredRequest) -> String {
    match (&row.code, row.status) {
        (Some(code), 0) => code.clone(),
        (Some(code), status) => format!("{status} {code}"),
        (None, 0) => "no answer".to_owned(),
        (None, status) => format!("{status} done"),
    }
}

/// How long it took.
pub(super) fn took(micros: i64) -> String {
    match micros {
        ..1_000 => "under 1 ms".to_owned(),
        1_000..10_000_000 => format!("{} ms", grouped(micros / 1_000)),
        _ => format!("{} s", grouped(micros / 1_000_000)),
    }
}

fn notes(row: &StoredRequest) -> Vec<Note> {
    let more = row.told();
    let mut notes: Vec<Note> = more
        .ignored
        .into_iter()
        .map(|one| Note {
            name: Some(one.path),
            words: match one.nearest {
                Some(nearest) => format!("ignored; did you mean {nearest}?"),
                None => "ignored".to_owned(),
            },
        })
        .collect();
    let mut count = |count: usize, one: &str, many: &str| match count {
        0 => {}
        1 => notes.push(Note { name: None, words: format!("1 {one}") }),
        count => notes.push(Note { name: None, words: format!("{} {many}", grouped(count as i64)) }),
    };
    count(more.skipped.len(), "member left out", "members left out");
    count(more.pending.len(), "member waited for", "members waited for");
    count(usize::try_from(more.joined).unwrap_or_default(), "member joined", "members joined");
    count(usize::try_from(more.left).unwrap_or_default(), "member left", "members left");
    if more.recorded {
        notes.push(Note { name: None, words: "recorded in full".to_owned() });
    }
    let forgiven = more.tolerances.into_iter().map(|name| Note { name: Some(name), words: "forgiven".to_owned() });
    notes.extend(forgiven);
    notes
}

/// The code of a refusal, with what it means and what to do about it.
pub(super) fn meaning(row: &StoredRequest) -> Option<RefusalCode> {
    row.code.as_deref().and_then(RefusalCode::named)
}

/// Requests of one client around another, the newest first: what came before it, and right after.
pub(super) fn around(tx: &mut Tx<'_>, row: &StoredRequest) -> Result<Vec<StoredRequest>, ActError> {
    /// So long after, in milliseconds.
    const AFTER: i64 = 10_000;
    let Some(client) = row.client.clone() else { return Ok(Vec::new()) };
    let filter = RequestFilter { until: Some(row.at() + AFTER), ..RequestFilter::of(Asked::Client(client)) };
    let after = tx.request_page(&filter, None, 100)?.rows;
    let later: Vec<StoredRequest> = after.iter().filter(|other| other.seq > row.seq).cloned().collect();
    let earlier = tx.request_page(&filter, Some(row.seq), 3)?.rows;
    // A client that all accounts share serves others, too.
    let is_of_one = |other: &StoredRequest| other.account == row.account;
    let mut around: Vec<StoredRequest> = later.into_iter().rev().take(2).rev().collect();
    around.push(row.clone());
    around.extend(earlier);
    around.retain(is_of_one);
    Ok(around)
}

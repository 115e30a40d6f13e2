//! The audit trail: who changed what, when and from where; as pages and as files.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::desk::{Desk, Submitted};
use super::frame::Section;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::bodies::audit::AuditRow;
use crate::domain::event::Action;
use crate::domain::operator::{Power, Reach};
use crate::domain::wording;
use crate::http::edge::audience::{everywhere, within_reach};
use crate::http::edge::audit_file::AuditFile;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::edge::query;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::templates::filters;
use crate::platform::timestamp::Timestamp;
use crate::services::audit::{self, Answer};
use crate::services::audit_export::ExportFormat;
use crate::services::error::{ActError, Refusal};
use crate::services::operators;
use crate::storage::audit::search::AuditFilter;
use crate::storage::{ReadCost, Tx};

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/audit" within_reach(Power::ReadAudit) => show, "Shows the audit trail.";
    GET "/console/audit/export" within_reach(Power::ReadAudit) => export, "Exports the audit trail as CSV or JSON Lines.";
    POST "/console/audit/verify" everywhere(Power::ReadAudit) => verify, "Goes through the chain of the audit trail.";
];

const HERE: &str = "/console/audit";
/// How many rows a page has.
const ROWS: i64 = 50;
/// A trail that has more rows is verified by the command line.
const MOST_VERIFIED: i64 = 500_000;

/// What is asked of the trail, as it stands in the address.
#[derive(Debug, Clone, Default)]
struct Question {
    /// The name or the id of an account.
    account: String,
    actor: String,
    target: String,
    action: String,
    from: String,
    to: String,
    after: Option<i64>,
}

impl Question {
    fn read(request: &HttpRequest) -> Question {
        let pairs = query::lenient(request.query_string().as_bytes());
        let value = |name: &str| {
            let found = pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim());
            found
                .filter(|value| value.len() <= 300 && !value.chars().any(char::is_control))
                .unwrap_or_default()
                .to_owned()
        };
        Question {
            account: value("account"),
            actor: value("actor"),
            target: value("target"),
            action: value("action"),
            from: value("from"),
            to: value("to"),
            after: value("after").parse().ok(),
        }
    }

    fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("account", &self.account),
            ("actor", &self.actor),
            ("target", &self.target),
            ("action", &self.action),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    /// The query of an address, without one of the filters and with something more.
    fn query(&self, without: &str, more: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.pairs() {
            let replaced = more.iter().any(|(other, _)| *other == name);
            if name != without && !replaced && !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.extend_pairs(more);
        format!("?{}", query.finish())
    }

    /// The filter of the trail, or what is wrong.
    fn filter(&self) -> Result<AuditFilter, String> {
        let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
        let action = match self.action.as_str() {
            "" => None,
            code => Some(Action::parse(code).ok_or_else(|| format!("There is no act “{code}”."))?),
        };
        let from = day(&self.from)?;
        let to = day(&self.to)?.map(|day| day + DAY);
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err("The first day is after the last one.".to_owned());
        }
        let actor = filled(&self.actor);
        if actor.as_ref().is_some_and(|actor| !Actor::is_code(actor)) {
            return Err(format!("“{}” is not what an actor is called here.", self.actor));
        }
        Ok(AuditFilter { account: None, actor, target: filled(&self.target), action, from, to })
    }
}

const DAY: i64 = 24 * 3_600_000;

/// The beginning of a day, as a date field gives it.
fn day(text: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    let read = read.filter(|_| text.len() == 10).map(|time| Timestamp::of_millis(time.and_utc().timestamp_millis()));
    read.map(Some).ok_or_else(|| format!("“{text}” is no day: write it as 2026-11-26."))
}

#[derive(Debug, Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    rows: Vec<ShownRow>,
    problem: String,
    /// Why there are no rows yet, where that needs saying.
    question: Question,
    actions: Vec<(&'static str, Vec<(&'static str, &'static str)>)>,
    /// The accounts to choose from, of an operator who is limited to some.
    accounts: Option<Vec<String>>,
    /// What a filter in force says, and the address without it.
    chips: Vec<(String, String)>,
    older: Option<String>,
    is_first: bool,
    csv: String,
    jsonl: String,
    /// Of the whole chain: its state, its icon, and words.
    chain: Option<(&'static str, String)>,
}

#[derive(Debug)]
struct ShownRow {
    at: String,
    machine_at: String,
    who: String,
    who_kind: &'static str,
    who_query: String,
    what: &'static str,
    target: Option<(String, String)>,
    account: Option<(String, String)>,
    detail: Option<String>,
    address: Option<String>,
    changes: Vec<(String, String, String)>,
}

/// Who acted, as a name and a kind.
fn who(row: &AuditRow) -> (String, &'static str) {
    let kinds = [("operator:", "operator"), ("user:", "user"), ("client:", "connection")];
    let named = kinds.iter().find_map(|(prefix, kind)| Some((row.actor.strip_prefix(prefix)?, *kind)));
    match named {
        Some((id, kind)) => (row.actor_name.as_deref().map_or_else(|| id.to_owned(), wording::strip_invisible), kind),
        None => match row.actor.as_str() {
            "server" | "housekeeping" => ("This server".to_owned(), ""),
            "command line" => ("The command line".to_owned(), ""),
            "browser" => ("A browser".to_owned(), "not logged in"),
            _ => ("A caller".to_owned(), "not known"),
        },
    }
}

/// A value of a change, in words.
fn told(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => wording::strip_invisible(text),
        Some(Value::Array(items)) => items.iter().map(|item| told(Some(item))).collect::<Vec<_>>().join(", "),
        Some(Value::Object(named)) if named.contains_key("name") => {
            told(named.get("name").filter(|name| !name.is_null()).or_else(|| named.get("id")))
        }
        Some(other) => wording::strip_invisible(&other.to_string()),
    }
}

/// Each field that changed: its name, and its value before and after.
fn changes(row: &AuditRow) -> Vec<(String, String, String)> {
    let Some(fields) = row.changes.as_ref().map(|changes| &changes.0) else { return Vec::new() };
    let shown = |(name, change): (&String, &Value)| {
        let (before, after) = match (change.get("before"), change.get("after")) {
            (None, None) if change.get("added").is_some() || change.get("removed").is_some() => {
                let side = |name| change.get(name).filter(|list| list.as_array().is_none_or(|list| !list.is_empty()));
                (told(side("removed")), told(side("added")))
            }
            (None, None) => ("not shown".to_owned(), "not shown".to_owned()),
            (before, after) => (told(before), told(after)),
        };
        (wording::strip_invisible(name), before, after)
    };
    fields.iter().map(shown).collect()
}

fn shown(row: AuditRow, question: &Question) -> ShownRow {
    let (name, kind) = who(&row);
    let action = Action::parse(&row.action);
    let target_name = row.target_name.as_deref().map(wording::strip_invisible);
    ShownRow {
        at: wording::format_time(row.at.0),
        machine_at: crate::platform::system::rfc3339(row.at.0),
        who: name,
        who_kind: kind,
        who_query: question.query("after", &[("actor", &row.actor)]),
        what: action.map_or("An act of an earlier release.", Action::meaning),
        target: row.target.as_ref().map(|id| {
            (target_name.unwrap_or_else(|| wording::strip_invisible(id)), question.query("after", &[("target", id)]))
        }),
        account: row.account.as_ref().map(|id| {
            let name = row.account_name.as_deref().map_or_else(|| id.clone(), wording::strip_invisible);
            (name, question.query("after", &[("account", id)]))
        }),
        detail: row.detail.as_deref().map(wording::strip_invisible),
        address: row.address.clone(),
        changes: changes(&row),
    }
}

/// Every act, under what it is done to.
fn actions() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    let mut groups: Vec<(&'static str, Vec<(&'static str, &'static str)>)> = Vec::new();
    for action in Action::ALL {
        let noun = action.code().split('.').next().unwrap_or_default();
        match groups.iter_mut().find(|(name, _)| *name == noun) {
            Some((_, acts)) => acts.push((action.code(), action.meaning())),
            None => groups.push((noun, vec![(action.code(), action.meaning())])),
        }
    }
    groups
}

/// The id of the account that is asked about by name or by id.
async fn account_id(app: &App, desk: &Desk, typed: &str) -> Result<Option<String>, PageFailure> {
    if typed.is_empty() {
        return Ok(None);
    }
    let (name, mandate) = (typed.to_owned(), desk.mandate().clone());
    let found = desk.read(app, ReadCost::Point, move |tx| {
        let Some(key) = tx.account_called(&name)? else { return Ok::<_, ActError>(None) };
        Ok(if mandate.reaches(Some(key)) { tx.account_id(key)? } else { None })
    });
    Ok(Some(found.await?.unwrap_or_else(|| typed.to_owned())))
}

/// What is asked of the trail: whose rows, and which.
struct Asked {
    account: Option<String>,
    filter: AuditFilter,
}

async fn asked(app: &App, desk: &Desk, question: &Question) -> Result<Result<Asked, String>, PageFailure> {
    let filter = match question.filter() {
        Ok(filter) => filter,
        Err(problem) => return Ok(Err(problem)),
    };
    Ok(Ok(Asked { account: account_id(app, desk, &question.account).await?, filter }))
}

/// `GET /console/audit`
async fn show(request: HttpRequest, desk: Desk, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let mut question = Question::read(&request);
    let accounts = match desk.mandate().reach() {
        Reach::All => None,
        reach => {
            let reach = reach.clone();
            desk.read(&app, ReadCost::Point, move |tx| operators::names_of(tx, &reach)).await?
        }
    };
    // An operator of some accounts looks at one at a time.
    if let Some(first) = accounts.as_ref().and_then(|accounts| accounts.first())
        && question.account.is_empty()
    {
        question.account.clone_from(first);
    }
    let mut rows = Vec::new();
    let (mut problem, mut next) = (String::new(), None);
    match asked(&app, &desk, &question).await? {
        Err(wrong) => problem = wrong,
        Ok(Asked { account, filter }) => {
            let (mandate, after) = (desk.mandate().clone(), question.after);
            let found = desk.read(&app, ReadCost::Scan, move |tx| {
                audit::page(tx, &mandate, account.as_deref(), &filter, after, ROWS)
            });
            match found.await {
                Ok(Answer { page, operators }) => {
                    next = page.next;
                    rows = page.rows.into_iter().map(|row| audit::representation(row, &operators)).collect();
                }
                Err(PageFailure::Act(Refusal::NotFound { .. })) => {
                    problem = format!("There is no account “{}”.", wording::strip_invisible(&question.account));
                }
                Err(other) => return Err(other),
            }
        }
    }
    let name_of_actor = rows.iter().find(|row| row.actor == question.actor).map(|row| who(row).0);
    let name_of_target =
        rows.iter().find(|row| row.target.as_deref() == Some(&question.target)).and_then(|row| row.target_name.clone());
    let name_of_account = rows
        .iter()
        .find(|row| row.account.as_deref() == Some(&question.account))
        .and_then(|row| row.account_name.clone());
    if let Some(name) = &name_of_account {
        question.account.clone_from(name);
    }
    let words = |name: &str, value: &str| match name {
        "account" => format!("in {value}"),
        "actor" => format!("by {}", name_of_actor.clone().unwrap_or_else(|| value.to_owned())),
        "target" => format!("about {}", name_of_target.clone().unwrap_or_else(|| value.to_owned())),
        "action" => {
            Action::parse(value).map_or(value.to_owned(), |action| action.meaning().trim_end_matches('.').to_owned())
        }
        "from" => format!("from {value}"),
        _ => format!("to {value}"),
    };
    let chips = question
        .pairs()
        .into_iter()
        .filter(|(name, value)| !value.is_empty() && (*name != "account" || accounts.is_none()));
    let chips = chips.map(|(name, value)| {
        let without = question.query(name, &[]);
        (wording::strip_invisible(&words(name, value)), format!("{HERE}{without}"))
    });
    let chain = match desk.mandate().has_everywhere(Power::ReadAudit) {
        false => None,
        true => {
            let (keys, mandate) = (app.keys.clone(), desk.mandate().clone());
            let (head, waiting) = desk.read(&app, ReadCost::Scan, move |tx| audit::head(tx, &mandate, &keys)).await?;
            Some(match head {
                Some(head) => {
                    let number = head.split(':').next().unwrap_or_default().to_owned();
                    let segments =
                        if number == "1" { "1 segment is".to_owned() } else { format!("{number} segments are") };
                    let rows = if waiting == 1 { "1 row waits".to_owned() } else { format!("{waiting} rows wait") };
                    ("ok", format!("{segments} sealed, {rows} for a seal."))
                }
                None => ("broken", "The note of where the chain ends is missing or forged.".to_owned()),
            })
        }
    };
    let shown = AuditPage {
        chips: chips.collect(),
        older: next.map(|next| format!("{HERE}{}", question.query("after", &[("after", &next.to_string())]))),
        is_first: question.after.is_none(),
        csv: format!("{HERE}/export{}", question.query("after", &[("as", "csv")])),
        jsonl: format!("{HERE}/export{}", question.query("after", &[("as", "jsonl")])),
        actions: actions(),
        rows: rows.into_iter().map(|row| shown(row, &question)).collect(),
        accounts,
        problem,
        question,
        chain,
    };
    Ok(desk.page(&app, Section::Audit, &shown))
}

/// `GET /console/audit/export?as=csv`
async fn export(request: HttpRequest, desk: Desk, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let question = Question::read(&request);
    let pairs = query::lenient(request.query_string().as_bytes());
    let format = pairs.iter().find(|(name, _)| name == "as").and_then(|(_, name)| ExportFormat::named(name));
    let format = format.ok_or_else(|| wrong("as", "There are the formats csv and jsonl."))?;
    let Asked { account, filter } = asked(&app, &desk, &question).await?.map_err(|why| wrong("filter", &why))?;
    let file = AuditFile { mandate: desk.mandate().clone(), account, filter, format };
    Ok(file.answer(&app).await?)
}

fn wrong(field: &str, why: &str) -> PageFailure {
    ActError::field(field, why).into()
}

/// `POST /console/audit/verify`
async fn verify(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, .. } = sent;
    let (keys, mandate) = (app.keys.clone(), desk.mandate().clone());
    // Read before the trail is, for it grows with it.
    let kept = app.config.audit.head_file(app.db.url()).and_then(|file| file.read(&app.keys).ok().flatten());
    let verify = move |tx: &mut Tx<'_>| audit::verify(tx, &mandate, &keys, kept.as_ref(), MOST_VERIFIED);
    let verdict = desk.read(&app, ReadCost::Scan, verify).await?;
    let said = match verdict {
        None => "The trail is too long to be verified here: run gateway audit verify.".to_owned(),
        Some(verdict) if verdict.breaks.is_empty() => format!(
            "The audit trail is whole: {} rows were verified, {} more wait for their seal. Head: {}",
            verdict.sealed, verdict.waiting, verdict.head
        ),
        Some(verdict) => {
            let why = format!("The audit trail is not whole: {}", verdict.breaks.join("; "));
            return Err(ActError::conflict(why).into());
        }
    };
    Ok(desk.done(&app, HERE, &said))
}

//! One request: what came, what was answered, why, and what it would be answered today.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::requests::{pairs, parameter};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::requests::Replay;
use crate::domain::operator::Power;
use crate::domain::request::RefusalCode;
use crate::domain::when::When;
use crate::domain::wording::beginning;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::edge::problem::Problem;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::respond::redirect;
use crate::http::pages::templates::filters;
use crate::http::recorded;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::diagnosis::one_request::{self, RecordingState, RequestPage};
use crate::services::directory::history::shown_value;
use crate::services::error::{ActError, Refusal};
use crate::services::requests::{self, Recorded};
use crate::storage::ReadCost;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/requests/{request}" within_reach(Power::Read) => show, "Shows what came of a request, why, and what to do.";
    POST "/console/requests/{request}/replay" within_reach(Power::Diagnose) => replay, "Says what a recorded request would be answered now. Nothing is done.";
    GET "/console/requests/{request}/conversation" within_reach(Power::Diagnose) => conversation, "Exports a recorded request, with personal data replaced.";
];

/// What the outcome of a replay is sealed for, on its way to the page that shows it.
const PURPOSE: &str = "outcome of a replay";
/// So many attributes are told of.
const TOLD: usize = 10;
/// So many bytes of a text.
const LONGEST: usize = 400;
/// For so long an outcome can be shown, in milliseconds.
const SHOWN_FOR: i64 = 3_600_000;

/// The outcome of a replay, as it travels sealed in the address of the page that shows it. Nothing of it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    request: String,
    at: Timestamp,
    was: i64,
    would: i64,
    code: Option<String>,
    detail: Option<String>,
    same: bool,
    changes: Vec<Change>,
    joined: i64,
    left: i64,
}

/// An attribute that would change.
#[derive(Debug, Serialize, Deserialize)]
struct Change {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

/// The outcome of a replay on a page.
#[derive(Debug)]
struct ShownReplay {
    look: &'static str,
    heading: String,
    same: &'static str,
    detail: Option<String>,
    changes: Vec<Change>,
    at: When,
}

impl Outcome {
    fn of(found: &RecordedBefore, replay: Replay, at: Timestamp) -> Outcome {
        let short = |text: String| beginning(&text, LONGEST).to_owned();
        let after = |name: &str| shown_value(value_at(&replay.body.0, name));
        let before = |name: &str| found.document.as_ref().and_then(|document| shown_value(value_at(document, name)));
        let changes = replay.changed.iter().take(TOLD).map(|name| Change {
            name: short(name.clone()),
            before: before(name).map(short),
            after: after(name).map(short),
        });
        Outcome {
            request: replay.request_id.clone(),
            at,
            was: replay.was.status,
            would: replay.would.status,
            changes: changes.collect(),
            code: replay.would.code,
            detail: replay.would.detail.map(short),
            same: replay.same,
            joined: replay.joined,
            left: replay.left,
        }
    }

    fn seal(&self, app: &App) -> String {
        let plain = serde_json::to_vec(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(app.keys.seal(PURPOSE, system::nonce(), &plain))
    }

    /// What an address carries, if it was sealed here, for this request, of late.
    fn open(app: &App, text: &str, request: &str, now: Timestamp) -> Option<Outcome> {
        let sealed = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let outcome: Outcome = serde_json::from_slice(&app.keys.open(PURPOSE, &sealed)?).ok()?;
        (outcome.request == request && now - outcome.at < SHOWN_FOR).then_some(outcome)
    }

    fn shown(self) -> ShownReplay {
        let Outcome { at, was, would, code, detail, same, mut changes, joined, left, .. } = self;
        let refused = would >= 400;
        let reason = code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
        let heading = match refused {
            true => format!("Today it would be refused, with {would}{reason}."),
            false => format!("Today it would succeed, with {would}."),
        };
        let same = match (same, was >= 400, refused) {
            (true, ..) => "The same as then.",
            (false, true, false) => "Then it was refused.",
            (false, false, true) => "Then it succeeded.",
            (false, ..) => "Not the same as then.",
        };
        if joined + left > 0 {
            let after = Some(format!("{joined} would join, {left} would leave"));
            changes.push(Change { name: "members".to_owned(), before: None, after });
        }
        let meaning = code.as_deref().and_then(RefusalCode::named).map(|code| code.remedy());
        let detail = match (detail, meaning) {
            (Some(detail), Some(remedy)) => Some(format!("{detail} What to do: {remedy}")),
            (detail, _) => detail,
        };
        let look = if refused { "broken" } else { "ok" };
        ShownReplay { look, heading, same, detail, changes, at: When::at(at) }
    }
}

/// The value at a path such as `name.givenName` or that of an extension; nothing if there is none.
fn value_at<'v>(document: &'v Value, path: &str) -> &'v Value {
    const NOTHING: &Value = &Value::Null;
    if let Some(value) = document.get(path) {
        return value;
    }
    let (above, below) = match path.rfind(':') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => path.split_once('.').unwrap_or((path, "")),
    };
    match document.get(above) {
        Some(inner) if !below.is_empty() => value_at(inner, below),
        _ => NOTHING,
    }
}

/// The page of a request.
#[derive(Debug, Template)]
#[template(path = "console/request.html")]
struct RequestTemplate {
    page: RequestPage,
    replay: Option<ShownReplay>,
    may_diagnose: bool,
    readers: String,
    token: String,
}

async fn show(
    desk: Desk,
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let replay = parameter(&pairs(&request)?, "replay");
    let replay = Outcome::open(&app, &replay, &id, app.clock.now()).map(Outcome::shown);
    app.recorder.write(&app.db).await?;
    let (mandate, keys) = (desk.mandate().clone(), app.keys.clone());
    let page = desk.read(&app, ReadCost::Scan, move |tx| one_request::page(tx, &mandate, &keys, &id)).await?;
    let shown = RequestTemplate {
        page,
        replay,
        may_diagnose: desk.mandate().has(Power::Diagnose),
        readers: Power::ReadRecordings.holders(),
        token: desk.token().to_owned(),
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

/// A recorded request, and what it is about as it is now.
struct RecordedBefore {
    document: Option<Value>,
}

/// A request that was recorded in full, for an act that replays it.
async fn recorded_for(desk: &Desk, app: &App, id: &str) -> Result<(Recorded, RecordedBefore), PageFailure> {
    let (mandate, keys, id) = (desk.mandate().clone(), app.keys.clone(), id.to_owned());
    desk.read(app, ReadCost::Scan, move |tx| {
        let recorded = requests::recorded(tx, &mandate, Power::Diagnose, &keys, &id)?;
        let document = one_request::document_of(tx, &recorded.row)?;
        Ok::<_, ActError>((recorded, RecordedBefore { document }))
    })
    .await
}

/// What a problem of the room that replays is as a page.
fn refused(problem: &Problem) -> PageFailure {
    PageFailure::Act(Refusal::Conflict { detail: problem.detail().to_owned(), errors: Vec::new() })
}

async fn replay(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let (found, before) = recorded_for(&sent.desk, &app, &id).await?;
    let replay = recorded::replay::carry_out(&app, found).await.map_err(|problem| refused(&problem))?;
    let outcome = Outcome::of(&before, replay, app.clock.now()).seal(&app);
    Ok(redirect(&format!("{}/console/requests/{id}?replay={outcome}#replay", app.admin_url)))
}

async fn conversation(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let (found, _) = recorded_for(&desk, &app, &id).await?;
    let file = recorded::conversation::export(&app, found).await.map_err(|problem| refused(&problem))?;
    let body = serde_json::to_string_pretty(&file).unwrap_or_default();
    let answer = HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"conversation.json\""))
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(body);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_found_at_a_path() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let document = json!({"role": "reports", "name": {"givenName": "Ana"}, urn: {"department": "News"}});
        assert_eq!(value_at(&document, "role"), "reports");
        assert_eq!(value_at(&document, "name.givenName"), "Ana");
        assert_eq!(value_at(&document, &format!("{urn}:department")), "News");
        assert_eq!(value_at(&document, "name.familyName"), &Value::Null);
        assert_eq!(value_at(&document, "x:y:z"), &Value::Null);
    }
}

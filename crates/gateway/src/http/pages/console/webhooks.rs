//! Webhooks of an account: to where its events are sent, how that goes, what was refused; new ones, whose secret is shown once.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::{Map, Value, json};

use super::account::{head_of, tabs_of};
use super::parts::{self, Badge, Crumb, Typed};
use super::tabs::{AccountHead, AccountTab, of_account};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::webhooks::{NewWebhook, Webhook, WebhookChange};
use crate::domain::operator::Power;
use crate::domain::receiver::State;
use crate::domain::when::When;
use crate::domain::wording;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::platform::timestamp::Timestamp;
use crate::services::console::account::Head;
use crate::services::error::ActError;
use crate::services::sent_form;
use crate::services::webhooks::{self as service, Drawn};
use crate::storage::{ReadCost, Tx};

mod act;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}/webhooks" within_reach(Power::Read) => list, "Lists the webhooks of an account, and how each is.";
    GET "/console/accounts/{account}/webhooks/new" within_reach(Power::ManageWebhooks) => new, "Asks where events are to be sent.";
    POST "/console/accounts/{account}/webhooks/new" within_reach(Power::ManageWebhooks) => create, "Creates a webhook, and shows its secret this once.";
    GET "/console/accounts/{account}/webhooks/{webhook}" within_reach(Power::Read) => show, "Shows how a webhook is, what it refused, and the latest requests.";
    POST "/console/accounts/{account}/webhooks/{webhook}" within_reach(Power::ManageWebhooks) => change, "Changes where events are sent, and which.";
    POST "/console/accounts/{account}/webhooks/{webhook}/test" within_reach(Power::ManageWebhooks) => act::test, "Sends a test event, and says what was answered.";
    POST "/console/accounts/{account}/webhooks/{webhook}/pause" within_reach(Power::ManageWebhooks) => act::pause, "Pauses a webhook.";
    POST "/console/accounts/{account}/webhooks/{webhook}/resume" within_reach(Power::ManageWebhooks) => act::resume, "Lets a webhook go on.";
    POST "/console/accounts/{account}/webhooks/{webhook}/resend" within_reach(Power::ManageWebhooks) => act::resend, "Has refused events sent again.";
    POST "/console/accounts/{account}/webhooks/{webhook}/secret" within_reach(Power::ManageWebhooks) => act::replace_secret, "Creates a new secret, and shows it this once.";
    GET "/console/accounts/{account}/webhooks/{webhook}/delete" within_reach(Power::ManageWebhooks) => act::ask_to_delete, "Says what deleting a webhook does.";
    POST "/console/accounts/{account}/webhooks/{webhook}/delete" within_reach(Power::ManageWebhooks) => act::delete, "Deletes a webhook.";
];

/// What bodies call the fields of these forms.
const FIELDS: [(&str, &str, &str); 4] = [
    ("url", "url", "The address"),
    ("description", "description", "The description"),
    ("types", "types", "The types"),
    ("after", "begin", "The beginning"),
];
/// So many dead letters and requests stand on the page.
const SHOWN: i64 = 25;

/// A webhook as pages show it.
#[derive(Debug)]
struct Shown {
    path: String,
    url: String,
    about: Option<String>,
    types: String,
    badge: Badge,
    summary: String,
    last_success: Option<When>,
    last_failure: Option<When>,
    problem: Option<String>,
    next_try: Option<When>,
    waiting: i64,
}

#[derive(Debug, Template)]
#[template(path = "console/account_webhooks.html")]
struct ListPage {
    head: AccountHead,
    may_connect: bool,
    is_overview: bool,
    rows: Vec<Shown>,
    may_manage: bool,
}

#[derive(Debug, Template)]
#[template(path = "console/webhook_new.html")]
struct NewPage {
    crumbs: Vec<Crumb>,
    account_path: String,
    typed: Typed,
}

/// A refused event, or a request.
#[derive(Debug)]
struct Line {
    event: String,
    kind: String,
    at: When,
    status: String,
    /// How long it took, or how often it was sent.
    count: i64,
    problem: Option<String>,
    is_wanted: bool,
}

#[derive(Debug, Template)]
#[template(path = "console/webhook.html")]
struct WebhookPage {
    crumbs: Vec<Crumb>,
    one: Shown,
    state: &'static str,
    is_v1a: bool,
    public_key: Option<String>,
    old_secret_until: Option<When>,
    cursor: String,
    letters: Vec<Line>,
    requests: Vec<Line>,
    typed: Typed,
    may_manage: bool,
}

#[derive(Template)]
#[template(path = "console/webhook_secret.html")]
struct SecretPage {
    crumbs: Vec<Crumb>,
    url: String,
    is_new: bool,
    is_public: bool,
    value: String,
    next: String,
}

fn place(account: &str, id: &str) -> String {
    format!("{}/webhooks/{id}", of_account(account))
}

fn badge(of: &Webhook) -> Badge {
    let (class, icon, words) = match of.state {
        State::Paused => ("neutral", "pause", "Paused"),
        State::Stopped => ("broken", "broken", "Stopped"),
        State::Lost => ("broken", "broken", "Has missed events"),
        State::Enabled if of.tries > 0 => ("broken", "broken", "Not taking events"),
        State::Enabled if of.dead_letters > 0 => ("attention", "attention", "Refused events"),
        State::Enabled => ("ok", "ok", "Working"),
    };
    Badge { class, icon, words }
}

fn shown(account: &str, of: &Webhook, now: Timestamp) -> Shown {
    Shown {
        path: place(account, &of.id),
        url: wording::strip_invisible(&of.url),
        about: of.description.as_deref().map(wording::strip_invisible),
        types: of.types.as_ref().map_or_else(|| "all".to_owned(), |types| types.join(", ")),
        badge: badge(of),
        summary: of.summary.clone(),
        last_success: of.last_success.map(|at| When::ago(at.0, now)),
        last_failure: of.last_failure.map(|at| When::ago(at.0, now)),
        problem: of.last_problem.as_deref().map(wording::strip_invisible),
        next_try: of.next_try.map(|at| When::at(at.0)),
        waiting: of.waiting,
    }
}

fn crumbs(head: &Head, label: &str) -> Vec<Crumb> {
    AccountTab::Webhooks.crumbs(head, label)
}

/// `GET /console/accounts/{account}/webhooks`
async fn list(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let head = tabs_of(&desk, &app, &id, AccountTab::Webhooks).await?;
    let end = app.feed.end(&app.db).await?;
    let (webhooks, mandate, which) = (app.webhooks(), desk.mandate().clone(), id.clone());
    let read = move |tx: &mut Tx<'_>| webhooks.list(tx, &mandate, Some(&which), (0, service::MOST), end);
    let (found, now) = (desk.read(&app, ReadCost::Scan, read).await?, app.clock.now());
    let page = ListPage {
        head,
        may_connect: false,
        is_overview: false,
        rows: found.iter().map(|(_, of)| shown(&id, of, now)).collect(),
        may_manage: desk.mandate().has(Power::ManageWebhooks),
    };
    Ok(desk.page(&app, Section::Accounts, &page))
}

/// `GET /console/accounts/{account}/webhooks/new`
async fn new(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let head = head_of(&desk, &app, &id).await?;
    let typed = Typed::with([("signature", "v1".to_owned()), ("begin", "latest".to_owned())]);
    let page = NewPage { crumbs: crumbs(&head, "New webhook"), account_path: of_account(&id), typed };
    Ok(desk.page(&app, Section::Accounts, &page))
}

/// The fields that both forms have.
fn fields_of(typed: &Typed) -> Map<String, Value> {
    let (about, types) = (typed.value("description").trim(), typed.lines("types"));
    let mut fields = Map::new();
    fields.insert("url".to_owned(), json!(typed.value("url").trim()));
    fields.insert("description".to_owned(), if about.is_empty() { Value::Null } else { json!(about) });
    fields.insert("types".to_owned(), if types.is_empty() { Value::Null } else { json!(types) });
    fields
}

/// `POST /console/accounts/{account}/webhooks/new`
async fn create(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let (head, mut typed) = (head_of(&desk, &app, &id).await?, Typed::of(form));
    let mut fields = fields_of(&typed);
    fields.insert("signature".to_owned(), json!(typed.value("signature")));
    fields.insert("after".to_owned(), json!(typed.value("begin")));
    let read = parts::body::<NewWebhook>(fields).and_then(|new| match service::mistakes(&new, &app.outbound) {
        mistakes if mistakes.is_empty() => Ok(new),
        mistakes => Err(mistakes),
    });
    let new = match read {
        Ok(new) => new,
        Err(mistakes) => {
            typed.mistakes(&mistakes, &FIELDS);
            let page = NewPage { crumbs: crumbs(&head, "New webhook"), account_path: of_account(&id), typed };
            return Ok(desk.page_with(&app, StatusCode::BAD_REQUEST, Section::Accounts, &page));
        }
    };
    let end = app.feed.end(&app.db).await?;
    let (webhooks, mandate, which, form) = (app.webhooks(), desk.mandate().clone(), id.clone(), desk.sent());
    let (made, seed) = form.seeds();
    let drawn = Drawn::of(made, seed);
    let is_public = typed.is("signature", "v1a");
    let made = desk.act(&app, move |tx| {
        let make = |tx: &mut Tx<'_>| {
            let made = webhooks.create(tx, &mandate, Some(&which), (&new, &drawn), end)?;
            Ok((made.of.id, made.of.url, made.with.secret))
        };
        sent_form::once(tx, &form, make, |tx| webhooks.made_before(tx, &mandate, &drawn))
    });
    match made.await? {
        Ok((webhook, url, value)) => {
            let crumbs = crumbs(&head, "Secret");
            let page = SecretPage { crumbs, url, is_new: true, is_public, value, next: place(&id, &webhook) };
            Ok(desk.page(&app, Section::Accounts, &page))
        }
        Err(refusal) => {
            typed.refused(refusal, &FIELDS);
            let page = NewPage { crumbs: crumbs(&head, "New webhook"), account_path: of_account(&id), typed };
            Ok(desk.page_with(&app, StatusCode::CONFLICT, Section::Accounts, &page))
        }
    }
}

/// The webhook of this account with this id.
async fn found(desk: &Desk, app: &App, account: &str, id: &str) -> Result<Webhook, PageFailure> {
    let end = app.feed.end(&app.db).await?;
    let (webhooks, mandate) = (app.webhooks(), desk.mandate().clone());
    let (account, id) = (account.to_owned(), id.to_owned());
    desk.read(app, ReadCost::Scan, move |tx| {
        let found = webhooks.get(tx, &mandate, &id, end)?;
        match found.account_id.as_deref() == Some(&account) {
            true => Ok(found),
            false => Err(ActError::not_found("webhook", &id)),
        }
    })
    .await
}

/// `GET /console/accounts/{account}/webhooks/{webhook}`
async fn show(desk: Desk, app: web::Data<App>, path: web::Path<(String, String)>) -> Result<HttpResponse, PageFailure> {
    let (account, id) = path.into_inner();
    let of = found(&desk, &app, &account, &id).await?;
    let types = of.types.as_ref().map(|types| types.join("\n")).unwrap_or_default();
    let typed = Typed::with([
        ("url", of.url.clone()),
        ("description", of.description.clone().unwrap_or_default()),
        ("types", types),
    ]);
    page(&desk, &app, (&account, &of), typed, StatusCode::OK).await
}

async fn page(
    desk: &Desk,
    app: &App,
    (account, of): (&str, &Webhook),
    typed: Typed,
    status: StatusCode,
) -> Result<HttpResponse, PageFailure> {
    let (head, now) = (head_of(desk, app, account).await?, app.clock.now());
    let (mandate, id) = (desk.mandate().clone(), of.id.clone());
    let (letters, requests) = desk
        .read(app, ReadCost::Scan, move |tx| {
            let letters = service::dead_letters(tx, &mandate, &id, (0, SHOWN))?;
            Ok::<_, ActError>((letters, service::deliveries(tx, &mandate, &id, None, SHOWN)?))
        })
        .await?;
    let status_of = |status: Option<i64>| status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let letters = letters.into_iter().map(|(_, letter)| Line {
        event: letter.event_id,
        kind: letter.kind,
        at: When::at(letter.time.0),
        status: status_of(letter.status),
        count: letter.tries,
        problem: Some(wording::strip_invisible(&letter.problem)),
        is_wanted: letter.resend_requested.is_some(),
    });
    let requests = requests.into_iter().map(|(_, sent)| Line {
        event: sent.event_id,
        kind: sent.kind,
        at: When::ago(sent.at.0, now),
        status: status_of(sent.status),
        count: sent.took_ms,
        problem: sent.problem.as_deref().map(wording::strip_invisible),
        is_wanted: false,
    });
    let shown = WebhookPage {
        crumbs: crumbs(&head, of.description.as_deref().unwrap_or(&of.url)),
        one: shown(account, of, now),
        state: of.state.code(),
        is_v1a: of.public_key.0.is_some(),
        public_key: of.public_key.0.clone(),
        old_secret_until: of.old_secret_expires.map(|at| When::at(at.0)),
        cursor: of.cursor.clone(),
        letters: letters.collect(),
        requests: requests.collect(),
        typed,
        may_manage: desk.mandate().has(Power::ManageWebhooks),
    };
    Ok(desk.page_with(app, status, Section::Accounts, &shown))
}

/// `POST /console/accounts/{account}/webhooks/{webhook}`
async fn change(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let (account, id) = path.into_inner();
    let (before, mut typed) = (found(&desk, &app, &account, &id).await?, Typed::of(form));
    let read = parts::body::<WebhookChange>(fields_of(&typed));
    let read = read.and_then(|change| match service::mistakes_of_change(&change, &app.outbound) {
        mistakes if mistakes.is_empty() => Ok(change),
        mistakes => Err(mistakes),
    });
    let change = match read {
        Ok(change) => change,
        Err(mistakes) => {
            typed.mistakes(&mistakes, &FIELDS);
            return page(&desk, &app, (&account, &before), typed, StatusCode::BAD_REQUEST).await;
        }
    };
    match changed(&desk, &app, &id, change).await? {
        Ok(_) => Ok(desk.done(&app, &place(&account, &id), "The webhook is changed.")),
        Err(refusal) => {
            typed.refused(refusal, &FIELDS);
            page(&desk, &app, (&account, &before), typed, StatusCode::CONFLICT).await
        }
    }
}

async fn changed(
    desk: &Desk,
    app: &App,
    id: &str,
    change: WebhookChange,
) -> Result<Result<Webhook, crate::services::error::Refusal>, PageFailure> {
    let end = app.feed.end(&app.db).await?;
    let (webhooks, mandate, id) = (app.webhooks(), desk.mandate().clone(), id.to_owned());
    desk.act(app, move |tx| webhooks.change(tx, &mandate, &id, &change, end)).await
}

//! Webhooks of an account, or of all: to where events are sent, how that goes, what was refused; new ones, whose secret is shown once.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::{Map, Value, json};

use super::account::tabs_of;
use super::parts::{self, Badge, Crumb, Typed};
use super::receivers::{At, Line, lines};
use super::streams;
use super::tabs::{AccountHead, AccountTab};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::webhooks::{NewWebhook, Webhook, WebhookChange};
use crate::domain::operator::Power;
use crate::domain::receiver::State;
use crate::domain::when::When;
use crate::domain::wording;
use crate::http::edge::audience::{everywhere, within_reach};
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::services::event_streams;
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
    GET "/console/webhooks" everywhere(Power::Read) => list_of_all, "Lists the webhooks of all accounts, and how each is.";
    GET "/console/webhooks/new" everywhere(Power::ManageWebhooks) => new, "Asks where events are to be sent.";
    POST "/console/webhooks/new" everywhere(Power::ManageWebhooks) => create, "Creates a webhook of all accounts, and shows its secret this once.";
    GET "/console/webhooks/{webhook}" everywhere(Power::Read) => show, "Shows how a webhook of all accounts is, what it refused, and the latest requests.";
    POST "/console/webhooks/{webhook}" everywhere(Power::ManageWebhooks) => change, "Changes where events are sent, and which.";
    POST "/console/webhooks/{webhook}/test" everywhere(Power::ManageWebhooks) => act::test, "Sends a test event, and says what was answered.";
    POST "/console/webhooks/{webhook}/pause" everywhere(Power::ManageWebhooks) => act::pause, "Pauses a webhook of all accounts.";
    POST "/console/webhooks/{webhook}/resume" everywhere(Power::ManageWebhooks) => act::resume, "Lets a webhook of all accounts go on.";
    POST "/console/webhooks/{webhook}/resend" everywhere(Power::ManageWebhooks) => act::resend, "Has refused events sent again.";
    POST "/console/webhooks/{webhook}/secret" everywhere(Power::ManageWebhooks) => act::replace_secret, "Creates a new secret, and shows it this once.";
    GET "/console/webhooks/{webhook}/delete" everywhere(Power::ManageWebhooks) => act::ask_to_delete, "Says what deleting a webhook of all accounts does.";
    POST "/console/webhooks/{webhook}/delete" everywhere(Power::ManageWebhooks) => act::delete, "Deletes a webhook of all accounts.";
];

/// What bodies call the fields of these forms.
const FIELDS: [(&str, &str, &str); 4] = [
    ("url", "url", "The address"),
    ("description", "description", "The description"),
    ("types", "types", "The types"),
    ("after", "begin", "The beginning"),
];

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
    of: Receivers,
}

#[derive(Debug, Template)]
#[template(path = "console/webhooks.html")]
struct ListOfAllPage {
    crumbs: Vec<Crumb>,
    of: Receivers,
}

/// Where events are sent: webhooks, and streams of security event tokens.
#[derive(Debug)]
struct Receivers {
    /// The address of the list.
    path: String,
    rows: Vec<Shown>,
    streams: Vec<streams::Row>,
    may_manage: bool,
}

#[derive(Debug, Template)]
#[template(path = "console/webhook_new.html")]
struct NewPage {
    crumbs: Vec<Crumb>,
    /// The address of the list.
    path: String,
    is_of_all: bool,
    typed: Typed,
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

fn shown(at: &At, of: &Webhook, now: Timestamp) -> Shown {
    Shown {
        path: at.webhook(&of.id),
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

/// `GET /console/accounts/{account}/webhooks`
async fn list(desk: Desk, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let head = tabs_of(&desk, &app, at.account.as_deref().unwrap_or_default(), AccountTab::Webhooks).await?;
    let of = listed(&desk, &app, &at).await?;
    let page = ListPage { head, may_connect: false, is_overview: false, of };
    Ok(desk.page(&app, Section::Accounts, &page))
}

/// `GET /console/webhooks`
async fn list_of_all(desk: Desk, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let of = listed(&desk, &app, &at).await?;
    let crumbs = vec![Crumb::to("Accounts", "/console"), Crumb::here("All accounts")];
    Ok(desk.page(&app, Section::Accounts, &ListOfAllPage { crumbs, of }))
}

async fn listed(desk: &Desk, app: &App, at: &At) -> Result<Receivers, PageFailure> {
    let end = app.feed.end(&app.db).await?;
    let (webhooks, mandate, which) = (app.webhooks(), desk.mandate().clone(), at.account.clone());
    let read = move |tx: &mut Tx<'_>| {
        let webhooks = webhooks.list(tx, &mandate, which.as_deref(), (0, service::MOST), end)?;
        Ok::<_, ActError>((webhooks, event_streams::overview::list(tx, &mandate, which.as_deref(), end)?))
    };
    let ((webhooks, streams), now) = (desk.read(app, ReadCost::Scan, read).await?, app.clock.now());
    Ok(Receivers {
        path: at.list(),
        rows: webhooks.iter().map(|(_, of)| shown(at, of, now)).collect(),
        streams: streams.into_iter().map(|of| streams::Row::of(at, of, now)).collect(),
        may_manage: desk.mandate().has(Power::ManageWebhooks),
    })
}

async fn new_page(desk: &Desk, app: &App, at: &At, typed: Typed) -> Result<NewPage, PageFailure> {
    let crumbs = at.crumbs(desk, app, "New webhook").await?;
    Ok(NewPage { crumbs, path: at.list(), is_of_all: at.account.is_none(), typed })
}

/// `GET …/webhooks/new`
async fn new(desk: Desk, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let typed = Typed::with([("signature", "v1".to_owned()), ("begin", "latest".to_owned())]);
    let page = new_page(&desk, &app, &at, typed).await?;
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

/// `POST …/webhooks/new`
async fn create(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
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
            let page = new_page(&desk, &app, &at, typed).await?;
            return Ok(desk.page_with(&app, StatusCode::BAD_REQUEST, Section::Accounts, &page));
        }
    };
    let end = app.feed.end(&app.db).await?;
    let (webhooks, mandate, which, form) = (app.webhooks(), desk.mandate().clone(), at.account.clone(), desk.sent());
    let (made, seed) = form.seeds();
    let drawn = Drawn::of(made, seed);
    let is_public = typed.is("signature", "v1a");
    let made = desk.act(&app, move |tx| {
        let make = |tx: &mut Tx<'_>| {
            let made = webhooks.create(tx, &mandate, which.as_deref(), (&new, &drawn), end)?;
            Ok((made.of.id, made.of.url, made.with.secret))
        };
        sent_form::once(tx, &form, make, |tx| webhooks.made_before(tx, &mandate, &drawn))
    });
    match made.await? {
        Ok((webhook, url, value)) => {
            let crumbs = at.crumbs(&desk, &app, "Secret").await?;
            let page = SecretPage { crumbs, url, is_new: true, is_public, value, next: at.webhook(&webhook) };
            Ok(desk.page(&app, Section::Accounts, &page))
        }
        Err(refusal) => {
            typed.refused(refusal, &FIELDS);
            let page = new_page(&desk, &app, &at, typed).await?;
            Ok(desk.page_with(&app, StatusCode::CONFLICT, Section::Accounts, &page))
        }
    }
}

/// The webhook that a path names, of its account or of all.
async fn found(desk: &Desk, app: &App, at: &At) -> Result<Webhook, PageFailure> {
    let end = app.feed.end(&app.db).await?;
    let (webhooks, mandate) = (app.webhooks(), desk.mandate().clone());
    let At { account, id } = at.clone();
    desk.read(app, ReadCost::Scan, move |tx| {
        let found = webhooks.get(tx, &mandate, &id, end)?;
        match found.account_id == account {
            true => Ok(found),
            false => Err(ActError::not_found("webhook", &id)),
        }
    })
    .await
}

/// `GET …/webhooks/{webhook}`
async fn show(desk: Desk, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let of = found(&desk, &app, &at).await?;
    let types = of.types.as_ref().map(|types| types.join("\n")).unwrap_or_default();
    let typed = Typed::with([
        ("url", of.url.clone()),
        ("description", of.description.clone().unwrap_or_default()),
        ("types", types),
    ]);
    page(&desk, &app, (&at, &of), typed, StatusCode::OK).await
}

async fn page(
    desk: &Desk,
    app: &App,
    (at, of): (&At, &Webhook),
    typed: Typed,
    status: StatusCode,
) -> Result<HttpResponse, PageFailure> {
    let now = app.clock.now();
    let (letters, requests) = lines(desk, app, &of.id).await?;
    let shown = WebhookPage {
        crumbs: at.crumbs(desk, app, of.description.as_deref().unwrap_or(&of.url)).await?,
        one: shown(at, of, now),
        state: of.state.code(),
        is_v1a: of.public_key.0.is_some(),
        public_key: of.public_key.0.clone(),
        old_secret_until: of.old_secret_expires.map(|at| When::at(at.0)),
        cursor: of.cursor.clone(),
        letters,
        requests,
        typed,
        may_manage: desk.mandate().has(Power::ManageWebhooks),
    };
    Ok(desk.page_with(app, status, Section::Accounts, &shown))
}

/// `POST …/webhooks/{webhook}`
async fn change(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let (before, mut typed) = (found(&desk, &app, &at).await?, Typed::of(form));
    let read = parts::body::<WebhookChange>(fields_of(&typed));
    let read = read.and_then(|change| match service::mistakes_of_change(&change, &app.outbound) {
        mistakes if mistakes.is_empty() => Ok(change),
        mistakes => Err(mistakes),
    });
    let change = match read {
        Ok(change) => change,
        Err(mistakes) => {
            typed.mistakes(&mistakes, &FIELDS);
            return page(&desk, &app, (&at, &before), typed, StatusCode::BAD_REQUEST).await;
        }
    };
    match changed(&desk, &app, &at.id, change).await? {
        Ok(_) => Ok(desk.done(&app, &at.webhook(&at.id), "The webhook is changed.")),
        Err(refusal) => {
            typed.refused(refusal, &FIELDS);
            page(&desk, &app, (&at, &before), typed, StatusCode::CONFLICT).await
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

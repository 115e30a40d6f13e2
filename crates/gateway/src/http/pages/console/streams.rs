//! Streams of security event tokens, as operators see them: whose they are, how each is, what a pushed one was refused; paused, and ended.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::json;

use super::parts::{self, Badge, ConfirmPage, Crumb};
use super::receivers::{At, Line, lines};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::event_streams::EventStreamStatusChange;
use crate::domain::event_stream::StreamStatus;
use crate::domain::operator::Power;
use crate::domain::when::When;
use crate::domain::wording;
use crate::http::edge::audience::{everywhere, within_reach};
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::services::event_streams::overview::{self, StreamOverview};
use crate::services::{event_streams, webhooks};
use crate::storage::ReadCost;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}/streams/{stream}" within_reach(Power::Read) => show, "Shows how a stream of security event tokens is, and what was refused.";
    POST "/console/accounts/{account}/streams/{stream}/status" within_reach(Power::ChangeClients) => set, "Pauses a stream, or enables it.";
    POST "/console/accounts/{account}/streams/{stream}/resend" within_reach(Power::ChangeClients) => resend, "Has refused tokens sent again.";
    GET "/console/accounts/{account}/streams/{stream}/delete" within_reach(Power::ChangeClients) => ask_to_delete, "Says what ending a stream does.";
    POST "/console/accounts/{account}/streams/{stream}/delete" within_reach(Power::ChangeClients) => delete, "Ends a stream.";
    GET "/console/streams/{stream}" everywhere(Power::Read) => show, "Shows how a stream of all accounts is, and what was refused.";
    POST "/console/streams/{stream}/status" everywhere(Power::ChangeClients) => set, "Pauses a stream of all accounts, or enables it.";
    POST "/console/streams/{stream}/resend" everywhere(Power::ChangeClients) => resend, "Has refused tokens sent again.";
    GET "/console/streams/{stream}/delete" everywhere(Power::ChangeClients) => ask_to_delete, "Says what ending a stream of all accounts does.";
    POST "/console/streams/{stream}/delete" everywhere(Power::ChangeClients) => delete, "Ends a stream of all accounts.";
];

/// A stream as pages show it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) key: String,
    /// Where its tokens go; `None`: they are asked for.
    pub(super) endpoint: Option<String>,
    pub(super) badge: Badge,
    pub(super) summary: String,
    pub(super) waiting: i64,
    pub(super) last_success: Option<When>,
    pub(super) last_failure: Option<When>,
    pub(super) problem: Option<String>,
    pub(super) next_try: Option<When>,
}

impl Row {
    pub(super) fn of(at: &At, of: StreamOverview, now: Timestamp) -> Row {
        let receiver = of.receiver.as_ref();
        Row {
            path: at.stream(&of.stream.id),
            name: wording::strip_invisible(
                of.stream.description.as_deref().unwrap_or("A stream without a description"),
            ),
            key: wording::strip_invisible(&of.key),
            endpoint: receiver.map(|receiver| wording::strip_invisible(&receiver.url)),
            badge: badge(&of),
            summary: of.summary(),
            waiting: of.waiting,
            last_success: receiver.and_then(|receiver| receiver.delivered).map(|at| When::ago(at, now)),
            last_failure: receiver.and_then(|receiver| receiver.failed).map(|at| When::ago(at, now)),
            problem: receiver.and_then(|receiver| receiver.problem.as_deref()).map(wording::strip_invisible),
            next_try: of.next_try(now).map(When::at),
        }
    }
}

fn badge(of: &StreamOverview) -> Badge {
    let (class, icon, words) = match of.stream.status {
        StreamStatus::Paused => ("neutral", "pause", "Paused"),
        StreamStatus::Disabled => ("broken", "broken", "Disabled"),
        StreamStatus::Enabled if of.tries() > 0 => ("broken", "broken", "Not taking tokens"),
        StreamStatus::Enabled if of.dead_letters > 0 => ("attention", "attention", "Refused tokens"),
        StreamStatus::Enabled => ("ok", "ok", "Working"),
    };
    Badge { class, icon, words }
}

#[derive(Debug, Template)]
#[template(path = "console/stream.html")]
struct StreamPage {
    crumbs: Vec<Crumb>,
    one: Row,
    status: &'static str,
    is_pushed: bool,
    letters: Vec<Line>,
    requests: Vec<Line>,
    may_change: bool,
}

/// The stream that a path names, of its account or of all.
async fn found(desk: &Desk, app: &App, at: &At) -> Result<StreamOverview, PageFailure> {
    let end = app.feed.end(&app.db).await?;
    let (mandate, At { account, id }) = (desk.mandate().clone(), at.clone());
    desk.read(app, ReadCost::Scan, move |tx| overview::get(tx, &mandate, (account.as_deref(), &id), end)).await
}

/// `GET …/streams/{stream}`
async fn show(desk: Desk, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let of = found(&desk, &app, &at).await?;
    let is_pushed = of.receiver.is_some();
    let (letters, requests) = if is_pushed { lines(&desk, &app, &at.id).await? } else { (Vec::new(), Vec::new()) };
    let status = of.stream.status.code();
    let one = Row::of(&at, of, app.clock.now());
    let page = StreamPage {
        crumbs: at.crumbs(&desk, &app, &one.name).await?,
        one,
        status,
        is_pushed,
        letters,
        requests,
        may_change: desk.mandate().has(Power::ChangeClients),
    };
    Ok(desk.page(&app, Section::Accounts, &page))
}

/// `POST …/status`
async fn set(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    found(&desk, &app, &at).await?;
    let fields = json!({"stream_id": at.id, "status": form.field("status")});
    let fields = fields.as_object().cloned().unwrap_or_default();
    let change = parts::body::<EventStreamStatusChange>(fields).map_err(ActError::invalid)?;
    let (mandate, end) = (desk.mandate().clone(), app.feed.end(&app.db).await?);
    let set = desk.write(&app, move |tx| event_streams::set_status(tx, &mandate, &change, end)).await?;
    tell_receiver(&app, at.id.clone());
    let said = match set.status {
        StreamStatus::Enabled => "The stream goes on.",
        StreamStatus::Paused => "The stream is paused. It keeps its place, for as long as events are kept.",
        StreamStatus::Disabled => "The stream is disabled.",
    };
    Ok(desk.done(&app, &at.stream(&at.id), said))
}

/// Sends what a stream that is pushed has to say of itself; the page does not wait for the receiver.
fn tell_receiver(app: &web::Data<App>, stream: String) {
    let app = app.clone();
    actix_web::rt::spawn(async move {
        if let Err(error) = app.deliverer.push_own_tokens(&stream).await {
            tracing::warn!(stream, %error, "what an event stream says of itself was not sent");
        }
    });
}

/// `POST …/resend`
async fn resend(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    if found(&desk, &app, &at).await?.receiver.is_none() {
        return Ok(desk.done(&app, &at.stream(&at.id), "Its receiver asks for the tokens: nothing is sent to it."));
    }
    let event = Some(form.field("event").to_owned()).filter(|event| !event.is_empty());
    let (mandate, which) = (desk.mandate().clone(), at.id.clone());
    let resent = desk.write(&app, move |tx| webhooks::resend(tx, &mandate, &which, event.as_deref())).await?;
    let said = match resent.count {
        1 => "The token is sent again: load this page anew to see how that went.".to_owned(),
        n => format!("{n} tokens are sent again: load this page anew to see how that went."),
    };
    Ok(desk.done(&app, &at.stream(&at.id), &said))
}

/// `GET …/delete`
async fn ask_to_delete(desk: Desk, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let of = found(&desk, &app, &at).await?;
    let page = ConfirmPage {
        crumbs: at.crumbs(&desk, &app, "End").await?,
        title: "End this stream?".to_owned(),
        about: "This cannot be undone. You can pause it instead: then nothing is lost.".to_owned(),
        points: vec![
            format!(
                "The product key {} has this stream no more; it may make another one.",
                wording::strip_invisible(&of.key)
            ),
            format!(
                "Events that it has not told ({}) and tokens that were refused ({}) are not told.",
                of.waiting, of.dead_letters
            ),
            "The events themselves stay in the feed.".to_owned(),
        ],
        action: format!("{}/delete", at.stream(&at.id)),
        hidden: Vec::new(),
        button: "End this stream".to_owned(),
        is_danger: true,
        keep: "Keep it".to_owned(),
        keep_path: at.stream(&at.id),
    };
    Ok(desk.page(&app, Section::Accounts, &page))
}

/// `POST …/delete`
async fn delete(sent: Submitted, app: web::Data<App>, at: At) -> Result<HttpResponse, PageFailure> {
    let desk = sent.desk;
    found(&desk, &app, &at).await?;
    let (mandate, list) = (desk.mandate().clone(), at.list());
    desk.write(&app, move |tx| event_streams::delete(tx, &mandate, &at.id)).await?;
    Ok(desk.done(&app, &list, "The stream is ended."))
}

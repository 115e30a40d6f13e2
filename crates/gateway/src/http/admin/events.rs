//! The feed of every change, below `/events`: read by the vendor's product, from a place on.

use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, Responder, web};

use super::body::Params;
use super::operator::Operator;
use super::page::Limit;
use crate::app::App;
use crate::domain::bodies::events::{AccountDigest, FeedPage, Snapshot};
use crate::domain::described::query::query;
use crate::domain::described::{Components, Text, Whole};
use crate::domain::operator::Power;
use crate::domain::scopes::READ_EVENTS;
use crate::http::edge::audience::keys_and;
use crate::http::edge::endpoints::{Endpoint, operations};
use crate::http::edge::operation::{Answers, Media, Success};
use crate::http::edge::problem::Problem;
use crate::services::events::{self, Question};
use crate::storage::ReadCost;

/// Its endpoints, below `/events`.
pub static ENDPOINTS: &[Endpoint] = operations![
    "Events" {
        GET "" keys_and(Power::Read, READ_EVENTS) => poll,
            "Reads what happened after a cursor, in its order; waits for it where that is asked.", 404 "There is no such account.",
            409 "The feed is off.", 410 "Events after the cursor are not kept any more: take a snapshot.";
        GET "/snapshot" keys_and(Power::Read, READ_EVENTS) => snapshot,
            "Reads an account as it is: users with what they may do, groups and members, page by page, with the cursor after which the feed goes on.",
            404 "There is no such account.", 409 "The feed is off.", 410 "The snapshot is too old to go on with: begin anew.";
        GET "/digest" keys_and(Power::Read, READ_EVENTS) => digest,
            "Reads the digest of an account at a cursor, with which a reader compares its copy.", 404 "There is no such account.",
            409 "The feed is off.";
    }
];

query! {
    /// Which events are read.
    pub(super) struct EventsQuery {
        /// The `cursor` of the last event, page or snapshot; from the oldest event that is kept, if it is left out.
        after: Text,
        /// The id of an account: only what concerns it. A cursor goes on with what it was answered for.
        account: Text,
        /// Types of events, separated by commas, as in `user.created,group.*`; all, if it is left out.
        types as "type": Text,
        /// So many seconds the answer may take, where there is nothing yet; 0 if it is left out.
        wait: Whole<0, 60>,
        /// How many events there are at most; 100 if nothing is said. A page may have fewer, and `more` all the same.
        limit: Limit,
    }
}

query! {
    /// Of which account a snapshot is taken.
    pub(super) struct SnapshotQuery {
        /// The id of an account.
        account: Text,
        /// The `next` of the page before.
        after: Text,
        /// How many users, groups and members there are at most; 100 if nothing is said.
        limit: Limit,
    }
}

query! {
    /// Of which account.
    pub(super) struct DigestQuery {
        /// The id of an account.
        account: Text,
    }
}

fn named(account: Option<Text>) -> Result<String, Problem> {
    let missing = || Problem::field("account", "is missing: say of which account, by its id");
    account.map(|Text(account)| account).ok_or_else(missing)
}

/// `GET /events/snapshot`
pub(super) async fn snapshot(
    operator: Operator,
    app: web::Data<App>,
    query: Params<SnapshotQuery>,
) -> Result<web::Json<Snapshot>, Problem> {
    let SnapshotQuery { account, after, limit } = query.0;
    let (account, after) = (named(account)?, after.map(|Text(after)| after));
    let limit = limit.and_then(|limit| usize::try_from(limit.0).ok()).unwrap_or(100);
    let end = app.feed.end(&app.db).await?;
    let work = app.clone();
    let page = operator.read(&app, ReadCost::Scan, move |tx, mandate| {
        work.feed.snapshot(tx, mandate, &work.schemas, (&account, after.as_deref(), limit), end)
    });
    Ok(web::Json(page.await?))
}

/// So often a digest is tried again while the account is written to,
const TRIES: usize = 20;
/// after so long a pause.
const PAUSE: Duration = Duration::from_millis(50);

/// `GET /events/digest`
pub(super) async fn digest(
    operator: Operator,
    app: web::Data<App>,
    query: Params<DigestQuery>,
) -> Result<web::Json<AccountDigest>, Problem> {
    let account = named(query.0.account)?;
    for _ in 0..TRIES {
        let end = app.feed.end(&app.db).await?;
        let (work, of) = (app.clone(), account.clone());
        let digest = operator
            .read(&app, ReadCost::Scan, move |tx, mandate| work.feed.digest(tx, mandate, &work.schemas, &of, end));
        match digest.await? {
            Some(digest) => return Ok(web::Json(digest)),
            None => tokio::time::sleep(PAUSE).await,
        }
    }
    Err(Problem::busy("the account is being written to: ask again"))
}

/// `GET /events`
pub(super) async fn poll(
    mut operator: Operator,
    request: HttpRequest,
    app: web::Data<App>,
    query: Params<EventsQuery>,
) -> Result<Events, Problem> {
    let EventsQuery { after, account, types, wait, limit } = query.0;
    let types = types.map(|Text(text)| events::types(&text)).transpose();
    let limit = limit.and_then(|limit| usize::try_from(limit.0).ok()).unwrap_or(100);
    let mut question = Question {
        after: after.map(|Text(after)| after),
        account: account.map(|Text(account)| account),
        types: types.map_err(|mistake| Problem::invalid(vec![mistake]))?,
        limit,
    };
    let mut waits = true;
    let until = Instant::now() + Duration::from_secs(wait.map_or(0, |wait| wait.0));
    loop {
        let end = app.feed.end(&app.db).await?;
        let (feed, asked) = (app.feed.clone(), question.clone());
        let page = operator.read(&app, ReadCost::Scan, move |tx, mandate| feed.page(tx, mandate, &asked, end)).await?;
        let is_over = !waits || Instant::now() >= until || app.stopping.has_begun();
        if !page.events.is_empty() || page.more || is_over {
            let cursor = page.cursor.to_string();
            let body = format!(r#"{{"events":[{}],"cursor":"{cursor}","more":{}}}"#, page.events.join(","), page.more);
            return Ok(Events(body));
        }
        // What was looked through is not looked through again.
        let beyond = page.cursor.seq;
        question.after = Some(page.cursor.to_string());
        waits = app.feed.wait(&app.db, beyond, until, &app.stopping).await?;
        operator = Operator::still(&request, &app).await?;
    }
}

/// A page of events, as JSON.
#[derive(Debug)]
pub(super) struct Events(String);

impl Responder for Events {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type("application/json").body(self.0)
    }
}

impl Answers for Events {
    fn describe(components: &mut Components) -> Vec<Success> {
        vec![Success { status: 200, about: "The events.", body: Some(Media::of::<FeedPage>(components)) }]
    }
}

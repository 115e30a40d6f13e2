//! Reading the request log.

use actix_web::web;

use super::body::Params;
use super::operator::Operator;
use super::page::{Items, Limit, Page};
use crate::app::App;
use crate::domain::described::query::{After, query};
use crate::domain::described::{Time, answer};
use crate::domain::request::{IgnoredAttribute, Pasted};
use crate::http::edge::problem::Problem;
use crate::services::requests::{self, Answer, LoggedRequest, Of};
use crate::storage::ReadCost;
use crate::storage::requests::search::{Asked, RequestFilter};

mod question;
pub(super) mod recording;

use question::{Code, PastedText, RequestIdText, StatusRange, TargetText};

use super::audit::question::Moment;

query! {
    /// Which requests are listed: those that fit all that is said.
    pub(super) struct RequestsQuery {
        /// The status of the answer, as `409`, or its class, as `4xx`.
        status: StatusRange,
        /// The id of what it was about, or the name that had.
        target: TargetText,
        /// Why it was refused, as `uniqueness` ([all there are](why-did-it-fail.md#the-codes)).
        code: Code,
        /// From this time on, as in RFC 3339.
        since: Moment,
        /// How many items there are at most; 100 if nothing is said. A page may have fewer, or none, and a `next` all the same.
        limit: Limit,
        /// The `next` of the page before.
        after: After,
    }
}

query! {
    /// Which requests are found.
    pub(super) struct PastedQuery {
        /// What the identity provider shows: all of it, or the part that repeats our answer. Quotation marks, escapes, line breaks and what
        /// stands around it do not matter.
        text: PastedText,
        /// How many items there are at most; 100 if nothing is said.
        limit: Limit,
        /// The `next` of the page before: it looks at older requests.
        after: After,
    }
}

answer! {
    /// What a request sent and was ignored.
    pub(super) struct Ignored {
        /// As it was sent.
        path: String,
        /// The known name that is nearest, if one is near.
        nearest: Option<String>,
    }
    example {"path": "product_environment", "nearest": "product_environments"}
}

answer! {
    /// What came of a request.
    pub(super) struct RequestRow {
        /// When it began.
        at: Time,
        /// Its id: the `X-Request-Id` of the answer.
        request_id: String,
        /// The id of its account, if it is known.
        account: Option<String>,
        /// The id of its client, if it is known.
        client: Option<String>,
        /// What the client is called.
        client_name: Option<String>,
        /// Who acted, where that was not the client.
        actor: Option<String>,
        /// From which network address.
        address: Option<String>,
        /// The method.
        method: String,
        /// The route, as `/scim/v2/Users/{id}`.
        endpoint: String,
        /// The id of what it was about.
        target: Option<String>,
        /// What that was called then.
        target_name: Option<String>,
        /// The status of the answer; 0 of a call to another server that gave none.
        status: i64,
        /// Why it was refused ([all there are](why-did-it-fail.md)).
        code: Option<String>,
        /// The very text that was sent.
        detail: Option<String>,
        /// How long it took, in microseconds.
        microseconds: i64,
        /// What it was forgiven ([tolerances](tolerances.md)).
        tolerances: Vec<String>,
        /// What it sent and was ignored, each as `path` with the `nearest` known name.
        ignored: Vec<Ignored>,
        /// Members who do not exist and were left out.
        skipped_members: Vec<String>,
        /// Those of them that the group waits for.
        pending_members: Vec<String>,
        /// The attributes that changed.
        changed: Vec<String>,
        /// How many members joined groups.
        joined: i64,
        /// How many members left groups.
        left: i64,
        /// Whether it was recorded in full.
        recorded: bool,
    }
    example {
        "at": "2026-11-23T20:00:00.000Z", "request_id": "01kbx3n7q8f2m0v5t9r4cwz", "account": "0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b", "client": "3f2a9c0d4b5e46718293a4b5c6d7e8f9", "client_name": "Okta", "actor": null,
        "address": "192.0.2.17", "method": "POST", "endpoint": "/scim/v2/Users", "target": null, "target_name": "ana@acme.test", "status": 409,
        "code": "uniqueness", "detail": "userName is taken by another User", "microseconds": 1250, "tolerances": [],
        "ignored": [{"path": "product_environment", "nearest": "product_environments"}], "skipped_members": [], "pending_members": [], "changed": [],
        "joined": 0, "left": 0, "recorded": false
    }
}

answer! {
    /// A page of the request log.
    pub(super) struct RequestList {
        /// The requests, newest first.
        items: Vec<RequestRow>,
        /// What to send as `after` for the next page. The last page has none.
        next: Option<String>,
        /// How many requests of the account were not recorded, by any server, because more came than could be written: since `since`, whole
        /// hours counted, or for as long as requests are kept.
        dropped: i64,
    }
    example {"items": [], "next": null, "dropped": 0}
}

/// `GET /admin/accounts/{account}/requests`
pub(super) async fn of_account(
    operator: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<RequestsQuery>,
) -> Result<web::Json<RequestList>, Problem> {
    let (filter, page) = asked(query.0);
    let read = operator.read(&app, ReadCost::Scan, move |tx, mandate| {
        requests::page(tx, mandate, Of::Account(&account), filter.clone(), page.after, page.limit)
    });
    Ok(web::Json(list(read.await?)))
}

/// `GET /admin/clients/{client}/requests`
pub(super) async fn of_client(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
    query: Params<RequestsQuery>,
) -> Result<web::Json<RequestList>, Problem> {
    let (filter, page) = asked(query.0);
    let read = operator.read(&app, ReadCost::Scan, move |tx, mandate| {
        requests::page(tx, mandate, Of::Client(&client), filter.clone(), page.after, page.limit)
    });
    Ok(web::Json(list(read.await?)))
}

fn asked(query: RequestsQuery) -> (RequestFilter, Page) {
    let RequestsQuery { status, target, code, since, limit, after } = query;
    let filter = RequestFilter {
        status: status.map(|range| (range.least, range.most)),
        target: target.map(|target| target.0),
        code: code.map(|code| code.0.name().to_owned()),
        since: since.map(|since| since.0),
        ..RequestFilter::of(Asked::All)
    };
    (filter, Page::of(limit, after))
}

fn list(answer: Answer) -> RequestList {
    let Answer { items, next, dropped } = answer;
    let items = items.into_iter().map(representation).collect();
    RequestList { items, next: next.map(|row| row.to_string()), dropped }
}

/// `GET /admin/requests/{request}`: all that is recorded under one id, what the server itself asked others for included.
pub(super) async fn get(
    operator: Operator,
    app: web::Data<App>,
    request: web::Path<String>,
) -> Result<web::Json<Items<RequestRow>>, Problem> {
    let RequestIdText(id) = RequestIdText::of(&request)?;
    let rows = operator.read(&app, ReadCost::Scan, move |tx, mandate| requests::called(tx, mandate, &id)).await?;
    Ok(web::Json(Items::all(rows.into_iter().map(representation).collect())))
}

/// `GET /admin/requests?text=…`: those whose text fits best stand first; of those that fit alike, the newest.
pub(super) async fn find(
    operator: Operator,
    app: web::Data<App>,
    query: Params<PastedQuery>,
) -> Result<web::Json<Items<RequestRow>>, Problem> {
    let PastedQuery { text, limit, after } = query.0;
    let Some(PastedText(text)) = text else {
        return Err(Problem::field("?text", "is missing: paste what the identity provider shows"));
    };
    let pasted = Pasted::read(&text).ok_or_else(|| Problem::field("?text", "has no words"))?;
    let page = Page::of(limit, after);
    let read = operator.read(&app, ReadCost::Scan, move |tx, mandate| {
        requests::pasted(tx, mandate, &text, &pasted, page.after, page.limit)
    });
    let Answer { items, next, .. } = read.await?;
    let items = items.into_iter().map(representation).collect();
    Ok(web::Json(Items { items, next: next.map(|row| row.to_string()) }))
}

fn representation(logged: LoggedRequest) -> RequestRow {
    let LoggedRequest { row, account, client_name } = logged;
    let told = row.told();
    let ignored = |IgnoredAttribute { path, nearest }| Ignored { path, nearest };
    RequestRow {
        at: Time(row.at()),
        request_id: row.request_id(),
        account: account.map(|account| account.id),
        client_name,
        status: row.status.into(),
        microseconds: row.micros,
        tolerances: told.tolerances,
        ignored: told.ignored.into_iter().map(ignored).collect(),
        skipped_members: told.skipped,
        pending_members: told.pending,
        changed: told.changed,
        joined: told.joined,
        left: told.left,
        recorded: told.recorded,
        client: row.client,
        actor: row.actor,
        address: row.address,
        method: row.method,
        endpoint: row.endpoint,
        target: row.target,
        target_name: row.target_name,
        code: row.code,
        detail: row.detail,
    }
}

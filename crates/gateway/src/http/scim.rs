//! The SCIM endpoint (RFC 7644): a handler parses, runs one unit of work, and answers.
//!
//! Everything below `/scim/v2` comes through [`handle`], so that every refusal, be it of an unknown path, a wrong method or a
//! body too large, is a SCIM error (§3.12).

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use scim::index_query::{IndexQuery, KeyRange};
use scim::route::{Action, Discovery, Request, Route, Target as RouteTarget};
use scim::schema::{ResourceTypeId, USER};
use scim::{AttributeKey, Id, ListResponse, PatchRequest, Precondition, Projection, Resource, SearchRequest, service};
use serde_json::{Map, Value};

use crate::app::App;
use crate::domain::actor::Origin;
use crate::domain::ids::AccountKey;
use crate::http::edge::bearer;
use crate::http::edge::kept;
use crate::http::edge::query;
use crate::http::edge::recording;
use crate::services::budget::Charge;
use crate::services::service_provider::ServiceProvider;
use crate::storage::{AccountTx, DbError, ReadCost, Tx, Wanted};

mod answer;
mod bulk;
mod caller;
mod cursors;
mod failure;
mod message;
mod place;
mod rehearsal;
mod weight;

use answer::{Done, Shown, json, resource, written};
use caller::long::{self, Change, Target};
use caller::{Caller, Outcome};
pub(crate) use failure::ScimFailure;
use message::{Content, Message};
pub(crate) use rehearsal::{NotRehearsed, Rehearsed, rehearse};

/// Where the metadata of this endpoint as a protected resource is (RFC 9728 §3.1).
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource/scim/v2";

/// `GET, POST, PUT, PATCH, DELETE /scim/v2/…`
///
/// Nothing on the way keeps what is answered (RFC 9111 §5.2.2): an answer with an entity tag may be kept by the client alone, which
/// asks each time whether it is still so.
pub async fn handle(request: HttpRequest, app: web::Data<App>, payload: web::Payload) -> HttpResponse {
    let charge = app.budget.charge();
    let answer = answer_or_refuse(&request, &app, charge.clone(), payload).await;
    let mut answer = charge.with(held(&request, answer));
    let cached = if answer.headers().contains_key(header::ETAG) { "private, no-cache" } else { "no-store" };
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static(cached));
    answer
}

/// An answer, of which what is sent in pieces is held where it is recorded.
fn held(request: &HttpRequest, answer: HttpResponse) -> HttpResponse {
    let notes = recording::notes_of(request);
    if notes.take_down().recorded.is_none() {
        return answer;
    }
    let answer = answer.map_body(|_, body| {
        let (body, held) = kept::hold_answer(body, true);
        notes.take_down().answer = held;
        body
    });
    answer.map_into_boxed_body()
}

async fn answer_or_refuse(request: &HttpRequest, app: &App, charge: Charge, payload: web::Payload) -> HttpResponse {
    recording::notes_of(request).take_down().endpoint = Some("/scim/v2/…".into());
    let caller = Caller::of(request, app, charge);
    let pace = caller.pace();
    if let Err(too_fast) = pace.keeps(app) {
        return too_fast.answer();
    }
    let answer = proven_or_refused(request, app, caller, payload).await;
    pace.count(app);
    answer
}

async fn proven_or_refused(request: &HttpRequest, app: &App, caller: Caller, payload: web::Payload) -> HttpResponse {
    let failure = match caller.proven(request, app).await {
        Ok(caller) => match answer(Message::of(request, payload), app, caller.clone()).await {
            Ok(answer) => return answer,
            Err(failure) => caller.mask_failure(app, failure).await,
        },
        Err(failure) => failure,
    };
    if let ScimFailure::Bearer(error) = &failure {
        bearer::note_refusal(request, app, error);
        recording::note_refused_token(request, app);
    }
    with_metadata(app, failure.answer())
}

/// An answer whose challenge, if it has one, names where the metadata of this resource is (RFC 9728 §5.1).
fn with_metadata(app: &App, mut answer: HttpResponse) -> HttpResponse {
    let challenge = answer.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let named = challenge.map(|challenge| format!("{challenge}, resource_metadata=\"{}{METADATA}\"", app.public_url));
    if let Some(value) = named.and_then(|text| header::HeaderValue::try_from(text).ok()) {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    answer
}

async fn answer(message: Message<'_>, app: &App, mut caller: Caller) -> Result<HttpResponse, ScimFailure> {
    let Message { method, below, query, headers, content } = message;
    let route = Route::of(method, below, app.schemas.configured())?;
    note_route(app, &caller, &route);
    let pairs =
        query::pairs(query).map_err(|e| scim::Error::InvalidSyntax(format!("the query string is malformed: {e}")))?;
    let pairs = || pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let asked_for = match route {
        Route::Discovery(asked) => {
            let base = caller.base(app);
            let provider = caller.enter(app).await?;
            return discovery(app, &asked, (&provider, &base), pairs().any(|(name, _)| name == "filter"));
        }
        Route::Resource(asked_for) => asked_for,
    };
    caller = caller.asking(pairs().map(|(name, _)| name));
    let asked = SearchRequest::from_query(pairs())?;
    match asked_for {
        Request::Create(kind) => {
            let body = body(headers, app, &mut caller, content).await?;
            create(app, caller, kind, asked, body).await
        }
        Request::Query(kind) => search(app, caller, kind, asked).await,
        Request::Search(kind) => {
            let asked = SearchRequest::from_body(&body(headers, app, &mut caller, content).await?)?;
            search(app, caller, kind, asked).await
        }
        Request::One(action, kind, target) => {
            let id = match target {
                RouteTarget::Id(id) => Ok(id),
                RouteTarget::Me => Ok(caller.user(app).await?),
                RouteTarget::None(text) => Err(text),
            };
            let body = match action {
                Action::Replace | Action::Patch => body(headers, app, &mut caller, content).await?,
                Action::Get | Action::Delete => Value::Null,
            };
            match id {
                Ok(id) => one(headers, app, caller, action, (kind, id), asked, body).await,
                Err(text) => {
                    caller.enter(app).await?;
                    let name = &app.schemas.configured().get(kind).name;
                    Err(scim::Error::NotFound(format!("No {name} with id {text}")).into())
                }
            }
        }
        Request::Bulk => {
            let body = body(headers, app, &mut caller, content).await?;
            bulk::run(headers, app, caller, body).await
        }
    }
}

/// Notes which endpoint is asked, and about what.
fn note_route(app: &App, caller: &Caller, route: &Route) {
    let schemas = app.schemas.configured();
    let of = |kind: ResourceTypeId| schemas.get(kind).endpoint.as_str();
    let endpoint: Cow<'static, str> = match route {
        Route::Discovery(Discovery::ServiceProviderConfig) => "/scim/v2/ServiceProviderConfig".into(),
        Route::Discovery(Discovery::ResourceTypes(None)) => "/scim/v2/ResourceTypes".into(),
        Route::Discovery(Discovery::ResourceTypes(Some(_))) => "/scim/v2/ResourceTypes/{name}".into(),
        Route::Discovery(Discovery::Schemas(None)) => "/scim/v2/Schemas".into(),
        Route::Discovery(Discovery::Schemas(Some(_))) => "/scim/v2/Schemas/{urn}".into(),
        Route::Resource(Request::Bulk) => "/scim/v2/Bulk".into(),
        Route::Resource(Request::Query(None)) => "/scim/v2".into(),
        Route::Resource(Request::Search(None)) => "/scim/v2/.search".into(),
        Route::Resource(Request::One(_, _, RouteTarget::Me)) => "/scim/v2/Me".into(),
        Route::Resource(Request::Create(kind) | Request::Query(Some(kind))) => format!("/scim/v2/{}", of(*kind)).into(),
        Route::Resource(Request::Search(Some(kind))) => format!("/scim/v2/{}/.search", of(*kind)).into(),
        Route::Resource(Request::One(_, kind, _)) => format!("/scim/v2/{}/{{id}}", of(*kind)).into(),
    };
    let mut notes = caller.notes.take_down();
    notes.endpoint = Some(endpoint);
    if let Route::Resource(Request::One(_, _, RouteTarget::Id(id))) = route {
        notes.target = Some(id.to_string());
    }
}

/// Notes what a body calls the resource that is to be made.
fn note_name(caller: &Caller, body: &Value) {
    let name = ["userName", "displayName"].into_iter().find_map(|name| {
        let (_, value) = body.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        value.as_str()
    });
    if let Some(name) = name {
        caller.notes.take_down().is_about(name);
    }
}

/// Reads a body of a caller who has shown a token.
async fn body(headers: &HeaderMap, app: &App, caller: &mut Caller, content: Content) -> Result<Value, ScimFailure> {
    if let Content::Sent(_) = &content {
        caller.require_own_token(app).await?;
    }
    message::read_json(headers, app, caller, content).await
}

/// A request about one resource.
async fn one(
    headers: &HeaderMap,
    app: &App,
    caller: Caller,
    action: Action,
    (kind, id): (ResourceTypeId, Id),
    asked: SearchRequest,
    body: Value,
) -> Result<HttpResponse, ScimFailure> {
    match action {
        Action::Get => get(headers, app, caller, kind, id, asked).await,
        Action::Replace => {
            let target = Target { kind, id, if_match: if_match(headers) };
            change(app, caller, target, asked, Change::Replace(body), true).await
        }
        Action::Patch => {
            // A group's answer is 204 unless the caller asked for attributes: its member list may be long, and no client wants it back.
            let wants_body = kind != scim::schema::GROUP || asked.names_attributes();
            let patch = Change::Patch(PatchRequest::parse(&body)?);
            let target = Target { kind, id, if_match: if_match(headers) };
            change(app, caller, target, asked, patch, wants_body).await
        }
        Action::Delete => delete(headers, app, caller, kind, id).await,
    }
}

/// So many resources make a page that takes a while.
const LONG_PAGE: u32 = 200;

/// How much a read may cost, by what the configuration knows: what an account declares beyond that never makes it less. One with many
/// members turns out to be long when it is done.
fn cost(app: &App, kind: ResourceTypeId, asked: &SearchRequest) -> ReadCost {
    let described = app.schemas.configured().get(kind);
    if asked.is_indexed(described) && asked.page(app.limits()) <= LONG_PAGE { ReadCost::Point } else { ReadCost::Scan }
}

/// The search key of the user that is asked for, where all that is asked is who has a `userName`.
fn user_name(app: &App, kind: ResourceTypeId, asked: &SearchRequest) -> Option<Wanted> {
    match asked.index_query(app.schemas.configured().get(kind))? {
        IndexQuery::Keys { attribute, range: KeyRange::Equals(key) } if attribute == AttributeKey::user_name() => {
            (kind == USER && asked.cursor.is_none()).then_some(Wanted::UserName(key))
        }
        _ => None,
    }
}

/// The list of all users, where a page of it is asked for by its index.
fn list(kind: ResourceTypeId, asked: &SearchRequest) -> Option<Wanted> {
    let is_by_index = asked.filter.is_none() && asked.sort_by.is_none() && asked.cursor.is_none();
    (kind == USER && is_by_index).then(|| Wanted::List(kind, scim::cursor::list_key(kind, asked)))
}

/// A user who is to be made, with the names that they are to have as far as the body and the configuration tell.
fn new_user(app: &App, body: &Value) -> Wanted {
    let given = |wanted: &str| {
        let (_, value) = body.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        // What is longer is no name, and PostgreSQL has no text with a NUL.
        value
            .as_str()
            .is_some_and(|text| text.len() <= 1_000 && !text.contains('\0'))
            .then(|| (wanted.to_owned(), value.clone()))
    };
    let named: Map<String, Value> = ["userName", "externalId"].into_iter().filter_map(given).collect();
    let awaited = named.values().filter_map(Value::as_str).map(scim::key_of_text).collect();
    Wanted::NewUser(scim::keys_of_names(app.schemas.configured(), named), awaited)
}

async fn create(
    app: &App,
    caller: Caller,
    kind: ResourceTypeId,
    asked: SearchRequest,
    body: Value,
) -> Result<HttpResponse, ScimFailure> {
    note_name(&caller, &body);
    let notes = caller.notes.clone();
    let wanted = (kind == USER).then(|| new_user(app, &body));
    let work = move |store: &mut AccountTx<'_, '_>, cx: &mut scim::Context<'_>| {
        let shown = asked.projection(cx.registry.get(kind))?;
        Ok((service::create(store, cx, kind, &body, &shown)?, shown))
    };
    let caller = caller.wanting(wanted);
    let Outcome { value: (made, shown), registry } = caller.write(app, work).await?;
    notes.take_down().wrote(&made);
    Ok(written(StatusCode::CREATED, Done::new(app, &registry, &made, Some(&shown))))
}

async fn get(
    headers: &HeaderMap,
    app: &App,
    caller: Caller,
    kind: ResourceTypeId,
    id: Id,
    asked: SearchRequest,
) -> Result<HttpResponse, ScimFailure> {
    let id_wanted = id.clone();
    let work = move |store: &mut AccountTx<'_, '_>, cx: &mut scim::Context<'_>| {
        let shown = asked.projection(cx.registry.get(kind))?;
        let found = match cx.registry.catalog(kind) {
            Some(catalog) => service::get(&mut catalog.store(cx.registry, cx.account_values), cx, kind, &id, &shown)?,
            None => service::get(store, cx, kind, &id, &shown)?,
        };
        Ok((found, shown))
    };
    let caller = caller.wanting((kind == USER).then_some(Wanted::Id(id_wanted)));
    let (base, notes) = (caller.base(app), caller.notes.clone());
    let show = move |Outcome { value: (found, shown), registry }: Outcome<(Resource, Projection)>| {
        notes.take_down().is_about(found.display());
        Shown::of(&base, &registry, &found, &shown)
    };
    Ok(resource(headers, StatusCode::OK, caller.read(app, ReadCost::Point, work, show).await?))
}

/// A PUT or a PATCH. `wants_body` is whether its answer shows the resource.
async fn change(
    app: &App,
    caller: Caller,
    target: Target,
    asked: SearchRequest,
    change: Change,
    wants_body: bool,
) -> Result<HttpResponse, ScimFailure> {
    let (target, change) = (Arc::new(target), Arc::new(change));
    let kind = target.kind;
    let caller = caller.wanting(Some(change.locks(&target)));
    let shown = move |cx: &scim::Context<'_>| {
        let shown = asked.projection(cx.registry.get(kind))?;
        Ok::<_, scim::Error>(wants_body.then_some(shown))
    };
    let status = if wants_body { StatusCode::OK } else { StatusCode::NO_CONTENT };
    if !caller.may_take_long() || caller.is_rehearsing() {
        let (short_target, short_change, shown) = (target.clone(), change.clone(), shown.clone());
        let work = move |store: &mut AccountTx<'_, '_>, cx: &mut scim::Context<'_>| {
            let shown = shown(cx)?;
            Ok((short_change.make(store, cx, &short_target, shown.as_ref())?, shown))
        };
        match caller.change_shortly(app, work).await {
            Err(ScimFailure::Database(DbError::TakesLong)) => {}
            outcome => {
                let Outcome { value: (made, shown), registry } = outcome?;
                caller.notes.take_down().wrote(&made);
                return Ok(written(status, Done::new(app, &registry, &made, shown.as_ref())));
            }
        }
    }
    Ok(written(status, long::change(app, caller, target, change, shown).await?))
}

async fn delete(
    headers: &HeaderMap,
    app: &App,
    caller: Caller,
    kind: ResourceTypeId,
    id: Id,
) -> Result<HttpResponse, ScimFailure> {
    let if_match = if_match(headers);
    let caller = caller.wanting(Some(Wanted::Leaving(id.clone())));
    caller.write(app, move |store, cx| service::delete(store, cx, kind, &id, &if_match)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A query about the resources of one type, or of all. Where the next page of a walk by index begins is kept before this one is
/// answered.
async fn search(
    app: &App,
    caller: Caller,
    kind: Option<ResourceTypeId>,
    asked: SearchRequest,
) -> Result<HttpResponse, ScimFailure> {
    // A page of one or two is how a connection is tried out.
    caller.notes.take_down().lists_users =
        kind == Some(scim::schema::USER) && asked.filter.is_none() && asked.count.is_none_or(|count| count > 2);
    let short = kind.is_some_and(|kind| cost(app, kind, &asked) == ReadCost::Point);
    let caller = caller.wanting(kind.and_then(|kind| user_name(app, kind, &asked).or_else(|| list(kind, &asked))));
    let work = move |store: &mut AccountTx<'_, '_>, cx: &mut scim::Context<'_>| {
        let (list, shown) = match kind {
            Some(kind) => {
                let shown = asked.projection(cx.registry.get(kind))?;
                let list = match cx.registry.catalog(kind) {
                    Some(catalog) => {
                        let mut words = catalog.store(cx.registry, cx.account_values);
                        // Made anew for each request, it has no use for a place in it.
                        ListResponse { saved_position: None, ..service::search(&mut words, cx, kind, &asked, &shown)? }
                    }
                    None => service::search(store, cx, kind, &asked, &shown)?,
                };
                (list, vec![(kind, shown)])
            }
            None => {
                let shown = asked.projections(cx.registry)?;
                (service::search_all(store, cx, &asked, &shown)?, shown)
            }
        };
        Ok((list, shown, store.account(), store.tx().origin.clone()))
    };
    let cost = if short { ReadCost::Point } else { ReadCost::Scan };
    let (base, payer) = (caller.base(app), caller.payer());
    let show = move |Outcome { value: (list, shown, account, actor), registry }: Outcome<Found>| {
        let body = list.representation_of_all(&shown, &registry, &base).to_bytes();
        (body, list.saved_position.map(|position| (position, account, actor)))
    };
    let rehearses = caller.is_rehearsing();
    let (body, position) = caller.read(app, cost, work, show).await?;
    if let Some((position, account, actor)) = position.filter(|_| !rehearses) {
        let keep = move |tx: &mut Tx<'_>| -> Result<(), ScimFailure> {
            let now = tx.now();
            tx.act_as(actor.clone());
            Ok(service::save_position(&mut tx.in_account(account, now, true), &position)?)
        };
        app.db.jot_for(payer, keep).await?;
    }
    Ok(json(StatusCode::OK).body(body))
}

/// What a query found, as whom it was shown to, and by which projections.
type Found = (ListResponse, Vec<(ResourceTypeId, Projection)>, AccountKey, Origin);

fn discovery(
    app: &App,
    asked: &Discovery,
    at: (&ServiceProvider, &str),
    filtered: bool,
) -> Result<HttpResponse, ScimFailure> {
    // RFC 7644 §4: a filter on discovery is refused with 403.
    if filtered {
        return Err(scim::Error::Forbidden("discovery endpoints take no filter".to_owned()).into());
    }
    let body = document(app, asked, at)?;
    Ok(json(StatusCode::OK).body(body.to_string()))
}

fn document(app: &App, asked: &Discovery, at: (&ServiceProvider, &str)) -> Result<Value, ScimFailure> {
    let (ServiceProvider { registry, account_values, .. }, base) = at;
    let missing = |kind: &str, name: &str| scim::Error::NotFound(format!("There is no {kind} {name}"));
    Ok(match asked {
        Discovery::ResourceTypes(None) => scim::discovery::resource_types(registry, base),
        Discovery::ResourceTypes(Some(name)) => {
            scim::discovery::resource_type(registry, base, name).ok_or_else(|| missing("resource type", name))?
        }
        Discovery::Schemas(None) => scim::discovery::schemas(registry, account_values, base),
        Discovery::Schemas(Some(urn)) => {
            scim::discovery::schema(registry, account_values, base, urn).ok_or_else(|| missing("schema", urn))?
        }
        Discovery::ServiceProviderConfig => scim::discovery::service_provider_config(&facts(app, base)),
    })
}

fn facts<'a>(app: &App, base: &'a str) -> scim::discovery::Facts<'a> {
    scim::discovery::Facts {
        base,
        limits: app.limits(),
        max_payload: app.config.scim.max_body_bytes,
        documentation_uri: None,
    }
}

fn if_match(headers: &HeaderMap) -> Precondition {
    let header = headers.get(header::IF_MATCH);
    Precondition::if_match(header.map(|value| value.to_str().unwrap_or_default()))
}

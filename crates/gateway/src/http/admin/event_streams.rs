//! Streams of security event tokens below `/ssf`: their management (OpenID Shared Signals Framework 1.0 §8) and polls (RFC 8936), for product
//! keys. The metadata that name these endpoints stand with those of the authorization server, whose issuer signs the tokens.

use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError, web};
use serde_json::{Map, Value, json};

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::operator::Operator;
use crate::app::App;
use crate::domain::bodies::event_streams::{
    ByToken, EventStreamChange, EventStreamConfiguration, EventStreamStatus, EventStreamStatusChange, NewEventStream,
    PollAnswer, PollRequest, VerificationRequest,
};
use crate::domain::described::query::query;
use crate::domain::described::{Components, Described, Text};
use crate::domain::operator::Power;
use crate::domain::scopes::READ_EVENTS;
use crate::http::edge::audience::keys_and;
use crate::http::edge::endpoints::{Endpoint, operations};
use crate::http::edge::operation::{Answers, Media, Success};
use crate::http::edge::problem::Problem;
use crate::services::event_streams::poll::{self, Page};
use crate::services::event_streams::{self, Change};
use crate::storage::{DbError, ReadCost};

/// Where they are.
pub const PATH: &str = "/ssf";

/// A poll takes so long where there is nothing to tell; proxies on the way wait longer.
const LONGEST_POLL: Duration = Duration::from_secs(30);
/// So often a poll that waits looks whether the stream itself is another, or has something to say.
const LOOK: Duration = Duration::from_secs(2);

/// Its endpoints, below `/ssf`.
pub static ENDPOINTS: &[Endpoint] = operations![
    "Event streams" {
        GET "/stream" keys_and(Power::Read, READ_EVENTS) => read,
            "Reads a stream of security event tokens; without `stream_id`, all streams of the key.", 404 "The key has no such stream.";
        POST "/stream" keys_and(Power::Read, READ_EVENTS) => create, "Makes a stream, which tells what happens from now on.",
            409 "The key has its most streams; an operator asks; or the feed is off.";
        PATCH "/stream" keys_and(Power::Read, READ_EVENTS) => change, "Changes a stream; what is left out stays.",
            404 "The key has no such stream.", 409 "An operator asks.";
        PUT "/stream" keys_and(Power::Read, READ_EVENTS) => replace, "Changes a stream; what is left out is taken away.",
            404 "The key has no such stream.", 409 "An operator asks.";
        DELETE "/stream" keys_and(Power::Read, READ_EVENTS) => delete, "Ends a stream. An operator needs the role `platform` or `csm`.",
            404 "The key has no such stream.";
        GET "/status" keys_and(Power::Read, READ_EVENTS) => status, "Reads whether a stream tells anything, and what its receiver last refused.",
            404 "The key has no such stream.";
        POST "/status" keys_and(Power::Read, READ_EVENTS) => set_status,
            "Pauses, disables or enables a stream. An operator needs the role `platform` or `csm`.", 404 "The key has no such stream.";
        POST "/verify" keys_and(Power::Read, READ_EVENTS) => verify, "Has a token say that a stream works.", 404 "The key has no such stream.",
            409 "An operator asks.", 429 "It was asked for less than `min_verification_interval` seconds before.";
        POST "/streams/{stream}/poll" keys_and(Power::Read, READ_EVENTS) => poll_stream,
            "Acknowledges security event tokens of a stream and reads the next; waits for them where there are none.",
            404 "The key has no such stream.", 409 "An operator asks; the stream is pushed; or the feed is off.";
    }
];

query! {
    /// Which stream.
    pub(super) struct StreamQuery {
        /// The id of a stream.
        stream_id: Text,
    }
}

fn named(query: StreamQuery) -> Result<String, Problem> {
    let missing = || Problem::field("stream_id", "is missing: say which stream");
    query.stream_id.map(|Text(id)| id).ok_or_else(missing)
}

/// A stream, or all of them.
pub(super) enum Streams {
    One(Box<EventStreamConfiguration>),
    All(Vec<EventStreamConfiguration>),
}

impl Answers for Streams {
    fn describe(components: &mut Components) -> Vec<Success> {
        let one = EventStreamConfiguration::schema(components);
        let schema = json!({"anyOf": [one, {"type": "array", "items": one}]});
        let body = Some(Media { schema, example: EventStreamConfiguration::example(), is_required: false });
        vec![Success { status: 200, about: "The stream, or the list of all.", body }]
    }
}

impl Responder for Streams {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        match self {
            Streams::One(stream) => HttpResponse::Ok().json(stream),
            Streams::All(streams) => HttpResponse::Ok().json(streams),
        }
    }
}

/// `GET /ssf/stream`
pub(super) async fn read(
    operator: Operator,
    app: web::Data<App>,
    query: Params<StreamQuery>,
) -> Result<Streams, Problem> {
    let work = app.clone();
    let read = operator.read(&app, ReadCost::Point, move |tx, mandate| {
        let rules = work.event_streams();
        Ok(match &query.0.stream_id {
            Some(Text(id)) => Streams::One(Box::new(event_streams::get(tx, mandate, &rules, id)?)),
            None => Streams::All(event_streams::list(tx, mandate, &rules)?),
        })
    });
    read.await
}

/// `POST /ssf/stream`
pub(super) async fn create(
    operator: Operator,
    app: web::Data<App>,
    body: Body<NewEventStream>,
) -> Result<Created<EventStreamConfiguration>, Problem> {
    let (new, end, work) = (body.finish()?, app.feed.end(&app.db).await?, app.clone());
    let body = operator
        .write(&app, move |tx, mandate| {
            work.feed.ensure_on()?;
            event_streams::create(tx, mandate, &work.event_streams(), &new, end)
        })
        .await?;
    Ok(Created { body, location: None })
}

/// `PATCH /ssf/stream`
pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    body: Body<EventStreamChange>,
) -> Result<web::Json<EventStreamConfiguration>, Problem> {
    changed(&operator, &app, body, Change::Some).await
}

/// `PUT /ssf/stream`
pub(super) async fn replace(
    operator: Operator,
    app: web::Data<App>,
    body: Body<EventStreamChange>,
) -> Result<web::Json<EventStreamConfiguration>, Problem> {
    changed(&operator, &app, body, Change::All).await
}

async fn changed(
    operator: &Operator,
    app: &web::Data<App>,
    body: Body<EventStreamChange>,
    how: Change,
) -> Result<web::Json<EventStreamConfiguration>, Problem> {
    let (asked, work) = (body.finish()?, app.clone());
    let changed =
        operator.write(app, move |tx, mandate| event_streams::change(tx, mandate, &work.event_streams(), &asked, how));
    Ok(web::Json(changed.await?))
}

/// `DELETE /ssf/stream`
pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    query: Params<StreamQuery>,
) -> Result<NoContent, Problem> {
    let id = named(query.0)?;
    operator.write(&app, move |tx, mandate| event_streams::delete(tx, mandate, &id)).await?;
    Ok(NoContent)
}

/// `GET /ssf/status`
pub(super) async fn status(
    operator: Operator,
    app: web::Data<App>,
    query: Params<StreamQuery>,
) -> Result<web::Json<EventStreamStatus>, Problem> {
    let id = named(query.0)?;
    let read = operator.read(&app, ReadCost::Point, move |tx, mandate| event_streams::status(tx, mandate, &id));
    Ok(web::Json(read.await?))
}

/// `POST /ssf/status`
pub(super) async fn set_status(
    operator: Operator,
    app: web::Data<App>,
    body: Body<EventStreamStatusChange>,
) -> Result<web::Json<EventStreamStatus>, Problem> {
    let (asked, end) = (body.finish()?, app.feed.end(&app.db).await?);
    let turned = operator.write(&app, move |tx, mandate| event_streams::set_status(tx, mandate, &asked, end)).await?;
    push_own_tokens(&app, turned.stream_id.clone());
    Ok(web::Json(turned))
}

/// Sends what a stream that is pushed has to say of itself; the request does not wait for the receiver.
fn push_own_tokens(app: &web::Data<App>, stream: String) {
    let app = app.clone();
    actix_web::rt::spawn(async move {
        if let Err(error) = app.deliverer.push_own_tokens(&stream).await {
            tracing::warn!(stream, %error, "what an event stream says of itself was not sent");
        }
    });
}

/// What came of a request for a verification.
pub(super) enum Verified {
    /// It is on its way.
    Yes,
    /// After so many seconds it may be asked for.
    TooSoon(i64),
}

impl Answers for Verified {
    fn describe(components: &mut Components) -> Vec<Success> {
        NoContent::describe(components)
    }
}

impl Responder for Verified {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let Verified::TooSoon(wait) = self else { return NoContent.respond_to(request) };
        let detail = format!("a verification of this stream was asked for a moment ago: ask again in {wait} seconds");
        let mut answer = Problem::with_status(StatusCode::TOO_MANY_REQUESTS, detail).error_response();
        answer.headers_mut().insert(header::RETRY_AFTER, wait.into());
        answer
    }
}

/// `POST /ssf/verify`
pub(super) async fn verify(
    operator: Operator,
    app: web::Data<App>,
    body: Body<VerificationRequest>,
) -> Result<Verified, Problem> {
    let asked = body.finish()?;
    let id = asked.stream_id.0.0.clone();
    let wait = operator.write(&app, move |tx, mandate| event_streams::verify(tx, mandate, &asked)).await?;
    if wait.is_none() {
        push_own_tokens(&app, id);
    }
    Ok(wait.map_or(Verified::Yes, Verified::TooSoon))
}

/// `POST /ssf/streams/{stream}/poll`
pub(super) async fn poll_stream(
    operator: Operator,
    app: web::Data<App>,
    stream: web::Path<String>,
    body: Body<PollRequest>,
) -> Result<web::Json<PollAnswer>, Problem> {
    let (stream, asked) = (stream.into_inner(), body.finish()?);
    let most = poll::wanted(&asked);
    let until = match most == 0 || asked.return_immediately == Some(true) {
        true => Instant::now(),
        false => Instant::now() + LONGEST_POLL,
    };
    let mut end = app.feed.end(&app.db).await?;
    let says_any = asked.ack.as_ref().is_some_and(|acks| !acks.0.is_empty())
        || asked.set_errs.as_ref().is_some_and(|errors| !errors.0.is_empty());
    if says_any {
        let id = stream.clone();
        operator.write(&app, move |tx, mandate| poll::acknowledge(tx, mandate, &id, &asked, end)).await?;
    }
    loop {
        let (work, id) = (app.clone(), stream.clone());
        let page = operator.read(&app, ReadCost::Scan, move |tx, mandate| {
            work.feed.ensure_on()?;
            poll::page(tx, mandate, &work.event_streams(), &id, most, end)
        });
        let id = stream.clone();
        let Some(page) = page.await? else {
            operator.write(&app, move |tx, mandate| poll::stop_lost(tx, mandate, &id, end)).await?;
            continue;
        };
        let moves = page.is_behind || !page.untold.is_empty();
        if moves {
            let untold = page.untold.clone();
            operator.write(&app, move |tx, mandate| poll::move_on(tx, mandate, &id, &untold, end)).await?;
        }
        let is_over = Instant::now() >= until || app.stopping.has_begun();
        if !page.tokens.is_empty() || is_over {
            return signed(&app, page).await;
        }
        if !(moves && page.more) {
            // A stream that is paused, or has something to say about itself, is looked at from time to time.
            let look = until.min(Instant::now() + LOOK);
            if !app.feed.wait(&app.db, page.beyond, look, &app.stopping).await? {
                return signed(&app, page).await;
            }
        }
        end = app.feed.end(&app.db).await?;
    }
}

/// The answer to a poll. Signatures take time, and so are made beside the requests.
async fn signed(app: &App, page: Page) -> Result<web::Json<PollAnswer>, Problem> {
    let keys = app.signer.current().await?;
    let Page { tokens, more, .. } = page;
    let sign = move || {
        let signed = tokens.iter().map(|token| Ok((token.jti.clone(), Value::String(token.signed(&keys)?))));
        signed.collect::<Result<Map<String, Value>, DbError>>()
    };
    let sets = tokio::task::spawn_blocking(sign).await.map_err(|_| DbError::Interrupted)??;
    Ok(web::Json(PollAnswer { sets: ByToken(sets), more_available: more }))
}

//! `/metrics`: what the server counts about itself, as Prometheus reads it. On the server's own listener it takes an operator's token; on the
//! listener that `metrics.bind` opens, which is meant for a closed network, it takes none.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::domain::operator::Power;
use crate::domain::receiver::Form;
use crate::http::admin::Operator;
use crate::http::edge::endpoints::{Endpoint, endpoints, resources};
use crate::http::edge::problem::Problem;
use crate::http::pages::templates;
use crate::platform::lane;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::storage::backlog::Backlog;
use crate::storage::receivers::turns::ReceiversStanding;
use crate::storage::signal_polls::PollsStanding;
use crate::storage::{DbError, ReadCost};

/// Where metrics are read.
pub static ENDPOINTS: &[Endpoint] = endpoints![
    GET "/metrics" => for_operators,
];

const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for resource in resources(ENDPOINTS, || web::to(templates::wrong_method)) {
        config.service(resource);
    }
}

/// The only route of a listener that is for metrics.
pub fn alone(config: &mut web::ServiceConfig) {
    config.service(web::resource("/metrics").route(web::get().to(open)));
}

async fn for_operators(app: web::Data<App>, operator: Operator) -> Result<HttpResponse, Problem> {
    operator.mandate().may_everywhere(Power::Read).map_err(ActError::from)?;
    Ok(shown(&app).await)
}

async fn open(app: web::Data<App>) -> HttpResponse {
    shown(&app).await
}

/// What is counted is shown even while the database does not answer: then above all it is looked at.
async fn shown(app: &App) -> HttpResponse {
    let now = app.clock.now();
    let waiting = app.db.read::<_, DbError, _>(ReadCost::Scan, move |tx| {
        Ok((tx.backlog(now)?, (tx.receivers_standing()?, tx.signal_polls_standing()?)))
    });
    let (backlog, standing) = waiting.await.ok().unzip();
    let (receivers, polls) = standing.unwrap_or_default();
    let mut registry = Registry::with_prefix("gateway");
    app.metrics.register(&mut registry);
    of_now(app, backlog, &mut registry);
    of_receivers(receivers, now, &mut registry);
    of_polls(polls, now, &mut registry);
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => HttpResponse::Ok().content_type(FORM).insert_header((CACHE_CONTROL, "no-store")).body(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPool {
    pool: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLane {
    lane: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWork {
    work: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfForm {
    form: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStanding {
    form: &'static str,
    state: String,
}

/// How receivers of the feed are. The states are those of a column that we write.
fn of_receivers(standing: Vec<ReceiversStanding>, now: Timestamp, registry: &mut Registry) {
    let receivers: Family<OfStanding, Gauge> = Family::default();
    let (behind, held): (Family<OfForm, Gauge>, Family<OfForm, Gauge>) = Default::default();
    for form in Form::ALL.iter().map(|form| form.code()) {
        for state in ["enabled", "held", "paused", "stopped", "lost"] {
            receivers.get_or_create(&OfStanding { form, state: state.to_owned() }).set(0);
        }
        behind.get_or_create(&OfForm { form }).set(0);
        held.get_or_create(&OfForm { form }).set(0);
    }
    for ReceiversStanding { form, state, count, behind: by, held_since } in standing {
        let form = form.code();
        if ["enabled", "held"].contains(&state.as_str()) {
            let known = behind.get_or_create(&OfForm { form });
            known.set(by.max(known.get()));
            let since = held_since.map_or(0, |since| (now - since).max(0) / 1000);
            let known = held.get_or_create(&OfForm { form });
            known.set(since.max(known.get()));
        }
        receivers.get_or_create(&OfStanding { form, state }).set(count);
    }
    registry.register("receivers", "Receivers of the feed: enabled, held, paused, stopped, lost", receivers);
    let about = "By how many numbers of the feed the last receiver is behind its end, that is neither paused nor out";
    registry.register("receivers_behind", about, behind);
    let about = "For how long a receiver does not take what it is sent, of all the longest";
    registry.register("receivers_held_seconds", about, held);
}

/// How it goes to fetch security events.
fn of_polls(PollsStanding { all, failing, failing_since }: PollsStanding, now: Timestamp, registry: &mut Registry) {
    let polls: Family<OfState, Gauge> = Family::default();
    for (state, n) in [("answered", all - failing), ("failing", failing)] {
        polls.get_or_create(&OfState { state }).set(n);
    }
    registry.register("signal_polls", "Accounts whose security events are fetched: answered, failing", polls);
    let since = failing_since.map_or(0, |since| (now - since).max(0) / 1000);
    let about = "For how long the security events of an account cannot be fetched, of all the longest";
    registry.register("signal_polls_failing_seconds", about, gauge(since));
}

/// What is so at this moment.
fn of_now(app: &App, backlog: Option<Backlog>, registry: &mut Registry) {
    let build = Info::new([("version", env!("CARGO_PKG_VERSION")), ("database", app.db.url().kind())]);
    registry.register("build", "What runs", build);
    let load = app.db.load();

    let pools: Family<OfPool, Gauge> = Family::default();
    for (pool, (in_use, idle)) in load.connections {
        for (state, n) in [("in_use", in_use), ("idle", idle)] {
            pools.get_or_create(&OfPool { pool, state }).set(n.into());
        }
    }
    registry.register("database_connections", "Connections to the database", pools);

    let (waiting, at_work): (Family<OfLane, Gauge>, Family<OfLane, Gauge>) = Default::default();
    for (lane, lane::Load { waiting: w, at_work: a }) in
        load.lanes.into_iter().chain([("passwords", app.passwords.load())])
    {
        waiting.get_or_create(&OfLane { lane }).set(count(w));
        at_work.get_or_create(&OfLane { lane }).set(count(a));
    }
    registry.register("lane_waiting", "What waits for a thread: units of work, passwords to be hashed", waiting);
    registry.register("lane_threads_at_work", "Threads that are at work", at_work);
    if let Some(queue) = load.writer_queue {
        registry.register("sqlite_queue", "Units of work that wait for SQLite's one writer", gauge(count(queue)));
    }

    registry.register(
        "request_log_waiting",
        "Requests that wait to be written to the request log",
        gauge(count(app.recorder.waiting())),
    );
    let dropped: Family<OfOutcome, Counter> = Family::default();
    let lost = app.recorder.dropped();
    for (outcome, n) in [("success", lost.successes), ("failure", lost.failures)] {
        dropped.get_or_create(&OfOutcome { outcome }).inc_by(n);
    }
    registry.register("request_log_dropped", "Requests that were left out of the request log since the start", dropped);

    if let Some(certificate) = &app.certificate {
        registry.register(
            "tls_certificate_expires_timestamp_seconds",
            "Until when the certificate counts that clients are shown",
            gauge(certificate.ends().millis() / 1000),
        );
    }

    let up: Gauge = gauge(backlog.is_some().into());
    registry.register("database_up", "Whether the database answered this scrape", up);
    let Some(backlog) = backlog else { return };
    let waits: Family<OfWork, Gauge> = Family::default();
    for (work, n) in [("letters", backlog.letters), ("audit_seals", backlog.unsealed), ("events", backlog.held_events)]
    {
        waits.get_or_create(&OfWork { work }).set(n);
    }
    registry.register("backlog", "What waits in the database for the background, of all replicas", waits);
    registry.register("events_kept", "Events of the feed that are kept, about", gauge(backlog.events));
    registry.register(
        "events_oldest_timestamp_seconds",
        "When the oldest event of the feed happened that is kept; 0 if there is none",
        gauge(backlog.oldest_event.millis() / 1000),
    );
    let expiring: Family<OfKind, Gauge> = Family::default();
    for (kind, n) in [("client_secret", backlog.secrets), ("static_token", backlog.static_tokens)] {
        expiring.get_or_create(&OfKind { kind }).set(n);
    }
    registry.register("expiring_within_week", "Credentials that expire within seven days", expiring);
    registry.register(
        "signing_key_created_timestamp_seconds",
        "When the newest signing key was made; keys are replaced by themselves",
        gauge(backlog.signing_key.millis() / 1000),
    );
}

fn gauge(value: i64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

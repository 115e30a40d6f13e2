//! What came of a request, for the request log: what handlers noted, and what its answer says.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::Instant;

use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use tracing::Span;

use super::{address, bearer, kept, trace};
use crate::app::App;
use crate::domain::metrics::requests::Answered;
use crate::domain::request::full::Held;
use crate::domain::request::{Findings, Notes, OwnCode, Owner, Refusal, RequestId, RequestRecord};
use crate::platform::timestamp::Timestamp;

/// A request that is being answered.
pub(super) struct Begun {
    at: Timestamp,
    id: RequestId,
    began: Instant,
    method: &'static str,
    /// Where handlers note what they find out.
    pub(super) notes: Notes,
    /// Around all that is done for it, where traces are sent.
    pub(super) span: Span,
}

impl Begun {
    /// Now, at this time.
    pub(super) fn now(at: Timestamp, id: RequestId, request: &ServiceRequest, span: Span) -> Begun {
        Begun { at, id, began: Instant::now(), method: name_of(request.method()), notes: Notes::default(), span }
    }

    /// Whether the body of its answer is wanted: its client is recorded in full.
    pub(super) fn is_recorded(&self) -> bool {
        self.notes.take_down().recorded.is_some()
    }

    /// Records it, if it is one of those that the log is about.
    pub(super) fn answered<B>(self, app: &App, response: &ServiceResponse<B>, answer: Option<Held>) {
        let request = response.request();
        let mut findings = self.notes.take();
        if findings.endpoint.is_none() {
            findings.endpoint = endpoint(request);
        }
        let is_of_the_log = findings.endpoint.is_some();
        let status = response.status().as_u16();
        if status < 400 && asks_again(request) {
            return;
        }
        if status >= 400 {
            // What it had done was undone.
            findings.changed = Default::default();
        }
        let refusal = refusal(response, findings.refusal.take());
        let took = self.began.elapsed();
        let code = refusal.as_ref().map(|refusal| refusal.code).filter(|_| is_of_the_log);
        let route = findings.endpoint.clone().or_else(|| request.match_pattern().map(Cow::Owned));
        let route = route.unwrap_or(Cow::Borrowed("…"));
        let told = Answered { method: self.method, route: &route, status, code, took };
        app.metrics.requests.count(&told, &findings);
        trace::tell(&self.span, &self.id, &told, &findings);
        if !is_of_the_log || !app.recorder.is_on() {
            return;
        }
        let Findings { parts, body, .. } = &mut findings;
        let known = OnceCell::new();
        let mentions = || *known.get_or_init(|| kept::mentions_secrets(request, body.as_ref()));
        let refusal = refusal.map(|refusal| kept::without_secrets(refusal, mentions));
        for part in parts {
            part.refusal = part.refusal.take().map(|refusal| kept::without_secrets(refusal, mentions));
        }
        let told = (status, response.headers());
        let recording = kept::recording(app, request, told, &mut findings, answer);
        let mut record = RequestRecord {
            at: self.at,
            id: self.id,
            address: address::of(request, &app.config.server.trusted_proxies),
            method: self.method,
            status,
            refusal,
            micros: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            findings,
            recording,
        };
        let parts = record.parts();
        app.recorder.record(record);
        parts.into_iter().for_each(|part| app.recorder.record(part));
    }
}

/// Whether a page that is open brings itself up to date, which says nothing new of its user.
fn asks_again(request: &HttpRequest) -> bool {
    request.method() == Method::GET && request.headers().get("purpose").is_some_and(|purpose| purpose == "update")
}

/// Why it was refused. No answer of a status from 400 on is without a code, should its handler have given none.
fn refusal<B>(response: &ServiceResponse<B>, noted: Option<Refusal>) -> Option<Refusal> {
    let said = response.response().extensions().get::<Refusal>().cloned().or(noted);
    let code = match response.status().as_u16() {
        ..400 => return said,
        404 => OwnCode::NoSuchEndpoint,
        405 => OwnCode::MethodNotAllowed,
        408 => OwnCode::BodyTooSlow,
        413 | 414 => OwnCode::PageRequestTooLarge,
        400..500 => OwnCode::StaleForm,
        _ => OwnCode::ServerFailed,
    };
    let reason = response.status().canonical_reason().unwrap_or_default();
    said.or_else(|| Some(Refusal::new(code, reason)))
}

/// The endpoint of a request whose handler noted none: of those of the authorization server, and of pages that people see, the route.
fn endpoint(request: &HttpRequest) -> Option<Cow<'static, str>> {
    if request.path().starts_with("/oauth2/") {
        return Some(request.match_pattern().map_or(Cow::Borrowed("/oauth2/…"), Cow::Owned));
    }
    let is_of_browsers = [
        "/login",
        "/saml",
        "/signals",
        "/account",
        "/password",
        "/console/login",
        "/console/welcome",
        "/setup",
        "/userinfo",
    ]
    .iter()
    .any(|page| request.path().strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    request.match_pattern().filter(|_| is_of_browsers).map(Cow::Owned)
}

/// A method by its name; what a client made up has none.
fn name_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "…",
    }
}

/// Notes whose token was refused, if it is one that was sealed here.
pub(crate) fn note_refused_token(request: &HttpRequest, app: &App) {
    let authorization = bearer::presented(request).ok().flatten();
    let notes = notes_of(request);
    if let Some((grant, _)) = app.oauth(|cx| oauth::bearer::sealed_grant(cx, authorization.as_deref())) {
        notes.take_down().owner = Owner::Grant(grant.number);
    }
}

/// Where handlers note what they find out about a request.
pub(crate) fn notes_of(request: &HttpRequest) -> Notes {
    request.extensions().get::<Notes>().cloned().unwrap_or_default()
}

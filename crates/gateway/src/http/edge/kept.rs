//! What is kept of a request whose client is recorded in full: secrets are replaced here, before anything of it goes on.

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};
use zeroize::Zeroizing;

use super::query;
use crate::app::App;
use crate::domain::request::full::{FullRecording, Held, KeptBody, Left, Recorded, SealedRecording};
use crate::domain::request::redaction::{
    Form, OAuthRedactor, Replaced, ScimRedactor, answer_header, is_secret_name, request_header, without_quotations,
};
use crate::domain::request::{Findings, Notes, Refusal, RefusalCode};
use crate::domain::sealing;
use crate::platform::system;

/// So many headers are kept.
const HEADERS: usize = 50;

/// Holds the body of a request until it is answered.
pub(crate) fn hold(request: &HttpRequest, bytes: &Bytes) {
    if let Some(notes) = request.extensions().get::<Notes>() {
        notes.take_down().body = Some(Held::of(bytes));
    }
}

/// Holds the body of an answer, if that is wanted and it is there as a whole.
pub(crate) fn hold_answer<B: MessageBody>(body: B, wanted: bool) -> (EitherBody<BoxBody, B>, Option<Held>) {
    if !wanted || body.size() == BodySize::None {
        return (EitherBody::right(body), None);
    }
    match body.try_into_bytes() {
        Ok(bytes) => {
            let held = Held::of(&bytes);
            (EitherBody::left(BoxBody::new(bytes)), Some(held))
        }
        Err(body) => (EitherBody::right(body), None),
    }
}

/// A refusal as it is kept. The text that tells what is wrong with a path or filter repeats a part of it; where a secret is mentioned, that
/// part is left out.
pub(super) fn without_secrets(refusal: Refusal, mentions_secrets: impl Fn() -> bool) -> Refusal {
    let repeats = [scim::RefusalCode::InvalidFilter, scim::RefusalCode::InvalidPath].map(RefusalCode::Scim);
    if !repeats.contains(&refusal.code) {
        return refusal;
    }
    match mentions_secrets() {
        true => Refusal { detail: without_quotations(&refusal.detail), ..refusal },
        false => refusal,
    }
}

/// Whether a query or body has the name of a secret in it.
pub(super) fn mentions_secrets(request: &HttpRequest, body: Option<&Held>) -> bool {
    let mentions = match body {
        Some(Held::Whole(bytes)) => is_secret_name(&String::from_utf8_lossy(bytes)),
        Some(Held::TooLarge(_)) => true,
        None => false,
    };
    mentions || is_secret_name(request.query_string())
}

/// The recording of a request that was answered so, if its client is recorded. Nothing of the bodies is left in the findings.
pub(super) fn recording(
    app: &App,
    request: &HttpRequest,
    (status, headers): (u16, &HeaderMap),
    findings: &mut Findings,
    answer: Option<Held>,
) -> Option<SealedRecording> {
    let (body, answer) = (findings.body.take(), findings.answer.take().or(answer));
    let recorded = findings.recorded.take()?;
    let exchange = Exchange { app, request, status, headers, body, answer, recorded: &recorded };
    let kept = match request.path() {
        "/scim/v2" => exchange.scim(findings),
        path if path.starts_with("/scim/v2/") => exchange.scim(findings),
        path if path.starts_with("/oauth2/") => exchange.oauth(),
        _ => return None,
    };
    let plain = Zeroizing::new(serde_json::to_vec(&kept).ok()?);
    let room = app.recorder.room().take(plain.len().saturating_mul(4) / 3 + 100)?;
    let sealed = app.keys.seal(sealing::RECORDING, system::nonce(), &plain);
    Some(SealedRecording { client: recorded.client, sealed, room: room.into() })
}

/// A request and its answer.
struct Exchange<'e> {
    app: &'e App,
    request: &'e HttpRequest,
    status: u16,
    headers: &'e HeaderMap,
    body: Option<Held>,
    answer: Option<Held>,
    recorded: &'e Recorded,
}

/// What is kept of a body that is read in this way, if it can be.
fn kept(held: Option<&Held>, read: impl FnOnce(&Bytes) -> Option<KeptBody>) -> KeptBody {
    let length = |bytes, because| KeptBody::Length { bytes: Some(bytes), because };
    match held {
        None => KeptBody::None,
        Some(Held::Whole(bytes)) if bytes.is_empty() => KeptBody::None,
        Some(Held::Whole(bytes)) => read(bytes).unwrap_or_else(|| length(bytes.len(), Left::Unreadable)),
        Some(Held::TooLarge(bytes)) => length(*bytes, Left::TooLarge),
    }
}

impl Exchange<'_> {
    fn scim(&self, findings: &Findings) -> FullRecording {
        let registry = self.recorded.registry.clone().unwrap_or_else(|| self.app.schemas.configured().clone());
        let method = self.request.method().as_str();
        let below = self.request.match_info().query("tail");
        let last = below.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let form = match (method, last) {
            (_, ".search") => Form::Search,
            ("POST", "Bulk") => Form::Bulk,
            ("PATCH", _) => Form::Patch,
            _ => Form::Resource,
        };
        let mut redactor = ScimRedactor::new(&registry);
        let body = self.body_by(|bytes| {
            let value = scim::json::parse(bytes).ok()?;
            Some(KeptBody::Json(redactor.body(form, &value)))
        });
        let pairs = query::pairs(self.request.query_string());
        let unread = pairs.is_err();
        let query = redactor.pairs(&pairs.unwrap_or_default());
        let path = redactor.replaced.text(self.request.path());
        let below_kept = redactor.replaced.text(below);
        let was_known = |name: &String| !findings.ignored.iter().any(|ignored| names(&ignored.path, name));
        let mut replaced = redactor.replaced;
        let mistaken = match self.status < 400 {
            true => redactor.unknown.iter().any(was_known),
            false => redactor.within_declared,
        };
        let headers = self.request_headers(&mut replaced);
        let is_public =
            ["Schemas", "ResourceTypes", "ServiceProviderConfig"].iter().any(|name| below.starts_with(name));
        let answer = match &self.answer {
            Some(held) if is_public => KeptBody::Length { bytes: Some(held.len()), because: Left::Public },
            held => kept(held.as_ref(), |bytes| {
                let value = serde_json::from_slice(bytes).ok()?;
                let mut redactor = ScimRedactor::new(&registry);
                redactor.mentions_secrets = mentions_secrets(self.request, self.body.as_ref());
                Some(KeptBody::Json(redactor.body(Form::Answer, &value)))
            }),
        };
        FullRecording {
            method: method.to_owned(),
            path,
            below: Some(below_kept),
            query,
            headers,
            body,
            status: self.status,
            answer_headers: self.answer_headers(),
            answer,
            grant: self.recorded.grant,
            matters: replaced.matters || mistaken || unread,
        }
    }

    fn oauth(&self) -> FullRecording {
        let mut redactor = OAuthRedactor { client: &self.recorded.client_id, replaced: Replaced::default() };
        let body = self.body_by(|bytes| {
            let pairs = query::pairs(std::str::from_utf8(bytes).ok()?).ok()?;
            Some(KeptBody::Form(redactor.pairs(&pairs)))
        });
        let query = redactor.pairs(&query::lenient(self.request.query_string().as_bytes()));
        let path = redactor.replaced.text(self.request.path());
        let mut replaced = redactor.replaced;
        let headers = self.request_headers(&mut replaced);
        let is_json =
            self.headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        let answer = match &self.answer {
            Some(held) if !is_json && !held.is_empty() => {
                KeptBody::Length { bytes: Some(held.len()), because: Left::Public }
            }
            held => kept(held.as_ref(), |bytes| {
                let value = serde_json::from_slice(bytes).ok()?;
                Some(KeptBody::Json(redactor.answer(&value)))
            }),
        };
        FullRecording {
            method: self.request.method().as_str().to_owned(),
            path,
            below: None,
            query,
            headers,
            body,
            status: self.status,
            answer_headers: self.answer_headers(),
            answer,
            grant: self.recorded.grant,
            matters: true,
        }
    }

    /// The request's body, read in this way.
    fn body_by(&self, read: impl FnOnce(&Bytes) -> Option<KeptBody>) -> KeptBody {
        match &self.body {
            None if matches!(self.request.method().as_str(), "POST" | "PUT" | "PATCH") => {
                KeptBody::Length { bytes: None, because: Left::NotRead }
            }
            held => kept(held.as_ref(), read),
        }
    }

    fn request_headers(&self, replaced: &mut Replaced) -> Vec<(String, String)> {
        let headers =
            self.request.headers().iter().filter_map(|(name, value)| {
                request_header(name.as_str(), value.to_str().unwrap_or_default(), replaced)
            });
        headers.take(HEADERS).collect()
    }

    fn answer_headers(&self) -> Vec<(String, String)> {
        let mut replaced = Replaced::default();
        let headers = self.headers.iter().filter_map(|(name, value)| {
            answer_header(name.as_str(), value.to_str().unwrap_or_default(), &mut replaced)
        });
        headers.take(HEADERS).collect()
    }
}

/// Whether an ignored path is that of a name.
fn names(ignored: &str, name: &str) -> bool {
    let bare = |text: &str| {
        let before = text.split('[').next().unwrap_or_default();
        let after = text.rsplit_once(']').map_or("", |(_, after)| after);
        format!("{before}{after}").to_ascii_lowercase()
    };
    bare(ignored).ends_with(&bare(name))
}

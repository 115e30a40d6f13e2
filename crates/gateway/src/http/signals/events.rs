//! Security events that a transmitter delivers by push (RFC 8935).
//!
//! 202 means that what follows from the events has been done. What was delivered before is taken again and does nothing; what nothing follows
//! from is taken too, and stands in the trail of the account.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use oauth::provider_token::{Kind, ProviderToken};
use serde_json::json;

use super::{SignalFailure, malformed, receiver, text_of, verified};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::http::edge::{recording, request_id};
use crate::services::signals::events::{events_of, take};

/// A refusal in the form of RFC 8935 §2.3.
#[derive(Debug)]
pub(super) struct PushFailure(SignalFailure);

impl From<SignalFailure> for PushFailure {
    fn from(failure: SignalFailure) -> PushFailure {
        PushFailure(failure)
    }
}

impl std::fmt::Display for PushFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl PushFailure {
    /// The error code (§2.4).
    fn code(&self) -> &'static str {
        match &self.0 {
            SignalFailure::Token(why) => why.code(),
            SignalFailure::Refused(403, _) => "access_denied",
            _ => "invalid_request",
        }
    }
}

impl ResponseError for PushFailure {
    fn status_code(&self) -> StatusCode {
        match &self.0 {
            // §2.3: what is wrong with a token is a 400 in each case.
            SignalFailure::Token(_) | SignalFailure::Refused(..) => StatusCode::BAD_REQUEST,
            other => other.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let (status, plain) = (self.status_code(), self.0.error_response());
        if status != StatusCode::BAD_REQUEST {
            return plain;
        }
        let refusal = self.0.refusal();
        let mut answer = HttpResponse::build(status)
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::CONTENT_LANGUAGE, "en"))
            .json(json!({"err": self.code(), "description": refusal.detail}));
        answer.extensions_mut().insert(refusal);
        answer
    }
}

/// `POST /signals/{account}/events`
pub(super) async fn receive(
    request: HttpRequest,
    app: web::Data<App>,
    account: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, PushFailure> {
    let notes = recording::notes_of(&request);
    let text = text_of(&request, &app, payload).await?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/secevent+jwt") {
        return Err(malformed("Send one Security Event Token as application/secevent+jwt.").into());
    }
    let token = ProviderToken::parse(Kind::SecurityEvent, text.trim()).map_err(SignalFailure::Token)?;
    let receiver = receiver(&app, &notes, account.into_inner()).await?;
    let now = app.clock.now();
    let audiences = receiver.audiences(&app.public_url);
    let claims = verified(&app, &notes, &receiver, &token, &audiences, now).await?;
    let events = events_of(&claims).map_err(|why| malformed(format!("The token is not accepted: {why}.")))?;

    let source = request_id::source_of(&request, &app.config.server.trusted_proxies);
    let (work, payer) = (app.clone(), receiver.account.seq.payer());
    let done = app.db.write_for(payer, move |tx| {
        tx.act_as(Actor::Provider(Named::id(&receiver.issuer.issuer)).at(source.clone()));
        // A transmitter that has not heard of our answer sends the same token again.
        take(tx, &work.scim_engine(), &work.keys, &receiver, &token, &events, now)?;
        Ok::<_, SignalFailure>(())
    });
    done.await?;
    Ok(HttpResponse::Accepted().insert_header((header::CACHE_CONTROL, "no-store")).finish())
}

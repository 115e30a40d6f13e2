//! The endpoints that identity providers call beside SCIM, each for one account: to have a user logged out everywhere, and to tell
//! of security events. They are authorized by what
//! the provider signs, with no credentials of ours.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::jose::Claims;
use oauth::provider_token::ProviderToken;

use crate::app::App;
use crate::domain::request::{Notes, OwnCode, Refusal};
use crate::http::edge::body::{self, BodyError};
use crate::http::edge::endpoints::{Endpoint, allowed, endpoints, resources};
use crate::http::edge::kept;
use crate::platform::outbound::Calls;
use crate::platform::timestamp::Timestamp;
use crate::platform::turns::Payer;
use crate::services::signals::{Doubt, Receiver};
use crate::storage::{DbError, ReadCost};

mod events;
mod failure;
mod revocation;

use failure::SignalFailure;

/// The most a body of these endpoints may have.
const BODY_LIMIT: usize = 64 << 10;

/// Every endpoint for identity providers beside SCIM.
pub static ENDPOINTS: &[Endpoint] = endpoints![
    POST "/signals/{account}/events" => events::receive,
    POST "/signals/{account}/global-token-revocation" => revocation::revoke,
];

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for resource in resources(ENDPOINTS, || web::to(wrong_method)) {
        config.service(resource);
    }
}

async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, SignalFailure> {
    Err(SignalFailure::Method(allowed(&request)))
}

/// The body, as text.
async fn text_of(request: &HttpRequest, app: &App, payload: web::Payload) -> Result<String, SignalFailure> {
    let bytes = body::read(payload, body::Patience::of(app, BODY_LIMIT)).await.map_err(|why| match why {
        BodyError::TooLarge => SignalFailure::TooLarge(BODY_LIMIT),
        BodyError::Stopping => SignalFailure::Database(DbError::Interrupted),
        BodyError::Broken(_) | BodyError::TooSlow(_) => malformed("The body broke off, or came too slowly."),
    })?;
    kept::hold(request, &bytes);
    String::from_utf8(bytes.to_vec()).map_err(|_| malformed("The body is not UTF-8."))
}

/// 400: the body is not what it has to be.
fn malformed(why: impl Into<String>) -> SignalFailure {
    SignalFailure::Refused(400, Refusal::new(OwnCode::SignalBodyInvalid, why))
}

/// The bearer token of a request (RFC 6750 §2.1).
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()).filter(|token| !token.is_empty())
}

/// The account of a request, whose provider may ask for something.
async fn receiver(app: &App, notes: &Notes, account: String) -> Result<Receiver, SignalFailure> {
    let found = app.db.read_for(Payer::SERVER, ReadCost::Point, move |tx| Receiver::find(tx, &account)).await?;
    let receiver = found.ok_or_else(|| SignalFailure::Refused(403, Receiver::missing()))?;
    notes.take_down().is_of_account(receiver.account.seq);
    Ok(receiver)
}

/// What a token says, if the provider has signed it for this account.
async fn verified(
    app: &App,
    notes: &Notes,
    receiver: &Receiver,
    token: &ProviderToken,
    audiences: &[String],
    now: Timestamp,
) -> Result<Claims, SignalFailure> {
    let calls = Calls::default();
    let believed = receiver.believe(&app.published_keys, token, audiences, now, &calls).await;
    notes.take_down().called(calls.take());
    believed.map_err(|doubt| match doubt {
        Doubt::Token(why) => SignalFailure::Token(why),
        Doubt::Keys(why) => SignalFailure::Keys(why),
    })
}

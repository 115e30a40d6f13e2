//! Global Token Revocation (draft-parecki-oauth-global-token-revocation): what Okta calls Universal Logout.
//!
//! 204 means that it is done: every session, grant and token of the user is refused by every replica from its next request on.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::provider_token::{Kind, ProviderToken};
use serde_json::Value;

use super::{SignalFailure, bearer, malformed, receiver, text_of, verified};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::subject_id::SubjectId;
use crate::http::edge::{recording, request_id};
use crate::services::accounts::sign_in::revocation_endpoint;
use crate::services::signals::revocation::{Until, log_out_everywhere};
use crate::services::signals::{replayed, subject};

/// The status of a refusal (§3.4.2).
fn status_of(refusal: &Refusal) -> u16 {
    let is = |code: OwnCode| refusal.code == code.into();
    if is(OwnCode::SignalSubjectForeign) {
        403
    } else if is(OwnCode::SignalSubjectUnknown) {
        404
    } else if is(OwnCode::SignalSubjectUnclear) {
        422
    } else {
        401
    }
}

/// `POST /signals/{account}/global-token-revocation`
pub(super) async fn revoke(
    request: HttpRequest,
    app: web::Data<App>,
    account: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, SignalFailure> {
    let notes = recording::notes_of(&request);
    let refused = |refusal: Refusal| SignalFailure::Refused(status_of(&refusal), refusal);
    let text = text_of(&request, &app, payload).await?;
    let Some(presented) = bearer(&request) else {
        let why = "Send a JWT that the account's identity provider has signed, as a bearer token.";
        return Err(refused(Refusal::new(OwnCode::SignalTokenMissing, why)));
    };
    let token = ProviderToken::parse(Kind::Revocation, presented).map_err(SignalFailure::Token)?;
    let receiver = receiver(&app, &notes, account.into_inner()).await?;
    let (now, endpoint) = (app.clock.now(), revocation_endpoint(&app.public_url, &receiver.account.id));
    verified(&app, &notes, &receiver, &token, &[endpoint], now).await?;
    let body: Value = serde_json::from_str(&text).map_err(|why| malformed(format!("The body is no JSON: {why}.")))?;
    let named = SubjectId::read(body.get("sub_id"), "sub_id").map_err(|why| malformed(format!("{why}.")))?;

    let source = request_id::source_of(&request, &app.config.server.trusted_proxies);
    let (work, payer) = (app.clone(), receiver.account.seq.payer());
    let revoked = app.db.write_for(payer, move |tx| {
        let issuer = &receiver.issuer.issuer;
        tx.act_as(Actor::Provider(Named::id(issuer)).at(source.clone()));
        if !receiver.spend(tx, &work.keys, &token)? {
            return Ok(Err(replayed()));
        }
        let provider = work.provider(&receiver.account)?;
        let found = work.scim(&provider, now, |cx| subject::find(tx, cx, &receiver.account, issuer, &named))?;
        let user = match found {
            Ok(user) => user,
            Err(refusal) => return Ok(Err(refusal)),
        };
        log_out_everywhere(tx, &receiver.account, &user, "Global Token Revocation", Until::NOW, now)?;
        Ok::<_, SignalFailure>(Ok(user))
    });
    let user = revoked.await?.map_err(refused)?;
    notes.take_down().target = Some(user.id);
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "no-store")).finish())
}

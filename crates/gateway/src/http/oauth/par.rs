//! Pushed authorization requests (RFC 9126).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::par::PushRequest;
use serde_json::json;

use super::Call;
use super::failure::OAuthFailure;
use super::proof::{self, Attempts};
use crate::app::App;
use crate::http::bearer;

/// `POST /oauth2/par`
pub(super) async fn push(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, OAuthFailure> {
    let call = Call::read(&request, &app, payload).await?;
    let dpop = bearer::proof(&request, &app).map_err(OAuthFailure::proof)?;
    let asked = PushRequest::parse(call.authorization.as_deref(), &call.query, &call.form, dpop)?;
    let asked = proof::with_keys(&app, asked).await?;
    let attempts = Attempts::of(&app, &asked, &call.actor);
    let (work, before) = (app.clone(), attempts.clone());
    let pushed = app.db.write(move |tx| {
        before.check(tx)?;
        tx.act_as(call.actor.clone());
        Ok::<_, OAuthFailure>(work.oauth(|cx| oauth::par::push(tx, cx, &asked))?)
    });
    let pushed = attempts.watch(&app, async { Ok(pushed.await??) }).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .json(json!({"request_uri": pushed.request_uri, "expires_in": pushed.expires_in})))
}

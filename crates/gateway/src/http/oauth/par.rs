//! Pushed authorization requests (RFC 9126).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::par::{LIFETIME_S, PushRequest, Pushed};
use serde_json::json;

use super::failure::OAuthFailure;
use super::proof::{self, Attempt};
use super::{Call, PUSHED_LIMIT};
use crate::app::App;
use crate::domain::throttle;
use crate::http::edge::bearer;
use crate::storage::{PushLimit, Tx};

/// What a client may push while a pushed request lives, if it proves who it is: its servers push for all of its users.
const CONFIDENTIAL: PushLimit = PushLimit { requests: 10_000, bytes: 32 << 20 };
/// The same for a public client, whose name any caller may use,
const PUBLIC: PushLimit = PushLimit { requests: 1_000, bytes: 4 << 20 };
/// and for what comes to public clients from one address, so that a stranger does not use up what is for all.
const ADDRESS: PushLimit = PushLimit { requests: 60, bytes: 256 << 10 };

/// `POST /oauth2/par`
pub(super) async fn push(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, OAuthFailure> {
    let call = Call::read_up_to(PUSHED_LIMIT, &request, &app, payload).await?;
    let dpop = bearer::proof(&request, &app).map_err(OAuthFailure::proof)?;
    let asked = PushRequest::parse(call.authorization.as_deref(), &call.query, &call.form, dpop)?;
    let asked = proof::with_keys(&app, &call.notes, asked).await?;
    let attempt = Attempt::of(&app, &asked, &call.origin, call.notes.clone());
    let (work, notes) = (app.clone(), attempt.notes.clone());
    let pushed = app.db.write(move |tx| {
        tx.act_as(call.origin.clone());
        let pushed = work.oauth_for(tx, &notes, |tx, cx| oauth::par::push(tx, cx, &asked))?;
        if let Ok(pushed) = &pushed {
            has_room(&work, tx, pushed)?;
        }
        Ok::<_, OAuthFailure>(pushed)
    });
    let pushed = attempt.watch(&app, async { Ok(pushed.await??) }).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .json(json!({"request_uri": pushed.request_uri, "expires_in": pushed.expires_in})))
}

/// Counts a request that was pushed; refuses it, and what it stored, where there is no more room.
fn has_room(app: &App, tx: &mut Tx<'_>, pushed: &Pushed) -> Result<(), OAuthFailure> {
    let now = app.clock.now();
    let until = now + i64::try_from(LIFETIME_S).unwrap_or_default() * 1000;
    let key = |what: &str, name: &str| app.keys.tag("pushed requests", format!("{what}\n{name}").as_bytes());
    let of_client = (key("client", pushed.client.as_str()), if pushed.public { PUBLIC } else { CONFIDENTIAL });
    let of_address = (key("address", &throttle::place(tx.origin.address.as_deref())), ADDRESS);
    for (key, limit) in [of_client].into_iter().chain(pushed.public.then_some(of_address)) {
        if let Some(over) = tx.count_pushed_request(&key, pushed.bytes, limit, now, until)? {
            return Err(OAuthFailure::TooManyPushed(throttle::retry_after(over, now)));
        }
    }
    Ok(())
}

//! Clients are told that a session of their user ended ([`services::logouts`](crate::services::logouts)).

use std::time::Duration;

use futures_util::future::join_all;

use crate::app::App;
use crate::domain::receiver::pause_after;
use crate::platform::outbound::post::Post;
use crate::platform::outbound::{Calls, Outbound};
use crate::platform::system;
use crate::services::logouts;
use crate::storage::relying_parties::ClaimedLogout;
use crate::storage::{DbError, ReadCost};

/// So many are told at once.
const AT_ONCE: i64 = 16;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// So much is read of it, in bytes.
const READ: usize = 1024;
/// No other replica tries for so long, in milliseconds: longer than a try may take.
const CLAIM: i64 = 60 * 1000;
/// It is tried for so long, in milliseconds: what a client believes of a session seldom lasts longer.
const TRY_FOR: i64 = 24 * 60 * 60 * 1000;

/// What calls are made with.
pub fn caller(app: &App) -> Outbound {
    app.outbound.beside(PATIENCE, AT_ONCE as usize)
}

/// Tells everything that is due.
pub async fn send_due(app: &App, outbound: &Outbound) -> Result<(), DbError> {
    loop {
        let now = app.clock.now();
        if !app.db.read(ReadCost::Point, move |tx| tx.logouts_are_due(now)).await? {
            return Ok(());
        }
        let claimed = app.db.write(move |tx| tx.claim_logouts(now, now + CLAIM, AT_ONCE)).await?;
        if claimed.is_empty() {
            return Ok(()); // another replica was faster
        }
        for outcome in join_all(claimed.into_iter().map(|token| send(app, outbound, token))).await {
            outcome?;
        }
    }
}

async fn send(app: &App, outbound: &Outbound, claimed: ClaimedLogout) -> Result<(), DbError> {
    let wanted = claimed.clone();
    let found = app.db.read(ReadCost::Point, move |tx| {
        let Some(id) = tx.client_of_logout(&wanted)? else { return Ok::<_, DbError>(None) };
        tx.client_record(&id)
    });
    // A client that is gone, switched off, or wants to be told no more, is not told.
    let client = found.await?.map(|record| record.client).filter(|client| !client.disabled);
    let known = client.and_then(|client| Some((client.options.backchannel_logout_uri.clone()?, client)));
    let Some((url, client)) = known else {
        return app.db.write(move |tx| tx.logout_was_told(&claimed)).await;
    };
    let token = logouts::token(&app.settings.issuer, &client, &claimed, app.clock.now());
    let token = app.signer.current().await?.sign(&token)?;
    let post = Post {
        url,
        headers: vec![
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ],
        body: format!("logout_token={token}"),
    };
    let problem = match outbound.post(post, &Calls::default(), READ).await {
        Ok(answered) if (200..300).contains(&answered.status) => {
            return app.db.write(move |tx| tx.logout_was_told(&claimed)).await;
        }
        Ok(answered) => format!("its logout endpoint answers with the status {}", answered.status),
        Err(why) => why.to_string(),
    };
    let now = app.clock.now();
    let again = now + pause_after(claimed.tries, None, system::unique());
    let again = Some(again).filter(|at| *at < claimed.made + TRY_FOR);
    let id = client.id.to_string();
    match again {
        Some(_) => tracing::info!(client = %id, %problem, "a client was not told of a log-out; it will be tried again"),
        None => tracing::warn!(client = %id, %problem, "a client was not told of a log-out, and is given up"),
    }
    app.db.write(move |tx| tx.logout_was_not_told(&claimed, &id, &problem, again, now)).await
}

//! Grants: who accepted what, and ending it.

use actix_web::web;
use oauth::{EndReason, GrantId};

use super::answer::NoContent;
use super::body::Params;
use super::operator::Operator;
use super::page::{self, Items, PageQuery};
use crate::app::App;
use crate::domain::described::{Time, answer};
use crate::http::edge::problem::Problem;

answer! {
    /// What a user has accepted for a client.
    pub(super) struct Grant {
        /// Its id.
        id: String,
        /// The client.
        client_id: String,
        /// What the client is called.
        client_name: String,
        /// The id of the user who accepted it, or whom it has passed to. `null` for a client's own.
        user: Option<String>,
        /// What was accepted, separated by spaces.
        scope: String,
        /// When it was accepted.
        created: Time,
        /// When it ended, if it has.
        ended: Option<Time>,
        /// Why it ended.
        end_reason: Option<String>,
        /// Since when it belongs to the account's co-owner.
        rebound: Option<Time>,
    }
    example {
        "id": "17", "client_id": "0198c1d2e3f4", "client_name": "Okta", "user": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        "scope": "offline provision:scim", "created": "2026-11-23T20:00:00.000Z", "ended": null, "end_reason": null, "rebound": null
    }
}

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    query: Params<PageQuery>,
) -> Result<web::Json<Items<Grant>>, Problem> {
    page::of_account(&app, account.into_inner(), query.0.into(), |tx, account, page| {
        let grants = tx.grants_after(account.seq, page.after.unwrap_or(0), page.limit)?.into_iter();
        let shown = grants.map(|grant| {
            let item = Grant {
                id: grant.seq.to_string(),
                client_id: grant.client,
                client_name: grant.client_name,
                user: grant.owner,
                scope: grant.scope,
                created: Time(grant.created),
                ended: grant.ended.map(Time),
                end_reason: grant.end_reason,
                rebound: grant.rebound.map(Time),
            };
            (grant.seq, item)
        });
        Ok(shown.collect())
    })
    .await
}

pub(super) async fn end(operator: Operator, app: web::Data<App>, id: web::Path<String>) -> Result<NoContent, Problem> {
    app.db
        .write(move |tx| {
            let not_found = || Problem::not_found("grant", &id);
            let grant = GrantId(id.parse().map_err(|_| not_found())?);
            if !tx.grant_exists(grant)? {
                return Err(not_found());
            }
            operator.sign(tx);
            tx.end_grant_for(grant, tx.now(), EndReason::Operator)?;
            Ok(())
        })
        .await?;
    Ok(NoContent)
}

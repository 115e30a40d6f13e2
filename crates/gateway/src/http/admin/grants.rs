//! Grants: who accepted what, and ending it.

use actix_web::{HttpRequest, HttpResponse, web};
use oauth::{EndReason, GrantId};
use serde_json::json;

use super::operator::Operator;
use super::page;
use crate::app::App;
use crate::http::edge::problem::Problem;
use crate::platform::system;

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    page::of_account(&app, account.into_inner(), &request, |tx, account, page| {
        let grants = tx.grants_after(account.seq, page.after.unwrap_or(0), page.limit)?.into_iter();
        let shown = grants.map(|grant| {
            let item = json!({
                "id": grant.seq.to_string(),
                "client_id": grant.client,
                "client_name": grant.client_name,
                "user": grant.owner,
                "scope": grant.scope,
                "created": system::rfc3339(grant.created),
                "ended": grant.ended.map(system::rfc3339),
                "end_reason": grant.end_reason,
                "rebound": grant.rebound.map(system::rfc3339),
            });
            (grant.seq, item)
        });
        Ok(shown.collect())
    })
    .await
}

pub(super) async fn end(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    app.db
        .write(move |tx| {
            let not_found = || Problem::not_found("grant", &id);
            let grant = GrantId(id.parse().map_err(|_| not_found())?);
            if !tx.grant_exists(grant)? {
                return Err(not_found());
            }
            operator.sign(tx);
            tx.end_grant_for(grant, system::now(), EndReason::Operator)?;
            Ok(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

//! Users whose userName others of the account have, too, now that names are compared by more than their letters.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::operator::Operator;
use super::page;
use crate::app::App;
use crate::http::edge::problem::Problem;
use crate::storage::shared_keys::NameHolder;

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    page::of_account(&app, account.into_inner(), &request, |tx, account, page| {
        let shared = tx.shared_names_after(account.seq, page.after.unwrap_or(0), page.limit)?.into_iter();
        let shown = shared.map(|name| {
            let (themselves, others): (Vec<_>, Vec<_>) =
                name.holders.into_iter().partition(|holder| holder.seq == name.seq);
            let mut item = themselves.iter().map(representation).next().unwrap_or_else(|| json!({}));
            item["same_as"] = others.iter().map(representation).collect();
            (name.seq, item)
        });
        Ok(shown.collect())
    })
    .await
}

fn representation(holder: &NameHolder) -> Value {
    json!({"id": holder.id, "userName": holder.user_name, "active": holder.active})
}

//! Members that groups wait for: named by an identity provider, and not there yet.

use actix_web::{HttpRequest, HttpResponse, web};
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
        let after = page.after.unwrap_or(0);
        let members = tx.parked_members_after(account.seq, page.parameter("group"), after, page.limit)?.into_iter();
        let shown = members.map(|member| {
            let item = json!({
                "group": {"id": member.group, "display": member.group_display},
                "value": member.value,
                "since": system::rfc3339(member.parked),
            });
            (member.seq, item)
        });
        Ok(shown.collect())
    })
    .await
}

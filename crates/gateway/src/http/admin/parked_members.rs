//! Members that groups wait for: named by an identity provider, and not there yet.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::accounts;
use super::operator::Operator;
use super::page::Page;
use crate::app::App;
use crate::http::problem::Problem;
use crate::storage::Cost;
use crate::system;

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let page = Page::of(&request)?;
    let answer = app
        .db
        .read(Cost::Long, move |tx| {
            let account = accounts::named(tx, &account)?;
            let after = page.after.unwrap_or(0);
            let members = tx.parked_members_after(account.seq, page.parameter("group"), after, page.limit)?;
            let last = members.last().map(|member| member.seq);
            let items = members
                .into_iter()
                .map(|member| {
                    json!({
                        "group": {"id": member.group, "display": member.group_display},
                        "value": member.value,
                        "since": system::rfc3339(member.parked),
                    })
                })
                .collect();
            Ok::<_, Problem>(page.answer(items, last))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

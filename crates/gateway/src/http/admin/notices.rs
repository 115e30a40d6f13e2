//! Notices: what people of an account had to be told, and whether it reached them.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::operator::Operator;
use super::page;
use crate::app::App;
use crate::domain::notice::TRY_FOR;
use crate::domain::wording;
use crate::http::edge::problem::Problem;
use crate::platform::system;

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    account: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    // Without a relay nothing is going to be tried.
    let mailed_since = if app.config.mail.is_some() { system::now() - TRY_FOR } else { i64::MAX };
    page::of_account(&app, account.into_inner(), &request, move |tx, account, page| {
        let notices = tx.notices_after(account.seq, page.after.unwrap_or(0), page.limit)?.into_iter();
        let shown = notices.map(|notice| {
            let told = notice.matter().map(|matter| wording::to_text(&matter.told(notice.made, &account.name)));
            let item = json!({
                "id": notice.id,
                "user": notice.user,
                "kind": notice.kind,
                "told": told,
                "detail": serde_json::from_str::<Value>(&notice.detail).ok(),
                "made": system::rfc3339(notice.made),
                "seen": notice.seen.map(system::rfc3339),
                "mailed": notice.mailed.map(system::rfc3339),
                "tries": notice.tries,
                "next_try": notice.next_try.filter(|_| notice.made > mailed_since).map(system::rfc3339),
                "problem": notice.problem,
            });
            (notice.seq, item)
        });
        Ok(shown.collect())
    })
    .await
}

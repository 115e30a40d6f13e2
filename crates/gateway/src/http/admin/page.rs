//! Lists of the admin API: `{"items": […], "next": "…"}`, continued by `?after=`.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::lookup;
use crate::app::App;
use crate::domain::account::Account;
use crate::http::edge::problem::Problem;
use crate::http::edge::query;
use crate::storage::{DbError, ReadCost, Tx};

/// What a list was asked for.
#[derive(Debug)]
pub(super) struct Page {
    /// The row the last page ended with.
    pub(super) after: Option<i64>,
    /// How many.
    pub(super) limit: i64,
    pairs: Vec<(String, String)>,
}

impl Page {
    pub(super) fn of(request: &HttpRequest) -> Result<Page, Problem> {
        let pairs = query::pairs(request.query_string())
            .map_err(|e| Problem::bad_request(format!("the query string is malformed: {e}")))?;
        let mut page = Page { after: None, limit: 100, pairs };
        if let Some(text) = page.parameter("limit") {
            let limit = text.parse().ok().filter(|n| (1..=1000).contains(n));
            page.limit = limit.ok_or_else(|| Problem::field("limit", "must be a number from 1 to 1000"))?;
        }
        if let Some(text) = page.parameter("after") {
            let after = text.parse().map_err(|_| Problem::field("after", "must be the `next` of the page before"))?;
            page.after = Some(after);
        }
        Ok(page)
    }

    /// Another parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The answer; `last` is the row of the last item.
    pub(super) fn answer(&self, items: Vec<Value>, last: Option<i64>) -> Value {
        match last.filter(|_| items.len() as i64 >= self.limit) {
            Some(last) => json!({"items": items, "next": last.to_string()}),
            None => json!({"items": items}),
        }
    }
}

/// Answers with a page of what an account has: `read` gives the rows that follow, each with its number and as it is shown.
pub(super) async fn of_account<R>(
    app: &App,
    account: String,
    request: &HttpRequest,
    mut read: R,
) -> Result<HttpResponse, Problem>
where
    R: FnMut(&mut Tx<'_>, &Account, &Page) -> Result<Vec<(i64, Value)>, DbError> + Send + 'static,
{
    let page = Page::of(request)?;
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let account = lookup::account(tx, &account)?;
            let rows = read(tx, &account, &page)?;
            let last = rows.last().map(|(row, _)| *row);
            Ok::<_, Problem>(page.answer(rows.into_iter().map(|(_, item)| item).collect(), last))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

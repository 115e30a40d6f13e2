//! Lists of the admin API: `{"items": […], "next": "…"}`, continued by `?after=`.

use actix_web::web;
use serde::Serialize;
use serde_json::{Value, json};

use super::operator::Operator;
use crate::app::App;
use crate::domain::described::query::{After, query};
use crate::domain::described::{Components, Described, Whole};
use crate::domain::operator::Mandate;
use crate::http::edge::problem::Problem;
use crate::services::error::ActError;
use crate::storage::{ReadCost, Tx};

/// How many items a page has.
pub(super) type Limit = Whole<1, 1000>;

query! {
    /// Where a list begins, and how much of it is answered.
    pub(super) struct PageQuery {
        /// How many items there are at most; 100 if nothing is said.
        limit: Limit,
        /// The `next` of the page before.
        after: After,
    }
}

/// Where a list begins, and how much of it is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// The row the last page ended with.
    pub(super) after: Option<i64>,
    /// How many.
    pub(super) limit: i64,
}

impl Page {
    pub(super) fn of(limit: Option<Limit>, after: Option<After>) -> Page {
        let limit = limit.and_then(|limit| i64::try_from(limit.0).ok()).unwrap_or(100);
        Page { after: after.map(|After(row)| row), limit }
    }

    /// The answer; `last` is the row of the last item.
    pub(super) fn answer<T>(&self, items: Vec<T>, last: Option<i64>) -> Items<T> {
        let next = last.filter(|_| items.len() as i64 >= self.limit).map(|row| row.to_string());
        Items { items, next }
    }

    /// The answer with these rows, each with its number.
    pub(super) fn of_rows<T>(&self, rows: Vec<(i64, T)>) -> Items<T> {
        let last = rows.last().map(|(row, _)| *row);
        self.answer(rows.into_iter().map(|(_, item)| item).collect(), last)
    }
}

impl From<PageQuery> for Page {
    fn from(query: PageQuery) -> Page {
        Page::of(query.limit, query.after)
    }
}

/// A page of a list.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Items<T> {
    pub(super) items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl<T> Items<T> {
    /// A list that is never longer than a page.
    pub(super) fn all(items: Vec<T>) -> Items<T> {
        Items { items, next: None }
    }
}

impl<T: Described> Described for Items<T> {
    fn schema(components: &mut Components) -> Value {
        json!({
            "type": "object",
            "properties": {
                "items": Vec::<T>::schema(components),
                "next": {"type": "string", "description": "What to send as `after` for the next page. The last page has none."},
            },
            "required": ["items"],
        })
    }

    fn example() -> Value {
        json!({"items": [T::example()]})
    }
}

/// Answers with a page of what an account has: `read` gives the rows that follow, each with its number and as it is shown.
pub(super) async fn of_account<T, R>(
    operator: &Operator,
    app: &App,
    account: String,
    page: Page,
    mut read: R,
) -> Result<web::Json<Items<T>>, Problem>
where
    T: Send + 'static,
    R: FnMut(&mut Tx<'_>, &Mandate, &str, &Page) -> Result<Vec<(i64, T)>, ActError> + Send + 'static,
{
    let rows = operator.read(app, ReadCost::Scan, move |tx, mandate| read(tx, mandate, &account, &page)).await?;
    Ok(web::Json(page.of_rows(rows)))
}

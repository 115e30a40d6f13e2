//! Reading the audit trail.

use actix_web::body::BoxBody;
use actix_web::{HttpRequest, HttpResponse, Responder, web};

use super::body::Params;
use super::operator::Operator;
use super::page::{Items, Limit, Page};
use crate::app::App;
use crate::domain::bodies::audit::AuditRow;
use crate::domain::described::query::{After, query};
use crate::domain::described::{Components, Text, answer};
use crate::http::edge::audit_file::AuditFile;
use crate::http::edge::operation::{Answers, Success};
use crate::http::edge::problem::Problem;
use crate::platform::timestamp::Timestamp;
use crate::services::audit::{self, Answer};
use crate::services::audit_export::ExportFormat;
use crate::storage::ReadCost;
use crate::storage::audit::search::AuditFilter;

pub(super) mod question;

use question::{ActionCode, ActorCode, AnyId, FormatName, Moment};

query! {
    /// Which rows are listed: those that fit all that is said.
    pub(super) struct AuditQuery {
        /// The id of an account, also of a deleted one: only what concerns it.
        account: Text,
        /// Who did it: `client:ID`, `user:ID`, `operator:ID`, `server`, `command line`, `browser` or `unknown`.
        actor: ActorCode,
        /// The id of what it was done to: of a user, group, client, grant, account, operator, or the name of an attribute.
        target: AnyId,
        /// What was done, as `user.patched`.
        action: ActionCode,
        /// From this time on, as in RFC 3339.
        from: Moment,
        /// Before this time.
        to: Moment,
        /// How many items there are at most; 100 if nothing is said. A page may have fewer, or none, and a `next` all the same.
        limit: Limit,
        /// The `next` of the page before.
        after: After,
    }
}

query! {
    /// Which rows are exported: all those that fit what is said.
    pub(super) struct ExportQuery {
        /// `jsonl` (JSON Lines, the default) or `csv`.
        format: FormatName,
        /// The id of an account, also of a deleted one: only what concerns it.
        account: Text,
        /// Who did it, as in the list.
        actor: ActorCode,
        /// The id of what it was done to.
        target: AnyId,
        /// What was done, as `user.patched`.
        action: ActionCode,
        /// From this time on, as in RFC 3339.
        from: Moment,
        /// Before this time.
        to: Moment,
    }
}

answer! {
    /// The head of the audit trail's chain.
    pub(super) struct AuditHead {
        /// The head, to be kept elsewhere for `gateway audit verify --expect`; `null` if its note is missing or forged.
        head: Option<String>,
        /// How many rows wait for their seal.
        waiting: i64,
    }
    example {"head": "12:…", "waiting": 3}
}

fn filter(
    actor: Option<ActorCode>,
    target: Option<AnyId>,
    action: Option<ActionCode>,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
) -> AuditFilter {
    AuditFilter {
        account: None,
        actor: actor.map(|actor| actor.0),
        target: target.map(|target| target.0),
        action: action.map(|action| action.0),
        from,
        to,
    }
}

/// `GET /admin/audit/export`: all rows that answer a question, newest first, as a file.
pub(super) async fn export(
    operator: Operator,
    app: web::Data<App>,
    query: Params<ExportQuery>,
) -> Result<Exported, Problem> {
    let ExportQuery { format, account, actor, target, action, from, to } = query.0;
    let file = AuditFile {
        mandate: operator.mandate().clone(),
        account: account.map(|Text(id)| id),
        filter: filter(actor, target, action, question::between(from, to)?),
        format: format.map_or(ExportFormat::JsonLines, |FormatName(format)| format),
    };
    Ok(Exported(file.answer(&app).await?))
}

/// A file of rows.
#[derive(Debug)]
pub(super) struct Exported(HttpResponse);

impl Answers for Exported {
    fn describe(_: &mut Components) -> Vec<Success> {
        let about = "The rows, as `application/jsonl` (each line is an AuditRow) or as `text/csv`.";
        vec![Success { status: 200, about, body: None }]
    }
}

impl Responder for Exported {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.0
    }
}

/// `GET /admin/audit`: the rows that answer a question, newest first.
pub(super) async fn list(
    operator: Operator,
    app: web::Data<App>,
    query: Params<AuditQuery>,
) -> Result<web::Json<Items<AuditRow>>, Problem> {
    let AuditQuery { account, actor, target, action, from, to, limit, after } = query.0;
    let page = Page::of(limit, after);
    let filter = filter(actor, target, action, question::between(from, to)?);
    let answer = operator
        .read(&app, ReadCost::Scan, move |tx, mandate| {
            let account = account.as_ref().map(|Text(id)| id.as_str());
            let Answer { page, operators } = audit::page(tx, mandate, account, &filter, page.after, page.limit)?;
            let items = page.rows.into_iter().map(|row| audit::representation(row, &operators)).collect();
            Ok(Items { items, next: page.next.map(|row| row.to_string()) })
        })
        .await?;
    Ok(web::Json(answer))
}

/// The head of the chain, to be kept elsewhere: given to `gateway audit verify --expect`, it shows whether the trail was replaced.
pub(super) async fn head(operator: Operator, app: web::Data<App>) -> Result<web::Json<AuditHead>, Problem> {
    let keys = app.keys.clone();
    let (head, waiting) =
        operator.read(&app, ReadCost::Scan, move |tx, mandate| audit::head(tx, mandate, &keys)).await?;
    Ok(web::Json(AuditHead { head, waiting }))
}

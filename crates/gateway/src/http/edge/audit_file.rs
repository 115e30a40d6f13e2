//! The audit trail as a file, read a page at a time while it is sent: its size does not matter.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::stream::{self, StreamExt};

use crate::app::App;
use crate::domain::operator::Mandate;
use crate::platform::system;
use crate::services::audit::{self, Answer};
use crate::services::audit_export::ExportFormat;
use crate::services::error::ActError;
use crate::storage::ReadCost;
use crate::storage::audit::search::AuditFilter;

/// So many rows are in memory at a time.
const ROWS: i64 = 200;

/// Which rows are exported, for whom, and how.
#[derive(Debug, Clone)]
pub(crate) struct AuditFile {
    pub(crate) mandate: Mandate,
    /// The id of an account.
    pub(crate) account: Option<String>,
    pub(crate) filter: AuditFilter,
    pub(crate) format: ExportFormat,
}

impl AuditFile {
    /// The lines of a page, and after which row the next one begins.
    async fn page(self, app: App, after: Option<i64>) -> Result<(String, Option<i64>), ActError> {
        let format = self.format;
        let Answer { page, operators } = app
            .db
            .read(ReadCost::Scan, move |tx| {
                audit::page(tx, &self.mandate, self.account.as_deref(), &self.filter, after, ROWS)
            })
            .await?;
        let mut lines = String::new();
        for row in page.rows {
            format.write(&audit::representation(row, &operators), &mut lines);
        }
        Ok((lines, page.next))
    }

    /// The answer. What the operator may not read is refused before it begins; where the database fails later, it breaks off.
    pub(crate) async fn answer(self, app: &App) -> Result<HttpResponse, ActError> {
        let (first, next) = self.clone().page(app.clone(), None).await?;
        let begun = format!("{}{first}", self.format.beginning());
        let day = system::rfc3339(app.clock.now()).chars().take(10).collect::<String>();
        let name = format!("attachment; filename=\"audit-{day}.{}\"", self.format.extension());
        let media_type = self.format.media_type();
        let (app, file) = (app.clone(), self);
        let rest = stream::try_unfold(next, move |after| {
            let (app, file) = (app.clone(), file.clone());
            async move {
                let Some(after) = after else { return Ok::<_, std::io::Error>(None) };
                match file.page(app, Some(after)).await {
                    Ok((lines, next)) => Ok(Some((Bytes::from(lines), next))),
                    Err(error) => {
                        tracing::error!(%error, "an export of the audit trail broke off");
                        Err(std::io::Error::other("the audit trail could not be read on"))
                    }
                }
            }
        });
        let whole = stream::once(async move { Ok(Bytes::from(begun)) }).chain(rest);
        Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, media_type))
            .insert_header((header::CONTENT_DISPOSITION, name))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .streaming(Box::pin(whole)))
    }
}

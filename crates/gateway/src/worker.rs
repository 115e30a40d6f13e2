//! Housekeeping in the background, in small batches: what has expired goes, and what was deleted is emptied.

use std::time::Duration;

use crate::app::App;
use crate::storage::DbError;
use crate::system;

/// How often the worker looks.
const PAUSE: Duration = Duration::from_secs(30);
/// How many rows one unit of work removes at most.
pub(crate) const BATCH: i64 = 500;
/// Spent codes and refresh tokens are kept so long, so that their reuse is recognized.
const KEEP_SPENT: i64 = 7 * 24 * 3600 * 1000;

/// Starts the worker; it ends with the process.
pub fn start(app: App) {
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(PAUSE).await;
            if let Err(error) = sweep(&app).await {
                tracing::warn!(%error, "housekeeping failed; it will be tried again");
            }
            if let Err(error) = app.signer.keep_up(app.config.oauth.signing_key_days, app.settings.longest_ms()).await {
                tracing::warn!(%error, "a signing key could not be replaced; it will be tried again");
            }
        }
    });
}

/// Removes everything that is due.
pub async fn sweep(app: &App) -> Result<(), DbError> {
    loop {
        let now = system::now();
        let removed = app.db.write(move |tx| tx.sweep_expired(now, now - KEEP_SPENT, BATCH)).await?;
        let emptied = app.db.write(move |tx| tx.empty_deleted_accounts(BATCH)).await?;
        if removed + emptied == 0 {
            return Ok(());
        }
    }
}

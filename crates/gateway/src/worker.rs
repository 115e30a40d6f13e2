//! What happens in the background: housekeeping in small batches (what has expired goes, what was deleted is emptied), and
//! counts that requests leave in memory are added to the database.

use std::time::Duration;

use crate::app::App;
use crate::reindex;
use crate::storage::DbError;
use crate::system;

/// How often the worker looks.
const PAUSE: Duration = Duration::from_secs(30);
/// How often counts are added to the database.
const ADD: Duration = Duration::from_secs(3);
/// How many rows one unit of work removes at most.
pub(crate) const BATCH: i64 = 500;
/// Spent codes and refresh tokens are kept so long, so that their reuse is recognized.
const KEEP_SPENT: i64 = 7 * 24 * 3600 * 1000;

/// Starts the worker; it ends with the process.
pub fn start(app: App) {
    let adding = app.clone();
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(ADD).await;
            if let Err(error) = add_tally(&adding).await {
                tracing::warn!(%error, "the counts of tolerances could not be written; it will be tried again");
            }
        }
    });
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(PAUSE).await;
            if let Err(error) = sweep(&app).await {
                tracing::warn!(%error, "housekeeping failed; it will be tried again");
            }
            if let Err(error) = reindex::catch_up(&app.db, &app.schemas).await {
                tracing::warn!(%error, "indexing an account's attributes failed; it will be tried again");
            }
            if let Err(error) = app.signer.keep_up(app.config.oauth.signing_key_days, app.settings.longest_ms()).await {
                tracing::warn!(%error, "a signing key could not be replaced; it will be tried again");
            }
        }
    });
}

/// Adds what was counted to what is in the database; nothing is lost if that fails.
pub async fn add_tally(app: &App) -> Result<(), DbError> {
    let counts = app.tally.take();
    if counts.is_empty() {
        return Ok(());
    }
    let added = counts.clone();
    let outcome = app.db.write(move |tx| tx.add_tolerance_needs(&added)).await;
    if outcome.is_err() {
        app.tally.put_back(counts);
    }
    outcome
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

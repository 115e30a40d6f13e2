//! What happens in the background: housekeeping in small batches (what has expired goes, what was deleted is emptied, what ended is
//! written down), the audit trail is sealed, notices are mailed, lists are counted so that any page of them is found at once, and
//! counts that requests leave in memory are added to the database.
//! `docs/retention.md` says what is kept how long. Any number of replicas may do it at once.

use std::time::Duration;

use crate::app::App;
use crate::mail;
use crate::reindex;
use crate::storage::audit::chain::{NotWhole, Sealed};
use crate::storage::{DbError, blocks};
use crate::system;

/// How often the worker looks.
const PAUSE: Duration = Duration::from_secs(30);
/// How often counts are added to the database, and new resources to the counts of lists.
const ADD: Duration = Duration::from_secs(3);
/// How often it is looked for notices to be mailed.
const MAIL: Duration = Duration::from_secs(2);
/// How many rows one unit of work removes at most.
pub(crate) const BATCH: i64 = 500;
const DAY: i64 = 24 * 3600 * 1000;
/// Spent and expired codes and refresh tokens are kept so long, so that their reuse is recognized.
const KEEP_SPENT: i64 = 7 * DAY;
/// A grant that has ended can be read about for so long.
const KEEP_ENDED: i64 = 90 * DAY;
/// A notice that was seen can be read about for so long,
const KEEP_SEEN: i64 = 90 * DAY;
/// and one that was not.
const KEEP_UNSEEN: i64 = 366 * DAY;

/// Starts the worker; it ends with the process.
pub fn start(app: App) {
    if let Some(mail) = app.config.mail.clone() {
        let mailing = app.clone();
        actix_web::rt::spawn(async move {
            loop {
                tokio::time::sleep(MAIL).await;
                if let Err(error) = mail::send_due(&mailing, &mail).await {
                    tracing::warn!(%error, "notices could not be looked after; it will be tried again");
                }
            }
        });
    }
    let adding = app.clone();
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(ADD).await;
            if let Err(error) = add_tally(&adding).await {
                tracing::warn!(%error, "the counts of tolerances could not be written; it will be tried again");
            }
            if let Err(error) = blocks::keep_up(&adding.db).await {
                tracing::warn!(%error, "new resources could not be counted; it will be tried again");
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

/// Does everything that is due.
pub async fn sweep(app: &App) -> Result<(), DbError> {
    loop {
        let now = system::now();
        let mut done = app.db.write(move |tx| tx.settle_endings(BATCH)).await?;
        done += app.db.write(move |tx| tx.sweep_expired(now, now - KEEP_SPENT, BATCH)).await?;
        done += app.db.write(move |tx| tx.forget_grants(now - KEEP_ENDED, BATCH)).await?;
        done += app.db.write(move |tx| tx.forget_notices(now - KEEP_SEEN, now - KEEP_UNSEEN, BATCH)).await?;
        done += app.db.write(move |tx| tx.empty_deleted_accounts(BATCH)).await?;
        let keys = app.keys.clone();
        if let Some(sealed) = app.db.write(move |tx| tx.seal_audit(&keys, now, BATCH)).await? {
            done += sealed.rows;
            tell_of_seal(&sealed);
        }
        if let Some(days) = app.config.audit_retention_days {
            let (keys, before) = (app.keys.clone(), now - i64::from(days) * DAY);
            match app.db.write(move |tx| tx.forget_audit(&keys, before)).await? {
                Ok(rows) => done += rows,
                Err(NotWhole(segment)) => tracing::error!(
                    segment,
                    "the oldest segment of the audit trail is not what was sealed, so nothing of it is removed: `gateway audit verify`"
                ),
            }
        }
        if done == 0 {
            return Ok(());
        }
    }
}

/// A copy of the log, kept elsewhere, shows later whether the whole trail was replaced.
fn tell_of_seal(sealed: &Sealed) {
    let (head, rows) = (&sealed.head, sealed.rows);
    if sealed.is_broken {
        tracing::error!(
            %head,
            rows,
            "the note of where the audit trail ended is missing or does not fit, so what was there before may have been cut off: \
             `gateway audit verify`"
        );
    } else {
        tracing::info!(%head, rows, "sealed rows of the audit trail");
    }
}

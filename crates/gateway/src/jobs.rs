//! What happens in the background: [housekeeping], notices are mailed, [connections are looked at](health), lists are counted so that any page of them
//! is found at once, and counts that requests leave in memory are added to the database. `docs/retention.md` says what is kept how long.
//! Any number of replicas may do it at once.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::jobs::housekeeping::Housekeeper;
use crate::platform::trusted_clock::Judged;
use crate::services::indexing;
use crate::services::recorder::Recorder;
use crate::services::{field_counts, tolerance_counts};
use crate::storage::DbError;
use crate::storage::audit::refusals::RefusalLine;

pub mod health;
pub mod housekeeping;
pub mod list_counts;
pub mod mail;

/// How often counts are added to the database, and new resources to the counts of lists.
const ADD: Duration = Duration::from_secs(3);
/// How often it is looked for notices to be mailed.
const MAIL: Duration = Duration::from_secs(2);

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
        let mut counted = None;
        loop {
            tokio::time::sleep(ADD).await;
            if let Err(error) = list_counts::of_the_day(&adding.db, &mut counted).await {
                tracing::warn!(%error, "users and groups could not be counted for the day; it will be tried again");
            }
            if let Err(error) = tolerance_counts::add(&adding.db, &adding.tally).await {
                tracing::warn!(%error, "the counts of tolerances could not be written; it will be tried again");
            }
            if let Err(error) = field_counts::add(&adding.db, &adding.fields).await {
                tracing::warn!(%error, "the counts of attributes could not be written; it will be tried again");
            }
            if let Err(error) = list_counts::update(&adding.db).await {
                tracing::warn!(%error, "new resources could not be counted; it will be tried again");
            }
        }
    });
    if app.recorder.is_on() {
        actix_web::rt::spawn(record(app.clone()));
    }
    actix_web::rt::spawn(health::run(app.clone()));
    let housekeeper = Housekeeper::new(app.db.clone(), app.keys.clone(), app.config.clone());
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(app.config.housekeeping.pause).await;
            let done = housekeeper.sweep().await;
            tracing::debug!(rows = done.rows, "kept house");
            if let Err(error) = tell_refusals(&app, false).await {
                tracing::warn!(%error, "refused credentials could not be told of; it will be tried again");
            }
            if let Err(error) = indexing::catch_up(&app.db, &app.schemas).await {
                tracing::warn!(%error, "indexing an account's attributes failed; it will be tried again");
            }
            // A key that is retired too early is not undone either.
            let Some(Judged { now, doubted: None }) = done.judged else { continue };
            let (lifetime, longest) = (app.config.oauth.signing_key_lifetime_ms, app.settings.longest_ms());
            if let Err(error) = app.signer.rotate_due(lifetime, longest, now).await {
                tracing::warn!(%error, "a signing key could not be replaced; it will be tried again");
            }
        }
    });
}

/// Writes the request log.
async fn record(app: App) {
    let mut told = Instant::now();
    loop {
        tokio::time::sleep(Recorder::EVERY).await;
        let outcome = match app.recorder.write(&app.db).await {
            Ok(()) => app.recorder.trim(&app.db, app.config.requests.keep_rows).await,
            failed => failed,
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "the request log could not be written");
        }
        if told.elapsed() >= Recorder::TOLD_EVERY {
            app.recorder.tell().await;
            told = Instant::now();
        }
    }
}

/// Writes what is due of the credentials that were refused into the audit trail and the log; nothing is lost if that fails.
pub async fn tell_refusals(app: &App, everything: bool) -> Result<(), DbError> {
    let reports = app.refusals.take(app.clock.now(), everything);
    if reports.is_empty() {
        return Ok(());
    }
    let told = reports.clone();
    match app.db.write(move |tx| tx.audit_refusals(&told)).await {
        Ok(lines) => {
            for line in lines {
                let RefusalLine { action, actor, target, address, count, first, last } = line;
                tracing::warn!(action, actor, target, address, count, first, last, "credentials were refused");
            }
            Ok(())
        }
        Err(error) => {
            app.refusals.put_back(reports);
            Err(error)
        }
    }
}

//! What happens in the background: [housekeeping], notices are mailed, [connections are looked at](health), [the feed is delivered](deliveries),
//! [security events are fetched](signal_polls),
//! lists are counted so that any page of them is found at once, and counts that requests leave in memory are added to the database. `docs/retention.md` says what is kept how long.
//! Any number of replicas may do it at once.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::jobs::housekeeping::Housekeeper;
use crate::platform::trusted_clock::Judged;
use crate::services::accounts::replacement;
use crate::services::indexing;
use crate::services::recorder::Recorder;
use crate::services::{field_counts, tolerance_counts};
use crate::storage::DbError;
use crate::storage::audit::refusals::RefusalLine;

pub mod deliveries;
pub mod health;
pub mod housekeeping;
pub mod list_counts;
pub mod logouts;
pub mod mail;
pub mod signal_polls;

/// How often counts are added to the database, and new resources to the counts of lists.
const ADD: Duration = Duration::from_secs(3);
/// How often it is looked for notices to be mailed.
const MAIL: Duration = Duration::from_secs(2);
/// How often it is looked for clients that have to be told of a log-out.
const LOGOUTS: Duration = Duration::from_secs(1);
/// How often it is looked whether the certificate is another one.
const CERTIFICATE: Duration = Duration::from_secs(60);

/// Starts the worker; it ends with the process.
pub fn start(app: App) {
    if let Some(mail) = app.config.mail.clone() {
        let mailing = app.clone();
        actix_web::rt::spawn(async move {
            loop {
                tokio::time::sleep(MAIL).await;
                ran(&mailing, "mail", mail::send_due(&mailing, &mail)).await;
            }
        });
    }
    let telling = app.clone();
    actix_web::rt::spawn(async move {
        let outbound = logouts::caller(&telling);
        loop {
            tokio::time::sleep(LOGOUTS).await;
            ran(&telling, "logouts", logouts::send_due(&telling, &outbound)).await;
        }
    });
    let adding = app.clone();
    actix_web::rt::spawn(async move {
        let mut counted = None;
        loop {
            tokio::time::sleep(ADD).await;
            ran(&adding, "daily_counts", list_counts::of_the_day(&adding.db, &mut counted)).await;
            ran(&adding, "tolerance_counts", tolerance_counts::add(&adding.db, &adding.tally)).await;
            ran(&adding, "field_counts", field_counts::add(&adding.db, &adding.fields)).await;
            ran(&adding, "replaced_values", replacement::catch_up(&adding.db, &adding.scim_engine())).await;
            ran(&adding, "list_counts", list_counts::update(&adding.db)).await;
        }
    });
    if let Some(certificate) = app.certificate.clone() {
        let app = app.clone();
        actix_web::rt::spawn(async move {
            loop {
                tokio::time::sleep(CERTIFICATE).await;
                let began = Instant::now();
                let looked = certificate.read_if_changed(app.clock.now());
                let is_well = looked.is_none_or(|outcome| outcome.is_ok());
                app.metrics.jobs.ran("certificate", app.clock.now(), began.elapsed(), is_well);
            }
        });
    }
    if app.recorder.is_on() {
        actix_web::rt::spawn(record(app.clone()));
    }
    actix_web::rt::spawn(health::run(app.clone()));
    actix_web::rt::spawn(deliveries::run(app.clone()));
    actix_web::rt::spawn(signal_polls::run(app.clone()));
    let housekeeper = Housekeeper::new(app.db.clone(), app.keys.clone(), app.config.clone());
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(app.config.housekeeping.pause).await;
            let began = Instant::now();
            let done = housekeeper.sweep().await;
            app.metrics.jobs.ran("housekeeping", app.clock.now(), began.elapsed(), done.failed.is_empty());
            tracing::debug!(rows = done.rows, "kept house");
            ran(&app, "refused_credentials", tell_refusals(&app, false)).await;
            ran(&app, "indexing", indexing::catch_up(&app.db, &app.schemas)).await;
            // A key that is retired too early is not undone either.
            let Some(Judged { now, doubted: None }) = done.judged else { continue };
            let (lifetime, longest) = (app.config.oauth.signing_key_lifetime_ms, app.settings.longest_ms());
            ran(&app, "signing_keys", app.signer.rotate_due(lifetime, longest, now)).await;
        }
    });
}

/// Does a job once, and counts it. What fails is logged, and tried again the next time.
async fn ran<T>(app: &App, job: &'static str, work: impl Future<Output = Result<T, DbError>>) {
    let began = Instant::now();
    let outcome = work.await;
    app.metrics.jobs.ran(job, app.clock.now(), began.elapsed(), outcome.is_ok());
    if let Err(error) = outcome {
        tracing::warn!(job, %error, "a job failed; it will be tried again");
    }
}

/// Writes the request log.
async fn record(app: App) {
    let mut told = Instant::now();
    loop {
        tokio::time::sleep(Recorder::EVERY).await;
        let written = async {
            app.recorder.write(&app.db).await?;
            app.recorder.trim(&app.db, app.config.requests.keep_rows).await
        };
        ran(&app, "request_log", written).await;
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

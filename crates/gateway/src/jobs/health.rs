//! Looks at each connection regularly, so that a change of its health is told. Any replica may, and several may at once: a client is
//! claimed by moving its `due` ahead.

use std::time::Duration;

use crate::app::App;
use crate::services::health::watching::Outcome;
use crate::services::health::{recording, watching};
use crate::storage::{DbError, ReadCost, Tx};

/// So many clients are looked at at a time.
const BATCH: i64 = 50;
/// A claim counts so long, in milliseconds: several times what looking takes.
const CLAIM: i64 = 5 * 60_000;
/// It is looked at least so often whether a client is due.
const LONGEST: Duration = Duration::from_secs(10);

/// Looks at connections until the process ends.
pub async fn run(app: App) {
    let pause = app.config.health.pause.clamp(Duration::from_secs(1), LONGEST);
    let mut has_begun = false;
    loop {
        if !has_begun {
            match app.db.write_relaxed(watching::begin).await {
                Ok(()) => has_begun = true,
                Err(error) => tracing::warn!(%error, "connections could not be entered; it will be tried again"),
            }
        }
        super::ran(&app, "health", look(&app)).await;
        tokio::time::sleep(pause).await;
    }
}

/// Looks at all that are due.
async fn look(app: &App) -> Result<(), DbError> {
    if app.recorder.is_on() {
        let now = app.clock.now();
        if app.db.read(ReadCost::Point, move |tx| recording::is_due(tx, now)).await? {
            app.db.write_relaxed(move |tx| recording::note(tx, now)).await?;
        }
    }
    loop {
        let now = app.clock.now();
        if !app.db.read::<_, DbError, _>(ReadCost::Point, move |tx| tx.health_is_due(now)).await? {
            return Ok(());
        }
        let until = now + CLAIM;
        let claimed = app.db.write_relaxed(move |tx| tx.claim_health(now, until, BATCH)).await?;
        if claimed.is_empty() {
            return Ok(()); // another replica was faster
        }
        let work = app.clone();
        let batch = app
            .db
            .read::<_, DbError, _>(ReadCost::Scan, move |tx| {
                let rules = work.health_rules();
                watching::look_at(tx, &rules, &claimed)
            })
            .await?;
        let due = app.clock.now() + i64::try_from(app.config.health.pause.as_millis()).unwrap_or(i64::MAX);
        let same = batch.same;
        if !same.is_empty() {
            app.db.write_relaxed(move |tx| tx.postpone_health(&same, until, due)).await?;
        }
        // What is found can be found again, so only what is told waits for the disk.
        let (told, found): (Vec<Outcome>, Vec<Outcome>) = batch.outcomes.into_iter().partition(Outcome::is_told);
        if !found.is_empty() {
            let keep = move |tx: &mut Tx<'_>| found.iter().try_for_each(|outcome| watching::keep(tx, outcome, until));
            app.db.write_relaxed(keep).await?;
        }
        for outcome in told {
            app.db.write(move |tx| watching::keep(tx, &outcome, until)).await?;
        }
    }
}

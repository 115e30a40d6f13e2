//! The feed is delivered: looks for receivers for which something waits, and delivers to some of them at once. No request waits for it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::app::App;
use crate::services::deliveries::AT_ONCE;
use crate::storage::{DbError, ReadCost};

/// So often it is looked whether there is a receiver, where there was none,
const IDLE: Duration = Duration::from_secs(1);
/// and for what is due by its time.
const LOOK: Duration = Duration::from_millis(500);
/// So often receivers are moved on for which nothing waits.
const SKIP: Duration = Duration::from_secs(60);

/// Delivers until the server stops.
pub async fn run(app: App) {
    let mut at_work = FuturesUnordered::new();
    let mut served: HashSet<i64> = HashSet::new();
    let mut skipped = Instant::now();
    while !app.stopping.has_begun() {
        let began = Instant::now();
        let looked = look(&app, AT_ONCE - served.len(), &mut skipped).await;
        app.metrics.jobs.ran("deliveries", app.clock.now(), began.elapsed(), looked.is_ok());
        let (due, end) = looked.unwrap_or_else(|error| {
            tracing::warn!(%error, "the feed is not delivered at this moment");
            (Vec::new(), None)
        });
        for receiver in due {
            if served.insert(receiver) {
                let deliverer = app.deliverer.clone();
                at_work.push(async move { (receiver, deliverer.serve(receiver).await) });
            }
        }
        let more = async {
            let until = Instant::now() + LOOK;
            match end {
                Some(end) => match app.feed.wait(&app.db, end, until, &app.stopping).await {
                    Ok(true) => {}
                    _ => tokio::time::sleep(LOOK).await,
                },
                None => tokio::time::sleep(IDLE).await,
            }
        };
        tokio::pin!(more);
        loop {
            tokio::select! {
                Some((receiver, outcome)) = at_work.next(), if !at_work.is_empty() => {
                    served.remove(&receiver);
                    if let Err(error) = outcome {
                        tracing::warn!(receiver, %error, "the feed was not delivered to a receiver; it will be tried again");
                        // What the database refuses is not asked for again at once.
                        tokio::time::sleep(LOOK).await;
                    }
                }
                () = &mut more => break,
            }
        }
    }
}

/// The receivers that are due, and how far the feed can be read; no end, if there is no receiver.
async fn look(app: &App, free: usize, skipped: &mut Instant) -> Result<(Vec<i64>, Option<i64>), DbError> {
    if !app.db.read(ReadCost::Point, |tx| tx.has_receivers()).await? {
        return Ok((Vec::new(), None));
    }
    let end = app.feed.end(&app.db).await?;
    if skipped.elapsed() >= SKIP {
        *skipped = Instant::now();
        let now = app.clock.now();
        app.db.write(move |tx| tx.skip_what_is_for_none(now, end)).await?;
    }
    let due = if free == 0 { Vec::new() } else { app.deliverer.due(end, free).await? };
    Ok((due, Some(end)))
}

//! Counting lists behind their writers, so that any page of one is found at once.

use std::time::Duration;

use crate::domain::daily::day_of;
use crate::platform::timestamp::Timestamp;
use crate::storage::list_counts::GAPS;
use crate::storage::{Db, DbError, ReadCost};

/// How long, and how often, those are waited for who are still writing.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSES: u32 = 250;
/// In milliseconds.
const HOUR: i64 = 3_600_000;

/// Closes the blocks that are full, and takes gaps away, until nothing is left to do or a transaction has to be waited for too long. Any
/// replica may, and several may at once.
pub async fn update(db: &Db) -> Result<(), DbError> {
    while db.write_relaxed(|tx| tx.take_gaps(GAPS)).await? > 0 {}
    while let Some(found) = db.read(ReadCost::Scan, |tx| tx.find_blocks()).await? {
        if !found.is_empty() && !writers_end(db).await? {
            return Ok(());
        }
        if !db.write_relaxed(move |tx| tx.close_blocks(&found)).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Notes how many users and groups each account has today, once an hour. Any replica may: what was noted last stands.
pub async fn of_the_day(db: &Db, counted: &mut Option<Timestamp>) -> Result<(), DbError> {
    let now = db.clock().now();
    if counted.is_some_and(|counted| (0..HOUR).contains(&(now - counted))) {
        return Ok(());
    }
    db.write_relaxed(move |tx| tx.count_accounts(day_of(now))).await?;
    *counted = Some(now);
    Ok(())
}

/// Waits for those who are writing resources at this moment; says whether they have ended.
async fn writers_end(db: &Db) -> Result<bool, DbError> {
    let mut left = db.read(ReadCost::Point, |tx| tx.resource_writers()).await?;
    for _ in 0..PAUSES {
        if left.is_empty() {
            return Ok(true);
        }
        tokio::time::sleep(PAUSE).await;
        let still = db.read(ReadCost::Point, |tx| tx.resource_writers()).await?;
        left.retain(|one| still.contains(one));
    }
    Ok(false)
}

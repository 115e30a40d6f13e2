//! Which tolerances clients needed: counted in memory, added to the database.

use crate::domain::tolerances::ToleranceCounter;
use crate::storage::{Db, DbError};

/// Adds what was counted to what is in the database; nothing is lost if that fails.
pub async fn add(db: &Db, tally: &ToleranceCounter) -> Result<(), DbError> {
    let counts = tally.take();
    if counts.is_empty() {
        return Ok(());
    }
    let added = counts.clone();
    let outcome = db.write(move |tx| tx.add_tolerance_needs(&added)).await;
    if outcome.is_err() {
        tally.put_back(counts);
    }
    outcome
}

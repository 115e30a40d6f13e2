//! When the set of indexed attributes changes (a new release, a new declaration), the index rows of every resource are made
//! again before the server answers.

use crate::schemas::Schemas;
use crate::storage::{Db, DbError};

const FACT: &str = "index_fingerprint";
const BATCH: i64 = 500;

/// Makes the index suit these schemas, if it does not.
pub async fn run(db: &Db, schemas: &Schemas) -> Result<(), DbError> {
    let wanted = schemas.configured().index_fingerprint();
    let fresh = wanted.clone();
    let current = db.write(move |tx| tx.establish_fact(FACT, &fresh)).await?;
    if current == wanted {
        return Ok(());
    }
    tracing::info!("the set of indexed attributes changed: making the index again");
    let (mut after, mut done) = (0, 0_u64);
    loop {
        let schemas = schemas.clone();
        let batch = db.write(move |tx| tx.reindex_after(after, BATCH, &schemas)).await?;
        let Some(last) = batch.last else { break };
        done += batch.resources;
        after = last;
    }
    db.write(move |tx| tx.set_fact(FACT, &wanted)).await?;
    tracing::info!(resources = done, "the index is made");
    Ok(())
}

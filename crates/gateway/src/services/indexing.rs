//! Keeping the index in step with the schemas.
//!
//! When the set of indexed attributes of the configuration changes, or a release compares text otherwise, the index rows of every
//! resource are made again before the server answers, and the names that are looked up beside the index with them. What an account declares or takes away at run time is made up for in the background, and the account
//! is answered exactly meanwhile.

use std::time::Duration;

use crate::domain::schemas::Schemas;
use crate::storage::attribute_work::Progress;
use crate::storage::{Db, DbError, ReadCost};

const FACT: &str = "index_fingerprint";
const BATCH: i64 = 500;
/// How long to wait for transactions that still use the earlier declarations, and how often.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSES: u32 = 600;

/// Makes the index suit these schemas, if it does not.
pub async fn run(db: &Db, schemas: &Schemas) -> Result<(), DbError> {
    let wanted = schemas.configured().index_fingerprint();
    let fresh = wanted.clone();
    let current = db.write(move |tx| tx.establish_fact(FACT, &fresh)).await?;
    if current == wanted {
        return Ok(());
    }
    let folded_otherwise = schemas.configured().differs_in_folding_only(&current);
    tracing::info!(
        folded_otherwise,
        "the set of indexed attributes changed, or how text is compared: making the index again"
    );
    db.write(|tx| tx.begin_reindexing()).await?;
    let (mut after, mut done, mut shared) = (0, 0_u64, 0_u64);
    loop {
        let schemas = schemas.clone();
        let batch = db.write(move |tx| tx.reindex_after(after, BATCH, &schemas, folded_otherwise)).await?;
        let Some(last) = batch.last else { break };
        done += batch.resources;
        shared += batch.shared;
        after = last;
    }
    rekey(db).await?;
    db.write(move |tx| {
        tx.end_reindexing()?;
        tx.restart_attribute_work()?;
        tx.set_installation_value(FACT, &wanted)
    })
    .await?;
    tracing::info!(resources = done, "the index is made");
    if shared > 0 {
        tracing::warn!(
            shared,
            "resources have a value that has to be unique and that another has, too. They were told apart before and stay as they \
             are; GET /admin/accounts/{{account}}/shared-names and the audit trail (user.value_shared) name them"
        );
    }
    Ok(())
}

/// Brings the names beside the index up to date: of log-ins, of members that are waited for, of accounts.
async fn rekey(db: &Db) -> Result<(), DbError> {
    let mut after = 0;
    while let Some(last) = db.write(move |tx| tx.rekey_logins_after(after, BATCH)).await? {
        after = last;
    }
    after = 0;
    while let Some(last) = db.write(move |tx| tx.rekey_pending_members_after(after, BATCH)).await? {
        after = last;
    }
    for name in db.write(|tx| tx.rekey_accounts()).await? {
        tracing::warn!(name, "two accounts have this name now that names are compared by width and NFC; rename one");
    }
    Ok(())
}

/// Does in the background what accounts' declarations ask for, from now on rather than with the next housekeeping.
pub fn run_now(db: Db, schemas: Schemas) {
    actix_web::rt::spawn(async move {
        if let Err(error) = catch_up(&db, &schemas).await {
            tracing::warn!(%error, "indexing an account's attributes failed; it will be tried again");
        }
    });
}

/// Does what accounts' declarations ask for, until nothing is left or a transaction has to be waited for too long. Any replica may,
/// and several may at once.
pub async fn catch_up(db: &Db, schemas: &Schemas) -> Result<(), DbError> {
    for _ in 0..PAUSES {
        let todo = db.read(ReadCost::Point, |tx| tx.attribute_work()).await?;
        if todo.is_empty() {
            return Ok(());
        }
        let mut idle = true;
        for (account, attribute) in todo {
            loop {
                let (schemas, attribute) = (schemas.clone(), attribute.clone());
                let progress = db.write(move |tx| tx.do_attribute_work(account, &attribute, &schemas)).await?;
                idle &= progress == Progress::Waiting;
                if progress != Progress::InProgress {
                    break;
                }
            }
        }
        if idle {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

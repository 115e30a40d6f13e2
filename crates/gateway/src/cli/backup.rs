//! `gateway backup` and `gateway restore`: of the embedded database. PostgreSQL has its own means.

use std::path::{Path, PathBuf};

use super::moving::contents;
use super::progress::Progress;
use crate::config::Config;
use crate::platform::clock::Clock;
use crate::platform::new_file::NewFile;
use crate::server::signals::shutdown_signal;
use crate::server::{self, StartError};
use crate::services::backup::{self, BackupError, Made, Manifest, Restored, Step};
use crate::storage::DatabaseUrl;
use crate::storage::audit::chain::ChainVerdict;

type Outcome = Result<(), Box<dyn std::error::Error>>;

pub(super) async fn make(config: &Config, clock: &Clock, file: PathBuf) -> Outcome {
    let database = embedded(config, "`gateway backup` copies", "`pg_dump --format=custom`, or point-in-time recovery")?;
    if !database.is_file() {
        return Err(BackupError::NoDatabase(database).into());
    }
    let masters = server::existing_master_keys(config)?;
    let (kept, now, target) = (config.audit.head_file(&config.database.url), clock.now(), file.clone());
    let draft = NewFile::draft_of(&std::path::absolute(&file)?);
    let made = unless_told_to_stop(&draft, move |progress| {
        backup::make(&database, &target, &masters, kept.as_ref(), now, &|step| show(progress, step))
    });
    let Made { manifest, trail } = made.await?;
    let ChainVerdict { breaks, sealed, waiting, .. } = trail;
    println!("{}: the state of {}, {}.", file.display(), manifest.taken, contents(&manifest.rows));
    println!("{} MiB; SHA-256 of the database in it: {}", manifest.bytes.div_ceil(1 << 20), manifest.sha256);
    if breaks.is_empty() {
        println!("Its audit trail is whole: {sealed} rows are sealed, {waiting} wait. Head: {}", head(&manifest));
    } else {
        eprintln!(
            "The backup was made. The audit trail in it is not whole, as it is in the database: `gateway audit verify` says more."
        );
        breaks.iter().for_each(|line| eprintln!("  - {line}"));
    }
    eprintln!("The master key is not in it. Keep the key in another place: without it, the backup is worth nothing.");
    Ok(())
}

pub(super) async fn restore(config: &Config, file: PathBuf) -> Outcome {
    let database = embedded(config, "`gateway restore` restores", "`pg_restore`, or point-in-time recovery")?;
    let masters = server::existing_master_keys(config).map_err(|why| match why {
        StartError::MasterKeyLost { key, .. } => format!(
            "there is no master key {}, and nothing was restored. It is not in the backup: put the key there that the backup was made with, or \
             set security.master_key",
            key.display()
        ),
        why => why.to_string(),
    })?;
    let kept = config.audit.head_file(&config.database.url);
    let draft = NewFile::draft_of(&std::path::absolute(&database)?);
    let (from, to) = (file.clone(), database.clone());
    let restored = unless_told_to_stop(&draft, move |progress| {
        backup::restore(&from, &to, &masters, kept.as_ref(), &|step| show(progress, step))
    });
    let Restored { manifest, missing, before, not_kept } = restored.await?;
    println!(
        "{} was restored to {}: the state of {}, {}.",
        file.display(),
        database.display(),
        manifest.taken,
        contents(&manifest.rows)
    );
    if missing > 0 {
        println!(
            "It is of release {}, and its schema lacks {missing} migrations: the next start migrates it.",
            manifest.release
        );
    }
    if let Some(before) = before {
        println!(
            "The audit trail was kept up to segment {} outside the database. What the backup does not have of it is gone; keep the log.",
            before.number
        );
    }
    if let Some(error) = not_kept {
        eprintln!(
            "The head of its audit trail could not be kept outside the database ({error}): remove that file, if it is there."
        );
    }
    println!("Head of its audit trail, to be kept elsewhere: {}", head(&manifest));
    println!("\n{}", brought_back(&manifest.taken));
    Ok(())
}

/// What an operator has to know before the server is reachable again; more in `docs/security.md`.
fn brought_back(taken: &str) -> String {
    format!(
        "What happened since {taken} is forgotten. What was ended since counts again until it is ended again:\n\
         \x20 - users who were deactivated or deleted, with the roles and groups of that time, and passwords that were changed\n\
         \x20 - grants, client secrets, static tokens, sessions and operators' tokens; access tokens that were revoked, for an hour\n\
         \x20 - refresh tokens that were spent. Those issued since are unknown: such a client goes on with the one before, or authenticates again\n\
         \x20 - codes of authenticator apps, assertions and proofs that were used, for some minutes\n\
         Before the server is reachable:\n\
         \x20 1. Wait two minutes; an hour, if access tokens were revoked since.\n\
         \x20 2. End again what was ended: the log and the audit trail of the lost database say what. Without them, end the grants of each account.\n\
         \x20 3. Let each identity provider synchronize in full: only it knows deactivations, roles and groups since.\n\
         docs/security.md, \"A restored backup\", has all of it."
    )
}

/// The file of the database; in words where there is none.
fn embedded(config: &Config, does: &str, instead: &str) -> Result<PathBuf, String> {
    match &config.database.url {
        DatabaseUrl::Sqlite(path) => Ok(path.clone()),
        DatabaseUrl::Postgres(_) => Err(format!(
            "{does} the embedded SQLite database, and this installation has its data in {}. Use {instead}: docs/operations.md says how",
            config.database.url.display()
        )),
    }
}

/// Runs it on a thread of its own. Told to stop, the command ends at once, and what it was writing is removed.
async fn unless_told_to_stop<T: Send + 'static>(
    draft: &Path,
    work: impl FnOnce(&Progress) -> Result<T, BackupError> + Send + 'static,
) -> Result<T, Box<dyn std::error::Error>> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let was_there = draft.exists();
    std::thread::spawn(move || {
        let progress = Progress::new();
        let outcome = work(&progress);
        progress.clear();
        let _ = tell.send(outcome);
    });
    let stopped = std::pin::pin!(shutdown_signal());
    match futures_util::future::select(told, stopped).await {
        futures_util::future::Either::Left((outcome, _)) => {
            Ok(outcome.map_err(|_| "it was interrupted; nothing was kept")??)
        }
        futures_util::future::Either::Right(_) => {
            // What was there before is another command's.
            if !was_there {
                let _ = std::fs::remove_file(draft);
            }
            Err("told to stop; nothing was kept".into())
        }
    }
}

fn show(progress: &Progress, step: Step) {
    match step {
        Step::Copying(done, of) => progress.part("copying", done, of),
        Step::Checking => progress.show("looking for damage"),
        Step::Counting => progress.show("counting rows"),
        Step::Auditing => progress.show("going through the audit trail"),
        Step::Summing(done, of) => progress.part("reading it for its checksum", done, of),
    }
}

fn head(manifest: &Manifest) -> &str {
    manifest.audit_head.as_deref().unwrap_or("its note is missing or forged")
}

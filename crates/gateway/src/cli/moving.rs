//! `gateway move`, `gateway export` and `gateway import`: an installation into another database, or into a file and out of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::progress::Progress;
use crate::config::Config;
use crate::platform::clock::Clock;
use crate::server;
use crate::server::signals::shutdown_signal;
use crate::services::moving::{self, Arrived, Exported, MoveError, Moved, Scope, Source, Step, Watch};
use crate::storage::DatabaseUrl;
use crate::storage::audit::chain::ChainVerdict;
use crate::storage::backup::Numbers;

type Outcome = Result<(), Box<dyn std::error::Error>>;

pub(super) async fn move_to(config: &Config, clock: &Clock, to: DatabaseUrl, while_running: bool) -> Outcome {
    server::find_installation(config)?;
    let masters = server::existing_master_keys(config)?;
    let (url, target, now) = (config.database.url.clone(), to.clone(), clock.now());
    // A file that the operator named is that of both.
    let from_kept = config.audit.head_file(&url);
    let to_kept =
        config.audit.head_file(&to).filter(|to| from_kept.as_ref().is_none_or(|from| from.path() != to.path()));
    let moved = until_told_to_stop(move |watch| {
        let source = Source { url: &url, masters: &masters, kept: from_kept.as_ref() };
        moving::move_to(source, &target, to_kept.as_ref(), while_running, now, watch)
    });
    let moved = moved.await?;
    let old = config.database.url.display();
    println!("{old} was moved to {}: {}.", to.display(), contents(&moved.rows));
    tell(&moved, while_running);
    println!(
        "Next: set database.url to the new database, keep security.master_key as it is, start the servers. Do not start one on the old database again; \
         remove it once the new one has its first backup."
    );
    if matches!(to, DatabaseUrl::Postgres(_)) {
        master_key_of_replicas(config);
    }
    Ok(())
}

pub(super) async fn export(config: &Config, clock: &Clock, file: PathBuf, account: Option<String>) -> Outcome {
    server::find_installation(config)?;
    let masters = server::existing_master_keys(config)?;
    let (url, target, now) = (config.database.url.clone(), file.clone(), clock.now());
    let only = account.clone();
    let exported = until_told_to_stop(move |watch| {
        let source = Source { url: &url, masters: &masters, kept: None };
        match only {
            Some(account) => moving::export_account(source, &account, &target, now, watch),
            None => moving::export(source, &target, now, watch),
        }
    });
    let Exported { rows, sha256 } = exported.await?;
    if let Some(account) = account {
        let of = |table: &str| rows.get(table).copied().unwrap_or_default();
        let (resources, clients, audit) = (of("resources"), of("clients"), of("audit"));
        println!(
            "{}: the account {account} with {resources} users and groups, {clients} clients, {audit} rows of the audit trail. SHA-256 of its lines: {sha256}",
            file.display()
        );
        eprintln!(
            "It has personal data, and passwords as argon2id hashes. Not in it: secrets of clients, tokens, grants, sessions, authenticator apps, links."
        );
        return Ok(());
    }
    println!("{}: {}. SHA-256 of its lines: {sha256}", file.display(), contents(&rows));
    eprintln!(
        "It has what was there when the command began. The master key is not in it, and is needed to import it. Who has both has the whole installation."
    );
    Ok(())
}

pub(super) async fn import(config: &Config, clock: &Clock, file: PathBuf) -> Outcome {
    if matches!(moving::header_of(&file)?.scope, Scope::Account { .. }) {
        return import_account(config, file).await;
    }
    let masters = server::existing_master_keys(config)
        .map_err(|why| format!("{why}. The installation in {} needs the key it was written under", file.display()))?;
    let (url, from, now) = (config.database.url.clone(), file.clone(), clock.now());
    let kept = config.audit.head_file(&url);
    let moved = until_told_to_stop(move |watch| moving::import(&from, &url, &masters, kept.as_ref(), now, watch));
    let moved = moved.await?;
    println!("{} was imported into {}: {}.", file.display(), config.database.url.display(), contents(&moved.rows));
    tell(&moved, false);
    Ok(())
}

async fn import_account(config: &Config, file: PathBuf) -> Outcome {
    server::find_installation(config)?;
    let mut conn = config.database.url.connect()?;
    let (schemas, from) = (server::schemas(config), file.clone());
    let arrived = until_told_to_stop(move |watch| moving::import_account(&from, &mut conn, &schemas, watch));
    let Arrived { id, name, resources, clients, audit } = arrived.await?;
    println!(
        "The account {name} ({id}) was imported from {}: {resources} users and groups, {clients} clients. Its {audit} audit rows of before stay in the file; keep it.",
        file.display()
    );
    println!(
        "To be given anew here: a secret or static token for each client (`gateway client secret add`), and with it each connection; the secret at the account's \
         OpenID provider; authenticator apps, at the next log-in. Passwords are those of before."
    );
    Ok(())
}

/// With PostgreSQL, a key in data.dir is not looked for.
fn master_key_of_replicas(config: &Config) {
    if let crate::config::MasterKeySource::KeyFile(path) = &config.master_key {
        println!(
            "With PostgreSQL the master key has to be configured: security.master_key_file = \"{}\", for every replica.",
            std::path::absolute(path).unwrap_or_else(|_| path.clone()).display()
        );
    }
}

fn tell(moved: &Moved, while_running: bool) {
    let ChainVerdict { breaks, sealed, waiting, head, .. } = &moved.trail;
    println!("Every row was read back and compared.");
    if breaks.is_empty() {
        println!("Its audit trail is whole: {sealed} rows are sealed, {waiting} wait. Head: {head}");
    } else {
        eprintln!("The audit trail is not whole, as it was not before: `gateway audit verify` says more.");
        breaks.iter().for_each(|line| eprintln!("  - {line}"));
    }
    if let Some(error) = &moved.not_kept {
        eprintln!("The head of the audit trail could not be kept outside the database: {error}");
    }
    if while_running {
        eprintln!(
            "What servers wrote since the command began is not in it. This was a rehearsal: make the new database empty again, stop the servers, and repeat \
             it without --while-running."
        );
    }
}

/// Runs it on a thread of its own. Told to stop, it undoes what it did.
async fn until_told_to_stop<T: Send + 'static>(
    work: impl FnOnce(&Watch<'_>) -> Result<T, MoveError> + Send + 'static,
) -> Result<T, Box<dyn std::error::Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let (answer, mut answered) = tokio::sync::oneshot::channel();
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        let progress = Progress::new();
        let outcome = work(&Watch { tell: &|step| show(&progress, step), stop: &told });
        progress.clear();
        let _ = answer.send(outcome);
    });
    let outcome = tokio::select! {
        outcome = &mut answered => outcome,
        _ = shutdown_signal() => {
            stop.store(true, Ordering::Relaxed);
            answered.await
        }
    };
    Ok(outcome.map_err(|_| "it was interrupted; nothing was changed")??)
}

fn show(progress: &Progress, step: Step) {
    match step {
        Step::Summing(done, of) => progress.part("reading it for its checksum", done, of),
        Step::Copying(done, of) => progress.rows("copying", done, of),
        Step::Comparing(done, of) => progress.rows("reading back and comparing", done, of),
        Step::Auditing => progress.show("going through the audit trail"),
    }
}

/// How much of what people know.
pub(super) fn contents(rows: &Numbers) -> String {
    let of = |table: &str| rows.get(table).copied().unwrap_or_default();
    let all: i64 = rows.values().sum();
    format!(
        "{} accounts, {} users and groups, {} clients, {} grants, {} rows of the audit trail; {all} rows in {} tables",
        of("accounts"),
        of("resources"),
        of("clients"),
        of("grants"),
        of("audit"),
        rows.len()
    )
}

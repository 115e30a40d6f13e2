//! `gateway audit`.

use clap::Subcommand;

use crate::config::Config;
use crate::platform::clock::Clock;
use crate::server;
use crate::services::master_key;
use crate::storage::audit::chain::{ChainVerdict, Link};
use crate::storage::{DbError, read_on};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Go through the chain of the audit trail: whether a row was changed, removed or slipped in, or the newest were cut off.
    Verify {
        /// A head that an earlier run printed, the log, or the admin API, kept elsewhere: it has to be a link of the chain.
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Option<Link>,
    },
}

/// Reads, and nothing else: what is verified may be a copy.
pub(super) fn run(config: &Config, clock: &Clock, command: AuditCommand) -> Result<(), Box<dyn std::error::Error>> {
    let AuditCommand::Verify { expect } = command;
    server::find_installation(config)?;
    let masters = server::existing_master_keys(config)?;
    let mut conn = config.database.url.connect_read_only()?;
    let file = config.audit.head_file(&config.database.url);
    let keys = read_on::<_, DbError>(&mut conn, |tx| master_key::open_existing(tx, &masters))?;
    let keys = keys.ok_or(server::StartError::WrongMasterKey)?;
    // Read before the trail is, for it grows with it.
    let kept = file.as_ref().map_or(Ok(None), |file| file.read(&keys));
    let (kept, lost) = kept.map_or_else(|why| (None, Some(why)), |kept| (kept, None));
    let heads = [expect.as_ref(), kept.as_ref()];
    let verdict =
        read_on::<_, DbError>(&mut conn, |tx| tx.verify_audit(&keys, clock.now(), heads.into_iter().flatten()))?;
    let ChainVerdict { mut breaks, late, sealed, waiting, forgotten, head } = verdict;
    breaks.extend(lost.map(|why| format!("the head that is kept outside the database is lost: {why}")));
    if !breaks.is_empty() {
        let breaks: Vec<String> = breaks.iter().map(|line| format!("  - {line}")).collect();
        return Err(format!("the audit trail is not whole:\n{}", breaks.join("\n")).into());
    }
    println!(
        "The audit trail is whole: {sealed} rows in {} segments, {waiting} more wait for their seal.",
        head.number - forgotten
    );
    println!("Head: {head}");
    match (file, kept, expect) {
        (Some(file), Some(kept), _) => {
            println!(
                "It reaches as far as {} says, which is kept outside the database: segment {}.",
                file.path().display(),
                kept.number
            )
        }
        (_, None, Some(expect)) => println!("It reaches as far as the head that was given: segment {}.", expect.number),
        (file, None, None) => {
            let file = file.map(|file| format!(" in {}", file.path().display())).unwrap_or_default();
            eprintln!(
                "No head is kept outside this database{file}: an older copy of it, or one whose newest segments were cut off together with \
                 their note, would be called whole too. To know, give --expect a head out of the log (`sealed rows of the audit trail`), \
                 of an earlier run, or of the admin API."
            );
        }
        (None, Some(_), _) => {}
    }
    if late > 0 {
        eprintln!("{late} of the rows that wait are older than ten minutes; a running gateway seals them.");
    }
    Ok(())
}

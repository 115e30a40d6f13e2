//! `gateway keys`: beside running servers, which notice within half a minute.

use clap::Subcommand;
use oauth::signing::SigningAlgorithm;

use crate::config::Config;
use crate::domain::actor::{Actor, Source};
use crate::platform::clock::Clock;
use crate::platform::system;
use crate::server;
use crate::services::sign_in::request_key::{self, Step};
use crate::services::signing::{Rotation, Signer};
use crate::storage::sealed;
use crate::storage::{DbError, ReadCost};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// List the signing keys, newest first.
    List,
    /// Make the next signing key. It is published at once and signs a day later; what the old one signed stays good.
    Rotate {
        /// RS256, ES256 or EdDSA; all three if left out.
        #[arg(long, value_parser = algorithm)]
        alg: Option<SigningAlgorithm>,
        /// The old key is in wrong hands: it is removed at once with everything it signed, and the new one signs at once.
        #[arg(long)]
        compromised: bool,
    },
    /// Replace the key that signs requests to SAML providers, step by step; each prints the certificate that counts next.
    Saml {
        /// announce: make the next key, and tell its certificate in the metadata beside the one that counts; switch: let it sign; withdraw: tell
        /// the certificate before no more.
        #[arg(value_parser = saml_step)]
        step: Step,
    },
    /// Seal again, under the first master key, everything that is stored under another.
    Reencrypt,
}

fn algorithm(text: &str) -> Result<SigningAlgorithm, String> {
    SigningAlgorithm::parse(text).ok_or_else(|| "must be RS256, ES256 or EdDSA".to_owned())
}

fn saml_step(text: &str) -> Result<Step, String> {
    match text {
        "announce" => Ok(Step::Announce),
        "switch" => Ok(Step::Switch),
        "withdraw" => Ok(Step::Withdraw),
        _ => Err("must be announce, switch or withdraw".to_owned()),
    }
}

pub(super) async fn run(config: &Config, clock: Clock, command: KeysCommand) -> Result<(), Box<dyn std::error::Error>> {
    let (db, keys) = server::open(config, clock.clone()).await?;
    let url = config.server.public_url.as_deref().unwrap_or_default();
    let settings = server::settings(config, url, url);
    match command {
        KeysCommand::List => {
            Signer::open(db.clone(), keys).await?;
            let now = clock.now();
            println!(
                "{:<5}  {:<43}  {:<9}  {:<24}  {:<24}  published until",
                "alg", "kid", "state", "made", "signs from"
            );
            let stored = db.read(ReadCost::Scan, |tx| tx.signing_keys()).await?;
            for key in &stored {
                let newer = |other: &&crate::storage::signing_keys::SealedKey| {
                    other.algorithm == key.algorithm && other.signs_from > key.signs_from && other.signs_from <= now
                };
                let state = match key.signs_from > now {
                    true => "announced",
                    false if stored.iter().any(|other| newer(&other)) => "retired",
                    false => "signs",
                };
                let (made, from) = (system::rfc3339(key.created), system::rfc3339(key.signs_from));
                let until = key.expires.map_or_else(|| "it has a successor".to_owned(), system::rfc3339);
                println!("{:<5}  {:<43}  {state:<9}  {made:<24}  {from:<24}  {until}", key.algorithm, key.kid);
            }
            Ok(())
        }
        KeysCommand::Rotate { alg, compromised } => {
            let signer = Signer::open(db, keys).await?;
            let handover = if compromised { Rotation::Emergency } else { Rotation::Scheduled };
            for algorithm in
                SigningAlgorithm::ALL.into_iter().filter(|algorithm| alg.is_none_or(|only| only == *algorithm))
            {
                match signer.rotate(algorithm, handover, settings.longest_ms()).await? {
                    Some(key) => {
                        println!("{}  {}  signs from {}", key.algorithm, key.kid, system::rfc3339(key.signs_from))
                    }
                    None => println!("{}  another process made a key at the same moment", algorithm.as_str()),
                }
            }
            Ok(())
        }
        KeysCommand::Saml { step } => {
            print!("{}", request_key::step(&db, &keys, url, step).await??);
            Ok(())
        }
        KeysCommand::Reencrypt => {
            let done = db
                .write::<_, DbError, _>(move |tx| {
                    tx.act_as(Actor::CommandLine.at(Source::default()));
                    sealed::reencrypt(tx, &keys)
                })
                .await?;
            let free = system::rfc3339(clock.now() + settings.longest_ms());
            println!("{done} values sealed again; everything stored is sealed under the first master key.");
            println!(
                "Access tokens and forms in browsers may be sealed under an older one until {free}; keep it configured"
            );
            println!("until then, counted from the moment when every server had the new key in front.");
            Ok(())
        }
    }
}

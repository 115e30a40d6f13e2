//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Config, ConfigErrors};
use crate::demo;
use crate::domain::actor::{Actor, Source};
use crate::domain::bodies::operators::{NewOperator, OperatorToken};
use crate::domain::described::{Required, Text, Texts};
use crate::domain::operator::{Mandate, Role};
use crate::domain::operator_name::OperatorName;
use crate::jobs::housekeeping::{Done, Housekeeper};
use crate::platform::clock::Clock;
use crate::platform::system;
use crate::server;
use crate::server::logging::start_logging;
use crate::server::signals::{Hangups, Told, shutdown_signal};
use crate::services::error::ActError;
use crate::services::operator_people::{Asked, NewPerson};
use crate::services::password_links::NewLink;
use crate::services::{field_counts, tolerance_counts};
use crate::services::{operator_logins, operator_people, operators};
use crate::storage::{ReadCost, migrations, releases};

mod audit;
mod backup;
mod configuration;
mod doctor;
mod keys;
mod moving;
mod progress;
mod remote;
mod shipped;

/// The provisioning front door: an OAuth 2.0 / OpenID Connect authorization server and a SCIM 2.0 service provider.
#[derive(Debug, Parser)]
#[command(name = "gateway", version, about, arg_required_else_help = true)]
struct Cli {
    /// A configuration file (TOML); the environment (GATEWAY__SECTION__KEY) overrides it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a server on a fresh SQLite database, play an identity provider's whole story against it, and stay up.
    Demo(demo::Arguments),
    /// Look at the configuration, without a server and without its database.
    Config {
        #[command(subcommand)]
        command: configuration::ConfigCommand,
    },
    /// Print the script with which a shell completes the commands of this program.
    Completions { shell: clap_complete::Shell },
    /// Write the man pages of this program and of its commands.
    Man {
        /// The folder they are written into; made if it is not there.
        folder: PathBuf,
    },
    /// Look at a server from outside, as an identity provider does: what it would stumble over, and what to do about it.
    Doctor(doctor::Arguments),
    #[command(flatten)]
    Configured(Configured),
}

/// What is done with the operator's configuration.
#[derive(Debug, Subcommand)]
enum Configured {
    /// Run the server.
    Serve,
    /// Bring the database's schema up to date.
    Migrate,
    /// Manage the keys that sign, and what the master key seals.
    #[command(visible_alias = "key")]
    Keys {
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
    /// Manage operators of the admin API.
    Operator {
        #[command(subcommand)]
        command: OperatorCommand,
    },
    /// Look after the feed of changes.
    Events {
        #[command(subcommand)]
        command: EventsCommand,
    },
    /// Look after the audit trail.
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Copy the embedded SQLite database into one new file, while servers run.
    ///
    /// The copy has everything that was committed before the command began. It is looked through (damage, audit trail, number of rows) and gets a
    /// checksum that this installation's keys sign, before it has its name. The master key is not in it: keep that in another place, for nothing
    /// that is sealed in the backup opens without it. PostgreSQL has pg_dump and point-in-time recovery: docs/operations.md.
    Backup {
        /// The file that is made. It must not exist.
        file: PathBuf,
    },
    /// Put the database of a backup where there is none.
    ///
    /// Nothing is overwritten, and nothing is restored while a process has the database open, without the master key of the backup, or from a
    /// newer release. Of an older release it is migrated at the next start.
    Restore {
        /// A file that `gateway backup` made.
        file: PathBuf,
    },
    /// Move the whole installation into another, empty database: from SQLite to PostgreSQL, or back.
    ///
    /// Everything goes as it is: ids, tokens, secrets, sessions, keys and the audit trail go on working under the same master key. It is one transaction of
    /// the new database, which is compared with the old one row by row before it is committed: what is interrupted leaves it empty, and is begun again.
    /// The servers are stopped before; afterwards they are started with database.url set to the new one. The old database stays as it is.
    Move {
        /// The database it goes into, as database.url names it: postgres://USER@HOST/NAME or sqlite:PATH. It is made if it is SQLite's, and migrated.
        #[arg(long, value_name = "URL", env = "GATEWAY_MOVE_TO", hide_env_values = true)]
        to: crate::storage::DatabaseUrl,
        /// Move what was there when the command began, though servers run: a rehearsal, for what they write meanwhile is not in it.
        #[arg(long)]
        while_running: bool,
    },
    /// Write the whole installation, or one account, into one new file of JSON Lines, while servers run or not.
    ///
    /// It has every row as it was when the command began, what is secret in the form in which the database has it, and a checksum that the
    /// installation's keys sign. The master key is not in it. With --account it has what goes with an account: its policies, attributes and roles, users with
    /// their passwords as hashes, groups, clients, and its audit rows as a record; nothing that is sealed, issued or hashed under the master key.
    Export {
        /// The file that is made. It must not exist.
        file: PathBuf,
        /// Only this account, by its name or its id.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
    /// Put the installation of an export into the configured database, which has to be empty; or its account into the configured installation.
    ///
    /// An installation needs the master key of the one that was exported. An account keeps its ids; its clients get new secrets here. It is one transaction:
    /// what is interrupted changes nothing, and is begun again. A file that was cut off or damaged is refused, and one of another schema.
    Import {
        /// A file that `gateway export` made.
        file: PathBuf,
    },
    /// Do once what the server does every half minute: remove what is due.
    Housekeeping {
        /// Believe the clock as it is, though it jumped, and let everything end that is due, for a day.
        #[arg(long)]
        confirm: bool,
    },
    /// Ask a running server whether it is ready; for container health checks.
    Health {
        /// Its base URL; by default the address in the configuration.
        #[arg(long)]
        url: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// Have every reader of the feed begin anew with a snapshot.
    ///
    /// For a database that went back to an earlier state by means which it does not show: a standby was promoted that lacked what was committed,
    /// a disk was put back. Otherwise readers would take new events for those that they have. `gateway restore`, `gateway import`, a dump that was
    /// restored and recovery to a point in time need no command. Stop the servers before.
    BeginAnew,
}

#[derive(Debug, Subcommand)]
enum OperatorCommand {
    /// Make an operator; prints the token, once.
    Create {
        /// Who it is, for the audit trail.
        #[arg(long)]
        name: String,
        /// What they may do: everything, what can be taken back and no secret, read and diagnose, or read the audit trail.
        #[arg(long, default_value = "platform", value_parser = ["platform", "csm", "support", "auditor"])]
        role: String,
        /// The id of an account that the operator is limited to; may be given several times. Without it: all accounts.
        #[arg(long = "account", value_name = "ID")]
        accounts: Vec<String>,
    },
    /// Print a link with which an operator chooses a password for the console, once and within an hour. Makes the operator if there is none.
    Invite {
        /// The e-mail address by which they log in.
        address: String,
        /// What the audit trail calls them; the address if nothing is said.
        #[arg(long)]
        name: Option<String>,
        /// What a new operator may do.
        #[arg(long, default_value = "csm", value_parser = ["platform", "csm", "support", "auditor"])]
        role: String,
        /// The name of an account that a new operator is limited to; may be given several times. Without it: all accounts.
        #[arg(long = "account", value_name = "NAME")]
        accounts: Vec<String>,
    },
    /// Print a link with which an operator who lost their password or their authenticator app chooses a password, once and within an hour.
    /// What they had counts no more, and their sessions end.
    Recover {
        /// The e-mail address by which they log in, or what the audit trail calls them.
        name: String,
    },
}

/// All commands: those of this machine, and those that ask a server.
fn commands() -> clap::Command {
    remote::added_to(Cli::command())
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    system::use_small_pages();
    let _ = rustls::crypto::ring::default_provider().install_default();
    // What is no command of this machine asks a server, or is help.
    let Ok(cli) = Cli::try_parse() else { return remote::run(commands()) };
    let outcome = match cli.command {
        Command::Doctor(arguments) => return doctor::run(&arguments),
        Command::Demo(arguments) => actix_web::rt::System::new().block_on(demo::run(arguments)),
        Command::Config { command } => return configuration::run(cli.config.as_deref(), &command),
        Command::Completions { shell } => shipped::print_completions(commands(), shell).map_err(Into::into),
        Command::Man { folder } => shipped::write_man_pages(commands(), &folder).map_err(Into::into),
        Command::Configured(command) => match Config::load(cli.config.as_deref()) {
            Ok(config) => actix_web::rt::System::new().block_on(with_config(command, config)),
            Err(mistakes) => Err(mistakes.into()),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {}", error.to_string().trim_end());
            ExitCode::FAILURE
        }
    }
}

async fn with_config(command: Configured, config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let collector = config.traces.clone().filter(|_| matches!(command, Configured::Serve));
    let traces = start_logging(&config, collector.as_ref())?;
    let outcome = run_with(command, config).await;
    if let Some(traces) = traces {
        traces.end();
    }
    outcome
}

async fn run_with(command: Configured, config: Config) -> Result<(), Box<dyn std::error::Error>> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if matches!(command, Configured::Serve) && !config.at_start.is_empty() {
        return Err(ConfigErrors(config.at_start).into());
    }
    let clock = Clock::of_the_machine();
    match command {
        Configured::Serve => serve(config, clock).await,
        Configured::Migrate => {
            let _turn = server::take_turn(&config)?;
            let mut conn = config.database.url.connect()?;
            let applied = migrations::run(&mut conn)?;
            releases::note_in_use(&mut conn)?;
            println!("{}: {applied} migrations applied, the schema is up to date", config.database.url.display());
            Ok(())
        }
        Configured::Keys { command } => keys::run(&config, clock, command).await,
        Configured::Operator { command: OperatorCommand::Create { name, role, accounts } } => {
            create_operator(&config, clock, name, &role, accounts).await
        }
        Configured::Operator { command: OperatorCommand::Invite { address, name, role, accounts } } => {
            invite_operator(&config, clock, address, name, role, accounts).await
        }
        Configured::Operator { command: OperatorCommand::Recover { name } } => {
            recover_operator(&config, clock, name).await
        }
        Configured::Events { command: EventsCommand::BeginAnew } => {
            let (db, _) = server::open(&config, clock).await?;
            let number = db.write(|tx| tx.begin_feed_anew()).await?;
            println!(
                "The feed begins anew after number {number}: its readers are told to take a snapshot, and its receivers wait until an operator says from where on."
            );
            Ok(())
        }
        Configured::Audit { command } => audit::run(&config, &clock, command),
        Configured::Backup { file } => backup::make(&config, &clock, file).await,
        Configured::Restore { file } => backup::restore(&config, file).await,
        Configured::Move { to, while_running } => moving::move_to(&config, &clock, to, while_running).await,
        Configured::Export { file, account } => moving::export(&config, &clock, file, account).await,
        Configured::Import { file } => moving::import(&config, &clock, file).await,
        Configured::Housekeeping { confirm } => keep_house(config, clock, confirm).await,
        Configured::Health { url } => {
            // This machine's own listener is asked by its address, of which no certificate is; nothing secret is sent there.
            let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(url.is_none()).build()?;
            let url = url.unwrap_or_else(|| config.url_at(config.server.bind));
            let answer = client.get(format!("{url}/health/ready")).send().await?;
            if answer.status().is_success() { Ok(()) } else { Err(format!("not ready: {}", answer.status()).into()) }
        }
    }
}

async fn serve(config: Config, clock: Clock) -> Result<(), Box<dyn std::error::Error>> {
    let (database, mut hangups) = (config.database.url.display(), Hangups::new());
    let mut running = server::start(config, clock).await?;
    tracing::info!(address = %running.address, public_url = %running.app.public_url, %database, "gateway is ready");
    if let Some(address) = running.admin {
        tracing::info!(%address, admin_url = %running.app.admin_url, "the console and the admin API are served there");
    }
    if let Some(address) = running.metrics {
        tracing::info!(%address, "metrics are read there");
    }
    let operators = running.app.db.read(ReadCost::Scan, |tx| tx.operators()).await?;
    if running.app.config.admin.token.is_none() && operators.is_empty() {
        tracing::info!(
            "there is no operator yet: `gateway operator invite YOUR-ADDRESS --role platform` prints a link to the console"
        );
    }
    let app = running.app.clone();
    actix_web::rt::spawn(async move {
        loop {
            hangups.next().await;
            match &app.certificate {
                // What came of it is in the log.
                Some(certificate) => drop(certificate.read_again(app.clock.now())),
                None => tracing::info!("SIGHUP: no file is read again; settings count from the next start on"),
            }
        }
    });
    let (stop, handle, drain) = (running.stop(), running.handle.clone(), running.app.config.server.drain_time);
    actix_web::rt::spawn(async move {
        let drain = match shutdown_signal().await {
            Told::ToTerminate => drain,
            Told::ToInterrupt => Duration::ZERO,
        };
        tracing::info!("stopping: not ready any more, answers close their connections, running requests are finished");
        actix_web::rt::spawn(async move {
            shutdown_signal().await;
            tracing::info!("stopping at once");
            handle.stop(false).await;
        });
        stop.gracefully(drain).await;
    });
    running.server.await?;
    // Another server need not wait until the leases end.
    let released = running.app.deliverer.release_all().await;
    let recorded = running.app.recorder.write(&running.app.db).await;
    let told = crate::jobs::tell_refusals(&running.app, true).await;
    tolerance_counts::add(&running.app.db, &running.app.tally).await?;
    field_counts::add(&running.app.db, &running.app.fields).await?;
    released?;
    told?;
    recorded?;
    Ok(())
}

async fn create_operator(
    config: &Config,
    clock: Clock,
    name: String,
    role: &str,
    accounts: Vec<String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let role = Role::named(role).ok_or("--role is none of an operator's")?;
    let accounts = Some(Texts(accounts)).filter(|Texts(ids)| !ids.is_empty());
    let name = OperatorName::parse(&name).map_err(|why| format!("--name {why}"))?.as_str().to_owned();
    let (db, keys) = server::open(config, clock).await?;
    let shown = name.clone();
    let new = NewOperator { name: Required(Text(name)), address: None, role: Required(role), accounts, expires: None };
    let made = db.write(move |tx| {
        tx.settle_operator_names(tx.now())?;
        tx.act_as(Actor::CommandLine.at(Source::default()));
        operators::create(tx, &Mandate::EVERYTHING, &keys, "", &new)
    });
    let OperatorToken { token, .. } = made.await?.with;
    println!("{}", token.unwrap_or_default());
    let (code, may) = (role.code(), role.summary());
    eprintln!(
        "This is the token of operator `{shown}`, who has the role {code} and {may}. It is not shown again. Send it as `Authorization: Bearer …`."
    );
    Ok(())
}

async fn invite_operator(
    config: &Config,
    clock: Clock,
    address: String,
    name: Option<String>,
    role: String,
    accounts: Vec<String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let address = operator_logins::address(&address).map_err(|why| format!("ADDRESS {why}"))?;
    let (db, keys) = server::open(config, clock).await?;
    let link = NewLink::draw(&keys);
    let asked = Asked { role, accounts: Some(accounts).filter(|names| !names.is_empty()) };
    let new = NewPerson { name: name.unwrap_or_default(), address: address.clone(), asked };
    let stored = link.clone();
    let made = db.write(move |tx| {
        tx.settle_operator_names(tx.now())?;
        tx.act_as(Actor::CommandLine.at(Source::default()));
        let id = match tx.operator_by_address(&new.address)? {
            Some(login) => login.id,
            None => operator_people::create(tx, &Mandate::EVERYTHING, &new)?,
        };
        operator_logins::invite(tx, &Mandate::EVERYTHING, &stored, &id, Some(operator_logins::SHORT))?;
        let found = tx.operator_of(&id)?.map(|operator| operator.mandate.role());
        found.ok_or_else(|| ActError::not_found("operator", &id))
    });
    let role = made.await?;
    println!("{}", link.url(&welcome(config)));
    eprintln!(
        "With this link {address} chooses a password for the console, as an operator with the role {}: once, and within an hour.",
        role.code()
    );
    Ok(())
}

/// Where links to a password lead.
fn welcome(config: &Config) -> String {
    format!("{}/console/welcome", config.admin_url())
}

async fn recover_operator(config: &Config, clock: Clock, name: String) -> Result<(), Box<dyn std::error::Error>> {
    let (db, keys) = server::open(config, clock).await?;
    let link = NewLink::draw(&keys);
    let stored = link.clone();
    let recovered = db.write(move |tx| {
        tx.settle_operator_names(tx.now())?;
        tx.act_as(Actor::CommandLine.at(Source::default()));
        operator_logins::recover(tx, &Mandate::EVERYTHING, &stored, name.trim())
    });
    let address = recovered.await?.address.unwrap_or_default();
    println!("{}", link.url(&welcome(config)));
    eprintln!(
        "With this link {address} chooses a password for the console: once, and within an hour. The password and the authenticator app before \
         count no more, and every browser is logged out."
    );
    Ok(())
}

async fn keep_house(config: Config, clock: Clock, confirm: bool) -> Result<(), Box<dyn std::error::Error>> {
    let (db, keys) = server::open(&config, clock).await?;
    let housekeeper = Housekeeper::new(db, keys, config.into());
    if confirm {
        housekeeper.confirm().await?;
    }
    let Done { rows, judged, held_back, failed } = housekeeper.sweep().await;
    println!("{rows} rows were removed or written.");
    if let Some(ahead) = judged.and_then(|judged| judged.doubted) {
        println!(
            "The clock is {} minutes ahead of what is believed: nothing ended by it. --confirm believes it.",
            ahead / 60_000
        );
    }
    if held_back {
        println!("More grants would end than may end in a day: the rest waits. --confirm lets them end.");
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("these steps failed: {}", failed.join(", ")).into()) }
}

//! Configuration: a file and the environment, in this order, over the defaults; parsed into types at the start, every mistake at once.
//!
//! Each section has a file, which declares its settings by reading them. What needs the settings of a lower layer gets that layer's own
//! type.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat};

use crate::domain::brand::Brand;
use crate::domain::password_link::LinkLifetimes;
use crate::platform::outbound::address::AllowedNetworks;
use crate::platform::smtp::Mail;
use crate::platform::tls::Files;
use crate::platform::traces::Collector;

mod admin;
mod attributes;
mod audit;
mod brand;
mod consent;
mod console;
mod data;
mod database;
mod events;
mod file;
mod health;
mod housekeeping;
pub mod keys;
mod limits;
mod log;
mod mail;
mod metrics;
mod names;
mod oauth;
mod operators;
mod origin;
mod outbound;
mod passwords;
mod proxies;
pub(crate) mod public_url;
mod reader;
mod requests;
mod scim;
pub(crate) mod security;
pub(crate) mod server;
mod setup;
mod shown;
mod tls;
mod traces;

pub use admin::Admin;
pub use attributes::Attributes;
pub use audit::Audit;
pub use consent::Consent;
pub use console::Console;
pub use database::Database;
pub use events::Events;
pub use health::Health;
pub use housekeeping::Housekeeping;
pub use limits::Limits;
pub use log::{Log, LogFilter};
pub use metrics::Metrics;
pub use oauth::OAuth;
pub use operators::OperatorSignIn;
pub use origin::Origin;
pub use passwords::PasswordThreads;
pub use proxies::TrustedProxies;
use reader::{Declared, Reader, Secrecy};
pub use requests::Requests;
pub use scim::Scim;
pub use security::MasterKeySource;
pub use server::{Memory, Server};
pub use setup::Setup;
pub use shown::Setting;

/// Everything an operator can set, checked: a field for each section.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // docs/configuration.md says what they mean
pub struct Config {
    pub server: Server,
    pub tls: Option<Files>,
    pub data_dir: PathBuf,
    pub database: Database,
    pub master_key: MasterKeySource,
    pub admin: Admin,
    pub operator_sign_in: Option<OperatorSignIn>,
    pub console: Console,
    pub attributes: Attributes,
    pub consent: Consent,
    pub oauth: OAuth,
    pub outbound: AllowedNetworks,
    pub mail: Option<Mail>,
    pub scim: Scim,
    pub limits: Limits,
    pub audit: Audit,
    pub housekeeping: Housekeeping,
    pub requests: Requests,
    /// The feed of every change.
    pub events: Events,
    pub metrics: Metrics,
    pub traces: Option<Collector>,
    pub health: Health,
    pub passwords: PasswordThreads,
    pub password_links: LinkLifetimes,
    pub brand: Brand,
    pub setup: Setup,
    pub log: Log,
    /// What an operator should know, though the server can work with it.
    pub warnings: Vec<String>,
    /// What stops a start, though other commands can do without it.
    pub at_start: Vec<String>,
}

/// What was found out by reading a configuration.
#[derive(Debug)]
pub struct Inspection {
    /// The configuration, if nothing is wrong with it.
    pub config: Option<Config>,
    /// Every mistake, each with its key and what would be right; also those that stop a start only.
    pub mistakes: Vec<String>,
    /// What an operator should know.
    pub warnings: Vec<String>,
    /// Every setting as it counts; none where the file cannot be read.
    pub settings: Vec<Setting>,
}

/// What is wrong with a configuration: every mistake, each with its key and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<String>);

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "the configuration has {} mistake(s):", self.0.len())?;
        self.0.iter().try_for_each(|mistake| writeln!(f, "  - {mistake}"))
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Reads `file` and the environment.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigErrors> {
        Config::inspect(file).usable()
    }

    /// The same, with everything there is to say of it.
    pub fn inspect(file: Option<&Path>) -> Inspection {
        Config::from_layers(file, std::env::vars_os().collect())
    }

    /// As [`load`](Self::load), with variables instead of the environment: for the demo and for tests.
    pub fn from_variables(variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        Config::from_layers(None, owned(variables)).usable()
    }

    /// The base of the URLs of the console and the admin API, where this is configured: not a port that the system chooses.
    pub fn admin_url(&self) -> String {
        let Config { admin, server, .. } = self;
        let own = admin.public_url.as_ref().filter(|_| admin.bind.is_some());
        let url = own.or(server.public_url.as_ref());
        url.cloned().unwrap_or_else(|| self.url_at(admin.bind.unwrap_or(server.bind)))
    }

    /// The base of the URLs of what is served at an address, where no other is configured.
    pub fn url_at(&self, address: SocketAddr) -> String {
        format!("{}://{address}", scheme(self.tls.as_ref()))
    }

    fn from_layers(file: Option<&Path>, variables: Vec<(OsString, OsString)>) -> Inspection {
        match Config::layered(file, variables) {
            Ok(inspection) => inspection,
            Err(mistake) => {
                Inspection { config: None, mistakes: vec![mistake], warnings: Vec::new(), settings: Vec::new() }
            }
        }
    }

    /// Fails where the layers cannot be read at all.
    fn layered(file: Option<&Path>, variables: Vec<(OsString, OsString)>) -> Result<Inspection, String> {
        let read_file = file.map(file::toml).transpose().map_err(|why| format!("--config: {why}"))?;
        let (text, mut origins) = read_file.unwrap_or_default();
        let variables = variables.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        // An empty variable counts as unset.
        let (mut set, mut mistakes) = texts(variables.filter(|(_, value)| !value.is_empty()));
        set.sort();
        for (variable, _) in &set {
            if let Some(other) = origins.set_by(variable) {
                mistakes.push(format!("{variable} and {other} are one setting; set one of them"));
            }
        }
        let environment = Environment::with_prefix("GATEWAY").prefix_separator("__").separator("__");
        let tree: serde_json::Value = config::Config::builder()
            .add_source(File::from_str(&text, FileFormat::Toml))
            .add_source(environment.source(Some(set.iter().cloned().collect())))
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|e| e.to_string())?;
        let mut reader = Reader::new(tree, origins);
        let config = read(&mut reader);
        for warning in
            names::misnamed(set.iter().map(|(name, _)| name.as_str()), reader.declared.iter().map(Declared::key))
        {
            reader.warn(warning);
        }
        if let Some(path) = file {
            warn_of_secrets(&mut reader, path);
        }
        let mut warnings = reader.take_warnings();
        warnings.sort();
        let settings = Setting::all(&reader.declared);
        let at_start = reader.take_at_start();
        mistakes.extend(reader.finish());
        let config = config.filter(|_| mistakes.is_empty());
        let config = config.map(|config| Config { warnings: warnings.clone(), at_start: at_start.clone(), ..config });
        mistakes.extend(at_start);
        Ok(Inspection { config, mistakes, warnings, settings })
    }
}

impl Inspection {
    /// The configuration, for commands that can do without what only a start needs.
    pub fn usable(self) -> Result<Config, ConfigErrors> {
        self.config.ok_or(ConfigErrors(self.mistakes))
    }
}

/// How the listeners are spoken to.
fn scheme(tls: Option<&Files>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

/// As an environment has them: of a name that is given twice, the later value.
fn owned(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// The configuration file is a file with secrets where one stands in it.
fn warn_of_secrets(reader: &mut Reader, path: &Path) {
    let of_file = |one: &&Declared| matches!(one.origin, Some(Origin::File { .. })) && one.secrecy != Secrecy::Open;
    let secrets: Vec<String> = reader.declared.iter().filter(of_file).map(Declared::key).collect();
    let (Some(what), false) = (file::open_to_others(path), secrets.is_empty()) else { return };
    let (path, secrets) = (path.display(), secrets.join(", "));
    reader.warn(format!(
        "--config: every user of this machine can {what} {path}, where {secrets} stands; chmod 600 {path}"
    ));
}

/// Variables as text. Of those that are none, ours are mistakes.
fn texts(variables: impl Iterator<Item = (String, OsString)>) -> (Vec<(String, String)>, Vec<String>) {
    let (mut texts, mut mistakes) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        match value.into_string() {
            Ok(value) => texts.push((name, value)),
            Err(_) if name.to_uppercase().starts_with("GATEWAY__") => mistakes.push(format!("{name}: is not UTF-8")),
            Err(_) => {}
        }
    }
    (texts, mistakes)
}

/// Reads every section, so that every setting is declared and every mistake found, before anything is missed.
fn read(r: &mut Reader) -> Option<Config> {
    let server = server::read(r);
    let tls = tls::read(r);
    let data_dir = data::read(r);
    let near = data_dir.as_deref().unwrap_or(Path::new(""));
    let mut database = database::read(r, near);
    let master_key = security::read(r, near);
    let admin = admin::read(r);
    let operator_sign_in = operators::read(r);
    let console = console::read(r);
    let attributes = attributes::read(r);
    let consent = consent::read(r, attributes.as_ref());
    let oauth = oauth::read(r);
    let outbound = outbound::read(r);
    let mail = mail::read(r);
    let scim = scim::read(r);
    let limits = limits::read(r);
    let audit = audit::read(r);
    let housekeeping = housekeeping::read(r);
    let requests = requests::read(r);
    let events = events::read(r);
    let metrics = metrics::read(r);
    let traces = traces::read(r);
    let health = health::read(r);
    let passwords = passwords::read(r);
    let brand = brand::read(r);
    let setup = setup::read(r);
    let log = log::read(r);

    if let (Some(source), Some(database)) = (&master_key, &database) {
        security::agree(r, source, &database.url);
    }
    if let (Some(admin), Some(server)) = (&admin, &server) {
        if let Some(tls) = &tls {
            tls::agree(r, tls, server, admin);
        }
        admin::agree(r, admin, server, scheme(tls.as_ref()), metrics.and_then(|metrics| metrics.bind));
    }
    if let (Some(operators), Some(reach)) = (&operator_sign_in, outbound) {
        operators::agree(r, operators, reach);
    }
    if let (Some(scim), Some(server)) = (&scim, &server) {
        scim::agree(r, scim, server.memory);
    }
    if let (Some(scim), Some(database)) = (&scim, &mut database) {
        database::share(r, &mut database.limits, scim.long_requests_per_account);
    }
    let (passwords, password_links) = passwords?;
    Some(Config {
        server: server?,
        tls,
        data_dir: data_dir?,
        database: database?,
        master_key: master_key?,
        admin: admin?,
        operator_sign_in,
        console: console?,
        attributes: attributes?,
        consent: consent?,
        oauth: oauth?,
        outbound: outbound?,
        mail,
        scim: scim?,
        limits: limits?,
        audit: audit?,
        housekeeping: housekeeping?,
        requests: requests?,
        events: events?,
        metrics: metrics?,
        traces,
        health: health?,
        passwords,
        password_links,
        brand,
        setup: setup?,
        log: log?,
        warnings: Vec::new(),
        at_start: Vec::new(),
    })
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

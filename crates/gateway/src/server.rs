//! Starting the server: everything that can be wrong is found here, before the first request.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web;
use oauth::Keyring;
use scim::Registry;

use crate::app::{App, Parts};
use crate::config::{Config, MasterKeySource, keys, public_url, security};
use crate::domain::catalogs;
use crate::domain::grant_policy::GrantPolicy;
use crate::domain::metrics::Metrics;
use crate::domain::schemas::Schemas;
use crate::domain::scopes;
use crate::http;
use crate::jobs;
use crate::platform::clock::Clock;
use crate::platform::openid_client::ProviderMetadataCache;
use crate::platform::outbound::Outbound;
use crate::platform::outbound::jwks::PublishedKeys;
use crate::platform::password_hasher::Passwords;
use crate::platform::shutdown::Stopping;
use crate::platform::tls::{Certificate, Unfit};
use crate::services::admission::Admission;
use crate::services::allowed_values;
use crate::services::budget::Budget;
use crate::services::claims;
use crate::services::deliveries::Deliverer;
use crate::services::events::Feed;
use crate::services::indexing;
use crate::services::master_key;
use crate::services::rates::Rates;
use crate::services::reactions;
use crate::services::recorder::Recorder;
use crate::services::signing::Signer;
use crate::storage::migrations::{self, MigrationError};
use crate::storage::turn::Turn;
use crate::storage::{AnyConn, DatabaseUrl, Db, DbError, ReadCost};
use crate::storage::{access_history, releases};

mod connections;
mod door;
mod listeners;
pub(crate) mod logging;
pub(crate) mod signals;

use connections::{ConnectionLimits, Connections};
use listeners::{listen_for_metrics, serve};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database does not answer.
    #[error("{0}: {1}")]
    Database(String, DbError),
    /// The schema is not this binary's.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// None of the keys the database was written under.
    #[error(
        "the master key is not the one this database was written under. Nothing was changed. Configure the right key in \
         security.master_key or security.master_key_file; every replica needs the same one"
    )]
    WrongMasterKey,
    /// It listens on all interfaces, and its public URL is not configured.
    #[error("{}", crate::config::server::no_public_url(*.0))]
    NoPublicUrl(std::net::SocketAddr),
    /// The master key cannot be had.
    #[error("{0}")]
    MasterKey(String),
    /// The operator named a file that is not there.
    #[error("security.master_key_file: {}", security::no_such_file(.0))]
    NoMasterKeyFile(PathBuf),
    /// Replicas cannot each make a key of their own.
    #[error("{}", security::is_missing(.0))]
    NoMasterKey(PathBuf),
    /// There is data, and no key.
    #[error(
        "{database} was written under a master key, and {} is not there. No new one was made, for it would open nothing. Put the key back, or \
         set security.master_key", key.display()
    )]
    MasterKeyLost {
        /// The database, for people.
        database: String,
        /// Where its key was made.
        key: PathBuf,
    },
    /// The certificate cannot be shown.
    #[error("tls: {0}")]
    Certificate(Unfit),
    /// The address is taken, or not ours.
    #[error("{0}: cannot listen on {1}: {2}")]
    Listen(&'static str, std::net::SocketAddr, std::io::Error),
    /// The folder of the database cannot be made.
    #[error("{setting}: cannot make the folder {}: {error}", folder.display())]
    Folder {
        /// Which one says where it is.
        setting: &'static str,
        /// The folder.
        folder: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A command that works on an installation found none.
    #[error("{0}")]
    NoInstallation(String),
    /// Anything of the operating system's.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A server that answers.
#[allow(missing_debug_implementations)]
pub struct Running {
    /// The address it listens on.
    pub address: SocketAddr,
    /// The address where it answers `/metrics` alone, if it does.
    pub metrics: Option<SocketAddr>,
    /// The address where it answers operators, if that is another.
    pub admin: Option<SocketAddr>,
    /// What its handlers have at hand.
    pub app: App,
    /// Stops it.
    pub handle: ServerHandle,
    /// Ends when it has stopped.
    pub server: actix_web::dev::Server,
    /// Stops the listener for operators.
    others: Option<ServerHandle>,
    connections: Connections,
    /// Held beside the server's own, until it is told how to stop.
    listener: Option<std::net::TcpListener>,
}

/// Stops a running server.
#[allow(missing_debug_implementations)]
pub struct Stop {
    app: App,
    handle: ServerHandle,
    others: Option<ServerHandle>,
    connections: Connections,
    listener: Option<std::net::TcpListener>,
}

/// So long connections that wait at the listener have time to be taken in.
const LAST_ONES: Duration = Duration::from_millis(100);
/// How often a server that waits for its connections to end looks.
const LOOK: Duration = Duration::from_millis(50);

impl Running {
    /// What stops it.
    pub fn stop(&mut self) -> Stop {
        Stop {
            app: self.app.clone(),
            handle: self.handle.clone(),
            others: self.others.clone(),
            connections: self.connections.clone(),
            listener: self.listener.take(),
        }
    }
}

impl Stop {
    /// Stops in an order that fails no request behind a load balancer: the server says that it is not ready and closes connections with
    /// its answers, for so long or until there are none; then it accepts no more, and ends what runs.
    pub async fn gracefully(self, drain: Duration) {
        self.app.stopping.drain();
        let wait = async {
            while !self.connections.are_none() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(drain, wait).await;
        match self.listener.as_ref().map_or(Ok(()), connections::refuse_new) {
            Ok(()) => tokio::time::sleep(LAST_ONES).await,
            Err(error) => tracing::debug!(%error, "connections that wait at the listener are reset"),
        }
        drop(self.listener);
        self.app.stopping.close();
        if let Some(others) = self.others {
            others.stop(true).await;
        }
        self.handle.stop(true).await;
    }
}

/// Waits until no other process starts on this database, and makes the folder it is to be in.
pub fn take_turn(config: &Config) -> Result<Turn, StartError> {
    if let DatabaseUrl::Sqlite(path) = &config.database.url
        && let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty())
    {
        let failed = |error| StartError::Folder { setting: says_where(config), folder: folder.to_owned(), error };
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    Turn::take(&config.database.url).map_err(|e| StartError::Database(config.database.url.display(), e))
}

/// The setting that says where SQLite's file is.
fn says_where(config: &Config) -> &'static str {
    match &config.database.url {
        DatabaseUrl::Sqlite(path) if *path == config.data_dir.join("gateway.db") => "data.dir",
        _ => "database.url",
    }
}

/// What a command works on has to be there: one that is run in the wrong folder makes no installation by the way. Looking makes nothing.
pub fn find_installation(config: &Config) -> Result<(), StartError> {
    let advice = "Run this where the server runs, with its configuration (--config FILE, and the same GATEWAY__ variables). A new \
                  installation is made by `gateway serve`, or by `gateway migrate`. Nothing was made";
    let failed = |e: DbError| StartError::Database(config.database.url.display(), e);
    let nothing = |found: String| {
        Err(StartError::NoInstallation(format!("{found}, so there is no installation to work on. {advice}")))
    };
    if let DatabaseUrl::Sqlite(path) = &config.database.url {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let (setting, whole) = (says_where(config), whole.display());
        match std::fs::metadata(path) {
            Ok(found) if found.is_file() => {}
            Ok(_) => return nothing(format!("{setting}: {whole} is no file")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return nothing(format!("{setting}: there is no database {whole}"));
            }
            Err(error) => return nothing(format!("{setting}: cannot look for the database {whole}: {error}")),
        }
    }
    let mut conn = config.database.url.connect_read_only().map_err(failed)?;
    match migrations::have_begun(&mut conn).map_err(failed)? {
        true => Ok(()),
        false => nothing(format!("{}: {} is empty", says_where(config), config.database.url.display())),
    }
}

/// The database and its keys, for a command that works on an installation.
pub async fn open(config: &Config, clock: Clock) -> Result<(Db, Arc<Keyring>), StartError> {
    find_installation(config)?;
    let turn = take_turn(config)?;
    let db = open_database(config, clock, &turn)?;
    let keys = open_keys(config, &db).await?;
    Ok((db, keys))
}

/// Connects to the database and brings its schema up to date, or refuses it.
fn open_database(config: &Config, clock: Clock, _turn: &Turn) -> Result<Db, StartError> {
    let failed = |e: DbError| StartError::Database(config.database.url.display(), e);
    let mut conn: AnyConn = config.database.url.connect().map_err(failed)?;
    if config.database.migrate_on_start {
        let applied = migrations::run(&mut conn)?;
        if applied > 0 {
            tracing::info!(applied, "migrated the database");
        }
    } else {
        migrations::check(&mut conn)?;
    }
    releases::note(&mut conn).map_err(failed)?;
    access_history::note_beginning(&mut conn, clock.now()).map_err(failed)?;
    drop(conn);
    Db::within(config.database.url.clone(), config.database.limits, clock, reactions::run).map_err(failed)
}

/// The schemas of every account, by what is configured.
pub fn schemas(config: &Config) -> Schemas {
    Schemas::new(catalogs::offer(config.attributes.registry.clone(), &config.consent.role_attribute))
}

/// Who may own a grant.
pub fn grant_policy(config: &Config, registry: &Registry) -> GrantPolicy {
    GrantPolicy::new(config.consent.role_attribute.clone(), config.consent.roles.clone(), registry)
}

/// Derives the keys and makes sure they are the database's.
async fn open_keys(config: &Config, db: &Db) -> Result<Arc<Keyring>, StartError> {
    let masters = master_keys(config, db).await?;
    let failed = |e: DbError| StartError::Database(config.database.url.display(), e);
    let draft = master_key::RootKey::generate();
    let keys = db.write(move |tx| master_key::open(tx, &masters, &draft)).await.map_err(failed)?;
    keys.map(Arc::new).ok_or(StartError::WrongMasterKey)
}

/// The master keys, the one that seals first. One is made only in the default place, and only for a database that has none yet: a
/// new key beside existing data opens nothing, and two replicas on one database cannot each have one of their own.
async fn master_keys(config: &Config, db: &Db) -> Result<Vec<[u8; 32]>, StartError> {
    let MasterKeySource::KeyFile(path) = &config.master_key else { return existing_master_keys(config) };
    if matches!(config.database.url, DatabaseUrl::Postgres(_)) {
        return Err(StartError::NoMasterKey(path.clone()));
    }
    if let Some(keys) = keys::read(path).map_err(|why| StartError::MasterKey(format!("data.dir: {why}")))? {
        return Ok(keys);
    }
    let failed = |e: DbError| StartError::Database(config.database.url.display(), e);
    if db.read(ReadCost::Point, master_key::is_needed).await.map_err(failed)? {
        // Another process may have made both between our two looks: it makes the key first.
        return existing_master_keys(config);
    }
    Ok(vec![master_key::make(path).map_err(StartError::MasterKey)?])
}

/// The master keys of an installation that exists.
pub fn existing_master_keys(config: &Config) -> Result<Vec<[u8; 32]>, StartError> {
    let read = |setting, path| keys::read(path).map_err(|why| StartError::MasterKey(format!("{setting}: {why}")));
    match &config.master_key {
        MasterKeySource::Given(keys) => Ok(keys.clone()),
        MasterKeySource::File(path) => {
            read("security.master_key_file", path)?.ok_or_else(|| StartError::NoMasterKeyFile(path.clone()))
        }
        MasterKeySource::KeyFile(path) => {
            let lost = || StartError::MasterKeyLost { database: config.database.url.display(), key: path.clone() };
            read("data.dir", path)?.ok_or_else(lost)
        }
    }
}

/// Starts the server; it answers when this returns.
pub async fn start(config: Config, clock: Clock) -> Result<Running, StartError> {
    let schemas = schemas(&config);
    if config.server.public_url.is_none() && !config.server.bind.ip().is_loopback() && !config.server.insecure_http {
        return Err(StartError::NoPublicUrl(config.server.bind));
    }
    let turn = take_turn(&config)?;
    let db = open_database(&config, clock, &turn)?
        .with_grant_policy(grant_policy(&config, schemas.configured()))
        .with_feed(config.events.enabled);
    let keys = open_keys(&config, &db).await?;
    let failed = |e: DbError| StartError::Database(config.database.url.display(), e);
    indexing::run(&db, &schemas).await.map_err(failed)?;
    db.write(|tx| tx.settle_operator_names(tx.now())).await.map_err(failed)?;
    allowed_values::compare(&db, schemas.configured()).await.map_err(failed)?;
    let signer = Signer::open(db.clone(), keys.clone()).await.map_err(failed)?;
    let feed = Arc::new(Feed::open(&db, config.events.enabled).await.map_err(failed)?);
    drop(turn);

    let listener = std::net::TcpListener::bind(config.server.bind)
        .map_err(|e| StartError::Listen("server.bind", config.server.bind, e))?;
    let address = listener.local_addr()?;
    let waiting_at = listener.try_clone()?;
    let for_operators = config
        .admin
        .bind
        .map(|bind| std::net::TcpListener::bind(bind).map_err(|e| StartError::Listen("admin.bind", bind, e)));
    let for_operators = for_operators.transpose()?;
    let admin = for_operators.as_ref().map(std::net::TcpListener::local_addr).transpose()?;
    let admin_url = admin_url(&config, admin.unwrap_or(address));
    let public_url: Arc<str> = config.server.public_url.clone().unwrap_or_else(|| config.url_at(address)).into();
    let certificate = config.tls.clone().map(Certificate::open).transpose().map_err(StartError::Certificate)?;
    let outbound = Outbound::new(config.outbound);
    let (metrics, stopping) = (Metrics::with(db.work().clone()), Stopping::default());
    let deliverer =
        Deliverer::new((&db, &feed, &keys), (&public_url, &signer), &outbound, &metrics.deliveries, &stopping);
    let app = App::from(Parts {
        deliverer: Arc::new(deliverer),
        published_keys: PublishedKeys::new(outbound.clone(), db.clock().clone()),
        outbound,
        providers: ProviderMetadataCache::new(db.clock().clone()),
        stopping,
        admission: Arc::new(Admission::new(config.database.limits.long_each as usize)),
        certificate: certificate.map(Arc::new),
        rates: Arc::new(Rates::new(config.limits)),
        payers: Arc::default(),
        scim_base: format!("{public_url}/scim/v2").into(),
        settings: settings(&config, &public_url, &admin_url),
        path: public_url::path_of(&public_url).into(),
        public_url,
        admin_url: admin_url.into(),
        metrics,
        passwords: Passwords::start(config.passwords.threads, config.passwords.queue),
        signer,
        feed,
        tally: Arc::default(),
        fields: Arc::default(),
        budget: Budget::new(config.server.memory),
        refusals: Arc::default(),
        recorder: Arc::new(Recorder::new(config.requests)),
        config: Arc::new(config),
        pulse: db.pulse(),
        clock: db.clock().clone(),
        schemas,
        db,
        keys,
    });
    let workers = match app.config.server.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    let limits = app.config.database.limits;
    let bounds = ConnectionLimits::of_this_process(
        limits.connections + limits.long_connections,
        app.config.server.connections_per_address,
    );
    let connections =
        Connections::new(bounds, app.config.server.write_timeout, app.config.server.trusted_proxies.clone());
    let state = web::Data::new(app.clone());
    let metrics = app.config.metrics.bind.map(|bind| listen_for_metrics(bind, &state)).transpose()?;
    let most = (bounds.all / workers).max(1);
    let routes = if for_operators.is_some() { http::public } else { http::routes };
    let server = serve(&state, &connections, listener, routes, (workers, most))?;
    let others = for_operators.map(|listener| serve(&state, &connections, listener, http::of_operators, (1, most)));
    let others = others.transpose()?.map(|server| {
        let handle = server.handle();
        actix_web::rt::spawn(server);
        handle
    });
    jobs::start(app.clone());
    let (handle, listener) = (server.handle(), Some(waiting_at));
    Ok(Running { address, metrics, admin, app, handle, server, others, connections, listener })
}

/// The base of the URLs of the console and the admin API, which are served at this address.
fn admin_url(config: &Config, address: SocketAddr) -> String {
    let has_own = config.admin.bind.is_some() && config.admin.public_url.is_some();
    let is_named = config.server.public_url.is_some() || has_own;
    if is_named { config.admin_url() } else { config.url_at(address) }
}

pub(crate) fn settings(config: &Config, public_url: &str, admin_url: &str) -> oauth::Settings {
    oauth::Settings {
        issuer: public_url.to_owned(),
        resources: scopes::resources(public_url, admin_url),
        scopes: scopes::all(),
        claims: claims::NAMES.to_vec(),
        ..config.oauth.protocol.clone()
    }
}

//! A world of its own for every story: a database, a gateway on it, and the way to both.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::RunQueryDsl;
use gateway::platform::clock::Clock;
use gateway::storage::{AnyConn, DatabaseUrl};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use crate::support::account::Account;
use crate::support::browser::Browser;
use crate::support::directories;
use crate::support::environment;
use crate::support::http::{self, Call};
use crate::support::postgres;
use crate::support::process::{self, Process};
use crate::support::sent_statements;

/// An operator's token, there from the start (`GATEWAY__ADMIN__TOKEN`).
pub const OPERATOR: &str = "gwo_stories_operator_0123456789abcdef";
/// The master key of every world, so that a copied database fits it.
pub const MASTER_KEY: &str = "c3RvcmllcyBzdG9yaWVzIHN0b3JpZXMgc3RvcmllcyE=";
/// Within reach of a port's neighbours on a machine with other habits.
const ATTEMPTS: u32 = 5;

/// Where a world keeps its data. Both kinds are copies of a database that a gateway has seen once.
pub enum Database {
    Sqlite(PathBuf),
    Postgres(postgres::Database),
}

impl Database {
    pub async fn sqlite() -> Database {
        static TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();
        let template = TEMPLATE
            .get_or_init(|| async {
                let directory = directories::subdirectory("template");
                seen_once(&format!("sqlite:{}", directory.join("gateway.db").display()), &directory).await;
                directory
            })
            .await;
        let directory = directories::subdirectory("sqlite");
        for file in ["gateway.db", "gateway.db-wal"] {
            if template.join(file).exists() {
                fs::copy(template.join(file), directory.join(file)).expect("the template can be copied");
            }
        }
        Database::Sqlite(directory.join("gateway.db"))
    }

    pub async fn postgres(server: &'static postgres::Server) -> Database {
        static TEMPLATE: OnceCell<postgres::Database> = OnceCell::const_new();
        if !server.private {
            // A database that is to be copied, as one whose accounts lie on several nodes.
            return Database::Postgres(server.database(environment::variable("TEST_TEMPLATE").as_deref()));
        }
        let template = TEMPLATE
            .get_or_init(|| async {
                let database = server.database(None);
                seen_once(&database.url(), &directories::subdirectory("template")).await;
                database
            })
            .await;
        Database::Postgres(server.database(Some(template.name())))
    }

    pub fn url(&self) -> String {
        match self {
            Database::Sqlite(path) => format!("sqlite:{}", path.display()),
            Database::Postgres(database) => database.url(),
        }
    }
}

/// Lets a gateway migrate a database and make its signing keys there.
async fn seen_once(url: &str, directory: &Path) {
    let port = process::free_port();
    let environment = environment(url, directory, port);
    let mut process = Process::start(directory, port, &environment).await.unwrap_or_else(|why| panic!("{why}"));
    let keys = Call::new(http::client(), Method::GET, format!("{}/.well-known/jwks.json", process.address));
    keys.await.expect(200);
    assert!(process.terminate().await.success(), "a gateway that is told to stop ends well:\n{}", process.log());
}

async fn start(
    directory: &Path,
    port: u16,
    environment: &[(&str, String)],
    clock: Option<&Clock>,
) -> Result<Process, String> {
    match clock {
        Some(clock) => Process::start_inside(port, environment, clock).await,
        None => Process::start(directory, port, environment).await,
    }
}

/// What every gateway is told.
pub fn environment(database_url: &str, directory: &Path, port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("GATEWAY__SERVER__PUBLIC_URL", format!("http://127.0.0.1:{port}")),
        ("GATEWAY__SERVER__WORKERS", "1".to_owned()),
        ("GATEWAY__SERVER__DRAIN_SECONDS", "0".to_owned()),
        ("GATEWAY__DATABASE__URL", database_url.to_owned()),
        ("GATEWAY__DATABASE__CONNECTIONS", "6".to_owned()),
        ("GATEWAY__DATA__DIR", directory.display().to_string()),
        ("GATEWAY__SECURITY__MASTER_KEY", MASTER_KEY.to_owned()),
        ("GATEWAY__ADMIN__TOKEN", OPERATOR.to_owned()),
    ]
}

/// One logical gateway: one database and public URL, served by one process or several, taken in turn.
pub struct Gateway {
    pub public_url: String,
    client: Client,
    environment: Vec<(&'static str, String)>,
    processes: Mutex<Vec<Process>>,
    turn: AtomicUsize,
    /// Proxies before processes that the story has started itself; taken in turn, in place of `processes`.
    proxies: Vec<String>,
    clock: Option<Clock>,
    database: Database, // dropped after the processes, which hold connections to it
    directory: Directory,
}

struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Gateway {
    /// Whether a URL is the server's own: below the public one.
    pub fn owns(&self, url: &Url) -> bool {
        let below = url.as_str().strip_prefix(&self.public_url);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    }

    /// The path of the public URL; empty where it has none.
    pub fn path(&self) -> String {
        let url = Url::parse(&self.public_url).expect("a URL");
        url.path().trim_end_matches('/').to_owned()
    }

    /// The address to send a request to: a path or a public URL, at the process whose turn it is. Of a public URL's path, every second
    /// request keeps it, as if the proxy before the gateway were now of the kind that strips it and then of the other.
    pub fn routed(&self, url: &str) -> String {
        let path = url.strip_prefix(&self.public_url).unwrap_or(url);
        assert!(path.is_empty() || path.starts_with(['/', '?']), "{url} is not the gateway's");
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let several = if self.proxies.is_empty() { processes.len() } else { self.proxies.len() };
        let kept = if (turn / several).is_multiple_of(2) { self.path() } else { String::new() };
        let address = self.proxies.get(turn % several).unwrap_or_else(|| &processes[turn % several].address);
        format!("{address}{kept}{path}")
    }
}

/// What a story happens in. Clones are the same world.
#[derive(Clone)]
pub struct World {
    pub gateway: Arc<Gateway>,
}

impl World {
    /// With settings of its own, beside those of every world; `{port}` in one is the port of the first process.
    pub async fn start(database: Database, settings: &[(&'static str, &str)]) -> World {
        World::start_by(None, database, settings).await
    }

    /// The same; with a clock of the story's own, its servers are inside of this process.
    pub async fn start_by(clock: Option<Clock>, database: Database, settings: &[(&'static str, &str)]) -> World {
        let directory = match &database {
            Database::Sqlite(path) => path.parent().expect("a file lies in a directory").to_owned(),
            Database::Postgres(_) => directories::subdirectory("postgres"),
        };
        let mut failed = String::new();
        for _ in 0..ATTEMPTS {
            let port = process::free_port();
            let mut environment = environment(&database.url(), &directory, port);
            environment
                .extend(settings.iter().map(|(name, value)| (*name, value.replace("{port}", &port.to_string()))));
            let public_url = environment.iter().rev().find(|(name, _)| *name == "GATEWAY__SERVER__PUBLIC_URL");
            let public_url = public_url.map(|(_, url)| url.clone()).unwrap_or_default();
            match start(&directory, port, &environment, clock.as_ref()).await {
                Ok(process) => {
                    let gateway = Gateway {
                        public_url,
                        client: http::client(),
                        environment,
                        processes: Mutex::new(vec![process]),
                        turn: AtomicUsize::new(0),
                        proxies: Vec::new(),
                        clock,
                        database,
                        directory: Directory(directory),
                    };
                    return World { gateway: Arc::new(gateway) };
                }
                Err(why) if why.contains("cannot listen") => failed = why,
                Err(why) => panic!("{why}"),
            }
        }
        panic!("no port could be had: {failed}")
    }

    /// What the story has started itself, with `OPERATOR` and the master key of every world: requests go to these proxies in turn.
    pub fn deployed(public_url: &str, proxies: Vec<String>, database: Database, directory: PathBuf) -> World {
        let gateway = Gateway {
            public_url: public_url.to_owned(),
            client: http::client(),
            environment: Vec::new(),
            processes: Mutex::new(Vec::new()),
            turn: AtomicUsize::new(0),
            proxies,
            clock: None,
            database,
            directory: Directory(directory),
        };
        World { gateway: Arc::new(gateway) }
    }

    /// One more process on the same database. From here on, requests alternate.
    pub async fn add_replica(&self) {
        let process = self.process(process::free_port()).await;
        self.processes().push(process);
    }

    /// `kill -9` to every process.
    pub fn kill(&self) {
        self.processes().iter_mut().for_each(Process::kill);
    }

    /// Stops every process as a supervisor does, and says what they wrote.
    pub async fn stop(&self) -> String {
        let processes = std::mem::take(&mut *self.processes());
        let mut written = String::new();
        for mut process in processes {
            let ended = process.terminate().await;
            assert!(ended.success(), "a gateway that is told to stop ends well:\n{}", process.log());
            written.push_str(&process.log());
            self.processes().push(process);
        }
        written
    }

    /// Starts again, on what the stopped processes left behind.
    pub async fn start_again(&self) {
        let address = self.processes().first().map(|process| process.address.clone()).expect("a process");
        let port = Url::parse(&address).ok().and_then(|url| url.port()).expect("a port");
        self.processes().clear();
        let process = self.process(port).await;
        self.processes().push(process);
    }

    async fn process(&self, port: u16) -> Process {
        self.started(port, &self.gateway.environment).await
    }

    async fn started(&self, port: u16, environment: &[(&str, String)]) -> Process {
        let Gateway { directory, clock, .. } = &*self.gateway;
        start(&directory.0, port, environment, clock.as_ref()).await.unwrap_or_else(|why| panic!("{why}"))
    }

    fn processes(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        self.gateway.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A command of the operator's, beside the running processes and with their settings; these come on top.
    pub fn command(&self, arguments: &[&str], settings: &[(&'static str, &str)]) -> std::process::Output {
        let mut environment = self.gateway.environment.clone();
        environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let mut command = process::command(arguments, &self.gateway.directory.0, &environment);
        command.output().expect("the gateway can be run")
    }

    /// One more process with settings of its own on the same database; it does not take turns with the others.
    pub async fn process_with(&self, settings: &[(&'static str, &str)]) -> Process {
        self.process_at(process::free_port(), settings).await
    }

    /// The same at this port.
    pub async fn process_at(&self, port: u16, settings: &[(&'static str, &str)]) -> Process {
        let mut environment = self.gateway.environment.clone();
        environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.started(port, &environment).await
    }

    /// The same for one that may not become ready.
    pub async fn process_with_any_readiness(&self, settings: &[(&'static str, &str)]) -> Process {
        let mut environment = self.gateway.environment.clone();
        environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let started = Process::start_live(&self.gateway.directory.0, process::free_port(), &environment).await;
        started.unwrap_or_else(|why| panic!("{why}"))
    }

    /// One more process, started by a command of the story's own.
    pub async fn process_by(&self, program: &str, arguments: &[&str]) -> Process {
        let (directory, port) = (&self.gateway.directory.0, process::free_port());
        let started = Process::start_by(program, arguments, directory, port, &self.gateway.environment).await;
        started.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Sends a signal to its first process.
    pub fn signal(&self, name: &str) {
        self.processes().first().expect("a process").signal(name);
    }

    /// Where the data is, for what only a look behind the scenes shows.
    pub fn database_url(&self) -> String {
        self.gateway.database.url()
    }

    /// Changes the data as only time does.
    pub fn alter(&self, sql: &str) -> usize {
        let url: DatabaseUrl = self.database_url().parse().expect("a database");
        let changed = match sent_statements::unheard(&url).connect().expect("it answers") {
            AnyConn::Sqlite(mut c) => diesel::sql_query(sql).execute(&mut c),
            AnyConn::Postgres(mut c) => diesel::sql_query(sql).execute(c.begun()),
        };
        changed.unwrap_or_else(|why| panic!("{sql}: {why}"))
    }

    /// From now on time passes only by [`World::pass`], however slow the machine is. The story has to be told with `moving_clock`.
    pub fn hold_clock(&self) {
        self.gateway.clock.as_ref().expect("story!(…, moving_clock, …)").hold();
    }

    /// So much time passes. The story has to be told with `moving_clock`.
    pub fn pass(&self, time: Duration) {
        self.gateway.clock.as_ref().expect("story!(…, moving_clock, …)").advance(time);
    }

    /// What time it is for the gateway, in milliseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.gateway.clock.as_ref().map_or_else(|| Clock::of_the_machine().now(), Clock::now).millis()
    }

    /// The memory that its first process holds and the most it ever held, in MiB; where the system tells.
    pub fn memory(&self) -> Option<(u64, u64)> {
        self.processes().first().and_then(Process::memory)
    }

    /// All that its processes have written.
    pub fn logs(&self) -> String {
        self.processes().iter().map(Process::log).collect()
    }

    /// A request without credentials.
    pub fn call(&self, method: Method, url: &str) -> Call {
        Call::new(self.gateway.client.clone(), method, self.gateway.routed(url))
    }

    pub fn get(&self, url: &str) -> Call {
        self.call(Method::GET, url)
    }

    pub fn post(&self, url: &str) -> Call {
        self.call(Method::POST, url)
    }

    /// A request by an operator.
    pub fn admin(&self, method: Method, path: &str) -> Call {
        self.call(method, &format!("/admin{path}")).bearer(OPERATOR)
    }

    pub async fn admin_get(&self, path: &str) -> Value {
        self.admin(Method::GET, path).await.expect(200).json()
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.gateway.clone())
    }

    /// An account with two environments, `NAME-prod` and `NAME-stage`.
    pub async fn account(&self, name: &str) -> Account {
        Account::create(self, name).await
    }
}

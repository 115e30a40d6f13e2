//! A PostgreSQL for this run: the server behind `TEST_DATABASE_URL`, or a private, throw-away cluster of the PostgreSQL that
//! is installed. It knows nothing of the gateway.

use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use crate::support::directories;
use crate::support::environment;
use crate::support::sent_statements;

/// A server in which databases can be made.
pub struct Server {
    url: url::Url,
    /// Ours alone, so that a template in it is in no other's way.
    pub private: bool,
}

/// A cluster of a story's own, whose commits are on the disk when they are acknowledged, and which the story may restart.
pub struct Cluster {
    pub server: &'static Server,
    programs: Programs,
    process: u32,
}

/// A database of its own; it is dropped with this value.
pub struct Database {
    server: &'static Server,
    name: String,
}

/// The server, or why there is none.
pub fn server() -> Result<&'static Server, &'static str> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let found = match environment::variable("TEST_DATABASE_URL") {
                Some(text) => url::Url::parse(&text)
                    .map(|url| Server { url, private: false })
                    .map_err(|e| format!("TEST_DATABASE_URL is not a URL: {e}")),
                None => Programs::installed().and_then(|programs| programs.start("off")).map(|(server, _)| server),
            };
            if let Err(why) = &found {
                // Past the test harness, which would keep it to itself.
                let _ = io::stderr().write_all(
                    format!("\n*** NO POSTGRESQL: {why}. The PostgreSQL half of the stories is NOT run. ***\n\n")
                        .as_bytes(),
                );
            }
            found
        })
        .as_ref()
        .map_err(String::as_str)
}

impl Server {
    /// Makes a database, empty or as a copy of `template`.
    pub fn database(&'static self, template: Option<&str>) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t_{}_{count}_{}", std::process::id(), &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let copied = template.map(|template| format!(r#" TEMPLATE "{template}""#)).unwrap_or_default();
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let made = format!(r#"CREATE DATABASE "{name}"{copied}"#);
        // Files as they are, which is the quicker way without fsync; before version 15 there was no other.
        let made_of_files = template.map(|_| self.run(&format!("{made} STRATEGY FILE_COPY")));
        if !matches!(made_of_files, Some(Ok(()))) {
            self.run(&made).expect("a database can be created");
        }
        Database { server: self, name }
    }

    fn run(&self, sql: &str) -> Result<(), String> {
        self.connection()?.batch_execute(sql).map_err(|e| e.to_string())
    }

    /// To the server's own database.
    pub fn connection(&self) -> Result<PgConnection, String> {
        PgConnection::establish(self.url.as_str()).map_err(|e| e.to_string())
    }
}

impl Database {
    /// Where it lies.
    pub fn server(&self) -> &'static Server {
        self.server
    }

    /// Its name in the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn url(&self) -> String {
        let mut url = self.server.url.clone();
        url.set_path(&self.name);
        url.into()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        sent_statements::write_down(self);
        if let Err(error) = self.server.run(&format!(r#"DROP DATABASE IF EXISTS "{}" WITH (FORCE)"#, self.name)) {
            eprintln!("dropping {}: {error}", self.name);
        }
    }
}

/// The programs: `PG_BIN`, Debian's newest, or beside `pg_ctl` on the path.
fn installed() -> Result<PathBuf, String> {
    if let Some(bin) = environment::variable("PG_BIN") {
        return Ok(bin.into());
    }
    let version = |path: &Path| path.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let debian =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let path = environment::variable("PATH").unwrap_or_default();
    debian
        .filter(|bin| bin.join("pg_ctl").exists())
        .max_by_key(|bin| version(bin))
        .or_else(|| std::env::split_paths(&path).find(|bin| bin.join("pg_ctl").exists()))
        .ok_or_else(|| {
            "no installed PostgreSQL was found (Debian's package is `postgresql`; or set PG_BIN to the folder of pg_ctl, or \
             TEST_DATABASE_URL to a server)"
                .to_owned()
        })
}

/// A program of PostgreSQL's, where it is installed.
pub fn program(name: &str) -> Option<PathBuf> {
    Some(installed().ok()?.join(name)).filter(|program| program.exists())
}

/// The programs of PostgreSQL, and a directory for one cluster.
struct Programs {
    bin: PathBuf,
    home: PathBuf,
    /// For root: whom to be instead.
    user: Option<(u32, u32)>,
}

impl Programs {
    fn installed() -> Result<Programs, String> {
        let (bin, home) = (installed()?, directories::subdirectory("postgresql"));
        let user = unprivileged()?;
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&home, Some(uid), Some(gid)).map_err(|e| e.to_string())?;
        }
        Ok(Programs { bin, home, user })
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new(self.bin.join(program));
        command.env("LOCPATH", self.home.join("locales"));
        // Into a file: a server that inherits a pipe would hold it open.
        let file = self.home.join(format!("{program}.log"));
        let log = fs::File::create(&file).map_err(|e| e.to_string())?;
        command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone().map_err(|e| e.to_string())?).stderr(log);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid); // the server refuses to run as root
        }
        let status = command.arg("-D").arg(self.home.join("data")).args(arguments).status();
        if status.map_err(|e| format!("{program}: {e}"))?.success() {
            return Ok(());
        }
        Err(format!("{program}: {}", fs::read_to_string(file).unwrap_or_default()))
    }

    /// A cluster, with PostgreSQL's `synchronous_commit`; and its process.
    fn start(&self, synchronous_commit: &str) -> Result<(Server, u32), String> {
        german(&self.home);
        self.run("initdb", &["-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])?;
        let port = free_port().map_err(|e| e.to_string())?;
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off \
             -c synchronous_commit={synchronous_commit} -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB {}",
            sent_statements::options()
        );
        self.run("pg_ctl", &["-w", "-l", &self.log(), "-o", &options, "start"])?;
        let url = url::Url::parse(&format!("postgres://test@127.0.0.1:{port}/postgres")).map_err(|e| e.to_string())?;
        let server = Server { url, private: true };
        server.run(&sent_statements::beginning())?;
        Ok((server, self.process()?))
    }

    fn log(&self) -> String {
        self.home.join("server.log").display().to_string()
    }

    /// The server's process, which ends with us by PostgreSQL's immediate shutdown.
    fn process(&self) -> Result<u32, String> {
        let file = fs::read_to_string(self.home.join("data/postmaster.pid")).map_err(|e| e.to_string())?;
        let process = file.lines().next().and_then(|line| line.parse().ok());
        let process = process.ok_or("postmaster.pid has no process id")?;
        directories::ends_with_us(process, "QUIT");
        Ok(process)
    }
}

impl Cluster {
    /// Starts one; `None` where PostgreSQL is not installed.
    pub fn start() -> Option<Cluster> {
        match Programs::installed().and_then(|programs| Ok((programs.start("on")?, programs))) {
            Ok(((server, process), programs)) => {
                Some(Cluster { server: Box::leak(Box::new(server)), programs, process })
            }
            Err(why) if environment::in_ci() => panic!("CI is set, so PostgreSQL has to be tested: {why}"),
            Err(why) => {
                println!("skipped: {why}");
                None
            }
        }
    }

    /// Ends it in the middle of what it does, and starts it again: it recovers from its log. Returns when it answers.
    pub fn crash_and_start(&mut self) {
        let log = self.programs.log();
        directories::has_ended(self.process);
        self.programs.run("pg_ctl", &["-w", "-m", "immediate", "-l", &log, "restart"]).expect("it starts again");
        self.process = self.programs.process().expect("it runs");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.programs.run("pg_ctl", &["-m", "immediate", "stop"]);
        directories::has_ended(self.process);
    }
}

/// A folder of locales with a German one, so that the server can be told to speak German; where the system has what it takes.
fn german(home: &Path) {
    let folder = home.join("locales");
    let made = fs::create_dir_all(&folder).and_then(|()| {
        let target = folder.join("de_DE.UTF-8");
        Command::new("localedef").args(["-i", "de_DE", "-f", "UTF-8"]).arg(target).stderr(Stdio::null()).status()
    });
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("localedef cannot make de_DE.UTF-8: PostgreSQL speaks its own language in every story");
    }
}

/// For root: whom to be instead.
fn unprivileged() -> Result<Option<(u32, u32)>, String> {
    let ask = |arguments: &[&str]| -> Option<u32> {
        let Output { status, stdout, .. } = Command::new("id").args(arguments).output().ok()?;
        status.success().then(|| String::from_utf8_lossy(&stdout).trim().parse().ok())?
    };
    match ask(&["-u"]) {
        Some(0) => match (ask(&["-u", "postgres"]), ask(&["-g", "postgres"])) {
            (Some(uid), Some(gid)) => Ok(Some((uid, gid))),
            _ => Err("PostgreSQL refuses to run as root, and there is no user `postgres` to be instead".to_owned()),
        },
        _ => Ok(None),
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[test]
fn postgresql_is_available() {
    match server() {
        Ok(server) => drop(server.database(None)),
        Err(why) if environment::in_ci() => panic!("CI is set, so PostgreSQL has to be tested: {why}"),
        Err(_) => {}
    }
}

//! `[database]`: which one, how much of it this process takes, and how long it waits.

use std::path::Path;

use super::file;
use super::reader::{Reader, Section, Unit};
use crate::storage::{DatabaseUrl, Limits, Patience};

/// The database, and how much of it this process takes.
#[derive(Debug, Clone)]
pub struct Database {
    /// Which one.
    pub url: DatabaseUrl,
    /// Connections, and how long they are waited for.
    pub limits: Limits,
    /// Whether `gateway serve` brings the schema up to date.
    pub migrate_on_start: bool,
}

pub(super) fn read(r: &mut Reader, data_dir: &Path) -> Option<Database> {
    let usual = Limits::default();
    let mut s = r.section("database");
    let url = s.url_with_password().optional(
        "url",
        "postgres://gateway@localhost/gateway",
        "`sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`",
        "Which database. Without it: SQLite in data.dir.",
        |text| text.parse(),
    );
    let in_file = s.secret_file(
        "url_file",
        "/run/secrets/gateway-database-url",
        "In place of url, which may hold a password: a file that holds it.",
        |text| text.trim().parse(),
    );
    if url.is_some() && in_file.is_some() {
        s.mistake_of_all("set one of url and url_file");
    }
    let connections = s.number(
        "connections",
        usual.connections.into(),
        2..=1000,
        Unit::None,
        "Connections to PostgreSQL, or readers of SQLite, for short requests.",
    );
    let long_connections = s.number(
        "long_connections",
        usual.long_connections.into(),
        1..=100,
        Unit::None,
        "As many more, each with a thread, for [long requests](decisions/0040-why-does-one-account-not-wait-for-another.md): no short \
         request waits for these.",
    );
    let statement = s.time(
        "statement_seconds",
        usual.patience.statement.as_secs(),
        1..=3600,
        Unit::Seconds,
        "PostgreSQL's statement_timeout, for what requests ask; what it cancels is answered with 503. Migrations have none.",
    );
    let lock = s.time(
        "lock_seconds",
        usual.patience.lock.as_secs(),
        1..=3600,
        Unit::Seconds,
        "PostgreSQL's lock_timeout, in the same way.",
    );
    let idle = s.time(
        "idle_seconds",
        usual.patience.idle.as_secs(),
        1..=3600,
        Unit::Seconds,
        "PostgreSQL's idle_in_transaction_session_timeout, in the same way.",
    );
    let network = s.time(
        "network_seconds",
        usual.patience.network.as_secs(),
        1..=3600,
        Unit::Seconds,
        "After how long a connection is dead whose packets are not confirmed (tcp_user_timeout), and after how long a silence keepalives \
         ask. Parameters of these names in database.url win.",
    );
    let answer = s.time(
        "answer_seconds",
        usual.patience.answer.as_secs(),
        1..=3600,
        Unit::Seconds,
        "After so long without an answer (four times as long for long requests) a connection is given up. More than statement_seconds and \
         lock_seconds.",
    );
    let migrate_on_start = s.flag(
        "migrate_on_start",
        true,
        "Bring the schema up to date at the start. false: a schema that is behind or ahead is refused, and `gateway migrate` is for you to \
         run.",
    );
    let (statement, lock, idle, network, answer) = (statement?, lock?, idle?, network?, answer?);
    if answer <= statement.max(lock) {
        s.mistake(
            "answer_seconds",
            "has to be more than database.statement_seconds and database.lock_seconds, so that PostgreSQL gives up before its connection \
             is given up",
        );
    }
    let patience = Patience { statement, lock, idle, network, answer };
    let is_named = r.is_set("database.url") || r.is_set("database.url_file");
    let url = url.or(in_file).unwrap_or_else(|| DatabaseUrl::Sqlite(data_dir.join("gateway.db")));
    match &url {
        DatabaseUrl::Sqlite(path) => {
            let setting = if is_named { ("database", "url") } else { ("data", "dir") };
            place(&mut r.section(setting.0), setting.1, path);
        }
        DatabaseUrl::Postgres(url) => tls(&mut r.section("database"), url),
    }
    Some(Database {
        url,
        limits: Limits { connections: connections?, long_connections: long_connections?, patience, ..usual },
        migrate_on_start: migrate_on_start?,
    })
}

/// Where SQLite's file is to be. Nothing is made there yet.
fn place(s: &mut Section<'_>, setting: &str, path: &Path) {
    if path.is_dir() {
        s.at_start(setting, format!("`{}` is a folder; name the file of the database", path.display()));
    }
    let there = path.ancestors().skip(1).find(|above| above.exists());
    if let Some(no_folder) = there.filter(|above| !above.is_dir()) {
        s.at_start(setting, format!("`{}` is a file, and the database needs a folder there", no_folder.display()));
    }
}

/// What TLS to PostgreSQL needs: files that are there, and a build that has it.
fn tls(s: &mut Section<'_>, url: &str) {
    const FILES: [&str; 4] = ["sslrootcert", "sslcert", "sslkey", "sslcrl"];
    let Ok(url) = url::Url::parse(url) else { return };
    for (name, value) in url.query_pairs() {
        if name == "sslmode" && value.starts_with(['r', 'v']) && !cfg!(feature = "postgres-tls") {
            s.at_start(
                "url",
                format!("sslmode={value} needs a gateway that was built with --features gateway/postgres-tls"),
            );
        }
        if FILES.contains(&&*name)
            && value != "system"
            && let Err(why) = file::read(Path::new(&*value))
        {
            s.at_start("url", format!("{name}: {why}"));
        }
    }
}

/// What one account may have of the connections for long requests, which is a setting of `[scim]`.
pub(super) fn share(r: &mut Reader, limits: &mut Limits, long_each: u32) {
    let Limits { long_connections, .. } = *limits;
    if long_each > long_connections {
        r.mistake(format!(
            "scim.long_requests_per_account: {long_each} is more than database.long_connections ({long_connections}), which all accounts share"
        ));
    }
    limits.long_each = long_each;
}

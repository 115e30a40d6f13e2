//! What the gateways of all stories send to PostgreSQL, written down for a check that reads it (`.ci/accounts`): where SENT_STATEMENTS names a
//! file, each statement becomes one line of it, as a JSON string, once a run. PostgreSQL itself keeps them (`pg_stat_statements`), of every
//! process, and without their values.
//!
//! What a story does to a database itself is another user's doing, and is not written down.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;
use diesel::sql_types::Text;
use gateway::storage::DatabaseUrl;

use crate::support::environment;
use crate::support::postgres::Database;

/// The user of gateways, and that of stories.
const USERS: [&str; 2] = ["postgres://test@", "postgres://story@"];

#[derive(QueryableByName)]
struct Sent {
    #[diesel(sql_type = Text)]
    query: String,
}

fn file() -> Option<String> {
    environment::variable("SENT_STATEMENTS")
}

/// What a server is started with.
pub fn options() -> &'static str {
    match file() {
        Some(_) => {
            "-c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.max=20000 -c pg_stat_statements.track_utility=off"
        }
        None => "",
    }
}

/// What is done there first.
pub fn beginning() -> String {
    let extension = file().map(|_| "; CREATE EXTENSION pg_stat_statements").unwrap_or_default();
    format!("CREATE ROLE story SUPERUSER LOGIN{extension}")
}

/// The same database for a story itself.
pub fn unheard(url: &DatabaseUrl) -> DatabaseUrl {
    match url {
        DatabaseUrl::Postgres(text) if file().is_some() => DatabaseUrl::Postgres(text.replace(USERS[0], USERS[1])),
        _ => url.clone(),
    }
}

/// Writes down what was sent to a database that goes.
pub fn write_down(database: &Database) {
    static KNOWN: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let Some(path) = file().filter(|_| database.server().private) else { return };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    // A server that its story left stopped has kept nothing.
    let Ok(mut conn) = database.server().connection() else { return };
    let of_database = format!("dbid = (SELECT oid FROM pg_database WHERE datname = '{}')", database.name());
    let text = format!("SELECT query FROM pg_stat_statements WHERE userid = 'test'::regrole AND {of_database}");
    let sent: Vec<Sent> = diesel::sql_query(text).load(&mut conn).expect("it has kept what was sent");
    let forget = "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = ";
    diesel::sql_query(format!("{forget}'{}'", database.name())).execute(&mut conn).expect("it forgets");
    let mut file = File::options().create(true).append(true).open(path).expect("the file can be written");
    for Sent { query } in sent.into_iter().filter(|sent| !known.contains(&sent.query)).collect::<Vec<_>>() {
        writeln!(file, "{}", serde_json::Value::from(query.as_str())).expect("the file can be written");
        known.insert(query);
    }
}

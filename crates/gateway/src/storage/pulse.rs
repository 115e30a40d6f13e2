//! Whether the database can be written: found out by writing, on a thread and a connection of their own.
//!
//! A caller is answered within half a second, even if the database hangs. What was found is believed for a second; who asks later sets
//! the thread to work and waits for it only so long. A thread that the database keeps for longer than ten seconds is left alone, and
//! another takes its place.
//!
//! Each look writes one row (not waiting for the disk) and 256 KiB that are thrown away: the row shows a database that is read-only,
//! locked or away, the rest a disk that is full. A replica whose clock is not PostgreSQL's is not ready either: tokens would be
//! issued and refused by it. On SQLite it is also looked, every second, whether the files are still the ones that
//! were opened.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection};
use tokio::sync::watch;

use super::backend::{AnyConn, DatabaseUrl, with_parameters};
use super::error::DbError;
use super::files::Files;
use super::pg_session::PgSession;
use super::statement::CLOCK;
use super::writer::Writer;
use crate::platform::clock::Clock;

/// How long what was found is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long a caller waits.
const PATIENCE: Duration = Duration::from_millis(400);
/// How long a thread may take before another takes its place.
const GIVEN_UP: Duration = Duration::from_secs(10);
/// How long our own writer may hold SQLite's lock and still count as getting on.
const AT_WORK: Duration = Duration::from_secs(20);
/// How much there has to be room for.
const ROOM: usize = 256 << 10;

/// How far the clocks of a replica and of PostgreSQL may be apart, in milliseconds.
const APART: i64 = 5 * 60_000;

/// A session that fails soon rather than late.
const PARAMETERS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("tcp_user_timeout", "3000"),
    ("keepalives_idle", "2"),
    ("keepalives_interval", "1"),
    ("keepalives_count", "3"),
];
const SESSION: &str = "SET statement_timeout = '3s'; SET lock_timeout = '250ms'; SET synchronous_commit = off; SET work_mem = '64kB'; \
     INSERT INTO installation (name, value) VALUES ('pulse', '') ON CONFLICT DO NOTHING";
/// Replicas pass over the row while another is at it.
const BEAT: &str = "UPDATE installation SET value = now()::text WHERE name = \
     (SELECT name FROM installation WHERE name = 'pulse' FOR UPDATE SKIP LOCKED)";
/// More than `work_mem` allows, so it is sorted in a file. (The sort is wanted for its file alone.)
const SPILL: &str = "DO $$ BEGIN PERFORM 1 FROM (SELECT repeat(chr(97 + i % 26), 100) AS filler FROM generate_series(1, 2500) AS i \
     ORDER BY filler OFFSET 2499) AS sorted; END $$";

/// What was found: nothing wrong, or what.
type Finding = Result<(), &'static str>;

/// Asks the thread. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations)]
pub struct Pulse {
    shared: Arc<Shared>,
}

struct Shared {
    url: DatabaseUrl,
    writer: Option<Writer>,
    clock: Clock,
    found: watch::Sender<Option<(Instant, Finding)>>,
    thread: Mutex<Thread>,
}

struct Thread {
    ask: Sender<()>,
    /// Since when it owes an answer.
    asked: Option<Instant>,
}

impl Pulse {
    pub(super) fn start(url: DatabaseUrl, writer: Option<Writer>, clock: Clock) -> Pulse {
        let (found, _) = watch::channel(None);
        let (ask, questions) = channel();
        let shared = Arc::new(Shared { url, writer, clock, found, thread: Mutex::new(Thread { ask, asked: None }) });
        look_after(&shared, questions);
        Pulse { shared }
    }

    /// Whether the database can be written; what is wrong if not.
    pub async fn check(&self) -> Finding {
        let mut found = self.shared.found.subscribe();
        let now = Instant::now();
        let is_fresh = |found: &Option<(Instant, Finding)>| found.is_some_and(|(at, _)| at + BELIEVED > now);
        if !is_fresh(&found.borrow()) {
            self.shared.ask(now);
        }
        match tokio::time::timeout(PATIENCE, found.wait_for(is_fresh)).await {
            Ok(Ok(found)) => found.map_or(Err("the database was not asked"), |(_, finding)| finding),
            _ => Err("the database does not answer"),
        }
    }
}

impl Shared {
    fn ask(self: &Arc<Self>, now: Instant) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.asked.is_some_and(|asked| asked + GIVEN_UP > now) {
            return;
        }
        if thread.asked.is_some() {
            let (ask, questions) = channel();
            thread.ask = ask;
            look_after(self, questions);
        }
        thread.asked = Some(now);
        let _ = thread.ask.send(());
    }
}

/// A thread that answers these questions for as long as they may be asked.
fn look_after(shared: &Arc<Shared>, questions: Receiver<()>) {
    let weak = Arc::downgrade(shared);
    let (url, writer, clock) = (shared.url.clone(), shared.writer.clone(), shared.clock.clone());
    let look = move || {
        let mut probe = Probe::new(url, clock);
        loop {
            let asked = questions.recv_timeout(BELIEVED);
            if matches!(asked, Err(RecvTimeoutError::Disconnected)) {
                return;
            }
            let outcome = match asked {
                Ok(()) => probe.write(writer.as_ref()),
                Err(_) => probe.look(),
            };
            if let (Err(DbError::Displaced(_)), Some(writer)) = (&outcome, &writer) {
                writer.nudge();
            }
            let Some(shared) = weak.upgrade() else { return };
            if asked.is_ok() || outcome.is_err() {
                shared.publish(&outcome, asked.is_ok());
            }
        }
    };
    let started = std::thread::Builder::new().name("pulse".to_owned()).spawn(look);
    if let Err(error) = started {
        tracing::error!(%error, "the database cannot be looked after: no thread can be started");
    }
}

impl Shared {
    fn publish(&self, outcome: &Result<(), DbError>, answered: bool) {
        let finding = outcome.as_ref().map(drop).map_err(said);
        let before = self.found.borrow().map(|(_, finding)| finding);
        match outcome {
            Err(error) if before != Some(finding) => tracing::error!(%error, "the database cannot be written"),
            Ok(()) if before.is_some_and(|before| before.is_err()) => {
                tracing::info!("the database can be written again")
            }
            _ => {}
        }
        if answered {
            self.thread.lock().unwrap_or_else(PoisonError::into_inner).asked = None;
        }
        self.found.send_replace(Some((Instant::now(), finding)));
    }
}

/// Public: without names and addresses, which are in the log.
fn said(error: &DbError) -> &'static str {
    match error {
        DbError::Displaced(_) => "the files of the database were removed or replaced while the server ran: restart it",
        DbError::Clock(_) => "the clock of this server is not the database's",
        DbError::Connect(_) => "the database cannot be reached",
        _ if error.is_read_only() => "the database is read-only",
        _ if error.is_disconnect() => "the connection to the database was lost",
        _ => "the database cannot be written",
    }
}

/// The connection, opened again after any failure.
struct Probe {
    url: DatabaseUrl,
    clock: Clock,
    conn: Option<AnyConn>,
    files: Option<Files>,
}

impl Probe {
    fn new(url: DatabaseUrl, clock: Clock) -> Probe {
        let files = match &url {
            DatabaseUrl::Sqlite(path) => Some(Files::of(path.clone())),
            DatabaseUrl::Postgres(_) => None,
        };
        Probe { url, clock, conn: None, files }
    }

    /// Whether the files are where they were.
    fn look(&mut self) -> Result<(), DbError> {
        self.files.as_mut().map_or(Ok(()), Files::check)
    }

    fn write(&mut self, writer: Option<&Writer>) -> Result<(), DbError> {
        self.look()?;
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => open(&self.url)?,
        };
        match (&mut conn, &self.url) {
            (AnyConn::Postgres(c), _) => {
                let c = c.begun();
                c.batch_execute(BEAT)?;
                c.batch_execute(SPILL)?;
                let theirs = self.clock.shifted(diesel::select(sql::<BigInt>(CLOCK)).get_result(c)?);
                let ahead = self.clock.now() - theirs;
                if ahead.abs() > APART {
                    return Err(DbError::Clock(ahead));
                }
            }
            (AnyConn::Sqlite(c), DatabaseUrl::Sqlite(path)) => {
                beat(c, writer)?;
                spill(path).map_err(|e| DbError::Files(format!("{}: {e}", path.display())))?;
            }
            (AnyConn::Sqlite(_), DatabaseUrl::Postgres(_)) => {}
        }
        self.conn = Some(conn);
        Ok(())
    }
}

fn open(url: &DatabaseUrl) -> Result<AnyConn, DbError> {
    Ok(match url {
        DatabaseUrl::Postgres(url) => {
            let mut conn = PgConnection::establish(&with_parameters(url, &PARAMETERS))?;
            conn.batch_execute(SESSION)?;
            AnyConn::Postgres(PgSession::new(conn, false))
        }
        DatabaseUrl::Sqlite(_) => {
            let mut conn = url.connect()?;
            if let AnyConn::Sqlite(c) = &mut conn {
                c.batch_execute("PRAGMA busy_timeout = 250; PRAGMA synchronous = NORMAL")?;
            }
            conn
        }
    })
}

/// Where our own writer is at work, that is the proof.
fn beat(conn: &mut SqliteConnection, writer: Option<&Writer>) -> Result<(), DbError> {
    let gets_on = |writer: &Writer| {
        let committed = writer.progress.committed().is_some_and(|ago| ago < BELIEVED);
        committed || writer.progress.holds().is_some_and(|since| since < AT_WORK)
    };
    let written = match writer {
        Some(writer) if gets_on(writer) => return Ok(()),
        _ => conn.batch_execute(
            "INSERT INTO installation (name, value) VALUES ('pulse', CURRENT_TIMESTAMP) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        ),
    };
    match (written, writer) {
        (Err(_), Some(writer)) if gets_on(writer) => Ok(()),
        (written, _) => Ok(written?),
    }
}

/// Fails where the disk is full.
fn spill(database: &Path) -> std::io::Result<()> {
    let mut path = database.as_os_str().to_owned();
    path.push(format!(".pulse.{}", std::process::id()));
    let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(&vec![0; ROOM]));
    let _ = std::fs::remove_file(&path);
    written
}

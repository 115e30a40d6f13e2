//! One connection to either database, SQL with `?` for values, and the processor time it all cost.
//!
//! `diesel::sql_query` prepares its text anew at every call. [`Query`] is the same thing with diesel's statement cache
//! left on, so both databases run prepared statements, as the server's own code will.
use std::marker::PhantomData;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        }
    }
}

pub enum Db {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(Clone, Copy)]
pub enum V<'a> {
    I(i64),
    T(&'a str),
    B(bool),
}

struct Query<'a, ST> {
    sql: &'a str,
    values: &'a [V<'a>],
    row: PhantomData<ST>,
}

/// No static id: diesel then files the prepared statement under its text.
impl<ST> QueryId for Query<'_, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl<ST> diesel::query_builder::Query for Query<'_, ST> {
    type SqlType = ST;
}
impl<ST, C> RunQueryDsl<C> for Query<'_, ST> {}

macro_rules! walk {
    ($backend:ty) => {
        impl<ST> QueryFragment<$backend> for Query<'_, ST> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                let mut values = self.values.iter();
                for (i, piece) in self.sql.split('?').enumerate() {
                    if i > 0 {
                        match values.next().expect("as many values as question marks") {
                            V::I(v) => out.push_bind_param::<BigInt, _>(v)?,
                            V::T(v) => out.push_bind_param::<Text, str>(v)?,
                            V::B(v) => out.push_bind_param::<Bool, _>(v)?,
                        }
                    }
                    out.push_sql(piece);
                }
                assert!(values.next().is_none(), "more values than question marks: {}", self.sql);
                Ok(())
            }
        }
    };
}
walk!(diesel::sqlite::Sqlite);
walk!(diesel::pg::Pg);

macro_rules! reader {
    ($name:ident, $st:ty, $out:ty) => {
        pub fn $name(&mut self, sql: &str, values: &[V]) -> Vec<$out> {
            let q = Query::<$st> { sql, values, row: PhantomData };
            match self {
                Db::Sqlite(c) => q.load(c),
                Db::Postgres(c) => q.load(c),
            }
            .unwrap_or_else(|e| panic!("{e}: {sql}"))
        }
    };
}

impl Db {
    reader!(texts, Text, String);
    reader!(ints, BigInt, i64);
    reader!(int_pairs, (BigInt, BigInt), (i64, i64));
    reader!(int_texts, (BigInt, Text), (i64, String));

    pub fn int(&mut self, sql: &str, values: &[V]) -> i64 {
        self.ints(sql, values)[0]
    }

    pub fn run(&mut self, sql: &str, values: &[V]) -> usize {
        let q = Query::<()> { sql, values, row: PhantomData };
        match self {
            Db::Sqlite(c) => q.execute(c),
            Db::Postgres(c) => q.execute(c),
        }
        .unwrap_or_else(|e| panic!("{e}: {sql}"))
    }

    /// Statements without values: schema, pragmas, BEGIN, SAVEPOINT.
    pub fn batch(&mut self, sql: &str) {
        match self {
            Db::Sqlite(c) => c.batch_execute(sql),
            Db::Postgres(c) => c.batch_execute(sql),
        }
        .unwrap_or_else(|e| panic!("{e}: {sql}"))
    }

    pub fn begin(&mut self) {
        match self {
            Db::Sqlite(_) => self.batch("BEGIN IMMEDIATE"),
            Db::Postgres(_) => self.batch("BEGIN"),
        }
    }

    pub fn commit(&mut self) {
        self.batch("COMMIT");
    }

    pub fn mib(&mut self) -> f64 {
        let bytes = match self {
            Db::Sqlite(_) => {
                self.batch("PRAGMA wal_checkpoint(TRUNCATE)");
                self.int("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", &[])
            }
            Db::Postgres(_) => self.int(
                "SELECT CAST(coalesce(sum(pg_total_relation_size(oid)), 0) AS BIGINT) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
                &[],
            ),
        };
        bytes as f64 / 1048576.0
    }

    /// Statistics, and on PostgreSQL the visibility map that index-only scans need; all on disk.
    pub fn settle(&mut self) {
        match self {
            Db::Sqlite(_) => self.batch("PRAGMA analysis_limit=1000; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)"),
            Db::Postgres(_) => {
                self.batch("VACUUM ANALYZE");
                self.batch("CHECKPOINT");
            }
        }
    }
}

/// Where databases are made. PostgreSQL is left out when there is no URL.
pub struct Place {
    pub dir: String,
    pub pg_url: Option<String>,
    pub pg_pid: u32,
}

impl Place {
    pub fn from_env() -> Place {
        let var = |n: &str| std::env::var(n).ok().filter(|v| !v.is_empty());
        Place {
            dir: var("LAYOUTS_DIR").expect("LAYOUTS_DIR"),
            pg_url: var("LAYOUTS_PG_URL"),
            pg_pid: var("LAYOUTS_PG_PID").and_then(|p| p.parse().ok()).unwrap_or(0),
        }
    }

    pub fn engines(&self) -> Vec<Engine> {
        let mut all = vec![Engine::Sqlite];
        all.extend(self.pg_url.as_ref().map(|_| Engine::Postgres));
        all
    }

    pub fn create(&self, engine: Engine, name: &str) -> Db {
        match engine {
            Engine::Sqlite => {
                for tail in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{}/{name}.db{tail}", self.dir));
                }
            }
            Engine::Postgres => {
                let mut admin = PgConnection::establish(&self.url("postgres")).expect("connect");
                admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).unwrap();
                admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).unwrap();
            }
        }
        self.open(engine, name)
    }

    pub fn open(&self, engine: Engine, name: &str) -> Db {
        match engine {
            Engine::Sqlite => {
                let mut c = SqliteConnection::establish(&format!("{}/{name}.db", self.dir)).expect("open");
                c.batch_execute(
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; PRAGMA cache_size=-65536; \
                     PRAGMA mmap_size=2147483648; PRAGMA temp_store=MEMORY",
                )
                .unwrap();
                Db::Sqlite(c)
            }
            Engine::Postgres => Db::Postgres(PgConnection::establish(&self.url(name)).expect("connect")),
        }
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.pg_url.as_ref().expect("LAYOUTS_PG_URL"))
    }

    /// Reads every file of the databases once, so that no candidate pays for having been loaded first.
    pub fn warm(&self) {
        fn read(path: &std::path::Path, buffer: &mut [u8]) {
            if path.is_dir() {
                std::fs::read_dir(path).into_iter().flatten().flatten().for_each(|e| read(&e.path(), buffer));
            } else if let Ok(mut file) = std::fs::File::open(path) {
                while std::io::Read::read(&mut file, buffer).is_ok_and(|n| n > 0) {}
            }
        }
        let mut buffer = vec![0; 1 << 20];
        for entry in std::fs::read_dir(&self.dir).unwrap().flatten() {
            let path = entry.path();
            read(&if path.is_dir() { path.join("data/base") } else { path }, &mut buffer); // not the server's log of changes
        }
    }

    /// Processor seconds of this program, and of every process of the database server.
    pub fn cpu(&self) -> f64 {
        own_cpu() + if self.pg_pid > 0 { self.server_cpu() } else { 0.0 }
    }

    fn server_cpu(&self) -> f64 {
        let mut ticks = 0.0;
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
            let field = |i: usize| fields[i].parse::<f64>().unwrap_or(0.0);
            if pid == self.pg_pid {
                ticks += field(11) + field(12) + field(13) + field(14); // its own and that of children that ended
            } else if fields[1].parse() == Ok(self.pg_pid) {
                ticks += field(11) + field(12);
            }
        }
        ticks / 100.0
    }
}

fn own_cpu() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a valid place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

/// What one round cost: operations, wall seconds, processor seconds.
#[derive(Clone, Copy)]
pub struct Round {
    pub ops: usize,
    pub wall: f64,
    pub cpu: f64,
}

/// Repeats `f` (which returns how many operations it did) for `secs`, at least once.
pub fn round(place: &Place, secs: f64, mut f: impl FnMut() -> usize) -> Round {
    let (start, cpu) = (Instant::now(), place.cpu());
    let mut ops = 0;
    loop {
        ops += f();
        let wall = start.elapsed().as_secs_f64();
        if wall >= secs {
            return Round { ops, wall, cpu: place.cpu() - cpu };
        }
    }
}

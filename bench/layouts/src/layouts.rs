//! The candidates: their tables, how they are filled, and one create.
use std::fmt::Write;
use std::time::Instant;

use diesel::prelude::*;

use crate::data::{self, User};
use crate::db::{Db, Engine, Place, V};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// userName, externalId, displayName and email are columns of `resources`.
    Columns,
    /// One index row for each value of the first `n` attributes.
    Index(usize),
}

pub const A: Layout = Layout::Columns;
pub const B: Layout = Layout::Index(4);
pub const B5: Layout = Layout::Index(5);
pub const C: Layout = Layout::Index(11);

impl Layout {
    pub fn name(self) -> &'static str {
        match self {
            Layout::Columns => "A columns",
            Layout::Index(4) => "B index, 4 rows",
            Layout::Index(5) => "B index, 5 rows (active)",
            Layout::Index(_) => "C index, 11 rows",
        }
    }

    pub fn database(self) -> &'static str {
        match self {
            Layout::Columns => "lay_a",
            Layout::Index(11) => "lay_c",
            Layout::Index(_) => "lay_b", // the fifth row is added to the same database once it has been measured
        }
    }

    fn schema(self, engine: Engine) -> String {
        let columns = match self {
            Layout::Columns => ", user_name_ci TEXT {C}, external_id TEXT {C}, display_name TEXT {C}, email TEXT {C}",
            Layout::Index(_) => "",
        };
        let index = match self {
            Layout::Columns => {
                "CREATE UNIQUE INDEX resources_user_name ON resources(account, user_name_ci);
                 CREATE INDEX resources_external_id ON resources(account, external_id);
                 CREATE INDEX resources_display_name ON resources(account, display_name);
                 CREATE INDEX resources_email ON resources(account, email);"
            }
            Layout::Index(_) => {
                "CREATE TABLE attribute_values (account BIGINT NOT NULL, attribute INTEGER NOT NULL, key TEXT {C} NOT NULL,
                     resource BIGINT NOT NULL, is_unique BOOLEAN NOT NULL,
                     PRIMARY KEY (account, attribute, key, resource)) {W};
                 CREATE UNIQUE INDEX attribute_values_unique ON attribute_values(account, attribute, key) WHERE is_unique;"
            }
        };
        format!(
            "CREATE TABLE resources (seq {{S}}, account BIGINT NOT NULL, resource_type SMALLINT NOT NULL, id TEXT {{C}} NOT NULL,
                 version BIGINT NOT NULL, created BIGINT NOT NULL, last_modified BIGINT NOT NULL, active BOOLEAN NOT NULL,
                 document TEXT NOT NULL{columns});
             CREATE UNIQUE INDEX resources_id ON resources(account, id);
             CREATE INDEX resources_page ON resources(account, resource_type, seq);
             {index}
             CREATE TABLE members (group_seq BIGINT NOT NULL, member_seq BIGINT NOT NULL, PRIMARY KEY (group_seq, member_seq)) {{W}};
             CREATE INDEX members_of ON members(member_seq, group_seq);
             CREATE TABLE members_with_id (group_seq BIGINT NOT NULL, member_seq BIGINT NOT NULL, member_id TEXT {{C}} NOT NULL,
                 PRIMARY KEY (group_seq, member_seq)) {{W}};
             CREATE TABLE counters (account BIGINT NOT NULL, resource_type SMALLINT NOT NULL, shard SMALLINT NOT NULL,
                 count BIGINT NOT NULL, PRIMARY KEY (account, resource_type, shard)) {{W}};
             CREATE TABLE block_counts (account BIGINT NOT NULL, resource_type SMALLINT NOT NULL, block BIGINT NOT NULL,
                 count BIGINT NOT NULL, PRIMARY KEY (account, resource_type, block)) {{W}};
             CREATE TABLE clients (seq BIGINT PRIMARY KEY, account BIGINT NOT NULL, enabled BOOLEAN NOT NULL);
             CREATE TABLE grants (seq BIGINT PRIMARY KEY, client BIGINT NOT NULL, scope TEXT NOT NULL);
             CREATE TABLE tokens (digest TEXT {{C}} PRIMARY KEY, grant_seq BIGINT NOT NULL, expires BIGINT NOT NULL);"
        )
        .dialect(engine)
    }
}

pub trait Dialect {
    fn dialect(&self, engine: Engine) -> String;
}
impl Dialect for str {
    fn dialect(&self, engine: Engine) -> String {
        let (seq, collate, clustered) = match engine {
            Engine::Sqlite => ("INTEGER PRIMARY KEY", "", "WITHOUT ROWID"),
            Engine::Postgres => ("BIGSERIAL PRIMARY KEY", "COLLATE \"C\"", ""),
        };
        self.replace("{S}", seq).replace("{C}", collate).replace("{W}", clustered)
    }
}

/// What a load left behind.
pub struct Loaded {
    pub rows: usize,
    pub wall: f64,
    pub cpu: f64,
    pub mib: f64,
}

mod tables {
    diesel::table! {
        resources (seq) {
            seq -> BigInt, account -> BigInt, resource_type -> SmallInt, id -> Text, version -> BigInt, created -> BigInt,
            last_modified -> BigInt, active -> Bool, document -> Text,
        }
    }
    diesel::table! {
        #[sql_name = "resources"]
        resources_a (seq) {
            seq -> BigInt, account -> BigInt, resource_type -> SmallInt, id -> Text, version -> BigInt, created -> BigInt,
            last_modified -> BigInt, active -> Bool, document -> Text,
            user_name_ci -> Text, external_id -> Text, display_name -> Text, email -> Text,
        }
    }
    diesel::table! {
        attribute_values (account, attribute, key, resource) {
            account -> BigInt, attribute -> Integer, key -> Text, resource -> BigInt, is_unique -> Bool,
        }
    }
}

macro_rules! copy {
    ($conn:expr, $table:path, $text:expr) => {{
        use $table as target;
        diesel::copy_from(target::table)
            .from_raw_data(target::table, |out| {
                out.write_all($text.as_bytes()).map_err(|e| diesel::result::Error::SerializationError(Box::new(e)))
            })
            .execute($conn)
            .unwrap();
    }};
}

const BATCH: usize = 50_000;

/// Fills `resources` and the keys, a transaction for each 50 000 users with the keys of the batch in key order,
/// all indexes in place. Stops early after `limit` seconds.
pub fn load(place: &Place, engine: Engine, layout: Layout, rows: usize, limit: f64) -> Loaded {
    let mut db = place.create(engine, layout.database());
    db.batch(&layout.schema(engine));
    if engine == Engine::Sqlite {
        db.batch("PRAGMA cache_size=-524288");
    }
    let (start, cpu) = (Instant::now(), place.cpu());
    let mut done = 0;
    while done < rows && start.elapsed().as_secs_f64() < limit {
        let users: Vec<(usize, User)> = (done..rows.min(done + BATCH)).map(|i| (i, data::user(i))).collect();
        done += users.len();
        let mut keys: Vec<(i64, i64, &str, i64, bool)> = Vec::new();
        if let Layout::Index(n) = layout {
            for (i, u) in &users {
                keys.extend(
                    (0..n).map(|a| (u.account, data::attribute(a), &*u.values[a], *i as i64 + 1, a == data::USER_NAME)),
                );
            }
            keys.sort_unstable();
        }
        db.begin();
        match &mut db {
            Db::Postgres(c) => {
                let (mut text, flag) = (String::new(), |b: bool| if b { 't' } else { 'f' });
                for (i, u) in &users {
                    let (seq, active) = (i + 1, flag(u.active));
                    write!(
                        text,
                        "{seq}\t{}\t1\t{}\t1\t{at}\t{at}\t{active}\t{}",
                        u.account,
                        u.id,
                        u.document,
                        at = u.at
                    )
                    .unwrap();
                    if layout == A {
                        u.values[..4].iter().for_each(|v| write!(text, "\t{v}").unwrap());
                    }
                    text.push('\n');
                }
                match layout {
                    Layout::Columns => copy!(c, tables::resources_a, text),
                    Layout::Index(_) => copy!(c, tables::resources, text),
                }
                if !keys.is_empty() {
                    text.clear();
                    for (account, attribute, key, resource, unique) in &keys {
                        writeln!(text, "{account}\t{attribute}\t{key}\t{resource}\t{}", flag(*unique)).unwrap();
                    }
                    copy!(c, tables::attribute_values, text);
                }
            }
            Db::Sqlite(_) => {
                for (_, u) in &users {
                    insert_resource(&mut db, layout, u);
                }
                for (account, attribute, key, resource, unique) in keys {
                    db.run(
                        "INSERT INTO attribute_values VALUES (?, ?, ?, ?, ?)",
                        &[V::I(account), V::I(attribute), V::T(key), V::I(resource), V::B(unique)],
                    );
                }
            }
        }
        db.commit();
    }
    let (wall, cpu) = (start.elapsed().as_secs_f64(), place.cpu() - cpu);
    if engine == Engine::Postgres {
        db.int("SELECT setval('resources_seq_seq', ?)", &[V::I(done as i64)]);
    }
    db.settle();
    Loaded { rows: done, wall, cpu, mib: db.mib() }
}

pub struct Groups {
    pub small: i64,
    pub middle: i64,
    pub large: i64,
    pub large_size: i64,
}

/// What only the favoured layout is measured with: counters, groups, tokens. `rows` users are there.
pub fn furnish(db: &mut Db, rows: usize) -> Groups {
    db.begin();
    db.batch("INSERT INTO counters SELECT account, resource_type, 0, count(*) FROM resources GROUP BY 1, 2");
    db.batch(
        "INSERT INTO block_counts SELECT account, resource_type, seq >> 10, count(*) FROM resources GROUP BY 1, 2, 3",
    );
    let mut group = |size: usize, first: usize| {
        let seq = db.int(
            "INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, document)
             VALUES (?, 2, ?, 1, 0, 0, ?, '{}') RETURNING seq",
            &[V::I(data::BIG), V::T(&data::id_of(rows * 2 + size)), V::B(true)],
        );
        // Every eighth user or so of the big account, so that members lie scattered among the others.
        let stride = (rows * 8 / 10 / size).clamp(1, 8) as i64;
        db.run(
            "INSERT INTO members SELECT ?, seq FROM
                (SELECT seq, row_number() OVER (ORDER BY seq) AS n FROM resources WHERE account = ? AND resource_type = 1 AND seq > ?) AS u
             WHERE n % ? = 0 ORDER BY n LIMIT ?",
            &[V::I(seq), V::I(data::BIG), V::I(first as i64), V::I(stride), V::I(size as i64)],
        );
        seq
    };
    let large_size = 100_000.min(rows / 10);
    let groups = Groups {
        small: group(10, 0),
        middle: group(20_000.min(rows / 50), 0),
        large: group(large_size, 0),
        large_size: large_size as i64,
    };
    db.run(
        "INSERT INTO members_with_id SELECT m.group_seq, m.member_seq, r.id FROM members m JOIN resources r ON r.seq = m.member_seq WHERE m.group_seq = ?",
        &[V::I(groups.large)],
    );
    for i in 0..100 {
        db.run("INSERT INTO clients VALUES (?, ?, ?)", &[V::I(i), V::I(1 + i % 10), V::B(true)]);
        db.run("INSERT INTO grants VALUES (?, ?, 'scim')", &[V::I(i), V::I(i)]);
        db.run(
            "INSERT INTO tokens VALUES (?, ?, ?)",
            &[V::T(&format!("{:064x}", data::mix(i as usize))), V::I(i), V::I(i64::MAX)],
        );
    }
    db.commit();
    db.settle();
    groups
}

fn insert_resource(db: &mut Db, layout: Layout, u: &User) -> i64 {
    let mut values = vec![V::I(u.account), V::T(&u.id), V::I(u.at), V::I(u.at), V::B(u.active), V::T(&u.document)];
    let sql = match layout {
        Layout::Columns => {
            values.extend(u.values[..4].iter().map(|v| V::T(v)));
            "INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, document,
                 user_name_ci, external_id, display_name, email) VALUES (?, 1, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq"
        }
        Layout::Index(_) => {
            "INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, document)
             VALUES (?, 1, ?, 1, ?, ?, ?, ?) RETURNING seq"
        }
    };
    db.int(sql, &values)
}

/// One user, the way the server would write it: the resource, then all its keys in one statement.
pub fn create(db: &mut Db, layout: Layout, u: &User) -> i64 {
    let seq = insert_resource(db, layout, u);
    if let Layout::Index(n) = layout {
        let rows = ["(?, ?, ?, ?, ?)"; 11];
        let sql = format!("INSERT INTO attribute_values VALUES {}", rows[..n].join(", "));
        let mut values = Vec::with_capacity(n * 5);
        for a in 0..n {
            values.extend([
                V::I(u.account),
                V::I(data::attribute(a)),
                V::T(&u.values[a]),
                V::I(seq),
                V::B(a == data::USER_NAME),
            ]);
        }
        db.run(&sql, &values);
    }
    seq
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Count {
    None,
    OneRow,
    Shards,
    Blocks,
}

impl Count {
    pub const ALL: [Count; 4] = [Count::None, Count::OneRow, Count::Shards, Count::Blocks];

    pub fn name(self) -> &'static str {
        match self {
            Count::None => "no counter",
            Count::OneRow => "one counter row an account",
            Count::Shards => "8 counter rows an account (seq & 7)",
            Count::Blocks => "one row a block of 1024",
        }
    }

    /// The last statement before COMMIT, so that the row's lock is held for the commit alone.
    pub fn add(self, db: &mut Db, account: i64, seq: i64) {
        const BUMP: &str = "INSERT INTO counters VALUES (?, 1, ?, 1) ON CONFLICT (account, resource_type, shard) DO UPDATE SET count = counters.count + 1";
        const BLOCK: &str = "INSERT INTO block_counts VALUES (?, 1, ?, 1) ON CONFLICT (account, resource_type, block) DO UPDATE SET count = block_counts.count + 1";
        match self {
            Count::None => 0,
            Count::OneRow => db.run(BUMP, &[V::I(account), V::I(0)]),
            Count::Shards => db.run(BUMP, &[V::I(account), V::I(seq & 7)]),
            Count::Blocks => db.run(BLOCK, &[V::I(account), V::I(seq >> 10)]),
        };
    }
}

//! The key table by itself, in the forms it could take: filled side by side, then asked.
use std::time::Instant;

use crate::data::{self, BIG, EXTERNAL_ID, Picker, USER_NAME, User};
use crate::db::{Db, Engine, Place, Round, V};
use crate::layouts::Dialect;
use crate::report::{Candidate, Report, candidate};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    Clustered,
    Rowid,
    SeparateUnique,
    TwoColumns,
}

impl Keys {
    pub fn all(engine: Engine) -> Vec<Keys> {
        match engine {
            Engine::Sqlite => vec![Keys::Clustered, Keys::Rowid, Keys::SeparateUnique, Keys::TwoColumns],
            // A PostgreSQL table is always a heap beside its primary key.
            Engine::Postgres => vec![Keys::Clustered, Keys::SeparateUnique, Keys::TwoColumns],
        }
    }

    pub fn name(self, engine: Engine) -> &'static str {
        match (self, engine) {
            (Keys::Clustered, Engine::Sqlite) => "WITHOUT ROWID, partial unique index",
            (Keys::Clustered, Engine::Postgres) => "heap + primary key, partial unique index",
            (Keys::Rowid, _) => "rowid table + primary key index, partial unique index",
            (Keys::SeparateUnique, _) => "unique values in a table of their own",
            (Keys::TwoColumns, _) => "text_key and number_key columns",
        }
    }

    pub fn database(self) -> &'static str {
        ["keys_clustered", "keys_rowid", "keys_separate", "keys_two"][self as usize]
    }

    pub fn schema(self, engine: Engine) -> String {
        let (key, columns) = match self {
            Keys::TwoColumns => ("text_key TEXT {C} NOT NULL, number_key BIGINT NOT NULL", "text_key, number_key"),
            _ => ("key TEXT {C} NOT NULL", "key"),
        };
        let unique = match self {
            Keys::SeparateUnique => "",
            _ => ", is_unique BOOLEAN NOT NULL",
        };
        let storage = if self == Keys::Rowid { "" } else { "{W}" };
        let mut ddl = format!(
            "CREATE TABLE attribute_values (account BIGINT NOT NULL, attribute INTEGER NOT NULL, {key}, resource BIGINT NOT NULL{unique},
                 PRIMARY KEY (account, attribute, {columns}, resource)) {storage};"
        );
        ddl += &match self {
            Keys::SeparateUnique => format!(
                "CREATE TABLE unique_values (account BIGINT NOT NULL, attribute INTEGER NOT NULL, {key}, resource BIGINT NOT NULL,
                     PRIMARY KEY (account, attribute, key)) {storage}"
            ),
            _ => format!(
                "CREATE UNIQUE INDEX attribute_values_unique ON attribute_values(account, attribute, {columns}) WHERE is_unique"
            ),
        };
        ddl.dialect(engine)
    }

    /// Four text keys and a number (the time of creation) for one user.
    pub fn insert(self, db: &mut Db, u: &User, seq: i64) {
        let number = number_key(u.at);
        let key = |a: usize| [V::I(u.account), V::I(data::attribute(a))];
        let mut values = Vec::with_capacity(30);
        match self {
            Keys::Clustered | Keys::Rowid => {
                for a in 0..4 {
                    values.extend(key(a));
                    values.extend([V::T(&u.values[a]), V::I(seq), V::B(a == 0)]);
                }
                values.extend(key(4));
                values.extend([V::T(&number), V::I(seq), V::B(false)]);
                db.run(
                    "INSERT INTO attribute_values VALUES (?,?,?,?,?), (?,?,?,?,?), (?,?,?,?,?), (?,?,?,?,?), (?,?,?,?,?)",
                    &values,
                );
            }
            Keys::TwoColumns => {
                for a in 0..4 {
                    values.extend(key(a));
                    values.extend([V::T(&u.values[a]), V::I(0), V::I(seq), V::B(a == 0)]);
                }
                values.extend(key(4));
                values.extend([V::T(""), V::I(u.at), V::I(seq), V::B(false)]);
                db.run(
                    "INSERT INTO attribute_values VALUES (?,?,?,?,?,?), (?,?,?,?,?,?), (?,?,?,?,?,?), (?,?,?,?,?,?), (?,?,?,?,?,?)",
                    &values,
                );
            }
            Keys::SeparateUnique => {
                for a in 1..4 {
                    values.extend(key(a));
                    values.extend([V::T(&u.values[a]), V::I(seq)]);
                }
                values.extend(key(4));
                values.extend([V::T(&number), V::I(seq)]);
                db.run("INSERT INTO attribute_values VALUES (?,?,?,?), (?,?,?,?), (?,?,?,?), (?,?,?,?)", &values);
                values.clear();
                values.extend(key(0));
                values.extend([V::T(&u.values[0]), V::I(seq)]);
                db.run("INSERT INTO unique_values VALUES (?,?,?,?)", &values);
            }
        }
    }
}

/// 16 hex digits in the order of the numbers.
pub fn number_key(v: i64) -> String {
    format!("{:016x}", v as u64 ^ 1 << 63)
}

pub fn measure(place: &Place, report: &Report, engine: Engine, rows: usize) {
    if report.left() < 60.0 {
        println!("| key tables | not measured: out of time | {} | | | | |", engine.name());
        return;
    }
    let forms = Keys::all(engine);
    let mut dbs: Vec<Db> = forms.iter().map(|k| place.create(engine, k.database())).collect();
    let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); forms.len()];
    for (k, db) in forms.iter().zip(&mut dbs) {
        db.batch(&k.schema(engine));
    }
    // Filled side by side: ten parts each, in turns; the time of making the users is in all alike.
    let part = rows.div_ceil(10);
    for start in (0..rows).step_by(part) {
        for (n, (k, db)) in forms.iter().zip(&mut dbs).enumerate() {
            let (t, cpu) = (Instant::now(), place.cpu());
            db.begin();
            let end = rows.min(start + part);
            for i in start..end {
                k.insert(db, &data::user(i), i as i64 + 1);
            }
            db.commit();
            rounds[n].push(Round { ops: end - start, wall: t.elapsed().as_secs_f64(), cpu: place.cpu() - cpu });
        }
    }
    for db in &mut dbs {
        db.settle();
    }
    let names: Vec<String> = forms
        .iter()
        .zip(&mut dbs)
        .map(|(k, db)| format!("{} ({:.0} bytes a user)", k.name(engine), db.mib() * 1048576.0 / rows as f64))
        .collect();
    report.rows(engine, &format!("fill with 5 keys a user, {rows} users"), &names, &rounds);

    let find = |what: usize| -> Vec<Candidate> {
        forms
            .iter()
            .map(|k| {
                let mut db = place.open(engine, k.database());
                let mut pick = Picker(5);
                let (table, column) = match k {
                    Keys::TwoColumns => ("attribute_values", "text_key"),
                    Keys::SeparateUnique if what == USER_NAME => ("unique_values", "key"),
                    _ => ("attribute_values", "key"),
                };
                let sql = format!("SELECT resource FROM {table} WHERE account = ? AND attribute = ? AND {column} = ?");
                candidate(k.name(engine), move || {
                    let u = data::user(pick.below(rows));
                    assert_eq!(
                        db.ints(&sql, &[V::I(u.account), V::I(data::attribute(what)), V::T(&u.values[what])]).len(),
                        1
                    );
                    1
                })
            })
            .collect()
    };
    report.compare(place, engine, "key to resource, unique", find(USER_NAME));
    report.compare(place, engine, "key to resource, not unique", find(EXTERNAL_ID));

    let after_time: Vec<Candidate> = forms
        .iter()
        .map(|k| {
            let mut db = place.open(engine, k.database());
            let mut pick = Picker(6);
            let two = *k == Keys::TwoColumns;
            candidate(k.name(engine), move || {
                let at = data::at_of(pick.below(rows - rows / 10));
                let attribute = data::attribute(4);
                let found = if two {
                    db.ints(
                        "SELECT resource FROM attribute_values WHERE account = ? AND attribute = ? AND text_key = '' AND number_key > ? ORDER BY number_key LIMIT 100",
                        &[V::I(BIG), V::I(attribute), V::I(at)],
                    )
                } else {
                    db.ints(
                        "SELECT resource FROM attribute_values WHERE account = ? AND attribute = ? AND key > ? ORDER BY key LIMIT 100",
                        &[V::I(BIG), V::I(attribute), V::T(&number_key(at))],
                    )
                };
                assert_eq!(found.len(), 100);
                1
            })
        })
        .collect();
    report.compare(place, engine, "number gt, 100 in order", after_time);
}

//! The questions, one section of the table each.
use std::cell::Cell;
use std::collections::HashMap;
use std::thread;
use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;

use crate::data::{self, ACTIVE, BIG, DISPLAY_NAME, EXTERNAL_ID, MIDDLE, Picker, ROLE, USER_NAME};
use crate::db::{Db, Engine, Place, Round, V};
use crate::layouts::{self, A, B, B5, C, Count, Groups, Layout};
use crate::report::{Candidate, Report, candidate};

pub struct World {
    pub engine: Engine,
    pub groups: Groups,
    /// Users there are in A, B and C.
    pub rows: [usize; 3],
    /// The next user nobody has created yet.
    pub next: Cell<usize>,
}

const KEYED: &str = "SELECT r.document FROM attribute_values v JOIN resources r ON r.seq = v.resource WHERE v.account = ? AND v.attribute = ? AND v.key = ?";

impl World {
    fn open(&self, place: &Place, layout: Layout) -> Db {
        place.open(self.engine, layout.database())
    }

    fn rows(&self, layout: Layout) -> usize {
        match layout {
            Layout::Columns => self.rows[0],
            Layout::Index(11) => self.rows[2],
            Layout::Index(_) => self.rows[1],
        }
    }

    /// A user nobody has created, generated before the clock starts to matter (about 2 µs of it).
    fn fresh(&self) -> data::User {
        self.next.set(self.next.get() + 1);
        data::user(self.next.get())
    }

    pub fn creates(&self, place: &Place, report: &Report) {
        let per_commit = match self.engine {
            Engine::Sqlite => vec![1, 32],
            Engine::Postgres => vec![1],
        };
        for n in per_commit {
            let all = [A, B, B5, C].map(|layout| {
                let mut db = self.open(place, layout);
                candidate(layout.name(), move || {
                    self.unit(&mut db, n, |db| {
                        layouts::create(db, layout, &self.fresh());
                    })
                })
            });
            report.compare_writes(place, self.engine, &format!("create, {n} a commit"), all.into());
        }
        if self.engine == Engine::Sqlite {
            // Each turn pays for its own pages: it ends with a checkpoint.
            let all = [1000, 4000, 16_000, 64_000].map(|pages| {
                let mut db = self.open(place, B);
                db.batch(&format!("PRAGMA wal_autocheckpoint={pages}"));
                candidate(format!("B, checkpoint every {pages} pages"), move || {
                    for _ in 0..256 {
                        self.unit(&mut db, 32, |db| {
                            layouts::create(db, B, &self.fresh());
                        });
                    }
                    db.batch("PRAGMA wal_checkpoint(TRUNCATE)");
                    256 * 32
                })
            });
            report.compare_writes(place, self.engine, "create, 32 a commit, 8192 and a checkpoint", all.into());
        }
        let n = if self.engine == Engine::Sqlite { 32 } else { 1 };
        let all = [B, B5].map(|layout| {
            let mut db = self.open(place, layout);
            let mut pick = Picker(0);
            candidate(layout.name(), move || {
                self.unit(&mut db, n, |db| {
                    let i = pick.below(self.rows(B));
                    let u = data::user(i);
                    let seq = i as i64 + 1;
                    db.run(
                        "UPDATE resources SET active = NOT active, version = version + 1, last_modified = ?, document = ? WHERE seq = ?",
                        &[V::I(u.at), V::T(&u.document), V::I(seq)],
                    );
                    if layout == B5 {
                        let a = data::attribute(ACTIVE);
                        let old = u.values[ACTIVE].as_str();
                        let new = if u.active { "false" } else { "true" };
                        db.run(
                            "DELETE FROM attribute_values WHERE account = ? AND attribute = ? AND key = ? AND resource = ?",
                            &[V::I(u.account), V::I(a), V::T(old), V::I(seq)],
                        );
                        db.run(
                            "INSERT INTO attribute_values VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                            &[V::I(u.account), V::I(a), V::T(new), V::I(seq), V::B(false)],
                        );
                    }
                })
            })
        });
        report.compare_writes(place, self.engine, &format!("change `active`, {n} a commit"), all.into());
        let mut db = self.open(place, B5);
        db.run("UPDATE resources SET active = NOT EXISTS (SELECT 1 FROM attribute_values v WHERE v.account = resources.account AND v.attribute = ? AND v.key = 'false' AND v.resource = seq) WHERE resource_type = 1 AND version > 1", &[V::I(data::attribute(ACTIVE))]);
        db.settle();
    }

    /// `n` units of work in one transaction, each in a savepoint where there are several.
    fn unit(&self, db: &mut Db, n: usize, mut work: impl FnMut(&mut Db)) -> usize {
        db.begin();
        for _ in 0..n {
            if n > 1 {
                db.batch("SAVEPOINT unit");
            }
            work(db);
            if n > 1 {
                db.batch("RELEASE unit");
            }
        }
        db.commit();
        n
    }

    pub fn queries(&self, place: &Place, report: &Report) {
        let e = self.engine;
        let eq = |layout: Layout, what: usize, column: &str| -> Candidate {
            let mut db = self.open(place, layout);
            let mut pick = Picker(1);
            let by_column = format!("SELECT document FROM resources WHERE account = ? AND {column} = ?");
            candidate(layout.name(), move || {
                let u = data::user(pick.below(self.rows(layout)));
                let found = match layout {
                    Layout::Columns => db.texts(&by_column, &[V::I(u.account), V::T(&u.values[what])]),
                    _ => db.texts(KEYED, &[V::I(u.account), V::I(data::attribute(what)), V::T(&u.values[what])]),
                };
                assert_eq!(found.len(), 1);
                1
            })
        };
        report.compare(place, e, "`userName eq`", [A, B, C].map(|l| eq(l, USER_NAME, "user_name_ci")).into());
        report.compare(place, e, "`externalId eq`", [A, B, C].map(|l| eq(l, EXTERNAL_ID, "external_id")).into());

        let starts = [A, B, C].map(|layout| {
            let mut db = self.open(place, layout);
            let mut pick = Picker(2);
            candidate(layout.name(), move || {
                let name = &data::user(pick.below(self.rows(layout))).values[DISPLAY_NAME];
                let (low, high) = (&name[..3], after(&name[..3]));
                match layout {
                    Layout::Columns => db.texts(
                        "SELECT document FROM resources WHERE seq IN (SELECT seq FROM resources WHERE account = ? AND display_name >= ? AND display_name < ? ORDER BY seq LIMIT 100) ORDER BY seq",
                        &[V::I(BIG), V::T(low), V::T(&high)],
                    ),
                    _ => db.texts(
                        "SELECT document FROM resources WHERE seq IN (SELECT resource FROM attribute_values WHERE account = ? AND attribute = ? AND key >= ? AND key < ? ORDER BY resource LIMIT 100) ORDER BY seq",
                        &[V::I(BIG), V::I(data::attribute(DISPLAY_NAME)), V::T(low), V::T(&high)],
                    ),
                };
                1
            })
        });
        report.compare(place, e, "`displayName sw` 3 letters (about 700 match), first 100 by seq", starts.into());

        let scan = |layout: Layout, how: &'static str, matches: fn(&str) -> bool| {
            let mut db = self.open(place, layout);
            candidate(format!("{}, {how}", layout.name()), move || {
                assert!(scan_account(&mut db, MIDDLE, matches) > 0);
                1
            })
        };
        let mut by_index = self.open(place, C);
        let role = vec![
            scan(A, "documents to Value", role_by_value),
            scan(B, "documents to Value", role_by_value),
            scan(B, "documents, typed, only roles", role_by_type),
            scan(B, "documents read, not parsed", |d| !d.is_empty()),
            candidate(C.name(), move || {
                let n = by_index.int(
                    "SELECT count(*) FROM attribute_values WHERE account = ? AND attribute = ? AND key = ?",
                    &[V::I(MIDDLE), V::I(data::attribute(ROLE)), V::T("admin")],
                );
                assert!(n > 0);
                1
            }),
        ];
        report.compare(place, e, "`roles eq \"admin\"` counted in the 10 % account", role);

        self.open(place, A)
            .batch("CREATE INDEX resources_inactive ON resources(account, resource_type, seq) WHERE NOT active");
        self.open(place, A).settle();
        for wanted in [true, false] {
            let key = if wanted { "true" } else { "false" };
            let (mut column, mut row, mut part) = (self.open(place, B), self.open(place, B5), self.open(place, A));
            let mut all = vec![
                candidate("column, page index walked", move || {
                    page(
                        &mut column,
                        "SELECT document FROM resources WHERE account = ? AND resource_type = 1 AND seq > 0 AND active = ? ORDER BY seq LIMIT 100",
                        &[V::I(BIG), V::B(wanted)],
                    )
                }),
                candidate("index row", move || {
                    page(
                        &mut row,
                        &format!("{KEYED} ORDER BY v.resource LIMIT 100"),
                        &[V::I(BIG), V::I(data::attribute(ACTIVE)), V::T(key)],
                    )
                }),
            ];
            if !wanted {
                all.push(candidate("partial index WHERE NOT active", move || {
                    page(&mut part, "SELECT document FROM resources WHERE account = ? AND resource_type = 1 AND NOT active ORDER BY seq LIMIT 100", &[V::I(BIG)])
                }));
            }
            report.compare(place, e, &format!("`active eq {wanted}`, first 100 in the 90 % account"), all);
            for (account, name) in [(MIDDLE, "10 %"), (BIG, "90 %")] {
                let (mut column, mut row, mut part) = (self.open(place, B), self.open(place, B5), self.open(place, A));
                let mut all = vec![
                    candidate("column, documents' rows visited", move || {
                        column.int(
                            "SELECT count(*) FROM resources WHERE account = ? AND resource_type = 1 AND active = ?",
                            &[V::I(account), V::B(wanted)],
                        );
                        1
                    }),
                    candidate("index row", move || {
                        row.int(
                            "SELECT count(*) FROM attribute_values WHERE account = ? AND attribute = ? AND key = ?",
                            &[V::I(account), V::I(data::attribute(ACTIVE)), V::T(key)],
                        );
                        1
                    }),
                ];
                if !wanted {
                    all.push(candidate("partial index WHERE NOT active", move || {
                        part.int(
                            "SELECT count(*) FROM resources WHERE account = ? AND resource_type = 1 AND NOT active",
                            &[V::I(account)],
                        );
                        1
                    }));
                }
                report.compare(place, e, &format!("`active eq {wanted}` counted in the {name} account"), all);
            }
        }
    }

    pub fn pages(&self, place: &Place, report: &Report) {
        const PAGE: &str =
            "SELECT document FROM resources WHERE account = ? AND resource_type = 1 AND seq > ? ORDER BY seq LIMIT 100";
        const OFFSET: &str =
            "SELECT document FROM resources WHERE account = ? AND resource_type = 1 ORDER BY seq LIMIT 100 OFFSET ?";
        const INDEX_OFFSET: &str = "SELECT document FROM resources WHERE seq IN (SELECT seq FROM resources WHERE account = ? AND resource_type = 1 ORDER BY seq LIMIT 100 OFFSET ?) ORDER BY seq";
        for (account, name) in [(MIDDLE, "10 %"), (BIG, "90 %")] {
            let db = || self.open(place, B);
            let depth = {
                let mut db = db();
                // The blocks were counted at load; creates since then lie behind.
                db.int(
                    "SELECT CAST(sum(count) AS BIGINT) FROM block_counts WHERE account = ? AND resource_type = 1",
                    &[V::I(account)],
                ) - 100
            };
            let key = db().int(
                "SELECT seq FROM resources WHERE account = ? AND resource_type = 1 ORDER BY seq LIMIT 1 OFFSET ?",
                &[V::I(account), V::I(depth - 1)],
            );
            let expected = db().texts(PAGE, &[V::I(account), V::I(key)]);
            assert_eq!(expected, by_blocks(&mut db(), account, depth), "blocks lead to the same page");
            let (mut c1, mut c2, mut c3, mut c4, mut c5) = (db(), db(), db(), db(), db());
            let all = vec![
                candidate("key, at the start", move || page(&mut c1, PAGE, &[V::I(account), V::I(0)])),
                candidate("key remembered, at the end", move || page(&mut c2, PAGE, &[V::I(account), V::I(key)])),
                candidate("block counts summed, then walked", move || by_blocks(&mut c3, account, depth).len().min(1)),
                candidate("OFFSET over the index alone", move || {
                    page(&mut c4, INDEX_OFFSET, &[V::I(account), V::I(depth)])
                }),
                candidate("OFFSET", move || page(&mut c5, OFFSET, &[V::I(account), V::I(depth)])),
            ];
            report.compare(place, self.engine, &format!("item {} of the {name} account", depth + 1), all);
        }
    }

    pub fn counters(&self, place: &Place, report: &Report) {
        for (account, name) in [(MIDDLE, "10 %"), (BIG, "90 %")] {
            let (mut c1, mut c2) = (self.open(place, B), self.open(place, B));
            let all = vec![
                candidate("count(*)", move || {
                    c1.int("SELECT count(*) FROM resources WHERE account = ? AND resource_type = 1", &[V::I(account)]);
                    1
                }),
                candidate("sum of counters", move || {
                    c2.int(
                        "SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM counters WHERE account = ? AND resource_type = 1",
                        &[V::I(account)],
                    );
                    1
                }),
            ];
            report.compare(place, self.engine, &format!("users of the {name} account"), all);
        }
        match self.engine {
            Engine::Sqlite => {
                let all = Count::ALL.map(|count| {
                    let mut db = self.open(place, B);
                    candidate(count.name(), move || {
                        self.unit(&mut db, 32, |db| {
                            let mut u = self.fresh();
                            u.account = BIG;
                            let seq = layouts::create(db, B, &u);
                            count.add(db, BIG, seq);
                        })
                    })
                });
                report.compare_writes(place, self.engine, "create, 32 a commit", all.into());
            }
            Engine::Postgres => {
                let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); 4];
                let secs = 2.5;
                if report.left() > 0.0 {
                    for turn in 0..4 {
                        for (i, count) in Count::ALL.into_iter().enumerate() {
                            let r = self.eight_at_once(place, count, secs);
                            if turn > 0 {
                                rounds[i].push(r); // the first turn warms up
                            }
                        }
                    }
                    let names = Count::ALL.map(|c| c.name().to_string());
                    report.rows(self.engine, "create, 8 connections, one account", &names, &rounds);
                }
            }
        }
    }

    fn eight_at_once(&self, place: &Place, count: Count, secs: f64) -> Round {
        let mut connections: Vec<Db> = (0..8).map(|_| self.open(place, B)).collect();
        let first = self.next.get();
        let reserved = 1_000_000;
        self.next.set(first + 8 * reserved);
        let (start, cpu) = (Instant::now(), place.cpu());
        let ops: usize = thread::scope(|s| {
            let workers: Vec<_> = connections
                .iter_mut()
                .enumerate()
                .map(|(w, db)| {
                    s.spawn(move || {
                        let mut n = 0;
                        while start.elapsed().as_secs_f64() < secs {
                            let mut u = data::user(first + w * reserved + n);
                            u.account = BIG;
                            db.begin();
                            let seq = layouts::create(db, B, &u);
                            count.add(db, BIG, seq);
                            db.commit();
                            n += 1;
                        }
                        n
                    })
                })
                .collect();
            workers.into_iter().map(|w| w.join().unwrap()).sum()
        });
        Round { ops, wall: start.elapsed().as_secs_f64(), cpu: place.cpu() - cpu }
    }

    pub fn members(&self, place: &Place, report: &Report) {
        let g = &self.groups;
        for n in if self.engine == Engine::Sqlite { vec![1, 32] } else { vec![1] } {
            // Users behind those of the large group, or between them: members lie in every eighth place.
            let all = [(g.small, "group of 10"), (g.large, "the large group")].map(|(group, name)| {
                let mut db = self.open(place, B);
                let mut pick = Picker(3);
                candidate(name, move || {
                    self.unit(&mut db, n, |db| {
                        let member = pick.below(self.rows(B)) as i64 + 1;
                        let added = db.run(
                            "INSERT INTO members VALUES (?, ?) ON CONFLICT DO NOTHING",
                            &[V::I(group), V::I(member)],
                        );
                        if added == 1 {
                            db.run(
                                "UPDATE resources SET version = version + 1, last_modified = ? WHERE seq = ?",
                                &[V::I(member), V::I(group)],
                            );
                        }
                    })
                })
            });
            report.compare(
                place,
                self.engine,
                &format!("add a member, {n} a commit (large: {})", g.large_size),
                all.into(),
            );
        }

        let mut db = self.open(place, B);
        db.run("DELETE FROM members WHERE group_seq = ?", &[V::I(g.small)]);
        db.run(
            "DELETE FROM members WHERE group_seq = ? AND NOT EXISTS (SELECT 1 FROM members_with_id i WHERE i.group_seq = members.group_seq AND i.member_seq = members.member_seq)",
            &[V::I(g.large)],
        );
        db.settle();

        let large = g.large;
        let (mut c1, mut c2, mut c3) = (self.open(place, B), self.open(place, B), self.open(place, B));
        let all = vec![
            candidate("seq alone", move || {
                c1.ints(
                    "SELECT member_seq FROM members WHERE group_seq = ? ORDER BY member_seq LIMIT 100000",
                    &[V::I(large)],
                );
                1
            }),
            candidate("joined to resources for the id", move || {
                c2.texts(
                    "SELECT r.id FROM members m JOIN resources r ON r.seq = m.member_seq WHERE m.group_seq = ? ORDER BY m.member_seq LIMIT 100000",
                    &[V::I(large)],
                );
                1
            }),
            candidate("id kept in the member's row", move || {
                c3.texts(
                    "SELECT member_id FROM members_with_id WHERE group_seq = ? ORDER BY member_seq LIMIT 100000",
                    &[V::I(large)],
                );
                1
            }),
        ];
        report.compare(place, self.engine, &format!("read {} members", g.large_size), all);

        let group = g.middle;
        let before: Vec<String> = member_ids(&mut db, group).into_iter().map(|(_, id)| id).collect();
        let mut other = before.clone();
        let strangers = db.texts(
            "SELECT id FROM resources r WHERE account = ? AND resource_type = 1 AND NOT EXISTS (SELECT 1 FROM members m WHERE m.group_seq = ? AND m.member_seq = r.seq) ORDER BY seq LIMIT 10",
            &[V::I(BIG), V::I(group)],
        );
        let step = other.len() / 10;
        for (i, id) in strangers.into_iter().enumerate() {
            other[i * step] = id;
        }
        let size = before.len();
        let lists = [before, other];
        let (mut c1, mut c2) = (self.open(place, B), self.open(place, B));
        let turn = Cell::new(0);
        let (turn, lists) = (&turn, &lists);
        let next = move || {
            turn.set(turn.get() + 1);
            &lists[turn.get() % 2]
        };
        let all = vec![
            candidate("as a difference", move || {
                let (added, removed) = replace_by_difference(&mut c1, group, next());
                assert!(added == removed && (added == 10 || added == 0), "{added} {removed}");
                1
            }),
            candidate("delete all, insert all", move || {
                replace_all(&mut c2, group, next());
                1
            }),
        ];
        report.compare(place, self.engine, &format!("replace 10 of {size} members"), all);
    }

    pub fn reads(&self, place: &Place, report: &Report) {
        let one = |name: &str, begin: Option<&'static str>| {
            let mut db = self.open(place, B);
            let mut pick = Picker(4);
            candidate(name, move || {
                if let Some(begin) = begin {
                    db.batch(begin);
                }
                let digest = format!("{:064x}", data::mix(pick.below(100)));
                let found = db.ints(
                    "SELECT c.account FROM tokens t JOIN grants g ON g.seq = t.grant_seq JOIN clients c ON c.seq = g.client WHERE t.digest = ? AND t.expires > ? AND c.enabled = ?",
                    &[V::T(&digest), V::I(0), V::B(true)],
                );
                assert_eq!(found.len(), 1);
                let i = pick.below(self.rows(B));
                let got = db.texts(
                    "SELECT document FROM resources WHERE account = ? AND id = ?",
                    &[V::I(data::account_of(i)), V::T(&data::id_of(i))],
                );
                assert_eq!(got.len(), 1);
                if begin.is_some() {
                    db.commit();
                }
                1
            })
        };
        let mut all = vec![one("two statements, autocommit", None), one("BEGIN, both, COMMIT", Some("BEGIN"))];
        if self.engine == Engine::Postgres {
            all.push(one(
                "BEGIN REPEATABLE READ READ ONLY, both, COMMIT",
                Some("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
            ));
        }
        report.compare(place, self.engine, "token by a join of three tables, resource by id", all);
    }
}

/// The least text that is greater than every text that starts with `prefix` (ASCII).
fn after(prefix: &str) -> String {
    let mut bytes = prefix.as_bytes().to_vec();
    *bytes.last_mut().unwrap() += 1;
    String::from_utf8(bytes).unwrap()
}

fn page(db: &mut Db, sql: &str, values: &[V]) -> usize {
    assert_eq!(db.texts(sql, values).len(), 100, "{sql}");
    1
}

/// Item `depth` + 1 and the 99 after it: sum whole blocks, then walk inside one.
fn by_blocks(db: &mut Db, account: i64, depth: i64) -> Vec<String> {
    let blocks = db.int_pairs(
        "SELECT block, count FROM block_counts WHERE account = ? AND resource_type = 1 ORDER BY block",
        &[V::I(account)],
    );
    let (mut before, mut from) = (0, 0);
    for (block, count) in blocks {
        from = block << 10;
        if before + count > depth {
            break;
        }
        before += count;
    }
    db.texts(
        "SELECT document FROM resources WHERE account = ? AND resource_type = 1 AND seq >= ? ORDER BY seq LIMIT 100 OFFSET ?",
        &[V::I(account), V::I(from), V::I(depth - before)],
    )
}

/// Every document of an account through `matches`, a thousand at a time so that memory stays flat.
fn scan_account(db: &mut Db, account: i64, matches: fn(&str) -> bool) -> usize {
    let (mut last, mut found) = (0, 0);
    loop {
        let rows = db.int_texts(
            "SELECT seq, document FROM resources WHERE account = ? AND resource_type = 1 AND seq > ? ORDER BY seq LIMIT 1000",
            &[V::I(account), V::I(last)],
        );
        let Some((seq, _)) = rows.last() else { return found };
        last = *seq;
        found += rows.iter().filter(|(_, d)| matches(d)).count();
    }
}

fn role_by_value(document: &str) -> bool {
    let v: Value = serde_json::from_str(document).unwrap();
    v["roles"].as_array().is_some_and(|roles| roles.iter().any(|r| r["value"] == "admin"))
}

fn role_by_type(document: &str) -> bool {
    #[derive(Deserialize)]
    struct Roles<'a> {
        #[serde(borrow, default)]
        roles: Vec<Role<'a>>,
    }
    #[derive(Deserialize)]
    struct Role<'a> {
        value: &'a str,
    }
    serde_json::from_str::<Roles>(document).unwrap().roles.iter().any(|r| r.value == "admin")
}

fn member_ids(db: &mut Db, group: i64) -> Vec<(i64, String)> {
    db.int_texts(
        "SELECT r.seq, r.id FROM members m JOIN resources r ON r.seq = m.member_seq WHERE m.group_seq = ?",
        &[V::I(group)],
    )
}

fn replace_by_difference(db: &mut Db, group: i64, wanted: &[String]) -> (usize, usize) {
    db.begin();
    let now = member_ids(db, group);
    let mut leaving: HashMap<&str, i64> = now.iter().map(|(seq, id)| (id.as_str(), *seq)).collect();
    let joining: Vec<&str> = wanted.iter().map(String::as_str).filter(|id| leaving.remove(id).is_none()).collect();
    for id in &joining {
        let seq = db.int("SELECT seq FROM resources WHERE account = ? AND id = ?", &[V::I(BIG), V::T(id)]);
        db.run("INSERT INTO members VALUES (?, ?) ON CONFLICT DO NOTHING", &[V::I(group), V::I(seq)]);
    }
    for seq in leaving.values() {
        db.run("DELETE FROM members WHERE group_seq = ? AND member_seq = ?", &[V::I(group), V::I(*seq)]);
    }
    touch(db, group);
    db.commit();
    (joining.len(), leaving.len())
}

fn replace_all(db: &mut Db, group: i64, wanted: &[String]) {
    db.begin();
    db.run("DELETE FROM members WHERE group_seq = ?", &[V::I(group)]);
    for ids in wanted.chunks(500) {
        let sql = format!(
            "INSERT INTO members SELECT ?, seq FROM resources WHERE account = ? AND id IN ({})",
            vec!["?"; ids.len()].join(", ")
        );
        let mut values = vec![V::I(group), V::I(BIG)];
        values.extend(ids.iter().map(|id| V::T(id)));
        db.run(&sql, &values);
    }
    touch(db, group);
    db.commit();
}

fn touch(db: &mut Db, group: i64) {
    db.run("UPDATE resources SET version = version + 1, last_modified = ? WHERE seq = ?", &[V::I(1), V::I(group)]);
}

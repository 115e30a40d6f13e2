//! How many there are, and what knowing it costs those who create.

use std::thread;
use std::time::Instant;

use super::World;
use crate::data::{self, BIG, MIDDLE};
use crate::db::{Db, Engine, Place, Round, V};
use crate::layouts::{self, B, Count};
use crate::report::{Report, candidate};

impl World {
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
}

//! Two reads that belong together.

use super::World;
use crate::data::{self, Picker};
use crate::db::{Engine, Place, V};
use crate::layouts::B;
use crate::report::{Report, candidate};

impl World {
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

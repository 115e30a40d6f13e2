//! Creates, and changes of what is indexed.

use super::World;
use crate::data::{self, ACTIVE, Picker};
use crate::db::{Engine, Place, V};
use crate::layouts::{self, A, B, B5, C};
use crate::report::{Report, candidate};

impl World {
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
}

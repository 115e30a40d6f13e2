//! Members of groups.

use std::cell::Cell;
use std::collections::HashMap;

use super::World;
use crate::data::{BIG, Picker};
use crate::db::{Db, Engine, Place, V};
use crate::layouts::B;
use crate::report::{Report, candidate};

impl World {
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

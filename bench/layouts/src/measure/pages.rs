//! Pages of a list.

use super::World;
use crate::data::{BIG, MIDDLE};
use crate::db::{Db, Place, V};
use crate::layouts::B;
use crate::report::{Report, candidate};

impl World {
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
}

pub(super) fn page(db: &mut Db, sql: &str, values: &[V]) -> usize {
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

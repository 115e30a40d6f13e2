//! Look-ups by the key of an attribute, and by what has none.

use serde::Deserialize;
use serde_json::Value;

use super::World;
use super::pages::page;
use crate::data::{self, ACTIVE, BIG, DISPLAY_NAME, EXTERNAL_ID, MIDDLE, Picker, ROLE, USER_NAME};
use crate::db::{Db, Place, V};
use crate::layouts::{A, B, B5, C, Layout};
use crate::report::{Candidate, Report, candidate};

const KEYED: &str = "SELECT r.document FROM attribute_values v JOIN resources r ON r.seq = v.resource WHERE v.account = ? AND v.attribute = ? AND v.key = ?";

impl World {
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

/// The least text that is greater than every text that starts with `prefix` (ASCII).
fn after(prefix: &str) -> String {
    let mut bytes = prefix.as_bytes().to_vec();
    *bytes.last_mut().unwrap() += 1;
    String::from_utf8(bytes).unwrap()
}

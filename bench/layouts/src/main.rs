//! How should resources be stored? Three layouts, two databases, the questions a SCIM server is asked.
//! Answers are in docs/decisions/0001-how-are-resources-stored.md; `run` starts everything this needs.
#![allow(clippy::disallowed_methods)] // a program for the desk: its settings are its environment
mod data;
mod db;
mod keys;
mod layouts;
mod measure;
mod report;

use data::ACTIVE;
use db::{Engine, Place, V};
use layouts::{A, B, B5, C, Loaded};
use report::{Report, time};

fn main() {
    let place = Place::from_env();
    let report = Report::from_env();
    let number = |n: &str, or: usize| std::env::var(n).ok().and_then(|v| v.parse().ok()).unwrap_or(or);
    let rows = number("ROWS", 1_000_000);
    let limit = number("LOAD_SECS", 150) as f64;
    if place.pg_url.is_none() {
        println!("PostgreSQL: not found, left out.");
    }
    println!("{rows} users asked for; accounts hold 89.6 %, 10 %, and 8 times 0.05 % of them.");

    println!(
        "\n## Load\n\n| layout | database | users | wall | CPU | users/s | MiB | bytes a user |\n|---|---|--:|--:|--:|--:|--:|--:|"
    );
    let mut worlds = Vec::new();
    for engine in place.engines() {
        let mut counts = Vec::new();
        for layout in [A, B, C] {
            let limit = if layout == B { f64::INFINITY } else { limit }; // the favoured one is loaded whole
            let mut l = layouts::load(&place, engine, layout, rows, limit);
            line(layout.name(), engine, &l);
            counts.push(l.rows);
            if layout == B {
                let mut db = place.open(engine, B.database());
                let groups = layouts::furnish(&mut db, l.rows);
                let before = db.mib();
                db.run(
                    &format!(
                        "INSERT INTO attribute_values SELECT account, ?, CASE WHEN active THEN 'true' ELSE 'false' END, seq, {}
                         FROM resources WHERE resource_type = 1 ORDER BY 1, 3, 4",
                        if engine == Engine::Sqlite { "0" } else { "false" }
                    ),
                    &[V::I(data::attribute(ACTIVE))],
                );
                db.settle();
                l.mib += db.mib() - before;
                println!(
                    "| {} | {} | {} | | | | {:.0} | {:.0} |",
                    B5.name(),
                    engine.name(),
                    l.rows,
                    l.mib,
                    l.mib * 1048576.0 / l.rows as f64
                );
                worlds.push(measure::World { engine, groups, rows: [0; 3], next: std::cell::Cell::new(rows * 3) });
            }
        }
        worlds.last_mut().unwrap().rows = [counts[0], counts[1], counts[2]];
    }

    type Section = fn(&measure::World, &Place, &Report);
    let sections: [(&str, &str, Section); 7] = [
        ("1. Creates", "create", measure::World::creates),
        ("2. Queries", "query", measure::World::queries),
        ("3. Pages", "page of 100", measure::World::pages),
        ("4. Counters", "work", measure::World::counters),
        ("5. Members", "work", measure::World::members),
        ("6. A transaction around two reads", "work", measure::World::reads),
        ("7. The key table by itself", "work", |w, place, report| {
            keys::measure(place, report, w.engine, w.rows[1] / 5)
        }),
    ];
    let wanted = std::env::var("SECTIONS").unwrap_or("1234567".into());
    for (title, first, measure) in sections.into_iter().filter(|(title, ..)| wanted.contains(&title[..1])) {
        report.section(title, first);
        for world in &worlds {
            place.warm();
            measure(world, &place, &report);
        }
    }
}

fn line(name: &str, engine: Engine, l: &Loaded) {
    println!(
        "| {name} | {} | {} | {} | {} | {:.0} | {:.0} | {:.0} |",
        engine.name(),
        l.rows,
        time(l.wall),
        time(l.cpu),
        l.rows as f64 / l.wall,
        l.mib,
        l.mib * 1048576.0 / l.rows as f64
    );
}

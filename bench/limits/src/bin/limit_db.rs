//! Durable inserts and point reads without HTTP. One line of JSON for each measure.
//!
//!     limit_db --sqlite DIRECTORY [--rows N] [--secs S]
//!     limit_db --postgres URL     [--rows N] [--secs S] [--pid POSTMASTER]

use std::sync::OnceLock;
use std::time::Instant;

use diesel::prelude::*;
use limits::{create_table, id_of, name_of, sqlite_open, user, users};
use loadgen::{Args, Rng};

/// External ids of rows that measure inserts lie above those that are read.
const READ_BELOW: &str = "00u00000000100000000";

/// Whose processor time counts: ours, and with `--pid` the database server's.
static PIDS: OnceLock<Vec<i32>> = OnceLock::new();

fn cpu_seconds() -> f64 {
    loadgen::process::cpu_seconds(PIDS.get().map_or(&[], Vec::as_slice))
}

fn line(name: &str, ops: usize, secs: f64, cpu: f64) {
    let us = |secs: f64| (secs * 1e7 / ops.max(1) as f64).round() / 10.0;
    let per_s = (ops as f64 / secs).round();
    println!("{}", serde_json::json!({"limit": name, "ops": ops, "per_s": per_s, "us": us(secs), "cpu_us": us(cpu)}));
}

/// Does `op` for so long; each counts as `step`.
fn timed(name: &str, secs: f64, step: usize, mut op: impl FnMut(usize)) {
    let (begun, cpu_before) = (Instant::now(), cpu_seconds());
    let mut done = 0;
    while begun.elapsed().as_secs_f64() < secs {
        op(done);
        done += step;
    }
    line(name, done, begun.elapsed().as_secs_f64(), cpu_seconds() - cpu_before);
}

fn main() {
    let args = Args::parse();
    PIDS.get_or_init(|| args.pids().into_iter().chain([std::process::id() as i32]).collect());
    let (rows, secs) = (args.num("rows", 10_000usize), args.num("secs", 3.0));
    match (args.opt("sqlite"), args.opt("postgres")) {
        (Some(directory), None) => sqlite(directory, rows, secs),
        (None, Some(url)) => postgres(url, rows, secs),
        _ => panic!("either --sqlite DIRECTORY or --postgres URL"),
    }
}

fn sqlite(directory: &str, rows: usize, secs: f64) {
    // Read in WAL as the product reads; filled without waiting for the disk.
    let mut conn = sqlite_open(&format!("{directory}/read.db"), "NORMAL");
    let have: i64 = users::table.count().get_result(&mut conn).expect("the rows can be counted");
    let begun = Instant::now();
    for from in (have as usize..rows).step_by(10_000) {
        conn.transaction(|conn| {
            (from..(from + 10_000).min(rows))
                .try_for_each(|i| diesel::insert_into(users::table).values(&user(i)).execute(conn).map(drop))
        })
        .expect("rows can be inserted");
    }
    if (have as usize) < rows {
        line("sqlite_bulk_load_10000_a_commit", rows, begun.elapsed().as_secs_f64(), 0.0);
    }
    let mut rng = Rng(12_345);
    timed("sqlite_read_by_id", secs, 1, |_| {
        let row = users::table.filter(users::id.eq(id_of(rng.below(rows)))).select(users::body);
        row.first::<String>(&mut conn).expect("the row is there");
    });
    timed("sqlite_read_by_name", secs, 1, |_| {
        let row = users::table.filter(users::user_name_ci.eq(name_of(rng.below(rows)))).select(users::body);
        row.first::<String>(&mut conn).expect("the row is there");
    });
    timed("sqlite_page_100_by_key", secs, 1, |_| {
        let from = id_of(rng.below(rows));
        let page = users::table.filter(users::id.ge(from)).order(users::id).limit(100).select(users::body);
        assert!(!page.load::<String>(&mut conn).expect("a page can be read").is_empty());
    });
    timed("sqlite_page_100_by_offset_last", secs, 1, |_| {
        let page = users::table.order(users::id).offset(rows as i64 - 100).limit(100).select(users::body);
        assert!(!page.load::<String>(&mut conn).expect("a page can be read").is_empty());
    });
    timed("sqlite_count", secs, 1, |_| {
        users::table.count().get_result::<i64>(&mut conn).expect("the rows can be counted");
    });
    for group in [1, 8, 32] {
        let path = format!("{directory}/write-{group}.db");
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{path}{suffix}"));
        }
        let mut conn = sqlite_open(&path, "FULL");
        timed(&format!("sqlite_insert_full_{group}_a_commit"), secs, group, |done| {
            conn.transaction(|conn| {
                (0..group)
                    .try_for_each(|i| diesel::insert_into(users::table).values(&user(done + i)).execute(conn).map(drop))
            })
            .expect("rows can be inserted");
        });
    }
}

fn postgres(url: &str, rows: usize, secs: f64) {
    let mut conn = PgConnection::establish(url).expect("PostgreSQL answers");
    create_table(&mut conn);
    let have: i64 = users::table
        .filter(users::external_id.lt(READ_BELOW))
        .count()
        .get_result(&mut conn)
        .expect("the rows can be counted");
    for from in (have as usize..rows).step_by(1000) {
        let some: Vec<_> = (from..(from + 1000).min(rows)).map(user).collect();
        diesel::insert_into(users::table).values(&some).execute(&mut conn).expect("rows can be inserted");
    }
    diesel::sql_query("ANALYZE users").execute(&mut conn).expect("ANALYZE works");
    let mut rng = Rng(12_345);
    timed("postgres_read_by_id", secs, 1, |_| {
        let row = users::table.filter(users::id.eq(id_of(rng.below(rows)))).select(users::body);
        row.first::<String>(&mut conn).expect("the row is there");
    });
    timed("postgres_read_by_name", secs, 1, |_| {
        let row = users::table.filter(users::user_name_ci.eq(name_of(rng.below(rows)))).select(users::body);
        row.first::<String>(&mut conn).expect("the row is there");
    });
    timed("postgres_page_100_by_key", secs, 1, |_| {
        let from = id_of(rng.below(rows));
        let page = users::table.filter(users::id.ge(from)).order(users::id).limit(100).select(users::body);
        assert!(!page.load::<String>(&mut conn).expect("a page can be read").is_empty());
    });
    let first = 1_000_000_000;
    timed("postgres_insert_1_connection", secs, 1, |done| {
        diesel::insert_into(users::table)
            .values(&user(first + done))
            .execute(&mut conn)
            .expect("a row can be inserted");
    });
    for connections in [8, 32] {
        let (begun, cpu_before) = (Instant::now(), cpu_seconds());
        let workers: Vec<_> = (0..connections)
            .map(|worker| {
                let mut conn = PgConnection::establish(url).expect("PostgreSQL answers");
                let first = first + (connections * 100 + worker) * 10_000_000;
                std::thread::spawn(move || {
                    let mut done = 0;
                    while begun.elapsed().as_secs_f64() < secs {
                        let row = user(first + done);
                        diesel::insert_into(users::table)
                            .values(&row)
                            .execute(&mut conn)
                            .expect("a row can be inserted");
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        let done = workers.into_iter().map(|worker| worker.join().expect("the worker ends")).sum();
        line(
            &format!("postgres_insert_{connections}_connections"),
            done,
            begun.elapsed().as_secs_f64(),
            cpu_seconds() - cpu_before,
        );
    }
    let inserted = users::table.filter(users::external_id.ge(READ_BELOW));
    diesel::delete(inserted).execute(&mut conn).expect("the rows can be deleted");
}

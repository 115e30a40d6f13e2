//! Any number of processes start at once on one new database.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::support::concurrently::all;
use crate::support::directories;
use crate::support::environment::in_ci;
use crate::support::http::{self, Call};
use crate::support::postgres;
use crate::support::process::{self, Process};
use crate::support::story::run;
use crate::support::testing;

const PROCESSES: usize = 6;
const ROUNDS: usize = 4;

/// All become ready, with the same keys.
async fn start_together(directory: &Path, environment: impl Fn(u16) -> Vec<(&'static str, String)>) {
    let start = |port| {
        let environment = environment(port);
        async move { Process::start(directory, port, &environment).await }
    };
    let started = all((0..PROCESSES).map(|_| start(process::free_port())).collect()).await;
    let running: Vec<Process> = started.into_iter().map(|one| one.unwrap_or_else(|why| panic!("{why}"))).collect();
    let keys = |process: &Process| {
        let url = format!("{}/.well-known/jwks.json", process.address);
        async move { Call::new(http::client(), Method::GET, url).await.expect(200).json() }
    };
    let keys: Vec<Value> = all(running.iter().map(keys).collect()).await;
    assert!(keys.iter().all(|other| *other == keys[0]), "one installation has one set of keys");
}

#[test]
fn hardening_11_processes_that_start_together_all_start_on_sqlite() {
    run(async {
        for round in 0..ROUNDS {
            let directory = directories::subdirectory("together");
            let url = format!("sqlite:{}", directory.join("gateway.db").display());
            // In the first round they make the master key too.
            let given = |port| match round {
                0 => Vec::new(),
                _ => testing::environment(&url, &directory, port),
            };
            start_together(&directory, given).await;
        }
    });
}

#[test]
fn hardening_11_processes_that_start_together_all_start_on_postgres() {
    match postgres::server() {
        Ok(server) => run(async {
            for _ in 0..ROUNDS {
                let (database, directory) = (server.database(None), directories::subdirectory("together"));
                start_together(&directory, |port| testing::environment(&database.url(), &directory, port)).await;
            }
        }),
        Err(why) if in_ci() => panic!("CI is set, so PostgreSQL has to be tested: {why}"),
        Err(why) => println!("skipped: {why}"),
    }
}

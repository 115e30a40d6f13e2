//! One user at a time: creating, finding, switching off and on; and pages of a hundred.

use std::rc::Rc;

use loadgen::text::percent_encoded;
use loadgen::{Limits, Outcome, Rng, closed_loop, report};
use serde_json::json;

use crate::Bench;
use crate::service::{FIRST, Known, append_state, id_of, load_state, total_results, user_name};
use crate::shared;

/// Which of the accounts the n-th user goes to: the first has twice as many as each of the others.
fn shared_out(n: usize, accounts: usize) -> usize {
    n % (accounts + 1) % accounts
}

/// Creates users on `conc` connections until there are `first + n`, or the time is over; in so many of the accounts.
async fn create_many(
    bench: &Bench,
    conc: usize,
    limits: Limits,
    first: usize,
    accounts: usize,
) -> (Outcome, Vec<Known>) {
    let made = shared(Vec::new());
    let (service, out) = (bench.service.clone(), made.clone());
    let outcome = closed_loop(conc, limits, &bench.pids, move |worker, ordinal| {
        let (service, made) = (service.clone(), out.clone());
        async move {
            let n = first + ordinal;
            let (name, account) = (user_name(n), shared_out(n, accounts));
            let answer =
                service.call((worker, account), "POST", "/Users", &service.user_body(&name, n), &[201]).await?;
            made.borrow_mut().push(Known { name, id: id_of(&answer.body)?, account });
            Ok(answer.body.len())
        }
    })
    .await;
    let made = made.take();
    (outcome, made)
}

/// Fills up to `--n` users in all, in portions, so that a long load says how far it is.
pub async fn seed(bench: &Bench) {
    let wanted: usize = bench.args.num("n", 1000);
    let portion: usize = bench.args.num("portion", 100_000);
    let mut have = load_state(&bench.state).len();
    while have < wanted {
        let limits = Limits { max_ops: portion.min(wanted - have), secs: bench.args.num("secs", 3600.0) };
        let (mut outcome, made) =
            create_many(bench, bench.concurrencies[0], limits, have, bench.service.accounts()).await;
        append_state(&bench.state, &made);
        report("seed", bench.concurrencies[0], 0, &mut outcome, &bench.pids, json!({"had": have, "wanted": wanted}));
        have += made.len();
        if made.is_empty() || outcome.tally.errors > 0 {
            return;
        }
    }
}

pub async fn create(bench: &Bench) {
    for run in 1..=bench.runs {
        for &conc in &bench.concurrencies {
            let had = load_state(&bench.state).len();
            let limits = Limits { max_ops: bench.args.num("n", usize::MAX), secs: bench.secs };
            let (mut outcome, made) = create_many(bench, conc, limits, had, 1).await;
            append_state(&bench.state, &made);
            report("create", conc, run, &mut outcome, &bench.pids, json!({"had": had}));
        }
    }
}

/// Reads that pick a known user by chance, or a page of a hundred at the start or at the end.
pub async fn read(bench: &Bench, scenario: &str) {
    let known = Rc::new(load_state(&bench.state));
    assert!(!known.is_empty(), "no users in the state file: run seed first");
    let first_page = bench.service.get((0, FIRST), "/Users?startIndex=1&count=100").await;
    let total = first_page.map(|body| total_results(&body)).unwrap_or_else(|error| panic!("no first page: {error}"));
    let page_at = if scenario == "page_last" { total.saturating_sub(99).max(1) } else { 1 };
    for run in 1..=bench.runs {
        for &conc in &bench.concurrencies {
            let rng = shared(Rng(0x9E37_79B9_7F4A_7C15 ^ run as u64));
            let (service, among, scenario) = (bench.service.clone(), known.clone(), Rc::new(scenario.to_string()));
            let limits = Limits { max_ops: bench.args.num("ops", usize::MAX), secs: bench.secs };
            let name = scenario.clone();
            let mut outcome = closed_loop(conc, limits, &bench.pids, move |worker, _| {
                let (service, among, scenario) = (service.clone(), among.clone(), scenario.clone());
                let pick = rng.borrow_mut().below(among.len());
                async move {
                    let user = &among[pick];
                    match scenario.as_str() {
                        "get" => {
                            let path = format!("/Users/{}", percent_encoded(&user.id));
                            Ok(service.get((worker, user.account), &path).await?.len())
                        }
                        "filter" => {
                            let filter = format!("/Users?filter=userName%20eq%20%22{}%22", percent_encoded(&user.name));
                            let body = service.get((worker, user.account), &filter).await?;
                            match total_results(&body) {
                                1 => Ok(body.len()),
                                n => Err(format!("totalResults is {n} for a userName that one user has")),
                            }
                        }
                        _ => {
                            let path = format!("/Users?startIndex={page_at}&count=100");
                            Ok(service.get((worker, FIRST), &path).await?.len())
                        }
                    }
                }
            })
            .await;
            let extra = json!({"known": known.len(), "total": total, "start_index": page_at});
            report(&name, conc, run, &mut outcome, &bench.pids, extra);
        }
    }
}

/// Each request turns one user off, or on again when it was off: every one of them changes something.
pub async fn deactivate(bench: &Bench) {
    let known = Rc::new(load_state(&bench.state));
    assert!(!known.is_empty(), "no users in the state file: run seed first");
    let active = shared(vec![true; known.len()]);
    let next = shared(0usize);
    for run in 1..=bench.runs {
        for &conc in &bench.concurrencies {
            let (service, users, active, next) = (bench.service.clone(), known.clone(), active.clone(), next.clone());
            let limits = Limits { max_ops: bench.args.num("ops", usize::MAX), secs: bench.secs };
            let mut outcome = closed_loop(conc, limits, &bench.pids, move |worker, _| {
                let (service, users, active) = (service.clone(), users.clone(), active.clone());
                let at = next.replace_with(|n| *n + 1) % users.len();
                async move {
                    let change = !active.borrow()[at];
                    let path = format!("/Users/{}", percent_encoded(&users[at].id));
                    let operation = json!({"op": "replace", "value": {"active": change}});
                    let bytes = service.patch((worker, users[at].account), &path, operation).await?;
                    active.borrow_mut()[at] = change;
                    Ok(bytes)
                }
            })
            .await;
            report("deactivate", conc, run, &mut outcome, &bench.pids, json!({"known": known.len()}));
        }
    }
    // Who comes next finds everyone active.
    let off: Vec<usize> = (0..known.len()).filter(|at| !active.borrow()[*at]).collect();
    let (service, users, limits) = (bench.service.clone(), known.clone(), Limits { max_ops: off.len(), secs: 600.0 });
    let outcome = closed_loop(bench.concurrencies[0], limits, &bench.pids, move |worker, ordinal| {
        let (service, users, at) = (service.clone(), users.clone(), off[ordinal]);
        async move {
            let path = format!("/Users/{}", percent_encoded(&users[at].id));
            let operation = json!({"op": "replace", "value": {"active": true}});
            service.patch((worker, users[at].account), &path, operation).await
        }
    })
    .await;
    if outcome.tally.errors > 0 {
        println!(
            "{}",
            json!({"scenario": "deactivate", "errors": outcome.tally.errors, "first_error": outcome.tally.first_error})
        );
    }
}

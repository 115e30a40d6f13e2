//! Groups: one member more, in groups of any size; and a large group sent whole with a few members changed.

use std::rc::Rc;
use std::time::Instant;

use loadgen::process::cpu_seconds;
use loadgen::text::percent_encoded;
use loadgen::{Limits, closed_loop, report};
use serde_json::{Value, json};

use crate::Bench;
use crate::service::{FIRST, Known, id_of, load_state, of_the_first};
use crate::shared;

/// As many members as one request brings while a group is built.
const CHUNK: usize = 1000;

fn references(users: &[Known]) -> Vec<Value> {
    users.iter().map(|user| json!({"value": user.id, "display": user.name})).collect()
}

fn group_body(name: &str, users: &[Known]) -> Vec<u8> {
    let schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
    json!({"schemas": schemas, "displayName": name, "members": references(users)}).to_string().into_bytes()
}

fn path_of(id: &str) -> String {
    format!("/Groups/{}", percent_encoded(id))
}

/// Makes a group of these users: the first thousand with it, the others by PATCH.
async fn build(bench: &Bench, name: &str, users: &[Known]) -> Result<String, String> {
    let (first, rest) = users.split_at(users.len().min(CHUNK));
    let made = bench.service.call((0, FIRST), "POST", "/Groups", &group_body(name, first), &[201]).await?;
    let id = id_of(&made.body)?;
    for chunk in rest.chunks(CHUNK) {
        bench
            .service
            .patch((0, FIRST), &path_of(&id), json!({"op": "add", "path": "members", "value": references(chunk)}))
            .await?;
    }
    Ok(id)
}

async fn member_count(bench: &Bench, id: &str) -> Result<usize, String> {
    let body = bench.service.get((0, FIRST), &path_of(id)).await?;
    let group: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
    Ok(group["members"].as_array().map_or(0, Vec::len))
}

async fn delete(bench: &Bench, id: &str) {
    if let Err(error) = bench.service.call((0, FIRST), "DELETE", &path_of(id), b"", &[204]).await {
        eprintln!("deleting the group: {error}");
    }
}

fn failed(scenario: &str, members: usize, run: usize, error: &str) {
    println!("{}", json!({"scenario": scenario, "members": members, "run": run, "errors": 1, "first_error": error}));
}

/// Each request adds one user to a group of about `--members` that does not have them yet.
pub async fn add(bench: &Bench) {
    let known = Rc::new(of_the_first(load_state(&bench.state)));
    let wanted: usize = bench.args.num("members", 1000);
    // Enough requests to measure, and few enough that the groups keep their size.
    let (groups, adds) = match wanted {
        0..=99 => (400, wanted.clamp(1, 10)),
        100..=1999 => (20, 200),
        _ => (1, 4000),
    };
    let adds = adds.min(known.len() / 3);
    let members = wanted.min(known.len() - adds);
    for run in 1..=bench.runs {
        for &conc in &bench.concurrencies {
            let (begun, cpu_before) = (Instant::now(), cpu_seconds(&bench.pids));
            let mut ids = Vec::new();
            for n in 0..groups {
                let name = format!("group-{members}-{run}-{conc}-{n}-{}", std::process::id());
                match build(bench, &name, &known[..members]).await {
                    Ok(id) => ids.push(id),
                    Err(error) => return failed("group_add", wanted, run, &error),
                }
            }
            let (build_s, build_cpu_s) = (begun.elapsed().as_secs_f64(), cpu_seconds(&bench.pids) - cpu_before);
            let (service, users, targets) = (bench.service.clone(), known.clone(), Rc::new(ids.clone()));
            let limits = Limits { max_ops: groups * adds, secs: bench.secs };
            let to_first = shared(0);
            let counted = to_first.clone();
            let mut outcome = closed_loop(conc, limits, &bench.pids, move |worker, ordinal| {
                let (service, users, targets, to_first) =
                    (service.clone(), users.clone(), targets.clone(), counted.clone());
                async move {
                    let (group, round) = (ordinal % targets.len(), ordinal / targets.len());
                    let member = references(&users[users.len() - 1 - round..users.len() - round]);
                    let operation = json!({"op": "add", "path": "members", "value": member});
                    let bytes = service.patch((worker, FIRST), &path_of(&targets[group]), operation).await?;
                    if group == 0 {
                        *to_first.borrow_mut() += 1;
                    }
                    Ok(bytes)
                }
            })
            .await;
            // Did the adds add?
            let expected = members + to_first.take();
            match member_count(bench, &ids[0]).await {
                Ok(n) if n == expected => {}
                Ok(n) => {
                    return failed(
                        "group_add",
                        wanted,
                        run,
                        &format!("{n} members where {expected} were acknowledged"),
                    );
                }
                Err(error) => return failed("group_add", wanted, run, &error),
            }
            let extra = json!({"members": members, "groups": groups, "build_s": build_s, "build_cpu_s": build_cpu_s});
            report("group_add", conc, run, &mut outcome, &bench.pids, extra);
            for id in &ids {
                delete(bench, id).await;
            }
        }
    }
}

/// One group of `--members`, sent whole by PUT again and again, each time with ten members out and ten others in.
pub async fn put(bench: &Bench) {
    const CHANGED: usize = 10;
    let known = Rc::new(of_the_first(load_state(&bench.state)));
    let wanted: usize = bench.args.num("members", 20_000);
    let members = wanted.min(known.len().saturating_sub(CHANGED));
    assert!(members > CHANGED, "too few users in the state file: run seed first");
    let name = format!("whole-{members}-{}", std::process::id());
    let id = match build(bench, &name, &known[..members]).await {
        Ok(id) => id,
        Err(error) => return failed("group_put", wanted, 0, &error),
    };
    // Two versions that differ in ten members; sent in turn.
    let bodies = Rc::new([group_body(&name, &known[..members]), group_body(&name, &known[CHANGED..members + CHANGED])]);
    let bytes_sent = bodies[0].len();
    let turn = shared(0usize);
    for run in 1..=bench.runs {
        let (service, bodies, turn, path) =
            (bench.service.clone(), bodies.clone(), turn.clone(), Rc::new(path_of(&id)));
        let limits = Limits { max_ops: bench.args.num("ops", 40), secs: bench.secs };
        let mut outcome = closed_loop(1, limits, &bench.pids, move |worker, _| {
            let (service, bodies, path) = (service.clone(), bodies.clone(), path.clone());
            let body = turn.replace_with(|n| *n + 1) + 1;
            async move {
                // What is asked is the change, not to have the members back.
                let path = format!("{path}?excludedAttributes=members");
                Ok(service.call((worker, FIRST), "PUT", &path, &bodies[body % 2], &[200, 204]).await?.body.len())
            }
        })
        .await;
        report("group_put", 1, run, &mut outcome, &bench.pids, json!({"members": members, "bytes_sent": bytes_sent}));
    }
    match member_count(bench, &id).await {
        Ok(n) if n == members => {}
        Ok(n) => failed("group_put", wanted, 0, &format!("{n} members where {members} were acknowledged")),
        Err(error) => failed("group_put", wanted, 0, &error),
    }
    delete(bench, &id).await;
}

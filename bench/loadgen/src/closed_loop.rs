//! The closed loop, and the line that says how it went.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{cpu_seconds, memory_mib};

/// xorshift; deterministic, so that every system sees the same sequence.
pub struct Rng(pub u64);

impl Rng {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

/// When a loop ends: at whichever comes first.
pub struct Limits {
    pub max_ops: usize,
    pub secs: f64,
}

#[derive(Default)]
pub struct Tally {
    pub latencies_us: Vec<u32>,
    pub errors: u64,
    pub first_error: String,
    pub bytes: u64,
}

pub struct Outcome {
    pub tally: Tally,
    pub wall: f64,
    /// Seconds of processor time of all processes that count, and of the first of them.
    pub cpu: f64,
    pub first_cpu: f64,
}

/// Runs `op(connection, ordinal)` on `conc` connections. It says how many bytes came back, or what went wrong.
pub async fn closed_loop<F, Fut>(conc: usize, limits: Limits, pids: &[i32], op: F) -> Outcome
where
    F: Fn(usize, usize) -> Fut + 'static,
    Fut: Future<Output = Result<usize, String>> + 'static,
{
    let op = Rc::new(op);
    let next = Rc::new(RefCell::new(0usize));
    let tally = Rc::new(RefCell::new(Tally::default()));
    let first = &pids[..pids.len().min(1)];
    let (cpu_before, first_before) = (cpu_seconds(pids), cpu_seconds(first));
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(limits.secs);
    let mut workers = Vec::new();
    for connection in 0..conc {
        let (op, next, tally) = (op.clone(), next.clone(), tally.clone());
        workers.push(tokio::task::spawn_local(async move {
            loop {
                let ordinal = {
                    let mut next = next.borrow_mut();
                    if *next >= limits.max_ops || Instant::now() >= end {
                        break;
                    }
                    *next += 1;
                    *next - 1
                };
                let sent = Instant::now();
                let answer = op(connection, ordinal).await;
                let us = sent.elapsed().as_micros().min(u128::from(u32::MAX)) as u32;
                let mut tally = tally.borrow_mut();
                match answer {
                    Ok(bytes) => {
                        tally.latencies_us.push(us);
                        tally.bytes += bytes as u64;
                    }
                    Err(error) => {
                        tally.errors += 1;
                        if tally.first_error.is_empty() {
                            tally.first_error = error;
                        }
                        if tally.errors > 50 && tally.errors as usize > tally.latencies_us.len() {
                            break;
                        }
                    }
                }
            }
        }));
    }
    for worker in workers {
        let _ = worker.await;
    }
    let wall = begun.elapsed().as_secs_f64();
    let (cpu, first_cpu) = (cpu_seconds(pids) - cpu_before, cpu_seconds(first) - first_before);
    let tally = std::mem::take(&mut *tally.borrow_mut());
    Outcome { tally, wall, cpu, first_cpu }
}

/// Of microseconds in order, in milliseconds.
pub fn percentile_ms(sorted: &[u32], p: f64) -> f64 {
    let at = (sorted.len().saturating_sub(1) as f64 * p).round() as usize;
    sorted.get(at).map_or(0.0, |us| f64::from(*us) / 1000.0)
}

fn rounded(x: f64, digits: i32) -> f64 {
    (x * 10f64.powi(digits)).round() / 10f64.powi(digits)
}

/// Prints one line of JSON, with what is in `extra` beside it.
pub fn report(scenario: &str, conc: usize, run: usize, outcome: &mut Outcome, pids: &[i32], extra: Value) {
    let tally = &mut outcome.tally;
    tally.latencies_us.sort_unstable();
    let latencies = &tally.latencies_us;
    let n = latencies.len();
    // The first is the server; a database beside it has its own budget.
    let (all, own) = memory_mib(&pids[..pids.len().min(1)]);
    let mut line = serde_json::json!({
        "scenario": scenario, "conc": conc, "run": run, "ok": n, "errors": tally.errors,
        "wall_s": rounded(outcome.wall, 3), "rps": rounded(n as f64 / outcome.wall, 1),
        "p50_ms": rounded(percentile_ms(latencies, 0.5), 3), "p99_ms": rounded(percentile_ms(latencies, 0.99), 3),
        "max_ms": rounded(percentile_ms(latencies, 1.0), 3),
        "cpu_s": rounded(outcome.cpu, 2), "cpu_s_per_1000": rounded(outcome.cpu * 1000.0 / n.max(1) as f64, 4),
        "first_cpu_s_per_1000": rounded(outcome.first_cpu * 1000.0 / n.max(1) as f64, 4),
        "pss_mib": rounded(all, 1), "own_mib": rounded(own, 1),
        "bytes_per_resp": tally.bytes / n.max(1) as u64,
    });
    if !tally.first_error.is_empty() {
        line["first_error"] = tally.first_error.chars().take(200).collect::<String>().into();
    }
    for (key, value) in extra.as_object().into_iter().flatten() {
        line[key] = value.clone();
    }
    println!("{line}");
}

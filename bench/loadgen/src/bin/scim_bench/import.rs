//! The whole directory, page by page on one connection, as an identity provider imports it.

use std::time::Instant;

use loadgen::process::{cpu_seconds, memory_mib};
use serde_json::json;

use crate::Bench;
use crate::service::{FIRST, total_results};

pub async fn import(bench: &Bench) {
    let count: usize = bench.args.num("count", 100);
    let cap: f64 = bench.args.num("cap", 120.0);
    let server = &bench.pids[..bench.pids.len().min(1)];
    for run in 1..=bench.runs {
        let (mut at, mut seen, mut bytes) = (1, 0, 0);
        let mut most_memory: f64 = 0.0;
        let mut error = String::new();
        let (begun, cpu_before) = (Instant::now(), cpu_seconds(&bench.pids));
        let mut pages = 0;
        loop {
            let body = match bench.service.get((0, FIRST), &format!("/Users?startIndex={at}&count={count}")).await {
                Ok(body) => body,
                Err(why) => {
                    error = why;
                    break;
                }
            };
            // Counted, not parsed: a page costs the generator little, and the server is what is measured.
            let here = String::from_utf8_lossy(&body).matches("\"userName\"").count();
            (seen, at, bytes, pages) = (seen + here, at + here, bytes + body.len(), pages + 1);
            if pages % 256 == 1 {
                most_memory = most_memory.max(memory_mib(server).1);
            }
            if here == 0 || seen >= total_results(&body) {
                break;
            }
            if begun.elapsed().as_secs_f64() > cap {
                error = format!("not finished after {cap} s");
                break;
            }
        }
        let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds(&bench.pids) - cpu_before);
        let (pss, own) = memory_mib(server);
        let line = json!({"scenario": "import", "conc": 1, "run": run, "ok": seen, "errors": usize::from(!error.is_empty()),
            "page": count, "wall_s": wall, "rps": seen as f64 / wall, "cpu_s": cpu,
            "cpu_s_per_1000": cpu * 1000.0 / seen.max(1) as f64, "pss_mib": pss, "own_mib": own.max(most_memory),
            "bytes": bytes, "first_error": error});
        println!("{line}");
    }
}

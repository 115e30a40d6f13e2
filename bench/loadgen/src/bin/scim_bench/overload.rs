//! More requests than the server can answer: what it still answers, and how soon it says no to the rest.

use std::rc::Rc;
use std::time::Duration;

use loadgen::text::percent_encoded;
use loadgen::{Arrivals, open_loop, percentile_ms};
use serde_json::json;

use crate::Bench;
use crate::service::load_state;
use crate::shared;

/// `--per-second` reads or changes of users of all accounts, on `--conc` connections. What is answered within a second counts.
pub async fn overload(bench: &Bench) {
    let known = Rc::new(load_state(&bench.state));
    assert!(!known.is_empty(), "no users in the state file: run seed first");
    let writes = bench.args.text("kind", "get") == "deactivate";
    let per_second: f64 = bench.args.num("per-second", 1000.0);
    for run in 1..=bench.runs {
        for &connections in &bench.concurrencies {
            let (service, users, active) = (bench.service.clone(), known.clone(), shared(vec![true; known.len()]));
            let arrivals = Arrivals { per_second, secs: bench.secs, connections, patience: Duration::from_secs(1) };
            let mut told = open_loop(arrivals, &bench.pids, move |worker, ordinal| {
                let (service, users, active) = (service.clone(), users.clone(), active.clone());
                async move {
                    // No user twice within a second, and in no order.
                    let at = ordinal.wrapping_mul(7919) % users.len();
                    let user = &users[at];
                    let path = format!("/Users/{}", percent_encoded(&user.id));
                    if !writes {
                        let status = service.status((worker, user.account), "GET", &path, b"").await;
                        return (status, status == 200);
                    }
                    let change = !active.borrow()[at];
                    active.borrow_mut()[at] = change;
                    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                        "Operations": [{"op": "replace", "value": {"active": change}}]});
                    let status =
                        service.status((worker, user.account), "PATCH", &path, body.to_string().as_bytes()).await;
                    (status, matches!(status, 200 | 204))
                }
            })
            .await;
            told.good_us.sort_unstable();
            told.refused_us.sort_unstable();
            let line = json!({"scenario": "overload", "conc": connections, "run": run, "asked_per_second": per_second,
                "sent": told.sent, "held_back": told.held_back, "good_per_second": told.good_us.len() as f64 / bench.secs,
                "p50_ms": percentile_ms(&told.good_us, 0.5), "p99_ms": percentile_ms(&told.good_us, 0.99), "late": told.late,
                "refused": told.refused.iter().map(|(status, n)| (status.to_string(), json!(n))).collect::<serde_json::Map<_, _>>(),
                "refused_p99_ms": percentile_ms(&told.refused_us, 0.99), "cpu_s": told.cpu});
            println!("{line}");
        }
    }
}

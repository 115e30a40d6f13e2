//! One request over and over, for the limits: `--url` with `{n}` in it asks for a random number below `--rows` each time.

use std::cell::RefCell;
use std::rc::Rc;

use loadgen::text::beginning;
use loadgen::{Args, Limits, Pool, Rng, closed_loop, report, split_url};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    tokio::task::LocalSet::new().run_until(run()).await;
}

async fn run() {
    let args = Args::parse();
    let (host, path) = split_url(args.required("url"));
    let (path, method) = (Rc::new(path), Rc::new(args.text("method", "GET")));
    let headers = Rc::new(args.opt("token").map(|t| format!("Authorization: Bearer {t}\r\n")).unwrap_or_default());
    let rows: usize = args.num("rows", 1);
    let (runs, secs, pids) = (args.num("runs", 3usize), args.num("secs", 5.0), args.pids());
    let concurrencies = args.list("conc", "8");
    let most = concurrencies.iter().max().copied().unwrap_or(1);
    let pool = Rc::new(Pool::new(std::slice::from_ref(&host), most));
    for run in 1..=runs {
        for &conc in &concurrencies {
            let rng = RefCell::new(Rng(0x9E37_79B9_7F4A_7C15 ^ run as u64));
            let (pool, path, method, headers) = (pool.clone(), path.clone(), method.clone(), headers.clone());
            let limits = Limits { max_ops: args.num("ops", usize::MAX), secs };
            let mut outcome = closed_loop(conc, limits, &pids, move |worker, _| {
                let (pool, method, headers) = (pool.clone(), method.clone(), headers.clone());
                let path = path.replace("{n}", &rng.borrow_mut().below(rows).to_string());
                async move {
                    let answer = pool.call(worker, &method, &path, &headers, b"").await;
                    match answer {
                        Ok(answer) if matches!(answer.status, 200 | 201) => Ok(answer.body.len()),
                        Ok(answer) => Err(format!("{} {}", answer.status, beginning(&answer.body))),
                        Err(error) => Err(format!("no answer: {error}")),
                    }
                }
            })
            .await;
            report(&args.text("name", "plain"), conc, run, &mut outcome, &pids, json!({}));
        }
    }
}

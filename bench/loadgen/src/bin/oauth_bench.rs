//! OAuth under load. `--scenario` is one of cc (client credentials), introspect, refresh. bench/README.md says what each does.

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine;
use loadgen::text::{beginning, percent_encoded};
use loadgen::{Args, Limits, Pool, closed_loop, report, split_url};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    tokio::task::LocalSet::new().run_until(run()).await;
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn run() {
    let args = Args::parse();
    let base = args.text("base", "http://127.0.0.1:8080/oauth2");
    let (host, base_path) = split_url(base.trim_end_matches('/'));
    // RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
    let pair = [args.required("client-id"), args.required("client-secret")].map(percent_encoded).join(":");
    let basic = base64::engine::general_purpose::STANDARD.encode(pair);
    let headers = Rc::new(format!(
        "Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Basic {basic}\r\n"
    ));
    let concurrencies = args.list("conc", "8");
    let (runs, secs, pids) = (args.num("runs", 3usize), args.num("secs", 5.0), args.pids());
    let most = concurrencies.iter().max().copied().unwrap_or(1);
    let pool = Rc::new(Pool::new(std::slice::from_ref(&host), most));
    let scenario = Rc::new(args.text("scenario", "cc"));

    let (path, body) = match scenario.as_str() {
        "cc" => {
            let scope = args.opt("scope").map(|scope| format!("&scope={}", percent_encoded(scope)));
            (format!("{base_path}/token"), format!("grant_type=client_credentials{}", scope.unwrap_or_default()))
        }
        "introspect" => {
            (format!("{base_path}/introspect"), format!("token={}", percent_encoded(args.required("token"))))
        }
        "refresh" => (format!("{base_path}/token"), String::new()),
        other => panic!("unknown scenario {other}"),
    };
    // One chain a connection: the file holds a refresh token a line, and is written back with those that are live now.
    let chains = Rc::new(RefCell::new(Vec::new()));
    let file = args.opt("refresh-tokens").filter(|_| scenario.as_str() == "refresh");
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{file}: {e}"));
        *chains.borrow_mut() = text.lines().map(str::to_string).collect();
    }
    let (path, body) = (Rc::new(path), Rc::new(body));
    for run in 1..=runs {
        for &conc in &concurrencies {
            let conc = if file.is_some() { conc.min(chains.borrow().len()) } else { conc };
            let (pool, path, body, headers, chains, scenario) =
                (pool.clone(), path.clone(), body.clone(), headers.clone(), chains.clone(), scenario.clone());
            let name = scenario.clone();
            let limits = Limits { max_ops: args.num("ops", usize::MAX), secs };
            let mut outcome = closed_loop(conc, limits, &pids, move |worker, _| {
                let (pool, path, mut body, headers, chains, scenario) =
                    (pool.clone(), path.clone(), body.clone(), headers.clone(), chains.clone(), scenario.clone());
                async move {
                    if scenario.as_str() == "refresh" {
                        let token = percent_encoded(&chains.borrow()[worker]);
                        body = Rc::new(format!("grant_type=refresh_token&refresh_token={token}"));
                    }
                    let answer = pool.call(worker, "POST", &path, &headers, body.as_bytes()).await;
                    let answer = answer.map_err(|e| format!("no answer: {e}"))?;
                    let wrong = |what: &str| format!("{what}: {} {}", answer.status, beginning(&answer.body));
                    if answer.status != 200 {
                        return Err(wrong("refused"));
                    }
                    match scenario.as_str() {
                        "cc" if !contains(&answer.body, "\"access_token\"") => return Err(wrong("no token")),
                        "introspect" if !contains(&answer.body, "\"active\":true") => return Err(wrong("not active")),
                        "refresh" => {
                            let tokens: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                            let next = tokens["refresh_token"].as_str().ok_or_else(|| wrong("not rotated"))?;
                            next.clone_into(&mut chains.borrow_mut()[worker]);
                        }
                        _ => {}
                    }
                    Ok(answer.body.len())
                }
            })
            .await;
            report(&name, conc, run, &mut outcome, &pids, json!({}));
        }
    }
    if let Some(file) = file {
        std::fs::write(file, chains.borrow().join("\n") + "\n").expect("the refresh tokens can be written back");
    }
}

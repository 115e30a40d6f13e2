//! Stopping a server: what a load balancer, a client in the middle of a request and one that says nothing meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::concurrently::all;
use crate::support::http::{self, Call};
use crate::support::nginx;
use crate::support::process::{self, Process};
use crate::support::testing::World;

/// What a server that stops is given; without load these are long.
const WITHIN: Duration = Duration::from_secs(15);

async fn connect(process: &Process) -> TcpStream {
    TcpStream::connect(process.address.trim_start_matches("http://")).await.expect("it listens")
}

async fn send(connection: &mut TcpStream, text: &str) {
    connection.write_all(text.as_bytes()).await.expect("the connection is open");
}

/// All that comes until the connection is closed.
async fn rest(connection: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let _ = tokio::time::timeout(WITHIN, connection.read_to_end(&mut all)).await.expect("it is closed in time");
    String::from_utf8_lossy(&all).into_owned()
}

/// One answer of a connection that stays open.
async fn answer(connection: &mut TcpStream) -> String {
    let mut said = String::new();
    let mut some = [0; 4096];
    while !said.contains("\r\n\r\n{") {
        let n = tokio::time::timeout(WITHIN, connection.read(&mut some)).await.expect("an answer").expect("it is open");
        assert!(n > 0, "closed after {said:?}");
        said.push_str(&String::from_utf8_lossy(&some[..n]));
    }
    said
}

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
const READY: &str = "GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n";

story!(hardening_13_a_server_that_stops_says_so_first_and_closes_connections_with_answers, async |world: World| {
    let mut process = world.process_with(&[("GATEWAY__SERVER__DRAIN_SECONDS", "60")]).await;
    let (mut one, mut other) = (connect(&process).await, connect(&process).await);
    send(&mut one, READY).await;
    let before = answer(&mut one).await.to_ascii_lowercase();
    assert!(before.starts_with("http/1.1 200 ") && !before.contains("connection: close"), "{before}");
    send(&mut other, LIVE).await;
    answer(&mut other).await;
    process.signal("TERM");
    while !process.log().contains("stopping:") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // A connection that is open is served once more, and a new one too.
    send(&mut one, READY).await;
    let after = rest(&mut one).await.to_ascii_lowercase();
    assert!(after.starts_with("http/1.1 503 ") && after.contains("connection: close"), "{after}");
    let mut new = connect(&process).await;
    send(&mut new, LIVE).await;
    let served = rest(&mut new).await.to_ascii_lowercase();
    assert!(served.starts_with("http/1.1 200 ") && served.contains("connection: close"), "{served}");
    // When the last connection is gone there is nothing to wait for.
    let began = Instant::now();
    drop(other);
    assert!(process.ended().await.success());
    assert!(began.elapsed() < WITHIN, "it waited {:?}", began.elapsed());
});

story!(hardening_13_connections_that_do_nothing_do_not_hold_a_server_up, async |world: World| {
    let mut process = world.process_with(&[("GATEWAY__SERVER__DRAIN_SECONDS", "0")]).await;
    let mut silent = connect(&process).await;
    let mut idle = connect(&process).await;
    send(&mut idle, LIVE).await;
    answer(&mut idle).await;
    // Half a body, to an endpoint that waits for the rest.
    let mut half = connect(&process).await;
    send(
        &mut half,
        "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n\
         grant_type=",
    )
    .await;
    let mut live = connect(&process).await;
    send(&mut live, LIVE).await;
    answer(&mut live).await;
    let began = Instant::now();
    assert!(process.terminate().await.success(), "{}", process.log());
    assert!(began.elapsed() < WITHIN, "it took {:?}", began.elapsed());
    let told = rest(&mut half).await;
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 503 "), "{told}");
    assert_eq!(rest(&mut idle).await, "");
    rest(&mut silent).await;
});

story!(hardening_13_a_rolling_restart_behind_nginx_fails_no_request, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let drain = [("GATEWAY__SERVER__DRAIN_SECONDS", "1")];
    let ports = [process::free_port(), process::free_port()];
    let mut gateways = [world.process_at(ports[0], &drain).await, world.process_at(ports[1], &drain).await];
    let Some(nginx) = nginx::balancing(&ports, process::free_port()).await else { return };
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let workers = (0..4).map(|worker| {
        let (stop, done, token, base) = (stop.clone(), done.clone(), idp.access_token.clone(), nginx.address.clone());
        async move {
            let client = http::client();
            let mut failed = Vec::new();
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let call = match n % 3 {
                    0 => Call::new(client.clone(), Method::POST, format!("{base}/scim/v2/Users")).scim(&json!({
                        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                        "userName": format!("user{worker}-{n}@acme.test"), "role": "reports",
                    })),
                    _ => Call::new(client.clone(), Method::GET, format!("{base}/scim/v2/Users?count=2")),
                };
                match call.bearer(&token).attempt().await {
                    Ok(answer) if answer.status.is_success() => {}
                    Ok(answer) => failed.push(format!("{}: {}", answer.status, answer.text())),
                    Err(why) => failed.push(why.to_string()),
                }
                done.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
            failed
        }
    });
    let restarts = async {
        for _ in 0..2 {
            for (gateway, port) in gateways.iter_mut().zip(ports) {
                assert!(gateway.terminate().await.success(), "{}", gateway.log());
                *gateway = world.process_at(port, &drain).await;
            }
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (failed, ()) = tokio::join!(all(workers.collect()), restarts);
    let failed: Vec<String> = failed.into_iter().flatten().collect();
    assert!(failed.is_empty(), "of {}: {failed:#?}\n{}", done.load(Ordering::Relaxed), nginx.log());
    assert!(done.load(Ordering::Relaxed) > 20, "there was load");
});

#[test]
fn hardening_13_a_second_signal_ends_a_server_at_once() {
    crate::support::story::run(async {
        let directory = crate::support::directories::subdirectory("twice");
        let patient = [("GATEWAY__SERVER__DRAIN_SECONDS", "300".to_owned())];
        let mut process = Process::start(&directory, process::free_port(), &patient).await.expect("it starts");
        let mut idle = connect(&process).await;
        send(&mut idle, LIVE).await;
        answer(&mut idle).await;
        process.signal("TERM");
        while !process.log().contains("stopping:") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let began = Instant::now();
        process.signal("TERM");
        process.ended().await;
        assert!(began.elapsed() < WITHIN);
    });
}

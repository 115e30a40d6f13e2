use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

/// A server on this machine that gives each visitor the same answer; its address.
fn server(answer: impl Into<Vec<u8>>) -> String {
    let (listener, answer) = (TcpListener::bind("127.0.0.1:0").unwrap(), answer.into());
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for visitor in listener.incoming().flatten() {
            let mut visitor = visitor;
            let _ = visitor.read(&mut [0; 4096]);
            let _ = visitor.write_all(&answer);
        }
    });
    format!("http://{address}/keys")
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

async fn fetched(answer: impl Into<Vec<u8>>) -> Result<Value, FetchError> {
    Outbound::new(AllowedNetworks::PublicAndLoopback).json(&server(answer), &Calls::default()).await
}

#[tokio::test]
async fn a_small_json_document_is_fetched() {
    assert_eq!(fetched(ok("{\"keys\":[]}")).await, Ok(serde_json::json!({"keys": []})));
}

#[tokio::test]
async fn attack_51_redirects_floods_and_nonsense_are_refused() {
    let elsewhere = server(ok("{}"));
    for status in [301, 302, 303, 307, 308] {
        let redirect = format!("HTTP/1.1 {status} Moved\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
        let refused = fetched(redirect).await.unwrap_err();
        assert!(matches!(&refused, FetchError::Refused(why) if why.contains("redirect")), "{refused}");
    }
    let huge = format!("\"{}\"", "x".repeat(MAX_BYTES));
    assert!(matches!(fetched(ok(&huge)).await, Err(FetchError::Refused(why)) if why.contains("64 KiB")));
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n\"{}", "x".repeat(10 * MAX_BYTES));
    assert!(matches!(fetched(endless).await, Err(FetchError::Refused(why)) if why.contains("64 KiB")));
    assert!(matches!(fetched(ok("<html>")).await, Err(FetchError::Refused(_))));
    let failing = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    assert!(matches!(fetched(failing).await, Err(FetchError::Status(503))));
    assert!(matches!(fetched("garbage").await, Err(FetchError::Unavailable(_))));
}

#[tokio::test]
async fn attack_51_names_are_checked_where_they_lead_and_addresses_as_they_stand() {
    let here = Outbound::new(AllowedNetworks::Public);
    for address in [server(ok("{}")), "https://127.0.0.1/".to_owned(), "https://169.254.169.254/latest".to_owned()] {
        assert!(matches!(here.json(&address, &Calls::default()).await, Err(FetchError::Refused(_))), "{address}");
    }
    let checked = |reach| Checked { reach, round: Duration::from_millis(1) };
    let resolved = checked(AllowedNetworks::Public).resolve("localhost".parse().unwrap()).await;
    assert!(resolved.err().unwrap().is::<OutOfReach>());
    let resolved =
        checked(AllowedNetworks::PublicAndLoopback).resolve("localhost".parse().unwrap()).await.ok().unwrap();
    assert!(resolved.map(|socket| socket.ip()).all(|address| address.is_loopback()));
    // As a name that looks public, and resolves to this machine: the certificate is never even asked for.
    let client = client(AllowedNetworks::Public, TOTAL).unwrap();
    let refused = client.get("https://localhost/keys").send().await.unwrap_err();
    assert!(format!("{refused:?}").contains("OutOfReach"), "{refused:?}");
    assert!(matches!(here.explained(&refused), FetchError::Unavailable(_)));
}

#[tokio::test]
async fn attack_51_who_is_silent_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let outbound =
        Outbound { patience: Duration::from_millis(50), ..Outbound::new(AllowedNetworks::PublicAndLoopback) };
    let refused = outbound.json(&address, &Calls::default()).await.unwrap_err();
    assert!(matches!(&refused, FetchError::Unavailable(why) if why.contains("no answer came")), "{refused}");
}

#[tokio::test]
async fn hardening_17_a_name_inside_a_closed_port_and_silence_are_told_alike() {
    let outbound = |reach| Outbound { patience: Duration::from_millis(1500), ..Outbound::new(reach) };
    let client = client(AllowedNetworks::Public, Duration::from_millis(1500)).unwrap();
    let mut told = Vec::new();
    let mut lasted = Vec::new();
    // A name that leads inside, and some that lead nowhere.
    for url in ["https://localhost/keys", "https://keys.invalid/keys", "https://localhost:5432/"] {
        let asked = Instant::now();
        told.push(outbound(AllowedNetworks::Public).explained(&client.get(url).send().await.unwrap_err()));
        lasted.push(asked.elapsed());
    }
    assert!(lasted.iter().all(|lasted| *lasted >= LOOKUP_ROUND), "{lasted:?}");
    // A port that is closed, one that says nothing, one that speaks no TLS.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let here = outbound(AllowedNetworks::PublicAndLoopback);
    for url in [
        format!("http://{closed}/"),
        format!("http://{}/", silent.local_addr().unwrap()),
        server("220 mail.internal ESMTP\r\n").replace("http:", "https:"),
    ] {
        told.push(here.json(&url, &Calls::default()).await.unwrap_err());
    }
    assert!(told.iter().all(|failure| *failure == told[0]), "{told:#?}");
    assert!(matches!(told[0], FetchError::Unavailable(_)));
}

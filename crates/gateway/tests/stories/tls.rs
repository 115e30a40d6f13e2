//! A server that speaks TLS itself: what clients get, what becomes of those that do not greet, and how its certificate is replaced.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use reqwest::{Method, Version};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::directories;
use crate::support::http::{self, Call};
use crate::support::process::{self, Process};
use crate::support::story::{on_postgres, on_sqlite, run};
use crate::support::testing::{OPERATOR, World};

const PATIENCE: Duration = Duration::from_secs(30);

/// Files of a certificate for this machine.
struct Files(PathBuf);

impl Files {
    fn new() -> Files {
        let files = Files(directories::subdirectory("tls"));
        files.renew(2100);
        files
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// A new certificate until then, with a new key; clients that trust it get it.
    fn renew(&self, until: i32) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let made = params.self_signed(&key).expect("a certificate");
        std::fs::write(self.at("key.pem"), key.serialize_pem()).expect("it can be written");
        std::fs::write(self.at("certificate.pem"), made.pem()).expect("it can be written");
        made.der().clone()
    }

    fn trusted(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(Path::new(&self.at("certificate.pem"))).expect("it was made")
    }

    /// Settings of a story last as long as the process.
    fn settings(&self) -> [(&'static str, &'static str); 3] {
        [
            ("GATEWAY__TLS__CERTIFICATE_FILE", self.at("certificate.pem").leak()),
            ("GATEWAY__TLS__KEY_FILE", self.at("key.pem").leak()),
            ("GATEWAY__SERVER__PUBLIC_URL", "https://localhost:{port}"),
        ]
    }
}

fn address(world: &World) -> SocketAddr {
    world.gateway.routed("").trim_start_matches("https://").parse().expect("an address")
}

/// A connection of a client that trusts this certificate alone.
async fn greeted(server: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    drop(http::builder()); // chooses who does TLS
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(server).await?).await
}

/// Asks on a connection that stays open, and gives the first line of the answer.
async fn asked(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> String {
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("it is open");
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).await.expect("it is open"), 1, "{}", String::from_utf8_lossy(&answer));
        answer.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&answer).into_owned();
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.expect("the body");
    head.lines().next().unwrap_or_default().to_owned()
}

/// What a server answers to these bytes until it closes the connection.
async fn answer(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).await.expect("it listens");
    stream.write_all(bytes).await.expect("it is open");
    let mut all = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await;
    let _ = closed.expect("it is closed in time");
    all
}

/// The log says so in the end.
async fn logged(world: &World, words: &str) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !world.logs().contains(words) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "{words}: {}", world.logs());
}

async fn an_identity_provider_connects(world: World, files: &Files) {
    let acme = world.account("acme").await;
    let mut idp = acme.connected_identity_provider().await;
    idp.refresh().await;
    let base = world.gateway.public_url.clone();
    assert!(base.starts_with("https://localhost:"), "{base}");

    // A client that trusts this certificate and no other gets tokens and users, in HTTP/1.1.
    let trusted = reqwest::Certificate::from_der(&files.trusted()).expect("a certificate");
    let strict = || reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(false);
    let client = strict().tls_certs_only([trusted]).build().expect("a client");
    let call = |method, path: &str| Call::new(client.clone(), method, format!("{base}{path}"));
    let refresh = idp.refresh_token.clone().expect("a refresh token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let tokens = call(Method::POST, "/oauth2/token").basic(&idp.client.id, &idp.client.secret).form(&form);
    let token = tokens.await.expect(200).json()["access_token"].as_str().unwrap_or_default().to_owned();
    let listed = call(Method::GET, "/scim/v2/Users").bearer(&token).await.expect(200);
    assert!(listed.header("strict-transport-security").is_some_and(|value| value.starts_with("max-age=")));
    let location = listed.json()["Resources"][0]["meta"]["location"].as_str().unwrap_or_default().to_owned();
    assert!(location.starts_with(&base), "{location}");
    let seen = client.get(format!("{base}/health/live")).send().await.expect("an answer");
    assert_eq!(seen.version(), Version::HTTP_11);
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("another");
    let other = reqwest::Certificate::from_der(other.cert.der()).expect("a certificate");
    let stranger = strict().tls_certs_only([other]).build().expect("a client");
    assert!(stranger.get(format!("{base}/health/live")).send().await.is_err(), "it is another's");

    // What those see who run it.
    let bind = address(&world).to_string();
    let health = world.command(&["health"], &[("GATEWAY__SERVER__BIND", &bind)]);
    assert!(health.status.success(), "{health:?}");
    let scrape = world.get("/metrics").bearer(OPERATOR).await.expect(200).text();
    assert!(scrape.contains("\ngateway_tls_certificate_expires_timestamp_seconds 4102444800\n"), "{scrape}");
    let doctor = world.command(&["doctor", &base], &[]);
    let lines = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!doctor.status.success() && lines.contains("failed   tls "), "no authority is known for it: {lines}");
    assert!(lines.contains("ok       tls version    TLS 1.3\n"), "{lines}");
    assert!(lines.contains("ok       certificate    until 1 January 2100, for "), "{lines}");

    let stopped = tokio::time::timeout(PATIENCE, world.stop()).await;
    assert!(stopped.is_ok(), "idle connections end with it");
}

#[test]
fn an_identity_provider_connects_over_tls_on_sqlite() {
    let files = Files::new();
    on_sqlite(&files.settings(), async |world: World| an_identity_provider_connects(world, &files).await);
}

#[test]
fn an_identity_provider_connects_over_tls_on_postgres() {
    let files = Files::new();
    on_postgres(&files.settings(), async |world: World| an_identity_provider_connects(world, &files).await);
}

#[test]
fn operators_have_tls_on_a_listener_of_their_own_and_prometheus_has_none() {
    run(async {
        let (files, directory) = (Files::new(), directories::subdirectory("tls-operators"));
        let (port, own, metrics) = (process::free_port(), process::free_port(), process::free_port());
        let settings = [
            ("GATEWAY__TLS__CERTIFICATE_FILE", files.at("certificate.pem")),
            ("GATEWAY__TLS__KEY_FILE", files.at("key.pem")),
            ("GATEWAY__ADMIN__TOKEN", OPERATOR.to_owned()),
            ("GATEWAY__ADMIN__BIND", format!("127.0.0.1:{own}")),
            ("GATEWAY__METRICS__BIND", format!("127.0.0.1:{metrics}")),
        ];
        let process = Process::start(&directory, port, &settings).await.unwrap_or_else(|why| panic!("{why}"));
        assert!(process.address.starts_with("https://"), "{}", process.address);
        let own: SocketAddr = format!("127.0.0.1:{own}").parse().expect("an address");
        let mut operator = greeted(own, &files.trusted()).await.expect("it is trusted");
        assert_eq!(asked(&mut operator).await, "HTTP/1.1 200 OK");
        let get = |url: String| Call::new(http::client(), Method::GET, url);
        let sent = get(format!("https://{own}/console")).await.expect(303);
        let location = sent.header("location").unwrap_or_default().to_owned();
        assert!(location.starts_with(&format!("https://{own}/console")), "{location}");
        assert!(answer(own, b"GET /console HTTP/1.1\r\n\r\n").await.starts_with(b"HTTP/1.1 400 "));
        let scrape = get(format!("http://127.0.0.1:{metrics}/metrics")).await.expect(200).text();
        assert!(scrape.contains("gateway_tls_certificate_expires_timestamp_seconds"), "{scrape}");
    });
}

#[test]
fn a_certificate_is_replaced_while_connections_go_on_and_a_bad_one_is_not_taken() {
    let files = Files::new();
    on_sqlite(&files.settings(), async |world: World| {
        let (server, first) = (address(&world), files.trusted());
        let mut before = greeted(server, &first).await.expect("it is trusted");
        assert_eq!(asked(&mut before).await, "HTTP/1.1 200 OK");

        let second = files.renew(2090);
        world.signal("HUP");
        logged(&world, "the certificate was read again").await;
        assert!(greeted(server, &first).await.is_err(), "another one is shown");
        let mut after = greeted(server, &second).await.expect("it is trusted");
        assert_eq!(asked(&mut after).await, "HTTP/1.1 200 OK");
        assert_eq!(asked(&mut before).await, "HTTP/1.1 200 OK", "a connection that is open goes on");

        std::fs::write(files.at("certificate.pem"), "no certificate").expect("it can be written");
        world.signal("HUP");
        logged(&world, "there is no certificate in").await;
        assert_eq!(asked(&mut greeted(server, &second).await.expect("it stays")).await, "HTTP/1.1 200 OK");
        files.renew(2020);
        world.signal("HUP");
        logged(&world, "expired on 1 January 2020").await;
        greeted(server, &second).await.expect("it stays");
        assert_eq!(asked(&mut before).await, "HTTP/1.1 200 OK");
    });
}

#[test]
fn hardening_7_clients_that_do_not_greet_in_tls_are_told_or_cut_and_keep_no_other_out() {
    let files = Files::new();
    let own = [("GATEWAY__SERVER__CONNECTIONS_PER_ADDRESS", "16"), ("GATEWAY__SERVER__HEADER_SECONDS", "2")];
    let settings: Vec<_> = files.settings().into_iter().chain(own).collect();
    on_sqlite(&settings, async |world: World| {
        let (server, trusted) = (address(&world), files.trusted());
        // A request in the clear is told what would be right, and no older version is spoken.
        let told = answer(server, b"GET /oauth2/token HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let told = String::from_utf8_lossy(&told);
        assert!(told.starts_with("HTTP/1.1 400 ") && told.contains("https://"), "{told}");
        assert!(answer(server, b"\0\0\0\0 something else").await.is_empty());
        let mut hello = vec![22, 3, 1, 0, 63, 1, 0, 0, 59, 3, 2]; // RFC 4346 §7.4.1.2: TLS 1.1
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0, 0, 16, 0, 13, 0, 4, 0, 2, 4, 3, 0, 10, 0, 4, 0, 2, 0, 23]);
        assert_eq!(answer(server, &hello).await, [21, 3, 3, 0, 2, 2, 70], "the alert protocol_version, which is fatal");

        // An address has at most a quarter of its connections greeting: those beyond are closed at once, and a client elsewhere is served.
        let mut silent = Vec::new();
        for _ in 0..12 {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.bind("127.0.0.3:0".parse().expect("an address")).expect("it is this machine's");
            silent.push(socket.connect(server).await.expect("the kernel takes it in"));
        }
        let mut all = Vec::new();
        for (n, connection) in silent.iter_mut().enumerate().skip(4) {
            let read = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut all)).await;
            assert!(matches!(read, Ok(Ok(0))), "{n}: {read:?}");
        }
        assert_eq!(asked(&mut greeted(server, &trusted).await.expect("it has room")).await, "HTTP/1.1 200 OK");
        // Those that went on saying nothing are cut, and make room.
        for connection in &mut silent[..4] {
            let read = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut all)).await;
            assert!(matches!(read, Ok(Ok(0))), "{read:?}");
        }
        // Who greets and then says nothing is told so, as in the clear.
        let mut greeted = greeted(server, &trusted).await.expect("it is trusted");
        let read = tokio::time::timeout(PATIENCE, greeted.read_to_end(&mut all)).await;
        let _ = read.expect("it is closed in time");
        assert!(all.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&all));
    });
}

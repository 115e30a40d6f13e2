//! Traces: what a collector gets to see of a request.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::support::directories;
use crate::support::identity_provider::a_user;
use crate::support::story::{on_postgres, on_sqlite};
use crate::support::testing::World;

/// Takes traces by OTLP over HTTP.
struct Collector {
    address: String,
    taken: Arc<Mutex<Vec<(String, ExportTraceServiceRequest)>>>,
}

impl Collector {
    fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let taken = Arc::default();
        let collector = Collector { address, taken: Arc::clone(&taken) };
        std::thread::spawn(move || {
            for mut visitor in listener.incoming().flatten() {
                let sent = receive(&mut visitor);
                taken.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
                let body = ExportTraceServiceResponse::default().encode_to_vec();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = visitor.write_all(&[head.as_bytes(), &body].concat());
            }
        });
        collector
    }

    /// What the head of each request says, and all spans.
    fn taken(&self) -> (String, Vec<Span>) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let heads = taken.iter().map(|(head, _)| head.clone()).collect();
        let scopes = taken.iter().flat_map(|(_, sent)| &sent.resource_spans).flat_map(|of| &of.scope_spans);
        (heads, scopes.flat_map(|scope| scope.spans.clone()).collect())
    }
}

/// The head of a request, and its body.
fn receive(visitor: &mut TcpStream) -> (String, ExportTraceServiceRequest) {
    let (mut got, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let n = visitor.read(&mut chunk).expect("it can be read");
        assert!(n > 0, "a request ends with its body");
        got.extend_from_slice(&chunk[..n]);
        let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&got[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if got.len() >= end + 4 + length.expect("its length is told") {
            let sent = ExportTraceServiceRequest::decode(&got[end + 4..]).expect("it is what OTLP says");
            return (head, sent);
        }
    }
}

fn attribute(span: &Span, name: &str) -> String {
    let value = span.attributes.iter().find(|attribute| attribute.key == name).and_then(|found| found.value.clone());
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{}: {name} is {other:?}", span.name),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

async fn a_request_and_its_units_of_work_are_spans_of_the_callers_trace(
    world: World,
    collector: Collector,
    system: &str,
) {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let sent = world.post("/scim/v2/Users").bearer(&idp.access_token).header("traceparent", &traceparent);
    let answer = sent.scim(&a_user("ana@acme.test")).await.expect(201);
    let request = answer.header("x-request-id").expect("an answer has an id").to_owned();
    world.get("/health/ready").header("traceparent", &traceparent).await.expect(200);
    let logs = world.logs();
    let line = logs.lines().find(|line| line.contains(&request) && line.contains("answered")).expect("it is logged");
    assert!(line.contains(TRACE), "{line}");
    // What waits in its queue is sent when it ends.
    world.stop().await;

    let mut seen = collector.taken();
    for _ in 0..100 {
        if seen.1.iter().any(|span| hex(&span.trace_id) == TRACE) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        seen = collector.taken();
    }
    let (heads, spans) = seen;
    assert!(heads.contains("post /v1/traces http/1.1") && heads.contains("x-team: provisioning"), "{heads}");
    let ours: Vec<&Span> = spans.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let (top, below): (Vec<&Span>, Vec<&Span>) = ours.into_iter().partition(|span| hex(&span.parent_span_id) == PARENT);
    let [top] = top[..] else { panic!("the probe has no span, the request has one: {top:?}") };
    assert_eq!((top.name.as_str(), top.kind), ("POST /scim/v2/Users", 2), "a server's");
    for (name, expected) in [
        ("http.route", "/scim/v2/Users"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "201"),
        ("gateway.request_id", &request),
        ("gateway.account", &acme.id),
        ("gateway.client", &idp.client.id),
    ] {
        assert_eq!(attribute(top, name), expected, "{name}");
    }
    assert!(top.end_time_unix_nano > top.start_time_unix_nano);
    let write = below.iter().find(|span| span.name == "write").expect("it wrote");
    assert_eq!((&write.parent_span_id, write.kind), (&top.span_id, 3), "a client's");
    assert_eq!(attribute(write, "db.system.name"), system);
    // No name and no value that a caller sent is in any span.
    let told = format!("{spans:?}");
    assert!(!told.contains("ana@acme.test") && !told.contains(&idp.access_token), "{told}");
}

/// Tells it on one of the databases, with a collector and the headers that it wants.
fn told_on(
    database: impl FnOnce(&[(&'static str, &'static str)], Box<dyn FnOnce(World) -> Told>),
    system: &'static str,
) {
    let collector = Collector::start();
    let headers = directories::subdirectory("collector").join("headers");
    std::fs::write(&headers, "X-Team: provisioning\n").expect("it can be written");
    std::fs::set_permissions(&headers, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    let settings = [
        ("GATEWAY__TRACES__ENDPOINT", &*collector.address.clone().leak()),
        ("GATEWAY__TRACES__HEADERS_FILE", &*headers.display().to_string().leak()),
    ];
    let story = move |world| -> Told {
        Box::pin(a_request_and_its_units_of_work_are_spans_of_the_callers_trace(world, collector, system))
    };
    database(&settings, Box::new(story));
}

type Told = std::pin::Pin<Box<dyn Future<Output = ()>>>;

#[test]
fn a_request_is_traced_on_sqlite() {
    told_on(on_sqlite, "sqlite");
}

#[test]
fn a_request_is_traced_on_postgres() {
    told_on(on_postgres, "postgresql");
}

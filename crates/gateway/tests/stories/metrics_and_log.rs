//! What an engineer who runs it sees: numbers for Prometheus, and a line for each request.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::text;
use crate::support::identity_provider::a_user;
use crate::support::testing::{OPERATOR, World};

/// The series of a scrape: name and labels as they stand, with the value.
fn series(scrape: &str) -> BTreeMap<String, f64> {
    assert!(scrape.ends_with("# EOF\n"), "{scrape}");
    let values = scrape.lines().filter(|line| !line.starts_with('#'));
    values
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            (name.to_owned(), value.parse().unwrap_or_else(|why| panic!("{line}: {why}")))
        })
        .collect()
}

/// What panels and rules are made of, and the page that lists what is counted.
fn deployed() -> Vec<(&'static str, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = ["deploy/prometheus/alerts.yml", "deploy/grafana/gateway.json", "docs/metrics.md"];
    files
        .map(|file| (file, std::fs::read_to_string(root.join(file)).unwrap_or_else(|why| panic!("{file}: {why}"))))
        .into()
}

/// The names of series in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let names = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names: BTreeSet<&str> = names.filter(|name| name.starts_with("gateway_")).collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

/// What a series belongs to, however its name ends.
fn family_of(name: &str) -> &str {
    let endings = ["_total", "_bucket", "_sum", "_count", "_info"];
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

const SETTINGS: [(&str, &str); 2] = [("GATEWAY__METRICS__BIND", "127.0.0.1:0"), ("GATEWAY__LOG__FORMAT", "json")];

story!(what_came_of_requests_is_counted_and_logged, settings = [SETTINGS[0], SETTINGS[1]], async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let twice = idp.post("/Users", &a_user("ana@acme.test")).await.expect(409);
    idp.patch(&ana).replace("active", "False").await.expect(200);
    world.post("/oauth2/token").form(&[("grant_type", "password")]).await.expect(400);
    world.get("/no/such/page/secret-in-a-path").await.expect(404);
    world.get("/health/ready").await.expect(200);

    // The server's own listener asks who it is, and the other one does not.
    world.get("/metrics").await.expect(401);
    world.get("/metrics").bearer("gwo_wrong").await.expect(401);
    let limited = world
        .admin(Method::POST, "/operators")
        .json(&json!({"name": "csm", "role": "csm",
        "accounts": [acme.id]}))
        .await
        .expect(201)
        .json();
    world.get("/metrics").bearer(&text(&limited["token"])).await.expect(403);
    let scraped = world.get("/metrics").bearer(OPERATOR).await.expect(200);
    assert_eq!(scraped.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let logs = world.logs();
    let lines: Vec<Value> = logs.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let listener = lines.iter().find_map(|line| {
        (line["fields"]["message"] == "metrics are read there").then(|| text(&line["fields"]["address"]))
    });
    let listener = listener.expect("the log tells where metrics are read");
    let open = reqwest::get(format!("http://{listener}/metrics")).await.expect("it answers");
    let scrape = open.text().await.expect("text");
    assert_eq!(reqwest::get(format!("http://{listener}/admin/accounts")).await.expect("it answers").status(), 404);

    let series = series(&scrape);
    let counted = |name: &str| *series.get(name).unwrap_or_else(|| panic!("there is no {name} in\n{scrape}"));
    assert_eq!(counted(r#"gateway_scim_operations_total{resource="Users",operation="create",outcome="refused"}"#), 1.0);
    assert_eq!(counted(r#"gateway_scim_operations_total{resource="Users",operation="patch",outcome="done"}"#), 1.0);
    assert_eq!(counted(r#"gateway_requests_total{method="POST",route="/scim/v2/Users",status="409"}"#), 1.0);
    assert_eq!(counted(r#"gateway_request_seconds_count{method="PATCH",route="/scim/v2/Users/{id}"}"#), 1.0);
    assert_eq!(counted(r#"gateway_tokens_total{grant_type="authorization_code",outcome="issued"}"#), 1.0);
    let code = "uniqueness";
    assert_eq!(counted(&format!(r#"gateway_refusals_total{{code="{code}"}}"#)), 1.0);
    assert_eq!(counted(r#"gateway_tolerances_total{tolerance="boolean_strings",outcome="forgiven"}"#), 1.0);
    assert!(series.keys().any(|name| name.starts_with(r#"gateway_tokens_total{grant_type="other",outcome="#)));
    assert!(counted(r#"gateway_unit_of_work_seconds_count{unit="write"}"#) > 2.0);
    assert!(counted(r#"gateway_unit_of_work_wait_seconds_count{unit="write"}"#) > 2.0);
    assert_eq!(counted("gateway_database_up"), 1.0);
    assert!(counted(r#"gateway_signing_key_created_timestamp_seconds"#) > 1e9);
    assert!(counted("gateway_events_kept") >= 3.0 && counted("gateway_events_oldest_timestamp_seconds") > 1e9);
    for name in [
        r#"gateway_database_connections{pool="short",state="idle"}"#,
        r#"gateway_lane_waiting{lane="passwords"}"#,
        r#"gateway_lane_threads_at_work{lane="long"}"#,
        r#"gateway_backlog{work="letters"}"#,
        r#"gateway_backlog{work="audit_seals"}"#,
        r#"gateway_backlog{work="events"}"#,
        r#"gateway_expiring_within_week{kind="client_secret"}"#,
        r#"gateway_request_log_dropped_total{outcome="success"}"#,
        "gateway_request_log_waiting",
    ] {
        counted(name);
    }
    assert_eq!(series.contains_key("gateway_sqlite_queue"), !world.database_url().starts_with("postgres"));
    assert!(
        !scrape.contains("acme") && !scrape.contains("secret-in-a-path"),
        "nothing that a caller made up is a label"
    );

    let counted: BTreeSet<&str> = series.keys().map(|name| family_of(name.split('{').next().unwrap_or(name))).collect();
    for (file, text) in deployed() {
        for name in named(&text) {
            let is_of_sqlite = name.starts_with("gateway_sqlite_") && world.database_url().starts_with("postgres");
            // The stories of TLS look at it.
            let is_of_tls = name.starts_with("gateway_tls_");
            assert!(
                is_of_sqlite || is_of_tls || counted.contains(family_of(name)),
                "{file} has {name}, which is not counted:\n{scrape}"
            );
        }
    }

    // A line for each request, and none for a probe.
    let answered: Vec<&Value> =
        lines.iter().map(|line| &line["fields"]).filter(|fields| fields["message"] == "answered").collect();
    let refused = answered.iter().find(|line| line["status"] == 409).expect("a line for the refused user");
    assert_eq!(refused["request"], twice.header("x-request-id").expect("an id"));
    assert_eq!((&refused["method"], &refused["route"]), (&json!("POST"), &json!("/scim/v2/Users")));
    assert_eq!((&refused["code"], &refused["account"]), (&json!(code), &json!(acme.id)));
    assert!(
        refused["client"].is_string() && refused["millis"].as_f64().is_some_and(|millis| millis > 0.0),
        "{refused}"
    );
    assert!(answered.iter().any(|line| line["route"] == "…" && line["status"] == 404));
    assert!(answered.iter().all(|line| line["route"] != "/health/ready"));
    assert!(!logs.contains("secret-in-a-path") && !logs.contains("ana@acme.test"));
});

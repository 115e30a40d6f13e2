//! How many statements a request sends to PostgreSQL. Each is a round trip, which costs both sides more than most statements' work: one
//! more for each GET is a fifth less of them a second. What is counted are the statements of the process, so each request is sent several
//! times, and the least is what it takes.

use std::cell::RefCell;
use std::future::IntoFuture;
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use gateway::platform::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::http::Answer;
use crate::support::identity_provider::a_user;
use crate::support::story;
use crate::support::testing::{OPERATOR, World};

/// The statements that were sent, each with the database's URL; while something listens.
static SENT: Mutex<Option<Vec<(String, String)>>> = Mutex::new(None);

fn sent() -> MutexGuard<'static, Option<Vec<(String, String)>>> {
    SENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears what one connection sends.
struct Listener {
    url: String,
}

impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => self.url = url.to_owned(),
            InstrumentationEvent::StartQuery { query, .. } => {
                if let Some(sent) = &mut *sent() {
                    sent.push((self.url.clone(), query.to_string()));
                }
            }
            _ => {}
        }
    }
}

fn listener() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(Listener { url: String::new() }))
}

/// What requests took that took more than they may.
struct Report {
    /// The name of the database.
    database: String,
    failures: Vec<String>,
}

impl Report {
    /// Sends a request several times, and compares the least that it took.
    async fn takes<F: IntoFuture<Output = Answer>>(&mut self, what: &str, known: usize, request: impl Fn(usize) -> F) {
        let mut least: Option<Vec<String>> = None;
        for n in 0..8 {
            *sent() = Some(Vec::new());
            let answer = request(n).await;
            assert!(answer.status.is_success(), "{what}: {} {}", answer.status, answer.text());
            let heard = sent().take().unwrap_or_default();
            let ours = heard.into_iter().filter(|(url, _)| url.contains(&self.database)).map(|(_, text)| text);
            let ours: Vec<String> = ours.collect();
            if least.as_ref().is_none_or(|least| ours.len() < least.len()) {
                least = Some(ours);
            }
        }
        let least = least.unwrap_or_default();
        assert!(!least.is_empty(), "{what}: nothing was heard");
        println!("{what}: {}\n{}", least.len(), shown(&least));
        if least.len() != known {
            self.failures.push(format!("{what}: {} statements, not {known}:\n{}", least.len(), shown(&least)));
        }
    }
}

fn shown(statements: &[String]) -> String {
    let short = |text: &String| text.chars().take(160).collect::<String>();
    statements.iter().map(|text| format!("    {}\n", short(text))).collect()
}

#[test]
fn a_request_sends_as_many_statements_as_it_is_known_to_and_no_more() {
    set_default_instrumentation(listener).expect("no connection is being opened at this moment");
    story::on_postgres_by(Some(Clock::movable()), &[], |world: World| async move {
        let url = world.database_url();
        let name = url.rsplit('/').next().and_then(|name| name.split('?').next()).expect("a name");
        let mut report = Report { database: format!("/{name}"), failures: Vec::new() };
        told(&world, &mut report).await;
        assert!(report.failures.is_empty(), "{}", report.failures.join("\n"));
    });
}

/// What access answers take, where rules name groups by id and by name.
async fn access_told(acme: &Account, report: &mut Report) {
    let rules = json!({"rules": [
        {"group_name": "Editors", "environments": ["acme-prod"]},
        {"group_name": "Nothing yet", "role": "admin"},
    ]});
    acme.admin(Method::PUT, "/access").json(&rules).await.expect(200);
    let asked = |n: usize| {
        json!({"subject": {"type": "user", "id": format!("user{n}@acme.test")}, "action": {"name": "enter"},
            "resource": {"type": "environment", "id": "acme-prod"}, "context": {"account": "acme"}})
    };
    let post = |path: &str, body: Value| acme.world.call(Method::POST, path).bearer(OPERATOR).json(&body);
    report.takes("an evaluation", 7, |_| post("/access/v1/evaluation", asked(3))).await;
    let many: Vec<Value> = (0..200).map(|n| asked(n % 30)).collect();
    report.takes("200 evaluations at once", 7, |_| post("/access/v1/evaluations", json!({"evaluations": many}))).await;
    report.takes("who may enter, of 30", 10, |_| acme.admin(Method::GET, "/access/users?environment=acme-prod")).await;
}

async fn told(world: &World, report: &mut Report) {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let client = &idp.client;
    let mut users: Vec<Value> = Vec::new();
    for n in 0..30 {
        users.push(idp.create_user(&a_user(&format!("user{n}@acme.test"))).await);
    }
    let members: Vec<&Value> = users.iter().take(10).collect();
    let group = idp.create_group("Editors", &members).await;
    let (ana, group) = (format!("/Users/{}", text(&users[0]["id"])), format!("/Groups/{}", text(&group["id"])));
    let at = |n: usize| format!("/Users/{}", text(&users[n]["id"]));

    report.takes("GET by id", 1, |_| idp.get(&ana)).await;
    report.takes("look-up by userName", 1, |_| idp.get("/Users?filter=userName%20eq%20%22user3@acme.test%22")).await;
    report
        .takes("look-up of a name that is free", 1, |_| idp.get("/Users?filter=userName%20eq%20%22new@acme.test%22"))
        .await;
    report.takes("first page by startIndex", 2, |_| idp.get("/Users?startIndex=1&count=10")).await;
    report.takes("page by startIndex", 2, |_| idp.get("/Users?startIndex=11&count=10")).await;
    report.takes("GET of a group", 5, |_| idp.get(&group)).await;
    report.takes("client-credentials token", 1, |_| client.client_credentials()).await;
    report.takes("introspection", 1, |_| client.introspecting(&idp.access_token)).await;
    let api = "https://api.acme.test/";
    let server = json!({"name": "API", "scopes": ["read:access"], "introspects": [api]});
    let server = acme.client(server).await;
    client.admin(Method::PATCH, "").json(&json!({"resources": [api]})).await.expect(200);
    let asked = [("grant_type", "client_credentials"), ("scope", "provision:scim"), ("resource", api)];
    let meant = text(&client.token(&asked).await.expect(200).json()["access_token"]);
    report.takes("introspection by a resource server", 1, |_| server.introspecting(&meant)).await;
    let token = RefCell::new(idp.refresh_token.clone().unwrap_or_default());
    report
        .takes("refresh", 4, |_| {
            let (client, token) = (client.clone(), &token);
            Box::pin(async move {
                let asked = client.refresh(&token.borrow());
                let answer = asked.await.expect(200);
                token.replace(text(&answer.json()["refresh_token"]));
                answer
            })
        })
        .await;
    report.takes("create", 4, |n| idp.post("/Users", &a_user(&format!("new{n}@acme.test")))).await;
    report.takes("PATCH of active", 4, |n| idp.patch(&at(11)).replace("active", n % 2 == 1)).await;
    report
        .takes("one member into a group", 4, |n| {
            idp.patch(&group).add("members", json!([{"value": users[12 + n]["id"]}]))
        })
        .await;
    report
        .takes("one member out of a group", 4, |n| {
            idp.patch(&group).remove(&format!("members[value eq \"{}\"]", text(&users[12 + n]["id"])))
        })
        .await;
    access_told(&acme, report).await;
    report.takes("DELETE", 4, |n| idp.delete(&at(20 + n))).await;
}

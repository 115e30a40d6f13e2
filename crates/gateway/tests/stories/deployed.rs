//! Two gateways as `deploy/compose.yaml` starts them, on a PostgreSQL of their own, behind the reference nginx and the reference HAProxy.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::guide;
use crate::readiness::until_ready;
use crate::support::account::text;
use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::directories;
use crate::support::http::{self, Call};
use crate::support::identity_provider::{PATCH, a_user};
use crate::support::okta::Kind;
use crate::support::postgres::Cluster;
use crate::support::process::{self, Process};
use crate::support::reference_proxy;
use crate::support::story;
use crate::support::testing::{Database, MASTER_KEY, OPERATOR, World};

const COMPOSE: &str = include_str!("../../../../deploy/compose.yaml");
const IMAGE: &str = include_str!("../../../../deploy/Dockerfile");
pub const PUBLIC_URL: &str = "https://provisioning.example.com";
/// As many as send at one time; no more can be under way where a gateway is killed.
const SENDERS: usize = 4;
/// How often a sender tries at most.
const ATTEMPTS: usize = 1_000;

/// What a gateway is told by the image and the compose file, with the names of this machine.
pub fn environment(database_url: &str, directory: &Path) -> Vec<(&'static str, String)> {
    let image = IMAGE
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| name.starts_with("GATEWAY__"));
    let compose = COMPOSE
        .lines()
        .filter_map(|line| line.trim().split_once(": "))
        .filter(|(name, _)| name.starts_with("GATEWAY__"));
    let mut told: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in image.chain(compose) {
        let value = value.split(" #").next().unwrap_or_default();
        let here = match value.strip_prefix("/run/secrets/") {
            Some(secret) => {
                let content = match secret {
                    "master_key" => MASTER_KEY,
                    "admin_token" => OPERATOR,
                    "database_url" => database_url,
                    _ => panic!("the story has no secret {secret}"),
                };
                let file = directory.join(secret);
                fs::write(&file, format!("{content}\n")).expect("a file can be written");
                file.display().to_string()
            }
            None if value.starts_with("${PUBLIC_URL:?") => PUBLIC_URL.to_owned(),
            None => match name {
                "GATEWAY__SERVER__TRUSTED_PROXIES" => "127.0.0.1".to_owned(), // nginx's address
                "GATEWAY__METRICS__BIND" => "127.0.0.1:0".to_owned(),         // both are on one machine
                "GATEWAY__DATA__DIR" => directory.display().to_string(),
                _ => value.to_owned(),
            },
        };
        told.push((name, here));
    }
    assert!(told.len() >= 8, "{told:?}");
    // What the story has no time for.
    told.extend([("GATEWAY__SERVER__DRAIN_SECONDS", "1".to_owned()), ("GATEWAY__SERVER__WORKERS", "1".to_owned())]);
    told
}

/// What happens while identity providers send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// One gateway is restarted as in an upgrade.
    RollingRestart,
    /// The other is killed, and started again.
    Kill,
    /// PostgreSQL crashes, and recovers.
    DatabaseCrash,
    /// Everything is well again.
    After,
    /// Senders finish what they are at.
    Over,
}

const EVENTS: [Event; 5] = [Event::RollingRestart, Event::Kill, Event::DatabaseCrash, Event::After, Event::Over];

/// Shared by the senders and by what happens to the gateways.
#[derive(Default)]
struct Course {
    event: AtomicUsize,
    acknowledged: AtomicUsize,
}

impl Course {
    fn event(&self) -> Event {
        EVENTS[self.event.load(Ordering::Relaxed)]
    }

    fn next(&self) {
        self.event.fetch_add(1, Ordering::Relaxed);
    }

    /// Until so many more requests were acknowledged.
    async fn goes_on(&self, more: usize) {
        let wanted = self.acknowledged.load(Ordering::Relaxed) + more;
        while self.acknowledged.load(Ordering::Relaxed) < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// An identity provider that creates users and changes them, and repeats what was not acknowledged.
struct Sender {
    number: usize,
    client: reqwest::Client,
    proxy: String,
    token: String,
    course: Arc<Course>,
    told: Told,
}

/// What a sender was told.
#[derive(Default)]
struct Told {
    /// The id and the last acknowledged display name of each user by name.
    users: BTreeMap<String, (String, String)>,
    changes: usize,
    /// Requests to come again: what happened when they were sent and when they were answered, their method, and the words.
    refused: Vec<(Event, Event, Method, String)>,
    /// What happened when requests were sent that got no answer.
    unanswered: Vec<Event>,
}

impl Sender {
    /// An answer that acknowledges; `None`: to be repeated.
    async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Option<Value> {
        let url = format!("{}/scim/v2{path}", self.proxy);
        let call = Call::new(self.client.clone(), method.clone(), url).bearer(&self.token);
        let sent = self.course.event();
        let call = match body {
            Some(body) => call.scim(body),
            None => call,
        };
        let Ok(answer) = call.attempt().await else {
            // HAProxy closes a connection that was used before, so that the client repeats what was under way (RFC 9112 §9.3.1).
            self.told.unanswered.push(sent);
            tokio::time::sleep(Duration::from_millis(20)).await;
            return None;
        };
        if answer.status.is_success() {
            self.course.acknowledged.fetch_add(1, Ordering::Relaxed);
            return Some(serde_json::from_slice(&answer.body).unwrap_or_default());
        }
        let detail = answer.scim_error();
        // 409: what an earlier attempt asked for was done meanwhile. The look-up finds it.
        let is_done = answer.status == 409 && method == Method::POST;
        assert!(is_done || answer.header("retry-after").is_some(), "{}: {detail}", answer.status);
        if !is_done {
            assert_eq!(answer.status, 503, "{detail}");
            self.told.refused.push((sent, self.course.event(), method, detail));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        None
    }

    /// The user, who is created where the look-up does not find them.
    async fn assign(&mut self, name: &str) -> String {
        let filter = format!("/Users?filter=userName%20eq%20%22{name}%22");
        for _ in 0..ATTEMPTS {
            let Some(found) = self.ask(Method::GET, &filter, None).await else { continue };
            if let Some(id) = found["Resources"][0]["id"].as_str() {
                return id.to_owned();
            }
            if let Some(made) = self.ask(Method::POST, "/Users", Some(&a_user(name))).await {
                return text(&made["id"]);
            }
        }
        panic!("{name} could not be created");
    }

    async fn change(&mut self, id: &str, display_name: &str) {
        let body =
            json!({"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"displayName": display_name}}]});
        for _ in 0..ATTEMPTS {
            if self.ask(Method::PATCH, &format!("/Users/{id}"), Some(&body)).await.is_some() {
                self.told.changes += 1;
                return;
            }
        }
        panic!("{id} could not be changed");
    }

    async fn send(mut self) -> Told {
        let mut n = 0;
        while self.course.event() != Event::Over {
            n += 1;
            let name = format!("user{}-{n}@load.test", self.number);
            let id = self.assign(&name).await;
            let mut last = String::new();
            for change in 1..=2 {
                last = format!("{n}, {change}");
                self.change(&id, &last).await;
            }
            self.told.users.insert(name, (id, last));
            tokio::time::sleep(Duration::from_millis(50)).await; // an identity provider has other things to do
        }
        self.told
    }
}

async fn start(directory: &Path, port: u16, environment: &[(&'static str, String)]) -> Process {
    Process::start(directory, port, environment).await.unwrap_or_else(|why| panic!("{why}"))
}

/// When the PostgreSQL of a world was started, in microseconds.
fn started_at(world: &World) -> i64 {
    let sql = "SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint AS n";
    Behind::of(world).number(sql)
}

#[test]
fn replicas_behind_nginx_and_haproxy_lose_and_repeat_nothing_when_one_is_killed_and_postgresql_crashes() {
    story::run(async {
        let mut cluster = Cluster::start(); // dropped last
        let Some(server) = cluster.as_ref().map(|cluster| cluster.server) else { return };
        let database = server.database(None);
        let directory = directories::subdirectory("deployed");
        let environment = environment(&database.url(), &directory);
        let ports = [process::free_port(), process::free_port()];
        // Both migrate; a lock in the database lets one at a time.
        let (mut one, mut other) =
            tokio::join!(start(&directory, ports[0], &environment), start(&directory, ports[1], &environment));
        let Some(nginx) = reference_proxy::nginx(&ports).await else { return };
        let Some(haproxy) = reference_proxy::haproxy(&ports).await else { return };
        let proxies = vec![nginx.address.clone(), haproxy.address.clone()];
        let world = World::deployed(PUBLIC_URL, proxies.clone(), Database::Postgres(database), directory.clone());
        let idp = world.account("load").await.connected_identity_provider().await;

        let course = Arc::new(Course::default());
        let senders = (0..SENDERS).map(|number| {
            let (course, token) = (course.clone(), idp.access_token.clone());
            let proxy = proxies[number % 2].clone();
            Sender { number, client: http::client(), proxy, token, course, told: Told::default() }.send()
        });
        let happens = async {
            let restart = async {
                assert!(one.terminate().await.success(), "{}", one.log());
                one = start(&directory, ports[0], &environment).await;
            };
            // Each request of the guide goes through the other proxy than the one before.
            tokio::join!(guide::the_guide_is_true(world.clone(), Kind::Wizard), restart);
            course.next();
            other.kill();
            course.goes_on(40).await;
            other = start(&directory, ports[1], &environment).await;
            course.goes_on(10).await;
            course.next();
            let before = started_at(&world);
            let mut running = cluster.take().expect("it runs");
            let restarted = tokio::task::spawn_blocking(move || {
                running.crash_and_start();
                running
            });
            cluster = Some(restarted.await.expect("it is restarted"));
            assert_ne!(started_at(&world), before, "it is another PostgreSQL");
            until_ready(&one, true).await;
            until_ready(&other, true).await;
            course.goes_on(10).await;
            course.next();
            course.goes_on(40).await;
            course.next();
        };
        let (told, ()) = tokio::join!(all(senders.collect()), happens);

        // What failed, and why.
        let mut counted: BTreeMap<(Event, String), usize> = BTreeMap::new();
        for (sent, answered, method, detail) in told.iter().flat_map(|told| &told.refused) {
            let quiet = |event: &Event| matches!(event, Event::RollingRestart | Event::After);
            assert!(
                !(quiet(sent) && sent == answered),
                "{method} failed while {sent:?}: {detail}\n{}{}",
                nginx.log(),
                haproxy.log()
            );
            *counted.entry((*sent, detail.clone())).or_default() += 1;
        }
        println!(
            "{} requests were acknowledged; to be repeated were {counted:#?}",
            course.acknowledged.load(Ordering::Relaxed)
        );
        let unanswered: Vec<Event> = told.iter().flat_map(|told| told.unanswered.clone()).collect();
        let at_a_gateway_that_went = unanswered.iter().all(|event| *event <= Event::Kill);
        assert!(at_a_gateway_that_went && unanswered.len() <= SENDERS, "without an answer were {unanswered:?}");
        let while_killed: usize = counted.iter().filter(|((event, _), _)| *event <= Event::Kill).map(|(_, n)| n).sum();
        assert!(while_killed <= SENDERS, "only what was under way at the killed gateway: {counted:#?}");

        // What was acknowledged is there, once; and nothing else.
        let mut expected = BTreeMap::new();
        for told in &told {
            expected.extend(told.users.iter().map(|(name, (id, last))| (name.clone(), (id.clone(), last.clone()))));
        }
        let list = idp.list("/Users?count=1000&attributes=userName,displayName").await;
        let found = list["Resources"].as_array().expect("users").iter().filter(|user| user["displayName"].is_string());
        let found: Vec<(String, (String, String))> =
            found.map(|user| (text(&user["userName"]), (text(&user["id"]), text(&user["displayName"])))).collect();
        assert_eq!(list["totalResults"], expected.len() + 1, "and the service account");
        assert_eq!(found.len(), expected.len(), "each name once");
        assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), expected);
        assert!(expected.len() > 20, "there was load");
        // The trail has one row for each change that was asked for, and none for one that was done twice.
        let ids: Vec<String> = expected.values().map(|(id, _)| format!("'{id}'")).collect();
        let mut behind = Behind::of(&world);
        let mut rows = |action: &str| {
            let ids = ids.join(", ");
            behind.number(&format!("SELECT count(*) AS n FROM audit WHERE action = '{action}' AND target IN ({ids})"))
                as usize
        };
        assert_eq!(rows("user.created"), expected.len());
        let patched = rows("user.patched");
        let asked: usize = told.iter().map(|told| told.changes).sum();
        let mut other = |name: &String, id: &String| {
            let rows = format!("SELECT count(*) AS n FROM audit WHERE action = 'user.patched' AND target = '{id}'");
            (behind.number(&rows) != 2).then(|| name.clone())
        };
        let other: Vec<String> = expected.iter().filter_map(|(name, (id, _))| other(name, id)).collect();
        assert_eq!(patched, asked, "not two rows each have {other:?}; without an answer were {unanswered:?}");
    });
}

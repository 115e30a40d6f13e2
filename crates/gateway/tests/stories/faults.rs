//! The database fails in the middle of things: what is answered, what is true afterwards, and how soon it works again.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::readiness::until_ready;
use crate::support::concurrently::all;
use crate::support::database::Behind;
use crate::support::http::{self, Answer, Call};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::process::Process;
use crate::support::story::on_postgres;
use crate::support::testing::World;
use crate::support::wire::{Mode, Wire};

/// A process of this world whose way to PostgreSQL is the wire.
async fn over(wire: &Wire, world: &World) -> Process {
    let url = wire.url(&world.database_url());
    world.process_with(&[("GATEWAY__DATABASE__URL", &url), ("GATEWAY__DATABASE__CONNECTIONS", "20")]).await
}

fn call(process: &Process, method: Method, path: &str) -> Call {
    Call::new(http::client(), method, format!("{}{path}", process.address))
}

async fn create(process: &Process, idp: &IdentityProvider, name: &str) -> Answer {
    let users = call(process, Method::POST, "/scim/v2/Users").bearer(&idp.access_token);
    users.json(&a_user(name)).attempt().await.expect("it answers")
}

fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let seconds: Result<u32, _> = answer.header("retry-after").unwrap_or_default().parse();
    assert!(seconds.is_ok_and(|seconds| seconds > 0), "Retry-After is a number of seconds: {:?}", answer.headers);
    assert!(!answer.text().to_lowercase().contains("nothing was changed"), "{}", answer.text());
}

#[test]
fn hardening_9_a_lost_answer_to_commit_is_looked_up() {
    on_postgres(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let wire = Wire::to(&world.database_url());
        let process = over(&wire, &world).await;
        for n in 0..10 {
            // The server committed and its answer was lost. The client is still told of the success.
            wire.set(Mode::LoseAnswer);
            let name = format!("heard{n}");
            let created = create(&process, &idp, &name).await;
            assert_eq!(created.status, 201, "{}", created.text());
            let id = created.json()["id"].clone();
            let found = idp.list(&format!("/Users?filter=userName+eq+%22{name}%22")).await;
            assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &id));
            // COMMIT never arrived: the unit of work runs again.
            wire.set(Mode::LoseCommit);
            let created = create(&process, &idp, &format!("again{n}")).await;
            assert_eq!(created.status, 201, "{}", created.text());
        }
        assert!(wire.lost() >= 20, "{} transactions were caught", wire.lost());
        assert_eq!(idp.list("/Users?count=0").await["totalResults"], 21);
    });
}

#[test]
fn hardening_9_an_outcome_that_cannot_be_learnt_is_told_as_unknown() {
    on_postgres(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let wire = Wire::to(&world.database_url());
        let process = over(&wire, &world).await;
        wire.set(Mode::LoseAnswerAndBreak);
        let answer = create(&process, &idp, "unknown").await;
        is_unavailable(&answer);
        assert!(answer.text().contains("not known whether"), "{}", answer.text());
        assert_eq!(idp.list("/Users?filter=userName+eq+%22unknown%22").await["totalResults"], 1, "it was made");
        wire.set(Mode::Whole);
        assert_eq!(create(&process, &idp, "unknown").await.status, 409);
    });
}

#[test]
fn hardening_9_a_database_that_is_away_is_503_in_every_protocol() {
    on_postgres(&[], async |world: World| {
        let acme = world.account("acme").await;
        let idp = acme.connected_identity_provider().await;
        let wire = Wire::to(&world.database_url());
        let process = over(&wire, &world).await;
        wire.set(Mode::Broken);
        let scim = async {
            let answer = create(&process, &idp, "ana").await;
            is_unavailable(&answer);
            assert_eq!(answer.json()["status"], "503");
            assert_eq!(answer.json()["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        };
        let oauth = async {
            let form = [("grant_type", "client_credentials"), ("client_id", "x"), ("client_secret", "y")];
            let answer = call(&process, Method::POST, "/oauth2/token").form(&form).attempt().await.expect("it answers");
            is_unavailable(&answer);
            assert_eq!(answer.json()["error"], "temporarily_unavailable");
        };
        let page = async {
            let answer = call(&process, Method::GET, "/oauth2/auth?client_id=x&response_type=code").attempt().await;
            let answer = answer.expect("it answers");
            is_unavailable(&answer);
            assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
        };
        let admin = async {
            let accounts =
                call(&process, Method::GET, "/admin/accounts").bearer("gwo_not_the_configured_one_0123456789");
            let answer = accounts.attempt().await.expect("it answers");
            is_unavailable(&answer);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        };
        tokio::join!(scim, oauth, page, admin);
        wire.set(Mode::Whole);
        assert_eq!(create(&process, &idp, "ana").await.status, 201, "at once");
    });
}

#[test]
fn hardening_10_sessions_that_died_in_the_pool_fail_no_request() {
    on_postgres(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let wire = Wire::to(&world.database_url());
        let process = over(&wire, &world).await;
        for round in 0..3 {
            let filled: Vec<_> = (0..16).map(|n| format!("before{round}-{n}")).collect();
            all(filled.iter().map(|name| create(&process, &idp, name)).collect()).await;
            wire.cut();
            for n in 0..4 {
                let answer = create(&process, &idp, &format!("after{round}-{n}")).await;
                assert_eq!(answer.status, 201, "{round}-{n}: {}", answer.text());
            }
        }
    });
}

#[test]
fn hardening_10_a_database_that_was_read_only_is_written_at_once_afterwards() {
    on_postgres(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let wire = Wire::to(&world.database_url());
        let process = over(&wire, &world).await;
        let mut behind = Behind::of(&world);
        let name = world.database_url().rsplit('/').next().expect("a name").to_owned();
        behind.execute(&format!(r#"ALTER DATABASE "{name}" SET default_transaction_read_only = on"#));
        wire.cut(); // every session from here on is read-only
        let outage = |n: usize| {
            let (process, idp) = (&process, &idp);
            async move { create(process, idp, &format!("refused{n}")).await }
        };
        for answer in all((0..24).map(outage).collect()).await {
            is_unavailable(&answer);
        }
        idp.get("/Users").await.expect(200); // reads go on
        until_ready(&process, false).await;
        behind.execute(&format!(r#"ALTER DATABASE "{name}" RESET default_transaction_read_only"#));
        let healed = std::time::Instant::now();
        while create(&process, &idp, "first").await.status != 201 {
            assert!(healed.elapsed() < Duration::from_secs(2), "it has been writable for a while");
        }
        for n in 0..60 {
            let answer = create(&process, &idp, &format!("user{n}")).await;
            assert_eq!(answer.status, 201, "write {n}: {}", answer.text());
        }
        until_ready(&process, true).await;
    });
}

/// The gateway is the victim of a deadlock, and the server tells it so in German where it can.
#[test]
fn hardening_10_a_deadlock_is_run_again_in_each_language_of_the_server() {
    on_postgres(&[], async |world: World| {
        let idp = world.account("acme").await.connected_identity_provider().await;
        let user = idp.create_user(&a_user("ana")).await;
        let id = user["id"].as_str().expect("an id").to_owned();
        let mut behind = Behind::of(&world);
        let name = world.database_url().rsplit('/').next().expect("a name").to_owned();
        let german = behind.try_execute(&format!(r#"ALTER DATABASE "{name}" SET lc_messages = 'de_DE.UTF-8'"#));
        if german.is_err() {
            println!("this server has no de_DE.UTF-8: told in its own language");
        }
        let process = world.process_with(&[]).await; // its sessions speak German
        let logged = behind.number("SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()");
        let _ = behind.try_execute("SET deadlock_timeout = '20s'"); // it is the gateway that finds the circle, and gives way
        behind.execute("BEGIN; LOCK TABLE audit IN EXCLUSIVE MODE");
        let patch: Value = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "displayName", "value": "Ana"}]});
        let patched =
            call(&process, Method::PATCH, &format!("/scim/v2/Users/{id}")).bearer(&idp.access_token).json(&patch);
        let adversary = tokio::task::spawn_blocking(move || {
            // What waits for no longer than that would do so apart.
            let waits = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() \
                 AND query_start < clock_timestamp() - interval '300 milliseconds'";
            while behind.number(waits) == 0 {
                std::thread::yield_now();
            }
            behind.execute(&format!("UPDATE resources SET version = version WHERE id = '{id}'; COMMIT"));
            behind
        });
        let (answer, behind) = tokio::join!(async { patched.attempt().await.expect("it answers") }, adversary);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut behind = behind.expect("it waited its turn");
        let counted = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()";
        for _ in 0..50 {
            if behind.number(counted) > logged {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await; // the server counts a little later
        }
        panic!("there was no deadlock");
    });
}

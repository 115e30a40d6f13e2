//! Each answer says which request it answers, and the same id stands in the log.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::json;

use crate::support::account::text;
use crate::support::identity_provider::a_user;
use crate::support::testing::World;

const LOUD: (&str, &str) = ("GATEWAY__LOG__FILTER", "debug");

story!(each_answer_to_any_request_has_an_id_of_its_own, settings = [LOUD], async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let answers = [
        idp.post("/Users", &a_user("ana@acme.test")).await,
        idp.post("/Users", &a_user("ana@acme.test")).await,
        idp.get("/Users?filter=nonsense").await,
        idp.get("/Unicorns").await,
        world.get("/scim/v2/Users").await,
        world.get("/scim/v2/Users").header("x-request-id", "chosen-by-the-caller").await,
        world.post("/scim/v2/Users/x").await,
        world.post("/oauth2/token").form(&[("grant_type", "password")]).await,
        world.get("/oauth2/token").await,
        world.get("/oauth2/auth").await,
        world.get("/health/live").await,
        world.get("/health/ready").await,
        world.get("/.well-known/jwks.json").await,
        world.get("/nothing/here").await,
        world.get("/admin/nothing").await,
        world.admin(Method::GET, "/accounts").await,
        world.admin(Method::PUT, "/accounts").await,
        world.get("/openapi.json").await,
    ];
    let mut ids = HashSet::new();
    for answer in &answers {
        let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{} has no id", answer.asked));
        assert!(id.len() == 23 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{id}");
        assert!(ids.insert(id.to_owned()), "{id} stands twice");
    }
    let logs = world.logs();
    for id in &ids {
        assert!(logs.contains(id.as_str()), "the log does not tell of {id}");
    }
    assert!(!logs.contains("chosen-by-the-caller"));
});

story!(
    the_id_of_a_trusted_proxy_is_taken_over,
    settings = [("GATEWAY__SERVER__TRUSTED_PROXIES", "127.0.0.1")],
    async |world: World| {
        for (given, taken) in [
            ("7b4f2c1e-0000-4000-8000-000000000001", true),
            ("Root_1.2", true),
            ("with space", false),
            ("{\"json\":1}", false),
            (&"x".repeat(65), false),
            ("", false),
        ] {
            let answer = world.get("/scim/v2/Users").header("x-request-id", given).await;
            let id = answer.header("x-request-id").expect("an id").to_owned();
            assert_eq!(id == given, taken, "{given:?} became {id}");
        }
        let named = world.admin(Method::POST, "/accounts").header("x-request-id", "Root_1.2");
        let account = named.json(&json!({"name": "zeta"})).await.expect(201).json();
        let rows = world.admin_get(&format!("/audit?target={}", text(&account["id"]))).await;
        assert_eq!(rows["items"][0]["request_id"], "Root_1.2", "{rows}");
    }
);

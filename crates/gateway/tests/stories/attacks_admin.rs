//! Attacks on the admin API (H of the table): who gets in, how far, and what is written about it.

use gateway::http::admin::ENDPOINTS;
use gateway::platform::timestamp::Timestamp;
use reqwest::Method;
use serde_json::json;

use crate::support::account::{Account, items, text};
use crate::support::database::Behind;
use crate::support::http::Call;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

/// A request to an endpoint of the table, about what belongs to this account.
fn call(world: &World, method: &str, path: &str, account: &Account, client: &OAuthClient, grant: &str) -> Call {
    let path = path.replace("{account}", &account.id).replace("{client}", &client.id).replace("{grant}", grant);
    let path = path.replace("{user}", "nobody").replace("{secret}", "none").replace("{operator}", "nobody");
    let path = path
        .replace("{attribute}", "badge")
        .replace("{token}", "none")
        .replace("{request}", "none")
        .replace("{link}", "none")
        .replace("{webhook}", "none")
        .replace("{event}", "none");
    assert!(!path.contains('{'), "{path}: say here what a story puts in its place");
    let call = world.call(method.parse().expect("a method"), &format!("/admin{path}"));
    if matches!(method, "GET" | "DELETE") { call } else { call.json(&json!({})) }
}

async fn operator(world: &World, body: serde_json::Value) -> serde_json::Value {
    world.admin(Method::POST, "/operators").json(&body).await.expect(201).json()
}

async fn grant_of(account: &Account) -> String {
    text(&items(&account.admin_get("/grants").await)[0]["id"])
}

story!(attack_78_no_admin_endpoint_answers_without_a_credential_that_counts, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let grant = grant_of(&acme).await;
    let ended = operator(&world, json!({"name": "left", "role": "platform"})).await;
    world.admin(Method::DELETE, &format!("/operators/{}", text(&ended["id"]))).await.expect(204);
    let expired =
        operator(&world, json!({"name": "until noon", "role": "platform", "expires": "2199-01-01T12:00:00Z"})).await;
    world.get("/admin/operators").bearer(&text(&expired["token"])).await.expect(200);
    Behind::of(&world).execute("UPDATE operators SET expires = 1000 WHERE expires IS NOT NULL");
    let basic = |call: Call| call.basic(&idp.client.id, &idp.client.secret);
    let bearers = [
        "gwo_nonsense".to_owned(),
        text(&ended["token"]),
        text(&expired["token"]),
        idp.access_token.clone(),
        idp.refresh_token.clone().unwrap_or_default(),
        idp.client.secret.clone(),
    ];
    assert!(ENDPOINTS.len() >= 26, "the table is the whole admin API");
    for endpoint in ENDPOINTS {
        let ask = || call(&world, endpoint.method.as_str(), endpoint.path, &acme, &idp.client, &grant);
        let refused = ask().await.expect(401);
        assert!(refused.header("www-authenticate").is_some_and(|v| v.starts_with("Bearer")), "{}", endpoint.path);
        refused.problem();
        basic(ask()).await.expect_problem(401);
        for bearer in &bearers {
            ask().bearer(bearer).await.expect_problem(401);
        }
    }
    // Nor is it told what there is.
    for path in ["/admin", "/admin/nonsense", "/admin/accounts/x/nonsense"] {
        world.get(path).await.expect_problem(401);
    }
    world.call(Method::PUT, "/admin/accounts").await.expect_problem(401);
    idp.get("/Users").await.expect(200);
});

story!(attack_79_an_operator_of_one_account_reaches_no_other, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let idp = acme.connected_identity_provider().await;
    let shared = json!({"name": "Catalog", "profile": "okta"});
    let shared = OAuthClient::new(&world, world.admin(Method::POST, "/clients").json(&shared).await.expect(201).json());
    let grant = grant_of(&acme).await;
    let made = operator(&world, json!({"name": "cs of orchard", "role": "platform", "accounts": [orchard.id]})).await;
    assert_eq!(made["accounts"], json!([orchard.id]));
    let token = text(&made["token"]);

    // Every endpoint, about another account: it does not exist, or is not theirs.
    for endpoint in ENDPOINTS {
        let answer =
            call(&world, endpoint.method.as_str(), endpoint.path, &acme, &idp.client, &grant).bearer(&token).await;
        let is_about = ["{account}", "{client}", "{grant}", "{request}", "{webhook}"]
            .iter()
            .any(|name| endpoint.path.contains(name));
        if is_about {
            answer.expect_problem(404);
        } else if ["/accounts", "/health"].contains(&endpoint.path) && endpoint.method == "GET" {
            // What is listed is their own account's.
            let listed = answer.expect(200).json();
            assert!(!listed.to_string().contains(&acme.id), "{}: {listed}", endpoint.path);
        } else if endpoint.path == "/requests" && endpoint.method == "GET" {
            // What it finds is its own account's; without a question there is nothing to find.
            answer.expect_problem(400);
        } else {
            answer.expect_problem(403);
        }
    }
    for method in ["GET", "PATCH", "DELETE"] {
        call(&world, method, "/clients/{client}", &acme, &shared, "1").bearer(&token).await.expect_problem(404);
    }
    let audit = format!("/admin/audit?account={}", acme.id);
    world.get(&audit).bearer(&token).await.expect_problem(404);
    world.get(&format!("{audit}&account={}", orchard.id)).bearer(&token).await.expect_problem(404);
    idp.get("/Users").await.expect(200);

    // And their own: as any operator.
    let own = |method: Method, path: &str| {
        world.call(method, &format!("/admin/accounts/{}{path}", orchard.id)).bearer(&token)
    };
    own(Method::GET, "").await.expect(200);
    own(Method::GET, "/users").await.expect(200);
    let body = json!({"name": "Okta", "profile": "okta"});
    let client = own(Method::POST, "/clients").json(&body).await.expect(201).json();
    let path = format!("/admin/clients/{}", text(&client["client_id"]));
    world.get(&path).bearer(&token).await.expect(200);
    world.call(Method::POST, &format!("{path}/secrets")).json(&json!({})).bearer(&token).await.expect(201);
    let trail = world.get(&format!("/admin/audit?account={}", orchard.id)).bearer(&token).await.expect(200).json();
    assert!(items(&trail).iter().any(|row| row["actor_name"] == "cs of orchard"), "{trail}");
});

story!(attack_82_each_act_is_one_row_with_what_was_before_and_after, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let rows_before = acme.audit().await.0.len();
    client.admin(Method::PATCH, "").json(&json!({"name": "Okta EU", "access_token_seconds": 600})).await.expect(200);
    acme.admin(Method::PATCH, "").json(&json!({"default_role": "reports"})).await.expect(200);
    let ada = acme.user("ada@acme.test").create().await;
    acme.admin(Method::PATCH, &format!("/users/{}", ada.id)).json(&json!({"role": "master_admin"})).await.expect(200);
    let password = json!({"password": "a whole new password"});
    acme.admin(Method::PATCH, &format!("/users/{}", ada.id)).json(&password).await.expect(200);
    let made = client.admin(Method::POST, "/secrets").json(&json!({})).await.expect(201).json();
    client.admin(Method::DELETE, "").await.expect(204);

    let audit = acme.audit().await;
    let rows: Vec<_> = audit.0.iter().rev().skip(rows_before).collect();
    let actions: Vec<_> = rows.iter().map(|row| text(&row["action"])).collect();
    let expected = [
        "client.changed",
        "account.changed",
        "user.created",
        "user.patched",
        "access.widened", // what the act before means
        "user.login_changed",
        "client.secret_added",
        "client.deleted",
    ];
    assert_eq!(actions, expected, "one row for each act");
    for row in &rows {
        assert!(text(&row["actor"]).starts_with("operator:") && row["address"] == "127.0.0.1", "{row}");
        assert!(row["at"].is_string() && row["target"].is_string(), "{row}");
    }
    let name = json!({"before": "Okta", "after": "Okta EU"});
    assert_eq!(
        (&rows[0]["changes"]["name"], &rows[0]["changes"]["access_token_seconds"]["after"]),
        (&name, &json!(600))
    );
    assert_eq!(rows[0]["changes"].as_object().map(serde_json::Map::len), Some(2), "{}", rows[0]);
    assert_eq!(rows[1]["changes"], json!({"default_role": {"before": null, "after": "reports"}}));
    assert_eq!(rows[3]["changes"], json!({"role": {"before": "media_library_user", "after": "master_admin"}}));
    let everything = format!("{rows:?}");
    assert!(!everything.contains("whole new password") && !everything.contains(&text(&made["client_secret"])));
});

story!(attack_82_a_changed_or_missing_row_breaks_the_chain, async |world: World| {
    let acme = world.account("acme").await;
    for n in 0..20 {
        acme.user(&format!("user{n}@acme.test")).create().await;
    }
    let mut behind = Behind::of(&world);
    let keys = behind.keys();
    let verify = |behind: &mut Behind, expected: Option<&str>| {
        let head = expected.map(|head| head.parse().expect("a head"));
        behind.work(|tx| tx.verify_audit(&keys, gateway::platform::clock::Clock::of_the_machine().now(), head.as_ref()))
    };
    let waiting = verify(&mut behind, None);
    assert!(waiting.breaks.is_empty() && waiting.waiting >= 21, "{waiting:?}");
    behind.seal();
    let whole = verify(&mut behind, None);
    assert!(whole.breaks.is_empty() && whole.sealed >= 21 && whole.head.number >= 3, "{whole:?}");
    let head = whole.head.to_string();
    acme.user("late@acme.test").create().await;
    behind.seal();
    assert!(verify(&mut behind, Some(&head)).breaks.is_empty(), "what was noted is still a link");
    let told = world.command(&["audit", "verify", "--expect", &head], &[]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(String::from_utf8_lossy(&told.stdout).contains("is whole"));

    // Each of these is undone again, so each is found alone.
    behind.execute("CREATE TABLE kept AS SELECT * FROM audit");
    behind.execute("CREATE TABLE kept_segments AS SELECT * FROM audit_segments");
    behind.execute("CREATE TABLE kept_facts AS SELECT * FROM installation");
    let row = behind.number("SELECT MIN(seq) AS n FROM audit WHERE segment = 2");
    let crimes = [
        format!("UPDATE audit SET detail = 'nothing happened' WHERE seq = {row}"),
        format!("UPDATE audit SET actor = 'somebody else' WHERE seq = {row}"),
        format!("UPDATE audit SET at = at + 1 WHERE seq = {row}"),
        format!("DELETE FROM audit WHERE seq = {row}"),
        format!("UPDATE audit SET segment = 1 WHERE seq = {row}"),
        format!("UPDATE audit SET segment = NULL WHERE seq = {row}"),
        "DELETE FROM audit WHERE segment = 2".to_owned(),
        "DELETE FROM audit WHERE segment = 2; DELETE FROM audit_segments WHERE number = 2".to_owned(),
        "DELETE FROM audit WHERE segment = 1; DELETE FROM audit_segments WHERE number = 1".to_owned(),
        "DELETE FROM audit WHERE segment > 2; DELETE FROM audit_segments WHERE number > 2".to_owned(),
        "DELETE FROM audit; DELETE FROM audit_segments".to_owned(),
        "UPDATE audit_segments SET entries = entries - 1 WHERE number = 2".to_owned(),
        "DELETE FROM installation WHERE name = 'audit_head'".to_owned(),
        "INSERT INTO installation (name, value) VALUES ('audit_anchor', '1:00:00')".to_owned(),
    ];
    for crime in &crimes {
        behind.execute(crime);
        let found = verify(&mut behind, None);
        assert!(!found.breaks.is_empty(), "{crime} goes unnoticed");
        behind.execute("DELETE FROM audit; DELETE FROM audit_segments; DELETE FROM installation");
        let overriding = if world.database_url().starts_with("sqlite") { "" } else { "OVERRIDING SYSTEM VALUE" };
        behind.execute(&format!("INSERT INTO audit {overriding} SELECT * FROM kept"));
        behind.execute("INSERT INTO audit_segments SELECT * FROM kept_segments");
        behind.execute("INSERT INTO installation SELECT * FROM kept_facts");
        assert!(verify(&mut behind, Some(&head)).breaks.is_empty(), "undone: {crime}");
    }
    let unknown = format!("1:{}", "0".repeat(64));
    assert!(!verify(&mut behind, Some(&unknown)).breaks.is_empty());
    behind.execute(&crimes[0]);
    let told = world.command(&["audit", "verify"], &[]);
    assert!(!told.status.success());
    assert!(String::from_utf8_lossy(&told.stderr).contains("segment 2"), "{}", String::from_utf8_lossy(&told.stderr));
});

story!(old_segments_of_the_audit_trail_go_and_the_rest_stays_whole, async |world: World| {
    let acme = world.account("acme").await;
    for n in 0..10 {
        acme.user(&format!("user{n}@acme.test")).create().await;
    }
    let mut behind = Behind::of(&world);
    behind.seal();
    let keys = behind.keys();
    let before = behind.work(|tx| tx.verify_audit(&keys, Timestamp::EPOCH, None));
    let first = before.head.clone();
    let nothing = behind.work(|tx| tx.forget_audit(&keys, Timestamp::of_millis(1_000)));
    assert_eq!(nothing, Ok(0), "nothing is that old");
    assert!(behind.work(|tx| tx.forget_audit(&keys, Timestamp::MAX)).is_ok_and(|rows| rows > 0));
    let some = behind.work(|tx| tx.verify_audit(&keys, Timestamp::EPOCH, Some(&first)));
    assert!(some.breaks.is_empty() && some.forgotten == 1 && some.sealed < before.sealed, "{some:?}");
    while behind.work(|tx| tx.forget_audit(&keys, Timestamp::MAX)).is_ok_and(|rows| rows > 0) {}
    let none = behind.work(|tx| tx.verify_audit(&keys, Timestamp::EPOCH, None));
    assert!(none.breaks.is_empty() && none.sealed == 0 && none.head == first, "{none:?}");
    acme.user("after@acme.test").create().await;
    behind.seal();
    let again = behind.work(|tx| tx.verify_audit(&keys, Timestamp::EPOCH, None));
    assert!(again.breaks.is_empty() && again.head.number == first.number + 1, "the chain goes on: {again:?}");
});

story!(attack_83_no_caller_sets_what_is_not_theirs_to_set, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let ada = acme.user("ada@acme.test").create().await;
    let too_much = [
        ("id", json!("0198")),
        ("seq", json!(1)),
        ("account", json!("other")),
        ("tenant_id", json!("other")),
        ("created", json!("2020-01-01T00:00:00Z")),
        ("client_id", json!("mine")),
        ("client_secret", json!("gws_mine")),
        ("secret_hash", json!("00")),
        ("fingerprint", json!("00")),
        ("deleted", json!(null)),
        ("options", json!({})),
        ("lifetimes", json!({})),
        ("has_account", json!(true)),
    ];
    for (field, value) in &too_much {
        let with = |mut body: serde_json::Value| {
            body[*field] = value.clone();
            body
        };
        let refused = [
            world.admin(Method::POST, "/accounts").json(&with(json!({"name": "x"}))).await,
            acme.admin(Method::PATCH, "").json(&with(json!({}))).await,
            acme.admin(Method::POST, "/clients").json(&with(json!({"name": "x", "profile": "okta"}))).await,
            client.admin(Method::PATCH, "").json(&with(json!({}))).await,
            client.admin(Method::POST, "/secrets").json(&with(json!({}))).await,
        ];
        for answer in refused {
            let problem = answer.expect_problem(400);
            assert!(problem["errors"].to_string().contains(field), "{field} is named: {problem}");
        }
    }
    // A user's body is SCIM's: what is the server's to say is ignored (RFC 7643 §7).
    let path = format!("/users/{}", ada.id);
    let tried =
        json!({"id": "mine", "meta": {"version": "9"}, "password_hash": "x", "managed_by_identity_provider": true});
    let answer = acme.admin(Method::PATCH, &path).json(&tried).await;
    assert!(matches!(answer.status.as_u16(), 200 | 400), "{}", answer.text());
    let user = acme.admin_get(&path).await;
    assert_eq!((user["id"].as_str(), &user["managed_by_identity_provider"]), (Some(ada.id.as_str()), &json!(false)));
});

story!(attack_84_health_and_metrics_name_no_user, async |world: World| {
    let acme = world.account("acme-secretive").await;
    let ada = acme.service_account().await;
    let idp = acme.connect_identity_provider_as(&ada).await;
    idp.get("/Users").await.expect(200);
    idp.get(&format!("/Users/{}", ada.id)).await.expect(200);
    for path in ["/health/live", "/health/ready", "/metrics"] {
        let answer = world.get(path).await;
        let told = format!("{:?}{}", answer.headers, answer.text());
        for name in [&acme.name, &acme.id, &ada.id, &ada.user_name, &idp.client.id] {
            assert!(!told.contains(name.as_str()), "{path} tells {name}: {told}");
        }
    }
});

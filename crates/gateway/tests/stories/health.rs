//! How a connection is: asked by the admin API, each reason by the facts that give it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::identity_provider::{IdentityProvider, a_user};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

async fn health(client: &OAuthClient) -> Value {
    client.admin(Method::GET, "/health").await.expect(200).json()
}

fn codes(health: &Value) -> Vec<String> {
    health["reasons"].as_array().into_iter().flatten().map(|reason| text(&reason["code"])).collect()
}

#[track_caller]
fn reason(health: &Value, code: &str) -> Value {
    let reasons = health["reasons"].as_array().expect("reasons");
    reasons.iter().find(|reason| reason["code"] == code).unwrap_or_else(|| panic!("no {code} in {health}")).clone()
}

#[track_caller]
fn says(health: &Value, code: &str, words: &[&str]) {
    let sentence = text(&reason(health, code)["sentence"]);
    assert!(words.iter().all(|word| sentence.contains(word)), "{words:?} in {sentence}");
}

async fn refused(idp: &IdentityProvider, name: &str) {
    let mut body = a_user(name);
    body["role"] = json!("boss");
    idp.post("/Users", &body).await.expect_scim_error(400, Some("invalidValue"));
}

async fn list(idp: &IdentityProvider) {
    idp.get("/Users?startIndex=1&count=100").await.expect(200);
}

story!(a_client_is_never_used_until_it_connects_and_then_it_is_known_when_it_was_there, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.okta_client().await;
    let unused = health(&client).await;
    assert_eq!((&unused["state"], codes(&unused)), (&json!("never_used"), vec!["never_connected".to_owned()]));
    says(&unused, "never_connected", &["Okta was set up on ", "has not connected yet."]);
    assert!(text(&reason(&unused, "never_connected")["what_to_do"]).contains("setup sheet"));
    for time in ["last_request", "last_success", "last_refresh", "last_import", "expires"] {
        assert!(unused[time].is_null(), "{time} of {unused}");
    }
    let robot = acme.service_account().await;
    acme.user("eve@acme.test").role("master_admin").create().await;
    let mut idp = client.connect_as(&robot).await;
    idp.get("/Users?filter=userName%20eq%20%22ana%22").await.expect(200);
    let connected = health(&client).await;
    assert_eq!((&connected["state"], codes(&connected)), (&json!("ok"), Vec::new()), "{connected}");
    assert!(connected["last_import"].is_null(), "a look at one user is no import");
    assert_eq!(connected["last_request"]["address"], "127.0.0.1");
    list(&idp).await;
    idp.refresh().await;
    refused(&idp, "ana@acme.test").await;
    let there = health(&client).await;
    for time in ["last_request", "last_success", "last_refresh", "last_import"] {
        assert!(there[time]["at"].is_string() && there[time]["address"] == "127.0.0.1", "{time} of {there}");
    }
    assert!(text(&there["last_request"]["at"]) > text(&there["last_success"]["at"]), "{there}");
    assert_eq!((there["refusals"][0]["count"].as_i64(), &there["recorded"]), (Some(1), &json!(true)), "{there}");
    assert!(there["expires"].is_string() && there["usual_pause_days"].is_null(), "{there}");
});

story!(an_owner_who_is_managed_is_told_of_before_the_provider_cuts_its_own_connection, async |world: World| {
    let acme = world.account("acme").await;
    let ada = acme.user("Ada@acme.test").role("master_admin").with("displayName", json!("Ada Lovelace")).create().await;
    let client = acme.okta_client().await;
    let idp = client.connect_as(&ada).await;
    list(&idp).await;
    let personal = health(&client).await;
    assert_eq!(
        (&personal["state"], codes(&personal)),
        (&json!("attention"), vec!["owner_is_person".into(), "owner_is_last".into()])
    );
    says(&personal, "owner_is_person", &["Okta belongs to Ada Lovelace in acme", "a person and not a service account"]);
    says(&personal, "owner_is_last", &["Ada Lovelace is the only active user of acme who may accept access"]);
    // A co-owner takes the worry away, and a second administrator the last one.
    let eve = acme.user("eve@acme.test").role("master_admin").with("displayName", json!("Eve Adams")).create().await;
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": eve.id})).await.expect(200);
    let passes = health(&client).await;
    assert_eq!((&passes["state"], codes(&passes)), (&json!("ok"), vec!["owner_has_co_owner".to_owned()]));
    says(&passes, "owner_has_co_owner", &["passes to the co-owner, Eve Adams"]);
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": null})).await.expect(200);
    // The identity provider writes her: it can deactivate her from now on.
    idp.patch(&ada).replace("title", "Countess").await.expect(200);
    let managed = health(&client).await;
    assert_eq!(codes(&managed), ["owner_is_managed", "owner_is_person"], "{managed}");
    says(&managed, "owner_is_managed", &["Ada Lovelace in acme", "it ends its own connection"]);
    acme.admin(Method::PATCH, "").json(&json!({"own_deactivation": "refuse"})).await.expect(200);
    assert_eq!(codes(&health(&client).await), ["owner_is_person", "owner_is_protected"]);
    acme.admin(Method::PATCH, "").json(&json!({"own_deactivation": "allow"})).await.expect(200);
    // And so it does.
    idp.patch(&ada).replace("active", false).await.expect(200);
    idp.get("/Users").await.expect(401);
    let ended = health(&client).await;
    assert_eq!((&ended["state"], codes(&ended)), (&json!("broken"), vec!["connection_ended".to_owned()]), "{ended}");
    says(&ended, "connection_ended", &["The connection of Okta ended on", "Ada Lovelace, was deactivated."]);
    // The right way.
    let robot = acme.service_account().await;
    list(&client.connect_as(&robot).await).await;
    assert_eq!(health(&client).await["state"], "ok");
});

story!(what_is_refused_is_told_by_kind_and_only_where_it_is_a_good_part, async |world: World| {
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let idp = client.connect_by_credentials().await;
    for n in 0..9 {
        refused(&idp, &format!("user{n}@acme.test")).await;
    }
    assert_eq!(codes(&health(&client).await), Vec::<String>::new(), "so few are no sign");
    for _ in 0..30 {
        idp.get("/Users/0198a6b2-0000-7e4f-8a5b-6c7d8e9f0a1b").await.expect_scim_error(404, None);
    }
    refused(&idp, "last@acme.test").await;
    let all = health(&client).await;
    assert_eq!((&all["state"], codes(&all)), (&json!("broken"), vec!["all_requests_refused".to_owned()]), "{all}");
    says(&all, "all_requests_refused", &["10 requests of Directory sync were refused since", "none was accepted"]);
    assert_eq!(all["refusals"][0]["count"], 30, "each kind is shown: {all}");
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let some = health(&client).await;
    assert_eq!((&some["state"], codes(&some)), (&json!("attention"), vec!["requests_refused".to_owned()]), "{some}");
    for n in 0..90 {
        idp.patch(&ana).replace("title", n.to_string()).await.expect(200);
    }
    assert_eq!(health(&client).await["state"], "ok", "ten of a hundred and one");
    // Any party can send the id of a client, so such refusals count only while none was granted since.
    for _ in 0..10 {
        let wrong = [("grant_type", "client_credentials"), ("client_id", &client.id), ("client_secret", "wrong")];
        world.post("/oauth2/token").form(&wrong).await.expect_oauth_error(401, "invalid_client");
    }
    let wrong = health(&client).await;
    assert_eq!(codes(&wrong), ["token_requests_refused"], "{wrong}");
    client.client_credentials().await.expect(200);
    assert_eq!(health(&client).await["state"], "ok");
});

story!(what_decides_about_access_and_never_arrives_is_told, async |world: World| {
    let acme = world.account("acme").await;
    acme.admin(Method::PATCH, "").json(&json!({"default_role": "reports"})).await.expect(200);
    let client = acme.generic_client().await;
    let idp = client.connect_by_credentials().await;
    for n in 0..10 {
        let mut body = a_user(&format!("user{n}@acme.test"));
        body.as_object_mut().expect("an object").remove("role");
        body["product_environment"] = json!(["acme-prod"]);
        idp.post("/Users", &body).await.expect(201);
    }
    let told = health(&client).await;
    let expected = ["access_attribute_misspelt", "role_is_default", "environments_never_arrive"];
    assert_eq!((&told["state"], codes(&told)), (&json!("attention"), expected.map(str::to_owned).to_vec()), "{told}");
    says(&told, "access_attribute_misspelt", &["“product_environment” 10 times", "“product_environments” is meant"]);
    says(&told, "role_is_default", &["None of the 10 users", "the default, reports."]);
    acme.admin(Method::PATCH, "").json(&json!({"default_role": null})).await.expect(200);
    says(&health(&client).await, "role_never_arrives", &["None of the 10 users that Directory sync sent had a role."]);
    let sent = acme.generic_client().await;
    let idp = sent.connect_by_credentials().await;
    for n in 0..10 {
        let mut body = a_user(&format!("other{n}@acme.test"));
        body["active"] = json!("true");
        body["product_environments"] = json!(["acme-prod"]);
        idp.post("/Users", &body).await.expect(201);
    }
    let told = health(&sent).await;
    assert_eq!((&told["state"], codes(&told)), (&json!("ok"), vec!["needs_tolerances".to_owned()]), "{told}");
    says(&told, "needs_tolerances", &["boolean_strings"]);
});

story!(a_client_that_is_disabled_or_connected_twice_is_told, async |world: World| {
    let acme = world.account("acme").await;
    let (one, two) = (acme.service_account().await, acme.user("b@acme.test").role("master_admin").service_account());
    let two = two.create().await;
    let client = acme.generic_client().await;
    client.admin(Method::PATCH, "").json(&json!({"connections": "keep"})).await.expect(200);
    for robot in [&one, &two] {
        list(&client.connect_as(robot).await).await;
    }
    let several = health(&client).await;
    assert_eq!((&several["state"], codes(&several)), (&json!("ok"), vec!["several_connections".to_owned()]));
    says(&several, "several_connections", &["2 live connections in acme", "accepted on"]);
    client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    let disabled = health(&client).await;
    assert_eq!((&disabled["state"], &disabled["reasons"][0]["code"]), (&json!("broken"), &json!("client_disabled")));
});

story!(lists_are_paged_and_an_accounts_operator_sees_nothing_of_another, async |world: World| {
    let (acme, zeta) = (world.account("acme").await, world.account("zeta").await);
    let mut clients = Vec::new();
    for account in [&acme, &zeta, &acme] {
        clients.push(account.generic_client().await);
    }
    clients[2].admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    let names = |list: &Value| -> Vec<String> { items(list).iter().map(|item| text(&item["client_id"])).collect() };
    let (first, last) = (clients[0].id.clone(), clients[2].id.clone());
    assert_eq!(names(&acme.admin_get("/health").await), [first.clone(), last.clone()]);
    let page = acme.admin_get("/health?limit=1").await;
    assert_eq!((names(&page), items(&page)[0]["account_name"].as_str()), (vec![first.clone()], Some("acme")));
    let rest = acme.admin_get(&format!("/health?limit=1&after={}", text(&page["next"]))).await;
    assert_eq!(names(&rest), std::slice::from_ref(&last));
    assert_eq!(names(&acme.admin_get("/health?state=broken").await), [last]);
    assert_eq!(names(&acme.admin_get("/health?state=never_used").await), [first]);
    assert_eq!(names(&world.admin_get("/health").await).len(), 3);
    for (path, field) in [
        ("/health?state=well", "state"),
        ("/health?after=x", "after"),
        ("/health?limit=0", "limit"),
        ("/health?colour=red", "?colour"),
    ] {
        for path in [path.to_owned(), format!("/accounts/{}{path}", acme.id)] {
            let problem = world.admin(Method::GET, &path).await.expect_problem(400);
            assert_eq!(problem["errors"][0]["field"], field, "{path}: {problem}");
        }
    }
    let problem = world.admin(Method::GET, "/health?state=well").await.expect_problem(400);
    assert_eq!(problem["errors"][0]["detail"], "must be never_used, ok, attention or broken");
    let made =
        world.admin(Method::POST, "/operators").json(&json!({"name": "cs", "role": "csm", "accounts": [acme.id]}));
    let token = text(&made.await.expect(201).json()["token"]);
    let ask = |path: String| world.get(&format!("/admin{path}")).bearer(&token);
    ask(format!("/accounts/{}/health", acme.id)).await.expect(200);
    ask(format!("/clients/{}/health", clients[0].id)).await.expect(200);
    ask(format!("/accounts/{}/health", zeta.id)).await.expect_problem(404);
    ask(format!("/clients/{}/health", clients[1].id)).await.expect_problem(404);
    let own = ask("/health".to_owned()).await.expect(200).json();
    assert!(names(&own).contains(&clients[0].id) && !names(&own).contains(&clients[1].id), "of their accounts: {own}");
    let own = ask("/health?state=ok".to_owned()).await.expect(200).json();
    assert!(!names(&own).contains(&clients[1].id), "{own}");
    acme.admin(Method::DELETE, "").await.expect(204);
    assert_eq!(names(&world.admin_get("/health").await), [clients[1].id.clone()], "what is deleted is gone at once");
});

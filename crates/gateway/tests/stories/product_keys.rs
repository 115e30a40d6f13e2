//! Product keys: what the vendor's own product holds to read who may do what, users and groups, and what changed; and nothing else.

use gateway::domain::operator::Power;
use gateway::http::admin::ENDPOINTS;
use gateway::http::edge::endpoints::Endpoint;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::http::Call;
use crate::support::identity_provider::a_user;
use crate::support::key_server::{SigningKey, fresh, now};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

const SCOPES: [&str; 3] = ["read:access", "read:scim", "read:events"];
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A key of one account, or of all of them.
async fn key(world: &World, acme: Option<&Account>, scopes: &[&str]) -> OAuthClient {
    let body = json!({"name": "Our application", "scopes": scopes});
    match acme {
        Some(acme) => acme.client(body).await,
        None => OAuthClient::new(world, world.admin(Method::POST, "/clients").json(&body).await.expect(201).json()),
    }
}

/// With the URL of the token endpoint: a key's sheet is for no identity provider.
fn ask_token(key: &OAuthClient, more: &[(&str, &str)]) -> Call {
    let own = [("grant_type", "client_credentials"), ("client_id", &key.id), ("client_secret", &key.secret)];
    let pairs: Vec<(&str, &str)> = own.iter().chain(more).copied().collect();
    key.world.post("/oauth2/token").form(&pairs)
}

async fn token(key: &OAuthClient) -> String {
    text(&ask_token(key, &[]).await.expect(200).json()["access_token"])
}

async fn static_token(key: &OAuthClient) -> (String, String) {
    let made = key.admin(Method::POST, "/tokens").json(&json!({"name": "Our application"})).await.expect(201).json();
    (text(&made["id"]), text(&made["token"]))
}

/// What a row of the admin API is asked with, of this account and user.
fn call(world: &World, row: &Endpoint, acme: &Account, user: &str) -> Call {
    let path = row.path.replace("{account}", &acme.id).replace("{user}", user).replace(['{', '}'], "");
    let path = if path.ends_with("/access/user") { format!("{path}?userName=ana@acme.test") } else { path };
    let call = world.call(row.method.as_str().parse().expect("a method"), &format!("/admin{path}"));
    if row.method == "GET" || row.method == "DELETE" { call } else { call.json(&json!({})) }
}

/// The questions at the other endpoints, and by which scope each is answered.
fn others(world: &World, acme: &Account, user: &str) -> Vec<(String, Option<&'static str>, Call)> {
    let question = json!({"subject": {"type": "user", "id": user}, "action": {"name": "enter"},
        "resource": {"type": "environment", "id": "acme-prod"}, "context": {"account": acme.id}});
    let mut batch = question.clone();
    batch["evaluations"] = json!([{}]);
    let search = json!({"subject": {"type": "user"}, "action": {"name": "enter"},
        "resource": {"type": "environment", "id": "acme-prod"}, "context": {"account": acme.id}});
    let list = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    let (access, scim, events) = (Some("read:access"), Some("read:scim"), Some("read:events"));
    let all: Vec<(&str, Option<&'static str>, Call)> = vec![
        ("AuthZEN evaluation", access, world.post("/access/v1/evaluation").json(&question)),
        ("AuthZEN evaluations", access, world.post("/access/v1/evaluations").json(&batch)),
        ("AuthZEN search", access, world.post("/access/v1/search/subject").json(&search)),
        ("users", scim, world.get("/scim/v2/Users")),
        ("one user", scim, world.get(&format!("/scim/v2/Users/{user}"))),
        ("groups", scim, world.get("/scim/v2/Groups")),
        ("schemas", scim, world.get("/scim/v2/Schemas")),
        ("a query by POST", scim, world.post("/scim/v2/Users/.search").scim(&list)),
        ("a query of everything", scim, world.post("/scim/v2/.search").scim(&list)),
        ("a new user", None, world.post("/scim/v2/Users").scim(&a_user("eve@acme.test"))),
        ("a PUT", None, world.call(Method::PUT, &format!("/scim/v2/Users/{user}")).scim(&a_user("ana@acme.test"))),
        ("a deletion", None, world.call(Method::DELETE, &format!("/scim/v2/Users/{user}"))),
        ("a bulk request", None, world.post("/scim/v2/Bulk").scim(&json!({"Operations": []}))),
        ("the feed", events, world.get(&format!("/events?account={}", acme.id))),
        ("a snapshot", events, world.get(&format!("/events/snapshot?account={}", acme.id))),
        ("a digest", events, world.get(&format!("/events/digest?account={}", acme.id))),
        ("userinfo", None, world.get("/userinfo")),
        ("an unknown path", None, world.get("/admin/nothing")),
    ];
    all.into_iter().map(|(what, scope, call)| (what.to_owned(), scope, call)).collect()
}

story!(each_scope_opens_its_own_endpoints_and_no_other, async |world: World| {
    let acme = world.account("acme").await;
    let idp = acme.connected_identity_provider().await;
    let ana = text(&idp.create_user(&a_user("ana@acme.test")).await["id"]);
    let before = acme.users().await.len();
    for scope in SCOPES {
        for of in [Some(&acme), None] {
            let key = key(&world, of, &[scope]).await;
            let (bearer, (_, pasted)) = (token(&key).await, static_token(&key).await);
            for credential in [&bearer, &pasted] {
                for row in ENDPOINTS {
                    let what = format!("{scope} {} {}", row.method, row.path);
                    let answer = call(&world, row, &acme, &ana).bearer(credential).await;
                    match row.audience.scope_of_keys() {
                        Some(opened) if opened == scope => assert_eq!(answer.status, 200, "{what}: {}", answer.text()),
                        _ => {
                            let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
                            answer.expect_problem(403);
                            assert!(challenge.contains("insufficient_scope"), "{what}: {challenge}");
                        }
                    }
                }
                for (what, opened, call) in others(&world, &acme, &ana) {
                    let answer = call.bearer(credential).await;
                    // The SCIM endpoint is that of one account: a key of all has to name it.
                    let expected =
                        if opened == Some(scope) && (of.is_some() || scope != "read:scim") { 200 } else { 403 };
                    assert_eq!(answer.status, expected, "{scope} {what}: {}", answer.text());
                }
            }
        }
    }
    assert_eq!(acme.users().await.len(), before, "nothing was changed");
    let open = ENDPOINTS.iter().filter(|row| row.audience.scope_of_keys().is_some());
    for row in open {
        let reads = row.audience.need().is_some_and(|need| matches!(need.power, Power::Read | Power::ReadAudit));
        assert!(reads && row.method == "GET", "{} {}: keys only read", row.method, row.path);
    }
});

story!(another_accounts_data_does_not_exist_for_a_key_of_one_account, async |world: World| {
    let (acme, bolt) = (world.account("acme").await, world.account("bolt").await);
    let idp = bolt.connected_identity_provider().await;
    let ben = text(&idp.create_user(&a_user("ana@acme.test")).await["id"]);
    let (own, every) = (key(&world, Some(&acme), &SCOPES).await, key(&world, None, &SCOPES).await);
    let (own, every) = (token(&own).await, token(&every).await);
    for row in ENDPOINTS.iter().filter(|row| row.audience.scope_of_keys() == Some("read:access")) {
        call(&world, row, &bolt, &ben).bearer(&own).await.expect_problem(404);
        call(&world, row, &bolt, &ben).bearer(&every).await.expect(200);
    }
    for (what, scope, call) in others(&world, &bolt, &ben) {
        if matches!(scope, Some("read:access" | "read:events")) {
            call.bearer(&own).await.expect_problem(404);
        } else if what == "one user" {
            call.bearer(&own).await.expect_scim_error(404, None);
        }
    }
    for path in ["/Users", "/Groups", "/Schemas", "/ServiceProviderConfig"] {
        let at = |account: &Account| world.get(&format!("/scim/v2/accounts/{}{path}", account.id));
        at(&bolt).bearer(&own).await.expect_scim_error(404, None);
        at(&acme).bearer(&own).await.expect(200);
        at(&bolt).bearer(&every).await.expect(200);
    }
    world.get("/scim/v2/accounts/nowhere/Users").bearer(&every).await.expect_scim_error(404, None);
});

story!(a_key_of_all_accounts_reads_each_by_its_path, async |world: World| {
    let (acme, bolt) = (world.account("acme").await, world.account("bolt").await);
    let idp = acme.connected_identity_provider().await;
    let ana = idp.create_user(&a_user("ana@acme.test")).await;
    let other = bolt.connected_identity_provider().await.create_user(&a_user("ben@bolt.test")).await;
    let every = token(&key(&world, None, &["read:scim"]).await).await;
    let detail = world.get("/scim/v2/Users").bearer(&every).await.expect_scim_error(403, None);
    assert!(detail.contains("/scim/v2/accounts/"), "{detail}");
    let base = format!("{}/scim/v2/accounts/{}", world.gateway.public_url, acme.id);
    let list = world.get(&format!("/scim/v2/accounts/{}/Users", acme.id)).bearer(&every).await.expect(200).json();
    let found: Vec<&Value> = list["Resources"].as_array().expect("users").iter().collect();
    let found = found.iter().find(|user| user["id"] == ana["id"]).expect("Ana");
    let location = text(&found["meta"]["location"]);
    assert_eq!(location, format!("{base}/Users/{}", text(&ana["id"])), "where the key can read it again");
    assert_eq!(world.get(&location).bearer(&every).await.expect(200).json()["userName"], "ana@acme.test");
    let list = list.to_string();
    assert!(!list.contains("bolt"), "{list}");
    let foreign = format!("/scim/v2/accounts/{}/Users/{}", acme.id, text(&other["id"]));
    world.get(&foreign).bearer(&every).await.expect_scim_error(404, None);
    let detail =
        world.post(&format!("/scim/v2/accounts/{}/Users", acme.id)).bearer(&every).scim(&a_user("x@y.test")).await;
    detail.expect_scim_error(403, None);
    // An identity provider may name its account, too.
    let named = format!("/scim/v2/accounts/{}/Users", acme.id);
    world.get(&named).bearer(&idp.access_token).await.expect(200);
    world
        .get(&format!("/scim/v2/accounts/{}/Users", bolt.id))
        .bearer(&idp.access_token)
        .await
        .expect_scim_error(404, None);
});

story!(what_ended_is_refused_from_the_next_request_on_by_every_replica, async |world: World| {
    world.add_replica().await;
    let acme = world.account("acme").await;
    for of in [Some(&acme), None] {
        let key = key(&world, of, &["read:access", "read:scim"]).await;
        let asked = || world.get(&format!("/admin/accounts/{}/access", acme.id));
        let works = async |credential: &str, status: u16| {
            for _ in 0..2 {
                asked().bearer(credential).await.expect(status);
            }
        };
        let (bearer, (id, pasted)) = (token(&key).await, static_token(&key).await);
        works(&bearer, 200).await;
        works(&pasted, 200).await;
        // A static token.
        key.admin(Method::DELETE, &format!("/tokens/{id}")).await.expect(204);
        works(&pasted, 401).await;
        works(&bearer, 200).await;
        // Rotation: a second secret, then the first ends.
        let first = text(&items(&key.admin(Method::GET, "/secrets").await.expect(200).json())[0]["id"]);
        let second = key.admin(Method::POST, "/secrets").json(&json!({"label": "next"})).await.expect(201).json();
        let rotated = OAuthClient { secret: text(&second["client_secret"]), ..key.clone() };
        token(&rotated).await;
        key.admin(Method::DELETE, &format!("/secrets/{first}")).await.expect(204);
        ask_token(&key, &[]).await.expect_oauth_error(401, "invalid_client");
        works(&token(&rotated).await, 200).await;
        // A token that is revoked by the key itself, and all of them by disabling it.
        let one = token(&rotated).await;
        let own = [("token", one.as_str()), ("client_id", &rotated.id), ("client_secret", &rotated.secret)];
        world.post("/oauth2/revoke").form(&own).await.expect(200);
        works(&one, 401).await;
        works(&bearer, 200).await;
        key.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
        works(&bearer, 401).await;
        key.admin(Method::PATCH, "").json(&json!({"disabled": false})).await.expect(200);
        works(&bearer, 200).await;
        key.admin(Method::DELETE, "").await.expect(204);
        works(&bearer, 401).await;
        let trail = world.admin_get("/audit?limit=100").await.to_string();
        for action in
            ["client.created", "client.token_added", "client.token_ended", "client.secret_added", "client.deleted"]
        {
            assert!(trail.contains(action), "{action}");
        }
        assert!(!trail.contains(&pasted[4..]) && !world.logs().contains(&pasted), "no secret is written down");
    }
});

story!(a_suspended_account_and_a_narrower_scope_count_at_once, async |world: World| {
    let acme = world.account("acme").await;
    let (own, every) = (key(&world, Some(&acme), &["read:access"]).await, key(&world, None, &["read:access"]).await);
    let (own, every) = (token(&own).await, token(&every).await);
    let asked = |credential: &str| world.get(&format!("/admin/accounts/{}/access", acme.id)).bearer(credential);
    asked(&own).await.expect(200);
    acme.admin(Method::POST, "/suspend").await.expect(200);
    asked(&own).await.expect_problem(401);
    asked(&every).await.expect(200);
    acme.admin(Method::POST, "/resume").await.expect(200);
    asked(&own).await.expect(200);
    acme.admin(Method::DELETE, "").await.expect(204);
    asked(&own).await.expect_problem(401);
    asked(&every).await.expect_problem(404);
});

story!(a_key_signs_instead_of_sending_a_secret, async |world: World| {
    let signing = SigningKey::p256("a");
    let body = json!({"name": "Our application", "scopes": ["read:access"], "jwks": signing.jwks()});
    let made = world.admin(Method::POST, "/clients").json(&body).await.expect(201).json();
    assert_eq!((&made["token_endpoint_auth_method"], made.get("client_secret")), (&json!("private_key_jwt"), None));
    let claims = json!({"iss": made["client_id"], "sub": made["client_id"], "aud": world.gateway.public_url,
        "jti": fresh(), "iat": now(), "exp": now() + 60});
    let assertion = signing.jwt(&claims);
    let form =
        [("grant_type", "client_credentials"), ("client_assertion_type", ASSERTION), ("client_assertion", &assertion)];
    let tokens = world.post("/oauth2/token").form(&form).await.expect(200).json();
    assert_eq!(tokens["scope"], "read:access");
    let acme = world.account("acme").await;
    let asked = world.get(&format!("/admin/accounts/{}/access", acme.id)).bearer(&text(&tokens["access_token"]));
    asked.await.expect(200);
});

story!(a_key_is_nothing_but_a_key, async |world: World| {
    let acme = world.account("acme").await;
    let field = async |body: Value| {
        let refused = acme.admin(Method::POST, "/clients").json(&body).await.expect_problem(400);
        text(&refused["errors"][0]["field"])
    };
    assert_eq!(field(json!({"name": "x", "scopes": ["read:access", "provision:scim"]})).await, "scopes");
    assert_eq!(field(json!({"name": "x", "scopes": ["read:access", "openid"]})).await, "scopes");
    assert_eq!(field(json!({"name": "x", "scopes": ["read:access"], "public": true})).await, "grant_types");
    let by_users = json!({"name": "x", "scopes": ["read:access"], "grant_types": ["authorization_code"],
        "redirect_uris": ["https://a.example/"]});
    assert_eq!(field(by_users).await, "grant_types");
    // What is a key already does not become more, and an identity provider's client does not become one.
    let key = key(&world, Some(&acme), &["read:access"]).await;
    let more = json!({"scopes": ["read:access", "provision:scim"]});
    key.admin(Method::PATCH, "").json(&more).await.expect_problem(400);
    let idp = acme.generic_client().await;
    let more = json!({"scopes": ["openid", "provision:scim", "read:access"]});
    idp.admin(Method::PATCH, "").json(&more).await.expect_problem(400);
    ask_token(&key, &[("scope", "read:scim")]).await.expect_oauth_error(400, "invalid_scope");
    let said = json!({"name": "t", "scopes": ["read:scim"]});
    key.admin(Method::POST, "/tokens").json(&said).await.expect_problem(409);
    // No customer gets its secret by a setup link.
    acme.admin(Method::POST, "/setup-links").json(&json!({"client_id": key.id})).await.expect_problem(409);
    // A client of no account that is no key still gets nothing in its own name.
    let body = json!({"name": "Shared", "grant_types": ["client_credentials"], "scopes": ["provision:scim"]});
    let shared = OAuthClient::new(&world, world.admin(Method::POST, "/clients").json(&body).await.expect(201).json());
    ask_token(&shared, &[]).await.expect_oauth_error(400, "unauthorized_client");
    shared.admin(Method::POST, "/tokens").json(&json!({"name": "t"})).await.expect_problem(409);
    // A token of an identity provider opens nothing of the admin API, and a key none without its letters.
    let idp = acme.connected_identity_provider().await;
    world.get("/admin/accounts").bearer(&idp.access_token).await.expect_problem(401);
    for wrong in ["gwt_", "gwa_", "gwt_0000000000000000000000000000000000000000000", "eyJ.e.e"] {
        world.get(&format!("/admin/accounts/{}/access", acme.id)).bearer(wrong).await.expect_problem(401);
    }
});

story!(a_client_finds_by_itself_where_tokens_come_from, async |world: World| {
    let base = world.gateway.public_url.clone();
    for (path, at, scope) in [("/scim/v2", "/scim/v2/Users", "read:scim"), ("/admin", "/admin/accounts", "read:access")]
    {
        let answer = world.get(at).await;
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
        let url = format!("{base}/.well-known/oauth-protected-resource{path}");
        assert!(challenge.contains(&format!("resource_metadata=\"{url}\"")), "{challenge}");
        let document = world.get(&url).await.expect(200).json();
        assert_eq!(document["resource"], format!("{base}{path}"));
        assert_eq!(document["authorization_servers"], json!([base]));
        let scopes = document["scopes_supported"].as_array().expect("scopes");
        assert!(scopes.contains(&json!(scope)), "{document}");
        // And it can be asked for by that name.
        let key = key(&world, None, &[scope]).await;
        let resource = text(&document["resource"]);
        let tokens = ask_token(&key, &[("resource", &resource)]).await.expect(200).json();
        let own = text(&tokens["access_token"]);
        let acme = world.account(&format!("acme-{scope}").replace(':', "-")).await;
        let asked = match path {
            "/admin" => format!("/admin/accounts/{}/access", acme.id),
            _ => format!("/scim/v2/accounts/{}/Users", acme.id),
        };
        world.get(&asked).bearer(&own).await.expect(200);
    }
    let metadata = world.get("/.well-known/oauth-authorization-server").await.expect(200).json();
    assert_eq!(metadata["protected_resources"], json!([format!("{base}/scim/v2"), format!("{base}/admin")]));
});

story!(a_key_that_is_revoked_while_it_waits_is_told_nothing_more, async |world: World| {
    let acme = world.account("acme").await;
    let reader = key(&world, Some(&acme), &["read:events"]).await;
    let (id, token) = static_token(&reader).await;
    let mut page = world.get("/events?limit=500").bearer(&token).await.expect(200).json();
    while page["more"] == true {
        let path = format!("/events?limit=500&after={}", text(&page["cursor"]));
        page = world.get(&path).bearer(&token).await.expect(200).json();
    }
    let path = format!("/events?after={}&wait=30", text(&page["cursor"]));
    let (answer, ()) = tokio::join!(async { world.get(&path).bearer(&token).await }, async {
        let read = world.get(&format!("{path}&type=group.*").replace("wait=30", "wait=1")).bearer(&token).await;
        assert_eq!(read.expect(200).json()["events"], json!([]), "and by now the other waits");
        reader.admin(Method::DELETE, &format!("/tokens/{id}")).await.expect(204);
        acme.user("ana@acme.test").create().await;
    });
    assert_eq!(answer.status, 401, "{}", answer.text());
});

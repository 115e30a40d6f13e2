//! What operators may do: each endpoint of the admin API asked by each role, within reach and beyond; and what a role means for secrets.

use gateway::domain::operator::{Mandate, Reach, Role};
use gateway::http::admin::ENDPOINTS;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, items, text};
use crate::support::database::Behind;
use crate::support::http::{Answer, Call};
use crate::support::testing::World;

/// An id that nothing has.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

async fn operator(world: &World, body: Value) -> Value {
    world.admin(Method::POST, "/operators").json(&body).await.expect(201).json()
}

/// What a path names.
#[derive(Clone)]
struct Place {
    account: String,
    client: String,
    grant: String,
}

impl Place {
    fn of(account: &Account, client: &str, grant: &str) -> Place {
        Place { account: account.id.clone(), client: client.to_owned(), grant: grant.to_owned() }
    }

    fn unknown() -> Place {
        Place { account: UNKNOWN.to_owned(), client: UNKNOWN.to_owned(), grant: "999999999".to_owned() }
    }

    /// The request to an endpoint about this place.
    fn call(&self, world: &World, method: &str, path: &str) -> Call {
        let mut path = path.to_owned();
        for (name, id) in [("{account}", &self.account), ("{client}", &self.client), ("{grant}", &self.grant)] {
            path = path.replace(name, id);
        }
        let unknown = [
            "{user}",
            "{secret}",
            "{token}",
            "{operator}",
            "{attribute}",
            "{request}",
            "{link}",
            "{webhook}",
            "{event}",
        ];
        for name in unknown {
            path = path.replace(name, UNKNOWN);
        }
        assert!(!path.contains('{'), "{path}: say here what a story puts in its place");
        if ["/audit", "/audit/export"].contains(&path.as_str()) {
            path = format!("{path}?account={}", self.account);
        }
        let call = world.call(method.parse().expect("a method"), &format!("/admin{path}"));
        if matches!(method, "GET" | "DELETE") { call } else { call.json(&json!({})) }
    }

    /// What was answered, without the ids that were asked for.
    fn told(&self, answer: &Answer) -> (u16, String) {
        let named = format!("`{}`", self.grant);
        let text = answer.text().replace(&self.account, "ID").replace(&self.client, "ID").replace(&named, "`ID`");
        (answer.status.as_u16(), text)
    }
}

story!(each_endpoint_answers_each_role_as_the_table_says, async |world: World| {
    let (acme, orchard, gone) =
        (world.account("acme").await, world.account("orchard").await, world.account("gone").await);
    let mut places = Vec::new();
    for account in [&acme, &orchard, &gone] {
        let idp = account.connected_identity_provider().await;
        let grant = text(&items(&account.admin_get("/grants").await)[0]["id"]);
        places.push(Place::of(account, &idp.client.id, &grant));
    }
    gone.admin(Method::DELETE, "").await.expect(204);
    let ended = operator(&world, json!({"name": "ended", "role": "platform"})).await;
    world.admin(Method::DELETE, &format!("/operators/{}", text(&ended["id"]))).await.expect(204);
    let expired =
        operator(&world, json!({"name": "expired", "role": "platform", "expires": "2199-01-01T00:00:00Z"})).await;
    Behind::of(&world).execute("UPDATE operators SET expires = 1000 WHERE expires IS NOT NULL");
    // One who stays an operator, and whose token was ended.
    let stays = operator(&world, json!({"name": "without a token", "role": "platform"})).await;
    Behind::of(&world).work(|tx| {
        let login = tx.operator_login(&text(&stays["id"]))?.expect("the operator stays");
        tx.end_operator_token(login.key)
    });
    let mut none = vec![None, Some("gwo_unknown".to_owned())];
    none.extend([&ended, &expired, &stays].map(|operator| Some(text(&operator["token"]))));
    let mut roles = Vec::new();
    for role in [Role::Auditor, Role::Support, Role::Csm, Role::Platform] {
        let some = json!({"name": role.code(), "role": role.code(), "accounts": [acme.id]});
        let all = json!({"name": format!("{} of all", role.code()), "role": role.code()});
        let (some, all) = (operator(&world, some).await, operator(&world, all).await);
        roles.push((role, text(&some["token"]), text(&all["token"])));
    }
    let (own, unknown) = (&places[0], Place::unknown());

    for endpoint in ENDPOINTS {
        let (method, path) = (endpoint.method.as_str(), endpoint.path);
        let need = endpoint.audience.need().expect("each endpoint of the admin API says what it needs");
        for token in &none {
            let call = own.call(&world, method, path);
            let answer = match token {
                Some(token) => call.bearer(token).await,
                None => call.await,
            };
            answer.expect_problem(401);
        }
        let names_a_place = ["{account}", "{client}", "{grant}"].iter().any(|name| path.contains(name))
            || ["/audit", "/audit/export"].contains(&path);
        // What would destroy what later rows are about is asked for something that is not there.
        let destroys =
            method == "DELETE" && ["{account}", "{client}", "{grant}"].iter().any(|name| path.ends_with(name));
        let reached = if destroys { &unknown } else { own };
        for (role, some, all) in &roles {
            let may = need.of(&Mandate::new(*role, Reach::All)).is_ok();
            for (token, allowed) in [(some, may && !need.is_everywhere), (all, may)] {
                let answer = reached.call(&world, method, path).bearer(token).await;
                let status = answer.status.as_u16();
                let what = format!("{method} {path} by {}: {}", role.code(), answer.text());
                match allowed {
                    true => assert!(![401, 403].contains(&status) && status < 500, "{what}"),
                    false => {
                        let problem = answer.expect_problem(403);
                        let told = text(&problem["detail"]);
                        assert!(told.contains(need.power.roles()[0].code()), "it says who can: {what}");
                    }
                }
            }
            if !names_a_place || need.is_everywhere {
                continue;
            }
            // A foreign account, and a deleted one, are answered as one that there never was.
            let never = unknown.told(&unknown.call(&world, method, path).bearer(some).await);
            for place in &places[1..] {
                let answer = place.call(&world, method, path).bearer(some).await;
                assert_eq!(place.told(&answer), never, "{method} {path} by {}", role.code());
                assert_eq!(answer.status.as_u16(), if may { 404 } else { 403 }, "{method} {path} by {}", role.code());
            }
        }
    }
    // Nothing of it touched the foreign account.
    let record = orchard.admin_get("").await;
    assert_eq!((&record["suspended"], &record["name"]), (&Value::Null, &json!("orchard")));
});

story!(a_csm_does_what_can_be_taken_back_and_sees_no_secret, async |world: World| {
    let acme = world.account("acme").await;
    let csm = operator(&world, json!({"name": "Cleo", "role": "csm", "accounts": [acme.id]})).await;
    let token = text(&csm["token"]);
    let ask = |method: Method, path: &str, body: Value| {
        let call = world.call(method, &format!("/admin{path}")).bearer(&token);
        if body.is_null() { call } else { call.json(&body) }
    };
    let path = format!("/accounts/{}", acme.id);
    let client = json!({"name": "Okta", "profile": "okta"});
    let made = ask(Method::POST, &format!("{path}/clients"), client.clone()).await.expect(201);
    assert!(!made.text().contains("gws_") && made.json().get("client_secret").is_none(), "{}", made.text());
    let client_path = format!("/clients/{}", text(&made.json()["client_id"]));
    let secrets = ask(Method::GET, &format!("{client_path}/secrets"), Value::Null).await.expect(200).json();
    assert!(items(&secrets).is_empty(), "a secret that no person was told is none: {secrets}");
    ask(Method::PATCH, &client_path, json!({"disabled": true})).await.expect(200);
    ask(Method::PATCH, &client_path, json!({"disabled": false})).await.expect(200);

    // Keys are secrets by another name; so is a password that an operator chooses.
    let keys = json!({"jwks_uri": "https://keys.vendor.example/jwks"});
    let mut with_keys = client.clone();
    with_keys["jwks_uri"] = keys["jwks_uri"].clone();
    let users = format!("{path}/users");
    let user =
        ask(Method::POST, &users, json!({"userName": "ada@acme.test", "role": "reports", "service_account": true}))
            .await;
    let user_path = format!("{users}/{}", text(&user.expect(201).json()["id"]));
    for (method, path, body) in [
        (Method::POST, format!("{client_path}/secrets"), json!({})),
        (Method::POST, format!("{client_path}/tokens"), json!({"name": "pasted"})),
        (Method::PATCH, client_path.clone(), keys),
        (Method::POST, format!("{path}/clients"), with_keys),
        (
            Method::POST,
            users.clone(),
            json!({"userName": "ben@acme.test", "role": "reports", "password": "chosen by an operator"}),
        ),
        (Method::PATCH, user_path.clone(), json!({"password": "chosen by an operator"})),
        (Method::DELETE, user_path.clone(), Value::Null),
        (Method::DELETE, client_path.clone(), Value::Null),
        (Method::DELETE, path.clone(), Value::Null),
        (Method::POST, "/operators".to_owned(), json!({"name": "mine", "role": "platform"})),
        (Method::GET, "/operators".to_owned(), Value::Null),
        (Method::POST, "/accounts".to_owned(), json!({"name": "mine"})),
    ] {
        let problem = ask(method, &path, body).await.expect_problem(403);
        assert!(text(&problem["detail"]).contains("platform"), "{path}: {problem}");
    }
    ask(Method::PATCH, &user_path, json!({"active": false})).await.expect(200);

    // An account that is deleted leaves its operators those that are left; with the last of them, none.
    let other = world.account("other").await;
    let both = json!({"name": "both", "role": "csm", "accounts": [acme.id, other.id]});
    let both = text(&operator(&world, both).await["token"]);
    let listed = || world.get("/admin/accounts").bearer(&both);
    assert_eq!(items(&listed().await.expect(200).json()).len(), 2);
    acme.admin(Method::DELETE, "").await.expect(204);
    assert_eq!(items(&listed().await.expect(200).json()).len(), 1);
    ask(Method::GET, "/accounts", Value::Null).await.expect_problem(401);
    other.admin(Method::DELETE, "").await.expect(204);
    listed().await.expect_problem(401);
});

//! What one client sends and is answered is recorded in full for a time, and no secret is in it.

use base64::Engine;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::browser::Landed;
use crate::support::database::Behind;
use crate::support::http::Answer;
use crate::support::identity_provider::{GROUP, PATCH, USER, a_user};
use crate::support::letter_box::until;
use crate::support::oauth_client::OAuthClient;
use crate::support::prover::Prover;
use crate::support::testing::World;

/// Switches it on.
pub async fn record(client: &OAuthClient, hours: u64) -> Value {
    client.admin(Method::PUT, "/recording").json(&json!({"hours": hours})).await.expect(200).json()
}

/// The id of the request that was answered so.
pub fn id_of(answer: &Answer) -> String {
    answer.header("x-request-id").expect("an id").to_owned()
}

/// What is recorded of a request, once it is written.
pub async fn recording_of(world: &World, answer: &Answer) -> Value {
    written(world, answer).await;
    world.admin_get(&format!("/requests/{}/recording", id_of(answer))).await
}

/// Waits until a request is in the log.
pub async fn written(world: &World, answer: &Answer) -> Value {
    let path = format!("/requests/{}", id_of(answer));
    // Hundreds that are recorded in full take a machine that is busy a while.
    let asked = std::time::Instant::now();
    while asked.elapsed().as_secs() < 60 {
        let found = world.admin(Method::GET, &path).await;
        if found.status == 200 {
            return items(&found.json()).remove(0);
        }
        let began = std::time::Instant::now();
        until("moment", || began.elapsed().as_millis() >= 20).await;
    }
    panic!("{} is not recorded", answer.asked);
}

story!(an_operator_records_a_client_in_full_for_a_time, moving_clock, async |world: World| {
    let (acme, orchard) = (world.account("acme").await, world.account("orchard").await);
    let mut idp = acme.connected_identity_provider().await;
    let other = orchard.connected_identity_provider().await;
    let client = idp.client.clone();
    let before = idp.post("/Users", &a_user("bea@acme.test")).await.expect(201);
    assert_eq!(written(&world, &before).await["recorded"], false);
    let refused =
        world.admin(Method::GET, &format!("/requests/{}/recording", id_of(&before))).await.expect_problem(409);
    assert!(text(&refused["detail"]).contains("/recording"), "it says how: {refused}");

    for (body, field) in [
        (json!({"hours": 25}), "hours"),
        (json!({"hours": 0}), "hours"),
        (json!({}), "hours"),
        (json!({"hours": 1, "until": "2027-01-01T00:00:00Z"}), "until"),
        (json!({"until": "2199-01-01T00:00:00Z"}), "until"),
        (json!({"until": "2020-01-01T00:00:00Z"}), "until"),
    ] {
        let problem = client.admin(Method::PUT, "/recording").json(&body).await.expect_problem(400);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        let limit = text(&problem["detail"]);
        assert!(limit.contains("24") || limit.contains("future") || limit.contains("either"), "the limit: {problem}");
    }
    assert_eq!(
        (&client.record().await["recording"], client.admin(Method::GET, "/recording").await.expect(200).json()),
        (&Value::Null, json!({"recording": null}))
    );

    let on = record(&client, 1).await;
    assert_eq!(client.record().await["recording"], on, "{on}");
    assert_eq!(on["by"], "bootstrap", "{on}");
    assert_eq!(acme.audit().await.last()["action"], "client.recording_started");
    let created = idp.post("/Users", &a_user("ana@acme.test")).await.expect(201);
    let kept = recording_of(&world, &created).await;
    assert_eq!(
        (&kept["method"], &kept["path"], &kept["status"]),
        (&json!("POST"), &json!("/scim/v2/Users"), &json!(201))
    );
    assert_eq!(kept["body"]["json"], a_user("ana@acme.test"), "{kept}");
    assert_eq!(kept["answer"]["json"]["id"], created.json()["id"], "{kept}");
    assert_eq!((&kept["replayable"], &kept["not_replayable"]), (&json!(true), &Value::Null), "{kept}");
    assert_eq!(written(&world, &created).await["recorded"], true);
    let listed = idp.get("/Users?filter=userName+eq+%22ana@acme.test%22&count=2").await.expect(200);
    let kept = recording_of(&world, &listed).await;
    assert_eq!(kept["query"][0], json!({"name": "filter", "value": "userName eq \"ana@acme.test\""}), "{kept}");
    assert_eq!(kept["answer"]["json"]["Resources"][0]["userName"], "ana@acme.test", "{kept}");
    idp.refresh().await;
    let refreshed = client.refresh("gwr_unknown").await.expect(400);
    let kept = recording_of(&world, &refreshed).await;
    assert_eq!(
        (&kept["answer"]["json"]["error"], &kept["replayable"]),
        (&json!("invalid_grant"), &json!(false)),
        "{kept}"
    );
    assert!(kept.to_string().contains("grant_type") && !kept.to_string().contains("gwr_"), "{kept}");

    // Large bodies and answers are cut; what cannot be read is kept as its length.
    let mut large = a_user("lea@acme.test");
    large["nickName"] = json!("a".repeat(70_000));
    let kept = recording_of(&world, &idp.post("/Users", &large).await).await;
    assert_eq!((&kept["body"]["left_out"], &kept["body"]["json"]), (&json!("too_large"), &Value::Null), "{kept}");
    assert!(
        kept["body"]["bytes"].as_i64().is_some_and(|bytes| bytes > 70_000) && kept["replayable"] == false,
        "{kept}"
    );
    let broken =
        idp.call(Method::POST, "/Users").body("application/scim+json", "{\"userName\": \"ana").await.expect(400);
    let kept = recording_of(&world, &broken).await;
    assert_eq!((&kept["body"]["left_out"], &kept["body"]["bytes"]), (&json!("unreadable"), &json!(17)), "{kept}");
    for n in 0..60 {
        let mut user = a_user(&format!("u{n}@acme.test"));
        user["nickName"] = json!("n".repeat(1500));
        idp.create_user(&user).await;
    }
    let long = idp.get("/Users?count=100").await.expect(200);
    let kept = recording_of(&world, &long).await;
    assert_eq!(
        (&kept["answer"]["left_out"], &kept["answer"]["bytes"]),
        (&json!("too_large"), &json!(long.body.len())),
        "{kept}"
    );

    // Another client's are not, nor this one's when the time is over.
    let others = other.post("/Users", &a_user("ana@orchard.test")).await.expect(201);
    assert_eq!(written(&world, &others).await["recorded"], false);
    let operator = world
        .admin(Method::POST, "/operators")
        .json(&json!({"name": "cs", "role": "csm", "accounts": [orchard.id]}))
        .await
        .expect(201)
        .json();
    let token = text(&operator["token"]);
    for (method, path) in [
        (Method::GET, format!("/admin/requests/{}/recording", id_of(&created))),
        (Method::GET, format!("/admin/clients/{}/recording", client.id)),
        (Method::PUT, format!("/admin/clients/{}/recording", client.id)),
        (Method::DELETE, format!("/admin/clients/{}/recording", client.id)),
    ] {
        world.call(method, &path).bearer(&token).json(&json!({"hours": 1})).await.expect(404);
    }
    world.pass(std::time::Duration::from_secs(3601));
    assert_eq!(client.record().await["recording"], Value::Null, "it ends by itself");
    idp.refresh().await;
    let after = idp.get("/Users?count=1").await.expect(200);
    assert_eq!(written(&world, &after).await["recorded"], false);

    record(&client, 24).await;
    client.admin(Method::DELETE, "/recording").await.expect(204);
    client.admin(Method::DELETE, "/recording").await.expect(204);
    assert_eq!(acme.audit().await.last()["action"], "client.recording_stopped");
    let after = idp.get("/Users?count=1").await.expect(200);
    assert_eq!(written(&world, &after).await["recorded"], false);

    // Every recording goes with its row, and with its client.
    let mut behind = Behind::of(&world);
    let count = "SELECT COUNT(*) AS n FROM recordings";
    assert!(behind.number(count) > 60);
    let account = behind.number("SELECT seq AS n FROM accounts WHERE name = 'acme'");
    let oldest = behind.number("SELECT MIN(seq) AS n FROM recordings");
    behind.work(|tx| tx.remove_requests(Some(gateway::domain::ids::AccountKey::of_row(account)), oldest, 500));
    assert_eq!(behind.number(&format!("SELECT COUNT(*) AS n FROM recordings WHERE seq <= {oldest}")), 0);
    assert!(behind.number(count) > 60);
    client.admin(Method::DELETE, "").await.expect(204);
    assert_eq!(behind.number(count), 0);
});

/// Secrets, each another word that stands nowhere else.
#[derive(Default)]
struct Planted(Vec<(String, String)>);

impl Planted {
    fn plant(&mut self, place: &str) -> String {
        let secret = format!("Zq{}x{:03}Kw", place.bytes().map(u32::from).sum::<u32>(), self.0.len());
        self.0.push((place.to_owned(), secret.clone()));
        secret
    }

    fn is(&mut self, place: &str, secret: String) -> String {
        self.0.push((place.to_owned(), secret.clone()));
        secret
    }
}

async fn plant(world: &World, client: &OAuthClient, token: &str, planted: &mut Planted, answers: &mut Vec<Answer>) {
    let url = client.sheet("scim_base_url");
    let call = |method: Method, path: &str| world.call(method, &format!("{url}{path}")).bearer(token);
    let id = {
        let made =
            call(Method::POST, "/Users").scim(&a_user(&format!("u{}@acme.test", planted.0.len()))).await.expect(201);
        text(&made.json()["id"])
    };
    let names = [
        "password",
        "PASSWORD",
        "newPassword",
        "user_password",
        "clientSecret",
        "apiKey",
        "accessToken",
        "pwd",
        "favouriteWord",
        "urn:ietf:params:scim:schemas:core:2.0:User:password",
        "urn:example:vendor:2.0:User",
        "password[value eq \"x\"]",
    ];
    for name in names {
        let mut shapes = Vec::new();
        for shape in 0..5 {
            let secret = planted.plant(&format!("{name} in shape {shape}"));
            shapes.push(match shape {
                0 => json!(secret),
                1 => json!([secret]),
                2 => json!({"value": secret}),
                3 => json!({"password": {"deep": [secret]}}),
                _ => json!([{"type": "work", "value": secret}, json!({"value": [secret]}).to_string()]),
            });
        }
        for (n, value) in shapes.into_iter().enumerate() {
            let mut user = a_user(&format!("p{}-{n}@acme.test", planted.0.len()));
            user[name] = value.clone();
            answers.push(call(Method::POST, "/Users").scim(&user).await);
            answers.push(call(Method::PUT, &format!("/Users/{id}")).scim(&user).await);
            answers.push(call(Method::POST, "/Users/.search").scim(&json!({name: value})).await);
            for operation in [
                json!({"op": "replace", "path": name, "value": value}),
                json!({"op": "Add", "value": {name: value}}),
                json!({"op": "add", "value": json!({name: value}).to_string()}),
                json!({"op": "replace", "path": format!("name.{name}"), "value": value}),
            ] {
                let body = json!({"schemas": [PATCH], "Operations": [operation]});
                answers.push(call(Method::PATCH, &format!("/Users/{id}")).scim(&body).await);
                let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
                    {"method": "PATCH", "path": format!("/Users/{id}"), "data": body},
                    {"method": "POST", "path": "/Users", "bulkId": "a", "data": user},
                ]});
                answers.push(call(Method::POST, "/Bulk").scim(&bulk).await);
            }
        }
    }
    for filter in [
        "password eq \"{}\"",
        "userName eq \"x\" or passWord co \"{}\"",
        "userPassword eq \"{}\"",
        "emails[password eq \"{}\"]",
    ] {
        let secret = planted.plant(filter);
        let filter = filter.replace("{}", &secret);
        let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        answers.push(call(Method::GET, &format!("/Users?filter={query}")).await);
        answers.push(call(Method::POST, "/Users/.search").scim(&json!({"filter": filter})).await);
        let remove = json!({"schemas": [PATCH], "Operations": [{"op": "remove", "path": filter}]});
        answers.push(call(Method::PATCH, &format!("/Users/{id}")).scim(&remove).await);
    }
    for parameter in ["access_token", "token", "password", "code", "cursor", "x"] {
        let secret = planted.plant(&format!("?{parameter}"));
        answers.push(call(Method::GET, &format!("/Users?{parameter}={secret}")).await);
    }
    // Bodies that cannot be read.
    for form in [
        "{\"userName\": \"a\", \"password\": \"{}\"",
        "{\"password\": \"{}\", \"password\": \"{}\"}",
        "password={}",
        "{\"password\": {}}",
        "\"{}",
        "[{\"password\":\"{}\"},",
        "{\"password\": \"{}\"} trailing",
        "\u{feff}{'password': '{}'}",
    ] {
        let secret = planted.plant(form);
        answers.push(call(Method::POST, "/Users").body("application/scim+json", form.replace("{}", &secret)).await);
        answers.push(
            call(Method::PATCH, &format!("/Users/{id}")).body("application/json", form.replace("{}", &secret)).await,
        );
        answers.push(call(Method::POST, "/Users").body("text/plain", form.replace("{}", &secret)).await);
    }
    for header in [
        "x-api-key",
        "x-auth-token",
        "cookie",
        "proxy-authorization",
        "dpop",
        "x-anything",
        "referer",
        "idempotency-key",
        "if-match",
    ] {
        let secret = planted.plant(header);
        answers.push(call(Method::GET, &format!("/Users/{id}")).header(header, &secret).await);
        let body = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "Boss"}]});
        answers.push(call(Method::PATCH, &format!("/Users/{id}")).header(header, &secret).scim(&body).await);
    }
    let group =
        json!({"schemas": [GROUP], "displayName": format!("G{}", planted.0.len()), "password": planted.plant("group")});
    answers.push(call(Method::POST, "/Groups").scim(&group).await);
    let wrong = planted.plant("Basic at SCIM");
    answers.push(world.call(Method::GET, &format!("{url}/Users")).basic(&client.id, &wrong).await);
    answers.push(world.call(Method::GET, &format!("{url}/Users")).bearer(&planted.plant("another token")).await);
    assert!(USER.starts_with("urn"));
}

async fn plant_at_oauth(world: &World, client: &OAuthClient, planted: &mut Planted, answers: &mut Vec<Answer>) {
    let prover = Prover::new(world);
    for path in ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/par"] {
        for parameter in [
            "client_secret",
            "client_assertion",
            "code",
            "code_verifier",
            "code_challenge",
            "refresh_token",
            "token",
            "username",
            "password",
            "state",
            "nonce",
            "scope",
            "resource",
            "x_secret",
            "id_token_hint",
            "assertion",
            "request",
            "device_code",
        ] {
            let secret = planted.plant(&format!("{path} {parameter}"));
            let in_url = format!("https://client.test/callback?token={secret}");
            let proof = planted.is("DPoP proof", prover.proof("POST", path, None));
            let form = [
                ("grant_type", "authorization_code"),
                ("client_id", client.id.as_str()),
                ("redirect_uri", &in_url),
                (parameter, &secret),
            ];
            answers.push(
                world.post(path).form(&form).header("dpop", &proof).header("cookie", &format!("s={secret}")).await,
            );
            answers.push(world.post(path).form(&form).basic(&client.id, &secret).await);
            answers.push(world.post(&format!("{path}?{parameter}={secret}")).form(&[("client_id", &client.id)]).await);
            answers.push(world.post(path).json(&json!({"client_id": client.id, parameter: secret})).await);
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:{secret}", client.id));
            planted.is("Basic header", basic);
        }
    }
    for (path, field) in [
        ("/login", "password"),
        ("/login", "username"),
        ("/login/second-factor", "code"),
        ("/oauth2/consent", "request"),
    ] {
        let secret = planted.plant(&format!("{path} {field}"));
        answers.push(world.post(path).form(&[(field, &secret)]).header("cookie", &format!("session={secret}")).await);
    }
    for parameter in ["state", "nonce", "login_hint", "code_challenge", "request", "x"] {
        let secret = planted.plant(&format!("/oauth2/auth {parameter}"));
        let url = client.authorization_url_with(&[
            ("client_id", &client.id),
            ("response_type", "code"),
            (parameter, &secret),
        ]);
        answers.push(world.get(&url).await);
        answers.push(
            world.post("/oauth2/auth").form(&[("client_id", client.id.as_str()), (parameter, secret.as_str())]).await,
        );
    }
}

story!(
    no_secret_is_kept_of_what_is_recorded_in_full,
    // Hundreds of one account come within the second in which they are written once.
    settings = [("GATEWAY__LOG__FILTER", "trace"), ("GATEWAY__REQUESTS__WAITING", "20000")],
    async |world: World| {
        let acme = world.account("acme").await;
        let ada = acme.service_account().await;
        let client = acme.generic_client().await;
        let (mut planted, mut answers) = (Planted::default(), Vec::new());
        for is_on in [false, true] {
            if is_on {
                record(&client, 1).await;
            }
            // The way of a connection, in which every secret counts.
            let browser = world.browser();
            let wrong = planted.plant("mistyped password");
            let page = browser.open(&client.authorization_url("state-1")).await.page();
            let page = browser.log_in(&page, &ada.user_name, &wrong).await.page();
            let landed = browser.log_in(&page, &ada.user_name, &planted.is("password", ada.password.clone())).await;
            let code = browser.press(&landed.page(), "Accept access").await.callback().code();
            let tokens = client.exchange(&planted.is("code", code)).await.expect(200).json();
            for token in ["access_token", "refresh_token"] {
                planted.is(token, text(&tokens[token]));
            }
            planted.is("client secret", client.secret.clone());
            let fixed = client.admin(Method::POST, "/tokens").json(&json!({"name": "pasted"})).await.expect(201).json();
            let fixed = planted.is("static token", text(&fixed["token"]));
            plant(&world, &client, &fixed, &mut planted, &mut answers).await;
            plant_at_oauth(&world, &client, &mut planted, &mut answers).await;
            let last = world.get("/scim/v2/Users").bearer(&fixed).await.expect(200);
            written(&world, &last).await;
            answers.push(last);
        }
        // What the log of requests tells, and what was sealed.
        let mut told = String::new();
        for answer in answers.iter().step_by(3) {
            let id = id_of(answer);
            for path in [format!("/requests/{id}"), format!("/requests/{id}/recording")] {
                told.push_str(&world.admin(Method::GET, &path).await.text());
            }
        }
        for path in [
            format!("/clients/{}/requests?limit=1000", client.id),
            format!("/clients/{}/fields", client.id),
            format!("/clients/{}", client.id),
        ] {
            told.push_str(&world.admin(Method::GET, &path).await.expect(200).text());
        }
        let mut behind = Behind::of(&world);
        assert!(behind.number("SELECT COUNT(*) AS n FROM recordings") > 500, "they are recorded");
        let keys = behind.keys();
        let opened = behind.opened_recordings(&keys);
        assert!(
            opened.len() > 500 && opened.iter().all(|text| text.contains("(replaced)") || text.contains("headers"))
        );
        behind.seal();
        let (logs, dump, opened) = (world.logs(), behind.dump(), opened.join("\n"));
        for (place, secret) in &planted.0 {
            let bare = if secret.starts_with("gw") { &secret[4..] } else { secret };
            for (what, where_it_is_not) in
                [("the log", &logs), ("the database", &dump), ("a recording", &opened), ("the admin API", &told)]
            {
                let at = where_it_is_not.find(bare);
                let around =
                    at.map(|at| where_it_is_not[at.saturating_sub(300)..].chars().take(600).collect::<String>());
                assert!(at.is_none(), "{what} tells the secret of {place}: {around:?}");
            }
        }
    }
);

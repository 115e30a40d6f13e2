//! Nothing secret is written anywhere but into the answer that gives it: not into logs at their most talkative, not into the database,
//! not into errors, health or metrics.

use reqwest::Method;
use serde_json::json;

use crate::support::account::text;
use crate::support::browser::Landed;
use crate::support::database::Behind;
use crate::support::http::Answer;
use crate::support::identity_provider::a_user;
use crate::support::letter_box::until;
use crate::support::testing::{MASTER_KEY, OPERATOR, World};

/// Of a relay that is not running.
const RELAY: &str = "Relay-passphrase-4";
const SETTINGS: [(&str, &str); 3] = [
    ("GATEWAY__LOG__FILTER", "trace"),
    ("GATEWAY__MAIL__SMTP_URL", "smtp://mailer:Relay-passphrase-4@127.0.0.1:9"),
    ("GATEWAY__MAIL__FROM", "no-reply@gateway.test"),
];

story!(attack_80_nothing_secret_leaks, settings = [SETTINGS[0], SETTINGS[1], SETTINGS[2]], async |world: World| {
    let mut secrets: Vec<(&str, String)> = vec![
        ("operator's token", OPERATOR.to_owned()),
        ("master key", MASTER_KEY.to_owned()),
        ("relay's password", RELAY.to_owned()),
    ];
    let mut said: Vec<Answer> = Vec::new();
    let acme = world.account("acme").await;
    let mut ada = acme.user("ada@acme.test").role("master_admin").with("password", json!("Ada's own passphrase 1"));
    ada.body["service_account"] = json!(true);
    let ada = ada.create().await;
    secrets.push(("password", ada.password.clone()));
    let operator = world
        .admin(Method::POST, "/operators")
        .json(&json!({"name": "cs", "role": "platform"}))
        .await
        .expect(201)
        .json();
    secrets.push(("second operator's token", text(&operator["token"])));
    let client = acme.generic_client().await;
    secrets.push(("client secret", client.secret.clone()));
    let more = client.admin(Method::POST, "/secrets").json(&json!({"label": "next"})).await.expect(201).json();
    secrets.push(("second client secret", text(&more["client_secret"])));

    // The browser flow, with a wrong password on the way.
    let browser = world.browser();
    let page = browser.open(&client.authorization_url("state-1")).await.page();
    let wrong = "not Ada's passphrase at all";
    secrets.push(("mistyped password", wrong.to_owned()));
    let page = browser.log_in(&page, &ada.user_name, wrong).await.page();
    let page = browser.log_in(&page, &ada.user_name, &ada.password).await.page();
    let code = browser.press(&page, "Accept access").await.callback().code();
    secrets.push(("code", code.clone()));
    let tokens = client.exchange(&code).await.expect(200).json();
    let mut idp = crate::support::identity_provider::IdentityProvider::new(client.clone(), &tokens);
    secrets.push(("ID token", text(&tokens["id_token"])));
    for generation in ["first", "second", "third"] {
        secrets.push((generation, idp.access_token.clone()));
        secrets.push((generation, idp.refresh_token.clone().unwrap_or_default()));
        idp.refresh().await;
    }
    secrets.push(("latest", idp.access_token.clone()));
    secrets.push(("latest", idp.refresh_token.clone().unwrap_or_default()));
    client.introspect(&idp.access_token).await;
    world.get("/userinfo").bearer(&idp.access_token).await.expect(200);
    let by_itself = client.client_credentials().await.expect(200).json();
    secrets.push(("client's access token", text(&by_itself["access_token"])));

    // SCIM, with passwords as identity providers send them, well formed and not.
    let sent = "Sent-by-the-IdP 77";
    secrets.push(("provisioned password", sent.to_owned()));
    let mut user = a_user("joe@acme.test");
    user["password"] = json!(sent);
    let joe = idp.post("/Users", &user).await.expect(201);
    let id = text(&joe.json()["id"]);
    said.push(joe);
    said.push(idp.post("/Users", &user).await.expect(409));
    said.push(idp.patch(&format!("/Users/{id}")).replace("password", sent).await);
    said.push(idp.patch(&format!("/Users/{id}")).replace("password", json!([sent])).await);
    user["password"] = json!({"value": sent});
    user["userName"] = json!("zoe@acme.test");
    said.push(idp.post("/Users", &user).await);
    said.push(idp.get("/Users?filter=password%20eq%20%22Sent-by-the-IdP%2077%22").await);

    // What goes wrong, with secrets where they do not belong.
    let token = &idp.access_token;
    said.push(world.get(&format!("/scim/v2/Users?access_token={token}")).await);
    said.push(world.get("/scim/v2/Users").header("authorization", &format!("Basic {token}")).await);
    said.push(world.get("/scim/v2/Users").bearer(&client.secret).await);
    said.push(world.get("/admin/accounts").bearer(token).await);
    said.push(world.get(&format!("/admin/accounts/{}", client.secret)).bearer(token).await);
    said.push(client.exchange(&code).await);
    said.push(client.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await);
    said.push(client.token(&[("grant_type", "password"), ("username", "ada"), ("password", &ada.password)]).await);
    said.push(world.post(&format!("/oauth2/token?client_secret={}", client.secret)).form(&[("a", "b")]).await);
    said.push(world.post("/oauth2/token").json(&json!({"client_secret": client.secret})).await);
    said.push(acme.admin(Method::POST, "/users").json(&json!({"userName": "x", "password": 7})).await);
    let short = json!({"userName": "x", "password": "Sh0rt!?"});
    secrets.push(("short password", "Sh0rt!?".to_owned()));
    said.push(acme.admin(Method::POST, "/users").json(&short).await);
    said.push(acme.admin(Method::POST, "/clients").json(&json!({"name": "x", "client_secret": client.secret})).await);
    said.push(client.admin(Method::GET, "").await);
    said.push(client.admin(Method::GET, "/secrets").await);
    for path in ["/accounts", "/operators", "/audit?limit=1000"] {
        said.push(world.admin(Method::GET, path).await);
    }
    for path in ["/health/live", "/health/ready", "/metrics"] {
        said.push(world.get(path).await);
    }
    idp.client.revoke(&idp.access_token).await.expect(200);

    // The mail to the new owner of the connection fails.
    let eve = acme.user("eve@acme.test").role("master_admin").create().await;
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": eve.id})).await.expect(200);
    acme.okta_client().await.connect_as(&ada).await;
    acme.admin(Method::PATCH, &format!("/users/{}", ada.id)).json(&json!({"active": false})).await.expect(200);
    let mut behind = Behind::of(&world);
    let tried = "SELECT COUNT(*) AS n FROM notices WHERE problem IS NOT NULL";
    until("note of the problem", || behind.number(tried) == 1).await;
    said.push(acme.admin(Method::GET, "/notices").await);
    behind.seal();
    let (logs, dump) = (world.logs(), behind.dump());
    assert!(logs.contains("TRACE") || logs.contains("DEBUG"), "the log is talkative");
    for (what, secret) in &secrets {
        assert!(secret.len() >= 7, "{what} is a secret");
        // As it is, without its prefix, and as the bytes it stands for.
        let bare = secret.split_once('_').map_or(secret.as_str(), |(prefix, rest)| {
            if prefix.starts_with("gw") && prefix.len() == 3 { rest } else { secret }
        });
        let hex: String = bare.bytes().map(|byte| format!("{byte:02x}")).collect();
        let escaped = url::form_urlencoded::byte_serialize(bare.as_bytes()).collect::<String>();
        for form in [bare, &hex, &escaped] {
            assert!(!logs.contains(form), "the log tells the {what}: {}", around(&logs, form));
            assert!(!dump.contains(form), "the database holds the {what}");
            for answer in &said {
                let told = format!("{:?} {}", answer.headers, answer.text());
                assert!(!told.contains(form), "{} tells the {what}: {told}", answer.asked);
            }
        }
    }
});

/// The line of a log that says something.
fn around<'a>(log: &'a str, what: &str) -> &'a str {
    log.lines().find(|line| line.contains(what)).unwrap_or_default()
}

//! Clients that do not prove who they are, or ask for what they may not; requests of the wrong form; keys that are fetched.

use gateway::domain::request::Place;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Provoked, REACH, until};
use crate::support::account::{items, text};
use crate::support::http::Call;
use crate::support::key_server::{KeyServer, SigningKey, fresh, now};
use crate::support::oauth_client::OAuthClient;
use crate::support::prover::Prover;
use crate::support::testing::World;

pub const PLACES: &[Place] = &[Place::Client, Place::Request, Place::Call];

const CREDENTIALS: (&str, &str) = ("grant_type", "client_credentials");
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn claims(client: &OAuthClient) -> Value {
    let audience = client.world.gateway.public_url.clone();
    json!({"iss": client.id, "sub": client.id, "aud": audience, "jti": fresh(), "iat": now(), "exp": now() + 60})
}

fn signed(world: &World, kind: &str, assertion: &str) -> Call {
    let form = [CREDENTIALS, ("client_assertion_type", kind), ("client_assertion", assertion)];
    world.post("/oauth2/token").form(&form)
}

story!(each_refusal_of_a_client_is_in_the_log, settings = [REACH], async |world: World| {
    let mut log = Provoked::of(&world);
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let other = acme.generic_client().await;
    let token = |pairs: &[(&str, &str)]| world.post("/oauth2/token").form(pairs);
    let (id, secret) = (("client_id", client.id.as_str()), ("client_secret", client.secret.as_str()));
    log.ask("header_not_basic", token(&[CREDENTIALS]).header("authorization", "Bearer x")).await;
    log.ask("client_missing", token(&[CREDENTIALS])).await;
    let pasted = format!("{}\n", client.secret);
    log.ask("credentials_pasted", token(&[CREDENTIALS, id, ("client_secret", &pasted)])).await;
    log.ask("credentials_wrong", token(&[CREDENTIALS, id, ("client_secret", "wrong")])).await;
    log.ask("secret_missing", token(&[CREDENTIALS, id])).await;
    log.ask("credentials_twice", token(&[CREDENTIALS, id, ("client_secret", "x")]).basic(&client.id, &client.secret))
        .await;
    log.ask("client_id_mismatch", token(&[CREDENTIALS, id, secret]).basic(&other.id, &other.secret)).await;
    let method = async |name: &str| {
        client.admin(Method::PATCH, "").json(&json!({"token_endpoint_auth_method": name})).await.expect(200);
    };
    method("client_secret_basic").await;
    log.ask("basic_only", token(&[CREDENTIALS, id, secret])).await;
    method("client_secret_post").await;
    log.ask("post_only", token(&[CREDENTIALS]).basic(&client.id, &client.secret)).await;
    method("any").await;
    world.alter(&format!(
        "UPDATE client_secrets SET expires = 1 WHERE client = (SELECT seq FROM clients WHERE id = '{}')",
        other.id
    ));
    log.ask("secret_expired", other.client_credentials()).await;
    log.ask("grant_type_unknown", client.token(&[("grant_type", "password")])).await;
    log.ask("scope_not_allowed", client.token(&[CREDENTIALS, ("scope", "admin")])).await;
    log.ask("scope_of_user", client.token(&[CREDENTIALS, ("scope", "openid")])).await;
    log.ask("resource_not_allowed", client.token(&[CREDENTIALS, ("resource", "https://evil.example/")])).await;
    let web = acme
        .client(json!({"name": "Web", "redirect_uris": ["https://client.test/callback"],
        "grant_types": ["authorization_code"]}))
        .await;
    log.ask("grant_type_not_allowed", web.token(&[CREDENTIALS])).await;
    let public = acme
        .client(json!({"name": "App", "public": true, "redirect_uris": ["https://client.test/callback"],
        "grant_types": ["authorization_code"]}))
        .await;
    let asked = [("client_id", public.id.as_str()), ("token", "x")];
    log.ask("client_public", world.post("/oauth2/introspect").form(&asked)).await;
    let shared = json!({"name": "Shared", "redirect_uris": ["https://client.test/callback"],
        "grant_types": ["authorization_code", "client_credentials"], "scopes": ["provision:scim"]});
    let shared = world.admin(Method::POST, "/clients").json(&shared).await.expect(201).json();
    let shared = OAuthClient::new(&world, shared);
    log.ask("client_without_account", shared.token(&[CREDENTIALS])).await;

    // Assertions.
    let key = SigningKey::p256("own");
    let machine = |more: Value| {
        let mut body = json!({"name": "Machine", "grant_types": ["client_credentials"], "redirect_uris": []});
        more.as_object().into_iter().flatten().for_each(|(name, value)| body[name] = value.clone());
        acme.client(body)
    };
    let machine_one = machine(json!({"jwks": key.jwks()})).await;
    let good = key.jwt(&claims(&machine_one));
    log.ask("assertion_type", signed(&world, "nonsense", &good)).await;
    log.ask("assertion_incomplete", token(&[CREDENTIALS, ("client_assertion", &good)])).await;
    log.ask("assertion_too_long", signed(&world, TYPE, &"x".repeat(9000))).await;
    let both = [CREDENTIALS, secret, ("client_assertion_type", TYPE), ("client_assertion", &good)];
    log.ask("assertion_and_secret", token(&both)).await;
    signed(&world, TYPE, &good).await.expect(200);
    log.ask("assertion_replayed", signed(&world, TYPE, &good)).await;
    let late = {
        let mut claims = claims(&machine_one);
        claims["exp"] = json!(now() - 60);
        key.jwt(&claims)
    };
    log.ask("assertion_invalid", signed(&world, TYPE, &late)).await;
    let stranger = {
        let mut claims = claims(&machine_one);
        claims["sub"] = json!("nosuch");
        claims["iss"] = json!("nosuch");
        key.jwt(&claims)
    };
    log.ask("assertion_client_unknown", signed(&world, TYPE, &stranger)).await;

    // Keys elsewhere: each call for them is a row of the same request.
    let keys = KeyServer::start();
    for (path, code) in
        [("/answers", "call_answered_error"), ("/no-json", "call_refused"), ("/hangs-up", "call_failed")]
    {
        keys.put(path, &key.jwks());
        let published = machine(json!({"jwks_uri": keys.url(path)})).await;
        keys.put_raw(
            path,
            match code {
                "call_answered_error" => {
                    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                }
                "call_refused" => "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>",
                _ => "nonsense",
            },
        );
        let refused = signed(&world, TYPE, &key.jwt(&claims(&published))).await;
        log.by("assertion_keys_unavailable", &refused);
        let request = refused.header("x-request-id").expect("an id").to_owned();
        let rows = until(async || {
            let answer = world.admin(Method::GET, &format!("/requests/{request}")).await;
            (answer.status == 200).then(|| items(&answer.json()))
        });
        let rows = rows.await.expect("recorded");
        let call = rows.iter().find(|row| row["code"] == code).unwrap_or_else(|| panic!("{code}: {rows:?}"));
        assert_eq!((&call["method"], text(&call["endpoint"])), (&json!("GET"), keys.url(path)), "{call}");
        assert_eq!((&call["client"], &call["account"]), (&json!(published.id), &json!(acme.id)), "{call}");
        assert!(text(&rows[0]["detail"]).contains(&text(&call["detail"])), "{rows:?}");
        log.found.insert(code);
        keys.put(path, &key.jwks());
    }
    let published = machine(json!({"jwks_uri": format!("{}?of=acme&secret=hidden", keys.url("/good"))}));
    keys.put("/good?of=acme&secret=hidden", &key.jwks());
    let published = published.await;
    let answer = signed(&world, TYPE, &key.jwt(&claims(&published))).await.expect(200);
    let request = answer.header("x-request-id").expect("an id").to_owned();
    let rows = until(async || {
        let answer = world.admin(Method::GET, &format!("/requests/{request}")).await;
        (answer.status == 200).then(|| answer.json())
    });
    let rows = rows.await.expect("recorded");
    let call = items(&rows).into_iter().find(|row| row["endpoint"] == keys.url("/good").as_str());
    let call = call.unwrap_or_else(|| panic!("{rows}"));
    assert_eq!((&call["status"], &call["code"]), (&json!(200), &Value::Null), "{call}");
    assert!(call["microseconds"].as_i64().is_some_and(|n| n > 0) && !rows.to_string().contains("hidden"), "{rows}");

    client.admin(Method::PATCH, "").json(&json!({"disabled": true})).await.expect(200);
    log.ask("client_disabled", client.client_credentials()).await;
    client.admin(Method::PATCH, "").json(&json!({"disabled": false})).await.expect(200);
    acme.admin(Method::POST, "/suspend").await.expect(200);
    log.ask("account_suspended", client.client_credentials()).await;
    acme.admin(Method::POST, "/resume").await.expect(200);

    // The form of requests.
    log.ask("request_malformed", world.post("/oauth2/token").json(&json!({}))).await;
    log.ask("parameter_missing", client.token(&[("grant_type", "authorization_code")])).await;
    log.ask("parameter_repeated", client.token(&[CREDENTIALS, CREDENTIALS])).await;
    let in_url = world.post(&format!("/oauth2/token?client_id={}", client.id)).form(&[CREDENTIALS]);
    log.ask("parameter_in_url", in_url).await;
    let twice = world.post("/oauth2/token?scope=provision:scim").form(&[CREDENTIALS, id, secret, ("scope", "openid")]);
    log.ask("scope_repeated", twice).await;
    log.ask("scope_malformed", client.token(&[CREDENTIALS, ("scope", "a\"b")])).await;
    log.ask("resource_malformed", client.token(&[CREDENTIALS, ("resource", "/scim/v2")])).await;
    let own: Vec<String> = (0..8).map(|n| format!("https://api{n}.client.test/")).collect();
    client.admin(Method::PATCH, "").json(&json!({"resources": own})).await.expect(200);
    let scim = format!("{}/scim/v2", world.gateway.public_url);
    let many: Vec<(&str, &str)> = own.iter().chain([&scim]).map(|uri| ("resource", uri.as_str())).collect();
    log.ask("too_many_resources", client.token(&[&[CREDENTIALS][..], &many].concat())).await;
    let strict = acme
        .client(json!({"name": "Strict", "profile": "strict", "grant_types": ["client_credentials"],
        "scopes": ["provision:scim"]}))
        .await;
    log.ask("scope_separators", strict.token(&[CREDENTIALS, ("scope", "provision:scim,openid")])).await;
    let push = |more: &[(&str, &str)]| world.post("/oauth2/par").form(&[&[id, secret][..], more].concat());
    log.ask("request_uri_pushed", push(&[("request_uri", "urn:x")])).await;
    let (mine, thiefs) = (Prover::new(&world), Prover::new(&world));
    let (uri, named) = (client.redirect_uri(), thiefs.thumbprint());
    let asked = [("response_type", "code"), ("redirect_uri", uri.as_str()), ("dpop_jkt", named.as_str())];
    log.ask("dpop_jkt_mismatch", push(&asked).header("dpop", &mine.proof("POST", "/oauth2/par", None))).await;
    log.finish(PLACES).await;
});

//! Authorization requests: what is told on a page, and what the browser carries to the client.

use gateway::domain::request::Place;
use reqwest::Method;
use serde_json::json;

use super::Provoked;
use crate::support::testing::World;

pub const PLACES: &[Place] = &[Place::Authorization];

story!(each_refusal_of_an_authorization_request_is_in_the_log, async |world: World| {
    let mut log = Provoked::of(&world);
    let acme = world.account("acme").await;
    let client = acme.generic_client().await;
    let uri = client.redirect_uri();
    let (id, redirect, code) =
        (("client_id", client.id.as_str()), ("redirect_uri", uri.as_str()), ("response_type", "code"));
    let open = |pairs: &[(&str, &str)]| world.get(&client.authorization_url_with(pairs));
    let with = |more: &[(&str, &str)]| open(&[&[id, redirect, code][..], more].concat());

    log.ask("client_id_missing", open(&[redirect, code])).await;
    log.ask("client_repeated", open(&[id, id, redirect, code])).await;
    log.ask("client_unknown", open(&[("client_id", "nosuch"), redirect, code])).await;
    log.ask("redirect_uri_unknown", open(&[id, ("redirect_uri", "https://evil.example/"), code])).await;
    log.ask("redirect_uri_repeated", open(&[id, redirect, redirect, code])).await;
    let none = acme.client(json!({"name": "New", "profile": "okta"})).await;
    log.ask("no_redirect_uri", open(&[("client_id", none.id.as_str()), code])).await;
    let two = acme.client(json!({"name": "Two", "redirect_uris": ["https://a.test/", "https://b.test/"]})).await;
    log.ask("redirect_uri_needed", open(&[("client_id", two.id.as_str()), code])).await;
    let pushed = "urn:ietf:params:oauth:request_uri:nosuch";
    log.ask("pushed_unknown", open(&[id, ("request_uri", pushed)])).await;
    log.ask("pushed_malformed", open(&[id, id, ("request_uri", pushed)])).await;

    log.ask("response_type_missing", open(&[id, redirect])).await;
    log.ask("response_type", open(&[id, redirect, ("response_type", "token")])).await;
    let long = "x".repeat(25_000);
    for (refusal, name, value) in [
        ("response_mode", "response_mode", "fragment"),
        ("max_age", "max_age", "soon"),
        ("prompt", "prompt", "shout"),
        ("prompt_none", "prompt", "none login"),
        ("dpop_jkt", "dpop_jkt", "x"),
        ("challenge_missing", "code_challenge_method", "S256"),
        ("challenge_method", "code_challenge", "x"),
        ("request_object", "request", "x"),
        ("request_uri", "request_uri", "https://client.test/request.jwt"),
        ("registration", "registration", "{}"),
        ("scope_invalid", "scope", "a\"b"),
        ("resource_invalid", "resource", "https://evil.example/"),
        ("parameter_unreadable", "state", "a\0b"),
        ("authorization_too_large", "state", &long),
    ] {
        log.ask(refusal, with(&[(name, value)])).await;
    }
    log.ask("challenge_invalid", with(&[("code_challenge", "x"), ("code_challenge_method", "S256")])).await;
    // The same codes as at the token endpoint, for they mean the same.
    log.ask("parameter_repeated", with(&[("state", "1"), ("state", "2")])).await;
    log.ask("scope_repeated", with(&[("scope", "openid"), ("scope", "offline")])).await;
    log.ask("scope_not_allowed", with(&[("scope", "admin")])).await;
    let change = async |body: serde_json::Value| client.admin(Method::PATCH, "").json(&body).await.expect(200);
    change(json!({"require_pkce": true})).await;
    log.ask("pkce_required", with(&[])).await;
    change(json!({"require_pkce": false, "require_pushed_authorization_requests": true})).await;
    log.ask("push_required", with(&[])).await;
    change(json!({"disabled": true})).await;
    log.ask("client_disabled", with(&[])).await;
    // What a client is told that pushes has the same code.
    change(json!({"disabled": false})).await;
    let form = [id, ("client_secret", client.secret.as_str()), redirect, ("response_type", "token")];
    log.ask("response_type", world.post("/oauth2/par").form(&form)).await;
    log.finish(PLACES).await;
});

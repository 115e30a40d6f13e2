//! Access tokens and their proofs of possession, wherever they are presented.

use std::time::Duration;

use gateway::domain::request::Place;
use oauth::EndReason;
use reqwest::Method;
use serde_json::{Value, json};

use super::Provoked;
use crate::support::account::{items, text};
use crate::support::http::Call;
use crate::support::key_server::{SigningKey, fresh};
use crate::support::oauth_client::OAuthClient;
use crate::support::prover::Prover;
use crate::support::testing::{OPERATOR, World};

pub const PLACES: &[Place] = &[Place::AccessToken, Place::Ended, Place::Proof];

fn users(world: &World, token: &str) -> Call {
    world.get("/scim/v2/Users").bearer(token)
}

async fn static_token(client: &OAuthClient, more: Value) -> Value {
    let mut body = json!({"name": "pasted"});
    more.as_object().into_iter().flatten().for_each(|(name, value)| body[name] = value.clone());
    client.admin(Method::POST, "/tokens").json(&body).await.expect(201).json()
}

story!(each_refusal_of_an_access_token_is_in_the_log, moving_clock, async |world: World| {
    let mut log = Provoked::of(&world);
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let client = acme.generic_client().await;
    let idp = client.connect_as(&ada).await;
    log.ask("token_missing", world.get("/scim/v2/Users")).await;
    log.ask("token_in_url", world.get(&format!("/scim/v2/Users?access_token={}", idp.access_token))).await;
    let form = [("access_token", idp.access_token.as_str())];
    log.ask("token_twice", world.post("/userinfo").bearer(&idp.access_token).form(&form)).await;
    let long = "x".repeat(20_000);
    log.ask("token_form", world.post("/userinfo").form(&[("access_token", long.as_str())])).await;
    let code = client.authorize(&world.browser(), &ada).await.code();
    let foreign = SigningKey::ed25519("a").jwt(&json!({"sub": "x", "jti": fresh()}));
    for (code, token) in [
        ("token_unknown", "gwa_nonsense"),
        ("token_is_client_secret", &client.secret),
        ("token_is_code", &code),
        ("token_is_refresh_token", idp.refresh_token.as_deref().unwrap_or_default()),
        ("token_is_operators", OPERATOR),
        ("token_is_foreign_jwt", &foreign),
    ] {
        log.ask(code, users(&world, token)).await;
    }
    let who =
        client.token(&[("grant_type", "client_credentials"), ("scope", "provision:scim")]).await.expect(200).json();
    log.ask("insufficient_scope", world.get("/userinfo").bearer(&text(&who["access_token"]))).await;
    let revoked = client.connect_as(&ada).await;
    client.revoke(&revoked.access_token).await.expect(200);
    log.ask("token_revoked", revoked.get("/Users")).await;
    let code = client.authorize(&world.browser(), &ada).await.code();
    let first = client.exchange(&code).await.expect(200).json();
    client.exchange(&code).await.expect(200);
    log.ask("token_superseded", users(&world, &text(&first["access_token"]))).await;
    let elsewhere = json!({"name": "Elsewhere", "profile": "generic", "grant_types": ["client_credentials"],
        "scopes": ["provision:scim"], "resources": ["https://api.client.test/"]});
    let elsewhere = acme.client(elsewhere).await;
    let asked = [("grant_type", "client_credentials"), ("resource", "https://api.client.test/")];
    let token = elsewhere.token(&asked).await.expect(200).json();
    log.ask("token_of_other_resource", users(&world, &text(&token["access_token"]))).await;

    // With a token that is bound to a key.
    let (mine, thiefs) = (Prover::new(&world), Prover::new(&world));
    let credentials = [("grant_type", "client_credentials"), ("scope", "provision:scim")];
    let used = mine.proof("POST", "/oauth2/token", None);
    let bound = client.token(&credentials).header("dpop", &used).await.expect(200).json();
    let bound = text(&bound["access_token"]);
    log.ask("dpop_proof_replayed", client.token(&credentials).header("dpop", &used)).await;
    let bare = client.token(&credentials).await.expect(200).json();
    let bare = text(&bare["access_token"]);
    log.ask("token_key_bound", users(&world, &bound)).await;
    let with = |token: &str, proof: &str| {
        world.get("/scim/v2/Users").header("authorization", &format!("DPoP {token}")).header("dpop", proof)
    };
    let proof = || mine.proof("GET", "/scim/v2/Users", Some(&bound));
    log.ask("token_not_key_bound", with(&bare, &mine.proof("GET", "/scim/v2/Users", Some(&bare)))).await;
    let missing = world.get("/scim/v2/Users").header("authorization", &format!("DPoP {bound}"));
    log.ask("proof_missing", missing).await;
    log.ask("proof_repeated", with(&bound, &proof()).another_header("dpop", &proof())).await;
    log.ask("proof_too_long", with(&bound, &"x".repeat(5000))).await;
    log.ask("proof_not_jwt", with(&bound, "nonsense")).await;
    let claims = mine.claims("GET", "/scim/v2/Users", Some(&bound));
    let key = SigningKey::p256("k");
    let typed = key.jwt_with(&json!({"typ": "JWT", "alg": "ES256", "jwk": key.public}), &claims);
    log.ask("proof_type", with(&bound, &typed)).await;
    let keyless = key.jwt_with(&json!({"typ": "dpop+jwt", "alg": "ES256"}), &claims);
    log.ask("proof_key_missing", with(&bound, &keyless)).await;
    let forged = key.jwt_with(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": mine.jwk()}), &claims);
    log.ask("proof_signature", with(&bound, &forged)).await;
    for (code, name, value) in [
        ("proof_claim_type", "iat", json!("now")),
        ("proof_url", "htu", json!("https://evil.example/scim/v2/Users")),
        ("proof_method", "htm", json!("POST")),
        ("proof_time_missing", "iat", Value::Null),
        ("proof_id_missing", "jti", json!("")),
        ("proof_time", "iat", json!(1)),
    ] {
        let mut claims = claims.clone();
        match value {
            Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
            value => claims[name] = value,
        }
        log.ask(code, with(&bound, &mine.signed(&claims))).await;
    }
    log.ask("proof_other_key", with(&bound, &thiefs.proof("GET", "/scim/v2/Users", Some(&bound)))).await;
    log.ask("proof_other_token", with(&bound, &mine.proof("GET", "/scim/v2/Users", Some(&bare)))).await;
    let once = proof();
    with(&bound, &once).await.expect(200);
    log.ask("proof_replayed", with(&bound, &once)).await;
    let bind = |on: bool| client.admin(Method::PATCH, "").json(&json!({"dpop_bound_access_tokens": on}));
    bind(true).await.expect(200);
    log.ask("dpop_proof_missing", client.token(&credentials)).await;
    bind(false).await.expect(200);

    let pasted = acme.client(json!({"name": "OneLogin", "profile": "onelogin"})).await;
    let gone = static_token(&pasted, json!({})).await;
    pasted.admin(Method::DELETE, &format!("/tokens/{}", text(&gone["id"]))).await.expect(204);
    log.ask("static_token_unknown", users(&world, &text(&gone["token"]))).await;
    let old = static_token(&pasted, json!({})).await;
    let ended = static_token(&pasted, json!({})).await;
    let by_credentials = client.connect_by_credentials().await;
    world.pass(Duration::from_secs(2 * 3600));
    log.ask("token_expired", by_credentials.get("/Users")).await;
    world.alter(&format!("UPDATE static_tokens SET expires = 1 WHERE id = '{}'", text(&old["id"])));
    log.ask("static_token_expired", users(&world, &text(&old["token"]))).await;
    for grant in items(&acme.admin_get("/grants?limit=100").await) {
        if grant["client_id"] == pasted.id.as_str() {
            world
                .admin(Method::DELETE, &format!("/grants/{}", grant["id"].to_string().trim_matches('"')))
                .await
                .expect(204);
        }
    }
    log.ask("static_token_ended", users(&world, &text(&ended["token"]))).await;

    let idp = client.connect_as(&ada).await;
    world.alter(&format!("UPDATE resources SET active = FALSE WHERE id = '{}'", ada.id));
    log.ask("owner_inactive", idp.get("/Users")).await;
    world.alter(&format!("UPDATE resources SET active = TRUE WHERE id = '{}'", ada.id));
    let of_client = format!("client = (SELECT seq FROM clients WHERE id = '{}') AND owner IS NOT NULL", client.id);
    let end = |why: &str| world.alter(&format!("UPDATE grants SET ended = 1, end_reason = '{why}' WHERE {of_client}"));
    end("words of another version");
    log.ask("grant_ended_before", idp.get("/Users")).await;
    for reason in EndReason::ALL {
        end(reason.as_str());
        log.ask(reason.code().name(), idp.get("/Users")).await;
    }
    world.alter(&format!("DELETE FROM grants WHERE {of_client}"));
    log.ask("grant_gone", idp.get("/Users")).await;
    log.finish(PLACES).await;
});

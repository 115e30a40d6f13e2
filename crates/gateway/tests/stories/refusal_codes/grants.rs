//! Token requests that present a code or a refresh token.

use std::time::Duration;

use gateway::domain::request::Place;
use reqwest::Method;
use serde_json::json;

use super::{Provoked, code_with};
use crate::support::account::text;
use crate::support::database::Behind;
use crate::support::prover::Prover;
use crate::support::testing::World;

pub const PLACES: &[Place] = &[Place::Grant];

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

story!(each_refusal_of_a_code_or_a_refresh_token_is_in_the_log, moving_clock, async |world: World| {
    let mut log = Provoked::of(&world);
    let acme = world.account("acme").await;
    let ada = acme.service_account().await;
    let (client, other) = (acme.generic_client().await, acme.generic_client().await);
    let uri = client.redirect_uri();
    let exchange = |code: &str, more: &[(&str, &str)]| {
        client.token(&[&[("grant_type", "authorization_code"), ("code", code)][..], more].concat())
    };
    let redirect = ("redirect_uri", uri.as_str());
    log.ask("code_unknown", client.exchange("gwc_nonsense")).await;
    let code = code_with(&client, &ada, &[]).await;
    log.ask("code_of_other_client", other.exchange(&code)).await;
    let code = code_with(&client, &ada, &[]).await;
    let tokens = client.exchange(&code).await.expect(200).json();
    world.get("/scim/v2/Users").bearer(&text(&tokens["access_token"])).await.expect(200);
    log.ask("code_reused", client.exchange(&code)).await;
    let code = code_with(&client, &ada, &[]).await;
    log.ask("redirect_uri_mismatch", exchange(&code, &[("redirect_uri", "https://evil.example/")])).await;
    let code = code_with(&client, &ada, &[]).await;
    log.ask("redirect_uri_missing", exchange(&code, &[])).await;
    let challenged = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let code = code_with(&client, &ada, &challenged).await;
    let wrong = "x".repeat(43);
    log.ask("verifier_mismatch", exchange(&code, &[redirect, ("code_verifier", &wrong)])).await;
    let code = code_with(&client, &ada, &challenged).await;
    log.ask("verifier_missing", exchange(&code, &[redirect])).await;
    let code = code_with(&client, &ada, &[]).await;
    log.ask("verifier_unexpected", exchange(&code, &[redirect, ("code_verifier", VERIFIER)])).await;
    let (mine, thiefs) = (Prover::new(&world), Prover::new(&world));
    let named = mine.thumbprint();
    let code = code_with(&client, &ada, &[("dpop_jkt", &named)]).await;
    let theirs = thiefs.proof("POST", "/oauth2/token", None);
    log.ask("code_key_mismatch", exchange(&code, &[redirect]).header("dpop", &theirs)).await;
    let code = code_with(&client, &ada, &[("dpop_jkt", &named)]).await;
    log.ask("code_key_missing", exchange(&code, &[redirect])).await;
    let public = acme
        .client(json!({"name": "App", "public": true, "redirect_uris": ["https://client.test/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "offline", "provision:scim"]}))
        .await;
    let code = code_with(&public, &ada, &challenged).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", public.id.as_str()),
        ("code", code.as_str()),
        redirect,
        ("code_verifier", VERIFIER),
    ];
    let proof = mine.proof("POST", "/oauth2/token", None);
    let tokens = world.post("/oauth2/token").form(&form).header("dpop", &proof).await.expect(200).json();
    let bound = text(&tokens["refresh_token"]);
    let form = [("grant_type", "refresh_token"), ("client_id", public.id.as_str()), ("refresh_token", bound.as_str())];
    log.ask("refresh_token_key_missing", world.post("/oauth2/token").form(&form)).await;

    let code = code_with(&client, &ada, &[]).await;
    world.pass(Duration::from_secs(3600));
    log.ask("code_expired", client.exchange(&code)).await;

    log.ask("refresh_token_unknown", client.refresh("gwr_nonsense")).await;
    let tokens = client.exchange(&code_with(&client, &ada, &[]).await).await.expect(200).json();
    let first = text(&tokens["refresh_token"]);
    log.ask("refresh_token_of_other_client", other.refresh(&first)).await;
    let refresh = |token: &str, more: (&str, &str)| {
        client.token(&[("grant_type", "refresh_token"), ("refresh_token", token), more])
    };
    let narrow = code_with(&client, &ada, &[("scope", "offline provision:scim")]).await;
    let narrow = client.exchange(&narrow).await.expect(200).json();
    log.ask("scope_not_accepted", refresh(&text(&narrow["refresh_token"]), ("scope", "openid"))).await;
    let mine_too = json!({"resources": ["https://api.client.test/"]});
    client.admin(Method::PATCH, "").json(&mine_too).await.expect(200);
    log.ask("resource_not_accepted", refresh(&first, ("resource", "https://api.client.test/"))).await;
    // Late workers: the successor is in use, and the old token comes again and again.
    let next = client.refresh(&first).await.expect(200).json();
    world.get("/scim/v2/Users").bearer(&text(&next["access_token"])).await.expect(200);
    let mut answer = client.refresh(&first).await;
    for _ in 0..40 {
        if answer.status != 200 {
            break;
        }
        answer = client.refresh(&first).await;
    }
    log.by("refresh_token_superseded", &answer);
    world.pass(Duration::from_secs(3600));
    log.ask("refresh_token_reused", client.refresh(&first)).await;

    // The access passes to a co-owner, whom the tokens do not identify.
    let (eve, bob) = (
        acme.user("eve@acme.test").role("master_admin").create().await,
        acme.user("bob@acme.test").role("master_admin").create().await,
    );
    acme.admin(Method::PATCH, "").json(&json!({"co_owner": bob.id})).await.expect(200);
    let tokens = other.exchange(&code_with(&other, &eve, &[]).await).await.expect(200).json();
    acme.admin(Method::PATCH, &format!("/users/{}", eve.id)).json(&json!({"active": false})).await.expect(200);
    Behind::of(&world).work(|tx| tx.settle_endings(100));
    let token = text(&tokens["refresh_token"]);
    let openid = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", "openid")];
    log.ask("grant_transferred", other.token(&openid)).await;

    let tokens = client.exchange(&code_with(&client, &ada, &[]).await).await.expect(200).json();
    client.admin(Method::PATCH, "").json(&json!({"refresh_idle_seconds": 7200})).await.expect(200);
    world.pass(Duration::from_secs(3 * 3600));
    log.ask("refresh_token_expired", client.refresh(&text(&tokens["refresh_token"]))).await;
    let lifetimes = json!({"refresh_idle_seconds": 172_800, "refresh_absolute_seconds": 172_800});
    client.admin(Method::PATCH, "").json(&lifetimes).await.expect(200);
    let tokens = client.exchange(&code_with(&client, &ada, &[]).await).await.expect(200).json();
    world.pass(Duration::from_secs(3 * 86_400));
    log.ask("grant_too_old", client.refresh(&text(&tokens["refresh_token"]))).await;
    log.finish(PLACES).await;
});

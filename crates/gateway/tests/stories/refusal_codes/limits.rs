//! HTTP, limits, and failures.

use gateway::domain::request::Place;
use reqwest::Method;
use serde_json::json;

use super::Provoked;
use crate::support::identity_provider::a_user;
use crate::support::testing::World;

pub const PLACES: &[Place] = &[Place::Http, Place::Limit, Place::Server];

story!(
    each_refusal_of_http_and_of_limits_is_in_the_log,
    settings = [
        ("GATEWAY__SERVER__ACCOUNT_IN_FLIGHT_MIB", "8"),
        ("GATEWAY__SERVER__IN_FLIGHT_MIB", "16"),
        ("GATEWAY__LIMITS__CLIENT_PER_SECOND", "7"),
        ("GATEWAY__LIMITS__ACCOUNT_PER_SECOND", "10")
    ],
    async |world: World| {
        let mut log = Provoked::of(&world);
        let acme = world.account("acme").await;
        let service = acme.service_account().await;
        let idp = acme.connect_identity_provider_as(&service).await;
        let client = acme.generic_client().await;
        log.ask("method_not_allowed", idp.call(Method::PATCH, "/Users").scim(&json!({}))).await;
        log.ask("method_not_allowed", world.get("/oauth2/token")).await;
        log.ask("method_not_allowed", world.call(Method::DELETE, "/oauth2/consent")).await;
        log.ask("no_such_endpoint", world.get("/oauth2/nothing")).await;
        log.ask("media_type", idp.call(Method::POST, "/Users").body("image/png", "x")).await;
        let packed = idp.post("/Users", &a_user("x@acme.test")).header("content-encoding", "gzip");
        log.ask("content_encoding", packed).await;
        let long = "x".repeat(40_000);
        log.ask("body_too_large", client.token(&[("grant_type", "client_credentials"), ("x", &long)])).await;
        log.ask("page_request_too_large", world.get(&format!("/oauth2/auth?state={long}"))).await;
        world.alter(
            "INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, provisioned, display, document) \
             SELECT seq, 1, 'large', 1, 1, 1, TRUE, FALSE, 'large', '{\"userName\":\"large\",\"active\":true,\"title\":\"' || \
             replace('xxxxxxxxxxxxxxxx', 'x', replace('yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy', 'y', \
             replace('zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz', 'z', \
             'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'))) || '\"}' \
             FROM accounts WHERE name = 'acme'",
        );
        log.ask("request_too_large", idp.get("/Users/large")).await;
        let wrong =
            [("grant_type", "client_credentials"), ("client_id", client.id.as_str()), ("client_secret", "wrong")];
        let mut answer = world.post("/oauth2/token").form(&wrong).await;
        for _ in 0..30 {
            if answer.status == 429 {
                break;
            }
            answer = world.post("/oauth2/token").form(&wrong).await;
        }
        log.by("too_many_failures", &answer);
        let public = json!({"name": "App", "public": true, "redirect_uris": ["https://client.test/callback"],
            "grant_types": ["authorization_code"]});
        let public = acme.client(public).await;
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let asked = [
            ("client_id", public.id.as_str()),
            ("response_type", "code"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ];
        let mut answer = world.post("/oauth2/par").form(&asked).await;
        for _ in 0..80 {
            if answer.status != 201 {
                break;
            }
            answer = world.post("/oauth2/par").form(&asked).await;
        }
        log.by("too_many_pushed", &answer);
        // Seventy at once for a client, and a hundred for both; what was sent so far is another account's.
        let hasty = world.account("hasty").await;
        let service = hasty.service_account().await;
        let first = hasty.connect_identity_provider_as(&service).await;
        let other = hasty.connect_identity_provider_as(&service).await;
        for (code, hurried) in [("client_too_fast", &first), ("account_too_fast", &other)] {
            let mut answer = hurried.get("/Users?count=0").await;
            for _ in 0..500 {
                if answer.status == 429 {
                    break;
                }
                answer = hurried.get("/Users?count=0").await;
            }
            log.by(code, &answer);
        }
        log.finish(PLACES).await;
    }
);

//! Secrets that are guessed at, and requests that are pushed to fill the disk: who is kept out, who is not, and what is told of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{items, text};
use crate::support::http::Answer;
use crate::support::key_server::{SigningKey, fresh, now};
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::{OPERATOR, World};
use gateway::platform::timestamp::Timestamp;

const OWN: (&str, &str) = ("grant_type", "client_credentials");
const BEHIND_A_PROXY: (&str, &str) = ("GATEWAY__SERVER__TRUSTED_PROXIES", "127.0.0.1");

/// From an address.
async fn send(world: &World, address: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    world.post(path).header("x-forwarded-for", address).form(form).await
}

fn with_secret<'a>(client: &'a OAuthClient, secret: &'a str) -> [(&'a str, &'a str); 2] {
    [("client_id", client.id.as_str()), ("client_secret", secret)]
}

story!(
    hardening_1_a_stranger_with_the_clients_name_keeps_it_from_nothing,
    settings = [BEHIND_A_PROXY],
    async |world: World| {
        world.add_replica().await;
        let acme = world.account("acme").await;
        let ada = acme.service_account().await;
        let client = acme.generic_client().await;
        let mut idp = client.connect_as(&ada).await;
        let here = "203.0.113.7";
        for path in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/par"] {
            let wrong = with_secret(&client, "gws_guess");
            for _ in 0..15 {
                send(&world, here, path, &[&wrong[..], &[OWN, ("token", "x")]].concat()).await;
            }
        }
        let refused =
            send(&world, here, "/oauth2/token", &[&with_secret(&client, "gws_guess")[..], &[OWN]].concat()).await;
        assert!(refused.header("retry-after").is_some());
        refused.expect_oauth_error(429, "temporarily_unavailable");
        // The right secret, at each endpoint and every replica, from the very same address.
        let right = with_secret(&client, &client.secret);
        let uri = client.redirect_uri();
        for _ in 0..2 {
            send(&world, here, "/oauth2/token", &[&right[..], &[OWN]].concat()).await.expect(200);
            send(&world, here, "/oauth2/introspect", &[&right[..], &[("token", "x")]].concat()).await.expect(200);
            send(&world, here, "/oauth2/revoke", &[&right[..], &[("token", "x")]].concat()).await.expect(200);
            let push = [("redirect_uri", uri.as_str()), ("response_type", "code"), ("scope", "openid")];
            send(&world, here, "/oauth2/par", &[&right[..], &push].concat()).await.expect(201);
        }
        idp.refresh().await;
        idp.get("/Users").await.expect(200);
    }
);

story!(
    hardening_1_a_right_signature_counts_among_a_thousand_wrong_ones,
    settings = [BEHIND_A_PROXY],
    async |world: World| {
        let acme = world.account("acme").await;
        let right = SigningKey::rsa("k");
        let client = acme
            .client(json!({"name": "Machine", "grant_types": ["client_credentials"], "redirect_uris": [], "jwks": right.jwks()}))
            .await;
        let assertion = || {
            right.jwt(&json!({"iss": client.id, "sub": client.id, "aud": world.gateway.public_url, "jti": fresh(), "iat": now(),
                "exp": now() + 60}))
        };
        let forged = || {
            let (signed, signature) =
                assertion().rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a JWT");
            let first = if signature.starts_with('A') { 'B' } else { 'A' };
            format!("{signed}.{first}{}", &signature[1..])
        };
        let ask = async |assertion: String| {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let form = [OWN, ("client_assertion_type", kind), ("client_assertion", &assertion)];
            send(&world, "203.0.113.7", "/oauth2/token", &form).await
        };
        for n in 0..40 {
            ask(forged()).await.expect(if n < 20 { 401 } else { 429 });
        }
        for _ in 0..3 {
            ask(assertion()).await.expect(200);
            ask(forged()).await.expect(429);
        }
    }
);

/// What the audit trail says of refusals, latest first.
async fn refusals(world: &World) -> Vec<Value> {
    let rows = items(&world.admin_get("/audit?limit=100").await);
    rows.into_iter().filter(|row| text(&row["action"]).starts_with("refused.")).collect()
}

story!(
    hardening_3_an_attack_is_a_few_rows_and_lines_that_say_who_from_where_and_how_often,
    settings = [BEHIND_A_PROXY],
    async |world: World| {
        let acme = world.account("acme").await;
        let other = world.account("other").await;
        let ada = acme.service_account().await;
        let (client, thief) = (acme.generic_client().await, other.generic_client().await);
        let idp = client.connect_as(&ada).await;
        let operator = json!({"name": "of other", "role": "platform", "accounts": [other.id]});
        let operator = world.admin(Method::POST, "/operators").json(&operator).await.expect(201).json();
        let at = |call: crate::support::http::Call| call.header("x-forwarded-for", "203.0.113.7");
        for _ in 0..25 {
            at(world.get("/admin/accounts").bearer("gwo_guess-at-an-operator")).await.expect(401);
            send(&world, "203.0.113.7", "/oauth2/token", &[&with_secret(&client, "gws_guess-a")[..], &[OWN]].concat())
                .await;
            send(
                &world,
                "203.0.113.7",
                "/oauth2/token",
                &[("client_id", "pasted-secret"), ("client_secret", "x"), OWN],
            )
            .await;
            at(world.get("/scim/v2/Users").bearer("gwa_guess-at-a-token")).await.expect(401);
            at(world.get("/userinfo").bearer("gwt_guess-at-a-token")).await.expect(401);
            at(world.get(&format!("/admin/accounts/{}", acme.id)).bearer(&text(&operator["token"]))).await.expect(404);
            at(world.get("/admin/operators").bearer(&text(&operator["token"]))).await.expect(403);
        }
        for token in ["gwr_guess-at-a-token", idp.refresh_token.as_deref().unwrap_or_default()] {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
            let form = [&with_secret(&thief, &thief.secret)[..], &form].concat();
            send(&world, "203.0.113.8", "/oauth2/token", &form).await.expect_oauth_error(400, "invalid_grant");
        }
        // What is right, and what has only expired or was asked of one's own, is no attack.
        idp.get("/Users").await.expect(200);
        idp.get("/Users/unknown").await.expect(404);
        let ended = client.connect_as(&ada).await;
        client.revoke(&ended.access_token).await.expect(200);
        ended.get("/Users").await.expect(401);

        let log = world.stop().await;
        world.start_again().await;
        let rows = refusals(&world).await;
        let told = |action: &str, who: &str, address: &str, times: &str| {
            let fits = |row: &&Value| {
                row["action"] == action
                    && row.to_string().contains(who)
                    && row["address"] == address
                    && text(&row["detail"]).starts_with(times)
            };
            assert_eq!(rows.iter().filter(fits).count(), 1, "{action} {who} {times}: {rows:#?}");
        };
        told("refused.operator_token", "unknown", "203.0.113.7", "25 ");
        told("refused.client_authentication", &client.id, "203.0.113.7", "25 ");
        told("refused.client_authentication", "\"target\":null", "203.0.113.7", "25 ");
        told("refused.access_token", "unknown", "203.0.113.7", "50 ");
        told("refused.other_account", &format!("operator:{}", text(&operator["id"])), "203.0.113.7", "50 ");
        told("refused.refresh_token", &format!("client:{}", thief.id), "203.0.113.8", "2 ");
        told("refused.access_token", &client.id, "127.0.0.1", "1 ");
        assert_eq!(rows.len(), 7, "{rows:#?}");
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("credentials were refused")).collect();
        assert!(lines.len() == 7 && lines.iter().all(|line| line.contains("WARN")), "{lines:#?}");
        for secret in ["guess", "pasted-secret", OPERATOR, idp.refresh_token.as_deref().unwrap_or("?")] {
            assert!(!log.contains(secret) && !json!(rows).to_string().contains(secret), "{secret}");
        }
        // Each stands in the trail of its account.
        let of_acme = items(&world.admin_get(&format!("/audit?account={}", acme.id)).await);
        assert!(of_acme.iter().any(|row| row["action"] == "refused.client_authentication"), "{of_acme:#?}");
    }
);

story!(
    hardening_4_pushed_requests_are_bounded_by_address_by_client_and_in_size,
    moving_clock,
    settings = [BEHIND_A_PROXY],
    async |world: World| {
        world.add_replica().await;
        let acme = world.account("acme").await;
        let body = json!({"name": "Command line", "public": true, "redirect_uris": ["http://127.0.0.1/cb"]});
        let (client, other) = (acme.client(body.clone()).await, acme.client(body).await);
        let server = acme.generic_client().await;
        let uri = server.redirect_uri();
        let push = async |client: &OAuthClient, address: &str, state: &str| {
            let form = [
                ("client_id", client.id.as_str()),
                ("response_type", "code"),
                ("redirect_uri", "http://127.0.0.1/cb"),
                ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
                ("code_challenge_method", "S256"),
                ("state", state),
            ];
            send(&world, address, "/oauth2/par", &form).await
        };
        let mut kept = 0;
        for _ in 0..80 {
            let answer = push(&client, "203.0.113.7", "s").await;
            if answer.status == 201 {
                kept += 1;
                continue;
            }
            let wait = answer.header("retry-after").and_then(|text| text.parse::<u32>().ok());
            assert!(wait.is_some_and(|wait| (1..=90).contains(&wait)), "{wait:?}");
            answer.expect_oauth_error(429, "temporarily_unavailable");
        }
        assert_eq!(kept, 60);
        let mut behind = crate::support::database::Behind::of(&world);
        let mut rows = || behind.number("SELECT COUNT(*) AS n FROM pushed_requests");
        assert_eq!(rows(), 60, "what is refused is not kept");
        // The address has used up its share for every public client; others have not.
        push(&other, "203.0.113.7", "s").await.expect(429);
        push(&client, "203.0.113.8", "s").await.expect(201);
        // A client that proves who it is does not share with strangers.
        let own = [("redirect_uri", uri.as_str()), ("response_type", "code"), ("scope", "openid")];
        let own = [&with_secret(&server, &server.secret)[..], &own].concat();
        send(&world, "203.0.113.7", "/oauth2/par", &own).await.expect(201);
        // Large ones use it up sooner, and an IPv6 network is one address.
        let large = "x".repeat(3_900);
        let mut bytes = 0;
        for n in 0..80 {
            if push(&client, &format!("2001:db8:1:2::{n:x}"), &large).await.status == 201 {
                bytes += 3_900;
            }
        }
        assert!((64 << 10..256 << 10).contains(&bytes), "{bytes}");
        push(&client, "203.0.113.8", &"x".repeat(49 << 10)).await.expect_oauth_error(413, "invalid_request");
        // A client has a bound too, from however many addresses.
        world.alter("UPDATE pushed_request_counts SET n = 1000000 WHERE n > 61");
        push(&client, "203.0.113.9", "s").await.expect(429);
        push(&other, "203.0.113.9", "s").await.expect(201);
        // When the window has passed there is room again, and what has expired goes.
        world.pass(std::time::Duration::from_secs(3_600));
        push(&client, "203.0.113.7", "s").await.expect(201);
        let now = world.now();
        while behind.work(|tx| tx.sweep_expired(Timestamp::of_millis(now), Timestamp::EPOCH, 500)) > 0 {}
        assert_eq!(behind.number("SELECT COUNT(*) AS n FROM pushed_requests"), 1);
    }
);

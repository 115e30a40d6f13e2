//! How fast a client may send requests: what it is told beyond that, and that no other client notices.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::http::Answer;
use crate::support::identity_provider::IdentityProvider;
use crate::support::oauth_client::OAuthClient;
use crate::support::story;
use crate::support::testing::{OPERATOR, World};

/// Twenty at once for a client, and fewer a second than even a slow machine sends.
const SETTINGS: [(&str, &str); 2] =
    [("GATEWAY__LIMITS__CLIENT_PER_SECOND", "2"), ("GATEWAY__LIMITS__BURST_SECONDS", "10")];

/// Asks until it is told to wait.
async fn hurried(idp: &IdentityProvider) -> Answer {
    for _ in 0..500 {
        let answer = idp.get("/Users?count=0").await;
        if answer.status == 429 {
            return answer;
        }
        answer.expect(200);
    }
    panic!("500 requests were let in");
}

/// `Retry-After` as identity providers read it: whole seconds.
fn seconds(answer: &Answer) -> u64 {
    let wait = answer.header("retry-after").unwrap_or_else(|| panic!("no Retry-After: {}", answer.asked));
    wait.parse().unwrap_or_else(|_| panic!("{wait} is no number of seconds"))
}

#[test]
fn a_client_that_sends_too_fast_is_told_so_by_each_endpoint_and_no_other_client_is() {
    story::on_sqlite(&SETTINGS, async |world: World| {
        let (acme, other) = (world.account("acme").await, world.account("other").await);
        let service = acme.service_account().await;
        let idp = acme.connect_identity_provider_as(&service).await;
        let neighbour = other.connected_identity_provider().await;
        // Tokens are limited too, and a stranger who names the client without its secret uses nothing up.
        let client = acme.generic_client().await;
        let asks = [("grant_type", "client_credentials"), ("scope", "provision:scim")];
        let stranger =
            [("grant_type", "client_credentials"), ("client_id", client.id.as_str()), ("client_secret", "wrong")];
        for _ in 0..12 {
            world.post("/oauth2/token").form(&stranger).await.expect(401);
        }
        let mut tokens = 0;
        let refused = loop {
            let answer = client.token(&asks).await;
            if answer.status == 429 || tokens == 500 {
                break answer;
            }
            tokens += 1;
            answer.expect(200);
        };
        assert!(tokens >= 20, "{tokens}");
        assert!((1..=2).contains(&seconds(&refused)));
        let said = refused.expect_oauth_error(429, "temporarily_unavailable");
        assert!(said.contains("2 a second, and up to 20 at once"), "{said}");

        let refused = hurried(&idp).await;
        assert!((1..=2).contains(&seconds(&refused)));
        let id = refused.header("x-request-id").expect("an id").to_owned();
        let said = refused.expect_scim_error(429, None);
        assert!(said.contains("This client sends more requests than allowed"), "{said}");
        idp.call(Method::POST, "/Users").scim(&json!({})).await.expect(429);
        neighbour.get("/Users?count=0").await.expect(200);
        acme.connect_identity_provider_as(&service).await.get("/Users?count=0").await.expect(200);

        // It is counted, and the request log knows whose it was.
        let scrape = world.get("/metrics").bearer(OPERATOR).await.expect(200).text();
        let counted =
            scrape.lines().find_map(|line| line.strip_prefix(r#"gateway_refusals_total{code="client_too_fast"} "#));
        assert!(counted.is_some_and(|count| count.parse::<f64>().is_ok_and(|count| count >= 3.0)), "{counted:?}");
        let path = format!("/accounts/{}/requests?code=client_too_fast&limit=100", acme.id);
        let mut rows = Value::Null;
        for _ in 0..200 {
            // It is written behind the requests.
            rows = world.admin_get(&path).await;
            if rows["items"].as_array().is_some_and(|rows| rows.iter().any(|row| row["request_id"] == id.as_str())) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{id} in {rows:#}");
    });
}

const OF_AN_ACCOUNT: [(&str, &str); 2] =
    [("GATEWAY__LIMITS__ACCOUNT_PER_SECOND", "2"), ("GATEWAY__LIMITS__BURST_SECONDS", "10")];

story!(
    requests_for_tokens_count_for_the_account_of_a_client_that_was_never_at_scim,
    settings = [OF_AN_ACCOUNT[0], OF_AN_ACCOUNT[1]],
    async |world: World| {
        let (acme, other) = (world.account("acme").await, world.account("other").await);
        let (one, two, neighbour) =
            (acme.generic_client().await, acme.generic_client().await, other.generic_client().await);
        let asks = [("grant_type", "client_credentials"), ("scope", "provision:scim")];
        let mut tokens = 0;
        let refused = loop {
            let answer = one.token(&asks).await;
            if answer.status == 429 || tokens == 500 {
                break answer;
            }
            tokens += 1;
            answer.expect(200);
        };
        assert!(tokens >= 20, "{tokens}");
        let said = refused.expect_oauth_error(429, "temporarily_unavailable");
        assert!(said.contains("The clients of this account together send more requests than allowed"), "{said}");
        // Another client of the account is let in once, for it is not known yet; and a client of another account is as it was.
        two.token(&asks).await.expect(200);
        two.token(&asks).await.expect_oauth_error(429, "temporarily_unavailable");
        for _ in 0..5 {
            neighbour.token(&asks).await.expect(200);
        }
    }
);

story!(
    a_product_key_that_sends_too_fast_is_told_so_wherever_it_reads_and_no_other_key_is,
    settings = [SETTINGS[0], SETTINGS[1]],
    async |world: World| {
        let acme = world.account("acme").await;
        let scopes = ["read:access", "read:events", "read:scim"];
        let key = async |body: Value, of: Option<&Account>| {
            let client = match of {
                Some(account) => account.client(body).await,
                None => {
                    OAuthClient::new(&world, world.admin(Method::POST, "/clients").json(&body).await.expect(201).json())
                }
            };
            let made = client.admin(Method::POST, "/tokens").json(&json!({"name": "ours"})).await.expect(201).json();
            text(&made["token"])
        };
        let question = json!({"subject": {"type": "user", "id": "ana"}, "action": {"name": "enter"},
            "resource": {"type": "environment", "id": "acme-prod"}, "context": {"account": "acme"}});
        let asks = [
            (Method::GET, format!("/admin/accounts/{}/access/users", acme.id)),
            (Method::GET, "/events?limit=1".to_owned()),
            (Method::POST, "/access/v1/evaluation".to_owned()),
            (Method::GET, "/ssf/stream".to_owned()),
        ];
        for of in [Some(&acme), None] {
            let token = key(json!({"name": "Our application", "scopes": scopes}), of).await;
            let neighbour = key(json!({"name": "Another application", "scopes": scopes}), of).await;
            let ask = |token: &str, (method, path): &(Method, String)| {
                let call = world.call(method.clone(), path).bearer(token);
                if *method == Method::POST { call.json(&question) } else { call }
            };
            let mut sent = 0;
            let refused = loop {
                let answer = ask(&token, &asks[sent % asks.len()]).await;
                if answer.status == 429 || sent == 500 {
                    break answer;
                }
                sent += 1;
                answer.expect(200);
            };
            assert!(sent >= 20, "{sent}");
            assert!((1..=2).contains(&seconds(&refused)));
            let problem = refused.expect_problem(429);
            assert!(text(&problem["detail"]).contains("2 a second, and up to 20 at once"), "{problem}");
            for asked in &asks {
                assert!([200, 429].contains(&ask(&token, asked).await.status.as_u16()));
                ask(&neighbour, asked).await.expect(200);
            }
            // An operator's token is not a key's.
            world.get(&asks[0].1).bearer(OPERATOR).await.expect(200);
        }
    }
);

//! A receiver of security event tokens: it makes streams, polls them, and believes what the published keys have signed for it.

use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::http::Call;
use crate::support::jwt::Jwt;
use crate::support::oauth_client::OAuthClient;
use crate::support::testing::World;

/// A product key and its token.
#[derive(Clone)]
pub struct SetReceiver {
    pub world: World,
    pub key: OAuthClient,
    pub token: String,
}

/// A stream of a receiver.
#[derive(Clone)]
pub struct Stream {
    pub receiver: SetReceiver,
    pub id: String,
    pub configuration: Value,
}

impl SetReceiver {
    /// With a key of one account, or of all.
    pub async fn of(world: &World, account: Option<&Account>) -> SetReceiver {
        let body = json!({"name": "Our application", "scopes": ["read:events"]});
        let key = match account {
            Some(account) => account.client(body).await,
            None => {
                let made = world.admin(reqwest::Method::POST, "/clients").json(&body).await.expect(201).json();
                OAuthClient::new(world, made)
            }
        };
        let made = key.admin(reqwest::Method::POST, "/tokens").json(&json!({"name": "receiver"})).await;
        let token = text(&made.expect(201).json()["token"]);
        SetReceiver { world: world.clone(), key, token }
    }

    pub fn get(&self, path: &str) -> Call {
        self.world.get(&format!("/ssf{path}")).bearer(&self.token)
    }

    pub fn send(&self, method: &str, path: &str, body: &Value) -> Call {
        let method = method.parse().expect("a method");
        self.world.call(method, &format!("/ssf{path}")).bearer(&self.token).json(body)
    }

    /// Makes a stream.
    pub async fn stream(&self, body: &Value) -> Stream {
        let configuration = self.send("POST", "/stream", body).await.expect(201).json();
        Stream { receiver: self.clone(), id: text(&configuration["stream_id"]), configuration }
    }
}

/// A token that was told, in the order of its place.
pub type Told = (String, Value);

impl Stream {
    /// A poll.
    pub fn poll(&self, body: &Value) -> Call {
        let path = text(&self.configuration["delivery"]["endpoint_url"]);
        self.receiver.world.post(&path).bearer(&self.receiver.token).json(body)
    }

    /// What is told now, verified; each as its `jti` and its claims.
    pub async fn told(&self, mut body: Value) -> Vec<Told> {
        body["returnImmediately"] = json!(true);
        let answer = self.poll(&body).await.expect(200).json();
        let keys = self.receiver.world.get("/.well-known/jwks.json").await.expect(200).json();
        let sets = answer["sets"].as_object().expect("sets");
        sets.iter().map(|(jti, token)| (jti.clone(), self.believed(&keys, jti, token))).collect()
    }

    /// The claims of a token, if all is right with it (RFC 8417, SSF 1.0 §4.1).
    pub fn believed(&self, keys: &Value, jti: &str, token: &Value) -> Value {
        let jwt = Jwt::read(token.as_str().expect("a token"));
        jwt.verify(keys);
        let claims = jwt.claims;
        assert_eq!(jwt.header["typ"], "secevent+jwt");
        assert_eq!((&claims["iss"], &claims["aud"]), (&self.configuration["iss"], &self.configuration["aud"]));
        assert_eq!(claims["jti"], jti);
        assert!(claims["iat"].is_i64() && claims["sub_id"]["format"].is_string(), "{claims}");
        for never in ["sub", "exp", "nonce", "client_id", "scope"] {
            assert!(claims.get(never).is_none(), "{never}: {claims}");
        }
        assert!(claims["events"].as_object().is_some_and(|events| !events.is_empty()), "{claims}");
        claims
    }

    /// Acknowledges these, and says what comes next.
    pub async fn take(&self, told: &[Told]) -> Vec<Told> {
        let ids: Vec<&String> = told.iter().map(|(jti, _)| jti).collect();
        self.told(json!({ "ack": ids })).await
    }
}

/// The URIs of the events of tokens, without what all of them begin with.
pub fn events(told: &[Told]) -> Vec<String> {
    let short = |uri: &String| {
        uri.replace("urn:ietf:params:scim:event:prov:", "")
            .replace("https://schemas.openid.net/secevent/ssf/event-type/", "")
    };
    let of =
        |claims: &Value| -> Vec<String> { claims["events"].as_object().expect("events").keys().map(short).collect() };
    told.iter().map(|(_, claims)| of(claims).join("+")).collect()
}

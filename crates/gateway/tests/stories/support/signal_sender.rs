//! An identity provider that signs what it tells of its users: requests to have them logged out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::http::Call;
use crate::support::key_server::{KeyServer, SigningKey, fresh, now};

/// Lets a gateway fetch keys on this machine.
pub const REACH: (&str, &str) = ("GATEWAY__OUTBOUND__ALLOW_LOOPBACK", "true");

/// The provider of an account.
pub struct SignalSender {
    account: Account,
    pub server: KeyServer,
    pub key: SigningKey,
    pub issuer: String,
    /// Where it asks for revocation.
    pub endpoint: String,
    /// Where it delivers security events.
    pub events: String,
}

impl SignalSender {
    /// A provider whose issuer this account names.
    pub async fn of(account: &Account) -> SignalSender {
        let (server, key) = (KeyServer::start(), SigningKey::rsa("sig-1"));
        let issuer = server.be_tenant("acme", &key.jwks());
        let change = json!({"signals": {"issuer": issuer}});
        let set = account.admin(Method::PATCH, "/sign-in").json(&change).await.expect(200).json();
        let endpoint = text(&set["signals"]["global_token_revocation_endpoint"]);
        let events = text(&set["signals"]["events_endpoint"]);
        SignalSender { account: account.clone(), server, key, issuer, endpoint, events }
    }

    /// The claims of a request, with changes; `null` takes out.
    pub fn claims(&self, more: &Value) -> Value {
        let mut claims = json!({"iss": self.issuer, "sub": "0oa1", "aud": self.endpoint, "jti": fresh(), "iat": now(), "exp": now() + 300});
        for (name, value) in more.as_object().into_iter().flatten() {
            match value {
                Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    /// What it signs, as a JWT of this type.
    pub fn signed(&self, typ: &str, claims: &Value) -> String {
        let header = json!({"alg": self.key.algorithm, "typ": typ, "kid": self.key.kid});
        self.key.jwt_with(&header, claims)
    }

    /// The authorization of one request.
    pub fn authorization(&self) -> String {
        self.signed("global-token-revocation+jwt", &self.claims(&json!({})))
    }

    /// A request with this authorization.
    pub fn asks_with(&self, token: &str, subject: &Value) -> Call {
        self.account.world.post(&self.endpoint).bearer(token).json(&json!({"sub_id": subject}))
    }

    /// The claims of a Security Event Token with one event, with changes.
    pub fn event(&self, event: &str, subject: &Value, more: &Value) -> Value {
        let own = json!({"aud": self.events, "exp": null, "sub": null, "sub_id": subject, "events": {event: {"event_timestamp": now()}}});
        let mut claims = self.claims(&own);
        for (name, value) in more.as_object().into_iter().flatten() {
            match value {
                Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    /// Delivers a token.
    pub fn pushes(&self, token: &str) -> Call {
        self.account.world.post(&self.events).body("application/secevent+jwt", token)
    }

    /// Tells of an event.
    pub fn tells(&self, event: &str, subject: &Value) -> Call {
        self.pushes(&self.signed("secevent+jwt", &self.event(event, subject, &json!({}))))
    }

    /// Has its events fetched at this address.
    pub async fn is_polled_at(&self, endpoint: &str, token: &str) {
        let change = json!({"signal_poll": {"endpoint": endpoint, "token": token}});
        let set = self.account.admin(Method::PATCH, "/sign-in").json(&change).await.expect(200).json();
        assert_eq!(set["signals"]["poll"], json!({"endpoint": endpoint, "has_token": true}), "{set}");
    }

    /// A token with one event, and its `jti`.
    pub fn set(&self, event: &str, subject: &Value, more: &Value) -> (String, String) {
        let claims = self.event(event, subject, more);
        (text(&claims["jti"]), self.signed("secevent+jwt", &claims))
    }

    /// Asks to have a user logged out.
    pub fn asks(&self, subject: &Value) -> Call {
        self.asks_with(&self.authorization(), subject)
    }
}

/// The user with this address.
pub fn by_email(address: &str) -> Value {
    json!({"format": "email", "email": address})
}

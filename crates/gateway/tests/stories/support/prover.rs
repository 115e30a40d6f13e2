//! A client that proves possession of a key (RFC 9449).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::support::testing::World;

/// A key on P-256 and where it is used.
pub struct Prover {
    world: World,
    pair: EcdsaKeyPair,
}

impl Prover {
    pub fn new(world: &World) -> Prover {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key can be made");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random).expect("a key");
        Prover { world: world.clone(), pair }
    }

    pub fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
    }

    pub fn thumbprint(&self) -> String {
        oauth::jose::Jwk::parse(&self.jwk()).expect("a public key").thumbprint()
    }

    /// The claims of a proof for a request to this path now; with `ath` for a token.
    pub fn claims(&self, method: &str, path: &str, token: Option<&str>) -> Value {
        let jti = uuid::Uuid::new_v4().to_string();
        let htu = format!("{}{}", self.world.gateway.public_url, path);
        let mut claims = json!({"htm": method, "htu": htu, "iat": now(), "jti": jti});
        if let Some(token) = token {
            let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
            claims["ath"] = json!(URL_SAFE_NO_PAD.encode(digest));
        }
        claims
    }

    /// A proof with these claims.
    pub fn signed(&self, claims: &Value) -> String {
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        let text = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).expect("it signs");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A fresh proof.
    pub fn proof(&self, method: &str, path: &str, token: Option<&str>) -> String {
        self.signed(&self.claims(method, path, token))
    }
}

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "a client has a clock of its own")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

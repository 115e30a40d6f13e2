//! `id_token_hint`: an ID token of ours that a client sends back to name the expected user (OpenID Connect Core §3.1.2.1, OpenID
//! Connect RP-Initiated Logout 1.0 §2). It may have expired; it must be ours, signed, and the client's own.

use crate::client::ClientId;
use crate::context::Context;
use crate::grant::Subject;
use crate::jose::{Jwks, Jws};

/// A verified ID token, which may have expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenHint {
    /// The user whom it identifies.
    pub subject: Subject,
    audience: Vec<String>,
}

/// It is no ID token that we signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("id_token_hint is not an ID token that was issued here")]
pub struct NotOurs;

impl IdTokenHint {
    /// Reads one. `keys` are our own public keys: those that sign and those that did until lately.
    pub fn read(cx: &Context<'_>, keys: &Jwks, text: &str) -> Result<IdTokenHint, NotOurs> {
        let jws = Jws::parse(text).map_err(|_| NotOurs)?;
        // Other JWTs of ours are for other purposes, and say so (RFC 8725 §3.11).
        if !jws.is_typed("JWT") {
            return Err(NotOurs);
        }
        let claims = jws.verified_by(keys.named(jws.kid())).map_err(|_| NotOurs)?;
        let ours = claims.issuer() == Some(cx.settings.issuer.as_str());
        match claims.subject() {
            Some(subject) if ours => Ok(IdTokenHint {
                subject: Subject::new(subject),
                audience: claims.audience().into_iter().map(str::to_owned).collect(),
            }),
            _ => Err(NotOurs),
        }
    }

    /// Whether it was issued to this client.
    pub fn is_for(&self, client: &ClientId) -> bool {
        self.audience.iter().any(|audience| audience == client.as_str())
    }

    /// The only client it was issued to.
    pub fn client(&self) -> Option<ClientId> {
        match self.audience.as_slice() {
            [only] => ClientId::new(only.as_str()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{ISSUER, World};

    fn read(seed: u8, header: &Value, claims: &Value) -> Result<IdTokenHint, NotOurs> {
        let ours = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let point = URL_SAFE_NO_PAD.encode(ours.public_key().as_ref());
        let keys =
            Jwks::published(&json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": point}]})).unwrap();
        let signer = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes()).as_ref());
        World::new().run(|_, cx| IdTokenHint::read(cx, &keys, &format!("{signed}.{signature}")))
    }

    #[test]
    fn attack_18_a_hint_may_have_expired_but_must_be_an_id_token_that_we_signed() {
        let header = json!({"typ": "JWT", "alg": "EdDSA", "kid": "k"});
        let claims = json!({"iss": ISSUER, "sub": "ada", "aud": ["acme"], "exp": 1_000, "iat": 1});
        let hint = read(7, &header, &claims).unwrap();
        assert_eq!((hint.subject.as_str(), hint.client()), ("ada", ClientId::new("acme")));
        assert!(hint.is_for(&ClientId::new("acme").unwrap()) && !hint.is_for(&ClientId::new("other").unwrap()));
        for (changed, value) in [("iss", json!("https://evil.example")), ("sub", Value::Null), ("sub", json!(5))] {
            let mut claims = claims.clone();
            claims[changed] = value;
            assert_eq!(read(7, &header, &claims), Err(NotOurs), "{claims}");
        }
        for (changed, value) in
            [("typ", json!("at+jwt")), ("typ", json!("dpop+jwt")), ("alg", json!("none")), ("kid", json!("x"))]
        {
            let mut header = header.clone();
            header[changed] = value;
            assert_eq!(read(7, &header, &claims), Err(NotOurs), "{header}");
        }
        assert_eq!(read(8, &header, &claims), Err(NotOurs), "another issuer signed it");
    }
}

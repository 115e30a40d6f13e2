//! JWTs by which an identity provider tells that something has to end: the authorization of a Global Token Revocation request
//! (draft-parecki-oauth-global-token-revocation §3.5), and Security Event Tokens (RFC 8417).
//!
//! Each kind says in `typ` what it is (RFC 8725 §3.11), so that an ID token of the same provider, which has the same issuer and the same keys, is
//! none of them. Nothing here fetches keys: a token says which [`kid`](ProviderToken::kid) it wants, and is [verified](ProviderToken::verify) with
//! what the caller has found.

use crate::jose::{Claims, JoseError, Jwks, Jws};
use crate::secret::Keyring;

/// By so much may clocks differ, in seconds.
const LEEWAY_S: u32 = 60;
/// The authorization of a request lives five minutes as a rule; none needs more than an hour, in seconds.
const MAX_AHEAD_S: u32 = 3_600;
/// A security event is delivered late where a receiver was down. What is older than this is refused, in milliseconds, and so long its `jti` is
/// remembered.
const MAX_AGE_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It authorizes a request to end all that a user has.
    Revocation,
    /// It tells of events.
    SecurityEvent,
}

impl Kind {
    /// The value of `typ`.
    pub fn typ(self) -> &'static str {
        match self {
            Kind::Revocation => "global-token-revocation+jwt",
            Kind::SecurityEvent => "secevent+jwt",
        }
    }
}

/// Why a token is not believed. The texts are for administrators, and are plain ASCII.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    /// It is not a JWT, or has an algorithm that is not accepted.
    #[error("{0}")]
    Form(JoseError),
    /// It is a JWT of another kind.
    #[error("its typ must be {0}")]
    Type(&'static str),
    /// Another issuer wrote it, or none that it names.
    #[error("its iss must be {0}")]
    Issuer(String),
    /// It is for another receiver.
    #[error("its aud must be {0}")]
    Audience(String),
    /// It has expired, is not valid yet, or is too old.
    #[error("{0}")]
    Time(String),
    /// It has no name of its own.
    #[error("it needs a jti, for it counts once")]
    Id,
    /// None of the issuer's keys has signed it.
    #[error("{0}")]
    Key(JoseError),
}

impl Disbelief {
    /// As a receiver of Security Event Tokens calls it to their transmitter (RFC 8935 §2.4).
    pub fn code(&self) -> &'static str {
        match self {
            Disbelief::Issuer(_) => "invalid_issuer",
            Disbelief::Audience(_) => "invalid_audience",
            Disbelief::Key(_) => "invalid_key",
            Disbelief::Form(_) | Disbelief::Type(_) | Disbelief::Time(_) | Disbelief::Id => "invalid_request",
        }
    }
}

/// A token of which nothing is believed yet.
#[derive(Debug, Clone)]
pub struct ProviderToken {
    kind: Kind,
    text: String,
    kid: Option<String>,
    claims: Claims,
}

/// For whom and by whom a token has to be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The issuer, to the letter.
    pub issuer: &'a str,
    /// The receivers that we are; the first is what is told to be right.
    pub audiences: &'a [String],
    /// Now, in milliseconds since the epoch.
    pub now: i64,
}

/// A token that counts once: its name, and until when that has to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Single {
    /// The name, hashed together with the issuer and what the caller says.
    pub id: [u8; 32],
    /// In milliseconds since the epoch.
    pub expires: i64,
}

impl ProviderToken {
    /// Takes a token of this kind apart.
    pub fn parse(kind: Kind, text: &str) -> Result<ProviderToken, Disbelief> {
        let jws = Jws::parse(text).map_err(Disbelief::Form)?;
        if !jws.is_typed(kind.typ()) {
            return Err(Disbelief::Type(kind.typ()));
        }
        let claims = jws.unverified_claims().map_err(Disbelief::Form)?;
        Ok(ProviderToken { kind, kid: jws.kid().map(str::to_owned), text: text.to_owned(), claims })
    }

    /// The name of the key that has signed it, as it says.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What its issuer calls it, as it says.
    pub fn id(&self) -> Option<&str> {
        self.claims.id()
    }

    /// When it was issued, as it says, in milliseconds since the epoch.
    pub fn issued(&self) -> Option<i64> {
        self.claims.issued()
    }

    /// Whether it is meant for us, now and from this issuer, as far as it says so itself: before keys are fetched for it.
    pub fn check(&self, expected: Expected<'_>) -> Result<(), Disbelief> {
        let claims = &self.claims;
        if claims.issuer() != Some(expected.issuer) {
            return Err(Disbelief::Issuer(expected.issuer.to_owned()));
        }
        if !claims.audience().iter().any(|audience| expected.audiences.iter().any(|ours| ours == audience)) {
            return Err(Disbelief::Audience(expected.audiences.first().cloned().unwrap_or_default()));
        }
        let told = |why: JoseError| Disbelief::Time(why.to_string());
        match self.kind {
            Kind::Revocation => claims.check_times(expected.now, LEEWAY_S, Some(MAX_AHEAD_S)).map_err(told)?,
            Kind::SecurityEvent => self.check_age(expected.now)?,
        }
        if claims.issued().is_none() {
            return Err(Disbelief::Time("it has no iat".to_owned()));
        }
        match claims.id() {
            Some(id) if !id.is_empty() => Ok(()),
            _ => Err(Disbelief::Id),
        }
    }

    /// A security event needs no `exp` (RFC 8417 §4.6), so its age is what counts; where there is one, it counts too.
    fn check_age(&self, now: i64) -> Result<(), Disbelief> {
        let leeway = i64::from(LEEWAY_S) * 1000;
        let issued = self.claims.issued().ok_or_else(|| Disbelief::Time("it has no iat".to_owned()))?;
        let why = if issued > now.saturating_add(leeway) {
            "its iat is in the future"
        } else if issued < now.saturating_sub(MAX_AGE_MS) {
            "it was issued more than seven days ago"
        } else if self.claims.expires().is_some_and(|expires| expires.saturating_add(leeway) <= now) {
            "it has expired"
        } else {
            return Ok(());
        };
        Err(Disbelief::Time(why.to_owned()))
    }

    /// What it says, if one of these keys has signed it.
    pub fn verify(&self, keys: &Jwks, now: i64) -> Result<Claims, Disbelief> {
        let living = keys.named(self.kid()).filter(|key| key.lives(now));
        let signed = Jws::parse(&self.text).and_then(|jws| jws.verified_by(living));
        match signed.map_err(Disbelief::Key)? {
            claims if claims == self.claims => Ok(claims),
            _ => Err(Disbelief::Key(JoseError::Signature)),
        }
    }

    /// What has to be remembered of it, for this receiver.
    pub fn single(&self, keys: &Keyring, receiver: &str) -> Single {
        let parts = [self.kind.typ(), receiver, self.claims.issuer().unwrap_or(""), self.claims.id().unwrap_or("")];
        let named: String = parts.iter().map(|part| format!("{} {part}\n", part.len())).collect();
        let leeway = i64::from(LEEWAY_S) * 1000;
        let expires = match self.kind {
            Kind::Revocation => self.claims.expires().unwrap_or(i64::MAX),
            Kind::SecurityEvent => self.claims.issued().unwrap_or(0).saturating_add(MAX_AGE_MS),
        };
        Single { id: keys.tag("provider token", named.as_bytes()), expires: expires.saturating_add(leeway) }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.acme.test";
    const NOW: i64 = 1_700_000_000_000;

    fn signed(header: &Value, claims: &Value) -> String {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encoded(header), encoded(claims));
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(text.as_bytes()).as_ref());
        format!("{text}.{signature}")
    }

    fn keys(seed: u8) -> Jwks {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let point = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Jwks::published(&json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": point}]})).unwrap()
    }

    fn claims(more: &Value) -> Value {
        let mut claims = json!({"iss": ISSUER, "aud": "https://us.test/revoke", "jti": "1", "iat": NOW / 1000, "exp": NOW / 1000 + 300});
        for (name, value) in more.as_object().into_iter().flatten() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        claims
    }

    fn judged(kind: Kind, typ: &str, claims: &Value) -> Result<Claims, Disbelief> {
        let token = ProviderToken::parse(kind, &signed(&json!({"typ": typ, "alg": "EdDSA", "kid": "k"}), claims))?;
        let audiences = ["https://us.test/revoke".to_owned()];
        token.check(Expected { issuer: ISSUER, audiences: &audiences, now: NOW })?;
        token.verify(&keys(7), NOW)
    }

    #[test]
    fn a_token_is_of_one_kind_for_one_receiver_from_one_issuer_and_of_now() {
        let good = |kind: Kind| judged(kind, kind.typ(), &claims(&json!({})));
        assert_eq!(good(Kind::Revocation).unwrap().issuer(), Some(ISSUER));
        assert!(good(Kind::SecurityEvent).is_ok());
        let event = |more: Value| judged(Kind::SecurityEvent, "application/secevent+jwt", &claims(&more));
        assert!(event(json!({"exp": null})).is_ok(), "RFC 8417 section 4.6");
        for typ in ["JWT", "secevent+jwt", "logout+jwt", "at+jwt", ""] {
            let wrong = judged(Kind::Revocation, typ, &claims(&json!({})));
            assert_eq!(wrong.unwrap_err(), Disbelief::Type("global-token-revocation+jwt"), "{typ}");
        }
        let wrong = |more: Value| judged(Kind::Revocation, "global-token-revocation+jwt", &claims(&more)).unwrap_err();
        assert!(matches!(wrong(json!({"iss": "https://id.acme.test/"})), Disbelief::Issuer(_)));
        assert!(matches!(wrong(json!({"iss": null})), Disbelief::Issuer(_)));
        for aud in [json!("https://us.test/revoke/"), json!(["https://us.test"]), Value::Null] {
            assert!(matches!(wrong(json!({ "aud": aud })), Disbelief::Audience(_)));
        }
        let now = NOW / 1000;
        for more in [
            json!({"exp": null}),
            json!({"iat": null}),
            json!({"exp": now - 61}),
            json!({"exp": now + 7200}),
            json!({"iat": now + 61}),
            json!({"nbf": now + 61}),
        ] {
            assert!(matches!(wrong(more.clone()), Disbelief::Time(_)), "{more}");
        }
        for more in
            [json!({"iat": now - 8 * 86_400}), json!({"iat": now + 61}), json!({"iat": null}), json!({"exp": now - 61})]
        {
            assert!(matches!(event(more.clone()), Err(Disbelief::Time(_))), "{more}");
        }
        assert_eq!(wrong(json!({"jti": null})), Disbelief::Id);
        assert_eq!(wrong(json!({"jti": ""})), Disbelief::Id);
    }

    #[test]
    fn only_the_issuers_keys_count_and_only_with_algorithms_that_are_asymmetric() {
        let header = |alg: &str| json!({"typ": "secevent+jwt", "alg": alg, "kid": "k"});
        let text = signed(&header("EdDSA"), &claims(&json!({})));
        let token = ProviderToken::parse(Kind::SecurityEvent, &text).unwrap();
        assert_eq!(token.verify(&keys(8), NOW).unwrap_err(), Disbelief::Key(JoseError::Signature));
        for alg in ["none", "HS256", "RS512"] {
            let refused = ProviderToken::parse(Kind::SecurityEvent, &signed(&header(alg), &claims(&json!({}))));
            assert_eq!(refused.unwrap_err(), Disbelief::Form(JoseError::Algorithm), "{alg}");
        }
    }

    #[test]
    fn a_name_is_one_of_its_kind_issuer_and_receiver() {
        let keyring = Keyring::new(&[1; 32]);
        let single = |kind: Kind, receiver: &str, more: Value| {
            let text = signed(&json!({"typ": kind.typ(), "alg": "EdDSA"}), &claims(&more));
            ProviderToken::parse(kind, &text).unwrap().single(&keyring, receiver)
        };
        let one = single(Kind::Revocation, "a", json!({}));
        assert_eq!(one, single(Kind::Revocation, "a", json!({})));
        assert_eq!(one.expires, NOW + 360_000);
        let late = single(Kind::SecurityEvent, "a", json!({"exp": null}));
        assert_eq!(late.expires, NOW + MAX_AGE_MS + 60_000, "as long as it would be believed");
        for other in [
            late,
            single(Kind::Revocation, "b", json!({})),
            single(Kind::Revocation, "a", json!({"jti": "2"})),
            single(Kind::Revocation, "a", json!({"iss": "https://b.test"})),
        ] {
            assert_ne!(one.id, other.id);
        }
    }
}

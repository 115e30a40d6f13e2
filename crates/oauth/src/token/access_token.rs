//! Access tokens: sealed by us around the grant they belong to. Issuing one writes nothing; whether it is valid is decided at each
//! use by the rows of its grant, client and owner ([`TokenStatus`](crate::grant::TokenStatus)).
//!
//! As a rule a token is opaque to clients. One that is a JWT (RFC 9068) is signed for other resource servers to read, with the same
//! sealed record in a claim. Here the record decides, and the signature proves that it was not moved to another JWT.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::Client;
use crate::constraints::{Resource, Thumbprint, TokenConstraints};
use crate::context::Context;
use crate::grant::{Grant, GrantId, Subject};
use crate::jose::Jws;
use crate::scope::Scopes;
use crate::secret::Prefix;
use crate::signing::UnsignedJwt;
use crate::token_id::{Link, TokenId};

const PURPOSE: &str = "access token";
/// What is in a JWT is no token without it.
const INSIDE: &str = "access token in a JWT";
/// The media type of the JWT (RFC 9068 §2.1).
pub(crate) const TYPE: &str = "at+jwt";
/// The claim with the sealed record.
const RECORD: &str = "grant";
/// None of ours is longer; longer texts are not even decoded.
const MAX_LENGTH: usize = 8192;

/// The content of an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The identifier (`jti`).
    pub id: TokenId,
    /// The grant.
    pub grant: GrantId,
    /// The time of issue, in milliseconds since the epoch.
    pub issued: i64,
    /// The time of expiry, in milliseconds since the epoch.
    pub expires: i64,
    /// The scopes: the grant's, or fewer.
    pub scope: Scopes,
    /// The constraints.
    pub constraints: TokenConstraints,
    /// The response in which it was issued; none for client credentials, and none in tokens of versions before this was recorded.
    pub link: Option<Link>,
}

/// The end of a sealed record. A version that knows only a part of it reads that part.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Tail {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Thumbprint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<(i32, i32)>,
    /// Where the store keeps the grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<i64>,
}

impl AccessToken {
    /// A new token for a grant, until this time in milliseconds since the epoch.
    pub(crate) fn new(
        cx: &mut Context<'_>,
        grant: GrantId,
        scope: Scopes,
        expires: i64,
        constraints: TokenConstraints,
        link: Option<Link>,
    ) -> AccessToken {
        AccessToken { id: TokenId(cx.bytes()), grant, issued: cx.now, expires, scope, constraints, link }
    }

    fn record(&self) -> Vec<u8> {
        let mut plain = Vec::with_capacity(96);
        plain.extend_from_slice(&self.id.0);
        plain.extend_from_slice(&self.grant.number.to_be_bytes());
        plain.extend_from_slice(&self.issued.to_be_bytes());
        plain.extend_from_slice(&self.expires.to_be_bytes());
        plain.extend_from_slice(self.scope.to_string().as_bytes());
        if self.link.is_some() || self.grant.part.is_some() || !self.constraints.is_none() {
            let TokenConstraints { resources, key } = self.constraints.clone();
            let link = self.link.map(|link| (link.generation, link.reissue));
            let tail = Tail { resources, key, link, part: self.grant.part };
            // No scope has a line break in it.
            plain.push(b'\n');
            plain.extend_from_slice(serde_json::to_string(&tail).unwrap_or_default().as_bytes());
        }
        plain
    }

    fn from_record(plain: &[u8]) -> Option<AccessToken> {
        let (id, rest) = plain.split_first_chunk::<16>()?;
        let (grant, rest) = rest.split_first_chunk::<8>()?;
        let (issued, rest) = rest.split_first_chunk::<8>()?;
        let (expires, rest) = rest.split_first_chunk::<8>()?;
        let rest = std::str::from_utf8(rest).ok()?;
        let (scope, tail) = match rest.split_once('\n') {
            Some((scope, tail)) => (scope, serde_json::from_str(tail).ok()?),
            None => (rest, Tail::default()),
        };
        Some(AccessToken {
            id: TokenId(*id),
            grant: GrantId { number: i64::from_be_bytes(*grant), part: tail.part },
            issued: i64::from_be_bytes(*issued),
            expires: i64::from_be_bytes(*expires),
            scope: Scopes::parse(scope)?,
            constraints: TokenConstraints { resources: tail.resources, key: tail.key },
            link: tail.link.map(|(generation, reissue)| Link { generation, reissue }),
        })
    }

    /// As on the wire, opaque.
    pub(crate) fn seal(&self, cx: &mut Context<'_>) -> String {
        format!("{}{}", Prefix::AccessToken.as_str(), cx.seal(PURPOSE, &self.record()))
    }

    /// As on the wire once it is signed (RFC 9068 §2.2).
    pub(crate) fn to_jwt(&self, cx: &mut Context<'_>, client: &Client, grant: &Grant) -> UnsignedJwt {
        let audience: Vec<&str> = match self.constraints.resources.as_slice() {
            [] => {
                let own = cx.settings.own_resources();
                let opens = |scopes: &[&str]| scopes.iter().any(|scope| self.scope.contains(scope));
                own.filter(|(_, scopes)| opens(scopes)).map(|(uri, _)| uri).collect()
            }
            resources => resources.iter().map(Resource::as_str).collect(),
        };
        // A token without a resource of ours still has an audience (§2.2): the issuer.
        let audience = if audience.is_empty() { vec![cx.settings.issuer.as_str()] } else { audience };
        let mut claims = json!({
            "iss": cx.settings.issuer,
            "sub": grant.subject.as_ref().map_or(client.id.as_str(), Subject::as_str),
            "aud": audience,
            "exp": self.expires / 1000,
            "iat": self.issued / 1000,
            "jti": URL_SAFE_NO_PAD.encode(self.id.0),
            "client_id": client.id.as_str(),
            "scope": self.scope.to_string(),
        });
        if let Some(claims) = claims.as_object_mut() {
            claims.extend(grant.of_login());
        }
        if let Some(key) = &self.constraints.key {
            claims["cnf"] = json!({"jkt": key.as_str()});
        }
        claims[RECORD] = json!(cx.seal(INSIDE, &self.record()));
        UnsignedJwt { algorithm: client.options.tokens.access_token_signing_alg, typ: TYPE, claims }
    }

    /// From the wire; `None` if we did not seal it. An expired token opens: the caller says so.
    pub fn open(cx: &Context<'_>, text: &str) -> Option<AccessToken> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        match text.strip_prefix(Prefix::AccessToken.as_str()) {
            Some(sealed) => AccessToken::from_record(&cx.keys.open(PURPOSE, sealed)?),
            None => AccessToken::open_jwt(cx, text),
        }
    }

    /// What RFC 9068 §4 and RFC 8725 ask for. There is no key of ours for `none` or anything symmetric, and no `crit` we know.
    fn open_jwt(cx: &Context<'_>, text: &str) -> Option<AccessToken> {
        if !text.starts_with("eyJ") {
            return None;
        }
        let jws = Jws::parse(text).ok().filter(|jws| jws.is_typed(TYPE))?;
        let kid = jws.kid()?;
        let claims = jws.verified_by(cx.published.iter().filter(|key| key.kid() == Some(kid))).ok()?;
        if claims.issuer() != Some(cx.settings.issuer.as_str()) {
            return None;
        }
        let token = AccessToken::from_record(&cx.keys.open(INSIDE, claims.text(RECORD)?)?)?;
        (claims.id() == Some(URL_SAFE_NO_PAD.encode(token.id.0).as_str())).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Settings;
    use crate::secret::Keyring;

    #[test]
    fn attack_62_only_what_we_sealed_as_an_access_token_opens() {
        let (keys, others, settings) = (Keyring::new(&[1; 32]), Keyring::new(&[2; 32]), Settings::default());
        let mut entropy = |bytes: &mut [u8]| bytes.fill(5);
        let mut cx = Context {
            now: 1_000,
            entropy: &mut entropy,
            keys: &keys,
            settings: &settings,
            published: &[],
            needs: Default::default(),
        };
        let scope = Scopes::parse("openid records:write").unwrap();
        let resources = vec![Resource::parse("https://api.example/").unwrap()];
        let bounded = AccessToken::new(
            &mut cx,
            GrantId::new(42),
            scope.clone(),
            3_601_000,
            TokenConstraints { resources, key: None },
            None,
        );
        let text = bounded.seal(&mut cx);
        assert_eq!(AccessToken::open(&cx, &text), Some(bounded.clone()));
        let link = Some(Link { generation: 2_000, reissue: 1 });
        let linked = AccessToken { link, ..bounded };
        let text = linked.seal(&mut cx);
        assert_eq!(AccessToken::open(&cx, &text), Some(linked.clone()));
        let placed = AccessToken { grant: GrantId::within(7, 42), ..linked };
        let text = placed.seal(&mut cx);
        assert_eq!(AccessToken::open(&cx, &text).and_then(|token| token.grant.part), Some(7));
        let token = AccessToken::new(&mut cx, GrantId::new(42), scope, 3_601_000, TokenConstraints::default(), None);
        let text = token.seal(&mut cx);
        assert_eq!(AccessToken::open(&cx, &text), Some(token));

        let sealed = &text[4..];
        let other_purpose = format!("gwa_{}", keys.seal("authorization request", [5; 24], &[0; 64]));
        let too_short = format!("gwa_{}", keys.seal(PURPOSE, [5; 24], &[0; 39]));
        let foreign = format!("gwa_{}", others.seal(PURPOSE, [5; 24], &[0; 64]));
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.";
        let (refresh, long) = (format!("gwr_{sealed}"), format!("{text}{}", "A".repeat(10_000)));
        for bad in ["", "gwa_", "gwa_!", sealed, jwt, &other_purpose, &too_short, &foreign, &refresh, &long] {
            assert_eq!(AccessToken::open(&cx, bad), None, "{bad}");
        }
    }
}

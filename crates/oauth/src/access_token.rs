//! Access tokens: opaque to clients, sealed by us around the grant they belong to. Issuing one writes nothing; whether it counts
//! is decided at each use by the rows of its grant, client and owner ([`Standing`](crate::store::Standing)).

use crate::context::{Context, millis};
use crate::grant::GrantId;
use crate::scope::Scopes;
use crate::secret::Prefix;

const PURPOSE: &str = "access token";
/// None of ours is longer; longer texts are not even decoded.
const MAX_LENGTH: usize = 1024;

/// Names one access token, so that it can be revoked alone: 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId(pub [u8; 16]);

/// What is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Its name.
    pub id: TokenId,
    /// What it belongs to.
    pub grant: GrantId,
    /// Milliseconds since the epoch.
    pub issued: i64,
    /// Milliseconds since the epoch.
    pub expires: i64,
    /// What it opens: the grant's scope, or less.
    pub scope: Scopes,
}

impl AccessToken {
    /// A new token for a grant.
    pub(crate) fn new(cx: &mut Context<'_>, grant: GrantId, scope: Scopes) -> AccessToken {
        let expires = cx.now + millis(cx.settings.access_token_lifetime_s);
        AccessToken { id: TokenId(cx.bytes()), grant, issued: cx.now, expires, scope }
    }

    /// As on the wire.
    pub(crate) fn seal(&self, cx: &mut Context<'_>) -> String {
        let mut plain = Vec::with_capacity(96);
        plain.extend_from_slice(&self.id.0);
        plain.extend_from_slice(&self.grant.0.to_be_bytes());
        plain.extend_from_slice(&self.issued.to_be_bytes());
        plain.extend_from_slice(&self.expires.to_be_bytes());
        plain.extend_from_slice(self.scope.to_string().as_bytes());
        format!("{}{}", Prefix::AccessToken.as_str(), cx.seal(PURPOSE, &plain))
    }

    /// From the wire; `None` if we did not seal it. An expired token opens: the caller says so.
    pub fn open(cx: &Context<'_>, text: &str) -> Option<AccessToken> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let plain = cx.keys.open(PURPOSE, text.strip_prefix(Prefix::AccessToken.as_str())?)?;
        let (id, rest) = plain.split_first_chunk::<16>()?;
        let (grant, rest) = rest.split_first_chunk::<8>()?;
        let (issued, rest) = rest.split_first_chunk::<8>()?;
        let (expires, scope) = rest.split_first_chunk::<8>()?;
        Some(AccessToken {
            id: TokenId(*id),
            grant: GrantId(i64::from_be_bytes(*grant)),
            issued: i64::from_be_bytes(*issued),
            expires: i64::from_be_bytes(*expires),
            scope: Scopes::parse(std::str::from_utf8(scope).ok()?)?,
        })
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
        let mut cx = Context { now: 1_000, entropy: &mut entropy, keys: &keys, settings: &settings };
        let token = AccessToken::new(&mut cx, GrantId(42), Scopes::parse("openid provision:scim").unwrap());
        assert_eq!(token.expires, 1_000 + 3_600_000);
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

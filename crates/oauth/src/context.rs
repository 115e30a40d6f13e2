//! What a request brings along besides itself: the time, entropy, keys and lifetimes.

use crate::jose::Jwk;
use crate::protected_resource::ProtectedResource;
use crate::scope::{OPENID, ScopeDefinition, Scopes};
use crate::secret::Keyring;
use crate::tolerance::Needs;

/// Everything that is neither in the message nor in the store.
#[allow(missing_debug_implementations)]
pub struct Context<'a> {
    /// The time, in milliseconds since the epoch.
    pub now: i64,
    /// Fills a buffer with random bytes.
    pub entropy: &'a mut dyn FnMut(&mut [u8]),
    /// The installation's keys.
    pub keys: &'a Keyring,
    /// The public keys that verify our signatures.
    pub published: &'a [Jwk],
    /// The identity of this server, its scopes, resources and lifetimes.
    pub settings: &'a Settings,
    /// The deviations of the request, for the caller to count; empty at the beginning.
    pub needs: Needs,
}

impl Context<'_> {
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.entropy)(&mut bytes);
        bytes
    }

    pub(crate) fn seal(&mut self, purpose: &str, plain: &[u8]) -> String {
        let nonce = self.bytes();
        self.keys.seal(purpose, nonce, plain)
    }
}

/// The shortest and the longest life of an access token that an operator may set, in seconds.
pub const ACCESS_TOKEN_SECONDS: std::ops::RangeInclusive<u64> = 60..=86_400;

/// The identity of this authorization server, its scopes and resources, and lifetimes in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The issuer identifier (RFC 8414 §2), without a slash at the end.
    pub issuer: String,
    /// The protected resources that tokens are for unless more is said, besides [the UserInfo endpoint](Settings::userinfo). A
    /// grant by a resource owner for one of them is a connection of its client
    /// ([`Connections`](crate::client::Connections)).
    pub resources: Vec<ProtectedResource>,
    /// The scopes that clients may have.
    pub scopes: Vec<ScopeDefinition>,
    /// The claims of tokens and of `/userinfo` beyond those of OpenID Connect, for the metadata; the caller adds them to what is signed.
    pub claims: Vec<&'static str>,
    /// The lifetime of an authorization code.
    pub code_lifetime_s: u64,
    /// The lifetime of an access token.
    pub access_token_lifetime_s: u64,
    /// The lifetime of a refresh token that is not used.
    pub refresh_idle_s: u64,
    /// The lifetime of a grant, even if it is refreshed; `None`: unlimited.
    pub refresh_absolute_s: Option<u64>,
    /// How long a refresh token or a code may be presented again by a client that works in parallel or lost a response, even after the
    /// first response was used.
    pub retry_grace_s: u64,
    /// The lifetime of an ID token.
    pub id_token_lifetime_s: u64,
    /// The lifetime of an authorization request, from the first page to the decision.
    pub request_lifetime_s: u64,
}

impl Settings {
    /// The scope of this name, if it is known.
    pub fn scope(&self, name: &str) -> Option<&ScopeDefinition> {
        self.scopes.iter().find(|scope| scope.name == name)
    }

    /// Whether a scope is about the user who accepts, as one is of which nothing is known.
    pub(crate) fn is_personal(&self, scope: &str) -> bool {
        self.scope(scope).is_none_or(|scope| scope.is_personal)
    }

    /// Whether consent to these scopes counts for the next request too.
    pub fn remembers_consent(&self, scopes: &Scopes) -> bool {
        scopes.iter().all(|scope| self.scope(scope).is_some_and(|scope| scope.remembers_consent))
    }

    /// The UserInfo endpoint (OpenID Connect Core §5.3), whose resource indicator is the issuer.
    pub fn userinfo(&self) -> ProtectedResource {
        ProtectedResource { uri: self.issuer.as_str().into(), scopes: &[OPENID] }
    }

    /// Whether a scope is for keys alone.
    pub fn is_for_keys(&self, scope: &str) -> bool {
        self.scope(scope).is_some_and(|scope| scope.is_for_keys)
    }

    /// The resource indicators of this server's own protected resources, each with the scopes of which it needs one.
    pub(crate) fn own_resources(&self) -> impl Iterator<Item = (&str, &'static [&'static str])> {
        let others = self.resources.iter().map(|resource| (resource.uri.as_ref(), resource.scopes));
        others.chain([(self.issuer.as_str(), &[OPENID][..])])
    }

    /// Whether a protected resource is one of this server's own.
    pub(crate) fn is_own_resource(&self, uri: &str) -> bool {
        self.own_resources().any(|(own, _)| own == uri)
    }

    /// The longest life of anything that is signed, in milliseconds, for any client.
    pub fn longest_ms(&self) -> i64 {
        let access_token = self.access_token_lifetime_s.max(*ACCESS_TOKEN_SECONDS.end());
        millis(access_token.max(self.id_token_lifetime_s))
    }
}

impl Context<'_> {
    /// Whether this moment is so close to now that a request is a repetition of one that was made then. The clocks of replicas differ, so
    /// then may be later than now.
    pub(crate) fn is_in_grace(&self, then: i64) -> bool {
        self.now.abs_diff(then) < self.grace_ms().unsigned_abs()
    }

    pub(crate) fn grace_ms(&self) -> i64 {
        millis(self.settings.retry_grace_s)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            issuer: "http://localhost".to_owned(),
            resources: Vec::new(),
            scopes: ScopeDefinition::STANDARD.to_vec(),
            claims: Vec::new(),
            code_lifetime_s: 60,
            access_token_lifetime_s: 3600,
            refresh_idle_s: 180 * 86_400,
            refresh_absolute_s: None,
            retry_grace_s: 30,
            id_token_lifetime_s: 3600,
            request_lifetime_s: 1800,
        }
    }
}

pub(crate) fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

//! Clients (RFC 6749 §2): who may ask, from where, for what.

use std::collections::BTreeSet;

pub use crate::client_id::ClientId;
pub use crate::context::ACCESS_TOKEN_SECONDS;
use crate::context::{Context, Settings};
use crate::scope::Scopes;
use crate::secret::Fingerprint;
use crate::tolerance::{Tolerance, Tolerances};

mod authentication;
mod options;
mod profile;
mod redirect_uri;
mod registration;
pub(crate) mod scope;
mod tokens;

pub use authentication::{AuthMethod, Authentication, ClientKeys, Federation, RequestedAuthentication};
pub use options::{Connections, Lifetimes, Options, REFRESH_SECONDS};
pub use profile::ClientProfile;
pub use redirect_uri::{RedirectUri, origin_key};
pub use registration::{Mistake, Registered, Registration};
pub use tokens::{AccessTokenFormat, RequestedTokens, TokenOptions};

/// A way to get tokens (RFC 6749 §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// An authorization code (§4.1).
    AuthorizationCode,
    /// A refresh token (§6).
    RefreshToken,
    /// Client credentials (§4.4).
    ClientCredentials,
}

impl GrantType {
    /// Every grant type: those that registrations may name, the token endpoint takes and the metadata lists.
    pub const ALL: [GrantType; 3] =
        [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];

    /// The value of `grant_type`.
    pub fn as_str(self) -> &'static str {
        match self {
            GrantType::AuthorizationCode => "authorization_code",
            GrantType::RefreshToken => "refresh_token",
            GrantType::ClientCredentials => "client_credentials",
        }
    }

    /// The grant type of this value.
    pub fn parse(text: &str) -> Option<GrantType> {
        GrantType::ALL.into_iter().find(|grant_type| grant_type.as_str() == text)
    }

    /// All of them in a sentence: `a, b or c`.
    pub(crate) fn listed() -> String {
        let [first @ .., last] = GrantType::ALL.map(GrantType::as_str);
        format!("{} or {last}", first.join(", "))
    }
}

/// One of a client's secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// The public identifier.
    pub id: String,
    /// The keyed hash of the secret.
    pub fingerprint: Fingerprint,
    /// The time at which it expires, in milliseconds since the epoch.
    pub expires: Option<i64>,
    /// The time of its last use, to the hour.
    pub last_used: Option<i64>,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`.
    pub id: ClientId,
    /// The display name.
    pub name: String,
    /// Whether it is a public client, without a secret (RFC 6749 §2.1).
    pub public: bool,
    /// Its secrets, also those that have expired.
    pub secrets: Vec<ClientSecret>,
    /// The registered redirect URIs.
    pub redirect_uris: Vec<RedirectUri>,
    /// The grant types that it may use.
    pub grant_types: Vec<GrantType>,
    /// The scopes that it may ask for.
    pub scopes: Scopes,
    /// The scopes of a request that names none.
    pub default_scope: Scopes,
    /// What it has in common with others of its kind.
    pub profile: &'static ClientProfile,
    /// Whether it must use PKCE.
    pub require_pkce: bool,
    /// Whether an operator switched it off.
    pub disabled: bool,
    /// The account that it belongs to is suspended: it is refused meanwhile.
    pub suspended: bool,
    /// Whether it belongs to one account. Besides keys, only such a client may use client credentials.
    pub has_account: bool,
    /// Further settings.
    pub options: Options,
    /// The deviations that it is forgiven.
    pub tolerances: Tolerances,
}

impl Client {
    /// The lifetimes of its tokens.
    pub fn lifetimes(&self, settings: &Settings) -> Lifetimes {
        self.options.lifetimes(self.profile, settings)
    }

    /// The redirect URI that a request names, if it is registered (RFC 9700 §2.1, RFC 8252 §7.3).
    pub(crate) fn redirect_uri(&self, sent: &str) -> Option<RedirectUri> {
        self.redirect_uris.iter().find_map(|uri| uri.named(sent, self.public))
    }

    /// Where its pages are, by their keys, if it is one that a page can be: a public client's redirect URIs lead to its own pages.
    pub fn origins(&self) -> BTreeSet<String> {
        let uris = self.redirect_uris.iter().filter(|_| self.public);
        uris.map(|uri| origin_key(&uri.origin()).to_owned()).collect()
    }

    /// Whether it is a key: it has nothing but scopes [for keys](crate::ScopeDefinition::is_for_keys).
    pub fn is_key(&self, settings: &Settings) -> bool {
        !self.scopes.is_empty() && self.scopes.iter().all(|scope| settings.is_for_keys(scope))
    }

    /// Whether it may use this grant type.
    pub fn may(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }
}

impl Context<'_> {
    /// Asked where a request deviates, and only there: whether that is forgiven to its client. Takes note either way.
    pub(crate) fn forgives(&mut self, client: &Client, tolerance: Tolerance) -> bool {
        let on = client.tolerances.contains(tolerance);
        let noted = if on { &mut self.needs.forgiven } else { &mut self.needs.missed };
        *noted = noted.with(tolerance);
        self.needs.client = Some(client.id.clone());
        on
    }
}

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

pub use authentication::{AskedAuthentication, AuthMethod, Authentication, ClientKeys, Federation};
pub use options::{Connections, Lifetimes, Options, REFRESH_SECONDS};
pub use profile::ClientProfile;
pub use redirect_uri::{RedirectUri, origin_key};
pub use registration::{Mistake, Registered, Registration};
pub use tokens::{AccessTokenFormat, AskedTokens, TokenOptions};

/// A way to get tokens (RFC 6749 §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// §4.1
    AuthorizationCode,
    /// §6
    RefreshToken,
    /// §4.4
    ClientCredentials,
}

impl GrantType {
    /// All of them.
    pub const ALL: [GrantType; 3] =
        [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            GrantType::AuthorizationCode => "authorization_code",
            GrantType::RefreshToken => "refresh_token",
            GrantType::ClientCredentials => "client_credentials",
        }
    }

    /// From the wire.
    pub fn parse(text: &str) -> Option<GrantType> {
        GrantType::ALL.into_iter().find(|grant_type| grant_type.as_str() == text)
    }
}

/// One of a client's secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// Its public name.
    pub id: String,
    /// What is kept of it.
    pub fingerprint: Fingerprint,
    /// From when on it no longer counts, in milliseconds since the epoch.
    pub expires: Option<i64>,
    /// When it was last seen, to the hour.
    pub last_used: Option<i64>,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its public name.
    pub id: ClientId,
    /// For people.
    pub name: String,
    /// Has no secret (RFC 6749 §2.1).
    pub public: bool,
    /// Its live and expired secrets.
    pub secrets: Vec<ClientSecret>,
    /// Where codes may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// How it may get tokens.
    pub grant_types: Vec<GrantType>,
    /// What it may ask for.
    pub scopes: Scopes,
    /// What it gets when it asks for nothing in particular.
    pub default_scope: Scopes,
    /// What it has in common with others of its kind.
    pub profile: &'static ClientProfile,
    /// Whether PKCE is a must.
    pub require_pkce: bool,
    /// Switched off by an operator.
    pub disabled: bool,
    /// Whether it belongs to one account; client credentials make sense only then.
    pub has_account: bool,
    /// What an operator set beyond that.
    pub options: Options,
    /// What it is forgiven.
    pub tolerances: Tolerances,
}

impl Client {
    /// How long what it gets lives.
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

//! What clients of one kind have in common: the defaults of their registrations and lifetimes, and the habits that are met. A profile is
//! data, which the embedding server defines.

use super::GrantType;

/// The defaults and habits of one kind of client.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientProfile {
    /// The name in registrations and in storage.
    pub name: &'static str,
    /// The grant types of a confidential client whose registration names none. A public client gets those of
    /// [`PUBLIC_GRANT_TYPES`](Self::PUBLIC_GRANT_TYPES).
    pub grant_types: &'static [GrantType],
    /// Whether PKCE is required unless the registration says otherwise. Public clients always need it.
    pub require_pkce: bool,
    /// Whether a client may be registered before its redirect URIs are known.
    pub redirect_uris_may_follow: bool,
    /// A sentence for the user whose request names no registered redirect URI: where to find the right one.
    pub redirect_uri_help: Option<&'static str>,
    /// The lifetime of access tokens in seconds, instead of [`Settings::access_token_lifetime_s`](crate::Settings).
    pub access_token_seconds: Option<u64>,
    /// Scopes that such clients ask for by another name with their own credentials: the name that is sent, and the scope that is meant.
    pub scope_aliases: &'static [(&'static str, &'static str)],
}

impl ClientProfile {
    /// The grant types of a public client whose registration names none.
    pub const PUBLIC_GRANT_TYPES: &'static [GrantType] = &[GrantType::AuthorizationCode, GrantType::RefreshToken];

    /// A client without particular habits.
    pub const GENERIC: ClientProfile = ClientProfile {
        name: "generic",
        grant_types: ClientProfile::PUBLIC_GRANT_TYPES,
        require_pkce: false,
        redirect_uris_may_follow: false,
        redirect_uri_help: None,
        access_token_seconds: None,
        scope_aliases: &[],
    };

    /// The scope that is meant by this name.
    pub(crate) fn meant<'a>(&self, scope: &'a str) -> &'a str {
        self.scope_aliases.iter().find(|(alias, _)| *alias == scope).map_or(scope, |(_, meant)| meant)
    }
}

impl Default for &ClientProfile {
    fn default() -> Self {
        &ClientProfile::GENERIC
    }
}

//! Whose habits a client has. What we forgive is data on the client, never a global switch.

use crate::scope::Scopes;

/// An identity provider's name, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Okta: redirect URIs follow from the app's variable name; no PKCE.
    Okta,
    /// Microsoft Entra ID: client credentials.
    Entra,
    /// OneLogin.
    OneLogin,
    /// JumpCloud.
    JumpCloud,
    /// PingOne, PingFederate: client credentials.
    Ping,
    /// Anything else.
    Generic,
    /// Anything else, to the letter of the RFCs.
    Strict,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 7] = [
        Profile::Okta,
        Profile::Entra,
        Profile::OneLogin,
        Profile::JumpCloud,
        Profile::Ping,
        Profile::Generic,
        Profile::Strict,
    ];

    /// As in the admin API.
    pub fn as_str(self) -> &'static str {
        match self {
            Profile::Okta => "okta",
            Profile::Entra => "entra",
            Profile::OneLogin => "onelogin",
            Profile::JumpCloud => "jumpcloud",
            Profile::Ping => "ping",
            Profile::Generic => "generic",
            Profile::Strict => "strict",
        }
    }

    /// What this vendor means by a scope. Microsoft Entra ID asks for `scim` or `scim.readwrite` when it is federated, whatever
    /// scopes there are (its guide to workload identity federation for SCIM).
    pub(crate) fn meant(self, asked: &Scopes) -> Scopes {
        match self {
            Profile::Entra => asked.renamed(|scope| match scope {
                "scim" | "scim.readwrite" => "provision:scim",
                scope => scope,
            }),
            _ => asked.clone(),
        }
    }

    /// From the admin API.
    pub fn parse(text: &str) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.as_str() == text)
    }
}

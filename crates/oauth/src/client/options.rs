//! What an operator may set about a client beyond its registration; kept as one document, so that a new option is a new member.

use serde::{Deserialize, Serialize};

use super::{Authentication, ClientProfile, RedirectUri, TokenOptions};
use crate::context::{Settings, millis};
use crate::grant::Grant;

/// How long an operator may let a refresh token lie idle, and a grant be refreshed at all: ten years at most. In seconds.
pub const REFRESH_SECONDS: std::ops::RangeInclusive<u64> = 60..=3650 * 86_400;

/// Options of one client. An absent member has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// What its tokens are like, and how it has to ask for them.
    pub tokens: TokenOptions,
    /// Where browsers may be sent after logging out (OpenID Connect RP-Initiated Logout 1.0 §3.1); compared byte by byte.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told that a session of its user ended (OpenID Connect Back-Channel Logout 1.0 §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it needs the `sid` in what it is told; it is always there.
    pub backchannel_logout_session_required: bool,
    /// How it proves who it is.
    pub authentication: Authentication,
    /// The lifetime of a new secret, in days; the installation's setting if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_lifetime_days: Option<u32>,
    /// The lifetime of an access token, in seconds; the installation's setting if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_seconds: Option<u64>,
    /// The lifetime of a refresh token that is not used, in seconds; the installation's setting if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_idle_seconds: Option<u64>,
    /// The lifetime of a grant, even if it is refreshed, in seconds; the installation's setting if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_absolute_seconds: Option<u64>,
    /// Whether its older connections end when a newer one is used.
    pub connections: Connections,
}

/// What becomes of the older connections of a client and account when a newer one is used for the first time. A connection is a grant by
/// a resource owner for one of the [protected resources](Settings::resources).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Connections {
    /// They end: authenticating again replaces a connection.
    #[default]
    Replace,
    /// They stay.
    Keep,
}

impl Connections {
    /// Every choice.
    pub const ALL: [Connections; 2] = [Connections::Replace, Connections::Keep];

    /// As in the admin API.
    pub fn as_str(self) -> &'static str {
        match self {
            Connections::Replace => "replace",
            Connections::Keep => "keep",
        }
    }
}

/// The lifetimes of the tokens of a client, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// The lifetime of an access token.
    pub access_token: u64,
    /// The lifetime of a refresh token that is not used.
    pub refresh_idle: u64,
    /// The lifetime of a grant, even if it is refreshed; `None`: unlimited.
    pub refresh_absolute: Option<u64>,
}

impl Options {
    /// What holds for a client of this profile in this installation.
    pub fn lifetimes(&self, profile: &ClientProfile, settings: &Settings) -> Lifetimes {
        let usual = profile.access_token_seconds.unwrap_or(settings.access_token_lifetime_s);
        Lifetimes {
            access_token: self.access_token_seconds.unwrap_or(usual),
            refresh_idle: self.refresh_idle_seconds.unwrap_or(settings.refresh_idle_s),
            refresh_absolute: self.refresh_absolute_seconds.or(settings.refresh_absolute_s),
        }
    }
}

impl Lifetimes {
    /// When this grant ends however often it is used, in milliseconds since the epoch.
    pub(crate) fn absolute_end(&self, grant: &Grant) -> Option<i64> {
        self.refresh_absolute.map(|seconds| grant.created.saturating_add(millis(seconds)))
    }
}

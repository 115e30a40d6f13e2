//! What an operator may set of a client that SQL never asks for: a document, so that a new option is a new member and no migration.
//! An absent member has its default.

use serde::{Deserialize, Serialize};

use oauth::client::{AccessTokenFormat, AuthMethod, Connections};
use oauth::signing::SigningAlgorithm;

use crate::domain::described::{described_words, words};
use crate::domain::tolerances::Overrides;

words!(Connections { Connections::Replace = "replace", Connections::Keep = "keep" });
described_words!(AccessTokenFormat, ["opaque", "jwt"]);
described_words!(SigningAlgorithm, ["RS256", "ES256", "EdDSA"]);
described_words!(AuthMethod, AuthMethod::ALL.map(AuthMethod::as_str).iter().chain(&["none"]).collect::<Vec<_>>());

/// As kept with a client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientOptions {
    /// For the authorization server.
    pub oauth: oauth::client::Options,
    /// For the SCIM endpoint.
    pub scim: ScimOptions,
}

/// How the SCIM endpoint treats a client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScimOptions {
    /// What it is forgiven, or not, whichever its profile is.
    pub tolerances: Overrides,
}

impl ScimOptions {
    /// The part of a client's stored options that every SCIM request needs.
    pub(crate) fn of_client(options: &str) -> Result<ScimOptions, serde_json::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Part {
            scim: ScimOptions,
        }
        Ok(serde_json::from_str::<Part>(options)?.scim)
    }
}

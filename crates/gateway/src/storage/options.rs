//! What an operator may set that SQL never asks for: a document on the client and one on the account, so that a new option is a
//! new member and no migration. An absent member has its default.

use serde::{Deserialize, Serialize};

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
pub struct ScimOptions {}

/// As kept with an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountOptions {}

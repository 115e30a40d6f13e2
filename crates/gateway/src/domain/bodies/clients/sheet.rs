//! What an administrator pastes into the identity provider, but for the secret: what its form asks for, and nothing else.

use crate::domain::described::{Sometimes, answer};

answer! {
    /// What to paste into the identity provider, but for the secret. What its form does not ask for, and what the client may not use, is
    /// left out.
    pub struct SetupSheet {
        /// The SCIM base URL.
        scim_base_url: Sometimes<String>,
        /// What users are matched by, where the form asks for it.
        unique_identifier_field: Sometimes<&'static str>,
        /// The path of users below the base URL, where the form asks for it.
        users_resource: Sometimes<&'static str>,
        /// The path of groups below the base URL, where the form asks for it.
        groups_resource: Sometimes<&'static str>,
        /// A header to be sent with each request, where the form has to be told.
        custom_headers: Sometimes<&'static str>,
        /// The token endpoint, where the provider fetches tokens.
        token_url: Sometimes<String>,
        /// The authorization endpoint with the scopes that the client may ask for, where an administrator accepts access.
        authorization_url: Sometimes<String>,
        /// The same, encoded.
        authorization_url_encoded: Sometimes<String>,
        /// The scope of tokens that the client asks for in its own name. A form without a field for it needs none.
        scope: Sometimes<&'static str>,
        /// The client ID, where the provider fetches tokens.
        client_id: Sometimes<String>,
    }
    example {
        "scim_base_url": "https://gateway.example/scim/v2", "unique_identifier_field": "userName",
        "token_url": "https://gateway.example/oauth2/token",
        "authorization_url": "https://gateway.example/oauth2/auth?scope=openid offline provision:scim",
        "authorization_url_encoded": "https://gateway.example/oauth2/auth?scope=openid%20offline%20provision%3Ascim",
        "client_id": "0198c1d2e3f4"
    }
}

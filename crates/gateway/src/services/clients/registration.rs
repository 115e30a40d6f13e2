//! What is asked for a client, as the registration of the protocol: for a new one, and over what an existing one has.

use oauth::RedirectUri;
use oauth::client::{RequestedAuthentication, RequestedTokens};

use super::authentication::Asked;
use crate::domain::bodies::clients::ClientOptions;
use crate::domain::described::Texts;
use crate::domain::profiles::AppName;
use crate::domain::registration::Registration;
use crate::storage::clients::ClientRecord;

/// What is asked for; `None` where nothing is said.
pub(super) fn asked(options: &ClientOptions, authentication: RequestedAuthentication) -> Registration {
    let texts = |texts: &Option<Texts>| texts.as_ref().map(|texts| texts.0.clone());
    Registration {
        profile: None,
        okta_app_name: options.okta_app_name.value().map(|name| name.0.clone()),
        client: oauth::client::Registration {
            redirect_uris: texts(&options.redirect_uris),
            grant_types: options.grant_types.as_ref().map(|checked| checked.0.0.clone()),
            scopes: options.scopes.as_ref().map(|checked| checked.0.0.clone()),
            default_scope: options.default_scope.as_ref().map(|checked| checked.0.0.clone()),
            public: None,
            require_pkce: options.require_pkce,
            tokens: RequestedTokens {
                access_token_format: options.access_token_format.as_ref().map(|checked| checked.0.0.clone()),
                access_token_signing_alg: options.access_token_signing_alg.as_ref().map(|checked| checked.0.0.clone()),
                id_token_signed_response_alg: options
                    .id_token_signed_response_alg
                    .as_ref()
                    .map(|checked| checked.0.0.clone()),
                resources: texts(&options.resources),
                introspects: texts(&options.introspects),
                require_pushed_authorization_requests: options.require_pushed_authorization_requests,
                dpop_bound_access_tokens: options.dpop_bound_access_tokens,
            },
            post_logout_redirect_uris: texts(&options.post_logout_redirect_uris),
            authentication,
            ..oauth::client::Registration::default()
        },
    }
}

/// What is asked for over what the client has: what is left out stays as it is. The whole has to be checked again.
pub(super) fn over(record: &ClientRecord, options: &ClientOptions) -> Registration {
    let client = &record.client;
    let asked = asked(options, Asked::of(options).over(client));
    let said = asked.client;
    let texts = |list: Vec<&str>| Some(list.into_iter().map(str::to_owned).collect::<Vec<_>>());
    let derived = record.okta_app_name.as_deref().map(AppName::parse).and_then(Result::ok);
    let derived = derived.map(|app| app.redirect_uris(true)).unwrap_or_default();
    let own_uris: Vec<&RedirectUri> = client.redirect_uris.iter().filter(|uri| !derived.contains(uri)).collect();
    let after_logout = &client.options.post_logout_redirect_uris;
    Registration {
        profile: Some(client.profile.name.to_owned()),
        okta_app_name: match options.okta_app_name.is_named() {
            true => asked.okta_app_name,
            false => record.okta_app_name.clone(),
        },
        client: oauth::client::Registration {
            redirect_uris: said.redirect_uris.or_else(|| texts(own_uris.iter().map(|uri| uri.as_str()).collect())),
            grant_types: said.grant_types.or_else(|| texts(client.grant_types.iter().map(|g| g.as_str()).collect())),
            scopes: said.scopes.or_else(|| texts(client.scopes.iter().collect())),
            default_scope: said.default_scope.or_else(|| texts(client.default_scope.iter().collect())),
            public: Some(client.public),
            require_pkce: said.require_pkce.or(Some(client.require_pkce)),
            tokens: said.tokens,
            tokens_before: client.options.tokens.clone(),
            post_logout_redirect_uris: said
                .post_logout_redirect_uris
                .or_else(|| texts(after_logout.iter().map(RedirectUri::as_str).collect())),
            authentication: said.authentication,
            uris_before: own_uris.iter().map(|uri| (*uri).clone()).chain(after_logout.iter().cloned()).collect(),
            ..oauth::client::Registration::default()
        },
    }
}

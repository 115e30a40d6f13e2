//! A client as operators read it, with the sheet of values that an administrator pastes into the identity provider.

use super::{Installation, authentication, recording, sheet, tolerances, warnings};
use crate::domain::bodies::clients::{Client, ClientLifetimes};
use crate::domain::described::Time;
use crate::storage::clients::ClientRecord;
use crate::storage::{DbError, Tx};

/// The client, without its secrets. Only reads.
pub(super) fn of(tx: &mut Tx<'_>, at: &Installation<'_>, record: &ClientRecord) -> Result<Client, DbError> {
    let account = match record.account {
        Some(seq) => tx.account_at(seq)?,
        None => None,
    };
    let warnings = warnings::of(tx, &at.scim, record, account.as_ref())?;
    let client = &record.client;
    let tokens = &client.options.tokens;
    let lives = client.lifetimes(at.protocol);
    let (jwks, jwks_uri) = authentication::keys(client);
    let after_logout = &client.options.post_logout_redirect_uris;
    Ok(Client {
        client_id: client.id.as_str().to_owned(),
        name: client.name.clone(),
        profile: client.profile.name,
        account: account.map(|account| account.id),
        okta_app_name: record.okta_app_name.clone(),
        redirect_uris: client.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
        grant_types: client.grant_types.iter().map(|g| g.as_str()).collect(),
        scopes: client.scopes.iter().map(str::to_owned).collect(),
        default_scope: client.default_scope.iter().map(str::to_owned).collect(),
        public: client.public,
        require_pkce: client.require_pkce,
        access_token_format: tokens.access_token_format,
        access_token_signing_alg: tokens.access_token_signing_alg,
        id_token_signed_response_alg: tokens.id_token_signed_response_alg,
        resources: tokens.resources.iter().map(|resource| resource.as_str().to_owned()).collect(),
        introspects: tokens.introspects.iter().map(|resource| resource.as_str().to_owned()).collect(),
        require_pushed_authorization_requests: tokens.require_pushed_authorization_requests,
        dpop_bound_access_tokens: tokens.dpop_bound_access_tokens,
        post_logout_redirect_uris: after_logout.iter().map(|uri| uri.as_str().to_owned()).collect(),
        backchannel_logout_uri: client.options.backchannel_logout_uri.clone(),
        backchannel_logout_session_required: client.options.backchannel_logout_session_required,
        disabled: client.disabled,
        access_token_seconds: client.options.access_token_seconds,
        refresh_idle_seconds: client.options.refresh_idle_seconds,
        refresh_absolute_seconds: client.options.refresh_absolute_seconds,
        lifetimes: ClientLifetimes {
            access_token_seconds: lives.access_token,
            refresh_idle_seconds: lives.refresh_idle,
            refresh_absolute_seconds: lives.refresh_absolute,
        },
        connections: client.options.connections,
        created: Time(record.created),
        tolerances: tolerances::overview(record),
        secret_lifetime_days: client.options.secret_lifetime_days,
        warnings,
        sheet: sheet::of(at, client),
        token_endpoint_auth_method: authentication::method(client),
        jwks,
        jwks_uri,
        federation: client.options.authentication.federation.clone(),
        recording: recording::overview(record, tx.now()),
    })
}

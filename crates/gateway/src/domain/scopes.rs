//! The scopes of this product and the protected resources that they open.

use std::sync::Arc;

use oauth::{ProtectedResource, ScopeDefinition};

use super::described::described_words;

/// The scope of the SCIM endpoint.
pub const PROVISION: &str = "provision:scim";
/// The scope for who may do what: a user's own, as claims.
pub const ACCESS: &str = "access";
/// The scope of product keys that ask who may do what.
pub const READ_ACCESS: &str = "read:access";
/// The scope of product keys that read users and groups at the SCIM endpoint.
pub const READ_SCIM: &str = "read:scim";
/// The scope of product keys that read what changed.
pub const READ_EVENTS: &str = "read:events";

/// Access to the SCIM endpoint. A client may have it by its own credentials. Consent to it is asked for each time: OpenID Connect Core §11
/// wants that of each refresh token, and users who connect an identity provider expect it.
const PROVISIONING: ScopeDefinition = ScopeDefinition {
    name: PROVISION,
    is_personal: false,
    remembers_consent: false,
    is_usual: true,
    is_default: true,
    is_for_keys: false,
};

/// What the user who logs in may do, told to the application that they log in to.
const OWN_ACCESS: ScopeDefinition = ScopeDefinition { name: ACCESS, ..ScopeDefinition::PROFILE };

/// A scope of product keys: credentials of the vendor's own product, which read and change nothing.
const fn of_product_keys(name: &'static str) -> ScopeDefinition {
    ScopeDefinition { name, is_usual: false, is_for_keys: true, ..PROVISIONING }
}

/// Whether a scope is one of product keys.
pub fn is_of_product_keys(scope: &str) -> bool {
    [READ_ACCESS, READ_SCIM, READ_EVENTS].contains(&scope)
}

/// Every scope that a client may have, in the order in which they are listed.
pub fn all() -> Vec<ScopeDefinition> {
    use ScopeDefinition as Scope;
    vec![
        Scope::OPENID,
        Scope::OFFLINE,
        Scope::OFFLINE_ACCESS,
        PROVISIONING,
        Scope::PROFILE,
        Scope::EMAIL,
        Scope::ADDRESS,
        Scope::PHONE,
        OWN_ACCESS,
        of_product_keys(READ_ACCESS),
        of_product_keys(READ_SCIM),
        of_product_keys(READ_EVENTS),
    ]
}

/// The name of a scope.
#[derive(Debug, Clone, Copy)]
pub struct ScopeName;

described_words!(ScopeName, all().iter().map(|scope| scope.name).collect::<Vec<_>>());

/// The SCIM endpoint at this base URL, where something is written.
pub fn scim_endpoint(base: Arc<str>) -> ProtectedResource {
    ProtectedResource { uri: base, scopes: &[PROVISION] }
}

/// The same where something is read.
pub fn scim_reading(base: Arc<str>) -> ProtectedResource {
    ProtectedResource { uri: base, scopes: &[PROVISION, READ_SCIM] }
}

/// The admin API at this base URL, as far as product keys may use it: with it go `/access/v1`, `/events` and `/ssf`.
pub fn admin_endpoint(admin_url: &str) -> ProtectedResource {
    ProtectedResource { uri: format!("{admin_url}/admin").into(), scopes: &[READ_ACCESS, READ_EVENTS] }
}

/// The same for what lets keys in: each key is known there, and told what it lacks.
pub fn door_of_keys(admin_url: &str) -> ProtectedResource {
    ProtectedResource { scopes: &[READ_ACCESS, READ_SCIM, READ_EVENTS], ..admin_endpoint(admin_url) }
}

/// Every protected resource of an installation, besides the UserInfo endpoint.
pub fn resources(public_url: &str, admin_url: &str) -> Vec<ProtectedResource> {
    vec![scim_reading(format!("{public_url}/scim/v2").into()), admin_endpoint(admin_url)]
}

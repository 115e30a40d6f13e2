//! The scopes of this product and the protected resource that they open.

use std::sync::Arc;

use oauth::{ProtectedResource, ScopeDefinition};

use super::described::described_words;

/// The scope of the SCIM endpoint.
pub const PROVISION: &str = "provision:scim";

/// Access to the SCIM endpoint. A client may have it by its own credentials. Consent to it is asked for each time: OpenID Connect Core §11
/// wants that of each refresh token, and users who connect an identity provider expect it.
const PROVISIONING: ScopeDefinition =
    ScopeDefinition { name: PROVISION, is_personal: false, remembers_consent: false, is_usual: true, is_default: true };

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
    ]
}

/// The name of a scope.
#[derive(Debug, Clone, Copy)]
pub struct ScopeName;

described_words!(ScopeName, all().iter().map(|scope| scope.name).collect::<Vec<_>>());

/// The SCIM endpoint at this base URL.
pub fn scim_endpoint(base: Arc<str>) -> ProtectedResource {
    ProtectedResource { uri: base, scope: PROVISION }
}

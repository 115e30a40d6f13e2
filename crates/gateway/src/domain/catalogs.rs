//! The vendor's words as resources: the roles a user can have, and the environments they may enter. An identity provider that
//! discovers entitlements reads them, so that its administrator selects them from a list.

use scim::Registry;
use scim::schema::catalog::{Kind, Words};
use scim::schema::{Catalog, ResourceTypeId};

use crate::domain::account::PRODUCT_ENVIRONMENTS;

/// `Role`
pub const ROLE: ResourceTypeId = ResourceTypeId(3);
/// `ProductEnvironment`
pub const PRODUCT_ENVIRONMENT: ResourceTypeId = ResourceTypeId(4);

/// What is configured, with `/Roles` (where the attribute of the user's role allows only listed values) and
/// `/ProductEnvironments`.
pub fn offer(configured: Registry, role_attribute: &str) -> Registry {
    let roles = Words::Of(role_attribute.to_owned());
    let environments = Words::Listed(PRODUCT_ENVIRONMENTS.to_owned());
    let (role, environment) = ("Role", "ProductEnvironment");
    configured
        .offering(Catalog::new(ROLE, Kind::Role, role, "Roles", "What a user may be in the product.", roles))
        .offering(Catalog::new(
            PRODUCT_ENVIRONMENT,
            Kind::Entitlement,
            environment,
            "ProductEnvironments",
            "The product environments of the account.",
            environments,
        ))
}

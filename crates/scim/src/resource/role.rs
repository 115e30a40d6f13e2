//! A single application role as Microsoft Entra ID sends it, in the primary value of `roles` (`roles[primary eq
//! "True"].value`), for service providers whose users have one `role`.

use serde_json::{Map, Value};

use super::complete::is_primary;
use super::reader::{Named, Reader};
use crate::schema::{Attribute, CanonicalValues, ResourceType};
use crate::tolerance::Tolerance;

/// The primary value of a document's `roles`.
pub(crate) fn primary(document: &Map<String, Value>) -> Option<&Value> {
    let roles = document.get("roles")?.as_array()?;
    roles.iter().find(|role| is_primary(role))?.get("value")
}

/// The `role` that the primary value of `roles` stands for. Only a value on the closed list counts: any other value
/// gives no role.
pub(crate) fn primary_role<'r>(
    document: &Map<String, Value>,
    resource_type: &'r ResourceType,
    reader: &Reader<'_>,
) -> Option<(&'r Attribute, Value)> {
    let role = resource_type.schema.attribute("role").filter(|role| !role.multi_valued)?;
    let closed = matches!(role.canonical_values, CanonicalValues::Only(_) | CanonicalValues::OnlyListed(_));
    let said = primary(document).filter(|_| closed)?;
    let value = reader.plain(role, Named::new(None, role), said).ok().flatten()?;
    reader.forgives(Tolerance::PrimaryRole).then_some((role, value))
}

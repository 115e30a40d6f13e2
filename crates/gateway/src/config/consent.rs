//! `[consent]`: who may accept access for an account.

use scim::Registry;
use scim::schema::{CanonicalValues, Type, USER};

use super::attributes::Attributes;
use super::reader::{Reader, Section};

/// Who may accept access for an account.
#[derive(Debug, Clone)]
pub struct Consent {
    /// Users with one of these values
    pub roles: Vec<String>,
    /// in this attribute.
    pub role_attribute: String,
}

pub(super) fn read(r: &mut Reader, attributes: Option<&Attributes>) -> Option<Consent> {
    let mut s = r.section("consent");
    let about = "Users with one of these values in role_attribute may accept access for their account, from now on; what was accepted \
         before stands.";
    let roles = s.list("roles", &["master_admin"], "values of the attribute", about, Ok);
    let about = "The attribute of users that roles are values of.";
    let role_attribute = s.text("role_attribute", "role", "name of an attribute", about, Ok);
    let consent = Consent { roles: roles?, role_attribute: role_attribute? };
    if let Some(attributes) = attributes {
        warn_if_none_may_accept(&mut s, &consent, &attributes.registry);
    }
    Some(consent)
}

/// An installation may be without consent, if all its clients have tokens that are pasted; and users may have values of earlier lists.
/// So what cannot be met is a warning.
fn warn_if_none_may_accept(s: &mut Section<'_>, consent: &Consent, registry: &Registry) {
    let Consent { roles, role_attribute } = consent;
    if roles.is_empty() {
        s.warn("roles", "is empty, so no user may accept access");
    }
    let attribute = registry.get(USER).attribute(role_attribute).filter(|found| found.name == *role_attribute);
    let Some(attribute) = attribute.filter(|found| found.r#type == Type::String && !found.multi_valued) else {
        s.warn(
            "role_attribute",
            format!("`{role_attribute}` is no attribute of users with one text, so no user may accept access"),
        );
        return;
    };
    let CanonicalValues::Only(allowed) = &attribute.canonical_values else { return };
    for role in roles.iter().filter(|role| !allowed.contains(role)) {
        let allowed = allowed.join(", ");
        s.warn("roles", format!("`{role}` is not among the values of {role_attribute}, which are {allowed}"));
    }
}

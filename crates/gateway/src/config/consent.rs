//! `[consent]`: who may accept access for an account.

use scim::schema::{Attribute, CanonicalValues, Type, USER};

use super::attributes::Attributes;
use super::names;
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
        agree(&mut s, &consent, attributes);
    }
    Some(consent)
}

/// What no user can have lets no user accept access. An installation whose clients all have tokens that are pasted has no roles at all.
fn agree(s: &mut Section<'_>, consent: &Consent, attributes: &Attributes) {
    let Consent { roles, role_attribute } = consent;
    if roles.is_empty() {
        s.warn("roles", "is empty, so no user may accept access");
        if !s.is_set("role_attribute") {
            return;
        }
    }
    let place = match &attributes.file {
        Some(path) => format!("`{path}` (attributes.file)"),
        None => "the attributes that are compiled in (attributes.file is not set)".to_owned(),
    };
    let of_users = attributes.registry.get(USER);
    let found = of_users.attribute(role_attribute).filter(|found| found.name == *role_attribute);
    let Some(attribute) = found.filter(|found| holds_one_text(found)) else {
        let known = of_users.attributes_with_urns().filter(|(urn, known)| urn.is_none() && holds_one_text(known));
        let near = nearest(role_attribute, known.map(|(_, known)| known.name.clone()).collect());
        let what = match found {
            Some(_) => "is an attribute of users, but not one that holds one text",
            None => "is no attribute of users",
        };
        let why = format!(
            "`{role_attribute}` {what}, so no user could accept access. Declare it in {place}, or name another one{near}; \
             consent.roles = [] is for an installation where no user accepts"
        );
        return s.mistake("role_attribute", why);
    };
    let CanonicalValues::Only(allowed) = &attribute.canonical_values else { return };
    for role in roles.iter().filter(|role| !allowed.contains(role)) {
        let near = nearest(role, allowed.clone());
        let allowed = allowed.join(", ");
        let why = format!(
            "`{role}` is not among the values of {role_attribute}, so no user can have it{near}. Those of {place} are {allowed}; add it there, or \
             name one of them"
        );
        s.mistake("roles", why);
    }
}

fn holds_one_text(attribute: &Attribute) -> bool {
    attribute.r#type == Type::String && !attribute.multi_valued
}

fn nearest(name: &str, known: Vec<String>) -> String {
    names::nearest(name, known.into_iter()).map_or_else(String::new, |near| format!("; the nearest is `{near}`"))
}

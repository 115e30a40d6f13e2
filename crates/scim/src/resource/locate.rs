//! Finds the attribute or extension that a key of a resource's JSON object stands for (RFC 7643 §3.3). Names compare
//! without regard to letter case (§2.1); extensions stand under their URN.

use std::sync::LazyLock;

use crate::error::Error;
use crate::schema::{Attribute, Registry, ResourceType, Schema};
use crate::tolerance::{Tolerance, ToleranceTracker, Tolerances};
use crate::urn::{self, Scim1};

/// What a key of a resource's JSON object stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'r> {
    /// An attribute of the core schema, a common one, or one of an extension.
    Attribute(Option<&'r Schema>, &'r Attribute),
    /// An extension: its attributes are members of the object below this key.
    Extension(&'r Schema),
    /// The core schema, named by its URN: its attributes are members of the object below this key.
    Core,
}

/// What a key stands for, and the tolerances that are needed to accept the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<'r> {
    pub place: Place<'r>,
    pub needs: Tolerances,
}

impl<'r> Located<'r> {
    fn plainly(place: Place<'r>) -> Located<'r> {
        Located { place, needs: Tolerances::NONE }
    }

    /// Returns the place if this client is forgiven the form of the key.
    pub(crate) fn forgiven(self, key: &str, leniency: &ToleranceTracker) -> Result<Place<'r>, Error> {
        match self.needs.iter().all(|needed| leniency.forgives(needed)) {
            false => Err(self.misnamed(key)),
            true => Ok(self.place),
        }
    }

    fn misnamed(&self, key: &str) -> Error {
        let right = match self.place {
            Place::Attribute(Some(extension), attribute) => {
                format!("send {{\"{}\": {{\"{}\": …}}}}", extension.id, attribute.name)
            }
            Place::Attribute(None, attribute) => format!("send it as \"{}\"", attribute.name),
            Place::Extension(extension) => format!("its URN is {}", extension.id),
            Place::Core => "its attributes stand in the resource itself".to_owned(),
        };
        let key: String = key.chars().take(200).collect();
        Error::InvalidSyntax(format!("{key} is no name of an attribute or an extension: {right}."))
    }
}

/// Looks a key up; `None` if it is unknown. An extension's attribute is found by its bare name where only one extension
/// has it.
pub(crate) fn locate<'r>(resource_type: &'r ResourceType, key: &str) -> Option<Located<'r>> {
    if let Some(attribute) = resource_type.attribute(key) {
        return Some(Located::plainly(Place::Attribute(None, attribute)));
    }
    if key.contains(':') {
        return by_urn(resource_type, key);
    }
    let mut found = resource_type
        .extensions
        .iter()
        .filter_map(|(extension, _)| Some(Place::Attribute(Some(extension), extension.attribute(key)?)));
    let place = found.next()?;
    let only = found.next().is_none();
    let needs = Tolerances::NONE.with(Tolerance::UnqualifiedExtensionNames);
    only.then_some(Located { place, needs })
}

fn by_urn<'r>(resource_type: &'r ResourceType, key: &str) -> Option<Located<'r>> {
    let path = |extension, attribute, needs: Tolerances| Located {
        place: Place::Attribute(extension, attribute),
        needs: needs.with(Tolerance::PathsAsKeys),
    };
    if urn::same(key, &resource_type.schema.id) {
        return Some(Located::plainly(Place::Core));
    }
    if let Some((name, needs)) = below(&resource_type.schema.id, key) {
        return Some(path(None, resource_type.attribute(name)?, needs));
    }
    for (extension, _) in &resource_type.extensions {
        if urn::same(key, &extension.id) {
            return Some(Located::plainly(Place::Extension(extension)));
        }
        if let Some((name, needs)) = below(&extension.id, key) {
            return Some(path(Some(extension), extension.attribute(name)?, needs));
        }
    }
    let place = match Scim1::of(key)? {
        Scim1::Core => Place::Core,
        Scim1::Enterprise => Place::Extension(resource_type.extension(urn::ENTERPRISE_USER)?),
    };
    Some(Located { place, needs: Tolerances::NONE.with(Tolerance::Scim1Urns) })
}

/// `department` of `urn:…:User:department`, or of `urn:…:User.department`.
fn below<'k>(schema: &str, key: &'k str) -> Option<(&'k str, Tolerances)> {
    let (_, rest) = key.split_at_checked(schema.len()).filter(|(prefix, _)| urn::same(prefix, schema))?;
    let dotted = || Some((rest.strip_prefix('.')?, Tolerances::NONE.with(Tolerance::DottedUrns)));
    rest.strip_prefix(':').map(|name| (name, Tolerances::NONE)).or_else(dotted)
}

/// Whether a URN names an extension of this resource type, known or not. Customers of Microsoft Entra ID make up one
/// for each attribute of their own: `urn:ietf:params:scim:schemas:extension:{name}:2.0:User`.
pub(crate) fn is_extension_of(urn: &str, resource_type: &ResourceType) -> bool {
    let urn = urn.to_ascii_lowercase();
    let of_an_extension = urn.starts_with("urn:ietf:params:scim:schemas:extension:");
    of_an_extension && urn.rsplit_once(':').is_some_and(|(_, last)| last.eq_ignore_ascii_case(&resource_type.name))
}

/// The attribute that a client means by a name under the URN of an extension that lacks it. Only attributes beyond the
/// standard are found so; standard ones are known by their place.
pub(crate) fn misplaced<'r>(
    resource_type: &'r ResourceType,
    urn: &str,
    name: &str,
    leniency: &ToleranceTracker,
) -> Option<&'r Attribute> {
    static STANDARD: LazyLock<Registry> = LazyLock::new(Registry::standard);
    let attribute = resource_type.schema.attribute(name).filter(|_| is_extension_of(urn, resource_type))?;
    let elsewhere = resource_type.extension(urn).is_some_and(|extension| extension.attribute(name).is_some());
    let standard = STANDARD.resource_types().iter().find(|standard| standard.id == resource_type.id)?;
    let ours = !elsewhere && standard.schema.attribute(name).is_none();
    (ours && leniency.forgives(Tolerance::OwnAttributesInExtensions)).then_some(attribute)
}

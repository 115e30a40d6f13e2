//! Where a member of a resource's JSON object belongs (RFC 7643 §3.3): names compare without regard to letter case
//! (§2.1), extensions stand under their URN.

use crate::error::Error;
use crate::schema::{Attribute, ResourceType, Schema};
use crate::tolerance::{Leniency, Tolerance};
use crate::urn::{self, Scim1};

/// What a key of a resource's object stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'r> {
    /// An attribute of the core schema, a common one, or one of an extension.
    Attribute(Option<&'r Schema>, &'r Attribute),
    /// An extension: its attributes are the members of an object below this key.
    Extension(&'r Schema),
    /// The core schema by its URN: likewise.
    Core,
}

/// A place, and what has to be forgiven for the key to stand for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<'r> {
    pub place: Place<'r>,
    pub needs: Option<Tolerance>,
}

impl<'r> Located<'r> {
    fn plainly(place: Place<'r>) -> Located<'r> {
        Located { place, needs: None }
    }

    /// The place, if this client may call it so.
    pub(crate) fn forgiven(self, key: &str, leniency: &Leniency) -> Result<Place<'r>, Error> {
        match self.needs {
            Some(needed) if !leniency.forgives(needed) => Err(self.misnamed(key)),
            _ => Ok(self.place),
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

/// Looks a key up; `None` if it names nothing we know. An extension's attribute is found by its bare name where only one
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
    only.then_some(Located { place, needs: Some(Tolerance::UnqualifiedExtensionNames) })
}

fn by_urn<'r>(resource_type: &'r ResourceType, key: &str) -> Option<Located<'r>> {
    let path = |extension, attribute| Located {
        place: Place::Attribute(extension, attribute),
        needs: Some(Tolerance::PathsAsKeys),
    };
    if urn::same(key, &resource_type.schema.id) {
        return Some(Located::plainly(Place::Core));
    }
    if let Some(name) = below(&resource_type.schema.id, key) {
        return Some(path(None, resource_type.attribute(name)?));
    }
    for (extension, _) in &resource_type.extensions {
        if urn::same(key, &extension.id) {
            return Some(Located::plainly(Place::Extension(extension)));
        }
        if let Some(name) = below(&extension.id, key) {
            return Some(path(Some(extension), extension.attribute(name)?));
        }
    }
    let place = match Scim1::of(key)? {
        Scim1::Core => Place::Core,
        Scim1::Enterprise => Place::Extension(resource_type.extension(urn::ENTERPRISE_USER)?),
    };
    Some(Located { place, needs: Some(Tolerance::Scim1Urns) })
}

/// `department` of `urn:…:User:department`.
fn below<'k>(schema: &str, key: &'k str) -> Option<&'k str> {
    let (prefix, rest) = key.split_at_checked(schema.len())?;
    urn::same(prefix, schema).then(|| rest.strip_prefix(':')).flatten()
}

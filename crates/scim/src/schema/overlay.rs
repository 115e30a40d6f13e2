//! Attributes that configuration or an account adds: to the core schemas, to extensions, or as new extensions.
//!
//! An [`Overlay`] declares one attribute. It then takes part in `/Schemas`, validation, filters, PATCH and projection
//! like the standard ones. Its settings have the names of RFC 7643 §7.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Attribute, CanonicalValues, DefaultValue, Mutability, ResourceType, ResourceTypeId, Returned, Schema, Type,
    Uniqueness,
};
use crate::urn;

mod check;

/// One attribute, as it is declared in a configuration file. Only `name` is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    /// The schema that gets the attribute: a core schema, an extension, or a new URN, which makes a new extension of
    /// `resource_type`. Left out: the core schema of `resource_type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// `User` (the default) or `Group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// A letter, then letters, digits, `-` and `_`.
    pub name: String,
    /// The data type; `string` by default.
    pub r#type: Type,
    /// Whether there can be several values.
    pub multi_valued: bool,
    /// The description, for people.
    pub description: String,
    /// Whether a resource must have a value.
    pub required: bool,
    /// Whether letter case matters. By default only for references.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_exact: Option<bool>,
    /// `readWrite` by default.
    pub mutability: Mutability,
    /// `default` by default.
    pub returned: Returned,
    /// `none` by default.
    pub uniqueness: Uniqueness,
    /// What a reference may lead to; `external` by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// The sub-attributes of a complex attribute, with the same settings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Overlay>,
    /// Whether its values become search keys.
    pub indexed: bool,
    /// The allowed values; other values are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_values: Option<Vec<String>>,
    /// The name of a list in [`AccountValues`](super::AccountValues) that holds the allowed values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_values_from: Option<String>,
    /// The name of a default in [`AccountValues`](super::AccountValues), for resources without a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The default, for resources without a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_value: Option<Value>,
    /// Whether a resource without a value is unrestricted. The last value is then removed only by unassigning the whole
    /// attribute, and a restored user keeps its values.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub absence_grants: bool,
}

impl Default for Overlay {
    fn default() -> Overlay {
        Overlay {
            schema: None,
            resource_type: None,
            name: String::new(),
            r#type: Type::String,
            multi_valued: false,
            description: String::new(),
            required: false,
            case_exact: None,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
            indexed: false,
            canonical_values: None,
            canonical_values_from: None,
            default: None,
            default_value: None,
            absence_grants: false,
        }
    }
}

/// A mistake in a declaration, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The setting as declared: `canonical_values`, `sub_attributes[1].name`.
    pub field: String,
    /// The explanation, for people.
    pub detail: String,
}

impl Mistake {
    fn new(field: &str, detail: impl Into<String>) -> Mistake {
        Mistake { field: field.to_owned(), detail: detail.into() }
    }
}

/// Adds each attribute to its schema. Returns all mistakes.
pub(super) fn apply(overlays: &[Overlay], resource_types: &mut [ResourceType]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (index, overlay) in overlays.iter().enumerate() {
        let found = match check(overlay, resource_types) {
            Ok(place) => {
                add(overlay.attribute(), place, resource_types);
                continue;
            }
            Err(found) => found,
        };
        let who =
            format!("attribute {} ({})", index + 1, if overlay.name.is_empty() { "no name" } else { &overlay.name });
        mistakes.extend(found.into_iter().map(|mistake| format!("{who}: {}", mistake.detail)));
    }
    mistakes
}

/// The schema that an attribute is added to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) resource_type: ResourceTypeId,
    /// The URN, in the spelling of the resource type where it already has this schema.
    pub(super) schema: String,
    /// The URN of the extension; `None` for the core schema.
    pub(super) extension: Option<String>,
}

/// The place of a new attribute, if the declaration is correct and the name is free there.
pub(super) fn check(overlay: &Overlay, resource_types: &[ResourceType]) -> Result<Place, Vec<Mistake>> {
    let mut mistakes = check::definition(overlay);
    let place = match place(overlay, resource_types) {
        Ok(place) => place,
        Err(mistake) => {
            mistakes.push(mistake);
            return Err(mistakes);
        }
    };
    let resource_type = resource_types.iter().find(|known| known.id == place.resource_type);
    if let Some(mistake) = resource_type.and_then(|known| taken(&overlay.name, &place, known)) {
        mistakes.push(mistake);
    }
    if mistakes.is_empty() { Ok(place) } else { Err(mistakes) }
}

/// The resource type and schema that a declaration names.
pub(super) fn place(overlay: &Overlay, resource_types: &[ResourceType]) -> Result<Place, Mistake> {
    let owner = overlay.schema.as_ref().and_then(|schema| {
        resource_types.iter().find(|known| urn::same(&known.schema.id, schema) || known.extension(schema).is_some())
    });
    let name = match (&overlay.resource_type, owner) {
        (Some(said), Some(owner)) if *said != owner.name => {
            let detail = format!("its schema belongs to {}, not to {said}: leave resource_type out", owner.name);
            return Err(Mistake::new("resource_type", detail));
        }
        (Some(said), _) => said,
        (None, Some(owner)) => &owner.name,
        (None, None) => "User",
    };
    let Some(resource_type) = resource_types.iter().find(|known| known.name == *name) else {
        let names: Vec<&str> = resource_types.iter().map(|known| known.name.as_str()).collect();
        let detail = format!("there is no resource type {name}; there are {}", names.join(", "));
        return Err(Mistake::new("resource_type", detail));
    };
    let core = &resource_type.schema.id;
    let schema = overlay.schema.as_ref().unwrap_or(core);
    check::urn(schema).map_err(|detail| Mistake::new("schema", detail))?;
    let is_core = urn::same(schema, core);
    let known = if is_core { Some(core) } else { resource_type.extension(schema).map(|extension| &extension.id) };
    let schema = known.unwrap_or(schema).clone();
    let extension = (!is_core).then(|| schema.clone());
    Ok(Place { resource_type: resource_type.id, schema, extension })
}

/// The mistake of a name that exists already.
pub(super) fn taken(name: &str, place: &Place, resource_type: &ResourceType) -> Option<Mistake> {
    let known = match &place.extension {
        None => resource_type.attribute(name),
        Some(urn) => resource_type.extension(urn).and_then(|extension| extension.attribute(name)),
    };
    let known = known?;
    let detail = format!("a {} already has the attribute {}: choose another name", resource_type.name, known.name);
    Some(Mistake::new("name", detail))
}

/// Adds an attribute to its schema. Creates the extension if it is new.
pub(super) fn add(mut attribute: Attribute, place: Place, resource_types: &mut [ResourceType]) {
    let Some(resource_type) = resource_types.iter_mut().find(|known| known.id == place.resource_type) else { return };
    attribute.set_paths(place.extension.as_deref());
    let Some(urn) = place.extension else {
        resource_type.schema.attributes.push(attribute);
        return;
    };
    let known = resource_type.extensions.iter_mut().find(|(extension, _)| extension.id == urn);
    match known {
        Some((extension, _)) => extension.attributes.push(attribute),
        None => {
            let name = urn.rsplit(':').next().unwrap_or_default().to_owned();
            let description = format!("Extension of {}", resource_type.name);
            let extension = Schema { id: urn, name, description, attributes: vec![attribute] };
            resource_type.extensions.push((extension, false));
        }
    }
}

impl Overlay {
    /// Whether letter case matters, as declared or by type.
    pub fn is_case_exact(&self) -> bool {
        self.case_exact.unwrap_or(matches!(self.r#type, Type::Reference | Type::Binary))
    }

    pub(super) fn attribute(&self) -> Attribute {
        let mut attribute = Attribute::new(self.r#type, &self.name, &self.description);
        attribute.multi_valued = self.multi_valued;
        attribute.required = self.required;
        attribute.case_exact = self.is_case_exact();
        attribute.mutability = self.mutability;
        attribute.returned = self.returned;
        attribute.uniqueness = self.uniqueness;
        attribute.indexed = self.indexed;
        attribute.absence_grants = self.absence_grants;
        attribute.declared = true;
        attribute.canonical_values = match (&self.canonical_values, &self.canonical_values_from) {
            (Some(values), _) => CanonicalValues::Only(values.clone()),
            (None, Some(list)) => CanonicalValues::OnlyListed(list.clone()),
            (None, None) => CanonicalValues::Any,
        };
        attribute.reference_types = match (self.r#type, self.reference_types.is_empty()) {
            (Type::Reference, true) => vec!["external".to_owned()],
            _ => self.reference_types.clone(),
        };
        attribute.default = match (&self.default_value, &self.default) {
            (Some(value), _) => Some(DefaultValue::Fixed(value.clone())),
            (None, Some(name)) => Some(DefaultValue::Named(name.clone())),
            (None, None) => None,
        };
        attribute.sub_attributes = self.sub_attributes.iter().map(Overlay::attribute).collect();
        attribute
    }
}

#[cfg(test)]
mod tests;

//! What an operator adds to the schemas: attributes of the core schemas, attributes of extensions, whole extensions.
//!
//! An [`Overlay`] declares one attribute; from there it is in `/Schemas`, validation, filters, PATCH and projection like
//! the standard's own. Its words are those of RFC 7643 §7.

use serde::Deserialize;
use serde_json::Value;

use super::{Attribute, CanonicalValues, DefaultValue, Mutability, ResourceType, Returned, Schema, Type, Uniqueness};
use crate::urn;

mod check;

/// One attribute, as it is declared in a configuration file. Only `name` is needed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    /// The schema that gets the attribute: a core schema, an extension, or a new URN, which makes a new extension of
    /// `resource_type`. Left out: the core schema of `resource_type`.
    pub schema: Option<String>,
    /// `User` (where nothing else is said) or `Group`.
    pub resource_type: Option<String>,
    /// A letter, then letters, digits, `-` and `_`.
    pub name: String,
    /// `string` where nothing else is said.
    pub r#type: Type,
    /// Whether there can be several values.
    pub multi_valued: bool,
    /// For people.
    pub description: String,
    /// Whether a resource must have a value.
    pub required: bool,
    /// Whether letter case matters; where nothing else is said, to references only.
    pub case_exact: Option<bool>,
    /// `readWrite` where nothing else is said.
    pub mutability: Mutability,
    /// `default` where nothing else is said.
    pub returned: Returned,
    /// `none` where nothing else is said.
    pub uniqueness: Uniqueness,
    /// What a reference leads to; `external` where nothing else is said.
    pub reference_types: Vec<String>,
    /// The parts of a complex attribute, declared in the same words.
    pub sub_attributes: Vec<Overlay>,
    /// Whether resources are looked up by it.
    pub indexed: bool,
    /// The only values allowed.
    pub canonical_values: Option<Vec<String>>,
    /// The name of the list of the only values allowed in the request's [`Vocabulary`](super::Vocabulary).
    pub canonical_values_from: Option<String>,
    /// The name of what a resource without a value gets in the request's [`Vocabulary`](super::Vocabulary).
    pub default: Option<String>,
    /// What a resource without a value gets.
    pub default_value: Option<Value>,
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
        }
    }
}

/// Adds each attribute to its schema; returns every mistake.
pub(super) fn apply(overlays: &[Overlay], resource_types: &mut [ResourceType]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (index, overlay) in overlays.iter().enumerate() {
        let mut found = check::definition(overlay);
        match destination(overlay, resource_types) {
            Err(mistake) => found.push(mistake),
            Ok((resource_type, schema)) => match taken(&overlay.name, &schema, resource_type) {
                Some(mistake) => found.push(mistake),
                None if found.is_empty() => add(overlay.attribute(), schema, resource_type),
                None => {}
            },
        }
        let who =
            format!("attribute {} ({})", index + 1, if overlay.name.is_empty() { "no name" } else { &overlay.name });
        mistakes.extend(found.into_iter().map(|mistake| format!("{who}: {mistake}")));
    }
    mistakes
}

/// The resource type and the URN of the schema that gets the attribute.
fn destination<'r>(
    overlay: &Overlay,
    resource_types: &'r mut [ResourceType],
) -> Result<(&'r mut ResourceType, String), String> {
    let owner = overlay.schema.as_ref().and_then(|schema| {
        resource_types.iter().find(|known| urn::same(&known.schema.id, schema) || known.extension(schema).is_some())
    });
    let owner = owner.map(|owner| owner.name.clone());
    let name = match (&overlay.resource_type, owner) {
        (Some(said), Some(owner)) if *said != owner => {
            return Err(format!("its schema belongs to {owner}, not to {said}: leave resource_type out"));
        }
        (Some(said), _) => said.clone(),
        (None, Some(owner)) => owner,
        (None, None) => "User".to_owned(),
    };
    let names: Vec<String> = resource_types.iter().map(|known| known.name.clone()).collect();
    let Some(resource_type) = resource_types.iter_mut().find(|known| known.name == name) else {
        return Err(format!("there is no resource type {name}; there are {}", names.join(", ")));
    };
    let schema = overlay.schema.clone().unwrap_or_else(|| resource_type.schema.id.clone());
    check::urn(&schema)?;
    Ok((resource_type, schema))
}

fn taken(name: &str, schema: &str, resource_type: &ResourceType) -> Option<String> {
    let known = match urn::same(schema, &resource_type.schema.id) {
        true => resource_type.attribute(name),
        false => resource_type.extension(schema).and_then(|extension| extension.attribute(name)),
    };
    known.map(|known| format!("a {} already has the attribute {}: choose another name", resource_type.name, known.name))
}

fn add(attribute: Attribute, schema: String, resource_type: &mut ResourceType) {
    if urn::same(&schema, &resource_type.schema.id) {
        resource_type.schema.attributes.push(attribute);
        return;
    }
    let known = resource_type.extensions.iter_mut().find(|(extension, _)| urn::same(&extension.id, &schema));
    match known {
        Some((extension, _)) => extension.attributes.push(attribute),
        None => {
            let name = schema.rsplit(':').next().unwrap_or_default().to_owned();
            let description = format!("Extension of {}", resource_type.name);
            let extension = Schema { id: schema, name, description, attributes: vec![attribute] };
            resource_type.extensions.push((extension, false));
        }
    }
}

impl Overlay {
    fn attribute(&self) -> Attribute {
        let mut attribute = Attribute::new(self.r#type, &self.name, &self.description);
        attribute.multi_valued = self.multi_valued;
        attribute.required = self.required;
        attribute.case_exact = self.case_exact.unwrap_or(attribute.case_exact);
        attribute.mutability = self.mutability;
        attribute.returned = self.returned;
        attribute.uniqueness = self.uniqueness;
        attribute.indexed = self.indexed;
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

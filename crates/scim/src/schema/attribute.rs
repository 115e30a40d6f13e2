//! Builders for definitions: one row for each attribute, with only what differs from the defaults (RFC 7643 §2.2).

use serde_json::Value;

use super::{
    Attribute, CanonicalValues, DefaultValue, Mutability, Relation, ResourceType, Returned, Schema, Type, Uniqueness,
};

impl Type {
    /// The name as published.
    pub fn as_str(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Boolean => "boolean",
            Type::Decimal => "decimal",
            Type::Integer => "integer",
            Type::DateTime => "dateTime",
            Type::Binary => "binary",
            Type::Reference => "reference",
            Type::Complex => "complex",
        }
    }
}

impl Mutability {
    /// The name as published.
    pub fn as_str(self) -> &'static str {
        match self {
            Mutability::ReadOnly => "readOnly",
            Mutability::ReadWrite => "readWrite",
            Mutability::Immutable => "immutable",
            Mutability::WriteOnly => "writeOnly",
        }
    }
}

impl Returned {
    /// The name as published.
    pub fn as_str(self) -> &'static str {
        match self {
            Returned::Always => "always",
            Returned::Never => "never",
            Returned::Default => "default",
            Returned::Request => "request",
        }
    }
}

impl Uniqueness {
    /// The name as published.
    pub fn as_str(self) -> &'static str {
        match self {
            Uniqueness::None => "none",
            Uniqueness::Server => "server",
            Uniqueness::Global => "global",
        }
    }
}

impl Attribute {
    /// The sub-attribute with this name, in any letter case.
    pub fn sub_attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.sub_attributes, name)
    }

    pub(crate) fn new(r#type: Type, name: &str, description: &str) -> Attribute {
        Attribute {
            name: name.to_owned(),
            path: name.into(),
            r#type,
            multi_valued: false,
            description: description.to_owned(),
            required: false,
            case_exact: matches!(r#type, Type::Reference | Type::Binary),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: CanonicalValues::Any,
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
            indexed: false,
            default: None,
            absence_grants: false,
            declared: false,
            relation: None,
        }
    }

    pub(super) fn string(name: &str, description: &str) -> Attribute {
        Attribute::new(Type::String, name, description)
    }

    pub(super) fn boolean(name: &str, description: &str) -> Attribute {
        Attribute::new(Type::Boolean, name, description)
    }

    pub(super) fn date_time(name: &str, description: &str) -> Attribute {
        Attribute::new(Type::DateTime, name, description)
    }

    pub(super) fn binary(name: &str, description: &str) -> Attribute {
        Attribute::new(Type::Binary, name, description)
    }

    pub(super) fn reference(name: &str, to: &[&str], description: &str) -> Attribute {
        let mut attribute = Attribute::new(Type::Reference, name, description);
        attribute.reference_types = owned(to);
        attribute
    }

    pub(super) fn complex(name: &str, description: &str, sub_attributes: Vec<Attribute>) -> Attribute {
        let mut attribute = Attribute::new(Type::Complex, name, description);
        attribute.sub_attributes = sub_attributes;
        attribute.set_paths(None);
        attribute
    }

    /// Gives the attribute and its sub-attributes their paths; `extension` is the URN of their schema.
    pub(super) fn set_paths(&mut self, extension: Option<&str>) {
        let own = match extension {
            None => self.name.clone(),
            Some(urn) => format!("{urn}:{}", self.name),
        };
        for sub in &mut self.sub_attributes {
            sub.path = format!("{own}.{}", sub.name).into();
        }
        self.path = own.into();
    }

    pub(super) fn multi_valued(mut self) -> Attribute {
        self.multi_valued = true;
        self
    }

    pub(super) fn required(mut self) -> Attribute {
        self.required = true;
        self
    }

    pub(super) fn case_exact(mut self) -> Attribute {
        self.case_exact = true;
        self
    }

    pub(super) fn indexed(mut self) -> Attribute {
        self.indexed = true;
        self
    }

    pub(super) fn unique(mut self) -> Attribute {
        self.uniqueness = Uniqueness::Server;
        self
    }

    pub(super) fn read_only(mut self) -> Attribute {
        self.mutability = Mutability::ReadOnly;
        self
    }

    pub(super) fn immutable(mut self) -> Attribute {
        self.mutability = Mutability::Immutable;
        self
    }

    /// Marks the attribute as accepted and never returned (RFC 7643 §4.1.1 `password`).
    pub(super) fn secret(mut self) -> Attribute {
        self.mutability = Mutability::WriteOnly;
        self.returned = Returned::Never;
        self.case_exact()
    }

    pub(super) fn always_returned(mut self) -> Attribute {
        self.returned = Returned::Always;
        self
    }

    pub(super) fn on_request(mut self) -> Attribute {
        self.returned = Returned::Request;
        self
    }

    pub(super) fn suggested(mut self, values: &[&str]) -> Attribute {
        self.canonical_values = CanonicalValues::Suggested(owned(values));
        self
    }

    pub(super) fn default_to(mut self, value: Value) -> Attribute {
        self.default = Some(DefaultValue::Fixed(value));
        self
    }

    pub(super) fn kept_as_rows(mut self, relation: Relation) -> Attribute {
        self.relation = Some(relation);
        self
    }
}

impl Schema {
    /// The attribute with this name, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }
}

impl ResourceType {
    /// The core or common attribute with this name, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.schema.attribute(name).or_else(|| find(super::common(), name))
    }

    /// All attributes, those of extensions with the URN: first the core schema, then the common ones.
    pub fn attributes_with_urns(&self) -> impl Iterator<Item = (Option<&str>, &Attribute)> {
        let core = self.schema.attributes.iter().chain(super::common()).map(|attribute| (None, attribute));
        core.chain(
            self.extensions.iter().flat_map(|(schema, _)| {
                schema.attributes.iter().map(|attribute| (Some(schema.id.as_str()), attribute))
            }),
        )
    }

    /// The extension with this URN, in any letter case.
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions.iter().map(|(schema, _)| schema).find(|schema| crate::urn::same(&schema.id, urn))
    }
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

/// ATTRNAME of RFC 7643 §2.1, and `$ref`.
pub(crate) fn is_name(name: &str) -> bool {
    let mut bytes = name.strip_prefix('$').unwrap_or(name).bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

//! Checks a declaration; each mistake says what would be right.

use serde_json::Value;

use super::{Mistake, Overlay};
use crate::schema::key_text::{fold, instant};
use crate::schema::{Mutability, Returned, Type, Uniqueness, is_name};

/// All mistakes of an attribute and its sub-attributes.
pub(super) fn definition(overlay: &Overlay) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut must = |right: bool, field: &str, mistake: &str| {
        if !right {
            mistakes.push(Mistake::new(field, mistake));
        }
    };
    let complex = overlay.r#type == Type::Complex;
    must(!overlay.sub_attributes.is_empty() || !complex, "sub_attributes", "a complex attribute needs sub_attributes");
    must(
        overlay.sub_attributes.is_empty() || complex,
        "sub_attributes",
        "only an attribute of the type complex has sub_attributes",
    );
    must(
        !overlay.required || overlay.mutability != Mutability::ReadOnly,
        "required",
        "no client could send a value that is required and readOnly: drop one of the two",
    );
    must(
        !overlay.absence_grants || !overlay.required,
        "absence_grants",
        "what is required is never absent, so its absence grants nothing: drop one of the two",
    );
    let named = [&overlay.default, &overlay.canonical_values_from];
    must(
        named.iter().all(|name| name.as_ref().is_none_or(|name| !name.is_empty())),
        "default",
        "default and canonical_values_from are names in the vocabulary and cannot be empty",
    );
    must(
        overlay.default.is_none() || overlay.default_value.is_none(),
        "default_value",
        "default names a value of the vocabulary, default_value is one: give one of the two",
    );
    must(
        overlay.default.is_none() || overlay.r#type == Type::String && !overlay.multi_valued,
        "default",
        "default names a text of the vocabulary, so the attribute must be a string with a single value",
    );
    if let Some(value) = &overlay.default_value {
        mistakes.extend(default_value(overlay, value).map(|mistake| Mistake::new("default_value", mistake)));
    }
    mistakes.extend(leaf(overlay));
    let mut seen: Vec<String> = Vec::new();
    for (index, sub) in overlay.sub_attributes.iter().enumerate() {
        let mut found = leaf(sub);
        found.extend(sub_attribute(sub));
        let folded = sub.name.to_ascii_lowercase();
        if seen.contains(&folded) {
            found.push(Mistake::new("name", "the name is given twice"));
        }
        seen.push(folded);
        mistakes.extend(found.into_iter().map(|mistake| Mistake {
            field: format!("sub_attributes[{index}].{}", mistake.field),
            detail: format!("sub-attribute {}: {}", sub.name, mistake.detail),
        }));
    }
    mistakes
}

/// The rules for attributes and sub-attributes.
fn leaf(overlay: &Overlay) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut must = |right: bool, field: &str, mistake: &str| {
        if !right {
            mistakes.push(Mistake::new(field, mistake));
        }
    };
    must(
        is_name(&overlay.name) && !overlay.name.starts_with('$'),
        "name",
        "name must be a letter, then letters, digits, - and _ (RFC 7643 §2.1)",
    );
    must(
        overlay.mutability != Mutability::WriteOnly,
        "mutability",
        "a writeOnly value would be accepted and lost: choose readWrite, with returned = \"request\" to keep it out of \
         most answers",
    );
    must(
        overlay.returned != Returned::Never,
        "returned",
        "a value that is never returned would be lost to its client: choose returned = \"request\"",
    );
    must(
        overlay.uniqueness != Uniqueness::Global,
        "uniqueness",
        "uniqueness beyond the service provider cannot be promised: choose \"server\"",
    );
    must(
        overlay.uniqueness == Uniqueness::None || overlay.indexed,
        "indexed",
        "uniqueness is kept by the index: add indexed = true",
    );
    must(
        !overlay.indexed || !matches!(overlay.r#type, Type::Complex | Type::Binary),
        "indexed",
        "a complex or binary attribute cannot be indexed: mark a sub-attribute instead",
    );
    must(
        overlay.reference_types.is_empty() || overlay.r#type == Type::Reference,
        "reference_types",
        "reference_types needs the type reference",
    );
    must(
        overlay.canonical_values.is_none() || overlay.canonical_values_from.is_none(),
        "canonical_values_from",
        "canonical_values is a list, canonical_values_from the name of one in the vocabulary: give one of the two",
    );
    let listed = overlay.canonical_values.is_some() || overlay.canonical_values_from.is_some();
    must(!listed || overlay.r#type == Type::String, "canonical_values", "canonical values are for the type string");
    if let Some(values) = &overlay.canonical_values {
        must(
            !values.is_empty(),
            "canonical_values",
            "canonical_values is empty, so no value would be allowed: leave it out or list some",
        );
        must(values.iter().all(|value| !value.is_empty()), "canonical_values", "a canonical value is empty");
        let exact = overlay.case_exact == Some(true);
        let mut folded: Vec<_> = values.iter().map(|value| if exact { value.into() } else { fold(value) }).collect();
        folded.sort_unstable();
        must(
            folded.windows(2).all(|pair| pair.first() != pair.last()),
            "canonical_values",
            "a canonical value is listed twice",
        );
    }
    mistakes
}

/// The rules for sub-attributes only.
fn sub_attribute(sub: &Overlay) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    if sub.r#type == Type::Complex || !sub.sub_attributes.is_empty() {
        mistakes.push(Mistake::new("type", "a sub-attribute cannot be complex itself (RFC 7643 §2.3.8)"));
    }
    if sub.schema.is_some() || sub.resource_type.is_some() {
        mistakes.push(Mistake::new("schema", "schema and resource_type stand with the attribute, not with its parts"));
    }
    if sub.absence_grants {
        mistakes.push(Mistake::new("absence_grants", "absence_grants stands with the attribute, not with its parts"));
    }
    if sub.default.is_some() || sub.default_value.is_some() {
        mistakes.push(Mistake::new("default", "a default stands with the attribute, not with its parts"));
    }
    mistakes
}

fn default_value(overlay: &Overlay, value: &Value) -> Option<String> {
    let values = match (overlay.multi_valued, value) {
        (true, Value::Array(values)) if !values.is_empty() => values.as_slice(),
        (true, _) => return Some("default_value of a multi-valued attribute is a list with values".to_owned()),
        (false, value) => std::slice::from_ref(value),
    };
    let suits = |value: &Value| match overlay.r#type {
        Type::String | Type::Reference | Type::Binary => value.as_str().is_some_and(|text| !text.is_empty()),
        Type::Boolean => value.is_boolean(),
        Type::Integer => value.as_i64().is_some(),
        Type::Decimal => value.is_number(),
        Type::DateTime => value.as_str().and_then(instant).is_some(),
        Type::Complex => value.is_object(),
    };
    if !values.iter().all(suits) {
        return Some(format!("default_value is not of the type {}", overlay.r#type.as_str()));
    }
    let allowed = overlay.canonical_values.as_ref()?;
    let strange = values.iter().filter_map(Value::as_str).find(|value| !allowed.iter().any(|one| one == value))?;
    Some(format!("default_value {strange} is not among canonical_values: {}", allowed.join(", ")))
}

/// Checks that a text is a URN (RFC 8141 §2) that SCIM does not use for another purpose.
pub(super) fn urn(text: &str) -> Result<(), String> {
    let lower = text.to_ascii_lowercase();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/%+".contains(&byte);
    let shape =
        lower.strip_prefix("urn:").is_some_and(|rest| rest.split(':').filter(|part| !part.is_empty()).count() > 1);
    if !shape || text.ends_with(':') || !text.bytes().all(allowed) {
        return Err(format!("{text} is not a schema URN, such as urn:example:params:scim:2.0:User"));
    }
    let ours = ["urn:ietf:params:scim:api:", "urn:ietf:params:scim:schemas:core:"];
    let known = [crate::urn::USER, crate::urn::GROUP].iter().any(|known| crate::urn::same(known, text));
    if !known && ours.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(format!("{text} is reserved by the standard: choose a URN of your own"));
    }
    Ok(())
}

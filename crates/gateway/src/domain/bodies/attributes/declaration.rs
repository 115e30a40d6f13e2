//! A declaration on the wire: in the words of `config/attributes.toml`, every mistake by its field.

use scim::Registry;
use scim::schema::USER;
use scim::schema::overlay::Overlay;
use serde_json::{Map, Value};

use crate::domain::account::{DEFAULT_ROLE, PRODUCT_ENVIRONMENTS};
use crate::domain::described::FieldError;
use crate::domain::schemas::Schemas;

/// The longest name of an attribute, and the longest canonical value, in characters.
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 200;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1_000;
/// The longest URN of a schema.
const MAX_URN: usize = 200;
/// The most canonical values of an attribute, and the most parts of a complex one.
const MAX_VALUES: usize = 500;
const MAX_PARTS: usize = 30;
/// The longest default, as JSON.
const MAX_DEFAULT: usize = 4_096;

/// What a path calls an attribute: `badge` of the core User, or `urn:…:badge`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    schema: Option<String>,
    name: String,
}

impl Name {
    /// As a path writes it.
    pub fn of(path: &str) -> Name {
        match path.rsplit_once(':') {
            Some((schema, name)) => Name { schema: Some(schema.to_owned()), name: name.to_owned() },
            None => Name { schema: None, name: path.to_owned() },
        }
    }

    /// With its schema in any case.
    pub fn id(&self, registry: &Registry) -> String {
        let core = &registry.get(USER).schema.id;
        format!("{}:{}", self.schema.as_ref().unwrap_or(core), self.name)
    }
}

/// Reads a declaration, or says every mistake in it. The name and the schema are those of the path, whether or not the body repeats them.
pub fn read(mut body: Map<String, Value>, name: &Name, schemas: &Schemas) -> Result<Overlay, Vec<FieldError>> {
    let mut mistakes = Vec::new();
    let mut of_path = |field: &str, said: &str| {
        let repeated = body.shift_remove(field).filter(|value| !value.is_null());
        if repeated.is_some_and(|value| !value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(said))) {
            mistakes.push(mistake(field, format!("is {said} by the path: leave it out here")));
        }
    };
    let core = &schemas.configured().get(USER).schema.id;
    of_path("name", &name.name);
    of_path("schema", name.schema.as_ref().unwrap_or(core));
    // What an answer says beyond the declaration, so that it can be changed and sent back.
    for field in ["id", "state", "duplicates"] {
        body.shift_remove(field);
    }
    let mut overlay = fields(body, "", &mut mistakes);
    overlay.name.clone_from(&name.name);
    overlay.schema = Some(name.schema.as_ref().unwrap_or(core).clone());
    within_limits(&overlay, "", &mut mistakes);
    if mistakes.is_empty() { Ok(overlay) } else { Err(mistakes) }
}

/// Each field by itself, so that one mistake does not hide another; `null` counts as absent.
fn fields(body: Map<String, Value>, of: &str, mistakes: &mut Vec<FieldError>) -> Overlay {
    let mut right = Map::new();
    let mut parts = Vec::new();
    for (field, value) in body.into_iter().filter(|(_, value)| !value.is_null()) {
        match (field.as_str(), value) {
            ("sub_attributes", Value::Array(elements)) => {
                for (index, element) in elements.into_iter().enumerate().take(MAX_PARTS + 1) {
                    let place = format!("{of}sub_attributes[{index}]");
                    match element {
                        Value::Object(part) if of.is_empty() => {
                            parts.push(fields(part, &format!("{place}."), mistakes));
                        }
                        Value::Object(_) => mistakes.push(mistake(&place, "a part has no parts of its own")),
                        _ => mistakes.push(mistake(&place, "must be an object that declares a part")),
                    }
                }
            }
            (_, value) => {
                let alone = Map::from_iter([(field.clone(), value.clone())]);
                match serde_json::from_value::<Overlay>(Value::Object(alone)) {
                    Ok(_) => drop(right.insert(field, value)),
                    Err(error) => mistakes.push(mistake(&format!("{of}{field}"), error.to_string())),
                }
            }
        }
    }
    let mut overlay: Overlay = serde_json::from_value(Value::Object(right)).unwrap_or_default();
    overlay.sub_attributes = parts;
    overlay
}

fn mistake(field: &str, detail: impl Into<String>) -> FieldError {
    FieldError { field: field.to_owned(), detail: detail.into() }
}

/// What holds for accounts, and not for the configuration.
fn within_limits(overlay: &Overlay, of: &str, mistakes: &mut Vec<FieldError>) {
    let mut must = |right: bool, field: &str, detail: String| {
        if !right {
            mistakes.push(mistake(&format!("{of}{field}"), detail));
        }
    };
    let printable = |text: &str| !text.chars().any(char::is_control);
    must(overlay.name.chars().count() <= MAX_NAME, "name", format!("has at most {MAX_NAME} characters"));
    if of.is_empty() {
        let schema = overlay.schema.as_deref().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        must(
            schema.len() <= MAX_URN && schema.bytes().all(plain),
            "schema",
            format!("is a URN of at most {MAX_URN} letters, digits, colons, hyphens, underscores and dots"),
        );
        let parts = overlay.sub_attributes.len() <= MAX_PARTS;
        must(parts, "sub_attributes", format!("there are at most {MAX_PARTS}"));
    }
    must(
        overlay.description.chars().count() <= MAX_DESCRIPTION && printable(&overlay.description),
        "description",
        format!("has at most {MAX_DESCRIPTION} characters, and no control characters"),
    );
    if let Some(values) = &overlay.canonical_values {
        must(values.len() <= MAX_VALUES, "canonical_values", format!("there are at most {MAX_VALUES}"));
        let fits = |value: &String| value.chars().count() <= MAX_VALUE && printable(value);
        let detail = format!("each has at most {MAX_VALUE} characters, and no control characters");
        must(values.iter().all(fits), "canonical_values", detail);
    }
    let known = |word: &Option<String>, only: &str| word.as_ref().is_none_or(|word| word == only);
    must(
        known(&overlay.canonical_values_from, PRODUCT_ENVIRONMENTS),
        "canonical_values_from",
        format!("there is one list of an account, {PRODUCT_ENVIRONMENTS}"),
    );
    must(
        known(&overlay.default, DEFAULT_ROLE),
        "default",
        format!("there is one default of an account, {DEFAULT_ROLE}; default_value gives a value itself"),
    );
    let known = ["User", "Group", "external", "uri"];
    must(
        overlay.reference_types.iter().all(|kind| known.contains(&kind.as_str())),
        "reference_types",
        format!("each is one of {}", known.join(", ")),
    );
    if let Some(value) = &overlay.default_value {
        // Control characters stand escaped in JSON.
        let text = value.to_string();
        must(
            text.len() <= MAX_DEFAULT && !text.contains("\\u00"),
            "default_value",
            format!("has at most {MAX_DEFAULT} characters, and no control characters"),
        );
    }
    for (index, part) in overlay.sub_attributes.iter().enumerate() {
        within_limits(part, &format!("{of}sub_attributes[{index}]."), mistakes);
    }
}

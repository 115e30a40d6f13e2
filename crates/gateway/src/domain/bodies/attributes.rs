//! The declaration of an attribute, described: its fields are those of [`Overlay`], in the words of `config/attributes.toml`.

use scim::schema::overlay::Overlay;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::domain::account::{DEFAULT_ROLE, PRODUCT_ENVIRONMENTS};
use crate::domain::declared_attributes::Duplicate;
use crate::domain::described::{Body, Components, Described, Mistakes, Object, Read, words};

pub mod declaration;

/// A declaration as it is sent. Its fields are read by [`declaration`], each by itself.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Those of an [`Overlay`].
    pub fields: Map<String, Value>,
    /// Does it although resources have values that would no longer be allowed.
    pub force: Option<bool>,
}

/// An attribute as it is answered.
#[derive(Debug, Clone, Serialize)]
pub struct Attribute {
    /// Its schema and name.
    pub id: String,
    /// What was declared.
    #[serde(flatten)]
    pub declaration: Overlay,
    /// How far that went.
    pub state: State,
    /// Why it could not be made unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<Duplicate>,
}

/// How far a declaration went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is done.
    Ready,
    /// Resources written before are put into the index.
    Indexing,
    /// Values are taken out of documents.
    Removing,
    /// The configuration has taken the name since.
    Overruled,
}

words!(State {
    State::Ready = "ready",
    State::Indexing = "indexing",
    State::Removing = "removing",
    State::Overruled = "overruled",
});

/// The fields that a declaration and each of its parts have: name, schema, whether an answer always has it, what it is.
fn fields() -> Vec<(&'static str, Value, bool, &'static str)> {
    let (text, texts, flag) =
        (json!({"type": "string"}), json!({"type": "array", "items": {"type": "string"}}), json!({"type": "boolean"}));
    let words = |words: &[&str]| json!({"type": "string", "enum": words});
    vec![
        ("name", text.clone(), true, "Its name: that of the path."),
        (
            "type",
            words(&["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"]),
            true,
            "What its values are; `string` if nothing is said.",
        ),
        ("multi_valued", flag.clone(), true, "Whether there can be several values."),
        ("description", text.clone(), true, "For people; 1000 characters at most."),
        ("required", flag.clone(), true, "Whether a resource must have a value."),
        ("case_exact", flag.clone(), false, "Whether letter case matters; to references only if nothing is said."),
        (
            "mutability",
            words(&["readOnly", "readWrite", "immutable", "writeOnly"]),
            true,
            "Who may write it (RFC 7643 §7); `readWrite` if nothing is said.",
        ),
        ("returned", words(&["always", "never", "default", "request"]), true, "When it is answered (RFC 7643 §7)."),
        (
            "uniqueness",
            words(&["none", "server", "global"]),
            true,
            "Whether no two resources have one value; `none` if nothing is said.",
        ),
        ("reference_types", texts.clone(), false, "What a `reference` leads to: `User`, `Group`, `external` or `uri`."),
        ("indexed", flag.clone(), true, "Whether resources are looked up by it."),
        ("canonical_values", texts, false, "The only values allowed; 500 at most."),
        (
            "canonical_values_from",
            words(&[PRODUCT_ENVIRONMENTS]),
            false,
            "The list of the account that has the only values allowed.",
        ),
        ("default", words(&[DEFAULT_ROLE]), false, "What of the account a resource without a value gets."),
        ("default_value", json!({}), false, "What a resource without a value gets."),
        ("absence_grants", flag, false, "Whether a resource without a value is not restricted at all."),
    ]
}

fn describe_fields(object: &mut Object, in_answer: bool) {
    for (name, schema, always, about) in fields() {
        object.add(name, &[about], schema, in_answer && always);
    }
}

/// A part of a complex attribute.
fn part(components: &mut Components, in_answer: bool) -> Value {
    let name = if in_answer { "AttributePart" } else { "NewAttributePart" };
    components.named(name, |_| {
        let mut object = Object::default();
        describe_fields(&mut object, in_answer);
        let example = json!({"name": "number", "type": "string", "indexed": true});
        let example = if in_answer { Value::Null } else { example };
        object.into_schema(&["A part of a complex attribute."], &example, !in_answer)
    })
}

fn describe(object: &mut Object, components: &mut Components, in_answer: bool) {
    describe_fields(object, in_answer);
    let text = json!({"type": "string"});
    object.add("schema", &["The schema that has it: that of the path."], text.clone(), in_answer);
    object.add(
        "resource_type",
        &["`User` (if nothing is said) or `Group`, for a schema that is new."],
        text,
        in_answer,
    );
    let parts = json!({"type": "array", "items": part(components, in_answer)});
    object.add("sub_attributes", &["The parts of a complex attribute; 30 at most."], parts, false);
}

impl Described for Declaration {
    fn schema(components: &mut Components) -> Value {
        components.named("Declaration", |components| {
            let mut object = Object::default();
            <Declaration as Body>::describe(&mut object, components);
            object.into_schema(
                &["The declaration of an attribute. Only what differs from the default need be sent."],
                &Self::example(),
                true,
            )
        })
    }

    fn example() -> Value {
        json!({"description": "The number on the door badge.", "type": "string", "uniqueness": "server", "indexed": true})
    }
}

impl Body for Declaration {
    fn take(fields: &mut Map<String, Value>, at: &str, mistakes: &mut Mistakes) -> Declaration {
        let force = fields.shift_remove("force").filter(|value| !value.is_null());
        let force = force.and_then(|value| bool::read(value, &format!("{at}force"), mistakes));
        Declaration { fields: std::mem::take(fields), force }
    }

    fn describe(object: &mut Object, components: &mut Components) {
        describe(object, components, false);
        // What an answer says beyond the declaration may be sent back.
        object.add("id", &["Ignored: an answer may be changed and sent back."], json!({}), false);
        object.add("state", &["Ignored, as `id`."], json!({}), false);
        object.add("duplicates", &["Ignored, as `id`."], json!({}), false);
        let force = "Does it although resources have values that would no longer be allowed.";
        object.add("force", &[force], json!({"type": "boolean"}), false);
    }
}

impl Described for Attribute {
    fn schema(components: &mut Components) -> Value {
        components.named("Attribute", |components| {
            let mut object = Object::default();
            object.add("id", &["Its schema and name."], json!({"type": "string"}), true);
            describe(&mut object, components, true);
            let state = State::schema(components);
            let about = "How far the declaration went: `indexing` while resources written before are put into the index, `removing` while values \
                         are taken out of documents, `overruled` where the configuration has taken the name since.";
            object.add("state", &[about], state, true);
            let duplicate = json!({
                "type": "object",
                "properties": {
                    "value": {"type": "string", "description": "A value, or its beginning."},
                    "resources": {"type": "array", "items": {"type": "string"}, "description": "The ids of resources that have it."},
                },
                "required": ["value", "resources"],
            });
            let about = "Why it could not be made unique: values that several resources had.";
            object.add("duplicates", &[about], json!({"type": "array", "items": duplicate}), false);
            object.into_schema(&["An attribute that an account declares."], &Self::example(), false)
        })
    }

    fn example() -> Value {
        json!({
            "id": "urn:ietf:params:scim:schemas:core:2.0:User:badge", "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
            "resource_type": "User", "name": "badge", "type": "string", "multi_valued": false,
            "description": "The number on the door badge.", "required": false, "case_exact": true, "mutability": "readWrite",
            "returned": "default", "uniqueness": "server", "indexed": true, "state": "ready",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_of_a_declaration_has_the_fields_that_a_declaration_has() {
        let refused = serde_json::from_value::<Overlay>(json!({"no_such_field": 1})).unwrap_err().to_string();
        let listed = refused.split("expected one of ").nth(1).unwrap();
        let mut has: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
        let mut object = Object::default();
        describe(&mut object, &mut Components::default(), false);
        let schema = object.into_schema(&[], &Value::Null, true);
        let mut described: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        has.sort_unstable();
        described.sort_unstable();
        assert_eq!(described, has);
    }

    #[test]
    fn each_word_of_the_description_can_be_declared() {
        for (name, schema, _, _) in fields() {
            for word in schema["enum"].as_array().into_iter().flatten() {
                let alone = Map::from_iter([(name.to_owned(), word.clone())]);
                serde_json::from_value::<Overlay>(Value::Object(alone)).unwrap();
            }
        }
    }
}

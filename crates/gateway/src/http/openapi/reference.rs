//! The document as people read it: the page `/openapi`, and the reference in `docs/admin-api.md`.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::document::DOCUMENT;
use crate::domain::described::alternatives;

/// What the page and the documentation show.
pub(super) static REFERENCE: LazyLock<Reference> = LazyLock::new(|| Reference::of(&DOCUMENT));

/// All of it.
pub(super) struct Reference {
    pub(super) sections: Vec<Section>,
    pub(super) schemas: Vec<Schema>,
}

/// The endpoints under one heading.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) operations: Vec<Operation>,
}

/// An endpoint.
pub(super) struct Operation {
    /// Where it stands on the page.
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) about: String,
    pub(super) parameters: Vec<Field>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
}

/// A body.
pub(super) struct Body {
    pub(super) kind: Kind,
    pub(super) example: Option<String>,
}

/// An answer by its status.
pub(super) struct Answer {
    pub(super) status: String,
    pub(super) about: String,
    pub(super) body: Option<Body>,
}

/// So many words are listed; of more, the description says where they are.
const LISTED: usize = 60;

impl Answer {
    /// It is no refusal.
    pub(super) fn is_success(&self) -> bool {
        self.status.starts_with('2')
    }
}

/// A body by its name.
pub(super) struct Schema {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) fields: Vec<Field>,
    /// It may have other fields.
    pub(super) is_open: bool,
    pub(super) example: Option<String>,
}

/// A field of a body, or a parameter.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    pub(super) about: String,
}

/// What a value is: words, and names of schemas among them.
#[derive(Default)]
pub(super) struct Kind(pub(super) Vec<Part>);

/// A part of such words.
pub(super) enum Part {
    Words(String),
    Name(String),
}

impl Kind {
    fn words(words: impl Into<String>) -> Kind {
        Kind(vec![Part::Words(words.into())])
    }

    fn then(mut self, other: Kind) -> Kind {
        self.0.extend(other.0);
        self
    }

    /// In a sentence.
    fn of(schema: &Value) -> Kind {
        if let Some(name) = schema["$ref"].as_str().and_then(|address| address.rsplit('/').next()) {
            return Kind(vec![Part::Name(name.to_owned())]);
        }
        let all = |list: &Value, between: &str| {
            let kinds = list.as_array().into_iter().flatten().map(Kind::of);
            kinds.reduce(|all, next| all.then(Kind::words(between)).then(next)).unwrap_or_default()
        };
        if !schema["anyOf"].is_null() {
            return all(&schema["anyOf"], " or ");
        }
        if !schema["allOf"].is_null() {
            return all(&schema["allOf"], " with ");
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => return Kind::words("anything"),
        };
        let kinds = types.into_iter().map(|one| Kind::of_type(schema, one));
        kinds.reduce(|all, next| all.then(Kind::words(" or ")).then(next)).unwrap_or_default()
    }

    fn of_type(schema: &Value, one: &str) -> Kind {
        let number = |name: &str| schema[name].as_u64();
        match one {
            "string" => match schema["enum"].as_array().filter(|words| words.len() <= LISTED) {
                Some(words) => {
                    let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|w| format!("`{w}`")).collect();
                    Kind::words(alternatives(&words.iter().map(String::as_str).collect::<Vec<_>>()))
                }
                None if schema["format"] == "date-time" => Kind::words("time"),
                None => Kind::words("text"),
            },
            "integer" => Kind::words(match (number("minimum"), number("maximum")) {
                (Some(least), Some(most)) => format!("number from {least} to {most}"),
                _ => "number".to_owned(),
            }),
            "array" => Kind::words("list of ").then(Kind::of(&schema["items"])),
            "object" => match (&schema["properties"]["items"], &schema["additionalProperties"]) {
                (items @ Value::Object(_), _) if !schema["properties"]["next"].is_null() => {
                    Kind::words("page: ").then(Kind::of(items))
                }
                (_, of @ Value::Object(_)) => Kind::words("object of ").then(Kind::of(of)),
                _ => Kind::words("object"),
            },
            other => Kind::words(other),
        }
    }
}

impl Reference {
    fn of(document: &Value) -> Reference {
        let mut sections: Vec<Section> = Vec::new();
        for (path, methods) in object(&document["paths"]) {
            for (method, operation) in object(methods) {
                let tag = text(&operation["tags"][0]);
                let shown = Operation::of(document, path, method, operation);
                match sections.iter_mut().find(|section| section.name == tag) {
                    Some(section) => section.operations.push(shown),
                    None => sections.push(Section { name: tag, operations: vec![shown] }),
                }
            }
        }
        let schemas = object(&document["components"]["schemas"]).map(|(name, schema)| Schema::of(name, schema));
        Reference { sections, schemas: schemas.collect() }
    }
}

impl Operation {
    fn of(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
        let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| Field {
            name: match parameter["in"].as_str() {
                Some("query") => format!("?{}", text(&parameter["name"])),
                _ => text(&parameter["name"]),
            },
            kind: Kind::of(&parameter["schema"]),
            is_required: parameter["required"] == true,
            about: text(&parameter["description"]),
        });
        let answers = object(&operation["responses"]).map(|(status, response)| {
            let response = match response["$ref"].as_str() {
                Some(address) => document.pointer(address.trim_start_matches('#')).unwrap_or(&Value::Null),
                None => response,
            };
            Answer {
                status: status.clone(),
                about: text(&response["description"]),
                body: Body::of(&response["content"]),
            }
        });
        Operation {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            about: text(&operation["description"]),
            parameters: parameters.collect(),
            body: Body::of(&operation["requestBody"]["content"]),
            answers: answers.collect(),
        }
    }
}

impl Body {
    fn of(content: &Value) -> Option<Body> {
        let media = content.get("application/json")?;
        Some(Body { kind: Kind::of(&media["schema"]), example: media.get("example").map(pretty) })
    }
}

impl Schema {
    fn of(name: &str, schema: &Value) -> Schema {
        let required =
            |field: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|n| n == field));
        let fields = object(&schema["properties"]).map(|(name, field)| Field {
            name: name.clone(),
            kind: Kind::of(field),
            is_required: required(name),
            about: text(&field["description"]),
        });
        Schema {
            name: name.to_owned(),
            about: text(&schema["description"]),
            fields: fields.collect(),
            is_open: schema["additionalProperties"] == true,
            example: schema["examples"].get(0).map(pretty),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// A line for each member.
fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

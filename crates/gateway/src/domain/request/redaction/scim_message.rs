//! Messages of SCIM, read by the schemas of their account: what is declared and is no secret is kept.

use scim::Registry;
use scim::schema::{Attribute, Mutability, Returned};
use serde_json::{Map, Value};

use super::{Replaced, is_secret_name, is_suspicious};

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A user, a group, or an answer that shows some.
    Resource,
    /// A PATCH.
    Patch,
    /// A query that is sent as a body.
    Search,
    /// A bulk request.
    Bulk,
    /// Any answer.
    Answer,
}

/// What a name in a body stands for.
enum Named<'r> {
    /// The attributes of a schema.
    Schema(Vec<&'r Attribute>),
    /// An attribute; of several resource types one each.
    Attributes(Vec<&'r Attribute>),
    /// A secret.
    Secret,
    /// Nothing that is declared.
    Nothing,
}

/// Replaces what is secret in messages of one account.
#[derive(Debug)]
pub struct ScimRedactor<'r> {
    registry: &'r Registry,
    /// What was replaced.
    pub replaced: Replaced,
    /// Names whose values were replaced because nothing is declared for them. Where the engine knew better, that matters.
    pub unknown: Vec<String>,
    /// Whether such a value stood in that of a declared attribute, where a refusal may repeat it.
    pub within_declared: bool,
    /// Whether the request mentions a secret, so that no refusal may repeat a part of it.
    pub mentions_secrets: bool,
}

impl<'r> ScimRedactor<'r> {
    /// By these schemas.
    pub fn new(registry: &'r Registry) -> ScimRedactor<'r> {
        ScimRedactor {
            registry,
            replaced: Replaced::default(),
            unknown: Vec::new(),
            within_declared: false,
            mentions_secrets: false,
        }
    }

    /// A body.
    pub fn body(&mut self, form: Form, body: &Value) -> Value {
        let Value::Object(members) = body else { return self.hidden(body) };
        match form {
            Form::Resource => Value::Object(self.resource(members)),
            Form::Patch | Form::Bulk => self.message(members, form),
            Form::Search => self.search(members),
            Form::Answer => self.answer(members),
        }
    }

    /// The pairs of a query.
    pub fn pairs(&mut self, pairs: &[(String, String)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (self.replaced.name(name), self.parameter(name, value))).collect()
    }

    fn parameter(&mut self, name: &str, value: &str) -> String {
        let number = |text: &str| text.len() < 20 && text.trim().parse::<i64>().is_ok();
        match name.to_ascii_lowercase().as_str() {
            "filter" => self.filter(value),
            "sortby" | "attributes" | "excludedattributes" => {
                let names = value.split(',').map(|name| self.replaced.name(name));
                names.collect::<Vec<String>>().join(",")
            }
            "sortorder" if ["ascending", "descending", ""].contains(&value.to_ascii_lowercase().as_str()) => {
                value.to_owned()
            }
            "startindex" | "count" if number(value) => value.to_owned(),
            "sortorder" | "startindex" | "count" | "cursor" => self.replaced.decisive(),
            _ if value.is_empty() => String::new(),
            _ => self.replaced.harmless(),
        }
    }

    /// A filter is kept whole where all that it names is declared and no secret.
    fn filter(&mut self, filter: &str) -> String {
        const WORDS: [&str; 16] =
            ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr", "and", "or", "not", "true", "false", "null"];
        let bare = super::without_literals(filter).replace(super::REPLACED, "");
        let is_balanced = bare.matches('"').count().is_multiple_of(2);
        let names = bare.split(|c: char| c.is_whitespace() || "()[]\"".contains(c)).filter(|name| !name.is_empty());
        let (mut named, mut all) = (filter.trim().is_empty(), true);
        for name in names {
            let lower = name.trim_start_matches('.').to_ascii_lowercase();
            if WORDS.contains(&lower.as_str()) || lower.parse::<f64>().is_ok() {
                continue;
            }
            named = true;
            all &= matches!(self.named(&lower), Named::Attributes(_)) || self.is_part(&lower);
        }
        if is_balanced && named && all && !is_suspicious(filter) { filter.to_owned() } else { self.replaced.decisive() }
    }

    /// Whether it is the name of a sub-attribute that is no secret.
    fn is_part(&self, name: &str) -> bool {
        let parts: Vec<&Attribute> = self.attributes().filter_map(|attribute| attribute.sub_attribute(name)).collect();
        !parts.is_empty() && !parts.iter().any(|part| is_secret(part))
    }

    fn attributes(&self) -> impl Iterator<Item = &'r Attribute> {
        let types = self.registry.resource_types().iter();
        types.flat_map(|described| described.attributes_with_urns().map(|(_, attribute)| attribute))
    }

    /// What a name or path stands for: `userName`, `name.givenName`, `emails[type eq "work"].value`, `urn:…:User:department`.
    fn named(&self, path: &str) -> Named<'r> {
        let bare = super::without_literals(path.trim());
        if is_secret_name(&bare.replace(super::REPLACED, "")) {
            return Named::Secret;
        }
        let (schema, rest) = self.schema_of(&bare);
        if let (Some(attributes), "") = (&schema, rest) {
            return Named::Schema(attributes.clone());
        }
        let base = rest.split(['.', '[', ' ']).next().unwrap_or_default();
        let part = match rest.find('[') {
            Some(_) => rest.rsplit_once(']').and_then(|(_, after)| after.strip_prefix('.')),
            None => rest.split_once('.').map(|(_, part)| part),
        };
        let within: Vec<&Attribute> = schema.unwrap_or_else(|| self.attributes().collect());
        let bases: Vec<&Attribute> =
            within.into_iter().filter(|attribute| attribute.name.eq_ignore_ascii_case(base)).collect();
        let found: Vec<&Attribute> = match part {
            None => bases,
            Some(part) if bases.iter().any(|base| is_secret(base)) => {
                let _ = part;
                return Named::Secret;
            }
            Some(part) => bases.iter().filter_map(|base| base.sub_attribute(part.trim())).collect(),
        };
        match found.as_slice() {
            [] => Named::Nothing,
            some if some.iter().any(|attribute| is_secret(attribute)) => Named::Secret,
            _ => Named::Attributes(found),
        }
    }

    /// The attributes of the schema that a path begins with, and the rest of the path.
    fn schema_of<'p>(&self, path: &'p str) -> (Option<Vec<&'r Attribute>>, &'p str) {
        let schemas = self.registry.resource_types().iter().flat_map(|described| {
            let extensions = described.extensions.iter().map(|(schema, _)| schema);
            std::iter::once(&described.schema).chain(extensions)
        });
        let mut best: (Option<Vec<&'r Attribute>>, &'p str) = (None, path);
        for schema in schemas {
            let Some(begin) = path.get(..schema.id.len()).filter(|begin| begin.eq_ignore_ascii_case(&schema.id)) else {
                continue;
            };
            let rest = &path[begin.len()..];
            if rest.is_empty() {
                return (Some(schema.attributes.iter().collect()), "");
            }
            if let Some(rest) = rest.strip_prefix(':').filter(|rest| rest.len() < best.1.len()) {
                best = (Some(schema.attributes.iter().collect()), rest);
            }
        }
        best
    }

    /// A resource, or the part of one that a PATCH without a path has.
    fn resource(&mut self, members: &Map<String, Value>) -> Map<String, Value> {
        let members = members.iter().map(|(name, value)| {
            if name.eq_ignore_ascii_case("schemas") {
                return (name.clone(), self.urns(value));
            }
            let value = match self.named(name) {
                Named::Schema(attributes) => self.extension(&attributes, value),
                Named::Attributes(attributes) => self.declared(&attributes, value),
                Named::Secret => self.hidden(value),
                Named::Nothing => self.unknown(name, value),
            };
            (self.replaced.name(name), value)
        });
        members.collect()
    }

    /// The attributes of one schema, below its URN.
    fn extension(&mut self, attributes: &[&'r Attribute], value: &Value) -> Value {
        let Value::Object(members) = value else { return self.hidden(value) };
        let members = members.iter().map(|(name, value)| {
            let (base, part) = name.split_once('.').map_or((name.as_str(), None), |(base, part)| (base, Some(part)));
            let bases = attributes.iter().copied().filter(|attribute| attribute.name.eq_ignore_ascii_case(base));
            let found: Vec<&Attribute> = match part {
                None => bases.collect(),
                Some(part) => bases.filter_map(|base| base.sub_attribute(part)).collect(),
            };
            let value = match is_secret_name(name) {
                true => self.hidden(value),
                false if found.is_empty() => self.unknown(name, value),
                false => self.declared(&found, value),
            };
            (self.replaced.name(name), value)
        });
        Value::Object(members.collect())
    }

    /// The value of an attribute.
    fn declared(&mut self, attributes: &[&'r Attribute], value: &Value) -> Value {
        if attributes.iter().any(|attribute| is_secret(attribute)) {
            return self.hidden(value);
        }
        match value {
            Value::String(text) => Value::String(self.kept(text, attributes)),
            Value::Array(elements) => elements.iter().map(|element| self.declared(attributes, element)).collect(),
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| {
                    let parts: Vec<&Attribute> =
                        attributes.iter().filter_map(|attribute| attribute.sub_attribute(name)).collect();
                    // Clients also send a simple value as an object.
                    let value = match is_secret_name(name) {
                        true => self.hidden(value),
                        false if !parts.is_empty() || is_usual(name) && !value.is_object() => {
                            self.declared(&parts, value)
                        }
                        false => {
                            self.within_declared = true;
                            self.unknown(name, value)
                        }
                    };
                    (self.replaced.name(name), value)
                });
                Value::Object(members.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// A text that is kept. Some clients send JSON in a text, which is read as what it is.
    fn kept(&mut self, text: &str, attributes: &[&'r Attribute]) -> String {
        let start = text.trim_start();
        if start.starts_with(['{', '[']) && start.contains('"') {
            return match scim::json::parse(start.as_bytes()) {
                Ok(inner) => self.declared(attributes, &inner).to_string(),
                Err(_) => self.replaced.decisive(),
            };
        }
        self.replaced.text(text)
    }

    /// The value of a name that nothing is declared for.
    fn unknown(&mut self, name: &str, value: &Value) -> Value {
        let hidden = self.hidden(value);
        if hidden != *value {
            self.unknown.push(name.to_owned());
        }
        hidden
    }

    /// A value that is replaced: its form stays, for what is refused by its form still is.
    fn hidden(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.trim().is_empty() => value.clone(),
            Value::String(_) => Value::String(self.replaced.harmless()),
            Value::Number(_) => {
                self.replaced.anything = true;
                Value::from(0)
            }
            Value::Array(elements) => elements.iter().map(|element| self.hidden(element)).collect(),
            Value::Object(members) => {
                // A name below a secret may be the secret.
                let named = |name: &String| if is_usual(name) { name.clone() } else { super::UNNAMED.to_owned() };
                let members = members.iter().map(|(name, value)| (named(name), self.hidden(value)));
                Value::Object(members.collect())
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    fn urns(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.starts_with("urn:") && text.len() < 200 => {
                Value::String(self.replaced.text(text))
            }
            Value::String(_) => Value::String(self.replaced.decisive()),
            Value::Array(elements) => elements.iter().map(|element| self.urns(element)).collect(),
            other => self.hidden(other),
        }
    }

    /// A PATCH or a bulk request.
    fn message(&mut self, members: &Map<String, Value>, form: Form) -> Value {
        let mut kept = Map::new();
        for (name, value) in members {
            let value = match name.to_ascii_lowercase().as_str() {
                "schemas" => self.urns(value),
                "operations" => self.each(value, |this, operation| match form {
                    Form::Bulk => this.bulk_operation(operation),
                    _ => this.operation(operation),
                }),
                "failonerrors" if value.is_number() => value.clone(),
                // Some clients send what a PATCH is to set without an operation around it.
                _ if form == Form::Patch => {
                    let one = self.resource(&Map::from_iter([(name.clone(), value.clone())]));
                    one.into_values().next().unwrap_or_default()
                }
                _ => self.hidden(value),
            };
            kept.insert(self.replaced.name(name), value);
        }
        Value::Object(kept)
    }

    fn each(&mut self, value: &Value, mut work: impl FnMut(&mut Self, &Map<String, Value>) -> Value) -> Value {
        let one =
            |this: &mut Self, value: &Value, work: &mut dyn FnMut(&mut Self, &Map<String, Value>) -> Value| match value
            {
                Value::Object(members) => work(this, members),
                other => this.hidden(other),
            };
        match value {
            Value::Array(elements) => elements.iter().map(|element| one(self, element, &mut work)).collect(),
            other => one(self, other, &mut work),
        }
    }

    /// An operation of a PATCH: its path says what its value is.
    fn operation(&mut self, members: &Map<String, Value>) -> Value {
        let path = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("path")).map(|(_, path)| path);
        let mut kept = Map::new();
        for (name, value) in members {
            let value = match (name.to_ascii_lowercase().as_str(), value) {
                ("op", value) => self.word(value, &["add", "remove", "replace"]),
                ("path", Value::String(path)) => Value::String(self.path(path)),
                ("path", other) => self.hidden(other),
                ("value", value) => self.value_at(path, value),
                (_, other) => self.hidden(other),
            };
            kept.insert(self.replaced.name(name), value);
        }
        Value::Object(kept)
    }

    /// A path. The filters in it stay where they are about nothing secret.
    fn path(&mut self, path: &str) -> String {
        match self.named(path) {
            Named::Attributes(_) | Named::Schema(_) => {
                match path.split_once('[').and_then(|(_, rest)| rest.rsplit_once(']')) {
                    Some((filter, _)) => {
                        if self.filter(filter) == filter {
                            return self.replaced.text(path);
                        }
                        self.replaced.name(path)
                    }
                    None => self.replaced.text(path),
                }
            }
            Named::Secret | Named::Nothing => {
                let kept = self.replaced.name(path);
                self.replaced.matters |= kept != path;
                kept
            }
        }
    }

    fn value_at(&mut self, path: Option<&Value>, value: &Value) -> Value {
        let Some(path) = path.filter(|path| !path.is_null()) else {
            return match value {
                Value::Object(members) => Value::Object(self.resource(members)),
                Value::Array(_) => self.each(value, |this, members| Value::Object(this.resource(members))),
                Value::String(text) => match scim::json::parse(text.as_bytes()) {
                    Ok(inner @ (Value::Object(_) | Value::Array(_))) => {
                        Value::String(self.value_at(None, &inner).to_string())
                    }
                    _ => self.hidden(value),
                },
                other => self.hidden(other),
            };
        };
        match path.as_str().map(|path| self.named(path)) {
            Some(Named::Attributes(attributes)) => self.declared(&attributes, value),
            Some(Named::Schema(attributes)) => self.extension(&attributes, value),
            Some(Named::Nothing) => self.unknown(path.as_str().unwrap_or_default(), value),
            Some(Named::Secret) | None => self.hidden(value),
        }
    }

    /// One of these words, in any letter case.
    fn word(&mut self, value: &Value, words: &[&str]) -> Value {
        match value {
            Value::String(text) if words.iter().any(|word| word.eq_ignore_ascii_case(text.trim())) => value.clone(),
            Value::String(_) => Value::String(self.replaced.decisive()),
            other => self.hidden(other),
        }
    }

    /// An operation of a bulk request, or what came of one.
    fn bulk_operation(&mut self, members: &Map<String, Value>) -> Value {
        let is_patch = members.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("method")
                && value.as_str().is_some_and(|method| method.eq_ignore_ascii_case("patch"))
        });
        let mut kept = Map::new();
        for (name, value) in members {
            let value = match (name.to_ascii_lowercase().as_str(), value) {
                ("method", value) => self.word(value, &["POST", "PUT", "PATCH", "DELETE"]),
                ("path" | "bulkid" | "version" | "location" | "status", Value::String(text)) => {
                    Value::String(self.replaced.text(text))
                }
                ("status", Value::Number(_)) => value.clone(),
                ("data", data) => self.body(if is_patch { Form::Patch } else { Form::Resource }, data),
                ("response", response) => self.body(Form::Answer, response),
                (_, other) => self.hidden(other),
            };
            kept.insert(self.replaced.name(name), value);
        }
        Value::Object(kept)
    }

    /// A query in a body.
    fn search(&mut self, members: &Map<String, Value>) -> Value {
        let mut kept = Map::new();
        for (name, value) in members {
            let lower = name.to_ascii_lowercase();
            let value = match (lower.as_str(), value) {
                ("schemas", value) => self.urns(value),
                ("startindex" | "count", Value::Number(_)) => value.clone(),
                (_, Value::String(text)) => Value::String(self.parameter(&lower, text)),
                ("attributes" | "excludedattributes", Value::Array(names)) => {
                    let names = names.iter().map(|name| match name {
                        Value::String(name) => Value::String(self.replaced.name(name)),
                        other => self.hidden(other),
                    });
                    names.collect()
                }
                (_, other) => self.hidden(other),
            };
            kept.insert(self.replaced.name(name), value);
        }
        Value::Object(kept)
    }

    /// An answer of ours: a resource, a list, an error, what came of a bulk request.
    fn answer(&mut self, members: &Map<String, Value>) -> Value {
        let is = |urn: &str| members.get("schemas").is_some_and(|schemas| schemas.to_string().contains(urn));
        if !is("urn:ietf:params:scim:api:messages:2.0:") {
            return Value::Object(self.resource(members));
        }
        let kind = members.get("scimType").and_then(Value::as_str);
        let repeats = kind.is_some_and(|kind| matches!(kind, "invalidFilter" | "invalidPath"));
        let mut kept = Map::new();
        for (name, value) in members {
            let value = match (name.as_str(), value) {
                ("schemas", value) => self.urns(value),
                ("Resources", value) => self.each(value, |this, members| Value::Object(this.resource(members))),
                ("Operations", value) => self.each(value, |this, members| this.bulk_operation(members)),
                ("detail", Value::String(text)) if self.mentions_secrets && repeats => {
                    Value::String(super::without_quotations(text))
                }
                ("detail" | "status" | "scimType", Value::String(text)) => Value::String(self.replaced.remark(text)),
                (_, Value::Number(_)) => value.clone(),
                (_, other) => self.hidden(other),
            };
            kept.insert(name.clone(), value);
        }
        Value::Object(kept)
    }
}

/// Whether it is the name of what most multi-valued attributes have.
fn is_usual(name: &str) -> bool {
    ["value", "display", "type", "primary", "$ref"].iter().any(|usual| usual.eq_ignore_ascii_case(name))
}

/// Whether the values of an attribute are secrets: by what is declared of it, or by its name.
fn is_secret(attribute: &Attribute) -> bool {
    attribute.returned == Returned::Never
        || attribute.mutability == Mutability::WriteOnly
        || is_secret_name(&attribute.name)
}

//! The commands that there are: one for each operation of the [description](crate::http::openapi::description) of the admin API, in its words.

use std::sync::LazyLock;

use serde_json::Value;

use crate::http::openapi;

/// All of them, in the order of the description.
pub(super) static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| of(openapi::description()));

/// Fields that are secrets: what stands in the arguments of a process can be read by others on its machine.
const SECRETS: [&str; 2] = ["password", "client_secret"];

/// A request that can be sent.
#[derive(Debug)]
pub(super) struct Operation {
    /// The words of the command: `client`, `secret`, `add`.
    pub(super) words: Vec<Word>,
    /// `GET`
    pub(super) method: &'static str,
    /// `/admin/clients/{client}/secrets`
    pub(super) path: &'static str,
    /// What it does, in a sentence without its full stop.
    pub(super) summary: &'static str,
    /// The same, and who may.
    pub(super) about: &'static str,
    /// What the path names.
    pub(super) places: Vec<Place>,
    /// Parameters of the query, and fields of the body.
    pub(super) options: Vec<Parameter>,
    /// There is a body.
    pub(super) has_body: bool,
    /// What is answered, where that is JSON.
    pub(super) answer: Option<&'static Value>,
}

/// A word of a command, and its plural where it has one.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) name: String,
    pub(super) plural: Option<String>,
}

/// A name in the braces of a path.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: &'static str,
    /// As it is shown where it is to be typed.
    pub(super) typed: String,
    pub(super) about: &'static str,
}

/// What can be said beside.
#[derive(Debug)]
pub(super) struct Parameter {
    /// As it is sent: `product_environments`.
    pub(super) name: &'static str,
    /// As it is typed: `product-environments`.
    pub(super) flag: String,
    pub(super) about: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    pub(super) is_in_body: bool,
}

/// What a parameter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of these words, or any text where there are none.
    Text(Vec<&'static str>),
    Number,
    Flag,
    /// Several texts.
    Texts,
    /// Anything else, in JSON.
    Json,
}

impl Operation {
    /// The whole command.
    pub(super) fn command(&self) -> String {
        self.words.iter().map(|word| word.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Whether it takes something away.
    pub(super) fn ends_something(&self) -> bool {
        self.method == "DELETE"
    }

    /// Whether it answers a page of several, which may go on.
    pub(super) fn is_list(&self) -> bool {
        self.options.iter().any(|option| option.name == "after" && !option.is_in_body)
    }
}

/// Whether a field of this name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// What a reference leads to.
pub(super) fn resolved(schema: &'static Value) -> &'static Value {
    let name = schema["$ref"].as_str().and_then(|address| address.rsplit('/').next());
    name.map_or(schema, |name| &openapi::description()["components"]["schemas"][name])
}

fn of(description: &'static Value) -> Vec<Operation> {
    let paths = description["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, operations)| {
        operations.as_object().into_iter().flatten().map(move |(method, operation)| of_one(path, method, operation))
    });
    all.collect()
}

fn of_one(path: &'static str, method: &'static str, operation: &'static Value) -> Operation {
    let text = |name: &str| operation[name].as_str().unwrap_or_default();
    let (mut places, mut options) = (Vec::new(), Vec::new());
    for one in operation["parameters"].as_array().into_iter().flatten() {
        let (name, about) = (one["name"].as_str().unwrap_or_default(), one["description"].as_str().unwrap_or_default());
        match one["in"].as_str() {
            Some("path") => places.push(Place { name, typed: name.to_uppercase(), about }),
            _ => options.push(parameter(name, about, &one["schema"], false, false)),
        }
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let described = resolved(body);
    let required: Vec<&str> =
        described["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, schema) in described["properties"].as_object().into_iter().flatten() {
        // What may be said in both places is said in the body; what the path says already is not said again.
        options.retain(|option: &Parameter| option.name != name.as_str());
        if !is_secret(name) && !places.iter().any(|place| place.name == name.as_str()) {
            let about = schema["description"].as_str().unwrap_or_default();
            options.push(parameter(name, about, schema, required.contains(&name.as_str()), true));
        }
    }
    let succeeded = ["200", "201"].into_iter().map(|status| &operation["responses"][status]);
    let mut answers = succeeded.map(|answer| &answer["content"]["application/json"]["schema"]);
    let method = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|known| known.eq_ignore_ascii_case(method));
    Operation {
        words: words(text("operationId")),
        method: method.unwrap_or_default(),
        path,
        summary: text("summary"),
        about: text("description"),
        places,
        options,
        has_body: !body.is_null(),
        answer: answers.find(|schema| !schema.is_null()),
    }
}

fn parameter(
    name: &'static str,
    about: &'static str,
    schema: &'static Value,
    is_required: bool,
    is_in_body: bool,
) -> Parameter {
    Parameter { name, flag: dashed(name), about, kind: kind(schema), is_required, is_in_body }
}

/// The kind of a value; that it may be `null` makes no difference.
fn kind(schema: &'static Value) -> Kind {
    let schema = resolved(schema);
    if let Some(several) = schema["anyOf"].as_array() {
        let mut kinds = several.iter().filter(|one| one["type"] != "null").map(kind);
        return match (kinds.next(), kinds.next()) {
            (Some(only), None) => only,
            _ => Kind::Json,
        };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        _ => Vec::new(),
    };
    match types[..] {
        ["string"] => Kind::Text(schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()),
        ["integer"] => Kind::Number,
        ["boolean"] => Kind::Flag,
        ["array"] if matches!(kind(&schema["items"]), Kind::Text(_)) => Kind::Texts,
        _ => Kind::Json,
    }
}

/// `product_environments` and `userName` as options are typed.
fn dashed(name: &str) -> String {
    let mut typed = String::new();
    for letter in name.chars() {
        match letter {
            '_' => typed.push('-'),
            'A'..='Z' => typed.extend(['-', letter.to_ascii_lowercase()]),
            _ => typed.push(letter),
        }
    }
    typed
}

/// The words of a command, from the name of its operation: `clients.secrets.add` is `client secret add`.
fn words(id: &str) -> Vec<Word> {
    let parts: Vec<&str> = id.split('.').collect();
    let Some((verb, nouns)) = parts.split_last() else { return Vec::new() };
    let noun = |noun: &&str| match noun.strip_suffix('s').filter(|one| !one.ends_with('s')) {
        Some(one) => Word { name: dashed(one), plural: Some(dashed(noun)) },
        None => Word { name: dashed(noun), plural: None },
    };
    let verb = ["_of_account", "_in_account"].iter().find_map(|end| verb.strip_suffix(end)).unwrap_or(verb);
    let verb = match verb.strip_prefix("of_").unwrap_or(verb) {
        "get" => "show".to_owned(),
        "put" => "set".to_owned(),
        "all" => "list".to_owned(),
        verb => dashed(verb),
    };
    nouns.iter().map(noun).chain([Word { name: verb, plural: None }]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_a_command_in_the_words_of_its_handler() {
        let mut all: Vec<String> = OPERATIONS.iter().map(|operation| operation.command()).collect();
        for wanted in [
            "account list",
            "account show",
            "account suspend",
            "client create",
            "client create-shared",
            "client secret add",
            "client token end",
            "client recording start",
            "setup-link create",
            "operator link",
            "request account",
            "request show",
            "request recording replay",
            "health list",
            "health client",
            "audit export",
            "sign-in change",
            "attribute set",
            "user make-password-link",
        ] {
            assert!(all.iter().any(|one| one == wanted), "{wanted}: {all:?}");
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "no two have one name");
        assert!(OPERATIONS.iter().all(|operation| !operation.method.is_empty() && !operation.summary.is_empty()));
    }

    #[test]
    fn what_can_be_said_follows_from_the_description() {
        let find = |words: &str| OPERATIONS.iter().find(|one| one.command() == words).expect("a command");
        let option = |words: &str, name: &str| {
            find(words).options.iter().find(|option| option.name == name).map(|option| option.kind.clone())
        };
        assert_eq!(option("account create", "product_environments"), Some(Kind::Texts));
        assert_eq!(option("account change", "default_role"), Some(Kind::Text(Vec::new())));
        assert_eq!(option("account change", "environment_labels"), Some(Kind::Json));
        assert_eq!(option("account list", "limit"), Some(Kind::Number));
        assert_eq!(option("client change", "disabled"), Some(Kind::Flag));
        let Some(Kind::Text(roles)) = option("operator create", "role") else { panic!("roles are words") };
        assert!(roles.contains(&"csm"), "{roles:?}");
        assert_eq!(option("user create", "password"), None, "a secret is no argument");
        assert!(find("account list").is_list() && !find("account show").is_list());
        assert!(find("account show").answer.is_some() && find("account delete").answer.is_none());
        assert_eq!(dashed("userName"), "user-name");
    }
}

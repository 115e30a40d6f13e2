//! What a server answered, as people read it: a table of a list, the fields of one thing.

use chrono::DateTime;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::{Map, Value};

use super::described::resolved;
use crate::domain::wording::strip_invisible;

/// The columns of a list, where its first fields are not what people look for.
const COLUMNS: [(&str, &[&str]); 11] = [
    ("Account", &["id", "name", "users", "groups", "created", "suspended"]),
    ("Client", &["client_id", "name", "profile", "account", "disabled", "created"]),
    ("ClientHealth", &["client_id", "client_name", "account_name", "state", "since", "last_request.at"]),
    ("User", &["id", "userName", "displayName", "active", "role", "service_account"]),
    ("SetupLink", &["id", "client_name", "provider", "state", "created", "expires"]),
    ("Operator", &["id", "name", "role", "address", "last_used", "expires"]),
    ("RequestRow", &["request_id", "at", "client_name", "method", "endpoint", "target_name", "status", "code"]),
    ("AuditRow", &["at", "actor_name", "action", "target_name", "account_name", "detail"]),
    ("Grant", &["id", "client_name", "user", "scope", "created", "ended"]),
    ("Notice", &["id", "kind", "made", "seen", "mailed", "problem"]),
    ("Attribute", &["id", "type", "multi_valued", "required", "uniqueness", "state"]),
];
/// So many columns a list has, of which nothing is said above.
const FIRST: usize = 6;

/// The items of a list and the schema of one, if an answer is a list.
pub(super) fn list<'v>(
    answer: &'v Value,
    schema: Option<&'static Value>,
) -> Option<(&'v [Value], Option<&'static Value>)> {
    let items = answer["items"].as_array()?;
    let of = schema.map(|schema| &resolved(schema)["properties"]["items"]["items"]).filter(|of| !of.is_null());
    Some((items, of))
}

/// A list as a table; without items it is empty.
pub(super) fn table(items: &[Value], schema: Option<&'static Value>) -> String {
    let Some(first) = items.first() else { return String::new() };
    let name = schema.and_then(|schema| schema["$ref"].as_str()).and_then(|address| address.rsplit('/').next());
    let known = COLUMNS.iter().find(|(known, _)| Some(*known) == name);
    let columns: Vec<String> = match known {
        Some((_, columns)) => columns.iter().map(|column| (*column).to_owned()).collect(),
        None => fields(first)
            .into_iter()
            .filter(|(_, value)| !value.is_object() && !value.is_array())
            .take(FIRST)
            .map(|(name, _)| name.clone())
            .collect(),
    };
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.trim_end_matches(".at").replace('_', " ").to_uppercase()));
    for item in items {
        table.add_row(columns.iter().map(|column| {
            let value = column.split('.').fold(item, |value, name| &value[name]);
            cell(value)
        }));
    }
    for (index, column) in columns.iter().enumerate() {
        let numbers = items.iter().all(|item| item[column].is_number());
        if let Some(column) = table.column_mut(index).filter(|_| numbers) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    trimmed(&table)
}

/// The fields of one thing, a line each; those inside of others have both names.
pub(super) fn one(answer: &Value) -> String {
    let mut lines = Vec::new();
    flatten("", answer, &mut lines);
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in lines {
        table.add_row([name, value]);
    }
    trimmed(&table)
}

fn flatten(name: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let below = |inner: &str| if name.is_empty() { inner.to_owned() } else { format!("{name}.{inner}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(inner, value)| flatten(&below(&strip_invisible(inner)), value, lines));
        }
        Value::Array(values) if values.iter().any(|value| value.is_object() || value.is_array()) => {
            values
                .iter()
                .enumerate()
                .for_each(|(index, value)| flatten(&below(&(index + 1).to_string()), value, lines));
        }
        Value::Array(values) if values.len() > 1 => {
            for (index, value) in values.iter().enumerate() {
                lines.push((if index == 0 { name.to_owned() } else { String::new() }, cell(value)));
            }
        }
        _ => lines.push((name.to_owned(), cell(value))),
    }
}

fn fields(value: &Value) -> Vec<(&String, &Value)> {
    value.as_object().map(Map::iter).into_iter().flatten().collect()
}

/// A value in a line. Names are what strangers chose: nothing of them reaches the terminal but what can be seen.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => match DateTime::parse_from_rfc3339(text) {
            Ok(time) => time.to_utc().format("%Y-%m-%d %H:%M:%SZ").to_string(),
            Err(_) => strip_invisible(text),
        },
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(_) => strip_invisible(&value.to_string()),
    }
}

/// One field of an answer, alone.
pub(super) fn field(answer: &Value, name: &str) -> Option<String> {
    let value = name.split('.').try_fold(answer, |value, name| value.get(name))?;
    Some(match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

/// The names of the fields that an answer shows this once.
pub(super) fn shown_once(answer: &Value, schema: Option<&'static Value>) -> Vec<String> {
    let Some(described) = schema.map(resolved) else { return Vec::new() };
    let parts = described["allOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    let all = std::iter::once(described).chain(parts.iter().map(resolved));
    let fields = all.flat_map(|part| part["properties"].as_object().into_iter().flatten());
    let once = fields.filter(|(name, field)| {
        let about = field["description"].as_str().unwrap_or_default();
        about.contains("shown this once") && answer[name.as_str()].is_string()
    });
    once.map(|(name, _)| name.clone()).collect()
}

fn trimmed(table: &Table) -> String {
    let line = |line: String| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned();
    table.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::described::OPERATIONS;
    use super::*;

    fn answer_of(words: &str) -> Option<&'static Value> {
        OPERATIONS.iter().find(|one| one.command() == words).expect("a command").answer
    }

    #[test]
    fn a_list_is_a_table_of_the_columns_that_people_look_for() {
        let answer = json!({"items": [
            {"id": "1", "name": "Acme \u{1b}[31mMedia", "users": 12, "groups": 3, "created": "2026-11-23T20:00:00.000Z", "suspended": null},
            {"id": "2", "name": "映画", "users": 5, "groups": 0, "created": "2026-11-24T20:00:00.000Z", "suspended": null}]});
        let (items, schema) = list(&answer, answer_of("account list")).expect("a list");
        let shown = table(items, schema);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("ID") && lines[0].contains("USERS"), "{shown}");
        assert!(lines[1].contains("Acme [31mMedia") && lines[1].contains("2026-11-23 20:00:00"), "{shown}");
        assert_eq!(lines.len(), 3);
        assert_eq!(table(&[], schema), "");
    }

    #[test]
    fn every_column_is_a_field_of_what_is_listed() {
        let schemas = &crate::http::openapi::description()["components"]["schemas"];
        for (name, columns) in COLUMNS {
            let fields = schemas[name]["properties"].as_object().unwrap_or_else(|| panic!("no schema {name}"));
            for column in columns {
                let stem = column.split('.').next().unwrap_or(column);
                let is_scim = name == "User" && ["displayName", "role"].contains(&stem);
                assert!(fields.contains_key(stem) || is_scim, "{name} has no {column}");
            }
        }
    }

    #[test]
    fn one_thing_is_its_fields_and_one_field_is_its_value() {
        let answer = json!({"client_id": "c", "redirect_uris": ["https://a", "https://b"], "sheet": {"token_url": "https://t"},
            "reasons": [{"code": "silent"}], "disabled": false});
        let shown = one(&answer);
        for line in ["client_id", "https://b", "sheet.token_url", "reasons.1.code", "disabled"] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
        assert_eq!(field(&answer, "sheet.token_url").as_deref(), Some("https://t"));
        assert_eq!(field(&answer, "nothing"), None);
    }

    #[test]
    fn what_is_shown_this_once_is_known() {
        let made = json!({"client_id": "c", "client_secret": "gws_x"});
        assert_eq!(shown_once(&made, answer_of("client secret add")), ["client_secret"]);
        let operator = json!({"id": "o", "token": "gwo_x", "password_link": null});
        assert_eq!(shown_once(&operator, answer_of("operator create")), ["token"]);
    }
}

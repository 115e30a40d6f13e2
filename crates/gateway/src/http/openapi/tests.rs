use std::fmt::Write;

use super::document::{DOCUMENT, tables};
use super::reference::{Body, Field, Kind, Operation, Part, REFERENCE, Schema};

#[test]
fn each_endpoint_of_the_admin_api_is_described_once() {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let described: usize = paths.values().map(|methods| methods.as_object().unwrap().len()).sum();
    assert_eq!(described, tables().iter().map(|(_, table)| table.len()).sum::<usize>());
    let mut ids: Vec<&str> = paths
        .values()
        .flat_map(|methods| methods.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), described, "each has an id of its own");
}

#[test]
fn each_parameter_field_and_schema_says_what_it_is() {
    let mut silent = Vec::new();
    let mut look = |place: String, described: &serde_json::Value| {
        if described["description"].as_str().is_none_or(str::is_empty) {
            silent.push(place);
        }
    };
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            look(format!("{method} {path}"), operation);
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                look(format!("{method} {path} {}", parameter["name"]), parameter);
            }
        }
    }
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        look(name.clone(), schema);
        for (field, described) in schema["properties"].as_object().unwrap() {
            look(format!("{name}.{field}"), described);
        }
    }
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn the_documentation_says_what_the_definitions_say() {
    const BEGIN: &str = "<!-- What follows is written by a test of crates/gateway/src/http/openapi/tests.rs -->\n\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin-api.md");
    let page = std::fs::read_to_string(path).expect("docs/admin-api.md");
    let (before, written) = page.split_once(BEGIN).expect("the mark where the reference begins");
    if written != markdown() {
        let right = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/admin-api.md");
        std::fs::write(right, format!("{before}{BEGIN}{}", markdown())).expect("writable");
        panic!("docs/admin-api.md is not what the definitions say; target/admin-api.md is: copy it");
    }
}

/// The reference in `docs/admin-api.md`.
fn markdown() -> String {
    let mut text = String::new();
    for section in &REFERENCE.sections {
        write!(text, "### {}\n\n| request | does | body | answers |\n|---|---|---|---|\n", section.name).unwrap();
        section.operations.iter().for_each(|operation| row(&mut text, operation));
        text.push('\n');
        let queries = section.operations.iter().flat_map(|operation| &operation.parameters);
        let mut listed: Vec<&str> = Vec::new();
        for parameter in queries.filter(|parameter| parameter.name.starts_with('?')) {
            if !listed.contains(&parameter.name.as_str()) {
                listed.push(&parameter.name);
                let Field { name, kind, about, .. } = parameter;
                writeln!(text, "- `{name}` ({}): {about}", words(kind)).unwrap();
            }
        }
        if !listed.is_empty() {
            text.push('\n');
        }
    }
    text.push_str("### Bodies\n");
    REFERENCE.schemas.iter().for_each(|schema| fields(&mut text, schema));
    text
}

fn row(text: &mut String, operation: &Operation) {
    let names: Vec<&str> =
        operation.parameters.iter().filter_map(|parameter| parameter.name.strip_prefix('?')).collect();
    let query = if names.is_empty() { String::new() } else { format!("`?{}`", names.join("&")) + " " };
    let body = |body: &Option<Body>| body.as_ref().map(|body| words(&body.kind)).unwrap_or_default();
    let answers: Vec<String> = operation
        .answers
        .iter()
        .filter(|answer| answer.is_success() || answer.status == "409")
        .map(|answer| match &answer.body {
            Some(body) => format!("{} {}", answer.status, words(&body.kind)),
            None if answer.is_success() => answer.status.clone(),
            None => format!("{}: {}", answer.status, answer.about),
        })
        .collect();
    let Operation { method, path, about, .. } = operation;
    let query = query.trim_end();
    let query = if query.is_empty() { String::new() } else { format!(" {query}") };
    writeln!(
        text,
        "| `{method} {path}`{query} | {about} | {} | {} |",
        body(&operation.body),
        answers.join("; ").trim_end_matches('.')
    )
    .unwrap();
}

fn fields(text: &mut String, schema: &Schema) {
    write!(text, "\n#### {}\n\n{}\n\n", schema.name, schema.about).unwrap();
    text.push_str("| field | is | |\n|---|---|---|\n");
    for field in &schema.fields {
        let must = if field.is_required { "" } else { ", may be left out" };
        writeln!(text, "| `{}` | {}{must} | {} |", field.name, words(&field.kind), field.about).unwrap();
    }
    if schema.is_open {
        text.push_str("| … | | and other fields |\n");
    }
    if let Some(example) = &schema.example {
        write!(text, "\n```json\n{example}\n```\n").unwrap();
    }
}

/// With links to the headings of bodies.
fn words(kind: &Kind) -> String {
    let part = |part: &Part| match part {
        Part::Words(words) => words.clone(),
        Part::Name(name) => format!("[{name}](#{})", name.to_lowercase()),
    };
    kind.0.iter().map(part).collect()
}

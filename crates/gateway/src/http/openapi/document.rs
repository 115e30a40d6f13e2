//! The OpenAPI document.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::domain::described::{Components, alternatives};
use crate::domain::operator::Need;
use crate::http::admin;
use crate::http::edge::endpoints::Endpoint;
use crate::http::edge::operation::{Media, Operation, Signature, Success};

/// What the parameters of paths are.
const PATH_PARAMETERS: [(&str, &str); 13] = [
    ("account", "The id of an account."),
    ("attribute", "`badge` for an attribute of the core User, otherwise its schema and name: `urn:…:Badges:number`."),
    ("user", "The id of a user."),
    ("client", "The id of a client."),
    ("secret", "The id of a secret."),
    ("token", "The id of a static token."),
    ("grant", "The id of a grant."),
    ("link", "The id of a setup link."),
    ("webhook", "The id of a webhook."),
    ("event", "The id of an event of the feed."),
    ("stream", "The id of a stream of security event tokens."),
    ("request", "The id of a request: the `X-Request-Id` of its answer."),
    ("operator", "The id of an operator."),
];

/// Refusals that many endpoints share: status, name, when it is.
const REFUSALS: [(u16, &str, &str); 9] = [
    (400, "BadRequest", "The request is wrong: `errors` names each field or parameter, and what would be right."),
    (401, "Unauthorized", "There is no operator's token, or one that does not count."),
    (
        403,
        "Forbidden",
        "The operator's role does not allow it, or the operator is limited to accounts, and this concerns all of them.",
    ),
    (
        404,
        "NotFound",
        "What the path or a parameter names does not exist, or belongs to an account that the operator does not reach.",
    ),
    (409, "Conflict", "It contradicts what is there."),
    (413, "TooLarge", "The body has more than 1 MiB, or the resource would be larger than may be stored."),
    (
        429,
        "TooManyRequests",
        "A product key sends more requests than it may (`limits.client_per_second`). Try again after `Retry-After` seconds.",
    ),
    (500, "InternalError", "The server failed. Its log says how."),
    (
        503,
        "Unavailable",
        "The server is busy or stops, or the database does not answer. Try again after `Retry-After` seconds.",
    ),
];

/// The description, but for where the server is.
pub(super) static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// Its text, in two parts: the address of the server stands between them.
static TEXT: LazyLock<(String, String)> = LazyLock::new(|| {
    let text = DOCUMENT.to_string();
    let (before, after) = text.split_once(SERVER).unwrap_or((&text, ""));
    (before.to_owned(), after.to_owned())
});
const SERVER: &str = "\"{server}\"";

/// The document of a server with this address.
pub(super) fn text(public_url: &str) -> String {
    let (before, after) = &*TEXT;
    format!("{before}{}{after}", json!(public_url))
}

/// The tables of endpoints that are described, each with the path below which it lies.
pub(super) fn tables() -> [(&'static str, &'static [Endpoint]); 4] {
    [
        ("/admin", admin::ENDPOINTS),
        ("/events", admin::events::ENDPOINTS),
        (admin::event_streams::PATH, admin::event_streams::ENDPOINTS),
        (admin::AUTHZEN_PATH, admin::AUTHZEN),
    ]
}

/// The endpoints that are described, each with its path and its description.
fn described() -> impl Iterator<Item = (String, &'static Endpoint, &'static Operation)> {
    let row = |below: &str, endpoint: &'static Endpoint| {
        Some((format!("{below}{}", endpoint.path), endpoint, endpoint.operation.as_ref()?))
    };
    tables().into_iter().flat_map(move |(below, table)| table.iter().filter_map(move |endpoint| row(below, endpoint)))
}

fn document() -> Value {
    let mut components = Components::default();
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for (path, endpoint, operation) in described() {
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
        let path = paths.entry(path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_lowercase()] = described_operation(endpoint, operation, &mut components);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Accounts, users, clients, grants, operators and the audit trail. Answers may get more members in later versions.",
        },
        "servers": [{"url": "{server}"}],
        "security": [{"operator": []}],
        "tags": tags.into_iter().map(|name| json!({"name": name})).collect::<Value>(),
        "paths": paths,
        "components": {
            "securitySchemes": {"operator": {
                "type": "http",
                "scheme": "bearer",
                "description": "An operator's token. Without one that counts every path answers 401.",
            }},
            "schemas": schemas(components),
            "responses": responses(),
        },
    })
}

fn schemas(components: Components) -> Map<String, Value> {
    let mut schemas = components.into_schemas();
    let mistake = json!({
        "type": "object",
        "description": "A mistake in one field of a body, or one parameter of a query.",
        "properties": {
            "field": {"type": "string", "description": "Where, as in `redirect_uris[0]`."},
            "detail": {"type": "string", "description": "What would be right."},
        },
        "required": ["field", "detail"],
        "examples": [{"field": "redirect_uris[0]", "detail": "must be https"}],
    });
    let problem = json!({
        "type": "object",
        "description": "A refusal (RFC 9457).",
        "properties": {
            "type": {"type": "string", "description": "`about:blank`: the status says what kind of problem it is."},
            "title": {"type": "string", "description": "The kind of problem."},
            "status": {"type": "integer", "description": "The status of the answer."},
            "detail": {"type": "string", "description": "What is wrong, and what would be right."},
            "errors": {
                "type": "array",
                "description": "All the mistakes of a request, or all that stands in the way of a change.",
                "items": {"$ref": "#/components/schemas/Mistake"},
            },
        },
        "required": ["type", "title", "status", "detail"],
        "examples": [{
            "type": "about:blank", "title": "Invalid request", "status": 400, "detail": "name: is missing",
            "errors": [{"field": "name", "detail": "is missing"}],
        }],
    });
    schemas.insert("Mistake".to_owned(), mistake);
    schemas.insert("Problem".to_owned(), problem);
    schemas
}

fn responses() -> Map<String, Value> {
    REFUSALS.iter().map(|(status, name, when)| ((*name).to_owned(), refusal(*status, when))).collect()
}

fn refusal(status: u16, when: &str) -> Value {
    let mut response = json!({
        "description": when,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    });
    let header = match status {
        401 => Some(("WWW-Authenticate", "`Bearer`")),
        429 | 503 => Some(("Retry-After", "In seconds.")),
        _ => None,
    };
    if let Some((name, about)) = header {
        response["headers"] = json!({name: {"description": about, "schema": {"type": "string"}}});
    }
    response
}

fn described_operation(endpoint: &Endpoint, operation: &Operation, components: &mut Components) -> Value {
    let signature = (operation.describe)(components);
    let mut shown = json!({
        "operationId": operation.handler.replace("::", "."),
        "tags": [operation.tag],
        "summary": operation.summary.trim_end_matches('.'),
        "description": format!("{} {}", operation.summary, who_asks(endpoint)),
    });
    let mut parameters: Vec<Value> = names(endpoint.path).map(path_parameter).collect();
    parameters.extend(signature.query.iter().cloned());
    if !parameters.is_empty() {
        shown["parameters"] = json!(parameters);
    }
    if let Some(body) = &signature.body {
        shown["requestBody"] = json!({"required": body.is_required, "content": {"application/json": media(body)}});
    }
    let mut responses: Map<String, Value> = signature.answers.iter().map(success).collect();
    responses.extend(refusals(endpoint, operation, &signature));
    responses.sort_keys();
    shown["responses"] = Value::Object(responses);
    shown
}

/// Who may call an endpoint: operators, and product keys where it is open to them.
fn who_asks(endpoint: &Endpoint) -> String {
    let roles = endpoint.audience.need().map(who_may).unwrap_or_default();
    let keys = endpoint.audience.scope_of_keys().map(|scope| format!(" Product keys: {scope}.")).unwrap_or_default();
    format!("{roles}{keys}")
}

/// Which roles may call an endpoint.
fn who_may(need: Need) -> String {
    let roles: Vec<&str> = need.power.roles().iter().map(|role| role.code()).collect();
    let limit = if need.is_everywhere { ", not limited to accounts" } else { "" };
    format!("Roles: {}{limit}.", roles.join(", "))
}

/// The names in the braces of a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Value {
    let about = PATH_PARAMETERS.iter().find(|(known, _)| *known == name).map_or("", |(_, about)| about);
    let schema = json!({"type": "string", "minLength": 1});
    json!({"name": name, "in": "path", "required": true, "description": about, "schema": schema})
}

fn media(body: &Media) -> Value {
    match body.example.is_null() {
        true => json!({"schema": body.schema}),
        false => json!({"schema": body.schema, "example": body.example}),
    }
}

fn success(success: &Success) -> (String, Value) {
    let mut response = json!({"description": success.about});
    if let Some(body) = &success.body {
        response["content"] = json!({"application/json": media(body)});
    }
    if success.status == 201 {
        let about = "Where it is from now on, if it has an address of its own.";
        response["headers"] = json!({"Location": {"description": about, "schema": {"type": "string"}}});
    }
    (success.status.to_string(), response)
}

/// What an endpoint refuses: what follows from what it takes, and what its row says.
fn refusals(endpoint: &Endpoint, operation: &Operation, signature: &Signature) -> Vec<(String, Value)> {
    let own = |status: u16| operation.refusals.iter().filter(move |(of, _)| *of == status).map(|(_, when)| *when);
    let applies = |status: u16| match status {
        404 => names(endpoint.path).next().is_some(),
        409 => false,
        413 => signature.body.is_some(),
        401 | 403 => signature.is_protected,
        429 => endpoint.audience.scope_of_keys().is_some(),
        _ => true,
    };
    let shared = REFUSALS.iter().filter_map(|(status, name, _)| {
        let of_its_own: Vec<&str> = own(*status).collect();
        let response = match of_its_own[..] {
            [] if applies(*status) => json!({"$ref": format!("#/components/responses/{name}")}),
            [] => return None,
            _ => refusal(*status, &alternatives(&of_its_own)),
        };
        Some((status.to_string(), response))
    });
    shared.collect()
}

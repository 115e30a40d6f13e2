//! The crate `scim-server` on its SQLite store, as its documentation puts it together, behind axum. The crate has no HTTP of its own and
//! reads no filter; what it has for a look-up is `find_resource_by_attribute`, and for a list all resources. The rest is here.
//!
//! `peer-scim-server ADDRESS DATABASE TOKEN`

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use scim_server::multi_tenant::ScimOperation;
use scim_server::providers::StandardResourceProvider;
use scim_server::resource_handlers::create_user_resource_handler;
use scim_server::storage::SqliteStorage;
use scim_server::{RequestContext, Resource, ScimError, ScimServer};
use serde::Deserialize;
use serde_json::{Value, json};

type Provider = StandardResourceProvider<SqliteStorage>;

struct Peer {
    server: ScimServer<Provider>,
    authorization: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListRequest {
    filter: Option<String>,
    #[serde(default = "first")]
    start_index: usize,
    #[serde(default = "page")]
    count: usize,
}

fn first() -> usize {
    1
}

fn page() -> usize {
    100
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, database, token] = words.try_into().expect("ADDRESS DATABASE TOKEN");
    let storage = SqliteStorage::new_with_path(&database).await?;
    let mut server = ScimServer::new(StandardResourceProvider::new(storage))?;
    let schema =
        server.get_schema_by_id("urn:ietf:params:scim:schemas:core:2.0:User").expect("the schema of users").clone();
    let operations = vec![
        ScimOperation::Create,
        ScimOperation::Read,
        ScimOperation::Update,
        ScimOperation::Patch,
        ScimOperation::Delete,
        ScimOperation::List,
        ScimOperation::Search,
    ];
    server.register_resource_type("User", create_user_resource_handler(schema), operations)?;
    let peer = Arc::new(Peer { server, authorization: format!("Bearer {token}") });
    let routes = Router::new()
        .route("/scim/v2/Users", get(list).post(create))
        .route("/scim/v2/Users/{id}", get(read).patch(patch))
        .layer(axum::middleware::from_fn_with_state(peer.clone(), authenticated))
        .with_state(peer);
    let listener = tokio::net::TcpListener::bind(&address).await?;
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| stream.set_nodelay(true).expect("TCP_NODELAY")),
        routes,
    )
    .await?;
    Ok(())
}

async fn authenticated(State(peer): State<Arc<Peer>>, request: Request, next: Next) -> Response {
    match request.headers().get(header::AUTHORIZATION) {
        Some(presented) if presented.as_bytes() == peer.authorization.as_bytes() => next.run(request).await,
        _ => refusal(StatusCode::UNAUTHORIZED, "a bearer token is needed"),
    }
}

async fn create(State(peer): State<Arc<Peer>>, body: Bytes) -> Response {
    let Ok(user) = serde_json::from_slice(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "the body is not JSON");
    };
    let made = peer.server.create_resource("User", user, &RequestContext::with_generated_id()).await;
    made.map_or_else(refused, |user| peer.answer(StatusCode::CREATED, &user))
}

async fn read(State(peer): State<Arc<Peer>>, Path(id): Path<String>) -> Response {
    match peer.server.get_resource("User", &id, &RequestContext::with_generated_id()).await {
        Ok(Some(user)) => peer.answer(StatusCode::OK, &user),
        Ok(None) => refusal(StatusCode::NOT_FOUND, "no such user"),
        Err(error) => refused(error),
    }
}

async fn patch(State(peer): State<Arc<Peer>>, Path(id): Path<String>, body: Bytes) -> Response {
    let Ok(change) = serde_json::from_slice(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "the body is not JSON");
    };
    let changed = peer.server.patch_resource("User", &id, &change, &RequestContext::with_generated_id()).await;
    changed.map_or_else(refused, |user| peer.answer(StatusCode::OK, &user))
}

async fn list(State(peer): State<Arc<Peer>>, Query(asked): Query<ListRequest>) -> Response {
    let context = RequestContext::with_generated_id();
    let found = match asked.filter {
        Some(filter) => {
            let Some((attribute, value)) = equality(&filter) else {
                return refusal(StatusCode::BAD_REQUEST, "the crate finds by `attribute eq \"value\"` only");
            };
            let found = peer.server.find_resource_by_attribute("User", attribute, &json!(value), &context).await;
            found.map(|user| user.into_iter().collect())
        }
        None => peer.server.list_resources("User", &context).await,
    };
    match found {
        Ok(users) => peer.answer_list(&users, asked.start_index.max(1), asked.count),
        Err(error) => refused(error),
    }
}

/// `attribute eq "value"`, and nothing else.
fn equality(filter: &str) -> Option<(&str, &str)> {
    let (attribute, value) = filter.split_once(" eq ")?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    (!attribute.contains(' ') && !value.contains(['"', '\\'])).then_some((attribute, value))
}

impl Peer {
    fn shown(&self, user: &Resource) -> Value {
        self.server.serialize_resource_with_refs(user, None).unwrap_or_default()
    }

    fn answer(&self, status: StatusCode, user: &Resource) -> Response {
        scim(status, &self.shown(user))
    }

    fn answer_list(&self, users: &[Resource], start_index: usize, count: usize) -> Response {
        let shown: Vec<Value> = users.iter().skip(start_index - 1).take(count).map(|user| self.shown(user)).collect();
        let list = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": users.len(),
            "startIndex": start_index,
            "itemsPerPage": shown.len(),
            "Resources": shown,
        });
        scim(StatusCode::OK, &list)
    }
}

fn scim(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/scim+json")], body.to_string()).into_response()
}

/// The crate wraps what its store refused in text.
fn refused(error: ScimError) -> Response {
    let text = error.to_string();
    let status = match &error {
        ScimError::ResourceNotFound { .. } => StatusCode::NOT_FOUND,
        ScimError::Validation(_) | ScimError::InvalidRequest { .. } => StatusCode::BAD_REQUEST,
        _ if text.contains("Duplicate attribute") => StatusCode::CONFLICT,
        _ if text.contains("not found") => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    refusal(status, &text)
}

fn refusal(status: StatusCode, detail: &str) -> Response {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.as_str(), "detail": detail});
    scim(status, &body)
}

//! A client's secrets: several may live at once, so that one can be replaced without an outage.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::named;
use crate::app::App;
use crate::http::admin::input::Input;
use crate::http::admin::operator::Operator;
use crate::http::problem::Problem;
use crate::storage::Cost;
use crate::system;

/// How many secrets a client may have.
const MOST: usize = 10;

pub(in crate::http::admin) async fn list(
    _: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let secrets = app
        .db
        .read(Cost::Long, move |tx| {
            let record = named(tx, &client)?;
            Ok::<_, Problem>(tx.client_secrets(record.seq)?)
        })
        .await?;
    let items: Vec<Value> = secrets
        .into_iter()
        .map(|secret| {
            json!({
                "id": secret.id,
                "label": secret.label,
                "created": system::rfc3339(secret.created),
                "expires": secret.expires.map(system::rfc3339),
                "last_used": secret.last_used.map(system::rfc3339),
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"items": items})))
}

pub(in crate::http::admin) async fn add(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
    mut input: Input,
) -> Result<HttpResponse, Problem> {
    let label = input.name("label");
    let expires = input.time("expires");
    let now = system::now();
    if expires.is_some_and(|expires| expires <= now) {
        input.mistake("expires", "must lie in the future");
    }
    input.finish()?;
    let secret = oauth::generated(oauth::Prefix::ClientSecret, &mut system::fill);
    let fingerprint = app.keys.fingerprint(&secret);
    let id = system::new_uuid();
    let answer = json!({
        "id": id,
        "client_id": client.as_str(),
        "client_secret": secret,
        "label": label,
        "created": system::rfc3339(now),
        "expires": expires.map(system::rfc3339),
    });
    app.db
        .write(move |tx| {
            let record = named(tx, &client)?;
            if record.client.public {
                return Err(Problem::conflict("a public client has no secrets"));
            }
            if tx.client_secrets(record.seq)?.len() >= MOST {
                return Err(Problem::conflict(format!("a client may have {MOST} secrets; end one first")));
            }
            tx.insert_client_secret(record.seq, &id, &fingerprint, label.as_deref(), now, expires)?;
            operator.did(tx, "client.secret_added", &client, record.account, Some(id.clone()))?;
            Ok(())
        })
        .await?;
    Ok(HttpResponse::Created().insert_header(("Cache-Control", "no-store")).json(answer))
}

pub(in crate::http::admin) async fn end(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    app.db
        .write(move |tx| {
            let (client, secret) = path.as_ref();
            let record = named(tx, client)?;
            if !tx.end_client_secret(record.seq, secret)? {
                return Err(Problem::not_found("secret", secret));
            }
            operator.did(tx, "client.secret_ended", client, record.account, Some(secret.clone()))?;
            Ok(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

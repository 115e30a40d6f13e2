//! Operators.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::input::Input;
use super::operator::Operator;
use crate::app::App;
use crate::http::problem::Problem;
use crate::storage::Cost;
use crate::system;

pub(super) async fn list(_: Operator, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let operators = app.db.read(Cost::Long, |tx| Ok::<_, Problem>(tx.operators()?)).await?;
    let items: Vec<Value> = operators
        .iter()
        .map(|operator| {
            json!({
                "id": operator.id,
                "name": operator.name,
                "created": system::rfc3339(operator.created),
                "last_used": operator.last_used.map(system::rfc3339),
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"items": items})))
}

pub(super) async fn create(operator: Operator, app: web::Data<App>, mut input: Input) -> Result<HttpResponse, Problem> {
    let name = input.required_name("name");
    input.finish()?;
    let (id, now) = (system::new_uuid(), system::now());
    let token = oauth::generated(oauth::Prefix::Operator, &mut system::fill);
    let fingerprint = app.keys.fingerprint(&token);
    let answer = json!({"id": id, "name": name, "token": token, "created": system::rfc3339(now)});
    app.db
        .write(move |tx| {
            tx.insert_operator(&id, &name, fingerprint.as_bytes(), now)?;
            operator.did(tx, "operator.created", &id, None, Some(name.clone()))?;
            Ok::<_, Problem>(())
        })
        .await?;
    Ok(HttpResponse::Created().insert_header(("Cache-Control", "no-store")).json(answer))
}

pub(super) async fn end(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    app.db
        .write(move |tx| {
            if !tx.end_operator(&id, system::now())? {
                return Err(Problem::not_found("operator", &id));
            }
            operator.did(tx, "operator.ended", &id, None, None)?;
            Ok(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

//! Operators.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::input::Input;
use super::lookup;
use super::operator::Operator;
use crate::app::App;
use crate::domain::event::{Act, Action};
use crate::domain::operator_name::OperatorName;
use crate::http::edge::problem::Problem;
use crate::platform::system;
use crate::storage::operators::{NameTaken, Operator as Record};
use crate::storage::{DbError, ReadCost, Tx};

fn representation(tx: &mut Tx<'_>, operator: &Record) -> Result<Value, DbError> {
    let (account, account_deleted) = match operator.account {
        Some(seq) => (tx.account_id(seq)?, tx.account_at(seq)?.is_none()),
        None => (None, false),
    };
    Ok(json!({
        "id": operator.id,
        "name": operator.name,
        "account": account,
        "account_deleted": account_deleted,
        "created": system::rfc3339(operator.created),
        "expires": operator.expires.map(system::rfc3339),
        "last_used": operator.last_used.map(system::rfc3339),
    }))
}

pub(super) async fn list(_: Operator, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let items = app
        .db
        .read(ReadCost::Scan, |tx| {
            let operators = tx.operators()?;
            let items = operators.iter().map(|operator| representation(tx, operator)).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Problem>(items)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({"items": items})))
}

pub(super) async fn create(operator: Operator, app: web::Data<App>, mut input: Input) -> Result<HttpResponse, Problem> {
    let name = input.required_text("name");
    let name = OperatorName::parse(&name).unwrap_or_else(|why| {
        input.mistake("name", why);
        OperatorName::near(&name)
    });
    let account = input.text("account");
    let expires = input.time("expires");
    let now = system::now();
    if expires.is_some_and(|expires| expires <= now) {
        input.mistake("expires", "must lie in the future");
    }
    input.finish()?;
    let token = oauth::generated(oauth::Prefix::Operator, &mut system::fill);
    let fingerprint = app.keys.fingerprint(&token);
    let made = Record {
        seq: 0,
        id: system::new_uuid(),
        name: name.as_str().to_owned(),
        created: now,
        last_used: None,
        account: None,
        expires,
    };
    let mut answer = app
        .db
        .write(move |tx| {
            let account = match &account {
                Some(id) => Some(lookup::locked_account(tx, id)?.seq),
                None => None,
            };
            let made = Record { account, ..made.clone() };
            if let Err(NameTaken(name)) = tx.insert_operator(&made, None, fingerprint.as_bytes())? {
                let detail = format!("another operator is called {name:?}; each has a name of its own");
                return Err(Problem::conflict(detail));
            }
            operator.record(tx, account, Act::new(Action::OperatorCreated).on_named(&made.id, &made.name));
            Ok::<_, Problem>(representation(tx, &made)?)
        })
        .await?;
    answer["token"] = json!(token);
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
            operator.record(tx, None, Act::new(Action::OperatorEnded).on(id.as_str()));
            Ok(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

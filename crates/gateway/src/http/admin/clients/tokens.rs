//! A client's static tokens, for identity providers that can only paste one: named, scoped, shown once, and never without an end.

use actix_web::{HttpResponse, web};
use oauth::Scopes;
use serde_json::{Value, json};

use super::{end_credential, named, warnings};
use crate::app::App;
use crate::domain::event::{Act, Action};
use crate::http::admin::input::Input;
use crate::http::admin::operator::Operator;
use crate::http::edge::problem::Problem;
use crate::platform::system;
use crate::storage::ReadCost;
use crate::storage::static_tokens::StaticTokenRecord;

/// How many a client may have.
const MOST: usize = 10;
/// What may be done in nobody's name.
const SCOPE: &str = "provision:scim";
const DAY_MS: i64 = 86_400_000;
/// How long one counts unless the request says otherwise.
const USUAL_MS: i64 = 365 * DAY_MS;
/// And how long at most.
const LONGEST_MS: i64 = 3 * 366 * DAY_MS;

fn representation(record: &StaticTokenRecord, now: i64) -> Value {
    json!({
        "id": record.id,
        "name": record.name,
        "scopes": record.scope.split(' ').collect::<Vec<_>>(),
        "created": system::rfc3339(record.created),
        "expires": system::rfc3339(record.expires),
        "last_used": record.last_used.map(system::rfc3339),
        "grant": record.grant.to_string(),
        "warning": warnings::ending(record.expires, now),
    })
}

pub(in crate::http::admin) async fn list(
    _: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let tokens = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let record = named(tx, &client)?;
            Ok::<_, Problem>(tx.static_tokens(record.seq)?)
        })
        .await?;
    let now = system::now();
    let items: Vec<Value> = tokens.iter().map(|token| representation(token, now)).collect();
    Ok(HttpResponse::Ok().json(json!({"items": items})))
}

pub(in crate::http::admin) async fn add(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
    mut input: Input,
) -> Result<HttpResponse, Problem> {
    let now = system::now();
    let name = input.required_name("name");
    let expires = input.time("expires").unwrap_or(now + USUAL_MS);
    if expires <= now || expires > now + LONGEST_MS {
        input.mistake("expires", "must lie in the future, and at most three years ahead");
    }
    let scopes = input.texts("scopes").unwrap_or_else(|| vec![SCOPE.to_owned()]);
    for (i, scope) in scopes.iter().enumerate() {
        if scope != SCOPE {
            input.mistake(format!("scopes[{i}]"), format!("must be {SCOPE}: others speak of a person"));
        }
    }
    if scopes.is_empty() {
        input.mistake("scopes", format!("must name {SCOPE}, or be left out"));
    }
    input.finish()?;
    let token = oauth::generated(oauth::Prefix::StaticToken, &mut system::fill);
    let fingerprint = app.keys.fingerprint(&token);
    let id = system::new_uuid();
    let work = app.clone();
    let record = app
        .db
        .write(move |tx| {
            let owner = named(tx, &client)?;
            if owner.account.is_none() {
                return Err(Problem::conflict("a client of no account has no static tokens: they would open none"));
            }
            if owner.client.public {
                return Err(Problem::conflict("a public client cannot keep a static token"));
            }
            if owner.client.options.tokens.dpop_bound_access_tokens {
                return Err(Problem::conflict(
                    "this client's tokens are bound to a key (DPoP), and a static token is not",
                ));
            }
            let scope = Scopes::parse(SCOPE).unwrap_or_default();
            if scope.beyond(&owner.client.scopes).is_some() {
                return Err(Problem::conflict(format!("the client may not ask for the scope {SCOPE}")));
            }
            if tx.static_tokens(owner.seq)?.len() >= MOST {
                return Err(Problem::conflict(format!("a client may have {MOST} static tokens; end one first")));
            }
            let grant = work.oauth(|cx| oauth::token::own_grant(tx, cx, &owner.client))?;
            let record = StaticTokenRecord {
                id: id.clone(),
                name: name.clone(),
                scope: SCOPE.to_owned(),
                created: now,
                expires,
                last_used: None,
                grant: grant.id.0,
            };
            tx.insert_static_token(owner.seq, &fingerprint, &record)?;
            let added = Act::new(Action::ClientTokenAdded).on_named(client.as_str(), &owner.client.name);
            operator.record(tx, owner.account, added.saying(format!("{name}, {id}")));
            Ok(record)
        })
        .await?;
    let mut answer = representation(&record, now);
    answer["token"] = json!(token);
    Ok(HttpResponse::Created().insert_header(("Cache-Control", "no-store")).json(answer))
}

pub(in crate::http::admin) async fn end(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    end_credential(operator, app, path, ("static token", Action::ClientTokenEnded), |tx, client, id| {
        tx.end_static_token_of(client, id)
    })
    .await
}

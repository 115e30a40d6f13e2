//! A client's secrets: several may live at once, so that one can be replaced without an outage.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use oauth::Client;

use super::{end_credential, named, warnings};
use crate::app::App;
use crate::domain::event::{Act, Action};
use crate::domain::profiles::Profile;
use crate::http::admin::input::Input;
use crate::http::admin::operator::Operator;
use crate::http::edge::problem::{FieldError, Problem};
use crate::platform::system;
use crate::storage::ReadCost;

/// How many secrets a client may have.
const MOST: usize = 10;
const DAY_MS: i64 = 86_400_000;
/// What an operator may set as a lifetime, in days: ten years at most.
const DAYS: std::ops::RangeInclusive<u64> = 1..=3660;
/// Microsoft Entra ID asks service providers for secrets that live one to three years.
const ENTRA_USUAL_DAYS: u32 = 2 * 365;
const ENTRA_MOST_DAYS: u32 = 3 * 366;

/// What the body says about how long secrets live: nothing, `null` for the installation's, or days.
pub(super) fn asked_days(input: &mut Input, profile: Option<&str>) -> Option<Option<u32>> {
    let days = input.number("secret_lifetime_days", DAYS)?.and_then(|days| u32::try_from(days).ok());
    if profile == Some(Profile::Entra.as_str()) && days.is_some_and(|days| days > ENTRA_MOST_DAYS) {
        input.mistake("secret_lifetime_days", "is at most three years for Microsoft Entra ID");
    }
    Some(days)
}

/// Whether a client is given a secret when it is made: it authenticates by one, and gets something by that.
pub(super) fn is_of_use(client: &Client) -> bool {
    !client.public && client.options.authentication.method.takes_secrets() && !client.grant_types.is_empty()
}

/// When a secret made now expires, unless its maker says otherwise.
pub(super) fn expiry(app: &App, client: &Client, now: i64) -> Option<i64> {
    let installation = Some(app.config.oauth.client_secret_days).filter(|days| *days > 0);
    let days = client.options.secret_lifetime_days.or(installation);
    let days = match Profile::of(client) {
        Profile::Entra => Some(days.unwrap_or(ENTRA_USUAL_DAYS).min(ENTRA_MOST_DAYS)),
        _ => days,
    };
    days.map(|days| now + i64::from(days) * DAY_MS)
}

pub(in crate::http::admin) async fn list(
    _: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let secrets = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let record = named(tx, &client)?;
            Ok::<_, Problem>(tx.client_secrets(record.seq)?)
        })
        .await?;
    let now = system::now();
    let items: Vec<Value> = secrets
        .into_iter()
        .map(|secret| {
            json!({
                "id": secret.id,
                "label": secret.label,
                "created": system::rfc3339(secret.created),
                "expires": secret.expires.map(system::rfc3339),
                "last_used": secret.last_used.map(system::rfc3339),
                "warning": secret.expires.and_then(|expires| warnings::ending(expires, now)),
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
    let mut answer = json!({
        "id": id,
        "client_id": client.as_str(),
        "client_secret": secret,
        "label": label,
        "created": system::rfc3339(now),
    });
    let work = app.clone();
    let expires = app
        .db
        .write(move |tx| {
            let record = named(tx, &client)?;
            if record.client.public {
                return Err(Problem::conflict("a public client has no secrets"));
            }
            let method = record.client.options.authentication.method;
            if !method.takes_secrets() {
                let detail = format!("this client authenticates by {} only; set token_endpoint_auth_method first", method.as_str());
                return Err(Problem::conflict(detail));
            }
            let expires = expires.or_else(|| expiry(&work, &record.client, now));
            let longest = now + i64::from(ENTRA_MOST_DAYS) * DAY_MS;
            if Profile::of(&record.client) == Profile::Entra && expires.is_none_or(|expires| expires > longest) {
                let detail = "must be at most three years ahead: Microsoft Entra ID asks for secrets that live one to three years";
                return Err(Problem::invalid(vec![FieldError { field: "expires".to_owned(), detail: detail.to_owned() }]));
            }
            if tx.client_secrets(record.seq)?.len() >= MOST {
                return Err(Problem::conflict(format!("a client may have {MOST} secrets; end one first")));
            }
            tx.insert_client_secret(record.seq, &id, &fingerprint, label.as_deref(), now, expires)?;
            let added = Act::new(Action::ClientSecretAdded).on_named(client.as_str(), &record.client.name).saying(id.clone());
            operator.record(tx, record.account, added);
            Ok(expires)
        })
        .await?;
    answer["expires"] = json!(expires.map(system::rfc3339));
    Ok(HttpResponse::Created().insert_header(("Cache-Control", "no-store")).json(answer))
}

pub(in crate::http::admin) async fn end(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    end_credential(operator, app, path, ("secret", Action::ClientSecretEnded), |tx, client, id| {
        tx.end_client_secret(client, id)
    })
    .await
}

//! Who accepted (OpenID Connect Core §5.3), with what this vendor's users have beyond the standard.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::{Door, Presented};
use scim::schema::USER;
use scim::{Id, Store};
use serde_json::{Map, Value, json};

use super::failure::OAuthFailure;
use crate::app::App;
use crate::http::bearer;
use crate::storage::Cost;
use crate::system;

/// `GET, POST /userinfo`
pub(super) async fn answer(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, OAuthFailure> {
    let authorization = bearer::presented(&request)?;
    let proof = bearer::prepare::<OAuthFailure>(&request, &app, authorization.as_deref()).await?;
    let work = app.clone();
    let claims = app
        .db
        .read(Cost::Short, move |tx| {
            let presented = Presented { authorization: authorization.as_deref(), proof: proof.as_ref() };
            let access = work.oauth(|cx| oauth::bearer::check(tx, cx, &presented, Door::Userinfo))??;
            let gone = || oauth::BearerError::Invalid("The user who accepted access is gone");
            let account = tx.grant_account.take().ok_or_else(gone)?;
            let subject = access.grant.subject.ok_or_else(gone)?;
            let id = Id::new(subject.as_str()).ok_or_else(gone)?;
            let mut store = tx.in_account(account.seq, system::now(), false);
            let user = store.get(USER, &id)?.ok_or_else(gone)?;
            let custom = work.config.attributes.iter().map(|overlay| overlay.name.as_str());
            Ok::<_, OAuthFailure>(claims(subject.as_str(), &account.name, user.resource.attributes(), custom))
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(claims))
}

fn claims<'a>(
    subject: &str,
    account: &str,
    user: &Map<String, Value>,
    custom: impl Iterator<Item = &'a str>,
) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut claim = |name: &str, value: Option<&Value>| {
        if let Some(value) = value {
            claims.insert(name.to_owned(), value.clone());
        }
    };
    claim("sub", Some(&json!(subject)));
    claim("account", Some(&json!(account)));
    claim("preferred_username", user.get("userName"));
    let name = user.get("name");
    claim("name", user.get("displayName").or_else(|| name.and_then(|name| name.get("formatted"))));
    claim("given_name", name.and_then(|name| name.get("givenName")));
    claim("family_name", name.and_then(|name| name.get("familyName")));
    claim("locale", user.get("locale"));
    let emails = user.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let primary = emails.iter().find(|email| email["primary"] == true).or(emails.first());
    claim("email", primary.and_then(|email| email.get("value")));
    for name in custom {
        claim(name, user.get(name));
    }
    claims
}

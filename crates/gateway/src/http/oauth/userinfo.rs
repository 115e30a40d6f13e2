//! Who accepted (OpenID Connect Core §5.3): what each scope opens of a SCIM user (§5.4), and with `openid` what this vendor's users
//! have beyond the standard. A claim is there if the user has the attribute, and it need not be asked for by name.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use oauth::bearer::MalformedBearer;
use oauth::scope::STANDARD_CLAIMS;
use oauth::{BearerError, BearerRequest, InvalidToken, Scopes};
use scim::schema::{Overlay, Returned, Stage, USER};
use scim::{Id, Resource, Store};
use serde_json::{Map, Value, json};

use super::cors;
use super::failure::OAuthFailure;
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::scopes::ACCESS;
use crate::http::edge::bearer::{self, Authorized};
use crate::http::edge::body;
use crate::http::edge::query;
use crate::http::edge::request_id;
use crate::services::claims as own_claims;
use crate::storage::ReadCost;

/// The most a body may have: a token, and nothing else counts.
const BODY_LIMIT: usize = 16 << 10;

/// `GET, POST /userinfo`
pub(super) async fn answer(request: HttpRequest, app: web::Data<App>, payload: web::Payload) -> HttpResponse {
    let (client, answer) = match claims(&request, &app, payload).await {
        Ok((client, claims)) => {
            (Some(client), HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(claims))
        }
        Err(failure) => {
            if let OAuthFailure::Bearer(error) = &failure {
                bearer::note_refusal(&request, &app, error);
            }
            (None, failure.error_response())
        }
    };
    cors::share(&request, &app, client.as_deref(), answer).await
}

/// The claims, and the client that reads them.
async fn claims(
    request: &HttpRequest,
    app: &App,
    payload: web::Payload,
) -> Result<(String, Map<String, Value>), OAuthFailure> {
    let authorization = presented(request, app, payload).await?;
    let proof = bearer::spend_proof::<OAuthFailure>(request, app, authorization.as_deref()).await?;
    let (work, from) = (app.clone(), request_id::source_of(request, &app.config.server.trusted_proxies));
    let (client, claims, news) = app
        .db
        .read(ReadCost::Point, move |tx| {
            let presented = BearerRequest { authorization: authorization.as_deref(), proof: proof.as_ref() };
            let Authorized { access, grant } =
                bearer::authorize::<OAuthFailure>(&work, tx, &presented, &work.settings.userinfo())?;
            let client = Named::new(access.grant.client.as_str(), &grant.client.name);
            let actor = Actor::Client(client).at(from.clone());
            let news = access.unwritten_use.map(|news| (news, actor));
            let gone = || BearerError::Invalid(InvalidToken::OwnerGone);
            let account = grant.account.ok_or_else(gone)?;
            let subject = access.grant.subject.ok_or_else(gone)?;
            let id = Id::new(subject.as_str()).ok_or_else(gone)?;
            let mut store = tx.in_account(account.seq, work.clock.now(), false);
            let stored = store.get(USER, &id)?.ok_or_else(gone)?;
            let user = &stored.resource;
            let mut claims = standard(user, &access.scope);
            let declared = account.options.attributes.read()?.into_iter().filter(|one| one.stage != Stage::Removing);
            let declared: Vec<Overlay> = declared.map(|one| one.declaration).collect();
            for overlay in
                work.config.attributes.declared.iter().chain(&declared).filter(|one| one.returned != Returned::Request)
            {
                if let Some(value) = user.attributes().get(&overlay.name) {
                    claims.entry(overlay.name.clone()).or_insert_with(|| value.clone());
                }
            }
            claims.insert("account".to_owned(), json!(account.name));
            claims.insert("account_id".to_owned(), json!(account.id));
            if access.scope.contains(ACCESS) {
                // What is resolved counts, and not the user's own attributes.
                own_claims::NAMES.iter().skip(2).for_each(|name| drop(claims.remove(*name)));
                claims.extend(own_claims::of_userinfo(tx, &account, &stored, (&work.scim_base, &work.admin_url))?);
            }
            claims.insert("sub".to_owned(), json!(subject.as_str()));
            Ok::<_, OAuthFailure>((access.grant.client.to_string(), claims, news))
        })
        .await?;
    if let Some((news, actor)) = news {
        bearer::note_use(app, &news, &actor).await;
    }
    Ok((client, claims))
}

/// The token in the header, or here in the body of a form too (RFC 6750 §2.2, OpenID Connect Core §5.3.1), but not in both.
async fn presented(request: &HttpRequest, app: &App, payload: web::Payload) -> Result<Option<String>, OAuthFailure> {
    let in_header = bearer::presented(request)?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    if request.method() != Method::POST || !is_form {
        return Ok(in_header);
    }
    let malformed = || BearerError::Malformed(MalformedBearer::Form { limit: BODY_LIMIT / 1024 });
    let bytes = body::read(payload, body::Patience::of(app, BODY_LIMIT)).await.map_err(|_| malformed())?;
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    let form = query::pairs(text).map_err(|_| malformed())?;
    let mut tokens = form.into_iter().filter(|(name, _)| name == "access_token").map(|(_, token)| token);
    match (in_header, tokens.next(), tokens.next()) {
        (header, None, _) => Ok(header),
        (None, Some(token), None) => Ok(Some(format!("Bearer {token}"))),
        _ => Err(BearerError::Malformed(MalformedBearer::Twice).into()),
    }
}

/// The claims of OpenID Connect Core §5.1 that these scopes open.
fn standard(user: &Resource, scope: &Scopes) -> Map<String, Value> {
    let opened = STANDARD_CLAIMS.iter().filter(|(name, _)| scope.contains(name)).flat_map(|(_, claims)| claims.iter());
    opened.filter_map(|claim| Some(((*claim).to_owned(), value(user, claim)?))).collect()
}

/// What a user has for a claim.
fn value(user: &Resource, claim: &str) -> Option<Value> {
    let attributes = user.attributes();
    let name = |part: &str| attributes.get("name").and_then(|name| name.get(part)).cloned();
    match claim {
        "name" => attributes.get("displayName").cloned().or_else(|| name("formatted")),
        "given_name" => name("givenName"),
        "family_name" => name("familyName"),
        "middle_name" => name("middleName"),
        "nickname" => attributes.get("nickName").cloned(),
        "preferred_username" => attributes.get("userName").cloned(),
        "profile" => attributes.get("profileUrl").cloned(),
        "picture" => primary(attributes.get("photos")?)?.get("value").cloned(),
        "zoneinfo" => attributes.get("timezone").cloned(),
        "locale" => attributes.get("locale").cloned(),
        "updated_at" => Some(json!(user.meta.last_modified / 1000)),
        "email" => primary(attributes.get("emails")?)?.get("value").cloned(),
        "phone_number" => primary(attributes.get("phoneNumbers")?)?.get("value").cloned(),
        "address" => address(primary(attributes.get("addresses")?)?),
        _ => None,
    }
}

/// The value that its owner prefers (RFC 7643 §2.4), or the first.
fn primary(values: &Value) -> Option<&Value> {
    let values = values.as_array()?;
    values.iter().find(|value| value["primary"] == true).or(values.first())
}

/// RFC 7643 §4.1.2 as OpenID Connect Core §5.1.1 has it.
fn address(address: &Value) -> Option<Value> {
    let parts = [
        ("formatted", "formatted"),
        ("street_address", "streetAddress"),
        ("locality", "locality"),
        ("region", "region"),
        ("postal_code", "postalCode"),
        ("country", "country"),
    ];
    let there = parts.into_iter().filter_map(|(claim, part)| Some((claim.to_owned(), address.get(part)?.clone())));
    let claim: Map<String, Value> = there.collect();
    (!claim.is_empty()).then_some(Value::Object(claim))
}

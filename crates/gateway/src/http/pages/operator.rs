//! Operators log in at the vendor's own OpenID provider, and get a token of the admin API that is good for some hours.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::login::provider::{callback_url, start};
use super::templates::{OperatorPage, OperatorTokenPage, not_found, page};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::wording;
use crate::platform::openid_client::{AuthRequestOptions, Pending};
use crate::platform::outbound::Calls;
use crate::platform::system;
use crate::services::sign_in::operator;
use crate::services::sign_in::pending::Purpose;
use crate::services::sign_in::upstream::not_logged_in;
use crate::storage::DbError;

fn sign_in_page(app: &App, browser: &Browser, problem: Option<Refusal>, status: StatusCode) -> HttpResponse {
    let problem = problem.map(|refusal| browser.refused(refusal));
    let mut answer = page(app, status, &OperatorPage { problem, csrf: browser.csrf(app) });
    browser.introduce(app, &mut answer);
    answer
}

/// `GET /operator`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    match app.config.operator_sign_in {
        Some(_) => sign_in_page(&app, &Browser::of(&request, &app), None, StatusCode::OK),
        None => not_found(request, app).await,
    }
}

/// `POST /operator/sign-in`
pub(super) async fn begin(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let Some(configured) = &app.config.operator_sign_in else { return Ok(not_found(request, app.clone()).await) };
    let (_, browser) = Form::ours(&request, &app, payload).await?;
    let provider = operator::provider(configured, &callback_url(&app));
    let options = AuthRequestOptions { login: true, ..AuthRequestOptions::default() };
    match start(&app, &browser, &provider, Purpose::Operator, options).await? {
        Ok(answer) => Ok(answer),
        Err(problem) => Ok(sign_in_page(&app, &browser, Some(problem), StatusCode::BAD_GATEWAY)),
    }
}

/// Back from the provider: a token for an operator who is on the list.
pub(super) async fn callback(
    app: &App,
    browser: &Browser,
    code: Result<&str, Refusal>,
    pending: &Pending,
) -> Result<HttpResponse, PageFailure> {
    let refused = |problem: Refusal| Ok(sign_in_page(app, browser, Some(problem), StatusCode::UNAUTHORIZED));
    let Some(configured) = &app.config.operator_sign_in else {
        return refused(Refusal::new(OwnCode::OperatorSignInOff, "Operators do not log in here any more."));
    };
    let code = match code {
        Ok(code) => code,
        Err(problem) => return refused(problem),
    };
    let calls = Calls::default();
    let send = app.outbound.relying_party(&calls);
    let provider = operator::provider(configured, &callback_url(app));
    let identified = app.providers.finish(&provider, pending, code, &send).await;
    browser.notes.take_down().called(calls.take());
    let identity = match identified {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(%error, "an operator could not log in");
            return refused(not_logged_in(&error));
        }
    };
    let (now, from) = (app.clock.now(), browser.source.clone());
    let address = match operator::admitted(configured, &identity) {
        Ok(address) => address,
        Err(problem) => {
            let noted = app.db.write(move |tx| {
                tx.act_as(Actor::Browser.at(from.clone()));
                operator::refused(tx, &identity, now);
                Ok::<_, DbError>(())
            });
            noted.await?;
            return refused(problem);
        }
    };
    let token = oauth::generated(oauth::Prefix::Operator, &mut system::fill);
    let (fingerprint, expires) = (app.keys.fingerprint(&token), now + configured.token_seconds as i64 * 1000);
    let signed_in =
        app.db.write(move |tx| operator::sign_in(tx, &address, &fingerprint, expires, from.clone(), now)).await?;
    Ok(page(
        app,
        StatusCode::OK,
        &OperatorTokenPage {
            name: wording::strip_invisible(&signed_in.name),
            token,
            until: wording::format_time(expires),
        },
    ))
}

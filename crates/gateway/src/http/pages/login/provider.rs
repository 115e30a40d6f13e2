//! Users go to the OpenID provider of their account, and come back identified.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::{FormMessage, page_for};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::ids::AccountKey;
use crate::domain::request::{OwnCode, Refusal};
use crate::http::pages::cookies::Browser;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::Form;
use crate::http::pages::intent::LoginIntent;
use crate::http::pages::respond::redirect;
use crate::platform::openid_client::{AuthRequestOptions, OpenIdProvider, Pending, random};
use crate::platform::outbound::Calls;
use crate::services::sign_in::AuthenticatedUser;
use crate::services::sign_in::pending::{self, PendingSignIn, Purpose};
use crate::services::sign_in::upstream::{NONE, Upstream, not_logged_in};
use crate::storage::ReadCost;

/// The longest hint that is passed on, in bytes: no name is longer, and the provider's URL has to stay one that it takes.
const MAX_HINT: usize = 512;

/// Where providers send users back to.
fn callback_url(app: &App) -> String {
    format!("{}/login/callback", app.public_url)
}

/// Where the vendor's provider sends operators back to.
pub(in crate::http::pages) fn operators_callback_url(app: &App) -> String {
    format!("{}/login/callback", app.admin_url)
}

/// Sends a browser to a provider.
pub(in crate::http::pages) async fn start(
    app: &App,
    browser: &Browser,
    provider: &OpenIdProvider,
    purpose: Purpose,
    options: AuthRequestOptions,
) -> Result<Result<HttpResponse, Refusal>, PageFailure> {
    let state = random();
    let calls = Calls::default();
    let send = app.outbound.relying_party(&calls);
    let begun = app.providers.begin(provider, options, state.clone(), &send).await;
    browser.notes.take_down().called(calls.take());
    let (url, pending) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            tracing::warn!(%error, "logging in at an OpenID provider is not possible");
            return Ok(Err(not_logged_in(&error)));
        }
    };
    let sign_in = PendingSignIn { purpose, issuer: provider.issuer.clone(), pending, browser: browser.csrf(app) };
    let (keys, sealed, now) = (app.keys.clone(), sign_in.seal(&app.keys), app.clock.now());
    app.db.write(move |tx| pending::keep(tx, &keys, &state, &sealed, now)).await?;
    let mut answer = redirect(&url);
    browser.introduce(app, &mut answer);
    Ok(Ok(answer))
}

async fn upstream(app: &App, account: AccountKey) -> Result<Option<Upstream>, PageFailure> {
    let (keys, back) = (app.keys.clone(), callback_url(app));
    Ok(app.db.read(ReadCost::Point, move |tx| Upstream::find(tx, &keys, account, &back)).await?)
}

/// `POST /login/provider`
pub(in crate::http::pages) async fn begin(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let intent = LoginIntent::open(&app, &browser, form.field("request"))?;
    let found = match super::account_of(&app, &intent).await? {
        Some(account) => upstream(&app, account.seq).await?,
        None => None,
    };
    let Some(Upstream { account, provider, .. }) = found else {
        return page_for(
            &app,
            &browser,
            &intent,
            FormMessage::problem(Refusal::new(OwnCode::ProviderMissing, NONE), StatusCode::OK),
        )
        .await;
    };
    let asked = intent.asked();
    let options = AuthRequestOptions {
        login_hint: asked.and_then(|asked| asked.login_hint.clone()).filter(|hint| hint.len() <= MAX_HINT),
        login: asked.is_some_and(|asked| asked.prompt.login || asked.max_age.is_some()),
    };
    let purpose = Purpose::Person { account: account.seq, request: intent.seal(&app) };
    match start(&app, &browser, &provider, purpose, options).await? {
        Ok(answer) => Ok(answer),
        Err(problem) => page_for(&app, &browser, &intent, FormMessage::problem(problem, StatusCode::BAD_GATEWAY)).await,
    }
}

/// The user of the account who came back with this code, or what they are told.
pub(super) async fn user(
    app: &App,
    browser: &Browser,
    account: AccountKey,
    code: &str,
    pending: &Pending,
) -> Result<Result<AuthenticatedUser, Refusal>, PageFailure> {
    let Some(upstream) = upstream(app, account).await? else {
        return Ok(Err(Refusal::new(OwnCode::ProviderMissing, NONE)));
    };
    let calls = Calls::default();
    let send = app.outbound.relying_party(&calls);
    let identified = app.providers.finish(&upstream.provider, pending, code, &send).await;
    browser.notes.take_down().called(calls.take());
    let identity = match identified {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(%error, "a user could not log in at an OpenID provider");
            return Ok(Err(not_logged_in(&error)));
        }
    };
    let (work, from) = (app.clone(), browser.source.clone());
    let proven = app.db.write(move |tx| {
        tx.act_as(Actor::Browser.at(from.clone()));
        let provider = work.provider(&upstream.account)?;
        work.scim(&provider, work.clock.now(), |cx| upstream.prove(tx, cx, &identity))
    });
    Ok(proven.await?)
}

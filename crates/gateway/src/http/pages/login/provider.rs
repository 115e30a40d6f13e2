//! Users go to the OpenID provider of their account, and come back identified.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::{FormMessage, finish, page_for};
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
use crate::platform::timestamp::Timestamp;
use crate::services::sign_in::pending::{self, PendingSignIn, Purpose};
use crate::services::sign_in::upstream::{NONE, Recency, Upstream, not_logged_in, recency};
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
    let Some(upstream) = found else {
        return page_for(
            &app,
            &browser,
            &intent,
            FormMessage::problem(Refusal::new(OwnCode::ProviderMissing, NONE), StatusCode::OK),
        )
        .await;
    };
    leave(&app, &browser, &intent, &upstream, false).await
}

/// Sends a user to their provider, with what the request that they log in for says; or anew, because the provider has not had them log in
/// as that request wants.
async fn leave(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    upstream: &Upstream,
    anew: bool,
) -> Result<HttpResponse, PageFailure> {
    let asked = intent.asked();
    let short = |text: &String| text.len() <= MAX_HINT;
    let classes = asked.and_then(|asked| asked.acr_values.clone()).filter(short).unwrap_or_default();
    let login = anew || asked.is_some_and(|asked| asked.prompt.login);
    let options = AuthRequestOptions {
        login_hint: asked.and_then(|asked| asked.login_hint.clone()).filter(short),
        login,
        max_age: asked.and_then(|asked| asked.max_age),
        acr_values: classes.split_ascii_whitespace().map(str::to_owned).collect(),
    };
    let purpose = Purpose::Person {
        account: upstream.account.seq,
        request: intent.seal(app),
        fresh_since: intent.fresh_since(),
        asked_anew: login,
    };
    match start(app, browser, &upstream.provider, purpose, options).await? {
        Ok(answer) => Ok(answer),
        Err(problem) => page_for(app, browser, intent, FormMessage::problem(problem, StatusCode::BAD_GATEWAY)).await,
    }
}

/// A user who came back with a code to this request for a log-in.
#[derive(Debug)]
pub(super) struct Return<'a> {
    pub(super) account: AccountKey,
    pub(super) intent: &'a LoginIntent,
    pub(super) fresh_since: Option<Timestamp>,
    pub(super) asked_anew: bool,
}

/// What comes next for the user of the account who came back with this code.
pub(super) async fn came_back(
    app: &App,
    browser: &Browser,
    of: Return<'_>,
    code: &str,
    pending: &Pending,
) -> Result<HttpResponse, PageFailure> {
    let not = |refusal| not_let_in(app, browser, of.intent, refusal);
    let Some(upstream) = upstream(app, of.account).await? else {
        return not(Refusal::new(OwnCode::ProviderMissing, NONE)).await;
    };
    let calls = Calls::default();
    let send = app.outbound.relying_party(&calls);
    let identified = app.providers.finish(&upstream.provider, pending, code, &send).await;
    browser.notes.take_down().called(calls.take());
    let identity = match identified {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(%error, "a user could not log in at an OpenID provider");
            return not(not_logged_in(&error)).await;
        }
    };
    let authenticated = match recency(identity.auth_time, of.fresh_since, of.asked_anew, app.clock.now()) {
        Recency::Counts(at) => at,
        Recency::AskAnew => return leave(app, browser, of.intent, &upstream, true).await,
        Recency::TooOld => {
            let name = &upstream.configured.name;
            let why = format!("{name} did not ask you to log in again, and what sent you wants that.");
            return not(Refusal::new(OwnCode::ProviderLoginOld, why)).await;
        }
    };
    let (work, from) = (app.clone(), browser.source.clone());
    let proven = app.db.write(move |tx| {
        tx.act_as(Actor::Browser.at(from.clone()));
        let provider = work.provider(&upstream.account)?;
        work.scim(&provider, work.clock.now(), |cx| upstream.prove(tx, cx, &identity, authenticated))
    });
    match proven.await? {
        Ok(user) => finish(app, browser, of.intent, &user).await,
        Err(refusal) => not(refusal).await,
    }
}

/// The log-in page, with why the provider's word does not let in.
pub(super) async fn not_let_in(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    refusal: Refusal,
) -> Result<HttpResponse, PageFailure> {
    page_for(app, browser, intent, FormMessage::problem(refusal, StatusCode::UNAUTHORIZED)).await
}

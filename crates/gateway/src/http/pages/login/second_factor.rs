//! The page after the password that asks for the code of an authenticator app, or has the user set one up. What is proven so far comes
//! along sealed, bound to the browser.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};

use super::{FormMessage, logged_in, page_for};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::throttle::retry_after;
use crate::domain::wording;
use crate::http::pages::cookies::{self, Browser};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::Form;
use crate::http::pages::frame;
use crate::http::pages::intent::LoginIntent;
use crate::http::pages::templates::{RecoveryCodesPage, SecondFactorPage, SetUp, page};
use crate::services::second_factor::{self, Holder, Outcome, Typed, session_secret};
use crate::services::sign_in::{Asks, AuthenticatedUser, Owner, carried};
use crate::storage::ReadCost;

const WRONG: &str = "Incorrect code, or it was used already. Wait for the next code and type it.";

/// The page after the password.
pub(super) async fn ask(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    user: AuthenticatedUser,
    asks: Asks,
) -> Result<HttpResponse, PageFailure> {
    if asks == Asks::SetUp {
        begin(app, browser, Owner::from(&user).into()).await?;
    }
    show(app, browser, intent, &user, FormMessage { status: StatusCode::OK, ..FormMessage::default() }).await
}

async fn show(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    user: &AuthenticatedUser,
    said: FormMessage,
) -> Result<HttpResponse, PageFailure> {
    let set_up = set_up(app, Owner::from(user).into()).await?;
    let shown = SecondFactorPage {
        action: "/login/second-factor",
        removes: false,
        problem: said.problem.map(|refusal| browser.refused(refusal)).unwrap_or_default(),
        request: intent.seal(app),
        proven: carried::seal(&app.keys, user, browser.csrf(app), set_up.is_some()),
        set_up,
        csrf: browser.csrf(app),
    };
    let mut answer = page(app, said.status, &shown);
    if let Some(seconds) = said.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(answer)
}

/// Begins to set up an app, unless the user has one.
pub(in crate::http::pages) async fn begin(app: &App, browser: &Browser, holder: Holder) -> Result<(), PageFailure> {
    let (keys, browser, now) = (app.keys.clone(), browser.csrf(app), app.clock.now());
    Ok(app.db.write(move |tx| second_factor::begin(tx, &keys, &holder, &browser, now)).await?)
}

/// What an app is told to be set up; nothing where one is confirmed.
pub(in crate::http::pages) async fn set_up(app: &App, holder: Holder) -> Result<Option<SetUp>, PageFailure> {
    let keys = app.keys.clone();
    let found = app.db.read(ReadCost::Point, move |tx| second_factor::set_up(tx, &keys, &holder)).await?;
    Ok(found.map(|found| {
        // An operator's app is told whose console it opens.
        let account = found.account.unwrap_or_else(|| frame::name(app));
        let (account, user) = (wording::strip_invisible(&account), wording::strip_invisible(&found.user));
        SetUp { picture: picture(&found.secret.uri(&account, &user)), secret: found.secret.text() }
    }))
}

/// A QR code, as a drawing of the page itself.
fn picture(text: &str) -> String {
    use qrcode::render::svg;
    match qrcode::QrCode::new(text) {
        Ok(code) => code
            .render::<svg::Color<'_>>()
            .min_dimensions(200, 200)
            .dark_color(svg::Color("#000"))
            .light_color(svg::Color("#fff"))
            .build()
            .trim_start_matches(r#"<?xml version="1.0" standalone="yes"?>"#)
            .to_owned(),
        // Too long a name for a picture: the text beside it does.
        Err(_) => String::new(),
    }
}

/// `POST /login/second-factor`
pub(in crate::http::pages) async fn submit(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let intent = LoginIntent::open(&app, &browser, form.field("request"))?;
    let (alive, sealed) = (cookies::alive(&app), form.field("proven"));
    let (user, sets_up) =
        carried::open::<AuthenticatedUser>(&app.keys, sealed, |shown_to| browser.sent(&app, shown_to), alive.now)
            .ok_or(PageFailure::StaleForm)?;
    browser.notes.take_down().acts(user.account(), user.id());
    let typed = Typed { code: form.field("code").to_owned(), sets_up };
    let secret = session_secret(&app.keys, sealed, &typed.code);
    let session = browser.beginning(&app, user.session(intent.requested()), secret);
    let cookie = cookies::of_session(&app, &session);
    let (keys, owner, from) = (app.keys.clone(), Owner::from(&user), browser.source.clone());
    let holder = Holder::from(owner.clone());
    let outcome = app.db.write(move |tx| {
        tx.act_as(Actor::User(Named::id(&owner.id)).at(from.clone()));
        second_factor::log_in(tx, &keys, &holder, &typed, &session, alive)
    });
    match outcome.await? {
        Outcome::Accepted | Outcome::Recovered => Ok(logged_in(&app, &browser, &intent, &user, &cookie)),
        Outcome::Confirmed(codes) => {
            let logged_in = logged_in(&app, &browser, &intent, &user, &cookie);
            Ok(recovery_codes(&app, codes, &intent.url(&app), Some(&logged_in)))
        }
        Outcome::Wrong => {
            let said = FormMessage::problem(Refusal::new(OwnCode::SecondFactorWrong, WRONG), StatusCode::UNAUTHORIZED);
            show(&app, &browser, &intent, &user, said).await
        }
        Outcome::Wait(until) => {
            let seconds = retry_after(until, alive.now);
            let problem = format!("There were too many wrong codes. Wait {} and try again.", wording::wait(seconds));
            let refusal = Refusal::new(OwnCode::SecondFactorThrottled, problem);
            let said = FormMessage::problem(refusal, StatusCode::TOO_MANY_REQUESTS);
            show(&app, &browser, &intent, &user, FormMessage { retry_after: Some(seconds), ..said }).await
        }
        Outcome::Gone => {
            let taken_away = "Your authenticator app was taken away meanwhile. Log in again.";
            let refusal = Refusal::new(OwnCode::SecondFactorGone, taken_away);
            page_for(&app, &browser, &intent, FormMessage::problem(refusal, StatusCode::OK)).await
        }
    }
}

/// The page that shows recovery codes, this once; with the cookies of an answer it takes the place of.
pub(in crate::http::pages) fn recovery_codes(
    app: &App,
    codes: Vec<String>,
    next: &str,
    in_place_of: Option<&HttpResponse>,
) -> HttpResponse {
    let mut answer = page(app, StatusCode::OK, &RecoveryCodesPage { codes, next: next.to_owned() });
    for cookie in in_place_of.into_iter().flat_map(HttpResponse::cookies) {
        let _ = answer.add_cookie(&cookie.into_owned());
    }
    answer
}

//! The authenticator app on a person's own page: setting one up, and taking it away.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::Browser;
use super::failure::PageFailure;
use super::intent::LoginIntent;
use super::login::second_factor::{self, Outcome};
use super::self_service::{back, ours, prove_again};
use super::templates::{SecondFactorPage, page};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Act, Action};
use crate::domain::throttle::AttemptKey;
use crate::platform::system;
use crate::storage::sessions::Session;

const WHY: &str = "To set up or take away an authenticator app, log in once more. Then press the button again.";
const WRONG: &str = "That is not the code of this moment. Look at the app again, and at its clock.";

async fn page_for(
    app: &App,
    browser: &Browser,
    session: &Session,
    problem: Option<&str>,
) -> Result<HttpResponse, PageFailure> {
    let set_up = second_factor::set_up(app, session.account, &session.owner_id, session.owner).await?;
    if set_up.is_none() {
        return Ok(back(app));
    }
    let shown = SecondFactorPage {
        set_up,
        action: "/account/second-factor/confirm",
        problem: problem.map(str::to_owned),
        request: String::new(),
        proven: String::new(),
        csrf: browser.csrf(app),
    };
    let status = if problem.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    Ok(page(app, status, &shown))
}

/// `GET /account/second-factor`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let session = browser.session(&app).await?;
    match prove_again(&app, &browser, session, LoginIntent::Account, WHY).await? {
        Ok(session) => page_for(&app, &browser, &session, None).await,
        Err(log_in) => Ok(log_in),
    }
}

/// `POST /account/second-factor`
pub(super) async fn begin(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (_, browser, session) = ours(&request, &app, payload).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Account, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    second_factor::begin(&app, &browser, session.account, session.owner).await?;
    page_for(&app, &browser, &session, None).await
}

/// `POST /account/second-factor/confirm`: the first code shows that the app works.
pub(super) async fn confirm(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, session) = ours(&request, &app, payload).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Account, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    match spend(&app, &browser, &session, form.field("code"), For::Confirming).await? {
        Some(Outcome::Confirmed(codes)) => {
            Ok(second_factor::recovery_codes(&app, codes, &format!("{}/account", app.public_url), None))
        }
        Some(Outcome::Wrong) => page_for(&app, &browser, &session, Some(WRONG)).await,
        None => page_for(&app, &browser, &session, Some("There were too many wrong codes. Wait a little.")).await,
        Some(_) => Ok(back(&app)),
    }
}

/// `POST /account/second-factor/remove`: whoever takes it away shows once more that they have it.
pub(super) async fn remove(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, session) = ours(&request, &app, payload).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Account, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    spend(&app, &browser, &session, form.field("code"), For::Removing).await?;
    Ok(back(&app))
}

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Confirming,
    Removing,
}

/// Spends a code, unless there were too many wrong ones of late, and does what it is for.
async fn spend(
    app: &App,
    browser: &Browser,
    session: &Session,
    code: &str,
    what_for: For,
) -> Result<Option<Outcome>, PageFailure> {
    let counts = AttemptKey::second_factor(&app.keys, session.owner);
    let (work, code, session, from) = (app.clone(), code.to_owned(), session.clone(), browser.address.clone());
    app.db
        .write(move |tx| {
            if tx.begin_attempt(&counts, system::now())?.is_some() {
                return Ok(None);
            }
            tx.act_as(Actor::User(Named::id(&session.owner_id)).at(from.clone()));
            let again = match what_for {
                For::Confirming => second_factor::confirmed_again(&work, tx, session.owner, &code)?,
                For::Removing => None,
            };
            let outcome = match again {
                Some(codes) => Outcome::Confirmed(codes),
                None => second_factor::spend(&work, tx, session.account, session.owner, &session.owner_id, &code)?,
            };
            if !matches!(outcome, Outcome::Wrong | Outcome::Gone) {
                tx.attempt_succeeded(&counts)?;
            }
            let may_remove = matches!(outcome, Outcome::Accepted | Outcome::Recovered);
            if what_for == For::Removing && may_remove && tx.remove_second_factor(session.owner)? {
                let removed = Act::new(Action::SecondFactorRemoved).on(&session.owner_id);
                tx.raise(system::now(), Some(session.account), removed);
            }
            Ok::<_, PageFailure>(Some(outcome))
        })
        .await
}

//! Users who forgot their password: where mail is configured a link is mailed, else the page says whom to ask.
//!
//! What is answered, and what is done before, does not depend on whether there is a user of the name.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use scim::resource::user_name::trimmed;

use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::wording;
use crate::http::edge::query;
use crate::http::pages::cookies::Browser;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::Form;
use crate::http::pages::respond::redirect;
use crate::http::pages::templates::{ForgottenPage, Way, page, told};
use crate::services::password_links::forgotten::Forgotten;

/// Says in the address that a link was asked for.
const SENT: &str = "sent";

fn form(app: &App, browser: &Browser, username: &str, problem: Option<Refusal>, status: StatusCode) -> HttpResponse {
    let shown = ForgottenPage {
        is_mailed: app.config.mail.is_some(),
        username: wording::strip_invisible(username).chars().take(200).collect(),
        problem: problem.map(|refusal| browser.refused(refusal)).unwrap_or_default(),
        minutes: app.config.password_links.recovery / 60_000,
        csrf: browser.csrf(app),
    };
    let mut answer = page(app, status, &shown);
    browser.introduce(app, &mut answer);
    answer
}

/// `GET /login/forgotten`
pub(in crate::http::pages) async fn show(
    request: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    if app.config.mail.is_some() && pairs.iter().any(|(name, _)| name == SENT) {
        let detail = format!(
            "If there is a user of this name with a password and an e-mail address, a letter with a link is on its way. The link works once, \
             within {} minutes.",
            app.config.password_links.recovery / 60_000
        );
        let hint = "No letter after some minutes? Look among the unwanted ones. People who log in at their company's identity provider get \
                    none: they have no password here.";
        return Ok(told(&app, StatusCode::OK, "Look into your mailbox", &detail, Some(hint), &[Way::LOG_IN]));
    }
    Ok(form(&app, &browser, "", None, StatusCode::OK))
}

/// `POST /login/forgotten`
pub(in crate::http::pages) async fn submit(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (sent, browser) = Form::ours(&request, &app, payload).await?;
    let username = trimmed(sent.field("username"));
    if app.config.mail.is_none() {
        return Ok(redirect(&format!("{}/login/forgotten", app.public_url)));
    }
    if username.is_empty() {
        let refusal = Refusal::new(OwnCode::PasswordWrong, "Type the name that you log in by.");
        return Ok(form(&app, &browser, username, Some(refusal), StatusCode::BAD_REQUEST));
    }
    let forgotten = Forgotten::new(&app.keys, username, &browser.source)?;
    let source = browser.source.clone();
    let noted = app.db.write(move |tx| {
        tx.act_as(Actor::Browser.at(source.clone()));
        forgotten.note(tx)
    });
    match noted.await? {
        Ok(()) => Ok(redirect(&format!("{}/login/forgotten?{SENT}", app.public_url))),
        Err(seconds) => {
            let detail = format!(
                "Links were asked for too often. Look into your mailbox, and if there is none, try again in {}.",
                wording::wait(seconds)
            );
            let refusal = Refusal::new(OwnCode::RecoveryThrottled, detail);
            let mut answer = form(&app, &browser, username, Some(refusal), StatusCode::TOO_MANY_REQUESTS);
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            Ok(answer)
        }
    }
}

//! The link with which an operator sets a password. Opening it uses nothing up: a mail scanner may.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::login::{Next, go_on};
use crate::app::App;
use crate::domain::password_link::{LinkPurpose, LinkRefusal};
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::throttle::place;
use crate::domain::wording;
use crate::http::edge::audience::Audience;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::cookies::Browser;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::Form;
use crate::http::pages::templates::{Way, filters, page, told};
use crate::platform::secret_text::SecretText;
use crate::platform::turns::Payer;
use crate::services::operator_logins::{self, Guest};
use crate::storage::ReadCost;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/welcome/{link}" Audience::LinkHolder => show, "Asks an operator who has a link for a password.";
    POST "/console/welcome/{link}" Audience::LinkHolder => submit, "Sets an operator's password by a link, once.";
];

/// A password by a link.
#[derive(Debug, Template)]
#[template(path = "console/welcome.html")]
struct WelcomePage {
    name: String,
    address: String,
    is_first: bool,
    /// It is asked for next.
    needs_app: bool,
    problem: String,
    action: String,
    csrf: String,
}

/// Whose turn it takes to compute the hash of an operator's password.
pub(super) fn payer_of(browser: &Browser) -> Payer {
    Payer::called("address", &place(browser.source.address.as_deref()))
}

fn form(app: &App, browser: &Browser, link: &str, guest: &Guest, problem: Option<Refusal>) -> HttpResponse {
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let shown = WelcomePage {
        name: wording::strip_invisible(&guest.name),
        address: wording::strip_invisible(&guest.address),
        is_first: guest.purpose == LinkPurpose::Invitation,
        needs_app: app.config.console.second_factor,
        problem: problem.map(|refusal| browser.refused(refusal)).unwrap_or_default(),
        action: format!("/console/welcome/{link}"),
        csrf: browser.csrf(app),
    };
    let mut answer = page(app, status, &shown);
    browser.introduce(app, &mut answer);
    answer
}

fn refused(app: &App, browser: &Browser, refusal: LinkRefusal) -> HttpResponse {
    let (title, why) = match refusal {
        LinkRefusal::Unknown => {
            ("This link does not count", "It is mistyped, or a newer one was made in its place.".to_owned())
        }
        LinkRefusal::Used => ("This link was used", "It has set a password, and counts once.".to_owned()),
        LinkRefusal::Expired => ("This link has expired", "Links count for a limited time.".to_owned()),
    };
    let why = browser.refused(Refusal::new(OwnCode::StaleForm, why));
    let hint = "Log in, or ask an operator with the role Platform for another link.";
    told(app, StatusCode::GONE, title, &why, Some(hint), &[Way::CONSOLE])
}

/// `GET /console/welcome/{link}`
async fn show(request: HttpRequest, app: web::Data<App>, link: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let (keys, secret) = (app.keys.clone(), link.clone());
    let found = app.db.read(ReadCost::Point, move |tx| operator_logins::guest(tx, &keys, &secret)).await?;
    Ok(match found {
        Ok(guest) => form(&app, &browser, &link, &guest, None),
        Err(refusal) => refused(&app, &browser, refusal),
    })
}

/// `POST /console/welcome/{link}`
async fn submit(
    request: HttpRequest,
    app: web::Data<App>,
    link: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (sent, browser) = Form::ours(&request, &app, payload).await?;
    let (keys, secret) = (app.keys.clone(), link.clone());
    let found = app.db.read(ReadCost::Point, move |tx| operator_logins::guest(tx, &keys, &secret)).await?;
    let guest = match found {
        Ok(guest) => guest,
        Err(refusal) => return Ok(refused(&app, &browser, refusal)),
    };
    let password = SecretText::new(sent.field("password"));
    let problem = operator_logins::refusal(&guest.address, &guest.name, password.reveal(), sent.field("again"));
    if let Some(problem) = problem {
        let problem = Refusal::new(OwnCode::PasswordUnsuitable, problem);
        return Ok(form(&app, &browser, &link, &guest, Some(problem)));
    }
    let payer = payer_of(&browser);
    let hash = app.passwords.hash(payer, password).await?;
    let (keys, secret, from) = (app.keys.clone(), link.clone(), browser.source.clone());
    let entered = app
        .db
        .write_for(payer, move |tx| operator_logins::enter_by_link(tx, &keys, &secret, &hash, from.clone()))
        .await?;
    match entered {
        Ok(operator) => go_on(&app, &browser, &Next::home(), operator, sent.field("csrf")).await,
        Err(refusal) => Ok(refused(&app, &browser, refusal)),
    }
}

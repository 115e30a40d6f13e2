//! *Send by mail*: a link that an operator has just made goes to the person it is for. The page that shows the link carries it sealed in a
//! form, so nothing is kept for it between two requests.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::parts::Typed;
use super::tabs::of_account;
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::letter::{LetterSubject, Sender};
use crate::domain::sealing::LETTER;
use crate::http::edge::audience::Audience;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::{self, filters};
use crate::platform::system;
use crate::services::error::Refusal;
use crate::services::letters::{self, MadeLink};
use crate::storage::ReadCost;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    POST "/console/letters" Audience::Operator => send, "Mails a link that was made just now to the person it is for.";
];

/// So long a page that shows a link may have it mailed, in milliseconds.
const FRESH: i64 = 60 * 60 * 1000;

/// What bodies call the fields of this form.
const FIELDS: [(&str, &str, &str); 1] = [("address", "address", "The address")];

/// The form that has a link mailed, on the page that shows the link.
#[derive(Debug)]
pub(super) struct MailForm {
    /// There is a relay.
    pub(super) is_configured: bool,
    /// The link, sealed.
    pub(super) sealed: String,
    /// Where the letter goes, if that is not typed: where the person has an address.
    pub(super) to: Option<String>,
    /// Whether it is typed.
    pub(super) is_typed: bool,
    pub(super) typed: Typed,
}

/// The form for a link that this operator has just made.
pub(super) async fn form(desk: &Desk, app: &App, subject: LetterSubject, url: &str) -> Result<MailForm, PageFailure> {
    let made = MadeLink { operator: desk.id().to_owned(), subject, url: url.to_owned(), made: app.clock.now() };
    form_of(desk, app, &made, Typed::default()).await
}

async fn form_of(desk: &Desk, app: &App, made: &MadeLink, typed: Typed) -> Result<MailForm, PageFailure> {
    let (mandate, subject) = (desk.mandate().clone(), made.subject.clone());
    let to = desk.read(app, ReadCost::Point, move |tx| letters::address_of(tx, &mandate, &subject)).await?;
    let plain = serde_json::to_vec(made).unwrap_or_default();
    Ok(MailForm {
        is_configured: app.config.mail.is_some(),
        sealed: app.keys.seal(LETTER, system::nonce(), &plain),
        to: to.map(|to| to.to_string()),
        is_typed: matches!(made.subject, LetterSubject::SetupLink { .. }),
        typed,
    })
}

/// A link that was not mailed: it is shown once more, for it is shown nowhere else.
#[derive(Debug, Template)]
#[template(path = "console/letter.html")]
struct NotSentPage {
    url: String,
    mail: MailForm,
    /// The page of what the link is for.
    back: String,
}

/// Where the console shows what a link is for.
fn place(subject: &LetterSubject) -> String {
    match subject {
        LetterSubject::SetupLink { account, link } => format!("{}/setup-links/{link}", of_account(account)),
        LetterSubject::User { account, user } => format!("{}/users/{user}", of_account(account)),
        LetterSubject::Operator { operator } => format!("/console/operators/{operator}"),
    }
}

/// `POST /console/letters`
async fn send(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
    let opened = app.keys.open(LETTER, typed.value("letter")).and_then(|plain| serde_json::from_slice(&plain).ok());
    let made: MadeLink = opened.ok_or_else(lost)?;
    if made.operator != desk.id() || app.clock.now() - made.made > FRESH {
        return Err(lost());
    }
    let outcome = match app.config.mail {
        None => Err(Refusal::Conflict {
            detail: "This server has no mail relay: copy the link, and send it yourself.".to_owned(),
            errors: Vec::new(),
        }),
        Some(_) => {
            let (keys, mandate, link, to) =
                (app.keys.clone(), desk.mandate().clone(), made.clone(), typed.value("address").to_owned());
            let sender = sender(&app, &desk);
            desk.act(&app, move |tx| letters::send(tx, &mandate, &keys, &link, &to, &sender)).await?
        }
    };
    match outcome {
        Ok(shown) => {
            let said = format!(
                "The letter to {shown} is on its way. If it does not arrive, copy the link and send it yourself."
            );
            Ok(desk.done(&app, &place(&made.subject), &said))
        }
        Err(refusal) => {
            let status = match refusal {
                Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
                _ => StatusCode::CONFLICT,
            };
            typed.refused(refusal, &FIELDS);
            let mail = form_of(&desk, &app, &made, typed).await?;
            let section = match made.subject {
                LetterSubject::Operator { .. } => Section::Operators,
                _ => Section::Accounts,
            };
            let shown = NotSentPage { back: place(&made.subject), url: made.url, mail };
            Ok(desk.page_with(&app, status, section, &shown))
        }
    }
}

/// The form has no link of this operator's that was made just now.
fn lost() -> PageFailure {
    let detail = "This page no longer has the link that was to be mailed. Make a new link, and have that one mailed.";
    PageFailure::Act(Refusal::Conflict { detail: detail.to_owned(), errors: Vec::new() })
}

/// In whose name letters are written.
pub(super) fn sender(app: &App, desk: &Desk) -> Sender {
    Sender { vendor: frame::name(app), support: app.config.brand.support.clone(), operator: desk.name().to_owned() }
}

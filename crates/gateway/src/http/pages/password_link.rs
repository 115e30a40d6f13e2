//! Links with which users set a password. Opening one uses nothing up, so mail scanners and previews do no harm; the form does, once.
//!
//! The link is in the address of the page that was opened, and in the body of the form that it shows. It is in no redirect, no log (the
//! request log has the route) and, by `Referrer-Policy`, in no request to another page.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::frame::Frame;
use super::respond::redirect;
use super::templates::{PasswordLinkPage, Way, page, problem, told};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::password_link::{LinkPurpose, LinkRefusal};
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::wording;
use crate::platform::secret_text::SecretText;
use crate::platform::turns::Payer;
use crate::services::password_links::users::{self, NotSet, OpenLink};
use crate::storage::ReadCost;

async fn open(app: &App, browser: &Browser, link: &str) -> Result<Result<OpenLink, NotSet>, PageFailure> {
    let (keys, link) = (app.keys.clone(), link.to_owned());
    let found = app.db.read(ReadCost::Point, move |tx| users::open(tx, &keys, &link)).await?;
    match &found {
        Ok(open) => browser.notes.take_down().acts(open.account, &open.id),
        Err(NotSet::Suspended { account, user, .. }) => browser.notes.take_down().acts(*account, user),
        Err(_) => {}
    }
    Ok(found)
}

fn form(app: &App, browser: &Browser, link: &str, open: &OpenLink, wrong: Option<Refusal>) -> HttpResponse {
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let shown = PasswordLinkPage {
        user: wording::strip_invisible(&open.owner.user),
        account: wording::strip_invisible(&open.owner.account),
        is_first: open.purpose == LinkPurpose::Invitation,
        until: wording::format_time(open.expires),
        link: link.to_owned(),
        problem: wrong.map(|refusal| browser.refused(refusal)).unwrap_or_default(),
        csrf: browser.csrf(app),
    };
    let mut answer = page(app, status, &shown);
    browser.introduce(app, &mut answer);
    answer
}

/// Why the link sets no password, and what to do.
fn refused(app: &App, browser: &Browser, why: &NotSet) -> HttpResponse {
    let (title, detail, way) = match why {
        NotSet::Link(LinkRefusal::Used) => (
            "This link was used",
            "A password was set with it, and a link works once. If that was you, log in. If not, ask for a new link at once: it ends what \
             the other has begun."
                .to_owned(),
            Way::LOG_IN,
        ),
        NotSet::Link(LinkRefusal::Expired) => (
            "This link is over",
            "Links to set a password work for a limited time. Nothing was changed.".to_owned(),
            Way::FORGOTTEN,
        ),
        NotSet::Link(LinkRefusal::Unknown) => (
            "This link does not work",
            "It was not copied whole, or a newer link took its place. Use the newest one, and copy it whole.".to_owned(),
            Way::FORGOTTEN,
        ),
        NotSet::Barred(why) => ("No password is needed", why.clone(), Way::LOG_IN),
        NotSet::Suspended { name, .. } => return suspended(app, browser, name),
    };
    let detail = browser.refused(Refusal::new(OwnCode::PasswordLinkRefused, detail));
    let hint = "New links come from the person who sent you this one, or from the log-in page.".to_owned();
    problem(app, StatusCode::GONE, (title, &detail, Some(hint)), &[way], None)
}

/// That the link can wait, and whom to ask.
fn suspended(app: &App, browser: &Browser, account: &str) -> HttpResponse {
    let detail = format!(
        "The account {} is suspended, so no user of it can set a password or log in. Nothing is lost, and this link was not used up.",
        wording::strip_invisible(account)
    );
    let detail = browser.refused(Refusal::new(oauth::RefusalCode::AccountSuspended, detail));
    let whom = Frame::of(app).whom_to_ask();
    let hint =
        format!("To learn why, or to have the account resumed, {whom}. Until the link expires it can be opened again.");
    problem(app, StatusCode::FORBIDDEN, ("The account is suspended", &detail, Some(hint)), &[], None)
}

/// `GET /password/{link}`
pub(super) async fn show(
    request: HttpRequest,
    app: web::Data<App>,
    link: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    Ok(match open(&app, &browser, &link).await? {
        Ok(open) => form(&app, &browser, &link, &open, None),
        Err(why) => refused(&app, &browser, &why),
    })
}

/// The link does not count. Where the form was sent twice, and the first has set this very password, that is what its user is told.
async fn unless_done(
    app: &App,
    browser: &Browser,
    link: String,
    typed: &str,
    why: NotSet,
) -> Result<HttpResponse, PageFailure> {
    let keys = app.keys.clone();
    let hash = app.db.read(ReadCost::Point, move |tx| users::just_set(tx, &keys, &link)).await?;
    if why == NotSet::Link(LinkRefusal::Used)
        && let Some(hash) = hash
        && app.passwords.verify(Payer::SERVER, SecretText::new(typed), Some(hash)).await?
    {
        return Ok(redirect(&format!("{}/password", app.public_url)));
    }
    Ok(refused(app, browser, &why))
}

/// `POST /password`: the link is looked at before the password is hashed, which takes long.
pub(super) async fn submit(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (sent, browser) = Form::ours(&request, &app, payload).await?;
    let link = sent.field("link").to_owned();
    let open = match open(&app, &browser, &link).await? {
        Ok(open) => open,
        Err(why) => return unless_done(&app, &browser, link, sent.field("password"), why).await,
    };
    let password = SecretText::new(sent.field("password"));
    if let Some(wrong) = open.owner.refusal(password.reveal(), sent.field("again")) {
        let refusal = Refusal::new(OwnCode::PasswordUnsuitable, wrong);
        return Ok(form(&app, &browser, &link, &open, Some(refusal)));
    }
    let hash = app.passwords.hash(open.account.payer(), password).await?;
    let (keys, source, used) = (app.keys.clone(), browser.source.clone(), link.clone());
    let set = app.db.write(move |tx| {
        tx.act_as(Actor::User(Named::id(&open.id)).at(source.clone()));
        users::set(tx, &keys, &used, &hash)
    });
    match set.await? {
        Ok(()) => Ok(redirect(&format!("{}/password", app.public_url))),
        Err(why) => unless_done(&app, &browser, link, sent.field("password"), why).await,
    }
}

/// `GET /password`
pub(super) async fn done(app: web::Data<App>) -> HttpResponse {
    let detail = "Your password is set. Every browser that was logged in as you is logged out.";
    let hint = "If you came to connect an identity provider, go back to it and press its Authenticate button again.";
    told(&app, StatusCode::OK, "Your password is set", detail, Some(hint), &[Way::LOG_IN])
}

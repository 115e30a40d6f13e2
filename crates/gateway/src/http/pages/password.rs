//! A person's password on their own page: a new one, after a fresh log-in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::EndReason;

use super::cookies::Browser;
use super::failure::PageFailure;
use super::intent::LoginIntent;
use super::self_service::{back, name_of, ours, prove_again, uses_password};
use super::templates::{PasswordPage, message, page};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Act, Action};
use crate::platform::password_hasher::commonest;
use crate::platform::secret_text::SecretText;
use crate::platform::system;
use crate::platform::turns::Payer;
use crate::services::reactions;
use crate::storage::ReadCost;
use crate::storage::sessions::Session;

const WHY: &str = "To change your password, log in once more, with the one you have now.";

/// Whether they have a password that could be changed; what they and their account are called.
async fn known(app: &App, session: &Session) -> Result<Option<(String, String)>, PageFailure> {
    let (owner, account) = (session.owner, session.account);
    let account = app
        .db
        .read(ReadCost::Point, move |tx| {
            let account = tx.account_at(account)?;
            let uses_one = uses_password(tx, owner, account.as_ref())?;
            Ok::<_, PageFailure>(account.filter(|_| uses_one).map(|account| account.name))
        })
        .await?;
    Ok(match account {
        Some(account) => Some((name_of(app, session).await?, account)),
        None => None,
    })
}

fn form(app: &App, browser: &Browser, user: &str, problem: Option<String>) -> HttpResponse {
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let shown = PasswordPage { user: crate::domain::wording::strip_invisible(user), problem, csrf: browser.csrf(app) };
    page(app, status, &shown)
}

/// `GET /account/password`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let session = browser.session(&app).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Password, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    match known(&app, &session).await? {
        Some((user, _)) => Ok(form(&app, &browser, &user, None)),
        None => Ok(back(&app)),
    }
}

/// `POST /account/password`: the other sessions end; the connections too, if that was asked for.
pub(super) async fn change(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (sent, browser, session) = ours(&request, &app, payload).await?;
    let session = match prove_again(&app, &browser, session, LoginIntent::Password, WHY).await? {
        Ok(session) => session,
        Err(log_in) => return Ok(log_in),
    };
    let Some((user, account)) = known(&app, &session).await? else { return Ok(back(&app)) };
    let password = SecretText::new(sent.field("password"));
    if sent.field("again") != password.reveal() {
        return Ok(form(
            &app,
            &browser,
            &user,
            Some("The two passwords are not the same. Type both again.".to_owned()),
        ));
    }
    if let Some(why) = commonest::refusal(password.reveal(), &[&user, &account]) {
        return Ok(form(&app, &browser, &user, Some(format!("The new password {why}."))));
    }
    let hash = app.passwords.hash(Payer::account(session.account), password).await.map_err(|_| PageFailure::Busy)?;
    let ends_connections = !sent.field("end_connections").is_empty();
    let own = browser.session_fingerprint(&app);
    let address = browser.address.clone();
    app.db
        .write(move |tx| {
            let now = system::now();
            tx.act_as(Actor::User(Named::id(&session.owner_id)).at(address.clone()));
            tx.set_password(session.owner, &hash)?;
            let set = Act::new(Action::UserLoginChanged).on(&session.owner_id).saying("a password was set".to_owned());
            tx.raise(now, Some(session.account), set);
            tx.end_other_sessions(session.owner, own.as_ref().map_or(&[], |own| own.as_bytes()))?;
            if ends_connections {
                reactions::end_connections(tx, session.account, &session.owner_id, now, EndReason::Owner)?;
            }
            Ok::<_, PageFailure>(())
        })
        .await?;
    let detail = match ends_connections {
        true => "You are logged in here, and logged out everywhere else. Your connections have ended.",
        false => "You are logged in here, and logged out everywhere else. Your connections go on as before.",
    };
    Ok(message(
        &app,
        StatusCode::OK,
        "Your password is changed",
        detail,
        Some("On /account you see what is connected under your name."),
    ))
}

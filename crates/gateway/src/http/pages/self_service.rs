//! A person's own page: what they have to be told, what they have connected and where they are logged in, each with a way to end it.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use scim::schema::USER;
use scim::{Id, Store};

use super::cookies::{self, Browser};
use super::failure::PageFailure;
use super::form::Form;
use super::intent::LoginIntent;
use super::login::{self, FormMessage};
use super::respond::redirect;
use super::templates::{AccountPage, ShownConnection, ShownFactor, ShownNotice, ShownSession, page};
use crate::app::App;
use crate::domain::account::Account;
use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Act, Action};
use crate::domain::notice::NoticeKind;
use crate::domain::wording;
use crate::platform::system;
use crate::services::reactions;
use crate::storage::sessions::Session;
use crate::storage::{DbError, ReadCost, Tx};

/// How many notices are shown at once; when they are seen, the next ones are.
const NOTICES: i64 = 20;

/// For how long a log-in is fresh, in milliseconds.
const FRESH: i64 = 5 * 60 * 1000;

/// The name of a session in a form: says nothing about its secret.
fn name(app: &App, fingerprint: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&app.keys.tag("session name", fingerprint)[..16])
}

/// What somebody who is logged in is called here.
pub(super) async fn name_of(app: &App, session: &Session) -> Result<String, PageFailure> {
    let session = session.clone();
    app.db.read(ReadCost::Point, move |tx| user_name(tx, &session)).await
}

fn user_name(tx: &mut Tx<'_>, session: &Session) -> Result<String, PageFailure> {
    let Some(id) = Id::new(session.owner_id.as_str()) else { return Ok(String::new()) };
    let user = tx.in_account(session.account, system::now(), false).get(USER, &id)?;
    let name = user.and_then(|user| Some(user.resource.attributes().get("userName")?.as_str()?.to_owned()));
    Ok(name.unwrap_or_default())
}

/// `GET /account`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let Some(session) = browser.session(&app).await? else {
        return login::page_for(&app, &browser, &LoginIntent::Account, FormMessage::default()).await;
    };
    let (alive, own) = (cookies::alive(&app), browser.session_fingerprint(&app));
    let work = app.clone();
    let shown = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let account = tx.account_at(session.account)?;
            let has_password = uses_password(tx, session.owner, account.as_ref())?;
            let account = wording::strip_invisible(&account.map(|account| account.name).unwrap_or_default());
            let user = user_name(tx, &session)?;
            let mut notices: Vec<(String, i64, NoticeKind)> = Vec::new();
            for notice in tx.unseen_notices(session.owner, NOTICES)? {
                let Some(matter) = notice.matter() else { continue };
                let Some(matter) = reactions::still(tx, session.account, session.owner, matter)? else { continue };
                // Of several that say the same by now, one is enough; seeing it is seeing them.
                if !notices.iter().any(|(_, _, told)| *told == matter) {
                    notices.push((notice.id, notice.made, matter));
                }
            }
            let connections = tx.connections_of(session.account, &session.owner_id)?.into_iter();
            let sessions = tx.sessions_of(session.owner, alive)?.into_iter();
            let second_factor = match tx.has_second_factor(session.owner)? {
                true => ShownFactor::Set(tx.recovery_codes_left(session.owner)?),
                false if has_password => ShownFactor::Offered,
                false => ShownFactor::Useless,
            };
            Ok::<_, PageFailure>(AccountPage {
                user: wording::strip_invisible(&user),
                notices: notices
                    .into_iter()
                    .map(|(id, made, matter)| ShownNotice {
                        id,
                        heading: matter.heading(),
                        told: matter.told(made, &account),
                        hint: matter.hint(),
                    })
                    .collect(),
                account,
                connections: connections
                    .map(|connection| ShownConnection {
                        client: connection.client,
                        name: wording::strip_invisible(&connection.client_name),
                        sentences: wording::scope_descriptions(&connection.scope),
                        since: wording::format_time(connection.since),
                        renewed: connection.renewed.map(wording::format_time),
                    })
                    .collect(),
                sessions: sessions
                    .map(|found| ShownSession {
                        name: name(&work, &found.fingerprint),
                        is_this: own.as_ref().is_some_and(|own| own.as_bytes() == found.fingerprint),
                        begun: wording::format_time(found.auth_time),
                        seen: wording::format_time(found.last_seen),
                        address: found.address,
                    })
                    .collect(),
                second_factor,
                has_password,
                csrf: String::new(),
            })
        })
        .await?;
    let mut answer = page(&app, actix_web::http::StatusCode::OK, &AccountPage { csrf: browser.csrf(&app), ..shown });
    browser.introduce(&app, &mut answer);
    Ok(answer)
}

/// A form of this page, and who sent it; without a session they log in first.
pub(super) async fn ours(
    request: &HttpRequest,
    app: &App,
    payload: web::Payload,
) -> Result<(Form, Browser, Option<Session>), PageFailure> {
    let (form, browser) = Form::ours(request, app, payload).await?;
    let session = browser.session(app).await?;
    Ok((form, browser, session))
}

/// Whether a user has a password, and their account lets them use it.
pub(super) fn uses_password(tx: &mut Tx<'_>, owner: i64, account: Option<&Account>) -> Result<bool, DbError> {
    let Some(account) = account else { return Ok(false) };
    Ok(tx.has_password(owner)? && account.options.sign_in.allows_password(tx.is_service_account(owner)?))
}

/// The session, if its person proved just now who they are; else the page on which they do so once more. What a thief of a session
/// must not do asks for it: to change what the person logs in with.
pub(super) async fn prove_again(
    app: &App,
    browser: &Browser,
    session: Option<Session>,
    intent: LoginIntent,
    why: &str,
) -> Result<Result<Session, HttpResponse>, PageFailure> {
    let mut said = FormMessage::default();
    if let Some(session) = session {
        if system::now() - session.auth_time <= FRESH {
            return Ok(Ok(session));
        }
        said.note = Some(why.to_owned());
        said.username = name_of(app, &session).await?;
    }
    Ok(Err(login::page_for(app, browser, &intent, said).await?))
}

pub(super) fn back(app: &App) -> HttpResponse {
    redirect(&format!("{}/account", app.public_url))
}

/// `POST /account/connections/end`: takes back everything that was accepted for a client. Its tokens are dead with the commit.
pub(super) async fn end_connection(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, Some(session)) = ours(&request, &app, payload).await? else { return Ok(back(&app)) };
    let client = form.field("client").to_owned();
    app.db
        .write(move |tx| {
            tx.act_as(Actor::User(Named::id(&session.owner_id)).at(browser.address.clone()));
            tx.end_connection(session.account, &session.owner_id, &client, system::now())
        })
        .await?;
    Ok(back(&app))
}

/// `POST /account/notices/seen`: somebody has seen what they had to be told.
pub(super) async fn see_notice(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, Some(session)) = ours(&request, &app, payload).await? else { return Ok(back(&app)) };
    let notice = form.field("notice").to_owned();
    app.db
        .write(move |tx| {
            let now = system::now();
            tx.act_as(Actor::User(Named::id(&session.owner_id)).at(browser.address.clone()));
            if tx.see_notice(session.account, session.owner, &notice, now)? {
                tx.raise(now, Some(session.account), Act::new(Action::NoticeSeen).on(&session.owner_id));
            }
            Ok::<_, PageFailure>(())
        })
        .await?;
    Ok(back(&app))
}

/// `POST /account/sessions/end`: logs another browser out.
pub(super) async fn end_session(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser, Some(session)) = ours(&request, &app, payload).await? else { return Ok(back(&app)) };
    let (work, wanted, alive) = (app.clone(), form.field("session").to_owned(), cookies::alive(&app));
    app.db
        .write(move |tx| {
            let theirs = tx.sessions_of(session.owner, alive)?;
            let Some(found) = theirs.into_iter().find(|found| name(&work, &found.fingerprint) == wanted) else {
                return Ok(());
            };
            tx.act_as(Actor::User(Named::id(&session.owner_id)).at(browser.address.clone()));
            if tx.end_session(&found.fingerprint)? {
                logged_out(tx, &session);
            }
            Ok::<_, PageFailure>(())
        })
        .await?;
    Ok(back(&app))
}

/// A session of this user was ended.
pub(super) fn logged_out(tx: &mut Tx<'_>, session: &Session) {
    tx.raise(system::now(), Some(session.account), Act::new(Action::SessionEnded).on(&session.owner_id));
}

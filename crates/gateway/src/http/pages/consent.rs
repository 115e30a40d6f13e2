//! Accepting access, or not.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oauth::authorize::AuthorizationRequest;
use oauth::consent::Acceptance;

use super::answered;
use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::intent::LoginIntent;
use super::login::{self, FormMessage};
use super::respond::{redirect, refuse};
use super::templates::{ConsentPage, ShownBefore, page};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::labels::Called;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::wording;
use crate::services::consent::{self, ConnectedBefore, ConsentingUser, Next};
use crate::storage::ReadCost;
use crate::storage::sessions::Session;

/// Asks the logged-in user, unless they have accepted as much before.
pub(super) async fn ask(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    session: &Session,
) -> Result<HttpResponse, PageFailure> {
    let (work, asking, person) = (app.clone(), asked.clone(), session.clone());
    let next = app.db.read(ReadCost::Point, move |tx| work.oauth(|cx| consent::next(tx, cx, &asking, &person))).await?;
    match next {
        Next::Answered => {
            let (work, asking, person) = (app.clone(), asked.clone(), session.clone());
            let again = app.db.write(move |tx| work.oauth(|cx| consent::again(tx, cx, &asking, &person)));
            told(app, browser, asked, again.await?)
        }
        Next::Accept => match accept(app, browser, asked, session).await? {
            Some(accepted) => told(app, browser, asked, accepted),
            None => {
                let refusal = Refusal::new(OwnCode::RoleMissing, "The user may not accept this.");
                Ok(refuse(app, browser, asked, "access_denied", refusal))
            }
        },
        Next::Refuse(error, code, why) => Ok(refuse(app, browser, asked, error, Refusal::new(code, why))),
        Next::Ask(person) => {
            if !person.may_accept {
                browser.refused(role_missing(&person));
            }
            Ok(shown(app, browser, asked, session, *person))
        }
        Next::LogIn => {
            let problem = "You are logged in to another account than the one this connection is for.";
            let said = FormMessage::problem(Refusal::new(OwnCode::OtherAccount, problem), StatusCode::OK);
            login::page_for(app, browser, &LoginIntent::answer(asked), said).await
        }
    }
}

/// What the page says to a user who may not accept.
fn role_missing(person: &ConsentingUser) -> Refusal {
    let role = person.role.as_ref().map(Called::in_text);
    let role = role.map_or("You have no role.".to_owned(), |role| format!("Your role is {role}."));
    Refusal::new(OwnCode::RoleMissing, format!("{role} To accept, you need {}.", needed(person)))
}

/// The roles that may accept.
fn needed(person: &ConsentingUser) -> String {
    person.needed.iter().map(Called::in_text).collect::<Vec<_>>().join(" or ")
}

fn shown(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    session: &Session,
    person: ConsentingUser,
) -> HttpResponse {
    let shown = ConsentPage {
        client: wording::strip_invisible(&asked.client_name),
        destination: asked.redirect_uri.origin(),
        account: wording::strip_invisible(&person.account),
        may_accept: person.may_accept,
        provisions: consent::provisions(asked),
        lasts: asked.scope.is_offline(),
        user: wording::strip_invisible(&person.name),
        needed_roles: needed(&person),
        role: person.role.as_ref().map(Called::in_text),
        service_account: person.service_account,
        managed: person.managed,
        cuts_itself: person.cuts_itself,
        abilities: wording::abilities(&asked.scope),
        elsewhere: asked
            .constraints
            .elsewhere(&app.settings)
            .map(|resource| wording::strip_invisible(resource.as_str()))
            .collect(),
        has_successor: person.has_successor,
        connected: person.connected.connections.into_iter().map(connected_before).collect(),
        more_connected: person.connected.more,
        are_replaced: person.connected.are_replaced,
        idle: wording::duration(person.lifetimes.refresh_idle),
        absolute: person.lifetimes.refresh_absolute.map(wording::duration),
        access: wording::duration(person.lifetimes.access_token),
        request: app.oauth(|cx| asked.seal(cx)),
        owner: session.owner_id.clone(),
        csrf: browser.csrf(app),
    };
    let mut answer = page(app, StatusCode::OK, &shown);
    browser.introduce(app, &mut answer);
    answer
}

fn connected_before(before: ConnectedBefore) -> ShownBefore {
    ShownBefore {
        user: wording::strip_invisible(&before.user),
        since: wording::day(before.since),
        is_used: before.is_used,
    }
}

/// What the form of [the consent page](ask) decides; `None` if its user is not logged in any more, or may not accept this.
pub(super) async fn decide(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    form: &Form,
) -> Result<Option<HttpResponse>, PageFailure> {
    if form.field("decision") != "accept" {
        let (work, asked) = (app.clone(), asked.clone());
        let denied = app.db.write(move |tx| work.oauth(|cx| consent::deny(tx, cx, &asked)));
        return Ok(Some(match denied.await? {
            Some(url) => {
                browser.refused(Refusal::new(OwnCode::ConsentDenied, "The resource owner denied access."));
                redirect(&url)
            }
            None => answered::too_late_to_deny(app, browser),
        }));
    }
    // Only the user whom the page named may accept: another tab may have logged in as another user meanwhile.
    let session = browser.session(app).await?.filter(|session| session.owner_id == form.field("owner"));
    let accepted = match session.filter(|session| consent::fits(asked, session)) {
        Some(session) => accept(app, browser, asked, &session).await?,
        None => None,
    };
    accepted.map(|accepted| told(app, browser, asked, accepted)).transpose()
}

fn told(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    accepted: Acceptance,
) -> Result<HttpResponse, PageFailure> {
    match accepted {
        Acceptance::Redirect(url) => Ok(redirect(&url)),
        Acceptance::Refused { code, description, url } => {
            browser.refused(Refusal::new(code, description));
            Ok(redirect(&url))
        }
        Acceptance::Answered(earlier) => Ok(answered::page(app, browser, asked, earlier)),
        Acceptance::Unanswerable => Err(PageFailure::Refused {
            code: OwnCode::ConsentUnanswerable.into(),
            title: "This request can no longer be answered".to_owned(),
            detail: "While this page was open, the client was removed or got another redirect URI.".to_owned(),
        }),
    }
}

/// What comes of accepting; `None` if this person may not.
async fn accept(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    session: &Session,
) -> Result<Option<Acceptance>, PageFailure> {
    let (work, asking, person, from) = (app.clone(), asked.clone(), session.clone(), browser.source.clone());
    let Some(fingerprint) = browser.session_fingerprint(app) else { return Ok(None) };
    let accepted = app.db.write(move |tx| {
        tx.act_as(Actor::User(Named::id(&person.owner_id)).at(from.clone()));
        work.oauth(|cx| consent::accept(tx, cx, &asking, &person, fingerprint.as_bytes()))
    });
    Ok(accepted.await?)
}

//! Accepting access, or not.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oauth::Subject;
use oauth::authorize::AuthorizationRequest;
use oauth::client::Lifetimes;
use oauth::consent::{self, Acceptance};
use scim::schema::USER;
use scim::{Id, Store};

use super::answered;
use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::intent::LoginIntent;
use super::login::{self, FormMessage};
use super::respond::{redirect, refuse};
use super::templates::{AlreadyConnected, ConsentPage, page};
use crate::app::App;
use crate::domain::account::{OwnDeactivation, ServiceAccounts};
use crate::domain::actor::Actor;
use crate::domain::wording;
use crate::platform::system;
use crate::services::reactions;
use crate::storage::sessions::Session;
use crate::storage::{ReadCost, Tx};

/// The person who is asked.
#[derive(Debug)]
struct ConsentingUser {
    account: String,
    name: String,
    role: Option<String>,
    service_account: bool,
    /// Whether an identity provider has written them, and may change them.
    managed: bool,
    /// Whether an identity provider that deactivates them cuts its own connection.
    cuts_itself: bool,
    /// Whether the connection passes to somebody else when they leave.
    has_successor: bool,
    lifetimes: Lifetimes,
    connected: AlreadyConnected,
}

impl ConsentingUser {
    /// `None` if they are gone, or if the client belongs to another account.
    fn find(
        app: &App,
        tx: &mut Tx<'_>,
        asked: &AuthorizationRequest,
        session: &Session,
    ) -> Result<Option<ConsentingUser>, PageFailure> {
        let of_client = tx.account_of_client(&asked.client)?;
        if of_client.is_some_and(|account| account.seq != session.account) {
            return Ok(None);
        }
        let (Some(account), Some(id)) = (tx.account_at(session.account)?, Id::new(session.owner_id.clone())) else {
            return Ok(None);
        };
        let Some(client) = tx.client_record(asked.client.as_str())? else { return Ok(None) };
        let has_successor = tx.successor_of(account.seq, &session.owner_id)?.is_some();
        let mut store = tx.in_account(account.seq, system::now(), false);
        let Some(user) = store.get(USER, &id)?.filter(|user| user.resource.is_active()) else {
            return Ok(None);
        };
        let written = store.is_provisioned(user.handle)?;
        let text =
            |name: &str| user.resource.attributes().get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let service_account = tx.is_service_account(user.handle.0)?;
        let managed = written && (!service_account || account.options.service_accounts == ServiceAccounts::Writable);
        let connected = AlreadyConnected::of(tx, account.seq, asked, client.client.options.connections)?;
        Ok(Some(ConsentingUser {
            account: account.name,
            name: text("userName").unwrap_or_else(|| user.resource.display().to_owned()),
            role: text(&app.config.consent_role_attribute),
            service_account,
            managed,
            cuts_itself: managed && !has_successor && account.options.own_deactivation == OwnDeactivation::Allow,
            has_successor,
            lifetimes: client.client.lifetimes(&app.settings),
            connected,
        }))
    }

    /// Any user may say who they are; to open the SCIM endpoint takes a role.
    fn may_accept(&self, app: &App, asked: &AuthorizationRequest) -> bool {
        !asked.scope.contains("provision:scim")
            || self.role.as_ref().is_some_and(|role| app.config.consent_roles.contains(role))
    }
}

/// What is known before anything is shown.
struct ConsentState {
    person: Option<ConsentingUser>,
    remembered: bool,
    answered: bool,
}

/// Asks somebody who is logged in; or does not, where they have accepted as much before.
pub(super) async fn ask(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    session: &Session,
) -> Result<HttpResponse, PageFailure> {
    let (work, asking, logged_in) = (app.clone(), asked.clone(), session.clone());
    let situation = app
        .db
        .read(ReadCost::Point, move |tx| {
            let subject = Subject::new(logged_in.owner_id.as_str());
            Ok::<_, PageFailure>(ConsentState {
                person: ConsentingUser::find(&work, tx, &asking, &logged_in)?,
                remembered: consent::is_remembered(tx, &asking, &subject)?,
                answered: work.oauth(|cx| consent::is_answered(tx, cx, &asking))?,
            })
        })
        .await?;
    match situation.person {
        _ if situation.answered => {
            let (work, asking, person) = (app.clone(), asked.clone(), session.clone());
            let again = app.db.write(move |tx| {
                let subject = Subject::new(person.owner_id.clone());
                Ok::<_, PageFailure>(work.oauth(|cx| consent::again(tx, cx, &asking, &subject))?)
            });
            told(app, again.await?)
        }
        Some(person) if situation.remembered && person.may_accept(app, asked) => {
            match accept(app, browser, asked, session).await? {
                Some(accepted) => told(app, accepted),
                None => Ok(refuse(app, asked, "access_denied", "The user may not accept this.")),
            }
        }
        Some(_) if asked.prompt.none => Ok(refuse(app, asked, "consent_required", "nobody has accepted this yet")),
        None if asked.prompt.none => {
            Ok(refuse(app, asked, "login_required", "somebody of another account is logged in"))
        }
        Some(person) => Ok(shown(app, browser, asked, session, person)),
        None => {
            let problem = "You are logged in to another account than the one this connection is for.";
            login::page_for(app, browser, &LoginIntent::answer(asked), FormMessage::problem(problem, StatusCode::OK))
                .await
        }
    }
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
        may_accept: person.may_accept(app, asked),
        provisions: asked.scope.contains("provision:scim"),
        lasts: asked.scope.is_offline(),
        user: wording::strip_invisible(&person.name),
        role: wording::strip_invisible(person.role.as_deref().unwrap_or("none")),
        needed_roles: app.config.consent_roles.join(" or "),
        service_account: person.service_account,
        managed: person.managed,
        cuts_itself: person.cuts_itself,
        sentences: wording::scope_descriptions(&asked.scope),
        elsewhere: asked
            .bounds
            .elsewhere(&app.settings)
            .map(|resource| wording::strip_invisible(resource.as_str()))
            .collect(),
        has_successor: person.has_successor,
        connected: person.connected,
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

/// What the form of [the consent page](ask) decides; `None` if its user is not logged in any more, or may not accept this.
pub(super) async fn decide(
    app: &App,
    browser: &Browser,
    asked: &AuthorizationRequest,
    form: &Form,
) -> Result<Option<HttpResponse>, PageFailure> {
    if form.field("decision") != "accept" {
        let (work, asked) = (app.clone(), asked.clone());
        let denied = app.db.write(move |tx| Ok::<_, PageFailure>(work.oauth(|cx| consent::deny(tx, cx, &asked))?));
        return Ok(Some(denied.await?.map_or_else(|| answered::too_late_to_deny(app), |url| redirect(&url))));
    }
    // Whoever the page named accepts, or nobody: another tab may have logged in as somebody else meanwhile.
    let session = browser.session(app).await?.filter(|session| session.owner_id == form.field("owner"));
    let fit =
        session.filter(|session| asked.accepts_login(&Subject::new(session.owner_id.as_str()), session.auth_time));
    let accepted = match fit {
        Some(session) => accept(app, browser, asked, &session).await?,
        None => None,
    };
    accepted.map(|accepted| told(app, accepted)).transpose()
}

fn told(app: &App, accepted: Acceptance) -> Result<HttpResponse, PageFailure> {
    match accepted {
        Acceptance::Redirect(url) => Ok(redirect(&url)),
        Acceptance::Answered(earlier) => Ok(answered::page(app, earlier)),
        Acceptance::Unanswerable => Err(PageFailure::Refused {
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
    let (work, asking, person, from) = (app.clone(), asked.clone(), session.clone(), browser.address.clone());
    app.db
        .write(move |tx| {
            let found = ConsentingUser::find(&work, tx, &asking, &person)?;
            if found.is_none_or(|found| !found.may_accept(&work, &asking)) {
                return Ok(None);
            }
            tx.act_as(Actor { name: format!("user:{}", person.owner_id), address: from.clone() });
            let subject = Subject::new(person.owner_id.clone());
            let accepted = work.oauth(|cx| consent::accept(tx, cx, &asking, &subject, person.auth_time))?;
            if matches!(accepted, Acceptance::Redirect(_)) && asking.scope.contains("provision:scim") {
                reactions::tell_at_risk(tx, person.account, person.owner, system::now())?;
            }
            Ok(Some(accepted))
        })
        .await
}

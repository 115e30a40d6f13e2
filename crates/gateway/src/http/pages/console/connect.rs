//! From "Which identity provider?" to a setup link that is copied. The operator never sees a secret: the customer reveals it on the page
//! that the link opens.

use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde_json::{Map, json};

use super::account::{badge_of, head_of};
use super::letters::{self, MailForm};
use super::parts::{self, Badge, Crumb, Typed};
use super::tabs::{crumbs_below, of_account};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::setup_links::{NewSetupLink, SetupLink, ShownLink};
use crate::domain::described::With;
use crate::domain::letter::{self, LetterSubject};
use crate::domain::operator::Power;
use crate::domain::setup_link::{CredentialKind, LinkState, Provider};
use crate::domain::when::When;
use crate::domain::wording;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::cookie_jar;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::console::account::Head;
use crate::services::console::connect as service;
use crate::services::error::{ActError, Refusal};
use crate::services::sent_form;
use crate::services::setup_links::{self, CheckedLink};
use crate::storage::letters::SentLetter;
use crate::storage::{ReadCost, Tx};

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}/connect" within_reach(Power::ManageSetupLinks) => show, "Asks which identity provider is to be connected.";
    POST "/console/accounts/{account}/connect" within_reach(Power::ManageSetupLinks) => create, "Creates a connection and its setup link.";
    POST "/console/accounts/{account}/setup-links" within_reach(Power::ManageSetupLinks) => create_for_client, "Creates a new setup link for a connection.";
    GET "/console/accounts/{account}/setup-links/{link}" within_reach(Power::Read) => show_link, "Shows how a setup link is, and the link itself just after it was made.";
    POST "/console/accounts/{account}/setup-links/{link}/revoke" within_reach(Power::ManageSetupLinks) => revoke, "Revokes a setup link.";
];

/// The cookie that carries a link from the form to the page that shows it.
const MADE: &str = "gateway_setup_link";
const PURPOSE: &str = "setup link for the operator who made it";
/// So long it is shown again when the page is loaded again.
const SHOWN: Duration = Duration::minutes(30);
const DAY_MS: i64 = 86_400_000;
/// How long a link counts, unless another answer is given.
const USUAL_DAYS: &str = "14";

/// What bodies call the fields of this form.
const FIELDS: [(&str, &str, &str); 5] = [
    ("provider", "provider", "The identity provider"),
    ("name", "name", "The name"),
    ("service_account", "service_account", "The service account"),
    ("contact", "contact", "The address"),
    ("expires", "days", "The time"),
];

/// An identity provider to choose.
#[derive(Debug)]
struct Choice {
    value: &'static str,
    name: &'static str,
    hint: &'static str,
}

fn choices() -> Vec<Choice> {
    let choice = |provider: Provider| Choice {
        value: provider.as_str(),
        name: match provider {
            Provider::Other => "Something else",
            provider => provider.name(),
        },
        hint: match (provider.needs_service_account(), provider.credential()) {
            (true, _) => "They log in and accept access",
            (false, CredentialKind::ClientSecret) => "They paste a client ID and a secret",
            (false, CredentialKind::StaticToken) => "They paste a token",
        },
    };
    Provider::ALL.into_iter().map(choice).collect()
}

#[derive(Debug, Template)]
#[template(path = "console/connect.html")]
struct ConnectPage {
    crumbs: Vec<Crumb>,
    path: String,
    account: String,
    choices: Vec<Choice>,
    /// The connections that the account has, for a name that tells another one apart.
    taken: String,
    /// What their administrator will find to enter.
    lists: service::Lists,
    typed: Typed,
}

/// `GET /console/accounts/{account}/connect`
async fn show(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let typed = Typed::with([
        ("provider", Provider::Okta.as_str().to_owned()),
        ("service_account", service::SERVICE_ACCOUNT.to_owned()),
        ("days", USUAL_DAYS.to_owned()),
    ]);
    page(&desk, &app, &id, typed, StatusCode::OK).await
}

async fn page(desk: &Desk, app: &App, id: &str, typed: Typed, status: StatusCode) -> Result<HttpResponse, PageFailure> {
    let (work, mandate, which) = (App::clone(app), desk.mandate().clone(), id.to_owned());
    let found = desk.read(app, ReadCost::Point, move |tx| service::before(tx, &mandate, &work.schemas, &which)).await?;
    let (head, taken, lists) = found;
    let taken: Vec<String> = taken.iter().map(|name| wording::strip_invisible(name)).collect();
    let shown = ConnectPage {
        crumbs: crumbs_below(&head, "Connect an identity provider"),
        path: of_account(&head.id),
        account: wording::strip_invisible(&head.name),
        choices: choices(),
        taken: taken.join(", "),
        lists,
        typed,
    };
    Ok(desk.page_with(app, status, Section::Accounts, &shown))
}

/// When a link made now stops counting, by the form.
fn expires(typed: &Typed, now: Timestamp) -> String {
    let days = typed.value("days").parse::<i64>().unwrap_or(14).clamp(1, 89);
    system::rfc3339(now + days * DAY_MS)
}

/// `POST /console/accounts/{account}/connect`
async fn create(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
    let Some(provider) = Provider::parse(typed.value("provider")) else {
        typed.note_at("provider", "Choose their identity provider");
        return page(&desk, &app, &id, typed, StatusCode::BAD_REQUEST).await;
    };
    // A form that was sent a moment ago leads where it led then: its name is taken by what it made.
    let (work, mandate, which) = (app.clone(), desk.mandate().clone(), id.clone());
    let drawn = desk.sent().drawn(oauth::Prefix::SetupLink);
    let before = desk.read(&app, ReadCost::Point, move |tx| {
        let now = tx.now();
        let before = setup_links::again(tx, &mandate, &work.installation(), &which, &drawn)?;
        Ok::<_, ActError>(before.filter(|(made, _)| now - *made <= sent_form::AGAIN))
    });
    if let Some((_, made)) = before.await? {
        return Ok(lead_to(&desk, &app, &id, &made, &ready(&made)));
    }
    let (mandate, which, wanted) = (desk.mandate().clone(), id.clone(), typed.value("name").trim().to_owned());
    let name =
        desk.read(&app, ReadCost::Point, move |tx| service::name_for(tx, &mandate, &which, provider, &wanted)).await?;
    let name = match name {
        Ok(name) => name,
        Err(suggestion) => {
            let text = format!(
                "There is another connection called {}. Choose a name that tells the two apart, such as {}",
                wording::strip_invisible(typed.value("name").trim()),
                wording::strip_invisible(&suggestion)
            );
            typed.note_at("name", text);
            return page(&desk, &app, &id, typed, StatusCode::CONFLICT).await;
        }
    };
    let mut fields = Map::new();
    fields.insert("provider".to_owned(), json!(provider.as_str()));
    fields.insert("name".to_owned(), json!(name));
    fields.insert("expires".to_owned(), json!(expires(&typed, app.clock.now())));
    if provider.needs_service_account() && typed.has("service_account") {
        fields.insert("service_account".to_owned(), json!(typed.value("service_account").trim()));
    }
    if typed.has("contact") {
        fields.insert("contact".to_owned(), json!(typed.value("contact").trim()));
    }
    match make(&desk, &app, &id, fields).await? {
        Ok(made) => Ok(lead_to(&desk, &app, &id, &made, &ready(&made))),
        Err(refusal) => {
            let status = match refusal {
                Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
                _ => StatusCode::CONFLICT,
            };
            typed.refused(refusal, &FIELDS);
            page(&desk, &app, &id, typed, status).await
        }
    }
}

type Made = With<SetupLink, ShownLink>;

fn ready(made: &Made) -> String {
    format!("{} is ready. Send the link to their administrator.", wording::strip_invisible(&made.of.client_name))
}

/// Makes a link by a body of the admin API.
async fn make(
    desk: &Desk,
    app: &App,
    account: &str,
    fields: Map<String, serde_json::Value>,
) -> Result<Result<Made, Refusal>, PageFailure> {
    let new = match parts::body::<NewSetupLink>(fields) {
        Ok(new) => new,
        Err(mistakes) => return Ok(Err(Refusal::Invalid(mistakes))),
    };
    let checked = CheckedLink::of(desk.mandate(), &new, &app.installation(), app.clock.now()).await;
    let checked = match checked {
        Ok(checked) => checked,
        Err(mistakes) => return Ok(Err(Refusal::Invalid(mistakes))),
    };
    let (work, mandate, account) = (App::clone(app), desk.mandate().clone(), account.to_owned());
    let lifetime = app.config.setup.link_lifetime;
    let form = desk.sent();
    let drawn = form.drawn(oauth::Prefix::SetupLink);
    desk.act(app, move |tx| {
        let at = work.installation();
        let make = |tx: &mut Tx<'_>| setup_links::create(tx, &mandate, &at, lifetime, &account, (&checked, &drawn));
        sent_form::once(tx, &form, make, |tx| setup_links::again(tx, &mandate, &at, &account, &drawn))
    })
    .await
}

/// Leads to the page of a link that was made just now; the link itself travels sealed.
fn lead_to(desk: &Desk, app: &App, account: &str, made: &Made, said: &str) -> HttpResponse {
    let place = format!("{}/setup-links/{}", of_account(account), made.of.id);
    let carried = format!("{} {} {}", desk.id(), made.of.id, made.with.url);
    let mut cookie = cookie_jar::cookie(app, MADE, app.keys.seal(PURPOSE, system::nonce(), carried.as_bytes()));
    cookie.set_max_age(SHOWN);
    let mut answer = desk.done(app, &place, said);
    let _ = answer.add_cookie(&cookie);
    answer
}

/// The link, if this operator made it in this browser just now.
fn made_just_now(request: &HttpRequest, app: &App, desk: &Desk, link: &str) -> Option<String> {
    let sealed = request.cookie(&cookie_jar::name(app, MADE))?;
    let carried = String::from_utf8(app.keys.open(PURPOSE, sealed.value())?).ok()?;
    let mut parts = carried.splitn(3, ' ');
    let (operator, of, url) = (parts.next()?, parts.next()?, parts.next()?);
    (operator == desk.id() && of == link).then(|| url.to_owned())
}

/// `POST /console/accounts/{account}/setup-links`
async fn create_for_client(
    sent: Submitted,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut fields = Map::new();
    fields.insert("client_id".to_owned(), json!(form.field("client")));
    match make(&desk, &app, &id, fields).await? {
        Ok(made) => {
            let said = format!(
                "A new setup link for {} is ready. An older one that was still open is revoked.",
                wording::strip_invisible(&made.of.client_name)
            );
            Ok(lead_to(&desk, &app, &id, &made, &said))
        }
        Err(refusal) => Err(ActError::Refused(refusal).into()),
    }
}

/// A part of the way, and whether it was seen.
#[derive(Debug)]
struct Step {
    class: &'static str,
    icon: &'static str,
    label: String,
    at: Option<When>,
}

#[derive(Debug, Template)]
#[template(path = "console/setup_link.html")]
struct SetupLinkPage {
    crumbs: Vec<Crumb>,
    path: String,
    account_path: String,
    account: String,
    client: String,
    client_id: String,
    client_path: String,
    badge: Badge,
    is_open: bool,
    url: Option<String>,
    /// To send along, with the link in it.
    message: String,
    expires: When,
    steps: Vec<Step>,
    refused_reveals: i64,
    may_manage: bool,
    /// Has it mailed, where it is shown.
    mail: Option<MailForm>,
    /// The letters that it went out with.
    sent: Vec<ShownLetter>,
}

/// A letter with a link.
#[derive(Debug)]
struct ShownLetter {
    class: &'static str,
    icon: &'static str,
    to: String,
    words: String,
    at: When,
}

fn shown_letter(sent: SentLetter) -> ShownLetter {
    let SentLetter { shown, made, mailed, next_try, problem } = sent;
    let (class, icon, words) = match (mailed, next_try, problem) {
        (Some(_), ..) => ("ok", "ok", "handed to the mail relay".to_owned()),
        (None, Some(_), None) => ("neutral", "wait", "on its way".to_owned()),
        (None, Some(_), Some(why)) => {
            ("attention", "wait", format!("not taken so far, and tried again: {}", wording::strip_invisible(&why)))
        }
        (None, None, why) => {
            ("broken", "broken", format!("given up: {}", wording::strip_invisible(&why.unwrap_or_default())))
        }
    };
    ShownLetter { class, icon, to: wording::strip_invisible(&shown), words, at: When::at(mailed.unwrap_or(made)) }
}

/// `GET /console/accounts/{account}/setup-links/{link}`
async fn show_link(
    desk: Desk,
    request: HttpRequest,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (account, link) = path.into_inner();
    let head = head_of(&desk, &app, &account).await?;
    let (mandate, which) = (desk.mandate().clone(), link.clone());
    let (found, sent) = desk
        .read(&app, ReadCost::Point, move |tx| {
            let found = setup_links::get(tx, &mandate, &account, &which)?;
            let sent = crate::services::letters::of_setup_link(tx, &mandate, &account, &which)?;
            Ok::<_, ActError>((found, sent))
        })
        .await?;
    let url = made_just_now(&request, &app, &desk, &link).filter(|_| found.state.is_open());
    let mail = match &url {
        Some(url) => {
            Some(letters::form(&desk, &app, LetterSubject::SetupLink { account: head.id.clone(), link }, url).await?)
        }
        None => None,
    };
    let shown = link_page(&desk, &app, &head, (found, sent), url, mail);
    Ok(desk.page(&app, Section::Accounts, &shown))
}

fn link_page(
    desk: &Desk,
    app: &App,
    head: &Head,
    (link, sent): (SetupLink, Vec<SentLetter>),
    url: Option<String>,
    mail: Option<MailForm>,
) -> SetupLinkPage {
    let (account_path, client) = (of_account(&head.id), wording::strip_invisible(&link.client_name));
    let moment = |label: &str, at: Option<Timestamp>| Step {
        class: if at.is_some() { "ok" } else { "neutral" },
        icon: if at.is_some() { "ok" } else { "neutral" },
        label: label.to_owned(),
        at: at.map(When::at),
    };
    let from = |done: &Option<crate::domain::bodies::setup_links::SetupMoment>, what: &str| {
        let place = done.as_ref().and_then(|done| done.from.as_deref()).map(|from| format!(", from {from}"));
        moment(&format!("{what}{}", place.unwrap_or_default()), done.as_ref().map(|done| done.at.0))
    };
    let secret = match link.provider.credential() {
        CredentialKind::ClientSecret => "Client secret revealed",
        CredentialKind::StaticToken => "Token revealed",
    };
    let steps = vec![
        from(&link.opened, "Page opened"),
        from(&link.revealed, secret),
        moment("Setup finished", link.finished.map(|at| at.0)),
    ];
    let sender = letters::sender(app, desk);
    let message = url.as_deref().map(|url| letter::setup_message(&sender, link.provider, url, link.expires.0));
    SetupLinkPage {
        crumbs: crumbs_below(head, "Setup link"),
        path: format!("{account_path}/setup-links/{}", link.id),
        account: wording::strip_invisible(&head.name),
        client_path: super::tabs::of_client(&link.client_id),
        client_id: link.client_id,
        badge: badge_of(link.state, link.refused_reveals > 0),
        is_open: link.state.is_open(),
        message: message.unwrap_or_default(),
        url,
        mail,
        sent: sent.into_iter().map(shown_letter).collect(),
        expires: When::at(link.expires.0),
        steps,
        refused_reveals: link.refused_reveals,
        may_manage: desk.mandate().has(Power::ManageSetupLinks) && link.state != LinkState::Finished,
        account_path,
        client,
    }
}

/// `POST /console/accounts/{account}/setup-links/{link}/revoke`
async fn revoke(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (account, link) = path.into_inner();
    let (mandate, of) = (sent.desk.mandate().clone(), account.clone());
    sent.desk.write(&app, move |tx| setup_links::revoke(tx, &mandate, &of, &link)).await?;
    let said = "The setup link is revoked: the page that it opened is closed.";
    Ok(sent.desk.done(&app, &of_account(&account), said))
}

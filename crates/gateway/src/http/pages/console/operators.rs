//! Operators: who can use the console, and what each of them can do.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::desk::{Desk, Submitted};
use super::frame::Section;
use super::letters::{self, MailForm};
use crate::app::App;
use crate::domain::letter::LetterSubject;
use crate::domain::operator::{Power, Role};
use crate::domain::password_link::LinkRefusal;
use crate::domain::wording;
use crate::http::edge::audience::everywhere;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::Form;
use crate::http::pages::templates::filters;
use crate::platform::timestamp::Timestamp;
use crate::services::error::Refusal;
use crate::services::operator_people::{self, Asked, NewPerson, Person};
use crate::services::password_links::NewLink;
use crate::services::{operator_logins, operators, sent_form};
use crate::storage::{ReadCost, Tx};

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/operators" everywhere(Power::ManageOperators) => list, "Lists operators, their roles and how they log in.";
    GET "/console/operators/invite" everywhere(Power::ManageOperators) => invite, "Asks who is to be an operator.";
    POST "/console/operators/invite" everywhere(Power::ManageOperators) => create, "Makes an operator.";
    GET "/console/operators/{operator}" everywhere(Power::ManageOperators) => show, "Shows an operator.";
    POST "/console/operators/{operator}" everywhere(Power::ManageOperators) => change, "Changes what an operator may do.";
    POST "/console/operators/{operator}/link" everywhere(Power::ManageOperators) => link, "Makes a link to a password, and shows it once.";
    POST "/console/operators/{operator}/app" everywhere(Power::ManageOperators) => release_app, "Takes a lost authenticator app away.";
    POST "/console/operators/{operator}/token" everywhere(Power::ManageOperators) => end_token, "Ends the token of an operator.";
    GET "/console/operators/{operator}/end" everywhere(Power::ManageOperators) => ask_end, "Asks whether an operator is to be ended.";
    POST "/console/operators/{operator}/end" everywhere(Power::ManageOperators) => end, "Ends an operator.";
];

const LIST: &str = "/console/operators";

#[derive(Debug, Template)]
#[template(path = "console/operators.html")]
struct OperatorsPage {
    people: Vec<ShownPerson>,
    tokens: Vec<ShownPerson>,
    powers: Vec<ShownPower>,
}

/// An operator in the list, and on a page of their own.
#[derive(Debug)]
struct ShownPerson {
    id: String,
    name: String,
    address: Option<String>,
    role: &'static str,
    /// As forms send it.
    role_code: &'static str,
    accounts: String,
    is_you: bool,
    has_password: bool,
    has_app: bool,
    /// What is to be known of how they log in: the class of its state, its icon, and words.
    doors: (&'static str, &'static str, String),
    seen: String,
    created: String,
    token: Option<(String, String, String)>,
}

/// A row of the table of roles.
#[derive(Debug)]
struct ShownPower {
    phrase: &'static str,
    /// For each role, whether it has the power.
    has: Vec<bool>,
}

#[derive(Debug, Template)]
#[template(path = "console/operator_form.html")]
struct OperatorForm {
    /// The operator whom it changes; `None` for a new one.
    operator: Option<ShownPerson>,
    name: String,
    address: String,
    role: String,
    is_limited: bool,
    accounts: String,
    /// The code, the title and the sentence of each.
    roles: Vec<(&'static str, &'static str, &'static str)>,
    /// What is wrong, by the field: first all of it, then each.
    problems: Vec<(String, String)>,
    can_link: bool,
    /// It is about the operator who looks at it.
    is_own: bool,
}

#[derive(Template)]
#[template(path = "console/operator_link.html")]
#[allow(missing_debug_implementations)]
struct LinkPage {
    id: String,
    name: String,
    url: String,
    until: String,
    mail: MailForm,
}

#[derive(Debug, Template)]
#[template(path = "console/operator_end.html")]
struct EndPage {
    operator: ShownPerson,
}

fn shown(desk: &Desk, person: Person, now: Timestamp) -> ShownPerson {
    let strip = |text: &str| wording::strip_invisible(text);
    let time = |time: Option<Timestamp>| time.map_or_else(|| "never".to_owned(), wording::format_time);
    let doors = match (person.has_password, person.is_known_at_provider) {
        (true, true) => ("neutral", "key", "password and OpenID provider".to_owned()),
        (true, false) if person.has_app => ("neutral", "key", "password and authenticator app".to_owned()),
        (true, false) => ("attention", "attention", "password, no authenticator app yet".to_owned()),
        (false, true) => ("neutral", "shield", "OpenID provider".to_owned()),
        (false, false) => match person.link.as_ref().map(|link| (link.refusal(now), link.expires)) {
            Some((None, expires)) => {
                ("neutral", "mail", format!("link until {}, not used", wording::format_time(expires)))
            }
            Some((Some(LinkRefusal::Expired), _)) => ("attention", "wait", "link expired, not used".to_owned()),
            _ => ("attention", "neutral", "no log-in yet".to_owned()),
        },
    };
    ShownPerson {
        is_you: person.id == desk.id(),
        name: strip(&person.name),
        address: person.address.as_deref().map(strip),
        role: person.role.title(),
        role_code: person.role.code(),
        accounts: match &person.accounts {
            None => "all".to_owned(),
            Some(names) if names.is_empty() => "none".to_owned(),
            Some(names) => names.iter().map(|name| strip(name)).collect::<Vec<_>>().join(", "),
        },
        has_password: person.has_password,
        has_app: person.has_app,
        doors,
        seen: time(person.seen),
        created: wording::format_time(person.created),
        token: person.token.map(|token| {
            let expires = token.expires.map_or_else(|| "never".to_owned(), wording::format_time);
            (wording::format_time(token.made), time(token.last_used), expires)
        }),
        id: person.id,
    }
}

/// `GET /console/operators`
async fn list(desk: Desk, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let mandate = desk.mandate().clone();
    let found = desk.read(&app, ReadCost::Scan, move |tx| operator_people::list(tx, &mandate)).await?;
    let now = app.clock.now();
    let all: Vec<ShownPerson> = found.into_iter().map(|person| shown(&desk, person, now)).collect();
    let (people, tokens) = all.into_iter().partition(|person| person.address.is_some());
    let powers = Power::ALL.into_iter().map(|power| ShownPower {
        phrase: power.phrase().split(": ").next().unwrap_or_default(),
        has: Role::ALL.into_iter().map(|role| power.roles().contains(&role)).collect(),
    });
    let shown = OperatorsPage { people, tokens, powers: powers.collect() };
    Ok(desk.page(&app, Section::Operators, &shown))
}

fn roles() -> Vec<(&'static str, &'static str, &'static str)> {
    let order = [Role::Csm, Role::Support, Role::Auditor, Role::Platform];
    order.into_iter().map(|role| (role.code(), role.title(), role.sentence())).collect()
}

/// `GET /console/operators/invite`
async fn invite(desk: Desk, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let shown = OperatorForm {
        operator: None,
        name: String::new(),
        address: String::new(),
        role: String::new(),
        is_limited: true,
        accounts: String::new(),
        roles: roles(),
        problems: Vec::new(),
        can_link: false,
        is_own: false,
    };
    Ok(desk.page(&app, Section::Operators, &shown))
}

/// What a form says of role and accounts.
fn asked(form: &Form) -> Asked {
    let names = form.field("accounts").lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let accounts = (form.field("reach") != "all").then(|| names.collect());
    Asked { role: form.field("role").to_owned(), accounts }
}

/// The sentences of a refusal, each by its field.
fn problems(refusal: Refusal) -> Vec<(String, String)> {
    match refusal {
        Refusal::Invalid(errors) => errors.into_iter().map(|error| (error.field, error.detail)).collect(),
        other => vec![(String::new(), other.to_string())],
    }
}

fn form_again(app: &App, desk: &Desk, form: &Form, operator: Option<ShownPerson>, refusal: Refusal) -> HttpResponse {
    let status = match refusal {
        Refusal::Conflict { .. } => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    };
    let shown = OperatorForm {
        can_link: operator.as_ref().is_some_and(|operator| operator.address.is_some()),
        is_own: operator.as_ref().is_some_and(|operator| operator.is_you),
        operator,
        name: form.field("name").to_owned(),
        address: form.field("address").to_owned(),
        role: form.field("role").to_owned(),
        is_limited: form.field("reach") != "all",
        accounts: form.field("accounts").to_owned(),
        roles: roles(),
        problems: problems(refusal),
    };
    desk.page_with(app, status, Section::Operators, &shown)
}

/// `POST /console/operators/invite`
async fn create(sent: Submitted, app: web::Data<App>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let new = NewPerson {
        name: form.field("name").to_owned(),
        address: form.field("address").to_owned(),
        asked: asked(&form),
    };
    let (mandate, sent) = (desk.mandate().clone(), desk.sent());
    let made = desk.act(&app, move |tx| {
        let make = |tx: &mut Tx<'_>| operator_people::create(tx, &mandate, &new);
        sent_form::once(tx, &sent, make, |tx| operator_people::again(tx, &mandate, &new.address))
    });
    match made.await? {
        Ok(id) => {
            let said = match app.config.operator_sign_in {
                Some(_) => {
                    "The operator is created, and can log in at your OpenID provider or with a link to a password."
                }
                None => "The operator is created. Now make a link, and send it to them.",
            };
            Ok(desk.done(&app, &format!("{LIST}/{id}"), said))
        }
        Err(refusal) => Ok(form_again(&app, &desk, &form, None, refusal)),
    }
}

async fn person(app: &App, desk: &Desk, id: &str) -> Result<Person, PageFailure> {
    let (mandate, id) = (desk.mandate().clone(), id.to_owned());
    desk.read(app, ReadCost::Scan, move |tx| operator_people::find(tx, &mandate, &id)).await
}

/// `GET /console/operators/{operator}`
async fn show(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let person = person(&app, &desk, &id).await?;
    let (accounts, now) = (person.accounts.clone(), app.clock.now());
    let operator = shown(&desk, person, now);
    let shown = OperatorForm {
        name: operator.name.clone(),
        address: operator.address.clone().unwrap_or_default(),
        role: operator.role_code.to_owned(),
        is_limited: accounts.is_some(),
        accounts: accounts.unwrap_or_default().join("\n"),
        roles: roles(),
        problems: Vec::new(),
        can_link: operator.address.is_some(),
        is_own: operator.is_you,
        operator: Some(operator),
    };
    Ok(desk.page(&app, Section::Operators, &shown))
}

/// `POST /console/operators/{operator}`
async fn change(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let (mandate, of, asked) = (desk.mandate().clone(), id.clone(), asked(&form));
    match desk.act(&app, move |tx| operator_people::change(tx, &mandate, &of, &asked)).await? {
        Ok(()) => Ok(desk.done(&app, &format!("{LIST}/{id}"), "Saved. It counts from the next request on.")),
        Err(refusal) => {
            let operator = shown(&desk, person(&app, &desk, &id).await?, app.clock.now());
            Ok(form_again(&app, &desk, &form, Some(operator), refusal))
        }
    }
}

/// `POST /console/operators/{operator}/link`
async fn link(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, .. } = sent;
    let (sent, mandate, of) = (desk.sent(), desk.mandate().clone(), id.clone());
    let new = NewLink::by_form(&app.keys, &sent);
    let stored = new.clone();
    let made = desk.write(&app, move |tx| {
        let make = |tx: &mut Tx<'_>| operator_logins::invite(tx, &mandate, &stored, &of, None);
        sent_form::once(tx, &sent, make, |tx| Ok(stored.again(tx)?))
    });
    let made = made.await?;
    let person = person(&app, &desk, &id).await?;
    let url = new.url(&format!("{}/console/welcome", app.admin_url));
    let shown = LinkPage {
        mail: letters::form(&desk, &app, LetterSubject::Operator { operator: person.id.clone() }, &url).await?,
        id: person.id,
        name: wording::strip_invisible(&person.name),
        url,
        until: wording::format_time(made.expires),
    };
    Ok(desk.page(&app, Section::Operators, &shown))
}

/// `POST /console/operators/{operator}/app`
async fn release_app(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, .. } = sent;
    let (mandate, of) = (desk.mandate().clone(), id.clone());
    desk.write(&app, move |tx| operator_logins::release_app(tx, &mandate, &of)).await?;
    Ok(desk.done(
        &app,
        &format!("{LIST}/{id}"),
        "The authenticator app is taken away. Another one is set up at the next log-in.",
    ))
}

/// `POST /console/operators/{operator}/token`
async fn end_token(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, .. } = sent;
    let (mandate, own, of) = (desk.mandate().clone(), desk.id().to_owned(), id.clone());
    desk.write(&app, move |tx| operator_logins::end_token(tx, &mandate, &own, &of)).await?;
    Ok(desk.done(&app, &format!("{LIST}/{id}"), "The token is ended."))
}

/// `GET /console/operators/{operator}/end`
async fn ask_end(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let operator = shown(&desk, person(&app, &desk, &id).await?, app.clock.now());
    Ok(desk.page(&app, Section::Operators, &EndPage { operator }))
}

/// `POST /console/operators/{operator}/end`
async fn end(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, .. } = sent;
    if *id == desk.id() {
        let why = "You cannot end yourself. Another operator with the role Platform can.".to_owned();
        return Err(PageFailure::Act(Refusal::Conflict { detail: why, errors: Vec::new() }));
    }
    let name = person(&app, &desk, &id).await?.name;
    let (mandate, of) = (desk.mandate().clone(), id.clone());
    desk.write(&app, move |tx| operators::end(tx, &mandate, &of)).await?;
    Ok(desk.done(&app, LIST, &format!("{} is no operator any more.", wording::strip_invisible(&name))))
}

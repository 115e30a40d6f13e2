//! The attributes that an account has beyond the standard and the configuration: declared, changed, taken away.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::{Map, Value, json};

use super::account::{head_of, tabs_of};
use super::parts::{CHANGED_MEANWHILE, ConfirmPage, Crumb, Typed, state_of};
use super::settings::points;
use super::tabs::{AccountHead, AccountTab, of_account};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::attributes::declaration::{self, Name};
use crate::domain::bodies::attributes::{Attribute, State};
use crate::domain::described::FieldError;
use crate::domain::operator::Power;
use crate::domain::wording::grouped;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::services::accounts::attributes::{self as service, CheckedDeclaration};
use crate::services::console::account::Head;
use crate::services::error::{ActError, Refusal};
use crate::services::indexing;
use crate::storage::ReadCost;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}/attributes" within_reach(Power::Read) => list, "Lists the attributes that an account declares.";
    GET "/console/accounts/{account}/attributes/new" within_reach(Power::ChangeAccounts) => new, "Asks what a new attribute is called and what it holds.";
    POST "/console/accounts/{account}/attributes/new" within_reach(Power::ChangeAccounts) => declare, "Declares an attribute.";
    GET "/console/accounts/{account}/attributes/{attribute}" within_reach(Power::Read) => show, "Shows the declaration of an attribute.";
    POST "/console/accounts/{account}/attributes/{attribute}" within_reach(Power::ChangeAccounts) => change, "Changes the declaration of an attribute.";
    GET "/console/accounts/{account}/attributes/{attribute}/remove" within_reach(Power::Delete) => ask_to_remove, "Says what taking an attribute away costs.";
    POST "/console/accounts/{account}/attributes/{attribute}/remove" within_reach(Power::Delete) => remove, "Takes an attribute away.";
];

/// What declarations call the fields of this form.
const FIELDS: [(&str, &str, &str); 8] = [
    ("name", "name", "The name"),
    ("schema", "schema", "The schema"),
    ("type", "type", "The kind of value"),
    ("description", "description", "The description"),
    ("canonical_values", "values", "The allowed values"),
    ("required", "required", "The answer"),
    ("uniqueness", "unique", "The answer"),
    ("indexed", "indexed", "The answer"),
];

/// A declaration of the list.
#[derive(Debug)]
struct Row {
    path: String,
    name: String,
    about: String,
    kind: &'static str,
    state: &'static str,
    is_ready: bool,
}

#[derive(Debug, Template)]
#[template(path = "console/account_attributes.html")]
struct AttributesPage {
    head: AccountHead,
    may_connect: bool,
    is_overview: bool,
    rows: Vec<Row>,
    may_change: bool,
}

#[derive(Debug, Template)]
#[template(path = "console/attribute.html")]
struct AttributePage {
    crumbs: Vec<Crumb>,
    account_path: String,
    action: String,
    /// Its name, unless it is new.
    name: Option<String>,
    is_new: bool,
    state: String,
    typed: Typed,
    may_change: bool,
    may_remove: bool,
    /// Why it could not be made unique.
    duplicates: Vec<String>,
}

fn kind(declared: &Value) -> &'static str {
    match (declared["type"].as_str().unwrap_or("string"), declared["multi_valued"] == json!(true)) {
        ("string", false) => "text",
        ("string", true) => "several texts",
        ("boolean", _) => "yes or no",
        ("integer", _) => "whole number",
        ("decimal", _) => "number",
        ("dateTime", _) => "date and time",
        ("reference", _) => "address or reference",
        ("complex", false) => "several parts",
        ("complex", true) => "a list of several parts",
        _ => "other",
    }
}

fn words(state: State) -> &'static str {
    match state {
        State::Ready => "Ready",
        State::Indexing => "Being put into the index",
        State::Removing => "Being taken away",
        State::Overruled => "Overruled by the configuration",
    }
}

/// What others change of a declaration meanwhile shows in this; how far the index got does not.
fn shown_state(app: &App, of: Option<&Attribute>) -> String {
    state_of(app, &of.map(|attribute| &attribute.declaration))
}

fn place(account: &str, attribute: &str) -> String {
    format!("{}/attributes/{attribute}", of_account(account))
}

/// `GET /console/accounts/{account}/attributes`
async fn list(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let head = tabs_of(&desk, &app, &id, AccountTab::Attributes).await?;
    let (work, mandate, which) = (app.clone(), desk.mandate().clone(), id.clone());
    let declared =
        desk.read(&app, ReadCost::Point, move |tx| service::list(tx, &mandate, &work.schemas, &which)).await?;
    let rows = declared.into_iter().map(|attribute| Row {
        path: place(&id, &attribute.id),
        name: attribute.declaration.name.clone(),
        about: attribute.declaration.description.clone(),
        kind: kind(&json!(attribute)),
        state: words(attribute.state),
        is_ready: attribute.state == State::Ready,
    });
    let shown = AttributesPage {
        head,
        may_connect: false,
        is_overview: false,
        rows: rows.collect(),
        may_change: desk.mandate().has(Power::ChangeAccounts),
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

fn crumbs(head: &Head, label: &str) -> Vec<Crumb> {
    AccountTab::Attributes.crumbs(head, label)
}

fn page(desk: &Desk, app: &App, head: &Head, of: Option<&Attribute>, typed: Typed) -> AttributePage {
    let path = of_account(&head.id);
    let name = of.map(|attribute| attribute.declaration.name.clone());
    let duplicates = of.map(|attribute| attribute.duplicates.as_slice()).unwrap_or_default();
    AttributePage {
        crumbs: crumbs(head, name.as_deref().unwrap_or("New attribute")),
        action: of.map_or_else(|| format!("{path}/attributes/new"), |attribute| place(&head.id, &attribute.id)),
        account_path: path,
        is_new: name.is_none(),
        name,
        state: shown_state(app, of),
        typed,
        may_change: desk.mandate().has(Power::ChangeAccounts),
        may_remove: desk.mandate().has(Power::Delete),
        duplicates: duplicates.iter().map(|duplicate| duplicate.value.clone()).collect(),
    }
}

/// `GET /console/accounts/{account}/attributes/new`
async fn new(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let head = head_of(&desk, &app, &id).await?;
    let typed = Typed::with([("type", "string".to_owned()), ("indexed", "yes".to_owned())]);
    Ok(desk.page(&app, Section::Accounts, &page(&desk, &app, &head, None, typed)))
}

async fn found(desk: &Desk, app: &App, account: &str, name: &str) -> Result<Attribute, PageFailure> {
    let (work, mandate) = (App::clone(app), desk.mandate().clone());
    let (account, name) = (account.to_owned(), name.to_owned());
    desk.read(app, ReadCost::Point, move |tx| service::get(tx, &mandate, &work.schemas, &account, &name)).await
}

fn typed_of(attribute: &Attribute) -> Typed {
    let declared = json!(attribute.declaration);
    let flag = |is: bool| if is { "yes".to_owned() } else { String::new() };
    let values = attribute.declaration.canonical_values.as_deref().unwrap_or_default();
    Typed::with([
        ("description", attribute.declaration.description.clone()),
        ("type", declared["type"].as_str().unwrap_or("string").to_owned()),
        ("multi_valued", flag(attribute.declaration.multi_valued)),
        ("required", flag(attribute.declaration.required)),
        ("unique", flag(declared["uniqueness"].as_str().is_some_and(|unique| unique != "none"))),
        ("indexed", flag(attribute.declaration.indexed)),
        ("values", values.join("\n")),
    ])
}

/// `GET /console/accounts/{account}/attributes/{attribute}`
async fn show(desk: Desk, app: web::Data<App>, path: web::Path<(String, String)>) -> Result<HttpResponse, PageFailure> {
    let head = head_of(&desk, &app, &path.0).await?;
    let attribute = found(&desk, &app, &path.0, &path.1).await?;
    let typed = typed_of(&attribute);
    Ok(desk.page(&app, Section::Accounts, &page(&desk, &app, &head, Some(&attribute), typed)))
}

/// The form as a declaration, over what is declared already: what the page does not show stays.
fn fields_of(typed: &Typed, before: Option<&Attribute>) -> Map<String, Value> {
    let before = before.map(|attribute| json!(attribute.declaration));
    let mut fields = before.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("description", json!(typed.value("description").trim()));
    put("required", json!(typed.has("required")));
    put("indexed", json!(typed.has("indexed") || typed.has("unique")));
    if before.is_none() {
        put("type", json!(typed.value("type")));
        put("multi_valued", json!(typed.has("multi_valued")));
    }
    let was_unique = before.as_ref().and_then(|before| before["uniqueness"].as_str()).is_some_and(|was| was != "none");
    if was_unique != typed.has("unique") {
        put("uniqueness", json!(if typed.has("unique") { "server" } else { "none" }));
    }
    let values = typed.lines("values");
    put("canonical_values", if values.is_empty() { Value::Null } else { json!(values) });
    fields
}

/// `POST /console/accounts/{account}/attributes/new`
async fn declare(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let typed = Typed::of(form);
    let (schema, name) = (typed.value("schema").trim(), typed.value("name").trim());
    let called = if schema.is_empty() { name.to_owned() } else { format!("{schema}:{name}") };
    write(&desk, &app, &id, &called, typed, None).await
}

/// `POST /console/accounts/{account}/attributes/{attribute}`
async fn change(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let before = found(&desk, &app, &path.0, &path.1).await?;
    write(&desk, &app, &path.0, &path.1, Typed::of(form), Some(before)).await
}

async fn write(
    desk: &Desk,
    app: &App,
    account: &str,
    called: &str,
    mut typed: Typed,
    before: Option<Attribute>,
) -> Result<HttpResponse, PageFailure> {
    let head = head_of(desk, app, account).await?;
    let wrong = |mut typed: Typed, mistakes: &[FieldError]| {
        typed.mistakes(mistakes, &FIELDS);
        let shown = page(desk, app, &head, before.as_ref(), typed);
        Ok(desk.page_with(app, StatusCode::BAD_REQUEST, Section::Accounts, &shown))
    };
    let name = Name::of(called);
    let wanted = match declaration::read(fields_of(&typed, before.as_ref()), &name, &app.schemas) {
        Ok(wanted) => wanted,
        Err(mistakes) => return wrong(typed, &mistakes),
    };
    let (mandate, is_confirmed) = (desk.mandate().clone(), typed.has("force"));
    let checked = CheckedDeclaration::of(&app.db, &mandate, &app.schemas, account, wanted, is_confirmed).await;
    let checked = match checked {
        Ok(checked) => checked,
        Err(ActError::Refused(refusal)) => return refused(desk, app, &head, before.as_ref(), typed, refusal),
        Err(failed) => return Err(failed.into()),
    };
    let (work, which, called) = (App::clone(app), account.to_owned(), called.to_owned());
    let (state, is_new) = (typed.value("state").to_owned(), before.is_none());
    let done = desk
        .act(app, move |tx| {
            let now = match service::get(tx, &mandate, &work.schemas, &which, &called) {
                Ok(attribute) => Some(attribute),
                Err(ActError::Refused(Refusal::NotFound { what: "attribute", .. })) => None,
                Err(error) => return Err(error),
            };
            if is_new && now.is_some() {
                return Err(ActError::field("name", "is that of an attribute which is declared already"));
            }
            if !is_new && shown_state(&work, now.as_ref()) != state {
                return Err(ActError::conflict(CHANGED_MEANWHILE));
            }
            service::declare(tx, &mandate, &work.schemas, &which, &checked)
        })
        .await?;
    match done {
        Ok((_, attribute)) => {
            indexing::run_now(app.db.clone(), app.schemas.clone());
            let said = match is_new {
                true => {
                    format!("{} is declared. Identity providers may send it from now on.", attribute.declaration.name)
                }
                false => format!("{} is changed.", attribute.declaration.name),
            };
            Ok(desk.done(app, &format!("{}/attributes", of_account(account)), &said))
        }
        Err(refusal) => {
            typed.set("force", String::new());
            refused(desk, app, &head, before.as_ref(), typed, refusal)
        }
    }
}

/// A consequence is asked about on a page of its own; anything else is told in the form.
fn refused(
    desk: &Desk,
    app: &App,
    head: &Head,
    before: Option<&Attribute>,
    mut typed: Typed,
    refusal: Refusal,
) -> Result<HttpResponse, PageFailure> {
    if let Refusal::NotFound { .. } | Refusal::Forbidden(_) = refusal {
        return Err(ActError::Refused(refusal).into());
    }
    let Some((consequence, errors)) = typed.refused(refusal, &FIELDS) else {
        let shown = page(desk, app, head, before, typed);
        return Ok(desk.page_with(app, StatusCode::CONFLICT, Section::Accounts, &shown));
    };
    let name = before.map_or_else(|| typed.value("name").to_owned(), |attribute| attribute.declaration.name.clone());
    let path = before
        .map_or_else(|| format!("{}/attributes/new", of_account(&head.id)), |attribute| place(&head.id, &attribute.id));
    typed.set("force", "yes".to_owned());
    let shown = ConfirmPage {
        crumbs: crumbs(head, &name),
        title: format!("Change {name} all the same?"),
        about: "Nothing was changed so far.".to_owned(),
        points: points(consequence, &errors),
        action: path.clone(),
        hidden: typed.pairs().to_vec(),
        button: "Change it all the same".to_owned(),
        is_danger: false,
        keep: "Back to the attribute".to_owned(),
        keep_path: path,
    };
    Ok(desk.page_with(app, StatusCode::CONFLICT, Section::Accounts, &shown))
}

/// `GET /console/accounts/{account}/attributes/{attribute}/remove`
async fn ask_to_remove(
    desk: Desk,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let head = head_of(&desk, &app, &path.0).await?;
    let attribute = found(&desk, &app, &path.0, &path.1).await?;
    let (name, at) = (&attribute.declaration.name, place(&head.id, &attribute.id));
    let shown = ConfirmPage {
        crumbs: crumbs(&head, name),
        title: format!("Take {name} away?"),
        about: "This cannot be undone.".to_owned(),
        points: vec![
            format!("Its values are deleted from all {} users of the account that have one.", grouped(head.users)),
            "Identity providers that send it are told that there is no such attribute, or it is ignored.".to_owned(),
            "Declared anew, it begins without values.".to_owned(),
        ],
        action: format!("{at}/remove"),
        hidden: Vec::new(),
        button: format!("Take {name} away"),
        is_danger: true,
        keep: "Keep it".to_owned(),
        keep_path: at,
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

/// `POST /console/accounts/{account}/attributes/{attribute}/remove`
async fn remove(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (account, name) = path.into_inner();
    let attribute = found(&sent.desk, &app, &account, &name).await?;
    let (work, mandate, which) = (app.clone(), sent.desk.mandate().clone(), account.clone());
    sent.desk.write(&app, move |tx| service::remove(tx, &mandate, &work.schemas, &which, &name)).await?;
    indexing::run_now(app.db.clone(), app.schemas.clone());
    let said = format!("{} is taken away. Its values are deleted in the background.", attribute.declaration.name);
    Ok(sent.desk.done(&app, &format!("{}/attributes", of_account(&account)), &said))
}

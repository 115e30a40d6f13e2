//! Who may do what in an account: the rules for its groups, what unset means, and what made access grow. Each change shows what it would do to
//! users before it is made.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde_json::{Map, Value, json};

use super::account::{head_of, tabs_of};
use super::parts::{self, CHANGED_MEANWHILE, Crumb, Typed};
use super::requests::{pairs, parameter};
use super::tabs::{AccountHead, AccountTab, of_account};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::access::{Precedence, UnsetEnvironments};
use crate::domain::bodies::access::{NewAccess, NewRule, NewRules};
use crate::domain::bodies::accounts::AccountChange;
use crate::domain::described::{FieldError, Required, Whole};
use crate::domain::operator::Power;
use crate::domain::wording::grouped;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::services::access::rules;
use crate::services::accounts::{self, CheckedChange};
use crate::services::console::access::{self as service, AccessPage, Preview};
use crate::services::console::account::Head;
use crate::services::error::{ActError, Refusal};
use crate::storage::ReadCost;

mod rule;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}/access" within_reach(Power::Read) => show, "Shows the rules by which users of an account get access, and what made access grow.";
    GET "/console/accounts/{account}/access/policy" within_reach(Power::ChangeAccounts) => policy, "Shows what goes first, and what unset means.";
    POST "/console/accounts/{account}/access/policy" within_reach(Power::ChangeAccounts) => set_policy, "Changes that, after what it would do was shown.";
    GET "/console/accounts/{account}/access/rules/new" within_reach(Power::ChangeAccounts) => rule::new, "Shows the form of a new rule.";
    POST "/console/accounts/{account}/access/rules/new" within_reach(Power::ChangeAccounts) => rule::add, "Adds a rule, after what it would do was shown.";
    GET "/console/accounts/{account}/access/rules/{rule}" within_reach(Power::ChangeAccounts) => rule::edit, "Shows a rule to be changed.";
    POST "/console/accounts/{account}/access/rules/{rule}" within_reach(Power::ChangeAccounts) => rule::change, "Changes a rule, after what it would do was shown.";
    POST "/console/accounts/{account}/access/rules/{rule}/move" within_reach(Power::ChangeAccounts) => rule::shift, "Moves a rule up or down, after what it would do was shown.";
    POST "/console/accounts/{account}/access/rules/{rule}/remove" within_reach(Power::ChangeAccounts) => rule::remove, "Removes a rule, after what it would do was shown.";
];

/// So many growths stand on the page; with `?all`, so many.
const FEW: i64 = 10;
const MANY: i64 = 500;

/// What bodies call the fields of these forms.
const FIELDS: [(&str, &str, &str); 6] = [
    ("group", "group", "The name"),
    ("group_name", "group", "The name"),
    ("group_id", "group", "The group"),
    ("role", "role", "The role"),
    ("environments", "environments", "An environment"),
    ("unset_environments", "unset", "The answer"),
];

#[derive(Debug, Template)]
#[template(path = "console/account_access.html")]
struct ShownPage {
    head: AccountHead,
    may_connect: bool,
    is_overview: bool,
    page: AccessPage,
    may_change: bool,
    may_read_audit: bool,
}

#[derive(Debug, Template)]
#[template(path = "console/access_policy.html")]
struct PolicyPage {
    crumbs: Vec<Crumb>,
    path: String,
    typed: Typed,
}

#[derive(Debug, Template)]
#[template(path = "console/access_preview.html")]
struct PreviewPage {
    crumbs: Vec<Crumb>,
    users: String,
    title: String,
    preview: Preview,
    more: String,
    less: String,
    action: String,
    hidden: Vec<(String, String)>,
    button: &'static str,
    back: String,
}

/// What is to become of the rules and the policy.
#[derive(Debug, Clone)]
struct Draft {
    rules: Vec<NewRule>,
    precedence: Precedence,
    unset: UnsetEnvironments,
}

/// A change on its way: what is asked, where, and what the button says.
struct Asked<'a> {
    account: &'a str,
    label: &'a str,
    title: String,
    action: String,
    back: String,
    button: &'static str,
    said: &'static str,
}

fn place(account: &str) -> String {
    format!("{}/access", of_account(account))
}

fn crumbs(head: &Head, label: &str) -> Vec<Crumb> {
    AccountTab::Access.crumbs(head, label)
}

/// `GET /console/accounts/{account}/access`
async fn show(
    desk: Desk,
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let is_all = !parameter(&pairs(&request)?, "growths").is_empty();
    let head = tabs_of(&desk, &app, &id, AccountTab::Access).await?;
    let mandate = desk.mandate().clone();
    let growths = if is_all { MANY } else { FEW };
    let page = desk.read(&app, ReadCost::Scan, move |tx| service::page(tx, &mandate, &id, growths)).await?;
    let shown = ShownPage {
        head,
        may_connect: false,
        is_overview: false,
        page,
        may_change: desk.mandate().has(Power::ChangeAccounts),
        may_read_audit: desk.mandate().has(Power::ReadAudit),
    };
    Ok(desk.page(&app, Section::Accounts, &shown))
}

/// What there is, as it would be set again, and its version.
async fn draft(desk: &Desk, app: &App, id: &str) -> Result<(Draft, i64), PageFailure> {
    let (mandate, id) = (desk.mandate().clone(), id.to_owned());
    let rules = desk.read(app, ReadCost::Point, move |tx| rules::get(tx, &mandate, &id)).await?;
    let draft =
        Draft { rules: service::as_sent(&rules), precedence: rules.precedence, unset: rules.unset_environments };
    Ok((draft, rules.version))
}

/// Does what a form asks for: shows first what it would do, and saves it once that was seen.
async fn decide(
    desk: &Desk,
    app: &App,
    asked: Asked<'_>,
    wanted: Draft,
    mut typed: Typed,
) -> Result<Result<HttpResponse, Typed>, PageFailure> {
    let (mandate, work, id) = (desk.mandate().clone(), App::clone(app), asked.account.to_owned());
    let (there, version) = draft(desk, app, asked.account).await?;
    if typed.value("version") != version.to_string() || typed.value("unset_was") != word(there.unset) {
        typed.note(CHANGED_MEANWHILE);
        typed.set("version", version.to_string());
        typed.set("unset_was", word(there.unset));
        typed.set("seen", String::new());
        return Ok(Err(typed));
    }
    let sent = wanted.clone();
    if !typed.has("seen") {
        let preview = app
            .db
            .read(ReadCost::Scan, move |tx| {
                let of = (sent.rules.as_slice(), sent.precedence, sent.unset);
                service::preview(tx, &mandate, &work.schemas, &id, of)
            })
            .await;
        let preview = match preview {
            Ok(preview) => preview,
            Err(ActError::Refused(Refusal::Invalid(mistakes))) => {
                typed.mistakes(&of_form(mistakes), &FIELDS);
                return Ok(Err(typed));
            }
            Err(other) => return Err(other.into()),
        };
        let head = head_of(desk, app, asked.account).await?;
        typed.set("seen", "yes".to_owned());
        let shown = PreviewPage {
            crumbs: crumbs(&head, asked.label),
            users: format!("{}/users", of_account(asked.account)),
            title: asked.title,
            more: grouped(preview.more.0 as u64),
            less: grouped(preview.less.0 as u64),
            preview,
            action: asked.action,
            hidden: typed.pairs().to_vec(),
            button: asked.button,
            back: asked.back,
        };
        return Ok(Ok(desk.page(app, Section::Accounts, &shown)));
    }
    let fields = Map::from_iter([("unset_environments".to_owned(), json!(wanted.unset))]);
    let policy = match there.unset == wanted.unset {
        true => None,
        false => match parts::body::<AccountChange>(fields) {
            Ok(change) => Some(CheckedChange::of(&app.db, &mandate, &app.schemas, &id, change, false).await?),
            Err(mistakes) => return Err(ActError::invalid(mistakes).into()),
        },
    };
    let engine = app.scim_engine();
    let new = NewAccess {
        precedence: Some(sent.precedence),
        rules: Required(NewRules(sent.rules)),
        version: u64::try_from(version).ok().map(Whole),
    };
    let saved = desk
        .act(app, move |tx| {
            rules::put(tx, &mandate, &work.schemas, &id, &new)?;
            match &policy {
                Some(policy) => accounts::change(tx, &mandate, &engine, &id, policy).map(drop),
                None => Ok(()),
            }
        })
        .await?;
    match saved {
        Ok(()) => Ok(Ok(desk.done(app, &place(asked.account), asked.said))),
        Err(Refusal::Invalid(mistakes)) => {
            typed.set("seen", String::new());
            typed.mistakes(&of_form(mistakes), &FIELDS);
            Ok(Err(typed))
        }
        Err(refusal) => {
            typed.set("seen", String::new());
            typed.refused(refusal, &FIELDS);
            Ok(Err(typed))
        }
    }
}

/// Mistakes of all rules at the fields of the one that is on the form.
fn of_form(mistakes: Vec<FieldError>) -> Vec<FieldError> {
    let at = |field: String| match field.split_once("].") {
        Some((rule, rest)) if rule.starts_with("rules[") => rest.split('[').next().unwrap_or(rest).to_owned(),
        _ if field.starts_with("rules[") => "environments".to_owned(),
        _ => field,
    };
    mistakes.into_iter().map(|FieldError { field, detail }| FieldError { field: at(field), detail }).collect()
}

fn word(value: impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}

fn versions(version: i64, unset: UnsetEnvironments) -> [(&'static str, String); 2] {
    [("version", version.to_string()), ("unset_was", word(unset))]
}

async fn policy_page(
    desk: &Desk,
    app: &App,
    id: &str,
    typed: Typed,
    status: StatusCode,
) -> Result<HttpResponse, PageFailure> {
    let head = head_of(desk, app, id).await?;
    let shown = PolicyPage { crumbs: crumbs(&head, "What counts"), path: place(id), typed };
    Ok(desk.page_with(app, status, Section::Accounts, &shown))
}

/// `GET /console/accounts/{account}/access/policy`
async fn policy(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let (there, version) = draft(&desk, &app, &id).await?;
    let shown = [("precedence", word(there.precedence)), ("unset", word(there.unset))];
    let typed = Typed::with(shown.into_iter().chain(versions(version, there.unset)));
    policy_page(&desk, &app, &id, typed, StatusCode::OK).await
}

/// `POST /console/accounts/{account}/access/policy`
async fn set_policy(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
    let (mut wanted, _) = draft(&desk, &app, &id).await?;
    let said = |field: &str| Value::String(typed.value(field).to_owned());
    match (serde_json::from_value(said("precedence")), serde_json::from_value(said("unset"))) {
        (Ok(precedence), Ok(unset)) => (wanted.precedence, wanted.unset) = (precedence, unset),
        _ => {
            typed.note("Choose one answer of each question");
            return policy_page(&desk, &app, &id, typed, StatusCode::BAD_REQUEST).await;
        }
    }
    let path = format!("{}/policy", place(&id));
    let asked = Asked {
        account: &id,
        label: "What counts",
        title: "Change what counts?".to_owned(),
        action: path.clone(),
        back: path,
        button: "Save",
        said: "It is saved, and counts from now on.",
    };
    match decide(&desk, &app, asked, wanted, typed).await? {
        Ok(answer) => Ok(answer),
        Err(typed) => policy_page(&desk, &app, &id, typed, StatusCode::CONFLICT).await,
    }
}

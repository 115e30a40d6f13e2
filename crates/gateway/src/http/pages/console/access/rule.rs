//! One rule of an account: its form, and what is done with it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::super::account::head_of;
use super::super::accounts::roles;
use super::super::parts::{Crumb, Typed};
use super::super::{Desk, Section, Submitted};
use super::{Asked, Draft, FIELDS, crumbs, decide, draft, place, versions};
use crate::app::App;
use crate::domain::access::{EVERY, Environments};
use crate::domain::bodies::access::NewRule;
use crate::domain::described::{FieldError, Name, Text};
use crate::domain::labels::Called;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::services::console::access::{self as service, Parts};
use crate::services::error::{ActError, Refusal};
use crate::storage::ReadCost;

#[derive(Debug, Template)]
#[template(path = "console/access_rule.html")]
struct RulePage {
    crumbs: Vec<Crumb>,
    path: String,
    action: String,
    title: String,
    typed: Typed,
    parts: Parts,
    roles: Vec<Called>,
    /// Environments that the rule gives and the account has no longer.
    gone: Vec<String>,
}

async fn rule_page(
    desk: &Desk,
    app: &App,
    (account, number): (&str, Option<usize>),
    typed: Typed,
    status: StatusCode,
) -> Result<HttpResponse, PageFailure> {
    let head = head_of(desk, app, account).await?;
    let (mandate, id) = (desk.mandate().clone(), account.to_owned());
    let parts = desk.read(app, ReadCost::Scan, move |tx| service::parts(tx, &mandate, &id)).await?;
    let known = |name: &str| parts.environments.iter().any(|one| one.value == name);
    let gone = typed.all("environment").filter(|name| !known(name)).map(str::to_owned).collect();
    let path = place(account);
    let title = number.map_or_else(|| "New rule".to_owned(), |number| format!("Rule {number}"));
    let shown = RulePage {
        crumbs: crumbs(&head, &title),
        action: number.map_or_else(|| format!("{path}/rules/new"), |number| format!("{path}/rules/{number}")),
        path,
        title,
        roles: roles(app).iter().map(|role| parts.role_labels.of(role)).collect(),
        typed,
        gone,
        parts,
    };
    Ok(desk.page_with(app, status, Section::Accounts, &shown))
}

/// `GET /console/accounts/{account}/access/rules/new`
pub(super) async fn new(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let (there, version) = draft(&desk, &app, &id).await?;
    let shown = [("means", "name".to_owned()), ("gives", "none".to_owned())];
    let typed = Typed::with(shown.into_iter().chain(versions(version, there.unset)));
    rule_page(&desk, &app, (&id, None), typed, StatusCode::OK).await
}

/// The rule with this number, counted from 1.
fn numbered<'d>(draft: &'d Draft, number: &str) -> Result<(usize, &'d NewRule), PageFailure> {
    let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let found = index.and_then(|index| Some((index, draft.rules.get(index)?)));
    found.ok_or_else(|| ActError::not_found("rule", number).into())
}

/// `GET /console/accounts/{account}/access/rules/{rule}`
pub(super) async fn edit(
    desk: Desk,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (there, version) = draft(&desk, &app, &path.0).await?;
    let (index, rule) = numbered(&there, &path.1)?;
    let (mandate, id) = (desk.mandate().clone(), path.0.clone());
    let page = desk.read(&app, ReadCost::Scan, move |tx| service::page(tx, &mandate, &id, 1)).await?;
    let group = page.rules.get(index).map(|rule| rule.group.clone()).unwrap_or_default();
    let environments = rule.environments.clone().unwrap_or_default().0;
    let gives = match environments.as_slice() {
        [] => "none",
        [one] if one == EVERY => "all",
        _ => "these",
    };
    let mut shown = vec![
        ("group", group),
        ("means", if rule.group_id.is_some() { "this" } else { "name" }.to_owned()),
        ("role", rule.role.as_ref().map(|role| role.0.clone()).unwrap_or_default()),
        ("gives", gives.to_owned()),
    ];
    shown.extend(environments.into_iter().filter(|name| name != EVERY).map(|name| ("environment", name)));
    shown.extend(versions(version, there.unset));
    rule_page(&desk, &app, (&path.0, Some(index + 1)), Typed::with(shown), StatusCode::OK).await
}

/// The form as a rule. `before` is the one that is changed.
async fn rule_of(
    desk: &Desk,
    app: &App,
    account: &str,
    typed: &Typed,
    before: Option<(&NewRule, String)>,
) -> Result<Result<NewRule, Vec<FieldError>>, PageFailure> {
    let wrong =
        |field: &str, detail: &str| Ok(Err(vec![FieldError { field: field.to_owned(), detail: detail.to_owned() }]));
    let name = typed.value("group").trim().to_owned();
    if name.is_empty() || name.chars().count() > 200 || name.contains('\0') {
        return wrong("group", "is missing, or longer than 200 characters");
    }
    let role = typed.has("role").then(|| Text(typed.value("role").to_owned()));
    let mut rule = NewRule { group_id: None, group_name: None, role, environments: None };
    let stays = before.and_then(|(rule, called)| Some((rule.group_id.clone()?, called)));
    match (typed.is("means", "this"), stays) {
        (true, Some((id, called))) if called == name => rule.group_id = Some(id),
        (true, _) => {
            let (mandate, id) = (desk.mandate().clone(), account.to_owned());
            let found = app.db.read(ReadCost::Point, move |tx| service::group_named(tx, &mandate, &id, &name)).await;
            match found {
                Ok(id) => rule.group_id = Some(Text(id)),
                Err(ActError::Refused(Refusal::Invalid(mistakes))) => return Ok(Err(mistakes)),
                Err(other) => return Err(other.into()),
            }
        }
        (false, _) => rule.group_name = Some(Name(name)),
    }
    let environments: Vec<String> = match typed.value("gives") {
        "all" => vec![EVERY.to_owned()],
        "these" => typed.all("environment").map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if typed.is("gives", "these") && environments.is_empty() {
        return wrong("environments", "has to be ticked; or choose none, or every one");
    }
    if environments.is_empty() && rule.role.is_none() {
        return wrong("role", "is missing, and so are environments: a rule gives at least one of them");
    }
    rule.environments = (!environments.is_empty()).then_some(Environments(environments));
    Ok(Ok(rule))
}

/// `POST /console/accounts/{account}/access/rules/new`
pub(super) async fn add(
    sent: Submitted,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
    let (mut wanted, _) = draft(&desk, &app, &id).await?;
    match rule_of(&desk, &app, &id, &typed, None).await? {
        Ok(rule) => wanted.rules.push(rule),
        Err(mistakes) => {
            typed.mistakes(&mistakes, &FIELDS);
            return rule_page(&desk, &app, (&id, None), typed, StatusCode::BAD_REQUEST).await;
        }
    }
    let path = place(&id);
    let asked = Asked {
        account: &id,
        label: "New rule",
        title: "Add this rule?".to_owned(),
        action: format!("{path}/rules/new"),
        back: format!("{path}/rules/new"),
        button: "Add the rule",
        said: "The rule is added, and counts from now on.",
    };
    match decide(&desk, &app, asked, wanted, typed).await? {
        Ok(answer) => Ok(answer),
        Err(typed) => rule_page(&desk, &app, (&id, None), typed, StatusCode::CONFLICT).await,
    }
}

/// `POST /console/accounts/{account}/access/rules/{rule}`
pub(super) async fn change(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
    let (id, number) = path.into_inner();
    let (mut wanted, _) = draft(&desk, &app, &id).await?;
    let (index, before) = numbered(&wanted, &number)?;
    let (mandate, which) = (desk.mandate().clone(), id.clone());
    let page = desk.read(&app, ReadCost::Scan, move |tx| service::page(tx, &mandate, &which, 1)).await?;
    let called = page.rules.get(index).map(|rule| rule.group.clone()).unwrap_or_default();
    let at = (id.as_str(), Some(index + 1));
    match rule_of(&desk, &app, &id, &typed, Some((before, called))).await? {
        Ok(rule) => wanted.rules[index] = rule,
        Err(mistakes) => {
            typed.mistakes(&mistakes, &FIELDS);
            return rule_page(&desk, &app, at, typed, StatusCode::BAD_REQUEST).await;
        }
    }
    let action = format!("{}/rules/{number}", place(&id));
    let asked = Asked {
        account: &id,
        label: "Change a rule",
        title: format!("Change rule {number}?"),
        back: action.clone(),
        action,
        button: "Change the rule",
        said: "The rule is changed, and counts from now on.",
    };
    match decide(&desk, &app, asked, wanted, typed).await? {
        Ok(answer) => Ok(answer),
        Err(typed) => rule_page(&desk, &app, at, typed, StatusCode::CONFLICT).await,
    }
}

/// What a press beside a rule asks for. Where it cannot be done the page is shown again, which says why.
async fn press(
    sent: Submitted,
    app: &App,
    (id, number): (&str, &str),
    asked: impl FnOnce(&mut Vec<NewRule>, usize, &Typed) -> Option<Asked<'static>>,
) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let typed = Typed::of(form);
    let (mut wanted, _) = draft(&desk, app, id).await?;
    let (index, _) = numbered(&wanted, number)?;
    let Some(asked) = asked(&mut wanted.rules, index, &typed) else {
        return Ok(desk.done(app, &place(id), "The rule is where it was."));
    };
    let path = place(id);
    let asked = Asked { account: id, action: format!("{path}/rules/{number}/{}", asked.action), back: path, ..asked };
    match decide(&desk, app, asked, wanted, typed).await? {
        Ok(answer) => Ok(answer),
        Err(_) => Ok(desk.done(app, &place(id), "The rules were changed meanwhile, and nothing of yours was saved.")),
    }
}

/// `POST /console/accounts/{account}/access/rules/{rule}/move`
pub(super) async fn shift(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (id, number) = path.into_inner();
    let title = format!("Move rule {number}?");
    press(sent, &app, (&id, &number), |rules, index, typed| {
        let other = if typed.is("to", "up") { index.checked_sub(1)? } else { index + 1 };
        if other >= rules.len() {
            return None;
        }
        rules.swap(index, other);
        Some(Asked {
            account: "",
            label: "Move a rule",
            title,
            action: "move".to_owned(),
            back: String::new(),
            button: "Move the rule",
            said: "The rule is moved.",
        })
    })
    .await
}

/// `POST /console/accounts/{account}/access/rules/{rule}/remove`
pub(super) async fn remove(
    sent: Submitted,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, PageFailure> {
    let (id, number) = path.into_inner();
    let title = format!("Remove rule {number}?");
    press(sent, &app, (&id, &number), |rules, index, _| {
        rules.remove(index);
        Some(Asked {
            account: "",
            label: "Remove a rule",
            title,
            action: "remove".to_owned(),
            back: String::new(),
            button: "Remove the rule",
            said: "The rule is removed.",
        })
    })
    .await
}

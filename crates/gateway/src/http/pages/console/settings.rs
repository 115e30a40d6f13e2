//! The settings of an account: its name, its environments, and its policies in people's words.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use scim::SearchRequest;
use serde_json::{Map, Value, json};

use super::account::{head_of, tabs_of};
use super::accounts::roles;
use super::labels::{self, Row};
use super::leaving;
use super::parts::{self, CHANGED_MEANWHILE, ConfirmPage, Typed, state_of};
use super::tabs::{AccountHead, AccountTab, crumbs_below, of_account};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::accounts::{Account, AccountChange};
use crate::domain::described::FieldError;
use crate::domain::labels::Called;
use crate::domain::operator::Power;
use crate::domain::wording;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::services::accounts::{self, CheckedChange, replacement};
use crate::services::error::{ActError, Consequence, Refusal};
use crate::services::users;
use crate::storage::ReadCost;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}/settings" within_reach(Power::Read) => show, "Shows an account's name, environments and policies.";
    POST "/console/accounts/{account}/settings" within_reach(Power::ChangeAccounts) => save, "Changes them, after what follows was confirmed.";
];

/// So many users are offered as the co-owner.
const CANDIDATES: &str = "50";

/// What bodies call the fields of this form.
const FIELDS: [(&str, &str, &str); 10] = [
    ("name", "name", "The name"),
    ("product_environments", "environments", "The environments"),
    ("default_role", "default_role", "The role"),
    ("co_owner", "co_owner", "The co-owner"),
    ("own_deactivation", "own_deactivation", "The answer"),
    ("inactive_match", "inactive_match", "The answer"),
    ("unique_group_names", "unique_group_names", "The names of groups"),
    ("service_accounts", "service_accounts", "The answer"),
    ("last_administrator", "last_administrator", "The answer"),
    ("unset_environments", "unset_environments", "The answer"),
];

#[derive(Debug, Template)]
#[template(path = "console/account_settings.html")]
struct SettingsPage {
    head: AccountHead,
    may_connect: bool,
    is_overview: bool,
    typed: Typed,
    /// How the account was when the form was shown.
    state: String,
    roles: Vec<Called>,
    /// What environments and roles are called.
    environment_rows: Vec<Row>,
    role_rows: Vec<Row>,
    /// Who may become the co-owner: id and name.
    candidates: Vec<(String, String)>,
    may_change: bool,
    may_suspend: bool,
    may_delete: bool,
    is_suspended: bool,
}

/// What the form shows of an account: what others change of it meanwhile shows in this.
fn shown_state(app: &App, account: &Account) -> String {
    state_of(
        app,
        &(
            (&account.name, &account.product_environments, &account.default_role, &account.co_owner),
            (account.own_deactivation, account.inactive_match, account.unique_group_names),
            (account.service_accounts, account.last_administrator, account.unset_environments),
            (&account.environment_labels, &account.role_labels),
        ),
    )
}

fn word(value: impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}

fn typed_of(account: &Account) -> Typed {
    let mut typed = Typed::with([
        ("name", account.name.clone()),
        ("environments", account.product_environments.join("\n")),
        ("default_role", account.default_role.clone().unwrap_or_default()),
        ("co_owner", account.co_owner.clone().unwrap_or_default()),
        ("own_deactivation", word(account.own_deactivation)),
        ("inactive_match", word(account.inactive_match)),
        ("unique_group_names", if account.unique_group_names { "yes".to_owned() } else { String::new() }),
        ("service_accounts", word(account.service_accounts)),
        ("last_administrator", word(account.last_administrator)),
        ("unset_environments", word(account.unset_environments)),
    ]);
    labels::fill(&mut typed, account);
    typed
}

/// The account, and who may become the co-owner of its connections.
async fn read(desk: &Desk, app: &App, id: &str) -> Result<(Account, Vec<(String, String)>), PageFailure> {
    let (engine, mandate, id) = (app.scim_engine(), desk.mandate().clone(), id.to_owned());
    desk.read(app, ReadCost::Scan, move |tx| {
        let account = accounts::get(tx, &mandate, &id)?;
        let policy = tx.grant_policy();
        let (attribute, allowed) = (policy.attribute().to_owned(), policy.roles().to_vec());
        let filter: Vec<String> = allowed.iter().map(|role| format!("{attribute} eq {}", json!(role))).collect();
        if filter.is_empty() {
            return Ok((account, Vec::new()));
        }
        let filter = format!("active eq true and ({})", filter.join(" or "));
        let asked = SearchRequest::from_query([("filter", filter.as_str()), ("count", CANDIDATES)])?;
        let found = users::search(tx, &mandate, &engine, &id, &asked)?;
        let mut candidates: Vec<(String, String)> = found.items.iter().filter_map(|user| named(&user.0)).collect();
        if let Some(owner) = account.co_owner.as_ref().filter(|owner| !candidates.iter().any(|(id, _)| id == *owner)) {
            let known = users::get(tx, &mandate, &engine, &id, owner).ok().and_then(|user| named(&user.0));
            candidates.push(known.unwrap_or_else(|| (owner.clone(), "a user who is no longer here".to_owned())));
        }
        Ok::<_, ActError>((account, candidates))
    })
    .await
}

fn named(user: &Value) -> Option<(String, String)> {
    let name = user["displayName"].as_str().or_else(|| user["userName"].as_str())?;
    Some((user["id"].as_str()?.to_owned(), wording::strip_invisible(name)))
}

fn page(
    desk: &Desk,
    app: &App,
    head: AccountHead,
    (account, candidates): (&Account, Vec<(String, String)>),
    typed: Typed,
) -> SettingsPage {
    let (mandate, roles) = (desk.mandate(), roles(app));
    let (environment_rows, role_rows) = labels::all_rows(account, &roles);
    SettingsPage {
        is_suspended: head.suspended.is_some(),
        head,
        may_connect: false,
        is_overview: false,
        typed,
        state: shown_state(app, account),
        roles: roles.iter().map(|role| called(account, role)).collect(),
        environment_rows,
        role_rows,
        candidates,
        may_change: mandate.has(Power::ChangeAccounts),
        may_suspend: mandate.has(Power::SuspendAccounts),
        may_delete: mandate.has(Power::Delete),
    }
}

/// What a role is called in this account.
fn called(account: &Account, role: &str) -> Called {
    let name = account.role_labels.0.get(role).and_then(|label| label.display_name.as_deref());
    Called {
        value: role.to_owned(),
        name: name.map(wording::strip_invisible).unwrap_or_default(),
        about: String::new(),
    }
}

/// `GET /console/accounts/{account}/settings`
async fn show(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let head = tabs_of(&desk, &app, &id, AccountTab::Settings).await?;
    let (account, candidates) = read(&desk, &app, &id).await?;
    let typed = typed_of(&account);
    Ok(desk.page(&app, Section::Accounts, &page(&desk, &app, head, (&account, candidates), typed)))
}

/// The form as the change that it asks for.
fn change_of(app: &App, typed: &Typed) -> Result<AccountChange, Vec<FieldError>> {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), json!(typed.value("name")));
    fields.insert("product_environments".to_owned(), json!(typed.lines("environments")));
    for field in ["default_role", "co_owner"] {
        let value = if typed.has(field) { json!(typed.value(field)) } else { Value::Null };
        fields.insert(field.to_owned(), value);
    }
    let choices =
        ["own_deactivation", "inactive_match", "service_accounts", "last_administrator", "unset_environments"];
    for field in choices {
        fields.insert(field.to_owned(), json!(typed.value(field)));
    }
    fields.insert("unique_group_names".to_owned(), json!(typed.has("unique_group_names")));
    labels::add(&mut fields, typed, &roles(app));
    if let Some(fates) = leaving::said(typed) {
        fields.insert("force".to_owned(), fates);
    }
    parts::body(fields)
}

/// `POST /console/accounts/{account}/settings`
async fn save(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
    let change = match change_of(&app, &typed) {
        Ok(change) => change,
        Err(mistakes) => {
            let mistakes = labels::mistakes(&mut typed, mistakes);
            typed.mistakes(&mistakes, &FIELDS);
            return again(&desk, &app, &id, typed, StatusCode::BAD_REQUEST).await;
        }
    };
    let (mandate, is_confirmed) = (desk.mandate().clone(), typed.has("force"));
    let checked = match CheckedChange::of(&app.db, &mandate, &app.schemas, &id, change, is_confirmed).await {
        Ok(checked) => checked,
        Err(ActError::Refused(refusal)) => return refused(&desk, &app, &id, typed, refusal).await,
        Err(failed) => return Err(failed.into()),
    };
    let (work, engine, which, state) = (app.clone(), app.scim_engine(), id.clone(), typed.value("state").to_owned());
    let saved = desk
        .act(&app, move |tx| {
            if shown_state(&work, &accounts::get(tx, &mandate, &which)?) != state {
                return Err(ActError::conflict(CHANGED_MEANWHILE));
            }
            accounts::change(tx, &mandate, &engine, &which, &checked)
        })
        .await?;
    match saved {
        Ok(account) => {
            // The others follow, where many users have what has left.
            replacement::run_now(app.db.clone(), app.scim_engine());
            let said = format!("The settings of {} are saved.", wording::strip_invisible(&account.name));
            Ok(desk.done(&app, &format!("{}/settings", of_account(&id)), &said))
        }
        Err(refusal) => refused(&desk, &app, &id, typed, refusal).await,
    }
}

async fn again(
    desk: &Desk,
    app: &App,
    id: &str,
    typed: Typed,
    status: StatusCode,
) -> Result<HttpResponse, PageFailure> {
    let head = tabs_of(desk, app, id, AccountTab::Settings).await?;
    let (account, candidates) = read(desk, app, id).await?;
    Ok(desk.page_with(app, status, Section::Accounts, &page(desk, app, head, (&account, candidates), typed)))
}

/// A consequence is asked about on a page of its own; anything else is told in the form.
async fn refused(
    desk: &Desk,
    app: &App,
    id: &str,
    mut typed: Typed,
    refusal: Refusal,
) -> Result<HttpResponse, PageFailure> {
    if let Refusal::NotFound { .. } | Refusal::Forbidden(_) = refusal {
        return Err(ActError::Refused(refusal).into());
    }
    let refusal = match refusal {
        Refusal::Invalid(mistakes) => Refusal::Invalid(labels::mistakes(&mut typed, mistakes)),
        other => other,
    };
    let Some((consequence, errors)) = typed.refused(refusal, &FIELDS) else {
        return again(desk, app, id, typed, StatusCode::CONFLICT).await;
    };
    let head = head_of(desk, app, id).await?;
    let path = format!("{}/settings", of_account(id));
    typed.set("force", "yes".to_owned());
    let points = points(consequence, &errors);
    if let Consequence::ValuesInUse = consequence {
        let (account, _) = read(desk, app, id).await?;
        let (crumbs, before) = (crumbs_below(&head, "Settings"), account.product_environments.as_slice());
        if let Some(asked) = leaving::ask(desk, app, crumbs, (path.clone(), points.clone()), (before, &typed)) {
            return Ok(asked);
        }
    }
    let shown = ConfirmPage {
        crumbs: crumbs_below(&head, "Settings"),
        title: "Save these settings all the same?".to_owned(),
        about: "Nothing was saved so far.".to_owned(),
        points,
        action: path.clone(),
        hidden: typed.pairs().to_vec(),
        button: "Save all the same".to_owned(),
        is_danger: false,
        keep: "Back to the settings".to_owned(),
        keep_path: path,
    };
    Ok(desk.page_with(app, StatusCode::CONFLICT, Section::Accounts, &shown))
}

/// What would follow, point by point.
pub(super) fn points(consequence: Consequence, errors: &[FieldError]) -> Vec<String> {
    let mut points: Vec<String> = errors.iter().map(|error| wording::strip_invisible(&error.detail)).collect();
    points.push(match consequence {
        Consequence::ValuesInUse => {
            "They keep it until it is changed, deactivated users included, and no other user can be given it.".to_owned()
        }
        Consequence::SharedNames { count, at_least } => {
            let at_least = if at_least { "At least " } else { "" };
            format!(
                "{at_least}{count} names are those of several groups. These groups keep their names, and no other group gets one of them."
            )
        }
    });
    points
}

//! Accounts.

use actix_web::{HttpRequest, HttpResponse, web};
use scim::schema::{CanonicalValues, GROUP, USER};
use scim::{AttributeKey, InactiveMatch, SearchKey};
use serde_json::{Value, json};

use super::input::Input;
use super::lookup;
use super::operator::{Operator, changes};
use super::page::Page;
use super::removed_values::{self, is_forced};
use crate::app::App;
use crate::domain::account::Account;
use crate::domain::account::{AccountOptions, LastAdministrator, OwnDeactivation, ServiceAccounts};
use crate::domain::event::{Act, Action};
use crate::http::edge::problem::{FieldError, Problem};
use crate::platform::system;
use crate::services::reactions;
use crate::storage::{DbError, ReadCost, Tx};

/// How many names are counted that several groups have, and how many of them are told with their groups.
const SHARED_NAMES: u64 = 1_000;
const NAMED: usize = 20;

fn representation(app: &App, tx: &mut Tx<'_>, account: &Account) -> Result<Value, DbError> {
    let mut store = tx.in_account(account.seq, 0, false);
    let (users, groups) = (store.count(USER)?, store.count(GROUP)?);
    let mut warnings = Vec::new();
    if users > 0 && !tx.has_administrator_but(account.seq, 0)? {
        let roles = app.config.consent_roles.join(" or ");
        let attribute = &app.config.consent_role_attribute;
        warnings.push(format!(
            "no active user has a role that may accept access ({attribute}: {roles}): connections by authorization code cannot be \
             made anew until a user has one"
        ));
    }
    Ok(json!({
        "id": account.id,
        "name": account.name,
        "product_environments": account.product_environments,
        "default_role": account.default_role,
        "co_owner": account.options.co_owner,
        "own_deactivation": account.options.own_deactivation,
        "inactive_match": account.options.inactive_match.name(),
        "unique_group_names": account.options.unique_group_names,
        "service_accounts": account.options.service_accounts,
        "last_administrator": account.options.last_administrator,
        "users": users,
        "groups": groups,
        "warnings": warnings,
        "created": system::rfc3339(account.created),
    }))
}

pub(super) async fn list(_: Operator, app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let page = Page::of(&request)?;
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let accounts = match page.parameter("name") {
                Some(name) => tx.account_named(name)?.into_iter().collect(),
                None => tx.accounts_after(page.after.unwrap_or(0), page.limit)?,
            };
            let items = accounts.iter().map(|account| representation(&work, tx, account)).collect::<Result<_, _>>()?;
            Ok::<_, Problem>(page.answer(items, accounts.last().map(|a| a.seq)))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

pub(super) async fn create(operator: Operator, app: web::Data<App>, mut input: Input) -> Result<HttpResponse, Problem> {
    let options = AccountOptions {
        inactive_match: inactive_match(&mut input).unwrap_or_default(),
        own_deactivation: own_deactivation(&mut input).unwrap_or_default(),
        unique_group_names: input.flag("unique_group_names").unwrap_or_default(),
        service_accounts: service_accounts(&mut input).unwrap_or_default(),
        last_administrator: last_administrator(&mut input).unwrap_or_default(),
        ..Default::default()
    };
    let account = Account {
        seq: 0,
        id: system::new_uuid(),
        name: input.required_name("name"),
        product_environments: environments(&mut input).unwrap_or_default(),
        default_role: default_role(&mut input, &app),
        created: system::now(),
        options,
    };
    input.finish()?;
    let location = format!("{}/admin/accounts/{}", app.public_url, account.id);
    let work = app.clone();
    let answer = app
        .db
        .write(move |tx| {
            let mut account = account.clone();
            tx.insert_account(&mut account)?.map_err(|_| taken(&account.name))?;
            let created = Act::new(Action::AccountCreated).on_named(&account.id, &account.name);
            operator.record(tx, Some(account.seq), created);
            Ok::<_, Problem>(representation(&work, tx, &account)?)
        })
        .await?;
    Ok(HttpResponse::Created().insert_header(("Location", location)).json(answer))
}

pub(super) async fn get(_: Operator, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Point, move |tx| {
            let account = lookup::account(tx, &id)?;
            Ok::<_, Problem>(representation(&work, tx, &account)?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    request: HttpRequest,
    mut input: Input,
) -> Result<HttpResponse, Problem> {
    let force = is_forced(&mut input, &request);
    let name = input.name("name");
    let environments = environments(&mut input);
    let clears_role = input.names("default_role");
    let role = default_role(&mut input, &app);
    let inactive_match = inactive_match(&mut input);
    let own_deactivation = own_deactivation(&mut input);
    let unique_group_names = input.flag("unique_group_names");
    let (service_accounts, last_administrator) = (service_accounts(&mut input), last_administrator(&mut input));
    let names_co_owner = input.names("co_owner");
    let co_owner = input.text("co_owner");
    input.finish()?;
    if let Some(environments) = environments.as_ref().filter(|_| !force) {
        refuse_removal(&app, &id, environments).await?;
    }
    let work = app.clone();
    let answer = app
        .db
        .write(move |tx| {
            let mut account = lookup::locked_account(tx, &id)?;
            let before = representation(&work, tx, &account)?;
            if let Some(own_deactivation) = own_deactivation {
                account.options.own_deactivation = own_deactivation;
            }
            let were = account.options.service_accounts;
            if let Some(service_accounts) = service_accounts {
                account.options.service_accounts = service_accounts;
            }
            if let Some(last_administrator) = last_administrator {
                account.options.last_administrator = last_administrator;
            }
            if names_co_owner {
                account.options.co_owner.clone_from(&co_owner);
            }
            if let Some(name) = &name {
                account.name.clone_from(name);
            }
            if let Some(environments) = &environments {
                account.product_environments.clone_from(environments);
            }
            if clears_role {
                account.default_role.clone_from(&role);
            }
            if let Some(inactive_match) = inactive_match {
                account.options.inactive_match = inactive_match;
            }
            if let Some(unique) = unique_group_names {
                if unique && !account.options.unique_group_names && !force {
                    refuse_shared_names(tx, account.seq)?;
                }
                account.options.unique_group_names = unique;
            }
            tx.update_account(&account)?.map_err(|_| taken(&account.name))?;
            if let Some(user) = co_owner.as_ref().filter(|_| names_co_owner)
                && tx.successor_of(account.seq, "")?.is_none()
            {
                let roles = work.config.consent_roles.join(" or ");
                let detail = format!(
                    "must be the id of an active user of this account whose {} is {roles}, and `{user}` is not",
                    work.config.consent_role_attribute
                );
                return Err(Problem::field("co_owner", detail));
            }
            if service_accounts == Some(ServiceAccounts::Writable) && were != ServiceAccounts::Writable {
                reactions::service_accounts_are_writable(tx, account.seq, system::now())?;
            }
            let after = representation(&work, tx, &account)?;
            let changed = Act::new(Action::AccountChanged).on_named(&account.id, &account.name);
            operator.record(tx, Some(account.seq), changed.changing(changes(&before, &after)));
            Ok::<_, Problem>(after)
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    app.db
        .write(move |tx| {
            let (account, now) = (lookup::locked_account(tx, &id)?, system::now());
            tx.delete_account(account.seq, now)?;
            let deleted = Act::new(Action::AccountDeleted).on_named(&account.id, &account.name);
            operator.record(tx, Some(account.seq), deleted);
            for ended in tx.end_operators_of(account.seq, now)? {
                let detail = "the account was deleted".to_owned();
                operator.record(tx, Some(account.seq), Act::new(Action::OperatorEnded).on(ended).saying(detail));
            }
            Ok::<_, Problem>(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Says who has an environment that is to leave the list.
async fn refuse_removal(app: &web::Data<App>, id: &str, environments: &[String]) -> Result<(), Problem> {
    let (work, id, environments) = (app.clone(), id.to_owned(), environments.to_vec());
    let (seq, removed) = app
        .db
        .read(ReadCost::Point, move |tx| {
            let mut account = lookup::account(tx, &id)?;
            let (before, registry) = (account.account_values(), work.schemas.of(&account)?);
            account.product_environments.clone_from(&environments);
            Ok::<_, Problem>((account.seq, registry.removed(&before, &registry, &account.account_values())))
        })
        .await?;
    let in_use = removed_values::in_use(&app.db, seq, removed).await?;
    if in_use.is_empty() { Ok(()) } else { Err(removed_values::refused("product_environments", &in_use)) }
}

/// Says which names several groups have already.
fn refuse_shared_names(tx: &mut Tx<'_>, account: i64) -> Result<(), Problem> {
    let name = AttributeKey::group_name();
    let shared = tx.shared_keys(account, name, SHARED_NAMES)?;
    if shared.is_empty() {
        return Ok(());
    }
    let mut errors = Vec::new();
    for (key, count) in shared.iter().take(NAMED) {
        let ids = tx.ids_having(account, name, key, 5)?;
        let shown = SearchKey { attribute: name, key: key.clone(), unique: false }.display();
        let more = if *count > ids.len() as u64 { ", …" } else { "" };
        let detail = format!("{count} groups have the name {shown:?}: {}{more}", ids.join(", "));
        errors.push(FieldError { field: "unique_group_names".to_owned(), detail });
    }
    let at_least = if shared.len() as u64 == SHARED_NAMES { "at least " } else { "" };
    let detail = format!(
        "{at_least}{} names are those of several groups. Rename or delete these groups first; or repeat this with \"force\": true, and \
         they keep their names while no other group gets one of them",
        shared.len()
    );
    Err(Problem::conflict(detail).with_errors(errors))
}

fn taken(name: &str) -> Problem {
    Problem::conflict(format!("there is already an account named `{name}`; choose another name"))
}

/// What SCIM may do with service accounts.
fn service_accounts(input: &mut Input) -> Option<ServiceAccounts> {
    match input.text("service_accounts")?.as_str() {
        "read_only" => Some(ServiceAccounts::ReadOnly),
        "hidden" => Some(ServiceAccounts::Hidden),
        "writable" => Some(ServiceAccounts::Writable),
        _ => {
            input.mistake("service_accounts", "must be read_only, hidden or writable");
            None
        }
    }
}

/// What becomes of a SCIM request that takes the last user away who may accept access.
fn last_administrator(input: &mut Input) -> Option<LastAdministrator> {
    match input.text("last_administrator")?.as_str() {
        "allow" => Some(LastAdministrator::Allow),
        "keep" => Some(LastAdministrator::Keep),
        _ => {
            input.mistake("last_administrator", "must be allow or keep");
            None
        }
    }
}

/// What becomes of a SCIM request that would end its own connection.
fn own_deactivation(input: &mut Input) -> Option<OwnDeactivation> {
    match input.text("own_deactivation")?.as_str() {
        "allow" => Some(OwnDeactivation::Allow),
        "refuse" => Some(OwnDeactivation::Refuse),
        _ => {
            input.mistake("own_deactivation", "must be allow or refuse");
            None
        }
    }
}

/// Cloud names: each once, without spaces.
fn environments(input: &mut Input) -> Option<Vec<String>> {
    let names = input.texts("product_environments")?;
    let mut distinct: Vec<String> = Vec::with_capacity(names.len());
    for (i, name) in names.into_iter().enumerate() {
        let fits =
            !name.is_empty() && name.len() <= 128 && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        if !fits {
            let wrong = "must be a cloud name: letters, digits, hyphens, underscores and dots";
            input.mistake(format!("product_environments[{i}]"), wrong);
        } else if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    Some(distinct)
}

/// What becomes of users who are created again after they were deactivated.
fn inactive_match(input: &mut Input) -> Option<InactiveMatch> {
    let text = input.text("inactive_match")?;
    let found = InactiveMatch::ALL.into_iter().find(|policy| policy.name() == text);
    if found.is_none() {
        input.mistake("inactive_match", "must be \"restore\" or \"conflict\"");
    }
    found
}

/// A value of the role attribute, where its declaration lists them.
fn default_role(input: &mut Input, app: &App) -> Option<String> {
    let role = input.text("default_role")?;
    let attribute = app.schemas.configured().get(USER).attribute(&app.config.consent_role_attribute);
    if let Some(CanonicalValues::Only(roles)) = attribute.map(|a| &a.canonical_values)
        && !roles.contains(&role)
    {
        input.mistake("default_role", format!("must be one of {}", roles.join(", ")));
    }
    Some(role)
}

//! Accounts.

use actix_web::web;
use scim::schema::{CanonicalValues, GROUP, USER};
use scim::{AttributeKey, InactiveMatch, SearchKey};

use super::answer::{Created, NoContent};
use super::body::{Body, Params};
use super::lookup;
use super::operator::{Operator, changes};
use super::page::{Items, Limit, Page};
use super::removed_values::{self, Force};
use crate::app::App;
use crate::domain::account as domain;
use crate::domain::account::{AccountOptions, CloudNames, LastAdministrator, OwnDeactivation, ServiceAccounts};
use crate::domain::described::query::{After, query};
use crate::domain::described::{Mistakes, Name, Patch, Required, Text, Time, answer, body};
use crate::domain::event::{Act, Action};
use crate::domain::ids::AccountKey;
use crate::http::edge::problem::{FieldError, Problem};
use crate::platform::system;
use crate::services::reactions;
use crate::storage::{DbError, ReadCost, Tx};

/// How many names are counted that several groups have, and how many of them are told with their groups.
const SHARED_NAMES: u64 = 1_000;
const NAMED: usize = 20;

query! {
    /// Which accounts are listed.
    pub(super) struct AccountQuery {
        /// Finds the one account that is called so.
        name: Text,
        /// How many items there are at most; 100 if nothing is said.
        limit: Limit,
        /// The `next` of the page before.
        after: After,
    }
}

body! {
    /// A new account.
    pub(super) struct NewAccount {
        /// What it is called. No two accounts have one name.
        name: Required<Name>,
        /// Its product environments by their cloud names: letters, digits, hyphens, underscores and dots.
        product_environments: Option<CloudNames>,
        /// The role of users who come without one. One of the roles of the role attribute.
        default_role: Option<Text>,
        /// What becomes of a user whom an identity provider creates again after they were deactivated: `restore` (the default) brings
        /// the record back with its `id` and memberships, `conflict` answers 409 that names it.
        inactive_match: Option<InactiveMatch>,
        /// What becomes of a SCIM request that would end the very connection it comes by: `allow` (the default; it is carried out, and is
        /// the last) or `refuse` (403).
        own_deactivation: Option<OwnDeactivation>,
        /// Whether a group is refused the name of another one; false if nothing is said.
        unique_group_names: Option<bool>,
        /// What SCIM may do with service accounts: `read_only` (the default), `hidden` or `writable`.
        service_accounts: Option<ServiceAccounts>,
        /// What becomes of a SCIM request after which no active user has a role that may accept access: `allow` (the default) or `keep`
        /// (403).
        last_administrator: Option<LastAdministrator>,
    }
    example {"name": "acme", "product_environments": ["acme-prod", "acme-stage"], "default_role": "reports"}
}

body! {
    /// A change of an account. What it leaves out stays.
    pub(super) struct AccountChange {
        /// What it is called. No two accounts have one name.
        name: Option<Name>,
        /// Its product environments, all of them. A change that takes away one that users have is a 409, unless `force` is true.
        product_environments: Option<CloudNames>,
        /// The role of users who come without one; `null` for none.
        default_role: Patch<Text>,
        /// The id of an active user with a role that may accept access, to whom connections pass when their owner leaves; `null` for none.
        co_owner: Patch<Text>,
        /// As for a new account.
        inactive_match: Option<InactiveMatch>,
        /// As for a new account.
        own_deactivation: Option<OwnDeactivation>,
        /// As for a new account. Switching it on where groups share names is a 409, unless `force` is true.
        unique_group_names: Option<bool>,
        /// As for a new account.
        service_accounts: Option<ServiceAccounts>,
        /// As for a new account.
        last_administrator: Option<LastAdministrator>,
        /// Does it although users have an environment that is taken away, or groups share names.
        force: Option<bool>,
    }
    example {"default_role": "admin", "co_owner": null}
}

answer! {
    /// An account: one customer of the vendor, and the wall between customers' data.
    pub(super) struct Account {
        /// Its id.
        id: String,
        /// What it is called.
        name: String,
        /// Its product environments.
        product_environments: Vec<String>,
        /// The role of users who come without one.
        default_role: Option<String>,
        /// The id of the user to whom connections pass when their owner leaves.
        co_owner: Option<String>,
        /// What becomes of a SCIM request that would end the very connection it comes by.
        own_deactivation: OwnDeactivation,
        /// What becomes of users who are created again after they were deactivated.
        inactive_match: InactiveMatch,
        /// Whether a group is refused the name of another one.
        unique_group_names: bool,
        /// What SCIM may do with service accounts.
        service_accounts: ServiceAccounts,
        /// What becomes of a SCIM request after which no active user may accept access.
        last_administrator: LastAdministrator,
        /// How many users it has.
        users: u64,
        /// How many groups it has.
        groups: u64,
        /// What is worth knowing at present: that no active user of it may accept access.
        warnings: Vec<String>,
        /// When it was made.
        created: Time,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "name": "acme", "product_environments": ["acme-prod", "acme-stage"],
        "default_role": null, "co_owner": null, "own_deactivation": "allow", "inactive_match": "restore", "unique_group_names": false,
        "service_accounts": "read_only", "last_administrator": "allow", "users": 12, "groups": 3, "warnings": [],
        "created": "2026-11-23T20:00:00.000Z"
    }
}

fn representation(app: &App, tx: &mut Tx<'_>, account: &domain::Account) -> Result<Account, DbError> {
    let mut store = tx.in_account(account.seq, 0, false);
    let (users, groups) = (store.count(USER)?, store.count(GROUP)?);
    let mut warnings = Vec::new();
    if users > 0 && !tx.has_administrator(account.seq)? {
        let roles = app.config.consent.roles.join(" or ");
        let attribute = &app.config.consent.role_attribute;
        warnings.push(format!(
            "no active user has a role that may accept access ({attribute}: {roles}): connections by authorization code cannot be \
             made anew until a user has one"
        ));
    }
    Ok(Account {
        id: account.id.clone(),
        name: account.name.clone(),
        product_environments: account.product_environments.clone(),
        default_role: account.default_role.clone(),
        co_owner: account.options.co_owner.clone(),
        own_deactivation: account.options.own_deactivation,
        inactive_match: account.options.inactive_match,
        unique_group_names: account.options.unique_group_names,
        service_accounts: account.options.service_accounts,
        last_administrator: account.options.last_administrator,
        users,
        groups,
        warnings,
        created: Time(account.created),
    })
}

pub(super) async fn list(
    _: Operator,
    app: web::Data<App>,
    query: Params<AccountQuery>,
) -> Result<web::Json<Items<Account>>, Problem> {
    let AccountQuery { name, limit, after } = query.0;
    let page = Page::of(limit, after);
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Scan, move |tx| {
            let accounts = match &name {
                Some(name) => tx.account_named(name)?.into_iter().collect(),
                None => tx.accounts_after(page.after.unwrap_or(0), page.limit)?,
            };
            let items = accounts.iter().map(|account| representation(&work, tx, account)).collect::<Result<_, _>>()?;
            Ok::<_, Problem>(page.answer(items, accounts.last().map(|a| a.seq)))
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn create(
    operator: Operator,
    app: web::Data<App>,
    mut body: Body<NewAccount>,
) -> Result<Created<Account>, Problem> {
    check_role(&app, body.draft.default_role.as_ref(), &mut body.mistakes);
    let new = body.finish()?;
    let options = AccountOptions {
        inactive_match: new.inactive_match.unwrap_or_default(),
        own_deactivation: new.own_deactivation.unwrap_or_default(),
        unique_group_names: new.unique_group_names.unwrap_or_default(),
        service_accounts: new.service_accounts.unwrap_or_default(),
        last_administrator: new.last_administrator.unwrap_or_default(),
        ..Default::default()
    };
    let account = domain::Account {
        seq: 0,
        id: system::new_uuid(),
        name: new.name.0.0,
        product_environments: new.product_environments.unwrap_or_default().0,
        default_role: new.default_role.map(|role| role.0),
        created: app.clock.now(),
        options,
    };
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
    Ok(Created { body: answer, location: Some(location) })
}

pub(super) async fn get(
    _: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<Account>, Problem> {
    let work = app.clone();
    let answer = app
        .db
        .read(ReadCost::Point, move |tx| {
            let account = lookup::account(tx, &id)?;
            Ok::<_, Problem>(representation(&work, tx, &account)?)
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    query: Params<Force>,
    mut body: Body<AccountChange>,
) -> Result<web::Json<Account>, Problem> {
    check_role(&app, body.draft.default_role.value(), &mut body.mistakes);
    let change = body.finish()?;
    let force = query.0.or(change.force);
    if let Some(environments) = change.product_environments.as_ref().filter(|_| !force) {
        refuse_removal(&app, &id, &environments.0).await?;
    }
    let work = app.clone();
    let answer = app
        .db
        .write(move |tx| {
            let mut account = lookup::locked_account(tx, &id)?;
            let before = representation(&work, tx, &account)?;
            let options = &mut account.options;
            let were = options.service_accounts;
            options.own_deactivation = change.own_deactivation.unwrap_or(options.own_deactivation);
            options.service_accounts = change.service_accounts.unwrap_or(were);
            options.last_administrator = change.last_administrator.unwrap_or(options.last_administrator);
            options.inactive_match = change.inactive_match.unwrap_or(options.inactive_match);
            if let Some(co_owner) = change.co_owner.change() {
                options.co_owner = co_owner.map(|user| user.0.clone());
            }
            if let Some(Name(name)) = &change.name {
                account.name.clone_from(name);
            }
            if let Some(CloudNames(environments)) = &change.product_environments {
                account.product_environments.clone_from(environments);
            }
            if let Some(role) = change.default_role.change() {
                account.default_role = role.map(|role| role.0.clone());
            }
            if let Some(unique) = change.unique_group_names {
                if unique && !account.options.unique_group_names && !force {
                    refuse_shared_names(tx, account.seq)?;
                }
                account.options.unique_group_names = unique;
            }
            tx.update_account(&account)?.map_err(|_| taken(&account.name))?;
            if let Some(Text(user)) = change.co_owner.value()
                && tx.successor_of(account.seq, "")?.is_none()
            {
                let roles = work.config.consent.roles.join(" or ");
                let detail = format!(
                    "must be the id of an active user of this account whose {} is {roles}, and `{user}` is not",
                    work.config.consent.role_attribute
                );
                return Err(Problem::field("co_owner", detail));
            }
            if account.options.service_accounts == ServiceAccounts::Writable && were != ServiceAccounts::Writable {
                let now = tx.now();
                reactions::service_accounts_are_writable(tx, account.seq, now)?;
            }
            let after = representation(&work, tx, &account)?;
            let changed = Act::new(Action::AccountChanged).on_named(&account.id, &account.name);
            operator.record(tx, Some(account.seq), changed.changing(changes(&before, &after)));
            Ok::<_, Problem>(after)
        })
        .await?;
    Ok(web::Json(answer))
}

pub(super) async fn delete(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<NoContent, Problem> {
    app.db
        .write(move |tx| {
            let (account, now) = (lookup::locked_account(tx, &id)?, tx.now());
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
    Ok(NoContent)
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
fn refuse_shared_names(tx: &mut Tx<'_>, account: AccountKey) -> Result<(), Problem> {
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

/// The role is one of those that the declaration of the attribute lists, where it lists any.
fn check_role(app: &App, role: Option<&Text>, mistakes: &mut Mistakes) {
    let Some(Text(role)) = role else { return };
    let attribute = app.schemas.configured().get(USER).attribute(&app.config.consent.role_attribute);
    if let Some(CanonicalValues::Only(roles)) = attribute.map(|a| &a.canonical_values)
        && !roles.contains(role)
    {
        mistakes.note("default_role", format!("must be one of {}", roles.join(", ")));
    }
}

//! One user: what they can do and why, what was done to them, and how they log in.

use scim::schema::USER;
use scim::{Id, Projection, Representation, Resource, Store, service};
use serde_json::{Map, Value};

use super::history::{self, Entry};
use super::{Place, lacks};
use crate::domain::bodies::access::{AccessReason, EnvironmentAccess, UserAccess};
use crate::domain::event::Act;
use crate::domain::event::Action;
use crate::domain::ids::AccountKey;
use crate::domain::labels::Called;
use crate::domain::operator::{Mandate, Power};
use crate::domain::person;
use crate::domain::when::When;
use crate::domain::wording::strip_invisible;
use crate::platform::timestamp::Timestamp;
use crate::services::access::answers;
use crate::services::accounts;
use crate::services::diagnosis::AccountLabel;
use crate::services::error::ActError;
use crate::services::service_provider::ScimEngine;
use crate::storage::Tx;
use crate::storage::audit::AuditRecord;
use crate::storage::directory::UserFacts;
use crate::storage::sessions::Liveness;

/// What a page of a user leaves out of their attributes: it stands elsewhere on it.
const ELSEWHERE: [&str; 7] = ["schemas", "id", "meta", "groups", "userName", "active", "password"];

/// The page of a user.
#[derive(Debug)]
pub struct UserPage {
    /// Whose user.
    pub account: AccountLabel,
    /// The id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// The name they log in by.
    pub user_name: String,
    /// Whether they are active.
    pub active: bool,
    /// Whether they are a service account.
    pub service_account: bool,
    /// Whether an identity provider has written them,
    pub managed: bool,
    /// and by which connection, as far as the trail knows: id and name.
    pub managed_by: Option<(String, String)>,
    /// What a service account lacks.
    pub lacks: Vec<String>,
    /// What they can do, and why.
    pub access: Vec<Access>,
    /// What they may do about connections, as the rest of a sentence.
    pub accepting: String,
    /// Their attributes.
    pub attributes: Vec<(String, String)>,
    /// The groups they are in: id, name, and whether directly.
    pub groups: Vec<(String, String, bool)>,
    /// Whether they have a password.
    pub has_password: bool,
    /// Whether they have an authenticator app.
    pub has_second_factor: bool,
    /// Where they are logged in: browser, address, when it was seen.
    pub sessions: Vec<(String, Option<String>, When)>,
    /// The connections that they own.
    pub connections: Vec<Owned>,
    /// What was done to them.
    pub history: Vec<Entry>,
    /// Whether there is more of that.
    pub has_more_history: bool,
    /// When they were created,
    pub created: When,
    /// and changed.
    pub changed: When,
}

/// Something that a user can do, or cannot.
#[derive(Debug)]
pub struct Access {
    /// What.
    pub what: String,
    /// Whether they have it.
    pub has: bool,
    /// Why.
    pub because: String,
    /// The request by which it came.
    pub request: Option<String>,
    /// Since when.
    pub since: Option<When>,
}

/// A connection that a user owns.
#[derive(Debug)]
pub struct Owned {
    /// The client's id.
    pub client: String,
    /// Its name.
    pub name: String,
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub last: Option<When>,
}

/// The page of a user of an account within reach. Only reads.
pub fn page(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    (account, user): (&str, &str),
    alive: Liveness,
) -> Result<UserPage, ActError> {
    let at = Place::of(tx, mandate, engine, account)?;
    let id = Id::new(user).ok_or_else(|| ActError::not_found("user", user))?;
    let shown = Projection::standard(at.provider.registry.get(USER));
    let mut store = tx.in_account(at.account.seq, at.now, false);
    let Some(stored) = store.get(USER, &id)? else { return Err(ActError::not_found("user", user)) };
    let resource = engine.run(&at.provider, at.now, |cx| service::get(&mut store, cx, USER, &id, &shown))?;
    let document = Representation::new(&resource, &shown, &at.provider.registry, &engine.base).to_value();
    let facts = tx.facts_of_users(at.account.seq, &[user])?.pop().ok_or_else(|| ActError::not_found("user", user))?;
    let rows = history::rows(tx, at.account.seq, user)?;
    let resolved = answers::with_reasons(tx, &at.account, &stored)?;
    let now = at.now;
    let policy = tx.grant_policy();
    let sessions = tx.sessions_of(at.account.seq, facts.seq, alive)?;
    let connections = tx.connections_of(at.account.seq, user)?;
    let attributes = resource.attributes();
    let name = person::name(attributes);
    let roles = policy.roles().join(" or ");
    let accepting = match (policy.may_own_grant(attributes), resource.is_active()) {
        (true, true) => "can accept access for a connection.".to_owned(),
        (true, false) => "cannot accept access for a connection while inactive.".to_owned(),
        (false, _) => {
            format!("cannot accept access for a connection: that needs the {} {roles}.", policy.attribute())
        }
    };
    Ok(UserPage {
        account: at.label(),
        id: user.to_owned(),
        user_name: attributes.get("userName").and_then(Value::as_str).map(strip_invisible).unwrap_or_default(),
        active: resource.is_active(),
        service_account: facts.service_account,
        managed: facts.managed,
        managed_by: managed_by(&rows).filter(|_| facts.managed),
        lacks: lacks(&facts, &resource, &policy),
        access: resolved_access(&at, policy.attribute(), &resolved)
            .unwrap_or_else(|| access(&at, &resource, policy.attribute(), &rows)),
        accepting,
        attributes: attributes_of(&document),
        groups: groups_of(&document),
        has_password: facts.has_password,
        has_second_factor: tx.has_second_factor(at.account.seq, facts.seq)?,
        sessions: sessions
            .into_iter()
            .map(|session| {
                let browser = session.browser.unwrap_or_else(|| "A browser".to_owned());
                (browser, session.address, When::ago(session.last_seen, now))
            })
            .collect(),
        connections: connections
            .into_iter()
            .map(|connection| Owned {
                client: connection.client,
                name: person::short_name(&connection.client_name),
                since: When::day(connection.since),
                last: connection.last_request.max(connection.renewed).map(|at| When::ago(at, now)),
            })
            .collect(),
        has_more_history: rows.len() > history::SHOWN,
        history: history::entries(&rows),
        created: When::at(Timestamp::of_millis(resource.meta.created)),
        changed: When::at(Timestamp::of_millis(resource.meta.last_modified)),
        name,
    })
}

/// The connection that last wrote a user.
fn managed_by(rows: &[AuditRecord]) -> Option<(String, String)> {
    let by_client = |row: &AuditRecord| Some((row.actor.strip_prefix("client:")?.to_owned(), history::actor(row)));
    rows.iter().find_map(by_client)
}

/// What gave an attribute its value: the newest row in which it became that.
fn origin<'r>(rows: &'r [AuditRecord], attribute: &str, value: &Value) -> Option<&'r AuditRecord> {
    rows.iter().find(|row| history::changes(row).get(attribute).is_some_and(|change| &change["after"] == value))
}

/// What they can do where more decides than their own attributes: rules for groups, `*`, or what unset means in the account.
fn resolved_access(at: &Place, role_attribute: &str, resolved: &UserAccess) -> Option<Vec<Access>> {
    let reasons = resolved.environments.iter().flat_map(|one| &one.reasons);
    let of_role = resolved.role.as_ref().map(|role| &role.reason);
    let is_by_rule = reasons.chain(of_role).any(|reason| reason.kind == "rule");
    let is_own = |one: &EnvironmentAccess| one.reasons.iter().any(|reason| reason.kind == "own");
    let is_every = resolved.every_environment && resolved.environments.iter().any(is_own);
    if !resolved.active || !(is_by_rule || is_every || resolved.none_because.0.is_some()) {
        return None;
    }
    let (environments, roles) = (&at.account.options.environment_labels, &at.account.options.role_labels);
    let role = match &resolved.role {
        Some(role) => given(format!("{role_attribute}: {}", roles.of(&role.value).in_text()), &[&role.reason]),
        None => denied(format!("No {role_attribute}"), "Neither the user nor a rule for a group of theirs says one"),
    };
    let mut access = vec![role];
    for name in &at.account.product_environments {
        let what = environments.of(name).in_text();
        let found = resolved.environments.iter().find(|one| one.value == *name);
        access.push(match found {
            Some(one) => given(what, &one.reasons.iter().collect::<Vec<_>>()),
            None => denied(what, "Nothing gives the user this environment"),
        });
    }
    Some(access)
}

fn given(what: String, reasons: &[&AccessReason]) -> Access {
    let told: Vec<String> = reasons.iter().map(|reason| strip_invisible(&reason.text)).collect();
    let because = format!("By {}", told.join("; and by "));
    let since = reasons.iter().filter_map(|reason| reason.since.0).map(|since| since.0).min();
    Access { what, has: true, because, request: None, since: since.map(When::at) }
}

fn denied(what: String, because: &str) -> Access {
    Access { what, has: false, because: because.to_owned(), request: None, since: None }
}

fn access(at: &Place, user: &Resource, role: &str, rows: &[AuditRecord]) -> Vec<Access> {
    let attributes = user.attributes();
    let mut access = vec![role_of(at, attributes, role, rows)];
    if let Some(name) = at.environments() {
        access.extend(environments_of(at, attributes, name, rows));
    }
    access
}

fn because(row: Option<&AuditRecord>, otherwise: &str) -> (String, Option<String>, Option<When>) {
    match row {
        Some(row) => {
            let verb = if Action::parse(&row.action) == Some(Action::UserCreated) {
                "created the user with it"
            } else {
                "set it"
            };
            (format!("{} {verb}", history::actor(row)), row.request_id.clone(), Some(When::at(row.at)))
        }
        None => (otherwise.to_owned(), None, None),
    }
}

fn role_of(at: &Place, attributes: &Map<String, Value>, name: &str, rows: &[AuditRecord]) -> Access {
    const FORGOTTEN: &str = "The audit trail does not know any more who set it";
    let Some(role) = attributes.get(name).filter(|role| !role.is_null()) else {
        let because = match at.account.default_role {
            Some(_) => "None was set, and the user was created before the account had a default role",
            None => "None was set, and the account has no default role",
        };
        return Access {
            what: format!("No {name}"),
            has: false,
            because: because.to_owned(),
            request: None,
            since: None,
        };
    };
    let (mut because, request, since) = because(origin(rows, name, role), FORGOTTEN);
    let is_default = role.as_str().is_some_and(|role| at.account.default_role.as_deref() == Some(role));
    if is_default {
        because.push_str(". It is also the default role of the account, for users who come without one");
    }
    let labels = &at.account.options.role_labels;
    let what =
        role.as_str().map_or_else(|| history::shown_value(role).unwrap_or_default(), |role| labels.of(role).in_text());
    Access { what: format!("{name}: {what}"), has: true, because, request, since }
}

fn environments_of(at: &Place, attributes: &Map<String, Value>, name: &str, rows: &[AuditRecord]) -> Vec<Access> {
    let (all, labels) = (&at.account.product_environments, &at.account.options.environment_labels);
    let given = attributes.get(name).and_then(Value::as_array);
    let Some(given) = given else {
        if all.is_empty() {
            return Vec::new();
        }
        let row = origin(rows, name, &Value::Null);
        let (mut because, request, since) = because(row, "");
        because = match row {
            Some(_) => format!("{because}: without a list, nothing is restricted"),
            None => format!("No {name} was ever set, and a user without them may enter all of them"),
        };
        let all: Vec<String> = labels.of_all(all).iter().map(Called::in_text).collect();
        let what = format!("Every environment: {}", all.join(", "));
        return vec![Access { what, has: true, because, request, since }];
    };
    const FORGOTTEN: &str = "The audit trail does not know any more who set it";
    let names: Vec<&str> = given.iter().filter_map(Value::as_str).collect();
    let one = |environment: &str, has: bool| {
        let row = rows.iter().find(|row| has && gave(row, name, environment));
        let (said, request, since) = because(row, FORGOTTEN);
        let because = if has { said } else { format!("Not in the user’s {name}") };
        Access { what: labels.of(environment).in_text(), has, because, request, since }
    };
    let has = names.iter().map(|name| one(name, true));
    let lacks = all.iter().filter(|name| !names.contains(&name.as_str())).map(|name| one(name, false));
    has.chain(lacks).collect()
}

/// Whether a row gave an element to a list that did not have it.
fn gave(row: &AuditRecord, attribute: &str, element: &str) -> bool {
    let changes = history::changes(row);
    let Some(change) = changes.get(attribute) else { return false };
    let has = |side: &str| change[side].as_array().is_some_and(|list| list.iter().any(|one| one == element));
    has("after") && !has("before")
}

/// The attributes with their values, one after the other.
fn attributes_of(document: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let members = document.as_object().into_iter().flatten();
    for (name, value) in members.filter(|(name, _)| !ELSEWHERE.contains(&name.as_str())) {
        match value {
            Value::Object(parts) if !parts.contains_key("value") => {
                let short = name.rsplit(':').next().unwrap_or(name);
                let prefix = if name.starts_with("urn:") { format!("{short}: ") } else { format!("{name}.") };
                let parts = parts
                    .iter()
                    .filter_map(|(part, value)| Some((format!("{prefix}{part}"), history::shown_value(value)?)));
                all.extend(parts);
            }
            value => all.extend(history::shown_value(value).map(|value| (name.clone(), value))),
        }
    }
    all
}

fn groups_of(document: &Value) -> Vec<(String, String, bool)> {
    let groups = document.get("groups").and_then(Value::as_array).into_iter().flatten();
    let group = |group: &Value| {
        let id = group["value"].as_str()?.to_owned();
        let name = group["display"].as_str().map_or_else(|| id.clone(), person::short_name);
        Some((id, name, group["type"] != "indirect"))
    };
    groups.filter_map(group).collect()
}

/// What a page about a single act of an operator on a user needs: whose user, and what they are called. Only reads.
pub fn label(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    power: Power,
    (account, user): (&str, &str),
) -> Result<UserLabel, ActError> {
    let found = accounts::find(tx, mandate, power, account)?;
    let (resource, facts) = found_user(tx, found.seq, user)?;
    let connections = tx.connections_of(found.seq, user)?;
    Ok(UserLabel {
        account: AccountLabel { name: person::short_name(&found.name), id: found.id },
        id: user.to_owned(),
        name: person::name(resource.attributes()),
        user_name: resource
            .attributes()
            .get("userName")
            .and_then(Value::as_str)
            .map(strip_invisible)
            .unwrap_or_default(),
        active: resource.is_active(),
        managed: facts.managed,
        connections: connections.into_iter().map(|connection| person::short_name(&connection.client_name)).collect(),
    })
}

/// A user, as far as a page about a single act needs them.
#[derive(Debug)]
pub struct UserLabel {
    /// Whose user.
    pub account: AccountLabel,
    /// The id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// The name they log in by.
    pub user_name: String,
    /// Whether they are active.
    pub active: bool,
    /// Whether an identity provider has written them.
    pub managed: bool,
    /// The connections that they own, by name.
    pub connections: Vec<String>,
}

fn found_user(tx: &mut Tx<'_>, account: AccountKey, user: &str) -> Result<(Resource, UserFacts), ActError> {
    let not_found = || ActError::not_found("user", user);
    let id = Id::new(user).ok_or_else(not_found)?;
    let now = tx.now();
    let stored = tx.in_account(account, now, false).get(USER, &id)?.ok_or_else(not_found)?;
    let facts = tx.facts_of_users(account, &[user])?.pop().ok_or_else(not_found)?;
    Ok((stored.resource, facts))
}

/// Logs a user out everywhere. The caller has said who acts ([`Tx::act_as`]).
pub fn end_sessions(tx: &mut Tx<'_>, mandate: &Mandate, account: &str, user: &str) -> Result<(), ActError> {
    let account = accounts::find(tx, mandate, Power::ChangeUsers, account)?.seq;
    let (resource, _) = found_user(tx, account, user)?;
    tx.end_sessions_of(account, user)?;
    let act = Act::new(Action::SessionEnded).on_named(user, person::name(resource.attributes()));
    tx.raise(tx.now(), Some(account), act.saying("all sessions".to_owned()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attributes_are_flat_and_those_of_extensions_named_by_them() {
        let document = json!({
            "schemas": ["x"], "id": "1", "userName": "ada", "title": "Editor", "name": {"givenName": "Ada", "middleName": null},
            "emails": [{"value": "ada@acme.test", "type": "work"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Newsroom", "manager": {"value": "7"}},
        });
        let pairs = attributes_of(&document);
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("title", "Editor"),
            ("name.givenName", "Ada"),
            ("emails", "ada@acme.test (work)"),
            ("User: department", "Newsroom"),
            ("User: manager", "7"),
        ];
        assert_eq!(pairs, expected);
    }
}

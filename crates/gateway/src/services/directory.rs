//! The directory of an account as operators look at it: users and groups, who may do what and why, and what was done to them.

use scim::schema::{CanonicalValues, GROUP, ResourceTypeId, USER};
use scim::{Projection, Resource, SearchRequest, service};
use serde_json::Value;

use super::accounts;
use super::diagnosis::AccountLabel;
use super::error::{ActError, Refusal};
use super::service_provider::{ScimEngine, ServiceProvider};
use crate::domain::account::{Account, PRODUCT_ENVIRONMENTS};
use crate::domain::grant_policy::GrantPolicy;
use crate::domain::operator::{Mandate, Power};
use crate::domain::person;
use crate::domain::when::When;
use crate::domain::wording::strip_invisible;
use crate::platform::timestamp::Timestamp;
use crate::storage::Tx;
use crate::storage::directory::UserFacts;

pub mod group;
pub mod history;
pub mod user;

/// So many users or groups a page has.
pub const ON_A_PAGE: u64 = 50;

/// Which users or groups are looked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// A part of a name or address.
    pub name: String,
    /// A SCIM filter.
    pub filter: String,
    /// The first of the page, counted from 1.
    pub start: u64,
}

/// A page of users or groups.
#[derive(Debug)]
pub struct DirectoryPage {
    /// Whose.
    pub account: AccountLabel,
    /// Whether they are users, and not groups.
    pub of_users: bool,
    /// Them.
    pub items: Vec<Listed>,
    /// How many fit.
    pub total: u64,
    /// The first of the page, counted from 1.
    pub start: u64,
    /// What is wrong with the filter, in the words of the engine.
    pub problem: Option<String>,
}

/// A user or group in a list.
#[derive(Debug)]
pub struct Listed {
    /// The id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// The name they log in by.
    pub user_name: String,
    /// The role.
    pub role: Option<String>,
    /// Whether they are active.
    pub active: bool,
    /// Whether they are a service account.
    pub service_account: bool,
    /// Whether an identity provider has written them.
    pub managed: bool,
    /// What a service account lacks.
    pub lacks: Vec<String>,
    /// When it was changed last.
    pub changed: When,
}

/// An account within reach, with what SCIM is in it.
struct Place {
    account: Account,
    provider: ServiceProvider,
    now: Timestamp,
}

impl Place {
    fn of(tx: &mut Tx<'_>, mandate: &Mandate, engine: &ScimEngine, account: &str) -> Result<Place, ActError> {
        let account = accounts::find(tx, mandate, Power::Read, account)?;
        let provider = ServiceProvider::of(&engine.schemas, &account)?;
        Ok(Place { account, provider, now: tx.now() })
    }

    fn label(&self) -> AccountLabel {
        AccountLabel { id: self.account.id.clone(), name: person::short_name(&self.account.name) }
    }

    /// The attribute of users that takes its values from the account's environments.
    fn environments(&self) -> Option<&str> {
        let is_list =
            |values: &CanonicalValues| *values == CanonicalValues::OnlyListed(PRODUCT_ENVIRONMENTS.to_owned());
        let attributes = &self.provider.registry.get(USER).schema.attributes;
        attributes.iter().find(|attribute| is_list(&attribute.canonical_values)).map(|attribute| &*attribute.path)
    }
}

/// The filter that finds a part of a name.
fn by_name(kind: ResourceTypeId, part: &str) -> String {
    let text = Value::from(part.trim()).to_string();
    let paths: &[&str] = match kind {
        USER => &["userName", "displayName", "name.formatted", "name.givenName", "name.familyName", "emails.value"],
        _ => &["displayName"],
    };
    paths.iter().map(|path| format!("{path} co {text}")).collect::<Vec<_>>().join(" or ")
}

impl Wanted {
    fn request(&self, kind: ResourceTypeId) -> Result<SearchRequest, scim::Error> {
        let (name, filter) = (self.name.trim(), self.filter.trim());
        let whole = match (name.is_empty(), filter.is_empty()) {
            (true, true) => None,
            (true, false) => Some(filter.to_owned()),
            (false, true) => Some(by_name(kind, name)),
            (false, false) => {
                // On its own first, so that a mistake is told of what was typed.
                SearchRequest::from_query([("filter", filter)])?;
                Some(format!("({filter}) and ({})", by_name(kind, name)))
            }
        };
        let (start, count) = (self.start.max(1).to_string(), ON_A_PAGE.to_string());
        let mut pairs = vec![("startIndex", start.as_str()), ("count", count.as_str())];
        pairs.extend(whole.as_deref().map(|filter| ("filter", filter)));
        if kind == GROUP {
            pairs.push(("excludedAttributes", "members"));
        }
        SearchRequest::from_query(pairs)
    }
}

/// The users or groups that are looked for, in an account within reach. Only reads.
pub fn page(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    account: &str,
    of_users: bool,
    wanted: &Wanted,
) -> Result<DirectoryPage, ActError> {
    let at = Place::of(tx, mandate, engine, account)?;
    let kind = if of_users { USER } else { GROUP };
    let account = at.label();
    let found = wanted.request(kind).and_then(|asked| {
        let shown = asked.projection(at.provider.registry.get(kind))?;
        search(tx, &at, engine, kind, (&asked, &shown))
    });
    let start = wanted.start.max(1);
    match found {
        Ok((resources, total)) => {
            let items = listed(tx, &at, kind, &resources)?;
            Ok(DirectoryPage { account, of_users, items, total, start, problem: None })
        }
        Err(scim::Error::Store(error)) => Err(error.into()),
        Err(refused) => {
            let problem = Some(Refusal::Scim(refused).to_string());
            Ok(DirectoryPage { account, of_users, items: Vec::new(), total: 0, start, problem })
        }
    }
}

fn search(
    tx: &mut Tx<'_>,
    at: &Place,
    engine: &ScimEngine,
    kind: ResourceTypeId,
    (asked, shown): (&SearchRequest, &Projection),
) -> Result<(Vec<Resource>, u64), scim::Error> {
    let mut store = tx.in_account(at.account.seq, at.now, false);
    let list = engine.run(&at.provider, at.now, |cx| service::search(&mut store, cx, kind, asked, shown))?;
    Ok((list.resources, list.total))
}

fn listed(tx: &mut Tx<'_>, at: &Place, kind: ResourceTypeId, resources: &[Resource]) -> Result<Vec<Listed>, ActError> {
    let ids: Vec<&str> = resources.iter().map(|resource| resource.id.as_str()).collect();
    let facts = if kind == USER { tx.facts_of_users(at.account.seq, &ids)? } else { Vec::new() };
    let policy = tx.grant_policy();
    let one = |resource: &Resource| {
        let attributes = resource.attributes();
        let facts = facts.iter().find(|facts| facts.id == resource.id.as_str());
        let text = |name: &str| attributes.get(name).and_then(Value::as_str).map(strip_invisible).unwrap_or_default();
        Listed {
            id: resource.id.to_string(),
            name: if kind == USER { person::name(attributes) } else { person::short_name(resource.display()) },
            user_name: text("userName"),
            role: policy.role_of(attributes).map(strip_invisible),
            active: resource.is_active(),
            service_account: facts.is_some_and(|facts| facts.service_account),
            managed: facts.is_some_and(|facts| facts.managed),
            lacks: facts.map(|facts| lacks(facts, resource, &policy)).unwrap_or_default(),
            changed: When::at(Timestamp::of_millis(resource.meta.last_modified)),
        }
    };
    Ok(resources.iter().map(one).collect())
}

/// What a service account lacks to own a connection.
fn lacks(facts: &UserFacts, user: &Resource, policy: &GrantPolicy) -> Vec<String> {
    let mut lacks = Vec::new();
    if facts.service_account && !facts.has_password {
        lacks.push("It has no password, so it cannot log in: create an invitation link.".to_owned());
    }
    if facts.service_account && !policy.may_own_grant(user.attributes()) {
        let roles = policy.roles().join(" or ");
        lacks.push(format!("It cannot accept access: that needs the {} {roles}.", policy.attribute()));
    }
    lacks
}

impl DirectoryPage {
    /// The last of the page.
    pub fn end(&self) -> u64 {
        self.start + (self.items.len() as u64).saturating_sub(1)
    }

    /// Where the page before begins.
    pub fn before(&self) -> Option<u64> {
        (self.start > 1).then(|| self.start.saturating_sub(ON_A_PAGE).max(1))
    }

    /// Where the next page begins.
    pub fn after(&self) -> Option<u64> {
        let next = self.start + self.items.len() as u64;
        (!self.items.is_empty() && next <= self.total).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_in_a_filter_whichever_characters_it_has() {
        let filter = by_name(USER, "O\"Neil\\ ");
        assert!(filter.starts_with("userName co \"O\\\"Neil\\\\\" or displayName co "), "{filter}");
        assert!(Wanted { name: "O\"Neil\\".to_owned(), ..Wanted::default() }.request(USER).is_ok());
        assert!(by_name(GROUP, "x").starts_with("displayName co"));
    }

    #[test]
    fn a_mistake_in_a_filter_is_told_of_what_was_typed() {
        let wanted = Wanted { name: "ada".to_owned(), filter: "userName eq".to_owned(), start: 1 };
        let told = Refusal::Scim(wanted.request(USER).unwrap_err()).to_string();
        assert!(!told.contains("displayName"), "{told}");
        let both = Wanted { filter: "active eq true or active eq false".to_owned(), ..wanted };
        assert!(both.request(USER).is_ok());
    }
}

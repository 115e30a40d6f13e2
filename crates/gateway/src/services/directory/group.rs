//! One group: its members page by page, and who joined and left.

use scim::schema::{GROUP, USER};
use scim::{Id, Store};

use super::history::{self, Entry};
use crate::domain::ids::ResourceKey;
use crate::domain::operator::{Mandate, Power};
use crate::domain::person;
use crate::domain::when::When;
use crate::platform::timestamp::Timestamp;
use crate::services::accounts;
use crate::services::diagnosis::AccountLabel;
use crate::services::error::ActError;
use crate::storage::Tx;

/// So many members a page has.
const ON_A_PAGE: usize = 100;
/// So many members who are waited for are named.
const WAITING: i64 = 20;

/// The page of a group.
#[derive(Debug)]
pub struct GroupPage {
    /// Whose group.
    pub account: AccountLabel,
    /// The id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Whether an identity provider has written it.
    pub managed: bool,
    /// The members of this page.
    pub members: Vec<GroupMember>,
    /// The row after which the next page begins.
    pub next: Option<i64>,
    /// Members who are waited for: what they were called, since when.
    pub waiting: Vec<(String, When)>,
    /// Who joined and left, and what else was done to it.
    pub history: Vec<Entry>,
    /// Whether there is more of that.
    pub has_more_history: bool,
    /// When it was created,
    pub created: When,
    /// and changed.
    pub changed: When,
}

/// A member of a group.
#[derive(Debug)]
pub struct GroupMember {
    /// The id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Whether it is a user, and not a group.
    pub is_user: bool,
    /// Whether it is active.
    pub active: bool,
}

/// The page of a group of an account within reach, with the members that follow a row. Only reads.
pub fn page(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    (account, group): (&str, &str),
    after: Option<i64>,
) -> Result<GroupPage, ActError> {
    let found = accounts::find(tx, mandate, Power::Read, account)?;
    let not_found = || ActError::not_found("group", group);
    let id = Id::new(group).ok_or_else(not_found)?;
    let now = tx.now();
    let mut store = tx.in_account(found.seq, now, false);
    let stored = store.get(GROUP, &id)?.ok_or_else(not_found)?;
    let managed = store.is_provisioned(stored.handle)?;
    let key = ResourceKey::from(stored.handle);
    let mut members = tx.members_after(found.seq, key, after.unwrap_or(0), ON_A_PAGE as i64 + 1)?;
    let is_full = members.len() > ON_A_PAGE;
    members.truncate(ON_A_PAGE);
    let waiting = tx.pending_members_after(found.seq, Some(group), 0, WAITING)?;
    let rows = history::rows(tx, found.seq, group)?;
    let resource = stored.resource;
    Ok(GroupPage {
        account: AccountLabel { name: person::short_name(&found.name), id: found.id },
        id: group.to_owned(),
        name: person::short_name(resource.display()),
        managed,
        next: members.last().map(|member| member.seq).filter(|_| is_full),
        members: members
            .into_iter()
            .map(|member| GroupMember {
                is_user: member.resource_type() == USER,
                name: person::short_name(&member.name),
                active: member.active,
                id: member.id,
            })
            .collect(),
        waiting: waiting
            .into_iter()
            .map(|member| (person::short_name(&member.value), When::at(member.since)))
            .collect(),
        has_more_history: rows.len() > history::SHOWN,
        history: history::entries(&rows),
        created: When::at(Timestamp::of_millis(resource.meta.created)),
        changed: When::at(Timestamp::of_millis(resource.meta.last_modified)),
    })
}

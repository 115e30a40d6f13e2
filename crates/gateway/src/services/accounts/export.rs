//! An account as JSON Lines: itself, then its users, then its groups with a line for each member. It is read piece by piece, so it takes
//! little memory however large the account is; what changes meanwhile is there as it was before or as it is after.

use scim::schema::{GROUP, ResourceTypeId, USER};
use scim::{Projection, Representation};
use serde_json::{Value, json};

use super::{find, overview};
use crate::domain::operator::{Mandate, Power};
use crate::services::error::ActError;
use crate::services::service_provider::{ScimEngine, ServiceProvider};
use crate::storage::Tx;

/// So many resources, or members, are read at once.
const AT_ONCE: i64 = 500;

/// How far an export is.
#[derive(Debug, Clone)]
pub enum Place {
    /// Nothing was read.
    Beginning,
    /// Users up to this row were.
    Users(i64),
    /// Groups up to this row were.
    Groups(i64),
    /// Of the group with this row and id, members up to this row were.
    Members(i64, String, i64),
}

/// The next lines of an export, and how far it then is; `None`: it is whole. Only reads.
pub fn next(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    engine: &ScimEngine,
    id: &str,
    at: Place,
) -> Result<(String, Option<Place>), ActError> {
    let account = find(tx, mandate, Power::Read, id)?;
    let mut lines = String::new();
    let mut write = |line: &Value| {
        lines.push_str(&line.to_string());
        lines.push('\n');
    };
    let next = match at {
        Place::Beginning => {
            write(&json!({"kind": "account", "account": overview(tx, &account)?}));
            Some(Place::Users(0))
        }
        Place::Users(after) | Place::Groups(after) => {
            let kind: ResourceTypeId = if matches!(at, Place::Users(_)) { USER } else { GROUP };
            let provider = ServiceProvider::of(&engine.schemas, &account)?;
            let shown = Projection::standard(provider.registry.get(kind));
            // The members of a group follow it, line by line, before the next group.
            let most = if kind == USER { AT_ONCE } else { 1 };
            let found = tx.resources_after(account.seq, kind, after, most)?;
            for stored in &found {
                let value = Representation::new(&stored.resource, &shown, &provider.registry, &engine.base).to_value();
                let kind = if kind == USER { "user" } else { "group" };
                write(&json!({"kind": kind, kind: value}));
            }
            match (found.last(), kind == USER) {
                (Some(last), true) => Some(Place::Users(last.handle.0)),
                (None, true) => Some(Place::Groups(0)),
                (Some(group), false) => Some(Place::Members(group.handle.0, group.resource.id.as_str().to_owned(), 0)),
                (None, false) => None,
            }
        }
        Place::Members(group, ref group_id, after) => {
            let members = tx.member_ids_after(account.seq, group, after, AT_ONCE)?;
            for (_, member) in &members {
                write(&json!({"kind": "member", "group": group_id, "member": member}));
            }
            match members.last() {
                Some((last, _)) if members.len() as i64 == AT_ONCE => {
                    Some(Place::Members(group, group_id.clone(), *last))
                }
                _ => Some(Place::Groups(group)),
            }
        }
    };
    Ok((lines, next))
}

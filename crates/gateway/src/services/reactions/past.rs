//! What access was resolved from is kept as it was until it changed, so that what a user might do at any time can be said.
//!
//! A deletion, a membership that ends and the terms of an account are kept where they are written; here are the changes of users and groups.

use scim::EventKind;
use scim::schema::USER;
use scim::store::Store;
use serde_json::Value;

use crate::domain::access::PastFacts;
use crate::domain::access::past::names;
use crate::domain::account::ENVIRONMENTS_ATTRIBUTE;
use crate::domain::event::ResourceEvent;
use crate::domain::ids::AccountKey;
use crate::platform::timestamp::Timestamp;
use crate::storage::{DbError, Tx};

/// Keeps what a user or group was before an event, if what changed says who may do what.
pub(super) fn keep(tx: &mut Tx<'_>, account: AccountKey, now: Timestamp, event: &ResourceEvent) -> Result<(), DbError> {
    let (EventKind::Replaced | EventKind::Patched | EventKind::Restored, Some(before)) = (&event.kind, &event.before)
    else {
        return Ok(());
    };
    let (policy, is_user) = (tx.grant_policy(), event.resource_type == USER);
    let named = if is_user { "userName" } else { "displayName" };
    let of_users = [policy.attribute(), ENVIRONMENTS_ATTRIBUTE, "active"];
    let decides = |name: &str| name == named || is_user && of_users.contains(&name);
    if !event.changes.names().any(decides) {
        return Ok(());
    }
    let Some(stored) = tx.in_account(account, now, false).get(event.resource_type, &event.id)? else { return Ok(()) };
    let name = before.get(named).and_then(Value::as_str).unwrap_or_default();
    let mut facts = PastFacts::of(stored.resource.attributes(), true, policy.attribute());
    facts.active = before.get("active").and_then(Value::as_bool).unwrap_or(true);
    facts.role = policy.role_of(before).map(str::to_owned);
    if let Some(environments) = &event.environments_before {
        facts.environments = environments.as_ref().map(names);
    }
    tx.keep_past_resource(account, &stored, (name, is_user.then_some(&facts)), now, false)
}

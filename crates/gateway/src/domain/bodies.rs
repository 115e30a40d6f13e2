//! What doors send and are told: the bodies of the admin API as plain values. Services take them and give them.

use serde::Serialize;
use serde_json::json;

use super::described::{FieldError, Time};
use super::event::Changes;
use crate::platform::timestamp::Timestamp;

pub mod access;
pub mod accounts;
pub mod attributes;
pub mod audit;
pub mod authzen;
pub mod clients;
pub mod event_streams;
pub mod events;
pub mod force;
pub mod grants;
pub mod health;
pub mod notices;
pub mod operators;
pub mod password_links;
pub mod requests;
pub mod setup_links;
pub mod sign_in;
pub mod users;
pub mod webhooks;

/// What only follows from the rest, or from what others do meanwhile.
const FOLLOWS: [&str; 6] = ["sheet", "lifetimes", "tolerances", "warnings", "users", "groups"];

/// What differs between two answers, for the audit trail.
pub fn changes(before: &impl Serialize, after: &impl Serialize) -> Changes {
    Changes::between(&json!(before), &json!(after), &FOLLOWS)
}

/// What is wrong with an end that has passed.
pub fn past_end(expires: Option<Time>, now: Timestamp) -> Option<FieldError> {
    let detail = expires.filter(|expires| expires.0 <= now).map(|_| "must lie in the future".to_owned())?;
    Some(FieldError { field: "expires".to_owned(), detail })
}

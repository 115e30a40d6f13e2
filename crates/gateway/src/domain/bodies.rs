//! What doors send and are told: the bodies of the admin API as plain values. Services take them and give them.

use serde::Serialize;
use serde_json::json;

use super::event::Changes;

pub mod accounts;
pub mod attributes;
pub mod sign_in;

/// What only follows from the rest, or from what others do meanwhile.
const FOLLOWS: [&str; 6] = ["sheet", "lifetimes", "tolerances", "warnings", "users", "groups"];

/// What differs between two answers, for the audit trail.
pub fn changes(before: &impl Serialize, after: &impl Serialize) -> Changes {
    Changes::between(&json!(before), &json!(after), &FOLLOWS)
}

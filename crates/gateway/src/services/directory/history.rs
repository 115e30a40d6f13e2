//! What was done to a user or group, as a page tells it: who, what, when, and what was before and after.

use serde_json::{Map, Value};

use crate::domain::actor::Actor;
use crate::domain::event::Action;
use crate::domain::ids::AccountKey;
use crate::domain::person;
use crate::domain::when::When;
use crate::domain::wording::{grouped, strip_invisible};
use crate::services::error::ActError;
use crate::storage::Tx;
use crate::storage::audit::AuditRecord;
use crate::storage::audit::search::AuditFilter;

/// So many rows of the trail are looked at for the reasons of something.
const LOOKED_AT: i64 = 200;
/// So many are shown.
pub const SHOWN: usize = 30;
/// So many characters of a value are shown.
const LONGEST: usize = 200;

/// An entry of a history.
#[derive(Debug)]
pub struct Entry {
    /// The class,
    pub look: &'static str,
    /// and the icon.
    pub icon: &'static str,
    /// Who.
    pub actor: String,
    /// What they did, as the rest of the sentence.
    pub what: String,
    /// When.
    pub at: When,
    /// The request by which it was done.
    pub request: Option<String>,
    /// From which address.
    pub address: Option<String>,
    /// Whether the user may do more than before.
    pub grew: bool,
    /// What changed.
    pub changes: Vec<Difference>,
}

/// A value before and after.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// The attribute.
    pub name: String,
    /// Before; `None`: nothing, or not told.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
    /// Whether the values are not kept.
    pub is_untold: bool,
}

/// The newest rows of the trail about something in an account, newest first. Only reads.
pub(super) fn rows(tx: &mut Tx<'_>, account: AccountKey, target: &str) -> Result<Vec<AuditRecord>, ActError> {
    let filter = AuditFilter { account: Some(account), target: Some(target.to_owned()), ..AuditFilter::default() };
    Ok(tx.audit_page(&filter, None, LOOKED_AT)?.rows)
}

/// What changed in a row: each attribute with what is told of it.
pub(super) fn changes(row: &AuditRecord) -> Map<String, Value> {
    row.changes.as_deref().and_then(|changes| serde_json::from_str(changes).ok()).unwrap_or_default()
}

/// Who acted, in words.
pub(super) fn actor(row: &AuditRecord) -> String {
    let server = [Actor::Server, Actor::CommandLine, Actor::Browser, Actor::Unknown].map(|actor| actor.code());
    match &row.actor_name {
        Some(name) => person::short_name(name),
        None if row.actor == server[0] => "The server".to_owned(),
        None if row.actor == server[1] => "The command line".to_owned(),
        None if row.actor == server[2] => "A browser".to_owned(),
        None if row.actor == server[3] => "An unknown caller".to_owned(),
        None => match row.actor.split_once(':') {
            Some(("client", _)) => "A connection".to_owned(),
            Some(("user", _)) => "A user".to_owned(),
            Some(("operator", _)) => "An operator".to_owned(),
            _ => row.actor.clone(),
        },
    }
}

/// The entries of these rows.
pub(super) fn entries(rows: &[AuditRecord]) -> Vec<Entry> {
    rows.iter().take(SHOWN).map(entry).collect()
}

fn entry(row: &AuditRecord) -> Entry {
    let action = Action::parse(&row.action);
    let changes = changes(row);
    let grew = grew(&changes);
    let (icon, what) = what(action, row, &changes);
    Entry {
        look: if grew { "attention" } else { "neutral" },
        icon: if grew { "attention" } else { icon },
        actor: actor(row),
        what,
        at: When::to_the_second(row.at),
        request: row.request_id.clone(),
        address: row.address.clone(),
        grew,
        changes: differences(&changes),
    }
}

fn what(action: Option<Action>, row: &AuditRecord, changes: &Map<String, Value>) -> (&'static str, String) {
    use Action as A;
    let detail = || row.detail.as_deref().map(strip_invisible);
    let Some(action) = action else { return ("info", format!(": {}", row.action)) };
    match action {
        A::UserCreated => ("plus", " created this user".to_owned()),
        A::GroupCreated => ("plus", " created this group".to_owned()),
        A::UserRestored => ("redo", " created this user again, who came back with all groups".to_owned()),
        A::UserActivated => ("redo", " reactivated this user".to_owned()),
        A::UserDeactivated => ("pause", " deactivated this user: sessions ended".to_owned()),
        A::UserReplaced | A::UserPatched | A::GroupReplaced | A::GroupPatched => {
            let names: Vec<&str> = changes.keys().map(String::as_str).filter(|name| *name != "…").take(5).collect();
            let what = if names.is_empty() { "what is not told here".to_owned() } else { names.join(", ") };
            ("person", format!(" changed {what}"))
        }
        A::GroupMembershipChanged => ("people", format!(" {}", membership(changes))),
        _ => match detail() {
            Some(detail) => (icon(action), format!(": {} ({detail})", action.meaning().trim_end_matches('.'))),
            None => (icon(action), format!(": {}", action.meaning().trim_end_matches('.'))),
        },
    }
}

fn icon(action: Action) -> &'static str {
    use Action as A;
    match action {
        A::LoginSucceeded | A::LoginFailed | A::SessionEnded => "device",
        A::SecondFactorSetUp | A::SecondFactorFailed | A::SecondFactorRecovered | A::SecondFactorRemoved => "lock",
        A::UserLoginChanged => "lock",
        A::NoticeSeen
        | A::NoticeMailed
        | A::NoticeUndeliverable
        | A::LetterRequested
        | A::LetterMailed
        | A::LetterUndeliverable => "mail",
        _ => "person",
    }
}

/// How many joined and left, and the first of them by name.
fn membership(changes: &Map<String, Value>) -> String {
    let members = changes.get("members");
    let side = |name: &str| {
        let list = members
            .and_then(|members| members.get(name))
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let more =
            members.and_then(|members| members.get(format!("{name}_more"))).and_then(Value::as_i64).unwrap_or_default();
        let names: Vec<String> =
            list.iter().take(5).filter_map(|member| member["name"].as_str()).map(person::short_name).collect();
        (list.len() as i64 + more, names)
    };
    let said = |(count, names): (i64, Vec<String>), verb: &str| match (count, names.len() as i64) {
        (0, _) => None,
        (count, named) if count > named => {
            Some(format!("{} and {} more {verb}", names.join(", "), grouped(count - named)))
        }
        _ => Some(format!("{} {verb}", names.join(", "))),
    };
    let (joined, left) = (said(side("added"), "joined"), said(side("removed"), "left"));
    let both: Vec<String> = [joined, left].into_iter().flatten().collect();
    if both.is_empty() { "changed its members".to_owned() } else { format!("changed its members: {}", both.join("; ")) }
}

/// Whether a user may do more: was activated, got environments beside those they had, or lost the list that restricted them.
fn grew(changes: &Map<String, Value>) -> bool {
    let activated = changes.get("active").is_some_and(|change| change["before"] == false && change["after"] == true);
    let widened = changes.iter().any(|(name, change)| {
        let (before, after) = (&change["before"], &change["after"]);
        name.ends_with("environments") && before.is_array() && (after.is_null() || change["added"].is_array())
    });
    activated || widened
}

fn differences(changes: &Map<String, Value>) -> Vec<Difference> {
    let shown = changes.iter().filter(|(name, _)| !["members", "…"].contains(&name.as_str()));
    shown
        .map(|(name, change)| Difference {
            name: person::short_name(name),
            before: shown_value(&change["before"]),
            after: shown_value(&change["after"]),
            is_untold: change.as_object().is_some_and(Map::is_empty),
        })
        .collect()
}

/// A value as a page shows it; `None`: there is none.
pub fn shown_value(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(elements) => {
            let texts: Vec<String> = elements.iter().filter_map(shown_value).collect();
            texts.join(", ")
        }
        Value::Object(members) => match members.get("value").and_then(shown_value) {
            Some(text) => match members.get("type").and_then(Value::as_str) {
                Some(kind) => format!("{text} ({kind})"),
                None => text,
            },
            None => {
                let texts = members.iter().filter_map(|(name, value)| Some(format!("{name} {}", shown_value(value)?)));
                texts.collect::<Vec<_>>().join(", ")
            }
        },
        other => other.to_string(),
    };
    let shown = strip_invisible(&text);
    let mut short: String = shown.chars().take(LONGEST).collect();
    if short.len() < shown.len() {
        short.push('…');
    }
    Some(short)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn more_environments_and_a_lost_list_are_access_that_grew() {
        let change = |before: Value, after: Value, added: Value| {
            map(&json!({"product_environments": {"before": before, "after": after, "added": added}}))
        };
        assert!(grew(&change(json!(["a"]), json!(["a", "b"]), json!(["b"]))));
        assert!(grew(&change(json!(["a"]), Value::Null, Value::Null)), "without a list all are open");
        assert!(!grew(&change(Value::Null, json!(["a"]), json!(["a"]))), "a list restricts");
        assert!(!grew(&change(json!(["a", "b"]), json!(["a"]), Value::Null)));
        assert!(grew(&map(&json!({"active": {"before": false, "after": true}}))));
    }

    #[test]
    fn members_are_told_by_name_and_the_others_counted() {
        let named = |name: &str| json!({"id": "x", "name": name});
        let changes = map(
            &json!({"members": {"added": [named("Ada"), named("Ben")], "added_more": 40, "removed": [named("Eve")]}}),
        );
        assert_eq!(membership(&changes), "changed its members: Ada, Ben and 40 more joined; Eve left");
    }

    #[test]
    fn values_are_told_as_people_read_them() {
        let told = |given: Value| shown_value(&given);
        assert_eq!(told(Value::Null), None);
        assert_eq!(told(json!(["a", "b"])).as_deref(), Some("a, b"));
        assert_eq!(
            told(json!({"value": "ada@acme.test", "type": "work", "primary": true})).as_deref(),
            Some("ada@acme.test (work)")
        );
        assert_eq!(
            told(json!({"streetAddress": "1", "country": "DE"})).as_deref(),
            Some("streetAddress 1, country DE")
        );
        assert_eq!(told(json!("x".repeat(300))).map(|text| text.chars().count()), Some(201));
    }
}

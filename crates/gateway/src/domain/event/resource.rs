//! What happened to a user or group, reduced to what the gateway keeps of it: small, however large the resource is.

use scim::schema::{ResourceTypeId, USER};
use scim::{EventKind, Id};
use serde_json::{Map, Value};

use super::Changes;
use crate::domain::account::ENVIRONMENTS_ATTRIBUTE;
use crate::domain::grant_policy::GrantPolicy;
use crate::domain::notice::DepartureReason;

/// Attributes beside the declared ones whose values the audit trail tells: they say who a user is and what they may do.
const TOLD: [&str; 3] = ["active", "userName", "displayName"];
/// So are the parts of this one.
const NAME: &str = "name.";

/// Something that happened to a user or group.
#[derive(Debug, Clone)]
pub struct ResourceEvent {
    /// What.
    pub kind: EventKind,
    /// To a resource of this type,
    pub resource_type: ResourceTypeId,
    /// with this id.
    pub id: Id,
    /// What it is called; of what was deleted, the last name.
    pub name: String,
    /// What an identity provider calls it (`externalId`).
    pub external_id: Option<String>,
    /// Who the user was and what they might do, before; `None`: they were created.
    pub before: Option<Map<String, Value>>,
    /// The same after; `None`: they were deleted.
    pub after: Option<Map<String, Value>>,
    /// Where the user's environments changed: what they were, `None` inside: unset.
    pub environments_before: Option<Option<Value>>,
    /// What changed, with its values as far as the audit trail tells them.
    pub changes: Changes,
    /// What changed of a resource that was there before, with all values that clients are shown.
    pub values: Changes,
    /// The attributes it has since, as far as clients are shown them, where the event changed any of them.
    pub document: Option<Map<String, Value>>,
}

impl ResourceEvent {
    /// Of an event of the protocol; `role` is the attribute that says who may accept access.
    pub fn of(event: scim::Event, role: &str) -> ResourceEvent {
        let scim::Event { kind, resource_type, id, name, facts, changes, shown } = event;
        let external_id = facts.iter().find(|(name, _)| name == "externalId");
        let external_id = external_id.and_then(|(_, value)| value.as_str()).map(str::to_owned);
        let (mut told, mut values) = (Changes::default(), Changes::default());
        let was_there = matches!(kind, EventKind::Replaced | EventKind::Patched | EventKind::Restored);
        let is_kept = |name: &str| name == "name" || name == role || TOLD.contains(&name);
        let mut now: Map<String, Value> = facts.into_iter().filter(|(name, _)| is_kept(name)).collect();
        // Of what is created, nothing was before.
        let mut before = Some(&now).filter(|_| kind != EventKind::Created).cloned();
        let mut environments_before = None;
        for change in changes {
            let scim::AttributeChange { path, declared, before: was, after: is } = change;
            let is_told = path == role || TOLD.contains(&path.as_str());
            if is_told && let Some(before) = &mut before {
                match &was {
                    Some(value) => drop(before.insert(path.clone(), value.clone())),
                    None => drop(before.remove(&path)),
                }
            }
            if path == ENVIRONMENTS_ATTRIBUTE {
                environments_before = Some(was.clone());
            }
            let is_told = is_told || declared || path.starts_with(NAME);
            if was_there {
                match (&was, &is) {
                    (None, None) => values.named(path.clone()),
                    (was, is) => {
                        let [was, is] = [was, is].map(|value| value.as_ref().unwrap_or(&Value::Null));
                        values.value(path.clone(), was, is);
                    }
                }
            }
            match (was, is) {
                (None, None) => told.named(path),
                (was, is) if is_told => told.value(path, &was.unwrap_or_default(), &is.unwrap_or_default()),
                _ => told.named(path),
            }
        }
        if kind == EventKind::Deleted {
            // The protocol tells what was there; all of it changed to nothing.
            before.get_or_insert_default().append(&mut now);
        }
        if let EventKind::MembershipChanged { added, removed } = &kind {
            told.members(added, removed);
        }
        let after = Some(now).filter(|_| kind != EventKind::Deleted);
        let (changes, document) = (told, shown);
        ResourceEvent {
            kind,
            resource_type,
            id,
            name,
            external_id,
            before,
            after,
            environments_before,
            changes,
            values,
            document,
        }
    }

    /// Whether and how the user stops being one who may own a grant: their grants end or pass on.
    pub fn departure(&self, policy: &GrantPolicy) -> Option<DepartureReason> {
        if self.resource_type != USER {
            return None;
        }
        match self.kind {
            EventKind::Deactivated => Some(DepartureReason::Deactivated),
            EventKind::Deleted => Some(DepartureReason::Deleted),
            EventKind::Replaced | EventKind::Patched | EventKind::Restored => {
                let (before, after) = (self.before.as_ref()?, self.after.as_ref()?);
                let lost = policy.role_of(before) != policy.role_of(after) && !policy.may_own_grant(after);
                lost.then_some(DepartureReason::RoleLost)
            }
            _ => None,
        }
    }

    /// Whether and how one user fewer may accept access: they were active and had a role that may, and no longer are or have.
    pub fn administrator_left(&self, policy: &GrantPolicy) -> Option<DepartureReason> {
        let is_whole_change =
            matches!(self.kind, EventKind::Replaced | EventKind::Patched | EventKind::Restored | EventKind::Deleted);
        let may_accept = |facts: &Map<String, Value>| is_active(facts) && policy.may_own_grant(facts);
        if self.resource_type != USER || !is_whole_change || !self.before.as_ref().is_some_and(may_accept) {
            return None;
        }
        match &self.after {
            None => Some(DepartureReason::Deleted),
            Some(after) if !is_active(after) => Some(DepartureReason::Deactivated),
            Some(after) => (!policy.may_own_grant(after)).then_some(DepartureReason::RoleLost),
        }
    }

    /// What is known of the user as a person, before the change or else after it.
    pub fn person(&self) -> Map<String, Value> {
        self.before.clone().or_else(|| self.after.clone()).unwrap_or_default()
    }
}

/// As [`scim::Resource::is_active`].
fn is_active(facts: &Map<String, Value>) -> bool {
    facts.get("active").and_then(Value::as_bool).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use scim::{AttributeChange, Registry};
    use serde_json::json;

    use super::*;

    fn event(kind: EventKind, facts: Value, changes: &[(&str, bool, Value, Value)]) -> ResourceEvent {
        let value = |value: &Value| Some(value.clone()).filter(|value| !value.is_null());
        let change = |(path, declared, before, after): &(&str, bool, Value, Value)| AttributeChange {
            path: (*path).to_owned(),
            declared: *declared,
            before: value(before),
            after: value(after),
        };
        let event = scim::Event {
            kind,
            resource_type: USER,
            id: Id::new("ada").expect("an id"),
            name: "Ada".to_owned(),
            facts: facts.as_object().cloned().unwrap_or_default().into_iter().collect(),
            changes: changes.iter().map(change).collect(),
            shown: None,
        };
        ResourceEvent::of(event, "role")
    }

    fn policy() -> GrantPolicy {
        GrantPolicy::new("role".to_owned(), vec!["admin".to_owned()], &Registry::standard())
    }

    fn reasons(event: &ResourceEvent) -> (Option<DepartureReason>, Option<DepartureReason>) {
        (event.departure(&policy()), event.administrator_left(&policy()))
    }

    #[test]
    fn who_loses_the_role_or_is_deactivated_or_deleted_leaves() {
        use DepartureReason::{Deactivated, Deleted, RoleLost};
        let role = |was: &str, is: &str| ("role", true, json!(was), json!(is));
        let lost = event(EventKind::Patched, json!({"role": "user", "active": true}), &[role("admin", "user")]);
        assert_eq!(reasons(&lost), (Some(RoleLost), Some(RoleLost)));
        let other = event(EventKind::Patched, json!({"role": "guest"}), &[role("user", "guest")]);
        assert_eq!(
            reasons(&other),
            (Some(RoleLost), None),
            "grants of an earlier policy end, and no administrator left"
        );
        let gained = event(EventKind::Patched, json!({"role": "admin"}), &[role("user", "admin")]);
        assert_eq!(reasons(&gained), (None, None));
        let off = ("active", false, json!(true), json!(false));
        let deactivated =
            event(EventKind::Patched, json!({"role": "admin", "active": false}), std::slice::from_ref(&off));
        assert_eq!(reasons(&deactivated), (None, Some(Deactivated)), "the grants end by the event beside it");
        let beside = event(EventKind::Deactivated, json!({"role": "admin", "active": false}), &[off]);
        assert_eq!(reasons(&beside), (Some(Deactivated), None));
        let deleted =
            event(EventKind::Deleted, json!({"role": "admin"}), &[("role", true, json!("admin"), json!(null))]);
        assert_eq!(reasons(&deleted), (Some(Deleted), Some(Deleted)));
        let idle = event(EventKind::Deleted, json!({"role": "admin", "active": false}), &[]);
        assert_eq!(reasons(&idle), (Some(Deleted), None));
    }

    #[test]
    fn values_are_told_of_names_roles_and_declared_attributes_and_of_nothing_else() {
        let changes = [
            ("role", true, json!("user"), json!("admin")),
            ("name.givenName", false, json!("Ada"), json!("Ida")),
            ("emails", false, json!([{"value": "ada@home.test"}]), json!(null)),
            ("costCentre", true, json!(null), json!(["7"])),
            ("pin", true, json!(null), json!(null)),
        ];
        let told = event(EventKind::Patched, json!({}), &changes).changes.to_json().expect("changes");
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let expected = json!({
            "role": {"before": "user", "after": "admin"},
            "name.givenName": {"before": "Ada", "after": "Ida"},
            "emails": {},
            "costCentre": {"before": null, "after": ["7"], "added": ["7"]},
            "pin": {},
        });
        assert_eq!(told, expected);
    }
}

//! A reader of the feed, and the copy that it keeps by what the documentation says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::account::{Account, text};
use crate::support::identity_provider::IdentityProvider;
use crate::support::testing::{OPERATOR, World};

/// Where a reader is.
#[derive(Clone)]
pub struct Reader {
    world: World,
    account: Option<String>,
    pub cursor: Option<String>,
}

impl Reader {
    /// Of all accounts, from the oldest event on.
    pub fn of_all(world: &World) -> Reader {
        Reader { world: world.clone(), account: None, cursor: None }
    }

    /// Of one account.
    pub fn of(account: &Account) -> Reader {
        Reader { account: Some(account.id.clone()), ..Reader::of_all(&account.world) }
    }

    /// The path and query of the next page.
    pub fn path(&self, more: &str) -> String {
        let account = self.account.as_ref().map(|id| format!("&account={id}")).unwrap_or_default();
        let after = self.cursor.as_ref().map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        format!("/events?limit=1000{account}{after}{more}")
    }

    /// The next page.
    pub async fn page(&mut self, more: &str) -> Value {
        let page = self.world.get(&self.path(more)).bearer(OPERATOR).await.expect(200).json();
        self.cursor = Some(text(&page["cursor"]));
        page
    }

    /// All that follows.
    pub async fn rest(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let page = self.page("").await;
            events.extend(page["events"].as_array().expect("events").iter().cloned());
            if page["more"] == false {
                return events;
            }
        }
    }
}

/// The types of events, in their order.
pub fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(&event["type"])).collect()
}

/// A copy of an account's users and groups.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Copy {
    pub users: BTreeMap<String, Value>,
    pub groups: BTreeMap<String, Value>,
    pub members: BTreeMap<String, BTreeSet<String>>,
}

impl Copy {
    /// Applies events.
    pub fn apply(&mut self, events: &[Value]) {
        events.iter().for_each(|event| self.apply_one(event));
    }

    fn apply_one(&mut self, event: &Value) {
        let (kind, id, data) = (text(&event["type"]), text(&event["subject"]["id"]), &event["data"]);
        match kind.as_str() {
            "user.deleted" => {
                self.users.remove(&id);
                self.members.values_mut().for_each(|members| {
                    members.remove(&id);
                });
            }
            "group.deleted" => {
                self.groups.remove(&id);
                self.members.remove(&id);
                self.members.values_mut().for_each(|members| {
                    members.remove(&id);
                });
            }
            "group.membership_changed" => {
                assert_eq!(data["complete"], true, "{event}");
                let members = self.members.entry(id).or_default();
                for one in data["added"].as_array().expect("added") {
                    members.insert(text(&one["id"]));
                }
                for one in data["removed"].as_array().expect("removed") {
                    members.remove(&text(&one["id"]));
                }
            }
            kind if kind.starts_with("user.") => drop(self.users.insert(id, data["user"].clone())),
            kind if kind.starts_with("group.") => drop(self.groups.insert(id, data["group"].clone())),
            _ => {}
        }
        // Members of a group that is gone, or that left one that is gone, are none.
        let groups = &self.groups;
        self.members.retain(|group, members| groups.contains_key(group) && !members.is_empty());
    }

    /// What SCIM says at this moment.
    pub async fn by_scim(idp: &IdentityProvider) -> Copy {
        let mut copy = Copy::default();
        for kind in ["Users", "Groups"] {
            let mut start = 1;
            loop {
                let page = idp.get(&format!("/{kind}?startIndex={start}&count=100")).await.expect(200).json();
                let found = page["Resources"].as_array().cloned().unwrap_or_default();
                for mut one in found.iter().cloned() {
                    let id = text(&one["id"]);
                    let members = one["members"].as_array().cloned().unwrap_or_default();
                    for name in ["schemas", "meta", "groups", "members"] {
                        one.as_object_mut().expect("a resource").remove(name);
                    }
                    match kind {
                        "Users" => drop(copy.users.insert(id, one)),
                        _ => {
                            copy.groups.insert(id.clone(), one);
                            let members: BTreeSet<String> = members.iter().map(|one| text(&one["value"])).collect();
                            if !members.is_empty() {
                                copy.members.insert(id, members);
                            }
                        }
                    }
                }
                start += found.len();
                if found.is_empty() || start > usize::try_from(page["totalResults"].as_u64().unwrap_or(0)).unwrap() {
                    break;
                }
            }
        }
        copy
    }
}

/// What an event has, of each type.
pub fn assert_shape(event: &Value) {
    let names: Vec<&str> = event.as_object().expect("an event").keys().map(String::as_str).collect();
    let all = ["id", "cursor", "type", "time", "account", "actor", "request", "subject", "data"];
    assert_eq!(names, all, "{event}");
    assert!(gateway::platform::system::is_id(&text(&event["id"])), "{event}");
    assert!(event["data"].is_object() && event["actor"]["type"].is_string(), "{event}");
    assert_ne!(event["subject"]["id"], json!(""), "{event}");
}

/// Something of this type was told, to a reader of all accounts.
pub async fn assert_told(world: &World, kind: &str) {
    let events = Reader::of_all(world).rest().await;
    events.iter().for_each(assert_shape);
    assert!(types(&events).iter().any(|told| told == kind), "no {kind} in {:?}", types(&events));
}

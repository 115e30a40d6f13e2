//! What changed: of each attribute its value before and after, or its name alone. Bounded for values of any size.

use scim::{Member, Members};
use serde_json::{Map, Value, json};

use crate::domain::wording::beginning;

/// So much of a row is what changed, in bytes of JSON.
pub const MOST: usize = 16 * 1024;
/// Of a list, so many elements are told; the others are counted.
pub const LISTED: usize = 50;
/// Of a value, so many bytes of JSON are told.
const LONGEST: usize = 1024;

/// What changed, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes(Map<String, Value>);

impl Changes {
    /// What differs between two JSON objects, but for these names.
    pub fn between(before: &Value, after: &Value, except: &[&str]) -> Changes {
        let mut changes = Changes::default();
        let nothing = Map::new();
        let (before, after) = (before.as_object().unwrap_or(&nothing), after.as_object().unwrap_or(&nothing));
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        for name in after.keys().chain(gone).filter(|name| !except.contains(&name.as_str())) {
            let (before, after) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
            if before != after {
                changes.value(name, before, after);
            }
        }
        changes
    }

    /// This changed, from one value to the other. Of lists it is said what was removed and what was added.
    pub fn value(&mut self, name: &str, before: &Value, after: &Value) {
        let mut change = Map::from_iter([("before".to_owned(), short(before)), ("after".to_owned(), short(after))]);
        if let (Some(before), Some(after)) = (elements(before), elements(after)) {
            let without = |these: &[Value], those: &[Value]| -> Vec<Value> {
                these.iter().filter(|one| !those.contains(one)).cloned().collect()
            };
            for (name, elements) in [("removed", without(before, after)), ("added", without(after, before))] {
                list(&mut change, name, &elements, elements.len() as u64);
            }
        }
        self.0.insert(name.to_owned(), Value::Object(change));
    }

    /// Who joined a group and who left it: the first by id and name, the others counted.
    pub fn members(&mut self, added: &Members, removed: &Members) {
        let mut change = Map::new();
        for (name, members) in [("added", added), ("removed", removed)] {
            let member = |member: &Member| json!({"id": member.id.as_str(), "name": short(&json!(member.display))});
            let named: Vec<Value> = members.named.iter().map(member).collect();
            list(&mut change, name, &named, members.count);
        }
        self.0.insert("members".to_owned(), Value::Object(change));
    }

    /// This changed; its values are not told.
    pub fn named(&mut self, name: &str) {
        self.0.insert(name.to_owned(), json!({}));
    }

    /// The names of what changed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Nothing did.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As it is stored: a JSON object; `None` if nothing changed. What has no room is told by its name alone, and what has none even so
    /// is counted under `…`.
    pub fn to_json(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let (mut told, mut more) = (String::from("{"), 0u64);
        for (name, change) in &self.0 {
            let name = Value::from(name.as_str()).to_string();
            let change = change.to_string();
            // With the colon and a comma.
            let room = (MOST + 1).saturating_sub(told.len() + name.len() + 2);
            let change = if change.len() <= room { &change } else { "{}" };
            if change.len() > room {
                more += 1;
                continue;
            }
            entry(&mut told, &name, change);
        }
        if more > 0 {
            entry(&mut told, "\"…\"", &more.to_string());
        }
        told.push('}');
        Some(told)
    }
}

/// One more entry of a JSON object that is open.
fn entry(object: &mut String, name: &str, value: &str) {
    if object.len() > 1 {
        object.push(',');
    }
    for text in [name, ":", value] {
        object.push_str(text);
    }
}

/// The elements of a list; what is not there is a list of nothing.
fn elements(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(elements) => Some(elements),
        Value::Null => Some(&[]),
        _ => None,
    }
}

/// The first elements under this name, and how many more there are; nothing of an empty list.
fn list(into: &mut Map<String, Value>, name: &str, elements: &[Value], total: u64) {
    let told: Vec<Value> = elements.iter().take(LISTED).map(short).collect();
    let more = total.saturating_sub(told.len() as u64);
    if total > 0 {
        into.insert(name.to_owned(), Value::Array(told));
    }
    if more > 0 {
        into.insert(format!("{name}_more"), json!(more));
    }
}

/// A value that is not long; the beginning of a longer one.
fn short(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST => {
            json!(format!("{}…", beginning(text, LONGEST)))
        }
        Value::Array(elements) if elements.len() > LISTED || value.to_string().len() > LONGEST => {
            let mut told: Vec<Value> = elements.iter().take(LISTED).map(short).collect();
            while told.len() > 1 && json!(told).to_string().len() > LONGEST {
                told.pop();
            }
            told.push(json!("…"));
            Value::Array(told)
        }
        Value::Object(_) if value.to_string().len() > LONGEST => json!("…"),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(changes: &Changes) -> Value {
        serde_json::from_str(&changes.to_json().expect("something changed")).expect("JSON")
    }

    #[test]
    fn a_change_is_what_was_before_and_after_and_nothing_else() {
        let (before, after) = (json!({"a": 1, "b": 2, "c": 3, "d": 4}), json!({"a": 1, "b": 5, "e": null, "d": 6}));
        let changes = Changes::between(&before, &after, &["d"]);
        let c = json!({"before": 3, "after": null});
        assert_eq!(stored(&changes), json!({"b": {"before": 2, "after": 5}, "c": c}));
        assert_eq!(Changes::between(&before, &before, &[]).to_json(), None);
    }

    #[test]
    fn of_lists_it_says_what_was_removed_and_added() {
        let changes = Changes::between(&json!({"l": ["a", "b"]}), &json!({"l": ["b", "c"]}), &[]);
        let lists = json!({"before": ["a", "b"], "after": ["b", "c"], "removed": ["a"], "added": ["c"]});
        assert_eq!(stored(&changes), json!({ "l": lists }));
        let many: Vec<u32> = (0..200).collect();
        let told = stored(&Changes::between(&json!({"l": [7]}), &json!({ "l": many }), &[]));
        assert_eq!(told["l"]["added"].as_array().map(Vec::len), Some(LISTED));
        assert_eq!(told["l"]["added_more"], 199 - LISTED);
        assert_eq!(told["l"]["after"].as_array().and_then(|after| after.last()), Some(&json!("…")));
    }

    #[test]
    fn what_is_stored_is_bounded() {
        let long = "é".repeat(2_000);
        let mut changes = Changes::default();
        for n in 0..500 {
            changes.value(&format!("attribute{n}"), &json!(long), &json!([long, long, {"x": long}]));
        }
        let text = changes.to_json().expect("something changed");
        assert!(text.len() <= MOST + 100, "{}", text.len());
        let told: Value = serde_json::from_str(&text).expect("JSON");
        let named = told.as_object().map_or(0, |told| told.values().filter(|change| **change == json!({})).count());
        assert!(named > 50 && told["…"].as_u64().is_some_and(|more| more > 100), "{named}");
    }
}

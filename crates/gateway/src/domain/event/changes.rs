//! What changed: of each attribute its value before and after, or its name alone. Bounded for values of any size.

use std::borrow::Cow;

use scim::{Member, Members};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::domain::wording::beginning;

/// So much of a row is what changed, in bytes of JSON.
pub const MOST: usize = 16 * 1024;
/// Of a list, so many elements are told; the others are counted.
pub const LISTED: usize = 50;
/// Of a value, so many bytes of JSON are told.
const LONGEST: usize = 1024;

/// What changed, by name: each change as the JSON that is stored, in the order it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes(Vec<(String, String)>);

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
                changes.value(name.clone(), before, after);
            }
        }
        changes
    }

    /// This changed, from one value to the other. Of lists it is said what was removed and what was added.
    pub fn value(&mut self, name: impl Into<String>, before: &Value, after: &Value) {
        let mut change = Object::default();
        change.entry("before", &short(before));
        change.entry("after", &short(after));
        if let (Some(before), Some(after)) = (elements(before), elements(after)) {
            for (name, these, those) in [("removed", before, after), ("added", after, before)] {
                let elements: Vec<&Value> = these.iter().filter(|one| !those.contains(one)).collect();
                list(&mut change, name, &elements, elements.len() as u64);
            }
        }
        self.changed(name.into(), change);
    }

    /// Who joined a group and who left it: the first by id and name, the others counted.
    pub fn members(&mut self, added: &Members, removed: &Members) {
        let mut change = Object::default();
        for (name, members) in [("added", added), ("removed", removed)] {
            let member = |member: &Member| json!({"id": member.id.as_str(), "name": short(&json!(member.display))});
            let named: Vec<Value> = members.named.iter().map(member).collect();
            list(&mut change, name, &named.iter().collect::<Vec<_>>(), members.count);
        }
        self.changed("members".to_owned(), change);
    }

    /// This changed; its values are not told.
    pub fn named(&mut self, name: String) {
        self.changed(name, Object::default());
    }

    fn changed(&mut self, name: String, change: Object) {
        self.0.push((name, change.closed()));
    }

    /// The names of what changed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
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
        let (mut told, mut more) = (Object::default(), 0u64);
        for (name, change) in &self.0 {
            // With the quotes around the name, a colon and a comma.
            let room = (MOST + 1).saturating_sub(told.0.len() + name.len() + 4);
            let change = if change.len() <= room { change } else { "{}" };
            if change.len() > room {
                more += 1;
                continue;
            }
            told.entry_of(name, change);
        }
        if more > 0 {
            told.entry("…", &more);
        }
        Some(told.closed())
    }
}

/// A JSON object that is being written.
#[derive(Debug)]
struct Object(String);

impl Default for Object {
    fn default() -> Object {
        Object("{".to_owned())
    }
}

impl Object {
    /// One more entry.
    fn entry(&mut self, name: &str, value: &impl Serialize) {
        self.entry_of(name, &to_json(value));
    }

    /// One more entry, whose value is JSON already.
    fn entry_of(&mut self, name: &str, json: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        match is_plain(name) {
            true => self.0.extend(["\"", name, "\""]),
            false => self.0.push_str(&Value::from(name).to_string()),
        }
        self.0.push(':');
        self.0.push_str(json);
    }

    fn closed(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Whether a name stands in JSON as it is.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
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
fn list(into: &mut Object, name: &str, elements: &[&Value], total: u64) {
    let told: Vec<Cow<'_, Value>> = elements.iter().take(LISTED).map(|element| short(element)).collect();
    let more = total.saturating_sub(told.len() as u64);
    if total > 0 {
        into.entry(name, &told);
    }
    if more > 0 {
        into.entry(&format!("{name}_more"), &more);
    }
}

/// A value that is not long; the beginning of a longer one.
fn short(value: &Value) -> Cow<'_, Value> {
    let is_long = |value: &Value| to_json(value).len() > LONGEST;
    match value {
        Value::String(text) if text.len() > LONGEST => Cow::Owned(json!(format!("{}…", beginning(text, LONGEST)))),
        Value::Array(elements) if elements.len() > LISTED || is_long(value) => {
            let mut told: Vec<Cow<'_, Value>> = elements.iter().take(LISTED).map(short).collect();
            while told.len() > 1 && to_json(&told).len() > LONGEST {
                told.pop();
            }
            told.push(Cow::Owned(json!("…")));
            Cow::Owned(told.into_iter().map(Cow::into_owned).collect())
        }
        Value::Object(_) if is_long(value) => Cow::Owned(json!("…")),
        value => Cow::Borrowed(value),
    }
}

/// What was read as JSON can be written as JSON.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
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
            changes.value(format!("attribute{n}"), &json!(long), &json!([long, long, {"x": long}]));
        }
        let text = changes.to_json().expect("something changed");
        assert!(text.len() <= MOST + 100, "{}", text.len());
        let told: Value = serde_json::from_str(&text).expect("JSON");
        let named = told.as_object().map_or(0, |told| told.values().filter(|change| **change == json!({})).count());
        assert!(named > 50 && told["…"].as_u64().is_some_and(|more| more > 100), "{named}");
    }
}

//! `force`: that a change is made although it has a consequence, and what becomes of values that leave a list while users have them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::described::{Components, Described, Mistakes, Read, Texts};

/// So many values may be named at once.
const MOST: usize = 100;

/// What a request says of a consequence that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Force {
    /// Whether it is to be done all the same: values in use stay as they are, and open nothing.
    Confirmed(bool),
    /// What becomes of each value.
    Values(Fates),
}

/// What becomes of values that users have, by value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fates {
    /// Of environments.
    pub environments: BTreeMap<String, Fate>,
    /// Of roles.
    pub roles: BTreeMap<String, Fate>,
}

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Users keep it, and it opens nothing.
    Stays,
    /// Users get these for it; none: it is taken away, where it is not their last.
    Becomes(Vec<String>),
}

impl Force {
    /// Whether all of it is confirmed; `None` where it says value by value.
    pub fn of_all(&self) -> Option<bool> {
        match self {
            Force::Confirmed(is) => Some(*is),
            Force::Values(_) => None,
        }
    }

    /// What it says of values.
    pub fn fates(&self) -> Option<&Fates> {
        match self {
            Force::Confirmed(_) => None,
            Force::Values(fates) => Some(fates),
        }
    }
}

impl Described for Force {
    fn schema(_: &mut Components) -> Value {
        let list = json!({"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": MOST});
        let text = json!({"type": "string", "minLength": 1});
        let fate = json!({"anyOf": [{"type": "null"}, text, list]});
        let fates = json!({"type": "object", "additionalProperties": fate, "maxProperties": MOST});
        json!({"anyOf": [
            {"type": "boolean"},
            {"type": "object", "properties": {"environments": fates, "roles": fates}, "additionalProperties": false},
        ]})
    }
}

impl Read for Force {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Force> {
        let mut fields = match value {
            Value::Bool(is) => return Some(Force::Confirmed(is)),
            Value::Object(fields) => fields,
            _ => {
                let right = "must be true or false, or an object with `environments`, `roles` or both, which says what becomes of each value";
                mistakes.note(at, right);
                return None;
            }
        };
        let mut of = |name: &str, mistakes: &mut Mistakes| match fields.remove(name) {
            None | Some(Value::Null) => Some(BTreeMap::new()),
            Some(value) => fates(value, &format!("{at}.{name}"), mistakes),
        };
        let (environments, roles) = (of("environments", mistakes), of("roles", mistakes));
        for name in fields.keys() {
            mistakes.note(format!("{at}.{name}"), "is not a field of `force`: it has `environments` and `roles`");
        }
        Some(Force::Values(Fates { environments: environments?, roles: roles? }))
    }
}

fn fates(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<BTreeMap<String, Fate>> {
    let Value::Object(values) = value else {
        mistakes.note(at, "must be an object whose members are values, each with null, a value, or a list of values");
        return None;
    };
    if values.len() > MOST {
        mistakes.note(at, format!("has {} values; at most {MOST} are replaced at once", values.len()));
        return None;
    }
    let mut fates = BTreeMap::new();
    for (value, fate) in values {
        let place = format!("{at}.{value}");
        let fate = match fate {
            Value::Null => Fate::Stays,
            Value::String(text) => {
                let Texts(one) = Texts::read(json!([text]), &place, mistakes)?;
                Fate::Becomes(one)
            }
            Value::Array(list) if list.len() <= MOST => {
                let Texts(list) = Texts::read(Value::Array(list), &place, mistakes)?;
                Fate::Becomes(list)
            }
            _ => {
                mistakes.note(
                    place,
                    "must be null (users keep it, and it opens nothing), a value that they get for it, or a list of such values; an \
                     empty list takes it away",
                );
                continue;
            }
        };
        fates.insert(value, fate);
    }
    Some(fates)
}

//! The `members` of a group as a request names them (RFC 7643 §4.2).
//!
//! Only `value` counts: `type`, `$ref` and `display` follow from who the member is. What can be no name at all is set
//! aside, so that one bad entry does not lose the others.

use serde_json::Value;

use crate::error::Error;
use crate::patch::MembersChange;
use crate::resource::value::MAX_UNIQUE_TEXT;
use crate::tolerance::{Leniency, Tolerance};

/// Who was named, in order and each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NamedMembers {
    pub names: Vec<String>,
    /// What can be nobody's name, shortened.
    pub malformed: Vec<String>,
}

impl NamedMembers {
    /// Reads the value of `members`: an array of objects, or of bare ids; one of them; nothing.
    pub(crate) fn read(given: &Value, leniency: &Leniency) -> Result<NamedMembers, Error> {
        let given = match given {
            Value::Array(elements) => elements.as_slice(),
            Value::Null => &[],
            Value::String(text) if text.is_empty() => &[],
            one if leniency.forgives(Tolerance::ElementWithoutArray) => std::slice::from_ref(one),
            _ => return Err(Error::InvalidValue("members is multi-valued: send an array".to_owned())),
        };
        let mut named = NamedMembers::default();
        let mut seen = std::collections::HashSet::with_capacity(given.len());
        for element in given {
            let value = match element {
                Value::Null => continue,
                Value::Object(object) => object
                    .iter()
                    .rfind(|(key, _)| key.eq_ignore_ascii_case("value"))
                    .map_or(&Value::Null, |(_, value)| value),
                bare if leniency.forgives(Tolerance::BareComplexValue) => bare,
                bare => {
                    return Err(Error::InvalidValue(format!(
                        "members: {} is not an object; send {{\"value\": \"…\"}}",
                        shortened(bare)
                    )));
                }
            };
            match value.as_str().filter(|text| is_name(text)) {
                Some(name) => {
                    if seen.insert(name.to_owned()) {
                        named.names.push(name.to_owned());
                    }
                }
                None if leniency.forgives(Tolerance::UnknownMembers) => named.malformed.push(shortened(value)),
                None => {
                    return Err(Error::InvalidValue(format!(
                        "members.value: {} is not the id of a resource; send the id we answered when it was created",
                        shortened(value)
                    )));
                }
            }
        }
        Ok(named)
    }
}

/// Whether somebody can be called so: by an `id`, an `externalId`, a `userName`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_UNIQUE_TEXT && !text.contains('\0')
}

impl NamedMembers {
    /// As the members of a group that has none yet, or whose members are all replaced.
    pub(crate) fn whole(self, clear: bool) -> MembersChange {
        MembersChange { clear, remove: Vec::new(), add: self.names, malformed: self.malformed }
    }
}

/// What stood there, for the report.
fn shortened(value: &Value) -> String {
    match value {
        Value::Null => "(no value)".to_owned(),
        Value::String(text) => text.chars().take(128).collect(),
        other => other.to_string().chars().take(128).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(given: Value, names: &[&str], malformed: &[&str]) {
        let named = NamedMembers::read(&given, &Leniency::generous()).unwrap();
        assert_eq!(named.names, names, "{given}");
        assert_eq!(named.malformed, malformed, "{given}");
    }

    #[test]
    fn members_are_read_in_every_shape_that_clients_send() {
        check(json!([{"value": "a"}, {"value": "b", "$ref": null, "display": "B"}]), &["a", "b"], &[]);
        check(json!([{"Value": "a"}, {"value": "a"}]), &["a"], &[]);
        check(json!({"value": "a"}), &["a"], &[]);
        check(json!("a"), &["a"], &[]);
        check(json!(["a", "b", "a"]), &["a", "b"], &[]);
        check(json!([]), &[], &[]);
        check(json!(null), &[], &[]);
        check(json!(""), &[], &[]);
    }

    #[test]
    fn a_malformed_member_does_not_lose_the_others() {
        check(
            json!([{"value": "a"}, {"value": "b@c"}, {"value": 7}, {"display": "x"}, 8, [], {"value": "\0"}, {"value": ""}]),
            &["a", "b@c"],
            &["7", "(no value)", "8", "[]", "\0", ""],
        );
    }

    #[test]
    fn to_the_letter_a_malformed_member_is_refused() {
        let refused = NamedMembers::read(&json!([{"value": 7}]), &Leniency::default()).unwrap_err();
        assert_eq!(refused.wire(), (400, Some("invalidValue")));
    }
}

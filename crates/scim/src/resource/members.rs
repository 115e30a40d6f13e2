//! The `members` of a group as a request names them (RFC 7643 §4.2).
//!
//! Only `value` counts: `type`, `$ref` and `display` follow from who the member is. What is no id at all is set aside,
//! so that one bad entry does not lose the others.

use serde_json::Value;

use crate::error::Error;
use crate::resource::Id;
use crate::tolerance::{Leniency, Tolerance};

/// Who was named, in order and each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NamedMembers {
    pub ids: Vec<Id>,
    /// What no resource can be called, shortened.
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
            match value.as_str().and_then(Id::new) {
                Some(id) => {
                    if seen.insert(id.clone()) {
                        named.ids.push(id);
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

    fn check(given: Value, ids: &[&str], malformed: &[&str]) {
        let named = NamedMembers::read(&given, &Leniency::generous()).unwrap();
        assert_eq!(named.ids.iter().map(Id::as_str).collect::<Vec<_>>(), ids, "{given}");
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
            json!([{"value": "a"}, {"value": "no id"}, {"value": 7}, {"display": "x"}, 8, [], {"value": "b"}]),
            &["a", "b"],
            &["no id", "7", "(no value)", "8", "[]"],
        );
    }

    #[test]
    fn to_the_letter_a_malformed_member_is_refused() {
        let refused = NamedMembers::read(&json!([{"value": "no id"}]), &Leniency::default()).unwrap_err();
        assert_eq!(refused.wire(), (400, Some("invalidValue")));
    }
}

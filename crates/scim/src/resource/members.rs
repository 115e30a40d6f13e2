//! Reads the `members` of a group from a request (RFC 7643 §4.2).
//!
//! Only `value` counts, or a `$ref` to one of our resources; `type` and `display` are derived from the member. Values
//! that cannot be a name are set aside, so that one bad entry does not discard the others. If nothing else is left, the
//! request is refused.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::meant::{expected, is_blank, nameless};
use super::reader::{MAX_UNIQUE_TEXT, Named, Reader};
use crate::error::Error;
use crate::schema::{Attribute, ResourceTypeId};
use crate::tolerance::Tolerance;

/// The named members, in the order of the request, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NamedMembers {
    pub names: Vec<String>,
    /// Values that cannot be a name, shortened.
    pub malformed: Vec<String>,
    /// The resource types of those names that were given as URLs.
    pub kinds: BTreeMap<String, ResourceTypeId>,
    /// Whether the value was `""`: it names no member, and does not ask for an empty list either.
    blank: bool,
}

/// The change that a request makes to the members of a group: clear, remove, add. No name is both removed and added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MembersChange {
    pub clear: bool,
    pub remove: Vec<String>,
    pub add: Vec<String>,
    /// Values to add that cannot be a name.
    pub malformed: Vec<String>,
    /// The resource types of those names to add or remove that were given as URLs.
    pub kinds: BTreeMap<String, ResourceTypeId>,
    /// The names of each list that replaces part of the members.
    pub replacements: Vec<Vec<String>>,
}

/// So many elements are searched for unknown names: a client sends all of them alike, and there may be a hundred thousand.
const OBSERVED: usize = 16;

/// One element, or the value found in its place.
enum Element {
    Name(String, Option<ResourceTypeId>),
    Malformed(Value),
}

impl NamedMembers {
    /// Reads the value of `members`: an array of objects or of bare ids, a single one, or nothing.
    pub(crate) fn read(given: &Value, attribute: &Attribute, reader: &Reader<'_>) -> Result<NamedMembers, Error> {
        let called = Named::new(None, attribute);
        let mut named = NamedMembers::default();
        let given = reader.meant(attribute, called, given)?;
        let given = match &*given {
            Value::Array(elements) => elements.as_slice(),
            Value::Null => &[],
            Value::String(text) if text.is_empty() => {
                named.blank = true;
                &[]
            }
            one if reader.forgives(Tolerance::ElementWithoutArray) => std::slice::from_ref(one),
            _ => {
                let expected = expected(attribute);
                return Err(Error::InvalidValue(format!("{called} is multi-valued: send an array, {expected}")));
            }
        };
        given.iter().take(OBSERVED).for_each(|element| observe(element, attribute, called, reader));
        let mut seen = HashSet::with_capacity(given.len());
        for element in given {
            match element_of(element, attribute, called, reader)? {
                Element::Name(name, kind) => {
                    if let Some(kind) = kind {
                        named.kinds.insert(name.clone(), kind);
                    }
                    if seen.insert(name.clone()) {
                        named.names.push(name);
                    }
                }
                Element::Malformed(value) if reader.forgives(Tolerance::UnknownMembers) => {
                    named.malformed.push(shortened(&value));
                }
                Element::Malformed(value) => {
                    return Err(Error::InvalidValue(format!(
                        "members.value: {} is not the id of a resource; send the id we answered when it was created",
                        shortened(&value)
                    )));
                }
            }
        }
        match named.names.is_empty() && !given.is_empty() {
            true => Err(nameless(attribute, called)),
            false => Ok(named),
        }
    }

    /// Reads a value that replaces or selects members. A value that names no member is refused, unless it asks for an
    /// empty list.
    pub(crate) fn read_to_change(
        given: &Value,
        attribute: &Attribute,
        reader: &Reader<'_>,
    ) -> Result<NamedMembers, Error> {
        NamedMembers::read(given, attribute, reader)?.said(attribute)
    }

    /// Refuses a value that names no member and does not ask for an empty list.
    pub(crate) fn said(self, attribute: &Attribute) -> Result<NamedMembers, Error> {
        match self.blank {
            true => Err(nameless(attribute, Named::new(None, attribute))),
            false => Ok(self),
        }
    }

    /// Whether no member is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.malformed.is_empty()
    }
}

fn element_of(
    element: &Value,
    attribute: &Attribute,
    called: Named<'_>,
    reader: &Reader<'_>,
) -> Result<Element, Error> {
    let element = reader.unwrapped(attribute, called, Cow::Borrowed(element))?;
    let value = match &*element {
        Value::Null => &Value::Null,
        Value::Object(object) => {
            let value = object.iter().rfind(|(key, _)| key.eq_ignore_ascii_case("value")).map(|(_, value)| value);
            match value.filter(|value| !is_blank(value)) {
                Some(value) => value,
                None => match reader.referred(attribute, object) {
                    Some((kind, id)) => return Ok(Element::Name(id.to_string(), Some(kind))),
                    None => value.unwrap_or(&Value::Null),
                },
            }
        }
        bare if reader.forgives(Tolerance::BareComplexValue) => bare,
        bare => {
            return Err(Error::InvalidValue(format!(
                "members: {} is not an object; send {{\"value\": \"…\"}}",
                shortened(bare)
            )));
        }
    };
    Ok(match value.as_str().filter(|text| is_name(text)) {
        Some(name) => match reader.referred_by_value(attribute, name) {
            Some((kind, id)) => Element::Name(id.to_string(), Some(kind)),
            None => Element::Name(name.to_owned(), None),
        },
        None => Element::Malformed(value.clone()),
    })
}

/// Records what an element has beside its `value`.
fn observe(element: &Value, attribute: &Attribute, called: Named<'_>, reader: &Reader<'_>) {
    for (key, value) in element.as_object().into_iter().flatten() {
        match attribute.sub_attribute(key) {
            Some(sub) => reader.observations.arrived(sub, value),
            None if is_blank(value) => {}
            None => reader.observations.ignore(format_args!("{called}.{key}")),
        }
    }
}

/// Whether a text can be a name of a member: an `id`, an `externalId` or a `userName`.
fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_UNIQUE_TEXT && !text.contains('\0')
}

impl NamedMembers {
    /// The change for a new group, or one whose members are all replaced.
    pub(crate) fn whole(self, clear: bool) -> MembersChange {
        let NamedMembers { names, malformed, kinds, blank: _ } = self;
        MembersChange { clear, remove: Vec::new(), add: names, malformed, kinds, replacements: Vec::new() }
    }
}

/// The value as text, shortened for the report.
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
    use crate::observations::Observations;
    use crate::schema::{AccountValues, group};
    use crate::tolerance::{ToleranceTracker, Tolerances};
    use serde_json::json;

    fn read(given: &Value, on: Tolerances) -> Result<NamedMembers, Error> {
        let (account_values, leniency, observations) =
            (AccountValues::default(), ToleranceTracker::new(on), Observations::default());
        let base = crate::testing::BASE;
        let reader = Reader {
            account_values: &account_values,
            leniency: &leniency,
            base,
            observations: &observations,
            lists: true,
            existing: crate::resource::reader::Existing::Nothing,
        };
        NamedMembers::read(given, group().attribute("members").unwrap(), &reader)
    }

    #[track_caller]
    fn check(given: Value, names: &[&str], malformed: &[&str]) {
        let named = read(&given, Tolerances::EVERY).unwrap();
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
    fn report_2_a_member_is_named_by_its_reference_its_attribute_or_json_text() {
        let reference = "https://scim.example/scim/v2/Users/a";
        for one in [
            json!([{ "$ref": reference }]),
            json!([{ "$REF": reference, "value": null, "type": "User" }]),
            json!({ "$ref": "../Users/a", "value": "" }),
            json!({ "members": [{ "value": "a" }] }),
            json!([{ "Members": [{ "value": "a" }] }]),
            json!({ "members": { "value": "a" } }),
            json!({ "members": "a" }),
            json!("[{\"value\": \"a\"}]"),
            json!(" {\"value\": \"a\"}"),
            json!("[\"a\"]"),
            json!("{\"members\": [{\"value\": \"a\"}]}"),
            json!(["{\"value\": \"a\"}"]),
            json!("[{\"$ref\": \"/Users/a\"}]"),
        ] {
            check(one.clone(), &["a"], &[]);
            assert!(read(&one, Tolerances::NONE).is_err(), "{one}");
        }
        // Without tolerances these are names that no resource has.
        check(json!([{ "value": reference }]), &["a"], &[]);
        check(json!([reference]), &["a"], &[]);
    }

    #[test]
    fn report_2_what_names_no_member_is_refused_and_says_what_was_expected() {
        for no_member in [
            json!([{}]),
            json!({}),
            json!([null]),
            json!([""]),
            json!([" "]),
            json!([[]]),
            json!([["a"]]),
            json!([7]),
            json!(7),
            json!(true),
            json!([{ "display": "x" }]),
            json!([{ "value": "" }]),
            json!([{ "value": null, "type": "User" }]),
            json!([{ "value": { "value": "a" } }]),
            json!([{ "id": "a" }]),
            json!([{ "$ref": "https://other.example/scim/v2/Users/a" }]),
            json!([{ "$ref": "https://scim.example/scim/v2/Roles/a" }]),
            json!([{ "$ref": "a" }]),
            json!([{ "members": [] }]),
            json!({ "members": [{}] }),
            json!("[{}]"),
            json!("[{\"value\": \"a\""),
            json!("[{'value': 'a'}]"),
            json!("[[\"a\"]]"),
            json!("{}"),
            json!([{}, null, { "display": "x" }]),
        ] {
            for on in [Tolerances::EVERY, Tolerances::NONE] {
                let refused = read(&no_member, on).expect_err(&no_member.to_string());
                assert_eq!(refused.wire(), (400, Some("invalidValue")), "{no_member}");
            }
            let detail = read(&no_member, Tolerances::EVERY).unwrap_err().detail();
            assert!(detail.contains("{\"value\": …}"), "{no_member}: {detail}");
        }
    }

    #[test]
    fn a_malformed_member_does_not_lose_the_others() {
        check(
            json!([{"value": "a"}, {"value": "b@c"}, {"value": 7}, {"display": "x"}, 8, [], {"value": "\0"}, {"value": ""}]),
            &["a", "b@c"],
            &["7", "(no value)", "8", "[]", "\0", ""],
        );
        check(json!([null, "a"]), &["a"], &["(no value)"]);
    }

    #[test]
    fn to_the_letter_a_malformed_member_is_refused() {
        let refused = read(&json!([{"value": 7}]), Tolerances::NONE).unwrap_err();
        assert_eq!(refused.wire(), (400, Some("invalidValue")));
    }
}

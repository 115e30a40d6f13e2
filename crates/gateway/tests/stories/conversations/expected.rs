//! Whether an answer says what was expected, and perhaps more.

use chrono::DateTime;
use serde_json::Value;

/// Where `actual` lacks what `expected` asks for. Other members of an object do not matter; an array has
/// exactly the elements asked for, in any order, for multi-valued attributes have none.
pub fn compare(expected: &Value, actual: &Value) -> Result<(), String> {
    at("", expected, Some(actual))
}

fn at(place: &str, expected: &Value, actual: Option<&Value>) -> Result<(), String> {
    if let Some(pattern) = expected.as_str().and_then(pattern) {
        return match matches(pattern, actual)? {
            true => Ok(()),
            false => Err(differ(place, pattern, actual)),
        };
    }
    let Some(there) = actual else { return Err(differ(place, expected, None)) };
    match (expected, there) {
        (Value::Object(members), Value::Object(found)) => {
            members.iter().try_for_each(|(name, value)| at(&format!("{place}/{name}"), value, found.get(name)))
        }
        (Value::Array(elements), Value::Array(found)) if elements.len() == found.len() => {
            let mut left: Vec<&Value> = found.iter().collect();
            for (n, element) in elements.iter().enumerate() {
                let place = format!("{place}/{n}");
                match left.iter().position(|candidate| at(&place, element, Some(candidate)).is_ok()) {
                    Some(position) => drop(left.remove(position)),
                    None => return Err(differ(&place, element, actual)),
                }
            }
            Ok(())
        }
        (expected, there) if expected == there => Ok(()),
        _ => Err(differ(place, expected, actual)),
    }
}

fn differ(place: &str, expected: impl std::fmt::Display, actual: Option<&Value>) -> String {
    let actual = actual.map_or_else(|| "nothing".to_owned(), Value::to_string);
    format!("at {}: expected {expected}, came {actual}", if place.is_empty() { "the top" } else { place })
}

/// What stands in the braces, if they hold the whole text.
fn pattern(text: &str) -> Option<&str> {
    text.strip_prefix("{{")?.strip_suffix("}}")
}

fn matches(pattern: &str, actual: Option<&Value>) -> Result<bool, String> {
    let text = actual.and_then(Value::as_str);
    let written = || actual.map(|value| text.map_or_else(|| value.to_string(), str::to_owned));
    Ok(match pattern {
        "absent" => actual.is_none(),
        "anything" => actual.is_some(),
        "a string" => text.is_some_and(|text| !text.is_empty()),
        "a number" => actual.is_some_and(Value::is_u64),
        "a boolean" => actual.is_some_and(Value::is_boolean),
        "a date-time" => text.is_some_and(|text| DateTime::parse_from_rfc3339(text).is_ok()),
        _ => match pattern.split_once(' ') {
            Some(("containing", part)) => written().is_some_and(|text| text.contains(part)),
            Some(("without", part)) => written().is_some_and(|text| !text.contains(part)),
            _ => return Err(format!("{{{{{pattern}}}}} is neither a pattern nor a name that was kept")),
        },
    })
}

/// The same for a header.
pub fn compare_header(name: &str, expected: &str, actual: Option<&str>) -> Result<(), String> {
    at(name, &expected.into(), actual.map(Value::from).as_ref())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(expected: Value, actual: Value, agree: bool) {
        let outcome = compare(&expected, &actual);
        assert_eq!(outcome.is_ok(), agree, "{expected} of {actual}: {outcome:?}");
    }

    #[test]
    fn an_answer_may_say_more_but_not_less_or_else() {
        check(json!({"a": 1}), json!({"a": 1, "b": 2}), true);
        check(json!({"a": 1}), json!({"a": "1"}), false);
        check(json!({"a": {"b": 1}}), json!({"a": {}}), false);
        check(json!({"a": [{"b": 1}, {"b": 2}]}), json!({"a": [{"b": 2, "c": 0}, {"b": 1}]}), true);
        check(json!({"a": [1]}), json!({"a": [1, 2]}), false);
        check(json!({"a": []}), json!({"a": [1]}), false);
        check(json!({"a": [1, 1]}), json!({"a": [1, 2]}), false);
    }

    #[test]
    fn braces_are_patterns() {
        check(json!({"a": "{{absent}}"}), json!({}), true);
        check(json!({"a": "{{absent}}"}), json!({"a": null}), false);
        check(json!({"a": "{{anything}}"}), json!({}), false);
        check(json!({"a": "{{a string}}"}), json!({"a": ""}), false);
        check(json!({"a": "{{a number}}"}), json!({"a": "1"}), false);
        check(json!({"a": "{{a date-time}}"}), json!({"a": "2026-01-02T03:04:05.678Z"}), true);
        check(json!({"a": "{{containing role}}"}), json!({"a": "the role is"}), true);
        check(json!({"a": "{{containing role}}"}), json!({"a": [{"name": "role"}]}), true);
        check(json!({"a": "{{without role}}"}), json!({}), false);
        check(json!({"a": "{{without bulkId}}"}), json!({"a": "bulkId:1"}), false);
        check(json!({"a": "{{somebody}}"}), json!({"a": "x"}), false);
    }
}

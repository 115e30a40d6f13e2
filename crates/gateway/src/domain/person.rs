//! What is known of a user as a person: what they are called, and where a letter reaches them.

use lettre::Address;
use serde_json::{Map, Value};

use crate::domain::wording;

/// The most of a name that is shown or written.
const LONGEST: usize = 80;

/// What a user with these attributes is called: their `displayName`, their name, or the name they log in by.
pub fn name(attributes: &Map<String, Value>) -> String {
    let part = |part: &str| text_of(attributes.get("name").and_then(|name| name.get(part)));
    let parts: Vec<&str> = ["givenName", "familyName"].into_iter().filter_map(part).collect();
    let own = text_of(attributes.get("displayName")).or_else(|| part("formatted")).map(str::to_owned);
    let own = own.or_else(|| (!parts.is_empty()).then(|| parts.join(" ")));
    short_name(&own.unwrap_or_else(|| text_of(attributes.get("userName")).unwrap_or_default().to_owned()))
}

fn text_of(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// A name from outside, fit for a sentence: without invisible characters, and shortened.
pub fn short_name(name: &str) -> String {
    let shown = wording::strip_invisible(name);
    let mut short: String = shown.chars().take(LONGEST).collect();
    if short.len() < shown.len() {
        short.push('…');
    }
    short
}

/// Where mail reaches a user with these attributes: the primary of their `emails` (RFC 7643 §4.1.2), else another of them, else their
/// `userName`; the first of these that is an address.
pub fn address(attributes: &Map<String, Value>) -> Option<Address> {
    let emails = attributes.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let primary = emails.iter().filter(|email| email["primary"] == true);
    let others = emails.iter().filter(|email| email["primary"] != true);
    let user_name = attributes.get("userName").and_then(Value::as_str);
    primary.chain(others).filter_map(|email| email["value"].as_str()).chain(user_name).find_map(parsed)
}

/// An address. Nothing that would have to be quoted: what needs it is hardly ever meant, and a relay may read it in another way than we do.
pub fn parsed(text: &str) -> Option<Address> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "\"<>()[],;:\\".contains(c);
    let text = text.trim();
    (text.len() <= 254 && !text.contains(odd)).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_user_is_called_by_the_name_they_show() {
        let told = |value| name(&attributes(value));
        let whole = json!({"displayName": " Ada ", "name": {"formatted": "A. Lovelace"}, "userName": "ada"});
        assert_eq!(told(whole), "Ada");
        assert_eq!(told(json!({"name": {"formatted": "A. Lovelace", "givenName": "Ada"}})), "A. Lovelace");
        assert_eq!(told(json!({"name": {"givenName": "Ada", "familyName": "Lovelace"}})), "Ada Lovelace");
        assert_eq!(told(json!({"displayName": "", "name": {"familyName": "Lovelace"}})), "Lovelace");
        assert_eq!(told(json!({"userName": "ada@acme.test"})), "ada@acme.test");
        assert_eq!(told(json!({"displayName": "Ada\r\nBcc: x@y\u{202e}"})), "AdaBcc: x@y");
        assert_eq!(told(json!({"displayName": "é".repeat(200)})), format!("{}…", "é".repeat(80)));
    }

    #[test]
    fn mail_goes_to_the_primary_address_and_never_to_more_than_one() {
        let found = |value| address(&attributes(value)).map(|address| address.to_string());
        let several = json!({"emails": [{"value": "one@a.test"}, {"value": "two@a.test", "primary": true}]});
        assert_eq!(found(several).as_deref(), Some("two@a.test"));
        assert_eq!(found(json!({"emails": [{"value": "one@a.test"}]})).as_deref(), Some("one@a.test"));
        assert_eq!(found(json!({"emails": [], "userName": "ada@a.test"})).as_deref(), Some("ada@a.test"));
        assert_eq!(
            found(json!({"emails": [{"value": "none"}], "userName": "ada@a.test"})).as_deref(),
            Some("ada@a.test")
        );
        assert_eq!(found(json!({"userName": "ada"})), None);
        for hostile in [
            "a\r\nBcc: x@y.test",
            "a@b.test\r\nRCPT TO:<x@y.test>",
            "a@b.test, x@y.test",
            "a@b.test>\u{0}",
            "\"a\r\n\"@b.test",
            "\"a b\"@b.test",
            "<a@b.test> SIZE=1",
            "a@b.test;x@y.test",
            "a@[127.0.0.1]",
            "@",
        ] {
            assert_eq!(found(json!({"emails": [{"value": hostile, "primary": true}]})), None, "{hostile:?}");
        }
    }
}

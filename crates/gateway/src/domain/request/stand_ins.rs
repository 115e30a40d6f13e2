//! Personal data replaced consistently: each word by another one, the same wherever it stands, so that what belonged together still does.
//!
//! `ana.bauer@acme.test`, `Ana Bauer` and a filter for `"bauer"` become `robin.maple@cedar.example`, `Robin Maple` and `"maple"`. What the
//! protocol or the schemas themselves call things stays, and so does the form of a text: letter case, lengths of numbers, punctuation.

use std::collections::{HashMap, HashSet};

use scim::schema::{Attribute, CanonicalValues};
use scim::{AccountValues, Registry};
use serde_json::Value;

/// Words that are no names of persons.
const WORDS: [&str; 48] = [
    "robin", "maple", "cedar", "heron", "willow", "otter", "juniper", "falcon", "clover", "badger", "hazel", "osprey",
    "thistle", "marten", "laurel", "plover", "sorrel", "linnet", "bramble", "curlew", "aspen", "dunlin", "yarrow",
    "lapwing", "rowan", "siskin", "fennel", "avocet", "alder", "merlin", "tansy", "petrel", "myrtle", "gannet",
    "poplar", "kestrel", "sedge", "bittern", "lichen", "puffin", "bracken", "wagtail", "spruce", "dipper", "larch",
    "redstart", "teasel", "whinchat",
];

/// Attributes whose values have a form of their own, say nothing of a person, and are checked.
const FORMAL: [&str; 20] = [
    "schemas",
    "op",
    "type",
    "method",
    "resourcetype",
    "scimtype",
    "status",
    "primary",
    "sortby",
    "sortorder",
    "attributes",
    "excludedattributes",
    "preferredlanguage",
    "locale",
    "timezone",
    "startindex",
    "count",
    "totalresults",
    "itemsperpage",
    "failonerrors",
];

/// What stands for what, in one file.
#[derive(Debug, Default)]
pub struct StandIns {
    /// Values that the schemas or the account allow, in lower case.
    allowed: HashSet<String>,
    words: HashMap<String, String>,
    domains: HashMap<String, String>,
    numbers: HashMap<String, String>,
    ids: HashMap<String, String>,
}

impl StandIns {
    /// For an account with these schemas.
    pub fn new(registry: &Registry, values: &AccountValues) -> StandIns {
        let mut allowed: HashSet<String> = HashSet::new();
        let mut look = |attribute: &Attribute| match &attribute.canonical_values {
            CanonicalValues::Suggested(list) | CanonicalValues::Only(list) => {
                allowed.extend(list.iter().map(|value| value.to_lowercase()));
            }
            CanonicalValues::Any | CanonicalValues::OnlyListed(_) => {}
        };
        for (_, attribute) in registry.resource_types().iter().flat_map(|described| described.attributes_with_urns()) {
            look(attribute);
            attribute.sub_attributes.iter().for_each(&mut look);
        }
        allowed.extend(values.defaults.values().map(|value| value.to_lowercase()));
        allowed.extend(["true", "false", "user", "group"].map(str::to_owned));
        StandIns { allowed, ..StandIns::default() }
    }

    /// Says what stands for an id.
    pub fn call(&mut self, id: &str, stand_in: impl Into<String>) {
        self.ids.insert(id.to_owned(), stand_in.into());
    }

    /// A body.
    pub fn body(&mut self, body: &Value) -> Value {
        self.value("", body)
    }

    fn value(&mut self, name: &str, value: &Value) -> Value {
        let name = name.to_ascii_lowercase();
        match value {
            Value::String(_) if FORMAL.contains(&name.as_str()) => value.clone(),
            Value::String(text) if matches!(name.as_str(), "path" | "filter") => Value::String(self.literals(text)),
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(elements) => elements.iter().map(|element| self.value(&name, element)).collect(),
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| (self.literals(name), self.value(name, value)));
                Value::Object(members.collect())
            }
            other => other.clone(),
        }
    }

    /// What stands in quotation marks, in a filter or path; and ids, in a path of a bulk request.
    pub fn literals(&mut self, text: &str) -> String {
        let (mut told, mut literal, mut inside, mut escaped) = (String::new(), String::new(), false, false);
        for c in text.chars() {
            match c {
                '"' if !escaped => {
                    if inside {
                        told.push_str(&self.text(&literal));
                        literal.clear();
                    }
                    told.push('"');
                    inside = !inside;
                }
                _ if inside => {
                    escaped = c == '\\' && !escaped;
                    literal.push(c);
                }
                _ => told.push(c),
            }
            if !inside {
                escaped = false;
            }
        }
        told.push_str(&literal);
        match told.starts_with('/') {
            true => told
                .split('/')
                .map(|part| self.ids.get(part).cloned().unwrap_or(part.to_owned()))
                .collect::<Vec<_>>()
                .join("/"),
            false => told,
        }
    }

    /// A text. What the schemas allow stays, and so do times and what was replaced already.
    pub fn text(&mut self, text: &str) -> String {
        let trimmed = text.trim();
        let stays = self.allowed.contains(&trimmed.to_lowercase())
            || trimmed == super::redaction::REPLACED
            || trimmed.starts_with("urn:")
            || trimmed.starts_with("bulkId:")
            || chrono::DateTime::parse_from_rfc3339(trimmed).is_ok();
        if stays {
            return text.to_owned();
        }
        if let Some(id) = self.ids.get(trimmed) {
            return id.clone();
        }
        if trimmed.starts_with(['{', '['])
            && let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(trimmed)
        {
            return self.body(&inner).to_string();
        }
        if is_binary(trimmed) {
            return text.chars().map(|c| if c.is_ascii_alphanumeric() || "+/".contains(c) { 'A' } else { c }).collect();
        }
        self.parts(text)
    }

    /// The parts of a text: addresses, ids, words, numbers.
    fn parts(&mut self, text: &str) -> String {
        let (mut told, mut rest) = (String::new(), text);
        while let Some(first) = rest.chars().next() {
            if let Some(id) = rest.get(..36).filter(|id| is_uuid(id)) {
                told.push_str(&self.id(id));
                rest = &rest[36..];
                continue;
            }
            if first == '@' {
                let end = rest[1..]
                    .find(|c: char| !(c.is_ascii_alphanumeric() || ".-".contains(c)))
                    .map_or(rest.len(), |at| at + 1);
                if rest[1..end].contains('.') {
                    told.push('@');
                    told.push_str(&self.domain(&rest[1..end]));
                    rest = &rest[end..];
                    continue;
                }
            }
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            if digits > 0 {
                told.push_str(&self.number(&rest[..digits]));
                rest = &rest[digits..];
                continue;
            }
            let letters = rest.find(|c: char| !c.is_alphabetic() && c != '\u{301}').unwrap_or(rest.len());
            if letters > 0 {
                told.push_str(&self.word(&rest[..letters]));
                rest = &rest[letters..];
                continue;
            }
            told.push(first);
            rest = &rest[first.len_utf8()..];
        }
        told
    }

    fn word(&mut self, word: &str) -> String {
        const USUAL: [&str; 6] = ["https", "http", "mailto", "tel", "www", "example"];
        let key = word.to_lowercase();
        if word.chars().count() < 2 || USUAL.contains(&key.as_str()) {
            return word.to_owned();
        }
        let count = self.words.len();
        let stand_in = self.words.entry(key).or_insert_with(|| nth(count)).clone();
        let mut letters = word.chars();
        let begins = letters.next().is_some_and(char::is_uppercase);
        match (begins, letters.all(|c| c.is_uppercase())) {
            (true, true) => stand_in.to_uppercase(),
            (true, false) => {
                let mut letters = stand_in.chars();
                let first = letters.next().map(|c| c.to_ascii_uppercase());
                first.into_iter().chain(letters).collect()
            }
            (false, _) => stand_in,
        }
    }

    fn domain(&mut self, domain: &str) -> String {
        let key = domain.to_ascii_lowercase();
        let count = self.domains.len();
        self.domains.entry(key).or_insert_with(|| format!("{}.example", nth(count + 2))).clone()
    }

    /// Another number of as many digits. Short ones say nothing of a person.
    fn number(&mut self, digits: &str) -> String {
        if digits.len() < 3 {
            return digits.to_owned();
        }
        let count = self.numbers.len() + 1;
        let stand_in = || {
            let number = format!("{count:0>width$}", width = digits.len() - 1);
            format!("5{}", &number[number.len() - (digits.len() - 1)..])
        };
        self.numbers.entry(digits.to_owned()).or_insert_with(stand_in).clone()
    }

    fn id(&mut self, id: &str) -> String {
        let count = self.ids.len() + 1;
        self.ids.entry(id.to_owned()).or_insert_with(|| format!("0198a6b2-0000-7000-8000-{count:012}")).clone()
    }
}

fn nth(n: usize) -> String {
    let word = WORDS[n % WORDS.len()];
    match n / WORDS.len() {
        0 => word.to_owned(),
        round => {
            let letters = |mut round: usize| {
                let mut letters = String::new();
                while round > 0 {
                    letters.push(char::from(b'a' + u8::try_from((round - 1) % 26).unwrap_or_default()));
                    round = (round - 1) / 26;
                }
                letters
            };
            format!("{word}{}", letters(round))
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(n, byte)| match n {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

fn is_binary(text: &str) -> bool {
    text.len() >= 40
        && text.len().is_multiple_of(4)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

/// The ids in a text or body.
pub fn ids_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            for start in text.char_indices().map(|(at, _)| at) {
                let bounded = |at: usize| text[..at].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric());
                if let Some(id) = text.get(start..start + 36).filter(|id| is_uuid(id) && bounded(start))
                    && !found.iter().any(|known| known == id)
                {
                    found.push(id.to_owned());
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| ids_in(element, found)),
        Value::Object(members) => members.values().for_each(|value| ids_in(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stand_ins() -> StandIns {
        StandIns::new(&Registry::standard(), &AccountValues::default())
    }

    #[test]
    fn the_same_name_has_the_same_stand_in_wherever_it_stands() {
        let mut stand_ins = stand_ins();
        let told = stand_ins.body(&json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ana.bauer@acme.test", "displayName": "Ana Bauer",
            "name": {"givenName": "Ana", "familyName": "BAUER", "formatted": "Bauer, Ana"}, "active": true,
            "emails": [{"value": "Ana.Bauer@ACME.test", "type": "work", "primary": true}, {"value": "bauer@acme.test", "type": "home"}],
            "phoneNumbers": [{"value": "+49 30 1234567", "type": "mobile"}], "externalId": "00u1234567", "locale": "de-DE",
            "password": "(replaced)", "meta": {"created": "2026-11-23T20:00:00.000Z"},
        }));
        let (given, family) =
            (told["name"]["givenName"].as_str().unwrap(), told["name"]["familyName"].as_str().unwrap());
        assert!(given != "Ana" && family != "BAUER" && family == family.to_uppercase(), "{told}");
        let lower = |text: &str| text.to_lowercase();
        assert_eq!(lower(told["displayName"].as_str().unwrap()), lower(&format!("{given} {family}")));
        assert_eq!(lower(told["name"]["formatted"].as_str().unwrap()), lower(&format!("{family}, {given}")));
        let name = told["userName"].as_str().unwrap();
        let (local, domain) = name.split_once('@').unwrap();
        assert_eq!((local, domain.ends_with(".example")), (lower(&format!("{given}.{family}")).as_str(), true));
        assert_eq!(lower(told["emails"][0]["value"].as_str().unwrap()), name);
        assert_eq!(told["emails"][1]["value"], format!("{}@{domain}", lower(family)));
        assert_eq!(
            (&told["emails"][0]["type"], &told["locale"], &told["active"]),
            (&json!("work"), &json!("de-DE"), &json!(true))
        );
        assert_eq!(
            (&told["password"], &told["meta"]["created"]),
            (&json!("(replaced)"), &json!("2026-11-23T20:00:00.000Z"))
        );
        let phone = told["phoneNumbers"][0]["value"].as_str().unwrap();
        assert!(phone.len() == "+49 30 1234567".len() && !phone.contains("1234567"), "{phone}");
        assert!(told["externalId"].as_str().unwrap().ends_with(&phone[7..]), "{told}");
        let all = told.to_string().to_lowercase();
        for personal in ["ana", "bauer", "acme", "1234567"] {
            assert!(!all.contains(personal), "{personal}: {told}");
        }
    }

    #[test]
    fn filters_paths_and_ids_stay_what_they_are() {
        let mut stand_ins = stand_ins();
        let id = "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b";
        stand_ins.call(id, "{{user-1}}");
        let name = stand_ins.text("ana@acme.test");
        assert_eq!(
            stand_ins.literals("userName eq \"Ana@acme.test\" and active eq true").to_lowercase(),
            format!("userName eq \"{name}\" and active eq true").to_lowercase()
        );
        assert_eq!(stand_ins.literals("emails[type eq \"work\"].value"), "emails[type eq \"work\"].value");
        assert_eq!(stand_ins.literals(&format!("members[value eq \"{id}\"]")), "members[value eq \"{{user-1}}\"]");
        assert_eq!(stand_ins.literals(&format!("/Users/{id}")), "/Users/{{user-1}}");
        let other = stand_ins.text("0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1c");
        assert!(is_uuid(&other) && !other.contains("7c3d"), "{other}");
        let mut found = Vec::new();
        ids_in(&json!({"a": [format!("x {id}"), {"b": id}], "c": "none"}), &mut found);
        assert_eq!(found, [id]);
    }

    #[test]
    fn many_words_have_each_a_stand_in_of_its_own() {
        let mut stand_ins = stand_ins();
        let told: HashSet<String> = (0..2000).map(|n| stand_ins.word(&nth(n + 5000))).collect();
        assert_eq!(told.len(), 2000);
    }
}

//! Subject identifiers (RFC 9493): whom an identity provider means. They come as a member of a JSON object, whose `format` says which others there
//! are.

use serde_json::{Map, Value};

/// No member is longer, in bytes.
const LONGEST: usize = 1024;
/// So many identifiers may stand in one of the format `aliases`.
const MOST_ALIASES: usize = 10;

/// One way to name a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectId {
    /// An e-mail address (§3.2.2), or the address of an `acct` URI (§3.2.1).
    Email(String),
    /// What an issuer calls them (§3.2.3).
    IssSub {
        /// The issuer.
        iss: String,
        /// Its name for them.
        sub: String,
    },
    /// A name that the receiver knows (§3.2.4).
    Opaque(String),
}

impl SubjectId {
    /// The identifiers of one user that `value` names: one, or those of the format `aliases` (§3.2.8). Otherwise what is wrong with it, for the
    /// member that is called so.
    pub fn read(value: Option<&Value>, member: &str) -> Result<Vec<SubjectId>, String> {
        let Some(value) = value else {
            return Err(format!("{member} is missing: it names the user, as RFC 9493 says"));
        };
        let Some(members) = value.as_object() else { return Err(format!("{member} must be a JSON object")) };
        if format(members, member)? != "aliases" {
            return Ok(vec![one(members, member)?]);
        }
        let listed = members.get("identifiers").and_then(Value::as_array).filter(|listed| !listed.is_empty());
        let Some(listed) = listed.filter(|listed| listed.len() <= MOST_ALIASES) else {
            return Err(format!("{member}.identifiers must be 1 to {MOST_ALIASES} identifiers"));
        };
        let each = listed.iter().enumerate().map(|(n, value)| {
            let place = format!("{member}.identifiers[{n}]");
            match value.as_object() {
                Some(members) => one(members, &place),
                None => Err(format!("{place} must be a JSON object")),
            }
        });
        each.collect()
    }
}

fn format<'v>(members: &'v Map<String, Value>, member: &str) -> Result<&'v str, String> {
    let format = members.get("format").and_then(Value::as_str);
    format.ok_or_else(|| format!("{member}.format is missing: email, iss_sub, opaque, account or aliases"))
}

fn one(members: &Map<String, Value>, place: &str) -> Result<SubjectId, String> {
    let text = |name: &str| match members.get(name).and_then(Value::as_str) {
        Some(text) if !text.is_empty() && text.len() <= LONGEST && !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(format!("{place}.{name} must be a text of 1 to {LONGEST} bytes")),
    };
    match format(members, place)? {
        "email" => Ok(SubjectId::Email(text("email")?)),
        "iss_sub" => Ok(SubjectId::IssSub { iss: text("iss")?, sub: text("sub")? }),
        "opaque" => Ok(SubjectId::Opaque(text("id")?)),
        "account" => match text("uri")?.strip_prefix("acct:") {
            Some(address) if !address.is_empty() => Ok(SubjectId::Email(address.to_owned())),
            _ => Err(format!("{place}.uri must be an acct URI, as acct:ada@acme.example")),
        },
        other => {
            let other: String = other.chars().take(50).collect();
            Err(format!("{place}.format is {other:?}, and must be email, iss_sub, opaque, account or aliases"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Vec<SubjectId>, String> {
        SubjectId::read(Some(value), "sub_id")
    }

    #[test]
    fn each_format_names_a_user_by_its_own_members() {
        let email = SubjectId::Email("ada@acme.test".to_owned());
        let issued = SubjectId::IssSub { iss: "https://id.test".to_owned(), sub: "00u1".to_owned() };
        for (value, read_as) in [
            (json!({"format": "email", "email": "ada@acme.test"}), vec![email.clone()]),
            (json!({"format": "account", "uri": "acct:ada@acme.test"}), vec![email.clone()]),
            (json!({"format": "iss_sub", "iss": "https://id.test", "sub": "00u1"}), vec![issued.clone()]),
            (json!({"format": "opaque", "id": "7"}), vec![SubjectId::Opaque("7".to_owned())]),
            (
                json!({"format": "aliases", "identifiers": [
                    {"format": "email", "email": "ada@acme.test"}, {"format": "iss_sub", "iss": "https://id.test", "sub": "00u1"}]}),
                vec![email, issued],
            ),
        ] {
            assert_eq!(read(&value), Ok(read_as), "{value}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let many: Vec<Value> = (0..11).map(|n| json!({"format": "opaque", "id": n.to_string()})).collect();
        for (value, told) in [
            (json!("ada@acme.test"), "sub_id must be a JSON object"),
            (json!({"email": "ada@acme.test"}), "sub_id.format is missing"),
            (json!({"format": "phone_number", "phone_number": "+1"}), "sub_id.format is \"phone_number\""),
            (json!({"format": "email"}), "sub_id.email must be"),
            (json!({"format": "email", "email": ["ada@acme.test"]}), "sub_id.email must be"),
            (json!({"format": "opaque", "id": "a\u{0}b"}), "sub_id.id must be"),
            (json!({"format": "opaque", "id": "x".repeat(1025)}), "sub_id.id must be"),
            (json!({"format": "iss_sub", "sub": "7"}), "sub_id.iss must be"),
            (json!({"format": "account", "uri": "mailto:ada@acme.test"}), "an acct URI"),
            (json!({"format": "aliases", "identifiers": []}), "must be 1 to 10 identifiers"),
            (json!({"format": "aliases", "identifiers": many}), "must be 1 to 10 identifiers"),
            // §3.2.8: aliases have no aliases.
            (
                json!({"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": []}]}),
                "identifiers[0].format",
            ),
        ] {
            let why = read(&value).expect_err("it names no user");
            assert!(why.contains(told), "{value}: {why}");
        }
        assert!(SubjectId::read(None, "sub_id").unwrap_err().contains("is missing"));
    }
}

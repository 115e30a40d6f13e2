//! Which unknown names are kept. A client may send anything as a name, also a password or a person's address, so only
//! what looks like the name of an attribute is.

use std::borrow::Cow;

use crate::schema::is_name;

/// The most characters of one name in a path. Names of directory extensions have some fifty.
const LONGEST: usize = 64;

/// A name without the filters of a path, if it looks like the path of an attribute: `[urn:…:]name[.sub]`, with names as
/// in RFC 7643 §2.1.
pub(super) fn kept(sent: &str) -> Option<Cow<'_, str>> {
    let name = without_filters(sent);
    let (urn, path) = match name.rsplit_once(':') {
        Some((urn, path)) => (Some(urn), path),
        None => (None, &*name),
    };
    let (first, sub) = match path.split_once('.') {
        Some((first, sub)) => (first, Some(sub)),
        None => (path, None),
    };
    let is_short_name = |name: &str| name.len() <= LONGEST && is_name(name);
    (urn.is_none_or(is_urn) && is_short_name(first) && sub.is_none_or(is_short_name)).then_some(name)
}

/// `emails.value` of `emails[type eq "work"].value`. What follows an open bracket may be the beginning of a value.
fn without_filters(sent: &str) -> Cow<'_, str> {
    let Some((before, rest)) = sent.split_once('[') else { return Cow::Borrowed(sent) };
    let after = rest.rsplit_once(']').map_or("", |(_, after)| after);
    Cow::Owned(format!("{before}{after}"))
}

/// Whether a text can be the URN before the name of an attribute.
fn is_urn(urn: &str) -> bool {
    let is_part = |part: &str| {
        part.len() <= LONGEST && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    urn.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) && urn.split(':').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_attribute_is_kept_and_nothing_else() {
        let same = |name: &str| assert_eq!(kept(name).as_deref(), Some(name));
        same("product_environment");
        same("emails.valu");
        same("$ref");
        same("members.$reff");
        same("urn:ietf:params:scim:schemas:extension:entreprise:2.0:User");
        same("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.nam");
        same("extension_9d98ed114c4840d298fad781915f27e4_employeeId");
        assert_eq!(kept("emails[type eq \"ana@orchard.example\"].valu").as_deref(), Some("emails.valu"));
        assert_eq!(kept("emails[value eq \"ana@orch").as_deref(), Some("emails"), "cut off");
        for other in [
            "",
            "password=hunter2",
            "ana@orchard.example",
            "Ana Smith",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2ln",
            "https://orchard.example/ana",
            "acme:secret",
            "a.b.c",
            "3",
            "é",
            "emails[type eq \"work\"]value=x",
            &"a".repeat(65),
        ] {
            assert_eq!(kept(other), None, "{other}");
        }
    }
}

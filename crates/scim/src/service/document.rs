//! How large a document may be ([`Limits::document_bytes`](crate::Limits)).
//!
//! A write is refused if it makes the document larger than the limit. A document that was larger before may stay as
//! large, shrink, be read and be deleted. **The limit never prevents a deactivation**: otherwise a large photo would
//! keep a user logged in when an identity provider sends the whole user with `active: false`. Such a user can be
//! reactivated only within the limit.

use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::Error;
use crate::schema::ResourceType;
use crate::size::Size;
use crate::urn;

/// Refuses a document that is too large; `old` is the stored one.
pub(super) fn check(
    cx: &Context<'_>,
    described: &ResourceType,
    old: Option<&Map<String, Value>>,
    new: &Map<String, Value>,
) -> Result<(), Error> {
    let limit = cx.limits.document_bytes;
    let size = Size::of_object(new).text;
    if size <= limit {
        return Ok(());
    }
    let was_larger = old.is_some_and(|old| Size::of_object(old).text > limit);
    if let Some(old) = old {
        match (is_active(old), is_active(new)) {
            (true, false) => return Ok(()),
            (false, true) => {}
            _ if size <= Size::of_object(old).text => return Ok(()),
            _ => {}
        }
    }
    let mut detail =
        format!("The {} would have {} as it is stored, and {} are allowed.", described.name, kib(size), kib(limit));
    if let Some((name, size)) = largest(new) {
        let name: String = name.chars().take(200).collect();
        detail.push_str(&format!(
            " Most of it is {name}, with {}: shorten it, or leave it out of what is sent.",
            kib(size)
        ));
    }
    if was_larger {
        detail.push_str(
            " It was as large before: it may stay so, shrink, be deactivated or be deleted, but neither grow nor be activated.",
        );
    }
    Err(Error::InvalidValue(detail))
}

/// As [`Resource::is_active`](crate::Resource::is_active).
fn is_active(document: &Map<String, Value>) -> bool {
    document.get("active").and_then(Value::as_bool).unwrap_or(true)
}

/// The largest attribute and its size, an extension's attribute under its full name.
fn largest(document: &Map<String, Value>) -> Option<(String, usize)> {
    let own = document.iter().filter(|(name, _)| !urn::is_extension_key(name));
    let own = own.map(|(name, value)| (name.clone(), value));
    let extensions = document.iter().filter(|(name, _)| urn::is_extension_key(name));
    let theirs = extensions.flat_map(|(urn, values)| {
        values.as_object().into_iter().flatten().map(move |(name, value)| (format!("{urn}:{name}"), value))
    });
    own.chain(theirs).map(|(name, value)| (name, Size::of(value).text)).max_by_key(|(_, size)| *size)
}

fn kib(bytes: usize) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{GROUP, USER};
    use crate::testing::{World, refusal};

    const TOO_LARGE: (u16, Option<&str>) = (400, Some("invalidValue"));
    const FINE: (u16, Option<&str>) = (200, None);

    fn photo(kib: usize) -> Value {
        let parts = (0..kib / 10)
            .map(|n| json!({ "value": format!("https://photos.example/{n}/{}", "p".repeat(10_180)), "type": "photo" }));
        parts.collect()
    }

    fn body(name: &str, kib: usize, active: bool) -> Value {
        json!({ "userName": name, "role": "admin", "photos": photo(kib), "active": active })
    }

    #[test]
    fn hardening_5_a_document_has_a_limit_however_it_is_written() {
        let mut world = World::new();
        let id = world.create(USER, body("ana", 200, true)).expect("within").resource.id.to_string();
        let too_large = world.create(USER, body("ben", 300, true)).expect_err("too large");
        let detail = too_large.detail();
        assert_eq!(too_large.wire(), TOO_LARGE);
        for part in ["would have 300 KiB", "256 KiB are allowed", "photos, with 300 KiB"] {
            assert!(detail.contains(part), "{detail}");
        }
        assert_eq!(refusal(world.put(USER, &id, body("ana", 300, true))), TOO_LARGE);
        let op = |op: &str, value: Value| json!([{ "op": op, "path": "photos", "value": value }]);
        assert_eq!(refusal(world.patch(USER, &id, op("replace", photo(300)))), TOO_LARGE);
        // Many small additions are judged by their sum.
        let more =
            json!([{ "value": format!("https://photos.example/{}", "q".repeat(60 << 10)), "type": "thumbnail" }]);
        assert_eq!(refusal(world.patch(USER, &id, op("add", more))), TOO_LARGE);
        assert_eq!(world.get(USER, &id).expect("unchanged")["photos"], photo(200));
        world.limits.document_bytes = 50 << 10;
        let extension = json!({
            "userName": "cas", "role": "admin", "title": "t".repeat(20 << 10),
            crate::urn::ENTERPRISE_USER: { "department": "d".repeat(40 << 10) }
        });
        let detail = world.create(USER, extension).expect_err("too large").detail();
        assert!(
            detail.contains("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department, with"),
            "{detail}"
        );
        let named = json!({ "displayName": "g".repeat(60 << 10) });
        assert_eq!(refusal(world.create(GROUP, named)), TOO_LARGE);
    }

    #[test]
    fn hardening_5_members_are_no_part_of_a_document() {
        let mut world = World::new();
        world.limits.document_bytes = 2_000;
        let users: Vec<String> = (0..200).map(|n| world.user(&format!("user{n}"))).collect();
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        let group = world.group("Everybody", &users);
        let members: Vec<Value> = users.iter().map(|id| json!({ "value": id })).collect();
        let put = world.put(GROUP, &group, json!({ "displayName": "All", "members": members }));
        assert_eq!(refusal(put), FINE);
        assert_eq!(world.members(&group).len(), 200);
    }

    #[test]
    fn hardening_5_no_size_keeps_anybody_from_being_deactivated() {
        let mut world = World::new();
        world.limits.document_bytes = 1 << 20;
        let ids: Vec<String> = ["ana", "ben", "cas", "dora"]
            .map(|name| world.create(USER, body(name, 300, true)).expect("a user").resource.id.to_string())
            .to_vec();
        // From here on the stored documents exceed the limit.
        world.limits.document_bytes = 256 << 10;
        let active = |value: bool| json!([{ "op": "replace", "path": "active", "value": value }]);
        assert_eq!(world.get(USER, &ids[0]).expect("readable")["photos"], photo(300));
        assert_eq!(
            refusal(world.patch(USER, &ids[0], json!([{ "op": "add", "path": "title", "value": "Boss" }]))),
            TOO_LARGE
        );
        assert_eq!(refusal(world.patch(USER, &ids[0], active(false))), FINE);
        assert_eq!(refusal(world.patch(USER, &ids[0], active(true))), TOO_LARGE);
        assert_eq!(refusal(world.put(USER, &ids[1], body("ben", 300, false))), FINE, "by a PUT of all there is");
        assert_eq!(refusal(world.put(USER, &ids[2], body("cas", 310, false))), FINE, "even of more");
        assert_eq!(refusal(world.put(USER, &ids[2], body("cas", 320, false))), TOO_LARGE, "once");
        assert_eq!(refusal(world.put(USER, &ids[2], body("cas", 305, false))), FINE, "it may shrink");
        let restored = world.create(USER, body("cas", 300, true));
        assert_eq!(refusal(restored), TOO_LARGE, "who comes back does so within the limit");
        assert_eq!(refusal(world.create(USER, body("cas", 10, true))), FINE);
        assert_eq!(refusal(world.put(USER, &ids[3], body("dora", 300, true))), FINE, "nothing changes");
        assert_eq!(refusal(world.delete(USER, &ids[3])), FINE);
    }
}

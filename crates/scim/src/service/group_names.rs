//! Unique group names ([`Context::unique_group_names`]).
//!
//! RFC 7643 §4.2 allows several groups with one `displayName`. Where a service provider forbids it, a group cannot take
//! the name of another one. Groups that share a name from before keep it, and repeating it is no change. Names compare
//! like in filters.

use crate::context::Context;
use crate::error::Error;
use crate::query::search_keys::SearchKey;
use crate::schema::AttributeKey;
use crate::schema::GROUP;
use crate::store::{Handle, Store};

/// Refuses a new name of a group if another group has it. `added` are the keys that the write adds.
pub(super) fn check(
    store: &mut dyn Store,
    cx: &Context<'_>,
    new: &[SearchKey],
    itself: Option<Handle>,
) -> Result<(), Error> {
    let name = new.iter().find(|key| key.attribute == AttributeKey::group_name());
    let Some(name) = name.filter(|_| cx.unique_group_names) else { return Ok(()) };
    // Serializes concurrent requests for the same name.
    store.lock_group_names()?;
    let owners = store.find_by_keys(std::slice::from_ref(name))?;
    let Some(other) = owners.iter().find(|owner| Some(owner.handle) != itself) else { return Ok(()) };
    let shown = match store.get(GROUP, &other.id)? {
        Some(stored) => stored.resource.display().to_owned(),
        None => name.display(),
    };
    let shown: String = shown.chars().take(100).collect();
    let detail = format!(
        "Another Group has the displayName {shown:?}, and group names must be unique here. It is the Group {}. Use that one, or choose \
         another name.",
        other.id
    );
    Err(Error::NotUnique { attribute: Some("displayName".to_owned()), detail })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::schema::GROUP;
    use crate::testing::World;

    fn named(name: &str) -> Value {
        json!({ "displayName": name })
    }

    #[track_caller]
    fn refused<T: std::fmt::Debug>(outcome: Result<T, crate::Error>, other: &str) {
        let error = outcome.expect_err("refused");
        assert_eq!(error.wire(), (409, Some("uniqueness")));
        for said in ["displayName \"Editors\"", &format!("Group {other}.")] {
            assert!(error.detail().contains(said), "{said} in: {}", error.detail());
        }
    }

    #[test]
    fn report_8_a_name_of_another_group_is_refused_where_names_must_be_unique() {
        let mut world = World::new();
        world.unique_group_names = true;
        let editors = world.group("Editors", &[]);
        let writers = world.group("Writers", &[]);
        refused(world.create(GROUP, named("EDITORS")), &editors);
        refused(world.put(GROUP, &writers, named("editors")), &editors);
        for operation in [
            json!({ "op": "replace", "path": "displayName", "value": "editors" }),
            json!({ "op": "add", "value": { "displayName": "Editors" } }),
        ] {
            refused(world.patch(GROUP, &writers, json!([operation])), &editors);
        }
        // Its own, in another spelling; and a name that is free again.
        world.put(GROUP, &editors, named("EDITORS")).expect("its own name");
        world.put(GROUP, &editors, named("Editors")).expect("its own name");
        world.patch(GROUP, &editors, json!([{ "op": "replace", "path": "displayName", "value": "Authors" }])).unwrap();
        world.put(GROUP, &writers, named("editors")).expect("free");
        world.delete(GROUP, &writers).unwrap();
        world.group("Editors", &[]);
    }

    #[test]
    fn report_8_groups_that_share_a_name_already_keep_it() {
        let mut world = World::new();
        let (one, two) = (world.group("Editors", &[]), world.group("Editors", &[]));
        world.unique_group_names = true;
        let ana = world.user("ana");
        for group in [&one, &two] {
            let whole = json!({ "displayName": "Editors", "externalId": "x", "members": [{ "value": ana }] });
            world.put(GROUP, group, whole).expect("nothing about its name changes");
            world.patch(GROUP, group, json!([{ "op": "replace", "path": "displayName", "value": "editors" }])).unwrap();
        }
        let third = world.create(GROUP, named("Editors")).expect_err("refused");
        assert!(third.detail().contains(&one), "{}", third.detail());
    }
}

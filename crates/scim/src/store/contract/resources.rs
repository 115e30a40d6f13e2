//! Cases about writing, finding and deleting resources, and about unique values.

use serde_json::json;

use super::{delete, found, group, id, ids, insert, resource, stored, update, user};
use crate::query::search_keys::search_keys;
use crate::resource::{Id, Meta};
use crate::schema::{GROUP, Registry, USER};
use crate::store::{Store, WriteError};

pub(super) fn inserted_is_there(store: &mut dyn Store) {
    let document = json!({
        "userName": "Ana", "externalId": "X-1", "name": { "givenName": "Ana \u{e9}\u{1F600}\"\\" }, "active": false,
        "emails": [{ "value": "a@x.test", "type": "work", "primary": true }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "News" }
    });
    let ana = resource(USER, 1, document);
    let handle = insert(store, &ana);
    for read in [store.get(USER, &ana.id), store.lock(USER, &ana.id)] {
        let read = read.expect("a read").expect("a resource");
        assert_eq!(read.handle, handle);
        assert_eq!(read.resource, ana);
    }
    assert!(store.get(GROUP, &ana.id).expect("a read").is_none(), "a User is no Group");
}

pub(super) fn unknown_is_not_there(store: &mut dyn Store) {
    user(store, 1, "ana");
    for unknown in ["00000000-0000-4000-8000-000000000002", "123456789012345678901234567890", "nobody", "~"] {
        let unknown = Id::new(unknown).expect("an id");
        assert!(store.get(USER, &unknown).expect("a read").is_none());
        assert!(store.lock(USER, &unknown).expect("a lock").is_none());
    }
}

pub(super) fn handles_grow(store: &mut dyn Store) {
    let handles = [user(store, 3, "c"), group(store, 2, "b"), user(store, 1, "a")];
    assert!(handles.is_sorted_by(|a, b| a < b), "{handles:?}");
}

pub(super) fn update_replaces(store: &mut dyn Store) {
    user(store, 1, "ana");
    let changed = update(store, 1, |ana| {
        ana.attributes.insert("userName".to_owned(), "anna".into());
        ana.attributes.insert("displayName".to_owned(), "Anna".into());
        ana.meta.version = 2;
        ana.meta.last_modified = 5_000;
    });
    changed.expect("an update");
    let anna = stored(store, USER, 1).resource;
    assert_eq!(anna.attributes.get("userName"), Some(&json!("anna")));
    assert_eq!(anna.meta, Meta { created: 1_001, last_modified: 5_000, version: 2 });
    assert_eq!(found(store, USER, "userName eq \"ana\"", ""), []);
    assert_eq!(found(store, USER, "userName eq \"ANNA\"", ""), ids(&[1]));
    assert_eq!(found(store, USER, "displayName sw \"ann\"", ""), ids(&[1]));
    assert_eq!(found(store, USER, "meta.lastModified ge \"1970-01-01T00:00:05Z\"", ""), ids(&[1]));
}

fn refused_as_taken(result: Result<(), WriteError>) {
    let registry = Registry::standard();
    match result {
        Err(WriteError::NotUnique { attribute: None }) => {}
        Err(WriteError::NotUnique { attribute: Some(key) }) => {
            assert_eq!(registry.attribute_name(key).as_deref(), Some("userName"));
        }
        other => panic!("not refused as taken: {other:?}"),
    }
}

pub(super) fn unique_on_insert(store: &mut dyn Store) {
    user(store, 1, "ana");
    let again = resource(USER, 2, json!({ "userName": "ANA" }));
    let keys = search_keys(&Registry::standard(), &again);
    refused_as_taken(store.insert(&again, &keys).map(drop));
}

pub(super) fn unique_on_update(store: &mut dyn Store) {
    user(store, 1, "ana");
    user(store, 2, "ben");
    refused_as_taken(update(store, 2, |ben| drop(ben.attributes.insert("userName".to_owned(), "Ana".into()))));
}

pub(super) fn unique_again(store: &mut dyn Store) {
    user(store, 1, "ana");
    update(store, 1, |ana| drop(ana.attributes.insert("userName".to_owned(), "ANA".into()))).expect("its own name");
    update(store, 1, |ana| drop(ana.attributes.insert("userName".to_owned(), "anna".into()))).expect("a new name");
    user(store, 2, "ana");
    delete(store, USER, 2, 9_000);
    user(store, 3, "ana");
    group(store, 4, "ana");
    group(store, 5, "ana");
    assert_eq!(found(store, USER, "userName eq \"ana\"", ""), ids(&[3]));
    assert_eq!(found(store, GROUP, "displayName eq \"ana\"", ""), ids(&[4, 5]));
}

pub(super) fn deleted_is_gone(store: &mut dyn Store) {
    user(store, 1, "ana");
    user(store, 2, "ben");
    delete(store, USER, 1, 9_000);
    assert!(store.get(USER, &id(1)).expect("a read").is_none());
    assert!(store.lock(USER, &id(1)).expect("a lock").is_none());
    assert_eq!(found(store, USER, "", ""), ids(&[2]));
    assert_eq!(found(store, USER, "userName eq \"ana\"", ""), []);
    assert_eq!(found(store, USER, "active eq true", ""), ids(&[2]));
}

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::{DEPARTMENT, MANAGER, apply_with, full, one, work_and_home};
use crate::testing::{any_value, is_canonical};
use crate::tolerance::Tolerances;
use crate::urn;

fn any_path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "title",
        "active",
        "role",
        "badge",
        "userName",
        "name",
        "name.givenName",
        "emails",
        "emails.value",
        "emails.primary",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails[primary eq true].primary",
        "emails[not (type pr)]",
        "emails[value co \"a\" or type eq \"home\"].type",
        "roles[primary eq \"True\"].value",
        "product_environments",
        "product_environments[value eq \"prod\"]",
        "manager",
        "manager.value",
        "manager[value eq \"2\"]",
        "manager[value eq \"2\"].value",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department",
        "urn:ietf:params:scim:schemas:extension:acme:2.0:User:role",
        "roles",
        "addresses",
        "addresses[type eq \"work\"].locality",
        DEPARTMENT,
        MANAGER,
        urn::ENTERPRISE_USER,
        urn::USER,
        "groups",
        "id",
        "schemas",
        "password",
        "x509Certificates",
        "name[givenName pr]",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => "[a-z.\\[\\]\" ]{0,12}"]
}

fn any_operations() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec!["add", "remove", "replace", "Add"]);
    let path = prop_oneof![3 => any_path().prop_map(Value::from), 1 => Just(Value::Null)];
    let operation =
        (op, path, any_value()).prop_map(|(op, path, value)| json!({ "op": op, "path": path, "value": value }));
    prop::collection::vec(operation, 0..5).prop_map(Value::from)
}

fn primaries(document: &Value) -> usize {
    let emails = document["emails"].as_array().map_or(&[][..], Vec::as_slice);
    emails.iter().filter(|email| email["primary"] == json!(true)).count()
}

proptest! {
    #[test]
    fn any_patch_leaves_a_canonical_document_or_a_refusal(operations in any_operations(), strict in any::<bool>()) {
        let tolerance = if strict { Tolerances::NONE } else { Tolerances::EVERY };
        let before = full(work_and_home());
        match apply_with(tolerance, &before, &operations) {
            Ok(after) => {
                prop_assert!(is_canonical(&after), "{operations} gave {after}");
                prop_assert!(primaries(&after) <= 1, "{operations} gave {after}");
                for required in ["userName", "role"] {
                    prop_assert!(after[required].is_string(), "{operations} gave {after}");
                }
                prop_assert!(after.get("password").is_none() && after.get("groups").is_none() && after.get("id").is_none());
            }
            Err(error) => prop_assert!(error.wire().0 == 400, "{operations}: {error}"),
        }
    }

    #[test]
    fn the_same_patch_twice_is_the_same_as_once(path in any_path(), value in any_value(), op in "add|replace") {
        let once = one(&op, &path, value);
        let before = full(work_and_home());
        if let Ok(after) = apply_with(Tolerances::EVERY, &before, &once) {
            // A filter on what the operation itself changes selects differently the second time.
            if !path.contains('[') && !once.to_string().contains(" eq ") {
                prop_assert_eq!(apply_with(Tolerances::EVERY, &after, &once).ok(), Some(after));
            }
        }
    }

    #[test]
    fn two_operations_are_what_they_are_one_after_the_other(first in any_operations(), second in any_operations()) {
        let before = full(work_and_home());
        let together: Vec<Value> =
            [&first, &second].iter().flat_map(|operations| operations.as_array().cloned().unwrap_or_default()).collect();
        let apart = apply_with(Tolerances::EVERY, &before, &first)
            .and_then(|between| apply_with(Tolerances::EVERY, &between, &second));
        // Apart, a requirement may be missed in between; never the other way round.
        if let Ok(apart) = apart {
            prop_assert_eq!(apply_with(Tolerances::EVERY, &before, &Value::from(together)).ok(), Some(apart));
        }
    }
}

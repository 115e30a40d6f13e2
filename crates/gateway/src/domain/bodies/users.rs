//! A user: as they are made, changed and answered.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::described::{Components, Described, Left, Object, Text, answer, body};

body! {
    /// A new user: a SCIM User (RFC 7643 §4.1) with the attributes that the account declares, and what is ours.
    pub struct NewUser {
        /// The name the user logs in by. No two users of an account have one name.
        user_name as "userName": Left<Text, true>,
        /// Whether the user may do anything; true if nothing is said.
        active: Left<bool, false>,
        /// A password: 8 to 512 characters, none that is tried first, and not the user's own name.
        password: Option<Text>,
        /// Whether it is the user of a program, and of no person.
        service_account: Option<bool>,
        ..rest
    }
    example {
        "userName": "ada@acme.test", "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": "ada@acme.test", "primary": true}], "role": "admin", "service_account": false
    }
}

impl NewUser {
    /// What of it is ours and no attribute of SCIM.
    pub const OWN: [&str; 2] = ["password", "service_account"];
}

body! {
    /// A change of a user: attributes of SCIM, each of which replaces what was (`null` removes it), and what is ours.
    pub struct UserChange {
        /// The name the user logs in by.
        user_name as "userName": Left<Text, false>,
        /// Whether the user may do anything.
        active: Left<bool, false>,
        /// A new password. It ends the user's sessions.
        password: Option<Text>,
        /// With a new password: whether what the user accepted ends.
        end_connections: Option<bool>,
        /// Whether it is the user of a program, and of no person.
        service_account: Option<bool>,
        ..rest
    }
    example {"role": "reports", "title": null}
}

/// A user: as SCIM shows them, and what is ours.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct User(pub Value);

impl Described for User {
    fn schema(components: &mut Components) -> Value {
        components.named("User", |_| {
            let (text, flag) = (json!({"type": "string"}), json!({"type": "boolean"}));
            let mut object = Object::default();
            let schemas = json!({"type": "array", "items": {"type": "string"}});
            object.add("schemas", &["The URNs of the schemas that have its attributes."], schemas, true);
            object.add("id", &["Its id."], text.clone(), true);
            object.add("userName", &["The name the user logs in by."], text, true);
            object.add("active", &["Whether the user may do anything."], flag.clone(), false);
            object.add("meta", &["When it was made and changed, and its version."], json!({"type": "object"}), true);
            let about = "Whether an identity provider has written the user.";
            object.add("managed_by_identity_provider", &[about], flag.clone(), false);
            let about = "Whether it is the user of a program, and of no person.";
            object.add("service_account", &[about], flag, false);
            let about =
                "What is worth knowing: that a service account has no password, or no role that may accept access.";
            object.add("warnings", &[about], json!({"type": "array", "items": {"type": "string"}}), false);
            object.open();
            let about =
                "A user: a SCIM User (RFC 7643 §4.1) with the attributes that the account declares, and what is ours.";
            object.into_schema(&[about], &Self::example(), false)
        })
    }

    fn example() -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
            "userName": "ada@acme.test", "active": true, "role": "admin",
            "meta": {"resourceType": "User", "created": "2026-11-23T20:00:00.000Z", "lastModified": "2026-11-23T20:00:00.000Z"},
            "managed_by_identity_provider": false, "service_account": false, "warnings": [],
        })
    }
}

answer! {
    /// A page of users.
    pub struct UserList {
        /// The users of the page.
        items: Vec<User>,
        /// How many users there are.
        total: u64,
    }
    example {"items": [], "total": 0}
}

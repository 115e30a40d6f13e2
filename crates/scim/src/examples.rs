//! Resources to try things on: those of RFC 7643 §8.

use serde_json::{Map, Value, json};

use crate::resource::{Id, Member, Meta, Resource};
use crate::schema::{GROUP, USER};
use crate::urn::ENTERPRISE_USER;

/// 2010-01-23T04:56:22Z, and 2011-05-13T04:42:34Z.
const META: Meta = Meta { created: 1_264_222_582_000, last_modified: 1_305_261_754_000, version: 3 };

/// The enterprise user of §8.3, shortened.
pub fn barbara_jensen() -> Resource {
    user(json!({
        "externalId": "701984",
        "userName": "bjensen@example.com",
        "name": {
            "formatted": "Ms. Barbara J Jensen, III",
            "familyName": "Jensen",
            "givenName": "Barbara",
            "middleName": "Jane",
            "honorificPrefix": "Ms.",
            "honorificSuffix": "III"
        },
        "displayName": "Babs Jensen",
        "nickName": "Babs",
        "profileUrl": "https://login.example.com/bjensen",
        "emails": [
            { "value": "bjensen@example.com", "type": "work", "primary": true },
            { "value": "babs@jensen.org", "type": "home" }
        ],
        "addresses": [
            {
                "streetAddress": "100 Universal City Plaza",
                "locality": "Hollywood",
                "region": "CA",
                "postalCode": "91608",
                "country": "US",
                "type": "work",
                "primary": true
            },
            { "streetAddress": "456 Hollywood Blvd", "locality": "Hollywood", "country": "US", "type": "home" }
        ],
        "phoneNumbers": [
            { "value": "555-555-5555", "type": "work" },
            { "value": "555-555-4444", "type": "mobile" }
        ],
        "userType": "Employee",
        "title": "Tour Guide",
        "preferredLanguage": "en-US",
        "locale": "en-US",
        "timezone": "America/Los_Angeles",
        "active": true,
        ENTERPRISE_USER: {
            "employeeNumber": "701984",
            "costCenter": "4130",
            "organization": "Universal Studios",
            "division": "Theme Park",
            "department": "Tour Operations",
            "manager": { "value": "26118915-6090-4610-87e4-49d8ca9f808d", "displayName": "John Smith" }
        }
    }))
}

/// The group of §8.4, its members loaded.
pub fn tour_guides() -> Resource {
    let member = |id: &str, display: &str| {
        let id = Id::new(id)?;
        Some(Member { id, resource_type: USER, display: display.to_owned() })
    };
    let mut group = resource(GROUP, "e9e30dba-f08f-4109-8486-d5c6a331660a", json!({ "displayName": "Tour Guides" }));
    let members = [
        member("2819c223-7f76-453a-919d-413861904646", "Babs Jensen"),
        member("902c246b-6245-4190-8e05-00816be7344a", "Mandy Pepperidge"),
    ];
    group.members = Some(members.into_iter().flatten().collect());
    group
}

/// A user with this document, taken as it is.
pub(crate) fn user(document: Value) -> Resource {
    resource(USER, "2819c223-7f76-453a-919d-413861904646", document)
}

fn resource(resource_type: crate::schema::ResourceTypeId, id: &str, document: Value) -> Resource {
    let attributes = match document {
        Value::Object(attributes) => attributes,
        _ => Map::new(),
    };
    let id = Id::new(id).expect("an id");
    Resource::from_stored(resource_type, id, META, attributes)
}

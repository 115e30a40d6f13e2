//! Which attributes a client sends, as it is answered.

use crate::domain::described::{Time, answer};

answer! {
    /// Which attributes a client sends.
    pub struct FieldList {
        /// The account whose attributes these are; `null` for a client of no account, whose attributes are those of the configuration.
        account: Option<String>,
        /// What is worth a look, in sentences: names that were ignored, and attributes that were refused.
        findings: Vec<String>,
        /// The requests that could have carried an attribute, one for each resource type.
        requests: Vec<FieldRequests>,
        /// The attributes of each resource type in the order of its schemas, each followed by its sub-attributes; then names that are
        /// no attributes, the most frequent first; then parameters of queries that do not exist.
        items: Vec<FieldCheck>,
    }
    example {
        "account": "acme",
        "findings": ["product_environment: ignored 40 times; did you mean product_environments?"],
        "requests": [{"resource_type": "User", "whole": 412, "changes": 31, "refused": 2, "other_names": 0}],
        "items": [{
            "resource_type": "User", "name": "product_environment", "known": false, "of": 412, "arrived": 0, "changed": 0, "empty": 0,
            "refused": 0, "ignored": 40, "last_arrived": null, "last_changed": null, "last_empty": null, "last_refused": null,
            "last_ignored": "2026-11-23T20:00:00.000Z", "nearest": "product_environments",
            "summary": "product_environment: ignored 40 times; did you mean product_environments?"
        }]
    }
}

answer! {
    /// The requests that could have carried an attribute.
    pub struct FieldRequests {
        /// The resource type.
        resource_type: String,
        /// How many POST and PUT requests were read. Each has a whole resource.
        whole: i64,
        /// How many PATCH requests were read. Each has some attributes.
        changes: i64,
        /// How many of both were refused.
        refused: i64,
        /// How often names were ignored that are not listed: they do not look like names of attributes, or were too many.
        other_names: i64,
    }
    example {"resource_type": "User", "whole": 412, "changes": 31, "refused": 2, "other_names": 0}
}

answer! {
    /// An attribute of a client's requests, or a name that is none.
    pub struct FieldCheck {
        /// The resource type; `null` for a parameter of a query.
        resource_type: Option<String>,
        /// The path of the attribute; another name as it was sent.
        name: String,
        /// Whether there is such an attribute.
        known: bool,
        /// How many POST and PUT requests there were, each of which could have carried it.
        of: i64,
        /// In how many of them it had a value.
        arrived: i64,
        /// In how many PATCH requests it had a value.
        changed: i64,
        /// In how many requests it was empty (`null`, `""`, `[]`, `{}`) or was to be removed.
        empty: i64,
        /// How many requests were refused for it.
        refused: i64,
        /// In how many requests it was ignored.
        ignored: i64,
        /// When it last had a value in a POST or PUT.
        last_arrived: Option<Time>,
        /// When it last had a value in a PATCH.
        last_changed: Option<Time>,
        /// When it was last empty.
        last_empty: Option<Time>,
        /// When a request was last refused for it.
        last_refused: Option<Time>,
        /// When it was last ignored.
        last_ignored: Option<Time>,
        /// The known name that is most like it.
        nearest: Option<String>,
        /// All of this in a sentence.
        summary: String,
    }
    example {
        "resource_type": "User", "name": "role", "known": true, "of": 412, "arrived": 412, "changed": 3, "empty": 0, "refused": 2,
        "ignored": 0, "last_arrived": "2026-11-23T20:00:00.000Z", "last_changed": "2026-11-21T09:12:00.000Z", "last_empty": null,
        "last_refused": "2026-11-20T16:40:00.000Z", "last_ignored": null, "nearest": null,
        "summary": "role: 412 of 412; changed 3 times; refused 2 times"
    }
}

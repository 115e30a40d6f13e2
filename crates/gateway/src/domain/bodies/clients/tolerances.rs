//! What a client is forgiven: as it is switched and answered.

use serde_json::{Value, json};

use crate::domain::described::{Components, Described, Mapped, Mistakes, Object, Read, Time, answer};
use crate::domain::tolerances::Tolerance;

/// A change of switches, as `{"boolean_strings": false, "manager_id": null}`; `None` leaves one to the profile again.
#[derive(Debug, Clone, Default)]
pub struct Switches(pub Vec<(Tolerance, Option<bool>)>);

impl Described for Switches {
    fn schema(components: &mut Components) -> Value {
        components.named("ToleranceSwitches", |_| {
            let mut object = Object::default();
            for tolerance in Tolerance::all() {
                object.add(tolerance.name(), &[tolerance.forgives()], json!({"type": ["boolean", "null"]}), false);
            }
            let about = "What a client is forgiven, or not: each true, false, or `null` for what its profile says.";
            object.into_schema(&[about], &json!({"boolean_strings": false, "manager_id": null}), true)
        })
    }
}

impl Read for Switches {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<Switches> {
        let Value::Object(switches) = value else {
            mistakes.note(at, "must be an object of tolerances, each true, false or null");
            return None;
        };
        let mut change = Vec::new();
        for (name, value) in &switches {
            let field = format!("{at}.{}", name.chars().take(80).collect::<String>());
            match (Tolerance::named(name), value) {
                (None, _) => {
                    let known: Vec<&str> = Tolerance::all().map(Tolerance::name).collect();
                    mistakes.note(field, format!("is no tolerance; there are {}", known.join(", ")));
                }
                (Some(tolerance), Value::Bool(forgiven)) => change.push((tolerance, Some(*forgiven))),
                (Some(tolerance), Value::Null) => change.push((tolerance, None)),
                (Some(_), _) => mistakes.note(field, "must be true, false, or null for what the profile says"),
            }
        }
        Some(Switches(change))
    }
}

answer! {
    /// What a client is forgiven.
    pub struct ClientTolerances {
        /// The tolerances that are on.
        on: Vec<&'static str>,
        /// Those that are off.
        off: Vec<&'static str>,
        /// Those that an operator has set.
        overridden: Mapped<bool>,
    }
    example {"on": ["boolean_strings"], "off": ["scim_1_urns", "manager_id"], "overridden": {"manager_id": false}}
}

answer! {
    /// What a client is forgiven, and how often it needed that.
    pub struct ToleranceList {
        /// The client's profile.
        profile: &'static str,
        /// One for each tolerance.
        items: Vec<ClientTolerance>,
    }
    example {
        "profile": "okta",
        "items": [{
            "name": "boolean_strings", "forgives": "`\"true\"`, `\"False\"` for a boolean",
            "otherwise": "a boolean is `true` or `false`, without quotes", "rfc": "RFC 7643 §2.3.2", "on": false, "by": "override",
            "profile": true, "forgiven": 1204, "refused": 3, "last_needed": "2026-11-23T20:00:00.000Z"
        }]
    }
}

answer! {
    /// A tolerance of a client.
    pub struct ClientTolerance {
        /// Its name.
        name: &'static str,
        /// What it forgives.
        forgives: &'static str,
        /// What holds where it is off.
        otherwise: &'static str,
        /// Where the RFC says so.
        rfc: &'static str,
        /// Whether it is on.
        on: bool,
        /// Who says so: `override` (an operator) or `profile`.
        by: &'static str,
        /// What the profile says.
        profile: bool,
        /// How many requests needed it and were forgiven.
        forgiven: i64,
        /// How many were refused for want of it.
        refused: i64,
        /// When it was last needed.
        last_needed: Option<Time>,
    }
    example {
        "name": "boolean_strings", "forgives": "`\"true\"`, `\"False\"` for a boolean",
        "otherwise": "a boolean is `true` or `false`, without quotes", "rfc": "RFC 7643 §2.3.2", "on": false, "by": "override",
        "profile": true, "forgiven": 1204, "refused": 3, "last_needed": "2026-11-23T20:00:00.000Z"
    }
}

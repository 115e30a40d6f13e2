//! What a client is forgiven: its profile's word, an operator's, and how often it was needed.

use actix_web::web;
use serde_json::{Value, json};

use super::named;
use crate::app::App;
use crate::domain::described::{Components, Described, Mapped, Mistakes, Object, Read, Time, answer};
use crate::domain::profiles::Profile;
use crate::domain::tolerances::{self, Overrides, Tolerance};
use crate::http::admin::operator::Operator;
use crate::http::edge::problem::Problem;
use crate::services::tolerance_counts;
use crate::storage::ReadCost;
use crate::storage::clients::ClientRecord;

/// A change of switches, as `{"boolean_strings": false, "manager_id": null}`; `None` leaves one to the profile again.
#[derive(Debug, Clone, Default)]
pub(in crate::http::admin) struct Switches(Vec<(Tolerance, Option<bool>)>);

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

/// Makes a change; says it in a sentence for the audit trail, if there is anything to say.
pub(super) fn apply(change: Option<&Switches>, overrides: &mut Overrides) -> Option<String> {
    let Switches(change) = change?;
    let before = overrides.clone();
    change.iter().for_each(|(tolerance, forgiven)| overrides.set(*tolerance, *forgiven));
    let said = |(tolerance, forgiven): &(Tolerance, Option<bool>)| {
        let word = match forgiven {
            Some(true) => "on",
            Some(false) => "off",
            None => "as the profile says",
        };
        (before.get(*tolerance) != *forgiven).then(|| format!("{} {word}", tolerance.name()))
    };
    let said: Vec<String> = change.iter().filter_map(said).collect();
    (!said.is_empty()).then(|| format!("tolerances: {}", said.join(", ")))
}

/// In the representation of a client: what counts, and what of it an operator set.
pub(super) fn representation(record: &ClientRecord) -> ClientTolerances {
    let overrides = &record.scim.tolerances;
    let on = tolerances::of_client(Profile::of(&record.client), overrides);
    let names = |forgiven: bool| {
        Tolerance::all().filter(|tolerance| on.contains(*tolerance) == forgiven).map(Tolerance::name).collect()
    };
    let overridden = overrides.iter().map(|(tolerance, on)| (tolerance.name().to_owned(), on)).collect();
    ClientTolerances { on: names(true), off: names(false), overridden: Mapped(overridden) }
}

answer! {
    /// What a client is forgiven.
    pub(in crate::http::admin) struct ClientTolerances {
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
    pub(in crate::http::admin) struct ToleranceList {
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
    pub(in crate::http::admin) struct ClientTolerance {
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

pub(in crate::http::admin) async fn list(
    _: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<ToleranceList>, Problem> {
    // So that what this process answered a moment ago is in the counts.
    tolerance_counts::add(&app.db, &app.tally).await?;
    let answer = app
        .db
        .read(ReadCost::Point, move |tx| {
            let record = named(tx, &client)?;
            let needs = tx.tolerance_needs(record.seq)?;
            let profile = tolerances::of_profile(Profile::of(&record.client));
            let items = Tolerance::all().map(|tolerance| {
                let overridden = record.scim.tolerances.get(tolerance);
                let by_profile = profile.contains(tolerance);
                let need = needs.iter().find(|need| need.tolerance == tolerance.name());
                ClientTolerance {
                    name: tolerance.name(),
                    forgives: tolerance.forgives(),
                    otherwise: tolerance.strict_behaviour(),
                    rfc: tolerance.rfc(),
                    on: overridden.unwrap_or(by_profile),
                    by: if overridden.is_some() { "override" } else { "profile" },
                    profile: by_profile,
                    forgiven: need.map_or(0, |need| need.forgiven),
                    refused: need.map_or(0, |need| need.refused),
                    last_needed: need.map(|need| Time(need.last_needed)),
                }
            });
            Ok::<_, Problem>(ToleranceList { profile: record.client.profile.name, items: items.collect() })
        })
        .await?;
    Ok(web::Json(answer))
}

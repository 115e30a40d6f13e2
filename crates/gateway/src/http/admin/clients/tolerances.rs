//! What a client is forgiven: its profile's word, an operator's, and how often it was needed.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::named;
use crate::app::App;
use crate::domain::profiles::Profile;
use crate::domain::tolerances::{self, Overrides, Tolerance};
use crate::http::admin::input::Input;
use crate::http::admin::operator::Operator;
use crate::http::edge::problem::Problem;
use crate::platform::system;
use crate::services::tolerance_counts;
use crate::storage::ReadCost;
use crate::storage::clients::ClientRecord;

/// A change of switches; `None` leaves one to the profile again.
pub(super) type Change = Vec<(Tolerance, Option<bool>)>;

/// `{"boolean_strings": false, "manager_id": null}`
pub(super) fn change(input: &mut Input) -> Change {
    const FIELD: &str = "tolerances";
    let switches = match input.take(FIELD) {
        None => return Change::new(),
        Some(Value::Object(switches)) => switches,
        Some(_) => {
            input.mistake(FIELD, "must be an object of tolerances, each true, false or null");
            return Change::new();
        }
    };
    let mut change = Change::new();
    for (name, value) in &switches {
        let field = format!("{FIELD}.{}", name.chars().take(80).collect::<String>());
        match (Tolerance::named(name), value) {
            (None, _) => {
                let known: Vec<&str> = Tolerance::all().map(Tolerance::name).collect();
                input.mistake(field, format!("is no tolerance; there are {}", known.join(", ")));
            }
            (Some(tolerance), Value::Bool(forgiven)) => change.push((tolerance, Some(*forgiven))),
            (Some(tolerance), Value::Null) => change.push((tolerance, None)),
            (Some(_), _) => input.mistake(field, "must be true, false, or null for what the profile says"),
        }
    }
    change
}

/// Makes a change; says it in a sentence for the audit trail, if there is anything to say.
pub(super) fn apply(change: &Change, overrides: &mut Overrides) -> Option<String> {
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
pub(super) fn representation(record: &ClientRecord) -> Value {
    let overrides = &record.scim.tolerances;
    let on = tolerances::of_client(Profile::of(&record.client), overrides);
    let names = |forgiven: bool| -> Vec<&str> {
        Tolerance::all().filter(|tolerance| on.contains(*tolerance) == forgiven).map(Tolerance::name).collect()
    };
    json!({"on": names(true), "off": names(false), "overridden": overrides})
}

pub(in crate::http::admin) async fn list(
    _: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    // So that what this process answered a moment ago is in the counts.
    tolerance_counts::add(&app.db, &app.tally).await?;
    let answer = app
        .db
        .read(ReadCost::Point, move |tx| {
            let record = named(tx, &client)?;
            let needs = tx.tolerance_needs(record.seq)?;
            let profile = tolerances::of_profile(Profile::of(&record.client));
            let items: Vec<Value> = Tolerance::all()
                .map(|tolerance| {
                    let overridden = record.scim.tolerances.get(tolerance);
                    let by_profile = profile.contains(tolerance);
                    let need = needs.iter().find(|need| need.tolerance == tolerance.name());
                    json!({
                        "name": tolerance.name(),
                        "forgives": tolerance.forgives(),
                        "otherwise": tolerance.strict_behaviour(),
                        "rfc": tolerance.rfc(),
                        "on": overridden.unwrap_or(by_profile),
                        "by": if overridden.is_some() { "override" } else { "profile" },
                        "profile": by_profile,
                        "forgiven": need.map_or(0, |need| need.forgiven),
                        "refused": need.map_or(0, |need| need.refused),
                        "last_needed": need.map(|need| system::rfc3339(need.last_needed)),
                    })
                })
                .collect();
            Ok::<_, Problem>(json!({"profile": record.client.profile.name, "items": items}))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answer))
}

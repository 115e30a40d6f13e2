//! What a client is forgiven: its profile's word, an operator's, and how often it was needed.

use super::find;
use crate::domain::bodies::clients::tolerances::{ClientTolerance, ClientTolerances, Switches, ToleranceList};
use crate::domain::described::{Mapped, Time};
use crate::domain::operator::{Mandate, Power};
use crate::domain::profiles::Profile;
use crate::domain::tolerances::{self, Overrides, Tolerance};
use crate::services::error::ActError;
use crate::storage::Tx;
use crate::storage::clients::ClientRecord;

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

/// What counts for a client, and what of it an operator set.
pub(super) fn overview(record: &ClientRecord) -> ClientTolerances {
    let overrides = &record.scim.tolerances;
    let on = tolerances::of_client(Profile::of(&record.client), overrides);
    let names = |forgiven: bool| {
        Tolerance::all().filter(|tolerance| on.contains(*tolerance) == forgiven).map(Tolerance::name).collect()
    };
    let overridden = overrides.iter().map(|(tolerance, on)| (tolerance.name().to_owned(), on)).collect();
    ClientTolerances { on: names(true), off: names(false), overridden: Mapped(overridden) }
}

/// Each tolerance of a client. What was needed of late is there once [it is counted](crate::services::tolerance_counts). Only reads.
pub fn list(tx: &mut Tx<'_>, mandate: &Mandate, client: &str) -> Result<ToleranceList, ActError> {
    let record = find(tx, mandate, Power::Read, client)?;
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
    Ok(ToleranceList { profile: record.client.profile.name, items: items.collect() })
}

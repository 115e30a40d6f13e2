//! Which attributes a client sends: how often each arrived, was empty, refused or ignored.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use scim::Registry;
use scim::schema::{Attribute, Mutability, ResourceType};

use super::find;
use crate::domain::bodies::clients::fields::{FieldCheck, FieldList, FieldRequests};
use crate::domain::described::Time;
use crate::domain::fields::{FieldCount, FieldName, QUERY, REQUESTS, Times};
use crate::domain::operator::{Mandate, Power};
use crate::domain::schemas::Schemas;
use crate::services::error::ActError;
use crate::storage::Tx;

/// Each attribute of a client. What arrived of late is there once [it is counted](crate::services::field_counts). Only reads.
pub fn list(tx: &mut Tx<'_>, mandate: &Mandate, client: &str, schemas: &Schemas) -> Result<FieldList, ActError> {
    let record = find(tx, mandate, Power::Read, client)?;
    let account = record.account.map(|seq| tx.account_at(seq)).transpose()?.flatten();
    let registry = match &account {
        Some(account) => schemas.of(account)?,
        None => schemas.configured().clone(),
    };
    let counts = tx.field_counts(record.seq)?;
    Ok(check(account.map(|account| account.id), &registry, counts))
}

fn check(account: Option<String>, registry: &Registry, counts: Vec<(FieldName, FieldCount)>) -> FieldList {
    let mut by_type: BTreeMap<i16, HashMap<String, FieldCount>> = BTreeMap::new();
    for ((kind, name), count) in counts {
        by_type.entry(kind).or_default().insert(name.to_string(), count);
    }
    let (mut items, mut requests) = (Vec::new(), Vec::new());
    for described in registry.resource_types() {
        let mut counts = by_type.remove(&described.id.0).unwrap_or_default();
        let all = counts.remove(REQUESTS).unwrap_or_default();
        let of = all.arrived.count;
        for attribute in attributes(described) {
            let count = counts.remove(&*attribute.path);
            let is_ours = attribute.mutability == Mutability::ReadOnly;
            // What a client need not send, and does not, is not worth a line.
            if is_ours && count.is_none() || &*attribute.path == "schemas" {
                continue;
            }
            let count = FieldCount { known: true, ..count.unwrap_or_default() };
            items.push(item(Some(described), attribute.path.to_string(), of, count, is_ours));
        }
        items.extend(others(Some(described), of, counts));
        requests.push(FieldRequests {
            resource_type: described.name.clone(),
            whole: of,
            changes: all.changed.count,
            refused: all.refused.count,
            other_names: all.ignored.count,
        });
    }
    let mut parameters = by_type.remove(&QUERY).unwrap_or_default();
    parameters.remove(REQUESTS);
    items.extend(others(None, 0, parameters));
    let is_finding = |item: &&FieldCheck| item.refused > 0 || !item.known && item.ignored > 0;
    let findings = items.iter().filter(is_finding).map(|item| item.summary.clone()).collect();
    FieldList { account, findings, requests, items }
}

/// All attributes, each followed by its sub-attributes.
fn attributes(described: &ResourceType) -> impl Iterator<Item = &Attribute> {
    described.attributes_with_urns().flat_map(|(_, attribute)| [attribute].into_iter().chain(&attribute.sub_attributes))
}

/// Names that are no attributes now, the most frequent first. One that was an attribute when it arrived is among them.
fn others(described: Option<&ResourceType>, of: i64, counts: HashMap<String, FieldCount>) -> Vec<FieldCheck> {
    let mut counts: Vec<(String, FieldCount)> = counts.into_iter().collect();
    counts.sort_by(|(name, one), (other_name, other)| (other.sent(), name).cmp(&(one.sent(), other_name)));
    let of_name = |(name, count)| item(described, name, of, FieldCount { known: false, ..count }, false);
    counts.into_iter().map(of_name).collect()
}

fn item(described: Option<&ResourceType>, name: String, of: i64, count: FieldCount, is_ours: bool) -> FieldCheck {
    let time = |times: Times| times.last.map(Time);
    let summary = summary(&if described.is_none() { format!("?{name}") } else { name.clone() }, of, &count, is_ours);
    let FieldCount { known, arrived, changed, empty, refused, ignored, nearest } = count;
    FieldCheck {
        resource_type: described.map(|described| described.name.clone()),
        name,
        known,
        of,
        arrived: arrived.count,
        changed: changed.count,
        empty: empty.count,
        refused: refused.count,
        ignored: ignored.count,
        last_arrived: time(arrived),
        last_changed: time(changed),
        last_empty: time(empty),
        last_refused: time(refused),
        last_ignored: time(ignored),
        nearest: nearest.filter(|_| !known).map(|nearest| nearest.to_string()),
        summary,
    }
}

/// `role: 412 of 412`, `title: never`, `rol: ignored 40 times; did you mean role?`
fn summary(name: &str, of: i64, count: &FieldCount, is_ours: bool) -> String {
    let FieldCount { known, arrived, changed, empty, refused, ignored, nearest } = count;
    let mut said: Vec<String> = Vec::new();
    if arrived.count > 0 || *known && of > 0 && (changed.count > 0 || empty.count > 0) {
        said.push(format!("{} of {of}", arrived.count));
    }
    for (what, count) in [("changed", changed), ("empty", empty), ("refused", refused), ("ignored", ignored)] {
        match count.count {
            ..=0 => {}
            1 => said.push(format!("{what} once")),
            many => said.push(format!("{what} {many} times")),
        }
    }
    if said.is_empty() {
        said.push("never".to_owned());
    }
    if is_ours {
        said.push("ignored, because only the service provider sets it".to_owned());
    }
    let mut sentence = format!("{name}: {}", said.join("; "));
    if let Some(nearest) = nearest.as_deref().filter(|_| !known) {
        let _ = write!(sentence, "; did you mean {nearest}?");
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn a_count_is_said_in_a_sentence() {
        let times = |count| Times { count, last: (count > 0).then_some(ms(1)) };
        let known = |arrived, changed, empty, refused| FieldCount {
            known: true,
            arrived: times(arrived),
            changed: times(changed),
            empty: times(empty),
            refused: times(refused),
            ..FieldCount::default()
        };
        let unknown = |refused, ignored, nearest: Option<&str>| FieldCount {
            refused: times(refused),
            ignored: times(ignored),
            nearest: nearest.map(Into::into),
            ..FieldCount::default()
        };
        let says = |count, is_ours, expected| assert_eq!(summary("role", 412, &count, is_ours), expected);
        says(known(412, 0, 0, 0), false, "role: 412 of 412");
        says(known(0, 0, 0, 0), false, "role: never");
        says(known(0, 0, 5, 1), false, "role: 0 of 412; empty 5 times; refused once");
        says(known(0, 0, 0, 3), false, "role: refused 3 times");
        says(known(400, 3, 0, 2), false, "role: 400 of 412; changed 3 times; refused 2 times");
        says(known(412, 0, 0, 0), true, "role: 412 of 412; ignored, because only the service provider sets it");
        says(unknown(0, 40, Some("roles")), false, "role: ignored 40 times; did you mean roles?");
        says(unknown(1, 1, None), false, "role: refused once; ignored once");
    }
}

//! Recording a client in full: what it sends and is answered is kept for a time, with secrets replaced. It ends by itself.

use super::find;
use crate::domain::actor::Actor;
use crate::domain::bodies::clients::recording::{ClientRecording, NewRecording};
use crate::domain::described::{FieldError, Time};
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Power};
use crate::domain::request::full::{LONGEST_MS, Switch};
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::error::ActError;
use crate::storage::Tx;
use crate::storage::clients::ClientRecord;

const HOUR_MS: i64 = 3_600_000;

/// Until when a client is recorded, or what is wrong with that.
fn end(new: &NewRecording, now: Timestamp) -> Result<Timestamp, FieldError> {
    let wrong = |field: &str, detail: &str| Err(FieldError { field: field.to_owned(), detail: detail.to_owned() });
    match (&new.hours, &new.until) {
        (Some(_), Some(_)) => wrong("until", "goes without `hours`: say either"),
        (None, None) => wrong("hours", "is missing: say for how many hours, 24 at most, or `until` when"),
        (Some(hours), None) => Ok(now + i64::try_from(hours.0).unwrap_or_default() * HOUR_MS),
        (None, Some(Time(until))) if *until <= now => wrong("until", "must lie in the future"),
        (None, Some(Time(until))) if *until > now + LONGEST_MS => {
            wrong("until", "must be at most 24 hours ahead: no client is recorded in full for longer")
        }
        (None, Some(Time(until))) => Ok(*until),
    }
}

/// What is wrong with a new recording.
pub fn mistakes(new: &NewRecording, now: Timestamp) -> Option<FieldError> {
    end(new, now).err()
}

/// The recording that runs at this moment.
pub(super) fn overview(record: &ClientRecord, now: Timestamp) -> Option<ClientRecording> {
    let switch = record.recorded.as_ref().filter(|switch| now < switch.until)?;
    Some(ClientRecording { until: Time(switch.until), by: switch.by.clone() })
}

/// Whether a client is recorded. Only reads.
pub fn get(tx: &mut Tx<'_>, mandate: &Mandate, client: &str) -> Result<Option<ClientRecording>, ActError> {
    let record = find(tx, mandate, Power::Read, client)?;
    Ok(overview(&record, tx.now()))
}

/// Switches it on, or to another end.
pub fn start(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    client: &str,
    new: &NewRecording,
) -> Result<ClientRecording, ActError> {
    let (record, now) = (find(tx, mandate, Power::RecordClients, client)?, tx.now());
    let until = end(new, now).map_err(|wrong| ActError::invalid(vec![wrong]))?;
    let by = match &tx.origin.actor {
        Actor::Operator(operator) => operator.name.clone().unwrap_or_else(|| operator.id.clone()),
        other => other.code(),
    };
    let switch = Switch { until, by };
    tx.record_client(record.seq, Some(&switch))?;
    let act = Act::new(Action::ClientRecordingStarted).on_named(client, &record.client.name);
    tx.raise(now, record.account, act.saying(format!("until {}", system::rfc3339(until))));
    Ok(ClientRecording { until: Time(until), by: switch.by })
}

/// Switches it off. What is off already stays so.
pub fn stop(tx: &mut Tx<'_>, mandate: &Mandate, client: &str) -> Result<(), ActError> {
    let (record, now) = (find(tx, mandate, Power::RecordClients, client)?, tx.now());
    if record.recorded.is_none() {
        return Ok(());
    }
    let runs = overview(&record, now).is_some();
    tx.record_client(record.seq, None)?;
    if runs {
        let act = Act::new(Action::ClientRecordingStopped).on_named(client, &record.client.name);
        tx.raise(now, record.account, act);
    }
    Ok(())
}

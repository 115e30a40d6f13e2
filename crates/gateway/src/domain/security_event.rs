//! Security events that identity providers tell of (RFC 8417, OpenID CAEP 1.0, RISC 1.0, Shared Signals Framework 1.0): which there are, and whom
//! they are about.

use serde_json::{Map, Value};

use crate::domain::subject_id::SubjectId;

/// So many events of one token are read.
const MOST: usize = 10;

/// What an event means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The user's sessions ended there: what began here by then ends.
    Revokes,
    /// Others may know what the user logs in with: all ends, also what began since.
    Ends,
    /// The user's account there is disabled: sessions end, and the user cannot log in until it is enabled.
    Disables,
    /// It is enabled again.
    Enables,
    /// A stream of events was set up, or changed: nothing follows.
    OfTheStream,
    /// Nothing follows from it here.
    Nothing,
}

/// An event of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// Its last name, as `session-revoked`.
    pub name: String,
    /// What follows.
    pub meaning: Meaning,
    /// Whom it is about; why that is not understood.
    pub subject: Result<Vec<SubjectId>, String>,
    /// When it happened, in milliseconds since the epoch, at the latest: the end of the second that `event_timestamp` says, or else the token.
    pub happened: Option<i64>,
}

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

fn meaning_of(uri: &str) -> Meaning {
    if let Some(name) = uri.strip_prefix(CAEP) {
        return if name == "session-revoked" { Meaning::Revokes } else { Meaning::Nothing };
    }
    match uri.strip_prefix(RISC) {
        Some("account-disabled") => Meaning::Disables,
        Some("account-enabled") => Meaning::Enables,
        Some("sessions-revoked") => Meaning::Revokes,
        Some("credential-compromise") => Meaning::Ends,
        Some(_) => Meaning::Nothing,
        None if uri.starts_with(SSF) => Meaning::OfTheStream,
        None => Meaning::Nothing,
    }
}

/// The user among what a subject is made of (SSF 1.0 §3): of a complex one the member `user`.
fn user_of(subject: &Value) -> Value {
    subject.get("user").filter(|user| user.is_object()).unwrap_or(subject).clone()
}

/// A time in seconds since the epoch (CAEP 1.0 §2), as the end of that second in milliseconds. CAEP's own examples have milliseconds, and so do
/// transmitters that were written after them: nothing happens in the year 5138.
pub fn instant(value: &Value) -> Option<i64> {
    const LATEST_SECOND: f64 = 1e11;
    let number = value.as_f64().filter(|number| *number > 0.0 && *number < LATEST_SECOND * 1000.0)?;
    Some(if number < LATEST_SECOND { number.floor() as i64 * 1000 + 999 } else { number.ceil() as i64 })
}

/// The events of a token: `events` and, where they name no user themselves, `sub_id`; and when it says that they happened, in milliseconds since the
/// epoch, where they do not say so themselves.
pub fn read(
    events: Option<&Value>,
    of_token: Option<&Value>,
    happened: Option<i64>,
) -> Result<Vec<SecurityEvent>, &'static str> {
    let events: &Map<String, Value> = match events.and_then(Value::as_object) {
        Some(events) if !events.is_empty() && events.len() <= MOST => events,
        _ => return Err("its events must be an object with one to ten events"),
    };
    let each = events.iter().map(|(uri, payload)| {
        let subject = of_token.or_else(|| payload.get("subject")).map(user_of);
        let name: String = uri.rsplit('/').next().unwrap_or_default().chars().take(60).collect();
        let subject = SubjectId::read(subject.as_ref(), "sub_id");
        let happened = payload.get("event_timestamp").and_then(instant).or(happened);
        SecurityEvent { name, meaning: meaning_of(uri), subject, happened }
    });
    Ok(each.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_known_by_its_name_and_its_user_wherever_it_is_named() {
        let email = json!({"format": "email", "email": "ada@acme.test"});
        let complex = json!({"format": "complex", "user": email, "device": {"format": "opaque", "id": "d"}});
        let ada = Ok(vec![SubjectId::Email("ada@acme.test".to_owned())]);
        for (uri, meaning) in [
            (format!("{CAEP}session-revoked"), Meaning::Revokes),
            (format!("{CAEP}device-compliance-change"), Meaning::Nothing),
            (format!("{RISC}account-disabled"), Meaning::Disables),
            (format!("{RISC}account-enabled"), Meaning::Enables),
            (format!("{RISC}credential-compromise"), Meaning::Ends),
            (format!("{SSF}verification"), Meaning::OfTheStream),
            ("https://vendor.test/event/odd".to_owned(), Meaning::Nothing),
        ] {
            for (payload, of_token) in [
                (json!({}), Some(&email)),
                (json!({}), Some(&complex)),
                (json!({ "subject": complex }), None),
                (json!({ "subject": email, "event_timestamp": 1 }), None),
            ] {
                let events = json!({ uri.as_str(): payload });
                let read = read(Some(&events), of_token, None).unwrap();
                assert_eq!((read[0].meaning, &read[0].subject), (meaning, &ada), "{events}");
            }
        }
        let unnamed = read(Some(&json!({ "https://x.test/a": {} })), None, None).unwrap();
        assert!(unnamed[0].subject.is_err());
        for wrong in [None, Some(json!({})), Some(json!([])), Some(json!("x"))] {
            assert!(read(wrong.as_ref(), None, None).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn when_it_happened_is_what_the_event_says_or_else_the_token() {
        let uri = format!("{CAEP}session-revoked");
        for (payload, of_token, happened) in [
            (json!({"event_timestamp": 1_615_304_991}), Some(7), Some(1_615_304_991_999)),
            (json!({"event_timestamp": 1_615_304_991.25}), None, Some(1_615_304_991_999)),
            // As the examples of CAEP have it.
            (json!({"event_timestamp": 1_615_304_991_643_i64}), Some(7), Some(1_615_304_991_643)),
            (json!({}), Some(7), Some(7)),
            (json!({}), None, None),
            (json!({"event_timestamp": "yesterday"}), Some(7), Some(7)),
            (json!({"event_timestamp": -1}), Some(7), Some(7)),
            (json!({"event_timestamp": 1e300}), None, None),
        ] {
            let events = json!({ uri.as_str(): payload });
            assert_eq!(read(Some(&events), None, of_token).unwrap()[0].happened, happened, "{events}");
        }
    }
}

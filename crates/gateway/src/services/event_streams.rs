//! Streams of security event tokens: made, read, changed and ended by the product key whose they are (SSF 1.0 §8).
//!
//! What a stream tells is the feed behind its position, so nothing is written for it when something happens, and a stream that is away for a
//! week costs nothing. A stream of another key does not exist. Operators see the streams within their reach, and stop them.

use std::collections::BTreeSet;

use oauth::Keyring;
use oauth::security_event::{self, PUSH, Transmitter};
use scim::security_event::ScimEvent;
use serde_json::{Value, json};

use crate::domain::actor::Actor;
use crate::domain::bodies::event_streams::{
    DeliveryRequest, EventStreamChange, EventStreamConfiguration, EventStreamStatus, EventStreamStatusChange,
    NewEventStream, RefusedToken, VerificationRequest,
};
use crate::domain::described::{Anything, FieldError, Line, Mistakes, Patch, Sometimes, Texts, Time};
use crate::domain::event::{Act, Action};
use crate::domain::event_stream::{
    Delivery, EventStream, MIN_VERIFICATION_INTERVAL, MOST_REQUESTED, MOST_STREAMS, OwnSet, Says, StreamStatus,
};
use crate::domain::operator::{Mandate, Power};
use crate::domain::scim_events::without_notice;
use crate::domain::sealing;
use crate::platform::outbound::Outbound;
use crate::platform::system;
use crate::services::error::ActError;
use crate::storage::clients::ClientRecord;
use crate::storage::{DbError, Tx};

pub mod overview;
pub mod poll;
pub mod push;
pub mod tokens;

/// A URI of an event has at most so many characters.
const LONGEST_URI: usize = 500;
/// So many streams are listed for an operator.
const MOST_LISTED: i64 = 1_000;

/// What a stream says that has missed something.
const LOST: &str = "Events that this stream has not told are not kept any more. Enable the stream again, and then read all users and groups anew.";

/// Where the endpoints are, and what seals secrets.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The issuer of the tokens.
    pub issuer: &'a str,
    /// The base of the URLs that receivers call.
    pub base: &'a str,
    /// Seals what is sent as `Authorization`.
    pub keys: &'a Keyring,
    /// Which servers may be called.
    pub outbound: &'a Outbound,
}

impl Rules<'_> {
    /// Where a stream is polled.
    fn poll_url(&self, stream: &str) -> String {
        format!("{}/ssf/streams/{stream}/poll", self.base)
    }

    /// What `/.well-known/ssf-configuration` answers.
    pub fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}/ssf/{path}", self.base);
        let transmitter = Transmitter {
            issuer: self.issuer,
            jwks_uri: &format!("{}/.well-known/jwks.json", self.issuer),
            configuration_endpoint: &at("stream"),
            status_endpoint: &at("status"),
            verification_endpoint: &at("verify"),
            delivery_methods: METHODS,
        };
        transmitter.metadata()
    }
}

/// Who the tokens of a stream are for: the stream, and no other.
fn audience(issuer: &str, stream: &str) -> String {
    format!("{issuer}/ssf/streams/{stream}")
}

/// How tokens can be delivered.
const METHODS: &[&str] = &[security_event::POLL, PUSH];

/// The product key that calls; `None`: an operator does.
pub fn key_of<'a>(tx: &'a Tx<'_>) -> Option<&'a str> {
    match &tx.origin.actor {
        Actor::Client(client) => Some(&client.id),
        _ => None,
    }
}

/// The key that calls, for what only a receiver does.
fn receiver(tx: &mut Tx<'_>, mandate: &Mandate) -> Result<ClientRecord, ActError> {
    mandate.may(Power::Read)?;
    let Some(id) = key_of(tx).map(str::to_owned) else {
        let detail = "a stream belongs to the product key that made it, and only that key uses it: call with its token";
        return Err(ActError::conflict(detail));
    };
    tx.client_record(&id)?.ok_or_else(|| ActError::not_found("client", &id))
}

/// How a stream is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    No,
    Yes,
}

fn stream(tx: &mut Tx<'_>, id: &str, lock: Lock) -> Result<Option<EventStream>, DbError> {
    match lock {
        Lock::No => tx.event_stream(id),
        Lock::Yes => tx.lock_event_stream(id),
    }
}

/// A stream of the key that calls.
fn own(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, lock: Lock) -> Result<(EventStream, ClientRecord), ActError> {
    let key = receiver(tx, mandate)?;
    let stream = stream(tx, id, lock)?.filter(|stream| stream.client == key.seq);
    Ok((stream.ok_or_else(|| ActError::not_found("event stream", id))?, key))
}

/// A stream of the key that calls, or one within the reach of an operator who has this power.
fn visible(tx: &mut Tx<'_>, mandate: &Mandate, power: Power, id: &str, lock: Lock) -> Result<EventStream, ActError> {
    if key_of(tx).is_some() {
        return Ok(own(tx, mandate, id, lock)?.0);
    }
    mandate.may(power)?;
    let stream = stream(tx, id, lock)?.filter(|stream| mandate.reaches(stream.account));
    stream.ok_or_else(|| ActError::not_found("event stream", id))
}

/// Makes a stream of the key that calls. It tells what happens from now on: `end` is how far the feed was readable before.
pub fn create(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    new: &NewEventStream,
    end: i64,
) -> Result<EventStreamConfiguration, ActError> {
    let key = receiver(tx, mandate)?;
    // Two at once are not one too many.
    tx.lock_event_streams_of_client(key.seq)?;
    if tx.event_streams_of_client(key.seq, MOST_STREAMS as i64)?.len() >= MOST_STREAMS {
        let detail = format!("this product key has {MOST_STREAMS} streams, the most: delete one that is not used");
        return Err(ActError::conflict(detail));
    }
    let mut mistakes = Mistakes::default();
    let requested = new.events_requested.as_ref().map(|Texts(uris)| requested(uris, &mut mistakes));
    let delivery = match &new.delivery {
        Some(asked) => delivery(rules, asked, None, &mut mistakes),
        None => Delivery::Poll,
    };
    mistakes.finish().map_err(ActError::invalid)?;
    let mut stream = EventStream {
        seq: 0,
        id: system::new_uuid(),
        client: key.seq,
        account: key.account,
        created: tx.now(),
        description: new.description.as_ref().map(|Line(text)| text.clone()),
        requested,
        delivery,
        status: StreamStatus::Enabled,
        reason: None,
        position: end,
        acked: BTreeSet::new(),
        own: Vec::new(),
        refused: None,
        verified: None,
    };
    tx.insert_event_stream(&mut stream)?;
    push::keep_in_step(tx, &mut stream, None)?;
    tell(tx, &stream, Action::EventStreamCreated, Some(format!("of {}", key.client.name)));
    Ok(configuration(rules, &stream))
}

/// Writes down that something was done to a stream.
fn tell(tx: &mut Tx<'_>, stream: &EventStream, action: Action, detail: Option<String>) {
    let name = stream.description.as_deref().unwrap_or("a stream");
    let (now, act) = (tx.now(), Act::new(action).on_named(&stream.id, name).saying(detail));
    tx.raise(now, stream.account, act);
}

/// The URIs that a receiver asks for.
fn requested(uris: &[String], mistakes: &mut Mistakes) -> Vec<String> {
    const FIELD: &str = "events_requested";
    if uris.is_empty() {
        mistakes.note(FIELD, "is empty: name the events that are wanted, or leave it out for all");
    }
    if uris.len() > MOST_REQUESTED || uris.iter().any(|uri| uri.len() > LONGEST_URI) {
        mistakes.note(FIELD, format!("may have {MOST_REQUESTED} URIs of {LONGEST_URI} characters"));
    }
    let wanted: Vec<ScimEvent> = uris.iter().filter_map(|uri| ScimEvent::parse(uri)).collect();
    if let Some((full, notice)) = without_notice(&wanted) {
        let detail = format!(
            "has {} without {}: what is too large to be told with all data is told by the notice, so ask for both",
            full.uri(),
            notice.uri()
        );
        mistakes.note(FIELD, detail);
    }
    uris.to_vec()
}

/// How a receiver wants its tokens, where they came so far as `known`.
fn delivery(rules: &Rules<'_>, asked: &DeliveryRequest, known: Option<&Delivery>, mistakes: &mut Mistakes) -> Delivery {
    match asked.method.0.as_str() {
        // Where to poll is for the server to say; what a receiver sends back of it means nothing.
        security_event::POLL => Delivery::Poll,
        PUSH => {
            let Some(Line(endpoint)) = &asked.endpoint_url else {
                mistakes.note("delivery.endpoint_url", "is missing: say where the tokens are to be sent");
                return Delivery::Poll;
            };
            if let Err(why) = rules.outbound.url(endpoint) {
                mistakes.note("delivery.endpoint_url", why);
            }
            let before = match known {
                Some(Delivery::Push { endpoint: before, authorization }) if before == endpoint => authorization.clone(),
                _ => None,
            };
            let authorization = match &asked.authorization_header {
                Patch::Absent => before,
                Patch::Null => None,
                Patch::Value(Line(header)) => {
                    if !header.is_ascii() {
                        mistakes.note("delivery.authorization_header", "must be of ASCII characters");
                    }
                    let sealed = rules.keys.seal(sealing::STREAM_AUTHORIZATION, system::nonce(), header.as_bytes());
                    Some(sealed)
                }
            };
            Delivery::Push { endpoint: endpoint.clone(), authorization }
        }
        _ => {
            let known = METHODS.join(" or ");
            mistakes.note("delivery.method", format!("must be {known}"));
            Delivery::Poll
        }
    }
}

/// A stream as its receiver reads it.
fn configuration(rules: &Rules<'_>, stream: &EventStream) -> EventStreamConfiguration {
    let uris = |events: &[ScimEvent]| events.iter().map(|event| event.uri().to_owned()).collect::<Vec<String>>();
    let delivery = match &stream.delivery {
        Delivery::Poll => json!({"method": security_event::POLL, "endpoint_url": rules.poll_url(&stream.id)}),
        Delivery::Push { endpoint, .. } => json!({"method": PUSH, "endpoint_url": endpoint}),
    };
    EventStreamConfiguration {
        stream_id: stream.id.clone(),
        iss: rules.issuer.to_owned(),
        aud: audience(rules.issuer, &stream.id),
        delivery: Anything(delivery.as_object().cloned().unwrap_or_default()),
        events_supported: uris(&ScimEvent::ALL),
        events_requested: Sometimes(stream.requested.clone()),
        events_delivered: uris(&stream.delivered()),
        min_verification_interval: MIN_VERIFICATION_INTERVAL,
        description: Sometimes(stream.description.clone()),
    }
}

/// The streams of the key that calls, or those within an operator's reach; of these, the first. Only reads.
pub fn list(tx: &mut Tx<'_>, mandate: &Mandate, rules: &Rules<'_>) -> Result<Vec<EventStreamConfiguration>, ActError> {
    let streams = match key_of(tx).is_some() {
        true => {
            let key = receiver(tx, mandate)?;
            tx.event_streams_of_client(key.seq, MOST_STREAMS as i64)?
        }
        false => {
            mandate.may(Power::Read)?;
            tx.event_streams_within(mandate.reach(), MOST_LISTED)?
        }
    };
    Ok(streams.iter().map(|stream| configuration(rules, stream)).collect())
}

/// One stream. Only reads.
pub fn get(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    id: &str,
) -> Result<EventStreamConfiguration, ActError> {
    Ok(configuration(rules, &visible(tx, mandate, Power::Read, id, Lock::No)?))
}

/// What a request does to a stream's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// PATCH: what is left out stays.
    Some,
    /// PUT: what is left out is taken away.
    All,
}

/// Changes a stream. What its receiver has not acknowledged yet is told as the stream is from then on.
pub fn change(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    asked: &EventStreamChange,
    how: Change,
) -> Result<EventStreamConfiguration, ActError> {
    let id = &asked.stream_id.0.0;
    let (mut stream, _) = own(tx, mandate, id, Lock::Yes)?;
    let before = configuration(rules, &stream);
    ActError::unless_right(contradictions(asked, &before))?;
    let mut mistakes = Mistakes::default();
    match (&asked.events_requested, how) {
        (Patch::Absent, Change::Some) => {}
        (Patch::Absent | Patch::Null, _) => stream.requested = None,
        (Patch::Value(Texts(uris)), _) => stream.requested = Some(requested(uris, &mut mistakes)),
    }
    match (&asked.delivery, how) {
        (Patch::Absent, Change::Some) => {}
        (Patch::Absent | Patch::Null, _) => stream.delivery = Delivery::Poll,
        (Patch::Value(delivered), _) => {
            stream.delivery = delivery(rules, delivered, Some(&stream.delivery), &mut mistakes);
        }
    }
    match (&asked.description, how) {
        (Patch::Absent, Change::Some) => {}
        (Patch::Absent | Patch::Null, _) => stream.description = None,
        (Patch::Value(Line(text)), _) => stream.description = Some(text.clone()),
    }
    mistakes.finish().map_err(ActError::invalid)?;
    push::keep_in_step(tx, &mut stream, None)?;
    tx.update_event_stream(&stream)?;
    let after = configuration(rules, &stream);
    let changes = differences(&before, &after);
    if !changes.is_empty() {
        tell(tx, &stream, Action::EventStreamChanged, Some(changes.join(", ")));
    }
    Ok(after)
}

/// What differs, by its name.
fn differences(before: &EventStreamConfiguration, after: &EventStreamConfiguration) -> Vec<&'static str> {
    [
        ("events_requested", before.events_requested.0 != after.events_requested.0),
        ("delivery", before.delivery.0 != after.delivery.0),
        ("description", before.description.0 != after.description.0),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

/// What the server sets has to be sent as it was answered, if it is sent (§8.1.1.3).
fn contradictions(asked: &EventStreamChange, is: &EventStreamConfiguration) -> Vec<FieldError> {
    let sent = [
        ("iss", &asked.iss, json!(is.iss)),
        ("aud", &asked.aud, json!(is.aud)),
        ("events_supported", &asked.events_supported, json!(is.events_supported)),
        ("events_delivered", &asked.events_delivered, json!(is.events_delivered)),
        ("min_verification_interval", &asked.min_verification_interval, json!(is.min_verification_interval)),
    ];
    let alone = |value: &Value| match value {
        Value::Array(values) if values.len() == 1 => values[0].clone(),
        value => value.clone(),
    };
    let differs = |sent: &Value, is: &Value| sent != is && alone(sent) != *is;
    sent.into_iter()
        .filter(|(_, sent, is)| sent.as_ref().is_some_and(|sent| differs(sent, is)))
        .map(|(field, _, is)| FieldError {
            field: field.to_owned(),
            detail: format!("is set by the server, and is {is}: send it as it is, or leave it out"),
        })
        .collect()
}

/// Ends a stream.
pub fn delete(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<(), ActError> {
    let stream = visible(tx, mandate, Power::ChangeClients, id, Lock::Yes)?;
    push::forget(tx, &stream)?;
    tx.delete_event_stream(stream.seq)?;
    tell(tx, &stream, Action::EventStreamDeleted, None);
    Ok(())
}

/// The status of a stream. Only reads.
pub fn status(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<EventStreamStatus, ActError> {
    let mut stream = visible(tx, mandate, Power::Read, id, Lock::No)?;
    if let Some(refused) = push::put_aside(tx, &stream)? {
        stream.refused = Some(refused);
    }
    Ok(shown_status(&stream))
}

fn shown_status(stream: &EventStream) -> EventStreamStatus {
    let refused = stream.refused.as_ref().map(|refused| RefusedToken {
        jti: refused.jti.clone(),
        at: Time(refused.at),
        err: refused.err.clone(),
        description: Sometimes(refused.description.clone()),
        count: refused.count,
    });
    EventStreamStatus {
        stream_id: stream.id.clone(),
        status: stream.status,
        reason: Sometimes(stream.reason.clone()),
        refused: Sometimes(refused),
    }
}

/// Gives a stream another status. One that was disabled goes on from `end`, up to which the feed was readable before: what happened meanwhile
/// it does not tell. Where an operator does it, the receiver is told by a token.
pub fn set_status(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    asked: &EventStreamStatusChange,
    end: i64,
) -> Result<EventStreamStatus, ActError> {
    let mut stream = visible(tx, mandate, Power::ChangeClients, &asked.stream_id.0.0, Lock::Yes)?;
    let status = asked.status.ok_or_else(|| ActError::field("status", "is missing: enabled, paused or disabled"))?;
    let reason = asked.reason.as_ref().map(|Line(reason)| reason.clone());
    let is_receivers = key_of(tx).is_some();
    if stream.status == status && (stream.reason == reason || reason.is_none()) {
        return Ok(shown_status(&stream));
    }
    let was = stream.status;
    turn(tx, &mut stream, status, reason, end);
    if !is_receivers && was != status {
        let reason = stream.reason.clone().unwrap_or_else(|| "An operator has done it.".to_owned());
        say_updated(tx, &mut stream, reason);
    }
    push::keep_in_step(tx, &mut stream, Some(was))?;
    tx.update_event_stream(&stream)?;
    tell(tx, &stream, Action::EventStreamChanged, Some(format!("{}, was {}", status.code(), was.code())));
    Ok(shown_status(&stream))
}

/// Gives a stream another status; it is not written yet.
fn turn(tx: &Tx<'_>, stream: &mut EventStream, status: StreamStatus, reason: Option<String>, end: i64) {
    if stream.status == StreamStatus::Disabled && status != StreamStatus::Disabled {
        stream.position = end;
        stream.acked.clear();
    }
    if status == StreamStatus::Disabled {
        stream.own.retain(|own| matches!(own.says, Says::Updated { .. }));
    }
    stream.status = status;
    stream.reason =
        reason.or_else(|| (status != StreamStatus::Enabled).then(|| format!("since {}", system::rfc3339(tx.now()))));
}

/// Has a token say that the status is another (§8.1.5).
fn say_updated(tx: &Tx<'_>, stream: &mut EventStream, reason: String) {
    let says = Says::Updated { status: stream.status, reason };
    stream.say(OwnSet { jti: system::new_uuid(), at: tx.now(), says });
}

/// Has a token say that the stream works (§8.1.4.2). It is told with the next that are. `Some`: it was asked for so many seconds too early.
pub fn verify(tx: &mut Tx<'_>, mandate: &Mandate, asked: &VerificationRequest) -> Result<Option<i64>, ActError> {
    let (mut stream, _) = own(tx, mandate, &asked.stream_id.0.0, Lock::Yes)?;
    let now = tx.now();
    if stream.status == StreamStatus::Disabled {
        return Err(ActError::field("stream_id", "is a stream that is disabled: enable it first"));
    }
    if !stream.may_verify(now) {
        let wait = i64::from(MIN_VERIFICATION_INTERVAL) - stream.verified.map_or(0, |then| (now - then) / 1_000);
        return Ok(Some(wait.max(1)));
    }
    let state = asked.state.as_ref().map(|Line(state)| state.clone());
    stream.say(OwnSet { jti: system::new_uuid(), at: now, says: Says::Verification { state } });
    stream.verified = Some(now);
    tx.update_event_stream(&stream)?;
    Ok(None)
}

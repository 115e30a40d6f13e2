//! Pushed streams (RFC 8935): the tokens of a stream are sent by the job that delivers the feed, to a receiver that has the stream's id.
//!
//! The receiver has the position, the tries and the dead letters; what the stream is stays here, and each change of it is carried over in the
//! same unit of work.

use super::tokens::Token;
use super::{LOST, say_updated, turn};
use crate::domain::event_stream::{Delivery, EventStream, RefusedSet, StreamStatus};
use crate::domain::receiver::{Form, MOST_DEAD_LETTERS, State, listed};
use crate::domain::scim_events::types_for;
use crate::domain::scopes::READ_EVENTS;
use crate::storage::events::EventRow;
use crate::storage::receivers::{NewReceiver, Receiver};
use crate::storage::{DbError, Tx};

/// The kind of what is not of the feed: a token about the stream itself.
const OWN: &str = "event_stream";

/// Gives a stream that is pushed a receiver like it, and takes that of a stream that is polled away. `was` is the status before, where that is
/// another.
pub(super) fn keep_in_step(
    tx: &mut Tx<'_>,
    stream: &mut EventStream,
    was: Option<StreamStatus>,
) -> Result<(), DbError> {
    let receiver = tx.receiver(&stream.id)?;
    let Delivery::Push { endpoint, .. } = &stream.delivery else {
        if let Some(receiver) = receiver {
            stream.position = receiver.position;
            stream.acked.clear();
            tx.delete_receiver(receiver.seq)?;
        }
        return Ok(());
    };
    let description = stream.description.clone().unwrap_or_else(|| "a stream of security event tokens".to_owned());
    let types = Some(listed(&types_for(&stream.delivered())));
    let state = if stream.status == StreamStatus::Enabled { State::Enabled } else { State::Paused };
    let Some(mut receiver) = receiver else {
        let new = NewReceiver {
            id: stream.id.clone(),
            account: stream.account,
            form: Form::SecurityEvent,
            url: endpoint.clone(),
            description,
            types,
            secret: None,
            position: stream.position,
            state,
        };
        stream.acked.clear();
        return tx.insert_receiver(&new, tx.now());
    };
    (receiver.url, receiver.description, receiver.types) = (endpoint.clone(), description, types);
    tx.change_receiver(&receiver)?;
    if let Some(was) = was.filter(|was| *was != stream.status) {
        // What happened while it was disabled is not told.
        let position = (was == StreamStatus::Disabled).then_some(stream.position);
        tx.set_receiver_state(receiver.seq, state, position, None)?;
    }
    Ok(())
}

/// What a problem begins with that a receiver named by a code.
pub const REFUSED: &str = "it refused the token: ";

/// The last token that the receiver of a stream did not take while it took others, and how many there are. Only reads.
pub(super) fn put_aside(tx: &mut Tx<'_>, stream: &EventStream) -> Result<Option<RefusedSet>, DbError> {
    let Some(receiver) = tx.receiver(&stream.id)? else { return Ok(None) };
    let letters = tx.dead_letters_after(receiver.seq, 0, MOST_DEAD_LETTERS)?;
    Ok(letters.last().map(|letter| {
        let problem = letter.problem.as_str();
        let (err, description) = match problem.strip_prefix(REFUSED) {
            Some(said) => said.split_once(", ").map_or((said, None), |(err, said)| (err, Some(said))),
            None => ("unknown", Some(problem)),
        };
        RefusedSet {
            jti: stream.jti(&letter.event_id, letter.event),
            at: letter.refused,
            err: err.to_owned(),
            description: description.map(str::to_owned),
            count: letters.len() as u64,
        }
    }))
}

/// Takes the receiver of a stream away.
pub(super) fn forget(tx: &mut Tx<'_>, stream: &EventStream) -> Result<(), DbError> {
    match tx.receiver(&stream.id)?.filter(|receiver| receiver.form == Form::SecurityEvent) {
        Some(receiver) => tx.delete_receiver(receiver.seq),
        None => Ok(()),
    }
}

/// The token that tells of an event, with its stream, or why it cannot be sent now; `Ok(None)`: the stream does not tell of it. Only reads.
#[allow(clippy::type_complexity)] // both are read as they are
pub fn token(
    tx: &mut Tx<'_>,
    issuer: &str,
    stream: &str,
    event: &EventRow,
) -> Result<Result<Option<(EventStream, Token)>, String>, DbError> {
    let Some(stream) = tx.event_stream(stream)? else { return Ok(Err("its stream is not there any more".to_owned())) };
    if let Some(why) = closed(tx, &stream)? {
        return Ok(Err(why.to_owned()));
    }
    let token = match event.kind.as_str() {
        OWN => stream.own.iter().find(|own| own.jti == event.id).map(|own| Token::of_own(issuer, &stream, own)),
        _ => Token::of_event(issuer, &stream, &stream.delivered(), event),
    };
    Ok(Ok(token.map(|token| (stream, token))))
}

/// Why the key whose a stream is may read nothing now.
fn closed(tx: &mut Tx<'_>, stream: &EventStream) -> Result<Option<&'static str>, DbError> {
    let Some(key) = tx.clients_at(&[stream.client])?.pop() else { return Ok(Some("its product key is deleted")) };
    if key.client.disabled {
        return Ok(Some("its product key is disabled"));
    }
    if !key.client.scopes.iter().any(|scope| scope == READ_EVENTS) {
        return Ok(Some("its product key has no scope read:events any more"));
    }
    let Some(account) = stream.account else { return Ok(None) };
    Ok(match tx.account_at(account)? {
        Some(account) if account.suspended.is_none() => None,
        Some(_) => Some("its account is suspended"),
        None => Some("its account is deleted"),
    })
}

/// The receiver of a stream that is pushed, and what the stream has to say of itself, as events. Only reads.
pub fn own_tokens(tx: &mut Tx<'_>, stream: &str) -> Result<Option<(Receiver, Vec<EventRow>)>, DbError> {
    let (Some(stream), Some(receiver)) = (tx.event_stream(stream)?, tx.receiver(stream)?) else { return Ok(None) };
    let event = |own: &crate::domain::event_stream::OwnSet| EventRow {
        seq: receiver.position,
        id: own.jti.clone(),
        at: own.at,
        account: stream.account,
        account_id: None,
        kind: OWN.to_owned(),
        body: String::new(),
    };
    let events = stream.deliverable().map(event).collect();
    Ok(Some((receiver, events)))
}

/// A receiver has taken what a stream said of itself.
pub fn own_was_taken(tx: &mut Tx<'_>, stream: &str, jti: &str) -> Result<(), DbError> {
    let Some(mut stream) = tx.lock_event_stream(stream)? else { return Ok(()) };
    stream.own.retain(|own| own.jti != jti);
    tx.update_event_stream(&stream)
}

/// The receiver of a stream was away for longer than events are kept: the stream is disabled, and says so.
pub fn lost(tx: &mut Tx<'_>, stream: &str) -> Result<(), DbError> {
    let Some(mut stream) = tx.lock_event_stream(stream)? else { return Ok(()) };
    turn(tx, &mut stream, StreamStatus::Disabled, Some(LOST.to_owned()), 0);
    say_updated(tx, &mut stream, LOST.to_owned());
    tx.update_event_stream(&stream)
}

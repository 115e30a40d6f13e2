//! Polls (RFC 8936): what a receiver has taken, and what is told next.
//!
//! Nothing is written when a token is told: what is not acknowledged is told again, in its order, by whichever server is asked. The position moves
//! in the transaction that records the acknowledgements, over what is acknowledged as a whole; what is acknowledged beyond is remembered, within
//! bounds.

use oauth::security_event::SetError;

use super::tokens::Token;
use super::{LOST, Lock, Rules, own, say_updated, tell, turn};
use crate::domain::bodies::event_streams::PollRequest;
use crate::domain::event::Action;
use crate::domain::event_stream::{Delivery, EventStream, MOST_AHEAD, Named, RefusedSet, StreamStatus};
use crate::domain::operator::Mandate;
use crate::domain::scim_events::types_for;
use crate::services::error::ActError;
use crate::storage::{DbError, Tx};

/// So many tokens are told at once,
pub const MOST: usize = 1_000;
/// and if nothing is said, so many;
const USUAL: usize = 100;
/// they have about so many bytes at most.
const LARGEST: usize = 2 << 20;
/// So many events are read at once,
const AT_ONCE: i64 = 250;
/// and so many numbers of the feed are looked through for one answer, where few of its events are told.
const LOOKED_THROUGH: i64 = 20_000;
/// A stream that has nothing to tell is moved on when it is so far behind, so that it does not seem to have missed what is forgotten.
const BEHIND: i64 = 500;

/// What is told next.
#[allow(missing_debug_implementations)] // holds what will be tokens
pub struct Page {
    /// The tokens, in their order.
    pub tokens: Vec<Token>,
    /// Whether there is more.
    pub more: bool,
    /// Up to which number of the feed there is nothing else for the stream.
    pub beyond: i64,
    /// Whether the stream's position has to be written anew: it has nothing to tell of much that is behind it,
    pub is_behind: bool,
    /// or of these, which cannot be read.
    pub untold: Vec<i64>,
}

/// How many tokens a receiver wants.
pub fn wanted(asked: &PollRequest) -> usize {
    asked.max_events.map_or(USUAL, |most| usize::try_from(most.0).unwrap_or(MOST)).min(MOST)
}

/// A stream that is polled by the key that calls.
fn polled(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, lock: Lock) -> Result<EventStream, ActError> {
    let (stream, _) = own(tx, mandate, id, lock)?;
    match stream.delivery {
        Delivery::Poll => Ok(stream),
        Delivery::Push { .. } => Err(ActError::conflict(
            "the tokens of this stream are sent to its receiver: change its `delivery` to poll it",
        )),
    }
}

/// Notes what the receiver has taken, and what it does not accept, and moves the position; `end` is how far the feed was readable before.
pub fn acknowledge(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    id: &str,
    asked: &PollRequest,
    end: i64,
) -> Result<(), ActError> {
    let mut stream = polled(tx, mandate, id, Lock::Yes)?;
    let refused = asked.set_errs.iter().flat_map(|errors| &errors.0);
    let refused = refused.filter_map(|(jti, error)| Some((jti, stream.named(jti, end)?, SetError::read(error))));
    let refused: Vec<(&String, Named, Option<SetError>)> = refused.collect();
    let taken = asked.ack.iter().flat_map(|acks| &acks.0).filter_map(|jti| stream.named(jti, end));
    let taken: Vec<Named> = taken.chain(refused.iter().map(|(_, named, _)| *named)).collect();
    for (jti, _, error) in refused {
        note_refusal(tx, &mut stream, jti, error);
    }
    stream.acknowledge(taken);
    settle(tx, &mut stream, end)?;
    tx.update_event_stream(&stream)?;
    Ok(())
}

/// Writes down that a receiver did not accept a token.
fn note_refusal(tx: &mut Tx<'_>, stream: &mut EventStream, jti: &str, error: Option<SetError>) {
    let unknown = || SetError { err: "unknown".to_owned(), description: None };
    let SetError { err, description } = error.unwrap_or_else(unknown);
    let detail = match &description {
        Some(description) => format!("{jti}: {err}, {description}"),
        None => format!("{jti}: {err}"),
    };
    let count = stream.refused.as_ref().map_or(0, |refused| refused.count) + 1;
    stream.refused = Some(RefusedSet { jti: jti.to_owned(), at: tx.now(), err, description, count });
    tell(tx, stream, Action::EventStreamRefused, Some(detail));
}

/// Moves the position over what is acknowledged, and over what the stream does not tell.
fn settle(tx: &mut Tx<'_>, stream: &mut EventStream, end: i64) -> Result<(), DbError> {
    let types = types_for(&stream.delivered());
    let end = end.min(stream.position + LOOKED_THROUGH);
    if end <= stream.position || stream.status == StreamStatus::Disabled {
        return Ok(());
    }
    // One of so many is not acknowledged, if there are so many.
    let most = i64::try_from(stream.acked.len()).unwrap_or(i64::MAX).saturating_add(1);
    let numbers = tx.event_numbers(stream.account, &types, (stream.position, end), most)?;
    let next = numbers.into_iter().find(|number| !stream.acked.contains(number));
    stream.advance(next, end);
    Ok(())
}

/// Moves the position of a stream over what it does not tell, and over these numbers.
pub fn move_on(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, untold: &[i64], end: i64) -> Result<(), ActError> {
    let mut stream = polled(tx, mandate, id, Lock::Yes)?;
    if !is_lost(tx, &stream)? {
        stream.acknowledge(untold.iter().copied().map(Named::Event));
        settle(tx, &mut stream, end)?;
        tx.update_event_stream(&stream)?;
    }
    Ok(())
}

/// Whether what follows the position is not kept any more, or the feed ends before it, as after the restoration of a backup.
fn is_lost(tx: &mut Tx<'_>, stream: &EventStream) -> Result<bool, DbError> {
    Ok(stream.position < tx.events_floor()? || stream.position > tx.last_event_number()?)
}

/// Disables a stream that has missed something: its receiver is told so, and begins anew.
pub fn stop_lost(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, end: i64) -> Result<(), ActError> {
    let mut stream = polled(tx, mandate, id, Lock::Yes)?;
    if stream.status != StreamStatus::Enabled || !is_lost(tx, &stream)? {
        return Ok(());
    }
    turn(tx, &mut stream, StreamStatus::Disabled, Some(LOST.to_owned()), end);
    say_updated(tx, &mut stream, LOST.to_owned());
    tx.update_event_stream(&stream)?;
    tell(tx, &stream, Action::EventStreamStopped, Some(format!("what follows {} is gone", stream.position)));
    Ok(())
}

/// What is told next, up to an end that was asked for before. `None`: the stream has missed something, and [has to stop](stop_lost). Only reads.
pub fn page(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    rules: &Rules<'_>,
    id: &str,
    most: usize,
    end: i64,
) -> Result<Option<Page>, ActError> {
    let stream = polled(tx, mandate, id, Lock::No)?;
    let mut tokens: Vec<Token> = stream.deliverable().map(|own| Token::of_own(rules.issuer, &stream, own)).collect();
    let own_more = tokens.len() > most;
    tokens.truncate(most);
    if stream.status != StreamStatus::Enabled {
        return Ok(Some(Page { tokens, more: own_more, beyond: i64::MAX, is_behind: false, untold: Vec::new() }));
    }
    if is_lost(tx, &stream)? {
        return Ok(None);
    }
    let wanted = stream.delivered();
    let types = types_for(&wanted);
    // While much is acknowledged ahead, what is before it comes first.
    let room = MOST_AHEAD.saturating_sub(stream.acked.len()).max(1);
    let most = most.min(tokens.len() + room);
    let (mut last, until) = (stream.position, end.min(stream.position + LOOKED_THROUGH));
    let (mut bytes, mut untold) = (0, Vec::new());
    let (mut more, mut is_unread) = (own_more, until < end);
    'reading: while last < until {
        let rows = tx.events_between(stream.account, last, until, AT_ONCE)?;
        let is_last = (rows.len() as i64) < AT_ONCE;
        for row in rows {
            let is_told = types.iter().any(|kind| kind.code() == row.kind) && !stream.acked.contains(&row.seq);
            let token = is_told.then(|| Token::of_event(rules.issuer, &stream, &wanted, &row));
            if let Some(None) = token {
                untold.push(row.seq);
            }
            if let Some(token) = token.flatten() {
                if tokens.len() >= most || bytes > LARGEST {
                    (more, is_unread) = (true, true);
                    break 'reading;
                }
                bytes += token.size;
                tokens.push(token);
            }
            last = row.seq;
        }
        if is_last {
            last = until;
        }
    }
    let is_idle = tokens.is_empty() && !more;
    let is_behind = is_idle && last - stream.position >= BEHIND;
    // Where nothing was found in what was looked through, there may be something behind it.
    Ok(Some(Page { tokens, more: more || is_unread, beyond: last, is_behind, untold }))
}

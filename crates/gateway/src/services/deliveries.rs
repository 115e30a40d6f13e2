//! Delivers the feed to its receivers, in the background.
//!
//! ```text
//! due ── claim (a lease) ──▶ read what waits ──▶ send one after the other ──▶ record, with the position ──▶ … ──▶ release
//! ```
//!
//! A receiver that does not take an event is held at it: what follows waits in the feed, and the same event is sent again after
//! [a pause](pause_after). So its order is that of the feed, and nothing piles up. What an event looks like as a request, and what an answer
//! means, is decided by its [form](forms). An event is sent at least once: the outcome is written after the answer, and a server that ends
//! between the two has its receivers taken over when the lease ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth::Keyring;

use crate::domain::event::{Act, Action};
use crate::domain::metrics::Deliveries;
use crate::domain::notice::Trouble;
use crate::domain::receiver::{Form, MOST_DEAD_LETTERS, PATIENCE, READ, Reply, State, TRIED_AHEAD, pause_after};
use crate::platform::clock::Clock;
use crate::platform::outbound::{Calls, Outbound};
use crate::platform::shutdown::Stopping;
use crate::platform::system;
use crate::services::event_streams;
use crate::services::events::Feed;
use crate::services::reactions::notices;
use crate::services::signing::Signer;
use crate::storage::events::EventRow;
use crate::storage::receivers::Receiver;
use crate::storage::receivers::refused::DeadLetter;
use crate::storage::receivers::turns::{Delivery, NewDeadLetter, Progress};
use crate::storage::{Db, DbError, ReadCost};

mod forms;
mod own_tokens;

/// To so many receivers a server delivers at once.
pub const AT_ONCE: usize = 16;
/// So many tests by operators are made beside them.
const TESTS_AT_ONCE: usize = 4;
/// So many events are read at once.
const EVENTS: i64 = 20;
/// After so long what came of events is written down, so that little is sent twice by the next server.
const RECORDED: Duration = Duration::from_secs(1);
/// For so long events are tried that follow one which is not taken.
const AHEAD: Duration = Duration::from_secs(20);
/// For so long, in milliseconds, no other server delivers to a receiver: longer than it takes until what came of events is written down, for
/// which the last request has all its time.
const LEASE: i64 = 45_000;
/// After so many tries in vain operators are told: half an hour after the first.
const TOLD_AFTER: i64 = 4;
/// After so long it is another receiver's turn.
const SLICE: Duration = Duration::from_secs(10);

/// Delivers the feed to receivers.
#[allow(missing_debug_implementations)]
pub struct Deliverer {
    db: Db,
    feed: Arc<Feed>,
    keys: Arc<Keyring>,
    clock: Clock,
    outbound: Outbound,
    tests: Outbound,
    counts: Deliveries,
    stopping: Stopping,
    /// Whose security event tokens are pushed, and what signs them.
    issuer: Arc<str>,
    signer: Signer,
    /// What this server's leases are called.
    lease: String,
}

/// What waits for a receiver.
enum Waiting {
    /// What follows its position is not kept any more.
    Forgotten,
    /// Dead letters that are to be sent again, with their events, where those are kept.
    Again(Vec<(DeadLetter, Option<EventRow>)>),
    /// Events. `has_room` says that there may be more dead letters, and `more` that there may be more events.
    Events { events: Vec<EventRow>, has_room: bool, more: bool },
}

/// A request that was sent, and what its answer means.
#[derive(Debug)]
pub struct Sent {
    /// As it is written down.
    pub delivery: Delivery,
    /// What the answer means.
    pub reply: Reply,
    /// The beginning of what was answered.
    pub said: String,
}

/// How some events went.
struct Round {
    progress: Progress,
    reply: Reply,
}

impl Deliverer {
    /// For this database and feed; its calls go where `outbound` goes, beside all others.
    pub fn new(
        (db, feed, keys): (&Db, &Arc<Feed>, &Arc<Keyring>),
        (issuer, signer): (&Arc<str>, &Signer),
        outbound: &Outbound,
        counts: &Deliveries,
        stopping: &Stopping,
    ) -> Deliverer {
        Deliverer {
            db: db.clone(),
            feed: feed.clone(),
            keys: keys.clone(),
            clock: db.clock().clone(),
            outbound: outbound.beside(PATIENCE, AT_ONCE),
            tests: outbound.beside(PATIENCE, TESTS_AT_ONCE),
            counts: counts.clone(),
            stopping: stopping.clone(),
            issuer: issuer.clone(),
            signer: signer.clone(),
            lease: system::new_uuid(),
        }
    }

    /// Up to so many receivers for which something waits up to an end of the feed.
    pub async fn due(&self, end: i64, limit: usize) -> Result<Vec<i64>, DbError> {
        let (now, limit) = (self.clock.now(), i64::try_from(limit).unwrap_or(i64::MAX));
        self.db.read(ReadCost::Scan, move |tx| tx.receivers_due(now, end, limit)).await
    }

    /// Delivers to a receiver what waits for it, for a while; nothing, if another server does.
    pub async fn serve(&self, receiver: i64) -> Result<(), DbError> {
        let lease = self.lease.clone();
        let now = self.clock.now();
        let claimed = self.db.write(move |tx| tx.claim_receiver(receiver, &lease, now, now + LEASE)).await?;
        let Some(mut receiver) = claimed else { return Ok(()) };
        let outcome = self.serve_claimed(&mut receiver).await;
        let (lease, now) = (self.lease.clone(), self.clock.now());
        let released = self.db.write(move |tx| tx.release_receiver(receiver.seq, &lease, now)).await;
        outcome.and(released)
    }

    async fn serve_claimed(&self, receiver: &mut Receiver) -> Result<(), DbError> {
        let began = Instant::now();
        while began.elapsed() < SLICE && !self.stopping.has_begun() {
            let end = self.feed.end(&self.db).await?;
            let goes_on = match self.waiting(receiver, end).await? {
                Waiting::Forgotten => {
                    self.forgotten(receiver).await?;
                    false
                }
                Waiting::Again(letters) => self.send_again(receiver, letters).await?,
                Waiting::Events { events, has_room, more } => {
                    let last = events.last().map_or(receiver.position, |last| last.seq);
                    let mut round = self.round(receiver, &events, has_room).await;
                    let is_through = round.progress.position == last;
                    if is_through && !more {
                        round.progress.position = last.max(end);
                    }
                    self.record(receiver, round).await? && (more || !is_through)
                }
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    async fn waiting(&self, receiver: &Receiver, end: i64) -> Result<Waiting, DbError> {
        let receiver = receiver.clone();
        self.db
            .read(ReadCost::Scan, move |tx| {
                if receiver.position < tx.events_floor()? {
                    return Ok(Waiting::Forgotten);
                }
                let again = tx.dead_letters_wanted(receiver.seq, EVENTS)?;
                if !again.is_empty() {
                    let mut letters = Vec::new();
                    for letter in again {
                        let event = tx.events_between(None, letter.event - 1, letter.event, 1)?.pop();
                        letters.push((letter, event));
                    }
                    return Ok(Waiting::Again(letters));
                }
                let (of, types) = (receiver.account, receiver.types.as_deref());
                let events = tx.events_meant(of, types, (receiver.position, end), EVENTS)?;
                let has_room = tx.count_dead_letters(receiver.seq)? < MOST_DEAD_LETTERS;
                Ok(Waiting::Events { more: events.len() as i64 == EVENTS, events, has_room })
            })
            .await
    }

    /// Sends events in their order, until one is not taken, or for a moment.
    async fn round(&self, receiver: &Receiver, events: &[EventRow], has_room: bool) -> Round {
        let began = Instant::now();
        let mut progress = Progress {
            position: receiver.position,
            tries: receiver.tries,
            next_try: receiver.next_try,
            sent: Vec::new(),
            dead: Vec::new(),
        };
        let mut at = 0;
        while at < events.len() && (at == 0 || began.elapsed() < RECORDED) && !self.stopping.has_begun() {
            let event = &events[at];
            let Some(Sent { delivery, reply, .. }) = self.send(&self.outbound, receiver, event).await else {
                (progress.position, progress.tries) = (event.seq, 0);
                at += 1;
                continue;
            };
            progress.sent.push(delivery.clone());
            if reply == Reply::Taken {
                (progress.position, progress.tries) = (event.seq, 0);
                at += 1;
                continue;
            }
            progress.tries += 1;
            let shows = reply.tries_before_others().is_some_and(|tries| progress.tries >= tries);
            if shows && has_room {
                let letter =
                    NewDeadLetter { seq: event.seq, happened: event.at, tries: progress.tries, last: delivery };
                if let Some(passed) = self.try_ahead(receiver, (&events[at + 1..], began), letter, &mut progress).await
                {
                    at += 1 + passed;
                    continue;
                }
            }
            let retry_after = match &reply {
                Reply::Failed { retry_after, .. } => *retry_after,
                _ => None,
            };
            let pause = pause_after(progress.tries, retry_after, system::unique());
            progress.next_try = self.clock.now() + pause;
            return Round { progress, reply };
        }
        Round { progress, reply: Reply::Taken }
    }

    /// Tries events that follow one that is not taken. If one of them is, it is the event and not the receiver: the ones before are dead
    /// letters. Says how many were passed.
    async fn try_ahead(
        &self,
        receiver: &Receiver,
        (following, began): (&[EventRow], Instant),
        refused: NewDeadLetter,
        progress: &mut Progress,
    ) -> Option<usize> {
        let mut letters = vec![refused];
        for (passed, event) in following.iter().take(TRIED_AHEAD).enumerate() {
            if began.elapsed() > AHEAD {
                break;
            }
            let Some(Sent { delivery, reply, .. }) = self.send(&self.outbound, receiver, event).await else { continue };
            progress.sent.push(delivery.clone());
            match reply {
                Reply::Taken => {
                    self.counts.died(receiver.form, letters.len());
                    progress.dead.append(&mut letters);
                    (progress.position, progress.tries) = (event.seq, 0);
                    return Some(passed + 1);
                }
                Reply::Refused(_) | Reply::Failed { .. } => {
                    letters.push(NewDeadLetter { seq: event.seq, happened: event.at, tries: 1, last: delivery });
                }
                Reply::Unreachable(_) | Reply::Gone(_) => return None,
            }
        }
        None
    }

    /// Writes what came of a round; says whether it goes on.
    async fn record(&self, receiver: &mut Receiver, round: Round) -> Result<bool, DbError> {
        let Round { progress, reply } = round;
        let (lease, until) = (self.lease.clone(), self.clock.now() + LEASE);
        let (of, written) = (receiver.clone(), progress.clone());
        let gone = match &reply {
            Reply::Gone(problem) => Some(problem.clone()),
            _ => None,
        };
        // Tried so often, it is more than a restart.
        let is_held = receiver.tries < TOLD_AFTER && progress.tries >= TOLD_AFTER;
        let seen = reply.problem().map(str::to_owned);
        let is_ours = self
            .db
            .write(move |tx| {
                let is_ours = tx.record_progress(&of, &lease, &written, until)?;
                if is_ours && is_held && gone.is_none() {
                    notices::tell_of_receiver(tx, &of, Trouble::Held, seen.as_deref())?;
                }
                if let (true, Some(problem)) = (is_ours, &gone) {
                    tx.set_receiver_state(of.seq, State::Stopped, None, Some(problem))?;
                    let act = Act::new(Action::ReceiverStopped).on_named(&of.id, &of.url);
                    tx.raise(tx.now(), of.account, act.saying(problem.clone()));
                    notices::tell_of_receiver(tx, &of, Trouble::Stopped, Some(problem.as_str()))?;
                }
                Ok::<_, DbError>(is_ours)
            })
            .await?;
        if let Some(problem) = reply.problem() {
            tracing::info!(receiver = %receiver.id, tries = progress.tries, %problem, "a receiver of the feed does not take an event");
        }
        (receiver.position, receiver.tries) = (progress.position, progress.tries);
        Ok(is_ours && reply == Reply::Taken)
    }

    /// Sends dead letters again, as an operator asked; says whether it goes on.
    async fn send_again(
        &self,
        receiver: &Receiver,
        letters: Vec<(DeadLetter, Option<EventRow>)>,
    ) -> Result<bool, DbError> {
        for (letter, event) in letters {
            let sent = match &event {
                Some(event) => self.send(&self.outbound, receiver, event).await,
                None => None,
            };
            let (of, lease, until) = (receiver.clone(), self.lease.clone(), self.clock.now() + LEASE);
            let is_gone = matches!(&sent, Some(sent) if matches!(sent.reply, Reply::Gone(_) | Reply::Unreachable(_)));
            let is_ours = self
                .db
                .write(move |tx| {
                    if !tx.holds_receiver(of.seq, &lease)? {
                        return Ok(false);
                    }
                    match &sent {
                        Some(sent) if sent.reply != Reply::Taken => {
                            tx.dead_letter_was_refused(letter.seq, &sent.delivery)?
                        }
                        _ => drop(tx.delete_dead_letter(of.seq, &letter.event_id)?),
                    }
                    if let Some(sent) = &sent {
                        tx.note_deliveries(of.seq, std::slice::from_ref(&sent.delivery))?;
                    }
                    tx.keep_receiver(of.seq, &lease, until)?;
                    Ok::<_, DbError>(true)
                })
                .await?;
            if !is_ours || is_gone || self.stopping.has_begun() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What waited for it is not kept any more: it is told so, and gets nothing before an operator says from where on.
    async fn forgotten(&self, receiver: &Receiver) -> Result<(), DbError> {
        let (of, lease) = (receiver.clone(), self.lease.clone());
        const LOST: &str = "it was away for longer than events are kept, or the database was restored: take a snapshot, and let it go on after the cursor of that";
        tracing::warn!(receiver = %of.id, "a receiver of the feed has missed events that are not kept any more");
        self.db
            .write(move |tx| {
                if tx.holds_receiver(of.seq, &lease)? {
                    tx.set_receiver_state(of.seq, State::Lost, None, Some(LOST))?;
                    let act = Act::new(Action::ReceiverLost).on_named(&of.id, &of.url);
                    tx.raise(tx.now(), of.account, act.saying(LOST.to_owned()));
                    notices::tell_of_receiver(tx, &of, Trouble::Lost, None)?;
                    if of.form == Form::SecurityEvent {
                        event_streams::push::lost(tx, &of.id)?;
                    }
                }
                Ok::<_, DbError>(())
            })
            .await?;
        match receiver.form {
            Form::SecurityEvent => self.push_own_tokens(&receiver.id).await,
            Form::StandardWebhook => Ok(()),
        }
    }

    /// Sends an event at once, before all that waits, and says what came of it. For tests by operators: no position moves.
    pub async fn test(&self, receiver: &Receiver, event: &EventRow) -> Result<Option<Sent>, DbError> {
        let sent = self.send(&self.tests, receiver, event).await;
        if let Some(Sent { delivery, .. }) = &sent {
            let (of, delivery) = (receiver.seq, delivery.clone());
            self.db.write(move |tx| tx.note_deliveries(of, std::slice::from_ref(&delivery))).await?;
        }
        Ok(sent)
    }

    /// Sends one event; `None`: the form has no words for it.
    async fn send(&self, outbound: &Outbound, receiver: &Receiver, event: &EventRow) -> Option<Sent> {
        let (began, at) = (Instant::now(), self.clock.now());
        let (reply, status, said) = match forms::request(self, receiver, event, at).await {
            Ok(None) => return None,
            Ok(Some(post)) => {
                let answer = outbound.post(post, &Calls::default(), READ).await;
                let said = answer.as_ref().map(|answer| crate::domain::receiver::shown(&answer.body));
                let status = answer.as_ref().ok().map(|answer| answer.status);
                (forms::reply(receiver.form, &answer, at), status, said.unwrap_or_default())
            }
            Err(problem) => (Reply::Unreachable(problem), None, String::new()),
        };
        let took = began.elapsed();
        self.counts.sent(receiver.form, &reply, took);
        let delivery = Delivery {
            event: event.id.clone(),
            kind: event.kind.clone(),
            account: event.account,
            at,
            took: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
            status,
            problem: reply.problem().map(str::to_owned),
        };
        Some(Sent { delivery, reply, said })
    }

    /// Gives back what this server holds: it stops.
    pub async fn release_all(&self) -> Result<(), DbError> {
        let lease = self.lease.clone();
        self.db.write(move |tx| tx.release_receivers(&lease)).await
    }
}

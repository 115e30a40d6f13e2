//! Streams as operators see them in the console: whose each is, how far it has got, and how its tokens are taken.

use crate::domain::event_stream::{EventStream, StreamStatus};
use crate::domain::operator::{Mandate, Power, Reach};
use crate::domain::receiver::listed;
use crate::domain::scim_events::types_for;
use crate::platform::timestamp::Timestamp;
use crate::services::accounts;
use crate::services::error::ActError;
use crate::storage::receivers::Receiver;
use crate::storage::{DbError, Tx};

/// What waits is counted up to here.
const COUNTED: i64 = 1_000;

/// A stream and how it is.
#[derive(Debug, Clone)]
pub struct StreamOverview {
    /// The stream.
    pub stream: EventStream,
    /// What its product key is called.
    pub key: String,
    /// To whom it is pushed; `None`: it is polled.
    pub receiver: Option<Receiver>,
    /// How many events it has not told, up to a thousand.
    pub waiting: i64,
    /// How many tokens were refused while others were taken.
    pub dead_letters: i64,
}

impl StreamOverview {
    /// How often the next token was tried in vain.
    pub fn tries(&self) -> i64 {
        self.receiver.as_ref().map_or(0, |receiver| receiver.tries)
    }

    /// When it is tried again.
    pub fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        let receiver = self.receiver.as_ref().filter(|receiver| receiver.tries > 0)?;
        Some(receiver.next_try).filter(|at| *at > now)
    }

    /// How it is, in words.
    pub fn summary(&self) -> String {
        let waits = match self.waiting {
            0 => "nothing waits".to_owned(),
            1 => "1 event waits".to_owned(),
            n if n >= COUNTED => format!("{COUNTED} events or more wait"),
            n => format!("{n} events wait"),
        };
        match self.stream.status {
            StreamStatus::Paused => format!("It is paused; {waits}."),
            StreamStatus::Disabled => {
                let why = self.stream.reason.as_deref().unwrap_or("It tells nothing.");
                format!("It is disabled. {why}")
            }
            StreamStatus::Enabled if self.tries() > 0 => {
                format!("Its receiver does not take what it is sent; {waits}, and it is tried again and again.")
            }
            StreamStatus::Enabled if self.receiver.is_some() && self.waiting == 0 => {
                "It has told all events.".to_owned()
            }
            StreamStatus::Enabled if self.receiver.is_some() => format!("It is being sent what happened; {waits}."),
            StreamStatus::Enabled => format!("Its receiver asks for tokens; {waits} to be acknowledged."),
        }
    }
}

/// The streams of an account, or those of all accounts, in the order in which they were made. Only reads.
pub fn list(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: Option<&str>,
    end: i64,
) -> Result<Vec<StreamOverview>, ActError> {
    let reach = match account {
        Some(id) => Reach::only([accounts::find(tx, mandate, Power::Read, id)?.seq]),
        None => {
            mandate.may_everywhere(Power::Read)?;
            Reach::All
        }
    };
    let mut streams = tx.event_streams_within(&reach, super::MOST_LISTED)?;
    streams.retain(|stream| account.is_some() || stream.account.is_none());
    let streams = streams.into_iter().map(|stream| overview(tx, stream, end));
    Ok(streams.collect::<Result<Vec<_>, DbError>>()?)
}

/// One of them. Only reads.
pub fn get(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    (account, id): (Option<&str>, &str),
    end: i64,
) -> Result<StreamOverview, ActError> {
    let account = account.map(|id| accounts::find(tx, mandate, Power::Read, id)).transpose()?;
    let stream = super::visible(tx, mandate, Power::Read, id, super::Lock::No)?;
    if stream.account != account.map(|account| account.seq) {
        return Err(ActError::not_found("event stream", id));
    }
    Ok(overview(tx, stream, end)?)
}

fn overview(tx: &mut Tx<'_>, stream: EventStream, end: i64) -> Result<StreamOverview, DbError> {
    let receiver = tx.receiver(&stream.id)?;
    let position = receiver.as_ref().map_or(stream.position, |receiver| receiver.position);
    let types = listed(&types_for(&stream.delivered()));
    let waiting = tx.count_events_meant(stream.account, Some(&types), (position, end), COUNTED)?;
    let acked = i64::try_from(stream.acked.len()).unwrap_or(i64::MAX);
    let dead_letters = match &receiver {
        Some(receiver) => tx.count_dead_letters(receiver.seq)?,
        None => 0,
    };
    let key = tx.clients_at(&[stream.client])?.pop().map(|key| key.client.name).unwrap_or_default();
    Ok(StreamOverview { waiting: (waiting - acked).max(0), stream, key, receiver, dead_letters })
}

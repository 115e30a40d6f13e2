//! A stream of security event tokens: what a receiver asked for, and how far it has taken what happened.

use std::collections::BTreeSet;

use scim::security_event::ScimEvent;
use serde::{Deserialize, Serialize};

use super::ids::{AccountKey, ClientKey};
use crate::platform::timestamp::Timestamp;

/// A product key has at most so many streams,
pub const MOST_STREAMS: usize = 10;
/// a stream names at most so many kinds of events,
pub const MOST_REQUESTED: usize = 100;
/// and so many SETs may be acknowledged while one before them is not.
pub const MOST_AHEAD: usize = 1_000;
/// So many verifications wait to be taken; an older one goes.
const MOST_VERIFICATIONS: usize = 5;
/// So many seconds lie between two verifications that a receiver asks for.
pub const MIN_VERIFICATION_INTERVAL: u32 = 10;

/// Whether a stream tells anything (SSF 1.0 §8.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamStatus {
    /// It does.
    Enabled,
    /// It keeps its place, and tells nothing until it is enabled.
    Paused,
    /// It tells nothing, and goes on from then when it is enabled.
    Disabled,
}

crate::domain::described::words!(StreamStatus {
    StreamStatus::Enabled = "enabled",
    StreamStatus::Paused = "paused",
    StreamStatus::Disabled = "disabled",
});

impl StreamStatus {
    /// As it stands in the database and in the API.
    pub const fn code(self) -> &'static str {
        match self {
            StreamStatus::Enabled => "enabled",
            StreamStatus::Paused => "paused",
            StreamStatus::Disabled => "disabled",
        }
    }

    /// The status of this code.
    pub fn named(code: &str) -> Option<StreamStatus> {
        [StreamStatus::Enabled, StreamStatus::Paused, StreamStatus::Disabled].into_iter().find(|one| one.code() == code)
    }
}

/// How SETs get to the receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It asks for them.
    Poll,
    /// They are sent to it.
    Push {
        /// Where to.
        endpoint: String,
        /// What is sent as `Authorization`, sealed.
        authorization: Option<String>,
    },
}

/// A SET about the stream itself, until it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSet {
    /// Its `jti`.
    pub jti: String,
    /// When it was made.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub says: Says,
}

/// What a SET about a stream says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Says {
    /// The stream works.
    Verification {
        /// What the receiver knows it by.
        state: Option<String>,
    },
    /// The stream has another status, and not because the receiver asked for it.
    Updated {
        /// Which.
        status: StreamStatus,
        /// Why.
        reason: String,
    },
}

/// The last SET that the receiver did not accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSet {
    /// Which.
    pub jti: String,
    /// When it was refused.
    pub at: Timestamp,
    /// The receiver's code.
    pub err: String,
    /// And its words.
    pub description: Option<String>,
    /// How many it has refused, this one with them.
    pub count: u64,
}

/// A stream.
#[derive(Debug, Clone, PartialEq)]
pub struct EventStream {
    /// Its number in storage, given there.
    pub seq: i64,
    /// Its public id.
    pub id: String,
    /// The product key whose it is,
    pub client: ClientKey,
    /// and the account of that, whose events it tells; `None`: those of all.
    pub account: Option<AccountKey>,
    /// When it was made.
    pub created: Timestamp,
    /// What the receiver calls it.
    pub description: Option<String>,
    /// The URIs that the receiver asked for; `None`: all.
    pub requested: Option<Vec<String>>,
    /// How its SETs are delivered.
    pub delivery: Delivery,
    /// Whether it tells anything,
    pub status: StreamStatus,
    /// and why so.
    pub reason: Option<String>,
    /// Up to which number of the feed everything is acknowledged that it tells,
    pub position: i64,
    /// and what is acknowledged beyond.
    pub acked: BTreeSet<i64>,
    /// SETs about itself.
    pub own: Vec<OwnSet>,
    /// The last that was refused.
    pub refused: Option<RefusedSet>,
    /// When its receiver last asked for a verification.
    pub verified: Option<Timestamp>,
}

/// What a `jti` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The event with this number of the feed.
    Event(i64),
    /// One of the stream's own.
    Own(usize),
}

impl EventStream {
    /// The `jti` of a SET that tells of an event of the feed. An event has its id; a SET is that of one stream, and says the event's number, by
    /// which it is found again when it is acknowledged.
    pub fn jti(&self, event: &str, number: i64) -> String {
        format!("{event}.{}.{number}", self.seq)
    }

    /// What a `jti` names, if this stream may have told it: an event up to this number.
    pub fn named(&self, jti: &str, end: i64) -> Option<Named> {
        if let Some(index) = self.own.iter().position(|own| own.jti == jti) {
            return Some(Named::Own(index));
        }
        let mut parts = jti.rsplitn(3, '.');
        let number: i64 = parts.next()?.parse().ok()?;
        let stream: i64 = parts.next()?.parse().ok()?;
        let event = parts.next()?;
        let is_told = stream == self.seq && number > self.position && number <= end;
        (is_told && self.jti(event, number) == jti).then_some(Named::Event(number))
    }

    /// The kinds of events that it tells.
    pub fn delivered(&self) -> Vec<ScimEvent> {
        match &self.requested {
            None => ScimEvent::ALL.into(),
            Some(uris) => {
                let asked: Vec<ScimEvent> = uris.iter().filter_map(|uri| ScimEvent::parse(uri)).collect();
                ScimEvent::ALL.into_iter().filter(|event| asked.contains(event)).collect()
            }
        }
    }

    /// Adds a SET about the stream itself. Of each sort, old ones go: they say nothing any more.
    pub fn say(&mut self, set: OwnSet) {
        match &set.says {
            Says::Updated { .. } => self.own.retain(|own| !matches!(own.says, Says::Updated { .. })),
            Says::Verification { .. } => {
                let is_one = |own: &&OwnSet| matches!(own.says, Says::Verification { .. });
                if self.own.iter().filter(is_one).count() >= MOST_VERIFICATIONS
                    && let Some(oldest) = self.own.iter().position(|own| is_one(&own))
                {
                    self.own.remove(oldest);
                }
            }
        }
        self.own.push(set);
    }

    /// The SETs about itself that may be delivered now: that its status changed, always; others while it is enabled.
    pub fn deliverable(&self) -> impl Iterator<Item = &OwnSet> {
        let is_enabled = self.status == StreamStatus::Enabled;
        self.own.iter().filter(move |own| is_enabled || matches!(own.says, Says::Updated { .. }))
    }

    /// Notes what was acknowledged, or refused, and so is not told again: at most so much of it as stays bounded. The rest is told again.
    pub fn acknowledge(&mut self, named: impl IntoIterator<Item = Named>) {
        let mut own: Vec<usize> = Vec::new();
        for named in named {
            match named {
                Named::Own(index) => own.push(index),
                Named::Event(number) => {
                    self.acked.insert(number);
                }
            }
        }
        // Those that are furthest ahead go first: the position moves by the others.
        while self.acked.len() > 2 * MOST_AHEAD {
            self.acked.pop_last();
        }
        own.sort_unstable();
        own.dedup();
        own.into_iter().rev().for_each(|index| drop(self.own.remove(index)));
    }

    /// Moves the position, where `next` is the first number after it that the stream tells and that is not acknowledged, and `end` is how far
    /// the feed was looked through.
    pub fn advance(&mut self, next: Option<i64>, end: i64) {
        self.position = self.position.max(next.map_or(end, |next| next - 1));
        self.acked = self.acked.split_off(&(self.position + 1));
        while self.acked.len() > MOST_AHEAD {
            self.acked.pop_last();
        }
    }

    /// Whether a receiver may ask for a verification now.
    pub fn may_verify(&self, now: Timestamp) -> bool {
        self.verified.is_none_or(|then| now - then >= i64::from(MIN_VERIFICATION_INTERVAL) * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    fn stream() -> EventStream {
        EventStream {
            seq: 7,
            id: "s".to_owned(),
            client: ClientKey::of_row(1),
            account: None,
            created: ms(0),
            description: None,
            requested: None,
            delivery: Delivery::Poll,
            status: StreamStatus::Enabled,
            reason: None,
            position: 10,
            acked: BTreeSet::new(),
            own: Vec::new(),
            refused: None,
            verified: None,
        }
    }

    fn verification(n: usize) -> OwnSet {
        OwnSet { jti: format!("v{n}"), at: ms(0), says: Says::Verification { state: Some(n.to_string()) } }
    }

    #[test]
    fn a_jti_names_an_event_of_its_own_stream_that_is_not_acknowledged_and_was_there() {
        let mut stream = stream();
        let jti = stream.jti("0198a6b2-7c3d", 12);
        assert_eq!((jti.as_str(), stream.named(&jti, 12)), ("0198a6b2-7c3d.7.12", Some(Named::Event(12))));
        for (other, end) in
            [("x.8.12", 20), ("x.7.10", 20), ("x.7.12", 11), ("x.7.012", 20), ("12", 20), ("x.7.-3", 20), ("", 20)]
        {
            assert_eq!(stream.named(other, end), None, "{other}");
        }
        stream.say(verification(1));
        assert_eq!(stream.named("v1", 12), Some(Named::Own(0)));
    }

    #[test]
    fn acknowledgements_in_any_order_move_the_position_over_what_is_whole() {
        let mut stream = stream();
        stream.acknowledge([Named::Event(13), Named::Event(12)]);
        stream.advance(Some(11), 20);
        assert_eq!((stream.position, stream.acked.len()), (10, 2));
        stream.acknowledge([Named::Event(11)]);
        stream.advance(Some(15), 20);
        assert_eq!((stream.position, stream.acked.len()), (14, 0));
        stream.advance(None, 20);
        assert_eq!(stream.position, 20);
        stream.advance(None, 5);
        assert_eq!(stream.position, 20, "it never goes back");
    }

    #[test]
    fn what_is_acknowledged_ahead_is_bounded() {
        let mut stream = stream();
        stream.acknowledge((12..50_000).map(Named::Event));
        stream.advance(Some(11), 50_000);
        assert_eq!((stream.acked.len(), stream.acked.first(), stream.position), (MOST_AHEAD, Some(&12), 10));
    }

    #[test]
    fn of_its_own_sets_it_keeps_the_last_status_and_some_verifications() {
        let mut stream = stream();
        (0..9).for_each(|n| stream.say(verification(n)));
        for status in [StreamStatus::Paused, StreamStatus::Disabled] {
            let says = Says::Updated { status, reason: "full".to_owned() };
            stream.say(OwnSet { jti: status.code().to_owned(), at: ms(1), says });
        }
        let told: Vec<&str> = stream.own.iter().map(|own| own.jti.as_str()).collect();
        assert_eq!(told, ["v4", "v5", "v6", "v7", "v8", "disabled"]);
        stream.status = StreamStatus::Disabled;
        assert_eq!(stream.deliverable().map(|own| own.jti.as_str()).collect::<Vec<_>>(), ["disabled"]);
        let text = serde_json::to_string(&stream.own).unwrap();
        assert_eq!(serde_json::from_str::<Vec<OwnSet>>(&text).unwrap(), stream.own, "{text}");
        stream.acknowledge([Named::Own(5), Named::Own(0), Named::Own(5)]);
        assert_eq!(stream.own.len(), 4);
    }

    #[test]
    fn it_tells_what_was_asked_for_and_is_known() {
        let mut stream = stream();
        assert_eq!(stream.delivered(), ScimEvent::ALL);
        stream.requested =
            Some(["urn:example:x", ScimEvent::Delete.uri(), ScimEvent::CreateNotice.uri()].map(str::to_owned).into());
        assert_eq!(stream.delivered(), [ScimEvent::CreateNotice, ScimEvent::Delete]);
    }
}

//! Requests that are recorded in full: what is kept of one, and how long a client's are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::web::Bytes;
use scim::Registry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::ids::ClientKey;
use crate::platform::timestamp::Timestamp;

/// A body of more bytes is not kept.
pub const LARGEST: usize = 64 << 10;
/// So long a client may be recorded at most.
pub const LONGEST_MS: i64 = 24 * 3_600_000;
/// So many bytes of recordings wait to be written at most.
const ROOM: usize = 32 << 20;

/// That a client's requests are recorded in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Until then.
    pub until: Timestamp,
    /// The operator who switched it on, as the audit trail names them.
    pub by: String,
}

/// A client whose requests are recorded at this moment, and what is known of it when one is answered.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The client.
    pub client: ClientKey,
    /// Its id.
    pub client_id: String,
    /// The grant that the request came by.
    pub grant: Option<i64>,
    /// The schemas of the account.
    pub registry: Option<Arc<Registry>>,
}

/// A body while its request is answered. It is not shown where something is logged.
#[derive(Clone)]
pub enum Held {
    /// All of it.
    Whole(Bytes),
    /// More than is kept: so many bytes.
    TooLarge(usize),
}

impl Held {
    /// Holds a body that was read. It is not copied.
    pub fn of(bytes: &Bytes) -> Held {
        if bytes.len() <= LARGEST { Held::Whole(bytes.clone()) } else { Held::TooLarge(bytes.len()) }
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

impl Held {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match self {
            Held::Whole(bytes) => bytes.len(),
            Held::TooLarge(length) => *length,
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What is kept of a body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptBody {
    /// There was none.
    None,
    /// JSON, with secrets replaced.
    Json(Value),
    /// A form, with secrets replaced.
    Form(Vec<(String, String)>),
    /// Its length, and why there is no more.
    Length {
        /// In bytes; of a body that was not read to its end nothing is known.
        bytes: Option<usize>,
        /// Why.
        because: Left,
    },
}

/// Why a body is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// It is larger than is kept.
    TooLarge,
    /// It cannot be read, so that nothing can tell what in it is a secret.
    Unreadable,
    /// The request was answered before its body was read.
    NotRead,
    /// It is a page, or a document that any caller gets.
    Public,
}

/// A request and its answer, with secrets replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FullRecording {
    /// `PATCH`
    pub method: String,
    /// The path.
    pub path: String,
    /// Of a SCIM request, the path below the base URL.
    pub below: Option<String>,
    /// The pairs of the query.
    pub query: Vec<(String, String)>,
    /// The headers that are kept.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: KeptBody,
    /// The status of the answer,
    pub status: u16,
    /// its headers
    pub answer_headers: Vec<(String, String)>,
    /// and its body.
    pub answer: KeptBody,
    /// The grant that it came by.
    pub grant: Option<i64>,
    /// Whether something was replaced that its outcome may depend on.
    pub matters: bool,
}

impl FullRecording {
    /// Why it cannot be replayed; `None`: it can.
    pub fn why_not_replayable(&self) -> Option<&'static str> {
        if self.below.is_none() {
            return Some(
                "only SCIM requests are replayed: a request to the authorization server lives from its secrets, which are not kept, and most of \
                 them count once",
            );
        }
        match &self.body {
            KeptBody::Length { because: Left::TooLarge, .. } => {
                Some("its body is larger than 64 KiB, and of such a body only the length is kept")
            }
            KeptBody::Length { because: Left::Unreadable, .. } => Some(
                "its body could not be read as JSON, and of such a body only the length is kept, for a secret may stand anywhere in it",
            ),
            KeptBody::Length { .. } => {
                Some("it was answered before its body was read, so there is no body to replay it with")
            }
            _ if self.matters => Some(
                "something that may decide about its outcome was replaced when it was recorded: a secret, a cursor, an Idempotency-Key, or what \
                 looks like a secret",
            ),
            _ => None,
        }
    }
}

/// Room for recordings that wait to be written.
#[derive(Debug, Clone, Default)]
pub struct Room(Arc<AtomicUsize>);

impl Room {
    /// Takes room for so many bytes, if there is any.
    pub fn take(&self, bytes: usize) -> Option<Taken> {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let taken = Taken { room: self.clone(), bytes };
        (before + bytes <= ROOM).then_some(taken)
    }
}

/// Room that is given back with this.
#[derive(Debug)]
pub struct Taken {
    room: Room,
    bytes: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A recording on its way into the database: sealed where it was made.
#[derive(Debug, Clone)]
pub struct SealedRecording {
    /// Whose.
    pub client: ClientKey,
    /// A [`FullRecording`] as JSON, sealed.
    pub sealed: String,
    /// The room that it takes.
    pub room: Arc<Taken>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_that_wait_take_no_more_than_there_is_room_for() {
        let room = Room::default();
        let first = room.take(ROOM - 10).expect("room");
        assert!(room.take(11).is_none() && room.take(10).is_some());
        drop(first);
        assert!(room.take(ROOM).is_some(), "what is written gives its room back");
    }

    #[test]
    fn a_body_that_is_held_shows_its_length_alone() {
        let held = Held::of(&Bytes::from_static(b"{\"password\":\"hunter2\"}"));
        assert_eq!(format!("{held:?}"), "22 bytes");
        assert!(matches!(Held::of(&Bytes::from(vec![b'a'; LARGEST + 1])), Held::TooLarge(_)));
    }
}

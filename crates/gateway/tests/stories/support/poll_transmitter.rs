//! A transmitter of security events that is polled (RFC 8936): it keeps each token until it is acknowledged, or told that it is wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::support::hook::{Behaviour, Hook, Sent};

#[derive(Default)]
struct Shelf {
    waiting: BTreeMap<String, Value>,
    acked: Vec<String>,
    errors: BTreeMap<String, Value>,
    /// The next acknowledgement gets lost.
    loses_one: bool,
    /// What it does in place of answering.
    instead: Option<Behaviour>,
}

/// The transmitter. Clones are the same.
#[derive(Clone)]
pub struct PollTransmitter {
    hook: Hook,
    room: Arc<Mutex<Shelf>>,
}

fn of(room: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PollTransmitter {
    pub fn start() -> PollTransmitter {
        let (hook, room) = (Hook::start(), Arc::new(Mutex::new(Shelf::default())));
        let inside = room.clone();
        hook.answers(move |sent| answer(&mut of(&inside), sent));
        PollTransmitter { hook, room }
    }

    pub fn url(&self) -> String {
        self.hook.url()
    }

    /// Keeps a token under this name.
    pub fn keeps(&self, jti: &str, token: impl Into<Value>) {
        of(&self.room).waiting.insert(jti.to_owned(), token.into());
    }

    /// The next request that acknowledges anything gets an error, and is forgotten.
    pub fn loses_an_acknowledgement(&self) {
        of(&self.room).loses_one = true;
    }

    /// From now on it does this; `None`: it answers.
    pub fn does(&self, instead: Option<Behaviour>) {
        of(&self.room).instead = instead;
    }

    /// What was acknowledged, in its order.
    pub fn acked(&self) -> Vec<String> {
        of(&self.room).acked.clone()
    }

    /// What it was told to be wrong with tokens.
    pub fn errors(&self) -> BTreeMap<String, Value> {
        of(&self.room).errors.clone()
    }

    /// How many tokens it still keeps.
    pub fn waiting(&self) -> usize {
        of(&self.room).waiting.len()
    }

    /// All requests.
    pub fn asked(&self) -> Vec<Sent> {
        self.hook.sent()
    }

    /// Waits until this is so of all requests.
    pub async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        self.hook.until(what, |_| is_so()).await;
    }
}

fn answer(room: &mut Shelf, sent: &Sent) -> Behaviour {
    if let Some(instead) = &room.instead {
        return instead.clone();
    }
    let asked: Value = serde_json::from_str(&sent.body).expect("JSON");
    assert_eq!(asked["returnImmediately"], true, "{asked}");
    let acks: Vec<String> =
        asked["ack"].as_array().into_iter().flatten().map(|jti| jti.as_str().expect("text").to_owned()).collect();
    if !acks.is_empty() && std::mem::take(&mut room.loses_one) {
        return Behaviour::Status(500, "lost");
    }
    for jti in acks {
        room.waiting.remove(&jti);
        room.acked.push(jti);
    }
    for (jti, error) in asked["setErrs"].as_object().into_iter().flatten() {
        room.waiting.remove(jti);
        room.errors.insert(jti.clone(), error.clone());
    }
    let most = usize::try_from(asked["maxEvents"].as_u64().expect("a number")).expect("it fits");
    let sets: BTreeMap<&String, &Value> = room.waiting.iter().take(most).collect();
    Behaviour::Says(json!({"sets": sets, "moreAvailable": room.waiting.len() > most}).to_string())
}

//! What the requests and answers of SCIM take in memory at one time: of all accounts, and of one.
//!
//! A [`Charge`] goes with a request from the first byte of its body until the network has taken the last of its answer, or the connection
//! is gone. Nothing waits for room: a request that finds none is refused and may be repeated, so there is no deadlock. One account cannot
//! take the room of the others: it has a share, and the last quarter of all is only for accounts that hold nothing else. What is light has
//! an eighth more room, so that a change that deactivates a user is not kept out by answers that no client reads.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use crate::config::Memory;
use crate::domain::ids::AccountKey;

/// An answer goes to the network in pieces of this size, and is held until the last of them went.
const PIECE: usize = 32 << 10;
/// An answer that is no larger is not held.
const SMALL: usize = 8 << 10;
/// A request that is no larger with its answer is light.
const LIGHT: usize = 64 << 10;
/// What a request takes at least, so that an account without room is refused before its work is done.
const LEAST: usize = 4 << 10;

/// Whose requests share a part of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// Of an access token whose account was not asked for yet.
    Grant(i64),
    /// Of an account.
    Account(AccountKey),
    /// Not known yet.
    Unknown,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// The account has as much as it may have, in bytes.
    Account(usize),
    /// All accounts together have as much as there is.
    All,
    /// It is more than an account may have at all, in bytes.
    Never(usize),
}

/// The memory of all requests and answers.
#[derive(Debug)]
pub struct Budget {
    all: usize,
    of_one: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by: HashMap<Holder, usize>,
}

impl Budget {
    /// As it is configured.
    pub fn new(memory: Memory) -> Arc<Budget> {
        Arc::new(Budget { all: memory.all, of_one: memory.of_one_account, held: Mutex::default() })
    }

    /// Of a request that begins.
    pub(crate) fn charge(self: &Arc<Self>) -> Charge {
        let part = Part { holder: Holder::Unknown, request: 0, answer: 0 };
        Charge(Arc::new(Charged { budget: self.clone(), part: Mutex::new(part) }))
    }

    /// Puts `new` in the place of `old`. Fails if there is no room, unless `unchecked`.
    fn exchange(&self, old: Part, new: Part, unchecked: bool) -> Result<(), Exceeded> {
        let mut held = lock(&self.held);
        let own = |part: Part| if part.holder == new.holder { part.bytes() } else { 0 };
        let others = held.by.get(&new.holder).map_or(0, |bytes| bytes - own(old));
        let grows = new.bytes() > own(old);
        if grows && !unchecked {
            if new.bytes() > self.of_one {
                return Err(Exceeded::Never(self.of_one));
            }
            let light = new.bytes() <= LIGHT;
            let of_one = if light { self.of_one / 8 * 9 } else { self.of_one };
            if others + new.bytes() > of_one {
                return Err(Exceeded::Account(self.of_one));
            }
            let room = match (light, others) {
                (true, _) => self.all / 8 * 9,
                (false, 0) => self.all,
                (false, _) => self.all / 4 * 3,
            };
            if held.all - old.bytes() + new.bytes() > room {
                return Err(Exceeded::All);
            }
        }
        held.take(old);
        held.add(new);
        Ok(())
    }
}

impl Held {
    fn add(&mut self, part: Part) {
        if part.bytes() > 0 {
            self.all += part.bytes();
            *self.by.entry(part.holder).or_default() += part.bytes();
        }
    }

    fn take(&mut self, part: Part) {
        self.all -= part.bytes();
        if let Some(bytes) = self.by.get_mut(&part.holder) {
            *bytes -= part.bytes();
            if *bytes == 0 {
                self.by.remove(&part.holder);
            }
        }
    }
}

/// What one request holds.
#[derive(Debug, Clone, Copy)]
struct Part {
    holder: Holder,
    request: usize,
    answer: usize,
}

impl Part {
    fn bytes(self) -> usize {
        self.request.saturating_add(self.answer)
    }
}

/// What one request and its answer hold of the budget; given back with the last clone.
#[derive(Debug, Clone)]
pub(crate) struct Charge(Arc<Charged>);

#[derive(Debug)]
struct Charged {
    budget: Arc<Budget>,
    part: Mutex<Part>,
}

impl Charge {
    fn set(&self, unchecked: bool, change: impl FnOnce(&mut Part)) -> Result<(), Exceeded> {
        let mut part = lock(&self.0.part);
        let mut new = *part;
        change(&mut new);
        self.0.budget.exchange(*part, new, unchecked)?;
        *part = new;
        Ok(())
    }

    /// Whether the account is known.
    pub(crate) fn is_of_account(&self) -> bool {
        matches!(lock(&self.0.part).holder, Holder::Account(_))
    }

    /// Says whose it is.
    pub(crate) fn belongs_to(&self, holder: Holder) -> Result<(), Exceeded> {
        self.set(false, |part| {
            part.holder = holder;
            part.answer = part.answer.max(LEAST);
        })
    }

    /// The request takes so many bytes.
    pub(crate) fn request(&self, bytes: usize) -> Result<(), Exceeded> {
        self.set(false, |part| part.request = bytes)
    }

    /// The answer takes so many bytes.
    pub(crate) fn answer(&self, bytes: usize) -> Result<(), Exceeded> {
        self.set(false, |part| part.answer = bytes.max(LEAST))
    }

    /// The answer with this charge: it is given back when the answer was sent. What was done is answered, whether or not there is room.
    pub(crate) fn with(self, answer: HttpResponse) -> HttpResponse {
        answer.map_body(|_, body| match body.try_into_bytes() {
            Ok(bytes) if bytes.len() > SMALL => {
                let _ = self.set(true, |part| (part.request, part.answer) = (0, bytes.len()));
                BoxBody::new(Answer { bytes, charge: Some(self) })
            }
            Ok(bytes) => BoxBody::new(bytes),
            Err(body) => body,
        })
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        let part = *self.part.get_mut().unwrap_or_else(PoisonError::into_inner);
        lock(&self.budget.held).take(part);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer on its way. The server takes another piece when the network has taken most of those before.
struct Answer {
    bytes: Bytes,
    charge: Option<Charge>,
}

impl MessageBody for Answer {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let piece = self.bytes.len().min(PIECE);
        if piece == 0 {
            self.charge = None;
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(self.bytes.split_to(piece))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn budget() -> Arc<Budget> {
        Budget::new(Memory { all: 100 * MIB, of_one_account: 30 * MIB })
    }

    fn of_account(account: i64) -> Holder {
        Holder::Account(AccountKey::of_row(account))
    }

    fn charge(budget: &Arc<Budget>, account: i64) -> Charge {
        let charge = budget.charge();
        charge.belongs_to(of_account(account)).expect("room for the least");
        charge
    }

    fn total(budget: &Budget) -> usize {
        lock(&budget.held).all
    }

    #[test]
    fn hardening_5_an_account_has_its_share_and_no_more() {
        let budget = budget();
        let (first, second) = (charge(&budget, 1), charge(&budget, 1));
        assert_eq!(first.request(20 * MIB), Ok(()));
        assert_eq!(second.answer(10 * MIB), Err(Exceeded::Account(30 * MIB)));
        assert_eq!(charge(&budget, 2).answer(29 * MIB), Ok(()), "another account has its own");
        drop(first);
        assert_eq!(second.answer(10 * MIB), Ok(()));
        assert_eq!(second.answer(31 * MIB), Err(Exceeded::Never(30 * MIB)));
        assert_eq!(second.answer(MIB), Ok(()), "what it holds may shrink");
        drop(second);
        assert_eq!(total(&budget), 0);
    }

    #[test]
    fn hardening_5_the_last_quarter_is_for_those_who_hold_nothing_else() {
        let budget = budget();
        let held: Vec<Charge> = (0..3).map(|account| charge(&budget, account)).collect();
        for charge in &held {
            assert_eq!(charge.answer(24 * MIB), Ok(()));
        }
        let again = charge(&budget, 0);
        assert_eq!(again.answer(5 * MIB), Err(Exceeded::All));
        let other = charge(&budget, 7);
        assert_eq!(other.answer(20 * MIB), Ok(()));
        assert_eq!(charge(&budget, 8).answer(20 * MIB), Err(Exceeded::All));
        drop(held);
        assert_eq!(again.answer(5 * MIB), Ok(()));
    }

    #[test]
    fn hardening_5_what_is_light_finds_room_where_nothing_else_does() {
        let budget = budget();
        let full = charge(&budget, 1);
        full.answer(30 * MIB).expect("room");
        assert_eq!(charge(&budget, 1).answer(65 << 10), Err(Exceeded::Account(30 * MIB)));
        let light: Vec<Charge> = (0..56).map(|_| charge(&budget, 1)).collect();
        assert!(light.iter().all(|charge| charge.answer(LIGHT).is_ok()), "but not without end");
        assert_eq!(budget.charge().belongs_to(of_account(2)), Ok(()));
        let last: Vec<Charge> = (0..10).map(|_| charge(&budget, 1)).collect();
        assert!(last.iter().any(|charge| charge.answer(LIGHT).is_err()));
    }

    #[test]
    fn hardening_5_a_token_is_charged_before_its_account_is_known() {
        let budget = budget();
        let first = budget.charge();
        first.belongs_to(Holder::Grant(7)).expect("room");
        first.request(20 * MIB).expect("room");
        assert!(!first.is_of_account());
        let second = charge(&budget, 1);
        second.answer(15 * MIB).expect("room");
        assert_eq!(first.belongs_to(of_account(1)), Err(Exceeded::Account(30 * MIB)));
        drop(second);
        assert_eq!(first.belongs_to(of_account(1)), Ok(()));
        assert_eq!(lock(&budget.held).by.len(), 1);
        drop(first);
        assert!(lock(&budget.held).by.is_empty() && total(&budget) == 0);
    }

    #[test]
    fn hardening_5_an_answer_is_held_until_its_last_piece_went() {
        let budget = budget();
        let mut answer = charge(&budget, 1).with(HttpResponse::Ok().body(vec![b'a'; 100_000])).into_body();
        assert_eq!(answer.size(), BodySize::Sized(100_000));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut sent = 0;
        loop {
            match Pin::new(&mut answer).poll_next(&mut cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    assert!(piece.len() <= PIECE);
                    assert_eq!(total(&budget), 100_000);
                    sent += piece.len();
                }
                Poll::Ready(None) => break,
                _ => panic!("it is there"),
            }
        }
        assert_eq!((sent, total(&budget)), (100_000, 0));
        let gone = charge(&budget, 1).with(HttpResponse::Ok().body(vec![b'a'; 100_000]));
        assert_eq!(total(&budget), 100_000);
        drop(gone);
        assert_eq!(total(&budget), 0, "the connection died");
        let small = charge(&budget, 1).with(HttpResponse::Ok().body("{}"));
        assert_eq!((total(&budget), small.body().size()), (0, BodySize::Sized(2)));
        let no_room = charge(&budget, 1);
        let held = charge(&budget, 1);
        held.answer(29 * MIB).expect("room");
        let answer = no_room.with(HttpResponse::Ok().body(vec![b'a'; 3 * MIB]));
        assert_eq!(total(&budget), 32 * MIB, "what was done is answered");
        drop((answer, held));
        assert_eq!(total(&budget), 0);
    }
}

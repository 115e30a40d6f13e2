//! What is found out about a request while it is carried out. It is noted beside the result: the unit of work may run more than once, and
//! what the last run noted stands.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scim::EventKind;
use scim::observations::{LeftOut, Observed, Unknown};

use super::code::{OwnCode, RefusalCode};
use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Event, Kind};
use crate::domain::ids::AccountKey;
use crate::domain::request::full::{Held, Recorded};
use crate::domain::tolerances::{ToleranceCounter, ToleranceUse};
use crate::domain::wording::beginning;
use crate::platform::outbound::{Call, FetchError};

/// So many names of a kind are kept,
const NAMED: usize = 50;
/// and so many bytes of each.
const LONGEST: usize = 256;

/// Whose a request is, as far as it says so itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Owner {
    /// Nothing says whose.
    #[default]
    Unknown,
    /// Of the client with this id, at least by its own word.
    Client(String),
    /// Of the client and the account of the grant with this number.
    Grant(i64),
    /// Of this client, in this account.
    Known {
        /// The account.
        account: AccountKey,
        /// The client's id.
        client: String,
    },
    /// In this account, of a user of it.
    Account(AccountKey),
    /// Of the client with this id; where that belongs to no account, of this one, whose user is there.
    Visit {
        /// The client's id.
        client: String,
        /// The account of the user.
        account: AccountKey,
    },
}

/// An attribute or path of a request that names nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredAttribute {
    /// As it was sent.
    pub path: String,
    /// The known name that is nearest, if one is near.
    pub nearest: Option<String>,
}

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// The names of the attributes.
    pub attributes: Vec<String>,
    /// How many members joined groups,
    pub joined: u64,
    /// and how many left them.
    pub left: u64,
}

/// Why a request was refused, as its answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its code.
    pub code: RefusalCode,
    /// The text that was sent.
    pub detail: String,
}

impl Refusal {
    /// For this reason, with this text.
    pub fn new(code: impl Into<RefusalCode>, detail: impl Into<String>) -> Refusal {
        Refusal { code: code.into(), detail: detail.into() }
    }
}

/// A part of a request that has a row of its own, under the same id: a call to another server, or an operation of a bulk request.
#[derive(Debug, Clone)]
pub struct Part {
    /// `GET`
    pub method: &'static str,
    /// What was called or asked for.
    pub endpoint: String,
    /// The status of its answer; 0 where there is none that counts.
    pub status: u16,
    /// Why it was refused, or failed.
    pub refusal: Option<Refusal>,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// What was found out about it.
    pub findings: Findings,
}

impl From<Call> for Part {
    fn from(call: Call) -> Part {
        let (status, refusal) = match &call.outcome {
            Ok(status) => (*status, None),
            Err(error) => {
                let (status, code) = match error {
                    FetchError::Refused(_) => (0, OwnCode::CallRefused),
                    FetchError::Unavailable(_) => (0, OwnCode::CallFailed),
                    FetchError::Status(status) => (*status, OwnCode::CallAnsweredError),
                };
                (status, Some(Refusal::new(code, error.to_string())))
            }
        };
        let Call { method, address: endpoint, micros, .. } = call;
        Part { method, endpoint, status, refusal, micros, findings: Findings::default() }
    }
}

/// What was found out about a request.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// The endpoint, as its route: never a path as it was sent.
    pub endpoint: Option<Cow<'static, str>>,
    /// Whose it is.
    pub owner: Owner,
    /// The public id of its account, where that is at hand: for the log.
    pub account_id: Option<String>,
    /// The id of its client, where that is at hand: for the log.
    pub client_id: Option<String>,
    /// What a token is asked for with.
    pub grant_type: Option<&'static str>,
    /// Who acts, where that is not the client.
    pub actor: Option<Actor>,
    /// The id of what it is about,
    pub target: Option<String>,
    /// and the name that has.
    pub target_name: Option<String>,
    /// What the last run needed to be forgiven.
    pub tolerances: Option<ToleranceUse>,
    /// The same until it is counted.
    pub uncounted: Option<ToleranceUse>,
    /// Whether it asked for all users.
    pub lists_users: bool,
    /// What was ignored.
    pub ignored: Vec<IgnoredAttribute>,
    /// Members who do not exist and were left out,
    pub skipped: Vec<String>,
    /// and those of them for whom the group waits.
    pub pending: Vec<String>,
    /// What changed.
    pub changed: Changed,
    /// Why it was refused, where the answer does not say that by itself: an error that a browser carries to the client, or one beside a form.
    pub refusal: Option<Refusal>,
    /// Its client, if that is recorded in full.
    pub recorded: Option<Box<Recorded>>,
    /// Its body, as far as it was read.
    pub body: Option<Held>,
    /// The body of its answer, where that is sent in pieces.
    pub answer: Option<Held>,
    /// Its parts that have rows of their own.
    pub parts: Vec<Part>,
}

impl Findings {
    /// Calls to other servers were made for it.
    pub fn called(&mut self, calls: Vec<Call>) {
        self.parts.extend(calls.into_iter().map(Part::from));
    }

    /// What was found out about a step of it that was carried out.
    pub fn absorb(&mut self, step: Findings) {
        for name in step.changed.attributes {
            if self.changed.attributes.len() < NAMED && !self.changed.attributes.contains(&name) {
                self.changed.attributes.push(name);
            }
        }
        self.changed.joined += step.changed.joined;
        self.changed.left += step.changed.left;
        for ignored in step.ignored {
            if self.ignored.len() < NAMED && !self.ignored.contains(&ignored) {
                self.ignored.push(ignored);
            }
        }
        for (all, more) in [(&mut self.skipped, step.skipped), (&mut self.pending, step.pending)] {
            all.extend(more.into_iter().take(NAMED.saturating_sub(all.len())));
        }
        self.tolerances = match (self.tolerances, step.tolerances) {
            (Some(all), Some(more)) => Some(all.and(more)),
            (all, more) => all.or(more),
        };
    }

    /// What this run needed to be forgiven.
    pub fn needed(&mut self, uses: Option<ToleranceUse>) {
        (self.tolerances, self.uncounted) = (uses, uses);
    }

    /// What a unit of work did. It replaces what an earlier run of it did.
    pub fn did(&mut self, events: &[Event]) {
        let mut changed = Changed::default();
        for event in events {
            let Kind::Resource(event) = &event.kind else { continue };
            for name in event.changes.names() {
                if changed.attributes.len() < NAMED && !changed.attributes.iter().any(|known| known == name) {
                    changed.attributes.push(short(name));
                }
            }
            if let EventKind::MembershipChanged { added, removed } = &event.kind {
                changed.joined += added.count;
                changed.left += removed.count;
            }
            if self.target.as_deref().is_none_or(|target| target == event.id.as_str()) {
                self.target = Some(event.id.to_string());
                self.target_name = Some(short(&event.name));
            }
        }
        self.changed = changed;
    }

    /// What a unit of work was brought; one that was brought nothing, as the second part of a change that takes long, leaves what stands.
    pub fn brought(&mut self, observed: &Observed) {
        if observed.is_empty() {
            return;
        }
        let ignored = |unknown: &Unknown| IgnoredAttribute {
            path: unknown.name.to_string(),
            nearest: unknown.nearest.as_deref().map(str::to_owned),
        };
        let first = |left_out: &LeftOut| left_out.first.iter().take(NAMED).map(|name| short(name)).collect();
        self.ignored = observed.ignored().map(ignored).collect();
        self.skipped = first(&observed.skipped_members);
        self.pending = first(&observed.pending_members);
    }

    /// What became of a resource that was written.
    pub fn wrote(&mut self, written: &scim::service::Written) {
        self.target = Some(written.resource.id.to_string());
        self.target_name = Some(short(written.resource.display()));
    }

    /// A browser is there for this client.
    pub fn is_for(&mut self, client: &str) {
        let client = client.to_owned();
        self.owner = match self.owner {
            Owner::Account(account) | Owner::Visit { account, .. } => Owner::Visit { client, account },
            _ => Owner::Client(client),
        };
    }

    /// A user of this account acts.
    pub fn acts(&mut self, account: AccountKey, user: &str) {
        self.actor = Some(Actor::User(Named::id(user)));
        self.owner = match std::mem::take(&mut self.owner) {
            Owner::Client(client) | Owner::Visit { client, .. } => Owner::Visit { client, account },
            _ => Owner::Account(account),
        };
    }

    /// A browser comes for a user of this account, who is not known yet.
    pub fn is_of_account(&mut self, account: AccountKey) {
        self.owner = Owner::Account(account);
    }

    /// It is about what is called so.
    pub fn is_about(&mut self, name: &str) {
        self.target_name = Some(short(name));
    }
}

/// The beginning of a text.
fn short(text: &str) -> String {
    beginning(text, LONGEST).to_owned()
}

/// What was found out so far about one request. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Findings>>);

impl Notes {
    /// The findings, to be added to.
    pub fn take_down(&self) -> MutexGuard<'_, Findings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the findings out.
    pub fn take(&self) -> Findings {
        std::mem::take(&mut *self.take_down())
    }

    /// Counts what was needed to be forgiven, now that the outcome of the last run stands.
    pub fn count(&self, tally: &ToleranceCounter, refused: bool) {
        let needed = self.take_down().uncounted.take();
        if let Some(needed) = needed {
            tally.count(&needed, refused);
        }
    }
}

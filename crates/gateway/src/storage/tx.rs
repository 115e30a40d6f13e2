//! A unit of work in progress.

use std::sync::Arc;

use oauth::{GrantId, RefreshToken};
use scim::store::Stored;

use super::along::{Ahead, Asking, Awaited, Found, Next, Question, Reply, Wanted};
use super::backend::AnyConn;
use super::error::DbError;
use crate::domain::account::Account;
use crate::domain::actor::{Actor, Named, Origin};
use crate::domain::event::{Event, Kind};
use crate::domain::grant_policy::GrantPolicy;
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::request::full::Recorded;
use crate::platform::clock::Clock;
use crate::platform::timestamp::Timestamp;

/// A unit of work in progress: a connection inside a transaction, and what is known of who works.
///
/// It is the oauth crate's store (clients, grants, tokens: all accounts). [`Tx::in_account`] narrows it to the scim crate's
/// store of one account.
#[allow(missing_debug_implementations)]
pub struct Tx<'c> {
    pub(crate) conn: &'c mut AnyConn,
    /// Who acts, and from where.
    pub(crate) origin: Origin,
    /// What happened so far, for the reactions to react to before the commit.
    pub(crate) events: Vec<Event>,
    /// The accounts that were read, as the audit trail names them.
    pub(super) accounts: Vec<(AccountKey, Named)>,
    /// Who may own a grant.
    pub(super) policy: Arc<GrantPolicy>,
    /// What time it is.
    pub(super) clock: Clock,
    /// How many more members of groups may be read or changed before this turns out to take long
    /// ([`DbError::TakesLong`]); `None`: any number.
    pub(crate) short_of: Option<u32>,
    /// Whether it may only read, so that it cannot lock either.
    pub(super) reads: bool,
    /// Whether it is begun again where a race is lost.
    pub(super) runs_again: bool,
    /// The client whose row was read, if its requests are recorded in full at this moment.
    pub(crate) recorded: Option<Box<Recorded>>,
    /// What the next token is shown for,
    pub(super) wanted: Option<Wanted>,
    /// and what came along with the last.
    pub(super) ahead: Option<Ahead>,
    /// The account of the token that was looked up,
    pub(super) of_token: Option<Account>,
    /// and its grant,
    pub(super) of_grant: Option<GrantId>,
    /// the rules of its access as text and their version, where they came along,
    pub(super) rules: Option<(AccountKey, Option<(String, i64)>)>,
    /// and the user that was written last, where that saves a question.
    pub(super) written: Option<(AccountKey, Stored)>,
    /// Whether the names of the account are shared until this ends,
    pub(super) shares_names: bool,
    /// and who waits for a user made meanwhile.
    pub(super) awaited: Option<Awaited>,
    /// The client that was read last, and its account,
    pub(super) asker: Option<(String, Option<AccountKey>)>,
    /// what the next client will ask for,
    pub(super) next: Option<Next>,
    /// and what came along with the last.
    pub(super) found: Option<Found>,
    /// The refresh token that was read while its grant was being taken hold of, as it was then.
    pub(super) unchanged: Option<RefreshToken>,
    /// Whether some of those who were named to become members are not held.
    pub(super) unheld: bool,
    /// Whether its first question is asked with those of others, and what came of that.
    pub(super) asking: Asking,
    /// Whether what happens is written into the feed.
    pub(super) feeds: bool,
    /// The transaction's number, where a statement told it: see [`fate`](super::fate).
    pub(super) number: Option<i64>,
}

/// What every unit of work of a process goes by.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// Who may own a grant.
    pub(super) policy: Arc<GrantPolicy>,
    /// What time it is.
    pub(super) clock: Clock,
    /// Whether what happens is written into the feed.
    pub(super) feeds: bool,
}

impl Surroundings {
    /// Of commands and tests: no user is judged by a role.
    pub(super) fn of_a_command() -> Surroundings {
        Surroundings { policy: Arc::default(), clock: Clock::of_the_machine(), feeds: true }
    }
}

/// So many members may be read or changed by what is short.
const SHORT: u32 = 2000;

/// The client behind a grant, as far as the SCIM endpoint has to know it.
#[derive(Debug, Clone)]
pub(crate) struct GrantClient {
    /// Its number in storage.
    pub(crate) seq: ClientKey,
    /// Its name for people.
    pub(crate) name: String,
    /// What it is forgiven.
    pub(crate) tolerances: scim::Tolerances,
}

/// The account and the client of a grant, read with what decides about its tokens.
#[derive(Debug, Clone)]
pub(crate) struct GrantContext {
    /// The account that the grant opens; none of a key for all accounts.
    pub(crate) account: Option<Account>,
    /// The client to which it was given.
    pub(crate) client: GrantClient,
}

impl<'c> Tx<'c> {
    pub(super) fn new(conn: &'c mut AnyConn, around: Surroundings) -> Tx<'c> {
        let Surroundings { policy, clock, feeds } = around;
        Tx {
            conn,
            origin: Origin::default(),
            events: Vec::new(),
            accounts: Vec::new(),
            policy,
            clock,
            short_of: None,
            reads: false,
            runs_again: false,
            recorded: None,
            wanted: None,
            ahead: None,
            of_token: None,
            of_grant: None,
            rules: None,
            written: None,
            shares_names: false,
            awaited: None,
            asker: None,
            next: None,
            found: None,
            unchanged: None,
            unheld: false,
            asking: Asking::Alone,
            feeds,
            number: None,
        }
    }

    /// What this question was answered, if it was asked already. Where it is to be asked with those of others, the unit of work ends here,
    /// and is run again once that is done.
    pub(super) fn told(&mut self, question: Question) -> Result<Option<Reply>, DbError> {
        match std::mem::take(&mut self.asking) {
            Asking::Told(asked, reply) if asked == question => Ok(Some(reply)),
            Asking::WithOthers => {
                self.asking = Asking::For(question);
                Err(DbError::Asked)
            }
            Asking::Alone | Asking::For(_) | Asking::Told(..) => Ok(None),
        }
    }

    /// Now, in milliseconds since the epoch.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// From here on, this has to be short.
    pub(crate) fn keeps_short(&mut self) {
        self.short_of = Some(SHORT);
    }

    /// Who may own a grant.
    pub(crate) fn grant_policy(&self) -> Arc<GrantPolicy> {
        Arc::clone(&self.policy)
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.origin.actor
    }

    /// Says who acts, and from where.
    pub fn act_as(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Who acts, as in the audit trail.
    pub(crate) fn actor_code(&self) -> String {
        self.origin.actor.code()
    }

    /// A client's row was read: its requests are recorded in full until this time, if at all.
    pub(super) fn note_recorded(
        &mut self,
        until: Option<Timestamp>,
        (client, id): (ClientKey, &str),
        grant: Option<i64>,
    ) {
        if until.is_some_and(|until| self.now() < until) {
            let recorded = Recorded { client, client_id: id.to_owned(), grant, registry: None };
            self.recorded = Some(Box::new(recorded));
        }
    }

    /// Something happened in this unit of work: the reactions see it before the commit, and write it down.
    pub fn raise(&mut self, at: Timestamp, account: Option<AccountKey>, kind: impl Into<Kind>) {
        let Origin { actor, address, request } = self.origin.clone();
        self.events.push(Event { at, actor, address, request, account, kind: kind.into() });
    }
}

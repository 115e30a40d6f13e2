//! Receivers of the feed: to whom it is delivered, and how far each has got.
//!
//! Nothing is written for a receiver when an event is: what waits for it is the feed behind its position. [`turns`] says who delivers to whom,
//! [`refused`] keeps what was refused for itself, and the latest requests to each.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::{dead_letters, deliveries, receivers};
use super::tx::Tx;
use crate::domain::ids::AccountKey;
use crate::domain::receiver::{Form, State};
use crate::each;
use crate::platform::timestamp::Timestamp;

pub mod refused;
pub mod turns;

/// A receiver that is made.
#[derive(Debug, Clone)]
pub struct NewReceiver {
    /// Its public id.
    pub id: String,
    /// Whose events it gets; `None`: those of all accounts.
    pub account: Option<AccountKey>,
    /// In which form.
    pub form: Form,
    /// Where to.
    pub url: String,
    /// What it is, for people.
    pub description: String,
    /// Which types of events ([`listed`](crate::domain::receiver::listed)); `None`: all.
    pub types: Option<String>,
    /// What its requests are signed or authenticated with, sealed.
    pub secret: Option<String>,
    /// Up to which number of the feed it needs nothing.
    pub position: i64,
    /// Whether it gets anything.
    pub state: State,
}

/// A receiver.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Its number.
    pub seq: i64,
    /// Its public id.
    pub id: String,
    /// Whose events it gets; `None`: those of all accounts.
    pub account: Option<AccountKey>,
    /// In which form.
    pub form: Form,
    /// Where to.
    pub url: String,
    /// What it is, for people.
    pub description: String,
    /// Which types of events ([`listed`](crate::domain::receiver::listed)); `None`: all.
    pub types: Option<String>,
    /// What its requests are signed or authenticated with, sealed.
    pub secret: Option<String>,
    /// The one before, sealed, and until when it counts.
    pub old_secret: Option<(String, Timestamp)>,
    /// When it was made.
    pub made: Timestamp,
    /// Whether it gets anything.
    pub state: State,
    /// The number of the last event that it has, or that was not for it.
    pub position: i64,
    /// How often the next one was tried in vain.
    pub tries: i64,
    /// When it is tried again.
    pub next_try: Timestamp,
    /// Since when it is held.
    pub held_since: Option<Timestamp>,
    /// The last success.
    pub delivered: Option<Timestamp>,
    /// The last failure,
    pub failed: Option<Timestamp>,
    /// and what it was.
    pub problem: Option<String>,
}

#[derive(Queryable)]
pub(super) struct Row {
    seq: i64,
    id: String,
    account: Option<AccountKey>,
    form: String,
    url: String,
    description: String,
    types: Option<String>,
    secret: Option<String>,
    old_secret: Option<String>,
    old_secret_ends: Option<Timestamp>,
    made: Timestamp,
    state: String,
    position: i64,
    tries: i64,
    next_try: Timestamp,
    held_since: Option<Timestamp>,
    delivered: Option<Timestamp>,
    failed: Option<Timestamp>,
    problem: Option<String>,
    #[allow(dead_code)] // turns::claim reads it
    lease: Option<String>,
    #[allow(dead_code)]
    lease_ends: Timestamp,
}

impl TryFrom<Row> for Receiver {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Receiver, DbError> {
        let unknown =
            |what: &str| DbError::Corrupt(format!("receiver {} has the {what}, which this release knows not", row.id));
        Ok(Receiver {
            form: Form::parse(&row.form).ok_or_else(|| unknown(&format!("form {}", row.form)))?,
            state: State::parse(&row.state).ok_or_else(|| unknown(&format!("state {}", row.state)))?,
            seq: row.seq,
            id: row.id,
            account: row.account,
            url: row.url,
            description: row.description,
            types: row.types,
            secret: row.secret,
            old_secret: row.old_secret.zip(row.old_secret_ends),
            made: row.made,
            position: row.position,
            tries: row.tries,
            next_try: row.next_try,
            held_since: row.held_since,
            delivered: row.delivered,
            failed: row.failed,
            problem: row.problem,
        })
    }
}

impl Receiver {
    /// Whether events of this type are for it.
    pub fn wants(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&format!(",{kind},")))
    }
}

impl Tx<'_> {
    /// Writes a receiver.
    pub fn insert_receiver(&mut self, new: &NewReceiver, now: Timestamp) -> Result<(), DbError> {
        let row = (
            receivers::id.eq(&new.id),
            receivers::account.eq(new.account),
            receivers::form.eq(new.form.code()),
            receivers::url.eq(&new.url),
            receivers::description.eq(&new.description),
            receivers::types.eq(&new.types),
            receivers::secret.eq(&new.secret),
            receivers::made.eq(now),
            receivers::state.eq(new.state.code()),
            receivers::position.eq(new.position),
            receivers::tries.eq(0),
            receivers::next_try.eq(Timestamp::EPOCH),
            receivers::lease_ends.eq(Timestamp::EPOCH),
        );
        each!(&mut *self.conn, c => diesel::insert_into(receivers::table).values(row).execute(c))?;
        Ok(())
    }

    /// The receiver with this public id.
    pub fn receiver(&mut self, id: &str) -> Result<Option<Receiver>, DbError> {
        let query = receivers::table.filter(receivers::id.eq(id));
        let row: Option<Row> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(Receiver::try_from).transpose()
    }

    /// The receivers of this form that follow one, in the order in which they were made: those of an account, or those of all accounts.
    pub fn receivers_after(
        &mut self,
        form: Form,
        account: Option<AccountKey>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Receiver>, DbError> {
        let of = receivers::table.filter(receivers::form.eq(form.code())).filter(receivers::seq.gt(after));
        let of = of.order(receivers::seq).limit(limit);
        let rows: Vec<Row> = match account {
            Some(account) => each!(&mut *self.conn, c => of.filter(receivers::account.eq(account)).load(c))?,
            None => each!(&mut *self.conn, c => of.filter(receivers::account.is_null()).load(c))?,
        };
        rows.into_iter().map(Receiver::try_from).collect()
    }

    /// How many receivers of a form there are: of an account, or of no single one.
    pub fn count_receivers(&mut self, form: Form, account: Option<AccountKey>) -> Result<i64, DbError> {
        let of = receivers::table.filter(receivers::form.eq(form.code()));
        Ok(match account {
            Some(account) => {
                let query = of.filter(receivers::account.eq(account)).count();
                each!(&mut *self.conn, c => query.get_result(c))?
            }
            None => {
                let query = of.filter(receivers::account.is_null()).count();
                each!(&mut *self.conn, c => query.get_result(c))?
            }
        })
    }

    /// Writes what an operator changed: where to, what it is, which types. It is tried at once, and a delivery that is on its way moves the
    /// position no more.
    pub fn change_receiver(&mut self, receiver: &Receiver) -> Result<(), DbError> {
        let row = receivers::table.filter(receivers::seq.eq(receiver.seq));
        let set = (
            receivers::url.eq(&receiver.url),
            receivers::description.eq(&receiver.description),
            receivers::types.eq(&receiver.types),
            receivers::next_try.eq(Timestamp::EPOCH),
            receivers::lease.eq(None::<String>),
            receivers::lease_ends.eq(Timestamp::EPOCH),
        );
        each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))?;
        Ok(())
    }

    /// Sets whether it gets anything, and from where on. A delivery that is on its way moves the position no more, for its lease ends.
    pub fn set_receiver_state(
        &mut self,
        receiver: i64,
        state: State,
        position: Option<i64>,
        problem: Option<&str>,
    ) -> Result<(), DbError> {
        let row = || receivers::table.filter(receivers::seq.eq(receiver));
        let set = (
            receivers::state.eq(state.code()),
            receivers::tries.eq(0),
            receivers::next_try.eq(Timestamp::EPOCH),
            receivers::held_since.eq(None::<Timestamp>),
            receivers::lease.eq(None::<String>),
            receivers::lease_ends.eq(Timestamp::EPOCH),
        );
        each!(&mut *self.conn, c => diesel::update(row()).set(set).execute(c))?;
        if let Some(position) = position {
            let set = receivers::position.eq(position);
            each!(&mut *self.conn, c => diesel::update(row()).set(set).execute(c))?;
        }
        if let Some(problem) = problem {
            let set = (receivers::problem.eq(problem), receivers::failed.eq(self.now()));
            each!(&mut *self.conn, c => diesel::update(row()).set(set).execute(c))?;
        }
        Ok(())
    }

    /// Puts a new secret in the place of the one that counts, which counts beside it until then.
    pub fn replace_receiver_secret(
        &mut self,
        receiver: &Receiver,
        secret: &str,
        old_until: Timestamp,
    ) -> Result<(), DbError> {
        let row = receivers::table.filter(receivers::seq.eq(receiver.seq));
        let set = (
            receivers::secret.eq(secret),
            receivers::old_secret.eq(&receiver.secret),
            receivers::old_secret_ends.eq(old_until),
        );
        each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))?;
        Ok(())
    }

    /// Deletes a receiver, with its dead letters and what is known of its deliveries.
    pub fn delete_receiver(&mut self, receiver: i64) -> Result<(), DbError> {
        let letters = dead_letters::table.filter(dead_letters::receiver.eq(receiver));
        each!(&mut *self.conn, c => diesel::delete(letters).execute(c))?;
        let latest = deliveries::table.filter(deliveries::receiver.eq(receiver));
        each!(&mut *self.conn, c => diesel::delete(latest).execute(c))?;
        let row = receivers::table.filter(receivers::seq.eq(receiver));
        each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        Ok(())
    }
}

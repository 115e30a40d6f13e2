//! What was found of a client when it was last looked at, and what of that was told.

use diesel::prelude::*;

use crate::domain::ids::ClientKey;
use crate::each;
use crate::platform::timestamp::Timestamp;
use crate::storage::backend::AnyConn;
use crate::storage::error::DbError;
use crate::storage::schema::client_health;
use crate::storage::statement::{Bind, Dialects, Statement};
use crate::storage::tx::Tx;

/// The clients are looked up, and their claim is tried.
const POSTPONE: Dialects = Dialects {
    sqlite: "UPDATE client_health SET due = ? WHERE client IN (SELECT value FROM json_each(?)) AND +due = ?",
    postgres: "UPDATE client_health SET due = ? WHERE client = ANY (ARRAY(SELECT value::bigint \
         FROM json_array_elements_text(?::json))) AND due + 0 = ?",
};

/// What is kept of a client.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct StoredHealth {
    /// The client.
    pub client: ClientKey,
    /// What was found; empty: nothing yet.
    pub state: String,
    /// Since when it is so.
    pub since: Timestamp,
    /// What was told last; empty: nothing yet.
    pub told: String,
    /// Since when what is found is not what was told.
    pub differs_since: Option<Timestamp>,
    /// The reasons, as a JSON object: each code with the time since which it is known.
    pub reasons: String,
    /// When it is to be looked at.
    pub due: Timestamp,
}

impl Tx<'_> {
    /// A new client has to be looked at.
    pub(in crate::storage) fn insert_client_health(&mut self, client: ClientKey) -> Result<(), DbError> {
        let row = (
            client_health::client.eq(client),
            client_health::state.eq(""),
            client_health::since.eq(Timestamp::EPOCH),
            client_health::told.eq(""),
            client_health::reasons.eq("{}"),
            client_health::due.eq(Timestamp::EPOCH),
        );
        each!(&mut *self.conn, c => diesel::insert_into(client_health::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
        Ok(())
    }

    /// A client was changed: it is looked at soon.
    pub(in crate::storage) fn hurry_client_health(&mut self, client: ClientKey) -> Result<(), DbError> {
        let row = client_health::table.filter(client_health::client.eq(client));
        each!(&mut *self.conn, c => diesel::update(row).set(client_health::due.eq(Timestamp::EPOCH)).execute(c))?;
        Ok(())
    }

    /// What is kept of these clients.
    pub fn health_of(&mut self, clients: &[ClientKey]) -> Result<Vec<StoredHealth>, DbError> {
        let query = client_health::table.filter(client_health::client.eq_any(clients));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The clients that were found in this state, from one to the next.
    pub fn clients_in_state(&mut self, state: &str, after: i64, limit: i64) -> Result<Vec<ClientKey>, DbError> {
        let query = client_health::table
            .filter(client_health::state.eq(state))
            .filter(client_health::client.gt(after))
            .order(client_health::client)
            .limit(limit)
            .select(client_health::client);
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Whether any client is due: a look into an index.
    pub fn health_is_due(&mut self, now: Timestamp) -> Result<bool, DbError> {
        let due = client_health::table.filter(client_health::due.le(now)).select(client_health::client).limit(1);
        let found: Option<ClientKey> = each!(&mut *self.conn, c => due.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// Takes clients that are due; no other replica does until then.
    pub fn claim_health(&mut self, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<StoredHealth>, DbError> {
        let due = client_health::table.filter(client_health::due.le(now)).order(client_health::due).limit(limit);
        let mut claimed: Vec<StoredHealth> = match &mut *self.conn {
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        if claimed.is_empty() {
            return Ok(claimed);
        }
        let clients: Vec<ClientKey> = claimed.iter().map(|stored| stored.client).collect();
        let rows = client_health::table.filter(client_health::client.eq_any(clients));
        each!(&mut *self.conn, c => diesel::update(rows).set(client_health::due.eq(until)).execute(c))?;
        claimed.iter_mut().for_each(|stored| stored.due = until);
        Ok(claimed)
    }

    /// These clients were looked at, and nothing is new: they are looked at again then. A claim that another replica took over stays.
    pub fn postpone_health(
        &mut self,
        clients: &[ClientKey],
        claimed: Timestamp,
        due: Timestamp,
    ) -> Result<(), DbError> {
        let binds = vec![Bind::number(due), Bind::list(clients)?, Bind::number(claimed)];
        Statement::<()>::new(POSTPONE.of(self.conn), binds).execute(self.conn)?;
        Ok(())
    }

    /// Keeps what was found, unless another replica took the claim over; says whether it did.
    pub fn keep_health(&mut self, found: &StoredHealth, claimed: Timestamp) -> Result<bool, DbError> {
        let row =
            client_health::table.filter(client_health::client.eq(found.client)).filter(client_health::due.eq(claimed));
        let set = (
            client_health::state.eq(&found.state),
            client_health::since.eq(found.since),
            client_health::told.eq(&found.told),
            client_health::differs_since.eq(found.differs_since),
            client_health::reasons.eq(&found.reasons),
            client_health::due.eq(found.due),
        );
        let is_kept = each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))? > 0;
        if is_kept {
            self.stand_anew_with(found.client)?;
        }
        Ok(is_kept)
    }

    /// Enters clients that have no row: those that an earlier release made while this one was started.
    pub fn enter_missing_health(&mut self) -> Result<u64, DbError> {
        const ENTER: &str = "INSERT INTO client_health (client, state, since, told, reasons, due) \
             SELECT c.seq, '', 0, '', '{}', 0 FROM clients AS c \
             WHERE NOT EXISTS (SELECT 1 FROM client_health AS h WHERE h.client = c.seq) ON CONFLICT (client) DO NOTHING";
        Statement::<()>::new(ENTER, Vec::new()).execute(self.conn)
    }
}

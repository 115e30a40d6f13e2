//! Removing what is due, a batch at a time. Nothing here decides what counts: expired rows are refused long before they go.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::backend::AnyConn;
use super::error::DbError;
use super::owned;
use super::schema::{
    accounts, answered_requests, attempts, attribute_values, authorization_codes, client_failures, clients,
    dpop_proofs, forgotten_passwords, grants, operator_sessions, password_links, pushed_request_counts,
    pushed_requests, refresh_tokens, resources, revoked_tokens, sessions, setup_links, sign_in_flows, used_assertions,
};
use super::statement::{Bind, CLOCK, Dialects, Statement};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, ClientKey, ResourceKey, UserKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

/// Deletes the rows whose keys (fingerprints, token ids) the query selects. Replicas pass over what another is at; on several nodes, where
/// nothing can be locked at once, the second finds it gone.
macro_rules! sweep {
    ($tx:expr, $table:ident . $key:ident, $due:expr, $limit:expr) => {{
        let due = $table::table.filter($due).select($table::$key).limit($limit);
        let keys: Vec<Vec<u8>> = match &mut *$tx.conn {
            AnyConn::Postgres(c) if c.is_spread() => due.load(c.begun())?,
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        each!(&mut *$tx.conn, c => diesel::delete($table::table.filter($table::$key.eq_any(keys))).execute(c)?) as u64
    }};
}

/// The same for what belongs to grants; gives the grants.
macro_rules! sweep_of_grants {
    ($tx:expr, $table:ident, $due:expr, $limit:expr) => {{
        let due = $table::table.filter($due).select($table::fingerprint).limit($limit);
        let keys: Vec<Vec<u8>> = match &mut *$tx.conn {
            AnyConn::Postgres(c) if c.is_spread() => due.load(c.begun())?,
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        let rows = $table::table.filter($table::fingerprint.eq_any(keys));
        let grants: Vec<i64> =
            each!(&mut *$tx.conn, c => diesel::delete(rows).returning($table::grant_seq).get_results(c)?);
        grants
    }};
}

/// A refresh token whose answer may have been lost is still good, however long its client is away.
macro_rules! spent {
    ($lock:literal) => {
        concat!(
            "DELETE FROM refresh_tokens WHERE fingerprint IN (SELECT t.fingerprint FROM refresh_tokens AS t WHERE t.used < ? \
             AND NOT EXISTS (SELECT 1 FROM grants AS g WHERE g.account = t.account AND g.seq = t.grant_seq AND g.ended IS NULL \
             AND COALESCE(g.delivered, -1) <= t.generation) LIMIT ?",
            $lock,
            ") RETURNING grant_seq"
        )
    };
}
const SPENT: Dialects = Dialects { sqlite: spent!(""), postgres: spent!(" FOR UPDATE OF t SKIP LOCKED") };

/// No letter is sent to a user who asked so many milliseconds ago.
const FORGOTTEN: i64 = 60 * 60 * 1000;

/// What is due: everything that expired by `now`, and codes and refresh tokens that expired or were spent before `spent_before`: so long
/// their reuse is recognized, and a refusal says what is wrong with them.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// Milliseconds since the epoch.
    pub now: Timestamp,
    /// In the same way.
    pub spent_before: Timestamp,
    /// How many rows go at most.
    pub limit: i64,
}

/// For so long after it expired, operators see what came of a setup link, in milliseconds.
const SETUP_LINKS_ARE_KEPT: i64 = 90 * 86_400_000;

/// A step, and what it is called.
pub type Sweep = (&'static str, fn(&mut Tx<'_>, Due) -> Result<u64, DbError>);

/// The steps that remove what has expired, but for the refresh tokens that no client used: grants end with these.
pub const SWEEPS: [Sweep; 20] = [
    ("forgetting revocations", |tx, due| {
        Ok(sweep!(tx, revoked_tokens.id, revoked_tokens::expires.lt(due.now), due.limit))
    }),
    ("forgetting assertions", |tx, due| {
        Ok(sweep!(tx, used_assertions.id, used_assertions::expires.lt(due.now), due.limit))
    }),
    ("forgetting failures", |tx, due| {
        Ok(sweep!(tx, client_failures.id, client_failures::expires.lt(due.now), due.limit))
    }),
    ("telling clients of sessions that expired", |tx, due| tx.tell_of_expired(due.now, due.limit)),
    ("ending sessions", |tx, due| Ok(sweep!(tx, sessions.fingerprint, sessions::expires.lt(due.now), due.limit))),
    ("forgetting setup links", |tx, due| {
        Ok(sweep!(tx, setup_links.fingerprint, setup_links::expires.lt(due.now - SETUP_LINKS_ARE_KEPT), due.limit))
    }),
    ("ending operators' sessions", |tx, due| {
        Ok(sweep!(tx, operator_sessions.fingerprint, operator_sessions::expires.lt(due.now), due.limit))
    }),
    ("forgetting pushed requests", |tx, due| {
        Ok(sweep!(tx, pushed_requests.fingerprint, pushed_requests::expires.lt(due.now), due.limit))
    }),
    ("forgetting counts of pushed requests", |tx, due| {
        Ok(sweep!(tx, pushed_request_counts.id, pushed_request_counts::expires.lt(due.now), due.limit))
    }),
    ("forgetting answers", |tx, due| {
        Ok(sweep!(tx, answered_requests.id, answered_requests::expires.lt(due.now), due.limit))
    }),
    ("forgetting proofs", |tx, due| Ok(sweep!(tx, dpop_proofs.id, dpop_proofs::expires.lt(due.now), due.limit))),
    ("removing signing keys", |tx, due| Ok(tx.remove_expired_signing_keys(due.now)? as u64)),
    ("forgetting log-ins", |tx, due| {
        Ok(sweep!(tx, sign_in_flows.fingerprint, sign_in_flows::expires.lt(due.now), due.limit))
    }),
    ("forgetting password links", |tx, due| {
        Ok(sweep!(tx, password_links.fingerprint, password_links::expires.lt(due.now), due.limit))
    }),
    ("forgetting who forgot a password", |tx, due| {
        Ok(sweep!(tx, forgotten_passwords.fingerprint, forgotten_passwords::made.lt(due.now - FORGOTTEN), due.limit))
    }),
    ("forgetting attempts", |tx, due| Ok(sweep!(tx, attempts.key, attempts::expires.lt(due.now), due.limit))),
    ("deleting list positions", |tx, due| tx.delete_expired_list_positions(due.now, due.limit)),
    ("forgetting bulk requests", |tx, due| tx.forget_bulk_requests(due.now, due.limit.min(50))),
    ("forgetting codes", |tx, due| tx.sweep_codes(due)),
    ("forgetting spent refresh tokens", |tx, due| tx.sweep_spent_refresh_tokens(due)),
];

impl Tx<'_> {
    /// The time by the database's clock, in milliseconds since the epoch: what cannot be undone is judged by it. SQLite has the clock of
    /// this machine.
    pub fn database_now(&mut self) -> Result<Timestamp, DbError> {
        match &mut *self.conn {
            AnyConn::Postgres(c) => Ok(self.clock.shifted(diesel::select(sql::<BigInt>(CLOCK)).get_result(c.begun())?)),
            AnyConn::Sqlite(_) => Ok(self.clock.now()),
        }
    }

    /// All steps at once; says how many rows went.
    pub fn sweep_expired(&mut self, now: Timestamp, spent_before: Timestamp, limit: i64) -> Result<u64, DbError> {
        let due = Due { now, spent_before, limit };
        let mut removed = self.sweep_expired_refresh_tokens(due)?;
        for (_, sweep) in SWEEPS {
            removed += sweep(self, due)?;
        }
        Ok(removed)
    }

    fn sweep_codes(&mut self, due: Due) -> Result<u64, DbError> {
        let expired = authorization_codes::expires.lt(due.spent_before);
        let grants = sweep_of_grants!(self, authorization_codes, expired, due.limit);
        let removed = grants.len() as u64;
        self.end_unused_grants(grants, true, due.now)?;
        Ok(removed)
    }

    /// Their successors are there, so no grant ends; but where a chain broke off.
    fn sweep_spent_refresh_tokens(&mut self, due: Due) -> Result<u64, DbError> {
        let binds = vec![Bind::number(due.spent_before), Bind::number(due.limit)];
        // On several nodes nothing can be locked at once: the second to delete finds it gone.
        let text = if self.conn.is_spread() { SPENT.sqlite } else { SPENT.of(self.conn) };
        let grants: Vec<i64> = Statement::<BigInt>::new(text, binds).load(self.conn)?;
        let removed = grants.len() as u64;
        self.end_unused_grants(grants, false, due.now)?;
        Ok(removed)
    }

    /// Refresh tokens that no client used in time go, and with each the grant that nothing else leads to.
    pub fn sweep_expired_refresh_tokens(&mut self, due: Due) -> Result<u64, DbError> {
        let expired = refresh_tokens::expires.lt(due.spent_before);
        let grants = sweep_of_grants!(self, refresh_tokens, expired, due.limit);
        let removed = grants.len() as u64;
        self.end_unused_grants(grants, false, due.now)?;
        Ok(removed)
    }

    /// Whether there is any.
    pub fn refresh_tokens_are_due(&mut self, due: Due) -> Result<bool, DbError> {
        let query = refresh_tokens::table
            .filter(refresh_tokens::expires.lt(due.spent_before))
            .select(refresh_tokens::grant_seq)
            .limit(1);
        let found: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(found.is_some())
    }

    /// How many grants of users have not ended.
    pub fn open_grants(&mut self) -> Result<i64, DbError> {
        let open = grants::table.filter(grants::ended.is_null()).filter(grants::owner.is_not_null()).count();
        Ok(each!(&mut *self.conn, c => open.get_result(c))?)
    }

    /// Takes a batch of rows out of an account that was deleted; the account's own row goes last. Its audit trail stays.
    pub fn empty_deleted_accounts(&mut self, limit: i64) -> Result<u64, DbError> {
        let query = accounts::table.filter(accounts::deleted.is_not_null()).order(accounts::seq).select(accounts::seq);
        let account: Option<AccountKey> = each!(&mut *self.conn, c => query.first(c).optional())?;
        let Some(account) = account else { return Ok(0) };
        let of_account = resources::table.filter(resources::account.eq(account)).select(resources::seq).limit(limit);
        let seqs: Vec<ResourceKey> = each!(&mut *self.conn, c => of_account.load(c))?;
        if !seqs.is_empty() {
            let users: Vec<UserKey> = seqs.iter().copied().map(UserKey::of_user).collect();
            owned::delete_of_members(self.conn, account, &seqs)?;
            owned::delete_of_groups(self.conn, account, &seqs)?;
            owned::delete_of_users(self.conn, account, &users)?;
            let these = resources::table.filter(resources::account.eq(account)).filter(resources::seq.eq_any(&seqs));
            each!(&mut *self.conn, c => diesel::delete(these).execute(c))?;
            return Ok(seqs.len() as u64);
        }
        if self.empty_index(account, limit * 8)? > 0 {
            return Ok(1);
        }
        if self.remove_requests(Some(account), i64::MAX, limit)? > 0 {
            return Ok(1);
        }
        if self.forget_events_of(account, limit)? > 0 {
            return Ok(1);
        }
        if self.forget_access_of(account, limit * 8)? > 0 {
            return Ok(1);
        }
        self.delete_list_positions(account)?;
        let of_account = grants::table.filter(grants::account.eq(account)).select(grants::seq).limit(limit);
        let granted: Vec<i64> = each!(&mut *self.conn, c => of_account.load(c))?;
        if !granted.is_empty() {
            each!(&mut *self.conn, c => {
                let tokens = refresh_tokens::table.filter(refresh_tokens::account.eq(account));
                diesel::delete(tokens.filter(refresh_tokens::grant_seq.eq_any(&granted))).execute(c)?;
                let rows = grants::table.filter(grants::account.eq(account));
                diesel::delete(rows.filter(grants::seq.eq_any(&granted))).execute(c)?
            });
            return Ok(granted.len() as u64);
        }
        let of_account = clients::table.filter(clients::account.eq(account)).select(clients::seq);
        let clients_of: Vec<ClientKey> = each!(&mut *self.conn, c => of_account.load(c))?;
        self.end_all_attribute_work(account)?;
        self.forget_blocks(account)?;
        owned::delete_of_clients(self.conn, &clients_of)?;
        owned::delete_of_account(self.conn, account)?;
        each!(&mut *self.conn, c => {
            diesel::delete(clients::table.filter(clients::account.eq(account))).execute(c)?;
            diesel::delete(accounts::table.filter(accounts::seq.eq(account))).execute(c)?
        });
        Ok(1)
    }

    /// Index rows are found by their account alone, so they go apart from their resources.
    fn empty_index(&mut self, account: AccountKey, limit: i64) -> Result<usize, DbError> {
        type Key = (i32, String, ResourceKey);
        let query = attribute_values::table
            .filter(attribute_values::account.eq(account))
            .order((attribute_values::attribute, attribute_values::key, attribute_values::resource))
            .limit(limit)
            .select((attribute_values::attribute, attribute_values::key, attribute_values::resource));
        let rows: Vec<Key> = each!(&mut *self.conn, c => query.load(c))?;
        for (attribute, key, resource) in &rows {
            let row = attribute_values::table
                .filter(attribute_values::account.eq(account))
                .filter(attribute_values::attribute.eq(attribute))
                .filter(attribute_values::key.eq(key))
                .filter(attribute_values::resource.eq(resource));
            each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        }
        Ok(rows.len())
    }
}

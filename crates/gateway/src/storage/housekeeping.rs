//! Removing what is due, a batch at a time. Nothing here decides what counts: expired rows are refused long before they go.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::AnyConn;
use super::error::DbError;
use super::schema::{
    accounts, attempts, attribute_values, authorization_codes, client_failures, client_origins, client_secrets,
    clients, dpop_proofs, grants, logins, members, notices, operators, parked_members, pushed_requests, recovery_codes,
    refresh_tokens, resource_counts, resources, revoked_tokens, second_factors, sessions, sign_in_flows, static_tokens,
    tolerance_needs, upstream_identities, upstream_secrets, used_assertions,
};
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::each;

/// Deletes the rows whose keys (fingerprints, token ids) the query selects. Replicas pass over what another is at.
macro_rules! sweep {
    ($tx:expr, $table:ident . $key:ident, $due:expr, $limit:expr) => {{
        let due = $table::table.filter($due).select($table::$key).limit($limit);
        let keys: Vec<Vec<u8>> = match &mut *$tx.conn {
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c)?,
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
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c)?,
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
             AND NOT EXISTS (SELECT 1 FROM grants AS g WHERE g.seq = t.grant_seq AND g.ended IS NULL \
             AND COALESCE(g.delivered, -1) <= t.generation) LIMIT ?",
            $lock,
            ") RETURNING grant_seq"
        )
    };
}
const SPENT: Dialects = Dialects { sqlite: spent!(""), postgres: spent!(" FOR UPDATE OF t SKIP LOCKED") };

impl Tx<'_> {
    /// Sessions, revocations, pushed requests, proofs, assertions, signing keys, counts of attempts and failures, and walks that have
    /// expired, and codes and refresh tokens that expired or were spent before `spent_before`: so long their reuse is recognized, and a
    /// refusal says what is wrong with them. A grant that nothing leads to any more ends. Says how many rows went.
    pub fn sweep_expired(&mut self, now: i64, spent_before: i64, limit: i64) -> Result<u64, DbError> {
        let mut removed = sweep!(self, revoked_tokens.id, revoked_tokens::expires.lt(now), limit);
        removed += sweep!(self, used_assertions.id, used_assertions::expires.lt(now), limit);
        removed += sweep!(self, client_failures.id, client_failures::expires.lt(now), limit);
        removed += sweep!(self, sessions.fingerprint, sessions::expires.lt(now), limit);
        removed += sweep!(self, pushed_requests.fingerprint, pushed_requests::expires.lt(now), limit);
        removed += sweep!(self, dpop_proofs.id, dpop_proofs::expires.lt(now), limit);
        removed += self.remove_expired_signing_keys(now)? as u64;
        removed += sweep!(self, sign_in_flows.fingerprint, sign_in_flows::expires.lt(now), limit);
        removed += sweep!(self, attempts.key, attempts::expires.lt(now), limit);
        removed += self.forget_walks(now, limit)?;
        let codes = authorization_codes::expires.lt(spent_before);
        let grants = sweep_of_grants!(self, authorization_codes, codes, limit);
        removed += grants.len() as u64;
        self.end_unused_grants(grants, true, now)?;
        let mut grants = sweep_of_grants!(self, refresh_tokens, refresh_tokens::expires.lt(spent_before), limit);
        let binds = vec![Bind::Number(spent_before), Bind::Number(limit)];
        grants.extend(Statement::<BigInt>::new(SPENT.of(self.conn), binds).load::<i64>(self.conn)?);
        removed += grants.len() as u64;
        self.end_unused_grants(grants, false, now)?;
        Ok(removed)
    }

    /// Takes a batch of rows out of an account that was deleted; the account's own row goes last. Its audit trail stays.
    pub fn empty_deleted_accounts(&mut self, limit: i64) -> Result<u64, DbError> {
        let query = accounts::table.filter(accounts::deleted.is_not_null()).order(accounts::seq).select(accounts::seq);
        let account: Option<i64> = each!(&mut *self.conn, c => query.first(c).optional())?;
        let Some(account) = account else { return Ok(0) };
        let of_account = resources::table.filter(resources::account.eq(account)).select(resources::seq).limit(limit);
        let seqs: Vec<i64> = each!(&mut *self.conn, c => of_account.load(c))?;
        if !seqs.is_empty() {
            each!(&mut *self.conn, c => {
                diesel::delete(members::table.filter(members::group_seq.eq_any(&seqs))).execute(c)?;
                diesel::delete(members::table.filter(members::member_seq.eq_any(&seqs))).execute(c)?;
                diesel::delete(logins::table.filter(logins::resource.eq_any(&seqs))).execute(c)?;
                diesel::delete(parked_members::table.filter(parked_members::group_seq.eq_any(&seqs))).execute(c)?;
                diesel::delete(sessions::table.filter(sessions::owner.eq_any(&seqs))).execute(c)?;
                diesel::delete(second_factors::table.filter(second_factors::resource.eq_any(&seqs))).execute(c)?;
                diesel::delete(recovery_codes::table.filter(recovery_codes::resource.eq_any(&seqs))).execute(c)?;
                diesel::delete(upstream_identities::table.filter(upstream_identities::resource.eq_any(&seqs))).execute(c)?;
                diesel::delete(notices::table.filter(notices::resource.eq_any(&seqs))).execute(c)?;
                diesel::delete(resources::table.filter(resources::seq.eq_any(&seqs))).execute(c)?
            });
            return Ok(seqs.len() as u64);
        }
        if self.empty_index(account, limit * 8)? > 0 {
            return Ok(1);
        }
        self.empty_walks(account)?;
        let of_account = grants::table.filter(grants::account.eq(account)).select(grants::seq).limit(limit);
        let granted: Vec<i64> = each!(&mut *self.conn, c => of_account.load(c))?;
        if !granted.is_empty() {
            each!(&mut *self.conn, c => {
                diesel::delete(refresh_tokens::table.filter(refresh_tokens::grant_seq.eq_any(&granted))).execute(c)?;
                diesel::delete(grants::table.filter(grants::seq.eq_any(&granted))).execute(c)?
            });
            return Ok(granted.len() as u64);
        }
        let of_account = clients::table.filter(clients::account.eq(account)).select(clients::seq);
        let owned: Vec<i64> = each!(&mut *self.conn, c => of_account.load(c))?;
        self.end_all_attribute_work(account)?;
        self.forget_blocks(account)?;
        each!(&mut *self.conn, c => {
            diesel::delete(resource_counts::table.filter(resource_counts::account.eq(account))).execute(c)?;
            for client in owned {
                diesel::delete(client_origins::table.filter(client_origins::client.eq(client))).execute(c)?;
                diesel::delete(client_secrets::table.filter(client_secrets::client.eq(client))).execute(c)?;
                diesel::delete(tolerance_needs::table.filter(tolerance_needs::client.eq(client))).execute(c)?;
                diesel::delete(static_tokens::table.filter(static_tokens::client.eq(client))).execute(c)?;
            }
            diesel::delete(clients::table.filter(clients::account.eq(account))).execute(c)?;
            diesel::delete(operators::table.filter(operators::account.eq(account))).execute(c)?;
            diesel::delete(upstream_secrets::table.filter(upstream_secrets::account.eq(account))).execute(c)?;
            diesel::delete(accounts::table.filter(accounts::seq.eq(account))).execute(c)?
        });
        Ok(1)
    }

    /// Index rows are found by their account alone, so they go apart from their resources.
    fn empty_index(&mut self, account: i64, limit: i64) -> Result<usize, DbError> {
        type Key = (i32, String, i64);
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

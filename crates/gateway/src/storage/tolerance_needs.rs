//! How often a client needed a tolerance.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::{clients, tolerance_needs};
use super::tx::Tx;
use crate::domain::ids::ClientKey;
use crate::domain::tolerances::UseCounts;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// How often one tolerance was needed.
#[derive(Debug, Clone, Queryable)]
pub struct ToleranceNeed {
    /// Its name.
    pub tolerance: String,
    /// Requests that were forgiven it.
    pub forgiven: i64,
    /// Requests that were refused for want of it.
    pub refused: i64,
    /// Milliseconds since the epoch.
    pub last_needed: Timestamp,
}

impl Tx<'_> {
    /// Adds to what is there; what belongs to a client that is gone is dropped.
    pub fn add_tolerance_needs(&mut self, counts: &UseCounts) -> Result<(), DbError> {
        let mut of: Vec<ClientKey> = counts.keys().map(|(client, _)| *client).collect();
        of.dedup();
        let living = clients::table.filter(clients::seq.eq_any(of)).select(clients::seq);
        let living: Vec<ClientKey> = each!(&mut *self.conn, c => living.load(c))?;
        // In the order of their keys, so that replicas that add at once do not block each other crosswise.
        for ((client, tolerance), count) in counts {
            if !living.contains(client) {
                continue;
            }
            let (forgiven, refused) = (count.forgiven as i64, count.refused as i64);
            let row = (
                tolerance_needs::client.eq(client),
                tolerance_needs::tolerance.eq(tolerance.name()),
                tolerance_needs::forgiven.eq(forgiven),
                tolerance_needs::refused.eq(refused),
                tolerance_needs::last_needed.eq(count.last_needed),
            );
            let added = (
                tolerance_needs::forgiven.eq(tolerance_needs::forgiven + forgiven),
                tolerance_needs::refused.eq(tolerance_needs::refused + refused),
            );
            each!(&mut *self.conn, c => diesel::insert_into(tolerance_needs::table)
                .values(row)
                .on_conflict((tolerance_needs::client, tolerance_needs::tolerance))
                .do_update()
                .set(added)
                .execute(c))?;
            let row = tolerance_needs::table
                .filter(tolerance_needs::client.eq(client))
                .filter(tolerance_needs::tolerance.eq(tolerance.name()))
                .filter(tolerance_needs::last_needed.lt(count.last_needed));
            let later = tolerance_needs::last_needed.eq(count.last_needed);
            each!(&mut *self.conn, c => diesel::update(row).set(later).execute(c))?;
        }
        Ok(())
    }

    /// All that a client needed so far.
    pub fn tolerance_needs(&mut self, client: ClientKey) -> Result<Vec<ToleranceNeed>, DbError> {
        let query = tolerance_needs::table.filter(tolerance_needs::client.eq(client)).select((
            tolerance_needs::tolerance,
            tolerance_needs::forgiven,
            tolerance_needs::refused,
            tolerance_needs::last_needed,
        ));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }
}

//! Requests that were recorded in full: sealed, each beside its row in the request log, and gone with it.

use std::collections::HashMap;

use diesel::prelude::*;
use oauth::Keyring;
use zeroize::Zeroizing;

use super::NewRequest;
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::request::full::FullRecording;
use crate::domain::sealing;
use crate::each;
use crate::platform::system;
use crate::storage::error::DbError;
use crate::storage::schema::{clients, grants, recordings};
use crate::storage::tx::Tx;

/// So many stay of each client, the latest.
const KEPT: i64 = 2000;
/// So many are sealed again at once.
const BATCH: i64 = 100;

fn unreadable(seq: i64) -> DbError {
    DbError::Corrupt(format!("{} {seq} cannot be opened with these master keys", sealing::RECORDING))
}

impl Tx<'_> {
    /// Writes what was recorded in full of these rows, unless its client is gone. The oldest of a client that has many go.
    pub(super) fn insert_recordings(&mut self, rows: &[NewRequest]) -> Result<(), DbError> {
        let mut by_client: HashMap<ClientKey, Vec<(i64, &str)>> = HashMap::new();
        for row in rows {
            if let Some(recording) = &row.recording {
                by_client.entry(recording.client).or_default().push((row.seq, &recording.sealed));
            }
        }
        for (client, new) in by_client {
            let query = clients::table.filter(clients::seq.eq(client)).select(clients::seq);
            let there: Option<ClientKey> = match &mut *self.conn {
                crate::storage::AnyConn::Postgres(c) => query.for_key_share().get_result(c.begun()).optional()?,
                crate::storage::AnyConn::Sqlite(c) => query.get_result(c).optional()?,
            };
            if there.is_none() {
                continue;
            }
            for (seq, sealed) in new {
                let row = (recordings::seq.eq(seq), recordings::client.eq(client), recordings::sealed.eq(sealed));
                each!(&mut *self.conn, c => diesel::insert_into(recordings::table).values(row).execute(c))?;
            }
            let of_client = recordings::table.filter(recordings::client.eq(client));
            let beyond = of_client.order(recordings::seq.desc()).offset(KEPT).limit(1).select(recordings::seq);
            let beyond: Option<i64> = each!(&mut *self.conn, c => beyond.get_result(c).optional())?;
            if let Some(last) = beyond {
                let old = of_client.filter(recordings::seq.le(last));
                each!(&mut *self.conn, c => diesel::delete(old).execute(c))?;
            }
        }
        Ok(())
    }

    /// Removes what was recorded in full of these rows.
    pub(super) fn remove_recordings(&mut self, rows: &[i64]) -> Result<(), DbError> {
        let gone = recordings::table.filter(recordings::seq.eq_any(rows));
        each!(&mut *self.conn, c => diesel::delete(gone).execute(c))?;
        Ok(())
    }

    /// The first of these rows that was recorded in full, and what was.
    pub fn recording_of(
        &mut self,
        keys: &Keyring,
        rows: &[i64],
    ) -> Result<Option<(i64, ClientKey, FullRecording)>, DbError> {
        let query = recordings::table.filter(recordings::seq.eq_any(rows)).order(recordings::seq).select((
            recordings::seq,
            recordings::client,
            recordings::sealed,
        ));
        let row: Option<(i64, ClientKey, String)> = each!(&mut *self.conn, c => query.first(c).optional())?;
        let Some((seq, client, sealed)) = row else { return Ok(None) };
        let plain = Zeroizing::new(keys.open(sealing::RECORDING, &sealed).ok_or_else(|| unreadable(seq))?);
        let recording = serde_json::from_slice(&plain).map_err(|_| DbError::Corrupt(format!("recording {seq}")))?;
        Ok(Some((seq, client, recording)))
    }

    /// The grant that a request which came by this one would come by today: itself, or the client's latest in the account.
    pub fn grant_to_replay(&mut self, client: ClientKey, account: AccountKey, grant: i64) -> Result<i64, DbError> {
        let open = grants::table
            .filter(grants::client.eq(client))
            .filter(grants::account.eq(account))
            .filter(grants::ended.is_null())
            .order(grants::seq.desc())
            .limit(100)
            .select(grants::seq);
        let open: Vec<i64> = each!(&mut *self.conn, c => open.load(c))?;
        Ok(open.iter().find(|open| **open == grant).or(open.first()).copied().unwrap_or(grant))
    }

    /// Seals recordings again that are not under the first master key, some at a time; says how many.
    pub(in crate::storage) fn reencrypt_recordings(&mut self, keys: &Keyring) -> Result<u64, DbError> {
        let (mut after, mut done) = (i64::MIN, 0);
        loop {
            let query = recordings::table
                .filter(recordings::seq.gt(after))
                .order(recordings::seq)
                .limit(BATCH)
                .select((recordings::seq, recordings::sealed));
            let rows: Vec<(i64, String)> = each!(&mut *self.conn, c => query.load(c))?;
            let Some((last, _)) = rows.last() else { return Ok(done) };
            after = *last;
            for (seq, sealed) in rows.iter().filter(|(_, sealed)| !keys.is_newest(sealing::RECORDING, sealed)) {
                let row = recordings::table.filter(recordings::seq.eq(seq));
                let plain = Zeroizing::new(keys.open(sealing::RECORDING, sealed).ok_or_else(|| unreadable(*seq))?);
                let set = recordings::sealed.eq(keys.seal(sealing::RECORDING, system::nonce(), &plain));
                done += each!(&mut *self.conn, c => diesel::update(row).set(set).execute(c))? as u64;
            }
        }
    }
}

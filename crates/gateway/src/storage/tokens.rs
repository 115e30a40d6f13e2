//! Answers to authorization requests, authorization codes and refresh tokens: kept as fingerprints, looked up across accounts.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
use oauth::store::{Grants, StoreError};
use oauth::{
    Answer, Challenge, ClientId, Code, Fingerprint, Grant, GrantId, RedirectUri, RefreshToken, TokenConstraints,
};

use super::backend::AnyConn;
use super::error::DbError;
use super::grants::{StatusColumns, StatusRow, stands, status_columns, status_tables};
use super::rows::RefreshRow;
use super::schema::{answered_requests, authorization_codes, refresh_tokens};
use super::statement::{Bind, Statement, in_account};
use super::tx::Tx;
use crate::each;
use crate::platform::timestamp::Timestamp;

#[derive(Queryable)]
struct CodeRow {
    request_id: String,
    grant_seq: i64,
    client: String,
    redirect_uri: String,
    redirect_uri_was_sent: bool,
    challenge: Option<String>,
    expires: Timestamp,
    spent: Option<Timestamp>,
    bounds: Option<String>,
    reissues: i32,
    account: Option<i64>,
}

/// The columns of a [`CodeRow`], in its order.
macro_rules! coderow_columns {
    () => {
        (
            authorization_codes::request_id,
            authorization_codes::grant_seq,
            authorization_codes::client,
            authorization_codes::redirect_uri,
            authorization_codes::redirect_uri_was_sent,
            authorization_codes::challenge,
            authorization_codes::expires,
            authorization_codes::spent,
            authorization_codes::bounds,
            authorization_codes::reissues,
            authorization_codes::account,
        )
    };
}

/// The columns of a [`RefreshRow`], in its order.
macro_rules! refreshrow_columns {
    () => {
        (
            refresh_tokens::fingerprint,
            refresh_tokens::grant_seq,
            refresh_tokens::generation,
            refresh_tokens::created,
            refresh_tokens::expires,
            refresh_tokens::used,
            refresh_tokens::bounds,
            refresh_tokens::reissues,
            refresh_tokens::repeats,
            refresh_tokens::account,
        )
    };
}

const SPEND_CODE: &str = "UPDATE authorization_codes SET spent = ?, reissues = ? WHERE account = ? AND fingerprint = ?";

const USE_REFRESH_TOKEN: &str =
    "UPDATE refresh_tokens SET used = ?, reissues = ?, repeats = ? WHERE account = ? AND fingerprint = ?";

/// The same of one that was read while its grant was being taken hold of: where it has changed since, nothing is written (see [`has_changed`](super::error)).
const USE_UNCHANGED: &str = "UPDATE refresh_tokens SET used = ?, repeats = ?, \
     reissues = CASE WHEN used IS NOT DISTINCT FROM ? AND reissues = ? AND repeats = ? THEN ? END WHERE account = ? AND fingerprint = ?";

/// Its successor may be there, where it has changed.
const INSERT_SUCCESSOR: &str = "INSERT INTO refresh_tokens (fingerprint, grant_seq, account, generation, created, expires, used, bounds) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const INSERT_REFRESH_TOKEN: &str = "INSERT INTO refresh_tokens (fingerprint, grant_seq, account, generation, created, expires, used, bounds) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

/// Makes the exchanges of the token's grant take turns.
const HOLD_GRANT_OF: &str = "SELECT g.seq FROM refresh_tokens AS t \
     CROSS JOIN LATERAL (SELECT seq FROM grants WHERE seq = t.grant_seq FOR NO KEY UPDATE) AS g WHERE t.fingerprint = ?";

/// A token with what decides about its grant.
const WITH_STATUS: &str = concat!(
    "SELECT ",
    status_columns!("CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)"),
    ", t.fingerprint, t.grant_seq, t.generation, t.created, t.expires, t.used, t.bounds, t.reissues, t.repeats, t.account",
    status_tables!(),
    " JOIN refresh_tokens AS t ON t.grant_seq = g.seq WHERE t.fingerprint = ? AND ",
    stands!()
);

pub(super) type RefreshColumns =
    (Binary, BigInt, Integer, BigInt, BigInt, Nullable<BigInt>, Nullable<Text>, Integer, Integer, Nullable<BigInt>);

impl RefreshRow {
    fn token(self) -> Result<RefreshToken, DbError> {
        Ok(RefreshToken {
            fingerprint: Fingerprint::from_bytes(&self.fingerprint)
                .ok_or_else(|| DbError::Corrupt("fingerprint of a refresh token".to_owned()))?,
            grant: GrantId { number: self.grant_seq, part: self.account },
            generation: self.generation,
            created: self.created.millis(),
            expires: self.expires.millis(),
            used: self.used.map(Timestamp::millis),
            reissues: self.reissues,
            repeats: self.repeats,
            constraints: TokenConstraints::from_stored(self.bounds.as_deref())
                .ok_or_else(|| DbError::Corrupt("bounds of a refresh token".to_owned()))?,
        })
    }
}

impl Tx<'_> {
    fn read_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<RefreshToken>, DbError> {
        let query = refresh_tokens::table
            .filter(refresh_tokens::fingerprint.eq(fingerprint.as_bytes()))
            .select(refreshrow_columns!());
        let row: Option<RefreshRow> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(RefreshRow::token).transpose()
    }
}

impl oauth::store::Codes for Tx<'_> {
    /// On PostgreSQL the later of two waits here until the earlier is done.
    fn answer_request(&mut self, answer: &Answer) -> Result<bool, StoreError> {
        let row = (
            answered_requests::id.eq(answer.request.as_bytes()),
            answered_requests::denied.eq(answer.denied),
            answered_requests::expires.eq(answer.expires),
        );
        let kept = each!(&mut *self.conn, c => diesel::insert_into(answered_requests::table)
            .values(row)
            .on_conflict(answered_requests::id)
            .do_nothing()
            .execute(c))
        .map_err(DbError::from)?;
        Ok(kept == 1)
    }

    fn answer(&mut self, request: &Fingerprint) -> Result<Option<Answer>, StoreError> {
        let query = answered_requests::table
            .filter(answered_requests::id.eq(request.as_bytes()))
            .select((answered_requests::denied, answered_requests::expires));
        let row: Option<(bool, i64)> =
            each!(&mut *self.conn, c => query.get_result(c).optional()).map_err(DbError::from)?;
        Ok(row.map(|(denied, expires)| Answer { request: request.clone(), denied, expires }))
    }

    fn insert_code(&mut self, code: &Code) -> Result<bool, StoreError> {
        let row = (
            authorization_codes::fingerprint.eq(code.fingerprint.as_bytes()),
            authorization_codes::request_id.eq(&code.request_id),
            authorization_codes::grant_seq.eq(code.grant.number),
            authorization_codes::account.eq(code.grant.part),
            authorization_codes::client.eq(code.client.as_str()),
            authorization_codes::redirect_uri.eq(code.redirect_uri.as_str()),
            authorization_codes::redirect_uri_was_sent.eq(code.redirect_uri_was_sent),
            authorization_codes::challenge.eq(code.challenge.as_ref().map(Challenge::as_str)),
            authorization_codes::expires.eq(code.expires),
            authorization_codes::bounds.eq(code.constraints.to_stored()),
        );
        let stored = each!(&mut *self.conn, c => diesel::insert_into(authorization_codes::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))
        .map_err(DbError::from)?;
        Ok(stored == 1)
    }

    fn lock_code(&mut self, fingerprint: &Fingerprint) -> Result<Option<Code>, StoreError> {
        let query = authorization_codes::table
            .filter(authorization_codes::fingerprint.eq(fingerprint.as_bytes()))
            .select(coderow_columns!());
        let row: Option<CodeRow> = match &mut *self.conn {
            AnyConn::Postgres(c) if c.is_spread() => {
                let place = authorization_codes::table
                    .filter(authorization_codes::fingerprint.eq(fingerprint.as_bytes()))
                    .select(authorization_codes::account);
                let place: Option<Option<i64>> = place.get_result(c.begun()).optional().map_err(DbError::from)?;
                query
                    .filter(authorization_codes::account.eq(place.flatten()))
                    .for_update()
                    .get_result(c.begun())
                    .optional()
            }
            AnyConn::Postgres(c) => query.for_update().get_result(c.begun()).optional(),
            AnyConn::Sqlite(c) => query.get_result(c).optional(),
        }
        .map_err(DbError::from)?;
        let Some(row) = row else { return Ok(None) };
        let corrupt = |what: &str| DbError::Corrupt(format!("{what} of an authorization code"));
        let challenge = match row.challenge {
            Some(text) => Some(Challenge::new(&text).ok_or_else(|| corrupt("challenge"))?),
            None => None,
        };
        Ok(Some(Code {
            fingerprint: fingerprint.clone(),
            request_id: row.request_id,
            grant: GrantId { number: row.grant_seq, part: row.account },
            client: ClientId::new(row.client).ok_or_else(|| corrupt("client"))?,
            redirect_uri: RedirectUri::from_stored(row.redirect_uri),
            redirect_uri_was_sent: row.redirect_uri_was_sent,
            challenge,
            expires: row.expires.millis(),
            spent: row.spent.map(Timestamp::millis),
            reissues: row.reissues,
            constraints: TokenConstraints::from_stored(row.bounds.as_deref()).ok_or_else(|| corrupt("bounds"))?,
        }))
    }

    fn spend_code(&mut self, code: &Code) -> Result<(), StoreError> {
        let of = Bind::Bytes(code.fingerprint.as_bytes().to_vec());
        let account = self.place_of(code.grant)?;
        let binds = vec![Bind::Optional(code.spent), Bind::number(code.reissues), of];
        Statement::<()>::of_account(SPEND_CODE, account, binds).execute(self.conn)?;
        Ok(())
    }
}

impl oauth::store::RefreshTokens for Tx<'_> {
    fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        let binds = vec![
            Bind::Bytes(token.fingerprint.as_bytes().to_vec()),
            Bind::Number(token.grant.number),
            Bind::Optional(token.grant.part),
            Bind::number(token.generation),
            Bind::Number(token.created),
            Bind::Number(token.expires),
            Bind::Optional(token.used),
            Bind::Words(token.constraints.to_stored()),
        ];
        let text = if self.unchanged.is_some() { INSERT_SUCCESSOR } else { INSERT_REFRESH_TOKEN };
        Ok(Statement::<()>::put_off(self.conn, text, binds)?)
    }

    /// The lock is the grant's, so that all exchanges of a chain take turns; what the token says is read under it.
    fn lock_refresh_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
        self.unchanged = None;
        if let Some((status, token)) = self.found_refresh_token(fingerprint) {
            let (grant, token) = (self.note_status(status)?, token.token()?);
            self.unchanged = Some(token.clone());
            return Ok(Some((token, grant)));
        }
        if self.conn.is_spread() {
            // Which node has it is found out first; there it is locked, and read again below.
            if let Some(token) = self.read_token(fingerprint)? {
                self.hold_grant(token.grant)?;
            }
        } else if matches!(&*self.conn, AnyConn::Postgres(_)) {
            let of = vec![Bind::Bytes(fingerprint.as_bytes().to_vec())];
            if Statement::<BigInt>::new(HOLD_GRANT_OF, of.clone()).first::<i64>(self.conn)?.is_none() {
                return Ok(None);
            }
            let row: Option<(StatusRow, RefreshRow)> =
                Statement::<(StatusColumns, RefreshColumns)>::new(WITH_STATUS, of).first(self.conn)?;
            if let Some((status, token)) = row {
                let grant = self.note_status(status)?;
                return Ok(Some((token.token()?, grant)));
            }
        }
        let Some(token) = self.read_token(fingerprint)? else { return Ok(None) };
        Ok(self.grant(token.grant)?.map(|grant| (token, grant)))
    }

    /// Without a lock, for those who only look.
    fn refresh_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<(RefreshToken, Grant)>, StoreError> {
        let Some(token) = self.read_token(fingerprint)? else { return Ok(None) };
        Ok(self.grant(token.grant)?.map(|grant| (token, grant)))
    }

    fn refresh_token_of(&mut self, grant: GrantId, generation: i32) -> Result<Option<RefreshToken>, StoreError> {
        let query = refresh_tokens::table
            .filter(refresh_tokens::account.eq(self.place_of(grant)?))
            .filter(refresh_tokens::grant_seq.eq(grant.number))
            .filter(refresh_tokens::generation.eq(generation))
            .select(refreshrow_columns!());
        let row: Option<RefreshRow> =
            each!(&mut *self.conn, c => query.get_result(c).optional()).map_err(DbError::from)?;
        Ok(row.map(RefreshRow::token).transpose()?)
    }

    fn use_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        let of = Bind::Bytes(token.fingerprint.as_bytes().to_vec());
        let account = self.place_of(token.grant)?;
        if let Some(read) = self.unchanged.take().filter(|read| read.fingerprint == token.fingerprint) {
            let before = [Bind::Optional(read.used), Bind::number(read.reissues), Bind::number(read.repeats)];
            let binds = [vec![Bind::Optional(token.used), Bind::number(token.repeats)], before.into()].concat();
            let binds = [binds, vec![Bind::number(token.reissues), of]].concat();
            let binds = in_account(USE_UNCHANGED, account, binds);
            return Ok(Statement::<()>::put_off(self.conn, USE_UNCHANGED, binds)?);
        }
        let counts = [token.reissues, token.repeats].map(Bind::number);
        let binds = [vec![Bind::Optional(token.used)], counts.into(), vec![of]].concat();
        let binds = in_account(USE_REFRESH_TOKEN, account, binds);
        Ok(Statement::<()>::put_off(self.conn, USE_REFRESH_TOKEN, binds)?)
    }
}

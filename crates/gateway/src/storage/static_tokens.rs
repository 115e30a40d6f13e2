//! Static tokens: kept as fingerprints, looked up across accounts. The account is that of the grant behind them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use oauth::{Fingerprint, Scopes, StaticToken, StoreError};

use super::error::DbError;
use super::grants::{StatusColumns, StatusRow, stands, status_columns};
use super::rows::TokenRow;
use super::schema::static_tokens;
use super::statement::{Bind, Statement};
use super::tx::{GrantContext, Tx};
use crate::domain::ids::ClientKey;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// A static token as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct StaticTokenRecord {
    /// Its public name.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it opens.
    pub scope: String,
    /// Milliseconds since the epoch.
    pub created: Timestamp,
    /// Milliseconds since the epoch.
    pub expires: Timestamp,
    /// To the hour.
    pub last_used: Option<Timestamp>,
    /// The client's own grant when it was made.
    pub grant: i64,
}

/// The columns of a [`StaticTokenRecord`], in its order.
pub(super) const RECORD_COLUMNS: RecordColumns = (
    static_tokens::id,
    static_tokens::name,
    static_tokens::scope,
    static_tokens::created,
    static_tokens::expires,
    static_tokens::last_used,
    static_tokens::grant_seq,
);

type RecordColumns = (
    static_tokens::id,
    static_tokens::name,
    static_tokens::scope,
    static_tokens::created,
    static_tokens::expires,
    static_tokens::last_used,
    static_tokens::grant_seq,
);

/// What a static token has beside its status.
pub(super) type TokenColumns = (Text, Text, BigInt, BigInt, Nullable<BigInt>, Text);

macro_rules! by_fingerprint {
    ($more:literal) => {
        concat!(
            "SELECT ",
            status_columns!("CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)"),
            ", s.id, s.scope, s.created, s.expires, s.last_used, c.scopes FROM static_tokens AS s \
             JOIN grants AS g ON g.seq = s.grant_seq JOIN clients AS c ON c.seq = g.client LEFT JOIN accounts AS a ON a.seq = g.account \
             LEFT JOIN resources AS o ON o.account = g.account AND o.seq = g.owner WHERE s.fingerprint = ? AND ",
            stands!(),
            $more
        )
    };
}
const BY_FINGERPRINT: &str = by_fingerprint!("");

/// Where accounts lie on several nodes: first its account, which is its client's, and then there.
const PLACE: &str = "SELECT COALESCE(c.account, 0) FROM static_tokens AS s JOIN clients AS c ON c.seq = s.client WHERE s.fingerprint = ?";
const BY_FINGERPRINT_THERE: &str = by_fingerprint!(" AND g.account = ?");

impl Tx<'_> {
    /// Keeps a static token of a client.
    pub fn insert_static_token(
        &mut self,
        client: ClientKey,
        fingerprint: &Fingerprint,
        record: &StaticTokenRecord,
    ) -> Result<(), DbError> {
        let row = (
            static_tokens::id.eq(&record.id),
            static_tokens::client.eq(client),
            static_tokens::grant_seq.eq(record.grant),
            static_tokens::fingerprint.eq(fingerprint.as_bytes()),
            static_tokens::name.eq(&record.name),
            static_tokens::scope.eq(&record.scope),
            static_tokens::created.eq(record.created),
            static_tokens::expires.eq(record.expires),
        );
        each!(&mut *self.conn, c => diesel::insert_into(static_tokens::table).values(row).execute(c))?;
        Ok(())
    }

    /// A client's static tokens, oldest first, without what is secret about them.
    pub fn static_tokens(&mut self, client: ClientKey) -> Result<Vec<StaticTokenRecord>, DbError> {
        let query = static_tokens::table
            .filter(static_tokens::client.eq(client))
            .order((static_tokens::created, static_tokens::id))
            .select(RECORD_COLUMNS);
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The other static tokens of a client count until then at most.
    pub fn limit_other_static_tokens(
        &mut self,
        client: ClientKey,
        kept: &str,
        until: Timestamp,
    ) -> Result<(), DbError> {
        let others = static_tokens::table
            .filter(static_tokens::client.eq(client))
            .filter(static_tokens::id.ne(kept))
            .filter(static_tokens::expires.gt(until));
        each!(&mut *self.conn, c => diesel::update(others).set(static_tokens::expires.eq(until)).execute(c))?;
        Ok(())
    }

    /// Ends a static token of a client; `false` if it has none of this name.
    pub fn end_static_token_of(&mut self, client: ClientKey, id: &str) -> Result<bool, DbError> {
        let row = static_tokens::table.filter(static_tokens::client.eq(client)).filter(static_tokens::id.eq(id));
        Ok(each!(&mut *self.conn, c => diesel::delete(row).execute(c))? > 0)
    }

    /// Notes that a static token was used.
    pub fn touch_static_token(&mut self, id: &str, now: Timestamp) -> Result<(), DbError> {
        let row = static_tokens::table.filter(static_tokens::id.eq(id));
        each!(&mut *self.conn, c => diesel::update(row).set(static_tokens::last_used.eq(now)).execute(c))?;
        Ok(())
    }

    /// A static token with what decides whether it counts, in one look-up, with the account it opens.
    pub(super) fn find_static_token(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<(StaticToken, GrantContext)>, DbError> {
        let of = vec![Bind::Bytes(fingerprint.as_bytes().to_vec())];
        let statement = match self.conn.is_spread() {
            false => Statement::<(StatusColumns, TokenColumns)>::new(BY_FINGERPRINT, of),
            true => {
                let place: Option<i64> = Statement::<BigInt>::new(PLACE, of.clone()).first(self.conn)?;
                let Some(account) = place else { return Ok(None) };
                Statement::of_account(BY_FINGERPRINT_THERE, account, of)
            }
        };
        let row: Option<(StatusRow, TokenRow)> = statement.first(self.conn)?;
        row.map(|row| self.static_token_of(row)).transpose()
    }

    pub(super) fn static_token_of(
        &mut self,
        (status, token): (StatusRow, TokenRow),
    ) -> Result<(StaticToken, GrantContext), DbError> {
        let (id, scope, created, expires, last_used, client_scopes) = token;
        let corrupt = || DbError::Corrupt(format!("scope of static token {id}"));
        let scope = Scopes::parse(&scope).ok_or_else(corrupt)?;
        let of_client = Scopes::parse(&client_scopes).ok_or_else(corrupt)?;
        let scope = scope.only(|scope| of_client.contains(scope));
        let (status, context) = self.status_of(status)?;
        let (created, expires, last_used) = (created.millis(), expires.millis(), last_used.map(Timestamp::millis));
        Ok((StaticToken { id, scope, created, expires, last_used, status }, context))
    }
}

impl oauth::store::StaticTokens for Tx<'_> {
    fn static_token(&mut self, fingerprint: &Fingerprint) -> Result<Option<StaticToken>, StoreError> {
        Ok(self.find_static_token(fingerprint)?.map(|(token, _)| token))
    }

    fn end_static_token(&mut self, id: &str) -> Result<(), StoreError> {
        let row = static_tokens::table.filter(static_tokens::id.eq(id));
        each!(&mut *self.conn, c => diesel::delete(row).execute(c)).map_err(DbError::from)?;
        Ok(())
    }
}

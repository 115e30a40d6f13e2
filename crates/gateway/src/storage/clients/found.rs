//! A client as the protocol needs it, in one statement: with its account and its secrets; and with what its request will ask next, where
//! the request says so ([`Tx::client_will_ask_for`]): a statement costs PostgreSQL what a round trip costs.

use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use oauth::bearer::LookUp;
use oauth::{Client, ClientId, ClientSecret, Fingerprint, Grant, GrantId, TokenId, TokenStatus};

use super::super::along::{Found, Next, Question, Reply};
use super::super::backend::AnyConn;
use super::super::error::DbError;
use super::super::grants::{GrantColumns, StatusColumns, stands, status_columns, status_tables};
use super::super::rows::{ClientValues, GrantRow, RefreshRow, StatusRow};
use super::super::statement::{Bind, Dialects, Statement};
use super::super::tokens::RefreshColumns;
use super::super::tx::Tx;
use super::Row;

/// The columns of a client that is called `q`, of its account, and its secrets as JSON.
macro_rules! client_columns {
    ($secrets:literal) => {
        concat!(
            "q.seq, q.id, q.account, q.name, q.profile, q.okta_app_name, q.public, q.redirect_uris, q.grant_types, q.scopes, q.default_scope, \
             q.require_pkce, q.disabled, q.created, q.options, q.recorded_until, q.recorded_by, qa.seq, qa.id, qa.name, qa.suspended, (SELECT ",
            $secrets,
            " FROM client_secrets AS s WHERE s.client = q.seq)"
        )
    };
}

pub(in crate::storage) use client_columns;

macro_rules! in_dialects {
    ($before:expr, $after:expr) => {
        Dialects {
            sqlite: concat!(
                "SELECT ",
                $before,
                client_columns!("json_group_array(json_array(s.id, hex(s.fingerprint), s.expires, s.last_used))"),
                $after
            ),
            postgres: concat!(
                "SELECT ",
                $before,
                client_columns!(
                    "json_agg(json_build_array(s.id, encode(s.fingerprint, 'hex'), s.expires, s.last_used))::text"
                ),
                $after
            ),
        }
    };
}

const BY_ID: Dialects = in_dialects!(
    "",
    " FROM clients AS q LEFT JOIN accounts AS qa ON qa.seq = q.account AND qa.deleted IS NULL WHERE q.id = ?"
);

const WITH_OWN_GRANT: Dialects = in_dialects!(
    "g.seq, g.account, q.id, g.owner_id, g.scope, g.nonce, g.auth_time, g.authentication, g.created, g.ended, g.rebound, g.delivered, g.delivered_at, ",
    " FROM clients AS q JOIN grants AS g ON g.client = q.seq AND g.owner IS NULL AND g.ended IS NULL \
     LEFT JOIN accounts AS qa ON qa.seq = q.account AND qa.deleted IS NULL WHERE q.id = ?"
);

const WITH_TOKEN: Dialects = in_dialects!(
    concat!(
        status_columns!(
            "(SELECT t.expires FROM revoked_tokens AS t WHERE t.id = ?), (SELECT t.expires FROM revoked_tokens AS t WHERE t.id = ?)"
        ),
        ", "
    ),
    concat!(
        status_tables!(),
        " CROSS JOIN clients AS q LEFT JOIN accounts AS qa ON qa.seq = q.account AND qa.deleted IS NULL \
         WHERE g.account = ? AND g.seq = ? AND ",
        stands!(),
        " AND q.id = ?"
    )
);

/// A refresh token with what decides about its grant, which is held from here on, if it is of this client; what another transaction holds is not
/// waited for.
const WITH_REFRESH_TOKEN: &str = concat!(
    "SELECT ",
    status_columns!("CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)"),
    ", t.fingerprint, t.grant_seq, t.generation, t.created, t.expires, t.used, t.bounds, t.reissues, t.repeats, t.account, ",
    client_columns!("json_agg(json_build_array(s.id, encode(s.fingerprint, 'hex'), s.expires, s.last_used))::text"),
    " FROM refresh_tokens AS t \
     CROSS JOIN LATERAL (SELECT * FROM grants WHERE seq = t.grant_seq FOR NO KEY UPDATE SKIP LOCKED) AS g \
     JOIN clients AS c ON c.seq = g.client JOIN clients AS q ON q.seq = g.client \
     LEFT JOIN accounts AS a ON a.seq = g.account LEFT JOIN resources AS o ON o.account = g.account AND o.seq = g.owner \
     LEFT JOIN accounts AS qa ON qa.seq = q.account AND qa.deleted IS NULL WHERE t.fingerprint = ? AND ",
    stands!(),
    " AND q.id = ?"
);

/// The types of the columns of a client.
pub(in crate::storage) type Columns = (
    (BigInt, Text, Nullable<BigInt>, Text, Text, Nullable<Text>, Bool, Text),
    (Text, Text, Text, Bool, Bool, BigInt, Text),
    (Nullable<BigInt>, Nullable<Text>),
    (Nullable<BigInt>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>),
    Nullable<Text>,
);
/// A secret as JSON has it: its name, its fingerprint in hexadecimal digits, when it expires and when it was used last.
type Secret = (String, String, Option<i64>, Option<i64>);

impl Tx<'_> {
    /// What the client that is looked up next will ask for.
    pub(crate) fn client_will_ask_for(&mut self, next: Option<Next>) {
        (self.next, self.found) = (next, None);
    }

    /// A client with its secrets.
    pub(super) fn client_with_secrets(&mut self, id: &ClientId) -> Result<Option<Client>, DbError> {
        let of = || Bind::Text(id.as_str().to_owned());
        if let Some(Next::Refresh(token)) = self.next.take_if(|next| matches!(next, Next::Refresh(_)))
            && let Some(row) = self.client_with_refresh_token(id, token)?
        {
            return self.client_of(row);
        }
        let next = self.next.take().filter(|_| self.sees_one_snapshot());
        let told = next.clone().map(|next| self.told(Question::Client(id.clone(), next))).transpose()?.flatten();
        match next {
            // Of which account it is, is known only now: where accounts lie on several nodes, the grant is asked for next.
            Some(Next::OwnGrant) if self.conn.is_spread() => {}
            Some(Next::OwnGrant) => {
                let row = match told {
                    Some(Reply::OwnGrant(row)) => row.map(|row| *row),
                    _ => {
                        let text = WITH_OWN_GRANT.of(self.conn);
                        let rows: Vec<(GrantRow, ClientValues)> =
                            Statement::<(GrantColumns, Columns)>::new(text, vec![of()]).load_as_it_is(self.conn)?;
                        rows.into_iter().next()
                    }
                };
                if let Some((grant, client)) = row {
                    self.found = Some(Found::OwnGrant(id.clone(), Box::new(grant)));
                    return self.client_of(client);
                }
            }
            Some(Next::Token(LookUp::Grant(grant, token, response))) => {
                let row = match told {
                    Some(Reply::Token(row)) => row.map(|row| *row),
                    _ => {
                        let account = self.place_of(grant)?;
                        let revoked = [token, response].map(|id| Bind::Bytes(id.0.to_vec())).to_vec();
                        let binds = [revoked, vec![Bind::number(grant.number), of()]].concat();
                        let text = WITH_TOKEN.of(self.conn);
                        let rows: Vec<(StatusRow, ClientValues)> =
                            Statement::<(StatusColumns, Columns)>::of_account(text, account, binds)
                                .load_as_it_is(self.conn)?;
                        rows.into_iter().next()
                    }
                };
                if let Some((status, client)) = row {
                    self.found = Some(Found::Token((grant, token, response), Box::new(status)));
                    return self.client_of(client);
                }
            }
            Some(Next::Token(LookUp::StaticToken(_)) | Next::Refresh(_)) | None => {}
        }
        let row: Option<ClientValues> = Statement::<Columns>::new(BY_ID.of(self.conn), vec![of()]).first(self.conn)?;
        row.map_or(Ok(None), |row| self.client_of(row))
    }

    /// A client with its refresh token, on PostgreSQL, where no other transaction holds the grant. Where accounts lie on several nodes, on which
    /// one the grant is held is to be found out first.
    fn client_with_refresh_token(
        &mut self,
        id: &ClientId,
        token: Fingerprint,
    ) -> Result<Option<ClientValues>, DbError> {
        if self.reads || self.conn.is_spread() || matches!(&*self.conn, AnyConn::Sqlite(_)) {
            return Ok(None);
        }
        let binds = vec![Bind::Bytes(token.as_bytes().to_vec()), Bind::Text(id.as_str().to_owned())];
        let row: Option<(StatusRow, RefreshRow, ClientValues)> =
            Statement::<(StatusColumns, RefreshColumns, Columns)>::new(WITH_REFRESH_TOKEN, binds).first(self.conn)?;
        let (Some((status, row, client)), Some(asked)) = (row, self.asked()) else { return Ok(None) };
        self.found = Some(Found::Refresh(token, Box::new((status, row)), asked));
        Ok(Some(client))
    }

    /// A refresh token that came along, with what decides about its grant.
    pub(in crate::storage) fn found_refresh_token(&mut self, token: &Fingerprint) -> Option<(StatusRow, RefreshRow)> {
        let asked = self.asked();
        match self.found.take() {
            Some(Found::Refresh(of, row, then)) if of == *token && Some(then) == asked => Some(*row),
            _ => None,
        }
    }

    /// The client's own grant, if it came along.
    pub(in crate::storage) fn found_own_grant(&mut self, client: &ClientId) -> Result<Option<Grant>, DbError> {
        match self.found.take().filter(|_| self.sees_one_snapshot()) {
            Some(Found::OwnGrant(of, row)) if of == *client => self.grant_of(*row).map(Some),
            _ => Ok(None),
        }
    }

    /// What decides about this token, if it came along.
    pub(in crate::storage) fn found_status(
        &mut self,
        token: (GrantId, &TokenId, &TokenId),
    ) -> Result<Option<TokenStatus>, DbError> {
        match self.found.take().filter(|found| matches!(found, Found::Held(..)) || self.sees_one_snapshot()) {
            Some(Found::Held(status, asked)) => {
                let is_it = status.grant.id == token.0 && [token.1, token.2] == [&TokenId::NONE; 2];
                Ok(Some(status).filter(|_| is_it && self.asked() == Some(asked)))
            }
            Some(Found::Token((grant, id, response), row)) if (grant, &id, &response) == token => {
                Ok(Some(self.status_of(*row)?.0))
            }
            _ => Ok(None),
        }
    }

    /// What decides about a grant that is held from here on, for whom asks it next.
    pub(in crate::storage) fn note_status(&mut self, row: StatusRow) -> Result<Grant, DbError> {
        let status = self.status_of(row)?.0;
        let grant = status.grant.clone();
        self.found = self.asked().map(|asked| Found::Held(status, asked));
        Ok(grant)
    }

    /// Whether what was asked a moment ago is still so for this unit of work: it only reads, and on PostgreSQL its transaction has not
    /// begun.
    fn sees_one_snapshot(&self) -> bool {
        match &*self.conn {
            AnyConn::Postgres(session) => session.owes(),
            AnyConn::Sqlite(_) => self.reads,
        }
    }

    /// The clients of a deleted account are gone, whenever their rows go.
    fn client_of(&mut self, row: ClientValues) -> Result<Option<Client>, DbError> {
        let (own, rest, recorded, account, secrets) = row;
        let (seq, id, of, name, profile, okta_app_name, public, redirect_uris) = own;
        let (grant_types, scopes, default_scope, require_pkce, disabled, created, options) = rest;
        let (account, account_id, account_name, suspended) = account;
        match (of, account, account_id, account_name) {
            (Some(_), Some(account), Some(id), Some(name)) => self.note_account(account, &id, &name),
            (Some(_), ..) => return Ok(None),
            (None, ..) => {}
        }
        self.asker = Some((id.clone(), of));
        self.note_recorded(recorded.0, (seq, &id), None);
        let row = Row {
            seq,
            id,
            account: of,
            name,
            profile,
            okta_app_name,
            public,
            redirect_uris,
            grant_types,
            scopes,
            default_scope,
            require_pkce,
            disabled,
            created,
            options,
            recorded,
        };
        let mut client = row.record()?.client;
        client.suspended = suspended.is_some();
        let corrupt = || DbError::Corrupt(format!("secrets of client {}", client.id));
        let secrets: Vec<Secret> = match &secrets {
            Some(json) => serde_json::from_str(json).map_err(|_| corrupt())?,
            None => Vec::new(),
        };
        let secret = |(id, digits, expires, last_used): Secret| {
            let fingerprint = fingerprint(&digits).ok_or_else(corrupt)?;
            Ok(ClientSecret { id, fingerprint, expires, last_used })
        };
        let secrets: Result<Vec<ClientSecret>, DbError> = secrets.into_iter().map(secret).collect();
        client.secrets = secrets?;
        Ok(Some(client))
    }
}

fn fingerprint(digits: &str) -> Option<Fingerprint> {
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    Fingerprint::from_bytes(&bytes?)
}

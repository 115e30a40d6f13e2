//! How the users of an account log in, as their administrator sees it.

use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use serde_json::{Map, Value};

use super::error::DbError;
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, UserKey};
use crate::platform::timestamp::Timestamp;

/// A user who can log in, or is meant to.
#[derive(Debug, Clone)]
pub struct LogInState {
    /// Their number in storage.
    pub user: UserKey,
    /// Their attributes.
    pub attributes: Map<String, Value>,
    /// Whether they are a service account.
    pub service_account: bool,
    /// Whether they have a password.
    pub password: bool,
    /// Whether they have an authenticator app.
    pub second_factor: bool,
    /// Whether they are known at the account's OpenID provider.
    pub provider: bool,
    /// When a browser in which they are logged in last came by.
    pub last_seen: Option<Timestamp>,
}

macro_rules! states {
    ($login:literal, $from:literal, $same_account:literal, $which:literal) => {
        concat!(
            "SELECT r.seq, r.document, ",
            $login,
            ", COALESCE((SELECT f.confirmed IS NOT NULL FROM second_factors AS f WHERE f.account = ? AND f.resource = r.seq), FALSE), \
             (SELECT u.created FROM upstream_identities AS u WHERE u.account = ? AND u.resource = r.seq LIMIT 1) IS NOT NULL, \
             (SELECT MAX(s.last_seen) FROM sessions AS s WHERE s.account = ? AND s.owner = r.seq) FROM ",
            $from,
            $same_account,
            $which
        )
    };
}

macro_rules! by_password {
    ($same_account:literal) => {
        states!(
            "l.service_account, l.password_hash IS NOT NULL",
            "logins AS l JOIN resources AS r ON r.seq = l.resource",
            $same_account,
            " WHERE l.account = ? AND r.seq > ? AND r.active ORDER BY r.seq LIMIT ?"
        )
    };
}
const BY_PASSWORD: Dialects =
    Dialects { sqlite: by_password!(""), postgres: by_password!(" AND r.account = l.account") };

macro_rules! by_provider {
    ($same_account:literal) => {
        states!(
            "FALSE, FALSE",
            "upstream_identities AS i JOIN resources AS r ON r.seq = i.resource",
            $same_account,
            " WHERE i.account = ? AND r.seq > ? AND r.active \
             AND NOT EXISTS (SELECT 1 FROM logins AS l WHERE l.account = ? AND l.resource = r.seq) ORDER BY r.seq LIMIT ?"
        )
    };
}
const BY_PROVIDER: Dialects =
    Dialects { sqlite: by_provider!(""), postgres: by_provider!(" AND r.account = i.account") };

impl Tx<'_> {
    /// The active users of an account behind a row who have a password, are service accounts, or have logged in at its OpenID provider, in the
    /// order of their rows: `limit` at most.
    pub fn log_in_states(&mut self, account: AccountKey, after: i64, limit: i64) -> Result<Vec<LogInState>, DbError> {
        type Columns = (BigInt, Text, Bool, Bool, Bool, Bool, Nullable<BigInt>);
        type Row = (UserKey, String, bool, bool, bool, bool, Option<Timestamp>);
        let mut states = Vec::new();
        for query in [BY_PASSWORD, BY_PROVIDER] {
            let binds = vec![Bind::number(after), Bind::number(limit)];
            let rows: Vec<Row> =
                Statement::<Columns>::of_account(query.of(self.conn), account, binds).load(self.conn)?;
            states.extend(rows.into_iter().map(|row| {
                let (user, document, service_account, password, second_factor, provider, last_seen) = row;
                let attributes = serde_json::from_str(&document).unwrap_or_default();
                LogInState { user, attributes, service_account, password, second_factor, provider, last_seen }
            }));
        }
        states.sort_by_key(|state| i64::from(state.user));
        states.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(states)
    }
}

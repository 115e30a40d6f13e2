//! What a person has accepted and not taken back, as they see it: by client, however often they accepted.

use diesel::Queryable;
use diesel::sql_types::{BigInt, Nullable, Text};
use oauth::{ClientId, EndReason, GrantId, Scopes};

use super::bulk_revocations::{ended, provisions};
use super::error::DbError;
use super::statement::{Bind, Statement};
use super::tx::Tx;

use crate::domain::ids::{AccountKey, UserKey};
use crate::platform::timestamp::Timestamp;

/// What one client may do in a person's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The client's public name.
    pub client: String,
    /// The client's name for people.
    pub client_name: String,
    /// All that was accepted.
    pub scope: Scopes,
    /// When it was first accepted, in milliseconds since the epoch.
    pub since: Timestamp,
    /// When the client last renewed its access, if it ever did.
    pub renewed: Option<Timestamp>,
    /// When the client last sent a request for provisioning, as far as the request log knows.
    pub last_request: Option<Timestamp>,
}

pub(super) const ACCEPTED_SCOPES: &str = concat!(
    "SELECT g.scope FROM grants AS g JOIN clients AS c ON c.seq = g.client \
     WHERE g.owner_id = ? AND c.id = ? AND g.ended IS NULL AND ",
    ended!("e.at", "g.ended"),
    " IS NULL AND g.rebound IS NULL ORDER BY g.seq DESC LIMIT 100"
);

/// The plus keeps the planner from going through all grants of the account.
macro_rules! of_owner {
    ($account:literal) => {
        concat!(
            "SELECT c.id, c.name, g.scope, g.created, \
             (SELECT MAX(t.created) FROM refresh_tokens AS t WHERE t.account = ? AND t.grant_seq = g.seq AND t.generation > 0), \
             (SELECT a.last_request FROM client_activity AS a WHERE a.client = g.client) \
             FROM grants AS g JOIN clients AS c ON c.seq = g.client WHERE g.owner_id = ? AND ",
            $account,
            " = ? AND g.ended IS NULL AND ",
            ended!("e.at", "g.ended"),
            " IS NULL ORDER BY g.seq"
        )
    };
}
const OF_OWNER: &str = of_owner!("+g.account");
const OF_OWNER_THERE: &str = of_owner!("g.account");

macro_rules! of_owner_and_client {
    ($account:literal) => {
        concat!(
            "SELECT g.seq FROM grants AS g JOIN clients AS c ON c.seq = g.client WHERE g.owner_id = ? AND ",
            $account,
            " = ? AND c.id = ? AND g.ended IS NULL AND ",
            ended!("e.at", "g.ended"),
            " IS NULL ORDER BY g.seq"
        )
    };
}
const GRANTS: &str = of_owner_and_client!("+g.account");
const GRANTS_THERE: &str = of_owner_and_client!("g.account");

/// A connection for provisioning, and the user it is under.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(crate) struct Connected {
    /// Whose account it opens.
    pub(crate) account: AccountKey,
    /// The user's number in storage,
    pub(crate) owner: UserKey,
    /// and their id.
    pub(crate) owner_id: String,
    /// The client's name for people.
    pub(crate) client_name: String,
    /// When it was accepted, in milliseconds since the epoch.
    pub(crate) created: Timestamp,
    /// When what was issued last was first used; `None` if nothing was ever used.
    pub(crate) used: Option<Timestamp>,
}

type ConnectedColumns = (BigInt, BigInt, Text, Text, BigInt, Nullable<BigInt>);

const CONNECTED: &str = "SELECT g.account, r.seq, r.id, c.name, g.created, g.delivered_at FROM grants AS g \
     JOIN clients AS c ON c.seq = g.client JOIN resources AS r ON r.account = g.account AND r.seq = g.owner \
     WHERE g.account = ? AND g.seq = ?";

const OF_CLIENT: &str = concat!(
    "SELECT g.account, r.seq, r.id, c.name, g.created, g.delivered_at FROM clients AS c \
     JOIN grants AS g ON g.client = c.seq AND g.account = ? AND g.ended IS NULL JOIN resources AS r ON r.account = g.account AND r.seq = g.owner \
     WHERE c.id = ? AND ",
    provisions!(),
    " AND ",
    ended!("e.at", "g.ended"),
    " IS NULL ORDER BY g.seq DESC LIMIT ?"
);

impl Tx<'_> {
    /// The user a grant is under; `None` if there is none.
    pub(crate) fn connected(&mut self, grant: GrantId) -> Result<Option<Connected>, DbError> {
        let (account, number) = (self.place_of(grant)?, vec![Bind::number(grant.number)]);
        Statement::<ConnectedColumns>::of_account(CONNECTED, account, number).first(self.conn)
    }

    /// The connections for provisioning that a client has in an account, the newest first; not more than `limit`.
    pub(crate) fn connections_of_client(
        &mut self,
        account: AccountKey,
        client: &ClientId,
        limit: i64,
    ) -> Result<Vec<Connected>, DbError> {
        let binds = vec![Bind::number(account), Bind::Text(client.as_str().to_owned()), Bind::number(limit)];
        Statement::<ConnectedColumns>::new(OF_CLIENT, binds).load(self.conn)
    }

    /// A person's connections, in the order they were first accepted.
    pub fn connections_of(&mut self, account: AccountKey, owner: &str) -> Result<Vec<Connection>, DbError> {
        type Columns = (Text, Text, Text, BigInt, Nullable<BigInt>, Nullable<BigInt>);
        type Row = (String, String, String, Timestamp, Option<Timestamp>, Option<Timestamp>);
        let binds = vec![Bind::Text(owner.to_owned())];
        let rows: Vec<Row> = Statement::<Columns>::of_account(self.or_there(OF_OWNER, OF_OWNER_THERE), account, binds)
            .load(self.conn)?;
        let mut connections: Vec<Connection> = Vec::new();
        for (client, client_name, scope, since, renewed, last_request) in rows {
            let scope = oauth::store::scopes_from_stored(&scope);
            match connections.iter_mut().find(|connection| connection.client == client) {
                Some(connection) => {
                    connection.scope = connection.scope.and(&scope);
                    connection.renewed = connection.renewed.max(renewed);
                }
                None => connections.push(Connection { client, client_name, scope, since, renewed, last_request }),
            }
        }
        Ok(connections)
    }

    /// Takes back everything this person accepted for this client; says whether there was anything.
    pub fn end_connection(
        &mut self,
        account: AccountKey,
        owner: &str,
        client: &str,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        let binds = vec![Bind::Text(owner.to_owned()), Bind::number(account), Bind::Text(client.to_owned())];
        let grants: Vec<i64> = Statement::<BigInt>::new(self.or_there(GRANTS, GRANTS_THERE), binds).load(self.conn)?;
        let mut ended = false;
        for grant in grants {
            ended |= self.end_grant_for(GrantId::within(account.into(), grant), now, EndReason::Owner)?;
        }
        Ok(ended)
    }
}

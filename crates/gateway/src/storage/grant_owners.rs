//! On whom connections for provisioning rest: the owners of the grants that are open.

use diesel::Queryable;
use diesel::sql_types::{BigInt, Bool, Text};
use serde_json::{Map, Value};

use super::bulk_revocations::{ended, provisions};
use super::error::DbError;
use super::statement::{Bind, Dialects, Statement, dialects};
use super::tx::Tx;
use crate::domain::account::ServiceAccounts;
use crate::domain::ids::{AccountKey, ClientKey, UserKey};

/// How many owners of a client's connections are looked at.
const OWNERS: i64 = 50;
/// How many connections of one owner are looked at, the newest of them.
const CONNECTIONS: i64 = 100;

/// A user on whom connections rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantOwner {
    /// Their number in storage.
    pub seq: UserKey,
    /// Their account.
    pub account: AccountKey,
    /// Their id.
    pub id: String,
    /// Their `userName`.
    pub name: String,
    /// Whether an identity provider has written them.
    pub managed: bool,
    /// Whether they are a service account.
    pub service_account: bool,
}

#[derive(Queryable)]
struct Row {
    seq: UserKey,
    account: AccountKey,
    id: String,
    document: String,
    managed: bool,
    service_account: bool,
}

type Columns = (BigInt, BigInt, Text, Text, Bool, Bool);

impl From<Row> for GrantOwner {
    fn from(row: Row) -> GrantOwner {
        let Row { seq, account, id, document, managed, service_account } = row;
        let attributes: Value = serde_json::from_str(&document).unwrap_or_default();
        let name = attributes["userName"].as_str().unwrap_or(&id).to_owned();
        GrantOwner { seq, account, id, name, managed, service_account }
    }
}

impl GrantOwner {
    /// Whether connections end when this user leaves, as people do, or when an identity provider that has written the user wants it, where
    /// the account lets it.
    pub fn is_at_risk(&self, policy: ServiceAccounts) -> bool {
        !self.service_account || (self.managed && policy == ServiceAccounts::Writable)
    }

    /// Whether an operator should know: also where an identity provider will be refused.
    pub fn is_worth_a_warning(&self) -> bool {
        self.managed || !self.service_account
    }
}

/// Each owner once, from one to the next by the index; then those with an open connection.
macro_rules! of_client {
    ($join:literal) => {
        concat!(
            "WITH RECURSIVE owners (owner, n) AS (\
             SELECT (SELECT MIN(g.owner) FROM grants AS g WHERE g.client = ? AND g.owner IS NOT NULL AND g.ended IS NULL), 1 UNION ALL \
             SELECT (SELECT MIN(g.owner) FROM grants AS g WHERE g.client = ? AND g.owner > owners.owner AND g.ended IS NULL), \
             owners.n + 1 FROM owners WHERE owners.owner IS NOT NULL AND owners.n < ?) \
             SELECT r.seq, r.account, r.id, r.document, r.provisioned, \
             COALESCE((SELECT l.service_account FROM logins AS l WHERE l.resource = r.seq), FALSE) FROM owners ",
            $join,
            " WHERE r.active AND EXISTS (SELECT 1 FROM grants AS g WHERE g.client = ? AND g.owner = owners.owner AND g.ended IS NULL \
             AND ",
    provisions!(),
    " AND ",
            ended!("e.at", "g.ended"),
            " IS NULL) ORDER BY r.seq"
        )
    };
}

const OF_CLIENT: Dialects = Dialects {
    sqlite: of_client!("CROSS JOIN resources AS r ON r.seq = owners.owner"),
    postgres: of_client!(
        "CROSS JOIN LATERAL (SELECT seq, account, id, document, provisioned, active FROM resources \
         WHERE seq = owners.owner OFFSET 0) AS r"
    ),
};

/// Where accounts lie on several nodes, none of which could go on from one owner to the next: all grants of the client are looked at.
const OF_CLIENT_ANYWHERE: &str = concat!(
    "SELECT DISTINCT r.seq, r.account, r.id, r.document, r.provisioned, COALESCE(l.service_account, FALSE) FROM grants AS g \
     JOIN resources AS r ON r.account = g.account AND r.seq = g.owner \
     LEFT JOIN logins AS l ON l.account = g.account AND l.resource = g.owner \
     WHERE g.client = ? AND g.ended IS NULL AND r.active AND ",
    provisions!(),
    " AND ",
    ended!("e.at", "g.ended"),
    " IS NULL ORDER BY r.seq LIMIT ?"
);

const OWNER: &str = "SELECT r.seq, r.account, r.id, r.document, r.provisioned, \
     COALESCE((SELECT l.service_account FROM logins AS l WHERE l.account = ? AND l.resource = r.seq), FALSE) \
     FROM resources AS r WHERE r.account = ? AND r.seq = ? AND r.active";

const MANAGED_SERVICE_ACCOUNTS: Dialects = dialects!("SELECT r.seq FROM logins AS l JOIN resources AS r ON r.seq = l.resource" [" AND r.account = l.account"] " \
     WHERE l.account = ? AND l.service_account AND r.provisioned AND r.active ORDER BY r.seq LIMIT ?");

const SERVICE_ACCOUNTS: Dialects = dialects!("SELECT r.seq, r.id, r.document FROM logins AS l JOIN resources AS r ON r.seq = l.resource" [" AND r.account = l.account"] " \
     WHERE l.account = ? AND l.service_account AND r.active ORDER BY r.seq LIMIT ?");

macro_rules! clients {
    ($account:literal) => {
        concat!(
            "SELECT c.name FROM grants AS g JOIN clients AS c ON c.seq = g.client WHERE g.owner_id = ? AND ",
            $account,
            " = ? AND g.ended IS NULL AND ",
            provisions!(),
            " AND ",
            ended!("e.at", "g.ended"),
            " IS NULL ORDER BY g.seq DESC LIMIT ?"
        )
    };
}
/// The plus keeps the planner from going through all grants of the account.
const CLIENTS: &str = clients!("+g.account");
const CLIENTS_THERE: &str = clients!("g.account");

/// A service account: its number in storage, its id and its attributes.
type ServiceAccount = (UserKey, String, Map<String, Value>);

impl Tx<'_> {
    /// The active users on whom this client's connections for provisioning rest, at most fifty of them.
    pub fn owners_of_connections(&mut self, client: ClientKey) -> Result<Vec<GrantOwner>, DbError> {
        let client = Bind::number(client);
        let statement = match self.conn.is_spread() {
            true => Statement::<Columns>::new(OF_CLIENT_ANYWHERE, vec![client, Bind::number(OWNERS)]),
            false => {
                let binds = vec![client.clone(), client.clone(), Bind::number(OWNERS), client];
                Statement::new(OF_CLIENT.of(self.conn), binds)
            }
        };
        let rows: Vec<Row> = statement.load(self.conn)?;
        Ok(rows.into_iter().map(GrantOwner::from).collect())
    }

    /// This user, if they are active.
    pub(crate) fn grant_owner(&mut self, account: AccountKey, user: UserKey) -> Result<Option<GrantOwner>, DbError> {
        let row: Option<Row> =
            Statement::<Columns>::of_account(OWNER, account, vec![Bind::number(user)]).first(self.conn)?;
        Ok(row.map(GrantOwner::from))
    }

    /// The active service accounts of an account: their numbers in storage, their ids and their attributes; at most fifty of them.
    pub(crate) fn service_accounts(&mut self, account: AccountKey) -> Result<Vec<ServiceAccount>, DbError> {
        let binds = vec![Bind::number(account), Bind::number(OWNERS)];
        let rows: Vec<(UserKey, String, String)> =
            Statement::<(BigInt, Text, Text)>::new(SERVICE_ACCOUNTS.of(self.conn), binds).load(self.conn)?;
        let read = |(key, id, document): (UserKey, String, String)| {
            (key, id, serde_json::from_str(&document).unwrap_or_default())
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The active service accounts that an identity provider has written, by their numbers in storage; at most fifty of them.
    pub(crate) fn managed_service_accounts(&mut self, account: AccountKey) -> Result<Vec<UserKey>, DbError> {
        let binds = vec![Bind::number(account), Bind::number(OWNERS)];
        Statement::<BigInt>::new(MANAGED_SERVICE_ACCOUNTS.of(self.conn), binds).load(self.conn)
    }

    /// The names of the clients whose connections for provisioning rest on this user, of each of the newest hundred.
    pub(crate) fn clients_of_owner(&mut self, account: AccountKey, user: &str) -> Result<Vec<String>, DbError> {
        let binds = vec![Bind::Text(user.to_owned()), Bind::number(account), Bind::number(CONNECTIONS)];
        Statement::<Text>::new(self.or_there(CLIENTS, CLIENTS_THERE), binds).load(self.conn)
    }
}

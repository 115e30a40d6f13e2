//! OAuth clients and their secrets. Looked up by client id, across accounts.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use oauth::{Client, ClientId, Fingerprint, GrantType, RedirectUri, Scopes, StoreError};

use super::accounts::{AccountRow, json};
use super::backend::AnyConn;
use super::error::DbError;
use super::owned;
use super::schema::{client_secrets, clients};
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::account::Account;
use crate::domain::client::{ClientOptions, ScimOptions};
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::profiles::Profile;
use crate::domain::request::full::Switch;
use crate::domain::tolerances;
use crate::each;
use crate::platform::latest::Latest;
use crate::platform::timestamp::Timestamp;

pub(super) mod found;

/// A client as an operator sees it.
#[derive(Debug, Clone)]
pub struct ClientRecord {
    /// Its number in storage.
    pub seq: ClientKey,
    /// Its account, if it has one.
    pub account: Option<AccountKey>,
    /// The app's variable name, for Okta.
    pub okta_app_name: Option<String>,
    /// Milliseconds since the epoch.
    pub created: Timestamp,
    /// What the protocol knows of it; without secrets.
    pub client: Client,
    /// How the SCIM endpoint treats it.
    pub scim: ScimOptions,
    /// That its requests are recorded in full, or were.
    pub recorded: Option<Switch>,
}

/// A secret as an operator sees it.
#[derive(Debug, Clone, Queryable)]
pub struct SecretRecord {
    /// Its public name.
    pub id: String,
    /// For people.
    pub label: Option<String>,
    /// Milliseconds since the epoch.
    pub created: Timestamp,
    /// Milliseconds since the epoch.
    pub expires: Option<Timestamp>,
    /// To the hour.
    pub last_used: Option<Timestamp>,
}

/// The columns of a [`SecretRecord`], in its order.
pub(super) const SECRET_COLUMNS: SecretColumns = (
    client_secrets::id,
    client_secrets::label,
    client_secrets::created,
    client_secrets::expires,
    client_secrets::last_used,
);

type SecretColumns = (
    client_secrets::id,
    client_secrets::label,
    client_secrets::created,
    client_secrets::expires,
    client_secrets::last_used,
);

#[derive(Queryable)]
struct Row {
    seq: ClientKey,
    id: String,
    account: Option<AccountKey>,
    name: String,
    profile: String,
    okta_app_name: Option<String>,
    public: bool,
    redirect_uris: String,
    grant_types: String,
    scopes: String,
    default_scope: String,
    require_pkce: bool,
    disabled: bool,
    created: Timestamp,
    options: String,
    recorded: (Option<Timestamp>, Option<String>),
}

/// The columns of a [`Row`], in its order.
macro_rules! row_columns {
    () => {
        (
            clients::seq,
            clients::id,
            clients::account,
            clients::name,
            clients::profile,
            clients::okta_app_name,
            clients::public,
            clients::redirect_uris,
            clients::grant_types,
            clients::scopes,
            clients::default_scope,
            clients::require_pkce,
            clients::disabled,
            clients::created,
            clients::options,
            (clients::recorded_until, clients::recorded_by),
        )
    };
}

thread_local! {
    /// Each request of a client reads them.
    static OPTIONS: Latest<ClientOptions> = const { Latest::new() };
}

impl Row {
    fn record(self) -> Result<ClientRecord, DbError> {
        let corrupt = |what: &str| DbError::Corrupt(format!("{what} of client {}", self.id));
        let uris: Vec<String> = serde_json::from_str(&self.redirect_uris).map_err(|_| corrupt("redirect URIs"))?;
        let options =
            OPTIONS.with(|latest| latest.read(&self.options, |text| serde_json::from_str::<ClientOptions>(text)));
        let options = options.map_err(|_| corrupt("options"))?;
        let grant_types: Vec<String> = serde_json::from_str(&self.grant_types).map_err(|_| corrupt("grant types"))?;
        let profile = Profile::parse(&self.profile).ok_or_else(|| corrupt("profile"))?;
        let client = Client {
            id: ClientId::new(self.id.as_str()).ok_or_else(|| corrupt("id"))?,
            name: self.name.clone(),
            public: self.public,
            secrets: Vec::new(),
            redirect_uris: uris.into_iter().map(RedirectUri::from_stored).collect(),
            grant_types: grant_types.iter().filter_map(|text| GrantType::parse(text)).collect(),
            scopes: Scopes::parse(&self.scopes).ok_or_else(|| corrupt("scopes"))?,
            default_scope: Scopes::parse(&self.default_scope).ok_or_else(|| corrupt("default scope"))?,
            profile: profile.of_clients(),
            require_pkce: self.require_pkce,
            disabled: self.disabled,
            suspended: false,
            has_account: self.account.is_some(),
            tolerances: tolerances::of_client(profile, &options.scim.tolerances).oauth,
            options: options.oauth,
        };
        Ok(ClientRecord {
            seq: self.seq,
            account: self.account,
            okta_app_name: self.okta_app_name,
            created: self.created,
            client,
            scim: options.scim,
            recorded: self.recorded.0.map(|until| Switch { until, by: self.recorded.1.unwrap_or_default() }),
        })
    }
}

const ACCOUNT_OF: &str = "SELECT a.seq, a.id, a.name, a.product_environments, a.default_role, a.created, a.options, a.suspended \
     FROM clients AS c JOIN accounts AS a ON a.seq = c.account WHERE c.id = ? AND a.deleted IS NULL";

impl Tx<'_> {
    /// Stores a new client; its `seq` is set here.
    pub fn insert_client(&mut self, record: &mut ClientRecord) -> Result<(), DbError> {
        let client = &record.client;
        let row = (
            clients::id.eq(client.id.as_str()),
            clients::account.eq(record.account),
            clients::name.eq(&client.name),
            clients::profile.eq(client.profile.name),
            clients::okta_app_name.eq(&record.okta_app_name),
            clients::public.eq(client.public),
            clients::redirect_uris.eq(uris(client)?),
            clients::grant_types.eq(grant_types(client)?),
            clients::scopes.eq(client.scopes.to_string()),
            clients::default_scope.eq(client.default_scope.to_string()),
            clients::require_pkce.eq(client.require_pkce),
            clients::disabled.eq(client.disabled),
            clients::created.eq(record.created),
            clients::options.eq(options(record)?),
        );
        record.seq = each!(&mut *self.conn, c => diesel::insert_into(clients::table)
            .values(row)
            .returning(clients::seq)
            .get_result(c))?;
        self.set_client_origins(record.seq, record.client.origins())?;
        self.insert_client_health(record.seq)?;
        record.account.map_or(Ok(()), |account| self.stand_anew(account))
    }

    /// Changes everything that can be changed about a client.
    pub fn update_client(&mut self, record: &ClientRecord) -> Result<(), DbError> {
        let client = &record.client;
        let row = clients::table.filter(clients::seq.eq(record.seq));
        let values = (
            clients::name.eq(&client.name),
            clients::okta_app_name.eq(&record.okta_app_name),
            clients::redirect_uris.eq(uris(client)?),
            clients::grant_types.eq(grant_types(client)?),
            clients::scopes.eq(client.scopes.to_string()),
            clients::default_scope.eq(client.default_scope.to_string()),
            clients::require_pkce.eq(client.require_pkce),
            clients::disabled.eq(client.disabled),
            clients::options.eq(options(record)?),
        );
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        self.set_client_origins(record.seq, client.origins())?;
        self.hurry_client_health(record.seq)
    }

    /// Says until when a client's requests are recorded in full, and who said so.
    pub fn record_client(&mut self, seq: ClientKey, switch: Option<&Switch>) -> Result<(), DbError> {
        let row = clients::table.filter(clients::seq.eq(seq));
        let values = (
            clients::recorded_until.eq(switch.map(|switch| switch.until)),
            clients::recorded_by.eq(switch.map(|switch| switch.by.as_str())),
        );
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(())
    }

    /// Deletes a client with its secrets and static tokens; the caller ends its grants first.
    pub fn delete_client(&mut self, seq: ClientKey) -> Result<(), DbError> {
        self.delete_receivers_of_client(seq)?;
        owned::delete_of_client(self.conn, seq)?;
        let row = clients::table.filter(clients::seq.eq(seq));
        let account: Option<Option<AccountKey>> =
            each!(&mut *self.conn, c => row.select(clients::account).get_result(c).optional())?;
        each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        account.flatten().map_or(Ok(()), |account| self.stand_anew(account))
    }

    /// A client without its secrets.
    pub fn client_record(&mut self, id: &str) -> Result<Option<ClientRecord>, DbError> {
        let query = clients::table.filter(clients::id.eq(id)).select(row_columns!());
        let row: Option<Row> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        let Some(row) = row else { return Ok(None) };
        // The clients of a deleted account are gone, whenever their rows go.
        let account = match row.account {
            Some(key) => match self.account_at(key)? {
                Some(account) => Some(account),
                None => return Ok(None),
            },
            None => None,
        };
        let mut record = row.record()?;
        record.client.suspended = account.is_some_and(|account| account.suspended.is_some());
        let until = record.recorded.as_ref().map(|switch| switch.until);
        self.note_recorded(until, (record.seq, record.client.id.as_str()), None);
        Ok(Some(record))
    }

    /// The number in storage of a client.
    pub fn client_number(&mut self, id: &ClientId) -> Result<Option<ClientKey>, DbError> {
        let query = clients::table.filter(clients::id.eq(id.as_str())).select(clients::seq);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// Clients of an account, or of none, in the order they were made.
    pub fn clients_after(
        &mut self,
        account: Option<AccountKey>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<ClientRecord>, DbError> {
        let query =
            clients::table.filter(clients::seq.gt(after)).order(clients::seq).limit(limit).select(row_columns!());
        let rows: Vec<Row> = match account {
            Some(account) => each!(&mut *self.conn, c => query.filter(clients::account.eq(account)).load(c))?,
            None => each!(&mut *self.conn, c => query.filter(clients::account.is_null()).load(c))?,
        };
        rows.into_iter().map(Row::record).collect()
    }

    /// Clients of every account and of none, in the order they were made.
    pub fn all_clients_after(&mut self, after: i64, limit: i64) -> Result<Vec<ClientRecord>, DbError> {
        let query =
            clients::table.filter(clients::seq.gt(after)).order(clients::seq).limit(limit).select(row_columns!());
        let rows: Vec<Row> = each!(&mut *self.conn, c => query.load(c))?;
        rows.into_iter().map(Row::record).collect()
    }

    /// Clients of these accounts, in the order they were made.
    pub fn clients_of_accounts_after(
        &mut self,
        accounts: &[AccountKey],
        after: i64,
        limit: i64,
    ) -> Result<Vec<ClientRecord>, DbError> {
        let query = clients::table
            .filter(clients::account.eq_any(accounts))
            .filter(clients::seq.gt(after))
            .order(clients::seq)
            .limit(limit)
            .select(row_columns!());
        let rows: Vec<Row> = each!(&mut *self.conn, c => query.load(c))?;
        rows.into_iter().map(Row::record).collect()
    }

    /// These clients, in the order they were made.
    pub fn clients_at(&mut self, keys: &[ClientKey]) -> Result<Vec<ClientRecord>, DbError> {
        let query = clients::table.filter(clients::seq.eq_any(keys)).order(clients::seq).select(row_columns!());
        let rows: Vec<Row> = each!(&mut *self.conn, c => query.load(c))?;
        rows.into_iter().map(Row::record).collect()
    }

    /// The account a client belongs to, if it belongs to one.
    pub fn account_of_client(&mut self, id: &ClientId) -> Result<Option<Account>, DbError> {
        type Columns = (BigInt, Text, Text, Text, Nullable<Text>, BigInt, Text, Nullable<BigInt>);
        let row: Option<AccountRow> =
            Statement::<Columns>::new(ACCOUNT_OF, vec![Bind::Text(id.as_str().to_owned())]).first(self.conn)?;
        row.map(Account::from_row).transpose()
    }

    /// Gives a client one more secret.
    pub fn insert_client_secret(
        &mut self,
        client: ClientKey,
        id: &str,
        fingerprint: &Fingerprint,
        label: Option<&str>,
        created: Timestamp,
        expires: Option<Timestamp>,
    ) -> Result<(), DbError> {
        let row = (
            client_secrets::id.eq(id),
            client_secrets::client.eq(client),
            client_secrets::fingerprint.eq(fingerprint.as_bytes()),
            client_secrets::label.eq(label),
            client_secrets::created.eq(created),
            client_secrets::expires.eq(expires),
        );
        each!(&mut *self.conn, c => diesel::insert_into(client_secrets::table).values(row).execute(c))?;
        Ok(())
    }

    /// Lets units of work that give this client a secret or a token take turns: the second counts what the first added. On SQLite they do
    /// anyway.
    pub fn hold_client(&mut self, client: ClientKey) -> Result<(), DbError> {
        if let AnyConn::Postgres(c) = &mut *self.conn {
            let row = clients::table.filter(clients::seq.eq(client)).select(clients::seq);
            row.for_no_key_update().get_result::<ClientKey>(c.begun()).optional()?;
        }
        Ok(())
    }

    /// A client's secrets, oldest first, without what is secret about them.
    pub fn client_secrets(&mut self, client: ClientKey) -> Result<Vec<SecretRecord>, DbError> {
        let query = client_secrets::table
            .filter(client_secrets::client.eq(client))
            .order((client_secrets::created, client_secrets::id))
            .select(SECRET_COLUMNS);
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The other secrets of a client count until then at most.
    pub fn limit_other_secrets(&mut self, client: ClientKey, kept: &str, until: Timestamp) -> Result<(), DbError> {
        let others = client_secrets::table
            .filter(client_secrets::client.eq(client))
            .filter(client_secrets::id.ne(kept))
            .filter(client_secrets::expires.is_null().or(client_secrets::expires.gt(until).assume_not_null()));
        each!(&mut *self.conn, c => diesel::update(others).set(client_secrets::expires.eq(until)).execute(c))?;
        Ok(())
    }

    /// Ends a secret; `false` if the client has none of this name.
    pub fn end_client_secret(&mut self, client: ClientKey, id: &str) -> Result<bool, DbError> {
        let row = client_secrets::table.filter(client_secrets::client.eq(client)).filter(client_secrets::id.eq(id));
        Ok(each!(&mut *self.conn, c => diesel::delete(row).execute(c))? > 0)
    }
}

fn options(record: &ClientRecord) -> Result<String, DbError> {
    json(&ClientOptions { oauth: record.client.options.clone(), scim: record.scim.clone() })
}

fn uris(client: &Client) -> Result<String, DbError> {
    json(&client.redirect_uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>())
}

fn grant_types(client: &Client) -> Result<String, DbError> {
    json(&client.grant_types.iter().map(|grant_type| grant_type.as_str()).collect::<Vec<_>>())
}

impl oauth::store::Clients for Tx<'_> {
    /// A client with its secrets, as the protocol needs it.
    fn client(&mut self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok(self.client_with_secrets(id)?)
    }

    fn touch_secret(&mut self, _: &ClientId, id: &str, now: i64) -> Result<(), StoreError> {
        let row = client_secrets::table.filter(client_secrets::id.eq(id));
        each!(&mut *self.conn, c => diesel::update(row).set(client_secrets::last_used.eq(now)).execute(c))
            .map_err(DbError::from)?;
        Ok(())
    }
}

//! What is known of the connections of many clients at once: each question is one statement, however many clients there are.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use scim::AttributeKey;
use scim::schema::USER;

use crate::domain::account::Account;
use crate::domain::fields::REQUESTS;
use crate::domain::ids::{AccountKey, ClientKey, UserKey};
use crate::each;
use crate::platform::timestamp::Timestamp;
use crate::storage::accounts::{AccountRow, COLUMNS};
use crate::storage::bulk_revocations::{ended, provisions};
use crate::storage::clients::{SECRET_COLUMNS, SecretRecord};
use crate::storage::error::DbError;
use crate::storage::everywhere;
use crate::storage::requests::{first_of, time_of};
use crate::storage::schema::{
    accounts, client_secrets, field_counts, grants, resources, static_tokens, tolerance_needs,
};
use crate::storage::statement::{Bind, Dialects, Statement};
use crate::storage::static_tokens::{RECORD_COLUMNS, StaticTokenRecord};
use crate::storage::tx::Tx;

/// A grant for provisioning that a user accepted.
#[derive(Debug, Clone, Queryable)]
pub struct ProvisioningGrant {
    /// Its number.
    pub seq: i64,
    /// Whose.
    pub client: ClientKey,
    /// Which account it opens.
    pub account: AccountKey,
    /// Who owns it.
    pub owner: UserKey,
    /// When it was accepted.
    pub created: Timestamp,
    /// When what was issued last was first used.
    pub delivered: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<String>,
}

type GrantColumns = (BigInt, BigInt, BigInt, BigInt, BigInt, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>);

macro_rules! grants {
    ($from:literal, $open:literal) => {
        concat!(
            "SELECT g.seq, g.client, g.account, g.owner, g.created, g.delivered_at, ",
            ended!("e.at", "g.ended"),
            ", ",
            ended!("e.reason", "g.end_reason"),
            " FROM ",
            $from,
            " WHERE g.owner IS NOT NULL AND ",
            provisions!(),
            $open,
            " ORDER BY g.seq DESC"
        )
    };
}

/// The newest open grants of each client: so many are looked at.
const OPEN: Dialects = Dialects {
    sqlite: grants!(
        "json_each(?) AS wanted CROSS JOIN grants AS g ON g.seq IN (SELECT n.seq FROM grants AS n WHERE n.client = wanted.value \
         AND n.ended IS NULL ORDER BY n.seq DESC LIMIT 50)",
        ""
    ),
    postgres: grants!(
        "json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL (SELECT * FROM grants WHERE client = wanted.value::bigint \
         AND ended IS NULL ORDER BY seq DESC LIMIT 50) AS g",
        ""
    ),
};

/// The newest grants of each client, open or not.
const NEWEST: Dialects = Dialects {
    sqlite: grants!(
        "json_each(?) AS wanted CROSS JOIN grants AS g ON g.seq IN (SELECT n.seq FROM grants AS n WHERE n.client = wanted.value \
         ORDER BY n.seq DESC LIMIT 20)",
        ""
    ),
    postgres: grants!(
        "json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL (SELECT * FROM grants WHERE client = wanted.value::bigint \
         ORDER BY seq DESC LIMIT 20) AS g",
        ""
    ),
};

/// The newest refresh token of a grant.
#[derive(Debug, Clone, Queryable)]
pub struct NewestRefreshToken {
    /// The grant's number.
    pub grant: i64,
    /// How many went before it.
    pub generation: i32,
    /// When it was issued.
    pub created: Timestamp,
    /// When it expires, as it was issued.
    pub expires: Timestamp,
}

const REFRESH: Dialects = Dialects {
    sqlite: "SELECT t.grant_seq, t.generation, t.created, t.expires FROM json_each(?) AS wanted CROSS JOIN refresh_tokens AS t \
         ON t.grant_seq = wanted.value AND t.generation = \
         (SELECT MAX(n.generation) FROM refresh_tokens AS n WHERE n.grant_seq = wanted.value)",
    postgres: "SELECT t.grant_seq, t.generation, t.created, t.expires FROM json_array_elements_text(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT grant_seq, generation, created, expires FROM refresh_tokens \
         WHERE grant_seq = wanted.value::bigint ORDER BY generation DESC LIMIT 1) AS t",
};

/// A user, as far as connections rest on them.
#[derive(Debug, Clone, Queryable)]
pub struct UserOfGrant {
    /// Their number in storage.
    pub seq: UserKey,
    /// Their id.
    pub id: String,
    /// Their attributes, as JSON.
    pub document: String,
    /// Whether an identity provider has written them.
    pub managed: bool,
    /// Whether they are active.
    pub active: bool,
}

/// Refusals of a client within one hour that are alike.
#[derive(Debug, Clone, Queryable)]
pub struct RefusedRequests {
    /// The client's id.
    pub client: String,
    /// The route.
    pub endpoint: String,
    /// The method.
    pub method: String,
    /// The status.
    pub status: i32,
    /// The code.
    pub code: Option<String>,
    /// How many.
    pub count: i64,
    first: i64,
    last: i64,
}

impl RefusedRequests {
    /// When the first of them was.
    pub fn first(&self) -> Timestamp {
        time_of(self.first)
    }

    /// And the last.
    pub fn last(&self) -> Timestamp {
        time_of(self.last)
    }
}

type RefusedColumns = (Text, Text, Text, Integer, Nullable<Text>, BigInt, BigInt, BigInt);

/// Of each client the newest refusals: so many are looked at. Those of one hour stand together: a row's number is its time times 2^20.
const REFUSED: Dialects = Dialects {
    sqlite: "SELECT q.client, q.endpoint, q.method, q.status, q.code, COUNT(*), MIN(q.seq), MAX(q.seq) FROM json_each(?) AS wanted \
         CROSS JOIN requests AS q ON q.seq IN (SELECT n.seq FROM requests AS n WHERE n.client = wanted.value AND n.status >= 400 \
         AND n.seq >= ? ORDER BY n.seq DESC LIMIT 200) GROUP BY q.client, q.endpoint, q.method, q.status, q.code, q.seq / 3774873600000",
    postgres: "SELECT q.client, q.endpoint, q.method, q.status, q.code, COUNT(*), MIN(q.seq), MAX(q.seq) \
         FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL (SELECT client, endpoint, method, status, code, seq \
         FROM requests WHERE client = wanted.value AND status >= 400 AND seq >= ? ORDER BY seq DESC LIMIT 200) AS q \
         GROUP BY q.client, q.endpoint, q.method, q.status, q.code, q.seq / 3774873600000",
};

/// A member who does not exist, and the group that waits.
#[derive(Debug, Clone, Queryable)]
pub struct OldPendingMember {
    /// The account.
    pub account: AccountKey,
    /// What the member was called.
    pub value: String,
    /// Since when the group waits.
    pub since: Timestamp,
    /// What the group is called.
    pub group: String,
}

/// How many pending members of an account are looked at, the oldest.
pub const PENDING: usize = 20;

const OLD_PENDING: Dialects = Dialects {
    sqlite: "SELECT p.account, p.value, p.parked, r.display FROM json_each(?) AS wanted CROSS JOIN parked_members AS p \
         ON p.seq IN (SELECT n.seq FROM parked_members AS n WHERE n.account = wanted.value AND n.seq > 0 ORDER BY n.seq LIMIT 20) \
         CROSS JOIN resources AS r ON r.seq = p.group_seq WHERE p.parked < ? ORDER BY p.seq",
    postgres: "SELECT p.account, p.value, p.parked, r.display FROM json_array_elements_text(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT seq, account, value, parked, group_seq FROM parked_members WHERE account = wanted.value::bigint \
         AND seq > 0 ORDER BY seq LIMIT 20) AS p CROSS JOIN LATERAL (SELECT display FROM resources WHERE seq = p.group_seq OFFSET 0) AS r \
         WHERE p.parked < ? ORDER BY p.seq",
};

/// Those of many users that are service accounts.
const SERVICES: Dialects = Dialects {
    sqlite: "SELECT l.resource FROM json_each(?) AS wanted CROSS JOIN logins AS l ON l.resource = wanted.value WHERE l.service_account",
    postgres: "SELECT l.resource FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT resource, service_account FROM logins WHERE resource = wanted.value::bigint OFFSET 0) AS l WHERE l.service_account",
};

/// Users by account and id.
const ACTIVE: Dialects = Dialects {
    sqlite: "SELECT r.account, r.id, r.document FROM json_each(?) AS wanted CROSS JOIN resources AS r \
         ON r.account = wanted.value ->> 0 AND r.id = wanted.value ->> 1 WHERE r.active",
    postgres: "SELECT r.account, r.id, r.document FROM json_array_elements(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT account, id, document, active FROM resources WHERE account = (wanted.value ->> 0)::bigint \
         AND id = wanted.value ->> 1 OFFSET 0) AS r WHERE r.active",
};

/// The first active users with a role, by the index.
const WITH_ROLE: Dialects = Dialects {
    sqlite: "SELECT r.account, r.seq, r.document FROM json_each(?) AS wanted CROSS JOIN resources AS r ON r.seq IN \
         (SELECT v.resource FROM attribute_values AS v CROSS JOIN resources AS n ON n.seq = v.resource \
         WHERE v.account = wanted.value AND v.attribute = ? AND v.key = ? AND n.active ORDER BY v.resource LIMIT 3)",
    postgres: "SELECT r.account, r.seq, r.document FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT n.account, n.seq, n.document FROM attribute_values AS v CROSS JOIN LATERAL \
         (SELECT account, seq, document, active FROM resources WHERE seq = v.resource OFFSET 0) AS n \
         WHERE v.account = wanted.value::bigint AND v.attribute = ? AND v.key = ? AND n.active ORDER BY v.resource LIMIT 3) AS r",
};

/// How often an attribute of users arrived, or an unknown name that is like it.
#[derive(Debug, Clone, Queryable)]
pub struct CountedField {
    /// Whose.
    pub client: ClientKey,
    /// The name; [`REQUESTS`] for the requests.
    pub name: String,
    /// Whether it is an attribute.
    pub known: bool,
    /// In how many whole users it had a value,
    pub arrived: i64,
    /// and in how many PATCH requests.
    pub changed: i64,
    /// How many requests were refused for it; of [`REQUESTS`], how many were refused at all,
    pub refused: i64,
    /// how often it was ignored,
    pub ignored: i64,
    /// and when last.
    pub last_ignored: Option<Timestamp>,
    /// The attribute that it is most like.
    pub nearest: Option<String>,
}

impl Tx<'_> {
    /// The open grants for provisioning of these clients, the newest first.
    pub fn open_provisioning_grants(&mut self, clients: &[ClientKey]) -> Result<Vec<ProvisioningGrant>, DbError> {
        let rows = Statement::<GrantColumns>::new(
            OPEN.or_everywhere(self.conn, everywhere::OPEN_GRANTS),
            vec![Bind::list(clients)?],
        );
        let mut rows: Vec<ProvisioningGrant> = rows.load(self.conn)?;
        rows.retain(|grant| grant.ended.is_none());
        Ok(rows)
    }

    /// The newest grants for provisioning of these clients, open or not, the newest first.
    pub fn newest_provisioning_grants(&mut self, clients: &[ClientKey]) -> Result<Vec<ProvisioningGrant>, DbError> {
        Statement::<GrantColumns>::new(
            NEWEST.or_everywhere(self.conn, everywhere::NEWEST_GRANTS),
            vec![Bind::list(clients)?],
        )
        .load(self.conn)
    }

    /// Since when these clients have a grant of their own.
    pub fn own_grants_of(&mut self, clients: &[ClientKey]) -> Result<Vec<(ClientKey, Timestamp)>, DbError> {
        let query = grants::table
            .filter(grants::client.eq_any(clients))
            .filter(grants::owner.is_null())
            .filter(grants::ended.is_null())
            .select((grants::client, grants::created));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The newest refresh token of each of these grants.
    pub fn newest_refresh_tokens(&mut self, grants: &[i64]) -> Result<Vec<NewestRefreshToken>, DbError> {
        type Columns = (BigInt, Integer, BigInt, BigInt);
        Statement::<Columns>::new(
            REFRESH.or_everywhere(self.conn, everywhere::REFRESH_TOKENS),
            vec![Bind::list(grants)?],
        )
        .load(self.conn)
    }

    /// These users, as far as they are there.
    pub fn users_of_grants(&mut self, users: &[UserKey]) -> Result<Vec<UserOfGrant>, DbError> {
        let query = resources::table.filter(resources::seq.eq_any(users)).select((
            resources::seq,
            resources::id,
            resources::document,
            resources::provisioned,
            resources::active,
        ));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Those of these users that are service accounts.
    pub fn service_accounts_among(&mut self, users: &[UserKey]) -> Result<Vec<UserKey>, DbError> {
        Statement::<BigInt>::new(
            SERVICES.or_everywhere(self.conn, everywhere::SERVICE_ACCOUNTS),
            vec![Bind::list(users)?],
        )
        .load(self.conn)
    }

    /// These accounts.
    pub fn accounts_at(&mut self, keys: &[AccountKey]) -> Result<Vec<Account>, DbError> {
        let query =
            accounts::table.filter(accounts::seq.eq_any(keys)).filter(accounts::deleted.is_null()).select(COLUMNS);
        let rows: Vec<AccountRow> = each!(&mut *self.conn, c => query.load(c))?;
        rows.into_iter().map(Account::from_row).collect()
    }

    /// Those of these users, named by their account and id, who are active, with their attributes as JSON.
    pub fn active_users_called(
        &mut self,
        users: &[(AccountKey, &str)],
    ) -> Result<Vec<(AccountKey, String, String)>, DbError> {
        Statement::<(BigInt, Text, Text)>::new(
            ACTIVE.or_everywhere(self.conn, everywhere::ACTIVE),
            vec![Bind::list(users)?],
        )
        .load(self.conn)
    }

    /// The first few active users of each of these accounts who may accept access; `None` where no index knows the role.
    pub fn first_administrators(
        &mut self,
        accounts: &[AccountKey],
    ) -> Result<Option<Vec<(AccountKey, UserKey)>>, DbError> {
        let policy = self.grant_policy();
        let Some((attribute, keys)) = policy.role_keys() else { return Ok(None) };
        let mut found = Vec::new();
        for key in keys {
            for (account, user, document) in self.first_administrators_by(accounts, attribute, key)? {
                let attributes = serde_json::from_str(&document).unwrap_or_default();
                if policy.may_own_grant(&attributes) {
                    found.push((account, user));
                }
            }
        }
        Ok(Some(found))
    }

    /// The first few active users of each of these accounts who have this key in the index of an attribute, with their attributes as JSON.
    pub fn first_administrators_by(
        &mut self,
        accounts: &[AccountKey],
        attribute: AttributeKey,
        key: &str,
    ) -> Result<Vec<(AccountKey, UserKey, String)>, DbError> {
        let binds = vec![Bind::list(accounts)?, Bind::number(attribute.0), Bind::Text(key.to_owned())];
        Statement::<(BigInt, BigInt, Text)>::new(WITH_ROLE.or_everywhere(self.conn, everywhere::WITH_ROLE), binds)
            .load(self.conn)
    }

    /// The secrets of these clients.
    pub fn secrets_of(&mut self, clients: &[ClientKey]) -> Result<Vec<(ClientKey, SecretRecord)>, DbError> {
        let query = client_secrets::table
            .filter(client_secrets::client.eq_any(clients))
            .select((client_secrets::client, SECRET_COLUMNS));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The static tokens of these clients.
    pub fn static_tokens_of(&mut self, clients: &[ClientKey]) -> Result<Vec<(ClientKey, StaticTokenRecord)>, DbError> {
        let query = static_tokens::table
            .filter(static_tokens::client.eq_any(clients))
            .select((static_tokens::client, RECORD_COLUMNS));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// What these clients were refused since then, by their ids.
    pub fn refused_since(&mut self, clients: &[&str], since: Timestamp) -> Result<Vec<RefusedRequests>, DbError> {
        let binds = vec![Bind::list(clients)?, Bind::Number(first_of(since))];
        Statement::<RefusedColumns>::new(REFUSED.of(self.conn), binds).load(self.conn)
    }

    /// The tolerances that these clients needed and were forgiven.
    pub fn tolerances_needed_by(&mut self, clients: &[ClientKey]) -> Result<Vec<(ClientKey, String)>, DbError> {
        let query = tolerance_needs::table
            .filter(tolerance_needs::client.eq_any(clients))
            .filter(tolerance_needs::forgiven.gt(0))
            .order((tolerance_needs::client, tolerance_needs::tolerance))
            .select((tolerance_needs::client, tolerance_needs::tolerance));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// How often these two attributes of users arrived from these clients, and what is almost called like them.
    pub fn access_fields_of(
        &mut self,
        clients: &[ClientKey],
        role: &str,
        environments: &str,
    ) -> Result<Vec<CountedField>, DbError> {
        use field_counts::dsl;
        let named = dsl::name.eq(role).or(dsl::name.eq(environments)).or(dsl::name.eq(REQUESTS));
        let alike = dsl::nearest.eq(role).or(dsl::nearest.eq(environments));
        let query = dsl::field_counts
            .filter(dsl::client.eq_any(clients))
            .filter(dsl::resource_type.eq(USER.0))
            .filter(named.or(alike.assume_not_null()))
            .select((
                dsl::client,
                dsl::name,
                dsl::known,
                dsl::arrived,
                dsl::changed,
                dsl::refused,
                dsl::ignored,
                dsl::last_ignored,
                dsl::nearest,
            ));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The oldest pending members of these accounts, as far as they are from before that time.
    pub fn old_pending_members(
        &mut self,
        accounts: &[AccountKey],
        before: Timestamp,
    ) -> Result<Vec<OldPendingMember>, DbError> {
        let binds = vec![Bind::list(accounts)?, Bind::number(before)];
        Statement::<(BigInt, Text, BigInt, Text)>::new(
            OLD_PENDING.or_everywhere(self.conn, everywhere::PENDING_MEMBERS),
            binds,
        )
        .load(self.conn)
    }
}

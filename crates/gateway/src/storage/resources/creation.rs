//! A new resource in one statement, on PostgreSQL: its row, its keys, and that there is one more. Where its number is known, they are parts
//! of one that writes all else that the unit of work does.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, SmallInt, Text};
use diesel::{PgConnection, RunQueryDsl};
use scim::{AttributeKey, Resource, SearchKey};

use super::super::bind::Bind;
use super::super::later::PutOff;
use super::SHARDS;
use super::keys_sql::{Insert, Keys, names_shared};
use crate::domain::ids::{AccountKey, ResourceKey};
use crate::storage::pg_session::PgSession;

const ROW: &str = "INSERT INTO resources (seq, account, resource_type, id, version, created, last_modified, active, provisioned, display, \
     document) OVERRIDING SYSTEM VALUE VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Where a group waits for one of these names after all, there is no number to add: see [`has_changed`](super::super::error).
const COUNT: &str = "INSERT INTO resource_counts (account, resource_type, shard, n) SELECT ?, ?, ?, CASE WHEN EXISTS \
     (SELECT FROM parked_members AS p WHERE p.account = ? AND p.name_key IN (?, ?)) THEN NULL ELSE 1 END \
     ON CONFLICT (account, resource_type, shard) DO UPDATE SET n = resource_counts.n + excluded.n";

/// Stores a resource that has its number already, with the next statement. Where one of its keys is taken by then, or a group waits for one of
/// these names, the unit of work is run again.
pub(in crate::storage) fn put_off(
    session: &mut PgSession,
    (account, seq): (AccountKey, ResourceKey),
    provisioned: bool,
    (resource, document): (&Resource, String),
    keys: &[SearchKey],
    names: &[String],
) {
    let kind = i64::from(resource.resource_type.0);
    let row = vec![
        Bind::number(seq),
        Bind::number(account),
        Bind::Number(kind),
        Bind::Text(resource.id.to_string()),
        Bind::Number(resource.meta.version),
        Bind::Number(resource.meta.created),
        Bind::Number(resource.meta.last_modified),
        Bind::Flag(resource.is_active()),
        Bind::Flag(provisioned),
        Bind::Text(resource.display().to_owned()),
        Bind::Text(document),
    ];
    session.put_off(PutOff::Text(ROW, row));
    let counted = [account.into(), kind, session.shard(SHARDS).into(), account.into()].map(Bind::Number);
    let awaited = [names.first(), names.last()].map(|name| Bind::Text(name.cloned().unwrap_or_default()));
    session.put_off(PutOff::Text(COUNT, [counted.to_vec(), awaited.to_vec()].concat()));
    if !keys.is_empty() {
        session.put_off(PutOff::One("keys", Box::new(Insert::<false>::new(account, seq, keys))));
    }
}

/// One that gets a `NAME` shares the account's lock of names with all who do the same
/// ([`pending_members`](super::super::pending_members)).
pub(in crate::storage) struct Creation<'r, const NAME: bool> {
    account: AccountKey,
    /// The row that counts it.
    shard: i16,
    resource: &'r Resource,
    id: &'r str,
    active: bool,
    provisioned: bool,
    display: &'r str,
    document: String,
    keys: Keys,
    /// The keys of names for which groups may wait.
    names: &'r [String],
}

/// Stores a new resource of this account, as its document and keys say; returns its number, and as JSON which groups wait for one of these
/// keys of names.
pub(in crate::storage) fn create(
    session: &mut PgSession,
    account: AccountKey,
    provisioned: bool,
    (resource, document): (&Resource, String),
    keys: &[SearchKey],
    awaited: &[String],
) -> QueryResult<(ResourceKey, Option<String>)> {
    let names = [AttributeKey::user_name(), AttributeKey::external_id()];
    let counted = (account, session.shard(SHARDS) as i16);
    let conn = session.begun();
    match keys.iter().any(|key| names.contains(&key.attribute)) {
        true => Creation::<true>::of(counted, provisioned, resource, document, (keys, awaited)).get_result(conn),
        false => Creation::<false>::of(counted, provisioned, resource, document, (keys, awaited)).get_result(conn),
    }
}

impl<'r, const NAME: bool> Creation<'r, NAME> {
    fn of(
        (account, shard): (AccountKey, i16),
        provisioned: bool,
        resource: &'r Resource,
        document: String,
        (keys, names): (&[SearchKey], &'r [String]),
    ) -> Creation<'r, NAME> {
        Creation {
            account,
            shard,
            resource,
            id: resource.id.as_str(),
            active: resource.is_active(),
            provisioned,
            display: resource.display(),
            document,
            keys: Keys::of(keys),
            names,
        }
    }
}

impl<const NAME: bool> QueryFragment<Pg> for Creation<'_, NAME> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        sql.push_sql(
            "WITH r AS (INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, provisioned, display, \
             document) VALUES (",
        );
        let meta = &self.resource.meta;
        sql.push_bind_param::<BigInt, _>(&self.account)?;
        sql.push_sql(", ");
        sql.push_bind_param::<SmallInt, _>(&self.resource.resource_type.0)?;
        sql.push_sql(", ");
        sql.push_bind_param::<Text, _>(&self.id)?;
        for number in [&meta.version, &meta.created, &meta.last_modified] {
            sql.push_sql(", ");
            sql.push_bind_param::<BigInt, _>(number)?;
        }
        for flag in [&self.active, &self.provisioned] {
            sql.push_sql(", ");
            sql.push_bind_param::<Bool, _>(flag)?;
        }
        sql.push_sql(", ");
        sql.push_bind_param::<Text, _>(&self.display)?;
        sql.push_sql(", ");
        sql.push_bind_param::<Text, _>(&self.document)?;
        sql.push_sql(
            ") RETURNING seq, account, resource_type), c AS (INSERT INTO resource_counts (account, resource_type, shard, n) \
             SELECT r.account, r.resource_type, ",
        );
        sql.push_bind_param::<SmallInt, _>(&self.shard)?;
        sql.push_sql(
            ", 1 FROM r ON CONFLICT (account, resource_type, shard) DO UPDATE SET n = resource_counts.n + excluded.n), \
             k AS (INSERT INTO attribute_values (account, attribute, key, resource, is_unique) \
             SELECT r.account, k.attribute, k.key, r.seq, k.is_unique FROM r, ",
        );
        if NAME {
            names_shared(&self.account, sql.reborrow())?;
        }
        self.keys.walk(sql.reborrow())?;
        sql.push_sql(
            ") SELECT r.seq, (SELECT json_agg(json_build_array(p.group_seq, w.id, p.value) ORDER BY p.group_seq)::text \
             FROM parked_members AS p JOIN resources AS w ON w.account = p.account AND w.seq = p.group_seq WHERE p.account = ",
        );
        sql.push_bind_param::<BigInt, _>(&self.account)?;
        sql.push_sql(" AND p.name_key IN (SELECT unnest((SELECT ");
        sql.push_bind_param::<Array<Text>, _>(&self.names)?;
        sql.push_sql(")))) FROM r");
        Ok(())
    }
}

impl<const NAME: bool> QueryId for Creation<'_, NAME> {
    type QueryId = Creation<'static, NAME>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const NAME: bool> Query for Creation<'_, NAME> {
    type SqlType = (BigInt, Nullable<Text>);
}

impl<const NAME: bool> RunQueryDsl<PgConnection> for Creation<'_, NAME> {}

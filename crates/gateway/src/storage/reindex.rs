//! Making index rows again, across all accounts, a batch at a time.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use scim::schema::{Stage, USER};
use scim::store::Stored;
use scim::{Registry, Resource, SearchKey, search_keys};

use super::batches;
use super::error::DbError;
use super::resources::{AccountTx, Row, row_columns};
use super::schema::{attribute_values, resources};
use super::shared_keys::other_holder;
use super::tx::Tx;
use crate::domain::account::Account;
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, ResourceKey};
use crate::domain::schemas::Schemas;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// What one batch did.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// How many resources it covered.
    pub resources: u64,
    /// How many of them have a value that has to be unique and another resource has, too.
    pub shared: u64,
    /// The last of them; `None` when there were none left.
    pub last: Option<i64>,
}

/// The schemas of an account without what is still being indexed, which may not be unique yet as it is declared.
pub(super) fn complete(account: &Account, schemas: &Schemas) -> Result<Registry, DbError> {
    let mut declared = account.options.attributes.read()?;
    declared.retain(|one| one.stage != Stage::Indexing);
    Ok(schemas.with(&declared))
}

/// Which index rows a resource has is asked for here alone, so there is an index for it only meanwhile.
const BY_RESOURCE: &str = "CREATE INDEX IF NOT EXISTS attribute_values_by_resource ON attribute_values (resource)";
const NO_LONGER: &str = "DROP INDEX IF EXISTS attribute_values_by_resource";

impl Tx<'_> {
    /// Before [`Self::reindex_after`]. On PostgreSQL others write no resource until this unit of work ends: seconds for a million.
    pub fn begin_reindexing(&mut self) -> Result<(), DbError> {
        each!(&mut *self.conn, c => c.batch_execute(BY_RESOURCE))?;
        Ok(())
    }

    /// After it.
    pub fn end_reindexing(&mut self) -> Result<(), DbError> {
        each!(&mut *self.conn, c => c.batch_execute(NO_LONGER))?;
        Ok(())
    }

    /// Makes the index rows of the next resources after this row again. Where text is only `folded_otherwise` than before, those
    /// of resources in ASCII are right already. Of two resources that have a value that has to be unique, both stay: the later
    /// gets a row that is not, and the audit trail says so.
    pub fn reindex_after(
        &mut self,
        after: i64,
        limit: i64,
        schemas: &Schemas,
        folded_otherwise: bool,
    ) -> Result<Batch, DbError> {
        let many = batches::next(self.conn, None, after, limit)?;
        let query = resources::table
            .filter(resources::seq.gt(after))
            .order(resources::seq)
            .limit(many)
            .select((resources::account, row_columns!()));
        let rows: Vec<(AccountKey, Row)> = each!(&mut *self.conn, c => query.load(c))?;
        let mut batch =
            Batch { resources: rows.len() as u64, shared: 0, last: rows.last().map(|(_, row)| row.seq.into()) };
        let mut registries: HashMap<AccountKey, Arc<Registry>> = HashMap::new();
        for (account, row) in rows.into_iter().filter(|(_, row)| !folded_otherwise || !row.is_ascii()) {
            let registry = match registries.get(&account) {
                Some(known) => known.clone(),
                None => {
                    let registry = match self.account_at(account)? {
                        Some(account) => Arc::new(complete(&account, schemas)?),
                        None => schemas.configured().clone(),
                    };
                    registries.insert(account, registry.clone());
                    registry
                }
            };
            let stored = row.stored()?;
            let seq = ResourceKey::from(stored.handle);
            let stale = attribute_values::table.filter(attribute_values::resource.eq(seq));
            each!(&mut *self.conn, c => diesel::delete(stale).execute(c))?;
            batch.shared += self.index_anew(account, &registry, &stored)?;
        }
        Ok(batch)
    }

    /// Makes the index rows of a resource that has none; says how many of its values have to be unique and are another's, too.
    pub(super) fn index_anew(
        &mut self,
        account: AccountKey,
        registry: &Registry,
        stored: &Stored,
    ) -> Result<u64, DbError> {
        let (seq, mut many) = (ResourceKey::from(stored.handle), 0);
        let mut keys = search_keys(registry, &stored.resource);
        for key in keys.iter_mut().filter(|key| key.unique) {
            if let Some(other) = other_holder(self.conn, account, key, seq)? {
                key.unique = false;
                many += 1;
                let shared = shared(registry, &stored.resource, key, &other);
                self.raise(self.now(), Some(account), shared);
            }
        }
        AccountTx::new(self, account, Timestamp::EPOCH, false)
            .insert_keys(seq, &keys)
            .map_err(|e| DbError::Corrupt(format!("indexing resource {}: {e}", stored.resource.id)))?;
        Ok(many)
    }
}

/// For the audit trail: a value that two resources have.
fn shared(registry: &Registry, resource: &Resource, key: &SearchKey, other: &str) -> Act {
    let (action, noun) = match resource.resource_type {
        USER => (Action::UserValueShared, "User"),
        _ => (Action::ResourceValueShared, "resource"),
    };
    let attribute = registry.attribute_name(key.attribute).unwrap_or_default();
    let detail = format!(
        "the {attribute} {:?} is that of the {noun} {other}, too; both stay as they are until one is given another",
        key.display()
    );
    Act::new(action).on(resource.id.to_string()).saying(detail)
}

//! The resources of one account: the scim crate's store.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, SmallInt, Text};
use scim::resource::user_name::log_in_key;
use scim::resource::{GroupReference, Member, Meta};
use scim::schema::{GROUP, ResourceTypeId, USER};
use scim::store::{
    Awaiting, Handle, Holder, MembershipChange, MembershipOutcome, Page, ParkedChange, Protected, Query, SearchError,
    StoreError, Stored, WalkId, WriteError,
};
use scim::{AttributeKey, Event, Id, KeyChange, Resource, SearchKey};

use super::connection::AnyConn;
use super::error::{DbError, unique_violation};
use super::schema::{attribute_values, logins, members, resource_counts, resources};
use super::tx::Tx;
use super::{members as membership, parked, search, shared_keys};
use crate::each;
use crate::lifecycle::News;
use crate::person;

mod guard;
mod keys_sql;

use guard::Guard;

/// A unit of work on the resources of one account. Puts the account into every statement.
#[allow(missing_debug_implementations)]
pub struct AccountTx<'t, 'c> {
    pub(super) tx: &'t mut Tx<'c>,
    pub(super) account: i64,
    now: i64,
    provisioning: bool,
    guard: Guard,
}

/// A row of `resources` as it is read.
#[derive(Debug, Clone, Queryable)]
pub(super) struct Row {
    pub(super) seq: i64,
    resource_type: i16,
    id: String,
    version: i64,
    created: i64,
    last_modified: i64,
    document: String,
}

/// The columns of a [`Row`] as text, in its order, of a table that is called `r`. A document that has more bytes than the value of the
/// `?` does not come along: its size does ([`Row::withheld`]). No text of a document looks like a number.
macro_rules! row_within {
    () => {
        "r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, \
         CASE WHEN octet_length(r.document) <= ? THEN r.document ELSE CAST(octet_length(r.document) AS TEXT) END"
    };
}
pub(super) use row_within;

/// The columns of a [`Row`], in its order.
macro_rules! row_columns {
    () => {
        (
            resources::seq,
            resources::resource_type,
            resources::id,
            resources::version,
            resources::created,
            resources::last_modified,
            resources::document,
        )
    };
}
pub(super) use row_columns;

/// The types of its columns.
pub(super) type RowColumns = (BigInt, SmallInt, Text, BigInt, BigInt, BigInt, Text);

/// Resources of one account and type are counted in this many rows.
const SHARDS: i64 = 8;

impl Row {
    /// How large the document is that did not come along.
    pub(super) fn withheld(&self) -> Option<usize> {
        self.document.starts_with(|c: char| c.is_ascii_digit()).then(|| self.document.parse().unwrap_or(usize::MAX))
    }

    /// The document that did not come along.
    pub(super) fn with(self, document: String) -> Row {
        Row { document, ..self }
    }

    /// Whether all its text is in ASCII.
    pub(super) fn is_ascii(&self) -> bool {
        self.document.is_ascii()
    }

    pub(super) fn stored(self) -> Result<Stored, DbError> {
        let attributes = serde_json::from_str(&self.document)
            .map_err(|e| DbError::Corrupt(format!("document of resource {}: {e}", self.id)))?;
        let id = Id::new(self.id).ok_or_else(|| DbError::Corrupt("a resource id".to_owned()))?;
        let meta = Meta { created: self.created, last_modified: self.last_modified, version: self.version };
        let resource = Resource::from_stored(ResourceTypeId(self.resource_type), id, meta, attributes);
        Ok(Stored { handle: Handle(self.seq), resource })
    }
}

impl<'t, 'c> AccountTx<'t, 'c> {
    pub(super) fn new(tx: &'t mut Tx<'c>, account: i64, now: i64, provisioning: bool) -> Self {
        AccountTx { tx, account, now, provisioning, guard: Guard::default() }
    }

    /// Which account.
    pub fn account(&self) -> i64 {
        self.account
    }

    /// The unit of work underneath.
    pub fn tx(&mut self) -> &mut Tx<'c> {
        self.tx
    }

    pub(super) fn conn(&mut self) -> &mut AnyConn {
        self.tx.conn
    }

    /// Whether an identity provider has ever written this resource.
    pub fn is_provisioned(&mut self, handle: Handle) -> Result<bool, DbError> {
        let account = self.account;
        Ok(each!(self.conn(), c => resources::table
            .filter(resources::seq.eq(handle.0))
            .filter(resources::account.eq(account))
            .select(resources::provisioned)
            .get_result(c))?)
    }

    /// How many resources of this type the account has.
    pub fn count(&mut self, resource_type: ResourceTypeId) -> Result<u64, DbError> {
        let shards: Vec<i64> = each!(self.tx.conn, c => resource_counts::table
            .filter(resource_counts::account.eq(self.account))
            .filter(resource_counts::resource_type.eq(resource_type.0))
            .select(resource_counts::n)
            .load(c))?;
        Ok(shards.iter().sum::<i64>().max(0) as u64)
    }

    fn add_to_count(&mut self, resource_type: ResourceTypeId, seq: i64, change: i64) -> Result<(), DbError> {
        let row = (
            resource_counts::account.eq(self.account),
            resource_counts::resource_type.eq(resource_type.0),
            resource_counts::shard.eq((seq % SHARDS) as i16),
            resource_counts::n.eq(change),
        );
        each!(self.tx.conn, c => diesel::insert_into(resource_counts::table)
            .values(row)
            .on_conflict((resource_counts::account, resource_counts::resource_type, resource_counts::shard))
            .do_update()
            .set(resource_counts::n.eq(resource_counts::n + change))
            .execute(c))?;
        Ok(())
    }

    /// So many members are at hand, more than one unit of work may have that is to be short.
    fn takes(&mut self, members: usize) -> Result<(), DbError> {
        let Some(left) = &mut self.tx.short_of else { return Ok(()) };
        *left = u32::try_from(members).ok().and_then(|members| left.checked_sub(members)).ok_or(DbError::TakesLong)?;
        Ok(())
    }

    /// All members of this group go, or may.
    fn takes_members_of(&mut self, group: Handle) -> Result<(), DbError> {
        let Some(left) = self.tx.short_of else { return Ok(()) };
        if membership::has_more(self.tx.conn, group.0, left)? { Err(DbError::TakesLong) } else { Ok(()) }
    }

    fn find(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, DbError> {
        // Not by the type: while a table is new, PostgreSQL would as soon look through all of a type.
        let query = resources::table
            .filter(resources::account.eq(self.account))
            .filter(resources::id.eq(id.as_str()))
            .select(row_columns!());
        let row: Option<Row> = each!(&mut *self.tx.conn, c => query.get_result(c).optional())?;
        row.filter(|row| row.resource_type == resource_type.0 && self.guard.shows(row)).map(Row::stored).transpose()
    }

    pub(super) fn insert_keys(&mut self, seq: i64, keys: &[SearchKey]) -> Result<(), WriteError> {
        if keys.is_empty() {
            return Ok(());
        }
        match &mut *self.tx.conn {
            AnyConn::Postgres(c) => {
                let names = [AttributeKey::user_name(), AttributeKey::external_id()];
                let inserted = match keys.iter().any(|key| names.contains(&key.attribute)) {
                    true => diesel::RunQueryDsl::execute(keys_sql::Insert::<true>::new(self.account, seq, keys), c),
                    false => diesel::RunQueryDsl::execute(keys_sql::Insert::<false>::new(self.account, seq, keys), c),
                };
                inserted.map_err(|e| match &e {
                    diesel::result::Error::DatabaseError(_, info) if unique_violation(&e).is_some() => {
                        WriteError::NotUnique { attribute: keys_sql::attribute_in(info.details()) }
                    }
                    _ => WriteError::Store(DbError::from(e).into()),
                })?;
            }
            AnyConn::Sqlite(c) => {
                for key in keys {
                    let row = (
                        attribute_values::account.eq(self.account),
                        attribute_values::attribute.eq(key.attribute.0),
                        attribute_values::key.eq(&key.key),
                        attribute_values::resource.eq(seq),
                        attribute_values::is_unique.eq(key.unique),
                    );
                    diesel::insert_into(attribute_values::table).values(row).execute(c).map_err(|e| {
                        match unique_violation(&e) {
                            Some(_) => WriteError::NotUnique { attribute: Some(key.attribute) },
                            None => WriteError::Store(DbError::from(e).into()),
                        }
                    })?;
                }
            }
        }
        Ok(())
    }

    fn delete_keys(&mut self, seq: i64, keys: &[SearchKey]) -> Result<(), DbError> {
        if keys.is_empty() {
            return Ok(());
        }
        match &mut *self.tx.conn {
            AnyConn::Postgres(c) => {
                diesel::RunQueryDsl::execute(keys_sql::Delete::new(self.account, seq, keys), c)?;
            }
            AnyConn::Sqlite(c) => {
                for key in keys {
                    let row = attribute_values::table
                        .filter(attribute_values::account.eq(self.account))
                        .filter(attribute_values::attribute.eq(key.attribute.0))
                        .filter(attribute_values::key.eq(&key.key))
                        .filter(attribute_values::resource.eq(seq));
                    diesel::delete(row).execute(c)?;
                }
            }
        }
        shared_keys::pass_on(self.tx.conn, self.account, keys)
    }
}

impl scim::Store for AccountTx<'_, '_> {
    fn get(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError> {
        Ok(self.find(resource_type, id)?)
    }

    fn lock(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError> {
        Ok(self.find_locked(resource_type, id)?)
    }

    fn protection(&mut self, locked: &Stored) -> Result<Option<Protected>, StoreError> {
        Ok(self.protection_of(locked.handle)?)
    }

    fn insert(&mut self, resource: &Resource, keys: &[SearchKey]) -> Result<Handle, WriteError> {
        let row = (
            resources::account.eq(self.account),
            resources::resource_type.eq(resource.resource_type.0),
            resources::id.eq(resource.id.as_str()),
            resources::version.eq(resource.meta.version),
            resources::created.eq(resource.meta.created),
            resources::last_modified.eq(resource.meta.last_modified),
            resources::active.eq(resource.is_active()),
            resources::provisioned.eq(self.provisioning),
            resources::display.eq(resource.display()),
            resources::document.eq(document(resource)?),
        );
        let seq: i64 = each!(self.conn(), c => diesel::insert_into(resources::table)
            .values(row)
            .returning(resources::seq)
            .get_result(c))
        .map_err(DbError::from)
        .map_err(StoreError::from)?;
        self.insert_keys(seq, keys)?;
        self.add_to_count(resource.resource_type, seq, 1).map_err(StoreError::from)?;
        Ok(Handle(seq))
    }

    fn update(&mut self, handle: Handle, resource: &Resource, keys: &KeyChange) -> Result<(), WriteError> {
        self.guard.allows(&keys.added)?;
        let row = resources::table.filter(resources::seq.eq(handle.0)).filter(resources::account.eq(self.account));
        let values = (
            resources::version.eq(resource.meta.version),
            resources::last_modified.eq(resource.meta.last_modified),
            resources::active.eq(resource.is_active()),
            // Once an identity provider has written it, it stays managed by one.
            resources::provisioned.eq(resources::provisioned.or(self.provisioning.into_sql::<Bool>())),
            resources::display.eq(resource.display()),
            resources::document.eq(document(resource)?),
        );
        each!(&mut *self.tx.conn, c => diesel::update(row).set(values).execute(c))
            .map_err(DbError::from)
            .map_err(StoreError::from)?;
        self.delete_keys(handle.0, &keys.removed).map_err(StoreError::from)?;
        self.insert_keys(handle.0, &keys.added)?;
        let policy = &self.tx.policy;
        if resource.resource_type == USER && policy.watches(keys) && !policy.may_own(resource.attributes()) {
            let owner = resource.id.clone();
            self.tx.news.push(News::RoleLost { account: self.account, now: self.now, owner });
        }
        self.note_change(handle, Some(resource));
        // A user logs in with their userName.
        let renamed = keys.added.iter().any(|key| key.attribute == AttributeKey::user_name());
        if let (true, Some(name)) = (renamed, resource.attributes().get("userName").and_then(|name| name.as_str())) {
            let login = logins::table.filter(logins::resource.eq(handle.0));
            let key = log_in_key(name);
            each!(&mut *self.tx.conn, c => diesel::update(login).set(logins::name_key.eq(&key)).execute(c))
                .map_err(DbError::from)
                .map_err(StoreError::from)?;
        }
        Ok(())
    }

    fn delete(&mut self, stored: &Stored, keys: &[SearchKey], now: i64) -> Result<(), StoreError> {
        let seq = stored.handle.0;
        if stored.resource.resource_type == GROUP {
            self.takes_members_of(stored.handle)?;
        }
        let remove = |this: &mut Self| -> Result<(), DbError> {
            // The row first: from here on nobody can make it a member of anything.
            let row = resources::table.filter(resources::seq.eq(seq)).filter(resources::account.eq(this.account));
            each!(&mut *this.tx.conn, c => diesel::delete(row).execute(c))?;
            this.delete_keys(seq, keys)?;
            this.add_to_count(stored.resource.resource_type, seq, -1)?;
            membership::touch_groups_of(this.tx.conn, seq, now)?;
            let memberships = members::table.filter(members::member_seq.eq(seq));
            each!(&mut *this.tx.conn, c => diesel::delete(memberships).execute(c))?;
            let own_members = members::table.filter(members::group_seq.eq(seq));
            each!(&mut *this.tx.conn, c => diesel::delete(own_members).execute(c))?;
            if stored.resource.resource_type == GROUP {
                parked::forget(this.tx.conn, &[seq])?;
            }
            let login = logins::table.filter(logins::resource.eq(seq));
            each!(&mut *this.tx.conn, c => diesel::delete(login).execute(c))?;
            this.tx.remove_second_factor(seq)?;
            this.tx.release_upstream_identities(seq)?;
            this.tx.remove_notices_of(seq)?;
            if stored.resource.resource_type == USER {
                let called = person::name(stored.resource.attributes());
                this.tx.departed.push((stored.resource.id.to_string(), called));
            }
            Ok(())
        };
        remove(self)?;
        self.note_change(stored.handle, None);
        Ok(())
    }

    fn search(&mut self, query: &Query<'_>) -> Result<Page, SearchError> {
        search::search(self, query)
    }

    fn members(&mut self, group: Handle) -> Result<Vec<Member>, StoreError> {
        Ok(self.members_up_to(group, usize::MAX)?.unwrap_or_default())
    }

    fn members_up_to(&mut self, group: Handle, most: usize) -> Result<Option<Vec<Member>>, StoreError> {
        // What is to be short reads no more than it may have.
        let most_of_all = self.tx.short_of.map_or(most, |left| most.min(left as usize));
        let members = membership::of_group(self.tx.conn, self.account, group.0, most_of_all)?;
        match &members {
            Some(members) => self.takes(members.len())?,
            None if most_of_all < most => return Err(DbError::TakesLong.into()),
            None => {}
        }
        Ok(members.map(|members| self.guard.shown_members(members)))
    }

    fn groups_of(&mut self, handles: &[Handle]) -> Result<Vec<(Handle, GroupReference)>, StoreError> {
        Ok(self.groups_of_up_to(handles, usize::MAX)?.unwrap_or_default())
    }

    fn groups_of_up_to(
        &mut self,
        handles: &[Handle],
        most: usize,
    ) -> Result<Option<Vec<(Handle, GroupReference)>>, StoreError> {
        Ok(membership::groups_of(self.tx.conn, self.account, handles, most)?)
    }

    fn resolve(&mut self, ids: &[Id]) -> Result<Vec<(Id, Handle, ResourceTypeId)>, StoreError> {
        let found = membership::resolve(self.tx.conn, self.account, ids, self.tx.reads)?;
        Ok(self.guard.shown_handles(found))
    }

    fn holders(&mut self, keys: &[SearchKey]) -> Result<Vec<Holder>, StoreError> {
        Ok(parked::holders(self.tx.conn, self.account, keys, self.guard.protects())?)
    }

    fn hold_names(&mut self) -> Result<(), StoreError> {
        let held = match self.tx.runs_again {
            true => parked::try_names(self.tx.conn, self.account),
            false => parked::hold_names(self.tx.conn, self.account),
        };
        Ok(held?)
    }

    fn hold_group_names(&mut self) -> Result<(), StoreError> {
        Ok(parked::hold_group_names(self.tx.conn, self.account)?)
    }

    fn parked(&mut self, group: Handle) -> Result<Vec<String>, StoreError> {
        Ok(parked::of_group(self.tx.conn, group.0)?)
    }

    fn change_parked(&mut self, group: Handle, change: &ParkedChange) -> Result<(), StoreError> {
        Ok(parked::change(self.tx.conn, self.account, group.0, change, self.now)?)
    }

    fn awaiting(&mut self, keys: &[String]) -> Result<Vec<Awaiting>, StoreError> {
        Ok(parked::awaiting(self.tx.conn, self.account, keys)?)
    }

    fn change_members(&mut self, group: Handle, change: &MembershipChange) -> Result<MembershipOutcome, StoreError> {
        if change.clear {
            self.takes_members_of(group)?;
        }
        let change = self.keeping_hidden_members(group, change)?;
        Ok(membership::change(self.tx.conn, group.0, &change)?)
    }

    fn recall(&mut self, walk: &WalkId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.recall_walk(walk)?)
    }

    fn keep(&mut self, walk: &WalkId, note: &[u8], now: i64) -> Result<(), StoreError> {
        Ok(self.keep_walk(walk, note, now)?)
    }

    fn record(&mut self, event: Event) {
        self.tx.news.push(News::Resource { account: self.account, now: self.now, event });
    }
}

fn document(resource: &Resource) -> Result<String, StoreError> {
    serde_json::to_string(resource.attributes()).map_err(|e| StoreError(Box::new(e)))
}

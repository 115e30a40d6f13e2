//! What is still to be done for the attributes that accounts declare, a batch of resources at a time.
//!
//! An attribute declared indexed gets the index rows of the resources written before; one taken away is taken out of their
//! documents, and its rows out of the index. How far that went is a row of its own, so any replica continues it, and an
//! account's batches take turns by the lock on the account's row, which provisioning does not take.
//!
//! The first batch waits for all transactions that may still use the earlier declarations. On SQLite there are none: its writers
//! take turns. On PostgreSQL these are the transactions that were open when the new ones were committed (`CREATE INDEX
//! CONCURRENTLY` waits for the same). From then on every write of a resource writes its rows, too, or leaves out the value.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use diesel::upsert::excluded;
use scim::schema::{ResourceTypeId, Stage, Uniqueness};
use scim::{IndexedAttribute, Registry, SearchKey, key_of_text};

use super::accounts::json;
use super::backend::AnyConn;
use super::batches;
use super::error::{DbError, unique_violation};
use super::resources::{Row, row_columns};
use super::schema::{attribute_values, attribute_work, resources};
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::declared_attributes::{Declarations, Declared, Duplicate};
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, ResourceKey};
use crate::domain::schemas::Schemas;
use crate::each;

/// How many resources one unit of work goes through.
const BATCH: i64 = 250;
/// How many index rows one unit of work removes.
const ROWS: i64 = 2_000;
/// How many values are named that several resources have.
pub const NAMED: usize = 20;

/// All other transactions in this database. (Vacuum works for no user.)
const OPEN: &str = "SELECT string_agg(l.virtualtransaction, ' ') FROM pg_locks AS l JOIN pg_stat_activity AS s ON s.pid = l.pid \
     WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND s.datname = current_database() \
     AND s.usesysid IS NOT NULL AND s.pid <> pg_backend_pid()";

const REMOVE_ROWS: &str = "DELETE FROM attribute_values WHERE account = ? AND attribute = ? AND (key, resource) IN \
     (SELECT v.key, v.resource FROM attribute_values AS v WHERE v.account = ? AND v.attribute = ? LIMIT ?)";

/// How a unit of work left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Transactions may still use the earlier declarations.
    Waiting,
    /// There is more to do.
    InProgress,
    /// Nothing is left to do.
    Done,
}

/// Values of attributes, as they are in the index.
#[derive(Debug, Default)]
pub struct Values {
    /// Each with the row of the resource that has it.
    pub values: Vec<(SearchKey, ResourceKey)>,
    /// How many resources were looked at.
    pub resources: u64,
    /// The last row that was looked at; `None` when there were none left.
    pub last: Option<i64>,
}

struct Work {
    waits_for: Option<String>,
    after: i64,
    duplicates: Vec<Duplicate>,
}

impl Tx<'_> {
    /// From here on there is something to do for this attribute, from the beginning.
    pub fn begin_attribute_work(&mut self, account: AccountKey, attribute: &str) -> Result<(), DbError> {
        self.end_attribute_work(account, attribute)?;
        let row = (
            attribute_work::account.eq(account),
            attribute_work::attribute.eq(attribute),
            attribute_work::waits_for.eq(None::<String>),
            attribute_work::done_until.eq(0),
            attribute_work::duplicates.eq("[]"),
        );
        each!(&mut *self.conn, c => diesel::insert_into(attribute_work::table).values(&row).execute(c))?;
        Ok(())
    }

    /// Nothing is to be done for it any more.
    pub fn end_attribute_work(&mut self, account: AccountKey, attribute: &str) -> Result<(), DbError> {
        let row = attribute_work::table
            .filter(attribute_work::account.eq(account))
            .filter(attribute_work::attribute.eq(attribute));
        each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        Ok(())
    }

    /// Nothing is to be done for the account any more.
    pub(super) fn end_all_attribute_work(&mut self, account: AccountKey) -> Result<(), DbError> {
        let rows = attribute_work::table.filter(attribute_work::account.eq(account));
        each!(&mut *self.conn, c => diesel::delete(rows).execute(c))?;
        Ok(())
    }

    /// The index was made again but for what is still being indexed: that begins again, too.
    pub fn restart_attribute_work(&mut self) -> Result<(), DbError> {
        let value = attribute_work::done_until.eq(0);
        each!(&mut *self.conn, c => diesel::update(attribute_work::table).set(value).execute(c))?;
        Ok(())
    }

    /// For which attributes of which accounts there is something to do.
    pub fn attribute_work(&mut self) -> Result<Vec<(AccountKey, String)>, DbError> {
        let query = attribute_work::table
            .order((attribute_work::account, attribute_work::attribute))
            .limit(100)
            .select((attribute_work::account, attribute_work::attribute));
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// Does the next of it.
    pub fn do_attribute_work(
        &mut self,
        account: AccountKey,
        attribute: &str,
        schemas: &Schemas,
    ) -> Result<Progress, DbError> {
        let Some(mut account) = self.lock_account_at(account)? else {
            self.end_attribute_work(account, attribute)?;
            return Ok(Progress::Done);
        };
        let Some(mut work) = self.find_attribute_work(account.seq, attribute)? else { return Ok(Progress::Done) };
        if !self.old_transactions_ended(account.seq, attribute, &work)? {
            return Ok(Progress::Waiting);
        }
        let mut declared = account.options.attributes.read()?;
        let Some(at) = declared.iter().position(|one| one.id() == attribute) else {
            self.end_attribute_work(account.seq, attribute)?;
            return Ok(Progress::Done);
        };
        let registry = schemas.of(&account)?;
        let finished = match declared[at].stage {
            Stage::Ready => true,
            Stage::Indexing => self.fill(account.seq, &registry, &declared[at], &mut work)?,
            Stage::Removing => self.empty(account.seq, &registry, &declared[at], &mut work)?,
        };
        if !finished {
            self.keep_attribute_work(account.seq, attribute, &work)?;
            return Ok(Progress::InProgress);
        }
        self.end_attribute_work(account.seq, attribute)?;
        match declared[at].stage {
            Stage::Ready => return Ok(Progress::Done),
            Stage::Removing => drop(declared.remove(at)),
            Stage::Indexing => {
                if !work.duplicates.is_empty() {
                    self.raise(self.now(), Some(account.seq), refused(attribute, &work.duplicates));
                }
                declared[at].settle(std::mem::take(&mut work.duplicates));
            }
        }
        account.options.attributes = Declarations::write(&declared)?;
        self.set_account_options(&account)?;
        Ok(Progress::Done)
    }

    fn find_attribute_work(&mut self, account: AccountKey, attribute: &str) -> Result<Option<Work>, DbError> {
        let query = attribute_work::table
            .filter(attribute_work::account.eq(account))
            .filter(attribute_work::attribute.eq(attribute))
            .select((attribute_work::waits_for, attribute_work::done_until, attribute_work::duplicates));
        let row: Option<(Option<String>, i64, String)> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        let Some((waits_for, after, duplicates)) = row else { return Ok(None) };
        let duplicates = serde_json::from_str(&duplicates)
            .map_err(|e| DbError::Corrupt(format!("work on an attribute of account {account}: {e}")))?;
        Ok(Some(Work { waits_for, after, duplicates }))
    }

    fn keep_attribute_work(&mut self, account: AccountKey, attribute: &str, work: &Work) -> Result<(), DbError> {
        let row = attribute_work::table
            .filter(attribute_work::account.eq(account))
            .filter(attribute_work::attribute.eq(attribute));
        let values =
            (attribute_work::done_until.eq(work.after), attribute_work::duplicates.eq(json(&work.duplicates)?));
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(())
    }

    /// Whether all transactions have ended that began before the declarations changed.
    fn old_transactions_ended(&mut self, account: AccountKey, attribute: &str, work: &Work) -> Result<bool, DbError> {
        if matches!(&*self.conn, AnyConn::Sqlite(_)) || work.waits_for.as_deref() == Some("") {
            return Ok(true);
        }
        let open: Option<Option<String>> = Statement::<Nullable<Text>>::new(OPEN, Vec::new()).first(self.conn)?;
        let open = open.flatten().unwrap_or_default();
        let left: Vec<&str> = match &work.waits_for {
            None => open.split_whitespace().collect(),
            Some(then) => then.split(' ').filter(|one| open.split(' ').any(|still| still == *one)).collect(),
        };
        let row = attribute_work::table
            .filter(attribute_work::account.eq(account))
            .filter(attribute_work::attribute.eq(attribute));
        let value = attribute_work::waits_for.eq(left.join(" "));
        each!(&mut *self.conn, c => diesel::update(row).set(value).execute(c))?;
        Ok(left.is_empty())
    }

    /// Makes the index rows of the next resources; says whether there were none left.
    fn fill(
        &mut self,
        account: AccountKey,
        registry: &Registry,
        declared: &Declared,
        work: &mut Work,
    ) -> Result<bool, DbError> {
        let index = registry.index_of(&declared.declaration);
        let Some(resource_type) = index.first().map(|indexed| indexed.resource_type) else { return Ok(true) };
        let rows = self.next_resources(account, resource_type, work.after)?;
        let Some(last) = rows.last() else { return Ok(true) };
        work.after = last.seq.into();
        for row in rows {
            let stored = row.stored()?;
            for key in index.iter().flat_map(|indexed| indexed.keys(&stored.resource)) {
                let other = if key.unique { self.holder(account, &key, stored.handle.into())? } else { None };
                if let Some(other) = &other {
                    let written = index.iter().find_map(|indexed| indexed.written(&key, &stored.resource));
                    let value = written.unwrap_or_else(|| key.display());
                    note(&mut work.duplicates, value, other, stored.resource.id.as_str());
                }
                self.put_key(account, stored.handle.into(), &key, key.unique && other.is_none())?;
            }
        }
        Ok(false)
    }

    /// Takes it out of the next resources, and then its rows out of the index; says whether there was nothing left.
    fn empty(
        &mut self,
        account: AccountKey,
        registry: &Registry,
        declared: &Declared,
        work: &mut Work,
    ) -> Result<bool, DbError> {
        let Ok((resource_type, _)) = registry.place(&declared.declaration) else { return Ok(true) };
        let rows = self.next_resources(account, resource_type, work.after)?;
        if let Some(last) = rows.last() {
            work.after = last.seq.into();
            for row in rows {
                let mut stored = row.stored()?;
                if registry.prune(&mut stored.resource) {
                    let document = json(stored.resource.attributes())?;
                    let row = resources::table
                        .filter(resources::account.eq(account))
                        .filter(resources::seq.eq(stored.handle.0));
                    let value = resources::document.eq(document);
                    each!(&mut *self.conn, c => diesel::update(row).set(value).execute(c))?;
                }
            }
            return Ok(false);
        }
        let in_use = |key| registry.indexed().iter().any(|indexed| indexed.key == key);
        for key in registry.index_keys(&declared.declaration).into_iter().filter(|key| !in_use(*key)) {
            let (account, attribute) = (Bind::number(account), Bind::number(key.0));
            let binds = vec![account.clone(), attribute.clone(), account, attribute, Bind::number(ROWS)];
            if Statement::<Text>::new(REMOVE_ROWS, binds).execute(self.conn)? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Resources of the account and type after a row, kept from being changed by others.
    fn next_resources(
        &mut self,
        account: AccountKey,
        resource_type: ResourceTypeId,
        after: i64,
    ) -> Result<Vec<Row>, DbError> {
        let many = batches::next(self.conn, Some((account, resource_type)), after, BATCH)?;
        let query = resources::table
            .filter(resources::account.eq(account))
            .filter(resources::resource_type.eq(resource_type.0))
            .filter(resources::seq.gt(after))
            .order(resources::seq)
            .limit(many)
            .select(row_columns!());
        Ok(match &mut *self.conn {
            AnyConn::Postgres(c) => query.for_no_key_update().load(c.begun())?,
            AnyConn::Sqlite(c) => query.load(c)?,
        })
    }

    /// The id of another resource that has this value of a unique attribute.
    fn holder(&mut self, account: AccountKey, key: &SearchKey, but: ResourceKey) -> Result<Option<String>, DbError> {
        let other = attribute_values::table
            .filter(attribute_values::account.eq(account))
            .filter(attribute_values::attribute.eq(key.attribute.0))
            .filter(attribute_values::key.eq(&key.key))
            .filter(attribute_values::is_unique.eq(true))
            .filter(attribute_values::resource.ne(but))
            .select(attribute_values::resource);
        let other: Option<ResourceKey> = each!(&mut *self.conn, c => other.first(c).optional())?;
        let Some(other) = other else { return Ok(None) };
        let row = resources::table
            .filter(resources::account.eq(account))
            .filter(resources::seq.eq(other))
            .select(resources::id);
        let id: Option<String> = each!(&mut *self.conn, c => row.first(c).optional())?;
        Ok(Some(id.unwrap_or_default()))
    }

    fn put_key(
        &mut self,
        account: AccountKey,
        resource: ResourceKey,
        key: &SearchKey,
        unique: bool,
    ) -> Result<(), DbError> {
        let row = (
            attribute_values::account.eq(account),
            attribute_values::attribute.eq(key.attribute.0),
            attribute_values::key.eq(&key.key),
            attribute_values::resource.eq(resource),
            attribute_values::is_unique.eq(unique),
        );
        let same =
            (attribute_values::account, attribute_values::attribute, attribute_values::key, attribute_values::resource);
        let outcome = each!(&mut *self.conn, c => diesel::insert_into(attribute_values::table)
            .values(row)
            .on_conflict(same)
            .do_update()
            .set(attribute_values::is_unique.eq(excluded(attribute_values::is_unique)))
            .execute(c));
        match outcome {
            // Another transaction took the value a moment ago: run again, and see it.
            Err(error) if unique_violation(&error).is_some() => Err(DbError::LostRace),
            outcome => Ok(outcome.map(drop)?),
        }
    }

    /// The values that the next resources after this row have of these attributes.
    pub fn values_after(
        &mut self,
        account: AccountKey,
        after: i64,
        index: &[IndexedAttribute],
    ) -> Result<Values, DbError> {
        let Some(resource_type) = index.first().map(|indexed| indexed.resource_type) else {
            return Ok(Values::default());
        };
        let many = batches::next(self.conn, Some((account, resource_type)), after, ROWS)?;
        let query = resources::table
            .filter(resources::account.eq(account))
            .filter(resources::resource_type.eq(resource_type.0))
            .filter(resources::seq.gt(after))
            .order(resources::seq)
            .limit(many)
            .select(row_columns!());
        let rows: Vec<Row> = each!(&mut *self.conn, c => query.load(c))?;
        let mut page =
            Values { resources: rows.len() as u64, last: rows.last().map(|row| row.seq.into()), ..Values::default() };
        for row in rows {
            let stored = row.stored()?;
            let keys = index.iter().flat_map(|indexed| indexed.keys(&stored.resource));
            page.values.extend(keys.map(|key| (key, stored.handle.into())));
        }
        Ok(page)
    }

    /// Names the resources that have the same value; those that are gone meanwhile are left out.
    pub fn duplicate(
        &mut self,
        account: AccountKey,
        index: &[IndexedAttribute],
        key: &SearchKey,
        resources: &[ResourceKey],
    ) -> Result<Duplicate, DbError> {
        let (mut ids, mut value) = (Vec::new(), None);
        for seq in resources {
            let row = resources::table
                .filter(resources::account.eq(account))
                .filter(resources::seq.eq(seq))
                .select(row_columns!());
            let row: Option<Row> = each!(&mut *self.conn, c => row.get_result(c).optional())?;
            let Some(stored) = row.map(Row::stored).transpose()? else { continue };
            let written = || index.iter().find_map(|indexed| indexed.written(key, &stored.resource));
            value = value.or_else(written);
            ids.push(stored.resource.id.to_string());
        }
        Ok(Duplicate { value: value.unwrap_or_else(|| key.display()), resources: ids })
    }
}

fn note(duplicates: &mut Vec<Duplicate>, value: String, one: &str, other: &str) {
    let room = duplicates.len() < NAMED;
    let folded = key_of_text(&value);
    let same =
        |known: &&mut Duplicate| known.resources.iter().any(|id| id == one) && key_of_text(&known.value) == folded;
    match duplicates.iter_mut().find(same) {
        Some(known) if known.resources.len() < NAMED => known.resources.push(other.to_owned()),
        Some(_) => {}
        None if room => {
            duplicates.push(Duplicate { value, resources: vec![one.to_owned(), other.to_owned()] });
        }
        None => {}
    }
}

fn refused(attribute: &str, duplicates: &[Duplicate]) -> Act {
    let values: Vec<&str> = duplicates.iter().map(|one| one.value.as_str()).collect();
    Act::new(Action::AttributeNotUnique).on(attribute).saying(format!("several resources have {}", values.join(", ")))
}

impl Declared {
    /// Its schema and its name: what a path calls it.
    pub fn id(&self) -> String {
        format!("{}:{}", self.declaration.schema.as_deref().unwrap_or_default(), self.declaration.name)
    }

    /// Its index is complete. With duplicates it cannot be unique.
    fn settle(&mut self, duplicates: Vec<Duplicate>) {
        self.stage = Stage::Ready;
        if !duplicates.is_empty() {
            self.declaration.uniqueness = Uniqueness::None;
            self.declaration.sub_attributes.iter_mut().for_each(|sub| sub.uniqueness = Uniqueness::None);
        }
        self.duplicates = duplicates;
    }
}

//! What a client may not do to users of its account, and what follows when it changes one.
//!
//! An account's policy for service accounts holds for the store that the SCIM endpoint works on ([`AccountTx::guarding`]); operators
//! work on one without it. A hidden service account does not exist for clients, but that its `userName` stays taken and that the groups
//! it is in keep it.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, SmallInt, Text};
use scim::resource::Member;
use scim::schema::{ResourceTypeId, USER};
use scim::store::{Handle, MembershipChange, Protected, Stored, WriteError};
use scim::{AttributeKey, Id, SearchKey, key_of_text};
use serde_json::Value;

use super::super::error::DbError;
use super::super::schema::members;
use super::super::statement::{Bind, Dialects, Statement, dialects};
use super::{AccountTx, Row, RowColumns};
use crate::domain::account::{AccountOptions, ServiceAccounts};
use crate::domain::event::Kind;
use crate::domain::ids::{ResourceKey, UserKey};
use crate::each;

/// What a client is told that a service account is.
const WHAT: &str = "a service account";

/// What of the account's policies a store keeps to; by default, nothing.
#[derive(Default)]
pub(in crate::storage) struct Guard {
    service_accounts: Option<ServiceAccounts>,
    /// The service accounts that clients do not see.
    hidden: Vec<Row>,
    /// The keys of their names.
    names: Vec<String>,
    /// Whom `/Me` stands for: shown in any case.
    me: Option<Id>,
    /// The user that was locked last.
    locked: Option<Locked>,
}

/// What is known of a user from the moment on that no other transaction can change them.
#[derive(Debug, Clone)]
struct Locked {
    seq: ResourceKey,
    provisioned: bool,
    service_account: bool,
    id: Id,
}

/// One row by its key, and one more by its own.
macro_rules! locked {
    ($lock:literal) => {
        concat!(
            "SELECT u.seq, u.resource_type, u.id, u.version, u.created, u.last_modified, u.document, u.provisioned, \
             COALESCE((SELECT l.service_account FROM logins AS l WHERE l.account = ? AND l.resource = u.seq), FALSE) \
             FROM resources AS u WHERE u.account = ? AND u.id = ?",
            $lock
        )
    };
}

const LOCKED: Dialects = Dialects { sqlite: locked!(""), postgres: locked!(" FOR NO KEY UPDATE OF u") };

const SERVICE_ACCOUNTS: Dialects = dialects!("SELECT r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document FROM logins AS l \
     JOIN resources AS r ON r.seq = l.resource" [" AND r.account = l.account"] " WHERE l.account = ? AND l.service_account ORDER BY r.seq");

impl Guard {
    pub(in crate::storage) fn is_hidden(&self, seq: ResourceKey) -> bool {
        self.hidden.binary_search_by_key(&seq, |row| row.seq).is_ok()
    }

    /// Whether a client may see this resource when it names it.
    pub(in crate::storage) fn shows(&self, row: &Row) -> bool {
        !self.is_hidden(row.seq) || self.me.as_ref().is_some_and(|me| me.as_str() == row.id)
    }

    /// How service accounts are protected.
    pub(in crate::storage) fn protects(&self) -> Option<Protected> {
        match self.service_accounts? {
            ServiceAccounts::ReadOnly => Some(Protected { what: WHAT, hidden: false }),
            ServiceAccounts::Hidden => Some(Protected { what: WHAT, hidden: true }),
            ServiceAccounts::Writable => None,
        }
    }

    /// Refuses the name of a user who is hidden.
    pub(in crate::storage) fn allows(&self, added: &[SearchKey]) -> Result<(), WriteError> {
        let is_theirs = |key: &&SearchKey| key.attribute == AttributeKey::user_name() && self.names.contains(&key.key);
        match added.iter().find(is_theirs) {
            Some(key) => Err(WriteError::Reserved { attribute: key.attribute, what: WHAT }),
            None => Ok(()),
        }
    }

    pub(in crate::storage) fn shown_members(&self, mut members: Vec<Member>) -> Vec<Member> {
        if !self.hidden.is_empty() {
            members.retain(|member| self.hidden.iter().all(|row| row.id != member.id.as_str()));
        }
        members
    }

    pub(in crate::storage) fn shown_handles(&self, mut found: Vec<(Handle, Member)>) -> Vec<(Handle, Member)> {
        found.retain(|(handle, _)| !self.is_hidden((*handle).into()));
        found
    }
}

impl AccountTx<'_, '_> {
    /// The same store, for a client: it keeps to the account's policies. `me` is whom `/Me` stands for.
    pub(crate) fn guarding(mut self, options: &AccountOptions, me: Option<&Id>) -> Result<Self, DbError> {
        self.guard.service_accounts = Some(options.service_accounts);
        if options.service_accounts == ServiceAccounts::Hidden {
            let binds = vec![Bind::number(self.account)];
            let hidden: Vec<Row> =
                Statement::<RowColumns>::new(SERVICE_ACCOUNTS.of(self.tx.conn), binds).load(self.tx.conn)?;
            self.guard.names = hidden.iter().map(name_key).collect::<Result<_, _>>()?;
            self.guard.hidden = hidden;
            self.guard.me = me.cloned();
        }
        Ok(self)
    }

    /// The service accounts that clients do not see.
    pub(in super::super) fn hidden(&self) -> &[Row] {
        &self.guard.hidden
    }

    /// A resource that no other transaction changes until this unit of work ends.
    pub(in crate::storage) fn find_locked(&mut self, kind: ResourceTypeId, id: &Id) -> Result<Option<Stored>, DbError> {
        type Columns = ((BigInt, SmallInt, Text, BigInt, BigInt, BigInt, Text), (Bool, Bool));
        let found: Option<(Row, (bool, bool))> = match self.tx.ahead_locked(self.account, id) {
            Some(found) => found,
            None => {
                let id = vec![Bind::Text(id.to_string())];
                Statement::<Columns>::of_account(LOCKED.of(self.tx.conn), self.account, id).first(self.tx.conn)?
            }
        };
        let Some((row, (provisioned, service_account))) = found else { return Ok(None) };
        if row.resource_type != kind.0 || !self.guard.shows(&row) {
            return Ok(None);
        }
        let stored = row.stored()?;
        if kind == USER {
            let (seq, id) = (stored.handle.into(), id.clone());
            self.guard.locked = Some(Locked { seq, provisioned, service_account, id });
        }
        Ok(Some(stored))
    }

    fn locked(&self, handle: Handle) -> Option<Locked> {
        self.guard.locked.clone().filter(|locked| locked.seq == handle.into())
    }

    pub(in crate::storage) fn protection_of(&mut self, handle: Handle) -> Result<Option<Protected>, DbError> {
        let Some(protected) = self.guard.protects() else { return Ok(None) };
        let is_one = match self.locked(handle) {
            Some(locked) => locked.service_account,
            None => self.tx.is_service_account(self.account, UserKey::of_user(handle))?,
        };
        Ok(is_one.then_some(protected))
    }

    /// A locked user was written: if an identity provider did so for the first time, that is for the reactions to know.
    pub(in crate::storage) fn note_change(&mut self, handle: Handle) {
        let Some(mut locked) = self.locked(handle) else { return };
        let (account, now, user) = (self.account, self.now, UserKey::of_user(handle));
        if self.provisioning && !locked.provisioned {
            locked.provisioned = true;
            self.tx.raise(now, Some(account), Kind::TakenOver { user, id: locked.id.clone() });
        }
        self.guard.locked = Some(locked);
    }

    /// Who sends a whole list of members does not know those it does not see: they stay.
    pub(in crate::storage) fn keeping_hidden_members(
        &mut self,
        group: Handle,
        change: &MembershipChange,
    ) -> Result<MembershipChange, DbError> {
        let mut change = change.clone();
        if change.clear && !self.guard.hidden.is_empty() {
            let hidden: Vec<ResourceKey> = self.guard.hidden.iter().map(|row| row.seq).collect();
            let query = members::table
                .filter(members::account.eq(self.account))
                .filter(members::group_seq.eq(group.0))
                .filter(members::member_seq.eq_any(hidden))
                .select(members::member_seq);
            let kept: Vec<ResourceKey> = each!(&mut *self.tx.conn, c => query.load(c))?;
            change.add.extend(kept.into_iter().map(Handle::from));
        }
        Ok(change)
    }
}

fn name_key(row: &Row) -> Result<String, DbError> {
    let stored = row.clone().stored()?;
    let name = stored.resource.attributes().get("userName").and_then(Value::as_str).unwrap_or_default();
    Ok(key_of_text(name))
}

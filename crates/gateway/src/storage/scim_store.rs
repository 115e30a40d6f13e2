//! The scim crate's port, on the resources of one account.

use diesel::prelude::*;
use scim::resource::user_name::log_in_key;
use scim::resource::{GroupReference, Member};
use scim::schema::{GROUP, ResourceTypeId, USER};
use scim::store::{
    Departure, Handle, KeyOwner, ListKey, MembershipChange, MembershipOutcome, Page, PendingChange, PendingMember,
    Protected, Query, SearchError, StoreError, Stored, WriteError,
};
use scim::{AttributeKey, Event, Id, KeyChange, Resource, SearchKey};

use super::along::Awaited;
use super::backend::AnyConn;
use super::error::DbError;
use super::resources::{AccountTx, creation, refused};
use super::schema::resources;
use super::statement::{Bind, Statement};
use super::{access_history, members as membership, owned, pending_members, relying_parties, search};
use crate::domain::access::PastFacts;
use crate::domain::event::ResourceEvent;
use crate::domain::ids::{ResourceKey, UserKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

/// Once an identity provider has written it, it stays managed by one.
const UPDATE: &str = "UPDATE resources SET version = ?, last_modified = ?, active = ?, provisioned = provisioned OR ?, display = ?, \
     document = ? WHERE account = ? AND seq = ?";

const DELETE: &str = "DELETE FROM resources WHERE seq = ? AND account = ?";

/// A membership that is there after all has no account to be kept in: see [`has_changed`](super::error).
const IS_IN_NO_GROUP: &str = "INSERT INTO past_members (account, group_seq, member_seq, since, until) \
     SELECT NULL, group_seq, member_seq, since, ? FROM members WHERE account = ? AND member_seq = ?";

const RENAME: &str = "UPDATE logins SET name_key = ? WHERE account = ? AND resource = ?";

/// A list is counted in blocks, from which it is to be taken off: see [`list_counts`](super::list_counts).
const LEAVE_GAP: &str =
    "INSERT INTO resource_gaps (account, resource_type, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";

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
        // Who waits for a name is to be asked after its lock is held: with this statement, if it is by now.
        let names = if self.tx.shares_names { pending_members::names_of(resource) } else { Vec::new() };
        let reserved = self.tx.take_reserved(self.account, keys, &names);
        if let AnyConn::Postgres(session) = &mut *self.tx.conn
            && !session.is_spread()
        {
            let what = (resource, document(resource)?);
            if let Some(seq) = reserved {
                creation::put_off(session, (self.account, seq), self.provisioning, what, keys, &names);
                let asked = session.asked();
                self.tx.awaited = Some(Awaited { keys: names, groups: Vec::new(), asked });
                return Ok(seq.into());
            }
            let (seq, waiting) =
                creation::create(session, self.account, self.provisioning, what, keys, &names).map_err(refused)?;
            let asked = session.asked();
            if self.tx.shares_names {
                let groups = pending_members::read(waiting.as_deref()).map_err(StoreError::from)?;
                self.tx.awaited = Some(Awaited { keys: names, groups, asked });
            }
            return Ok(seq.into());
        }
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
        let seq: ResourceKey = each!(self.conn(), c => diesel::insert_into(resources::table)
            .values(row)
            .returning(resources::seq)
            .get_result(c))
        .map_err(DbError::from)
        .map_err(StoreError::from)?;
        self.insert_keys(seq, keys)?;
        self.add_to_count(resource.resource_type, 1).map_err(StoreError::from)?;
        Ok(seq.into())
    }

    fn update(&mut self, handle: Handle, resource: &Resource, keys: &KeyChange) -> Result<(), WriteError> {
        self.guard.allows(&keys.added)?;
        let binds = vec![
            Bind::Number(resource.meta.version),
            Bind::Number(resource.meta.last_modified),
            Bind::Flag(resource.is_active()),
            Bind::Flag(self.provisioning),
            Bind::Text(resource.display().to_owned()),
            Bind::Text(document(resource)?),
            Bind::number(self.account),
            Bind::Number(handle.0),
        ];
        Statement::<()>::put_off(self.tx.conn, UPDATE, binds).map_err(StoreError::from)?;
        self.delete_keys(handle.into(), &keys.removed).map_err(StoreError::from)?;
        self.insert_keys(handle.into(), &keys.added)?;
        self.note_change(handle);
        if resource.resource_type == USER {
            self.tx.written = Some((self.account, Stored { handle, resource: resource.clone() }));
        }
        // A user logs in with their userName.
        let renamed = keys.added.iter().any(|key| key.attribute == AttributeKey::user_name());
        if let (true, Some(name)) = (renamed, resource.attributes().get("userName").and_then(|name| name.as_str())) {
            let binds = vec![Bind::Text(log_in_key(name)), Bind::Number(handle.0)];
            Statement::<()>::of_account(RENAME, self.account, binds).execute(self.tx.conn).map_err(StoreError::from)?;
        }
        Ok(())
    }

    fn delete(&mut self, stored: &Stored, keys: &[SearchKey], now: i64) -> Result<Departure, StoreError> {
        let seq = ResourceKey::from(stored.handle);
        self.tx.written = None;
        if stored.resource.resource_type == GROUP {
            self.takes_members_of(stored.handle)?;
        } else if self.tx.ahead_leaves_alone(self.account, &stored.resource.id)
            && keys.iter().all(|key| !key.unique || key.attribute == AttributeKey::user_name())
        {
            return Ok(self.leave_alone(stored, keys, Timestamp::of_millis(now))?);
        }
        let remove = |this: &mut Self| -> Result<Departure, DbError> {
            let mut departure = Departure::default();
            // The row first: from here on no transaction can make it a member of anything.
            let row = resources::table.filter(resources::account.eq(this.account)).filter(resources::seq.eq(seq));
            each!(&mut *this.tx.conn, c => diesel::delete(row).execute(c))?;
            this.leave_gap(stored)?;
            this.delete_keys(seq, keys)?;
            this.add_to_count(stored.resource.resource_type, -1)?;
            departure.groups = membership::touch_groups_of(this.tx.conn, this.account, seq, Timestamp::of_millis(now))?;
            access_history::memberships_end(this.tx.conn, this.account, seq.into(), Timestamp::of_millis(now))?;
            owned::delete_of_member(this.tx.conn, this.account, seq)?;
            if stored.resource.resource_type == GROUP {
                (departure.members, departure.count) =
                    membership::everyone_leaves(this.tx.conn, this.account, seq, Timestamp::of_millis(now))?;
                owned::delete_of_group(this.tx.conn, this.account, seq)?;
            } else {
                let user = UserKey::of_user(seq);
                relying_parties::tell_of_deleted(this.tx.conn, this.account, user, Timestamp::of_millis(now))?;
                owned::delete_of_user(this.tx.conn, this.account, user)?;
            }
            this.keep_departed(stored, Timestamp::of_millis(now))?;
            Ok(departure)
        };
        Ok(remove(self)?)
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
        let members = membership::of_group(self.tx.conn, self.account, group.into(), most_of_all)?;
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
        match self.tx.ahead_groups_of(self.account, handles) {
            Some(Ok(groups)) => Ok((groups.len() <= most).then_some(groups)),
            Some(Err(error)) => Err(error.into()),
            None => Ok(membership::groups_of(self.tx.conn, self.account, handles, most)?),
        }
    }

    fn describe(&mut self, handles: &[Handle]) -> Result<Vec<(Handle, Member)>, StoreError> {
        Ok(membership::describe(self.tx.conn, self.account, handles)?)
    }

    fn resolve(&mut self, ids: &[Id]) -> Result<Vec<(Handle, Member)>, StoreError> {
        let found = match self.tx.ahead_named_ids(self.account, ids) {
            Some(found) => found,
            None => {
                self.tx.unheld |= !membership::holds(self.tx.conn, ids.len());
                membership::resolve(self.tx.conn, self.account, ids, self.tx.reads)?
            }
        };
        Ok(self.guard.shown_handles(found))
    }

    fn find_by_keys(&mut self, keys: &[SearchKey]) -> Result<Vec<KeyOwner>, StoreError> {
        if self.tx.ahead_are_free(self.account, keys) {
            return Ok(Vec::new());
        }
        Ok(pending_members::find_by_keys(self.tx.conn, self.account, keys, self.guard.protects())?)
    }

    fn lock_names(&mut self) -> Result<(), StoreError> {
        let held = match self.tx.runs_again {
            true => pending_members::try_names(self.tx.conn, self.account),
            false => pending_members::lock_names(self.tx.conn, self.account),
        };
        Ok(held?)
    }

    fn lock_group_names(&mut self) -> Result<(), StoreError> {
        Ok(pending_members::lock_group_names(self.tx.conn, self.account)?)
    }

    fn pending_members(&mut self, group: Handle) -> Result<Vec<String>, StoreError> {
        Ok(pending_members::of_group(self.tx.conn, self.account, group.into())?)
    }

    fn change_pending_members(&mut self, group: Handle, change: &PendingChange) -> Result<(), StoreError> {
        Ok(pending_members::change(self.tx.conn, self.account, group.into(), change, self.now)?)
    }

    fn find_pending_members(&mut self, keys: &[String]) -> Result<Vec<PendingMember>, StoreError> {
        let asked = self.tx.asked();
        match self.tx.awaited.take() {
            Some(awaited) if Some(awaited.asked) == asked && awaited.keys == keys => Ok(awaited.groups),
            _ => Ok(pending_members::awaiting(self.tx.conn, self.account, keys)?),
        }
    }

    fn change_members(&mut self, group: Handle, change: &MembershipChange) -> Result<MembershipOutcome, StoreError> {
        if change.clear {
            self.takes_members_of(group)?;
        }
        let known = |members: &[Handle], are_members| {
            self.tx.ahead_members(self.account, group, (members, are_members)).filter(|_| !change.clear)
        };
        if let (Some(joined), Some(left)) = (known(&change.add, false), known(&change.remove, true)) {
            self.tx.forget_named();
            return Ok(membership::change_known(self.tx.conn, self.account, group.into(), (joined, left), self.now)?);
        }
        let change = self.keeping_hidden_members(group, change)?;
        let are_held = !self.tx.unheld;
        Ok(membership::change(self.tx.conn, self.account, group.into(), (&change, are_held), self.now)?)
    }

    fn load_position(&mut self, list: &ListKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.load_list_position(list)?)
    }

    fn save_position(&mut self, list: &ListKey, note: &[u8], now: i64) -> Result<(), StoreError> {
        Ok(self.save_list_position(list, note, Timestamp::of_millis(now))?)
    }

    fn record(&mut self, event: Event) {
        let event = ResourceEvent::of(event, self.tx.policy.attribute());
        self.tx.raise(self.now, Some(self.account), event);
    }
}

impl AccountTx<'_, '_> {
    /// A user who is in no group is deleted with all they have: on PostgreSQL a part of one statement, for no part of it depends on what
    /// another does. That they are in no group was read before they were held; where that has changed, the unit of work is run again.
    fn leave_alone(&mut self, stored: &Stored, keys: &[SearchKey], now: Timestamp) -> Result<Departure, DbError> {
        let (seq, user) = (stored.handle, UserKey::of_user(stored.handle));
        let row = vec![Bind::Number(seq.0), Bind::number(self.account)];
        Statement::<()>::put_off(self.tx.conn, DELETE, row)?;
        self.leave_gap(stored)?;
        let memberships = vec![Bind::number(now), Bind::number(self.account), Bind::Number(seq.0)];
        Statement::<()>::put_off(self.tx.conn, IS_IN_NO_GROUP, memberships)?;
        self.put_off_keys(seq.into(), keys);
        self.add_to_count(stored.resource.resource_type, -1)?;
        relying_parties::tell_of_deleted(self.tx.conn, self.account, user, now)?;
        owned::delete_of_user(self.tx.conn, self.account, user)?;
        self.keep_departed(stored, now)?;
        Ok(Departure::default())
    }

    /// A resource that is deleted is to be taken off its block.
    fn leave_gap(&mut self, stored: &Stored) -> Result<(), DbError> {
        let kind = stored.resource.resource_type;
        let gap = [self.account.into(), kind.0.into(), stored.handle.0].map(Bind::Number);
        Statement::<()>::put_off(self.tx.conn, LEAVE_GAP, gap.into())
    }

    /// What a deleted user or group was is kept.
    fn keep_departed(&mut self, stored: &Stored, now: Timestamp) -> Result<(), DbError> {
        let resource = &stored.resource;
        let attributes = resource.attributes();
        let role = self.tx.grant_policy();
        let facts = PastFacts::of(attributes, resource.is_active(), role.attribute());
        let (named, facts) = match resource.resource_type {
            GROUP => ("displayName", None),
            _ => ("userName", Some(&facts)),
        };
        let name = attributes.get(named).and_then(|name| name.as_str()).unwrap_or_default();
        self.tx.keep_past_resource(self.account, stored, (name, facts), now, true)
    }
}

fn document(resource: &Resource) -> Result<String, StoreError> {
    serde_json::to_string(resource.attributes()).map_err(|e| StoreError(Box::new(e)))
}

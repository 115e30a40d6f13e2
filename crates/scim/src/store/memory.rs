//! The smallest store that meets the contract: for tests, and as the oracle that databases are compared with.
//!
//! It searches by calling [`Predicate::matches`](crate::Predicate::matches) on every resource.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Departure, Handle, KeyOwner, ListKey, MembershipChange, MembershipOutcome, Page, PageKey, PendingChange,
    PendingMember, Protected, Query, SearchError, Start, Store, StoreError, Stored, WriteError,
};
use crate::event::{Event, Members};
use crate::query::search_keys::{KeyChange, SearchKey};
use crate::resource::{GroupReference, Id, Member, Resource};
use crate::schema::ResourceTypeId;
use crate::schema::key_of_text;
use crate::size::{Room, Size};

/// A store in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    last: i64,
    resources: BTreeMap<Handle, Entry>,
    /// Pairs of group and member.
    members: BTreeSet<(Handle, Handle)>,
    notes: BTreeMap<ListKey, Vec<u8>>,
    /// Pairs of group and pending name.
    pending: BTreeSet<(Handle, String)>,
    /// Users whom a POST may not restore.
    pub guarded: BTreeSet<Id>,
    /// Resources that clients may not change.
    pub protected: BTreeMap<Id, Protected>,
    /// The recorded events, oldest first.
    pub events: Vec<Event>,
}

#[derive(Debug, Clone)]
struct Entry {
    resource: Resource,
    keys: BTreeSet<SearchKey>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// A store with these resources and without search keys.
    pub fn holding(resources: impl IntoIterator<Item = Resource>) -> MemoryStore {
        let mut store = MemoryStore::default();
        for resource in resources {
            store.last += 1;
            store.resources.insert(Handle(store.last), Entry { resource, keys: BTreeSet::new() });
        }
        store
    }

    /// Runs a unit of work; on an error the store is unchanged.
    pub fn unit<T, E>(&mut self, work: impl FnOnce(&mut MemoryStore) -> Result<T, E>) -> Result<T, E> {
        let before = self.clone();
        let result = work(self);
        if result.is_err() {
            *self = before;
        }
        result
    }

    fn find(&self, resource_type: ResourceTypeId, id: &Id) -> Option<Stored> {
        self.resources
            .iter()
            .find(|(_, entry)| entry.resource.resource_type == resource_type && entry.resource.id == *id)
            .map(|(handle, entry)| Stored { handle: *handle, resource: entry.resource.clone() })
    }

    fn by_id(&self, id: &Id) -> Option<Handle> {
        self.resources.iter().find(|(_, entry)| entry.resource.id == *id).map(|(handle, _)| *handle)
    }

    fn taken(&self, but: Option<Handle>, keys: &[SearchKey]) -> Result<(), WriteError> {
        for key in keys.iter().filter(|key| key.unique) {
            let others = self.resources.iter().filter(|(handle, _)| Some(**handle) != but);
            if others.into_iter().any(|(_, entry)| entry.keys.contains(key)) {
                return Err(WriteError::NotUnique { attribute: Some(key.attribute) });
            }
        }
        Ok(())
    }

    fn members_of(&self, group: Handle) -> Vec<Handle> {
        self.members.range((group, Handle(i64::MIN))..=(group, Handle(i64::MAX))).map(|(_, member)| *member).collect()
    }

    fn loaded_members(&self, group: Handle) -> Vec<Member> {
        self.members_of(group).into_iter().filter_map(|member| self.member(member)).collect()
    }

    fn member(&self, handle: Handle) -> Option<Member> {
        let Resource { id, resource_type, .. } = &self.resources.get(&handle)?.resource;
        let display = self.resources.get(&handle)?.resource.display().to_owned();
        Some(Member { id: id.clone(), resource_type: *resource_type, display })
    }

    fn loaded_groups(&self, member: Handle) -> Vec<GroupReference> {
        let holding = |inner: Handle| self.members.iter().filter(move |(_, m)| *m == inner).map(|(group, _)| *group);
        let direct: BTreeSet<Handle> = holding(member).collect();
        let (mut all, mut new) = (direct.clone(), direct.iter().copied().collect::<Vec<_>>());
        while let Some(group) = new.pop() {
            new.extend(holding(group).filter(|outer| all.insert(*outer)));
        }
        all.remove(&member);
        let reference = |(group, entry): (Handle, &Entry)| GroupReference {
            id: entry.resource.id.clone(),
            display: entry.resource.display().to_owned(),
            direct: direct.contains(&group),
        };
        all.into_iter().filter_map(|group| Some((group, self.resources.get(&group)?))).map(reference).collect()
    }

    fn with_relations(&self, handle: Handle, resource: &Resource) -> Resource {
        let mut resource = resource.clone();
        resource.members = Some(self.loaded_members(handle));
        resource.groups = Some(self.loaded_groups(handle));
        resource
    }
}

impl Store for MemoryStore {
    fn get(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError> {
        Ok(self.find(resource_type, id))
    }

    fn lock(&mut self, resource_type: ResourceTypeId, id: &Id) -> Result<Option<Stored>, StoreError> {
        Ok(self.find(resource_type, id))
    }

    fn protection(&mut self, locked: &Stored) -> Result<Option<Protected>, StoreError> {
        Ok(self.protected.get(&locked.resource.id).copied())
    }

    fn insert(&mut self, resource: &Resource, keys: &[SearchKey]) -> Result<Handle, WriteError> {
        self.taken(None, keys)?;
        self.last += 1;
        let handle = Handle(self.last);
        let mut resource = resource.clone();
        (resource.members, resource.groups) = (None, None);
        self.resources.insert(handle, Entry { resource, keys: keys.iter().cloned().collect() });
        Ok(handle)
    }

    fn update(&mut self, handle: Handle, resource: &Resource, keys: &KeyChange) -> Result<(), WriteError> {
        self.taken(Some(handle), &keys.added)?;
        let missing = || StoreError("no resource has this handle".into());
        let entry = self.resources.get_mut(&handle).ok_or_else(missing)?;
        entry.resource = resource.clone();
        (entry.resource.members, entry.resource.groups) = (None, None);
        for key in &keys.removed {
            entry.keys.remove(key);
        }
        entry.keys.extend(keys.added.iter().cloned());
        Ok(())
    }

    fn delete(&mut self, stored: &Stored, _keys: &[SearchKey], now: i64) -> Result<Departure, StoreError> {
        let own = self.members_of(stored.handle);
        let groups = self.members.iter().filter(|(_, member)| *member == stored.handle).map(|(group, _)| *group);
        let groups = groups.collect::<Vec<_>>().into_iter().filter_map(|group| self.member(group)).collect();
        self.resources.remove(&stored.handle);
        self.pending.retain(|(group, _)| *group != stored.handle);
        let left: Vec<(Handle, Handle)> =
            self.members.iter().filter(|(g, m)| *g == stored.handle || *m == stored.handle).copied().collect();
        for pair in left {
            self.members.remove(&pair);
            if let Some(group) = self.resources.get_mut(&pair.0) {
                group.resource.meta.version += 1;
                group.resource.meta.last_modified = now;
            }
        }
        let members = own.iter().take(Members::NAMED).copied().collect();
        Ok(Departure { groups, members, count: own.len() as u64 })
    }

    fn search(&mut self, query: &Query<'_>) -> Result<Page, SearchError> {
        let mut found: Vec<(PageKey, Stored)> = self
            .resources
            .iter()
            .filter(|(_, entry)| entry.resource.resource_type == query.resource_type)
            .map(|(handle, entry)| (*handle, self.with_relations(*handle, &entry.resource)))
            .filter(|(_, resource)| query.filter.is_none_or(|filter| filter.matches(resource)))
            .map(|(handle, mut resource)| {
                (resource.members, resource.groups) = (None, None);
                Stored { handle, resource }
            })
            .map(|stored| (PageKey::after(&stored, query.sort), stored))
            .collect();
        found.sort_by(|(a, _), (b, _)| a.compare(b, query.sort));
        let total = Some(found.len() as u64);
        let rest = found.into_iter().enumerate().filter(|(index, (page_key, _))| match query.start {
            Start::Index(first) => *index as u64 + 1 >= first,
            Start::After(last) => page_key.compare(last, query.sort).is_gt(),
        });
        let mut room = Room::of(query.bytes);
        let mut page = Page { total, ..Page::default() };
        for (_, (_, stored)) in rest.take(query.count as usize) {
            if !room.take(Size::of_document(&stored.resource)) {
                page.ended_early = true;
                break;
            }
            page.resources.push(stored);
        }
        Ok(page)
    }

    fn members(&mut self, group: Handle) -> Result<Vec<Member>, StoreError> {
        Ok(self.loaded_members(group))
    }

    fn groups_of(&mut self, members: &[Handle]) -> Result<Vec<(Handle, GroupReference)>, StoreError> {
        let members: BTreeSet<Handle> = members.iter().copied().collect();
        let pairs = members
            .into_iter()
            .flat_map(|member| self.loaded_groups(member).into_iter().map(move |group| (member, group)));
        Ok(pairs.collect())
    }

    fn resolve(&mut self, ids: &[Id]) -> Result<Vec<(Handle, Member)>, StoreError> {
        let found = |id: &Id| {
            let handle = self.by_id(id)?;
            Some((handle, self.member(handle)?))
        };
        Ok(ids.iter().filter_map(found).collect())
    }

    fn describe(&mut self, handles: &[Handle]) -> Result<Vec<(Handle, Member)>, StoreError> {
        let mut handles = handles.to_vec();
        handles.sort_unstable();
        Ok(handles.into_iter().filter_map(|handle| Some((handle, self.member(handle)?))).collect())
    }

    fn find_by_keys(&mut self, keys: &[SearchKey]) -> Result<Vec<KeyOwner>, StoreError> {
        let mut owners = Vec::new();
        for (handle, entry) in &self.resources {
            for key in entry
                .keys
                .iter()
                .filter(|key| keys.iter().any(|asked| (asked.attribute, &asked.key) == (key.attribute, &key.key)))
            {
                owners.push(KeyOwner {
                    attribute: key.attribute,
                    key: key.key.clone(),
                    handle: *handle,
                    id: entry.resource.id.clone(),
                    active: entry.resource.is_active(),
                    guarded: self.guarded.contains(&entry.resource.id),
                    protected: self.protected.get(&entry.resource.id).copied(),
                });
            }
        }
        Ok(owners)
    }

    fn lock_names(&mut self) -> Result<(), StoreError> {
        Ok(()) // there is no other transaction
    }

    fn lock_group_names(&mut self) -> Result<(), StoreError> {
        Ok(()) // there is no other transaction
    }

    fn pending_members(&mut self, group: Handle) -> Result<Vec<String>, StoreError> {
        Ok(self.pending.iter().filter(|(g, _)| *g == group).map(|(_, name)| name.clone()).collect())
    }

    fn change_pending_members(&mut self, group: Handle, change: &PendingChange) -> Result<(), StoreError> {
        for name in &change.remove {
            self.pending.remove(&(group, name.clone()));
        }
        self.pending.extend(change.add.iter().map(|name| (group, name.clone())));
        Ok(())
    }

    fn find_pending_members(&mut self, keys: &[String]) -> Result<Vec<PendingMember>, StoreError> {
        let waiting = self.pending.iter().filter(|(_, name)| keys.contains(&key_of_text(name)));
        let known = waiting.filter_map(|(group, name)| {
            let id = self.resources.get(group)?.resource.id.clone();
            Some(PendingMember { group: *group, id, name: name.clone() })
        });
        Ok(known.collect())
    }

    fn change_members(&mut self, group: Handle, change: &MembershipChange) -> Result<MembershipOutcome, StoreError> {
        let before: BTreeSet<Handle> = self.members_of(group).into_iter().collect();
        let mut after = if change.clear { BTreeSet::new() } else { before.clone() };
        after.retain(|member| !change.remove.contains(member));
        after.extend(&change.add);
        for member in before.difference(&after) {
            self.members.remove(&(group, *member));
        }
        for member in after.difference(&before) {
            self.members.insert((group, *member));
        }
        let (joined, left): (Vec<Handle>, Vec<Handle>) =
            (after.difference(&before).copied().collect(), before.difference(&after).copied().collect());
        let first = |handles: &[Handle]| handles.iter().take(Members::NAMED).copied().collect();
        Ok(MembershipOutcome {
            joined: first(&joined),
            added: joined.len() as u64,
            left: first(&left),
            removed: left.len() as u64,
        })
    }

    fn load_position(&mut self, list: &ListKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.notes.get(list).cloned())
    }

    fn save_position(&mut self, list: &ListKey, note: &[u8], _now: i64) -> Result<(), StoreError> {
        self.notes.insert(*list, note.to_vec());
        Ok(())
    }

    fn record(&mut self, event: Event) {
        self.events.push(event);
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;
    use crate::store::contract;

    #[test]
    fn memory_keeps_the_contract() {
        contract::run(|_, case| case(&mut MemoryStore::new()));
    }
}

//! Reads the groups of many resources in batches, as far as they are needed.

use std::collections::HashMap;

use super::{Handle, Store, StoreError};
use crate::resource::GroupReference;

/// The most references that are read at once, unless a single resource has more.
const MOST: usize = 20_000;

/// The groups of many resources: read in one query where they are few, in several where they are many.
#[derive(Debug)]
pub struct GroupsInTurn {
    handles: Vec<Handle>,
    /// How many resources were read, and how many were returned.
    read: usize,
    given: usize,
    known: HashMap<Handle, Vec<GroupReference>>,
}

impl GroupsInTurn {
    /// For these resources, in the order in which they will be asked for.
    pub fn new(handles: Vec<Handle>) -> GroupsInTurn {
        GroupsInTurn { handles, read: 0, given: 0, known: HashMap::new() }
    }

    /// The groups of a resource. Resources before it in the order are skipped; for one that was passed the answer is empty.
    pub fn of<S: Store + ?Sized>(&mut self, store: &mut S, handle: Handle) -> Result<Vec<GroupReference>, StoreError> {
        while self.given < self.handles.len() {
            if self.given == self.read {
                self.read_more(store)?;
            }
            let next = self.handles[self.given];
            self.given += 1;
            let groups = self.known.remove(&next);
            if next == handle {
                return Ok(groups.unwrap_or_default());
            }
        }
        Ok(Vec::new())
    }

    fn read_more<S: Store + ?Sized>(&mut self, store: &mut S) -> Result<(), StoreError> {
        let mut many = self.handles.len() - self.read;
        loop {
            let mut batch = self.handles[self.read..self.read + many].to_vec();
            batch.sort_unstable();
            let most = if many == 1 { usize::MAX } else { MOST };
            if let Some(found) = store.groups_of_up_to(&batch, most)? {
                for (member, group) in found {
                    self.known.entry(member).or_default().push(group);
                }
                self.read += many;
                return Ok(());
            }
            many = many.div_ceil(2);
        }
    }
}

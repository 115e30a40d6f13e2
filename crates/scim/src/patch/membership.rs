//! Operations on `members`, gathered (RFC 7644 §3.5.2; RFC 7643 §4.2).
//!
//! Which members a path means is usually in the path itself (`members[value eq "…"]`) or in the value. Only another
//! filter (`members[display eq "…"]`) asks for the group's members as they are.

use std::collections::BTreeMap;

use serde_json::Value;

use super::OperationKind;
use super::selection::{Selection, names};
use crate::error::Error;
use crate::resource::Id;
use crate::resource::members::NamedMembers;
use crate::tolerance::{Leniency, Tolerance};

/// What a request does to the members of a group, by the names it has for them: clear, remove, add. Nobody is both
/// removed and added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MembersChange {
    pub clear: bool,
    pub remove: Vec<String>,
    pub add: Vec<String>,
    /// What was to be added and can be nobody's name.
    pub malformed: Vec<String>,
}

/// What a PATCH does to the members of a group, each name once, in the order of the names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MembershipEdit {
    clear: bool,
    joins: BTreeMap<String, bool>,
    malformed: Vec<String>,
    /// How many operations asked for the members as they are.
    searches: usize,
}

/// The most operations of one PATCH that choose members by anything but their `value`: each reads all of them.
const MAX_SEARCHES: usize = 10;

/// Members as a filter sees them: those the group has in the store, if they are asked for, and these others as far as
/// they exist.
pub(crate) type LoadMembers<'a> = dyn FnMut(bool, &[Id]) -> Result<Vec<(Id, Value)>, Error> + 'a;

impl MembershipEdit {
    /// What to do, or nothing.
    pub(crate) fn change(self) -> Option<MembersChange> {
        let MembershipEdit { clear, joins, malformed, searches: _ } = self;
        if !clear && joins.is_empty() && malformed.is_empty() {
            return None;
        }
        let (add, remove): (BTreeMap<_, _>, BTreeMap<_, _>) = joins.into_iter().partition(|(_, joins)| *joins);
        let (add, remove) = (add.into_keys().collect(), remove.into_keys().collect());
        Some(MembersChange { clear, remove, add, malformed })
    }

    fn join(&mut self, named: NamedMembers) {
        self.joins.extend(named.names.into_iter().map(|name| (name, true)));
        self.malformed.extend(named.malformed);
    }

    fn leave(&mut self, name: String) {
        if self.clear {
            self.joins.remove(&name);
        } else {
            self.joins.insert(name, false);
        }
    }

    fn everybody_leaves(&mut self) {
        self.clear = true;
        self.joins.clear();
    }

    /// One operation on `members`, with or without a filter.
    pub(crate) fn apply(
        &mut self,
        kind: OperationKind,
        selection: Option<Selection<'_>>,
        value: &Value,
        leniency: &Leniency,
        load: &mut LoadMembers<'_>,
    ) -> Result<(), Error> {
        match (kind, selection) {
            (OperationKind::Add, None) => self.join(NamedMembers::read(value, leniency)?),
            (OperationKind::Replace, None) => {
                let named = NamedMembers::read(value, leniency)?;
                self.everybody_leaves();
                self.join(named);
            }
            (OperationKind::Remove, None) if value.is_null() || !leniency.forgives(Tolerance::RemoveListedValues) => {
                self.everybody_leaves();
            }
            (OperationKind::Remove, None) => {
                // What can be nobody's name is no member either, and not worth a report.
                for name in NamedMembers::read(value, leniency)?.names {
                    self.leave(name);
                }
            }
            (OperationKind::Add, Some(selection)) => {
                let mut named = NamedMembers::read(value, leniency)?;
                if named == NamedMembers::default() {
                    named.names = names(selection.filter).unwrap_or_default();
                }
                self.join(named);
            }
            (OperationKind::Replace, Some(selection)) => {
                let named = NamedMembers::read(value, leniency)?;
                self.leave_selected(selection, load)?;
                self.join(named);
            }
            (OperationKind::Remove, Some(selection)) => self.leave_selected(selection, load)?,
        }
        Ok(())
    }

    fn leave_selected(&mut self, selection: Selection<'_>, load: &mut LoadMembers<'_>) -> Result<(), Error> {
        if let Some(names) = names(selection.filter) {
            names.into_iter().for_each(|name| self.leave(name));
            return Ok(());
        }
        self.searches += 1;
        if self.searches > MAX_SEARCHES {
            return Err(Error::TooLarge(format!(
                "At most {MAX_SEARCHES} operations of a PATCH may choose members by anything but their value; choose them by \
                 members[value eq \"…\"], or send several requests."
            )));
        }
        let added = self.joins.iter().filter(|(_, joins)| **joins);
        let added: Vec<Id> = added.filter_map(|(name, _)| Id::new(name.as_str())).collect();
        for (id, element) in load(!self.clear, &added)? {
            if selection.predicate.matches_value(&element) {
                self.leave(id.to_string());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::schema::GROUP;
    use crate::world::World;

    /// What an operation does to a set of the users `id-1` to `id-4`, whose names are `user1` to `user4`.
    #[derive(Debug, Clone)]
    enum Op {
        Add(Vec<u8>),
        Replace(Vec<u8>),
        RemoveListed(Vec<u8>),
        RemoveSelected(Vec<u8>),
        RemoveByName(u8),
        RemoveAll,
    }

    impl Op {
        fn wire(&self) -> Value {
            let list = |ids: &[u8]| ids.iter().map(|id| json!({ "value": format!("id-{id}") })).collect::<Value>();
            match self {
                Op::Add(ids) => json!({ "op": "add", "path": "members", "value": list(ids) }),
                Op::Replace(ids) => json!({ "op": "Replace", "path": "members", "value": list(ids) }),
                Op::RemoveListed(ids) => json!({ "op": "Remove", "path": "members", "value": list(ids) }),
                Op::RemoveSelected(ids) => {
                    let values: Vec<String> = ids.iter().map(|id| format!("value eq \"id-{id}\"")).collect();
                    json!({ "op": "remove", "path": format!("members[{}]", values.join(" or ")) })
                }
                Op::RemoveByName(id) => json!({ "op": "remove", "path": format!("members[display eq \"USER{id}\"]") }),
                Op::RemoveAll => json!({ "op": "remove", "path": "members" }),
            }
        }

        /// 5 and above do not exist.
        fn model(&self, members: &mut BTreeSet<u8>) {
            match self {
                Op::Add(ids) => members.extend(ids.iter().filter(|id| **id <= 4)),
                Op::Replace(ids) => *members = ids.iter().copied().filter(|id| *id <= 4).collect(),
                Op::RemoveListed(ids) | Op::RemoveSelected(ids) => members.retain(|member| !ids.contains(member)),
                Op::RemoveByName(id) => drop(members.remove(id)),
                Op::RemoveAll => members.clear(),
            }
        }
    }

    fn any_op() -> impl Strategy<Value = Op> {
        let ids = || prop::collection::vec(1u8..7, 0..4);
        prop_oneof![
            4 => ids().prop_map(Op::Add),
            1 => ids().prop_map(Op::Replace),
            2 => ids().prop_map(Op::RemoveListed),
            2 => prop::collection::vec(1u8..7, 1..4).prop_map(Op::RemoveSelected),
            1 => (1u8..7).prop_map(Op::RemoveByName),
            1 => Just(Op::RemoveAll),
        ]
    }

    proptest! {
        #[test]
        fn a_patch_does_to_members_what_its_operations_do_to_a_set(
            requests in prop::collection::vec(prop::collection::vec(any_op(), 0..5), 1..4),
        ) {
            let mut world = World::new();
            (1..=4).for_each(|number| drop(world.user(&format!("user{number}"))));
            let group = world.group("Editors", &["id-1", "id-2"]);
            let mut model = BTreeSet::from([1, 2]);
            for request in requests {
                let before = model.clone();
                request.iter().for_each(|op| op.model(&mut model));
                let operations: Value = request.iter().map(Op::wire).collect();
                let written = world.patch(GROUP, &group, operations).expect("a patch");
                let expected: Vec<String> = model.iter().map(|id| format!("id-{id}")).collect();
                prop_assert_eq!(world.members(&group), expected);
                prop_assert_eq!(written.changed, model != before, "a version for each change, and for nothing else");
            }
        }
    }
}

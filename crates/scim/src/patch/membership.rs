//! PATCH operations on `members`, collected into one change (RFC 7644 §3.5.2; RFC 7643 §4.2).
//!
//! Most paths name the members they mean (`members[value eq "…"]`), or the value does. Only other filters
//! (`members[display eq "…"]`) need the current members.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::OperationKind;
use super::removal::says_nothing;
use super::selection::{Selection, names};
use crate::error::Error;
use crate::resource::Id;
use crate::resource::members::{MembersChange, NamedMembers};
use crate::resource::reader::Reader;
use crate::schema::{Attribute, ResourceTypeId};
use crate::tolerance::Tolerance;

/// The change that a PATCH makes to the members of a group; each name once, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MembershipEdit {
    clear: bool,
    joins: BTreeMap<String, bool>,
    malformed: Vec<String>,
    kinds: BTreeMap<String, ResourceTypeId>,
    replacements: Vec<Vec<String>>,
    /// The number of operations that needed the current members.
    searches: usize,
}

/// The most operations of one PATCH that select members by anything but `value`: each reads all members.
const MAX_SEARCHES: usize = 10;

/// Loads members as a filter sees them: the stored members if the flag is set, and those of the given ids that exist.
pub(crate) type LoadMembers<'a> = dyn FnMut(bool, &[Id]) -> Result<Vec<(Id, Value)>, Error> + 'a;

impl MembershipEdit {
    /// The change, or `None` where there is none.
    pub(crate) fn change(self) -> Option<MembersChange> {
        let MembershipEdit { clear, joins, malformed, kinds, replacements, searches: _ } = self;
        if !clear && joins.is_empty() && malformed.is_empty() {
            return None;
        }
        let (add, remove): (BTreeMap<_, _>, BTreeMap<_, _>) = joins.into_iter().partition(|(_, joins)| *joins);
        let (add, remove) = (add.into_keys().collect(), remove.into_keys().collect());
        Some(MembersChange { clear, remove, add, malformed, kinds, replacements })
    }

    fn join(&mut self, named: NamedMembers) {
        named.names.iter().for_each(|name| self.say_kind(name, &named));
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

    /// Records the resource type that the latest mention of a name gives, or that it gives none.
    fn say_kind(&mut self, name: &str, named: &NamedMembers) {
        match named.kinds.get(name) {
            Some(kind) => drop(self.kinds.insert(name.to_owned(), *kind)),
            None => drop(self.kinds.remove(name)),
        }
    }

    fn everybody_leaves(&mut self) {
        self.clear = true;
        self.joins.clear();
        self.replacements.clear();
    }

    /// Applies one operation on `members`, with or without a filter.
    pub(crate) fn apply(
        &mut self,
        kind: OperationKind,
        selection: Option<Selection<'_>>,
        value: &Value,
        attribute: &Attribute,
        reader: &Reader<'_>,
        load: &mut LoadMembers<'_>,
    ) -> Result<(), Error> {
        let read = || NamedMembers::read_to_change(value, attribute, reader);
        match (kind, selection) {
            (OperationKind::Add, None) => self.join(read()?),
            (OperationKind::Replace, None) => {
                let named = read()?;
                self.everybody_leaves();
                self.join(named);
            }
            (OperationKind::Remove, None) if value.is_null() || !reader.forgives(Tolerance::RemoveListedValues) => {
                self.everybody_leaves();
            }
            (OperationKind::Remove, None) => {
                // Values that cannot name a member are dropped without a report, because they remove nothing.
                let named = read()?;
                named.names.iter().for_each(|name| self.say_kind(name, &named));
                named.names.into_iter().for_each(|name| self.leave(name));
            }
            (OperationKind::Add, Some(selection)) => {
                let mut named = NamedMembers::read(value, attribute, reader)?;
                if named.is_empty() {
                    named.names = names(selection.filter).ok_or_else(|| {
                        Error::NoTarget(
                            "members: the operation names no member to add; send members as its \"value\", or as members[value \
                             eq \"…\"]."
                                .to_owned(),
                        )
                    })?;
                }
                self.join(named);
            }
            (OperationKind::Replace, Some(selection)) => {
                let named = read()?;
                self.leave_selected(selection, None, load)?;
                if !self.clear && !named.names.is_empty() {
                    self.replacements.push(named.names.clone());
                }
                self.join(named);
            }
            (OperationKind::Remove, Some(selection)) => {
                let listed = match says_nothing(value) || !reader.forgives(Tolerance::RemoveListedValues) {
                    true => None,
                    false => Some(read()?.names.into_iter().collect()),
                };
                self.leave_selected(selection, listed.as_ref(), load)?;
            }
        }
        Ok(())
    }

    /// Removes the members that the filter selects, limited to the listed ones where the operation lists values.
    fn leave_selected(
        &mut self,
        selection: Selection<'_>,
        listed: Option<&HashSet<String>>,
        load: &mut LoadMembers<'_>,
    ) -> Result<(), Error> {
        let goes = |name: &str| listed.is_none_or(|listed| listed.contains(name));
        if let Some(names) = names(selection.filter) {
            names.into_iter().filter(|name| goes(name)).for_each(|name| self.leave(name));
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
            if selection.predicate.matches_value(&element) && goes(id.as_str()) {
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
    use crate::testing::World;

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

        /// Of the ids, 5 is the group's own and 6 does not exist: it is waited for. `named` are those whom the request gives to a
        /// group that it has cleared.
        fn model(&self, group: &mut BTreeSet<u8>, named: &mut Option<BTreeSet<u8>>) {
            match (self, named.as_mut()) {
                (Op::Replace(ids), _) => *named = Some(ids.iter().copied().collect()),
                (Op::RemoveAll, _) => *named = Some(BTreeSet::new()),
                (Op::Add(ids), Some(named)) => named.extend(ids),
                (Op::RemoveListed(ids) | Op::RemoveSelected(ids), Some(named)) => named.retain(|id| !ids.contains(id)),
                (Op::RemoveByName(id), Some(named)) if *id <= 4 => drop(named.remove(id)),
                _ => {}
            }
            match self {
                Op::Add(ids) => group.extend(ids.iter().filter(|id| **id != 5)),
                Op::Replace(ids) => *group = ids.iter().copied().filter(|id| *id != 5).collect(),
                Op::RemoveListed(ids) | Op::RemoveSelected(ids) => group.retain(|member| !ids.contains(member)),
                Op::RemoveByName(id) if *id > 4 => {}
                Op::RemoveByName(id) => drop(group.remove(id)),
                Op::RemoveAll => group.clear(),
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

    /// Values that cannot name a member, in every shape.
    fn no_name() -> impl Strategy<Value = Value> {
        let element = prop_oneof![
            prop::sample::select(vec![
                json!(null),
                json!({}),
                json!(""),
                json!(" \t"),
                json!(7),
                json!(false),
                json!([]),
                json!(["id-1"]),
                json!({ "display": "user1" }),
                json!({ "type": "User", "value": null }),
                json!({ "value": "" }),
                json!({ "value": 1 }),
                json!({ "value": ["id-1"] }),
                json!({ "value": { "value": "id-1" } }),
                json!({ "$ref": "https://other.example/scim/v2/Users/id-1" }),
                json!({ "$ref": "https://scim.example/scim/v2/Roles/id-1" }),
                json!({ "id": "id-1" }),
            ]),
            "[a-z]{1,5}"
                .prop_filter("a label", |key| key != "value" && key != "members")
                .prop_map(|key| json!({ (key): "id-1" })),
        ];
        let list = prop::collection::vec(element.clone(), 1..4).prop_map(Value::from);
        let bare =
            element.prop_filter("says nothing, or that there is no member", |one| !one.is_null() && *one != json!([]));
        let given = prop_oneof![3 => list.clone(), 1 => bare.prop_filter("a list of names", |one| !one.is_array())];
        (given, 0..4).prop_map(|(given, shape)| match shape {
            0 => given,
            1 => json!({ "members": given }),
            2 if given.is_array() || given.is_object() => given.to_string().into(),
            2 => json!([given]),
            _ => json!([{ "members": given }]),
        })
    }

    proptest! {
        #[test]
        fn report_2_a_patch_that_names_no_member_never_changes_the_membership(
            value in no_name(), op in "add|replace|remove|Replace", with_path: bool,
        ) {
            let mut world = World::new();
            (1..=2).for_each(|number| drop(world.user(&format!("user{number}"))));
            let group = world.group("Editors", &["id-1", "id-2"]);
            let operation = match with_path || op == "remove" {
                true => json!({ "op": op, "path": "members", "value": value }),
                false => json!({ "op": op, "value": { "members": value } }),
            };
            let refused = world.patch(GROUP, &group, json!([operation]));
            prop_assert!(refused.is_err_and(|error| error.wire().0 == 400), "{operation}");
            let put = world.put(GROUP, &group, json!({ "displayName": "Editors", "members": value }));
            prop_assert!(put.is_err(), "{value}");
            prop_assert_eq!(world.members(&group), ["id-1", "id-2"]);
        }

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
                let mut named = None;
                request.iter().for_each(|op| op.model(&mut model, &mut named));
                let useless = |id: &u8| *id == 5 || *id == 6 && !before.contains(id);
                let refused = named.is_some_and(|named| !named.is_empty() && named.iter().all(useless));
                let refused = refused && !before.is_empty();
                let operations: Value = request.iter().map(Op::wire).collect();
                let outcome = world.patch(GROUP, &group, operations);
                prop_assert_eq!(outcome.is_err(), refused, "no list without a member replaces members");
                if refused {
                    model = before.clone();
                }
                let members = |all: &BTreeSet<u8>| all.iter().copied().filter(|id| *id <= 4).collect::<Vec<u8>>();
                let expected: Vec<String> = members(&model).iter().map(|id| format!("id-{id}")).collect();
                prop_assert_eq!(world.members(&group), expected);
                let changed = outcome.is_ok_and(|written| written.changed);
                prop_assert_eq!(changed, members(&model) != members(&before), "a version for each change, and for nothing else");
            }
        }
    }
}

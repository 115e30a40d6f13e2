//! A model of an account that was written from `docs/access.md`, and a resolver that knows nothing of the product's: who may do what is found
//! anew for each user, by going through all groups until no more are found.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(super) const ALL: [&str; 3] = ["acme-prod", "acme-stage", "acme-test"];
pub(super) const ROLES: [&str; 3] = ["admin", "billing", "reports"];
pub(super) const NAMES: [&str; 3] = ["Editors", "EDITORS", "Night"];

pub(super) type Names = BTreeSet<String>;

#[derive(Clone)]
pub(super) struct Person {
    pub(super) resource: Value,
    pub(super) active: bool,
    pub(super) role: String,
    pub(super) own: Option<Names>,
}

#[derive(Clone)]
pub(super) struct Group {
    pub(super) resource: Value,
    pub(super) name: String,
    /// Users and groups, by id.
    pub(super) members: BTreeSet<String>,
}

#[derive(Clone)]
pub(super) struct Rule {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) role: Option<String>,
    pub(super) environments: Names,
}

#[derive(Clone)]
pub(super) struct Model {
    pub(super) users: BTreeMap<String, Person>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) rules: Vec<Rule>,
    pub(super) groups_first: bool,
    pub(super) unset: &'static str,
    pub(super) environments: Names,
    pub(super) suspended: bool,
}

/// What a user may do: role, environments, every one.
pub(super) type May = (Option<String>, Names, bool);

impl Model {
    pub(super) fn groups_of(&self, user: &str) -> BTreeSet<String> {
        let mut inside: BTreeSet<String> = BTreeSet::new();
        loop {
            let has = |group: &Group| group.members.contains(user) || group.members.iter().any(|m| inside.contains(m));
            let all: BTreeSet<String> =
                self.groups.iter().filter(|(_, group)| has(group)).map(|(id, _)| id.clone()).collect();
            if all == inside {
                return inside;
            }
            inside = all;
        }
    }

    pub(super) fn may(&self, user: &str) -> Option<May> {
        let person = self.users.get(user).filter(|person| person.active && !self.suspended)?;
        let inside = self.groups_of(user);
        let matches = |rule: &&Rule| {
            inside.iter().any(|id| match &rule.id {
                Some(named) => named == id,
                None => self.groups[id].name.eq_ignore_ascii_case(&rule.name),
            })
        };
        let rules: Vec<&Rule> = self.rules.iter().filter(matches).collect();
        let given = rules.iter().find_map(|rule| rule.role.clone());
        let role = if self.groups_first { given.unwrap_or(person.role.clone()) } else { person.role.clone() };
        let united: Names = rules.iter().flat_map(|rule| rule.environments.clone()).collect();
        let united = Some(united).filter(|some| !some.is_empty());
        let said = if self.groups_first { united.or(person.own.clone()) } else { person.own.clone().or(united) };
        let nothing = if self.unset == "none" { Names::new() } else { Names::from(["*".to_owned()]) };
        let said = said.unwrap_or(nothing);
        let every = said.contains("*");
        let environments = self.environments.iter().filter(|name| every || said.contains(*name)).cloned().collect();
        Some((Some(role), environments, every))
    }

    /// A user or group is gone, and so no member of anything.
    pub(super) fn leave(&mut self, gone: &str) {
        for group in self.groups.values_mut() {
            group.members.remove(gone);
        }
    }

    pub(super) fn all(&self) -> BTreeMap<String, May> {
        self.users.keys().filter_map(|id| Some((id.clone(), self.may(id)?))).collect()
    }
}

#[derive(Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % most.max(1)
    }

    pub(super) fn one<T: Clone>(&mut self, of: impl IntoIterator<Item = T>) -> Option<T> {
        let all: Vec<T> = of.into_iter().collect();
        if all.is_empty() { None } else { Some(all[self.below(all.len())].clone()) }
    }

    /// Some environments of these, at least one; sometimes `*`.
    pub(super) fn environments(&mut self, there: &Names) -> Names {
        if self.below(6) == 0 {
            return Names::from(["*".to_owned()]);
        }
        let some: Names = there.iter().filter(|_| self.below(2) == 0).cloned().collect();
        if some.is_empty() { there.iter().take(1).cloned().collect() } else { some }
    }
}

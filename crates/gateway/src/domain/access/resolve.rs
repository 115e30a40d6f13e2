//! The answer: what a user may do, and why.

use std::collections::BTreeMap;

use super::memberships::Membership;
use super::rules::{EVERY, Precedence, UnsetEnvironments};

/// What of a user decides.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    /// Whether the user may do anything.
    pub active: bool,
    /// Their own role.
    pub role: Option<&'a str>,
    /// Their own environments; `None`: unset.
    pub environments: Option<&'a [String]>,
    /// The groups they are in.
    pub groups: &'a BTreeMap<i64, Membership>,
}

/// What of an account decides.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// What goes first.
    pub precedence: Precedence,
    /// The rules, in their order.
    pub rules: Vec<RuleTerms>,
    /// What unset means.
    pub unset: UnsetEnvironments,
    /// The environments there are.
    pub environments: Vec<String>,
    /// Whether the account is suspended, so that no user of it may do anything.
    pub suspended: bool,
}

/// A rule whose group was looked for.
#[derive(Debug, Clone, Default)]
pub struct RuleTerms {
    /// The groups that it means, by their numbers in storage.
    pub groups: Vec<i64>,
    /// The role it gives.
    pub role: Option<String>,
    /// The environments it gives.
    pub environments: Vec<String>,
}

/// Why a user has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is the user's own attribute.
    Own,
    /// A rule gives it.
    Rule {
        /// Which one, counted from 0.
        rule: usize,
        /// For this group.
        group: i64,
        /// In which the user is so.
        membership: Membership,
    },
    /// Neither says anything, and the account's policy for that does.
    Unset,
}

/// What a user may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether they may do anything. If not, there is nothing else.
    pub active: bool,
    /// Their role.
    pub role: Option<(String, Reason)>,
    /// Whether they may enter every environment, those of the future too.
    pub every: bool,
    /// The environments of the account that they may enter, each with all its reasons.
    pub environments: BTreeMap<String, Vec<Reason>>,
    /// Why they may enter none although they are active: neither they nor a group of theirs says any, and the policy is `none`.
    pub unset: bool,
}

impl Access {
    /// Whether they may enter an environment.
    pub fn enters(&self, environment: &str) -> bool {
        self.environments.contains_key(environment)
    }

    /// Whether this is more than there was before: an environment, or a role that they did not have.
    pub fn grew_from(&self, before: &Access) -> bool {
        let role = |access: &Access| access.role.as_ref().map(|(role, _)| role.clone());
        let new_role = self.role.is_some() && role(self) != role(before);
        let more = self.environments.keys().any(|environment| !before.enters(environment));
        new_role || more || self.every && !before.every
    }

    /// Whether they may do the same as before, for whichever reason.
    pub fn is_like(&self, before: &Access) -> bool {
        let role = |access: &Access| access.role.as_ref().map(|(role, _)| role.clone());
        (self.active, self.every) == (before.active, before.every)
            && role(self) == role(before)
            && self.environments.keys().eq(before.environments.keys())
    }
}

/// What a user may do.
pub fn resolve(person: &Person<'_>, terms: &Terms) -> Access {
    if !person.active || terms.suspended {
        return Access::default();
    }
    let matching: Vec<(&RuleTerms, Reason)> = matching(person, terms).collect();
    let own = person.role.map(|role| (role.to_owned(), Reason::Own));
    let given = matching.iter().find_map(|(rule, reason)| Some((rule.role.clone()?, *reason)));
    let role = match terms.precedence {
        Precedence::User => own.or(given),
        Precedence::Groups => given.or(own),
    };
    let own = person.environments.map(|values| (values, Reason::Own));
    let given = matching.iter().filter(|(rule, _)| !rule.environments.is_empty());
    let given: Vec<(&[String], Reason)> = given.map(|(rule, reason)| (rule.environments.as_slice(), *reason)).collect();
    let mut access = Access { active: true, role, ..Access::default() };
    match (terms.precedence, own, given.is_empty()) {
        (Precedence::User, Some(own), _) | (Precedence::Groups, Some(own), true) => access.open(&[own], terms),
        (_, _, false) => access.open(&given, terms),
        (_, None, true) => {
            access.unset = terms.unset == UnsetEnvironments::None;
            if !access.unset {
                access.open(&[(&[EVERY.to_owned()], Reason::Unset)], terms);
            }
        }
    }
    access
}

impl Access {
    /// Opens environments: those of the account that are named, or every one.
    fn open(&mut self, given: &[(&[String], Reason)], terms: &Terms) {
        for (names, reason) in given {
            let every = names.iter().any(|name| name == EVERY);
            self.every |= every;
            for environment in terms.environments.iter().filter(|name| every || names.contains(name)) {
                self.environments.entry(environment.clone()).or_default().push(*reason);
            }
        }
    }
}

/// The rules that count for a user. Of several groups that a rule means, the one they are in directly is told, or else the oldest.
fn matching<'t>(person: &Person<'_>, terms: &'t Terms) -> impl Iterator<Item = (&'t RuleTerms, Reason)> {
    let groups = person.groups;
    terms.rules.iter().enumerate().filter_map(move |(number, rule)| {
        let among = rule.groups.iter().filter_map(|group| Some((*group, *groups.get(group)?)));
        let (group, membership) = among.min_by_key(|(group, membership)| (membership.through != *group, *group))?;
        Some((rule, Reason::Rule { rule: number, group, membership }))
    })
}

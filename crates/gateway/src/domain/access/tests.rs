//! The resolver against another one that was written from the rules alone, and the rules one by one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::resolve::RuleTerms;
use super::*;

const ENVIRONMENTS: [&str; 3] = ["prod", "stage", "test"];
const ROLES: [&str; 3] = ["admin", "billing", "reports"];
const USER: i64 = 0;

/// One situation, as small numbers.
#[derive(Debug, Clone)]
struct Situation {
    active: bool,
    suspended: bool,
    role: Option<usize>,
    /// Bits of the environments; the fourth is `*`, the fifth one that there is no more.
    own: Option<u8>,
    /// Who is a member of which group: 0 is the user, 1 to 5 are groups.
    edges: Vec<(i64, i64)>,
    rules: Vec<(Vec<i64>, Option<usize>, u8)>,
    groups_first: bool,
    unset: UnsetEnvironments,
}

fn names(bits: u8) -> Vec<String> {
    let all = [ENVIRONMENTS[0], ENVIRONMENTS[1], ENVIRONMENTS[2], "*", "gone"];
    all.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, name)| (*name).to_owned()).collect()
}

fn situations() -> impl Strategy<Value = Situation> {
    let unset =
        prop_oneof![Just(UnsetEnvironments::All), Just(UnsetEnvironments::None), Just(UnsetEnvironments::Refuse)];
    let rule = (prop::collection::vec(1i64..6, 0..3), prop::option::of(0usize..3), 0u8..32);
    (
        (prop::bool::weighted(0.9), prop::bool::weighted(0.1), prop::option::of(0usize..3), prop::option::of(0u8..32)),
        prop::collection::vec((0i64..6, 1i64..6), 0..10),
        prop::collection::vec(rule, 0..5),
        any::<bool>(),
        unset,
    )
        .prop_map(|((active, suspended, role, own), edges, rules, groups_first, unset)| Situation {
            active,
            suspended,
            role,
            own,
            edges,
            rules,
            groups_first,
            unset,
        })
}

fn resolved(of: &Situation, without: Option<i64>) -> Access {
    let edges = of.edges.iter().map(|(member, group)| Edge { member: *member, group: *group, since: None });
    let groups = Memberships::new(edges).of(USER, without);
    let own = of.own.map(names);
    let person = Person {
        active: of.active,
        role: of.role.map(|role| ROLES[role]),
        environments: own.as_deref(),
        groups: &groups,
    };
    let rules = of.rules.iter().map(|(groups, role, environments)| RuleTerms {
        groups: groups.iter().copied().filter(|group| Some(*group) != without).collect(),
        role: role.map(|role| ROLES[role].to_owned()),
        environments: names(*environments),
    });
    let terms = Terms {
        precedence: if of.groups_first { Precedence::Groups } else { Precedence::User },
        rules: rules.collect(),
        unset: of.unset,
        environments: ENVIRONMENTS.map(str::to_owned).to_vec(),
        suspended: of.suspended,
    };
    resolve(&person, &terms)
}

/// The same from the sentences of `docs/access.md`: no graph, no reasons, sets of words.
fn naive(of: &Situation, without: Option<i64>) -> (Option<String>, BTreeSet<String>, bool) {
    if !of.active || of.suspended {
        return (None, BTreeSet::new(), false);
    }
    // "In a group" is repeated until nothing is added.
    let mut inside = BTreeSet::from([USER]);
    loop {
        let before = inside.len();
        for (member, group) in &of.edges {
            if inside.contains(member) && Some(*group) != without {
                inside.insert(*group);
            }
        }
        if inside.len() == before {
            break;
        }
    }
    inside.remove(&USER);
    let mut role_of_groups = None;
    let mut environments_of_groups: BTreeSet<String> = BTreeSet::new();
    for (groups, role, environments) in &of.rules {
        if groups.iter().all(|group| !inside.contains(group)) {
            continue;
        }
        if role_of_groups.is_none() {
            role_of_groups = role.map(|role| ROLES[role].to_owned());
        }
        environments_of_groups.extend(names(*environments));
    }
    let own_role = of.role.map(|role| ROLES[role].to_owned());
    let role = if of.groups_first {
        if role_of_groups.is_some() { role_of_groups } else { own_role }
    } else if own_role.is_some() {
        own_role
    } else {
        role_of_groups
    };
    let own: Option<BTreeSet<String>> = of.own.map(|bits| names(bits).into_iter().collect());
    let groups = Some(environments_of_groups).filter(|some| !some.is_empty());
    let said = if of.groups_first { groups.or(own) } else { own.or(groups) };
    let said = said.unwrap_or_else(|| match of.unset {
        UnsetEnvironments::None => BTreeSet::new(),
        UnsetEnvironments::All | UnsetEnvironments::Refuse => BTreeSet::from(["*".to_owned()]),
    });
    let every = said.contains("*");
    let all: BTreeSet<String> = ENVIRONMENTS.map(str::to_owned).into();
    let environments = if every { all } else { said.intersection(&all).cloned().collect() };
    (role, environments, every)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn what_a_user_may_do_is_what_the_sentences_say(of in situations(), without in prop::option::of(1i64..6)) {
        let access = resolved(&of, without);
        let role = access.role.clone().map(|(role, _)| role);
        let environments: BTreeSet<String> = access.environments.keys().cloned().collect();
        prop_assert_eq!((role, environments, access.every), naive(&of, without));
    }

    #[test]
    fn each_reason_gives_what_it_is_the_reason_of(of in situations()) {
        let access = resolved(&of, None);
        let gives = |reason: &Reason, role: Option<&str>, environment: Option<&str>| match reason {
            Reason::Own => {
                role.is_none_or(|role| of.role.map(|own| ROLES[own]) == Some(role))
                    && environment.is_none_or(|one| of.own.is_some_and(|own| names(own).iter().any(|n| n == one || n == "*")))
            }
            Reason::Rule { rule, group, membership } => {
                let (groups, gives, environments) = &of.rules[*rule];
                groups.contains(group)
                    && of.edges.contains(&(USER, membership.through))
                    && role.is_none_or(|role| gives.map(|gives| ROLES[gives]) == Some(role))
                    && environment.is_none_or(|one| names(*environments).iter().any(|name| name == one || name == "*"))
            }
            Reason::Unset => environment.is_some() && of.unset != UnsetEnvironments::None,
        };
        if let Some((role, reason)) = &access.role {
            prop_assert!(gives(reason, Some(role), None));
        }
        for (environment, reasons) in &access.environments {
            prop_assert!(!reasons.is_empty());
            prop_assert!(reasons.iter().all(|reason| gives(reason, None, Some(environment))));
        }
    }

    #[test]
    fn a_user_grows_by_what_they_did_not_have(one in situations(), other in situations()) {
        let (before, after) = (resolved(&one, None), resolved(&other, None));
        prop_assert!(!before.grew_from(&before) && before.is_like(&before));
        let (_, had, every) = naive(&one, None);
        let (role, has, all) = naive(&other, None);
        let grew = has.difference(&had).next().is_some() || all && !every || role.is_some() && role != naive(&one, None).0;
        prop_assert_eq!(after.grew_from(&before), grew);
    }
}

fn edge(member: i64, group: i64) -> Edge {
    Edge { member, group, since: None }
}

#[test]
fn circles_of_groups_end_and_the_shortest_way_is_told() {
    let memberships = Memberships::new([edge(0, 1), edge(1, 2), edge(2, 3), edge(3, 1), edge(0, 3), edge(9, 2)]);
    let groups = memberships.of(0, None);
    let through: BTreeMap<i64, i64> = groups.iter().map(|(group, membership)| (*group, membership.through)).collect();
    assert_eq!(through, BTreeMap::from([(1, 1), (2, 1), (3, 3)]));
    assert_eq!(memberships.of(0, Some(1)).keys().copied().collect::<Vec<_>>(), [3]);
    assert!(memberships.of(7, None).is_empty());
}

#[test]
fn a_value_that_left_the_list_restricts_on() {
    let none = BTreeMap::new();
    let terms = Terms { environments: vec!["prod".to_owned()], ..Terms::default() };
    let own = ["gone".to_owned()];
    let person = Person { active: true, role: None, environments: Some(&own), groups: &none };
    let access = resolve(&person, &terms);
    assert!(access.active && access.environments.is_empty() && !access.every && !access.unset);
}

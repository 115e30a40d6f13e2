//! Which groups users are in, directly or through other groups, as a graph that was read once for many users.

use std::collections::{BTreeMap, HashMap};

use crate::platform::timestamp::Timestamp;

/// Something is a member of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The member, a user or a group, by its number in storage.
    pub member: i64,
    /// The group.
    pub group: i64,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
}

/// How a user is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The group of which they are a member themselves, and through which they are in this one.
    pub through: i64,
    /// Since when they are a member of that one, where it is known.
    pub since: Option<Timestamp>,
}

/// Memberships of some users and of all groups above them.
#[derive(Debug, Clone, Default)]
pub struct Memberships {
    above: HashMap<i64, Vec<Edge>>,
}

impl Memberships {
    /// Of these memberships.
    pub fn new(edges: impl IntoIterator<Item = Edge>) -> Memberships {
        let mut above: HashMap<i64, Vec<Edge>> = HashMap::new();
        for edge in edges {
            above.entry(edge.member).or_default().push(edge);
        }
        for edges in above.values_mut() {
            edges.sort_unstable_by_key(|edge| edge.group);
        }
        Memberships { above }
    }

    /// All groups that a user is in, each once, so that circles end. A group that is taken away (`without`) leads nowhere. Where several
    /// ways lead to a group, the shortest one is told.
    pub fn of(&self, user: i64, without: Option<i64>) -> BTreeMap<i64, Membership> {
        let mut found: BTreeMap<i64, Membership> = BTreeMap::new();
        let mut reached: Vec<i64> = Vec::new();
        let leads = |edge: &&Edge| Some(edge.group) != without;
        for edge in self.above.get(&user).into_iter().flatten().filter(leads) {
            found.insert(edge.group, Membership { through: edge.group, since: edge.since });
            reached.push(edge.group);
        }
        let mut next = 0;
        while let Some(group) = reached.get(next).copied() {
            next += 1;
            let by = found[&group];
            for edge in self.above.get(&group).into_iter().flatten().filter(leads) {
                found.entry(edge.group).or_insert_with(|| {
                    reached.push(edge.group);
                    by
                });
            }
        }
        found
    }
}

//! How often each attribute arrived with a client's writes, was empty, refused or ignored: gathered in memory, added to the database
//! every few seconds. Several replicas add up. A process that is killed loses what it gathered since it last added.
//!
//! Names are counted and never values. A client may invent names, so of each client only so many unknown ones are kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use scim::Observed;
use scim::observations::{Brought, Form, Unknown};

use super::ids::ClientKey;
use crate::platform::timestamp::Timestamp;

/// The most unknown names that are kept of one client. The rarest give way.
pub const MAX_UNKNOWN: usize = 200;
/// In place of the number of a resource type: parameters of queries.
pub const QUERY: i16 = 0;
/// In place of a name: the requests that could have carried a name.
pub const REQUESTS: &str = "";

/// How often something happened, and when for the last time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// How often.
    pub count: i64,
    /// When for the last time.
    pub last: Option<Timestamp>,
}

impl Times {
    fn add(&mut self, other: Times) {
        self.count += other.count;
        self.last = self.last.max(other.last);
    }
}

/// What is counted of one name. Of [`REQUESTS`], `arrived` and `changed` are the requests themselves, `refused` those that were
/// refused, and `ignored` the names that are not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldCount {
    /// Whether it is an attribute of the registry.
    pub known: bool,
    /// It had a value in a POST or PUT.
    pub arrived: Times,
    /// It had a value in a PATCH.
    pub changed: Times,
    /// It was empty, or was to be removed.
    pub empty: Times,
    /// A request was refused for it.
    pub refused: Times,
    /// It was ignored.
    pub ignored: Times,
    /// The known name that is most like it.
    pub nearest: Option<Arc<str>>,
}

impl FieldCount {
    fn add(&mut self, other: FieldCount) {
        self.known |= other.known;
        self.arrived.add(other.arrived);
        self.changed.add(other.changed);
        self.empty.add(other.empty);
        self.refused.add(other.refused);
        self.ignored.add(other.ignored);
        self.nearest = other.nearest.or(self.nearest.take());
    }

    /// How often an unknown name was sent.
    pub fn sent(&self) -> i64 {
        self.ignored.count + self.refused.count
    }
}

/// A name of one resource type: the number of the type, or [`QUERY`], and the name, or [`REQUESTS`].
pub type FieldName = (i16, Arc<str>);

/// What was gathered of one client and not yet written.
#[derive(Debug, Clone, Default)]
pub struct FieldCounts {
    fields: HashMap<FieldName, FieldCount>,
    unknown: usize,
}

impl FieldCounts {
    /// In the order of their names, so that replicas that add at once do not block each other crosswise.
    pub fn in_order(&self) -> Vec<(&FieldName, &FieldCount)> {
        let mut all: Vec<_> = self.fields.iter().collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    fn count(&mut self, observed: &Observed, refused: bool, at: Timestamp) {
        let once = Times { count: 1, last: Some(at) };
        let times = |happened: bool| if happened { once } else { Times::default() };
        let others = |count: u64| Times { count: count as i64, last: (count > 0).then_some(at) };
        if let Some((kind, form)) = observed.write {
            let patch = form == Form::Patch;
            let requests = FieldCount {
                arrived: times(!patch),
                changed: times(patch),
                refused: times(refused),
                ignored: others(observed.unnamed),
                ..FieldCount::default()
            };
            self.add(kind.0, REQUESTS.into(), requests);
            for field in &observed.fields {
                let arrived = field.brought == Brought::Value;
                let count = FieldCount {
                    known: true,
                    arrived: times(arrived && !patch),
                    changed: times(arrived && patch),
                    empty: times(field.brought == Brought::Empty),
                    refused: times(field.refused && refused),
                    ..FieldCount::default()
                };
                self.add(kind.0, field.path.clone(), count);
            }
            observed.unknown.iter().for_each(|unknown| self.add_unknown(kind.0, unknown, once));
        }
        observed.parameters.iter().for_each(|unknown| self.add_unknown(QUERY, unknown, once));
        if observed.write.is_none() && observed.unnamed > 0 {
            let requests = FieldCount { ignored: others(observed.unnamed), ..FieldCount::default() };
            self.add(QUERY, REQUESTS.into(), requests);
        }
    }

    fn add_unknown(&mut self, kind: i16, unknown: &Unknown, once: Times) {
        let (refused, ignored) = match unknown.refused {
            true => (once, Times::default()),
            false => (Times::default(), once),
        };
        let count = FieldCount { refused, ignored, nearest: unknown.nearest.clone(), ..FieldCount::default() };
        self.add(kind, unknown.name.clone(), count);
    }

    fn add(&mut self, kind: i16, name: Arc<str>, count: FieldCount) {
        let is_unknown = !count.known && *name != *REQUESTS;
        if let Some(there) = self.fields.get_mut(&(kind, name.clone())) {
            there.add(count);
        } else if is_unknown && self.unknown >= MAX_UNKNOWN {
            let others = Times { count: count.sent(), last: count.ignored.last.max(count.refused.last) };
            self.add(kind, REQUESTS.into(), FieldCount { ignored: others, ..FieldCount::default() });
        } else {
            self.unknown += usize::from(is_unknown);
            self.fields.insert((kind, name), count);
        }
    }
}

/// What one run of a unit of work brought.
#[derive(Debug, Clone)]
pub struct FieldUse {
    /// Whose request it is.
    pub client: ClientKey,
    /// What it brought.
    pub observed: Observed,
    /// When.
    pub at: Timestamp,
}

/// What the last run of a unit of work brought; each run writes over the one before.
#[derive(Debug, Clone, Default)]
pub struct FieldsOfRequest(Arc<Mutex<Option<FieldUse>>>);

impl FieldsOfRequest {
    /// This run brought this.
    pub fn note(&self, brought: Option<FieldUse>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = brought;
    }

    /// Counts it, now that the outcome of the last run stands.
    pub fn count(&self, fields: &FieldCounter, refused: bool) {
        let brought = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(brought) = brought.filter(|brought| !brought.observed.is_empty()) {
            fields.count(&brought, refused);
        }
    }
}

/// What was gathered of all clients and not yet written.
pub type AllFieldCounts = HashMap<ClientKey, FieldCounts>;

/// Gathers.
#[derive(Debug, Default)]
pub struct FieldCounter(Mutex<AllFieldCounts>);

impl FieldCounter {
    /// Counts what a request brought.
    pub fn count(&self, brought: &FieldUse, refused: bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(brought.client).or_default().count(&brought.observed, refused, brought.at);
    }

    /// Takes what was gathered.
    pub fn take(&self) -> AllFieldCounts {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be written.
    pub fn put_back(&self, client: ClientKey, counts: FieldCounts) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there = all.entry(client).or_default();
        counts.fields.into_iter().for_each(|((kind, name), count)| there.add(kind, name, count));
    }
}

#[cfg(test)]
mod tests {
    use scim::observations::ObservedField;
    use scim::schema::USER;

    use super::*;
    use crate::platform::timestamp::ms;

    const CLIENT: ClientKey = ClientKey::of_row(7);

    fn brought(unknown: &[String], at: Timestamp) -> FieldUse {
        let known = |path: &str, brought| ObservedField { path: path.into(), brought, refused: path == "role" };
        let observed = Observed {
            write: Some((USER, Form::Create)),
            fields: vec![
                known("role", Brought::Value),
                known("title", Brought::Empty),
                known("badge", Brought::Nothing),
            ],
            unknown: unknown
                .iter()
                .map(|name| Unknown { name: name.as_str().into(), nearest: None, refused: false })
                .collect(),
            unnamed: 2,
            ..Observed::default()
        };
        FieldUse { client: CLIENT, observed, at }
    }

    fn of(counts: &FieldCounts, name: &str) -> FieldCount {
        counts.fields[&(USER.0, name.into())].clone()
    }

    #[test]
    fn a_request_counts_once_for_each_name_and_what_was_put_back_is_not_lost() {
        let fields = FieldCounter::default();
        fields.count(&brought(&["rol".to_owned()], ms(1)), false);
        let taken = fields.take();
        fields.count(&brought(&["rol".to_owned()], ms(3)), true);
        fields.count(&brought(&[], ms(2)), false);
        taken.into_iter().for_each(|(client, counts)| fields.put_back(client, counts));
        let counts = fields.take().remove(&CLIENT).expect("a client");
        let times = |count, last| Times { count, last: Some(last) };
        assert_eq!((of(&counts, "role").arrived, of(&counts, "role").refused), (times(3, ms(3)), times(1, ms(3))));
        assert_eq!((of(&counts, "title").arrived.count, of(&counts, "title").empty), (0, times(3, ms(3))));
        assert_eq!((of(&counts, "rol").ignored, of(&counts, "rol").known), (times(2, ms(3)), false));
        let requests = of(&counts, REQUESTS);
        assert_eq!((requests.arrived, requests.refused, requests.ignored.count), (times(3, ms(3)), times(1, ms(3)), 6));
        assert!(fields.take().is_empty());
    }

    #[test]
    fn a_client_that_invents_names_takes_no_more_memory_than_so_much() {
        let fields = FieldCounter::default();
        for n in 0..10_000 {
            fields.count(&brought(&[format!("a{n}"), "rol".to_owned()], ms(n)), false);
        }
        let counts = fields.take().remove(&CLIENT).expect("a client");
        assert_eq!(counts.fields.len(), MAX_UNKNOWN + 3 + 1);
        assert_eq!(of(&counts, "rol").ignored.count, 10_000);
        assert_eq!(of(&counts, REQUESTS).ignored.count, 20_000 + 10_000 - (MAX_UNKNOWN as i64 - 1));
    }
}

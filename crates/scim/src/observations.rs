//! What a write brought: which attributes arrived, which were empty, refused or ignored.
//!
//! An attribute that no schema has is ignored in the body of a POST or PUT (RFC 7644 §3.3). A misspelt name therefore
//! gets a success, and the client does not learn of it. [`Observations`] stand in the
//! [`Context`](crate::Context) of one unit of work and collect what the engine did with each attribute;
//! [`Observations::observed`] returns that as an [`Observed`], with the known name that is nearest to each unknown one.
//!
//! No values are collected, and no part of a name that may hold one: of `emails[value eq "x"].valu` the name is
//! `emails.valu`. What does not look like the name of an attribute is counted, and not kept. Names of members are the
//! exception: the first few that were left out are kept.
//!
//! A read collects nothing and allocates nothing. A known attribute costs the clone of its
//! [path](crate::schema::Attribute::path).

use std::cell::RefCell;
use std::fmt::{Display, Write};
use std::sync::Arc;

use serde_json::Value;

use crate::error::Error;
use crate::schema::{Attribute, Registry, ResourceType, ResourceTypeId};

mod name;
mod nearest;
#[cfg(test)]
mod tests;

pub use nearest::{nearest, nearest_of};

/// The most unknown names, and the most unknown parameters, that are kept of one request.
pub const MAX_NAMES: usize = 32;
/// The most characters that are kept of a name.
pub const SHOWN: usize = 128;
/// The most names of members that are kept of one request.
pub const MAX_MEMBERS: usize = 3;

/// What kind of write a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// POST: a whole resource.
    Create,
    /// PUT: a whole resource.
    Replace,
    /// PATCH: some attributes.
    Patch,
}

/// What a request brought for a known attribute. Of several values in one request the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Brought {
    /// Nothing: an error is about the attribute, and the request does not have it.
    Nothing,
    /// `null`, `""`, `[]`, `{}`, an array or object of these, or the removal of the attribute.
    Empty,
    /// A value.
    Value,
}

/// A known attribute in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedField {
    /// The path in the spelling of the registry: `userName`, `name.givenName`, `emails.value`, `urn:…:User:department`.
    pub path: Arc<str>,
    /// What the request brought for it.
    pub brought: Brought,
    /// Whether the request was refused for it.
    pub refused: bool,
}

/// A name that is no attribute, or a parameter that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The name as sent, at most [`SHOWN`] characters, without the filter of a path.
    pub name: Arc<str>,
    /// The known name that is most like it, if one is like it.
    pub nearest: Option<Arc<str>>,
    /// Whether the request was refused for it; otherwise it was ignored.
    pub refused: bool,
}

/// Members that a request named and that did not become members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many.
    pub count: usize,
    /// The first of them, at most [`MAX_MEMBERS`], as sent.
    pub first: Vec<String>,
}

/// What one request brought; see the [module](self).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The resource type, and the kind of write. `None` for a read, and for a write whose outcome is not known.
    pub write: Option<(ResourceTypeId, Form)>,
    /// The known attributes, in the order in which they arrived.
    pub fields: Vec<ObservedField>,
    /// The unknown names, each once, at most [`MAX_NAMES`], in the order in which they arrived.
    pub unknown: Vec<Unknown>,
    /// How many more there were: names beyond [`MAX_NAMES`], and names that do not look like those of attributes.
    pub unnamed: u64,
    /// The unknown parameters of the query, each once, at most [`MAX_NAMES`].
    pub parameters: Vec<Unknown>,
    /// Members that do not exist and were left out, those that are pending included.
    pub skipped_members: LeftOut,
    /// Those of them that are pending.
    pub pending_members: LeftOut,
}

impl Observed {
    /// Whether nothing was observed.
    pub fn is_empty(&self) -> bool {
        self.write.is_none() && self.parameters.is_empty()
    }

    /// The unknown names and parameters that were ignored.
    pub fn ignored(&self) -> impl Iterator<Item = &Unknown> {
        self.unknown.iter().chain(&self.parameters).filter(|unknown| !unknown.refused)
    }

    /// Adds what another part of the same request brought, such as another operation of a bulk request. Names of
    /// attributes of different resource types are not told apart then.
    pub fn absorb(&mut self, other: Observed) {
        self.write = self.write.or(other.write);
        for field in other.fields {
            match self.fields.iter_mut().find(|known| known.path == field.path) {
                Some(known) => {
                    known.brought = known.brought.max(field.brought);
                    known.refused |= field.refused;
                }
                None => self.fields.push(field),
            }
        }
        self.unnamed += other.unnamed;
        for (known, others) in [(&mut self.unknown, other.unknown), (&mut self.parameters, other.parameters)] {
            for unknown in others {
                let is_full = known.len() >= MAX_NAMES;
                match known.iter_mut().find(|known| known.name == unknown.name) {
                    Some(known) => known.refused |= unknown.refused,
                    None if is_full => self.unnamed += 1,
                    None => known.push(unknown),
                }
            }
        }
        self.skipped_members.absorb(other.skipped_members);
        self.pending_members.absorb(other.pending_members);
    }
}

impl LeftOut {
    fn of(names: &[String]) -> LeftOut {
        LeftOut { count: names.len(), first: names.iter().take(MAX_MEMBERS).cloned().collect() }
    }

    fn absorb(&mut self, other: LeftOut) {
        self.count += other.count;
        self.first.extend(other.first.into_iter().take(MAX_MEMBERS.saturating_sub(self.first.len())));
    }
}

/// Collects what one unit of work brings. A unit of work that runs again begins with new observations.
#[derive(Debug, Clone, Default)]
pub struct Observations(RefCell<Seen>);

#[derive(Debug, Clone, Default)]
struct Seen {
    begun: Option<(ResourceTypeId, Form)>,
    write: Option<(ResourceTypeId, Form)>,
    fields: Vec<ObservedField>,
    /// As sent, cut, and whether the request was refused for it.
    names: Vec<(String, bool)>,
    beyond: u64,
    parameters: Vec<(String, Option<&'static str>)>,
    blame: Option<Blame>,
    skipped: LeftOut,
    pending: LeftOut,
    /// A name that is being written, so that a name that is there already costs no memory.
    spelled: Cut,
}

/// What the latest error is about.
#[derive(Debug, Clone)]
enum Blame {
    Known(Arc<str>),
    Unknown(String),
}

impl Observations {
    /// Records a parameter of the query that does not exist, and the one that is most like it
    /// ([`SearchRequest::unknown_parameters`](crate::SearchRequest::unknown_parameters)).
    pub fn parameter(&self, name: &str, nearest: Option<&'static str>) {
        let mut seen = self.0.borrow_mut();
        let name: String = name.chars().take(SHOWN).collect();
        if seen.parameters.iter().any(|(known, _)| *known == name) {
            return;
        }
        match seen.parameters.len() < MAX_NAMES {
            true => seen.parameters.push((name, nearest)),
            false => seen.beyond += 1,
        }
    }

    /// All that was observed. The registry is the one of the context.
    pub fn observed(&self, registry: &Registry) -> Observed {
        let seen = self.0.borrow();
        let mut observed = Observed {
            write: seen.write,
            fields: seen.fields.clone(),
            unnamed: seen.beyond,
            skipped_members: seen.skipped.clone(),
            pending_members: seen.pending.clone(),
            ..Observed::default()
        };
        let described = seen.begun.map(|(resource_type, _)| registry.get(resource_type));
        for (sent, refused) in &seen.names {
            let Some(name) = name::kept(sent) else {
                observed.unnamed += 1;
                continue;
            };
            let nearest = described.and_then(|described| nearest(described, &name));
            match observed.unknown.iter_mut().find(|known| *known.name == *name) {
                Some(known) => known.refused |= refused,
                None => observed.unknown.push(Unknown { name: name.into(), nearest, refused: *refused }),
            }
        }
        for (sent, nearest) in &seen.parameters {
            match name::kept(sent) {
                Some(name) => {
                    let nearest = nearest.map(Arc::from);
                    observed.parameters.push(Unknown { name: name.into(), nearest, refused: false });
                }
                None => observed.unnamed += 1,
            }
        }
        observed
    }

    /// The names that were ignored, as sent and cut.
    pub(crate) fn ignored_names(&self) -> Vec<String> {
        let seen = self.0.borrow();
        seen.names.iter().filter(|(_, refused)| !refused).map(|(name, _)| name.clone()).collect()
    }

    /// A write of this kind is being read.
    pub(crate) fn begin(&self, resource_type: ResourceTypeId, form: Form) {
        self.0.borrow_mut().begun = Some((resource_type, form));
    }

    /// The outcome of the write is known.
    pub(crate) fn settle<T>(&self, registry: &Registry, outcome: &Result<T, Error>) {
        let mut seen = self.0.borrow_mut();
        seen.write = seen.begun;
        let blame = seen.blame.take();
        let Err(error) = outcome else { return };
        let blame = match error {
            Error::NotUnique { attribute, .. } => {
                let described = seen.begun.map(|(resource_type, _)| registry.get(resource_type));
                let path = attribute.as_deref().zip(described).and_then(|(name, described)| known(described, name));
                path.map(|path| Blame::Known(path.clone()))
            }
            Error::InvalidFilter(_)
            | Error::InvalidPath(_)
            | Error::InvalidSyntax(_)
            | Error::InvalidValue(_)
            | Error::Mutability(_)
            | Error::NoTarget(_) => blame,
            _ => None,
        };
        match blame {
            None => {}
            Some(Blame::Known(path)) => match seen.fields.iter_mut().find(|field| field.path == path) {
                Some(field) => field.refused = true,
                None => seen.fields.push(ObservedField { path, brought: Brought::Nothing, refused: true }),
            },
            Some(Blame::Unknown(name)) => match seen.names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, refused)) => *refused = true,
                None => seen.names.push((name, true)),
            },
        }
    }

    /// The members that were left out, and those of them that are pending.
    pub(crate) fn members(&self, skipped: &[String], pending: &[String]) {
        if !skipped.is_empty() {
            let mut seen = self.0.borrow_mut();
            (seen.skipped, seen.pending) = (LeftOut::of(skipped), LeftOut::of(pending));
        }
    }

    /// Takes over what was observed on a snapshot.
    pub(crate) fn take_over(&self, earlier: &Observations) {
        let parameters = std::mem::take(&mut self.0.borrow_mut().parameters);
        let earlier = earlier.0.borrow().clone();
        *self.0.borrow_mut() = Seen { parameters, ..earlier };
    }

    /// Records a value of an attribute.
    pub(crate) fn arrived(&self, attribute: &Attribute, value: &Value) {
        self.brought(attribute, if is_empty(value) { Brought::Empty } else { Brought::Value });
    }

    /// Records what the request has of an attribute.
    pub(crate) fn brought(&self, attribute: &Attribute, brought: Brought) {
        let mut seen = self.0.borrow_mut();
        match seen.fields.iter_mut().find(|field| Arc::ptr_eq(&field.path, &attribute.path)) {
            Some(field) => field.brought = field.brought.max(brought),
            None => {
                let path = attribute.path.clone();
                seen.fields.push(ObservedField { path, brought, refused: false });
            }
        }
    }

    /// Records a name, as it was sent, that was ignored.
    pub(crate) fn ignore(&self, name: impl Display) {
        let mut seen = self.0.borrow_mut();
        let Seen { spelled, names, beyond, .. } = &mut *seen;
        let name = spelled.write(name);
        if names.iter().any(|(known, _)| known == name) {
            return;
        }
        match names.len() < MAX_NAMES {
            true => names.push((name.to_owned(), false)),
            false => *beyond += 1,
        }
    }

    /// No error is known.
    pub(crate) fn clear_blame(&self) {
        self.0.borrow_mut().blame = None;
    }

    /// An error is about this attribute, unless a more exact one is known.
    pub(crate) fn blame(&self, attribute: &Attribute) {
        self.0.borrow_mut().blame.get_or_insert_with(|| Blame::Known(attribute.path.clone()));
    }

    /// The same for an attribute by its name in the core schema.
    pub(crate) fn blame_named(&self, resource_type: &ResourceType, name: &str) {
        if let Some(attribute) = resource_type.attribute(name) {
            self.clear_blame();
            self.blame(attribute);
        }
    }

    /// An error is about this name, which is no attribute.
    pub(crate) fn blame_unknown(&self, name: impl Display) {
        let mut seen = self.0.borrow_mut();
        let name = seen.spelled.write(name).to_owned();
        seen.blame = Some(Blame::Unknown(name));
    }

    /// Runs what only observes the rest of a request that is refused already: its errors are not the answer.
    pub(crate) fn aside(&self, observe: impl FnOnce()) {
        let blame = self.0.borrow_mut().blame.take();
        observe();
        self.0.borrow_mut().blame = blame;
    }
}

/// The path in the registry's own spelling.
fn known<'r>(described: &'r ResourceType, path: &str) -> Option<&'r Arc<str>> {
    let all = described.attributes_with_urns().flat_map(|(_, one)| one.sub_attributes.iter().chain([one]));
    all.map(|attribute| &attribute.path).find(|known| known.eq_ignore_ascii_case(path))
}

/// Whether a value is empty at any depth.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(elements) => elements.iter().all(is_empty),
        Value::Object(members) => members.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The first [`SHOWN`] characters of a text.
#[derive(Debug, Clone, Default)]
struct Cut {
    text: String,
    room: usize,
}

impl Cut {
    fn write(&mut self, name: impl Display) -> &str {
        self.text.clear();
        self.room = SHOWN;
        // An error says that there is no room for more.
        let _ = write!(self, "{name}");
        &self.text
    }
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            self.room = self.room.checked_sub(1).ok_or(std::fmt::Error)?;
            self.text.push(c);
        }
        Ok(())
    }
}

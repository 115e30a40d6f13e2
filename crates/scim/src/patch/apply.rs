//! The operations of a PATCH on a document (RFC 7644 §3.5.2.1 to §3.5.2.3).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::elements::{Elements, asked_for, settled, without};
use super::membership::{LoadMembers, MembershipEdit};
use super::removal::{is_listed, listed, says_nothing};
use super::selection::Selection;
use super::{Operation, OperationKind, PatchRequest};
use crate::error::Error;
use crate::observations::{Brought, is_empty};
use crate::resource::absence::{says_nothing as says_no_value, unassigns};
use crate::resource::complete::complete_attribute;
use crate::resource::document::{assign, assigned, is_ours, taken};
use crate::resource::locate::{Place, is_extension_of, locate, misplaced};
use crate::resource::meant::nameless;
use crate::resource::reader::{Named, Reader};
use crate::resource::role::{primary, primary_role};
use crate::resource::stored::is_same;
use crate::schema::{Attribute, Mutability, Relation, ResourceType, Schema};
use crate::tolerance::Tolerance;

mod misnamed;

/// The outcome of a PATCH.
#[derive(Debug)]
pub(crate) struct Patched {
    pub document: Map<String, Value>,
    pub membership: MembershipEdit,
}

/// The most comparisons of values in one PATCH, about one second of work. An attribute of ten values stays below it
/// with the largest number of operations.
const MAX_COMPARISONS: usize = 4_000_000;

/// Applies all operations to a copy of the document. Calls `load` for the members of a group only where a filter needs
/// them.
pub(crate) fn apply(
    request: &PatchRequest,
    document: &Map<String, Value>,
    resource_type: &ResourceType,
    reader: &Reader<'_>,
    load: &mut LoadMembers<'_>,
) -> Result<Patched, Error> {
    request.check(reader.leniency)?;
    let before = document;
    let reader = &reader.over(before);
    let mut patcher = Patcher::new(before.clone(), resource_type, reader, load);
    for (index, operation) in request.operations.iter().enumerate() {
        if let Err(error) = patcher.operation(operation) {
            let comparisons = patcher.comparisons;
            if !matches!(error, Error::Store(_) | Error::TooLarge(_)) {
                observe_rest(&request.operations[index..], document, resource_type, reader, comparisons);
            }
            return Err(error);
        }
    }
    patcher.check_emptied()?;
    let Patcher { mut patched, mut touched, .. } = patcher;
    let is_touched = |name: &str| touched.iter().any(|(within, touched)| within.is_none() && touched.name == name);
    if is_touched("roles") && !is_touched("role") {
        let before = primary(before);
        if primary(&patched.document) != before
            && let Some((attribute, role)) = primary_role(&patched.document, resource_type, reader)
        {
            assign(&mut patched.document, None, attribute, Some(role));
            touched.push((None, attribute));
        }
    }
    // An attribute that no operation touched is not validated again: it may be older than the current rules.
    for (extension, attribute) in touched {
        reader.observations.clear_blame();
        complete_attribute(&mut patched.document, extension, attribute, reader)
            .inspect_err(|_| reader.observations.blame(attribute))?;
    }
    Ok(patched)
}

/// Observes the rest of a PATCH that is refused, from the operation that is: each attribute by itself, so that no error
/// hides another attribute.
fn observe_rest(
    operations: &[Operation],
    document: &Map<String, Value>,
    resource_type: &ResourceType,
    reader: &Reader<'_>,
    comparisons: usize,
) {
    reader.observations.aside(|| {
        let leniency = reader.leniency.clone();
        let reader = &Reader { leniency: &leniency, ..*reader };
        let load: &mut LoadMembers<'_> = &mut |_, _| Ok(Vec::new());
        let mut patcher = Patcher::new(document.clone(), resource_type, reader, load);
        (patcher.goes_on, patcher.comparisons) = (true, comparisons);
        for operation in operations {
            let _ = patcher.operation(operation);
        }
    });
}

/// Applies the attributes that the body of a POST or PUT names by paths to a document.
pub(crate) fn lay_paths(
    document: &mut Map<String, Value>,
    keys: &[(Option<&Schema>, &str, &Value)],
    resource_type: &ResourceType,
    reader: &Reader<'_>,
) -> Result<(), Error> {
    let load: &mut LoadMembers<'_> = &mut |_, _| Ok(Vec::new());
    let mut patcher = Patcher::new(std::mem::take(document), resource_type, reader, load);
    for (within, key, value) in keys {
        let key = match within {
            Some(extension) => Cow::Owned(format!("{}:{key}", extension.id)),
            None => Cow::Borrowed(*key),
        };
        patcher.path_key(OperationKind::Add, &key, value)?;
    }
    patcher.check_emptied()?;
    let Patched { document: laid, membership } = patcher.patched;
    *document = laid;
    match membership.change() {
        None => Ok(()),
        Some(_) => Err(Error::InvalidSyntax("members are sent as \"members\", not by a path.".to_owned())),
    }
}

struct Patcher<'r, 'l> {
    resource_type: &'r ResourceType,
    reader: &'r Reader<'r>,
    load: &'l mut LoadMembers<'l>,
    patched: Patched,
    touched: Vec<(Option<&'r Schema>, &'r Attribute)>,
    /// Attributes whose absence grants access, and whose last value an operation removed without unassigning the
    /// attribute.
    emptied: Vec<(Option<&'r Schema>, &'r Attribute)>,
    /// The number of comparisons of values so far.
    comparisons: usize,
    /// Whether an error at one member of a value does not keep the others from being read.
    goes_on: bool,
}

/// The target of an operation.
struct Target<'r, 's> {
    extension: Option<&'r Schema>,
    attribute: &'r Attribute,
    sub: Option<&'r Attribute>,
    selection: Option<Selection<'s>>,
}

impl<'r, 'l> Patcher<'r, 'l> {
    fn new(
        document: Map<String, Value>,
        resource_type: &'r ResourceType,
        reader: &'r Reader<'r>,
        load: &'l mut LoadMembers<'l>,
    ) -> Patcher<'r, 'l> {
        let patched = Patched { document, membership: MembershipEdit::default() };
        let (touched, emptied) = (Vec::new(), Vec::new());
        Patcher { resource_type, reader, load, patched, touched, emptied, comparisons: 0, goes_on: false }
    }

    /// Applies each member of a value.
    fn each<'v>(
        &mut self,
        members: &'v Map<String, Value>,
        mut apply: impl FnMut(&mut Self, &'v str, &'v Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for (key, value) in members {
            let applied = apply(self, key, value);
            if !self.goes_on {
                applied?;
            }
        }
        Ok(())
    }

    /// Whether every attribute in `emptied` that has no value now was unassigned as a whole.
    fn check_emptied(&self) -> Result<(), Error> {
        let gone = |&(extension, attribute): &(Option<&'r Schema>, &'r Attribute)| {
            let there = assigned(&self.patched.document, extension, attribute).is_some();
            if !there {
                self.reader.observations.clear_blame();
                self.reader.observations.blame(attribute);
            }
            (!there).then(|| self.reader.nothing_left(attribute, Named::new(extension, attribute)))
        };
        self.emptied.iter().find_map(gone).map_or(Ok(()), Err)
    }

    fn operation(&mut self, operation: &Operation) -> Result<(), Error> {
        let value = operation.value.as_ref().unwrap_or(&Value::Null);
        let Some(path) = &operation.path else {
            return self.all(operation.kind, None, value);
        };
        let resolved = path.resolve_for(self.resource_type, self.reader.leniency);
        let Some(resolved) = resolved.inspect_err(|_| self.blame_path(path))? else {
            if let Some((urn, members)) = self.extension_like(path, value) {
                return self.each(members, |patcher, key, value| patcher.misplaced(operation.kind, &urn, key, value));
            }
            if let Some(meant) = self.meant_path(path, operation.kind) {
                return self.operation(&Operation { path: meant, ..operation.clone() });
            }
            if self.reader.forgives(Tolerance::UnknownPatchTargets) {
                self.reader.observations.ignore(path);
                return Ok(());
            }
            self.reader.observations.blame_unknown(path);
            return Err(Error::InvalidPath(format!("a {} has no attribute {}", self.resource_type.name, path.name)));
        };
        let Some(attribute) = resolved.attribute else {
            let Some(extension) = resolved.extension else { return Ok(()) };
            let listed = !says_nothing(value) && self.reader.leniency.would_forgive(Tolerance::RemoveListedValues);
            return match operation.kind {
                OperationKind::Remove if listed && self.reader.forgives(Tolerance::RemoveListedValues) => {
                    self.all(OperationKind::Remove, Some(extension), value)
                }
                OperationKind::Remove => self.remove_extension(extension),
                OperationKind::Replace if operation.value == Some(Value::Null) => self.remove_extension(extension),
                kind => self.all(kind, Some(extension), value),
            };
        };
        let selection = match (&path.filter, &resolved.filter) {
            (Some(filter), Some(predicate)) => Some(Selection { filter, predicate }),
            _ => None,
        };
        let target = Target { extension: resolved.extension, attribute, sub: resolved.sub, selection };
        self.at(operation.kind, &target, value)
    }

    /// Applies an object of attributes: the value of an operation without a path, or of an extension.
    fn all(&mut self, kind: OperationKind, within: Option<&'r Schema>, value: &Value) -> Result<(), Error> {
        let object = match (value, within) {
            (Value::Object(object), _) => object,
            (Value::Null, _) => return Ok(()),
            (_, Some(extension)) => {
                return Err(Error::InvalidValue(format!(
                    "{} is an object of the extension's attributes",
                    extension.id
                )));
            }
            (_, None) => return Err(Error::InvalidValue("the value is an object of attributes".to_owned())),
        };
        self.each(object, |patcher, key, value| match within {
            Some(extension) => patcher.key(kind, Some(extension), &format!("{}:{key}", extension.id), value),
            None => patcher.key(kind, None, key, value),
        })
    }

    /// Applies one member of such an object: an attribute, an extension, or a path (`name.givenName`). Unknown names
    /// are ignored.
    fn key(&mut self, kind: OperationKind, within: Option<&'r Schema>, key: &str, value: &Value) -> Result<(), Error> {
        let resource_type = self.resource_type;
        let located = match locate(resource_type, key) {
            // The path without its extension, which was already resolved.
            Some(located) if located.needs.contains(Tolerance::PathsAsKeys) && within.is_some() => Some(located.place),
            Some(located) => Some(located.forgiven(key, self.reader.leniency).inspect_err(|_| {
                if let Place::Attribute(_, attribute) = located.place {
                    self.reader.observations.arrived(attribute, value);
                    self.blames(attribute);
                }
            })?),
            None => None,
        };
        match located {
            Some(Place::Attribute(extension, attribute)) => self.inner(kind, extension, attribute, value),
            Some(Place::Extension(extension)) if kind == OperationKind::Replace && value.is_null() => {
                self.remove_extension(extension)
            }
            Some(Place::Extension(extension)) => self.all(kind, Some(extension), value),
            Some(Place::Core) => match value {
                Value::Object(object) => {
                    self.each(object, |patcher, name, value| match resource_type.schema.attribute(name) {
                        Some(attribute) => patcher.inner(kind, None, attribute, value),
                        None => patcher.key(kind, None, &format!("{key}:{name}"), value),
                    })
                }
                _ => self.unknown(key),
            },
            None => self.path_key(kind, key, value),
        }
    }

    /// Applies an attribute inside a value.
    fn inner(
        &mut self,
        kind: OperationKind,
        extension: Option<&'r Schema>,
        attribute: &'r Attribute,
        value: &Value,
    ) -> Result<(), Error> {
        if is_ours(extension, attribute) {
            return self.ours(Named::new(extension, attribute), attribute, value);
        }
        self.at(kind, &Target { extension, attribute, sub: None, selection: None }, value)
    }

    fn remove_extension(&mut self, extension: &'r Schema) -> Result<(), Error> {
        for attribute in &extension.attributes {
            let target = Target { extension: Some(extension), attribute, sub: None, selection: None };
            if assigned(&self.patched.document, Some(extension), attribute).is_some() {
                self.at(OperationKind::Remove, &target, &Value::Null)?;
            }
        }
        Ok(())
    }

    fn at(&mut self, kind: OperationKind, target: &Target<'r, '_>, value: &Value) -> Result<(), Error> {
        let observations = self.reader.observations;
        let brought = match kind {
            // What is removed by value, or by a filter, is named.
            OperationKind::Remove if says_nothing(value) && target.selection.is_none() => Brought::Empty,
            OperationKind::Remove => Brought::Value,
            _ if is_empty(value) => Brought::Empty,
            _ => Brought::Value,
        };
        observations.brought(target.attribute, brought);
        if let Some(sub) = target.sub {
            observations.brought(sub, brought);
        }
        observations.clear_blame();
        self.at_target(kind, target, value).inspect_err(|_| observations.blame(target.sub.unwrap_or(target.attribute)))
    }

    fn at_target(&mut self, kind: OperationKind, target: &Target<'r, '_>, value: &Value) -> Result<(), Error> {
        let Target { extension, attribute, sub, selection } = *target;
        let named = Named::new(extension, attribute);
        if extension.is_none() && attribute.name == "schemas" {
            return Ok(()); // follows from the extensions that have attributes
        }
        if is_ours(extension, attribute) {
            return Err(Error::Mutability(format!("{named} is readOnly: leave it out of the operations")));
        }
        if let Some(sub) = sub.filter(|sub| sub.mutability == Mutability::ReadOnly || attribute.relation.is_some()) {
            return Err(Error::Mutability(format!(
                "{} cannot be changed: replace the whole value of {named}",
                named.sub(sub)
            )));
        }
        if attribute.relation == Some(Relation::Members) {
            let Patched { membership, .. } = &mut self.patched;
            return membership.apply(kind, selection, value, attribute, self.reader, self.load);
        }
        if kind == OperationKind::Remove && attribute.required && sub.is_none() && selection.is_none() {
            return Err(Error::Mutability(format!("{named} is required: replace it instead of removing it")));
        }
        if kind == OperationKind::Remove
            && let Some(sub) = sub.filter(|sub| sub.required)
        {
            return Err(Error::Mutability(format!(
                "{} is required: replace it instead of removing it",
                named.sub(sub)
            )));
        }
        let immutable = attribute.mutability == Mutability::Immutable;
        let whole = sub.is_none() && selection.is_none();
        if attribute.absence_grants && kind != OperationKind::Remove && says_no_value(value) {
            return Err(self.reader.nothing_left(attribute, named));
        }
        let old = assigned(&self.patched.document, extension, attribute);
        let repeats = |there: &Option<Value>| {
            whole && kind != OperationKind::Remove && value.is_array() && there.as_ref() == Some(value)
        };
        let had = old.is_some();
        let old = old.filter(|_| !attribute.multi_valued || immutable).cloned();
        let new = if attribute.multi_valued {
            let meant = match whole {
                true => self.reader.meant(attribute, named, value)?,
                false => Cow::Borrowed(value),
            };
            let there = taken(&mut self.patched.document, extension, attribute);
            self.compares(&there, &meant)?;
            let elements = Elements { attribute, named, reader: self.reader };
            if repeats(&there) { there } else { elements.edit(kind, there, sub, selection, &meant)? }
        } else if repeats(&old) {
            old.clone()
        } else {
            self.singular(kind, target, named, old.clone(), value)?
        };
        if attribute.mutability == Mutability::WriteOnly {
            return Ok(()); // its value was checked, and is kept nowhere
        }
        if attribute.absence_grants {
            let unassigned = whole && (value.is_null() || kind != OperationKind::Remove && unassigns(value));
            if unassigned || new.is_some() {
                self.emptied.retain(|(_, emptied)| !std::ptr::eq(*emptied, attribute));
            } else if had || kind != OperationKind::Remove {
                self.emptied.push((extension, attribute));
            }
        }
        let new = match (&old, new) {
            (Some(old), Some(new)) if immutable && is_same(attribute, old, &new) => Some(old.clone()),
            (_, new) => new,
        };
        if immutable && old.is_some() && new != old {
            return Err(Error::Mutability(format!("{named} is immutable: it keeps the value it has")));
        }
        if new.is_none() && old.is_some() && extension.is_none() && attribute.name == "active" {
            return Ok(()); // its default would let in who was shut out
        }
        assign(&mut self.patched.document, extension, attribute, new);
        if !self.touched.iter().any(|(_, touched)| std::ptr::eq(*touched, attribute)) {
            self.touched.push((extension, attribute));
        }
        Ok(())
    }

    /// Counts the comparisons of an operation on a multi-valued attribute: each given value with each stored and each
    /// given one.
    fn compares(&mut self, there: &Option<Value>, given: &Value) -> Result<(), Error> {
        let count = |value: &Value| value.as_array().map_or(1, Vec::len);
        let (there, given) = (there.as_ref().map_or(0, count), count(given));
        let all = there.saturating_mul(given + 1).saturating_add(given.saturating_mul(given));
        self.comparisons = self.comparisons.saturating_add(all);
        if self.comparisons > MAX_COMPARISONS {
            return Err(Error::TooLarge(
                "The operations of this PATCH compare too many values with each other; send them in several requests, or \
                 replace the attribute as a whole."
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Applies an operation to an attribute with one value, or to one of its sub-attributes.
    fn singular(
        &self,
        kind: OperationKind,
        target: &Target<'_, '_>,
        named: Named<'_>,
        old: Option<Value>,
        value: &Value,
    ) -> Result<Option<Value>, Error> {
        let Target { attribute, sub, selection, .. } = *target;
        if selection.is_some() && !self.reader.forgives(Tolerance::FilterOnSingular) {
            return Err(Error::InvalidPath(format!("{named} has one value: its path takes no filter")));
        }
        let selects = |old: &Value| selection.is_none_or(|selection| selection.predicate.matches_value(old));
        if kind == OperationKind::Remove {
            let (what, named) = sub.map_or((attribute, named), |sub| (sub, named.sub(sub)));
            let listed = listed(self.reader, what, named, value)?;
            return Ok(match (old, sub) {
                (Some(old), None) if selects(&old) && is_listed(attribute, listed.as_deref(), &old) => None,
                (Some(old), Some(sub)) if selects(&old) => without(attribute, old, sub, listed.as_deref()),
                (old, _) => old,
            });
        }
        let base = match (selection, &old) {
            (Some(_), Some(there)) if !selects(there) => {
                return Err(Error::NoTarget(format!("the value of {named} does not match the filter of the path")));
            }
            (Some(selection), None) => asked_for(attribute, named, kind, selection, self.reader)?,
            _ => object(old.clone()),
        };
        if let Some(sub) = sub {
            let mut new = base;
            let named = named.sub(sub);
            match self.reader.attribute(sub, named, self.reader.part(sub, named, value)?)? {
                Some(value) => drop(new.insert(sub.name.clone(), value)),
                None => drop(new.shift_remove(&sub.name)),
            }
            return Ok(settled(attribute, old.as_ref(), new));
        }
        let given = self.reader.lone(attribute, named, value)?;
        if self.reader.names_no_part(attribute, &given) {
            return Err(nameless(attribute, named));
        }
        if given.is_object() && !attribute.sub_attributes.is_empty() {
            let new = self.reader.complex(attribute, named, base, &given)?;
            return Ok(settled(attribute, old.as_ref(), new));
        }
        self.reader.plain(attribute, named, &given)
    }
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

//! The operations of a PATCH on a document (RFC 7644 §3.5.2.1 to §3.5.2.3).

use serde_json::{Map, Value};

use super::elements::Elements;
use super::membership::{LoadMembers, MembershipEdit};
use super::selection::Selection;
use super::{Operation, OperationKind, PatchRequest};
use crate::error::Error;
use crate::path::AttributePath;
use crate::resource::body::{assign, assigned, is_ours, taken};
use crate::resource::complete::complete_attribute;
use crate::resource::locate::{Place, locate};
use crate::resource::value::{Named, Reader};
use crate::schema::{Attribute, Mutability, Relation, ResourceType, Schema};
use crate::tolerance::Tolerance;

/// What a PATCH makes of a resource.
#[derive(Debug)]
pub(crate) struct Patched {
    pub document: Map<String, Value>,
    pub membership: MembershipEdit,
}

/// The most comparisons of values in one PATCH: a second of work, which everybody else waits for. An attribute of ten values
/// bears as many operations as a PATCH may have.
const MAX_COMPARISONS: usize = 4_000_000;

/// Applies all operations to a copy of the document. `load` is asked for the group's members only where a filter needs
/// them.
pub(crate) fn apply(
    request: &PatchRequest,
    document: &Map<String, Value>,
    resource_type: &ResourceType,
    reader: &Reader<'_>,
    load: &mut LoadMembers<'_>,
) -> Result<Patched, Error> {
    request.check(reader.leniency)?;
    let document = document.clone();
    let patched = Patched { document, membership: MembershipEdit::default() };
    let mut patcher = Patcher { resource_type, reader, load, patched, touched: Vec::new(), comparisons: 0 };
    for operation in &request.operations {
        patcher.operation(operation)?;
    }
    let Patcher { mut patched, touched, .. } = patcher;
    // What no operation touched is not judged again: it may be older than today's rules.
    for (extension, attribute) in touched {
        complete_attribute(&mut patched.document, extension, attribute, reader)?;
    }
    Ok(patched)
}

struct Patcher<'r, 'l> {
    resource_type: &'r ResourceType,
    reader: &'r Reader<'r>,
    load: &'l mut LoadMembers<'l>,
    patched: Patched,
    touched: Vec<(Option<&'r Schema>, &'r Attribute)>,
    /// How many values were compared with how many, so far.
    comparisons: usize,
}

/// Where an operation leads.
struct Target<'r, 's> {
    extension: Option<&'r Schema>,
    attribute: &'r Attribute,
    sub: Option<&'r Attribute>,
    selection: Option<Selection<'s>>,
}

impl<'r> Patcher<'r, '_> {
    fn operation(&mut self, operation: &Operation) -> Result<(), Error> {
        let value = operation.value.as_ref().unwrap_or(&Value::Null);
        let Some(path) = &operation.path else {
            return self.all(operation.kind, None, value);
        };
        let Some(resolved) = path.resolve_for(self.resource_type, self.reader.leniency)? else {
            if self.reader.forgives(Tolerance::UnknownPatchTargets) {
                return Ok(());
            }
            return Err(Error::InvalidPath(format!("a {} has no attribute {}", self.resource_type.name, path.name)));
        };
        let Some(attribute) = resolved.attribute else {
            let Some(extension) = resolved.extension else { return Ok(()) };
            return match operation.kind {
                OperationKind::Remove => self.remove_extension(extension),
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

    /// An object of attributes: the value of an operation without a path, or of an extension.
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
        for (key, value) in object {
            match within {
                Some(extension) => self.key(kind, Some(extension), &format!("{}:{key}", extension.id), value)?,
                None => self.key(kind, None, key, value)?,
            }
        }
        Ok(())
    }

    /// One key of such an object: an attribute, an extension, or a path (`name.givenName`). What is unknown is ignored.
    fn key(&mut self, kind: OperationKind, within: Option<&'r Schema>, key: &str, value: &Value) -> Result<(), Error> {
        let resource_type = self.resource_type;
        let located = match locate(resource_type, key) {
            // The same without the extension it is in: it was taken apart above.
            Some(located) if located.needs == Some(Tolerance::PathsAsKeys) && within.is_some() => Some(located.place),
            Some(located) => Some(located.forgiven(key, self.reader.leniency)?),
            None => None,
        };
        match located {
            Some(Place::Attribute(extension, attribute)) if is_ours(extension, attribute) => {
                self.ours(Named::new(extension, attribute))
            }
            Some(Place::Attribute(extension, attribute)) => {
                self.at(kind, &Target { extension, attribute, sub: None, selection: None }, value)
            }
            Some(Place::Extension(extension)) => self.all(kind, Some(extension), value),
            Some(Place::Core) => match value {
                Value::Object(object) => object.iter().try_for_each(|(key, value)| {
                    let Some(attribute) = resource_type.schema.attribute(key) else { return Ok(()) };
                    if is_ours(None, attribute) {
                        return self.ours(Named::new(None, attribute));
                    }
                    self.at(kind, &Target { extension: None, attribute, sub: None, selection: None }, value)
                }),
                _ => Ok(()),
            },
            None => {
                let Ok(path) = key.parse::<AttributePath>() else { return Ok(()) };
                let Some(resolved) = path.resolve_for(resource_type, self.reader.leniency)? else { return Ok(()) };
                let Some(attribute) = resolved.attribute else { return Ok(()) };
                if !self.reader.forgives(Tolerance::PathsAsKeys) {
                    let shortened: String = key.chars().take(200).collect();
                    return Err(Error::InvalidSyntax(format!(
                        "{shortened} is a path, and no name of an attribute: send it as the \"path\" of an operation."
                    )));
                }
                let sub_is_ours = resolved.sub.is_some_and(|sub| sub.mutability == Mutability::ReadOnly);
                if is_ours(resolved.extension, attribute) || sub_is_ours {
                    return self.ours(Named::new(resolved.extension, attribute));
                }
                let selection = match (&path.filter, &resolved.filter) {
                    (Some(filter), Some(predicate)) => Some(Selection { filter, predicate }),
                    _ => None,
                };
                let target = Target { extension: resolved.extension, attribute, sub: resolved.sub, selection };
                self.at(kind, &target, value)
            }
        }
    }

    /// What is readOnly, inside a value.
    fn ours(&self, named: Named<'_>) -> Result<(), Error> {
        if self.reader.forgives(Tolerance::ReadOnlyInValues) {
            return Ok(());
        }
        Err(Error::Mutability(format!("{named} is readOnly: leave it out of the value")))
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
            return self.patched.membership.apply(kind, selection, value, self.reader.leniency, self.load);
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
        let old = assigned(&self.patched.document, extension, attribute);
        let old = old.filter(|_| !attribute.multi_valued || immutable).cloned();
        let new = if attribute.multi_valued {
            let there = taken(&mut self.patched.document, extension, attribute);
            self.compares(&there, value)?;
            let elements = Elements { attribute, named, reader: self.reader };
            elements.edit(kind, there, sub, selection, value)?
        } else if selection.is_some() {
            return Err(Error::InvalidPath(format!("{named} has one value: its path takes no filter")));
        } else {
            self.singular(kind, target, named, old.clone(), value)?
        };
        if attribute.mutability == Mutability::WriteOnly {
            return Ok(()); // its value was checked, and is kept nowhere
        }
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

    /// Counts what an operation on a multi-valued attribute compares: each value given with each one there and given.
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

    /// An attribute with one value, or one of its sub-attributes.
    fn singular(
        &self,
        kind: OperationKind,
        target: &Target<'_, '_>,
        named: Named<'_>,
        old: Option<Value>,
        value: &Value,
    ) -> Result<Option<Value>, Error> {
        let attribute = target.attribute;
        let given = match value {
            Value::Array(elements) if elements.is_empty() => &Value::Null,
            Value::Array(elements) if elements.len() == 1 && self.reader.forgives(Tolerance::SingularInArray) => {
                elements.first().unwrap_or(&Value::Null)
            }
            given => given,
        };
        match (kind, target.sub) {
            (OperationKind::Remove, None) => Ok(None),
            (OperationKind::Remove, Some(sub)) => {
                let mut object = object(old);
                object.shift_remove(&sub.name);
                Ok((!object.is_empty()).then_some(Value::Object(object)))
            }
            (_, Some(sub)) => {
                let mut new = object(old.clone());
                match self.reader.attribute(sub, named.sub(sub), given)? {
                    Some(value) => drop(new.insert(sub.name.clone(), value)),
                    None => drop(new.shift_remove(&sub.name)),
                }
                Ok(settled(attribute, old.as_ref(), new))
            }
            (_, None) if given.is_object() && !attribute.sub_attributes.is_empty() => {
                let new = self.reader.complex(attribute, named, object(old.clone()), given)?;
                Ok(settled(attribute, old.as_ref(), new))
            }
            (_, None) => self.reader.single(attribute, named, given),
        }
    }
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// A complex value after a change: without a `$ref` that belonged to another `value`, and absent when empty.
pub(super) fn settled(attribute: &Attribute, old: Option<&Value>, mut new: Map<String, Value>) -> Option<Value> {
    let stale = old.is_some_and(|old| old.get("value") != new.get("value") && old.get("$ref") == new.get("$ref"));
    if stale && attribute.sub_attribute("$ref").is_some() {
        new.shift_remove("$ref");
    }
    (!new.is_empty()).then_some(Value::Object(new))
}

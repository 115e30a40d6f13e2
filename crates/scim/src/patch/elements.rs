//! PATCH operations on a multi-valued attribute: on all values, or on those that a filter selects (RFC 7644 §3.5.2).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::OperationKind;
use super::removal::{comparing, is_listed, listed};
use super::selection::{Selection, equalities};
use crate::error::Error;
use crate::resource::complete::{is_primary, two_primaries};
use crate::resource::distinct::{Edited, once};
use crate::resource::meant::{expected, is_blank, nameless, names_something};
use crate::resource::reader::{MAX_VALUES, Named, Reader};
use crate::schema::Attribute;
use crate::tolerance::Tolerance;

pub(super) struct Elements<'a> {
    pub attribute: &'a Attribute,
    pub named: Named<'a>,
    pub reader: &'a Reader<'a>,
}

impl Elements<'_> {
    /// Returns the values after the operation.
    pub(super) fn edit(
        &self,
        kind: OperationKind,
        old: Option<Value>,
        sub: Option<&Attribute>,
        selection: Option<Selection<'_>>,
        value: &Value,
    ) -> Result<Option<Value>, Error> {
        let old = match old {
            Some(Value::Array(elements)) => elements,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let primary: Vec<Value> = old.iter().filter(|element| is_primary(element)).cloned().collect();
        let mut new = match (selection, sub) {
            (None, None) => self.whole(kind, old, value)?,
            (selection, sub) => self.selected(kind, old, sub, selection, value)?,
        };
        if new.len() > MAX_VALUES {
            return Err(Error::InvalidValue(format!("{} has more than {MAX_VALUES} values", self.named)));
        }
        self.one_primary(&primary, &mut new)?;
        Ok((!new.is_empty()).then_some(Value::Array(new)))
    }

    /// `path: emails`
    fn whole(&self, kind: OperationKind, mut old: Vec<Value>, value: &Value) -> Result<Vec<Value>, Error> {
        let given = || -> Result<Vec<Value>, Error> {
            let elements = self.reader.elements(self.attribute, self.named, value)?;
            let elements = elements.usable(self.attribute, self.named)?;
            let primaries = elements.iter().filter(|element| is_primary(element)).count();
            if primaries > 1 { Err(two_primaries(self.named)) } else { Ok(elements) }
        };
        match kind {
            OperationKind::Replace => given(),
            OperationKind::Add if self.reader.is_whole_list(self.attribute, value) => given(),
            OperationKind::Add => {
                let added = given()?.into_iter().map(Edited::Made);
                Ok(once(self.attribute, old.into_iter().map(Edited::Left).chain(added).collect()))
            }
            OperationKind::Remove if value.is_null() || !self.reader.forgives(Tolerance::RemoveListedValues) => {
                Ok(Vec::new())
            }
            OperationKind::Remove => {
                let listed = comparing(self.reader).elements(self.attribute, self.named, value)?;
                let listed = listed.usable(self.attribute, self.named)?;
                old.retain(|element| !is_listed(self.attribute, Some(&listed), element));
                Ok(old)
            }
        }
    }

    /// `path: emails[type eq "work"]`, `emails[type eq "work"].value`, `emails.type`
    fn selected(
        &self,
        kind: OperationKind,
        old: Vec<Value>,
        sub: Option<&Attribute>,
        selection: Option<Selection<'_>>,
        value: &Value,
    ) -> Result<Vec<Value>, Error> {
        let selects = |element: &Value| selection.is_none_or(|selection| selection.predicate.matches_value(element));
        let selected: Vec<bool> = old.iter().map(selects).collect();
        let count = selected.iter().filter(|selected| **selected).count();
        let elements = |old: Vec<Value>| old.into_iter().zip(selected);
        if kind == OperationKind::Remove {
            let (what, named) = sub.map_or((self.attribute, self.named), |sub| (sub, self.named.sub(sub)));
            let listed = listed(self.reader, what, named, value)?;
            let kept = elements(old).filter_map(|(element, selected)| match sub {
                _ if !selected => Some(element),
                None if is_listed(self.attribute, listed.as_deref(), &element) => None,
                None => Some(element),
                Some(sub) => without(self.attribute, element, sub, listed.as_deref()),
            });
            return Ok(kept.collect());
        }
        if count == 0 {
            let created = self.created(kind, sub, selection, value)?.map(Edited::Made);
            return Ok(once(self.attribute, old.into_iter().map(Edited::Left).chain(created).collect()));
        }
        let primary = sub.is_some_and(|sub| sub.name == "primary");
        let mut new = Vec::with_capacity(old.len());
        let mut replaced = false;
        for (element, selected) in elements(old) {
            if !selected {
                new.push(Edited::Left(element));
                continue;
            }
            let changed = match (sub, kind) {
                (Some(sub), _) => self.with_sub(&element, sub, value)?,
                (None, OperationKind::Add) if element.is_object() => match self.only(value)? {
                    None => Some(element),
                    Some(given) => {
                        let laid = self.reader.within(&element).complex(
                            self.attribute,
                            self.named,
                            object(&element),
                            &given,
                        )?;
                        settled(self.attribute, Some(&element), laid)
                    }
                },
                // All selected values become the given one, which is kept once.
                _ if replaced => None,
                _ => {
                    replaced = true;
                    self.only(value)?.map(|given| self.whole_one(&given)).transpose()?
                }
            };
            if primary && count > 1 && changed.as_ref().is_some_and(is_primary) {
                return Err(two_primaries(self.named));
            }
            // Without a `value` two elements may still differ, for example two addresses, so they are kept apart.
            new.extend(changed.map(|changed| match changed.is_object() && changed.get("value").is_none() {
                true => Edited::Left(changed),
                false => Edited::Made(changed),
            }));
        }
        Ok(once(self.attribute, new))
    }

    /// The element that an operation creates when its filter selects none: the values that the filter asks for, and the
    /// given value.
    fn created(
        &self,
        kind: OperationKind,
        sub: Option<&Attribute>,
        selection: Option<Selection<'_>>,
        value: &Value,
    ) -> Result<Option<Value>, Error> {
        let element = match selection {
            Some(selection) => asked_for(self.attribute, self.named, kind, selection, self.reader)?,
            None => Map::new(),
        };
        let element = match sub {
            None => {
                let Some(given) = self.only(value)? else { return Ok(None) };
                if self.attribute.sub_attributes.is_empty() || !given.is_object() {
                    return self.whole_one(&given).map(Some);
                }
                self.reader.complex(self.attribute, self.named, element, &given)?
            }
            Some(sub) => {
                let mut element = element;
                let part = self.reader.part(sub, self.named.sub(sub), value)?;
                let Some(part) = self.reader.attribute(sub, self.named.sub(sub), part)? else { return Ok(None) };
                element.insert(sub.name.clone(), part);
                element
            }
        };
        let element = Value::Object(element);
        match names_something(self.attribute, &element) {
            true => Ok(Some(element)),
            false => Err(Error::NoTarget(format!(
                "{}: no value is there that the operation could change, and what it brings names none; send {}",
                self.named,
                expected(self.attribute)
            ))),
        }
    }

    fn with_sub(&self, element: &Value, sub: &Attribute, value: &Value) -> Result<Option<Value>, Error> {
        let mut new = object(element);
        let named = self.named.sub(sub);
        match self.reader.within(element).attribute(sub, named, self.reader.part(sub, named, value)?)? {
            Some(value) => drop(new.insert(sub.name.clone(), value)),
            None => drop(new.shift_remove(&sub.name)),
        }
        Ok(settled(self.attribute, Some(element), new))
    }

    /// The single element in the value of an operation on selected elements; `None` for `null` and `[]`.
    fn only<'v>(&self, value: &'v Value) -> Result<Option<Cow<'v, Value>>, Error> {
        let several =
            || Error::InvalidValue(format!("{}: an operation on selected values takes one value", self.named));
        let one = match self.reader.meant(self.attribute, self.named, value)? {
            Cow::Borrowed(Value::Array(elements)) => match elements.as_slice() {
                [] => return Ok(None),
                [only] if self.reader.forgives(Tolerance::SingularInArray) => Cow::Borrowed(only),
                _ => return Err(several()),
            },
            Cow::Owned(Value::Array(elements)) => match <[Value; 1]>::try_from(elements) {
                Ok([only]) if self.reader.forgives(Tolerance::SingularInArray) => Cow::Owned(only),
                Err(none) if none.is_empty() => return Ok(None),
                _ => return Err(several()),
            },
            one if one.is_null() => return Ok(None),
            one => one,
        };
        let one = self.reader.unwrapped(self.attribute, self.named, one)?;
        let names_parts = |given: &Map<String, Value>| given.keys().any(|key| self.reader.writes(self.attribute, key));
        match is_blank(&one) || one.as_object().is_some_and(|given| !names_parts(given)) {
            true => {
                self.reader.observe_unknown_parts(self.attribute, &one);
                Err(nameless(self.attribute, self.named))
            }
            false => Ok(Some(one)),
        }
    }

    /// Reads a new element.
    fn whole_one(&self, given: &Value) -> Result<Value, Error> {
        let element = self.reader.one(self.attribute, self.named, given)?;
        let element = element.filter(|element| names_something(self.attribute, element));
        element.ok_or_else(|| nameless(self.attribute, self.named))
    }

    /// RFC 7644 §3.5.2: a value made primary ends the primacy of the others; two made primary at once contradict.
    /// `old` are those that were primary before.
    fn one_primary(&self, old: &[Value], new: &mut [Value]) -> Result<(), Error> {
        if new.iter().filter(|element| is_primary(element)).count() < 2 {
            return Ok(());
        }
        let fresh: Vec<bool> = new.iter().map(|element| is_primary(element) && !old.contains(element)).collect();
        if fresh.iter().filter(|fresh| **fresh).count() != 1 {
            return Err(two_primaries(self.named));
        }
        for (element, fresh) in new.iter_mut().zip(fresh) {
            if !fresh
                && is_primary(element)
                && let Value::Object(element) = element
            {
                element.insert("primary".to_owned(), false.into());
            }
        }
        Ok(())
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Normalizes a complex value after a change: removes a `$ref` that belonged to another `value`. Returns `None` where
/// the value is empty or has nothing but its `type`.
pub(super) fn settled(attribute: &Attribute, old: Option<&Value>, mut new: Map<String, Value>) -> Option<Value> {
    let stale = old.is_some_and(|old| old.get("value") != new.get("value") && old.get("$ref") == new.get("$ref"));
    if stale && attribute.sub_attribute("$ref").is_some() {
        new.shift_remove("$ref");
    }
    let new = Value::Object(new);
    let named_something = old.is_some_and(|old| names_something(attribute, old));
    let empty = new.as_object().is_some_and(Map::is_empty);
    (!empty && (!named_something || names_something(attribute, &new))).then_some(new)
}

/// An element without one of its sub-attributes, if that value is listed; `None` where no value is left.
pub(super) fn without(
    attribute: &Attribute,
    element: Value,
    sub: &Attribute,
    listed: Option<&[Value]>,
) -> Option<Value> {
    let mut new = object(&element);
    match (new.get_mut(&sub.name), listed) {
        (None, _) => return Some(element),
        (Some(Value::Array(parts)), Some(_)) => parts.retain(|part| !is_listed(sub, listed, part)),
        (Some(part), _) if !is_listed(sub, listed, part) => return Some(element),
        (Some(part), _) => *part = Value::Null,
    }
    let empty = |part: &Value| part.is_null() || part.as_array().is_some_and(Vec::is_empty);
    if new.get(&sub.name).is_some_and(empty) {
        new.shift_remove(&sub.name);
    }
    settled(attribute, Some(&element), new)
}

/// The values that an element would need for the filter to select it.
pub(super) fn asked_for(
    attribute: &Attribute,
    named: Named<'_>,
    kind: OperationKind,
    selection: Selection<'_>,
    reader: &Reader<'_>,
) -> Result<Map<String, Value>, Error> {
    let no_target = || Error::NoTarget(format!("no value of {named} matches the filter of the operation's path"));
    if kind == OperationKind::Replace && !reader.forgives(Tolerance::CreateOnUnmatchedReplace) {
        return Err(no_target());
    }
    let mut element = Map::new();
    for (name, value) in equalities(selection.filter).ok_or_else(no_target)? {
        let Some(sub) = attribute.sub_attribute(name) else { continue };
        if let Some(value) = reader.attribute(sub, named.sub(sub), value)? {
            element.insert(sub.name.clone(), value);
        }
    }
    Ok(element)
}

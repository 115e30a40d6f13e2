//! Operations on the values of a multi-valued attribute, all of them or those that a filter selects (RFC 7644 §3.5.2).

use serde_json::{Map, Value};

use super::OperationKind;
use super::apply::settled;
use super::selection::{Selection, equalities};
use crate::error::Error;
use crate::resource::complete::{is_primary, two_primaries};
use crate::resource::value::{MAX_VALUES, Named, Reader};
use crate::schema::Attribute;
use crate::tolerance::Tolerance;

pub(super) struct Elements<'a> {
    pub attribute: &'a Attribute,
    pub named: Named<'a>,
    pub reader: &'a Reader<'a>,
}

impl Elements<'_> {
    /// The values after the operation.
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
            let primaries = elements.iter().filter(|element| is_primary(element)).count();
            if primaries > 1 { Err(two_primaries(self.named)) } else { Ok(elements) }
        };
        match kind {
            OperationKind::Replace => given(),
            OperationKind::Add => {
                for added in given()? {
                    match same(&mut old, &added) {
                        Some(there) => lay_over(there, added),
                        None => old.push(added),
                    }
                }
                Ok(old)
            }
            OperationKind::Remove if value.is_null() || !self.reader.forgives(Tolerance::RemoveListedValues) => {
                Ok(Vec::new())
            }
            OperationKind::Remove => {
                let listed = self.reader.elements(self.attribute, self.named, value)?;
                old.retain(|element| !listed.iter().any(|listed| self.describes(listed, element)));
                Ok(old)
            }
        }
    }

    /// `path: emails[type eq "work"]`, `emails[type eq "work"].value`, `emails.type`
    fn selected(
        &self,
        kind: OperationKind,
        mut old: Vec<Value>,
        sub: Option<&Attribute>,
        selection: Option<Selection<'_>>,
        value: &Value,
    ) -> Result<Vec<Value>, Error> {
        let selects = |element: &Value| selection.is_none_or(|selection| selection.predicate.matches_value(element));
        let selected: Vec<bool> = old.iter().map(selects).collect();
        let count = selected.iter().filter(|selected| **selected).count();
        let elements = |old: Vec<Value>| old.into_iter().zip(selected);
        if kind == OperationKind::Remove {
            let kept = elements(old).filter_map(|(element, selected)| match sub {
                _ if !selected => Some(element),
                None => None,
                Some(sub) => without(element, sub),
            });
            return Ok(kept.collect());
        }
        if count == 0 {
            old.extend(self.created(kind, sub, selection, value)?);
            return Ok(old);
        }
        let primary = sub.is_some_and(|sub| sub.name == "primary");
        let mut new = Vec::with_capacity(old.len());
        let mut replaced = false;
        for (element, selected) in elements(old) {
            if !selected {
                new.push(element);
                continue;
            }
            let changed = match (sub, kind) {
                (Some(sub), _) => self.with_sub(&element, sub, value)?,
                (None, OperationKind::Add) if element.is_object() => {
                    let given = self.only(value)?;
                    let laid = self.reader.complex(self.attribute, self.named, object(&element), given)?;
                    settled(self.attribute, Some(&element), laid)
                }
                // All matching values become the one given: once is enough.
                _ if replaced => None,
                _ => {
                    replaced = true;
                    self.reader.one(self.attribute, self.named, self.only(value)?)?
                }
            };
            if primary && count > 1 && changed.as_ref().is_some_and(is_primary) {
                return Err(two_primaries(self.named));
            }
            new.extend(changed);
        }
        Ok(new)
    }

    /// The element that a path without a match asks for: what its filter says it equals, and the value.
    fn created(
        &self,
        kind: OperationKind,
        sub: Option<&Attribute>,
        selection: Option<Selection<'_>>,
        value: &Value,
    ) -> Result<Option<Value>, Error> {
        let mut element = Map::new();
        if let Some(selection) = selection {
            let no_target =
                || Error::NoTarget(format!("no value of {} matches the filter of the operation's path", self.named));
            if kind == OperationKind::Replace && !self.reader.forgives(Tolerance::CreateOnUnmatchedReplace) {
                return Err(no_target());
            }
            for (name, value) in equalities(selection.filter).ok_or_else(no_target)? {
                let Some(sub) = self.attribute.sub_attribute(name) else { continue };
                if let Some(value) = self.reader.attribute(sub, self.named.sub(sub), value)? {
                    element.insert(sub.name.clone(), value);
                }
            }
        }
        let Some(sub) = sub else {
            let given = self.only(value)?;
            if self.attribute.sub_attributes.is_empty() || !given.is_object() {
                return self.reader.one(self.attribute, self.named, given);
            }
            let element = self.reader.complex(self.attribute, self.named, element, given)?;
            return Ok((!element.is_empty()).then_some(Value::Object(element)));
        };
        match self.reader.attribute(sub, self.named.sub(sub), self.unwrapped(sub, value))? {
            None => Ok(None),
            Some(value) => {
                element.insert(sub.name.clone(), value);
                Ok(Some(Value::Object(element)))
            }
        }
    }

    fn with_sub(&self, element: &Value, sub: &Attribute, value: &Value) -> Result<Option<Value>, Error> {
        let mut new = object(element);
        match self.reader.attribute(sub, self.named.sub(sub), self.unwrapped(sub, value))? {
            Some(value) => drop(new.insert(sub.name.clone(), value)),
            None => drop(new.shift_remove(&sub.name)),
        }
        Ok(settled(self.attribute, Some(element), new))
    }

    /// The one element that an operation on selected values brings.
    fn only<'v>(&self, value: &'v Value) -> Result<&'v Value, Error> {
        match value {
            Value::Array(elements) => match elements.as_slice() {
                [] => Ok(&Value::Null),
                [only] if self.reader.forgives(Tolerance::SingularInArray) => Ok(only),
                _ => {
                    Err(Error::InvalidValue(format!("{}: an operation on selected values takes one value", self.named)))
                }
            },
            one => Ok(one),
        }
    }

    /// `"x"` of `[{"value": "x"}]`: some clients send the element where a sub-attribute is asked for.
    fn unwrapped<'v>(&self, sub: &Attribute, value: &'v Value) -> &'v Value {
        let one = match value {
            Value::Array(elements) if elements.len() == 1 => elements.first().unwrap_or(value),
            one => one,
        };
        match one.as_object().and_then(|element| element.get(&sub.name)) {
            Some(part) if self.reader.forgives(Tolerance::ElementForSubAttribute) => part,
            _ => value,
        }
    }

    /// Whether a listed value means this element: everything it says is so there.
    fn describes(&self, listed: &Value, element: &Value) -> bool {
        let same = |attribute: &Attribute, left: &Value, right: &Value| match (left, right) {
            (Value::String(left), Value::String(right)) if !attribute.case_exact => {
                left.to_lowercase() == right.to_lowercase()
            }
            _ => left == right,
        };
        match listed {
            Value::Object(listed) => listed.iter().all(|(name, said)| {
                let sub = self.attribute.sub_attribute(name);
                sub.zip(element.get(name)).is_some_and(|(sub, there)| same(sub, said, there))
            }),
            simple => same(self.attribute, simple, element),
        }
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

fn without(element: Value, sub: &Attribute) -> Option<Value> {
    let Value::Object(mut object) = element else { return None };
    object.shift_remove(&sub.name);
    (!object.is_empty()).then_some(Value::Object(object))
}

/// The element that an added one is laid over: one with the same `value` and `type` (RFC 7643 §2.4), or else an equal one.
fn same<'e>(elements: &'e mut [Value], added: &Value) -> Option<&'e mut Value> {
    let Some(value) = added.get("value") else { return elements.iter_mut().find(|there| *there == added) };
    let kind = added.get("type");
    elements.iter_mut().find(|there| there.get("value") == Some(value) && there.get("type") == kind)
}

fn lay_over(there: &mut Value, added: Value) {
    if let (Value::Object(there), Value::Object(added)) = (there, added) {
        there.extend(added);
    }
}

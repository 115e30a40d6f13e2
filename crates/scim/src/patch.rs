//! PATCH (RFC 7644 §3.5.2): a list of operations, applied in order, all or none.
//!
//! [`PatchRequest::parse`] reads the message without a schema; `apply` looks up every path and edits a copy of the
//! document. Members of a group are not in the document. Operations on them are collected in a `MembershipEdit`, so a
//! PATCH of one member costs the same in a group of any size.
//!
//! Where the RFC leaves a choice:
//!
//! - `remove` of what is not there succeeds and changes nothing.
//! - `replace` of a complex attribute keeps the sub-attributes it does not name (§3.5.2.3), except a `$ref` that would
//!   point to what `value` no longer names.
//! - `add` of a value whose `type` and `value` are there already is laid over it (RFC 7643 §2.4: the same pair only once).
//! - Inside a value without a path, attributes that only the service provider sets (`id`, `meta`, `groups`, `schemas`)
//!   are ignored; as a path they are refused.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::query::filter::{Filter, Operator};
use crate::query::path::AttributePath;
use crate::resource::Id;
use crate::tolerance::{Tolerance, ToleranceTracker, Tolerances};
use crate::urn;

pub(crate) mod apply;
mod elements;
mod membership;
#[cfg(test)]
mod properties;
mod removal;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod reports_removal;
#[cfg(test)]
mod reports_shapes;
mod selection;
#[cfg(test)]
mod tests;

/// The most operations of one request.
pub const MAX_OPERATIONS: usize = 5000;

/// A PATCH as written; its names are not looked up yet.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchRequest {
    /// The operations, in the order in which they apply.
    pub operations: Vec<Operation>,
    /// The tolerances without which the body is not a PATCH.
    pub(crate) needs: Tolerances,
}

impl PatchRequest {
    /// What its operations name as values, or compare with in their paths, as far as it can be an id: those whom the change of a group may
    /// be about. None where they are more than so many.
    pub fn named(&self, most: usize) -> Vec<Id> {
        let mut named = BTreeSet::new();
        for Operation { path, value, .. } in &self.operations {
            value.iter().for_each(|value| named_in(value, &mut named));
            path.iter().filter_map(|path| path.filter.as_ref()).for_each(|filter| compared_in(filter, &mut named));
            if named.len() > most {
                return Vec::new();
            }
        }
        named.into_iter().collect()
    }
}

fn named_in(value: &Value, named: &mut BTreeSet<Id>) {
    match value {
        Value::String(text) => named.extend(Id::new(text.as_str())),
        Value::Array(values) => values.iter().for_each(|value| named_in(value, named)),
        Value::Object(members) => {
            for (name, value) in members {
                if name.eq_ignore_ascii_case("value") || value.is_array() || value.is_object() {
                    named_in(value, named);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn compared_in(filter: &Filter, named: &mut BTreeSet<Id>) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| compared_in(part, named)),
        Filter::Compare(_, Operator::Eq, value) => named_in(value, named),
        Filter::Not(_) | Filter::Present(_) | Filter::Compare(..) | Filter::Some(_) => {}
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// `op`
    pub kind: OperationKind,
    /// `path`
    pub path: Option<AttributePath>,
    /// `value`
    pub value: Option<Value>,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // RFC 7644 §3.5.2.1 to §3.5.2.3
pub enum OperationKind {
    Add,
    Remove,
    Replace,
}

impl PatchRequest {
    /// Reads the message for any client. Applying it refuses it where the client's tolerances do not allow
    /// its form.
    pub fn parse(body: &Value) -> Result<PatchRequest, Error> {
        let Value::Object(body) = body else {
            return Err(syntax("The body is a PatchOp as a JSON object."));
        };
        let schemas = member(body, "schemas").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if !schemas.iter().filter_map(Value::as_str).any(|schema| urn::same(schema, urn::PATCH_OP)) {
            return Err(syntax(&format!("A PATCH has \"schemas\": [\"{}\"].", urn::PATCH_OP)));
        }
        let operations = match member(body, "Operations") {
            Some(Value::Array(operations)) => operations,
            _ => return Err(syntax("A PATCH has \"Operations\", an array of operations.")),
        };
        if operations.len() > MAX_OPERATIONS {
            return Err(Error::TooLarge(format!("A PATCH has at most {MAX_OPERATIONS} operations; send several.")));
        }
        let mut needs = Tolerances::NONE;
        if operations.is_empty() {
            needs = needs.with(Tolerance::EmptyOperations);
        }
        let operations = operations.iter().map(|operation| Operation::parse(operation, &mut needs));
        Ok(PatchRequest { operations: operations.collect::<Result<_, _>>()?, needs })
    }

    /// Refuses a message whose form this client is not forgiven.
    pub(crate) fn check(&self, leniency: &ToleranceTracker) -> Result<(), Error> {
        match self.needs.iter().find(|needed| !leniency.forgives(*needed)) {
            None => Ok(()),
            Some(Tolerance::EmptyOperations) => Err(syntax("Operations is empty; send at least one operation.")),
            Some(_) => Err(syntax("The \"op\" of an operation is \"add\", \"remove\" or \"replace\", in lower case.")),
        }
    }
}

impl Operation {
    fn parse(operation: &Value, needs: &mut Tolerances) -> Result<Operation, Error> {
        let Value::Object(operation) = operation else {
            return Err(syntax("An operation is an object with \"op\", \"path\" and \"value\"."));
        };
        let kind = member(operation, "op").and_then(Value::as_str).unwrap_or_default();
        let folded = kind.to_ascii_lowercase();
        if folded != kind {
            *needs = needs.with(Tolerance::OperationsInAnyCase);
        }
        let kind = match folded.as_str() {
            "add" => OperationKind::Add,
            "remove" => OperationKind::Remove,
            "replace" => OperationKind::Replace,
            _ => return Err(syntax("The \"op\" of an operation is \"add\", \"remove\" or \"replace\".")),
        };
        let path = match member(operation, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) if path.trim().is_empty() => None,
            Some(Value::String(path)) => Some(path.parse()?),
            Some(_) => return Err(Error::InvalidPath("The \"path\" of an operation is a string.".to_owned())),
        };
        let value = member(operation, "value").cloned();
        match (kind, &path, &value) {
            (OperationKind::Remove, None, _) => Err(Error::NoTarget(
                "A remove operation needs a \"path\" that says what to remove, such as members[value eq \"…\"]."
                    .to_owned(),
            )),
            (OperationKind::Add | OperationKind::Replace, _, None) => {
                Err(syntax("An add or replace operation needs a \"value\"."))
            }
            (OperationKind::Add | OperationKind::Replace, None, Some(value)) if !value.is_object() => {
                Err(syntax("An operation without a \"path\" needs an object of attributes as its \"value\"."))
            }
            _ => Ok(Operation { kind, path, value }),
        }
    }
}

fn member<'b>(object: &'b Map<String, Value>, name: &str) -> Option<&'b Value> {
    object.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn syntax(detail: &str) -> Error {
    Error::InvalidSyntax(detail.to_owned())
}

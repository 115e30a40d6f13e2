//! Names in a PATCH that are no attributes as they stand: what they mean, or that they are ignored.

use serde_json::{Map, Value};

use super::{Patcher, Target, is_extension_of, misplaced};
use crate::error::Error;
use crate::patch::OperationKind;
use crate::patch::selection::Selection;
use crate::query::path::AttributePath;
use crate::resource::document::is_ours;
use crate::resource::reader::Named;
use crate::schema::{Attribute, Mutability, Type};
use crate::tolerance::Tolerance;

impl<'r> Patcher<'r, '_> {
    /// Applies a member whose name is no attribute: a path, an unknown extension, or an unknown name.
    pub(super) fn path_key(&mut self, kind: OperationKind, key: &str, value: &Value) -> Result<(), Error> {
        let Ok(path) = key.parse::<AttributePath>() else { return self.unknown(key) };
        let resolved = path.resolve_for(self.resource_type, self.reader.leniency);
        let Some(resolved) = resolved.inspect_err(|_| self.blame_path(&path))? else {
            return match self.extension_like(&path, value) {
                Some((urn, members)) => {
                    self.each(members, |patcher, key, value| patcher.misplaced(kind, &urn, key, value))
                }
                None => self.unknown(key),
            };
        };
        let Some(attribute) = resolved.attribute else { return self.unknown(key) };
        if !self.reader.forgives(Tolerance::PathsAsKeys) {
            self.reader.observations.arrived(resolved.sub.unwrap_or(attribute), value);
            self.blames(attribute);
            let shortened: String = key.chars().take(200).collect();
            return Err(Error::InvalidSyntax(format!(
                "{shortened} is a path, and no name of an attribute: send it as the \"path\" of an operation."
            )));
        }
        let sub_is_ours = resolved.sub.is_some_and(|sub| sub.mutability == Mutability::ReadOnly);
        if is_ours(resolved.extension, attribute) || sub_is_ours {
            return self.ours(Named::new(resolved.extension, attribute), attribute, value);
        }
        let selection = match (&path.filter, &resolved.filter) {
            (Some(filter), Some(predicate)) => Some(Selection { filter, predicate }),
            _ => None,
        };
        let target = Target { extension: resolved.extension, attribute, sub: resolved.sub, selection };
        self.at(kind, &target, value)
    }

    pub(super) fn unknown(&self, key: &str) -> Result<(), Error> {
        self.reader.observations.ignore(key);
        Ok(())
    }

    /// An error is about this attribute.
    pub(super) fn blames(&self, attribute: &Attribute) {
        self.reader.observations.clear_blame();
        self.reader.observations.blame(attribute);
    }

    /// An error is about the attribute of a path that cannot be used.
    pub(super) fn blame_path(&self, path: &AttributePath) {
        let extension = path.urn.as_deref().and_then(|urn| self.resource_type.extension(urn));
        let attribute = match extension {
            Some(extension) => extension.attribute(&path.name),
            None => self.resource_type.attribute(&path.name),
        };
        match attribute {
            Some(attribute) => self.blames(attribute),
            None => self.reader.observations.blame_unknown(path),
        }
    }

    /// The path that the client meant by one that does not resolve: `active` for `active.value`, and no path for the
    /// URN of the resource's own schema.
    pub(super) fn meant_path(&self, path: &AttributePath, kind: OperationKind) -> Option<Option<AttributePath>> {
        let AttributePath { urn, name, filter, sub } = path;
        if kind == OperationKind::Remove {
            return None; // of a part that is not there: never the whole
        }
        let whole = format!("{}:{name}", urn.as_deref().unwrap_or_default());
        if filter.is_none() && sub.is_none() && whole.eq_ignore_ascii_case(&self.resource_type.schema.id) {
            return self.reader.forgives(Tolerance::OwnAttributesInExtensions).then_some(None);
        }
        let without = sub.as_ref().filter(|sub| sub.eq_ignore_ascii_case("value")).map(|_| None)?;
        let meant = AttributePath { sub: without, ..path.clone() };
        let attribute = meant.resolve_for(self.resource_type, self.reader.leniency).ok()??.attribute?;
        let simple = attribute.r#type != Type::Complex;
        (simple && self.reader.forgives(Tolerance::ElementForSubAttribute)).then_some(Some(meant))
    }

    /// The URN and the members of a value for an extension that the resource type does not have.
    pub(super) fn extension_like<'v>(
        &self,
        path: &AttributePath,
        value: &'v Value,
    ) -> Option<(String, &'v Map<String, Value>)> {
        let plain = path.filter.is_none() && path.sub.is_none();
        let urn = format!("{}:{}", path.urn.as_ref().filter(|_| plain)?, path.name);
        let known = is_extension_of(&urn, self.resource_type);
        known.then_some(value.as_object()).flatten().map(|members| (urn, members))
    }

    /// A member of such a value: one of our attributes, or ignored.
    pub(super) fn misplaced(&mut self, kind: OperationKind, urn: &str, key: &str, value: &Value) -> Result<(), Error> {
        match misplaced(self.resource_type, urn, key, self.reader.leniency) {
            Some(attribute) => self.inner(kind, None, attribute, value),
            None => self.unknown(&format!("{urn}:{key}")),
        }
    }

    /// Handles a readOnly attribute inside a value.
    pub(super) fn ours(&self, named: Named<'_>, attribute: &Attribute, value: &Value) -> Result<(), Error> {
        self.reader.observations.arrived(attribute, value);
        if self.reader.forgives(Tolerance::ReadOnlyInValues) {
            return Ok(());
        }
        self.blames(attribute);
        Err(Error::Mutability(format!("{named} is readOnly: leave it out of the value")))
    }
}

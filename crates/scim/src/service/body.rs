//! Reads the body of a POST or PUT (RFC 7644 §3.3, §3.5.1) into a document.
//!
//! `id`, `meta` and other readOnly attributes, unknown attributes and unknown schema URNs are ignored, never refused.
//! Of two keys that differ only in letter case the last one counts. Write-only attributes (`password`) are validated
//! and dropped: they are not part of a resource.

use serde_json::{Map, Value};

use crate::error::Error;
use crate::observations::Observations;
use crate::patch::apply::lay_paths;
use crate::resource::absence::{says_nothing, unassigns};
use crate::resource::document::{assign, assigned, is_ours};
use crate::resource::locate::{Place, is_extension_of, locate, misplaced};
use crate::resource::meant::{Listed, nameless, names_something};
use crate::resource::members::NamedMembers;
use crate::resource::reader::{Named, Reader};
use crate::resource::role::primary_role;
use crate::schema::{Attribute, Mutability, Relation, ResourceType, Schema};
use crate::tolerance::{Tolerance, ToleranceTracker};
use crate::urn::{self, Scim1};

/// A resource as the client describes it, before defaults and requirements.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub attributes: Map<String, Value>,
    /// The members; `None` where the body does not mention them.
    pub members: Option<NamedMembers>,
    /// Multi-valued attributes whose elements all lack a value, each with the URN of its extension.
    nameless: Vec<(Option<String>, String)>,
}

impl Draft {
    /// Reads a body.
    pub(crate) fn read(body: &Value, resource_type: &ResourceType, reader: &Reader<'_>) -> Result<Draft, Error> {
        let Value::Object(body) = body else {
            return Err(Error::InvalidSyntax(format!("The body is a {} as a JSON object.", resource_type.name)));
        };
        let mut draft = Draft::default();
        let mut later = Later::default();
        let mut keys = body.iter();
        let read = check_schemas(body, resource_type, reader.leniency)
            .and_then(|()| {
                keys.try_for_each(|(key, given)| draft.put_key(resource_type, key, given, reader, &mut later))
            })
            .and_then(|()| later.put(&mut draft, resource_type, reader));
        if let Err(error) = read {
            observe_rest(keys, &later, resource_type, reader);
            return Err(error);
        }
        draft.attributes.retain(|_, value| !value.as_object().is_some_and(Map::is_empty));
        if draft.attributes.get("role").is_none()
            && let Some((attribute, role)) = primary_role(&draft.attributes, resource_type, reader)
        {
            assign(&mut draft.attributes, None, attribute, Some(role));
        }
        Ok(draft)
    }

    /// Reads one member of the body, or keeps it for later.
    fn put_key<'b>(
        &mut self,
        resource_type: &'b ResourceType,
        key: &'b str,
        given: &'b Value,
        reader: &Reader<'_>,
        later: &mut Later<'b>,
    ) -> Result<(), Error> {
        let Some(located) = locate(resource_type, key) else {
            later.keep(resource_type, None, key, given);
            return Ok(());
        };
        let place = located.forgiven(key, reader.leniency).inspect_err(|_| {
            if let Place::Attribute(_, attribute) = located.place {
                reader.observations.arrived(attribute, given);
                reader.observations.clear_blame();
                reader.observations.blame(attribute);
            }
        })?;
        match place {
            Place::Attribute(extension, attribute) => self.put(extension, attribute, given, reader)?,
            Place::Extension(extension) => {
                let unknown = self.put_all(Some(extension), &extension.attributes, &extension.id, given, reader)?;
                unknown.into_iter().for_each(|(key, given)| {
                    later.keep(resource_type, Some(extension), key, given);
                });
            }
            Place::Core => {
                let schema = &resource_type.schema;
                for (key, _) in self.put_all(None, &schema.attributes, &schema.id, given, reader)? {
                    reader.observations.ignore(format_args!("{}:{key}", schema.id));
                }
            }
        }
        Ok(())
    }

    /// The `userName` and `externalId` of a body, even where the rest of it has errors.
    pub(crate) fn names(body: &Value, resource_type: &ResourceType, reader: &Reader<'_>) -> Map<String, Value> {
        let is_name = |attribute: &Attribute| ["userName", "externalId"].contains(&attribute.name.as_str());
        let mut draft = Draft::default();
        let mut put = |attribute: &Attribute, given| drop(draft.put(None, attribute, given, reader));
        for (key, given) in body.as_object().into_iter().flatten() {
            match locate(resource_type, key).map(|located| located.place) {
                Some(Place::Attribute(None, attribute)) if is_name(attribute) => put(attribute, given),
                Some(Place::Core) => {
                    for (key, given) in given.as_object().into_iter().flatten() {
                        let name = resource_type.schema.attribute(key).filter(|attribute| is_name(attribute));
                        name.into_iter().for_each(|attribute| put(attribute, given));
                    }
                }
                _ => {}
            }
        }
        draft.attributes
    }

    /// Reads the attributes of one schema, and returns the members that the schema does not have.
    fn put_all<'b>(
        &mut self,
        extension: Option<&Schema>,
        attributes: &[Attribute],
        urn: &str,
        given: &'b Value,
        reader: &Reader<'_>,
    ) -> Result<Vec<(&'b str, &'b Value)>, Error> {
        let given = match given {
            Value::Object(given) => given,
            Value::Null => return Ok(Vec::new()),
            Value::String(text) if text.is_empty() => return Ok(Vec::new()),
            _ => return Err(Error::InvalidValue(format!("{urn} is an object of the extension's attributes"))),
        };
        let mut unknown = Vec::new();
        for (key, given) in given {
            match attributes.iter().find(|a| a.name.eq_ignore_ascii_case(key)) {
                Some(attribute) => self.put(extension, attribute, given, reader)?,
                None => unknown.push((key.as_str(), given)),
            }
        }
        Ok(unknown)
    }

    fn put(
        &mut self,
        extension: Option<&Schema>,
        attribute: &Attribute,
        given: &Value,
        reader: &Reader<'_>,
    ) -> Result<(), Error> {
        let observations = reader.observations;
        observations.arrived(attribute, given);
        observations.clear_blame();
        self.put_value(extension, attribute, given, reader).inspect_err(|_| observations.blame(attribute))
    }

    fn put_value(
        &mut self,
        extension: Option<&Schema>,
        attribute: &Attribute,
        given: &Value,
        reader: &Reader<'_>,
    ) -> Result<(), Error> {
        if is_ours(extension, attribute) {
            return Ok(());
        }
        if attribute.relation == Some(Relation::Members) {
            self.members = Some(NamedMembers::read(given, attribute, reader)?);
            return Ok(());
        }
        let named = Named::new(extension, attribute);
        if attribute.absence_grants && says_nothing(given) {
            return Err(reader.nothing_left(attribute, named));
        }
        let read = if attribute.multi_valued {
            reader.elements(attribute, named, given).map(|Listed { values, nothing, .. }| {
                if values.is_empty() && nothing {
                    self.nameless.push((extension.map(|extension| extension.id.clone()), attribute.name.clone()));
                }
                (!values.is_empty()).then_some(Value::Array(values))
            })
        } else {
            let read = reader.single(attribute, named, given);
            let names_nothing =
                || reader.lone(attribute, named, given).is_ok_and(|g| reader.names_no_part(attribute, &g));
            if matches!(read, Ok(None)) && names_nothing() {
                self.nameless.push((extension.map(|extension| extension.id.clone()), attribute.name.clone()));
            }
            read
        };
        let value = read.or_else(|error| reader.repeated_whole(named, given).map(Some).ok_or(error))?;
        if value.is_none() && attribute.absence_grants && !unassigns(given) {
            return Err(reader.nothing_left(attribute, named));
        }
        if attribute.mutability != Mutability::WriteOnly {
            assign(&mut self.attributes, extension, attribute, value);
        }
        Ok(())
    }

    /// Refuses to clear stored values by a value, or by elements, that name nothing.
    pub(crate) fn check_nameless(
        &self,
        stored: &Map<String, Value>,
        resource_type: &ResourceType,
        observations: &Observations,
    ) -> Result<(), Error> {
        for (urn, name) in &self.nameless {
            let extension = urn.as_ref().and_then(|urn| resource_type.extension(urn));
            let attribute = match extension {
                Some(extension) => extension.attribute(name),
                None => resource_type.schema.attribute(name),
            };
            let Some(attribute) = attribute else { continue };
            let elements = match assigned(stored, extension, attribute) {
                Some(Value::Array(elements)) => elements.as_slice(),
                Some(one) => std::slice::from_ref(one),
                None => &[],
            };
            if elements.iter().any(|element| names_something(attribute, element)) {
                observations.clear_blame();
                observations.blame(attribute);
                return Err(nameless(attribute, Named::new(extension, attribute)));
            }
        }
        Ok(())
    }
}

/// Members that are read after all others, so that an attribute under its own name takes precedence.
#[derive(Default)]
struct Later<'b> {
    /// Keys that are not names. Those below an extension are resolved inside it.
    keys: Vec<(Option<&'b Schema>, &'b str, &'b Value)>,
    /// Attributes below the URN of an extension that lacks them: the URN, the name, the value.
    misplaced: Vec<(&'b str, &'b str, &'b Value)>,
}

impl<'b> Later<'b> {
    fn keep(&mut self, resource_type: &ResourceType, within: Option<&'b Schema>, key: &'b str, given: &'b Value) {
        match (within, given) {
            (Some(extension), _) if resource_type.schema.attribute(key).is_some() => {
                self.misplaced.push((&extension.id, key, given));
            }
            (None, Value::Object(members)) if is_extension_of(key, resource_type) => {
                self.misplaced.extend(members.iter().map(|(name, given)| (key, name.as_str(), given)));
            }
            _ => self.keys.push((within, key, given)),
        }
    }

    fn put(&self, draft: &mut Draft, resource_type: &ResourceType, reader: &Reader<'_>) -> Result<(), Error> {
        for member in &self.misplaced {
            put_misplaced(draft, member, resource_type, reader)?;
        }
        if self.keys.is_empty() {
            return Ok(());
        }
        lay_paths(&mut draft.attributes, &self.keys, resource_type, reader)
    }
}

fn put_misplaced(
    draft: &mut Draft,
    &(urn, name, given): &(&str, &str, &Value),
    resource_type: &ResourceType,
    reader: &Reader<'_>,
) -> Result<(), Error> {
    match misplaced(resource_type, urn, name, reader.leniency) {
        Some(attribute) if !draft.attributes.contains_key(&attribute.name) => draft.put(None, attribute, given, reader),
        _ => {
            reader.observations.ignore(format_args!("{urn}:{name}"));
            Ok(())
        }
    }
}

/// Observes the rest of a body that is refused: each attribute by itself, so that no error hides another attribute.
fn observe_rest<'b>(
    rest: impl Iterator<Item = (&'b String, &'b Value)>,
    later: &Later<'b>,
    resource_type: &'b ResourceType,
    reader: &Reader<'_>,
) {
    reader.observations.aside(|| {
        let leniency = reader.leniency.clone();
        let reader = &Reader { leniency: &leniency, ..*reader };
        let (mut draft, mut last) = (Draft::default(), Later::default());
        for (key, given) in rest {
            let _ = draft.put_key(resource_type, key, given, reader, &mut last);
        }
        for member in later.misplaced.iter().chain(&last.misplaced) {
            let _ = put_misplaced(&mut draft, member, resource_type, reader);
        }
        for key in later.keys.iter().chain(&last.keys) {
            let _ = lay_paths(&mut draft.attributes, std::slice::from_ref(key), resource_type, reader);
        }
    });
}

/// Checks that `schemas` names the core schema (RFC 7643 §3). Order, repetitions and unknown URNs do not matter.
fn check_schemas(
    body: &Map<String, Value>,
    resource_type: &ResourceType,
    leniency: &ToleranceTracker,
) -> Result<(), Error> {
    let base = &resource_type.schema.id;
    let refused = |why: &str| {
        Err(Error::InvalidSyntax(format!("schemas {why}; a {} has \"schemas\": [\"{base}\"].", resource_type.name)))
    };
    let given = body.iter().rfind(|(key, _)| key.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
    let urns = match given {
        None | Some(Value::Null) => &[],
        Some(Value::Array(urns)) => urns.as_slice(),
        Some(one @ Value::String(_)) if leniency.forgives(Tolerance::ElementWithoutArray) => std::slice::from_ref(one),
        Some(_) => return refused("is not an array of URNs"),
    };
    if urns.iter().any(|urn| !urn.is_string()) {
        return refused("contains what is not a string");
    }
    if urns.is_empty() {
        return if leniency.forgives(Tolerance::AbsentSchemas) { Ok(()) } else { refused("is missing") };
    }
    let mut urns = urns.iter().filter_map(Value::as_str);
    if urns.clone().any(|urn| urn::same(urn, base)) {
        return Ok(());
    }
    let of_something_else = |urn: &str| {
        let urn = urn.to_ascii_lowercase();
        urn.starts_with("urn:ietf:params:scim:schemas:core:2.0:") || urn.starts_with("urn:ietf:params:scim:api:")
    };
    let of_scim_1 = urns.clone().any(|urn| Scim1::of(urn) == Some(Scim1::Core));
    if urns.any(of_something_else) {
        return refused("does not name the resource's own schema");
    }
    if of_scim_1 && leniency.would_forgive(Tolerance::Scim1Urns) && leniency.forgives(Tolerance::Scim1Urns) {
        return Ok(());
    }
    if leniency.forgives(Tolerance::ForeignSchemas) {
        return Ok(());
    }
    refused("does not name the resource's own schema")
}

#[cfg(test)]
mod tests;

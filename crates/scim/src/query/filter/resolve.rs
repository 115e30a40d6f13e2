//! Resolves the names of filters and paths to attributes that exist and can be compared (RFC 7644 §3.4.2.2).

use std::cell::RefCell;

use serde_json::Value;

use super::compare::Literal;
use super::misnamed::undotted;
use super::refusals::{
    beside_brackets, complex_needs_sub, unanswerable, unfit_literal, unfit_operator, unknown, unknown_anywhere,
    unknown_sub,
};
use super::target::{Datum, Origin, Target};
use super::{Filter, Node, Operator, Predicate, Question, Test};
use crate::error::Error;
use crate::query::path::{AttributePath, ResolvedPath};
use crate::resource::locate::misplaced;
use crate::schema::AttributeKey;
use crate::schema::{Attribute, Mutability, Relation, ResourceType, Schema, Type, common};
use crate::tolerance::{Tolerance, ToleranceTracker};
use crate::urn;

/// Resolves a filter for one resource type.
pub(super) fn filter(
    filter: &Filter,
    resource_type: &ResourceType,
    leniency: &ToleranceTracker,
) -> Result<Node, Error> {
    Place { resource_type, element: None, leniency, missing: None }.node(filter)
}

/// Resolves a filter for several resource types.
pub(super) fn among(
    filter: &Filter,
    resource_types: &[&ResourceType],
    leniency: &ToleranceTracker,
) -> Result<Vec<Node>, Error> {
    let mut nodes = Vec::with_capacity(resource_types.len());
    let mut in_none: Option<Vec<String>> = None;
    for resource_type in resource_types {
        let missing = RefCell::default();
        nodes.push(Place { resource_type, element: None, leniency, missing: Some(&missing) }.node(filter)?);
        let missing: Vec<String> = missing.into_inner();
        in_none = Some(match in_none {
            None => missing,
            Some(names) => names.into_iter().filter(|name| missing.contains(name)).collect(),
        });
    }
    match in_none.unwrap_or_default().first() {
        None => Ok(nodes),
        Some(name) => Err(unknown_anywhere(name)),
    }
}

impl AttributePath {
    /// Looks the path up; names compare without regard to case. `Ok(None)` where there is no such attribute.
    pub fn resolve<'r>(&self, resource_type: &'r ResourceType) -> Result<Option<ResolvedPath<'r>>, Error> {
        self.resolve_for(resource_type, &ToleranceTracker::generous())
    }

    /// Like [`resolve`](Self::resolve), within the tolerances of one client.
    pub fn resolve_for<'r>(
        &self,
        resource_type: &'r ResourceType,
        leniency: &ToleranceTracker,
    ) -> Result<Option<ResolvedPath<'r>>, Error> {
        path(self, resource_type, leniency)
    }
}

/// Resolves a path; `None` where there is no such attribute.
fn path<'r>(
    path: &AttributePath,
    resource_type: &'r ResourceType,
    leniency: &ToleranceTracker,
) -> Result<Option<ResolvedPath<'r>>, Error> {
    if let Some(found) = written(path, resource_type, leniency)? {
        return Ok(Some(found));
    }
    if let Some(undotted) = undotted(path, resource_type)
        && let Some(found) = written(&undotted, resource_type, leniency)?
        && leniency.forgives(Tolerance::DottedUrns)
    {
        return Ok(Some(found));
    }
    let urn = path.urn.as_deref();
    if urn.and_then(|urn| misplaced(resource_type, urn, &path.name, leniency)).is_none() {
        return Ok(None);
    }
    written(&AttributePath { urn: None, ..path.clone() }, resource_type, leniency)
}

/// Resolves a path exactly as written.
fn written<'r>(
    path: &AttributePath,
    resource_type: &'r ResourceType,
    leniency: &ToleranceTracker,
) -> Result<Option<ResolvedPath<'r>>, Error> {
    let found = find(path, resource_type).map_err(|error| Error::InvalidPath(error.detail()))?;
    let Some(found) = found else { return Ok(None) };
    let Some(attribute) = found.attribute else {
        let plain = path.filter.is_none() && path.sub.is_none();
        return Ok(plain.then_some(ResolvedPath {
            extension: found.extension,
            attribute: None,
            filter: None,
            sub: None,
        }));
    };
    let sub = match &path.sub {
        None => None,
        Some(name) => match attribute.sub_attribute(name) {
            None => return Ok(None),
            found => found,
        },
    };
    let filter = match &path.filter {
        None => None,
        Some(filter) => Some(Predicate(element(found.extension, attribute, resource_type, leniency)?.node(filter)?)),
    };
    Ok(Some(ResolvedPath { extension: found.extension, attribute: Some(attribute), filter, sub }))
}

/// A path without brackets, resolved down to comparable values.
pub(crate) struct Leaf<'r> {
    pub(crate) target: Target,
    pub(crate) definition: &'r Attribute,
    /// The key of the attribute in the index, if it is indexed.
    pub(crate) index: Option<AttributeKey>,
}

/// Resolves the attribute that a list is sorted by.
pub(crate) fn leaf<'r>(path: &AttributePath, resource_type: &'r ResourceType) -> Result<Option<Leaf<'r>>, Error> {
    let Some(found) = find(path, resource_type)? else { return Ok(None) };
    let Some(attribute) = found.attribute else { return Ok(None) };
    let sub = match &path.sub {
        Some(name) => match attribute.sub_attribute(name) {
            None => return Ok(None),
            sub => sub,
        },
        None if attribute.r#type == Type::Complex => match attribute.sub_attribute("value") {
            None => return Err(complex_needs_sub(attribute)),
            sub => sub,
        },
        None => None,
    };
    let definition = sub.unwrap_or(attribute);
    let Some(origin) = origin(found.extension, attribute, sub, resource_type) else {
        return Err(unanswerable(definition, attribute));
    };
    let index = index(resource_type, found.extension, attribute, sub);
    Ok(Some(Leaf { target: target(origin, sub), definition, index }))
}

struct Found<'r> {
    extension: Option<&'r Schema>,
    /// `None`: the extension as a whole.
    attribute: Option<&'r Attribute>,
}

/// Looks up everything before the bracket. An unqualified name that two extensions have is an error.
fn find<'r>(path: &AttributePath, resource_type: &'r ResourceType) -> Result<Option<Found<'r>>, Error> {
    if let Some(urn) = &path.urn {
        if urn::same(urn, &resource_type.schema.id) {
            let attribute = resource_type.attribute(&path.name);
            return Ok(attribute.map(|attribute| Found { extension: None, attribute: Some(attribute) }));
        }
        if let Some(schema) = resource_type.extension(urn) {
            let attribute = schema.attribute(&path.name);
            return Ok(attribute.map(|attribute| Found { extension: Some(schema), attribute: Some(attribute) }));
        }
        let whole = format!("{urn}:{}", path.name);
        return Ok(resource_type.extension(&whole).map(|schema| Found { extension: Some(schema), attribute: None }));
    }
    if let Some(attribute) = resource_type.attribute(&path.name) {
        return Ok(Some(Found { extension: None, attribute: Some(attribute) }));
    }
    let mut candidates = resource_type
        .extensions
        .iter()
        .filter_map(|(schema, _)| schema.attribute(&path.name).map(|attribute| (schema, attribute)));
    match (candidates.next(), candidates.next()) {
        (None, _) => Ok(None),
        (Some((schema, attribute)), None) => Ok(Some(Found { extension: Some(schema), attribute: Some(attribute) })),
        (Some((one, attribute)), Some((two, _))) => Err(Error::InvalidFilter(format!(
            "More than one extension has the attribute {name}: write {one}:{name} or {two}:{name}",
            name = attribute.name,
            one = one.id,
            two = two.id
        ))),
    }
}

/// Where the names of a filter are looked up.
struct Place<'r> {
    resource_type: &'r ResourceType,
    /// Inside the brackets of a value path: the attribute that they follow.
    element: Option<(Option<&'r Schema>, &'r Attribute)>,
    leniency: &'r ToleranceTracker,
    /// Collects names that the resource type lacks; `None` where such a name is an error.
    missing: Option<&'r RefCell<Vec<String>>>,
}

fn element<'r>(
    extension: Option<&'r Schema>,
    attribute: &'r Attribute,
    resource_type: &'r ResourceType,
    leniency: &'r ToleranceTracker,
) -> Result<Place<'r>, Error> {
    if attribute.r#type != Type::Complex && !attribute.multi_valued {
        return Err(Error::InvalidFilter(format!(
            "{name} has a single value, so there is nothing to choose in brackets: write {name} alone",
            name = attribute.name
        )));
    }
    Ok(Place { resource_type, element: Some((extension, attribute)), leniency, missing: None })
}

/// A resolved attribute with everything that a condition on it needs.
struct Resolved<'r> {
    extension: Option<&'r Schema>,
    attribute: &'r Attribute,
    sub: Option<&'r Attribute>,
}

impl<'r> Place<'r> {
    fn node(&self, filter: &Filter) -> Result<Node, Error> {
        match filter {
            Filter::And(parts) => parts.iter().map(|part| self.node(part)).collect::<Result<_, _>>().map(Node::All),
            Filter::Or(parts) => parts.iter().map(|part| self.node(part)).collect::<Result<_, _>>().map(Node::Any),
            Filter::Not(inner) => self.node(inner).map(|inner| Node::Not(Box::new(inner))),
            Filter::Present(path) => self.ask(path, Asked::Present),
            // `eq null` and `ne null`: unassigned and null are one state (RFC 7643 §2.5)
            Filter::Compare(path, Operator::Ne, Value::Null) => self.ask(path, Asked::Present),
            Filter::Compare(path, Operator::Eq, Value::Null) => self.ask(path, Asked::Absent),
            Filter::Compare(path, operator, value) => self.ask(path, Asked::Compare(*operator, value)),
            Filter::Some(path) => self.ask(path, Asked::Present),
        }
    }

    fn ask(&self, path: &AttributePath, asked: Asked<'_>) -> Result<Node, Error> {
        let resolved = match (self.resolve(path), self.missing) {
            (Err(Lack::Unknown(_)), Some(missing)) => {
                missing.borrow_mut().push(path.to_string());
                return Ok(Node::Constant(asked.of_nothing() && path.filter.is_none()));
            }
            (resolved, _) => resolved?,
        };
        let Resolved { extension, attribute, sub } = resolved;
        let Some(filter) = &path.filter else {
            return self.leaf(extension, attribute, sub, asked);
        };
        // emails[type eq "work"].value eq "x": one value satisfies both conditions
        let inside = element(extension, attribute, self.resource_type, self.leniency)?;
        let mut inner = inside.node(filter)?;
        let whole = sub.is_none() && matches!(asked, Asked::Present);
        if !whole {
            if !self.leniency.forgives(Tolerance::ValuePathComparisons) {
                return Err(beside_brackets(path));
            }
            let test = inside.leaf(extension, attribute, sub, asked)?;
            inner = match inner {
                Node::All(mut parts) => {
                    parts.push(test);
                    Node::All(parts)
                }
                inner => Node::All(vec![inner, test]),
            };
        }
        match origin(extension, attribute, None, self.resource_type) {
            Some(origin) => Ok(Node::Some(Target::new(origin, None), Box::new(inner))),
            None => Err(unanswerable(attribute, attribute)),
        }
    }

    fn resolve(&self, path: &AttributePath) -> Result<Resolved<'r>, Lack> {
        let Some((extension, attribute)) = self.element else {
            let undotted = undotted(path, self.resource_type);
            let path = match undotted.as_ref().filter(|_| self.leniency.forgives(Tolerance::DottedUrns)) {
                Some(undotted) => undotted,
                None => path,
            };
            let Some(Found { extension, attribute: Some(attribute) }) = find(path, self.resource_type)? else {
                return Err(Lack::Unknown(unknown(&self.resource_type.name, path)));
            };
            let sub = match &path.sub {
                None => None,
                Some(name) => match attribute.sub_attribute(name) {
                    None => return Err(Lack::Unknown(unknown_sub(attribute, name))),
                    sub => sub,
                },
            };
            return Ok(Resolved { extension, attribute, sub });
        };
        // inside brackets: a sub-attribute, or `value` for the values of a simple attribute
        let nested = path.urn.is_some() || path.sub.is_some() || path.filter.is_some();
        match attribute.sub_attribute(&path.name) {
            Some(sub) if !nested => Ok(Resolved { extension, attribute, sub: Some(sub) }),
            None if !nested && is_whole_value(attribute, &path.name) => {
                Ok(Resolved { extension, attribute, sub: None })
            }
            _ => Err(Lack::Unknown(unknown_sub(attribute, &path.to_string()))),
        }
    }

    fn leaf(
        &self,
        extension: Option<&Schema>,
        attribute: &Attribute,
        sub: Option<&Attribute>,
        asked: Asked<'_>,
    ) -> Result<Node, Error> {
        let presence = matches!(asked, Asked::Present | Asked::Absent);
        // a complex attribute is compared by its `value`
        let sub = match sub {
            None if attribute.r#type == Type::Complex && !presence => match attribute.sub_attribute("value") {
                None => return Err(complex_needs_sub(attribute)),
                value => value,
            },
            // every value has a `$ref`, which is computed when it is shown
            Some(_) if presence && attribute.relation.is_some() => None,
            sub => sub,
        };
        let definition = sub.unwrap_or(attribute);
        let question = match asked {
            Asked::Present | Asked::Absent => Question::Present,
            Asked::Compare(operator, value) => compare(definition, operator, value, self.leniency)?,
        };
        let node = match (attribute.name.as_str(), sub.map(|sub| sub.name.as_str())) {
            _ if extension.is_some() => None,
            ("meta", _) if presence => Some(Node::Constant(true)),
            ("meta", Some("resourceType")) => Some(Node::Constant(match &question {
                Question::Present => true,
                Question::Compare(operator, literal) => literal.holds(*operator, Datum::Text(&self.resource_type.name)),
            })),
            _ => None,
        };
        let node = match node {
            Some(node) => node,
            None => {
                let origin = match self.element {
                    // computed sub-attributes are computed inside brackets, too
                    Some(_) if origin(extension, attribute, sub, self.resource_type).is_some() => Some(Origin::Element),
                    Some(_) => None,
                    None => origin(extension, attribute, sub, self.resource_type),
                };
                let Some(origin) = origin else { return Err(unanswerable(definition, attribute)) };
                let index = index(self.resource_type, extension, attribute, sub);
                Node::Test(Test { target: target(origin, sub), index, question })
            }
        };
        Ok(if matches!(asked, Asked::Absent) { Node::Not(Box::new(node)) } else { node })
    }
}

enum Asked<'f> {
    Present,
    Absent,
    Compare(Operator, &'f Value),
}

impl Asked<'_> {
    /// The result for a resource that has no value of the attribute.
    fn of_nothing(&self) -> bool {
        matches!(self, Asked::Absent | Asked::Compare(Operator::Ne, _))
    }
}

/// Why a name cannot be resolved.
enum Lack {
    /// There is no such attribute or sub-attribute.
    Unknown(Error),
    /// Several attributes have this name.
    Ambiguous(Error),
}

impl From<Error> for Lack {
    fn from(error: Error) -> Lack {
        Lack::Ambiguous(error)
    }
}

impl From<Lack> for Error {
    fn from(lack: Lack) -> Error {
        match lack {
            Lack::Unknown(error) | Lack::Ambiguous(error) => error,
        }
    }
}

fn compare(
    definition: &Attribute,
    operator: Operator,
    value: &Value,
    leniency: &ToleranceTracker,
) -> Result<Question, Error> {
    let kind = definition.r#type;
    let unordered = matches!(kind, Type::Boolean | Type::Binary) && operator.is_about_order();
    let not_text = !matches!(kind, Type::String | Type::Reference | Type::Binary) && operator.is_about_text();
    if unordered || not_text {
        return Err(unfit_operator(definition, operator));
    }
    match Literal::read(definition, value, leniency) {
        Ok(literal) => Ok(Question::Compare(operator, literal)),
        Err(fitting) => Err(unfit_literal(definition, value, fitting)),
    }
}

/// Where the values of an attribute are; `None` where they are never readable, or are computed when shown.
fn origin(
    extension: Option<&Schema>,
    attribute: &Attribute,
    sub: Option<&Attribute>,
    resource_type: &ResourceType,
) -> Option<Origin> {
    if attribute.mutability == Mutability::WriteOnly || sub.is_some_and(|sub| sub.mutability == Mutability::WriteOnly) {
        return None;
    }
    let sub_name = sub.map(|sub| sub.name.as_str());
    match attribute.relation {
        Some(_) if sub_name == Some("$ref") => return None,
        Some(Relation::Members) => return Some(Origin::Members),
        Some(Relation::Groups) => return Some(Origin::Groups),
        None => {}
    }
    let is_common = extension.is_none() && common().iter().any(|common| std::ptr::eq(common, attribute));
    match (attribute.name.as_str(), sub_name) {
        ("id", _) if is_common => Some(Origin::Id),
        ("schemas", _) if is_common => Some(Origin::Schemas { core: resource_type.schema.id.as_str().into() }),
        ("meta", Some("created")) if is_common => Some(Origin::Created),
        ("meta", Some("lastModified")) if is_common => Some(Origin::LastModified),
        ("meta", Some("version")) if is_common => Some(Origin::Version),
        ("meta", _) if is_common => None,
        _ => Some(Origin::Document {
            extension: extension.map(|schema| schema.id.as_str().into()),
            name: attribute.name.as_str().into(),
        }),
    }
}

fn target(origin: Origin, sub: Option<&Attribute>) -> Target {
    let is_field = matches!(origin, Origin::Created | Origin::LastModified | Origin::Version);
    Target::new(origin, sub.filter(|_| !is_field).map(|sub| sub.name.as_str()))
}

fn index(
    resource_type: &ResourceType,
    extension: Option<&Schema>,
    attribute: &Attribute,
    sub: Option<&Attribute>,
) -> Option<AttributeKey> {
    let urn = extension.map(|schema| schema.id.as_str());
    let indexed = sub.unwrap_or(attribute).indexed;
    indexed.then(|| AttributeKey::of(&resource_type.name, urn, &attribute.name, sub.map(|sub| sub.name.as_str())))
}

fn is_whole_value(attribute: &Attribute, name: &str) -> bool {
    attribute.r#type != Type::Complex && name.eq_ignore_ascii_case("value")
}

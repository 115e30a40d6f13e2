//! One operation of a bulk request as written (RFC 7644 §3.7).

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::reference;
use super::step::Failure;
use crate::error::Error;
use crate::precondition::Precondition;
use crate::resource::Id;
use crate::schema::{Registry, ResourceTypeId};

/// One operation of a bulk request, and what its entry in the response needs.
#[derive(Debug)]
pub(super) struct Operation {
    /// `method` as sent, shortened.
    pub method: Option<String>,
    /// `bulkId` as sent.
    pub bulk_id: Option<String>,
    /// The task until it starts, or the error in the operation.
    pub task: Result<Task, Failure>,
    pub resource_type: Option<ResourceTypeId>,
    /// The operations that create the resources this one refers to. The flag says whether this one can be created
    /// without the reference at first.
    pub needs: BTreeMap<usize, bool>,
    /// The references that were left out at first.
    pub apart: Map<String, Value>,
    /// The URL of the resource, once it is known.
    pub location: Option<String>,
    /// The first segment of `path`: `Users`.
    endpoint: String,
    known: Option<Method>,
}

/// What the operation asks for.
#[derive(Debug)]
pub(super) struct Task {
    pub method: Method,
    pub resource_type: ResourceTypeId,
    pub target: Target,
    pub data: Value,
    pub if_match: Precondition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

/// What the `path` of an operation names.
#[derive(Debug)]
pub(super) enum Target {
    /// `/Users`
    Collection,
    /// `/Users/{id}`
    Item(Id),
    /// `/Users/bulkId:{name}`
    Reference(String),
}

impl Operation {
    /// Reads an operation. An error in it is kept and answered when its turn comes.
    pub(super) fn parse(given: Value, registry: &Registry) -> Operation {
        let mut operation = Operation {
            method: None,
            bulk_id: None,
            task: Err(syntax("An operation is an object with \"method\", \"path\" and \"data\".").into()),
            resource_type: None,
            needs: BTreeMap::new(),
            apart: Map::new(),
            location: None,
            endpoint: String::new(),
            known: None,
        };
        if let Value::Object(mut given) = given {
            operation.task = operation.read(&mut given, registry).map_err(Failure::from);
        }
        operation
    }

    fn read(&mut self, given: &mut Map<String, Value>, registry: &Registry) -> Result<Task, Error> {
        self.bulk_id = text(given, "bulkId")?.filter(|name| !name.is_empty()).map(str::to_owned);
        let method = text(given, "method")?.unwrap_or_default();
        self.method = Some(method.chars().take(16).collect());
        let method = match method.to_ascii_uppercase().as_str() {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return Err(syntax("The \"method\" of an operation is POST, PUT, PATCH or DELETE.")),
        };
        self.known = Some(method);
        if method == Method::Post && self.bulk_id.is_none() {
            return Err(syntax("A POST needs a \"bulkId\", a name of your choice that is unique in the request."));
        }
        let path = text(given, "path")?.unwrap_or_default().trim_matches('/').to_owned();
        let (endpoint, rest) = match path.split_once('/') {
            Some((endpoint, rest)) => (endpoint, Some(rest)),
            None => (path.as_str(), None),
        };
        let shortened: String = path.chars().take(80).collect();
        let Some(described) = registry.at_endpoint(endpoint) else {
            let endpoints: Vec<String> = registry.resource_types().iter().map(|t| format!("/{}", t.endpoint)).collect();
            let detail = format!("The path /{shortened} leads nowhere; there are {}.", endpoints.join(", "));
            return Err(Error::NotFound(detail));
        };
        self.endpoint.clone_from(&described.endpoint);
        self.resource_type = Some(described.id);
        let target = match (method, rest) {
            (Method::Post, None) => Target::Collection,
            (Method::Post, Some(_)) => {
                return Err(syntax(&format!("A POST has the path /{endpoint}; the id is given by the server.")));
            }
            (_, None) => {
                return Err(syntax(&format!("A {} has the path of a resource, /{endpoint}/{{id}}.", method.as_str())));
            }
            (_, Some(rest)) => match reference::name(rest) {
                Some(name) => Target::Reference(name.to_owned()),
                None => {
                    let none = || Error::NotFound(format!("There is no {} at /{shortened}.", described.name));
                    Target::Item(Id::new(rest).ok_or_else(none)?)
                }
            },
        };
        let version = text(given, "version")?.filter(|version| !version.trim().is_empty());
        let if_match = Precondition::if_match(version);
        let data = if method == Method::Delete { Value::Null } else { take(given, "data") };
        Ok(Task { method, resource_type: described.id, target, data, if_match })
    }

    /// Finds the operations that this one has to wait for.
    pub(super) fn find_needs(&mut self, creators: &HashMap<String, usize>, registry: &Registry) {
        let Ok(task) = &self.task else { return };
        let mut unknown = None;
        let needs = &mut self.needs;
        let mut note = |name: &str, linkable: bool| match creators.get(name) {
            Some(&creator) => *needs.entry(creator).or_insert(true) &= linkable,
            None => unknown = Some(name.chars().take(80).collect::<String>()),
        };
        if let Target::Reference(name) = &task.target {
            note(name, false);
        }
        match task.method {
            Method::Post => reference::each_linkable(&task.data, registry.get(task.resource_type), &mut note),
            _ => reference::each("", &task.data, &mut |name| note(name, false)),
        }
        if let Some(name) = unknown {
            let detail = format!("The operation refers to bulkId:{name}, and no POST of this request has this bulkId.");
            self.task = Err(Error::InvalidValue(detail).into());
            self.needs.clear();
        }
    }

    /// Sets `location` from the id of the resource.
    pub(super) fn locate(&mut self, base: &str, id: &Id) {
        self.location = Some([base, "/", &self.endpoint, "/", id.as_str()].concat());
    }

    /// The method, if it is one that there is.
    pub(super) fn method_name(&self) -> Option<&'static str> {
        self.known.map(Method::as_str)
    }

    /// `Users`, if it names an endpoint that there is.
    pub(super) fn endpoint(&self) -> Option<&str> {
        Some(self.endpoint.as_str()).filter(|endpoint| !endpoint.is_empty())
    }

    /// The id of the resource that it is about, where that was there before.
    pub(super) fn resource_id(&self) -> Option<&str> {
        match &self.task {
            Ok(Task { target: Target::Item(id), .. }) => Some(id.as_str()),
            _ if self.is_creation() => None,
            _ => self.location.as_deref()?.rsplit('/').next(),
        }
    }

    /// Whether the operation creates a resource.
    pub(super) fn is_creation(&self) -> bool {
        self.known == Some(Method::Post)
    }

    /// The HTTP status of the operation when it succeeds.
    pub(super) fn status(&self) -> &'static str {
        match self.known {
            Some(Method::Post) => "201",
            Some(Method::Delete) => "204",
            _ => "200",
        }
    }
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// A member of an object, its name in any letter case; `None` where it is `null`.
pub(super) fn member<'b>(object: &'b Map<String, Value>, name: &str) -> Option<&'b Value> {
    object.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).filter(|v| !v.is_null())
}

/// Removes a member of an object, its name in any letter case, and returns it; `null` where there is none.
pub(super) fn take(object: &mut Map<String, Value>, name: &str) -> Value {
    let found = object.iter_mut().rfind(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.take()).unwrap_or_default()
}

fn text<'b>(object: &'b Map<String, Value>, name: &str) -> Result<Option<&'b str>, Error> {
    match member(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(syntax(&format!("The \"{name}\" of an operation is a string."))),
    }
}

fn syntax(detail: &str) -> Error {
    Error::InvalidSyntax(detail.to_owned())
}

//! One unit of work of a bulk request.

use serde_json::Value;

use crate::codes::RefusalCode;
use crate::error::Error;
use crate::precondition::Precondition;
use crate::resource::Id;
use crate::schema::ResourceTypeId;

/// One unit of work of a bulk request. The caller rolls it back on an error.
#[derive(Debug, Clone)]
pub struct Step {
    pub(crate) resource_type: ResourceTypeId,
    pub(crate) action: Action,
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Create(Value),
    Replace(Id, Value, Precondition),
    Patch(Id, Value, Precondition),
    Delete(Id, Precondition),
}

/// The outcome of a step that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The id of the resource.
    pub id: Id,
    /// The entity tag of the resource; `None` after a deletion.
    pub version: Option<String>,
}

/// The outcome of a step that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The HTTP status.
    pub status: u16,
    /// The error message (RFC 7644 §3.12).
    pub body: Value,
    /// The name of the refusal's code, where it has one.
    pub code: Option<&'static str>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        Failure { status: error.wire().0, body: error.body(), code: error.code().map(RefusalCode::name) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::from(&error)
    }
}

impl Step {
    /// What the body calls the resource that the step creates.
    pub fn name(&self) -> Option<&str> {
        let Action::Create(Value::Object(body)) = &self.action else { return None };
        let named = |name: &str| body.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1.as_str();
        ["userName", "displayName"].into_iter().find_map(named)
    }

    pub(super) fn create(resource_type: ResourceTypeId, body: Value) -> Step {
        Step { resource_type, action: Action::Create(body) }
    }

    pub(super) fn replace(resource_type: ResourceTypeId, id: Id, body: Value, if_match: Precondition) -> Step {
        Step { resource_type, action: Action::Replace(id, body, if_match) }
    }

    pub(super) fn patch(resource_type: ResourceTypeId, id: Id, body: Value, if_match: Precondition) -> Step {
        Step { resource_type, action: Action::Patch(id, body, if_match) }
    }

    pub(super) fn delete(resource_type: ResourceTypeId, id: Id, if_match: Precondition) -> Step {
        Step { resource_type, action: Action::Delete(id, if_match) }
    }
}

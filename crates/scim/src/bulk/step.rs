//! One unit of work of a bulk request.

use serde_json::Value;

use crate::context::{Context, InactiveMatch};
use crate::error::Error;
use crate::patch::PatchRequest;
use crate::precondition::Precondition;
use crate::resource::Id;
use crate::schema::ResourceTypeId;
use crate::service;
use crate::store::Store;

/// What is to be done, as one unit of work that is undone on an error.
#[derive(Debug, Clone)]
pub struct Step {
    resource_type: ResourceTypeId,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Create(Value),
    Replace(Id, Value, Precondition),
    Patch(Id, Value, Precondition),
    Delete(Id, Precondition),
}

/// What a step that succeeded came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Which resource.
    pub id: Id,
    /// Its entity tag; nothing for one that is gone.
    pub version: Option<String>,
}

/// What a step that failed is answered with.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// As in HTTP.
    pub status: u16,
    /// The error message (RFC 7644 §3.12).
    pub body: Value,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        Failure { status: error.wire().0, body: error.body() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::from(&error)
    }
}

impl Step {
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

    /// Does it.
    pub fn run(&self, store: &mut dyn Store, cx: &mut Context<'_>) -> Result<Done, Error> {
        let kind = self.resource_type;
        let written = match &self.action {
            Action::Create(body) => {
                // What a bulk request created may have to go again: nobody who was there before is put at that risk.
                cx.inactive_match = InactiveMatch::Conflict;
                service::create(store, cx, kind, body, None)?
            }
            Action::Replace(id, body, if_match) => service::replace(store, cx, kind, id, body, if_match, None)?,
            Action::Patch(id, body, if_match) => {
                let asked = PatchRequest::parse(body)?;
                service::patch(store, cx, kind, id, &asked, if_match, None)?
            }
            Action::Delete(id, if_match) => {
                service::delete(store, cx, kind, id, if_match)?;
                return Ok(Done { id: id.clone(), version: None });
            }
        };
        let version = Some(written.resource.etag());
        Ok(Done { id: written.resource.id, version })
    }
}

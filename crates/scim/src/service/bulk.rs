//! Runs a step of a bulk request (RFC 7644 §3.7).

use super::write::{create, delete, patch, replace};
use crate::context::{Context, InactiveMatch};
use crate::error::Error;
use crate::message::bulk::{Action, Done, Step};
use crate::patch::PatchRequest;
use crate::store::Store;

impl Step {
    /// Runs the step.
    pub fn run(&self, store: &mut dyn Store, cx: &mut Context<'_>) -> Result<Done, Error> {
        let kind = self.resource_type;
        let written = match &self.action {
            Action::Create(body) => {
                // A failing bulk request deletes what it created. It must not delete a user who existed before, so no
                // user is restored.
                cx.inactive_match = InactiveMatch::Conflict;
                create(store, cx, kind, body, None)?
            }
            Action::Replace(id, body, if_match) => replace(store, cx, kind, id, body, if_match, None)?,
            Action::Patch(id, body, if_match) => {
                let asked = PatchRequest::parse(body)?;
                patch(store, cx, kind, id, &asked, if_match, None)?
            }
            Action::Delete(id, if_match) => {
                delete(store, cx, kind, id, if_match)?;
                return Ok(Done { id: id.clone(), version: None });
            }
        };
        let version = Some(written.resource.etag());
        Ok(Done { id: written.resource.id, version })
    }
}

//! Bulk operations (RFC 7644 §3.7): many in one request, each a unit of work of its own.
//!
//! The caller drives a [`Job`]: it takes the [`next`](Job::next) [`Step`], runs it as one unit of work, reports the
//! outcome with [`done`](Job::done), and finally reads the [`response`](Job::response). A failure rolls back one step.
//!
//! Operations run in the order of the request, except that an operation that refers to `bulkId:x` runs after the POST
//! with this `bulkId`. A cycle of references (§3.7.1) is broken at the first operation that can run without its
//! reference: the resource is created first, and a PATCH adds the missing reference when the other resource exists. If
//! the other resource cannot be created, the first one is deleted again, together with the resources of the cycle that
//! refer to it, and the operation fails with 409.
//!
//! After `failOnErrors` errors no further operation starts; operations that have started are completed. An operation
//! that never started is not part of the response.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::precondition::Precondition;
use crate::resource::Id;
use crate::schema::Registry;
use crate::urn;

mod operation;
mod reference;
mod step;
#[cfg(test)]
mod tests;

use operation::{Method, Operation, Target, Task};
pub(crate) use step::Action;
pub use step::{Done, Failure, Step};

/// The most operations of one request; published as `bulk.maxOperations`.
pub const MAX_OPERATIONS: usize = 1000;

/// A bulk request in progress.
#[derive(Debug)]
pub struct Job {
    operations: Vec<Operation>,
    states: Vec<State>,
    /// The operation that creates the resource of each `bulkId`.
    creators: HashMap<String, usize>,
    fail_on_errors: Option<u64>,
    errors: u64,
    running: Option<(usize, Stage)>,
    base: String,
}

/// An operation that failed, for a log.
#[derive(Debug, Clone, Copy)]
pub struct FailedOperation<'a> {
    /// Its place in the request, from 0.
    pub number: usize,
    /// `POST`, if it has a method that there is.
    pub method: Option<&'static str>,
    /// `Users`, if its path leads to an endpoint that there is.
    pub endpoint: Option<&'a str>,
    /// The id of the resource, where that was there before.
    pub id: Option<&'a str>,
    /// Its `bulkId`.
    pub bulk_id: Option<&'a str>,
    /// Why it failed.
    pub failure: &'a Failure,
}

#[derive(Debug)]
enum State {
    Waiting,
    /// The resource exists, but some of its references are still missing.
    Begun {
        id: Id,
        apart: Map<String, Value>,
        /// Why the resource has to be deleted again, if it has to.
        broken: Option<Failure>,
    },
    Done(Done),
    Failed(Failure),
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Run,
    Link,
    Undo,
}

impl Job {
    /// Reads the message. An error in one operation becomes the outcome of that operation alone. `base` is as in
    /// [`Context::base`](crate::Context::base).
    pub fn parse(body: Value, registry: &Registry, base: &str) -> Result<Job, Error> {
        let Value::Object(mut body) = body else {
            return Err(syntax("The body is a BulkRequest as a JSON object."));
        };
        let schemas = operation::member(&body, "schemas").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if !schemas.iter().filter_map(Value::as_str).any(|schema| urn::same(schema, urn::BULK_REQUEST)) {
            return Err(syntax(&format!("A bulk request has \"schemas\": [\"{}\"].", urn::BULK_REQUEST)));
        }
        let fail_on_errors = match operation::member(&body, "failOnErrors") {
            None => None,
            Some(given) => match given.as_u64() {
                Some(errors) if errors > 0 => Some(errors),
                _ => return Err(Error::InvalidValue("failOnErrors is an integer from 1 upwards.".to_owned())),
            },
        };
        let operations = match operation::take(&mut body, "Operations") {
            Value::Array(operations) => operations,
            _ => return Err(syntax("A bulk request has \"Operations\", an array of operations.")),
        };
        if operations.len() > MAX_OPERATIONS {
            return Err(Error::TooLarge(format!(
                "A bulk request has at most {MAX_OPERATIONS} operations, and this one has {}; send several.",
                operations.len()
            )));
        }
        let mut operations: Vec<Operation> = operations.into_iter().map(|o| Operation::parse(o, registry)).collect();
        let mut creators = HashMap::new();
        for (index, operation) in operations.iter_mut().enumerate() {
            if let (Some(name), true) = (&operation.bulk_id, operation.is_creation())
                && *creators.entry(name.clone()).or_insert(index) != index
            {
                let detail = format!("The bulkId {name:?} belongs to another operation already; it must be unique.");
                operation.task = Err(Error::InvalidValue(detail).into());
            }
        }
        for operation in &mut operations {
            operation.find_needs(&creators, registry);
        }
        let states = operations.iter().map(|_| State::Waiting).collect();
        let base = base.to_owned();
        Ok(Job { operations, states, creators, fail_on_errors, errors: 0, running: None, base })
    }

    /// The next step to run; `None` when the request is complete. Its outcome goes to [`done`](Job::done).
    #[allow(clippy::should_implement_trait)] // an iterator would not wait for the outcome
    pub fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.completion() {
                return Some(step);
            }
            if self.fail_on_errors.is_some_and(|most| self.errors >= most) {
                return None;
            }
            let begun = match self.ready() {
                Some(index) => (index, self.begin(index)),
                None => self.open_circle()?,
            };
            match begun {
                (index, Ok(step)) => {
                    self.running = Some((index, Stage::Run));
                    return Some(step);
                }
                (index, Err(failure)) => self.fail(index, failure),
            }
        }
    }

    /// The number of the step that was handed out last. A repeated request gets the same numbers in the same order.
    pub fn step_number(&self) -> Option<i32> {
        let (index, stage) = self.running?;
        i32::try_from(index * 3 + stage as usize).ok()
    }

    /// The number of the operation whose step was handed out last.
    pub fn operation_number(&self) -> Option<usize> {
        Some(self.running?.0)
    }

    /// The operations that failed.
    pub fn failed(&self) -> impl Iterator<Item = FailedOperation<'_>> {
        self.operations.iter().zip(&self.states).enumerate().filter_map(|(number, (operation, state))| {
            let State::Failed(failure) = state else { return None };
            Some(FailedOperation {
                number,
                method: operation.method_name(),
                endpoint: operation.endpoint(),
                id: operation.resource_id(),
                bulk_id: operation.bulk_id.as_deref(),
                failure,
            })
        })
    }

    /// Takes the outcome of the last step.
    pub fn done(&mut self, outcome: Result<Done, Failure>) {
        let Some((index, stage)) = self.running.take() else { return };
        match (stage, outcome) {
            (Stage::Run, Ok(done)) => {
                let operation = &mut self.operations[index];
                operation.locate(&self.base, &done.id);
                let apart = std::mem::take(&mut operation.apart);
                self.states[index] = if apart.is_empty() {
                    State::Done(done)
                } else {
                    State::Begun { id: done.id, apart, broken: None }
                };
            }
            (Stage::Link, Ok(done)) => self.states[index] = State::Done(done),
            (Stage::Link, Err(failure)) => {
                if let State::Begun { broken, .. } = &mut self.states[index] {
                    *broken = Some(failure);
                }
            }
            (Stage::Undo, Ok(_)) => {
                if let State::Begun { broken: Some(failure), .. } = &self.states[index] {
                    let failure = failure.clone();
                    self.fail(index, failure);
                    self.recall(index);
                }
            }
            (Stage::Run | Stage::Undo, Err(failure)) => self.fail(index, failure),
        }
    }

    /// The BulkResponse, with its operations in the order of the request.
    pub fn response(&self) -> Value {
        let operations = self.operations.iter().zip(&self.states);
        let operations: Vec<Value> = operations.filter_map(|(operation, state)| answer(operation, state)).collect();
        json!({ "schemas": [urn::BULK_RESPONSE], "Operations": operations })
    }

    /// The step that completes or deletes a resource whose references are still missing, if one is due.
    fn completion(&mut self) -> Option<Step> {
        let stopped = self.fail_on_errors.is_some_and(|most| self.errors >= most);
        for index in 0..self.states.len() {
            let State::Begun { broken, .. } = &self.states[index] else { continue };
            let mut failure = broken.clone();
            let mut waits = false;
            for &needed in self.operations[index].needs.keys() {
                match self.states[needed] {
                    State::Begun { .. } | State::Done(_) => {}
                    State::Waiting if !stopped => waits = true,
                    State::Waiting | State::Failed(_) => {
                        let name = self.operations[needed].bulk_id.as_deref().unwrap_or_default();
                        failure.get_or_insert_with(|| unresolved(name));
                    }
                }
            }
            match failure {
                Some(failure) => return self.undo(index, failure),
                None if !waits => return self.link(index),
                None => {}
            }
        }
        None
    }

    fn link(&mut self, index: usize) -> Option<Step> {
        let State::Begun { id, apart, .. } = &mut self.states[index] else { return None };
        let (id, mut value) = (id.clone(), Value::Object(std::mem::take(apart)));
        reference::resolve(&mut value, &mut |name| self.id_of(name));
        let body = json!({ "schemas": [urn::PATCH_OP], "Operations": [{ "op": "add", "value": value }] });
        self.running = Some((index, Stage::Link));
        Some(Step::patch(self.operations[index].resource_type?, id, body, Precondition::None))
    }

    fn undo(&mut self, index: usize, failure: Failure) -> Option<Step> {
        let State::Begun { id, broken, .. } = &mut self.states[index] else { return None };
        *broken = Some(failure);
        self.running = Some((index, Stage::Undo));
        Some(Step::delete(self.operations[index].resource_type?, id.clone(), Precondition::None))
    }

    /// Marks for deletion every resource that was created with a reference to a deleted one.
    fn recall(&mut self, removed: usize) {
        let broken = Some(unresolved(self.operations[removed].bulk_id.as_deref().unwrap_or_default()));
        for (operation, state) in self.operations.iter().zip(&mut self.states) {
            if let State::Done(Done { id, .. }) = state
                && operation.is_creation()
                && operation.needs.contains_key(&removed)
            {
                *state = State::Begun { id: id.clone(), apart: Map::new(), broken: broken.clone() };
            }
        }
    }

    fn waiting(&self) -> impl Iterator<Item = usize> {
        self.states.iter().enumerate().filter(|(_, state)| matches!(state, State::Waiting)).map(|(index, _)| index)
    }

    /// The first operation whose references all exist. An operation also waits while a resource that it refers to may
    /// still be deleted, unless both belong to the same cycle.
    fn ready(&self) -> Option<usize> {
        let all = |index: usize, fine: fn(&State) -> bool| {
            self.operations[index].needs.keys().all(|&needed| fine(&self.states[needed]))
        };
        self.waiting().find(|&index| all(index, |state| matches!(state, State::Done(_) | State::Failed(_)))).or_else(
            || {
                let wanted = self.wanted();
                let free = |index: usize| all(index, |state| !matches!(state, State::Waiting));
                self.waiting().find(|&index| wanted[index] && free(index))
            },
        )
    }

    /// The operations that started resources wait for, directly or through others.
    fn wanted(&self) -> Vec<bool> {
        let mut wanted = vec![false; self.states.len()];
        let begun = self.states.iter().enumerate().filter(|(_, state)| matches!(state, State::Begun { .. }));
        let mut open: Vec<usize> = begun.map(|(index, _)| index).collect();
        while let Some(index) = open.pop() {
            for &needed in self.operations[index].needs.keys() {
                if !wanted[needed] && matches!(self.states[needed], State::Waiting) {
                    wanted[needed] = true;
                    open.push(needed);
                }
            }
        }
        wanted
    }

    /// Breaks a cycle: starts one of its operations without the references that are missing.
    fn open_circle(&mut self) -> Option<(usize, Result<Step, Failure>)> {
        let circular = self.circular();
        let can_be_linked = |index: &&usize| {
            let needs = &self.operations[**index].needs;
            needs.iter().all(|(&needed, &linkable)| linkable || !matches!(self.states[needed], State::Waiting))
        };
        let index = match circular.iter().find(can_be_linked) {
            Some(&index) => index,
            None => {
                let detail = "The references between these operations are circular, and each stands where a value is \
                              required; leave one out and add it in a second request.";
                return Some((*circular.first()?, Err(Error::Conflict(detail.to_owned()).into())));
            }
        };
        let Job { operations, states, creators, .. } = self;
        let missing = |name: &str| creators.get(name).is_some_and(|&other| matches!(states[other], State::Waiting));
        if let Operation { task: Ok(Task { data: Value::Object(body), .. }), apart, .. } = &mut operations[index] {
            *apart = reference::set_apart(body, &missing);
        }
        Some((index, self.begin(index)))
    }

    /// The operations of cycles: those left after removing, repeatedly, every operation that no other waits for.
    fn circular(&self) -> Vec<usize> {
        let mut waited_for = vec![0_usize; self.states.len()];
        let mut left: Vec<bool> = self.states.iter().map(|state| !matches!(state, State::Waiting)).collect();
        for index in self.waiting() {
            self.operations[index].needs.keys().for_each(|&needed| waited_for[needed] += 1);
        }
        let mut free: Vec<usize> = self.waiting().filter(|&index| waited_for[index] == 0).collect();
        while let Some(index) = free.pop() {
            left[index] = true;
            for &needed in self.operations[index].needs.keys() {
                waited_for[needed] -= 1;
                if waited_for[needed] == 0 && !left[needed] {
                    free.push(needed);
                }
            }
        }
        (0..left.len()).filter(|&index| !left[index]).collect()
    }

    /// The step of an operation, with its references resolved. References set apart are left out.
    fn begin(&mut self, index: usize) -> Result<Step, Failure> {
        let spent = || Error::Conflict("The operation was begun already.".to_owned()).into();
        let task = std::mem::replace(&mut self.operations[index].task, Err(spent()));
        let Task { method, resource_type, target, mut data, if_match } = task?;
        let mut failed = None;
        let mut id_of = |name: &str| {
            let id = self.id_of(name);
            if id.is_none() {
                failed.get_or_insert_with(|| unresolved(name));
            }
            id
        };
        let id = match target {
            Target::Collection => None,
            Target::Item(id) => Some(id),
            Target::Reference(name) => id_of(&name),
        };
        reference::resolve(&mut data, &mut id_of);
        if let Some(failure) = failed {
            return Err(failure);
        }
        let Some(id) = id else {
            return Ok(Step::create(resource_type, data));
        };
        self.operations[index].locate(&self.base, &id);
        Ok(match method {
            Method::Put => Step::replace(resource_type, id, data, if_match),
            Method::Delete => Step::delete(resource_type, id, if_match),
            Method::Patch | Method::Post => Step::patch(resource_type, id, data, if_match),
        })
    }

    fn creator(&self, name: &str) -> Option<&State> {
        self.states.get(*self.creators.get(name)?)
    }

    fn id_of(&self, name: &str) -> Option<Id> {
        match self.creator(name)? {
            State::Begun { id, .. } | State::Done(Done { id, .. }) => Some(id.clone()),
            State::Waiting | State::Failed(_) => None,
        }
    }

    fn fail(&mut self, index: usize, failure: Failure) {
        self.errors += 1;
        self.states[index] = State::Failed(failure);
    }
}

/// The entry of the response for one operation; `None` if it never started.
fn answer(operation: &Operation, state: &State) -> Option<Value> {
    let mut answer = Map::new();
    let mut say = |name: &str, value: Value| drop(answer.insert(name.to_owned(), value));
    if let Some(method) = &operation.method {
        say("method", method.as_str().into());
    }
    if let Some(bulk_id) = &operation.bulk_id {
        say("bulkId", bulk_id.as_str().into());
    }
    match state {
        State::Waiting | State::Begun { .. } => return None,
        State::Done(done) => {
            say("location", operation.location.as_deref().into());
            if let Some(version) = &done.version {
                say("version", version.as_str().into());
            }
            say("status", operation.status().into());
        }
        State::Failed(failure) => {
            if let (Some(location), false) = (&operation.location, operation.is_creation()) {
                say("location", location.as_str().into());
            }
            say("status", failure.status.to_string().into());
            say("response", failure.body.clone());
        }
    }
    Some(Value::Object(answer))
}

fn unresolved(name: &str) -> Failure {
    let name: String = name.chars().take(80).collect();
    Error::Conflict(format!("The operation refers to bulkId:{name}, and the operation that should create it failed."))
        .into()
}

fn syntax(detail: &str) -> Error {
    Error::InvalidSyntax(detail.to_owned())
}

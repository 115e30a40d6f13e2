//! What the outcome of a piece of work takes in memory until it is an answer.

use scim::bulk::{Done, Failure};
use scim::schema::ResourceTypeId;
use scim::{ListResponse, Projection, Resource, Size, Written};

use crate::domain::actor::Actor;

/// Something to answer with.
pub(super) trait Weight {
    /// In bytes, as it is and as it will be written; `base` as in [`scim::Context::base`].
    fn weight(&self, base: &str) -> usize;
}

impl Weight for (ListResponse, Vec<(ResourceTypeId, Projection)>, i64, Actor) {
    fn weight(&self, _: &str) -> usize {
        self.0.size.total()
    }
}

impl Weight for (Resource, Projection) {
    fn weight(&self, base: &str) -> usize {
        Size::of_resource(&self.0, base).total()
    }
}

impl Weight for (Written, Projection) {
    fn weight(&self, base: &str) -> usize {
        Size::of_resource(&self.0.resource, base).total()
    }
}

/// Of an operation among many, which say little each.
impl Weight for Done {
    fn weight(&self, _: &str) -> usize {
        0
    }
}

impl Weight for Result<Done, Failure> {
    fn weight(&self, _: &str) -> usize {
        0
    }
}

impl Weight for () {
    fn weight(&self, _: &str) -> usize {
        0
    }
}

impl Weight for bool {
    fn weight(&self, _: &str) -> usize {
        0
    }
}

//! What the outcome of a piece of work takes in memory until it is an answer.

use scim::bulk::{Done, Failure};
use scim::schema::ResourceTypeId;
use scim::service::Prepared;
use scim::{ListResponse, Projection, Resource, Size, Written};

use crate::domain::actor::Origin;
use crate::domain::ids::AccountKey;

/// Something to answer with.
pub(super) trait Weight {
    /// In bytes, as it is and as it will be written; `base` as in [`scim::Context::base`].
    fn weight(&self, base: &str) -> usize;
}

impl Weight for (ListResponse, Vec<(ResourceTypeId, Projection)>, AccountKey, Origin) {
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

impl Weight for (Written, Option<Projection>) {
    fn weight(&self, base: &str) -> usize {
        self.1.as_ref().map_or(0, |_| Size::of_resource(&self.0.resource, base).total())
    }
}

impl Weight for Option<(Resource, Projection)> {
    fn weight(&self, base: &str) -> usize {
        self.as_ref().map_or(0, |shown| shown.weight(base))
    }
}

/// Nothing of it is shown.
impl Weight for Written {
    fn weight(&self, _: &str) -> usize {
        0
    }
}

impl Weight for Option<Written> {
    fn weight(&self, _: &str) -> usize {
        0
    }
}

/// It has names that the request has too.
impl Weight for Prepared {
    fn weight(&self, _: &str) -> usize {
        self.differences() * NAME
    }
}

/// What a member's name takes.
const NAME: usize = 64;

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

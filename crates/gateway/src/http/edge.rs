//! What every door of the server has: how a request is read, who sent it, and how a problem is told.

pub(super) mod account_file;
pub mod address;
pub mod audience;
pub(super) mod audit_file;
pub(super) mod bearer;
pub(super) mod below;
pub mod body;
pub mod endpoints;
pub(super) mod kept;
pub(crate) mod lines;
pub mod operation;
pub mod problem;
pub mod query;
pub(super) mod recording;
pub(super) mod request_id;
pub(super) mod stopping;
pub(super) mod trace;

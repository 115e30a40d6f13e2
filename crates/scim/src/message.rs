//! The messages of the protocol: queries, lists, pages, projections, the discovery endpoints and bulk requests (RFC
//! 7644 §3.4, §3.7, §3.9, §4).

pub mod bulk;
pub mod cursor;
pub mod discovery;
pub mod list;
pub mod list_position;
pub mod projection;
pub mod representation;
pub mod route;
pub mod search_request;

//! Filters, paths and sort orders (RFC 7644 §3.4.2): from text to questions about a resource or about an index.

pub mod filter;
pub mod index_query;
pub mod path;
pub mod search_keys;
pub mod sort;

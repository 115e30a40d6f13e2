//! What is asked of resources: filters, paths and orders, from text to questions about a resource or about an index
//! (RFC 7644 §3.4.2).

pub mod filter;
pub mod index_query;
pub mod path;
pub mod search_keys;
pub mod sort;

//! The keys of rows: which account, client, user or resource.

/// The key of an account's row.
pub type AccountKey = i64;
/// The key of a client's row.
pub type ClientKey = i64;
/// The key of a user's row.
pub type UserKey = i64;
/// The key of a resource's row: a user's or a group's.
pub type ResourceKey = i64;

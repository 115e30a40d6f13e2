//! A point in time.

/// Milliseconds since the epoch.
pub type Timestamp = i64;

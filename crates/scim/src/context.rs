//! What a request brings along besides itself: the time, a source of ids, the schemas, and how patient we are.

use crate::cursor::Cursors;
use crate::resource::Id;
use crate::schema::{Registry, Vocabulary};
use crate::tolerance::Leniency;

/// Everything that is not in the message or in the store.
pub struct Context<'a> {
    /// Milliseconds since the epoch.
    pub now: i64,
    /// Where a new resource gets its `id` from.
    pub new_id: &'a mut dyn FnMut() -> Id,
    /// The resource types on offer.
    pub registry: &'a Registry,
    /// The lists and defaults of the service provider the request is for.
    pub vocabulary: &'a Vocabulary,
    /// The base URL, without a slash at the end: `https://scim.example/scim/v2`.
    pub base: &'a str,
    /// What we forgive this client, and what it needed so far.
    pub leniency: &'a Leniency,
    /// How much is answered at once.
    pub limits: Limits,
    /// Makes and reads the cursors of whoever asks; `None` where lists are paged by index only.
    pub cursors: Option<&'a dyn Cursors>,
}

/// How much is answered at once (RFC 7644 §3.4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The page of a client that names no `count`.
    pub default_page: u32,
    /// The largest page; a larger `count` gets this many. Published as `filter.maxResults`.
    pub max_page: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { default_page: 100, max_page: 1000 }
    }
}

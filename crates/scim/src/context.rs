//! What a request brings along besides itself: the time, a source of ids, the schemas, and how patient we are.

use crate::resource::Id;
use crate::schema::{AccountValues, Registry};
use crate::tolerance::ToleranceTracker;

/// Everything that is not in the message or in the store.
pub struct Context<'a> {
    /// Milliseconds since the epoch.
    pub now: i64,
    /// Where a new resource gets its `id` from.
    pub new_id: &'a mut dyn FnMut() -> Id,
    /// Whether a text has the form of those ids: where no resource has it, none will.
    pub is_id: fn(&str) -> bool,
    /// The resource types on offer.
    pub registry: &'a Registry,
    /// The lists and defaults of the service provider the request is for.
    pub account_values: &'a AccountValues,
    /// The base URL, without a slash at the end: `https://scim.example/scim/v2`.
    pub base: &'a str,
    /// What we forgive this client, and what it needed so far.
    pub leniency: &'a ToleranceTracker,
    /// What becomes of a user who is created again after they were deactivated.
    pub inactive_match: InactiveMatch,
    /// Whether a group is refused the `displayName` of another one.
    pub unique_group_names: bool,
    /// How much is answered at once, and how much may be stored.
    pub limits: Limits,
    /// Makes and reads the cursors of whoever asks; `None` where lists are paged by index only.
    pub cursors: Option<&'a dyn Cursors>,
}

/// Makes cursors of bytes, and bytes of cursors.
pub trait Cursors {
    /// Text of unreserved characters (RFC 3986 §2.3) that tells its reader nothing.
    fn seal(&self, plain: &[u8]) -> String;

    /// What was sealed, for the same client; `None` for everything else.
    fn open(&self, text: &str) -> Option<Vec<u8>>;
}

/// How much is answered at once (RFC 7644 §3.4.2.4), and how much may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The page of a client that names no `count`.
    pub default_page: u32,
    /// The largest page; a larger `count` gets this many. Published as `filter.maxResults`.
    pub max_page: u32,
    /// How many bytes a page has at most, unless its first resource alone has more. It then ends early.
    pub page_bytes: usize,
    /// How many bytes the document of a resource may have. Members and groups are no part of it.
    pub document_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { default_page: 100, max_page: 1000, page_bytes: 4 << 20, document_bytes: 256 << 10 }
    }
}

/// What becomes of a user who is created while a deactivated one has the same `userName` or `externalId`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InactiveMatch {
    /// The deactivated user is restored: keeps `id` and memberships, and is otherwise what the body says.
    #[default]
    Restore,
    /// The request is refused, and told who is in the way.
    Conflict,
}

impl InactiveMatch {
    /// Both.
    pub const ALL: [InactiveMatch; 2] = [InactiveMatch::Restore, InactiveMatch::Conflict];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            InactiveMatch::Restore => "restore",
            InactiveMatch::Conflict => "conflict",
        }
    }
}

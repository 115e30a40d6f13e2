//! What a service function needs beside the message and the store: the time, new ids, schemas, tolerances and limits.

use crate::observations::Observations;
use crate::resource::Id;
use crate::schema::{AccountValues, Registry};
use crate::tolerance::ToleranceTracker;

/// Everything a service function needs that is in neither the message nor the store.
pub struct Context<'a> {
    /// The current time, in milliseconds since the epoch.
    pub now: i64,
    /// Makes the `id` of a new resource.
    pub new_id: &'a mut dyn FnMut() -> Id,
    /// Whether a text has the form of an `id` made by `new_id`. Such a text can never be the name of a future resource.
    pub is_id: fn(&str) -> bool,
    /// The resource types and schemas that this service provider offers.
    pub registry: &'a Registry,
    /// The account's own lists and defaults.
    pub account_values: &'a AccountValues,
    /// The base URL, without a slash at the end: `https://scim.example/scim/v2`.
    pub base: &'a str,
    /// Which deviations this client is forgiven, and which it has needed so far in this request.
    pub leniency: &'a ToleranceTracker,
    /// What this request brought so far.
    pub observations: &'a Observations,
    /// What happens when a POST names a deactivated user.
    pub inactive_match: InactiveMatch,
    /// Whether two groups of one account may not have the same `displayName`.
    pub unique_group_names: bool,
    /// Limits on the size of answers and of stored documents.
    pub limits: Limits,
    /// Seals and opens this client's cursors; `None` where lists are paged by index only.
    pub cursors: Option<&'a dyn Cursors>,
}

/// Seals cursors, so that a client can neither read nor forge them.
pub trait Cursors {
    /// Seals bytes into text of unreserved characters (RFC 3986 §2.3).
    fn seal(&self, plain: &[u8]) -> String;

    /// The bytes that were sealed for the same client; `None` for any other text.
    fn open(&self, text: &str) -> Option<Vec<u8>>;
}

/// Limits on the size of answers (RFC 7644 §3.4.2.4) and of stored documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Page size where the request has no `count`.
    pub default_page: u32,
    /// The largest page size; a larger `count` is reduced to it. Published as `filter.maxResults`.
    pub max_page: u32,
    /// The most bytes of one page. A page ends early rather than exceed it, but always holds its first resource.
    pub page_bytes: usize,
    /// The most bytes of a resource's document. Members and groups are not part of the document.
    pub document_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { default_page: 100, max_page: 1000, page_bytes: 4 << 20, document_bytes: 256 << 10 }
    }
}

/// What happens when a POST has the `userName` or `externalId` of a deactivated user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InactiveMatch {
    /// The deactivated user is restored: the `id` and memberships stay, the attributes become those of the body.
    #[default]
    Restore,
    /// The request is refused with 409 `uniqueness`; the error names the deactivated user.
    Conflict,
}

impl InactiveMatch {
    /// Every variant.
    pub const ALL: [InactiveMatch; 2] = [InactiveMatch::Restore, InactiveMatch::Conflict];

    /// The name used in settings.
    pub fn name(self) -> &'static str {
        match self {
            InactiveMatch::Restore => "restore",
            InactiveMatch::Conflict => "conflict",
        }
    }
}

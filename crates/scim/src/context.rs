//! What a request brings along besides itself: the time, a source of ids, the schemas, and how patient we are.

use crate::cursor::Cursors;
use crate::resource::Id;
use crate::schema::{Registry, Vocabulary};

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
    /// What we forgive this client.
    pub tolerance: Tolerance,
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

/// Deviations from the RFCs that we forgive, each a switch of its own: `true` forgives. By default all are forgiven,
/// for each is what some identity provider really sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// A POST or PUT without `schemas`.
    pub absent_schemas: bool,
    /// A POST or PUT whose `schemas` names only URNs we do not know (SCIM 1, another vendor's).
    pub foreign_schemas: bool,
    /// `"true"`, `"False"` for a boolean.
    pub boolean_strings: bool,
    /// `42` for a string, `"42"` for a number, a date and time without an offset.
    pub scalar_coercion: bool,
    /// `[true]` for an attribute that is not multi-valued.
    pub singular_in_array: bool,
    /// `{…}` or `"x"` for a multi-valued attribute.
    pub element_without_array: bool,
    /// `"x"` for a complex value `{"value": "x"}`.
    pub bare_complex_value: bool,
    /// `managerId` for a manager's `value`.
    pub manager_id: bool,
    /// `department` beside the core attributes for an extension's `department`.
    pub unqualified_extension_names: bool,
    /// `Add`, `REPLACE`.
    pub operations_in_any_case: bool,
    /// A PATCH with an empty array of operations changes nothing, and succeeds.
    pub empty_operations: bool,
    /// A PATCH operation on an attribute that does not exist changes nothing, and succeeds.
    pub unknown_patch_targets: bool,
    /// `replace` of `emails[type eq "work"].value` creates the element where none matches.
    pub create_on_unmatched_replace: bool,
    /// `remove` with a `value` removes these values only.
    pub remove_listed_values: bool,
    /// Members that do not exist are left out, reported, and do not lose the others.
    pub unknown_members: bool,
}

impl Tolerance {
    /// The RFCs to the letter.
    pub const STRICT: Tolerance = Tolerance {
        absent_schemas: false,
        foreign_schemas: false,
        boolean_strings: false,
        scalar_coercion: false,
        singular_in_array: false,
        element_without_array: false,
        bare_complex_value: false,
        manager_id: false,
        unqualified_extension_names: false,
        operations_in_any_case: false,
        empty_operations: false,
        unknown_patch_targets: false,
        create_on_unmatched_replace: false,
        remove_listed_values: false,
        unknown_members: false,
    };
}

impl Default for Tolerance {
    fn default() -> Tolerance {
        Tolerance {
            absent_schemas: true,
            foreign_schemas: true,
            boolean_strings: true,
            scalar_coercion: true,
            singular_in_array: true,
            element_without_array: true,
            bare_complex_value: true,
            manager_id: true,
            unqualified_extension_names: true,
            operations_in_any_case: true,
            empty_operations: true,
            unknown_patch_targets: true,
            create_on_unmatched_replace: true,
            remove_listed_values: true,
            unknown_members: true,
        }
    }
}

//! Tolerances: each deviation from the RFCs that some real client needs is a named switch.
//!
//! A [`Tolerance`] is one deviation, with its name, what is accepted, and the strict behaviour. [`Tolerances`] are the
//! switches of one client. A [`ToleranceTracker`] is consulted during one request and records what the request needed,
//! so that the caller can count it: identity providers change without notice.
//!
//! What the RFCs allow needs no switch: names and operators of filters in any letter case, readOnly and unknown
//! attributes in a POST or PUT, `null` and `[]` for unassigned, `application/json`.

use std::cell::Cell;

/// Defines the switches: the name on the wire, what is accepted, and what the RFC asks for instead.
macro_rules! tolerances {
    ($($variant:ident $name:literal: $forgives:literal; $letter:literal ($rfc:literal);)*) => {
        /// One deviation from the RFCs that can be forgiven.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Tolerance {
            $(#[doc = $forgives] $variant,)*
        }

        impl Tolerance {
            /// All tolerances.
            pub const ALL: &[Tolerance] = &[$(Tolerance::$variant),*];

            /// The name in settings and reports.
            pub fn name(self) -> &'static str {
                match self { $(Tolerance::$variant => $name),* }
            }

            /// What is accepted, for people.
            pub fn forgives(self) -> &'static str {
                match self { $(Tolerance::$variant => $forgives),* }
            }

            /// What a client has to do, or gets, without the tolerance.
            pub fn strict_behaviour(self) -> &'static str {
                match self { $(Tolerance::$variant => $letter),* }
            }

            /// The section of the RFC.
            pub fn rfc(self) -> &'static str {
                match self { $(Tolerance::$variant => $rfc),* }
            }
        }
    };
}

tolerances! {
    AbsentSchemas "absent_schemas":
        "A POST or PUT without `schemas`.";
        "`schemas` names the resource's own schema" ("RFC 7643 §3.1");
    ForeignSchemas "foreign_schemas":
        "A POST or PUT whose `schemas` names only URNs that are not known here (another vendor's, SCIM 1).";
        "`schemas` names the resource's own schema" ("RFC 7643 §3.1");
    Scim1Urns "scim_1_urns":
        "The URNs of SCIM 1 and of early drafts, such as `urn:scim:schemas:extension:enterprise:1.0`, for today's.";
        "only the URNs in `/Schemas` stand for a schema" ("RFC 7643 §8.7");
    UnqualifiedExtensionNames "unqualified_extension_names":
        "`department` beside the core attributes of a body, for the `department` of the one extension that has it.";
        "an extension's attributes stand in an object under the extension's URN" ("RFC 7643 §3.3");
    PathsAsKeys "paths_as_keys":
        "A path as the name of a member: `name.givenName`, `urn:…:User:department`, `emails[type eq \"work\"].value`.";
        "a member is named after an attribute; a path is the `path` of an operation" ("RFC 7643 §3, RFC 7644 §3.5.2");
    BooleanStrings "boolean_strings":
        "`\"true\"`, `\"False\"` for a boolean, in a body and in a filter (`primary eq \"True\"`).";
        "a boolean is `true` or `false`, without quotes" ("RFC 7643 §2.3.2");
    ScalarCoercion "scalar_coercion":
        "`42` for a string, `\"42\"` for a number, a date and time without an offset; in a body and in a filter.";
        "a value has the type of its attribute" ("RFC 7643 §2.3");
    SingularInArray "singular_in_array":
        "`[true]`, an array of one, for an attribute that is not multi-valued, or for one chosen value.";
        "one value stands without an array" ("RFC 7643 §2.4");
    ElementWithoutArray "element_without_array":
        "`{…}` or `\"x\"`, without an array, for a multi-valued attribute.";
        "the values of a multi-valued attribute stand in an array" ("RFC 7643 §2.4");
    SeparatedValues "separated_values":
        "`\"a;b\"`, a list in one text, for a multi-valued attribute of simple texts, where the account declares what divides its values \
         (`list_separator`). Such a text is the whole list: `add` puts it in the place of the values before.";
        "the values of a multi-valued attribute stand in an array, and `add` adds to them" ("RFC 7643 §2.4, RFC 7644 §3.5.2.1");
    BareComplexValue "bare_complex_value":
        "`\"x\"` for a complex value `{\"value\": \"x\"}`, a member or a manager for instance.";
        "a complex value is an object" ("RFC 7643 §2.3.8");
    JsonText "json_text":
        "`\"[{\\\"value\\\": \\\"x\\\"}]\"`, an array or an object as JSON text in a string, for a multi-valued or complex attribute.";
        "an array or an object stands as it is, not as text" ("RFC 7643 §2.3.8, §2.4");
    NamedAgain "named_again":
        "`{\"members\": […]}`, `[{\"emails\": […]}]` for the value of `members` or `emails`: an object that has the attribute's own \
         name around it.";
        "the value of an attribute does not repeat its name" ("RFC 7643 §2, RFC 7644 §3.5.2");
    ReferenceForValue "reference_for_value":
        "`{\"$ref\": \"…/Users/{id}\"}`, the URL of a resource here, for the `value` of a member or a manager.";
        "the `value` of a reference is an `id`" ("RFC 7643 §4.2, §4.3");
    ManagerId "manager_id":
        "`managerId` for a manager's `value`.";
        "a sub-attribute that does not exist is ignored" ("RFC 7643 §4.3");
    OperationsInAnyCase "operations_in_any_case":
        "`Add`, `REPLACE` for the `op` of a PATCH operation.";
        "`op` is `add`, `remove` or `replace`" ("RFC 7644 §3.5.2");
    EmptyOperations "empty_operations":
        "A PATCH with an empty array of operations: it changes nothing, and succeeds.";
        "a PATCH has one operation or more" ("RFC 7644 §3.5.2");
    UnknownPatchTargets "unknown_patch_targets":
        "A PATCH operation on an attribute that does not exist: it changes nothing, and succeeds.";
        "the `path` of an operation leads to an attribute" ("RFC 7644 §3.5.2");
    ReadOnlyInValues "read_only_in_values":
        "`id`, `meta`, `groups` in the value of a PATCH operation without a path: they are ignored.";
        "a PATCH of what is readOnly is refused" ("RFC 7644 §3.5.2");
    CreateOnUnmatchedReplace "create_on_unmatched_replace":
        "`replace` of `emails[type eq \"work\"].value` where no value matches: the value is created.";
        "a `replace` whose filter matches nothing is refused with `noTarget`" ("RFC 7644 §3.5.2.3");
    ElementForSubAttribute "element_for_sub_attribute":
        "`{\"value\": \"x\"}`, `[{\"$ref\": null, \"value\": \"x\"}]` where `\"x\"` would do: for a simple attribute, an element of one, or a \
         sub-attribute.";
        "a value has the type of its attribute, and the value of an operation is that of the attribute its `path` names"
        ("RFC 7643 §2.3, RFC 7644 §3.5.2");
    FilterOnSingular "filter_on_singular":
        "A filter in the path of an attribute that is complex and not multi-valued: `manager[value eq \"x\"]`.";
        "a path has a filter where there are several values" ("RFC 7644 §3.5.2");
    DottedUrns "dotted_urns":
        "`urn:…:User.department`, a dot between the URN of a schema and the name of an attribute.";
        "a colon stands between them: `urn:…:User:department`" ("RFC 7644 §3.10");
    OwnAttributesInExtensions "own_attributes_in_extensions":
        "An attribute that this service provider has beyond the standard, such as `role`, under the URN of an extension that has no \
         such attribute: `urn:ietf:params:scim:schemas:extension:acme:2.0:User:role`.";
        "an attribute stands under the URN of its own schema; what does not exist is ignored" ("RFC 7643 §3.3");
    PrimaryRole "primary_role":
        "The primary value of `roles` for `role`, where it is one of its allowed values and the request does not send `role`.";
        "`roles` and `role` are two attributes" ("RFC 7643 §4.1.2");
    RemoveListedValues "remove_listed_values":
        "`remove` with a `value`: these values go, the others stay.";
        "`remove` of an attribute takes all of its values; the path chooses, `members[value eq \"…\"]`" ("RFC 7644 §3.5.2.2");
    ValuePathComparisons "value_path_comparisons":
        "A filter `emails[type eq \"work\"].value eq \"x\"`.";
        "the whole condition stands in the brackets: `emails[type eq \"work\" and value eq \"x\"]`" ("RFC 7644 §3.4.2.2");
    MembersByName "members_by_name":
        "A member of a group whose `value` is a user's `externalId` or `userName` instead of the `id`. A name that no \
         user has yet is pending, and joins when a user gets it.";
        "the `value` of a member is an `id`" ("RFC 7643 §4.2");
    UnknownMembers "unknown_members":
        "Members who do not exist: the others are kept, and the answer says who is missing.";
        "a request that names a member who does not exist is refused, and changes nothing" ("RFC 7644 §3.12");
}

impl Tolerance {
    /// The tolerance with this name.
    pub fn named(name: &str) -> Option<Tolerance> {
        Tolerance::ALL.iter().copied().find(|tolerance| tolerance.name() == name)
    }
}

/// A set of tolerances.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Tolerances(u64);

impl Tolerances {
    /// No tolerance: strict conformance to the RFCs.
    pub const NONE: Tolerances = Tolerances(0);

    /// Every tolerance.
    pub const EVERY: Tolerances = Tolerances((1 << Tolerance::ALL.len()) - 1);

    /// Whether the tolerance is in the set.
    pub const fn contains(self, tolerance: Tolerance) -> bool {
        self.0 & (1 << tolerance as u32) != 0
    }

    /// The set with one more tolerance.
    pub const fn with(self, tolerance: Tolerance) -> Tolerances {
        Tolerances(self.0 | (1 << tolerance as u32))
    }

    /// The set without one tolerance.
    pub const fn without(self, tolerance: Tolerance) -> Tolerances {
        Tolerances(self.0 & !(1 << tolerance as u32))
    }

    /// The tolerances of the set, in the order of [`Tolerance::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Tolerance> {
        Tolerance::ALL.iter().copied().filter(move |tolerance| self.contains(*tolerance))
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::fmt::Debug for Tolerances {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(Tolerance::name)).finish()
    }
}

impl FromIterator<Tolerance> for Tolerances {
    fn from_iter<I: IntoIterator<Item = Tolerance>>(tolerances: I) -> Tolerances {
        tolerances.into_iter().fold(Tolerances::NONE, Tolerances::with)
    }
}

/// The tolerances of one client during one request, and those that the request needed.
#[derive(Debug, Clone, Default)]
pub struct ToleranceTracker {
    on: Tolerances,
    forgiven: Cell<Tolerances>,
    missed: Cell<Tolerances>,
}

impl ToleranceTracker {
    /// For one request of a client with these tolerances.
    pub fn new(on: Tolerances) -> ToleranceTracker {
        ToleranceTracker { on, ..ToleranceTracker::default() }
    }

    /// With every tolerance.
    pub fn generous() -> ToleranceTracker {
        ToleranceTracker::new(Tolerances::EVERY)
    }

    /// Whether the client is forgiven a deviation that the request has. Records the need in either case.
    pub fn forgives(&self, tolerance: Tolerance) -> bool {
        let on = self.on.contains(tolerance);
        let noted = if on { &self.forgiven } else { &self.missed };
        noted.set(noted.get().with(tolerance));
        on
    }

    /// Whether the client would be forgiven the deviation. Records nothing.
    pub fn would_forgive(&self, tolerance: Tolerance) -> bool {
        self.on.contains(tolerance)
    }

    /// The tolerances that were used so far.
    pub fn forgiven(&self) -> Tolerances {
        self.forgiven.get()
    }

    /// The tolerances that the request needed and the client lacks.
    pub fn missed(&self) -> Tolerances {
        self.missed.get()
    }
}

#[cfg(test)]
mod tests;

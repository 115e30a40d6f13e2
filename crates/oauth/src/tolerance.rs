//! What is forgiven: each deviation from the OAuth RFCs that some real client needs is a named switch.
//!
//! A [`Tolerance`] is one deviation, with its name, what is forgiven and what the RFC asks for instead. [`Tolerances`] are the switches of
//! one client. [`Needs`] is what one request needed of them, so that the caller can count it.

use crate::client_id::ClientId;

/// Defines the switches: a name on the wire, what is forgiven, and what the RFC asks for instead.
macro_rules! tolerances {
    ($($variant:ident $name:literal: $forgives:literal; $letter:literal ($rfc:literal);)*) => {
        /// One deviation from the RFCs that can be forgiven.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Tolerance {
            $(#[doc = $forgives] $variant,)*
        }

        impl Tolerance {
            /// All of them.
            pub const ALL: &[Tolerance] = &[$(Tolerance::$variant),*];

            /// Its name in settings and reports.
            pub fn name(self) -> &'static str {
                match self { $(Tolerance::$variant => $name),* }
            }

            /// What is forgiven, for users.
            pub fn forgives(self) -> &'static str {
                match self { $(Tolerance::$variant => $forgives),* }
            }

            /// What a client has to do where it is not forgiven.
            pub fn strict_behaviour(self) -> &'static str {
                match self { $(Tolerance::$variant => $letter),* }
            }

            /// Where the RFC says so.
            pub fn rfc(self) -> &'static str {
                match self { $(Tolerance::$variant => $rfc),* }
            }
        }
    };
}

tolerances! {
    CredentialsTwice "credentials_sent_twice":
        "The same client ID and secret in the `Authorization` header and in the body.";
        "a client sends its credentials once, in the header or in the body" ("RFC 6749 §2.3");
    ScopeSeparators "scope_separators":
        "Scopes divided by commas, semicolons, tabs, line breaks or `+`, and a `scope` that is percent-encoded twice.";
        "scopes are divided by spaces" ("RFC 6749 §3.3");
}

/// A set of switches that are on.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Tolerances(u64);

impl Tolerances {
    /// Nothing is forgiven: the RFCs to the letter.
    pub const NONE: Tolerances = Tolerances(0);

    /// Everything is forgiven.
    pub const EVERY: Tolerances = Tolerances((1 << Tolerance::ALL.len()) - 1);

    /// Whether it is on.
    pub const fn contains(self, tolerance: Tolerance) -> bool {
        self.0 & (1 << tolerance as u32) != 0
    }

    /// With one more on.
    pub const fn with(self, tolerance: Tolerance) -> Tolerances {
        Tolerances(self.0 | (1 << tolerance as u32))
    }

    /// With one off.
    pub const fn without(self, tolerance: Tolerance) -> Tolerances {
        Tolerances(self.0 & !(1 << tolerance as u32))
    }

    /// Whether none is on.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::fmt::Debug for Tolerances {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let on = Tolerance::ALL.iter().filter(|tolerance| self.contains(**tolerance));
        f.debug_set().entries(on.map(|tolerance| tolerance.name())).finish()
    }
}

/// The deviations of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The client.
    pub client: Option<ClientId>,
    /// The deviations that were forgiven.
    pub forgiven: Tolerances,
    /// The deviations that were refused.
    pub missed: Tolerances,
}

impl Needs {
    /// Whether nothing was needed.
    pub fn is_empty(&self) -> bool {
        self.forgiven.is_empty() && self.missed.is_empty()
    }
}

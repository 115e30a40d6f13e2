//! The [`Reader`] of values: for which client, under which rules, and beside which stored values. Its methods are in
//! [`value`](super::value), [`meant`](super::meant) and [`stored`](super::stored).

use serde_json::{Map, Value};

use crate::observations::Observations;
use crate::schema::{AccountValues, Attribute, Schema};
use crate::tolerance::{Tolerance, ToleranceTracker};

/// The longest text of an attribute, in bytes.
pub(crate) const MAX_TEXT: usize = 64 * 1024;
/// The longest text of a unique attribute, in bytes: it is an index key, and for `userName` the name that a user types
/// to log in.
pub(crate) const MAX_UNIQUE_TEXT: usize = 1024;
/// The most values of one attribute. Members of a group are not in the document and not counted.
pub(crate) const MAX_VALUES: usize = 1000;

/// The name of an attribute in errors: `name.givenName`, `urn:…:enterprise:2.0:User:department`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub extension: Option<&'a str>,
    pub name: &'a str,
    pub sub: Option<&'a str>,
}

impl<'a> Named<'a> {
    pub(crate) fn new(extension: Option<&'a Schema>, attribute: &'a Attribute) -> Named<'a> {
        Named { extension: extension.map(|e| e.id.as_str()), name: &attribute.name, sub: None }
    }

    pub(crate) fn sub(self, sub: &'a Attribute) -> Named<'a> {
        Named { sub: Some(&sub.name), ..self }
    }
}

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(urn) = self.extension {
            write!(f, "{urn}:")?;
        }
        f.write_str(self.name)?;
        if let Some(sub) = self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}

/// Reads values for one client of one service provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub account_values: &'a AccountValues,
    pub leniency: &'a ToleranceTracker,
    /// The base URL of the resources, without a slash at the end.
    pub base: &'a str,
    /// Collects what the request brought.
    pub observations: &'a Observations,
    /// Whether closed lists are enforced. They are not where values are only compared with stored ones.
    pub lists: bool,
    /// The stored values, which a request may repeat.
    pub existing: Existing<'a>,
}

/// The stored values that a request may repeat.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Existing<'a> {
    /// The resource is new.
    #[default]
    Nothing,
    /// The stored document.
    Document(&'a Map<String, Value>),
    /// One complex value of the stored document.
    Element(&'a Value),
}

impl Reader<'_> {
    /// Whether the client is forgiven a deviation that the request has.
    pub(crate) fn forgives(&self, tolerance: Tolerance) -> bool {
        self.leniency.forgives(tolerance)
    }
}

//! Who reads a value, for whom, and beside what is stored: what [`value`](super::value), [`meant`](super::meant) and
//! [`stored`](super::stored) are methods of.

use serde_json::{Map, Value};

use crate::ignored::Ignored;
use crate::schema::{AccountValues, Attribute, Schema};
use crate::tolerance::{Tolerance, ToleranceTracker};

/// The longest text of an ordinary attribute, in bytes.
pub(crate) const MAX_TEXT: usize = 64 * 1024;
/// The longest text of an attribute that has to be unique: it becomes an index key, and a person's name for signing in.
pub(crate) const MAX_UNIQUE_TEXT: usize = 1024;
/// The most values of one attribute. (A group's members are not kept in the document and not counted.)
pub(crate) const MAX_VALUES: usize = 1000;

/// What an error calls an attribute: `name.givenName`, `urn:…:enterprise:2.0:User:department`.
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
    /// Where our resources are, without a slash at the end.
    pub base: &'a str,
    /// What was sent and names nothing here.
    pub ignored: &'a Ignored,
    /// Whether values are held against their closed lists: not where they are only compared with what is stored.
    pub lists: bool,
    /// What the resource has already, and may therefore be said again.
    pub existing: Existing<'a>,
}

/// What values are compared with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Existing<'a> {
    /// The resource is new.
    #[default]
    Nothing,
    /// The document of the resource.
    Document(&'a Map<String, Value>),
    /// One complex value of it.
    Element(&'a Value),
}

impl Reader<'_> {
    /// Whether a deviation that is there is forgiven.
    pub(crate) fn forgives(&self, tolerance: Tolerance) -> bool {
        self.leniency.forgives(tolerance)
    }
}

//! Attribute paths (RFC 7644 §3.5.2 figure 7, §3.10): `emails[type eq "work"].value`, `urn:…:User:manager.displayName`.

use std::fmt;

use crate::query::filter::{Filter, Predicate};
use crate::schema::{Attribute, Schema};

/// A path as written: grammar only.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributePath {
    /// The schema URN before the name, as written.
    pub urn: Option<String>,
    /// The attribute's name, as written.
    pub name: String,
    /// The value filter in brackets.
    pub filter: Option<Filter>,
    /// The sub-attribute after the dot.
    pub sub: Option<String>,
}

/// A path whose every part exists in a resource type's schema. A path may also name an extension as a whole
/// (`urn:…:enterprise:2.0:User`): then there is no attribute.
#[derive(Debug, Clone)]
pub struct ResolvedPath<'r> {
    /// The extension the attribute belongs to; `None` for core and common attributes.
    pub extension: Option<&'r Schema>,
    /// The attribute; `None` for an extension as a whole.
    pub attribute: Option<&'r Attribute>,
    /// Which of the attribute's values.
    pub filter: Option<Predicate>,
    /// Which sub-attribute of them.
    pub sub: Option<&'r Attribute>,
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

//! Attribute paths (RFC 7644 §3.5.2 figure 7, §3.10): `emails[type eq "work"].value`, `urn:…:User:manager.displayName`.

use std::fmt;

use crate::error::Error;
use crate::filter::{Filter, Predicate};
use crate::schema::{Attribute, ResourceType, Schema};
use crate::tolerance::Leniency;

/// A path as written: grammar, nothing else.
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
    /// Which of its values.
    pub filter: Option<Predicate>,
    /// Which part of them.
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

impl std::str::FromStr for AttributePath {
    type Err = Error;
    /// Parses a path; [`Error::InvalidPath`] says where and why.
    fn from_str(text: &str) -> Result<Self, Error> {
        crate::filter::parse::path(text)
    }
}

impl AttributePath {
    /// Looks the path up, names compared without regard to case. `Ok(None)`: no such attribute.
    pub fn resolve<'r>(&self, resource_type: &'r ResourceType) -> Result<Option<ResolvedPath<'r>>, Error> {
        self.resolve_for(resource_type, &Leniency::generous())
    }

    /// The same for a client that is not forgiven everything.
    pub fn resolve_for<'r>(
        &self,
        resource_type: &'r ResourceType,
        leniency: &Leniency,
    ) -> Result<Option<ResolvedPath<'r>>, Error> {
        crate::filter::resolve::path(self, resource_type, leniency)
    }
}

//! SCIM filters (RFC 7644 §3.4.2.2): text in, questions about resources out.
//!
//! Parsing, name resolution and evaluation are three types:
//!
//! ```text
//! text ──parse──▶ Filter ──resolve(&ResourceType)──▶ Predicate ──▶ matches(&Resource)  or  plan ──▶ an index
//! ```
//!
//! [`Filter`] knows the grammar and nothing else. In a [`Predicate`] every attribute exists, every operator fits its
//! attribute's type and every literal is folded like the search keys. Only a `Predicate` can be evaluated, so an
//! unknown attribute is a 400 before any query runs.
//!
//! ```
//! let filter: scim::Filter = r#"userName sw "bj" and not (active eq false)"#.parse()?;
//! assert!(filter.resolve(&scim::schema::user())?.matches(&scim::examples::barbara_jensen()));
//! # Ok::<(), scim::Error>(())
//! ```
//!
//! Where the RFC leaves a choice:
//!
//! * A multi-valued attribute matches if any value does, also with `ne`; an attribute without a value is `ne` to all.
//! * `eq null` asks for no value, `ne null` for one, like `not (… pr)` and `… pr`.
//! * A complex attribute without a sub-attribute is compared by its `value`.
//! * An extension's attribute may be named without its URN where no other has the name.
//! * dateTimes are instants to the millisecond.
//! * `groups` are those an answer shows: direct and indirect ones. `groups[type eq "direct"]` asks for the direct ones.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::error::Error;
use crate::query::path::AttributePath;
use crate::schema::AttributeKey;
use crate::schema::ResourceType;
use crate::tolerance::ToleranceTracker;

mod compare;
mod matches;
mod misnamed;
pub(crate) mod parse;
mod plan;
mod refusals;
pub(crate) mod resolve;
pub(crate) mod target;

use compare::Literal;
use target::Target;

/// The longest filter, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;
/// The deepest nesting of parentheses and brackets.
pub const MAX_DEPTH: usize = 32;
/// The most comparisons in one filter.
pub const MAX_NODES: usize = 256;

/// A filter as written: grammar only. `And` and `Or` have at least two parts.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// At least one of them.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// `title pr`
    Present(Box<AttributePath>),
    /// `userName eq "bjensen"`; the value is a string, a number, `true`, `false` or `null`.
    Compare(Box<AttributePath>, Operator, Value),
    /// `emails[type eq "work"]`: at least one value matches. The path has a filter and no sub-attribute.
    Some(Box<AttributePath>),
}

/// A comparison (RFC 7644 table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // named as in the RFC
pub enum Operator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A filter resolved for one resource type, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate(Node);

/// Which relational attributes have to be loaded before a resource is matched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// [`Resource::members`](crate::resource::Resource::members)
    pub members: bool,
    /// [`Resource::groups`](crate::resource::Resource::groups)
    pub groups: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// The resource type decides.
    Constant(bool),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Test),
    /// At least one value of the target matches; inside, targets are sub-attributes of that value.
    Some(Target, Box<Node>),
}

/// A condition on one attribute.
#[derive(Debug, Clone, PartialEq)]
struct Test {
    target: Target,
    /// The key of the attribute in the index, if it is indexed.
    index: Option<AttributeKey>,
    question: Question,
}

#[derive(Debug, Clone, PartialEq)]
enum Question {
    Present,
    Compare(Operator, Literal),
}

impl FromStr for Filter {
    type Err = Error;
    /// Parses a filter; [`Error::InvalidFilter`] says what is wrong and at which column.
    fn from_str(text: &str) -> Result<Filter, Error> {
        parse::filter(text)
    }
}

impl Filter {
    /// Resolves every attribute for a resource type; [`Error::InvalidFilter`] names an attribute that does not exist or
    /// cannot be compared.
    pub fn resolve(&self, resource_type: &ResourceType) -> Result<Predicate, Error> {
        self.resolve_for(resource_type, &ToleranceTracker::generous())
    }

    /// Like [`resolve`](Self::resolve), within the tolerances of one client.
    pub fn resolve_for(&self, resource_type: &ResourceType, leniency: &ToleranceTracker) -> Result<Predicate, Error> {
        resolve::filter(self, resource_type, leniency).map(Predicate)
    }

    /// Resolves a filter for several resource types, with one predicate for each. An attribute that a type lacks has no
    /// value there (RFC 7644 §3.4.2.1); one that all of them lack is an error.
    pub fn resolve_among(
        &self,
        resource_types: &[&ResourceType],
        leniency: &ToleranceTracker,
    ) -> Result<Vec<Predicate>, Error> {
        resolve::among(self, resource_types, leniency).map(|nodes| nodes.into_iter().map(Predicate).collect())
    }
}

impl Needs {
    /// The union of both.
    pub fn and(self, other: Needs) -> Needs {
        Needs { members: self.members || other.members, groups: self.groups || other.groups }
    }
}

impl Predicate {
    /// Which relational attributes have to be loaded before [`matches`](Predicate::matches) is called.
    pub fn needs(&self) -> Needs {
        self.0.needs()
    }
}

impl Node {
    fn needs(&self) -> Needs {
        match self {
            Node::Constant(_) => Needs::default(),
            Node::All(parts) | Node::Any(parts) => parts.iter().map(Node::needs).fold(Needs::default(), Needs::and),
            Node::Not(inner) => inner.needs(),
            Node::Test(test) => test.target.needs(),
            Node::Some(target, inner) => target.needs().and(inner.needs()),
        }
    }
}

impl Operator {
    /// The operator as written, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::Eq => "eq",
            Operator::Ne => "ne",
            Operator::Co => "co",
            Operator::Sw => "sw",
            Operator::Ew => "ew",
            Operator::Gt => "gt",
            Operator::Ge => "ge",
            Operator::Lt => "lt",
            Operator::Le => "le",
        }
    }

    fn parse(word: &str) -> Option<Operator> {
        use Operator::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
        [Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le].into_iter().find(|operator| operator.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = |f: &mut fmt::Formatter<'_>, part: &Filter, parentheses: bool| match parentheses {
            true => write!(f, "({part})"),
            false => write!(f, "{part}"),
        };
        match self {
            Filter::And(parts) => {
                separated(f, parts, " and ", |f, part| group(f, part, matches!(part, Filter::And(_) | Filter::Or(_))))
            }
            Filter::Or(parts) => separated(f, parts, " or ", |f, part| group(f, part, matches!(part, Filter::Or(_)))),
            Filter::Not(inner) => write!(f, "not ({inner})"),
            Filter::Present(path) => write!(f, "{path} pr"),
            Filter::Compare(path, operator, value) => write!(f, "{path} {} {value}", operator.as_str()),
            Filter::Some(path) => write!(f, "{path}"),
        }
    }
}

fn separated(
    f: &mut fmt::Formatter<'_>,
    parts: &[Filter],
    between: &str,
    show: impl Fn(&mut fmt::Formatter<'_>, &Filter) -> fmt::Result,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        show(f, part)?;
    }
    Ok(())
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

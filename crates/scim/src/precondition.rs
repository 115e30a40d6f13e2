//! Entity tags in conditional requests (RFC 7644 §3.14, RFC 9110 §13.1).

use crate::error::Error;
use crate::resource::Resource;

/// The condition of an `If-Match`. It is evaluated under the lock of the change itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// No condition.
    #[default]
    None,
    /// `*`: the resource exists.
    Exists,
    /// The resource is in one of these versions: entity tags without `W/` and quotes.
    OneOf(Vec<String>),
}

impl Precondition {
    /// Reads the value of `If-Match`; several header fields are joined by commas.
    pub fn if_match(header: Option<&str>) -> Precondition {
        match header.map(str::trim) {
            None => Precondition::None,
            Some("*") => Precondition::Exists,
            Some(list) => Precondition::OneOf(tags(list).map(str::to_owned).collect()),
        }
    }

    pub(crate) fn check(&self, resource: &Resource) -> Result<(), Error> {
        let current = resource.etag();
        match self {
            Precondition::None | Precondition::Exists => Ok(()),
            Precondition::OneOf(expected) if expected.iter().any(|tag| tag == opaque(&current)) => Ok(()),
            Precondition::OneOf(_) => Err(Error::Stale(format!(
                "The resource has changed meanwhile: its version is {current}. Read it again before changing it."
            ))),
        }
    }
}

/// Whether `If-None-Match` names the current version, so that a GET answers 304.
pub fn none_match(header: &str, etag: &str) -> bool {
    header.trim() == "*" || tags(header).any(|tag| tag == opaque(etag))
}

/// The opaque tags of a list. Our tags are weak and contain no comma, so the comparison is weak, on the text between
/// quotes.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(opaque).filter(|tag| !tag.is_empty())
}

fn opaque(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").or_else(|| tag.strip_prefix("w/")).unwrap_or(tag);
    tag.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn point_36_if_none_match_compares_weakly_and_knows_lists_and_the_star() {
        let check = |header: &str, same: bool| assert_eq!(none_match(header, "W/\"7\""), same, "{header}");
        check("W/\"7\"", true);
        check("\"7\"", true);
        check("W/\"6\", W/\"7\"", true);
        check("*", true);
        check("W/\"6\"", false);
        check("W/\"77\"", false);
        check("", false);
    }

    #[test]
    fn if_match_is_read_as_a_star_or_a_list() {
        assert_eq!(Precondition::if_match(None), Precondition::None);
        assert_eq!(Precondition::if_match(Some(" * ")), Precondition::Exists);
        let list = Precondition::OneOf(vec!["1".to_owned(), "2".to_owned()]);
        assert_eq!(Precondition::if_match(Some("W/\"1\", \"2\"")), list);
    }
}

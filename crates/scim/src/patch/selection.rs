//! What the filter of a value path says by itself: the members it names, the values it asks for.

use serde_json::Value;

use crate::query::filter::{Filter, Operator, Predicate};
use crate::query::path::AttributePath;

/// The filter of a path, as written and as resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection<'s> {
    pub filter: &'s Filter,
    pub predicate: &'s Predicate,
}

/// The names in `value eq "…" or value eq "…"`; `None` for any other filter.
pub(crate) fn names(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        Filter::Compare(path, Operator::Eq, Value::String(text)) => {
            let by_value = is_bare(path) && path.name.eq_ignore_ascii_case("value");
            by_value.then(|| vec![text.clone()])
        }
        Filter::Or(parts) => Some(parts.iter().map(names).collect::<Option<Vec<_>>>()?.concat()),
        _ => None,
    }
}

/// The values that an element needs for `type eq "work" and primary eq true` to select it; `None` for a filter of any
/// other form.
pub(crate) fn equalities(filter: &Filter) -> Option<Vec<(&str, &Value)>> {
    match filter {
        Filter::Compare(path, Operator::Eq, value) => is_bare(path).then(|| vec![(path.name.as_str(), value)]),
        Filter::And(parts) => Some(parts.iter().map(equalities).collect::<Option<Vec<_>>>()?.concat()),
        _ => None,
    }
}

fn is_bare(path: &AttributePath) -> bool {
    path.urn.is_none() && path.filter.is_none() && path.sub.is_none()
}

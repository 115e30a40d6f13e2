//! What can be read off a value path's filter without asking anybody: the members it names, the values it gives.

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

/// What an element must be so that `type eq "work" and primary eq true` selects it; `None` if the filter says more, or
/// something else, than that.
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

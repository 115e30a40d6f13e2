//! Which part of a predicate an index can answer. A plan never excludes a match; see [`Plan::exact`].
//!
//! A multi-valued attribute has a key for each value. Two conditions on it are two index queries, each satisfied by
//! some value. That is what `and` means outside brackets; inside brackets one value has to satisfy both, so the plan is
//! not exact.

use super::compare::Literal;
use super::target::{Origin, Target};
use super::{Node, Operator, Predicate, Question, Test};
use crate::query::index_query::{IndexQuery, KeyRange, Plan};
use crate::resource::Id;
use crate::schema::AttributeKey;
use crate::schema::ResourceType;
use crate::schema::key_text::{MARK, WHOLE, of_boolean, of_decimal, of_folded, of_integer, prefix};

impl Predicate {
    /// The plan for resources of the type that the predicate was resolved for.
    pub fn plan(&self, _resource_type: &ResourceType) -> Plan {
        self.0.plan(None)
    }
}

const EVERYTHING: Plan = Plan { index_query: IndexQuery::Any, exact: true };
const NOTHING: Plan = Plan { index_query: IndexQuery::Nothing, exact: true };
const NO_IDEA: Plan = Plan { index_query: IndexQuery::Any, exact: false };

fn exactly(index_query: IndexQuery) -> Plan {
    Plan { index_query, exact: true }
}

impl Node {
    /// `outer` is the attribute of the brackets that this node is in.
    fn plan(&self, outer: Option<&Target>) -> Plan {
        match self {
            Node::Constant(true) => EVERYTHING,
            Node::Constant(false) => NOTHING,
            Node::All(parts) => all(parts.iter().map(|part| part.plan(outer))),
            Node::Any(parts) => any(parts.iter().map(|part| part.plan(outer))),
            Node::Not(inner) => match inner.plan(outer) {
                plan if plan == NOTHING => EVERYTHING,
                plan if plan == EVERYTHING => NOTHING,
                _ => NO_IDEA,
            },
            Node::Test(test) => test.plan(outer),
            Node::Some(target, inner) => {
                let plan = inner.plan(Some(target));
                // one condition on one value is a condition on its key; an absent value has no key
                let single = matches!(**inner, Node::Test(_)) && plan.index_query != IndexQuery::Any;
                let exact = plan.exact && (single || plan.index_query == IndexQuery::Nothing);
                Plan { index_query: plan.index_query, exact }
            }
        }
    }
}

fn all(plans: impl Iterator<Item = Plan>) -> Plan {
    let mut exact = true;
    let mut queries = Vec::new();
    for plan in plans {
        match plan.index_query {
            IndexQuery::Nothing => return NOTHING,
            IndexQuery::Any => {}
            IndexQuery::All(parts) => queries.extend(parts),
            index_query => queries.push(index_query),
        }
        exact &= plan.exact;
    }
    let index_query = match queries.len() {
        0 => IndexQuery::Any,
        1 => queries.swap_remove(0),
        _ => IndexQuery::All(queries),
    };
    Plan { index_query, exact }
}

fn any(plans: impl Iterator<Item = Plan>) -> Plan {
    let mut exact = true;
    let mut unbounded = false;
    let mut queries = Vec::new();
    for plan in plans {
        if plan == EVERYTHING {
            return EVERYTHING;
        }
        match plan.index_query {
            IndexQuery::Nothing => {}
            IndexQuery::Any => unbounded = true,
            IndexQuery::AnyOf(parts) => queries.extend(parts),
            index_query => queries.push(index_query),
        }
        exact &= plan.exact;
    }
    let index_query = match queries.len() {
        _ if unbounded => return NO_IDEA,
        0 => IndexQuery::Nothing,
        1 => queries.swap_remove(0),
        _ => IndexQuery::AnyOf(queries),
    };
    Plan { index_query, exact }
}

impl Test {
    fn plan(&self, outer: Option<&Target>) -> Plan {
        let origin = outer.map_or(&self.target.origin, |outer| &outer.origin);
        let part = self.target.sub.as_deref();
        let (operator, literal) = match &self.question {
            Question::Present => {
                return match (origin, self.index) {
                    (Origin::Id | Origin::Created | Origin::LastModified | Origin::Version, _) => EVERYTHING,
                    (_, Some(attribute)) => between(attribute, None, None),
                    _ => NO_IDEA,
                };
            }
            Question::Compare(operator, literal) => (*operator, literal),
        };
        match (origin, part, literal) {
            (Origin::Id, _, Literal::Text { text, .. }) if operator == Operator::Eq => by_id(text, IndexQuery::Id),
            (Origin::Members, Some("value"), Literal::Text { text, .. }) if operator == Operator::Eq => {
                by_id(text, IndexQuery::HasMember)
            }
            (Origin::Groups, Some("value"), Literal::Text { text, .. }) if operator == Operator::Eq => {
                by_id(text, IndexQuery::MemberOf)
            }
            (Origin::LastModified, _, Literal::Instant(instant)) => last_modified(operator, *instant),
            _ => self.index.map_or(NO_IDEA, |attribute| by_key(attribute, operator, literal)),
        }
    }
}

/// A text that cannot be an id selects nothing.
fn by_id(text: &str, index_query: fn(Id) -> IndexQuery) -> Plan {
    Id::new(text).map_or(NOTHING, |id| exactly(index_query(id)))
}

fn last_modified(operator: Operator, at: i64) -> Plan {
    let after = at.saturating_add(1);
    let (from, until) = match operator {
        Operator::Eq => (Some(at), Some(after)),
        Operator::Gt => (Some(after), None),
        Operator::Ge => (Some(at), None),
        Operator::Lt => (None, Some(at)),
        Operator::Le => (None, Some(after)),
        Operator::Ne | Operator::Co | Operator::Sw | Operator::Ew => return NO_IDEA,
    };
    exactly(IndexQuery::LastModified { from, until })
}

fn by_key(attribute: AttributeKey, operator: Operator, literal: &Literal) -> Plan {
    let key = match literal {
        Literal::Text { text, .. } => return by_text(attribute, operator, text),
        Literal::Boolean(value) => of_boolean(*value).to_owned(),
        Literal::Integer(value) | Literal::Instant(value) => of_integer(*value),
        Literal::Decimal(value) => of_decimal(*value),
    };
    if operator == Operator::Eq {
        return equals(attribute, key);
    }
    ordered(attribute, operator, key)
}

/// A literal longer than [`WHOLE`] selects a range by its beginning only, so the plan is not exact.
fn by_text(attribute: AttributeKey, operator: Operator, text: &str) -> Plan {
    if operator == Operator::Eq {
        return match text {
            "" => NOTHING, // an empty value is none (RFC 7643 §2.5)
            text => equals(attribute, of_folded(text.into())),
        };
    }
    let start = prefix(text, WHOLE);
    let whole = start.len() == text.len();
    let plan = match operator {
        Operator::Sw => between(attribute, Some(start.to_owned()), after_all_with(start)),
        Operator::Gt | Operator::Ge if !whole => between(attribute, Some(start.to_owned()), None),
        Operator::Lt | Operator::Le if !whole => between(attribute, None, after_all_with(start)),
        operator => ordered(attribute, operator, start.to_owned()),
    };
    Plan { exact: plan.exact && whole, ..plan }
}

/// The first possible key after a key: keys hold no U+0000, so it is the key followed by U+0001.
fn ordered(attribute: AttributeKey, operator: Operator, key: String) -> Plan {
    let next = |mut key: String| {
        key.push(MARK);
        Some(key)
    };
    match operator {
        Operator::Gt => between(attribute, next(key), None),
        Operator::Ge => between(attribute, Some(key), None),
        Operator::Lt => between(attribute, None, Some(key)),
        Operator::Le => between(attribute, None, next(key)),
        Operator::Eq | Operator::Ne | Operator::Co | Operator::Sw | Operator::Ew => NO_IDEA,
    }
}

fn equals(attribute: AttributeKey, key: String) -> Plan {
    exactly(IndexQuery::Keys { attribute, range: KeyRange::Equals(key) })
}

fn between(attribute: AttributeKey, from: Option<String>, until: Option<String>) -> Plan {
    exactly(IndexQuery::Keys { attribute, range: KeyRange::Between { from, until } })
}

/// The first text after all texts with this prefix; `None` where none follows.
fn after_all_with(start: &str) -> Option<String> {
    let mut text = start.to_owned();
    while let Some(last) = text.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'), // what lies between is no character
            char::MAX => None,
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

//! Evaluates a predicate on a resource or on one value of an attribute. No other place decides what a filter means.

use serde_json::Value;

use super::target::{Datum, Scope};
use super::{Node, Operator, Predicate, Question, Test};
use crate::resource::Resource;

impl Predicate {
    /// Whether a resource matches. What the predicate [needs](Predicate::needs) has to be loaded.
    pub fn matches(&self, resource: &Resource) -> bool {
        self.0.holds(Scope::Resource(resource))
    }

    /// Whether one value of a multi-valued attribute matches the filter of a value path (`emails[type eq "work"]`).
    pub fn matches_value(&self, element: &Value) -> bool {
        self.0.holds(Scope::Element(Datum::Json(element)))
    }
}

impl Node {
    fn holds(&self, scope: Scope<'_>) -> bool {
        match self {
            Node::Constant(value) => *value,
            Node::All(parts) => parts.iter().all(|part| part.holds(scope)),
            Node::Any(parts) => parts.iter().any(|part| part.holds(scope)),
            Node::Not(inner) => !inner.holds(scope),
            Node::Test(test) => test.holds(scope),
            Node::Some(target, inner) => target.any(scope, &mut |element| inner.holds(Scope::Element(element))),
        }
    }
}

impl Test {
    fn holds(&self, scope: Scope<'_>) -> bool {
        match &self.question {
            Question::Present => self.target.any(scope, &mut |_| true),
            Question::Compare(operator, literal) => {
                let mut assigned = false;
                let found = self.target.any(scope, &mut |datum| {
                    assigned = true;
                    literal.holds(*operator, datum)
                });
                found || (*operator == Operator::Ne && !assigned)
            }
        }
    }
}

//! Compares one literal with one value (RFC 7644 table 3).

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::Operator;
use super::target::Datum;
use crate::resource::value::boolean_in;
use crate::schema::key_text::{fold, instant};
use crate::schema::{Attribute, Type};
use crate::tolerance::{Tolerance, ToleranceTracker};

/// A literal in the type of its attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    /// Folded, unless the attribute is `caseExact`.
    Text {
        text: String,
        exact: bool,
    },
    Boolean(bool),
    Integer(i64),
    Decimal(f64),
    /// Milliseconds since the epoch.
    Instant(i64),
}

impl Literal {
    /// Reads a literal as a value of this attribute; the error says which literal would fit.
    pub(super) fn read(
        attribute: &Attribute,
        value: &Value,
        leniency: &ToleranceTracker,
    ) -> Result<Literal, &'static str> {
        let coerces = || leniency.forgives(Tolerance::ScalarCoercion);
        match attribute.r#type {
            Type::String | Type::Reference | Type::Binary => {
                let text = match value {
                    Value::String(text) => Cow::Borrowed(text.as_str()),
                    Value::Number(number) if coerces() => Cow::Owned(number.to_string()), // employeeNumber eq 701984
                    _ => return Err("text in double quotes"),
                };
                let exact = attribute.case_exact;
                let text = if exact { text.into_owned() } else { fold(&text).into_owned() };
                Ok(Literal::Text { text, exact })
            }
            Type::Boolean => match value {
                Value::Bool(value) => Some(*value),
                Value::String(text) => boolean_in(text).filter(|_| leniency.forgives(Tolerance::BooleanStrings)),
                _ => None,
            }
            .map(Literal::Boolean)
            .ok_or("true or false"),
            Type::Integer | Type::Decimal if value.is_string() && decimal(value).is_some() && !coerces() => {
                Err("a number without quotes")
            }
            Type::Integer => integer(value).map(Literal::Integer).ok_or("a whole number"),
            Type::Decimal => decimal(value).map(Literal::Decimal).ok_or("a number"),
            Type::DateTime => {
                const FITTING: &str = "a date and time in double quotes, such as \"2011-05-13T04:42:34Z\"";
                let text = value.as_str().ok_or(FITTING)?;
                let at = instant(text).ok_or(FITTING)?;
                let complete = chrono::DateTime::parse_from_rfc3339(text).is_ok() || coerces();
                if complete { Ok(Literal::Instant(at)) } else { Err(FITTING) }
            }
            Type::Complex => Err("a sub-attribute"),
        }
    }

    /// Whether a value satisfies the comparison. A value of another type satisfies only `ne`.
    pub(super) fn holds(&self, operator: Operator, datum: Datum<'_>) -> bool {
        let ordering = match self {
            Literal::Text { text, exact } => {
                let Some(value) = datum.text() else { return operator == Operator::Ne };
                let value = if *exact { Cow::Borrowed(value) } else { fold(value) };
                return of_text(operator, &value, text);
            }
            Literal::Boolean(literal) => datum.boolean().map(|value| value.cmp(literal)),
            Literal::Integer(literal) => datum.integer().map(|value| value.cmp(literal)),
            Literal::Decimal(literal) => datum.decimal().and_then(|value| value.partial_cmp(literal)),
            Literal::Instant(literal) => datum.instant().map(|value| value.cmp(literal)),
        };
        match ordering {
            Some(ordering) => operator.admits(ordering),
            None => operator == Operator::Ne,
        }
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| {
            let whole = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9e15)?;
            Some(whole as i64)
        }),
        _ => None,
    }
}

fn decimal(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse().ok().filter(|value: &f64| value.is_finite()),
        value => value.as_f64(),
    }
}

fn of_text(operator: Operator, value: &str, literal: &str) -> bool {
    match operator {
        Operator::Co => value.contains(literal),
        Operator::Sw => value.starts_with(literal),
        Operator::Ew => value.ends_with(literal),
        ordered => ordered.admits(value.cmp(literal)),
    }
}

impl Operator {
    fn admits(self, ordering: Ordering) -> bool {
        match self {
            Operator::Eq => ordering.is_eq(),
            Operator::Ne => ordering.is_ne(),
            Operator::Gt => ordering.is_gt(),
            Operator::Ge => ordering.is_ge(),
            Operator::Lt => ordering.is_lt(),
            Operator::Le => ordering.is_le(),
            Operator::Co | Operator::Sw | Operator::Ew => false,
        }
    }

    /// Whether the operator applies to text only.
    pub(super) fn is_about_text(self) -> bool {
        matches!(self, Operator::Co | Operator::Sw | Operator::Ew)
    }

    /// Whether the operator needs an order.
    pub(super) fn is_about_order(self) -> bool {
        matches!(self, Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le)
    }
}

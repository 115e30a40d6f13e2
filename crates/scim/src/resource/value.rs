//! One attribute's value, from the wire to its canonical form (RFC 7643 §2.3 to §2.5).
//!
//! Canonical means: of the declared type, sub-attributes under their declared names, no `null`, no empty text, array or
//! object, a value of a closed list in the list's own spelling. An unassigned value is returned as `None`.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Number, Value};

use super::meant::{expected, is_blank, nameless};
use super::reader::{MAX_TEXT, MAX_UNIQUE_TEXT, Named, Reader};
use crate::error::Error;
use crate::observations::Observations;
use crate::schema::key_text::{composed, fold};
use crate::schema::{Attribute, CanonicalValues, DefaultValue, EVERY, Mutability, Type, Uniqueness};
use crate::tolerance::Tolerance;

/// `"True"`
pub(crate) fn boolean_in(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

impl Reader<'_> {
    /// Reads the whole value of an attribute: an array for a multi-valued one.
    pub(crate) fn attribute(
        &self,
        attribute: &Attribute,
        named: Named<'_>,
        given: &Value,
    ) -> Result<Option<Value>, Error> {
        let read = self.attribute_anew(attribute, named, given);
        read.or_else(|error| self.repeated_whole(named, given).map(Some).ok_or(error))
    }

    fn attribute_anew(&self, attribute: &Attribute, named: Named<'_>, given: &Value) -> Result<Option<Value>, Error> {
        if !attribute.multi_valued {
            return self.single(attribute, named, given);
        }
        let listed = self.elements(attribute, named, given)?;
        if listed.values.is_empty() && listed.nothing {
            return Err(nameless(attribute, named));
        }
        Ok((!listed.values.is_empty()).then_some(Value::Array(listed.values)))
    }

    /// Reads the value of a single-valued attribute.
    pub(crate) fn single(
        &self,
        attribute: &Attribute,
        named: Named<'_>,
        given: &Value,
    ) -> Result<Option<Value>, Error> {
        self.plain(attribute, named, &*self.lone(attribute, named, given)?)
    }

    /// Reads one element of a multi-valued attribute; never an array.
    pub(crate) fn one(&self, attribute: &Attribute, named: Named<'_>, given: &Value) -> Result<Option<Value>, Error> {
        self.plain(attribute, named, &*self.unwrapped(attribute, named, Cow::Borrowed(given))?)
    }

    /// Reads one value of the attribute's type.
    pub(crate) fn plain(&self, attribute: &Attribute, named: Named<'_>, given: &Value) -> Result<Option<Value>, Error> {
        let read = self.plain_anew(attribute, named, given);
        read.or_else(|error| self.repeated(attribute, named, given).map(Some).ok_or(error))
    }

    fn plain_anew(&self, attribute: &Attribute, named: Named<'_>, given: &Value) -> Result<Option<Value>, Error> {
        match given {
            Value::Null => return Ok(None),
            Value::String(text) if text.is_empty() => return Ok(None),
            Value::String(text) => check_text(attribute, named, text)?,
            _ => {}
        }
        match attribute.r#type {
            Type::Complex => {
                let parts = self.beside(attribute, named, given);
                let object = parts.complex(attribute, named, Map::new(), given)?;
                Ok((!object.is_empty()).then_some(Value::Object(object)))
            }
            Type::String | Type::Reference => self.text(attribute, named, given).map(Some),
            Type::Boolean => self.boolean(named, given).map(Some),
            Type::Integer => self.integer(named, given).map(Some),
            Type::Decimal => self.decimal(named, given).map(Some),
            Type::DateTime => self.date_time(named, given).map(Some),
            Type::Binary => binary(named, given).map(Some),
        }
    }

    /// Reads a complex value: the given sub-attributes over the existing ones.
    pub(crate) fn complex(
        &self,
        attribute: &Attribute,
        named: Named<'_>,
        mut object: Map<String, Value>,
        given: &Value,
    ) -> Result<Map<String, Value>, Error> {
        match given {
            Value::Object(members) => {
                let mut has_value = false;
                for (key, given) in members {
                    let Some(sub) = self.sub_attribute(attribute, key) else {
                        if !is_blank(given) {
                            self.observations.ignore(format_args!("{named}.{key}"));
                        }
                        continue;
                    };
                    self.observations.arrived(sub, given);
                    if sub.mutability == Mutability::ReadOnly {
                        continue;
                    }
                    let value = self.attribute(sub, named.sub(sub), given);
                    let value = value.inspect_err(|_| self.observations.blame(sub))?;
                    has_value |= sub.name == "value" && value.is_some();
                    match value {
                        _ if sub.mutability == Mutability::WriteOnly => {}
                        Some(value) => drop(object.insert(sub.name.clone(), value)),
                        None => drop(object.shift_remove(&sub.name)),
                    }
                }
                if !has_value && let Some((_, id)) = self.referred(attribute, members) {
                    object.insert("value".to_owned(), id.as_str().into());
                }
            }
            Value::Array(_) => {
                let expected = expected(attribute);
                return Err(invalid(format!("a value of {named} is an object, not an array: send {expected}")));
            }
            bare => {
                let value = attribute.sub_attribute("value");
                // `true` is neither an address nor an id
                let value = value.filter(|value| !bare.is_boolean() || value.r#type == Type::Boolean);
                let value = value.filter(|_| self.forgives(Tolerance::BareComplexValue));
                let Some(value) = value else {
                    return Err(invalid(format!("a value of {named} is an object: send {}", expected(attribute))));
                };
                self.observations.arrived(value, bare);
                let read = self.attribute(value, named.sub(value), bare);
                if let Some(bare) = read.inspect_err(|_| self.observations.blame(value))? {
                    object.insert(value.name.clone(), bare);
                }
            }
        }
        let referred =
            object.get("value").and_then(Value::as_str).and_then(|url| self.referred_by_value(attribute, url));
        if let Some((_, id)) = referred {
            object.insert("value".to_owned(), id.as_str().into());
        }
        Ok(object)
    }

    /// The sub-attribute that a member of a complex value stands for; unknown members are ignored.
    pub(super) fn sub_attribute<'a>(&self, attribute: &'a Attribute, key: &str) -> Option<&'a Attribute> {
        attribute.sub_attribute(key).or_else(|| {
            let manager_id = attribute.name == "manager" && key.eq_ignore_ascii_case("managerId");
            (manager_id && self.forgives(Tolerance::ManagerId)).then(|| attribute.sub_attribute("value")).flatten()
        })
    }

    fn text(&self, attribute: &Attribute, named: Named<'_>, given: &Value) -> Result<Value, Error> {
        let coerced;
        let text = match given {
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) if self.forgives(Tolerance::ScalarCoercion) => {
                coerced = given.to_string();
                &coerced
            }
            _ => return Err(invalid(format!("{named} is a string: send it in double quotes"))),
        };
        let allowed: &[String] = match &attribute.canonical_values {
            _ if !self.lists => return Ok(text.as_str().into()),
            CanonicalValues::Any | CanonicalValues::Suggested(_) => return Ok(text.as_str().into()),
            CanonicalValues::Only(values) => values,
            CanonicalValues::OnlyListed(name) => self.account_values.lists.get(name).map_or(&[], Vec::as_slice),
        };
        if allowed.contains(text) || attribute.absence_grants && attribute.multi_valued && text == EVERY {
            return Ok(text.as_str().into());
        }
        // A value that equals an entry of the list in NFC is that entry.
        if let Some(value) = allowed.iter().find(|value| composed(value) == composed(text)) {
            return Ok(value.as_str().into());
        }
        let folded = fold(text);
        let same_but_case = allowed.iter().find(|value| fold(value) == folded);
        match same_but_case {
            Some(value) if !attribute.case_exact => Ok(value.as_str().into()),
            found => Err(not_allowed(attribute, named, text, allowed, found)),
        }
    }

    fn boolean(&self, named: Named<'_>, given: &Value) -> Result<Value, Error> {
        match given {
            Value::Bool(_) => Ok(given.clone()),
            Value::String(text) => match boolean_in(text).filter(|_| self.forgives(Tolerance::BooleanStrings)) {
                Some(value) => Ok(value.into()),
                None => Err(invalid(format!("{named} is a boolean: true or false, without quotes"))),
            },
            _ => Err(invalid(format!("{named} is a boolean: true or false"))),
        }
    }

    fn integer(&self, named: Named<'_>, given: &Value) -> Result<Value, Error> {
        let whole =
            |number: f64| (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64);
        let integer = match given {
            Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
            Value::String(text) => text.trim().parse().ok().filter(|_: &i64| self.forgives(Tolerance::ScalarCoercion)),
            _ => None,
        };
        integer.map(Value::from).ok_or_else(|| invalid(format!("{named} is an integer of at most 64 bits")))
    }

    fn decimal(&self, named: Named<'_>, given: &Value) -> Result<Value, Error> {
        match given {
            Value::Number(_) => Some(given.clone()),
            Value::String(text) => {
                let number = text.trim().parse().ok().and_then(Number::from_f64).map(Value::Number);
                number.filter(|_| self.forgives(Tolerance::ScalarCoercion))
            }
            _ => None,
        }
        .ok_or_else(|| invalid(format!("{named} is a number")))
    }

    fn date_time(&self, named: Named<'_>, given: &Value) -> Result<Value, Error> {
        if let Value::String(text) = given {
            if DateTime::parse_from_rfc3339(text).is_ok() {
                return Ok(given.clone());
            }
            let without_offset = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok();
            if without_offset && self.forgives(Tolerance::ScalarCoercion) {
                return Ok(format!("{text}Z").into());
            }
        }
        Err(invalid(format!("{named} is a date and time such as 2011-08-01T21:32:44.882Z")))
    }

    /// The default of an attribute without a value.
    pub(crate) fn default(&self, attribute: &Attribute, named: Named<'_>) -> Result<Option<Value>, Error> {
        let ours = Observations::default(); // the request did not bring it
        let reader = Reader { observations: &ours, ..*self };
        match &attribute.default {
            None => Ok(None),
            Some(DefaultValue::Fixed(value)) => reader.attribute(attribute, named, value),
            Some(DefaultValue::Named(name)) => match self.account_values.defaults.get(name) {
                Some(value) => reader.attribute(attribute, named, &value.as_str().into()),
                None => Ok(None),
            },
        }
    }

    /// The values of the closed list; empty where there is none.
    pub(super) fn allowed<'s>(&'s self, attribute: &'s Attribute) -> &'s [String] {
        match &attribute.canonical_values {
            CanonicalValues::Any | CanonicalValues::Suggested(_) => &[],
            CanonicalValues::Only(values) => values,
            CanonicalValues::OnlyListed(name) => self.account_values.lists.get(name).map_or(&[], Vec::as_slice),
        }
    }

    /// The error for a missing required attribute.
    pub(crate) fn missing(&self, attribute: &Attribute, named: Named<'_>) -> Error {
        match self.allowed(attribute) {
            [] => invalid(format!("{named} is required and has no value")),
            some => invalid(format!("{named} is required and has no value; allowed values: {}", some.join(", "))),
        }
    }
}

fn invalid(detail: String) -> Error {
    Error::InvalidValue(detail)
}

fn check_text(attribute: &Attribute, named: Named<'_>, text: &str) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(invalid(format!("{named} contains the character U+0000, which cannot be stored")));
    }
    let longest = if attribute.uniqueness == Uniqueness::None { MAX_TEXT } else { MAX_UNIQUE_TEXT };
    if text.len() > longest {
        return Err(invalid(format!("{named} is {} bytes long; at most {longest} are allowed", text.len())));
    }
    Ok(())
}

fn not_allowed(
    attribute: &Attribute,
    named: Named<'_>,
    text: &str,
    allowed: &[String],
    same_but_case: Option<&String>,
) -> Error {
    let given = match attribute.mutability {
        Mutability::WriteOnly => "the value".to_owned(),
        _ => format!("{:?}", text.chars().take(80).collect::<String>()),
    };
    let list = match allowed {
        [] => "no value is allowed at present".to_owned(),
        some => format!("allowed values: {}", some.join(", ")),
    };
    match same_but_case {
        Some(value) => {
            invalid(format!("{named}: {given} differs from {value:?} only in letter case, which matters here; {list}"))
        }
        None => invalid(format!("{named}: {given} is not allowed; {list}")),
    }
}

/// Checks base64 in either alphabet (RFC 4648 §4, §5). The value is kept as sent.
fn binary(named: Named<'_>, given: &Value) -> Result<Value, Error> {
    let refused = || invalid(format!("{named} is binary: send it in base64"));
    let text = given.as_str().ok_or_else(refused)?;
    let digits = text.trim_end_matches('=');
    let suits = digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
        && digits.len() % 4 != 1
        && (digits.len() == text.len() || (text.len() % 4 == 0 && text.len() - digits.len() <= 2));
    if suits { Ok(given.clone()) } else { Err(refused()) }
}

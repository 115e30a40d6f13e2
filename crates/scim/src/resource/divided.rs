//! Lists that a client sends in one text, such as `"a;b"`: Microsoft Entra ID has no multi-valued attributes of a customer's own, and joins
//! their values. What divides them is declared by the account, because no character is safe in every account's values.

use std::borrow::Cow;

use serde_json::Value;

use super::reader::Reader;
use crate::schema::{Attribute, Type};
use crate::tolerance::Tolerance;

impl Reader<'_> {
    /// Divides the texts of a list. A text with nothing between its separators becomes `null`, an element that says nothing: it never
    /// stands for an empty list, which may grant access.
    pub(super) fn divided<'v>(&self, attribute: &Attribute, given: Cow<'v, Value>) -> Cow<'v, Value> {
        let Some(separator) = self.separator_of(attribute) else { return given };
        let is_list = |element: &Value| self.is_list(attribute, separator, element);
        let elements = match &*given {
            Value::Array(elements) => elements.as_slice(),
            one => std::slice::from_ref(one),
        };
        if !elements.iter().any(is_list) || !self.forgives(Tolerance::SeparatedValues) {
            return given;
        }
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            let Some(text) = element.as_str().filter(|_| is_list(element)) else {
                values.push(element.clone());
                continue;
            };
            let parts = text.split(separator).map(str::trim).filter(|part| !part.is_empty());
            let before = values.len();
            values.extend(parts.map(Value::from));
            if values.len() == before {
                values.push(Value::Null);
            }
        }
        Cow::Owned(Value::Array(values))
    }

    /// Whether a value is a text that stands for the whole list: to `add` it is to set the list, as if the attribute had one value
    /// (RFC 7644 §3.5.2.1). Otherwise a client that knows one text could take no value away again.
    pub(crate) fn is_whole_list(&self, attribute: &Attribute, given: &Value) -> bool {
        self.separator_of(attribute).is_some()
            && given.as_str().is_some_and(|text| !text.trim().is_empty())
            && self.forgives(Tolerance::SeparatedValues)
    }

    fn separator_of(&self, attribute: &Attribute) -> Option<char> {
        self.account_values.list_separator.filter(|_| attribute.multi_valued && attribute.r#type == Type::String)
    }

    /// A value that is allowed as it stands is one value.
    fn is_list(&self, attribute: &Attribute, separator: char, element: &Value) -> bool {
        element.as_str().is_some_and(|text| {
            text.contains(separator) && !self.allowed(attribute).iter().any(|allowed| allowed == text)
        })
    }
}

#[cfg(test)]
mod tests;

//! What was kept from earlier answers, and where it is put in.

use std::collections::BTreeMap;

use serde_json::Value;

/// Names and their values. `{{ana}}` in a file stands for the value of `ana`.
#[derive(Debug, Default)]
pub struct Memory(BTreeMap<String, String>);

impl Memory {
    pub fn keep(&mut self, name: &str, value: &Value) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.0.insert(name.to_owned(), value);
    }

    /// A text with what is known put in. Other braces stay: they may be a pattern.
    pub fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
    }

    /// A text with what is known put in, which is to leave no braces.
    pub fn fill_all(&self, text: &str) -> Result<String, String> {
        match self.fill(text) {
            filled if filled.contains("{{") => Err(format!("nothing was kept for the braces in {filled}")),
            filled => Ok(filled),
        }
    }

    /// The same for every text in a value, and every member's name.
    pub fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(elements) => elements.iter().map(|element| self.fill_value(element)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (self.fill(name), self.fill_value(value))).collect()
            }
            other => other.clone(),
        }
    }
}

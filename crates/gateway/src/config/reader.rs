//! Takes typed values out of a tree of configuration, remembers every mistake and, at the end, every key nobody asked for.

use std::path::Path;

use serde_json::{Map, Value};

use super::file;

pub(super) struct Reader {
    tree: Map<String, Value>,
    mistakes: Vec<String>,
    warnings: Vec<String>,
}

/// A value as it stands in a file, or as text from the environment.
pub(super) trait Scalar: Sized {
    fn from_value(value: &Value) -> Result<Self, String>;
}

impl Scalar for String {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(n) => Ok(n.to_string()),
            Value::Bool(b) => Ok(b.to_string()),
            _ => Err("must be text".to_owned()),
        }
    }
}

impl Scalar for u64 {
    fn from_value(value: &Value) -> Result<Self, String> {
        let whole = value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        whole.ok_or_else(|| format!("{value} is not a whole number"))
    }
}

impl Scalar for bool {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(b) => Ok(*b),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(format!("{value} is neither true nor false")),
        }
    }
}

impl Reader {
    pub(super) fn new(tree: Value) -> Reader {
        let tree = match tree {
            Value::Object(tree) => tree,
            _ => Map::new(),
        };
        Reader { tree, mistakes: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn mistake(&mut self, mistake: String) {
        self.mistakes.push(mistake);
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let (section, name) = key.split_once('.')?;
        match self.tree.get_mut(section)?.as_object_mut()?.remove(name)? {
            Value::Null => None,
            value => Some(value),
        }
    }

    fn parse<S: Scalar, T>(
        &mut self,
        key: &str,
        value: &Value,
        parse: impl FnOnce(S) -> Result<T, String>,
    ) -> Option<T> {
        match S::from_value(value).and_then(parse) {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                self.mistakes.push(format!("{key}: {why}"));
                None
            }
        }
    }

    /// A value that may be absent.
    pub(super) fn optional<S: Scalar, T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(S) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.take(key)?;
        self.parse(key, &value, parse)
    }

    /// A secret that stands in a file, which may be absent.
    pub(super) fn secret_file<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let path = self.optional(key, Ok::<String, String>)?;
        self.warn_if_readable_by_others(key, Path::new(&path));
        match file::read(Path::new(&path)).and_then(|text| parse(&text)) {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                self.mistakes.push(format!("{key}: {why}"));
                None
            }
        }
    }

    pub(super) fn warn_if_readable_by_others(&mut self, key: &str, path: &Path) {
        if file::is_readable_by_others(path) {
            let path = path.display();
            self.warnings.push(format!("{key}: every user of this machine can read {path}; chmod 600 {path}"));
        }
    }

    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// A value that the defaults have, so that its absence is a mistake in them.
    pub(super) fn required<S: Scalar, T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(S) -> Result<T, String>,
    ) -> Option<T> {
        match self.take(key) {
            Some(value) => self.parse(key, &value, parse),
            None => {
                self.mistakes.push(format!("{key}: is missing"));
                None
            }
        }
    }

    /// An array, or text separated by commas.
    pub(super) fn list<S: Scalar, T>(
        &mut self,
        key: &str,
        mut parse: impl FnMut(S) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let values = match self.take(key) {
            Some(Value::Array(values)) => values,
            Some(Value::String(text)) => {
                text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(Value::from).collect()
            }
            Some(_) => {
                self.mistakes.push(format!("{key}: must be a list"));
                return None;
            }
            None => Vec::new(),
        };
        values.iter().map(|value| self.parse(key, value, &mut parse)).collect()
    }

    /// All mistakes, unknown keys among them.
    pub(super) fn finish(mut self) -> Vec<String> {
        for (section, rest) in &self.tree {
            match rest {
                Value::Object(names) => {
                    for name in names.keys() {
                        self.mistakes.push(format!("{section}.{name}: there is no such setting"));
                    }
                }
                _ => self.mistakes.push(format!("{section}: there is no such setting")),
            }
        }
        self.mistakes
    }
}

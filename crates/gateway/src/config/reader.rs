//! Reads settings out of a tree of configuration. Reading one declares it: each call names a setting with its default, the form of its
//! values and its meaning, and returns the value. `docs/configuration.md` and `config/default.toml` are written from these declarations.
//!
//! Mistakes are collected, not returned, so that all of them are reported at once; the names that no call asked for are among them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use super::file;
use super::names;
use super::origin::{Origin, Origins};

pub(super) struct Reader {
    tree: Map<String, Value>,
    origins: Origins,
    pub(super) declared: Vec<Declared>,
    mistakes: Vec<String>,
    /// What only a start trips over: other commands do without it.
    at_start: Vec<String>,
    warnings: Vec<String>,
}

/// What may be told of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Secrecy {
    #[default]
    Open,
    /// A URL, but for the password in it.
    Url,
    /// Nothing.
    Secret,
}

/// What is known of a setting once it was read.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "a test writes the pages"))]
pub(super) struct Declared {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// As it is written in TOML; `None` if the setting has no default.
    pub(super) default: Option<Value>,
    /// A value that could be right, of a setting without a default.
    pub(super) example: &'static str,
    /// What its values look like, such as "1 to 3600 seconds".
    pub(super) form: String,
    /// In one or two sentences. Links to other pages of `docs/` are Markdown.
    pub(super) meaning: &'static str,
    pub(super) secrecy: Secrecy,
    /// As it is set, or by default.
    pub(super) value: Option<Value>,
    /// Where it is set, if it is.
    pub(super) origin: Option<Origin>,
}

impl Declared {
    /// `server.bind`
    pub(super) fn key(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Whether the file or the environment has a value.
    pub(super) fn is_set(&self) -> bool {
        self.origin.is_some()
    }
}

/// One section of the configuration, such as `[server]`.
pub(super) struct Section<'r> {
    reader: &'r mut Reader,
    name: &'static str,
    /// Of the setting that is read next.
    secrecy: Secrecy,
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

/// The unit of a number. The name of the setting ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    Percent,
    Seconds,
    Minutes,
    Hours,
    Days,
    Kib,
    Mib,
}

impl Unit {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Unit::None => "",
            Unit::Percent => "percent",
            Unit::Seconds => "seconds",
            Unit::Minutes => "minutes",
            Unit::Hours => "hours",
            Unit::Days => "days",
            Unit::Kib => "KiB",
            Unit::Mib => "MiB",
        }
    }

    /// In seconds or bytes.
    fn factor(self) -> u64 {
        match self {
            Unit::None | Unit::Percent | Unit::Seconds => 1,
            Unit::Minutes => 60,
            Unit::Hours => 3_600,
            Unit::Days => 86_400,
            Unit::Kib => 1 << 10,
            Unit::Mib => 1 << 20,
        }
    }
}

type Range = std::ops::RangeInclusive<u64>;

impl Reader {
    pub(super) fn new(tree: Value, origins: Origins) -> Reader {
        let tree = match tree {
            Value::Object(tree) => tree,
            _ => Map::new(),
        };
        let (declared, mistakes, at_start, warnings) = Default::default();
        Reader { tree, origins, declared, mistakes, at_start, warnings }
    }

    pub(super) fn section(&mut self, name: &'static str) -> Section<'_> {
        Section { reader: self, name, secrecy: Secrecy::Open }
    }

    pub(super) fn mistake(&mut self, mistake: impl Into<String>) {
        self.mistakes.push(mistake.into());
    }

    /// What stops a start, though other commands can do without it.
    pub(super) fn at_start(&mut self, mistake: impl Into<String>) {
        self.at_start.push(mistake.into());
    }

    pub(super) fn take_at_start(&mut self) -> Vec<String> {
        std::mem::take(&mut self.at_start)
    }

    /// What the server can work with, though it may not be what the operator meant.
    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Whether the file or the environment has a value of a setting that was read.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.declared.iter().any(|one| one.is_set() && one.key() == key)
    }

    fn take(&mut self, section: &str, name: &str) -> Option<Value> {
        match self.tree.get_mut(section)?.as_object_mut()?.remove(name)? {
            Value::Null => None,
            value => Some(value),
        }
    }

    /// All mistakes, unknown names among them.
    pub(super) fn finish(mut self) -> Vec<String> {
        let unknown: Vec<String> = self.tree.iter().flat_map(|(section, rest)| left_over(section, rest)).collect();
        for key in unknown {
            let near = names::nearest(&key, self.declared.iter().map(Declared::key));
            let near = near.map_or_else(String::new, |near| format!("; the nearest is {near}"));
            let set = set_by(self.origins.of(&key));
            self.mistakes.push(format!("{key}: there is no such setting{near}{set}"));
        }
        self.mistakes
    }

    fn set_by(&self, key: &str) -> String {
        set_by(self.origins.of(key))
    }
}

/// Behind what is wrong with a setting: where to correct it.
fn set_by(origin: Option<&Origin>) -> String {
    match origin {
        Some(Origin::Environment { variable }) => format!(" (set by {variable})"),
        Some(origin @ Origin::File { .. }) => format!(" (set in {origin})"),
        _ => String::new(),
    }
}

fn left_over(section: &str, rest: &Value) -> Vec<String> {
    match rest {
        Value::Object(names) => names.keys().map(|name| format!("{section}.{name}")).collect(),
        _ => vec![section.to_owned()],
    }
}

impl Section<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }

    /// A mistake of one setting.
    pub(super) fn mistake(&mut self, name: &str, why: impl std::fmt::Display) {
        let key = self.key(name);
        let set = self.reader.set_by(&key);
        self.reader.mistake(format!("{key}: {why}{set}"));
    }

    /// What is wrong with one setting, and stops only a start.
    pub(super) fn at_start(&mut self, name: &str, why: impl std::fmt::Display) {
        let key = self.key(name);
        let set = self.reader.set_by(&key);
        self.reader.at_start(format!("{key}: {why}{set}"));
    }

    /// Whether the file or the environment has a value of a setting that was read.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.reader.is_set(&self.key(name))
    }

    /// The setting that is read next is a secret.
    pub(super) fn secret(&mut self) -> &mut Self {
        self.secrecy = Secrecy::Secret;
        self
    }

    /// The setting that is read next is a URL that may have a password in it.
    pub(super) fn url_with_password(&mut self) -> &mut Self {
        self.secrecy = Secrecy::Url;
        self
    }

    /// A mistake of the section as a whole.
    pub(super) fn mistake_of_all(&mut self, why: &str) {
        self.reader.mistake(format!("{}: {why}", self.name));
    }

    pub(super) fn warn(&mut self, name: &str, why: impl std::fmt::Display) {
        let key = self.key(name);
        self.reader.warn(format!("{key}: {why}"));
    }

    fn declare(&mut self, declared: Declared) -> Option<Value> {
        let set = self.reader.take(self.name, declared.name);
        let key = declared.key();
        let origin = set.as_ref().map(|_| self.reader.origins.of(&key).cloned().unwrap_or(Origin::Default));
        let value = set.or_else(|| declared.default.clone());
        self.reader.declared.push(Declared { origin, value: value.clone(), ..declared });
        value
    }

    fn parse<S: Scalar, T>(
        &mut self,
        name: &str,
        value: &Value,
        parse: impl FnOnce(S) -> Result<T, String>,
    ) -> Option<T> {
        S::from_value(value).and_then(parse).map_err(|why| self.mistake(name, why)).ok()
    }

    fn read<S: Scalar, T>(&mut self, declared: Declared, parse: impl FnOnce(S) -> Result<T, String>) -> Option<T> {
        let name = declared.name;
        let value = self.declare(declared)?;
        self.parse(name, &value, parse)
    }

    fn with(&mut self, name: &'static str, default: Option<Value>, form: String, meaning: &'static str) -> Declared {
        let (section, secrecy) = (self.name, std::mem::take(&mut self.secrecy));
        Declared { section, name, default, example: "", form, meaning, secrecy, value: None, origin: None }
    }

    /// A whole number in this range.
    pub(super) fn number<N: TryFrom<u64>>(
        &mut self,
        name: &'static str,
        default: u64,
        range: Range,
        unit: Unit,
        meaning: &'static str,
    ) -> Option<N> {
        let form = format!("{} to {} {}", range.start(), range.end(), unit.as_str());
        let declared = self.with(name, Some(default.into()), form.trim_end().to_owned(), meaning);
        self.read(declared, |n: u64| {
            let fits = N::try_from(n).ok().filter(|_| range.contains(&n));
            fits.ok_or_else(|| format!("{n} is not between {} and {}", range.start(), range.end()))
        })
    }

    /// How long something takes or lasts, in seconds.
    pub(super) fn seconds(
        &mut self,
        name: &'static str,
        default: u64,
        range: Range,
        unit: Unit,
        meaning: &'static str,
    ) -> Option<u64> {
        self.number(name, default, range, unit, meaning).map(|n: u64| n * unit.factor())
    }

    /// The same where the setting has the unit of a [`Duration`].
    pub(super) fn time(
        &mut self,
        name: &'static str,
        default: u64,
        range: Range,
        unit: Unit,
        meaning: &'static str,
    ) -> Option<Duration> {
        self.seconds(name, default, range, unit, meaning).map(Duration::from_secs)
    }

    /// How large something may be, in bytes.
    pub(super) fn bytes(
        &mut self,
        name: &'static str,
        default: u64,
        range: Range,
        unit: Unit,
        meaning: &'static str,
    ) -> Option<usize> {
        self.number(name, default, range, unit, meaning).map(|n: usize| n * unit.factor() as usize)
    }

    pub(super) fn flag(&mut self, name: &'static str, default: bool, meaning: &'static str) -> Option<bool> {
        let declared = self.with(name, Some(default.into()), "true or false".to_owned(), meaning);
        self.read(declared, Ok)
    }

    /// Text that always has a value.
    pub(super) fn text<T>(
        &mut self,
        name: &'static str,
        default: &'static str,
        form: &'static str,
        meaning: &'static str,
        parse: impl FnOnce(String) -> Result<T, String>,
    ) -> Option<T> {
        let declared = self.with(name, Some(default.into()), form.to_owned(), meaning);
        self.read(declared, parse)
    }

    /// Text that may be absent. Absence and a mistake are both `None`; the reader knows which it was.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        example: &'static str,
        form: &'static str,
        meaning: &'static str,
        parse: impl FnOnce(String) -> Result<T, String>,
    ) -> Option<T> {
        let declared = Declared { example, ..self.with(name, None, form.to_owned(), meaning) };
        self.read(declared, parse)
    }

    /// A secret that stands in a file, which may be absent.
    pub(super) fn secret_file<T>(
        &mut self,
        name: &'static str,
        example: &'static str,
        meaning: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let path = self.optional(name, example, "path", meaning, Ok)?;
        self.warn_if_open_to_others(name, Path::new(&path));
        let parsed =
            file::filled(Path::new(&path)).and_then(|text| parse(&text).map_err(|why| format!("`{path}` {why}")));
        parsed.map_err(|why| self.mistake(name, why)).ok()
    }

    pub(super) fn warn_if_open_to_others(&mut self, name: &str, path: &Path) {
        if let Some(what) = file::open_to_others(path) {
            let path = path.display();
            self.warn(name, format!("every user of this machine can {what} {path}; chmod 600 {path}"));
        }
    }

    /// Of a file that anyone may read.
    pub(super) fn warn_if_others_can_change(&mut self, name: &str, path: &Path) {
        if file::open_to_others(path).is_some_and(|what| what.ends_with("change")) {
            let path = path.display();
            self.warn(name, format!("every user of this machine can change {path}; chmod o-w {path}"));
        }
    }

    /// An array, or text separated by commas.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        default: &[&str],
        form: &'static str,
        meaning: &'static str,
        mut parse: impl FnMut(String) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let declared = self.with(name, Some(default.into()), form.to_owned(), meaning);
        let values = match self.declare(declared)? {
            Value::Array(values) => values,
            Value::String(text) => text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(Value::from).collect(),
            _ => {
                self.mistake(name, "must be a list");
                return None;
            }
        };
        // Each wrong element is a mistake of its own.
        let parsed: Vec<Option<T>> = values.iter().map(|value| self.parse(name, value, &mut parse)).collect();
        parsed.into_iter().collect()
    }

    /// A setting of earlier versions: accepted, without effect, and warned of.
    pub(super) fn obsolete(&mut self, name: &'static str, why: &str) {
        if self.reader.take(self.name, name).is_some() {
            self.warn(name, format!("has no effect any more and can be taken out: {why}"));
        }
    }
}

//! Parameters of a query, described once: a definition reads them and gives their descriptions.

use serde_json::{Value, json};

use super::{Components, Described, Mistakes, Text, Whole, sentence};

/// A value that is read from a parameter.
pub trait FromText: Described + Sized {
    /// Reads it; the error says what is right.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// The parameters of a query.
pub trait Query: Sized {
    /// What they are called.
    const NAMES: &'static [&'static str];

    /// Reads them; each stands once at most, and there are no others.
    fn read(pairs: &[(String, String)], mistakes: &mut Mistakes) -> Self;

    /// Their descriptions, as OpenAPI's parameter objects.
    fn describe(components: &mut Components) -> Vec<Value>;
}

/// Reads one parameter.
pub fn parameter<T: FromText>(pairs: &[(String, String)], name: &str, mistakes: &mut Mistakes) -> Option<T> {
    let (_, text) = pairs.iter().find(|(known, _)| known == name)?;
    T::from_text(text).map_err(|detail| mistakes.note(name, detail)).ok()
}

/// Describes one parameter.
pub fn description<T: Described>(name: &str, about: &[&str], components: &mut Components) -> Value {
    json!({"name": name, "in": "query", "description": sentence(about), "schema": T::schema(components)})
}

/// Defines the parameters of a query: a struct whose fields are options of what can be read [`FromText`].
macro_rules! query {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            $($(#[doc = $doc:literal])* $field:ident $(as $wire:literal)? : $kind:ty,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        #[allow(unreachable_pub)]
        $vis struct $name {
            $($(#[doc = $doc])* pub $field: Option<$kind>,)*
        }

        impl $crate::domain::described::query::Query for $name {
            const NAMES: &'static [&'static str] = &[$($crate::domain::described::wire!($field $($wire)?)),*];

            fn read(pairs: &[(String, String)], mistakes: &mut $crate::domain::described::Mistakes) -> $name {
                use $crate::domain::described::{query::parameter, wire};
                $name { $($field: parameter::<$kind>(pairs, wire!($field $($wire)?), mistakes),)* }
            }

            fn describe(components: &mut $crate::domain::described::Components) -> Vec<serde_json::Value> {
                use $crate::domain::described::{query::description, wire};
                vec![$(description::<$kind>(wire!($field $($wire)?), &[$($doc),*], components)),*]
            }
        }
    };
}
pub(crate) use query;

impl FromText for Text {
    fn from_text(text: &str) -> Result<Text, String> {
        Ok(Text(text.to_owned()))
    }
}

impl<const LEAST: u64, const MOST: u64> FromText for Whole<LEAST, MOST> {
    fn from_text(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|n| (LEAST..=MOST).contains(n)).map(Whole);
        number.ok_or_else(|| format!("must be a number from {LEAST} to {MOST}"))
    }
}

/// `true` also for a name without a value, as in `?force`.
impl FromText for bool {
    fn from_text(text: &str) -> Result<bool, String> {
        match text {
            "true" | "1" | "" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        }
    }
}

/// Where a list goes on: the `next` of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After(pub i64);

impl Described for After {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string"})
    }
}

impl FromText for After {
    fn from_text(text: &str) -> Result<After, String> {
        text.parse().map(After).map_err(|_| "must be the `next` of the page before".to_owned())
    }
}

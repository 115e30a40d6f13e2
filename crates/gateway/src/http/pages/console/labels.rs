//! The part of the settings of an account in which environments and roles are given names and descriptions for people.

use serde_json::{Map, Value, json};

use super::parts::Typed;
use crate::domain::bodies::accounts::{Account, Label};
use crate::domain::described::{FieldError, Mapped};

/// What is called anything: its field in bodies, the prefix of its fields in the form, and what one of them is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Environment,
    Role,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::Environment, Kind::Role];

    fn field(self) -> &'static str {
        match self {
            Kind::Environment => "environment_labels",
            Kind::Role => "role_labels",
        }
    }

    fn labels(self, account: &Account) -> &Mapped<Label> {
        match self {
            Kind::Environment => &account.environment_labels,
            Kind::Role => &account.role_labels,
        }
    }

    /// The fields of a value in the form: of its display name, and of its description.
    fn inputs(self, value: &str) -> (String, String) {
        let kind = match self {
            Kind::Environment => "environment",
            Kind::Role => "role",
        };
        // It is the id of an element, too, which has no spaces.
        let plain = value.chars().fold(String::new(), |mut plain, c| {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => plain.push(c),
                c => plain.push_str(&format!("~{:x}", u32::from(c))),
            }
            plain
        });
        (format!("{kind}-name:{plain}"), format!("{kind}-about:{plain}"))
    }
}

/// A value, with the fields of the form for what it is called.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) about: String,
}

fn rows(kind: Kind, values: &[String]) -> Vec<Row> {
    let row = |value: &String| {
        let (name, about) = kind.inputs(value);
        Row { value: value.clone(), name, about }
    };
    values.iter().map(row).collect()
}

/// The rows of the form: of environments, and of roles.
pub(super) fn all_rows(account: &Account, roles: &[String]) -> (Vec<Row>, Vec<Row>) {
    (rows(Kind::Environment, &account.product_environments), rows(Kind::Role, roles))
}

/// Fills the form with what values are called.
pub(super) fn fill(typed: &mut Typed, account: &Account) {
    for kind in Kind::ALL {
        for (value, label) in &kind.labels(account).0 {
            let (name, about) = kind.inputs(value);
            typed.set(&name, label.display_name.clone().unwrap_or_default());
            typed.set(&about, label.description.clone().unwrap_or_default());
        }
    }
}

/// Adds to a body what the form says of values; of an environment that leaves the list it says nothing.
pub(super) fn add(fields: &mut Map<String, Value>, typed: &Typed, roles: &[String]) {
    for (kind, values) in [(Kind::Environment, &typed.lines("environments")), (Kind::Role, &roles.to_vec())] {
        let mut labels = Map::new();
        for value in values {
            let (name, about) = kind.inputs(value);
            if !typed.is_sent(&name) {
                continue;
            }
            let text = |input: &str| if typed.has(input) { json!(typed.value(input).trim()) } else { Value::Null };
            labels.insert(value.clone(), json!({"display_name": text(&name), "description": text(&about)}));
        }
        fields.insert(kind.field().to_owned(), Value::Object(labels));
    }
}

/// Notes mistakes about names and descriptions at their fields, and gives the others back.
pub(super) fn mistakes(typed: &mut Typed, mistakes: Vec<FieldError>) -> Vec<FieldError> {
    let mut others = Vec::new();
    for mistake in mistakes {
        let place = Kind::ALL.into_iter().find_map(|kind| {
            let rest = mistake.field.strip_prefix(kind.field())?.strip_prefix('.')?;
            if let Some(value) = rest.strip_suffix(".display_name") {
                return Some((kind.inputs(value).0, format!("The display name of {value}")));
            }
            let value = rest.strip_suffix(".description")?;
            Some((kind.inputs(value).1, format!("The description of {value}")))
        });
        match place {
            Some((input, label)) => typed.note_at(&input, format!("{label} {}", mistake.detail)),
            None => others.push(mistake),
        }
    }
    others
}

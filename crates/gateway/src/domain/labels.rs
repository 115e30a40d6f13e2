//! What people call values of the protocol: an environment or a role of an account may have a display name and a description. The values
//! themselves stay as they are; no client sends or is sent a label.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::described::{Components, Described, FieldError, Mistakes, Name, Patch, Read, body, part};
use crate::domain::wording::strip_invisible;

/// No description is longer.
const LONGEST: usize = 500;

/// What a value is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    /// In place of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What values are called, by value. Those that have neither name nor description are not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, Label>);

/// A value as people read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Called {
    /// The value, as the protocol has it.
    pub value: String,
    /// Its display name; empty if it has none.
    pub name: String,
    /// Its description; empty if it has none.
    pub about: String,
}

impl Called {
    /// In a sentence: `Production (acme-prod)`, or the value alone.
    pub fn in_text(&self) -> String {
        let value = strip_invisible(&self.value);
        if self.name.is_empty() { value } else { format!("{} ({value})", self.name) }
    }
}

impl Labels {
    /// Whether no value is called anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a value is called.
    pub fn of(&self, value: &str) -> Called {
        let shown = |text: &Option<String>| text.as_deref().map(strip_invisible).unwrap_or_default();
        let label = self.0.get(value);
        Called {
            value: value.to_owned(),
            name: label.map(|label| shown(&label.display_name)).unwrap_or_default(),
            about: label.map(|label| shown(&label.description)).unwrap_or_default(),
        }
    }

    /// What each of these values is called.
    pub fn of_all<'v>(&self, values: impl IntoIterator<Item = &'v String>) -> Vec<Called> {
        values.into_iter().map(|value| self.of(value)).collect()
    }

    /// Forgets what values are called that are not among these.
    pub fn keep_only(&mut self, values: &[String]) {
        self.0.retain(|value, _| values.contains(value));
    }

    /// Changes what values are called. `None` takes everything away.
    pub fn apply(&mut self, changes: Option<&LabelChanges>) {
        let Some(LabelChanges(changes)) = changes else { return self.0.clear() };
        for (value, change) in changes {
            let mut label = self.0.remove(value).unwrap_or_default();
            match change {
                None => continue,
                Some(LabelChange { display_name, description }) => {
                    if let Some(name) = display_name.change() {
                        label.display_name = name.map(|name| name.0.clone());
                    }
                    if let Some(about) = description.change() {
                        label.description = about.map(|about| about.0.clone());
                    }
                }
            }
            if label != Label::default() {
                self.0.insert(value.clone(), label);
            }
        }
    }

    /// What is wrong with changes that [were made](Labels::apply). `values` are those there are, or `None` where any may be; `what` they are:
    /// `environment`.
    pub fn mistakes(
        &self,
        field: &str,
        what: &str,
        changes: &LabelChanges,
        values: Option<&[String]>,
    ) -> Vec<FieldError> {
        let mut found = Vec::new();
        for (value, change) in &changes.0 {
            let Some(LabelChange { display_name, .. }) = change else { continue };
            if values.is_some_and(|values| !values.contains(value)) {
                let there = values.filter(|values| !values.is_empty()).map_or("none".to_owned(), |all| all.join(", "));
                let detail = format!("is no {what} of this account; it has {there}");
                found.push(FieldError { field: format!("{field}.{value}"), detail });
                continue;
            }
            let Some(Name(name)) = display_name.value() else { continue };
            let key = scim::key_of_text(name);
            let others = self.0.keys().chain(values.unwrap_or_default()).filter(|other| *other != value);
            let is_called = |other: &&String| {
                let called = self.0.get(*other).and_then(|label| label.display_name.as_ref());
                scim::key_of_text(called.unwrap_or(other)) == key
            };
            if let Some(other) = { others }.find(is_called) {
                let detail = format!("is what `{other}` is called already: choose a name that tells the two apart");
                found.push(FieldError { field: format!("{field}.{value}.display_name"), detail });
            }
        }
        found
    }
}

/// What a value is: 1 to 500 characters, none of them a control character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About(pub String);

impl Described for About {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": LONGEST})
    }
}

impl Read for About {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<About> {
        let text = value.as_str().map(str::trim).unwrap_or_default();
        if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            mistakes.note(at, format!("must be text of 1 to {LONGEST} characters on one line, or null for none"));
            return None;
        }
        Some(About(text.to_owned()))
    }
}

body! {
    /// What a value is to be called. What is left out stays; `null` takes it away.
    pub struct LabelChange {
        /// What people read in place of the value. No two values of the account have one name.
        display_name: Patch<Name>,
        /// What it is, in a sentence.
        description: Patch<About>,
    }
    example {"display_name": "Production", "description": "What your readers see."}
}
part!(LabelChange);

/// What values are to be called, by value. `None` takes away what one is called.
#[derive(Debug, Clone, Default)]
pub struct LabelChanges(pub BTreeMap<String, Option<LabelChange>>);

impl Described for LabelChanges {
    fn schema(components: &mut Components) -> Value {
        json!({"type": "object", "additionalProperties": Option::<LabelChange>::schema(components)})
    }
}

impl Read for LabelChanges {
    fn read(value: Value, at: &str, mistakes: &mut Mistakes) -> Option<LabelChanges> {
        let Value::Object(values) = value else {
            mistakes.note(at, "must be an object whose members are values, each with an object or null");
            return None;
        };
        let mut changes = BTreeMap::new();
        for (value, label) in values {
            let place = format!("{at}.{value}");
            if value.is_empty() || value.len() > 128 || value.chars().any(char::is_control) {
                mistakes.note(place, "is not a value that could be called anything");
                continue;
            }
            let change = match label {
                Value::Null => None,
                label => match LabelChange::read(label, &place, mistakes) {
                    Some(change) => Some(change),
                    None => continue,
                },
            };
            changes.insert(value, change);
        }
        Some(LabelChanges(changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<LabelChanges, Vec<FieldError>> {
        let mut mistakes = Mistakes::default();
        let read = LabelChanges::read(value, "environment_labels", &mut mistakes);
        mistakes.finish().map(|()| read.unwrap())
    }

    fn applied(labels: &mut Labels, change: Value) {
        labels.apply(Some(&read(change).unwrap()));
    }

    #[test]
    fn what_a_change_leaves_out_stays_and_null_takes_away() {
        let mut labels = Labels::default();
        applied(&mut labels, json!({"prod": {"display_name": " Production ", "description": "What readers see."}}));
        applied(&mut labels, json!({"stage": {"display_name": "Staging"}, "prod": {"description": null}}));
        assert_eq!(
            serde_json::to_value(&labels).unwrap(),
            json!({"prod": {"display_name": "Production"}, "stage": {"display_name": "Staging"}})
        );
        applied(&mut labels, json!({"prod": {"display_name": null}, "stage": null, "test": {}}));
        assert!(labels.is_empty(), "what has neither name nor description is not kept: {labels:?}");
        applied(&mut labels, json!({"prod": {"description": "x"}}));
        labels.keep_only(&["stage".to_owned()]);
        assert!(labels.is_empty());
        applied(&mut labels, json!({"prod": {"description": "x"}}));
        labels.apply(None);
        assert!(labels.is_empty());
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let wrong = read(json!({
            "prod": {"display_name": "", "colour": "red"}, "stage": "Staging", "test": {"description": "a\nb"}
        }));
        let places: Vec<String> = wrong.unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(
            places,
            [
                "environment_labels.prod.display_name",
                "environment_labels.prod.colour",
                "environment_labels.stage",
                "environment_labels.test.description"
            ]
        );
        assert_eq!(read(json!(["prod"])).unwrap_err()[0].field, "environment_labels");
    }

    #[test]
    fn a_value_that_is_not_there_and_a_name_that_is_taken_are_refused() {
        let values = ["prod".to_owned(), "stage".to_owned()];
        let found = |labels: &Labels, change: Value| {
            let (changes, mut labels) = (read(change).unwrap(), labels.clone());
            labels.apply(Some(&changes));
            let found = labels.mistakes("environment_labels", "environment", &changes, Some(&values));
            found.into_iter().map(|error| format!("{} {}", error.field, error.detail)).collect::<Vec<_>>()
        };
        let mut labels = Labels::default();
        assert_eq!(
            found(&labels, json!({"dev": {"display_name": "Development"}, "old": null})),
            ["environment_labels.dev is no environment of this account; it has prod, stage"]
        );
        assert_eq!(
            found(&labels, json!({"prod": {"display_name": "Stage"}})).len(),
            1,
            "it is a value in another case"
        );
        labels.apply(Some(&read(json!({"stage": {"display_name": "Staging"}})).unwrap()));
        let taken = found(&labels, json!({"prod": {"display_name": "STAGING"}}));
        assert!(taken[0].contains("is what `stage` is called already"), "{taken:?}");
        let swapped = found(&labels, json!({"prod": {"display_name": "Staging"}, "stage": {"display_name": "Old"}}));
        assert!(swapped.is_empty(), "{swapped:?}");
        assert_eq!(labels.of("stage").in_text(), "Staging (stage)");
        assert_eq!(labels.of("prod").in_text(), "prod");
    }
}

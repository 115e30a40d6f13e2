//! What pages of the console are put together from: badges, tabs, and forms that keep what was typed.

use askama::Template;
use serde_json::{Map, Value};

use crate::app::App;
use crate::domain::described::{Body, FieldError, Mistakes};
use crate::domain::health::HealthState;
use crate::domain::standing::Standing;
use crate::domain::wording;
use crate::http::pages::form::Form;
use crate::http::pages::frame::filters;
use crate::services::error::{Consequence, Refusal};

/// A state in a word, with its colour and its icon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Badge {
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) words: &'static str,
}

impl From<Standing> for Badge {
    fn from(standing: Standing) -> Badge {
        let (class, icon) = match standing {
            Standing::Broken => ("broken", "broken"),
            Standing::Attention => ("attention", "attention"),
            Standing::SettingUp => ("neutral", "neutral"),
            Standing::Working => ("ok", "ok"),
            Standing::Suspended => ("neutral", "pause"),
        };
        Badge { class, icon, words: standing.words() }
    }
}

impl From<HealthState> for Badge {
    fn from(state: HealthState) -> Badge {
        match state {
            HealthState::Broken => Standing::Broken.into(),
            HealthState::Attention => Standing::Attention.into(),
            HealthState::Ok => Standing::Working.into(),
            HealthState::NeverUsed => Badge { class: "neutral", icon: "neutral", words: "Never used" },
        }
    }
}

/// A step on the way to a page.
#[derive(Debug, Clone)]
pub(super) struct Crumb {
    pub(super) label: String,
    /// Where it leads; the page itself leads nowhere.
    pub(super) path: Option<String>,
}

impl Crumb {
    pub(super) fn to(label: &str, path: impl Into<String>) -> Crumb {
        Crumb { label: wording::strip_invisible(label), path: Some(path.into()) }
    }

    pub(super) fn here(label: &str) -> Crumb {
        Crumb { label: wording::strip_invisible(label), path: None }
    }
}

/// Something that is wrong with a form, and with which of its fields.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) field: Option<String>,
    pub(super) text: String,
}

/// A form as it is shown: what its fields hold, and what is wrong with them.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    values: Vec<(String, String)>,
    problems: Vec<Problem>,
}

impl Typed {
    /// With what holds now.
    pub(super) fn with<'v>(values: impl IntoIterator<Item = (&'v str, String)>) -> Typed {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Typed { values, problems: Vec::new() }
    }

    /// With what was typed.
    pub(super) fn of(form: Form) -> Typed {
        let values = form.into_pairs().into_iter().filter(|(name, _)| name != "csrf").collect();
        Typed { values, problems: Vec::new() }
    }

    /// A field; empty if there is none.
    pub(super) fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }

    /// Whether the form has a field, also if it is empty.
    pub(super) fn is_sent(&self, name: &str) -> bool {
        self.values.iter().any(|(n, _)| n == name)
    }

    /// Whether a field is filled in, or a box is ticked.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.value(name).trim().is_empty()
    }

    /// Whether this choice is made.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    /// Every value of a field that may stand several times.
    pub(super) fn all<'t>(&'t self, name: &'t str) -> impl Iterator<Item = &'t str> {
        self.values.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether one of them is this.
    pub(super) fn holds(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|one| one == value)
    }

    /// The lines of a field that are not empty; one may also hold several values, divided by commas.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let parts = self.value(name).split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty());
        parts.map(str::to_owned).collect()
    }

    /// What was typed, for a page that sends it once more.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.values
    }

    /// What is wrong with a field; empty if nothing is.
    pub(super) fn wrong(&self, name: &str) -> String {
        let of_field = self.problems.iter().filter(|problem| problem.field.as_deref() == Some(name));
        of_field.map(|problem| problem.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// All that is wrong.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether anything is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Sets what a field is to hold when the form is shown again.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.values.retain(|(n, _)| n != name);
        self.values.push((name.to_owned(), value));
    }

    /// Notes what is wrong with the form.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.problems.push(Problem { field: None, text: sentence(&text.into()) });
    }

    /// Notes what is wrong with a field.
    pub(super) fn note_at(&mut self, field: &str, text: impl Into<String>) {
        self.problems.push(Problem { field: Some(field.to_owned()), text: sentence(&text.into()) });
    }

    /// Notes mistakes that a service or a body found, each at the field of this form that it is about: `fields` names those by what bodies
    /// call them, and by what they are called on the page.
    pub(super) fn mistakes(&mut self, mistakes: &[FieldError], fields: &[(&str, &str, &str)]) {
        for FieldError { field, detail } in mistakes {
            let stem = field.split(['[', '.']).next().unwrap_or(field);
            let known = fields
                .iter()
                .find(|(name, ..)| *name == field)
                .or_else(|| fields.iter().find(|(name, ..)| *name == stem));
            let which = field.split_once('[').and_then(|(_, rest)| rest.split(']').next()?.parse::<usize>().ok());
            match known {
                Some((_, at, label)) => {
                    let line = which.and_then(|which| self.lines(at).get(which).cloned());
                    let text = match line {
                        Some(line) => format!("{label}: “{}” {detail}", wording::strip_invisible(&line)),
                        None => format!("{label} {detail}"),
                    };
                    self.note_at(at, text);
                }
                None => self.note(format!("{field} {detail}")),
            }
        }
    }

    /// Notes why a service refused; a consequence that has to be confirmed is given back.
    pub(super) fn refused(
        &mut self,
        refusal: Refusal,
        fields: &[(&str, &str, &str)],
    ) -> Option<(Consequence, Vec<FieldError>)> {
        match refusal {
            Refusal::Invalid(mistakes) => self.mistakes(&mistakes, fields),
            Refusal::Unconfirmed(consequence, errors) => return Some((consequence, errors)),
            Refusal::Conflict { detail, errors } => {
                self.note(detail);
                for error in errors {
                    self.note(error.detail);
                }
            }
            other => self.note(other.to_string()),
        }
        None
    }
}

/// As the beginning and the end of a sentence are written.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// Reads the fields of a form as the body of the admin API that they are.
pub(super) fn body<B: Body>(fields: Map<String, Value>) -> Result<B, Vec<FieldError>> {
    let mut mistakes = Mistakes::default();
    let body = B::read_whole(fields, &mut mistakes);
    mistakes.finish().map(|()| body)
}

/// What a page shows of something, in a few letters: whether another operator changed it meanwhile is seen by them.
pub(super) fn state_of(app: &App, of: &impl serde::Serialize) -> String {
    let text = serde_json::to_vec(of).unwrap_or_default();
    app.keys.tag("what a page of the console showed", &text)[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Told where another operator changed what a form is about.
pub(super) const CHANGED_MEANWHILE: &str = "Another operator changed this while the page was open, and nothing of yours was saved. What \
                                            you typed is still here: compare it with the page as it is now, and save again.";

/// An act that is asked about once more, before it is done.
#[derive(Debug, Template)]
#[template(path = "console/confirm.html")]
pub(super) struct ConfirmPage {
    pub(super) crumbs: Vec<Crumb>,
    pub(super) title: String,
    pub(super) about: String,
    /// What would happen.
    pub(super) points: Vec<String>,
    /// Where the answer is sent,
    pub(super) action: String,
    /// with this,
    pub(super) hidden: Vec<(String, String)>,
    /// by this button.
    pub(super) button: String,
    pub(super) is_danger: bool,
    /// Where one goes who does not do it.
    pub(super) keep: String,
    pub(super) keep_path: String,
}

/// A number, and what is counted.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) label: &'static str,
    pub(super) count: String,
}

/// What can be done instead of deleting.
#[derive(Debug)]
pub(super) struct Milder {
    pub(super) icon: &'static str,
    pub(super) path: String,
    pub(super) label: String,
    pub(super) about: &'static str,
}

/// Deletes something, once its name was typed.
#[derive(Debug, Template)]
#[template(path = "console/delete.html")]
pub(super) struct DeletePage {
    pub(super) crumbs: Vec<Crumb>,
    /// `account`, `connection`
    pub(super) what: &'static str,
    pub(super) name: String,
    pub(super) about: &'static str,
    pub(super) tallies: Vec<Tally>,
    pub(super) milder: Vec<Milder>,
    pub(super) action: String,
    pub(super) keep_path: String,
    pub(super) typed: Typed,
}

/// Whether the name that has to be typed was typed.
pub(super) fn is_typed(typed: &Typed, name: &str) -> bool {
    let shown = wording::strip_invisible(name);
    typed.value("name").trim() == shown.trim() || typed.value("name").trim() == name.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_at_its_field_with_the_line_that_it_is_about() {
        let mut typed = Typed::with([("environments", "acme prod\nacme-stage".to_owned())]);
        let error = |field: &str, detail: &str| FieldError { field: field.to_owned(), detail: detail.to_owned() };
        let fields = [("product_environments", "environments", "Environments"), ("name", "name", "The name")];
        let found =
            [error("product_environments[0]", "must be a cloud name"), error("name", "is missing"), error("x", "y")];
        typed.mistakes(&found, &fields);
        assert_eq!(typed.wrong("environments"), "Environments: “acme prod” must be a cloud name.");
        assert_eq!(typed.wrong("name"), "The name is missing.");
        assert_eq!(typed.problems()[2].text, "X y.");
    }

    #[test]
    fn a_name_is_typed_as_it_is_seen() {
        let typed = |text: &str| Typed::with([("name", text.to_owned())]);
        assert!(is_typed(&typed(" Globex "), "Globex") && is_typed(&typed("Globex"), "Glo\u{202e}bex"));
        assert!(!is_typed(&typed("globex"), "Globex") && !is_typed(&typed(""), "Globex"));
    }
}

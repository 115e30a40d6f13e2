//! A guide as a page shows it to one administrator: with their values, what the server has seen, and what they marked.

use super::checks::{self, Known, Seen, SeenState};
use super::text::{Piece, display_name, filled, pieces};
use super::{Drawing, Form, Guide, Part, Row, Step, Value, ValueList, Values, When as Only};
use crate::domain::labels::Called;
use crate::domain::setup_link::Progress;
use crate::domain::when::When;

/// A guide on a page.
#[derive(Debug)]
pub struct Shown {
    /// The steps.
    pub steps: Vec<ShownStep>,
    /// What the server has seen.
    pub checks: Vec<ShownCheck>,
    /// How many steps that have to be done are done,
    pub done: usize,
    /// of how many;
    pub total: usize,
    /// and how many there are beside them.
    pub optional: usize,
    /// Whether the server has seen all that it is to see.
    pub all_seen: bool,
}

/// A check on a page.
#[derive(Debug)]
pub struct ShownCheck {
    /// Its state: a class and an icon.
    pub state: &'static str,
    /// What it is.
    pub title: String,
    /// More of it.
    pub detail: Vec<Piece>,
}

/// How a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// The server saw that it is done.
    Seen,
    /// The administrator marked it.
    Said(When),
    /// It is to be done next.
    Now,
    /// It is to be done later, or may be left out.
    Open,
}

/// A step on a page.
#[derive(Debug)]
pub struct ShownStep {
    /// Its name in addresses.
    pub id: &'static str,
    /// Its number.
    pub number: usize,
    /// The heading that begins before it.
    pub section: Option<&'static str>,
    /// In the list.
    pub short: String,
    /// Its heading.
    pub title: String,
    /// Whether it may be left out.
    pub optional: bool,
    /// How it is.
    pub mark: Mark,
    /// Where it is done.
    pub place: String,
    /// Whether the administrator can mark it.
    pub can_be_marked: bool,
    /// What it consists of.
    pub parts: Vec<ShownPart>,
}

/// A part of a step on a page.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum ShownPart {
    Say(Vec<Piece>),
    Heading(String),
    Path(Vec<String>),
    List(Vec<Vec<Piece>>),
    Table {
        caption: String,
        rows: Vec<ShownRow>,
    },
    Facts(Vec<(String, Vec<Piece>)>),
    /// Each with what to call it: by its display name, or by one that is made from it.
    Values {
        summary: String,
        rows: Vec<Called>,
    },
    Template {
        name: &'static str,
        text: &'static str,
    },
    Drawing(Drawing),
    Form(Form),
}

/// A field on a page.
#[derive(Debug)]
pub struct ShownRow {
    /// What it is called.
    pub label: String,
    /// What is done with it.
    pub verb: &'static str,
    /// What with.
    pub value: ShownValue,
    /// What there is to know.
    pub hint: Vec<Piece>,
}

/// What goes into a field.
#[derive(Debug)]
pub enum ShownValue {
    /// Words, one on each line.
    Words(Vec<String>),
    /// A text that is copied.
    Copy(String),
    /// It stands below.
    Below,
}

/// The guide for one administrator.
pub fn show(guide: &Guide, values: &Values, known: &Known<'_>, progress: &Progress) -> Shown {
    let seen = |step: &Step| {
        let asked =
            step.seen.iter().filter(|check| **check != super::Check::Environments || values.environments.is_some());
        let mut states = asked.map(|check| checks::look(*check, guide, known, values).state).peekable();
        states.peek().is_some() && states.all(|state| state == SeenState::Ok)
    };
    let mut is_next_known = false;
    let mut steps: Vec<ShownStep> = Vec::with_capacity(guide.steps.len());
    for (at, step) in guide.steps.iter().enumerate() {
        let mark = match progress.marked.get(step.id) {
            _ if seen(step) => Mark::Seen,
            Some(at) => Mark::Said(When::at(*at)),
            None if !step.optional && !is_next_known => Mark::Now,
            None => Mark::Open,
        };
        is_next_known |= mark == Mark::Now;
        let begins = at == 0 || guide.steps[at - 1].section != step.section;
        steps.push(ShownStep {
            id: step.id,
            number: at + 1,
            section: begins.then_some(step.section),
            short: filled(step.short, values),
            title: filled(step.title, values),
            optional: step.optional,
            mark,
            place: place(guide, step),
            can_be_marked: !step
                .parts
                .iter()
                .any(|part| matches!(part, Part::Form(Form::Password | Form::VariableName | Form::Checks))),
            parts: parts(guide, step.parts, values),
        });
    }
    let found = checks::all(guide, known, values);
    let needed = found.iter().filter(|seen| !seen.check.is_optional());
    let all_seen = needed.clone().all(|seen| seen.state == SeenState::Ok);
    let is_done = |step: &&ShownStep| matches!(step.mark, Mark::Seen | Mark::Said(_));
    let needed = || steps.iter().filter(|step| !step.optional && step.id != "check");
    Shown {
        done: needed().filter(is_done).count(),
        total: needed().count(),
        optional: steps.iter().filter(|step| step.optional).count(),
        checks: found.into_iter().map(|seen| shown_check(seen, values)).collect(),
        all_seen,
        steps,
    }
}

fn shown_check(seen: Seen, values: &Values) -> ShownCheck {
    ShownCheck { state: seen.state.name(), title: seen.title, detail: pieces(&seen.detail, values) }
}

/// Where a step is done.
fn place(guide: &Guide, step: &Step) -> String {
    let there = step.parts.iter().any(|part| matches!(part, Part::Path(_)));
    let here = step.parts.iter().any(|part| matches!(part, Part::Form(form) if *form != Form::Checks));
    let at_provider = guide.place.replacen("In ", "in ", 1);
    match (there, here) {
        (true, true) => format!("{at_provider} and here"),
        (false, true) => "on this page".to_owned(),
        _ => at_provider,
    }
}

/// The parts that hold for these values.
pub fn parts(guide: &Guide, parts_of: &[Part], values: &Values) -> Vec<ShownPart> {
    let mut shown = Vec::new();
    for part in parts_of {
        match part {
            Part::Say(text) => shown.push(ShownPart::Say(pieces(text, values))),
            Part::Heading(text) => shown.push(ShownPart::Heading(filled(text, values))),
            Part::Path(path) => {
                let path = path.iter().map(|screen| filled(screen, values));
                shown.push(ShownPart::Path(std::iter::once(guide.place.to_owned()).chain(path).collect()));
            }
            Part::List(items) => shown.push(ShownPart::List(items.iter().map(|text| pieces(text, values)).collect())),
            Part::Table(caption, rows) => {
                let rows = rows.iter().filter_map(|row| shown_row(row, values)).collect();
                shown.push(ShownPart::Table { caption: filled(caption, values), rows });
            }
            Part::Facts(facts) => {
                let facts = facts.iter().map(|(name, text)| (filled(name, values), pieces(text, values))).collect();
                shown.push(ShownPart::Facts(facts));
            }
            Part::Values(list) => shown.extend(value_list(*list, values)),
            Part::Template(name, text) => shown.push(ShownPart::Template { name, text }),
            Part::Drawing(drawing) => shown.push(ShownPart::Drawing(*drawing)),
            Part::Form(form) => shown.push(ShownPart::Form(*form)),
            Part::If(only, inner) => {
                let holds = match only {
                    Only::Saml => values.saml.is_some(),
                    Only::NoSaml => values.saml.is_none(),
                    Only::Environments => values.environments.is_some(),
                    Only::Separator => values.separator.is_some(),
                    Only::NoSeparator => values.separator.is_none(),
                    Only::NoSignals => !values.has_signals,
                };
                if holds {
                    shown.extend(parts(guide, inner, values));
                }
            }
        }
    }
    shown
}

fn value_list(list: ValueList, values: &Values) -> Option<ShownPart> {
    let (all, what) = match list {
        ValueList::Roles => (&values.roles, "roles"),
        ValueList::Environments => (values.environments.as_ref()?, "product environments"),
    };
    let summary = match all.len() {
        0 => format!("{} has no {what} for your account yet", values.vendor),
        1 => "The value to enter".to_owned(),
        n => format!("The {n} values to enter"),
    };
    let named = |called: &Called| match called.name.as_str() {
        "" => Called { name: display_name(&called.value), ..called.clone() },
        _ => called.clone(),
    };
    Some(ShownPart::Values { summary, rows: all.iter().map(named).collect() })
}

fn shown_row(row: &Row, values: &Values) -> Option<ShownRow> {
    let saml = values.saml.as_ref();
    let copy = |text: &str| ShownValue::Copy(text.to_owned());
    let value = match row.value {
        Value::Words(words) => ShownValue::Words(filled(words, values).split(';').map(str::to_owned).collect()),
        Value::Copy(text) => copy(text),
        Value::ScimBase => copy(&values.scim_base),
        Value::TokenUrl => copy(&values.token_url),
        Value::AuthorizationUrl => copy(&values.authorization_url),
        Value::ClientId => copy(&values.client_id),
        Value::Credential => ShownValue::Below,
        Value::App => copy(&filled("{app}", values)),
        Value::Acs => copy(&saml?.acs_url),
        Value::Audience => copy(&saml?.audience),
        Value::OtherAcs => copy(saml?.other_acs_url.as_ref()?),
        Value::RevocationEndpoint => copy(&values.revocation_endpoint),
        Value::Origin => copy(&values.origin),
    };
    Some(ShownRow { label: filled(row.label, values), verb: row.verb.word(), value, hint: pieces(row.hint, values) })
}

//! Which fields arrive, as pages show it.

use super::ConnectionHead;
use crate::domain::bodies::clients::fields::{FieldCheck, FieldList};
use crate::domain::operator::Mandate;
use crate::domain::when::When;
use crate::domain::wording::grouped;
use crate::platform::timestamp::Timestamp;
use crate::services::clients;
use crate::services::error::ActError;
use crate::services::health::Rules;
use crate::storage::Tx;

/// So many fields are told of on the page of the connection.
const FEW: usize = 8;
/// Fields that decide what users may do, or who they are: told of even where all is well.
const TOLD: [&str; 4] = ["role", "product_environments", "userName", "active"];

/// A field on a page.
#[derive(Debug)]
pub struct ShownField {
    /// The path, or the name as it was sent.
    pub name: String,
    /// The class and icon.
    pub look: &'static str,
    /// How it is, in a word.
    pub state: &'static str,
    /// What else there is to say.
    pub note: Option<String>,
    /// The known name that is meant, probably.
    pub nearest: Option<String>,
    /// How often it arrived.
    pub arrived: String,
    /// When last, in whichever way.
    pub last: Option<When>,
}

/// The fields of one resource type.
#[derive(Debug)]
pub struct FieldsOfType {
    /// `User`, `Group`; parameters of queries.
    pub name: String,
    /// How many requests could have carried them.
    pub requests: String,
    /// The fields.
    pub fields: Vec<ShownField>,
}

/// The page of fields.
#[derive(Debug)]
pub struct FieldsPage {
    /// What stands at the top.
    pub head: ConnectionHead,
    /// What is worth a look, in sentences.
    pub findings: Vec<String>,
    /// The fields of each type.
    pub types: Vec<FieldsOfType>,
    /// Whether nothing was sent yet.
    pub is_empty: bool,
}

/// Which fields a client within reach sends. Only reads.
pub fn page(tx: &mut Tx<'_>, mandate: &Mandate, rules: &Rules<'_>, client: &str) -> Result<FieldsPage, ActError> {
    let (head, _) = ConnectionHead::find(tx, mandate, rules, client)?;
    let list = clients::fields::list(tx, mandate, client, rules.schemas)?;
    let of = |kind: Option<&str>| -> Vec<ShownField> {
        list.items.iter().filter(|item| item.resource_type.as_deref() == kind).map(shown).collect()
    };
    let mut types: Vec<FieldsOfType> = Vec::new();
    for requests in &list.requests {
        let said = format!(
            "{} whole, {} changes, {} refused",
            grouped(requests.whole),
            grouped(requests.changes),
            grouped(requests.refused)
        );
        let fields = of(Some(&requests.resource_type));
        if requests.whole + requests.changes > 0 {
            types.push(FieldsOfType { name: requests.resource_type.clone(), requests: said, fields });
        }
    }
    let parameters = of(None);
    if !parameters.is_empty() {
        let name = "Parameters of queries".to_owned();
        types.push(FieldsOfType { name, requests: "not known here".to_owned(), fields: parameters });
    }
    Ok(FieldsPage { head, is_empty: types.is_empty(), types, findings: list.findings })
}

/// The fields that a page about the whole connection shows: what is wrong, and what decides about access.
pub(super) fn worth_a_look(list: &FieldList) -> Vec<ShownField> {
    if list.requests.iter().all(|requests| requests.whole + requests.changes == 0) {
        return Vec::new();
    }
    let of_users = |item: &&FieldCheck| item.resource_type.as_deref() == Some("User");
    let is_wrong = |item: &&FieldCheck| item.refused > 0 || !item.known && item.ignored > 0;
    let wrong = list.items.iter().filter(|item| is_wrong(item));
    let told = list.items.iter().filter(of_users).filter(|item| TOLD.contains(&item.name.as_str()) && !is_wrong(item));
    wrong.take(FEW).chain(told).take(FEW).map(shown).collect()
}

fn shown(field: &FieldCheck) -> ShownField {
    let FieldCheck { known, of, arrived, changed, empty, refused, ignored, .. } = field;
    let last = [&field.last_arrived, &field.last_changed, &field.last_empty, &field.last_refused, &field.last_ignored];
    let last: Option<Timestamp> = last.into_iter().flatten().map(|time| time.0).max();
    let times = |what: &str, count: i64| match count {
        1 => format!("{what} once"),
        many => format!("{what} {} times", grouped(many)),
    };
    let (look, state) = match () {
        () if *refused > 0 => ("broken", "refused"),
        () if !known => ("attention", "ignored"),
        () if *arrived + *changed == 0 && *empty > 0 => ("attention", "always empty"),
        () if *arrived + *changed == 0 && *of > 0 => ("neutral", "never arrives"),
        () if *arrived + *changed == 0 => ("neutral", "not seen yet"),
        () if *empty > 0 => ("ok", "arrives, sometimes empty"),
        () => ("ok", "arrives"),
    };
    let mut notes = Vec::new();
    for (what, count) in [("changed", *changed), ("empty", *empty), ("refused", *refused), ("ignored", *ignored)] {
        if count > 0 {
            notes.push(times(what, count));
        }
    }
    ShownField {
        name: field.name.clone(),
        look,
        state,
        note: (!notes.is_empty()).then(|| notes.join(", ")),
        nearest: field.nearest.clone(),
        arrived: if *known && *of > 0 { format!("{} of {}", grouped(*arrived), grouped(*of)) } else { String::new() },
        last: last.map(When::at),
    }
}

//! Values that leave a list while users have them: said before it is done, with how many have each.
//!
//! No user loses anything by it: a user who has such a value keeps it until it is changed, and no other user can be given it. But an
//! operator who did not expect that should know, so the change has to be confirmed ([`Consequence::ValuesInUse`]).

use std::collections::BTreeMap;

use scim::schema::{GROUP, Removed, RemovedValues};

use crate::domain::described::FieldError;
use crate::domain::ids::AccountKey;
use crate::services::error::{ActError, Consequence, Refusal};
use crate::storage::listed_values::MOST;
use crate::storage::{Db, DbError, ReadCost};

/// How many values are named, and no more counted.
const NAMED: usize = 20;
/// How many resources are looked through for values that no index knows.
const LOOKED_THROUGH: u64 = 100_000;

/// A value that is not allowed any more, and how many have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InUse {
    attribute: String,
    noun: &'static str,
    value: String,
    count: u64,
    /// There may be more.
    at_least: bool,
}

impl InUse {
    /// So many rules of the account give an environment.
    pub(super) fn by_rules(attribute: &str, value: &str, count: u64) -> InUse {
        let noun = if count == 1 { "access rule" } else { "access rules" };
        InUse { attribute: attribute.to_owned(), noun, value: value.to_owned(), count, at_least: false }
    }

    /// Whether it is a value of an attribute that is one of these.
    pub(super) fn is_of(&self, attribute: &str, is_one: impl Fn(&str) -> bool) -> bool {
        self.attribute == attribute && is_one(&self.value)
    }

    /// Whether there is any.
    pub(super) fn is_there(&self) -> bool {
        self.count > 0
    }
}

/// Who has what a change would take off a list.
pub(super) async fn in_use(db: &Db, account: AccountKey, removed: Vec<Removed>) -> Result<Vec<InUse>, DbError> {
    let mut found = Vec::new();
    for removed in removed {
        if found.len() >= NAMED {
            break;
        }
        match (&removed.values, removed.is_indexed) {
            (RemovedValues::These(values), true) => found.extend(counted(db, account, &removed, values).await?),
            _ => found.extend(looked_for(db, account, &removed).await?),
        }
    }
    Ok(found)
}

/// By the index.
async fn counted(db: &Db, account: AccountKey, removed: &Removed, values: &[String]) -> Result<Vec<InUse>, DbError> {
    let (attribute, values) = (removed.attribute.clone(), values.to_vec());
    let counts = db
        .read(ReadCost::Scan, move |tx| {
            let mut counts = Vec::new();
            for value in &values {
                let count = tx.count_of_value(account, &attribute.key_of(value))?;
                if count > 0 {
                    counts.push((value.clone(), count));
                }
                if counts.len() >= NAMED {
                    break;
                }
            }
            Ok::<_, DbError>(counts)
        })
        .await?;
    Ok(counts.into_iter().map(|(value, count)| InUse::new(removed, value, count, count >= MOST)).collect())
}

/// In the documents.
async fn looked_for(db: &Db, account: AccountKey, removed: &Removed) -> Result<Vec<InUse>, DbError> {
    let key_of = |value: &String| (removed.attribute.key_of(value).key, value.clone());
    let listed: BTreeMap<String, String> = match &removed.values {
        RemovedValues::These(values) | RemovedValues::AllBut(values) => values.iter().map(key_of).collect(),
    };
    let all_but = matches!(removed.values, RemovedValues::AllBut(_));
    let mut counts: BTreeMap<String, (String, u64)> = BTreeMap::new();
    let (mut after, mut seen) = (0, 0);
    let whole = loop {
        let index = vec![removed.attribute.clone()];
        let page = db.read(ReadCost::Scan, move |tx| tx.values_after(account, after, &index)).await?;
        for (key, _) in page.values {
            let known = listed.get(&key.key);
            if known.is_some() != all_but && (counts.len() < NAMED || counts.contains_key(&key.key)) {
                let shown = known.cloned().unwrap_or_else(|| key.display());
                counts.entry(key.key).or_insert((shown, 0)).1 += 1;
            }
        }
        seen += page.resources;
        match page.last {
            Some(last) if seen < LOOKED_THROUGH => after = last,
            Some(_) => break false,
            None => break true,
        }
    };
    Ok(counts.into_values().map(|(value, count)| InUse::new(removed, value, count, !whole)).collect())
}

impl InUse {
    fn new(removed: &Removed, value: String, count: u64, at_least: bool) -> InUse {
        let noun = match (removed.attribute.resource_type == GROUP, count) {
            (true, 1) => "group",
            (true, _) => "groups",
            (false, 1) => "user",
            (false, _) => "users",
        };
        InUse { attribute: removed.attribute.path.clone(), noun, value, count, at_least }
    }

    fn told(&self) -> String {
        let InUse { attribute, noun, value, count, at_least } = self;
        let (at_least, have) = (if *at_least { "at least " } else { "" }, if *count == 1 { "has" } else { "have" });
        format!("{at_least}{count} {noun} {have} the {attribute} {value:?}")
    }
}

/// Refuses to take values off a list that resources have.
pub(super) fn refuse(field: &str, in_use: &[InUse]) -> Result<(), ActError> {
    if in_use.is_empty() {
        return Ok(());
    }
    let errors = in_use.iter().map(|in_use| FieldError { field: field.to_owned(), detail: in_use.told() });
    Err(ActError::Refused(Refusal::Unconfirmed(Consequence::ValuesInUse, errors.collect())))
}

//! What a declaration changes, and whether it may.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use scim::schema::overlay::Overlay;
use scim::schema::{Stage, Uniqueness};
use scim::{IndexedAttribute, SearchKey};

use crate::domain::account::Account;
use crate::domain::declared_attributes::{Declared, Duplicate};
use crate::domain::described::FieldError;
use crate::domain::ids::{AccountKey, ResourceKey};
use crate::domain::schemas::Schemas;
use crate::services::error::ActError;
use crate::storage::attribute_work::NAMED;
use crate::storage::{Db, DbError, ReadCost};

/// The most attributes that an account declares.
const MAX_ATTRIBUTES: usize = 100;
/// The most of them, and of their parts, that are indexed: each costs every write a little.
const MAX_INDEXED: usize = 25;

/// A declaration among the others of its account.
#[derive(Debug)]
pub(super) struct Change {
    /// Everything that is declared from now on.
    pub(super) declared: Vec<Declared>,
    /// Where this one stands among it.
    pub(super) at: usize,
    /// Its schema and name.
    pub(super) id: String,
    /// What was declared before.
    pub(super) before: Option<Overlay>,
    /// There was none before.
    pub(super) created: bool,
    /// It is not as before.
    pub(super) changed: bool,
    /// Resources written before have to get into its index.
    pub(super) begins: bool,
    /// What has to be unique from now on.
    unique: Vec<IndexedAttribute>,
}

impl Change {
    /// What it means to declare this in an account.
    pub(super) fn of(account: &Account, wanted: &Overlay, schemas: &Schemas) -> Result<Change, ActError> {
        let mut declared = account.options.attributes.read()?;
        let mut overlay = wanted.clone();
        let place = schemas.with(&declared).place(&overlay);
        let (resource_type, schema) =
            place.map_err(|mistake| ActError::invalid(vec![field(&mistake.field, mistake.detail)]))?;
        // What is left out is what it means, so that a declaration read and sent back is the same.
        overlay.case_exact = Some(overlay.is_case_exact());
        overlay.sub_attributes.iter_mut().for_each(|part| part.case_exact = Some(part.is_case_exact()));
        overlay.schema = Some(schema);
        overlay.resource_type = Some(schemas.configured().get(resource_type).name.clone());
        let mut one = Declared { declaration: overlay, stage: Stage::Ready, duplicates: Vec::new() };
        let id = one.id();
        let known = declared.iter().position(|other| other.id().eq_ignore_ascii_case(&id));
        let before = known.map(|at| declared[at].clone());
        if let Some(before) = &before {
            if before.stage == Stage::Removing {
                return Err(ActError::conflict(format!("{id} is still being removed; try again in a moment")));
            }
            one.declaration.name.clone_from(&before.declaration.name);
            one.duplicates.clone_from(&before.duplicates);
            keeps_what_it_is(&before.declaration, &one.declaration)?;
        }
        let news = News::of(before.as_ref().map(|before| &before.declaration), &one.declaration);
        let begins = news.indexed || news.unique;
        one.stage = match &before {
            _ if begins => Stage::Indexing,
            Some(before) => before.stage,
            None => Stage::Ready,
        };
        if news.unique {
            one.duplicates.clear();
        }
        let changed = before.as_ref() != Some(&one);
        let at = known.unwrap_or(declared.len());
        declared.splice(at..(at + 1).min(declared.len()), [one]);
        fits(&declared, at, schemas)?;
        let mut unique = Vec::new();
        if news.unique {
            unique = schemas.with(&declared).index_of(&declared[at].declaration);
            unique.retain(IndexedAttribute::is_unique);
        }
        let id = declared[at].id();
        let before = before.map(|before| before.declaration);
        Ok(Change { at, id, before, created: known.is_none(), changed, begins, unique, declared })
    }

    /// The values that several resources have where each may be there only once.
    pub(super) async fn duplicates(&self, db: &Db, account: AccountKey) -> Result<Vec<Duplicate>, DbError> {
        let mut found: Vec<(SearchKey, Vec<ResourceKey>)> = Vec::new();
        if self.unique.is_empty() {
            return Ok(Vec::new());
        }
        let hashes = RandomState::new();
        let mut seen: HashMap<u64, ResourceKey> = HashMap::new();
        let mut after = 0;
        loop {
            let index = self.unique.clone();
            let page = db.read(ReadCost::Scan, move |tx| tx.values_after(account, after, &index)).await?;
            for (key, resource) in page.values {
                let room = found.len() < NAMED;
                match seen.insert(hashes.hash_one(&key), resource) {
                    None => {}
                    Some(other) => match found.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, resources)) if resources.len() < NAMED => resources.push(resource),
                        Some(_) => {}
                        None if room => found.push((key, vec![other, resource])),
                        None => {}
                    },
                }
            }
            match page.last {
                Some(last) => after = last,
                None => break,
            }
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let index = self.unique.clone();
        db.read(ReadCost::Scan, move |tx| {
            found
                .iter()
                .map(|(key, resources)| tx.duplicate(account, &index, key, resources))
                .collect::<Result<Vec<_>, _>>()
        })
        .await
    }
}

fn field(field: &str, detail: impl Into<String>) -> FieldError {
    FieldError { field: field.to_owned(), detail: detail.into() }
}

/// The attribute itself and its parts, each with how a mistake calls it and its name.
fn leaves(overlay: &Overlay) -> Vec<(String, &str, &Overlay)> {
    let parts = overlay.sub_attributes.iter().enumerate();
    let parts = parts.map(|(index, part)| (format!("sub_attributes[{index}]."), part.name.as_str(), part));
    std::iter::once((String::new(), "", overlay)).chain(parts).collect()
}

/// Values that are there stay what they are, so a declaration keeps what says how to read them.
fn keeps_what_it_is(before: &Overlay, now: &Overlay) -> Result<(), ActError> {
    let mut mistakes = Vec::new();
    let now = leaves(now);
    for (_, name, before) in leaves(before) {
        let Some((of, _, now)) = now.iter().find(|(_, other, _)| other.eq_ignore_ascii_case(name)) else {
            let detail =
                format!("{name} is missing; a part cannot be taken away: remove the attribute and declare it anew");
            mistakes.push(field("sub_attributes", detail));
            continue;
        };
        let mut kept = |same: bool, what: &str| {
            if !same {
                let detail = "cannot be changed while there may be values: remove the attribute and declare it anew";
                mistakes.push(field(&format!("{of}{what}"), detail));
            }
        };
        kept(now.name == before.name || of.is_empty(), "name");
        kept(now.r#type == before.r#type, "type");
        kept(now.multi_valued == before.multi_valued, "multi_valued");
        kept(now.is_case_exact() == before.is_case_exact(), "case_exact");
        kept(now.indexed || !before.indexed, "indexed");
    }
    if mistakes.is_empty() { Ok(()) } else { Err(ActError::invalid(mistakes)) }
}

/// What is asked of the index that was not asked before.
struct News {
    indexed: bool,
    unique: bool,
}

impl News {
    fn of(before: Option<&Overlay>, now: &Overlay) -> News {
        let before = before.map(leaves).unwrap_or_default();
        let was = |name: &str, what: fn(&Overlay) -> bool| {
            before.iter().any(|(_, other, leaf)| other.eq_ignore_ascii_case(name) && what(leaf))
        };
        let is_unique = |leaf: &Overlay| leaf.uniqueness != Uniqueness::None;
        let mut news = News { indexed: false, unique: false };
        for (_, name, leaf) in leaves(now) {
            news.indexed |= leaf.indexed && !was(name, |leaf| leaf.indexed);
            news.unique |= is_unique(leaf) && !was(name, |leaf| leaf.uniqueness != Uniqueness::None);
        }
        news
    }
}

/// Whether it can be beside everything else.
fn fits(declared: &[Declared], at: usize, schemas: &Schemas) -> Result<(), ActError> {
    if let Some(mistakes) = schemas.mistakes(declared, at) {
        let mistakes = mistakes.into_iter().map(|mistake| field(&mistake.field, mistake.detail));
        return Err(ActError::invalid(mistakes.collect()));
    }
    if declared.len() > MAX_ATTRIBUTES {
        return Err(ActError::conflict(format!(
            "an account declares at most {MAX_ATTRIBUTES} attributes: remove one, or use the parts of a complex one"
        )));
    }
    let indexed = |one: &Declared| leaves(&one.declaration).iter().filter(|(_, _, leaf)| leaf.indexed).count();
    if indexed(&declared[at]) > 0 && declared.iter().map(indexed).sum::<usize>() > MAX_INDEXED {
        return Err(ActError::field("indexed", format!("an account has at most {MAX_INDEXED} indexed attributes")));
    }
    // Rows of what is being removed are removed by number.
    let registry = schemas.with(declared);
    let ours = registry.index_keys(&declared[at].declaration);
    let going = declared.iter().filter(|other| other.stage == Stage::Removing);
    if going.flat_map(|other| registry.index_keys(&other.declaration)).any(|key| ours.contains(&key)) {
        return Err(ActError::conflict("another attribute is still being removed; try again in a moment"));
    }
    Ok(())
}

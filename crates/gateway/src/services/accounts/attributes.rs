//! The attributes that an account declares beyond the standard and the configuration. The caller has said who acts.
//!
//! A declaration counts from the next request on, at every replica. What was written before gets into its index, or out of the
//! documents, in the background ([`indexing`](crate::services::indexing)).

use scim::schema::Stage;
use scim::schema::overlay::Overlay;
use serde_json::json;

use super::{find, lock, removed_values};
use crate::domain::bodies::attributes::declaration::Name;
use crate::domain::bodies::attributes::{Attribute, State};
use crate::domain::bodies::changes;
use crate::domain::declared_attributes::{Declarations, Declared, Duplicate};
use crate::domain::described::FieldError;
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Power};
use crate::domain::schemas::Schemas;
use crate::services::error::{ActError, Refusal};
use crate::storage::{Db, ReadCost, Tx};

mod change;

use change::Change;

/// What an account declares. Only reads.
pub fn list(tx: &mut Tx<'_>, mandate: &Mandate, schemas: &Schemas, account: &str) -> Result<Vec<Attribute>, ActError> {
    let declared = find(tx, mandate, Power::Read, account)?.options.attributes.read()?;
    Ok((0..declared.len()).map(|at| overview(&declared, at, schemas)).collect())
}

/// One declaration, by the name that a path gives it. Only reads.
pub fn get(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    schemas: &Schemas,
    account: &str,
    name: &str,
) -> Result<Attribute, ActError> {
    let declared = find(tx, mandate, Power::Read, account)?.options.attributes.read()?;
    let at = position(&declared, schemas, name).ok_or_else(|| ActError::not_found("attribute", name))?;
    Ok(overview(&declared, at, schemas))
}

fn position(declared: &[Declared], schemas: &Schemas, name: &str) -> Option<usize> {
    let id = Name::of(name).id(schemas.configured());
    declared.iter().position(|one| one.id().eq_ignore_ascii_case(&id))
}

/// What is declared, and how far that went.
fn overview(declared: &[Declared], at: usize, schemas: &Schemas) -> Attribute {
    let one = &declared[at];
    let state = match one.stage {
        Stage::Removing => State::Removing,
        _ if schemas.overrules(declared, at) => State::Overruled,
        Stage::Ready => State::Ready,
        Stage::Indexing => State::Indexing,
    };
    Attribute { id: one.id(), declaration: one.declaration.clone(), state, duplicates: one.duplicates.clone() }
}

/// A declaration that what is stored allows: no two resources have one value of what is to be unique, and the caller has confirmed that
/// resources keep values which would no longer be allowed.
#[derive(Debug, Clone)]
pub struct CheckedDeclaration(Overlay);

impl CheckedDeclaration {
    /// Compares a declaration with what is stored.
    pub async fn of(
        db: &Db,
        mandate: &Mandate,
        schemas: &Schemas,
        account: &str,
        wanted: Overlay,
        is_confirmed: bool,
    ) -> Result<CheckedDeclaration, ActError> {
        let (work, looked_up, overlay) = (schemas.clone(), account.to_owned(), wanted.clone());
        let mandate = mandate.clone();
        let (seq, change, removed) = db
            .read(ReadCost::Point, move |tx| {
                let account = find(tx, &mandate, Power::ChangeAccounts, &looked_up)?;
                let change = Change::of(&account, &overlay, &work)?;
                let account_values = account.account_values();
                let later = work.with(&change.declared);
                let removed = work.of(&account)?.removed(&account_values, &later, &account_values);
                Ok::<_, ActError>((account.seq, change, removed))
            })
            .await?;
        if !is_confirmed {
            removed_values::refuse("canonical_values", &removed_values::in_use(db, seq, removed).await?)?;
        }
        refuse_duplicates(&change.id, &change.duplicates(db, seq).await?)?;
        Ok(CheckedDeclaration(wanted))
    }
}

/// Declares an attribute, or changes its declaration; says whether it is new. Resources written before are put into its index in the
/// background.
pub fn declare(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    schemas: &Schemas,
    account: &str,
    CheckedDeclaration(overlay): &CheckedDeclaration,
) -> Result<(bool, Attribute), ActError> {
    let mut account = lock(tx, mandate, Power::ChangeAccounts, account)?;
    // Judged by the account as it is now: another operator may have declared an attribute meanwhile.
    let change = Change::of(&account, overlay, schemas)?;
    let action = if change.created { Action::AttributeDeclared } else { Action::AttributeChanged };
    if change.changed {
        let declared = &change.declared[change.at].declaration;
        let act = Act::new(action).on_named(&change.id, &declared.name);
        tx.raise(tx.now(), Some(account.seq), act.changing(changes(&json!(change.before), &json!(declared))));
        account.options.attributes = Declarations::write(&change.declared)?;
        tx.set_account_options(&account)?;
    }
    if change.begins {
        tx.begin_attribute_work(account.seq, &change.id)?;
    }
    Ok((change.created, overview(&change.declared, change.at, schemas)))
}

/// Takes an attribute away. Its values are taken out of documents in the background.
pub fn remove(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    schemas: &Schemas,
    account: &str,
    name: &str,
) -> Result<(), ActError> {
    let mut account = lock(tx, mandate, Power::Delete, account)?;
    let mut declared = account.options.attributes.read()?;
    let at = position(&declared, schemas, name).filter(|at| declared[*at].stage != Stage::Removing);
    let at = at.ok_or_else(|| ActError::not_found("attribute", name))?;
    let (id, removed) = (declared[at].id(), declared[at].declaration.clone());
    match schemas.overrules(&declared, at) {
        // What there is of it is the configuration's.
        true => drop(declared.remove(at)),
        false => {
            declared[at].stage = Stage::Removing;
            tx.begin_attribute_work(account.seq, &id)?;
        }
    }
    account.options.attributes = Declarations::write(&declared)?;
    tx.set_account_options(&account)?;
    let act = Act::new(Action::AttributeRemoved).on_named(id, &removed.name);
    tx.raise(tx.now(), Some(account.seq), act.changing(changes(&json!(removed), &json!({}))));
    Ok(())
}

fn refuse_duplicates(id: &str, duplicates: &[Duplicate]) -> Result<(), ActError> {
    if duplicates.is_empty() {
        return Ok(());
    }
    let errors = duplicates.iter().map(|duplicate| FieldError {
        field: "uniqueness".to_owned(),
        detail: format!("{:?} is the value of {}", duplicate.value, duplicate.resources.join(" and ")),
    });
    let detail = format!("{id} cannot be unique, for several resources have the same value; change theirs first");
    Err(Refusal::Conflict { detail, errors: errors.collect() }.into())
}

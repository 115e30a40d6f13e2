//! Operators: the vendor's people and automation that use the admin API. The caller has said who acts
//! ([`Tx::act_as`](crate::storage::Tx::act_as)).

use oauth::Keyring;

use super::accounts;
use super::error::ActError;
use crate::domain::bodies;
use crate::domain::bodies::operators::{NewOperator, Operator, OperatorToken};
use crate::domain::described::{FieldError, Time, With};
use crate::domain::event::{Act, Action};
use crate::domain::operator::{Mandate, Reach, Role};
use crate::domain::operator_name::OperatorName;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::operators::{NameTaken, Operator as OperatorRecord};
use crate::storage::{DbError, Tx};

/// The operators whose tokens count. Only reads.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Operator>, DbError> {
    let operators = tx.operators()?;
    operators.iter().map(|operator| overview(tx, operator)).collect()
}

/// What the operator with this id may do, and where; `None` if they were ended. Only reads.
pub fn mandate(tx: &mut Tx<'_>, id: &str) -> Result<Option<Mandate>, DbError> {
    let operator = tx.operators()?.into_iter().find(|operator| operator.id == id);
    Ok(operator.map(|operator| match operator.account {
        Some(account) => Mandate::new(Role::Platform, Reach::only([account])),
        None => Mandate::EVERYTHING,
    }))
}

fn overview(tx: &mut Tx<'_>, operator: &OperatorRecord) -> Result<Operator, DbError> {
    let (account, account_deleted) = match operator.account {
        Some(seq) => (tx.account_id(seq)?, tx.account_at(seq)?.is_none()),
        None => (None, false),
    };
    Ok(Operator {
        id: operator.id.clone(),
        name: operator.name.clone(),
        account,
        account_deleted,
        created: Time(operator.created),
        expires: operator.expires.map(Time),
        last_used: operator.last_used.map(Time),
    })
}

fn named(new: &NewOperator) -> Result<OperatorName, FieldError> {
    let parsed = OperatorName::parse(&new.name.0);
    parsed.map_err(|why| FieldError { field: "name".to_owned(), detail: why })
}

/// What is wrong with a new operator.
pub fn mistakes(new: &NewOperator, now: Timestamp) -> Vec<FieldError> {
    named(new).err().into_iter().chain(bodies::past_end(new.expires, now)).collect()
}

/// Makes an operator. The token is shown this once.
pub fn create(tx: &mut Tx<'_>, keys: &Keyring, new: &NewOperator) -> Result<With<Operator, OperatorToken>, ActError> {
    let now = tx.now();
    ActError::unless_right(mistakes(new, now))?;
    let name = named(new).map_err(|mistake| ActError::invalid(vec![mistake]))?;
    let account = match &new.account {
        Some(id) => Some(accounts::lock(tx, id)?.seq),
        None => None,
    };
    let token = oauth::generated(oauth::Prefix::Operator, &mut system::fill);
    let made = OperatorRecord {
        seq: 0,
        id: system::new_uuid(),
        name: name.as_str().to_owned(),
        created: now,
        last_used: None,
        account,
        expires: new.expires.map(|expires| expires.0),
    };
    if let Err(NameTaken(name)) = tx.insert_operator(&made, None, Some(keys.fingerprint(&token).as_bytes()))? {
        return Err(ActError::conflict(format!("another operator is called {name:?}; each has a name of its own")));
    }
    tx.raise(now, account, Act::new(Action::OperatorCreated).on_named(&made.id, &made.name));
    Ok(With { of: overview(tx, &made)?, with: OperatorToken { token } })
}

/// Ends an operator; the token is refused from the next request on.
pub fn end(tx: &mut Tx<'_>, id: &str) -> Result<(), ActError> {
    let now = tx.now();
    if !tx.end_operator(id, now)? {
        return Err(ActError::not_found("operator", id));
    }
    tx.raise(now, None, Act::new(Action::OperatorEnded).on(id));
    Ok(())
}

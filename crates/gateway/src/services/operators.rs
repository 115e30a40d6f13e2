//! Operators: the vendor's people and automation that use the admin API. Only those for the whole platform see or manage them. The caller has
//! said who acts ([`Tx::act_as`](crate::storage::Tx::act_as)).

use oauth::Keyring;
use serde_json::json;

use super::error::ActError;
use super::operator_logins::Loss;
use super::password_links::NewLink;
use super::{accounts, operator_logins};
use crate::domain::actor::Actor;
use crate::domain::bodies;
use crate::domain::bodies::operators::{NewOperator, Operator, OperatorChange, OperatorToken};
use crate::domain::described::{FieldError, Required, Text, Texts, Time, With};
use crate::domain::event::{Act, Action, Changes};
use crate::domain::operator::{Mandate, Power, Reach, Role};
use crate::domain::operator_name::OperatorName;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::operators::{NameTaken, Operator as OperatorRecord};
use crate::storage::{DbError, Tx};

/// The operators whose tokens count. Only reads.
pub fn list(tx: &mut Tx<'_>, mandate: &Mandate) -> Result<Vec<Operator>, ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let operators = tx.operators()?;
    Ok(operators.iter().map(|operator| overview(tx, operator)).collect::<Result<_, _>>()?)
}

/// What the operator with this id may do, and where; `None` if they were ended. Only reads.
pub fn mandate(tx: &mut Tx<'_>, id: &str) -> Result<Option<Mandate>, DbError> {
    Ok(tx.operator_of(id)?.map(|operator| operator.mandate))
}

fn overview(tx: &mut Tx<'_>, operator: &OperatorRecord) -> Result<Operator, DbError> {
    let accounts = match operator.mandate.reach() {
        Reach::All => None,
        Reach::Accounts(keys) => {
            let mut ids = Vec::new();
            for key in keys.iter() {
                ids.extend(tx.account_id(*key)?);
            }
            Some(ids)
        }
    };
    let address = tx.operator_login(&operator.id)?.and_then(|login| login.address);
    Ok(Operator {
        id: operator.id.clone(),
        name: operator.name.clone(),
        address,
        role: operator.mandate.role(),
        accounts,
        created: Time(operator.created),
        expires: operator.expires.map(Time),
        last_used: operator.last_used.map(Time),
    })
}

fn address_of(new: &NewOperator) -> Result<Option<String>, FieldError> {
    let read = new.address.as_ref().map(|Text(text)| operator_logins::address(text)).transpose();
    read.map_err(|why| FieldError { field: "address".to_owned(), detail: why })
}

fn named(new: &NewOperator) -> Result<OperatorName, FieldError> {
    let parsed = OperatorName::parse(&new.name.0);
    parsed.map_err(|why| FieldError { field: "name".to_owned(), detail: why })
}

/// What is wrong with a new operator.
pub fn mistakes(new: &NewOperator, now: Timestamp) -> Vec<FieldError> {
    let expires = match (&new.address, new.expires) {
        (Some(_), Some(_)) => {
            let detail = "is when a token expires, and an operator with an address has none".to_owned();
            Some(FieldError { field: "expires".to_owned(), detail })
        }
        (_, expires) => bodies::past_end(expires, now),
    };
    named(new).err().into_iter().chain(address_of(new).err()).chain(expires).collect()
}

/// Makes an operator. The token is shown this once, or the link to a password, which is below this page of the console.
pub fn create(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    keys: &Keyring,
    welcome: &str,
    new: &NewOperator,
) -> Result<With<Operator, OperatorToken>, ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let now = tx.now();
    ActError::unless_right(mistakes(new, now))?;
    let name = named(new).map_err(|mistake| ActError::invalid(vec![mistake]))?;
    let address = address_of(new).map_err(|mistake| ActError::invalid(vec![mistake]))?;
    if let Some(address) = &address
        && let Some(other) = tx.operator_by_address(address)?
    {
        return Err(ActError::conflict(format!("the operator {:?} logs in by the address {address}", other.name)));
    }
    let reach = match &new.accounts {
        None => Reach::All,
        Some(Texts(ids)) => reach_of(tx, mandate, ids)?,
    };
    let Required(role) = new.role;
    let token = oauth::generated(oauth::Prefix::Operator, &mut system::fill);
    let made = OperatorRecord {
        seq: 0,
        id: system::new_uuid(),
        name: name.as_str().to_owned(),
        created: now,
        last_used: None,
        expires: new.expires.map(|expires| expires.0),
        mandate: Mandate::new(role, reach),
    };
    let fingerprint = keys.fingerprint(&token);
    let fingerprint = address.is_none().then(|| fingerprint.as_bytes());
    if let Err(NameTaken(name)) = tx.insert_operator(&made, address.as_deref(), fingerprint)? {
        return Err(ActError::conflict(format!("another operator is called {name:?}; each has a name of its own")));
    }
    let may = in_words(tx, &made.mandate)?;
    tx.raise(now, None, Act::new(Action::OperatorCreated).on_named(&made.id, &made.name).saying(may));
    let with = match address {
        None => OperatorToken { token: Some(token), password_link: None },
        Some(_) => {
            let link = NewLink::draw(keys);
            operator_logins::invite(tx, mandate, &link, &made.id, None)?;
            OperatorToken { token: None, password_link: Some(link.url(welcome)) }
        }
    };
    Ok(With { of: overview(tx, &made)?, with })
}

/// The accounts with these ids; none of them is deleted before this unit of work ends.
fn reach_of(tx: &mut Tx<'_>, mandate: &Mandate, ids: &[String]) -> Result<Reach, ActError> {
    let mut keys = Vec::new();
    for id in ids {
        let key = accounts::lock(tx, mandate, Power::ManageOperators, id)?.seq;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(Reach::only(keys))
}

/// Ends an operator; the token is refused from the next request on.
pub fn end(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<(), ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    operator_logins::keep_a_way_in(tx, id, Loss::Operator)?;
    match operator_logins::end(tx, id, None)? {
        true => Ok(()),
        false => Err(ActError::not_found("operator", id)),
    }
}

/// Changes what an operator is called, may do, and where.
pub fn change(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, change: &OperatorChange) -> Result<Operator, ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let operator = tx.lock_operator(id)?.ok_or_else(|| ActError::not_found("operator", id))?;
    let name = change.name.as_ref().map(|Text(name)| OperatorName::parse(name)).transpose();
    let name = name.map_err(|why| ActError::field("name", why))?;
    let reach = match change.accounts.change() {
        None => operator.mandate.reach().clone(),
        Some(None) => Reach::All,
        Some(Some(Texts(ids))) => reach_of(tx, mandate, ids)?,
    };
    let theirs = Mandate::new(change.role.unwrap_or(operator.mandate.role()), reach);
    let after = alter(tx, &operator, name, theirs)?;
    Ok(overview(tx, &after)?)
}

/// Gives an operator another name and another mandate, as far as they differ from those that they have. Operators change no mandate of their
/// own, so none gives themselves more or shuts themselves out.
pub fn alter(
    tx: &mut Tx<'_>,
    operator: &OperatorRecord,
    name: Option<OperatorName>,
    theirs: Mandate,
) -> Result<OperatorRecord, ActError> {
    let (now, before) = (tx.now(), &operator.mandate);
    let (mut after, mut changes) = (operator.clone(), Changes::default());
    if let Some(name) = name.filter(|name| name.as_str() != operator.name) {
        if !tx.rename_operator(operator.seq, &name)? {
            let detail = format!("another operator is called {:?}; each has a name of its own", name.as_str());
            return Err(ActError::conflict(detail));
        }
        name.as_str().clone_into(&mut after.name);
        changes.value("name", &json!(operator.name), &json!(after.name));
    }
    if theirs != *before {
        if matches!(&tx.origin.actor, Actor::Operator(own) if own.id == operator.id) {
            let detail = "no operator changes their own role or accounts: another operator with the role platform can";
            return Err(ActError::conflict(detail));
        }
        if theirs.role() != Role::Platform || *theirs.reach() != Reach::All {
            operator_logins::keep_a_way_in(tx, &operator.id, Loss::Operator)?;
        }
        changes.value("role", &json!(before.role().code()), &json!(theirs.role().code()));
        let reaches = (reach_in_words(tx, before)?, reach_in_words(tx, &theirs)?);
        changes.value("accounts", &json!(reaches.0), &json!(reaches.1));
        tx.set_operator_mandate(operator.seq, &theirs)?;
        after.mandate = theirs;
    }
    if after != *operator {
        tx.raise(now, None, Act::new(Action::OperatorChanged).on_named(&after.id, &after.name).changing(changes));
    }
    Ok(after)
}

/// What an operator may do and where, as the audit trail says it of a new one.
pub fn in_words(tx: &mut Tx<'_>, mandate: &Mandate) -> Result<String, DbError> {
    Ok(format!("{}, {}", mandate.role().code(), reach_in_words(tx, mandate)?))
}

fn reach_in_words(tx: &mut Tx<'_>, mandate: &Mandate) -> Result<String, DbError> {
    Ok(match names_of(tx, mandate.reach())? {
        None => "all accounts".to_owned(),
        Some(names) if names.is_empty() => "no account".to_owned(),
        Some(names) => names.join(", "),
    })
}

/// The names of the accounts within reach; `None` for all. Only reads.
pub fn names_of(tx: &mut Tx<'_>, reach: &Reach) -> Result<Option<Vec<String>>, DbError> {
    let Reach::Accounts(keys) = reach else { return Ok(None) };
    let mut names = Vec::with_capacity(keys.len());
    for key in keys.iter() {
        names.extend(tx.account_at(*key)?.map(|account| account.name));
    }
    Ok(Some(names))
}

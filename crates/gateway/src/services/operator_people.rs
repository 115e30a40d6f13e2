//! Operators as people: who they are, what they may do, and how they log in. Only operators for the whole platform see or manage them. The
//! caller has said who acts ([`Tx::act_as`](crate::storage::Tx::act_as)).

use super::error::ActError;
use super::operator_logins;
use super::operators::{alter, in_words, names_of};
use super::sent_form::Before;
use crate::domain::described::FieldError;
use crate::domain::event::{Act, Action};
use crate::domain::ids::AccountKey;
use crate::domain::operator::{Mandate, Power, Reach, Role};
use crate::domain::operator_name::OperatorName;
use crate::domain::password_link::{LinkSubject, PasswordLink};
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::operator_logins::{OperatorDoors, TokenState};
use crate::storage::operators::{NameTaken, Operator};
use crate::storage::{DbError, Tx};

/// An operator, as the console shows them.
#[derive(Debug)]
pub struct Person {
    /// The public id.
    pub id: String,
    /// What they are called.
    pub name: String,
    /// By what they log in; `None` for a token of automation.
    pub address: Option<String>,
    /// What they may do.
    pub role: Role,
    /// The names of the accounts that they are limited to; `None` for all.
    pub accounts: Option<Vec<String>>,
    /// They have a password,
    pub has_password: bool,
    /// and an authenticator app beside it.
    pub has_app: bool,
    /// They have logged in at the OpenID provider.
    pub is_known_at_provider: bool,
    /// The link to a password that was made last.
    pub link: Option<PasswordLink>,
    /// Their token.
    pub token: Option<TokenState>,
    /// When they were made.
    pub created: Timestamp,
    /// When their browser last came by.
    pub seen: Option<Timestamp>,
}

/// What an operator may do and where, as it is typed.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The code of a role.
    pub role: String,
    /// The names of the accounts; `None` for all.
    pub accounts: Option<Vec<String>>,
}

/// A new operator, as it is typed.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// What they are called; their address if nothing is said.
    pub name: String,
    /// By what they log in.
    pub address: String,
    /// What they may do.
    pub asked: Asked,
}

/// Every operator who was not ended, in the order in which they were made. Only reads.
pub fn list(tx: &mut Tx<'_>, mandate: &Mandate) -> Result<Vec<Person>, ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let doors = tx.operator_doors()?;
    let operators = tx.operators()?;
    let mut people = Vec::with_capacity(operators.len());
    for operator in operators {
        if let Some(doors) = doors.iter().find(|doors| doors.id == operator.id) {
            people.push(person(tx, operator, doors)?);
        }
    }
    Ok(people)
}

/// One of them. Only reads.
pub fn find(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<Person, ActError> {
    let found = list(tx, mandate)?.into_iter().find(|person| person.id == id);
    found.ok_or_else(|| ActError::not_found("operator", id))
}

fn person(tx: &mut Tx<'_>, operator: Operator, doors: &OperatorDoors) -> Result<Person, DbError> {
    let accounts = names_of(tx, operator.mandate.reach())?;
    Ok(Person {
        name: operator.name,
        address: doors.address.clone(),
        role: operator.mandate.role(),
        accounts,
        has_password: doors.has_password,
        has_app: tx.has_second_factor(AccountKey::NO_ROW, doors.key)?,
        is_known_at_provider: doors.is_known_at_provider,
        link: tx.password_link_of(&LinkSubject::Operator(operator.id.clone()))?,
        token: tx.operator_token(doors.key)?,
        created: operator.created,
        seen: doors.seen,
        id: operator.id,
    })
}

fn wrong(field: &str, detail: impl Into<String>) -> FieldError {
    FieldError { field: field.to_owned(), detail: detail.into() }
}

/// What was typed, as a mandate; or all that is wrong with it.
fn read(tx: &mut Tx<'_>, asked: &Asked) -> Result<Result<Mandate, Vec<FieldError>>, DbError> {
    let mut mistakes = Vec::new();
    let role = Role::named(&asked.role);
    if role.is_none() {
        mistakes.push(wrong("role", "Choose a role."));
    }
    let reach = match &asked.accounts {
        None => Some(Reach::All),
        Some(names) if names.is_empty() => {
            mistakes.push(wrong("accounts", "Name at least one account, one a line, or choose all accounts."));
            None
        }
        Some(names) => {
            let (mut keys, mut unknown) = (Vec::new(), Vec::new());
            for name in names {
                match tx.account_called(name)? {
                    Some(key) => keys.push(key),
                    None => unknown.push(format!("“{name}”")),
                }
            }
            if !unknown.is_empty() {
                mistakes.push(wrong("accounts", format!("There is no account {}.", unknown.join(", "))));
            }
            keys.sort_unstable();
            keys.dedup();
            Some(Reach::only(keys))
        }
    };
    Ok(match (role, reach) {
        (Some(role), Some(reach)) if mistakes.is_empty() => Ok(Mandate::new(role, reach)),
        _ => Err(mistakes),
    })
}

/// Makes an operator who logs in by an address: at the OpenID provider, or by a password that a [link](operator_logins::invite) sets. Gives
/// the id.
pub fn create(tx: &mut Tx<'_>, mandate: &Mandate, new: &NewPerson) -> Result<String, ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let now = tx.now();
    let address = operator_logins::address(&new.address).map_err(|why| wrong("address", format!("It {why}.")));
    let text = if new.name.trim().is_empty() { &new.address } else { &new.name };
    let name = OperatorName::parse(text).map_err(|why| wrong("name", format!("The name {why}.")));
    let read = read(tx, &new.asked)?;
    let (address, name, theirs) = match (address, name, read) {
        (Ok(address), Ok(name), Ok(theirs)) => (address, name, theirs),
        (address, name, read) => {
            let mistakes = address.err().into_iter().chain(name.err()).chain(read.err().into_iter().flatten());
            return Err(ActError::invalid(mistakes.collect()));
        }
    };
    if let Some(other) = tx.operator_by_address(&address)? {
        return Err(ActError::field("address", format!("{} logs in by this address already.", other.name)));
    }
    let made = Operator {
        seq: 0,
        id: system::new_uuid(),
        name: name.as_str().to_owned(),
        created: now,
        last_used: None,
        expires: None,
        mandate: theirs,
    };
    if let Err(NameTaken(other)) = tx.insert_operator(&made, Some(&address), None)? {
        return Err(ActError::field("name", format!("Another operator is called {other}. Choose another name.")));
    }
    let may = in_words(tx, &made.mandate)?;
    tx.raise(now, None, Act::new(Action::OperatorCreated).on_named(&made.id, &made.name).saying(may));
    Ok(made.id)
}

/// The operator who logs in by an address, and when they were made. Only reads.
pub fn again(tx: &mut Tx<'_>, mandate: &Mandate, address: &str) -> Result<Before<String>, ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let Some(login) = tx.operator_by_address(address.trim())? else { return Ok(None) };
    Ok(tx.operator_of(&login.id)?.map(|operator| (operator.created, operator.id)))
}

/// Changes what an operator may do, and where.
pub fn change(tx: &mut Tx<'_>, mandate: &Mandate, id: &str, asked: &Asked) -> Result<(), ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let operator = tx.lock_operator(id)?.ok_or_else(|| ActError::not_found("operator", id))?;
    let theirs = read(tx, asked)?.map_err(ActError::invalid)?;
    alter(tx, &operator, None, theirs)?;
    Ok(())
}

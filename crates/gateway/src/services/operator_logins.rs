//! How operators log in: links to a password, passwords, authenticator apps, their sessions and tokens. The caller has said who acts
//! ([`Tx::act_as`](crate::storage::Tx::act_as)).

use oauth::Keyring;

use super::error::ActError;
use super::password_links::{self, NewLink};
use super::second_factor;
use super::sign_in::operator::AuthenticatedOperator;
use crate::domain::actor::Source;
use crate::domain::event::{Act, Action};
use crate::domain::ids::OperatorKey;
use crate::domain::operator::{Mandate, Power};
use crate::domain::password_link::{LinkPurpose, LinkRefusal, LinkSubject, PasswordLink};
use crate::platform::password_hasher::commonest;
use crate::platform::timestamp::Timestamp;
use crate::storage::operator_logins::{OperatorLogin, TokenState};
use crate::storage::sessions::{Liveness, SessionRecord};
use crate::storage::{DbError, Tx};

const HOUR: i64 = 3_600_000;
/// How long a link to a first password counts, in milliseconds.
pub const INVITATION: i64 = 72 * HOUR;
/// How long a link counts that replaces a password, and one that the command line makes.
pub const SHORT: i64 = HOUR;

/// Who opened a link.
#[derive(Debug, Clone)]
pub struct Guest {
    /// What they are called,
    pub name: String,
    /// by what they will log in,
    pub address: String,
    /// and what for the link is.
    pub purpose: LinkPurpose,
}

fn login(tx: &mut Tx<'_>, id: &str) -> Result<OperatorLogin, ActError> {
    tx.operator_login(id)?.ok_or_else(|| ActError::not_found("operator", id))
}

/// An e-mail address that an operator may log in by; the error says what it must be.
pub fn address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_right = text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && domain.split('.').all(|label| !label.is_empty()) && !domain.contains('@')
    });
    let is_plain = text.len() <= 254 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match is_right && is_plain {
        true => Ok(text.to_owned()),
        false => Err("must be an e-mail address, such as ada@vendor.example".to_owned()),
    }
}

/// Makes a link with which an operator sets a password: the first one, or another. The link that they had counts no more.
pub fn invite(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    link: &NewLink,
    id: &str,
    lifetime: Option<i64>,
) -> Result<PasswordLink, ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let (login, now) = (login(tx, id)?, tx.now());
    if login.address.is_none() {
        let detail =
            "the operator has a token and no e-mail address to log in by: make another operator, with an address";
        return Err(ActError::conflict(detail));
    }
    let (purpose, usual) = match login.password_hash {
        None => (LinkPurpose::Invitation, INVITATION),
        Some(_) => (LinkPurpose::Recovery, SHORT),
    };
    let (lifetime, made_by) = (lifetime.unwrap_or(usual), tx.actor().code());
    let link = link.put(tx, LinkSubject::Operator(login.id.clone()), purpose, made_by, lifetime)?;
    tx.raise(now, None, Act::new(Action::OperatorInvited).on_named(&login.id, &login.name));
    Ok(link)
}

/// Who opened this link, if it counts. Only reads.
pub fn guest(tx: &mut Tx<'_>, keys: &Keyring, secret: &str) -> Result<Result<Guest, LinkRefusal>, DbError> {
    let found = match password_links::find(tx, keys, secret)? {
        Ok(link) => link,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let LinkSubject::Operator(id) = &found.subject else { return Ok(Err(LinkRefusal::Unknown)) };
    Ok(tx.operator_login(id)?.map(|login| guest_of(&login, found.purpose)).ok_or(LinkRefusal::Unknown))
}

fn guest_of(login: &OperatorLogin, purpose: LinkPurpose) -> Guest {
    let address = login.address.clone().unwrap_or_else(|| login.name.clone());
    Guest { name: login.name.clone(), address, purpose }
}

/// Why a new password, typed twice, is refused.
pub fn refusal(address: &str, name: &str, password: &str, again: &str) -> Option<String> {
    if password != again {
        return Some("The two passwords are not the same. Type both again.".to_owned());
    }
    commonest::refusal(password, &[address, name]).map(|why| format!("The password {why}."))
}

/// Uses a link: the password of this hash is the operator's, whose sessions end, and who has proved who they are.
pub fn enter_by_link(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    secret: &str,
    hash: &str,
    from: Source,
) -> Result<Result<AuthenticatedOperator, LinkRefusal>, DbError> {
    // A user's link is none of an operator's, and stays good.
    if let Err(refusal) = guest(tx, keys, secret)? {
        return Ok(Err(refusal));
    }
    let link = match password_links::spend(tx, keys, secret)? {
        Ok(link) => link,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let LinkSubject::Operator(id) = &link.subject else { return Ok(Err(LinkRefusal::Unknown)) };
    let Some(login) = tx.operator_login(id)? else { return Ok(Err(LinkRefusal::Unknown)) };
    let operator = AuthenticatedOperator::by_link(&login, tx.now());
    tx.act_as(operator.actor().at(from));
    set_password(tx, &login, hash, &[])?;
    tx.see_operator(login.key, operator.at())?;
    Ok(Ok(operator))
}

/// Gives an operator another password. Their sessions but this one end.
pub fn set_password(tx: &mut Tx<'_>, login: &OperatorLogin, hash: &str, own_session: &[u8]) -> Result<(), DbError> {
    let now = tx.now();
    tx.set_operator_password(login.key, hash)?;
    tx.end_password_link_of(&LinkSubject::Operator(login.id.clone()))?;
    tx.end_other_operator_sessions(login.key, own_session)?;
    tx.raise(now, None, Act::new(Action::OperatorPasswordSet).on_named(&login.id, &login.name));
    Ok(())
}

/// What an operator sees of how they log in.
#[derive(Debug)]
pub struct Own {
    /// Their log-in.
    pub login: OperatorLogin,
    /// How many recovery codes they have beside their authenticator app; `None` without an app.
    pub recovery_codes: Option<i64>,
    /// Where they are logged in, the latest first.
    pub sessions: Vec<SessionRecord>,
    /// Their token of the admin API.
    pub token: Option<TokenState>,
}

/// What an operator sees of how they log in. Only reads.
pub fn own(tx: &mut Tx<'_>, id: &str, alive: Liveness) -> Result<Own, ActError> {
    let login = login(tx, id)?;
    let recovery_codes = match tx.has_second_factor(login.key)? {
        true => Some(tx.recovery_codes_left(login.key)?),
        false => None,
    };
    let sessions = tx.operator_sessions_of(login.key, alive)?;
    let token = tx.operator_token(login.key)?;
    Ok(Own { login, recovery_codes, sessions, token })
}

/// Ends another session of an operator: the one that this holds for, given what is kept of its secret.
pub fn end_session(
    tx: &mut Tx<'_>,
    id: &str,
    is_meant: impl Fn(&[u8]) -> bool,
    alive: Liveness,
) -> Result<(), ActError> {
    let login = login(tx, id)?;
    let found = tx.operator_sessions_of(login.key, alive)?.into_iter().find(|found| is_meant(&found.fingerprint));
    if let Some(found) = found
        && tx.end_operator_session(&found.fingerprint)?
    {
        tx.raise(alive.now, None, Act::new(Action::OperatorSessionEnded).on_named(&login.id, &login.name));
    }
    Ok(())
}

/// Gives an operator a token of this fingerprint in place of the one they had.
pub fn replace_token(tx: &mut Tx<'_>, id: &str, fingerprint: &[u8], expires: Timestamp) -> Result<(), ActError> {
    let (login, now) = (login(tx, id)?, tx.now());
    tx.set_operator_token(login.key, fingerprint, now, expires)?;
    tx.raise(now, None, Act::new(Action::OperatorTokenAdded).on_named(&login.id, &login.name));
    Ok(())
}

/// Ends the token of an operator, who stays: their own, or another's if the mandate says so.
pub fn end_token(tx: &mut Tx<'_>, mandate: &Mandate, own: &str, id: &str) -> Result<(), ActError> {
    if own != id {
        mandate.may_everywhere(Power::ManageOperators)?;
    }
    let (login, now) = (login(tx, id)?, tx.now());
    if tx.end_operator_token(login.key)? {
        tx.raise(now, None, Act::new(Action::OperatorTokenEnded).on_named(&login.id, &login.name));
    }
    Ok(())
}

/// Takes a lost authenticator app away from an operator; their sessions end, and they set up another when they log in.
pub fn release_app(tx: &mut Tx<'_>, mandate: &Mandate, id: &str) -> Result<bool, ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let (login, now) = (login(tx, id)?, tx.now());
    let had_one = second_factor::release(tx, &holder(&login), now)?;
    if had_one {
        tx.end_other_operator_sessions(login.key, &[])?;
    }
    Ok(had_one)
}

/// Whose authenticator app it is.
pub fn holder(login: &OperatorLogin) -> second_factor::Holder {
    second_factor::Holder::operator(login.key, &login.id, &login.name)
}

/// What goes with an operator who is ended: sessions, password, authenticator app, an open link.
pub fn forget(tx: &mut Tx<'_>, key: OperatorKey, id: &str) -> Result<(), DbError> {
    tx.end_other_operator_sessions(key, &[])?;
    tx.remove_second_factor(key.into())?;
    tx.end_password_link_of(&LinkSubject::Operator(id.to_owned()))?;
    tx.forget_operator_login(key)
}

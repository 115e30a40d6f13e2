//! How operators log in: links to a password, passwords, authenticator apps, their sessions and tokens. The caller has said who acts
//! ([`Tx::act_as`](crate::storage::Tx::act_as)).

use oauth::Keyring;

use super::error::ActError;
use super::password_links::{self, NewLink};
use super::second_factor;
use super::sign_in::operator::AuthenticatedOperator;
use crate::domain::actor::{Actor, Source};
use crate::domain::event::{Act, Action};
use crate::domain::ids::AccountKey;
use crate::domain::operator::{Mandate, Power};
use crate::domain::operator_name::BOOTSTRAP;
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
    let recovery_codes = match tx.has_second_factor(AccountKey::NO_ROW, login.key)? {
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

/// When an operator got the token of this fingerprint, if they have it. Only reads.
pub fn token_again(tx: &mut Tx<'_>, id: &str, fingerprint: &[u8]) -> Result<Option<(Timestamp, ())>, ActError> {
    let login = login(tx, id)?;
    if tx.operator(fingerprint)?.is_none_or(|operator| operator.id != id) {
        return Ok(None);
    }
    Ok(tx.operator_token(login.key)?.map(|token| (token.made, ())))
}

/// Ends the token of an operator, who stays: their own, or another's if the mandate says so.
pub fn end_token(tx: &mut Tx<'_>, mandate: &Mandate, own: &str, id: &str) -> Result<(), ActError> {
    if own != id {
        mandate.may_everywhere(Power::ManageOperators)?;
    }
    let (login, now) = (login(tx, id)?, tx.now());
    keep_a_way_in(tx, id, Loss::Token)?;
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

/// Lets an operator in again who lost what they log in with: makes a link with which they choose a password, for the next hour. What they had
/// counts no more: their password, their authenticator app, their sessions. They are named by address or by name.
pub fn recover(tx: &mut Tx<'_>, mandate: &Mandate, link: &NewLink, named: &str) -> Result<OperatorLogin, ActError> {
    mandate.may_everywhere(Power::ManageOperators)?;
    let found = match tx.operator_by_address(named)? {
        Some(found) => Some(found),
        None => tx.operator_called(named)?,
    };
    let login = found.ok_or_else(|| ActError::not_found("operator", named))?;
    invite(tx, mandate, link, &login.id, Some(SHORT))?;
    second_factor::release(tx, &holder(&login), tx.now())?;
    tx.clear_operator_password(login.key)?;
    tx.end_other_operator_sessions(login.key, &[])?;
    let now = tx.now();
    tx.raise(now, None, Act::new(Action::OperatorRecovered).on_named(&login.id, &login.name));
    Ok(login)
}

/// Whose authenticator app it is.
pub fn holder(login: &OperatorLogin) -> second_factor::Holder {
    second_factor::Holder::operator(login.key, &login.id, &login.name)
}

/// Ends an operator with all by which they came in: token, password, sessions, authenticator app, an open link. `false` if there is none. A
/// reason is said with the account that it lies in.
pub fn end(tx: &mut Tx<'_>, id: &str, why: Option<(AccountKey, &str)>) -> Result<bool, DbError> {
    let now = tx.now();
    let Some(login) = tx.operator_login(id)? else { return Ok(false) };
    if !tx.end_operator(id, now)? {
        return Ok(false);
    }
    tx.end_other_operator_sessions(login.key, &[])?;
    tx.remove_second_factor((AccountKey::NO_ROW, login.key.into()))?;
    tx.end_password_link_of(&LinkSubject::Operator(login.id.clone()))?;
    let (account, why) = why.unzip();
    let ended = Act::new(Action::OperatorEnded).on_named(&login.id, &login.name);
    tx.raise(now, account, ended.saying(why.map(str::to_owned)));
    Ok(true)
}

/// How much of the ways in of an operator an act takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All: they are ended, or may do less.
    Operator,
    /// Their token.
    Token,
}

/// Refuses what would leave no operator who can let others in: one with the role `platform` for all accounts, who can log in or has a token.
/// The configured token and the command line are such ways in by themselves.
pub fn keep_a_way_in(tx: &mut Tx<'_>, id: &str, loss: Loss) -> Result<(), ActError> {
    let comes_otherwise = match &tx.origin.actor {
        Actor::CommandLine => true,
        Actor::Operator(operator) => operator.id == BOOTSTRAP,
        _ => false,
    };
    let ways = tx.lock_ways_in(tx.now())?;
    let (theirs, others): (Vec<_>, Vec<_>) = ways.iter().partition(|way| way.id == id);
    let is_one = theirs.iter().any(|way| way.logs_in || way.has_token);
    let stays_one = theirs.iter().any(|way| loss == Loss::Token && way.logs_in);
    if comes_otherwise || !is_one || stays_one || others.iter().any(|way| way.logs_in || way.has_token) {
        return Ok(());
    }
    Err(ActError::conflict(
        "this is the last operator with the role platform who can log in or has a token, and without one no operator could be made or let in \
         again: first make another one, and wait until they have a password",
    ))
}

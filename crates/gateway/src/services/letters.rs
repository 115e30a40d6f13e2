//! Links that an operator has mailed. The one who made a link a moment ago has it sent to the person it is for; the letter is written now,
//! and handed to the relay beside the request ([`jobs::mail`](../../jobs/mail.rs)).

use lettre::Address;
use oauth::Keyring;
use scim::schema::USER;
use scim::{Id, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ActError;
use super::{accounts, password_links};
use crate::domain::account::Account;
use crate::domain::actor::Named;
use crate::domain::event::{Act, Action};
use crate::domain::ids::AccountKey;
use crate::domain::letter::{self, Letter, LetterSubject, Said, Sender};
use crate::domain::operator::{Mandate, Power};
use crate::domain::password_link::{LinkPurpose, LinkSubject};
use crate::domain::person;
use crate::domain::sealing::LETTER;
use crate::domain::wording;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::letters::{NewLetter, SentLetter};
use crate::storage::{DbError, Tx};

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
/// So many letters with links go to one address within an hour,
const AN_HOUR: usize = 3;
/// and within a day.
const A_DAY: usize = 10;
/// The letters about one link that are shown.
const SHOWN: i64 = 5;

/// A link that was made just now, as the page that shows it has it mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeLink {
    /// The id of the operator who made it.
    pub operator: String,
    /// What it is for.
    pub subject: LetterSubject,
    /// The link itself.
    pub url: String,
    /// When it was made.
    pub made: Timestamp,
}

impl MadeLink {
    fn secret(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }
}

/// Whom a letter goes to, and what it says.
struct Addressed {
    to: Address,
    letter: Letter,
    account: Option<AccountKey>,
    about: Named,
}

/// Where a letter about this would go: to the address of the user or the operator, if they have one. To whom a setup link goes is typed.
/// Only reads.
pub fn address_of(tx: &mut Tx<'_>, mandate: &Mandate, subject: &LetterSubject) -> Result<Option<Address>, ActError> {
    Ok(match subject {
        LetterSubject::SetupLink { .. } => None,
        LetterSubject::User { account, user } => {
            let account = accounts::find(tx, mandate, Power::RecoverUsers, account)?;
            user_of(tx, &account, user)?.2
        }
        LetterSubject::Operator { operator } => {
            mandate.may_everywhere(Power::ManageOperators)?;
            operator_of(tx, operator)?.1
        }
    })
}

/// What a user is called, the name they log in by, and where mail reaches them.
fn user_of(tx: &mut Tx<'_>, account: &Account, user: &str) -> Result<(String, String, Option<Address>), ActError> {
    let missing = || ActError::not_found("user", user);
    let (id, now) = (Id::new(user).ok_or_else(missing)?, tx.now());
    let found = tx.in_account(account.seq, now, false).get(USER, &id)?.ok_or_else(missing)?;
    let attributes = found.resource.attributes();
    let user_name = attributes.get("userName").and_then(Value::as_str).unwrap_or_default();
    Ok((person::name(attributes), user_name.to_owned(), person::address(attributes)))
}

/// What an operator is called, and where mail reaches them: they log in by an address.
fn operator_of(tx: &mut Tx<'_>, operator: &str) -> Result<(String, Option<Address>), ActError> {
    let found = tx.operator_of(operator)?.ok_or_else(|| ActError::not_found("operator", operator))?;
    let doors = tx.operator_doors()?.into_iter().find(|doors| doors.id == operator);
    let address = doors.and_then(|doors| doors.address).and_then(|address| address.parse().ok());
    Ok((found.name, address))
}

/// Has a link mailed; says to which address, shortened. `typed` is where a setup link goes. The caller has said who acts.
pub fn send(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    keys: &Keyring,
    made: &MadeLink,
    typed: &str,
    sender: &Sender,
) -> Result<String, ActError> {
    let Addressed { to, letter, account, about } = addressed(tx, mandate, keys, made, typed, sender)?;
    let now = tx.now();
    let shown = letter::shortened(&to);
    let recipient = keys.tag(LETTER, to.to_string().to_lowercase().as_bytes());
    tx.hold_recipient(&recipient)?;
    let before = tx.letters_to(&recipient, now - 24 * HOUR, A_DAY as i64)?;
    // The same form, sent twice.
    if before.iter().any(|(at, of)| *of == about.id && now - *at < MINUTE) {
        return Ok(shown);
    }
    for (most, span, words) in [(AN_HOUR, HOUR, "hour"), (A_DAY, 24 * HOUR, "day")] {
        let within: Vec<Timestamp> = before.iter().map(|(at, _)| *at).filter(|at| now - *at < span).collect();
        if within.len() >= most {
            let wait = within.get(most - 1).map_or(span, |oldest| span - (now - *oldest));
            let detail = format!(
                "has been sent {most} links within the last {words}, so that no mailbox is flooded: try again in {}, or copy the link and \
                 send it yourself",
                wording::wait((wait / 1_000).max(1))
            );
            return Err(ActError::field("address", detail));
        }
    }
    let plain = serde_json::to_vec(&letter).map_err(|error| DbError::Corrupt(error.to_string()))?;
    let new = NewLetter {
        id: system::new_uuid(),
        account,
        about: about.id.clone(),
        recipient,
        shown: shown.clone(),
        sealed: keys.seal(LETTER, system::nonce(), &plain),
    };
    tx.insert_letter(&new, now)?;
    let act = Act::new(Action::LetterRequested).on_named(&about.id, about.name.as_deref().unwrap_or_default());
    tx.raise(now, account, act.saying(format!("to an address at {}", to.domain())));
    Ok(shown)
}

fn addressed(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    keys: &Keyring,
    made: &MadeLink,
    typed: &str,
    sender: &Sender,
) -> Result<Addressed, ActError> {
    match &made.subject {
        LetterSubject::SetupLink { account, link } => {
            let account = accounts::find(tx, mandate, Power::ManageSetupLinks, account)?;
            not_suspended(&account)?;
            let found = tx.setup_link(&keys.fingerprint(made.secret()))?.filter(|found| found.id == *link);
            let found = found.filter(|found| found.account == account.seq && found.state(tx.now()).is_open());
            let found = found.ok_or_else(no_longer)?;
            let client = tx.clients_at(&[found.client])?.pop().ok_or_else(no_longer)?;
            let to = parsed(typed)?;
            let said = Said::Setup { provider: found.provider };
            let letter = letter::compose(sender, &said, to.clone(), "", &made.url, found.expires);
            Ok(Addressed { to, letter, account: Some(account.seq), about: Named::new(link, &client.client.name) })
        }
        LetterSubject::User { account, user } => {
            let account = accounts::find(tx, mandate, Power::RecoverUsers, account)?;
            not_suspended(&account)?;
            let (purpose, expires) = counts(tx, keys, made)?;
            let (name, user_name, address) = user_of(tx, &account, user)?;
            let to = address.ok_or_else(|| without_address(&name))?;
            let said = Said::User { purpose, user: &user_name, account: &account.name };
            let letter = letter::compose(sender, &said, to.clone(), &name, &made.url, expires);
            Ok(Addressed { to, letter, account: Some(account.seq), about: Named::new(user, &name) })
        }
        LetterSubject::Operator { operator } => {
            mandate.may_everywhere(Power::ManageOperators)?;
            let (purpose, expires) = counts(tx, keys, made)?;
            let (name, address) = operator_of(tx, operator)?;
            let to = address.ok_or_else(|| without_address(&name))?;
            let said = Said::Operator { purpose };
            let letter = letter::compose(sender, &said, to.clone(), &name, &made.url, expires);
            Ok(Addressed { to, letter, account: None, about: Named::new(operator, &name) })
        }
    }
}

/// What the link of a password is for, and until when it counts, if it does, and is that of this very user or operator.
fn counts(tx: &mut Tx<'_>, keys: &Keyring, made: &MadeLink) -> Result<(LinkPurpose, Timestamp), ActError> {
    let link = password_links::find(tx, keys, made.secret())?.map_err(|_| no_longer())?;
    let is_theirs = match (&link.subject, &made.subject) {
        (LinkSubject::User(key), LetterSubject::User { user, .. }) => {
            tx.active_user(*key)?.is_some_and(|found| found.id == *user)
        }
        (LinkSubject::Operator(id), LetterSubject::Operator { operator }) => id == operator,
        _ => false,
    };
    if is_theirs { Ok((link.purpose, link.expires)) } else { Err(no_longer()) }
}

fn no_longer() -> ActError {
    ActError::conflict("The link no longer counts: it was used, revoked or replaced by a newer one. Make a new one.")
}

fn without_address(name: &str) -> ActError {
    ActError::conflict(format!("{name} has no e-mail address: copy the link, and send it in another way."))
}

fn not_suspended(account: &Account) -> Result<(), ActError> {
    match account.suspended {
        None => Ok(()),
        Some(_) => {
            Err(ActError::conflict("The account is suspended, so the link would open nothing: resume it first."))
        }
    }
}

fn parsed(typed: &str) -> Result<Address, ActError> {
    let wrong = || ActError::field("address", "must be an e-mail address, such as ada@customer.example");
    person::parsed(typed).ok_or_else(wrong)
}

/// The letters with a setup link of an account, the latest first. Only reads.
pub fn of_setup_link(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    account: &str,
    link: &str,
) -> Result<Vec<SentLetter>, ActError> {
    let account = accounts::find(tx, mandate, Power::Read, account)?;
    if tx.setup_link_of(account.seq, link)?.is_none() {
        return Err(ActError::not_found("setup link", link));
    }
    Ok(tx.letters_about(link, SHOWN)?)
}

//! Links that set a password: how they are made, looked at and used. What follows from a use is its caller's: the new password is
//! set in the unit of work in which [`spend`] says that the link counts.

pub mod forgotten;
pub mod users;

use oauth::{Keyring, Prefix};

use crate::domain::password_link::{LinkPurpose, LinkRefusal, LinkSubject, PasswordLink};
use crate::platform::secret_text::SecretText;
use crate::platform::timestamp::Timestamp;
use crate::services::sent_form::{Before, Drawn, SentForm};
use crate::storage::{DbError, Tx};

/// The secret of a link that is to be made. It is drawn outside the unit of work, and shown once that has committed.
#[derive(Debug, Clone)]
pub struct NewLink {
    secret: SecretText,
    fingerprint: Vec<u8>,
}

impl NewLink {
    /// Draws a secret.
    pub fn draw(keys: &Keyring) -> NewLink {
        NewLink::of(keys, Drawn::fresh(Prefix::PasswordLink))
    }

    /// The link that a form makes: the same whenever it is sent.
    pub fn by_form(keys: &Keyring, form: &SentForm) -> NewLink {
        NewLink::of(keys, form.drawn(Prefix::PasswordLink))
    }

    fn of(keys: &Keyring, Drawn { secret, .. }: Drawn) -> NewLink {
        NewLink { fingerprint: keys.fingerprint(secret.reveal()).as_bytes().to_vec(), secret }
    }

    /// The link, if it was made before and was not used, and when. Only reads.
    pub fn again(&self, tx: &mut Tx<'_>) -> Result<Before<PasswordLink>, DbError> {
        let made = tx.password_link(&self.fingerprint)?.filter(|link| link.used.is_none());
        Ok(made.map(|link| (link.created, link)))
    }

    /// The link itself, below the address of the page that takes it.
    pub fn url(&self, page: &str) -> String {
        format!("{page}/{}", self.secret.reveal())
    }

    /// Stores the link, for so many milliseconds, in place of the one that its subject had. The caller records it.
    pub fn put(
        &self,
        tx: &mut Tx<'_>,
        subject: LinkSubject,
        purpose: LinkPurpose,
        made_by: String,
        lifetime: i64,
    ) -> Result<PasswordLink, DbError> {
        let now = tx.now();
        let link = PasswordLink { purpose, subject, made_by, created: now, expires: now + lifetime, used: None };
        tx.put_password_link(&self.fingerprint, &link)?;
        Ok(link)
    }
}

/// The link of this secret, if it counts. Only reads: looking at a link does not use it.
pub fn find(tx: &mut Tx<'_>, keys: &Keyring, secret: &str) -> Result<Result<PasswordLink, LinkRefusal>, DbError> {
    let now = tx.now();
    judged(tx, keys, secret, now)
}

/// Uses the link of this secret: of two browsers that send it at once, one is told that it counts.
pub fn spend(tx: &mut Tx<'_>, keys: &Keyring, secret: &str) -> Result<Result<PasswordLink, LinkRefusal>, DbError> {
    let now = tx.now();
    if tx.use_password_link(keys.fingerprint(secret).as_bytes(), now)? {
        // As it was before this use.
        let spent = tx.password_link(keys.fingerprint(secret).as_bytes())?;
        return Ok(spent.map(|link| PasswordLink { used: None, ..link }).ok_or(LinkRefusal::Unknown));
    }
    match judged(tx, keys, secret, now)? {
        Err(refusal) => Ok(Err(refusal)),
        Ok(_) => Ok(Err(LinkRefusal::Used)),
    }
}

fn judged(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    secret: &str,
    now: Timestamp,
) -> Result<Result<PasswordLink, LinkRefusal>, DbError> {
    Ok(match tx.password_link(keys.fingerprint(secret).as_bytes())? {
        None => Err(LinkRefusal::Unknown),
        Some(link) => match link.refusal(now) {
            Some(refusal) => Err(refusal),
            None => Ok(link),
        },
    })
}

//! Users who forgot their password, where mail is configured.
//!
//! What is done at once does not depend on whether there is a user of the name: the attempt is counted, and the name is noted. Later a
//! job looks for whom it means, and has them told by a notice. The link is made as its letter is written, so no secret waits anywhere.

use oauth::Keyring;
use scim::resource::user_name::log_in_key;
use serde::{Deserialize, Serialize};

use super::NewLink;
use super::users::{MAILED, barred, record};
use crate::domain::actor::Source;
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::notice::{NoticeKind, PasswordAsked};
use crate::domain::password_link::{LinkPurpose, LinkSubject};
use crate::domain::sealing::FORGOTTEN_PASSWORD;
use crate::domain::throttle::{AttemptKey, retry_after};
use crate::platform::system;
use crate::storage::{DbError, Tx};

/// How many users of one name are told, in as many accounts.
const USERS: usize = 10;
/// How many names are looked for at once.
const AT_ONCE: i64 = 20;

/// What a user typed who forgot their password.
#[derive(Debug, Clone)]
pub struct Forgotten {
    name_key: String,
    fingerprint: [u8; 32],
    sealed: String,
    counts: Vec<AttemptKey>,
}

#[derive(Serialize, Deserialize)]
struct Noted {
    name_key: String,
    address: Option<String>,
}

impl Forgotten {
    /// A name, typed by a browser at this address.
    pub fn new(keys: &Keyring, typed: &str, source: &Source) -> Result<Forgotten, DbError> {
        let name_key = log_in_key(typed);
        let noted = Noted { name_key: name_key.clone(), address: source.address.clone() };
        let noted = serde_json::to_vec(&noted).map_err(|error| DbError::Corrupt(error.to_string()))?;
        Ok(Forgotten {
            fingerprint: keys.tag(FORGOTTEN_PASSWORD, name_key.as_bytes()),
            sealed: keys.seal(FORGOTTEN_PASSWORD, system::nonce(), &noted),
            counts: AttemptKey::recovery(keys, &name_key, source.address.as_deref()),
            name_key,
        })
    }

    /// Notes it. If there were too many, it says in how many seconds it may be tried again.
    pub fn note(&self, tx: &mut Tx<'_>) -> Result<Result<(), i64>, DbError> {
        let now = tx.now();
        if let Some(until) = tx.begin_attempt(&self.counts, now)? {
            return Ok(Err(retry_after(until, now)));
        }
        if !self.name_key.is_empty() {
            tx.insert_forgotten_password(&self.fingerprint, &self.sealed, now)?;
        }
        Ok(Ok(()))
    }
}

/// Looks for the users whose names were noted, and has each told; says how many names there were. `minutes` is how long links count.
pub fn tell(tx: &mut Tx<'_>, keys: &Keyring, minutes: i64) -> Result<usize, DbError> {
    let noted = tx.take_forgotten_passwords(AT_ONCE)?;
    for sealed in &noted {
        let opened = keys.open(FORGOTTEN_PASSWORD, sealed).and_then(|plain| serde_json::from_slice(&plain).ok());
        let Some(Noted { name_key, address }) = opened else { continue };
        // Users without a password are not among them: a letter never opens a way to log in that was not there.
        for login in tx.logins_named(&name_key, None)?.into_iter().take(USERS) {
            let (now, standing) = (tx.now(), standing(tx, login.account, login.resource)?);
            if standing == Standing::NoPassword {
                continue;
            }
            let suspended = standing == Standing::Suspended;
            let asked = PasswordAsked { asked: now, address: address.clone(), minutes, suspended };
            let asked = NoticeKind::PasswordAsked(asked);
            tx.insert_notice(login.account, login.resource, &asked, now)?;
        }
    }
    Ok(noted.len())
}

/// Whether a user may have a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// They log in with a password.
    MayRecover,
    /// They do so when their account is resumed: they are told, and get no link.
    Suspended,
    /// They have none, or may not use it.
    NoPassword,
}

fn standing(tx: &mut Tx<'_>, account: AccountKey, user: UserKey) -> Result<Standing, DbError> {
    let Some(account) = tx.account_at(account)? else { return Ok(Standing::NoPassword) };
    if !tx.has_password(account.seq, user)? || barred(tx, &account, user)?.is_some() {
        return Ok(Standing::NoPassword);
    }
    Ok(if account.suspended.is_some() { Standing::Suspended } else { Standing::MayRecover })
}

/// The link for a letter that is about to be written, if its user may still have one. It ends the one before.
pub fn link(
    tx: &mut Tx<'_>,
    new: &NewLink,
    (account, user, id): (AccountKey, UserKey, &str),
    lifetime: i64,
) -> Result<bool, DbError> {
    if standing(tx, account, user)? != Standing::MayRecover {
        return Ok(false);
    }
    let link = new.put(tx, LinkSubject::User(user), LinkPurpose::Recovery, MAILED.to_owned(), lifetime)?;
    record(tx, account, id, &link);
    Ok(true)
}

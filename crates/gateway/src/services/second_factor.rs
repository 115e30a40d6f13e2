//! **Further proof**: the password of an authenticator app ([`totp`](crate::domain::totp)), or a recovery code.
//!
//! A password is good once. A form may be sent twice, as by a double click: what the first time began is what the second time leads
//! into, and recovery codes are derived, so that the page that shows them can be shown again.

use oauth::Keyring;
use scim::schema::USER;
use scim::{Id, Store};

use super::error::ServiceError;
use super::sign_in::Owner;
use super::sign_in::carried::PATIENCE;
use super::sign_in::session::{Beginning, Further, KeptSession, derived_secret};
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, FactorKey, OperatorKey};
use crate::domain::sealing;
use crate::domain::throttle::AttemptKey;
use crate::domain::totp::Secret;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::storage::sessions::Liveness;
use crate::storage::{DbError, Tx};

/// How many recovery codes a user has.
const CODES: u8 = 10;
/// How long after an app was confirmed its form may be sent again, in milliseconds.
const AGAIN: i64 = 60_000;

/// Whose app it is: a user's, or an operator's.
#[derive(Debug, Clone)]
pub struct Holder {
    key: FactorKey,
    /// `None` for an operator.
    account: Option<AccountKey>,
    id: String,
    /// What an operator is called.
    name: Option<String>,
}

impl From<Owner> for Holder {
    fn from(Owner { account, resource, id }: Owner) -> Holder {
        Holder { key: resource.into(), account: Some(account), id, name: None }
    }
}

impl Holder {
    /// An operator, by their row, their id, and what they are called.
    pub fn operator(key: OperatorKey, id: &str, name: &str) -> Holder {
        Holder { key: key.into(), account: None, id: id.to_owned(), name: Some(name.to_owned()) }
    }

    /// By what storage knows the app: operators are in no account.
    fn factor(&self) -> (AccountKey, FactorKey) {
        (self.account.unwrap_or(AccountKey::NO_ROW), self.key)
    }
}

/// What an app is told to be set up.
#[derive(Debug)]
pub struct SetUp {
    /// The name of the account; `None` for an operator.
    pub account: Option<String>,
    /// The `userName`, or what the operator is called.
    pub user: String,
    /// What the app and the server share.
    pub secret: Secret,
}

/// What came of a code.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It counts.
    Accepted,
    /// It counts, and the app is confirmed by it: these are the recovery codes, shown once.
    Confirmed(Vec<String>),
    /// It is a recovery code, and spent now.
    Recovered,
    /// It does not count.
    Wrong,
    /// There is nothing it could be compared with any more.
    Gone,
    /// There were too many wrong ones: none is looked at until then, in milliseconds since the epoch.
    Wait(Timestamp),
}

impl Outcome {
    /// Whether it counts.
    pub fn counts(&self) -> bool {
        matches!(self, Outcome::Accepted | Outcome::Confirmed(_) | Outcome::Recovered)
    }
}

/// Makes a secret for an app that is not confirmed yet; a user who has a confirmed one keeps it. So does the browser that has begun a
/// moment ago: a button that is pressed twice shows one picture. The secret of another browser is replaced, for its page may be a
/// stranger's.
pub fn begin(tx: &mut Tx<'_>, keys: &Keyring, holder: &Holder, browser: &str, now: Timestamp) -> Result<(), DbError> {
    let secret_of = |begun: Timestamp| {
        let of_this_browser = format!("{browser} {} {begun}", holder.key);
        let tag = keys.tag("new authenticator app", of_this_browser.as_bytes());
        Secret::generate(|bytes| bytes.iter_mut().zip(tag).for_each(|(to, from)| *to = from))
    };
    let sealed = keys.seal(sealing::TOTP_SECRET, system::nonce(), secret_of(now).as_bytes());
    if tx.begin_second_factor(holder.factor(), &sealed, now)? {
        return Ok(());
    }
    let Some(begun) = tx.lock_second_factor(holder.factor())? else { return Ok(()) };
    let secret = keys.open(sealing::TOTP_SECRET, &begun.sealed);
    let is_ours = secret.is_some_and(|secret| secret == secret_of(begun.created).as_bytes());
    match begun.confirmed.is_some() || (is_ours && now - begun.created < PATIENCE) {
        true => Ok(()),
        false => tx.begin_second_factor_anew(holder.factor(), &sealed, now),
    }
}

/// What an app is told to be set up; nothing where one is confirmed. Only reads.
pub fn set_up(tx: &mut Tx<'_>, keys: &Keyring, holder: &Holder) -> Result<Option<SetUp>, ServiceError> {
    let Some(factor) = tx.second_factor(holder.factor())?.filter(|factor| factor.confirmed.is_none()) else {
        return Ok(None);
    };
    let secret = opened(keys, &factor.sealed)?;
    let Some(account) = holder.account else {
        return Ok(Some(SetUp { account: None, user: holder.name.clone().unwrap_or_default(), secret }));
    };
    let Some(account) = tx.account_at(account)? else { return Ok(None) };
    let user = match Id::new(holder.id.as_str()) {
        Some(id) => tx.in_account(account.seq, Timestamp::EPOCH, false).get(USER, &id)?,
        None => None,
    };
    let user = user.and_then(|user| Some(user.resource.attributes().get("userName")?.as_str()?.to_owned()));
    Ok(Some(SetUp { account: Some(account.name), user: user.unwrap_or_default(), secret }))
}

/// The code that a user types after the first proof, and the session that it begins where it counts. The caller has said who acts.
///
/// The session's secret is derived from the form and the code, so the form that is sent twice leads into the session that it began.
pub fn log_in(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    holder: &Holder,
    typed: &Typed,
    session: &Beginning<impl KeptSession>,
    alive: Liveness,
) -> Result<Outcome, ServiceError> {
    let counts = AttemptKey::second_factor(keys, holder.key);
    if let Some(until) = tx.begin_attempt(&counts, alive.now)? {
        return Ok(Outcome::Wait(until));
    }
    // Of two that come at once, the later sees what the earlier has begun.
    tx.lock_second_factor(holder.factor())?;
    let outcome = match session.has_begun(tx, alive)? {
        true if typed.sets_up => {
            confirmed_again(tx, keys, holder, &typed.code, alive.now)?.map_or(Outcome::Accepted, Outcome::Confirmed)
        }
        true => Outcome::Accepted,
        false => {
            let outcome = spend(tx, keys, holder, &typed.code, alive.now)?;
            if outcome.counts() {
                let recovered = outcome == Outcome::Recovered;
                session.after(if recovered { Further::RecoveryCode } else { Further::App }).begin(tx)?;
            }
            outcome
        }
    };
    if outcome.counts() {
        tx.attempt_succeeded(&counts)?;
    }
    Ok(outcome)
}

/// The secret of the session that this form and code begin.
pub fn session_secret(keys: &Keyring, form: &str, code: &str) -> String {
    derived_secret(keys, "session of a second factor", &[form, &plain(code)])
}

/// What a user types after the first proof.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The code.
    pub code: String,
    /// The form was one on which an app is set up.
    pub sets_up: bool,
}

/// The first code of an app shows that it works. The caller has said who acts.
pub fn confirm(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    holder: &Holder,
    code: &str,
    now: Timestamp,
) -> Result<Outcome, ServiceError> {
    counted(tx, keys, holder, now, |tx| match confirmed_again(tx, keys, holder, code, now)? {
        Some(codes) => Ok(Outcome::Confirmed(codes)),
        None => spend(tx, keys, holder, code, now),
    })
}

/// Takes an app away from a user who shows once more that they have it. The caller has said who acts.
pub fn remove(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    holder: &Holder,
    code: &str,
    now: Timestamp,
) -> Result<Outcome, ServiceError> {
    let outcome = counted(tx, keys, holder, now, |tx| spend(tx, keys, holder, code, now))?;
    if matches!(outcome, Outcome::Accepted | Outcome::Recovered) {
        release(tx, holder, now)?;
    }
    Ok(outcome)
}

/// Takes an app away from its user, whose telephone is lost: they log in with their password alone, until they set up another. `false`
/// if there was none. The caller has said who acts.
pub fn release(tx: &mut Tx<'_>, holder: &Holder, now: Timestamp) -> Result<bool, DbError> {
    let had_one = tx.remove_second_factor(holder.factor())?;
    if had_one {
        note(tx, holder, Action::SecondFactorRemoved, None, now);
    }
    Ok(had_one)
}

/// Tries a code, unless there were too many wrong ones of late.
fn counted(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    holder: &Holder,
    now: Timestamp,
    attempt: impl FnOnce(&mut Tx<'_>) -> Result<Outcome, ServiceError>,
) -> Result<Outcome, ServiceError> {
    let counts = AttemptKey::second_factor(keys, holder.key);
    if let Some(until) = tx.begin_attempt(&counts, now)? {
        return Ok(Outcome::Wait(until));
    }
    let outcome = attempt(tx)?;
    if outcome.counts() {
        tx.attempt_succeeded(&counts)?;
    }
    Ok(outcome)
}

/// Spends a code: one from the app, or a recovery code.
fn spend(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    holder: &Holder,
    code: &str,
    now: Timestamp,
) -> Result<Outcome, ServiceError> {
    let Some(factor) = tx.lock_second_factor(holder.factor())? else { return Ok(Outcome::Gone) };
    let secret = opened(keys, &factor.sealed)?;
    if let Some(step) = secret.step(code, now, factor.used_step) {
        tx.use_second_factor(holder.factor(), step, now)?;
        if factor.confirmed.is_some() {
            return Ok(Outcome::Accepted);
        }
        let codes = recovery_codes_of(keys, &secret);
        let fingerprints: Vec<Vec<u8>> =
            codes.iter().map(|code| keys.fingerprint(&plain(code)).as_bytes().to_vec()).collect();
        tx.set_recovery_codes(holder.key, &fingerprints)?;
        note(tx, holder, Action::SecondFactorSetUp, None, now);
        return Ok(Outcome::Confirmed(codes));
    }
    let fingerprint = keys.fingerprint(&plain(code));
    if factor.confirmed.is_some() && tx.spend_recovery_code(holder.key, fingerprint.as_bytes())? {
        let left = tx.recovery_codes_left(holder.key)?;
        note(tx, holder, Action::SecondFactorRecovered, Some(format!("{left} left")), now);
        return Ok(Outcome::Recovered);
    }
    note(tx, holder, Action::SecondFactorFailed, None, now);
    Ok(Outcome::Wrong)
}

/// The recovery codes once more, for the form that has set the app up a moment ago with this code and is sent again.
fn confirmed_again(
    tx: &mut Tx<'_>,
    keys: &Keyring,
    holder: &Holder,
    code: &str,
    now: Timestamp,
) -> Result<Option<Vec<String>>, ServiceError> {
    let Some(factor) = tx.lock_second_factor(holder.factor())? else { return Ok(None) };
    let secret = opened(keys, &factor.sealed)?;
    let just_now = factor.confirmed.is_some_and(|confirmed| now - confirmed < AGAIN);
    let is_it = secret.step(code, now, factor.used_step - 1) == Some(factor.used_step);
    Ok((just_now && is_it).then(|| recovery_codes_of(keys, &secret)))
}

fn note(tx: &mut Tx<'_>, holder: &Holder, action: Action, detail: Option<String>, now: Timestamp) {
    let act = match &holder.name {
        Some(name) => Act::new(action).on_named(&holder.id, name),
        None => Act::new(action).on(&holder.id),
    };
    tx.raise(now, holder.account, act.saying(detail));
}

fn opened(keys: &Keyring, sealed: &str) -> Result<Secret, ServiceError> {
    let secret = keys.open(sealing::TOTP_SECRET, sealed).and_then(|bytes| Secret::from_bytes(&bytes));
    secret.ok_or(ServiceError::Unreadable)
}

/// The recovery codes of an app, the same whenever they are asked for: the page that shows them may have to be shown twice. Eighty bits
/// each, in groups that can be read aloud.
fn recovery_codes_of(keys: &Keyring, secret: &Secret) -> Vec<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let code = |n: u8| {
        let tag = keys.tag("recovery code", &[secret.as_bytes(), &[n]].concat());
        let letters: String = tag.iter().take(16).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        [&letters[..4], &letters[4..8], &letters[8..12], &letters[12..]].join("-")
    };
    (0..CODES).map(code).collect()
}

/// A recovery code however it was typed.
fn plain(code: &str) -> String {
    let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    format!("recovery code {}", code.to_ascii_lowercase())
}

//! Links for users of accounts: operators make them, users set a password with them.

use oauth::Keyring;
use scim::schema::USER;
use scim::{Id, Store};

use super::{NewLink, find, spend};
use crate::domain::account::Account;
use crate::domain::bodies::password_links::PasswordLink as Shown;
use crate::domain::described::Time;
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, UserKey};
use crate::domain::notice::{NoticeKind, PasswordSet};
use crate::domain::operator::{Mandate, Power};
use crate::domain::password_link::{LinkLifetimes, LinkPurpose, LinkRefusal, LinkSubject, PasswordLink};
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::accounts;
use crate::services::error::ActError;
use crate::services::self_service::PasswordOwner;
use crate::services::sent_form::Before;
use crate::storage::password_links::ActiveUser;
use crate::storage::{DbError, Tx};

/// Makes a link for a user, in place of the one they had. The caller has said who acts. `page` is the address of the page that takes links.
pub fn create(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    (account, user): (&str, &str),
    purpose: Option<LinkPurpose>,
    new: &NewLink,
    page: &str,
    lifetimes: LinkLifetimes,
) -> Result<Shown, ActError> {
    let account = accounts::find(tx, mandate, Power::RecoverUsers, account)?;
    let missing = || ActError::not_found("user", user);
    let id = Id::new(user).ok_or_else(missing)?;
    let found = tx.in_account(account.seq, tx.now(), false).get(USER, &id)?.ok_or_else(missing)?;
    let key = UserKey::of_user(found.handle);
    if tx.active_user(key)?.is_none() {
        return Err(ActError::conflict(
            "the user is not active, so no log-in would be accepted: activate the user first",
        ));
    }
    if let Some(why) = barred(tx, &account, key)? {
        return Err(ActError::conflict(format!("{why} The link would be refused.")));
    }
    let has_password = tx.has_password(account.seq, key)?;
    let purpose = match (purpose, has_password) {
        (Some(LinkPurpose::Invitation), true) => {
            return Err(ActError::field("purpose", "the user has a password already: make a link for `recovery`"));
        }
        (Some(purpose), _) => purpose,
        (None, true) => LinkPurpose::Recovery,
        (None, false) => LinkPurpose::Invitation,
    };
    let made_by = tx.actor_code();
    let link = new.put(tx, LinkSubject::User(key), purpose, made_by, lifetimes.of(purpose))?;
    record(tx, account.seq, user, &link);
    Ok(shown(new, page, user, &link))
}

fn shown(new: &NewLink, page: &str, user: &str, link: &PasswordLink) -> Shown {
    Shown {
        url: new.url(page),
        user: user.to_owned(),
        purpose: link.purpose,
        created: Time(link.created),
        expires: Time(link.expires),
    }
}

/// The link that the form before has made, and when. Only reads.
pub fn again(
    tx: &mut Tx<'_>,
    mandate: &Mandate,
    (account, user): (&str, &str),
    new: &NewLink,
    page: &str,
) -> Result<Before<Shown>, ActError> {
    accounts::find(tx, mandate, Power::RecoverUsers, account)?;
    Ok(new.again(tx)?.map(|(made, link)| (made, shown(new, page, user, &link))))
}

/// Writes down that a link was made for a user.
pub(super) fn record(tx: &mut Tx<'_>, account: AccountKey, user: &str, link: &PasswordLink) {
    let said = format!("{}, until {}", link.purpose.as_str(), system::rfc3339(link.expires));
    tx.raise(link.created, Some(account), Act::new(Action::UserPasswordLinkMade).on(user).saying(said));
}

/// Why a user could not log in with a password: the users of the account log in elsewhere.
pub(super) fn barred(tx: &mut Tx<'_>, account: &Account, user: UserKey) -> Result<Option<String>, DbError> {
    let sign_in = &account.options.sign_in;
    if sign_in.allows_password(tx.is_service_account(account.seq, user)?) {
        return Ok(None);
    }
    Ok(Some(match sign_in.provider_name() {
        Some(provider) => {
            format!("People of {} log in with {provider}; passwords are for service accounts.", account.name)
        }
        None => format!("In {} passwords are for service accounts only.", account.name),
    }))
}

/// A link that counts, and whose it is.
#[derive(Debug, Clone)]
pub struct OpenLink {
    /// What the password must not be: what its owner and their account are called.
    pub owner: PasswordOwner,
    /// What the link is for.
    pub purpose: LinkPurpose,
    /// Until when it counts.
    pub expires: Timestamp,
    /// The account's number.
    pub account: AccountKey,
    /// The user's id.
    pub id: String,
    user: UserKey,
}

/// Why a link sets no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSet {
    /// The link does not count.
    Link(LinkRefusal),
    /// Its user cannot log in with a password, for this reason.
    Barred(String),
    /// The account is suspended. The link is not used up.
    Suspended {
        /// The account,
        account: AccountKey,
        /// what it is called,
        name: String,
        /// and the id of the link's user.
        user: String,
    },
}

/// What a link is good for. Only reads: it may be looked at any number of times.
pub fn open(tx: &mut Tx<'_>, keys: &Keyring, secret: &str) -> Result<Result<OpenLink, NotSet>, DbError> {
    let link = match find(tx, keys, secret)? {
        Ok(link) => link,
        Err(refusal) => return Ok(Err(NotSet::Link(refusal))),
    };
    let LinkSubject::User(key) = link.subject else { return Ok(Err(NotSet::Link(LinkRefusal::Unknown))) };
    let Some(user) = tx.active_user(key)? else { return Ok(Err(NotSet::Link(LinkRefusal::Unknown))) };
    let Some(account) = tx.account_at(user.account)? else { return Ok(Err(NotSet::Link(LinkRefusal::Unknown))) };
    if account.suspended.is_some() {
        return Ok(Err(NotSet::Suspended { account: user.account, name: account.name, user: user.id }));
    }
    if let Some(why) = barred(tx, &account, key)? {
        return Ok(Err(NotSet::Barred(why)));
    }
    let owner = PasswordOwner { user: user.user_name().to_owned(), account: account.name };
    let PasswordLink { purpose, expires, .. } = link;
    Ok(Ok(OpenLink { owner, purpose, expires, account: user.account, id: user.id, user: key }))
}

/// Sets the password of a link's user, once. It ends all sessions of the user, and tells them where it took the place of another. The
/// caller has said who acts.
pub fn set(tx: &mut Tx<'_>, keys: &Keyring, secret: &str, hash: &str) -> Result<Result<(), NotSet>, DbError> {
    let open = match open(tx, keys, secret)? {
        Ok(open) => open,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let link = match spend(tx, keys, secret)? {
        Ok(link) => link,
        Err(refusal) => return Ok(Err(NotSet::Link(refusal))),
    };
    let now = tx.now();
    let Some(user) = tx.active_user(open.user)? else { return Ok(Err(NotSet::Link(LinkRefusal::Unknown))) };
    let had_password = tx.has_password(user.account, user.resource)?;
    give(tx, &user, hash)?;
    let said = format!("a password was set by a link ({}) that {} made", link.purpose.as_str(), link.made_by);
    tx.raise(now, Some(user.account), Act::new(Action::UserLoginChanged).on(&user.id).saying(said));
    tx.end_sessions_of(user.account, &user.id)?;
    if had_password {
        let told = NoticeKind::PasswordSet(PasswordSet { mailed: link.made_by == MAILED });
        tx.insert_notice(user.account, user.resource, &told, now)?;
    }
    Ok(Ok(()))
}

/// A form may be sent twice, as by a double click. For so long after a link set a password, the same password is no second use.
const AGAIN: i64 = 60 * 1000;

/// What is kept of the password that a link set a moment ago.
pub fn just_set(tx: &mut Tx<'_>, keys: &Keyring, secret: &str) -> Result<Option<String>, DbError> {
    let link = tx.password_link(keys.fingerprint(secret).as_bytes())?;
    let Some(PasswordLink { subject: LinkSubject::User(user), used: Some(used), .. }) = link else { return Ok(None) };
    if tx.now() - used > AGAIN {
        return Ok(None);
    }
    let Some(user) = tx.active_user(user)? else { return Ok(None) };
    tx.password_hash_of(user.account, user.resource)
}

/// Who makes the links that are mailed.
pub(super) const MAILED: &str = "server";

/// Stores the hash; the name at the log-in page is the `userName`.
fn give(tx: &mut Tx<'_>, user: &ActiveUser, hash: &str) -> Result<(), DbError> {
    let key = scim::resource::user_name::log_in_key(user.user_name());
    tx.set_login(user.account, user.resource, &key, Some(hash), None)
}

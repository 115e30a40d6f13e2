//! What users do for themselves: see what is connected and where they are logged in, end it, and change their password.

use oauth::EndReason;
use scim::schema::USER;
use scim::{Id, Store};

use super::{administration, reactions, sign_in};
use crate::domain::account::Account;
use crate::domain::event::{Act, Action};
use crate::domain::ids::UserKey;
use crate::domain::labels::Called;
use crate::domain::notice::NoticeKind;
use crate::platform::password_hasher::commonest;
use crate::platform::timestamp::Timestamp;
use crate::storage::authorized_clients::Connection;
use crate::storage::sessions::{Liveness, Session, SessionRecord};
use crate::storage::{DbError, Tx};

/// How many notices are shown at once; when they are seen, the next ones are.
const NOTICES: i64 = 20;

/// For how long a log-in is fresh, in milliseconds.
const FRESH: i64 = 5 * 60 * 1000;

/// What a user sees of themselves.
#[derive(Debug)]
pub struct Overview {
    /// The account's name.
    pub account: String,
    /// The `userName`.
    pub user: String,
    /// The role, if they have one,
    pub role: Option<Called>,
    /// and the product environments that they may enter: those that they were given, or all.
    pub environments: Vec<Called>,
    /// What they have to be told: its id, when it was made, and what.
    pub notices: Vec<(String, Timestamp, NoticeKind)>,
    /// What they have connected.
    pub connections: Vec<Connection>,
    /// Where they are logged in, the latest first.
    pub sessions: Vec<SessionRecord>,
    /// Their authenticator app.
    pub second_factor: Factor,
    /// They log in with a password, and may change it.
    pub has_password: bool,
    /// They look after the connections of their account.
    pub administers: bool,
}

/// The authenticator app of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// They use no password, so nothing could be asked for beside it.
    Useless,
    /// They could set one up.
    Offered,
    /// They have one, and so many recovery codes.
    Set(i64),
}

/// Whether the user of this session proved just now who they are. What a thief of a session must not do asks for it: to change what the
/// user logs in with.
pub fn is_fresh(session: &Session, now: Timestamp) -> bool {
    now - session.auth_time <= FRESH
}

/// The `userName` of a user who is logged in. Only reads.
pub fn user_name(tx: &mut Tx<'_>, session: &Session, now: Timestamp) -> Result<String, DbError> {
    let Some(id) = Id::new(session.owner_id.as_str()) else { return Ok(String::new()) };
    let user = tx.in_account(session.account, now, false).get(USER, &id)?;
    let name = user.and_then(|user| Some(user.resource.attributes().get("userName")?.as_str()?.to_owned()));
    Ok(name.unwrap_or_default())
}

/// What a user sees of themselves. Only reads.
pub fn overview(tx: &mut Tx<'_>, session: &Session, alive: Liveness) -> Result<Overview, DbError> {
    let account = tx.account_at(session.account)?;
    let has_password = uses_password(tx, session.owner, account.as_ref())?;
    let (role, environments) = access(tx, session, account.as_ref())?;
    let mut notices: Vec<(String, Timestamp, NoticeKind)> = Vec::new();
    for notice in tx.unseen_notices(session.account, session.owner, NOTICES)? {
        let Some(matter) = notice.matter() else { continue };
        let Some(matter) = reactions::notices::still(tx, session.account, session.owner, matter)? else { continue };
        // Of several that say the same by now, one is enough; seeing it is seeing them.
        if !notices.iter().any(|(_, _, told)| *told == matter) {
            notices.push((notice.id, notice.made, matter));
        }
    }
    Ok(Overview {
        account: account.map(|account| account.name).unwrap_or_default(),
        user: user_name(tx, session, alive.now)?,
        role,
        environments,
        notices,
        connections: tx.connections_of(session.account, &session.owner_id)?,
        sessions: tx.sessions_of(session.account, session.owner, alive)?,
        second_factor: match tx.has_second_factor(session.account, session.owner)? {
            true => Factor::Set(tx.recovery_codes_left(session.owner)?),
            false if has_password => Factor::Offered,
            false => Factor::Useless,
        },
        has_password,
        administers: administration::administrator(tx, session)?.is_some(),
    })
}

/// What a user has, in the words of their account: the role, and the product environments.
fn access(
    tx: &mut Tx<'_>,
    session: &Session,
    account: Option<&Account>,
) -> Result<(Option<Called>, Vec<Called>), DbError> {
    let (Some(account), Some(id)) = (account, Id::new(session.owner_id.as_str())) else {
        return Ok((None, Vec::new()));
    };
    let now = tx.now();
    let Some(user) = tx.in_account(account.seq, now, false).get(USER, &id)? else { return Ok((None, Vec::new())) };
    let (_, _, access) = super::resolution::of_stored(tx, account, &user)?;
    let role = access.role.as_ref().map(|(role, _)| account.options.role_labels.of(role));
    let environments = account.options.environment_labels.of_all(access.environments.keys());
    Ok((role, environments))
}

/// Takes back everything that a user accepted for a client. Its tokens are dead with the commit. The caller has said who acts.
pub fn end_connection(tx: &mut Tx<'_>, session: &Session, client: &str, now: Timestamp) -> Result<bool, DbError> {
    tx.end_connection(session.account, &session.owner_id, client, now)
}

/// A user has seen what they had to be told. The caller has said who acts.
pub fn see_notice(tx: &mut Tx<'_>, session: &Session, notice: &str, now: Timestamp) -> Result<(), DbError> {
    if tx.see_notice(session.account, session.owner, notice, now)? {
        note(tx, session, Act::new(Action::NoticeSeen), now);
    }
    Ok(())
}

/// Ends another session of a user: the one that this holds for, given what is kept of its secret. The caller has said who acts.
pub fn end_session(
    tx: &mut Tx<'_>,
    session: &Session,
    is_meant: impl Fn(&[u8]) -> bool,
    alive: Liveness,
) -> Result<(), DbError> {
    let found =
        tx.sessions_of(session.account, session.owner, alive)?.into_iter().find(|found| is_meant(&found.fingerprint));
    match found {
        Some(found) => sign_in::session::end(tx, session, &found.fingerprint, alive.now),
        None => Ok(()),
    }
}

/// Whether a user has a password, and their account lets them use it.
fn uses_password(tx: &mut Tx<'_>, owner: UserKey, account: Option<&Account>) -> Result<bool, DbError> {
    let Some(account) = account else { return Ok(false) };
    Ok(tx.has_password(account.seq, owner)?
        && account.options.sign_in.allows_password(tx.is_service_account(account.seq, owner)?))
}

/// A user who has a password, and what it must not be: the names of the user and of the account.
#[derive(Debug, Clone)]
pub struct PasswordOwner {
    /// The `userName`.
    pub user: String,
    /// The account's name.
    pub account: String,
}

impl PasswordOwner {
    /// `None` if the user has no password that could be changed. Only reads.
    pub fn find(tx: &mut Tx<'_>, session: &Session, now: Timestamp) -> Result<Option<PasswordOwner>, DbError> {
        let account = tx.account_at(session.account)?;
        if !uses_password(tx, session.owner, account.as_ref())? {
            return Ok(None);
        }
        let account = account.map(|account| account.name).unwrap_or_default();
        Ok(Some(PasswordOwner { user: user_name(tx, session, now)?, account }))
    }

    /// Why a new password, typed twice, is refused.
    pub fn refusal(&self, password: &str, again: &str) -> Option<String> {
        if password != again {
            return Some("The two passwords are not the same. Type both again.".to_owned());
        }
        let why = commonest::refusal(password, &[&self.user, &self.account]);
        why.map(|why| format!("The new password {why}."))
    }
}

/// Gives a user another password. All other sessions end, and the connections too, if that is asked for. The caller has said who acts.
pub fn change_password(
    tx: &mut Tx<'_>,
    session: &Session,
    hash: &str,
    own_session: &[u8],
    ends_connections: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.set_password(session.account, session.owner, hash)?;
    note(tx, session, Act::new(Action::UserLoginChanged).saying("a password was set".to_owned()), now);
    tx.end_other_sessions(session.account, session.owner, own_session)?;
    if ends_connections {
        reactions::deactivation::end_grants(tx, session.account, &session.owner_id, now, EndReason::Owner)?;
    }
    Ok(())
}

fn note(tx: &mut Tx<'_>, session: &Session, act: Act, now: Timestamp) {
    tx.raise(now, Some(session.account), act.on(&session.owner_id));
}

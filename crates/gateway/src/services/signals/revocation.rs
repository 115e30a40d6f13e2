//! A user is logged out everywhere: every session, grant and token of theirs ends, at every replica from its next request on.

use oauth::EndReason;

use crate::domain::account::Account;
use crate::domain::event::{Act, Action};
use crate::domain::notice::{LoggedOut, NoticeKind};
use crate::domain::password_link::LinkSubject;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;
use crate::services::reactions::deactivation;
use crate::services::sign_in::Owner;
use crate::storage::{DbError, Tx};

/// The time up to which what began ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until(pub Option<Timestamp>);

impl Until {
    /// All of it.
    pub const NOW: Until = Until(None);
}

/// Ends all that a user has, or what of it began by a time: what rests on a log-in after it stays. What is beginning at this moment for them comes before and ends too, or after and is refused. Connections for
/// provisioning end with the rest, and none passes to a co-owner: the client that holds their tokens may be why this was asked for. The caller has said who acts.
pub fn log_out_everywhere(
    tx: &mut Tx<'_>,
    account: &Account,
    user: &Owner,
    why: &str,
    Until(until): Until,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.hold_user(account.seq, user.resource)?;
    tx.sign_user_out(account.seq, user.resource, until.unwrap_or(now))?;
    tx.end_password_link_of(&LinkSubject::User(user.resource))?;
    let mut clients = tx.clients_of_owner(account.seq, &user.id)?;
    match until {
        None => {
            tx.end_sessions_of(account.seq, &user.id)?;
            deactivation::end_grants(tx, account.seq, &user.id, now, EndReason::LoggedOut)?;
        }
        Some(until) => {
            tx.end_sessions_begun_by(account.seq, user.resource, until)?;
            if tx.end_grants_begun_by(account.seq, &user.id, until, now, EndReason::LoggedOut)? {
                let ended = Act::new(Action::GrantsEnded).on(&user.id);
                tx.raise(now, Some(account.seq), ended.saying(EndReason::LoggedOut.as_str().to_owned()));
            }
            for stays in tx.clients_of_owner(account.seq, &user.id)? {
                if let Some(at) = clients.iter().position(|name| *name == stays) {
                    clients.remove(at);
                }
            }
        }
    }
    if !clients.is_empty() {
        let name = tx.display_name_of(account.seq, &user.id)?;
        let told = LoggedOut::new(user.id.clone(), name, &clients);
        tx.insert_notice_to_operators(account.seq, &NoticeKind::LoggedOut(told), now)?;
    }
    let said = match until {
        None => why.to_owned(),
        Some(until) => format!("{why}: what began by {}", system::rfc3339(until)),
    };
    tx.raise(now, Some(account.seq), Act::new(Action::SessionsRevoked).on(&user.id).saying(said));
    Ok(())
}

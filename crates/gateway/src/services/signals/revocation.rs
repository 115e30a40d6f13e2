//! A user is logged out everywhere: every session, grant and token of theirs ends, at every replica from its next request on.

use oauth::EndReason;

use crate::domain::account::Account;
use crate::domain::event::{Act, Action};
use crate::domain::notice::{LoggedOut, NoticeKind};
use crate::domain::password_link::LinkSubject;
use crate::platform::timestamp::Timestamp;
use crate::services::reactions::deactivation;
use crate::services::sign_in::Owner;
use crate::storage::{DbError, Tx};

/// Ends all that a user has. What is beginning at this moment for them comes before and ends too, or after and is refused. Connections for
/// provisioning end with the rest, and none passes to a co-owner: the client that holds their tokens may be why this was asked for. The caller has said who acts.
pub fn log_out_everywhere(
    tx: &mut Tx<'_>,
    account: &Account,
    user: &Owner,
    why: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.hold_user(user.resource)?;
    tx.sign_user_out(account.seq, user.resource, now)?;
    tx.end_sessions_of(account.seq, &user.id)?;
    tx.end_password_link_of(&LinkSubject::User(user.resource))?;
    let clients = tx.clients_of_owner(account.seq, &user.id)?;
    deactivation::end_grants(tx, account.seq, &user.id, now, EndReason::LoggedOut)?;
    if !clients.is_empty() {
        let name = tx.display_name_of(account.seq, &user.id)?;
        let told = LoggedOut::new(user.id.clone(), name, &clients);
        tx.insert_notice_to_operators(account.seq, &NoticeKind::LoggedOut(told), now)?;
    }
    tx.raise(now, Some(account.seq), Act::new(Action::SessionsRevoked).on(&user.id).saying(why.to_owned()));
    Ok(())
}

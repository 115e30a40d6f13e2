//! Whom an identity provider means: a user of its account, by the names under which they log in from there.

use scim::schema::USER;
use scim::{Id, Store};

use crate::domain::account::Account;
use crate::domain::ids::UserKey;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::subject_id::SubjectId;
use crate::platform::timestamp::Timestamp;
use crate::services::sign_in::Owner;
use crate::services::sign_in::upstream::{matching, quoted};
use crate::storage::{DbError, Tx};

/// The user whom all of these identifiers mean that mean one, or what the caller is told. Only reads.
pub fn find(
    tx: &mut Tx<'_>,
    cx: &mut scim::Context<'_>,
    account: &Account,
    issuer: &str,
    named: &[SubjectId],
) -> Result<Result<Owner, Refusal>, DbError> {
    let mut found: Vec<(UserKey, String)> = Vec::new();
    for id in named {
        let users = match id {
            SubjectId::Email(address) => {
                let address = quoted(address);
                by_filter(tx, cx, account, &format!("userName eq {address} or emails.value eq {address}"))?
            }
            SubjectId::IssSub { iss, .. } if iss != issuer => {
                let why =
                    format!("The subject is one of {iss}, and what {issuer} signs is about its own subjects only.");
                return Ok(Err(Refusal::new(OwnCode::SignalSubjectForeign, why)));
            }
            SubjectId::IssSub { iss, sub } => match tx.upstream_owner(account.seq, iss, sub)? {
                Some(known) => vec![known],
                None => by_filter(tx, cx, account, &format!("externalId eq {}", quoted(sub)))?,
            },
            SubjectId::Opaque(id) => match by_id(tx, account, id, Timestamp::of_millis(cx.now))? {
                Some(known) => vec![known],
                None => by_filter(tx, cx, account, &format!("externalId eq {}", quoted(id)))?,
            },
        };
        for user in users {
            if !found.contains(&user) {
                found.push(user);
            }
        }
    }
    let mut found = found.into_iter();
    Ok(match (found.next(), found.next()) {
        (Some((resource, id)), None) => Ok(Owner { account: account.seq, resource, id }),
        (None, _) => {
            let why = format!("There is no user in {} whom the subject names.", account.name);
            Err(Refusal::new(OwnCode::SignalSubjectUnknown, why))
        }
        (Some(_), Some(_)) => {
            let why = format!("The subject names more than one user of {}, and none was logged out.", account.name);
            Err(Refusal::new(OwnCode::SignalSubjectUnclear, why))
        }
    })
}

/// Active users first, as at the log-in. One who is deactivated has nothing left that could end, and is known all the same.
fn by_filter(
    tx: &mut Tx<'_>,
    cx: &mut scim::Context<'_>,
    account: &Account,
    filter: &str,
) -> Result<Vec<(UserKey, String)>, DbError> {
    let active = matching(tx, cx, account, &format!("active eq true and ({filter})"))?;
    if active.is_empty() { matching(tx, cx, account, filter) } else { Ok(active) }
}

fn by_id(tx: &mut Tx<'_>, account: &Account, id: &str, now: Timestamp) -> Result<Option<(UserKey, String)>, DbError> {
    let Some(id) = Id::new(id) else { return Ok(None) };
    let stored = tx.in_account(account.seq, now, false).get(USER, &id)?;
    Ok(stored.map(|user| (UserKey::of_user(user.handle), user.resource.id.to_string())))
}

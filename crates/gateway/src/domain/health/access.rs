//! Whether there is a way in, how long it lasts, and on whom it rests.

use oauth::EndReason;

use super::facts::Connection;
use super::{Facts, HealthPolicy, Reason, ReasonCode, ahead, listed};
use crate::domain::account::{LastAdministrator, OwnDeactivation, ServiceAccounts};
use crate::domain::wording::day;
use crate::platform::timestamp::Timestamp;

/// A lifetime is near its end in its last quarter: what is renewed every hour is never told to expire.
const LAST_PART: i64 = 4;

pub(super) fn judge(facts: &Facts, policy: &HealthPolicy, now: Timestamp, reasons: &mut Vec<Reason>) {
    let name = &facts.client.name;
    if let Some(since) = facts.client.suspended {
        let sentence = format!("The account is suspended, so every request of {name} is refused.");
        reasons.push(Reason::new(ReasonCode::AccountSuspended, since, sentence));
    }
    if facts.client.disabled {
        let sentence = format!("{name} is disabled: every request of it is refused.");
        reasons.push(Reason::new(ReasonCode::ClientDisabled, None, sentence));
    }
    let has_connected = facts.has_connected();
    if !has_connected {
        let made = day(facts.client.created);
        let sentence = match facts.is_recorded {
            true => format!("{name} was set up on {made} and has not connected yet."),
            false => format!(
                "{name} was set up on {made}, and there is no sign that it has connected; requests are not recorded."
            ),
        };
        reasons.push(Reason::new(ReasonCode::NeverConnected, facts.client.created, sentence));
    }
    if !facts.is_recorded {
        let sentence = format!("Requests are not recorded, so it is not known when {name} was last there.");
        reasons.push(Reason::new(ReasonCode::NotRecorded, None, sentence));
    }
    if facts.client.provisions {
        let live: Vec<&Connection> = facts.connections.iter().filter(|connection| connection.lives(now)).collect();
        if live.is_empty() && has_connected && !facts.has_token(now) && !facts.works_by_credentials() {
            no_way_in(facts, reasons);
        }
        if let [only] = live.as_slice() {
            expires(name, only, policy, now, reasons);
        } else if let Some(last) = live.iter().max_by_key(|connection| (connection.end().is_none(), connection.end())) {
            // As long as another one lives on, that one of them expires breaks nothing.
            expires(name, last, policy, now, reasons);
        }
        for connection in &live {
            rests_on(name, connection, reasons);
        }
        several(name, &live, reasons);
    }
}

/// The connection that there was is no more. Where static tokens were the way in, that is told of the tokens.
fn no_way_in(facts: &Facts, reasons: &mut Vec<Reason>) {
    let name = &facts.client.name;
    let expired = facts.connections.iter().filter_map(Connection::end).max();
    if let Some(end) = expired {
        let newest = facts.connections.iter().max_by_key(|connection| connection.end());
        let why = match newest {
            Some(connection) if connection.absolute_end == Some(end) => {
                format!("it was accepted on {}, and that is the greatest age it may have", day(connection.created))
            }
            Some(Connection { refreshed: Some(refreshed), .. }) => {
                format!("it was last renewed on {}", day(*refreshed))
            }
            _ => "it was not used in time".to_owned(),
        };
        let sentence = format!("The connection of {name} expired on {}: {why}.", day(end));
        reasons.push(Reason::new(ReasonCode::ConnectionExpired, end, sentence));
    } else if let Some(ended) = &facts.ended {
        let owner = ended.owner.as_deref().filter(|owner| !owner.is_empty()).unwrap_or("its owner");
        let why = match ended.reason {
            Some(EndReason::OwnerDeactivated) => format!("the user it belongs to, {owner}, was deactivated"),
            Some(EndReason::OwnerDeleted) => format!("the user it belongs to, {owner}, was deleted"),
            Some(EndReason::OwnerRoleLost) => {
                format!("the user it belongs to, {owner}, lost the role that may accept access")
            }
            Some(EndReason::LoggedOut) => {
                format!("an identity provider logged the user it belongs to, {owner}, out everywhere")
            }
            Some(EndReason::Owner) => format!("{owner} took it back"),
            Some(EndReason::Operator) => "an operator ended it".to_owned(),
            Some(EndReason::Revoked) => "the identity provider revoked its token".to_owned(),
            Some(EndReason::Unused) => "it was not used for too long".to_owned(),
            Some(EndReason::RefreshTokenReused) => {
                "one of its refresh tokens was used a second time, so it may have been copied".to_owned()
            }
            Some(other) => other.as_str().to_owned(),
            None => "it does not count any more".to_owned(),
        };
        let sentence = format!("The connection of {name} ended on {}: {why}.", day(ended.at));
        reasons.push(Reason::new(ReasonCode::ConnectionEnded, ended.at, sentence));
    } else if facts.tokens.is_empty() {
        let sentence = format!("{name} was connected, and has neither a connection nor a token any more.");
        reasons.push(Reason::new(ReasonCode::ConnectionEnded, None, sentence));
    }
}

fn expires(name: &str, connection: &Connection, policy: &HealthPolicy, now: Timestamp, reasons: &mut Vec<Reason>) {
    let soon = |end: Timestamp, whole: i64| end - now < policy.expiry.min(whole / LAST_PART);
    if let (Some(end), Some(whole)) = (connection.absolute_end, connection.absolute)
        && soon(end, whole)
    {
        let sentence = format!(
            "The connection of {name}, accepted on {}, expires {} however much it is used.",
            day(connection.created),
            ahead(end, now)
        );
        reasons.push(Reason::new(ReasonCode::ConnectionExpires, end - policy.expiry.min(whole / LAST_PART), sentence));
    }
    if let Some(end) = connection.idle_end
        && soon(end, connection.idle)
        && connection.absolute_end.is_none_or(|absolute| end < absolute)
    {
        let last = connection.refreshed.map_or_else(
            || "it has not been renewed yet".to_owned(),
            |refreshed| format!("it was last renewed on {}", day(refreshed)),
        );
        let sentence =
            format!("The connection of {name} expires {} unless it is used before; {last}.", ahead(end, now));
        let since = end - policy.expiry.min(connection.idle / LAST_PART);
        reasons.push(Reason::new(ReasonCode::ConnectionExpiresUnused, since, sentence));
    }
}

/// On whom a connection rests, and whether it ends with them.
fn rests_on(name: &str, connection: &Connection, reasons: &mut Vec<Reason>) {
    let Connection { account, owner, created, .. } = connection;
    let (place, since) = (&account.name, *created);
    // An identity provider cannot cut its own connection where the account's policy refuses that.
    let is_refused = match connection.is_service_account {
        true => account.service_accounts != ServiceAccounts::Writable,
        false => account.last_administrator == LastAdministrator::Keep && connection.is_last,
    } || account.own_deactivation == OwnDeactivation::Refuse;
    let is_managed = connection.is_managed && !is_refused;
    let is_personal = !connection.is_service_account;
    if connection.is_managed && is_refused {
        let sentence = format!(
            "The connection of {name} belongs to {owner} in {place}, whom an identity provider has written; the account's policy refuses \
             that it cuts the connection off."
        );
        reasons.push(Reason::new(ReasonCode::OwnerIsProtected, since, sentence));
    }
    match &connection.co_owner {
        Some(co_owner) if is_managed || is_personal => {
            let sentence = format!(
                "The connection of {name} belongs to {owner} in {place}; if that user leaves, it passes to the co-owner, {co_owner}."
            );
            reasons.push(Reason::new(ReasonCode::OwnerHasCoOwner, since, sentence));
        }
        _ => {
            if is_managed {
                let sentence = format!(
                    "The connection of {name} belongs to {owner} in {place}, whom the identity provider itself manages: if it deactivates or \
                     deletes that user, it ends its own connection."
                );
                reasons.push(Reason::new(ReasonCode::OwnerIsManaged, since, sentence));
            }
            if is_personal {
                let sentence = format!(
                    "The connection of {name} belongs to {owner} in {place}, a person and not a service account: it ends when that user is \
                     deactivated, deleted or given another role."
                );
                reasons.push(Reason::new(ReasonCode::OwnerIsPerson, since, sentence));
            }
        }
    }
    if connection.is_last {
        let sentence = format!(
            "{owner} is the only active user of {place} who may accept access: without them no connection can be made."
        );
        reasons.push(Reason::new(ReasonCode::OwnerIsLast, None, sentence));
    }
}

/// Several connections into one account; those into several accounts are as many customers.
fn several(name: &str, live: &[&Connection], reasons: &mut Vec<Reason>) {
    for (index, connection) in live.iter().enumerate() {
        let place = &connection.account.name;
        let same = |other: &&&Connection| other.account.name == *place;
        if live[..index].iter().any(|other| same(&other)) {
            continue;
        }
        let (mut owners, mut since) = (Vec::new(), None);
        for (count, other) in live.iter().filter(same).enumerate() {
            owners.push(format!("{} (accepted on {})", other.owner, day(other.created)));
            if count == 0 {
                since = Some(other.created);
            }
        }
        if owners.len() > 1 {
            let sentence = format!("{name} has {} live connections in {place}, of {}.", owners.len(), listed(&owners));
            reasons.push(Reason::new(ReasonCode::SeveralConnections, since, sentence));
        }
    }
}

//! Notices: what a person has to be told, and is told however they can be reached.
//!
//! A notice is written in the unit of work of what it tells, so nothing is announced that did not happen, and nothing that happened is
//! forgotten. Its user sees it on their page until they say so, and gets a letter where the operator has a relay.

use oauth::EndReason;
use serde::{Deserialize, Serialize};

use crate::domain::document::DocumentError;
use crate::domain::health::HealthState;
use crate::domain::person;
use crate::domain::wording::Span;
use crate::platform::timestamp::Timestamp;

mod receiver;
mod text;

pub use receiver::{ReceiverTrouble, Trouble};

/// A notice is mailed within so many milliseconds, or not at all: a relay that is set up late does not send what was due long ago.
pub const TRY_FOR: i64 = 72 * 60 * 60 * 1000;

/// What a notice tells. Each is a kind of its own in the database; more will come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeKind {
    /// A user left, and their connections now belong to the user who is told.
    ConnectionsPassed(ConnectionsTransferred),
    /// Connections rest on the user who is told, and had better rest on a service account.
    ConnectionAtRisk(AtRisk),
    /// No user is left who may accept access. Operators are told.
    LastAdministratorLeft(LastLeft),
    /// A newer connection of the same client took the place of one under the user who is told.
    ConnectionReplaced(Replaced),
    /// A refresh token of a connection was used by two parties, so the connection ended.
    TokenStolen(Stolen),
    /// The health of a connection changed. Those who may accept access are told, or operators if there is none.
    ConnectionHealth(ConnectionHealth),
    /// A link to set a password was asked for by the user who is told, or by a stranger in their name. The letter has the link.
    PasswordAsked(PasswordAsked),
    /// The password of the user who is told was set by a link.
    PasswordSet(PasswordSet),
    /// A secret that a setup link had revealed was asked for again. Operators are told.
    SecretAskedAgain(SecretAskedAgain),
    /// An identity provider had a user logged out everywhere, and connections ended with that. Operators are told.
    LoggedOut(LoggedOut),
    /// A receiver of the feed does not take events, or has missed some. Operators are told.
    ReceiverTrouble(ReceiverTrouble),
}

/// That a link to set a password was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordAsked {
    /// When, in milliseconds since the epoch.
    pub asked: Timestamp,
    /// From which network address.
    pub address: Option<String>,
    /// For how many minutes the link counts.
    pub minutes: i64,
    /// Whether the account is suspended: then there is no link.
    #[serde(default)]
    pub suspended: bool,
}

/// That a password was set by a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordSet {
    /// Whether the link was mailed to the user; otherwise an operator made it.
    pub mailed: bool,
}

/// A secret that was revealed by a setup link, and asked for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretAskedAgain {
    /// The name of the client.
    pub client: String,
    /// When it was revealed,
    pub revealed: Timestamp,
    /// and to which network address.
    pub revealed_from: Option<String>,
    /// From where it was asked for again.
    pub from: Option<String>,
}

/// A user who was logged out everywhere, and the connections that ended with that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedOut {
    /// The user's id,
    pub user: String,
    /// and what they were called.
    pub name: String,
    /// The names of the clients that were connected, or the first of them; each once.
    pub clients: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

impl LoggedOut {
    /// `clients` are the names of the client of each grant.
    pub fn new(user: String, name: String, clients: &[String]) -> LoggedOut {
        let (clients, more) = first_of(clients);
        let name = if name.is_empty() { "A user".to_owned() } else { name };
        LoggedOut { user, name, clients, more }
    }

    /// Whether there is more than one.
    pub fn are_several(&self) -> bool {
        self.clients.len() + self.more > 1
    }
}

/// How a connection is since its health changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionHealth {
    /// The name of the client.
    pub client: String,
    /// The state, as in the [health](crate::domain::health) of the client.
    pub state: String,
    /// Why, in sentences.
    pub sentences: Vec<String>,
}

/// A connection in whose place a newer one is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The name of the client.
    pub client: String,
    /// The id of the user who accepted the newer one,
    pub by: String,
    /// and what they are called; nothing if it is the user who is told.
    pub by_name: Option<String>,
    /// When they did, in milliseconds since the epoch.
    pub accepted: Timestamp,
}

/// A connection that ended because one of its tokens was stolen, or looks like that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stolen {
    /// The name of the client.
    pub client: String,
}

/// Connections that rest on a user who is no service account, or whom an identity provider manages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtRisk {
    /// The names of the clients that are connected, or the first of them; each once.
    pub clients: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// Whether the user is no service account.
    pub personal: bool,
    /// Whether an identity provider has written the user.
    pub managed: bool,
}

/// The last user who could accept access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLeft {
    /// The user's id,
    pub user: String,
    /// and what they were called.
    pub name: String,
    /// Why they no longer can.
    pub reason: DepartureReason,
}

/// Connections that passed to a co-owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionsTransferred {
    /// The id of the user who left,
    pub from: String,
    /// and what they were called.
    pub from_name: String,
    /// Why they could not keep them.
    pub reason: DepartureReason,
    /// The names of the clients that are connected, or the first of them; each once.
    pub clients: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

/// Why a user may no longer own a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DepartureReason {
    /// Their user was deactivated.
    Deactivated,
    /// Their user was deleted.
    Deleted,
    /// They no longer have a role that may accept access.
    RoleLost,
}

impl DepartureReason {
    /// Why a grant of theirs ends that does not pass on.
    pub fn ends(self) -> EndReason {
        match self {
            DepartureReason::Deactivated => EndReason::OwnerDeactivated,
            DepartureReason::Deleted => EndReason::OwnerDeleted,
            DepartureReason::RoleLost => EndReason::OwnerRoleLost,
        }
    }
}

/// How many clients are named.
const NAMED: usize = 5;

/// The first few of these names, each once; and how many more there are.
fn first_of(names: &[String]) -> (Vec<String>, usize) {
    let mut distinct: Vec<String> = Vec::new();
    for name in names.iter().map(|name| person::short_name(name)) {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    let more = distinct.len().saturating_sub(NAMED);
    distinct.truncate(NAMED);
    (distinct, more)
}

impl ConnectionsTransferred {
    /// `clients` are the names of the client of each grant.
    pub fn new(from: String, from_name: String, reason: DepartureReason, clients: &[String]) -> ConnectionsTransferred {
        let (clients, more) = first_of(clients);
        let from_name = if from_name.is_empty() { "A person".to_owned() } else { from_name };
        ConnectionsTransferred { from, from_name, reason, clients, more }
    }

    /// Whether there is more than one.
    pub fn are_several(&self) -> bool {
        self.clients.len() + self.more > 1
    }
}

impl AtRisk {
    /// `clients` are the names of the client of each grant.
    pub fn new(clients: &[String], personal: bool, managed: bool) -> AtRisk {
        let (clients, more) = first_of(clients);
        AtRisk { clients, more, personal, managed }
    }

    /// Whether there is more than one.
    pub fn are_several(&self) -> bool {
        self.clients.len() + self.more > 1
    }
}

impl PasswordAsked {
    /// Whether a letter may still follow, and the link in it may count.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        now - self.asked < self.minutes * 60_000
    }
}

impl ConnectionHealth {
    /// The state.
    pub fn found(&self) -> HealthState {
        HealthState::parse(&self.state).unwrap_or(HealthState::Attention)
    }
}

impl NoticeKind {
    /// Every kind there is, as in the database.
    pub const KINDS: [&str; 11] = [
        "connections_passed",
        "connection_replaced",
        "token_stolen",
        "connection_at_risk",
        "last_administrator_left",
        "connection_health",
        "password_asked",
        "password_set",
        "secret_asked_again",
        "logged_out",
        "receiver_trouble",
    ];

    /// Whether notices of this kind tell what is so, and not what happened ([`lifecycle::still`](crate::services::reactions)).
    pub fn is_of_the_moment(kind: &str) -> bool {
        kind == Self::KINDS[3]
    }

    /// Its kind, as in the database.
    pub fn kind(&self) -> &'static str {
        match self {
            NoticeKind::ConnectionsPassed(_) => Self::KINDS[0],
            NoticeKind::ConnectionReplaced(_) => Self::KINDS[1],
            NoticeKind::TokenStolen(_) => Self::KINDS[2],
            NoticeKind::ConnectionAtRisk(_) => Self::KINDS[3],
            NoticeKind::LastAdministratorLeft(_) => Self::KINDS[4],
            NoticeKind::ConnectionHealth(_) => Self::KINDS[5],
            NoticeKind::PasswordAsked(_) => Self::KINDS[6],
            NoticeKind::PasswordSet(_) => Self::KINDS[7],
            NoticeKind::SecretAskedAgain(_) => Self::KINDS[8],
            NoticeKind::LoggedOut(_) => Self::KINDS[9],
            NoticeKind::ReceiverTrouble(_) => Self::KINDS[10],
        }
    }

    /// What the sentence needs, as in the database.
    pub fn detail(&self) -> Result<String, DocumentError> {
        let detail = match self {
            NoticeKind::ConnectionsPassed(passed) => serde_json::to_string(passed),
            NoticeKind::ConnectionReplaced(replaced) => serde_json::to_string(replaced),
            NoticeKind::TokenStolen(stolen) => serde_json::to_string(stolen),
            NoticeKind::ConnectionAtRisk(at_risk) => serde_json::to_string(at_risk),
            NoticeKind::LastAdministratorLeft(left) => serde_json::to_string(left),
            NoticeKind::ConnectionHealth(health) => serde_json::to_string(health),
            NoticeKind::PasswordAsked(asked) => serde_json::to_string(asked),
            NoticeKind::PasswordSet(set) => serde_json::to_string(set),
            NoticeKind::SecretAskedAgain(asked) => serde_json::to_string(asked),
            NoticeKind::LoggedOut(out) => serde_json::to_string(out),
            NoticeKind::ReceiverTrouble(trouble) => serde_json::to_string(trouble),
        };
        Ok(detail?)
    }

    /// As it was written; `None` for what another version wrote, which it has to tell itself.
    pub fn read(kind: &str, detail: &str) -> Option<NoticeKind> {
        match Self::KINDS.iter().position(|known| *known == kind)? {
            0 => serde_json::from_str(detail).ok().map(NoticeKind::ConnectionsPassed),
            1 => serde_json::from_str(detail).ok().map(NoticeKind::ConnectionReplaced),
            2 => serde_json::from_str(detail).ok().map(NoticeKind::TokenStolen),
            3 => serde_json::from_str(detail).ok().map(NoticeKind::ConnectionAtRisk),
            4 => serde_json::from_str(detail).ok().map(NoticeKind::LastAdministratorLeft),
            5 => serde_json::from_str(detail).ok().map(NoticeKind::ConnectionHealth),
            6 => serde_json::from_str(detail).ok().map(NoticeKind::PasswordAsked),
            7 => serde_json::from_str(detail).ok().map(NoticeKind::PasswordSet),
            8 => serde_json::from_str(detail).ok().map(NoticeKind::SecretAskedAgain),
            9 => serde_json::from_str(detail).ok().map(NoticeKind::LoggedOut),
            _ => serde_json::from_str(detail).ok().map(NoticeKind::ReceiverTrouble),
        }
    }

    /// A heading, or the subject of a letter.
    pub fn heading(&self) -> &'static str {
        match self {
            NoticeKind::ConnectionsPassed(passed) if passed.are_several() => "Connections have passed to you",
            NoticeKind::ConnectionsPassed(_) => "A connection has passed to you",
            NoticeKind::ConnectionReplaced(_) => "A connection was replaced",
            NoticeKind::TokenStolen(_) => "A connection was ended because its token was used twice",
            NoticeKind::ConnectionAtRisk(at_risk) if at_risk.are_several() => "Connections depend on your user",
            NoticeKind::ConnectionAtRisk(_) => "A connection depends on your user",
            NoticeKind::LastAdministratorLeft(_) => "No user may accept access any more",
            NoticeKind::ConnectionHealth(health) => match health.found() {
                HealthState::Broken => "A connection does not work",
                HealthState::Attention => "A connection needs attention",
                HealthState::Ok | HealthState::NeverUsed => "A connection is well again",
            },
            NoticeKind::PasswordAsked(asked) if asked.suspended => "No new password while the account is suspended",
            NoticeKind::PasswordAsked(_) => "A new password was asked for",
            NoticeKind::PasswordSet(_) => "Your password was set",
            NoticeKind::SecretAskedAgain(_) => "A secret was asked for again by a setup link",
            NoticeKind::LoggedOut(out) if out.are_several() => "Connections ended because their user was logged out",
            NoticeKind::LoggedOut(_) => "A connection ended because its user was logged out",
            NoticeKind::ReceiverTrouble(trouble) => trouble.heading(),
        }
    }

    /// What its reader can do about it, on /account below the notice or behind the link in the mail.
    pub fn hint(&self) -> &'static str {
        match self {
            NoticeKind::ConnectionsPassed(passed) if passed.are_several() => "You can end each of them below.",
            NoticeKind::ConnectionsPassed(_) => "You can end it below.",
            NoticeKind::ConnectionReplaced(_) => "Your connections are listed below.",
            NoticeKind::TokenStolen(_) => "Authenticate again in the identity provider to connect it again.",
            NoticeKind::ConnectionAtRisk(_) => "Your connections are listed below.",
            NoticeKind::LastAdministratorLeft(_) => "Give another user such a role.",
            NoticeKind::ConnectionHealth(health) if health.found().is_unwell() => {
                "If you look after the identity provider, check the connection there, or ask the people who look after your account."
            }
            NoticeKind::ConnectionHealth(_) => "Nothing has to be done.",
            NoticeKind::PasswordAsked(asked) if asked.suspended => {
                "To learn why it is suspended, ask the people who look after your account."
            }
            NoticeKind::PasswordAsked(_) => {
                "If it was not you who asked, nothing has to be done: without the link in that letter nothing changes."
            }
            NoticeKind::PasswordSet(_) => {
                "If it was not you who set it, tell the people who look after your account at once."
            }
            NoticeKind::SecretAskedAgain(_) => {
                "Ask the administrator whether both were theirs. If not, have them create a new secret on the page, or revoke the link."
            }
            NoticeKind::LoggedOut(_) => {
                "Have the customer's administrator authenticate again in the identity provider, at best as a service account that no person logs in as."
            }
            NoticeKind::ReceiverTrouble(trouble) => trouble.hint(),
        }
    }

    /// What its reader can do about it behind the link of the letter.
    pub fn hint_of_letter(&self) -> &'static str {
        match self {
            NoticeKind::PasswordAsked(asked) if !asked.suspended => {
                "Set the new password behind this link. If it was not you who asked, nothing has to be done: without the link nothing changes."
            }
            other => other.hint(),
        }
    }

    /// Why its reader gets a mail that they did not ask for.
    pub fn why(&self) -> &'static str {
        match self {
            NoticeKind::ConnectionsPassed(_) => {
                "You are told because your account names you as the co-owner of its connections. If that is not right, speak to \
                 the people who look after your account."
            }
            NoticeKind::ConnectionReplaced(_) | NoticeKind::TokenStolen(_) => {
                "You are told because the connection was made in your name. If that is not right, speak to the people who look after your \
                 account."
            }
            NoticeKind::ConnectionAtRisk(_) => {
                "You are told because connections of your account are in your name. If that is not right, speak to the people who look \
                 after your account."
            }
            NoticeKind::PasswordAsked(_) => "You get this letter because your user name was typed on the log-in page.",
            NoticeKind::PasswordSet(_) => "You are told because it is your user whose password was set.",
            NoticeKind::LastAdministratorLeft(_)
            | NoticeKind::SecretAskedAgain(_)
            | NoticeKind::LoggedOut(_)
            | NoticeKind::ReceiverTrouble(_) => "You are told because you look after this account.",
            NoticeKind::ConnectionHealth(_) => {
                "You are told because you may connect identity providers to your account. If that is not right, speak to the people who look \
                 after your account."
            }
        }
    }

    /// The sentences that tell it. `made` is when it happened, in milliseconds since the epoch, `account` the name of the account.
    pub fn told(&self, made: Timestamp, account: &str) -> Vec<Span> {
        match self {
            NoticeKind::ConnectionsPassed(passed) => text::of_passed(passed, made, account),
            NoticeKind::ConnectionReplaced(replaced) => text::of_replaced(replaced, made, account),
            NoticeKind::TokenStolen(stolen) => text::of_stolen(stolen, made, account),
            NoticeKind::ConnectionAtRisk(at_risk) => text::of_at_risk(at_risk, account),
            NoticeKind::LastAdministratorLeft(left) => text::of_last_left(left, made, account),
            NoticeKind::ConnectionHealth(health) => text::of_health(health, account),
            NoticeKind::PasswordAsked(asked) => text::of_asked(asked, account),
            NoticeKind::PasswordSet(set) => text::of_set(set, made, account),
            NoticeKind::SecretAskedAgain(asked) => text::of_asked_again(asked, made, account),
            NoticeKind::LoggedOut(out) => text::of_logged_out(out, made, account),
            NoticeKind::ReceiverTrouble(trouble) => trouble.told(made, account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    fn passed(clients: &[&str]) -> NoticeKind {
        let clients: Vec<String> = clients.iter().map(|name| (*name).to_owned()).collect();
        NoticeKind::ConnectionsPassed(ConnectionsTransferred::new(
            "0198".to_owned(),
            "Ada".to_owned(),
            DepartureReason::RoleLost,
            &clients,
        ))
    }

    #[test]
    fn a_notice_is_read_as_it_was_written_and_what_is_unknown_is_left_alone() {
        let matter = passed(&["Okta", "Entra", "Okta"]);
        let detail = matter.detail().unwrap();
        assert_eq!(NoticeKind::read(matter.kind(), &detail), Some(matter));
        let replaced = Replaced { client: "Okta".to_owned(), by: "0198".to_owned(), by_name: None, accepted: ms(7) };
        let stolen = Stolen { client: "Okta".to_owned() };
        let at_risk = NoticeKind::ConnectionAtRisk(AtRisk::new(&["Okta".to_owned()], true, false));
        let left = LastLeft { user: "0198".to_owned(), name: "Ada".to_owned(), reason: DepartureReason::Deleted };
        for matter in [
            at_risk,
            NoticeKind::ConnectionReplaced(replaced),
            NoticeKind::TokenStolen(stolen),
            NoticeKind::LastAdministratorLeft(left),
            NoticeKind::PasswordAsked(PasswordAsked { asked: ms(7), address: None, minutes: 60, suspended: false }),
            NoticeKind::PasswordSet(PasswordSet { mailed: true }),
            NoticeKind::LoggedOut(LoggedOut::new("0198".to_owned(), String::new(), &["Okta".to_owned()])),
        ] {
            assert_eq!(NoticeKind::read(matter.kind(), &matter.detail().unwrap()), Some(matter));
        }
        assert_eq!(NoticeKind::read("something_new", &detail), None);
        assert_eq!(NoticeKind::read("connections_passed", r#"{"reason": "bored"}"#), None);
        assert_eq!(NoticeKind::read("connections_passed", "not even JSON"), None);
    }

    #[test]
    fn each_client_is_named_once_and_of_many_the_first() {
        let many: Vec<String> = (0..1000).map(|n| format!("Client {}", n % 40)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let NoticeKind::ConnectionsPassed(told) = passed(&many) else { panic!("it passed") };
        assert_eq!((told.clients.len(), told.more, told.clients[4].as_str()), (5, 35, "Client 4"));
        assert!(told.are_several());
        assert_eq!(passed(&["Okta", "Okta"]).heading(), "A connection has passed to you");
        assert_eq!(passed(&["Okta", "Entra"]).heading(), "Connections have passed to you");
    }
}

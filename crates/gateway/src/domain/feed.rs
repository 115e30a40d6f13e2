//! The feed of every change: which types of events there are, and how a reader says how far it has read.

use super::event::Action;

/// The table of types.
macro_rules! types {
    ($($name:ident $code:literal $meaning:literal),* $(,)?) => {
        /// What an event of the feed tells.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventType {
            $(#[doc = $meaning] $name,)*
        }

        impl EventType {
            /// All of them.
            pub const ALL: &[EventType] = &[$(EventType::$name),*];

            /// As it stands in an event and in `?type=`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(EventType::$name => $code,)*
                }
            }

            /// What it means, in a line.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(EventType::$name => $meaning,)*
                }
            }
        }
    };
}

types! {
    UserCreated "user.created" "A user was created.",
    UserChanged "user.changed" "Attributes of a user changed.",
    UserActivated "user.activated" "A user became active.",
    UserDeactivated "user.deactivated" "A user became inactive.",
    UserRestored "user.restored" "A deactivated user was created again, and so came back.",
    UserDeleted "user.deleted" "A user was deleted, and left all groups.",
    GroupCreated "group.created" "A group was created, without members; those follow.",
    GroupChanged "group.changed" "Attributes of a group changed.",
    GroupMembershipChanged "group.membership_changed" "Members joined or left a group.",
    GroupDeleted "group.deleted" "A group was deleted, with its memberships.",
    AccessChanged "access.changed" "What users may do may be otherwise, through a group, a rule or their account.",
    AccessRulesChanged "access.rules_changed" "The rules by which users get roles and environments from their groups were replaced.",
    AccessWidened "access.widened" "By a change that is told beside it, users may do more than before, or may be able to.",
    GrantCreated "grant.created" "A user accepted access for a client, or a client used its own credentials for the first time.",
    GrantEnded "grant.ended" "A grant ended.",
    GrantsEnded "grants.ended" "All grants of a user ended, or those for provisioning.",
    SessionsRevoked "sessions.revoked" "An identity provider had a user logged out everywhere: all sessions, grants and tokens of the user ended.",
    GrantRebound "grant.rebound" "A grant passed from a user who left to the account's co-owner.",
    ConnectionReplaced "connection.replaced" "A new connection was used for the first time and ended the older ones of its client.",
    ClientCreated "client.created" "A client was created.",
    ClientChanged "client.changed" "A client was changed.",
    ClientDisabled "client.disabled" "A client was disabled.",
    ClientEnabled "client.enabled" "A client was enabled again.",
    ClientDeleted "client.deleted" "A client was deleted; its grants ended.",
    ClientSecretAdded "client.secret_added" "A client got a further secret.",
    ClientSecretEnded "client.secret_ended" "A secret of a client was ended.",
    ClientTokenAdded "client.token_added" "A client got a static token.",
    ClientTokenEnded "client.token_ended" "A static token of a client was ended by an operator.",
    ClientCredentialRenewed "client.credential_renewed" "A user of the account made a new secret or static token of a client.",
    ClientHealthChanged "client.health_changed" "The connection of a client came to need attention, broke, or is well again.",
    AccountCreated "account.created" "An account was created.",
    AccountImported "account.imported" "An account came from another installation, with its users and groups.",
    AccountChanged "account.changed" "An account was changed.",
    AccountSignInChanged "account.sign_in_changed" "The ways to log in to an account were changed.",
    AccountSuspended "account.suspended" "An account was suspended: none of its users may do anything.",
    AccountResumed "account.resumed" "The suspension of an account was taken back.",
    AccountDeleted "account.deleted" "An account was deleted, with everything in it.",
    AttributeDeclared "attribute.declared" "An account got an attribute of its own.",
    AttributeChanged "attribute.changed" "An attribute of an account was declared otherwise.",
    AttributeRemoved "attribute.removed" "An attribute of an account was removed, with its values.",
}

impl EventType {
    /// The type with this code.
    pub fn parse(code: &str) -> Option<EventType> {
        EventType::ALL.iter().copied().find(|kind| kind.code() == code)
    }

    /// How an act is told that is one of the audit trail's; `None`: not in the feed. What happens to users and groups is told by its own types.
    pub fn of_act(action: Action) -> Option<EventType> {
        let code = action.code();
        let is_of_resource = code.starts_with("user.") || code.starts_with("group.");
        if is_of_resource { None } else { EventType::parse(code) }
    }

    /// What kind of thing it is about, where the type says it.
    pub fn subject(self) -> Option<&'static str> {
        match self {
            EventType::AccessWidened | EventType::AccessChanged => None,
            EventType::AccessRulesChanged => Some("account"),
            EventType::GrantsEnded | EventType::SessionsRevoked => Some("user"),
            EventType::ConnectionReplaced => Some("grant"),
            kind => kind.code().split_once('.').map(|(noun, _)| noun),
        }
    }
}

/// How far a reader has read: up to this place in this feed, of an account or of all. It says nothing secret, and gives no right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Which feed.
    pub feed: String,
    /// The public id of an account; `None`: all.
    pub account: Option<String>,
    /// The place of the last event that was read.
    pub seq: i64,
}

/// How a cursor names all accounts.
const ALL: &str = "all";

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.feed, self.account.as_deref().unwrap_or(ALL), self.seq)
    }
}

impl std::str::FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Cursor, &'static str> {
        const WRONG: &str =
            "must be the `cursor` of an event, of a page of events or of a snapshot, as it was answered";
        let mut parts = text.split('.');
        let (Some(feed), Some(account), Some(seq), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(WRONG);
        };
        let seq: i64 = seq.parse().map_err(|_| WRONG)?;
        let account = Some(account.to_owned()).filter(|account| account != ALL);
        let cursor = Cursor { feed: feed.to_owned(), account, seq };
        // Only the form in which it was answered: no sign, no zeros before.
        if seq < 0 || cursor.to_string() != text { Err(WRONG) } else { Ok(cursor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_code_of_its_own_and_is_found_by_it() {
        for (n, kind) in EventType::ALL.iter().enumerate() {
            assert_eq!(EventType::parse(kind.code()), Some(*kind));
            assert_eq!(EventType::ALL.iter().position(|other| other.code() == kind.code()), Some(n));
            assert!(kind.meaning().ends_with('.'), "{kind:?}");
        }
        assert_eq!(EventType::parse("user.patched"), None);
        assert_eq!(EventType::of_act(Action::ClientHealthChanged), Some(EventType::ClientHealthChanged));
        assert_eq!([Action::UserCreated, Action::LoginSucceeded].map(EventType::of_act), [None, None]);
    }

    #[test]
    fn the_page_about_events_lists_every_type() {
        const BEGIN: &str = "<!-- What follows is checked by a test of crates/gateway/src/domain/feed.rs -->\n\n";
        let rows = EventType::ALL.iter().map(|kind| format!("| `{}` | {} |\n", kind.code(), kind.meaning()));
        let table = format!("| type | what happened |\n|---|---|\n{}", rows.collect::<String>());
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
        let page = std::fs::read_to_string(path).expect("docs/events.md");
        let (before, listed) = page.split_once(BEGIN).expect("the mark where the list begins");
        if listed != table {
            let right = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/events.md");
            std::fs::write(right, format!("{before}{BEGIN}{table}")).expect("writable");
            panic!("docs/events.md is not what the definitions say; target/events.md is: copy it");
        }
    }

    #[test]
    fn a_cursor_is_read_in_the_form_in_which_it_was_answered_and_in_no_other() {
        for (account, text) in [(None, "5f3a9c21.all.182"), (Some("0198a6b2-0000"), "5f3a9c21.0198a6b2-0000.182")] {
            let cursor = Cursor { feed: "5f3a9c21".to_owned(), account: account.map(str::to_owned), seq: 182 };
            assert_eq!((cursor.to_string(), text.parse()), (text.to_owned(), Ok(cursor)));
        }
        for text in [
            "",
            "182",
            "a.all",
            "a.all.",
            "a.all.-1",
            "a.all.+1",
            "a.all.01",
            "a.all.1.2",
            "a.all.99999999999999999999",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}

//! Links with which a user or an operator sets a password: shown once, kept as a fingerprint, good once and for a limited time.

use serde::Serialize;

use crate::domain::described::words;
use crate::domain::ids::UserKey;
use crate::platform::timestamp::Timestamp;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// It sets the first password, within days.
    Invitation,
    /// It sets another one in place of one that was forgotten, within an hour.
    Recovery,
}

words!(LinkPurpose { LinkPurpose::Invitation = "invitation", LinkPurpose::Recovery = "recovery" });

/// How long links count, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkLifetimes {
    /// An invitation.
    pub invitation: i64,
    /// A recovery.
    pub recovery: i64,
}

impl LinkLifetimes {
    /// How long a link of this purpose counts.
    pub fn of(&self, purpose: LinkPurpose) -> i64 {
        match purpose {
            LinkPurpose::Invitation => self.invitation,
            LinkPurpose::Recovery => self.recovery,
        }
    }
}

impl LinkPurpose {
    /// Both.
    pub const ALL: [LinkPurpose; 2] = [LinkPurpose::Invitation, LinkPurpose::Recovery];

    /// As it stands in the database and in the admin API.
    pub fn as_str(self) -> &'static str {
        match self {
            LinkPurpose::Invitation => "invitation",
            LinkPurpose::Recovery => "recovery",
        }
    }

    /// What this text names.
    pub fn parse(text: &str) -> Option<LinkPurpose> {
        LinkPurpose::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Whose password a link sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkSubject {
    /// A user of an account.
    User(UserKey),
    /// An operator, by the public id.
    Operator(String),
}

/// A link that sets a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordLink {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose password it sets.
    pub subject: LinkSubject,
    /// Who made it, as the [code](crate::domain::actor::Actor::code) of an actor.
    pub made_by: String,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is refused.
    pub expires: Timestamp,
    /// When it set a password.
    pub used: Option<Timestamp>,
}

/// Why a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRefusal {
    /// There is none of this secret: it is mistyped, was taken out of force by a newer one, or is long forgotten.
    Unknown,
    /// It has set a password.
    Used,
    /// Its time is over.
    Expired,
}

impl PasswordLink {
    /// Says why it is refused now, if it is.
    pub fn refusal(&self, now: Timestamp) -> Option<LinkRefusal> {
        match self {
            PasswordLink { used: Some(_), .. } => Some(LinkRefusal::Used),
            PasswordLink { expires, .. } if *expires <= now => Some(LinkRefusal::Expired),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::timestamp::ms;

    #[test]
    fn a_link_counts_once_and_until_it_expires() {
        let fresh = PasswordLink {
            purpose: LinkPurpose::Recovery,
            subject: LinkSubject::Operator("0198".to_owned()),
            made_by: "server".to_owned(),
            created: ms(1_000),
            expires: ms(2_000),
            used: None,
        };
        assert_eq!(fresh.refusal(ms(1_999)), None);
        assert_eq!(fresh.refusal(ms(2_000)), Some(LinkRefusal::Expired));
        let used = PasswordLink { used: Some(ms(1_500)), ..fresh };
        assert_eq!(used.refusal(ms(1_600)), Some(LinkRefusal::Used));
        assert_eq!(used.refusal(ms(9_000)), Some(LinkRefusal::Used), "which says more than that it expired");
    }

    #[test]
    fn a_purpose_is_read_as_it_is_written() {
        for purpose in LinkPurpose::ALL {
            assert_eq!(LinkPurpose::parse(purpose.as_str()), Some(purpose));
        }
        assert_eq!(LinkPurpose::parse("Invitation"), None);
    }
}

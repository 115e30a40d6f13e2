//! A setup link: the hand-over between two companies. A Customer Success Manager sends it; the customer's administrator opens their setup
//! page by it, where a secret is revealed to them alone.
//!
//! A link is for one client of one account. It expires, and is closed when it is revoked or the setup is finished. Of a client only the
//! newest link is open: what came of it before goes on in the newer one ([why](../../../../docs/decisions/0059-what-may-a-setup-link-do.md)).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::described::words;
use super::ids::{AccountKey, ClientKey};
use super::profiles::Profile;
use crate::platform::timestamp::Timestamp;

/// The identity provider in whose words a setup page speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Okta.
    Okta,
    /// Microsoft Entra ID.
    Entra,
    /// OneLogin.
    OneLogin,
    /// JumpCloud.
    JumpCloud,
    /// PingOne and PingFederate.
    Ping,
    /// Any other.
    Other,
}

words!(Provider {
    Provider::Okta = "okta",
    Provider::Entra = "entra",
    Provider::OneLogin = "onelogin",
    Provider::JumpCloud = "jumpcloud",
    Provider::Ping = "ping",
    Provider::Other = "other",
});

/// What a client shows to prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A client secret, for tokens of short life.
    ClientSecret,
    /// A static token, which the provider keeps.
    StaticToken,
}

impl CredentialKind {
    /// In a sentence.
    pub fn name(self) -> &'static str {
        match self {
            CredentialKind::ClientSecret => "client secret",
            CredentialKind::StaticToken => "static token",
        }
    }
}

impl Provider {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Provider; 6] =
        [Provider::Okta, Provider::Entra, Provider::OneLogin, Provider::JumpCloud, Provider::Ping, Provider::Other];

    /// As it is stored and answered.
    pub fn as_str(self) -> &'static str {
        match self {
            Provider::Okta => "okta",
            Provider::Entra => "entra",
            Provider::OneLogin => "onelogin",
            Provider::JumpCloud => "jumpcloud",
            Provider::Ping => "ping",
            Provider::Other => "other",
        }
    }

    /// The provider that is called so.
    pub fn parse(text: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.as_str() == text)
    }

    /// What it is called in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Okta => "Okta",
            Provider::Entra => "Microsoft Entra ID",
            Provider::OneLogin => "OneLogin",
            Provider::JumpCloud => "JumpCloud",
            Provider::Ping => "Ping",
            Provider::Other => "your identity provider",
        }
    }

    /// What a client of it is called if no name is given.
    pub fn client_name(self) -> &'static str {
        match self {
            Provider::Entra => "Entra",
            Provider::Other => "Identity provider",
            provider => provider.name(),
        }
    }

    /// The profile of clients that are made for it.
    pub fn profile(self) -> Profile {
        match self {
            Provider::Okta => Profile::Okta,
            Provider::Entra => Profile::Entra,
            Provider::OneLogin => Profile::OneLogin,
            Provider::JumpCloud => Profile::JumpCloud,
            Provider::Ping => Profile::Ping,
            Provider::Other => Profile::Generic,
        }
    }

    /// The provider of clients of this profile.
    pub fn of(profile: Profile) -> Provider {
        match profile {
            Profile::Okta => Provider::Okta,
            Profile::Entra => Provider::Entra,
            Profile::OneLogin => Provider::OneLogin,
            Profile::JumpCloud => Provider::JumpCloud,
            Profile::Ping => Provider::Ping,
            Profile::Generic | Profile::Strict => Provider::Other,
        }
    }

    /// What it is given to prove who it is.
    pub fn credential(self) -> CredentialKind {
        match self {
            Provider::Okta | Provider::Entra | Provider::Ping => CredentialKind::ClientSecret,
            Provider::OneLogin | Provider::JumpCloud | Provider::Other => CredentialKind::StaticToken,
        }
    }

    /// Whether a user accepts access for it in a browser, so that a service account is needed.
    pub fn needs_service_account(self) -> bool {
        self == Provider::Okta
    }
}

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// No browser has opened it.
    Unopened,
    /// It was opened, and the setup goes on.
    Opened,
    /// The administrator finished the setup.
    Finished,
    /// Its time has passed.
    Expired,
    /// It was revoked.
    Revoked,
}

words!(LinkState {
    LinkState::Unopened = "unopened",
    LinkState::Opened = "opened",
    LinkState::Finished = "finished",
    LinkState::Expired = "expired",
    LinkState::Revoked = "revoked",
});

impl LinkState {
    /// Whether the page can be used.
    pub fn is_open(self) -> bool {
        matches!(self, LinkState::Unopened | LinkState::Opened)
    }
}

/// When something was done, and from which network address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// When.
    pub at: Timestamp,
    /// From where, if that was known.
    pub from: Option<String>,
}

/// What the administrator says they have done, beside what the server has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The steps that are marked as done, by name, and when they were.
    pub marked: BTreeMap<String, Timestamp>,
    /// When the password of the service account was last set by the link.
    pub password_set: Option<Timestamp>,
}

/// A setup link, without the link itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupLink {
    /// Its row.
    pub seq: i64,
    /// Its public id.
    pub id: String,
    /// The account.
    pub account: AccountKey,
    /// The client that is set up.
    pub client: ClientKey,
    /// The identity provider in whose words the page speaks.
    pub provider: Provider,
    /// The id of the service account whose password is set on the page.
    pub service_account: Option<String>,
    /// Whom the administrator may ask, by mail.
    pub contact: Option<String>,
    /// When it was made,
    pub created: Timestamp,
    /// by which operator,
    pub created_by: String,
    /// and what they were called.
    pub created_by_name: Option<String>,
    /// When it stops counting.
    pub expires: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was opened first.
    pub opened: Option<Done>,
    /// When a secret was last revealed by it, or by an earlier link of the client.
    pub revealed: Option<Done>,
    /// Which: the id of a client's secret or static token.
    pub credential: Option<String>,
    /// How often one more was asked for and refused,
    pub refused_reveals: i64,
    /// and when the last time.
    pub refused: Option<Done>,
    /// When the setup was finished.
    pub finished: Option<Timestamp>,
    /// What the administrator says they have done.
    pub progress: Progress,
}

impl SetupLink {
    /// How it is at this time.
    pub fn state(&self, now: Timestamp) -> LinkState {
        match self {
            SetupLink { finished: Some(_), .. } => LinkState::Finished,
            SetupLink { revoked: Some(_), .. } => LinkState::Revoked,
            SetupLink { expires, .. } if *expires <= now => LinkState::Expired,
            SetupLink { opened: Some(_), .. } => LinkState::Opened,
            _ => LinkState::Unopened,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: Timestamp = Timestamp::of_millis(1_800_000_000_000);

    fn link() -> SetupLink {
        SetupLink {
            seq: 1,
            id: "id".to_owned(),
            account: AccountKey::of_row(1),
            client: ClientKey::of_row(1),
            provider: Provider::Okta,
            service_account: None,
            contact: None,
            created: MADE,
            created_by: "cs".to_owned(),
            created_by_name: None,
            expires: MADE + 1_000,
            revoked: None,
            opened: None,
            revealed: None,
            credential: None,
            refused_reveals: 0,
            refused: None,
            finished: None,
            progress: Progress::default(),
        }
    }

    #[test]
    fn the_state_of_a_link_is_the_last_thing_that_happened_to_it() {
        let at = |n: i64| MADE + n;
        let opened = SetupLink { opened: Some(Done { at: at(1), from: None }), ..link() };
        assert_eq!(link().state(at(999)), LinkState::Unopened);
        assert_eq!(opened.state(at(999)), LinkState::Opened);
        assert_eq!(
            opened.state(at(1_000)),
            LinkState::Expired,
            "the end is the first moment at which it does not count"
        );
        assert_eq!(SetupLink { revoked: Some(at(2)), ..opened.clone() }.state(at(3)), LinkState::Revoked);
        let finished = SetupLink { finished: Some(at(2)), ..opened };
        assert_eq!(finished.state(at(3)), LinkState::Finished);
        assert_eq!(finished.state(at(5_000)), LinkState::Finished, "what is finished does not expire");
        assert!(LinkState::Opened.is_open() && LinkState::Unopened.is_open() && !LinkState::Finished.is_open());
    }

    #[test]
    fn every_provider_is_read_back_by_its_name_and_has_a_profile_of_its_own() {
        for provider in Provider::ALL {
            assert_eq!(Provider::parse(provider.as_str()), Some(provider));
            assert_eq!(Provider::of(provider.profile()), provider);
        }
        assert_eq!(Provider::of(Profile::Strict), Provider::Other);
        assert_eq!(Provider::parse("oktta"), None);
    }
}

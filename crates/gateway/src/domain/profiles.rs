//! The identity providers that this product knows, each as the defaults and habits of its clients. A deviation that is forgiven is data on
//! the client, never a global switch: see [`tolerances`](super::tolerances).

use oauth::{Client, ClientProfile, GrantType, RedirectUri};

use super::described::described_words;
use super::scopes::PROVISION;

/// An identity provider, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Okta: redirect URIs follow from the app's variable name; no PKCE.
    Okta,
    /// Microsoft Entra ID: client credentials.
    Entra,
    /// OneLogin: static tokens only.
    OneLogin,
    /// JumpCloud: static tokens only.
    JumpCloud,
    /// PingOne, PingFederate: client credentials.
    Ping,
    /// Any other.
    Generic,
    /// Any other, to the letter of the RFCs.
    Strict,
}

const OKTA: ClientProfile = ClientProfile {
    name: "okta",
    grant_types: &GrantType::ALL,
    redirect_uris_may_follow: true,
    redirect_uri_help: Some(
        "For Okta it follows from the Variable name of your app (Directory > Profile Editor): send that name to the operator who gave you \
         the client ID, or compare it with the one that you sent.",
    ),
    ..ClientProfile::GENERIC
};

const ENTRA: ClientProfile = ClientProfile {
    name: "entra",
    grant_types: &[GrantType::ClientCredentials],
    // It asks for a token before each cycle, every 20 to 40 minutes, and expects it to outlive the cycle.
    access_token_seconds: Some(3600),
    // A federated client asks for these, independently of the configured scopes (Microsoft's guide to workload identity federation for SCIM).
    scope_aliases: &[("scim", PROVISION), ("scim.readwrite", PROVISION)],
    ..ClientProfile::GENERIC
};

const ONELOGIN: ClientProfile = ClientProfile { name: "onelogin", grant_types: &[], ..ClientProfile::GENERIC };

const JUMPCLOUD: ClientProfile = ClientProfile { name: "jumpcloud", grant_types: &[], ..ClientProfile::GENERIC };

const PING: ClientProfile =
    ClientProfile { name: "ping", grant_types: &[GrantType::ClientCredentials], ..ClientProfile::GENERIC };

const STRICT: ClientProfile = ClientProfile { name: "strict", require_pkce: true, ..ClientProfile::GENERIC };

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 7] = [
        Profile::Okta,
        Profile::Entra,
        Profile::OneLogin,
        Profile::JumpCloud,
        Profile::Ping,
        Profile::Generic,
        Profile::Strict,
    ];

    /// What the authorization server has to know of it.
    pub fn of_clients(self) -> &'static ClientProfile {
        match self {
            Profile::Okta => &OKTA,
            Profile::Entra => &ENTRA,
            Profile::OneLogin => &ONELOGIN,
            Profile::JumpCloud => &JUMPCLOUD,
            Profile::Ping => &PING,
            Profile::Generic => &ClientProfile::GENERIC,
            Profile::Strict => &STRICT,
        }
    }

    /// As in the admin API.
    pub fn as_str(self) -> &'static str {
        self.of_clients().name
    }

    /// What people call it.
    pub fn words(self) -> &'static str {
        match self {
            Profile::Okta => "Okta",
            Profile::Entra => "Microsoft Entra ID",
            Profile::OneLogin => "OneLogin",
            Profile::JumpCloud => "JumpCloud",
            Profile::Ping => "Ping",
            Profile::Generic | Profile::Strict => "your identity provider",
        }
    }

    /// From the admin API.
    pub fn parse(text: &str) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.as_str() == text)
    }

    /// That of a client.
    pub fn of(client: &Client) -> Profile {
        Profile::parse(client.profile.name).unwrap_or(Profile::Generic)
    }
}

described_words!(Profile, Profile::ALL.map(Profile::as_str));
described_words!(GrantType, GrantType::ALL.map(GrantType::as_str));

/// The variable name of an app in Okta's Profile Editor, as in `mycompany_scimapp_1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppName(String);

impl AppName {
    /// The error says what would be right.
    pub fn parse(text: &str) -> Result<AppName, String> {
        let fits = (1..=100).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits {
            Ok(AppName(text.to_owned()))
        } else {
            Err("must be the Variable name from Okta's Profile Editor: letters, digits and underscores, as in acme_scim_1".to_owned())
        }
    }

    /// As registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where Okta receives codes for the app, in each of its cells ("Prepare your SCIM integration", developer.okta.com). The
    /// internal one is plain http, so it is left out unless the operator allows it.
    pub fn redirect_uris(&self, allow_internal_http: bool) -> Vec<RedirectUri> {
        let cells = [
            "https://system-admin.okta.com",
            "https://system-admin.okta-emea.com",
            "https://system-admin.oktapreview.com",
            "https://system-admin.trexcloud.com",
        ];
        let internal = allow_internal_http.then_some("http://system-admin.okta1.com:1802");
        cells
            .into_iter()
            .chain(internal)
            .map(|cell| RedirectUri::from_stored(format!("{cell}/admin/app/cpc/{}/oauth/callback", self.0)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn okta_has_four_cells_and_an_internal_one() {
        let app = AppName::parse("acme_scim_1").unwrap();
        assert_eq!(app.redirect_uris(false).len(), 4);
        let all = app.redirect_uris(true);
        assert_eq!(all[4].as_str(), "http://system-admin.okta1.com:1802/admin/app/cpc/acme_scim_1/oauth/callback");
        assert!(AppName::parse("a/b").is_err());
    }

    #[test]
    fn every_profile_is_read_back_by_its_name() {
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(profile.as_str()), Some(profile));
        }
        assert_eq!(Profile::parse("oktta"), None);
    }
}

//! Who may log in how: what an operator decides for an account. Kept with its options.

use serde::{Deserialize, Serialize};

use crate::domain::described::words;

/// Who may log in how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignIn {
    /// Who may use a password. `None` means all users; with a provider it means service accounts only.
    pub passwords: Option<Passwords>,
    /// Whether people who use a password need an authenticator app too.
    pub second_factor: SecondFactor,
    /// The OpenID provider that the account's people log in at.
    pub provider: Option<SignInProvider>,
    /// The SAML provider that the account's people log in at.
    pub saml: Option<SamlProvider>,
    /// Who may have people logged out, where it is another than the OpenID provider.
    pub signals: Option<SignalIssuer>,
}

/// An identity provider that may have an account's people logged out: what it signs with its keys counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalIssuer {
    /// Its issuer, as it writes it.
    pub issuer: String,
    /// Where its keys are; `None`: where its discovery document says.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// For whom its security events are, where that is not our endpoint.
    #[serde(default)]
    pub audience: Option<String>,
}

/// Who may use a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passwords {
    /// All users who have one.
    Everybody,
    /// Service accounts only: a person's password is refused.
    ServiceAccounts,
}

/// Whether people who use a password need an authenticator app too. Service accounts never do: no person carries their device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// Users who have set one up are asked for its code.
    #[default]
    Offered,
    /// Users who have none set one up before they go on.
    Required,
}

/// An account's OpenID provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInProvider {
    /// For people: "Continue with …".
    pub name: String,
    /// As its discovery document writes it.
    pub issuer: String,
    /// Our client ID there.
    pub client_id: String,
    /// How its people are found here the first time.
    pub match_by: MatchBy,
}

/// How a user of the provider is found among the account's users the first time. From then on `sub` finds them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchBy {
    /// `email`, if the provider says that it is verified, is their `userName` or one of their `emails`.
    #[default]
    VerifiedEmail,
    /// `email`, verified or not: for providers where only administrators can change it.
    Email,
    /// `preferred_username` is their `userName`.
    PreferredUsername,
    /// `sub` is their `externalId`.
    Subject,
}

/// An account's SAML provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlProvider {
    /// For people: "Continue with …".
    pub name: String,
    /// Its entity ID, as it writes it as the issuer.
    pub entity_id: String,
    /// Where it takes requests to log in.
    pub sso_url: String,
    /// What it signs with, in base64. Several count at once, so that it may change them.
    pub certificates: Vec<String>,
    /// The attribute that names a user; `None`: the NameID does.
    #[serde(default)]
    pub attribute: Option<String>,
    /// What that name is here.
    #[serde(default)]
    pub match_by: SamlMatch,
    /// Whether a user is made of a person who has none.
    #[serde(default)]
    pub create_users: bool,
    /// Whether people may come from the provider's own page.
    #[serde(default)]
    pub idp_initiated: bool,
    /// Whether signatures with SHA-1 count.
    #[serde(default)]
    pub sha1: bool,
    /// Whether requests name the addresses that all accounts share.
    #[serde(default)]
    pub shared_addresses: bool,
    /// Whether requests are signed.
    #[serde(default)]
    pub sign_requests: bool,
}

/// What the name that a SAML provider gives is here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamlMatch {
    /// The user's `userName`.
    #[default]
    UserName,
    /// The user's `userName`, or one of their `emails`.
    Email,
    /// The user's `externalId`.
    ExternalId,
}

words!(SamlMatch {
    SamlMatch::UserName = "user_name",
    SamlMatch::Email = "email",
    SamlMatch::ExternalId = "external_id",
});
words!(Passwords { Passwords::Everybody = "everybody", Passwords::ServiceAccounts = "service_accounts" });
words!(SecondFactor { SecondFactor::Offered = "offered", SecondFactor::Required = "required" });
words!(MatchBy {
    MatchBy::VerifiedEmail = "verified_email",
    MatchBy::Email = "email",
    MatchBy::PreferredUsername = "preferred_username",
    MatchBy::Subject = "subject",
});

impl SignIn {
    /// What people call the provider that they log in at, if there is one.
    pub fn provider_name(&self) -> Option<&str> {
        let openid = self.provider.as_ref().map(|provider| provider.name.as_str());
        openid.or_else(|| self.saml.as_ref().map(|saml| saml.name.as_str()))
    }

    /// Who may have people logged out: the issuer that an operator named, or else the OpenID provider.
    pub fn signal_issuer(&self) -> Option<SignalIssuer> {
        let of_provider = || {
            self.provider.as_ref().map(|known| SignalIssuer {
                issuer: known.issuer.clone(),
                jwks_uri: None,
                audience: None,
            })
        };
        self.signals.clone().or_else(of_provider)
    }

    /// Whether a user may log in with a password.
    pub fn allows_password(&self, service_account: bool) -> bool {
        let passwords = self.passwords.unwrap_or(match self.provider_name() {
            Some(_) => Passwords::ServiceAccounts,
            None => Passwords::Everybody,
        });
        service_account || passwords == Passwords::Everybody
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_provider_passwords_are_for_service_accounts_unless_an_operator_says_otherwise() {
        let provider = SignInProvider {
            name: "Acme".to_owned(),
            issuer: "https://id.acme.test".to_owned(),
            client_id: "gateway".to_owned(),
            match_by: MatchBy::default(),
        };
        let plain = SignIn::default();
        let upstream = SignIn { provider: Some(provider), ..SignIn::default() };
        let both = SignIn { passwords: Some(Passwords::Everybody), ..upstream.clone() };
        let none = SignIn { passwords: Some(Passwords::ServiceAccounts), ..SignIn::default() };
        for (sign_in, person) in [(&plain, true), (&upstream, false), (&both, true), (&none, false)] {
            assert_eq!(sign_in.allows_password(false), person);
            assert!(sign_in.allows_password(true));
        }
        let stored = serde_json::to_string(&both).unwrap();
        assert_eq!(serde_json::from_str::<SignIn>(&stored).unwrap(), both);
        assert_eq!(serde_json::from_str::<SignIn>("{}").unwrap(), plain);
    }

    #[test]
    fn who_may_have_people_logged_out_is_the_issuer_that_was_named_or_else_the_openid_provider() {
        let (name, issuer) = ("Acme".to_owned(), "https://id.acme.test".to_owned());
        let provider = SignInProvider { name, issuer, client_id: "gateway".to_owned(), match_by: MatchBy::default() };
        let mut sign_in = SignIn::default();
        assert_eq!(sign_in.signal_issuer(), None);
        sign_in.provider = Some(provider);
        assert_eq!(sign_in.signal_issuer().map(|of| of.issuer), Some("https://id.acme.test".to_owned()));
        let (issuer, jwks_uri) = ("https://acme.okta.test".to_owned(), Some("https://acme.okta.test/keys".to_owned()));
        let named = SignalIssuer { issuer, jwks_uri, audience: None };
        sign_in.signals = Some(named.clone());
        assert_eq!(sign_in.signal_issuer(), Some(named));
    }
}

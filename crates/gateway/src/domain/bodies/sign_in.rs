//! Who may log in how: as it is changed and answered.

use crate::domain::described::{Line, Patch, Required, answer, body, part};
use crate::domain::sign_in::{MatchBy, Passwords, SecondFactor};

body! {
    /// A change of who may log in how. What it leaves out stays.
    pub struct SignInChange {
        /// Who may use a password. `null` means all users; with an OpenID provider it means service accounts only.
        passwords: Patch<Passwords>,
        /// Whether users with a password need an authenticator app too; `null` for `offered`.
        second_factor: Patch<SecondFactor>,
        /// The OpenID provider that users log in at; `null` for none.
        provider: Patch<NewProvider>,
    }
    example {
        "second_factor": "required",
        "provider": {
            "name": "Okta", "issuer": "https://acme.okta.example", "client_id": "0oa1b2c3d4", "client_secret": "…",
            "match_by": "verified_email"
        }
    }
}

body! {
    /// An OpenID provider.
    pub struct NewProvider {
        /// What users read: “Continue with …”.
        name: Required<Line>,
        /// The issuer, as its discovery document writes it.
        issuer: Required<Line>,
        /// The gateway's client ID there.
        client_id: Required<Line>,
        /// The gateway's client secret there. It is never answered, and may be left out while the issuer stays.
        client_secret: Option<Line>,
        /// How a user is found here the first time; `verified_email` if nothing is said.
        match_by: Option<MatchBy>,
    }
    example {
        "name": "Okta", "issuer": "https://acme.okta.example", "client_id": "0oa1b2c3d4", "client_secret": "…",
        "match_by": "verified_email"
    }
}
part!(NewProvider);

answer! {
    /// Who may log in how.
    pub struct SignIn {
        /// Who may use a password.
        passwords: Passwords,
        /// Whether users with a password need an authenticator app too.
        second_factor: SecondFactor,
        /// The OpenID provider that users log in at.
        provider: Option<ServiceProvider>,
    }
    example {
        "passwords": "service_accounts", "second_factor": "required",
        "provider": {
            "name": "Okta", "issuer": "https://acme.okta.example", "client_id": "0oa1b2c3d4", "match_by": "verified_email",
            "redirect_uri": "https://gateway.example/login/callback"
        }
    }
}

answer! {
    /// An OpenID provider, without the secret.
    pub struct ServiceProvider {
        /// What users read: “Continue with …”.
        name: String,
        /// The issuer.
        issuer: String,
        /// The gateway's client ID there.
        client_id: String,
        /// How a user is found here the first time.
        match_by: MatchBy,
        /// What has to be registered there as the redirect URI.
        redirect_uri: String,
    }
    example {
        "name": "Okta", "issuer": "https://acme.okta.example", "client_id": "0oa1b2c3d4", "match_by": "verified_email",
        "redirect_uri": "https://gateway.example/login/callback"
    }
}

//! Who may log in how: as it is changed and answered.

use crate::domain::described::{Line, Patch, Required, Text, Texts, Time, answer, body, part};
use crate::domain::sign_in::{MatchBy, Passwords, SamlMatch, SecondFactor};

body! {
    /// A change of who may log in how. What it leaves out stays.
    pub struct SignInChange {
        /// Who may use a password. `null` means all users; with a provider it means service accounts only.
        passwords: Patch<Passwords>,
        /// Whether users with a password need an authenticator app too; `null` for `offered`.
        second_factor: Patch<SecondFactor>,
        /// The OpenID provider that users log in at; `null` for none.
        provider: Patch<NewProvider>,
        /// The SAML provider that users log in at; `null` for none.
        saml: Patch<NewSaml>,
        /// Who may have users logged out, where it is another than the OpenID provider: for an account whose users log in by SAML. `null` for none.
        signals: Patch<NewSignalIssuer>,
        /// Where the security events of that issuer are fetched, where it does not deliver them; `null` for nowhere.
        signal_poll: Patch<NewSignalPoll>,
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

body! {
    /// An identity provider that may have users logged out (Universal Logout).
    pub struct NewSignalIssuer {
        /// Its issuer, as it writes it in what it signs.
        issuer: Required<Line>,
        /// Where its keys are; left out, its discovery document says.
        jwks_uri: Option<Line>,
        /// The audience of its security events; left out, it has to be our endpoint.
        audience: Option<Line>,
    }
    example {
        "issuer": "https://acme.okta.example", "jwks_uri": "https://acme.okta.example/oauth2/v1/keys"
    }
}
part!(NewSignalIssuer);

body! {
    /// A transmitter of security events that is polled (RFC 8936).
    pub struct NewSignalPoll {
        /// Its poll endpoint, `endpoint_url` of the stream: an absolute `https` URL, which leads to no private, local or reserved address.
        endpoint: Required<Line>,
        /// The bearer token that it asks for. It is never answered, and stays if it is left out while the endpoint stays; `""` for none.
        token: Option<Line>,
    }
    example {"endpoint": "https://acme.okta.example/ssf/poll/7", "token": "…"}
}
part!(NewSignalPoll);

answer! {
    /// Who may log in how.
    pub struct SignIn {
        /// Who may use a password.
        passwords: Passwords,
        /// Whether users with a password need an authenticator app too.
        second_factor: SecondFactor,
        /// The OpenID provider that users log in at.
        provider: Option<ServiceProvider>,
        /// The SAML provider that users log in at.
        saml: Option<SamlSettings>,
        /// What a SAML provider has to be told.
        saml_addresses: SamlAddresses,
        /// Who may have users logged out, and where it asks for that.
        signals: SignalSettings,
    }
    example {
        "passwords": "service_accounts", "second_factor": "required",
        "provider": {
            "name": "Okta", "issuer": "https://acme.okta.example", "client_id": "0oa1b2c3d4", "match_by": "verified_email",
            "redirect_uri": "https://gateway.example/login/callback"
        },
        "saml": null,
        "saml_addresses": {
            "single_sign_on_url": "https://gateway.example/saml/0198a6b2/consume", "audience": "https://gateway.example/saml/0198a6b2",
            "name_id_format": "EmailAddress", "other_single_sign_on_url": "https://gateway.example/saml/consume",
            "shared_audience": "https://gateway.example/saml", "metadata_url": "https://gateway.example/saml/0198a6b2/metadata",
            "login_url": "https://gateway.example/saml/0198a6b2/login", "certificate_url": "https://gateway.example/saml/certificate"
        },
        "signals": {
            "issuer": "https://acme.okta.example", "jwks_uri": null, "audience": null,
            "events_endpoint": "https://gateway.example/signals/0198a6b2/events",
            "global_token_revocation_endpoint": "https://gateway.example/signals/0198a6b2/global-token-revocation", "poll": null
        }
    }
}

answer! {
    /// Who may have users logged out, and where it asks for that.
    pub struct SignalSettings {
        /// The issuer that counts: the one that was named, or else the OpenID provider; `null`: there is none, and every request is refused.
        issuer: Option<String>,
        /// Where its keys are; `null`: where its discovery document says.
        jwks_uri: Option<String>,
        /// The audience of its security events; `null`: our endpoint.
        audience: Option<String>,
        /// Where it delivers security events (Shared Signals, RFC 8935).
        events_endpoint: String,
        /// Where it asks for that; in Okta, Global token revocation endpoint or Logout endpoint URL.
        global_token_revocation_endpoint: String,
        /// Where its security events are fetched; `null`: they are not.
        poll: Option<SignalPollSettings>,
    }
    example {
        "issuer": "https://acme.okta.example", "jwks_uri": null, "audience": null,
        "events_endpoint": "https://gateway.example/signals/0198a6b2/events",
        "global_token_revocation_endpoint": "https://gateway.example/signals/0198a6b2/global-token-revocation",
        "poll": {"endpoint": "https://acme.okta.example/ssf/poll/7", "has_token": true}
    }
}

answer! {
    /// A transmitter of security events that is polled, without the token.
    pub struct SignalPollSettings {
        /// Its poll endpoint.
        endpoint: String,
        /// Whether a token is sent.
        has_token: bool,
    }
    example {"endpoint": "https://acme.okta.example/ssf/poll/7", "has_token": true}
}

answer! {
    /// How it goes to fetch the security events of an account.
    pub struct SignalPollStanding {
        /// The poll endpoint; `null`: nothing is fetched.
        endpoint: Option<String>,
        /// When it was answered last.
        last_answer: Option<Time>,
        /// When an event came last.
        last_event: Option<Time>,
        /// How often it failed since it went well,
        failures: i64,
        /// since when,
        failing_since: Option<Time>,
        /// and why the last time.
        problem: Option<String>,
        /// When it is polled next.
        next_poll: Option<Time>,
    }
    example {
        "endpoint": "https://acme.okta.example/ssf/poll/7", "last_answer": "2026-11-28T06:00:00.000Z", "last_event": "2026-11-28T05:00:00.000Z",
        "failures": 2, "failing_since": "2026-11-28T06:00:10.000Z", "problem": "it answered 503", "next_poll": "2026-11-28T06:00:41.000Z"
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

body! {
    /// A SAML provider: its metadata, where it is, or its entity ID, address and certificates. All of these may be left out while the
    /// provider stays.
    pub struct NewSaml {
        /// What users read: “Continue with …”.
        name: Required<Line>,
        /// Its metadata, as XML.
        metadata: Option<Text>,
        /// Where its metadata is. It is fetched once, now.
        metadata_url: Option<Line>,
        /// Its entity ID, which it writes as the issuer.
        entity_id: Option<Line>,
        /// Where it takes requests to log in, by redirect.
        sso_url: Option<Line>,
        /// What it signs with: certificates in PEM or base64. Several count at once, so that the provider may change them.
        certificates: Option<Texts>,
        /// The attribute that names a user; left out, the NameID does.
        attribute: Option<Line>,
        /// What that name is here; `user_name` if nothing is said.
        match_by: Option<SamlMatch>,
        /// Whether a user is made of a person who has none; `false` if nothing is said.
        create_users: Option<bool>,
        /// Whether people may come from the provider's own page; `false` if nothing is said.
        idp_initiated: Option<bool>,
        /// Whether signatures with SHA-1 count; `false` if nothing is said.
        sha1: Option<bool>,
        /// Whether requests name the addresses that all accounts share; `false` if nothing is said.
        shared_addresses: Option<bool>,
        /// Whether our requests are signed, with the certificate at `certificate_url`; `false` if nothing is said.
        sign_requests: Option<bool>,
    }
    example {
        "name": "Okta", "metadata_url": "https://acme.okta.example/app/exk1a2b3c4/sso/saml/metadata", "match_by": "user_name"
    }
}
part!(NewSaml);

answer! {
    /// A SAML provider.
    pub struct SamlSettings {
        /// What users read: “Continue with …”.
        name: String,
        /// Its entity ID.
        entity_id: String,
        /// Where it takes requests to log in.
        sso_url: String,
        /// What it signs with.
        certificates: Vec<SamlCertificate>,
        /// The attribute that names a user; `null`: the NameID does.
        attribute: Option<String>,
        /// What that name is here.
        match_by: SamlMatch,
        /// Whether a user is made of a person who has none.
        create_users: bool,
        /// Whether people may come from the provider's own page.
        idp_initiated: bool,
        /// Whether signatures with SHA-1 count.
        sha1: bool,
        /// Whether requests name the addresses that all accounts share.
        shared_addresses: bool,
        /// Whether our requests are signed.
        sign_requests: bool,
    }
    example {
        "name": "Okta", "entity_id": "http://www.okta.example/exk1a2b3c4", "sso_url": "https://acme.okta.example/app/exk1a2b3c4/sso/saml",
        "certificates": [{
            "sha256": "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9", "not_after": "2036-11-26T20:00:00.000Z"
        }],
        "attribute": null, "match_by": "user_name", "create_users": false, "idp_initiated": false, "sha1": false, "shared_addresses": false,
        "sign_requests": false
    }
}

answer! {
    /// A certificate. It counts until it is taken away, also after its end.
    pub struct SamlCertificate {
        /// The SHA-256 fingerprint, in hexadecimal digits.
        sha256: String,
        /// Until when it says that it is valid.
        not_after: Time,
    }
    example {
        "sha256": "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9", "not_after": "2036-11-26T20:00:00.000Z"
    }
}

answer! {
    /// What a SAML provider has to be told, as Okta's form calls it.
    pub struct SamlAddresses {
        /// The single sign-on URL, for Recipient and Destination too; elsewhere Reply URL or ACS URL.
        single_sign_on_url: String,
        /// The audience URI (SP entity ID); elsewhere Identifier.
        audience: String,
        /// The name ID format.
        name_id_format: &'static str,
        /// One more requestable SSO URL, which all accounts share.
        other_single_sign_on_url: String,
        /// The audience that goes with it.
        shared_audience: String,
        /// Where all this is told to providers that read metadata.
        metadata_url: String,
        /// Where people begin to log in; elsewhere Sign on URL.
        login_url: String,
        /// Where the certificate of our requests is, in PEM, once an account has them signed.
        certificate_url: String,
    }
    example {
        "single_sign_on_url": "https://gateway.example/saml/0198a6b2/consume", "audience": "https://gateway.example/saml/0198a6b2",
        "name_id_format": "EmailAddress", "other_single_sign_on_url": "https://gateway.example/saml/consume",
        "shared_audience": "https://gateway.example/saml", "metadata_url": "https://gateway.example/saml/0198a6b2/metadata",
        "login_url": "https://gateway.example/saml/0198a6b2/login", "certificate_url": "https://gateway.example/saml/certificate"
    }
}

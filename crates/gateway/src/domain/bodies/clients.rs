//! A client: as it is registered, changed and answered.

use oauth::GrantType;
use oauth::client::{ACCESS_TOKEN_SECONDS, AccessTokenFormat, AuthMethod, Connections, Federation, REFRESH_SECONDS};
use oauth::signing::SigningAlgorithm;
use serde_json::{Value, json};

use crate::domain::described::{
    Checked, Components, Described, Fixed, Flat, Name, Patch, Required, Sometimes, Text, Texts, Time, Whole, answer,
    body,
};
use crate::domain::profiles::Profile;
use crate::domain::scopes::ScopeName;

pub mod fields;
pub mod recording;
pub mod secrets;
pub mod sheet;
pub mod tokens;
pub mod tolerances;

use recording::ClientRecording;
use sheet::SetupSheet;
use tolerances::{ClientTolerances, Switches};

/// What a client may have as the lifetime of its access tokens, in seconds.
pub type AccessTokenSeconds = Whole<{ *ACCESS_TOKEN_SECONDS.start() }, { *ACCESS_TOKEN_SECONDS.end() }>;
/// What a client may have as a lifetime of its connections, in seconds.
pub type RefreshSeconds = Whole<{ *REFRESH_SECONDS.start() }, { *REFRESH_SECONDS.end() }>;
/// What an operator may set as a lifetime of secrets, in days: ten years at most.
pub type Days = Whole<1, 3660>;

body! {
    /// What may be said of a client when it is made, and later.
    pub struct ClientOptions {
        /// The app's variable name, for profile `okta`: its redirect URIs follow from it. `null` takes it away.
        okta_app_name: Patch<Text>,
        /// Where codes may be sent: https, or http on a loopback address.
        redirect_uris: Option<Texts>,
        /// Where browsers may be sent after logging out, to the letter.
        post_logout_redirect_uris: Option<Texts>,
        /// Where it is told that a session of its user ended (OpenID Connect Back-Channel Logout): https, or http on a loopback address; `null` for
        /// nowhere.
        backchannel_logout_uri: Patch<Text>,
        /// Whether it needs `sid` there; it is always sent.
        backchannel_logout_session_required: Option<bool>,
        /// How it may get tokens.
        grant_types: Option<Checked<Texts, Vec<GrantType>>>,
        /// What it may ask for. `profile`, `email`, `address` and `phone` open what the user has of it at `/userinfo`.
        scopes: Option<Checked<Texts, Vec<ScopeName>>>,
        /// What it gets when it asks for nothing in particular.
        default_scope: Option<Checked<Texts, Vec<ScopeName>>>,
        /// Whether PKCE is a must. For public clients it always is.
        require_pkce: Option<bool>,
        /// How access tokens look: `opaque`, or `jwt` (RFC 9068) for resource servers elsewhere.
        access_token_format: Option<Checked<Text, AccessTokenFormat>>,
        /// What signs its JWT access tokens.
        access_token_signing_alg: Option<Checked<Text, SigningAlgorithm>>,
        /// What signs its ID tokens.
        id_token_signed_response_alg: Option<Checked<Text, SigningAlgorithm>>,
        /// Resources elsewhere that it may name as `resource` (RFC 8707): at most eight absolute URIs without a fragment.
        resources: Option<Texts>,
        /// Resources elsewhere that it answers for: it may introspect (RFC 7662) the tokens of other clients that name one of them as `resource`, of its account or, without one, of every account.
        introspects: Option<Texts>,
        /// Whether it must push its authorization requests (RFC 9126).
        require_pushed_authorization_requests: Option<bool>,
        /// Whether its access tokens must be bound to a key (RFC 9449).
        dpop_bound_access_tokens: Option<bool>,
        /// How it proves who it is. `any` is a secret either way or an assertion; `private_key_jwt` is the default of a new client with keys;
        /// `none` is for public clients.
        token_endpoint_auth_method: Option<Checked<Text, AuthMethod>>,
        /// Its own public keys, each with a `kid` of its own; `null` takes them away.
        jwks: Patch<Checked<Value, JwkSet>>,
        /// Or where they are; `null` takes it away. It is tried out at once.
        jwks_uri: Patch<Text>,
        /// Who else vouches for it; `null` takes it away.
        federation: Patch<Checked<Value, Federation>>,
        /// How long a new secret counts; `null` for the installation's.
        secret_lifetime_days: Patch<Days>,
        /// How long its access tokens live; `null` for the installation's.
        access_token_seconds: Patch<AccessTokenSeconds>,
        /// After how long without use a connection is over; `null` for the installation's.
        refresh_idle_seconds: Patch<RefreshSeconds>,
        /// How long after it was accepted a connection is over; `null` for the installation's.
        refresh_absolute_seconds: Patch<RefreshSeconds>,
        /// What becomes of older connections when a newer one is first used: `replace` (the default, also by `null`) or `keep`.
        connections: Patch<Connections>,
        /// What it is forgiven, or not: each true, false, or `null` for what the profile says. What is not named stays.
        tolerances: Option<Switches>,
    }
    example {}
}

body! {
    /// A new client.
    pub struct NewClient {
        /// What users read when they are asked to accept access.
        name: Required<Name>,
        /// Which identity provider it is, whose defaults it gets; `generic` if nothing is said.
        profile: Option<Checked<Text, Profile>>,
        /// Whether it is public: it has no secret.
        public: Option<bool>,
        /// Everything else.
        options: Flat<ClientOptions>,
    }
    example {"name": "Okta", "profile": "okta", "okta_app_name": "acme_mediascim_1"}
}

body! {
    /// A change of a client. What it leaves out stays; the whole is checked again.
    pub struct ClientChange {
        /// What users read when they are asked to accept access.
        name: Option<Name>,
        /// Whether it may do nothing at present.
        disabled: Option<bool>,
        /// Everything else.
        options: Flat<ClientOptions>,
        /// It stays.
        profile: Fixed,
        /// It stays.
        public: Fixed,
    }
    example {"access_token_seconds": 600, "tolerances": {"boolean_strings": false, "manager_id": null}}
}

/// A JWK set (RFC 7517 §5).
#[derive(Debug, Clone, PartialEq)]
pub struct JwkSet;

impl Described for JwkSet {
    fn schema(_: &mut Components) -> Value {
        let keys = json!({"type": "array", "items": {"type": "object"}});
        json!({"type": "object", "properties": {"keys": keys}, "required": ["keys"]})
    }
}

impl Described for Federation {
    fn schema(components: &mut Components) -> Value {
        components.named("Federation", |_| {
            let fields = [
                ("issuer", "The `iss` of its assertions: `https://login.example/{tenant}/v2.0`.", true),
                ("subject", "The `sub` of its assertions: the workload.", true),
                ("audience", "The `aud` of its assertions: `api://{id}`.", true),
                ("jwks_uri", "Where the issuer's keys are, if its discovery document does not say so.", false),
            ];
            let mut object = crate::domain::described::Object::default();
            for (name, about, required) in fields {
                object.add(name, &[about], json!({"type": "string"}), required);
            }
            object.into_schema(
                &["Who else vouches for a client: its assertions count as the client's."],
                &Self::example(),
                true,
            )
        })
    }

    fn example() -> Value {
        json!({
            "issuer": "https://login.example/5b1c/v2.0", "subject": "9a3f", "audience": "api://AzureADTokenExchange",
        })
    }
}

answer! {
    /// A client, without its secrets.
    pub struct Client {
        /// Its id.
        client_id: String,
        /// What users read when they are asked to accept access.
        name: String,
        /// Which identity provider it is.
        profile: &'static str,
        /// The id of its account; `null` for a client that all share.
        account: Option<String>,
        /// The app's variable name, for profile `okta`.
        okta_app_name: Option<String>,
        /// Where codes may be sent.
        redirect_uris: Vec<String>,
        /// How it may get tokens.
        grant_types: Vec<&'static str>,
        /// What it may ask for.
        scopes: Vec<String>,
        /// What it gets when it asks for nothing in particular.
        default_scope: Vec<String>,
        /// Whether it is public: it has no secret.
        public: bool,
        /// Whether PKCE is a must.
        require_pkce: bool,
        /// How access tokens look.
        access_token_format: AccessTokenFormat,
        /// What signs its JWT access tokens.
        access_token_signing_alg: SigningAlgorithm,
        /// What signs its ID tokens.
        id_token_signed_response_alg: SigningAlgorithm,
        /// Resources elsewhere that it may name as `resource`.
        resources: Vec<String>,
        /// Resources elsewhere that it answers for: it may introspect other clients' tokens for them.
        introspects: Vec<String>,
        /// Whether it must push its authorization requests.
        require_pushed_authorization_requests: bool,
        /// Whether its access tokens must be bound to a key.
        dpop_bound_access_tokens: bool,
        /// Where browsers may be sent after logging out.
        post_logout_redirect_uris: Vec<String>,
        /// Where it is told that a session of its user ended.
        backchannel_logout_uri: Option<String>,
        /// Whether it needs `sid` there.
        backchannel_logout_session_required: bool,
        /// Whether it may do nothing at present.
        disabled: bool,
        /// How long its access tokens live; `null` for the installation's.
        access_token_seconds: Option<u64>,
        /// After how long without use a connection is over; `null` for the installation's.
        refresh_idle_seconds: Option<u64>,
        /// How long after it was accepted a connection is over; `null` for the installation's.
        refresh_absolute_seconds: Option<u64>,
        /// What holds of these three.
        lifetimes: ClientLifetimes,
        /// What becomes of older connections when a newer one is first used.
        connections: Connections,
        /// When it was made.
        created: Time,
        /// What it is forgiven.
        tolerances: ClientTolerances,
        /// How long a new secret counts; `null` for the installation's.
        secret_lifetime_days: Option<u32>,
        /// What is worth knowing at present: what runs out, what its provider needs, on whom its connections rest.
        warnings: Vec<String>,
        /// What to paste into the identity provider: what this client's provider asks for, and nothing else.
        sheet: SetupSheet,
        /// How it proves who it is.
        token_endpoint_auth_method: &'static str,
        /// Its own public keys.
        jwks: Option<Keys>,
        /// Or where they are.
        jwks_uri: Option<String>,
        /// Who else vouches for it.
        federation: Option<Federation>,
        /// That its requests are recorded in full at present: until when, and who said so.
        recording: Option<ClientRecording>,
    }
    example {
        "client_id": "0198c1d2e3f4", "name": "Okta", "profile": "okta", "account": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b",
        "okta_app_name": "acme_mediascim_1",
        "redirect_uris": ["https://system-admin.okta.com/admin/app/cpc/acme_mediascim_1/oauth/callback"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scopes": ["openid", "offline", "offline_access", "provision:scim"], "default_scope": ["offline", "provision:scim"],
        "public": false, "require_pkce": false, "access_token_format": "opaque", "access_token_signing_alg": "RS256",
        "id_token_signed_response_alg": "RS256", "resources": [], "introspects": [], "require_pushed_authorization_requests": false,
        "dpop_bound_access_tokens": false, "post_logout_redirect_uris": [],
        "backchannel_logout_uri": null, "backchannel_logout_session_required": false, "disabled": false, "access_token_seconds": null,
        "refresh_idle_seconds": null, "refresh_absolute_seconds": null,
        "lifetimes": {"access_token_seconds": 600, "refresh_idle_seconds": 7776000, "refresh_absolute_seconds": null},
        "connections": "replace", "created": "2026-11-23T20:00:00.000Z",
        "tolerances": {"on": ["boolean_strings"], "off": ["scim_1_urns", "manager_id"], "overridden": {}},
        "secret_lifetime_days": null, "warnings": [],
        "sheet": {
            "scim_base_url": "https://gateway.example/scim/v2", "unique_identifier_field": "userName",
            "token_url": "https://gateway.example/oauth2/token",
            "authorization_url": "https://gateway.example/oauth2/auth?scope=openid offline provision:scim",
            "authorization_url_encoded": "https://gateway.example/oauth2/auth?scope=openid%20offline%20provision%3Ascim",
            "client_id": "0198c1d2e3f4"
        },
        "token_endpoint_auth_method": "any", "jwks": null, "jwks_uri": null, "federation": null,
        "recording": {"until": "2026-11-23T21:00:00.000Z", "by": "cs"}
    }
}

/// A JWK set as it is answered.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(transparent)]
pub struct Keys(pub Value);

impl Described for Keys {
    fn schema(components: &mut Components) -> Value {
        JwkSet::schema(components)
    }
}

answer! {
    /// What holds of a client's lifetimes.
    pub struct ClientLifetimes {
        /// How long its access tokens live.
        access_token_seconds: u64,
        /// After how long without use a connection is over.
        refresh_idle_seconds: u64,
        /// How long after it was accepted a connection is over; `null` for never.
        refresh_absolute_seconds: Option<u64>,
    }
    example {"access_token_seconds": 600, "refresh_idle_seconds": 7776000, "refresh_absolute_seconds": null}
}

answer! {
    /// What is shown once, of a client that authenticates by a secret.
    pub struct FirstSecret {
        /// The secret. It is shown this once.
        client_secret: Sometimes<String>,
        /// When it stops counting; `null` for never.
        client_secret_expires: Sometimes<Option<Time>>,
    }
    example {"client_secret": "gws_…", "client_secret_expires": null}
}

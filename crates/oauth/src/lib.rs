//! An OAuth 2.0 and OpenID Connect authorization server, as plain functions over values and a small storage port.
//!
//! Nothing here asks the machine for anything: time, entropy and keys come in a [`Context`], what has to be kept goes through a
//! [`Store`]. A tour, in the order of the flow:
//!
//! | step | where |
//! |---|---|
//! | an operator registers a client | [`client::Registration`] |
//! | a browser brings an authorization request | [`authorize::authorize`] |
//! | the resource owner accepts or denies | [`consent`] |
//! | or the client pushes it first | [`par`] |
//! | the client exchanges the code, refreshes, or uses its own credentials | [`token::exchange`] |
//! | a protected resource checks the access token | [`bearer::check`] |
//! | and notes the first use of what was issued | [`delivery`] |
//! | the user logs out, sent by the client | [`logout`] |
//! | the client introspects or revokes | [`introspect`], [`revoke`] |
//! | an identity provider tells that something has to end | [`provider_token`] |
//! | clients read the metadata | [`metadata`] |
//!
//! ```
//! use oauth::{Context, Keyring, Settings, store::memory::MemoryStore, token};
//!
//! let mut store = MemoryStore::default();
//! let (keys, settings) = (Keyring::new(&[7; 32]), Settings::default());
//! let (now, published, needs) = (0, &[][..], Default::default());
//! let mut cx = Context { now, entropy: &mut |bytes| bytes.fill(1), keys: &keys, settings: &settings, published, needs };
//! let form = [("grant_type", "client_credentials"), ("client_id", "unknown"), ("client_secret", "x")];
//! let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
//! let request = token::TokenRequest::parse(None, &[], &form).unwrap();
//! let refused = token::exchange(&mut store, &mut cx, &request).unwrap().err().unwrap();
//! assert_eq!(refused.error().wire(), (401, "invalid_client"));
//! ```

pub mod authentication;
pub mod authorize;
pub mod client;
mod client_auth;
mod client_id;
pub mod codes;
pub mod constraints;
pub mod context;
pub mod error;
pub mod event;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod grant;
pub mod jose;
pub mod metadata;
pub mod pkce;
pub mod protected_resource;
pub mod provider_token;
pub mod scope;
pub mod secret;
pub mod security_event;
pub mod signing;
pub mod static_token;
pub mod store;
#[cfg(any(test, fuzzing))]
mod testing;
pub mod token;
pub mod token_id;
pub mod tolerance;

pub use authentication::{Authentication, Login};
pub use authorize::par;
pub use authorize::{consent, id_token_hint, logout};
pub use client::{Client, ClientId, ClientProfile, ClientSecret, GrantType, RedirectUri};
pub use client_auth::assertion;
pub use codes::{Place, RefusalCode};
pub use constraints::{Resource, Thumbprint, TokenConstraints};
pub use context::{Context, Settings};
pub use error::{ErrorCode, InvalidToken, TokenError, TokenRefusal, Verdict};
pub use event::Event;
pub use grant::{Delivery, EndReason, Grant, GrantId, GrantState, NewGrant, Subject};
pub use pkce::Challenge;
pub use protected_resource::ProtectedResource;
pub use scope::{ScopeDefinition, Scopes};
pub use secret::{Fingerprint, Keyring, Prefix, generated};
pub use static_token::StaticToken;
pub use store::{Answer, Code, RefreshToken, Store, StoreError, TokenStatus};
pub use token::bearer::{Access, BearerError, BearerRequest, Use};
pub use token::{bearer, delivery, dpop, introspect, revoke};
pub use token_id::TokenId;
pub use tolerance::{Tolerance, Tolerances};

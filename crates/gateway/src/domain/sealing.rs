//! What values are sealed for under a master key: what was sealed for one purpose opens for no other.

/// The root key of an installation. The name says that this installation has noted the head of its audit trail from its beginning on.
pub const ROOT_KEY: &str = "root key, audit head noted";
/// The private part of a signing key.
pub const SIGNING_KEY: &str = "signing key";
/// The shared secret of an authenticator app.
pub const TOTP_SECRET: &str = "authenticator app";
/// A request that was recorded in full.
pub const RECORDING: &str = "recorded request";
/// Our client secret at an account's OpenID provider.
pub const SIGN_IN_SECRET: &str = "client secret at an OpenID provider";
/// The token with which an account's security events are fetched.
pub const SIGNAL_POLL_TOKEN: &str = "token at a transmitter of security events";
/// The key that signs requests to SAML providers.
pub const SAML_REQUEST_KEY: &str = "key of requests to SAML providers";
/// What is sent as `Authorization` to the receiver of a stream of security event tokens.
pub const STREAM_AUTHORIZATION: &str = "authorization of an event stream";
/// The name that was typed by a user who forgot their password.
pub const FORGOTTEN_PASSWORD: &str = "name of a forgotten password";
/// A link that an operator has mailed: between the page that shows it and the form, and the letter until the relay took it.
pub const LETTER: &str = "letter with a link";
/// What requests to a receiver of the feed are signed or authenticated with.
pub const RECEIVER_SECRET: &str = "secret of a receiver";

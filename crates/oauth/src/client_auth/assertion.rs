//! Client assertions (RFC 7521 §4.2): a signed JWT in place of a secret. It is signed by the client itself (`private_key_jwt`,
//! OpenID Connect Core §9, RFC 7523 §3), or by an issuer that the operator trusts to vouch for it (workload identity federation).
//!
//! The client's keys may be elsewhere, and nothing here fetches: a request says which keys it [wants](ClientCredentials::keys_wanted),
//! the caller fetches them outside any unit of work, and [supplies](ClientCredentials::supply) them. The client is read
//! again when the request is answered, so fetched keys are used only if the client still refers to their address.

use std::sync::Arc;

pub use super::{ClientCredentials, Credentials};
use crate::client::{AuthMethod, Client, ClientKeys};
use crate::context::Context;
use crate::error::{TokenError, TokenRefusal};
use crate::jose::{Claims, JoseError, Jwks, Jws};

/// The only `client_assertion_type` (RFC 7523 §2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// By so much may clocks differ, in seconds.
const LEEWAY_S: u32 = 30;
/// A client makes an assertion when it needs one, so it has no need to make it last, in seconds.
const MAX_AHEAD_S: u32 = 600;
/// An issuer's tokens live as long as the issuer likes: an hour with most, a day with some.
const MAX_AHEAD_FEDERATED_S: u32 = 86_400;

/// JWTs of other kinds, by their `typ`.
const OTHERS: [&str; 3] = ["global-token-revocation+jwt", "secevent+jwt", "logout+jwt"];

/// Where keys are that we do not have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// A JWK set at this address.
    JwksUri(String),
    /// Where the discovery document of this issuer says (OpenID Connect Discovery §4).
    Issuer(String),
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supply {
    /// The keys.
    Keys(Arc<Jwks>),
    /// None, for a reason that an administrator can read; plain ASCII without quotes.
    Failed(String),
}

/// An assertion of which nothing is believed yet, but that it is a JWS with an algorithm of ours.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Assertion {
    text: String,
    issuer: String,
    subject: String,
    claims: Claims,
    kid: Option<String>,
    supplied: Option<(KeySource, Supply)>,
}

/// Whose keys an assertion has to be signed with.
enum Voucher<'c> {
    Registered(&'c Jwks),
    Source(KeySource),
}

/// A client assertion that may be used once: its name, and until when that has to be remembered.
pub(crate) struct Single {
    pub(crate) id: [u8; 32],
    pub(crate) expires: i64,
}

fn refused(why: impl std::fmt::Display) -> TokenError {
    TokenRefusal::AssertionInvalid { why: why.to_string() }.into()
}

impl Assertion {
    pub(crate) fn parse(text: &str) -> Result<Assertion, TokenError> {
        let jws = Jws::parse(text).map_err(refused)?;
        // An issuer that vouches for clients may sign other things with the same keys, which say what they are (RFC 8725 §3.11).
        if let Some(typ) = OTHERS.into_iter().find(|typ| jws.is_typed(typ)) {
            return Err(refused(format_args!("its typ is {typ}, which is no client assertion")));
        }
        let claims = jws.unverified_claims().map_err(refused)?;
        let (Some(issuer), Some(subject)) = (claims.issuer(), claims.subject()) else {
            return Err(refused("it needs iss and sub"));
        };
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        Ok(Assertion {
            issuer,
            subject,
            kid: jws.kid().map(str::to_owned),
            text: text.to_owned(),
            claims,
            supplied: None,
        })
    }

    /// The client of the same name, if it vouches for itself.
    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    /// The keys of elsewhere that it has to be signed with and their `kid`, unless its claims alone are reason to refuse it.
    pub(super) fn keys_wanted(&self, cx: &Context<'_>, client: &Client) -> Option<(KeySource, Option<String>)> {
        let source = match self.vouched_by(client) {
            Some(Voucher::Source(source)) => source,
            _ => return None,
        };
        self.check_claims(cx, client).is_ok().then(|| (source, self.kid.clone()))
    }

    pub(super) fn supply(&mut self, source: KeySource, supply: Supply) {
        self.supplied = Some((source, supply));
    }

    fn is_own(&self, client: &Client) -> bool {
        self.issuer == client.id.as_str()
    }

    fn vouched_by<'c>(&self, client: &'c Client) -> Option<Voucher<'c>> {
        let authentication = &client.options.authentication;
        if self.is_own(client) {
            return Some(match authentication.keys.as_ref()? {
                ClientKeys::Jwks(set) => Voucher::Registered(set),
                ClientKeys::JwksUri(uri) => Voucher::Source(KeySource::JwksUri(uri.clone())),
            });
        }
        let federation = authentication.federation.as_ref().filter(|federation| federation.issuer == self.issuer)?;
        Some(Voucher::Source(match &federation.jwks_uri {
            Some(uri) => KeySource::JwksUri(uri.clone()),
            None => KeySource::Issuer(federation.issuer.clone()),
        }))
    }

    /// Checks everything but whether it was used before: that is for the store, and only if there is something to remember.
    pub(crate) fn verify(&self, cx: &Context<'_>, client: &Client) -> Result<Option<Single>, TokenError> {
        let method = client.options.authentication.method;
        if !matches!(method, AuthMethod::Any | AuthMethod::PrivateKeyJwt) {
            return Err(refused(format_args!("this client authenticates by {} only", method.as_str())));
        }
        let Some(voucher) = self.vouched_by(client) else {
            return Err(refused(
                "no keys are registered for its iss: neither the client's own, nor those of a federation",
            ));
        };
        // The claims are checked first, without verifying a signature.
        let single = self.check_claims(cx, client)?;
        let keys = match (&voucher, &self.supplied) {
            (Voucher::Registered(set), _) => *set,
            (Voucher::Source(wanted), Some((source, supply))) if source == wanted => match supply {
                Supply::Keys(set) => set,
                Supply::Failed(why) => {
                    return Err(TokenRefusal::AssertionKeysUnavailable { why: why.clone() }.into());
                }
            },
            (Voucher::Source(_), _) => return Err(refused("its keys were replaced at this very moment; try again")),
        };
        let living = keys.named(self.kid.as_deref()).filter(|key| key.lives(cx.now));
        let signed = Jws::parse(&self.text).and_then(|jws| jws.verified_by(living));
        if signed.map_err(refused)? == self.claims { Ok(single) } else { Err(refused(JoseError::Signature)) }
    }

    fn check_claims(&self, cx: &Context<'_>, client: &Client) -> Result<Option<Single>, TokenError> {
        let claims = &self.claims;
        if self.is_own(client) { self.by_itself(cx, client, claims) } else { self.by_federation(cx, client, claims) }
    }

    /// RFC 7523 §3.
    fn by_itself(&self, cx: &Context<'_>, client: &Client, claims: &Claims) -> Result<Option<Single>, TokenError> {
        if self.subject != client.id.as_str() {
            return Err(refused("its iss and sub must both be the client ID"));
        }
        let ours = |audience: &str| {
            audience.strip_prefix(cx.settings.issuer.as_str()).is_some_and(|path| matches!(path, "" | "/oauth2/token"))
        };
        if !claims.audience().into_iter().any(ours) {
            return Err(refused(format_args!(
                "its aud must be {issuer} or {issuer}/oauth2/token",
                issuer = cx.settings.issuer
            )));
        }
        claims.check_times(cx.now, LEEWAY_S, Some(MAX_AHEAD_S)).map_err(refused)?;
        let (Some(id), Some(expires)) = (claims.id().filter(|id| !id.is_empty()), claims.expires()) else {
            return Err(refused("it needs a jti, for it counts once"));
        };
        // One client cannot use up another's names.
        let named = format!("{}\n{id}", client.id);
        let id = cx.keys.tag("client assertion", named.as_bytes());
        Ok(Some(Single { id, expires: expires.saturating_add(i64::from(LEEWAY_S) * 1000) }))
    }

    /// The issuer presents one token until it expires, and gives it no `jti`, so it may be used repeatedly.
    fn by_federation(&self, cx: &Context<'_>, client: &Client, claims: &Claims) -> Result<Option<Single>, TokenError> {
        let Some(federation) = &client.options.authentication.federation else { return Err(refused(JoseError::NoKey)) };
        if self.subject != federation.subject {
            return Err(refused("its sub is not the subject that was registered for this client"));
        }
        if !claims.audience().into_iter().any(|audience| federation.is_meant(audience)) {
            return Err(refused("its aud is not the audience that was registered for this client"));
        }
        claims.check_times(cx.now, LEEWAY_S, Some(MAX_AHEAD_FEDERATED_S)).map_err(refused)?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests;

//! Logging in at an external OpenID provider, as its relying party (OpenID Connect Core §3.1): the provider of an account for
//! its people, the vendor's own for operators.
//!
//! Authorization code flow with PKCE, `state` and `nonce`; the ID token is verified against the provider's keys, however it got
//! here (§3.1.3.7). What a provider says is trusted for the users it was configured for, and no others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use oauth::Authentication;
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthenticationContextClass, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    IssuerUrl, LoginHint, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    TokenResponse,
};
use serde::{Deserialize, Serialize};

mod plain_amr;

use crate::platform::clock::Clock;
use crate::platform::secret_text::SecretText;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;

/// How long a provider's metadata and keys are believed, in milliseconds. A token signed by a newer key makes us look again.
const FRESH: i64 = 10 * 60 * 1000;
/// How many providers' metadata are remembered.
const REMEMBERED: usize = 1000;

/// What the symmetric and the missing algorithms are not among.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A provider, and who we are to it.
#[derive(Debug, Clone)]
pub struct OpenIdProvider {
    /// Its issuer, as it writes it.
    pub issuer: String,
    /// Our client ID there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: SecretText,
    /// Where it sends people back to.
    pub redirect_uri: String,
}

/// What has to be kept while the user is at the provider.
#[derive(Serialize, Deserialize)]
#[allow(missing_debug_implementations)] // holds the verifier
pub struct Pending {
    nonce: String,
    verifier: String,
}

/// What is asked of the provider beyond the user's identity.
#[derive(Debug, Clone, Default)]
pub struct AuthRequestOptions {
    /// Whom we expect.
    pub login_hint: Option<String>,
    /// That they log in there again.
    pub login: bool,
    /// That they log in there again if they did so longer ago, in seconds.
    pub max_age: Option<u64>,
    /// The classes of authentication that are wished for, the best first.
    pub acr_values: Vec<String>,
}

/// A user as the provider identifies them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `sub`: the provider never reassigns it (Core §2).
    pub subject: String,
    /// Their address, and whether the provider has made sure that it is theirs.
    pub email: Option<(String, bool)>,
    /// What they are called there, which may change.
    pub preferred_username: Option<String>,
    /// When they proved who they are, in milliseconds since the epoch, where the provider says.
    pub auth_time: Option<Timestamp>,
    /// How, where the provider says: its `acr` and `amr`.
    pub how: Authentication,
}

/// Why a log-in did not succeed; for the log, and in short for the page.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It cannot be asked.
    #[error("{issuer} could not be reached, or its metadata is not an OpenID provider's: {why}")]
    Unreachable {
        /// Whom.
        issuer: String,
        /// What went wrong.
        why: String,
    },
    /// It did not exchange the code.
    #[error("{issuer} did not exchange the code: {why}")]
    Exchange {
        /// Who.
        issuer: String,
        /// What went wrong.
        why: String,
    },
    /// It answered with what cannot be believed.
    #[error("what {issuer} answered cannot be believed: {why}")]
    InvalidResponse {
        /// Who.
        issuer: String,
        /// What is wrong with it.
        why: String,
    },
}

impl UpstreamError {
    /// What a person is told; the rest is for the log.
    pub fn for_people(&self) -> &'static str {
        match self {
            UpstreamError::Unreachable { .. } => {
                "Your OpenID provider cannot be reached at the moment, or its address here is wrong. Try again; if it persists, tell the \
                 operator of this service."
            }
            UpstreamError::Exchange { .. } => {
                "Your OpenID provider did not confirm who you are. Try again; if it persists, the client ID or secret configured here is wrong."
            }
            UpstreamError::InvalidResponse { .. } => {
                "What your OpenID provider answered could not be verified. Tell the operator of this service."
            }
        }
    }
}

/// The metadata of providers, as they were asked last.
#[derive(Debug)]
pub struct ProviderMetadataCache {
    clock: Clock,
    known: Mutex<HashMap<String, (Timestamp, CoreProviderMetadata)>>,
}

impl ProviderMetadataCache {
    /// Knows nothing yet.
    pub fn new(clock: Clock) -> ProviderMetadataCache {
        ProviderMetadataCache { clock, known: Mutex::default() }
    }

    async fn metadata<S>(&self, issuer: &str, fresh: bool, send: &S) -> Result<CoreProviderMetadata, UpstreamError>
    where
        S: for<'c> AsyncHttpClient<'c>,
    {
        let now = self.clock.now();
        let known = |this: &Self| {
            let known = this.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(issuer).filter(|(asked, _)| now - *asked < FRESH).map(|(_, metadata)| metadata.clone())
        };
        if let Some(metadata) = known(self).filter(|_| !fresh) {
            return Ok(metadata);
        }
        let unreachable = |why: String| UpstreamError::Unreachable { issuer: issuer.to_owned(), why };
        let url = IssuerUrl::new(issuer.to_owned()).map_err(|e| unreachable(e.to_string()))?;
        let metadata = CoreProviderMetadata::discover_async(url, send).await.map_err(|e| unreachable(causes(&e)))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(issuer.to_owned(), (now, metadata.clone()));
        Ok(metadata)
    }

    /// Where to send the browser, and what to keep until it is back with `state`.
    pub async fn begin<S>(
        &self,
        provider: &OpenIdProvider,
        wish: AuthRequestOptions,
        state: String,
        send: &S,
    ) -> Result<(String, Pending), UpstreamError>
    where
        S: for<'c> AsyncHttpClient<'c>,
    {
        let metadata = self.metadata(&provider.issuer, false, send).await?;
        let pending = Pending { nonce: random(), verifier: random() };
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(pending.verifier.clone()));
        let (state, nonce) = (CsrfToken::new(state), Nonce::new(pending.nonce.clone()));
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(provider.client_id.clone()), None)
            .set_redirect_uri(provider.redirect_url()?);
        let mut asked = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge);
        if let Some(hint) = wish.login_hint {
            asked = asked.set_login_hint(LoginHint::new(hint));
        }
        if wish.login {
            asked = asked.add_prompt(CoreAuthPrompt::Login);
        }
        if let Some(seconds) = wish.max_age {
            asked = asked.set_max_age(Duration::from_secs(seconds));
        }
        for class in wish.acr_values {
            asked = asked.add_auth_context_value(AuthenticationContextClass::new(class));
        }
        let (url, _, _) = asked.url();
        Ok((url.to_string(), pending))
    }

    /// Exchanges the code that came back, and says who it is.
    pub async fn finish<S>(
        &self,
        provider: &OpenIdProvider,
        pending: &Pending,
        code: &str,
        send: &S,
    ) -> Result<Identity, UpstreamError>
    where
        S: for<'c> AsyncHttpClient<'c>,
    {
        let issuer = || provider.issuer.clone();
        let unbelievable = |why: String| UpstreamError::InvalidResponse { issuer: issuer(), why };
        let failed = |why: String| UpstreamError::Exchange { issuer: issuer(), why };
        let metadata = self.metadata(&provider.issuer, false, send).await?;
        let client_of = |metadata: CoreProviderMetadata| -> Result<_, UpstreamError> {
            let secret = ClientSecret::new(provider.client_secret.reveal().to_owned());
            let id = ClientId::new(provider.client_id.clone());
            Ok(CoreClient::from_provider_metadata(metadata, id, Some(secret))
                .set_redirect_uri(provider.redirect_url()?))
        };
        let keys = metadata.jwks().clone();
        let client = client_of(metadata)?;
        let plain = Mutex::new(None);
        let reading = |request| {
            let (answer, plain) = (send.call(request), &plain);
            async move { answer.await.map(|response| plain_amr::take(response, plain)) }
        };
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|e| failed(e.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&reading)
            .await
            .map_err(|e| failed(causes(&e)))?;
        let plain: Option<String> = plain.lock().unwrap_or_else(PoisonError::into_inner).take();
        let nonce = Nonce::new(pending.nonce.clone());
        let now = || DateTime::from_timestamp_millis(self.clock.now().millis()).unwrap_or_default();
        let read = |client: &CoreClient<_, _, _, _, _, _>,
                    keys: &CoreJsonWebKeySet|
         -> Result<CoreIdTokenClaims, String> {
            if let Some(token) = &plain {
                let (issuer, client_id) = (&provider.issuer, &provider.client_id);
                let expected = plain_amr::Expected { issuer, client_id, nonce: &pending.nonce, now: self.clock.now() };
                return plain_amr::verified(token, keys, expected);
            }
            let token = tokens.id_token().ok_or("there is no ID token")?;
            let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS).set_time_fn(now);
            let claims = token.claims(&verifier, &nonce).map_err(|e| causes(&e))?;
            if let Some(expected) = claims.access_token_hash() {
                let algorithm = token.signing_alg().map_err(|e| e.to_string())?;
                let key = token.signing_key(&verifier).map_err(|e| e.to_string())?;
                let actual =
                    AccessTokenHash::from_token(tokens.access_token(), algorithm, key).map_err(|e| e.to_string())?;
                if actual != *expected {
                    return Err("at_hash is not that of the access token".to_owned());
                }
            }
            Ok(claims.clone())
        };
        let claims = match read(&client, &keys) {
            Ok(claims) => claims,
            // Signed by a key that is newer than what we know, perhaps.
            Err(_) => {
                let newer = self.metadata(&provider.issuer, true, send).await?;
                let keys = newer.jwks().clone();
                read(&client_of(newer)?, &keys).map_err(unbelievable)?
            }
        };
        let mut identity = Identity {
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| (email.to_string(), claims.email_verified() == Some(true))),
            preferred_username: claims.preferred_username().map(|name| name.to_string()),
            auth_time: claims.auth_time().map(|time| Timestamp::of_millis(time.timestamp_millis())),
            how: Authentication::told(
                claims.auth_context_ref().map(|class| class.as_str()),
                claims.auth_method_refs().into_iter().flatten().map(|method| method.as_str()),
            ),
        };
        // Some say no more in an ID token than they must.
        if identity.email.is_none() && identity.preferred_username.is_none() && client.user_info_url().is_some() {
            let asked = client
                .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
                .map_err(|e| failed(e.to_string()))?;
            let told: CoreUserInfoClaims = asked.request_async(send).await.map_err(|e| unbelievable(causes(&e)))?;
            identity.email = told.email().map(|email| (email.to_string(), told.email_verified() == Some(true)));
            identity.preferred_username = told.preferred_username().map(|name| name.to_string());
        }
        Ok(identity)
    }
}

impl OpenIdProvider {
    fn redirect_url(&self) -> Result<RedirectUrl, UpstreamError> {
        RedirectUrl::new(self.redirect_uri.clone())
            .map_err(|e| UpstreamError::Unreachable { issuer: self.issuer.clone(), why: e.to_string() })
    }
}

/// 256 random bits, in the letters that a `state`, a `nonce` and a verifier (RFC 7636 §4.1) may have.
pub(crate) fn random() -> String {
    let mut bytes = [0; 32];
    system::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An error with all that led to it, for the log.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.chars().take(400).collect()
}

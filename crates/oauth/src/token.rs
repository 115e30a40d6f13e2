//! The token endpoint (RFC 6749 §3.2).

use serde_json::Value;

use crate::access_token::AccessToken;
use crate::client::GrantType;
use crate::client_auth::{Credentials, Posted, authenticate};
use crate::context::Context;
use crate::error::{ErrorCode, TokenError, Verdict};
use crate::grant::{Grant, GrantId};
use crate::scope::Scopes;
use crate::store::{Store, StoreError};

mod authorization_code;
mod client_credentials;
mod refresh_token;

/// A request that is understood; nothing of it is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    credentials: Credentials,
    ask: Ask,
    scope: Option<Scopes>,
}

#[derive(Clone, PartialEq, Eq)]
enum Ask {
    Code { code: String, redirect_uri: Option<String>, verifier: Option<String> },
    Refresh { token: String },
    ClientCredentials,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Ask::Code { .. } => "Code",
            Ask::Refresh { .. } => "Refresh",
            Ask::ClientCredentials => "ClientCredentials",
        })
    }
}

/// What is issued (§5.1).
#[derive(Clone)]
#[allow(missing_debug_implementations)] // holds tokens
pub struct TokenResponse {
    /// Sealed around the grant.
    pub access_token: String,
    /// Seconds.
    pub expires_in: u64,
    /// What the access token opens.
    pub scope: Scopes,
    /// For later.
    pub refresh_token: Option<String>,
    /// The claims of an ID token, to be signed.
    pub id_token: Option<Value>,
    /// The grant behind it.
    pub grant: GrantId,
}

const PARAMETERS: [&str; 8] =
    ["grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "client_id", "client_secret", "scope"];

impl TokenRequest {
    /// Reads a request: the `Authorization` header, the URL's query and the body. Of the query only `scope` counts, for Okta has
    /// no field for it but the URL.
    pub fn parse(
        authorization: Option<&str>,
        query: &[(String, String)],
        form: &[(String, String)],
    ) -> Result<TokenRequest, TokenError> {
        let posted = Posted { authorization, query, form };
        posted.check(&PARAMETERS)?;
        let credentials = posted.credentials()?;
        let need = |name: &str| {
            posted.get(name).map(str::to_owned).ok_or_else(|| TokenError::invalid_request(format!("{name} is missing")))
        };
        let ask = match posted.get("grant_type") {
            Some("authorization_code") => Ask::Code {
                code: need("code")?,
                redirect_uri: posted.get("redirect_uri").map(str::to_owned),
                verifier: posted.get("code_verifier").map(str::to_owned),
            },
            Some("refresh_token") => Ask::Refresh { token: need("refresh_token")? },
            Some("client_credentials") => Ask::ClientCredentials,
            Some(_) => {
                return Err(TokenError::new(
                    ErrorCode::UnsupportedGrantType,
                    "grant_type must be authorization_code, refresh_token or client_credentials",
                ));
            }
            None => return Err(TokenError::invalid_request("grant_type is missing")),
        };
        Ok(TokenRequest { credentials, ask, scope: scope(&posted)? })
    }

    /// Whether it can be answered without writing anything, as a rule.
    pub fn may_only_read(&self) -> bool {
        self.ask == Ask::ClientCredentials
    }
}

/// `scope` from the body or from the URL; in both it must be the same.
fn scope(posted: &Posted<'_>) -> Result<Option<Scopes>, TokenError> {
    let in_url: Vec<&str> =
        posted.query.iter().filter(|(n, v)| n == "scope" && !v.is_empty()).map(|(_, v)| v.as_str()).collect();
    let text = match (posted.get("scope"), in_url.as_slice()) {
        (None, []) => return Ok(None),
        (Some(text), []) | (None, &[text]) => text,
        (Some(text), &[other]) if text == other => text,
        _ => {
            return Err(TokenError::invalid_request(
                "scope is sent more than once: in the URL and in the body, or twice",
            ));
        }
    };
    let scope = Scopes::parse(text)
        .ok_or_else(|| TokenError::new(ErrorCode::InvalidScope, "the scope has characters that no scope has"))?;
    Ok(Some(scope).filter(|scope| !scope.is_empty()))
}

/// Answers a request; may write.
pub fn exchange(store: &mut dyn Store, cx: &mut Context<'_>, request: &TokenRequest) -> Verdict<TokenResponse> {
    let client = match authenticate(store, cx, &request.credentials)? {
        Ok(client) => client,
        Err(refused) => return Ok(Err(refused)),
    };
    let grant_type = match &request.ask {
        Ask::Code { .. } => GrantType::AuthorizationCode,
        Ask::Refresh { .. } => GrantType::RefreshToken,
        Ask::ClientCredentials => GrantType::ClientCredentials,
    };
    if !client.may(grant_type) {
        let description = format!("this client may not use the grant type {}", grant_type.as_str());
        return Ok(Err(TokenError::new(ErrorCode::UnauthorizedClient, description)));
    }
    match &request.ask {
        Ask::Code { code, redirect_uri, verifier } => {
            let proof =
                authorization_code::Proof { redirect_uri: redirect_uri.as_deref(), verifier: verifier.as_deref() };
            authorization_code::exchange(store, cx, &client, code, &proof)
        }
        Ask::Refresh { token } => refresh_token::exchange(store, cx, &client, token, request.scope.as_ref()),
        Ask::ClientCredentials => client_credentials::exchange(store, cx, &client, request.scope.as_ref()),
    }
}

/// Answers a request of client credentials if that takes no write; `None` if it does: call [`exchange`].
pub fn exchange_reading(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    request: &TokenRequest,
) -> Result<Option<Result<TokenResponse, TokenError>>, StoreError> {
    let mut store = client_credentials::Reading::new(store);
    let verdict = exchange(&mut store, cx, request)?;
    Ok((!store.had_to_write()).then_some(verdict))
}

/// An access token for a grant. The ID token comes with the code only: what it says of the log-in is no news later, and OpenID
/// Connect Core §12.2 leaves it out of a refresh.
fn respond(cx: &mut Context<'_>, grant: &Grant, scope: Scopes, refresh_token: Option<String>) -> TokenResponse {
    TokenResponse {
        access_token: AccessToken::new(cx, grant.id, scope.clone()).seal(cx),
        expires_in: cx.settings.access_token_lifetime_s,
        scope,
        refresh_token,
        id_token: None,
        grant: grant.id,
    }
}

#[cfg(test)]
mod tests;

//! The token endpoint (RFC 6749 §3.2).

use serde_json::{Value, json};

use crate::client::{AccessTokenFormat, Client, GrantType, scope};
use crate::client_auth::{ClientCredentials, ClientRequest, Credentials, authenticate};
use crate::constraints::{Resource, Thumbprint, TokenConstraints};
use crate::context::{Context, millis};
use crate::error::{TokenError, TokenRefusal, Verdict};
use crate::grant::{Grant, GrantId, Subject};
use crate::scope::Scopes;
use crate::secret::{Fingerprint, Prefix};
use crate::signing::{SigningAlgorithm, UnsignedJwt};
use crate::store::{Store, StoreError};
use crate::token::access_token::AccessToken;
use crate::token::dpop::{Proof, SpentProof};
use crate::token_id::Link;

pub mod access_token;
mod authorization_code;
pub mod bearer;
mod client_credentials;
pub mod delivery;
pub mod dpop;
pub(crate) mod id_token;
pub mod introspect;
pub(crate) mod refresh_token;
pub(crate) mod requested_resources;
pub mod revoke;

pub use client_credentials::own_grant;

/// A request that is understood; nothing of it is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    credentials: Credentials,
    grant: GrantRequest,
    scope: Option<String>,
    resources: Vec<String>,
    proof: Option<Proof>,
}

/// The constraints that a request asks for.
pub(crate) struct RequestedConstraints<'a> {
    /// The requested resources, not yet checked.
    resources: &'a [String],
    /// The key whose possession was proven.
    key: Option<&'a Thumbprint>,
}

impl RequestedConstraints<'_> {
    /// The resources asked for, if the client may have them.
    fn resources(&self, cx: &Context<'_>, client: &Client) -> Result<Vec<Resource>, TokenError> {
        Ok(requested_resources::requested(cx.settings, client, self.resources.iter().map(String::as_str))?)
    }

    /// The requested of a token whose resources were accepted before.
    fn within(&self, cx: &Context<'_>, client: &Client, accepted: &[Resource]) -> Result<TokenConstraints, TokenError> {
        let resources = requested_resources::narrowed(cx.settings, accepted, self.resources(cx, client)?)?;
        Ok(TokenConstraints { resources, key: self.key.cloned() })
    }
}

#[derive(Clone, PartialEq, Eq)]
enum GrantRequest {
    Code { code: String, redirect_uri: Option<String>, verifier: Option<String> },
    Refresh { token: String },
    ClientCredentials,
}

impl GrantRequest {
    fn grant_type(&self) -> GrantType {
        match self {
            GrantRequest::Code { .. } => GrantType::AuthorizationCode,
            GrantRequest::Refresh { .. } => GrantType::RefreshToken,
            GrantRequest::ClientCredentials => GrantType::ClientCredentials,
        }
    }
}

impl std::fmt::Debug for GrantRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.grant_type())
    }
}

/// The tokens that are issued (§5.1).
#[derive(Clone)]
#[allow(missing_debug_implementations)] // holds tokens
pub struct TokenResponse {
    /// The access token, if it is opaque; empty if `jwt` takes its place.
    pub access_token: String,
    /// Its lifetime in seconds.
    pub expires_in: u64,
    /// The scopes of the access token.
    pub scope: Scopes,
    /// The access token as a JWT (RFC 9068), to be signed.
    pub jwt: Option<UnsignedJwt>,
    /// Whether the access token is bound to a key (RFC 9449 §5).
    pub is_bound: bool,
    /// The refresh token.
    pub refresh_token: Option<String>,
    /// The claims of the ID token, to be signed.
    pub id_token: Option<Value>,
    /// The algorithm that signs the ID token.
    pub id_token_alg: SigningAlgorithm,
    /// The grant.
    pub grant: GrantId,
    /// The resource owner, if there is one.
    pub subject: Option<Subject>,
}

impl TokenResponse {
    /// Whether [`body`](Self::body) will have something signed.
    pub fn has_to_be_signed(&self) -> bool {
        self.jwt.is_some() || self.id_token.is_some()
    }

    /// The answer (§5.1), with what has to be signed signed: first the access token, for the ID token has a hash of it.
    pub fn body<E>(&self, sign: impl Fn(&UnsignedJwt) -> Result<String, E>) -> Result<Value, E> {
        let access_token = match &self.jwt {
            Some(jwt) => sign(jwt)?,
            None => self.access_token.clone(),
        };
        let mut body = json!({
            "access_token": access_token,
            "token_type": if self.is_bound { "DPoP" } else { "Bearer" },
            "expires_in": self.expires_in,
            "scope": self.scope.to_string(),
        });
        if let Some(refresh_token) = &self.refresh_token {
            body["refresh_token"] = json!(refresh_token);
        }
        if let Some(claims) = &self.id_token {
            let mut claims = claims.clone();
            claims["at_hash"] = json!(id_token::at_hash(&access_token, self.id_token_alg));
            body["id_token"] = json!(sign(&UnsignedJwt { algorithm: self.id_token_alg, typ: "JWT", claims })?);
        }
        Ok(body)
    }
}

const PARAMETERS: [&str; 6] = ["grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope"];

impl TokenRequest {
    /// Reads a request: the `Authorization` header, the URL's query and the body. Of the query only `scope` counts: some
    /// identity providers can send it nowhere else.
    pub fn parse(
        authorization: Option<&str>,
        query: &[(String, String)],
        form: &[(String, String)],
    ) -> Result<TokenRequest, TokenError> {
        let request = ClientRequest { authorization, query, form };
        request.check(&PARAMETERS)?;
        let credentials = request.credentials()?;
        let need =
            |name: &'static str| request.get(name).map(str::to_owned).ok_or(TokenRefusal::ParameterMissing { name });
        let name = request.get("grant_type").ok_or(TokenRefusal::ParameterMissing { name: "grant_type" })?;
        let grant_type =
            GrantType::parse(name).ok_or_else(|| TokenRefusal::GrantTypeUnknown { known: GrantType::listed() })?;
        let grant = match grant_type {
            GrantType::AuthorizationCode => GrantRequest::Code {
                code: need("code")?,
                redirect_uri: request.get("redirect_uri").map(str::to_owned),
                verifier: request.get("code_verifier").map(str::to_owned),
            },
            GrantType::RefreshToken => GrantRequest::Refresh { token: need("refresh_token")? },
            GrantType::ClientCredentials => GrantRequest::ClientCredentials,
        };
        let resources = request.all("resource").map(str::to_owned).collect();
        Ok(TokenRequest { credentials, grant, scope: sent_scope(&request)?, resources, proof: None })
    }

    /// With the proof that came along, if one did.
    #[must_use]
    pub fn with_proof(mut self, proof: Option<Proof>) -> TokenRequest {
        self.proof = proof;
        self
    }

    /// What it presents to be exchanged, if anything.
    pub fn presents(&self) -> Option<Prefix> {
        match self.grant {
            GrantRequest::Code { .. } => Some(Prefix::Code),
            GrantRequest::Refresh { .. } => Some(Prefix::RefreshToken),
            GrantRequest::ClientCredentials => None,
        }
    }

    /// The refresh token that will be looked up, if it presents one.
    pub fn will_refresh(&self, cx: &Context<'_>) -> Option<Fingerprint> {
        match &self.grant {
            GrantRequest::Refresh { token } => Some(cx.keys.fingerprint(token)),
            GrantRequest::Code { .. } | GrantRequest::ClientCredentials => None,
        }
    }

    /// Whether it can be answered without writing anything, as a rule.
    pub fn may_only_read(&self) -> bool {
        self.grant == GrantRequest::ClientCredentials && self.proof.is_none()
    }
}

impl ClientCredentials for TokenRequest {
    fn credentials(&mut self) -> &mut Credentials {
        &mut self.credentials
    }
}

/// `scope` from the body or from the URL; in both it must be the same.
fn sent_scope(request: &ClientRequest<'_>) -> Result<Option<String>, TokenError> {
    let in_url: Vec<&str> =
        request.query.iter().filter(|(n, v)| n == "scope" && !v.is_empty()).map(|(_, v)| v.as_str()).collect();
    let text = match (request.get("scope"), in_url.as_slice()) {
        (None, []) => return Ok(None),
        (Some(text), []) | (None, &[text]) => text,
        (Some(text), &[other]) if text == other => text,
        _ => {
            return Err(TokenRefusal::ScopeRepeated.into());
        }
    };
    if !scope::is_plausible(text) {
        return Err(TokenRefusal::ScopeMalformed.into());
    }
    Ok(Some(text.to_owned()))
}

/// Answers a request; may write.
pub fn exchange(store: &mut dyn Store, cx: &mut Context<'_>, request: &TokenRequest) -> Verdict<TokenResponse> {
    let client = match authenticate(store, cx, &request.credentials)? {
        Ok(client) => client,
        Err(refused) => return Ok(Err(refused)),
    };
    let grant_type = request.grant.grant_type();
    if !client.may(grant_type) {
        return Ok(Err(TokenRefusal::GrantTypeNotAllowed { grant_type: grant_type.as_str() }.into()));
    }
    let scope = match request.scope.as_deref().map(|text| scope::requested(cx, &client, text)).transpose() {
        Ok(scope) => scope.filter(|scope| !scope.is_empty()),
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let proof = match request.proof.clone().map(|proof| proof.spend(store)).transpose()? {
        Some(None) => {
            return Ok(Err(TokenRefusal::DpopProofReplayed.into()));
        }
        Some(spent) => spent,
        None if client.options.tokens.dpop_bound_access_tokens => {
            return Ok(Err(TokenRefusal::DpopProofMissing.into()));
        }
        None => None,
    };
    let requested = RequestedConstraints { resources: &request.resources, key: proof.as_ref().map(SpentProof::key) };
    match &request.grant {
        GrantRequest::Code { code, redirect_uri, verifier } => {
            let proof =
                authorization_code::Proof { redirect_uri: redirect_uri.as_deref(), verifier: verifier.as_deref() };
            authorization_code::exchange(store, cx, &client, code, &proof, &requested)
        }
        GrantRequest::Refresh { token } => {
            refresh_token::exchange(store, cx, &client, token, scope.as_ref(), &requested)
        }
        GrantRequest::ClientCredentials => client_credentials::exchange(store, cx, &client, scope.as_ref(), &requested),
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
fn respond(
    cx: &mut Context<'_>,
    client: &Client,
    grant: &Grant,
    scope: Scopes,
    constraints: TokenConstraints,
    link: Option<Link>,
    refresh_token: Option<String>,
) -> TokenResponse {
    let lifetimes = client.lifetimes(cx.settings);
    let usual = cx.now.saturating_add(millis(lifetimes.access_token));
    // What ends at a certain time ends with all its tokens.
    let expires = match &refresh_token {
        Some(_) => lifetimes.absolute_end(grant).map_or(usual, |end| end.min(usual)),
        None => usual,
    };
    let is_bound = constraints.key.is_some();
    let token = AccessToken::new(cx, grant.id, scope.clone(), expires, constraints, link);
    let tokens = &client.options.tokens;
    let (access_token, jwt) = match tokens.access_token_format {
        AccessTokenFormat::Opaque => (token.seal(cx), None),
        AccessTokenFormat::Jwt => (String::new(), Some(token.to_jwt(cx, client, grant))),
    };
    TokenResponse {
        access_token,
        jwt,
        is_bound,
        expires_in: (expires.saturating_sub(cx.now) / 1000).unsigned_abs(),
        scope,
        refresh_token,
        id_token: None,
        id_token_alg: tokens.id_token_signed_response_alg,
        grant: grant.id,
        subject: grant.subject.clone(),
    }
}

#[cfg(test)]
mod tests;

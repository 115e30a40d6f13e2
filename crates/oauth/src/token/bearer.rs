//! Bearer tokens at a protected resource (RFC 6750), in three steps of which the outer two are pure:
//!
//! ```text
//! request ──open──▶ OpenedToken ──the store's look-up──▶ FoundToken ──judge──▶ Access
//! ```
//!
//! [`open`] decrypts what is presented. The caller looks it up, as [`look_up`] does for any [`Store`]; a store may read more in the same
//! query. [`judge`] decides whether the token is valid at this resource. [`check`] does all three.

use crate::codes::RefusalCode;
use crate::constraints::{Thumbprint, TokenConstraints};
use crate::context::Context;
pub use crate::error::{InvalidToken, MalformedBearer};
use crate::grant::{EndReason, Grant, GrantId, GrantState};
use crate::jose::Algorithm;
use crate::protected_resource::ProtectedResource;
use crate::scope::Scopes;
use crate::secret::{Fingerprint, Prefix};
use crate::static_token::StaticToken;
use crate::store::{Store, StoreError, TokenStatus};
use crate::token::access_token::AccessToken;
use crate::token::dpop::{Proof, ProofError, SpentProof};
use crate::token_id::TokenId;

/// A valid access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The grant of the token.
    pub grant: Grant,
    /// The scopes of the token.
    pub scope: Scopes,
    /// The identifier of the token.
    pub token: TokenId,
    /// The time of issue, in milliseconds since the epoch.
    pub issued: i64,
    /// The time of expiry, in milliseconds since the epoch.
    pub expires: i64,
    /// The constraints of the token.
    pub constraints: TokenConstraints,
    /// A use that is to be recorded by a unit of work that may write.
    pub unwritten_use: Option<Use>,
}

/// A use of a token that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// A use of the static token with this identifier.
    StaticToken(String),
    /// The first use of this generation of a grant's tokens: for [`delivery::note`](crate::token::delivery::note).
    Tokens(GrantId, i32),
}

/// What a request to a protected resource presents.
#[derive(Debug, Clone, Default)]
pub struct BearerRequest<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The proof of possession, which was spent for this request.
    pub proof: Option<&'a SpentProof>,
}

impl<'a> BearerRequest<'a> {
    /// The token, and whether it comes as one that is bound to a key (RFC 9449 §7.1).
    pub fn token(&self) -> Option<(&'a str, bool)> {
        let (scheme, token) = self.authorization?.trim().split_once(' ')?;
        let is = |name: &str| scheme.eq_ignore_ascii_case(name);
        (is("bearer") || is("dpop")).then_some((token.trim(), is("dpop")))
    }
}

/// Why a request with a bearer token is refused (§3.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// The request has no token.
    #[error("Send an access token: Authorization: Bearer …")]
    Missing,
    /// The token comes in the URL, or twice.
    #[error("{0}")]
    Malformed(MalformedBearer),
    /// The token is invalid.
    #[error("{0}")]
    Invalid(InvalidToken),
    /// The token is bound to a key, or comes as if it were, and is invalid, at least in this request (RFC 9449 §7.1).
    #[error("{0}")]
    Unbound(InvalidToken),
    /// The proof of possession is missing or invalid.
    #[error("{0}")]
    Proof(ProofError),
    /// The token lacks the scope that this resource needs.
    #[error("The access token lacks the scope {0}")]
    InsufficientScope(&'static str),
}

impl From<ProofError> for BearerError {
    fn from(error: ProofError) -> BearerError {
        BearerError::Proof(error)
    }
}

impl BearerError {
    fn invalid(reason: InvalidToken, is_dpop: bool) -> BearerError {
        if is_dpop { BearerError::Unbound(reason) } else { BearerError::Invalid(reason) }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            BearerError::Malformed(_) => 400,
            BearerError::Missing | BearerError::Invalid(_) | BearerError::Unbound(_) | BearerError::Proof(_) => 401,
            BearerError::InsufficientScope(_) => 403,
        }
    }

    /// The `error` (§3.1, RFC 9449 §7.1), which a request without a token does not get in its challenge.
    pub fn error(&self) -> &'static str {
        match self {
            BearerError::Malformed(reason) => reason.error(),
            BearerError::Proof(reason) => reason.error(),
            BearerError::InsufficientScope(_) => "insufficient_scope",
            BearerError::Missing | BearerError::Invalid(_) | BearerError::Unbound(_) => "invalid_token",
        }
    }

    /// The code of the reason.
    pub fn code(&self) -> RefusalCode {
        match self {
            BearerError::Missing => RefusalCode::TokenMissing,
            BearerError::Malformed(reason) => reason.code(),
            BearerError::Invalid(reason) | BearerError::Unbound(reason) => reason.code(),
            BearerError::Proof(reason) => reason.code(),
            BearerError::InsufficientScope(_) => RefusalCode::InsufficientScope,
        }
    }

    /// The challenge (§3). Without a token it has no error code.
    pub fn www_authenticate(&self) -> String {
        let error = self.error();
        match self {
            BearerError::Missing => "Bearer realm=\"gateway\"".to_owned(),
            BearerError::Malformed(_) | BearerError::Invalid(_) => {
                format!("Bearer realm=\"gateway\", error=\"{error}\", error_description=\"{self}\"")
            }
            // RFC 9449 §7.1.
            BearerError::Unbound(_) | BearerError::Proof(_) => {
                let algorithms = Algorithm::NAMES.join(" ");
                format!(
                    "DPoP realm=\"gateway\", algs=\"{algorithms}\", error=\"{error}\", error_description=\"{self}\""
                )
            }
            BearerError::InsufficientScope(scope) => {
                format!("Bearer realm=\"gateway\", error=\"{error}\", scope=\"{scope}\"")
            }
        }
    }
}

/// Whether the proof of a request could be the right one, before it is spent: untrusted requests must not fill the memory of spent proofs.
pub fn suits(cx: &Context<'_>, request: &BearerRequest<'_>, proof: &Proof) -> Result<(), BearerError> {
    match request.token() {
        Some((token, true)) => is_bound(cx, token, proof.key(), proof.is_for(token)),
        _ => Err(BearerError::Missing),
    }
}

fn is_bound(cx: &Context<'_>, token: &str, key: &Thumbprint, is_for: bool) -> Result<(), BearerError> {
    let opened = AccessToken::open(cx, token).ok_or_else(|| BearerError::Unbound(what_is(token)))?;
    match opened.constraints.key {
        None => Err(BearerError::Unbound(InvalidToken::NotKeyBound)),
        Some(bound) if bound != *key => Err(BearerError::Proof(ProofError::OtherKey)),
        Some(_) if !is_for => Err(BearerError::Proof(ProofError::OtherToken)),
        Some(_) => Ok(()),
    }
}

/// The access token of a request, before it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedToken {
    token: Opened,
    is_dpop: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Opened {
    Sealed(AccessToken),
    Static(Fingerprint),
}

/// What has to be looked up about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// The [`TokenStatus`] of this grant, of this token of it, and of the response in which it was issued.
    Grant(GrantId, TokenId, TokenId),
    /// The [`StaticToken`] with this fingerprint.
    StaticToken(Fingerprint),
}

/// What was found about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundToken {
    /// The status of a token of a grant.
    Status(TokenStatus),
    /// A static token.
    StaticToken(StaticToken),
    /// Nothing, and why the grant is gone, if that is known.
    Nothing(Option<EndReason>),
}

impl OpenedToken {
    /// A token of this grant with this scope, as if it were presented: it is good for a minute, and is never handed out.
    pub fn of_grant(cx: &mut Context<'_>, grant: GrantId, scope: &str) -> OpenedToken {
        let scope = Scopes::parse(scope).unwrap_or_default();
        let token = AccessToken::new(cx, grant, scope, cx.now + 60_000, TokenConstraints::default(), None);
        OpenedToken { token: Opened::Sealed(token), is_dpop: false }
    }

    /// What has to be looked up.
    pub fn look_up(&self) -> LookUp {
        self.token.look_up()
    }
}

impl Opened {
    fn look_up(&self) -> LookUp {
        match self {
            Opened::Sealed(token) => {
                let response = token.link.map_or(TokenId::NONE, |link| link.id(token.grant));
                LookUp::Grant(token.grant, token.id, response)
            }
            Opened::Static(fingerprint) => LookUp::StaticToken(fingerprint.clone()),
        }
    }
}

/// Opens the token of a request, and compares it with the proof of possession.
pub fn open(cx: &Context<'_>, request: &BearerRequest<'_>) -> Result<OpenedToken, BearerError> {
    let (token, is_dpop) = request.token().ok_or(BearerError::Missing)?;
    if is_dpop {
        let proof = request.proof.ok_or(ProofError::Missing)?;
        is_bound(cx, token, proof.key(), proof.is_for(token))?;
    }
    let token = opened(cx, token).map_err(|reason| BearerError::invalid(reason, is_dpop))?;
    Ok(OpenedToken { token, is_dpop })
}

/// Decides whether an opened token is valid at this resource, by what was found about it.
pub fn judge(
    cx: &Context<'_>,
    opened: &OpenedToken,
    found: FoundToken,
    resource: &ProtectedResource,
) -> Result<Access, BearerError> {
    let access = judged(cx, &opened.token, found).map_err(|reason| BearerError::invalid(reason, opened.is_dpop))?;
    if access.constraints.key.is_some() && !opened.is_dpop {
        return Err(BearerError::Unbound(InvalidToken::KeyBound));
    }
    if !access.constraints.admit(&resource.uri) {
        return Err(BearerError::Invalid(InvalidToken::OtherResource));
    }
    match resource.scopes {
        scopes if scopes.iter().any(|scope| access.scope.contains(scope)) => Ok(access),
        scopes => Err(BearerError::InsufficientScope(scopes.first().copied().unwrap_or_default())),
    }
}

/// Looks up what [`judge`] has to know.
pub fn look_up(store: &mut dyn Store, wanted: &LookUp) -> Result<FoundToken, StoreError> {
    Ok(match wanted {
        LookUp::Grant(grant, token, response) => match store.token_status(*grant, token, response)? {
            Some(status) => FoundToken::Status(status),
            None => FoundToken::Nothing(store.end_reason(*grant)?),
        },
        LookUp::StaticToken(fingerprint) => match store.static_token(fingerprint)? {
            Some(token) => FoundToken::StaticToken(token),
            None => FoundToken::Nothing(None),
        },
    })
}

/// Opens, looks up and judges the token of a request.
pub fn check(
    store: &mut dyn Store,
    cx: &Context<'_>,
    request: &BearerRequest<'_>,
    resource: &ProtectedResource,
) -> Result<Result<Access, BearerError>, StoreError> {
    let opened = match open(cx, request) {
        Ok(opened) => opened,
        Err(refused) => return Ok(Err(refused)),
    };
    let found = look_up(store, &opened.look_up())?;
    Ok(judge(cx, &opened, found, resource))
}

/// Whether an `Authorization` header has a token that was sealed here. It asks nothing of the store, and whether the token is valid is for
/// [`check`] to say.
pub fn is_sealed(cx: &Context<'_>, authorization: Option<&str>) -> bool {
    sealed_grant(cx, authorization).is_some()
}

/// The grant of a token that was sealed here and when it expires, even if it is invalid: to say whose token was refused.
pub fn sealed_grant(cx: &Context<'_>, authorization: Option<&str>) -> Option<(GrantId, i64)> {
    let request = BearerRequest { authorization, proof: None };
    let (token, _) = request.token()?;
    AccessToken::open(cx, token).map(|token| (token.grant, token.expires))
}

/// The token, if it is valid apart from the resource; otherwise why not.
pub(crate) fn examine(
    store: &mut dyn Store,
    cx: &Context<'_>,
    presented: &str,
) -> Result<Result<Access, InvalidToken>, StoreError> {
    let token = match opened(cx, presented) {
        Ok(token) => token,
        Err(reason) => return Ok(Err(reason)),
    };
    let found = look_up(store, &token.look_up())?;
    Ok(judged(cx, &token, found))
}

/// What has to be looked up about a token, if it may count.
pub(crate) fn wanted(cx: &Context<'_>, presented: &str) -> Option<LookUp> {
    Some(opened(cx, presented).ok()?.look_up())
}

fn opened(cx: &Context<'_>, presented: &str) -> Result<Opened, InvalidToken> {
    if Prefix::of(presented) == Some(Prefix::StaticToken) {
        return Ok(Opened::Static(cx.keys.fingerprint(presented)));
    }
    let token = AccessToken::open(cx, presented).ok_or_else(|| what_is(presented))?;
    if token.expires <= cx.now { Err(InvalidToken::Expired) } else { Ok(Opened::Sealed(token)) }
}

fn judged(cx: &Context<'_>, opened: &Opened, found: FoundToken) -> Result<Access, InvalidToken> {
    match (opened, found) {
        (Opened::Sealed(token), FoundToken::Status(status)) => {
            validate(&status)?;
            let news = token.link.filter(|link| !status.grant.has_delivered(link.generation));
            Ok(Access {
                scope: status.grant.opens(&token.scope),
                grant: status.grant,
                token: token.id,
                issued: token.issued,
                expires: token.expires,
                constraints: token.constraints.clone(),
                unwritten_use: news.map(|link| Use::Tokens(token.grant, link.generation)),
            })
        }
        (Opened::Static(fingerprint), FoundToken::StaticToken(token)) => {
            if token.expires <= cx.now {
                return Err(InvalidToken::StaticTokenExpired);
            }
            validate(&token.status).map_err(|reason| match reason {
                InvalidToken::GrantEnded { reason: EndReason::Operator } => InvalidToken::StaticTokenEnded,
                reason => reason,
            })?;
            let news = token.use_is_news(cx.now).then(|| token.id.clone());
            let id = fingerprint.as_bytes().first_chunk().copied().unwrap_or_default();
            Ok(Access {
                grant: token.status.grant,
                scope: token.scope,
                token: TokenId(id),
                issued: token.created,
                expires: token.expires,
                constraints: TokenConstraints::default(),
                unwritten_use: news.map(Use::StaticToken),
            })
        }
        (Opened::Static(_), _) => Err(InvalidToken::StaticTokenUnknown),
        (Opened::Sealed(_), FoundToken::Nothing(Some(reason))) => Err(InvalidToken::GrantEnded { reason }),
        (Opened::Sealed(_), _) => Err(InvalidToken::GrantGone),
    }
}

/// The grant, if it is valid apart from any token of it; otherwise why not.
pub(crate) fn examine_grant(store: &mut dyn Store, grant: GrantId) -> Result<Result<Grant, InvalidToken>, StoreError> {
    Ok(match look_up(store, &LookUp::Grant(grant, TokenId::NONE, TokenId::NONE))? {
        FoundToken::Status(status) => validate(&status).map(|()| status.grant),
        FoundToken::Nothing(Some(reason)) => Err(InvalidToken::GrantEnded { reason }),
        FoundToken::StaticToken(_) | FoundToken::Nothing(None) => Err(InvalidToken::GrantGone),
    })
}

/// What was sent instead of an access token, as far as its form tells.
fn what_is(presented: &str) -> InvalidToken {
    match Prefix::of(presented) {
        Some(Prefix::ClientSecret) => InvalidToken::ClientSecret,
        Some(Prefix::Code) => InvalidToken::Code,
        Some(Prefix::RefreshToken) => InvalidToken::RefreshToken,
        Some(Prefix::Operator) => InvalidToken::OperatorToken,
        // Some identity providers send a token of their own when their form has no token endpoint.
        None if presented.starts_with("eyJ") => InvalidToken::ForeignJwt,
        _ => InvalidToken::Unknown,
    }
}

/// Why a grant is invalid, or a token of it. The reason it ended says more than the present state of its owner.
fn validate(status: &TokenStatus) -> Result<(), InvalidToken> {
    match status.grant.state {
        GrantState::Ended { reason: Some(reason), .. } => Err(InvalidToken::GrantEnded { reason }),
        GrantState::Ended { reason: None, .. } => Err(InvalidToken::GrantEndedBefore),
        GrantState::Open | GrantState::Transferred { .. } if !status.owner_active => Err(InvalidToken::OwnerInactive),
        _ if status.account_suspended => Err(InvalidToken::AccountSuspended),
        _ if status.client_disabled => Err(InvalidToken::ClientDisabled),
        _ if status.token_revoked => Err(InvalidToken::Revoked),
        _ if status.answer_superseded => Err(InvalidToken::Superseded),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

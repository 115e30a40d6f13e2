//! Failures and refusals of the token endpoint and its kin (RFC 6749 §5.2). [`reasons`] lists every reason with its code and
//! text, [`codes`](crate::codes) every code with what it means.

pub mod reasons;

use crate::codes::RefusalCode;

pub use reasons::{AuthorizationRefusal, InvalidToken, MalformedBearer, PageRefusal, ProofError, TokenRefusal};

/// The storage failed: the unit of work is rolled back and the caller answers 500.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub Box<dyn std::error::Error + Send + Sync>);

/// The outer error is a failure of the storage: the unit of work is rolled back. The inner error is a refusal of the protocol: the unit of work is
/// committed, for a refusal may have ended a grant.
pub type Verdict<T> = Result<Result<T, TokenError>, StoreError>;

/// A refusal of the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TokenError {
    /// The reason.
    pub reason: TokenRefusal,
    /// Whether the client tried HTTP Basic, so that the answer has a challenge for it.
    pub tried_basic: bool,
}

/// The `error` of a refusal (RFC 6749 §5.2, RFC 7009 §2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is malformed or contradicts itself.
    InvalidRequest,
    /// The client did not authenticate.
    InvalidClient,
    /// The code or refresh token is invalid.
    InvalidGrant,
    /// The client may not use this grant type.
    UnauthorizedClient,
    /// The grant type is unknown.
    UnsupportedGrantType,
    /// The scope is malformed or exceeds what is allowed.
    InvalidScope,
    /// The resource is malformed or not for this client (RFC 8707 §2).
    InvalidTarget,
    /// The proof of possession is missing or invalid (RFC 9449 §5).
    InvalidDpopProof,
    /// The error code of the authorization endpoint, for a pushed request (RFC 9126 §2.3).
    Authorization(&'static str),
}

impl ErrorCode {
    /// Every code but those of the authorization endpoint.
    pub const ALL: [ErrorCode; 8] = [
        ErrorCode::InvalidRequest,
        ErrorCode::InvalidClient,
        ErrorCode::InvalidGrant,
        ErrorCode::UnauthorizedClient,
        ErrorCode::UnsupportedGrantType,
        ErrorCode::InvalidScope,
        ErrorCode::InvalidTarget,
        ErrorCode::InvalidDpopProof,
    ];

    /// The HTTP status and the value of `error`.
    pub fn wire(self) -> (u16, &'static str) {
        match self {
            ErrorCode::InvalidRequest => (400, "invalid_request"),
            ErrorCode::InvalidClient => (401, "invalid_client"),
            ErrorCode::InvalidGrant => (400, "invalid_grant"),
            ErrorCode::UnauthorizedClient => (400, "unauthorized_client"),
            ErrorCode::UnsupportedGrantType => (400, "unsupported_grant_type"),
            ErrorCode::InvalidScope => (400, "invalid_scope"),
            ErrorCode::InvalidTarget => (400, "invalid_target"),
            ErrorCode::InvalidDpopProof => (400, "invalid_dpop_proof"),
            ErrorCode::Authorization(error) => (400, error),
        }
    }
}

impl TokenError {
    /// The `error` of the response.
    pub fn error(&self) -> ErrorCode {
        match &self.reason {
            TokenRefusal::PushRefused { error, .. } => ErrorCode::Authorization(error),
            reason => reason.error(),
        }
    }

    /// The code of the reason, more exact than [`error`](Self::error).
    pub fn code(&self) -> RefusalCode {
        self.reason.code()
    }

    /// The `error_description`, for the administrator who reads it in the identity provider.
    pub fn text(&self) -> String {
        self.reason.text()
    }
}

impl From<TokenRefusal> for TokenError {
    fn from(reason: TokenRefusal) -> TokenError {
        TokenError { reason, tried_basic: false }
    }
}

impl From<ProofError> for TokenError {
    fn from(reason: ProofError) -> TokenError {
        TokenRefusal::DpopProofInvalid { reason }.into()
    }
}

//! Every reason for which a request is refused: its [code](RefusalCode), the error on the wire, and a text that says what would be right.
//!
//! Texts are for administrators and fit an `error_description` (RFC 6749 §5.2): printable ASCII without quotes and
//! backslashes, wherever they name nothing that was sent.

use crate::codes::RefusalCode;
use crate::error::ErrorCode;
use crate::grant::EndReason;

/// Defines an enum of reasons, grouped by what they have on the wire: each has a code, or takes that of a field, and a text, which may name
/// its fields.
macro_rules! reasons {
    (
        $(#[$doc:meta])*
        $name:ident, $method:ident: $wire:ty;
        $($group:expr => {
            $($variant:ident $({ $($field:ident: $kind:ty),+ })? $($code:ident)? $(= $of:expr,)? $text:literal;)+
        })+
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $text] $variant $({ $(#[doc = "Named in the text."] $field: $kind),+ })?,)+)+
        }

        impl $name {
            /// The codes that its reasons have.
            #[cfg(test)]
            pub(crate) const CODES: &[RefusalCode] = &[$($($(RefusalCode::$code,)?)+)+];

            /// Its code.
            #[allow(unused_variables)]
            pub fn code(&self) -> RefusalCode {
                match self { $($($name::$variant $({ $($field),+ })? => $(RefusalCode::$code)? $($of)?,)+)+ }
            }

            /// What is wrong, and what would be right.
            #[allow(unused_variables)] // a field may be for others than the reader
            pub fn text(&self) -> String {
                match self { $($($name::$variant $({ $($field),+ })? => format!($text),)+)+ }
            }

            /// What the reason has on the wire.
            pub fn $method(&self) -> $wire {
                match self { $($($name::$variant { .. })|+ => $group,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.text())
            }
        }
    };
}

reasons! {
    /// Why a request for tokens is refused, or one to introspect, to revoke or to push.
    TokenRefusal, error: ErrorCode;

    ErrorCode::InvalidRequest => {
        Malformed { detail: String } RequestMalformed "{detail}";
        ParameterMissing { name: &'static str } ParameterMissing "{name} is missing";
        ParameterRepeated { name: &'static str } ParameterRepeated "the parameter {name} stands more than once";
        ParameterInUrl { name: &'static str } ParameterInUrl
            "{name} must be sent in the body, never in the URL; only scope may stand in the URL";
        NulCharacter NulCharacter "a parameter contains a NUL character";
        ScopeRepeated ScopeRepeated "scope is sent more than once: in the URL and in the body, or twice";
        AssertionTooLong { limit: usize } AssertionTooLong "the client_assertion has more than {limit} characters";
        AssertionIncomplete AssertionIncomplete "client_assertion and client_assertion_type come together";
        AssertionAndSecret AssertionAndSecret "send a client assertion or a client secret, not both";
        CredentialsTwice CredentialsTwice "send the client's credentials in the header or in the body, not in both";
        ClientIdMismatch ClientIdMismatch "client_id in the body is not the one in the Authorization header";
        RequestUriPushed RequestUriPushed "request_uri cannot be pushed; push the request itself";
        DpopJktMismatch DpopJktMismatch "dpop_jkt is not the key of the DPoP proof";
        PushRefused { error: &'static str, code: RefusalCode, description: String } = *code, "{description}";
    }
    ErrorCode::InvalidClient => {
        HeaderNotBasic HeaderNotBasic
            "the Authorization header must be Basic with client ID and secret, form-encoded (RFC 6749 section 2.3.1)";
        ClientMissing ClientMissing "the client must say who it is: send client ID and secret";
        CredentialsPasted { what: &'static str, place: &'static str } CredentialsPasted
            "the {what} was sent with white space or a line break {place} it; copy it again without";
        CredentialsWrong CredentialsWrong "the client ID or the client secret is not right";
        SecretMissing SecretMissing "the client must prove who it is: send the client secret";
        SecretExpired SecretExpired "this client secret has expired; use a newer one";
        BasicOnly BasicOnly "this client sends its secret in the Authorization header (client_secret_basic) only";
        PostOnly PostOnly "this client sends its secret in the body (client_secret_post) only";
        AssertionOnly AssertionOnly "this client authenticates by a signed assertion (private_key_jwt) only";
        AssertionType { expected: &'static str } AssertionType "client_assertion_type must be {expected}";
        AssertionInvalid { why: String } AssertionInvalid "the client assertion does not count: {why}";
        AssertionKeysUnavailable { why: String } AssertionKeysUnavailable
            "the client assertion does not count: its keys cannot be read: {why}";
        AssertionClientUnknown AssertionClientUnknown
            "the client assertion does not count: no client has its sub, or the client_id beside it";
        AssertionReplayed AssertionReplayed
            "the client assertion does not count: it was used before; make a new one for each request";
        ClientDisabled ClientDisabled "this client was switched off by an operator";
        AccountSuspended AccountSuspended
            "the account of this client is suspended; nothing of it is lost, and it works again when an operator resumes it";
        ClientPublic { client: String } ClientPublic
            "the client {client} is public, and introspection needs a client secret";
    }
    ErrorCode::UnauthorizedClient => {
        GrantTypeNotAllowed { grant_type: &'static str } GrantTypeNotAllowed
            "this client may not use the grant type {grant_type}";
        ClientWithoutAccount ClientWithoutAccount
            "this client belongs to no account, so it cannot use client credentials; a user of an account has to accept";
    }
    ErrorCode::UnsupportedGrantType => {
        GrantTypeUnknown { known: String } GrantTypeUnknown "grant_type must be {known}";
    }
    ErrorCode::InvalidScope => {
        ScopeMalformed ScopeMalformed "the scope has characters that no scope has";
        ScopeSeparators ScopeSeparators
            "scopes must be divided by spaces, encoded once: not by commas, semicolons, tabs, line breaks or plus signs";
        ScopeNotAllowed { scope: String, allowed: String } ScopeNotAllowed
            "this client may not ask for the scope {scope}; it may ask for: {allowed}";
        ScopeNotAccepted { scope: String, accepted: String } ScopeNotAccepted
            "the scope {scope} goes beyond what was accepted: {accepted}";
        ScopeOfUser { scope: String, right: String } ScopeOfUser
            "the scope {scope} is about a user, and a client with its own credentials acts for none; {right}";
        GrantTransferred GrantTransferred
            "the grant has passed to another user, whom its tokens do not identify; authenticate again";
    }
    ErrorCode::InvalidTarget => {
        ResourceMalformed { why: &'static str } ResourceMalformed "resource {why}";
        ResourceNotAllowed { allowed: String } ResourceNotAllowed
            "this client may ask for the resources {allowed}, and for no other";
        TooManyResources { limit: usize } TooManyResources "a request may name {limit} resources at most";
        ResourceNotAccepted ResourceNotAccepted
            "resource goes beyond what was accepted; authenticate again and ask for it there";
    }
    ErrorCode::InvalidDpopProof => {
        DpopProofMissing DpopProofMissing "this client's tokens are bound to a key: send a DPoP proof";
        DpopProofReplayed DpopProofReplayed "this DPoP proof was used before";
        DpopProofInvalid { reason: ProofError } = reason.code(), "{reason}";
    }
    ErrorCode::InvalidGrant => {
        GrantInvalid { reason: InvalidToken } = reason.code(), "{reason}";
        GrantTooOld GrantTooOld
            "the access was accepted too long ago, however often it was used since; authenticate again";
        CodeUnknown CodeUnknown "the authorization code is unknown";
        CodeOfOtherClient CodeOfOtherClient "the authorization code was issued to another client";
        CodeReused CodeReused
            "the authorization code was already used, so the access it gave has ended; authenticate again";
        CodeExpired CodeExpired "the authorization code has expired; authenticate again";
        RedirectUriMismatch RedirectUriMismatch "redirect_uri is not the one of the authorization request";
        RedirectUriMissing RedirectUriMissing
            "redirect_uri is missing; it must be the one of the authorization request";
        VerifierMismatch VerifierMismatch "code_verifier is not the one the code_challenge was made of";
        VerifierMissing VerifierMissing "code_verifier is missing";
        VerifierUnexpected VerifierUnexpected
            "code_verifier was sent, but the authorization request had no code_challenge";
        CodeKeyMismatch CodeKeyMismatch
            "the DPoP proof is by another key than dpop_jkt of the authorization request";
        CodeKeyMissing CodeKeyMissing "a DPoP proof is missing; the authorization request named a key";
        RefreshTokenUnknown RefreshTokenUnknown "the refresh token is unknown";
        RefreshTokenOfOtherClient RefreshTokenOfOtherClient "the refresh token was issued to another client";
        RefreshTokenKeyMissing RefreshTokenKeyMissing
            "the refresh token is bound to a key: send a DPoP proof by that key";
        RefreshTokenReused RefreshTokenReused
            "the refresh token was already used, so the access has ended; authenticate again";
        RefreshTokenSuperseded RefreshTokenSuperseded
            "the refresh token was already used; go on with the one that was issued in its place";
        RefreshTokenExpired RefreshTokenExpired
            "the refresh token has expired because it was not used for too long; authenticate again";
    }
}

reasons! {
    /// Why an access token is invalid (RFC 6750 §3.1).
    InvalidToken, error: &'static str;

    "invalid_token" => {
        Unknown TokenUnknown "The access token is not one of ours";
        ClientSecret TokenIsClientSecret
            "This is a client secret, not an access token; exchange it at the token endpoint";
        Code TokenIsCode "This is an authorization code, not an access token; exchange it at the token endpoint";
        RefreshToken TokenIsRefreshToken
            "This is a refresh token, not an access token; exchange it at the token endpoint";
        OperatorToken TokenIsOperators "This is an operator's token for the admin API, not an access token";
        ForeignJwt TokenIsForeignJwt
            "This JWT is not an access token that was issued here; in the identity provider, fill in the token endpoint, client identifier and client secret";
        Expired TokenExpired "The access token has expired";
        Revoked TokenRevoked "The access token was revoked";
        Superseded TokenSuperseded
            "The access token was replaced: the request that led to it was made again before it was used";
        OtherResource TokenOfOtherResource "The access token is for another resource";
        NotKeyBound TokenNotKeyBound "The access token is not bound to a key; send it as Bearer";
        KeyBound TokenKeyBound
            "The access token is bound to a key; send it as DPoP, with a proof by that key";
        StaticTokenUnknown StaticTokenUnknown
            "The static token was ended, or was never one of ours; make a new one and paste it";
        StaticTokenExpired StaticTokenExpired "The static token has expired; make a new one and paste it";
        StaticTokenEnded StaticTokenEnded
            "The access was ended by an operator; make a new static token and paste it";
        GrantEnded { reason: EndReason } = reason.code(), "{reason}";
        GrantEndedBefore GrantEndedBefore "The access was ended; authenticate again";
        GrantGone GrantGone
            "The access ended long ago, or the account or the client it was given to is gone; authenticate again";
        OwnerInactive OwnerInactive
            "The user who accepted access is deactivated or deleted; authenticate again as an active user";
        OwnerGone OwnerGone "The user who accepted access is gone";
        ClientDisabled ClientDisabled "The client was switched off by an operator";
        AccountSuspended AccountSuspended
            "The account is suspended; nothing of it is lost, and this token counts again when an operator resumes it";
    }
}

reasons! {
    /// Why a request with an access token is malformed (RFC 6750 §3.1).
    MalformedBearer, error: &'static str;

    "invalid_request" => {
        InUrl TokenInUrl "Send the access token in the Authorization header, never in the URL";
        Twice TokenTwice "Send the access token once: in the header or in the body";
        Form { limit: usize } TokenForm "The body must be a form of at most {limit} KiB";
    }
}

reasons! {
    /// Why a proof of possession is invalid (RFC 9449 §4.3).
    ProofError, error: &'static str;

    "invalid_dpop_proof" => {
        Missing ProofMissing "the DPoP proof is not right: there is none; send one in the DPoP header";
        Repeated ProofRepeated "the DPoP proof is not right: there is more than one";
        TooLong ProofTooLong "the DPoP proof is not right: it is too long";
        NotJwt ProofNotJwt
            "the DPoP proof is not right: it must be a JWT signed with ES256, EdDSA, PS256 or RS256";
        Type ProofType "the DPoP proof is not right: its typ must be dpop+jwt";
        KeyMissing ProofKeyMissing "the DPoP proof is not right: its header must have the public key as jwk";
        KeyWithoutThumbprint ProofKeyInvalid "the DPoP proof is not right: its key has no thumbprint";
        ClaimType ProofClaimType "the DPoP proof is not right: one of its claims has the wrong type";
        Signature ProofSignature "the DPoP proof is not right: its signature is not that of its key";
        Method ProofMethod "the DPoP proof is not right: its htm is not the method of this request";
        Url ProofUrl "the DPoP proof is not right: its htu is not the URL of this request";
        TimeMissing ProofTimeMissing "the DPoP proof is not right: it has no iat";
        Time ProofTime
            "the DPoP proof is not right: its iat is not within 40 seconds of now; compare the clocks";
        IdMissing ProofIdMissing "the DPoP proof is not right: it has no jti";
        OtherKey ProofOtherKey "the DPoP proof is not right: it is by another key than the token's";
        OtherToken ProofOtherToken
            "the DPoP proof is not right: its ath is not the hash of this access token";
        Replayed ProofReplayed "the DPoP proof is not right: it was used before";
    }
}

reasons! {
    /// Why an authorization request is returned to its client with an error (RFC 6749 §4.1.2.1).
    AuthorizationRefusal, error: &'static str;

    "invalid_request" => {
        ParameterRepeated { name: &'static str } ParameterRepeated "The parameter {name} stands more than once.";
        ScopeRepeated ScopeRepeated
            "The parameter scope stands more than once. Your identity provider sends a scope of its own beside the one in the authorization URL: remove one of them.";
        ParameterUnreadable { name: String } ParameterUnreadable
            "The parameter {name} is not UTF-8, or has a NUL character in it.";
        TooLarge { limit: usize } AuthorizationTooLarge
            "state, nonce, login_hint, scope and resource have more than {limit} KiB together.";
        PushRequired PushRequired
            "This client must push its authorization requests (RFC 9126) and send the browser with a request_uri.";
        ResponseTypeMissing ResponseTypeMissing "response_type is missing; it must be code.";
        ResponseMode ResponseMode "The only response_mode is query.";
        MaxAge MaxAge "max_age must be a number of seconds.";
        Prompt Prompt "prompt must be none, login, consent or select_account.";
        PromptNone PromptNone "prompt=none cannot be combined with another.";
        DpopJkt DpopJkt "dpop_jkt must be the SHA-256 thumbprint of a key in base64url, 43 characters.";
        PkceRequired PkceRequired
            "This client must use PKCE: send code_challenge and code_challenge_method=S256.";
        ChallengeMissing ChallengeMissing "code_challenge_method is there but code_challenge is not.";
        ChallengeInvalid ChallengeInvalid
            "code_challenge must be the SHA-256 of the verifier in base64url, 43 characters.";
        ChallengeMethod ChallengeMethod "The only code_challenge_method is S256.";
    }
    "request_not_supported" => {
        RequestObject RequestObject "Request objects are not supported.";
    }
    "request_uri_not_supported" => {
        RequestUri RequestUri "Request objects are not supported.";
    }
    "registration_not_supported" => {
        Registration Registration
            "A client cannot register itself in a request; ask the operator of this service for a client ID.";
    }
    "unsupported_response_type" => {
        ResponseType ResponseType "The only response_type is code.";
    }
    "unauthorized_client" => {
        GrantTypeNotAllowed GrantTypeNotAllowed "This client may not ask people for access (authorization_code).";
    }
    "invalid_scope" => {
        ScopeInvalid { reason: TokenRefusal } ScopeInvalid "{reason}";
        ScopeNotAllowed { scope: String, allowed: String } ScopeNotAllowed
            "This client may not ask for the scope {scope}; it may ask for: {allowed}.";
    }
    "invalid_target" => {
        ResourceInvalid { reason: TokenRefusal } ResourceInvalid "{reason}.";
    }
}

reasons! {
    /// Why an authorization request is answered on a page, and its client is told nothing (RFC 6749 §4.1.2.1).
    PageRefusal, title: &'static str;

    "This request is malformed" => {
        PushedMalformed PushedMalformed "A request that was pushed is named by one client_id and one request_uri.";
    }
    "This link has been used" => {
        PushedUnknown PushedUnknown
            "It was opened before, or more than a minute and a half ago, or it is another application's. Go back to the application and begin again.";
    }
    "Which client is this?" => {
        ClientMissing ClientIdMissing "The request has no client_id.";
        ClientRepeated ClientRepeated "The request has more than one client_id.";
    }
    "Unknown client" => {
        ClientUnknown ClientUnknown
            "There is no client with this client ID. Compare the client ID in your identity provider with the one you were given.";
    }
    "This client is switched off" => {
        ClientDisabled { client: String } ClientDisabled
            "The client {client} was switched off. Ask the operator who gave you the client ID.";
    }
    "This account is suspended" => {
        AccountSuspended { client: String } AccountSuspended
            "The account of {client} is suspended, so no access to it can be accepted. Nothing is lost. Ask the operator who gave you the client ID.";
    }
    "This client is not set up yet" => {
        NoRedirectUri { client: String, help: &'static str } NoRedirectUri
            "No redirect URI is registered for {client} yet. {help}";
    }
    "This redirect URI is not registered" => {
        RedirectUriUnknown { uri: String, client: String, help: &'static str } RedirectUriUnknown
            "The redirect URI {uri} is not registered for {client}. {help}";
    }
    "Where should the answer go?" => {
        RedirectUriMissing RedirectUriNeeded
            "The request has no redirect_uri, and the client has more than one registered.";
        RedirectUriRepeated RedirectUriRepeated "The request has more than one redirect_uri.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_reason_and_reasons_of_one_enum_share_none() {
        let ends: Vec<RefusalCode> = EndReason::ALL.iter().map(|reason| reason.code()).collect();
        // Not reasons of these enums, but of a token that is missing or has too little scope.
        let of_bearers = [RefusalCode::TokenMissing, RefusalCode::InsufficientScope];
        let lists: [&[RefusalCode]; 8] = [
            TokenRefusal::CODES,
            InvalidToken::CODES,
            MalformedBearer::CODES,
            ProofError::CODES,
            AuthorizationRefusal::CODES,
            PageRefusal::CODES,
            &ends,
            &of_bearers,
        ];
        let mut used = std::collections::BTreeSet::new();
        for codes in lists {
            let unique: std::collections::BTreeSet<_> = codes.iter().collect();
            assert_eq!(unique.len(), codes.len(), "{codes:?}");
            used.extend(codes.iter().copied());
        }
        let known: std::collections::BTreeSet<RefusalCode> = RefusalCode::ALL.iter().copied().collect();
        assert_eq!(used, known);
    }

    #[test]
    fn a_text_names_its_fields_and_a_group_has_one_error() {
        let refusal = TokenRefusal::GrantTypeNotAllowed { grant_type: "client_credentials" };
        assert_eq!(refusal.to_string(), "this client may not use the grant type client_credentials");
        assert_eq!(
            (refusal.error(), refusal.code()),
            (ErrorCode::UnauthorizedClient, RefusalCode::GrantTypeNotAllowed)
        );
        let ended = InvalidToken::GrantEnded { reason: EndReason::Replaced };
        assert_eq!(ended.text(), EndReason::Replaced.refusal());
        assert_eq!(ended.code(), RefusalCode::EndedReplaced);
        let disabled = PageRefusal::ClientDisabled { client: "Acme".to_owned() };
        assert_eq!((disabled.title(), disabled.code()), ("This client is switched off", RefusalCode::ClientDisabled));
    }
}

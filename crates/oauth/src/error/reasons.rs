//! Every reason for which a request is refused: a code by which refusals are counted, the error on the wire, and a text that says what
//! would be right.
//!
//! Codes are stable. Texts are for administrators and fit an `error_description` (RFC 6749 §5.2): printable ASCII without quotes and
//! backslashes, wherever they name nothing that was sent.

use crate::error::ErrorCode;
use crate::grant::EndReason;

/// Defines an enum of reasons, grouped by what they have on the wire: each has a code and a text, which may name its fields.
macro_rules! reasons {
    (
        $(#[$doc:meta])*
        $name:ident, $method:ident: $wire:ty;
        $($group:expr => {
            $($variant:ident $({ $($field:ident: $kind:ty),+ })? $code:literal $text:literal;)+
        })+
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $text] $variant $({ $(#[doc = "Named in the text."] $field: $kind),+ })?,)+)+
        }

        impl $name {
            /// Every code.
            pub const CODES: &[&str] = &[$($($code),+),+];

            /// A stable code, by which refusals are counted.
            pub fn code(&self) -> &'static str {
                match self { $($($name::$variant { .. } => $code,)+)+ }
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
        Malformed { detail: String } "request_malformed" "{detail}";
        ParameterMissing { name: &'static str } "parameter_missing" "{name} is missing";
        ParameterRepeated { name: &'static str } "parameter_repeated" "the parameter {name} stands more than once";
        ParameterInUrl { name: &'static str } "parameter_in_url"
            "{name} must be sent in the body, never in the URL; only scope may stand in the URL";
        NulCharacter "nul_character" "a parameter contains a NUL character";
        ScopeRepeated "scope_repeated" "scope is sent more than once: in the URL and in the body, or twice";
        AssertionTooLong { limit: usize } "assertion_too_long" "the client_assertion has more than {limit} characters";
        AssertionIncomplete "assertion_incomplete" "client_assertion and client_assertion_type come together";
        AssertionAndSecret "assertion_and_secret" "send a client assertion or a client secret, not both";
        CredentialsTwice "credentials_twice" "send the client's credentials in the header or in the body, not in both";
        ClientIdMismatch "client_id_mismatch" "client_id in the body is not the one in the Authorization header";
        RequestUriPushed "request_uri_pushed" "request_uri cannot be pushed; push the request itself";
        DpopJktMismatch "dpop_jkt_mismatch" "dpop_jkt is not the key of the DPoP proof";
        PushRefused { error: &'static str, code: &'static str, description: String } "push_refused" "{description}";
    }
    ErrorCode::InvalidClient => {
        HeaderNotBasic "header_not_basic"
            "the Authorization header must be Basic with client ID and secret, form-encoded (RFC 6749 section 2.3.1)";
        ClientMissing "client_missing" "the client must say who it is: send client ID and secret";
        CredentialsPasted { what: &'static str, place: &'static str } "credentials_pasted"
            "the {what} was sent with white space or a line break {place} it; copy it again without";
        CredentialsWrong "credentials_wrong" "the client ID or the client secret is not right";
        SecretMissing "secret_missing" "the client must prove who it is: send the client secret";
        SecretExpired "secret_expired" "this client secret has expired; use a newer one";
        BasicOnly "basic_only" "this client sends its secret in the Authorization header (client_secret_basic) only";
        PostOnly "post_only" "this client sends its secret in the body (client_secret_post) only";
        AssertionOnly "assertion_only" "this client authenticates by a signed assertion (private_key_jwt) only";
        AssertionType { expected: &'static str } "assertion_type" "client_assertion_type must be {expected}";
        AssertionInvalid { why: String } "assertion_invalid" "the client assertion does not count: {why}";
        AssertionKeysUnavailable { why: String } "assertion_keys_unavailable"
            "the client assertion does not count: its keys cannot be read: {why}";
        AssertionClientUnknown "assertion_client_unknown"
            "the client assertion does not count: no client has its sub, or the client_id beside it";
        AssertionReplayed "assertion_replayed"
            "the client assertion does not count: it was used before; make a new one for each request";
        ClientDisabled "client_disabled" "this client was switched off by an operator";
        ClientPublic { client: String } "client_public"
            "the client {client} is public, and introspection needs a client secret";
    }
    ErrorCode::UnauthorizedClient => {
        GrantTypeNotAllowed { grant_type: &'static str } "grant_type_not_allowed"
            "this client may not use the grant type {grant_type}";
        ClientWithoutAccount "client_without_account"
            "this client belongs to no account, so it cannot use client credentials; a user of an account has to accept";
    }
    ErrorCode::UnsupportedGrantType => {
        GrantTypeUnknown { known: String } "grant_type_unknown" "grant_type must be {known}";
    }
    ErrorCode::InvalidScope => {
        ScopeMalformed "scope_malformed" "the scope has characters that no scope has";
        ScopeSeparators "scope_separators"
            "scopes must be divided by spaces, encoded once: not by commas, semicolons, tabs, line breaks or plus signs";
        ScopeNotAllowed { scope: String, allowed: String } "scope_not_allowed"
            "this client may not ask for the scope {scope}; it may ask for: {allowed}";
        ScopeNotAccepted { scope: String, accepted: String } "scope_not_accepted"
            "the scope {scope} goes beyond what was accepted: {accepted}";
        ScopeOfUser { scope: String, right: String } "scope_of_user"
            "the scope {scope} is about a user, and a client with its own credentials acts for none; {right}";
        GrantTransferred "grant_transferred"
            "the grant has passed to another user, whom its tokens do not identify; authenticate again";
    }
    ErrorCode::InvalidTarget => {
        ResourceMalformed { why: &'static str } "resource_malformed" "resource {why}";
        ResourceNotAllowed { allowed: String } "resource_not_allowed"
            "this client may ask for the resources {allowed}, and for no other";
        TooManyResources { limit: usize } "too_many_resources" "a request may name {limit} resources at most";
        ResourceNotAccepted "resource_not_accepted"
            "resource goes beyond what was accepted; authenticate again and ask for it there";
    }
    ErrorCode::InvalidDpopProof => {
        DpopProofMissing "dpop_proof_missing" "this client's tokens are bound to a key: send a DPoP proof";
        DpopProofReplayed "dpop_proof_replayed" "this DPoP proof was used before";
        DpopProofInvalid { reason: ProofError } "dpop_proof_invalid" "{reason}";
    }
    ErrorCode::InvalidGrant => {
        GrantInvalid { reason: InvalidToken } "grant_invalid" "{reason}";
        GrantTooOld "grant_too_old"
            "the access was accepted too long ago, however often it was used since; authenticate again";
        CodeUnknown "code_unknown" "the authorization code is unknown";
        CodeOfOtherClient "code_of_other_client" "the authorization code was issued to another client";
        CodeReused "code_reused"
            "the authorization code was already used, so the access it gave has ended; authenticate again";
        CodeExpired "code_expired" "the authorization code has expired; authenticate again";
        RedirectUriMismatch "redirect_uri_mismatch" "redirect_uri is not the one of the authorization request";
        RedirectUriMissing "redirect_uri_missing"
            "redirect_uri is missing; it must be the one of the authorization request";
        VerifierMismatch "verifier_mismatch" "code_verifier is not the one the code_challenge was made of";
        VerifierMissing "verifier_missing" "code_verifier is missing";
        VerifierUnexpected "verifier_unexpected"
            "code_verifier was sent, but the authorization request had no code_challenge";
        CodeKeyMismatch "code_key_mismatch"
            "the DPoP proof is by another key than dpop_jkt of the authorization request";
        CodeKeyMissing "code_key_missing" "a DPoP proof is missing; the authorization request named a key";
        RefreshTokenUnknown "refresh_token_unknown" "the refresh token is unknown";
        RefreshTokenOfOtherClient "refresh_token_of_other_client" "the refresh token was issued to another client";
        RefreshTokenKeyMissing "refresh_token_key_missing"
            "the refresh token is bound to a key: send a DPoP proof by that key";
        RefreshTokenReused "refresh_token_reused"
            "the refresh token was already used, so the access has ended; authenticate again";
        RefreshTokenSuperseded "refresh_token_superseded"
            "the refresh token was already used; go on with the one that was issued in its place";
        RefreshTokenExpired "refresh_token_expired"
            "the refresh token has expired because it was not used for too long; authenticate again";
    }
}

reasons! {
    /// Why an access token is invalid (RFC 6750 §3.1).
    InvalidToken, error: &'static str;

    "invalid_token" => {
        Unknown "token_unknown" "The access token is not one of ours";
        ClientSecret "token_is_client_secret"
            "This is a client secret, not an access token; exchange it at the token endpoint";
        Code "token_is_code" "This is an authorization code, not an access token; exchange it at the token endpoint";
        RefreshToken "token_is_refresh_token"
            "This is a refresh token, not an access token; exchange it at the token endpoint";
        OperatorToken "token_is_operators" "This is an operator's token for the admin API, not an access token";
        ForeignJwt "token_is_foreign_jwt"
            "This JWT is not an access token that was issued here; in the identity provider, fill in the token endpoint, client identifier and client secret";
        Expired "token_expired" "The access token has expired";
        Revoked "token_revoked" "The access token was revoked";
        Superseded "token_superseded"
            "The access token was replaced: the request that led to it was made again before it was used";
        OtherResource "token_of_other_resource" "The access token is for another resource";
        NotKeyBound "token_not_key_bound" "The access token is not bound to a key; send it as Bearer";
        KeyBound "token_key_bound"
            "The access token is bound to a key; send it as DPoP, with a proof by that key";
        StaticTokenUnknown "static_token_unknown"
            "The static token was ended, or was never one of ours; make a new one and paste it";
        StaticTokenExpired "static_token_expired" "The static token has expired; make a new one and paste it";
        StaticTokenEnded "static_token_ended"
            "The access was ended by an operator; make a new static token and paste it";
        GrantEnded { reason: EndReason } "grant_ended" "{reason}";
        GrantEndedBefore "grant_ended_before" "The access was ended; authenticate again";
        GrantGone "grant_gone"
            "The access ended long ago, or the account or the client it was given to is gone; authenticate again";
        OwnerInactive "owner_inactive"
            "The user who accepted access is deactivated or deleted; authenticate again as an active user";
        OwnerGone "owner_gone" "The user who accepted access is gone";
        ClientDisabled "client_disabled" "The client was switched off by an operator";
    }
}

reasons! {
    /// Why a request with an access token is malformed (RFC 6750 §3.1).
    MalformedBearer, error: &'static str;

    "invalid_request" => {
        InUrl "token_in_url" "Send the access token in the Authorization header, never in the URL";
        Twice "token_twice" "Send the access token once: in the header or in the body";
        Form { limit: usize } "token_form" "The body must be a form of at most {limit} KiB";
    }
}

reasons! {
    /// Why a proof of possession is invalid (RFC 9449 §4.3).
    ProofError, error: &'static str;

    "invalid_dpop_proof" => {
        Missing "proof_missing" "the DPoP proof is not right: there is none; send one in the DPoP header";
        Repeated "proof_repeated" "the DPoP proof is not right: there is more than one";
        TooLong "proof_too_long" "the DPoP proof is not right: it is too long";
        NotJwt "proof_not_jwt"
            "the DPoP proof is not right: it must be a JWT signed with ES256, EdDSA, PS256 or RS256";
        Type "proof_type" "the DPoP proof is not right: its typ must be dpop+jwt";
        KeyMissing "proof_key_missing" "the DPoP proof is not right: its header must have the public key as jwk";
        KeyWithoutThumbprint "proof_key_invalid" "the DPoP proof is not right: its key has no thumbprint";
        ClaimType "proof_claim_type" "the DPoP proof is not right: one of its claims has the wrong type";
        Signature "proof_signature" "the DPoP proof is not right: its signature is not that of its key";
        Method "proof_method" "the DPoP proof is not right: its htm is not the method of this request";
        Url "proof_url" "the DPoP proof is not right: its htu is not the URL of this request";
        TimeMissing "proof_time_missing" "the DPoP proof is not right: it has no iat";
        Time "proof_time"
            "the DPoP proof is not right: its iat is not within 40 seconds of now; compare the clocks";
        IdMissing "proof_id_missing" "the DPoP proof is not right: it has no jti";
        OtherKey "proof_other_key" "the DPoP proof is not right: it is by another key than the token's";
        OtherToken "proof_other_token"
            "the DPoP proof is not right: its ath is not the hash of this access token";
        Replayed "proof_replayed" "the DPoP proof is not right: it was used before";
    }
}

reasons! {
    /// Why an authorization request is returned to its client with an error (RFC 6749 §4.1.2.1).
    AuthorizationRefusal, error: &'static str;

    "invalid_request" => {
        ParameterRepeated { name: &'static str } "parameter_repeated" "The parameter {name} stands more than once.";
        ScopeRepeated "scope_repeated"
            "The parameter scope stands more than once. Your identity provider sends a scope of its own beside the one in the authorization URL: remove one of them.";
        ParameterUnreadable { name: String } "parameter_unreadable"
            "The parameter {name} is not UTF-8, or has a NUL character in it.";
        TooLarge { limit: usize } "request_too_large"
            "state, nonce, login_hint, scope and resource have more than {limit} KiB together.";
        PushRequired "push_required"
            "This client must push its authorization requests (RFC 9126) and send the browser with a request_uri.";
        ResponseTypeMissing "response_type_missing" "response_type is missing; it must be code.";
        ResponseMode "response_mode" "The only response_mode is query.";
        MaxAge "max_age" "max_age must be a number of seconds.";
        Prompt "prompt" "prompt must be none, login, consent or select_account.";
        PromptNone "prompt_none" "prompt=none cannot be combined with another.";
        DpopJkt "dpop_jkt" "dpop_jkt must be the SHA-256 thumbprint of a key in base64url, 43 characters.";
        PkceRequired "pkce_required"
            "This client must use PKCE: send code_challenge and code_challenge_method=S256.";
        ChallengeMissing "challenge_missing" "code_challenge_method is there but code_challenge is not.";
        ChallengeInvalid "challenge_invalid"
            "code_challenge must be the SHA-256 of the verifier in base64url, 43 characters.";
        ChallengeMethod "challenge_method" "The only code_challenge_method is S256.";
    }
    "request_not_supported" => {
        RequestObject "request_object" "Request objects are not supported.";
    }
    "request_uri_not_supported" => {
        RequestUri "request_uri" "Request objects are not supported.";
    }
    "registration_not_supported" => {
        Registration "registration"
            "A client cannot register itself in a request; ask the operator of this service for a client ID.";
    }
    "unsupported_response_type" => {
        ResponseType "response_type" "The only response_type is code.";
    }
    "unauthorized_client" => {
        GrantTypeNotAllowed "grant_type_not_allowed" "This client may not ask people for access (authorization_code).";
    }
    "invalid_scope" => {
        ScopeInvalid { reason: TokenRefusal } "scope_invalid" "{reason}";
        ScopeNotAllowed { scope: String, allowed: String } "scope_not_allowed"
            "This client may not ask for the scope {scope}; it may ask for: {allowed}.";
    }
    "invalid_target" => {
        ResourceInvalid { reason: TokenRefusal } "resource_invalid" "{reason}.";
    }
}

reasons! {
    /// Why an authorization request is answered on a page, and its client is told nothing (RFC 6749 §4.1.2.1).
    PageRefusal, title: &'static str;

    "This request is malformed" => {
        PushedMalformed "pushed_malformed" "A request that was pushed is named by one client_id and one request_uri.";
    }
    "This link has been used" => {
        PushedUnknown "pushed_unknown"
            "It was opened before, or more than a minute and a half ago, or it is another application's. Go back to the application and begin again.";
    }
    "Which client is this?" => {
        ClientMissing "client_missing" "The request has no client_id.";
        ClientRepeated "client_repeated" "The request has more than one client_id.";
    }
    "Unknown client" => {
        ClientUnknown "client_unknown"
            "There is no client with this client ID. Compare the client ID in your identity provider with the one you were given.";
    }
    "This client is switched off" => {
        ClientDisabled { client: String } "client_disabled"
            "The client {client} was switched off. Ask the operator who gave you the client ID.";
    }
    "This client is not set up yet" => {
        NoRedirectUri { client: String, help: &'static str } "no_redirect_uri"
            "No redirect URI is registered for {client} yet. {help}";
    }
    "This redirect URI is not registered" => {
        RedirectUriUnknown { uri: String, client: String, help: &'static str } "redirect_uri_unknown"
            "The redirect URI {uri} is not registered for {client}. {help}";
    }
    "Where should the answer go?" => {
        RedirectUriMissing "redirect_uri_missing"
            "The request has no redirect_uri, and the client has more than one registered.";
        RedirectUriRepeated "redirect_uri_repeated" "The request has more than one redirect_uri.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_of_one_form_and_no_reason_shares_one() {
        let lists = [
            TokenRefusal::CODES,
            InvalidToken::CODES,
            MalformedBearer::CODES,
            ProofError::CODES,
            AuthorizationRefusal::CODES,
            PageRefusal::CODES,
        ];
        for codes in lists {
            let unique: std::collections::BTreeSet<_> = codes.iter().collect();
            assert_eq!(unique.len(), codes.len());
            for code in codes {
                assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            }
        }
    }

    #[test]
    fn a_text_names_its_fields_and_a_group_has_one_error() {
        let refusal = TokenRefusal::GrantTypeNotAllowed { grant_type: "client_credentials" };
        assert_eq!(refusal.to_string(), "this client may not use the grant type client_credentials");
        assert_eq!((refusal.error(), refusal.code()), (ErrorCode::UnauthorizedClient, "grant_type_not_allowed"));
        let ended = InvalidToken::GrantEnded { reason: EndReason::Replaced };
        assert_eq!(ended.text(), EndReason::Replaced.refusal());
        assert_eq!((ended.code(), ended.reason_code()), ("grant_ended", EndReason::Replaced.code()));
        let disabled = PageRefusal::ClientDisabled { client: "Acme".to_owned() };
        assert_eq!((disabled.title(), disabled.code()), ("This client is switched off", "client_disabled"));
    }
}

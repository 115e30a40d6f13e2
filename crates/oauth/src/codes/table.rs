//! The table of codes: each with its name, what it means, and what to do.

use super::Place;

codes! {
    Request => {
        RequestMalformed "request_malformed"
            "The request could not be read: its body is not a form, broke off, or is encoded wrongly."
            "The identity provider builds this request. If nothing between it and this server changes requests, report it to the identity provider.";
        ParameterMissing "parameter_missing"
            "The request lacks a parameter that it needs."
            "The text names the parameter. A client of your own has to send it; with an identity provider, compare its settings with the setup guide.";
        ParameterRepeated "parameter_repeated"
            "A parameter stands in the request more than once, so it is not clear which value counts."
            "Look for the parameter that the text names in the URLs that were typed into the identity provider, and remove it there.";
        ParameterInUrl "parameter_in_url"
            "A parameter that may be secret stands in the URL, where logs keep it."
            "Remove everything after the question mark from the token URL in the identity provider, but for scope.";
        NulCharacter "nul_character"
            "A parameter has a NUL character, which no value has."
            "Type the values in the identity provider again instead of pasting them.";
        ScopeRepeated "scope_repeated"
            "The scope was sent more than once: the identity provider sends one of its own beside the one in a URL."
            "Remove the scope from the authorization URL or token URL, or from the identity provider's scope field.";
        RequestUriPushed "request_uri_pushed"
            "A request that was to be pushed names another pushed request."
            "The developer of the client has to push the parameters themselves (RFC 9126).";
        DpopJktMismatch "dpop_jkt_mismatch"
            "The key that the request names is not the one it proves to have."
            "The developer of the client has to send dpop_jkt and the DPoP proof for the same key.";
        GrantTypeUnknown "grant_type_unknown"
            "The token request has a grant type that this server does not know."
            "Choose the authorization code grant or client credentials in the identity provider.";
        ScopeMalformed "scope_malformed"
            "The scope has characters that no scope has, such as quotation marks."
            "Type the scope in the identity provider again, as the setup sheet shows it.";
        ScopeSeparators "scope_separators"
            "The scopes are divided by commas or other characters, or were encoded twice."
            "Divide the scopes by single spaces in the identity provider.";
        ResourceMalformed "resource_malformed"
            "The resource parameter is not an absolute URL, or has a fragment."
            "Correct or remove the resource (audience) in the client's settings.";
        TooManyResources "too_many_resources"
            "The request names more resources than one request may."
            "The developer of the client has to ask for fewer resources at once.";
    }
    Client => {
        HeaderNotBasic "header_not_basic"
            "The Authorization header of the token request is not HTTP Basic with a client ID and a secret."
            "Choose client_secret_basic or client_secret_post in the identity provider, and copy ID and secret again.";
        ClientMissing "client_missing"
            "The request does not say which client sends it."
            "Fill in the client ID and the client secret in the identity provider.";
        CredentialsPasted "credentials_pasted"
            "The client ID or the secret was sent with a space or a line break at its beginning or end."
            "Copy the value again without the white space, and save.";
        CredentialsWrong "credentials_wrong"
            "The client ID or the client secret is not right, or the secret was removed."
            "Copy both again. If the secret is lost, make a new one for the client and paste it.";
        SecretMissing "secret_missing"
            "The client has a secret and did not send it."
            "Fill in the client secret in the identity provider.";
        SecretExpired "secret_expired"
            "The client secret was right once, and has expired."
            "Make a new secret for the client, and paste it into the identity provider.";
        BasicOnly "basic_only"
            "The client is registered to send its secret in the Authorization header, and sent it in the body."
            "Switch the identity provider to client_secret_basic, or register the client for both.";
        PostOnly "post_only"
            "The client is registered to send its secret in the body, and sent it in the Authorization header."
            "Switch the identity provider to client_secret_post, or register the client for both.";
        AssertionOnly "assertion_only"
            "The client is registered to sign its requests, and came with a secret or with nothing."
            "Switch the identity provider to private_key_jwt or federated credentials, or register the client for a secret.";
        CredentialsTwice "credentials_twice"
            "The client's credentials were sent twice: in the header and in the body."
            "Choose one way of client authentication in the identity provider.";
        ClientIdMismatch "client_id_mismatch"
            "The client ID in the body is another than the one in the Authorization header."
            "Compare the client IDs in the identity provider's settings; one of them is old.";
        AssertionAndSecret "assertion_and_secret"
            "The client sent a signed assertion and a secret in one request."
            "Choose one way of client authentication in the identity provider.";
        AssertionIncomplete "assertion_incomplete"
            "One of client_assertion and client_assertion_type was sent without the other."
            "The developer of the client has to send both (RFC 7523).";
        AssertionTooLong "assertion_too_long"
            "The signed assertion is longer than any that is accepted."
            "The developer of the client has to put fewer claims into the assertion.";
        AssertionType "assertion_type"
            "The client_assertion_type is not the one for JWTs."
            "The developer of the client has to send the type that the text names.";
        AssertionInvalid "assertion_invalid"
            "The signed assertion does not count; the text says why: its issuer, subject, audience, time or signature."
            "Compare issuer, subject and audience in the client's federation settings with those in the identity provider, and compare the clocks.";
        AssertionKeysUnavailable "assertion_keys_unavailable"
            "The keys that the assertion is checked with could not be fetched."
            "Look at the rows of the same request id: they show which address was called and what came back. Correct the client's jwks_uri or issuer, or wait until it answers.";
        AssertionClientUnknown "assertion_client_unknown"
            "The signed assertion names no client that is registered here."
            "Compare the client ID in the identity provider, and the subject of the client's federation settings.";
        AssertionReplayed "assertion_replayed"
            "The same signed assertion was sent a second time."
            "The developer of the client has to sign a new assertion for each request. If the client is your identity provider, try again.";
        ClientDisabled "client_disabled"
            "The client was switched off by an operator."
            "Switch the client on again if that was not intended; its connections then work as before.";
        AccountSuspended "account_suspended"
            "The account is suspended: its clients, tokens and users are refused until an operator resumes it. Nothing of it is lost."
            "Resume the account if that was not intended (the console, or POST /admin/accounts/{account}/resume); everything then works as before.";
        ClientPublic "client_public"
            "The client has no secret, and the endpoint needs one."
            "Use a client with a secret for introspection.";
        GrantTypeNotAllowed "grant_type_not_allowed"
            "The client is not registered for the grant type that it asks with."
            "Add the grant type to the client, or change it in the identity provider.";
        ClientWithoutAccount "client_without_account"
            "The client belongs to no account, so it has no data of its own to reach with client credentials."
            "Register a client in the account, or let a user of the account accept access.";
        ScopeNotAllowed "scope_not_allowed"
            "The client asks for a scope that it is not registered for."
            "Correct the scope in the identity provider, or add it to the client.";
        ScopeOfUser "scope_of_user"
            "The client asks with its own credentials for a scope that is about a user."
            "Remove openid, profile, email or offline_access from the scope of the client credentials request.";
        ResourceNotAllowed "resource_not_allowed"
            "The client asks for a token for a resource that it is not registered for."
            "Correct the resource (audience) in the client's settings, or add it to the client.";
    }
    Grant => {
        ScopeNotAccepted "scope_not_accepted"
            "A refresh asks for more scope than the user accepted."
            "Authenticate again with the new scope, or take the scope back to what was accepted.";
        ResourceNotAccepted "resource_not_accepted"
            "A token request asks for a resource that was not in the authorization request."
            "Authenticate again and ask for the resource there.";
        GrantTransferred "grant_transferred"
            "The access passed to a co-owner, so tokens that identify the first user are no longer issued."
            "Authenticate again as the user whom the client is to know.";
        GrantTooOld "grant_too_old"
            "The access has reached its absolute age, however often it was used."
            "Authenticate again. The client's option refresh_absolute says how long access lasts.";
        CodeUnknown "code_unknown"
            "The authorization code is not one of ours, or is so old that it was forgotten."
            "Press Authenticate again, and finish within ten minutes.";
        CodeOfOtherClient "code_of_other_client"
            "The authorization code was issued to another client."
            "Compare the client ID in the authorization settings and in the token settings of the identity provider.";
        CodeReused "code_reused"
            "The authorization code was used twice, which may mean that it was stolen; the access has ended."
            "Authenticate again. If it happens each time, a proxy or the identity provider repeats requests.";
        CodeExpired "code_expired"
            "The authorization code was used too late."
            "Authenticate again. If it happens each time, the identity provider is slow, or its clock is wrong.";
        RedirectUriMismatch "redirect_uri_mismatch"
            "The redirect URI of the token request is not the one of the authorization request."
            "Set the same redirect URI in all places of the identity provider's settings.";
        RedirectUriMissing "redirect_uri_missing"
            "The token request lacks the redirect URI that the authorization request had."
            "The developer of the client has to send redirect_uri in both requests.";
        VerifierMismatch "verifier_mismatch"
            "The PKCE verifier does not fit the challenge: two log-ins were mixed up, or the code was taken."
            "Authenticate again, in one browser tab.";
        VerifierMissing "verifier_missing"
            "The authorization request used PKCE, and the token request has no verifier."
            "The developer of the client has to send code_verifier, or to switch PKCE off in both requests.";
        VerifierUnexpected "verifier_unexpected"
            "The token request has a PKCE verifier, and the authorization request had no challenge."
            "The developer of the client has to send code_challenge, or to switch PKCE off in both requests.";
        CodeKeyMismatch "code_key_mismatch"
            "The authorization request named a key, and the token request proves another."
            "The developer of the client has to use one DPoP key for one connection.";
        CodeKeyMissing "code_key_missing"
            "The authorization request named a key, and the token request proves none."
            "The developer of the client has to send a DPoP proof with the token request.";
        RefreshTokenUnknown "refresh_token_unknown"
            "The refresh token is not one of ours, or ended so long ago that it was forgotten."
            "Authenticate again.";
        RefreshTokenOfOtherClient "refresh_token_of_other_client"
            "The refresh token was issued to another client."
            "The client ID in the identity provider was changed: authenticate again.";
        RefreshTokenKeyMissing "refresh_token_key_missing"
            "The refresh token is bound to a key, and the request proves none."
            "The developer of the client has to send a DPoP proof by the same key.";
        RefreshTokenReused "refresh_token_reused"
            "A refresh token was used again after its successor was in use, which may mean that it was stolen; the access has ended."
            "Authenticate again. If it happens each time, two installations share one connection: give each its own client.";
        RefreshTokenSuperseded "refresh_token_superseded"
            "The client sent a refresh token that was already exchanged for a new one."
            "Nothing, if it happens once: the client goes on with the new token. If it goes on, authenticate again.";
        RefreshTokenExpired "refresh_token_expired"
            "The refresh token was not used for too long: no push ran for that time."
            "Authenticate again. Let the identity provider push at least once within the client's refresh_idle time.";
    }
    AccessToken => {
        TokenMissing "token_missing"
            "The request has no access token."
            "Finish the connection in the identity provider: press Authenticate, or paste the static token.";
        InsufficientScope "insufficient_scope"
            "The access token is good, and lacks the scope that this endpoint needs."
            "Authenticate again with the scope that the setup sheet shows.";
        TokenInUrl "token_in_url"
            "The access token stands in the URL, where logs keep it. Consider it known to others."
            "Remove the token from the URL in the identity provider, choose the Authorization header, and make a new token.";
        TokenTwice "token_twice"
            "The access token was sent in the header and in the body."
            "The developer of the client has to send it once.";
        TokenForm "token_form"
            "The body that should have the access token is no form, or is too large."
            "The developer of the client has to send the token in the Authorization header.";
        TokenUnknown "token_unknown"
            "What was sent as an access token is not one of ours."
            "Authenticate again, or paste the static token again: a part may be missing.";
        TokenIsClientSecret "token_is_client_secret"
            "A client secret was sent in the place of an access token."
            "Set the identity provider to OAuth 2.0 with client ID and client secret, or make a static token and paste that.";
        TokenIsCode "token_is_code"
            "An authorization code was sent in the place of an access token."
            "The developer of the client has to exchange the code at the token endpoint.";
        TokenIsRefreshToken "token_is_refresh_token"
            "A refresh token was sent in the place of an access token."
            "The developer of the client has to exchange the refresh token at the token endpoint.";
        TokenIsOperators "token_is_operators"
            "An operator's token for the admin API was sent in the place of an access token. Consider it known to others."
            "Make a static token for the client and paste that; end the operator's token.";
        TokenIsForeignJwt "token_is_foreign_jwt"
            "The token was issued by another server: the identity provider used a token of its own."
            "Fill in token endpoint, client ID and client secret in the identity provider, so that it asks this server for a token.";
        TokenExpired "token_expired"
            "The access token has expired, and the client did not fetch a new one in time."
            "Usually nothing: the client refreshes and goes on. If it does not, authenticate again.";
        TokenRevoked "token_revoked"
            "The access token was revoked by its client."
            "Authenticate again if the client does not fetch a new token by itself.";
        TokenSuperseded "token_superseded"
            "The access token was replaced, because the request that led to it was made a second time."
            "Nothing, if it happens once: the client has a newer token.";
        TokenOfOtherResource "token_of_other_resource"
            "The access token is for another resource server."
            "Remove the resource (audience) from the client's settings, or set it to the URL of the endpoint that the client calls.";
        TokenNotKeyBound "token_not_key_bound"
            "The access token is bound to no key, and was sent as if it were."
            "The developer of the client has to send it as Bearer.";
        TokenKeyBound "token_key_bound"
            "The access token is bound to a key, and was sent without proof of the key."
            "The developer of the client has to send it as DPoP with a proof; or register the client without DPoP.";
        StaticTokenUnknown "static_token_unknown"
            "The static token was ended, or never existed."
            "Make a new static token for the client and paste it into the identity provider.";
        StaticTokenExpired "static_token_expired"
            "The static token has expired."
            "Make a new static token for the client and paste it into the identity provider.";
        StaticTokenEnded "static_token_ended"
            "The static token was ended by an operator."
            "If the connection is to go on, make a new static token and paste it.";
        GrantEndedBefore "grant_ended_before"
            "The access has ended; why is no longer known."
            "Authenticate again.";
        GrantGone "grant_gone"
            "The access ended long ago, or its account or client is gone."
            "Authenticate again; if the client was deleted, set the connection up anew.";
        OwnerInactive "owner_inactive"
            "The user who accepted access is deactivated."
            "Authenticate again as an active user, at best a service account.";
        OwnerGone "owner_gone"
            "The user whom the token stands for does not exist any more."
            "Authenticate again as an active user.";
    }
    Ended => {
        EndedCodeReused "ended_code_reused"
            "The access was ended because its authorization code was used twice."
            "Authenticate again.";
        EndedCodeRefused "ended_code_refused"
            "The access was ended because its authorization code came too late or without the right proof."
            "Authenticate again.";
        EndedAlreadyAnswered "ended_already_answered"
            "The access was ended because the authorization request had been answered before."
            "Authenticate again.";
        EndedRefreshTokenReused "ended_refresh_token_reused"
            "The access was ended because a refresh token was used again after its successor was in use."
            "Authenticate again. If it happens again, two installations share one connection: give each its own client.";
        EndedRevoked "ended_revoked"
            "The access was ended by the client, which revoked its token: usually the connection was removed in the identity provider."
            "If the connection is to go on, authenticate again.";
        EndedOwnerDeactivated "ended_owner_deactivated"
            "The user who accepted access was deactivated."
            "Authenticate again as an active user, at best a service account, and name a co-owner for the account.";
        EndedOwnerDeleted "ended_owner_deleted"
            "The user who accepted access was deleted."
            "Authenticate again as an active user, at best a service account, and name a co-owner for the account.";
        EndedByOperator "ended_by_operator"
            "The access was ended by an operator."
            "If the connection is to go on, authenticate again.";
        EndedByOwner "ended_by_owner"
            "The access was ended by the user who had accepted it."
            "If the connection is to go on, authenticate again.";
        EndedClientDeleted "ended_client_deleted"
            "The client was deleted."
            "Set the connection up with a new client.";
        EndedOwnerRoleLost "ended_owner_role_lost"
            "The user who accepted access lost the role that may accept it."
            "Give the user such a role again or choose another user who has one, and authenticate again.";
        EndedUnused "ended_unused"
            "The access was not used for too long."
            "Authenticate again.";
        EndedAccountDeleted "ended_account_deleted"
            "The account was deleted."
            "Remove the connection in the identity provider, or create the account anew.";
        EndedReplaced "ended_replaced"
            "A newer connection of the same client is in use, and took the place of this one."
            "Nothing, if the connection was made again. If two installations use one client, give each its own.";
        EndedLoggedOut "ended_logged_out"
            "The identity provider of the account logged the user who accepted access out everywhere (Universal Logout, or a security event)."
            "If the connection is to go on, authenticate again, at best as a service account that no person logs in as.";
    }
    Proof => {
        DpopProofMissing "dpop_proof_missing"
            "The client is registered for key-bound tokens, and its token request has no DPoP proof."
            "The developer of the client has to send a proof; or register the client without DPoP.";
        DpopProofReplayed "dpop_proof_replayed"
            "The DPoP proof of a token request was used before."
            "The developer of the client has to make a new proof for each request.";
        ProofMissing "proof_missing"
            "The request has a key-bound token and no DPoP proof."
            "The developer of the client has to send a proof in the DPoP header.";
        ProofRepeated "proof_repeated"
            "The request has more than one DPoP proof."
            "The developer of the client has to send one DPoP header.";
        ProofTooLong "proof_too_long"
            "The DPoP proof is longer than any that is accepted."
            "The developer of the client has to make a proof with the claims of RFC 9449 only.";
        ProofNotJwt "proof_not_jwt"
            "The DPoP proof is not a JWT with an algorithm that is accepted."
            "The developer of the client has to sign it with ES256, EdDSA, PS256 or RS256.";
        ProofType "proof_type"
            "The DPoP proof is a JWT of another type."
            "The developer of the client has to set typ to dpop+jwt.";
        ProofKeyMissing "proof_key_missing"
            "The DPoP proof has no public key in its header."
            "The developer of the client has to put the public key there as jwk.";
        ProofKeyInvalid "proof_key_invalid"
            "The key in the DPoP proof cannot be used."
            "The developer of the client has to use an EC, OKP or RSA key.";
        ProofClaimType "proof_claim_type"
            "A claim of the DPoP proof has the wrong type."
            "The developer of the client has to send htm, htu, jti and ath as text and iat as a number.";
        ProofSignature "proof_signature"
            "The signature of the DPoP proof is not that of its key."
            "The developer of the client has to sign with the private key of the jwk.";
        ProofMethod "proof_method"
            "The DPoP proof is for another HTTP method."
            "The developer of the client has to make a proof for each request.";
        ProofUrl "proof_url"
            "The DPoP proof is for another URL."
            "The developer of the client has to use the public URL. If it does, compare the server's public_url setting.";
        ProofTimeMissing "proof_time_missing"
            "The DPoP proof has no time."
            "The developer of the client has to send iat.";
        ProofTime "proof_time"
            "The DPoP proof was made too long ago, or in the future."
            "Compare the client's clock with the real time.";
        ProofIdMissing "proof_id_missing"
            "The DPoP proof has no identifier."
            "The developer of the client has to send jti.";
        ProofOtherKey "proof_other_key"
            "The DPoP proof is by another key than the one the token is bound to."
            "The developer of the client has to use one key for one connection.";
        ProofOtherToken "proof_other_token"
            "The DPoP proof was made for another access token."
            "The developer of the client has to send the hash of the access token as ath.";
        ProofReplayed "proof_replayed"
            "The DPoP proof of a request with an access token was used before."
            "The developer of the client has to make a new proof for each request.";
    }
    Authorization => {
        ParameterUnreadable "parameter_unreadable"
            "A parameter of the authorization request is not UTF-8, or has a NUL character."
            "Type the values in the identity provider again instead of pasting them.";
        AuthorizationTooLarge "authorization_too_large"
            "The authorization request carries more than fits through the pages."
            "The developer of the client has to send a shorter state, nonce or scope.";
        PushRequired "push_required"
            "The client is registered to push its authorization requests, and sent the browser with a plain one."
            "Switch pushed authorization requests on in the identity provider, or off for the client.";
        ResponseTypeMissing "response_type_missing"
            "The authorization URL has no response_type."
            "Copy the authorization URL from the setup sheet again.";
        ResponseType "response_type"
            "The client asks for another response type than code, such as token."
            "Choose the authorization code flow in the identity provider.";
        ResponseMode "response_mode"
            "The client asks for an answer in another form than in the URL."
            "Choose the response mode query in the identity provider.";
        MaxAge "max_age"
            "max_age is not a number of seconds."
            "Correct it in the authorization URL.";
        Prompt "prompt"
            "prompt has a value that does not exist."
            "Correct it in the authorization URL.";
        PromptNone "prompt_none"
            "prompt=none says not to ask, and stands beside a value that says to ask."
            "Remove one of them from the authorization URL.";
        DpopJkt "dpop_jkt"
            "dpop_jkt is not the thumbprint of a key."
            "The developer of the client has to send the SHA-256 thumbprint in base64url.";
        PkceRequired "pkce_required"
            "The client must use PKCE, and does not."
            "Switch PKCE on in the identity provider, or let an operator register the client without it.";
        ChallengeMissing "challenge_missing"
            "The request says how its PKCE challenge was made, and has none."
            "The developer of the client has to send code_challenge.";
        ChallengeInvalid "challenge_invalid"
            "The PKCE challenge is not 43 characters of base64url."
            "The developer of the client has to send the SHA-256 of the verifier in base64url without padding.";
        ChallengeMethod "challenge_method"
            "The client uses the PKCE method plain, which protects nothing."
            "The developer of the client has to use S256.";
        RequestObject "request_object"
            "The authorization request comes as a signed object, which is not supported."
            "The developer of the client has to send plain parameters, or to push them.";
        RequestUri "request_uri"
            "The authorization request names a request object at another address, which is not supported."
            "The developer of the client has to push the request here and use the request_uri of the answer.";
        Registration "registration"
            "The client tries to register itself in the request."
            "Register the client here and fill its client ID in.";
        ScopeInvalid "scope_invalid"
            "The scope of the authorization request is written in a way that no scope is; the text says what is wrong."
            "Type the scope in the identity provider again, divided by spaces, as the setup sheet shows it.";
        ResourceInvalid "resource_invalid"
            "The resource of the authorization request is malformed, or not for this client."
            "Correct or remove the resource (audience) in the client's settings.";
        PushedMalformed "pushed_malformed"
            "A link to a pushed request has more than one client_id or request_uri."
            "The developer of the client has to send exactly the two.";
        PushedUnknown "pushed_unknown"
            "The pushed request was opened before, is older than a minute and a half, or belongs to another client."
            "Go back to the application and begin again.";
        ClientIdMissing "client_id_missing"
            "The authorization URL has no client_id."
            "Fill in the client ID in the identity provider.";
        ClientRepeated "client_repeated"
            "The authorization URL has more than one client_id."
            "Remove the client_id from the authorization URL: the identity provider adds it.";
        ClientUnknown "client_unknown"
            "There is no client with this client ID: it is mistyped, or the client was deleted."
            "Compare the client ID in the identity provider with that of the client.";
        NoRedirectUri "no_redirect_uri"
            "The client has no redirect URI yet."
            "Register the identity provider's redirect URI for the client; the text says where to find it.";
        RedirectUriUnknown "redirect_uri_unknown"
            "The identity provider sends people back to an address that is not registered for the client."
            "Register the redirect URI that the text names, if it is the identity provider's.";
        RedirectUriNeeded "redirect_uri_needed"
            "The request names no redirect URI, and the client has more than one."
            "The developer of the client has to send redirect_uri.";
        RedirectUriRepeated "redirect_uri_repeated"
            "The request has more than one redirect URI."
            "Remove redirect_uri from the authorization URL: the identity provider adds it.";
    }
}

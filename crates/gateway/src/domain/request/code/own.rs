//! The codes of refusals that neither protocol knows: of HTTP, of limits, of pages, of calls to others, and of failures.

use super::Place;

/// Defines the codes: where each belongs, its name, what it means, and what to do about it.
macro_rules! codes {
    ($($place:ident => { $($code:ident $name:literal $meaning:literal $remedy:literal;)+ })+) => {
        /// The code of a refusal of this server.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum OwnCode {
            $($(#[doc = $meaning] $code,)+)+
        }

        impl OwnCode {
            /// Every code.
            pub const ALL: &'static [OwnCode] = &[$($(OwnCode::$code,)+)+];

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $($(OwnCode::$code => $name,)+)+ }
            }

            /// Where it is met.
            pub const fn place(self) -> Place {
                match self { $($(OwnCode::$code => Place::$place,)+)+ }
            }

            /// What it means, for people who look after a connection.
            pub const fn meaning(self) -> &'static str {
                match self { $($(OwnCode::$code => $meaning,)+)+ }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $($(OwnCode::$code => $remedy,)+)+ }
            }
        }
    };
}

codes! {
    SignIn => {
        StaleForm "stale_form"
            "A page was used too long after it was opened, in another browser, a second time, or without cookies."
            "Begin again in the identity provider, in one browser, with cookies allowed.";
        SetupLinkClosed "setup_link_closed"
            "A setup link was opened that was revoked, has expired, or never was one."
            "Make a new setup link for the client and send it to the customer's administrator.";
        WorkloadWrong "workload_identity_wrong"
            "On the setup page of Entra, values of a workload identity were entered that are not what Entra shows."
            "Copy Issuer, JWKS URL, Subject and Audience from Entra’s screen Workload Identity Federation, each alone.";
        SecretRevealedBefore "secret_revealed_before"
            "The secret of a client was asked for again by its setup link. It is shown once, and was not shown."
            "Ask the administrator whether both were theirs. If they lost it, they create a new one on the page; if it was a stranger, they do so at once.";
        VariableNameWrong "variable_name_wrong"
            "What was typed on a setup page is no variable name of an Okta app."
            "The name is in Directory › Profile Editor below the display name, and looks like acmemedia_scim_1.";
        SetupTooSoon "setup_too_soon"
            "On a setup page a secret was made or a password set a moment after the last one."
            "Wait a few seconds.";
        PasswordWrong "password_wrong"
            "The user name or the password is not right, or the name is that of several users."
            "Set a new password for the user (admin API), or let the user name the account as well. The audit trail says whether the name was unclear.";
        LogInThrottled "log_in_throttled"
            "There were too many attempts with a wrong password for this name."
            "Wait as long as the page says; nothing is locked. If the user did not try, look at the addresses in the log.";
        PasswordNotAllowed "password_not_allowed"
            "The password is right, and people of this account log in at their OpenID provider."
            "Log in with the provider's button, or change the account's sign-in settings.";
        PasswordUnsuitable "password_unsuitable"
            "A new password is too short, too long, easily guessed, or was not typed the same twice."
            "Choose another one; the text says what is wrong.";
        PasswordLinkRefused "password_link_refused"
            "A link that sets a password was used already, is over, or was replaced by a newer one."
            "Make another link for the user (admin API or console), or let the user ask for one on the log-in page where mail is configured.";
        RecoveryThrottled "recovery_throttled"
            "Links to set a password were asked for too often, for one name or from one address."
            "Wait as long as the page says, or make a link for the user (admin API or console).";
        SecondFactorWrong "second_factor_wrong"
            "The code of the authenticator app is not right, or was used already."
            "Wait for the next code. If it never fits, compare the telephone's clock, or take the app away for the user (admin API).";
        SecondFactorThrottled "second_factor_throttled"
            "There were too many wrong codes."
            "Wait as long as the page says.";
        SecondFactorGone "second_factor_gone"
            "The authenticator app was taken away while its code was asked for."
            "Log in again.";
        ProviderMissing "provider_missing"
            "The account has no OpenID provider any more, and the user came to log in there."
            "Log in with a password, or set the provider up again.";
        ProviderUnreachable "provider_unreachable"
            "The account's OpenID provider could not be asked, or its address is not an OpenID provider's."
            "Look at the rows of the same request id: they show which address was called and what came back. Correct the issuer in the account's sign-in settings.";
        ProviderExchangeFailed "provider_exchange_failed"
            "The account's OpenID provider did not exchange the code."
            "Compare the client ID and the secret in the account's sign-in settings; a secret may have expired at the provider.";
        ProviderAnswerInvalid "provider_answer_invalid"
            "What the account's OpenID provider answered could not be verified."
            "Compare issuer and client ID with the provider, and the clocks. The server's log says what was wrong.";
        ProviderLoginOld "provider_login_old"
            "A new log-in was asked for, and the account's OpenID provider let the user in by an older one, though it was told to ask again."
            "Have the provider honour prompt=login and max_age, or send another auth_time; compare its clock.";
        ProviderRefused "provider_refused"
            "The account's OpenID provider did not let the user in; the text repeats why."
            "Assign the user to this application at the provider.";
        ProviderMixedUp "provider_mixed_up"
            "An answer came from another OpenID provider than the one that was asked."
            "Begin again. If it happens each time, the issuer in the account's sign-in settings is not what the provider calls itself.";
        ProviderUserDeactivated "provider_user_deactivated"
            "The OpenID provider knows the person, and the user is deactivated here."
            "Assign the user to provisioning again, so that it becomes active here.";
        ProviderUserUnknown "provider_user_unknown"
            "The OpenID provider let the person in, and no active user here has the name or address."
            "Provision the user first, or change by what users are matched in the account's sign-in settings.";
        ProviderUserAmbiguous "provider_user_ambiguous"
            "Several users here have the address that the OpenID provider names."
            "Give each user an address of its own, or match by subject.";
        ProviderUserLinked "provider_user_linked"
            "The user is linked to another identity at the OpenID provider."
            "If the person got a new identity there, release the link (admin API).";
        ProviderEmailUnverified "provider_email_unverified"
            "The OpenID provider does not say that it verified the person's address."
            "Let the provider send email_verified, or match by another attribute.";
        ProviderEmailMissing "provider_email_missing"
            "The OpenID provider does not tell the person's address."
            "Let the provider send the claim email, or match by another attribute.";
        ProviderNameMissing "provider_name_missing"
            "The OpenID provider does not tell the person's user name."
            "Let the provider send the claim preferred_username, or match by another attribute.";
        UserDisabledByProvider "user_disabled_by_provider"
            "The account's identity provider has told that the user is disabled there (RISC account-disabled)."
            "Enable the user there, so that the provider tells of it, or activate the user again by provisioning.";
        SamlMissing "saml_missing"
            "The account has no SAML provider, and a person came to log in there, or a response arrived for it."
            "Set the provider up in the account's sign-in settings, or correct the single sign-on URL at the provider.";
        SamlAccountUnclear "saml_account_unclear"
            "A response arrived at the address that all accounts share, and its issuer is the provider of no account or of several."
            "Use the account's own single sign-on URL at the provider; the setup sheet shows it.";
        SamlMalformed "saml_malformed"
            "What arrived is not a SAML response that can be read: no base64, no XML, too large, too deep, or with parts missing."
            "Begin again. If it happens each time, the text says what the provider has to send.";
        SamlForbiddenXml "saml_forbidden_xml"
            "A SAML response has what none needs: a document type definition, entities, comments, processing instructions or CDATA."
            "Let the provider send a plain response. If it never does otherwise, see which program between the two changes it.";
        SamlUnsigned "saml_unsigned"
            "Neither the SAML response nor its assertion is signed."
            "Switch on that the provider signs assertions.";
        SamlSignatureForm "saml_signature_form"
            "The signature of a SAML response is of a form that is not read: another algorithm, transform or canonicalization."
            "Let the provider sign with RSA and SHA-256, exclusive canonicalization, and no transforms of its own.";
        SamlSignatureWrong "saml_signature_wrong"
            "The signature of a SAML response is not made with a configured certificate, or the response was changed afterwards."
            "Compare the certificate in the account's sign-in settings with the provider's; add the new one if the provider changed it.";
        SamlSha1 "saml_weak_hash"
            "A SAML response is signed with SHA-1."
            "Let the provider sign with SHA-256. If it cannot, allow SHA-1 in the account's sign-in settings.";
        SamlWrapped "saml_wrapped"
            "In a SAML response, signatures or assertions stand where none belong, as in signature wrapping attacks."
            "No provider sends this. If it happens each time, tell the operator of this service; else treat it as an attack.";
        SamlAssertions "saml_assertions"
            "A SAML response has no assertion, or several."
            "Let the provider send one assertion.";
        SamlEncrypted "saml_encrypted"
            "A SAML assertion is encrypted, and this server takes none that is."
            "Switch assertion encryption off at the provider; responses come by TLS.";
        SamlRefused "saml_refused"
            "The account's SAML provider did not let the person in; the text repeats why."
            "Assign the person to this application at the provider.";
        SamlIssuer "saml_issuer"
            "A SAML response is from another provider than the account's."
            "Compare the entity ID in the account's sign-in settings with the issuer that the text names.";
        SamlAudience "saml_audience"
            "A SAML assertion is for another audience."
            "Enter the audience URI (SP entity ID) of the setup sheet at the provider.";
        SamlDestination "saml_destination"
            "A SAML response is for another address (Destination) than the one at which it arrived."
            "Enter the single sign-on URL of the setup sheet at the provider, as it is written there.";
        SamlRecipient "saml_recipient"
            "A SAML assertion is for another address (Recipient) than the one at which it arrived."
            "Let the provider use the single sign-on URL for Recipient and Destination.";
        SamlTime "saml_time"
            "A SAML assertion is not valid yet, or not any more; three minutes of difference between the clocks are forgiven."
            "Log in again. If it happens each time, compare the clocks of the provider and of this server.";
        SamlSubject "saml_subject"
            "A SAML assertion has no NameID that is one plain text, or no confirmation for the person who brings it."
            "Let the provider send a NameID and a bearer confirmation, as the Web Browser SSO profile says.";
        SamlRequestUnknown "saml_request_unknown"
            "A SAML response answers a request that was not sent, was answered before, or is too old."
            "Begin again on the log-in page.";
        SamlUnsolicited "saml_unsolicited"
            "A person came from the provider's own page, and the account does not allow that."
            "Begin on the log-in page, or allow it in the account's sign-in settings (idp_initiated).";
        SamlReplayed "saml_replayed"
            "A SAML assertion was brought a second time."
            "Log in again; going back in the browser sends the old response once more.";
        SamlUserUnknown "saml_user_unknown"
            "The SAML provider let the person in, and no active user here has the name."
            "Provision the user first, change what users are matched by, or have users made at the first log-in (create_users).";
        SamlUserAmbiguous "saml_user_ambiguous"
            "Several users here have the name or address that the SAML provider gives."
            "Give each user an address of its own, or match by user name.";
        SamlAttributeMissing "saml_attribute_missing"
            "A SAML assertion does not have the attribute by which users are matched."
            "Let the provider send the attribute that the text names, or match by NameID.";
        SamlUserNotCreated "saml_user_not_created"
            "A user was to be made at the first log-in by SAML, and the user's attributes are refused."
            "Let the provider send the attribute that the text names, or provision the user.";
        OperatorNotAdmitted "operator_not_admitted"
            "The vendor's OpenID provider let a person in who is not on the list of operators, or whose address it does not vouch for."
            "Add the address to operators.allowed, or log in with the right one.";
        OperatorRole "operator_role"
            "An operator asked the console for what their role, or the accounts that they are limited to, does not allow."
            "Ask an operator with a role that may; the text names it.";
        OperatorAct "operator_act"
            "What an operator asked of the console is not there, or cannot be done as it was asked for."
            "The text says what is wrong and what would be right.";
        OperatorSignInOff "operator_sign_in_off"
            "Logging in of operators was switched off while an operator was at the provider."
            "Use an operator's token from the command line.";
    }
    Consent => {
        LoginRequired "login_required"
            "The client asked not to show a page, and the user has to log in."
            "The client has to ask again without prompt=none.";
        ConsentRequired "consent_required"
            "The client asked not to show a page, and the user has not accepted yet."
            "The client has to ask again without prompt=none.";
        OtherAccount "other_account"
            "The user who is logged in belongs to another account than the client."
            "Log in as a user of the client's account.";
        RoleMissing "role_missing"
            "The user has no role that may accept access for provisioning."
            "Log in as a user who has such a role, at best a service account, or give this user one.";
        ConsentDenied "consent_denied"
            "The user pressed Deny."
            "Press Authenticate again if that was a mistake.";
        IdTokenHintInvalid "id_token_hint_invalid"
            "The client sent an id_token_hint that is not an ID token of ours for this client."
            "The developer of the client has to send the ID token that it got here, or none.";
        ConsentUnanswerable "consent_unanswerable"
            "While the page was open, the client was removed or got another redirect URI."
            "Press Authenticate again.";
        AnsweredInVain "answered_in_vain"
            "Access was accepted before, and the client did not fetch it in time, or it has ended since."
            "Press Authenticate again.";
        AnsweredDenied "answered_denied"
            "Access was denied before, and the first answer stands."
            "Press Authenticate again.";
        AnsweredByAnother "answered_by_another"
            "Another user has accepted this request before, and the first answer stands."
            "Nothing, if the connection works. To connect as another user, press Authenticate again.";
        DeniedTooLate "denied_too_late"
            "The user pressed Deny after access was accepted."
            "To take the access back, end the connection on the user's page.";
        LogoutRefused "logout_refused"
            "A request to log out is not valid; the text says why."
            "The developer of the client has to correct it. Users log out on their own page.";
    }
    Signal => {
        SignalsUnexpected "signals_unexpected"
            "A request to have a user logged out arrived for an account that names no issuer who may ask for that, or for no account."
            "Set up the OpenID provider of the account, or name the issuer (signals) in its sign-in settings, and compare the endpoint with the setup sheet.";
        SignalTokenMissing "signal_token_missing"
            "A request to have a user logged out has no signed JWT as its bearer token."
            "The identity provider has to sign the request: in Okta, the authentication method is Signed JWT.";
        SignalTokenInvalid "signal_token_invalid"
            "The JWT of a request to have a user logged out is not right: its type, issuer, audience, time, algorithm or signature; the text says which."
            "Compare the issuer in the account's sign-in settings and the endpoint at the identity provider with what the text says.";
        SignalTokenReplayed "signal_token_replayed"
            "The JWT of a request to have a user logged out was used before."
            "Nothing, if the first request was carried out. The identity provider has to sign each request anew.";
        SignalKeysUnavailable "signal_keys_unavailable"
            "The keys of the identity provider could not be read, so what it signed could not be verified."
            "Look at the rows of the same request id: they show which address was called and what came back. Correct issuer or jwks_uri in the account's sign-in settings.";
        SignalBodyInvalid "signal_body_invalid"
            "A request to have a user logged out does not name a user in a way that is understood."
            "Let the identity provider name users by e-mail address, or by issuer and subject.";
        SignalSubjectForeign "signal_subject_foreign"
            "A request to have a user logged out names a user of another issuer than the one that signed it."
            "The identity provider has to name users by its own issuer, or by e-mail address.";
        SignalSubjectUnknown "signal_subject_unknown"
            "A request to have a user logged out names no user of the account."
            "Nothing, if the person was never provisioned here. Otherwise choose another subject format at the identity provider: e-mail address, or issuer and subject with the subject as externalId.";
        SignalSubjectUnclear "signal_subject_unclear"
            "A request to have a user logged out names several users, and none was logged out."
            "Give each user an address of its own, or let the identity provider name users by issuer and subject.";
    }
    Http => {
        MethodNotAllowed "method_not_allowed"
            "The endpoint does not have the HTTP method, or the browser was sent to an address that takes forms only."
            "Compare the URLs in the identity provider: the token URL may stand in the place of the authorization URL.";
        NoSuchEndpoint "no_such_endpoint"
            "There is no endpoint or page at this address."
            "Compare the URLs in the identity provider with the setup sheet.";
        MediaType "media_type"
            "The body of a SCIM request is declared as something other than JSON."
            "The client has to send application/scim+json.";
        ContentEncoding "content_encoding"
            "The body of a SCIM request is compressed."
            "Switch compression off in the client, or in the proxy before it.";
        BodyTooSlow "body_too_slow"
            "The body of the request did not arrive in time."
            "Try again. If it happens each time, look for a proxy that holds requests back.";
        BodyTooLarge "body_too_large"
            "The body of the request is larger than any that is read."
            "Send less at once: several bulk requests, or members in several changes.";
        PageRequestTooLarge "page_request_too_large"
            "A browser brought a longer URL or form than any page takes."
            "The client has to send less in its authorization request, or push it.";
    }
    Limit => {
        AccountOutOfRoom "account_out_of_room"
            "The account's requests and answers take all the memory that one account may have at a time."
            "The client repeats the request by itself. If it does so all the time, let it send fewer requests at once.";
        ServerOutOfRoom "server_out_of_room"
            "All requests together take the memory that this server has for them."
            "The client repeats the request by itself. If it goes on, tell the operator of the server.";
        RequestTooLarge "request_too_large"
            "One request and its answer would take more memory than an account may have."
            "Send fewer members at once, or leave them out of the answer.";
        TooMuchAtOnce "too_much_at_once"
            "The account has as many long requests at once as it may."
            "The client repeats the request by itself; let it send fewer at once if it goes on.";
        ClientTooFast "client_too_fast"
            "The client sends more requests in a second than one client may."
            "The client waits as long as the answer says and repeats the request by itself. If it goes on, look at what it repeats; the operator of the server can raise limits.client_per_second.";
        AccountTooFast "account_too_fast"
            "The clients of the account together send more requests in a second than one account may."
            "The clients wait as long as the answer says and repeat the requests by themselves. If it goes on, see which of them sends most; the operator of the server can raise limits.account_per_second.";
        TooManyFailures "too_many_failures"
            "The client failed to prove who it is too often from one address."
            "Correct the client's credentials, and wait as long as the answer says.";
        TooManyPushed "too_many_pushed"
            "More authorization requests were pushed than are kept."
            "The client has to use the requests that it pushed, and to wait.";
        LogInBusy "log_in_busy"
            "More people log in at this moment than passwords can be checked for."
            "Try again in a few seconds.";
    }
    Server => {
        ServerUnavailable "server_unavailable"
            "The database was not available."
            "Nothing was changed, and the client repeats the request. If it goes on, tell the operator of the server.";
        ServerOverloaded "server_overloaded"
            "More requests of the account waited than could be answered soon."
            "The client repeats the request by itself. If it goes on, let it send fewer at once, or tell the operator of the server.";
        OutcomeUnknown "outcome_unknown"
            "The connection to the database was lost while a change was being committed, so it may have been made or not."
            "Look whether the change is there before it is repeated.";
        ServerFailed "server_failed"
            "The server failed; its log says why, under the same request id."
            "Tell the operator of the server the request id.";
    }
    Call => {
        CallRefused "call_refused"
            "This server did not call an address, or did not take its answer: it is not https, is not public, redirects, or is no JSON of a reasonable size."
            "Correct the address in the client's or the account's settings; the text says what is wrong.";
        CallFailed "call_failed"
            "No answer came from an address that this server called."
            "See whether the address is right and reachable from the public internet by https with a trusted certificate.";
        CallAnsweredError "call_answered_error"
            "An address that this server called answered with an error status."
            "Ask its owner, or correct the client ID and the secret that this server uses there.";
    }
}

//! The actions of the audit trail: all there are, each with its code and what it means. `docs/audit.md` lists them.

/// The table of actions: the enum, its codes and its meanings.
macro_rules! actions {
    ($($name:ident $code:literal $meaning:literal),* $(,)?) => {
        /// What a row of the audit trail says was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $meaning] $name,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Action] = &[$(Action::$name),*];

            /// As it stands in the trail and in `?action=`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Action::$name => $code,)*
                }
            }

            /// What it means, in a line.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Action::$name => $meaning,)*
                }
            }
        }
    };
}

actions! {
    UserCreated "user.created" "A user was created.",
    UserRestored "user.restored" "A deactivated user was created again, and so came back.",
    UserReplaced "user.replaced" "A user was changed by PUT.",
    UserPatched "user.patched" "A user was changed by PATCH, or by an operator.",
    UserActivated "user.activated" "A user became active.",
    UserDeactivated "user.deactivated" "A user became inactive: their sessions end, and their grants end or pass to the co-owner.",
    UserAccessOpened "user.access_opened" "An attribute whose absence grants access was unassigned as a whole: what it restricted is open.",
    AccessRulesChanged "access.rules_changed" "The rules by which an account's users get roles and environments from their groups were replaced.",
    AccessWidened "access.widened" "By a change that is written down beside it, users may do more than before, or may be able to.",
    UserDeleted "user.deleted" "A user was deleted.",
    UserLoginChanged "user.login_changed" "A user's password was set, or they became a service account or ceased to be one.",
    UserPasswordLinkMade "user.password_link_made" "A link with which a user sets a password was made; it ended the one before.",
    UserValueShared "user.value_shared" "Rebuilding the index found a user with a value that has to be unique and is another user's too.",
    GroupCreated "group.created" "A group was created.",
    GroupReplaced "group.replaced" "A group was changed by PUT.",
    GroupPatched "group.patched" "A group was changed by PATCH.",
    GroupDeleted "group.deleted" "A group was deleted.",
    GroupMembershipChanged "group.membership_changed" "Members joined or left a group.",
    GroupMembersParked "group.members_parked" "A group was given members who do not exist yet, and waits for them.",
    GroupMembersSkipped "group.members_skipped" "Members were named who do not exist, and were left out.",
    ResourceValueShared "resource.value_shared" "Rebuilding the index found a resource other than a user with a value that has to be unique and is shared.",
    LoginSucceeded "login.succeeded" "A user proved who they are, by password or at their account's OpenID provider.",
    LoginFailed "login.failed" "A log-in failed.",
    SessionEnded "session.ended" "A user logged a browser out.",
    SessionsRevoked "sessions.revoked" "The identity provider of an account had a user logged out everywhere: all sessions, grants and tokens of the user ended.",
    LogoutUndeliverable "logout.undeliverable" "A client could not be told that a user's session had ended, and is not tried again.",
    SamlRequestKeyReplaced "saml.request_key_replaced" "A step was taken of replacing the key that signs requests to SAML providers.",
    SignalRefused "signal.refused" "A security event that was fetched from the identity provider of an account was not believed, and it was told so.",
    SignalPollFailed "signal.poll_failed" "Security events of an account could not be fetched three times in a row; it is tried further.",
    SignalPollRecovered "signal.poll_recovered" "Security events of an account that could not be fetched are fetched again.",
    SignalReceived "signal.received" "The identity provider of an account told of a security event; what follows from it has rows of its own.",
    SecondFactorSetUp "second_factor.set_up" "A user set up an authenticator app.",
    SecondFactorFailed "second_factor.failed" "A code of an authenticator app was wrong.",
    SecondFactorRecovered "second_factor.recovery_code_used" "A user logged in by a recovery code.",
    SecondFactorRemoved "second_factor.removed" "A user's authenticator app was removed, by the user or by an operator.",
    UpstreamIdentityReleased "upstream_identity.released" "An operator released a user from their identity at the account's OpenID provider.",
    NoticeSeen "notice.seen" "A user confirmed a notice.",
    NoticeMailed "notice.mailed" "A notice was mailed to a user.",
    NoticeUndeliverable "notice.undeliverable" "A notice could not be mailed, and is not tried again.",
    GrantCreated "grant.created" "A user accepted access for a client, or a client used its own credentials for the first time.",
    GrantEnded "grant.ended" "A grant ended.",
    GrantsEnded "grants.ended" "All grants of a user ended, or those for provisioning.",
    GrantRebound "grant.rebound" "A grant passed from a user who left to the account's co-owner.",
    GrantForeignToken "grant.foreign_token" "A code or refresh token was presented by a client that it was not issued to.",
    GrantAnsweredAgain "grant.answered_again" "A request to the token endpoint was answered again, for its first answer was never used.",
    GrantWithoutPkce "grant.without_pkce" "An authorization without PKCE was accepted.",
    TokenRevoked "token.revoked" "A client revoked an access token.",
    StaticTokenRevoked "static_token.revoked" "A client revoked a static token.",
    ConnectionReplaced "connection.replaced" "A new connection was used for the first time and ended the older ones of its client.",
    AccountCreated "account.created" "An account was created.",
    AccountImported "account.imported" "An account came from another installation, by an export of `gateway export`.",
    AccountChanged "account.changed" "An account was changed.",
    AccountSignInChanged "account.sign_in_changed" "The ways to log in to an account were changed.",
    AccountSuspended "account.suspended" "An account was suspended: its users, clients and identity providers are refused.",
    AccountResumed "account.resumed" "The suspension of an account was taken back.",
    AccountDeleted "account.deleted" "An account was deleted, with everything in it.",
    AttributeDeclared "attribute.declared" "An account got an attribute of its own.",
    AttributeChanged "attribute.changed" "An attribute of an account was declared otherwise.",
    AttributeRemoved "attribute.removed" "An attribute of an account was removed, with its values.",
    AttributeNotUnique "attribute.not_unique" "An attribute could not become unique, for several resources have the same value.",
    ClientCreated "client.created" "A client was created.",
    ClientChanged "client.changed" "A client was changed.",
    ClientDisabled "client.disabled" "A client was disabled.",
    ClientEnabled "client.enabled" "A client was enabled again.",
    ClientRecordingStarted "client.recording_started" "A client's requests and answers are recorded in full until the time that is said, with secrets replaced.",
    ClientRecordingStopped "client.recording_stopped" "An operator ended the full recording of a client.",
    ClientHealthChanged "client.health_changed" "The connection of a client came to need attention, broke, or is well again.",
    ClientDeleted "client.deleted" "A client was deleted; its grants ended.",
    ClientSecretAdded "client.secret_added" "A client got a further secret.",
    ClientSecretEnded "client.secret_ended" "A secret of a client was ended.",
    ClientTokenAdded "client.token_added" "A client got a static token.",
    ClientTokenEnded "client.token_ended" "A static token of a client was ended by an operator.",
    SetupLinkCreated "setup_link.created" "An operator made a link by which a customer's administrator sets a client up.",
    SetupLinkRevoked "setup_link.revoked" "A setup link was revoked, by an operator or because a newer one of the same client took its place.",
    SetupLinkOpened "setup_link.opened" "A setup link was opened for the first time.",
    SetupLinkRevealed "setup_link.revealed" "A client's secret or static token was made and shown to the browser that opened the setup link.",
    SetupLinkRefused "setup_link.reveal_refused" "A secret that was revealed before was asked for again by the setup link, and not shown.",
    LetterRequested "letter.requested" "An operator had a link mailed to the person it is for: a setup link, or a link to a password.",
    LetterMailed "letter.mailed" "A letter with a link was handed to the mail relay.",
    LetterUndeliverable "letter.undeliverable" "A letter with a link could not be mailed, and is not tried again.",
    SetupLinkFinished "setup_link.finished" "The customer's administrator finished the setup, which closed the link.",
    ClientCredentialRenewed "client.credential_renewed" "A user of the account made a new secret or static token of a client; the older ones end at the time that is said.",
    WebhookCreated "webhook.created" "A webhook was created: the feed is delivered to it.",
    WebhookChanged "webhook.changed" "A webhook was changed, paused or resumed.",
    WebhookSecretReplaced "webhook.secret_replaced" "A webhook got a new secret; requests are signed by the old one too for a day.",
    WebhookTested "webhook.tested" "An operator had a test event sent to a webhook.",
    WebhookResent "webhook.resent" "An operator had events sent again that a webhook had refused.",
    WebhookDeadLetterDiscarded "webhook.dead_letter_discarded" "An operator gave up an event that a webhook had refused.",
    WebhookDeleted "webhook.deleted" "A webhook was deleted.",
    ReceiverStopped "receiver.stopped" "A receiver of the feed answered that it is gone (410), and gets nothing any more.",
    ReceiverLost "receiver.lost" "A receiver of the feed was away for longer than events are kept, and has to begin anew with a snapshot.",
    EventStreamCreated "event_stream.created" "A product key made a stream of security event tokens.",
    EventStreamChanged "event_stream.changed" "A stream of security event tokens was changed, or paused, disabled or enabled.",
    EventStreamStopped "event_stream.stopped" "A stream of security event tokens was disabled, for what it would have told next is not kept any more.",
    EventStreamRefused "event_stream.token_refused" "The receiver of a stream did not accept a security event token; it is not told again.",
    EventStreamDeleted "event_stream.deleted" "A stream of security event tokens was ended.",
    OperatorCreated "operator.created" "An operator was created.",
    OperatorRenamed "operator.renamed" "An operator of an earlier release got a name of its own.",
    OperatorSignedIn "operator.signed_in" "An operator proved who they are at the console, by password or at the OpenID provider.",
    OperatorLoginFailed "operator.login_failed" "A log-in at the console failed.",
    OperatorSessionEnded "operator.session_ended" "An operator logged a browser out of the console.",
    OperatorChanged "operator.changed" "An operator got another name, another role, or other accounts.",
    OperatorInvited "operator.invited" "A link was made with which an operator sets a password.",
    OperatorRecovered "operator.recovered" "An operator who had lost what they log in with got a link to a password; their password, authenticator app and sessions ended.",
    OperatorPasswordSet "operator.password_set" "An operator's password was set; their other sessions ended.",
    OperatorTokenAdded "operator.token_added" "An operator got a token, in place of the one before.",
    OperatorTokenEnded "operator.token_ended" "The token of an operator was ended.",
    OperatorRefused "operator.refused" "A person who is no operator tried to log in as one.",
    OperatorEnded "operator.ended" "An operator was ended.",
    SigningKeyRotated "signing_key.rotated" "A signing key got a successor.",
    SigningKeyReplaced "signing_key.replaced" "A compromised signing key was replaced at once.",
    MasterKeyReencrypted "master_key.reencrypted" "Stored values were sealed again under the first master key.",
    HousekeepingConfirmed "housekeeping.confirmed" "The clock, and the end of any number of unused grants, were confirmed at the command line.",
    HousekeepingHeldBack "housekeeping.held_back" "More grants would have ended unused than may end in a day; the rest waits.",
    RefusedClientAuthentication "refused.client_authentication" "Failed client authentications, counted.",
    RefusedAuthorizationCode "refused.authorization_code" "Authorization codes that do not count were presented, counted.",
    RefusedRefreshToken "refused.refresh_token" "Refresh tokens that do not count were presented, counted.",
    RefusedAccessToken "refused.access_token" "Access tokens that do not count were presented, counted.",
    RefusedOperatorToken "refused.operator_token" "Operators' tokens that do not count were presented, counted.",
    RefusedOtherAccount "refused.other_account" "An operator of one account asked for what is another's, counted.",
    RefusedPushedRequests "refused.pushed_requests" "More authorization requests were pushed than are kept, counted.",
}

impl Action {
    /// Whether its target is a user.
    pub fn is_about_user(self) -> bool {
        use Action as A;
        matches!(
            self,
            A::UserLoginChanged
                | A::UserPasswordLinkMade
                | A::LoginSucceeded
                | A::SessionEnded
                | A::SessionsRevoked
                | A::SignalReceived
                | A::SecondFactorSetUp
                | A::SecondFactorFailed
                | A::SecondFactorRecovered
                | A::SecondFactorRemoved
                | A::UpstreamIdentityReleased
                | A::NoticeSeen
                | A::NoticeMailed
                | A::NoticeUndeliverable
                | A::GrantsEnded
                | A::UserValueShared
        )
    }

    /// The action with this code.
    pub fn parse(code: &str) -> Option<Action> {
        Action::ALL.iter().copied().find(|action| action.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_action_has_a_code_of_its_own_and_is_found_by_it() {
        let codes: HashSet<&str> = Action::ALL.iter().map(|action| action.code()).collect();
        assert_eq!(codes.len(), Action::ALL.len());
        for action in Action::ALL {
            assert_eq!(Action::parse(action.code()), Some(*action));
            assert!(action.code().split_once('.').is_some_and(|(noun, verb)| !noun.is_empty() && !verb.is_empty()));
            assert!(action.meaning().ends_with('.'), "{action:?}");
        }
        assert_eq!(Action::parse("user.create"), None);
    }

    #[test]
    fn the_page_about_the_audit_trail_lists_every_action() {
        const BEGIN: &str =
            "<!-- What follows is checked by a test of crates/gateway/src/domain/event/action.rs -->\n\n";
        let rows = Action::ALL.iter().map(|action| format!("| `{}` | {} |\n", action.code(), action.meaning()));
        let table = format!("| action | what was done |\n|---|---|\n{}", rows.collect::<String>());
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit.md");
        let page = std::fs::read_to_string(path).expect("docs/audit.md");
        let (before, listed) = page.split_once(BEGIN).expect("the mark where the list begins");
        if listed != table {
            let right = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/audit.md");
            std::fs::write(right, format!("{before}{BEGIN}{table}")).expect("writable");
            panic!("docs/audit.md is not what the definitions say; target/audit.md is: copy it");
        }
    }
}

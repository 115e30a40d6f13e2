//! The reasons for a state: all there are, each with its code, how bad it is, what it means and what to do. `docs/health.md` is written
//! from this table.

use crate::platform::timestamp::Timestamp;

/// How bad a reason is. The worst decides the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; the state is not changed by it.
    Information,
    /// The client has not connected yet.
    NeverUsed,
    /// Something will break, or does not do what is expected.
    Attention,
    /// The connection does not work.
    Broken,
}

impl Severity {
    /// As it is answered.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Information => "information",
            Severity::NeverUsed => "never_used",
            Severity::Attention => "attention",
            Severity::Broken => "broken",
        }
    }
}

/// The table of reasons: the enum, its codes, severities, meanings and remedies.
macro_rules! reasons {
    ($($name:ident $code:literal $severity:ident $meaning:literal => $remedy:literal;)*) => {
        /// Why a connection is as it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ReasonCode {
            $(#[doc = $meaning] $name,)*
        }

        impl ReasonCode {
            /// All of them.
            pub const ALL: &[ReasonCode] = &[$(ReasonCode::$name),*];

            /// As it is answered.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(ReasonCode::$name => $code,)*
                }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self {
                    $(ReasonCode::$name => Severity::$severity,)*
                }
            }

            /// When it is told.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(ReasonCode::$name => $meaning,)*
                }
            }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(ReasonCode::$name => $remedy,)*
                }
            }
        }
    };
}

reasons! {
    AccountSuspended "account_suspended" Broken
        "The account is suspended: all requests of its clients are refused, and nothing is lost."
        => "Resume the account when it is to work again.";
    ClientDisabled "client_disabled" Broken
        "An operator has disabled the client: all its requests are refused."
        => "Enable the client again, or delete it if it is not needed any more.";
    ConnectionEnded "connection_ended" Broken
        "The client's last connection has ended, and the client has no other way in."
        => "Have an administrator of the customer authenticate again in the identity provider, best as a service account.";
    ConnectionExpired "connection_expired" Broken
        "The client's last connection has expired, because it was not used in time or was accepted too long ago."
        => "Have an administrator of the customer authenticate again in the identity provider, best as a service account.";
    SecretsExpired "secrets_expired" Broken
        "Every secret of the client has expired, and it authenticates by one: it gets no tokens."
        => "Make a new client secret and have the customer enter it in the identity provider.";
    StaticTokensExpired "static_tokens_expired" Broken
        "Every static token of the client has expired, and it has no other way in."
        => "Make a new static token and have the customer enter it in the identity provider.";
    AllRequestsRefused "all_requests_refused" Broken
        "Many requests were refused within a day, and since the first of them none was accepted."
        => "Look at the client's refused requests: each has a code, the text that was sent, and what would be right.";
    ConnectionExpiresUnused "connection_expires_unused" Attention
        "The connection expires soon unless the client uses it before."
        => "Have the identity provider push or test the connection once: each use renews it.";
    ConnectionExpires "connection_expires" Attention
        "The connection reaches its greatest age soon, and then ends however much it is used."
        => "Have an administrator of the customer authenticate again before that day; users and groups stay as they are.";
    SecretExpires "secret_expires" Attention
        "The secret that the client uses expires soon."
        => "Make a new client secret and have the customer enter it in the identity provider before that day. Both count until then.";
    SecretInUseExpired "secret_in_use_expired" Attention
        "The secret that the client used last has expired, and the client has not used another one since."
        => "Check that the customer has entered the newer client secret in the identity provider.";
    StaticTokenExpires "static_token_expires" Attention
        "The static token that the client uses expires soon."
        => "Make a new static token and have the customer enter it in the identity provider before that day. Both count until then.";
    StaticTokenInUseExpired "static_token_in_use_expired" Attention
        "The static token that the client used last has expired, and the client has not used another one since."
        => "Check that the customer has entered the newer static token in the identity provider.";
    KeysExpired "keys_expired" Broken
        "Every registered key of the client has expired, and it authenticates by one: it gets no tokens."
        => "Register the client's new public key (`jwks`).";
    KeyExpires "key_expires" Attention
        "The last of the client's registered keys expires soon."
        => "Register the client's new public key (`jwks`) beside the old one before that day.";
    OwnerIsManaged "owner_is_managed" Attention
        "The connection belongs to a user whom an identity provider manages: when it deactivates or deletes that user, the connection ends."
        => "Have a service account that no identity provider manages authenticate instead, or name a co-owner of the account.";
    OwnerIsPerson "owner_is_person" Attention
        "The connection belongs to a person and not to a service account: when the person leaves, the connection ends."
        => "Have a service account authenticate instead, or name a co-owner of the account.";
    RequestsRefused "requests_refused" Attention
        "A good part of the client's requests was refused within a day."
        => "Look at the client's refused requests: each has a code, the text that was sent, and what would be right.";
    TokenRequestsRefused "token_requests_refused" Attention
        "Requests for a token that name the client were refused within a day, and none was granted since."
        => "Check that the client ID and the client secret in the identity provider are those of the setup sheet.";
    Silent "silent" Attention
        "The client has been silent for much longer than it usually is."
        => "Ask the customer whether provisioning was paused in the identity provider, and have them test the connection.";
    RoleNeverArrives "role_never_arrives" Attention
        "No user came with a role, and the account has no default role."
        => "Have the customer map the role attribute in the identity provider, or set the account's default role.";
    AccessAttributeMisspelt "access_attribute_misspelt" Attention
        "The client sends an attribute that is ignored, and whose name is almost that of the role or of the product environments."
        => "Have the customer correct the name of the attribute in the identity provider's mapping.";
    PendingMembers "pending_members" Attention
        "Groups have waited for more than a day for members who do not exist."
        => "Have the customer assign these users to the application in the identity provider, or remove them from the group.";
    NeverConnected "never_connected" NeverUsed
        "The client has not connected yet."
        => "Send the customer the setup sheet, and have an administrator connect the identity provider.";
    OwnerHasCoOwner "owner_has_co_owner" Information
        "The connection would end when its owner leaves, but passes to the account's co-owner."
        => "Nothing has to be done. A service account as owner would need no co-owner.";
    OwnerIsProtected "owner_is_protected" Information
        "An identity provider has written the connection's owner, and the account's policy refuses what would end the connection."
        => "Exclude the user from provisioning in the identity provider, so that its requests about the user are not refused.";
    OwnerIsLast "owner_is_last" Information
        "The connection's owner is the last active user of the account who may accept access."
        => "Give a second user a role that may accept access, so that the customer can connect again without the owner.";
    SeveralConnections "several_connections" Information
        "The client has several live connections."
        => "End those that are not used, if they are not meant to be there.";
    RoleIsDefault "role_is_default" Information
        "No user came with a role: each got the account's default role."
        => "Nothing, if that is meant. Else have the customer map the role attribute in the identity provider.";
    EnvironmentsNeverArrive "environments_never_arrive" Information
        "No user came with product environments, and a user without them may enter all of them."
        => "Nothing, if that is meant. Else have the customer map the attribute in the identity provider.";
    NeedsTolerances "needs_tolerances" Information
        "The client deviates from the RFCs and is forgiven: with the profile `strict` those requests would be refused."
        => "Nothing. Do not switch these tolerances off for this client.";
    NotRecorded "not_recorded" Information
        "Requests are not recorded, so when the client was last there, and what was refused, is not known."
        => "Set `requests.enabled`, if that should be known.";
}

/// A reason, told of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Which.
    pub code: ReasonCode,
    /// A sentence for people.
    pub sentence: String,
    /// Since when it is so, where the facts say so.
    pub since: Option<Timestamp>,
}

impl Reason {
    pub(super) fn new(code: ReasonCode, since: impl Into<Option<Timestamp>>, sentence: impl Into<String>) -> Reason {
        Reason { code, sentence: sentence.into(), since: since.into() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_reason_has_a_code_of_its_own_a_meaning_and_a_remedy() {
        let codes: HashSet<&str> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), ReasonCode::ALL.len());
        for code in ReasonCode::ALL {
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code:?}");
            assert!(code.meaning().ends_with('.') && code.remedy().ends_with('.'), "{code:?}");
        }
    }

    #[test]
    fn the_page_about_health_lists_every_reason() {
        const BEGIN: &str = "<!-- What follows is written by a test of crates/gateway/src/domain/health/reason.rs, run with REWRITE=1 -->\n\n";
        let mut table = String::new();
        for (severity, heading) in [
            (Severity::Broken, "`broken`"),
            (Severity::Attention, "`attention`"),
            (Severity::NeverUsed, "`never_used`"),
            (Severity::Information, "Worth knowing: they do not change the state"),
        ] {
            table.push_str(&format!("### {heading}\n\n| code | what it means | what to do |\n|---|---|---|\n"));
            for code in ReasonCode::ALL.iter().filter(|code| code.severity() == severity) {
                table.push_str(&format!("| `{}` | {} | {} |\n", code.as_str(), code.meaning(), code.remedy()));
            }
            table.push('\n');
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/health.md");
        let page = std::fs::read_to_string(path).expect("docs/health.md");
        let (before, listed) = page.split_once(BEGIN).expect("the mark where the list begins");
        let table = table.trim_end().to_owned() + "\n";
        #[expect(clippy::disallowed_methods, reason = "a wish of the developer who runs the test")]
        if std::env::var_os("REWRITE").is_some() {
            std::fs::write(path, format!("{before}{BEGIN}{table}")).expect("writable");
            return;
        }
        assert!(listed == table, "docs/health.md is not what the table of reasons says; run this test with REWRITE=1");
    }
}

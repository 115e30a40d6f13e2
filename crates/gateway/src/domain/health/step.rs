//! What an operator can press, or send, about a reason. What it means and what to do stand in the table of reasons.

use super::ReasonCode;

/// A page on which something can be done about a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The requests that were refused.
    RefusedRequests,
    /// The attributes that arrive.
    Fields,
    /// The settings of the connection.
    Settings,
    /// A setup link, with which the customer does the rest.
    SetupLink,
    /// The settings of the account.
    AccountSettings,
    /// The groups of the account.
    Groups,
}

impl Step {
    /// What the button says.
    pub const fn label(self) -> &'static str {
        match self {
            Step::RefusedRequests => "See the refused requests",
            Step::Fields => "See which fields arrive",
            Step::Settings => "Open the settings",
            Step::SetupLink => "Create a setup link",
            Step::AccountSettings => "Open the account’s settings",
            Step::Groups => "See the groups",
        }
    }
}

const AUTHENTICATE: &str = "Open the provisioning settings of the application in {provider} and authenticate again. Log in as the service \
     account, not as yourself, and accept access. Users and groups stay as they are.";
const CREDENTIAL: &str = "You get a setup link from us. Open it, reveal the new secret there, and paste it into the provisioning settings of \
     the application in {provider}.";

impl ReasonCode {
    /// Its code as a heading: `Owner is person`.
    pub fn title(self) -> String {
        let mut title = self.as_str().replace('_', " ");
        title[..1].make_ascii_uppercase();
        title
    }

    /// Where something can be done about it.
    pub const fn step(self) -> Option<Step> {
        use ReasonCode as R;
        match self {
            R::AllRequestsRefused | R::RequestsRefused | R::TokenRequestsRefused | R::Silent => {
                Some(Step::RefusedRequests)
            }
            R::AccessAttributeMisspelt | R::EnvironmentsNeverArrive => Some(Step::Fields),
            R::AccountSuspended | R::ClientDisabled | R::KeysExpired | R::KeyExpires | R::NeedsTolerances => {
                Some(Step::Settings)
            }
            R::SecretsExpired
            | R::StaticTokensExpired
            | R::SecretExpires
            | R::StaticTokenExpires
            | R::SecretInUseExpired
            | R::StaticTokenInUseExpired
            | R::NeverConnected => Some(Step::SetupLink),
            R::RoleNeverArrives | R::RoleIsDefault => Some(Step::AccountSettings),
            R::PendingMembers => Some(Step::Groups),
            R::ConnectionEnded
            | R::ConnectionExpired
            | R::ConnectionExpiresUnused
            | R::ConnectionExpires
            | R::OwnerIsManaged
            | R::OwnerIsPerson
            | R::OwnerHasCoOwner
            | R::OwnerIsProtected
            | R::OwnerIsLast
            | R::SeveralConnections
            | R::NotRecorded => None,
        }
    }

    /// What the customer's administrator can do about it, to be sent to them; `{provider}` stands for their identity provider.
    const fn asked_of_customer(self) -> Option<&'static str> {
        use ReasonCode as R;
        match self {
            R::ConnectionEnded | R::ConnectionExpired | R::ConnectionExpires | R::OwnerIsManaged | R::OwnerIsPerson => {
                Some(AUTHENTICATE)
            }
            R::SecretsExpired
            | R::StaticTokensExpired
            | R::SecretExpires
            | R::StaticTokenExpires
            | R::SecretInUseExpired
            | R::StaticTokenInUseExpired => Some(CREDENTIAL),
            R::ConnectionExpiresUnused => Some("Test the connection in {provider}, or push one user. That renews it."),
            R::TokenRequestsRefused => Some(
                "Compare the client ID in {provider} with the one that you got from us. If it is right, the secret is not: ask us for a \
                 setup link, and paste the new secret.",
            ),
            R::Silent => {
                Some("Was provisioning paused in {provider}, or the application removed? Test the connection there.")
            }
            R::RoleNeverArrives => Some(
                "Map the attribute “role” in {provider}, and give it a value for each user who is assigned to the application. Then push \
                 the users once more.",
            ),
            R::AccessAttributeMisspelt => {
                Some("Correct the name in the attribute mapping of {provider}. Then push the users once more.")
            }
            R::EnvironmentsNeverArrive => Some(
                "If not everyone may enter every environment: map the attribute “product_environments” in {provider}, and give it the \
                 environments of each user.",
            ),
            R::PendingMembers => Some(
                "Assign these users to the application in {provider}, so that they are created here, or remove them from the group.",
            ),
            R::AllRequestsRefused
            | R::RequestsRefused
            | R::AccountSuspended
            | R::ClientDisabled
            | R::KeysExpired
            | R::KeyExpires
            | R::NeverConnected
            | R::OwnerHasCoOwner
            | R::OwnerIsProtected
            | R::OwnerIsLast
            | R::SeveralConnections
            | R::RoleIsDefault
            | R::NeedsTolerances
            | R::NotRecorded => None,
        }
    }

    /// What the customer's administrator reads on their own page: what to do in their identity provider.
    pub fn by_customer(self, provider: &str) -> Option<String> {
        let asked = self.asked_of_customer()?;
        let own = match asked {
            CREDENTIAL => {
                "Create a new one here, and paste it into the provisioning settings of the application in {provider}."
            }
            asked => asked,
        };
        Some(own.replace("{provider}", provider))
    }

    /// A message to the customer's administrator: what is so, and what they can do.
    pub fn message(self, sentence: &str, provider: &str, operator: &str) -> Option<String> {
        let asked = self.asked_of_customer()?.replace("{provider}", provider);
        Some(format!("Hello,\n\n{sentence}\n\n{asked}\n\nI will see when it works.\n{operator}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unwell_can_be_pressed_or_sent() {
        use crate::domain::health::Severity;
        for code in ReasonCode::ALL.iter().filter(|code| code.severity() >= Severity::NeverUsed) {
            let message = code.message("So it is.", "Okta", "Nora");
            assert!(code.step().is_some() || message.is_some(), "{code:?}");
            assert!(message.is_none_or(|message| !message.contains('{')), "{code:?}");
        }
    }

    #[test]
    fn a_code_is_a_heading() {
        assert_eq!(ReasonCode::AccessAttributeMisspelt.title(), "Access attribute misspelt");
    }

    #[test]
    fn a_message_says_what_is_so_and_what_to_do_in_their_own_provider() {
        let message = ReasonCode::OwnerIsPerson.message("The connection belongs to Ada.", "Okta", "Nora").unwrap();
        assert!(message.starts_with("Hello,\n\nThe connection belongs to Ada.\n\n"), "{message}");
        assert!(message.contains("in Okta and authenticate again") && message.ends_with("Nora"), "{message}");
    }
}

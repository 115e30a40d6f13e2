//! What an operator may do: a role, and the accounts within reach. Both together are a [`Mandate`], which services ask before they act.
//!
//! [`Power::roles`] is the one table of who may do what. A customer success manager (`csm`) does what can be taken back; what destroys, and
//! what shows a secret, is for `platform` operators. Support reads and tries out, an auditor reads the trail.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::described::words;
use crate::domain::ids::AccountKey;

/// What an operator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Platform,
    /// A customer success manager: what can be taken back, and no secret.
    Csm,
    /// Reads and diagnoses.
    Support,
    /// Reads the audit trail.
    #[default]
    Auditor,
}

words!(Role {
    Role::Platform = "platform",
    Role::Csm = "csm",
    Role::Support = "support",
    Role::Auditor = "auditor",
});

impl Role {
    /// Every role, from the one that may do most.
    pub const ALL: [Role; 4] = [Role::Platform, Role::Csm, Role::Support, Role::Auditor];

    /// As it stands in the database, in settings and in the admin API.
    pub const fn code(self) -> &'static str {
        match self {
            Role::Platform => "platform",
            Role::Csm => "csm",
            Role::Support => "support",
            Role::Auditor => "auditor",
        }
    }

    /// The role of this code.
    pub fn named(code: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }

    /// What the role is called on pages.
    pub const fn title(self) -> &'static str {
        match self {
            Role::Platform => "Platform",
            Role::Csm => "Customer Success",
            Role::Support => "Support",
            Role::Auditor => "Auditor",
        }
    }

    /// What the role is for, as pages say it.
    pub const fn sentence(self) -> &'static str {
        match self {
            Role::Platform => "Does everything: invites operators, deletes accounts, creates secrets.",
            Role::Csm => {
                "Looks after customers: changes what can be changed back, sends setup links, and sees no secret."
            }
            Role::Support => "Reads accounts and finds out what is wrong, and changes nothing.",
            Role::Auditor => "Reads the audit trail, and nothing else.",
        }
    }

    /// What the role is for, as the rest of a sentence about it.
    pub const fn summary(self) -> &'static str {
        match self {
            Role::Platform => "may do everything",
            Role::Csm => {
                "may read accounts and change what can be changed back: accounts, users and clients, without seeing a secret"
            }
            Role::Support => "may read and diagnose, and changes nothing",
            Role::Auditor => "may read the audit trail",
        }
    }
}

/// What an act needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Power {
    /// Accounts, their settings, attributes, users, groups, clients, grants, notices, health and request log.
    Read,
    /// The audit trail.
    ReadAudit,
    /// Trying out what a recorded request would do now; exporting it with personal data replaced.
    Diagnose,
    /// What was recorded in full: the values that an identity provider sent.
    ReadRecordings,
    /// New accounts.
    CreateAccounts,
    /// An account's settings, attributes and log-in.
    ChangeAccounts,
    /// Suspending an account, and taking that back.
    SuspendAccounts,
    /// Users, but for their passwords.
    ChangeUsers,
    /// A user's lost way to log in: an authenticator app, an identity at a provider, a link to a new password.
    RecoverUsers,
    /// A user's password, chosen by the operator.
    SetPasswords,
    /// Clients: new ones, their settings, tolerances, disabling.
    ChangeClients,
    /// Recording a client in full.
    RecordClients,
    /// Links by which a customer sets up an identity provider.
    ManageSetupLinks,
    /// Ending what a user accepted.
    EndGrants,
    /// What cannot be taken back: deleting accounts, clients, users and attributes with all that is in them.
    Delete,
    /// Secrets, static tokens and keys of clients.
    ManageSecrets,
    /// Webhooks, which hand the data of accounts on.
    ManageWebhooks,
    /// Operators.
    ManageOperators,
}

impl Power {
    /// Every power.
    pub const ALL: [Power; 18] = [
        Power::Read,
        Power::ReadAudit,
        Power::Diagnose,
        Power::ReadRecordings,
        Power::CreateAccounts,
        Power::ChangeAccounts,
        Power::SuspendAccounts,
        Power::ChangeUsers,
        Power::RecoverUsers,
        Power::SetPasswords,
        Power::ChangeClients,
        Power::RecordClients,
        Power::ManageSetupLinks,
        Power::EndGrants,
        Power::Delete,
        Power::ManageSecrets,
        Power::ManageWebhooks,
        Power::ManageOperators,
    ];

    /// Who has it: the table of the roles.
    pub const fn roles(self) -> &'static [Role] {
        use Role::{Auditor, Csm, Platform, Support};
        match self {
            Power::ReadAudit => &[Platform, Csm, Support, Auditor],
            // A replay shows what a request would do to data that support reads anyway; an export has stand-ins for it.
            Power::Read | Power::Diagnose => &[Platform, Csm, Support],
            // Recordings hold each value that was sent, also of attributes that are stored nowhere.
            Power::ReadRecordings
            | Power::CreateAccounts
            | Power::ChangeAccounts
            | Power::SuspendAccounts
            | Power::ChangeUsers
            | Power::RecoverUsers
            | Power::ChangeClients
            | Power::RecordClients
            | Power::ManageSetupLinks
            | Power::EndGrants => &[Platform, Csm],
            // An operator who knows a password or a secret can act as a user or a client of the customer.
            Power::SetPasswords | Power::ManageSecrets => &[Platform],
            // A webhook shows a secret, and hands every change on to where it leads.
            Power::ManageWebhooks => &[Platform],
            Power::Delete | Power::ManageOperators => &[Platform],
        }
    }

    /// What it is to do, as the rest of a sentence: "may not …".
    pub const fn phrase(self) -> &'static str {
        match self {
            Power::Read => "read accounts and what is in them",
            Power::ReadAudit => "read the audit trail",
            Power::Diagnose => "replay or export recorded requests",
            Power::ReadRecordings => "read requests that were recorded in full",
            Power::CreateAccounts => "create accounts",
            Power::ChangeAccounts => "change accounts",
            Power::SuspendAccounts => "suspend or resume accounts",
            Power::ChangeUsers => "create or change users",
            Power::RecoverUsers => "help users to log in again",
            Power::SetPasswords => "set users' passwords: give the user an invitation or a link to a new password",
            Power::ChangeClients => "create or change clients",
            Power::RecordClients => "record clients in full",
            Power::ManageSetupLinks => "make or revoke setup links",
            Power::EndGrants => "end grants",
            Power::Delete => {
                "delete for good: suspend an account, disable a client or deactivate a user, which can be taken back"
            }
            Power::ManageSecrets => {
                "manage the secrets, static tokens and keys of clients: a setup link hands them to the customer unseen"
            }
            Power::ManageWebhooks => "create, change or try out webhooks",
            Power::ManageOperators => "see or manage operators",
        }
    }

    /// The roles that have it, in words: `Platform or Customer Success`.
    pub fn holders(self) -> String {
        self.held_by(Role::title)
    }

    fn held_by(self, name: fn(Role) -> &'static str) -> String {
        let names: Vec<&str> = self.roles().iter().map(|role| name(*role)).collect();
        crate::domain::described::alternatives(&names)
    }
}

/// The accounts that an operator reaches. What belongs to others, or to none, does not exist for one of some accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All accounts, and what belongs to no account.
    All,
    /// These.
    Accounts(Arc<[AccountKey]>),
}

impl Reach {
    /// These accounts and no others; none of them: nothing.
    pub fn only(accounts: impl IntoIterator<Item = AccountKey>) -> Reach {
        Reach::Accounts(accounts.into_iter().collect())
    }
}

/// What an operator may do, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    role: Role,
    reach: Reach,
}

impl Mandate {
    /// That of the configured token, and of commands of `gateway`.
    pub const EVERYTHING: Mandate = Mandate { role: Role::Platform, reach: Reach::All };

    /// A role within a reach.
    pub const fn new(role: Role, reach: Reach) -> Mandate {
        Mandate { role, reach }
    }

    /// That of an account over itself: what its own administrators do, by a setup link or on their page, where the door has proved who they
    /// are.
    pub fn of_account(account: AccountKey) -> Mandate {
        Mandate::new(Role::Platform, Reach::only([account]))
    }

    /// The role.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The reach.
    pub const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Whether the role has this power: what pages show and hide by.
    pub fn has(&self, power: Power) -> bool {
        power.roles().contains(&self.role)
    }

    /// Whether the role has this power where it concerns all accounts, or none: what pages show and hide by.
    pub fn has_everywhere(&self, power: Power) -> bool {
        self.has(power) && self.reach == Reach::All
    }

    /// Refuses what the role has no power for.
    pub fn may(&self, power: Power) -> Result<(), Forbidden> {
        if self.has(power) { Ok(()) } else { Err(Forbidden { role: self.role, power, why: Why::Role }) }
    }

    /// The same for an act that concerns all accounts, or what belongs to none.
    pub fn may_everywhere(&self, power: Power) -> Result<(), Forbidden> {
        self.may(power)?;
        match self.reach {
            Reach::All => Ok(()),
            Reach::Accounts(_) => Err(Forbidden { role: self.role, power, why: Why::Reach }),
        }
    }

    /// Whether this account is within reach; `None` is what belongs to no account.
    pub fn reaches(&self, account: Option<AccountKey>) -> bool {
        match &self.reach {
            Reach::All => true,
            Reach::Accounts(accounts) => account.is_some_and(|account| accounts.contains(&account)),
        }
    }
}

/// What an endpoint or a page needs of an operator before it looks at anything: services ask again, about the very account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The power.
    pub power: Power,
    /// Whether it concerns all accounts, or what belongs to none.
    pub is_everywhere: bool,
}

impl Need {
    /// Refuses an operator who has it not.
    pub fn of(self, mandate: &Mandate) -> Result<(), Forbidden> {
        if self.is_everywhere { mandate.may_everywhere(self.power) } else { mandate.may(self.power) }
    }
}

/// Why an operator may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden {
    /// The operator's role.
    pub role: Role,
    /// What the act needs.
    pub power: Power,
    /// What is missing.
    pub why: Why,
}

/// What is missing for an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A role that has the power.
    Role,
    /// All accounts: the operator is limited to some.
    Reach,
}

impl Forbidden {
    /// The refusal with the roles called as pages call them.
    pub fn on_a_page(&self) -> String {
        self.told(Role::title)
    }

    fn told(&self, name: fn(Role) -> &'static str) -> String {
        let (role, may, who) = (name(self.role), self.role.summary(), self.power.held_by(name));
        let (act, advice) = self.power.phrase().split_once(": ").unwrap_or((self.power.phrase(), ""));
        match self.why {
            Why::Role => {
                let instead = if advice.is_empty() { String::new() } else { format!(". Instead: {advice}") };
                format!(
                    "an operator with the role {role} {may}, and may not {act}; an operator with the role {who} may{instead}"
                )
            }
            Why::Reach => format!(
                "this operator is limited to some accounts, and may {act} there only; what concerns all accounts or none needs an operator \
                 with the role {who} who is not limited"
            ),
        }
    }
}

impl std::fmt::Display for Forbidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.told(Role::code))
    }
}

impl std::error::Error for Forbidden {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_table_says() {
        let powers = |role: Role| Power::ALL.into_iter().filter(|power| power.roles().contains(&role)).count();
        assert_eq!(Role::ALL.map(powers), [18, 13, 3, 1]);
        let for_platform =
            [Power::Delete, Power::ManageSecrets, Power::ManageWebhooks, Power::SetPasswords, Power::ManageOperators];
        for power in for_platform {
            assert_eq!(power.roles(), [Role::Platform], "{power:?}");
        }
        for power in [Power::Read, Power::Diagnose, Power::ReadAudit] {
            assert!(power.roles().contains(&Role::Support), "{power:?}");
        }
    }

    #[test]
    fn what_is_out_of_reach_is_neither_another_account_nor_what_belongs_to_none() {
        let (acme, orchard) = (AccountKey::of_row(1), AccountKey::of_row(2));
        let some = Mandate::new(Role::Csm, Reach::only([acme]));
        assert!(some.reaches(Some(acme)) && !some.reaches(Some(orchard)) && !some.reaches(None));
        assert!(Mandate::EVERYTHING.reaches(None) && Mandate::EVERYTHING.reaches(Some(orchard)));
        let none = Mandate::new(Role::Platform, Reach::only([]));
        assert!(!none.reaches(Some(acme)) && !none.reaches(None), "no account is not all of them");
        assert!(none.may_everywhere(Power::ManageOperators).is_err());
    }

    #[test]
    fn a_refusal_says_what_the_role_may_do_and_who_can() {
        let told = |role, reach, power| Mandate::new(role, reach).may_everywhere(power).unwrap_err().to_string();
        let csm = told(Role::Csm, Reach::All, Power::ManageSecrets);
        assert!(csm.contains("role csm") && csm.contains("role platform may") && csm.contains("setup link"), "{csm}");
        let support = told(Role::Support, Reach::All, Power::EndGrants);
        assert!(support.contains("changes nothing") && support.contains("role platform or csm may"), "{support}");
        let some = told(Role::Platform, Reach::only([]), Power::ManageOperators);
        assert!(some.contains("limited to some accounts"), "{some}");
    }

    #[test]
    fn a_role_has_one_code() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.code()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.code());
        }
        assert_eq!(Role::named("Platform"), None);
    }
}

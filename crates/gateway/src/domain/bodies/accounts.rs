//! An account: as it is asked for, changed and answered.

use scim::InactiveMatch;

use crate::domain::access::UnsetEnvironments;
use crate::domain::account::{CloudNames, LastAdministrator, ListSeparator, OwnDeactivation, ServiceAccounts};
use crate::domain::bodies::force::Force;
use crate::domain::described::{Mapped, Name, Patch, Required, Text, Time, answer, body};
use crate::domain::labels::{self, LabelChanges, Labels};

body! {
    /// A new account.
    pub struct NewAccount {
        /// What it is called. No two accounts have one name.
        name: Required<Name>,
        /// Its product environments by their cloud names: letters, digits, hyphens, underscores and dots.
        product_environments: Option<CloudNames>,
        /// What people call its product environments, by cloud name. Identity providers send and are sent the cloud names alone.
        environment_labels: Option<LabelChanges>,
        /// What people call the roles of its users, by role.
        role_labels: Option<LabelChanges>,
        /// The role of users who come without one. One of the roles of the role attribute.
        default_role: Option<Text>,
        /// What becomes of a user whom an identity provider creates again after they were deactivated: `restore` (the default) brings
        /// the record back with its `id` and memberships, `conflict` answers 409 that names it.
        inactive_match: Option<InactiveMatch>,
        /// What becomes of a SCIM request that would end the very connection it comes by: `allow` (the default; it is carried out, and is
        /// the last) or `refuse` (403).
        own_deactivation: Option<OwnDeactivation>,
        /// Whether a group is refused the name of another one; false if nothing is said.
        unique_group_names: Option<bool>,
        /// What SCIM may do with service accounts: `read_only` (the default), `hidden` or `writable`.
        service_accounts: Option<ServiceAccounts>,
        /// What becomes of a SCIM request after which no active user has a role that may accept access: `allow` (the default) or `keep`
        /// (403).
        last_administrator: Option<LastAdministrator>,
        /// What divides the values of a list that an identity provider sends in one text, as Microsoft Entra ID does: `;`, `,` or `|`.
        /// Without it such a text is one value.
        list_separator: Option<ListSeparator>,
        /// What it means that neither a user nor a group of theirs says which environments they may enter: `all` (the default; every
        /// environment), `none`, or `refuse` (every environment; a change by which a restricted user would come to that is a 400).
        unset_environments: Option<UnsetEnvironments>,
    }
    example {
        "name": "acme", "product_environments": ["acme-prod", "acme-stage"], "default_role": "reports",
        "environment_labels": {"acme-prod": {"display_name": "Production", "description": "What your readers see."}}
    }
}

body! {
    /// A change of an account. What it leaves out stays.
    pub struct AccountChange {
        /// What it is called. No two accounts have one name.
        name: Option<Name>,
        /// Its product environments, all of them. A change that takes away one that users have is a 409, unless `force` says
        /// what becomes of them.
        product_environments: Option<CloudNames>,
        /// What people call product environments, by cloud name. Those that it leaves out stay as they are called; `null` for one takes its
        /// name and description away, `null` for all of it those of all. One that leaves the list loses both.
        environment_labels: Patch<LabelChanges>,
        /// The same for the roles of its users, by role.
        role_labels: Patch<LabelChanges>,
        /// The role of users who come without one; `null` for none.
        default_role: Patch<Text>,
        /// The id of an active user with a role that may accept access, to whom connections pass when their owner leaves; `null` for none.
        co_owner: Patch<Text>,
        /// As for a new account.
        inactive_match: Option<InactiveMatch>,
        /// As for a new account.
        own_deactivation: Option<OwnDeactivation>,
        /// As for a new account. Switching it on where groups share names is a 409, unless `force` is true.
        unique_group_names: Option<bool>,
        /// As for a new account.
        service_accounts: Option<ServiceAccounts>,
        /// As for a new account.
        last_administrator: Option<LastAdministrator>,
        /// As for a new account; `null` for none.
        list_separator: Patch<ListSeparator>,
        /// As for a new account.
        unset_environments: Option<UnsetEnvironments>,
        /// Does it although users have an environment that is taken away, or groups share names: `true`, and they keep it while it opens
        /// nothing. Or says what becomes of each value that leaves the list: `{"environments": {"acme-old": "acme-new"}}` replaces it, of
        /// users and in rules; `[]` takes it away, where it is not a user's last; `null` leaves it. `roles` does the same for roles that
        /// left the configuration. The first 200 users are changed at once, more of them in the background, and `warnings` says how far
        /// that is.
        force: Option<Force>,
    }
    example {"default_role": "admin", "co_owner": null}
}

answer! {
    /// What people call a value: an environment or a role.
    pub struct Label {
        /// What they read in place of the value.
        display_name: Option<String>,
        /// What it is.
        description: Option<String>,
    }
    example {"display_name": "Production", "description": "What your readers see."}
}

impl Label {
    /// All of them, by value.
    pub fn of_all(labels: &Labels) -> Mapped<Label> {
        let label = |(value, label): (&String, &labels::Label)| {
            let labels::Label { display_name, description } = label.clone();
            (value.clone(), Label { display_name, description })
        };
        Mapped(labels.0.iter().map(label).collect())
    }
}

answer! {
    /// An account: one customer of the vendor, and the wall between customers' data.
    pub struct Account {
        /// Its id.
        id: String,
        /// What it is called.
        name: String,
        /// Its product environments.
        product_environments: Vec<String>,
        /// What people call them, by cloud name: those that have a display name or a description.
        environment_labels: Mapped<Label>,
        /// What people call the roles of its users, by role.
        role_labels: Mapped<Label>,
        /// The role of users who come without one.
        default_role: Option<String>,
        /// The id of the user to whom connections pass when their owner leaves.
        co_owner: Option<String>,
        /// What becomes of a SCIM request that would end the very connection it comes by.
        own_deactivation: OwnDeactivation,
        /// What becomes of users who are created again after they were deactivated.
        inactive_match: InactiveMatch,
        /// Whether a group is refused the name of another one.
        unique_group_names: bool,
        /// What SCIM may do with service accounts.
        service_accounts: ServiceAccounts,
        /// What becomes of a SCIM request after which no active user may accept access.
        last_administrator: LastAdministrator,
        /// What divides the values of a list that is sent in one text; `null` where such a text is one value.
        list_separator: Option<ListSeparator>,
        /// What it means that neither a user nor a group of theirs says which environments they may enter.
        unset_environments: UnsetEnvironments,
        /// How many users it has.
        users: u64,
        /// How many groups it has.
        groups: u64,
        /// What is worth knowing at present: that no active user of it may accept access.
        warnings: Vec<String>,
        /// When it was made.
        created: Time,
        /// Since when it is suspended: its users, clients and identity providers are refused; `null` if it is not.
        suspended: Option<Time>,
    }
    example {
        "id": "0198a6b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "name": "acme", "product_environments": ["acme-prod", "acme-stage"],
        "environment_labels": {"acme-prod": {"display_name": "Production", "description": "What your readers see."}}, "role_labels": {},
        "default_role": null, "co_owner": null, "own_deactivation": "allow", "inactive_match": "restore", "unique_group_names": false,
        "service_accounts": "read_only", "last_administrator": "allow", "list_separator": null, "unset_environments": "all", "users": 12, "groups": 3, "warnings": [],
        "created": "2026-11-23T20:00:00.000Z", "suspended": null
    }
}

//! Microsoft Entra ID: a non-gallery application with a workload identity, or with client credentials.

use super::{
    Check, Drawing, Form, Guide, Part, Step, Value, ValueList, When, choose, copy, leave, paste, press, typed,
};
use crate::domain::setup_link::Provider;
use Part::{Facts, Heading, If, Path, Say, Table};

/// Microsoft Entra ID.
pub(super) static GUIDE: Guide = Guide {
    provider: Provider::Entra,
    place: "In Entra",
    takes: "About 15 minutes, as Application Administrator or higher.",
    steps: &[
        Step {
            id: "app",
            section: "Connect",
            short: "Create the application",
            title: "Create the application",
            optional: false,
            seen: &[Check::Connected],
            parts: &[
                Path(&["Entra ID", "Enterprise apps", "New application", "Create your own application"]),
                Say(
                    "Name it `{app}`, select **Integrate any other application you don’t find in the gallery (Non-gallery)**, and press **Create**. An application that was registered for OpenID Connect cannot provision: add a second one.",
                ),
                If(
                    When::Saml,
                    &[
                        Heading("Single sign-on by SAML"),
                        Path(&[
                            "Enterprise apps",
                            "{app}",
                            "Single sign-on",
                            "SAML",
                            "Basic SAML Configuration",
                            "Edit",
                        ]),
                        Table(
                            "Basic SAML Configuration",
                            &[
                                paste("Identifier (Entity ID)", Value::Audience),
                                paste("Reply URL (Assertion Consumer Service URL)", Value::Acs),
                                leave("Relay State", "empty"),
                                leave("Logout Url", "empty"),
                            ],
                        ),
                        Say(
                            "Under **Attributes & Claims** open **Unique User Identifier (Name ID)**. As **Name identifier format** choose **Email address**, and as **Source attribute** what provisioning sends as the user name, `user.userprincipalname` as a rule. Then copy **App Federation Metadata Url** under **SAML Certificates**, and send it to {vendor}.",
                        ),
                    ],
                ),
            ],
        },
        Step {
            id: "connect",
            section: "Connect",
            short: "Connectivity",
            title: "Connect",
            optional: false,
            seen: &[Check::Connected],
            parts: &[
                Path(&["Enterprise apps", "{app}", "Provisioning", "New configuration"]),
                Say(
                    "Entra offers two ways, under **Authentication method**: **Workload Identity Federation**, with no secret that could leak or run out, and **OAuth client credentials**, with a secret. Choose the first where the list has it, and the second where not. **Bearer** would be a token of long life: none is prepared here.",
                ),
                Heading("Workload Identity Federation: without a secret"),
                Table(
                    "Workload identity",
                    &[
                        choose("Authentication method", "Workload Identity Federation"),
                        press("Select Workload Identity", "and leave the screen open"),
                    ],
                ),
                Say(
                    "Entra shows **Issuer**, **JWKS URL**, **Subject** and **Audience**. None of them is a secret. Enter them here:",
                ),
                Part::Form(Form::WorkloadIdentity),
                Say("Then give Entra these three:"),
                Table(
                    "Workload identity, values for Entra",
                    &[
                        paste("Client Identifier", Value::ClientId),
                        paste("Token Endpoint", Value::TokenUrl),
                        paste("SCIM URL", Value::ScimBase).hint("or Tenant URL"),
                    ],
                ),
                Heading("OAuth client credentials: with a secret"),
                Table(
                    "Connectivity",
                    &[
                        choose("Authentication method", "OAuth client credentials")
                            .hint("older consoles call it OAuth2 Client Credentials Grant"),
                        paste("Tenant URL", Value::ScimBase),
                        paste("OAuth token endpoint", Value::TokenUrl),
                        paste("Client ID", Value::ClientId).hint("or Client Identifier"),
                        paste("Client Secret", Value::Credential),
                        choose("How credentials are sent", "Header").hint("not Both, which is refused"),
                        leave("OAuth 2.0 scopes", "empty").hint("or `provision:scim` alone"),
                    ],
                ),
                Part::Drawing(Drawing::EntraCredentials),
                Part::Form(Form::Credential),
                Say(
                    "The secret expires: {vendor} tells you in time. An expired secret puts the provisioning job into quarantine. Workload Identity Federation can take its place later without an outage: until the secret is ended, both count.",
                ),
                Heading("Test it"),
                Say(
                    "Press **Test Connection**. Entra says “The supplied credentials are authorized to enable provisioning”. Then press **Create**.",
                ),
            ],
        },
        MAPPING,
        SCOPE,
        Step {
            id: "demand",
            section: "Check",
            short: "Provision on demand",
            title: "Provision one user on demand",
            optional: false,
            seen: &[Check::Users],
            parts: &[
                Path(&["Enterprise apps", "{app}", "Provisioning", "Provision on demand"]),
                Say(
                    "Select one user who is assigned, and press **Provision**. It takes less than half a minute, and Entra shows each step. A mapping of app roles is not carried out on demand: the role comes with the first cycle.",
                ),
            ],
        },
        Step {
            id: "start",
            section: "Check",
            short: "Start, and check",
            title: "Start provisioning, and check",
            optional: false,
            seen: &[],
            parts: &[
                Path(&["Enterprise apps", "{app}", "Provisioning", "Overview"]),
                Say(
                    "Under **Properties** enter an address for **Notification Email**, and press **Apply**. Then press **Start provisioning**. Entra sends changes every 20 to 40 minutes; that interval is fixed.",
                ),
                Facts(&[
                    ("Provisioning logs", "what Entra sent for each user, and what {vendor} answered"),
                    (
                        "Quarantine",
                        "after wrong credentials, or when many users fail: correct it, then press Restart provisioning",
                    ),
                ]),
                Say("This is what {vendor} has seen so far; the list updates by itself."),
                Part::Form(Form::Checks),
            ],
        },
    ],
    checks: &[Check::Connected, Check::FirstCall, Check::Users, Check::Role, Check::Environments, Check::Groups],
};

const MAPPING: Step = Step {
    id: "mapping",
    section: "Set up access",
    short: "Attribute mapping",
    title: "Map role and product environments",
    optional: false,
    seen: &[Check::Role],
    parts: &[
        Path(&["Enterprise apps", "{app}", "Provisioning", "Attribute mapping", "Provision Microsoft Entra ID Users"]),
        Say("**userName** stays the attribute that users are matched by, with **Matching precedence** 1."),
        Heading("Role"),
        Say("Entra does not know {vendor}’s attribute yet. Add it first:"),
        Path(&["Attribute mapping", "Show advanced options", "Edit attribute list for {app}"]),
        Table(
            "Attribute list, role",
            &[
                copy("Name", "role").hint("exactly like this"),
                choose("Type", "String"),
                leave("Multi-value?", "unticked"),
            ],
        ),
        Say("Press **Save**, go back, and press **Add New Mapping**:"),
        Table(
            "Mapping of the role",
            &[
                choose("Mapping type", "Expression"),
                copy("Expression", "SingleAppRoleAssignment([appRoleAssignments])")
                    .hint("the app role that you assign in [the next step](#scope)"),
                choose("Target attribute", "role"),
                choose("Apply this mapping", "Always"),
            ],
        ),
        Say(
            "The target `roles[primary eq \"True\"].value` is understood as well. If you keep the role in an attribute of your users, choose **Direct** and that attribute instead of the expression: such a mapping is carried out on demand, too.",
        ),
        If(
            When::Environments,
            &[
                Heading("Product environments"),
                Say(
                    "**Without them every user can enter all product environments.** Entra sends no lists in attributes of your own: it sends one text.",
                ),
                If(When::Separator, &[Say("{vendor} takes several environments in it, separated by `{separator}`.")]),
                If(
                    When::NoSeparator,
                    &[Say(
                        "Each user gets the one environment in it. If your users need several, ask {vendor} to set what separates them, such as `;`.",
                    )],
                ),
                Path(&["Attribute mapping", "Show advanced options", "Edit attribute list for {app}"]),
                Table(
                    "Attribute list, product environments",
                    &[
                        copy("Name", "product_environments").hint("exactly like this"),
                        choose("Type", "String"),
                        leave("Multi-value?", "unticked"),
                    ],
                ),
                Say("Press **Save**, go back, and press **Add New Mapping**:"),
                Table(
                    "Mapping of product environments",
                    &[
                        choose("Mapping type", "Direct"),
                        choose("Source attribute", "extensionAttribute1")
                            .hint("or the attribute that you keep them in"),
                        choose("Target attribute", "product_environments"),
                    ],
                ),
                Part::Values(ValueList::Environments),
            ],
        ),
    ],
};

const SCOPE: Step = Step {
    id: "scope",
    section: "Set up access",
    short: "Users and groups",
    title: "App roles, users and groups",
    optional: false,
    seen: &[Check::Users],
    parts: &[
        Path(&["Entra ID", "App registrations", "{app}", "App roles", "Create app role"]),
        Table(
            "An app role",
            &[
                typed("Display name", "a name that is clear to you"),
                choose("Allowed member types", "Users/Groups"),
                typed("Value", "one of the values below"),
            ],
        ),
        Part::Values(ValueList::Roles),
        Say("Create one for each role that you use."),
        Path(&["Enterprise apps", "{app}", "Provisioning", "Scoping filters"]),
        Table(
            "Scope",
            &[choose("Scope", "Sync only assigned users and groups")
                .hint("Scope by assignment in newer consoles; roles are not sent with Sync all users and groups")],
        ),
        Path(&["Enterprise apps", "{app}", "Users and groups", "Add user/group"]),
        Say(
            "Assign users or groups, and **Select a role** for each. Members of a group inside a group are not sent. Begin with one user.",
        ),
    ],
};

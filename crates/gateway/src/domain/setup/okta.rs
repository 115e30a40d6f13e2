//! Okta: an app made by the wizard with SAML, then SCIM with OAuth 2.

use super::okta_attributes::{ATTRIBUTES, DEFAULTS, INHERIT};
use super::{Check, Drawing, Form, Guide, Part, Row, Step, Value, When, choose, leave, paste, tick};
use crate::domain::setup_link::Provider;
use Part::{Facts, If, List, Path, Say, Table};

/// Okta.
pub(super) static GUIDE: Guide = Guide {
    provider: Provider::Okta,
    place: "In Okta",
    takes: "About 20 minutes, as an administrator of Okta, with this page beside Okta’s admin console.",
    steps: &[
        ACCOUNT,
        APP,
        Step {
            id: "scim",
            section: "Prepare",
            short: "Turn on SCIM",
            title: "Turn on SCIM provisioning",
            optional: false,
            seen: &[Check::Connected],
            parts: &[
                Path(&["Applications", "Applications", "{app}", "General", "App Settings"]),
                Say(
                    "Press **Edit**, select **SCIM** as **Provisioning**, and press **Save**. A tab called **Provisioning** appears; reload Okta’s page if it does not.",
                ),
            ],
        },
        INTEGRATION,
        Step {
            id: "variable",
            section: "Connect",
            short: "Variable name",
            title: "Register the variable name",
            optional: false,
            seen: &[Check::VariableName],
            parts: &[
                Say(
                    "Okta gives every app a variable name. {vendor} needs it to send you back to Okta in the next step.",
                ),
                Path(&["Directory", "Profile Editor", "{app} User"]),
                Part::Drawing(Drawing::VariableName),
                Part::Form(Form::VariableName),
            ],
        },
        Step {
            id: "authenticate",
            section: "Connect",
            short: "Authenticate",
            title: "Authenticate, and accept access",
            optional: false,
            seen: &[Check::ServiceAccount],
            parts: &[
                Path(&["Applications", "{app}", "Provisioning", "Integration"]),
                List(&[
                    "Scroll down and press **Authenticate with {app}** (later it is called **Re-authenticate**). A window of {vendor} opens.",
                    "Log in with the password from [the first step](#account), not as yourself but as `{service_account}`.",
                    "Read what Okta can do, and press **Accept access**. The window closes, and Okta shows a green tick. Reload Okta’s page if it does not.",
                ]),
            ],
        },
        ATTRIBUTES,
        Step {
            id: "to-app",
            section: "Set up access",
            short: "Enable provisioning",
            title: "Enable provisioning to the app",
            optional: false,
            seen: &[Check::Users],
            parts: &[
                Path(&["Applications", "{app}", "Provisioning", "To App", "Edit"]),
                Table(
                    "To App",
                    &[
                        tick("Create Users", "Enable"),
                        tick("Update User Attributes", "Enable"),
                        tick("Deactivate Users", "Enable"),
                        leave("Sync Password", "off").hint("{vendor} keeps no password that Okta sends"),
                    ],
                ),
                Say("Press **Save**."),
            ],
        },
        DEFAULTS,
        INHERIT,
        Step {
            id: "assign",
            section: "Send users",
            short: "Assign",
            title: "Assign users or groups",
            optional: false,
            seen: &[Check::Users],
            parts: &[
                Path(&["Applications", "{app}", "Assignments", "Assign"]),
                List(&[
                    "Start with one user: press **Assign to People**, and **Assign** beside the user.",
                    "Fill in role and environments, unless they come from [the user’s profile](#defaults) or [a group](#inherit). Press **Save and Go Back**, then **Done**.",
                    "**Assign to Groups** assigns everyone in a group at once.",
                ]),
                Say(
                    "A user who was assigned before provisioning was enabled has a red mark and the words “was assigned this application before Provisioning was enabled”: press **Provision User** there.",
                ),
            ],
        },
        PUSH,
        Step {
            id: "import",
            section: "Send users",
            short: "Import",
            title: "Import users who are already in {vendor}",
            optional: true,
            seen: &[Check::Import],
            parts: &[
                Path(&["Applications", "{app}", "Import", "Import Now"]),
                Say(
                    "Tick the users on the right, press **Confirm Assignments**, then **Confirm**. From then on changes go from Okta to {vendor}, and not back. Leave `{service_account}` out: it stays a user of {vendor} alone.",
                ),
                Path(&["Applications", "{app}", "Provisioning", "To Okta"]),
                Say(
                    "For regular imports choose an interval under **Schedule import**; choose **Never** to import by hand. Newer consoles ask for two intervals, **Incremental** and **Full Import Schedule**.",
                ),
            ],
        },
        LOGOUT,
        Step {
            id: "check",
            section: "Check",
            short: "Check that it works",
            title: "Check that it works",
            optional: false,
            seen: &[],
            parts: &[
                Say(
                    "Assign one user, push one group, and look at both in {vendor}. This is what {vendor} has seen so far; the list updates by itself.",
                ),
                Part::Form(Form::Checks),
            ],
        },
    ],
    checks: &[
        Check::Connected,
        Check::FirstCall,
        Check::ServiceAccount,
        Check::Users,
        Check::Role,
        Check::Environments,
        Check::Groups,
    ],
};

const ACCOUNT: Step = Step {
    id: "account",
    section: "Prepare",
    short: "Service account",
    title: "Set the service account’s password",
    optional: false,
    seen: &[Check::Password],
    parts: &[
        Say(
            "{vendor} has a service account for Okta to work as: `{service_account}`. It belongs to no single person, so the connection does not end when a colleague leaves.",
        ),
        Part::Form(Form::Password),
    ],
};

const APP: Step = Step {
    id: "app",
    section: "Prepare",
    short: "Create the app",
    title: "Create the app in Okta",
    optional: false,
    seen: &[Check::Connected],
    parts: &[
        Path(&["Applications", "Applications", "Create App Integration"]),
        List(&[
            "As **Sign-in method** select **SAML 2.0**, then press **Next**. SCIM is not offered for apps of other kinds.",
            "As **App name** enter a name that your colleagues recognise; the rest of this page calls it `{app}`. Logo and visibility are optional. Press **Next**.",
            "Under **Configure SAML** fill in:",
        ]),
        If(
            When::Saml,
            &[Table(
                "SAML settings",
                &[
                    paste("Single sign-on URL", Value::Acs),
                    tick("Use this for Recipient URL and Destination URL", "leave it ticked"),
                    paste("Audience URI (SP Entity ID)", Value::Audience),
                    choose("Name ID format", "EmailAddress"),
                    Row::new("Show Advanced Settings", super::Verb::Press, Value::Words("below the other fields")),
                    paste("Other Requestable SSO URLs", Value::OtherAcs),
                ],
            )],
        ),
        If(
            When::NoSaml,
            &[
                Table(
                    "SAML settings",
                    &[
                        paste("Single sign-on URL", Value::Origin).hint("Okta wants an address; it is used for single sign-on only, which is set up apart from this"),
                        paste("Audience URI (SP Entity ID)", Value::Origin),
                        choose("Name ID format", "EmailAddress"),
                    ],
                ),
                Say("If {vendor} gave you other values for single sign-on, enter those."),
            ],
        ),
        Say("Press **Next**. The feedback that Okta asks for is optional. Press **Finish**."),
        If(
            When::Saml,
            &[Say(
                "Then copy the **Metadata URL** on the tab **Sign On** (newer consoles: **Authentication**), and send it to {vendor}: it says how Okta signs.",
            )],
        ),
    ],
};

const INTEGRATION: Step = Step {
    id: "integration",
    section: "Connect",
    short: "Integration",
    title: "Fill in the integration",
    optional: false,
    seen: &[Check::Connected],
    parts: &[
        Path(&["Applications", "{app}", "Provisioning", "Integration", "Edit"]),
        Table(
            "SCIM connection",
            &[
                paste("SCIM connector base URL", Value::ScimBase),
                paste("Unique identifier field for users", Value::Copy("userName")).hint("with a capital N"),
                tick(
                    "Supported provisioning actions",
                    "Import New Users and Profile Updates;Push New Users;Push Profile Updates;Push Groups",
                ),
                choose("Authentication Mode", "OAuth 2"),
                paste("Access token endpoint URI", Value::TokenUrl),
                paste("Authorization endpoint URI", Value::AuthorizationUrl).hint("with the spaces in it"),
                paste("Client ID", Value::ClientId),
                paste("Client Secret", Value::Credential),
            ],
        ),
        Part::Drawing(Drawing::Integration),
        Part::Form(Form::Credential),
        Say(
            "Press **Save**. Do not press **Authenticate** yet: {vendor} first needs the [variable name](#variable) of your app.",
        ),
    ],
};

const LOGOUT: Step = Step {
    id: "logout",
    section: "Log users out",
    short: "Universal Logout",
    title: "Let Okta log users out of {vendor}",
    optional: true,
    seen: &[],
    parts: &[
        Say(
            "When you clear a user’s sessions in Okta, or Okta sees a threat, it can end everything that the user has in {vendor} at once. It takes Okta’s Identity Threat Protection or Adaptive MFA.",
        ),
        If(
            When::NoSignals,
            &[Say(
                "{vendor} checks who asks, and does not know your Okta yet: send its address, such as `https://acme.okta.com`, to the people at {vendor} who sent you this page.",
            )],
        ),
        Path(&["Applications", "{app}", "General", "Logout", "Edit"]),
        Table(
            "Logout",
            &[
                tick("App logs out when", "Okta system or admin initiates logout"),
                paste("Logout endpoint URL", Value::RevocationEndpoint)
                    .hint("other screens call it Global token revocation endpoint"),
                choose("Subject format", "Email"),
            ],
        ),
        Say(
            "Press **Save**. A user who accepted the connection for provisioning ends it with their own log-out; `{service_account}` is no user of Okta, so the connection stays.",
        ),
    ],
};

const PUSH: Step = Step {
    id: "push",
    section: "Send users",
    short: "Push groups",
    title: "Push groups",
    optional: true,
    seen: &[Check::Groups],
    parts: &[
        Path(&["Applications", "{app}", "Push Groups", "Push Groups", "Find groups by name"]),
        Say(
            "Select the group. If Okta says **No match found**, select **Create Group**; otherwise select **Link Group**, and the group of {vendor} to link to. Then press **Save**. Only users who are [assigned](#assign) become members.",
        ),
        Say("Later, under **Push Status**:"),
        Facts(&[
            ("Push now", "sends the members again"),
            ("Deactivate group push", "stops sending changes; the group and its members stay"),
            (
                "Unlink pushed group",
                "stops sending changes, and you choose whether to delete the group in {vendor}; its members stay users",
            ),
        ]),
    ],
};

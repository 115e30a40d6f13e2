//! JumpCloud: a custom application with a static token.

use super::{Check, Form, Guide, Part, Row, Step, Value, Verb, When, choose, copy, paste, tick, typed};
use crate::domain::setup_link::Provider;
use Part::{If, Path, Say, Table};

/// JumpCloud.
pub(super) static GUIDE: Guide = Guide {
    provider: Provider::JumpCloud,
    place: "In JumpCloud",
    takes: "About 10 minutes, as an administrator of JumpCloud.",
    steps: &[
        Step {
            id: "app",
            section: "Connect",
            short: "Create the application",
            title: "Create the application",
            optional: false,
            seen: &[Check::FirstCall],
            parts: &[
                Path(&["SSO Applications", "Add New Application", "Custom Application"]),
                Table(
                    "Options",
                    &[
                        tick("Manage Single Sign-On (SSO)", "if you use it with {vendor}"),
                        tick("Export users to this app (Identity Management)", "yes"),
                        typed("Display Label", "a name that your colleagues recognise"),
                    ],
                ),
                If(
                    When::Saml,
                    &[Table(
                        "SSO",
                        &[
                            paste("SP Entity ID", Value::Audience),
                            paste("ACS URL(s), Default URL", Value::Acs),
                            choose("SAMLSubject NameID", "email"),
                            copy("SAMLSubject NameID Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
                            choose("Signature Algorithm", "RSA-SHA256"),
                        ],
                    )],
                ),
            ],
        },
        Step {
            id: "connect",
            section: "Connect",
            short: "Identity Management",
            title: "Connect",
            optional: false,
            seen: &[Check::FirstCall],
            parts: &[
                Path(&["SSO Applications", "{app}", "Identity Management", "Configuration settings", "Configure"]),
                Table(
                    "Configuration settings",
                    &[
                        choose("API Type", "SCIM API"),
                        choose("SCIM Version", "SCIM 2.0"),
                        paste("Base URL", Value::ScimBase),
                        paste("Token Key", Value::Credential),
                        Row::new("Test User Email", Verb::Type, Value::Words("an address that no user has"))
                            .hint("JumpCloud creates a user and a group to test, and deletes them again"),
                    ],
                ),
                Part::Form(Form::Credential),
                Say("Press **Test Connection**, then **Activate**, then **Save**. Each later change is tested again."),
            ],
        },
        Step {
            id: "groups",
            section: "Send users",
            short: "User groups",
            title: "Assign user groups",
            optional: false,
            seen: &[Check::Users],
            parts: &[
                Path(&["SSO Applications", "{app}", "User Groups"]),
                Say(
                    "Tick the groups whose members shall be users of {vendor}, and press **Save**. Users need a first and a last name. To send the groups themselves, tick **Enable management of User Groups and Group Membership in this application** under **Identity Management**.",
                ),
                Say(
                    "JumpCloud sends no role: each user gets the role that {vendor} has set as the default of your account, and {vendor} changes it.",
                ),
                If(
                    When::Environments,
                    &[Say("It sends no product environments either, so **every user can enter all of them**.")],
                ),
            ],
        },
        Step {
            id: "check",
            section: "Check",
            short: "Check that it works",
            title: "Check that it works",
            optional: false,
            seen: &[],
            parts: &[
                Say(
                    "Failures are in **Directory Insights**, as user_create_provision, user_update_provision and the like. This is what {vendor} has seen so far; the list updates by itself.",
                ),
                Part::Form(Form::Checks),
            ],
        },
    ],
    checks: &[Check::FirstCall, Check::Users, Check::DefaultRole, Check::Groups],
};

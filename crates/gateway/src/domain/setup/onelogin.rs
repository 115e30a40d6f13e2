//! OneLogin: the SCIM provisioner with SAML, and a static token.

use super::{Check, Form, Guide, Part, Row, Step, Value, ValueList, Verb, When, choose, copy, paste, tick, typed};
use crate::domain::setup_link::Provider;
use Part::{If, Path, Say, Table};

/// What OneLogin sends of each user.
const TEMPLATE: &str = r#"{
  "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
  "userName": "{$parameters.scimusername}",
  "externalId": "{$user.id}",
  "name": {"givenName": "{$user.firstname}", "familyName": "{$user.lastname}"},
  "displayName": "{$user.display_name}",
  "emails": [{"value": "{$user.email}", "type": "work", "primary": true}],
  "role": "{$parameters.role}"
}"#;

/// OneLogin.
pub(super) static GUIDE: Guide = Guide {
    provider: Provider::OneLogin,
    place: "In OneLogin",
    takes: "About 15 minutes, as an administrator of OneLogin.",
    steps: &[
        Step {
            id: "app",
            section: "Connect",
            short: "Create the app",
            title: "Create the app",
            optional: false,
            seen: &[Check::FirstCall],
            parts: &[
                Path(&["Applications", "Applications", "Add App"]),
                Say(
                    "Search for **SCIM Provisioner with SAML**, select **SCIM Provisioner with SAML (SCIM v2 Enterprise, SCIM2 PATCH for Groups)**, give it the **Display Name** `{app}`, and press **Save**.",
                ),
            ],
        },
        Step {
            id: "connect",
            section: "Connect",
            short: "Configuration",
            title: "Fill in the configuration",
            optional: false,
            seen: &[Check::FirstCall],
            parts: &[
                Path(&["Applications", "{app}", "Configuration"]),
                If(
                    When::Saml,
                    &[Table(
                        "Application details",
                        &[paste("SAML Audience URL", Value::Audience), paste("SAML Consumer URL", Value::Acs)],
                    )],
                ),
                Table(
                    "API Connection",
                    &[
                        paste("SCIM Base URL", Value::ScimBase).hint("without a slash at the end"),
                        Row::new("SCIM JSON Template", Verb::Paste, Value::Words("the template below")),
                        copy("Custom Headers", "Content-Type: application/scim+json"),
                        paste("SCIM Bearer Token", Value::Credential),
                    ],
                ),
                Part::Template("SCIM JSON Template", TEMPLATE),
                Part::Form(Form::Credential),
                Say("Press **Save**, then **Enable** beside **API Status**. OneLogin tests the connection by that."),
            ],
        },
        Step {
            id: "parameters",
            section: "Set up access",
            short: "Parameters",
            title: "Add the parameter for the role",
            optional: false,
            seen: &[Check::Role],
            parts: &[
                Path(&["Applications", "{app}", "Parameters"]),
                Table(
                    "Parameters",
                    &[
                        choose("scimusername", "Email"),
                        typed("+, Field name", "role"),
                        tick("Include in User Provisioning", "yes"),
                        choose("Value", "the field or macro that has the role")
                            .hint("or set it by a rule, under Rules"),
                    ],
                ),
                Part::Values(ValueList::Roles),
                If(
                    When::Environments,
                    &[Say(
                        "OneLogin sends texts and no lists. **Without product environments every user can enter all of them**: to send them, add a parameter `product_environments` and a line `\"product_environments\": \"{$parameters.product_environments}\"` to the template. Several environments stand in one text, where {vendor} has set what separates them, such as `;`.",
                    )],
                ),
                Say(
                    "For groups: in **Groups**, tick **Include in User Provisioning**; under **Rules** add **Set Groups in {app}**, **Map from OneLogin**; then press **Refresh** under **Provisioning**, **Entitlements**.",
                ),
            ],
        },
        Step {
            id: "provisioning",
            section: "Set up access",
            short: "Provisioning",
            title: "Enable provisioning",
            optional: false,
            seen: &[Check::Users],
            parts: &[
                Path(&["Applications", "{app}", "Provisioning"]),
                Table(
                    "Workflow",
                    &[
                        tick("Enable provisioning", "yes"),
                        Row::new(
                            "Require admin approval before this action is performed",
                            Verb::Untick,
                            Value::Words("Create user;Delete user;Update user"),
                        )
                        .hint("otherwise each user waits as Pending until you approve"),
                        choose("When users are deleted in OneLogin, or the user’s app access is removed", "Suspend"),
                        choose("When user accounts are suspended in OneLogin", "Suspend"),
                    ],
                ),
                Say("Press **Save**."),
            ],
        },
        Step {
            id: "check",
            section: "Check",
            short: "Assign, and check",
            title: "Assign one user, and check",
            optional: false,
            seen: &[],
            parts: &[
                Path(&["Users", "Users", "a user", "Applications", "+"]),
                Say(
                    "Add `{app}` to one user. **Provisioned** appears beside it. Failures are under **Activity**, **Events**.",
                ),
                Say("This is what {vendor} has seen so far; the list updates by itself."),
                Part::Form(Form::Checks),
            ],
        },
    ],
    checks: &[Check::FirstCall, Check::Users, Check::Role, Check::Environments, Check::Groups],
};

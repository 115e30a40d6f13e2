//! PingOne and PingFederate: client credentials.

use super::{Check, Form, Guide, Part, Step, Value, ValueList, When, choose, copy, leave, paste, typed};
use crate::domain::setup_link::Provider;
use Part::{Facts, If, Path, Say, Table};

/// PingOne and PingFederate.
pub(super) static GUIDE: Guide = Guide {
    provider: Provider::Ping,
    place: "In PingOne",
    takes: "About 15 minutes, as an administrator of PingOne or PingFederate.",
    steps: &[
        Step {
            id: "connect",
            section: "Connect",
            short: "Connection",
            title: "Create the connection",
            optional: false,
            seen: &[Check::Connected],
            parts: &[
                Path(&["Integrations", "Provisioning", "New connection", "Identity Store", "SCIM (Outbound)"]),
                Say("Press **Select**, name it `{app}`, press **Next**, and fill in:"),
                Table(
                    "Configure authentication",
                    &[
                        paste("SCIM Base URL", Value::ScimBase),
                        copy("Users Resource", "/Users"),
                        choose("SCIM Version", "2.0"),
                        copy("Groups Resource", "/Groups"),
                        choose("Authentication Method", "OAuth 2 Client Credentials"),
                        paste("OAuth Token Request", Value::TokenUrl),
                        paste("OAuth Client ID", Value::ClientId),
                        paste("OAuth Client Secret", Value::Credential),
                        choose("Auth Type Header", "Bearer"),
                    ],
                ),
                Part::Form(Form::Credential),
                Say(
                    "Press **Test connection**: PingOne says “Connection Successful”. After “Test Connection Failed” it lets you continue, and the connection does nothing until it is corrected.",
                ),
                Say(
                    "In PingFederate the same values go into **SP Connection**, **Outbound Provisioning**, **Target**. Its **Scope** is `provision:scim` alone, **Unique User Identifier** is `userName`, **Authorization Header Type** is **Bearer**.",
                ),
            ],
        },
        Step {
            id: "preferences",
            section: "Set up access",
            short: "Preferences",
            title: "Set the preferences",
            optional: false,
            seen: &[Check::Users],
            parts: &[
                Table(
                    "Preferences",
                    &[
                        copy("User Filter Expression", "userName Eq \"%s\"").hint("it cannot be changed later"),
                        typed("User Identifier", "userName"),
                        choose("Allow users to be created, updated, disabled", "on"),
                        choose("Remove Action", "Disable").hint("a user who is deleted loses their memberships"),
                        leave("Group Name Source", "as it is"),
                    ],
                ),
                Say(
                    "In PingFederate: **User Create**, **User Update** and **User Disable / Delete** on, **Remove User Action** is **Disable**, **Use PATCH for Group Updates** on.",
                ),
            ],
        },
        Step {
            id: "rule",
            section: "Set up access",
            short: "Rule and mapping",
            title: "Create the rule, and map the role",
            optional: false,
            seen: &[Check::Role],
            parts: &[
                Path(&["Integrations", "Provisioning", "Rules", "New rule"]),
                Say("Choose `{app}` as the target, a population or a filter of users, and map the role:"),
                Table(
                    "Attribute mapping",
                    &[typed("PingOne directory", "the attribute that has the role"), copy("SCIM attribute", "role")],
                ),
                Part::Values(ValueList::Roles),
                If(
                    When::Environments,
                    &[Say(
                        "Of an attribute with several values PingOne sends the first one. **A user without `product_environments` can enter all of them**; to send several, map one text with all of them, where {vendor} has set what separates them, such as `;`.",
                    )],
                ),
                Say("Switch the connection and the rule on."),
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
                Facts(&[("Sync Status", "what was sent for each user, and what {vendor} answered")]),
                Say("This is what {vendor} has seen so far; the list updates by itself."),
                Part::Form(Form::Checks),
            ],
        },
    ],
    checks: &[Check::Connected, Check::FirstCall, Check::Users, Check::Role, Check::Environments, Check::Groups],
};

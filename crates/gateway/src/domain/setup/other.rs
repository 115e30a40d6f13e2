//! Any identity provider that speaks SCIM 2.0: what each of them asks for, under the names that are usual.

use super::{Check, Form, Guide, Part, Step, Value, ValueList, When, choose, copy, paste};
use crate::domain::setup_link::Provider;
use Part::{Facts, If, Say, Table};

/// Any other provider.
pub(super) static GUIDE: Guide = Guide {
    provider: Provider::Other,
    place: "In your identity provider",
    takes: "About 15 minutes, as an administrator of your identity provider.",
    steps: &[
        Step {
            id: "connect",
            section: "Connect",
            short: "Connect",
            title: "Create an application, and connect it",
            optional: false,
            seen: &[Check::FirstCall],
            parts: &[
                Say(
                    "Create an application for provisioning by **SCIM 2.0**. Providers call the fields differently; these are the usual names.",
                ),
                Table(
                    "Connection",
                    &[
                        choose("SCIM version", "2.0"),
                        paste("SCIM base URL, Tenant URL, Endpoint", Value::ScimBase),
                        choose("Authentication", "Bearer token").hint("or HTTP header, API token"),
                        paste("Token, Bearer token, Secret token", Value::Credential),
                        copy("Unique identifier, Match users by", "userName"),
                    ],
                ),
                Part::Form(Form::Credential),
                Say(
                    "If your provider offers **OAuth 2.0 client credentials**, tell {vendor}: it is the better way, and has these values.",
                ),
                Facts(&[
                    ("Token URL", "the address of {vendor} that ends in /oauth2/token"),
                    ("Scope", "none, or provision:scim alone"),
                    ("How credentials are sent", "in the header or in the body, not in both"),
                ]),
            ],
        },
        Step {
            id: "attributes",
            section: "Set up access",
            short: "Role and environments",
            title: "Map the attributes that decide about access",
            optional: false,
            seen: &[Check::Role],
            parts: &[
                Say(
                    "They are attributes of the core User schema, `urn:ietf:params:scim:schemas:core:2.0:User`. Providers that read `/Schemas` offer them with their values.",
                ),
                Table("Role", &[copy("role", "role").hint("one text")]),
                Part::Values(ValueList::Roles),
                If(
                    When::Environments,
                    &[
                        Table(
                            "Product environments",
                            &[copy("product_environments", "product_environments")
                                .hint("a list of texts; **without it every user can enter all of them**")],
                        ),
                        Part::Values(ValueList::Environments),
                    ],
                ),
            ],
        },
        Step {
            id: "check",
            section: "Check",
            short: "Send one user, and check",
            title: "Send one user, and check",
            optional: false,
            seen: &[],
            parts: &[
                Say(
                    "Switch on that users are created, updated and deactivated; assign one user, then a group. This is what {vendor} has seen so far; the list updates by itself.",
                ),
                Part::Form(Form::Checks),
            ],
        },
    ],
    checks: &[Check::FirstCall, Check::Users, Check::Role, Check::Environments, Check::Groups],
};

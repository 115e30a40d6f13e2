//! Okta: the attributes for role and product environments, their values of users and of groups.

use super::{Check, Drawing, Part, Row, Step, ValueList, When, choose, copy, tick, typed};
use Part::{Heading, If, Path, Say, Table};

const NAMESPACE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENUM: &str = "Define enumerated list of values";
const ANY_NAME: &str = "or any name that is clear to you";
const EXACT: &str = "exactly like this";

const ENVIRONMENTS: &[Row] = &[
    choose("Data type", "string array"),
    typed("Display name", "Product environments").hint(ANY_NAME),
    copy("Variable name", "product_environments").hint("Okta puts the app’s own variable name before it"),
    copy("External name", "product_environments").hint("exactly like this: it is the name that {vendor} reads"),
    copy("External namespace", NAMESPACE),
    typed("Description", "Product environments this user can enter"),
    tick("Enum", ENUM),
    tick("Attribute required", "yes"),
    choose("Attribute type", "Group")
        .hint("if groups should provide it; consoles of 2026 call it Scope: leave User personal unticked"),
];

const ROLE: &[Row] = &[
    choose("Data type", "string"),
    typed("Display name", "User role").hint(ANY_NAME),
    copy("Variable name", "role").hint("Okta puts the app’s own variable name before it"),
    copy("External name", "role").hint("exactly like this"),
    copy("External namespace", NAMESPACE),
    typed("Description", "What this user can do in {vendor}"),
    tick("Enum", ENUM),
    tick("Attribute required", "yes"),
    choose("Attribute type", "Group").hint("if groups should provide it"),
];

/// The attributes of the app.
pub(super) const ATTRIBUTES: Step = Step {
    id: "attributes",
    section: "Set up access",
    short: "Role and environments",
    title: "Add the attributes for role and product environments",
    optional: false,
    seen: &[Check::Role, Check::Environments],
    parts: &[
        Say("They decide what each user can do in {vendor}."),
        Path(&["Directory", "Profile Editor", "{app} User", "Add Attribute"]),
        If(
            When::Environments,
            &[
                Heading("Product environments"),
                Say("**Without them every user can enter all product environments.**"),
                Table("Attribute product environments", ENVIRONMENTS),
                Part::Values(ValueList::Environments),
                Say("Press **Save and Add Another**."),
            ],
        ),
        Heading("Role"),
        Table("Attribute role", ROLE),
        Part::Values(ValueList::Roles),
        Say("Press **Save**."),
    ],
};

/// The attributes of users of Okta, and what they are mapped to.
pub(super) const DEFAULTS: Step = Step {
    id: "defaults",
    section: "Set up access",
    short: "Fill them in",
    title: "Fill in role and environments when a user is created in Okta",
    optional: true,
    seen: &[],
    parts: &[
        Say(
            "Without this step you choose role and environments each time you assign a user. With it they come from the user’s profile in Okta.",
        ),
        Heading("First add them to the Okta user"),
        Path(&["Directory", "Profile Editor", "Okta User (default)", "Add Attribute"]),
        If(
            When::Environments,
            &[
                Table(
                    "Okta user, product environments",
                    &[
                        choose("Data type", "string array"),
                        typed("Display name", "Product environments"),
                        copy("Variable name", "product_environments").hint(EXACT),
                        typed("Description", "Product environments this user can enter"),
                        tick("Enum", ENUM).hint("the same values as before"),
                        tick("Attribute required", "yes"),
                        choose("User permission", "Read-Write"),
                    ],
                ),
                Say("Press **Save and Add Another**."),
            ],
        ),
        Table(
            "Okta user, role",
            &[
                choose("Data type", "string"),
                typed("Display name", "{vendor} role"),
                copy("Variable name", "cld_role").hint("exactly like this, or a name of yours that you map below"),
                typed("Description", "What this user can do in {vendor}"),
                tick("Enum", ENUM).hint("the same values as before"),
                tick("Attribute required", "yes"),
                choose("User permission", "Read-Write"),
            ],
        ),
        Say("Press **Save**."),
        Heading("Then map them"),
        Path(&["Directory", "Profile Editor", "{app} User", "Mappings", "Okta User to {app}"]),
        Say("Scroll down to the attributes. In the box to the left of each enter:"),
        If(
            When::Environments,
            &[Table("Mapping of product environments", &[copy("product_environments", "user.product_environments")])],
        ),
        Table("Mapping of the role", &[copy("role", "user.cld_role")]),
        Say("Press **Save Mappings**, then **Apply updates now**."),
    ],
};

/// Values that come from groups.
pub(super) const INHERIT: Step = Step {
    id: "inherit",
    section: "Set up access",
    short: "Inherit from groups",
    title: "Let users inherit them from Okta groups",
    optional: true,
    seen: &[],
    parts: &[
        Say("For this, **Attribute type** was **Group** in [the step before](#attributes)."),
        Path(&["Directory", "Profile Editor", "Groups", "Okta group", "Add Attribute"]),
        If(
            When::Environments,
            &[Table(
                "Okta group, product environments",
                &[
                    choose("Data type", "string array"),
                    typed("Display name", "Product environments"),
                    copy("Variable name", "product_environments").hint(EXACT),
                    typed("Description", "Product environments of everyone in the group"),
                    tick("Enum", ENUM).hint("the same values as before"),
                    tick("Attribute required", "yes"),
                ],
            )],
        ),
        Table(
            "Okta group, role",
            &[
                choose("Data type", "string"),
                typed("Display name", "{vendor} role"),
                copy("Variable name", "cld_role").hint(EXACT),
                tick("Enum", ENUM).hint("the same values as before"),
                tick("Attribute required", "yes"),
            ],
        ),
        Say(
            "Then choose how the values of several groups are combined. Scroll down to each attribute, and press the pencil icon beside it:",
        ),
        Path(&["Directory", "Profile Editor", "{app} User", "pencil icon"]),
        Table(
            "How the role of several groups is combined",
            &[choose("User role", "Use Group Priority").hint("the group with the highest priority decides")],
        ),
        If(
            When::Environments,
            &[Table(
                "How environments of several groups are combined",
                &[choose("Product environments", "Combine values across groups")
                    .hint("a user gets the environments of all their groups")],
            )],
        ),
        Part::Drawing(Drawing::GroupPriority),
        Say("Press **Save Attribute** each time."),
    ],
};

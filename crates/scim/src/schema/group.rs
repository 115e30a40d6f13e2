//! The core Group (RFC 7643 §4.2, §8.7.1).

use super::{Attribute, GROUP, Relation, ResourceType, Schema};
use crate::urn;

/// The Group resource type, as the standard has it.
///
/// The table of §8.7.1 says that `displayName` is not required; §4.2 says it is REQUIRED, and so do we. `id`s are exact
/// (§3.1), therefore a member's `value` is.
pub fn group() -> ResourceType {
    ResourceType {
        id: GROUP,
        name: "Group".to_owned(),
        endpoint: "Groups".to_owned(),
        description: "Group".to_owned(),
        schema: Schema {
            id: urn::GROUP.to_owned(),
            name: "Group".to_owned(),
            description: "Group".to_owned(),
            attributes: vec![
                Attribute::string("displayName", "A human-readable name for the Group. REQUIRED.").required().indexed(),
                members(),
            ],
        },
        extensions: Vec::new(),
    }
}

fn members() -> Attribute {
    Attribute::complex(
        "members",
        "The members of the Group.",
        vec![
            Attribute::string("value", "The id of the member.").immutable().case_exact(),
            Attribute::reference("$ref", &["User", "Group"], "The URI of the member.").immutable(),
            Attribute::string("type", "What the member is: 'User' or 'Group'.")
                .immutable()
                .suggested(&["User", "Group"]),
            // §8.7.1 does not list it. It is returned on request only: a group stays small, and equal to what was
            // written.
            Attribute::string("display", "A human-readable name of the member.").read_only().on_request(),
        ],
    )
    .multi_valued()
    .kept_as_rows(Relation::Members)
}

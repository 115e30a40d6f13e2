//! The enterprise extension of the User (RFC 7643 §4.3, §8.7.1).

use super::{Attribute, Schema};
use crate::urn;

/// The standard enterprise User extension.
pub fn enterprise_user() -> Schema {
    let mut schema = Schema {
        id: urn::ENTERPRISE_USER.to_owned(),
        name: "EnterpriseUser".to_owned(),
        description: "Enterprise User".to_owned(),
        attributes: vec![
            Attribute::string(
                "employeeNumber",
                "Numeric or alphanumeric identifier assigned to a person, typically based on order of hire or \
                 association with an organization.",
            ),
            Attribute::string("costCenter", "Identifies the name of a cost center."),
            Attribute::string("organization", "Identifies the name of an organization."),
            Attribute::string("division", "Identifies the name of a division."),
            Attribute::string("department", "Identifies the name of a department."),
            Attribute::complex(
                "manager",
                "The User's manager.",
                vec![
                    Attribute::string("value", "The id of the SCIM resource representing the User's manager.")
                        .case_exact(),
                    Attribute::reference("$ref", &["User"], "The URI of the User's manager."),
                    Attribute::string("displayName", "The displayName of the User's manager.").read_only(),
                ],
            ),
        ],
    };
    schema.attributes.iter_mut().for_each(|attribute| attribute.set_paths(Some(&schema.id)));
    schema
}

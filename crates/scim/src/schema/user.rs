//! The core User (RFC 7643 §4.1, §8.7.1).

use serde_json::json;

use super::{Attribute, Relation, ResourceType, Schema, USER, enterprise};
use crate::urn;

/// The User resource type with its enterprise extension.
///
/// `addresses` has `primary`: §2.4 and the examples of §8.2 have it, the table of §8.7.1 lacks it. `id`s are
/// `caseExact` (§3.1), therefore `groups.value` is. `active` is required, which the standard leaves open: a user may
/// log in or not, and removing the value must not create a third state.
pub fn user() -> ResourceType {
    ResourceType {
        id: USER,
        name: "User".to_owned(),
        endpoint: "Users".to_owned(),
        description: "User Account".to_owned(),
        schema: Schema {
            id: urn::USER.to_owned(),
            name: "User".to_owned(),
            description: "User Account".to_owned(),
            attributes: attributes(),
        },
        extensions: vec![(enterprise::enterprise_user(), false)],
    }
}

fn attributes() -> Vec<Attribute> {
    let string = Attribute::string;
    vec![
        string(
            "userName",
            "Unique identifier for the User, typically used by the user to directly authenticate to the service \
             provider. Each User MUST include a non-empty userName value. This identifier MUST be unique across the \
             service provider's entire set of Users. REQUIRED.",
        )
        .required()
        .unique()
        .indexed(),
        name(),
        string("displayName", "The name of the User, suitable for display to end-users.").indexed(),
        string("nickName", "The casual way to address the user in real life."),
        Attribute::reference("profileUrl", &["external"], "A URL of the User's online profile."),
        string("title", "The user's title, such as \"Vice President\"."),
        string("userType", "The relationship between the organization and the user, such as 'Contractor'."),
        string("preferredLanguage", "The User's preferred written or spoken language, such as 'en_US'."),
        string("locale", "The User's default location, for localizing items such as currency or date format."),
        string("timezone", "The User's time zone, such as 'America/Los_Angeles'."),
        Attribute::boolean("active", "The User's administrative status. A User who is created without one is active.")
            .required()
            .indexed()
            .default_to(json!(true)),
        string("password", "The User's cleartext password. Accepted, never returned.").secret(),
        plural(
            "emails",
            "Email addresses for the user.",
            string("value", "An email address for the user.").indexed(),
            &["work", "home", "other"],
        ),
        plural(
            "phoneNumbers",
            "Phone numbers for the User.",
            string("value", "A phone number of the User."),
            &["work", "home", "mobile", "fax", "pager", "other"],
        ),
        plural(
            "ims",
            "Instant messaging addresses for the User.",
            string("value", "An instant messaging address of the User."),
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ),
        plural(
            "photos",
            "URLs of photos of the User.",
            Attribute::reference("value", &["external"], "The URL of a photo of the User."),
            &["photo", "thumbnail"],
        ),
        addresses(),
        groups(),
        plural("entitlements", "What the User is entitled to.", string("value", "An entitlement."), &[]),
        plural(
            "roles",
            "Roles for the User that collectively represent who the User is.",
            string("value", "A role."),
            &[],
        ),
        plural(
            "x509Certificates",
            "Certificates issued to the User.",
            Attribute::binary("value", "An X.509 certificate, DER, base64."),
            &[],
        ),
    ]
}

fn name() -> Attribute {
    let string = Attribute::string;
    Attribute::complex(
        "name",
        "The components of the user's real name.",
        vec![
            string("formatted", "The full name, including all middle names, titles, and suffixes, for display."),
            string("familyName", "The family name of the User, or last name in most Western languages."),
            string("givenName", "The given name of the User, or first name in most Western languages."),
            string("middleName", "The middle name(s) of the User."),
            string("honorificPrefix", "The honorific prefix(es) of the User, or title, such as 'Ms.'."),
            string("honorificSuffix", "The honorific suffix(es) of the User, or suffix, such as 'III'."),
        ],
    )
}

/// A multi-valued attribute with the default sub-attributes (§2.4) except `$ref`.
fn plural(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    let mut kind = Attribute::string("type", "A label for the value's function.");
    if !types.is_empty() {
        kind = kind.suggested(types);
    }
    let display = Attribute::string("display", "A human-readable name, for display.");
    Attribute::complex(name, description, vec![value, display, kind, primary()]).multi_valued()
}

fn primary() -> Attribute {
    Attribute::boolean("primary", "Whether this is the preferred value; 'true' MUST appear no more than once.")
}

fn addresses() -> Attribute {
    let string = Attribute::string;
    Attribute::complex(
        "addresses",
        "Physical mailing addresses for this User.",
        vec![
            string("formatted", "The full mailing address, for display or for a mailing label."),
            string("streetAddress", "The full street address, which may span lines."),
            string("locality", "The city or locality."),
            string("region", "The state or region."),
            string("postalCode", "The zip code or postal code."),
            string("country", "The country name, as ISO 3166-1 alpha-2 code."),
            string("type", "A label for the address's function.").suggested(&["work", "home", "other"]),
            primary(),
        ],
    )
    .multi_valued()
}

fn groups() -> Attribute {
    Attribute::complex(
        "groups",
        "Groups to which the user belongs. Changed only through the Group.",
        vec![
            Attribute::string("value", "The id of the Group.").read_only().case_exact(),
            Attribute::reference("$ref", &["Group"], "The URI of the Group.").read_only(),
            Attribute::string("display", "A human-readable name of the Group.").read_only(),
            Attribute::string("type", "'direct', or 'indirect' through another Group.")
                .read_only()
                .suggested(&["direct", "indirect"]),
        ],
    )
    .multi_valued()
    .read_only()
    .kept_as_rows(Relation::Groups)
}

//! The attributes of every resource (RFC 7643 §3, §3.1). They are in no schema of `/Schemas`, and are searched, sorted
//! and projected like the others.

use std::sync::LazyLock;

use super::Attribute;

static COMMON: LazyLock<Vec<Attribute>> = LazyLock::new(|| {
    vec![
        Attribute::reference("schemas", &["uri"], "The URNs of the schemas that the resource has attributes of.")
            .multi_valued()
            .required()
            .always_returned(),
        Attribute::string("id", "The service provider's name for the resource; never changed, never used again.")
            .read_only()
            .case_exact()
            .always_returned()
            .unique(),
        Attribute::string("externalId", "The provisioning client's name for the resource.").case_exact().indexed(),
        Attribute::complex(
            "meta",
            "What the service provider knows about the resource itself.",
            vec![
                Attribute::string("resourceType", "The name of the resource's type.").read_only().case_exact(),
                Attribute::date_time("created", "When the resource was made.").read_only(),
                Attribute::date_time("lastModified", "When the resource was last changed.").read_only(),
                Attribute::reference("location", &["uri"], "Where the resource is.").read_only(),
                Attribute::string("version", "The resource's entity tag.").read_only().case_exact(),
            ],
        )
        .read_only(),
    ]
});

/// `schemas`, `id`, `externalId` and `meta`.
pub fn common() -> &'static [Attribute] {
    &COMMON
}

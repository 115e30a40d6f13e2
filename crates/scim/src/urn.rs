//! The URNs of SCIM (RFC 7643 §8.7, RFC 7644 §8.2): schemas of resources and of messages.

/// The core User.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The core Group.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension of the User.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// A role, as Okta discovers it.
pub const ROLE: &str = "urn:okta:scim:schemas:core:1.0:Role";
/// An entitlement, as Okta discovers it.
pub const ENTITLEMENT: &str = "urn:okta:scim:schemas:core:1.0:Entitlement";
/// The capabilities of the service provider.
pub const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// A resource type.
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// A schema.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// The answer to a query.
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// A query sent by POST.
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// The body of a PATCH.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// A bulk request.
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The answer to a bulk request.
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// An error.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Whether a key of a document names an extension: no attribute's name contains a colon (RFC 7643 §2.1).
pub(crate) fn is_extension_key(key: &str) -> bool {
    key.bytes().any(|byte| byte == b':')
}

/// What a URN of SCIM 1, or of a draft of SCIM 2, stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scim1 {
    Core,
    Enterprise,
}

impl Scim1 {
    /// `urn:scim:schemas:core:1.0`, `urn:scim:schemas:extension:enterprise:2.0:User`, …
    pub(crate) fn of(urn: &str) -> Option<Scim1> {
        let urn = urn.to_ascii_lowercase();
        let rest = urn.strip_prefix("urn:scim:schemas:")?;
        let (meaning, version) = match (rest.strip_prefix("core:"), rest.strip_prefix("extension:enterprise:")) {
            (Some(version), _) => (Scim1::Core, version),
            (_, Some(version)) => (Scim1::Enterprise, version),
            _ => return None,
        };
        matches!(version, "1.0" | "2.0" | "2.0:user" | "2.0:group").then_some(meaning)
    }
}

/// Whether two URNs are equal: without regard to case, as RFC 8141 §3.1 has it for the prefix and RFC 7644 §3.10 for
/// the rest.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

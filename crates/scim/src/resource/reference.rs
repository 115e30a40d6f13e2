//! URIs of our own resources (RFC 7643 §2.3.7).

use crate::resource::Id;
use crate::schema::{GROUP, ResourceTypeId, USER};

/// The resource types that can be referred to, with their names and endpoints.
const REFERRED: [(ResourceTypeId, &str, &str); 2] = [(USER, "User", "Users"), (GROUP, "Group", "Groups")];

/// The name of a resource type in `referenceTypes`.
pub(crate) fn type_name(kind: ResourceTypeId) -> &'static str {
    REFERRED.iter().find(|(id, ..)| *id == kind).map_or("", |(_, name, _)| name)
}

/// The resource that an absolute URL below our base names.
pub(crate) fn absolute(base: &str, text: &str) -> Option<(ResourceTypeId, Id)> {
    let (prefix, rest) = text.trim().split_at_checked(base.len())?;
    resource(prefix.eq_ignore_ascii_case(base).then_some(rest)?.strip_prefix('/')?)
}

/// The resource that a URL names: absolute, without scheme and host, or relative (`../Users/{id}`).
pub(crate) fn relative(base: &str, text: &str) -> Option<(ResourceTypeId, Id)> {
    let text = text.trim();
    if text.contains(':') || text.starts_with("//") {
        return absolute(base, text);
    }
    let path = base.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    if let Some(rest) = path.and_then(|path| text.strip_prefix(path)) {
        return resource(rest.strip_prefix('/')?);
    }
    resource(text.strip_prefix("../").or_else(|| text.strip_prefix(['/'])).unwrap_or(text))
}

/// `Users/{id}`
fn resource(path: &str) -> Option<(ResourceTypeId, Id)> {
    let (endpoint, id) = path.split_once('/')?;
    let (kind, ..) = REFERRED.iter().find(|(.., name)| *name == endpoint)?;
    Some((*kind, Id::new(id)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://scim.example/scim/v2";

    #[test]
    fn a_reference_of_ours_names_an_id_in_every_form() {
        let ana = Some((USER, Id::new("ana").expect("an id")));
        for ours in ["/Users/ana", "Users/ana", "../Users/ana", "/scim/v2/Users/ana", " Users/ana "] {
            assert_eq!(relative(BASE, ours), ana, "{ours}");
            assert_eq!(absolute(BASE, ours), None, "{ours}");
        }
        for ours in ["https://scim.example/scim/v2/Users/ana", "HTTPS://SCIM.example/scim/v2/Users/ana"] {
            assert_eq!(relative(BASE, ours), ana, "{ours}");
            assert_eq!(absolute(BASE, ours), ana, "{ours}");
        }
        assert_eq!(relative(BASE, "../Groups/g").map(|(kind, _)| kind), Some(GROUP));
    }

    #[test]
    fn what_leads_elsewhere_names_nothing() {
        for other in [
            "",
            "ana",
            "https://other.example/scim/v2/Users/ana",
            "https://scim.example.evil/scim/v2/Users/ana",
            "https://scim.example/scim/v2evil/Users/ana",
            "//scim.example/scim/v2/Users/ana",
            "https://scim.example/scim/v2/Roles/ana",
            "https://scim.example/scim/v2/Users/",
            "https://scim.example/scim/v2/Users/a/b",
            "https://scim.example/scim/v2/Users/ana?x=1",
            "https://scim.example/scim/v2/Users/a%6Ea",
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "Users",
            "/scim/v2/",
        ] {
            assert_eq!(relative(BASE, other), None, "{other}");
        }
    }
}

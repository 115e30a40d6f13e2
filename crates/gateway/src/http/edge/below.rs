//! A public URL with a path: `https://x.example/identity`. A proxy may pass the path on or strip it; both are understood, so what
//! follows knows of no path.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;
use actix_web::web;

use crate::app::App;

/// Takes the path of the public URL off requests.
pub(crate) async fn below(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let base = request.app_data::<web::Data<App>>().map(|app| app.path.clone()).unwrap_or_default();
    let uri = without(&base, request.path()).and_then(|path| with_path(request.uri(), &path));
    if let Some(uri) = uri {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    next.call(request).await
}

/// Where RFC 9728 §3.1 looks for the metadata of a resource: before the resource's path.
const RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// A path without the path of the public URL, before it (`/identity/login`) or, as RFC 8414 §3.1 puts it, behind a well-known one
/// (`/.well-known/oauth-authorization-server/identity`; `/.well-known/oauth-protected-resource/identity/scim/v2`). `None` if it has neither.
fn without(base: &str, path: &str) -> Option<String> {
    if base.is_empty() {
        return None;
    }
    let before = path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let path = before.unwrap_or(path);
    let behind = path.strip_suffix(base).filter(|well_known| {
        well_known.strip_prefix("/.well-known/").is_some_and(|name| !name.is_empty() && !name.contains('/'))
    });
    let of_resource = path.strip_prefix(RESOURCE).and_then(|resource| resource.strip_prefix(base));
    if let Some(resource) = of_resource.filter(|rest| rest.starts_with('/')) {
        return Some(format!("{RESOURCE}{resource}"));
    }
    match (before, behind) {
        (_, Some(well_known)) => Some(well_known.to_owned()),
        (Some(""), None) => Some("/".to_owned()),
        (Some(rest), None) => Some(rest.to_owned()),
        (None, None) => None,
    }
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let both = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(both).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_17_a_path_is_taken_off_where_it_stands_and_nowhere_else() {
        for (base, path, left) in [
            ("", "/login", None),
            ("/identity", "/login", None),
            ("/identity", "/identity/login", Some("/login")),
            ("/identity", "/identity/", Some("/")),
            ("/identity", "/identity", Some("/")),
            ("/identity", "/identityx/login", None),
            ("/identity", "/scim/v2/identity/x", None),
            ("/identity", "/identity/identity/login", Some("/identity/login")),
            ("/a/b", "/a/b/scim/v2/Users", Some("/scim/v2/Users")),
            ("/a/b", "/a/login", None),
            (
                "/identity",
                "/.well-known/oauth-authorization-server/identity",
                Some("/.well-known/oauth-authorization-server"),
            ),
            ("/a/b", "/.well-known/openid-configuration/a/b", Some("/.well-known/openid-configuration")),
            ("/a/b", "/a/b/.well-known/openid-configuration/a/b", Some("/.well-known/openid-configuration")),
            (
                "/identity",
                "/.well-known/oauth-protected-resource/identity/scim/v2",
                Some("/.well-known/oauth-protected-resource/scim/v2"),
            ),
            (
                "/a/b",
                "/a/b/.well-known/oauth-protected-resource/admin",
                Some("/.well-known/oauth-protected-resource/admin"),
            ),
            ("/identity", "/.well-known/oauth-protected-resource/identityx/scim/v2", None),
            ("/identity", "/.well-known/oauth-protected-resource/scim/v2", None),
            ("/identity", "/.well-known/identity", None),
            ("/identity", "/.well-known/oauth-authorization-server/other", None),
            ("/identity", "/scim/v2/.well-known/x/identity", None),
        ] {
            assert_eq!(without(base, path).as_deref(), left, "{base} {path}");
        }
        let uri: Uri = "/identity/login?request=a%2Fb&x=/identity".parse().unwrap();
        assert_eq!(with_path(&uri, "/login").unwrap().to_string(), "/login?request=a%2Fb&x=/identity");
    }
}

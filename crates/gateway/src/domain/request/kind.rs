//! What a request asked for, in people's words.

use std::borrow::Cow;

/// What a request to this endpoint asked for: `Create user`.
pub fn words(method: &str, endpoint: &str) -> Cow<'static, str> {
    if let Some((_, operation)) = endpoint.split_once('#') {
        return match of_scim(method, operation) {
            Some(words) => format!("{words}, in a bulk request").into(),
            None => "Operation of a bulk request".into(),
        };
    }
    if let Some(below) = endpoint.strip_prefix("/scim/v2") {
        return of_scim(method, below).map_or_else(|| plain(method, endpoint), Cow::Borrowed);
    }
    let words = match (method, endpoint) {
        ("POST", "/oauth2/token") => "Get a token",
        ("POST", "/oauth2/par") => "Send an authorization request ahead",
        (_, "/oauth2/auth") => "Ask for access",
        ("GET", "/oauth2/consent") => "See what access is asked for",
        (_, "/oauth2/consent") => "Accept access",
        (_, "/oauth2/logout") => "Log out",
        (_, "/oauth2/switch") => "Log in as another user",
        ("POST", "/oauth2/revoke") => "Revoke a token",
        ("POST", "/oauth2/introspect") => "Look up a token",
        (_, "/oauth2/userinfo") => "Read who the user is",
        ("POST", "/login") => "Log in",
        ("POST", "/login/second-factor") => "Log in: second factor",
        ("POST", "/login/provider") => "Log in at an OpenID provider",
        (_, "/login/callback") => "Come back from an OpenID provider",
        ("POST", "/login/saml") => "Log in at a SAML provider",
        ("GET", "/login/saml") => "Come back from a SAML provider",
        ("GET", "/saml/{account}/login") => "Log in at a SAML provider",
        ("POST", "/saml/consume" | "/saml/{account}/consume") => "Bring a SAML response",
        ("POST", "/signals/{account}/events") => "Tell of a security event",
        ("POST", "/signals/{account}/global-token-revocation") => "Have a user logged out",
        (_, "/saml/certificate" | "/saml/metadata" | "/saml/{account}/metadata") => "Read SAML metadata",
        ("GET", "/login") => "See the log-in page",
        (_, "/login/forgotten") => "Ask for a link to a new password",
        ("GET", "/password/{link}") => "Open a link to a password",
        ("POST", "/password") => "Set a password by a link",
        ("GET", "/setup/{link}") => "Open the setup page",
        ("POST", "/setup/{link}/reveal") => "Reveal the secret",
        ("POST", "/setup/{link}/workload") => "Register the workload identity",
        ("POST", "/setup/{link}/variable") => "Register the variable name",
        ("POST", "/setup/{link}/password") => "Set the service account’s password",
        ("POST", "/setup/{link}/finish") => "Finish the setup",
        (_, path) if path.starts_with("/setup/") => "The setup page",
        (_, path) if path.starts_with("/console/login") => "Log in to the console",
        (_, path) if path.starts_with("/console/welcome/") => "A link to an operator’s password",
        (_, path) if path == "/account" || path.starts_with("/account/") => "A user’s own page",
        (_, path) if path.starts_with("https://") || path.starts_with("http://") => "Call to another server",
        _ => return plain(method, endpoint),
    };
    words.into()
}

fn plain(method: &str, endpoint: &str) -> Cow<'static, str> {
    format!("{method} {endpoint}").into()
}

fn of_scim(method: &str, below: &str) -> Option<&'static str> {
    let mut parts = below.trim_matches('/').split('/');
    let (kind, rest) = (parts.next().unwrap_or_default(), parts.next());
    Some(match (method, kind, rest) {
        ("POST", "Users", None) => "Create user",
        ("GET", "Users", None) => "List users",
        ("GET", "Users", Some(_)) => "Read user",
        ("PUT", "Users", Some(_)) => "Replace user",
        ("PATCH", "Users", Some(_)) => "Update user",
        ("DELETE", "Users", Some(_)) => "Delete user",
        ("POST", "Groups", None) => "Create group",
        ("GET", "Groups", None) => "List groups",
        ("GET", "Groups", Some(_)) => "Read group",
        ("PUT", "Groups", Some(_)) => "Replace group",
        ("PATCH", "Groups", Some(_)) => "Update group",
        ("DELETE", "Groups", Some(_)) => "Delete group",
        ("POST", "Bulk", None) => "Bulk request",
        (_, ".search", _) | (_, _, Some(".search")) => "Search",
        (_, "Me", _) => "Request about itself",
        (_, "Schemas" | "ResourceTypes" | "ServiceProviderConfig", _) => "Read what this server can do",
        ("GET", "", None) => "Search",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_called_by_what_they_ask_for() {
        for (method, endpoint, expected) in [
            ("POST", "/scim/v2/Users", "Create user"),
            ("PATCH", "/scim/v2/Groups/{id}", "Update group"),
            ("GET", "/scim/v2/ServiceProviderConfig", "Read what this server can do"),
            ("POST", "/scim/v2/Users/.search", "Search"),
            ("POST", "/scim/v2/Bulk", "Bulk request"),
            ("POST", "/scim/v2/Bulk#/Users", "Create user, in a bulk request"),
            ("GET", "/scim/v2/…", "GET /scim/v2/…"),
            ("POST", "/oauth2/token", "Get a token"),
            ("GET", "https://id.acme.test/jwks", "Call to another server"),
            ("POST", "/account/sessions/end", "A user’s own page"),
            ("POST", "/setup/{link}/reveal", "Reveal the secret"),
            ("POST", "/setup/{link}/step", "The setup page"),
            ("BREW", "/coffee", "BREW /coffee"),
        ] {
            assert_eq!(words(method, endpoint), expected);
        }
    }
}

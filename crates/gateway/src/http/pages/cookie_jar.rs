//! What our cookies have in common: names, paths and attributes.

use actix_web::cookie::{Cookie, SameSite};

use crate::app::App;

fn is_secure(app: &App) -> bool {
    app.public_url.starts_with("https://")
}

/// `__Host-` binds a cookie to this very host, to all of it, and to TLS (RFC 6265bis §4.1.3.2); browsers refuse it without TLS. Below a
/// path the host is shared with other products, which neither get our cookies nor lend us theirs: `__Secure-`, and the path.
pub(super) fn name(app: &App, plain: &str) -> String {
    match (is_secure(app), app.path.is_empty()) {
        (false, _) => plain.to_owned(),
        (true, true) => format!("__Host-{plain}"),
        (true, false) => format!("__Secure-{plain}"),
    }
}

/// A cookie of ours.
pub(super) fn cookie(app: &App, plain: &str, value: String) -> Cookie<'static> {
    let path = if app.path.is_empty() { "/" } else { &*app.path };
    Cookie::build(name(app, plain), value)
        .path(path.to_owned())
        .http_only(true)
        .secure(is_secure(app))
        .same_site(SameSite::Lax)
        .finish()
}

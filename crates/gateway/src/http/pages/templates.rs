//! The pages themselves, and the headers every page carries.

use std::any::Any;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::app::App;
use crate::domain::wording::{self, Span};
use crate::http::edge::endpoints::allowed;
use crate::services::self_service::Factor;

/// Log in.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage {
    /// The client that sends the user; `None` if the user opened the page directly.
    pub(super) client: Option<String>,
    pub(super) account: Option<String>,
    pub(super) provisions: bool,
    pub(super) problem: Option<String>,
    pub(super) note: Option<String>,
    pub(super) request: String,
    pub(super) csrf: String,
    pub(super) username: String,
    /// It is not known of which account they are.
    pub(super) asks_for_account: bool,
    /// The account they named before.
    pub(super) named_account: String,
    /// The OpenID provider they can log in at instead.
    pub(super) provider: Option<String>,
    /// Passwords are for service accounts only.
    pub(super) passwords_for_services: bool,
}

/// The code of an authenticator app, or the setting up of one.
#[derive(Debug, Template)]
#[template(path = "second_factor.html")]
pub(super) struct SecondFactorPage {
    pub(super) set_up: Option<SetUp>,
    pub(super) action: &'static str,
    pub(super) problem: Option<String>,
    pub(super) request: String,
    pub(super) proven: String,
    pub(super) csrf: String,
}

/// What an app is set up with.
#[derive(Debug)]
pub(super) struct SetUp {
    /// A drawing that we made.
    pub(super) picture: String,
    pub(super) secret: String,
}

/// Shown once.
#[derive(Debug, Template)]
#[template(path = "recovery_codes.html")]
pub(super) struct RecoveryCodesPage {
    pub(super) codes: Vec<String>,
    pub(super) next: String,
}

/// Where operators log in.
#[derive(Debug, Template)]
#[template(path = "operator.html")]
pub(super) struct OperatorPage {
    pub(super) problem: Option<String>,
    pub(super) csrf: String,
}

/// Shown once.
#[derive(Template)]
#[template(path = "operator_token.html")]
#[allow(missing_debug_implementations)]
pub(super) struct OperatorTokenPage {
    pub(super) name: String,
    pub(super) token: String,
    pub(super) until: String,
}

/// Accept access.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub(super) struct ConsentPage {
    pub(super) client: String,
    pub(super) destination: String,
    pub(super) account: String,
    pub(super) user: String,
    pub(super) role: String,
    pub(super) needed_roles: String,
    pub(super) may_accept: bool,
    /// It opens the SCIM endpoint.
    pub(super) provisions: bool,
    /// It works while they are away.
    pub(super) lasts: bool,
    pub(super) service_account: bool,
    /// An identity provider has written them, and may change them.
    pub(super) managed: bool,
    /// An identity provider that deactivates them cuts its own connection.
    pub(super) cuts_itself: bool,
    pub(super) sentences: Vec<&'static str>,
    /// The names of others' resources that the access is for (RFC 8707).
    pub(super) elsewhere: Vec<String>,
    pub(super) has_successor: bool,
    /// The connections for provisioning that the client has already: the newest,
    pub(super) connected: Vec<ShownBefore>,
    /// whether there are more,
    pub(super) more_connected: bool,
    /// and whether they end when the new one is first used.
    pub(super) are_replaced: bool,
    pub(super) idle: String,
    pub(super) absolute: Option<String>,
    pub(super) access: String,
    pub(super) owner: String,
    pub(super) request: String,
    pub(super) csrf: String,
}

/// A connection that a client has already.
#[derive(Debug)]
pub(super) struct ShownBefore {
    pub(super) user: String,
    pub(super) since: String,
    pub(super) is_used: bool,
}

/// A user's connections and sessions.
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub(super) struct AccountPage {
    pub(super) user: String,
    pub(super) account: String,
    pub(super) notices: Vec<ShownNotice>,
    pub(super) connections: Vec<ShownConnection>,
    pub(super) sessions: Vec<ShownSession>,
    pub(super) second_factor: Factor,
    /// They log in with one, and may change it.
    pub(super) has_password: bool,
    pub(super) csrf: String,
}

/// A new password.
#[derive(Debug, Template)]
#[template(path = "password.html")]
pub(super) struct PasswordPage {
    pub(super) user: String,
    pub(super) problem: Option<String>,
    pub(super) csrf: String,
}

/// A notice, shown until the user confirms it.
#[derive(Debug)]
pub(super) struct ShownNotice {
    pub(super) id: String,
    pub(super) heading: &'static str,
    pub(super) told: Vec<Span>,
    /// What they can do about it on this page.
    pub(super) hint: &'static str,
}

/// A connection on its owner's page.
#[derive(Debug)]
pub(super) struct ShownConnection {
    pub(super) client: String,
    pub(super) name: String,
    pub(super) sentences: Vec<&'static str>,
    pub(super) since: String,
    pub(super) renewed: Option<String>,
}

/// A session on its owner's page.
#[derive(Debug)]
pub(super) struct ShownSession {
    pub(super) name: String,
    pub(super) is_this: bool,
    pub(super) begun: String,
    pub(super) seen: String,
    pub(super) address: Option<String>,
}

/// Log out?
#[derive(Debug, Template)]
#[template(path = "logout.html")]
pub(super) struct LogoutPage {
    pub(super) client: Option<String>,
    /// What the client sent.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) csrf: String,
}

/// Something to be told, usually bad.
#[derive(Debug, Template)]
#[template(path = "message.html")]
pub(super) struct MessagePage {
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
}

/// A page: not to be framed, cached or told of to other sites (RFC 9700 §4.2, §4.16), and without scripts. There is no `form-action`,
/// for browsers apply it to the redirect after the form too, and that leads to the client.
pub(in crate::http) fn page(app: &App, status: StatusCode, page: &impl Template) -> HttpResponse {
    let path: &dyn Any = &app.path.to_string();
    match page.render_with_values(&(filters::PATH, path)) {
        Ok(html) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header(("Cache-Control", "no-store"))
            .insert_header(("X-Frame-Options", "DENY"))
            .insert_header((
                "Content-Security-Policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
            ))
            .insert_header(("Referrer-Policy", "no-referrer"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .body(html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// What templates write by.
#[allow(unreachable_pub)] // what the macro makes of a filter
pub(in crate::http) mod filters {
    use askama::{Result, Values, get_value};

    /// The value that a page is rendered with: the path of the public URL.
    pub(super) const PATH: &str = "path";

    /// The address of something of ours, as the browser reaches it: below the path of the public URL.
    #[askama::filter_fn]
    pub(in crate::http) fn here(of_ours: &str, values: &dyn Values) -> Result<String> {
        Ok(format!("{}{of_ours}", get_value::<String>(values, PATH)?))
    }
}

pub(super) fn message(app: &App, status: StatusCode, title: &str, detail: &str, hint: Option<&str>) -> HttpResponse {
    let (title, detail) = (wording::strip_invisible(title), wording::strip_invisible(detail));
    page(app, status, &MessagePage { title, detail, hint: hint.map(str::to_owned) })
}

/// For paths that nothing answers.
pub(in crate::http) async fn not_found(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let path: String = request.path().chars().take(80).collect();
    let base = &app.path;
    message(
        &app,
        StatusCode::NOT_FOUND,
        "There is nothing here",
        &format!("No page has the address {base}{path}."),
        Some(&format!("Identity providers connect to {base}/scim/v2, {base}/oauth2/auth and {base}/oauth2/token.")),
    )
}

/// For paths that answer other methods.
pub(in crate::http) async fn wrong_method(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let mut answer = message(
        &app,
        StatusCode::METHOD_NOT_ALLOWED,
        "That does not work here",
        &format!("{}{} does not answer {}.", app.path, request.path(), request.method()),
        None,
    );
    if let Ok(allow) = allowed(&request).parse() {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

/// To a HEAD where only a GET does something.
pub(super) async fn nothing_yet(app: web::Data<App>) -> HttpResponse {
    message(&app, StatusCode::OK, "Nothing has happened yet", "Open this address in a browser.", None)
}

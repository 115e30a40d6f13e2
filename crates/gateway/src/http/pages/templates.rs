//! The pages themselves, and the headers every page carries.

use std::any::Any;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use askama::Template;

use super::frame::Frame;
pub(in crate::http) use super::frame::filters;
use crate::app::App;
use crate::domain::labels::Called;
use crate::domain::request::{OwnCode, Refusal};
use crate::domain::wording::{self, Ability, Span};
use crate::http::edge::endpoints::allowed;
use crate::http::edge::problem::Problem;
use crate::http::edge::trace::without_secrets;
use crate::services::self_service::Factor;

/// Log in.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage {
    /// The client that sends the user; `None` if the user opened the page directly.
    pub(super) client: Option<String>,
    /// Where the client gets its answer.
    pub(super) destination: Option<String>,
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
    /// The providers that people can log in at: where each button leads, and what they are called.
    pub(super) providers: Vec<(&'static str, String)>,
    /// That is the right way for what they came for: to say who they are, and not to own a connection.
    pub(super) leads_to_provider: bool,
    /// Passwords are for service accounts only.
    pub(super) passwords_for_services: bool,
}

/// The code of an authenticator app, or the setting up of one.
#[derive(Debug, Template)]
#[template(path = "second_factor.html")]
pub(super) struct SecondFactorPage {
    pub(super) set_up: Option<SetUp>,
    pub(super) action: &'static str,
    /// The code takes the app away.
    pub(super) removes: bool,
    /// What is wrong with the code; empty if nothing is.
    pub(super) problem: String,
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

/// Accept access.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub(super) struct ConsentPage {
    pub(super) client: String,
    pub(super) destination: String,
    pub(super) account: String,
    pub(super) user: String,
    pub(super) role: Option<String>,
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
    pub(super) abilities: Vec<Ability>,
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
    pub(super) role: Option<Called>,
    pub(super) environments: Vec<Called>,
    pub(super) account: String,
    pub(super) notices: Vec<ShownNotice>,
    pub(super) connections: Vec<ShownConnection>,
    pub(super) sessions: Vec<ShownSession>,
    pub(super) second_factor: Factor,
    /// They log in with one, and may change it.
    pub(super) has_password: bool,
    /// They look after the connections of their account, too.
    pub(super) administers: bool,
    pub(super) csrf: String,
}

/// A new password.
#[derive(Debug, Template)]
#[template(path = "password.html")]
pub(super) struct PasswordPage {
    pub(super) user: String,
    /// What is wrong with the new password; empty if nothing is.
    pub(super) problem: String,
    pub(super) csrf: String,
}

/// A user who forgot their password.
#[derive(Debug, Template)]
#[template(path = "forgotten.html")]
pub(super) struct ForgottenPage {
    /// Links are mailed.
    pub(super) is_mailed: bool,
    pub(super) username: String,
    /// What is wrong; empty if nothing is.
    pub(super) problem: String,
    /// How long a link counts.
    pub(super) minutes: i64,
    pub(super) csrf: String,
}

/// A password, set by a link.
#[derive(Template)]
#[template(path = "password_link.html")]
#[allow(missing_debug_implementations)]
pub(super) struct PasswordLinkPage {
    pub(super) user: String,
    pub(super) account: String,
    /// They had none.
    pub(super) is_first: bool,
    pub(super) until: String,
    pub(super) link: String,
    /// What is wrong with the password; empty if nothing is.
    pub(super) problem: String,
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
    pub(super) abilities: Vec<Ability>,
    pub(super) since: String,
    pub(super) renewed: Option<String>,
    /// It opens the SCIM endpoint: requests there are noted.
    pub(super) provisions: bool,
    pub(super) last_request: Option<String>,
}

/// A session on its owner's page.
#[derive(Debug)]
pub(super) struct ShownSession {
    pub(super) name: String,
    pub(super) is_this: bool,
    pub(super) begun: String,
    pub(super) seen: String,
    pub(super) address: Option<String>,
    /// "Firefox on Windows"
    pub(super) browser: Option<String>,
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
    /// Where the user may go on, the best way first.
    pub(super) ways: Vec<Way>,
    pub(super) is_problem: bool,
    pub(super) support: Option<ForSupport>,
}

/// A form of the console came without a session.
#[derive(Debug, Template)]
#[template(path = "console/session_ended.html")]
pub(super) struct SessionEndedPage {
    /// What was typed, but for what is secret.
    pub(super) typed: Vec<(String, String)>,
}

/// A page that leads on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) path: &'static str,
    pub(super) label: &'static str,
}

impl Way {
    pub(super) const FRONT: Way = Way { path: "/", label: "Front page" };
    pub(super) const ACCOUNT: Way = Way { path: "/account", label: "Your connections" };
    pub(super) const CONSOLE: Way = Way { path: "/console", label: "Open the console" };
    pub(super) const LOG_IN: Way = Way { path: "/account", label: "Log in" };
    pub(super) const FORGOTTEN: Way = Way { path: "/login/forgotten", label: "Get a new link" };
}

/// What it takes to find a request again.
#[derive(Debug)]
pub(super) struct ForSupport {
    pub(super) request: String,
    pub(super) code: &'static str,
    pub(super) time: String,
}

/// A page: not to be framed, cached or told of to other sites (RFC 9700 §4.2, §4.16), with no script, style or image but ours. There is no
/// `form-action`, for browsers apply it to the redirect after the form too, and that leads to the client.
pub(in crate::http) fn page(app: &App, status: StatusCode, page: &impl Template) -> HttpResponse {
    page_with(app, status, page, None)
}

/// The same with a value for its templates beside the frame.
pub(super) fn page_with(
    app: &App,
    status: StatusCode,
    page: &impl Template,
    more: Option<(&'static str, &dyn Any)>,
) -> HttpResponse {
    let frame: &dyn Any = &Frame::of(app);
    let frame = (filters::FRAME, frame);
    match page.render_with_values(&[frame, more.unwrap_or(frame)]) {
        Ok(html) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header(("Cache-Control", "no-store"))
            .insert_header(("X-Frame-Options", "DENY"))
            .insert_header((
                "Content-Security-Policy",
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
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

/// A page that tells something; what it tells may name things from outside.
pub(super) fn message(app: &App, status: StatusCode, title: &str, detail: &str, hint: Option<&str>) -> HttpResponse {
    told(app, status, title, detail, hint, &[])
}

/// The same, with ways on.
pub(super) fn told(
    app: &App,
    status: StatusCode,
    title: &str,
    detail: &str,
    hint: Option<&str>,
    ways: &[Way],
) -> HttpResponse {
    problem(app, status, (title, detail, hint.map(str::to_owned)), ways, None)
}

/// The same, with what support asks for.
pub(super) fn problem(
    app: &App,
    status: StatusCode,
    (title, detail, hint): (&str, &str, Option<String>),
    ways: &[Way],
    support: Option<ForSupport>,
) -> HttpResponse {
    let shown = MessagePage {
        title: wording::strip_invisible(title),
        detail: wording::strip_invisible(detail),
        hint,
        ways: ways.to_vec(),
        is_problem: status.is_client_error() || status.is_server_error(),
        support,
    };
    page(app, status, &shown)
}

/// For paths that nothing answers.
pub(in crate::http) async fn not_found(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let path: String = without_secrets(request.path()).chars().take(80).collect();
    let base = &app.path;
    let detail = format!("There is nothing at {base}{path}. The address may be mistyped, or the page was removed.");
    let hint = format!("Identity providers connect to {base}/scim/v2, {base}/oauth2/auth and {base}/oauth2/token.");
    let ways = [Way::FRONT, Way::ACCOUNT];
    let mut answer = told(&app, StatusCode::NOT_FOUND, "There is no such page", &detail, Some(&hint), &ways);
    answer.extensions_mut().insert(Refusal::new(OwnCode::NoSuchEndpoint, detail));
    answer
}

/// For paths outside of every table: a page for browsers, and problem details for programs.
pub(in crate::http) async fn nothing_there(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    match is_browser(&request) {
        true => not_found(request, app).await,
        false => {
            let problem = Problem::not_found("resource", &without_secrets(request.path()));
            let mut answer = problem.error_response();
            answer.extensions_mut().insert(Refusal::new(OwnCode::NoSuchEndpoint, problem.detail()));
            answer
        }
    }
}

/// Whether HTML is asked for by name, as browsers do.
fn is_browser(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|part| part.trim().to_ascii_lowercase().starts_with("text/html"))
}

/// For paths that answer other methods.
pub(in crate::http) async fn wrong_method(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let detail = format!("{}{} does not answer {}.", app.path, without_secrets(request.path()), request.method());
    let title = "That does not work here";
    let mut answer = told(&app, StatusCode::METHOD_NOT_ALLOWED, title, &detail, None, &[Way::FRONT]);
    answer.extensions_mut().insert(Refusal::new(OwnCode::MethodNotAllowed, detail));
    if let Ok(allow) = allowed(&request).parse() {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

/// To a HEAD where only a GET does something.
pub(super) async fn nothing_yet(app: web::Data<App>) -> HttpResponse {
    message(&app, StatusCode::OK, "Nothing has happened yet", "Open this address in a browser.", None)
}

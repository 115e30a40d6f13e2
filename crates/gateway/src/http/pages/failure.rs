//! What people read when something is wrong.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, ResponseError, web};

use super::respond::redirect;
use super::templates::{self, ForSupport, SessionEndedPage, Way, problem};
use crate::app::App;
use crate::domain::request::{OwnCode, Refusal, RefusalCode, RequestId};
use crate::domain::wording;
use crate::http::edge::request_id;
use crate::platform::password_hasher::Busy;
use crate::services::error as act;
use crate::services::error::{ActError, ServiceError};
use crate::storage::{DbError, TransactionError};

/// A page that says what is wrong.
#[derive(Debug)]
pub(super) enum PageFailure {
    /// The authorization request cannot be trusted, so the user is not redirected to the client (RFC 6749 §4.1.2.1).
    Refused { code: RefusalCode, title: String, detail: String },
    /// The form is not one of ours, is too old, or was sent before.
    StaleForm,
    /// A request that is longer than any may be.
    TooLarge { status: StatusCode, limit: usize },
    /// A page of the console was asked for, at this address, and no operator is logged in.
    LogIn(String),
    /// A form of the console was sent, and no operator is logged in any more: what was typed.
    SessionEnded(Vec<(String, String)>),
    /// What an operator asked for is refused.
    Act(act::Refusal),
    /// A request to log out that cannot be right.
    Logout(String),
    /// Too much at once.
    Busy,
    /// Something that was sealed cannot be opened with the master keys that are configured.
    Unreadable,
    /// The database failed.
    Database(DbError),
}

pub(super) const START_AGAIN: &str = "Go back to your identity provider and press its Authenticate button again.";

impl std::fmt::Display for PageFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl ResponseError for PageFailure {
    fn status_code(&self) -> StatusCode {
        match self {
            PageFailure::Refused { .. } | PageFailure::Logout(_) => StatusCode::BAD_REQUEST,
            PageFailure::StaleForm => StatusCode::FORBIDDEN,
            PageFailure::LogIn(_) => StatusCode::SEE_OTHER,
            PageFailure::SessionEnded(_) => StatusCode::UNAUTHORIZED,
            PageFailure::Act(refusal) => match refusal {
                act::Refusal::NotFound { .. } => StatusCode::NOT_FOUND,
                act::Refusal::Forbidden(_) | act::Refusal::OutOfScope { .. } => StatusCode::FORBIDDEN,
                act::Refusal::Conflict { .. } | act::Refusal::Unconfirmed(..) => StatusCode::CONFLICT,
                act::Refusal::Gone(_) => StatusCode::GONE,
                act::Refusal::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
                act::Refusal::Scim(error) => StatusCode::from_u16(error.wire().0).unwrap_or(StatusCode::BAD_REQUEST),
                act::Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
            },
            PageFailure::TooLarge { status, .. } => *status,
            PageFailure::Busy => StatusCode::SERVICE_UNAVAILABLE,
            PageFailure::Unreadable => StatusCode::INTERNAL_SERVER_ERROR,
            PageFailure::Database(cause) => {
                StatusCode::from_u16(cause.meaning().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// Says no more than the status: [`told`] makes the page of it.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// Turns failures into pages: their links need the path of the public URL.
pub(crate) async fn told(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let app = request.app_data::<web::Data<App>>().cloned();
    let (path, id) = (request.path().to_owned(), request_id::of(request.request()));
    let response = next.call(request).await?.map_into_boxed_body();
    let failure = response.response().error().and_then(|error| error.as_error::<PageFailure>());
    let page = app.zip(failure).map(|(app, failure)| {
        let mut page = failure.page(&app, &path, id);
        page.extensions_mut().insert(failure.refusal());
        page
    });
    Ok(match page {
        Some(page) => response.into_response(page),
        None => response,
    })
}

impl PageFailure {
    /// The code of the reason, and what the page says.
    fn refusal(&self) -> Refusal {
        let (code, detail) = match self {
            PageFailure::Refused { code, detail, .. } => (*code, detail.clone()),
            PageFailure::StaleForm => (OwnCode::StaleForm.into(), "This form can no longer be used".to_owned()),
            PageFailure::LogIn(_) | PageFailure::SessionEnded(_) => {
                (OwnCode::StaleForm.into(), "No operator is logged in".to_owned())
            }
            PageFailure::Act(refusal @ act::Refusal::Forbidden(_)) => {
                (OwnCode::OperatorRole.into(), refusal.to_string())
            }
            PageFailure::Act(refusal) => (OwnCode::OperatorAct.into(), refusal.to_string()),
            PageFailure::TooLarge { limit, .. } => (
                OwnCode::PageRequestTooLarge.into(),
                format!("It has more than {} KiB, and was not looked at.", limit / 1024),
            ),
            PageFailure::Logout(why) => (OwnCode::LogoutRefused.into(), why.clone()),
            PageFailure::Busy => (OwnCode::LogInBusy.into(), "Too many people are logging in".to_owned()),
            PageFailure::Unreadable => (OwnCode::ServerFailed.into(), "Something went wrong on our side".to_owned()),
            PageFailure::Database(cause) => (cause.meaning().code(), cause.meaning().sentence().to_owned()),
        };
        Refusal { code, detail }
    }

    /// What the page says: a heading, what happened, and what to do.
    fn words(&self, app: &App, origin: Origin) -> (&str, String, Option<String>) {
        match self {
            PageFailure::Refused { code, title, detail } => {
                const NOTHING: &str = "Nothing was allowed and nothing was sent back.";
                // A second sentence says what to do in this very case.
                let next = match detail.contains(". ") {
                    true => NOTHING.to_owned(),
                    false => format!("{} {NOTHING}", code.remedy()),
                };
                (title, detail.clone(), Some(next))
            }
            PageFailure::StaleForm => (
                "This form can no longer be used",
                "It was opened too long ago, or in another browser, or cookies are switched off.".to_owned(),
                Some(origin.again().to_owned()),
            ),
            PageFailure::LogIn(_) | PageFailure::SessionEnded(_) => {
                ("You are not logged in", "Your session has ended. Nothing was changed.".to_owned(), None)
            }
            PageFailure::Act(refusal) => {
                let title = match refusal {
                    _ if self.status_code() == StatusCode::NOT_FOUND => "There is no such page",
                    act::Refusal::Forbidden(_) => "Your role does not allow this",
                    _ => "Nothing was changed",
                };
                let why = match refusal {
                    act::Refusal::Forbidden(forbidden) => forbidden.on_a_page(),
                    other => other.to_string(),
                };
                (title, sentence(&why), None)
            }
            PageFailure::TooLarge { limit, .. } => (
                "This request is too long",
                format!("It has more than {} KiB, and was not looked at.", limit / 1024),
                Some(
                    "Nothing was allowed and nothing was sent back. The application that sent you here has to send less, or push its \
                     request beforehand (RFC 9126)."
                        .to_owned(),
                ),
            ),
            PageFailure::Logout(why) => (
                "This log-out request is not valid",
                why.clone(),
                Some(format!(
                    "You are still logged in, and were not redirected. To log out, open {}/account.",
                    app.public_url
                )),
            ),
            PageFailure::Busy => {
                ("Too many people are logging in", "Wait a few seconds and try again.".to_owned(), None)
            }
            PageFailure::Unreadable => {
                tracing::error!("a stored secret cannot be opened with the master keys that are configured");
                (
                    "Something went wrong on our side",
                    "Nothing was changed. Tell the operator of this service.".to_owned(),
                    None,
                )
            }
            PageFailure::Database(cause) => {
                cause.log("a page could not be served");
                ("Something went wrong on our side", cause.meaning().sentence().to_owned(), None)
            }
        }
    }

    fn page(&self, app: &App, path: &str, request: Option<RequestId>) -> HttpResponse {
        let (status, origin) = (self.status_code(), Origin::of(path));
        match self {
            PageFailure::LogIn(asked) => {
                let next = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", asked).finish();
                return redirect(&format!("{}/console/login?{next}", app.admin_url));
            }
            PageFailure::SessionEnded(typed) => {
                return templates::page(app, status, &SessionEndedPage { typed: typed.clone() });
            }
            _ => {}
        }
        let (title, detail, hint) = self.words(app, origin);
        let support = request.map(|id| ForSupport {
            request: id.to_string(),
            code: self.refusal().code.name(),
            time: wording::format_time(app.clock.now()),
        });
        let mut answer = problem(app, status, (title, &detail, hint), origin.ways(), support);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        answer
    }
}

/// Where users were when something went wrong, which says how they go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// An application sent them.
    Application,
    /// They were logging in: for an application, or for themselves.
    LogIn,
    /// On pages of their own.
    Own,
    /// They are an operator.
    Operator,
}

impl Origin {
    fn of(path: &str) -> Origin {
        match path {
            "/oauth2/logout" => Origin::Own,
            _ if path.starts_with("/oauth2/") => Origin::Application,
            _ if path.starts_with("/login") || path.starts_with("/saml/") => Origin::LogIn,
            _ if path.starts_with("/console") => Origin::Operator,
            _ => Origin::Own,
        }
    }

    /// How what they did is done again.
    fn again(self) -> &'static str {
        match self {
            Origin::Application => {
                "Go back to the application that sent you here and begin again: in an identity provider, press its Authenticate button."
            }
            Origin::LogIn => {
                "If your identity provider sent you here, go back to it and press its Authenticate button again. Else open your \
                 connections."
            }
            Origin::Own | Origin::Operator => "Open the page again, and press the button once more.",
        }
    }

    fn ways(self) -> &'static [Way] {
        match self {
            Origin::Application => &[],
            Origin::LogIn | Origin::Own => &[Way::ACCOUNT],
            Origin::Operator => &[Way::CONSOLE],
        }
    }
}

impl From<DbError> for PageFailure {
    fn from(error: DbError) -> Self {
        PageFailure::Database(error)
    }
}

impl From<ServiceError> for PageFailure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Database(error) => PageFailure::Database(error),
            ServiceError::Unreadable => PageFailure::Unreadable,
        }
    }
}

impl From<ActError> for PageFailure {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Refused(refusal) => PageFailure::Act(refusal),
            ActError::Database(error) => PageFailure::Database(error),
        }
    }
}

/// A refusal of a service, as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

impl From<Busy> for PageFailure {
    fn from(Busy: Busy) -> Self {
        PageFailure::Busy
    }
}

impl From<oauth::StoreError> for PageFailure {
    fn from(error: oauth::StoreError) -> Self {
        PageFailure::Database(DbError::from(error))
    }
}

impl From<scim::store::StoreError> for PageFailure {
    fn from(error: scim::store::StoreError) -> Self {
        PageFailure::Database(DbError::from(error))
    }
}

impl TransactionError for PageFailure {
    fn database(&self) -> Option<&DbError> {
        match self {
            PageFailure::Database(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_that_an_application_led_to_send_users_back_to_one() {
        for path in ["/oauth2/auth", "/oauth2/consent", "/oauth2/switch"] {
            assert!(Origin::of(path).again().contains("identity provider"), "{path}");
            assert!(Origin::of(path).ways().is_empty(), "{path}: there is nothing of ours to go on with");
        }
        for path in [
            "/account",
            "/account/password",
            "/account/sessions/end",
            "/oauth2/logout",
            "/console/accounts",
            "/nowhere",
        ] {
            assert!(!Origin::of(path).again().contains("identity provider"), "{path}");
            assert!(!Origin::of(path).ways().is_empty(), "{path}: a way leads on");
        }
        assert!(Origin::of("/login/callback").again().starts_with("If your identity provider sent you here"));
    }
}

//! What a person is told who comes back to a request that was answered: usually that all is well, and what to do next.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oauth::authorize::AuthorizationRequest;
use oauth::consent::Earlier;

use super::cookies::Browser;
use super::failure::START_AGAIN;
use super::templates::message;
use crate::app::App;
use crate::domain::person::short_name;
use crate::domain::request::{OwnCode, Refusal};
use crate::services::consent;

/// The page for whom accepting changes nothing any more.
pub(super) fn page(app: &App, browser: &Browser, asked: &AuthorizationRequest, earlier: Earlier) -> HttpResponse {
    let account = &app.public_url;
    let client = short_name(&asked.client_name);
    let (again, begins) = match consent::provisions(asked) {
        true => (START_AGAIN.to_owned(), "press the Authenticate button of your identity provider again".to_owned()),
        false => (format!("Go back to {client} and start again."), format!("start again in {client}")),
    };
    match earlier {
        Earlier::Accepted => message(
            app,
            StatusCode::OK,
            "Access was already accepted",
            &format!(
                "You have accepted this, and the application has fetched its access. If {client} shows the connection as working, nothing is \
                 left to do: close this page."
            ),
            Some(&format!("If it does not, {begins}. What you have connected is listed at {account}/account.")),
        ),
        Earlier::InVain => message(
            app,
            StatusCode::CONFLICT,
            "Access was already accepted, but it is not in use",
            &browser.refused(Refusal::new(OwnCode::AnsweredInVain, "You have accepted this. The application did not fetch its access in time, or the access was ended since.")),
            Some(&again),
        ),
        Earlier::Denied => message(
            app,
            StatusCode::CONFLICT,
            "Access was already denied",
            &browser.refused(Refusal::new(OwnCode::AnsweredDenied, "You have denied this before, and the first answer stands. Nothing was connected.")),
            Some(&again),
        ),
        Earlier::ByAnother => message(
            app,
            StatusCode::CONFLICT,
            "This was already answered",
            &browser.refused(Refusal::new(OwnCode::AnsweredByAnother, "Another user has accepted this access in the meantime, and the first answer stands.")),
            Some(&format!("To connect as yourself, {begins}.")),
        ),
    }
}

/// The page for whom denying changes nothing any more.
pub(super) fn too_late_to_deny(app: &App, browser: &Browser) -> HttpResponse {
    message(
        app,
        StatusCode::CONFLICT,
        "Access was already accepted",
        &browser.refused(Refusal::new(
            OwnCode::DeniedTooLate,
            "You have accepted this before you denied it, and the first answer stands.",
        )),
        Some(&format!("To take the access back, end the connection at {}/account.", app.public_url)),
    )
}

//! What a person is told who comes back to a request that was answered: usually that all is well, and what to do next.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oauth::consent::Earlier;

use super::failure::START_AGAIN;
use super::templates::message;
use crate::app::App;

/// The page for whom accepting changes nothing any more.
pub(super) fn page(app: &App, earlier: Earlier) -> HttpResponse {
    let account = &app.public_url;
    match earlier {
        Earlier::Accepted => message(
            app,
            StatusCode::OK,
            "Access was already accepted",
            "You have accepted this, and the application has fetched its access. If your identity provider shows the connection as working, \
             nothing is left to do: close this page.",
            Some(&format!(
                "If it does not, press the Authenticate button of your identity provider again. What you have connected is listed at \
                 {account}/account."
            )),
        ),
        Earlier::InVain => message(
            app,
            StatusCode::CONFLICT,
            "Access was already accepted, but it is not in use",
            "You have accepted this. The application did not fetch its access in time, or the access was ended since.",
            Some(START_AGAIN),
        ),
        Earlier::Denied => message(
            app,
            StatusCode::CONFLICT,
            "Access was already denied",
            "You have denied this before, and the first answer stands. Nothing was connected.",
            Some(START_AGAIN),
        ),
        Earlier::ByAnother => message(
            app,
            StatusCode::CONFLICT,
            "This was already answered",
            "Another user has accepted this access in the meantime, and the first answer stands.",
            Some("To connect as yourself, press the Authenticate button of your identity provider again."),
        ),
    }
}

/// The page for whom denying changes nothing any more.
pub(super) fn too_late_to_deny(app: &App) -> HttpResponse {
    message(
        app,
        StatusCode::CONFLICT,
        "Access was already accepted",
        "You have accepted this before you denied it, and the first answer stands.",
        Some(&format!("To take the access back, end the connection at {}/account.", app.public_url)),
    )
}

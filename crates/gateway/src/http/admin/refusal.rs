//! What services refuse, as problem details.

use actix_web::http::StatusCode;
use oauth::BearerError;

use super::force;
use crate::http::edge::problem::Problem;
use crate::services::error::{ActError, Refusal};

impl From<ActError> for Problem {
    fn from(error: ActError) -> Problem {
        match error {
            ActError::Refused(refusal) => refusal.into(),
            ActError::Database(error) => error.into(),
        }
    }
}

impl From<BearerError> for Problem {
    fn from(error: BearerError) -> Problem {
        let detail = error.to_string();
        let problem = match error.status() {
            401 => Problem::unauthorized(detail),
            400 => Problem::bad_request(detail),
            status => Problem::with_status(StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), detail),
        };
        problem.with_challenge(error.www_authenticate())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound { what, id } => Problem::not_found(what, &id),
            Refusal::OutOfScope { needs, .. } => {
                let scope = needs.map(|scope| format!(", scope=\"{scope}\"")).unwrap_or_default();
                let challenge = format!("Bearer realm=\"admin\", error=\"insufficient_scope\"{scope}");
                Problem::forbidden(refusal.to_string()).with_challenge(challenge)
            }
            Refusal::Forbidden(why) => Problem::forbidden(why.to_string()),
            Refusal::Invalid(errors) => Problem::invalid(errors),
            Refusal::Conflict { detail, errors } => Problem::conflict(detail).with_errors(errors),
            Refusal::Unconfirmed(consequence, errors) => force::unconfirmed(consequence, errors),
            Refusal::Gone(detail) => Problem::with_status(StatusCode::GONE, detail),
            Refusal::Busy(detail) => Problem::busy(detail),
            Refusal::Scim(error) => error.into(),
        }
    }
}

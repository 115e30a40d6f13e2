//! What services refuse, as problem details.

use actix_web::http::StatusCode;

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

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound { what, id } => Problem::not_found(what, &id),
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

//! The OpenID AuthZEN Authorization API 1.0 below `/access/v1`, for operators' tokens and product keys, and its
//! metadata (§9).
//!
//! Errors have the form of the admin API (RFC 9457): the specification asks for a status and a message.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::body::Body;
use super::operator::Operator;
use crate::app::App;
use crate::domain::bodies::authzen::{Decision, Decisions, Evaluation, Evaluations, FoundSubjects, SubjectSearch};
use crate::domain::operator::Power;
use crate::domain::scopes::READ_ACCESS;
use crate::http::edge::audience::keys_and;
use crate::http::edge::endpoints::{Endpoint, operations};
use crate::http::edge::problem::Problem;
use crate::services::access::authzen;
use crate::storage::ReadCost;

/// Its endpoints, below `/access/v1`.
pub(super) static ENDPOINTS: &[Endpoint] = operations![
    "AuthZEN" {
        POST "/evaluation" keys_and(Power::Read, READ_ACCESS) => evaluation, "Decides whether a user may enter an environment, or has a role.";
        POST "/evaluations" keys_and(Power::Read, READ_ACCESS) => evaluations, "Decides several questions.";
        POST "/search/subject" keys_and(Power::Read, READ_ACCESS) => search_subject, "Lists the users who may enter an environment, or have a role.";
    }
];

async fn evaluation(
    operator: Operator,
    app: web::Data<App>,
    body: Body<Evaluation>,
) -> Result<web::Json<Decision>, Problem> {
    let asked = body.finish()?;
    let answer =
        operator.read(&app, ReadCost::Point, move |tx, mandate| authzen::evaluate(tx, mandate, &asked)).await?;
    Ok(web::Json(answer))
}

async fn evaluations(
    operator: Operator,
    app: web::Data<App>,
    body: Body<Evaluations>,
) -> Result<web::Json<Decisions>, Problem> {
    let asked = body.finish()?;
    let answer =
        operator.read(&app, ReadCost::Scan, move |tx, mandate| authzen::evaluate_all(tx, mandate, &asked)).await?;
    Ok(web::Json(answer))
}

async fn search_subject(
    operator: Operator,
    app: web::Data<App>,
    body: Body<SubjectSearch>,
) -> Result<web::Json<FoundSubjects>, Problem> {
    let asked = body.finish()?;
    let answer =
        operator.read(&app, ReadCost::Scan, move |tx, mandate| authzen::search_subjects(tx, mandate, &asked)).await?;
    Ok(web::Json(answer))
}

/// `GET /.well-known/authzen-configuration`
pub(super) async fn metadata(app: web::Data<App>) -> HttpResponse {
    let base: &str = &app.admin_url;
    HttpResponse::Ok().insert_header((CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"))).json(json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
    }))
}

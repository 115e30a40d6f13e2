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
use crate::http::edge::problem::Problem;
use crate::services::access::authzen;
use crate::storage::ReadCost;

pub(super) async fn evaluation(
    operator: Operator,
    app: web::Data<App>,
    body: Body<Evaluation>,
) -> Result<web::Json<Decision>, Problem> {
    let asked = body.finish()?;
    let answer =
        operator.read(&app, ReadCost::Point, move |tx, mandate| authzen::evaluate(tx, mandate, &asked)).await?;
    Ok(web::Json(answer))
}

pub(super) async fn evaluations(
    operator: Operator,
    app: web::Data<App>,
    body: Body<Evaluations>,
) -> Result<web::Json<Decisions>, Problem> {
    let asked = body.finish()?;
    let answer =
        operator.read(&app, ReadCost::Scan, move |tx, mandate| authzen::evaluate_all(tx, mandate, &asked)).await?;
    Ok(web::Json(answer))
}

pub(super) async fn search_subject(
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

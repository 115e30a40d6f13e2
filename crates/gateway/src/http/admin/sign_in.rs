//! Who may log in how: what operators decide for an account.

use actix_web::web;

use super::body::Body;
use super::operator::Operator;
use crate::app::App;
use crate::domain::bodies::sign_in::{SignIn, SignInChange, SignalPollStanding};
use crate::http::edge::problem::Problem;
use crate::services::accounts::sign_in::{self, Rules, polling, saml};
use crate::services::sign_in::request_key;
use crate::storage::ReadCost;

/// `GET …/accounts/{account}/sign-in`
pub(super) async fn get(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<SignIn>, Problem> {
    let public_url = app.public_url.clone();
    let answer =
        operator.read(&app, ReadCost::Point, move |tx, mandate| sign_in::get(tx, mandate, &id, &public_url)).await?;
    Ok(web::Json(answer))
}

/// `PATCH …/accounts/{account}/sign-in`
pub(super) async fn change(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
    body: Body<SignInChange>,
) -> Result<web::Json<SignIn>, Problem> {
    let change = body.checked(|change| sign_in::wrong_issuer(change, &app.outbound))?;
    let metadata = saml::fetched(&app.outbound, &change).await.map_err(|wrong| Problem::invalid(vec![wrong]))?;
    if saml::signs(&change) {
        request_key::ensure(&app.db, &app.keys, &app.public_url).await?;
    }
    let work = app.clone();
    let answer = operator
        .write(&app, move |tx, mandate| {
            let rules = Rules {
                outbound: &work.outbound,
                keys: &work.keys,
                public_url: &work.public_url,
                metadata: metadata.as_deref(),
            };
            sign_in::change(tx, mandate, rules, &id, &change)
        })
        .await?;
    Ok(web::Json(answer))
}

/// `GET …/accounts/{account}/signal-poll`
pub(super) async fn signal_poll(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<SignalPollStanding>, Problem> {
    let standing = operator.read(&app, ReadCost::Point, move |tx, mandate| polling::standing(tx, mandate, &id)).await?;
    Ok(web::Json(standing))
}

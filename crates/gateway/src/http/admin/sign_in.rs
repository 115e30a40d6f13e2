//! Who may log in how: what operators decide for an account.

use actix_web::web;

use super::body::Body;
use super::operator::Operator;
use crate::app::App;
use crate::domain::bodies::sign_in::{SignIn, SignInChange};
use crate::http::edge::problem::Problem;
use crate::services::accounts::sign_in::{self, Rules};
use crate::storage::ReadCost;

/// What has to be registered at a provider as the redirect URI.
fn redirect_uri(app: &App) -> String {
    format!("{}/login/callback", app.public_url)
}

/// `GET …/accounts/{account}/sign-in`
pub(super) async fn get(
    operator: Operator,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<web::Json<SignIn>, Problem> {
    let redirect_uri = redirect_uri(&app);
    let answer =
        operator.read(&app, ReadCost::Point, move |tx, mandate| sign_in::get(tx, mandate, &id, &redirect_uri)).await?;
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
    let (work, redirect_uri) = (app.clone(), redirect_uri(&app));
    let answer = operator
        .write(&app, move |tx, mandate| {
            let rules = Rules { outbound: &work.outbound, keys: &work.keys, redirect_uri: &redirect_uri };
            sign_in::change(tx, mandate, rules, &id, &change)
        })
        .await?;
    Ok(web::Json(answer))
}

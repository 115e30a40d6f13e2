//! Who may log in how: what operators decide for an account, and what they do for a user who lost a way to log in.

use actix_web::web;
use scim::schema::USER;
use scim::{Id, Store};

use super::answer::NoContent;
use super::body::Body;
use super::operator::Operator;
use crate::app::App;
use crate::domain::bodies::sign_in::{SignIn, SignInChange};
use crate::domain::ids::UserKey;
use crate::http::edge::problem::Problem;
use crate::platform::timestamp::Timestamp;
use crate::services::accounts;
use crate::services::accounts::sign_in::{self, Rules};
use crate::services::second_factor;
use crate::services::sign_in::{Owner, upstream};
use crate::storage::{DbError, ReadCost, Tx};

/// What has to be registered at a provider as the redirect URI.
fn redirect_uri(app: &App) -> String {
    format!("{}/login/callback", app.public_url)
}

/// `GET …/accounts/{account}/sign-in`
pub(super) async fn get(_: Operator, app: web::Data<App>, id: web::Path<String>) -> Result<web::Json<SignIn>, Problem> {
    let redirect_uri = redirect_uri(&app);
    let answer = app.db.read(ReadCost::Point, move |tx| sign_in::get(tx, &id, &redirect_uri)).await?;
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
        .write(&app, move |tx| {
            let rules = Rules { outbound: &work.outbound, keys: &work.keys, redirect_uri: &redirect_uri };
            sign_in::change(tx, rules, &id, &change)
        })
        .await?;
    Ok(web::Json(answer))
}

/// The user that a path names.
fn user(tx: &mut Tx<'_>, account: &str, user: &str) -> Result<Owner, Problem> {
    let account = accounts::find(tx, account)?.seq;
    let id = Id::new(user).ok_or_else(|| Problem::not_found("user", user))?;
    let found = tx.in_account(account, tx.now(), false).get(USER, &id)?;
    let resource = UserKey::of_user(found.ok_or_else(|| Problem::not_found("user", user))?.handle);
    Ok(Owner { account, resource, id: user.to_owned() })
}

/// `DELETE …/users/{user}/second-factor`: their telephone is lost. They log in with their password alone, until they set up another.
pub(super) async fn remove_second_factor(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    release(operator, app, path, "second factor of user", second_factor::release).await
}

/// `DELETE …/users/{user}/upstream-identity`: the next to log in at the provider under a name of theirs is who they are.
pub(super) async fn release_identity(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    release(operator, app, path, "upstream identity of user", upstream::release).await
}

/// Takes a way to log in from the user that a path names; what it is called is for the refusal where there is none.
async fn release(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
    noun: &'static str,
    release: fn(&mut Tx<'_>, &Owner, Timestamp) -> Result<bool, DbError>,
) -> Result<NoContent, Problem> {
    app.db
        .write(move |tx| {
            let owner = user(tx, &path.0, &path.1)?;
            operator.sign(tx);
            let now = tx.now();
            match release(tx, &owner, now)? {
                true => Ok(NoContent),
                false => Err(Problem::not_found(noun, &path.1)),
            }
        })
        .await
}

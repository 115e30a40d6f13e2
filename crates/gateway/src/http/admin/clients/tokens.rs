//! A client's static tokens.

use actix_web::web;

use crate::app::App;
use crate::domain::bodies::clients::tokens::{NewToken, ShownToken, Token};
use crate::domain::described::With;
use crate::http::admin::answer::{Created, NoContent};
use crate::http::admin::body::Body;
use crate::http::admin::operator::Operator;
use crate::http::admin::page::Items;
use crate::http::edge::problem::Problem;
use crate::services::clients::tokens;
use crate::services::sent_form::Drawn;
use crate::storage::ReadCost;

pub(in crate::http::admin) async fn list(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<Items<Token>>, Problem> {
    let items = operator.read(&app, ReadCost::Scan, move |tx, mandate| tokens::list(tx, mandate, &client)).await?;
    Ok(web::Json(Items::all(items)))
}

pub(in crate::http::admin) async fn add(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
    body: Body<NewToken>,
) -> Result<Created<With<Token, ShownToken>>, Problem> {
    let new = body.checked(|new| tokens::mistakes(new, app.clock.now()))?;
    let work = app.clone();
    let body = operator
        .write(&app, move |tx, mandate| {
            let drawn = Drawn::fresh(oauth::Prefix::StaticToken);
            work.oauth(|cx| tokens::create(tx, mandate, cx, &client, (&new, &drawn)))
        })
        .await?;
    Ok(Created { body, location: None })
}

pub(in crate::http::admin) async fn end(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| tokens::revoke(tx, mandate, &path.0, &path.1)).await?;
    Ok(NoContent)
}

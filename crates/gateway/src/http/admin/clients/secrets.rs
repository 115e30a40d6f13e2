//! A client's secrets.

use actix_web::web;

use crate::app::App;
use crate::domain::bodies;
use crate::domain::bodies::clients::secrets::{NewSecret, Secret, ShownSecret};
use crate::http::admin::answer::{Created, NoContent};
use crate::http::admin::body::Body;
use crate::http::admin::operator::Operator;
use crate::http::admin::page::Items;
use crate::http::edge::problem::Problem;
use crate::services::clients::secrets;
use crate::services::sent_form::Drawn;
use crate::storage::ReadCost;

pub(in crate::http::admin) async fn list(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
) -> Result<web::Json<Items<Secret>>, Problem> {
    let items = operator.read(&app, ReadCost::Scan, move |tx, mandate| secrets::list(tx, mandate, &client)).await?;
    Ok(web::Json(Items::all(items)))
}

pub(in crate::http::admin) async fn add(
    operator: Operator,
    app: web::Data<App>,
    client: web::Path<String>,
    body: Body<NewSecret>,
) -> Result<Created<ShownSecret>, Problem> {
    let new = body.checked(|new| bodies::past_end(new.expires, app.clock.now()))?;
    let work = app.clone();
    let body = operator
        .write(&app, move |tx, mandate| {
            let drawn = Drawn::fresh(oauth::Prefix::ClientSecret);
            secrets::create(tx, mandate, &work.keys, &work.config.oauth, &client, (&new, &drawn))
        })
        .await?;
    Ok(Created { body, location: None })
}

pub(in crate::http::admin) async fn end(
    operator: Operator,
    app: web::Data<App>,
    path: web::Path<(String, String)>,
) -> Result<NoContent, Problem> {
    operator.write(&app, move |tx, mandate| secrets::revoke(tx, mandate, &path.0, &path.1)).await?;
    Ok(NoContent)
}

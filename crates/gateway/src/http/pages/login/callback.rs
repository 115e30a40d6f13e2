//! Users and operators come back from their OpenID provider.

use actix_web::{HttpRequest, HttpResponse, web};

use super::provider::{self, Return};
use crate::app::App;
use crate::http::edge::query;
use crate::http::pages::console;
use crate::http::pages::cookies::Browser;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::intent::LoginIntent;
use crate::services::sign_in::pending::{self, Purpose};

/// `GET /login/callback`
pub(in crate::http::pages) async fn callback(
    request: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, PageFailure> {
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    let one = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let browser = Browser::of(&request, &app);
    let (keys, state) = (app.keys.clone(), one("state").unwrap_or_default().to_owned());
    let now = app.clock.now();
    let sign_in = app.db.write(move |tx| pending::take(tx, &keys, &state, now)).await?;
    let sign_in = sign_in.filter(|sign_in| browser.sent(&app, &sign_in.browser)).ok_or(PageFailure::StaleForm)?;
    let code = sign_in.code(one);
    match sign_in.purpose {
        Purpose::Operator { ref next } => console::came_back(&app, &browser, code, next, &sign_in.pending).await,
        Purpose::Person { account, ref request, fresh_since, asked_anew } => {
            let intent = &LoginIntent::open(&app, &browser, request)?;
            let of = Return { account, intent, fresh_since, asked_anew };
            match code {
                Ok(code) => provider::came_back(&app, &browser, of, code, &sign_in.pending).await,
                Err(refusal) => provider::not_let_in(&app, &browser, intent, refusal).await,
            }
        }
    }
}

//! Users and operators come back from their OpenID provider.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::provider::{PURPOSE, PendingSignIn, Purpose, person};
use super::{FormMessage, finish, page_for};
use crate::app::App;
use crate::http::edge::query;
use crate::http::pages::cookies::Browser;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::intent::LoginIntent;
use crate::http::pages::operator;
use crate::platform::system;

/// `GET /login/callback`
pub(in crate::http::pages) async fn back(
    request: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, PageFailure> {
    let pairs = query::pairs(request.query_string()).map_err(|_| PageFailure::StaleForm)?;
    let one = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let browser = Browser::of(&request, &app);
    let fingerprint = app.keys.fingerprint(one("state").unwrap_or_default());
    let sealed = app.db.write(move |tx| tx.take_sign_in_flow(fingerprint.as_bytes(), system::now())).await?;
    let away = sealed
        .and_then(|sealed| app.keys.open(PURPOSE, &sealed))
        .and_then(|bytes| serde_json::from_slice::<PendingSignIn>(&bytes).ok())
        .filter(|away| browser.sent(&app, &away.browser))
        .ok_or(PageFailure::StaleForm)?;
    // RFC 9207: an answer of another provider is not this one's.
    let answered = match (one("code"), one("error")) {
        _ if one("iss").is_some_and(|iss| iss != away.issuer) => {
            Err("The answer came from another provider than the one that was asked.".to_owned())
        }
        (Some(code), None) => Ok(code),
        (_, error) => {
            let why: String = one("error_description").or(error).unwrap_or("no code").chars().take(200).collect();
            Err(format!("Your provider did not let you in: {why}"))
        }
    };
    match away.purpose {
        Purpose::Operator => operator::back(&app, &browser, answered, &away.pending).await,
        Purpose::Person { account, request } => {
            let intent = LoginIntent::open(&app, &request)?;
            let proven = match answered {
                Ok(code) => person(&app, &browser, account, code, &away.pending).await?,
                Err(problem) => Err(problem),
            };
            match proven {
                Ok(proven) => finish(&app, &browser, &intent, proven).await,
                Err(problem) => {
                    page_for(&app, &browser, &intent, FormMessage::problem(&problem, StatusCode::UNAUTHORIZED)).await
                }
            }
        }
    }
}

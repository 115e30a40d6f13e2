//! Operators sign in at the vendor's own OpenID provider, and get a token of the admin API that is good for some hours.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::login::provider::{CALLBACK, Purpose, leave};
use super::templates::{OperatorPage, OperatorTokenPage, not_found, page};
use crate::app::App;
use crate::config::OperatorSignIn;
use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Act, Action};
use crate::domain::wording;
use crate::platform::openid_client::{AuthRequestOptions, Identity, OpenIdProvider, Pending};
use crate::platform::system;

fn provider(app: &App, configured: &OperatorSignIn) -> OpenIdProvider {
    OpenIdProvider {
        issuer: configured.issuer.clone(),
        client_id: configured.client_id.clone(),
        client_secret: configured.client_secret.clone(),
        redirect_uri: format!("{}{CALLBACK}", app.public_url),
    }
}

fn sign_in_page(app: &App, browser: &Browser, problem: Option<String>, status: StatusCode) -> HttpResponse {
    let mut answer = page(app, status, &OperatorPage { problem, csrf: browser.csrf(app) });
    browser.introduce(app, &mut answer);
    answer
}

/// `GET /operator`
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    match app.config.operator_sign_in {
        Some(_) => sign_in_page(&app, &Browser::of(&request, &app), None, StatusCode::OK),
        None => not_found(request, app).await,
    }
}

/// `POST /operator/sign-in`
pub(super) async fn begin(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let Some(configured) = &app.config.operator_sign_in else { return Ok(not_found(request, app.clone()).await) };
    let (_, browser) = Form::ours(&request, &app, payload).await?;
    let wish = AuthRequestOptions { login: true, ..AuthRequestOptions::default() };
    match leave(&app, &browser, &provider(&app, configured), Purpose::Operator, wish).await? {
        Ok(answer) => Ok(answer),
        Err(problem) => Ok(sign_in_page(&app, &browser, Some(problem), StatusCode::BAD_GATEWAY)),
    }
}

/// Back from the provider: a token for whoever is on the list.
pub(super) async fn back(
    app: &App,
    browser: &Browser,
    answered: Result<&str, String>,
    pending: &Pending,
) -> Result<HttpResponse, PageFailure> {
    let refused = |problem: String| Ok(sign_in_page(app, browser, Some(problem), StatusCode::UNAUTHORIZED));
    let Some(configured) = &app.config.operator_sign_in else {
        return refused("Operators do not sign in here any more.".to_owned());
    };
    let code = match answered {
        Ok(code) => code,
        Err(problem) => return refused(problem),
    };
    let send = app.outbound.relying_party();
    let identity = match app.providers.finish(&provider(app, configured), pending, code, &send).await {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(%error, "an operator could not sign in");
            return refused(error.for_people().to_owned());
        }
    };
    let now = system::now();
    let address = match admitted(configured, &identity) {
        Ok(address) => address,
        Err(problem) => {
            let (from, who) = (browser.address.clone(), identity.email.map(|(email, _)| email));
            app.db
                .write(move |tx| {
                    tx.act_as(Actor::Browser.at(from.clone()));
                    tx.raise(now, None, Act::new(Action::OperatorRefused).saying(who.clone()));
                    Ok::<_, PageFailure>(())
                })
                .await?;
            return refused(problem);
        }
    };
    let token = oauth::generated(oauth::Prefix::Operator, &mut system::fill);
    let fingerprint = app.keys.fingerprint(&token);
    let (from, expires) = (browser.address.clone(), now + configured.token_seconds as i64 * 1000);
    let operator = app
        .db
        .write(move |tx| {
            let operator = tx.sign_operator_in(&address, fingerprint.as_bytes(), now, expires)?;
            let (id, name) = (&operator.id, &operator.name);
            tx.act_as(Actor::Operator(Named::new(id, name)).at(from.clone()));
            tx.raise(now, None, Act::new(Action::OperatorSignedIn).on_named(id, name));
            Ok::<_, PageFailure>(operator)
        })
        .await?;
    Ok(page(
        app,
        StatusCode::OK,
        &OperatorTokenPage {
            name: wording::strip_invisible(&operator.name),
            token,
            until: wording::format_time(expires),
        },
    ))
}

/// The address of an operator, if it is on the list.
fn admitted(configured: &OperatorSignIn, identity: &Identity) -> Result<String, String> {
    let Some((email, verified)) = &identity.email else {
        return Err("Your provider does not tell us your e-mail address.".to_owned());
    };
    if !verified && !configured.unverified_email {
        return Err(format!("Your provider does not say that the address {email} is verified."));
    }
    let email = email.to_lowercase();
    let listed =
        configured.allowed.iter().map(|entry| entry.to_lowercase()).any(|entry| match entry.strip_prefix('@') {
            Some(domain) => email.rsplit_once('@').is_some_and(|(name, at)| !name.is_empty() && at == domain),
            None => entry == email,
        });
    match listed {
        true => Ok(email),
        false => Err(format!("{email} is not on the list of operators. Ask whoever runs this service.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::secret_text::SecretText;

    #[test]
    fn operators_are_admitted_by_address_or_domain_and_only_if_it_is_theirs() {
        let configured = OperatorSignIn {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: SecretText::new(""),
            allowed: vec!["Ada@vendor.test".to_owned(), "@csm.vendor.test".to_owned()],
            unverified_email: false,
            token_seconds: 60,
        };
        let identity = |email: Option<(&str, bool)>| Identity {
            subject: "1".to_owned(),
            email: email.map(|(email, verified)| (email.to_owned(), verified)),
            preferred_username: None,
            auth_time: None,
        };
        for (email, admits) in [
            (Some(("ada@vendor.test", true)), true),
            (Some(("ben@CSM.vendor.test", true)), true),
            (Some(("ada@vendor.test", false)), false),
            (Some(("ben@vendor.test", true)), false),
            (Some(("x@evil.test@csm.vendor.test", true)), true),
            (Some(("ada@vendor.test.evil.test", true)), false),
            (Some(("@csm.vendor.test", true)), false),
            (Some(("ben@xcsm.vendor.test", true)), false),
            (None, false),
        ] {
            assert_eq!(admitted(&configured, &identity(email)).is_ok(), admits, "{email:?}");
        }
    }
}

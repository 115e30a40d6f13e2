//! The pages people see: logging in and out, accepting access and taking it back (RFC 6749 §3.1, §4.1; OpenID Connect Core §3.1.2).
//!
//! The authorization request travels sealed in a hidden field of each form, so nothing of a flow is kept here: any replica
//! can serve the next step, and two tabs do not disturb each other. What is kept is who is logged in (`sessions`).

use actix_web::{guard, web};
use oauth::jose::Jwks;

use crate::app::App;
use crate::http::edge::audience::Audience;
use crate::http::edge::endpoints::{self, Endpoint, pages, resources};
use crate::storage::DbError;

mod administration;
mod answered;
mod assets;
mod authorize;
mod binding;
pub(crate) mod connected;
mod consent;
pub mod console;
mod cookie_jar;
mod cookies;
mod desk_frame;
mod device;
pub(crate) mod failure;
mod files;
mod form;
mod frame;
mod front;
mod intent;
mod login;
mod logout;
mod operator;
mod password;
mod password_link;
mod respond;
mod second_factor;
mod self_service;
pub mod setup;
pub mod templates;

pub use files::FILES;

/// Every page and form; those of one path stand together. Forms are refused where another site sends them, but for those that other
/// sites send: authorization requests and requests to log out of clients, responses of SAML providers.
pub static ENDPOINTS: &[Endpoint] = pages![
    GET "/" Audience::Anyone => front::show, "Says whose this is, and leads on.";
    GET "/style" Audience::Anyone => front::style, "Shows every part of the pages; it has no data.";
    GET "/oauth2/auth" Audience::Anyone => authorize::by_query, "Takes an authorization request, and shows what comes next.";
    POST "/oauth2/auth" Audience::Anyone => authorize::by_form, "Takes an authorization request that a client sends as a form.";
    GET "/login" Audience::Anyone => login::show, "Asks who the user is.";
    POST "/login" Audience::Anyone => login::submit, "Logs in by user name and password.";
    GET "/login/forgotten" Audience::Anyone => login::forgotten::show, "Asks users who forgot their password for their name, or says whom to ask.";
    POST "/login/forgotten" Audience::Anyone => login::forgotten::submit, "Has a link mailed with which the user sets a new password.";
    POST "/login/second-factor" Audience::Anyone => login::second_factor::submit, "Takes the code of an authenticator app after the password.";
    POST "/login/provider" Audience::Anyone => login::provider::begin, "Sends the user to the OpenID provider of their account.";
    GET "/login/callback" Audience::Anyone => login::callback::callback, "Users and operators come back here from an OpenID provider.";
    GET "/login/saml" Audience::Anyone => login::saml::enter_by_ticket, "Logs in the user whom a SAML provider has named, in the browser that began.";
    POST "/login/saml" Audience::Anyone => login::saml::begin, "Sends the user to the SAML provider of their account.";
    POST "/saml/consume" Audience::Anyone => login::saml::consume_shared, "Takes a SAML response for any account.";
    GET "/saml/{account}/login" Audience::Anyone => login::saml::enter, "Sends a user of this account to its SAML provider.";
    POST "/saml/{account}/consume" Audience::Anyone => login::saml::consume, "Takes a SAML response for this account.";
    GET "/oauth2/consent" Audience::Anyone => authorize::resume, "Shows what a client asks for, once the user is logged in.";
    POST "/oauth2/consent" Audience::Anyone => authorize::decide, "Accepts or denies access.";
    POST "/oauth2/switch" Audience::Anyone => login::switch, "Logs out, so that another user answers the request.";
    GET "/oauth2/logout" Audience::Anyone => logout::by_query, "Logs out, by a client's link.";
    POST "/oauth2/logout" Audience::Anyone => logout::by_form, "Logs out, by a client's form or by ours.";
    GET "/account" Audience::User => self_service::show, "Shows users their notices, connections and sessions.";
    GET "/account/connections" Audience::Administrator => administration::connections, "Shows an administrator the connections of their account.";
    POST "/account/connections/end" Audience::User => self_service::end_connection, "Ends all that the user accepted for a client.";
    GET "/account/connections/secret" Audience::Administrator => administration::ask_to_renew, "Says what a new secret of a connection means.";
    POST "/account/connections/secret" Audience::Administrator => administration::renew, "Makes a new secret of a connection and shows it once.";
    GET "/account/setup-links" Audience::Administrator => administration::links, "Shows an administrator the setup links of their account.";
    GET "/account/users" Audience::Administrator => administration::people, "Shows an administrator how the users of their account log in.";
    POST "/account/notices/seen" Audience::User => self_service::see_notice, "Notes that the user has seen a notice.";
    POST "/account/sessions/end" Audience::User => self_service::end_session, "Logs the user out in another browser.";
    GET "/account/password" Audience::User => password::show, "Asks for a new password.";
    POST "/account/password" Audience::User => password::change, "Changes the user's password.";
    GET "/account/second-factor" Audience::User => second_factor::show, "Shows what an authenticator app is set up with.";
    POST "/account/second-factor" Audience::User => second_factor::begin, "Begins to set up an authenticator app.";
    POST "/account/second-factor/confirm" Audience::User => second_factor::confirm, "Takes the first code of an authenticator app.";
    POST "/account/second-factor/remove" Audience::User => second_factor::remove, "Removes the user's authenticator app.";
    GET "/password" Audience::Anyone => password_link::done, "Says that a password was set, and leads on.";
    POST "/password" Audience::Anyone => password_link::submit, "Sets the password of a link's user, once.";
    GET "/password/{link}" Audience::LinkHolder => password_link::show, "Asks the user of a link for a password; looking uses nothing up.";
    GET "/operator" Audience::Anyone => operator::moved, "Leads to where operators log in.";
];

/// Every table of pages, forms and files.
pub fn tables() -> impl Iterator<Item = &'static [Endpoint]> {
    [ENDPOINTS, setup::ENDPOINTS, FILES].into_iter().chain(console::TABLES.iter().copied())
}

/// Where a GET may answer a request, end a session or use something up, which a HEAD must not: who only looks gets an empty page.
const ACTS: [&str; 6] =
    ["/oauth2/auth", "/oauth2/consent", "/oauth2/logout", "/login/callback", "/login/saml", "/saml/{account}/login"];

/// Those of users, of administrators of an account, and of any visitor.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    ACTS.iter().for_each(|path| only_looked_at(config, path));
    [ENDPOINTS, setup::ENDPOINTS, FILES].into_iter().for_each(|table| serve(config, table));
}

/// Those of operators.
pub(super) fn console_routes(config: &mut web::ServiceConfig) {
    console::TABLES.iter().for_each(|table| serve(config, table));
}

/// The same on a listener of their own, with what their pages are made of and the way back from their OpenID provider.
pub(super) fn console_alone(config: &mut web::ServiceConfig) {
    const CALLBACK: &str = "/login/callback";
    only_looked_at(config, CALLBACK);
    let callback = ENDPOINTS.iter().position(|endpoint| endpoint.path == CALLBACK);
    serve(config, callback.map(|at| &ENDPOINTS[at..=at]).unwrap_or_default());
    config.service(web::resource("/").route(web::get().to(operator::moved)));
    serve(config, FILES);
    console_routes(config);
}

fn only_looked_at(config: &mut web::ServiceConfig, path: &str) {
    config.service(web::resource(path).guard(guard::fn_guard(endpoints::is_head)).to(templates::nothing_yet));
}

fn serve(config: &mut web::ServiceConfig, table: &'static [Endpoint]) {
    for resource in resources(table, || web::to(templates::wrong_method)) {
        config.service(resource);
    }
}

/// The keys that ID tokens of ours are checked with when clients bring them back.
async fn own_keys(app: &App) -> Result<Jwks, DbError> {
    let published = app.signer.jwks().await?;
    Jwks::published(&published).ok_or_else(|| DbError::Corrupt("the published keys cannot be read".to_owned()))
}

//! The admin API: for Customer Success Managers' tools and for automation. `docs/admin-api.md` is its contract.
//!
//! [`ENDPOINTS`] is all of it. Every handler takes an [`Operator`], which cannot be had without a token that
//! counts; a story asks each row of the table without one. Where a row says so, a [product key](product_key) may stand in an operator's place.

use actix_web::http::{StatusCode, header};
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};

pub(crate) use operator::Operator;

use crate::domain::operator::Power;
use crate::domain::scopes::READ_ACCESS;
use crate::http::edge::audience::{everywhere, keys_and, within_reach};
use crate::http::edge::endpoints::{Endpoint, allowed, operations, resources, row};
use crate::http::edge::problem::{FieldError, Problem};

mod access;
mod accounts;
mod answer;
mod attributes;
mod audit;
mod authzen;
mod body;
mod clients;
pub mod event_streams;
pub mod events;
mod force;
mod grants;
mod health;
mod notices;
mod operator;
mod operators;
mod page;
mod pending_members;
mod product_key;
mod protected_resource;
mod refusal;
mod requests;
mod setup_links;
mod shared_names;
mod sign_in;
mod target;
mod users;
mod webhooks;

/// Every endpoint of the admin API, below `/admin`; those of one path stand together.
pub static ENDPOINTS: &[Endpoint] = operations![
    "Accounts" {
        GET "/accounts" within_reach(Power::Read) => accounts::list, "Lists accounts, or finds one by its name.";
        POST "/accounts" everywhere(Power::CreateAccounts) => accounts::create, "Makes an account.", 409 "Another account has the name.";
        GET "/accounts/{account}" within_reach(Power::Read) => accounts::get, "Reads an account.";
        PATCH "/accounts/{account}" within_reach(Power::ChangeAccounts) => accounts::change, "Changes an account.",
            409 "Another account has the name; users have an environment that would leave the list; or groups share names.";
        DELETE "/accounts/{account}" within_reach(Power::Delete) => accounts::delete,
            "Deletes an account with all that is in it: users, groups, clients, grants.";
        GET "/accounts/{account}/export" within_reach(Power::Read) => accounts::export,
            "Exports an account as JSON Lines: itself, its users, its groups and their members. Secrets and passwords are not in it.";
        POST "/accounts/{account}/suspend" within_reach(Power::SuspendAccounts) => accounts::suspend,
            "Suspends an account: its users, clients and identity providers are refused from the next request on, and nothing is lost.";
        POST "/accounts/{account}/resume" within_reach(Power::SuspendAccounts) => accounts::resume,
            "Takes the suspension of an account back: what counted before counts again.";
    }
    "Attributes" {
        GET "/accounts/{account}/attributes" within_reach(Power::Read) => attributes::list, "Lists the attributes that an account declares.";
        GET "/accounts/{account}/attributes/{attribute}" within_reach(Power::Read) => attributes::get, "Reads the declaration of an attribute.";
        PUT "/accounts/{account}/attributes/{attribute}" within_reach(Power::ChangeAccounts) => attributes::put,
            "Declares an attribute, or changes its declaration.",
            409 "Several resources have one value of what is to be unique; users have values that would no longer be allowed; the \
                 account has its most attributes; or the attribute is being removed.";
        DELETE "/accounts/{account}/attributes/{attribute}" within_reach(Power::Delete) => attributes::delete,
            "Takes an attribute away, with its values.";
    }
    "Users" {
        GET "/accounts/{account}/users" within_reach(Power::Read) => users::list, "Lists users, or finds them by a SCIM filter.";
        POST "/accounts/{account}/users" within_reach(Power::ChangeUsers) => users::create, "Makes a user.", 409 "Another user has the `userName`.";
        GET "/accounts/{account}/users/{user}" within_reach(Power::Read) => users::get, "Reads a user.";
        PATCH "/accounts/{account}/users/{user}" within_reach(Power::ChangeUsers) => users::change, "Changes a user.",
            409 "Another user has the `userName`.";
        DELETE "/accounts/{account}/users/{user}" within_reach(Power::Delete) => users::delete, "Deletes a user and ends the grants they accepted.";
        POST "/accounts/{account}/users/{user}/password-link" within_reach(Power::RecoverUsers) => users::make_password_link,
            "Makes a link with which the user sets a password. It counts once, ends the one before, and using it ends the user's sessions.",
            409 "The user is not active, or the account's people do not log in with passwords.";
        DELETE "/accounts/{account}/users/{user}/second-factor" within_reach(Power::RecoverUsers) => users::remove_second_factor,
            "Takes a lost authenticator app away, with its recovery codes.";
        DELETE "/accounts/{account}/users/{user}/upstream-identity" within_reach(Power::RecoverUsers) => users::release_identity,
            "Forgets who the user is at the account's OpenID provider.";
    }
    "Access" {
        GET "/accounts/{account}/access" keys_and(Power::Read, READ_ACCESS) => access::get,
            "Reads the rules by which users get a role and environments from their groups.";
        PUT "/accounts/{account}/access" within_reach(Power::ChangeAccounts) => access::put,
            "Replaces the rules. What they give counts from the next question on.", 409 "The rules are at another `version` by now.";
        GET "/accounts/{account}/access/user" keys_and(Power::Read, READ_ACCESS) => access::of_named,
            "Reads what the user with a `userName` may do, and why.";
        GET "/accounts/{account}/access/users" keys_and(Power::Read, READ_ACCESS) => access::list,
            "Lists the users who may do something, or who may enter an environment. A page may have few users, or none, and a `next`.";
        POST "/accounts/{account}/access/what-if" within_reach(Power::Read) => access::what_if,
            "Lists the users for whom a change would make a difference, and which. Nothing is done. A page may have few users, or none, and \
             a `next`.";
        GET "/accounts/{account}/widenings" keys_and(Power::ReadAudit, READ_ACCESS) => access::widenings,
            "Lists the changes by which users may do more than before, newest first.";
        GET "/accounts/{account}/users/{user}/access" keys_and(Power::Read, READ_ACCESS) => access::of_user, "Reads what a user may do, and why.";
    }
    "Logging in" {
        GET "/accounts/{account}/sign-in" within_reach(Power::Read) => sign_in::get, "Reads who may log in how.";
        PATCH "/accounts/{account}/sign-in" within_reach(Power::ChangeAccounts) => sign_in::change, "Changes who may log in how.";
        GET "/accounts/{account}/signal-poll" within_reach(Power::Read) => sign_in::signal_poll, "Says how it goes to fetch the security events of the account's identity provider.";
    }
    "Clients" {
        GET "/accounts/{account}/clients" within_reach(Power::Read) => clients::list_of_account, "Lists the clients of an account.";
        POST "/accounts/{account}/clients" within_reach(Power::ChangeClients) => clients::create_in_account, "Makes a client of an account.";
    }
    "Setup links" {
        GET "/accounts/{account}/setup-links" within_reach(Power::Read) => setup_links::list,
            "Lists the links by which the customer's administrators set clients up, and what came of each.";
        POST "/accounts/{account}/setup-links" within_reach(Power::ManageSetupLinks) => setup_links::create,
            "Makes a setup link, which the customer's administrator opens. The secret is revealed to them and to no operator.",
            409 "The client is public, or another user has the `userName` of the service account.";
        DELETE "/accounts/{account}/setup-links/{link}" within_reach(Power::ManageSetupLinks) => setup_links::revoke,
            "Revokes a setup link: its page is closed from the next request on.";
    }
    "Members and names" {
        GET "/accounts/{account}/parked-members" within_reach(Power::Read) => pending_members::list,
            "Lists pending members: names that groups were given as members and that no user has yet, in the order they came.";
        GET "/accounts/{account}/shared-names" within_reach(Power::Read) => shared_names::list, "Lists the users whose name others have too.";
    }
    "Webhooks" {
        GET "/accounts/{account}/webhooks" within_reach(Power::Read) => webhooks::list_of_account,
            "Lists the webhooks of an account: to where its events are sent, and how that goes.";
        POST "/accounts/{account}/webhooks" within_reach(Power::ManageWebhooks) => webhooks::create_in_account,
            "Makes a webhook of an account. Its secret is shown this once.", 409 "The account has its most webhooks.",
            410 "Events after the cursor are not kept any more: take a snapshot.";
        GET "/webhooks" everywhere(Power::Read) => webhooks::list_shared, "Lists the webhooks to which the events of all accounts are sent.";
        POST "/webhooks" everywhere(Power::ManageWebhooks) => webhooks::create_shared,
            "Makes a webhook of all accounts. Its secret is shown this once.", 409 "There are the most webhooks.",
            410 "Events after the cursor are not kept any more: take a snapshot.";
        GET "/webhooks/{webhook}" within_reach(Power::Read) => webhooks::get, "Reads a webhook: how far it is, and what went wrong last.";
        PATCH "/webhooks/{webhook}" within_reach(Power::ManageWebhooks) => webhooks::change,
            "Changes a webhook, holds it, or lets it go on.", 410 "Events after the cursor are not kept any more: take a snapshot.";
        DELETE "/webhooks/{webhook}" within_reach(Power::ManageWebhooks) => webhooks::delete, "Deletes a webhook, with its dead letters.";
        POST "/webhooks/{webhook}/secret" within_reach(Power::ManageWebhooks) => webhooks::replace_secret,
            "Makes a new secret of a webhook, which is shown this once. Requests are signed by the old one too for a day.";
        POST "/webhooks/{webhook}/test" within_reach(Power::ManageWebhooks) => webhooks::test,
            "Sends a test event at once, and says what was answered.";
        GET "/webhooks/{webhook}/deliveries" within_reach(Power::Read) => webhooks::deliveries,
            "Lists the latest requests to a webhook, newest first, and what came of each.";
        GET "/webhooks/{webhook}/dead-letters" within_reach(Power::Read) => webhooks::dead_letters,
            "Lists the events that a webhook refused while it took others.";
        POST "/webhooks/{webhook}/dead-letters/resend" within_reach(Power::ManageWebhooks) => webhooks::resend_all,
            "Has all dead letters of a webhook sent again, in the background.";
        POST "/webhooks/{webhook}/dead-letters/{event}/resend" within_reach(Power::ManageWebhooks) => webhooks::resend,
            "Has a dead letter sent again, in the background.";
        DELETE "/webhooks/{webhook}/dead-letters/{event}" within_reach(Power::ManageWebhooks) => webhooks::discard,
            "Gives a dead letter up.";
    }
    "Grants" {
        GET "/accounts/{account}/grants" within_reach(Power::Read) => grants::list,
            "Lists who accepted what, for which client, and whether it still counts.";
    }
    "Notices" {
        GET "/accounts/{account}/notices" within_reach(Power::Read) => notices::list,
            "Lists what users had to be told, and whether it reached them.";
    }
    "Clients" {
        GET "/clients" everywhere(Power::Read) => clients::list_shared, "Lists the clients of no account.";
        POST "/clients" everywhere(Power::ChangeClients) => clients::create_shared,
            "Makes a client of no account: the account of a grant is that of the user who accepts.";
        GET "/clients/{client}" within_reach(Power::Read) => clients::get, "Reads a client, without its secrets.";
        PATCH "/clients/{client}" within_reach(Power::ChangeClients) => clients::change, "Changes a client.";
        DELETE "/clients/{client}" within_reach(Power::Delete) => clients::delete, "Deletes a client and ends its grants.";
        GET "/clients/{client}/tolerances" within_reach(Power::Read) => clients::tolerances::list,
            "Lists what a client is forgiven, and how often it needed that.";
        GET "/clients/{client}/fields" within_reach(Power::Read) => clients::fields::list,
            "Lists which attributes a client sends: how often each arrived, was empty, refused or ignored.";
        GET "/clients/{client}/recording" within_reach(Power::Read) => clients::recording::get,
            "Reads whether a client's requests are recorded in full, and until when.";
        PUT "/clients/{client}/recording" within_reach(Power::RecordClients) => clients::recording::start,
            "Records a client's requests and answers in full for a time, with secrets replaced.",
            409 "The request log is off.";
        DELETE "/clients/{client}/recording" within_reach(Power::RecordClients) => clients::recording::stop,
            "Ends the full recording of a client. What was recorded stays.";
        GET "/clients/{client}/secrets" within_reach(Power::Read) => clients::secrets::list,
            "Lists a client's secrets, without the secrets themselves.";
        POST "/clients/{client}/secrets" within_reach(Power::ManageSecrets) => clients::secrets::add, "Makes one more secret.",
            409 "The client is public, authenticates by keys only, or has its most secrets.";
        DELETE "/clients/{client}/secrets/{secret}" within_reach(Power::ManageSecrets) => clients::secrets::end, "Ends a secret.";
        GET "/clients/{client}/tokens" within_reach(Power::Read) => clients::tokens::list,
            "Lists a client's static tokens, without the tokens themselves.";
        POST "/clients/{client}/tokens" within_reach(Power::ManageSecrets) => clients::tokens::add,
            "Makes a static token, for identity providers that can only paste one.",
            409 "The client is of no account, public, has tokens bound to a key, may not ask for the scope, or has its most tokens.";
        DELETE "/clients/{client}/tokens/{token}" within_reach(Power::ManageSecrets) => clients::tokens::end,
            "Ends a static token; it is refused from the next request on.";
    }
    "Grants" {
        DELETE "/grants/{grant}" within_reach(Power::EndGrants) => grants::end, "Ends a grant; its tokens are refused from the next request on.";
    }
    "Operators" {
        GET "/operators" everywhere(Power::ManageOperators) => operators::list, "Lists operators.";
        POST "/operators" everywhere(Power::ManageOperators) => operators::create, "Makes an operator.", 404 "There is no such account.",
            409 "Another operator has the name.";
        PATCH "/operators/{operator}" everywhere(Power::ManageOperators) => operators::change,
            "Changes what an operator is called, what they may do, and where.",
            409 "Another operator has the name; it is the role or the accounts of the operator who asks; or no operator with the role \
                 `platform` would be left who can log in or has a token.";
        DELETE "/operators/{operator}" everywhere(Power::ManageOperators) => operators::end,
            "Ends an operator: token, password, authenticator app, sessions and links count no more.",
            409 "It is the last operator with the role `platform` who can log in or has a token.";
        POST "/operators/{operator}/password-link" everywhere(Power::ManageOperators) => operators::link,
            "Makes a link with which an operator chooses a password; one that was made before counts no more.",
            409 "The operator has no address to log in by.";
    }
    "Requests" {
        GET "/accounts/{account}/requests" within_reach(Power::Read) => requests::of_account,
            "Lists what came of an account's requests, newest first: of identity providers, clients and browsers.";
        GET "/clients/{client}/requests" within_reach(Power::Read) => requests::of_client, "Lists what came of a client's requests, newest first.";
        GET "/requests" within_reach(Power::Read) => requests::find, "Finds refused requests by the text that an identity provider shows.";
        GET "/requests/{request}" within_reach(Power::Read) => requests::get, "Reads what came of a request, by its `X-Request-Id`.";
        GET "/requests/{request}/recording" within_reach(Power::ReadRecordings) => requests::recording::get,
            "Reads a request that was recorded in full, and its answer.", 409 "The request was not recorded in full.";
        GET "/requests/{request}/conversation" within_reach(Power::Diagnose) => requests::recording::export,
            "Exports a recorded request as a conversation file, with personal data replaced.",
            409 "The request was not recorded in full, or what was kept of it is not enough.";
        POST "/requests/{request}/replay" within_reach(Power::Diagnose) => requests::recording::replay,
            "Says what a recorded request would be answered now, and what it would change. Nothing is done.",
            409 "The request was not recorded in full, or what was kept of it is not enough.";
    }
    "Health" {
        GET "/accounts/{account}/health" within_reach(Power::Read) => health::of_account,
            "Lists how the connections of an account are: the state of each, why, and what to do.";
        GET "/clients/{client}/health" within_reach(Power::Read) => health::of_client,
            "Reads how the connection of a client is: its state, why, and what to do.";
        GET "/health" within_reach(Power::Read) => health::of_all, "Lists how the connections of all clients are.";
    }
    "Audit trail" {
        GET "/audit" within_reach(Power::ReadAudit) => audit::list, "Reads the audit trail, newest first.", 404 "There is no such account.";
        GET "/audit/export" within_reach(Power::ReadAudit) => audit::export,
            "Exports the audit trail as JSON Lines or CSV, newest first, however long it is.", 404 "There is no such account.";
        GET "/audit/head" everywhere(Power::ReadAudit) => audit::head, "Reads the head of the trail's chain.";
    }
];

/// AuthZEN's, which are below a path of their own.
pub static AUTHZEN: &[Endpoint] = operations![
    "AuthZEN" {
        POST "/evaluation" keys_and(Power::Read, READ_ACCESS) => authzen::evaluation,
            "Decides whether a user may enter an environment, or has a role.", 404 "There is no such account.";
        POST "/evaluations" keys_and(Power::Read, READ_ACCESS) => authzen::evaluations, "Decides several questions.", 404 "There is no such account.";
        POST "/search/subject" keys_and(Power::Read, READ_ACCESS) => authzen::search_subject,
            "Lists the users who may enter an environment, or have a role.", 404 "There is no such account.";
    }
];

/// Where they are.
pub const AUTHZEN_PATH: &str = "/access/v1";

/// Refuses parameters of the query that the endpoint has not, or has twice: what is not understood must not be taken for done.
fn check_query(request: &HttpRequest) -> Result<(), Problem> {
    let Some(operation) = row(request).and_then(|row| row.operation.as_ref()) else { return Ok(()) };
    let known = (operation.query)();
    let mut mistakes: Vec<FieldError> = Vec::new();
    let pairs = target::pairs(request)?;
    for (index, (name, _)) in pairs.iter().enumerate() {
        let detail = match known {
            [] => "this endpoint has no parameters in its query".to_owned(),
            known if !known.contains(&name.as_str()) => {
                format!("no parameter of this endpoint; it has {}", known.join(", "))
            }
            _ if pairs[..index].iter().any(|(before, _)| before == name) => "stands twice; send it once".to_owned(),
            _ => continue,
        };
        let field = format!("?{}", name.chars().take(100).collect::<String>());
        mistakes.push(FieldError { field, detail });
    }
    mistakes.truncate(20);
    if mistakes.is_empty() { Ok(()) } else { Err(Problem::invalid(mistakes)) }
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let mut scope = web::scope("/admin");
    for resource in resources(ENDPOINTS, || web::to(wrong_method)) {
        scope = scope.service(resource);
    }
    // Secrets and people: nothing on the way keeps them.
    let not_kept = DefaultHeaders::new().add((header::CACHE_CONTROL, "no-store"));
    config.service(scope.default_service(web::to(unknown)).wrap(not_kept.clone()));
    let mut scope = web::scope(AUTHZEN_PATH);
    for resource in resources(AUTHZEN, || web::to(wrong_method)) {
        scope = scope.service(resource);
    }
    config.service(scope.default_service(web::to(unknown)).wrap(not_kept.clone()));
    let mut scope = web::scope("/events");
    for resource in resources(events::ENDPOINTS, || web::to(wrong_method)) {
        scope = scope.service(resource);
    }
    config.service(scope.default_service(web::to(unknown)).wrap(not_kept.clone()));
    let mut scope = web::scope(event_streams::PATH);
    for resource in resources(event_streams::ENDPOINTS, || web::to(wrong_method)) {
        scope = scope.service(resource);
    }
    config.service(scope.default_service(web::to(unknown)).wrap(not_kept));
    config.route("/.well-known/authzen-configuration", web::get().to(authzen::metadata));
    config.route(protected_resource::PATH, web::get().to(protected_resource::metadata));
}

async fn unknown(_operator: operator::Operator, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("admin endpoint", request.path()))
}

async fn wrong_method(_operator: operator::Operator, request: HttpRequest) -> HttpResponse {
    let detail = format!("{} does not answer {}; see the admin API's documentation", request.path(), request.method());
    let mut answer = Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, detail).error_response();
    if let Ok(allow) = allowed(&request).parse() {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

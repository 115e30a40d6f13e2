//! **Proof** by an OpenID provider: people go there, and come back as somebody the account knows.
//!
//! What is needed when they are back is kept in the database, sealed, found by their `state`, bound to their browser, and taken out
//! once. The provider's `sub` is what they are known by; a name or an address is believed once, to find whose `sub` it is.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use scim::schema::USER;
use serde::{Deserialize, Serialize};

use super::steps::AuthenticatedUser;
use super::{FormMessage, page_for};
use crate::app::App;
use crate::domain::account::Account;
use crate::domain::actor::Actor;
use crate::domain::event::{Act, Action};
use crate::domain::sealing;
use crate::domain::sign_in::{MatchBy, SignInProvider};
use crate::http::pages::cookies::Browser;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::Form;
use crate::http::pages::intent::LoginIntent;
use crate::http::pages::respond::redirect;
use crate::platform::openid_client::{AuthRequestOptions, Identity, OpenIdProvider, Pending, random};
use crate::platform::secret_text::SecretText;
use crate::platform::system;
use crate::storage::{ReadCost, Tx};

pub(super) const PURPOSE: &str = "sign-in at an OpenID provider";
/// How long somebody may be away, in milliseconds.
const PATIENCE: i64 = 15 * 60 * 1000;
/// The longest hint that is passed on, in bytes: no name is longer, and the provider's URL has to stay one that it takes.
const MAX_HINT: usize = 512;
/// Where providers send people back to.
pub(in crate::http::pages) const CALLBACK: &str = "/login/callback";

/// What they went away for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::http::pages) enum Purpose {
    /// A person of this account, who logs in for this errand.
    Person { account: i64, request: String },
    /// An operator.
    Operator,
}

/// Somebody who is away.
#[derive(Serialize, Deserialize)]
pub(super) struct PendingSignIn {
    pub(super) purpose: Purpose,
    pub(super) issuer: String,
    pub(super) pending: Pending,
    pub(super) browser: String,
}

/// Sends somebody to a provider.
pub(in crate::http::pages) async fn leave(
    app: &App,
    browser: &Browser,
    provider: &OpenIdProvider,
    purpose: Purpose,
    wish: AuthRequestOptions,
) -> Result<Result<HttpResponse, String>, PageFailure> {
    let state = random();
    let send = app.outbound.relying_party();
    let (url, pending) = match app.providers.begin(provider, wish, state.clone(), &send).await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in at an OpenID provider");
            return Ok(Err(error.for_people().to_owned()));
        }
    };
    let away = PendingSignIn { purpose, issuer: provider.issuer.clone(), pending, browser: browser.csrf(app) };
    let mut nonce = [0; 24];
    system::fill(&mut nonce);
    let sealed = app.keys.seal(PURPOSE, nonce, serde_json::to_string(&away).unwrap_or_default().as_bytes());
    let (fingerprint, expires) = (app.keys.fingerprint(&state), system::now() + PATIENCE);
    app.db.write(move |tx| tx.insert_sign_in_flow(fingerprint.as_bytes(), &sealed, expires)).await?;
    let mut answer = redirect(&url);
    browser.introduce(app, &mut answer);
    Ok(Ok(answer))
}

/// The provider of an account, as it is asked, with what an operator says of it; `None` if it has none.
async fn provider(app: &App, account: i64) -> Result<Option<(Account, SignInProvider, OpenIdProvider)>, PageFailure> {
    let work = app.clone();
    app.db
        .read(ReadCost::Point, move |tx| {
            let Some(account) = tx.account_at(account)? else { return Ok(None) };
            let Some(configured) = account.options.sign_in.provider.clone() else { return Ok(None) };
            let Some(sealed) = tx.upstream_secret(account.seq)? else { return Ok(None) };
            let secret =
                work.keys.open(sealing::SIGN_IN_SECRET, &sealed).and_then(|bytes| String::from_utf8(bytes).ok());
            let asked = OpenIdProvider {
                issuer: configured.issuer.clone(),
                client_id: configured.client_id.clone(),
                client_secret: SecretText::new(&secret.ok_or(PageFailure::Unreadable)?),
                redirect_uri: format!("{}{CALLBACK}", work.public_url),
            };
            Ok::<_, PageFailure>(Some((account, configured, asked)))
        })
        .await
}

const NONE: &str = "This account has no OpenID provider any more.";

/// `POST /login/provider`
pub(in crate::http::pages) async fn begin(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let intent = LoginIntent::open(&app, form.field("request"))?;
    let provider = match super::account_of(&app, &intent).await? {
        Some(account) => provider(&app, account.seq).await?,
        None => None,
    };
    let Some((account, _, provider)) = provider else {
        return page_for(&app, &browser, &intent, FormMessage::problem(NONE, StatusCode::OK)).await;
    };
    let asked = intent.asked();
    let wish = AuthRequestOptions {
        login_hint: asked.and_then(|asked| asked.login_hint.clone()).filter(|hint| hint.len() <= MAX_HINT),
        login: asked.is_some_and(|asked| asked.prompt.login || asked.max_age.is_some()),
    };
    let purpose = Purpose::Person { account: account.seq, request: intent.seal(&app) };
    match leave(&app, &browser, &provider, purpose, wish).await? {
        Ok(answer) => Ok(answer),
        Err(problem) => {
            page_for(&app, &browser, &intent, FormMessage::problem(&problem, StatusCode::BAD_GATEWAY)).await
        }
    }
}

/// Who of the account came back with this code, or what to tell them.
pub(super) async fn person(
    app: &App,
    browser: &Browser,
    account: i64,
    code: &str,
    pending: &Pending,
) -> Result<Result<AuthenticatedUser, String>, PageFailure> {
    let Some((account, configured, provider)) = provider(app, account).await? else { return Ok(Err(NONE.to_owned())) };
    let send = app.outbound.relying_party();
    let identity = match app.providers.finish(&provider, pending, code, &send).await {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(%error, "somebody could not sign in at an OpenID provider");
            return Ok(Err(error.for_people().to_owned()));
        }
    };
    let (work, from) = (app.clone(), browser.address.clone());
    app.db
        .write(move |tx| {
            tx.act_as(Actor::Browser.at(from.clone()));
            let now = system::now();
            let (act, outcome) = match recognize(&work, tx, &account, &configured, &identity)? {
                Ok((resource, id)) => {
                    let proven = AuthenticatedUser { account: account.seq, resource, id: id.clone(), at: now };
                    (Act::new(Action::LoginSucceeded).on(id), Ok(proven))
                }
                Err(problem) => (Act::new(Action::LoginFailed), Err(problem)),
            };
            tx.raise(now, Some(account.seq), act.saying(format!("at {}", configured.issuer)));
            Ok::<_, PageFailure>(outcome)
        })
        .await
}

/// The user this is. Once found by a name they are known by `sub`, so that whoever gets the name later is somebody else.
fn recognize(
    app: &App,
    tx: &mut Tx<'_>,
    account: &Account,
    configured: &SignInProvider,
    identity: &Identity,
) -> Result<Result<(i64, String), String>, PageFailure> {
    let (issuer, subject) = (configured.issuer.as_str(), identity.subject.as_str());
    if let Some(known) = tx.upstream_user(account.seq, issuer, subject)? {
        return Ok(Ok(known));
    }
    if tx.upstream_subject_exists(account.seq, issuer, subject)? {
        return Ok(Err("Your user was deactivated here.".to_owned()));
    }
    let (filter, name) = match (configured.match_by, &identity.email, &identity.preferred_username) {
        (MatchBy::Subject, _, _) => (format!("externalId eq {}", quoted(subject)), subject.to_owned()),
        (MatchBy::VerifiedEmail, Some((email, false)), _) => {
            return Ok(Err(format!("{} does not say that the address {email} is verified.", configured.name)));
        }
        (MatchBy::VerifiedEmail | MatchBy::Email, Some((email, _)), _) => {
            let address = quoted(email);
            (format!("userName eq {address} or emails.value eq {address}"), email.clone())
        }
        (MatchBy::PreferredUsername, _, Some(name)) => (format!("userName eq {}", quoted(name)), name.clone()),
        (MatchBy::VerifiedEmail | MatchBy::Email, None, _) => {
            return Ok(Err(format!("{} does not tell us your e-mail address.", configured.name)));
        }
        (MatchBy::PreferredUsername, _, None) => {
            return Ok(Err(format!("{} does not tell us your user name.", configured.name)));
        }
    };
    let users = matching(app, tx, account, &format!("active eq true and ({filter})"))?;
    let [(resource, id)] = users.as_slice() else {
        return Ok(Err(match users.len() {
            0 => format!("There is no active user {name} in {}.", account.name),
            _ => format!("More than one user of {} has the address {name}.", account.name),
        }));
    };
    match tx.bind_upstream_identity(account.seq, issuer, subject, *resource, system::now())? {
        Ok(()) => Ok(Ok((*resource, id.clone()))),
        Err(_) => Ok(Err(format!(
            "The user {name} is known here as somebody else at {}. Ask whoever runs this service to release it.",
            configured.name
        ))),
    }
}

/// The users that a filter finds, at most two: their numbers and ids.
fn matching(app: &App, tx: &mut Tx<'_>, account: &Account, filter: &str) -> Result<Vec<(i64, String)>, PageFailure> {
    let (provider, now) = (app.provider(account)?, system::now());
    let mut store = tx.in_account(account.seq, now, false);
    let found = app.scim(&provider, now, |cx| scim::service::find(&mut store, cx, USER, filter, 2));
    match found {
        Ok(users) => Ok(users.into_iter().map(|user| (user.handle.0, user.resource.id.to_string())).collect()),
        Err(scim::Error::Store(error)) => Err(error.into()),
        // A name so long or strange that no filter takes it is nobody's.
        Err(_) => Ok(Vec::new()),
    }
}

/// A JSON string, as filters have them.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

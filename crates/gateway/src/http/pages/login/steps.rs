//! The steps of a log-in.

use oauth::Keyring;
use scim::resource::user_name::{log_in_key, trimmed};

use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::event::{Act, Action};
use crate::domain::sign_in::SecondFactor;
use crate::domain::throttle::{AttemptKey, place, retry_after};
use crate::domain::wording;
use crate::http::pages::cookies::Browser;
use crate::http::pages::failure::PageFailure;
use crate::http::pages::intent::LoginIntent;
use crate::platform::secret_text::SecretText;
use crate::platform::system;
use crate::platform::turns::Payer;
use crate::storage::logins::Login;
use crate::storage::{ReadCost, Tx};

/// Who somebody says they are: whom it may be, and what a failure counts for.
#[derive(Debug)]
pub(super) struct LoginCandidates {
    meant: Meant,
    counts: Vec<AttemptKey>,
    /// The account was not known from the client, and could be named.
    asked_for_account: bool,
    /// Whose turn it takes: whether a user has the name makes no difference.
    payer: Payer,
}

/// Whom a name means: one user at most.
#[derive(Debug, Default)]
struct Meant {
    login: Option<Login>,
    /// Why not one of several, for the audit trail of this account or of none.
    unclear: Option<(Option<i64>, String)>,
}

/// What is typed into the log-in form.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) username: String,
    /// The account, where one is named.
    pub(super) account: String,
}

/// Somebody who proved who they are.
#[derive(Debug)]
pub(in crate::http::pages) struct AuthenticatedUser {
    /// Their account.
    pub(super) account: i64,
    /// Their number in storage.
    pub(super) resource: i64,
    /// Their id.
    pub(super) id: String,
    /// When, in milliseconds since the epoch.
    pub(super) at: i64,
}

/// What the page has to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// The password of the app they have.
    Password,
    /// To set one up, for the account wants everybody to have one.
    SetUp,
}

/// What follows a proof.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing more is asked.
    Finish(AuthenticatedUser),
    /// They have an authenticator app, or need one.
    SecondFactor(AuthenticatedUser, Asks),
}

/// What to tell them instead.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) problem: String,
    /// They have to wait so many seconds.
    pub(super) retry_after: Option<i64>,
}

const WRONG: &str = "The user name or the password is not right.";
const WRONG_OR_UNCLEAR: &str = "The user name or the password is not right. If you have this user name in more than one account, \
     name the account, too.";

/// **Who are you**: whom a name may be, unless it was tried too often of late. What happens does not depend on whether there is
/// such a name, nor on how many have it ([why](../../../../../../docs/decisions/0032-which-of-several-users-of-a-name-logs-in.md)).
pub(super) async fn who(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    typed: &Typed,
) -> Result<Result<LoginCandidates, Refused>, PageFailure> {
    let key = log_in_key(&typed.username);
    let (client, name, wrote, device) = (intent.client().cloned(), key.clone(), typed.clone(), browser.device.clone());
    let (meant, known, of_client) = app
        .db
        .read(ReadCost::Point, move |tx| {
            let of_client = match &client {
                Some(client) => tx.account_of_client(client)?.map(|account| account.seq),
                None => None,
            };
            let candidates = match (of_client, wrote.account.as_str()) {
                (Some(account), _) => tx.logins_named(&name, Some(account))?,
                (None, "") => tx.logins_named(&name, None)?,
                (None, named) => match tx.account_called(named)? {
                    Some(account) => tx.logins_named(&name, Some(account))?,
                    None => Vec::new(),
                },
            };
            let knows = |login: &Login| device.as_ref().is_some_and(|device| device.knows(&login.id));
            let known = candidates.iter().any(knows);
            Ok::<_, PageFailure>((meant(tx, candidates, knows, &wrote.username)?, known, of_client))
        })
        .await?;
    let payer = match of_client {
        Some(account) => Payer::account(account),
        None => Payer::called("address", &place(browser.address.as_deref())),
    };
    let counts = counts(&app.keys, browser, &key, known);
    // Whoever has to wait is told so by a look; a write is for those who do not.
    let (now, looked_at, counted) = (system::now(), counts.clone(), counts.clone());
    let mut until = app.db.read(ReadCost::Point, move |tx| tx.attempts_blocked(&looked_at, now)).await?;
    if until.is_none() {
        until = app.db.write_for(payer, move |tx| tx.begin_attempt(&counted, now)).await?;
    }
    Ok(match until {
        None => Ok(LoginCandidates { meant, counts, asked_for_account: of_client.is_none(), payer }),
        Some(until) => {
            let seconds = retry_after(until, now);
            let problem = format!(
                "There were too many attempts with a wrong password. Wait {} and try again; nothing is locked.",
                wording::wait(seconds)
            );
            Err(Refused { problem, retry_after: Some(seconds) })
        }
    })
}

/// Which one of several: whom this browser knows; of one account, whose name was typed to the letter. One at most, so that one hash
/// is computed however many have the name.
fn meant(
    tx: &mut Tx<'_>,
    mut candidates: Vec<Login>,
    knows: impl Fn(&Login) -> bool,
    typed: &str,
) -> Result<Meant, PageFailure> {
    if candidates.len() < 2 {
        return Ok(Meant { login: candidates.pop(), unclear: None });
    }
    let account = candidates.first().map(|login| login.account);
    let account = account.filter(|first| candidates.iter().all(|login| login.account == *first));
    let ids: Vec<&str> = candidates.iter().take(10).map(|login| login.id.as_str()).collect();
    let unclear = match account {
        Some(_) => format!("several users have this name, and none is written as it was typed: {}", ids.join(", ")),
        None => "the name exists in several accounts, and none was named".to_owned(),
    };
    let mut fits: Vec<bool> = candidates.iter().map(&knows).collect();
    if account.is_some() {
        let names = tx.user_names_of(&candidates)?;
        fits = names.iter().map(|name| name == typed || name == trimmed(typed)).collect();
    }
    let mut fitting = candidates.into_iter().zip(fits).filter(|(_, fits)| *fits).map(|(login, _)| login);
    Ok(match (fitting.next(), fitting.next()) {
        (Some(login), None) => Meant { login: Some(login), unclear: None },
        _ => Meant { login: None, unclear: Some((account, unclear)) },
    })
}

/// A browser that one of the candidates has logged in with before has a count of its own, so that strangers cannot make its owner
/// wait.
fn counts(keys: &Keyring, browser: &Browser, name_key: &str, known: bool) -> Vec<AttemptKey> {
    match &browser.device {
        Some(device) if known => AttemptKey::known_device(keys, name_key, &device.id),
        _ => AttemptKey::log_in(keys, name_key, browser.address.as_deref()),
    }
}

/// **Proof**: by password. An unknown name takes as long as a wrong password and reads the same.
pub(super) async fn password(
    app: &App,
    browser: &Browser,
    claim: LoginCandidates,
    password: &str,
) -> Result<Result<AuthenticatedUser, Refused>, PageFailure> {
    let LoginCandidates { meant: Meant { login, unclear }, counts, asked_for_account, payer } = claim;
    let hash = login.as_ref().and_then(|login| login.password_hash.clone());
    let right = app.passwords.verify(payer, SecretText::new(password), hash).await.map_err(|_| PageFailure::Busy)?;
    let found = login.filter(|_| right);
    let now = system::now();
    let succeeded = found.is_some();
    let (account, act) = match (&found, unclear) {
        (Some(login), _) => (Some(login.account), Act::new(Action::LoginSucceeded).on(&login.id)),
        (None, Some((account, why))) => (account, Act::new(Action::LoginFailed).saying(why)),
        (None, None) => (None, Act::new(Action::LoginFailed)),
    };
    let from = browser.address.clone();
    app.db
        .write_for(payer, move |tx| {
            tx.act_as(Actor::Browser.at(from.clone()));
            if succeeded {
                tx.attempt_succeeded(&counts)?;
            }
            tx.raise(now, account, act.clone());
            Ok::<_, PageFailure>(())
        })
        .await?;
    let refused = |problem: &str| Err(Refused { problem: problem.to_owned(), retry_after: None });
    let Some(login) = found else {
        return Ok(refused(if asked_for_account { WRONG_OR_UNCLEAR } else { WRONG }));
    };
    if let Some(problem) = barred_by(app, &login).await? {
        return Ok(refused(&problem));
    }
    Ok(Ok(AuthenticatedUser { account: login.account, resource: login.resource, id: login.id, at: now }))
}

/// Why somebody whose password is right may not use it: their account's people sign in elsewhere. Said only to whoever has the password.
async fn barred_by(app: &App, login: &Login) -> Result<Option<String>, PageFailure> {
    let (account, service_account) = (login.account, login.service_account);
    app.db
        .read(ReadCost::Point, move |tx| {
            let Some(account) = tx.account_at(account)? else { return Ok(None) };
            let sign_in = account.options.sign_in;
            Ok((!sign_in.allows_password(service_account)).then(|| match sign_in.provider {
                Some(provider) => format!(
                    "People of {} sign in with {}; passwords are for service accounts.",
                    account.name, provider.name
                ),
                None => format!("In {} passwords are for service accounts only.", account.name),
            }))
        })
        .await
}

/// **Further proof**: whoever has an authenticator app is asked for its code; whoever has none but works for an account that wants
/// one sets it up. Service accounts belong to nobody's pocket.
pub(super) async fn further(app: &App, proven: AuthenticatedUser) -> Result<Next, PageFailure> {
    let (account, resource) = (proven.account, proven.resource);
    let asks = app
        .db
        .read(ReadCost::Point, move |tx| {
            if tx.has_second_factor(resource)? {
                return Ok(Some(Asks::Password));
            }
            let wanted = tx.account_at(account)?.map(|account| account.options.sign_in.second_factor);
            let needs_one = wanted == Some(SecondFactor::Required) && !tx.is_service_account(resource)?;
            Ok::<_, PageFailure>(needs_one.then_some(Asks::SetUp))
        })
        .await?;
    Ok(match asks {
        Some(asks) => Next::SecondFactor(proven, asks),
        None => Next::Finish(proven),
    })
}

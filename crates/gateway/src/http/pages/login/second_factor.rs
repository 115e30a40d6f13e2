//! **Further proof**: the password of an authenticator app ([`totp`](crate::domain::totp)), or a recovery code. What is proven so far comes
//! along sealed, bound to the browser, and is good for a few minutes; a password is good once. The form may be sent twice, as by a double
//! click: the session it begins has a secret that is derived from the form and the password, so the second time leads into the session that
//! the first time began.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use scim::schema::USER;
use scim::{Id, Store};
use serde::{Deserialize, Serialize};

use super::steps::{Asks, AuthenticatedUser};
use super::{FormMessage, logged_in, page_for, session_of};
use crate::app::App;
use crate::domain::actor::{Actor, Named};
use crate::domain::event::{Act, Action};
use crate::domain::sealing;
use crate::domain::throttle::{AttemptKey, retry_after};
use crate::domain::totp::Secret;
use crate::domain::wording;
use crate::http::pages::cookies::{self, Browser};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::form::Form;
use crate::http::pages::intent::LoginIntent;
use crate::http::pages::templates::{RecoveryCodesPage, SecondFactorPage, SetUp, page};
use crate::platform::system;
use crate::storage::{ReadCost, Tx};

const PURPOSE: &str = "proven by password";
/// How long somebody may take to find their telephone, in milliseconds.
const PATIENCE: i64 = 10 * 60 * 1000;
/// How many recovery codes somebody has.
const CODES: u8 = 10;
/// How long after an app was confirmed its form may be sent again, in milliseconds.
const AGAIN: i64 = 60_000;

const WRONG: &str = "That is not the code of this moment, or it was used already. Wait for the next one and type it.";

/// What is proven so far, on its way through a form.
#[derive(Serialize, Deserialize)]
struct Carried {
    account: i64,
    resource: i64,
    id: String,
    at: i64,
    browser: String,
    /// The page is one on which an app is set up.
    #[serde(default)]
    sets_up: bool,
}

fn seal(app: &App, browser: &Browser, proven: &AuthenticatedUser, sets_up: bool) -> String {
    let carried = Carried {
        account: proven.account,
        resource: proven.resource,
        id: proven.id.clone(),
        at: proven.at,
        browser: browser.csrf(app),
        sets_up,
    };
    let mut nonce = [0; 24];
    system::fill(&mut nonce);
    app.keys.seal(PURPOSE, nonce, serde_json::to_string(&carried).unwrap_or_default().as_bytes())
}

/// What was proven, and whether the page was one on which an app is set up.
fn open(app: &App, browser: &Browser, sealed: &str) -> Result<(AuthenticatedUser, bool), PageFailure> {
    let bytes = app.keys.open(PURPOSE, sealed).ok_or(PageFailure::StaleForm)?;
    let carried: Carried = serde_json::from_slice(&bytes).map_err(|_| PageFailure::StaleForm)?;
    if !browser.sent(app, &carried.browser) || carried.at + PATIENCE <= system::now() {
        return Err(PageFailure::StaleForm);
    }
    let Carried { account, resource, id, at, sets_up, .. } = carried;
    Ok((AuthenticatedUser { account, resource, id, at }, sets_up))
}

/// The page after the password.
pub(super) async fn ask(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    proven: AuthenticatedUser,
    asks: Asks,
) -> Result<HttpResponse, PageFailure> {
    if asks == Asks::SetUp {
        begin(app, browser, proven.account, proven.resource).await?;
    }
    show(app, browser, intent, &proven, FormMessage { status: StatusCode::OK, ..FormMessage::default() }).await
}

async fn show(
    app: &App,
    browser: &Browser,
    intent: &LoginIntent,
    proven: &AuthenticatedUser,
    said: FormMessage,
) -> Result<HttpResponse, PageFailure> {
    let set_up = set_up(app, proven.account, &proven.id, proven.resource).await?;
    let shown = SecondFactorPage {
        action: "/login/second-factor",
        problem: said.problem,
        request: intent.seal(app),
        proven: seal(app, browser, proven, set_up.is_some()),
        set_up,
        csrf: browser.csrf(app),
    };
    let mut answer = page(app, said.status, &shown);
    if let Some(seconds) = said.retry_after {
        answer.headers_mut().insert(actix_web::http::header::RETRY_AFTER, seconds.into());
    }
    Ok(answer)
}

/// Makes a secret for an app that is not confirmed yet; a user who has a confirmed one keeps it. So does the browser that has begun a
/// moment ago: a button that is pressed twice shows one picture. The secret of another browser is replaced, for its page may be a
/// stranger's.
pub(in crate::http::pages) async fn begin(
    app: &App,
    browser: &Browser,
    account: i64,
    resource: i64,
) -> Result<(), PageFailure> {
    let now = system::now();
    let mut nonce = [0; 24];
    system::fill(&mut nonce);
    let (work, csrf) = (app.clone(), browser.csrf(app));
    let secret_of = move |begun: i64| {
        let of_this_browser = format!("{csrf} {resource} {begun}");
        let tag = work.keys.tag("new authenticator app", of_this_browser.as_bytes());
        Secret::generate(|bytes| bytes.iter_mut().zip(tag).for_each(|(to, from)| *to = from))
    };
    let work = app.clone();
    app.db
        .write(move |tx| {
            let sealed = work.keys.seal(sealing::TOTP_SECRET, nonce, secret_of(now).as_bytes());
            if tx.begin_second_factor(account, resource, &sealed, now)? {
                return Ok(());
            }
            let Some(begun) = tx.lock_second_factor(resource)? else { return Ok(()) };
            let secret = work.keys.open(sealing::TOTP_SECRET, &begun.sealed);
            let is_ours = secret.is_some_and(|secret| secret == secret_of(begun.created).as_bytes());
            match begun.confirmed.is_some() || (is_ours && now - begun.created < PATIENCE) {
                true => Ok(()),
                false => tx.begin_second_factor_anew(resource, &sealed, now),
            }
        })
        .await?;
    Ok(())
}

/// What an app is told to be set up; nothing where one is confirmed.
pub(in crate::http::pages) async fn set_up(
    app: &App,
    account: i64,
    user: &str,
    resource: i64,
) -> Result<Option<SetUp>, PageFailure> {
    let (work, user) = (app.clone(), user.to_owned());
    app.db
        .read(ReadCost::Point, move |tx| {
            let Some(factor) = tx.second_factor(resource)?.filter(|factor| factor.confirmed.is_none()) else {
                return Ok(None);
            };
            let secret =
                work.keys.open(sealing::TOTP_SECRET, &factor.sealed).and_then(|bytes| Secret::from_bytes(&bytes));
            let secret = secret.ok_or(PageFailure::Unreadable)?;
            let Some(account) = tx.account_at(account)? else { return Ok(None) };
            let name = match Id::new(user.as_str()) {
                Some(id) => tx.in_account(account.seq, 0, false).get(USER, &id)?,
                None => None,
            };
            let name = name.and_then(|user| Some(user.resource.attributes().get("userName")?.as_str()?.to_owned()));
            Ok::<_, PageFailure>(Some(SetUp {
                picture: picture(&secret.uri(
                    &wording::strip_invisible(&account.name),
                    &wording::strip_invisible(&name.unwrap_or_default()),
                )),
                secret: secret.text(),
            }))
        })
        .await
}

/// A QR code, as a drawing of the page itself.
fn picture(text: &str) -> String {
    use qrcode::render::svg;
    match qrcode::QrCode::new(text) {
        Ok(code) => code
            .render::<svg::Color<'_>>()
            .min_dimensions(200, 200)
            .dark_color(svg::Color("#000"))
            .light_color(svg::Color("#fff"))
            .build()
            .trim_start_matches(r#"<?xml version="1.0" standalone="yes"?>"#)
            .to_owned(),
        // Too long a name for a picture: the text beside it does.
        Err(_) => String::new(),
    }
}

/// What came of a code.
#[derive(Debug)]
pub(in crate::http::pages) enum Outcome {
    /// It counts.
    Accepted,
    /// It counts, and the app is confirmed by it: these are the recovery codes, shown once.
    Confirmed(Vec<String>),
    /// It is a recovery code, and spent now.
    Recovered,
    /// It does not count.
    Wrong,
    /// There is nothing it could be compared with any more.
    Gone,
}

/// Spends a code: one from the app, or a recovery code.
pub(in crate::http::pages) fn spend(
    app: &App,
    tx: &mut Tx<'_>,
    account: i64,
    resource: i64,
    id: &str,
    code: &str,
) -> Result<Outcome, PageFailure> {
    let now = system::now();
    let Some(factor) = tx.lock_second_factor(resource)? else { return Ok(Outcome::Gone) };
    let secret = app.keys.open(sealing::TOTP_SECRET, &factor.sealed).and_then(|bytes| Secret::from_bytes(&bytes));
    let secret = secret.ok_or(PageFailure::Unreadable)?;
    let note = |tx: &mut Tx<'_>, action: Action, detail: Option<String>| {
        tx.raise(now, Some(account), Act::new(action).on(id).saying(detail));
    };
    if let Some(step) = secret.step(code, now, factor.used_step) {
        tx.use_second_factor(resource, step, now)?;
        if factor.confirmed.is_some() {
            return Ok(Outcome::Accepted);
        }
        let codes = recovery_codes_of(app, &secret);
        let fingerprints: Vec<Vec<u8>> =
            codes.iter().map(|code| app.keys.fingerprint(&plain(code)).as_bytes().to_vec()).collect();
        tx.set_recovery_codes(resource, &fingerprints)?;
        note(tx, Action::SecondFactorSetUp, None);
        return Ok(Outcome::Confirmed(codes));
    }
    let fingerprint = app.keys.fingerprint(&plain(code));
    if factor.confirmed.is_some() && tx.spend_recovery_code(resource, fingerprint.as_bytes())? {
        let left = tx.recovery_codes_left(resource)?;
        note(tx, Action::SecondFactorRecovered, Some(format!("{left} left")));
        return Ok(Outcome::Recovered);
    }
    note(tx, Action::SecondFactorFailed, None);
    Ok(Outcome::Wrong)
}

/// The recovery codes of an app, the same whenever they are asked for: the page that shows them may have to be shown twice. Eighty bits
/// each, in groups that can be read aloud.
fn recovery_codes_of(app: &App, secret: &Secret) -> Vec<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let code = |n: u8| {
        let tag = app.keys.tag("recovery code", &[secret.as_bytes(), &[n]].concat());
        let letters: String = tag.iter().take(16).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        [&letters[..4], &letters[4..8], &letters[8..12], &letters[12..]].join("-")
    };
    (0..CODES).map(code).collect()
}

/// The recovery codes once more, for the form that has set the app up a moment ago with this code and is sent again.
pub(in crate::http::pages) fn confirmed_again(
    app: &App,
    tx: &mut Tx<'_>,
    resource: i64,
    code: &str,
) -> Result<Option<Vec<String>>, PageFailure> {
    let Some(factor) = tx.lock_second_factor(resource)? else { return Ok(None) };
    let secret = app.keys.open(sealing::TOTP_SECRET, &factor.sealed).and_then(|bytes| Secret::from_bytes(&bytes));
    let secret = secret.ok_or(PageFailure::Unreadable)?;
    let now = system::now();
    let just_now = factor.confirmed.is_some_and(|confirmed| now - confirmed < AGAIN);
    let is_it = secret.step(code, now, factor.used_step - 1) == Some(factor.used_step);
    Ok((just_now && is_it).then(|| recovery_codes_of(app, &secret)))
}

/// A recovery code however it was typed.
fn plain(code: &str) -> String {
    let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    format!("recovery code {}", code.to_ascii_lowercase())
}

/// `POST /login/second-factor`
pub(in crate::http::pages) async fn submit(
    request: HttpRequest,
    app: web::Data<App>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let (form, browser) = Form::ours(&request, &app, payload).await?;
    let intent = LoginIntent::open(&app, form.field("request"))?;
    let (proven, sets_up) = open(&app, &browser, form.field("proven"))?;
    let counts = AttemptKey::second_factor(&app.keys, proven.resource);
    let (counted, now) = (counts.clone(), system::now());
    if let Some(until) = app.db.write(move |tx| tx.begin_attempt(&counted, now)).await? {
        let seconds = retry_after(until, now);
        let problem = format!("There were too many wrong codes. Wait {} and try again.", wording::wait(seconds));
        let status = StatusCode::TOO_MANY_REQUESTS;
        let said = FormMessage { problem: Some(problem), retry_after: Some(seconds), status, ..FormMessage::default() };
        return show(&app, &browser, &intent, &proven, said).await;
    }
    let (work, code, from) = (app.clone(), form.field("code").to_owned(), browser.address.clone());
    let (account, resource, id) = (proven.account, proven.resource, proven.id.clone());
    let secret = cookies::session_secret(&app, "session of a second factor", &[form.field("proven"), &plain(&code)]);
    let beginning = browser.beginning(&app, session_of(&intent, &proven), secret);
    let (session, alive) = (beginning.clone(), cookies::alive(&app));
    let outcome = app
        .db
        .write(move |tx| {
            tx.act_as(Actor::User(Named::id(&id)).at(from.clone()));
            // Of two that come at once, the later sees what the earlier has begun.
            tx.lock_second_factor(resource)?;
            let outcome = match session.has_begun(tx, alive)? {
                true if sets_up => {
                    confirmed_again(&work, tx, resource, &code)?.map_or(Outcome::Accepted, Outcome::Confirmed)
                }
                true => Outcome::Accepted,
                false => {
                    let outcome = spend(&work, tx, account, resource, &id, &code)?;
                    if !matches!(outcome, Outcome::Wrong | Outcome::Gone) {
                        session.begin(tx)?;
                    }
                    outcome
                }
            };
            if !matches!(outcome, Outcome::Wrong | Outcome::Gone) {
                tx.attempt_succeeded(&counts)?;
            }
            Ok::<_, PageFailure>(outcome)
        })
        .await?;
    let cookie = beginning.cookie(&app);
    match outcome {
        Outcome::Accepted | Outcome::Recovered => Ok(logged_in(&app, &browser, &intent, &proven, &cookie)),
        Outcome::Confirmed(codes) => {
            let logged_in = logged_in(&app, &browser, &intent, &proven, &cookie);
            Ok(recovery_codes(&app, codes, &intent.url(&app), Some(&logged_in)))
        }
        Outcome::Wrong => {
            let said = FormMessage::problem(WRONG, StatusCode::UNAUTHORIZED);
            show(&app, &browser, &intent, &proven, said).await
        }
        Outcome::Gone => {
            let said =
                FormMessage::problem("Your authenticator app was taken away meanwhile. Log in again.", StatusCode::OK);
            page_for(&app, &browser, &intent, said).await
        }
    }
}

/// The page that shows recovery codes, this once; with the cookies of an answer it takes the place of.
pub(in crate::http::pages) fn recovery_codes(
    app: &App,
    codes: Vec<String>,
    next: &str,
    in_place_of: Option<&HttpResponse>,
) -> HttpResponse {
    let mut answer = page(app, StatusCode::OK, &RecoveryCodesPage { codes, next: next.to_owned() });
    for cookie in in_place_of.into_iter().flat_map(HttpResponse::cookies) {
        let _ = answer.add_cookie(&cookie.into_owned());
    }
    answer
}

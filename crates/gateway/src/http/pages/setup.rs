//! The setup page of a customer's administrator, `/setup/{link}`: the link is what they act by. A GET shows and burns nothing; what is done
//! is done by a form that was shown to this browser. The rules are the service's ([`setup_page`]).

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use oauth::Fingerprint;

use super::cookies::Browser;
use super::failure::PageFailure;
use super::form::Form;
use super::frame::Frame;
use super::respond::redirect;
use super::templates::page;
use crate::app::App;
use crate::domain::request::{OwnCode, Owner, Refusal};
use crate::domain::setup::variable;
use crate::domain::setup::workload::{Typed, Workload};
use crate::domain::setup_link::LinkState;
use crate::http::edge::audience::Audience;
use crate::http::edge::endpoints::{self, Endpoint, pages};
use crate::platform::secret_text::SecretText;
use crate::services::setup_page::{self, Outcome, Reveal, Visit};
use crate::storage::ReadCost;

mod shown;

use shown::{ClosedPage, Credential, SetupPage};

/// The setup page, and what is done on it.
pub static ENDPOINTS: &[Endpoint] = pages![
    GET "/setup/{link}" Audience::LinkHolder => show, "Shows a customer's administrator how their identity provider is set up.";
    GET "/setup/{link}/reveal" Audience::LinkHolder => again, "Leads back to the setup page.";
    POST "/setup/{link}/reveal" Audience::LinkHolder => reveal, "Makes the secret and shows it this once.";
    GET "/setup/{link}/variable" Audience::LinkHolder => again, "Leads back to the setup page.";
    POST "/setup/{link}/variable" Audience::LinkHolder => register_variable, "Registers the variable name of an Okta app.";
    GET "/setup/{link}/workload" Audience::LinkHolder => again, "Leads back to the setup page.";
    POST "/setup/{link}/workload" Audience::LinkHolder => register_workload, "Registers the workload identity by which Entra authenticates.";
    GET "/setup/{link}/password" Audience::LinkHolder => again, "Leads back to the setup page.";
    POST "/setup/{link}/password" Audience::LinkHolder => set_password, "Sets the password of the service account.";
    POST "/setup/{link}/step" Audience::LinkHolder => mark, "Marks a step as done, or takes the mark away.";
    POST "/setup/{link}/finish" Audience::LinkHolder => finish, "Finishes the setup, which closes the link.";
];

/// What is shown beside what is known: what was just done, and what is wrong with what was typed.
#[derive(Debug, Default)]
struct Said {
    credential: Option<Credential>,
    variable: Option<(String, String)>,
    workload: Option<(Typed, Vec<(&'static str, String)>)>,
    password: Option<String>,
    too_soon: bool,
}

impl Said {
    fn status(&self) -> StatusCode {
        match self {
            Said { variable: Some(_), .. } | Said { password: Some(_), .. } | Said { workload: Some(_), .. } => {
                StatusCode::BAD_REQUEST
            }
            Said { credential: Some(Credential::Refused), .. } => StatusCode::CONFLICT,
            Said { too_soon: true, .. } => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::OK,
        }
    }
}

fn address(app: &App, token: &str) -> String {
    format!("{}/setup/{token}", app.public_url)
}

/// The page of a link, open or closed.
async fn answer(app: &App, browser: &Browser, token: &str, all: bool, said: Said) -> Result<HttpResponse, PageFailure> {
    let (work, fingerprint, vendor) = (app.clone(), app.keys.fingerprint(token), Frame::of(app).name.clone());
    let known = fingerprint.clone();
    let is_open = app.db.read(ReadCost::Point, move |tx| {
        Ok::<_, PageFailure>(setup_page::find(tx, &known)?.is_some_and(|visit| visit.is_open()))
    });
    // Who has no link that is open has nothing written.
    if is_open.await? {
        app.gather().await?;
    }
    let found = app
        .db
        .read(ReadCost::Scan, move |tx| match setup_page::find(tx, &fingerprint)? {
            None => Ok(Ok(None)),
            Some(visit) if !visit.is_open() => Ok(Err(visit)),
            Some(visit) => setup_page::page(tx, &work.installation(), &work.health_rules(), &vendor, visit).map(Ok),
        })
        .await;
    let shown = match found? {
        Ok(Some(shown)) => shown,
        Ok(None) => return Ok(closed(app, browser, None)),
        Err(visit) => return Ok(closed(app, browser, Some(&visit))),
    };
    note(browser, &shown.visit);
    let status = said.status();
    let view = SetupPage::new(&shown, &said, app, token, browser.csrf(app), all);
    let mut answer = page(app, status, &view);
    answer
        .headers_mut()
        .insert(header::HeaderName::from_static("x-robots-tag"), header::HeaderValue::from_static("noindex, nofollow"));
    browser.introduce(app, &mut answer);
    Ok(answer)
}

/// Whose request it is, for the log.
fn note(browser: &Browser, visit: &Visit) {
    let client = visit.client.client.id.as_str().to_owned();
    browser.notes.take_down().owner = Owner::Known { account: visit.account.seq, client };
}

/// The page of a link that is closed, or that there is not.
fn closed(app: &App, browser: &Browser, visit: Option<&Visit>) -> HttpResponse {
    let status = match visit.map(|visit| visit.state) {
        None => StatusCode::NOT_FOUND,
        Some(LinkState::Finished) => StatusCode::OK,
        Some(LinkState::Unopened | LinkState::Opened) => StatusCode::FORBIDDEN,
        Some(_) => StatusCode::GONE,
    };
    let shown = ClosedPage::new(app, visit);
    if let Some(visit) = visit {
        note(browser, visit);
    }
    if status != StatusCode::OK {
        browser.refused(match status {
            StatusCode::FORBIDDEN => Refusal::new(oauth::RefusalCode::AccountSuspended, shown.title),
            _ => Refusal::new(OwnCode::SetupLinkClosed, shown.title),
        });
    }
    page(app, status, &shown)
}

/// `GET /setup/{link}`
async fn show(
    request: HttpRequest,
    app: web::Data<App>,
    token: web::Path<String>,
) -> Result<HttpResponse, PageFailure> {
    let browser = Browser::of(&request, &app);
    let all = request.query_string().split('&').any(|pair| pair == "steps=all");
    let looked = answer(&app, &browser, &token, all, Said::default()).await?;
    let is_looked_at =
        looked.status() == StatusCode::OK && endpoints::method_of(&request) == "GET" && !is_prefetch(&request);
    if is_looked_at {
        let (fingerprint, source) = (app.keys.fingerprint(&token), browser.source.clone());
        let known = fingerprint.clone();
        let unopened = app.db.read(ReadCost::Point, move |tx| {
            Ok::<_, PageFailure>(setup_page::find(tx, &known)?.is_some_and(|visit| visit.state == LinkState::Unopened))
        });
        if unopened.await? {
            app.db.write(move |tx| setup_page::note_opened(tx, &fingerprint, &source)).await?;
        }
    }
    Ok(looked)
}

/// Whether a browser only fetches the page in case it is wanted.
fn is_prefetch(request: &HttpRequest) -> bool {
    ["sec-purpose", "purpose", "x-moz"].iter().any(|name| {
        request
            .headers()
            .get(*name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("prefetch"))
    })
}

/// `GET` of what only a form does: after a reload, the page.
async fn again(app: web::Data<App>, token: web::Path<String>) -> HttpResponse {
    redirect(&address(&app, &token))
}

/// What a form comes with.
struct Sent {
    form: Form,
    browser: Browser,
    fingerprint: Fingerprint,
}

async fn sent(request: &HttpRequest, app: &App, payload: web::Payload, token: &str) -> Result<Sent, PageFailure> {
    let (form, browser) = Form::ours(request, app, payload).await?;
    Ok(Sent { form, browser, fingerprint: app.keys.fingerprint(token) })
}

/// The page after an act: what it says, or the step it was about.
async fn after<T>(
    app: &App,
    browser: &Browser,
    token: &str,
    outcome: Outcome<T>,
    step: &str,
) -> Result<HttpResponse, PageFailure> {
    match outcome {
        Outcome::Done(_) => Ok(redirect(&format!("{}{step}", address(app, token)))),
        Outcome::Closed => answer(app, browser, token, false, Said::default()).await,
        Outcome::TooSoon => too_soon(app, browser, token).await,
    }
}

async fn too_soon(app: &App, browser: &Browser, token: &str) -> Result<HttpResponse, PageFailure> {
    browser.refused(Refusal::new(OwnCode::SetupTooSoon, "The last one was a moment ago. Wait a few seconds."));
    answer(app, browser, token, false, Said { too_soon: true, ..Said::default() }).await
}

/// `POST /setup/{link}/reveal`
async fn reveal(
    request: HttpRequest,
    app: web::Data<App>,
    token: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let Sent { form, browser, fingerprint } = sent(&request, &app, payload, &token).await?;
    let (work, source, replaces) = (app.clone(), browser.source.clone(), form.field("replaces").to_owned());
    let outcome = app
        .db
        .write(move |tx| {
            work.oauth(|cx| setup_page::reveal(tx, &work.installation(), cx, &fingerprint, &source, &replaces))
        })
        .await?;
    let credential = match outcome {
        Outcome::Done(Reveal::Shown { kind, text, expires }) => Credential::Shown { kind, text, expires },
        Outcome::Done(Reveal::Before(_)) => {
            browser.refused(Refusal::new(
                OwnCode::SecretRevealedBefore,
                "The secret was revealed before, and is shown once.",
            ));
            Credential::Refused
        }
        Outcome::Closed => return answer(&app, &browser, &token, false, Said::default()).await,
        Outcome::TooSoon => return too_soon(&app, &browser, &token).await,
    };
    answer(&app, &browser, &token, false, Said { credential: Some(credential), ..Said::default() }).await
}

/// `POST /setup/{link}/variable`
async fn register_variable(
    request: HttpRequest,
    app: web::Data<App>,
    token: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let Sent { form, browser, fingerprint } = sent(&request, &app, payload, &token).await?;
    let typed = form.field("variable");
    let name = match variable::parse(typed) {
        Ok(name) => name,
        Err(why) => {
            let why = browser.refused(Refusal::new(OwnCode::VariableNameWrong, why));
            let typed: String = typed.chars().take(200).collect();
            let said = Said { variable: Some((typed, why)), ..Said::default() };
            return answer(&app, &browser, &token, false, said).await;
        }
    };
    let (work, source) = (app.clone(), browser.source.clone());
    let outcome = app
        .db
        .write(move |tx| setup_page::register_variable(tx, &work.installation(), &fingerprint, &source, &name))
        .await?;
    after(&app, &browser, &token, outcome, "#variable").await
}

/// `POST /setup/{link}/workload`
async fn register_workload(
    request: HttpRequest,
    app: web::Data<App>,
    token: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let Sent { form, browser, fingerprint } = sent(&request, &app, payload, &token).await?;
    let field = |name: &str| form.field(name).chars().take(1_000).collect::<String>();
    let typed = Typed {
        issuer: field("issuer"),
        subject: field("subject"),
        audience: field("audience"),
        jwks_url: field("jwks_url"),
    };
    let workload = match Workload::parse(&typed) {
        Ok(workload) => workload,
        Err(wrong) => {
            let first = wrong.first().map(|(_, why)| why.clone()).unwrap_or_default();
            browser.refused(Refusal::new(OwnCode::WorkloadWrong, first));
            let said = Said { workload: Some((typed, wrong)), ..Said::default() };
            return answer(&app, &browser, &token, false, said).await;
        }
    };
    let (work, source) = (app.clone(), browser.source.clone());
    let outcome = app
        .db
        .write(move |tx| setup_page::register_workload(tx, &work.installation(), &fingerprint, &source, &workload))
        .await?;
    after(&app, &browser, &token, outcome, "#connect").await
}

/// `POST /setup/{link}/password`
async fn set_password(
    request: HttpRequest,
    app: web::Data<App>,
    token: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let Sent { form, browser, fingerprint } = sent(&request, &app, payload, &token).await?;
    let known = fingerprint.clone();
    let Some(owner) = app.db.read(ReadCost::Point, move |tx| setup_page::password_owner(tx, &known)).await? else {
        return answer(&app, &browser, &token, false, Said::default()).await;
    };
    let password = SecretText::new(form.field("password"));
    if let Some(why) = owner.refusal(password.reveal()) {
        let why = browser.refused(Refusal::new(OwnCode::PasswordUnsuitable, why));
        return answer(&app, &browser, &token, false, Said { password: Some(why), ..Said::default() }).await;
    }
    let hash = app.passwords.hash(owner.account.payer(), password).await?;
    let (work, source) = (app.clone(), browser.source.clone());
    let outcome =
        app.db.write(move |tx| setup_page::set_password(tx, &work.scim_engine(), &fingerprint, &source, &hash)).await?;
    after(&app, &browser, &token, outcome, "#account").await
}

/// `POST /setup/{link}/step`
async fn mark(
    request: HttpRequest,
    app: web::Data<App>,
    token: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let Sent { form, browser, fingerprint } = sent(&request, &app, payload, &token).await?;
    let (step, source, done) = (form.field("step").to_owned(), browser.source.clone(), form.field("done") == "yes");
    let outcome = app.db.write(move |tx| setup_page::mark(tx, &fingerprint, &source, &step, done)).await?;
    after(&app, &browser, &token, outcome, "").await
}

/// `POST /setup/{link}/finish`
async fn finish(
    request: HttpRequest,
    app: web::Data<App>,
    token: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, PageFailure> {
    let Sent { browser, fingerprint, .. } = sent(&request, &app, payload, &token).await?;
    let source = browser.source.clone();
    let outcome = app.db.write(move |tx| setup_page::finish(tx, &fingerprint, &source)).await?;
    after(&app, &browser, &token, outcome, "").await
}

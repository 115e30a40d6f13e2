//! Who of an account may log in how: passwords, authenticator apps, an OpenID provider, a SAML provider.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde_json::{Map, Value, json};

use super::account::tabs_of;
use super::parts::{self, CHANGED_MEANWHILE, Typed, state_of};
use super::tabs::{AccountHead, AccountTab, of_account};
use super::{Desk, Section, Submitted};
use crate::app::App;
use crate::domain::bodies::sign_in::{SamlAddresses, SignIn, SignInChange, SignalPollStanding};
use crate::domain::described::{FieldError, Time};
use crate::domain::operator::Power;
use crate::domain::wording;
use crate::http::edge::audience::within_reach;
use crate::http::edge::endpoints::{Endpoint, pages};
use crate::http::pages::failure::PageFailure;
use crate::http::pages::frame::filters;
use crate::services::accounts::sign_in::{self as service, Rules, polling, saml};
use crate::services::error::{ActError, Refusal};
use crate::services::sign_in::request_key;
use crate::storage::ReadCost;

pub(super) static ENDPOINTS: &[Endpoint] = pages![
    GET "/console/accounts/{account}/sign-in" within_reach(Power::Read) => show, "Shows who of an account may log in how.";
    POST "/console/accounts/{account}/sign-in" within_reach(Power::ChangeAccounts) => save, "Changes who may log in how.";
];

/// What bodies call the fields of this form.
const FIELDS: [(&str, &str, &str); 22] = [
    ("passwords", "passwords", "The answer"),
    ("second_factor", "second_factor", "The answer"),
    ("provider.name", "provider_name", "The name"),
    ("provider.issuer", "issuer", "The issuer"),
    ("provider.client_id", "client_id", "The client ID"),
    ("provider.client_secret", "client_secret", "The client secret"),
    ("provider.match_by", "match_by", "The answer"),
    ("saml.name", "saml_name", "The name"),
    ("saml.metadata_url", "saml_metadata_url", "The address of the metadata"),
    ("saml.metadata", "saml_metadata", "The metadata"),
    ("saml.entity_id", "saml_entity_id", "The entity ID"),
    ("saml.sso_url", "saml_sso_url", "The single sign-on URL"),
    ("saml.certificates", "saml_certificates", "The certificates"),
    ("saml.attribute", "saml_attribute", "The attribute"),
    ("saml.match_by", "saml_match_by", "The answer"),
    ("saml", "saml_metadata", "The provider"),
    ("signals.issuer", "signals_issuer", "The issuer"),
    ("signals.jwks_uri", "signals_jwks_uri", "The address of the keys"),
    ("signals.audience", "signals_audience", "The audience"),
    ("signal_poll.endpoint", "poll_endpoint", "The poll endpoint"),
    ("signal_poll.token", "poll_token", "The token"),
    ("signal_poll", "poll_endpoint", "Fetching"),
];

#[derive(Debug, Template)]
#[template(path = "console/account_sign_in.html")]
struct SignInPage {
    head: AccountHead,
    may_connect: bool,
    is_overview: bool,
    typed: Typed,
    state: String,
    /// An OpenID provider is set up, so its secret is known.
    has_provider: bool,
    /// What has to be registered at the provider.
    redirect_uri: String,
    /// What a SAML provider has to be told.
    addresses: SamlAddresses,
    /// Where the account's identity provider has users logged out.
    revocation_endpoint: String,
    /// Where it delivers security events, and for whom they have to be.
    events_endpoint: String,
    audience: String,
    /// Who may ask for that now.
    signal_issuer: Option<String>,
    /// How it goes to fetch security events.
    poll: Option<Polling>,
    /// The SAML provider that is set up.
    saml: Option<SamlSetUp>,
    may_change: bool,
}

#[derive(Debug)]
struct SamlSetUp {
    entity_id: String,
    sso_url: String,
    /// Until when its certificates say that they are valid.
    ends: Vec<String>,
    /// Requests to it are signed.
    signs: bool,
}

/// How it goes to fetch security events.
#[derive(Debug)]
struct Polling {
    has_token: bool,
    answered: String,
    event: String,
    /// Why it does not, and since when.
    problem: Option<(String, String)>,
}

impl Polling {
    fn of(sign_in: &SignIn, standing: SignalPollStanding) -> Option<Polling> {
        let has_token = sign_in.signals.poll.as_ref()?.has_token;
        let said = |time: Option<Time>| time.map_or_else(|| "never yet".to_owned(), |at| wording::format_time(at.0));
        let problem = standing.problem.map(|problem| (problem, said(standing.failing_since)));
        Some(Polling { has_token, answered: said(standing.last_answer), event: said(standing.last_event), problem })
    }
}

fn typed_of(sign_in: &SignIn) -> Typed {
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let provider = sign_in.provider.as_ref();
    let saml = sign_in.saml.as_ref();
    // What is the provider's own issuer was not named.
    let of_provider = |issuer: &str| provider.is_some_and(|provider| provider.issuer == issuer);
    let named = Some(&sign_in.signals).filter(|signals| {
        let is_more = signals.jwks_uri.is_some() || signals.audience.is_some();
        is_more || !signals.issuer.as_deref().is_some_and(of_provider)
    });
    let of = |text: Option<&String>| text.cloned().unwrap_or_default();
    let ticked = |is: Option<bool>| if is == Some(true) { "yes" } else { "" }.to_owned();
    Typed::with([
        ("passwords", word(json!(sign_in.passwords))),
        ("second_factor", word(json!(sign_in.second_factor))),
        ("with_provider", if provider.is_some() { "yes" } else { "no" }.to_owned()),
        ("provider_name", of(provider.map(|provider| &provider.name))),
        ("issuer", of(provider.map(|provider| &provider.issuer))),
        ("client_id", of(provider.map(|provider| &provider.client_id))),
        ("with_saml", if saml.is_some() { "yes" } else { "no" }.to_owned()),
        ("saml_name", of(saml.map(|saml| &saml.name))),
        ("saml_attribute", of(saml.and_then(|saml| saml.attribute.as_ref()))),
        ("saml_match_by", saml.map_or_else(|| "user_name".to_owned(), |saml| word(json!(saml.match_by)))),
        ("saml_create_users", ticked(saml.map(|saml| saml.create_users))),
        ("saml_idp_initiated", ticked(saml.map(|saml| saml.idp_initiated))),
        ("saml_sha1", ticked(saml.map(|saml| saml.sha1))),
        ("saml_shared_addresses", ticked(saml.map(|saml| saml.shared_addresses))),
        ("saml_sign_requests", ticked(saml.map(|saml| saml.sign_requests))),
        ("signals_issuer", named.and_then(|signals| signals.issuer.clone()).unwrap_or_default()),
        ("signals_jwks_uri", named.and_then(|signals| signals.jwks_uri.clone()).unwrap_or_default()),
        ("signals_audience", named.and_then(|signals| signals.audience.clone()).unwrap_or_default()),
        ("poll_endpoint", of(sign_in.signals.poll.as_ref().map(|poll| &poll.endpoint))),
        ("match_by", provider.map_or_else(|| "verified_email".to_owned(), |provider| word(json!(provider.match_by)))),
    ])
}

/// What the page is made of.
struct Read {
    head: AccountHead,
    sign_in: SignIn,
    standing: SignalPollStanding,
}

async fn read(desk: &Desk, app: &App, id: &str) -> Result<Read, PageFailure> {
    let head = tabs_of(desk, app, id, AccountTab::SignIn).await?;
    let (mandate, id, url) = (desk.mandate().clone(), id.to_owned(), app.public_url.clone());
    let read = desk.read(app, ReadCost::Point, move |tx| {
        let sign_in = service::get(tx, &mandate, &id, &url)?;
        Ok::<_, ActError>((sign_in, polling::standing(tx, &mandate, &id)?))
    });
    let (sign_in, standing) = read.await?;
    Ok(Read { head, sign_in, standing })
}

fn page(desk: &Desk, app: &App, Read { head, sign_in, standing }: Read, typed: Typed) -> SignInPage {
    SignInPage {
        head,
        may_connect: false,
        is_overview: false,
        typed,
        state: state_of(app, &sign_in),
        has_provider: sign_in.provider.is_some(),
        redirect_uri: service::redirect_uri(&app.public_url),
        addresses: sign_in.saml_addresses.clone(),
        revocation_endpoint: sign_in.signals.global_token_revocation_endpoint.clone(),
        events_endpoint: sign_in.signals.events_endpoint.clone(),
        audience: sign_in.signals.audience.clone().unwrap_or_else(|| sign_in.signals.events_endpoint.clone()),
        signal_issuer: sign_in.signals.issuer.clone(),
        poll: Polling::of(&sign_in, standing),
        saml: sign_in.saml.as_ref().map(|saml| {
            let ends = saml.certificates.iter().map(|certificate| wording::format_time(certificate.not_after.0));
            let (entity_id, sso_url) = (saml.entity_id.clone(), saml.sso_url.clone());
            SamlSetUp { entity_id, sso_url, ends: ends.collect(), signs: saml.sign_requests }
        }),
        may_change: desk.mandate().has(Power::ChangeAccounts),
    }
}

/// `GET /console/accounts/{account}/sign-in`
async fn show(desk: Desk, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let read = read(&desk, &app, &id).await?;
    let typed = typed_of(&read.sign_in);
    Ok(desk.page(&app, Section::Accounts, &page(&desk, &app, read, typed)))
}

/// The form as the change that it asks for.
fn fields_of(typed: &Typed) -> Map<String, Value> {
    let mut fields = Map::new();
    for field in ["passwords", "second_factor"] {
        fields.insert(field.to_owned(), json!(typed.value(field)));
    }
    let provider = typed.is("with_provider", "yes").then(|| {
        let mut provider = json!({
            "name": typed.value("provider_name"), "issuer": typed.value("issuer"), "client_id": typed.value("client_id"),
            "match_by": typed.value("match_by"),
        });
        if typed.has("client_secret") {
            provider["client_secret"] = json!(typed.value("client_secret"));
        }
        provider
    });
    fields.insert("provider".to_owned(), provider.unwrap_or(Value::Null));
    fields.insert("saml".to_owned(), saml_of(typed).unwrap_or(Value::Null));
    let more = [("jwks_uri", "signals_jwks_uri"), ("audience", "signals_audience")];
    let signals = (typed.has("signals_issuer") || more.iter().any(|(_, name)| typed.has(name))).then(|| {
        let mut signals = json!({"issuer": typed.value("signals_issuer")});
        for (field, name) in more.into_iter().filter(|(_, name)| typed.has(name)) {
            signals[field] = json!(typed.value(name));
        }
        signals
    });
    fields.insert("signals".to_owned(), signals.unwrap_or(Value::Null));
    let poll = (typed.has("poll_endpoint") || typed.has("poll_token")).then(|| {
        let mut poll = json!({"endpoint": typed.value("poll_endpoint")});
        if typed.has("poll_token") {
            poll["token"] = json!(typed.value("poll_token"));
        }
        poll
    });
    fields.insert("signal_poll".to_owned(), poll.unwrap_or(Value::Null));
    fields
}

/// The SAML provider; what of it is left empty stays as it is.
fn saml_of(typed: &Typed) -> Option<Value> {
    if !typed.is("with_saml", "yes") {
        return None;
    }
    let mut saml = json!({"name": typed.value("saml_name"), "match_by": typed.value("saml_match_by")});
    for flag in ["create_users", "idp_initiated", "sha1", "shared_addresses", "sign_requests"] {
        saml[flag] = json!(typed.has(&format!("saml_{flag}")));
    }
    for field in ["metadata", "metadata_url", "attribute", "entity_id", "sso_url"] {
        let typed_in = format!("saml_{field}");
        if typed.has(&typed_in) {
            saml[field] = json!(typed.value(&typed_in));
        }
    }
    let certificates = certificates_of(typed.value("saml_certificates"));
    if !certificates.is_empty() {
        saml["certificates"] = json!(certificates);
    }
    Some(saml)
}

/// Certificates below each other: in PEM, each with its first and last line, or in base64 with an empty line between two.
fn certificates_of(text: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let text = text.replace("\r\n", "\n");
    let parts = text.split(if text.contains(END) { END } else { "\n\n" });
    parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Which of several certificates is wrong, in words: they stand below each other in one field, and are many lines each.
fn numbered(mistakes: Vec<FieldError>) -> Vec<FieldError> {
    let told = |mistake: FieldError| {
        let rest = mistake.field.strip_prefix("saml.certificates[").and_then(|rest| rest.strip_suffix(']'));
        match rest.and_then(|number| number.parse::<usize>().ok()) {
            Some(at) => FieldError {
                field: "saml.certificates".to_owned(),
                detail: format!("have a mistake: number {} {}", at + 1, mistake.detail),
            },
            None => mistake,
        }
    };
    mistakes.into_iter().map(told).collect()
}

/// `POST /console/accounts/{account}/sign-in`
async fn save(sent: Submitted, app: web::Data<App>, id: web::Path<String>) -> Result<HttpResponse, PageFailure> {
    let Submitted { desk, form } = sent;
    let mut typed = Typed::of(form);
    let change = parts::body::<SignInChange>(fields_of(&typed)).and_then(|change| {
        let wrong = service::wrong_issuer(&change, &app.outbound);
        wrong.map_or(Ok(change), |wrong| Err(vec![wrong]))
    });
    // What is a secret is not sent back to the browser.
    for secret in ["client_secret", "poll_token"] {
        typed.set(secret, String::new());
    }
    let change = match change {
        Ok(change) => {
            saml::fetched(&app.outbound, &change).await.map(|fetched| (change, fetched)).map_err(|wrong| vec![wrong])
        }
        Err(mistakes) => Err(mistakes),
    };
    let (change, metadata) = match change {
        Ok(change) => change,
        Err(mistakes) => {
            typed.mistakes(&numbered(mistakes), &FIELDS);
            let read = read(&desk, &app, &id).await?;
            let shown = page(&desk, &app, read, typed);
            return Ok(desk.page_with(&app, StatusCode::BAD_REQUEST, Section::Accounts, &shown));
        }
    };
    if saml::signs(&change) {
        request_key::ensure(&app.db, &app.keys, &app.public_url).await?;
    }
    let (work, mandate, which) = (app.clone(), desk.mandate().clone(), id.clone());
    let state = typed.value("state").to_owned();
    let saved = desk
        .act(&app, move |tx| {
            if state_of(&work, &service::get(tx, &mandate, &which, &work.public_url)?) != state {
                return Err(ActError::conflict(CHANGED_MEANWHILE));
            }
            let rules = Rules {
                outbound: &work.outbound,
                keys: &work.keys,
                public_url: &work.public_url,
                metadata: metadata.as_deref(),
            };
            service::change(tx, &mandate, rules, &which, &change)
        })
        .await?;
    let read = read(&desk, &app, &id).await?;
    match saved {
        Ok(_) => {
            let said = format!("Who may log in at {} is saved.", wording::strip_invisible(&read.head.name));
            Ok(desk.done(&app, &format!("{}/sign-in", of_account(&id)), &said))
        }
        Err(refusal) => {
            let refusal = match refusal {
                Refusal::Invalid(mistakes) => Refusal::Invalid(numbered(mistakes)),
                other => other,
            };
            typed.refused(refusal, &FIELDS);
            let shown = page(&desk, &app, read, typed);
            Ok(desk.page_with(&app, StatusCode::CONFLICT, Section::Accounts, &shown))
        }
    }
}

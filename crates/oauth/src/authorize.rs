//! Authorization requests (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, RFC 7636 §4.3, RFC 9207).
//!
//! Until the client and its redirect URI are known to be right, an error is shown on a page only: [`Refusal::Page`]. Afterwards it is
//! returned to the client: [`Refusal::Redirect`].

use serde::{Deserialize, Serialize};

use crate::client::{self, Client, ClientId, GrantType, RedirectUri};
use crate::constraints::{Thumbprint, TokenConstraints};
use crate::context::{Context, millis};
use crate::error::{AuthorizationRefusal, PageRefusal};
use crate::grant::Subject;
use crate::pkce::Challenge;
use crate::scope::Scopes;
use crate::store::{Store, StoreError};
use crate::token::requested_resources;

pub mod consent;
pub mod id_token_hint;
pub mod logout;
pub mod par;
mod parameters;
mod sealed;

use parameters::Parameters;
pub(crate) use parameters::is_known;

/// The most an authorization request may have as a whole, in bytes: its query, and the body of a form. What is longer is no URL that
/// proxies and browsers would carry; the gateway refuses it before it is read.
pub const MAX_LENGTH: usize = 32 << 10;
/// The most of it that may have to be carried through pages: `state`, `nonce`, `login_hint` and the like. Sealed, it has to fit into a URL
/// of ours that is no longer than [`MAX_LENGTH`].
const MAX_CARRIED: usize = 20 << 10;

/// A request that is understood and may be put before a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// The identifier of the request, which is answered once.
    pub id: String,
    /// The time at which it arrived, in milliseconds since the epoch.
    pub issued: i64,
    /// The client that asks.
    pub client: ClientId,
    /// The client's display name.
    pub client_name: String,
    /// The URI that receives the response.
    pub redirect_uri: RedirectUri,
    /// Whether the request named that URI, so that the token request must name it too.
    pub redirect_uri_was_sent: bool,
    /// The requested scopes.
    pub scope: Scopes,
    /// `state`, which is returned unchanged.
    pub state: Option<String>,
    /// `nonce`, for the ID token.
    pub nonce: Option<String>,
    /// The PKCE code challenge.
    pub challenge: Option<Challenge>,
    /// `prompt`.
    pub prompt: Prompt,
    /// `max_age`, in seconds.
    pub max_age: Option<u64>,
    /// `login_hint`: the name of the expected user, as the client knows it.
    pub login_hint: Option<String>,
    /// `acr_values`: the classes of authentication that the client would like, the best first. A wish (§3.1.2.1): the ID token says which
    /// one it was.
    pub acr_values: Option<String>,
    /// The constraints of its tokens: resources, and the key named by `dpop_jkt` (RFC 9449 §10).
    pub constraints: TokenConstraints,
    /// `id_token_hint` as it was sent, not yet verified. It is not carried along.
    pub id_token_hint: Option<String>,
    /// The only user who may answer: the subject of a verified `id_token_hint`.
    pub expected: Option<Subject>,
}

/// `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Show no page.
    pub none: bool,
    /// Authenticate the user again.
    pub login: bool,
    /// Ask for consent again.
    pub consent: bool,
    /// Let the user choose an account.
    pub select_account: bool,
}

/// Why a request is not put before a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Shown on a page; nothing is sent to the client (RFC 6749 §4.1.2.1).
    Page(PageRefusal),
    /// Returned to the client.
    Redirect(Box<RedirectError>),
}

/// An error response (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectError {
    /// The URI that receives it.
    pub redirect_uri: RedirectUri,
    /// The reason.
    pub reason: AuthorizationRefusal,
    /// `state`, as it was sent.
    pub state: Option<String>,
    /// `iss` (RFC 9207).
    pub issuer: String,
}

impl RedirectError {
    /// The `error_description`, for the client's administrator. It may repeat what was sent, and has to fit into a URL.
    pub fn description(&self) -> String {
        const MOST: usize = 400;
        let mut text = self.reason.text();
        if let Some((at, _)) = text.char_indices().nth(MOST) {
            text.truncate(at);
            text.push_str(" ...");
        }
        text
    }

    /// The URL to send the browser to.
    pub fn url(&self) -> String {
        let (error, description) = (self.reason.error(), self.description());
        error_url(&self.redirect_uri, error, &description, self.state.as_deref(), &self.issuer)
    }
}

fn error_url(redirect_uri: &RedirectUri, error: &str, description: &str, state: Option<&str>, issuer: &str) -> String {
    let mut parameters = vec![("error", error), ("error_description", description)];
    parameters.extend(state.map(|state| ("state", state)));
    parameters.push(("iss", issuer));
    redirect_uri.with(&parameters)
}

impl AuthorizationRequest {
    /// Whether a user who authenticated at this time (milliseconds since the epoch) may answer, or has to authenticate again:
    /// `prompt=login`, `max_age`, `id_token_hint` (§3.1.2.1). Ages are those at the moment of the request, so a log-in for this very
    /// request is always young enough, however long the user then takes.
    pub fn accepts_login(&self, subject: &Subject, auth_time: i64) -> bool {
        self.oldest_login().is_none_or(|oldest| auth_time >= oldest)
            && self.expected.as_ref().is_none_or(|expected| expected == subject)
    }

    /// Since when the user has to have authenticated, in milliseconds since the epoch; `None` if that does not matter.
    pub fn oldest_login(&self) -> Option<i64> {
        match (self.prompt.login, self.max_age) {
            (true, _) => Some(self.issued),
            (false, Some(seconds)) => Some(self.issued.saturating_sub(millis(seconds))),
            (false, None) => None,
        }
    }

    /// An error response to this request.
    pub fn error_url(&self, cx: &Context<'_>, error: &'static str, description: &str) -> String {
        error_url(&self.redirect_uri, error, description, self.state.as_deref(), &cx.settings.issuer)
    }

    /// The success response (RFC 6749 §4.1.2).
    pub(crate) fn success_url(&self, cx: &Context<'_>, code: &str) -> String {
        let mut parameters = vec![("code", code)];
        if let Some(state) = &self.state {
            parameters.push(("state", state));
        }
        parameters.push(("iss", &cx.settings.issuer));
        self.redirect_uri.with(&parameters)
    }

    /// The request, encrypted for a hidden field of a form, so that the server stores nothing.
    pub fn seal(&self, cx: &mut Context<'_>) -> String {
        sealed::seal(self, cx)
    }

    /// The request in such a field; `None` if it was not sealed here or is too old.
    pub fn open(cx: &Context<'_>, text: &str) -> Option<AuthorizationRequest> {
        let request = sealed::open(cx, text)?;
        (request.issued + millis(cx.settings.request_lifetime_s) > cx.now).then_some(request)
    }
}

/// Whether a request is no more than a reference to one that was pushed (RFC 9126 §4). Answering it writes.
pub fn is_pushed(parameters: &[(String, String)]) -> bool {
    parameters.iter().any(|(name, value)| name == "request_uri" && par::reference(value).is_some())
}

/// Understands a request, or refuses it. Of a request that refers to a pushed one, only `client_id` and `request_uri` are read; other
/// parameters are ignored.
pub fn authorize(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    parameters: &[(String, String)],
) -> Result<Result<AuthorizationRequest, Refusal>, StoreError> {
    if !is_pushed(parameters) {
        return understand(store, cx, parameters, false);
    }
    let sent = Parameters(parameters);
    let reference = sent.one("request_uri").ok().flatten().and_then(par::reference);
    let client = sent.one("client_id").ok().flatten().and_then(ClientId::new);
    let (Some(reference), Some(client)) = (reference, client) else {
        return Ok(Err(Refusal::Page(PageRefusal::PushedMalformed)));
    };
    match par::take(store, cx, &client, reference)? {
        Some(pushed) => understand(store, cx, &pushed, true),
        None => Ok(Err(Refusal::Page(PageRefusal::PushedUnknown))),
    }
}

/// The same for the parameters themselves.
pub(crate) fn understand(
    store: &mut dyn Store,
    cx: &mut Context<'_>,
    parameters: &[(String, String)],
    was_pushed: bool,
) -> Result<Result<AuthorizationRequest, Refusal>, StoreError> {
    let parameters = Parameters(parameters);
    let (client, redirect_uri, redirect_uri_was_sent) = match who_and_where(store, &parameters)? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let issuer = cx.settings.issuer.clone();
    let refuse = |reason: AuthorizationRefusal, state: Option<&str>| {
        let state = state.map(str::to_owned);
        Err(Refusal::Redirect(Box::new(RedirectError {
            redirect_uri: redirect_uri.clone(),
            reason,
            state,
            issuer: issuer.clone(),
        })))
    };
    if let Some(name) = parameters.repeated() {
        let reason = match name {
            "scope" => AuthorizationRefusal::ScopeRepeated,
            name => AuthorizationRefusal::ParameterRepeated { name },
        };
        return Ok(refuse(reason, parameters.one("state").ok().flatten()));
    }
    if let Some(name) = parameters.unreadable() {
        let state = parameters.get("state").filter(|_| name != "state");
        return Ok(refuse(AuthorizationRefusal::ParameterUnreadable { name: name.to_owned() }, state));
    }
    let state = parameters.get("state");
    if client.options.tokens.require_pushed_authorization_requests && !was_pushed {
        return Ok(refuse(AuthorizationRefusal::PushRequired, state));
    }
    let rest = match rest_of(cx, &client, &parameters) {
        Ok(rest) => rest,
        Err(reason) => return Ok(refuse(reason, state)),
    };
    let request = AuthorizationRequest {
        id: rest.id,
        issued: cx.now,
        client: client.id,
        client_name: client.name,
        redirect_uri: redirect_uri.clone(),
        redirect_uri_was_sent,
        scope: rest.scope,
        state: state.map(str::to_owned),
        nonce: parameters.get("nonce").map(str::to_owned),
        challenge: rest.challenge,
        prompt: rest.prompt,
        max_age: rest.max_age,
        login_hint: parameters.get("login_hint").map(str::to_owned),
        acr_values: parameters.get("acr_values").map(str::to_owned),
        constraints: rest.constraints,
        id_token_hint: parameters.get("id_token_hint").map(str::to_owned),
        expected: None,
    };
    if sealed::weight(&request) > MAX_CARRIED {
        return Ok(refuse(AuthorizationRefusal::TooLarge { limit: MAX_CARRIED / 1024 }, state));
    }
    Ok(Ok(request))
}

/// The client and its redirect URI. Anything wrong here is told on a page.
fn who_and_where(
    store: &mut dyn Store,
    parameters: &Parameters<'_>,
) -> Result<Result<(Client, RedirectUri, bool), Refusal>, StoreError> {
    let page = |reason| Ok(Err(Refusal::Page(reason)));
    let id = match parameters.one("client_id") {
        Ok(Some(id)) => id,
        Ok(None) => return page(PageRefusal::ClientMissing),
        Err(()) => return page(PageRefusal::ClientRepeated),
    };
    let found = match ClientId::new(id) {
        Some(id) => store.client(&id)?,
        None => None,
    };
    let Some(client) = found else { return page(PageRefusal::ClientUnknown) };
    if client.disabled {
        return page(PageRefusal::ClientDisabled { client: client.name });
    }
    if client.suspended {
        return page(PageRefusal::AccountSuspended { client: client.name });
    }
    if client.redirect_uris.is_empty() {
        let help = client.profile.redirect_uri_help.unwrap_or(SEND_URI);
        return page(PageRefusal::NoRedirectUri { client: client.name, help });
    }
    match parameters.one("redirect_uri") {
        Ok(Some(sent)) => match client.redirect_uri(sent) {
            Some(uri) => Ok(Ok((client, uri, true))),
            None => {
                let uri = sent.chars().take(300).collect();
                let help = client.profile.redirect_uri_help.unwrap_or(COMPARE_URI);
                page(PageRefusal::RedirectUriUnknown { uri, client: client.name, help })
            }
        },
        Ok(None) => match client.redirect_uris.as_slice() {
            [only] => {
                let uri = only.clone();
                Ok(Ok((client, uri, false)))
            }
            _ => page(PageRefusal::RedirectUriMissing),
        },
        Err(()) => page(PageRefusal::RedirectUriRepeated),
    }
}

/// What a user can do about a missing redirect URI, unless the client's profile says it better.
const SEND_URI: &str = "Send the redirect URI of your app to the operator who gave you the client ID.";
const COMPARE_URI: &str = "Compare it with the one that the operator registered who gave you the client ID.";

struct Rest {
    id: String,
    scope: Scopes,
    challenge: Option<Challenge>,
    prompt: Prompt,
    max_age: Option<u64>,
    constraints: TokenConstraints,
}

fn rest_of(cx: &mut Context<'_>, client: &Client, parameters: &Parameters<'_>) -> Result<Rest, AuthorizationRefusal> {
    if parameters.get("request").is_some() {
        return Err(AuthorizationRefusal::RequestObject);
    }
    if parameters.get("request_uri").is_some() {
        return Err(AuthorizationRefusal::RequestUri);
    }
    if parameters.get("registration").is_some() {
        return Err(AuthorizationRefusal::Registration);
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(AuthorizationRefusal::ResponseType),
        None => return Err(AuthorizationRefusal::ResponseTypeMissing),
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(AuthorizationRefusal::ResponseMode);
    }
    if !client.may(GrantType::AuthorizationCode) {
        return Err(AuthorizationRefusal::GrantTypeNotAllowed);
    }
    let scope = match parameters.get("scope").map(|text| client::scope::requested(cx, client, text)) {
        None => client.default_scope.clone(),
        Some(Ok(scope)) if scope.is_empty() => client.default_scope.clone(),
        Some(Ok(scope)) => scope,
        Some(Err(reason)) => return Err(AuthorizationRefusal::ScopeInvalid { reason }),
    };
    if let Some(beyond) = scope.beyond(&client.scopes) {
        let (scope, allowed) = (beyond.to_owned(), client.scopes.to_string());
        return Err(AuthorizationRefusal::ScopeNotAllowed { scope, allowed });
    }
    let challenge = challenge(client, parameters)?;
    let prompt = prompt(parameters)?;
    let max_age = match parameters.get("max_age").map(str::parse) {
        None => None,
        Some(Ok(seconds)) => Some(seconds),
        Some(Err(_)) => return Err(AuthorizationRefusal::MaxAge),
    };
    let id = cx.bytes::<16>().iter().fold(String::with_capacity(32), |hex, byte| format!("{hex}{byte:02x}"));
    let constraints = constraints(cx, client, parameters)?;
    Ok(Rest { id, scope, challenge, prompt, max_age, constraints })
}

fn constraints(
    cx: &Context<'_>,
    client: &Client,
    parameters: &Parameters<'_>,
) -> Result<TokenConstraints, AuthorizationRefusal> {
    let resources = requested_resources::requested(cx.settings, client, parameters.all("resource"));
    let key = match parameters.get("dpop_jkt").map(Thumbprint::parse) {
        None => None,
        Some(Some(key)) => Some(key),
        Some(None) => {
            return Err(AuthorizationRefusal::DpopJkt);
        }
    };
    Ok(TokenConstraints {
        resources: resources.map_err(|reason| AuthorizationRefusal::ResourceInvalid { reason })?,
        key,
    })
}

fn challenge(client: &Client, parameters: &Parameters<'_>) -> Result<Option<Challenge>, AuthorizationRefusal> {
    match (parameters.get("code_challenge"), parameters.get("code_challenge_method")) {
        (None, None) if client.require_pkce || client.public => Err(AuthorizationRefusal::PkceRequired),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(AuthorizationRefusal::ChallengeMissing),
        (Some(text), Some("S256")) => match Challenge::new(text) {
            Some(challenge) => Ok(Some(challenge)),
            None => Err(AuthorizationRefusal::ChallengeInvalid),
        },
        (Some(_), _) => Err(AuthorizationRefusal::ChallengeMethod),
    }
}

fn prompt(parameters: &Parameters<'_>) -> Result<Prompt, AuthorizationRefusal> {
    let mut prompt = Prompt::default();
    let words: Vec<&str> = parameters.get("prompt").unwrap_or_default().split(' ').filter(|w| !w.is_empty()).collect();
    for word in &words {
        match *word {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(AuthorizationRefusal::Prompt),
        }
    }
    if prompt.none && words.len() > 1 {
        return Err(AuthorizationRefusal::PromptNone);
    }
    Ok(prompt)
}

#[cfg(test)]
mod tests;

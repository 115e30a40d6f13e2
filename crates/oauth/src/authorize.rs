//! Authorization requests (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, RFC 7636 §4.3, RFC 9207).
//!
//! Until the client and its redirect URI are known to be right, an error is shown on a page only: [`Refusal::Page`]. Afterwards it is
//! returned to the client: [`Refusal::Redirect`].

use serde::{Deserialize, Serialize};

use crate::client::{self, Client, ClientId, GrantType, RedirectUri};
use crate::constraints::{Thumbprint, TokenConstraints};
use crate::context::{Context, millis};
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

/// A request that is understood and may be put before a person.
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

/// Why a request is not put before a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Shown on a page; nothing is sent to the client (RFC 6749 §4.1.2.1).
    Page {
        /// The heading of the page.
        title: String,
        /// What is wrong, and what would be right.
        detail: String,
    },
    /// Returned to the client.
    Redirect(RedirectError),
}

/// An error response (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectError {
    /// The URI that receives it.
    pub redirect_uri: RedirectUri,
    /// The `error` code, as `invalid_scope`.
    pub code: &'static str,
    /// The `error_description`, for the client's administrator.
    pub description: String,
    /// `state`, as it was sent.
    pub state: Option<String>,
    /// `iss` (RFC 9207).
    pub issuer: String,
}

impl RedirectError {
    /// The URL to send the browser to.
    pub fn url(&self) -> String {
        let mut parameters = vec![("error", self.code), ("error_description", self.description.as_str())];
        if let Some(state) = &self.state {
            parameters.push(("state", state));
        }
        parameters.push(("iss", &self.issuer));
        self.redirect_uri.with(&parameters)
    }
}

impl AuthorizationRequest {
    /// Whether a user who authenticated at this time (milliseconds since the epoch) may answer, or has to authenticate again:
    /// `prompt=login`, `max_age`, `id_token_hint` (§3.1.2.1). Ages are those at the moment of the request, so a log-in for this very
    /// request is always young enough, however long the user then takes.
    pub fn accepts_login(&self, subject: &Subject, auth_time: i64) -> bool {
        let oldest = match (self.prompt.login, self.max_age) {
            (true, _) => self.issued,
            (false, Some(seconds)) => self.issued.saturating_sub(millis(seconds)),
            (false, None) => i64::MIN,
        };
        auth_time >= oldest && self.expected.as_ref().is_none_or(|expected| expected == subject)
    }

    /// An error response to this request.
    pub fn error_url(&self, cx: &Context<'_>, code: &'static str, description: &str) -> String {
        let error = RedirectError {
            redirect_uri: self.redirect_uri.clone(),
            code,
            description: description.to_owned(),
            state: self.state.clone(),
            issuer: cx.settings.issuer.clone(),
        };
        error.url()
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

/// Understands a request, or refuses it. Of one that was pushed only `client_id` and `request_uri` count; what else stands beside
/// them is passed over.
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
        return Ok(Err(Refusal::Page {
            title: "This request is malformed".to_owned(),
            detail: "A request that was pushed is named by one client_id and one request_uri.".to_owned(),
        }));
    };
    match par::take(store, cx, &client, reference)? {
        Some(pushed) => understand(store, cx, &pushed, true),
        None => Ok(Err(Refusal::Page {
            title: "This link has been used".to_owned(),
            detail: "It was opened before, or more than a minute and a half ago, or it is another application's. Go back to the \
                     application and begin again."
                .to_owned(),
        })),
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
    let refuse = |code: &'static str, description: String, state: Option<&str>| {
        Err(Refusal::Redirect(RedirectError {
            redirect_uri: redirect_uri.clone(),
            code,
            description: shortened(description),
            state: state.map(str::to_owned),
            issuer: issuer.clone(),
        }))
    };
    if let Some(name) = parameters.repeated() {
        let explanation = match name {
            "scope" => {
                " Your identity provider sends a scope of its own beside the one in the authorization URL: remove one of them."
            }
            _ => "",
        };
        let state = parameters.one("state").ok().flatten();
        return Ok(refuse(
            "invalid_request",
            format!("The parameter {name} stands more than once.{explanation}"),
            state,
        ));
    }
    if let Some(name) = parameters.unreadable() {
        let state = parameters.get("state").filter(|_| name != "state");
        let description = format!("The parameter {name} is not UTF-8, or has a NUL character in it.");
        return Ok(refuse("invalid_request", description, state));
    }
    let state = parameters.get("state");
    if client.options.tokens.require_pushed_authorization_requests && !was_pushed {
        let description =
            "This client must push its authorization requests (RFC 9126) and send the browser with a request_uri.";
        return Ok(refuse("invalid_request", description.to_owned(), state));
    }
    let rest = match rest_of(cx, &client, &parameters) {
        Ok(rest) => rest,
        Err((code, description)) => return Ok(refuse(code, description, state)),
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
        constraints: rest.constraints,
        id_token_hint: parameters.get("id_token_hint").map(str::to_owned),
        expected: None,
    };
    if sealed::weight(&request) > MAX_CARRIED {
        let description =
            format!("state, nonce, login_hint, scope and resource have more than {} KiB together.", MAX_CARRIED / 1024);
        return Ok(refuse("invalid_request", description, state));
    }
    Ok(Ok(request))
}

/// A description may repeat what was sent, and has to fit into a URL.
fn shortened(mut description: String) -> String {
    const MOST: usize = 400;
    if let Some((at, _)) = description.char_indices().nth(MOST) {
        description.truncate(at);
        description.push_str(" ...");
    }
    description
}

/// The client and its redirect URI. Anything wrong here is told on a page.
fn who_and_where(
    store: &mut dyn Store,
    parameters: &Parameters<'_>,
) -> Result<Result<(Client, RedirectUri, bool), Refusal>, StoreError> {
    let page = |title: &str, detail: String| Ok(Err(Refusal::Page { title: title.to_owned(), detail }));
    let id = match parameters.one("client_id") {
        Ok(Some(id)) => id,
        Ok(None) => return page("Which client is this?", "The request has no client_id.".to_owned()),
        Err(()) => return page("Which client is this?", "The request has more than one client_id.".to_owned()),
    };
    let found = match ClientId::new(id) {
        Some(id) => store.client(&id)?,
        None => None,
    };
    let Some(client) = found else {
        let detail = "There is no client with this client ID. Compare the client ID in your identity provider with the one you were given.";
        return page("Unknown client", detail.to_owned());
    };
    if client.disabled {
        let detail =
            format!("The client {} was switched off. Ask the operator who gave you the client ID.", client.name);
        return page("This client is switched off", detail);
    }
    if client.redirect_uris.is_empty() {
        let detail = format!(
            "No redirect URI is registered for {} yet. {}",
            client.name,
            client
                .profile
                .redirect_uri_help
                .unwrap_or("Send the redirect URI of your app to the operator who gave you the client ID.")
        );
        return page("This client is not set up yet", detail);
    }
    match parameters.one("redirect_uri") {
        Ok(Some(sent)) => match client.redirect_uri(sent) {
            Some(uri) => Ok(Ok((client, uri, true))),
            None => {
                let sent: String = sent.chars().take(300).collect();
                let detail = format!(
                    "The redirect URI {sent} is not registered for {}. {}",
                    client.name,
                    client
                        .profile
                        .redirect_uri_help
                        .unwrap_or("Compare it with the one that the operator registered who gave you the client ID.")
                );
                page("This redirect URI is not registered", detail)
            }
        },
        Ok(None) => match client.redirect_uris.as_slice() {
            [only] => {
                let uri = only.clone();
                Ok(Ok((client, uri, false)))
            }
            _ => page(
                "Where should the answer go?",
                "The request has no redirect_uri, and the client has more than one registered.".to_owned(),
            ),
        },
        Err(()) => page("Where should the answer go?", "The request has more than one redirect_uri.".to_owned()),
    }
}

struct Rest {
    id: String,
    scope: Scopes,
    challenge: Option<Challenge>,
    prompt: Prompt,
    max_age: Option<u64>,
    constraints: TokenConstraints,
}

fn rest_of(cx: &mut Context<'_>, client: &Client, parameters: &Parameters<'_>) -> Result<Rest, (&'static str, String)> {
    let invalid = |description: &str| ("invalid_request", description.to_owned());
    if parameters.get("request").is_some() {
        return Err(("request_not_supported", "Request objects are not supported.".to_owned()));
    }
    if parameters.get("request_uri").is_some() {
        return Err(("request_uri_not_supported", "Request objects are not supported.".to_owned()));
    }
    if parameters.get("registration").is_some() {
        let description =
            "A client cannot register itself in a request; ask the operator of this service for a client ID.";
        return Err(("registration_not_supported", description.to_owned()));
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return Err(("unsupported_response_type", "The only response_type is code.".to_owned())),
        None => return Err(invalid("response_type is missing; it must be code.")),
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("The only response_mode is query."));
    }
    if !client.may(GrantType::AuthorizationCode) {
        return Err((
            "unauthorized_client",
            "This client may not ask people for access (authorization_code).".to_owned(),
        ));
    }
    let scope = match parameters.get("scope").map(|text| client::scope::requested(cx, client, text)) {
        None => client.default_scope.clone(),
        Some(Ok(scope)) if scope.is_empty() => client.default_scope.clone(),
        Some(Ok(scope)) => scope,
        Some(Err(description)) => return Err(("invalid_scope", description.to_owned())),
    };
    if let Some(beyond) = scope.beyond(&client.scopes) {
        let allowed = &client.scopes;
        return Err((
            "invalid_scope",
            format!("This client may not ask for the scope {beyond}; it may ask for: {allowed}."),
        ));
    }
    let challenge = challenge(client, parameters)?;
    let prompt = prompt(parameters)?;
    let max_age = match parameters.get("max_age").map(str::parse) {
        None => None,
        Some(Ok(seconds)) => Some(seconds),
        Some(Err(_)) => return Err(invalid("max_age must be a number of seconds.")),
    };
    let id = cx.bytes::<16>().iter().fold(String::with_capacity(32), |hex, byte| format!("{hex}{byte:02x}"));
    let constraints = constraints(cx, client, parameters)?;
    Ok(Rest { id, scope, challenge, prompt, max_age, constraints })
}

fn constraints(
    cx: &Context<'_>,
    client: &Client,
    parameters: &Parameters<'_>,
) -> Result<TokenConstraints, (&'static str, String)> {
    let resources = requested_resources::requested(cx.settings, client, parameters.all("resource"));
    let key = match parameters.get("dpop_jkt").map(Thumbprint::parse) {
        None => None,
        Some(Some(key)) => Some(key),
        Some(None) => {
            let description = "dpop_jkt must be the SHA-256 thumbprint of a key in base64url, 43 characters.";
            return Err(("invalid_request", description.to_owned()));
        }
    };
    Ok(TokenConstraints { resources: resources.map_err(|why| ("invalid_target", format!("{why}.")))?, key })
}

fn challenge(client: &Client, parameters: &Parameters<'_>) -> Result<Option<Challenge>, (&'static str, String)> {
    let invalid = |description: &str| Err(("invalid_request", description.to_owned()));
    match (parameters.get("code_challenge"), parameters.get("code_challenge_method")) {
        (None, None) if client.require_pkce || client.public => {
            invalid("This client must use PKCE: send code_challenge and code_challenge_method=S256.")
        }
        (None, None) => Ok(None),
        (None, Some(_)) => invalid("code_challenge_method is there but code_challenge is not."),
        (Some(text), Some("S256")) => match Challenge::new(text) {
            Some(challenge) => Ok(Some(challenge)),
            None => invalid("code_challenge must be the SHA-256 of the verifier in base64url, 43 characters."),
        },
        (Some(_), _) => invalid("The only code_challenge_method is S256."),
    }
}

fn prompt(parameters: &Parameters<'_>) -> Result<Prompt, (&'static str, String)> {
    let mut prompt = Prompt::default();
    let words: Vec<&str> = parameters.get("prompt").unwrap_or_default().split(' ').filter(|w| !w.is_empty()).collect();
    for word in &words {
        match *word {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            _ => return Err(("invalid_request", "prompt must be none, login, consent or select_account.".to_owned())),
        }
    }
    if prompt.none && words.len() > 1 {
        return Err(("invalid_request", "prompt=none cannot be combined with another.".to_owned()));
    }
    Ok(prompt)
}

#[cfg(test)]
mod tests;

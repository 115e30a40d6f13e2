//! "Authenticate the app": the authorization code flow with the `oauth2` crate as the client, the browser by its forms.

use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, PkceCodeChallenge,
    RedirectUrl, RefreshToken, RequestTokenError, TokenResponse, TokenUrl, http,
};
use url::Url;

use super::okta::Okta;
use super::transcript::CHAPTERS;
use super::transcript::Transcript;
use super::vendor::{Issued, Login};
use super::wire::{Caller, Failure, http_client};
use crate::simulate::browser::{Browser, Page};
use crate::simulate::wire::Wire;

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// What the identity provider keeps after the consent.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

/// Authenticating before the variable name is registered. The answer is a page, never a redirect to an unregistered address.
pub(crate) async fn try_too_early(transcript: &Transcript, base: &str, client: &Issued) -> Result<(), Failure> {
    transcript.chapter(CHAPTERS, "Authenticating too early");
    let mut url = parsed(&client.authorization_url)?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &client.id)
        .append_pair("redirect_uri", "https://system-admin.okta.com/admin/app/cpc/acme_mediascim_1/oauth/callback")
        .append_pair("state", "too-early");
    let page = browser(transcript, base)?.open(url).await?.into_page()?;
    if page.answer.status != 400 {
        return Err(Failure(format!(
            "authorizing without a redirect URI\n  expected: status 400\n  came:     {}",
            page.answer.status
        )));
    }
    transcript
        .say("Okta's callback is not registered yet, so there is nowhere to send the browser, and it is told so:");
    transcript.quote("The page", &page.text());
    Ok(())
}

/// The browser window, Accept access, and the exchange of the code.
pub(crate) async fn authenticate(
    transcript: &Transcript,
    base: &str,
    client: &Issued,
    login: &Login,
) -> Result<Connected, Failure> {
    transcript.chapter(CHAPTERS, "Authenticate the app: log in, ACCEPT ACCESS");
    let (consent, asked) = log_in(transcript, base, client, login).await?;
    transcript.say("Logged in as the service account. The consent page:");
    transcript.quote("The page", &consent.page.text());
    if consent.page.text().contains("not a service account") {
        return Err(Failure(
            "the consent page\n  expected: no warning for a service account\n  came:     one".to_owned(),
        ));
    }
    accept(transcript, base, client, consent, asked).await
}

/// A consent page, in the browser that shows it.
pub(crate) struct ConsentPage<'t> {
    browser: Browser<Caller<'t>>,
    /// What it says.
    pub(crate) page: Page,
}

/// What the client remembers of its request.
pub(crate) struct Asked {
    state: CsrfToken,
    verifier: oauth2::PkceCodeVerifier,
}

/// Opens the authorization URL as Okta does, and logs in.
pub(crate) async fn log_in<'t>(
    transcript: &'t Transcript,
    base: &str,
    client: &Issued,
    login: &Login,
) -> Result<(ConsentPage<'t>, Asked), Failure> {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = oauth_client(client)?.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge).url();
    let browser = browser(transcript, base)?;
    let page = browser.open(url).await?.into_page()?;
    transcript.say("Okta opens the authorization endpoint in a window; the scope stands in the URL the administrator typed. No user is logged in: a plain form.");
    let typed = [("username", login.user_name.as_str()), ("password", login.password.as_str())];
    let page = browser.press(&page, "Log in", &typed).await?.into_page()?;
    Ok((ConsentPage { browser, page }, Asked { state, verifier }))
}

/// Presses Accept access, checks what comes back, and exchanges the code.
pub(crate) async fn accept(
    transcript: &Transcript,
    base: &str,
    client: &Issued,
    consent: ConsentPage<'_>,
    asked: Asked,
) -> Result<Connected, Failure> {
    let back = consent.browser.press(&consent.page, "Accept access", &[]).await?.into_left()?;
    let parameter = |name: &str| {
        let found = back.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned());
        found.ok_or_else(|| Failure(format!("the redirect\n  expected: a parameter `{name}`\n  came:     {back}")))
    };
    transcript.say(&format!(
        "Accepted. The browser is sent to Okta's callback at {} with a code, the state, and the issuer (RFC 9207), \
         which Okta may compare with the one it asked.",
        back.host_str().unwrap_or_default()
    ));
    if parameter("state")? != *asked.state.secret() || parameter("iss")? != base {
        return Err(Failure(format!("the redirect\n  expected: our state, and iss {base}\n  came:     {back}")));
    }
    let caller = token_caller(transcript, base)?;
    let http = |request| exchange(&caller, request);
    let token = oauth_client(client)?
        .exchange_code(AuthorizationCode::new(parameter("code")?))
        .set_pkce_verifier(asked.verifier)
        .request_async(&http)
        .await
        .map_err(|e| refused(&e))?;
    let refresh_token = token.refresh_token().ok_or_else(|| {
        Failure(
            "the token response\n  expected: a refresh token, for `offline` was asked for\n  came:     none".to_owned(),
        )
    })?;
    transcript.say(
        "The code is spent (a second use would end the grant). The access token is opaque and has no row anywhere: it is \
         sealed around the grant, and the grant's rows decide at each use whether it still counts.",
    );
    Ok(Connected { access_token: token.access_token().secret().clone(), refresh_token: refresh_token.secret().clone() })
}

/// Okta's test of the connection.
pub(crate) async fn test_credentials<'t>(
    transcript: &'t Transcript,
    base: &str,
    access_token: &str,
) -> Result<Okta<'t>, Failure> {
    transcript.chapter(CHAPTERS, "Test the connection");
    let okta = Okta::new(transcript, base, access_token)?;
    okta.get("/Users?startIndex=1&count=2")
        .await?
        .expect(200, "The connection works. The token names the account; no URL does.")?;
    okta.get("/Groups?startIndex=1&count=100")
        .await?
        .expect(200, "No groups yet: an empty list, complete with its counters, and not a 404.")?
        .has("/totalResults", 0)?;
    let schema = okta.get(&format!("/Schemas/{}", super::okta::USER)).await?.expect(
        200,
        "`role` and `product_environments` stand in the core User schema, with the values they may have:",
    )?;
    let attributes =
        schema.value.pointer("/attributes").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    for name in ["role", "product_environments"] {
        let found = attributes.iter().find(|attribute| attribute.get("name").is_some_and(|n| n == name));
        let values = found.and_then(|attribute| attribute.get("canonicalValues"));
        let values = values.ok_or_else(|| {
            Failure(format!("the User schema\n  expected: `{name}` with canonicalValues\n  came:     neither"))
        })?;
        transcript.value(name, &values.to_string().replace('"', "").replace(',', ", "));
    }
    Ok(okta)
}

/// Okta refreshes when there is something to provision; the answer may get lost on its way.
pub(crate) async fn refresh(
    transcript: &Transcript,
    base: &str,
    client: &Issued,
    connected: &Connected,
) -> Result<String, Failure> {
    transcript.chapter(CHAPTERS, "An hour later: refreshing, with a lost answer");
    let caller = token_caller(transcript, base)?;
    let http = |request| exchange(&caller, request);
    let oauth = oauth_client(client)?;
    let old = RefreshToken::new(connected.refresh_token.clone());
    let first = oauth.exchange_refresh_token(&old).request_async(&http).await.map_err(|e| refused(&e))?;
    transcript.say(
        "A new pair of tokens. Suppose this answer never arrived, and Okta asks again with the old refresh token:",
    );
    let second = oauth.exchange_refresh_token(&old).request_async(&http).await.map_err(|e| refused(&e))?;
    let successors = [&first, &second].map(|token| token.refresh_token().map(|t| t.secret().clone()));
    match successors {
        [Some(a), Some(b)] if a == b => transcript.say(
            "The same successor as before: a retry is harmless and the chain has one end. Only a token that comes back \
             after its successor was used is a stolen one, and ends the whole grant.",
        ),
        _ => {
            return Err(Failure(
                "a repeated refresh\n  expected: the same successor\n  came:     another, or none".to_owned(),
            ));
        }
    }
    Ok(second.access_token().secret().clone())
}

/// A refresh that has to be refused: the error's description.
pub(crate) async fn refresh_in_vain(
    transcript: &Transcript,
    base: &str,
    client: &Issued,
    connected: &Connected,
) -> Result<String, Failure> {
    let caller = token_caller(transcript, base)?;
    let http = |request| exchange(&caller, request);
    let old = RefreshToken::new(connected.refresh_token.clone());
    match oauth_client(client)?.exchange_refresh_token(&old).request_async(&http).await {
        Err(RequestTokenError::ServerResponse(error)) if *error.error() == BasicErrorResponseType::InvalidGrant => {
            Ok(error.error_description().cloned().unwrap_or_default())
        }
        Err(other) => Err(refused(&other)),
        Ok(_) => Err(Failure("a refresh for an ended grant\n  expected: invalid_grant\n  came:     tokens".to_owned())),
    }
}

fn oauth_client(client: &Issued) -> Result<Client, Failure> {
    let redirect_uri = client.redirect_uris.first().cloned().unwrap_or_default();
    let wrong = |e: url::ParseError| Failure(format!("the client's sheet has a URL that is none: {e}"));
    Ok(BasicClient::new(ClientId::new(client.id.clone()))
        .set_client_secret(ClientSecret::new(client.secret.clone()))
        .set_auth_uri(AuthUrl::from_url(parsed(&client.authorization_url)?))
        .set_token_uri(TokenUrl::new(client.token_url.clone()).map_err(wrong)?)
        .set_redirect_uri(RedirectUrl::new(redirect_uri).map_err(wrong)?))
}

pub(super) fn parsed(url: &str) -> Result<Url, Failure> {
    Url::parse(url).map_err(|e| Failure(format!("`{url}` is not a URL: {e}")))
}

/// A browser that no user has logged in with.
pub(super) fn browser<'t>(transcript: &'t Transcript, base: &str) -> Result<Browser<Caller<'t>>, Failure> {
    Ok(Browser::new(Caller::new(transcript, "browser", http_client(&[])?, base), base))
}

fn token_caller<'t>(transcript: &'t Transcript, base: &str) -> Result<Caller<'t>, Failure> {
    Ok(Caller::new(transcript, "okta", http_client(&[])?, base))
}

/// The `oauth2` crate's way out: its request through our caller, and the answer back.
async fn exchange(caller: &Caller<'_>, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, Failure> {
    let request = reqwest::Request::try_from(request).map_err(|e| Failure(e.to_string()))?;
    let answer = caller.send(request).await?;
    let mut response = http::Response::new(answer.body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

fn refused<T: oauth2::ErrorResponse + std::fmt::Debug>(error: &RequestTokenError<Failure, T>) -> Failure {
    Failure(format!("the token endpoint\n  expected: tokens\n  came:     {error:?}"))
}

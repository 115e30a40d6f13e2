//! Calls to other servers: the one room they are made from. Customers tell us addresses, so each call is made as if by an enemy:
//!
//! - https only, so that who answers is who was meant; certificates are checked against the operating system's store.
//! - The address a name resolves to is checked and is the one connected to: nothing inside the operator's network, no cloud's
//!   metadata service ([`address`]). A name that resolves to another address a moment later gains an attacker nothing.
//! - No redirect is followed, no proxy is used, no cookie kept, no credential sent.
//! - An answer has to come within [`TOTAL`] and to fit into [`MAX_BYTES`].
//! - Why no answer came is for the log: who named the address is told the same, after much the same time, of a name that does not
//!   exist and of one that exists inside the operator's network.
//!
//! No call is made inside a unit of work.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use openidconnect::{HttpRequest, HttpResponse};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use serde_json::Value;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use url::Url;

pub mod address;
mod calls;
pub mod jwks;
pub mod post;

use super::traces::SPANS;
use address::AllowedNetworks;
pub use calls::{Call, Calls};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long the whole may take.
const TOTAL: Duration = Duration::from_secs(5);
/// What an answer may weigh.
const MAX_BYTES: usize = 64 << 10;
/// A connection that is not used is closed after so long: there are servers that serve one connection at a time.
const IDLE: Duration = Duration::from_secs(5);
/// A name that leads nowhere we go is told of after so long, or a multiple of it: how fast an internal name server knows a name is not to
/// be seen.
const LOOKUP_ROUND: Duration = Duration::from_secs(1);
/// How many calls are made at once; others wait.
const AT_ONCE: usize = 16;

/// Why a document was not fetched. The texts fit into an `error_description` (RFC 6749 §5.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It never will be.
    #[error("{0}")]
    Refused(String),
    /// Not this time.
    #[error("{0}")]
    Unavailable(String),
    /// The answer has this status.
    #[error("it answers with the status {0}")]
    Status(u16),
}

/// Makes calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbound {
    reach: AllowedNetworks,
    patience: Duration,
    client: Arc<OnceLock<Result<reqwest::Client, String>>>,
    slots: Arc<tokio::sync::Semaphore>,
}

impl Outbound {
    /// Makes calls to the allowed networks; costs nothing until the first.
    pub fn new(reach: AllowedNetworks) -> Outbound {
        Outbound {
            reach,
            patience: TOTAL,
            client: Arc::default(),
            slots: Arc::new(tokio::sync::Semaphore::new(AT_ONCE)),
        }
    }

    /// An address that may be called, as far as it shows; if not, what would be right.
    pub fn url(&self, text: &str) -> Result<Url, String> {
        self.reach.url(text)
    }

    /// The HTTP client of the `openidconnect` crate, where we are the relying party. Its calls are noted.
    pub fn relying_party(
        &self,
        calls: &Calls,
    ) -> impl Fn(HttpRequest) -> Pin<Box<dyn Future<Output = Result<HttpResponse, FetchError>> + Send>> + 'static {
        let (outbound, calls) = (self.clone(), calls.clone());
        move |request| {
            let (outbound, calls) = (outbound.clone(), calls.clone());
            Box::pin(async move {
                let (began, address) = (Instant::now(), request.uri().to_string());
                let method = if request.method() == reqwest::Method::POST { "POST" } else { "GET" };
                let span = span(method, &address);
                let answer = outbound.exchange(request).instrument(span.clone()).await;
                let outcome = answer.as_ref().map_err(Clone::clone).and_then(|answer| match answer.status().as_u16() {
                    status @ ..400 => Ok(status),
                    status => Err(FetchError::Status(status)),
                });
                finish(&span, &outcome);
                calls.note(method, &address, began, outcome);
                answer
            })
        }
    }

    /// Sends a request and brings the whole answer.
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, FetchError> {
        let (parts, body) = request.into_parts();
        let url = self.url(&parts.uri.to_string()).map_err(|why| FetchError::Refused(format!("its address {why}")))?;
        let client = self.client()?;
        let _slot = self.slots.acquire().await;
        let sent = client.request(parts.method, url).headers(parts.headers).body(body).send().await;
        let mut answered = sent.map_err(|error| self.explained(&error))?;
        let (status, headers) = (answered.status(), answered.headers().clone());
        let mut answer = HttpResponse::new(self.bounded(&mut answered, MAX_BYTES).await?);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    fn client(&self) -> Result<&reqwest::Client, FetchError> {
        let client = self.client.get_or_init(|| client(self.reach, self.patience)).as_ref();
        client.map_err(|why| FetchError::Unavailable(format!("TLS cannot be set up here: {why}")))
    }

    /// The body of an answer, if it is not too large.
    async fn bounded(&self, response: &mut reqwest::Response, most: usize) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.explained(&error))? {
            if bytes.len() + chunk.len() > most {
                return Err(FetchError::Refused(format!("it has more than {} KiB", most >> 10)));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The JSON document at this address. The call is noted.
    pub async fn json(&self, address: &str, calls: &Calls) -> Result<Value, FetchError> {
        let began = Instant::now();
        let span = span("GET", address);
        let fetched = self.document(address).instrument(span.clone()).await;
        let outcome = fetched.as_ref().map(|_| 200).map_err(Clone::clone);
        finish(&span, &outcome);
        calls.note("GET", address, began, outcome);
        fetched
    }

    /// The text at this address, of at most so many bytes. The call is noted.
    pub async fn text(&self, address: &str, calls: &Calls, most: usize) -> Result<String, FetchError> {
        let began = Instant::now();
        let span = span("GET", address);
        let fetched = self.bytes(address, "*/*", most).instrument(span.clone()).await;
        let fetched = fetched.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| FetchError::Refused("it is no text in UTF-8".to_owned()))
        });
        let outcome = fetched.as_ref().map(|_| 200).map_err(Clone::clone);
        finish(&span, &outcome);
        calls.note("GET", address, began, outcome);
        fetched
    }

    async fn document(&self, address: &str) -> Result<Value, FetchError> {
        let bytes = self.bytes(address, "application/json", MAX_BYTES).await?;
        serde_json::from_slice(&bytes).map_err(|_| FetchError::Refused("it is no JSON document".to_owned()))
    }

    async fn bytes(&self, address: &str, accepted: &'static str, most: usize) -> Result<Vec<u8>, FetchError> {
        let url = self.url(address).map_err(|why| FetchError::Refused(format!("its address {why}")))?;
        let client = self.client()?;
        let _slot = self.slots.acquire().await;
        let request = client.get(url).header("accept", accepted).send();
        let mut response = request.await.map_err(|error| self.explained(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(FetchError::Refused(format!(
                "it redirects ({}), and redirects are not followed",
                status.as_u16()
            )));
        }
        if status != reqwest::StatusCode::OK {
            return Err(FetchError::Status(status.as_u16()));
        }
        self.bounded(&mut response, most).await
    }

    /// Never the error's own words: they may quote the address, or anything that came from there. And never what kept a connection from
    /// being made: whether the name exists, leads inside, or where it leads no server listens.
    fn explained(&self, error: &reqwest::Error) -> FetchError {
        tracing::info!(?error, "a call to another server failed");
        FetchError::Unavailable(match error.is_timeout() || error.is_connect() {
            true => format!(
                "no answer came from its host within {} seconds. Its name must lead to a public address, where a server answers by https \
                 with a certificate that is trusted here; the log of this server says what was amiss",
                self.patience.as_secs_f32()
            ),
            false => "it breaks off".to_owned(),
        })
    }
}

/// The span of a call, with the host that is called and nothing else of its address.
fn span(method: &'static str, address: &str) -> Span {
    let span = tracing::info_span!(
        target: SPANS,
        "call",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = method,
        http.response.status_code = Empty,
        server.address = Empty
    );
    if !span.is_disabled()
        && let Some(host) = Url::parse(address).ok().as_ref().and_then(Url::host_str)
    {
        span.record("server.address", host);
    }
    span
}

fn finish(span: &Span, outcome: &Result<u16, FetchError>) {
    match outcome {
        Ok(status) => span.record("http.response.status_code", status),
        Err(FetchError::Status(status)) => {
            span.record("http.response.status_code", status).record("otel.status_code", "ERROR")
        }
        Err(_) => span.record("otel.status_code", "ERROR"),
    };
}

fn client(reach: AllowedNetworks, patience: Duration) -> Result<reqwest::Client, String> {
    // The first call installs it; every call installs the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("gateway/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(patience)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(IDLE)
        .dns_resolver(Arc::new(Checked { reach, round: LOOKUP_ROUND }))
        .build()
        .map_err(|error| error.to_string())
}

/// A name leads to nothing within reach.
#[derive(Debug, thiserror::Error)]
#[error("the name of its host leads to no address that may be called: it is private, or reserved")]
struct OutOfReach;

/// Resolves names to addresses that may be called; the connection goes to one of these.
struct Checked {
    reach: AllowedNetworks,
    round: Duration,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let Checked { reach, round } = *self;
        Box::pin(async move {
            let asked = Instant::now();
            let found = reachable(name.as_str().to_owned(), reach).await;
            if found.is_err() {
                let rounds = asked.elapsed().as_nanos() / round.as_nanos().max(1) + 1;
                let told = round.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX));
                tokio::time::sleep(told.saturating_sub(asked.elapsed())).await;
            }
            found
        })
    }
}

async fn reachable(name: String, reach: AllowedNetworks) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
    let found = tokio::task::spawn_blocking(move || {
        use std::net::ToSocketAddrs;
        (name.as_str(), 0).to_socket_addrs().map(|found| found.collect::<Vec<_>>())
    });
    let mut found = found.await??;
    found.retain(|socket| reach.covers(socket.ip()));
    match found.is_empty() {
        true => Err(OutOfReach.into()),
        false => Ok(Box::new(found.into_iter()) as Addrs),
    }
}

#[cfg(test)]
mod tests;

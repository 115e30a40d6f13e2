//! Requests as an identity provider sends them, and what came back.

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, redirect};
use serde_json::Value;

use crate::cli::remote::server::cause;
use crate::platform::clock::Clock;
use crate::platform::timestamp::Timestamp;

/// Of an answer not more is read.
const LARGEST: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks, and follows no redirect.
pub(super) struct Probe {
    http: Client,
    clock: Clock,
}

/// A request beyond its method and address.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent<'a> {
    /// An access token or an operator's.
    pub(super) bearer: Option<&'a str>,
    /// A media type and a body.
    pub(super) body: Option<(&'static str, &'static str)>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: String,
    /// Whether it came over TLS, from whom the URL names.
    pub(super) is_over_tls: bool,
    /// The middle of the request, by this machine.
    pub(super) at: Timestamp,
}

impl Got {
    /// A header; empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether it is the gateway's answer, and not that of a proxy in front of it.
    pub(super) fn is_of_gateway(&self) -> bool {
        self.headers.contains_key("x-request-id")
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }
}

impl Probe {
    pub(super) fn new() -> Result<Probe, String> {
        let http = Client::builder()
            .user_agent(concat!("gateway-doctor/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // From here to there, and not by way of a proxy of this machine.
            .no_proxy()
            .timeout(PATIENCE)
            .build();
        Ok(Probe { http: http.map_err(|error| cause(&error))?, clock: Clock::of_the_machine() })
    }

    pub(super) async fn get(&self, url: &str) -> Result<Got, String> {
        self.ask("GET", url, Sent::default()).await
    }

    pub(super) async fn ask(&self, method: &str, url: &str, sent: Sent<'_>) -> Result<Got, String> {
        let request = self.http.request(method.parse::<Method>().unwrap_or(Method::GET), url);
        let request = match sent.bearer {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        };
        let request = match sent.body {
            Some((kind, body)) => request.header(CONTENT_TYPE, kind).body(body),
            None => request,
        };
        let (begun, asked) = (self.clock.now(), Instant::now());
        let mut answer = request.send().await.map_err(|error| cause(&error))?;
        let half = i64::try_from(asked.elapsed().as_millis() / 2).unwrap_or_default();
        let is_over_tls = answer.url().scheme() == "https";
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| cause(&error))? {
            body.extend_from_slice(&piece);
            if body.len() > LARGEST {
                break;
            }
        }
        Ok(Got { status, headers, body: String::from_utf8_lossy(&body).into_owned(), is_over_tls, at: begun + half })
    }
}

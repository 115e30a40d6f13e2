//! The demo's way to the server: a request, timed and written down, and an answer that has to be the expected one.

use std::time::Instant;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::Value;

use super::transcript::Transcript;

/// Why the demo cannot go on: what was expected, and what came.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// A client without redirects; `headers` go with every request.
pub(crate) fn http_client(headers: &[(&'static str, &str)], cookies: bool) -> Result<Client, Failure> {
    let mut defaults = HeaderMap::new();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).map_err(|e| Failure(format!("header {name}: {e}")))?;
        defaults.insert(HeaderName::from_static(name), value);
    }
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .cookie_store(cookies)
        .default_headers(defaults)
        .build()
        .map_err(|e| Failure(format!("cannot make an HTTP client: {e}")))
}

/// Somebody who sends requests to the server.
#[derive(Debug)]
pub(crate) struct Caller<'t> {
    transcript: &'t Transcript,
    who: &'static str,
    http: Client,
    base: String,
}

impl<'t> Caller<'t> {
    /// `who` is how the transcript calls them.
    pub(crate) fn new(transcript: &'t Transcript, who: &'static str, http: Client, base: &str) -> Caller<'t> {
        Caller { transcript, who, http, base: base.to_owned() }
    }

    /// Sends a request with a JSON body, or none.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer<'t>, Failure> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let request = request.build().map_err(|e| Failure(format!("cannot write a request to {path}: {e}")))?;
        self.execute(request).await
    }

    /// Sends what was prepared with [`request`](Self::request).
    pub(crate) async fn execute(&self, request: reqwest::Request) -> Result<Answer<'t>, Failure> {
        let method = request.method().to_string();
        let url = request.url().to_string();
        let shown = url.strip_prefix(&self.base).unwrap_or(&url).to_owned();
        let failed = |e: reqwest::Error| Failure(format!("{method} {shown}: expected an answer, but {e}"));
        let began = Instant::now();
        let response = self.http.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.map_err(failed)?.to_vec();
        self.transcript.request(self.who, &method, &shown, status, began.elapsed());
        Ok(Answer { transcript: self.transcript, asked: format!("{method} {shown}"), status, headers, body })
    }

    /// A request to be filled in.
    pub(crate) fn request(&self, method: Method, url: &str) -> reqwest::RequestBuilder {
        self.http.request(method, url)
    }

    /// Where the server is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Where this is written down.
    pub(crate) fn transcript(&self) -> &'t Transcript {
        self.transcript
    }
}

/// An answer nobody has looked at yet.
#[derive(Debug)]
#[must_use]
pub(crate) struct Answer<'t> {
    transcript: &'t Transcript,
    asked: String,
    /// The status code.
    pub(crate) status: u16,
    /// The header fields.
    pub(crate) headers: HeaderMap,
    /// The body, as it came.
    pub(crate) body: Vec<u8>,
}

impl Answer<'_> {
    /// Insists on this status and says what it means.
    pub(crate) fn expect(self, status: u16, meaning: &str) -> Result<Json, Failure> {
        if self.status != status {
            return Err(self.unexpected(&format!("status {status}")));
        }
        self.transcript.say(meaning);
        if self.body.is_empty() {
            return Ok(Json { asked: self.asked, value: Value::Null });
        }
        match serde_json::from_slice(&self.body) {
            Ok(value) => Ok(Json { asked: self.asked, value }),
            Err(_) => Err(self.unexpected("a JSON body")),
        }
    }

    /// The failure that this answer is, where something else was expected.
    pub(crate) fn unexpected(&self, expected: &str) -> Failure {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(2_000).collect();
        Failure(format!("{}\n  expected: {expected}\n  came:     status {}\n  {body}", self.asked, self.status))
    }

    /// A header field as text; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
    }
}

/// The JSON of an answer that was the expected one.
#[derive(Debug)]
pub(crate) struct Json {
    asked: String,
    /// What it holds.
    pub(crate) value: Value,
}

impl Json {
    /// The text at this JSON pointer (RFC 6901).
    pub(crate) fn text(&self, pointer: &str) -> Result<String, Failure> {
        match self.value.pointer(pointer).and_then(Value::as_str) {
            Some(text) => Ok(text.to_owned()),
            None => Err(self.unexpected(&format!("a text at {pointer}"))),
        }
    }

    /// The texts in the list at this JSON pointer.
    pub(crate) fn texts(&self, pointer: &str) -> Result<Vec<String>, Failure> {
        match self.value.pointer(pointer).and_then(Value::as_array) {
            Some(list) => Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            None => Err(self.unexpected(&format!("a list at {pointer}"))),
        }
    }

    /// Insists on this value at this JSON pointer; `null` stands for an absent one.
    pub(crate) fn has(self, pointer: &str, expected: impl Into<Value>) -> Result<Json, Failure> {
        let expected = expected.into();
        match self.value.pointer(pointer).unwrap_or(&Value::Null) {
            found if *found == expected => Ok(self),
            _ => Err(self.unexpected(&format!("{expected} at {pointer}"))),
        }
    }

    fn unexpected(&self, expected: &str) -> Failure {
        let shown: String = self.value.to_string().chars().take(2_000).collect();
        Failure(format!("{}\n  expected: {expected}\n  came:     {shown}", self.asked))
    }
}

/// Percent-encodes one value for a query, with `+` for a space, as Okta does.
pub(crate) fn encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

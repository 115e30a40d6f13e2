//! The way to a server.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Request, Response, StatusCode};
use serde_json::Value;

/// Why a client cannot go on: what was expected, and what came.
#[derive(Debug)]
pub struct Failure(pub String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Sends requests to a server, in whose name it is the implementation's to say.
pub trait Wire {
    /// Sends a request and follows no redirect.
    fn send(&self, request: Request) -> impl Future<Output = Result<Answer, Failure>>;
}

impl<W: Wire> Wire for &W {
    fn send(&self, request: Request) -> impl Future<Output = Result<Answer, Failure>> {
        (*self).send(request)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The method and address that were asked.
    pub asked: String,
    /// The status code.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads a response to its end; `asked` is the method and address of the request.
    pub async fn read(asked: String, response: Response) -> Result<Answer, reqwest::Error> {
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer { asked, status, headers, body: response.bytes().await?.to_vec() })
    }

    /// The failure that this answer is, where something else was expected.
    pub fn unexpected(&self, expected: &str) -> Failure {
        let body: String = self.text().chars().take(2_000).collect();
        Failure(format!(
            "{}\n  expected: {expected}\n  came:     status {}\n  {body}",
            self.asked,
            self.status.as_u16()
        ))
    }

    /// Insists on one of these statuses.
    pub fn expect(self, statuses: &[u16]) -> Result<Answer, Failure> {
        if statuses.contains(&self.status.as_u16()) {
            return Ok(self);
        }
        let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
        Err(self.unexpected(&format!("status {}", statuses.join(" or "))))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|_| self.unexpected("a JSON body"))
    }

    /// A header field as text; `None` when it is absent, or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type of the body, without parameters.
    pub fn media_type(&self) -> &str {
        self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }
}

/// Header fields of these names and values.
pub(crate) fn headers(fields: &[(&'static str, &str)]) -> Result<HeaderMap, Failure> {
    let field = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).map_err(|e| Failure(format!("header {name}: {e}")))?;
        Ok((HeaderName::from_static(name), value))
    };
    fields.iter().map(field).collect()
}

/// Percent-encodes one value for a query, with `+` for a space, as Okta does.
pub fn encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

//! Requests and answers, with refusals told apart by the form each part of the server owes.

use std::future::{Future, IntoFuture};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Once;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway::simulate::wire::{self, encoded};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, redirect};
use serde_json::Value;

/// The Error message's schema (RFC 7644 §3.12).
pub const SCIM_ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A client without cookies that follows no redirect.
pub fn client() -> Client {
    builder().build().expect("a client can be built")
}

/// The beginnings of a client.
pub fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    // Proxies of stories have a certificate that was made for the occasion.
    Client::builder().redirect(redirect::Policy::none()).no_proxy().tls_danger_accept_invalid_certs(true)
}

/// A request in the making. Awaiting it sends it.
#[must_use = "a call is sent by awaiting it"]
pub struct Call {
    client: Client,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Call {
    pub fn new(client: Client, method: Method, url: String) -> Call {
        Call { client, method, url, headers: HeaderMap::new(), body: None }
    }

    pub fn header(mut self, name: &str, value: &str) -> Call {
        let name: HeaderName = name.parse().expect("a header's name");
        self.headers.insert(name, HeaderValue::from_str(value).expect("a header's value"));
        self
    }

    /// One more of a header that is there already.
    pub fn another_header(mut self, name: &str, value: &str) -> Call {
        let name: HeaderName = name.parse().expect("a header's name");
        self.headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
        self
    }

    pub fn headers(self, headers: &[(&str, &str)]) -> Call {
        headers.iter().fold(self, |call, (name, value)| call.header(name, value))
    }

    pub fn bearer(self, token: &str) -> Call {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// RFC 6749 §2.3.1
    pub fn basic(self, id: &str, secret: &str) -> Call {
        let pair: String = [id, secret].map(encoded).join(":");
        self.header("authorization", &format!("Basic {}", STANDARD.encode(pair)))
    }

    /// A body of this media type.
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Call {
        self.body = Some(body.into());
        self.header("content-type", media_type)
    }

    pub fn json(self, body: &Value) -> Call {
        self.body("application/json", body.to_string())
    }

    pub fn scim(self, body: &Value) -> Call {
        self.body("application/scim+json; charset=utf-8", body.to_string())
    }

    pub fn form<K: AsRef<str>, V: AsRef<str>>(self, pairs: &[(K, V)]) -> Call {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.body("application/x-www-form-urlencoded", body)
    }

    /// Sends it. An error says that no answer came.
    pub async fn attempt(self) -> Result<Answer, reqwest::Error> {
        let request = format!("{} {}", self.method, self.url);
        let mut builder = self.client.request(self.method, self.url).headers(self.headers);
        if let Some(body) = self.body {
            builder = builder.body(body);
        }
        Ok(Answer(wire::Answer::read(request, builder.send().await?).await?))
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let request = format!("{} {}", self.method, self.url);
            self.attempt().await.unwrap_or_else(|error| panic!("{request}: {error:?}"))
        })
    }
}

/// What came back. What is insisted on in vain ends the story.
#[derive(Debug)]
pub struct Answer(pub wire::Answer);

impl Deref for Answer {
    type Target = wire::Answer;

    fn deref(&self) -> &wire::Answer {
        &self.0
    }
}

impl Answer {
    /// Insists on a status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}\n{}", self.asked, self.text());
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| {
            panic!("{} is answered with {} and no JSON ({e}):\n{}", self.asked, self.status, self.text())
        })
    }

    /// A SCIM error (RFC 7644 §3.12). Gives its `detail`.
    #[track_caller]
    pub fn expect_scim_error(self, status: u16, scim_type: Option<&str>) -> String {
        let answer = self.expect(status);
        let detail = answer.scim_error();
        assert_eq!(answer.json()["scimType"].as_str(), scim_type, "{}\n{}", answer.asked, answer.text());
        detail
    }

    /// Insists on the form of a SCIM error, whichever it is. Gives its `detail`.
    #[track_caller]
    pub fn scim_error(&self) -> String {
        assert_eq!(self.media_type(), "application/scim+json", "{}: {}\n{}", self.asked, self.status, self.text());
        let body = self.json();
        assert_eq!(body["schemas"][0], SCIM_ERROR, "{}\n{body}", self.asked);
        assert_eq!(body["status"], self.status.as_u16().to_string(), "{}: `status` is a string\n{body}", self.asked);
        let detail = body["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty(), "{}: an administrator reads `detail`\n{body}", self.asked);
        detail.to_owned()
    }

    /// An OAuth error (RFC 6749 §5.2). Gives its description.
    #[track_caller]
    pub fn expect_oauth_error(self, status: u16, code: &str) -> String {
        let answer = self.expect(status);
        let description = answer.oauth_error();
        assert_eq!(answer.json()["error"], code, "{}\n{}", answer.asked, answer.text());
        description
    }

    /// Insists on the form of an OAuth error, whichever it is.
    #[track_caller]
    pub fn oauth_error(&self) -> String {
        assert_eq!(self.media_type(), "application/json", "{}: {}\n{}", self.asked, self.status, self.text());
        let body = self.json();
        let code = body["error"].as_str().unwrap_or_default();
        assert!(!code.is_empty(), "{}: no `error` in\n{body}", self.asked);
        assert!(self.header("cache-control").is_some_and(|v| v.contains("no-store")), "{}: no-store", self.asked);
        body["error_description"].as_str().unwrap_or_default().to_owned()
    }

    /// Problem details (RFC 9457). Gives the whole.
    #[track_caller]
    pub fn expect_problem(self, status: u16) -> Value {
        let answer = self.expect(status);
        answer.problem()
    }

    /// Insists on the form of problem details, whichever they are.
    #[track_caller]
    pub fn problem(&self) -> Value {
        assert_eq!(self.media_type(), "application/problem+json", "{}: {}\n{}", self.asked, self.status, self.text());
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16(), "{}\n{body}", self.asked);
        assert!(body["title"].is_string(), "{}: no `title` in\n{body}", self.asked);
        body
    }

    /// A page for a person.
    #[track_caller]
    pub fn page(&self) -> String {
        assert_eq!(self.media_type(), "text/html", "{}: {}\n{}", self.asked, self.status, self.text());
        self.text()
    }
}

/// Text as the server's templates write it.
pub fn escaped(text: &str) -> String {
    let escape = |c| match c {
        '&' | '<' | '>' | '"' | '\'' => format!("&#{};", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

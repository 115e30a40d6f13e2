//! The demo's way to the server: a request, timed and written down, and an answer that has to be the expected one.

use std::time::Instant;

use reqwest::{Client, Method, Request};
use serde_json::Value;

use super::transcript::Transcript;
pub(crate) use crate::simulate::wire::Failure;
use crate::simulate::wire::{self, Wire, headers};

/// A client without redirects; these headers go with every request.
pub(crate) fn http_client(fields: &[(&'static str, &str)]) -> Result<Client, Failure> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .default_headers(headers(fields)?)
        .build()
        .map_err(|e| Failure(format!("cannot make an HTTP client: {e}")))
}

/// One of those who send requests to the server.
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
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer<'t>, Failure> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let request = request.build().map_err(|e| Failure(format!("cannot write a request to {path}: {e}")))?;
        Ok(Answer { transcript: self.transcript, answer: self.send(request).await? })
    }

    /// Where this is written down.
    pub(crate) fn transcript(&self) -> &'t Transcript {
        self.transcript
    }
}

/// Times it and writes it down.
impl Wire for Caller<'_> {
    async fn send(&self, request: Request) -> Result<wire::Answer, Failure> {
        let method = request.method().to_string();
        let url = request.url().to_string();
        let shown = url.strip_prefix(&self.base).unwrap_or(&url).to_owned();
        let failed = |e: reqwest::Error| Failure(format!("{method} {shown}: expected an answer, but {e}"));
        let began = Instant::now();
        let response = self.http.execute(request).await.map_err(failed)?;
        let answer = wire::Answer::read(format!("{method} {shown}"), response).await.map_err(failed)?;
        self.transcript.request(self.who, &method, &shown, answer.status.as_u16(), began.elapsed());
        Ok(answer)
    }
}

/// An answer that is to be looked at.
#[derive(Debug)]
#[must_use]
pub(crate) struct Answer<'t> {
    transcript: &'t Transcript,
    answer: wire::Answer,
}

impl<'t> Answer<'t> {
    /// To be written down here.
    pub(crate) fn new(transcript: &'t Transcript, answer: wire::Answer) -> Answer<'t> {
        Answer { transcript, answer }
    }

    /// The status code.
    pub(crate) fn status(&self) -> u16 {
        self.answer.status.as_u16()
    }

    /// A header field as text; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> String {
        self.answer.header(name).unwrap_or_default().to_owned()
    }

    /// Insists on this status and says what it means.
    pub(crate) fn expect(self, status: u16, meaning: &str) -> Result<Json, Failure> {
        let answer = self.answer.expect(&[status])?;
        self.transcript.say(meaning);
        let value = if answer.body.is_empty() { Value::Null } else { answer.json()? };
        Ok(Json { asked: answer.asked, value })
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

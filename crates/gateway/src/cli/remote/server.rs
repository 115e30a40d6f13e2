//! Asking a server: its address, the operator's token, the request, and what is said where it is refused.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use serde_json::{Map, Value};
use url::Url;

use super::arguments::{Asked, read};
use super::described::Operation;
use crate::config::public_url;
use crate::domain::wording;

/// So long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
const TO_CONNECT: Duration = Duration::from_secs(10);

/// Why nothing came of it; each has an exit code.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// 1: the server cannot be reached, is busy, or failed.
    Server(String),
    /// 2: what was typed cannot be meant.
    Usage(String),
    /// 3: there is no token, it does not count, or it is not enough.
    NotAllowed(String),
    /// 4: what was named does not exist, or is out of reach.
    NotFound(String),
    /// 5: the server refused it: it is wrong, or contradicts what is there.
    Refused(String),
    /// 0: the reader of the answer has read enough, as `head` does.
    ReadEnough,
}

impl Failed {
    pub(super) fn code(&self) -> u8 {
        match self {
            Failed::ReadEnough => 0,
            Failed::Server(_) => 1,
            Failed::Usage(_) => 2,
            Failed::NotAllowed(_) => 3,
            Failed::NotFound(_) => 4,
            Failed::Refused(_) => 5,
        }
    }

    /// What is said; nothing to a reader who has read enough.
    pub(super) fn words(&self) -> Option<&str> {
        match self {
            Failed::Server(words)
            | Failed::Usage(words)
            | Failed::NotAllowed(words)
            | Failed::NotFound(words)
            | Failed::Refused(words) => Some(words),
            Failed::ReadEnough => None,
        }
    }
}

/// A server, and an operator's token for it.
#[derive(Debug)]
pub(super) struct Server {
    base: String,
    http: Client,
}

/// The address of a server: what stands before `/admin`.
fn base(typed: &str) -> Result<Url, Failed> {
    let wrong = |why: &str| Failed::Usage(format!("--server {typed}: {why}, as in https://gateway.example"));
    let mut url = Url::parse(typed).map_err(|_| wrong("must be a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must have no user or password in it; the token is GATEWAY_TOKEN, or in --token-file"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must end with its path"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(path.strip_suffix("/admin").unwrap_or(&path));
    Ok(url)
}

/// The operator's token: of a file, or of the environment. `None`: neither has one.
#[expect(clippy::disallowed_methods, reason = "a client's token is no setting of this server")]
pub(in crate::cli) fn token(file: Option<&str>) -> Result<Option<String>, String> {
    let token = match file {
        Some(file) => Some(read(file, "token-file")?),
        None => std::env::var("GATEWAY_TOKEN").ok(),
    };
    Ok(token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
}

impl Server {
    pub(super) fn of(asked: &Asked) -> Result<Server, Failed> {
        let url = base(&asked.server)?;
        let token = token(asked.token_file.as_deref()).map_err(Failed::Usage)?.ok_or_else(|| {
            Failed::NotAllowed(
                "there is no operator's token: set GATEWAY_TOKEN, or say --token-file FILE. `gateway operator create` makes one on the \
                 server's machine, and the console under your name"
                    .to_owned(),
            )
        })?;
        if public_url::is_exposed(url.as_str()) {
            eprintln!("gateway: the token goes to {url} without TLS: others on the way can read it");
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Failed::NotAllowed("the operator's token has characters that no token has".to_owned()))?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
        let http = Client::builder()
            .user_agent(concat!("gateway/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // A token is for this server alone.
            .redirect(redirect::Policy::none())
            .connect_timeout(TO_CONNECT)
            .read_timeout(SILENCE)
            .build()
            .map_err(|error| Failed::Server(cause(&error)))?;
        Ok(Server { base: url.as_str().trim_end_matches('/').to_owned(), http })
    }

    /// The id of an account that is named: by its id, or as it is called.
    pub(super) async fn account(&self, named: String) -> Result<String, Failed> {
        if uuid::Uuid::parse_str(&named).is_ok() {
            return Ok(named);
        }
        let found = self.get("/admin/accounts", &[("name", named.clone())]).await?;
        let id = found["items"][0]["id"].as_str();
        id.map(str::to_owned)
            .ok_or_else(|| Failed::NotFound(format!("there is no account with the id or the name `{named}`")))
    }

    async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failed> {
        let answer = self.send("GET", path, query, None).await?;
        json_of(answered(answer, None).await?).await
    }

    /// Sends what was asked for, and says what was answered if it is no refusal.
    pub(super) async fn ask(&self, asked: &Asked) -> Result<Response, Failed> {
        let answer = self.send(asked.operation.method, &asked.path(), &asked.query, asked.body.as_ref()).await?;
        answered(answer, Some(asked.operation)).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Map<String, Value>>,
    ) -> Result<Response, Failed> {
        let method = method.parse::<Method>().unwrap_or(Method::GET);
        let mut url = Url::parse(&format!("{}{path}", self.base)).map_err(|error| Failed::Usage(error.to_string()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request
            .send()
            .await
            .map_err(|error| Failed::Server(format!("{} cannot be asked: {}", self.base, cause(&error))))
    }
}

/// The JSON of an answer.
pub(super) async fn json_of(answer: Response) -> Result<Value, Failed> {
    let url = answer.url().clone();
    let text = answer.text().await.map_err(|error| Failed::Server(cause(&error)))?;
    serde_json::from_str(&text).map_err(|_| {
        let begins = wording::strip_invisible(wording::beginning(text.trim(), 80));
        Failed::Server(format!("{url} does not answer in JSON, so it is no server of this kind: {begins}"))
    })
}

/// The answer, unless it is a refusal.
async fn answered(answer: Response, operation: Option<&'static Operation>) -> Result<Response, Failed> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    if status.is_redirection() {
        let place = answer.headers().get(LOCATION).and_then(|place| place.to_str().ok()).unwrap_or("elsewhere");
        let place = wording::strip_invisible(place);
        return Err(Failed::Usage(format!(
            "{} leads to {place}: say the address that answers itself in --server",
            answer.url()
        )));
    }
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let wait = header(RETRY_AFTER).and_then(|seconds| seconds.parse::<i64>().ok());
    let is_problem = header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/problem+json"));
    let url = answer.url().clone();
    let problem: Value = match is_problem {
        true => serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default(),
        false => Value::Null,
    };
    let words = match (&problem, status) {
        (Value::Null, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => {
            return Err(Failed::Server(format!("{url} answered {status}: there is no admin API at this address")));
        }
        (Value::Null, _) => format!("{url} answered {status}"),
        (problem, _) => in_words(problem, operation),
    };
    Err(match status {
        StatusCode::UNAUTHORIZED => Failed::NotAllowed(format!(
            "{words}\nGATEWAY_TOKEN or --token-file has to hold the token (gwo_…) of an operator of this server that was not ended"
        )),
        StatusCode::FORBIDDEN => Failed::NotAllowed(words),
        StatusCode::NOT_FOUND => Failed::NotFound(words),
        status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => Failed::Refused(words),
        _ => Failed::Server(match wait {
            Some(seconds) => format!("{words}\nTry again in {}", wording::wait(seconds.max(1))),
            None => words,
        }),
    })
}

/// A refusal (RFC 9457) in words, each mistake with the option that it is about.
fn in_words(problem: &Value, operation: Option<&'static Operation>) -> String {
    let text = |value: &Value| wording::strip_invisible(value.as_str().unwrap_or_default());
    let mistakes: Vec<String> = problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|mistake| format!("  {}: {}", place(&text(&mistake["field"]), operation), text(&mistake["detail"])))
        .collect();
    let (title, detail) = (text(&problem["title"]), text(&problem["detail"]));
    match (mistakes.is_empty(), problem["status"].as_u64()) {
        (true, _) => detail,
        // Its detail is the mistakes in a line.
        (false, Some(400)) => format!("{title}:\n{}", mistakes.join("\n")),
        (false, _) => format!("{detail}\n{}", mistakes.join("\n")),
    }
}

/// `redirect_uris[0]` as it is typed: `--redirect-uris (1)`.
fn place(field: &str, operation: Option<&'static Operation>) -> String {
    let name = field.strip_prefix('?').unwrap_or(field);
    let stem = name.split(['[', '.']).next().unwrap_or(name);
    let option = operation.and_then(|operation| operation.options.iter().find(|option| option.name == stem));
    let rest = &name[stem.len()..];
    match (option, rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')?.parse::<usize>().ok())) {
        (None, _) => field.to_owned(),
        (Some(option), Some(index)) => format!("--{} ({})", option.flag, index + 1),
        (Some(option), None) => format!("--{}{rest}", option.flag),
    }
}

/// What an error came from in the end, without the address, which is said already.
pub(in crate::cli) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::described::OPERATIONS;
    use super::*;

    #[test]
    fn the_address_of_a_server_is_what_stands_before_admin() {
        for typed in ["https://gateway.example", "https://gateway.example/", "https://gateway.example/admin/"] {
            assert_eq!(base(typed).unwrap().as_str(), "https://gateway.example/", "{typed}");
        }
        assert_eq!(base("https://vendor.example/gateway/admin").unwrap().path(), "/gateway");
        for typed in
            ["gateway.example", "ftp://gateway.example", "https://ada:secret@gateway.example", "https://x/?a=b"]
        {
            assert!(matches!(base(typed), Err(Failed::Usage(_))), "{typed}");
        }
        let stays_here = |url: &str| !public_url::is_exposed(url);
        assert!(stays_here("http://127.0.0.1:1") && stays_here("http://localhost") && stays_here("http://[::1]/"));
        assert!(!stays_here("http://gateway.example") && !stays_here("http://10.0.0.1"));
    }

    #[test]
    fn a_mistake_is_told_by_the_option_that_it_is_about() {
        let operation = OPERATIONS.iter().find(|one| one.command() == "client create");
        let problem = json!({"title": "Invalid request", "status": 400, "detail": "…", "errors": [
            {"field": "redirect_uris[1]", "detail": "must be https"}, {"field": "?limit", "detail": "is a number"},
            {"field": "federation.issuer", "detail": "must be https"}]});
        assert_eq!(
            in_words(&problem, operation),
            "Invalid request:\n  --redirect-uris (2): must be https\n  ?limit: is a number\n  --federation.issuer: must be https"
        );
        let conflict = json!({"title": "Conflict", "status": 409, "detail": "another account is called so"});
        assert_eq!(in_words(&conflict, operation), "another account is called so");
    }
}

//! Requests that hand something to another server, by POST: with the same guards as every call, a patience of their own, and little read of
//! what is answered, or all of it within bounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Instrument;

use super::{Calls, FetchError, Outbound, finish, span};

/// After the status has come, the body gets so long: what the receiver says beside it is for people.
const BODY: Duration = Duration::from_secs(1);

/// What is sent.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where to.
    pub url: String,
    /// Which headers it has, beside those of every request.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

impl Outbound {
    /// Makes calls to the same networks that may take so long, so many at once. They wait for none of the others, and none of the others for
    /// them.
    #[must_use]
    pub fn beside(&self, patience: Duration, at_once: usize) -> Outbound {
        Outbound {
            reach: self.reach,
            patience,
            client: Arc::default(),
            slots: Arc::new(tokio::sync::Semaphore::new(at_once)),
        }
    }

    /// Sends it; any status is an answer, a redirect too, which is not followed. Of the body at most so many bytes are read, and what is not
    /// there soon after the status is left. The call is noted.
    pub async fn post(&self, post: Post, calls: &Calls, most: usize) -> Result<Answered, FetchError> {
        let address = post.url.clone();
        noted(&address, calls, self.posted(post, most)).await
    }

    /// Sends it, and brings the whole answer, which has to come within the patience and to have at most so many bytes. The call is noted.
    pub async fn ask(&self, post: Post, calls: &Calls, most: usize) -> Result<Answered, FetchError> {
        let address = post.url.clone();
        noted(&address, calls, self.asked(post, most)).await
    }

    async fn asked(&self, post: Post, most: usize) -> Result<Answered, FetchError> {
        let _slot = self.slots.acquire().await;
        let mut answer = self.sent(post).await?;
        let (status, retry_after) = head_of(&answer);
        let body = self.bounded(&mut answer, most).await?;
        Ok(Answered { status, retry_after, body })
    }

    async fn sent(&self, Post { url, headers, body }: Post) -> Result<reqwest::Response, FetchError> {
        let url = self.url(&url).map_err(|why| FetchError::Refused(format!("its address {why}")))?;
        let mut request = self.client()?.post(url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.map_err(|error| self.explained(&error))
    }

    async fn posted(&self, post: Post, most: usize) -> Result<Answered, FetchError> {
        let _slot = self.slots.acquire().await;
        let mut answer = self.sent(post).await?;
        let (status, retry_after) = head_of(&answer);
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = answer.chunk().await {
                body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
                if body.len() >= most {
                    break;
                }
            }
        };
        // What comes late or breaks off is left: the status has said what counts.
        let _ = tokio::time::timeout(BODY, read).await;
        Ok(Answered { status, retry_after, body })
    }
}

/// Makes a call, and notes how it went.
async fn noted(
    address: &str,
    calls: &Calls,
    call: impl Future<Output = Result<Answered, FetchError>>,
) -> Result<Answered, FetchError> {
    let (began, span) = (Instant::now(), span("POST", address));
    let answered = call.instrument(span.clone()).await;
    let outcome = answered.as_ref().map_err(Clone::clone).and_then(|answer| match answer.status {
        status @ ..400 => Ok(status),
        status => Err(FetchError::Status(status)),
    });
    finish(&span, &outcome);
    calls.note("POST", address, began, outcome);
    answered
}

/// The status of an answer, and when it may be asked again.
fn head_of(answer: &reqwest::Response) -> (u16, Option<String>) {
    let header = answer.headers().get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    (answer.status().as_u16(), header.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::super::address::AllowedNetworks;
    use super::*;

    /// A server that answers the first request with these bytes, and then holds the connection.
    fn server(answer: impl Into<Vec<u8>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let answer = answer.into();
        std::thread::spawn(move || {
            let (mut visitor, _) = listener.accept().unwrap();
            let _ = visitor.read(&mut [0; 4096]);
            let _ = visitor.write_all(&answer);
            let _ = visitor.read_to_end(&mut Vec::new());
        });
        url
    }

    async fn posted(url: &str, patience: Duration) -> Result<Answered, FetchError> {
        let outbound = Outbound::new(AllowedNetworks::PublicAndLoopback).beside(patience, 1);
        let post = Post { url: url.to_owned(), headers: vec![("webhook-id", "a".to_owned())], body: "{}".to_owned() };
        outbound.post(post, &Calls::default(), 1024).await
    }

    const PATIENT: Duration = Duration::from_secs(20);

    #[actix_web::test]
    async fn of_an_answer_the_status_counts_and_little_of_the_body_is_read() {
        let answer = |status: u16, body: &str| {
            let length = body.len();
            format!(
                "HTTP/1.1 {status} X\r\nretry-after: 7\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {length}\r\n\r\n{body}"
            )
        };
        for status in [200, 204, 302, 410, 500] {
            let answered = posted(&server(answer(status, "")), PATIENT).await.unwrap();
            assert_eq!((answered.status, answered.retry_after.as_deref()), (status, Some("7")));
        }
        let large = posted(&server(answer(200, &"x".repeat(10 << 20))), PATIENT).await.unwrap();
        assert_eq!((large.status, large.body.len()), (200, 1024));
        let never_ends = "HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\nbegun";
        let began = Instant::now();
        let answered = posted(&server(never_ends), PATIENT).await.unwrap();
        assert_eq!((answered.status, answered.body), (200, b"begun".to_vec()));
        assert!(began.elapsed() < PATIENT);
    }

    #[actix_web::test]
    async fn an_answer_that_counts_as_a_whole_comes_whole_or_not_at_all() {
        let ask = async |url: String, patience: Duration| {
            let outbound = Outbound::new(AllowedNetworks::PublicAndLoopback).beside(patience, 1);
            let post = Post { url, headers: Vec::new(), body: "{}".to_owned() };
            outbound.ask(post, &Calls::default(), 1024).await
        };
        let answer = |length: usize, body: &str| format!("HTTP/1.1 200 X\r\ncontent-length: {length}\r\n\r\n{body}");
        let whole = ask(server(answer(1024, &"x".repeat(1024))), PATIENT).await.unwrap();
        assert_eq!((whole.status, whole.body.len()), (200, 1024));
        let large = ask(server(answer(10 << 20, &"x".repeat(10 << 20))), PATIENT).await;
        assert!(matches!(&large, Err(FetchError::Refused(_))), "{large:?}");
        let never_ends = ask(server(answer(100, "begun")), Duration::from_millis(300)).await;
        assert!(matches!(&never_ends, Err(FetchError::Unavailable(_))), "{never_ends:?}");
    }

    #[actix_web::test]
    async fn who_never_answers_and_who_is_inside_are_left() {
        let silent = posted(&server(""), Duration::from_millis(100)).await;
        assert!(matches!(&silent, Err(FetchError::Unavailable(_))), "{silent:?}");
        let url = server("");
        let outbound = Outbound::new(AllowedNetworks::Public).beside(PATIENT, 1);
        let post = Post { url, headers: Vec::new(), body: String::new() };
        let refused = outbound.post(post, &Calls::default(), 1024).await;
        assert!(matches!(&refused, Err(FetchError::Refused(_))), "{refused:?}");
    }
}

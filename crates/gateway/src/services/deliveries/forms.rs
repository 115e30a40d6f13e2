//! The forms in which an event is sent, and what an answer means in each. Who is next, where a receiver is and when it is tried again is decided
//! [elsewhere](super): a new form needs a variant of [`Form`] and an arm of each function here, and nothing besides.

use oauth::security_event::{MEDIA_TYPE, SetError};

use crate::domain::event_stream::Delivery;
use crate::domain::receiver::standard_webhook::Secret;
use crate::domain::receiver::{Form, Reply, retry_after, shown};
use crate::domain::sealing::{RECEIVER_SECRET, STREAM_AUTHORIZATION};
use crate::platform::outbound::FetchError;
use crate::platform::outbound::post::{Answered, Post};
use crate::platform::timestamp::Timestamp;
use crate::services::event_streams::push;
use crate::storage::ReadCost;
use crate::storage::events::EventRow;
use crate::storage::receivers::Receiver;

use super::Deliverer;

/// The request by which an event is sent to a receiver, now. `None`: the form has no words for it, and the receiver's position moves past it.
/// If it cannot be made, the receiver is held.
pub(super) async fn request(
    at: &Deliverer,
    receiver: &Receiver,
    event: &EventRow,
    now: Timestamp,
) -> Result<Option<Post>, String> {
    match receiver.form {
        Form::StandardWebhook => standard_webhook(at, receiver, event, now).map(Some),
        Form::SecurityEvent => security_event(at, receiver, event).await,
    }
}

/// What an answer means.
pub(super) fn reply(form: Form, answer: &Result<Answered, FetchError>, now: Timestamp) -> Reply {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Reply::Unreachable(error.to_string()),
    };
    match form {
        Form::StandardWebhook => by_status(answer, now),
        Form::SecurityEvent => by_acceptance(answer, now),
    }
}

/// As the Standard Webhooks read a status: 2xx has it, 410 is gone for ever, all else is a failure. A 4xx but for those of a receiver that is
/// short of time is taken for what it says of this event.
fn by_status(answer: &Answered, now: Timestamp) -> Reply {
    let said = shown(&answer.body);
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let problem = format!("it answered {}{said}", answer.status);
    match answer.status {
        200..=299 => Reply::Taken,
        300..=399 => {
            let problem = format!(
                "it answered {}, a redirect, and redirects are not followed: set the address it leads to",
                answer.status
            );
            Reply::Failed { problem, retry_after: None }
        }
        410 => Reply::Gone(problem),
        408 | 425 | 429 | 500.. => {
            let retry_after = answer.retry_after.as_deref().and_then(|header| retry_after(header, now.millis()));
            Reply::Failed { problem, retry_after }
        }
        _ => Reply::Refused(problem),
    }
}

/// As RFC 8935 reads a status: 202 has it, and nothing else does (§2.2). 400 with a code is what the receiver says of this token (§2.3). All
/// else, of a receiver that knows nothing of tokens too, is a failure.
fn by_acceptance(answer: &Answered, now: Timestamp) -> Reply {
    let error = || SetError::read(&serde_json::from_slice(&answer.body).ok()?);
    match (answer.status, by_status(answer, now)) {
        (202, _) => Reply::Taken,
        (400, _) if let Some(SetError { err, description }) = error() => {
            let description = description.map(|text| format!(", {text}")).unwrap_or_default();
            Reply::Refused(format!("{}{err}{description}", push::REFUSED))
        }
        (status @ 200..=299, _) => {
            let problem = format!("it answered {status}; 202 says that a token is taken");
            Reply::Failed { problem, retry_after: None }
        }
        (_, Reply::Refused(problem) | Reply::Gone(problem)) => Reply::Failed { problem, retry_after: None },
        (_, reply) => reply,
    }
}

async fn security_event(at: &Deliverer, receiver: &Receiver, event: &EventRow) -> Result<Option<Post>, String> {
    let cannot = |error: crate::storage::DbError| format!("the token cannot be made: {error}");
    let (stream, about, issuer) = (receiver.id.clone(), event.clone(), at.issuer.clone());
    let said =
        at.db.read(ReadCost::Point, move |tx| push::token(tx, &issuer, &stream, &about)).await.map_err(cannot)?;
    let Some((stream, token)) = said? else { return Ok(None) };
    let mut headers = vec![("content-type", MEDIA_TYPE.to_owned()), ("accept", "application/json".to_owned())];
    if let Delivery::Push { authorization: Some(sealed), .. } = &stream.delivery {
        let plain = at.keys.open(STREAM_AUTHORIZATION, sealed).and_then(|bytes| String::from_utf8(bytes).ok());
        let unreadable = "its authorization_header cannot be opened with the master keys that are configured";
        headers.push(("authorization", plain.ok_or(unreadable)?));
    }
    let keys = at.signer.current().await.map_err(cannot)?;
    let signed = tokio::task::spawn_blocking(move || token.signed(&keys)).await;
    let body = signed.map_err(|_| "the token was not signed: the server stops".to_owned())?.map_err(cannot)?;
    Ok(Some(Post { url: receiver.url.clone(), headers, body }))
}

/// The name under which a receiver knows an event again: the same at each try, and another for each receiver. It has no full stop, as the
/// specification asks.
pub(super) fn message_id(receiver: &Receiver, event: &EventRow) -> String {
    format!("{}_{}", event.id, receiver.id)
}

fn standard_webhook(at: &Deliverer, receiver: &Receiver, event: &EventRow, now: Timestamp) -> Result<Post, String> {
    let secrets = secrets(at, receiver, now)?;
    let told = at.feed.told(event, receiver.account.is_some());
    // The event as it is polled, with the `timestamp` that the specification has for what the feed calls `time`.
    let timestamp = crate::platform::system::rfc3339(event.at);
    let body = format!(r#"{},"timestamp":"{timestamp}"}}"#, told.strip_suffix('}').unwrap_or(&told));
    let (id, seconds) = (message_id(receiver, event), now.millis().div_euclid(1000));
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(&id, seconds, &body)).collect();
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ];
    Ok(Post { url: receiver.url.clone(), headers, body })
}

/// The secrets that count, the newest first.
fn secrets(at: &Deliverer, receiver: &Receiver, now: Timestamp) -> Result<Vec<Secret>, String> {
    let old = receiver.old_secret.as_ref().filter(|(_, until)| *until > now).map(|(sealed, _)| sealed);
    let opened = receiver.secret.iter().chain(old).map(|sealed| {
        let plain = at.keys.open(RECEIVER_SECRET, sealed).map(zeroize::Zeroizing::new)?;
        Secret::parse(std::str::from_utf8(&plain).ok()?)
    });
    let unreadable = || "its secret cannot be opened with the master keys that are configured".to_owned();
    opened.collect::<Option<Vec<Secret>>>().ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Reply {
        let answered = Answered { status, retry_after: retry_after.map(str::to_owned), body: body.as_bytes().to_vec() };
        reply(Form::StandardWebhook, &Ok(answered), Timestamp::EPOCH)
    }

    #[test]
    fn of_tokens_202_is_the_one_answer_that_takes_them_and_400_refuses_them_with_a_code() {
        let answer = |status: u16, body: &str| {
            let answered = Answered { status, retry_after: Some("9".to_owned()), body: body.as_bytes().to_vec() };
            reply(Form::SecurityEvent, &Ok(answered), Timestamp::EPOCH)
        };
        assert_eq!(answer(202, ""), Reply::Taken);
        let said = r#"{"err": "invalid_key", "description": "expired"}"#;
        assert_eq!(answer(400, said), Reply::Refused("it refused the token: invalid_key, expired".to_owned()));
        for (status, body) in [(200, ""), (204, ""), (302, ""), (400, ""), (401, said), (404, ""), (410, ""), (503, "")]
        {
            assert!(matches!(answer(status, body), Reply::Failed { .. }), "{status}");
        }
        assert!(matches!(answer(429, ""), Reply::Failed { retry_after: Some(9_000), .. }));
    }

    #[test]
    fn a_status_says_whether_it_is_the_event_or_the_receiver() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answer(status, None, "fine"), Reply::Taken, "{status}");
        }
        for status in [400, 401, 403, 404, 405, 413, 415, 422] {
            assert_eq!(answer(status, None, ""), Reply::Refused(format!("it answered {status}")), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            let failed = Reply::Failed { problem: format!("it answered {status}: busy"), retry_after: Some(9000) };
            assert_eq!(answer(status, Some("9"), "busy"), failed, "{status}");
        }
        for status in [301, 302, 307, 308] {
            let redirected = answer(status, Some("9"), "");
            assert!(
                matches!(&redirected, Reply::Failed { problem, retry_after: None } if problem.contains("redirect"))
            );
        }
        assert_eq!(answer(410, None, "bye"), Reply::Gone("it answered 410: bye".to_owned()));
        let unreachable =
            reply(Form::StandardWebhook, &Err(FetchError::Unavailable("no".to_owned())), Timestamp::EPOCH);
        assert_eq!(unreachable, Reply::Unreachable("no".to_owned()));
    }
}

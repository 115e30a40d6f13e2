//! Reading a request's body, within limits of size and time.

use std::time::Duration;

use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

use crate::app::App;
use crate::platform::shutdown::Stopping;

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It has more bytes than allowed; the rest was not read.
    TooLarge,
    /// The connection or its encoding broke.
    Broken(String),
    /// It was not all here in this time.
    TooSlow(Duration),
    /// It was not all here when the server stopped.
    Stopping,
}

/// How much of a body is read, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Patience<'a> {
    /// In bytes.
    pub(crate) limit: usize,
    /// From the first look to the last byte.
    pub(crate) time: Duration,
    /// A server that stops does not wait for the rest.
    pub(crate) stopping: &'a Stopping,
}

impl Patience<'_> {
    /// For a body of at most so many bytes.
    pub(crate) fn of(app: &App, limit: usize) -> Patience<'_> {
        Patience { limit, time: app.config.body_patience, stopping: &app.stopping }
    }
}

/// The whole body; never holds more than the limit, and never waits longer than it may.
pub(crate) async fn read(payload: Payload, patience: Patience<'_>) -> Result<Bytes, BodyError> {
    tokio::select! {
        body = all(payload, patience.limit) => body,
        () = tokio::time::sleep(patience.time) => Err(BodyError::TooSlow(patience.time)),
        () = patience.stopping.gives_up_bodies() => Err(BodyError::Stopping),
    }
}

async fn all(mut payload: Payload, limit: usize) -> Result<Bytes, BodyError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|e| BodyError::Broken(e.to_string()))?;
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

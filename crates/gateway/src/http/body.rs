//! Reading a request's body, within limits of size and time.

use std::time::Duration;

use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It has more bytes than allowed; the rest was not read.
    TooLarge,
    /// The connection or its encoding broke.
    Broken(String),
    /// It was not all here in this time.
    TooSlow(Duration),
}

/// The whole body; never holds more than `limit` bytes, never waits longer than `patience`.
pub(crate) async fn read(payload: Payload, limit: usize, patience: Duration) -> Result<Bytes, BodyError> {
    tokio::time::timeout(patience, all(payload, limit)).await.unwrap_or(Err(BodyError::TooSlow(patience)))
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

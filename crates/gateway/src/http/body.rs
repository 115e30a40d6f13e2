//! Reading a request's body, within a limit.

use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It has more bytes than allowed; the rest was not read.
    TooLarge,
    /// The connection or its encoding broke.
    Broken(String),
}

/// The whole body; never holds more than `limit` bytes.
pub(crate) async fn read(mut payload: Payload, limit: usize) -> Result<Bytes, BodyError> {
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

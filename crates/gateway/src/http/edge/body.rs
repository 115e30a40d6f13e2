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
        Patience { limit, time: app.config.server.body_timeout, stopping: &app.stopping }
    }
}

/// The whole body; never holds more than the limit, and never waits longer than it may.
pub(crate) async fn read(payload: Payload, patience: Patience<'_>) -> Result<Bytes, BodyError> {
    let mut incoming = Incoming::new(payload, patience.limit);
    within(&patience, async {
        while incoming.more().await? {}
        Ok(())
    })
    .await?;
    Ok(incoming.into_bytes())
}

/// Reads as long as it may.
pub(crate) async fn within<E: From<BodyError>>(
    patience: &Patience<'_>,
    reading: impl Future<Output = Result<(), E>>,
) -> Result<(), E> {
    tokio::select! {
        read = reading => read,
        () = tokio::time::sleep(patience.time) => Err(BodyError::TooSlow(patience.time).into()),
        () = patience.stopping.gives_up_bodies() => Err(BodyError::Stopping.into()),
    }
}

/// Takes what is sent and keeps none of it, as long as it would have been read.
pub(crate) async fn discard(mut payload: Payload, patience: Patience<'_>) {
    let rest = async {
        let mut left = patience.limit;
        while let Some(Ok(chunk)) = payload.next().await {
            let Some(less) = left.checked_sub(chunk.len()) else { break };
            left = less;
        }
        Ok::<_, BodyError>(())
    };
    let _ = within(&patience, rest).await;
}

/// A body that is on its way.
pub(crate) struct Incoming {
    payload: Payload,
    read: BytesMut,
    limit: usize,
}

impl Incoming {
    pub(crate) fn new(payload: Payload, limit: usize) -> Incoming {
        Incoming { payload, read: BytesMut::new(), limit }
    }

    /// Reads some more of it, if there is any.
    pub(crate) async fn more(&mut self) -> Result<bool, BodyError> {
        let Some(chunk) = self.payload.next().await else { return Ok(false) };
        let chunk = chunk.map_err(|e| BodyError::Broken(e.to_string()))?;
        if self.read.len() + chunk.len() > self.limit {
            return Err(BodyError::TooLarge);
        }
        self.read.extend_from_slice(&chunk);
        Ok(true)
    }

    /// How many bytes are here.
    pub(crate) fn len(&self) -> usize {
        self.read.len()
    }

    /// What they take.
    pub(crate) fn capacity(&self) -> usize {
        self.read.capacity()
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.read.freeze()
    }
}

//! What a stream of security event tokens says of itself, sent to a receiver that does not poll: once, when it is said. A receiver that did not get
//! it asks for another verification, or reads the status.

use super::Deliverer;
use crate::domain::receiver::Reply;
use crate::services::event_streams::push;
use crate::storage::{DbError, ReadCost};

impl Deliverer {
    /// Sends what a stream has to say of itself, before all that waits for it. Nothing is sent of a stream that is polled.
    pub async fn push_own_tokens(&self, stream: &str) -> Result<(), DbError> {
        let id = stream.to_owned();
        let own = self.db.read(ReadCost::Point, move |tx| push::own_tokens(tx, &id)).await?;
        let Some((receiver, events)) = own else { return Ok(()) };
        for event in events {
            let taken = match self.test(&receiver, &event).await? {
                Some(sent) => sent.reply == Reply::Taken,
                None => false,
            };
            if taken {
                let (id, jti) = (stream.to_owned(), event.id);
                self.db.write(move |tx| push::own_was_taken(tx, &id, &jti)).await?;
            }
        }
        Ok(())
    }
}

//! Which attributes clients send: counted in memory, added to the database.

use crate::domain::fields::FieldCounter;
use crate::storage::{Db, DbError};

/// Adds what was counted to what is in the database, a unit of work for each client; nothing is lost if that fails.
pub async fn add(db: &Db, fields: &FieldCounter) -> Result<(), DbError> {
    let mut outcome = Ok(());
    for (client, counts) in fields.take() {
        if outcome.is_ok() {
            let added = counts.clone();
            outcome = db.write(move |tx| tx.add_field_counts(client, &added)).await;
        }
        if outcome.is_err() {
            fields.put_back(client, counts);
        }
    }
    outcome
}

//! The origins of public clients' pages, so that a browser's question about one is answered by a look into an index.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::error::DbError;
use super::schema::client_origins;
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::ids::ClientKey;
use crate::each;

const OF_CLIENT: &str = "SELECT c.seq FROM clients AS c JOIN client_origins AS o ON o.client = c.seq \
     WHERE c.id = ? AND o.origin = ? LIMIT 1";

impl Tx<'_> {
    /// Whether an origin is registered: for this client, or for any.
    pub fn is_origin_of_client(&mut self, client: Option<&str>, origin: &str) -> Result<bool, DbError> {
        let found: Option<i64> = match client {
            Some(client) => {
                let binds = vec![Bind::Text(client.to_owned()), Bind::Text(origin.to_owned())];
                Statement::<BigInt>::new(OF_CLIENT, binds).first(self.conn)?
            }
            None => {
                let query = client_origins::table.filter(client_origins::origin.eq(origin));
                each!(&mut *self.conn, c => query.select(client_origins::client).first(c).optional())?
            }
        };
        Ok(found.is_some())
    }

    /// These are the origins of this client, and no others.
    pub(super) fn set_client_origins(&mut self, client: ClientKey, origins: BTreeSet<String>) -> Result<(), DbError> {
        let old = client_origins::table.filter(client_origins::client.eq(client));
        each!(&mut *self.conn, c => diesel::delete(old).execute(c))?;
        for origin in origins {
            let row = (client_origins::origin.eq(origin), client_origins::client.eq(client));
            each!(&mut *self.conn, c => diesel::insert_into(client_origins::table).values(row).execute(c))?;
        }
        Ok(())
    }
}

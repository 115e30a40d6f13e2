//! Whose SAML provider an entity ID is.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::saml_providers;
use super::tx::Tx;
use crate::domain::ids::AccountKey;
use crate::each;

impl Tx<'_> {
    /// Notes the entity ID of an account's provider; with nothing, forgets it.
    pub fn set_saml_provider(&mut self, account: AccountKey, entity_id: Option<&str>) -> Result<(), DbError> {
        let old = saml_providers::table.filter(saml_providers::account.eq(account));
        each!(&mut *self.conn, c => diesel::delete(old).execute(c))?;
        if let Some(entity_id) = entity_id {
            let row = (saml_providers::account.eq(account), saml_providers::entity_id.eq(entity_id));
            each!(&mut *self.conn, c => diesel::insert_into(saml_providers::table).values(row).execute(c))?;
        }
        Ok(())
    }

    /// The accounts whose provider has this entity ID, two at most.
    pub fn accounts_of_saml_provider(&mut self, entity_id: &str) -> Result<Vec<AccountKey>, DbError> {
        let query = saml_providers::table
            .filter(saml_providers::entity_id.eq(entity_id))
            .order(saml_providers::account)
            .limit(2)
            .select(saml_providers::account);
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }
}

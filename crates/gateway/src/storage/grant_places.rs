//! In which account a grant lies. As a rule what names a grant says it, so that a statement can: access tokens, codes and refresh tokens do.

use diesel::sql_types::{BigInt, Nullable, Text};
use oauth::GrantId;

use super::error::DbError;
use super::statement::{Bind, Statement};
use super::tx::Tx;
use crate::domain::actor::Named;
use crate::domain::ids::AccountKey;

/// Where a grant lies of which only the number is known: operators name it so, and tokens of releases before they said more.
const PLACE: &str = "SELECT account FROM grants WHERE seq = ?";

/// The account with this number; none for the key of no row.
pub(super) fn of_one(account: AccountKey) -> Option<AccountKey> {
    (account != AccountKey::NO_ROW).then_some(account)
}

/// Without a join that a deletion would empty.
const FACTS: &str = "SELECT g.account, c.id, c.name FROM grants AS g LEFT JOIN clients AS c ON c.seq = g.client WHERE g.account = ? AND g.seq = ?";

/// What a grant's events are recorded with.
#[derive(Debug, Clone)]
pub(crate) struct GrantFacts {
    /// The account, by its number in storage; none of a key for all accounts.
    pub(crate) account: Option<AccountKey>,
    /// The client, if it is not deleted.
    pub(crate) client: Option<Named>,
}

impl Tx<'_> {
    /// In which account a grant lies, or would.
    pub(super) fn place_of(&mut self, id: GrantId) -> Result<AccountKey, DbError> {
        if let Some(part) = id.part {
            return Ok(AccountKey::of_row(part));
        }
        let number = vec![Bind::number(id.number)];
        let found: Vec<AccountKey> = Statement::<BigInt>::new(PLACE, number).load_as_it_is(self.conn)?;
        Ok(found.first().copied().unwrap_or(AccountKey::NO_ROW))
    }

    /// One of two texts: the other where accounts lie on several nodes, which has to name the account so that a node follows from it.
    pub(super) fn or_there(&self, text: &'static str, there: &'static str) -> &'static str {
        if self.conn.is_spread() { there } else { text }
    }

    /// In which account a grant is, if it is in one.
    pub(crate) fn account_of_grant(&mut self, id: GrantId) -> Result<Option<AccountKey>, DbError> {
        Ok(of_one(self.place_of(id)?))
    }

    /// What a grant's events are recorded with.
    pub(crate) fn facts_of_grant(&mut self, id: GrantId) -> Result<Option<GrantFacts>, DbError> {
        type Columns = (BigInt, Nullable<Text>, Nullable<Text>);
        let (account, number) = (self.place_of(id)?, vec![Bind::number(id.number)]);
        let row: Option<(AccountKey, Option<String>, Option<String>)> =
            Statement::<Columns>::of_account(FACTS, account, number).first(self.conn)?;
        Ok(row.map(|(account, client, name)| GrantFacts {
            account: of_one(account),
            client: client.map(|id| Named { id, name }),
        }))
    }
}

//! Accounts: one customer of the vendor each, the wall between customers' data.

use diesel::prelude::*;
use oauth::GrantId;

use super::backend::AnyConn;
use super::error::{DbError, unique_violation};
pub(super) use super::rows::AccountRow;
use super::schema::accounts;
use super::tx::Tx;
use crate::domain::account::{Account, AccountOptions};
use crate::domain::actor::Named;
use crate::domain::ids::AccountKey;
use crate::each;
use crate::platform::latest::Latest;
use crate::platform::timestamp::Timestamp;

pub(super) type AccountColumns = (
    accounts::seq,
    accounts::id,
    accounts::name,
    accounts::product_environments,
    accounts::default_role,
    accounts::created,
    accounts::options,
    accounts::suspended,
);
pub(super) const COLUMNS: AccountColumns = (
    accounts::seq,
    accounts::id,
    accounts::name,
    accounts::product_environments,
    accounts::default_role,
    accounts::created,
    accounts::options,
    accounts::suspended,
);

/// The name is taken.
#[derive(Debug)]
pub struct NameTaken;

thread_local! {
    /// Each request with a token reads those of its account.
    static OPTIONS: Latest<AccountOptions> = const { Latest::new() };
}

impl Account {
    pub(super) fn from_row(row: AccountRow) -> Result<Account, DbError> {
        let (seq, id, name, environments, default_role, created, options, suspended) = row;
        let product_environments = serde_json::from_str(&environments)
            .map_err(|e| DbError::Corrupt(format!("environments of account {id}: {e}")))?;
        let options = OPTIONS
            .with(|latest| latest.read(&options, |text| serde_json::from_str(text)))
            .map_err(|e| DbError::Corrupt(format!("options of account {id}: {e}")))?;
        Ok(Account { seq, id, name, product_environments, default_role, created, suspended, options })
    }
}

pub(super) fn name_key(name: &str) -> String {
    scim::key_of_text(name)
}

fn taken<T>(outcome: QueryResult<T>) -> Result<Result<T, NameTaken>, DbError> {
    match outcome {
        Err(error) if unique_violation(&error).is_some() => Ok(Err(NameTaken)),
        outcome => Ok(Ok(outcome?)),
    }
}

/// So many accounts are remembered by name in one unit of work.
const REMEMBERED: usize = 16;

impl Tx<'_> {
    pub(super) fn account_from(&mut self, row: AccountRow) -> Result<Account, DbError> {
        let account = Account::from_row(row)?;
        self.note_account(account.seq, &account.id, &account.name);
        Ok(account)
    }

    pub(super) fn note_account(&mut self, seq: AccountKey, id: &str, name: &str) {
        self.accounts.retain(|(known, _)| *known != seq);
        if self.accounts.len() < REMEMBERED {
            self.accounts.push((seq, Named::new(id, name)));
        }
    }

    /// The public id and the name of an account, also of a deleted one as long as its row is there. What this unit of work has read
    /// already is not asked for again.
    pub(crate) fn account_label(&mut self, seq: AccountKey) -> Result<Option<Named>, DbError> {
        if let Some((_, known)) = self.accounts.iter().find(|(known, _)| *known == seq) {
            return Ok(Some(known.clone()));
        }
        let query = accounts::table.filter(accounts::seq.eq(seq)).select((accounts::id, accounts::name));
        let row: Option<(String, String)> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(row.map(|(id, name)| {
            self.note_account(seq, &id, &name);
            Named::new(id, name)
        }))
    }

    /// Stores a new account; its `seq` is set here.
    pub fn insert_account(&mut self, account: &mut Account) -> Result<Result<(), NameTaken>, DbError> {
        let row = (
            accounts::id.eq(&account.id),
            accounts::name.eq(&account.name),
            accounts::name_key.eq(name_key(&account.name)),
            accounts::product_environments.eq(json(&account.product_environments)?),
            accounts::default_role.eq(&account.default_role),
            accounts::created.eq(account.created),
            accounts::options.eq(json(&account.options)?),
        );
        let seq = each!(&mut *self.conn, c => diesel::insert_into(accounts::table)
            .values(row)
            .returning(accounts::seq)
            .get_result::<AccountKey>(c));
        Ok(taken(seq)?.map(|seq| {
            account.seq = seq;
            self.note_account(seq, &account.id, &account.name);
        }))
    }

    /// Changes everything that can be changed about an account, which has to be [locked](Tx::lock_account).
    pub fn update_account(&mut self, account: &Account) -> Result<Result<(), NameTaken>, DbError> {
        (self.of_token, self.of_grant) = (None, None);
        let row = accounts::table.filter(accounts::seq.eq(account.seq));
        let called: String = each!(&mut *self.conn, c => row.select(accounts::name).get_result(c))?;
        // A name that is kept keeps its key: it may be one that an earlier release told apart from another account's.
        let renamed = (called != account.name).then(|| accounts::name_key.eq(name_key(&account.name)));
        let values = (
            accounts::name.eq(&account.name),
            renamed,
            accounts::product_environments.eq(json(&account.product_environments)?),
            accounts::default_role.eq(&account.default_role),
            accounts::options.eq(json(&account.options)?),
        );
        let outcome = each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c));
        Ok(taken(outcome)?.map(|_| self.note_account(account.seq, &account.id, &account.name)))
    }

    /// The account with this public id.
    pub fn account(&mut self, id: &str) -> Result<Option<Account>, DbError> {
        let query = accounts::table.filter(accounts::id.eq(id)).filter(accounts::deleted.is_null()).select(COLUMNS);
        let row: Option<AccountRow> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(|row| self.account_from(row)).transpose()
    }

    /// The accounts with this public id or this name: the one with the id first.
    pub(crate) fn accounts_called(&mut self, text: &str) -> Result<Vec<Account>, DbError> {
        let query = accounts::table
            .filter(accounts::id.eq(text).or(accounts::name_key.eq(name_key(text))))
            .filter(accounts::deleted.is_null())
            .select(COLUMNS);
        let rows: Vec<AccountRow> = each!(&mut *self.conn, c => query.load(c))?;
        let mut found = rows.into_iter().map(|row| self.account_from(row)).collect::<Result<Vec<_>, _>>()?;
        found.sort_by_key(|account| account.id != text);
        Ok(found)
    }

    /// The account that a person calls so: by its name, or by its public id.
    pub fn account_called(&mut self, text: &str) -> Result<Option<AccountKey>, DbError> {
        let query = accounts::table
            .filter(accounts::name_key.eq(name_key(text)).or(accounts::id.eq(text)))
            .filter(accounts::deleted.is_null())
            .order(accounts::seq)
            .select(accounts::seq);
        Ok(each!(&mut *self.conn, c => query.first(c).optional())?)
    }

    /// The same, and locks it against changes until this unit of work ends. Readers do not wait.
    pub fn lock_account(&mut self, id: &str) -> Result<Option<Account>, DbError> {
        let query = accounts::table.filter(accounts::id.eq(id)).filter(accounts::deleted.is_null()).select(COLUMNS);
        let row: Option<AccountRow> = match &mut *self.conn {
            AnyConn::Postgres(c) => query.for_no_key_update().get_result(c.begun()).optional()?,
            // The writer is alone: reading is locking.
            AnyConn::Sqlite(c) => query.get_result(c).optional()?,
        };
        row.map(|row| self.account_from(row)).transpose()
    }

    /// The same for the account with this number.
    pub(super) fn lock_account_at(&mut self, seq: AccountKey) -> Result<Option<Account>, DbError> {
        match self.account_at(seq)? {
            Some(account) => self.lock_account(&account.id),
            None => Ok(None),
        }
    }

    /// Changes the options of a locked account.
    pub fn set_account_options(&mut self, account: &Account) -> Result<(), DbError> {
        (self.of_token, self.of_grant) = (None, None);
        let row = accounts::table.filter(accounts::seq.eq(account.seq));
        let values = accounts::options.eq(json(&account.options)?);
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(())
    }

    /// The account of the token of this grant, if that was looked up last; none inside where the token is of every account.
    pub(crate) fn account_of_token(&self, grant: GrantId) -> Option<Option<Account>> {
        self.of_grant.filter(|of| *of == grant).map(|_| self.of_token.clone())
    }

    /// The account with this number.
    pub fn account_at(&mut self, seq: AccountKey) -> Result<Option<Account>, DbError> {
        if let Some(account) = self.of_token.as_ref().filter(|account| account.seq == seq) {
            return Ok(Some(account.clone()));
        }
        let query = accounts::table.filter(accounts::seq.eq(seq)).filter(accounts::deleted.is_null()).select(COLUMNS);
        let row: Option<AccountRow> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(|row| self.account_from(row)).transpose()
    }

    /// The public id of the account with this number, also of a deleted one as long as its row is there.
    pub fn account_id(&mut self, seq: AccountKey) -> Result<Option<String>, DbError> {
        let query = accounts::table.filter(accounts::seq.eq(seq)).select(accounts::id);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// The account with this name, compared without regard to case.
    pub fn account_named(&mut self, name: &str) -> Result<Option<Account>, DbError> {
        let query = accounts::table.filter(accounts::name_key.eq(name_key(name))).select(COLUMNS);
        let row: Option<AccountRow> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(|row| self.account_from(row)).transpose()
    }

    /// Accounts in the order they were made.
    pub fn accounts_after(&mut self, after: i64, limit: i64) -> Result<Vec<Account>, DbError> {
        let query = accounts::table
            .filter(accounts::seq.gt(after))
            .filter(accounts::deleted.is_null())
            .order(accounts::seq)
            .limit(limit)
            .select(COLUMNS);
        let rows: Vec<AccountRow> = each!(&mut *self.conn, c => query.load(c))?;
        rows.into_iter().map(|row| self.account_from(row)).collect()
    }

    /// Those of these accounts that follow a row, in the order they were made.
    pub fn accounts_among(&mut self, keys: &[AccountKey], after: i64, limit: i64) -> Result<Vec<Account>, DbError> {
        let query = accounts::table
            .filter(accounts::seq.eq_any(keys))
            .filter(accounts::seq.gt(after))
            .filter(accounts::deleted.is_null())
            .order(accounts::seq)
            .limit(limit)
            .select(COLUMNS);
        let rows: Vec<AccountRow> = each!(&mut *self.conn, c => query.load(c))?;
        rows.into_iter().map(|row| self.account_from(row)).collect()
    }

    /// Suspends the account from this time on, or resumes it. It has to be [locked](Tx::lock_account).
    pub fn set_suspended(&mut self, seq: AccountKey, since: Option<Timestamp>) -> Result<(), DbError> {
        let row = accounts::table.filter(accounts::seq.eq(seq));
        each!(&mut *self.conn, c => diesel::update(row).set(accounts::suspended.eq(since)).execute(c))?;
        Ok(())
    }

    /// Hides the account and everything in it: one small write, however much it holds. Its name is free again.
    pub fn delete_account(&mut self, seq: AccountKey, now: Timestamp) -> Result<(), DbError> {
        let row = accounts::table.filter(accounts::seq.eq(seq));
        let values = (accounts::deleted.eq(now), accounts::name_key.eq(None::<String>));
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(())
    }
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|e| DbError::Corrupt(e.to_string()))
}

//! Operators: the vendor's people and automation that use the admin API. A name belongs to one operator as long as its token counts.

use std::collections::HashMap;

use diesel::prelude::*;
use scim::key_of_text;

use super::backend::AnyConn;
use super::error::{DbError, unique_violation};
use super::operator_logins::{OperatorLogin, of_no_token};
use super::schema::{accounts, operator_accounts, operators};
use super::tx::Tx;
use crate::domain::event::{Act, Action};
use crate::domain::ids::{AccountKey, OperatorKey};
use crate::domain::operator::{Mandate, Reach, Role};
use crate::domain::operator_name::OperatorName;
use crate::each;
use crate::platform::system;
use crate::platform::timestamp::Timestamp;

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Grows.
    pub seq: i64,
    /// Public id.
    pub id: String,
    /// For the audit trail.
    pub name: String,
    /// Milliseconds since the epoch.
    pub created: Timestamp,
    /// Milliseconds since the epoch, to the hour.
    pub last_used: Option<Timestamp>,
    /// Milliseconds since the epoch.
    pub expires: Option<Timestamp>,
    /// What they may do, and in which of the accounts that are there.
    pub mandate: Mandate,
}

/// As stored, but for the accounts.
type OperatorRow = (i64, String, String, Timestamp, Option<Timestamp>, Option<Timestamp>, String, bool);

/// The columns of a [`Operator`], in its order.
macro_rules! operator_columns {
    () => {
        (
            operators::seq,
            operators::id,
            operators::name,
            operators::created,
            operators::last_used,
            operators::expires,
            operators::role,
            operators::limited,
        )
    };
}

/// Another operator has this name, written like this.
#[derive(Debug)]
pub struct NameTaken(pub String);

/// How an operator for the whole platform can come in: one with the role `platform`, for all accounts.
#[derive(Debug, Clone)]
pub struct WayIn {
    /// The public id.
    pub id: String,
    /// They have a password, or are known at the OpenID provider.
    pub logs_in: bool,
    /// They have a token that counts.
    pub has_token: bool,
}

impl Tx<'_> {
    /// Stores a new operator; its `seq` is given here. One who logs in does so by this address; one who has a token, by its fingerprint.
    pub fn insert_operator(
        &mut self,
        operator: &Operator,
        address: Option<&str>,
        fingerprint: Option<&[u8]>,
    ) -> Result<Result<(), NameTaken>, DbError> {
        let key = key_of_text(&operator.name);
        // An expired token holds no name, unless its operator logs in.
        let expired = operators::table
            .filter(operators::name_key.eq(&key))
            .filter(operators::signs_in_as.is_null())
            .filter(operators::expires.le(operator.created));
        let ended = (operators::ended.eq(operator.created), operators::name_key.eq(None::<String>));
        each!(&mut *self.conn, c => diesel::update(expired).set(ended).execute(c))?;
        let row = (
            operators::id.eq(&operator.id),
            operators::name.eq(&operator.name),
            operators::name_key.eq(&key),
            operators::signs_in_as.eq(address.map(key_of_text)),
            operators::address.eq(address),
            operators::fingerprint.eq(fingerprint.map_or_else(of_no_token, <[u8]>::to_vec)),
            operators::token_made.eq(fingerprint.map(|_| operator.created)),
            operators::created.eq(operator.created),
            operators::expires.eq(operator.expires),
            operators::role.eq(operator.mandate.role().code()),
            operators::limited.eq(*operator.mandate.reach() != Reach::All),
        );
        let inserted = each!(&mut *self.conn, c => diesel::insert_into(operators::table)
            .values(row)
            .on_conflict_do_nothing()
            .returning(operators::seq)
            .get_result::<i64>(c)
            .optional())?;
        if let Some(seq) = inserted {
            self.set_reach(seq, operator.mandate.reach())?;
            return Ok(Ok(()));
        }
        let taken = operators::table.filter(operators::name_key.eq(&key)).select(operators::name);
        let taken: Option<String> = each!(&mut *self.conn, c => taken.get_result(c).optional())?;
        Ok(Err(NameTaken(taken.unwrap_or_else(|| operator.name.clone()))))
    }

    /// Makes an operator of a person whom the OpenID provider knows by this address. They have no token.
    /// The role is the configuration's; the accounts are those of the operator before who logged in by this address and was ended.
    pub fn insert_operator_of_provider(
        &mut self,
        address: &str,
        role: Role,
        now: Timestamp,
    ) -> Result<OperatorLogin, DbError> {
        let name = OperatorName::near(address);
        let mut n = 1;
        loop {
            let operator = Operator {
                seq: 0,
                id: system::new_uuid(),
                name: name.again(n).as_str().to_owned(),
                created: now,
                last_used: None,
                expires: None,
                mandate: Mandate::new(role, self.reach_before(&key_of_text(address))?),
            };
            if self.insert_operator(&operator, Some(address), None)?.is_ok() {
                let row = operators::table.filter(operators::id.eq(&operator.id));
                each!(&mut *self.conn, c => diesel::update(row).set(operators::configured.eq(true)).execute(c))?;
                let made = self.operator_login(&operator.id)?;
                return made.ok_or_else(|| DbError::Corrupt("an operator vanished".to_owned()));
            }
            // Of two who log in at once, the later finds what the earlier has made.
            if let Some(known) = self.operator_by_address(address)? {
                return Ok(known);
            }
            n += 1;
        }
    }

    /// Gives operators of earlier releases names of their own: of several, and of what cannot be read, the later get another.
    pub fn settle_operator_names(&mut self, now: Timestamp) -> Result<(), DbError> {
        let unsettled = operators::table
            .filter(operators::name_key.is_null())
            .filter(operators::ended.is_null())
            .order(operators::seq)
            .select(operator_columns!());
        let unsettled: Vec<OperatorRow> = each!(&mut *self.conn, c => unsettled.load(c))?;
        for row in unsettled {
            let operator = self.operator_from(row)?;
            let near = OperatorName::near(&operator.name);
            let mut n = 1;
            while self.is_operator_name_taken(&near.again(n).key())? {
                n += 1;
            }
            let name = near.again(n);
            let row = operators::table.filter(operators::seq.eq(operator.seq));
            let values = (operators::name.eq(name.as_str()), operators::name_key.eq(name.key()));
            each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
            if name.as_str() != operator.name {
                tracing::warn!(id = operator.id, was = ?operator.name, name = name.as_str(), "an operator has another name now");
                let detail = format!("{:?} is now {:?}", operator.name, name.as_str());
                let renamed = Act::new(Action::OperatorRenamed).on_named(operator.id, name.as_str());
                self.raise(now, None, renamed.saying(detail));
            }
        }
        Ok(())
    }

    fn is_operator_name_taken(&mut self, key: &str) -> Result<bool, DbError> {
        let query = operators::table.filter(operators::name_key.eq(key)).select(operators::seq);
        let taken: Option<i64> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        Ok(taken.is_some())
    }

    /// The names of operators with these ids, whether their tokens count or not.
    pub fn operator_names(&mut self, ids: &[&str]) -> Result<HashMap<String, String>, DbError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let query = operators::table.filter(operators::id.eq_any(ids)).select((operators::id, operators::name));
        let rows: Vec<(String, String)> = each!(&mut *self.conn, c => query.load(c))?;
        Ok(rows.into_iter().collect())
    }

    /// The operator with this token, expired or not.
    pub fn operator(&mut self, fingerprint: &[u8]) -> Result<Option<Operator>, DbError> {
        let query = operators::table
            .filter(operators::fingerprint.eq(fingerprint))
            .filter(operators::ended.is_null())
            .select(operator_columns!());
        let row: Option<OperatorRow> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(|row| self.operator_from(row)).transpose()
    }

    /// The operator with this id, who has not ended.
    pub fn operator_of(&mut self, id: &str) -> Result<Option<Operator>, DbError> {
        let query = operators::table
            .filter(operators::id.eq(id))
            .filter(operators::ended.is_null())
            .select(operator_columns!());
        let row: Option<OperatorRow> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(|row| self.operator_from(row)).transpose()
    }

    /// The same; no other transaction changes them until the unit of work ends.
    pub fn lock_operator(&mut self, id: &str) -> Result<Option<Operator>, DbError> {
        let row = operators::table.filter(operators::id.eq(id)).select(operators::seq);
        if let AnyConn::Postgres(c) = &mut *self.conn {
            let _: Option<i64> = row.for_update().get_result(c.begun()).optional()?;
        }
        self.operator_of(id)
    }

    /// How the operators for the whole platform can come in. Until the unit of work ends, no other transaction ends one of them, or changes
    /// what they may do.
    pub fn lock_ways_in(&mut self, now: Timestamp) -> Result<Vec<WayIn>, DbError> {
        type Row = (String, Option<String>, Option<String>, Option<String>, Option<Timestamp>, Option<Timestamp>);
        let query = operators::table
            .filter(operators::role.eq(Role::Platform.code()))
            .filter(operators::limited.eq(false))
            .filter(operators::ended.is_null())
            .order(operators::seq)
            .select((
                operators::id,
                operators::address,
                operators::password_hash,
                operators::subject,
                operators::token_made,
                operators::expires,
            ));
        let rows: Vec<Row> = match &mut *self.conn {
            AnyConn::Postgres(c) => query.for_update().load(c.begun())?,
            AnyConn::Sqlite(c) => query.load(c)?,
        };
        let way_in = |(id, address, password, subject, token_made, expires): Row| WayIn {
            id,
            logs_in: address.is_some() && (password.is_some() || subject.is_some()),
            has_token: token_made.is_some() && expires.is_none_or(|expires| expires > now),
        };
        Ok(rows.into_iter().map(way_in).collect())
    }

    /// Calls an operator something else; `false` if another one has the name.
    pub fn rename_operator(&mut self, seq: i64, name: &OperatorName) -> Result<bool, DbError> {
        let key = name.key();
        let holder = operators::table.filter(operators::name_key.eq(&key)).select(operators::seq);
        let holder: Option<i64> = each!(&mut *self.conn, c => holder.get_result(c).optional())?;
        if holder.is_some_and(|holder| holder != seq) {
            return Ok(false);
        }
        let row = operators::table.filter(operators::seq.eq(seq));
        let values = (operators::name.eq(name.as_str()), operators::name_key.eq(&key));
        match each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c)) {
            Ok(_) => Ok(true),
            // Another transaction gave it away at the same moment: the unit of work is run again, and sees it.
            Err(error) if unique_violation(&error).is_some() => Err(DbError::LostRace),
            Err(error) => Err(error.into()),
        }
    }

    /// With the accounts within reach, as far as they are there.
    fn operator_from(&mut self, row: OperatorRow) -> Result<Operator, DbError> {
        let (seq, id, name, created, last_used, expires, role, limited) = row;
        let role = Role::named(&role).ok_or_else(|| DbError::Corrupt(format!("role of operator {id}: {role}")))?;
        let reach = if limited { self.accounts_of_operator(seq)? } else { Reach::All };
        Ok(Operator { seq, id, name, created, last_used, expires, mandate: Mandate::new(role, reach) })
    }

    fn accounts_of_operator(&mut self, seq: i64) -> Result<Reach, DbError> {
        let query =
            operator_accounts::table.filter(operator_accounts::operator.eq(seq)).select(operator_accounts::account);
        let keys: Vec<AccountKey> = each!(&mut *self.conn, c => query.load(c))?;
        Ok(Reach::only(self.living(&keys)?))
    }

    /// Those of these accounts that are not deleted.
    fn living(&mut self, keys: &[AccountKey]) -> Result<Vec<AccountKey>, DbError> {
        let query = accounts::table
            .filter(accounts::seq.eq_any(keys))
            .filter(accounts::deleted.is_null())
            .order(accounts::seq)
            .select(accounts::seq);
        Ok(each!(&mut *self.conn, c => query.load(c))?)
    }

    /// The accounts of the last operator who logged in under this address and has ended; all if there was none.
    fn reach_before(&mut self, signs_in_as: &str) -> Result<Reach, DbError> {
        let query = operators::table
            .filter(operators::signs_in_as.eq(signs_in_as))
            .order(operators::seq.desc())
            .select((operators::seq, operators::limited));
        match each!(&mut *self.conn, c => query.first::<(i64, bool)>(c).optional())? {
            Some((seq, true)) => self.accounts_of_operator(seq),
            _ => Ok(Reach::All),
        }
    }

    /// Gives an operator whose role is the configuration's the role that it says now; one whose role operators decide keeps theirs.
    pub fn follow_configured_role(&mut self, operator: OperatorKey, role: Role) -> Result<(), DbError> {
        let row = operators::table.filter(operators::seq.eq(operator)).filter(operators::configured.eq(true));
        each!(&mut *self.conn, c => diesel::update(row).set(operators::role.eq(role.code())).execute(c))?;
        Ok(())
    }

    /// Gives an operator another role and other accounts. From then on the role is what operators decided, and not what is configured.
    pub fn set_operator_mandate(&mut self, seq: i64, mandate: &Mandate) -> Result<(), DbError> {
        let row = operators::table.filter(operators::seq.eq(seq));
        let values = (
            operators::role.eq(mandate.role().code()),
            operators::limited.eq(*mandate.reach() != Reach::All),
            operators::configured.eq(false),
        );
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        self.set_reach(seq, mandate.reach())
    }

    /// Stores the accounts that an operator reaches.
    fn set_reach(&mut self, seq: i64, reach: &Reach) -> Result<(), DbError> {
        let before = operator_accounts::table.filter(operator_accounts::operator.eq(seq));
        each!(&mut *self.conn, c => diesel::delete(before).execute(c))?;
        let Reach::Accounts(keys) = reach else { return Ok(()) };
        for key in keys.iter() {
            let row = (operator_accounts::operator.eq(seq), operator_accounts::account.eq(*key));
            each!(&mut *self.conn, c => diesel::insert_into(operator_accounts::table)
                .values(row)
                .on_conflict_do_nothing()
                .execute(c))?;
        }
        Ok(())
    }

    /// Notes that the token was used.
    pub fn touch_operator(&mut self, seq: i64, now: Timestamp) -> Result<(), DbError> {
        let row = operators::table.filter(operators::seq.eq(seq));
        each!(&mut *self.conn, c => diesel::update(row).set(operators::last_used.eq(now)).execute(c))?;
        Ok(())
    }

    /// All operators whose tokens count.
    pub fn operators(&mut self) -> Result<Vec<Operator>, DbError> {
        let query =
            operators::table.filter(operators::ended.is_null()).order(operators::seq).select(operator_columns!());
        let rows: Vec<OperatorRow> = each!(&mut *self.conn, c => query.load(c))?;
        rows.into_iter().map(|row| self.operator_from(row)).collect()
    }

    /// The ids of the operators who are limited to accounts, this one among them, of which none is left.
    pub fn operators_left_without(&mut self, account: AccountKey) -> Result<Vec<String>, DbError> {
        let of_it =
            operator_accounts::table.filter(operator_accounts::account.eq(account)).select(operator_accounts::operator);
        let mut left: Vec<i64> = each!(&mut *self.conn, c => of_it.load(c))?;
        let all = operator_accounts::table
            .filter(operator_accounts::operator.eq_any(left.clone()))
            .select((operator_accounts::operator, operator_accounts::account));
        let all: Vec<(i64, AccountKey)> = each!(&mut *self.conn, c => all.load(c))?;
        let keys: Vec<AccountKey> = all.iter().map(|(_, account)| *account).collect();
        let living = self.living(&keys)?;
        left.retain(|seq| !all.iter().any(|(operator, account)| operator == seq && living.contains(account)));
        let rows = operators::table
            .filter(operators::seq.eq_any(left))
            .filter(operators::limited.eq(true))
            .filter(operators::ended.is_null())
            .order(operators::seq)
            .select(operators::id);
        Ok(each!(&mut *self.conn, c => rows.load(c))?)
    }

    /// Ends an operator, with their token, their password and who they are at the OpenID provider; `false` if there is none. The name is free
    /// again. By what they logged in, and the accounts that they reached, stay: an operator whom the provider sends again gets no more.
    pub fn end_operator(&mut self, id: &str, now: Timestamp) -> Result<bool, DbError> {
        let row = operators::table.filter(operators::id.eq(id)).filter(operators::ended.is_null());
        let ended = (
            operators::ended.eq(now),
            operators::name_key.eq(None::<String>),
            operators::fingerprint.eq(of_no_token()),
            operators::token_made.eq(None::<Timestamp>),
            operators::password_hash.eq(None::<String>),
            operators::issuer.eq(None::<String>),
            operators::subject.eq(None::<String>),
        );
        let changed = each!(&mut *self.conn, c => diesel::update(row).set(ended).execute(c))?;
        Ok(changed > 0)
    }
}

//! The rows of one account that go with it into another installation, where numbers are others.
//!
//! Ids stay; the numbers of rows are given anew, and each column that refers to one follows. What is sealed or hashed under the keys of an
//! installation means nothing in another, and what a server remembers of its own doings belongs to where it was done: that stays behind.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::{Map, Value};

use super::accounts::name_key;
use super::backend::AnyConn;
use super::error::DbError;
use super::resources::{Row, row_columns};
use super::schema::{accounts, attribute_work, resources};
use super::statement::{Bind, Statement};
use super::tables::Table;
use super::tx::Tx;
use crate::domain::account::Account;
use crate::domain::ids::{AccountKey, ClientKey, ResourceKey};
use crate::domain::schemas::Schemas;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// What a number is the number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Noun {
    /// An account.
    Account,
    /// A user or a group.
    Resource,
    /// A client.
    Client,
    /// A member who does not exist yet.
    ParkedMember,
}

/// A table, and which of its rows are an account's.
#[derive(Debug)]
pub struct Piece {
    /// What it is called.
    pub table: &'static str,
    /// `?` is the number of the account.
    rows: &'static str,
    /// What its rows are, if others refer to them by `seq`.
    pub own: Option<Noun>,
    /// Which columns refer to what.
    refers: &'static [(&'static str, Noun)],
    /// Columns that are empty in another installation.
    forgets: &'static [&'static str],
    /// It is written into a file as a record, and not read from there.
    pub is_record: bool,
}

const fn piece(table: &'static str, rows: &'static str, refers: &'static [(&'static str, Noun)]) -> Piece {
    Piece { table, rows, own: None, refers, forgets: &[], is_record: false }
}

const OF_ACCOUNT: (&str, Noun) = ("account", Noun::Account);

/// All of them, each after what it refers to.
pub const PIECES: [Piece; 12] = [
    Piece { own: Some(Noun::Account), ..piece("accounts", "seq = ?", &[]) },
    Piece { own: Some(Noun::Resource), ..piece("resources", "account = ? ORDER BY seq", &[OF_ACCOUNT]) },
    piece("logins", "account = ?", &[OF_ACCOUNT, ("resource", Noun::Resource)]),
    piece(
        "members",
        "account = ? ORDER BY group_seq, member_seq",
        &[OF_ACCOUNT, ("group_seq", Noun::Resource), ("member_seq", Noun::Resource)],
    ),
    Piece {
        own: Some(Noun::ParkedMember),
        ..piece("parked_members", "account = ? ORDER BY seq", &[OF_ACCOUNT, ("group_seq", Noun::Resource)])
    },
    piece("access_rules", "account = ?", &[OF_ACCOUNT]),
    piece("saml_providers", "account = ?", &[OF_ACCOUNT]),
    piece("upstream_identities", "account = ?", &[OF_ACCOUNT, ("resource", Noun::Resource)]),
    piece("user_signals", "account = ?", &[OF_ACCOUNT, ("resource", Noun::Resource)]),
    Piece {
        own: Some(Noun::Client),
        forgets: &["recorded_until", "recorded_by"],
        ..piece("clients", "account = ? ORDER BY seq", &[OF_ACCOUNT])
    },
    piece("client_origins", "client IN (SELECT seq FROM clients WHERE account = ?)", &[("client", Noun::Client)]),
    Piece { is_record: true, ..piece("audit", "account = ? ORDER BY seq", &[]) },
];

/// Why an account cannot come here.
#[derive(Debug, Clone)]
pub struct InTheWay {
    /// The id of the account that is here.
    pub id: String,
    /// Its name.
    pub name: String,
    /// It was deleted.
    pub is_deleted: bool,
}

/// Which number became which.
#[derive(Debug, Default)]
pub struct Renumbered(HashMap<Noun, HashMap<i64, i64>>);

impl Renumbered {
    /// The number of the account.
    pub fn account(&self) -> Option<AccountKey> {
        self.0.get(&Noun::Account).and_then(|map| map.values().next()).copied().map(AccountKey::of_row)
    }

    /// How many there are.
    pub fn count(&self, noun: Noun) -> usize {
        self.0.get(&noun).map_or(0, HashMap::len)
    }

    fn refer(&self, noun: Noun, old: i64) -> Option<i64> {
        self.0.get(&noun)?.get(&old).copied()
    }
}

impl Tx<'_> {
    /// Gives the rows of an account, of one table.
    pub fn each_row_of_account<E: From<DbError>>(
        &mut self,
        (table, piece): (&Table, &Piece),
        account: AccountKey,
        each: impl FnMut(String) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = piece.rows.replace('?', &i64::from(account).to_string());
        self.each_row_that(table, &format!(" WHERE {rows}"), each)
    }

    /// Whether an attribute of the account is being indexed or taken out of documents at this moment.
    pub fn has_attribute_work(&mut self, account: AccountKey) -> Result<bool, DbError> {
        let query = attribute_work::table.filter(attribute_work::account.eq(account)).count();
        Ok(each!(&mut *self.conn, c => query.get_result::<i64>(c))? > 0)
    }

    /// The account that has this id or this name here.
    pub fn account_in_the_way(&mut self, id: &str, name: &str) -> Result<Option<InTheWay>, DbError> {
        let query = accounts::table.filter(accounts::id.eq(id).or(accounts::name_key.eq(name_key(name)))).select((
            accounts::id,
            accounts::name,
            accounts::deleted,
        ));
        let found: Option<(String, String, Option<Timestamp>)> =
            each!(&mut *self.conn, c => query.first(c).optional())?;
        Ok(found.map(|(id, name, deleted)| InTheWay { id, name, is_deleted: deleted.is_some() }))
    }

    /// Puts rows of an account there, under numbers of their own; `Err` inside: what is wrong with them.
    pub fn insert_rows_of_account(
        &mut self,
        (table, piece): (&Table, &Piece),
        mut rows: Vec<Map<String, Value>>,
        numbers: &mut Renumbered,
    ) -> Result<Result<Vec<i64>, String>, DbError> {
        let mut fresh = Vec::new();
        if let Some(noun) = piece.own {
            fresh = self.next_numbers(table, rows.len())?;
            for (row, new) in rows.iter_mut().zip(&fresh) {
                let old = row.insert("seq".to_owned(), Value::from(*new)).and_then(|old| old.as_i64());
                let Some(old) = old else { return Ok(Err("a row has no number".to_owned())) };
                numbers.0.entry(noun).or_default().insert(old, *new);
            }
        }
        for row in &mut rows {
            for (column, noun) in piece.refers {
                let new = match row.get(*column) {
                    // What an earlier release wrote did not name it: there is one only.
                    None if *noun == Noun::Account => numbers.account().map(i64::from),
                    old => old.and_then(Value::as_i64).and_then(|old| numbers.refer(*noun, old)),
                };
                let Some(new) = new else { return Ok(Err(format!("{column} refers to a row that is not there"))) };
                row.insert((*column).to_owned(), Value::from(new));
            }
            for column in piece.forgets {
                row.insert((*column).to_owned(), Value::Null);
            }
        }
        let rows = serde_json::to_string(&rows).map_err(|e| DbError::Corrupt(e.to_string()))?;
        self.insert_rows(table, rows)?;
        Ok(Ok(fresh))
    }

    /// Numbers for rows to come.
    fn next_numbers(&mut self, table: &Table, many: usize) -> Result<Vec<i64>, DbError> {
        let (name, many) = (&table.name, many as i64);
        match &*self.conn {
            AnyConn::Sqlite(_) => {
                let last = self.last_number(table)?;
                self.set_last_number(table, last + many)?;
                Ok((last + 1..=last + many).collect())
            }
            AnyConn::Postgres(_) => {
                // Before a number is taken, as every statement that writes does: those who close blocks wait for it.
                let lock = format!("LOCK TABLE \"{name}\" IN ROW EXCLUSIVE MODE");
                Statement::<()>::new(lock, Vec::new()).execute(self.conn)?;
                let text = format!(
                    "SELECT nextval(pg_get_serial_sequence('\"{name}\"', 'seq')::regclass) FROM generate_series(1, ?)"
                );
                let mut numbers: Vec<i64> = Statement::<BigInt>::new(text, vec![Bind::Number(many)]).load(self.conn)?;
                numbers.sort_unstable();
                Ok(numbers)
            }
        }
    }

    /// Makes the index rows of resources that came with their account, and counts them.
    pub fn index_arrived(&mut self, account: &Account, seqs: &[i64], schemas: &Schemas) -> Result<(), DbError> {
        let keys: Vec<ResourceKey> = seqs.iter().map(|seq| ResourceKey::from(scim::store::Handle(*seq))).collect();
        let query = resources::table
            .filter(resources::account.eq(account.seq))
            .filter(resources::seq.eq_any(keys))
            .order(resources::seq)
            .select(row_columns!());
        let rows: Vec<Row> = each!(&mut *self.conn, c => query.load(c))?;
        for row in rows {
            let stored = row.stored()?;
            self.index_anew(account.seq, &super::reindex::complete(account, schemas)?, &stored)?;
            let mut within = self.in_account(account.seq, Timestamp::EPOCH, false);
            within.add_to_count(stored.resource.resource_type, 1)?;
        }
        Ok(())
    }

    /// The clients of an account begin as new ones do, and the account stands by them.
    pub fn begin_arrived(&mut self, account: AccountKey, numbers: &Renumbered) -> Result<(), DbError> {
        self.past_is_unknown(account)?;
        for client in numbers.0.get(&Noun::Client).into_iter().flat_map(HashMap::values) {
            self.insert_client_health(ClientKey::of_row(*client))?;
        }
        self.stand_anew(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::tables;

    /// Of an account or of anything in it, and not moved with it: made anew there, or a thing of the installation it was in.
    const STAYS: &[&str] = &[
        // The index, counts, and work on them.
        "attribute_values",
        "attribute_work",
        "replaced_values",
        // What was before it came: that is recorded from then on.
        "past_resources",
        "past_members",
        "past_terms",
        "resource_blocks",
        "resource_counts",
        "resource_gaps",
        "walks",
        // Secrets, and what was issued by them.
        "client_secrets",
        "static_tokens",
        "grants",
        "endings",
        "authorization_codes",
        "refresh_tokens",
        "sessions",
        "relying_parties",
        "logout_tokens",
        "second_factors",
        "recovery_codes",
        "upstream_secrets",
        "signal_polls",
        "password_links",
        "setup_links",
        "pushed_requests",
        // What servers know of their own doings.
        "notices",
        "letters",
        "event_streams",
        "events",
        "requests",
        "recordings",
        "unrecorded_requests",
        "tolerance_needs",
        "field_counts",
        "client_activity",
        "client_days",
        "client_health",
        "account_days",
        "audit_segments",
        // Where an installation sends events is its own, and its secrets are sealed here.
        "receivers",
        "dead_letters",
        "deliveries",
        // The installation's own.
        "installation",
        "operators",
        "operator_accounts",
        "operator_sessions",
        "signing_keys",
        "attempts",
        "client_failures",
        "dpop_proofs",
        "used_assertions",
        "revoked_tokens",
        "answered_requests",
        "bulk_requests",
        "bulk_steps",
        "pushed_request_counts",
        "sign_in_flows",
        "forgotten_passwords",
    ];

    #[test]
    fn each_table_goes_with_an_account_or_stays_by_decision() {
        let all = tables::of_this_release().unwrap();
        for table in &all {
            let goes = PIECES.iter().any(|piece| piece.table == table.name);
            assert!(goes != STAYS.contains(&table.name.as_str()), "{}: does it go with its account?", table.name);
        }
        for piece in &PIECES {
            let table = all.iter().find(|table| table.name == piece.table).unwrap();
            let has = |name: &str| table.columns.iter().any(|column| column.name == name);
            assert!(
                piece.refers.iter().all(|(column, _)| has(column)) && piece.forgets.iter().all(|column| has(column))
            );
            let refers = |name: &str| piece.refers.iter().any(|(column, _)| *column == name);
            for name in ["account", "resource", "client", "group_seq", "member_seq"] {
                assert!(piece.is_record || !has(name) || refers(name), "{}.{name} would keep its number", piece.table);
            }
            assert_eq!(piece.own.is_some(), table.is_numbered && !piece.is_record, "{}", piece.table);
        }
    }
}

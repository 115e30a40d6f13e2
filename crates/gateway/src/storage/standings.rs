//! How accounts stand, and the list of accounts that begins with the worst.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};

use super::accounts::{AccountRow, name_key};
use super::error::DbError;
use super::everywhere;
use super::schema::{accounts, clients};
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::account::Account;
use crate::domain::health::HealthState;
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::standing::Standing;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// Counting ends here: what there is more of is "more than" so many.
pub const MOST: i64 = 1_000;
/// So many accounts are looked through for a text at a time.
const LOOKED_THROUGH: i64 = 5_000;
/// So many clients of an account are listed with others.
const CLIENTS: i64 = 20;

/// Where the list goes on: after this account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// How the account stands.
    pub standing: Standing,
    /// Its name, as names are compared.
    pub name_key: String,
}

/// Which accounts are listed.
#[derive(Debug, Clone, Default)]
pub struct AccountFilter {
    /// Those that stand so.
    pub standing: Option<Standing>,
    /// Those whose name, environments or id has this text.
    pub text: Option<String>,
    /// These alone; `None`: all.
    pub among: Option<Vec<AccountKey>>,
}

/// A page of accounts.
#[derive(Debug)]
pub struct AccountPage {
    /// The accounts, the worst first.
    pub accounts: Vec<Account>,
    /// After which the next page begins.
    pub next: Option<Place>,
}

type Listed = (i16, String, AccountKey, String, String, String, Option<String>, Timestamp, String, Option<Timestamp>);
type Columns = (SmallInt, Text, BigInt, Text, Text, Text, Nullable<Text>, BigInt, Text, Nullable<BigInt>);

/// The accounts after a place and up to a standing.
macro_rules! listed {
    ($from:literal) => {
        concat!(
            "SELECT a.standing, a.name_key, a.seq, a.id, a.name, a.product_environments, a.default_role, a.created, a.options, \
             a.suspended FROM ",
            $from,
            " WHERE a.deleted IS NULL AND (a.standing, a.name_key) > (?, ?) AND a.standing <= ? ORDER BY a.standing, a.name_key LIMIT ?"
        )
    };
}

/// Those among them that have a text.
macro_rules! found {
    ($from:literal, $position:literal) => {
        concat!(
            "SELECT * FROM (",
            listed!($from),
            ") AS looked_at WHERE ",
            $position,
            "(looked_at.name_key, ?) > 0 OR ",
            $position,
            "(looked_at.product_environments, ?) > 0 OR looked_at.id = ? ORDER BY looked_at.standing, looked_at.name_key LIMIT ?"
        )
    };
}

const ALL: &str = listed!("accounts AS a");
const AMONG: Dialects = Dialects {
    sqlite: listed!("json_each(?) AS wanted CROSS JOIN accounts AS a ON a.seq = wanted.value"),
    postgres: listed!(
        "json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT * FROM accounts WHERE seq = wanted.value::bigint OFFSET 0) AS a"
    ),
};
const FOUND: Dialects =
    Dialects { sqlite: found!("accounts AS a", "instr"), postgres: found!("accounts AS a", "strpos") };
const FOUND_AMONG: Dialects = Dialects {
    sqlite: found!("json_each(?) AS wanted CROSS JOIN accounts AS a ON a.seq = wanted.value", "instr"),
    postgres: found!(
        "json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT * FROM accounts WHERE seq = wanted.value::bigint OFFSET 0) AS a",
        "strpos"
    ),
};

/// How many accounts stand so, up to a bound.
macro_rules! counted {
    ($rank:literal) => {
        concat!(
            "SELECT CAST(",
            $rank,
            " AS BIGINT), count(*) FROM (SELECT 1 FROM accounts AS a \
             WHERE a.deleted IS NULL AND a.standing = ",
            $rank,
            " LIMIT 1001) AS counted"
        )
    };
}
const COUNTS: &str = concat!(
    counted!(0),
    " UNION ALL ",
    counted!(1),
    " UNION ALL ",
    counted!(2),
    " UNION ALL ",
    counted!(3),
    " UNION ALL ",
    counted!(4)
);

const STATES: Dialects = Dialects {
    sqlite: "SELECT h.state FROM clients AS c CROSS JOIN client_health AS h ON h.client = c.seq \
         WHERE c.account = ? AND c.seq > 0",
    postgres: "SELECT h.state FROM clients AS c CROSS JOIN LATERAL \
         (SELECT state FROM client_health WHERE client = c.seq OFFSET 0) AS h WHERE c.account = ? AND c.seq > 0",
};

const CLIENT_COUNT: &str =
    "SELECT count(*) FROM (SELECT 1 FROM clients AS c WHERE c.account = ? AND c.seq > 0 LIMIT ?) AS counted";

const CLIENTS_OF: Dialects = Dialects {
    sqlite: "SELECT c.seq FROM json_each(?) AS wanted CROSS JOIN clients AS c ON c.seq IN \
         (SELECT n.seq FROM clients AS n WHERE n.account = wanted.value AND n.seq > 0 ORDER BY n.seq LIMIT ?)",
    postgres: "SELECT c.seq FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT seq FROM clients WHERE account = wanted.value::bigint AND seq > 0 ORDER BY seq LIMIT ?) AS c",
};

/// All types of these accounts: there are few.
const RESOURCE_COUNTS: Dialects = Dialects {
    sqlite: "SELECT r.account, r.resource_type, r.n FROM json_each(?) AS wanted CROSS JOIN resource_counts AS r \
         ON r.account = wanted.value AND r.resource_type IN (1, 2)",
    postgres: "SELECT r.account, r.resource_type, r.n FROM json_array_elements_text(?::json) AS wanted CROSS JOIN LATERAL \
         (SELECT account, resource_type, n FROM resource_counts WHERE account = wanted.value::bigint OFFSET 0) AS r",
};

impl Tx<'_> {
    /// Accounts as they stand, the worst first, by name among equals.
    pub fn accounts_by_standing(
        &mut self,
        filter: &AccountFilter,
        after: Option<&Place>,
        limit: i64,
    ) -> Result<AccountPage, DbError> {
        let text = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let mut rows = match text {
            None => self.listed(filter, after, limit + 1)?,
            Some(text) => self.found(filter, text, after, limit + 1)?,
        };
        let is_full = rows.len() as i64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = match (is_full, text) {
            (true, _) => rows.last().map(|row| (row.0, row.1.clone())),
            // Of many accounts not all were looked through.
            (false, Some(_)) => self
                .listed(filter, after, LOOKED_THROUGH)?
                .get(LOOKED_THROUGH as usize - 1)
                .map(|row| (row.0, row.1.clone())),
            (false, None) => None,
        };
        let next =
            next.map(|(rank, name_key)| Ok::<_, DbError>(Place { standing: standing(rank)?, name_key })).transpose()?;
        let accounts =
            rows.into_iter().map(|(_, _, seq, id, name, environments, role, created, options, suspended)| {
                let row: AccountRow = (seq, id, name, environments, role, created, options, suspended);
                self.account_from(row)
            });
        Ok(AccountPage { accounts: accounts.collect::<Result<_, DbError>>()?, next })
    }

    fn bounds(filter: &AccountFilter, after: Option<&Place>, limit: i64) -> Result<Vec<Bind>, DbError> {
        let (first, last) = match filter.standing {
            Some(standing) => (standing.rank(), standing.rank()),
            None => (0, Standing::Suspended.rank()),
        };
        let (rank, key) =
            after.map_or((first, ""), |place| (place.standing.rank().max(first), place.name_key.as_str()));
        let mut binds = Vec::new();
        if let Some(among) = &filter.among {
            binds.push(Bind::list(among)?);
        }
        binds.extend([Bind::number(rank), Bind::Text(key.to_owned()), Bind::number(last), Bind::number(limit)]);
        Ok(binds)
    }

    fn listed(&mut self, filter: &AccountFilter, after: Option<&Place>, limit: i64) -> Result<Vec<Listed>, DbError> {
        let text = if filter.among.is_some() { AMONG.of(self.conn) } else { ALL };
        Statement::<Columns>::new(text, Self::bounds(filter, after, limit)?).load(self.conn)
    }

    fn found(
        &mut self,
        filter: &AccountFilter,
        text: &str,
        after: Option<&Place>,
        limit: i64,
    ) -> Result<Vec<Listed>, DbError> {
        let statement = if filter.among.is_some() { FOUND_AMONG } else { FOUND };
        let mut binds = Self::bounds(filter, after, LOOKED_THROUGH)?;
        binds.extend([
            Bind::Text(name_key(text)),
            Bind::Text(text.to_owned()),
            Bind::Text(text.to_owned()),
            Bind::number(limit),
        ]);
        Statement::<Columns>::new(statement.of(self.conn), binds).load(self.conn)
    }

    /// How many accounts stand so, in the order of [`Standing::ALL`]; of each no more than one above [`MOST`] are counted.
    pub fn counts_by_standing(&mut self, among: Option<&[AccountKey]>) -> Result<[i64; 5], DbError> {
        let mut counts = [0; 5];
        let mut add = |rank: i64, count: i64| {
            if let Some(counted) = usize::try_from(rank).ok().and_then(|rank| counts.get_mut(rank)) {
                *counted += count;
            }
        };
        match among {
            None => {
                let rows: Vec<(i64, i64)> = Statement::<(BigInt, BigInt)>::new(COUNTS, Vec::new()).load(self.conn)?;
                rows.into_iter().for_each(|(rank, count)| add(rank, count));
            }
            Some(among) => {
                let query = accounts::table
                    .filter(accounts::seq.eq_any(among))
                    .filter(accounts::deleted.is_null())
                    .select(accounts::standing);
                let ranks: Vec<i16> = each!(&mut *self.conn, c => query.load(c))?;
                ranks.into_iter().for_each(|rank| add(rank.into(), 1));
            }
        }
        Ok(counts)
    }

    /// The clients of these accounts, the first few of each.
    pub fn first_clients_of(&mut self, accounts: &[AccountKey]) -> Result<Vec<ClientKey>, DbError> {
        let binds = vec![Bind::list(accounts)?, Bind::number(CLIENTS)];
        Statement::<BigInt>::new(CLIENTS_OF.of(self.conn), binds).load(self.conn)
    }

    /// How many users and groups these accounts have: account, resource type, a part of the number.
    pub fn resource_counts_of(&mut self, accounts: &[AccountKey]) -> Result<Vec<(AccountKey, i16, i64)>, DbError> {
        let binds = vec![Bind::list(accounts)?];
        Statement::<(BigInt, SmallInt, BigInt)>::new(
            RESOURCE_COUNTS.or_everywhere(self.conn, everywhere::RESOURCE_COUNTS),
            binds,
        )
        .load(self.conn)
    }

    /// How many clients an account has: no more than one above [`MOST`] are counted.
    pub fn count_clients_of(&mut self, account: AccountKey) -> Result<i64, DbError> {
        let binds = vec![Bind::number(account), Bind::number(MOST + 1)];
        Ok(Statement::<BigInt>::new(CLIENT_COUNT, binds).first(self.conn)?.unwrap_or(0))
    }

    /// Finds out how an account stands, after something changed in that. What others change of it waits.
    pub fn stand_anew(&mut self, account: AccountKey) -> Result<(), DbError> {
        let Some(found) = self.lock_account_at(account)? else { return Ok(()) };
        let states: Vec<String> =
            Statement::<Text>::new(STATES.of(self.conn), vec![Bind::number(account)]).load(self.conn)?;
        let stands =
            Standing::of(found.suspended.is_some(), states.iter().filter_map(|state| HealthState::parse(state)));
        let row = accounts::table.filter(accounts::seq.eq(account));
        each!(&mut *self.conn, c => diesel::update(row).set(accounts::standing.eq(stands.rank())).execute(c))?;
        Ok(())
    }

    /// The same for the account of a client, if it has one.
    pub(super) fn stand_anew_with(&mut self, client: ClientKey) -> Result<(), DbError> {
        let of = clients::table.filter(clients::seq.eq(client)).select(clients::account);
        let account: Option<Option<AccountKey>> = each!(&mut *self.conn, c => of.get_result(c).optional())?;
        account.flatten().map_or(Ok(()), |account| self.stand_anew(account))
    }
}

fn standing(rank: i16) -> Result<Standing, DbError> {
    Standing::of_rank(rank).ok_or_else(|| DbError::Corrupt(format!("the standing {rank} of an account")))
}

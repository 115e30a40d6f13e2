//! What happened each day: counted beside the request log, and from the totals of each account.

use diesel::prelude::*;
use scim::schema::{GROUP, USER};

use super::error::DbError;
use super::schema::{account_days, client_days};
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::daily::{ClientDay, DayCounts, Population};
use crate::domain::ids::{AccountKey, ClientKey};
use crate::each;
use crate::platform::timestamp::Timestamp;

/// One statement for any number of clients and days, in one order, so that replicas do not block each other crosswise.
macro_rules! add {
    ($from:literal) => {
        concat!(
            "INSERT INTO client_days (client, day, requests, refused, list_pages) SELECT ",
            $from,
            " ORDER BY 1, 2 ON CONFLICT (client, day) DO UPDATE SET requests = client_days.requests + excluded.requests, \
             refused = client_days.refused + excluded.refused, list_pages = client_days.list_pages + excluded.list_pages"
        )
    };
}

const ADD: Dialects = Dialects {
    sqlite: add!(
        "c.seq, wanted.value ->> 'day', wanted.value ->> 'requests', wanted.value ->> 'refused', wanted.value ->> 'list_pages' \
         FROM json_each(?) AS wanted CROSS JOIN clients AS c ON c.id = wanted.value ->> 'client' WHERE TRUE"
    ),
    postgres: add!(
        "c.seq, (wanted.value ->> 'day')::bigint, (wanted.value ->> 'requests')::bigint, (wanted.value ->> 'refused')::bigint, \
         (wanted.value ->> 'list_pages')::bigint FROM json_array_elements(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT seq FROM clients WHERE id = wanted.value ->> 'client' OFFSET 0) AS c"
    ),
};

/// Users have the number 1, groups the number 2.
const COUNT: &str = "INSERT INTO account_days (account, day, user_count, group_count) \
     SELECT account, ?, SUM(CASE WHEN resource_type = 1 THEN n ELSE 0 END), SUM(CASE WHEN resource_type = 2 THEN n ELSE 0 END) \
     FROM resource_counts WHERE TRUE GROUP BY account ORDER BY account ON CONFLICT (account, day) \
     DO UPDATE SET user_count = excluded.user_count, group_count = excluded.group_count";
const _: () = assert!(USER.0 == 1 && GROUP.0 == 2);

impl Tx<'_> {
    /// Adds what clients sent.
    pub fn add_client_days(&mut self, days: &[ClientDay]) -> Result<(), DbError> {
        if !days.is_empty() {
            Statement::<()>::new(ADD.of(self.conn), vec![Bind::list(days)?]).execute(self.conn)?;
        }
        Ok(())
    }

    /// Notes how many users and groups each account has on this day.
    pub fn count_accounts(&mut self, day: i64) -> Result<u64, DbError> {
        Statement::<()>::new(COUNT, vec![Bind::number(day)]).execute(self.conn)
    }

    /// What a client sent on each day from this one on, in the order of days. Days without a request are left out.
    pub fn client_days(&mut self, client: ClientKey, from: i64) -> Result<Vec<(i64, DayCounts)>, DbError> {
        let query = client_days::table
            .filter(client_days::client.eq(client))
            .filter(client_days::day.ge(from))
            .order(client_days::day)
            .select((client_days::day, client_days::requests, client_days::refused, client_days::list_pages));
        let rows: Vec<(i64, i64, i64, i64)> = each!(&mut *self.conn, c => query.load(c))?;
        let counts = |(day, requests, refused, list_pages)| (day, DayCounts { requests, refused, list_pages });
        Ok(rows.into_iter().map(counts).collect())
    }

    /// How many users and groups an account had on each day from this one on, in the order of days. Days on which no server ran are left out.
    pub fn account_days(&mut self, account: AccountKey, from: i64) -> Result<Vec<(i64, Population)>, DbError> {
        let query = account_days::table
            .filter(account_days::account.eq(account))
            .filter(account_days::day.ge(from))
            .order(account_days::day)
            .select((account_days::day, account_days::user_count, account_days::group_count));
        let rows: Vec<(i64, i64, i64)> = each!(&mut *self.conn, c => query.load(c))?;
        Ok(rows.into_iter().map(|(day, users, groups)| (day, Population { users, groups })).collect())
    }

    /// How many users and groups an account has now.
    pub fn population(&mut self, account: AccountKey) -> Result<Population, DbError> {
        let mut store = self.in_account(account, Timestamp::EPOCH, false);
        let (users, groups) = (store.count(USER)?, store.count(GROUP)?);
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Population { users: whole(users), groups: whole(groups) })
    }

    /// Forgets days before this one: at most so many rows of each kind. Says how many.
    pub fn forget_days(&mut self, before: i64, limit: i64) -> Result<u64, DbError> {
        let clients = client_days::table.filter(client_days::day.lt(before)).order(client_days::day).limit(limit);
        let accounts = account_days::table.filter(account_days::day.lt(before)).order(account_days::day).limit(limit);
        let (clients, accounts) = (
            clients.select((client_days::client, client_days::day)),
            accounts.select((account_days::account, account_days::day)),
        );
        let clients: Vec<(i64, i64)> = each!(&mut *self.conn, c => clients.load(c))?;
        let accounts: Vec<(i64, i64)> = each!(&mut *self.conn, c => accounts.load(c))?;
        for row in &clients {
            let row = client_days::table.find(*row);
            each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        }
        for row in &accounts {
            let row = account_days::table.find(*row);
            each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        }
        Ok((clients.len() + accounts.len()) as u64)
    }
}

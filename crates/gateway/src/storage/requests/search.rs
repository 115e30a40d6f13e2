//! Questions to the request log. Each page is answered from one index, in the order of time, and looks at a bounded number of rows: where
//! those that fit are rare, a page ends early and says where the next one begins.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use super::{TIE, first_of};
use crate::domain::ids::AccountKey;
use crate::domain::request::{RequestId, Told};
use crate::each;
use crate::platform::timestamp::Timestamp;
use crate::storage::error::DbError;
use crate::storage::schema::clients;
use crate::storage::statement::{Bind, Statement};
use crate::storage::tx::Tx;

/// So many rows a page looks at.
const LOOKED_AT: i64 = 10_000;

macro_rules! columns {
    () => {
        "seq, bits, given_id, account, client, actor, address, method, endpoint, target, target_name, status, \
         code, detail, micros, more"
    };
}

type Columns = (
    BigInt,
    BigInt,
    Nullable<Text>,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Text,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Integer,
    Nullable<Text>,
    Nullable<Text>,
    BigInt,
    Nullable<Text>,
);

const BY_ID: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM requests WHERE seq >= ? AND seq < ? AND bits = ? AND given_id IS NULL ORDER BY seq LIMIT 1200"
);
const BY_GIVEN_ID: &str =
    concat!("SELECT ", columns!(), " FROM requests WHERE given_id = ? ORDER BY seq DESC LIMIT 1200");

/// A row as read.
#[derive(Debug, Clone, Queryable)]
pub struct StoredRequest {
    /// In the order of time.
    pub seq: i64,
    bits: i64,
    given_id: Option<String>,
    /// The account, if it is known.
    pub account: Option<AccountKey>,
    /// The client's id, if it is known.
    pub client: Option<String>,
    /// Who acted, where that was not the client.
    pub actor: Option<String>,
    /// The network address it came from.
    pub address: Option<String>,
    /// `PATCH`
    pub method: String,
    /// The route.
    pub endpoint: String,
    /// The id of what it was about,
    pub target: Option<String>,
    /// and the name that had.
    pub target_name: Option<String>,
    /// The status of the answer.
    pub status: i32,
    /// Why it was refused: a code,
    pub code: Option<String>,
    /// and the text that was sent.
    pub detail: Option<String>,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// A JSON object of what else there is.
    pub more: Option<String>,
}

impl StoredRequest {
    /// When it began, in milliseconds since the epoch.
    pub fn at(&self) -> Timestamp {
        Timestamp::of_millis(self.seq >> TIE)
    }

    /// What is kept together of it.
    pub fn told(&self) -> Told {
        Told::read(self.more.as_deref())
    }

    /// Its id.
    pub fn request_id(&self) -> String {
        match &self.given_id {
            Some(id) => id.clone(),
            None => RequestId::Made { at: self.at(), bits: self.bits.cast_unsigned() }.to_string(),
        }
    }
}

/// Whose requests are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Those of an account.
    Account(AccountKey),
    /// Those of a client, by its id.
    Client(String),
    /// All there are.
    All,
}

/// What is asked; what is left out is any.
#[derive(Debug, Clone)]
pub struct RequestFilter {
    /// Whose.
    pub of: Asked,
    /// From this status to that one.
    pub status: Option<(i32, i32)>,
    /// The id or the name of what it was about.
    pub target: Option<String>,
    /// Why it was refused.
    pub code: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// Rows, newest first.
#[derive(Debug)]
pub struct RequestPage {
    /// The rows.
    pub rows: Vec<StoredRequest>,
    /// The row after which the next page begins; `None`: there is none.
    pub next: Option<i64>,
}

/// A condition that an index answers, and the value of its `?`.
type Indexed = (&'static str, Bind);
/// A condition that is tried on the rows of an index, and its values.
type Tried = (&'static str, Vec<Bind>);

impl RequestFilter {
    /// All of these.
    pub fn of(of: Asked) -> RequestFilter {
        RequestFilter { of, status: None, target: None, code: None, method: None, since: None, until: None }
    }

    /// Whether it asks for refusals alone. Each status from 400 on has a code, and so have errors that a browser carries to a client.
    fn is_about_refusals(&self) -> bool {
        self.code.is_some() || self.status.is_some_and(|(least, _)| least >= 400)
    }

    /// The condition that an index answers, and those that are tried on its rows.
    fn conditions(&self) -> (Vec<Indexed>, Vec<Tried>) {
        let index = match &self.of {
            Asked::Account(account) => vec![("account = ?", Bind::Number((*account).into()))],
            Asked::Client(client) => vec![("client = ?", Bind::Text(client.clone()))],
            Asked::All => Vec::new(),
        };
        let mut tried = Vec::new();
        if let Some((least, most)) = self.status {
            let binds = vec![Bind::Number(least.into()), Bind::Number(most.into())];
            tried.push(("status >= ? AND status <= ?", binds));
        }
        if let Some(target) = &self.target {
            let binds = vec![Bind::Text(target.clone()), Bind::Text(target.clone())];
            tried.push(("(target = ? OR target_name = ?)", binds));
        }
        if let Some(code) = &self.code {
            tried.push(("code = ?", vec![Bind::Text(code.clone())]));
        }
        if let Some(method) = &self.method {
            tried.push(("method = ?", vec![Bind::Text(method.clone())]));
        }
        (index, tried)
    }
}

impl Tx<'_> {
    /// The requests that fit, newest first, after this row: at most so many.
    pub fn request_page(
        &mut self,
        filter: &RequestFilter,
        after: Option<i64>,
        limit: i64,
    ) -> Result<RequestPage, DbError> {
        self.page_of(filter, filter.is_about_refusals(), after, limit)
    }

    fn page_of(
        &mut self,
        filter: &RequestFilter,
        refused: bool,
        after: Option<i64>,
        limit: i64,
    ) -> Result<RequestPage, DbError> {
        let (mut index, tried) = filter.conditions();
        index.push(("seq >= ?", Bind::Number(filter.since.map_or(i64::MIN, first_of))));
        let until = filter.until.map_or(i64::MAX, first_of);
        index.push(("seq < ?", Bind::Number(after.unwrap_or(i64::MAX).min(until))));
        let (mut texts, binds): (Vec<&str>, Vec<Bind>) = index.into_iter().unzip();
        if refused {
            texts.push("code IS NOT NULL");
        }
        let place = format!("FROM requests WHERE {} ORDER BY seq DESC", texts.join(" AND "));
        let looks_at = if tried.is_empty() { limit } else { LOOKED_AT };
        let (texts, values): (Vec<&str>, Vec<Vec<Bind>>) = tried.into_iter().unzip();
        let rest = if texts.is_empty() { String::new() } else { format!("WHERE {}", texts.join(" AND ")) };
        let columns = columns!();
        let text =
            format!("SELECT {columns} FROM (SELECT * {place} LIMIT ?) AS looked_at {rest} ORDER BY seq DESC LIMIT ?");
        let given = [binds.clone(), vec![Bind::Number(looks_at)], values.concat(), vec![Bind::Number(limit)]].concat();
        let rows: Vec<StoredRequest> = Statement::<Columns>::new(text, given).load(self.conn)?;
        let next = if rows.len() as i64 == limit {
            rows.last().map(|row| row.seq)
        } else if rest.is_empty() {
            None
        } else {
            let last = [binds, vec![Bind::Number(LOOKED_AT - 1)]].concat();
            Statement::<BigInt>::new(format!("SELECT seq {place} LIMIT 1 OFFSET ?"), last).first(self.conn)?
        };
        Ok(RequestPage { rows, next })
    }

    /// The newest refusals of an account, or of all, after this row: as many as a page looks at.
    pub fn refused_requests(
        &mut self,
        account: Option<AccountKey>,
        after: Option<i64>,
    ) -> Result<RequestPage, DbError> {
        let of = account.map_or(Asked::All, Asked::Account);
        self.page_of(&RequestFilter::of(of), true, after, LOOKED_AT)
    }

    /// All that is recorded under the id of a request.
    pub fn requests_called(&mut self, id: &str) -> Result<Vec<StoredRequest>, DbError> {
        let given = || Statement::<Columns>::new(BY_GIVEN_ID, vec![Bind::Text(id.to_owned())]);
        let Some(RequestId::Made { at, bits }) = RequestId::made(id) else { return given().load(self.conn) };
        let (first, end) = (first_of(at), first_of(at + 1));
        let binds = vec![Bind::Number(first), Bind::Number(end), Bind::Number(bits.cast_signed())];
        let made: Vec<StoredRequest> = Statement::<Columns>::new(BY_ID, binds).load(self.conn)?;
        if made.is_empty() { given().load(self.conn) } else { Ok(made) }
    }

    /// What clients are called, by their ids; those that are gone are left out.
    pub fn names_of_clients(&mut self, ids: &[&str]) -> Result<HashMap<String, String>, DbError> {
        let query = clients::table.filter(clients::id.eq_any(ids)).select((clients::id, clients::name));
        let names: Vec<(String, String)> = each!(&mut *self.conn, c => query.load(c))?;
        Ok(names.into_iter().collect())
    }
}

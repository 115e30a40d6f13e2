//! Streams of security event tokens. What waits for one is the feed behind its position: nothing is written for a stream when an event is.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::event_streams;
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::event_stream::{Delivery, EventStream, StreamStatus};
use crate::domain::feed::EventType;
use crate::domain::ids::{AccountKey, ClientKey};
use crate::domain::operator::Reach;
use crate::each;
use crate::platform::timestamp::Timestamp;

#[derive(Queryable)]
struct Row {
    seq: i64,
    id: String,
    client: ClientKey,
    account: Option<AccountKey>,
    created: Timestamp,
    description: Option<String>,
    requested: Option<String>,
    method: String,
    endpoint: Option<String>,
    sealed: Option<String>,
    status: String,
    reason: Option<String>,
    position: i64,
    acked: String,
    own: String,
    refused: Option<String>,
    verified: Option<Timestamp>,
}

const POLL: &str = "poll";
const PUSH: &str = "push";

impl TryFrom<Row> for EventStream {
    type Error = DbError;

    fn try_from(row: Row) -> Result<EventStream, DbError> {
        let corrupt = |what: &str| DbError::Corrupt(format!("{what} of event stream {}", row.id));
        let read = |what: &str, text: &str| -> Result<serde_json::Value, DbError> {
            serde_json::from_str(text).map_err(|_| corrupt(what))
        };
        let requested = row.requested.as_deref().map(|text| serde_json::from_str(text).map_err(|_| corrupt("events")));
        let refused = row.refused.as_deref().map(|text| read("refusal", text)).transpose()?;
        let delivery = match (row.method.as_str(), row.endpoint) {
            (POLL, _) => Delivery::Poll,
            (PUSH, Some(endpoint)) => Delivery::Push { endpoint, authorization: row.sealed },
            _ => return Err(corrupt("delivery")),
        };
        Ok(EventStream {
            status: StreamStatus::named(&row.status).ok_or_else(|| corrupt("status"))?,
            requested: requested.transpose()?,
            acked: serde_json::from_value(read("acknowledgements", &row.acked)?)
                .map_err(|_| corrupt("acknowledgements"))?,
            own: serde_json::from_value(read("tokens", &row.own)?).map_err(|_| corrupt("tokens"))?,
            refused: refused.map(serde_json::from_value).transpose().map_err(|_| corrupt("refusal"))?,
            seq: row.seq,
            client: row.client,
            account: row.account,
            created: row.created,
            description: row.description,
            delivery,
            reason: row.reason,
            position: row.position,
            verified: row.verified,
            id: row.id,
        })
    }
}

fn text(value: &impl serde::Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|e| DbError::Corrupt(format!("an event stream: {e}")))
}

const LOCK: &str = "SELECT pg_advisory_xact_lock(74050, (? % 2147483647)::int)";

/// What of a stream may change.
macro_rules! values {
    ($stream:expr) => {{
        let stream: &EventStream = $stream;
        let (method, endpoint, sealed) = match &stream.delivery {
            Delivery::Poll => (POLL, None, None),
            Delivery::Push { endpoint, authorization } => (PUSH, Some(endpoint), authorization.as_ref()),
        };
        (
            event_streams::description.eq(stream.description.as_ref()),
            event_streams::requested.eq(stream.requested.as_ref().map(text).transpose()?),
            event_streams::method.eq(method),
            event_streams::endpoint.eq(endpoint),
            event_streams::sealed.eq(sealed),
            event_streams::status.eq(stream.status.code()),
            event_streams::reason.eq(stream.reason.as_ref()),
            event_streams::position.eq(stream.position),
            event_streams::acked.eq(text(&stream.acked)?),
            event_streams::own.eq(text(&stream.own)?),
            event_streams::refused.eq(stream.refused.as_ref().map(text).transpose()?),
            event_streams::verified.eq(stream.verified),
        )
    }};
}

/// The numbers of events of some types, of all accounts or of one.
macro_rules! numbers {
    ($of:literal, $types:literal) => {
        concat!("SELECT seq FROM events WHERE ", $of, "seq > ? AND seq <= ? AND kind ", $types, " ORDER BY seq LIMIT ?")
    };
}
const NUMBERS: Dialects = Dialects {
    sqlite: numbers!("", "IN (SELECT value FROM json_each(?))"),
    postgres: numbers!("", "= ANY (ARRAY(SELECT value FROM json_array_elements_text(?::json)))"),
};
const NUMBERS_OF_ACCOUNT: Dialects = Dialects {
    sqlite: numbers!("account = ? AND ", "IN (SELECT value FROM json_each(?))"),
    postgres: numbers!("account = ? AND ", "= ANY (ARRAY(SELECT value FROM json_array_elements_text(?::json)))"),
};

impl Tx<'_> {
    /// Keeps a new stream, whose number is given here.
    pub fn insert_event_stream(&mut self, stream: &mut EventStream) -> Result<(), DbError> {
        let row = (
            event_streams::id.eq(&stream.id),
            event_streams::client.eq(stream.client),
            event_streams::account.eq(stream.account),
            event_streams::created.eq(stream.created),
        );
        let row = (row, values!(stream));
        stream.seq = each!(&mut *self.conn, c => diesel::insert_into(event_streams::table)
            .values(row)
            .returning(event_streams::seq)
            .get_result(c))?;
        Ok(())
    }

    /// The stream with this id.
    pub fn event_stream(&mut self, id: &str) -> Result<Option<EventStream>, DbError> {
        let query = event_streams::table.filter(event_streams::id.eq(id));
        let row: Option<Row> = each!(&mut *self.conn, c => query.get_result(c).optional())?;
        row.map(EventStream::try_from).transpose()
    }

    /// The stream with this id; no other transaction changes it until the unit of work ends.
    pub fn lock_event_stream(&mut self, id: &str) -> Result<Option<EventStream>, DbError> {
        let query = event_streams::table.filter(event_streams::id.eq(id));
        let row: Option<Row> = match &mut *self.conn {
            AnyConn::Postgres(c) => query.for_update().get_result(c.begun()).optional()?,
            AnyConn::Sqlite(c) => query.get_result(c).optional()?,
        };
        row.map(EventStream::try_from).transpose()
    }

    /// Waits for transactions that make streams of a product key; no other does until the unit of work ends. SQLite has one writer.
    pub fn lock_event_streams_of_client(&mut self, client: ClientKey) -> Result<(), DbError> {
        if matches!(&*self.conn, AnyConn::Postgres(_)) {
            Statement::<()>::new(LOCK, vec![Bind::number(client)]).execute(self.conn)?;
        }
        Ok(())
    }

    /// The streams of a product key, in the order in which they were made.
    pub fn event_streams_of_client(&mut self, client: ClientKey, most: i64) -> Result<Vec<EventStream>, DbError> {
        let query = event_streams::table.filter(event_streams::client.eq(client)).order(event_streams::seq).limit(most);
        let rows: Vec<Row> = each!(&mut *self.conn, c => query.load(c))?;
        rows.into_iter().map(EventStream::try_from).collect()
    }

    /// The streams within reach, in the order in which they were made.
    pub fn event_streams_within(&mut self, reach: &Reach, most: i64) -> Result<Vec<EventStream>, DbError> {
        let query = event_streams::table.order(event_streams::seq).limit(most);
        let rows: Vec<Row> = match reach {
            Reach::All => each!(&mut *self.conn, c => query.load(c))?,
            Reach::Accounts(accounts) => {
                let query = query.filter(event_streams::account.eq_any(accounts.iter()));
                each!(&mut *self.conn, c => query.load(c))?
            }
        };
        rows.into_iter().map(EventStream::try_from).collect()
    }

    /// Writes what became of a stream.
    pub fn update_event_stream(&mut self, stream: &EventStream) -> Result<(), DbError> {
        let row = event_streams::table.filter(event_streams::seq.eq(stream.seq));
        let values = values!(stream);
        each!(&mut *self.conn, c => diesel::update(row).set(values).execute(c))?;
        Ok(())
    }

    /// Deletes the receivers to which the tokens of a product key's streams are sent; what is known of their deliveries goes with the feed.
    pub(super) fn delete_receivers_of_client(&mut self, client: ClientKey) -> Result<(), DbError> {
        for stream in self.event_streams_of_client(client, i64::MAX)? {
            if let (Delivery::Push { .. }, Some(receiver)) = (&stream.delivery, self.receiver(&stream.id)?) {
                self.delete_receiver(receiver.seq)?;
            }
        }
        Ok(())
    }

    /// Takes a stream away.
    pub fn delete_event_stream(&mut self, stream: i64) -> Result<(), DbError> {
        let row = event_streams::table.filter(event_streams::seq.eq(stream));
        each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        Ok(())
    }

    /// The numbers of events of these types after one up to another, in their order: of one account, or of all.
    pub fn event_numbers(
        &mut self,
        account: Option<AccountKey>,
        types: &[EventType],
        (after, end): (i64, i64),
        most: i64,
    ) -> Result<Vec<i64>, DbError> {
        let codes: Vec<&str> = types.iter().map(|kind| kind.code()).collect();
        let rest = [Bind::Number(after), Bind::Number(end), Bind::list(&codes)?, Bind::Number(most)];
        let (text, binds) = match account {
            Some(account) => (NUMBERS_OF_ACCOUNT, [&[Bind::number(account)], &rest[..]].concat()),
            None => (NUMBERS, rest.into()),
        };
        let text = text.of(self.conn);
        Statement::<BigInt>::new(text, binds).load(self.conn)
    }
}

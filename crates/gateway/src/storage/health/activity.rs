//! When clients were there, kept beside the request log.

use diesel::prelude::*;

use crate::domain::health::{Activity, Days, Moment, Seen};
use crate::domain::ids::ClientKey;
use crate::each;
use crate::platform::timestamp::Timestamp;
use crate::storage::error::DbError;
use crate::storage::schema::client_activity;
use crate::storage::statement::{Bind, Dialects, Statement};
use crate::storage::tx::Tx;

/// What belongs to the later of two times stays.
macro_rules! later {
    ($column:literal, $at:literal) => {
        concat!(
            $column,
            " = CASE WHEN COALESCE(excluded.",
            $at,
            ", -1) >= COALESCE(client_activity.",
            $at,
            ", -1) THEN excluded.",
            $column,
            " ELSE client_activity.",
            $column,
            " END, "
        )
    };
}

/// One statement for any number of clients, in the order of their keys, so that replicas that write at once do not block each other
/// crosswise. A client that is gone is passed over. The later time wins, with its address; days move to the left as time passes.
macro_rules! note {
    ($from:literal) => {
        concat!(
            "INSERT INTO client_activity (client, last_request, request_address, last_success, success_address, last_token, token_address, \
             last_import, import_address, day, days, writes, writes_before) SELECT ",
            $from,
            " ORDER BY 1 ON CONFLICT (client) DO UPDATE SET ",
            later!("request_address", "last_request"),
            later!("last_request", "last_request"),
            later!("success_address", "last_success"),
            later!("last_success", "last_success"),
            later!("token_address", "last_token"),
            later!("last_token", "last_token"),
            later!("import_address", "last_import"),
            later!("last_import", "last_import"),
            "writes_before = CASE WHEN excluded.day = client_activity.day + 1 THEN client_activity.writes \
             WHEN excluded.day > client_activity.day THEN 0 \
             WHEN excluded.day = client_activity.day - 1 THEN client_activity.writes_before + excluded.writes \
             ELSE client_activity.writes_before END, \
             writes = CASE WHEN excluded.day > client_activity.day THEN excluded.writes \
             WHEN excluded.day = client_activity.day THEN client_activity.writes + excluded.writes ELSE client_activity.writes END, \
             days = CASE WHEN excluded.day >= client_activity.day + 62 THEN excluded.days \
             WHEN excluded.day >= client_activity.day THEN \
             ((client_activity.days << CAST(excluded.day - client_activity.day AS INTEGER)) | excluded.days) & 4611686018427387903 \
             WHEN excluded.day > client_activity.day - 62 THEN \
             (client_activity.days | (excluded.days << CAST(client_activity.day - excluded.day AS INTEGER))) & 4611686018427387903 \
             ELSE client_activity.days END, \
             day = CASE WHEN excluded.day > client_activity.day THEN excluded.day ELSE client_activity.day END"
        )
    };
}

const NOTE: Dialects = Dialects {
    sqlite: note!(
        "c.seq, wanted.value ->> 'last_request', wanted.value ->> 'request_address', wanted.value ->> 'last_success', wanted.value ->> 'success_address', \
         wanted.value ->> 'last_token', wanted.value ->> 'token_address', wanted.value ->> 'last_import', wanted.value ->> 'import_address', \
         wanted.value ->> 'day', wanted.value ->> 'days', wanted.value ->> 'writes', 0 \
         FROM json_each(?) AS wanted CROSS JOIN clients AS c ON c.id = wanted.value ->> 'client' WHERE TRUE"
    ),
    postgres: note!(
        "c.seq, (wanted.value ->> 'last_request')::bigint, wanted.value ->> 'request_address', (wanted.value ->> 'last_success')::bigint, \
         wanted.value ->> 'success_address', (wanted.value ->> 'last_token')::bigint, wanted.value ->> 'token_address', \
         (wanted.value ->> 'last_import')::bigint, wanted.value ->> 'import_address', (wanted.value ->> 'day')::bigint, (wanted.value ->> 'days')::bigint, \
         (wanted.value ->> 'writes')::bigint, 0 FROM json_array_elements(?::json) AS wanted \
         CROSS JOIN LATERAL (SELECT seq FROM clients WHERE id = wanted.value ->> 'client' OFFSET 0) AS c"
    ),
};

#[derive(Queryable)]
struct Row {
    client: ClientKey,
    last_request: Option<Timestamp>,
    request_address: Option<String>,
    last_success: Option<Timestamp>,
    success_address: Option<String>,
    last_token: Option<Timestamp>,
    token_address: Option<String>,
    last_import: Option<Timestamp>,
    import_address: Option<String>,
    day: i64,
    days: i64,
    writes: i64,
    writes_before: i64,
}

impl From<Row> for (ClientKey, Activity) {
    fn from(row: Row) -> (ClientKey, Activity) {
        let moment = |at: Option<Timestamp>, address| at.map(|at| Moment { at, address });
        let activity = Activity {
            last_request: moment(row.last_request, row.request_address),
            last_success: moment(row.last_success, row.success_address),
            last_token: moment(row.last_token, row.token_address),
            last_import: moment(row.last_import, row.import_address),
            days: Days { last: row.day, bits: row.days },
            writes: row.writes,
            writes_before: row.writes_before,
        };
        (row.client, activity)
    }
}

impl Tx<'_> {
    /// Keeps when clients were there.
    pub fn note_activity(&mut self, seen: &[Seen]) -> Result<(), DbError> {
        if !seen.is_empty() {
            Statement::<()>::new(NOTE.of(self.conn), vec![Bind::list(seen)?]).execute(self.conn)?;
        }
        Ok(())
    }

    /// When these clients were there, as far as it is known.
    pub fn activity_of(&mut self, clients: &[ClientKey]) -> Result<Vec<(ClientKey, Activity)>, DbError> {
        let query = client_activity::table.filter(client_activity::client.eq_any(clients));
        let rows: Vec<Row> = each!(&mut *self.conn, c => query.load(c))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

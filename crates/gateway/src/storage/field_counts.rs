//! How often a client sent an attribute.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::error::DbError;
use super::schema::{clients, field_counts};
use super::tx::Tx;
use crate::domain::fields::{FieldCount, FieldCounts, FieldName, MAX_UNKNOWN, REQUESTS, Times};
use crate::domain::ids::ClientKey;
use crate::each;
use crate::platform::timestamp::Timestamp;

#[derive(Queryable)]
struct Row {
    resource_type: i16,
    name: String,
    known: bool,
    arrived: i64,
    changed: i64,
    empty: i64,
    refused: i64,
    ignored: i64,
    last_arrived: Option<Timestamp>,
    last_changed: Option<Timestamp>,
    last_empty: Option<Timestamp>,
    last_refused: Option<Timestamp>,
    last_ignored: Option<Timestamp>,
    nearest: Option<String>,
}

impl From<Row> for (FieldName, FieldCount) {
    fn from(row: Row) -> (FieldName, FieldCount) {
        let times = |count, last| Times { count, last };
        let count = FieldCount {
            known: row.known,
            arrived: times(row.arrived, row.last_arrived),
            changed: times(row.changed, row.last_changed),
            empty: times(row.empty, row.last_empty),
            refused: times(row.refused, row.last_refused),
            ignored: times(row.ignored, row.last_ignored),
            nearest: row.nearest.map(Into::into),
        };
        ((row.resource_type, row.name.into()), count)
    }
}

impl Tx<'_> {
    /// Adds to what is there; what belongs to a client that is gone is dropped. Beyond [`MAX_UNKNOWN`] unknown names the rarest give
    /// way, of equally rare ones those that were sent longest ago.
    pub fn add_field_counts(&mut self, client: ClientKey, counts: &FieldCounts) -> Result<(), DbError> {
        let living = clients::table.filter(clients::seq.eq(client)).count();
        if each!(&mut *self.conn, c => living.get_result::<i64>(c))? == 0 {
            return Ok(());
        }
        let mut unknown = false;
        for ((resource_type, name), count) in counts.in_order() {
            unknown |= !count.known && **name != *REQUESTS;
            self.add_field_count(client, *resource_type, name, count)?;
        }
        if unknown { self.drop_rare_names(client) } else { Ok(()) }
    }

    fn add_field_count(
        &mut self,
        client: ClientKey,
        resource_type: i16,
        name: &str,
        count: &FieldCount,
    ) -> Result<(), DbError> {
        use field_counts::dsl;
        let FieldCount { known, arrived, changed, empty, refused, ignored, nearest } = count;
        let row = (
            dsl::client.eq(client),
            dsl::resource_type.eq(resource_type),
            dsl::name.eq(name),
            dsl::known.eq(*known),
            dsl::arrived.eq(arrived.count),
            dsl::changed.eq(changed.count),
            dsl::empty.eq(empty.count),
            dsl::refused.eq(refused.count),
            dsl::ignored.eq(ignored.count),
            dsl::last_arrived.eq(arrived.last),
            dsl::last_changed.eq(changed.last),
            dsl::last_empty.eq(empty.last),
            dsl::last_refused.eq(refused.last),
            dsl::last_ignored.eq(ignored.last),
            dsl::nearest.eq(nearest.as_deref()),
        );
        // What did not happen leaves its time as it is.
        let added = (
            dsl::known.eq(*known),
            (dsl::arrived.eq(dsl::arrived + arrived.count), arrived.last.map(|at| dsl::last_arrived.eq(at))),
            (dsl::changed.eq(dsl::changed + changed.count), changed.last.map(|at| dsl::last_changed.eq(at))),
            (dsl::empty.eq(dsl::empty + empty.count), empty.last.map(|at| dsl::last_empty.eq(at))),
            (dsl::refused.eq(dsl::refused + refused.count), refused.last.map(|at| dsl::last_refused.eq(at))),
            (dsl::ignored.eq(dsl::ignored + ignored.count), ignored.last.map(|at| dsl::last_ignored.eq(at))),
            dsl::nearest.eq(nearest.as_deref()),
        );
        each!(&mut *self.conn, c => diesel::insert_into(dsl::field_counts)
            .values(row)
            .on_conflict((dsl::client, dsl::resource_type, dsl::name))
            .do_update()
            .set(added)
            .execute(c))?;
        Ok(())
    }

    fn drop_rare_names(&mut self, client: ClientKey) -> Result<(), DbError> {
        let mut unknown = self.field_counts(client)?;
        unknown.retain(|((_, name), count)| !count.known && **name != *REQUESTS);
        if unknown.len() <= MAX_UNKNOWN {
            return Ok(());
        }
        unknown.sort_by_key(|(_, count)| std::cmp::Reverse((count.sent(), count.ignored.last.max(count.refused.last))));
        let mut others: BTreeMap<i16, i64> = BTreeMap::new();
        for ((resource_type, name), count) in unknown.split_off(MAX_UNKNOWN) {
            let row = field_counts::table.find((client, resource_type, &*name));
            each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
            *others.entry(resource_type).or_default() += count.sent();
        }
        for (resource_type, count) in others {
            let others = FieldCount { ignored: Times { count, last: None }, ..FieldCount::default() };
            self.add_field_count(client, resource_type, REQUESTS, &others)?;
        }
        Ok(())
    }

    /// All that a client sent so far.
    pub fn field_counts(&mut self, client: ClientKey) -> Result<Vec<(FieldName, FieldCount)>, DbError> {
        use field_counts::dsl;
        let query = dsl::field_counts.filter(dsl::client.eq(client)).order((dsl::resource_type, dsl::name)).select((
            dsl::resource_type,
            dsl::name,
            dsl::known,
            dsl::arrived,
            dsl::changed,
            dsl::empty,
            dsl::refused,
            dsl::ignored,
            dsl::last_arrived,
            dsl::last_changed,
            dsl::last_empty,
            dsl::last_refused,
            dsl::last_ignored,
            dsl::nearest,
        ));
        let rows: Vec<Row> = each!(&mut *self.conn, c => query.load(c))?;
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

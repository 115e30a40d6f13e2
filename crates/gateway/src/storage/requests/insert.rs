//! A row of the request log on SQLite, by a statement whose text is not even made where it is prepared already: each request pays for it.

use diesel::SqliteConnection;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::NewRequest;

pub(super) struct Insert<'a>(pub(super) &'a NewRequest);

impl QueryId for Insert<'_> {
    type QueryId = Insert<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let row = self.0;
        sql.push_sql(
            "INSERT INTO requests (seq, micros, bits, account, status, given_id, client, actor, address, method, endpoint, target, \
             target_name, code, detail, more) VALUES (",
        );
        sql.push_bind_param::<BigInt, _>(&row.seq)?;
        for number in [&row.micros, &row.bits] {
            sql.push_sql(", ");
            sql.push_bind_param::<BigInt, _>(number)?;
        }
        sql.push_sql(", ");
        sql.push_bind_param::<Nullable<BigInt>, _>(&row.account)?;
        sql.push_sql(", ");
        sql.push_bind_param::<Integer, _>(&row.status)?;
        for text in [&row.given_id, &row.client, &row.actor, &row.address] {
            sql.push_sql(", ");
            sql.push_bind_param::<Nullable<Text>, _>(text)?;
        }
        sql.push_sql(", ");
        sql.push_bind_param::<Text, _>(row.method)?;
        sql.push_sql(", ");
        sql.push_bind_param::<Text, _>(&row.endpoint)?;
        for text in [&row.target, &row.target_name] {
            sql.push_sql(", ");
            sql.push_bind_param::<Nullable<Text>, _>(text)?;
        }
        sql.push_sql(", ");
        sql.push_bind_param::<Nullable<Text>, _>(&row.code)?;
        for text in [&row.detail, &row.more] {
            sql.push_sql(", ");
            sql.push_bind_param::<Nullable<Text>, _>(text)?;
        }
        sql.push_sql(")");
        Ok(())
    }
}

impl diesel::RunQueryDsl<SqliteConnection> for Insert<'_> {}

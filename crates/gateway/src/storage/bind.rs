//! Values of statements.

use diesel::backend::Backend;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Nullable, Text};

use super::error::DbError;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Bind {
    Number(i64),
    /// A number, or NULL.
    Optional(Option<i64>),
    Flag(bool),
    Text(String),
    /// A text, or NULL.
    Words(Option<String>),
    Bytes(Vec<u8>),
}

impl Bind {
    /// A number, which may be a key.
    pub(super) fn number(value: impl Into<i64>) -> Bind {
        Bind::Number(value.into())
    }

    /// Many values as one.
    pub(super) fn list<T: serde::Serialize>(values: &[T]) -> Result<Bind, DbError> {
        let json = serde_json::to_string(values).map_err(|e| DbError::Corrupt(e.to_string()))?;
        Ok(Bind::Text(json))
    }
}

/// A text with a value for each `?`.
pub(super) fn walk<'b, DB>(text: &'b str, binds: &'b [Bind], mut sql: AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Binary> + HasSqlType<Bool>,
    i64: ToSql<BigInt, DB>,
    bool: ToSql<Bool, DB>,
    String: ToSql<Text, DB>,
    Vec<u8>: ToSql<Binary, DB>,
{
    // This walks through all of the text, and is done several times for each statement.
    let mut places = memchr::memchr_iter(b'?', text.as_bytes());
    let mut next = places.next();
    sql.push_sql(&text[..next.unwrap_or(text.len())]);
    for bind in binds {
        let Some(place) = next else { break };
        next = places.next();
        match bind {
            Bind::Number(value) => sql.push_bind_param::<BigInt, _>(value)?,
            Bind::Optional(value) => sql.push_bind_param::<Nullable<BigInt>, _>(value)?,
            Bind::Flag(value) => sql.push_bind_param::<Bool, _>(value)?,
            Bind::Text(value) => sql.push_bind_param::<Text, _>(value)?,
            Bind::Words(value) => sql.push_bind_param::<Nullable<Text>, _>(value)?,
            Bind::Bytes(value) => sql.push_bind_param::<Binary, _>(value)?,
        }
        sql.push_sql(&text[place + 1..next.unwrap_or(text.len())]);
    }
    Ok(())
}

//! Facts about this installation as a whole: named values.

use diesel::prelude::*;

use super::error::DbError;
use super::schema::installation;
use super::tx::Tx;
use crate::each;

impl Tx<'_> {
    /// The value under this name.
    pub fn installation_value(&mut self, name: &str) -> Result<Option<String>, DbError> {
        let query = installation::table.filter(installation::name.eq(name)).select(installation::value);
        Ok(each!(&mut *self.conn, c => query.get_result(c).optional())?)
    }

    /// Sets a value if there is none; says what holds afterwards, be it ours or another replica's.
    pub fn establish_fact(&mut self, name: &str, value: &str) -> Result<String, DbError> {
        let row = (installation::name.eq(name), installation::value.eq(value));
        each!(&mut *self.conn, c => diesel::insert_into(installation::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
        self.installation_value(name)?.ok_or_else(|| DbError::Corrupt(format!("installation value {name} vanished")))
    }

    /// Sets a value.
    pub fn set_installation_value(&mut self, name: &str, value: &str) -> Result<(), DbError> {
        let row = (installation::name.eq(name), installation::value.eq(value));
        each!(&mut *self.conn, c => diesel::insert_into(installation::table)
            .values(row)
            .on_conflict(installation::name)
            .do_update()
            .set(installation::value.eq(value))
            .execute(c))?;
        Ok(())
    }
}

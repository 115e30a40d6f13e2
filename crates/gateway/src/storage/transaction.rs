//! Where a transaction begins and ends.

use diesel::connection::{AnsiTransactionManager, TransactionManager};

use super::connection::AnyConn;
use super::error::DbError;
use crate::each;

pub(super) fn begin(conn: &mut AnyConn, sql: &str) -> Result<(), DbError> {
    Ok(each!(conn, c => AnsiTransactionManager::begin_transaction_sql(c, sql))?)
}

pub(super) fn commit(conn: &mut AnyConn) -> Result<(), DbError> {
    Ok(each!(conn, c => AnsiTransactionManager::commit_transaction(c))?)
}

pub(super) fn roll_back(conn: &mut AnyConn) -> Result<(), DbError> {
    Ok(each!(conn, c => AnsiTransactionManager::rollback_transaction(c))?)
}

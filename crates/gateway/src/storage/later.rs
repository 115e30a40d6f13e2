//! What is written later, on PostgreSQL: together with the next statement, or at the end of the unit of work.
//!
//! A statement costs what a round trip costs, and most that a request writes is never looked at again by its unit of work: a document, its
//! keys, a count, rows of the audit trail. Such a statement is put off ([`Statement::put_off`](super::statement::Statement::put_off)); all that is put off becomes one, each a part of its
//! `WITH`, before anything else is asked ([`PgSession::begun`](super::pg_session::PgSession::begun)). So a unit of work sees its own writes
//! as ever. The parts see none of each other's writes, and no order is promised among them: they must not be about one row. Two of one name
//! are not put off together; rows for one table are, and keep their order.
//!
//! A part may go by what was read before it without a lock: where that has changed, it is so written that it leaves a column empty that must
//! not be, which [means](super::error) that the unit of work lost a race and is run again.
//!
//! What fails then fails the unit of work, in which nothing could be done about it: what may be refused, as a value that only one may
//! have, is not put off.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

use super::bind::{Bind, walk};

/// So many are put off at most, so that the texts of what they become are not too many to be kept prepared,
const MOST: usize = 24;
/// and so many rows of one table.
const MOST_ROWS: usize = 4;

/// A statement that is put off.
#[allow(missing_debug_implementations)] // statements have none
pub(super) enum PutOff {
    /// A constant text with its values.
    Text(&'static str, Vec<Bind>),
    /// Any, by a name of its own.
    One(&'static str, Box<dyn QueryFragment<Pg> + Send>),
    /// Rows of a table.
    Rows(Rows),
    /// What is asked with it, at the end.
    Question(Cow<'static, str>, Vec<Bind>),
}

/// Rows of a table: how the statement begins, how a row is written, and the values of all.
#[allow(missing_debug_implementations)]
pub(super) struct Rows {
    pub(super) head: &'static str,
    pub(super) row: &'static str,
    pub(super) rows: usize,
    pub(super) binds: Vec<Bind>,
}

impl PutOff {
    fn name(&self) -> &'static str {
        match self {
            PutOff::One(name, _) | PutOff::Text(name, _) => name,
            PutOff::Rows(rows) => rows.head,
            PutOff::Question(..) => "",
        }
    }

    fn walk<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            PutOff::Text(text, binds) => walk(text, binds, sql),
            PutOff::One(_, fragment) => fragment.walk_ast(sql),
            PutOff::Question(text, binds) => {
                if matches!(text, Cow::Owned(_)) {
                    sql.unsafe_to_cache_prepared();
                }
                walk(text, binds, sql)
            }
            PutOff::Rows(Rows { head, row, rows, binds }) => {
                sql.push_sql(head);
                let each = binds.len() / rows;
                for (n, values) in binds.chunks(each).enumerate() {
                    sql.push_sql(if n == 0 { "" } else { ", " });
                    walk(row, values, sql.reborrow())?;
                }
                Ok(())
            }
        }
    }
}

/// What is put off on one connection.
#[derive(Default)]
#[allow(missing_debug_implementations)]
pub(super) struct Later(Vec<PutOff>);

impl Later {
    /// Puts it off too; returns it where that is not possible.
    pub(super) fn put_off(&mut self, one: PutOff) -> Option<PutOff> {
        let has_room = self.0.len() < MOST;
        match (self.0.iter_mut().find(|other| other.name() == one.name()), one) {
            (Some(PutOff::Rows(there)), PutOff::Rows(more)) if there.rows + more.rows <= MOST_ROWS => {
                there.rows += more.rows;
                there.binds.extend(more.binds);
                None
            }
            (None, one) if has_room => {
                self.0.push(one);
                None
            }
            (_, one) => Some(one),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of it in one statement; `None` if there is nothing.
    pub(super) fn alone(mut self) -> Option<Together<()>> {
        let last = self.0.pop()?;
        Some(Together { before: self.0, last, columns: PhantomData })
    }

    /// All of it in one statement with a question that is not about it; `ST` are the types of its columns.
    pub(super) fn with<ST>(self, question: Cow<'static, str>, binds: Vec<Bind>) -> Together<ST> {
        Together { before: self.0, last: PutOff::Question(question, binds), columns: PhantomData }
    }
}

/// Several statements in one.
#[allow(missing_debug_implementations)]
pub(super) struct Together<ST> {
    before: Vec<PutOff>,
    last: PutOff,
    columns: PhantomData<ST>,
}

impl<ST> QueryFragment<Pg> for Together<ST> {
    fn walk_ast<'b>(&'b self, mut sql: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (n, part) in self.before.iter().enumerate() {
            sql.push_sql(if n == 0 { "WITH w" } else { ", w" });
            sql.push_sql(&n.to_string());
            sql.push_sql(" AS (");
            part.walk(sql.reborrow())?;
            sql.push_sql(") ");
        }
        self.last.walk(sql)
    }
}

impl<ST: 'static> QueryId for Together<ST> {
    type QueryId = ();
    // Cached by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Together<ST> {
    type SqlType = ST;
}

impl<ST> RunQueryDsl<PgConnection> for Together<ST> {}

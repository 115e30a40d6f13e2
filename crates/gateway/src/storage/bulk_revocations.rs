//! The end of many grants at once, and their passing to a co-owner.
//!
//! A user who leaves may have accepted any number of grants. Ending them is one row here, which every check of a grant sees
//! ([`ended`]); the worker writes it into the grants themselves, batch by batch, and then removes it. What has ended stays ended.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use oauth::{EndReason, GrantId};
use scim::schema::USER;

use super::backend::AnyConn;
use super::error::DbError;
use super::schema::{endings, grants, resources};
use super::statement::{Bind, Dialects, Statement};
use super::tx::Tx;
use crate::domain::ids::{AccountKey, ClientKey, UserKey};
use crate::domain::person;
use crate::each;
use crate::platform::timestamp::Timestamp;

/// SQL: whether grant `g` has the scope of the SCIM endpoint.
macro_rules! provisions {
    () => {
        "' ' || g.scope || ' ' LIKE '% provision:scim %'"
    };
}
pub(super) use provisions;

/// SQL: a column of the ending that ended grant `g`, or what the grant itself says of its end. Nearly always there is none, which is asked
/// first: SQLite makes a table to sort in before it looks for rows, and each request with a token would pay for that.
macro_rules! ended {
    ($of_ending:literal, $own:literal) => {
        concat!(
            "COALESCE(",
            $own,
            ", CASE WHEN EXISTS (SELECT 1 FROM endings AS x WHERE x.owner = g.owner AND x.last_grant >= g.seq) THEN (SELECT ",
            $of_ending,
            " FROM endings AS e WHERE e.owner = g.owner AND e.last_grant >= g.seq \
             AND (NOT e.provisioning OR ",
            $crate::storage::bulk_revocations::provisions!(),
            ") ORDER BY e.seq LIMIT 1) END)"
        )
    };
}
pub(super) use ended;

const NEWEST: &str = "SELECT max(seq) FROM grants";
const NEWEST_OF_ACCOUNT: &str = "SELECT max(seq) FROM grants WHERE account = ?";
const NEWEST_OF_CLIENT: &str = "SELECT max(seq) FROM grants WHERE client = ?";

/// How many grants pass to a co-owner at most, the newest of them: people have one or two.
const PASSES: i64 = 100;

/// The plus keeps the planner from going through all grants of the account.
/// With the number of the transaction, which is about to write: what was put off is written with this question.
const OPEN: Dialects = Dialects {
    sqlite: "SELECT (SELECT g.owner FROM grants AS g WHERE g.owner_id = ? AND +g.account = ? AND g.ended IS NULL LIMIT 1), NULL",
    postgres: "SELECT (SELECT g.owner FROM grants AS g WHERE g.owner_id = ? AND +g.account = ? AND g.ended IS NULL LIMIT 1), \
         pg_current_xact_id()::text::bigint",
};
/// Where accounts lie on several nodes, what tells of which account it is has to stand alone; there is an index in that order. The number
/// would be that of a part of the transaction, on one node.
const OPEN_THERE: &str = "SELECT (SELECT g.owner FROM grants AS g WHERE g.owner_id = ? AND g.account = ? AND g.ended IS NULL LIMIT 1), NULL::bigint";

macro_rules! rebind {
    ($account:literal) => {
        concat!(
            "UPDATE grants SET owner = ?, owner_id = ?, rebound = ? WHERE account = ? AND seq IN (SELECT g.seq FROM grants AS g \
             WHERE g.owner_id = ? AND ",
            $account,
            " = ? AND g.ended IS NULL AND ",
            ended!("e.at", "g.ended"),
            " IS NULL AND ",
            provisions!(),
            " ORDER BY g.seq DESC LIMIT ?) RETURNING seq"
        )
    };
}
const REBIND: &str = rebind!("+g.account");
const REBIND_THERE: &str = rebind!("g.account");

macro_rules! of_owner {
    ($what:literal, $account:literal, $than:literal) => {
        concat!(
            "SELECT g.seq FROM grants AS g WHERE g.owner_id = ? AND ",
            $account,
            " = ? AND COALESCE(g.auth_time, g.created) ",
            $than,
            " ? AND g.seq > ? AND g.ended IS NULL AND ",
            ended!("e.at", "g.ended"),
            " IS NULL ORDER BY g.seq",
            $what
        )
    };
}
/// Open grants of an owner that rest on a log-in after a time: the first, behind a number;
const FIRST_BEGUN_SINCE: &str = of_owner!(" LIMIT 1", "+g.account", ">");
const FIRST_BEGUN_SINCE_THERE: &str = of_owner!(" LIMIT 1", "g.account", ">");
/// on one by that time: the first, or all.
const FIRST_BEGUN_BY: &str = of_owner!(" LIMIT 1", "+g.account", "<=");
const FIRST_BEGUN_BY_THERE: &str = of_owner!(" LIMIT 1", "g.account", "<=");
const BEGUN_BY: &str = of_owner!("", "+g.account", "<=");
const BEGUN_BY_THERE: &str = of_owner!("", "g.account", "<=");

/// The same owner accepted the same of the same client again.
const NEWER: &str = "AND EXISTS (SELECT 1 FROM grants AS n WHERE n.account = grants.account AND n.owner_id = grants.owner_id AND n.ended IS NULL \
     AND n.client = grants.client AND n.scope = grants.scope AND n.seq > grants.seq)";

/// Numbers as one bound value.
const AMONG: Dialects = Dialects {
    sqlite: "IN (SELECT value FROM json_each(?))",
    postgres: "= ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text(?::json)))",
};

const CLIENTS: Dialects = Dialects {
    sqlite: "SELECT c.name FROM grants AS g JOIN clients AS c ON c.seq = g.client \
         WHERE g.account = ? AND g.seq IN (SELECT value FROM json_each(?)) ORDER BY g.seq",
    postgres: "SELECT c.name FROM grants AS g JOIN clients AS c ON c.seq = g.client \
         WHERE g.account = ? AND g.seq IN (SELECT value::bigint FROM json_array_elements_text(?::json)) ORDER BY g.seq",
};

/// Who takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoOwner {
    /// Their number in storage.
    pub(crate) seq: UserKey,
    /// The user's id.
    pub(crate) id: String,
}

#[derive(Queryable)]
struct Ending {
    seq: i64,
    owner: Option<UserKey>,
    owner_id: Option<String>,
    client: Option<ClientKey>,
    last_grant: i64,
    provisioning: bool,
    at: Timestamp,
    reason: String,
}

impl Tx<'_> {
    /// The number in storage of this user, if they own a grant that may be open.
    pub(crate) fn open_grant_of_owner(&mut self, account: AccountKey, owner: &str) -> Result<Option<UserKey>, DbError> {
        let binds = vec![Bind::Text(owner.to_owned()), Bind::number(account)];
        let rows: Vec<(Option<UserKey>, Option<i64>)> =
            Statement::<(Nullable<BigInt>, Nullable<BigInt>)>::new(OPEN.or_everywhere(self.conn, OPEN_THERE), binds)
                .load_along(self.conn)?;
        let (owner, number) = rows.into_iter().next().unwrap_or_default();
        self.number = self.number.or(number);
        Ok(owner)
    }

    /// Ends every grant of this user, or those that open the SCIM endpoint if it is their role they lost: one small write, however
    /// many there are. `false` if there is none.
    pub(crate) fn end_grants_of_owner(
        &mut self,
        account: AccountKey,
        owner: &str,
        now: Timestamp,
        reason: EndReason,
    ) -> Result<bool, DbError> {
        let Some(seq) = self.open_grant_of_owner(account, owner)? else { return Ok(false) };
        let provisioning = reason == EndReason::OwnerRoleLost;
        let newest = self.newest_grant(NEWEST_OF_ACCOUNT, account)?;
        self.insert_ending((Some(seq), Some(owner), None), newest, provisioning, (now, reason))?;
        Ok(true)
    }

    /// Ends those grants of this user that rest on a log-in at this time or before. `false` if there is none.
    pub(crate) fn end_grants_begun_by(
        &mut self,
        account: AccountKey,
        owner: &str,
        until: Timestamp,
        now: Timestamp,
        reason: EndReason,
    ) -> Result<bool, DbError> {
        let binds = |more: i64| {
            vec![Bind::Text(owner.to_owned()), Bind::number(account), Bind::number(until), Bind::Number(more)]
        };
        let text = self.or_there(FIRST_BEGUN_SINCE, FIRST_BEGUN_SINCE_THERE);
        let first: Option<i64> = Statement::<BigInt>::new(text, binds(0)).first(self.conn)?;
        let Some(first) = first else { return self.end_grants_of_owner(account, owner, now, reason) };
        // All before the first that stays, in one small write, and those between that one and the last, which are few.
        let Some(seq) = self.open_grant_of_owner(account, owner)? else { return Ok(false) };
        let text = self.or_there(FIRST_BEGUN_BY, FIRST_BEGUN_BY_THERE);
        let oldest: Option<i64> = Statement::<BigInt>::new(text, binds(0)).first(self.conn)?;
        let Some(oldest) = oldest else { return Ok(false) };
        let text = self.or_there(BEGUN_BY, BEGUN_BY_THERE);
        let between: Vec<i64> = Statement::<BigInt>::new(text, binds(first)).load(self.conn)?;
        if oldest < first {
            self.insert_ending((Some(seq), Some(owner), None), Some(first - 1), false, (now, reason))?;
        }
        for grant in between {
            self.end_grant_for(GrantId::within(account.into(), grant), now, reason)?;
        }
        Ok(true)
    }

    /// Ends every grant of a client: one small write. Deleting the client makes them worthless anyway.
    pub fn end_grants_of_client(
        &mut self,
        client: ClientKey,
        now: Timestamp,
        reason: EndReason,
    ) -> Result<(), DbError> {
        let newest = self.newest_grant(NEWEST_OF_CLIENT, client)?;
        self.insert_ending((None, None, Some(client)), newest, false, (now, reason))
    }

    /// The newest grant there is, or of those that are meant: on several nodes no one knows the newest of all.
    fn newest_grant(&mut self, of: &'static str, whose: impl Into<i64>) -> Result<Option<i64>, DbError> {
        let (text, binds) = match self.conn.is_spread() {
            true => (of, vec![Bind::number(whose)]),
            false => (NEWEST, Vec::new()),
        };
        Ok(Statement::<Nullable<BigInt>>::new(text, binds).first::<Option<i64>>(self.conn)?.flatten())
    }

    fn insert_ending(
        &mut self,
        (owner, owner_id, client): (Option<UserKey>, Option<&str>, Option<ClientKey>),
        newest: Option<i64>,
        provisioning: bool,
        (now, reason): (Timestamp, EndReason),
    ) -> Result<(), DbError> {
        let row = (
            endings::owner.eq(owner),
            endings::owner_id.eq(owner_id),
            endings::client.eq(client),
            endings::last_grant.eq(newest.unwrap_or(0)),
            endings::provisioning.eq(provisioning),
            endings::at.eq(now),
            endings::reason.eq(reason.as_str()),
        );
        each!(&mut *self.conn, c => diesel::insert_into(endings::table).values(row).execute(c))?;
        Ok(())
    }

    /// The account's co-owner, if they may take over from this user: another user, active, with a role that may accept access.
    pub(crate) fn successor_of(&mut self, account: AccountKey, leaving: &str) -> Result<Option<CoOwner>, DbError> {
        self.find_successor(account, leaving, false)
    }

    /// The same, and they stay so until this unit of work ends.
    pub(crate) fn lock_co_owner_of(&mut self, account: AccountKey, leaving: &str) -> Result<Option<CoOwner>, DbError> {
        self.find_successor(account, leaving, true)
    }

    fn find_successor(&mut self, account: AccountKey, leaving: &str, lock: bool) -> Result<Option<CoOwner>, DbError> {
        let Some(id) = self.account_at(account)?.and_then(|account| account.options.co_owner) else { return Ok(None) };
        if id == leaving {
            return Ok(None);
        }
        let user = resources::table
            .filter(resources::account.eq(account))
            .filter(resources::id.eq(&id))
            .filter(resources::resource_type.eq(USER.0))
            .select((resources::seq, resources::active, resources::document));
        let user: Option<(UserKey, bool, String)> = match &mut *self.conn {
            AnyConn::Postgres(c) if lock => user.for_share().get_result(c.begun()).optional()?,
            AnyConn::Postgres(c) => user.get_result(c.begun()).optional()?,
            AnyConn::Sqlite(c) => user.get_result(c).optional()?,
        };
        let Some((seq, true, document)) = user else { return Ok(None) };
        let attributes =
            serde_json::from_str(&document).map_err(|e| DbError::Corrupt(format!("document of resource {id}: {e}")))?;
        // What they themselves lost a moment ago must not reach what they are given now.
        let pending = endings::table.filter(endings::owner.eq(seq)).count();
        let pending: i64 = each!(&mut *self.conn, c => pending.get_result(c))?;
        let may = self.policy.may_own_grant(&attributes) && pending == 0;
        Ok(may.then_some(CoOwner { seq, id }))
    }

    /// Passes the open grants of this user that open the SCIM endpoint to another user. Returns them.
    pub(crate) fn transfer_grants(
        &mut self,
        account: AccountKey,
        owner: &str,
        to: &CoOwner,
        now: Timestamp,
    ) -> Result<Vec<GrantId>, DbError> {
        let binds = vec![
            Bind::number(to.seq),
            Bind::Text(to.id.clone()),
            Bind::number(now),
            Bind::Text(owner.to_owned()),
            Bind::number(PASSES),
        ];
        let mut grants: Vec<i64> =
            Statement::<BigInt>::of_account(self.or_there(REBIND, REBIND_THERE), account, binds).load(self.conn)?;
        grants.sort_unstable();
        Ok(grants.into_iter().map(|number| GrantId::within(account.into(), number)).collect())
    }

    /// The name of the client of each of these grants, which are of one account.
    pub(crate) fn client_names_of(&mut self, grants: &[GrantId]) -> Result<Vec<String>, DbError> {
        let Some(first) = grants.first() else { return Ok(Vec::new()) };
        let account = self.place_of(*first)?;
        let grants: Vec<i64> = grants.iter().map(|grant| grant.number).collect();
        Statement::<Text>::of_account(CLIENTS.of(self.conn), account, vec![Bind::list(&grants)?]).load(self.conn)
    }

    /// What a user of this account is or was called; nothing if nothing is known of them any more.
    pub(crate) fn display_name_of(&mut self, account: AccountKey, user: &str) -> Result<String, DbError> {
        let row = resources::table
            .filter(resources::account.eq(account))
            .filter(resources::id.eq(user))
            .select(resources::document);
        let document: Option<String> = each!(&mut *self.conn, c => row.get_result(c).optional())?;
        let attributes = document.and_then(|document| serde_json::from_str(&document).ok()).unwrap_or_default();
        Ok(person::name(&attributes))
    }

    /// Writes the oldest ending into a batch of the grants it ended; says how much was done.
    pub fn settle_endings(&mut self, limit: i64) -> Result<u64, DbError> {
        let oldest = endings::table.order(endings::seq).limit(1);
        let oldest: Option<Ending> = match &mut *self.conn {
            AnyConn::Postgres(c) => oldest.for_update().skip_locked().get_result(c.begun()).optional()?,
            AnyConn::Sqlite(c) => oldest.get_result(c).optional()?,
        };
        let Some(ending) = oldest else { return Ok(0) };
        let (whose, whom) = match ending.client {
            Some(client) => ("g.client = ?", vec![Bind::number(client)]),
            None => (
                "g.owner = ? AND g.owner_id = ?",
                vec![
                    Bind::number(ending.owner.unwrap_or(UserKey::NO_ROW)),
                    Bind::Text(ending.owner_id.unwrap_or_default()),
                ],
            ),
        };
        let which = if ending.provisioning { concat!("AND ", provisions!()) } else { "" };
        let text = format!(
            "UPDATE grants SET ended = ?, end_reason = ? WHERE seq IN \
             (SELECT g.seq FROM grants AS g WHERE {whose} AND g.ended IS NULL AND g.seq <= ? {which} LIMIT ?)"
        );
        let mut binds = vec![Bind::number(ending.at), Bind::Text(ending.reason)];
        binds.extend(whom);
        binds.extend([Bind::number(ending.last_grant), Bind::number(limit)]);
        let settled = Statement::<()>::new(text, binds).execute(self.conn)?;
        if settled < limit.unsigned_abs() {
            let row = endings::table.filter(endings::seq.eq(ending.seq));
            each!(&mut *self.conn, c => diesel::delete(row).execute(c))?;
        }
        Ok(settled + 1)
    }

    /// Ends those of these grants that no code and no refresh token leads to any more. One that never had a refresh token still says
    /// what its owner accepted, until a newer one says the same: it ends only if it is `superseded`.
    pub(super) fn end_unused_grants(
        &mut self,
        mut of: Vec<i64>,
        superseded: bool,
        now: Timestamp,
    ) -> Result<(), DbError> {
        of.sort_unstable();
        of.dedup();
        if of.is_empty() {
            return Ok(());
        }
        let among = AMONG.of(self.conn);
        let newer = if superseded { NEWER } else { "" };
        let text = format!(
            "UPDATE grants SET ended = ?, end_reason = ? WHERE seq {among} AND ended IS NULL AND owner IS NOT NULL {newer} \
             AND NOT EXISTS (SELECT 1 FROM refresh_tokens AS t WHERE t.account = grants.account AND t.grant_seq = grants.seq) \
             AND NOT EXISTS (SELECT 1 FROM authorization_codes AS k WHERE k.account = grants.account AND k.grant_seq = grants.seq) RETURNING seq"
        );
        let reason = EndReason::Unused;
        let binds = vec![Bind::number(now), Bind::Text(reason.as_str().to_owned()), Bind::list(&of)?];
        let ended: Vec<i64> = Statement::<BigInt>::new(text, binds).load(self.conn)?;
        for seq in ended {
            let event = oauth::Event::GrantEnded { grant: GrantId::new(seq), reason };
            self.raise(now, None, event);
        }
        Ok(())
    }

    /// Removes grants that ended before that time, with what is left of their refresh tokens; says how many rows went.
    pub fn forget_grants(&mut self, before: Timestamp, limit: i64) -> Result<u64, DbError> {
        let due = grants::table.filter(grants::ended.lt(before).assume_not_null()).limit(limit).select(grants::seq);
        let due: Vec<i64> = match &mut *self.conn {
            AnyConn::Postgres(c) if c.is_spread() => due.load(c.begun())?,
            AnyConn::Postgres(c) => due.for_update().skip_locked().load(c.begun())?,
            AnyConn::Sqlite(c) => due.load(c)?,
        };
        if due.is_empty() {
            return Ok(0);
        }
        let among = AMONG.of(self.conn);
        let mut removed = 0;
        for table in ["refresh_tokens WHERE grant_seq", "grants WHERE seq"] {
            let text = format!("DELETE FROM {table} {among}");
            removed += Statement::<()>::new(text, vec![Bind::list(&due)?]).execute(self.conn)?;
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::scopes;

    #[test]
    fn provisioning_is_the_scope_of_the_scim_endpoint() {
        assert!(provisions!().ends_with(&format!("LIKE '% {} %'", scopes::PROVISION)));
    }
}

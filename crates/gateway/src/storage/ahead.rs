//! What a request will ask for beside its token, asked for in the same statement.
//!
//! On PostgreSQL a statement costs what a round trip costs. The request says what it is about before its token is looked up
//! ([`Tx::will_ask_for`]); the look-up then brings that along, and the store's methods find it at hand: the order of questions stays the
//! protocol's, and none is answered before the token was judged. A unit of work that needs nothing else sends this statement alone, which
//! is a snapshot by itself; one that goes on begins its transaction, and asks again there. SQLite, to which a statement costs next to
//! nothing, is asked as before.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};
use oauth::bearer::{FoundToken, LookUp};
use scim::resource::{GroupReference, Member};
use scim::schema::ResourceTypeId;
use scim::store::Handle;
use scim::{AttributeKey, Id};

use super::along::{Ahead, Named, Wanted};
use super::backend::AnyConn;
use super::error::DbError;
use super::grants::{StatusColumns, status_columns, status_tables};
use super::members;
use super::rows::{Row, StatusRow};
use super::statement::{Bind, Statement};
use super::static_tokens::{TokenColumns, TokenRow};
use super::tx::{GrantContext, Tx};
use crate::domain::ids::{AccountKey, ResourceKey};

/// A user may have this many memberships on their ways up to have them come along.
const MOST_UPWARDS: usize = 100;

/// The columns of a resource that is called `r`, and as JSON the ways up from it, one more than may come along.
macro_rules! resource_columns {
    () => {
        ", r.seq, r.resource_type, r.id, r.version, r.created, r.last_modified, r.document, r.provisioned, r.service_account, \
         CASE WHEN EXISTS (SELECT FROM members WHERE member_seq = r.seq) THEN (SELECT json_agg(json_build_array(w.inside, w.outside, w.id, w.display)) \
         FROM (WITH RECURSIVE inside (seq) AS (SELECT r.seq \
         UNION SELECT m.group_seq FROM inside \
         CROSS JOIN LATERAL (SELECT group_seq FROM members WHERE member_seq = inside.seq OFFSET 0) AS m) \
         SELECT inside.seq AS inside, m.group_seq AS outside, u.id, u.display FROM inside \
         CROSS JOIN LATERAL (SELECT group_seq FROM members WHERE member_seq = inside.seq OFFSET 0) AS m \
         CROSS JOIN LATERAL (SELECT id, display, account FROM resources WHERE seq = m.group_seq OFFSET 0) AS u \
         WHERE u.account = g.account LIMIT 101) AS w)::text END, r.rules, r.rules_version, r.named"
    };
}

macro_rules! with_id {
    () => {
        " LEFT JOIN LATERAL (SELECT *, FALSE AS service_account, NULL AS rules, NULL::bigint AS rules_version, NULL AS named FROM resources WHERE account = g.account AND id = ? OFFSET 0) AS r ON TRUE"
    };
}

macro_rules! locked {
    ($named:literal) => {
        concat!(
            " LEFT JOIN LATERAL (SELECT u.*, COALESCE((SELECT l.service_account FROM logins AS l WHERE l.resource = u.seq), FALSE) AS service_account, \
             (SELECT s.rules FROM access_rules AS s WHERE s.account = g.account) AS rules, \
             (SELECT s.version FROM access_rules AS s WHERE s.account = g.account) AS rules_version, ",
            $named,
            " AS named FROM resources AS u WHERE u.account = g.account AND u.id = ? FOR NO KEY UPDATE OF u) AS r ON TRUE"
        )
    };
}

macro_rules! locked_alone {
    () => {
        locked!("NULL")
    };
}

macro_rules! locked_group {
    () => {
        locked!(
            "(SELECT json_agg(json_build_array(m.id, m.seq, m.resource_type, m.display)) FROM json_array_elements_text(?::json) AS wanted \
             CROSS JOIN LATERAL (SELECT id, seq, resource_type, display FROM resources \
             WHERE account = g.account AND id = wanted.value FOR KEY SHARE) AS m)::text"
        )
    };
}

/// No resource, and the lock of the account's names.
macro_rules! sharing_names {
    () => {
        " CROSS JOIN LATERAL (SELECT pg_advisory_xact_lock_shared(73052, (g.account % 2147483647)::int)) AS shared \
         LEFT JOIN LATERAL (SELECT *, FALSE AS service_account, NULL AS rules, NULL::bigint AS rules_version, NULL AS named FROM resources WHERE FALSE) AS r ON TRUE"
    };
}

/// Of two resources that have had one name since before that was refused, both.
macro_rules! with_user_name {
    () => {
        " LEFT JOIN LATERAL (SELECT n.*, FALSE AS service_account, NULL AS rules, NULL::bigint AS rules_version, NULL AS named FROM (SELECT resource FROM attribute_values WHERE account = g.account AND attribute = ? AND key = ? \
         ORDER BY resource LIMIT 2) AS v CROSS JOIN LATERAL (SELECT * FROM resources WHERE seq = v.resource OFFSET 0) AS n) AS r ON TRUE"
    };
}

/// A token of a grant, with what is wanted.
macro_rules! of_grant {
    ($wanted:expr) => {
        concat!(
            "SELECT ",
            status_columns!(
                "(SELECT t.expires FROM revoked_tokens AS t WHERE t.id = ?), (SELECT t.expires FROM revoked_tokens AS t WHERE t.id = ?)"
            ),
            resource_columns!(),
            status_tables!(),
            $wanted,
            " WHERE g.seq = ? AND a.deleted IS NULL"
        )
    };
}

/// A static token, with what is wanted.
macro_rules! of_static_token {
    ($wanted:expr) => {
        concat!(
            "SELECT ",
            status_columns!("CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)"),
            ", s.id, s.scope, s.created, s.expires, s.last_used, c.scopes",
            resource_columns!(),
            " FROM static_tokens AS s JOIN grants AS g ON g.seq = s.grant_seq JOIN clients AS c ON c.seq = g.client \
             JOIN accounts AS a ON a.seq = g.account LEFT JOIN resources AS o ON o.seq = g.owner",
            $wanted,
            " WHERE s.fingerprint = ? AND a.deleted IS NULL"
        )
    };
}

const GRANT_AND_ID: &str = of_grant!(with_id!());
const GRANT_AND_USER_NAME: &str = of_grant!(with_user_name!());
const GRANT_AND_LOCKED: &str = of_grant!(locked_alone!());
const GRANT_AND_GROUP: &str = of_grant!(locked_group!());
const STATIC_TOKEN_AND_GROUP: &str = of_static_token!(locked_group!());
const GRANT_AND_NAMES: &str = of_grant!(sharing_names!());
const STATIC_TOKEN_AND_NAMES: &str = of_static_token!(sharing_names!());
const STATIC_TOKEN_AND_LOCKED: &str = of_static_token!(locked_alone!());
const STATIC_TOKEN_AND_ID: &str = of_static_token!(with_id!());
const STATIC_TOKEN_AND_USER_NAME: &str = of_static_token!(with_user_name!());

type ResourceColumns = (
    (Nullable<BigInt>, Nullable<SmallInt>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>),
    (Nullable<Text>, Nullable<Bool>, Nullable<Bool>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>),
    Nullable<Text>,
);
type ResourceRow = (
    (Option<i64>, Option<i16>, Option<String>, Option<i64>, Option<i64>, Option<i64>),
    (Option<String>, Option<bool>, Option<bool>, Option<String>, Option<String>, Option<i64>),
    Option<String>,
);

/// A token as it was found, and the account and client of its grant.
type Found = (FoundToken, Option<GrantContext>);

impl Wanted {
    fn binds(&self) -> Result<Vec<Bind>, DbError> {
        Ok(match self {
            Wanted::Id(id) | Wanted::Locked(id) => vec![Bind::Text(id.to_string())],
            Wanted::LockedGroup(id, named) => {
                let named: Vec<&str> = named.iter().map(Id::as_str).collect();
                vec![Bind::list(&named)?, Bind::Text(id.to_string())]
            }
            Wanted::NewUser => Vec::new(),
            Wanted::UserName(key) => vec![Bind::number(AttributeKey::user_name().0), Bind::Text(key.clone())],
        })
    }
}

impl Tx<'_> {
    /// What the token that is looked up next is shown for.
    pub(crate) fn will_ask_for(&mut self, wanted: Option<Wanted>) {
        (self.wanted, self.ahead) = (wanted, None);
    }

    /// Looks up a token together with what is wanted, where that saves a statement; `None`: it is to be looked up by itself.
    pub(super) fn find_token_and_wanted(&mut self, token: &LookUp) -> Result<Option<Found>, DbError> {
        let Some(wanted) = self.wanted.take().filter(|wanted| self.may_bring_along(wanted)) else { return Ok(None) };
        match token {
            LookUp::Grant(grant, token, response) => {
                let text = match wanted {
                    Wanted::Id(_) => GRANT_AND_ID,
                    Wanted::UserName(_) => GRANT_AND_USER_NAME,
                    Wanted::Locked(_) => GRANT_AND_LOCKED,
                    Wanted::LockedGroup(..) => GRANT_AND_GROUP,
                    Wanted::NewUser => GRANT_AND_NAMES,
                };
                let revoked = [token, response].map(|id| Bind::Bytes(id.0.to_vec())).to_vec();
                let binds = [revoked, wanted.binds()?, vec![Bind::number(grant.0)]].concat();
                let statement = Statement::<(StatusColumns, ResourceColumns)>::new(text, binds);
                let rows: Vec<(StatusRow, ResourceRow)> = match wanted {
                    Wanted::Locked(_) | Wanted::LockedGroup(..) | Wanted::NewUser => statement.load(self.conn)?,
                    Wanted::Id(_) | Wanted::UserName(_) => statement.load_as_it_is(self.conn)?,
                };
                let (status, found): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
                let Some(status) = status.into_iter().next() else { return Ok(None) };
                let (status, context) = self.status_of(status)?;
                self.bring_along(context.account.seq, wanted, found)?;
                Ok(Some((FoundToken::Status(status), Some(context))))
            }
            LookUp::StaticToken(fingerprint) => {
                let text = match wanted {
                    Wanted::Id(_) => STATIC_TOKEN_AND_ID,
                    Wanted::UserName(_) => STATIC_TOKEN_AND_USER_NAME,
                    Wanted::Locked(_) => STATIC_TOKEN_AND_LOCKED,
                    Wanted::LockedGroup(..) => STATIC_TOKEN_AND_GROUP,
                    Wanted::NewUser => STATIC_TOKEN_AND_NAMES,
                };
                let binds = [wanted.binds()?, vec![Bind::Bytes(fingerprint.as_bytes().to_vec())]].concat();
                let statement = Statement::<((StatusColumns, TokenColumns), ResourceColumns)>::new(text, binds);
                let rows: Vec<((StatusRow, TokenRow), ResourceRow)> = match wanted {
                    Wanted::Locked(_) | Wanted::LockedGroup(..) | Wanted::NewUser => statement.load(self.conn)?,
                    Wanted::Id(_) | Wanted::UserName(_) => statement.load_as_it_is(self.conn)?,
                };
                let (tokens, found): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
                let Some(token) = tokens.into_iter().next() else { return Ok(None) };
                let (token, context) = self.static_token_of(token)?;
                self.bring_along(context.account.seq, wanted, found)?;
                Ok(Some((FoundToken::StaticToken(token), Some(context))))
            }
        }
    }

    /// Whether this is PostgreSQL, and a reading unit of work of which nothing was asked yet; or one that may change the resource it locks.
    fn may_bring_along(&self, wanted: &Wanted) -> bool {
        let AnyConn::Postgres(session) = &*self.conn else { return false };
        match wanted {
            Wanted::Id(_) | Wanted::UserName(_) => session.owes(),
            Wanted::Locked(_) | Wanted::LockedGroup(..) | Wanted::NewUser => self.runs_again && !self.reads,
        }
    }

    /// How much was asked on this connection, if it is one to PostgreSQL.
    pub(super) fn asked(&self) -> Option<u64> {
        match &*self.conn {
            AnyConn::Postgres(session) => Some(session.asked()),
            AnyConn::Sqlite(_) => None,
        }
    }

    fn bring_along(&mut self, account: AccountKey, wanted: Wanted, found: Vec<ResourceRow>) -> Result<(), DbError> {
        // Two of one name are looked up by themselves.
        let Ok([found]) = <[ResourceRow; 1]>::try_from(found) else { return Ok(()) };
        self.shares_names = wanted == Wanted::NewUser;
        let Some(asked) = self.asked() else { return Ok(()) };
        let (
            (seq, kind, id, version, created, last_modified),
            (document, provisioned, service_account, upwards, rules, edition),
            named,
        ) = found;
        if matches!(wanted, Wanted::Locked(_) | Wanted::LockedGroup(..)) && seq.is_some() {
            self.rules = Some((account, rules.zip(edition)));
        }
        let about = (provisioned == Some(true), service_account == Some(true));
        let row = match (seq, kind, id, version, created.zip(last_modified), document) {
            (Some(seq), Some(kind), Some(id), Some(version), Some((created, last_modified)), Some(document)) => {
                Some(Row::of(ResourceKey::of_row(seq), (kind, id), (version, created, last_modified), document))
            }
            _ => None,
        };
        let upwards = members::upwards_of(upwards.as_deref())?;
        let upwards = (upwards.len() <= MOST_UPWARDS).then_some(upwards);
        let named = named.map(|json| named_in(&json)).transpose()?;
        self.ahead = Some(Ahead { account, wanted, row, about, named, upwards, asked });
        Ok(())
    }

    /// What came along, as long as nothing else was asked.
    fn at_hand(&self, account: AccountKey) -> Option<&Ahead> {
        self.ahead.as_ref().filter(|ahead| ahead.account == account && Some(ahead.asked) == self.asked())
    }

    /// The resource with this id, if it is known whether there is one.
    pub(super) fn ahead_with_id(&self, account: AccountKey, id: &Id) -> Option<Option<Row>> {
        let ahead = self.at_hand(account)?;
        matches!(&ahead.wanted, Wanted::Id(wanted) if wanted == id).then(|| ahead.row.clone())
    }

    /// The locked resource with this id, and what is known about it; if it is known whether there is one.
    pub(super) fn ahead_locked(&self, account: AccountKey, id: &Id) -> Option<Option<(Row, (bool, bool))>> {
        let ahead = self.at_hand(account)?;
        let is_wanted =
            matches!(&ahead.wanted, Wanted::Locked(wanted) | Wanted::LockedGroup(wanted, _) if wanted == id);
        is_wanted.then(|| ahead.row.clone().map(|row| (row, ahead.about)))
    }

    /// The resource whose `userName` has this key, if it is known whether there is one.
    pub(super) fn ahead_named(&self, account: AccountKey, attribute: AttributeKey, key: &str) -> Option<Option<Row>> {
        let ahead = self.at_hand(account)?;
        let is_wanted = attribute == AttributeKey::user_name()
            && matches!(&ahead.wanted, Wanted::UserName(wanted) if wanted == key);
        is_wanted.then(|| ahead.row.clone())
    }

    /// What these ids stand for, if all were named with the group.
    pub(super) fn ahead_named_ids(&self, account: AccountKey, ids: &[Id]) -> Option<Vec<(Handle, Member)>> {
        let ahead = self.at_hand(account)?;
        let Wanted::LockedGroup(_, asked) = &ahead.wanted else { return None };
        let named = ahead.named.as_ref()?;
        if ahead.row.is_none() || !ids.iter().all(|id| asked.contains(id)) {
            return None;
        }
        let member = |id: &Id| {
            let (seq, kind, display) = named.get(id)?;
            let member = Member { id: id.clone(), resource_type: ResourceTypeId(*kind), display: display.clone() };
            Some((Handle(*seq), member))
        };
        Some(ids.iter().filter_map(member).collect())
    }

    /// The groups that these are in, if they came along.
    pub(super) fn ahead_groups_of(
        &self,
        account: AccountKey,
        handles: &[Handle],
    ) -> Option<Result<Vec<(Handle, GroupReference)>, DbError>> {
        let ahead = self.at_hand(account)?;
        let (row, upwards) = (ahead.row.as_ref()?, ahead.upwards.as_ref()?);
        match handles {
            [handle] if ResourceKey::from(*handle) == row.seq => Some(members::groups_by(handles, upwards.clone())),
            _ => None,
        }
    }
}

/// Who was named, as it was read as JSON.
fn named_in(json: &str) -> Result<BTreeMap<Id, Named>, DbError> {
    let corrupt = || DbError::Corrupt("who was named with a group".to_owned());
    let rows: Vec<(String, i64, i16, String)> = serde_json::from_str(json).map_err(|_| corrupt())?;
    let named = |(id, seq, kind, display)| Some((Id::new(id)?, (seq, kind, display)));
    rows.into_iter().map(|row: (String, i64, i16, String)| named(row).ok_or_else(corrupt)).collect()
}

//! Grants. Each belongs to an account: that of the user who accepted, or of the client for its own credentials. The grant of a key for all
//! accounts stands in no row of `accounts`: its `account` is 0, the key of no row.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use oauth::bearer::{FoundToken, LookUp};
use oauth::store::Grants;
use oauth::{
    Authentication, ClientId, Delivery, EndReason, Grant, GrantId, GrantState, NewGrant, Scopes, StoreError, Subject,
    TokenId, TokenStatus,
};

use super::authorized_clients::ACCEPTED_SCOPES;
use super::backend::AnyConn;
use super::bulk_revocations::ended;
use super::error::{DbError, unique_violation};
use super::grant_places::of_one;
use super::rows::ClientRow;
pub(super) use super::rows::{GrantRow, StatusRow};
use super::schema::{clients, grants, resources, revoked_tokens};
use super::statement::{Bind, Dialects, Statement, in_account};
use super::tx::{GrantClient, GrantContext, Tx};
use crate::domain::client::ScimOptions;
use crate::domain::ids::{AccountKey, ClientKey, UserKey};
use crate::domain::profiles::Profile;
use crate::domain::tolerances;
use crate::each;
use crate::platform::latest::Latest;
use crate::platform::timestamp::Timestamp;

/// A grant as an operator sees it.
#[derive(Debug, Clone, Queryable)]
pub struct GrantRecord {
    /// Its number.
    pub seq: i64,
    /// Of which account.
    pub account: AccountKey,
    /// The client's public name.
    pub client: String,
    /// The client's name for people.
    pub client_name: String,
    /// The id of the user who accepted.
    pub owner: Option<String>,
    /// What was allowed.
    pub scope: String,
    /// Milliseconds since the epoch.
    pub created: Timestamp,
    /// Milliseconds since the epoch.
    pub ended: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<String>,
    /// Since when its owner is another user than the one who accepted.
    pub rebound: Option<Timestamp>,
}

impl Tx<'_> {
    /// A grant out of its row. Why it ended is read only where it did.
    pub(super) fn grant_of(&mut self, row: GrantRow) -> Result<Grant, DbError> {
        let (of_login, (created, ended, rebound, generation, delivered_at)) = row;
        let (seq, account, client, owner, scope, nonce, auth_time, authentication) = of_login;
        let id = GrantId::within(account, seq);
        let state = match (ended, rebound) {
            (Some(at), _) => GrantState::Ended { at: at.millis(), reason: self.end_reason(id)? },
            (None, Some(at)) => GrantState::Transferred { at: at.millis() },
            (None, None) => GrantState::Open,
        };
        Ok(Grant {
            id,
            client: ClientId::new(client).ok_or_else(|| DbError::Corrupt(format!("client of grant {seq}")))?,
            subject: owner.map(Subject::new),
            scope: Scopes::parse(&scope).ok_or_else(|| DbError::Corrupt(format!("scope of grant {seq}")))?,
            nonce,
            auth_time: auth_time.map(Timestamp::millis),
            authentication: Authentication::from_stored(authentication.as_deref()),
            created: created.millis(),
            state,
            delivered: generation.zip(delivered_at).map(|(generation, at)| Delivery { generation, at: at.millis() }),
        })
    }
}

thread_local! {
    /// Each request with a token reads those of its client.
    static OPTIONS: Latest<ScimOptions> = const { Latest::new() };
}

fn grant_client((seq, name, profile, options, _): ClientRow) -> Result<GrantClient, DbError> {
    let corrupt = |what: &str| DbError::Corrupt(format!("{what} of client {seq}"));
    let profile = Profile::parse(&profile).ok_or_else(|| corrupt("profile"))?;
    let options =
        OPTIONS.with(|latest| latest.read(&options, ScimOptions::of_client)).map_err(|_| corrupt("options"))?;
    Ok(GrantClient { seq, name, tolerances: tolerances::of_client(profile, &options.tolerances).scim })
}

pub(super) type GrantColumns = (
    (BigInt, BigInt, Text, Nullable<Text>, Text, Nullable<Text>, Nullable<BigInt>, Nullable<Text>),
    (BigInt, Nullable<BigInt>, Nullable<BigInt>, Nullable<Integer>, Nullable<BigInt>),
);

const BY_NUMBER: &str = concat!(
    "SELECT g.seq, g.account, c.id, g.owner_id, g.scope, g.nonce, g.auth_time, g.authentication, g.created, ",
    ended!("e.at", "g.ended"),
    ", g.rebound, g.delivered, g.delivered_at FROM grants AS g JOIN clients AS c ON c.seq = g.client WHERE g.account = ? AND g.seq = ?"
);

/// The plus keeps the planner from going through all grants of the account.
macro_rules! of_client {
    ($account:literal) => {
        concat!(
            "SELECT g.seq, g.account, c.id, g.owner_id, g.scope, g.nonce, g.auth_time, g.authentication, g.created, g.ended, \
             g.rebound, g.delivered, g.delivered_at \
             FROM clients AS c JOIN grants AS g ON g.client = c.seq AND g.owner IS NULL AND g.ended IS NULL WHERE ",
            $account,
            " = ? AND c.id = ?"
        )
    };
}
const OF_CLIENT: &str = of_client!("+g.account");
const OF_CLIENT_THERE: &str = of_client!("g.account");

/// What decides whether a token counts, and the account it opens. `$revoked` are two columns: when the revocation of the token itself may
/// be forgotten, and that of the answer it was issued in.
macro_rules! status_columns {
    ($revoked:literal) => {
        concat!(
            "g.seq, g.account, c.id, g.owner_id, g.scope, g.nonce, g.auth_time, g.authentication, g.created, ",
            $crate::storage::bulk_revocations::ended!("e.at", "g.ended"),
            ", g.rebound, g.delivered, g.delivered_at, c.disabled, g.owner, o.active, ",
            $revoked,
            ", c.seq, c.name, c.profile, c.options, c.recorded_until, COALESCE(a.seq, 0), COALESCE(a.id, ''), COALESCE(a.name, ''), COALESCE(a.product_environments, '[]'), \
             a.default_role, COALESCE(a.created, 0), COALESCE(a.options, '{}'), a.suspended"
        )
    };
}
pub(super) use status_columns;

/// Where these columns come from.
macro_rules! status_tables {
    () => {
        " FROM grants AS g JOIN clients AS c ON c.seq = g.client LEFT JOIN accounts AS a ON a.seq = g.account \
         LEFT JOIN resources AS o ON o.account = g.account AND o.seq = g.owner"
    };
}
pub(super) use status_tables;

/// That the account of the grant is there, or that the grant is of a key for all accounts.
macro_rules! stands {
    () => {
        "a.deleted IS NULL AND (a.seq IS NOT NULL OR g.account = 0)"
    };
}
pub(super) use stands;

/// The types of these columns.
pub(super) type StatusColumns = (GrantColumns, StateColumns, ClientColumns, AccountSqlColumns);
type StateColumns = (Bool, Nullable<BigInt>, Nullable<Bool>, Nullable<BigInt>, Nullable<BigInt>);
type ClientColumns = (BigInt, Text, Text, Text, Nullable<BigInt>);
type AccountSqlColumns = (BigInt, Text, Text, Text, Nullable<Text>, BigInt, Text, Nullable<BigInt>);

const STATUS: &str = concat!(
    "SELECT ",
    status_columns!(
        "(SELECT t.expires FROM revoked_tokens AS t WHERE t.id = ?), (SELECT t.expires FROM revoked_tokens AS t WHERE t.id = ?)"
    ),
    status_tables!(),
    " WHERE g.account = ? AND g.seq = ? AND ",
    stands!()
);

const OF_ACCOUNT: &str = concat!(
    "SELECT g.seq, g.account, c.id, c.name, g.owner_id, g.scope, g.created, ",
    ended!("e.at", "g.ended"),
    ", ",
    ended!("e.reason", "g.end_reason"),
    ", g.rebound FROM grants AS g JOIN clients AS c ON c.seq = g.client WHERE g.account = ? AND g.seq > ? ORDER BY g.seq LIMIT ?"
);

/// Without a join that a deletion would empty.
const WHY_ENDED: &str = concat!(
    "SELECT ",
    ended!("e.reason", "g.end_reason"),
    ", c.seq, CASE WHEN g.account = 0 THEN 0 ELSE a.seq END FROM grants AS g LEFT JOIN clients AS c ON c.seq = g.client \
     LEFT JOIN accounts AS a ON a.seq = g.account AND a.deleted IS NULL WHERE g.account = ? AND g.seq = ?"
);

macro_rules! older {
    ($account:literal, $lock:literal) => {
        concat!(
            "SELECT g.seq FROM grants AS n JOIN grants AS g \
             ON g.client = n.client AND g.account = n.account AND g.seq < n.seq AND g.ended IS NULL WHERE ",
            $account,
            " = ? AND n.seq = ? AND g.owner IS NOT NULL AND ' ' || g.scope || ' ' LIKE '% ' || ? || ' %' AND ",
            ended!("e.at", "g.ended"),
            " IS NULL ORDER BY g.seq DESC",
            $lock
        )
    };
}
const OLDER: Dialects =
    Dialects { sqlite: older!("+n.account", ""), postgres: older!("+n.account", " FOR NO KEY UPDATE OF g") };
const OLDER_THERE: &str = older!("n.account", " FOR NO KEY UPDATE OF g");

const END: &str = "UPDATE grants SET ended = ?, end_reason = ? WHERE account = ? AND seq = ? AND ended IS NULL";

const DELIVER: &str = "UPDATE grants SET delivered = ?, delivered_at = ? WHERE account = ? AND seq = ?";

const IN_LIVING_ACCOUNT: &str = concat!(
    "SELECT g.seq FROM grants AS g LEFT JOIN accounts AS a ON a.seq = g.account WHERE g.account = ? AND g.seq = ? AND ",
    stands!()
);

const IS_WITHIN_REACH: &str = "SELECT CASE WHEN c.account IS NULL OR c.account = g.account THEN 1 ELSE 0 END \
     FROM clients AS c CROSS JOIN grants AS g WHERE c.id = ? AND g.account = ? AND g.seq = ?";

impl Tx<'_> {
    /// The owner of a new grant, who stays as they are until this unit of work ends: a deactivation comes before, and is seen here,
    /// or after, and ends the grant.
    fn owner_to_be(
        &mut self,
        subject: &Subject,
        account: Option<AccountKey>,
    ) -> Result<(AccountKey, UserKey), DbError> {
        let account = match account {
            Some(account) => account,
            // A client of all accounts: whose user it is, is not known yet.
            None => {
                let owner = resources::table.filter(resources::id.eq(subject.as_str())).select(resources::account);
                each!(&mut *self.conn, c => owner.get_result(c))?
            }
        };
        let owner = resources::table
            .filter(resources::account.eq(account))
            .filter(resources::id.eq(subject.as_str()))
            .select((resources::seq, resources::active));
        let (seq, active): (UserKey, bool) = match &mut *self.conn {
            AnyConn::Postgres(c) => owner.for_share().get_result(c.begun())?,
            AnyConn::Sqlite(c) => owner.get_result(c)?,
        };
        // Deactivated a moment ago: the unit of work is run again, and finds out by itself.
        if active { Ok((account, seq)) } else { Err(DbError::LostRace) }
    }

    /// Makes the exchanges of one grant take turns.
    pub(super) fn hold_grant(&mut self, id: GrantId) -> Result<(), DbError> {
        let account = self.place_of(id)?;
        if let AnyConn::Postgres(c) = &mut *self.conn {
            let _: Option<i64> = grants::table
                .filter(grants::account.eq(account))
                .filter(grants::seq.eq(id.number))
                .select(grants::seq)
                .for_no_key_update()
                .get_result(c.begun())
                .optional()?;
        }
        Ok(())
    }

    /// Ends a grant, if it has not ended: one small write, however many tokens it has.
    pub fn end_grant_for(&mut self, id: GrantId, now: Timestamp, reason: EndReason) -> Result<bool, DbError> {
        let account = self.place_of(id)?;
        let binds = vec![Bind::Number(now.millis()), Bind::Text(reason.as_str().to_owned()), Bind::Number(id.number)];
        let has_ended = Statement::<()>::of_account(END, account, binds).execute(self.conn)? > 0;
        if has_ended {
            let event = oauth::Event::GrantEnded { grant: id, reason };
            self.raise(now, None, event);
        }
        Ok(has_ended)
    }

    /// What decides about a token, and the account and client of its grant.
    pub(super) fn status_of(&mut self, row: StatusRow) -> Result<(TokenStatus, GrantContext), DbError> {
        let (row, (client_disabled, owner, active, revoked, superseded), client, account) = row;
        self.note_recorded(client.4, (client.0, &row.0.2), Some(row.0.0));
        let account = of_one(account.0).map(|_| self.account_from(account)).transpose()?;
        let context = GrantContext { account, client: grant_client(client)? };
        self.of_token.clone_from(&context.account);
        self.of_grant = Some(GrantId::within(row.0.1, row.0.0));
        let status = TokenStatus {
            grant: self.grant_of(row)?,
            client_disabled,
            account_suspended: context.account.as_ref().is_some_and(|account| account.suspended.is_some()),
            owner_active: owner.is_none() || active == Some(true),
            token_revoked: revoked.is_some(),
            answer_superseded: superseded.is_some(),
        };
        Ok((status, context))
    }

    /// Looks up an access token with the account and client of its grant: one query, unless the token is refused.
    pub(crate) fn find_token(&mut self, wanted: &LookUp) -> Result<(FoundToken, Option<GrantContext>), DbError> {
        if let Some(found) = self.find_token_and_wanted(wanted)? {
            return Ok(found);
        }
        match wanted {
            LookUp::Grant(grant, token, response) => Ok(match self.find_status(*grant, token, response)? {
                Some((status, context)) => (FoundToken::Status(status), Some(context)),
                None => (FoundToken::Nothing(self.end_reason(*grant)?), None),
            }),
            LookUp::StaticToken(fingerprint) => Ok(match self.find_static_token(fingerprint)? {
                Some((token, context)) => (FoundToken::StaticToken(token), Some(context)),
                None => (FoundToken::Nothing(None), None),
            }),
        }
    }

    fn find_status(
        &mut self,
        id: GrantId,
        token: &TokenId,
        response: &TokenId,
    ) -> Result<Option<(TokenStatus, GrantContext)>, DbError> {
        let account = self.place_of(id)?;
        let binds = vec![Bind::Bytes(token.0.to_vec()), Bind::Bytes(response.0.to_vec()), Bind::number(id.number)];
        let row = Statement::<StatusColumns>::of_account(STATUS, account, binds).first(self.conn)?;
        row.map(|row| self.status_of(row)).transpose()
    }

    /// Grants of an account in the order they were made.
    pub fn grants_after(&mut self, account: AccountKey, after: i64, limit: i64) -> Result<Vec<GrantRecord>, DbError> {
        type Columns = (
            BigInt,
            BigInt,
            Text,
            Text,
            Nullable<Text>,
            Text,
            BigInt,
            Nullable<BigInt>,
            Nullable<Text>,
            Nullable<BigInt>,
        );
        let binds = vec![Bind::number(account), Bind::number(after), Bind::number(limit)];
        Statement::<Columns>::new(OF_ACCOUNT, binds).load(self.conn)
    }

    /// Whether there is such a grant in an account that is not deleted.
    pub fn grant_exists(&mut self, id: GrantId) -> Result<bool, DbError> {
        let (account, number) = (self.place_of(id)?, vec![Bind::number(id.number)]);
        let found: Option<i64> =
            Statement::<BigInt>::of_account(IN_LIVING_ACCOUNT, account, number).first(self.conn)?;
        Ok(found.is_some())
    }
}

impl oauth::store::Grants for Tx<'_> {
    fn create_grant(&mut self, new: &NewGrant) -> Result<GrantId, StoreError> {
        let client =
            clients::table.filter(clients::id.eq(new.client.as_str())).select((clients::seq, clients::account));
        let (client, of_client): (ClientKey, Option<AccountKey>) =
            each!(&mut *self.conn, c => client.get_result(c)).map_err(DbError::from)?;
        let (account, owner) = match &new.subject {
            Some(subject) => {
                let (account, seq) = self.owner_to_be(subject, of_client)?;
                (account, Some(seq))
            }
            // Of the clients without an account, only keys for all accounts get this far.
            None => (of_client.unwrap_or(AccountKey::NO_ROW), None),
        };
        let row = (
            grants::client.eq(client),
            grants::account.eq(account),
            grants::owner.eq(owner),
            grants::owner_id.eq(new.subject.as_ref().map(Subject::as_str)),
            grants::scope.eq(new.scope.to_string()),
            grants::nonce.eq(&new.nonce),
            grants::auth_time.eq(new.auth_time),
            grants::authentication.eq(new.authentication.to_stored()),
            grants::created.eq(new.created),
        );
        let inserted = each!(&mut *self.conn, c => diesel::insert_into(grants::table)
            .values(row)
            .returning(grants::seq)
            .get_result::<i64>(c));
        match inserted {
            Ok(seq) => Ok(GrantId::within(account.into(), seq)),
            // Another replica made the client's standing grant at the same moment: the unit of work is run again.
            Err(error) if unique_violation(&error).is_some() => Err(DbError::LostRace.into()),
            Err(error) => Err(DbError::from(error).into()),
        }
    }

    fn is_within_reach(&mut self, client: &ClientId, grant: GrantId) -> Result<bool, StoreError> {
        // Both were read just now, as a rule.
        let asker = self.asker.as_ref().filter(|(id, _)| id == client.as_str()).map(|(_, account)| *account);
        if let (Some(asker), Some(account)) = (asker, self.account_of_token(grant)) {
            return Ok(asker.is_none() || asker == account.map(|account| account.seq));
        }
        let account = self.place_of(grant)?;
        let binds = vec![Bind::Text(client.as_str().to_owned()), Bind::number(grant.number)];
        let found: Option<i32> = Statement::<Integer>::of_account(IS_WITHIN_REACH, account, binds).first(self.conn)?;
        Ok(found == Some(1))
    }

    fn grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let (account, number) = (self.place_of(id)?, vec![Bind::number(id.number)]);
        let row = Statement::<GrantColumns>::of_account(BY_NUMBER, account, number).first(self.conn)?;
        Ok(row.map(|row| self.grant_of(row)).transpose()?)
    }

    fn lock_grant(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.hold_grant(id)?;
        self.grant(id)
    }

    fn client_grant(&mut self, client: &ClientId) -> Result<Option<Grant>, StoreError> {
        if let Some(grant) = self.found_own_grant(client)? {
            return Ok(Some(grant));
        }
        let asker = self.asker.as_ref().filter(|(id, _)| id == client.as_str()).map(|(_, account)| *account);
        let account = match asker {
            Some(account) => account,
            None => {
                let query = clients::table.filter(clients::id.eq(client.as_str())).select(clients::account);
                let found: Option<Option<AccountKey>> =
                    each!(&mut *self.conn, c => query.get_result(c).optional()).map_err(DbError::from)?;
                found.flatten()
            }
        };
        let (account, of) = (account.unwrap_or(AccountKey::NO_ROW), vec![Bind::Text(client.as_str().to_owned())]);
        let row = Statement::<GrantColumns>::of_account(self.or_there(OF_CLIENT, OF_CLIENT_THERE), account, of)
            .first(self.conn)?;
        Ok(row.map(|row| self.grant_of(row)).transpose()?)
    }

    /// The scope of each standing grant that this person gave this client, the latest first; not more than a hundred.
    fn accepted_scopes(&mut self, client: &ClientId, owner: &Subject) -> Result<Vec<Scopes>, StoreError> {
        let binds = vec![Bind::Text(owner.as_str().to_owned()), Bind::Text(client.as_str().to_owned())];
        let rows: Vec<String> = Statement::<Text>::new(ACCEPTED_SCOPES, binds).load(self.conn)?;
        Ok(rows.iter().map(|scope| oauth::store::scopes_from_stored(scope)).collect())
    }

    /// Locked from the newest to the oldest, as every unit of work does that locks several.
    fn older_grants(&mut self, grant: &Grant, scope: &str) -> Result<Vec<GrantId>, StoreError> {
        let account = self.place_of(grant.id)?;
        let binds = vec![Bind::number(grant.id.number), Bind::Text(scope.to_owned())];
        let older: Vec<i64> =
            Statement::<BigInt>::of_account(OLDER.or_everywhere(self.conn, OLDER_THERE), account, binds)
                .load(self.conn)?;
        Ok(older.into_iter().map(|number| GrantId::within(account.into(), number)).collect())
    }

    /// Keeps what a client is known to have received.
    fn deliver(&mut self, id: GrantId, delivery: Delivery) -> Result<(), StoreError> {
        let account = self.place_of(id)?;
        let binds = vec![Bind::number(delivery.generation), Bind::Number(delivery.at), Bind::Number(id.number)];
        Ok(Statement::<()>::put_off(self.conn, DELIVER, in_account(DELIVER, account, binds))?)
    }

    fn end_grant(&mut self, id: GrantId, now: i64, reason: EndReason) -> Result<(), StoreError> {
        self.end_grant_for(id, Timestamp::of_millis(now), reason)?;
        Ok(())
    }

    /// Why a grant counts no more, where that is known.
    fn end_reason(&mut self, id: GrantId) -> Result<Option<EndReason>, StoreError> {
        type Columns = (Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>);
        let (place, number) = (self.place_of(id)?, vec![Bind::number(id.number)]);
        let row: Option<(Option<String>, Option<i64>, Option<i64>)> =
            Statement::<Columns>::of_account(WHY_ENDED, place, number).first(self.conn)?;
        Ok(row.and_then(|(recorded, client, account)| match (account, client) {
            (None, _) => Some(EndReason::AccountDeleted),
            (_, None) => Some(EndReason::ClientDeleted),
            _ => recorded.as_deref().and_then(EndReason::recorded),
        }))
    }
}

impl oauth::store::AccessTokens for Tx<'_> {
    /// What decides whether an access token counts, in one look-up, with the account it opens.
    fn token_status(
        &mut self,
        id: GrantId,
        token: &TokenId,
        response: &TokenId,
    ) -> Result<Option<TokenStatus>, StoreError> {
        if let Some(status) = self.found_status((id, token, response))? {
            return Ok(Some(status));
        }
        Ok(self.find_status(id, token, response)?.map(|(status, _)| status))
    }

    fn revoke_token(&mut self, token: &TokenId, expires: i64) -> Result<(), StoreError> {
        let row = (revoked_tokens::id.eq(token.0.as_slice()), revoked_tokens::expires.eq(expires));
        each!(&mut *self.conn, c => diesel::insert_into(revoked_tokens::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))
        .map_err(DbError::from)?;
        Ok(())
    }
}

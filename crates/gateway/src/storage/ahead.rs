//! What a request will ask for beside its token, asked for in the same statement.
//!
//! On PostgreSQL a statement costs what a round trip costs. The request says what it is about before its token is looked up
//! ([`Tx::will_ask_for`]); the look-up then brings that along, and the store's methods find it at hand: the order of questions stays the
//! protocol's, and none is answered before the token was judged. A unit of work that needs nothing else sends this statement alone, which
//! is a snapshot by itself; one that goes on begins its transaction, and asks again there. On SQLite it is one statement of three, where
//! nothing is locked.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};
use oauth::bearer::{FoundToken, LookUp};
use scim::resource::{GroupReference, Member};
use scim::schema::ResourceTypeId;
use scim::store::Handle;
use scim::{AttributeKey, Id, SearchKey};

use super::along::{Ahead, Named, Question, Reply, Wanted};
use super::backend::AnyConn;
use super::error::DbError;
use super::grants::StatusColumns;
use super::members;
use super::rows::{AlongRow, Row, StatusRow, TokenRow};
use super::statement::{Bind, Statement};
use super::static_tokens::TokenColumns;
use super::tx::{GrantContext, Tx};
use crate::domain::ids::{AccountKey, ResourceKey};

mod lists;
pub(super) mod texts;

use texts::{ALONE, AWAITED, FREE, texts};

/// A user may have this many memberships on their ways up to have them come along.
const MOST_UPWARDS: usize = 100;

/// The types of the columns of an [`AlongRow`].
pub(super) type ResourceColumns = (
    (Nullable<BigInt>, Nullable<SmallInt>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>),
    (Nullable<Text>, Nullable<Bool>, Nullable<Bool>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>),
    Nullable<Text>,
);
/// A token as it was found, and the account and client of its grant.
type Found = (FoundToken, Option<GrantContext>);

impl Wanted {
    /// Whether nothing is locked for it.
    pub(super) fn is_read_only(&self) -> bool {
        matches!(self, Wanted::Id(_) | Wanted::UserName(_) | Wanted::List(..))
    }

    /// Whether it is one thing, which may be looked up with those of others, and not a page.
    pub(crate) fn is_one(&self) -> bool {
        !matches!(self, Wanted::List(..))
    }

    /// The id of the resource that is locked for it.
    pub(super) fn locked(&self) -> Option<&Id> {
        match self {
            Wanted::Locked(id) | Wanted::Leaving(id) | Wanted::LockedGroup(id, _) => Some(id),
            Wanted::Id(_) | Wanted::UserName(_) | Wanted::List(..) | Wanted::NewUser(..) => None,
        }
    }

    fn binds(&self) -> Result<Vec<Bind>, DbError> {
        Ok(match self {
            Wanted::Id(id) | Wanted::Locked(id) | Wanted::Leaving(id) => vec![Bind::Text(id.to_string())],
            Wanted::LockedGroup(id, named) => {
                let named: Vec<&str> = named.iter().map(Id::as_str).collect();
                vec![Bind::list(&named)?, Bind::Text(id.to_string())]
            }
            Wanted::List(kind, key) => vec![Bind::Bytes(key.0.to_vec()), Bind::number(kind.0)],
            Wanted::NewUser(names, awaited) => vec![Bind::Text(as_json(names, awaited)); 2],
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
        if let Wanted::List(..) = wanted {
            return self.find_token_and_list(token, wanted);
        }
        let Some(texts) = texts(&wanted, self.conn) else { return Ok(None) };
        let told = self.told(Question::Token(token.clone(), wanted.clone()))?;
        match token {
            LookUp::Grant(grant, token, response) => {
                let rows: Vec<(StatusRow, AlongRow)> = match told {
                    Some(Reply::Grant(rows)) => rows,
                    _ => {
                        let account = self.place_of(*grant)?;
                        let revoked = [token, response].map(|id| Bind::Bytes(id.0.to_vec())).to_vec();
                        let binds = [revoked, wanted.binds()?, vec![Bind::number(grant.number)]].concat();
                        let statement =
                            Statement::<(StatusColumns, ResourceColumns)>::of_account(texts.grant, account, binds);
                        match wanted.is_read_only() {
                            true => statement.load_as_it_is(self.conn)?,
                            false => statement.load(self.conn)?,
                        }
                    }
                };
                let (status, found): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
                let Some(status) = status.into_iter().next() else { return Ok(None) };
                let (status, context) = self.status_of(status)?;
                if let Some(account) = &context.account {
                    self.bring_along(account.seq, wanted, found)?;
                }
                Ok(Some((FoundToken::Status(status), Some(context))))
            }
            LookUp::StaticToken(fingerprint) => {
                let binds = [wanted.binds()?, vec![Bind::Bytes(fingerprint.as_bytes().to_vec())]].concat();
                let statement =
                    Statement::<((StatusColumns, TokenColumns), ResourceColumns)>::new(texts.static_token, binds);
                let rows: Vec<((StatusRow, TokenRow), AlongRow)> = match (told, wanted.is_read_only()) {
                    (Some(Reply::StaticToken(rows)), _) => rows,
                    (_, true) => statement.load_as_it_is(self.conn)?,
                    (_, false) => statement.load(self.conn)?,
                };
                let (tokens, found): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
                let Some(token) = tokens.into_iter().next() else { return Ok(None) };
                let (token, context) = self.static_token_of(token)?;
                if let Some(account) = &context.account {
                    self.bring_along(account.seq, wanted, found)?;
                }
                Ok(Some((FoundToken::StaticToken(token), Some(context))))
            }
        }
    }

    /// Whether this is a unit of work that reads, on PostgreSQL one of which nothing was asked yet; or one that may change what it locks.
    fn may_bring_along(&self, wanted: &Wanted) -> bool {
        match &*self.conn {
            AnyConn::Postgres(session) if wanted.is_read_only() => session.owes() && !session.is_spread(),
            AnyConn::Postgres(session) => self.runs_again && !self.reads && !session.is_spread(),
            AnyConn::Sqlite(_) => self.reads && wanted.is_read_only(),
        }
    }

    /// How much was asked on this connection. What SQLite reads is of one snapshot, however much that is.
    pub(super) fn asked(&self) -> Option<u64> {
        match &*self.conn {
            AnyConn::Postgres(session) => Some(session.asked()),
            AnyConn::Sqlite(_) => self.reads.then_some(0),
        }
    }

    fn bring_along(&mut self, account: AccountKey, wanted: Wanted, found: Vec<AlongRow>) -> Result<(), DbError> {
        // Two of one name are looked up by themselves.
        let Ok([found]) = <[AlongRow; 1]>::try_from(found) else { return Ok(()) };
        let is_new = matches!(wanted, Wanted::NewUser(..));
        self.shares_names = is_new;
        let Some(asked) = self.asked() else { return Ok(()) };
        let (
            (seq, kind, id, version, created, last_modified),
            (document, provisioned, service_account, upwards, rules, edition),
            named,
        ) = found;
        let is_locked = wanted.locked().is_some() && seq.is_some();
        if is_locked || is_new {
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
        let reserved = seq.filter(|_| is_new && named.as_deref() == Some(FREE)).map(ResourceKey::of_row);
        let is_free = is_new && matches!(named.as_deref(), Some(FREE | AWAITED));
        let is_leaving = matches!(wanted, Wanted::Leaving(_));
        let names_alone = is_leaving && named.as_deref() == Some(ALONE);
        let named = named.filter(|_| !is_new && !is_leaving).map(|json| named_in(&json)).transpose()?;
        let listed = None;
        self.ahead =
            Some(Ahead { account, wanted, row, about, is_free, reserved, names_alone, named, listed, upwards, asked });
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
        let is_wanted = ahead.wanted.locked() == Some(id);
        is_wanted.then(|| ahead.row.clone().map(|row| (row, ahead.about)))
    }

    /// Whether this resource is held for its deletion, is in no group as far as is known, and no users share a name.
    pub(super) fn ahead_leaves_alone(&self, account: AccountKey, id: &Id) -> bool {
        self.at_hand(account).is_some_and(|ahead| {
            let is_held = ahead.row.is_some() && matches!(&ahead.wanted, Wanted::Leaving(wanted) if wanted == id);
            is_held && ahead.names_alone && ahead.upwards.as_ref().is_some_and(Vec::is_empty)
        })
    }

    /// The resource whose `userName` has this key, if it is known whether there is one.
    pub(super) fn ahead_named(&self, account: AccountKey, attribute: AttributeKey, key: &str) -> Option<Option<Row>> {
        let ahead = self.at_hand(account)?;
        let is_wanted = attribute == AttributeKey::user_name()
            && matches!(&ahead.wanted, Wanted::UserName(wanted) if wanted == key);
        is_wanted.then(|| ahead.row.clone())
    }

    /// Whether it is known that no one has one of these keys of names.
    pub(super) fn ahead_are_free(&self, account: AccountKey, keys: &[SearchKey]) -> bool {
        let Some(Ahead { wanted: Wanted::NewUser(names, _), is_free: true, .. }) = self.at_hand(account) else {
            return false;
        };
        keys.iter().all(|key| names.contains(key))
    }

    /// The number for a user with these keys for whom groups may wait by these names, if it is known that no one has one of their names or of
    /// what only one may have, and that no group waits. It is given once.
    pub(super) fn take_reserved(
        &mut self,
        account: AccountKey,
        keys: &[SearchKey],
        names: &[String],
    ) -> Option<ResourceKey> {
        let Some(Ahead { wanted: Wanted::NewUser(asked, awaited), .. }) = self.at_hand(account) else { return None };
        let of_names = [AttributeKey::user_name(), AttributeKey::external_id()];
        let is_known = |key: &SearchKey| !key.unique && !of_names.contains(&key.attribute) || asked.contains(key);
        let are_known =
            keys.iter().all(is_known) && !names.is_empty() && names.iter().all(|name| awaited.contains(name));
        self.ahead.as_mut().filter(|_| are_known)?.reserved.take()
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
            let (seq, kind, display, _) = named.get(id)?;
            let member = Member { id: id.clone(), resource_type: ResourceTypeId(*kind), display: display.clone() };
            Some((Handle(*seq), member))
        };
        Some(ids.iter().filter_map(member).collect())
    }

    /// Those of these who are members of this group, or who are not, if all were named with it.
    pub(super) fn ahead_members(
        &self,
        account: AccountKey,
        group: Handle,
        (of, are_members): (&[Handle], bool),
    ) -> Option<Vec<Handle>> {
        let ahead = self.at_hand(account)?;
        let named = ahead.named.as_ref().filter(|_| ahead.row.as_ref().is_some_and(|row| row.seq == group.into()))?;
        let is_member = |handle: &Handle| {
            let known = named.values().find(|(seq, ..)| *seq == handle.0);
            known.map(|(.., is_member)| *is_member)
        };
        let known: Option<Vec<(Handle, bool)>> = of.iter().map(|handle| Some((*handle, is_member(handle)?))).collect();
        let (mut found, _): (Vec<_>, Vec<_>) = known?.into_iter().filter(|(_, is)| *is == are_members).unzip();
        found.sort_unstable();
        Some(found)
    }

    /// Who was named with a group becomes a member or is one no more: from here on it is asked who they are.
    pub(super) fn forget_named(&mut self) {
        if let Some(ahead) = &mut self.ahead {
            ahead.named = None;
        }
    }

    /// The groups that these are in, if they came along.
    pub(super) fn ahead_groups_of(
        &self,
        account: AccountKey,
        handles: &[Handle],
    ) -> Option<Result<Vec<(Handle, GroupReference)>, DbError>> {
        let ahead = self.at_hand(account)?;
        if let Some((page, upwards)) = ahead.listed.as_ref().and_then(|listed| listed.page.as_ref()) {
            let are_there = handles.iter().all(|handle| page.binary_search(&ResourceKey::from(*handle)).is_ok());
            return are_there.then(|| members::groups_by(handles, upwards.clone()));
        }
        let (row, upwards) = (ahead.row.as_ref()?, ahead.upwards.as_ref()?);
        match handles {
            [handle] if ResourceKey::from(*handle) == row.seq => Some(members::groups_by(handles, upwards.clone())),
            _ => None,
        }
    }
}

/// Keys of names as JSON: for each its attribute and the key; without an attribute those by which groups wait.
pub(super) fn as_json(names: &[SearchKey], awaited: &[String]) -> String {
    let pairs = names.iter().map(|name| serde_json::json!([name.attribute.0, name.key]));
    let awaited = awaited.iter().map(|key| serde_json::json!([null, key]));
    pairs.chain(awaited).collect::<serde_json::Value>().to_string()
}

/// Who was named, as it was read as JSON.
fn named_in(json: &str) -> Result<BTreeMap<Id, Named>, DbError> {
    let corrupt = || DbError::Corrupt("who was named with a group".to_owned());
    let rows: Vec<(String, i64, i16, String, bool)> = serde_json::from_str(json).map_err(|_| corrupt())?;
    let named = |(id, seq, kind, display, is_member)| Some((Id::new(id)?, (seq, kind, display, is_member)));
    rows.into_iter().map(|row: (String, i64, i16, String, bool)| named(row).ok_or_else(corrupt)).collect()
}

//! What may come along with a look-up, and what did: see [`ahead`](super::ahead) and [`clients`](super::clients).

use std::collections::BTreeMap;

use oauth::bearer::LookUp;
use oauth::{ClientId, Fingerprint, GrantId, TokenId, TokenStatus};
use scim::schema::ResourceTypeId;
use scim::store::{ListKey, PendingMember};
use scim::{Id, SearchKey};

use super::rows::{AlongRow, ClientValues, GrantRow, RefreshRow, Row, StatusRow, TokenRow, Upward};
use crate::domain::ids::{AccountKey, ResourceKey};

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The resource with this id.
    Id(Id),
    /// The user whose `userName` has this search key.
    UserName(String),
    /// A page of the list of all resources of this type, in the order of creation: what is saved of a walk through it, and how many there
    /// are.
    List(ResourceTypeId, ListKey),
    /// The resource with this id, which is to be changed: no other transaction changes it from here on.
    Locked(Id),
    /// The same of one that is to be deleted: no other transaction makes it a member of a group, either.
    Leaving(Id),
    /// The same of a group that is to be changed, and these resources, which may become its members or be such: they stay until this unit
    /// of work ends.
    LockedGroup(Id, Vec<Id>),
    /// A user who is to be made with names that have these keys: the account's names stay as they are from here on, but for what others add who share them
    /// ([`pending_members`](super::pending_members)). And by which keys groups may wait for them.
    NewUser(Vec<SearchKey>, Vec<String>),
}

/// A resource that was named with a group: its number, type and name, and whether it is a member.
pub(super) type Named = (i64, i16, String, bool);

/// The groups that wait for a user who was just made, asked for with these keys of names.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) keys: Vec<String>,
    pub(super) groups: Vec<PendingMember>,
    /// How much had been asked on the connection by then.
    pub(super) asked: u64,
}

/// What came along for a page of a list.
#[derive(Debug)]
pub(super) struct Listed {
    /// As whom the walk is made.
    pub(super) actor: String,
    /// What is saved of it.
    pub(super) note: Option<Vec<u8>>,
    /// How many resources there are.
    pub(super) total: u64,
    /// Those on the page, as soon as they were read, and all ways up from them.
    pub(super) page: Option<(Vec<ResourceKey>, Vec<Upward>)>,
}

/// What came along with a token.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) account: AccountKey,
    pub(super) wanted: Wanted,
    pub(super) row: Option<Row>,
    /// Whether an identity provider has written it, and whether it is a service account; where it is locked.
    pub(super) about: (bool, bool),
    /// Whether no one has a name that is wanted for who is new.
    pub(super) is_free: bool,
    /// The number for who is new, where no group waits for them either.
    pub(super) reserved: Option<ResourceKey>,
    /// Whether no users of the account share a name; of one who leaves.
    pub(super) names_alone: bool,
    /// Those who were named with a group, by their ids.
    pub(super) named: Option<BTreeMap<Id, Named>>,
    /// For a page of a list.
    pub(super) listed: Option<Listed>,
    /// The ways up from it, unless they are many.
    pub(super) upwards: Option<Vec<Upward>>,
    /// How much had been asked on the connection by then ([`PgSession::asked`](super::pg_session::PgSession::asked)).
    pub(super) asked: u64,
}

/// What a client's request asks after the client itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// The standing grant behind all its tokens of client credentials.
    OwnGrant,
    /// What decides whether this token counts.
    Token(LookUp),
    /// The refresh token with this fingerprint, whose grant is held from here on.
    Refresh(Fingerprint),
}

/// What came along with a client.
#[derive(Debug)]
pub(super) enum Found {
    OwnGrant(ClientId, Box<GrantRow>),
    Token((GrantId, TokenId, TokenId), Box<StatusRow>),
    /// A refresh token with what decides about its grant, which is held; and how much had been asked by then.
    Refresh(Fingerprint, Box<(StatusRow, RefreshRow)>, u64),
    /// The status of a grant that this unit of work holds, and how much had been asked by then.
    Held(TokenStatus, u64),
}

/// What a unit of work that reads asks first, where that may be asked together with what others ask: see [`together`](super::together).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// What decides about this token, and what is wanted beside it.
    Token(LookUp, Wanted),
    /// A client, and what its request will ask for.
    Client(ClientId, Next),
}

/// The answer to a [`Question`].
#[derive(Debug)]
pub(super) enum Reply {
    Grant(Vec<(StatusRow, AlongRow)>),
    StaticToken(Vec<((StatusRow, TokenRow), AlongRow)>),
    OwnGrant(Option<Box<(GrantRow, ClientValues)>>),
    Token(Option<Box<(StatusRow, ClientValues)>>),
}

/// How a unit of work stands to what is asked together.
#[derive(Debug, Default)]
pub(super) enum Asking {
    /// It asks by itself.
    #[default]
    Alone,
    /// Its first question is asked with those of others.
    WithOthers,
    /// What that question was. The unit of work ended for it.
    For(Question),
    /// It is run again, and this was asked for it.
    Told(Question, Reply),
}
